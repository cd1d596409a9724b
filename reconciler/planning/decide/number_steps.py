"""List the writes that give a number its values, in an order that never leaves it without a route;
pure.

Twilio keeps trunk, application and URLs side by side and the first present one answers. So a number
leaves its trunk only after the webhooks behind it are right, and joins one last: at no moment is it
without a route.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.number import describe_hidden_voice, describe_route, make_webhook
from reconciler.kinds.number_fields import BY_NAME, EMERGENCY_ADDRESS, RECEIVE_MODE
from reconciler.model.action import ActionName, Change, RouteChange
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Membership, TrunkRoute, Value, Webhook
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.live_values import live_attrs
from reconciler.planning.decide.takeover import overwritten_values

_EMERGENCY_GAP = "the number has no emergency address until Twilio has unregistered the former one"
_OTHER_PARTS = ("friendly_name", MEMBERSHIP)
"""The parts that are no route of the number itself."""
_APPLICATION_FIELDS = ("voice_application_sid", "sms_application_sid")


class Step(msgspec.Struct, frozen=True):
    """One write: the attributes that it sets, the wire fields that it clears, and its effect.

    `effect` are the attributes that are in effect after it. `replaces` holds the values that
    `writes` and `effect` replace: for a webhook behind a trunk the hidden one.
    """

    name: ActionName
    writes: dict[str, Value]
    effect: dict[str, Value]
    replaces: dict[str, Value]
    clears: tuple[str, ...] = ()


class Write(msgspec.Struct, frozen=True):
    """A step as a reviewer reads it; numbers that are configured and declared alike share it.

    `depends_on` are the trunk and the applications that it attaches the number to.
    """

    step: Step
    changes: tuple[Change, ...]
    takeover: tuple[Change, ...]
    route: RouteChange | None
    note: str | None
    depends_on: tuple[str, ...]


def list_writes(
    kind: str,
    live: Live,
    wanted: dict[str, Value],
    fresh: Collection[str],
    our_urls: Collection[str],
) -> Iterator[Write]:
    """Yield the writes that give a number these values; `fresh` are the parts that were not ours."""
    voice = live.attrs["voice"]
    for step in _list_steps(live, wanted):
        after = step.effect.get("voice", voice)
        messages = _find_hidden_messages(live, step)
        route = _route_change(voice, after, (*_find_hidden_voice(live, step), *messages))

        # Without a change of the route there is no other place that shows the hidden webhook.
        note = None
        if messages and route is None:
            note = f"set, but without effect: {', '.join(messages)}"
        if step.writes.get(EMERGENCY_ADDRESS) and step.replaces.get(EMERGENCY_ADDRESS):
            note = _EMERGENCY_GAP

        takeover = _list_losses(step, fresh, our_urls)
        yield Write(step, _list_changes(kind, step), takeover, route, note, _list_needs(step))
        voice = after


def _list_losses(
    step: Step, fresh: Collection[str], our_urls: Collection[str]
) -> tuple[Change, ...]:
    """Return the foreign values that a step takes out of effect."""
    losses: list[Change] = []
    for part, value in {**step.writes, **step.effect}.items():
        if part in fresh:
            losses += overwritten_values(part, step.replaces[part], value, our_urls)
    return tuple(losses)


def _list_needs(step: Step) -> tuple[str, ...]:
    """Return what a step attaches a number to (trunk, applications, service): it comes first."""
    routes = dict.fromkeys(step.effect.values())
    trunks: list[str] = []
    applications: list[str] = []
    services: list[str] = []
    for route in routes:
        if isinstance(route, TrunkRoute):
            trunks.append(f"trunk/{route.trunk}")
        elif isinstance(route, ApplicationRoute):
            applications.append(f"application/{route.application}")
        elif isinstance(route, Membership):
            services.append(f"messaging_service/{route.service}")
    return (*trunks, *applications, *services)


def _route_change(before: Value, after: Value, hidden: tuple[str, ...]) -> RouteChange | None:
    words = describe_route(before), describe_route(after)
    return None if words[0] == words[1] else RouteChange(*words, hidden)


def _list_steps(live: Live, wanted: dict[str, Value]) -> Iterator[Step]:
    """Yield the writes in their safe order; each changes what it names and nothing else."""
    webhooks: dict[str, Value] = {}
    applications: dict[str, Value] = {}
    fields: dict[str, Value] = {}
    for part, value in wanted.items():
        if part in BY_NAME:
            fields[part] = value
        elif isinstance(value, ApplicationRoute):
            applications[part] = value
        elif part not in _OTHER_PARTS and (value is None or isinstance(value, Webhook)):
            webhooks[part] = value

    # The receive mode goes with the first route of calls that is written: Twilio would use the
    # route for faxes until then.
    mode: dict[str, Value] = {}
    if RECEIVE_MODE in fields and "voice" in wanted:
        mode[RECEIVE_MODE] = fields.pop(RECEIVE_MODE)

    # 1. Webhooks first: behind a trunk they have no effect yet, so the number keeps its route.
    have = live_attrs(live, wanted)
    leaves_trunk = "voice" in webhooks and isinstance(live.attrs["voice"], TrunkRoute)
    step = _overwrite_webhooks(live, webhooks, have, leaves_trunk=leaves_trunk)
    if step is not None:
        yield _add_mode(step, mode)

    # 2. Then the trunk goes, and the webhooks behind it answer.
    if leaves_trunk:
        step = Step("detach_trunk", {}, {"voice": webhooks["voice"]}, have, ("trunk_sid",))
        yield _add_mode(step, mode)

    # 3. An application or a trunk replaces in one call what answers.
    if applications:
        yield _add_mode(Step("set_application", applications, applications, have), mode)
    if isinstance(wanted.get("voice"), TrunkRoute):
        voice = {"voice": wanted["voice"]}
        yield _add_mode(Step("attach_trunk", voice, voice, have), mode)

    # 4. The name, and the messaging service: it hides the SMS route, which is right by then.
    if "friendly_name" in wanted:
        name = {"friendly_name": wanted["friendly_name"]}
        yield Step("rename", name, name, have)

    if MEMBERSHIP in wanted:
        service = {MEMBERSHIP: wanted[MEMBERSHIP]}
        yield Step("update", service, service, have)

    # 5. The other fields come last: a refusal of them leaves everything else as declared.
    fields |= mode
    if fields:
        yield Step("update", fields, fields, have)


def _add_mode(step: Step, mode: dict[str, Value]) -> Step:
    """Return a step that also sets the receive mode, if it is still to be set and calls change."""
    if not mode or "voice" not in {**step.writes, **step.effect}:
        return step
    writes, effect = {**mode, **step.writes}, {**mode, **step.effect}
    mode.clear()
    return msgspec.structs.replace(step, writes=writes, effect=effect)


def _overwrite_webhooks(
    live: Live, webhooks: dict[str, Value], have: dict[str, Value], *, leaves_trunk: bool
) -> Step | None:
    """Return the write of all webhooks that differ; None where none does."""
    replaces = {**have, "voice": _webhook_behind_trunk(live)} if leaves_trunk else have

    # An application would answer in place of a URL, and must be cleared with it.
    writes: dict[str, Value] = {}
    clears: list[str] = []
    for part, value in webhooks.items():
        field = f"{part}_application_sid"
        has_application = field in _APPLICATION_FIELDS and bool(live.wire.get(field))
        if has_application:
            clears.append(field)
        if has_application or replaces[part] != value:
            writes[part] = value
    if not writes:
        return None

    # Behind a trunk the voice webhook is written, and not in effect.
    effect = dict(writes)
    if leaves_trunk:
        effect.pop("voice", None)
    return Step("overwrite_webhooks", writes, effect, replaces, tuple(clears))


def _list_changes(kind: str, step: Step) -> tuple[Change, ...]:
    """Return the changes of a step; attaching or detaching a trunk or application leaves the URLs
    behind it.
    """
    found = diff_fields(kind, step.replaces, {**step.writes, **step.effect})
    if step.name not in ("attach_trunk", "detach_trunk", "set_application"):
        return found

    changes: list[Change] = []
    for change in found:
        is_route = change.field == "trunk" or change.field.endswith("_application")
        if is_route or change.field == RECEIVE_MODE:
            changes.append(change)
    return tuple(changes)


def _webhook_behind_trunk(live: Live) -> Webhook | None:
    fields = ("voice_url", "voice_method", "voice_fallback_url", "voice_fallback_method")
    return make_webhook(*(str(live.wire.get(field) or "") for field in fields))


def _find_hidden_voice(live: Live, step: Step) -> tuple[str, ...]:
    """Return the voice values without effect after this step: a trunk or an application hides
    them.
    """
    if step.name == "detach_trunk":
        return ()
    if step.name == "overwrite_webhooks" and "voice" in step.effect:
        return ()

    hidden: list[str] = []
    for words in describe_hidden_voice(live.wire):
        if not words.startswith("application"):
            hidden.append(words)

    # Where nothing is hidden yet, this step hides the webhook.
    url = live.wire.get("voice_url")
    if not hidden and url:
        hidden.append(f"webhook {url}")
    return tuple(hidden)


def _find_hidden_messages(live: Live, step: Step) -> tuple[str, ...]:
    """Return the SMS webhook without effect after this step: an application hides it."""
    if not isinstance(step.effect.get("sms"), ApplicationRoute):
        return ()
    url = live.wire.get("sms_url")
    return (f"SMS webhook {url}",) if url else ()
