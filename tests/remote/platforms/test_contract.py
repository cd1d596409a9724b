"""What every adapter promises, asked of all of them against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.table import PLATFORM_KINDS
from reconciler.remote.platforms.contract import RegisteredNumber
from reconciler.remote.platforms.errors import CURES
from reconciler.remote.platforms.registry import ADAPTERS
from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms.livekit_rules import RULES
from reconciler.sandbox.platforms.livekit_trunks import INBOUND, OUTBOUND
from reconciler.sandbox.service.app import Sandbox
from tests.support.adapter_runner import (
    KEY,
    KINDS,
    ONE,
    PASSWORD,
    PIN,
    SECRET,
    TOKEN,
    TWO,
    AdapterRunner,
    world,
)

LISTED = [name for name, kind in PLATFORM_KINDS.items() if "list" in kind.can]


@pytest.fixture(params=sorted(KINDS))
def runner(request: pytest.FixtureRequest) -> Iterator[AdapterRunner]:
    yield from staged(request.param)


@pytest.fixture(params=sorted(LISTED))
def listed(request: pytest.FixtureRequest) -> Iterator[AdapterRunner]:
    """A platform whose numbers can be listed."""
    yield from staged(request.param)


def staged(name: str) -> Iterator[AdapterRunner]:
    with Sandbox(world()) as sandbox:
        runner = AdapterRunner(sandbox, KINDS[name])
        yield runner
        runner.adapter.close()


def made(runner: AdapterRunner, key: str = ONE) -> RegisteredNumber:
    """A number that has been imported and linked."""
    asked = runner.asked(key)
    [result] = runner.adapter.create([asked])
    assert isinstance(result, RegisteredNumber), result
    links = {name: asked.attrs[name] for name in runner.adapter.kind.links if name in asked.attrs}
    if any(value != result.attrs.get(name) for name, value in links.items()):
        runner.adapter.link(result, asked)
    return result


def test_the_table_has_an_adapter_for_each_platform() -> None:
    assert set(ADAPTERS) == set(PLATFORM_KINDS) == set(KINDS)


def test_explains_unsupported_operations() -> None:
    for kind in PLATFORM_KINDS.values():
        changes = (
            {"link", "update", "delete"}
            - kind.can
            - ({"link", "update"} if kind.replaces else set())
        )
        needed = changes - ({"update"} if not kind.updates and kind.type == "dasha" else set())
        assert needed <= set(kind.manual), kind.type


def test_sends_nothing_before_the_first_request(runner: AdapterRunner) -> None:
    assert len(runner.sandbox.calls) == 0


def test_list_shows_an_imported_number_with_all_attributes(listed: AdapterRunner) -> None:
    assert listed.adapter.list([listed.asked()]) == []
    there = made(listed)
    [found] = listed.adapter.list([listed.asked()])
    assert (found.id, found.key) == (there.id, ONE)
    assert {name: found.attrs.get(name) for name in listed.kind.attrs} == dict(listed.kind.attrs)


def test_listing_changes_nothing(listed: AdapterRunner) -> None:
    made(listed)
    before = listed.writes
    listed.adapter.list([listed.asked()])
    assert listed.writes == before


def test_changes_the_agent_with_a_separate_call(listed: AdapterRunner) -> None:
    if not listed.adapter.kind.links and "update" not in listed.adapter.kind.can:
        pytest.skip("it has no such call")
    made(listed)
    [there] = listed.adapter.list([listed.asked()])
    listed.adapter.link(there, listed.asked(attrs={**listed.kind.attrs, **listed.kind.other}))
    [found] = listed.adapter.list([listed.asked()])
    assert found.attrs["agent"] == listed.kind.other["agent"]


def test_removal_succeeds_and_can_be_repeated(listed: AdapterRunner) -> None:
    if "delete" not in listed.adapter.kind.can:
        pytest.skip("it has no such call")
    made(listed)
    [there] = listed.adapter.list([listed.asked()])
    listed.adapter.delete(there)
    listed.adapter.delete(there)
    assert listed.adapter.list([listed.asked()]) == []
    if listed.kind.twilio:
        assert listed.sandbox.world.number(ONE), "it stays on Twilio"


def test_too_many_requests_and_faltering_servers_are_waited_for(runner: AdapterRunner) -> None:
    runner.sandbox.faults.add(f.RateLimit(path=f"/{runner.kind.type}/*", times=2, retry_after=3))
    made(runner)
    assert runner.clock.pauses[:2] == [3.0, 3.0]
    assert {record.status for record in runner.records} >= {429}
    told = [
        (wait.account, wait.seconds, wait.attempt, wait.status, wait.before)
        for wait in runner.waits
    ]
    assert told == [("p", 3.0, 2, 429, 0.0), ("p", 3.0, 3, 429, 3.0)]


def test_reading_continues_after_a_server_error_and_a_dropped_connection(
    listed: AdapterRunner,
) -> None:
    listed.sandbox.faults.add(f.ServerError(path=f"/{listed.kind.type}/*", times=1))
    listed.sandbox.faults.add(f.Drop(path=f"/{listed.kind.type}/*", times=1, skip=1))
    assert listed.adapter.list([listed.asked()]) == []


def test_an_import_without_an_answer_is_not_sent_twice(runner: AdapterRunner) -> None:
    asked = runner.asked()
    path = {"livekit": "*/Create*", "feather": "*/phone-numbers"}.get(runner.kind.type, "*")
    runner.sandbox.faults.add(f.Drop(path=path, method="POST", carried_out=True, times=1))
    [result] = runner.adapter.create([asked])
    assert isinstance(result, RemoteError)
    assert result.ambiguous
    imports = [call for call in runner.sandbox.calls if call.is_write and call.status == 0]
    assert len(imports) == 1


def test_a_wrong_key_has_its_code(runner: AdapterRunner) -> None:
    rows = [
        {
            "platform": runner.kind.type,
            "key": "another",
            "secret": "another-secret-of-32-characters!!",
        }
    ]
    runner.sandbox.world.extend({"format": 1, "platform_keys": rows})
    [result] = runner.adapter.create([runner.asked()]) if runner.kind.twilio else [listing(runner)]
    assert isinstance(result, RemoteError)
    assert result.code == "invalid_api_key"
    assert result.diagnostics[0].detail.endswith(CURES["invalid_api_key"][1])


def listing(runner: AdapterRunner) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        runner.adapter.list([])
    return caught.value


def test_gives_up_an_unreachable_server(runner: AdapterRunner) -> None:
    runner.sandbox.stop()
    [result] = runner.adapter.create([runner.asked()])
    assert isinstance(result, RemoteError)
    assert result.code == "network_error"
    assert not result.ambiguous


def test_does_not_accept_a_response_that_is_not_json(runner: AdapterRunner) -> None:
    runner.sandbox.faults.add(f.CutBody(path=f"/{runner.kind.type}/*"))
    [result] = runner.adapter.create([runner.asked()])
    assert isinstance(result, RemoteError)
    assert result.code in ("network_error", "unexpected_answer")


def test_stopped_run_retries_nothing(runner: AdapterRunner) -> None:
    runner.sandbox.faults.add(f.RateLimit(path=f"/{runner.kind.type}/*"))
    runner.clock.on_pause = runner.stop.set
    [result] = runner.adapter.create([runner.asked()])
    assert isinstance(result, RemoteError)
    assert result.code == "interrupted"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_no_refusal_shows_a_secret_that_the_platform_echoes(
    runner: AdapterRunner, status: int
) -> None:
    echo = f"said {KEY} {SECRET} {TOKEN} {PASSWORD} {PIN}"
    runner.sandbox.faults.add(f.Refuse(path=f"/{runner.kind.type}/*", status=status, message=echo))
    [result] = runner.adapter.create([runner.asked()])
    assert isinstance(result, RemoteError)
    text = str(result) + repr(result.diagnostics) + repr(runner.records)
    sent = {
        "nixflex": (TOKEN,),
        "vapi": (TOKEN,),
        "elevenlabs": (TOKEN,),
        "butter": (),
        "livekit": (SECRET,),
    }.get(runner.kind.type, ())
    secrets = (*sent, *(() if runner.kind.type == "livekit" else (KEY,)))
    assert [secret for secret in secrets if secret in text] == []
    assert result.code in CURES


def test_many_numbers_are_answered_in_their_order(runner: AdapterRunner) -> None:
    results = runner.adapter.create([runner.asked(TWO), runner.asked(ONE)])
    assert [result.key for result in results if isinstance(result, RegisteredNumber)] == [TWO, ONE]


@pytest.mark.parametrize("call", ["CreateSIPDispatchRule", "CreateSIPOutboundTrunk"])
def test_removes_what_livekit_created_before_a_refusal(call: str) -> None:
    with Sandbox(world()) as sandbox:
        runner = AdapterRunner(sandbox, KINDS["livekit"])
        sandbox.faults.add(f.Refuse(path=f"*/{call}", status=400))
        [result] = runner.adapter.create([runner.asked()])
        assert isinstance(result, RemoteError)
        sandbox.faults.clear()
        assert runner.adapter.list([runner.asked()]) == []
        left = [
            *sandbox.world.table(INBOUND),
            *sandbox.world.table(OUTBOUND),
            *sandbox.world.table(RULES),
        ]
        assert left == []
        runner.adapter.close()


def test_registration_shows_no_secrets() -> None:
    assert PASSWORD not in repr(RegisteredNumber("1", ONE, {}, {"password": PASSWORD}))
