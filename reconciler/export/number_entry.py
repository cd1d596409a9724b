"""One number as it is in, how a configuration says that out: whom it names, what it overrides, what it leaves alone.

| live voice  | live sms            | said as                                                      |
|-------------|---------------------|--------------------------------------------------------------|
| URL or none | URL or none         | an agent with these webhooks; nothing at all: only watched    |
| trunk       | URL or none         | the trunk, and an agent for the rest                         |
| application | the same, or a URL  | an agent with the application; the URL on the number         |
| application | none, nor does it   | an agent with the application                                |
| application | none, or another    | the agent; sms is left alone, for nothing here could say it  |
| not its own | application         | an agent with the application; the URL or trunk on the number |
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
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Value, Webhook, Wire

PARTS = ("voice", "sms", "status")


class AgentKey(NamedTuple):
    """What an agent puts on its numbers; equal keys are one agent."""

    application: str = ""
    voice: Webhook | None = None
    sms: Webhook | None = None
    status: Webhook | None = None

    @property
    def hooks(self) -> dict[str, Webhook]:
        """Its webhooks by part."""
        found = {"voice": self.voice, "sms": self.sms, "status": self.status}
        return {part: hook for part, hook in found.items() if hook is not None}


NO_AGENT = AgentKey()


class NumberEntry(NamedTuple):
    """How a number is declared. `instead` is an agent to name if it exists anyway: its voice is behind the trunk."""

    agent: AgentKey = NO_AGENT
    trunk: str = ""
    webhooks: Mapping[str, Webhook] = MappingProxyType({})
    left_alone: Mapping[str, str] = MappingProxyType({})
    instead: AgentKey = NO_AGENT

    @property
    def watched(self) -> bool:
        """Whether nothing is declared of the number but itself."""
        return self.agent == NO_AGENT and not self.trunk


def number_entry(
    attrs: Attrs,
    wire: Wire,
    called: Mapping[str, ApplicationNames] = MappingProxyType({}),
    can_text: bool = True,
) -> NumberEntry:
    """How to declare a number that is configured so; `called` names applications by SID."""
    left = {part: reason for part in PARTS if (reason := _unsayable(part, attrs[part], called))}
    parts = {part: None if part in left else _by_name(attrs[part], called) for part in PARTS}
    trunk = parts["voice"].trunk if isinstance(parts["voice"], TrunkRoute) else ""
    application = next(
        (v.application for v in parts.values() if isinstance(v, ApplicationRoute)), ""
    )
    if application:
        texts = next((one.texts for one in called.values() if one.name == application), True)
        return _by_application(
            ApplicationNames(application, texts and can_text), trunk, parts, left
        )
    voice, sms, status = (v if isinstance(v, Webhook) else None for v in parts.values())
    agent = AgentKey(voice=voice, sms=sms, status=status)
    hidden = (
        make_webhook(*(str(wire.get(f"voice_{rest}") or "") for rest in _HOOK)) if trunk else None
    )
    instead = agent._replace(voice=hidden) if hidden else NO_AGENT
    return NumberEntry(agent, trunk, left_alone=left, instead=instead)


_HOOK = ("url", "method", "fallback_url", "fallback_method")


def _by_name(value: Value, called: Mapping[str, ApplicationNames]) -> Value:
    """The part, with its application by its name."""
    if isinstance(value, ApplicationRoute) and value.application in called:
        return ApplicationRoute(called[value.application].name)
    return value


def _by_application(
    agents: ApplicationNames, trunk: str, parts: dict[str, Value], left: dict[str, str]
) -> NumberEntry:
    """The agent brings the application for voice and, if that texts, SMS; what is otherwise stands on the number, or
    is left alone. Messages that no application gets on the number, for it has none or cannot take any, are as said."""
    application = agents.name
    own: dict[str, Webhook] = {}
    for part, value in parts.items():
        if part in left or isinstance(value, TrunkRoute):
            continue
        if isinstance(value, Webhook):
            own[part] = value
        elif (
            part != "status"
            and value != ApplicationRoute(application)
            and not _none_brought(part, value, agents)
        ):
            other = (
                f"application {value.application}"
                if isinstance(value, ApplicationRoute)
                else "empty"
            )
            left[part] = f"{other}, while the agent's application would take it"
    return NumberEntry(AgentKey(application), trunk, own, left)


def _none_brought(part: str, value: Value, agents: ApplicationNames) -> bool:
    return part == "sms" and value is None and not agents.texts


def _unsayable(part: str, value: Value, called: Mapping[str, ApplicationNames]) -> str:
    """Why a part cannot be declared; "" when it can."""
    match value:
        case Webhook() if not can_declare_webhook(value, status=part == "status"):
            return f"{url_without_secrets(value.url or value.fallback_url)} cannot be declared"
        case TrunkRoute(trunk=sid) if not _is_normal(sid, "TK"):
            return "its trunk cannot be declared"
        case ApplicationRoute(application=sid) if not _is_normal(sid, "AP"):
            return "its application cannot be declared"
        case ApplicationRoute(application=sid) if (
            part == "sms" and sid in called and not called[sid].texts
        ):
            return f"application {called[sid].name} has no SMS URL, so that no agent brings it"
        case _:
            return ""


def _is_normal(sid: str, prefix: str) -> bool:
    return is_sid(sid, prefix) and normal_sid(sid) == sid


class NumberEntries:
    """Numbers that are configured alike are declared alike: each way is worked out once."""

    def __init__(self, called: Mapping[str, ApplicationNames]) -> None:
        self._called = called
        self._known: dict[tuple[int, int, bool], tuple[Live, NumberEntry]] = {}

    def of(self, live: Live) -> NumberEntry:
        """How to declare this number."""
        key = (id(live.attrs), id(live.wire), live.can_text)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (
                live,
                number_entry(live.attrs, live.wire, self._called, live.can_text),
            )
        return found[1]
