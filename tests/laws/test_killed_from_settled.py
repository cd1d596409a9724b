"""An apply to an account that is managed already and that somebody has changed, killed at every single thing that it does.

Before it, state holds rows, and this has happened: the trunk of two numbers was deleted on Twilio, two watched numbers
were edited, a number and a bridge number were exchanged in the configuration, two numbers are declared no longer, and a
colleague has edited a number. The next run ends as a run that nobody kills, and a release afterwards gives back what
was there at the very beginning.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import msgspec
import pytest

from reconciler.execution.scheduler import Scheduler
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.route import TrunkRoute, Value
from reconciler.planning.plan import Plan
from reconciler.state.format.document import State, empty_state
from reconciler.state.stores.file import FileStore
from tests.support.memory.fake_twilio import FakeTwilio, Row
from tests.support.memory.resources import (
    bridge,
    declared,
    e164,
    hook,
    number,
    origination,
    pn,
    row,
    trunk,
    world,
)

from .mortal import Death, plan_for, run, take_one
from .worlds import picture

VOICE, SMS, OTHER = hook("voice"), hook("sms"), hook("other", method="GET")
OURS = frozenset(each.url for each in (VOICE, SMS, OTHER))
OLD_TRUNK = "TK" + "1" * 32
EDIT = "https://colleague.example.net/edit"

ON_TRUNK, LEAVES_TRUNK, TO_BRIDGE, TO_NUMBER, WATCHED, TAKEN_OVER, RELEASED, REJOINS, EDITED = (
    range(1, 10)
)
DETACHED = 10
"""What happens to each number. `REJOINS` was on a trunk of somebody else before it was managed, `DETACHED` leaves it."""
NUMBERS = range(1, 11)


def prior(last: int) -> dict[str, Any]:
    """How a number was before anything was managed."""
    if last == REJOINS:
        return {"voice_url": f"https://pbx.example.net/{last}", "trunk_sid": OLD_TRUNK}
    return {"voice_url": f"https://pbx.example.net/{last}", "voice_method": "GET"}


def watched(last: int) -> Desired:
    return declared("number", e164(last), {}, options=Options(observe_only=True))


def edge() -> list[Desired]:
    return [trunk("edge"), origination("edge", "sbc1")]


def route(name: str) -> dict[str, Value]:
    return {"voice": TrunkRoute(name)}


FIRST = [
    *edge(),
    number(ON_TRUNK, **route("edge")),
    number(LEAVES_TRUNK, **route("edge")),
    number(TO_BRIDGE, voice=VOICE, sms=SMS),
    bridge(TO_NUMBER, VOICE),
    watched(WATCHED),
    watched(TAKEN_OVER),
    *(number(last, voice=VOICE) for last in (RELEASED, REJOINS, EDITED)),
    number(DETACHED, **route(OLD_TRUNK), sms=SMS),
]
SECOND = [
    *edge(),
    number(ON_TRUNK, **route("edge")),
    number(LEAVES_TRUNK, voice=OTHER),
    bridge(TO_BRIDGE, OTHER),
    number(TO_NUMBER, voice=VOICE, sms=SMS),
    watched(WATCHED),
    number(TAKEN_OVER, voice=VOICE),
    number(EDITED, voice=VOICE),
    number(DETACHED, voice=OTHER, sms=None),
]


class Ended(NamedTuple):
    """A world and its state, without SIDs that chance gave."""

    world: dict[str, Any]
    entries: dict[str, Entry]


def account() -> FakeTwilio:
    """Ten numbers, and a trunk of somebody else."""
    theirs: Row = {
        "sid": OLD_TRUNK,
        "friendly_name": "old",
        "domain_name": "old.pstn.twilio.com",
    }
    rows = [row(last, **prior(last)) for last in NUMBERS]
    return FakeTwilio(world(*rows, trunks=[theirs]))


def happen(twilio: FakeTwilio) -> None:
    """What other people do on Twilio once the first configuration is applied."""
    main = twilio.accounts["main"]
    (ours,) = [sid for sid in main.trunks if sid != OLD_TRUNK]
    del main.trunks[ours]
    for sid in [sid for sid, url in main.origination_urls.items() if url["trunk_sid"] == ours]:
        del main.origination_urls[sid]
    for there in main.numbers.values():
        if there["trunk_sid"] == ours:
            there["trunk_sid"] = None
    for last in (WATCHED, TAKEN_OVER, EDITED):
        main.numbers[pn(last)]["voice_url"] = EDIT


def recorded(path: Path) -> State:
    """What state holds."""
    return FileStore(path, "acme").load() or empty_state("acme")


def ended(twilio: FakeTwilio, path: Path) -> Ended:
    """How it is now."""
    entries: dict[str, Entry] = {}
    for address, entry in recorded(path).resources.items():
        entries[address] = msgspec.structs.replace(entry, sid="") if entry.created else entry
    return Ended(picture(twilio), entries)


def consents(plan: Plan) -> set[tuple[str, str]]:
    """Everything that the plan asks consent for."""
    return {(action.address, c.field) for action in plan.actions for c in action.takeover}


class Settled(NamedTuple):
    """Where every run starts, and how the runs end that nobody kills."""

    twilio: FakeTwilio
    folder: Path
    before: dict[str, Any]
    asked: set[tuple[str, str]]
    expected: Ended
    released: dict[str, Any]
    points: int

    def copy(self, folder: Path) -> tuple[FakeTwilio, Path]:
        """An account and a state of its own."""
        copytree(self.folder, folder)
        twilio = account()
        twilio.accounts = deepcopy(self.twilio.accounts)
        return twilio, folder / "state.json"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """Apply the first configuration, let things happen, and see how the second one ends."""
    folder = tmp_path_factory.mktemp("settled")
    twilio, path = account(), folder / "state.json"
    before = picture(twilio)
    assert run(twilio, path, FIRST, OURS, Death())
    happen(twilio)
    asked = consents(plan_for(twilio, recorded(path), SECOND, OURS)[0])
    start = Settled(twilio, folder, before, asked, Ended({}, {}), {}, 0)

    twin, its = start.copy(tmp_path_factory.mktemp("whole") / "run")
    death = Death()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scheduler, "_drain", take_one)
        done = run(twin, its, SECOND, OURS, death)
    assert done is not None
    assert not done.failures
    expected = ended(twin, its)
    assert run(twin, its, [], OURS, Death())
    return start._replace(expected=expected, released=picture(twin), points=death.points)


def end_after_death_at(at: int, start: Settled, folder: Path) -> None:
    """Kill a run at one point, finish it, and release everything.

    At every third point the run that finishes is killed as well, half as far from its start.
    """
    twilio, path = start.copy(folder)
    assert run(twilio, path, SECOND, OURS, Death(at)) is None
    if at % 3 == 0:
        run(twilio, path, SECOND, OURS, Death(max(at // 2, 1)))

    asked = consents(plan_for(twilio, recorded(path), SECOND, OURS)[0])
    assert asked <= start.asked, f"killed at {at}: consent is needed for something else"
    done = run(twilio, path, SECOND, OURS, Death())
    assert done is not None
    assert not done.failures
    assert ended(twilio, path) == start.expected, f"killed at {at}"
    sids = [(entry.kind, entry.sid) for entry in recorded(path).resources.values()]
    assert len(sids) == len(set(sids)), f"killed at {at}: something is there twice"
    assert plan_for(twilio, recorded(path), SECOND, OURS)[0].actions == ()

    assert run(twilio, path, [], OURS, Death())
    assert recorded(path).resources == {}
    assert picture(twilio) == start.released, f"killed at {at}"


def test_run_killed_at_every_point_ends_as_one_that_nobody_kills(
    settled: Settled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one outcome in each line of the journal, every run has the same number of points."""
    monkeypatch.setattr(Scheduler, "_drain", take_one)
    assert settled.points >= 60
    for at in range(1, settled.points + 1):
        end_after_death_at(at, settled, tmp_path / str(at))


