"""`--baseline FILE|REV` in, the configuration that it names out: a file, or the entry file at a revision of git.

Of a revision all YAML and JSON files are read into a temporary folder, because what the entry file includes may stand
anywhere in the repository. Nothing is checked out, and nothing in the repository is changed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.config.load import load
from reconciler.config.project import Project
from reconciler.config.source import INCLUDED
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, ReconcilerError


def load_baseline(baseline: str, entry: Path, directory: Path, environ: Mapping[str, str]) -> Project:
    """The configuration in that file, or as `entry` was at that revision. Raises ReconcilerError."""
    path = directory / baseline
    if path.is_file():
        return _loaded(baseline, path, environ)
    top = Path(_git(baseline, entry.parent, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    commit = _git(baseline, top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{baseline}^{{commit}}")
    inside = entry.resolve().relative_to(top.resolve()).as_posix()
    with TemporaryDirectory(prefix="reconciler-") as folder:
        (Path(folder) / ".git").mkdir()  # the root of the repository, up to which files may be included
        _read_into(Path(folder), baseline, top, commit.decode().strip(), inside)
        if not (Path(folder) / inside).is_file():
            raise _unreadable(baseline, f"it has no {inside}")
        return _loaded(baseline, Path(folder) / inside, environ)


def _loaded(baseline: str, entry: Path, environ: Mapping[str, str]) -> Project:
    try:
        return load(entry, environ=environ, display_root=entry.parent, to_compare=True)
    except ConfigInvalid as error:
        first = next(d for d in error.diagnostics if d.severity == "error")
        raise _unreadable(baseline, f"it is not valid: {first.file}:{first.line}: {first.summary}") from error


def _read_into(folder: Path, baseline: str, top: Path, commit: str, inside: str) -> None:
    for name in _names(baseline, top, commit):
        if name.endswith(INCLUDED) or name == inside:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_git(baseline, top, "show", f"{commit}:{name}"))


def _names(baseline: str, top: Path, commit: str) -> Iterator[str]:
    """The plain files of a commit: neither links nor submodules."""
    for line in _git(baseline, top, "ls-tree", "-r", "-z", commit).decode().split("\0"):
        kind, _, name = line.partition("\t")
        if kind.startswith("100"):
            yield name


def _git(baseline: str, folder: Path, *args: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, check=False)
    except OSError as error:
        raise _unreadable(baseline, f"it is no file, and git cannot be run ({error.strerror})") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _unreadable(
            baseline, f"it is no file, and no revision that git knows here{f' ({said[0]})' if said else ''}"
        )
    return done.stdout


def _unreadable(baseline: str, reason: str) -> ReconcilerError:
    return ReconcilerError(
        Diagnostic(
            code="baseline_unreadable",
            summary="The baseline cannot be read",
            detail=f"--baseline {baseline}: {reason}. Name a configuration file, or a revision whose configuration is "
            "valid, such as origin/main; in CI the clone must be deep enough to have it.",
        )
    )
