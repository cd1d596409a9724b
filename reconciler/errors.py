"""Define the exceptions that end a run, and the exit code of each; does not depend on Twilio, YAML
or terminals.

Problems that can be collected are values (`reconciler.diagnostics`), not exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from reconciler.diagnostics import Diagnostic


class Exit(IntEnum):
    """The exit codes of the process; the README has the same table."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    INVALID = 3
    REFUSED = 4
    PARTIAL = 5
    LOCKED = 6
    USAGE = 64


class ReconcilerError(Exception):
    """The base of every error that ends a run, with its diagnostics and its exit code.

    `done` are the outcomes that an interrupted apply had recorded; `unread_accounts` are accounts
    that could not be read before the run ended for another reason.
    """

    exit: Exit = Exit.FAILED

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(f"{d.code}: {d.detail or d.summary}" for d in diagnostics))
        self.diagnostics: Sequence[Diagnostic] = diagnostics
        self.done: Sequence[Any] = ()
        self.unread_accounts: Sequence[str] = ()

    @property
    def exit_code(self) -> int:
        """Return the exit code of a process that ends with this error."""
        return int(self.exit)


class ConfigInvalid(ReconcilerError):
    """The configuration has at least one error; all of them are in `diagnostics`."""

    exit = Exit.INVALID


class RemoteError(ReconcilerError):
    """Twilio or a platform refused a call, or could not be reached.

    `status` is the HTTP status (0 when no answer came), `vendor_code` Twilio's error code (20003
    …), `request_id` the header `Twilio-Request-Id`. `ambiguous`: the call may have taken effect.
    """

    def __init__(
        self,
        diagnostic: Diagnostic,
        *,
        status: int = 0,
        vendor_code: int | None = None,
        request_id: str | None = None,
        ambiguous: bool = False,
    ) -> None:
        super().__init__(diagnostic)

        self.code = diagnostic.code
        self.status = status
        self.vendor_code = vendor_code
        self.request_id = request_id
        self.ambiguous = ambiguous


class StateError(ReconcilerError):
    """The state cannot be read, is damaged, or belongs to another project; never repaired silently."""


class StateLocked(ReconcilerError):
    """Another run holds the lock; the diagnostic names its holder and the time since when."""

    exit = Exit.LOCKED


class Refused(ReconcilerError):
    """The plan must not be applied: stale, takeover without consent, threshold, protected."""

    exit = Exit.REFUSED


class UsageError(ReconcilerError):
    """The command line is invalid."""

    exit = Exit.USAGE
