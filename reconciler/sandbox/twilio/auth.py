"""Authenticate calls to Twilio by HTTP basic authentication, and decide which credentials give
access to which account.

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
    """The author of a change, as monitor events report it."""

    sid: str
    type: str = "account"
    source: str = "api"
    ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Caller:
    """The account whose credentials were sent; `full`: with the rights of its auth token."""

    account: Account
    full: bool


@dataclass(slots=True)
class TwilioCall(Call):
    """An authenticated call: `account` is the one it acts on."""

    caller: Caller
    account: Account

    @property
    def actor(self) -> Actor:
        """Return the author of the call: the account whose credentials were sent."""
        return Actor(self.caller.account.sid, ip=self.request.peer)


TwilioHandler = Callable[[TwilioCall], Reply]


def on_account_in_path(handler: TwilioHandler) -> Handler:
    """Return a handler for a route of the 2010 API.

    It acts on the account ``{account}`` of its path.
    """

    def handle(call: Call) -> Reply:
        caller = authenticate(call.store, call.request)
        account = _account_in_path(call, caller)
        return handler(TwilioCall(call.store, call.request, call.path, caller, account))

    return handle


def on_own_account(handler: TwilioHandler) -> Handler:
    """Return a handler for a route of the other products.

    It acts on the account whose credentials were sent.
    """

    def handle(call: Call) -> Reply:
        caller = authenticate(call.store, call.request)
        return handler(TwilioCall(call.store, call.request, call.path, caller, caller.account))

    return handle


def authenticate(store: Store, request: Request) -> Caller:
    """Return the caller of the Authorization header.

    Refuses with 20003, or with 20005 when the account is not active.
    """
    user, password = _credentials(request)
    key = store.table(API_KEYS).get(user)
    account = store.table(ACCOUNTS).get(key.account_sid if key else user)
    if account is None:
        raise auth_error("Authentication Error - invalid username")

    secret = key.secret if key else account.auth_token
    if not hmac.compare_digest(secret.encode(), password.encode()):
        raise auth_error()

    # Checked after the secret: a stranger does not learn the status of an account.
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
