"""Define the lint rules as a table: id, level, what it is about, why it matters, what to do;
classify diagnostics as refusing violations or as warnings of the configuration alone.
docs/reference/lint.md is written against it.

`warning` is shown by `validate` and `lint`, and counted by other commands; `info` is shown by `lint`
alone; `error` makes plan and apply refuse.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from reconciler.config.codes import WARNINGS
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
        "A bridge number calls an agent",
        "A warm transfer that ends at the agent that started it is an endless loop.",
        "Give the bridge number the webhook of the service that connects the caller to a person.",
    ),
    "credentials_in_url": Rule(
        "warning",
        "The URL contains credentials",
        "Anyone who can read the repository, the state or a plan can read them.",
        "Verify Twilio's signature in the agent instead.",
    ),
    "demo_url": Rule(
        "warning",
        "The URL is Twilio's demo page",
        "It plays a greeting and hangs up, so callers do not reach an agent.",
        "Declare the agent's own URL.",
    ),
    "duplicate_agent": Rule(
        "info",
        "Two agents have the same content",
        "A change to one of them can easily be forgotten in the other.",
        "Keep one agent, and use it for the numbers of both.",
    ),
    "fallback_is_url": Rule(
        "warning",
        "The fallback is the same URL",
        "When the URL fails, Twilio requests the same URL again.",
        "Use another server, or remove the fallback.",
    ),
    "fallback_same_host": Rule(
        "info",
        "The fallback is on the same host",
        "When the host fails, the fallback fails too.",
        "Use another host. A static page with TwiML is enough.",
    ),
    "get_webhook": Rule(
        "info",
        "A webhook uses GET",
        "With GET, callers' numbers and their words are part of the URL, so every proxy on the path can log them.",
        "Use POST, the default.",
    ),
    "insecure_url": Rule(
        "warning",
        "The URL is not encrypted",
        "Calls, messages and Twilio's signature are sent unencrypted.",
        "Use https://.",
    ),
    "loopback_url": Rule(
        "warning",
        "Twilio cannot reach this URL",
        "A name or address of a local machine or network is not reachable from Twilio (error 11205).",
        "Declare a public address.",
    ),
    "messages_dropped": Rule(
        "warning",
        "The messaging service drops messages",
        "Without a webhook, Twilio drops each message to its numbers and does not log it.",
        "Set `inbound`, or `use_number_webhook: true` so that each number's own webhook answers.",
    ),
    "missing_disaster_recovery": Rule(
        "info",
        "A trunk has no disaster recovery",
        "When no origination URL answers, callers hear a busy tone.",
        "Set `disaster_recovery: {url: …}` to TwiML for this case.",
    ),
    "missing_fallback": Rule(
        "info",
        "A voice webhook has no fallback",
        "Twilio waits at most 15 seconds. Without a fallback the caller then hears an error.",
        "Set `voice: {url: …, fallback_url: …}` with a fallback on another host.",
    ),
    "missing_status": Rule(
        "info",
        "An agent has no status webhook",
        "Without `status`, the agent cannot distinguish a dropped call from a finished call.",
        "Set `webhooks: {status: …}`.",
    ),
    "no_origination": Rule(
        "warning",
        "A trunk has no enabled origination URL",
        "Numbers use this trunk, but no declared origination URL is enabled, so no call is answered.",
        "Enable an origination URL, or declare another one under `origination`.",
    ),
    "open_network": Rule(
        "warning",
        "A trunk accepts calls from a very large network",
        "Anyone in that network who finds the trunk's domain can make calls at your cost.",
        "List only the networks of your own servers.",
    ),
    "origination_elsewhere": Rule(
        "warning",
        "A trunk does not lead to the platform of its numbers",
        "The agents of its numbers run on a platform, and no declared origination URL sends calls there.",
        "Declare the origination URL of the platform, or switch the rule off where a server in between forwards calls.",
    ),
    "single_origination": Rule(
        "info",
        "A trunk has only one origination URL",
        "When that server fails, no number on the trunk works.",
        "Declare a second origination URL with a higher priority.",
    ),
    "trunk_loop": Rule(
        "warning",
        "A trunk sends its calls to a trunk of the same configuration",
        "An incoming call is sent back to Twilio and can loop.",
        "Use your own SIP server under `origination`.",
    ),
    "trunk_not_secure": Rule(
        "info",
        "A trunk is not encrypted",
        "Signalling and voice are sent unencrypted.",
        "Set `secure: true`, and use SIP servers that support TLS and SRTP.",
    ),
    "trunk_without_authentication": Rule(
        "info",
        "A trunk has no authentication for outgoing calls",
        "Without access or credential lists, Twilio refuses outgoing calls. Nobody reviews lists that are made by hand.",
        "Declare `ip_access_control_lists` or `credential_lists`.",
    ),
    "tunnel_url": Rule(
        "warning",
        "The URL is a temporary tunnel",
        "When the machine behind the tunnel is off, no call is answered.",
        "Declare the address of a permanent server.",
    ),
    "unusable_number": Rule(
        "warning",
        "The number has no use",
        "It neither receives nor makes calls, and it still costs money.",
        "Set `supports_inbound` or `supports_outbound`, or remove it.",
    ),
    "unused_agent": Rule(
        "info",
        "An agent is not used",
        "Perhaps a number that should use it is missing.",
        "Use it for a number, or remove it.",
    ),
    "unused_trunk": Rule(
        "info",
        "A trunk is not used",
        "Perhaps a number that should use it is missing.",
        "Use it for a number, or remove it.",
    ),
}


def is_violation(d: Diagnostic) -> bool:
    """Return whether this is a violated rule or policy of level error, which refuses plan and
    apply.
    """
    return d.severity == "error" and (d.code in RULES or d.code == "policy_violated")


def is_static_warning(found: Diagnostic) -> bool:
    """Return whether a diagnostic of a saved plan is a warning of the configuration alone."""
    return found.severity == "warning" and (found.code in RULES or found.code in WARNINGS)
