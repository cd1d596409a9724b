"""Read the project and the state of each stack, report two stacks that would share one of them, and
refuse a report that would overwrite a file of a stack.

The configurations are read in processes of their own: one that exhausts the memory or never ends must
not end the fleet, or hide the others. A stack whose header cannot be read is left out: its own command
reports why.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from reconciler.config.load.fleet import Stack
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, ReconcilerError, UsageError
from reconciler.fleet.job import Job
from reconciler.fleet.processes import choose_context, end_with_parent
from reconciler.workflows.output_guard import Output, check_outputs

_CHUNK = 100
"""Stacks that one process reads; with fewer, starting processes would take most of the time."""
_SECONDS = 120.0
"""The time that one process has."""
_SHARED_BY_PROJECTS = ("postgresql://", "postgres://")
"""States that hold many projects: their stacks differ by project."""


class Identity(msgspec.Struct, frozen=True):
    """What distinguishes a stack: its project, and where its state is."""

    project: str
    state: str


class Answer(msgspec.Struct, frozen=True):
    """What is known of a stack: its identity, None when its header cannot be read, and why a report
    must not be written, empty when it may.
    """

    identity: Identity | None
    refusal: str = ""


def find_shared(
    stacks: Sequence[Stack],
    variables: Mapping[str, str],
    files: Sequence[Path],
    parallel: int,
    outputs: Sequence[Output] = (),
) -> dict[str, Identity | None]:
    """Return the identity of each stack, None when its header cannot be read; a stack whose reader has
    ended before its end is left out.

    Raises ConfigInvalid when two stacks have the same project or the same state, and UsageError when
    one of the outputs is the state or a file of a stack.
    """
    jobs: list[Job] = []
    for stack in stacks:
        jobs.append(
            Job(
                name=stack.name,
                directory=stack.directory,
                file=stack.file,
                words=(),
                row=stack.row,
            )
        )
    sources = _Sources(dict(variables), list(files), list(outputs))

    # To compare a report with a stack, all of its files are read.
    answers, unread = _read_answers(jobs, sources, parallel, _CHUNK // 5 if outputs else _CHUNK)
    if unread:
        alone, unread = _read_answers(unread, sources, parallel, 1)
        answers |= alone
    _refuse_outputs(outputs, answers, unread)

    found = {name: answer.identity for name, answer in answers.items()}
    problems = list(_compare(stacks, found))
    if problems:
        raise ConfigInvalid(*problems)
    return found


def find_local_states(
    stacks: Sequence[Stack], found: Mapping[str, Identity | None]
) -> Iterator[Diagnostic]:
    """Yield a warning when stacks keep their state in a file: each worker would have its own."""
    local = [stack for stack in stacks if _is_local(found.get(stack.name))]
    if local:
        detail = (
            f"{len(local)} of {len(stacks)} stacks keep their state in a local file, such as "
            f"`{local[0].name}`. Workers on several machines, or without a lasting disk, would each "
            "have another one. Keep it in PostgreSQL: `state: postgresql://…`."
        )
        yield Diagnostic.at(
            local[0].position,
            code="local_state_on_workers",
            summary="The state is a local file of each worker",
            detail=detail,
            severity="warning",
        )


def _is_local(identity: Identity | None) -> bool:
    return identity is not None and "://" not in identity.state


def find_unread(
    stacks: Sequence[Stack], found: Mapping[str, Identity | None]
) -> Iterator[Diagnostic]:
    """Yield a warning for each stack whose configuration could not be read to its end."""
    for stack in stacks:
        if stack.name not in found:
            yield Diagnostic.at(
                stack.position,
                code="fleet_not_compared",
                summary="The project and the state of a stack are unknown",
                detail=f"The process that reads the configuration of `{stack.name}` ended before its "
                "end, or took too long. So the stack was not compared with the others, with which it "
                "may share a project or a state. Look at its files, and at the memory and the space "
                "for temporary files of this machine.",
                severity="warning",
            )


def _refuse_outputs(
    outputs: Sequence[Output], answers: Mapping[str, Answer], unread: Sequence[Job]
) -> None:
    """Raise UsageError when a stack has refused the outputs, or could not be asked about a file that
    exists; a new file overwrites nothing.
    """
    for name, answer in answers.items():
        if answer.refusal:
            raise UsageError(_protect(f"Stack `{name}`: {answer.refusal}"))
    for output in outputs:
        if unread and output.path.exists():
            raise UsageError(
                _protect(
                    f"{output.option}: `{output.path}` exists, and may be a file of the stack "
                    f"`{unread[0].name}`, whose configuration cannot be read to its end. Nothing was "
                    "written. Name a new file."
                )
            )


def _protect(detail: str) -> Diagnostic:
    return Diagnostic(code="output_protected", summary="Output path is protected", detail=detail)


def _compare(stacks: Sequence[Stack], found: Mapping[str, Identity | None]) -> Iterator[Diagnostic]:
    projects: dict[str, str] = {}
    states: dict[str, str] = {}
    for stack in stacks:
        identity = found.get(stack.name)
        if identity is None:
            continue
        other = projects.setdefault(identity.project, stack.name)
        if other != stack.name:
            detail = (
                f"The stacks `{other}` and `{stack.name}` have the project `{identity.project}`. "
                "Give each its own name, for example `project: acme-${name}`."
            )
            yield _problem("fleet_shares_project", "Two stacks have one project", detail, stack)

        other = states.setdefault(identity.state, stack.name)
        if other != stack.name:
            detail = (
                f"The stacks `{other}` and `{stack.name}` have one state. Give each its own, for "
                "example `state: ./states/${name}.json`."
            )
            yield _problem("fleet_shares_state", "Two stacks have one state", detail, stack)


def _problem(code: str, summary: str, detail: str, stack: Stack) -> Diagnostic:
    return Diagnostic.at(stack.position, code=code, summary=summary, detail=detail)


class _Sources(msgspec.Struct, frozen=True):
    """The values of variables that hold for every stack, the files of more, and the files that the
    command writes.
    """

    given: dict[str, str]
    files: list[Path]
    outputs: list[Output]


def _read_answers(
    jobs: Sequence[Job], sources: _Sources, parallel: int, size: int
) -> tuple[dict[str, Answer], list[Job]]:
    """Return what is known of each stack, and the jobs of processes that ended before their end:
    `size` stacks share a process.
    """
    context = choose_context("reconciler.fleet.identity")
    chunks = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    found: dict[str, Answer] = {}
    unread: list[Job] = []
    with TemporaryDirectory(prefix="reconciler-fleet-", ignore_cleanup_errors=True) as folder:
        running: dict[int, Any] = {}
        for number, chunk in enumerate(chunks):
            while len(running) >= parallel:
                _collect_one(running)
            process = context.Process(
                target=read_chunk,
                args=(chunk, sources, str(Path(folder, str(number)))),
            )
            process.start()
            running[process.sentinel] = process
        while running:
            _collect_one(running)

        for number, chunk in enumerate(chunks):
            answers = _read_file(Path(folder, str(number)))
            if answers is None:
                unread += chunk
            else:
                found.update(answers)
    return found, unread


def _collect_one(running: dict[int, Any]) -> None:
    """Wait until one of the processes has ended; end all of them when none does in time."""
    ready = wait(list(running), timeout=_SECONDS)
    ended = [sentinel for sentinel in ready if isinstance(sentinel, int)] or list(running)
    for sentinel in ended:
        process = running.pop(sentinel)
        process.kill()
        process.join()


def read_chunk(jobs: Iterable[Job], sources: _Sources, output: str) -> None:
    """Write the answers about some stacks to a file. Runs in a process of its own."""
    end_with_parent()
    found: dict[str, Answer] = {}
    for job in jobs:
        found[job.name] = read_answer(job, sources)
    Path(output).write_bytes(msgspec.json.encode(found))


def read_answer(job: Job, sources: _Sources) -> Answer:
    """Return what is known of a stack."""
    from reconciler.config.load.load import load_header

    variables = VariableSources(
        environ=os.environ,
        files=tuple(sources.files),
        given=sources.given,
        strict=False,
        row=job.row or {},
    )
    entry = job.directory / job.file
    refusal = _find_refusal(sources.outputs, entry, variables) if sources.outputs else ""
    try:
        project = load_header(entry, environ=os.environ, variables=variables)
    except (ReconcilerError, OSError):
        return Answer(None, refusal)
    state = _locate(project.state, project.base, project.name)
    return Answer(Identity(project.name, state), refusal)


def _find_refusal(outputs: Sequence[Output], entry: Path, variables: VariableSources) -> str:
    """Return why an output must not be written, empty when it may."""
    try:
        check_outputs(outputs, entry, entry.parent, variables)
    except UsageError as error:
        return error.diagnostics[0].detail
    except (OSError, ValueError, RuntimeError) as error:
        # A loop of links, or a name that no file can have.
        return f"The paths of the reports cannot be checked ({error}). Name another file."
    return ""


def _locate(state: str, base: Path, project: str) -> str:
    """Return a text that is equal for two spellings of one state."""
    if state.startswith(_SHARED_BY_PROJECTS):
        return f"{state} {project}"
    return state if "://" in state else os.path.realpath(base / Path(state).expanduser())


def _read_file(path: Path) -> dict[str, Answer] | None:
    """Return the answers that a process has written; None when it ended before that."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Answer])
    except (OSError, msgspec.DecodeError):
        return None
