"""Dasha: one bulk call for the missing numbers only, partial success told number by number, links both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.dasha_rows import (
    AGENTS,
    NUMBERS,
    PROVIDERS,
    DashaNumber,
    DashaProvider,
)
from reconciler.sandbox.service.app import Sandbox
from tests.support.processes.platform_runner import AC, PlatformRunner, world
from tests.support.processes.process_runner import actions

ONE, TWO = "+15550100101", "+15550100102"
MANY = [f"+1555010{index:04d}" for index in range(1000, 1100)]
PBX = "https://pbx.example.net/in"
KEY = "pl4nted.bearer.of.dasha"
PROVIDER = "11111111-2222-4333-8444-555555555555"
FIRST, SECOND = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    numbers: dict[str, dict[str, object]] = {
        ONE: {"voice_url": PBX},
        TWO: {},
        **{e164: {} for e164 in MANY},
    }
    rows = {
        "platform_keys": [{"platform": "dasha", "key": KEY}],
        "dasha_providers": [{"id": PROVIDER, "accountSid": AC, "name": "main"}],
        "dasha_agents": [{"id": FIRST, "name": "first"}, {"id": SECOND, "name": "second"}],
    }
    with Sandbox(world(numbers, **rows)) as sandbox:
        yield PlatformRunner(tmp_path / "work", sandbox)


def declare(runner: PlatformRunner, numbers: object, **agents: object) -> None:
    platform = {
        "type": "dasha",
        "api_key": runner.secret("DASHA_KEY", KEY),
        "connections": {"main": PROVIDER},
        "base_url": f"{runner.sandbox.base_url}/dasha",
    }
    known = {
        "sales": {"platform": "da", "id": FIRST},
        "help": {"platform": "da", "id": SECOND, "outbound_number": TWO},
    }
    runner.setting(numbers, platforms={"da": platform}, agents={**known, **agents})


def provider(runner: PlatformRunner) -> DashaProvider:
    row = runner.world.table(PROVIDERS).get(PROVIDER)
    assert row is not None
    return row


def rows(runner: PlatformRunner) -> dict[str, DashaNumber]:
    return {row.phone_number: row for row in runner.world.table(NUMBERS)}


def test_numbers_join_the_trunk_in_one_call_and_are_linked_both_ways(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "help"})
    with runner.watched() as calls:
        runner.apply()
    assert [call.path for call in calls if call.path.endswith("/import-numbers")] == [
        f"/dasha/api/v1/providers/twilio/{PROVIDER}/import-numbers"
    ]
    trunk = provider(runner).trunk_sid
    assert runner.twilio_number(ONE).trunk_sid == trunk == runner.twilio_number(TWO).trunk_sid
    assert (
        rows(runner)[ONE].incoming_calls_agent_id,
        rows(runner)[TWO].incoming_calls_agent_id,
    ) == (
        FIRST,
        SECOND,
    )
    caller = runner.world.table(AGENTS).get(SECOND)
    assert caller is not None
    assert caller.outbound_number_id == rows(runner)[TWO].sid
    for e164 in (ONE, TWO):
        row = rows(runner)[e164]
        assert row.provider_id == PROVIDER
        assert runner.state[f"registration/da/{e164}"]["sid"] == row.sid
    runner.settled()
    with runner.watched() as calls:
        runner.apply()
    assert [call for call in calls if call.is_write] == []


def test_one_agent_takes_calls_of_many_numbers_and_calls_out_with_one(
    runner: PlatformRunner,
) -> None:
    declare(runner, {ONE: {"agent": "help", "takeover": "allow"}, TWO: "help"})
    runner.apply()
    assert {row.incoming_calls_agent_id for row in rows(runner).values()} == {SECOND}
    caller = runner.world.table(AGENTS).get(SECOND)
    assert caller is not None
    assert caller.outbound_number_id == rows(runner)[TWO].sid
    runner.settled()

    # The caller id moves, and incoming calls stay where they are.
    other = {"platform": "da", "id": SECOND, "outbound_number": ONE}
    declare(runner, {ONE: "help", TWO: "help"}, help=other)
    runner.apply()
    assert {row.incoming_calls_agent_id for row in rows(runner).values()} == {SECOND}
    assert caller.outbound_number_id == rows(runner)[ONE].sid


def test_an_edit_on_either_side_is_seen_and_put_back(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "help"})
    runner.apply()
    rows(runner)[TWO].incoming_calls_agent_id = FIRST
    caller = runner.world.table(AGENTS).get(SECOND)
    assert caller is not None
    caller.outbound_number_id = ""
    drifted = runner.json("drift", code=2)["drifted"]
    assert [(d["address"], [f["field"] for f in d["fields"]]) for d in drifted] == [
        (f"registration/da/{TWO}", ["agent", "outbound_agent"])
    ]
    assert actions(runner.plan()) == [(f"registration/da/{TWO}", "link")]
    runner.apply()
    assert rows(runner)[TWO].incoming_calls_agent_id == SECOND
    assert caller.outbound_number_id == rows(runner)[TWO].sid

    runner.edit(TWO, trunk_sid="")
    assert actions(runner.plan()) == [(f"number/{TWO}", "attach_trunk")]
    runner.apply()
    assert runner.twilio_number(TWO).trunk_sid == provider(runner).trunk_sid
    runner.settled()

    declare(runner, {TWO: "sales"})
    assert actions(runner.plan()) == [(f"registration/da/{TWO}", "link")]
    runner.apply()
    runner.settled()


def test_released_number_has_its_prior_values(runner: PlatformRunner) -> None:
    declare(runner, {ONE: {"agent": "sales", "takeover": "allow"}, TWO: "help"})
    runner.apply()
    declare(runner, {})
    runner.apply()
    assert runner.hooks(ONE) == {"voice_url": PBX}
    assert runner.hooks(TWO) == {}
    assert rows(runner) == {}
    assert runner.state == {}


def test_seven_bad_numbers_of_a_hundred_fail_individually(runner: PlatformRunner) -> None:
    """93 in place, 7 errors named, exit 5; the second run tries the 7 and no others."""
    bad = MANY[10:17]
    declare(runner, dict.fromkeys(MANY, "sales"))
    sids = {e164: runner.twilio_number(e164).sid for e164 in bad}
    held = [
        DashaNumber(sid=f"x{e164}", phone_number=e164, organization="theirs", provider_id=PROVIDER)
        for e164 in bad
    ]
    for row in held:  # the provider has them already, and our key may not see them
        runner.world.table(NUMBERS).add(row)

    with runner.watched() as calls:
        done = runner.apply(code=5)
    [call] = [call for call in calls if call.path.endswith("/import-numbers")]
    assert len(call.params["phoneNumberSids"]) == 100  # type: ignore[arg-type]
    assert done["failed_count"] == 7
    assert {e["address"] for e in done["errors"]} == {f"registration/da/{e164}" for e164 in bad}
    assert {e["code"] for e in done["errors"]} == {"number_already_imported"}
    assert {e["phone_number_sid"] for e in done["errors"]} == set(sids.values())
    good = [e164 for e164 in MANY if e164 not in bad]
    assert {runner.twilio_number(e164).trunk_sid for e164 in good} == {provider(runner).trunk_sid}
    assert {rows(runner)[e164].incoming_calls_agent_id for e164 in good} == {FIRST}

    with runner.watched() as calls:
        runner.apply(code=1)
    [call] = [call for call in calls if call.path.endswith("/import-numbers")]
    assert sorted(call.params["phoneNumberSids"]) == sorted(sids.values())  # type: ignore[call-overload]

    for row in held:
        runner.world.table(NUMBERS).remove(row)
    runner.apply()
    runner.settled()


def test_names_a_number_that_twilio_refuses_to_attach(runner: PlatformRunner) -> None:
    declare(runner, {TWO: "help"})
    provider(runner).token_digest = "not the token any more"
    done = runner.apply(code=5)
    assert [e["code"] for e in done["errors"]] == ["trunk_attachment_failed"]


def test_missing_agent_and_missing_provider_have_their_own_codes(runner: PlatformRunner) -> None:
    declare(
        runner, {TWO: "gone"}, gone={"platform": "da", "id": "aaaaaaaa-0000-4000-8000-00000000000f"}
    )
    assert runner.run("apply", "--auto-approve", "--json", code=1).codes == ["agent_not_found"]
    declare(runner, {TWO: "help"})
    runner.sandbox.faults.add(f.Refuse(path="*/agent-link", method="PUT", status=404))
    done = runner.apply(code=5)
    assert [e["code"] for e in done["errors"]] == ["agent_not_found"]
    assert [o["status"] for o in done["outcomes"]] == ["applied", "reverted"]
    assert rows(runner) == {}, "the import was undone"
    runner.sandbox.faults.clear()
    assert actions(runner.plan()) == [(f"registration/da/{TWO}", "register")]
    runner.apply()
    runner.settled()
    done_again = runner.run("plan", "--json", code=1, DASHA_KEY="wrong")
    assert done_again.codes == ["invalid_api_key"]


def test_keeps_a_number_that_unmanaged_agents_use_and_names_them(
    runner: PlatformRunner,
) -> None:
    declare(runner, {TWO: "sales"})
    runner.apply()
    caller = runner.world.table(AGENTS).get(SECOND)
    assert caller is not None
    caller.outbound_number_id = rows(runner)[TWO].sid
    declare(runner, {})
    done = runner.apply(code=1)
    assert "number_in_use" in [e["code"] for e in done["errors"]]
    assert "second" in done["errors"][0]["message"]
    caller.outbound_number_id = ""
    runner.apply()
    assert runner.state == {}


def test_imports_existing_registrations_without_a_write_after_state_loss(
    runner: PlatformRunner,
) -> None:
    declare(runner, {TWO: "help"})
    runner.apply()
    runner.lose_state()
    with runner.watched() as calls:
        runner.apply()
    assert [call for call in calls if call.is_write] == []
    runner.settled()


def test_moves_a_number_from_a_foreign_trunk_with_consent_and_restores_it(
    runner: PlatformRunner,
) -> None:
    theirs = runner.world.new_sid("TK")
    runner.world.extend(
        {"format": 1, "trunks": [{"sid": theirs, "account_sid": AC, "friendly_name": "theirs"}]}
    )
    runner.edit(TWO, trunk_sid=theirs)
    declare(runner, {TWO: "help"})
    assert [d["code"] for d in runner.apply(code=4)["diagnostics"]] == ["takeover_refused"]
    assert runner.twilio_number(TWO).trunk_sid == theirs
    runner.apply("--allow-takeover")
    assert runner.twilio_number(TWO).trunk_sid == provider(runner).trunk_sid
    runner.settled()
    declare(runner, {})
    runner.apply()
    assert runner.twilio_number(TWO).trunk_sid == theirs
