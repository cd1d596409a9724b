"""Decide about a number on a platform: register, import, link, update or reassign it; pure.

| live            | recorded   | live as declared  | plan                                                              |
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
from reconciler.kinds.number import WIRE_FIELDS, describe_route
from reconciler.kinds.platforms.kind import PlatformKind, uses_own_trunk
from reconciler.kinds.platforms.table import needs_manual_link, platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, ActionName, Change, Reason, RouteChange
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, WireValue
from reconciler.planning.decide.compare import compare
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.heals import settle_heals
from reconciler.planning.decide.platform_losses import (
    Number,
    list_losses,
    list_rewritten_webhooks,
)
from reconciler.planning.decide.problems import at_declaration
from reconciler.planning.decision import NO_DECISION, Decision


class RegistrationDecision(msgspec.Struct, frozen=True):
    """The decision about one registration, and its effects on the number.

    - `rewrites`: the platform writes the number's webhooks, or has just written them for a run that
      died. What the number shows now is no drift, and what it shows afterwards is recorded.
    - `frees`: the platform is reached by webhooks, so nothing may hide those that it writes.
    - `manual_steps`: capabilities that the platform has no call for.
    """

    decision: Decision = NO_DECISION
    rewrites: bool = False
    frees: bool = False
    manual_steps: frozenset[str] = frozenset()


def decide(
    declared: Desired,
    entry: Entry | None,
    live: Live | None,
    number: Number | None,
    kind: PlatformKind,
    our_urls: Collection[str],
) -> RegistrationDecision:
    """Decide about one declared registration.

    `number` is None for a number outside Twilio, and for one whose calls reach the platform by a
    declared trunk: the platform writes nothing to it.
    """
    if live is not None:
        live = _with_unread(declared, live, kind)
    if live is None:
        result = _decide_new(declared, entry, number, kind, our_urls)
    elif entry is None or not entry.sid:
        result = _import_existing(declared, entry, live, number, kind)
    else:
        result = _align(declared, entry, live, number, kind)

    rewrites = result.rewrites and number is not None
    is_by_trunk = kind.by_trunk or uses_own_trunk(declared.profile.attrs)
    return msgspec.structs.replace(result, rewrites=rewrites, frees=rewrites and not is_by_trunk)


def _decide_new(
    declared: Desired,
    entry: Entry | None,
    number: Number | None,
    kind: PlatformKind,
    our_urls: Collection[str],
) -> RegistrationDecision:
    """Register a number that the platform does not have."""
    action = _register(declared, entry, number, kind, our_urls)

    # Some platforms take no agent with an import.
    manual_steps = frozenset({"link"}) if needs_manual_link(kind) else frozenset()
    return RegistrationDecision(
        Decision.about(declared.address, [action]), rewrites=True, manual_steps=manual_steps
    )


def _import_existing(
    declared: Desired, entry: Entry | None, live: Live, number: Number | None, kind: PlatformKind
) -> RegistrationDecision:
    """Import a registration that the platform has and whose id state does not know.

    Somebody else made it, or a run that died.
    """
    interrupted = entry is not None and is_unfinished(entry)
    wanted = _find_differences(declared, live)

    # An import of another agent's number would take it over.
    agent = live.attrs.get("agent")
    if not interrupted and "agent" in wanted and agent is not None:
        problem = _agent_conflict(declared, str(agent), kind)
        return RegistrationDecision(Decision.refuse(problem))

    new_entry = msgspec.structs.replace(
        _make_entry(declared, created=interrupted),
        sid=live.sid,
        key=live.key,
        last_applied={**declared.profile.attrs, **_live_values(declared, live)},
        healed=settle_heals(entry, live) if entry is not None else (),
    )
    if interrupted and not wanted:
        learned = Decision(updates={declared.address: new_entry})
        return RegistrationDecision(learned, rewrites=True)

    # The raw fields of the number are noted before the first call that changes something.
    if wanted:
        new_entry = msgspec.structs.replace(new_entry, prior=_snapshot(entry, number))
    first = _make_action(declared, live.sid, "import", "new", entry=new_entry, number=number)
    if interrupted:
        first = msgspec.structs.replace(first, resume=True)

    steps, manual_steps = _plan_steps(declared, new_entry, live, wanted, "new", number, kind)
    return RegistrationDecision(
        Decision.about(declared.address, [first, *steps], live=live),
        rewrites=interrupted or bool(steps),
        manual_steps=manual_steps,
    )


def _align(
    declared: Desired, entry: Entry, live: Live, number: Number | None, kind: PlatformKind
) -> RegistrationDecision:
    """Write what differs on a registration that we made or imported."""
    found = compare(declared, entry, live)
    interrupted = is_unfinished(entry)
    base = msgspec.structs.replace(found.base, prior={})
    if not found.wanted:
        update = None if base == entry else base
        learned = Decision.about(declared.address, (), update=update)
        return RegistrationDecision(learned, rewrites=interrupted)

    # The raw fields of the number are noted before the call: a refusal restores them.
    noted = msgspec.structs.replace(base, prior=_snapshot(entry, number))
    steps, manual_steps = _plan_steps(
        declared, noted, live, found.wanted, found.reason, number, kind
    )
    actions = [msgspec.structs.replace(step, resume=found.resumes) for step in steps]
    update = base if found.resolved else None
    return RegistrationDecision(
        Decision.about(declared.address, actions, live=live, update=update),
        rewrites=interrupted or bool(steps),
        manual_steps=manual_steps,
    )


def _with_unread(declared: Desired, live: Live, kind: PlatformKind) -> Live:
    """Return the live registration with what the platform never shows and no run has recorded.

    It counts as declared: no registration is replaced for a value that is not known to differ.
    """
    unread: dict[str, Value] = {}
    for name in kind.unread:
        if name in declared.profile.attrs and name not in live.attrs:
            unread[name] = declared.profile.attrs[name]
    if not unread:
        return live
    return msgspec.structs.replace(live, attrs={**live.attrs, **unread})


def _find_differences(declared: Desired, live: Live) -> dict[str, Value]:
    """Return the declared attributes that the platform has with another value."""
    differing: dict[str, Value] = {}
    for name, value in declared.profile.attrs.items():
        if live.attrs.get(name) != value:
            differing[name] = value
    return differing


def _plan_steps(
    declared: Desired,
    base: Entry,
    live: Live,
    wanted: dict[str, Value],
    reason: Reason,
    number: Number | None,
    kind: PlatformKind,
) -> tuple[list[Action], frozenset[str]]:
    """Return the calls that change these attributes, and the capabilities missing for the rest."""

    def step(name: ActionName, names: Collection[str], note: str | None = None) -> Action:
        writes = {n: v for n, v in wanted.items() if n in names}
        after = msgspec.structs.replace(base, last_applied={**base.last_applied, **writes})
        is_ours = base.created or reason != "new"

        return _make_action(
            declared,
            live.sid,
            name,
            reason,
            entry=after,
            changes=diff_fields(REGISTRATION, live.attrs, writes),
            takeover=() if is_ours else _foreign_values(live, writes),
            writes=dict(declared.profile.attrs) if name == "reassign" else writes,
            route=_route(number, declared) if name != "update" else None,
            number=number,
            note=note,
        )

    # An attribute that no call changes: only a new import does.
    if not wanted.keys().isdisjoint(kind.replaces):
        gap = (
            f"{kind.title} has no call for this: it is removed there and imported again. "
            "Until both are done the number does not answer calls"
        )
        return [step("reassign", wanted, gap)], frozenset()

    steps: list[Action] = []
    updated = wanted.keys() & set(kind.updates)
    if updated:
        steps.append(step("update", updated))
    linked = wanted.keys() & set(kind.links)
    if linked:
        steps.append(step("link", linked))

    # What neither an update nor a link changes is left to a person.
    rest = wanted.keys() - linked - updated
    return steps, frozenset({"update"}) if rest else frozenset()


def is_unfinished(entry: Entry) -> bool:
    """Return whether a run has begun an import or a change and has not recorded its end.

    An import of a platform that manages no attribute has nothing `pending`; it has no id yet.
    """
    return entry.pending is not None or not entry.sid


def _register(
    declared: Desired,
    entry: Entry | None,
    number: Number | None,
    kind: PlatformKind,
    our_urls: Collection[str],
) -> Action:
    # With an id in state the platform had it before: somebody else has removed it.
    reason: Reason = "drift" if entry is not None and entry.sid else "new"
    attrs = {**declared.on_create, **declared.profile.attrs}
    changes = diff_fields(REGISTRATION, {}, attrs)
    takeover: tuple[Change, ...] = ()
    if number is not None:
        changes = (*changes, *list_rewritten_webhooks(number, kind, declared))
        takeover = list_losses(number, kind, declared, our_urls)

    new_entry = msgspec.structs.replace(
        _make_entry(declared, created=True), prior=_snapshot(entry, number)
    )
    action = _make_action(
        declared,
        None,
        "register",
        reason,
        entry=new_entry,
        changes=changes,
        takeover=takeover,
        writes=attrs,
        route=_route(number, declared),
        number=number,
    )
    interrupted = entry is not None and is_unfinished(entry)
    return msgspec.structs.replace(action, resume=interrupted)


def _snapshot(entry: Entry | None, number: Number | None) -> dict[str, WireValue]:
    """Return the raw fields of the number to put back if the platform refuses; a run that died has
    noted them first.
    """
    if entry is not None and is_unfinished(entry) and entry.prior:
        return entry.prior
    if number is None:
        return {}
    wire = number.live.wire
    return {field: wire[field] for field in WIRE_FIELDS if wire.get(field)}


def _make_entry(declared: Desired, *, created: bool) -> Entry:
    return Entry(
        kind=REGISTRATION,
        account=declared.profile.account,
        sid="",
        key=declared.key,
        last_applied=dict(declared.profile.attrs),
        options=declared.profile.options,
        created=created,
        parent=declared.parent,
    )


def _live_values(declared: Desired, live: Live) -> dict[str, Value]:
    return {name: live.attrs[name] for name in declared.profile.attrs if name in live.attrs}


def _foreign_values(live: Live, writes: Mapping[str, Value]) -> tuple[Change, ...]:
    """Return the values of somebody else that an update would replace."""
    foreign: list[Change] = []
    for name in writes:
        before = live.attrs.get(name)
        if isinstance(before, str) and before and name != "agent":
            foreign.append(Change(name, before, None))
    return tuple(foreign)


def _route(number: Number | None, declared: Desired) -> RouteChange | None:
    """Return the change of the number's route: its calls go to the agent or the platform."""
    if number is None:
        return None

    platform = platform_name(declared.address)
    agent = declared.profile.attrs.get("agent")
    after = f"agent {agent} on {platform}" if agent else f"platform {platform}"
    return RouteChange(describe_route(number.live.attrs.get("voice")), after)


