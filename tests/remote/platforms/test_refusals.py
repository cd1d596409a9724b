"""Every documented refusal, word for word from the documents, comes out as its code with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event
from typing import Any

import pytest

from reconciler.config.project import PlatformSettings, Secret
from reconciler.errors import RemoteError
from reconciler.model.position import Position
from reconciler.remote.platforms.contract import RegisteredNumber, RegistrationRequest, Vault
from reconciler.remote.platforms.errors import CURES
from reconciler.remote.platforms.registry import connect
from tests.support.adapter_runner import AC, KEY, KINDS, ONE, TOKEN, UUIDS, LiteralVault
from tests.support.scripted_server import Answer, FakeClock, Seen, Server

SID = "PN" + "0e" * 16


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def asked(name: str) -> RegistrationRequest:
    return RegistrationRequest(f"registration/p/{ONE}", ONE, KINDS[name].attrs, "main", SID)


def adapter(
    server: Server,
    name: str,
    vault: Vault | None = None,
    connections: dict[str, str] | None = None,
) -> Any:
    place = Position("reconciler.yaml", 1, 1)
    known = {"main": KINDS[name].connection} if KINDS[name].connection else {}
    settings = PlatformSettings(
        name="p",
        type=name,
        base_url=server.url,
        secrets={"api_key": Secret("KEY", None, place)},
        connections=known if connections is None else connections,
        texts={"organization_id": "org_1"},
        position=place,
    )
    return connect(
        settings, vault or LiteralVault(), stop=Event(), clock=FakeClock(), jitter=lambda: 1.0
    )


def imported(
    server: Server, name: str, number: RegistrationRequest | None = None
) -> RegisteredNumber | RemoteError:
    p = adapter(server, name)
    try:
        [result] = p.create([number or asked(name)])
    finally:
        p.close()
    assert isinstance(result, RegisteredNumber | RemoteError)
    return result


def nixflex(code: str) -> dict[str, object]:
    return {"error": {"type": "t", "code": code, "message": "m", "doc_url": "d", "details": None}}


def pydantic(message: str) -> dict[str, object]:
    finding = {
        "loc": ["body", "twilio_number_sid", 0],
        "msg": message,
        "type": "value_error",
        "input": KEY,
    }
    return {"detail": [finding]}


def feather(seen: Seen) -> list[dict[str, str]]:
    """Return what Feather lists: its Twilio connections, and nothing else."""
    if not seen.path.endswith("/connections"):
        return []
    return [{"id": each, "integration_key": "twilio"} for each in UUIDS[:1]]


@pytest.mark.parametrize(
    ("connections", "declared", "code"),
    [
        ([], True, "no_twilio_integration"),
        (UUIDS[1:2], True, "integration_not_found"),
        (UUIDS[:2], False, "ambiguous_integration"),
        (UUIDS[:1], True, "validation_error"),
    ],
)
def test_connections_of_feather_decide_the_code_of_a_validation(
    server: Server, connections: list[str], declared: bool, code: str
) -> None:
    """FEA-8, FEA-14: not the words, which are the same here."""
    refused = Answer(status=422, body=pydantic("Extra inputs are not permitted: integration"))
    rows = [{"id": each, "integration_key": "twilio"} for each in connections]
    server.behaves(
        lambda seen: (
            refused
            if seen.method == "POST"
            else Answer(body=rows if seen.path.endswith("/connections") else [])
        )
    )
    p = adapter(server, "feather", connections={} if not declared else None)
    [result] = p.create([asked("feather")])
    p.close()
    assert isinstance(result, RemoteError)
    assert result.code == code
    assert "Extra inputs are not permitted" in str(result)


DASHA = {"successCount": 0, "failedCount": 1}


@pytest.mark.parametrize(
    ("name", "status", "body", "code"),
    [
        *(
            ("nixflex", status, nixflex(theirs), ours)
            for status, theirs, ours in (
                (400, "missing_field", "missing_field"),
                (400, "invalid_phone_format", "invalid_phone_format"),
                (400, "invalid_twilio_sid", "invalid_twilio_sid"),
                (404, "agent_not_found", "agent_not_found"),
                (403, "agent_not_owned", "agent_not_owned"),
                (404, "number_not_in_twilio", "number_not_in_twilio"),
                (401, "twilio_invalid_credentials", "twilio_invalid_credentials"),
                (401, "twilio_auth_failed", "twilio_auth_failed"),
                (409, "number_already_imported", "number_already_imported"),
                (401, "invalid_api_key", "invalid_api_key"),
                (401, "key_secret_required", "invalid_api_key"),
            )
        ),
        ("butter", 400, {"message": "Missing required fields"}, "missing_field"),
        ("butter", 400, {"error": "Invalid provider"}, "invalid_provider"),
        ("butter", 404, {"detail": "Integration not found"}, "integration_not_found"),
        (
            "butter",
            403,
            {"message": "Integration belongs to different organization"},
            "integration_wrong_org",
        ),
        (
            "butter",
            409,
            {"message": "Phone number already exists in the system"},
            "number_already_imported",
        ),
        ("butter", 200, {"success": False, "message": "no", "data": None}, "success_false"),
        ("butter", 400, {"error": "The provider is busy"}, "platform_refused"),
        ("feather", 422, pydantic("String should have at most 64 characters"), "validation_error"),
        ("feather", 401, {"error": "unauthorized", "message": "no key"}, "invalid_api_key"),
        ("feather", 418, {"error": "teapot", "message": "no"}, "platform_refused"),
        (
            "ravan",
            200,
            {"success": False, "message": "nothing that is known", "data": None},
            "success_false",
        ),
        ("ravan", 200, {"message": "no word of success"}, "success_false"),
        (
            "ravan",
            200,
            {"success": False, "message": "number_sid is required: not found already"},
            "success_false",
        ),
        ("ravan", 409, {"message": "no"}, "number_already_imported"),
        ("ravan", 401, {"message": "no"}, "invalid_api_key"),
        ("ravan", 403, {"message": "no"}, "platform_forbidden"),
        ("ravan", 400, {"message": "no"}, "platform_refused"),
        ("ravan", 503, {"message": "no"}, "platform_unavailable"),
        ("dasha", 401, {"title": "Unauthorized", "status": 401}, "invalid_api_key"),
        (
            "dasha",
            404,
            {"title": "Not Found", "detail": "no such provider", "status": 404},
            "integration_not_found",
        ),
    ],
)
def test_a_refusal_of_an_import_has_its_code_and_a_cure(
    server: Server, name: str, status: int, body: object, code: str
) -> None:
    lists = {"phone_numbers": [], "data": [], "items": []}
    writing = Answer(status=status, body=body)
    server.behaves(
        lambda seen: (
            writing
            if seen.method == "POST"
            else Answer(body=feather(seen) if name == "feather" else lists)
        )
    )
    result = imported(server, name)
    assert isinstance(result, RemoteError)
    assert result.code == code
    assert result.diagnostics[0].detail.endswith(CURES[code][1])
    assert KEY not in str(result)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Not found: it does not exist in the Twilio account", "number_not_in_twilio"),
        ("Already imported", "number_already_imported"),
        ("Trunk attachment failed: 20429", "trunk_attachment_failed"),
        ("The trunk was not found already", "platform_refused"),
        ("Something else", "platform_refused"),
    ],
)
def test_each_error_of_a_bulk_import_under_status_200_has_its_code(
    server: Server, message: str, code: str
) -> None:
    errors = [{"phoneNumberSid": SID, "errorMessage": message}]
    server.behaves(
        lambda seen: Answer(
            body={**DASHA, "errors": errors} if seen.method == "POST" else {"items": []}
        )
    )
    result = imported(server, "dasha")
    assert isinstance(result, RemoteError)
    assert result.code == code
    assert message in str(result)


@pytest.mark.parametrize("errors", [None, []])
def test_null_errors_count_as_success_only_if_the_list_confirms_it(
    server: Server, errors: object
) -> None:
    answer = {"successCount": 1, "failedCount": 0, "errors": errors}
    there = {"items": [{"id": "x", "phoneNumber": ONE, "incomingCallsAgentId": None}]}
    server.behaves(lambda seen: Answer(body=answer if seen.method == "POST" else there))
    assert imported(server, "dasha") == RegisteredNumber("x", ONE, {"agent": None})
    server.behaves(lambda seen: Answer(body=answer if seen.method == "POST" else {"items": []}))
    assert isinstance(imported(server, "dasha"), RemoteError)


def test_a_validation_error_names_the_place_and_hides_the_input(server: Server) -> None:
    server.answers(Answer(status=422, body=pydantic("String should have at most 64 characters")))
    result = imported(
        server, "feather", RegistrationRequest("a", ONE, {"bridge": True}, "main", SID)
    )
    assert "body.twilio_number_sid.0: String should have at most 64 characters" in str(result)
    assert KEY not in str(result)


def test_sids_are_sent_in_lower_case_and_once(server: Server) -> None:
    server.behaves(
        lambda seen: Answer(
            body={**DASHA, "errors": None} if seen.method == "POST" else {"items": []}
        )
    )
    p = adapter(server, "dasha")
    p.create(
        [
            RegistrationRequest("a", ONE, {}, "main", "PN" + "AB" * 16),
            RegistrationRequest("b", "+15550100102", {}, "main", "PN" + "ab" * 16),
        ]
    )
    p.close()
    [sent] = [seen.body for seen in server.seen if seen.method == "POST"]
    assert sent == '{"phoneNumberSids":["PN' + "ab" * 16 + '"]}'


def test_an_account_sid_that_nixflex_would_refuse_is_refused_before_the_token_is_sent(
    server: Server,
) -> None:
    class Capitals(LiteralVault):
        def twilio(self, account: str) -> tuple[str, str]:
            return AC.upper(), TOKEN

    p = adapter(server, "nixflex", Capitals())
    [result] = p.create([asked("nixflex")])
    p.close()
    assert isinstance(result, RemoteError)
    assert result.code == "invalid_twilio_sid"
    assert server.seen == []


HEADERS = {
    "nixflex": {"Authorization": f"Bearer {KEY}"},
    "feather": {"x-api-key": KEY},
    "butter": {"X-API-Key": KEY, "X-Organization-Id": "org_1"},
    "dasha": {"Authorization": f"Bearer {KEY}"},
    "ravan": {"X-Api-Key": KEY},
}


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_each_platform_gets_its_key_in_its_own_header_and_json(server: Server, name: str) -> None:
    server.answers(Answer(status=401, body={}))
    imported(server, name)
    check_headers(server, name)


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_every_call_of_a_platform_has_the_same_headers(server: Server, name: str) -> None:
    """Every operation is tried, whatever it makes of the answer."""
    there, request = RegisteredNumber("id1", ONE, {"agent": "a", "bridge": False}), asked(name)
    server.behaves(lambda seen: Answer(body=feather(seen) if name == "feather" else {}))
    p = adapter(server, name)
    calls: tuple[Callable[[], object], ...] = (
        lambda: p.list([request]),
        lambda: p.preflight([request]),
        lambda: p.create([request]),
        lambda: p.link(there, request),
        lambda: p.update(there, request),
        lambda: p.delete(there),
        p.verify,
    )
    made = 0
    for call in calls:
        before = len(server.seen)
        with suppress(RemoteError, AssertionError, KeyError, NotImplementedError):
            call()
        made += len(server.seen) > before
    p.close()
    assert made >= 2, "more than the import"
    assert any(seen.body for seen in server.seen)
    check_headers(server, name)


def check_headers(server: Server, name: str) -> None:
    """Every call names its key, and JSON where it has a body."""
    for seen in server.seen:
        sent = {header.lower(): value for header, value in seen.headers.items()}
        assert {header: sent.get(header.lower()) for header in HEADERS[name]} == HEADERS[name]
        assert name in ("nixflex", "dasha") or "authorization" not in sent
        assert sent.get("content-type") == ("application/json" if seen.body else None)


def test_adds_a_trailing_slash_where_the_server_needs_one(server: Server) -> None:
    done = Answer(body={"success": True, "data": {"id": "r1", "price": 1, "is_active": None}})
    server.behaves(
        lambda seen: (
            done if seen.path.endswith("/") else Answer(status=307, headers={"Location": "/x"})
        )
    )
    assert imported(server, "ravan") == RegisteredNumber("r1", ONE, {})
    first, second = server.seen
    assert (second.method, second.path, second.body) == ("POST", f"{first.path}/", first.body)


PURCHASED = {
    "id": "r1",
    "telephony_id": "t1",
    "subscription_id": "s1",
    "inbound_trunk_id": "in1",
    "outbound_trunk_id": "out1",
    "number": ONE,
    "friendly_name": "Sales",
    "per_minute_price_inbound": 1,
    "per_minute_price_outbound": 2,
    "price": 1,
    "region": "CA",
    "iso_country": "US",
    "is_active": True,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}
"""The documented answer of Ravan, with every field."""


def test_no_field_of_an_answer_of_ravan_is_needed_but_success(server: Server) -> None:
    for body in ({"success": True}, {"success": True, "data": None}, {"success": True, "data": []}):
        server.answers(Answer(body=body))
        assert imported(server, "ravan") == RegisteredNumber(ONE, ONE, {})


@pytest.mark.parametrize("name", PURCHASED)
@pytest.mark.parametrize("value", ["missing", None, "another", 17, {}])
def test_only_the_id_of_a_number_of_ravan_is_read(server: Server, name: str, value: object) -> None:
    """Neither its trunks nor any other field, which may be missing or have any value."""
    data = {field: kept for field, kept in PURCHASED.items() if field != name}
    if value != "missing":
        data[name] = value
    server.answers(Answer(body={"success": True, "data": data}))
    sid = "r1" if name != "id" else "another" if value == "another" else ONE
    assert imported(server, "ravan") == RegisteredNumber(sid, ONE, {})
    assert len(server.seen) == 1, "the import, and no call about trunks"


BRIDGE = RegistrationRequest("a", ONE, {"bridge": True}, "main", SID)
VIEW = {
    "id": "b1",
    "phone_e164": ONE,
    "twilio_sid": SID,
    "status": "a word that nobody knows",
    "created_at": "t",
}


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("bridge", [True, False])
def test_feather_gets_no_credentials_of_twilio(
    server: Server, connected: bool, bridge: bool
) -> None:
    server.behaves(lambda seen: Answer(body=[] if seen.method == "GET" else {}))
    attrs = {**KINDS["feather"].attrs, "bridge": bridge}
    p = adapter(server, "feather", connections=None if connected else {})
    p.create([RegistrationRequest("a", ONE, attrs, "main", SID)])
    p.close()
    [sent] = [json.loads(seen.body) for seen in server.seen if seen.method == "POST"]
    chosen = {"integration_connection_id"} if connected else set()
    number = {"twilio_number_sid"} if bridge else {"phone_e164", "vendor", "vendor_mode"}
    assert sent.keys() == number | chosen | (set() if bridge else {"capabilities"})
    for seen in server.seen:
        assert not {AC, TOKEN} & {*seen.headers.values()}
        assert AC not in seen.body
        assert TOKEN not in seen.body


@pytest.mark.parametrize(
    "more", [{}, {"integration_connection_id": None}, {"integration_connection_id": "c1"}]
)
def test_reads_a_bridge_number_with_any_status_and_connection(
    server: Server, more: dict[str, object]
) -> None:
    server.answers(Answer(body={**VIEW, **more}))
    assert imported(server, "feather", BRIDGE) == RegisteredNumber("b1", ONE, {"bridge": True})


def test_butter_gets_the_fields_of_one_provider_only_and_both_directions_in_full(
    server: Server,
) -> None:
    row = {"phone_number_id": "phon_a1b2c3d4e5f6", "phone_number": ONE, "status": "free"}
    server.behaves(
        lambda seen: Answer(status=201, body={"success": True, "message": "any", "data": row})
    )
    imported(server, "butter")
    sip = {
        "supports_inbound": False,
        "supports_outbound": True,
        "server_address": "sip.example.com",
        "username": "u",
    }
    imported(
        server,
        "butter",
        RegistrationRequest(
            "registration/p/x",
            ONE,
            {**sip, "media_encryption": "allow", "room_name": "{any} pattern*"},
        ),
    )
    twilio, other = (fields(seen) for seen in server.seen if seen.method == "POST")
    assert twilio == {
        "phone_number": ONE,
        "provider": "twilio",
        "supports_inbound": True,
        "supports_outbound": True,
        "integration_id": "intg_a1b2c3d4e5f6",
    }
    assert other.keys() == {
        "phone_number",
        "provider",
        "supports_inbound",
        "supports_outbound",
        "sip_server_address",
        "sip_username",
        "sip_password",
        "inbound_pin",
        "media_encryption",
        "inbound_room_name",
    }
    assert other["inbound_room_name"] == "{any} pattern*", (
        "its form is not described: as it was written"
    )


def fields(seen: Seen) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(seen.body)
    return found
