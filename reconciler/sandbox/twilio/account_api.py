"""Imitate Accounts of the 2010 API: list, create, fetch and change the caller's own account and its
subaccounts; return a constant balance.

Standard API keys have no access (20003).
"""

from __future__ import annotations

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.accounts import ACCOUNTS, RESOURCE_TYPE, Account
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path, on_own_account
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.events import record_created, record_updated
from reconciler.sandbox.twilio.forms import Param, choice, friendly_name, read_form
from reconciler.sandbox.twilio.pages import plain_fields, v2010_page
from reconciler.sandbox.twilio.refusals import auth_error, refusal

BALANCE = "100.00"
"""The balance of every account; the sandbox charges nothing."""

_PARAMS = (
    Param("FriendlyName", "friendly_name", friendly_name),
    Param("Status", "status", choice("active", "suspended", "closed")),
)


def _list(call: TwilioCall) -> Reply:
    _require_full_access(call)
    query, table = call.request.query, call.store.table(ACCOUNTS)

    def matches(account: Account) -> bool:
        name = query.get("FriendlyName", account.friendly_name)
        status = query.get("Status", account.status)
        return (name, status) == (account.friendly_name, account.status)

    return v2010_page(call, table, wanted=matches, view=lambda row: msgspec.json.encode(_view(row)))


def _create(call: TwilioCall) -> Reply:
    _require_full_access(call)
    if call.account.owner_account_sid != call.account.sid:
        raise auth_error()

    sid = call.store.new_sid("AC")
    token = call.store.sid_for("", f"token of {sid}")
    account = Account(sid=sid, owner_account_sid=call.account.sid, auth_token=token)
    for field, value in read_form(call.request.form, _PARAMS[:1]).items():
        setattr(account, field, value)

    ACCOUNTS.add(call.store, account)
    record_created(call.store, call.actor, kind=RESOURCE_TYPE, row=account)
    return json_reply(201, _view(account))


def _fetch(call: TwilioCall) -> Reply:
    _require_full_access(call)
    return json_reply(200, _view(call.account))


def _update(call: TwilioCall) -> Reply:
    _require_full_access(call)
    changes = read_form(call.request.form, _PARAMS)
    if "status" in changes and call.account.owner_account_sid == call.account.sid:
        raise refusal(20001, "Only the status of a subaccount can be changed")

    table = call.store.table(ACCOUNTS)
    changed = table.change(call.account, changes)
    table.change(call.account, {"date_updated": rfc2822(call.store.now())})

    record_updated(call.store, call.actor, kind=RESOURCE_TYPE, row=call.account, changes=changed)
    return json_reply(200, _view(call.account))


def _fetch_balance(call: TwilioCall) -> Reply:
    _require_full_access(call)
    return json_reply(200, {"account_sid": call.account.sid, "balance": BALANCE, "currency": "USD"})


def _require_full_access(call: TwilioCall) -> None:
    if not call.caller.full:
        raise auth_error()


def _view(account: Account) -> dict[str, object]:
    view = plain_fields(account)
    del view["account_sid"]

    base = account.uri.removesuffix(".json")
    names = {
        "addresses": "Addresses",
        "applications": "Applications",
        "available_phone_numbers": "AvailablePhoneNumbers",
        "balance": "Balance",
        "calls": "Calls",
        "incoming_phone_numbers": "IncomingPhoneNumbers",
        "keys": "Keys",
        "messages": "Messages",
    }

    return {
        **view,
        "subresource_uris": {name: f"{base}/{path}.json" for name, path in names.items()},
    }


_ALL = "/2010-04-01/Accounts.json"
_ONE = "/2010-04-01/Accounts/{account}.json"
ROUTES = (
    Route("GET", _ALL, on_own_account(_list)),
    Route("POST", _ALL, on_own_account(_create)),
    Route("GET", _ONE, on_account_in_path(_fetch)),
    Route("POST", _ONE, on_account_in_path(_update)),
    Route("GET", "/2010-04-01/Accounts/{account}/Balance.json", on_account_in_path(_fetch_balance)),
)
