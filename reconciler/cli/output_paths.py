"""Define the option type of files to write, and refuse before a command starts a file that is the
state, belongs to the configuration, or is named by two options.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from reconciler.config.load.merge import Merged
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.errors import UsageError
from reconciler.workflows.output_guard import Output, check_outputs

DEFAULT_ENTRY = "reconciler.yaml"
_STDOUT = "-"


class OutputPath(click.Path):
    """A file that a command writes. `edits`: the command changes configuration files on purpose."""

    def __init__(self, *, edits: bool = False, dir_okay: bool = False) -> None:
        super().__init__(dir_okay=dir_okay, path_type=Path)
        self.edits = edits


def check_output_paths(
    command: click.Command,
    values: Mapping[str, Any],
    reports: Sequence[tuple[str, str]],
    directory: Path,
    file: str,
    variables: VariableSources,
) -> list[Merged]:
    """Raise UsageError when a file to write is the state or belongs to the configuration.

    Returns the configuration if it was read for this, so that the command does not read it again.
    """
    given = [(f"--report {name}", Path(report), False) for name, report in reports]
    for param in command.params:
        if isinstance(param.type, OutputPath):
            value = values.get(param.name or "")
            paths = value if isinstance(value, tuple) else () if value is None else (value,)
            given += [(_name(param), path, param.type.edits) for path in paths]
    return check_paths(given, directory, file, variables)


def check_paths(
    given: Sequence[tuple[str, Path, bool]],
    directory: Path,
    file: str,
    variables: VariableSources = NO_SOURCES,
) -> list[Merged]:
    """Check paths given as (option, path, whether it edits the configuration)."""
    if not given:
        return []
    outputs = [Output(directory / path, option, edits) for option, path, edits in given]
    try:
        _refuse_shared(outputs)
        merged = check_outputs(outputs, directory / file, directory, variables)
    except UsageError as error:
        raise click.UsageError(error.diagnostics[0].detail) from error
    except (OSError, ValueError, RuntimeError) as error:
        # A loop of links, or a name that no file can have.
        names = ", ".join(option for option, _, _ in given)
        raise click.UsageError(
            f"{names}: the path cannot be checked ({error}). Name another file."
        ) from error
    return [] if merged is None else [merged]


def _refuse_shared(outputs: Sequence[Output]) -> None:
    """Raise UsageError when two options write to one file: the second would overwrite the first."""
    first: dict[str, str] = {}
    for output in outputs:
        real = os.path.realpath(output.path)
        if output.path.name == _STDOUT or (os.path.exists(real) and not os.path.isfile(real)):
            continue  # several options may write to a terminal, a pipe or /dev/null

        other = first.setdefault(os.path.normcase(real), output.option)
        if other != output.option:
            raise click.UsageError(
                f"{other} and {output.option} both write to `{output.path}`. Name another file for one of them."
            )


def _name(param: click.Parameter) -> str:
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
