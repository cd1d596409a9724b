"""Refuse to create a local state in CI, where it is soon lost, unless all servers are test servers;
also build the error of a drift run without records. No I/O.

The folder of a CI job is usually deleted after it. The next job would find no state, import
everything again and record our own webhooks as prior values.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from reconciler.config.project import Project
from reconciler.config.secrets.hosts import is_loopback
from reconciler.diagnostics import Diagnostic

_NOT_IN_CI = frozenset({"", "0", "false"})


def refuse_local_state(project: Project, environ: Mapping[str, str]) -> Diagnostic | None:
    """Return why an apply must not create a local state here; None where it may.

    For runs without a state only: a file that exists in CI was brought there.
    """
    if environ.get("CI", "").strip().lower() in _NOT_IN_CI or "://" in project.state:
        return None
    if all(is_test_server(url) for url in _base_urls(project)):
        return None
    return _local_state_in_ci(project, environ)


def _base_urls(project: Project) -> list[str | None]:
    """Return the base URL of every account that a declared resource is in; None: the vendor's own.

    The account of a number outside Twilio is its platform.
    """
    urls: list[str | None] = []
    for name in {want.profile.account for want in project.desired}:
        account, platform = project.accounts.get(name), project.platforms.get(name)
        if account is not None:
            urls.append(account.base_url)
        elif platform is not None:
            urls.append(platform.base_url)
    return urls


def is_test_server(url: str | None) -> bool:
    """Return whether a base URL leads to a sandbox: a loopback address, or plain http.

    Twilio and the platforms answer with TLS alone. Plain http to any other host has been allowed
    from outside the files, or the configuration would be invalid.
    """
    if url is None:
        return False
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" or is_loopback(parts.hostname or "")


def _local_state_in_ci(project: Project, environ: Mapping[str, str]) -> Diagnostic:
    shared = f"s3://BUCKET/{project.name}.json"
    api, number = environ.get("CI_API_V4_URL"), environ.get("CI_PROJECT_ID")
    if api and number:
        # GitLab keeps states itself, and a job's own token is enough for it.
        shared = f"{api}/projects/{number}/terraform/state/{project.name}"

    return Diagnostic(
        code="local_state_in_ci",
        summary="New local state in CI",
        detail=f"`CI` is set, and the state file {project.state} does not exist yet. The folder of a CI job is usually "
        "thrown away, and with it what apply records: which numbers are managed, and what they pointed at before. "
        "Declare a place that every run shares (docs/explanation/state.md lists all of them):\n"
        f"  state: {shared}\n"
        "If this folder is kept from job to job, accept the file with\n"
        "  --local-state",
    )


def no_record_error(project: Project) -> Diagnostic:
    """Return the error of a drift run whose resources are not recorded."""
    place = project.state.partition("?")[0]
    return Diagnostic(
        code="nothing_recorded",
        summary="Nothing recorded to compare with",
        detail=f"The state ({place}) records none of the chosen resources, so it is unknown whether they "
        "have drifted. If they were never applied, run\n"
        "  reconciler apply\n"
        "If they were applied elsewhere, set `state` to the place that the apply wrote to.",
    )
