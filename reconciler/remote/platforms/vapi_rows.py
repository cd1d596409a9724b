"""Read the numbers of Vapi: walk the pages of its list, choose the record of a number, and return
it without the credentials of Twilio that it holds.

The list has no cursor: its newest numbers come first (``limit``), and ``createdAtLt`` asks for those
that are older (https://docs.vapi.ai/api-reference/phone-numbers/list-phone-numbers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.vapi import AGENT_KEYS, SAME, TRUNK, TWILIO, split_agent
from reconciler.model.credentials import TwilioLogin
from reconciler.model.route import Value
from reconciler.remote.listing import ListingError, ListingGuard
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.contract import RegisteredNumber
from reconciler.remote.platforms.listing import list_rows
from reconciler.remote.platforms.parsing import object_in, text_in

Row = Mapping[str, Any]

_PAGE, _LARGEST_PAGE = 100, 1_000
"""Numbers in a page, and the largest page that the documents allow."""
_TICK = timedelta(milliseconds=1)
"""The precision of the times in the list."""
_TEXTS = (
    "number",
    "provider",
    "status",
    "credentialId",
    "twilioAccountSid",
    *AGENT_KEYS.values(),
)
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
_MASKS = "*•…"
_JOINED = " and "


def list_all_rows(platform: str, read: Callable[[Mapping[str, object]], Any]) -> list[Row]:
    """Return every record, each once; `read` returns the page for a query. Raises RemoteError.

    Records with the time of the last one of a page may be on the next page, so it begins with that
    time once more. The filter is by time: records that are added or removed meanwhile shift nothing.
    """
    guard = ListingGuard()
    found: dict[str, Row] = {}
    limit, before = _PAGE, None
    while True:
        query = {"limit": limit, "createdAtLt": _format(before)}
        page = list_rows(platform, read(query))
        known = len(found)
        for index, row in enumerate(page):
            row_id = text_in(row, "id")
            if row_id is None:
                raise _listing_error(platform, "unexpected_answer", f"row {index + 1} has no id")
            found.setdefault(row_id, row)

        is_full = len(page) >= limit
        try:
            guard.count(len(found) - known, has_next=is_full)
        except ListingError as error:
            raise _listing_error(platform, error.code, str(error)) from error
        oldest = _check_times(platform, page, before) if is_full or before is not None else None
        if not is_full or oldest is None:
            return list(found.values())

        following = oldest + _TICK
        if before is not None and following >= before:
            # All numbers of the page were made at the same time: only a larger page goes past them.
            if limit == _LARGEST_PAGE:
                message = (
                    f"more than {limit:,} numbers have the same time, so no call shows them all"
                )
                raise _listing_error(platform, "inconsistent_listing", message)
            limit = _LARGEST_PAGE
        before = following


def _check_times(platform: str, page: Sequence[Row], before: datetime | None) -> datetime | None:
    """Return the time of the oldest record of a page.

    Raises RemoteError for a page that is not sorted or not filtered: it would hide records.
    """
    latest = before
    for row in page:
        created = _read_time(platform, row)
        if before is not None and created >= before:
            message = "it shows numbers that the query leaves out"
            raise _listing_error(platform, "inconsistent_listing", message)
        if latest is not None and created > latest:
            message = "its newest numbers do not come first"
            raise _listing_error(platform, "inconsistent_listing", message)
        latest = created
    return latest


def _read_time(platform: str, row: Row) -> datetime:
    try:
        created = datetime.fromisoformat(text_in(row, "createdAt") or "")
        if created.tzinfo is None:
            created = created.replace(tzinfo=UTC)
        # Room for one tick more, in the zone of the query.
        return (created + _TICK).astimezone(UTC) - _TICK
    except (ValueError, OverflowError):
        message = "a number has no `createdAt` that can be read"
        raise _listing_error(platform, "unexpected_answer", message) from None


def _format(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_login(rows: Sequence[Row], by_sid: Mapping[str, TwilioLogin]) -> TwilioLogin | None:
    """Return the login of the first of these accounts that a record of the number names."""
    for row in rows:
        login = by_sid.get(_account_of(row) or "")
        if login is not None:
            return login
    return None


def pick_row(
    platform: str,
    key: str,
    rows: Sequence[Row],
    login: TwilioLogin | None,
    *,
    is_asked: bool,
    provider: str = TWILIO,
) -> Row:
    """Return the record that counts for a number: that of the declared provider and, for an import,
    of its Twilio account, if there is one.

    Raises RemoteError when several records of a requested number are equally right: to change or to
    remove the wrong one would be worse.
    """
    of_provider = [row for row in rows if text_in(row, "provider") == provider]
    own = of_provider
    if login is not None and provider == TWILIO:
        own = [row for row in of_provider if _account_of(row) == login.sid]

    candidates = own or of_provider or rows
    if is_asked and len(candidates) > 1:
        ids = ", ".join(str(row["id"]) for row in candidates[:3])
        message = f"{key} is in the list {len(candidates)} times ({ids}); remove all but one"
        raise _listing_error(platform, "inconsistent_listing", message)
    return candidates[0]


def to_number(platform: str, row: Row, login: TwilioLogin | None) -> RegisteredNumber:
    """Return a number as Vapi has it, without its credentials.

    Raises RemoteError for a record whose fields have another type than the documents say. What the
    record does not show is left out.
    """
    key = str(row["number"])
    for name in _TEXTS:
        if not isinstance(row.get(name), str | None):
            raise _listing_error(platform, "unexpected_answer", f"`{name}` of {key} is no text")

    attrs: dict[str, Value] = {
        "agent": _describe_agent(row),
        "provider": text_in(row, "provider"),
        "server_url": text_in(object_in(row, "server"), "url"),
    }
    if attrs["provider"] == TRUNK:
        attrs["trunk_credential"] = text_in(row, "credentialId")
        return RegisteredNumber(str(row["id"]), key, attrs, problem=_find_problem(key, row))

    switch = row.get("smsEnabled")
    if not isinstance(switch, bool | None):
        message = f"`smsEnabled` of {key} is neither true nor false"
        raise _listing_error(platform, "unexpected_answer", message)
    if switch is not None:
        attrs["sms_enabled"] = switch

    if login is not None:
        credentials = _compare_credentials(row, login)
        if credentials is not None:
            attrs["credentials"] = credentials
    return RegisteredNumber(str(row["id"]), key, attrs, problem=_find_problem(key, row))


def _describe_agent(row: Row) -> str | None:
    """Return the text of the assistant, squad or workflow; a number should have one of them."""
    found: list[str] = []
    for start, name in AGENT_KEYS.items():
        agent_id = text_in(row, name)
        if agent_id is not None:
            found.append(f"{start}{agent_id}")
    return _JOINED.join(found) or None


def list_agent_keys(agent: Value) -> list[str]:
    """Return the fields of Vapi that hold an agent, from the text of `to_number`."""
    if not isinstance(agent, str):
        return []
    return [split_agent(part)[0] for part in agent.split(_JOINED)]


def _compare_credentials(row: Row, login: TwilioLogin) -> str | None:
    """Return `SAME`, or in words what is different; None when the record does not show it."""
    sid = _account_of(row)
    if sid is not None and sid != login.sid:
        return f"of account {sid}" if _ACCOUNT_SID.fullmatch(sid) else "of another account"

    token, key = _readable(row, "twilioAuthToken"), _readable(row, "twilioApiKey")
    secret = _readable(row, "twilioApiSecret")
    if login.api_key and login.api_secret:
        if key is None:
            return "an auth token" if token else None
        is_same = key == login.api_key and secret in (None, login.api_secret)
        return SAME if is_same else "another API key"
    if token is None:
        return "an API key" if key else None
    return SAME if token == login.auth_token else "another auth token"


def _account_of(row: Row) -> str | None:
    """Return the SID of the Twilio account in normal form."""
    sid = text_in(row, "twilioAccountSid")
    return sid[:2] + sid[2:].lower() if sid else None


def _readable(row: Row, name: str) -> str | None:
    """Return a credential; None for one that is not shown, or shown masked."""
    value = text_in(row, name)
    is_masked = value is not None and any(mark in value for mark in _MASKS)
    return None if is_masked else value


def _find_problem(key: str, row: Row) -> str:
    status = text_in(row, "status")
    return (
        f"Vapi reports the status `{status}` for {key}." if status not in (None, "active") else ""
    )


def _listing_error(platform: str, code: str, message: str) -> RemoteError:
    return errors.number_error(platform, "the list", code, message)
