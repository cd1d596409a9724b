"""What the outside world looks like, as far as a plan needs it: a value that remote code fills and
planning reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.live import Live


class Service(msgspec.Struct, frozen=True):
    """A messaging service that answers the messages of its numbers in their place; no `url`: it
    drops them.
    """

    sid: str
    name: str
    url: str
    method: str = "POST"


class Domains(msgspec.Struct, frozen=True):
    """Which SIP domains use a list, by the list's SID; `unread` are accounts whose domains could
    not be asked.
    """

    using: Mapping[str, Collection[str]] = MappingProxyType({})
    unread: frozenset[str] = frozenset()


UNASKED = Domains()


class Observed:
    """Everything read from Twilio for one run.

    `numbers` holds, for each account that was read, its numbers by E.164; `others` all resources of
    other kinds by address, already matched with the names we give them (the address of one that is
    not ours ends in its SID); `services` the messaging service by the SID of each number that is
    answered by one, as far as that was asked; `domains` the SIP domains and foreign trunks that use
    lists, where a list or what is on it is about to go; `complete` the pairs of a trunk or list and
    a kind of child, where all children of that kind were read; `unknown` the trunks and
    applications that the configuration names by SID and that are not there, as (account, SID);
    `unread` the accounts that could not be read, with the reason.
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
    ) -> None:
        self.unread = unread
        self.unknown = unknown
        self.numbers = numbers
        self.resources = others
        self.services = services
        self.domains = domains
        self.complete = complete
        self._sids: dict[str, dict[str, Live]] = {}

    def with_services(self, services: Mapping[str, Service]) -> Observed:
        """The same world, and who answers messages in it."""
        return Observed(
            self.numbers,
            self.resources,
            services,
            self.domains,
            self.complete,
            self.unknown,
            self.unread,
        )

    def with_domains(self, domains: Domains) -> Observed:
        """The same world, and which SIP domains use its lists."""
        return Observed(
            self.numbers,
            self.resources,
            self.services,
            domains,
            self.complete,
            self.unknown,
            self.unread,
        )

    def number(self, account: str, key: str) -> Live | None:
        """The number of that account with this E.164, or with this SID when `key` is one."""
        return (
            self._by_sid(account, key)
            if key.startswith("PN")
            else self.numbers.get(account, {}).get(key)
        )

    def bound_number(self, account: str, key: str, sid: str) -> Live | None:
        """The number that state knows by this SID, whatever its E.164 is now."""
        live = self.numbers.get(account, {}).get(key)
        return live if live is not None and live.sid == sid else self._by_sid(account, sid)

    def elsewhere(self, key: str) -> Iterator[tuple[str, Live]]:
        """Where else this number is: (account, number) for every account that has it."""
        for account in sorted(self.numbers):
            live = self.number(account, key)
            if live is not None:
                yield account, live

    def _by_sid(self, account: str, sid: str) -> Live | None:
        if account not in self._sids:
            self._sids[account] = {
                live.sid: live for live in self.numbers.get(account, {}).values()
            }
        return self._sids[account].get(sid)
