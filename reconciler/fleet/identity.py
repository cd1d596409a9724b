"""Read the project and the state of each stack, and report two stacks that would share one of them.

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
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, ReconcilerError
from reconciler.fleet.job import Job
from reconciler.fleet.processes import choose_context, end_with_parent

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


def find_shared(
    stacks: Sequence[Stack], variables: Mapping[str, str], files: Sequence[Path], parallel: int
) -> None:
    """Raise ConfigInvalid when two stacks have the same project or the same state."""
    jobs = [
        Job(
            name=stack.name,
            directory=stack.directory,
            file=stack.file,
            words=(),
            row=stack.row,
        )
        for stack in stacks
    ]
    sources = _Sources(dict(variables), list(files))
    found, unread = _read_identities(jobs, sources, parallel, _CHUNK)
    if unread:
        alone, _ = _read_identities(unread, sources, parallel, 1)
        found |= alone
    problems = list(_compare(stacks, found))
    if problems:
        raise ConfigInvalid(*problems)


def _compare(stacks: Sequence[Stack], found: Mapping[str, Identity]) -> Iterator[Diagnostic]:
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
    """The values of variables that hold for every stack, and the files of more."""

    given: dict[str, str]
    files: list[Path]


def _read_identities(
    jobs: Sequence[Job], sources: _Sources, parallel: int, size: int
) -> tuple[dict[str, Identity], list[Job]]:
    """Return the identity of each stack whose header can be read, and the jobs of processes that
    ended before their end: `size` stacks share a process.
    """
    context = choose_context("reconciler.fleet.identity")
    chunks = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    found: dict[str, Identity] = {}
    unread: list[Job] = []
    with TemporaryDirectory(prefix="reconciler-fleet-") as folder:
        running: dict[int, Any] = {}
        for number, chunk in enumerate(chunks):
            while len(running) >= parallel:
                _collect_one(running)
            process = context.Process(
                target=read_chunk,
                args=(chunk, sources.given, sources.files, str(Path(folder, str(number)))),
            )
            process.start()
            running[process.sentinel] = process
        while running:
            _collect_one(running)

        for number, chunk in enumerate(chunks):
            identities = _read_file(Path(folder, str(number)))
            if identities is None:
                unread += chunk
            else:
                found.update(identities)
    return found, unread


def _collect_one(running: dict[int, Any]) -> None:
    """Wait until one of the processes has ended; end all of them when none does in time."""
    ready = wait(list(running), timeout=_SECONDS)
    ended = [sentinel for sentinel in ready if isinstance(sentinel, int)] or list(running)
    for sentinel in ended:
        process = running.pop(sentinel)
        process.kill()
        process.join()


def read_chunk(
    jobs: Iterable[Job], variables: Mapping[str, str], files: Sequence[Path], output: str
) -> None:
    """Write the identities of some stacks to a file. Runs in a process of its own."""
    end_with_parent()
    found: dict[str, Identity] = {}
    for job in jobs:
        identity = read_identity(job, variables, files)
        if identity is not None:
            found[job.name] = identity
    Path(output).write_bytes(msgspec.json.encode(found))


def read_identity(job: Job, variables: Mapping[str, str], files: Sequence[Path]) -> Identity | None:
    """Return the project and the state of a stack; None when its header cannot be read."""
    from reconciler.config.load.load import load_header
    from reconciler.config.variable_sources import VariableSources

    sources = VariableSources(
        environ=os.environ, files=tuple(files), given=variables, strict=False, row=job.row or {}
    )
    entry = job.directory / job.file
    try:
        project = load_header(entry, environ=os.environ, variables=sources)
    except (ReconcilerError, OSError):
        return None
    return Identity(project.name, _locate(project.state, project.base, project.name))


def _locate(state: str, base: Path, project: str) -> str:
    """Return a text that is equal for two spellings of one state."""
    if state.startswith(_SHARED_BY_PROJECTS):
        return f"{state} {project}"
    return state if "://" in state else os.path.realpath(base / Path(state).expanduser())


def _read_file(path: Path) -> dict[str, Identity] | None:
    """Return the identities that a process has written; None when it ended before that."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Identity])
    except (OSError, msgspec.DecodeError):
        return None
