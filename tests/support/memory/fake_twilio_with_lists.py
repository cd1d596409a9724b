"""The Twilio in memory with IP access control lists, credential lists and numbers to buy.

Names of lists, users and addresses are unique, and so are numbers. A trunk uses a list at most once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.kind import Endpoint
from reconciler.model.route import Json
from tests.support.memory.fake_twilio import (
    NUMBER,
    Call,
    FakeGateway,
    FakeTwilio,
    Row,
    Shelf,
    error,
)

PREFIXES = {
    "IpAccessControlLists": "AL",
    "IpAddresses": "IP",
    "CredentialLists": "CL",
    "Credentials": "CR",
}
FIELDS = {"FriendlyName": "friendly_name", "IpAddress": "ip_address", "Username": "username"}
BY_ITEMS = {
    "ip_access_control_lists": "IpAccessControlLists",
    "ip_addresses": "IpAddresses",
    "credential_lists": "CredentialLists",
    "credentials": "Credentials",
}


class FakeTwilioWithLists(FakeTwilio):
    """`shelves` hold the rows of each collection, `uses` the (trunk, list) that belong together, `passwords` by SID."""

    def __init__(self, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(accounts)
        self.shelves: dict[str, Shelf] = {name: {} for name in PREFIXES}
        self.uses: list[tuple[str, str]] = []
        self.passwords: dict[str, str] = {}

    def gateways(self) -> dict[str, FakeGateway]:
        """A gateway for each account."""
        return {name: FakeGatewayWithLists(self, name) for name in self.accounts}


class FakeGatewayWithLists(FakeGateway):
    """Implement `Gateway` for one account with lists."""

    _twilio: FakeTwilioWithLists

    def rows(self, endpoint: Endpoint, **path: str) -> list[dict[str, Json]]:
        """All rows of a listing."""
        if endpoint.items not in BY_ITEMS:
            return super().rows(endpoint, **path)
        with self._twilio.lock:
            self._twilio.reads += 1
            above = path.get("parent_sid")
            shelf = self._twilio.shelves[BY_ITEMS[endpoint.items]]
            if "/v1/Trunks/" in endpoint.path:
                return [
                    dict(shelf[used])
                    for trunk, used in self._twilio.uses
                    if trunk == above and used in shelf
                ]
            return [dict(row) for row in shelf.values() if row["above"] == above]

    def _shelf(self, where: str) -> Shelf:
        collection = _collection(where)
        return self._twilio.shelves[collection] if collection in PREFIXES else super()._shelf(where)

    def _write(self, call: Call, path: Mapping[str, str]) -> Row:
        collection = _collection(call.path)
        if collection in PREFIXES and call.method == "POST" and "sid" not in path:
            if "/v1/Trunks/" in call.path:
                return self._use(path["parent_sid"], *call.params.values())
            return self._make(collection, call.params, path.get("parent_sid"))
        if collection == "IncomingPhoneNumbers" and "sid" not in path:
            return self._buy(call.params["PhoneNumber"])
        if collection == "Credentials" and set(call.params) == {"Password"}:
            row = self._one(self._shelf(call.path), path["sid"])
            self._twilio.passwords[row["sid"]] = call.params["Password"]
            return dict(row)
        assert collection not in PREFIXES, "only a password can be changed here"
        return super()._write(call, path)

    def _use(self, trunk: str, used: str) -> Row:
        if (trunk, used) in self._twilio.uses:
            raise error(400, 21245, f"{used} is already associated with this trunk")
        self._twilio.uses.append((trunk, used))
        return {"sid": used}

    def _make(self, collection: str, params: Mapping[str, Any], above: str | None) -> Row:
        shelf = self._twilio.shelves[collection]
        key = "username" if collection == "Credentials" else "friendly_name"
        row: Row = {FIELDS[name]: value for name, value in params.items() if name in FIELDS}
        row |= {"sid": self._twilio.new_sid(PREFIXES[collection]), "above": above}
        if collection == "IpAddresses":
            row["cidr_prefix_length"] = int(params.get("CidrPrefixLength", 32))
        if any(other["above"] == above and other[key] == row[key] for other in shelf.values()):
            raise error(400, 21240, f"{row[key]} is there already")
        shelf[row["sid"]] = row
        if "Password" in params:
            self._twilio.passwords[row["sid"]] = params["Password"]
        return dict(row)

    def _buy(self, e164: str) -> Row:
        if self.find_numbers(e164):
            raise error(400, 21422, f"{e164} is not available")
        row = {
            **NUMBER,
            "sid": self._twilio.new_sid("PN"),
            "phone_number": e164,
            "friendly_name": e164,
            "voice_url": "https://demo.twilio.com/welcome/voice/",
            "sms_url": "https://demo.twilio.com/welcome/sms/reply/",
        }
        self._mine.numbers[row["sid"]] = row
        return dict(row)


def _collection(where: str) -> str:
    """The last word of a path that is not a SID."""
    *_, above, last = where.removesuffix(".json").split("/")
    return above if len(last) == len("PN") + 32 else last
