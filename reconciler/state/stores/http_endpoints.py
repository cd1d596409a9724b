"""Determine URLs, methods and credentials of a state behind Terraform's HTTP protocol, from
Terraform's variables or GitLab's job token; sends nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import msgspec


class HttpEndpoints(msgspec.Struct, frozen=True):
    """The URLs, methods and credentials of the requests for one state."""

    state: str
    lock: str
    unlock: str
    lock_method: str = "LOCK"
    unlock_method: str = "UNLOCK"
    update_method: str = "POST"
    authorization: str = ""


def read_endpoints(location: str, environ: Mapping[str, str]) -> HttpEndpoints:
    """Return the endpoints of a state from Terraform's variables; GitLab's own URLs need none."""
    gitlab = "/api/v4/projects/" in location and "/terraform/state/" in location
    lock = environ.get("TF_HTTP_LOCK_ADDRESS") or (f"{location}/lock" if gitlab else location)

    # A GitLab job has a token of its own. It is sent to that GitLab only, never to another server.
    user, password = environ.get("TF_HTTP_USERNAME", ""), environ.get("TF_HTTP_PASSWORD", "")
    api = environ.get("CI_API_V4_URL")
    if not password and api and location.startswith(f"{api}/"):
        user, password = "gitlab-ci-token", environ.get("CI_JOB_TOKEN", "")
    basic = b64encode(f"{user}:{password}".encode()).decode()

    return HttpEndpoints(
        state=location,
        lock=lock,
        unlock=environ.get("TF_HTTP_UNLOCK_ADDRESS") or lock,
        lock_method=environ.get("TF_HTTP_LOCK_METHOD") or ("POST" if gitlab else "LOCK"),
        unlock_method=environ.get("TF_HTTP_UNLOCK_METHOD") or ("DELETE" if gitlab else "UNLOCK"),
        update_method=environ.get("TF_HTTP_UPDATE_METHOD") or "POST",
        authorization=f"Basic {basic}" if user or password else "",
    )
