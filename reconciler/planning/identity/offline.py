"""Build live values from the recorded ones for a plan with ``--no-refresh``, leave out numbers that
were never imported, and warn of what is not planned or compared; pure.
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

    # Numbers come second: their trunks may have a name here by now.
    for entry in resolve_names(resources, others).values():
        if entry.kind not in NUMBER_KINDS:
            continue
        attrs = {"voice": None, "sms": None, "status": None, **entry.last_applied}
        name = str(attrs.pop("friendly_name", None) or "")
        live = Live(entry.sid, entry.key, entry.account, {}, attrs, name)
        numbers.setdefault(entry.account, {})[entry.key] = live
    return Observed(numbers, others)


def split_plannable(
    desired: Iterable[Desired], resources: Mapping[str, Entry]
) -> tuple[list[Desired], list[Diagnostic]]:
    """Return what can be planned without reading Twilio, and a warning about numbers that were
    never imported.
    """
    sids = {entry.sid for entry in resources.values()}
    plannable: list[Desired] = []
    left_out = 0
    for declared in desired:
        is_number = declared.kind in NUMBER_KINDS
        is_of_number = declared.parent is not None and declared.kind == REGISTRATION
        is_recorded = declared.address in resources or declared.key in sids
        if is_recorded or not (is_number or is_of_number):
            plannable.append(declared)
        elif is_number:
            left_out += 1

    if not left_out:
        return plannable, []
    warning = Diagnostic(
        severity="warning",
        code="not_planned",
        summary="Numbers not imported yet are skipped",
        detail=f"{left_out} declared numbers are not in the state, and without reading Twilio they cannot be planned. "
        "Plan without `--no-refresh` to see them.",
    )
    return plannable, [warning]


def warn_of_assumed_secrets(addresses: Iterable[str]) -> list[Diagnostic]:
    """Return a warning for each resource whose secret could not be looked up."""
    warnings: list[Diagnostic] = []

    for address in addresses:
        warning = Diagnostic(
            severity="warning",
            code="secret_not_compared",
            summary="A secret is taken as unchanged",
            detail=f"The secret of {address} is not available, so a change of it cannot be detected. "
            "Plan without `--no-refresh`, with the secret, to see it.",
            address=address,
        )
        warnings.append(warning)
    return warnings
