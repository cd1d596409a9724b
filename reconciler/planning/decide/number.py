"""Decide about one phone number: buy or import it, and write what differs in a safe order; pure.

Twilio keeps trunk, application and URLs side by side and the first present one answers. So a number
leaves its trunk only after the webhooks behind it are right, and joins one last: at no moment is it
without a route.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec

from reconciler.kinds.number import describe_hidden_voice, describe_route, make_webhook
from reconciler.kinds.purchase import purchase_changes
from reconciler.model.action import Action, ActionName, Change, Reason, RouteChange
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value, Webhook, WireValue
from reconciler.planning.decide.compare import all_written_values, compare, live_attrs, prior_values
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.takeover import DEMO_HOST, overwritten_values

_DEMO = f"https://{DEMO_HOST}/welcome"
_DELIVERED: Attrs = {
    "voice": Webhook(f"{_DEMO}/voice/"),
    "sms": Webhook(f"{_DEMO}/sms/reply/"),
    "status": None,
}
"""How Twilio delivers a number: its demo answers. Whatever is really there, it is written over."""

WATCHED: Attrs = {"voice": None, "sms": None, "status": None}


class Step(msgspec.Struct, frozen=True):
    """One write on the way: what it sets and clears on the wire, and which attributes are in effect
    after it.

    `replaces` is what stood in the place of `writes` and `effect`: for a webhook behind a trunk the
    hidden one.
    """

    name: ActionName
    writes: dict[str, Value]
    effect: dict[str, Value]
    replaces: dict[str, Value]
    clears: tuple[str, ...] = ()


class Write(msgspec.Struct, frozen=True):
    """A step as a reviewer reads it; the same for all numbers that are configured and declared
    alike.
    """

    step: Step
    changes: tuple[Change, ...]
    takeover: tuple[Change, ...]
    route: RouteChange | None
    note: str | None
    after: tuple[str, ...]


class Adoption(msgspec.Struct, frozen=True):
    """The part of an import that numbers share which are declared and configured alike.

    `have` are the live values, `prior` the raw fields that a release restores, `writes` the writes
    after the import.
    """

    have: dict[str, Value]
    prior: dict[str, WireValue]
    writes: tuple[Write, ...]


Adoptions = IdentityMap[Adoption]
"""Adoptions by kind, profile, and attributes and raw fields of the live number."""


def adopt(
    desired: Desired,
    live: Live,
    ours: Collection[str],
    former: Entry | None = None,
    adoptions: Adoptions | None = None,
) -> list[Action]:
    """Import a number that is not bound yet, then write what differs.

    `former` is the entry of the address that had it before (a number that became a bridge number
    keeps the values it had before either). `adoptions` are those worked out so far.
    """
    profile = desired.profile

    # Only what is the same for all numbers alike is shared: not a name, nor the values of a former
    # entry.
    shared = adoptions is not None and former is None and "friendly_name" not in profile.attrs
    known = adoptions if adoptions is not None and shared else IdentityMap[Adoption]()
    adoption = known.get(desired.kind, profile, live.attrs, live.wire)
    if adoption is None:
        adoption = _adoption(desired, live, ours, former)
        known.put(adoption, desired.kind, profile, live.attrs, live.wire)

    mine = all_written_values(former) if former else {}
    managed = () if profile.options.observe_only else profile.attrs
    entry = Entry(
        kind=desired.kind,
        account=profile.account,
        sid=live.sid,
        key=live.key,
        last_applied=adoption.have,
        options=profile.options,
        prior=adoption.prior,
        prior_at=former.prior_at if former else None,
        previously_managed={name: value for name, value in mine.items() if name not in managed},
    )
    first = _action(desired, live, "import", "new", entry=entry)
    return [first, *_actions(desired, live, adoption.writes, "new", entry)]


def _adoption(
    desired: Desired, live: Live, ours: Collection[str], former: Entry | None
) -> Adoption:
    attrs = WATCHED if desired.profile.options.observe_only else desired.profile.attrs
    have = live_attrs(live, attrs)
    mine = all_written_values(former) if former else {}
    prior = prior_values(desired.kind, live, [name for name in attrs if name not in mine])
    wanted = {name: value for name, value in desired.profile.attrs.items() if have[name] != value}
    fresh = frozenset(name for name in wanted if name not in mine or mine[name] != have[name])
    writes = tuple(_writes(desired.kind, live, wanted, fresh, ours))
    return Adoption(have, {**prior, **(former.prior if former else {})}, writes)


def buy(desired: Desired, ours: Collection[str]) -> list[Action]:
    """Buy a number that nobody has yet, then write what is declared over what Twilio delivers it
    with.
    """
    key = desired.key
    live = Live("", key, desired.profile.account, {}, _DELIVERED)
    attrs = desired.profile.attrs
    entry = Entry(
        kind=desired.kind,
        account=desired.profile.account,
        sid="",
        key=key,
        last_applied={
            name: value
            for name, value in attrs.items()
            if name in _DELIVERED and _DELIVERED[name] == value
        },
        options=desired.profile.options,
        created=True,
    )

    first = _action(
        desired,
        live,
        "purchase",
        "new",
        entry=entry,
        changes=purchase_changes(key, desired.profile.purchase),
    )
    writes = _writes(desired.kind, live, dict(desired.profile.attrs), frozenset(), ours)
    return [first, *_actions(desired, live, writes, "new", entry)]


def align(
    desired: Desired, entry: Entry, live: Live, ours: Collection[str]
) -> tuple[list[Action], Entry | None]:
    """Return the writes that a bound number needs, and the entry that state has to learn before
    them.
    """
    if desired.profile.options.observe_only:
        desired = msgspec.structs.replace(
            desired,
            profile=msgspec.structs.replace(desired.profile, attrs=live_attrs(live, WATCHED)),
        )

    found = compare(desired, entry, live)
    if not found.wanted:
        return [], None if found.base == entry else found.base

    writes = _writes(desired.kind, live, found.wanted, found.fresh, ours)
    actions = _actions(desired, live, writes, found.reason, found.base)
    learned = found.base if found.resolved else None
    return [msgspec.structs.replace(action, resume=found.resumes) for action in actions], learned


def _writes(
    kind: str, live: Live, wanted: dict[str, Value], fresh: Collection[str], ours: Collection[str]
) -> Iterator[Write]:
    voice = live.attrs["voice"]
    for step in _steps(live, wanted):
        after = step.effect.get("voice", voice)
        messages = _find_hidden_messages(live, step)
        route = _route(voice, after, (*_find_hidden(live, step), *messages))
        takeover = tuple(
            change
            for part, value in {**step.writes, **step.effect}.items()
            if part in fresh
            for change in overwritten_values(part, step.replaces[part], value, ours)
        )
        note = (
            f"set, but without effect: {', '.join(messages)}"
            if messages and route is None
            else None
        )
        yield Write(step, _changes(kind, step), takeover, route, note, _list_needs(step))
        voice = after


def _actions(
    desired: Desired, live: Live, writes: Iterable[Write], reason: Reason, entry: Entry
) -> Iterator[Action]:
    """The writes for this very number, each with the entry as it is after it."""
    for write in writes:
        entry = msgspec.structs.replace(
            entry, last_applied={**entry.last_applied, **write.step.effect}
        )
        yield _action(desired, live, write.step.name, reason, entry=entry, write=write)


def _list_needs(step: Step) -> tuple[str, ...]:
    """The trunk and the applications that a step puts a number on: they must be there first."""
    routes = dict.fromkeys(step.effect.values())
    trunks = (f"trunk/{route.trunk}" for route in routes if isinstance(route, TrunkRoute))
    applications = (
        f"application/{route.application}"
        for route in routes
        if isinstance(route, ApplicationRoute)
    )
    return (*trunks, *applications)


def _route(before: Value, after: Value, hidden: tuple[str, ...]) -> RouteChange | None:
    words = describe_route(before), describe_route(after)
    return None if words[0] == words[1] else RouteChange(*words, hidden)


def _steps(live: Live, wanted: dict[str, Value]) -> Iterator[Step]:
    """The writes in their safe order; each changes what it names and nothing that it does not."""
    hooks = {part: v for part, v in wanted.items() if part != "friendly_name" and _is_hook(v)}
    have = live_attrs(live, wanted)
    leaves_trunk = "voice" in hooks and isinstance(live.attrs["voice"], TrunkRoute)
    hidden = {**have, "voice": _behind_trunk(live)} if leaves_trunk else have
    answering = _set_sids(live)
    sent = {
        part: v
        for part, v in hooks.items()
        if hidden[part] != v or f"{part}_application_sid" in answering
    }

    # 1. Webhooks first: behind a trunk they have no effect yet, so the number keeps its route.
    if sent:
        visible = {part: v for part, v in sent.items() if not (part == "voice" and leaves_trunk)}
        clears = tuple(
            f"{part}_application_sid" for part in sent if f"{part}_application_sid" in answering
        )
        yield Step("overwrite_webhooks", sent, visible, hidden, clears)

    # 2. Then the trunk goes, and the webhooks behind it answer.
    if leaves_trunk:
        yield Step("detach_trunk", {}, {"voice": hooks["voice"]}, have, ("trunk_sid",))

    # 3. Applications and trunks replace what answers in one call.
    applications: dict[str, Value] = {
        part: v for part, v in wanted.items() if isinstance(v, ApplicationRoute)
    }
    if applications:
        yield Step("set_application", applications, applications, have)
    if isinstance(wanted.get("voice"), TrunkRoute):
        yield Step("attach_trunk", {"voice": wanted["voice"]}, {"voice": wanted["voice"]}, have)

    if "friendly_name" in wanted:
        name = {"friendly_name": wanted["friendly_name"]}
        yield Step("rename", name, name, have)


def _changes(kind: str, step: Step) -> tuple[Change, ...]:
    """Return the changes of a step; attaching or detaching a trunk or application leaves the URLs
    behind it.
    """
    found = diff_fields(kind, step.replaces, {**step.writes, **step.effect})
    if step.name in ("attach_trunk", "detach_trunk", "set_application"):
        return tuple(
            change
            for change in found
            if change.field == "trunk" or change.field.endswith("_application")
        )
    return found


def _is_hook(value: Value) -> bool:
    return value is None or isinstance(value, Webhook)


def _behind_trunk(live: Live) -> Webhook | None:
    fields = ("voice_url", "voice_method", "voice_fallback_url", "voice_fallback_method")
    return make_webhook(*(str(live.wire.get(field) or "") for field in fields))


def _set_sids(live: Live) -> frozenset[str]:
    """The application fields that are set: they would answer in place of a URL and must be cleared
    with it.
    """
    return frozenset(
        field for field in ("voice_application_sid", "sms_application_sid") if live.wire.get(field)
    )


def _find_hidden(live: Live, step: Step) -> tuple[str, ...]:
    """Return what stays set without effect after this step: a trunk or an application hides the
    URL.
    """
    if step.name == "detach_trunk" or (
        step.name == "overwrite_webhooks" and "voice" in step.effect
    ):
        return ()
    hidden = [
        words for words in describe_hidden_voice(live.wire) if not words.startswith("application")
    ]
    url = live.wire.get("voice_url")
    return tuple(hidden or ([f"webhook {url}"] if url else []))


def _find_hidden_messages(live: Live, step: Step) -> tuple[str, ...]:
    """Return the SMS webhook that stays set without effect: an application hides it."""
    url = live.wire.get("sms_url") if isinstance(step.effect.get("sms"), ApplicationRoute) else None
    return (f"SMS webhook {url}",) if url else ()


def _action(
    desired: Desired,
    live: Live,
    name: ActionName,
    reason: Reason,
    *,
    entry: Entry,
    write: Write | None = None,
    changes: tuple[Change, ...] = (),
) -> Action:
    file, line, column = desired.position
    return Action(
        address=f"{desired.kind}/{live.key}",
        action=name,
        reason=reason,
        kind=desired.kind,
        account=desired.profile.account,
        sid=live.sid,
        changes=write.changes if write else changes,
        takeover=write.takeover if write else (),
        route=write.route if write else None,
        file=file,
        line=line,
        column=column,
        set=write.step.writes if write else {},
        unset=write.step.clears if write else (),
        entry=entry,
        depends_on=write.after if write else (),
        note=write.note if write else None,
    )
