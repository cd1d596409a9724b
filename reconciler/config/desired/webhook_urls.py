"""List the URLs of webhooks, and return lint warnings about them (tunnel, loopback, demo,
unencrypted, with credentials …); pure.

Messages never quote a URL, because it may hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from reconciler.config.advice.findings import Finding
from reconciler.config.sections.agent import AgentWebhooks, Hook, StatusHook, Webhooks
from reconciler.config.source.nodes import Loc
from reconciler.planning.decide.takeover import DEMO_HOST

_TUNNELS = (
    "bore.pub",
    "devtunnels.ms",
    "expose.dev",
    "lhr.life",
    "loca.lt",
    "localhost.run",
    "localtunnel.me",
    "localxpose.io",
    "ngrok-free.app",
    "ngrok-free.dev",
    "ngrok.app",
    "ngrok.dev",
    "ngrok.io",
    "pagekite.me",
    "pinggy.io",
    "pinggy.link",
    "serveo.net",
    "share.zrok.io",
    "sharedwithexpose.com",
    "srv.us",
    "telebit.io",
    "trycloudflare.com",
    "tunnelmole.net",
)
_SECRET = re.compile(
    r"(?i)^[\w.-]*(token|secret|api_?-?key|auth|password|passwd|pwd|signature)[\w.-]*$|^(sig|key)$"
)
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa", "test", "invalid")


def lint_url(url: str, loc: Loc = ()) -> list[Finding]:
    """Return the warnings about a valid URL."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    found = list(_check_host(host, loc))

    # A local URL already has a warning; without TLS nothing more is at risk there.
    if parts.scheme == "http" and not found:
        detail = "Calls, messages and Twilio's signature are not encrypted. Use https://."
        found.append(Finding("insecure_url", detail, loc))

    if parts.username or parts.password:
        detail = (
            "A user or password in a URL appears in the state and in reports. Verify Twilio's "
            "signature instead."
        )
        found.append(Finding("credentials_in_url", detail, loc))
    for name in sorted(_secret_parameters(parts.query)):
        detail = (
            f"The query parameter `{name}` looks like a secret, and appears in the state and in "
            "reports. Verify Twilio's signature instead."
        )
        found.append(Finding("credentials_in_url", detail, loc))
    return found


def _secret_parameters(query: str) -> set[str]:
    names = set()
    for name, value in parse_qsl(query):
        if value and _SECRET.search(name):
            names.add(name)
    return names


def _check_host(host: str, loc: Loc) -> Iterator[Finding]:
    if host == DEMO_HOST:
        detail = f"{DEMO_HOST} only plays a greeting: callers reach no agent."
        yield Finding("demo_url", detail, loc)
    elif _is_below(host, _TUNNELS):
        detail = f"{host} is a temporary tunnel: when it closes, calls are not answered."
        yield Finding("tunnel_url", detail, loc)
    elif _is_below(host, _LOCAL_NAMES) or _is_private(host):
        detail = f"{host} exists only on this machine or network; Twilio cannot reach it."
        yield Finding("loopback_url", detail, loc)


def _is_below(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith("." + domain) for domain in domains)


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def urls_of(hook: Hook | StatusHook | None) -> Iterator[tuple[str, str]]:
    """Yield the URLs of a webhook, each with its field."""
    if hook is not None:
        yield "url", hook.url
        if isinstance(hook, Hook) and hook.fallback_url:
            yield "fallback_url", hook.fallback_url


def hooks_of(webhooks: Webhooks | None) -> Iterator[tuple[str, Hook | StatusHook]]:
    """Yield the webhooks that are declared, each with its part."""
    if webhooks is None:
        return

    parts = {"voice": webhooks.voice, "sms": webhooks.sms, "status": webhooks.status}
    recording = webhooks.recording_status if isinstance(webhooks, AgentWebhooks) else None
    for part, hook in {**parts, "recording_status": recording}.items():
        if hook is not None:
            yield part, hook


def lint_hook(hook: Hook | StatusHook | None, loc: Loc) -> list[Finding]:
    """Return the warnings about all URLs of a webhook."""
    findings: list[Finding] = []
    for field, url in urls_of(hook):
        findings += lint_url(url, (*loc, field))
    return findings


def lint_webhooks(webhooks: Webhooks | None, loc: Loc) -> list[Finding]:
    """Return the warnings about all URLs of a set of webhooks."""
    findings: list[Finding] = []
    for part, hook in hooks_of(webhooks):
        findings += lint_hook(hook, (*loc, part))
    return findings
