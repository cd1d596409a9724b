"""Load the configuration that `--baseline FILE|REV` names: a file, or a revision of git.

All YAML, JSON and CSV files of a revision are read into a temporary folder, because the entry file may
include files from anywhere in the repository. Nothing is checked out, and nothing in the repository
is changed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from reconciler.config.confinement import repository_root
from reconciler.config.load.git import GitError, run_git
from reconciler.config.load.load import load
from reconciler.config.project import Project
from reconciler.config.section_names import NUMBER_FILES
from reconciler.config.source.source_line import CSV, INCLUDED
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, ReconcilerError


def load_baseline(
    baseline: str,
    entry: Path,
    directory: Path,
    environ: Mapping[str, str],
    variables: VariableSources = NO_SOURCES,
) -> Project:
    """Load the configuration in that file, or as `entry` was at that revision, with the same values
    of variables. Raises ReconcilerError.

    The author of a change can edit a file of values in the repository as well. Such a file is
    therefore read as it was in the baseline; one that the baseline lacks gives no values.

    The author of the change that is compared with the baseline can also add files to the work tree.
    So the form alone decides: a name with the ending of a configuration, or a path that starts with
    `.` or `/`, is a file; everything else is a revision, even if a file has that name.
    """
    # The baseline may declare other variables than the configuration of this run.
    variables = msgspec.structs.replace(variables, strict=False)
    if _names_file(baseline):
        return _load_file(baseline, directory / baseline, entry, environ, variables)

    commit = _git(
        baseline,
        entry,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{baseline}^{{commit}}",
    )
    root = Path(repository_root(entry.parent))
    relative = Path(os.path.realpath(entry)).relative_to(root).as_posix()
    names = [_name_inside(file, entry, root) for file in variables.files]
    with TemporaryDirectory(prefix="reconciler-") as folder:
        copy = Path(folder)
        (copy / ".git").mkdir()  # marks the root of the repository: includes may reach up to it
        wanted = {relative, *[name for name in names if name is not None]}
        _copy_files(copy, baseline, entry, commit.decode().strip(), wanted)
        if not (copy / relative).is_file():
            raise _unreadable(baseline, f"it has no {relative}")

        files: list[Path] = []
        for file, name in zip(variables.files, names, strict=True):
            if name is None:
                files.append(file)
            elif (copy / name).is_file():
                files.append(copy / name)
        variables = msgspec.structs.replace(variables, files=tuple(files))
        return _load(baseline, copy / relative, environ, variables)


def _name_inside(file: Path, entry: Path, root: Path) -> str | None:
    """Return the name of a file below the root of the repository; None for one outside.

    The name is the one by which the file was given: a link of the work tree must not lead to
    another file of the baseline.
    """
    folder = os.path.realpath(entry.parent)
    given = os.path.normpath(os.path.join(folder, os.path.relpath(file, entry.parent)))
    for path in (given, os.path.realpath(file)):
        name = os.path.relpath(path, root)
        if name.split(os.sep)[0] != os.pardir:
            return Path(name).as_posix()
    return None


def _names_file(baseline: str) -> bool:
    return baseline.endswith(INCLUDED) or baseline.startswith((".", "/")) or os.path.isabs(baseline)


def _load_file(
    baseline: str,
    path: Path,
    entry: Path,
    environ: Mapping[str, str],
    variables: VariableSources,
) -> Project:
    if not path.is_file():
        raise _unreadable(baseline, "there is no such file")

    # Beside a baseline in another folder, its own files of values are the ones to read.
    files: list[Path] = []
    for file in variables.files:
        beside = path.parent / os.path.relpath(file, entry.parent)
        if beside.is_file():
            files.append(beside)
    variables = msgspec.structs.replace(variables, files=tuple(files))

    if _is_revision(baseline, entry):
        raise _unreadable(
            baseline,
            f"it is a file and a revision; write `./{baseline}` or `refs/heads/{baseline}`",
        )
    return _load(baseline, path, environ, variables)


def _is_revision(baseline: str, entry: Path) -> bool:
    if baseline.startswith((".", "/")):  # no revision has such a name
        return False

    try:
        run_git(
            entry.parent,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{baseline}^{{commit}}",
        )
    except GitError:
        return False
    return True


def _load(
    baseline: str, entry: Path, environ: Mapping[str, str], variables: VariableSources
) -> Project:
    try:
        return load(
            entry,
            environ=environ,
            display_root=entry.parent,
            to_compare=True,
            variables=variables,
        )
    except ConfigInvalid as error:
        first = next(d for d in error.diagnostics if d.severity == "error")
        raise _unreadable(
            baseline, f"it is not valid: {first.file}:{first.line}: {first.summary}"
        ) from error


def _copy_files(
    folder: Path, baseline: str, entry: Path, commit: str, wanted: Collection[str]
) -> None:
    def copy(name: str) -> bytes:
        data = _git(baseline, entry, "cat-file", "blob", f"{commit}:{name}")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return data

    tables: list[str] = []
    names_tables = False
    for name in _list_files(baseline, entry, commit):
        if name.endswith(INCLUDED) or name in wanted:
            names_tables |= NUMBER_FILES.encode() in copy(name)
        elif name.lower().endswith(CSV):
            tables.append(name)

    # A repository may hold large CSV files for other purposes: they are copied only where needed.
    for name in tables if names_tables else ():
        copy(name)


def _list_files(baseline: str, entry: Path, commit: str) -> Iterator[str]:
    """Yield the regular files of a commit: neither links nor submodules."""
    for line in _git(baseline, entry, "ls-tree", "-r", "-z", commit).decode().split("\0"):
        kind, _, name = line.partition("\t")
        if kind.startswith("100"):
            yield name


def _git(baseline: str, entry: Path, *args: str) -> bytes:
    try:
        return run_git(entry.parent, *args)
    except GitError as error:
        reason = str(error)
        raise _unreadable(baseline, f"git knows no such revision here ({reason})") from error


def _unreadable(baseline: str, reason: str) -> ReconcilerError:
    return ReconcilerError(
        Diagnostic(
            code="baseline_unreadable",
            summary="Unreadable baseline",
            detail=f"--baseline {baseline}: {reason}. Name a revision whose configuration is valid, such as "
            "origin/main (in CI the clone must be deep enough to have it), or a file, such as ./base.yaml.",
        )
    )
