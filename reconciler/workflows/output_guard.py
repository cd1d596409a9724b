"""Refuse an output path that is the state, a file of the configuration or of a secret; return the
configuration if it was read for that.

Raises UsageError before anything is read from Twilio or written. An invalid configuration protects
its files as far as it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from reconciler.config.load.merge import Merged
from reconciler.config.source.nodes import Map, Seq
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError
from reconciler.state.stores.companions import is_same_file, is_state_file, local_path

DEFAULT_STATE = "./state.json"
_NAMES_A_FILE = re.compile(r"""(?<![\w-])(state|include|file)["']?[ \t]*:""")
_ITEM = re.compile(r"^\s*-\s+(\S.*)$")
_WORD = re.compile(r"""[^\s"'\[\]{},]+""")
_LONGEST_LINE = 4096
_MOST_READ = 1 << 20


class Output(msgspec.Struct, frozen=True):
    """A path that a command writes to, and the option that named it.

    `edits`: the command changes files of the configuration on purpose, such as `fmt`; the state
    stays protected.
    """

    path: Path
    option: str
    edits: bool = False


def check_outputs(
    outputs: Sequence[Output], entry: Path, root: Path, variables: VariableSources = NO_SOURCES
) -> Merged | None:
    """Raise UsageError when an output is the state, one of its companions, or a file of the
    configuration.

    Returns the configuration that was read for this, so that the command does not read 100,000
    numbers twice.
    """
    merged = _read(entry, root, variables)
    for output in outputs:
        # The entry file is protected even if it cannot be read. `export` may create a new one.
        if not output.edits and output.path.exists() and is_same_file(output.path, entry):
            raise UsageError(_refusal(output, "the configuration"))

        for state in _states(merged, entry):
            if is_state_file(output.path, state):
                raise UsageError(
                    _refusal(output, "the state, or its journal, lock, backup or history")
                )

        _check_configuration(output, merged, entry)
    return merged


def _check_configuration(output: Output, merged: Merged | None, entry: Path) -> None:
    """Raise UsageError for an existing file that is part of the configuration; a new file cannot
    overwrite anything.
    """
    if not output.path.exists():
        return
    if merged is not None and not output.edits and _is_one_of(output.path, merged.paths):
        raise UsageError(_refusal(output, "a file of the configuration"))
    if merged is not None and _is_one_of(output.path, _secret_files(merged)):
        raise UsageError(_refusal(output, "a file that holds a secret"))

    # A configuration that cannot be parsed: search its text for names of files. `fmt` may write
    # includes.
    if merged is None or not merged.complete:
        protected = []
        for key, path in _find_names_in_text(merged, entry):
            if not (output.edits and key == "include"):
                protected.append(path)
        if _is_one_of(output.path, protected):
            raise UsageError(_refusal(output, "a file that the configuration names"))


def _read(entry: Path, root: Path, variables: VariableSources) -> Merged | None:
    """Read the configuration; None when it cannot be read at all, which the command itself will
    report.
    """
    try:
        return Merged(entry, root, variables)
    except Exception:  # noqa: BLE001 - any error: the check goes on with the text of the entry file
        return None


def _states(merged: Merged | None, entry: Path) -> Iterator[Path]:
    """Return every place where the state may be: each `state` at the top of a file, else the
    default.
    """
    found: list[str] = []
    for place in merged.parts.get("state", []) if merged is not None else []:
        if isinstance(place.node, str) and place.node:
            found.append(place.node)
    for location in found:
        path = local_path(location, entry.parent)
        if path is not None:
            yield path
    if merged is None or not merged.complete:
        yield from (path for key, path in _find_names_in_text(merged, entry) if key == "state")
    if not found:
        yield entry.parent / DEFAULT_STATE


def _secret_files(merged: Merged) -> Iterator[Path]:
    """Return every `{file: PATH}` in the configuration."""
    pending: list[object] = []
    for places in merged.parts.values():
        pending += [place.node for place in places]

    seen: set[int] = set()  # aliases repeat the same node
    while pending:
        node = pending.pop()
        if not isinstance(node, Map | Seq) or id(node) in seen:
            continue
        seen.add(id(node))
        pending += node.values() if isinstance(node, Map) else node
        path = node.get("file") if isinstance(node, Map) else None
        if isinstance(path, str) and path:
            yield merged.base / path


def _find_names_in_text(merged: Merged | None, entry: Path) -> Iterator[tuple[str, Path]]:
    """Return (key, path) of what `state`, `include` and `file` name in invalid YAML, line by line."""
    for file in merged.paths if merged is not None else [entry]:
        try:
            with file.open(encoding="utf-8", errors="replace") as lines:
                text = lines.read(_MOST_READ)
        except (OSError, ValueError):
            continue
        for line in text.splitlines():
            yield from _find_names_in_line(line[:_LONGEST_LINE], file.parent, entry.parent)


def _find_names_in_line(line: str, folder: Path, base: Path) -> Iterator[tuple[str, Path]]:
    named = [(found[1], line[found.end() :]) for found in _NAMES_A_FILE.finditer(line)]
    item = _ITEM.match(line)
    if not named and item is not None:
        named = [("include", item[1])]

    for key, value in named:
        for word in _WORD.findall(value):
            if "://" in word:
                continue
            if key != "include":
                yield key, base / Path(word)
            # `file` names a secret, relative to the entry file, or numbers, relative to this one.
            if key != "state":
                yield key, folder / Path(word)


def _is_one_of(path: Path, files: Iterator[Path] | Sequence[Path]) -> bool:
    for file in files:
        try:
            if is_same_file(path, file):
                return True
        except (OSError, ValueError, RuntimeError):  # such a name is no file's
            continue
    return False


def _refusal(output: Output, what: str) -> Diagnostic:
    cure = "Name a file of the configuration." if output.edits else "Name another file."
    return Diagnostic(
        code="output_protected",
        summary="Output path is protected",
        detail=f"{output.option}: `{output.path}` is {what}, and would be overwritten. Nothing was written; --force "
        f"does not change this. {cure}",
    )
