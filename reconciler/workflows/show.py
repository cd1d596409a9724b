"""Return one recorded resource as a row, or one declared agent with its routes and numbers; only a
bridge number is also read from Twilio.
"""

from __future__ import annotations

from typing import Any

from reconciler.kinds.table import NUMBER_KINDS
from reconciler.planning.identity.number_addresses import with_e164_addresses
from reconciler.planning.selection.patterns import AGENT
from reconciler.remote.queries.observe import fetch_number
from reconciler.report.documents.views import agent_row, bridge_view, number_row, plain_row
from reconciler.workflows.recorded import find_agent, find_entry, read_recorded
from reconciler.workflows.session import (
    RunOptions,
    open_gateways,
)


def show(options: RunOptions, address: str) -> dict[str, Any]:
    """Return one resource as a row; a bridge number with its present status on Twilio.

    An agent is shown as it is declared. Raises ConfigInvalid, StateError, ReconcilerError for an
    unknown address.
    """
    project, state = read_recorded(options)
    if address.startswith(AGENT):
        numbers = with_e164_addresses(project.desired, state.resources)
        return agent_row(find_agent(project, address), numbers)

    entry = find_entry(state.resources, address)
    if entry.kind != "bridge_number":
        return number_row(entry) if entry.kind in NUMBER_KINDS else plain_row(entry)

    with open_gateways(options, project) as gateways:
        gateway = gateways[entry.account]
        return bridge_view(address, entry, gateway.account_sid, fetch_number(gateway, entry.sid))
