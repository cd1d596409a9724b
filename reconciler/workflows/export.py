"""Read whole accounts, and return the configuration of what is not declared yet; writes no file."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError
from reconciler.export import document
from reconciler.export.document import Exported, ExportFilter
from reconciler.export.existing import find_declared
from reconciler.remote.queries.whole_account import read_accounts
from reconciler.workflows.session import (
    RunOptions,
    open_gateways,
)
from reconciler.workflows.validate import validate_or_load_account


def export(
    options: RunOptions,
    accounts: Sequence[str],
    selection: ExportFilter,
    name: str,
    table_name: str | None = None,
) -> Exported:
    """Return what is on Twilio as configuration, without what is declared already; with
    `table_name`, most numbers in a CSV file of that name.

    Raises ConfigInvalid, RemoteError.
    """

    project = validate_or_load_account(options)
    unknown = sorted(set(accounts) - project.accounts.keys())
    if unknown:
        declared = ", ".join(sorted(project.accounts))
        detail = f"No account `{unknown[0]}`; there are: {declared}."
        raise UsageError(
            Diagnostic(code="no_twilio_integration", summary="Unknown account", detail=detail)
        )

    names = sorted(accounts or project.accounts)
    with open_gateways(options, project) as gateways:
        observed = read_accounts(names, gateways, options.progress.report_read)
    return document.export(observed, find_declared(project, observed, name), selection, table_name)
