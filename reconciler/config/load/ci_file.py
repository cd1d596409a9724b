"""Return the CI file of a project, fitted to the store of its state; pure.

A line of the example that only another store needs is left out, so that a reader sees what the jobs
of this project really use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

CiSystem = Literal["github", "gitlab"]
PLACES: Mapping[CiSystem, str] = {
    "github": ".github/workflows/reconciler.yml",
    "gitlab": ".gitlab-ci.yml",
}
"""Where the CI system looks for the file, from the root of the repository."""


class Store(msgspec.Struct, frozen=True):
    """What the CI file needs for a state in this store.

    `words` mark the lines of this store. `is_cloud` stores know a job by its identity. `settings`
    are the variables and secrets that the owner of the repository sets.
    """

    words: tuple[str, ...]
    settings: tuple[str, ...]
    is_cloud: bool = False


STORES: Mapping[str, Store] = {
    "s3": Store(("aws-", "AWS_"), ("AWS_ROLE", "AWS_REGION"), is_cloud=True),
    "gs": Store(
        ("google-", "GOOGLE_"), ("GOOGLE_PROVIDER", "GOOGLE_SERVICE_ACCOUNT"), is_cloud=True
    ),
    "az": Store(
        ("azure-", "AZURE_"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
        is_cloud=True,
    ),
    "postgresql": Store(("PGHOST", "PGUSER", "PGPASSWORD"), ("PGUSER", "PGPASSWORD")),
    "https": Store(("TF_HTTP_",), ("TF_HTTP_USERNAME", "TF_HTTP_PASSWORD")),
}
"""Scheme of the state → what its store needs."""
_ALIASES = {"postgres": "postgresql", "http": "https"}
_TWILIO = (
    "TWILIO_ACCOUNT_SID",
    "TWILIO_READ_KEY",
    "TWILIO_READ_SECRET",
)
_WRITE_KEY: Mapping[CiSystem, tuple[str, ...]] = {
    "github": ("TWILIO_API_KEY", "TWILIO_API_SECRET"),
    "gitlab": ("TWILIO_WRITE_KEY", "TWILIO_WRITE_SECRET"),
}
_GITLAB_NAMES = {"AWS_ROLE": "AWS_ROLE_ARN", "GOOGLE_SERVICE_ACCOUNT": "GOOGLE_ACCOUNT"}
"""Settings with another name in GitLab, where each variable is in the environment of the job: the
libraries of the stores read AWS_ROLE_ARN, and would take GOOGLE_SERVICE_ACCOUNT for a file.
"""
_CLOUD_LINES = ("id-token",)
"""Words of lines that every cloud needs, in the GitHub workflow."""


def find_store(state: str) -> Store | None:
    """Return the store of a state; None for a file, which a CI job loses with its checkout."""
    scheme, separator, _ = state.partition("://")
    return STORES.get(_ALIASES.get(scheme, scheme)) if separator else None


def fit_github(template: str, store: Store, hosts: Sequence[str], directory: str) -> str:
    """Return the workflow for this store.

    `hosts` are allowed to receive secrets; `directory` is the folder of the project, from the root
    of the repository.
    """
    unwanted: list[str] = []
    for other in STORES.values():
        if other != store:
            unwanted += other.words
    if not store.is_cloud:
        unwanted += _CLOUD_LINES

    lines = []
    for line in template.splitlines():
        if any(word in line for word in unwanted):
            continue
        lines.append(line)
        if directory != "." and re.fullmatch(r"          command: \w+", line):
            lines.append(f"          directory: {json.dumps(directory)}")
    text = "\n".join(lines) + "\n"
    return _allow_hosts(text, hosts)


def fit_gitlab(template: str, hosts: Sequence[str]) -> str:
    """Return the pipeline with these hosts; its lines for clouds have no effect without variables."""
    return _allow_hosts(template, hosts)


def list_settings(system: CiSystem, store: Store) -> list[str]:
    """Return the variables and secrets that the CI system must have, in the order of the guide."""
    settings = [*_TWILIO, *_WRITE_KEY[system]]
    own_state = system == "gitlab" and store == STORES["https"]
    if not own_state:  # GitLab's own state is read with the token of the job
        settings += store.settings
    if system == "gitlab":
        settings = [_GITLAB_NAMES.get(name, name) for name in settings]
    return settings


def _allow_hosts(text: str, hosts: Sequence[str]) -> str:
    """Return the text with the hosts as a literal: a fork does not get variables."""
    return text.replace(
        'RECONCILER_ALLOW_HOSTS: ""', f"RECONCILER_ALLOW_HOSTS: {json.dumps(','.join(hosts))}"
    )
