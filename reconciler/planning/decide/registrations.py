"""The registrations of a plan: declared and remembered ones, decided before the numbers they are
about; pure.

What happens on a platform decides what a number's webhooks mean: written over by an import, they
are no drift; taken off a platform first, they are restored after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms import (
    PLATFORM_KINDS,
    PlatformKind,
    platform_name,
    registration_address,
)
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.model.action import Action, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide import problems, registration, unregister
from reconciler.planning.decide.registration import Number
from reconciler.planning.identity.observed import Observed

_WRITES_ON_TWILIO = frozenset({"register", "link", "update", "reassign"})
"""Actions after which a platform may have written to the number."""


class Platforms(msgspec.Struct, frozen=True):
    """What planning has to know of them: the type of each by name, and the accounts whose auth
    token is declared.
    """

    types: Mapping[str, str] = {}
    tokens: frozenset[str] = frozenset()


NO_PLATFORMS = Platforms()


class Registrations:
    """Everything about platforms in one plan.

    `handled` are the addresses that have been decided about, `rewritten` the numbers whose webhooks
    a platform writes in this plan or has written for a run that died; of these, `freed` are reached
    by webhooks that nothing may hide.
    """

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.refreshes: dict[str, Entry] = {}
        self.diagnostics: list[Diagnostic] = []
        self.touched: dict[str, Live] = {}
        self.handled: set[str] = set()
        self.rewritten: set[str] = set()
        self.freed: set[str] = set()
        self._leaving: dict[str, str] = {}
        self._cleared: set[str] = set()
        self._by_hand: dict[tuple[str, str], set[str]] = {}
        self._writing: dict[str, list[Action]] = {}

    def plan(
        self,
        desired: Sequence[Desired],
        resources: Mapping[str, Entry],
        observed: Observed,
        ours: Collection[str],
        platforms: Platforms,
    ) -> None:
        """Decide about all of them: what is declared, then what is declared no longer."""
        wanted = [want for want in desired if want.kind == REGISTRATION]
        for want in wanted:
            self._plan_declared(want, resources, observed, ours, platforms)

        # Without platforms in the configuration the prefix of an address is quicker to test than
        # the kind.
        known = (
            [a for a, e in resources.items() if e.kind == REGISTRATION]
            if wanted or platforms.types
            else _of(resources)
        )
        gone = sorted(address for address in known if address not in self.handled)
        if gone:
            self._plan_undeclared(gone, _numbers(desired, observed), resources, observed, platforms)
            moving = self._leaving.keys() & {action.parent for action in self.actions}
            self.actions = [
                self._behind_its_leaving(a) if a.parent in moving else a for a in self.actions
            ]

        for action in self.actions:
            if action.parent is not None and action.action in _WRITES_ON_TWILIO:
                self._writing.setdefault(action.parent, []).append(action)

        for (platform, missing), addresses in sorted(self._by_hand.items()):
            kind = PLATFORM_KINDS[platforms.types[platform]]
            self.diagnostics.append(unregister.manual_step(kind, platform, missing, addresses))

    def after_leaving(self, address: str, actions: list[Action]) -> list[Action]:
        """The actions of a number, which wait until its platform has let go of it."""
        need = self._leaving.get(address)
        if need is None or not actions:
            return actions
        return [
            msgspec.structs.replace(action, depends_on=(*action.depends_on, need))
            for action in actions
        ]

    def actions_of_number(self, address: str) -> list[Action]:
        """Return what is to be done about this number on the platform that it stays on or joins."""
        return self._writing.get(address, [])

    def entry_to_release(self, address: str, entry: Entry, live: Live) -> tuple[Entry, bool]:
        """Return the entry of a number to release, and whether it leaves its platform first.

        What it shows after an import or a removal on the platform that died half way is our doing.
        """
        if address in self._cleared:
            shown = {
                part: live.attrs.get(part) for part in entry.last_applied if part in live.attrs
            }
            entry = msgspec.structs.replace(
                entry, last_applied={**entry.last_applied, **shown}, pending=None
            )
        elif address in self._leaving:
            entry = _entry_before_switch(entry, live)
        return entry, address in self._leaving

    def _plan_declared(
        self,
        want: Desired,
        resources: Mapping[str, Entry],
        observed: Observed,
        ours: Collection[str],
        platforms: Platforms,
    ) -> None:
        platform = platform_name(want.address)
        kind = PLATFORM_KINDS[platforms.types[platform]]
        number = None
        if want.parent is not None:
            number, key = _number(want, resources, observed)
            want = _with_number_address(want, platform, key, number)
        self.handled.add(want.address)

        if want.parent is not None and number is None:
            return  # the number is not there, which the number itself reports
        if kind.needs_token and want.profile.account not in platforms.tokens:
            self.diagnostics.append(unregister.auth_token_missing(want, kind))
            return

        entry, live = resources.get(want.address), observed.resources.get(want.address)
        decision = registration.decide(want, entry, live, number, kind, ours)
        sid = number.live.sid if number is not None else None
        self.actions += [
            msgspec.structs.replace(action, number_sid=sid) for action in decision.actions
        ]
        self.diagnostics += decision.problems
        if decision.refresh is not None:
            self.refreshes[want.address] = decision.refresh
        if decision.actions and live is not None:
            self.touched[want.address] = live

        if decision.rewrites and number is not None:
            self.rewritten.add(number.address)
            if not kind.by_trunk:
                self.freed.add(number.address)
        for missing in decision.by_hand:
            self._by_hand.setdefault((platform, missing), set()).add(want.address)

    def _plan_undeclared(
        self,
        gone: Sequence[str],
        numbers: Collection[str],
        resources: Mapping[str, Entry],
        observed: Observed,
        platforms: Platforms,
    ) -> None:
        for address in gone:
            self.handled.add(address)
            entry = resources[address]
            platform = platform_name(address)
            type_of = platforms.types.get(platform)
            if entry.options.protect:
                self.diagnostics.append(problems.resource_protected(address, entry))
            elif type_of is None:
                self.diagnostics.append(unregister.unknown_platform(address))
            else:
                live = observed.resources.get(address)
                self._withdraw(
                    address, entry, live, PLATFORM_KINDS[type_of], stays=entry.parent in numbers
                )

        of_number = (
            {a: e.sid for a, e in resources.items() if e.kind in NUMBER_KINDS} if gone else {}
        )
        self.actions = [
            msgspec.structs.replace(a, number_sid=a.number_sid or of_number.get(a.parent or ""))
            for a in self.actions
        ]

    def _withdraw(
        self, address: str, entry: Entry, live: Live | None, kind: PlatformKind, *, stays: bool
    ) -> None:
        reason: Reason = "config" if stays else "removed"
        kind_known = None if not entry.sid and live is None else kind
        actions, by_hand = unregister.unregister(address, entry, live, kind_known, reason=reason)
        self.actions += actions
        if live is not None:
            self.touched[address] = live
        if entry.parent is not None:
            if any(action.action != "forget" for action in actions):
                self._leaving[entry.parent] = address
            # An import or a removal that has begun may have written to the number before the run
            # died.
            # Whether the platform has the number by now or not, what the number shows may be its
            # doing.
            if registration.has_begun(entry):
                self._cleared.add(entry.parent)
        for missing in by_hand:
            self._by_hand.setdefault((platform_name(address), missing), set()).add(address)

    def _behind_its_leaving(self, action: Action) -> Action:
        """A number joins one platform after it has left another."""
        need = self._leaving[action.parent or ""]
        if action.address == need:
            return action
        return msgspec.structs.replace(action, depends_on=(*action.depends_on, need))


def _entry_before_switch(entry: Entry, live: Live) -> Entry:
    """The entry of a number that still has the trunk or application of before, so that nothing was
    switched yet.

    A run died between the import on the platform and the switch. What the platform wrote behind the
    trunk goes with it, so the prior values of that part are put back.
    """
    switches = {"voice": ("trunk_sid", "voice_application_sid"), "sms": ("sms_application_sid",)}
    shown: dict[str, Value] = {}
    for part, fields in switches.items():
        as_before = any(
            live.wire.get(field) and live.wire.get(field) == entry.prior.get(field)
            for field in fields
        )
        if as_before and part in entry.last_applied:
            shown[part] = live.attrs.get(part)
    return (
        msgspec.structs.replace(entry, last_applied={**entry.last_applied, **shown})
        if shown
        else entry
    )


def _of(resources: Mapping[str, Entry]) -> Iterator[str]:
    """The registrations that state remembers, when the configuration declares no platform."""
    start = f"{REGISTRATION}/"
    return (address for address in resources if address.startswith(start))


def _number(
    want: Desired, resources: Mapping[str, Entry], observed: Observed
) -> tuple[Number | None, str]:
    """The number that a registration is about, and its E.164 as far as it is known; one yet to be
    bought has no SID.
    """
    account, kind = want.profile.account, (want.parent or "").split("/", 1)[0]
    live = observed.number(account, want.key)
    if live is None:
        entry = next(
            (
                e
                for e in resources.values()
                if e.kind == kind and e.sid and want.key in (e.sid, e.key)
            ),
            None,
        )
        live = observed.bound_number(account, want.key, entry.sid) if entry is not None else None
        if (
            live is None
            and entry is None
            and want.profile.purchase is not None
            and not any(observed.elsewhere(want.key))
        ):
            live = Live("", want.key, account, {}, dict.fromkeys(("voice", "sms", "status")))
        if live is None:
            return None, entry.key if entry is not None else want.key
    address = f"{kind}/{live.key}"
    return Number(address, resources.get(address), live), live.key


def _with_number_address(want: Desired, platform: str, key: str, number: Number | None) -> Desired:
    """The declaration under the E.164 of its number, which one that was declared by SID did not
    know.
    """
    parent = number.address if number is not None else want.parent
    if key == want.key and parent == want.parent:
        return want
    return msgspec.structs.replace(
        want, address=registration_address(platform, key), key=key, parent=parent
    )


def _numbers(desired: Sequence[Desired], observed: Observed) -> set[str]:
    """The addresses of all numbers that are declared."""
    found: set[str] = set()
    for want in desired:
        if want.kind in NUMBER_KINDS:
            live = (
                observed.number(want.profile.account, want.key)
                if want.key.startswith("PN")
                else None
            )
            found.add(f"{want.kind}/{live.key}" if live is not None else want.address)
    return found
