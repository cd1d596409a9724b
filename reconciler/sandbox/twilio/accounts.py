"""Define the rows of accounts, subaccounts and API keys with their credentials, and find the owner
of a seed's row; has no routes.
"""

from __future__ import annotations

from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.dates import rfc2822

SANDBOX_TOKEN = "sandbox-token-not-a-secret"  # noqa: S105 - public on purpose
"""Default auth token of an account."""

SANDBOX_KEY_SECRET = "sandbox-key-secret-not-a-secret"  # noqa: S105 - public on purpose
"""Default secret of an API key."""


RESOURCE_TYPE = "account"


class Account(Row, kw_only=True):
    """An account, or a subaccount when its owner is another account."""

    auth_token: str = SANDBOX_TOKEN
    friendly_name: str = ""
    owner_account_sid: str = ""
    status: str = "active"
    type: str = "Full"
    date_created: str = ""
    date_updated: str = ""
    uri: str = ""


class ApiKey(Row, kw_only=True):
    """An API key of an account; a standard one has no access to accounts."""

    secret: str = SANDBOX_KEY_SECRET
    type: str = "main"
    friendly_name: str = ""
    date_created: str = ""
    date_updated: str = ""


def account_sid(number: int) -> str:
    """Return the default SID of the `number`th account, counted from 1.

    It is the same in every world.
    """
    return f"AC5a4db0{number:026d}"


def api_key_sid(number: int) -> str:
    """Return the SID of the key of the `number`th generated account."""
    return f"SK5a4db0{number:026d}"


def owner_of(store: Store, row: Row) -> Account:
    """Return the account of a seed's row, the first account when the row names none.

    Raises `ValueError` for an account that does not exist.
    """
    accounts = store.table(ACCOUNTS)
    row.account_sid = row.account_sid or next((account.sid for account in accounts), "")

    account = accounts.get(row.account_sid)
    if account is None:
        raise ValueError(f"account {row.account_sid or '(none)'} is not among the accounts")
    return account


def complete_account(store: Store, account: Account) -> None:
    """Fill in SID, owner, name, dates and path."""
    now = rfc2822(store.now())
    account.sid = account.sid or account_sid(len(store.table(ACCOUNTS)) + 1)
    account.owner_account_sid = account.owner_account_sid or account.sid
    account.account_sid = account.sid
    account.friendly_name = account.friendly_name or f"Account {account.sid[-4:]}"
    account.date_created = account.date_created or now
    account.date_updated = account.date_updated or account.date_created
    account.uri = f"/2010-04-01/Accounts/{account.sid}.json"


def _complete_key(store: Store, key: ApiKey) -> None:
    owner_of(store, key)
    key.sid = key.sid or store.new_sid("SK")
    key.date_created = key.date_created or rfc2822(store.now())
    key.date_updated = key.date_updated or key.date_created
    if key.type not in ("main", "standard"):
        raise ValueError(f"an API key is main or standard, not {key.type}")


ACCOUNTS = Shelf("accounts", Account, "AC", complete_account, owner="owner_account_sid")
API_KEYS = Shelf("api_keys", ApiKey, "SK", _complete_key)
