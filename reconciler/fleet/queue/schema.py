"""Create the tables of a queue, and bring those of an earlier version up to date.

Two parts share the schema: the tables of procrastinate, whose own migrations are applied in their
order, and the tables below, which hold what the reports need.

| table | holds |
|---|---|
| `fleet_version` | the version of each part |
| `fleet_run` | one command for stacks: who submitted it and when, and whether it was stopped |
| `fleet_stack` | a stack of a run: its words, its status, and the entry of the report once it ended |
"""

from __future__ import annotations

from pathlib import Path

from procrastinate.schema import SchemaManager

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.fleet.queue.connection import SCHEMA, Connection

_MIGRATION_LOCK = 7_425_190_311_870_021_552
"""The advisory lock under which the tables are created or changed."""

_TABLES = """
CREATE TABLE fleet_run (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    schedule text,
    submitted timestamptz NOT NULL DEFAULT now(),
    submitted_by text NOT NULL DEFAULT session_user,
    stop_after_failures integer,
    stopped timestamptz
);
CREATE TABLE fleet_stack (
    run bigint NOT NULL REFERENCES fleet_run ON DELETE CASCADE,
    position integer NOT NULL,
    name text NOT NULL,
    directory text NOT NULL,
    digest text NOT NULL,
    words text[] NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'ended')),
    attempts integer NOT NULL DEFAULT 0,
    worker text,
    started timestamptz,
    ended timestamptz,
    failed boolean,
    entry text,
    PRIMARY KEY (run, name)
);
CREATE INDEX fleet_stack_open ON fleet_stack (run) WHERE status <> 'ended';
"""

_STEPS = (_TABLES,)
"""Statements that lead from each version of our tables to the next one; a step is never changed."""


def migrate(connection: Connection) -> None:
    """Bring the tables to the version of this program; one process at a time.

    Raises ReconcilerError for tables of a later version, psycopg.Error when the role may not create
    them.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS fleet_version (part text PRIMARY KEY, version text NOT NULL)"
        )
        _migrate_jobs(connection)
        _migrate_own(connection)


def is_current(connection: Connection) -> bool:
    """Return whether all tables are there in the version of this program."""
    found = connection.execute("SELECT to_regclass('fleet_version') IS NOT NULL").fetchone()
    if found != (True,):
        return False
    versions = _versions(connection)
    return versions == {"jobs": _list_migrations()[-1].name, "fleet": str(len(_STEPS))}


def _migrate_jobs(connection: Connection) -> None:
    """Create the tables of procrastinate, or apply the migrations that they lack."""
    known = _versions(connection).get("jobs")
    migrations = _list_migrations()
    if known is None:
        _execute_script(connection, SchemaManager.get_schema())
    else:
        names = [path.name for path in migrations]
        if known not in names:
            raise _too_new(f"procrastinate {known}")
        for path in migrations[names.index(known) + 1 :]:
            _execute_script(connection, path.read_text(encoding="utf-8"))
    _set_version(connection, "jobs", migrations[-1].name)


def _migrate_own(connection: Connection) -> None:
    """Apply the steps that our tables lack."""
    known = int(_versions(connection).get("fleet", "0"))
    if known > len(_STEPS):
        raise _too_new(f"version {known}")
    for step in _STEPS[known:]:
        _execute_script(connection, step)
    _set_version(connection, "fleet", str(len(_STEPS)))


def _list_migrations() -> list[Path]:
    """Return the migrations of procrastinate, in the order of their names, which begin with the
    version.
    """
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _versions(connection: Connection) -> dict[str, str]:
    rows = connection.execute("SELECT part, version FROM fleet_version").fetchall()
    versions: dict[str, str] = {}
    for part, version in rows:
        versions[part] = version
    return versions


def _set_version(connection: Connection, part: str, version: str) -> None:
    connection.execute(
        "INSERT INTO fleet_version VALUES (%s, %s) "
        "ON CONFLICT (part) DO UPDATE SET version = excluded.version",
        (part, version),
    )


def _execute_script(connection: Connection, script: str) -> None:
    """Execute statements that take no parameters, so that `%` in them stays as it is."""
    connection.execute(script.encode())


def _too_new(found: str) -> ReconcilerError:
    return ReconcilerError(
        Diagnostic(
            code="queue_too_new",
            summary="The queue belongs to a later version",
            detail=f"Its tables have {found}, which this program does not know. Install the "
            "version of the reconciler that its other workers have.",
        )
    )
