"""Check, right before a list is emptied, that no SIP domain has started to use it since the plan
was made.

An empty list shuts out the phones that it let in, although Twilio refuses to delete the list
itself. A list that is deleted with its content needs no check: Twilio's own refusal leaves it
whole.
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
    """The lists that a plan empties and deletes. Safe in any thread; reads each account once."""

    def __init__(self, actions: Iterable[Action], gateways: Mapping[str, Gateway]) -> None:
        self._lists = {a.address: a for a in actions if a.action == "delete" and a.kind in MAPPINGS}
        self._gateways = gateways
        self._known: dict[str, Using | RemoteError] = {}
        self._lock = Lock()

    def refusal(self, action: Action) -> Failure | None:
        """Return why this action must not be executed; None unless it takes something off a list of
        this plan.
        """
        deletion = self._lists.get(action.parent or "") if action.action == "delete" else None
        if deletion is None:
            return None

        in_use = self._lists_in_use(deletion.account)
        if isinstance(in_use, RemoteError):
            problem = in_use.diagnostics[0]
            refusal = _explain_refusal(deletion, "may be used by a SIP domain")
            return Failure(in_use.code, f"{refusal} {problem.detail or problem.summary}")

        domains = sorted(in_use.get(deletion.sid or "", ()))
        if not domains:
            return None
        used = f"is used by the SIP domain {', '.join(domains[:3])} since the plan was made"
        return Failure("list_in_use", f"{_explain_refusal(deletion, used)} Plan again.")

    def _lists_in_use(self, account: str) -> Using | RemoteError:
        with self._lock:
            if account not in self._known:
                kinds = sorted({a.kind for a in self._lists.values() if a.account == account})
                try:
                    self._known[account] = read_lists_in_use(self._gateways[account], kinds)
                except RemoteError as error:
                    self._known[account] = error
            return self._known[account]


def _explain_refusal(deletion: Action, reason: str) -> str:
    return (
        f"{deletion.address} {reason}: it was not emptied, because that would block the phones "
        "that it admits."
    )
