"""What a platform does on the sandbox's Twilio: finds numbers, writes webhooks, attaches to trunks.

It acts through the API with the account's credentials, from an address of its own, and Twilio tells it as such.
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
"""Where the calls of the platforms come from, as monitor events tell it."""

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
    """Twilio has refused what a platform asked of it."""

    def __init__(self, reply: Reply) -> None:
        body: dict[str, object] = msgspec.json.decode(reply.body)
        self.code, self.message = body.get("code"), str(body.get("message", ""))
        super().__init__(self.message)


def platform_actor(account_sid: str) -> Actor:
    """A platform that uses the account's credentials."""
    return Actor(account_sid, ip=ADDRESS)


def sign_in(store: Store, account_sid: str, auth_token: str) -> None:
    """Try credentials; raises `TwilioRefused`."""
    secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
    try:
        authenticate(store, Request("GET", "/", headers={"authorization": f"Basic {secret}"}))
    except Refused as refused:
        raise TwilioRefused(refused.reply) from None


def find_number(store: Store, account_sid: str, name: str) -> Number | None:
    """The number with this SID (its digits in either case) or E.164, if the account has it."""
    table = store.table(NUMBERS)
    number = table.get_by_key(name) or table.get(name[:2] + name[2:].lower())
    return number if number is not None and number.account_sid == account_sid else None


def write_number(store: Store, number: Number, form: Mapping[str, str]) -> None:
    """Change a number; raises `TwilioRefused`, for an account that is not active too."""
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
    """The account a seed's row names, the first one when it names none; raises `ValueError`."""
    accounts = store.table(ACCOUNTS)
    account_sid = account_sid or next((account.sid for account in accounts), "")
    if accounts.get(account_sid) is None:
        raise ValueError(f"account {account_sid or '(none)'} is not among the accounts")
    return account_sid
