"""What platforms hold in a seed: read strictly, written down without secrets, and named in the documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.kinds.platforms.table import PLATFORM_KINDS
from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms import dasha_rows, registry
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.store import SeedError
from reconciler.sandbox.world.world import World
from tests.support.platform_client import ACCOUNT, BASE, send, world

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "sandbox.md").read_text(
    encoding="utf-8"
)
PROVIDER = "11111111-0000-4000-8000-000000000000"
SEED: dict[str, Any] = {
    "platform_keys": [
        {"platform": "livekit", "key": "APIkey", "secret": "s", "organization": "acme"}
    ],
    "nixflex_agents": [{"agent_id": "agent_1"}],
    "nixflex_numbers": [
        {"phone_number": "+15550100101", "agent_id": "agent_1", "account_sid": ACCOUNT}
    ],
    "dasha_providers": [{"id": PROVIDER}],
    "dasha_credentials": [{"server": "sip.example.com", "authPassword": "planted"}],
    "dasha_numbers": [{"phoneNumber": "+15550100101", "providerId": PROVIDER}],
    "dasha_agents": [{"name": "Reception"}],
    "feather_connections": [{}],
    "feather_assistants": [{"name": "Reception"}],
    "feather_bridge_numbers": [{"phone_e164": "+15550100101"}],
    "feather_phone_numbers": [{"phone_e164": "+15550100101"}],
    "feather_channels": [{"channel_type": "sms"}],
    "butter_integrations": [{}],
    "butter_agents": [{}],
    "butter_numbers": [{"phone_number": "+15550100101"}],
    "ravan_connections": [{}],
    "ravan_agents": [{}],
    "ravan_numbers": [{"number": "+15550100101"}],
    "livekit_inbound_trunks": [{"numbers": ["+15550100101"], "headers": {"X-Key": "planted"}}],
    "livekit_outbound_trunks": [{"address": "acme.pstn.twilio.com"}],
    "retell_agents": [{"agent_id": "agent_1"}],
    "retell_numbers": [{"phone_number": "+15550100101", "password": "planted"}],
    "vapi_settings": [{"after_delete": "half"}],
    "vapi_assistants": [{"name": "Reception"}],
    "vapi_squads": [{"name": "Crew"}],
    "vapi_credentials": [{"name": "Edge", "authPassword": "planted"}],
    "vapi_numbers": [{"number": "+15550100101", "twilioAuthToken": "planted"}],
    "livekit_dispatch_rules": [
        {"rule": {"dispatch_rule_direct": {"room_name": "lobby"}}, "pin": "planted"}
    ],
    "elevenlabs_workspaces": [{"delete_leaves": "former"}],
    "elevenlabs_agents": [{"agent_id": "agent_1"}],
    "elevenlabs_branches": [{"id": "agtbrch_1", "agent_id": "agent_1"}],
    "elevenlabs_deployments": [
        {"agent_id": "agent_1", "traffic_percentage_branch_id_map": {"agtbrch_1": 100}}
    ],
    "elevenlabs_numbers": [{"phone_number": "+15550100101", "agent_id": "agent_1"}],
}


def test_seed_with_rows_of_every_platform_is_dumped_without_secrets() -> None:
    made = world(**SEED)
    assert set(SEED) == {shelf.name for shelf in registry.SHELVES}
    text = made.dump()
    assert b"planted" not in text.replace(b"planted-twilio-token", b"")
    assert World.from_seed(msgspec.json.decode(text)).dump() == text


def test_the_document_names_every_platform_and_section() -> None:
    assert set(registry.PLATFORMS) == set(PLATFORM_KINDS)
    for name in registry.PLATFORMS:
        assert f"| `/{name}` |" in DOCUMENT
    for section in SEED:
        assert f"`{section}`" in DOCUMENT


def test_the_seed_of_the_document_can_be_read() -> None:
    [seed] = [
        block
        for block in re.findall("```json\n(.*?)```", DOCUMENT, re.DOTALL)
        if "dasha_providers" in block
    ]
    assert len(World.from_seed(msgspec.json.decode(seed)).table(dasha_rows.PROVIDERS)) == 1


@pytest.mark.parametrize(
    ("section", "row", "message"),
    [
        (
            "platform_keys",
            {"platform": "nixlfex", "key": "a"},
            r"platform_keys\[0\]: platform must be one of",
        ),
        ("platform_keys", {"platform": "nixflex"}, "needs `key`"),
        ("nixflex_agents", {"colour": "red"}, "unknown field `colour`"),
        ("nixflex_numbers", {"phone_number": "1"}, "must be E.164"),
        ("feather_connections", {"account_sid": "AC9"}, "account AC9 is not among the accounts"),
        ("feather_bridge_numbers", {"phone_e164": ""}, "must be E.164"),
        ("feather_phone_numbers", {}, "must be E.164"),
        ("ravan_numbers", {}, "must be E.164"),
        ("dasha_numbers", {"providerId": "x"}, "provider x is not among the dasha_providers"),
        ("dasha_credentials", {}, "need a server"),
        ("vapi_numbers", {"number": "1"}, "must be E.164"),
        ("vapi_numbers", {"provider": "plivo"}, "provider must be one of"),
        ("vapi_settings", {"after_delete": "all"}, "keep, clear or half"),
    ],
)
def test_reports_the_position_of_an_invalid_row(section: str, row: object, message: str) -> None:
    with pytest.raises(SeedError, match=message):
        world(**{section: [row]})


def test_seven_of_a_hundred_numbers_fail() -> None:
    """DAS-9, DAS-10: the other 93 are attached; asking for the seven again attaches them once they can be."""
    numbers = [{"phone_number": f"+15550100{place:03d}"} for place in range(100)]
    seed = {**BASE, "numbers": numbers, "dasha_providers": [{"id": PROVIDER}]}
    with Sandbox(World.from_seed(seed)) as sandbox:
        sids = [number.sid for number in sandbox.world.numbers]
        sandbox.faults.add(f.RefuseAttachment(numbers=tuple(sids[::15])))
        path, key = (
            f"/dasha/api/v1/providers/twilio/{PROVIDER}/import-numbers",
            {"Authorization": "Bearer k"},
        )
        result = send(sandbox, "POST", path, {"phoneNumberSids": sids}, key).json
        assert (result["successCount"], result["failedCount"]) == (93, 7)
        failed = [error["phoneNumberSid"] for error in result["errors"]]
        assert (
            failed
            == [number.sid for number in sandbox.world.numbers if not number.trunk_sid]
            == sids[::15]
        )
        sandbox.faults.clear()
        assert (
            send(sandbox, "POST", path, {"phoneNumberSids": failed}, key).json["successCount"] == 7
        )


def test_a_dropped_answer_leaves_the_import_done() -> None:
    """X-10: whoever asks again after a lost answer meets what is there."""
    with Sandbox(world(feather_connections=[{}])) as sandbox:
        sandbox.faults.add(f.Drop(carried_out=True, times=1, path="/feather/*"))
        path, key = "/feather/v1/identity/org/bridge-numbers", {"x-api-key": "k"}
        with pytest.raises(ConnectionError):
            send(sandbox, "POST", path, {"twilio_number_sid": "+15550100101"}, key)
        assert [row["phone_e164"] for row in send(sandbox, "GET", path, headers=key).json] == [
            "+15550100101"
        ]
        assert [call.status for call in sandbox.calls] == [0, 200]
