"""Compile validated webhooks, agents and platforms to canonical values, and a number to its managed
attributes; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from reconciler.config.formats import is_sid, normal_sid
from reconciler.config.project import Agent, PlatformSettings, Secret
from reconciler.config.secrets.references import secret_of
from reconciler.config.sections.agent import (
    IN_PLACE_OF_ID,
    Application,
    Hook,
    StatusHook,
    Webhooks,
)
from reconciler.config.sections.agent import Agent as DeclaredAgent
from reconciler.config.sections.declared import Checked
from reconciler.config.sections.number import Number
from reconciler.config.source.nodes import Place
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.number import make_webhook
from reconciler.kinds.number_fields import BY_NAME, NONE
from reconciler.kinds.platforms.recipes import Route
from reconciler.kinds.platforms.table import PLATFORM_KINDS
from reconciler.model.route import ApplicationRoute, Attrs, Membership, TrunkRoute, Value, Webhook

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform

PARTS = ("voice", "sms", "status")
_CLEARED: Attrs = dict.fromkeys(PARTS)


def canonical_webhook(hook: Hook | StatusHook | None) -> Webhook | None:
    """Return a declared webhook in the form that is compared."""
    if hook is None:
        return None
    if isinstance(hook, StatusHook):
        return make_webhook(hook.url, hook.method)
    return make_webhook(hook.url, hook.method, hook.fallback_url or "", hook.fallback_method)


def webhook_parts_of(webhooks: Webhooks | Application) -> dict[str, Value]:
    """Return the parts that a set of webhooks sets or clears."""
    return {part: canonical_webhook(getattr(webhooks, part)) for part in PARTS}


def agent_parts(agent: DeclaredAgent, applications: Mapping[str, Checked[Application]]) -> Attrs:
    """Return the parts that an agent sets on its numbers; none for an agent on a platform.

    | agent has     | voice       | sms                                             | status  |
    |---------------|-------------|-------------------------------------------------|---------|
    | `webhooks`    | its voice   | its sms                                         | its own |
    | `application` | application | application when it has an SMS URL or is a SID  | cleared |
    """
    if agent.webhooks is not None:
        return webhook_parts_of(agent.webhooks)
    if agent.application is None:
        return {}

    route = ApplicationRoute(application_ref(agent.application))
    declared = applications[agent.application].value if agent.application in applications else None
    # An application with a SID is not declared here; it may well have an SMS URL.
    texts = is_sid(agent.application, "AP") or (declared is not None and declared.sms is not None)
    return {"voice": route, "sms": route if texts else None, "status": None}


def application_ref(written: str) -> str:
    """Return an application's name, or its SID in normal form."""
    return normal_sid(written) if is_sid(written, "AP") else written


def number_parts(
    number: Number, agent: Attrs | None, manage: Collection[str], *, platform_writes: bool = False
) -> dict[str, Value]:
    """Return the managed attributes of a number.

    They are empty when the number declares none, or when its agent's platform writes them.
    """
    attrs: dict[str, Value] = {}
    if not platform_writes and (number.agent or number.trunk or number.webhooks):
        parts = dict(agent or _CLEARED)
        for part in number.webhooks.model_fields_set if number.webhooks else ():
            parts[part] = canonical_webhook(getattr(number.webhooks, part))
        if number.trunk:
            parts["voice"] = TrunkRoute(trunk_ref(number.trunk))
        if not number.supports_inbound:
            parts["voice"] = None
        attrs = {part: parts[part] for part in PARTS if part in manage}

    # These are ours also where a platform writes the webhooks.
    if number.messaging_service is not None:
        attrs[MEMBERSHIP] = Membership(service_ref(number.messaging_service))
    if number.friendly_name is not None:
        attrs["friendly_name"] = number.friendly_name
    for name in BY_NAME:
        value = getattr(number, name)
        if value is not None:
            attrs[name] = declared_field(value)
    return attrs


def declared_field(written: str | bool) -> Value:
    """Return a declared field of a number in canonical form."""
    return None if written == NONE else written


def trunk_ref(written: str) -> str:
    """Return a trunk's name, or its SID in normal form."""
    return normal_sid(written) if is_sid(written, "TK") else written


def _describe_in_place_of_id(agent: DeclaredAgent) -> str | None:
    """Return in words what replaces the id of an agent; None where it has an id."""
    if agent.id is not None:
        return None
    for field in sorted(IN_PLACE_OF_ID):
        value = getattr(agent, field, None)
        if isinstance(value, str):
            return f"{field} {value}"
        if isinstance(value, list):
            return f"{field} of {len(value)}"
    return None


def service_ref(written: str) -> str:
    """Return a messaging service's name, or its SID in normal form."""
    return normal_sid(written) if is_sid(written, "MG") else written


def compile_agent(
    name: str, agent: DeclaredAgent, parts: Attrs, place: Place, route: Route | None = None
) -> Agent:
    """Return a declared agent as a value; `route` is that of an agent on a recipe."""
    recording = agent.webhooks.recording_status if agent.webhooks else None
    application = application_ref(agent.application) if agent.application else None

    return Agent(
        name=name,
        kind="webhooks" if agent.webhooks else "application" if agent.application else "platform",
        parts=parts,
        position=place.at("key"),
        platform=route.platform if route is not None else agent.platform,
        id=route.id if route is not None else agent.id,
        recipe_url=route.url if route is not None else None,
        in_place_of_id=_describe_in_place_of_id(agent),
        application=application,
        owner=agent.owner,
        outbound_number=agent.outbound_number,
        recording_status=canonical_webhook(recording),
        labels=agent.labels,
    )


def compile_platform(name: str, platform: AnyPlatform, place: Place) -> PlatformSettings:
    """Return a declared platform as a value."""
    secrets: dict[str, Secret] = {}
    texts: dict[str, str] = {}
    for field in PLATFORM_KINDS[platform.type].settings:
        if field.form == "secret":
            secret = secret_of(platform, field.name, place)
            if secret is not None:
                secrets[field.name] = secret
        elif field.form in ("text", "choice"):
            texts[field.name] = getattr(platform, field.name)

    return PlatformSettings(
        name=name,
        type=platform.type,
        base_url=platform.base_url,
        secrets=secrets,
        connections=getattr(platform, "connections", {}),
        texts=texts,
        position=place.at("key"),
    )
