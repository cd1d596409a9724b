"""Format, create and check configuration files: the workflows of `fmt`, `init` (which can export an
account) and `lint`.

Nothing here plans or applies, prints, reads the command line or decides an exit code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from reconciler.config.codes import diagnostic
from reconciler.config.load import starter, write_files
from reconciler.config.load.ci_file import CiSystem
from reconciler.config.load.format_table import format_table
from reconciler.config.load.load import load
from reconciler.config.load.merge import Merged
from reconciler.config.load.read_content import read_content
from reconciler.config.load.starter import Answers
from reconciler.config.secrets.allow_list import extend_allow_list
from reconciler.config.secrets.state_locations import find_servers
from reconciler.config.source.format import Formatted, format_text
from reconciler.config.source.source_line import CSV, has_suffix
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, UsageError
from reconciler.export.document import ExportFilter
from reconciler.model.position import Position
from reconciler.state.stores.companions import is_state_file, local_path
from reconciler.workflows.ci_file import make_ci_file, write_ci_file
from reconciler.workflows.export import export
from reconciler.workflows.session import RunOptions
from reconciler.workflows.validate import validate
from reconciler.workflows.webhook_rules import find_effects_of_webhook_rules


def fmt(options: RunOptions, names: Sequence[Path]) -> list[Formatted]:
    """Return these files, or all of the configuration, before and after formatting; write nothing.
    Raises ConfigInvalid.
    """
    folder = options.directory
    merged = None if names else Merged(folder / options.file, folder, options.variables)
    formatted, problems = list[Formatted](), list[Diagnostic]()
    for name in names if merged is None else merged.files:
        path = folder / name
        try:
            data = read_content(path, included=True)
            label = os.path.relpath(path, folder)
            form = format_table if has_suffix(path, CSV) else format_text
            after = form(data, label)  # which reports what is not UTF-8
            formatted.append(Formatted(label, data.decode("utf-8"), after))
        except ConfigInvalid as error:
            problems += error.diagnostics
        except OSError as error:
            problems += _unreadable(path, folder, error, merged)
    if problems:
        raise ConfigInvalid(*problems)
    return formatted


def _unreadable(
    path: Path, folder: Path, error: OSError, merged: Merged | None
) -> list[Diagnostic]:
    """Return the problem of a file that cannot be read, as every other command reports it."""
    label = os.path.relpath(path, folder)
    reported = []
    for problem in merged.diagnostics if merged is not None else ():
        if problem.code == "unreadable_file" and problem.file == label:
            reported.append(problem)

    own = diagnostic(
        "unreadable_file", f"{label}: {error.strerror or error}.", Position(label, 1, 1)
    )
    return reported or [own]


def write(options: RunOptions, formatted: Iterable[Formatted]) -> None:
    """Write the files that change."""
    for file in formatted:
        if file.before != file.after:
            write_files.replace_file(options.directory / file.file, file.after)


class CreatedProject(msgspec.Struct, frozen=True):
    """The files of a new project; `kept` are optional ones that existed and stay as they are.

    `settings` are the variables and secrets that the jobs of its CI file read.
    """

    files: tuple[str, ...]
    kept: tuple[str, ...]
    settings: tuple[str, ...] = ()


def list_project_files(answers: Answers) -> tuple[str, ...]:
    """Return the names of the files that `init` writes."""
    numbers = (starter.NUMBERS,) if answers.from_account else ()
    return (starter.ENTRY, *numbers, starter.IGNORE, starter.SCHEMA)


def _check_state_name(folder: Path, answers: Answers) -> None:
    """Raise UsageError for a state with the name of a file of the new project: the first apply
    would overwrite it.
    """
    state = local_path(answers.state, folder)
    for name in list_project_files(answers):
        if state is not None and is_state_file(folder / name, state):
            detail = f"--state: {answers.state} is also the name of {name}, a file of the project. Name another file."
            raise UsageError(
                Diagnostic(
                    code="output_protected", summary="Output path is protected", detail=detail
                )
            )


def _check_entry(folder: Path) -> None:
    """Raise UsageError for a folder that has a configuration, which no output may overwrite."""
    if not os.path.lexists(folder / starter.ENTRY):
        return
    detail = (
        f"`{starter.ENTRY}` is the configuration of this folder, and would be overwritten. Nothing was written. Edit "
        "it, or create the new project in another folder with -C DIR."
    )
    raise UsageError(
        Diagnostic(code="output_protected", summary="Output path is protected", detail=detail)
    )


def add_ci_file(options: RunOptions, system: CiSystem) -> CreatedProject:
    """Write the CI file of the project in the folder, and nothing else. Raises UsageError, and what
    `validate` raises.
    """
    state = validate(options).state
    file = make_ci_file(options.directory, state, system, options.environ)
    write_ci_file(file)
    return CreatedProject((file.name,), (), file.settings)


def has_project(options: RunOptions) -> bool:
    """Return whether the folder has an entry file already."""
    return os.path.lexists(options.directory / options.file)


def init(options: RunOptions, answers: Answers, ci: CiSystem | None = None) -> CreatedProject:
    """Create a project in the folder, with the CI file of this system. Raises UsageError (and writes
    nothing) when it has one, and what `export` raises.
    """
    folder = options.directory
    _check_state_name(folder, answers)
    _check_entry(folder)

    ci_file = None
    if ci is not None:
        ci_file = make_ci_file(folder, answers.state, ci, options.environ)

    # Everything is checked, and the account read, before the first file is written.
    text = starter.entry_file(answers, options.environ, include=answers.from_account)
    contents = {starter.ENTRY: text}
    write_files.refuse_existing([folder / starter.NUMBERS] if answers.from_account else [])
    exported = _check_and_export(options, answers)
    if exported is not None:
        comment = f"# {starter.schema_comment(f'./{starter.SCHEMA}')}\n"
        contents = {starter.NUMBERS: comment + exported, **contents}

    extra = {
        starter.IGNORE: starter.ignore_file(answers.state),
        starter.SCHEMA: starter.schema_file(),
    }
    kept = tuple(name for name in extra if (folder / name).exists())
    missing = {name: body for name, body in extra.items() if name not in kept}
    contents = {**missing, **contents}
    for name, body in contents.items():
        write_files.create_file(folder / name, body)
    if ci_file is None:
        return CreatedProject(tuple(contents), kept)
    write_ci_file(ci_file)
    return CreatedProject((*contents, ci_file.name), kept, ci_file.settings)


def _check_and_export(options: RunOptions, answers: Answers) -> str | None:
    """Check the new configuration, and export the account if the answers ask for it. Raises
    UsageError.
    """
    # A server named in an answer is trusted for this run only; later runs need it in the allow
    # list.
    environ = extend_allow_list(options.environ, _servers(answers.state, options.environ))
    with TemporaryDirectory() as folder:
        draft = Path(folder)
        write_files.create_file(
            draft / starter.ENTRY, starter.entry_file(answers, options.environ, include=False)
        )
        try:
            load(draft / starter.ENTRY, environ=environ, display_root=draft)
        except ConfigInvalid as error:
            raise UsageError(*error.diagnostics) from error
        if not answers.from_account:
            return None
        draft_options = msgspec.structs.replace(
            options, directory=draft, file=starter.ENTRY, environ=environ
        )
        return export(draft_options, (), ExportFilter(), answers.project).text


def _servers(state: str, environ: Mapping[str, str]) -> list[str]:
    try:
        return [str(server.origin) for server in find_servers(state, environ)]
    except ValueError:
        return []


def lint(options: RunOptions, *, check_webhook_rules: bool = False) -> list[Diagnostic]:
    """Return all warnings, remarks and violations of a valid configuration. Raises ConfigInvalid.

    With `check_webhook_rules`, also what the rules of Twilio's webhook configuration apply to.
    """
    project = validate(options)
    found = [*project.warnings, *project.remarks, *project.violations]
    if check_webhook_rules:
        found += find_effects_of_webhook_rules(options, project)
    return found
