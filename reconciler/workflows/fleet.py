"""Load a fleet: read the fleet file, and list the subaccounts from which it makes stacks; change
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from reconciler.config.load.fleet import Fleet, load_fleet
from reconciler.config.load.fleet_subaccounts import load_account
from reconciler.config.secrets.references import credentials
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.model.position import Position
from reconciler.model.subaccount import Subaccount
from reconciler.remote.transport.time_limit import TimeLimit
from reconciler.workflows.session import RunOptions

LISTING_SECONDS = 300.0
"""The time in which all pages of subaccounts must arrive. 100,000 subaccounts are 100 pages."""


def load(options: RunOptions) -> Fleet:
    """Return the stacks of a fleet; `options` name the fleet file.

    Sends something only for `subaccounts_of`: the pages of one listing. Raises ConfigInvalid,
    RemoteError, and ReconcilerError for credentials that cannot be read.
    """

    def read(entry: Path, account: str, at: Position) -> Sequence[Subaccount]:
        return list_subaccounts(options, entry, account, at)

    return load_fleet(options.directory / options.file, options.directory, read)


def list_subaccounts(
    options: RunOptions, entry: Path, account: str, at: Position | None
) -> list[Subaccount]:
    """Return the subaccounts of an account that an entry file declares; the fleet names it at `at`.
    Diagnostics name files relative to the folder of `options`.

    Raises ConfigInvalid, RemoteError, and ReconcilerError for credentials that cannot be read.
    """
    # The twilio package takes a tenth of a second to import, and most fleets have a file of rows.
    from reconciler.remote.queries.subaccounts import read_subaccounts
    from reconciler.remote.twilio.gateway import connect

    settings = load_account(
        entry,
        account,
        at,
        environ=options.environ,
        variables=options.variables,
        display_root=options.directory,
    )
    try:
        secret = credentials(settings, options.environ, entry.parent)
    except ReconcilerError as error:
        raise ReconcilerError(*[_explain(each, account) for each in error.diagnostics]) from error

    limit = TimeLimit(LISTING_SECONDS)
    gateway = connect(
        secret,
        concurrency=options.concurrency,
        stop=options.stop,
        on_call=options.on_call,
        seconds_left=limit.seconds_left,
        on_wait=options.on_wait,
    )
    try:
        return read_subaccounts(gateway)
    except RemoteError as error:
        if error.code == "timed_out":
            raise ReconcilerError(_report_time(account)) from error
        raise
    finally:
        gateway.close()


def _explain(problem: Diagnostic, account: str) -> Diagnostic:
    """Add why a command needs credentials that it does not need for other fleets."""
    reason = (
        f"`for_each` of the fleet lists the subaccounts of `{account}`, so every command of `fleet` "
        "needs its credentials."
    )
    return msgspec.structs.replace(problem, detail=f"{problem.detail} {reason}")


def _report_time(account: str) -> Diagnostic:
    return Diagnostic(
        code="timed_out",
        summary="Time limit exceeded",
        detail=f"The subaccounts of account {account} were not listed within {LISTING_SECONDS:g} "
        "seconds. No stack was started. Run the same command again; if the error persists, check "
        "the account's base_url.",
    )
