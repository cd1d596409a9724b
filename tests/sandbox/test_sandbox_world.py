"""Worlds: generated ones are the same every time, seeds are read strictly, and a world written down comes back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from reconciler.sandbox.store import SeedError
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN, account_sid
from reconciler.sandbox.world.world import World

SEED = {
    "format": 1,
    "accounts": [
        {"sid": "AC" + "1" * 32, "auth_token": "t"},
        {"owner_account_sid": "AC" + "1" * 32},
    ],
    "api_keys": [{"secret": "s"}],
    "applications": [{"friendly_name": "Menu", "voice_url": "https://agents.example.com/menu"}],
    "credential_lists": [{"sid": "CL" + "1" * 32, "friendly_name": "pbx"}],
    "credentials": [{"credential_list_sid": "CL" + "1" * 32, "username": "pbx", "password": "p"}],
    "ip_access_control_lists": [{"sid": "AL" + "1" * 32, "friendly_name": "offices"}],
    "ip_addresses": [
        {
            "ip_access_control_list_sid": "AL" + "1" * 32,
            "ip_address": "203.0.113.0",
            "cidr_prefix_length": 28,
        }
    ],
    "sip_domains": [
        {"domain_name": "acme.sip.twilio.com", "mappings": {"credential_lists": ["CL" + "1" * 32]}}
    ],
    "trunks": [
        {
            "sid": "TK" + "1" * 32,
            "domain_name": "acme.pstn.twilio.com",
            "credential_lists": ["CL" + "1" * 32],
        }
    ],
    "origination_urls": [{"trunk_sid": "TK" + "1" * 32, "sip_url": "sip:sbc.example.com"}],
    "numbers": [
        {
            "phone_number": "+447700900000",
            "trunk_sid": "TK" + "1" * 32,
            "capabilities": {"sms": False},
        }
    ],
    "services": [{"friendly_name": "Service"}],
    "inbound_regions": [{"phone_number": "+447700900000", "voice_region": "ie1"}],
    "trunk_regions": [{"sip_trunk_domain": "acme.pstn.twilio.com", "voice_region": "ie1"}],
    "calls": [{"to": "+447700900000", "from": "+447700900001", "status": "in-progress"}],
    "messages": [{"to": "+447700900001", "from": "+447700900000", "body": "Hello"}],
    "addresses": [{"customer_name": "Example Ltd", "iso_country": "GB"}],
    "events": [{"event_type": "phone-number.updated", "event_data": {"resource_properties": {}}}],
    "alerts": [{"error_code": "11200"}],
}


def test_the_same_arguments_give_the_same_world() -> None:
    assert (
        World.generate(numbers=300, accounts=2).dump()
        == World.generate(numbers=300, accounts=2).dump()
    )
    assert World.generate(numbers=300).dump() != World.generate(numbers=300, seed="other").dump()


def test_generated_world_has_varied_settings() -> None:
    world = World.generate(numbers=1_000)
    hosts = Counter(
        (number.voice_url or "").partition("//")[2].partition("/")[0] for number in world.numbers
    )
    assert set(hosts) == {
        "",
        "demo.twilio.com",
        "pbx.example.net",
        "legacy.example.org",
        "flows.example.com",
    }
    assert 300 < hosts[""] < 500
    assert {number.voice_url for number in world.numbers} >= {None, ""}
    assert 10 < sum(not number.capabilities.sms for number in world.numbers) < 100
    assert all(not number.sms_url for number in world.numbers if not number.capabilities.sms)


def test_the_first_account_is_always_the_same() -> None:
    account = World.generate(seed="any").account
    assert (account.sid, account.auth_token) == (account_sid(1), SANDBOX_TOKEN)
    assert account.sid == "AC5a4db000000000000000000000000001"


def test_numbers_are_dealt_out_among_accounts() -> None:
    world = World.generate(numbers=10, accounts=1, subaccounts=1)
    parent, child = world.accounts
    assert (
        child.owner_account_sid,
        world.numbers.count(parent.sid),
        world.numbers.count(child.sid),
    ) == (
        parent.sid,
        5,
        5,
    )


@pytest.mark.parametrize("wrong", [{"numbers": -1}, {"numbers": 8_000_001}, {"accounts": 0}])
def test_refuses_impossible_worlds(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be|can be made"):
        World.generate(**wrong)


def test_seed_needs_only_values_without_a_default() -> None:
    world = World.from_seed(SEED)
    number = world.number("+447700900000")
    assert (number.account_sid, number.friendly_name, number.capabilities.sms) == (
        "AC" + "1" * 32,
        "+447700900000",
        False,
    )
    assert (
        number.uri
        == f"/2010-04-01/Accounts/{number.account_sid}/IncomingPhoneNumbers/{number.sid}.json"
    )
    assert [
        len(table) for table in (world.accounts, world.trunks, world.origination_urls, world.events)
    ] == [
        2,
        1,
        1,
        1,
    ]


def test_dumped_world_loads_unchanged(tmp_path: Path) -> None:
    world = World.from_seed(SEED)
    world.released.add("+447700900009")
    world.reserved["acme-gone.pstn.twilio.com"] = "2026-03-31T12:00:00Z"
    world.new_sid("TK")
    world.save(tmp_path / "world.json")
    again = World.load(tmp_path / "world.json")
    assert again.dump() == again.initial().dump() == world.dump()
    assert again.new_sid("TK") == world.new_sid("TK")


def test_reset_returns_to_the_initial_world() -> None:
    for world in (World.from_seed(SEED), World.generate(numbers=3), World()):
        before = world.dump()
        world.extend({"accounts": [{}]})
        assert len(world.initial().accounts) == len(world.accounts) - 1
        assert json.loads(world.initial().dump()).keys() == json.loads(before).keys()


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ([], "a seed is an object"),
        ({"phones": []}, "unknown section `phones`"),
        ({"format": 2}, "format 2 is not known"),
        ({"made": "x"}, "made, released or reserved"),
        ({"accounts": {}}, "accounts must be a list"),
        ({"accounts": [{"name": "x"}]}, r"accounts\[0\]: Object contains unknown field `name`"),
        (
            {"numbers": [{"phone_number": "+15552000000"}]},
            r"numbers\[0\]: account \(none\) is not among the accounts",
        ),
        ({"accounts": [{}], "numbers": [{}]}, r"numbers\[0\]: phone_number must be E.164"),
        (
            {"accounts": [{}], "numbers": [{"phone_number": "+15552000000"}] * 2},
            r"numbers\[1\]: .* exists twice",
        ),
        (
            {"accounts": [{}], "numbers": [{"phone_number": "+15552000000", "beta": "no"}]},
            r"numbers\[0\]: Expected `bool`",
        ),
        (
            {"accounts": [{}], "trunks": [{"domain_name": "acme.example.com"}]},
            "must end with pstn.twilio.com",
        ),
        (
            {"accounts": [{}], "origination_urls": [{"sip_url": "sip:a"}]},
            r"trunk \(none\) is not among the trunks",
        ),
        (
            {"accounts": [{}], "sip_domains": [{"domain_name": "acme.example.com"}]},
            "must end with sip.twilio.com",
        ),
        (
            {"accounts": [{}], "credentials": [{}]},
            r"list \(none\) is not among the credential_lists",
        ),
        ({"accounts": [{}], "api_keys": [{"type": "golden"}]}, "main or standard"),
    ],
)
def test_reports_the_position_of_an_error_in_a_seed(seed: object, message: str) -> None:
    with pytest.raises(SeedError, match=message):
        World.from_seed(seed)


def test_file_without_json_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text("numbers:")
    with pytest.raises(SeedError, match="a seed is JSON"):
        World.load(tmp_path / "world.json")


def test_unknown_number_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        World.generate().number("+15552000000")
