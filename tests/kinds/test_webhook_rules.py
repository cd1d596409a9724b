"""Which rule of Twilio's webhook configuration applies to a URL, and which overrides it replaces."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.webhook_rules import (
    Rule,
    find_rule,
    list_overrides,
    list_replaced,
    read_rule,
    read_setting,
)

HOST = "https://agents.example.com"
EXACT = Rule("exact", "EXACT_MATCH", f"{HOST}/a/b", ("s",))
LONG = Rule("long", "PREFIX_MATCH", f"{HOST}/a/", ("s",))
SHORT = Rule("short", "PREFIX_MATCH", f"{HOST}/", ("s",))
DEFAULT = Rule("default", "DEFAULT", "", ("s",))
RULES = (DEFAULT, SHORT, LONG, EXACT)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{HOST}/a/b", EXACT),
        (f"{HOST}/a/b/", EXACT),
        (f"{HOST}/a/b#ct=1", EXACT),
        (f"{HOST}/a/b?x=1#ct=1", EXACT),
        (f"{HOST}/a/bc", LONG),
        (f"{HOST}/b", SHORT),
        ("https://agents.example.com.evil.example/", DEFAULT),
        ("", DEFAULT),
    ],
)
@pytest.mark.parametrize("rules", [RULES, RULES[::-1]], ids=["ascending", "descending"])
def test_the_most_exact_rule_applies(url: str, expected: Rule, rules: tuple[Rule, ...]) -> None:
    assert find_rule(rules, url) is expected


def test_no_rule_applies_to_a_url_that_none_matches() -> None:
    assert find_rule((EXACT, LONG), f"{HOST}/other") is None
    assert find_rule((Rule("x", "PREFIX_MATCH", "", ()),), HOST) is None


def test_only_known_parameters_of_a_fragment_are_overrides() -> None:
    assert list_overrides(f"{HOST}/?ct=1#rc=3&x=1&ct=1000&rp=5xx&rc=2&sni=y") == [
        "rc",
        "ct",
        "rp",
        "sni",
    ]
    assert list_overrides(HOST) == []


@pytest.mark.parametrize(
    ("row", "replaced"),
    [
        ({"connection": {}}, ["ct", "rp", "sni"]),
        ({"edgeZones": {"zones": ["dublin"]}}, ["e", "sni"]),
        ({"type": "CUSTOM"}, ["sni"]),
        ({"type": "SYSTEM", "connection": {}}, []),
    ],
)
def test_a_setting_replaces_the_overrides_that_it_has_a_value_for(
    row: dict[str, Any], replaced: list[str]
) -> None:
    setting = read_setting({"id": "s", **row})
    found = list_replaced(f"{HOST}/#ct=1&rp=5xx&e=dublin&sni=n", DEFAULT, {"s": setting})
    assert sorted(found) == sorted(replaced)


def test_a_setting_that_is_not_known_may_replace_everything() -> None:
    assert list_replaced(f"{HOST}/#ct=1&e=dublin", DEFAULT, {}) == ["ct", "e"]


@pytest.mark.parametrize(
    "row",
    [
        {"matchType": "REGEX", "value": "x"},
        {"matchType": "EXACT_MATCH", "value": None},
        {"matchType": "PREFIX_MATCH", "value": "x"},
        {"matchType": 3},
        {},
    ],
)
def test_a_rule_of_an_unknown_form_is_not_read(row: dict[str, Any]) -> None:
    assert read_rule(row) is None
