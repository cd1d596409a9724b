"""Who calls, and on whose account: HTTP basic authentication as Twilio does it.

| credentials                  | own account | subaccount, 2010 API | other accounts | `/Accounts` |
|------------------------------|-------------|----------------------|----------------|-------------|
| account SID and auth token   | yes         | yes                  | 401            | yes         |
| main API key and secret      | yes         | yes                  | 401            | yes         |
| standard API key and secret  | yes         | no                   | 401            | 401         |
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.sandbox.http.messages import Reply, Request
from reconciler.sandbox.http.routing import Call, Handler
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.accounts import ACCOUNTS, API_KEYS, Account
from reconciler.sandbox.twilio.refusals import auth_error, not_found, refusal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, as monitor events tell it."""

    sid: str
    type: str = "account"
    source: str = "api"
    ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Caller:
    """The account whose credentials were sent, and whether they are worth as much as its auth token."""

    account: Account
    full: bool


@dataclass(slots=True)
class TwilioCall(Call):
    """A call that has been let in: `account` is the one it acts on."""

    caller: Caller
    account: Account

    @property
    def actor(self) -> Actor:
        """API calls are told as done by the account whose credentials were sent."""
        return Actor(self.caller.account.sid, ip=self.request.peer)


TwilioHandler = Callable[[TwilioCall], Reply]


def on_account_in_path(handler: TwilioHandler) -> Handler:
    """A route of the 2010 API: acts on the account ``{account}`` of its path."""

    def authenticated(call: Call) -> Reply:
        caller = authenticate(call.store, call.request)
        account = _account_in_path(call, caller)
        return handler(TwilioCall(call.store, call.request, call.path, caller, account))

    return authenticated


def on_own_account(handler: TwilioHandler) -> Handler:
    """A route of the other products: acts on the account whose credentials were sent."""

    def authenticated(call: Call) -> Reply:
        caller = authenticate(call.store, call.request)
        return handler(TwilioCall(call.store, call.request, call.path, caller, caller.account))

    return authenticated


def authenticate(store: Store, request: Request) -> Caller:
    """The caller behind the Authorization header; refuses with 20003, or 20005 when the account is not active."""
    user, password = _credentials(request)
    key = store.table(API_KEYS).get(user)
    account = store.table(ACCOUNTS).get(key.account_sid if key else user)
    if account is None:
        raise auth_error("Authentication Error - invalid username")
    if not hmac.compare_digest(
        (key.secret if key else account.auth_token).encode(), password.encode()
    ):
        raise auth_error()
    if account.status != "active":
        raise refusal(20005, "Account not active", status=401)
    return Caller(account, full=key is None or key.type == "main")


def _account_in_path(call: Call, caller: Caller) -> Account:
    account = call.store.table(ACCOUNTS).get(call.path["account"])
    if account is None:
        raise not_found(call.request.path)
    if account is caller.account:
        return account
    if account.owner_account_sid == caller.account.sid and caller.full:
        return account
    raise auth_error()


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise auth_error()
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise auth_error() from None
    if not colon:
        raise auth_error()
    return user, password
