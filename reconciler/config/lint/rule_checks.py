"""A valid configuration in, the traps that it holds out; each at its place. What URLs say themselves is in `urls`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
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
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired, Profile
from reconciler.model.position import Position
from reconciler.model.route import TrunkRoute, Webhook

if TYPE_CHECKING:
    from reconciler.config.sections.trunk import Trunk

_WIDEST_IPV4 = 7
"""A network of /7 or wider is a share of the internet, not somebody's."""


def check_rules(settings: Settings, desired: Sequence[Desired]) -> list[Diagnostic]:
    """All traps between the lines of a valid configuration."""
    profiles = list({id(w.profile): w.profile for w in desired if w.kind in NUMBER_KINDS}.values())
    return [
        *_agents(settings, {profile.options.agent for profile in profiles}),
        *_trunks(settings, set(_trunk_names(profiles))),
        *_bridges(settings, desired),
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


def _agents(settings: Settings, used: set[str | None]) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for name, (place, agent) in settings.agents.items():
        if agent is None:
            continue
        if name not in used:
            yield _at("unused_agent", f"No number names agent `{name}`.", place.at("key"))
        if agent.webhooks is not None:
            same = seen.setdefault(repr(webhook_parts_of(agent.webhooks)), name)
            if same != name:
                yield _at(
                    "duplicate_agent",
                    f"`{name}` and `{same}` have the same webhooks.",
                    place.at("key"),
                )
        for finding in _hooks(agent):
            yield _at(finding.code, finding.detail, find_place(place, finding.loc).at(finding.side))


def _hooks(agent: Agent) -> Iterator[Finding]:
    if agent.webhooks is None:
        return
    for part, hook in hooks_of(agent.webhooks):
        yield from _hook(hook, ("webhooks", part))
    if agent.webhooks.voice is not None and agent.webhooks.status is None:
        yield Finding(
            "missing_status",
            "Its calls are answered, and nobody hears when they end.",
            ("webhooks",),
            "key",
        )
    if agent.webhooks.voice is not None and not agent.webhooks.voice.fallback_url:
        detail = "When this URL fails, callers hear an error. Add `fallback_url`."
        yield Finding("missing_fallback", detail, ("webhooks", "voice"), "key")


def _hook(hook: Hook | StatusHook, loc: Loc) -> Iterator[Finding]:
    if hook.method == "GET":
        yield Finding(
            "get_webhook",
            "What is said in the call becomes part of the URL. Use POST.",
            (*loc, "method"),
        )
    if isinstance(hook, Hook) and hook.fallback_url:
        if canonical_webhook(hook) == Webhook(hook.url, hook.method, hook.url, hook.method):
            yield Finding(
                "fallback_is_url", "The fallback asks the same URL again.", (*loc, "fallback_url")
            )
        elif urlsplit(hook.fallback_url).hostname == urlsplit(hook.url).hostname:
            detail = "URL and fallback are on one host, and fail together."
            yield Finding("fallback_same_host", detail, (*loc, "fallback_url"))


def _trunks(settings: Settings, used: set[str]) -> Iterator[Diagnostic]:
    domains = {
        entry.value.domain
        for entry in settings.trunks.values()
        if entry.value and entry.value.domain
    }
    for name, (place, trunk) in settings.trunks.items():
        if trunk is None:
            continue
        address = f"trunk/{name}"
        if name not in used:
            yield _at("unused_trunk", f"No number names trunk `{name}`.", place.at("key"), address)
        for finding in (*_trunk(trunk, name in used), *_targets(trunk, domains), *_networks(trunk)):
            yield _at(
                finding.code,
                finding.detail,
                find_place(place, finding.loc).at(finding.side),
                address,
            )


def _trunk(trunk: Trunk, used: bool) -> Iterator[Finding]:
    enabled = sum(target.enabled for target in trunk.origination)
    if (
        used and trunk.origination and not enabled
    ):  # undeclared ones may be on Twilio, and are left alone
        yield Finding(
            "no_origination",
            "Calls to its numbers reach nobody: it has no enabled origination URL.",
            (),
            "key",
        )
    if enabled == 1:
        yield Finding(
            "single_origination", "It has one enabled origination URL.", ("origination",), "key"
        )
    if not trunk.secure:
        yield Finding(
            "trunk_not_secure", "Signalling and voice travel in the clear.", ("secure",), "key"
        )
    if trunk.disaster_recovery is None:
        yield Finding(
            "missing_disaster_recovery",
            "When nothing answers, callers hear a busy tone.",
            (),
            "key",
        )
    if not trunk.ip_access_control_lists and not trunk.credential_lists:
        yield Finding(
            "trunk_without_authentication",
            "It declares no access and no credential list.",
            (),
            "key",
        )


def _targets(trunk: Trunk, domains: set[str]) -> Iterator[Finding]:
    for index, target in enumerate(trunk.origination):
        host = sip_host(target.sip_url).lower()
        ours = f"{host.split('.')[0]}.pstn.twilio.com"
        if host.endswith(".twilio.com") and ours in domains:
            yield Finding(
                "trunk_loop",
                f"{host} is a trunk that is declared here.",
                ("origination", index, "sip_url"),
            )


def _networks(trunk: Trunk) -> Iterator[Finding]:
    for place, used in enumerate(trunk.ip_access_control_lists):
        for index, address in enumerate(used.addresses or ()):
            if ipaddress.ip_network(address.cidr, strict=False).prefixlen <= _WIDEST_IPV4:
                loc = ("ip_access_control_lists", place, "addresses", index, "cidr")
                yield Finding(
                    "open_network", f"{address.cidr} is a share of the whole internet.", loc
                )


def _bridges(settings: Settings, desired: Sequence[Desired]) -> Iterator[Diagnostic]:
    voices = {
        entry.value.webhooks.voice.url: name
        for name, entry in settings.agents.items()
        if entry.value and entry.value.webhooks and entry.value.webhooks.voice
    }
    for want in [want for want in desired if want.kind == "bridge_number"]:
        voice = want.profile.attrs.get("voice")
        if isinstance(voice, Webhook) and voice.url in voices:
            detail = f"Its webhook is that of agent `{voices[voice.url]}`: a transfer through it comes back."
            yield _at("bridge_rings_agent", detail, want.position, want.address)
