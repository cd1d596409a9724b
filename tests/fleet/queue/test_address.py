"""Which queues may be connected to."""

from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.fleet.queue.address import read_queue_address


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://fleet@127.0.0.1:5432/fleet",
        "postgresql://fleet@localhost/fleet",
        "postgres://fleet@db.example.com/fleet?sslmode=require",
        "postgresql://fleet@db.example.com:5433/fleet?sslmode=verify-full",
        "postgresql:///fleet?host=/run/postgresql",
    ],
)
def test_loopback_sockets_and_tls_are_taken(location: str) -> None:
    assert read_queue_address(location, {}).location == location


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "database of PostgreSQL"),
        ("redis://127.0.0.1", "database of PostgreSQL"),
        ("./queue.db", "database of PostgreSQL"),
        ("POSTGRESQL://db.example.com/fleet", "database of PostgreSQL"),
        ("postgresql://fleet:hidden@[db/fleet", "not certain"),
        ("postgresql://fleet@db.example.com/fleet", "without TLS"),
        ("postgresql://fleet@db.example.com/fleet?sslmode=prefer", "without TLS"),
        ("postgresql://fleet@127.0.0.1/fleet?host=db.example.com", "without TLS"),
        ("postgresql://fleet@127.0.0.1/fleet?service=other", "not certain"),
    ],
)
def test_others_are_refused_with_a_reason(location: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_queue_address(location, {})


def test_a_network_of_its_own_can_be_allowed_without_tls() -> None:
    allowed = {"RECONCILER_ALLOW_HOSTS": "postgresql://db:5432"}
    assert read_queue_address("postgresql://fleet@db:5432/fleet", allowed)
    with pytest.raises(UsageError, match="without TLS"):
        read_queue_address("postgresql://fleet@db:5433/fleet", allowed)


def test_a_password_is_refused_and_not_repeated() -> None:
    """Every user of a machine can read the command lines of its processes."""
    with pytest.raises(UsageError, match="PGPASSWORD") as caught:
        read_queue_address("postgresql://fleet:hunter2@localhost/fleet?sslmode=require", {})
    assert "hunter2" not in str(caught.value)


def test_parameters_are_not_shown() -> None:
    location = "postgresql://fleet@localhost/fleet?sslcert=/etc/fleet.pem"
    assert read_queue_address(location, {}).shown == "postgresql://fleet@localhost/fleet"
