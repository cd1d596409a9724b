"""``--no-refresh``: a world made of what state remembers, for a plan that asks Twilio nothing;
pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.identity.children import is_bound
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed


def observe_recorded(resources: Mapping[str, Entry]) -> Observed:
    """Return what Twilio would show if nothing had changed since the last apply."""
    numbers: dict[str, dict[str, Live]] = {}
    others: dict[str, Live] = {}
    for address, entry in resources.items():
        if is_bound(entry) and entry.kind not in NUMBER_KINDS:
            others[address] = Live(
                entry.sid, entry.key, entry.account, {}, entry.last_applied, parent=entry.parent
            )
    for entry in resolve_names(resources, others).values():
        if entry.kind in NUMBER_KINDS:
            attrs = {"voice": None, "sms": None, "status": None, **entry.last_applied}
            name = str(attrs.pop("friendly_name", None) or "")
            numbers.setdefault(entry.account, {})[entry.key] = Live(
                entry.sid, entry.key, entry.account, {}, attrs, name
            )
    return Observed(numbers, others)


def split_plannable(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> tuple[list[Desired], list[Diagnostic]]:
    """Return what can be planned without reading Twilio, and a warning about numbers that were
    never imported.
    """
    sids = {entry.sid for entry in resources.values()}
    kept, left = [], 0
    for declared in desired:
        of_number = declared.kind in NUMBER_KINDS or (
            declared.parent is not None and declared.kind == REGISTRATION
        )
        if not of_number or declared.address in resources or declared.key in sids:
            kept.append(declared)
        elif declared.kind in NUMBER_KINDS:
            left += 1
    if not left:
        return kept, []
    warning = Diagnostic(
        severity="warning",
        code="not_planned",
        summary="Numbers that are not imported yet are left out",
        detail=f"{left} declared numbers are not in state; without asking Twilio nothing can be said about them. "
        "Plan without `--no-refresh` to see them.",
    )
    return kept, [warning]


def warn_of_assumed_secrets(addresses: Iterable[str]) -> list[Diagnostic]:
    """A warning for each resource whose secret could not be looked up."""
    return [
        Diagnostic(
            severity="warning",
            code="secret_not_compared",
            summary="A secret is taken as unchanged",
            detail=f"The secret of {address} is not there to be looked up, so whether it has changed is not known. "
            "Plan without `--no-refresh`, with the secret, to see it.",
            address=address,
        )
        for address in addresses
    ]
