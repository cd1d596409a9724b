"""Imitate Dasha's routes for providers (a trunk on Twilio each): create, change, verify, delete,
and import or detach numbers.

An import continues after a number that fails: 200, with the failures in the body.
"""

from __future__ import annotations

import re

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.platforms import dasha_rows as rows
from reconciler.sandbox.platforms.dasha import (
    PLATFORM,
    fetch_own,
    forget_number,
    problem,
    refuse_while_used,
    require_text,
)
from reconciler.sandbox.platforms.platform import PlatformCall
from reconciler.sandbox.platforms.twilio_client import (
    TwilioRefused,
    find_number,
    platform_actor,
    sign_in,
    write_number,
)
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio import sip_lists
from reconciler.sandbox.twilio.accounts import ACCOUNTS
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.events import record_deleted
from reconciler.sandbox.twilio.numbers import NUMBERS as TWILIO_NUMBERS
from reconciler.sandbox.twilio.trunks import TRUNKS, delete_trunk

_SID = re.compile(r"PN[a-f0-9]{32}")
_CHANGEABLE = {"name": "name", "region": "region", "supportsCallTransfer": "supports_call_transfer"}


def _view(store: Store, row: rows.DashaProvider) -> dict[str, object]:
    return {
        "id": row.sid,
        "providerType": "twilio",
        "name": row.name,
        "accountSid": row.account_sid,
        "region": row.region,
        "supportsCallTransfer": row.supports_call_transfer,
        "trunkSid": row.trunk_sid,
        "terminationUri": row.termination_uri,
        "verificationStatus": row.verification_status,
        "verificationDetails": row.verification_details,
        "phoneNumberCount": len(_numbers(store, row)),
    }


def _numbers(store: Store, row: rows.DashaProvider) -> list[rows.DashaNumber]:
    return [number for number in store.table(rows.NUMBERS) if number.provider_id == row.sid]


def _provider(call: PlatformCall) -> rows.DashaProvider:
    return fetch_own(call, rows.PROVIDERS, call.path["id"])


def _reply(call: PlatformCall, row: rows.DashaProvider) -> Reply:
    return json_reply(200, _view(call.store, row))


def _check_token(call: PlatformCall, account_sid: str) -> str:
    token = require_text(call, "authToken")
    try:
        sign_in(call.store, account_sid, token)
    except TwilioRefused as error:
        raise problem(
            400, f"Twilio has rejected the credentials ({error.code}).", call.request.path
        ) from None
    return token


def _create(call: PlatformCall) -> Reply:
    account_sid, name = require_text(call, "accountSid"), require_text(call, "name")
    token = _check_token(call, account_sid)

    row = rows.DashaProvider(
        account_sid=account_sid,
        organization=call.organization,
        name=name,
        token_digest=rows.digest(token),
    )

    _set_fields(call, row)
    rows.PROVIDERS.add(call.store, row)
    return _reply(call, row)


def _set_fields(call: PlatformCall, row: rows.DashaProvider) -> None:
    row.name = call.text("name") or row.name
    row.region = call.text("region") or row.region
    if "supportsCallTransfer" in call.body:
        row.supports_call_transfer = call.body["supportsCallTransfer"] is True


def _fetch(call: PlatformCall) -> Reply:
    return _reply(call, _provider(call))


def _update(call: PlatformCall) -> Reply:
    row = _provider(call)
    _set_fields(call, row)
    return _reply(call, row)


def _rotate(call: PlatformCall) -> Reply:
    row = _provider(call)
    row.token_digest = rows.digest(_check_token(call, row.account_sid))
    return _reply(call, row)


def _import(call: PlatformCall) -> Reply:
    provider, sids = _provider(call), call.body.get("phoneNumberSids")
    if not isinstance(sids, list) or not all(isinstance(sid, str) for sid in sids):
        raise problem(400, "phoneNumberSids must be a list of SIDs.", call.request.path)

    errors = []
    imported = {row.phone_number for row in _numbers(call.store, provider)}
    for sid in sids:
        message = _import_one(call, provider, sid, imported)
        if message:
            errors.append({"phoneNumberSid": sid, "errorMessage": message})

    return json_reply(
        200, {"successCount": len(sids) - len(errors), "failedCount": len(errors), "errors": errors}
    )


def _import_one(
    call: PlatformCall, provider: rows.DashaProvider, sid: str, imported: set[str]
) -> str:
    """Attach a number to the trunk and return "", or return the error message.

    Adds the number to those that are `imported`.
    """
    store = call.store
    number = find_number(store, provider.account_sid, sid) if _SID.fullmatch(sid) else None
    if number is None:
        return f"Not found: {sid} does not exist in the Twilio account"
    if number.phone_number in imported:
        return f"Already imported: {sid}"

    if not _has_valid_token(store, provider):
        return "Trunk attachment failed: Twilio has rejected the credentials (20003)"

    try:
        write_number(store, number, {"TrunkSid": provider.trunk_sid})
    except TwilioRefused as error:
        return f"Trunk attachment failed: {error.message} ({error.code})"

    credentials = (
        row.sid for row in store.table(rows.CREDENTIALS) if row.provider_id == provider.sid
    )
    row = rows.DashaNumber(
        organization=call.organization,
        phone_number=number.phone_number,
        credentials_id=next(credentials, ""),
        provider_id=provider.sid,
    )

    rows.NUMBERS.add(store, row)
    imported.add(row.phone_number)
    return ""


