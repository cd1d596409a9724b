"""Connect to the database of a queue; all its tables are in a schema of their own.

Credentials are libpq's own: PGPASSWORD, or a password file.
"""

from __future__ import annotations

from typing import Any

import psycopg

from reconciler.diagnostics import Diagnostic
from reconciler.fleet.queue.address import QueueAddress

SCHEMA = "reconciler_fleet"
"""The schema of the queue: states may be in the same database, in another schema."""

Connection = psycopg.Connection[tuple[Any, ...]]

PARAMETERS: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": 3,
    "application_name": "reconciler queue",
    "client_encoding": "UTF8",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
"""Parameters of every connection, in seconds (the last one in milliseconds): a server that is gone is
noticed in less time than another worker waits before it takes a stack over.
"""

SETTINGS = f"""
SET search_path = {SCHEMA};
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET statement_timeout = '30s';
"""
"""Settings of every session: the server also notices a client that is gone, and frees its locks."""


def connect(address: QueueAddress) -> Connection:
    """Return a new connection to the queue. Raises psycopg.Error."""
    connection = psycopg.connect(address.location, **PARAMETERS)
    try:
        connection.execute(SETTINGS)
    except psycopg.Error:
        connection.close()
        raise
    return connection


async def configure_session(connection: psycopg.AsyncConnection[Any]) -> None:
    """Apply the settings to a new connection of a pool."""
    await connection.execute(SETTINGS)


def describe_unreachable(address: QueueAddress, error: Exception, more: str = "") -> Diagnostic:
    """Return the error of a queue that does not answer; libpq's message names no password."""
    reason = " ".join(str(error).split())
    return Diagnostic(
        code="queue_unreachable",
        summary="The queue cannot be used",
        detail=f"{address.shown}: {reason}{more}",
    )
