"""Match URLs with the rules of Twilio's webhook configuration, and find the connection overrides in
a URL's fragment that a setting replaces; no I/O.

| order | rule         | applies to                                        |
|-------|--------------|---------------------------------------------------|
| 1     | EXACT_MATCH  | the URL itself                                    |
| 2     | PREFIX_MATCH | URLs that begin with it, the longest prefix first |
| 3     | DEFAULT      | every other URL                                   |

Twilio's documents leave open whether the query of a URL is compared, so a rule matches with or
without it. The fragment is no part of the request. Sources:
https://www.twilio.com/docs/usage/webhooks/webhook-rules,
https://www.twilio.com/docs/usage/webhooks/webhook-settings,
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from reconciler.kinds.kind import Endpoint

RULES = Endpoint("GET", "webhooks", "/v1/Webhooks/Rules?pageSize=100", items="rules", optional=True)
SETTINGS = Endpoint(
    "GET", "webhooks", "/v1/Webhooks/Settings?pageSize=100", items="settings", optional=True
)
"""An account has at most 50 rules and 50 settings, so one page holds all."""

MatchType = Literal["EXACT_MATCH", "PREFIX_MATCH", "DEFAULT"]
_PATTERN_FIELDS = {"EXACT_MATCH": "value", "PREFIX_MATCH": "prefix"}
_CONNECTION = ("ct", "rt", "tt", "rc", "rp")
"""Overrides of timeouts and retries: the connection of a setting replaces all of them."""
OVERRIDES = frozenset({*_CONNECTION, "e", "sni"})
"""The parameters of a fragment that are connection overrides."""


class Rule(msgspec.Struct, frozen=True):
    """One rule: the URLs that it matches, and the ids of the settings that it applies."""

    id: str
    match: MatchType
    pattern: str
    settings: tuple[str, ...]


class Setting(msgspec.Struct, frozen=True):
    """One setting; `replaces` are the connection overrides of a URL that it replaces."""

    id: str
    name: str
    replaces: frozenset[str]


class WebhookRules(msgspec.Struct, frozen=True):
    """The rules of one account, and its settings by id."""

    rules: tuple[Rule, ...] = ()
    settings: Mapping[str, Setting] = {}


def read_rule(row: Mapping[str, Any]) -> Rule | None:
    """Return a rule from its row; None for one that no URL can be compared with."""
    match = row.get("matchType")
    pattern: object = ""
    if match in _PATTERN_FIELDS:
        pattern = row.get(_PATTERN_FIELDS[match])
    if match not in ("EXACT_MATCH", "PREFIX_MATCH", "DEFAULT") or not isinstance(pattern, str):
        return None

    settings: list[str] = []
    references = row.get("settings")
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, dict) and isinstance(reference.get("settingId"), str):
            settings.append(reference["settingId"])
    return Rule(str(row.get("id") or ""), match, pattern, tuple(settings))


def read_setting(row: Mapping[str, Any]) -> Setting:
    """Return a setting from its row. One of Twilio's own (SYSTEM) leaves the overrides of a URL in
    effect.
    """
    replaced: set[str] = set()
    if row.get("type") != "SYSTEM" and row.get("kind") != "SYSTEM":
        replaced.add("sni")  # a setting of one's own always uses it
        if isinstance(row.get("connection"), dict):
            replaced.update(_CONNECTION)
        if isinstance(row.get("edgeZones"), dict):
            replaced.add("e")
    name = row.get("friendlyName")
    return Setting(
        str(row.get("id") or ""), name if isinstance(name, str) else "", frozenset(replaced)
    )


def find_rule(rules: Iterable[Rule], url: str) -> Rule | None:
    """Return the rule that Twilio applies to a URL; None where none matches."""
    whole = url.partition("#")[0]
    forms = {whole, whole.partition("?")[0]}
    best: Rule | None = None
    for rule in rules:
        if _matches(rule, forms) and (best is None or _rank(rule) > _rank(best)):
            best = rule
    return best


def _matches(rule: Rule, forms: set[str]) -> bool:
    if rule.match == "DEFAULT":
        return True
    if rule.match == "EXACT_MATCH":
        return bool(forms & {rule.pattern, f"{rule.pattern}/"})
    return bool(rule.pattern) and any(form.startswith(rule.pattern) for form in forms)


def _rank(rule: Rule) -> tuple[int, int]:
    order = {"EXACT_MATCH": 2, "PREFIX_MATCH": 1, "DEFAULT": 0}
    return order[rule.match], len(rule.pattern)


def list_overrides(url: str) -> Sequence[str]:
    """Return the connection overrides in the fragment of a URL, in its order."""
    fragment = url.partition("#")[2]
    found: list[str] = []
    for name, _ in parse_qsl(fragment, keep_blank_values=True):
        if name in OVERRIDES and name not in found:
            found.append(name)
    return found


def list_replaced(url: str, rule: Rule, settings: Mapping[str, Setting]) -> list[str]:
    """Return the overrides in a URL that one of the settings of its rule replaces.

    A setting that is not known may replace all of them.
    """
    replaced: list[str] = []
    for name in list_overrides(url):
        for setting_id in rule.settings:
            setting = settings.get(setting_id)
            if (setting is None or name in setting.replaces) and name not in replaced:
                replaced.append(name)
    return replaced
