"""Compare one resource in three ways (declared, last applied and live), and read its live, last
applied and prior values; pure.

| live vs last applied | declared vs last applied | live vs declared | means      |
|----------------------|--------------------------|------------------|------------|
| same                 | same                     | same             | nothing    |
| differs              | same                     | differs          | `drift`    |
| same                 | differs                  | differs          | `config`   |
| differs              | differs                  | differs          | `conflict` |
| differs              | differs                  | same             | refresh    |
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reconciler.kinds.number import DEFAULT_METHOD, PARTS, url_field_for
from reconciler.kinds.number_fields import BY_NAME, EMERGENCY_ADDRESS
from reconciler.model.action import Reason
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, WireValue
from reconciler.planning.decide.heals import settle_heals
from reconciler.planning.decide.live_values import live_value, raw_value


class Comparison(msgspec.Struct, frozen=True):
    """The result of a comparison.

    `wanted` has to be written, for `reason`; `fresh` are the parts of it that were not ours before.
    `base` is the entry before anything is written. `resumes`: an earlier run had begun to write
    just that. `resolved`: Twilio shows a value that such a run wrote without recording it.
    """

    wanted: dict[str, Value]
    reason: Reason
    fresh: frozenset[str]
    base: Entry
    resumes: bool
    resolved: bool


def last_applied(entry: Entry, live: Live, name: str) -> Value:
    """Return what we last wrote; also what a run was about to write when it died, if Twilio shows
    that value.
    """
    pending = entry.pending
    if pending is not None and name in pending:
        value = live_value(live, name)
        if value == pending[name]:
            return pending[name]

        # An emergency address is replaced by two calls, and the first one clears it.
        if name == EMERGENCY_ADDRESS and value is None:
            return None
    return entry.last_applied.get(name)


def match_form(entry: Entry, name: str, value: Value, live: Value) -> Value:
    """Return the live value, or `value` where the API only keeps it in another form."""
    pair = entry.normalised.get(name)
    is_stored_form = pair is not None and pair[0] == value and pair[1] == live
    return value if is_stored_form else live


def prior_values(kind: str, live: Live, names: Iterable[str]) -> dict[str, WireValue]:
    """Return the live raw fields of these attributes, which a release would restore.

    Empty fields and Twilio's defaults are left out: most numbers were empty, and state holds all of
    them.
    """
    values: dict[str, WireValue] = {}
    if kind not in NUMBER_KINDS:
        for name in names:
            value = live.wire.get(name)
            if value not in (None, ""):
                values[name] = value
        return values

    for name in names:
        for field in PARTS[name]:
            value = raw_value(live, field)
            is_default = field.endswith("_method") and value == DEFAULT_METHOD
            if name in BY_NAME and value == BY_NAME[name].default:
                is_default = True
            if value and not is_default:
                values[field] = value
    return values


def prior_value(entry: Entry, field: str) -> WireValue:
    """Return the value of a raw field before us; a webhook without a recorded method has Twilio's
    default.
    """
    if field in entry.prior or not field.endswith("_method"):
        return entry.prior.get(field)
    return DEFAULT_METHOD if entry.prior.get(url_field_for(field)) else None


def compare(declared: Desired, entry: Entry, live: Live) -> Comparison:
    """Compare one bound resource; an empty `wanted` means that nothing has to be written."""
    attrs = declared.profile.attrs
    last: dict[str, Value] = {}
    have: dict[str, Value] = {}
    wanted: dict[str, Value] = {}
    for name, value in attrs.items():
        have[name] = match_form(entry, name, value, live_value(live, name))
        if have[name] != value:
            wanted[name] = value
        if name in entry.last_applied:
            last[name] = last_applied(entry, live, name)

    # A run that died may have written what is pending: that is no takeover of foreign values.
    pending = entry.pending or {}
    fresh: list[str] = []
    for name in attrs:
        is_unknown = _is_new(entry, live, name) or _only_watched(entry, live, name)
        if is_unknown and name not in pending:
            fresh.append(name)

    return Comparison(
        wanted,
        _reason(entry, wanted, last, have),
        frozenset(fresh),
        _base(declared, entry, live, last),
        resumes=all(name in pending and pending[name] == wanted[name] for name in wanted),
        resolved=_is_resolved(entry, live, last),
    )


def _reason(entry: Entry, wanted: Attrs, last: Attrs, have: Attrs) -> Reason:
    """Return the reason of a write, from both comparisons with the last applied value."""
    has_drifted = is_redeclared = False
    for name, value in wanted.items():
        if name in last and match_form(entry, name, last[name], have[name]) != last[name]:
            has_drifted = True
        if name not in last or value != last[name]:
            is_redeclared = True

    if not has_drifted:
        return "config"
    return "conflict" if is_redeclared else "drift"


def _is_resolved(entry: Entry, live: Live, last: Attrs) -> bool:
    """Return whether Twilio shows a value that a run wrote without recording it."""
    for name, value in (entry.pending or {}).items():
        if name not in entry.last_applied and live_value(live, name) == value:
            return True
    return any(last[name] != entry.last_applied[name] for name in last)


def _only_watched(entry: Entry, live: Live, name: str) -> bool:
    """Return whether a number was observe only so far, and its live value of this part is not ours."""
    return entry.options.observe_only and not is_as_written(entry, live, name)


def all_written_values(entry: Entry) -> dict[str, Value]:
    """Return what we last wrote, also to parts that are not managed any more; nothing for observe
    only.
    """
    if entry.options.observe_only:
        return dict(entry.previously_managed)
    return {**entry.previously_managed, **entry.last_applied}


def is_as_written(entry: Entry, live: Live, name: str) -> bool:
    """Return whether a part that is not managed any more still has the value that we wrote."""
    written = entry.previously_managed
    return name in written and written[name] == live_value(live, name)


def _is_new(entry: Entry, live: Live, name: str) -> bool:
    return name not in entry.last_applied and not is_as_written(entry, live, name)


def _collect_unmanaged(declared: Desired, entry: Entry) -> dict[str, Value]:
    """Return what we wrote to parts that this declaration does not manage."""
    if declared.kind not in NUMBER_KINDS:
        return {}

    values = all_written_values(entry)
    if not declared.profile.options.observe_only:
        for name in declared.profile.attrs:
            values.pop(name, None)
    return values


def _has_changed(entry: Entry, live: Live, name: str) -> bool:
    return name in entry.last_applied and entry.last_applied[name] != live_value(live, name)


def _prior(entry: Entry, live: Live, attrs: Attrs) -> dict[str, WireValue]:
    """Return the prior values: those of the import, and live ones for parts that somebody else wrote
    or that are managed again.
    """
    changed: list[str] = []
    for name in entry.last_applied:
        if _only_watched(entry, live, name) and _has_changed(entry, live, name):
            changed.append(name)

    # Not for what a run was about to write when it died: the live value may be ours.
    new: list[str] = []
    for name in attrs:
        if _is_new(entry, live, name) and name not in (entry.pending or {}):
            new.append(name)

    if entry.created or not (changed or new):
        return entry.prior

    replaced: set[str] = set()
    for name in (*changed, *new):
        replaced.update(PARTS.get(name, (name,)))
    kept = {field: value for field, value in entry.prior.items() if field not in replaced}
    return {**kept, **prior_values(entry.kind, live, [*new, *changed])}


def _base(declared: Desired, entry: Entry, live: Live, last: Attrs) -> Entry:
    """Return the entry before any write, with the present options and agreed values."""
    attrs = declared.profile.attrs
    applied: dict[str, Value] = {}
    for name, value in attrs.items():
        have = match_form(entry, name, value, live_value(live, name))
        applied[name] = value if have == value else last.get(name, have)

    return msgspec.structs.replace(
        entry,
        kind=declared.kind,
        account=declared.profile.account,
        sid=live.sid,
        key=live.key,
        parent=declared.parent,
        last_applied=applied,
        options=declared.profile.options,
        prior=_prior(entry, live, attrs),
        pending=None,
        previously_managed=_collect_unmanaged(declared, entry),
        created=entry.created and entry.sid == live.sid,
        normalised={name: pair for name, pair in entry.normalised.items() if name in attrs},
        healed=settle_heals(entry, live),
        healing=(),
    )
