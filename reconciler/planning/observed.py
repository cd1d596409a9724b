"""What the outside world looks like, as far as a plan needs it: a value that remote code fills and planning reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model import Live


class Observed:
    """Everything read from Twilio for one run.

    `numbers` holds, for each account that was read, its numbers by E.164; `others` all resources of other kinds by
    address, already matched with the names we give them (the address of one that is not ours ends in its SID).
    """

    def __init__(self, numbers: Mapping[str, Mapping[str, Live]], others: Mapping[str, Live]) -> None:
        self.numbers = numbers
        self.others = others
        self._sids: dict[str, dict[str, Live]] = {}

    def number(self, account: str, key: str) -> Live | None:
        """The number of that account with this E.164, or with this SID when `key` is one."""
        return self._by_sid(account, key) if key.startswith("PN") else self.numbers.get(account, {}).get(key)

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
            self._sids[account] = {live.sid: live for live in self.numbers.get(account, {}).values()}
        return self._sids[account].get(sid)
