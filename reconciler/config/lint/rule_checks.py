"""Return the violations of lint rules by agents, trunks and bridge numbers of a valid
configuration.

Rules about single URLs are in `config/desired/webhook_urls.py`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.config.advice.findings import Finding, find_place
from reconciler.config.desired.parts import canonical_webhook, webhook_parts_of
from reconciler.config.desired.trunks import sip_host
from reconciler.config.desired.webhook_urls import hooks_of
from reconciler.config.lint_rules import RULES
from reconciler.config.sections.agent import Agent, Hook, StatusHook
from reconciler.config.sections.declared import Settings
from reconciler.config.source.nodes import Loc
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.table import PLATFORM_KINDS
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired, Profile
from reconciler.model.identity_map import list_distinct
from reconciler.model.position import Position
from reconciler.model.route import TrunkRoute, Webhook

if TYPE_CHECKING:
    from reconciler.config.sections.trunk import Trunk

_WIDEST_IPV4 = 7
"""A network of /7 or wider is a part of the internet, not a network of one operator."""


def check_rules(settings: Settings, desired: Sequence[Desired]) -> list[Diagnostic]:
    """Return the violations of lint rules by agents, trunks and bridge numbers."""
    profiles = list_distinct(d.profile for d in desired if d.kind in NUMBER_KINDS)
    return [
        *_check_agents(settings, {profile.options.agent for profile in profiles}),
        *_check_trunks(settings, set(_trunk_names(profiles))),
        *_check_destinations(settings, profiles),
        *_check_bridges(settings, desired),
    ]


def _at(rule: str, detail: str, position: Position, address: str | None = None) -> Diagnostic:
    file, line, column = position
    return Diagnostic(
        severity=RULES[rule].level,
        code=rule,
        summary=RULES[rule].summary,
        detail=detail,
        address=address,
        file=file,
        line=line,
        column=column,
    )


def _trunk_names(profiles: Sequence[Profile]) -> Iterator[str]:
    for profile in profiles:
        voice = profile.attrs.get("voice")
        if isinstance(voice, TrunkRoute):
            yield voice.trunk


def _check_agents(settings: Settings, used: set[str | None]) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for name, (place, agent) in settings.agents.items():
        if agent is None:
            continue

        if name not in used:
            yield _at("unused_agent", f"No number names agent `{name}`.", place.at("key"))
        if agent.webhooks is not None:
            same = seen.setdefault(repr(webhook_parts_of(agent.webhooks)), name)
            if same != name:
                detail = f"`{name}` and `{same}` have the same webhooks."
                yield _at("duplicate_agent", detail, place.at("key"))
        for finding in _check_hooks(agent):
            yield _at(finding.code, finding.detail, find_place(place, finding.loc).at(finding.side))


def _check_hooks(agent: Agent) -> Iterator[Finding]:
    if agent.webhooks is None:
        return
    for part, hook in hooks_of(agent.webhooks):
        yield from _check_hook(hook, ("webhooks", part))

    if agent.webhooks.voice is not None and agent.webhooks.status is None:
        detail = "It answers calls, and is not notified when they end."
        yield Finding("missing_status", detail, ("webhooks",), "key")
    if agent.webhooks.voice is not None and not agent.webhooks.voice.fallback_url:
        detail = "When this URL fails, callers hear an error. Add `fallback_url`."
        yield Finding("missing_fallback", detail, ("webhooks", "voice"), "key")


def _check_hook(hook: Hook | StatusHook, loc: Loc) -> Iterator[Finding]:
    if hook.method == "GET":
        detail = "The caller's words become part of the URL. Use POST."
        yield Finding("get_webhook", detail, (*loc, "method"))

    if isinstance(hook, Hook) and hook.fallback_url:
        if canonical_webhook(hook) == Webhook(hook.url, hook.method, hook.url, hook.method):
            detail = "The fallback requests the same URL again."
            yield Finding("fallback_is_url", detail, (*loc, "fallback_url"))
        elif urlsplit(hook.fallback_url).hostname == urlsplit(hook.url).hostname:
            detail = "The URL and its fallback are on the same host, so they fail together."
            yield Finding("fallback_same_host", detail, (*loc, "fallback_url"))


def _check_trunks(settings: Settings, used: set[str]) -> Iterator[Diagnostic]:
    domains: set[str] = set()
    for entry in settings.trunks.values():
        if entry.value and entry.value.domain:
            domains.add(entry.value.domain)

    for name, (place, trunk) in settings.trunks.items():
        if trunk is None:
            continue

        address = f"trunk/{name}"
        if name not in used:
            yield _at("unused_trunk", f"No number names trunk `{name}`.", place.at("key"), address)
        for finding in (
            *_check_trunk(trunk, name in used),
            *_check_targets(trunk, domains),
            *_check_networks(trunk),
        ):
            position = find_place(place, finding.loc).at(finding.side)
            yield _at(finding.code, finding.detail, position, address)


def _check_trunk(trunk: Trunk, used: bool) -> Iterator[Finding]:
    enabled = {target.sip_url for target in trunk.origination if target.enabled}
    # Without declared URLs there may still be some on Twilio, which are left unchanged.
    if used and trunk.origination and not enabled:
        detail = "It has no enabled origination URL, so calls to its numbers are not answered."
        yield Finding("no_origination", detail, (), "key")
    if len(enabled) == 1:
        detail = "It has one enabled SIP URL."
        yield Finding("single_origination", detail, ("origination",), "key")

    if not trunk.secure:
        detail = "Signalling and voice are not encrypted."
        yield Finding("trunk_not_secure", detail, ("secure",), "key")
    if trunk.disaster_recovery is None:
        detail = "When no origination URL answers, callers hear a busy tone."
        yield Finding("missing_disaster_recovery", detail, (), "key")
    if not trunk.ip_access_control_lists and not trunk.credential_lists:
        detail = "It declares no access list and no credential list."
        yield Finding("trunk_without_authentication", detail, (), "key")


def _check_targets(trunk: Trunk, domains: set[str]) -> Iterator[Finding]:
    for index, target in enumerate(trunk.origination):
        host = sip_host(target.sip_url).lower()
        # Regional hosts (`name.pstn.dublin.twilio.com`) belong to the same trunk.
        domain = f"{host.split('.')[0]}.pstn.twilio.com"
        if host.endswith(".twilio.com") and domain in domains:
            detail = f"{host} is a trunk of this configuration."
            yield Finding("trunk_loop", detail, ("origination", index, "sip_url"))


def _check_destinations(settings: Settings, profiles: Sequence[Profile]) -> Iterator[Diagnostic]:
    """Check that the trunks of numbers whose agents run on a platform lead there."""
    pairs: set[tuple[str, str]] = set()
    for profile in profiles:
        platform = settings.platforms.get(profile.options.platform or "")
        if platform is not None and platform.value is not None:
            for trunk in _trunk_names([profile]):
                pairs.add((trunk, platform.value.type))

    for name, type_ in sorted(pairs):
        declared, kind = settings.trunks.get(name), PLATFORM_KINDS[type_]
        if declared is None or declared.value is None or not kind.sip_hosts:
            continue

        hosts = [
            sip_host(each.sip_url).lower() for each in declared.value.origination if each.enabled
        ]
        if not any(_matches(host, kind.sip_hosts) for host in hosts):
            detail = (
                f"{kind.title} answers the calls of its numbers at {kind.sip_hosts[0]}. Add to the trunk:\n"
                f'  origination: [{{sip_url: "sip:{kind.sip_hosts[0]};transport=tcp"}}]'
            )
            position = find_place(declared.place, ("origination",)).at("key")
            yield _at("origination_elsewhere", detail, position, f"trunk/{name}")


def _matches(host: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(host, pattern) for pattern in patterns)


def _check_networks(trunk: Trunk) -> Iterator[Finding]:
    for place, used in enumerate(trunk.ip_access_control_lists):
        for index, address in enumerate(used.addresses or ()):
            if ipaddress.ip_network(address.cidr, strict=False).prefixlen <= _WIDEST_IPV4:
                loc = ("ip_access_control_lists", place, "addresses", index, "cidr")
                detail = f"{address.cidr} covers a large part of the internet."
                yield Finding("open_network", detail, loc)


def _check_bridges(settings: Settings, desired: Sequence[Desired]) -> Iterator[Diagnostic]:
    agents_by_url: dict[str, str] = {}
    for name, (_, agent) in settings.agents.items():
        if agent is not None and agent.webhooks and agent.webhooks.voice:
            agents_by_url[agent.webhooks.voice.url] = name

    for bridge in desired:
        if bridge.kind != "bridge_number":
            continue
        voice = bridge.profile.attrs.get("voice")
        if isinstance(voice, Webhook) and voice.url in agents_by_url:
            detail = (
                f"Its webhook is that of agent `{agents_by_url[voice.url]}`: a transfer through it "
                "returns to the agent."
            )
            yield _at("bridge_rings_agent", detail, bridge.position, bridge.address)
