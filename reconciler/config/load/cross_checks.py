"""What holds between sections: references lead somewhere, accounts are known, URLs are sound; pure.

Numbers are checked where they are compiled (`numbers`), because there are so many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from reconciler.config.advice.findings import Finding, place_findings, suggest_options
from reconciler.config.codes import diagnostic
from reconciler.config.desired.accounts import Accounts
from reconciler.config.desired.registrations import connection_findings
from reconciler.config.desired.subaccounts import find_unreachable
from reconciler.config.desired.trunks import list_findings
from reconciler.config.desired.webhook_urls import lint_hook, lint_url, lint_webhooks
from reconciler.config.formats import is_sid
from reconciler.config.sections.agent import Agent, Application
from reconciler.config.sections.declared import Checked, Settings
from reconciler.config.sections.fields import Section
from reconciler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform
    from reconciler.config.sections.trunk import Trunk

T = TypeVar("T", bound=Section)


def check_sections(settings: Settings, accounts: Accounts) -> list[Diagnostic]:
    """All problems between the sections, numbers left aside."""

    def agent_findings(agent: Agent) -> list[Finding]:
        references = _agent_references(agent, settings) if settings.complete else []
        return [*lint_webhooks(agent.webhooks, ("webhooks",)), *references]

    return [
        *_each("agents", settings.agents, agent_findings),
        *_each(
            "applications",
            settings.applications,
            lambda application: _application(application, accounts),
        ),
        *_each("platforms", settings.platforms, lambda platform: _connections(platform, accounts)),
        *_each("trunks", settings.trunks, lambda trunk: _trunk(trunk, accounts), address="trunk/"),
        *_lists(settings, accounts),
        *_namesakes(settings, accounts),
        *find_unreachable(settings, accounts),
        *_defaults(settings, accounts),
    ]


def account_findings(own: str | None, accounts: Accounts) -> list[Finding]:
    """What is wrong with the account that a resource names, or fails to name."""
    account = accounts.resolve(own)
    return [account] if isinstance(account, Finding) else []


def _each(
    section: str,
    entries: dict[str, Checked[T]],
    look: Callable[[T], list[Finding]],
    address: str = "",
) -> Iterator[Diagnostic]:
    for name, (place, value) in entries.items():
        if value is not None:
            yield from place_findings(look(value), place, address + name if address else None)


def _agent_references(agent: Agent, settings: Settings) -> Iterator[Finding]:
    platform, application = agent.platform, agent.application
    if platform and platform not in settings.platforms:
        detail = (
            f"`platforms` declares no `{platform}`.{suggest_options(platform, settings.platforms)}"
        )
        yield Finding("platform_not_found", detail, ("platform",))
    if application and not is_sid(application, "AP") and application not in settings.applications:
        hint = suggest_options(application, settings.applications)
        detail = f"`applications` declares no `{application}`, and it is no AP… SID.{hint}"
        yield Finding("application_not_found", detail, ("application",))


def _application(application: Application, accounts: Accounts) -> list[Finding]:
    return [
        *account_findings(application.account, accounts),
        *lint_hook(application.voice, ("voice",)),
        *lint_hook(application.sms, ("sms",)),
        *lint_hook(application.status, ("status",)),
    ]


def _connections(platform: AnyPlatform, accounts: Accounts) -> list[Finding]:
    found = connection_findings(platform)
    for name in getattr(platform, "connections", {}):
        account = accounts.resolve(name)
        if isinstance(account, Finding):
            found.append(Finding(account.code, account.detail, ("connections", name), "key"))
    return found


def _trunk(trunk: Trunk, accounts: Accounts) -> list[Finding]:
    found = account_findings(trunk.account, accounts)
    if trunk.disaster_recovery is not None:
        found += lint_url(trunk.disaster_recovery.url, ("disaster_recovery", "url"))
    urls = [origination.sip_url for origination in trunk.origination]
    detail = "This SIP URL is in the list already; to send it more calls, raise its weight."
    found += _repeated(urls, ("origination",), ("sip_url",), detail)
    for index, access in enumerate(trunk.ip_access_control_lists):
        above = ("ip_access_control_lists", index, "addresses")
        networks, labels = (
            [a.cidr for a in access.addresses or ()],
            [a.name for a in access.addresses or ()],
        )
        found += _repeated(networks, above, ("cidr",), "This network is in the list already.")
        found += _repeated(
            labels,
            above,
            ("name",),
            "Another network of the list has this name; Twilio takes it once.",
        )
    for index, users in enumerate(trunk.credential_lists):
        names = [credential.username for credential in users.credentials or ()]
        above = ("credential_lists", index, "credentials")
        found += _repeated(names, above, ("username",), "This user is in the list already.")
    for section, lists in (
        ("ip_access_control_lists", [a.name or a.sid for a in trunk.ip_access_control_lists]),
        ("credential_lists", [c.name or c.sid for c in trunk.credential_lists]),
    ):
        found += _repeated(lists, (section,), (), "The trunk uses this list already.")
    return found


def _repeated(
    values: Sequence[str | None], above: tuple[str | int, ...], below: tuple[str, ...], detail: str
) -> Iterator[Finding]:
    for index, value in enumerate(values):
        if value is not None and value in values[:index]:
            yield Finding("duplicate_key", detail, (*above, index, *below))


def _namesakes(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    """Trunks with one domain and applications with one name: on Twilio one could not be told from the other."""
    domains = {
        name: trunk.domain for name, (_, trunk) in settings.trunks.items() if trunk is not None
    }
    labels = {
        name: (accounts.resolve_or_none(application.account), application.friendly_name or name)
        for name, (_, application) in settings.applications.items()
        if application is not None
    }
    for name, first in _second_with_same({n: d for n, d in domains.items() if d is not None}):
        detail = f"Trunk `{first}` has this domain already; Twilio gives it to one trunk only."
        yield from place_findings(
            [Finding("duplicate_key", detail, ("domain",))],
            settings.trunks[name].place,
            f"trunk/{name}",
        )
    for name, first in _second_with_same(labels):
        detail = (
            f"Application `{first}` has this name on Twilio already, and by its name it is found."
        )
        place = settings.applications[name].place
        yield from place_findings(
            [Finding("duplicate_key", detail, ("friendly_name",))], place, f"application/{name}"
        )


def _second_with_same(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """(name, first name with the same value) for every name but the first."""
    first: dict[object, str] = {}
    for name, value in values.items():
        if first.setdefault(value, name) != name:
            yield name, first[value]


def _lists(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    for name, finding in list_findings(settings.trunks, accounts):
        yield from place_findings([finding], settings.trunks[name].place, f"trunk/{name}")


def _defaults(settings: Settings, accounts: Accounts) -> Iterator[Diagnostic]:
    places = settings.defaults_places
    for finding in accounts.check_default():
        yield diagnostic(finding.code, finding.detail, places["account"].at("value"))
    warnings = lint_hook(settings.defaults.bridge_numbers.voice, ("voice",))
    if warnings:
        yield from place_findings(
            warnings, next(place for key, place in places.items() if key != "account")
        )
