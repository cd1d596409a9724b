"""Convert a live number to its declaration: the agent that it names, the parts that it overrides,
the parts that it leaves alone. Equal numbers share one.

| live voice   | live sms                  | declared as                                                   |
|--------------|---------------------------|---------------------------------------------------------------|
| URL or none  | URL or none               | an agent with these webhooks; without any: only watched       |
| trunk        | URL or none               | the trunk, and an agent for the rest                          |
| application  | the same, or a URL        | an agent with the application; the URL on the number          |
| application  | none, and it has no SMS   | an agent with the application                                 |
| application  | none, or another          | the agent; sms is left alone, because YAML cannot express it  |
| URL or trunk | application               | an agent with the application; the URL or trunk on the number |
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from reconciler.config.desired.roundtrip import can_declare_webhook
from reconciler.config.formats import is_sid, normal_sid
from reconciler.export.applications import ApplicationNames
from reconciler.export.remarks import url_without_secrets
from reconciler.kinds.number import make_webhook
from reconciler.model.identity_map import IdentityMap
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value, Webhook, Wire

PARTS = ("voice", "sms", "status")


class AgentKey(NamedTuple):
    """The routes that an agent gives to its numbers; equal keys are one agent."""

    application: str = ""
    voice: Webhook | None = None
    sms: Webhook | None = None
    status: Webhook | None = None

    @property
    def hooks(self) -> dict[str, Webhook]:
        """Its webhooks by part."""
        by_part = {"voice": self.voice, "sms": self.sms, "status": self.status}
        return {part: hook for part, hook in by_part.items() if hook is not None}


NO_AGENT = AgentKey()


class NumberEntry(NamedTuple):
    """The declaration of a number.

    `left_alone` are parts that are not managed, with the reason. `alternative` is an agent that
    also fits, because the trunk hides its voice webhook; it is preferred when other numbers use it.
    `any_sms`: the number cannot receive messages, so an agent fits with any `sms`.
    """

    agent: AgentKey = NO_AGENT
    trunk: str = ""
    webhooks: Mapping[str, Webhook] = MappingProxyType({})
    left_alone: Mapping[str, str] = MappingProxyType({})
    alternative: AgentKey = NO_AGENT
    any_sms: bool = False

    @property
    def is_observe_only(self) -> bool:
        """True when the number is declared without an agent and a trunk."""
        return self.agent == NO_AGENT and not self.trunk


def number_entry(
    attrs: Attrs,
    wire: Wire,
    names: Mapping[str, ApplicationNames] = MappingProxyType({}),
    *,
    can_text: bool = True,
    voice_obstacle: str = "",
) -> NumberEntry:
    """Return the declaration of a number with this configuration; `names` are those of applications
    by SID. `voice_obstacle` is the reason why a declared voice has no effect on the number.
    """
    left_alone: dict[str, str] = {}
    parts: dict[str, Value] = {}
    for part in PARTS:
        reason = _find_obstacle(part, attrs[part], names)
        if part == "voice" and attrs[part] is not None:
            reason = reason or voice_obstacle
        if reason:
            left_alone[part] = reason
        parts[part] = None if reason else _use_name(attrs[part], names)
    voice = parts["voice"]
    trunk = voice.trunk if isinstance(voice, TrunkRoute) else ""

    for value in parts.values():
        if isinstance(value, ApplicationRoute):
            application = value.application
            texts = can_text and _handles_sms(application, names)
            return _entry_with_application(
                ApplicationNames(application, texts), trunk, parts, left_alone
            )

    hooks = {part: value for part, value in parts.items() if isinstance(value, Webhook)}
    agent = AgentKey(voice=hooks.get("voice"), sms=hooks.get("sms"), status=hooks.get("status"))
    hidden = _hidden_webhook(wire) if trunk else None
    alternative = agent._replace(voice=hidden) if hidden else NO_AGENT
    any_sms = not can_text and "sms" not in hooks and "sms" not in left_alone
    return NumberEntry(
        agent, trunk, left_alone=left_alone, alternative=alternative, any_sms=any_sms
    )


def _handles_sms(name: str, names: Mapping[str, ApplicationNames]) -> bool:
    for application in names.values():
        if application.name == name:
            return application.texts
    return True


def _hidden_webhook(wire: Wire) -> Webhook | None:
    """Return the voice webhook that is set on a number and hidden by its trunk."""
    fields = ("url", "method", "fallback_url", "fallback_method")
    return make_webhook(*(str(wire.get(f"voice_{field}") or "") for field in fields))


def _use_name(value: Value, names: Mapping[str, ApplicationNames]) -> Value:
    """Replace the SID of an application with its name."""
    if isinstance(value, ApplicationRoute) and value.application in names:
        return ApplicationRoute(names[value.application].name)
    return value


def _entry_with_application(
    application: ApplicationNames, trunk: str, parts: dict[str, Value], left_alone: dict[str, str]
) -> NumberEntry:
    """Return the declaration of a number whose agent has an application.

    The agent sets the application for voice and, if the application handles messages, for SMS.
    Parts with a webhook are declared on the number; parts that differ otherwise are left alone. An
    empty SMS part needs no declaration when the application handles no messages.
    """
    route = ApplicationRoute(application.name)
    own: dict[str, Webhook] = {}
    for part, value in parts.items():
        if part in left_alone or isinstance(value, TrunkRoute):
            continue
        if isinstance(value, Webhook):
            own[part] = value
            continue

        is_empty_as_set = part == "sms" and value is None and not application.texts
        if part == "status" or value == route or is_empty_as_set:
            continue
        other = "empty"
        if isinstance(value, ApplicationRoute):
            other = f"application {value.application}"
        left_alone[part] = f"{other}, while the agent's application would take it"

    return NumberEntry(AgentKey(application.name), trunk, own, left_alone)


def _find_obstacle(part: str, value: Value, names: Mapping[str, ApplicationNames]) -> str:
    """Return the reason why a part cannot be declared; "" when it can."""
    match value:
        case Webhook() if not can_declare_webhook(value, status=part == "status"):
            return f"{url_without_secrets(value.url or value.fallback_url)} cannot be declared"
        case TrunkRoute(trunk=sid) if not _is_normal(sid, "TK"):
            return "its trunk cannot be declared"
        case ApplicationRoute(application=sid) if not _is_normal(sid, "AP"):
            return "its application cannot be declared"
        case ApplicationRoute(application=sid) if (
            part == "sms" and sid in names and not names[sid].texts
        ):
            return f"application {names[sid].name} has no SMS URL, so that no agent sets it"
        case _:
            return ""


def _is_normal(sid: str, prefix: str) -> bool:
    return is_sid(sid, prefix) and normal_sid(sid) == sid


class NumberEntries:
    """The declarations of numbers: numbers with equal configuration share one."""

    def __init__(self, names: Mapping[str, ApplicationNames]) -> None:
        self._names = names
        self._entries: IdentityMap[NumberEntry] = IdentityMap()

    def of(self, live: Live) -> NumberEntry:
        """Return the declaration of this number."""
        obstacle = _voice_obstacle(live)
        found = self._entries.get(live.attrs, live.wire, live.can_text, obstacle)
        if found is None:
            found = number_entry(
                live.attrs,
                live.wire,
                self._names,
                can_text=live.can_text,
                voice_obstacle=obstacle,
            )
            self._entries.put(found, live.attrs, live.wire, live.can_text, obstacle)
        return found


_CANNOT_CALL = "the number cannot receive calls"
_RECEIVES_FAX = "the number receives faxes"


def _voice_obstacle(live: Live) -> str:
    """Return why a declared voice has no effect on this number; "" when it has one."""
    if not live.can_call:
        return _CANNOT_CALL
    return _RECEIVES_FAX if live.receives_fax else ""
