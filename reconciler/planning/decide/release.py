"""Build the actions that release a number by restoring its prior values, or that only forget its
entry; pure.

A number is never deleted. What somebody else has changed since we last wrote it stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.number import (
    DEFAULT_METHOD,
    PARTS,
    canonical_routes,
    describe_hidden_voice,
    describe_route,
    url_field_for,
)
from reconciler.kinds.number_fields import BY_NAME, BY_WIRE, released_value
from reconciler.model.action import Action, ActionName, Change, RouteChange
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, TrunkRoute, Value, Webhook, Wire, WireValue
from reconciler.planning.decide.compare import (
    all_written_values,
    is_as_written,
    last_applied,
    prior_value,
)
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.live_values import live_value, raw_value
from reconciler.planning.decide.memberships import membership_after_us, without_membership

_VOICE_SWITCHES = ("trunk_sid", "voice_application_sid")
_NOTHING: Mapping[str, WireValue] = {}


def release(address: str, entry: Entry, live: Live, *, whole: bool = False) -> list[Action]:
    """Return the actions that release a bound number: `restore_webhooks` first when it then has to
    leave a trunk, or a messaging service.

    `whole`: values that are as before are written too, because a platform ends its registration
    first and may clear them.
    """
    before_us = membership_after_us(entry, live) if MEMBERSHIP in all_written_values(entry) else {}
    leaving: list[Action] = []
    if before_us:
        leaving.append(_leave_service(address, entry, live, before_us))
        entry = without_membership(entry)
    return [*leaving, *_release_routes(address, entry, live, whole=whole)]


def _leave_service(address: str, entry: Entry, live: Live, before_us: dict[str, Value]) -> Action:
    """Return the action that ends the membership in a service, or restores the one from before."""
    after = msgspec.structs.replace(entry, last_applied={**entry.last_applied, **before_us})
    return Action(
        address=address,
        action="restore_webhooks",
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=entry.sid,
        changes=diff_fields(entry.kind, live.attrs, before_us),
        set=before_us,
        entry=after,
    )


def _release_routes(address: str, entry: Entry, live: Live, *, whole: bool) -> list[Action]:
    applied = {name: last_applied(entry, live, name) for name in entry.last_applied}
    entry = msgspec.structs.replace(entry, last_applied=applied, pending=None)
    target = _target_fields(entry, live)
    always = {field for field, value in target.items() if value} if whole else set()
    send = _select_fields(target, live, always)

    # Twilio refuses messages on such a number (21407), and with them the rest of the call.
    if not live.can_text:
        for field in PARTS["sms"]:
            if send.get(field):
                del send[field]

    # On a trunk the webhooks are written first: the number is never without a route.
    voice = send.keys() & set(PARTS["voice"])
    leaves_trunk = send.get("trunk_sid") == "" and len(voice) > 1
    if not leaves_trunk:
        note = "; ".join([_note(entry, send), *_describe_foreign(entry, live)])
        behind = _fields_behind(target, send)
        return [_make_action(address, entry, live, "release", send, behind, note=note)]

    webhooks = dict(send)
    del webhooks["trunk_sid"]
    note = "; ".join([_note(entry, webhooks), *_describe_foreign(entry, live)])
    first = _make_action(address, entry, live, "restore_webhooks", webhooks, note=note)

    last: dict[str, WireValue] = {"trunk_sid": ""}
    behind, note = _fields_behind(target, last), _note(entry, last)
    return [first, _make_action(address, entry, live, "release", last, behind, webhooks, note=note)]


def _fields_behind(
    target: Mapping[str, WireValue], send: Mapping[str, WireValue]
) -> dict[str, WireValue]:
    """Return the webhook that answers once a trunk or application is off, also where it is behind
    it already.

    It is sent along: somebody may have cleared it since it was read.
    """
    switches = [send[switch] for switch in _VOICE_SWITCHES if switch in send]
    if not switches or any(switches):
        return {}

    behind: dict[str, WireValue] = {}
    for field in PARTS["voice"]:
        if field in _VOICE_SWITCHES or field in send:
            continue

        # A method without its URL has no effect.
        value = target.get(field)
        if value and target.get(url_field_for(field), value):
            behind[field] = value
    return behind


def forget(address: str, entry: Entry, note: str) -> Action:
    """Drop an entry from state; nothing is written to Twilio."""
    return Action(
        address=address,
        action="forget",
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=entry.sid or None,
        parent=entry.parent,
        note=note,
    )


def _target_fields(entry: Entry, live: Live) -> dict[str, WireValue]:
    """Return the raw fields after the release, for every part that is still as we left it."""
    if entry.options.on_removal == "keep":
        return {}

    target: dict[str, WireValue] = {}
    for part in all_written_values(entry):
        if part in PARTS and part != MEMBERSHIP and _is_releasable(entry, live, part):
            target.update(_fields_after_release(entry, part))
    return target


def _fields_after_release(entry: Entry, part: str) -> dict[str, WireValue]:
    """Return the raw fields of one part as a release leaves them."""
    own = BY_NAME.get(part)
    if own is not None:
        prior = entry.prior.get(own.wire) if entry.options.on_removal == "restore" else None
        value = released_value(own, prior)
        return {} if value is None else {own.wire: value}

    if entry.options.on_removal == "restore":
        return {field: prior_value(entry, field) for field in PARTS[part]}

    # Twilio refuses to clear a friendly name (20002) and a method (21403).
    return {field: "" for field in PARTS[part] if not _never_empty(field)}


def is_ours(entry: Entry, live: Live, part: str) -> bool:
    """Return whether a part still has the value that we left."""
    have = live_value(live, part)
    if entry.options.observe_only or part not in entry.last_applied:
        return is_as_written(entry, live, part)
    stored = entry.normalised.get(part)
    return have == last_applied(entry, live, part) or (stored is not None and have == stored[1])


def _is_releasable(entry: Entry, live: Live, part: str) -> bool:
    """Return whether a release restores this part: it is ours, or an earlier release restored half
    of it.
    """
    return is_ours(entry, live, part) or _is_half_restored(entry, live, part)


def _is_half_restored(entry: Entry, live: Live, part: str) -> bool:
    """Return whether a release was stopped after it had put back the trunk or application.

    A release attaches first and clears our URL with a second write. Between the two, the prior
    trunk or application hides our URL, and the part looks as if somebody else had changed it.
    """
    written = last_applied(entry, live, part)
    if written is not None and not isinstance(written, Webhook):
        return False
    url = "" if written is None else written.url
    if (live.wire.get(f"{part}_url") or "") != url:
        return False

    for field in PARTS[part]:
        prior = prior_value(entry, field)
        if field.endswith("_sid") and prior and live.wire.get(field) == prior:
            return True
    return False


def _select_fields(
    target: dict[str, WireValue], live: Live, always: Collection[str] = ()
) -> dict[str, WireValue]:
    """Return the fields to send: those that differ, and those in `always`."""
    send: dict[str, WireValue] = {}
    for field, value in target.items():
        differs = (value or "") != (raw_value(live, field) or "")
        if (differs or field in always) and (value or not _never_empty(field)):
            send[field] = "" if value is None else value

    for field in target:
        if _is_leftover_method(field, send, live):
            send[field] = DEFAULT_METHOD

    # A trunk and an application clear one another: only the one to set is sent.
    for switch, other in (_VOICE_SWITCHES, _VOICE_SWITCHES[::-1]):
        if send.get(switch):
            send.pop(other, None)
    return send


def _never_empty(field: str) -> bool:
    """Return whether Twilio refuses to clear a field: a method (21403), a friendly name (20002)."""
    return field.endswith("_method") or field == "friendly_name"


def _is_leftover_method(field: str, send: Mapping[str, WireValue], live: Live) -> bool:
    """Return whether clearing a URL would leave a method behind that came with it; state omits the
    default.
    """
    if not field.endswith("_method") or field in send:
        return False
    clears_url = send.get(url_field_for(field)) == ""
    return clears_url and (live.wire.get(field) or DEFAULT_METHOD) != DEFAULT_METHOD


def _make_action(
    address: str,
    entry: Entry,
    live: Live,
    name: ActionName,
    send: dict[str, WireValue],
    behind: Mapping[str, WireValue] = _NOTHING,
    sent: Mapping[str, WireValue] = _NOTHING,
    *,
    note: str,
) -> Action:
    before = live.attrs["voice"]
    wire = _wire_after(live, {**sent, **send})
    after = _voice_after(live, wire)

    route = None
    if after != before:
        hidden = tuple(describe_hidden_voice(wire))
        route = RouteChange(describe_route(before), describe_route(after), hidden)

    return Action(
        address=address,
        action=name,
        reason="removed",
        kind=entry.kind,
        account=entry.account,
        sid=entry.sid,
        changes=tuple(_change(live, field, value) for field, value in send.items()),
        route=route,
        restore={**behind, **send},
        entry=entry if name == "restore_webhooks" else None,
        note=note,
    )


def _change(live: Live, field: str, value: WireValue) -> Change:
    """Return the change of a field as users know it: the trunk by its name where it has one."""
    if field == "trunk_sid":
        voice = live.attrs["voice"]
        trunk = voice.trunk if isinstance(voice, TrunkRoute) else None
        return Change("trunk", trunk, value or None)
    if field in BY_WIRE:
        name = BY_WIRE[field].name
        before = raw_value(live, field)
        return Change(name, None if before == "" else before, None if value == "" else value)
    return Change(field, raw_value(live, field), value or None)


def _wire_after(live: Live, send: Mapping[str, WireValue]) -> Wire:
    """Return the raw fields once these are sent: on Twilio trunk and application delete one another."""
    wire = {**live.wire, **send}
    for switch, other in (_VOICE_SWITCHES, _VOICE_SWITCHES[::-1]):
        if send.get(switch):
            wire[other] = ""
    return wire


def _voice_after(live: Live, wire: Wire) -> Value:
    """Return the route of these raw fields."""
    before = live.attrs["voice"]
    if all(wire.get(field) == live.wire.get(field) for field in PARTS["voice"]):
        return before

    # A trunk or an application that stays keeps the name that it has here.
    names: dict[str, str] = {}
    if isinstance(before, TrunkRoute):
        names[str(live.wire.get("trunk_sid"))] = before.trunk
    if isinstance(before, ApplicationRoute):
        names[str(live.wire.get("voice_application_sid"))] = before.application
    return canonical_routes(wire, names)["voice"]


def _note(entry: Entry, send: dict[str, WireValue]) -> str:
    if entry.options.on_removal == "keep":
        return "its webhooks stay as they are (on_removal: keep)"
    if not send:
        return "nothing to put back"
    if entry.options.on_removal == "clear":
        return "cleared (on_removal: clear)"
    return "values from before the import" + (f", read {entry.prior_at}" if entry.prior_at else "")


def _describe_foreign(entry: Entry, live: Live) -> list[str]:
    """Describe the parts that are not restored, because somebody else has changed them since."""
    if entry.options.on_removal == "keep":
        return []

    foreign: list[str] = []
    for part in all_written_values(entry):
        if part not in PARTS or _is_releasable(entry, live, part):
            continue
        if _select_fields(_fields_after_release(entry, part), live):
            value = _format_value(live_value(live, part))
            foreign.append(f"{part.replace('_', ' ')} ({value})")

    if not foreign:
        return []
    return [f"not changed, because somebody else has set it since: {', '.join(foreign)}"]


def _format_value(value: Value) -> str:
    return str(value) if isinstance(value, str | bool) else describe_route(value)
