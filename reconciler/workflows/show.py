"""Return one recorded resource as a row; only a bridge number is also read from Twilio."""

from __future__ import annotations

from typing import Any

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.remote.queries.observe import fetch_number
from reconciler.report.documents.views import bridge_view, number_row, plain_row
from reconciler.workflows.recorded import find_entry, read_recorded
from reconciler.workflows.session import (
    RunOptions,
    open_gateways,
)


def show(options: RunOptions, address: str) -> dict[str, Any]:
    """Return one resource as a row; a bridge number with its present status on Twilio."""

    project, state = read_recorded(options)
    entry = find_entry(state.resources, address)
    if entry.kind != "bridge_number":
        return number_row(entry) if entry.kind in NUMBER_KINDS else plain_row(entry)

    with open_gateways(options, project) as gateways:
        gateway = gateways[entry.account]
        return bridge_view(address, entry, gateway.account_sid, fetch_number(gateway, entry.sid))
