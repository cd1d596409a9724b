"""Read the allow list of hosts from the environment, extend it, and decide whether secrets may be
sent to an origin; pure.

The configuration may come from a pull request, so its files alone never send a secret to a new
host. Allowed hosts are fixed in the program (Twilio and the platforms), or come from the
environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from reconciler.config.secrets.hosts import (
    HostEntry,
    Origin,
    entry_for,
    find_matches,
    is_loopback,
    read_entry,
    read_origin,
)
from reconciler.kinds.platforms.table import PLATFORM_KINDS

VARIABLE = "RECONCILER_ALLOW_HOSTS"
"""Entries, separated by commas. `--allow-host` adds to it."""

Use = Literal["account", "platform", "state"]
"""The purpose of a host."""

_TWILIO = HostEntry("https", "*.twilio.com", None)
_URLS_OF_TWILIO = ("TWILIO_BASE_URL",)
_URLS_OF_STATE = ("TF_HTTP_ADDRESS", "TF_HTTP_LOCK_ADDRESS", "TF_HTTP_UNLOCK_ADDRESS")
_HOSTS_OF_POSTGRESQL = ("PGHOST", "PGHOSTADDR")


class AllowList(msgspec.Struct, frozen=True):
    """The hosts that the environment allows: `anywhere` for every secret, others for one use."""

    anywhere: tuple[HostEntry, ...] = ()
    accounts: tuple[HostEntry, ...] = ()
    state: tuple[HostEntry, ...] = ()
    gitlab: str = ""
    """The address of the API of the GitLab that runs this job; a state below it is allowed."""


def read_allow_list(environ: Mapping[str, str]) -> AllowList:
    """Return the allow list of this environment. Raises ValueError for an entry that is unusable."""
    anywhere = []
    for text in environ.get(VARIABLE, "").split(","):
        if text.strip():
            try:
                anywhere.append(read_entry(text))
            except ValueError as error:
                raise ValueError(
                    f"`{text.strip()}` in {VARIABLE} (or `--allow-host`) cannot be used: {error}."
                ) from None

    return AllowList(
        tuple(anywhere),
        tuple(_origins(environ, _URLS_OF_TWILIO)),
        (*_origins(environ, _URLS_OF_STATE), *_hosts(environ)),
        environ.get("CI_API_V4_URL", ""),
    )


def find_objection(
    origin: Origin,
    allowed: AllowList,
    use: Use,
    *,
    encrypted: bool | None = None,
    platform: str = "",
    location: str = "",
) -> str:
    """Return why no secret may be sent to this origin; "" when it may.

    `encrypted` is None when the scheme decides. `location` is that of a state.
    """
    if is_loopback(origin.host):
        return ""
    entries = [*allowed.anywhere, *_entries_for(use, allowed, platform, location)]
    matches = find_matches(entries, origin)
    host = str(origin).partition("://")[2]

    if not matches:
        over_tls = origin.scheme == "http" and find_matches(
            entries, Origin("https", origin.host, origin.port)
        )
        if not over_tls:
            return f"`{host}` is none of the hosts that this secret may be sent to. {_cure(origin)}"

    # An entry without a scheme allows the host, but not to send secrets to it without TLS.
    uses_tls = origin.scheme == "https" if encrypted is None else encrypted
    if uses_tls or any(entry.scheme is not None for entry in matches):
        return ""
    better = "`sslmode=require`" if origin.scheme == "postgresql" else "https://"
    return f"The secret would be sent to `{host}` without TLS: use {better}. {_cure(origin)}"


def extend_allow_list(environ: Mapping[str, str], entries: Iterable[str]) -> Mapping[str, str]:
    """Return the environment with these entries added to its allow list."""
    added = [entry for entry in entries if entry]
    if not added:
        return environ
    return {**environ, VARIABLE: ",".join(filter(None, [environ.get(VARIABLE, ""), *added]))}


def _cure(origin: Origin) -> str:
    """Return how to allow the origin from outside the files."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    entry = host if origin.scheme == "https" else f"{origin.scheme}://{host}:{origin.port}"
    return (
        "Files cannot allow it, because a pull request changes files. If the host is yours, allow it with "
        f"`--allow-host {entry}`, or in the environment:\n  export {VARIABLE}={entry}"
    )


def _entries_for(use: Use, allowed: AllowList, platform: str, location: str) -> list[HostEntry]:
    if use == "account":
        return [_TWILIO, *allowed.accounts]
    if use == "platform":
        # The sandbox that TWILIO_BASE_URL names also simulates the platforms.
        kind = PLATFORM_KINDS.get(platform)
        if kind is None:
            return [*allowed.accounts]
        hosts = (kind.api_host, *kind.regional_hosts)
        return [*allowed.accounts, *(HostEntry("https", host, None) for host in hosts)]
    return [*allowed.state, *_gitlab(allowed, location)]


def _gitlab(allowed: AllowList, location: str) -> list[HostEntry]:
    """Return the GitLab of this job for a state of its API; no other address gets the job's token."""
    if not (allowed.gitlab and location.startswith(f"{allowed.gitlab}/")):
        return []
    try:
        return [entry_for(read_origin(allowed.gitlab))]
    except ValueError:
        return []


def _origins(environ: Mapping[str, str], names: Iterable[str]) -> list[HostEntry]:
    """Return exactly the servers that these variables name; a value that is no URL allows none."""
    found = []
    for name in names:
        try:
            found.append(entry_for(read_origin(environ.get(name, ""))))
        except ValueError:
            continue
    return found


def _hosts(environ: Mapping[str, str]) -> list[HostEntry]:
    """Return the servers that libpq's variables name; paths of sockets need no entry."""
    found = []
    for name in _HOSTS_OF_POSTGRESQL:
        for host in environ.get(name, "").split(","):
            try:
                entry = read_entry(host)
            except ValueError:
                continue
            found.append(HostEntry(None, entry.host, None))
    return found
