"""The rules as a table: id, level, what it is about, why it matters, what to do.
docs/reference/lint.md is written against it.

`warning` is shown by every command, `info` by `reconciler lint` alone, `error` makes plan and apply
refuse.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from reconciler.diagnostics import Diagnostic

Level = Literal["info", "warning", "error"]


class Rule(NamedTuple):
    """One rule; `summary` is constant and short."""

    level: Level
    summary: str
    why: str
    cure: str


RULES: dict[str, Rule] = {
    "bridge_rings_agent": Rule(
        "warning",
        "A bridge number rings an agent",
        "A warm transfer that ends at the agent it came from goes round and round.",
        "Give the bridge number the webhook of the service that connects people.",
    ),
    "credentials_in_url": Rule(
        "warning",
        "The URL holds credentials",
        "Whoever reads the repository, the state or a plan can read them.",
        "Verify Twilio's signature in the agent instead.",
    ),
    "demo_url": Rule(
        "warning",
        "The URL is Twilio's demo",
        "It plays a greeting and hangs up: callers reach nobody.",
        "Declare the agent's own URL.",
    ),
    "duplicate_agent": Rule(
        "info",
        "Two agents are the same",
        "Who changes one of them leaves the other behind.",
        "Keep one, and name it on the numbers of both.",
    ),
    "fallback_is_url": Rule(
        "warning",
        "The fallback is the URL itself",
        "When the URL fails, the same URL is asked again.",
        "Name another server, or leave the fallback out.",
    ),
    "fallback_same_host": Rule(
        "info",
        "The fallback is on the same host",
        "What takes the host down takes the fallback with it.",
        "Name another host: a static page with TwiML is enough.",
    ),
    "get_webhook": Rule(
        "info",
        "A webhook is asked by GET",
        "Callers' numbers and what they say then stand in the logs of every proxy on the way, as part of the URL.",
        "Use POST, the default.",
    ),
    "insecure_url": Rule(
        "warning",
        "The URL is not encrypted",
        "Calls, messages and Twilio's signature travel in the clear.",
        "Use https://.",
    ),
    "loopback_url": Rule(
        "warning",
        "Twilio cannot reach this URL",
        "A name or address of this machine or network means nothing to Twilio (its error 11205).",
        "Declare a public address.",
    ),
    "missing_disaster_recovery": Rule(
        "info",
        "A trunk has no disaster recovery",
        "When no origination URL answers, callers hear a busy tone.",
        "`disaster_recovery: {url: …}` names TwiML for that case.",
    ),
    "missing_fallback": Rule(
        "info",
        "A voice webhook has no fallback",
        "Twilio gives up after 15 seconds; without a fallback the caller hears an error.",
        "`voice: {url: …, fallback_url: …}`, on another host.",
    ),
    "missing_status": Rule(
        "info",
        "An agent never learns how a call ended",
        "Without `status`, calls that drop are not told from calls that are over.",
        "`webhooks: {status: …}`.",
    ),
    "no_origination": Rule(
        "warning",
        "A trunk sends its calls nowhere",
        "Numbers are on it, and none of the origination URLs that it declares is enabled: callers reach nobody.",
        "Enable one, or declare another under `origination`.",
    ),
    "open_network": Rule(
        "warning",
        "A trunk takes calls from half the internet",
        "Whoever finds the trunk's domain can call through it at your cost.",
        "List the networks of your own servers.",
    ),
    "single_origination": Rule(
        "info",
        "A trunk has one place to send calls to",
        "When that one is down, all numbers of the trunk are.",
        "Declare a second origination URL with a higher priority.",
    ),
    "trunk_loop": Rule(
        "warning",
        "A trunk sends its calls to a trunk of ours",
        "A call that comes in goes out again to where it came from.",
        "Name your own SIP server under `origination`.",
    ),
    "trunk_not_secure": Rule(
        "info",
        "A trunk is not encrypted",
        "Signalling and voice travel in the clear.",
        "`secure: true`, and SIP servers that speak TLS and SRTP.",
    ),
    "trunk_without_authentication": Rule(
        "info",
        "Nobody may call through a trunk",
        "Without access or credential lists outgoing calls are refused; lists that are made by hand nobody reviews.",
        "Declare `ip_access_control_lists` or `credential_lists`.",
    ),
    "tunnel_url": Rule(
        "warning",
        "The URL is a temporary tunnel",
        "When somebody's machine sleeps, callers reach nobody.",
        "Declare the address of a server that stays.",
    ),
    "unusable_number": Rule(
        "warning",
        "The number is used for nothing",
        "It takes no calls and makes none, and costs money.",
        "Set `supports_inbound` or `supports_outbound`, or remove it.",
    ),
    "unused_agent": Rule(
        "info",
        "Nobody uses an agent",
        "It may be a number that was forgotten.",
        "Name it on a number, or remove it.",
    ),
    "unused_trunk": Rule(
        "info",
        "Nobody uses a trunk",
        "It may be a number that was forgotten.",
        "Name it on a number, or remove it.",
    ),
}


def is_violation(d: Diagnostic) -> bool:
    """Return whether this is a violated rule or policy of level error, which refuses plan and
    apply.
    """
    return d.severity == "error" and (d.code in RULES or d.code == "policy_violated")
