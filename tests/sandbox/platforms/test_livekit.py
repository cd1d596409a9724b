"""LiveKit's SIP service, driven with Twirp requests in JSON and tokens that a client's library signs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from tests.support.platform_client import send, shown_everywhere, world
from tests.support.sandbox_client import Answer

KEY, SECRET = "APIsandbox", "a-secret-of-thirty-two-characters-or-more"
KEYS = [{"platform": "livekit", "key": KEY, "secret": SECRET}]
INBOUND = {
    "name": "in",
    "numbers": ["+15550100101"],
    "auth_username": "user",
    "auth_password": "planted-password",
    "headers": {"X-Key": "planted-header"},
    "media": {"encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"},
    "metadata": "owner",
}
OUTBOUND = {
    "name": "out",
    "address": "acme.pstn.twilio.com",
    "transport": "SIP_TRANSPORT_TLS",
    "numbers": ["+15550100101"],
    "auth_username": "user",
    "auth_password": "planted-password",
}
RULE = {
    "name": "rule",
    "trunk_ids": ["ST_1"],
    "rule": {"dispatch_rule_individual": {"room_prefix": "call-", "pin": "planted-1234"}},
    "room_config": {"agents": [{"agent_name": "reception", "metadata": "m"}]},
    "attributes": {"someKey": "v"},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(world(platform_keys=KEYS)) as sandbox:
        yield sandbox


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: object) -> str:
    claims = {"iss": KEY, "exp": int(time.time()) + 600, "sip": {"admin": True}, **changes}
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None}, secret, algorithm
    )


def twirp(sandbox: Sandbox, method: str, body: object, signed: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {signed or token()}"}
    return send(sandbox, "POST", f"/livekit/twirp/livekit.SIP/{method}", body, headers)


def done(sandbox: Sandbox, method: str, body: object) -> Any:
    answer = twirp(sandbox, method, body)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.parametrize(
    "signed",
    [
        "nonsense",
        "a.b.c",
        token("another-secret-of-thirty-two-characters"),
        token(iss="APIother"),
        token(exp=int(time.time()) - 10),
        token(exp=None),
        token(sip=None),
        token(sip={"admin": False}),
        token(secret=SECRET * 2, algorithm="HS512"),
    ],
)
def test_a_token_must_be_signed_current_and_for_sip(sandbox: Sandbox, signed: str) -> None:
    refused = twirp(sandbox, "ListSIPInboundTrunk", {}, signed)
    assert (refused.status, refused.json["code"]) == (401, "unauthenticated")
    assert set(refused.json) == {"code", "msg", "meta"}


def test_accepts_any_secret_without_a_seeded_key() -> None:
    with Sandbox(world()) as sandbox:
        signed = token("another-secret-of-thirty-two-characters", iss="any")
        assert twirp(sandbox, "ListSIPInboundTrunk", {}, signed).json == {"items": []}
        assert twirp(sandbox, "ListSIPInboundTrunk", {}, token(iss="")).status == 401


def test_inbound_trunk_can_be_created_and_changed(sandbox: Sandbox) -> None:
    made = done(sandbox, "CreateSIPInboundTrunk", {"trunk": INBOUND})
    trunk_id = made["sip_trunk_id"]
    assert trunk_id.startswith("ST_")
    assert (made["media"], made["krisp_enabled"]) == (
        {"encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"},
        False,
    )
    assert done(sandbox, "ListSIPInboundTrunk", {"trunk_ids": [trunk_id]}) == {"items": [made]}
    update = {"name": "new", "numbers": {"add": ["+15550100102"], "remove": ["+15550100101"]}}
    changed = done(sandbox, "UpdateSIPInboundTrunk", {"sip_trunk_id": trunk_id, "update": update})
    assert (changed["name"], changed["numbers"], changed["metadata"]) == (
        "new",
        ["+15550100102"],
        "owner",
    )
    replace = {"numbers": ["15550100101"], "media": {"encryption": "SIP_MEDIA_ENCRYPT_ALLOW"}}
    replaced = done(
        sandbox, "UpdateSIPInboundTrunk", {"sip_trunk_id": trunk_id, "replace": replace}
    )
    assert (replaced["name"], replaced["auth_username"]) == ("", "")
    assert done(sandbox, "ListSIPInboundTrunk", {"numbers": ["+15550100101"]}) == {
        "items": [replaced]
    }
    assert done(sandbox, "ListSIPInboundTrunk", {"numbers": ["+15550100102"]}) == {"items": []}
    assert done(sandbox, "DeleteSIPTrunk", {"sip_trunk_id": trunk_id}) == replaced
    assert twirp(sandbox, "DeleteSIPTrunk", {"sip_trunk_id": trunk_id}).json["code"] == "not_found"


def test_outbound_trunk_can_be_created_and_changed(sandbox: Sandbox) -> None:
    made = done(sandbox, "CreateSIPOutboundTrunk", {"trunk": OUTBOUND})
    assert (made["address"], made["transport"]) == ("acme.pstn.twilio.com", "SIP_TRANSPORT_TLS")
    update = {"sip_trunk_id": made["sip_trunk_id"], "update": {"numbers": {"set": ["*"]}}}
    assert done(sandbox, "UpdateSIPOutboundTrunk", update)["numbers"] == ["*"]
    second = done(
        sandbox, "CreateSIPOutboundTrunk", {"trunk": {**OUTBOUND, "transport": "SIP_TRANSPORT_TCP"}}
    )
    page = done(
        sandbox, "ListSIPOutboundTrunk", {"page": {"after_id": made["sip_trunk_id"], "limit": 1}}
    )
    assert page == {"items": [second]}
    assert done(sandbox, "DeleteSIPTrunk", {"sip_trunk_id": made["sip_trunk_id"]})["name"] == "out"


@pytest.mark.parametrize(
    ("method", "body", "code", "message"),
    [
        ("CreateSIPInboundTrunk", INBOUND, "invalid_argument", "missing trunk"),
        ("CreateSIPInboundTrunk", {"trunk": {"name": "x"}}, "invalid_argument", "for security"),
        (
            "CreateSIPInboundTrunk",
            {"trunk": {"auth_username": "x"}},
            "invalid_argument",
            "for security",
        ),
        (
            "CreateSIPInboundTrunk",
            {"trunk": {**INBOUND, "sip_trunk_id": "ST_1"}},
            "invalid_argument",
            "id",
        ),
        ("CreateSIPInboundTrunk", {"trunk": {**INBOUND, "numbers": "+1"}}, "malformed", "numbers"),
        (
            "CreateSIPInboundTrunk",
            {"trunk": {**INBOUND, "media": {"encryption": "allow"}}},
            "malformed",
            "encryption",
        ),
        (
            "CreateSIPOutboundTrunk",
            {"trunk": {**OUTBOUND, "numbers": []}},
            "invalid_argument",
            "no numbers",
        ),
        (
            "CreateSIPOutboundTrunk",
            {"trunk": {**OUTBOUND, "address": ""}},
            "invalid_argument",
            "no outbound address",
        ),
        (
            "CreateSIPOutboundTrunk",
            {"trunk": {**OUTBOUND, "address": "sip:a"}},
            "invalid_argument",
            "not SIP URI",
        ),
        (
            "CreateSIPDispatchRule",
            {"dispatch_rule": {"name": "x"}},
            "invalid_argument",
            "missing rule",
        ),
        (
            "CreateSIPDispatchRule",
            {"dispatch_rule": {**RULE, "sip_dispatch_rule_id": "x"}},
            "invalid_argument",
            "id",
        ),
        (
            "UpdateSIPInboundTrunk",
            {"sip_trunk_id": "ST_9", "replace": {}},
            "not_found",
            "sip trunk",
        ),
        ("UpdateSIPDispatchRule", {"sip_dispatch_rule_id": "x"}, "not_found", "sip dispatch rule"),
    ],
)
def test_refuses_invalid_requests(
    sandbox: Sandbox, method: str, body: object, code: str, message: str
) -> None:
    answer = twirp(sandbox, method, body)
    assert answer.json["code"] == code
    assert message in answer.json["msg"]
    assert answer.status == {"invalid_argument": 400, "malformed": 400, "not_found": 404}[code]


def test_inbound_trunks_may_not_share_a_number(sandbox: Sandbox) -> None:
    """Unless they are for different callers; with and without a plus a number is the same."""
    done(sandbox, "CreateSIPInboundTrunk", {"trunk": INBOUND})
    second = {**INBOUND, "numbers": ["15550100101"]}
    refused = twirp(sandbox, "CreateSIPInboundTrunk", {"trunk": second})
    assert (refused.status, "Conflicting inbound SIP Trunks" in refused.json["msg"]) == (400, True)
    made = done(
        sandbox, "CreateSIPInboundTrunk", {"trunk": {**second, "allowed_numbers": ["+15550100177"]}}
    )
    update = {"sip_trunk_id": made["sip_trunk_id"], "update": {"allowed_numbers": {"set": []}}}
    assert twirp(sandbox, "UpdateSIPInboundTrunk", update).json["code"] == "invalid_argument"
    both = {"sip_trunk_id": made["sip_trunk_id"], "update": {}, "replace": {}}
    assert twirp(sandbox, "UpdateSIPInboundTrunk", both).json["code"] == "invalid_argument"


def test_dispatch_rule_can_be_created_and_is_unique(sandbox: Sandbox) -> None:
    made = done(sandbox, "CreateSIPDispatchRule", {"dispatch_rule": RULE})
    rule_id = made["sip_dispatch_rule_id"]
    assert made["rule"] == {
        "dispatch_rule_individual": {"room_prefix": "call-", "no_randomness": False}
    }
    assert made["room_config"] == {"agents": [{"agent_name": "reception", "metadata": "m"}]}
    assert made["attributes"] == {"someKey": "v"}
    again = twirp(sandbox, "CreateSIPDispatchRule", {"dispatch_rule": RULE})
    assert (again.status, "already exists" in again.json["msg"]) == (400, True)
    direct = {"dispatchRuleDirect": {"roomName": "lobby"}}
    other = done(sandbox, "CreateSIPDispatchRule", {"trunkIds": ["ST_1"], "rule": direct})
    assert other["rule"] == {"dispatch_rule_direct": {"room_name": "lobby"}}
    update = {
        "sip_dispatch_rule_id": rule_id,
        "update": {"name": "new", "trunk_ids": {"add": ["ST_2"]}},
    }
    changed = done(sandbox, "UpdateSIPDispatchRule", update)
    assert (changed["trunk_ids"], changed["rule"]) == (["ST_1", "ST_2"], made["rule"])
    collision = {"sip_dispatch_rule_id": other["sip_dispatch_rule_id"], "replace": RULE}
    assert twirp(sandbox, "UpdateSIPDispatchRule", collision).status == 400
    callee = {
        "rule": {"dispatch_rule_callee": {"room_prefix": "n-", "randomize": True}},
        "trunk_ids": ["ST_3"],
    }
    replaced = done(
        sandbox, "UpdateSIPDispatchRule", {"sip_dispatch_rule_id": rule_id, "replace": callee}
    )
    assert (replaced["name"], replaced["room_config"]) == ("", None)
    assert done(sandbox, "ListSIPDispatchRule", {"trunk_ids": ["ST_3"]}) == {"items": [replaced]}
    assert done(sandbox, "ListSIPDispatchRule", {"dispatch_rule_ids": [rule_id]}) == {
        "items": [replaced]
    }
    assert done(sandbox, "DeleteSIPDispatchRule", {"sip_dispatch_rule_id": rule_id}) == replaced
    assert twirp(sandbox, "UpdateSIPDispatchRule", {"sip_dispatch_rule_id": rule_id}).status == 404


def test_shows_no_passwords_pins_and_headers(sandbox: Sandbox) -> None:
    """P001-12, P001-15, X-5: headers only to those who may read trunks."""
    answers = [
        twirp(sandbox, "CreateSIPInboundTrunk", {"trunk": INBOUND}),
        twirp(sandbox, "CreateSIPOutboundTrunk", {"trunk": OUTBOUND}),
        twirp(sandbox, "CreateSIPDispatchRule", {"dispatch_rule": RULE}),
        twirp(sandbox, "ListSIPDispatchRule", {}),
    ]
    assert [answer.status for answer in answers] == [200, 200, 200, 200]
    told = "".join(answer.body.decode() for answer in answers)
    assert "planted-password" not in told
    assert "planted-1234" not in told
    assert "planted-" not in shown_everywhere(sandbox).replace("planted-twilio-token", "")


def test_faults_have_the_form_of_twirp(sandbox: Sandbox) -> None:
    sandbox.faults.add(f.RateLimit(times=1))
    assert twirp(sandbox, "ListSIPInboundTrunk", {}).json["code"] == "resource_exhausted"
    sandbox.faults.add(f.ServerError(times=1))
    assert twirp(sandbox, "ListSIPInboundTrunk", {}).json["code"] == "internal"
    assert twirp(sandbox, "Nothing", {}).json["code"] == "bad_route"
    assert twirp(sandbox, "ListSIPInboundTrunk", b"{").json["code"] == "malformed"


def test_supports_edits_of_a_trunk_by_hand(sandbox: Sandbox) -> None:
    made = done(sandbox, "CreateSIPInboundTrunk", {"trunk": INBOUND})
    place = f"/_sandbox/platforms/livekit_inbound_trunks/{made['sip_trunk_id']}"
    shown = send(sandbox, "POST", place, {"media": {"encryption": "SIP_MEDIA_ENCRYPT_ALLOW"}}).json
    assert "headers" not in shown
    [trunk] = done(sandbox, "ListSIPInboundTrunk", {})["items"]
    assert (trunk["media"]["encryption"], trunk["headers"]) == (
        "SIP_MEDIA_ENCRYPT_ALLOW",
        INBOUND["headers"],
    )
