"""Build the `RemoteError` of each failure of a Twilio call (refusal, no answer, wrong account, bad
listing, time limit), with our code, cause and cure.

The only module that knows Twilio's numbers. Raises nothing: each function returns the `RemoteError`
to raise. Secrets, styling and control characters are removed from all text from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.remote.listing import ListingError
from reconciler.remote.transport.body import decode_json
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.redact import redact
from reconciler.remote.transport.retry import FailureKind
from reconciler.remote.transport.waits import wait_limit_text
from reconciler.remote.twilio.cures import CURES
from reconciler.remote.twilio.permissions import find_permission_cure

_AUTH_FAILED = 20003
_ACCOUNT_UNUSABLE = frozenset({10001, 20005, 20008})
"""Account not active, suspended or closed; test credentials."""

_NAMED = {
    21248: "trunk_domain_taken",
    21247: "trunk_in_use",
    21634: "trunk_in_use",
    21236: "list_in_use",
    21241: "list_in_use",
    21710: "number_in_service",
    21711: "number_not_in_service",
    21712: "number_in_service",
    21714: "messaging_service_full",
    21715: "number_cannot_text",
    21631: "address_needed",
    21649: "bundle_needed",
    21650: "identity_needed",
}
"""Refusals with a cure of their own. Source: Twilio's error dictionary."""

_BY_FAILURE = {
    FailureKind.UNREADABLE: "unexpected_answer",
    FailureKind.OVERSIZED: "answer_too_large",
}
_TRUST_CURE = (
    "Check base_url, region and edge, the clock of this machine and, behind a proxy that inspects "
    "TLS, REQUESTS_CA_BUNDLE."
)
_SPENT = "It was not tried again: too many calls of this run have failed, and few succeed."
_AMBIGUOUS = (
    "The call may have been carried out: the account has to be read before it is sent again."
)


class CallPlace(msgspec.Struct, frozen=True):
    """The call that an error is about. `path` is without its query.

    `ambiguous`: an attempt may have been carried out. `spent`: the run has no retries left.
    `waited`: how many seconds it waited, if it was given up for its waits.
    """

    account: str
    method: str
    path: str
    attempts: int = 1
    ambiguous: bool = False
    spent: bool = False
    waited: float | None = None
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"CallPlace({self.account} {self.method} {self.path})"


class Refusal(msgspec.Struct, frozen=True):
    """The content of a refusal, whichever of its three forms the body has."""

    code: int | None = None
    message: str = ""
    more_info: str = ""
    particulars: tuple[str, ...] = ()


def refusal_error(
    where: CallPlace, status: int, body: bytes, *, request_id: str | None = None
) -> RemoteError:
    """Return the error of an answer other than 2xx."""
    return _refusal(where, status, parse_refusal(body), request_id)


def no_answer_error(
    where: CallPlace, error: NoAnswer, *, request_id: str | None = None
) -> RemoteError:
    """Return the error of a call without a usable answer.

    Its status is 0 even if a page of another server had one.
    """
    code = _BY_FAILURE.get(error.failure, "network_error")
    cure = _TRUST_CURE if error.failure is FailureKind.UNTRUSTED else CURES[code][1]

    return _error(
        where, code, f"{_describe_call(where)} failed: {error}.", cure, request_id=request_id
    )


def outage_error(where: CallPlace, seconds: float) -> RemoteError:
    """Return the error of a call that was not sent, after `seconds` of silence of the server."""
    what = f"{_describe_call(where)} was given up: no answer from the server for {seconds:.0f} s."
    return _error(where, "network_error", what, CURES["network_error"][1])


def base_url_error(account: str, reason: str) -> RemoteError:
    """Return the error of an account without a usable base URL."""
    summary, cure = CURES["network_error"]
    return RemoteError(
        Diagnostic(
            code="network_error", summary=summary, detail=f"Account {account}: {reason}. {cure}"
        )
    )


def listing_error(account: str, path: str, error: ListingError) -> RemoteError:
    """Return the error of a listing that cannot be relied on."""
    summary, cure = CURES[error.code]
    what = f"GET {path} of account {account}: {error}."
    return RemoteError(
        Diagnostic(code=error.code, summary=summary, detail=f"{redact(what)} {cure}")
    )


def wrong_resource_error(account: str, path: str, found: str) -> RemoteError:
    """Return the error of an answer about another resource than the requested one."""
    summary, cure = CURES["unexpected_answer"]
    what = f"{path} of account {account} was answered with {found or 'a resource without a SID'}."
    return RemoteError(
        Diagnostic(code="unexpected_answer", summary=summary, detail=f"{redact(what)} {cure}")
    )


def time_limit_error(where: CallPlace) -> RemoteError:
    """Return the error of a call for which the run has no time left."""
    return _error(
        where, "timed_out", f"{_describe_call(where)} was not sent (again).", CURES["timed_out"][1]
    )


