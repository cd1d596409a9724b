"""Check valid sections, except numbers: references, accounts, URLs, and duplicates within a trunk
or between resources of one section; pure.

Numbers are checked in `config/desired/numbers.py` while they are read, because there are so many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.config.advice.findings import Finding, place_findings, suggest_options
from reconciler.config.codes import diagnostic
from reconciler.config.desired.accounts import Accounts
from reconciler.config.desired.agent_splits import find_contradictions
from reconciler.config.desired.registrations import connection_findings
from reconciler.config.desired.resource_sections import (
    RESOURCE_SECTIONS,
    Check,
    ResourceSection,
)
from reconciler.config.desired.subaccounts import find_unreachable
from reconciler.config.desired.trunks import list_findings
from reconciler.config.desired.webhook_urls import lint_hook, lint_url, lint_webhooks
from reconciler.config.formats import is_sid
from reconciler.config.load.platform_agents import check_platform_agent
from reconciler.config.sections.agent import Agent
from reconciler.config.sections.declared import Checked, Settings
from reconciler.config.sections.fields import Section
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import KINDS

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform
    from reconciler.config.sections.trunk import Trunk

T = TypeVar("T", bound=Section)


def check_sections(settings: Settings, accounts: Accounts) -> list[Diagnostic]:
    """Return all problems between the sections, except those of numbers."""

    def agent_findings(agent: Agent) -> list[Finding]:
        # A missing name may be declared in a file that could not be read.
        references = _check_references(agent, settings) if settings.complete else []
        return [*lint_webhooks(agent.webhooks, ("webhooks",)), *references]

    return [
        *_check_each("agents", settings.agents, agent_findings),
        *find_contradictions(settings),
        *_check_resources(settings, accounts),
        *_check_each(
            "platforms", settings.platforms, lambda platform: _check_connections(platform, accounts)
        ),
        *_check_each(
            "trunks", settings.trunks, lambda trunk: _check_trunk(trunk, accounts), address="trunk/"
        ),
        *_check_lists(settings, accounts),
        *_check_same_names(settings, accounts),
        *find_unreachable(settings, accounts),
        *_check_defaults(settings, accounts),
    ]


def account_findings(own: str | None, accounts: Accounts) -> list[Finding]:
    """Check the account that a resource names, or its default."""
    account = accounts.resolve(own)
    return [account] if isinstance(account, Finding) else []


def _check_each(
    section: str,
    entries: dict[str, Checked[T]],
    check: Callable[[T], list[Finding]],
    address: str = "",
) -> Iterator[Diagnostic]:
    """Check each valid entry with `check`; `address` is the prefix of the addresses of entries."""
    for name, (place, value) in entries.items():
        if value is not None:
            yield from place_findings(check(value), place, address + name if address else None)


def _check_references(agent: Agent, settings: Settings) -> Iterator[Finding]:
    platform, application = agent.platform, agent.application
    if platform and platform not in settings.platforms:
        detail = (
            f"`platforms` declares no `{platform}`.{suggest_options(platform, settings.platforms)}"
        )
        yield Finding("platform_not_found", detail, ("platform",))
    yield from check_platform_agent(agent, settings)

    if application and not is_sid(application, "AP") and application not in settings.applications:
        hint = suggest_options(application, settings.applications)
        detail = f"`applications` declares no `{application}`, and it is not an AP… SID.{hint}"
        yield Finding("application_not_found", detail, ("application",))


def _check_resources(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    """Check the entries of all sections in `RESOURCE_SECTIONS`."""
    for name, row in RESOURCE_SECTIONS.items():

        def entry_findings(entry: Any, check: Check = row.check) -> list[Finding]:
            return [*account_findings(entry.account, accounts), *check(entry)]

        yield from _check_each(name, settings.section(name), entry_findings)


def _check_connections(platform: AnyPlatform, accounts: Accounts) -> list[Finding]:
    found = connection_findings(platform)
    for name in getattr(platform, "connections", {}):
        account = accounts.resolve(name)
        if isinstance(account, Finding):
            found.append(Finding(account.code, account.detail, ("connections", name), "key"))
    return found


def _check_trunk(trunk: Trunk, accounts: Accounts) -> list[Finding]:
    found = account_findings(trunk.account, accounts)
    if trunk.disaster_recovery is not None:
        found += lint_url(trunk.disaster_recovery.url, ("disaster_recovery", "url"))

    urls = [origination.model_dump_json() for origination in trunk.origination]
    detail = (
        "This SIP URL is in the list already, with the same values. To send it more calls, raise "
        "its weight; to try it again later, give it another priority."
    )
    found += _find_repeated(urls, ("origination",), ("sip_url",), detail)

    for index, access in enumerate(trunk.ip_access_control_lists):
        above = ("ip_access_control_lists", index, "addresses")
        networks = [address.cidr for address in access.addresses or ()]
        found += _find_repeated(networks, above, ("cidr",), "This network is in the list already.")
        labels = [address.name for address in access.addresses or ()]
        detail = "Another network of the list has this name; Twilio accepts a name once per list."
        found += _find_repeated(labels, above, ("name",), detail)

    for index, users in enumerate(trunk.credential_lists):
        names = [credential.username for credential in users.credentials or ()]
        above = ("credential_lists", index, "credentials")
        detail = "This user is in the list already."
        found += _find_repeated(names, above, ("username",), detail)

    detail = "The trunk uses this list already."
    access_lists = [used.name or used.sid for used in trunk.ip_access_control_lists]
    found += _find_repeated(access_lists, ("ip_access_control_lists",), (), detail)
    credential_lists = [used.name or used.sid for used in trunk.credential_lists]
    found += _find_repeated(credential_lists, ("credential_lists",), (), detail)
    return found


def _find_repeated(
    values: Sequence[str | None], above: tuple[str | int, ...], below: tuple[str, ...], detail: str
) -> Iterator[Finding]:
    """Yield a finding for each value that is in the list before; its place is above, index, below."""
    for index, value in enumerate(values):
        if value is not None and value in values[:index]:
            yield Finding("duplicate_key", detail, (*above, index, *below))


def _check_same_names(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    """Find trunks with the same domain, and other resources with the same name on Twilio.

    They are found on Twilio by that value, so two of them could not be distinguished.
    """
    domains: dict[str, str] = {}
    for name, (_, trunk) in settings.trunks.items():
        if trunk is not None and trunk.domain is not None:
            domains[name] = trunk.domain
    for name, first in _second_with_same(domains):
        detail = f"Trunk `{first}` has this domain already; Twilio gives a domain to one trunk."
        finding = Finding("duplicate_key", detail, ("domain",))
        yield from place_findings([finding], settings.trunks[name].place, f"trunk/{name}")

    for section, row in RESOURCE_SECTIONS.items():
        yield from _check_same_keys(row, settings.section(section), accounts)


def _check_same_keys(
    section: ResourceSection, entries: dict[str, Checked[Any]], accounts: Accounts
) -> Iterator[Diagnostic]:
    """Find two entries of a section that have the same key on Twilio, in one account."""
    field = KINDS[section.kind].key_field
    keys: dict[str, object] = {}
    for name, (place, value) in entries.items():
        if value is not None:
            account = accounts.resolve_or_none(value.account) or ""
            keys[name] = account, section.compile(name, value, account, place).profile.attrs[field]

    word = section.kind.replace("_", " ")
    for name, first in _second_with_same(keys):
        detail = (
            f"{word.capitalize()} `{first}` has this name on Twilio already, and {word}s are found by "
            "their names."
        )
        finding = Finding("duplicate_key", detail, (field,))
        yield from place_findings([finding], entries[name].place, f"{section.kind}/{name}")


def _second_with_same(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (name, first name with the same value) for each name but the first."""
    first: dict[object, str] = {}
    for name, value in values.items():
        if first.setdefault(value, name) != name:
            yield name, first[value]


def _check_lists(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    for name, finding in list_findings(settings.trunks, accounts):
        yield from place_findings([finding], settings.trunks[name].place, f"trunk/{name}")


def _check_defaults(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    places = settings.defaults_places
    for finding in accounts.check_default():
        yield diagnostic(finding.code, finding.detail, places["account"].at("value"))

    warnings = lint_hook(settings.defaults.bridge_numbers.voice, ("voice",))
    sections = [place for key, place in places.items() if key != "account"]
    if warnings:
        yield from place_findings(warnings, sections[0])
