"""Write the CI file of a project beside its repository: the workflow of `init --ci`.

It never overwrites a file. The examples are part of the package; nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from reconciler.config.confinement import repository_root
from reconciler.config.load import write_files
from reconciler.config.load.ci_file import (
    PLACES,
    CiSystem,
    Store,
    find_store,
    fit_github,
    fit_gitlab,
    list_settings,
)
from reconciler.config.secrets.state_locations import find_servers
from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError


class CiFile(msgspec.Struct, frozen=True):
    """A CI file that is to be written: its path, its name for messages, its text, and the settings
    of the CI system that its jobs read.
    """

    path: Path
    name: str
    text: str
    settings: tuple[str, ...]


def make_ci_file(folder: Path, state: str, system: CiSystem, environ: Mapping[str, str]) -> CiFile:
    """Return the CI file for the project in this folder. Raises UsageError when its state is lost
    with a checkout, or the file exists.
    """
    store = find_store(state)
    if store is None:
        raise UsageError(_describe_local_state(state))

    # The CI system looks at the root of the repository only; the project may be in a folder of it.
    root = Path(repository_root(folder.resolve()))
    directory = os.path.relpath(folder.resolve(), root)
    path = root / PLACES[system]
    if not path.parent.resolve().is_relative_to(root):
        raise UsageError(_describe_link(PLACES[system]))
    write_files.refuse_existing([path])
    text = _fit(system, store, _list_hosts(state, environ, system), directory)
    return CiFile(path, os.path.relpath(path, folder), text, tuple(list_settings(system, store)))


def write_ci_file(file: CiFile) -> None:
    """Write the file and the folders that it needs. Raises UsageError when it exists by now."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    write_files.create_file(file.path, file.text)


def _fit(system: CiSystem, store: Store, hosts: list[str], directory: str) -> str:
    """Return the text of the example, fitted to the project."""
    template = _read_example(system)
    if system == "github":
        return fit_github(template, store, hosts, directory)
    if directory != ".":
        raise UsageError(_describe_folder(directory))
    return fit_gitlab(template, hosts)


def _list_hosts(state: str, environ: Mapping[str, str], system: CiSystem) -> list[str]:
    """Return the hosts of the state's servers; GitLab names its own host itself."""
    hosts = []
    for server in find_servers(state, environ):
        is_own_state = system == "gitlab" and server.origin.scheme in ("http", "https")
        if not is_own_state:
            hosts.append(server.origin.host)
    return hosts


def _read_example(system: CiSystem) -> str:
    """Return the example: of the installed package, or of a checkout."""
    package = Path(__file__).parents[1]
    examples = package.parent / "examples" / "ci"
    for path in (package / "_data" / "ci" / f"{system}.yml", examples / system / PLACES[system]):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"the example for {system} is not installed with the package")


def _describe_local_state(state: str) -> Diagnostic:
    detail = (
        f"The state is {state}: a file that a CI job loses with its checkout. Name a store, such as\n"
        "  reconciler init --ci github --state s3://BUCKET/voice.json\nStores: s3://, gs://, az://, postgresql://, "
        "https:// (GitLab). In a project that exists, set `state` in the file."
    )
    return Diagnostic(code="local_state_in_ci", summary="Local state file in CI", detail=detail)


def _describe_link(place: str) -> Diagnostic:
    detail = f"{place} would be outside the repository, because a folder of it is a link. Remove the link."
    return Diagnostic(code="output_protected", summary="Output path is protected", detail=detail)


def _describe_folder(directory: str) -> Diagnostic:
    detail = (
        f"The project is in {directory}, and GitLab's file is at the root of the repository. Copy "
        "examples/ci/gitlab/.gitlab-ci.yml, and begin each script with `cd`."
    )
    return Diagnostic(code="ci_folder", summary="Project is not at the root", detail=detail)
