"""Define `Decision`, the actions, entries and problems that one decider returns, and join
decisions. A plan is the sum of its decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.action import Action
from reconciler.model.entry import Entry
from reconciler.model.live import Live

_NO_UPDATES: Mapping[str, Entry] = MappingProxyType({})
_NOTHING_TOUCHED: Mapping[str, Live] = MappingProxyType({})


class Decision(msgspec.Struct, frozen=True):
    """The result of one decider.

    `actions` are in the order that is safe for their address. `updates` are entries, by address,
    that only the state records. `touched` are the live resources that the actions change, by
    address: a saved plan is stale once one of them has another value.
    """

    actions: tuple[Action, ...] = ()
    updates: Mapping[str, Entry] = _NO_UPDATES
    diagnostics: tuple[Diagnostic, ...] = ()
    touched: Mapping[str, Live] = _NOTHING_TOUCHED

    @classmethod
    def about(
        cls,
        address: str,
        actions: Iterable[Action],
        *,
        live: Live | None = None,
        update: Entry | None = None,
        diagnostics: Iterable[Diagnostic] = (),
    ) -> Decision:
        """Return the decision about one address, whose live resource its actions change."""
        steps = tuple(actions)

        # Nothing is touched without an action.
        return cls(
            steps,
            _NO_UPDATES if update is None else {address: update},
            tuple(diagnostics),
            {address: live} if steps and live is not None else _NOTHING_TOUCHED,
        )

    @classmethod
    def refuse(cls, *problems: Diagnostic) -> Decision:
        """Return a decision that does nothing, because of these problems."""
        return cls(diagnostics=problems)


NO_DECISION = Decision()


def join_decisions(decisions: Iterable[Decision]) -> Decision:
    """Return one decision with everything that these decide, in their order."""
    actions: list[Action] = []
    updates: dict[str, Entry] = {}
    diagnostics: list[Diagnostic] = []
    touched: dict[str, Live] = {}

    for decision in decisions:
        actions += decision.actions
        updates |= decision.updates
        diagnostics += decision.diagnostics
        touched |= decision.touched

    return Decision(tuple(actions), updates, tuple(diagnostics), touched)
