"""A refusal for a missing permission names the permission and `doctor`, and not the configuration."""

from __future__ import annotations

import json

import pytest

from reconciler.doctor.permissions import NEEDS
from reconciler.kinds.table import KINDS
from reconciler.remote.twilio.errors import CallPlace, refusal_error

REFUSALS = [(403, 70051), (403, 20403), (401, 20403)]
ENDPOINTS = {
    f"{kind.name} {name}": endpoint
    for kind in KINDS.values()
    for name, endpoint in (
        ("list", kind.listing),
        ("create", kind.create),
        ("update", kind.update),
        ("delete", kind.delete),
    )
    if endpoint is not None
}
VERBS = {"GET": "read", "POST": "write", "DELETE": "delete"}


def detail(method: str, path: str, status: int, code: int | None) -> str:
    body = json.dumps({"code": code, "message": "Not permitted", "status": status}).encode()
    return refusal_error(CallPlace("main", method, path), status, body).diagnostics[0].detail


@pytest.mark.parametrize(("status", "code"), REFUSALS)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_call_of_every_kind_names_its_permission(
    name: str, status: int, code: int | None
) -> None:
    endpoint = ENDPOINTS[name]
    text = detail(endpoint.method, endpoint.path, status, code)
    assert f"lacks the permission to {VERBS[endpoint.method]} " in text
    assert "this resource" not in text
    assert "`reconciler doctor`" in text
    assert "configuration is" not in text


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.check)
def test_every_read_that_doctor_checks_has_a_name(need) -> None:  # type: ignore[no-untyped-def]
    assert "this resource" not in detail(need.endpoint.method, need.endpoint.path, 403, 70051)


def test_wrong_credentials_may_be_a_missing_permission_only_for_a_write() -> None:
    path = "/2010-04-01/Accounts/AC1/IncomingPhoneNumbers/PN1.json"
    written = detail("POST", path, 401, 20003)
    assert "is not valid any more, or it lacks the permission to write phone numbers" in written
    assert "lacks the permission" not in detail("GET", path, 401, 20003)
    assert "lacks the permission" not in detail("POST", path, 400, 21421)


def test_a_refusal_without_a_number_of_twilio_names_no_permission() -> None:
    """It may be the page of a proxy."""
    assert "permission to" not in detail("POST", "/v1/Trunks", 403, None)
