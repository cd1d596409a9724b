"""Generate accounts, subaccounts, API keys and numbers in realistic states: the same arguments give
the same world.

Numbers count up from +15552000000. Of ten numbers, four have no webhooks, two have those of
Twilio's demo, three those of somebody else, and one also has a fallback and a status callback;
a few cannot receive messages. Unset fields are "" or null, as on Twilio.
"""

from __future__ import annotations

import random
from typing import TypedDict

from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.accounts import ACCOUNTS, API_KEYS, Account, ApiKey, api_key_sid
from reconciler.sandbox.twilio.numbers import (
    DEMO_SMS,
    DEMO_VOICE,
    NUMBERS,
    Capabilities,
    Number,
    format_us_number,
    path_of,
)

FIRST_NUMBER = 15_552_000_000
MOST_NUMBERS = 8_000_000

_DATE = "Mon, 06 Jan 2025 09:00:00 +0000"
_FOREIGN = ("https://pbx.example.net", "https://legacy.example.org", "https://flows.example.com")
_VOICE_ONLY = Capabilities(voice=True, sms=False, mms=False)
_ALL = Capabilities()


class _Webhooks(TypedDict, total=False):
    voice_url: str | None
    voice_method: str
    voice_fallback_url: str | None
    sms_url: str | None
    sms_application_sid: str | None
    status_callback: str


def generate_rows(store: Store, *, numbers: int, accounts: int, subaccounts: int) -> None:
    """Add accounts (each with an API key), subaccounts of the first one, and numbers for all."""
    if not 0 <= numbers <= MOST_NUMBERS:
        raise ValueError(f"between 0 and {MOST_NUMBERS} numbers can be made, not {numbers}")
    if accounts < 1:
        raise ValueError("there must be one account at least")

    owners = [_account(store, place) for place in range(1, accounts + 1)]
    owners += [
        _account(store, accounts + place, owner=owners[0]) for place in range(1, subaccounts + 1)
    ]

    table, draw = store.table(NUMBERS), random.Random(store.seed)
    for place in range(numbers):
        table.add(_number(store, owners[place % len(owners)], FIRST_NUMBER + place, draw))


def _account(store: Store, place: int, *, owner: str = "") -> str:
    table = store.table(ACCOUNTS)
    account = Account(owner_account_sid=owner, date_created=_DATE)
    ACCOUNTS.complete(store, account)
    table.add(account)
    store.table(API_KEYS).add(ApiKey(sid=api_key_sid(place), account_sid=account.sid))
    return account.sid


def _number(store: Store, account_sid: str, digits: int, draw: random.Random) -> Number:
    phone_number = f"+{digits}"
    webhooks = _webhooks(draw)

    voice_only = draw.random() < 0.04
    if voice_only:
        webhooks["sms_url"] = ""

    number = Number(
        sid=store.sid_for("PN", phone_number),
        account_sid=account_sid,
        phone_number=phone_number,
        friendly_name=format_us_number(phone_number),
        capabilities=_VOICE_ONLY if voice_only else _ALL,
        date_created=_DATE,
        date_updated=_DATE,
        **webhooks,
    )
    number.uri = path_of(number)
    return number


def _webhooks(draw: random.Random) -> _Webhooks:
    kind = draw.randrange(10)
    if kind < 2:
        return {"voice_url": "", "sms_application_sid": ""}
    if kind < 4:
        return {"voice_url": None, "sms_url": None}
    if kind < 6:
        return {"voice_url": DEMO_VOICE, "sms_url": DEMO_SMS}

    host, queue = _FOREIGN[draw.randrange(3)], draw.randrange(20)
    if kind < 9:
        return {
            "voice_url": f"{host}/voice/{queue}",
            "voice_method": "GET",
            "sms_url": f"{host}/sms/{queue}",
        }
    return {
        "voice_url": f"{host}/voice/{queue}#rc=2",
        "voice_fallback_url": f"{host}/fallback",
        "sms_url": f"{host}/sms/{queue}",
        "status_callback": f"{host}/status",
    }
