"""Build the rows of `list`, one for each number, with its agent, routes and status, from declared,
recorded and live values; pure.

| the number is                                        | status      |
|------------------------------------------------------|-------------|
| neither declared nor recorded                        | `unmanaged` |
| declared or recorded, and not on Twilio              | `missing`   |
| different from its record                            | `drifted`   |
| going to change by an apply                          | `pending`   |
| none of these                                        | `in_sync`   |
| in an account that was not read                      | null        |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.number import describe_route
from reconciler.kinds.platforms.table import is_agent_address
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide.emergency_address import is_settled
from reconciler.planning.identity.children import is_bound
from reconciler.planning.identity.observed import Observed
from reconciler.report.documents.types import Document, ReadSummary

Status = Literal["in_sync", "drifted", "pending", "missing", "unmanaged"]


class NumberRoute(msgspec.Struct, frozen=True):
    """Who gets the calls and messages of a number, in the words of `plan`; null when not known."""

    voice: str | None
    sms: str | None


class NumberRow(msgspec.Struct, kw_only=True, frozen=True):
    """One number. `e164` is null for a number declared by a SID that was not found, `status` when
    Twilio was not read. `drifted` is null with `--no-refresh`. The routes are those on Twilio now;
    with `--no-refresh` those of the last apply.
    """

    address: str
    e164: str | None
    sid: str | None
    account: str
    managed: bool
    agent: str | None
    platform: str | None
    friendly_name: str | None
    labels: dict[str, str]
    route: NumberRoute
    status: Status | None
    drifted: bool | None


class ListDocument(Document, kw_only=True):
    """The output of `list`. `summary.by_status` counts the rows; nothing is known of
    `summary.unread_accounts`.
    """

    summary: ReadSummary
    numbers: list[NumberRow]


class NumberFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to show. Globs of one field are alternatives; labels must all match, and a number
    without the label has an empty one.
    """

    agents: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    unmanaged: bool = False
    drifted: bool = False

    def keeps(self, row: NumberRow) -> bool:
        """Return whether a row is shown. Unmanaged numbers are shown alone, and only on request."""
        if row.managed == self.unmanaged:
            return False
        if self.drifted and not row.drifted:
            return False

        for globs, value in (
            (self.agents, row.agent),
            (self.accounts, row.account),
            (self.platforms, row.platform),
        ):
            # A number without an agent or a platform matches no glob, not even `*`.
            if globs and (value is None or not any(fnmatchcase(value, glob) for glob in globs)):
                return False
        return all(fnmatchcase(row.labels.get(name, ""), glob) for name, glob in self.labels)


class NumberFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that rows are built from.

    `drifted` and `changing` are the addresses that have drifted and that an apply would change.
    `unread` are the accounts, `unread_platforms` the platforms, whose numbers are not known.
    `recipe_agents` are the agents on recipes, with their platforms.
    `refreshed` is false with `--no-refresh`: `observed` then holds the recorded values.
    """

    desired: Sequence[Desired]
    recorded: Mapping[str, Entry]
    observed: Observed
    drifted: frozenset[str]
    changing: frozenset[str]
    unread: frozenset[str] = frozenset()
    unread_platforms: frozenset[str] = frozenset()
    recipe_agents: Mapping[str, str] = {}
    refreshed: bool = True


def list_document(
    facts: NumberFacts,
    wanted: NumberFilter,
    diagnostics: Sequence[Diagnostic],
    unread_accounts: Sequence[str],
) -> ListDocument:
    """Build the document of `list`, sorted by number."""
    rows = [row for row in build_rows(facts) if wanted.keeps(row)]
    rows.sort(key=lambda row: (row.e164 or "", row.account, row.address))

    by_status = Counter(row.status or "unknown" for row in rows)
    return ListDocument(
        command="list",
        summary={
            "numbers": len(rows),
            "by_status": dict(sorted(by_status.items())),
            "unread_accounts": list(unread_accounts),
        },
        diagnostics=sort_by_place(list(diagnostics)),
        numbers=rows,
    )


def build_rows(facts: NumberFacts) -> Iterator[NumberRow]:
    """Yield the row of every number: declared or recorded ones, then all others on Twilio."""
    builder = _RowBuilder(facts)
    own_sids: set[tuple[str, str]] = set()
    listed: set[str] = set()

    for address in builder.number_addresses():
        row = builder.managed_row(address)
        if row.sid is not None:
            # A number may be declared by its E.164 and by its SID, which a plan refuses.
            if (row.account, row.sid) in own_sids:
                continue
            own_sids.add((row.account, row.sid))
        if row.e164 is not None:
            listed.add(row.e164)
        yield row

    # A number of a platform alone, such as one of a SIP carrier, has only a registration.
    for address in builder.registration_addresses():
        if Address.parse(address).key not in listed:
            yield builder.registration_row(address)

    for account in sorted(facts.observed.numbers):
        for live in facts.observed.numbers[account].values():
            if (account, live.sid) not in own_sids:
                yield builder.unmanaged_row(live)


class _RowBuilder:
    """Builder of rows, with the look-ups that all rows share."""

    def __init__(self, facts: NumberFacts) -> None:
        self._facts = facts
        self._declared = {desired.address: desired for desired in facts.desired}

        # A number that is declared by its SID is recorded under its E.164.
        self._declared_by_sid: dict[tuple[str, str], Desired] = {}
        for desired in facts.desired:
            if desired.kind in NUMBER_KINDS and desired.key.startswith("PN"):
                self._declared_by_sid[desired.kind, desired.key] = desired

        # Registrations that have drifted or would change, by the E.164 of their number.
        self._registrations: dict[str, list[str]] = {}
        for address in facts.drifted | facts.changing:
            parsed = Address.parse(address)
            if parsed.kind == REGISTRATION:
                self._registrations.setdefault(parsed.key, []).append(address)

    def number_addresses(self) -> Iterator[str]:
        """Yield the addresses of the declared and recorded numbers, each number once."""
        recorded = self._facts.recorded
        recorded_sids = {entry.sid for entry in recorded.values() if entry.sid}
        for address, desired in self._declared.items():
            is_number = desired.kind in NUMBER_KINDS
            if is_number and address not in recorded and desired.key not in recorded_sids:
                yield address

        for address, entry in recorded.items():
            if entry.kind in NUMBER_KINDS and not entry.deleted:
                yield address

    def registration_addresses(self) -> Iterator[str]:
        """Yield the addresses of the declared and recorded registrations, each once."""
        for address in dict.fromkeys([*self._declared, *self._facts.recorded]):
            if Address.parse(address).kind == REGISTRATION and not is_agent_address(address):
                yield address

    def managed_row(self, address: str) -> NumberRow:
        """Return the row of a declared or recorded number."""
        facts = self._facts
        entry = facts.recorded.get(address)
        desired = self._declared.get(address)
        if desired is None and entry is not None:
            desired = self._declared_by_sid.get((entry.kind, entry.sid))

        live: Live | None = None
        account = ""
        if entry is not None:
            account = entry.account
            live = facts.observed.live(address, entry)
            if live is None and desired is not None and desired.profile.account != account:
                # It has moved to another account, and is declared there.
                account = desired.profile.account
                live = facts.observed.number(account, desired.key)
        elif desired is not None:
            account = desired.profile.account
            live = facts.observed.number(account, desired.key)

        options = _options(desired, entry)
        e164 = _e164(live, entry, desired)
        related = self._related_addresses(address, e164)
        is_readable = account not in facts.unread
        return NumberRow(
            address=f"{Address.parse(address).kind}/{e164}" if e164 is not None else address,
            e164=e164,
            sid=_sid(live, entry, desired),
            account=account,
            managed=True,
            agent=options.agent,
            platform=options.platform or facts.recipe_agents.get(options.agent or ""),
            friendly_name=live.name if live is not None else None,
            labels=dict(options.labels),
            route=_route(live, facts.observed),
            status=_status(live, entry, related, facts) if is_readable else None,
            drifted=self._has_drifted(related) if is_readable else None,
        )

    def registration_row(self, address: str) -> NumberRow:
        """Return the row of a number that only a platform has."""
        facts = self._facts
        parsed = Address.parse(address)
        entry = facts.recorded.get(address)
        live = facts.observed.resources.get(address)
        options = _options(self._declared.get(address), entry)

        voice = f"platform {parsed.owner}" if live is not None else None
        is_readable = parsed.owner not in facts.unread_platforms
        return NumberRow(
            address=address,
            e164=parsed.key,
            sid=None,
            account=parsed.owner,
            managed=True,
            agent=options.agent,
            platform=parsed.owner,
            friendly_name=None,
            labels=dict(options.labels),
            route=NumberRoute(voice, None),
            status=_status(live, entry, {address}, facts) if is_readable else None,
            drifted=self._has_drifted({address}) if is_readable else None,
        )

    def unmanaged_row(self, live: Live) -> NumberRow:
        """Return the row of a number that is neither declared nor recorded."""
        return NumberRow(
            address=str(Address.of("number", live.key)),
            e164=live.key,
            sid=live.sid,
            account=live.account,
            managed=False,
            agent=None,
            platform=None,
            friendly_name=live.name,
            labels={},
            route=_route(live, self._facts.observed),
            status="unmanaged",
            drifted=False,
        )

    def _has_drifted(self, related: set[str]) -> bool | None:
        """Return whether any of these addresses has drifted; None when Twilio was not read."""
        if not self._facts.refreshed:
            return None
        return not self._facts.drifted.isdisjoint(related)

    def _related_addresses(self, address: str, e164: str | None) -> set[str]:
        """Return the address of a number, and those of its registrations: what drifts or changes
        there is a fact about the number.
        """
        related = {address}
        if e164 is not None:
            related.add(f"{Address.parse(address).kind}/{e164}")
            related.update(self._registrations.get(e164, ()))
        return related


def _options(desired: Desired | None, entry: Entry | None) -> Options:
    """Return the declared options; the recorded ones of a number that is no longer declared."""
    if desired is not None:
        return desired.profile.options
    return entry.options if entry is not None else Options()


def _e164(live: Live | None, entry: Entry | None, desired: Desired | None) -> str | None:
    """Return the number as Twilio has it, else as it is recorded or declared; None for a SID."""
    candidates = (
        live.key if live is not None else "",
        entry.key if entry is not None else "",
        desired.key if desired is not None else "",
    )
    return next((key for key in candidates if key.startswith("+")), None)


def _sid(live: Live | None, entry: Entry | None, desired: Desired | None) -> str | None:
    if live is not None:
        return live.sid
    if entry is not None and entry.sid:
        return entry.sid
    return desired.sid if desired is not None else None


def _status(
    live: Live | None, entry: Entry | None, related: set[str], facts: NumberFacts
) -> Status | None:
    """Return the status of a managed number; None when it is not known."""
    changes = not facts.changing.isdisjoint(related)
    is_recorded = entry is not None and is_bound(entry)

    # Without reading Twilio, only a change of the configuration is known.
    if not facts.refreshed:
        return "pending" if changes or not is_recorded else None

    if live is None:
        return "pending" if changes and not is_recorded else "missing"
    if not facts.drifted.isdisjoint(related):
        return "drifted"
    is_waiting = entry is not None and not is_settled(entry.last_applied, live)
    return "pending" if changes or is_waiting else "in_sync"


def _route(live: Live | None, observed: Observed) -> NumberRoute:
    """Return the effective routes: a messaging service answers in place of the number."""
    if live is None:
        return NumberRoute(None, None)

    sms = describe_route(live.attrs.get("sms"))
    service = observed.services.get(live.sid)
    if service is not None and not service.on_number:
        answer = f"webhook {service.url}" if service.url else "nothing"
        sms = f"{answer}, by messaging service {service.name or service.sid}"
    return NumberRoute(describe_route(live.attrs.get("voice")), sms)
