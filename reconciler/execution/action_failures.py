"""Return the failure of one action on Twilio, in words: refused, purchase unconfirmed, write
dropped, or no webhook behind a trunk or application. No I/O.
"""

from __future__ import annotations

from reconciler.errors import RemoteError
from reconciler.execution.outcome import Failure
from reconciler.model.action import Action

_OWN_CODES = frozenset({"twilio_auth_failed", "twilio_invalid_credentials", "interrupted"})
"""Codes that mean the same for every action."""


def failure_of(action: Action, error: RemoteError) -> Failure:
    """Return the failure of an action that Twilio refused; an attachment has a code of its own."""
    attaching = action.action == "attach_trunk" and error.code not in _OWN_CODES
    code = "trunk_attachment_failed" if attaching else error.code
    diagnostic = error.diagnostics[0]
    return Failure(code, diagnostic.detail or diagnostic.summary)


def webhook_not_written(action: Action, platform: str) -> Failure:
    """Return why a trunk or application stays on a number: its platform has written no webhook
    behind it.
    """
    return Failure(
        "webhook_not_written",
        f"{platform} has registered {action.address} but has written no voice webhook on it, so the number "
        "keeps the route that answers it now. Find out in the platform's dashboard how it reaches the "
        "number, then run apply again.",
    )


def unconfirmed_purchase(action: Action, sid: object, number: object) -> Failure:
    """Return the failure of a purchase that was answered, but whose number is not in the account."""
    return Failure(
        "purchase_unconfirmed",
        f"Twilio answered the purchase of {action.address} with number {number or 'unknown'}, "
        f"SID {sid or 'unknown'}, but the account does not have the requested number. Something may have "
        "been bought. Look at the account's numbers and its usage in Twilio's console before you apply "
        "again, which would buy once more.",
    )


def dropped_write(action: Action, fields: list[str]) -> Failure:
    """Return the failure of a write that Twilio answered with success and did not store."""
    return Failure(
        "write_dropped",
        f"Twilio accepted the write for {action.address} twice, but did not store {', '.join(fields)}. "
        "Run apply again. If it happens again, set the field in Twilio's console to see why it is refused.",
    )
