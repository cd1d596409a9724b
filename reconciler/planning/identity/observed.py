"""Define `Observed`, everything that was read from Twilio and the platforms for one run, with
look-ups; remote code fills it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.model.live import Live


class Service(msgspec.Struct, frozen=True):
    """A messaging service: it answers the messages of its numbers in their place; no `url`: it drops
    them.

    `on_number`: each number's own webhook answers. `other_senders` are its senders that are no
    numbers, in words; None where they were not read, or could not be.
    """

    sid: str
    name: str
    url: str
    method: str = "POST"
    on_number: bool = False
    other_senders: tuple[str, ...] | None = None


class Domains(msgspec.Struct, frozen=True):
    """The SIP domains that use lists, by the SID of the list; `unread` are the accounts whose domains
    could not be read.
    """

    using: Mapping[str, Collection[str]] = MappingProxyType({})
    unread: frozenset[str] = frozenset()


UNASKED = Domains()


class Observed:
    """Everything read from Twilio for one run.

    - `numbers`: for each account that was read, its numbers by E.164.
    - `resources`: all resources of other kinds by address, already matched with the names we give
      them; the address of one that is not ours ends in its SID.
    - `services`: the messaging service of a number, by the SID of the number, as far as that was
      asked.
    - `known_services`: the messaging services that were read, by SID.
    - `domains`: the SIP domains and foreign trunks that use lists, where a list or what is on it is
      about to go.
    - `complete`: the pairs of a trunk or list and a kind of child, where all children of that kind
      were read.
    - `unknown`: the trunks and applications that the configuration names by SID and that are not
      there, as (account, SID).
    - `unread`: the accounts that could not be read, with the reason.
    - `partial`: the platforms of which some numbers could not be read, with the reason.
    - `problems`: sentences about numbers that a platform does not have in use, by address.
    """

    def __init__(
        self,
        numbers: Mapping[str, Mapping[str, Live]],
        others: Mapping[str, Live],
        services: Mapping[str, Service] = MappingProxyType({}),
        domains: Domains = UNASKED,
        complete: Collection[tuple[str, str]] = frozenset(),
        unknown: frozenset[tuple[str, str]] = frozenset(),
        unread: Mapping[str, Diagnostic] = MappingProxyType({}),
        partial: Mapping[str, Diagnostic] = MappingProxyType({}),
        known_services: Mapping[str, Service] = MappingProxyType({}),
        problems: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.problems = problems
        self.known_services = known_services
        self.partial = partial
        self.unread = unread
        self.unknown = unknown
        self.numbers = numbers
        self.resources = others
        self.services = services
        self.domains = domains
        self.complete = complete

        # Account → numbers by SID, built for the accounts in which one is looked up by SID.
        self._sids: dict[str, dict[str, Live]] = {}

    def with_accounts(
        self, numbers: Mapping[str, Mapping[str, Live]], unread: Mapping[str, Diagnostic]
    ) -> Observed:
        """Return a copy with the numbers of further accounts, and those that could not be read."""
        return self._copy(numbers={**self.numbers, **numbers}, unread={**self.unread, **unread})

    def with_services(self, services: Mapping[str, Service]) -> Observed:
        """Return a copy with the messaging services of further numbers."""
        return self._copy(services={**services, **self.services})

    def with_domains(self, domains: Domains) -> Observed:
        """Return a copy with the SIP domains that use lists."""
        return self._copy(domains=domains)

    def with_registrations(
        self,
        registrations: Mapping[str, Live],
        partial: Mapping[str, Diagnostic],
        problems: Mapping[str, str],
    ) -> Observed:
        """Return a copy with the numbers on the platforms."""
        others = {**self.resources, **registrations}
        return self._copy(others=others, partial=partial, problems=problems)

    def live(self, address: str, entry: Entry) -> Live | None:
        """Return the live resource of a recorded address.

        A number is found by its recorded SID, whatever its E.164 is now, and by its E.164 where a
        run died before it recorded one. Other resources are matched with their addresses already.
        """
        if entry.kind not in NUMBER_KINDS:
            return self.resources.get(address)
        if not entry.sid:
            return self.number(entry.account, entry.key)
        return self.bound_number(entry.account, entry.key, entry.sid)

    def number(self, account: str, key: str) -> Live | None:
        """Return the number of that account with this E.164, or with this SID when `key` is one."""
        if key.startswith("PN"):
            return self._by_sid(account, key)
        return self.numbers.get(account, {}).get(key)

    def bound_number(self, account: str, key: str, sid: str) -> Live | None:
        """Return the number that state has under this SID, whatever its E.164 is now."""
        # Hardly any number changes its E.164: only then the index of SIDs is built.
        live = self.numbers.get(account, {}).get(key)
        if live is not None and live.sid == sid:
            return live
        return self._by_sid(account, sid)

    def elsewhere(self, key: str) -> Iterator[tuple[str, Live]]:
        """Yield (account, number) for every account that has this number."""
        for account in sorted(self.numbers):
            live = self.number(account, key)
            if live is not None:
                yield account, live

    def _copy(
        self,
        *,
        numbers: Mapping[str, Mapping[str, Live]] | None = None,
        unread: Mapping[str, Diagnostic] | None = None,
        others: Mapping[str, Live] | None = None,
        services: Mapping[str, Service] | None = None,
        domains: Domains | None = None,
        partial: Mapping[str, Diagnostic] | None = None,
        problems: Mapping[str, str] | None = None,
    ) -> Observed:
        return Observed(
            self.numbers if numbers is None else numbers,
            self.resources if others is None else others,
            self.services if services is None else services,
            self.domains if domains is None else domains,
            self.complete,
            self.unknown,
            self.unread if unread is None else unread,
            self.partial if partial is None else partial,
            self.known_services,
            self.problems if problems is None else problems,
        )

    def _by_sid(self, account: str, sid: str) -> Live | None:
        if account not in self._sids:
            self._sids[account] = {
                live.sid: live for live in self.numbers.get(account, {}).values()
            }
        return self._sids[account].get(sid)
