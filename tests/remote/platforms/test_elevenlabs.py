"""ElevenLabs: every request has documented fields only, its list is read to the end whatever its pages are, and each
refusal has its code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from reconciler.errors import RemoteError
from reconciler.model.credentials import TwilioLogin
from reconciler.model.route import Value
from reconciler.remote.platforms.contract import RegisteredNumber, RegistrationRequest
from reconciler.sandbox.platforms import elevenlabs_rows as played
from reconciler.sandbox.service.app import Sandbox
from tests.remote.platforms.test_refusals import adapter
from tests.support.adapter_runner import (
    AC,
    KINDS,
    ONE,
    TOKEN,
    AdapterRunner,
    LiteralVault,
    world,
)
from tests.support.scripted_server import Answer, Seen, Server

LIST = "/v1/convai/v2/phone-numbers"
SK, SECRET = "SK" + "1" * 32, "pl4nted-key-secret"

# What the reference of the API describes, in our words: field → type; `!` marks a required one.
IMPORT = {
    "provider": "twilio",
    "phone_number!": str,
    "label!": str,
    "sid!": str,
    "token!": str,
    "account_auth_token": str,
    "agent_id": str,
    "enable_sms": bool,
    "region_config": {"region_id!": str, "token!": str, "edge_location!": str},
}
CHANGE = {
    "agent_id": (str, None),
    "branch_id": (str, None),
    "environment": (str, None),
    "label": str,
}


def problems(value: Any, form: Mapping[str, Any]) -> list[str]:
    """What a body has that is not documented, and what it lacks."""
    types = {name.rstrip("!"): kind for name, kind in form.items()}
    found = [f"{name} is not documented" for name in value.keys() - types.keys()]
    found += [
        f"{name} is missing" for name in form if name.endswith("!") and name[:-1] not in value
    ]
    for name in value.keys() & types.keys():
        kind, given = types[name], value[name]
        if isinstance(kind, dict):
            found += problems(given, kind)
        elif isinstance(kind, tuple):
            found += [] if given is None or isinstance(given, kind[0]) else [name]
        elif not (isinstance(given, kind) if isinstance(kind, type) else given == kind):
            found.append(name)
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def runner() -> Iterator[AdapterRunner]:
    with Sandbox(world()) as sandbox:
        runner = AdapterRunner(sandbox, KINDS["elevenlabs"])
        yield runner
        runner.adapter.close()


def empty(seen: Seen) -> Answer:
    """A workspace without numbers that accepts everything."""
    if seen.method == "GET":
        return Answer(body={"phone_numbers": [], "has_more": False, "next_cursor": None})
    return Answer(body={"phone_number_id": "phnum_1"})


class OtherVault(LiteralVault):
    def __init__(self, login: TwilioLogin) -> None:
        self._login = login

    def login(self, account: str) -> TwilioLogin:
        return self._login


BY_TOKEN = TwilioLogin(AC, TOKEN)
BY_KEY = TwilioLogin(AC, TOKEN, SK, SECRET)


@pytest.mark.parametrize("login", [BY_TOKEN, BY_KEY])
@pytest.mark.parametrize(
    "attrs",
    [
        {"agent": "a", "enable_sms": True},
        {"agent": None, "enable_sms": False, "region": "ie1/dublin"},
        {"agent": "a", "friendly_name": "Sales", "branch": "b", "region": None},
    ],
)
def test_import_sends_documented_fields_only(
    server: Server, attrs: dict[str, Value], login: TwilioLogin
) -> None:
    server.behaves(empty)
    p = adapter(server, "elevenlabs", OtherVault(login))
    asked = RegistrationRequest(f"registration/p/{ONE}", ONE, attrs, "main", "PN" + "0" * 32)
    [result] = p.create([asked])
    p.close()

    [post] = [seen for seen in server.seen if seen.method == "POST"]
    body = json.loads(post.body)
    assert problems(body, IMPORT) == []
    assert body["enable_sms"] is (attrs.get("enable_sms") is True), "always explicit"
    assert body["label"] == attrs.get("friendly_name", ONE)
    secret = {AC: TOKEN, SK: SECRET}
    assert body["token"] == secret[body["sid"]]
    assert body.get("account_auth_token") == (TOKEN if body["sid"] == SK else None)
    region = body.get("region_config")
    assert (region is not None) == (attrs.get("region") is not None)
    if region is not None:
        assert region == {"region_id": "ie1", "edge_location": "dublin", "token": TOKEN}
    assert isinstance(result, RegisteredNumber)


@pytest.mark.parametrize(
    "attrs",
    [{"agent": "b"}, {"agent": "b", "branch": "x", "environment": "staging"}, {"agent": None}],
)
def test_change_of_the_agent_is_one_call_with_documented_fields(
    server: Server, attrs: dict[str, Value]
) -> None:
    server.behaves(lambda seen: Answer(body={}))
    p = adapter(server, "elevenlabs")
    there = RegisteredNumber("phnum_1", ONE, {"agent": "a", "branch": "old"})
    p.link(there, RegistrationRequest(f"registration/p/{ONE}", ONE, attrs))
    p.close()
    [patch] = server.seen
    body = json.loads(patch.body)
    assert (patch.method, problems(body, CHANGE)) == ("PATCH", [])
    assert body["branch_id"] == attrs.get("branch"), "a branch of the former agent is taken off"


def rows(*numbers: int) -> list[dict[str, Any]]:
    found = []
    for n in numbers:
        found.append(
            {
                "provider": "twilio",
                "phone_number_id": f"phnum_{n}",
                "phone_number": f"+1555{n:07d}",
                "label": "",
                "assigned_agent": {"agent_id": "a", "agent_name": "A"},
            }
        )
    return found


def paged(pages: Callable[[str | None, int], dict[str, Any]]) -> Callable[[Seen], Answer]:
    """A server whose pages are made of the cursor and of how many were asked before."""
    count = 0

    def answer(seen: Seen) -> Answer:
        nonlocal count
        count += 1
        return Answer(body=pages(seen.query.get("cursor"), count))

    return answer


def listed(server: Server, *asked: str) -> list[RegisteredNumber] | RemoteError:
    p = adapter(server, "elevenlabs")
    try:
        requests = [
            RegistrationRequest(f"registration/p/{key}", key, {"agent": "a"}) for key in asked
        ]
        return list(p.list(requests))
    except RemoteError as error:
        return error
    finally:
        p.close()


def two_pages(cursor: str | None, count: int) -> dict[str, Any]:
    if cursor is None:
        return {"phone_numbers": rows(1, 2), "has_more": True, "next_cursor": "c1"}
    return {"phone_numbers": rows(3), "has_more": False, "next_cursor": None}


def test_list_is_read_to_its_last_page(server: Server) -> None:
    server.behaves(paged(two_pages))
    found = listed(server)
    assert isinstance(found, list)
    assert [number.id for number in found] == ["phnum_1", "phnum_2", "phnum_3"]
    assert [seen.path for seen in server.seen] == [LIST, LIST]


def test_number_that_moves_between_pages_is_found_by_another_reading(server: Server) -> None:
    """The first reading misses number 3, which moved to a page that was read before."""

    def shifting(cursor: str | None, count: int) -> dict[str, Any]:
        if cursor is None:
            first = rows(1, 2) if count == 1 else rows(1, 3)
            return {"phone_numbers": first, "has_more": True, "next_cursor": "c1"}
        return {"phone_numbers": rows(4), "has_more": False, "next_cursor": None}

    server.behaves(paged(shifting))
    found = listed(server, "+15550000003")
    assert isinstance(found, list)
    assert {"phnum_1", "phnum_2", "phnum_3", "phnum_4"} == {number.id for number in found}


BROKEN: dict[str, tuple[Callable[[str | None, int], dict[str, Any]], str, int]] = {
    "a cursor that comes back": (
        lambda cursor, count: {
            "phone_numbers": rows(count),
            "has_more": True,
            "next_cursor": f"c{count % 3}",
        },
        "endless_listing",
        5,
    ),
    "more without a cursor": (
        lambda cursor, count: {"phone_numbers": rows(1), "has_more": True},
        "unexpected_answer",
        1,
    ),
    "one number twice": (
        lambda cursor, count: {
            "phone_numbers": [*rows(1), {**rows(1)[0], "phone_number_id": "phnum_9"}],
            "has_more": False,
        },
        "inconsistent_listing",
        1,
    ),
    "an agent that cannot be read": (
        lambda cursor, count: {
            "phone_numbers": [{**rows(1)[0], "assigned_agent": {"agent_id": 7}}],
            "has_more": False,
        },
        "unexpected_answer",
        1,
    ),
    "no list": (lambda cursor, count: {"numbers": [], "has_more": False}, "unexpected_answer", 1),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_list_is_an_error_after_few_requests(server: Server, case: str) -> None:
    pages, code, most = BROKEN[case]
    server.behaves(paged(pages))
    found = listed(server)
    assert isinstance(found, RemoteError)
    assert found.code == code
    assert len(server.seen) <= most


INVALID = {
    "detail": [
        {"loc": ["body", "token"], "msg": "Field required", "type": "missing", "input": TOKEN}
    ]
}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (422, INVALID, "validation_error"),
        (
            401,
            {"detail": {"status": "invalid_api_key", "message": "Invalid API key"}},
            "invalid_api_key",
        ),
        (401, {"detail": {"status": "missing_permissions", "message": "m"}}, "platform_forbidden"),
        (401, {"detail": {"status": "quota_exceeded", "message": "m"}}, "payment_required"),
        (403, {"detail": {"status": "other", "message": "m"}}, "platform_forbidden"),
        (404, {"detail": {"status": "x", "message": "Document not found"}}, "agent_not_found"),
        (400, {"detail": {"status": "x", "message": "m"}}, "platform_refused"),
        (409, {"detail": "taken"}, "number_already_imported"),
        (400, ["what"], "platform_refused"),
        (
            429,
            {"detail": {"status": "too_many_concurrent_requests", "message": "m"}},
            "rate_limited",
        ),
    ],
)
def test_each_refusal_of_an_import_has_its_code(
    server: Server, status: int, body: Any, code: str
) -> None:
    refused = Answer(status=status, body=body)
    server.behaves(lambda seen: refused if seen.method == "POST" else empty(seen))
    p = adapter(server, "elevenlabs")
    asked = RegistrationRequest(
        f"registration/p/{ONE}", ONE, {"agent": "a"}, "main", "PN" + "0" * 32
    )
    [result] = p.create([asked])
    p.close()
    assert isinstance(result, RemoteError)
    assert (result.code, TOKEN in str(result)) == (code, False)
    if status == 422:
        assert "body.token: Field required" in str(result)


@pytest.mark.parametrize(
    ("agent", "code"), [("nobody", "agent_not_found"), ("agent_2", "not_found")]
)
def test_missing_agent_and_missing_number_are_told_apart(
    runner: AdapterRunner, agent: str, code: str
) -> None:
    [made] = runner.adapter.create([runner.asked()])
    assert isinstance(made, RegisteredNumber)
    if code == "not_found":
        runner.adapter.delete(made)
    with pytest.raises(RemoteError) as caught:
        runner.adapter.link(made, runner.asked(attrs={"agent": agent}))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"agent_id": "agent_1"}, None),
        ({"agent_id": ""}, None),
        ({"agent_id": "agent_2"}, "number_already_imported"),
        ({"agent_id": "agent_1", "provider": "sip_trunk"}, "number_already_imported"),
    ],
)
def test_number_that_somebody_has_imported_meanwhile_gets_no_second_record(
    runner: AdapterRunner, row: dict[str, str], code: str | None
) -> None:
    runner.sandbox.world.extend(
        {"format": 1, "elevenlabs_numbers": [{"phone_number": ONE, "account_sid": AC, **row}]}
    )
    [result] = runner.adapter.create([runner.asked()])
    assert (result.code if isinstance(result, RemoteError) else None) == code
    assert len([*runner.sandbox.world.table(played.NUMBERS)]) == 1


TRUNK = {
    "address!": str,
    "transport": str,
    "media_encryption": str,
    "headers": object,
    "attributes_to_headers": object,
    "enabled_codecs": list,
    "credentials": {"username!": str, "password": str},
}
BY_TRUNK = {
    "provider": "sip_trunk",
    "phone_number!": str,
    "label!": str,
    "agent_id": str,
    "outbound_trunk_config": TRUNK,
}
ON_TRUNK: dict[str, Value] = {
    "provider": "sip_trunk",
    "agent": "a",
    "termination_uri": "acme.pstn.twilio.com",
    "transport": "TLS",
    "media_encryption": "required",
    "username": "eleven",
    "password": "scrypt$a$b",
}


@pytest.mark.parametrize("username", ["eleven", None])
def test_trunk_is_sent_with_documented_fields_and_no_credential_of_twilio(
    server: Server, username: str | None
) -> None:
    server.behaves(empty)
    p = adapter(server, "elevenlabs")
    attrs = {**ON_TRUNK, "username": username}
    p.create([RegistrationRequest(f"registration/p/{ONE}", ONE, attrs, "main")])
    p.close()
    [post] = [seen for seen in server.seen if seen.method == "POST"]
    body = json.loads(post.body)
    assert problems(body, BY_TRUNK) == []
    config = body["outbound_trunk_config"]
    assert (config["address"], config["transport"]) == ("acme.pstn.twilio.com", "tls")
    assert ("credentials" in config) == (username is not None)
    assert TOKEN not in post.body


def test_change_of_a_trunk_sends_the_whole_configuration(server: Server) -> None:
    present = {"address": "old", "headers": {"X-A": "1"}, "has_auth_credentials": True}
    server.behaves(lambda seen: Answer(body={"outbound_trunk": present}))
    p = adapter(server, "elevenlabs")
    there = RegisteredNumber("phnum_1", ONE, {**ON_TRUNK, "termination_uri": "old"})
    changed = {"termination_uri": ON_TRUNK["termination_uri"]}
    p.update(there, RegistrationRequest(f"registration/p/{ONE}", ONE, changed))
    p.close()
    [read, patch] = server.seen
    assert (read.method, patch.method) == ("GET", "PATCH")
    config = json.loads(patch.body)["outbound_trunk_config"]
    assert problems(config, TRUNK) == []
    assert (config["address"], config["transport"]) == ("acme.pstn.twilio.com", "tls")
    assert (config["headers"], config["credentials"]["username"]) == ({"X-A": "1"}, "eleven")


SPLIT = '[{"branch":"b_1","percentage":90.0},{"branch":"b_2","percentage":10.0}]'
AGENT = RegistrationRequest("registration/p/agent/a/1", "agent/a/1", {"split": SPLIT})


def test_deployment_has_the_documented_form(server: Server) -> None:
    server.behaves(lambda seen: Answer(body={}))
    p = adapter(server, "elevenlabs")
    p.update(RegisteredNumber("a/1", "agent/a/1", {"split": None}), AGENT)
    p.close()
    [post] = server.seen
    assert (post.method, post.path) == ("POST", "/v1/convai/agents/a%2F1/deployments")
    strategy = {"type": "percentage", "traffic_percentage": 90.0}
    requests = json.loads(post.body)["deployment_request"]["requests"]
    assert requests[0] == {"branch_id": "b_1", "deployment_strategy": strategy}
    assert [set(each) for each in requests] == [{"branch_id", "deployment_strategy"}] * 2


def deployments(count: int) -> dict[str, Any]:
    row = {"id": str(count), "is_active": False, "traffic_percentage_branch_id_map": {"b": 100}}
    return {"results": [row] * 100, "meta": {}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda n: {"results": []}, None),
        (
            lambda n: {
                "results": [
                    {"is_active": False, "traffic_percentage_branch_id_map": {"x": 100}},
                    {
                        "is_active": True,
                        "traffic_percentage_branch_id_map": {"b_2": 10, "b_1": 90, "o": 0},
                    },
                ]
            },
            SPLIT,
        ),
        (lambda n: {"results": [{"is_active": True}]}, "unexpected_answer"),
        (
            lambda n: {
                "results": [{"is_active": True, "traffic_percentage_branch_id_map": {"b": "all"}}]
            },
            "unexpected_answer",
        ),
        (lambda n: {"rows": []}, "unexpected_answer"),
        (deployments, "unexpected_answer"),
    ],
)
def test_active_deployment_is_the_split(
    server: Server, answer: Callable[[int], Any], expected: str | None
) -> None:
    server.behaves(lambda seen: Answer(body=answer(len(server.seen))))
    p = adapter(server, "elevenlabs")
    result: Any
    try:
        [found] = p.list([AGENT])
        result = found.attrs["split"]
    except RemoteError as error:
        result = error.code
    finally:
        p.close()
    assert result == expected
    assert len(server.seen) <= 10
