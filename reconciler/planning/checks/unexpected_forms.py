"""Warn of values that Twilio stores in a form that no listed rule explains; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.forms import compare_forms
from reconciler.model.entry import Entry
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.live_values import live_value
from reconciler.planning.identity.observed import Observed


def find_unexpected(resources: Mapping[str, Entry], observed: Observed) -> list[Diagnostic]:
    """Return a warning for each field that still shows an unexplained form of what was written."""
    found: list[Diagnostic] = []
    for address, entry in resources.items():
        if not entry.normalised:
            continue
        live = observed.live(address, entry)
        if live is None:
            continue

        # A value that was changed since then has its own report, as drift.
        lasting = []
        for name, pair in entry.normalised.items():
            if live_value(live, name) == pair[1]:
                lasting.append(name)
        found += list_unexpected(address, entry, lasting)
    return found


def list_unexpected(address: str, entry: Entry, names: Iterable[str]) -> Iterator[Diagnostic]:
    """Yield a warning for each field of these attributes whose stored form no rule explains."""
    for name in names:
        pair = entry.normalised.get(name)
        if pair is None:
            continue

        for change in diff_fields(entry.kind, {name: pair[0]}, {name: pair[1]}):
            if compare_forms(change.field, change.before, change.after) == "unexpected":
                yield Diagnostic(
                    severity="warning",
                    code="unexpected_form",
                    summary="Twilio stores another form of a value",
                    detail=f"{change.field} of {address}: sent {change.before}, stored "
                    f"{change.after}. No listed rule explains the difference. If the stored value "
                    "has the same effect, declare it in that form; else correct it in the console "
                    "and apply again.",
                    address=address,
                )
