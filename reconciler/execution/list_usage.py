"""Whether a SIP domain has come to use a list that is about to be emptied: asked once more, right before that.

The plan has asked already; since then somebody may have let phones in by that list, and a list without what is on it
shuts them out although Twilio refuses to delete it. A list that is deleted as it is needs no question: there Twilio's
own refusal leaves it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock

from reconciler.errors import RemoteError
from reconciler.execution.outcome import Failure
from reconciler.model.action import Action
from reconciler.remote.facts.sip_domains import MAPPINGS, Using, read_lists_in_use
from reconciler.remote.gateway import Gateway


class ListUsage:
    """The lists that a plan empties and deletes; may be asked from any thread, and asks Twilio once for an account."""

    def __init__(self, actions: Iterable[Action], gateways: Mapping[str, Gateway]) -> None:
        self._lists = {a.address: a for a in actions if a.action == "delete" and a.kind in MAPPINGS}
        self._gateways = gateways
        self._known: dict[str, Using | RemoteError] = {}
        self._lock = Lock()

    def refusal(self, action: Action) -> Failure | None:
        """Why this action must not be carried out; None for one that takes nothing off a list that goes."""
        goes = self._lists.get(action.parent or "") if action.action == "delete" else None
        if goes is None:
            return None
        using = self._using(goes.account)
        if isinstance(using, RemoteError):
            said = using.diagnostics[0]
            return Failure(
                using.code,
                f"{_whole(goes, 'may be used by a SIP domain')} {said.detail or said.summary}",
            )
        domains = sorted(using.get(goes.sid or "", ()))
        used = f"is used by the SIP domain {', '.join(domains[:3])} since the plan was made"
        return Failure("list_in_use", f"{_whole(goes, used)} Plan again.") if domains else None

    def _using(self, account: str) -> Using | RemoteError:
        with self._lock:
            if account not in self._known:
                kinds = sorted({a.kind for a in self._lists.values() if a.account == account})
                try:
                    self._known[account] = read_lists_in_use(self._gateways[account], kinds)
                except RemoteError as error:
                    self._known[account] = error
            return self._known[account]


def _whole(goes: Action, why: str) -> str:
    return f"{goes.address} {why}: nothing was taken off it, so that whoever it lets in is not shut out."