def test_run_that_nobody_kills_ends_as_declared(settled: Settled) -> None:
    """What the other runs are compared with is right itself."""
    numbers = settled.expected.world["numbers"]
    routes = {
        last: (numbers[e164(last)]["trunk_sid"], numbers[e164(last)]["voice_url"])
        for last in NUMBERS
    }
    assert routes[ON_TRUNK][0] == "edge.pstn.twilio.com"
    for last in (LEAVES_TRUNK, TO_BRIDGE, DETACHED):
        assert routes[last] == (None, OTHER.url)
    for last in (TO_NUMBER, TAKEN_OVER, EDITED):
        assert routes[last] == (None, VOICE.url)
    assert routes[WATCHED] == (None, EDIT)
    assert routes[RELEASED] == (None, prior(RELEASED)["voice_url"])
    assert routes[REJOINS] == ("old.pstn.twilio.com", prior(REJOINS)["voice_url"])

    entries = settled.expected.entries
    assert entries["trunk/edge"].created
    for last in (ON_TRUNK, LEAVES_TRUNK, TO_NUMBER, EDITED):
        assert entries[f"number/{e164(last)}"].prior == prior(last)
    assert entries[f"bridge_number/{e164(TO_BRIDGE)}"].prior == prior(TO_BRIDGE)


def test_release_gives_back_what_was_there_at_the_very_beginning(settled: Settled) -> None:
    """Save the edits of a colleague, where a number was only watched until then."""
    edited = {last: {"voice_url": EDIT} for last in (WATCHED, TAKEN_OVER)}
    expected = {
        e164(last): {**settled.before["numbers"][e164(last)], **edited.get(last, {})}
        for last in NUMBERS
    }
    assert settled.released == {**settled.before, "numbers": expected}
