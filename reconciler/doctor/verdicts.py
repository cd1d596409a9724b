"""Judge an account's answers: is reachability, the credentials, a permission or the clock at fault?
Pure.

| answers | verdict |
|---|---|
| none at all | it cannot be reached; no other verdict is possible |
| some with 401, and none that succeeded or got 403 | the credentials are wrong |
| some with 401 or 403, others succeeded | the credentials are right, and lack these permissions |
| rows of another account | the credentials belong to another account |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.config.project import AccountSettings
from reconciler.doctor.check import Check, Status
from reconciler.doctor.connection import Answer, AnswerTimes
from reconciler.errors import RemoteError

TOLERANCE = 60.0
"""Seconds that our clock may differ from Twilio's: TLS and signed URLs fail at a difference of
minutes.
"""
_AUTH_FAILED = 20003


def account_checks(
    account: AccountSettings, sid: str, answers: Sequence[Answer], times: AnswerTimes
) -> Iterator[Check]:
    """Return the checks of one account from its answers."""
    errors = [answer.error for answer in answers if answer.error is not None]
    silent = [error for error in errors if not error.status]
    if silent and len(silent) == len(answers):
        yield _check(account, "reachable", "failed", _describe(silent[0]), silent[0])
        return

    seconds = times.seconds.get(account.name)
    within = f" within {seconds * 1000:.0f} ms" if seconds is not None else ""
    yield _check(account, "reachable", "ok", f"{account.base_url or 'Twilio'} answers{within}")
    yield from _check_clock(account, times)

    # One answer that needs credentials and got past them proves these right; every 401 then is a
    # missing permission.
    refusals = [error for error in errors if error.status == 401]
    if len(errors) < len(answers) or any(error.status == 403 for error in errors):
        detail = f"{_credential(account)} is accepted for {sid}"
        yield _check(account, "credentials", "ok", detail)
        refusals = []
    elif refusals:
        detail = _describe_wrong_credentials(account, sid, refusals[0])
        yield _check(account, "credentials", "failed", detail, refusals[0])
    else:
        detail = "no answer shows whether they are right"
        yield _check(account, "credentials", "warning", detail)

    for answer in answers:
        if answer.error not in refusals:
            yield _check_permission(account, sid, answer)


def _check_permission(account: AccountSettings, sid: str, answer: Answer) -> Check:
    need, error = answer.need, answer.error
    bad: Status = "failed" if need.required else "warning"
    purpose = f"Needed for {need.feature}."

    if error is None and answer.owner is not None and answer.owner.lower() != sid.lower():
        found = f"These credentials find {need.what} of {answer.owner}, not of {sid}"
        cure = "the account has none of its own"
        if need.required:
            cure = "give the account credentials of its own"
        return _check(account, need.check, bad, f"{found}: {cure}. {purpose}")
    if error is None:
        return _check(account, need.check, "ok", f"{need.what} can be read")

    if error.status in (401, 403):
        problem = f"{_credential(account)} may not read {need.what} of {sid}"
        detail = f"{problem} ({error.status}). {purpose} {_permission_cure(account)}"
        return _check(account, need.check, bad, detail, error)

    # A fetch of one resource answers 404 only to those who may read such resources.
    if error.status == 404 and not need.endpoint.items:
        detail = f"{need.what} can be read; Twilio has no entry for the example"
        return _check(account, need.check, "ok", detail)
    return _check(account, need.check, bad, f"{_describe(error)} {purpose}", error)


def _describe_wrong_credentials(account: AccountSettings, sid: str, refusal: RemoteError) -> str:
    """Name the wrong half of the credentials, as far as Twilio's answer shows it."""
    answer = _describe(refusal)
    if refusal.vendor_code != _AUTH_FAILED:
        return answer

    place = ""
    if account.region:
        place = f" in region {account.region}; credentials belong to one region"

    if "invalid username" in answer.lower():
        name = "the API key" if account.api_key else f"the account {account.parent or sid}"
        return f"Twilio does not know {name}{place}. {answer}"

    if account.api_key:
        reason = f"the API secret does not match the key, or the key is not of account {sid}"
        return f"Either {reason}{place}, or a restricted key has no permission at all. {answer}"

    owner = account.parent or sid
    hint = "" if account.parent else " If it is the token of a parent account, declare `parent`."
    return f"The auth token is not that of {owner}{place}.{hint} {answer}"


def _check_clock(account: AccountSettings, times: AnswerTimes) -> Iterator[Check]:
    ahead = times.ahead.get(account.name)
    if ahead is None:
        return

    difference = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Twilio's"
    if abs(ahead) > TOLERANCE:
        detail = (
            f"This machine's clock is {difference}. Set it (NTP): times in state and reports are "
            "wrong, and TLS fails at a larger difference."
        )
        yield _check(account, "clock", "warning", detail)
    else:
        yield _check(account, "clock", "ok", f"this machine's clock is {difference}")


def _credential(account: AccountSettings) -> str:
    if account.api_key:
        return "the API key"
    return f"the auth token of the parent {account.parent}" if account.parent else "the auth token"


def _permission_cure(account: AccountSettings) -> str:
    if account.api_key:
        return (
            "Give the key that permission, or, for a subaccount, use a key of its own or a main "
            "key of its parent."
        )
    return "Check that the account belongs to these credentials."


def _describe(error: RemoteError) -> str:
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
