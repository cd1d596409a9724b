"""Retell AI: requests against the fields of its SDK, hostile answers, and what is sent about each number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from reconciler.config.project import PlatformSettings
from reconciler.errors import RemoteError
from reconciler.kinds.platforms.retell import format_agents, parse_agents
from reconciler.kinds.platforms.split import Share
from reconciler.model.position import Position
from reconciler.model.route import Value
from reconciler.remote.platforms.contract import RegisteredNumber, RegistrationRequest
from reconciler.remote.platforms.registry import connect
from reconciler.remote.platforms.retell_rows import to_number
from tests.support.adapter_runner import PASSWORD, LiteralVault
from tests.support.scripted_server import Answer, FakeClock, Seen, Server

ONE = "+15550100101"
ALL: dict[str, Value] = {
    "agent": "agent_1",
    "outbound_agent": '[{"id":"agent_1","version":"3","weight":0.9},{"id":"agent_2","weight":0.1}]',
    "termination_uri": "edge.pstn.twilio.com",
    "username": "agents",
    "password": "scrypt$fingerprint",
    "transport": "TLS",
    "friendly_name": "Desk",
    "inbound_countries": "GB,US",
    "outbound_countries": None,
}

# The documented fields, in our own words: name → what its value must be.
_AGENT = {"agent_id": str, "weight": (int, float), "agent_version": (int, str)}
_SHARED: dict[str, Any] = {
    "termination_uri": str,
    "transport": str,
    "nickname": str,
    "inbound_agents": list,
    "outbound_agents": list,
    "allowed_inbound_country_list": list,
    "allowed_outbound_country_list": list,
}
DOCUMENTED: dict[str, dict[str, Any]] = {
    "/import-phone-number": {
        **_SHARED,
        "phone_number": str,
        "sip_trunk_auth_username": str,
        "sip_trunk_auth_password": str,
        "ignore_e164_validation": bool,
    },
    "/update-phone-number": {**_SHARED, "auth_username": str, "auth_password": str},
}
NULLABLE = {"nickname"}
"""Fields of a change that may be null; an import takes no null for any field that is sent."""


def violations(path: str, body: dict[str, Any]) -> list[str]:
    """What a body has that the documents do not describe."""
    start = "/" + path.split("/")[1]
    fields = DOCUMENTED[start]
    found = [name for name in body if name not in fields]
    for name in body.keys() & fields.keys():
        is_null = body[name] is None and name in NULLABLE and start != "/import-phone-number"
        if not is_null and not isinstance(body[name], fields[name]):
            found.append(name)
    for name in ("inbound_agents", "outbound_agents"):
        for agent in body.get(name, ()):
            required = {"agent_id", "weight"} <= agent.keys() <= _AGENT.keys()
            if not required or not all(isinstance(v, _AGENT[k]) for k, v in agent.items()):
                found.append(f"{name}: {agent}")
        weights = [agent["weight"] for agent in body.get(name, ())]
        if weights and abs(sum(weights) - 1) > 1e-6:
            found.append(f"{name}: {weights}")
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def adapter(server: Server) -> Any:
    settings = PlatformSettings(
        name="p",
        type="retell",
        base_url=server.url,
        secrets={},
        connections={},
        texts={},
        position=Position("reconciler.yaml", 1, 1),
    )
    return connect(settings, LiteralVault(), stop=Event(), clock=FakeClock(), jitter=lambda: 1.0)


def asked(**attrs: Value) -> RegistrationRequest:
    return RegistrationRequest(f"registration/p/{ONE}", ONE, attrs or ALL, "main")


def shown(**fields: object) -> dict[str, object]:
    """A number as the service shows it."""
    return {
        "phone_number": ONE,
        "phone_number_type": "custom",
        "last_modification_timestamp": 1700000000000,
        **fields,
    }


def page(rows: list[object], **more: object) -> Answer:
    return Answer(body={"items": rows, "has_more": False, **more})


def code_of(server: Server) -> str:
    with pytest.raises(RemoteError) as caught:
        adapter(server).list([asked()])
    return caught.value.code


def bodies(server: Server, method: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for seen in server.seen:
        if seen.method == method:
            body = json.loads(seen.body)
            assert violations(seen.path, body) == []
            found.append(body)
    return found


def test_an_import_has_documented_fields_only(server: Server) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(404, {"status": "error"}) if seen.method == "GET" else Answer(201, shown())

    server.behaves(answer)
    [result] = adapter(server).create([asked()])
    assert isinstance(result, RegisteredNumber)
    [body] = bodies(server, "POST")
    assert body == {
        "phone_number": ONE,
        "ignore_e164_validation": False,
        "inbound_agents": [{"agent_id": "agent_1", "weight": 1.0}],
        "outbound_agents": [
            {"agent_id": "agent_1", "weight": 0.9, "agent_version": 3},
            {"agent_id": "agent_2", "weight": 0.1},
        ],
        "allowed_inbound_country_list": ["GB", "US"],
        "allowed_outbound_country_list": [],
        "termination_uri": "edge.pstn.twilio.com",
        "transport": "TLS",
        "nickname": "Desk",
        "sip_trunk_auth_username": "agents",
        "sip_trunk_auth_password": PASSWORD,
    }
    assert "scrypt" not in str(body), "a fingerprint is no password"


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_change_has_documented_fields_only(server: Server, name: str) -> None:
    server.behaves(lambda seen: Answer(body=shown()))
    there = RegisteredNumber(ONE, ONE, {}, stamp="1700000000000")
    adapter(server).update(there, asked(**{name: ALL[name]}))
    [body] = bodies(server, "PATCH")
    assert len(body) == (2 if name == "username" else 1), "a user comes with its password"
    assert ("auth_password" in body) == (name in ("username", "password"))


def test_a_number_that_is_there_is_not_imported_again(server: Server) -> None:
    """After a lost answer the number is changed to what was asked for."""
    server.behaves(lambda seen: Answer(body=shown()))
    [result] = adapter(server).create([asked()])
    assert isinstance(result, RegisteredNumber)
    assert [seen.method for seen in server.seen] == ["GET", "PATCH"]


@pytest.mark.parametrize("field", ["inbound_agents", "outbound_agents"])
def test_a_number_of_another_agent_is_left_alone(server: Server, field: str) -> None:
    theirs = {field: [{"agent_id": "agent_9", "weight": 1}]}
    server.behaves(lambda seen: Answer(body=shown(**theirs)))
    [result] = adapter(server).create([asked()])
    assert isinstance(result, RemoteError)
    assert result.code == "number_already_imported"
    assert "agent_9" in str(result)
    assert [seen.method for seen in server.seen] == ["GET"]


@pytest.mark.parametrize("call", ["update", "link", "delete"])
def test_a_number_that_has_changed_is_not_written(server: Server, call: str) -> None:
    server.behaves(lambda seen: Answer(body=shown(last_modification_timestamp=1700000000001)))
    there = RegisteredNumber(ONE, ONE, {}, stamp="1700000000000")
    arguments = (there,) if call == "delete" else (there, asked())
    with pytest.raises(RemoteError) as caught:
        getattr(adapter(server), call)(*arguments)
    assert caught.value.code == "changed_meanwhile"
    assert [seen.method for seen in server.seen] == ["GET"]


@pytest.mark.parametrize("status", [404, 204])
def test_a_number_that_is_gone_counts_as_removed(server: Server, status: int) -> None:
    def answer(seen: Seen) -> Answer:
        if seen.method == "DELETE":
            return Answer(status, {"status": "error"} if status == 404 else None)
        return Answer(body=shown())

    server.behaves(answer)
    adapter(server).delete(RegisteredNumber(ONE, ONE, {}, stamp="1700000000000"))


@pytest.mark.parametrize(
    "answer",
    [
        {"phone_number": "+15550100999"},
        {},
        [],
        "text",
        shown(inbound_agents=[{"agent_id": "agent_1"}]),
    ],
)
def test_an_answer_about_something_else_is_no_success(server: Server, answer: object) -> None:
    def reply(seen: Seen) -> Answer:
        return Answer(404, {"status": "error"}) if seen.method == "GET" else Answer(201, answer)

    server.behaves(reply)
    [result] = adapter(server).create([asked()])
    assert isinstance(result, RemoteError)
    assert result.code == "unexpected_answer"


def test_all_pages_are_read_and_other_numbers_are_left_out(server: Server) -> None:
    rows = [shown(phone_number=f"+1555010010{n}") for n in range(4)]
    sold = shown(phone_number="+15550100110", phone_number_type="retell-telnyx")
    extension = shown(phone_number="1001")

    def answer(seen: Seen) -> Answer:
        if seen.query.get("pagination_key") == "two":
            return page([*rows[2:], sold])
        return page([*rows[:2], extension], has_more=True, pagination_key="two")

    server.behaves(answer)
    assert [number.key for number in adapter(server).list([])] == [
        f"+1555010010{n}" for n in range(4)
    ]
    assert {seen.path for seen in server.seen} == {"/v2/list-phone-numbers"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(body=[]), "unexpected_answer"),
        (Answer(body={"has_more": False}), "unexpected_answer"),
        (page(["text"]), "unexpected_answer"),
        (page([{}]), "unexpected_answer"),
        (page([shown(phone_number=1)]), "unexpected_answer"),
        (page([shown(inbound_agents="agent_1")]), "unexpected_answer"),
        (page([shown(inbound_agents=[{"agent_id": 1, "weight": 1}])]), "unexpected_answer"),
        (page([shown(inbound_agents=[{"agent_id": "a", "weight": "1"}])]), "unexpected_answer"),
        (page([shown(inbound_agents=[{"agent_id": "a", "weight": 2}])]), "unexpected_answer"),
        (page([shown(inbound_agents=[{"agent_id": "a", "weight": True}])]), "unexpected_answer"),
        (page([shown(nickname=["a"])]), "unexpected_answer"),
        (page([shown(allowed_inbound_country_list=[1])]), "unexpected_answer"),
        (page([shown(sip_outbound_trunk_config={"transport": 1})]), "unexpected_answer"),
        (page([shown(), shown(nickname="b")]), "inconsistent_listing"),
        (page([shown()], has_more=True), "unexpected_answer"),
        (page([shown()], has_more="yes", pagination_key="two"), "unexpected_answer"),
        (page([shown()], has_more=True, pagination_key="same"), "endless_listing"),
        (page([], has_more=True, pagination_key="same"), "endless_listing"),
    ],
)
def test_an_answer_that_is_not_understood_is_no_list(
    server: Server, answer: Answer, code: str
) -> None:
    server.behaves(lambda seen: answer)
    assert code_of(server) == code
    assert len(server.seen) <= 2, "a page that was shown before is not read on"


def test_pages_without_end_are_given_up(server: Server) -> None:
    def answer(seen: Seen) -> Answer:
        count = len(server.seen)
        return page([shown()], has_more=True, pagination_key=f"key-{count}")

    server.behaves(answer)
    assert code_of(server) == "endless_listing"
    assert len(server.seen) < 200


def test_a_row_without_a_trunk_says_nothing_about_it() -> None:
    """Unknown is not empty: an empty user would be planned as drift."""
    assert not {"username", "termination_uri", "transport"} & to_number(shown(), None).attrs.keys()


@pytest.mark.parametrize(
    ("declared", "recorded", "live", "text"),
    [
        ("agent_1", "agent_1", 7, "agent_1"),
        ("agent_1", None, 7, "agent_1"),
        ("agent_1", '[{"id":"agent_1","version":"7","weight":1.0}]', 7, None),
        ('[{"id":"agent_1","version":"3","weight":1.0}]', "agent_1", 7, None),
        ("agent_2", None, 7, None),
    ],
)
def test_a_version_counts_where_it_is_declared_or_recorded(
    declared: str, recorded: str | None, live: int, text: str | None
) -> None:
    row = shown(inbound_agents=[{"agent_id": "agent_1", "weight": 1, "agent_version": live}])
    request = RegistrationRequest("", ONE, {"agent": declared}, recorded={"agent": recorded})
    whole = '[{"id":"agent_1","version":"7","weight":1.0}]'
    assert to_number(row, request).attrs["agent"] == (text or whole)


@pytest.mark.parametrize(
    "shares",
    [
        [],
        [Share(id="a", weight=1.0)],
        [Share(id="[a", weight=1.0)],
        [Share(id="a", version="3", weight=1.0)],
        [Share(id="b", weight=0.9), Share(id="a", version="prod", weight=0.1)],
    ],
)
def test_a_text_names_the_same_agents_again(shares: list[Share]) -> None:
    found = parse_agents(format_agents(shares))
    assert sorted(found, key=str) == sorted(shares, key=str)


def test_noise_of_a_weight_is_no_difference() -> None:
    noisy = [Share(id="a", weight=0.1 + 0.2), Share(id="b", weight=0.7)]
    exact = [Share(id="b", weight=0.7), Share(id="a", weight=0.3)]
    assert format_agents(noisy) == format_agents(exact)
