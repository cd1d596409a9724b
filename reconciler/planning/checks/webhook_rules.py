"""Name what the rules of Twilio's webhook configuration apply to, and the overrides in URLs that they
replace; pure.

The rules of an account are asked for where it declares `check_webhook_rules`, or where one of its
managed URLs has connection overrides in its fragment (docs/decisions/0044).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.webhook_rules import (
    Rule,
    WebhookRules,
    find_rule,
    list_overrides,
    list_replaced,
)
from reconciler.model.desired import Desired
from reconciler.model.identity_map import IdentityMap
from reconciler.model.route import Attrs, Webhook
from reconciler.planning.checks.secrecy import mask_all

_MOST_NAMED = 5
_URL_FIELDS = (
    "inbound_request_url",
    "fallback_url",
    "status_callback",
    "message_status_callback",
    "sms_status_callback",
    "disaster_recovery_url",
)
_Urls = dict[str, dict[str, list[Desired]]]
"""Account → URL → the resources that declare it."""


class RuleFacts(msgspec.Struct, frozen=True):
    """The rules of the accounts that were read, and the reason for each that was not."""

    rules: Mapping[str, WebhookRules] = {}
    unread: Mapping[str, str] = {}


def list_urls(attrs: Attrs) -> Iterator[str]:
    """Yield the URLs that these attributes declare."""
    for name, value in attrs.items():
        if isinstance(value, Webhook):
            yield from filter(None, (value.url, value.fallback_url))
        elif name in _URL_FIELDS and isinstance(value, str) and value:
            yield value


def list_accounts_to_ask(desired: Iterable[Desired], required: Collection[str]) -> set[str]:
    """Return the accounts whose rules matter: those of `required` that declare a URL, and those
    with overrides in one.
    """
    accounts: set[str] = set()
    known: IdentityMap[bool] = IdentityMap()
    for each in desired:  # hot path: numbers that are declared alike share a profile
        profile = each.profile
        if profile.account in accounts or known.get(profile) is not None:
            continue
        known.put(True, profile)
        urls = list(list_urls(profile.attrs))
        if urls and (profile.account in required or any(map(list_overrides, urls))):
            accounts.add(profile.account)
    return accounts


def find_rule_effects(
    desired: Iterable[Desired], facts: RuleFacts, required: Collection[str]
) -> Iterator[Diagnostic]:
    """Yield what each rule applies to, the overrides that it replaces, and what is not known."""
    for account, reason in sorted(facts.unread.items()):
        yield _unknown(account, reason, is_required=account in required)
    if not facts.rules:
        return

    for account, urls in sorted(_index_urls(desired, facts.rules).items()):
        found = facts.rules[account]
        by_rule: dict[Rule, dict[str, list[Desired]]] = {}
        for url, users in sorted(urls.items()):
            rule = find_rule(found.rules, url)
            if rule is not None:
                by_rule.setdefault(rule, {})[url] = users
        for rule, matched in by_rule.items():
            yield _applies(account, rule, matched, found)
            for url, users in matched.items():
                replaced = list_replaced(url, rule, found.settings)
                if replaced:
                    yield _overridden(url, users, rule, replaced)


def _index_urls(desired: Iterable[Desired], accounts: Collection[str]) -> _Urls:
    urls: _Urls = {}
    for each in desired:
        if each.profile.account not in accounts:
            continue
        of_account = urls.setdefault(each.profile.account, {})
        for url in dict.fromkeys(list_urls(each.profile.attrs)):
            of_account.setdefault(url, []).append(each)
    return urls


def _applies(
    account: str, rule: Rule, matched: Mapping[str, list[Desired]], found: WebhookRules
) -> Diagnostic:
    users: dict[str, Desired] = {}
    for each in matched.values():
        users.update((user.address, user) for user in each)

    names: list[str] = []
    for setting_id in rule.settings:
        setting = found.settings.get(setting_id)
        names.append(f"`{setting.name}` ({setting_id})" if setting and setting.name else setting_id)
    detail = (
        f"Rule {rule.id} of account `{account}` ({_describe(rule)}) applies the setting "
        f"{' and '.join(names) or 'unknown'} to {_name(users)}."
    )
    first = next(iter(users.values()))
    return Diagnostic.at(
        first.position,
        severity="info",
        code="webhook_rule_applies",
        summary="A webhook rule of Twilio applies",
        detail=detail,
        address=first.address if len(users) == 1 else None,
    )


def _overridden(
    url: str, users: list[Desired], rule: Rule, replaced: Collection[str]
) -> Diagnostic:
    named = ", ".join(f"`{name}`" for name in replaced)
    return Diagnostic.at(
        users[0].position,
        severity="warning",
        code="webhook_fragment_overridden",
        summary="A webhook rule replaces overrides in a URL",
        detail=f"In {mask_all(url)} of {_name({each.address: each for each in users})}, {named} has no "
        f"effect: rule {rule.id} ({_describe(rule)}) applies a setting in its place. Remove the fragment, "
        "or change the setting on Twilio.",
        address=users[0].address if len(users) == 1 else None,
    )


def _unknown(account: str, reason: str, *, is_required: bool) -> Diagnostic:
    return Diagnostic(
        severity="warning" if is_required else "info",
        code="webhook_rules_unknown",
        summary="Webhook rules not checked",
        detail=f"Whether a rule of Twilio's webhook configuration applies to the webhooks of account "
        f"`{account}` is not known: {reason}",
    )


def _describe(rule: Rule) -> str:
    if rule.match == "DEFAULT":
        return "the default rule"
    kind = "exactly" if rule.match == "EXACT_MATCH" else "URLs that begin with"
    return f"{kind} {mask_all(rule.pattern)}"


def _name(users: Mapping[str, Desired]) -> str:
    """Return the addresses in words; at most a few are named."""
    addresses = sorted(users)
    more = len(addresses) - _MOST_NAMED
    named = ", ".join(addresses[:_MOST_NAMED])
    return f"{named} and {more:,} more" if more > 0 else named
