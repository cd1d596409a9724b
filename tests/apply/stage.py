"""A world in memory, a state, and the two verbs: plan a configuration on them, apply it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import count
from threading import Event
from typing import Any

from reconciler.execution.executor import execute_plan
from reconciler.execution.outcome import Outcome, Result
from reconciler.model.desired import Desired, Options, Profile
from reconciler.model.entry import Entry
from reconciler.model.position import Position
from reconciler.model.route import Value, Webhook
from reconciler.planning.goals import rollback
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import empty_state
from tests.apply.fake import Call, FakeTwilio
from tests.apply.memory import Fuse, MemoryStore, PowerCut

NOW = "2026-03-01T12:00:00Z"
FILE = Position("reconciler.yaml", 1, 1)


class Silent:
    """Progress that nobody watches."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def start(self, total: int) -> None:
        """So many actions are about to start."""

    def report_outcome(self, outcome: Outcome) -> None:
        """One action is done."""
        self.outcomes.append(outcome)


class Means:
    """What a run may use: few workers, a clock that stands."""

    def __init__(self, concurrency: int = 1) -> None:
        self.concurrency = concurrency
        self.stop = Event()
        self.progress = Silent()

    def now(self) -> str:
        """Now."""
        return NOW


class Stage:
    """Accounts, and what is remembered of them between runs."""

    def __init__(self, accounts: Mapping[str, Mapping[str, Any]], ours: Iterable[str] = ()) -> None:
        self.twilio = FakeTwilio(accounts)
        self.store = MemoryStore()
        self.ours = frozenset(ours)
        self.means = Means()

    @property
    def entries(self) -> dict[str, Entry]:
        """What is remembered."""
        return self.store.resources

    def observe(self, desired: Sequence[Desired]) -> Observed:
        """What every account shows."""
        gateways = self.twilio.gateways()
        needed = {want.profile.account for want in desired} | {
            entry.account for entry in self.entries.values()
        }
        return observe(desired, self.entries, {name: gateways[name] for name in needed})

    def plan(self, desired: Sequence[Desired]) -> Plan:
        """What would be done."""
        return plan_resources(desired, self.entries, self.observe(desired), self.ours)

    def apply(self, desired: Sequence[Desired], plan: Plan | None = None) -> Result:
        """Do it, whatever it takes over."""
        observed = self.observe(desired)
        plan = plan or plan_resources(desired, self.entries, observed, self.ours)
        state = self.store.load() or empty_state("acme")
        return execute_plan(plan, observed, state, self.store, self.twilio.gateways(), self.means)

    def way_back(self, then: Mapping[str, Entry]) -> Plan:
        """The plan that leads back to what was remembered."""
        return self._back(then)[0]

    def back(self, then: Mapping[str, Entry]) -> Result:
        """Go that way, whatever it takes over."""
        plan, observed = self._back(then)
        state = self.store.load() or empty_state("acme")
        return execute_plan(plan, observed, state, self.store, self.twilio.gateways(), self.means)

    def _back(self, then: Mapping[str, Entry]) -> tuple[Plan, Observed]:
        there = rollback.rollback_target(then, self.entries)
        gateways = self.twilio.gateways()
        observed = observe(there.desired, rollback.entries_of_both(then, self.entries), gateways)
        return rollback.plan_rollback(there, observed, self.ours), observed

    def killed(self, desired: Sequence[Desired], at: int) -> bool:
        """Apply until the power is cut at this instant; whether it was cut before the end."""
        fuse = Fuse(at)

        def instant(call: Call) -> None:
            fuse.instant()

        self.store.fuse = fuse
        self.twilio.hooks.append(instant)
        self.twilio.after.append(instant)
        try:
            self.apply(desired)
        except PowerCut:
            pass
        finally:
            self.store.fuse = Fuse()
            self.means.stop = Event()  # the next run is another process
            self.twilio.hooks.remove(instant)
            self.twilio.after.remove(instant)
        return fuse.blown

    def twin(self) -> Stage:
        """The same world and the same memory, apart from this one."""
        other = Stage({}, self.ours)
        other.twilio.accounts = deepcopy(self.twilio.accounts)
        other.twilio.sids = count(1000)
        other.store.version, other.store.journalled = (
            self.store.version,
            list(self.store.journalled),
        )
        return other

    def writes(self, act: Callable[[], object]) -> list[Call]:
        """The writing calls of an act."""
        before = len(self.twilio.calls)
        act()
        return self.twilio.calls[before:]


def e164(last: int) -> str:
    """A reserved phone number."""
    return f"+1555010{last:04d}"


def pn(last: int) -> str:
    """Its SID."""
    return f"PN{last:032x}"


def number(last: int, **attrs: Value) -> Desired:
    """A declared number."""
    return declared("number", e164(last), attrs)


def bridge(last: int, voice: Value) -> Desired:
    """A declared bridge number."""
    return declared("bridge_number", e164(last), {"voice": voice})


def trunk(name: str, **attrs: Value) -> Desired:
    """A declared trunk, by default with a domain after its name."""
    whole = {
        "friendly_name": name,
        "domain_name": f"{name}.pstn.twilio.com",
        "secure": False,
        **attrs,
    }
    return declared("trunk", name, whole)


def origination(trunk: str, host: str, **attrs: Value) -> Desired:
    """A declared origination URL of a trunk."""
    url = f"sip:{host}.example.com"
    whole = {
        "sip_url": url,
        "priority": 10,
        "weight": 10,
        "enabled": True,
        "friendly_name": host,
        **attrs,
    }
    return declared(
        "origination_url", url, whole, address=f"{trunk}/{url}", parent=f"trunk/{trunk}"
    )


def declared(
    kind: str,
    key: str,
    attrs: Mapping[str, Value],
    *,
    options: Options | None = None,
    account: str = "main",
    address: str = "",
    parent: str | None = None,
    sid: str | None = None,
) -> Desired:
    """A declared resource."""
    options = options or Options(observe_only=kind == "number" and not attrs)
    profile = Profile(account, dict(attrs), options)
    return Desired(kind, f"{kind}/{address or key}", key, profile, FILE, sid=sid, parent=parent)


def hook(name: str, method: str = "POST", fallback_url: str = "") -> Webhook:
    """A webhook in its canonical form."""
    return Webhook(
        f"https://agents.example.com/{name}", method, fallback_url, "POST" if fallback_url else ""
    )


def row(last: int, **fields: Any) -> dict[str, Any]:
    """A number as Twilio has it."""
    return {"sid": pn(last), "phone_number": e164(last), "friendly_name": f"Line {last}", **fields}


def world(*rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """One account, `main`, with these numbers."""
    return {"main": {"numbers": list(rows), **more}}
