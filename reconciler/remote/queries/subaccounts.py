"""List the subaccounts of an account, whatever their status.

Twilio lists the account itself too, and puts the auth token of each account into its row: the tokens
are dropped here.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.formats import is_sid, normal_sid
from reconciler.kinds.kind import Endpoint
from reconciler.model.route import Json
from reconciler.model.subaccount import Subaccount
from reconciler.remote.gateway import Gateway
from reconciler.remote.listing import EndlessListing, ListingError
from reconciler.remote.twilio.errors import listing_error, wrong_account_error

ACCOUNTS = Endpoint("GET", "api", "/2010-04-01/Accounts.json", items="accounts")
LONGEST_NAME = 1 << 12
"""Characters of a friendly name. Twilio keeps 64; a name is part of the values of each stack."""
MOST_SUBACCOUNTS = 100_000
"""Subaccounts of one account, of any status; each active one becomes a stack."""


def read_subaccounts(gateway: Gateway) -> list[Subaccount]:
    """Return the subaccounts of the account of this gateway.

    Raises RemoteError, also for a listing with accounts of another owner: the credentials are not
    those of the account then.
    """
    parent = normal_sid(gateway.account_sid)
    found: list[Subaccount] = []
    for row in gateway.rows(ACCOUNTS):
        try:
            subaccount = _read_row(row)
        except ListingError as error:
            raise listing_error(gateway.account, ACCOUNTS.path, error) from error
        if subaccount.sid == parent:
            continue

        # The path names no account: it is the owner that shows whose credentials were sent.
        owner = row.get("owner_account_sid")
        if owner is not None and normal_sid(str(owner)) != parent:
            raise wrong_account_error(gateway.account, ACCOUNTS.path, str(owner), parent)
        found.append(subaccount)

    if len(found) > MOST_SUBACCOUNTS:
        endless = EndlessListing(f"it has more than {MOST_SUBACCOUNTS:,} subaccounts")
        raise listing_error(gateway.account, ACCOUNTS.path, endless)
    return found


def _read_row(row: Mapping[str, Json]) -> Subaccount:
    sid, status = row.get("sid"), row.get("status")
    if not isinstance(sid, str) or not is_sid(sid, "AC"):
        raise ListingError("it has a row without the SID of an account")
    if not isinstance(status, str) or not status:
        raise ListingError(f"it has no `status` for {sid}")

    name = row.get("friendly_name")
    if name is not None and not isinstance(name, str):
        raise ListingError(f"the `friendly_name` of {sid} is no text")
    if name is not None and len(name) > LONGEST_NAME:
        raise ListingError(
            f"the `friendly_name` of {sid} has more than {LONGEST_NAME:,} characters"
        )
    return Subaccount(normal_sid(sid), name or "", status)
