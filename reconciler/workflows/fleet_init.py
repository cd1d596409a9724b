"""Create the files of a new fleet, one stack for each subaccount of an account: the workflow of
`fleet init`. It never overwrites a file, and leaves none behind when it fails.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from reconciler.config.codes import diagnostic
from reconciler.config.load import fleet_starter, starter, write_files
from reconciler.config.load.fleet_starter import CONFIGURATION, FLEET_SCHEMA, FleetAnswers
from reconciler.config.load.fleet_subaccounts import select_active
from reconciler.config.sections.checks import check_project
from reconciler.config.sections.schema import fleet_schema_text
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.errors import ConfigInvalid, ReconcilerError, RemoteError, UsageError
from reconciler.model.subaccount import Subaccount
from reconciler.workflows.fleet import list_subaccounts
from reconciler.workflows.session import RunOptions


class CreatedFleet(msgspec.Struct, frozen=True):
    """The files of a new fleet; `kept` are those that existed and stay as they are.

    `stacks` is how many active subaccounts there are; `notes` are warnings about the others.
    """

    files: tuple[str, ...]
    kept: tuple[str, ...]
    stacks: int
    notes: tuple[Diagnostic, ...]


def has_configuration(options: RunOptions) -> bool:
    """Return whether the folder has the configuration of the stacks already."""
    return os.path.lexists(options.directory / CONFIGURATION)


def list_files(options: RunOptions) -> tuple[str, ...]:
    """Return the names of the files that are written when they are missing."""
    return (options.file, CONFIGURATION, starter.IGNORE, starter.SCHEMA, FLEET_SCHEMA)


def init(options: RunOptions, answers: FleetAnswers) -> CreatedFleet:
    """Create a fleet in the folder; `options` name the fleet file.

    A configuration that the folder has already is used as it is. Raises UsageError when there is a
    fleet file, and ReconcilerError when the account has no subaccounts or cannot list them.
    """
    folder = options.directory
    _check_fleet_file(options)
    if not has_configuration(options):
        _check_project(answers.project)

    # Everything is checked, and the subaccounts listed, before the first file is written.
    text = fleet_starter.configuration_file(answers, options.environ)
    listed = _list(options, answers, text)
    active, notes = select_active(listed, answers.account, None)
    if has_errors(notes):
        raise ReconcilerError(*notes)

    contents = {
        starter.IGNORE: starter.ignore_file(fleet_starter.STATES),
        starter.SCHEMA: starter.schema_file(),
        FLEET_SCHEMA: fleet_schema_text(),
        CONFIGURATION: text,
        options.file: fleet_starter.fleet_file(answers.account),
    }
    kept = tuple(name for name in contents if os.path.lexists(folder / name))
    missing = {name: body for name, body in contents.items() if name not in kept}
    _write(folder, missing)
    return CreatedFleet(tuple(missing), kept, len(active), tuple(notes))


def _check_fleet_file(options: RunOptions) -> None:
    """Raise UsageError for a folder that has the fleet file, which no output may overwrite."""
    others = list_files(options)[1:]
    if Path(options.file).name != options.file or options.file in others:
        detail = (
            f"-f {options.file}: name a file of its own in the folder; -C DIR names the folder."
        )
        raise UsageError(
            Diagnostic(code="wrong_usage", summary="The command line is invalid", detail=detail)
        )

    if not os.path.lexists(options.directory / options.file):
        return
    detail = (
        f"`{options.file}` exists, and would be overwritten. Nothing was written. Edit it, or create "
        "the new fleet in another folder with -C DIR."
    )
    raise UsageError(
        Diagnostic(code="output_protected", summary="Output path is protected", detail=detail)
    )


def _check_project(name: str) -> None:
    """Raise UsageError for a text with which no name of a project can begin."""
    try:
        check_project(name)
    except ValueError as error:
        problem = diagnostic("invalid_name", f"--project: {error}", None)
        raise UsageError(problem) from error


def _list(options: RunOptions, answers: FleetAnswers, text: str) -> list[Subaccount]:
    """Return the subaccounts, as the configuration of the folder lists them, or else the new one."""
    if has_configuration(options):
        return list_subaccounts(options, options.directory / CONFIGURATION, answers.account, None)

    with TemporaryDirectory() as folder:
        draft = Path(folder)
        write_files.create_file(draft / CONFIGURATION, text)
        try:
            return list_subaccounts(
                msgspec.structs.replace(options, directory=draft),
                draft / CONFIGURATION,
                answers.account,
                None,
            )
        except ConfigInvalid as error:
            # The files are ours, so what is wrong in them is an answer.
            raise UsageError(*map(_without_place, error.diagnostics)) from error
        except RemoteError:
            raise
        except ReconcilerError as error:
            raise ReconcilerError(*map(_without_place, error.diagnostics)) from error


def _without_place(problem: Diagnostic) -> Diagnostic:
    """Return the problem without its place in a file that was not written."""
    return msgspec.structs.replace(problem, file=None, line=None, column=None)


def _write(folder: Path, contents: Mapping[str, str]) -> None:
    """Create all files, or none."""
    created: list[Path] = []
    try:
        for name, body in contents.items():
            write_files.create_file(folder / name, body)
            created.append(folder / name)
    except BaseException:
        for path in created:
            path.unlink(missing_ok=True)
        raise
