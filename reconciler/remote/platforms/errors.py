"""Build the `RemoteError` of a platform's refusal, of a call without an answer or of one number,
with our code, cause and cure, or give it another code.

The same for all platforms. Raises nothing: each function returns the `RemoteError` to raise.
Secrets, styling and control characters are removed from all text from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.remote.transport.pool import NoAnswer
from reconciler.remote.transport.redact import redact
from reconciler.remote.transport.retry import FailureKind

CHANGED_MEANWHILE = "changed_meanwhile"
"""The code of a write that was not sent, because somebody else has changed the number."""

CURES: dict[str, tuple[str, str]] = {
    "agent_not_found": (
        "Agent not found on the platform",
        "Check `id` of the agent: it is the platform's own id.",
    ),
    "branch_protected": (
        "A protected branch refuses the split",
        "Use a key whose role may change the branch, or take the protection off in the dashboard.",
    ),
    "agent_not_owned": (
        "The agent belongs to another owner",
        "Check that the platform's key belongs to the workspace that owns the agent.",
    ),
    "number_already_imported": (
        "The number belongs to another agent on the platform",
        "Remove it there first, or declare the agent that has it.",
    ),
    "number_not_in_twilio": (
        "Number not found on Twilio by the platform",
        "Check that the account connected there is the one that has the number, and its region.",
    ),
    "twilio_invalid_credentials": (
        "Twilio rejected the account or its credentials",
        "Check the account's SID and its auth token; the platform passed them on to Twilio.",
    ),
    "twilio_auth_failed": (
        "Twilio did not accept the credentials",
        "Check that SID and auth token belong together; the platform passed them on to Twilio.",
    ),
    "invalid_phone_format": ("Not a phone number in E.164 format", "Write it as + and digits."),
    "invalid_twilio_sid": (
        "Not a Twilio account SID",
        "It must be AC and 32 hexadecimal digits in lower case.",
    ),
    "invalid_number_sid": (
        "Not a Twilio phone number SID",
        "It must be PN and 32 hexadecimal digits in lower case.",
    ),
    "sid_number_mismatch": (
        "SID and number do not belong together",
        "The platform knows this SID under another number: check the account that is connected "
        "there.",
    ),
    "missing_field": ("Required field missing", "Declare the field that it names."),
    "invalid_provider": ("Unknown provider", "The platform takes `twilio` and `sip`."),
    "validation_error": (
        "Value refused by the platform",
        "Correct the value that it names in the configuration.",
    ),
    "no_twilio_integration": (
        "The Twilio account is not connected to the platform",
        "Connect it in the platform's dashboard; some platforms have no call for that.",
    ),
    "ambiguous_integration": (
        "Ambiguous Twilio account",
        "The platform has several accounts. Set the platform's id of the account under `connections`.",
    ),
    "integration_not_found": (
        "The platform does not know its Twilio account",
        "Check the account's id under `connections`; it is the platform's own.",
    ),
    "integration_wrong_org": (
        "The platform does not allow this",
        "Check that key and organisation belong together, that the connected Twilio account is "
        "theirs, and that the key's role may manage phone numbers.",
    ),
    "trunk_attachment_failed": (
        "The platform could not attach the number to its trunk",
        "Run the same command again; if the error persists, check the platform's connection to "
        "Twilio.",
    ),
    "number_in_use": (
        "The number is still in use on the platform",
        "Unlink it from the agents that the platform names, then run the same command again.",
    ),
    "invalid_api_key": (
        "The platform did not accept the key",
        "Check that the platform's `api_key` is complete, still valid, and from this platform.",
    ),
    "payment_required": (
        "The platform demands payment",
        "Settle the account with the platform, then run the same command again.",
    ),
    "platform_forbidden": (
        "The platform does not allow this",
        "Check the permissions of the key on the platform.",
    ),
    "success_false": (
        "The platform reports a failure",
        "Correct the problem that it names, then run the same command again.",
    ),
    CHANGED_MEANWHILE: (
        "The number has changed on the platform",
        "Nothing was written to it. Make a new plan: `reconciler plan` shows the change.",
    ),
    "not_found": (
        "Not found on the platform",
        "It was probably removed in the meantime. `reconciler plan` shows what exists.",
    ),
    "rate_limited": (
        "Too many requests at once for the platform",
        "Nothing was carried out by the refused requests. Try again later.",
    ),
    "platform_unavailable": (
        "Platform unavailable",
        "Run the same command again later: nothing is done twice.",
    ),
    "network_error": (
        "The platform cannot be reached",
        "Check the network, HTTPS_PROXY and the platform's base_url; then run the same command "
        "again.",
    ),
    "unexpected_answer": (
        "Unexpected answer from the platform",
        "Check the platform's base_url, and whether a proxy or a login page answers in its place.",
    ),
    "answer_too_large": (
        "Answer too large",
        "No answer of the platform is that large: check its base_url, and what answers in its "
        "place.",
    ),
    "endless_listing": (
        "Endless listing",
        "The listing was not used. Run the same command again; if the error persists, check "
        "the platform's base_url.",
    ),
    "inconsistent_listing": (
        "Inconsistent listing",
        "The listing was not used. If somebody is changing numbers there just now, run the "
        "same command again afterwards; else remove one of the two on the platform.",
    ),
    "platform_refused": (
        "The platform refused the request",
        "Correct the problem that it names, then run the same command again.",
    ),
    "interrupted": ("Interrupted", "Run the same command again to finish."),
}
"""Code → summary and cure. Summaries hold no user data."""

_AMBIGUOUS = "The call may have been carried out: the platform is read before it is sent again."
_BY_FAILURE = {
    FailureKind.UNREADABLE: "unexpected_answer",
    FailureKind.OVERSIZED: "answer_too_large",
}
_BY_STATUS = {
    401: "invalid_api_key",
    402: "payment_required",
    403: "platform_forbidden",
    404: "not_found",
    409: "number_already_imported",
}


@dataclass(frozen=True, slots=True)
class CallPlace:
    """The call that an error is about; `ambiguous`: an attempt may have been carried out."""

    platform: str
    method: str
    path: str
    attempts: int = 1
    ambiguous: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)


def refusal_error(where: CallPlace, status: int, code: str | None, message: str) -> RemoteError:
    """Return the error of a refusal.

    Without a code of the platform's own, the status decides.
    """
    known = code if code in CURES else code_for_status(status)
    what = (
        f"{_describe_call(where)} was answered {status}: {message or 'no reason given'}".rstrip(".")
        + "."
    )
    return _error(where, known, what, status=status)


def code_for_status(status: int) -> str:
    """Return our code for an HTTP status."""
    if status == 429:
        return "rate_limited"
    if status >= 500 or status == 408:
        return "platform_unavailable"
    return _BY_STATUS.get(status, "platform_refused")


def no_answer_error(where: CallPlace, error: NoAnswer) -> RemoteError:
    """Return the error of a call without a usable answer."""
    code = _BY_FAILURE.get(error.failure, "network_error")
    return _error(where, code, f"{_describe_call(where)} failed: {error}.")


def interruption_error(where: CallPlace) -> RemoteError:
    """Return the error of a call that was waiting when the run was stopped."""
    return _error(where, "interrupted", f"{_describe_call(where)} was not sent (again).")


def with_code(error: RemoteError, code: str) -> RemoteError:
    """Return the same error under the code that it has for this call."""
    summary, cure = CURES[code]
    what = (
        error.diagnostics[0].detail.removesuffix(CURES[error.code][1]).strip()
        if error.code in CURES
        else str(error)
    )
    diagnostic = Diagnostic(code=code, summary=summary, detail=f"{what} {cure}")
    return RemoteError(diagnostic, status=error.status, ambiguous=error.ambiguous)


def with_code_if_missing(error: RemoteError, code: str) -> RemoteError:
    """Return the error under this code if its status is 404, otherwise as it is."""
    return with_code(error, code) if error.status == 404 else error


def number_error(
    platform: str, key: str, code: str, message: str, secrets: tuple[str, ...] = ()
) -> RemoteError:
    """Return the error about one number.

    For an answer about many numbers, or for a problem that is known before any call.
    """
    summary, cure = CURES[code]
    what = redact(f"{key} on {platform}: {message}".rstrip(".") + ".", secrets)
    return RemoteError(Diagnostic(code=code, summary=summary, detail=f"{what} {cure}"))


def _describe_call(where: CallPlace) -> str:
    times = f" ({where.attempts} attempts)" if where.attempts > 1 else ""
    return f"{where.method} {where.path} of platform {where.platform}{times}"


def _error(where: CallPlace, code: str, what: str, *, status: int = 0) -> RemoteError:
    doubt = [_AMBIGUOUS] if where.ambiguous else []
    summary, cure = CURES[code]
    detail = " ".join([redact(what, where.secrets), *doubt, cure])
    return RemoteError(
        Diagnostic(code=code, summary=summary, detail=detail),
        status=status,
        ambiguous=where.ambiguous,
    )
