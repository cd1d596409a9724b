"""One way of declaring a number in, what all numbers declared so have in common out: profile and findings.

Equal profiles are one object, whatever the ways that lead to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reconciler.config.advice.findings import Finding, suggest_options
from reconciler.config.desired import registrations
from reconciler.config.desired.parts import PARTS, canonical_webhook, number_parts, trunk_ref
from reconciler.config.desired.registrations import RegistrationShape
from reconciler.config.desired.shape_context import ShapeContext
from reconciler.config.desired.webhook_urls import hooks_of, lint_hook, lint_webhooks, urls_of
from reconciler.config.formats import is_sid
from reconciler.config.sections.number import (
    BridgeNumber,
    Handling,
    Number,
    TwilioNumber,
    expand_bridge,
    expand_number,
)
from reconciler.config.source.nodes import Node
from reconciler.config.validation.pydantic_errors import validate_entry
from reconciler.model.desired import Money, Options, Profile, Purchase
from reconciler.model.route import ApplicationRoute, Attrs

if TYPE_CHECKING:
    pass


class NumberShape(NamedTuple):
    """What numbers that are declared alike have in common; no profile where the declaration is invalid.

    `sid` and `phone` are its pins. `plain`: there is nothing wrong with such numbers, and the key alone names them.
    `own` are the fields in which they differ all the same (`numbers` takes those from each number). `registering` is
    what a platform is asked for; a number outside Twilio has that and no profile.
    """

    profile: Profile | None
    findings: tuple[Finding, ...] = ()
    sid: str | None = None
    phone: str | None = None
    plain: bool = False
    own: frozenset[str] = frozenset()
    registering: RegistrationShape | None = None


class ShapeMaker:
    """Makes templates; collects the URLs that they put on numbers in `urls`."""

    def __init__(self, context: ShapeContext) -> None:
        self.urls: set[str] = set()
        self._context = context
        self._profiles: dict[tuple[object, ...], Profile] = {}

    def number(self, node: Node) -> NumberShape:
        """What a number means that is declared like this."""
        value, findings = validate_entry(Number.model_validate, Number, expand_number(node))
        if not isinstance(value, Number):
            return NumberShape(None, tuple(findings))
        if value.provider == "sip":
            return self._sip(value, findings)
        context, defaults = self._context, self._context.defaults.numbers
        account = context.accounts.resolve(value.account)
        findings += [*_problems(value, account, context)]
        self.urls.update(url for _, hook in hooks_of(value.webhooks) for _, url in urls_of(hook))
        agent = context.agents.get(value.agent) if value.agent else None
        manage = defaults.manage if value.manage is None else value.manage
        attrs = number_parts(value, agent, manage)
        watch = not (value.agent or value.trunk or value.webhooks or value.friendly_name)
        options = self._options(value, defaults, value.agent, watch)
        resident = context.platform_agents.get(value.agent or "")
        platform = context.platforms.get(resident.platform) if resident else None
        if resident is None or platform is None:
            template = self._template(
                value, account, attrs, options, findings, purchase=_purchase(value)
            )
            # An area code has to be compared with each number, which the fast path does not look at.
            has_area_code = value.purchase is not None and value.purchase.area_code is not None
            return template._replace(plain=False) if has_area_code else template
        findings += registrations.number_problems(value, account, resident, platform)
        options = _on_platform(
            options, resident.platform, tuple(part for part in PARTS if part in manage)
        )
        template = self._template(
            value, account, attrs, options, findings, purchase=_purchase(value)
        )
        if template.profile is None:
            return template
        asked = registrations.number_registration(
            value, template.profile.account, resident, platform, options
        )
        return template._replace(plain=False, registering=asked)

    def _sip(self, value: Number, findings: list[Finding]) -> NumberShape:
        """A number outside Twilio: all there is of it is on its platform."""
        context, name = self._context, value.platform or ""
        resident, platform = (
            context.platform_agents.get(value.agent or ""),
            context.platforms.get(name),
        )
        if context.complete and name not in context.platforms:
            findings += registrations.sip_problems(
                value, resident, None, suggest_options(name, context.platforms)
            )
        if platform is None:
            return NumberShape(None, tuple(findings))
        findings += registrations.sip_problems(value, resident, platform, "")
        options = self._options(value, context.defaults.numbers, value.agent, False)
        asked = registrations.sip_registration(value, name, resident, options)
        return NumberShape(None, tuple(findings), registering=None if findings else asked)

    def bridge_number(self, node: Node) -> NumberShape:
        """What a bridge number means that is declared like this."""
        value, findings = validate_entry(
            BridgeNumber.model_validate, BridgeNumber, expand_bridge(node)
        )
        if not isinstance(value, BridgeNumber):
            return NumberShape(None, tuple(findings))
        context, defaults = self._context, self._context.defaults.bridge_numbers
        account = context.accounts.resolve(value.account)
        hook = value.voice or (None if value.platform else defaults.voice)
        findings += [*lint_hook(value.voice, ("voice",))]
        if hook is None and value.platform is None:
            detail = (
                "It has no `voice`, and `defaults` gives none: bridge_numbers: {voice: https://…}."
            )
            findings.append(Finding("missing_field", detail, (), "key"))
        self.urls.update(url for _, url in urls_of(hook))
        attrs: Attrs = {} if value.platform else {"voice": canonical_webhook(hook)}
        options = self._options(value, defaults, None, False)
        name = value.platform
        if name is None:
            return self._template(value, account, attrs, options, findings)
        platform = context.platforms.get(name)
        if platform is not None or (context.complete and name not in context.platforms):
            findings += registrations.bridge_problems(
                value, platform, suggest_options(name, context.platforms)
            )
        options = _on_platform(options, name, ("voice",))
        template = self._template(value, account, attrs, options, findings)
        if template.profile is None or platform is None:
            return template
        asked = registrations.bridge_registration(value, name, template.profile.account, options)
        return template._replace(plain=False, registering=asked)

    def _template(
        self,
        value: TwilioNumber,
        account: str | Finding,
        attrs: Attrs,
        options: Options,
        findings: list[Finding],
        purchase: Purchase | None = None,
    ) -> NumberShape:
        if isinstance(account, Finding):
            return NumberShape(None, (*findings, account), value.sid, value.phone_number)
        key = (account, *attrs.items(), options, purchase)
        profile = self._profiles.setdefault(key, Profile(account, attrs, options, purchase))
        plain = not findings and value.phone_number is None
        return NumberShape(profile, tuple(findings), value.sid, value.phone_number, plain)

    def _options(
        self, value: Handling, defaults: Handling, agent: str | None, watch: bool
    ) -> Options:
        return Options(
            agent=agent,
            on_removal=value.on_removal or defaults.on_removal or "restore",
            protect=bool(defaults.protect) if value.protect is None else value.protect,
            takeover=value.takeover or defaults.takeover or self._context.takeover,
            observe_only=watch,
        )


def _purchase(number: Number) -> Purchase | None:
    wanted = number.purchase
    if wanted is None:
        return None

    most = wanted.max_price
    return Purchase(
        country=wanted.country,
        type=wanted.type,
        max_price=Money(most.amount, most.currency) if most is not None else None,
        bundle=wanted.bundle,
        address=wanted.address,
        identity=wanted.identity,
        area_code=wanted.area_code,
    )


def _on_platform(options: Options, platform: str, baseline: tuple[str, ...]) -> Options:
    return msgspec.structs.replace(options, platform=platform, platform_written=baseline)


def _problems(number: Number, account: str | Finding, context: ShapeContext) -> Iterator[Finding]:
    """What is wrong with a number that is well-formed by itself."""
    yield from lint_webhooks(number.webhooks, ("webhooks",))
    if number.agent and context.complete and number.agent not in context.agents:
        from reconciler.config.validation.examples import describe_missing_agent

        detail = (
            f"`agents` declares no `{number.agent}`.{suggest_options(number.agent, context.agents)}"
        )
        yield Finding(
            "agent_not_found",
            describe_missing_agent(number.agent, list(context.agents)) or detail,
            ("agent",),
        )
    if (owner := context.foreign_owners.get(number.agent or "")) is not None:
        detail = f"`{number.agent}` belongs to project `{owner}`: let that one declare the number."
        yield Finding("agent_not_owned", detail, ("agent",))
    yield from _application_problems(number, account, context)
    if number.trunk:
        yield from _trunk_problems(number, trunk_ref(number.trunk), account, context)
    if not (number.supports_inbound or number.supports_outbound):
        detail = "`supports_inbound` and `supports_outbound` are both false: it is imported, and used for nothing."
        yield Finding("unusable_number", detail, ("supports_inbound",), "key")


def _application_problems(
    number: Number, account: str | Finding, context: ShapeContext
) -> Iterator[Finding]:
    route = (context.agents.get(number.agent or "") or {}).get("voice")
    if not isinstance(route, ApplicationRoute):
        return
    theirs = context.applications.get(route.application)
    if theirs is not None and isinstance(account, str) and theirs != account:
        detail = (
            f"The number is in account `{account}`, application `{route.application}` of its agent in `{theirs}`: "
            "Twilio connects them only in one."
        )
        yield Finding("account_mismatch", detail, ("agent",))


def _trunk_problems(
    number: Number, trunk: str, account: str | Finding, context: ShapeContext
) -> Iterator[Finding]:
    if number.webhooks is not None and number.webhooks.voice is not None:
        detail = "A trunk takes the calls before any webhook is asked. Remove `webhooks: voice` or `trunk`."
        yield Finding("conflicting_fields", detail, ("webhooks", "voice"), "key")
    if is_sid(trunk, "TK") or not context.complete:
        return
    if trunk not in context.trunks:
        cure = (
            suggest_options(trunk, context.trunks)
            if context.trunks
            else " Declare it, or write the SID of one (TK…)."
        )
        detail = f"`trunks` declares no `{trunk}`.{cure}"
        yield Finding("trunk_not_found", detail, ("trunk",))
        return
    theirs = context.trunks[trunk]
    if theirs is not None and isinstance(account, str) and theirs != account:
        detail = f"The number is in account `{account}`, trunk `{trunk}` in `{theirs}`: Twilio connects them only in one."
        yield Finding("account_mismatch", detail, ("trunk",))
