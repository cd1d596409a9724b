"""The three-way comparison of one resource: what is declared, what we last applied, what is live;
pure.

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
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Value, WireValue


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


def live_value(live: Live, name: str) -> Value:
    """A canonical attribute of a live resource; a number's friendly name stands apart from what it
    shares.
    """
    return live.name if name == "friendly_name" and name not in live.attrs else live.attrs.get(name)


def live_attrs(live: Live, names: Attrs) -> dict[str, Value]:
    """The live values of these attributes."""
    return {name: live_value(live, name) for name in names}


def last_applied(entry: Entry, live: Live, name: str) -> Value:
    """Return what we last wrote; also what a run was about to write when it died, if Twilio shows
    that value.
    """
    if (
        entry.pending is not None
        and name in entry.pending
        and live_value(live, name) == entry.pending[name]
    ):
        return entry.pending[name]
    return entry.last_applied.get(name)


def match_form(entry: Entry, name: str, want: Value, have: Value) -> Value:
    """The live value, or the declared one where Twilio only keeps it in another form."""
    pair = entry.normalised.get(name)
    return want if pair is not None and pair[0] == want and pair[1] == have else have


def prior_values(kind: str, live: Live, names: Iterable[str]) -> dict[str, WireValue]:
    """The raw fields behind these attributes, as they stand now: what a release would put back.

    What is empty, or Twilio's default method, is left out: most numbers were empty, and state holds
    all of them.
    """
    if kind not in NUMBER_KINDS:
        return {
            name: live.wire.get(name) for name in names if live.wire.get(name) not in (None, "")
        }

    values: dict[str, WireValue] = {}
    for name in names:
        for field in PARTS[name]:
            value = live.name if field == "friendly_name" else live.wire.get(field)
            is_default = field.endswith("_method") and value == DEFAULT_METHOD
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


def compare(desired: Desired, entry: Entry, live: Live) -> Comparison:
    """Compare one bound resource; an empty `wanted` means that nothing has to be written."""
    attrs = desired.profile.attrs
    last = {name: last_applied(entry, live, name) for name in attrs if name in entry.last_applied}
    have = {name: match_form(entry, name, attrs[name], live_value(live, name)) for name in attrs}
    wanted = {name: value for name, value in attrs.items() if have[name] != value}

    # The reason follows from both comparisons with the last applied value; see the table above.
    drifted = any(
        name in last and match_form(entry, name, last[name], have[name]) != last[name]
        for name in wanted
    )
    declared = any(name not in last or attrs[name] != last[name] for name in wanted)
    reason: Reason = "config"
    if drifted:
        reason = "conflict" if declared else "drift"

    # A run that died may have written what is pending: that is no takeover of foreign values.
    pending = entry.pending or {}
    unknown = [
        name for name in attrs if _is_new(entry, live, name) or _only_watched(entry, live, name)
    ]
    fresh = frozenset([name for name in unknown if name not in pending])

    resumes = all(name in pending and pending[name] == value for name, value in wanted.items())
    arrived = any(
        n not in entry.last_applied and live_value(live, n) == value for n, value in pending.items()
    )
    resolved = arrived or any(last[name] != entry.last_applied[name] for name in last)
    return Comparison(wanted, reason, fresh, _base(desired, entry, live, last), resumes, resolved)


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
    return name in entry.previously_managed and entry.previously_managed[name] == live_value(
        live, name
    )


def _is_new(entry: Entry, live: Live, name: str) -> bool:
    return name not in entry.last_applied and not is_as_written(entry, live, name)


def _values_left(desired: Desired, entry: Entry) -> dict[str, Value]:
    """Return what we wrote to parts that this declaration does not manage."""
    if desired.kind not in NUMBER_KINDS:
        return {}
    managed = () if desired.profile.options.observe_only else desired.profile.attrs
    return {name: value for name, value in all_written_values(entry).items() if name not in managed}


def _has_changed(entry: Entry, live: Live, name: str) -> bool:
    return name in entry.last_applied and entry.last_applied[name] != live_value(live, name)


def _prior(entry: Entry, live: Live, attrs: Attrs) -> dict[str, WireValue]:
    """Return the prior values: those of the import, and live ones where somebody else wrote or we
    manage a part anew.

    Not for what a run was about to write when it died: what stands there may be ours.
    """
    moved = [
        name
        for name in entry.last_applied
        if _only_watched(entry, live, name) and _has_changed(entry, live, name)
    ]
    anew = [
        name for name in attrs if _is_new(entry, live, name) and name not in (entry.pending or {})
    ]
    if entry.created or not (moved or anew):
        return entry.prior

    replaced: set[str] = set()
    for name in (*moved, *anew):
        replaced.update(PARTS.get(name, (name,)))
    kept = {field: value for field, value in entry.prior.items() if field not in replaced}
    return {**kept, **prior_values(entry.kind, live, [*anew, *moved])}


def _base(desired: Desired, entry: Entry, live: Live, last: dict[str, Value]) -> Entry:
    """The entry as it is before any write: agreed values refreshed, options and newly managed
    fields taken in.
    """
    attrs = desired.profile.attrs
    applied: dict[str, Value] = {}
    for name, want in attrs.items():
        have = match_form(entry, name, want, live_value(live, name))
        applied[name] = want if have == want else last.get(name, have)

    return msgspec.structs.replace(
        entry,
        kind=desired.kind,
        account=desired.profile.account,
        sid=live.sid,
        key=live.key,
        parent=desired.parent,
        last_applied=applied,
        options=desired.profile.options,
        prior=_prior(entry, live, attrs),
        pending=None,
        previously_managed=_values_left(desired, entry),
        created=entry.created and entry.sid == live.sid,
        normalised={name: pair for name, pair in entry.normalised.items() if name in attrs},
    )
