"""Validate and compile a number, bridge number or SIP number once for all that are declared alike:
profile, findings and registration (`NumberShape`).

Equal profiles are one object, even if numbers of different shapes have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reconciler.config.advice.findings import Finding, suggest_options
from reconciler.config.desired import registrations
from reconciler.config.desired.memberships import membership_problems
from reconciler.config.desired.own_trunks import takes_own_trunk
from reconciler.config.desired.parts import PARTS, canonical_webhook, number_parts, trunk_ref
from reconciler.config.desired.recipes import conflict_finding, recipe_finding, route_findings
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
from reconciler.kinds.platforms.recipes import Route
from reconciler.kinds.platforms.table import PLATFORM_KINDS
from reconciler.model.desired import Money, Options, Profile, Purchase
from reconciler.model.route import ApplicationRoute, Attrs

if TYPE_CHECKING:
    pass


class NumberShape(NamedTuple):
    """The common part of numbers that are declared alike; without a profile if it is invalid.

    `sid` and `phone` are its pins. `plain` numbers have no findings, and only the key identifies
    them. `own` are the fields in which they differ (`numbers` takes those from each number).
    `registering` is the registration on a platform; a number outside Twilio has that and no
    profile.
    """

    profile: Profile | None
    findings: tuple[Finding, ...] = ()
    sid: str | None = None
    phone: str | None = None
    plain: bool = False
    own: frozenset[str] = frozenset()
    registering: RegistrationShape | None = None


class ShapeMaker:
    """Makes shapes, and collects the URLs that numbers declare themselves in `urls`, and the routes
    to agents on recipes that trunks take in `trunk_routes`.
    """

    def __init__(self, context: ShapeContext) -> None:
        self.urls: set[str] = set()
        self.trunk_routes: dict[str, Route] = {}
        self._context = context
        self._profiles: dict[tuple[object, ...], Profile] = {}

    def number(self, node: Node) -> NumberShape:
        """Return the shape of a number that is declared like this."""
        value, findings = validate_entry(Number.model_validate, Number, expand_number(node))
        if not isinstance(value, Number):
            return NumberShape(None, tuple(findings))
        if value.provider == "sip":
            return self._sip(value, findings)

        context, defaults = self._context, self._context.defaults.numbers
        account = context.accounts.resolve(value.account)
        findings += _problems(value, account, context)
        findings += self._recipe_problems(value)
        for _, hook in hooks_of(value.webhooks):
            self.urls.update(url for _, url in urls_of(hook))

        resident = context.platform_agents.get(value.agent or "")
        platform = context.platforms.get(resident.platform) if resident else None
        own_trunk = platform is not None and takes_own_trunk(value, PLATFORM_KINDS[platform.type])

        agent = context.agents.get(value.agent) if value.agent else None
        manage = defaults.manage if value.manage is None else value.manage
        writes = resident is not None and not own_trunk
        attrs = number_parts(value, agent, manage, platform_writes=writes)
        observe_only = not (attrs or value.agent or value.trunk or value.webhooks)
        options = self._options(value, defaults, value.agent, observe_only)

        if resident is None or platform is None:
            shape = self._shape(value, account, attrs, options, findings, _purchase(value))
            # The area code must be compared with each number, which the fast path does not do.
            has_area_code = value.purchase is not None and value.purchase.area_code is not None
            return shape._replace(plain=False) if has_area_code else shape

        # The agent runs on a platform, which writes the managed parts itself, unless a trunk of ours
        # takes the calls there.
        trunks = context.own_trunks
        facts = context.account_facts.get(account) if isinstance(account, str) else None
        facts = facts or registrations.NO_FACTS
        findings += registrations.number_problems(
            value, account, resident, platform, trunks, facts.region
        )
        written = () if own_trunk else tuple(part for part in PARTS if part in manage)
        options = _on_platform(options, resident.platform, written)
        shape = self._shape(value, account, attrs, options, findings, _purchase(value))
        if shape.profile is None:
            return shape
        registration = registrations.number_registration(
            value, shape.profile.account, resident, platform, options, trunks, facts
        )
        return shape._replace(plain=False, registering=registration)

    def _recipe_problems(self, number: Number) -> Iterator[Finding]:
        """Check how calls reach the agent of a number on a recipe, and note the route of its trunk."""
        context = self._context
        route = context.recipe_routes.get(number.agent or "")
        if route is None or not number.supports_inbound:
            return

        trunk = trunk_ref(number.trunk) if number.trunk else None
        yield from route_findings(number.agent or "", route, trunk, context.declared_trunks)
        declared = context.declared_trunks.get(trunk or "")
        if trunk is None or declared is None or route.recipe.way != "trunk":
            return
        known = self.trunk_routes.setdefault(trunk, route)
        if known != route and "origination" not in declared.model_fields_set:
            yield conflict_finding(trunk, known, route)

    def _sip(self, value: Number, findings: list[Finding]) -> NumberShape:
        """Return the shape of a number outside Twilio, which exists only on its platform."""
        context, name = self._context, value.platform or ""
        if name in context.recipes:
            findings.append(recipe_finding(name))
            return NumberShape(None, tuple(findings))
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
        registration = registrations.sip_registration(value, name, resident, options)
        return NumberShape(None, tuple(findings), registering=None if findings else registration)

    def bridge_number(self, node: Node) -> NumberShape:
        """Return the shape of a bridge number that is declared like this."""
        value, findings = validate_entry(
            BridgeNumber.model_validate, BridgeNumber, expand_bridge(node)
        )
        if not isinstance(value, BridgeNumber):
            return NumberShape(None, tuple(findings))

        context, defaults = self._context, self._context.defaults.bridge_numbers
        account = context.accounts.resolve(value.account)
        hook = value.voice or (None if value.platform else defaults.voice)
        findings += lint_hook(value.voice, ("voice",))
        if hook is None and value.platform is None:
            detail = (
                "It has no `voice`, and `defaults` gives none: bridge_numbers: {voice: https://…}."
            )
            findings.append(Finding("missing_field", detail, (), "key"))
        self.urls.update(url for _, url in urls_of(hook))

        attrs: Attrs = {} if value.platform else {"voice": canonical_webhook(hook)}
        options = self._options(value, defaults, None, False)
        name = value.platform
        if name in context.recipes:
            findings.append(recipe_finding(name or ""))
        if name is None or name in context.recipes:
            return self._shape(value, account, attrs, options, findings)

        platform = context.platforms.get(name)
        if platform is not None or (context.complete and name not in context.platforms):
            findings += registrations.bridge_problems(
                value, platform, suggest_options(name, context.platforms)
            )
        options = _on_platform(options, name, ("voice",))
        shape = self._shape(value, account, attrs, options, findings)
        if shape.profile is None or platform is None:
            return shape
        account_name = shape.profile.account
        registration = registrations.bridge_registration(value, name, account_name, options)
        return shape._replace(plain=False, registering=registration)

    def _shape(
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

        # Numbers of different shapes may still have equal profiles: share one object, so that
        # the planner compares it once.
        key = (account, *attrs.items(), options, purchase)
        profile = self._profiles.setdefault(key, Profile(account, attrs, options, purchase))
        plain = not findings and value.phone_number is None
        return NumberShape(profile, tuple(findings), value.sid, value.phone_number, plain)

    def _options(
        self, value: Handling, defaults: Handling, agent: str | None, observe_only: bool
    ) -> Options:
        return Options(
            agent=agent,
            on_removal=value.on_removal or defaults.on_removal or "restore",
            protect=bool(defaults.protect) if value.protect is None else value.protect,
            takeover=value.takeover or defaults.takeover or self._context.takeover,
            observe_only=observe_only,
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


def _on_platform(options: Options, platform: str, parts: tuple[str, ...]) -> Options:
    return msgspec.structs.replace(options, platform=platform, platform_written=parts)


def _problems(number: Number, account: str | Finding, context: ShapeContext) -> Iterator[Finding]:
    """Check the references of a number, and what its fields mean together."""
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

    owner = context.foreign_owners.get(number.agent or "")
    if owner is not None:
        detail = (
            f"`{number.agent}` belongs to project `{owner}`: declare the number in that project."
        )
        yield Finding("agent_not_owned", detail, ("agent",))

    yield from _application_problems(number, account, context)
    if number.trunk:
        yield from _trunk_problems(number, trunk_ref(number.trunk), account, context)
    if number.messaging_service:
        yield from membership_problems(number, account, context)
    if not (number.supports_inbound or number.supports_outbound):
        detail = "`supports_inbound` and `supports_outbound` are both false: it is imported and not used."
        yield Finding("unusable_number", detail, ("supports_inbound",), "key")


def _application_problems(
    number: Number, account: str | Finding, context: ShapeContext
) -> Iterator[Finding]:
    route = (context.agents.get(number.agent or "") or {}).get("voice")
    if not isinstance(route, ApplicationRoute):
        return

    # Twilio rejects an application of another account on a number.
    other = context.applications.get(route.application)
    if other is not None and isinstance(account, str) and other != account:
        detail = (
            f"The number is in account `{account}`, application `{route.application}` of its agent "
            f"is in `{other}`: Twilio connects them only within one account."
        )
        yield Finding("account_mismatch", detail, ("agent",))


def _trunk_problems(
    number: Number, trunk: str, account: str | Finding, context: ShapeContext
) -> Iterator[Finding]:
    if number.webhooks is not None and number.webhooks.voice is not None:
        detail = "A trunk takes all calls of a number. Remove `webhooks: voice` or `trunk`."
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

    other = context.trunks[trunk]
    if other is not None and isinstance(account, str) and other != account:
        detail = (
            f"The number is in account `{account}`, trunk `{trunk}` is in `{other}`: Twilio "
            "connects them only within one account."
        )
        yield Finding("account_mismatch", detail, ("trunk",))
