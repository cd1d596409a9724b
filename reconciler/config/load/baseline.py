"""`--baseline FILE|REV` in, the configuration that it names out: a file, or the entry file at a revision of git.

Of a revision all YAML and JSON files are read into a temporary folder, because what the entry file includes may stand
anywhere in the repository. Nothing is checked out, and nothing in the repository is changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.config.confinement import repository_root
from reconciler.config.load.git import GitError, run_git
from reconciler.config.load.load import load
from reconciler.config.project import Project
from reconciler.config.source.source_line import INCLUDED
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, ReconcilerError


def load_baseline(
    baseline: str, entry: Path, directory: Path, environ: Mapping[str, str]
) -> Project:
    """Load the configuration in that file, or as `entry` was at that revision. Raises ReconcilerError.

    Whoever writes the change that is held to the baseline can also add files to the work tree. So the form alone
    decides: a file is named by its ending, or by a path that starts with `.` or `/`; all else is a revision, even
    where a file has that name.
    """
    if _names_file(baseline):
        return _load_file(baseline, directory / baseline, entry, environ)

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
    inside = Path(os.path.realpath(entry)).relative_to(root).as_posix()
    with TemporaryDirectory(prefix="reconciler-") as folder:
        (
            Path(folder) / ".git"
        ).mkdir()  # the root of the repository, up to which files may be included
        _read_into(Path(folder), baseline, entry, commit.decode().strip(), inside)
        if not (Path(folder) / inside).is_file():
            raise _unreadable(baseline, f"it has no {inside}")
        return _loaded(baseline, Path(folder) / inside, environ)


def _names_file(baseline: str) -> bool:
    return baseline.endswith(INCLUDED) or baseline.startswith((".", "/")) or os.path.isabs(baseline)


def _load_file(baseline: str, path: Path, entry: Path, environ: Mapping[str, str]) -> Project:
    if not path.is_file():
        raise _unreadable(baseline, "there is no such file")
    if _is_revision(baseline, entry):
        raise _unreadable(
            baseline,
            f"it is a file and a revision; write `./{baseline}` or `refs/heads/{baseline}`",
        )
    return _loaded(baseline, path, environ)


def _is_revision(baseline: str, entry: Path) -> bool:
    if baseline.startswith((".", "/")):  # no name of a revision starts so
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


def _loaded(baseline: str, entry: Path, environ: Mapping[str, str]) -> Project:
    try:
        return load(entry, environ=environ, display_root=entry.parent, to_compare=True)
    except ConfigInvalid as error:
        first = next(d for d in error.diagnostics if d.severity == "error")
        raise _unreadable(
            baseline, f"it is not valid: {first.file}:{first.line}: {first.summary}"
        ) from error


def _read_into(folder: Path, baseline: str, entry: Path, commit: str, inside: str) -> None:
    for name in _names(baseline, entry, commit):
        if name.endswith(INCLUDED) or name == inside:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_git(baseline, entry, "cat-file", "blob", f"{commit}:{name}"))


def _names(baseline: str, entry: Path, commit: str) -> Iterator[str]:
    """The plain files of a commit: neither links nor submodules."""
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
            summary="The baseline cannot be read",
            detail=f"--baseline {baseline}: {reason}. Name a revision whose configuration is valid, such as "
            "origin/main (in CI the clone must be deep enough to have it), or a file, such as ./base.yaml.",
        )
    )
