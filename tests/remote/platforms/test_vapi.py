"""Vapi: requests hold documented fields only, every documented refusal has its code, and no credential that Vapi
returns goes any further."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from reconciler.config.project import PlatformSettings, Secret
from reconciler.errors import RemoteError
from reconciler.kinds.platforms.vapi import SAME
from reconciler.model.credentials import TwilioLogin
from reconciler.model.position import Position
from reconciler.model.route import Attrs
from reconciler.remote.platforms.contract import RegisteredNumber, RegistrationRequest
from reconciler.remote.platforms.errors import CURES
from reconciler.remote.platforms.registry import connect
from tests.support.adapter_runner import AC, ONE, TOKEN, TWO, LiteralVault
from tests.support.scripted_server import Answer, FakeClock, Seen, Server

THEIR_TOKEN, THEIR_SECRET = "5e" * 16, "Aq3" * 10 + "zz"
SK, SECRET = "SK" + "3c" * 16, "pl4nted-secret-of-a-key"
ASSISTANT, SQUAD = "aafd4a02-523b-4675-8341-cfcc9b7a9a04", "3f6c1a52-8e1b-4b0f-9a77-2f6d0c1b5e90"
ATTRS: Attrs = {
    "agent": ASSISTANT,
    "provider": "twilio",
    "sms_enabled": True,
    "credentials": SAME,
}
COMMON: dict[str, object] = {
    "provider": str,
    "number": str,
    "twilioAccountSid": str,
    "twilioAuthToken": str,
    "twilioApiKey": str,
    "twilioApiSecret": str,
    "smsEnabled": bool,
    "assistantId": (str, type(None)),
    "squadId": (str, type(None)),
    "workflowId": (str, type(None)),
    "server": (dict, type(None)),
}
"""The documented fields that this project sends, in a create and in an update, with their types."""


class KeyVault(LiteralVault):
    """The account has an API key."""

    def login(self, account: str) -> TwilioLogin:
        return TwilioLogin(AC, None, SK, SECRET)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def adapter(server: Server, vault: LiteralVault | None = None) -> Any:
    place = Position("reconciler.yaml", 1, 1)
    settings = PlatformSettings(
        name="p",
        type="vapi",
        base_url=server.url,
        secrets={"api_key": Secret("KEY", None, place)},
        connections={},
        texts={},
        position=place,
    )
    clock = FakeClock()
    return connect(settings, vault or LiteralVault(), stop=Event(), clock=clock, jitter=lambda: 1.0)


def asked(key: str = ONE, *, begun: bool = False, **attrs: object) -> RegistrationRequest:
    whole: Any = {**ATTRS, **attrs}
    return RegistrationRequest(f"registration/p/{key}", key, whole, "main", "PN" + "1" * 32, begun)


def record(key: str = ONE, **fields: object) -> dict[str, object]:
    return {
        "id": f"id-of-{key}",
        "orgId": "org",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "status": "active",
        "provider": "twilio",
        "number": key,
        "twilioAccountSid": AC,
        "twilioAuthToken": TOKEN,
        "assistantId": ASSISTANT,
        "smsEnabled": True,
        **fields,
    }


def sent(server: Server) -> list[tuple[str, str, Any]]:
    return [(seen.method, seen.path, json.loads(seen.body or b"null")) for seen in server.seen]


def check_documented(body: dict[str, object]) -> None:
    for name, value in body.items():
        assert isinstance(value, COMMON[name]), name  # type: ignore[arg-type]
    assert body["provider"] == "twilio"
    assert "smsEnabled" in body, "its default would overwrite the messaging URL"


@pytest.mark.parametrize(
    ("vault", "attrs", "expected"),
    [
        (LiteralVault(), {}, {"twilioAuthToken": TOKEN, "assistantId": ASSISTANT}),
        (
            KeyVault(),
            {"agent": f"squad:{SQUAD}", "sms_enabled": False},
            {"twilioApiKey": SK, "twilioApiSecret": SECRET, "squadId": SQUAD, "smsEnabled": False},
        ),
        (
            LiteralVault(),
            {"server_url": "https://agents.example.com/vapi"},
            {
                "twilioAuthToken": TOKEN,
                "assistantId": ASSISTANT,
                "server": {"url": "https://agents.example.com/vapi"},
            },
        ),
    ],
)
def test_an_import_sends_documented_fields_only(
    server: Server, vault: LiteralVault, attrs: dict[str, object], expected: dict[str, object]
) -> None:
    server.behaves(lambda seen: Answer(status=201, body=record()))
    [made] = adapter(server, vault).create([asked(**attrs)])
    assert isinstance(made, RegisteredNumber)
    [(method, path, body)] = sent(server)
    assert (method, path) == ("POST", "/phone-number")
    check_documented(body)
    fixed = {"provider": "twilio", "number": ONE, "twilioAccountSid": AC, "smsEnabled": True}
    assert body == {**fixed, **expected}


def test_a_change_sends_documented_fields_only(server: Server) -> None:
    server.behaves(lambda seen: Answer(body=record()))
    there = RegisteredNumber("id-1", ONE, {**ATTRS, "sms_enabled": False})
    both = RegisteredNumber("id-1", ONE, {**ATTRS, "agent": f"old and squad:{SQUAD}"})
    p = adapter(server)
    p.link(there, RegistrationRequest("a", ONE, {"agent": "new"}, "main"))
    p.link(there, RegistrationRequest("a", ONE, {"agent": f"squad:{SQUAD}"}, "main"))
    p.link(both, RegistrationRequest("a", ONE, {"agent": "new"}, "main"))
    p.link(there, RegistrationRequest("a", ONE, {"agent": None}, "main"))
    p.update(there, RegistrationRequest("a", ONE, {"credentials": SAME}, "main"))
    p.update(there, RegistrationRequest("a", ONE, {"sms_enabled": True}, "main"))
    bodies = [body for _, _, body in sent(server)]
    for body in bodies:
        check_documented(body)
    fixed = {"provider": "twilio", "smsEnabled": False}
    assert bodies == [
        {**fixed, "assistantId": "new"},
        {**fixed, "assistantId": None, "squadId": SQUAD},
        {"provider": "twilio", "smsEnabled": True, "assistantId": "new", "squadId": None},
        {**fixed, "assistantId": None},
        {**fixed, "twilioAccountSid": AC, "twilioAuthToken": TOKEN},
        {"provider": "twilio", "smsEnabled": True},
    ]
    assert {(method, path) for method, path, _ in sent(server)} == {("PATCH", "/phone-number/id-1")}


@pytest.mark.parametrize(
    ("fields", "credentials"),
    [
        ({}, SAME),
        ({"twilioAuthToken": THEIR_TOKEN}, "another auth token"),
        ({"twilioAuthToken": None, "twilioApiKey": SK}, "an API key"),
        ({"twilioAccountSid": "AC" + "E" * 32}, "of account AC" + "e" * 32),
        ({"twilioAccountSid": THEIR_TOKEN}, "of another account"),
        ({"twilioAuthToken": None}, None),
        ({"twilioAuthToken": "pl4n********"}, None),
    ],
)
def test_credentials_are_compared_and_left_behind(
    server: Server, fields: dict[str, object], credentials: str | None
) -> None:
    server.behaves(lambda seen: Answer(body=[record(**fields)]))
    [found] = adapter(server).list([asked()])
    assert found.attrs.get("credentials") == credentials
    assert found.secrets == {}
    for secret in (TOKEN, THEIR_TOKEN, SK):
        assert secret not in repr(found.attrs)


@pytest.mark.parametrize(
    ("fields", "credentials"),
    [
        ({"twilioApiKey": SK, "twilioApiSecret": SECRET}, SAME),
        ({"twilioApiKey": SK}, SAME),
        ({"twilioApiKey": SK, "twilioApiSecret": THEIR_SECRET}, "another API key"),
        ({"twilioApiKey": "SK" + "4" * 32}, "another API key"),
        ({"twilioAuthToken": THEIR_TOKEN}, "an auth token"),
        ({}, None),
    ],
)
def test_an_api_key_is_compared_too(
    server: Server, fields: dict[str, object], credentials: str | None
) -> None:
    server.behaves(lambda seen: Answer(body=[record(**{"twilioAuthToken": None, **fields})]))
    [found] = adapter(server, KeyVault()).list([asked()])
    assert found.attrs.get("credentials") == credentials


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "platform_refused"),
        (401, "invalid_api_key"),
        (402, "payment_required"),
        (403, "platform_forbidden"),
        (404, "not_found"),
        (409, "number_already_imported"),
        (500, "platform_unavailable"),
        (503, "platform_unavailable"),
    ],
)
def test_each_documented_status_has_its_code_and_shows_no_credential(
    server: Server, caplog: pytest.LogCaptureFixture, status: int, code: str
) -> None:
    caplog.set_level(logging.DEBUG)
    words = [f"token {TOKEN} is wrong", f"had {THEIR_TOKEN} and {THEIR_SECRET} in {AC}"]
    refusal = {"message": words, "error": "E", "statusCode": status}
    server.behaves(lambda seen: Answer(status=status, body=refusal))
    [error] = adapter(server).create([asked()])
    assert isinstance(error, RemoteError)
    assert error.code == code
    text = str(error) + repr(error.diagnostics) + caplog.text
    assert [secret for secret in (TOKEN, THEIR_TOKEN, THEIR_SECRET) if secret in text] == []
    assert AC in text
    assert CURES[code][1] in text


def test_a_text_for_a_message_is_quoted(server: Server) -> None:
    server.behaves(lambda seen: Answer(status=400, body={"message": "number is wrong"}))
    [error] = adapter(server).create([asked()])
    assert "number is wrong" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        "text",
        record(TWO),
        record(provider="vonage"),
        {**record(), "id": None},
        record(smsEnabled="yes"),
        record(assistantId={"id": ASSISTANT}),
        record(status=3),
    ],
)
def test_an_import_is_not_believed_unless_the_answer_is_about_the_number(
    server: Server, answer: Any
) -> None:
    server.behaves(lambda seen: Answer(status=201, body=answer))
    [error] = adapter(server).create([asked()])
    assert isinstance(error, RemoteError)
    assert error.code == "unexpected_answer", "after which the list is asked"


def test_an_import_that_was_begun_is_looked_up_before_it_is_sent(server: Server) -> None:
    server.behaves(lambda seen: Answer(body=[record()]))
    [made] = adapter(server).create([asked(begun=True)])
    assert (made.id, [seen.method for seen in server.seen]) == (f"id-of-{ONE}", ["GET"])

    server.behaves(lambda seen: Answer(status=500, body={}))
    [error] = adapter(server).create([asked(begun=True)])
    assert isinstance(error, RemoteError)
    assert {seen.method for seen in server.seen} == {"GET"}, "an unreadable list sends no import"


def test_the_record_of_the_own_account_counts(server: Server) -> None:
    foreign = record(id="foreign", twilioAccountSid="AC" + "9" * 32)
    byo = record(id="byo", provider="byo-phone-number", twilioAccountSid=None)
    own = record(id="own")
    for rows, expected in (
        ([foreign, byo, own], "own"),
        ([byo, foreign], "foreign"),
        ([byo], "byo"),
    ):
        server.behaves(lambda seen, rows=rows: Answer(body=rows))  # type: ignore[misc]
        [found] = adapter(server).list([asked()])
        assert found.id == expected

    server.behaves(lambda seen: Answer(body=[own, record(id="twin")]))
    with pytest.raises(RemoteError) as caught:
        adapter(server).list([asked()])
    assert caught.value.code == "inconsistent_listing"
    assert len(adapter(server).list([])) == 1, "a number that nobody asked about is no problem"


def test_a_number_that_is_requested_by_its_sid_is_compared_too(server: Server) -> None:
    foreign = record(id="foreign", twilioAccountSid="AC" + "9" * 32, twilioAuthToken=THEIR_TOKEN)
    own = record(id="own", twilioAuthToken=THEIR_TOKEN)
    server.behaves(lambda seen: Answer(body=[foreign, own]))
    request = RegistrationRequest("registration/p/PN1", "PN" + "1" * 32, ATTRS, "main")
    [found] = adapter(server).list([request])
    assert (found.id, found.attrs["credentials"]) == ("own", "another auth token")


def test_an_agent_is_described_whatever_its_kind(server: Server) -> None:
    for fields, agent in (
        ({}, ASSISTANT),
        ({"assistantId": None, "squadId": SQUAD}, f"squad:{SQUAD}"),
        ({"assistantId": None, "workflowId": "w"}, "workflow:w"),
        ({"squadId": SQUAD}, f"{ASSISTANT} and squad:{SQUAD}"),
        ({"assistantId": None}, None),
    ):
        server.behaves(lambda seen, fields=fields: Answer(body=[record(**fields)]))  # type: ignore[misc]
        [found] = adapter(server).list([asked()])
        assert found.attrs["agent"] == agent


def test_reports_numbers_that_are_not_in_use(server: Server) -> None:
    rows = [record(), record(TWO, status="blocked")]
    server.behaves(lambda seen: Answer(body=rows))
    p = adapter(server)
    assert [number.problem for number in p.list([])] == [
        "",
        f"Vapi reports the status `blocked` for {TWO}.",
    ]
    [complaint] = p.verify()
    assert (TWO in complaint.words, complaint.broken) == (True, False)


def answers_404(seen: Seen) -> Answer:
    return Answer(status=404, body={"message": "Cannot GET"})


def test_a_server_without_the_call_for_agents_does_not_deny_an_agent(server: Server) -> None:
    server.behaves(answers_404)
    with pytest.raises(RemoteError) as caught:
        adapter(server).preflight([asked()])
    assert caught.value.code == "not_found"

    server.behaves(lambda seen: Answer(body=[]) if seen.path == "/squad" else answers_404(seen))
    refused = adapter(server).preflight([asked(agent=f"squad:{SQUAD}")])
    assert [error.code for error in refused.values()] == ["agent_not_found"]


def test_former_credentials_cannot_be_put_back(server: Server) -> None:
    there = RegisteredNumber("id-1", ONE, ATTRS)
    request = RegistrationRequest("a", ONE, {"credentials": "another auth token"}, "main")
    with pytest.raises(RemoteError) as caught:
        adapter(server).update(there, request)
    assert caught.value.code == "platform_refused"
    assert server.seen == []
