"""Collect by name what a number can refer to: agents, trunks, applications, platforms, accounts and
defaults; resolved once per configuration; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.config.desired.accounts import Accounts
from reconciler.config.desired.own_trunks import Trunks, collect_trunks
from reconciler.config.desired.parts import agent_parts
from reconciler.config.desired.registrations import AccountFacts, platform_agents
from reconciler.config.project import Secret
from reconciler.config.secrets.references import secret_of
from reconciler.config.sections.declared import Checked, Settings
from reconciler.config.sections.general import Defaults
from reconciler.config.source.nodes import Place
from reconciler.kinds.platforms.kind import PlatformAgent
from reconciler.kinds.platforms.recipes import Route
from reconciler.model.desired import Takeover
from reconciler.model.route import Attrs

if TYPE_CHECKING:
    from reconciler.config.sections.account import Account
    from reconciler.config.sections.platform import AnyPlatform
    from reconciler.config.sections.trunk import Trunk

_HOME_REGION = "us1"
_NEAREST_EDGES = {"us1": "ashburn", "ie1": "dublin", "au1": "sydney"}
"""A region → the edge that receives its requests where none is declared."""


class ShapeContext(msgspec.Struct, frozen=True):
    """Everything that numbers refer to, by name.

    `agents` are the parts of each agent (None: the agent is invalid). `trunks`, `applications` and
    `services` are their accounts (None: unknown). `foreign_owners` maps an agent of another project to that
    project. `platform_agents` are the agents that run on a platform, `platforms` all platforms
    (None: invalid), `own_trunks` what those need to know of the trunks. `regions` are the Twilio
    region and edge of each account that declares one, as `ie1/dublin`. `recipes` are the platforms
    that are recipes, `recipe_routes` the routes to the agents on them. `complete` is false when
    some file could not be read: then no name is reported as missing.
    """

    accounts: Accounts
    agents: Mapping[str, Attrs | None]
    trunks: Mapping[str, str | None]
    applications: Mapping[str, str | None]
    services: Mapping[str, str | None]
    services_that_answer: frozenset[str]
    foreign_owners: Mapping[str, str]
    defaults: Defaults
    takeover: Takeover
    complete: bool
    platform_agents: Mapping[str, PlatformAgent] = {}
    platforms: Mapping[str, AnyPlatform | None] = {}
    account_facts: Mapping[str, AccountFacts] = {}
    own_trunks: Trunks = Trunks()
    recipes: frozenset[str] = frozenset()
    recipe_routes: Mapping[str, Route] = {}
    declared_trunks: Mapping[str, Trunk | None] = {}


def shape_context(settings: Settings, accounts: Accounts) -> ShapeContext:
    """Return what numbers of this configuration can refer to."""
    agents: dict[str, Attrs | None] = {}
    for name, agent in settings.agents.items():
        parts = None
        if agent.value is not None:
            parts = agent_parts(agent.value, settings.applications)
        agents[name] = parts

    return ShapeContext(
        accounts=accounts,
        agents=agents,
        trunks=_accounts_by_name(settings.trunks, accounts),
        applications=_accounts_by_name(settings.applications, accounts),
        services=_accounts_by_name(settings.messaging_services, accounts),
        services_that_answer=_services_that_answer(settings),
        foreign_owners=_foreign_owners(settings),
        defaults=settings.defaults,
        takeover=settings.safety.takeover,
        complete=settings.complete,
        platform_agents=platform_agents({n: agent.value for n, agent in settings.agents.items()}),
        platforms={name: platform.value for name, platform in settings.platforms.items()},
        account_facts=_account_facts(settings.accounts),
        own_trunks=collect_trunks(settings.trunks),
        recipes=frozenset(settings.recipes),
        recipe_routes=settings.recipe_routes,
        declared_trunks={name: trunk.value for name, trunk in settings.trunks.items()},
    )


def _account_facts(accounts: Mapping[str, Checked[Account]]) -> dict[str, AccountFacts]:
    """Return what a platform gets to know of each account: its region, and the login."""
    found: dict[str, AccountFacts] = {}
    for name, (place, account) in accounts.items():
        if account is not None:
            found[name] = AccountFacts(_region_of(account), _login_of(account, place))
    return found


def _region_of(account: Account) -> str:
    """Return the region and the edge of an account; empty where it declares none of them."""
    if not (account.region or account.edge):
        return ""
    region = account.region or _HOME_REGION
    return f"{region}/{account.edge or _NEAREST_EDGES.get(region, region)}"


def _login_of(account: Account, place: Place) -> dict[str, Secret]:
    """Return the secrets with which a platform signs in to an account, by attribute."""
    token = secret_of(account, "auth_token", place)
    key_secret = secret_of(account, "api_secret", place)

    secrets: dict[str, Secret] = {}
    if key_secret is not None:
        secrets["token"] = key_secret
        if token is not None:
            secrets["account_auth_token"] = token
    elif token is not None:
        secrets["token"] = token
    return secrets


def _accounts_by_name(
    section: Mapping[str, Checked[Any]], accounts: Accounts
) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, entry in section.items():
        account = None
        if entry.value is not None:
            account = accounts.resolve_or_none(entry.value.account)
        found[name] = account
    return found


def _services_that_answer(settings: Settings) -> frozenset[str]:
    """Return the messaging services that answer in place of their numbers' own webhooks."""
    names: set[str] = set()
    for name, entry in settings.messaging_services.items():
        if entry.value is not None and not entry.value.use_number_webhook:
            names.add(name)
    return frozenset(names)


def _foreign_owners(settings: Settings) -> dict[str, str]:
    """Return the agents that name another project as their owner, with that project."""
    project = settings.header.project if settings.header is not None else None
    owners: dict[str, str] = {}
    for name, agent in settings.agents.items():
        owner = agent.value.owner if agent.value is not None else None
        if owner and project and owner != project:
            owners[name] = owner
    return owners
