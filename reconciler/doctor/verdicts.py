"""What an account's answers mean: which of reachability, credentials, permission or clock is at fault; pure.

| answers | verdict |
|---|---|
| none at all | it cannot be reached; nothing else can be told |
| some with 401, and not one that needs credentials and is none | the credentials are wrong |
| some with 401 or 403, others as they should be | the credentials are right, and lack these permissions |
| rows of another account | the credentials are those of another account |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.config.project import AccountSettings
from reconciler.doctor.check import Check, Status
from reconciler.doctor.connection import Answer, AnswerTimes
from reconciler.errors import RemoteError

TOLERANCE = 60.0
"""Seconds by which our clock may differ from Twilio's: TLS and signed URLs break at minutes."""
_AUTH_FAILED = 20003


def account_checks(
    account: AccountSettings, sid: str, answers: Sequence[Answer], heard: AnswerTimes
) -> Iterator[Check]:
    """The checks of one account that was asked."""
    silent = [
        answer.error for answer in answers if answer.error is not None and not answer.error.status
    ]
    if silent and len(silent) == len(answers):
        yield _check(account, "reachable", "failed", _words(silent[0]), silent[0])
        return
    seconds = heard.seconds.get(account.name)
    yield _check(
        account, "reachable", "ok", f"{account.base_url or 'Twilio'} answers{_within(seconds)}"
    )
    yield from _clock(account, heard)
    refusals = [
        answer.error
        for answer in answers
        if answer.error is not None and answer.error.status == 401
    ]
    if any(answer.error is None or answer.error.status == 403 for answer in answers):
        yield _check(account, "credentials", "ok", f"{_kind(account)} is accepted for {sid}")
        refusals = []
    elif refusals:
        yield _check(
            account, "credentials", "failed", _which(account, sid, refusals[0]), refusals[0]
        )
    else:
        yield _check(
            account,
            "credentials",
            "warning",
            "nothing was answered that shows whether they are right",
        )
    for answer in answers:
        if answer.error not in refusals:
            yield _permission(account, sid, answer)


def _permission(account: AccountSettings, sid: str, answer: Answer) -> Check:
    need, error = answer.need, answer.error
    bad: Status = "failed" if need.required else "warning"
    without = f"Needed for {need.feature}."
    if error is None and answer.owner is not None and answer.owner.lower() != sid.lower():
        whose = f"These credentials find {need.what} of {answer.owner}, not of {sid}"
        own = (
            "give the account credentials of its own"
            if need.required
            else "the account has none of its own"
        )
        return _check(account, need.check, bad, f"{whose}: {own}. {without}")
    if error is None:
        return _check(account, need.check, "ok", f"{need.what} can be read")
    if error.status in (401, 403):
        lacks = f"{_kind(account)} may not read {need.what} of {sid}"
        words = f"{lacks} ({error.status}). {without} {_cure(account)}"
        return _check(account, need.check, bad, words, error)
    if error.status == 404 and not need.endpoint.items:
        return _check(
            account,
            need.check,
            "ok",
            f"{need.what} can be read; there is nothing for what was asked",
        )
    return _check(account, need.check, bad, f"{_words(error)} {without}", error)


def _which(account: AccountSettings, sid: str, refusal: RemoteError) -> str:
    """Which half of the credentials is wrong, as far as Twilio says."""
    said = _words(refusal)
    if refusal.vendor_code != _AUTH_FAILED:
        return said
    place = (
        f" in region {account.region}; credentials are those of one region"
        if account.region
        else ""
    )
    if "invalid username" in said.lower():
        name = "the API key" if account.api_key else f"the account {account.parent or sid}"
        return f"Twilio does not know {name}{place}. {said}"
    if account.api_key:
        pair = (
            f"the API secret does not belong to the key, or the key to another account than {sid}"
        )
        return f"Either {pair}{place}, or a restricted key has no permission at all. {said}"
    owner = account.parent or sid
    other = "" if account.parent else " If it is the token of a parent account, declare `parent`."
    return f"The auth token is not that of {owner}{place}.{other} {said}"


def _clock(account: AccountSettings, heard: AnswerTimes) -> Iterator[Check]:
    ahead = heard.ahead.get(account.name)
    if ahead is None:
        return
    words = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Twilio's"
    if abs(ahead) > TOLERANCE:
        advice = (
            "Set it (NTP): times in state and reports are wrong, and TLS fails when it is worse"
        )
        yield _check(account, "clock", "warning", f"This machine's clock is {words}. {advice}.")
    else:
        yield _check(account, "clock", "ok", f"this machine's clock is {words}")


def _kind(account: AccountSettings) -> str:
    if account.api_key:
        return "the API key"
    return f"the auth token of the parent {account.parent}" if account.parent else "the auth token"


def _cure(account: AccountSettings) -> str:
    if account.api_key:
        return "Give the key that permission, or, for a subaccount, use a key of its own or a main key of its parent."
    return "Check that the account belongs to these credentials."


def _within(seconds: float | None) -> str:
    return f" within {seconds * 1000:.0f} ms" if seconds is not None else ""


def _words(error: RemoteError) -> str:
    return error.diagnostics[0].detail or error.diagnostics[0].summary


def _check(
    account: AccountSettings,
    check: str,
    status: Status,
    detail: str,
    error: RemoteError | None = None,
) -> Check:
    code = error.code if error is not None else None
    return Check(account=account.name, check=check, status=status, detail=detail, code=code)
