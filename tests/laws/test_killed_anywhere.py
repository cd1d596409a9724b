"""An apply of 50 numbers, 5 of them taken over, and a new trunk, killed at every single thing that it does.

Points are: before and after each call that writes, and before each call to the file system (of a write also in its
middle). The files are real ones. What the next run finds must be enough to end in the one right world.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.carry_out import carry_out
from reconciler.model import Desired, Options, TrunkRoute
from reconciler.planning.observed import Observed
from reconciler.planning.plan import Plan, make
from reconciler.remote.observe import observe
from reconciler.state.document import State, empty
from reconciler.state.file import FileStore
from reconciler.state.files import Disk
from tests.apply.fake import Call, FakeTwilio
from tests.apply.stage import Means, declared, e164, hook, origination, pn, row, trunk, world
from tests.state.samples import holder

NUMBERS = range(1, 51)
TAKEN_OVER = range(1, 6)
ON_TRUNK = range(4, 10)
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
    return declared("number", e164(last), attrs, options=Options(takeover="allow"))


DESIRED = [trunk("edge"), origination("edge", "sbc1"), *map(declaration, NUMBERS)]


class Killed(BaseException):
    """The process is gone."""


class Gone(Exception):
    """The same, seen by a thread that works for it."""


class Death:
    """Comes at the point with this number; None: never. Nothing has any effect after it."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.points = 0

    def comes(self) -> bool:
        """One more point has been reached."""
        self.points += 1
        return self.at is not None and self.points >= self.at


class Mortal(Disk):
    """The real file system under a process that may die. A kill loses nothing that was written."""

    def __init__(self, death: Death) -> None:
        self._death = death

    def _point(self) -> None:
        if self._death.comes():
            raise Killed

    def read(self, path: Path, most: int = -1) -> bytes | None:
        self._point()
        return super().read(path, most)

    def create(self, path: Path, like: Path) -> int:
        self._point()
        return super().create(path, like)

    def write(self, handle: int, data: bytes) -> None:
        self._point()
        super().write(handle, data[: len(data) // 2])
        self._point()
        super().write(handle, data[len(data) // 2 :])

    def sync(self, handle: int) -> None:
        self._point()

    def sync_folder(self, folder: Path) -> None:
        self._point()

    def replace(self, source: Path, target: Path) -> None:
        self._point()
        super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        self._point()
        super().link(source, target)

    def remove(self, path: Path) -> None:
        self._point()
        super().remove(path)


def planned(twilio: FakeTwilio, state: State) -> tuple[Plan, Observed]:
    observed = observe(DESIRED, state.resources, twilio.gateways())
    return make(DESIRED, state.resources, observed, OURS), observed


def apply(twilio: FakeTwilio, path: Path, death: Death) -> bool:
    """One run; whether it came to its end."""

    def point(call: Call) -> None:
        if death.comes():
            raise Gone

    store = FileStore(path, "acme", files=Mortal(death))
    twilio.hooks, twilio.after = [point], [point]
    try:
        with store.lock(holder()):
            state = store.load() or empty("acme")
            plan, observed = planned(twilio, state)
            carry_out(plan, observed, state, store, twilio.gateways(), Means())
    except Killed:
        return False
    return True


def check(twilio: FakeTwilio, path: Path) -> None:
    """The right world, every prior value, nothing twice, nothing left to do."""
    account = twilio.accounts["main"]
    (made,) = account.trunks
    assert [url["sip_url"] for url in account.origination_urls.values()] == ["sip:sbc1.example.com"]
    for last in NUMBERS:
        there = account.numbers[pn(last)]
        assert (there["trunk_sid"] or None) == (made if last in ON_TRUNK else None)
        assert there["sms_url"] == SMS.url
        assert last in ON_TRUNK or there["voice_url"] == VOICE.url
    state = FileStore(path, "acme").load()
    assert state is not None
    assert len(state.resources) == len(DESIRED) == len({entry.sid for entry in state.resources.values()})
    for last in NUMBERS:
        entry = state.resources[f"number/{e164(last)}"]
        assert entry.prior == (foreign(last) if last in TAKEN_OVER else {})
        assert entry.pending is None
    assert planned(twilio, state)[0].actions == ()


def fresh() -> FakeTwilio:
    rows = [row(last, **(foreign(last) if last in TAKEN_OVER else {})) for last in NUMBERS]
    return FakeTwilio(world(*rows))


def all_points(folder: Path) -> int:
    """How many points there are in a run that nobody kills."""
    folder.mkdir()
    death, twilio = Death(), fresh()
    assert apply(twilio, folder / "state.json", death)
    check(twilio, folder / "state.json")
    return death.points


@pytest.mark.parametrize("part", range(4))
def test_killed_at_every_point_it_ends_in_the_right_world(tmp_path: Path, part: int) -> None:
    """Each point once; at every third one the run that finishes is killed as well, half as far from its start."""
    count = all_points(tmp_path / "whole")
    assert count >= 240
    accounts = fresh().accounts
    for at in range(1 + part, count, 4):
        folder = tmp_path / str(at)
        folder.mkdir()
        twilio = fresh()
        twilio.accounts = deepcopy(accounts)
        assert not apply(twilio, folder / "state.json", Death(at))
        if at % 3 == 0:
            apply(twilio, folder / "state.json", Death(max(at // 2, 1)))
        assert apply(twilio, folder / "state.json", Death())
        check(twilio, folder / "state.json")
