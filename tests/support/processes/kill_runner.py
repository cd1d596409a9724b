"""Kill an apply of 50 numbers, 5 of them taken over, a new trunk with its lists, and two numbers to buy.

The sandbox can kill its client at a write. `KillRunner.finish` checks the run that follows the killed ones.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from reconciler.sandbox.faults.engine import Verdict
from reconciler.sandbox.faults.rules import Latency
from reconciler.sandbox.http.messages import Reply, Request
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.http_server import PATIENCE
from tests.support.processes.killable_process import STATE, KillableProcesses

AC = "AC" + "1" * 32
ENVIRON = {"MAIN_TOKEN": "token", "PBX_PASSWORD": "Correct-Horse-1", "FINGERPRINT_KEY": "k" * 32}
NUMBERS = [f"+15550100{last}" for last in range(100, 150)]
TAKEN_OVER, ON_TRUNK = NUMBERS[37:42], NUMBERS[40:]
BOUGHT = ["+15550100177", "+15550100178"]
NOT_OURS = ["+15550100198", "+15550100199"]
VOICE = "https://agents.example.com/voice"
TRUNK = {
    "domain": "acme-edge.pstn.twilio.com",
    "origination": [{"sip_url": "sip:sbc.example.com"}],
    "ip_access_control_lists": [
        {"name": "offices", "addresses": [{"cidr": "203.0.113.0/28", "name": "head office"}]}
    ],
    "credential_lists": [
        {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]}
    ],
}
ONE_OF_EACH = (
    "trunks",
    "origination_urls",
    "ip_access_control_lists",
    "ip_addresses",
    "credential_lists",
    "credentials",
)
USES = 2
WRITES = len(NUMBERS) + 2 * len(BOUGHT) + len(ONE_OF_EACH) + USES
APPLY = ("apply", "--auto-approve", "--allow-purchase", "--concurrency")


def foreign(e164: str) -> dict[str, str]:
    """What a number had before us, each its own."""
    return {"voice_url": f"https://pbx.example.net/{e164[-3:]}", "voice_method": "GET"}


class KillingSandbox(Sandbox):
    """A sandbox that kills its client at the n-th write, before or after it carries that out."""

    def __init__(self, world: World, *, write: int = 0, carried_out: bool = False) -> None:
        super().__init__(world)
        self.victim: Future[int] = Future()
        self._write, self._carried_out = write, carried_out
        self._writes = count(1)

    def quiet(self) -> None:
        """Return once all that the dead had sent has been carried out."""
        deadline = time.monotonic() + PATIENCE
        while self._listener.connection_count:
            assert time.monotonic() < deadline, "somebody is still connected"
            time.sleep(0.001)

    def _execute(self, request: Request, verdict: Verdict) -> Reply:
        if not request.is_write or next(self._writes) != self._write:
            return super()._execute(request, verdict)
        if self._carried_out:
            super()._execute(request, verdict)
        os.kill(self.victim.result(PATIENCE), signal.SIGKILL)
        raise ConnectionAbortedError("nobody is there any more")


class KillRunner:
    """One world and one folder in which runs are killed and repeated, with this many calls at once."""

    def __init__(self, processes: KillableProcesses, folder: Path, concurrency: int) -> None:
        self.folder = folder
        self._processes = processes
        self._apply = (*APPLY, str(concurrency))
        self._delays = [Latency(ms=2, method="write")] if concurrency > 1 else []
        rows = [
            {
                "account_sid": AC,
                "phone_number": e164,
                **(foreign(e164) if e164 in (*TAKEN_OVER, *NOT_OURS) else {}),
            }
            for e164 in (*NUMBERS, *NOT_OURS)
        ]
        account = {"sid": AC, "auth_token": ENVIRON["MAIN_TOKEN"]}
        self.world = World.from_seed({"format": 1, "accounts": [account], "numbers": rows})
        self._before = {e164: self._row(e164) for e164 in (*NUMBERS, *NOT_OURS)}

    def apply(
        self, at: str | int | None = None, *, write: int = 0, carried_out: bool = False
    ) -> bool:
        """Whether a run came to its end that was to die at a point of its own, or at the hands of the server."""
        with KillingSandbox(self.world, write=write, carried_out=carried_out) as twilio:
            twilio.faults.add(*self._delays)
            self._declare(twilio.base_url)
            code = self._processes.run(
                self.folder, *self._apply, at=at, started=twilio.victim.set_result
            )
            twilio.quiet()
        assert code in (0, -signal.SIGKILL), self.said
        return code == 0

    @property
    def points(self) -> list[str]:
        """The names of the points of the last run; where it was killed, that is the last one."""
        return (self.folder / "points").read_text().splitlines()

    @property
    def said(self) -> str:
        """What the last run said."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()

    def finish(self) -> None:
        """The next run ends well and in the right world, everything is in state, and nothing is left to do."""
        assert self.apply()
        self.check_world()
        self.check_state()
        self.rest("plan", "--detailed-exitcode")

    def finish_and_repeat(self) -> None:
        """The same, and the run after that writes nothing."""
        self.finish()
        self.rest(*self._apply)

    def rest(self, *args: str) -> None:
        """This command ends with 0 and changes nothing."""
        before = self.world.dump()
        with Sandbox(self.world) as twilio:
            self._declare(twilio.base_url)
            assert self._processes.run(self.folder, *args) == 0, self.said
        assert twilio.calls.writes == 0
        assert self.world.dump() == before

    def check_world(self) -> None:
        """All as declared, each thing there once, and what is not declared as it was."""
        there = json.loads(self.world.dump())
        assert {name: len(there[name]) for name in ONE_OF_EACH} == dict.fromkeys(ONE_OF_EACH, 1)
        (trunk,), (url,) = there["trunks"], there["origination_urls"]
        assert trunk["domain_name"] == TRUNK["domain"]
        assert (url["trunk_sid"], url["sip_url"]) == (trunk["sid"], "sip:sbc.example.com")
        assert Counter(n.phone_number for n in self.world.numbers) == Counter(
            (*NUMBERS, *BOUGHT, *NOT_OURS)
        )
        for e164 in (*NUMBERS, *BOUGHT):
            number = self.world.number(e164)
            assert (number.trunk_sid or "") == (trunk["sid"] if e164 in ON_TRUNK else ""), e164
            assert e164 in ON_TRUNK or number.voice_url == VOICE, e164
        assert {e164: self._row(e164) for e164 in NOT_OURS} == {
            e164: self._before[e164] for e164 in NOT_OURS
        }

    def check_state(self) -> None:
        """Every prior value, all that was made and each once, and no journal."""
        resources: dict[str, dict[str, Any]] = json.loads((self.folder / STATE).read_text())[
            "resources"
        ]
        assert len(resources) == len(NUMBERS) + len(BOUGHT) + len(ONE_OF_EACH) + USES, sorted(
            resources
        )
        assert not [
            address
            for address, entry in resources.items()
            if not entry["sid"] or entry.get("pending")
        ]
        made = {address for address, entry in resources.items() if entry.get("created")}
        assert made == resources.keys() - {f"number/{e164}" for e164 in NUMBERS}
        for e164 in NUMBERS:
            entry, was = resources[f"number/{e164}"], self._before[e164]
            prior = entry.get("prior", {})
            assert entry["sid"] == was["sid"]
            assert (prior.get("voice_url") or "") == (was["voice_url"] or ""), e164
            assert {name: was[name] or "" for name in prior} == {
                name: prior[name] or "" for name in prior
            }, e164
        assert not (self.folder / f"{STATE}.journal").exists()

    def _row(self, e164: str) -> dict[str, Any]:
        return msgspec.structs.asdict(self.world.number(e164))

    def _declare(self, base_url: str) -> None:
        numbers: dict[str, Any] = dict.fromkeys(NUMBERS, "support")
        numbers |= {e164: {"agent": "support", "trunk": "edge"} for e164 in ON_TRUNK}
        numbers |= {e164: {"agent": "support", "purchase": {"country": "US"}} for e164 in BOUGHT}
        whole = {
            "version": 1,
            "project": "kills",
            "fingerprint_key": {"env": "FINGERPRINT_KEY"},
            "safety": {"takeover": "allow"},
            "accounts": {
                "main": {"sid": AC, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": base_url}
            },
            "agents": {"support": {"webhooks": {"voice": VOICE}}},
            "trunks": {"edge": TRUNK},
            "numbers": numbers,
        }
        (self.folder / "reconciler.yaml").write_text(json.dumps(whole, indent=1))


@contextmanager
def new_kill_runner(processes: KillableProcesses, concurrency: int) -> Iterator[KillRunner]:
    """Yield a runner in a temporary folder, in memory where possible: SIGKILL does not lose written files."""
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield KillRunner(processes, Path(folder), concurrency)
