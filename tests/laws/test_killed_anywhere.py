"""An apply of 50 numbers, 5 of them taken over, a new trunk with its lists and two numbers to buy, killed at every
single thing that it does.

The points are those of `mortal`. What the next run finds must be enough to end in the one right world.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from reconciler.execution.scheduler import Scheduler
from reconciler.model.desired import Desired, Options, Profile, Purchase
from reconciler.model.route import TrunkRoute, Value
from reconciler.state.stores.file import FileStore
from tests.support.memory.fake_twilio import Account
from tests.support.memory.fake_twilio_with_lists import PREFIXES, FakeTwilioWithLists
from tests.support.memory.resources import (
    FILE,
    declared,
    e164,
    hook,
    origination,
    row,
    trunk,
    world,
)

from .mortal import Death, plan_for, run, take_one

NUMBERS = range(1, 51)
TAKEN_OVER = range(1, 6)
ON_TRUNK = range(4, 10)
BOUGHT = range(51, 53)
PASSWORD = {"a fingerprint": "Correct-Horse-1"}
VOICE, SMS = hook("voice"), hook("sms")
OURS = frozenset({VOICE.url, SMS.url})


def foreign(last: int) -> dict[str, Any]:
    return {
        "voice_url": f"https://pbx.example.net/{last}",
        "voice_method": "GET",
        "sms_url": "https://pbx.example.net/s",
    }


def declaration(last: int) -> Desired:
    voice = TrunkRoute("edge") if last in ON_TRUNK else VOICE
    attrs = {"voice": voice, "sms": SMS, "status": None}
    purchase = Purchase("US") if last in BOUGHT else None
    profile = Profile("main", attrs, Options(takeover="allow"), purchase)
    return Desired("number", f"number/{e164(last)}", e164(last), profile, FILE)


def lists() -> list[Desired]:
    """Both lists of who may call, what stands on them, and that the trunk uses them."""
    found: list[Desired] = []
    for kind, name in (("ip_access_control_list", "offices"), ("credential_list", "pbx")):
        profile = Profile("main", {"list": name}, Options())
        address, needed = f"trunk_{kind}/edge/{name}", (f"{kind}/{name}",)
        found.append(declared(kind, name, {"friendly_name": name}))
        found.append(
            Desired(
                f"trunk_{kind}", address, name, profile, FILE, parent="trunk/edge", needs=needed
            )
        )
    network: dict[str, Value] = {
        "ip_address": "203.0.113.0",
        "cidr_prefix_length": 28,
        "friendly_name": "hq",
    }
    user: dict[str, Value] = {"username": "agent", "password": next(iter(PASSWORD))}
    for kind, above, key, attrs in (
        ("ip_address", "ip_access_control_list/offices", "203.0.113.0/28", network),
        ("credential", "credential_list/pbx", "agent", user),
    ):
        found.append(
            declared(kind, key, attrs, address=f"{above.split('/')[1]}/{key}", parent=above)
        )
    return found


DESIRED = [
    trunk("edge"),
    origination("edge", "sbc1"),
    *lists(),
    *map(declaration, (*NUMBERS, *BOUGHT)),
]


def apply(twilio: FakeTwilioWithLists, path: Path, death: Death) -> bool:
    """One run; whether it came to its end."""
    return run(twilio, path, DESIRED, OURS, death, PASSWORD) is not None


def check(twilio: FakeTwilioWithLists, path: Path) -> None:
    """The right world, every prior value, nothing twice, nothing left to do."""
    account = twilio.accounts["main"]
    (made,) = account.trunks
    assert [url["sip_url"] for url in account.origination_urls.values()] == ["sip:sbc1.example.com"]
    assert {name: len(shelf) for name, shelf in twilio.shelves.items()} == dict.fromkeys(
        PREFIXES, 1
    )
    assert sorted(trunk for trunk, _ in twilio.uses) == [made] * 2
    assert [twilio.passwords[sid] for sid in twilio.shelves["Credentials"]] == [*PASSWORD.values()]
    numbers = {there["phone_number"]: there for there in account.numbers.values()}
    assert len(numbers) == len(account.numbers) == len(NUMBERS) + len(BOUGHT)
    for last in (*NUMBERS, *BOUGHT):
        there = numbers[e164(last)]
        assert (there["trunk_sid"] or None) == (made if last in ON_TRUNK else None)
        assert there["sms_url"] == SMS.url
        assert last in ON_TRUNK or there["voice_url"] == VOICE.url
    state = FileStore(path, "acme").load()
    assert state is not None
    assert (
        len(state.resources)
        == len(DESIRED)
        == len({(e.kind, e.sid) for e in state.resources.values()})
    )
    created = [address for address, entry in state.resources.items() if entry.created]
    assert len(created) == len(DESIRED) - len(NUMBERS)
    for want in DESIRED:
        assert state.resources[want.address].pending is None
    for last in (*NUMBERS, *BOUGHT):
        prior = state.resources[f"number/{e164(last)}"].prior
        assert prior == (foreign(last) if last in TAKEN_OVER else {})
    assert plan_for(twilio, state, DESIRED, OURS)[0].actions == ()


def fresh() -> FakeTwilioWithLists:
    rows = [row(last, **(foreign(last) if last in TAKEN_OVER else {})) for last in NUMBERS]
    return FakeTwilioWithLists(world(*rows))


def all_points(folder: Path) -> int:
    """How many points there are in a run that nobody kills."""
    folder.mkdir()
    death, twilio = Death(), fresh()
    assert apply(twilio, folder / "state.json", death)
    check(twilio, folder / "state.json")
    return death.points


def end_after_death_at(at: int, folder: Path, accounts: dict[str, Account]) -> bool:
    """Kill a run at one point, finish it, and check the world; whether the run ended before it came to that point.

    At every third point the run that finishes is killed as well, half as far from its start.
    """
    folder.mkdir()
    twilio = fresh()
    twilio.accounts = deepcopy(accounts)
    death = Death(at)
    finished = apply(twilio, folder / "state.json", death)
    assert finished is (death.points < at), (
        "a run ends by itself exactly when it has not come to the point"
    )

    if at % 3 == 0:
        apply(twilio, folder / "state.json", Death(max(at // 2, 1)))
    assert apply(twilio, folder / "state.json", Death())
    check(twilio, folder / "state.json")
    return finished


@pytest.mark.parametrize("part", range(4))
def test_run_killed_at_every_point_converges(
    tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each point once. With one outcome in each line of the journal, every run has the same number of points."""
    monkeypatch.setattr(Scheduler, "_drain", take_one)
    count = all_points(tmp_path / "whole")
    assert count == all_points(tmp_path / "again") >= 370
    accounts = fresh().accounts

    for at in range(1 + part, count + 1, 4):
        assert not end_after_death_at(at, tmp_path / str(at), accounts)
    assert end_after_death_at(count + 1, tmp_path / "end", accounts)


@pytest.mark.parametrize("part", range(4))
def test_run_killed_within_journal_lines_of_several_outcomes_converges(
    tmp_path: Path, part: int
) -> None:
    """Outcomes share a line of the journal as they come, so a run has more points or fewer; one in eight is tried."""
    accounts = fresh().accounts
    at = 1 + 2 * part
    while not end_after_death_at(at, tmp_path / str(at), accounts):
        at += 8
    assert at > 180