def _agent_conflict(declared: Desired, agent: str, kind: PlatformKind) -> Diagnostic:
    return at_declaration(
        declared,
        declared.address,
        "number_already_imported",
        "The number belongs to another agent on the platform",
        f"{declared.key} is imported in {kind.title} already, for the agent {agent}. Declare that agent for it, or "
        "remove the number there first.",
    )


def _make_action(
    declared: Desired,
    sid: str | None,
    name: ActionName,
    reason: Reason,
    *,
    entry: Entry,
    number: Number | None,
    changes: tuple[Change, ...] = (),
    takeover: tuple[Change, ...] = (),
    writes: dict[str, Value] | None = None,
    route: RouteChange | None = None,
    note: str | None = None,
) -> Action:
    file, line, column = declared.position

    # The number comes first: a platform imports what Twilio has.
    return Action(
        address=declared.address,
        action=name,
        reason=reason,
        kind=REGISTRATION,
        account=declared.profile.account,
        sid=sid,
        changes=changes,
        takeover=takeover,
        route=route,
        file=file,
        line=line,
        column=column,
        set=writes or {},
        entry=entry,
        parent=declared.parent,
        number_sid=number.live.sid if number is not None else None,
        depends_on=(number.address,) if number is not None else (),
        note=note,
    )
