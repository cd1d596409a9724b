"""A Twilio in memory: it validates as Twilio does, records the writing calls, and fails on request.

Rows have the form of the API. It shares no code with the sandbox, so that an error in one of the two is found.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, NamedTuple

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint, Params
from reconciler.kinds.number_row import NumberRow
from reconciler.model.route import Json
from reconciler.remote.gateway import Event

Row = dict[str, Any]
Shelf = dict[str, Row]
"""SID → row."""

NUMBER: Row = {
    "friendly_name": "",
    "voice_url": None,
    "voice_method": "POST",
    "voice_fallback_url": None,
    "voice_fallback_method": "POST",
    "voice_application_sid": None,
    "trunk_sid": None,
    "sms_url": "",
    "sms_method": "POST",
    "sms_fallback_url": "",
    "sms_fallback_method": "POST",
    "sms_application_sid": None,
    "status_callback": "",
    "status_callback_method": "POST",
    "capabilities": {"voice": True, "sms": True},
}
TRUNK: Row = {"friendly_name": None, "domain_name": None, "secure": False}
ORIGINATION_URL: Row = {"enabled": True, "friendly_name": None, "priority": 10, "weight": 10}


class Call(NamedTuple):
    """One request that would change something, as it was sent."""

    account: str
    method: str
    path: str
    params: dict[str, Any]


@dataclass
class Account:
    """What one account holds."""

    sid: str
    numbers: Shelf = field(default_factory=dict)
    trunks: Shelf = field(default_factory=dict)
    origination_urls: Shelf = field(default_factory=dict)
    applications: Shelf = field(default_factory=dict)
    services: list[Row] = field(default_factory=list)
    """Messaging services; `numbers` holds the SIDs of their numbers."""


class FakeTwilio:
    """All accounts, the calls that were sent, and the ways to make it misbehave.

    `hooks` are asked before each writing call and may raise; `drops` are fields (SID, field) that a write does not
    store, so many times; `late_drops` likewise, but the reply pretends that it did; `forms` puts a field into
    Twilio's own form; `answers_lost` says of each of the next creates whether it is carried out before its answer is
    lost (None: answered).
    """

    def __init__(self, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        self.accounts = {name: _account(name, rows) for name, rows in accounts.items()}
        self.calls: list[Call] = []
        self.reads = 0
        self.hooks: list[Callable[[Call], None]] = []
        self.after: list[Callable[[Call], None]] = []
        self.drops: dict[tuple[str, str], int] = {}
        self.late_drops: dict[tuple[str, str], int] = {}
        self.forms: dict[str, Callable[[Any], Any]] = {}
        self.answers_lost: list[bool | None] = []
        self.lock = RLock()
        self.sids = itertools.count(1)

    def gateways(self) -> dict[str, FakeGateway]:
        """A gateway for each account."""
        return {name: FakeGateway(self, name) for name in self.accounts}

    def new_sid(self, prefix: str) -> str:
        """A SID that was not there before."""
        return f"{prefix}{'f' * 24}{next(self.sids):08x}"

    def refuse(self, sid: str, *, status: int = 400, code: int = 21245, times: int = -1) -> None:
        """Refuse writes that name this SID."""
        left = [times]

        def hook(call: Call) -> None:
            if (sid in call.path or sid in call.params.values()) and left[0]:
                left[0] -= 1
                raise error(status, code, f"refused {sid}")

        self.hooks.append(hook)

    def numbers(self) -> dict[str, Row]:
        """All numbers of all accounts by SID."""
        return {
            sid: row for account in self.accounts.values() for sid, row in account.numbers.items()
        }


class FakeGateway:
    """Implement `Gateway` for one account."""

    def __init__(self, twilio: FakeTwilio, account: str) -> None:
        self.account = account
        self.account_sid = twilio.accounts[account].sid
        self._twilio = twilio
        self._mine = twilio.accounts[account]

    def number_pages(self) -> Iterator[list[NumberRow]]:
        """All numbers, two a page."""
        with self._twilio.lock:
            self._twilio.reads += 1
            rows = [_number_row(row) for row in self._mine.numbers.values()]
        yield from (rows[start : start + 2] for start in range(0, len(rows), 2))

    def took_pages(self, endpoint: Endpoint, **path: str) -> bool:
        """Every listing fits in one page here."""
        return False

    def rows(self, endpoint: Endpoint, **path: str) -> list[dict[str, Json]]:
        """All rows of a listing."""
        with self._twilio.lock:
            self._twilio.reads += 1
            if endpoint.items == "trunks":
                return [dict(row) for row in self._mine.trunks.values()]
            if endpoint.items == "origination_urls":
                found = self._mine.origination_urls.values()
                return [dict(row) for row in found if row["trunk_sid"] == path["parent_sid"]]
            if endpoint.items == "applications":
                return [dict(row) for row in self._mine.applications.values()]
            if endpoint.items == "services":
                return [dict(row) for row in self._mine.services]
            if endpoint.items == "phone_numbers":
                service = next(
                    row for row in self._mine.services if row["sid"] == path["service_sid"]
                )
                return [{"sid": sid} for sid in service["numbers"]]
            if endpoint.items in ("ip_access_control_lists", "credential_lists"):
                trunks = self._mine.trunks
                mine = (
                    [trunks[path["parent_sid"]]] if "parent_sid" in path else list(trunks.values())
                )
                sids = dict.fromkeys(sid for row in mine for sid in row.get(endpoint.items, []))
                return [{"sid": sid, "friendly_name": f"list {sid[:2]}"} for sid in sids]
        raise AssertionError(f"no such listing: {endpoint}")

    def call(
        self, endpoint: Endpoint, params: Params | None = None, **path: str
    ) -> dict[str, Json]:
        """One call."""
        where = endpoint.path.format(account_sid=self.account_sid, **path)
        with self._twilio.lock:
            if endpoint.method == "GET":
                self._twilio.reads += 1
                return dict(self._one(self._shelf(where), path["sid"]))
            call = Call(self.account, endpoint.method, where, dict(params or {}))
            self._twilio.calls.append(call)
            for hook in self._twilio.hooks:
                hook(call)
            reply = self._write(call, path)
            for hook in self._twilio.after:
                hook(call)
            return reply

    def find_numbers(self, e164: str) -> list[NumberRow]:
        """The numbers that are exactly this one."""
        return [
            _number_row(row) for row in self._mine.numbers.values() if row["phone_number"] == e164
        ]

    def events(
        self,
        *,
        event_type: str | None = None,
        since: datetime | None = None,
        resource_sid: str | None = None,
        limit: int = 1000,
    ) -> list[Event]:
        """Nothing was ever recorded."""
        return []

    def close(self) -> None:
        """Nothing to close."""

    def _shelf(self, where: str) -> Shelf:
        if "/IncomingPhoneNumbers" in where:
            return self._mine.numbers
        return self._mine.origination_urls if "/OriginationUrls" in where else self._mine.trunks

    def _one(self, shelf: Shelf, sid: str) -> Row:
        if sid not in shelf:
            raise error(404, 20404, f"The requested resource {sid} was not found")
        return shelf[sid]

    def _write(self, call: Call, path: Mapping[str, str]) -> Row:
        shelf = self._shelf(call.path)
        if call.method == "DELETE":
            return self._delete(shelf, path["sid"])
        if "sid" in path:
            return self._store(
                shelf, self._one(shelf, path["sid"]), self._read(shelf, call.params, path)
            )
        assert shelf is not self._mine.numbers, "a number is never bought"
        return self._create(shelf, call.params, path)

    def _create(self, shelf: Shelf, params: Mapping[str, Any], path: Mapping[str, str]) -> Row:
        lost = self._twilio.answers_lost.pop(0) if self._twilio.answers_lost else None
        if lost is False:
            raise error(0, None, "no answer", ambiguous=True)
        prefix, blank = ("TK", TRUNK) if shelf is self._mine.trunks else ("OU", ORIGINATION_URL)
        row = {**blank, "sid": self._twilio.new_sid(prefix)}
        if prefix == "OU":
            row["trunk_sid"] = self._one(self._mine.trunks, path["parent_sid"])["sid"]
            missing = {"SipUrl", "Priority", "Weight", "Enabled", "FriendlyName"} - set(params)
            if missing:
                raise error(
                    400, 20001, f"Missing required parameter {sorted(missing)[0]} in the post body"
                )
        values = self._read(shelf, params, path)
        shelf[row["sid"]] = row
        reply = self._store(shelf, row, values)
        if lost:
            raise error(0, None, "no answer", ambiguous=True)
        return reply

    def _delete(self, shelf: Shelf, sid: str) -> Row:
        assert shelf is not self._mine.numbers, "a number is never released from the account"
        self._one(shelf, sid)
        if any(row["trunk_sid"] == sid for row in self._mine.numbers.values()):
            raise error(
                400, 21247, "Trunk Dependencies: phone numbers are associated with this trunk"
            )
        for child in [
            ou for ou, row in self._mine.origination_urls.items() if row["trunk_sid"] == sid
        ]:
            del self._mine.origination_urls[child]
        del shelf[sid]
        return {}

    def _store(self, shelf: Shelf, row: Row, values: Row) -> Row:
        """Keep the values, save those that are to be dropped; the reply shows what was kept, or pretends to."""
        stored: Row = {}
        for name, value in values.items():
            form = self._twilio.forms.get(name)
            stored[name] = form(value) if form and value else value
        kept = {
            name: v
            for name, v in stored.items()
            if not _spent(self._twilio.drops, row["sid"], name)
        }
        late = {
            name: v for name, v in kept.items() if _spent(self._twilio.late_drops, row["sid"], name)
        }
        reply = {**row, **kept}
        row.update({name: v for name, v in kept.items() if name not in late})
        return reply

    def _read(self, shelf: Shelf, params: Mapping[str, Any], path: Mapping[str, str]) -> Row:
        """The fields that these parameters change; refuses what Twilio refuses. Unknown parameters are ignored."""
        values = {_snake(name): value for name, value in params.items() if value is not None}
        if shelf is self._mine.numbers:
            return self._read_number(shelf[path["sid"]], values)
        if shelf is self._mine.trunks:
            return self._read_trunk(path.get("sid"), values)
        return _read_origination_url(values)

    def _read_number(self, row: Row, values: Row) -> Row:
        values = {name: value for name, value in values.items() if name in NUMBER}
        if "trunk_sid" in values and "voice_application_sid" in values:
            del values["trunk_sid"]
        if values.get("trunk_sid"):
            self._known(self._mine.trunks, values["trunk_sid"], 21245)
            values["voice_application_sid"] = None
        for name in ("voice_application_sid", "sms_application_sid"):
            if values.get(name):
                self._known(self._mine.applications, values[name], 21420)
        if values.get("voice_application_sid"):
            values["trunk_sid"] = None
        _check_number(row, values)
        empty = {
            name: None for name, value in values.items() if value == "" and NUMBER[name] is None
        }
        return {**values, **empty}

    def _known(self, among: Mapping[str, Any], sid: str, code: int) -> None:
        if sid not in among:
            raise error(400, code, f"{sid} is not accessible")

    def _read_trunk(self, sid: str | None, values: Row) -> Row:
        values = {name: value for name, value in values.items() if name in TRUNK}
        domain = values.get("domain_name")
        if domain and not domain.lower().endswith("pstn.twilio.com"):
            raise error(400, 21245, f"DomainName must end with pstn.twilio.com: {domain}")
        if domain and any(
            row["domain_name"] == domain and other != sid
            for account in self._twilio.accounts.values()
            for other, row in account.trunks.items()
        ):
            raise error(400, 21248, f"Trunk Domain already taken: {domain}")
        return {name: None if value == "" else value for name, value in values.items()}


def error(status: int, code: int | None, message: str, *, ambiguous: bool = False) -> RemoteError:
    """A refusal, or (status 0) no answer."""
    ours = "not_found" if status == 404 else "network_error" if status == 0 else "twilio_refused"
    return RemoteError(
        Diagnostic(code=ours, summary="Twilio said no", detail=f"{status}: {code} {message}"),
        status=status,
        vendor_code=code,
        ambiguous=ambiguous,
    )


def _account(name: str, rows: Mapping[str, Any]) -> Account:
    account = Account(rows.get("sid", "AC" + name.encode().hex().ljust(32, "0")[:32]))
    for given in rows.get("applications", ()):
        row = {"sid": given, "friendly_name": None} if isinstance(given, str) else given
        account.applications[row["sid"]] = row
    account.services += rows.get("services", ())
    for shelf, blank in (
        ("numbers", NUMBER),
        ("trunks", TRUNK),
        ("origination_urls", ORIGINATION_URL),
    ):
        for row in rows.get(shelf, ()):
            getattr(account, shelf)[row["sid"]] = {**blank, **row}
    return account


def _check_number(row: Row, values: Row) -> None:
    for name, value in values.items():
        if name.endswith("_url") or name == "status_callback":
            if value and not re.fullmatch(r"https?://[^\s/]+\S*", value):
                raise error(400, 21402, f"{name} is not valid: {value}")
        elif name.endswith("_method") and value not in ("GET", "POST"):
            raise error(400, 21403, f"{name} must be GET or POST, not: {value}")
    if "friendly_name" in values and not 1 <= len(values["friendly_name"]) <= 64:
        raise error(400, 20002, "FriendlyName must be between 1 and 64 characters")
    for part, code in (("voice", 21405), ("sms", 21406)):
        if values.get(f"{part}_fallback_url") and not values.get(f"{part}_url", row[f"{part}_url"]):
            raise error(400, code, f"Cannot set {part}_fallback_url without setting {part}_url")
    texts = ("sms_url", "sms_fallback_url", "sms_application_sid")
    if not row["capabilities"]["sms"] and any(values.get(name) for name in texts):
        raise error(400, 21407, "This Phone Number type does not support SMS")


def _read_origination_url(values: Row) -> Row:
    if not str(values.get("sip_url", "sip:x")).startswith("sip:"):
        raise error(400, 21245, "SipUrl must be a sip: URI")
    if (
        not 1 <= int(values.get("weight", 1)) <= 65535
        or not 0 <= int(values.get("priority", 0)) <= 65535
    ):
        raise error(400, 20001, "Invalid parameter: Weight or Priority out of bounds")
    return {name: value for name, value in values.items() if name in (*ORIGINATION_URL, "sip_url")}


def _spent(left: dict[tuple[str, str], int], sid: str, name: str) -> bool:
    count = left.get((sid, name), 0)
    if count:
        left[sid, name] = count - 1
    return bool(count)


def _snake(param: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", param).lower()


def _number_row(row: Row) -> NumberRow:
    return msgspec.convert(row, NumberRow)
