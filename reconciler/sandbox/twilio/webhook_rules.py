"""Imitate the reading part of Twilio's webhook configuration: list rules and settings. A seed or the
control API sets them.

Rows are shown in camel case, in one page: an account has at most 50 of each. Sources:
https://www.twilio.com/docs/usage/webhooks/webhook-rules,
https://www.twilio.com/docs/usage/webhooks/webhook-settings
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import R, Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso8601

_ID_LENGTH = 26
MOST_ROWS = 50


class WebhookSetting(Row, kw_only=True):
    """One complete configuration of the delivery of webhooks."""

    type: str = "CUSTOM"
    friendly_name: str = ""
    description: str = ""
    auth: dict[str, Any] | None = None
    signature: dict[str, Any] | None = None
    connection: dict[str, Any] | None = None
    edge_zones: dict[str, Any] | None = None
    created_at: str = ""
    updated_at: str = ""


class WebhookRule(Row, kw_only=True):
    """The URLs that get a setting; `settings` are {settingId, percentage}, and sum to 100."""

    friendly_name: str = ""
    description: str = ""
    match_type: str = "DEFAULT"
    value: str | None = None
    prefix: str | None = None
    settings: list[dict[str, Any]] = msgspec.field(default_factory=list)
    created_at: str = ""
    updated_at: str = ""


def _complete(store: Store, row: WebhookSetting | WebhookRule, kind: str) -> None:
    owner_of(store, row)
    row.sid = row.sid or f"webhooks_{kind}_{store.new_sid('')[-_ID_LENGTH:]}"
    row.created_at = row.created_at or iso8601(store.now())
    row.updated_at = row.updated_at or row.created_at


def _complete_setting(store: Store, setting: WebhookSetting) -> None:
    _complete(store, setting, "setting")


def _complete_rule(store: Store, rule: WebhookRule) -> None:
    _complete(store, rule, "rule")
    pattern = {"EXACT_MATCH": rule.value, "PREFIX_MATCH": rule.prefix}.get(rule.match_type, "")
    if rule.match_type not in ("EXACT_MATCH", "PREFIX_MATCH", "DEFAULT") or pattern is None:
        raise ValueError(f"a rule of {rule.match_type} needs its value or prefix (59000)")

    total = sum(int(each.get("percentage", 100)) for each in rule.settings)
    if total != 100:
        raise ValueError("the percentages of the settings of a rule must sum to 100 (59000)")


WEBHOOK_SETTINGS = Shelf("webhook_settings", WebhookSetting, "WS", _complete_setting)
WEBHOOK_RULES = Shelf("webhook_rules", WebhookRule, "WR", _complete_rule)


def _setting_view(setting: WebhookSetting) -> dict[str, object]:
    return {
        "id": setting.sid,
        "type": setting.type,
        "friendlyName": setting.friendly_name,
        "description": setting.description,
        "auth": setting.auth,
        "signature": setting.signature,
        "connection": setting.connection,
        "edgeZones": setting.edge_zones,
        "createdAt": setting.created_at,
        "updatedAt": setting.updated_at,
    }


def _rule_view(rule: WebhookRule) -> dict[str, object]:
    view: dict[str, object] = {
        "id": rule.sid,
        "friendlyName": rule.friendly_name,
        "description": rule.description,
        "matchType": rule.match_type,
        "settings": rule.settings,
        "createdAt": rule.created_at,
        "updatedAt": rule.updated_at,
    }
    if rule.match_type == "EXACT_MATCH":
        view["value"] = rule.value
    if rule.match_type == "PREFIX_MATCH":
        view["prefix"] = rule.prefix
    return view


def _list(
    shelf: Shelf[R], key: str, view: Callable[[R], dict[str, object]]
) -> Callable[[TwilioCall], Reply]:
    def handle(call: TwilioCall) -> Reply:
        rows = [view(row) for row in call.store.table(shelf).rows_of(call.account.sid)]
        meta = {"key": key, "pageSize": MOST_ROWS, "nextToken": None, "previousToken": None}
        return json_reply(200, {key: rows, "meta": meta})

    return handle


ROUTES = (
    Route("GET", "/v1/Webhooks/Rules", on_own_account(_list(WEBHOOK_RULES, "rules", _rule_view))),
    Route(
        "GET",
        "/v1/Webhooks/Settings",
        on_own_account(_list(WEBHOOK_SETTINGS, "settings", _setting_view)),
    ),
)
