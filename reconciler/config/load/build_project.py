"""Build the `Project` from checked sections; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.desired.accounts import (
    FROM_ENVIRONMENT,
    account_from_environment,
    account_settings,
)
from reconciler.config.desired.messaging_services import list_urls
from reconciler.config.desired.parts import agent_parts, compile_agent, compile_platform
from reconciler.config.desired.webhook_urls import hooks_of, urls_of
from reconciler.config.load.merge import Merged
from reconciler.config.project import (
    AccountSettings,
    Agent,
    PlatformSettings,
    Policy,
    Project,
    Safety,
    Secret,
)
from reconciler.config.secrets.references import to_secret
from reconciler.config.sections.declared import Settings
from reconciler.config.sections.general import Header
from reconciler.config.sections.general import Safety as SafetySection
from reconciler.diagnostics import Diagnostic
from reconciler.model.desired import Desired, Money
from reconciler.planning.identity.moved import Move


def build_project(
    merged: Merged,
    settings: Settings,
    header: Header,
    *,
    environ: Mapping[str, str],
    desired: list[Desired],
    secrets: Mapping[str, Mapping[str, Secret]],
    number_urls: set[str],
    diagnostics: list[Diagnostic],
    policies: tuple[Policy, ...],
    default_account: str | None,
    moves: tuple[Move, ...],
) -> Project:
    """Build the project of a valid configuration.

    `number_urls` are the URLs that numbers declare themselves. `diagnostics` have the severities
    that the configuration gives to them.
    """
    state = settings.header_places.get("state")
    return Project(
        name=header.project,
        state=header.state,
        state_position=state.at("value") if state is not None else merged.start(),
        base=merged.base,
        accounts=_accounts(settings, environ),
        platforms=_platforms(settings),
        recipes=settings.recipes,
        agents=_agents(settings),
        desired=desired,
        secrets=secrets,
        safety=_safety(settings.safety),
        our_urls=frozenset([*number_urls, *_section_urls(settings)]),
        warnings=[d for d in diagnostics if d.severity == "warning"],
        remarks=[d for d in diagnostics if d.severity == "info"],
        violations=[d for d in diagnostics if d.severity == "error"],
        policies=policies,
        digest=merged.digest,
        files=tuple(merged.files),
        moves=moves,
        fingerprint_key=_fingerprint_key(settings, header),
        default_account=default_account,
        encryption_keys=_encryption_keys(settings, header),
    )


def _accounts(settings: Settings, environ: Mapping[str, str]) -> dict[str, AccountSettings]:
    if not settings.accounts:
        return {FROM_ENVIRONMENT: account_from_environment(environ)}

    accounts: dict[str, AccountSettings] = {}
    for name, (place, account) in settings.accounts.items():
        if account is not None:
            accounts[name] = account_settings(name, account, place)
    return accounts


def _platforms(settings: Settings) -> dict[str, PlatformSettings]:
    platforms: dict[str, PlatformSettings] = {}
    for name, (place, platform) in settings.platforms.items():
        if platform is not None:
            platforms[name] = compile_platform(name, platform, place)
    return platforms


def _agents(settings: Settings) -> dict[str, Agent]:
    agents: dict[str, Agent] = {}
    for name, (place, agent) in settings.agents.items():
        if agent is not None:
            parts = agent_parts(agent, settings.applications)
            route = settings.recipe_routes.get(name)
            agents[name] = compile_agent(name, agent, parts, place, route)
    return agents


def _safety(section: SafetySection) -> Safety:
    most = section.max_spend
    return Safety(
        takeover=section.takeover,
        max_updates=section.max_updates,
        max_removals=section.max_removals,
        state_secrets=section.state_secrets,
        max_purchases=section.max_purchases,
        max_spend=Money(most.amount, most.currency) if most is not None else None,
    )


def _fingerprint_key(settings: Settings, header: Header) -> Secret | None:
    if not header.fingerprint_key:
        return None
    place = settings.header_places["fingerprint_key"]
    return to_secret(header.fingerprint_key, place.at("value"))


def _encryption_keys(settings: Settings, header: Header) -> tuple[Secret, ...]:
    if not header.encryption_key:
        return ()
    position = settings.header_places["encryption_key"].at("value")
    return tuple(to_secret(key, position) for key in header.encryption_key)


def _section_urls(settings: Settings) -> Iterator[str]:
    """Yield the URLs of agents, applications and messaging services."""
    for agent in settings.agents.values():
        webhooks = agent.value.webhooks if agent.value else None
        for _, webhook in hooks_of(webhooks):
            for _, url in urls_of(webhook):
                yield url

    for application in settings.applications.values():
        if application.value is None:
            continue
        for hook in (application.value.voice, application.value.sms, application.value.status):
            for _, url in urls_of(hook):
                yield url

    for service in settings.messaging_services.values():
        if service.value is not None:
            yield from list_urls(service.value)
