"""Decide about a number on a platform: register, import, link, update or reassign it; pure.

| there           | remembered | there as declared | plan                                                              |
|-----------------|------------|-------------------|-------------------------------------------------------------------|
| no              | any        |                   | `register` (`drift` when it had been there)                       |
| yes             | no         | yes               | `import`                                                          |
| yes, unlinked   | no         | no                | `import`, then `link`                                             |
| yes, of another | no         | no                | error `number_already_imported`                                   |
| yes             | yes        | no                | `link`, `update`, or `reassign` where only a new import can do it |

What the platform has no call for is a warning with the step to take by hand; the rest is done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number import canonical_routes, describe_route, user_fields
from reconciler.kinds.platforms import PlatformKind, needs_manual_link, platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, ActionName, Change, Reason, RouteChange
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, Wire, WireValue
from reconciler.planning.decide.compare import all_written_values, compare
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.problems import at_declaration
from reconciler.planning.decide.takeover import overwritten_values

_HIDING = ("trunk_sid", "voice_application_sid", "sms_application_sid")
"""Wire fields of a number that are in effect in place of its webhooks."""


class Number(msgspec.Struct, frozen=True):
    """The Twilio number that a registration is about: its address, what we remember and what is
    there.
    """

    address: str
    entry: Entry | None
    live: Live


class Decision(msgspec.Struct, frozen=True):
    """What is to be done, what state has to learn, and what is wrong.

    `rewrites`: the platform writes the number's webhooks, or has just written them for a run that
    died. Then what the number shows is no drift, and what it shows afterwards is the baseline.
    """

    actions: tuple[Action, ...] = ()
    refresh: Entry | None = None
    problems: tuple[Diagnostic, ...] = ()
    rewrites: bool = False
    by_hand: frozenset[str] = frozenset()


def decide(
    want: Desired,
    entry: Entry | None,
    live: Live | None,
    number: Number | None,
    kind: PlatformKind,
    ours: Collection[str],
) -> Decision:
    """Decide about one declared registration. `number` is None for a number outside Twilio."""
    if live is None:
        hand = frozenset({"link"}) if needs_manual_link(kind) else frozenset()
        return Decision((_register(want, entry, number, kind, ours),), rewrites=True, by_hand=hand)
    if entry is None or not entry.sid:
        return _import_existing(want, entry, live, number, kind)
    return _align(want, entry, live, number, kind)


def _import_existing(
    want: Desired, entry: Entry | None, live: Live, number: Number | None, kind: PlatformKind
) -> Decision:
    """It is there, and state does not know by which id: it was imported by somebody else, or by a
    run that died.
    """
    begun = entry is not None and has_begun(entry)
    wanted = {
        name: value for name, value in want.profile.attrs.items() if live.attrs.get(name) != value
    }

    # An import of another agent's number would take it over.
    other = live.attrs.get("agent")
    if not begun and "agent" in wanted and other is not None:
        return Decision(problems=(_of_another(want, str(other), kind),))

    fresh = msgspec.structs.replace(
        _entry(want, created=begun),
        sid=live.sid,
        key=live.key,
        last_applied={**want.profile.attrs, **_live_values(want, live)},
    )
    if begun and not wanted:
        return Decision(refresh=fresh, rewrites=True)

    if wanted:
        fresh = msgspec.structs.replace(fresh, prior=_snapshot(entry, number))
    first = _action(want, live.sid, "import", "new", entry=fresh, after=_after(number))
    if begun:
        first = msgspec.structs.replace(first, resume=True)
    steps, hand = _steps(want, fresh, live, wanted, "new", number, kind)
    return Decision((first, *steps), rewrites=begun or bool(steps), by_hand=hand)


def _align(
    want: Desired, entry: Entry, live: Live, number: Number | None, kind: PlatformKind
) -> Decision:
    found = compare(want, entry, live)
    begun = has_begun(entry)
    base = msgspec.structs.replace(found.base, prior={})
    if not found.wanted:
        return Decision(refresh=None if base == entry else base, rewrites=begun)

    # The raw fields of the number are noted before the call: a refusal restores them.
    noted = msgspec.structs.replace(base, prior=_snapshot(entry, number))
    steps, hand = _steps(want, noted, live, found.wanted, found.reason, number, kind)
    actions = tuple(msgspec.structs.replace(step, resume=found.resumes) for step in steps)
    return Decision(
        actions, base if found.resolved else None, rewrites=begun or bool(steps), by_hand=hand
    )


def _steps(
    want: Desired,
    base: Entry,
    live: Live,
    wanted: dict[str, Value],
    reason: Reason,
    number: Number | None,
    kind: PlatformKind,
) -> tuple[tuple[Action, ...], frozenset[str]]:
    """The calls that change these attributes, and the capabilities that are missing for the rest."""

    def step(name: ActionName, names: Collection[str], note: str | None = None) -> Action:
        writes = {n: v for n, v in wanted.items() if n in names}
        after = msgspec.structs.replace(base, last_applied={**base.last_applied, **writes})
        lost_there = () if base.created or reason != "new" else _foreign(live, writes)
        return _action(
            want,
            live.sid,
            name,
            reason,
            entry=after,
            changes=diff_fields(REGISTRATION, live.attrs, writes),
            takeover=lost_there,
            writes=dict(want.profile.attrs) if name == "reassign" else writes,
            after=_after(number),
            route=_route(number, want, writes) if name != "update" else None,
            note=note,
        )

    if set(wanted) & set(kind.replaces):
        gap = (
            f"{kind.title} has no call for this: it is removed there and imported again. "
            "Until both are done the number answers nobody"
        )
        return (step("reassign", set(wanted), gap),), frozenset()

    linked = [name for name in wanted if name in kind.links]
    updated = [name for name in wanted if name in kind.updates]
    by_hand = {"update"} if set(wanted) - set(linked) - set(updated) else set()
    steps = [step(name, names) for name, names in (("update", updated), ("link", linked)) if names]  # type: ignore[arg-type]
    return tuple(steps), frozenset(by_hand)


def adopt_platform_writes(
    want: Desired, entry: Entry | None, live: Live, *, rewritten: bool, freed: bool
) -> Desired:
    """The declaration of a number whose webhooks a platform writes: as the platform left it, when
    that is known.

    `rewritten`: it is about to write them, so what is there now counts as right. `freed`: first
    what would hide them is taken off, a trunk or an application.
    """
    options = want.profile.options
    if not options.platform_written:
        return want

    left = entry is not None and not rewritten and entry.options.platform == options.platform
    known = entry.last_applied if entry is not None and left else {}
    shown = values_without_route(live.wire) if freed and live.wire else live.attrs
    attrs = {
        part: known[part] if part in known else shown.get(part) for part in options.platform_written
    }
    profile = msgspec.structs.replace(want.profile, attrs={**attrs, **want.profile.attrs})
    return msgspec.structs.replace(want, profile=profile)


def has_begun(entry: Entry) -> bool:
    """Return whether a run has begun an import or a change and has not recorded its end.

    An import of a platform that manages no attribute has nothing `pending`; it has no id yet.
    """
    return entry.pending is not None or not entry.sid


def values_without_route(wire: Wire) -> dict[str, Value]:
    """Return what a number would show without a trunk or applications on it."""
    return canonical_routes({**wire, **dict.fromkeys(_HIDING, "")}, {})


def _register(
    want: Desired,
    entry: Entry | None,
    number: Number | None,
    kind: PlatformKind,
    ours: Collection[str],
) -> Action:
    reason: Reason = "drift" if entry is not None and entry.sid else "new"
    attrs = {**want.on_create, **want.profile.attrs}
    begun = entry is not None and has_begun(entry)

    fresh = msgspec.structs.replace(_entry(want, created=True), prior=_snapshot(entry, number))
    action = _action(
        want,
        None,
        "register",
        reason,
        entry=fresh,
        changes=(
            *diff_fields(REGISTRATION, {}, attrs),
            *(_rewritten(number, kind, want) if number else ()),
        ),
        takeover=_list_losses(number, kind, want, ours) if number else (),
        writes=attrs,
        after=_after(number),
        route=_route(number, want, attrs),
    )
    return msgspec.structs.replace(action, resume=begun)


def _snapshot(entry: Entry | None, number: Number | None) -> dict[str, WireValue]:
    """Return the raw fields of the number to put back if the platform refuses; a run that died has
    noted them first.
    """
    if entry is not None and has_begun(entry) and entry.prior:
        return entry.prior
    if number is None:
        return {}
    return {field: value for field, value in number.live.wire.items() if value}


def _entry(want: Desired, *, created: bool) -> Entry:
    return Entry(
        kind=REGISTRATION,
        account=want.profile.account,
        sid="",
        key=want.key,
        last_applied=dict(want.profile.attrs),
        options=want.profile.options,
        created=created,
        parent=want.parent,
    )


def _live_values(want: Desired, live: Live) -> dict[str, Value]:
    return {name: live.attrs[name] for name in want.profile.attrs if name in live.attrs}


def _after(number: Number | None) -> tuple[str, ...]:
    return (number.address,) if number is not None else ()


def _overwritten(kind: PlatformKind, want: Desired) -> tuple[str, ...]:
    """The parts that the platform may write; of a bridge number only its voice."""
    return ("voice",) if want.profile.attrs.get("bridge") is True else kind.overwrites


def _rewritten(number: Number, kind: PlatformKind, want: Desired) -> tuple[Change, ...]:
    """The webhooks that are there now and that the platform writes over."""
    fields: dict[str, WireValue] = {}
    for part in _overwritten(kind, want):
        fields.update(user_fields(part, number.live.attrs.get(part)))
    return tuple(
        Change(field, value, f"(set by {kind.title})")
        for field, value in fields.items()
        if not field.endswith("_method")
    )


def _list_losses(
    number: Number, kind: PlatformKind, want: Desired, ours: Collection[str]
) -> tuple[Change, ...]:
    """The foreign values that are lost: of a bound number what stands there is ours, or drift."""
    entry = number.entry
    mine: Mapping[str, Value] = all_written_values(entry) if entry is not None else {}
    return tuple(
        change
        for part in _overwritten(kind, want)
        if part not in mine
        for change in overwritten_values(part, number.live.attrs.get(part), None, ours)
    )


def _foreign(live: Live, writes: Mapping[str, Value]) -> tuple[Change, ...]:
    """Return the values of somebody else that an update would replace."""
    return tuple(
        Change(name, before, None)
        for name in writes
        if isinstance(before := live.attrs.get(name), str) and before and name != "agent"
    )


def _route(number: Number | None, want: Desired, writes: Mapping[str, Value]) -> RouteChange | None:
    platform = platform_name(want.address)
    agent = want.profile.attrs.get("agent")
    after = f"agent {agent} on {platform}" if agent else f"platform {platform}"
    if number is None:
        return None
    before = describe_route(number.live.attrs.get("voice"))
    return RouteChange(before, after)


def _of_another(want: Desired, agent: str, kind: PlatformKind) -> Diagnostic:
    return at_declaration(
        want,
        want.address,
        "number_already_imported",
        "The number belongs to another agent on the platform",
        f"{want.key} is imported in {kind.title} already, for the agent {agent}. Declare that agent for it, or remove "
        "the number there first.",
    )


def _action(
    want: Desired,
    sid: str | None,
    name: ActionName,
    reason: Reason,
    *,
    entry: Entry,
    changes: tuple[Change, ...] = (),
    takeover: tuple[Change, ...] = (),
    writes: dict[str, Value] | None = None,
    after: tuple[str, ...] = (),
    route: RouteChange | None = None,
    note: str | None = None,
) -> Action:
    file, line, column = want.position
    return Action(
        address=want.address,
        action=name,
        reason=reason,
        kind=REGISTRATION,
        account=want.profile.account,
        sid=sid,
        changes=changes,
        takeover=takeover,
        route=route,
        file=file,
        line=line,
        column=column,
        set=writes or {},
        entry=entry,
        parent=want.parent,
        depends_on=after,
        note=note,
    )