def _has_valid_token(store: Store, provider: rows.DashaProvider) -> bool:
    account = store.table(ACCOUNTS).get(provider.account_sid)
    if account is None or account.status != "active":
        return False

    return rows.digest(account.auth_token) == provider.token_digest


def _detach(call: PlatformCall) -> Reply:
    provider, number = _provider(call), fetch_own(call, rows.NUMBERS, call.path["number"])
    if number.provider_id != provider.sid:
        raise problem(404, f"{number.sid} was not found.", call.request.path)

    refuse_while_used(call, number)
    _leave_trunk(call, provider, number)
    forget_number(call, number)
    return Reply(204)


def _leave_trunk(
    call: PlatformCall, provider: rows.DashaProvider, number: rows.DashaNumber
) -> None:
    """Detach a number from the provider's trunk; the number stays on Twilio."""
    twilio_number = find_number(call.store, provider.account_sid, number.phone_number)
    if twilio_number is None or twilio_number.trunk_sid != provider.trunk_sid:
        return

    try:
        write_number(call.store, twilio_number, {"TrunkSid": ""})
    except TwilioRefused as error:
        raise problem(
            502, f"Twilio does not detach the number ({error.code}).", call.request.path
        ) from None


def _delete(call: PlatformCall) -> Reply:
    """Delete a provider with its numbers and SIP credentials, and its trunk and list on Twilio."""
    store, provider = call.store, _provider(call)
    for number in _numbers(store, provider):
        _leave_trunk(call, provider, number)
        forget_number(call, number)

    for credential in [*store.table(rows.CREDENTIALS)]:
        if credential.provider_id == provider.sid:
            store.table(rows.CREDENTIALS).remove(credential)

    # Twilio does not delete a trunk with numbers (21247): one that others attached keeps it.
    trunk = store.table(TRUNKS).get(provider.trunk_sid)
    numbers = store.table(TWILIO_NUMBERS)
    if trunk is not None and not any(row.trunk_sid == trunk.sid for row in numbers):
        delete_trunk(store, trunk)
        _delete_list(store, provider)

    store.table(rows.PROVIDERS).remove(provider)
    return Reply(204)


def _delete_list(store: Store, provider: rows.DashaProvider) -> None:
    lists, users = store.table(sip_lists.CREDENTIAL_LISTS), store.table(sip_lists.CREDENTIALS)
    found = lists.get(provider.credential_list_sid)
    if found is None:
        return

    for user in [*users.rows_of(found.sid)]:
        users.remove(user)
    lists.remove(found)

    kind = sip_lists.CREDENTIAL_KIND.resource_type
    record_deleted(store, platform_actor(provider.account_sid), kind=kind, row=found)


def _verify(call: PlatformCall) -> Reply:
    store, provider = call.store, _provider(call)
    trunk = store.table(TRUNKS).get(provider.trunk_sid)
    errors = []
    if not _has_valid_token(store, provider):
        errors.append("Twilio rejects the credentials")
    if trunk is None:
        errors.append("The trunk is not there")

    warnings = []
    if trunk is None or provider.credential_list_sid not in trunk.credential_lists:
        warnings.append("The credential list is not attached")
    for row in _numbers(store, provider):
        number = find_number(store, provider.account_sid, row.phone_number)
        if number is None or number.trunk_sid != provider.trunk_sid:
            warnings.append(f"{row.phone_number} is not attached")

    if errors:
        provider.verification_status = "failed"
    else:
        provider.verification_status = "warning" if warnings else "verified"
    provider.verification_details = [*errors, *warnings]
    provider.updated_at = iso8601(store.now())
    return _reply(call, provider)


_ONE = "/api/v1/providers/twilio/{id}"
ROUTES = (
    PLATFORM.route("POST", "/api/v1/providers/twilio", _create),
    PLATFORM.route("GET", "/api/v1/providers/{id}", _fetch),
    PLATFORM.route("DELETE", "/api/v1/providers/{id}", _delete),
    PLATFORM.route("POST", "/api/v1/providers/{id}/verify", _verify),
    PLATFORM.route("GET", _ONE, _fetch),
    PLATFORM.route("PUT", _ONE, _update),
    PLATFORM.route("PATCH", _ONE + "/auth-token", _rotate),
    PLATFORM.route("POST", _ONE + "/import-numbers", _import),
    PLATFORM.route("DELETE", _ONE + "/phone-numbers/{number}", _detach),
)
