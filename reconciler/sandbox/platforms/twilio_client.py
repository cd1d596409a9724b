"""Call the sandbox's Twilio for a platform: check credentials, find numbers, and write their
webhooks or trunk.

It acts through the API with the account's credentials, from an IP address of its own, and events
name it as the author.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

import msgspec

from reconciler.sandbox.http.messages import Reply, Request
from reconciler.sandbox.http.routing import Refused
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.accounts import ACCOUNTS
from reconciler.sandbox.twilio.auth import Actor, authenticate
from reconciler.sandbox.twilio.numbers import NUMBERS, Number, update_number
from reconciler.sandbox.twilio.refusals import error_reply

ADDRESS = "198.51.100.20"
"""The IP address of the platforms in monitor events."""

E164 = re.compile(r"\+[1-9]\d{1,14}")
NUMBER_SID = re.compile(r"PN[0-9a-fA-F]{32}")
CLEAR_WEBHOOKS = {
    "VoiceUrl": "",
    "VoiceFallbackUrl": "",
    "SmsUrl": "",
    "SmsFallbackUrl": "",
    "StatusCallback": "",
}


class TwilioRefused(Exception):
    """Twilio has refused a call of a platform."""

    def __init__(self, reply: Reply) -> None:
        body: dict[str, object] = msgspec.json.decode(reply.body)
        self.code, self.message = body.get("code"), str(body.get("message", ""))
        super().__init__(self.message)


def platform_actor(account_sid: str) -> Actor:
    """Return a platform that uses the account's credentials as the author of a change."""
    return Actor(account_sid, ip=ADDRESS)


def sign_in(store: Store, account_sid: str, auth_token: str) -> None:
    """Check credentials; raises `TwilioRefused`."""
    secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
    try:
        authenticate(store, Request("GET", "/", headers={"authorization": f"Basic {secret}"}))
    except Refused as refused:
        raise TwilioRefused(refused.reply) from None


def find_number(store: Store, account_sid: str, name: str) -> Number | None:
    """Return the number with this SID or E.164, if the account has it.

    The digits of a SID may be in either case.
    """
    table = store.table(NUMBERS)
    number = table.get_by_key(name) or table.get(name[:2] + name[2:].lower())
    return number if number is not None and number.account_sid == account_sid else None


def write_number(store: Store, number: Number, form: Mapping[str, str]) -> None:
    """Change a number; raises `TwilioRefused`, also for an account that is not active."""
    account = store.table(ACCOUNTS).get(number.account_sid)
    if account is None or account.status != "active":
        raise TwilioRefused(error_reply(20005, "Account not active", status=401))

    try:
        if form.get("TrunkSid"):
            store.check_attachment({number.sid, number.phone_number})
        update_number(store, number, form=form, actor=platform_actor(number.account_sid))
    except Refused as refused:
        raise TwilioRefused(refused.reply) from None


def find_account(store: Store, account_sid: str) -> str:
    """Return the account of a seed's row, the first account when the row names none.

    Raises `ValueError`.
    """
    accounts = store.table(ACCOUNTS)
    account_sid = account_sid or next((account.sid for account in accounts), "")

    if accounts.get(account_sid) is None:
        raise ValueError(f"account {account_sid or '(none)'} is not among the accounts")
    return account_sid
