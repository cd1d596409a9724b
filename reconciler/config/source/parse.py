"""Parse the bytes of one YAML file to a strict tree of values with positions.

Does not depend on the meaning of a configuration, or on other files. The tree is built from
libyaml's events in one pass, because a file of 100,000 numbers has half a million of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from yaml.error import MarkedYAMLError
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from reconciler.config.source.builder import Builder, Duplicate, Stop, find_spot
from reconciler.config.source.nodes import Map
from reconciler.diagnostics import Diagnostic


class PurePython(Reader, Scanner, Parser):
    """A parser without libyaml: the same events, about thirty times slower."""

    def __init__(self, data: bytes) -> None:
        Reader.__init__(self, data)
        Scanner.__init__(self)
        Parser.__init__(self)


def load_fastest_parser() -> Callable[[bytes], Any]:
    """Return libyaml's parser, or the slow one where PyYAML was built without libyaml."""
    try:
        from yaml._yaml import CParser
    except ImportError:  # pragma: no cover - depends on how PyYAML was built
        return PurePython
    return CParser


class Document(msgspec.Struct, frozen=True):
    """One file. `complete` is false when the file could not be read to its end.

    `root` then holds the part before.
    """

    file: str
    root: Map
    diagnostics: list[Diagnostic]
    duplicates: list[Duplicate]
    complete: bool = True


def parse_file(data: bytes, file: str, *, parser: Callable[[bytes], Any] | None = None) -> Document:
    """Parse one file; never raises, all problems of its form are in `diagnostics`."""
    builder = Builder(file)

    try:
        data.decode("utf-8")
        builder.tabs(data)
        builder.build((parser or load_fastest_parser())(data).get_event)
    except UnicodeDecodeError as error:
        detail = "Save it as UTF-8; from here on its bytes are something else."
        builder.problem("not_utf8", detail, find_spot(data, error.start))
    except ReaderError as error:
        detail = "It holds a control character that YAML does not allow; remove it."
        builder.problem("yaml_syntax", detail, find_spot(data, error.position))
    except MarkedYAMLError as error:
        builder.syntax(error, data)
    except Stop:
        pass
    else:
        return Document(file, builder.root, builder.diagnostics, builder.duplicates)

    # The cause of an error may be above the place where the parser stopped.
    builder.conflict_markers(data)

    # The rest of the file is missing: keep the complete part, so that its errors are reported too.
    builder.drop_unfinished()
    return Document(file, builder.root, builder.diagnostics, builder.duplicates, complete=False)
