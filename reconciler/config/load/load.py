"""A configuration in (an entry file and all it includes), a `Project` out; or every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from reconciler.config.desired.accounts import (
    FROM_ENVIRONMENT,
    Accounts,
    account_from_environment,
    account_settings,
)
from reconciler.config.desired.number_shapes import ShapeContext, ShapeMaker
from reconciler.config.desired.numbers import NumberSection, find_duplicates
from reconciler.config.desired.parts import agent_parts, compile_agent, compile_platform
from reconciler.config.desired.registrations import platform_agents
from reconciler.config.desired.trunks import DesiredResources
from reconciler.config.desired.webhook_urls import hooks_of, urls_of
from reconciler.config.lint.policies import find_violations, read_policies
from reconciler.config.lint.policy_view import policy_resources as resources_of
from reconciler.config.lint.rule_checks import check_rules
from reconciler.config.lint.severity import apply_levels
from reconciler.config.load.cross_checks import check_sections
from reconciler.config.load.merge import Merged
from reconciler.config.load.moved import read_moves
from reconciler.config.load.sections import read_settings
from reconciler.config.project import AccountSettings, Agent, Policy, Project, Safety, Secret
from reconciler.config.secrets.placement import check_hosts, check_secret_files, list_header_secrets
from reconciler.config.secrets.references import to_secret
from reconciler.config.section_names import NUMBER_SECTIONS
from reconciler.config.sections.declared import Settings
from reconciler.config.sections.general import Header
from reconciler.config.sections.general import Safety as SafetySection
from reconciler.config.source.nodes import Map
from reconciler.diagnostics import Diagnostic, has_errors, sort_by_place
from reconciler.errors import ConfigInvalid
from reconciler.model.desired import Desired, Money
from reconciler.planning.identity.moved import Move

_NO_TEXT = frozenset({"unquoted_number", "ambiguous_scalar"})
_ECHOES = frozenset(
    {
        "wrong_type",
        "invalid_value",
        "missing_field",
        "unknown_key",
        "unquoted_number",
        "invalid_phone_format",
    }
)


def load(
    entry: Path,
    *,
    environ: Mapping[str, str],
    display_root: Path | None = None,
    to_compare: bool = False,
    merged: Merged | None = None,
) -> Project:
    """Read the configuration that starts at `entry`. Raises `ConfigInvalid` with all diagnostics, warnings included.

    `environ` is asked for the account of a configuration that declares none and for what it allows secrets to do; no
    secret is needed. Diagnostics name files relative to `display_root`; without it, as `entry` names them. A
    configuration that is only there `to_compare` may name any host and any file: it is never connected to or read.
    `merged` is the same configuration when its files have been read already.
    """
    merged = merged or Merged(entry, display_root)
    settings, problems = read_settings(merged)
    accounts = _accounts(settings)
    problems += check_sections(settings, accounts)
    profiles = ShapeMaker(_context(settings, accounts))
    numbers = _numbers(merged, profiles)
    problems += [
        *(d for gathered in numbers for d in gathered.diagnostics),
        *find_duplicates(numbers),
    ]
    moves, unsound = read_moves(merged, settings)
    problems += unsound
    resources = DesiredResources(accounts, settings.safety.takeover)
    resources.applications(settings.applications)
    resources.trunks(settings.trunks)
    desired = [*resources.desired, *(d for gathered in numbers for d in gathered.desired)]
    policies, wrong = read_policies(settings.policies)
    secrets = {
        **resources.secrets,
        **{a: s for gathered in numbers for a, s in gathered.secrets.items()},
    }
    if not to_compare:
        problems += _misplaced(merged, settings, secrets, environ, problems)
    diagnostics = sort_by_place(_without_echoes(problems + wrong, merged.diagnostics))
    if settings.header is None or has_errors(diagnostics):
        raise ConfigInvalid(*diagnostics)
    found = find_violations(policies, resources_of(settings, numbers, desired)) if policies else []
    weighty = apply_levels(
        [*diagnostics, *check_rules(settings, desired), *found], settings.lint, merged.ignored_rules
    )
    return _project(
        merged,
        settings,
        settings.header,
        accounts=_account_settings(settings, environ),
        desired=desired,
        secrets=secrets,
        urls=profiles.urls,
        remarks=sort_by_place(weighty),
        policies=policies,
        default_account=accounts.resolve_or_none(None),
        moves=moves,
    )


def load_undeclared(base: Path, environ: Mapping[str, str]) -> Project:
    """A project of which nothing is written yet: the account of the TWILIO_* variables, in this folder."""
    return Project(
        name="",
        state="./state.json",
        base=base,
        accounts={FROM_ENVIRONMENT: account_from_environment(environ)},
        platforms={},
        agents={},
        desired=[],
        safety=Safety(),
        our_urls=frozenset(),
        warnings=[],
        digest="",
        files=(),
        default_account=FROM_ENVIRONMENT,
    )


def _misplaced(
    merged: Merged,
    settings: Settings,
    secrets: Mapping[str, Mapping[str, Secret]],
    environ: Mapping[str, str],
    known: list[Diagnostic],
) -> list[Diagnostic]:
    """What is wrong with where secrets come from and go to; not at places of which something else is wrong."""
    references = [
        *list_header_secrets(settings),
        *(secret for each in secrets.values() for secret in each.values()),
    ]
    found = [*check_hosts(settings, environ), *check_secret_files(references, merged.base, environ)]
    taken = {
        (d.file, d.line, d.column) for d in known if d.severity == "error" and d.file is not None
    }
    return [
        problem for problem in found if (problem.file, problem.line, problem.column) not in taken
    ]


def _accounts(settings: Settings) -> Accounts:
    account = settings.defaults_places.get("account")
    default = account.node if account is not None and isinstance(account.node, str) else None
    return Accounts(
        settings.accounts or {FROM_ENVIRONMENT: None}, default, complete=settings.complete
    )


def _context(settings: Settings, accounts: Accounts) -> ShapeContext:
    agents = {
        name: None if entry.value is None else agent_parts(entry.value, settings.applications)
        for name, entry in settings.agents.items()
    }
    trunks = {
        name: None if entry.value is None else accounts.resolve_or_none(entry.value.account)
        for name, entry in settings.trunks.items()
    }
    applications = {
        name: None if entry.value is None else accounts.resolve_or_none(entry.value.account)
        for name, entry in settings.applications.items()
    }
    project = settings.header.project if settings.header is not None else None
    named = {
        name: entry.value.owner
        for name, entry in settings.agents.items()
        if entry.value is not None
    }
    owners = {
        name: owner for name, owner in named.items() if owner and project and owner != project
    }
    return ShapeContext(
        accounts,
        agents,
        trunks,
        applications,
        owners,
        settings.defaults,
        settings.safety.takeover,
        settings.complete,
        platform_agents({name: entry.value for name, entry in settings.agents.items()}),
        {name: entry.value for name, entry in settings.platforms.items()},
    )


def _numbers(merged: Merged, profiles: ShapeMaker) -> tuple[NumberSection, NumberSection]:
    numbers = (
        NumberSection("number", profiles.number),
        NumberSection("bridge_number", profiles.bridge_number),
    )
    for gathered, section in zip(numbers, NUMBER_SECTIONS, strict=True):
        for part in merged.parts.get(section, []):
            if isinstance(part.node, Map):
                gathered.add(part.file, part.node)
    return numbers


def _without_echoes(problems: list[Diagnostic], of: list[Diagnostic]) -> list[Diagnostic]:
    """All problems, but for those that only repeat what is wrong with the YAML at the same place.

    A number without quotes that is no phone number either is one problem: it is written as that one says, in quotes.
    """
    if not of:
        return problems
    said = {(d.file, d.line, d.column) for d in of}
    phones = {
        (d.file, d.line, d.column): d.detail
        for d in problems
        if d.code == "invalid_phone_format" and (d.file, d.line, d.column) in said
    }
    told = [d for d in problems if not ((d.file, d.line, d.column) in said and d.code in _ECHOES)]
    return [*(_as_phone(d, phones.get((d.file, d.line, d.column), "")) for d in of), *told]


def _as_phone(d: Diagnostic, advice: str) -> Diagnostic:
    detail = f"To YAML this is no text: put it in quotes. {advice}"
    return msgspec.structs.replace(d, detail=detail) if advice and d.code in _NO_TEXT else d


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


def _project(
    merged: Merged,
    settings: Settings,
    header: Header,
    *,
    accounts: dict[str, AccountSettings],
    desired: list[Desired],
    secrets: Mapping[str, Mapping[str, Secret]],
    urls: set[str],
    remarks: list[Diagnostic],
    policies: tuple[Policy, ...],
    default_account: str | None,
    moves: tuple[Move, ...],
) -> Project:
    key, state = header.fingerprint_key, settings.header_places.get("state")
    return Project(
        name=header.project,
        state=header.state,
        state_position=state.at("value") if state is not None else merged.start(),
        base=merged.base,
        accounts=accounts,
        platforms={
            name: compile_platform(name, p, place)
            for name, (place, p) in settings.platforms.items()
            if p
        },
        agents=_agents(settings),
        desired=desired,
        secrets=secrets,
        safety=_safety(settings.safety),
        our_urls=frozenset([*urls, *_agent_urls(settings)]),
        warnings=[d for d in remarks if d.severity == "warning"],
        remarks=[d for d in remarks if d.severity == "info"],
        violations=[d for d in remarks if d.severity == "error"],
        policies=policies,
        digest=merged.digest,
        files=tuple(merged.files),
        moves=moves,
        fingerprint_key=to_secret(key, settings.header_places["fingerprint_key"].at("value"))
        if key
        else None,
        default_account=default_account,
        encryption_keys=tuple(
            to_secret(each, settings.header_places["encryption_key"].at("value"))
            for each in header.encryption_key or ()
        ),
    )


def _agents(settings: Settings) -> dict[str, Agent]:
    return {
        name: compile_agent(name, agent, agent_parts(agent, settings.applications), place)
        for name, (place, agent) in settings.agents.items()
        if agent is not None
    }


def _account_settings(settings: Settings, environ: Mapping[str, str]) -> dict[str, AccountSettings]:
    if not settings.accounts:
        return {FROM_ENVIRONMENT: account_from_environment(environ)}
    return {
        name: account_settings(name, account, place)
        for name, (place, account) in settings.accounts.items()
        if account
    }


def _agent_urls(settings: Settings) -> Iterator[str]:
    for entry in settings.agents.values():
        for _, hook in hooks_of(entry.value.webhooks if entry.value else None):
            yield from (url for _, url in urls_of(hook))
    for application in (entry.value for entry in settings.applications.values() if entry.value):
        hooks = (application.voice, application.sms, application.status)
        yield from (url for hook in hooks for _, url in urls_of(hook))
