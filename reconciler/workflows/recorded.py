"""Read the configuration (or its header) and the state without a call to Twilio, and find a
recorded entry by address, SID or E.164 number, or a declared agent by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from reconciler.config.project import Agent, Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.model.address import Address
from reconciler.model.entry import Entry
from reconciler.state.format.document import State
from reconciler.state.recovery import missing_state
from reconciler.workflows.session import (
    RunOptions,
    open_state_store,
)
from reconciler.workflows.validate import validate, validate_header


def read_recorded(options: RunOptions) -> tuple[Project, State]:
    """Read the configuration and the state, without a call to Twilio. Raises StateError when the
    state is missing.
    """
    project = validate(options)
    return project, missing_state.load_for_reading(open_state_store(options, project), project)


def read_state(options: RunOptions) -> State:
    """Read the state, and of the configuration only the header. Raises StateError when the state is
    missing.
    """
    project = validate_header(options)
    return missing_state.load_for_reading(open_state_store(options, project), project)


def find_agent(project: Project, address: str) -> Agent:
    """Return the declared agent of ``agent/NAME``. Raises ReconcilerError."""
    name = Address.parse(address).name
    if name in project.agents:
        return project.agents[name]

    close = get_close_matches(name, project.agents, n=1)
    hint = f"Did you mean `agent/{close[0]}`?" if close else "The configuration declares no agent."
    if project.agents and not close:
        hint = f"The configuration declares {', '.join(f'`{each}`' for each in project.agents)}."
    raise ReconcilerError(
        Diagnostic(
            code="address_not_found",
            summary="Agent not found",
            detail=f"`{name}` is not declared as an agent. {hint}",
            address=address,
        )
    )


def find_entry(resources: Mapping[str, Entry], address: str) -> Entry:
    """Return the entry of an address; a number may be given by its SID or E.164 alone. Raises
    ReconcilerError.
    """
    if address in resources:
        return resources[address]

    found = []
    if address:
        found = [entry for entry in resources.values() if address in (entry.sid, entry.key)]
    if len(found) == 1:
        return found[0]

    close = get_close_matches(address, resources, n=1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    if not resources:
        hint += "Nothing has been applied into it yet. "
    raise ReconcilerError(
        Diagnostic(
            code="address_not_found",
            summary="Address not found in state",
            detail=f"`{address}` is not in state. {hint}`reconciler state list` shows every address.",
            address=address,
        )
    )
