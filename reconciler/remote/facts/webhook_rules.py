"""Read the rules and settings of Twilio's webhook configuration, where an account has it.

One call for an account, and a second one if it has rules. An account without this API answers 403 or
404; its rules are unknown then, never "none".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.webhook_rules import (
    RULES,
    SETTINGS,
    Setting,
    WebhookRules,
    read_rule,
    read_setting,
)
from reconciler.planning.checks.webhook_rules import RuleFacts
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import map_each

_NOT_AVAILABLE = "the account does not have this API, or the key lacks the permission."
_WORKERS = 8


class _Unknown(Exception):
    """The rules are not known; the message says why."""


def read_rules(accounts: Collection[str], gateways: Mapping[str, Gateway]) -> RuleFacts:
    """Return the rules of these accounts; never raises RemoteError."""
    if not accounts:
        return RuleFacts()

    # Connected here, in one thread: threads must not do it at the same time.
    connected = {account: gateways[account] for account in sorted(accounts)}
    answers = map_each(_read_account, list(connected.values()), workers=_WORKERS, name="rules")
    rules: dict[str, WebhookRules] = {}
    unread: dict[str, str] = {}
    for account, found in zip(connected, answers, strict=True):
        if isinstance(found, str):
            unread[account] = found
        else:
            rules[account] = found
    return RuleFacts(rules, unread)


def _read_account(gateway: Gateway) -> WebhookRules | str:
    """Return the rules of one account, or the reason why they are unknown."""
    try:
        rows = _read_page(gateway, RULES)
        if not rows:
            return WebhookRules()
        settings = [read_setting(row) for row in _read_page(gateway, SETTINGS)]
    except RemoteError as error:
        if error.status in (403, 404):
            return _NOT_AVAILABLE
        return error.diagnostics[0].detail or error.diagnostics[0].summary
    except _Unknown as error:
        return str(error)

    rules = [rule for rule in map(read_rule, rows) if rule is not None]
    if len(rules) < len(rows):
        return "it has a rule of an unknown form."
    by_id: dict[str, Setting] = {setting.id: setting for setting in settings}
    return WebhookRules(tuple(rules), by_id)


def _read_page(gateway: Gateway, endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return the rows of a listing, which fits into one page."""
    page = gateway.call(endpoint)
    meta = page.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    if meta.get("nextToken"):
        raise _Unknown("its listing has more than one page, which Twilio's documents exclude.")

    key = meta.get("key") if isinstance(meta.get("key"), str) else endpoint.items
    rows = page.get(str(key))
    if not isinstance(rows, list):
        raise _Unknown("the answer holds no list.")
    return [row for row in rows if isinstance(row, dict)]