def wrong_account_error(
    account: str, path: str, sid: str, expected: str, *, made: str = ""
) -> RemoteError:
    """Return the error of an answer about another account than the declared one.

    `made` is the SID of what a write left there.
    """
    code = "twilio_wrong_account"
    there = (
        f" {redact(made)} was made or changed there: delete it, or change it back." if made else ""
    )
    what = (
        f"Account {account}: {redact(path)} answers for {redact(sid)}, not for {expected}.{there}"
    )

    return RemoteError(
        Diagnostic(code=code, summary=CURES[code][0], detail=f"{what} {CURES[code][1]}")
    )


def interruption_error(where: CallPlace) -> RemoteError:
    """Return the error of a call that was waiting when the run was stopped."""
    return _error(
        where,
        "interrupted",
        f"{_describe_call(where)} was not sent (again).",
        CURES["interrupted"][1],
    )


def convert_vendor_error(where: CallPlace, error: TwilioException) -> RemoteError:
    """Return the error for any exception of Twilio's package.

    Its text is not used: it holds terminal colours.
    """
    facts = vars(error)
    if "status" not in facts:
        reason = str(error.args[0]) if error.args else "no reason given"
        what = (
            f"{_describe_call(where)} failed in Twilio's package: {type(error).__name__}: {reason}."
        )
        return _error(where, "twilio_refused", what, CURES["twilio_refused"][1])

    return _refusal(where, int(facts["status"] or 0), _from_facts(facts), None)


def code_of(status: int, vendor_code: int | None) -> str:
    """Return our code for an HTTP status and Twilio's number."""
    if vendor_code == _AUTH_FAILED:
        return "twilio_auth_failed"
    if vendor_code in _ACCOUNT_UNUSABLE or status == 401:
        return "twilio_invalid_credentials"
    if vendor_code in _NAMED:
        return _NAMED[vendor_code]

    # Twilio's number is more exact than the status, so the status decides last.
    if status == 404:
        return "not_found"
    if status == 429:
        return "rate_limited"
    if status >= 500 or status == 408:
        return "twilio_unavailable"
    return "unexpected_answer" if status < 400 else "twilio_refused"


def parse_refusal(body: bytes) -> Refusal:
    """Return the content of an error body, empty when it is no JSON object.

    Twilio sends a code and a message, or a problem of RFC 9457.
    """
    try:
        facts = decode_json(body, msgspec.json.decode)
    except ValueError:
        return Refusal()
    return _from_facts(facts) if isinstance(facts, dict) else Refusal()


def _from_facts(facts: Mapping[str, Any]) -> Refusal:
    texts = [facts.get(key) for key in ("message", "msg", "title", "detail")]
    message = ": ".join(dict.fromkeys(text for text in texts if isinstance(text, str) and text))

    link = ""
    for key in ("more_info", "moreInfo", "type"):
        value = facts.get(key)
        if isinstance(value, str) and value.startswith("https://"):
            link = value
            break

    errors = facts.get("errors")
    particulars: list[str] = []
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            particulars.append(_describe_particular(error))

    return Refusal(
        code=_parse_code(facts.get("code")),
        message=message,
        more_info=link,
        particulars=tuple(particulars),
    )


def _parse_code(code: object) -> int | None:
    if isinstance(code, bool) or not isinstance(code, int | str):
        return None
    return int(code) if str(code).isascii() and str(code).isdigit() else None


def _describe_particular(error: Mapping[str, Any]) -> str:
    return f"{error.get('pointer', 'request')}: {error.get('detail', 'not valid')}"


def _refusal(
    where: CallPlace, status: int, refusal: Refusal, request_id: str | None
) -> RemoteError:
    code = code_of(status, refusal.code)
    message = "; ".join((refusal.message, *refusal.particulars)) or "no reason given"
    number = f" {refusal.code}" if refusal.code is not None else ""
    what = f"{_describe_call(where)} was answered {status}:{number} {message}".rstrip(".") + "."
    cure = find_permission_cure(where.method, where.path, refusal.code) or CURES[code][1]
    if refusal.more_info:
        cure += f" More: {refusal.more_info}"
    return _error(
        where, code, what, cure, status=status, vendor_code=refusal.code, request_id=request_id
    )


def _describe_call(where: CallPlace) -> str:
    times = f" ({where.attempts} attempts)" if where.attempts > 1 else ""
    return f"{where.method} {where.path} of account {where.account}{times}"


def _error(
    where: CallPlace,
    code: str,
    what: str,
    cure: str,
    *,
    status: int = 0,
    vendor_code: int | None = None,
    request_id: str | None = None,
) -> RemoteError:
    notes: list[str] = []
    if where.spent:
        notes.append(_SPENT)
    if where.ambiguous:
        notes.append(_AMBIGUOUS)
    if where.waited is not None:
        notes.append(wait_limit_text(where.waited))

    request = [f"Request: {request_id}"] if request_id else []
    detail = " ".join([redact(what, where.secrets), *notes, redact(cure, where.secrets), *request])

    return RemoteError(
        Diagnostic(code=code, summary=CURES[code][0], detail=detail),
        status=status,
        vendor_code=vendor_code,
        request_id=request_id,
        ambiguous=where.ambiguous,
    )
