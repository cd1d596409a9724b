"""Check the address of a queue before anything connects to it; pure.

The address comes from the command line or the environment, never from a file of the project. So its
host needs no entry in the allow list. Transport without TLS does, as for a state: who can change the
jobs on their way can make a worker run an apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from reconciler.config.secrets.allow_list import (
    AllowList,
    find_objection,
    read_allow_list,
)
from reconciler.config.secrets.hosts import HostEntry
from reconciler.config.secrets.state_locations import find_servers
from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError

VARIABLE = "RECONCILER_QUEUE"
"""The environment variable that takes the place of `--queue`."""
_SCHEMES = ("postgresql", "postgres")


class QueueAddress(msgspec.Struct, frozen=True):
    """The address of a queue: `location` for libpq, `shown` for messages, without password and
    parameters.
    """

    location: str
    shown: str


def read_queue_address(location: str, environ: Mapping[str, str]) -> QueueAddress:
    """Return the address, checked. Raises UsageError."""
    if location.partition(":")[0] not in _SCHEMES:
        raise _error(
            "A queue is a database of PostgreSQL: --queue postgresql://user@host:5432/database. "
            "Give the password in PGPASSWORD, or in a password file."
        )
    try:
        servers = find_servers(location, environ)
        allowed = read_allow_list(environ)
    except ValueError as error:
        raise _error(
            f"The address of the queue is not certain: {error}. A password belongs in PGPASSWORD, or "
            "in a password file."
        ) from None

    for server in servers:
        # The operator has named this host outside the files: only the encryption is in question.
        own = HostEntry(None, server.origin.host, None)
        known = AllowList(anywhere=(*allowed.anywhere, own))
        objection = find_objection(server.origin, known, "state", encrypted=server.encrypted)
        if objection:
            origin = server.origin
            raise _error(
                f"The queue at `{origin.host}` would be reached without TLS. Add `?sslmode=require` to "
                "its address. In a network of your own, allow it in the environment instead:\n"
                f"  export RECONCILER_ALLOW_HOSTS=postgresql://{origin.host}:{origin.port}"
            )
    return QueueAddress(location, _shorten(location))


def _shorten(location: str) -> str:
    """Return the address without password and parameters."""
    parts = urlsplit(location)
    user, at, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}{at}{host}", query="", fragment="").geturl()


def _error(detail: str) -> UsageError:
    return UsageError(
        Diagnostic(code="queue_address_invalid", summary="The queue cannot be used", detail=detail)
    )
