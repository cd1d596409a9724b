"""Workflows that change nothing on Twilio: validate, drift, doctor, show and export; and the
release of a lock.

Nothing here prints, reads the command line or decides an exit code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.config.load.load import load, load_undeclared
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, StateError, UsageError
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.planning.selection.patterns import find_selection, list_named
from reconciler.state.format.document import State
from reconciler.state.recovery import missing_state
from reconciler.state.recovery.first_state import no_record_error
from reconciler.state.stores.holder import this_run
from reconciler.state.stores.store import LockInfo
from reconciler.workflows.session import (
    DEFAULT_FILE,
    Planned,
    RunOptions,
    check_destinations,
    open_gateways,
    open_state_store,
    prefetch,
)
from reconciler.workflows.warm_up import import_while_waiting

if TYPE_CHECKING:
    from reconciler.doctor.check import Check
    from reconciler.export.document import Exported, ExportFilter
    from reconciler.planning.decide.drift import Drifted
    from reconciler.workflows.pipeline import Resources


def validate(options: RunOptions) -> Project:
    """Read the configuration and check all that can be checked without Twilio. Raises
    ConfigInvalid.
    """
    entry = options.directory / options.file

    # The check of output paths may have read the files already; with 100,000 numbers that saves
    # seconds.
    merged = options.merged.pop() if options.merged else None
    if merged is not None and merged.entry != entry:
        merged = None
    return load(entry, environ=options.environ, display_root=options.directory, merged=merged)


def validate_or_load_account(options: RunOptions) -> Project:
    """Return the configuration; without one, a project with the account of the TWILIO_* variables.

    A configuration that was named with `-f` has to exist.
    """
    if options.file != DEFAULT_FILE or (options.directory / options.file).exists():
        return validate(options)
    return load_undeclared(options.directory, options.environ)


def drift(options: RunOptions) -> tuple[Planned, list[Drifted]]:
    """Compare what was last applied with what is there, and ask Twilio's event log who changed it.

    The plan shows how many changes are pending. Raises StateError when nothing is recorded of what
    is declared: unknown is not the same as no drift.
    """
    project = validate(options)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        pages = prefetch(options, project, gateways, services=False)
        import_while_waiting()
        from reconciler.remote.queries.attribution import attribute_drift
        from reconciler.workflows import pipeline

        state = missing_state.load_for_reading(open_state_store(options, project), project)
        inputs = pipeline.PlanInputs(
            options=options, project=project, state=state, gateways=gateways, prefetch=pages
        )

        # Nothing is written, so no secret has to be readable, and no question of an apply is asked.
        resources = pipeline.read_resources(inputs, lambda address: False)
        plan = pipeline.decide(inputs, resources, resources.observed)
        found = _find_drift(options, project, resources)
        planned = pipeline.to_planned(inputs, resources, plan)
        return planned, attribute_drift(found, gateways, options.clock())


def _find_drift(options: RunOptions, project: Project, resources: Resources) -> list[Drifted]:
    """Return what has drifted of the selected resources, sorted by address."""
    from reconciler.planning.checks.unread_accounts import select_readable
    from reconciler.planning.decide import child_drift
    from reconciler.planning.decide.drift import find_drift
    from reconciler.planning.identity.match import sids_to_names

    # Nothing is concluded from an account that could not be read, or that no target is in.
    observed, recorded = resources.observed, resources.recorded
    unread = observed.unread.keys() | resources.outside
    declared, entries = select_readable(project.desired, recorded, unread)

    found = [
        *find_drift(entries, observed),
        *child_drift.find_changes(sids_to_names(declared, observed), entries, observed),
    ]
    found.sort(key=lambda drifted: drifted.address)

    # Without a single recorded resource among those selected, `no drift` would be a false answer.
    children = child_drift.list_children(recorded, observed)
    named = [*list_named(project.desired, (recorded,)), *children]
    selection = find_selection(options.targets, options.excludes, named)
    any_recorded = any(map(selection.selects, recorded))
    any_declared = any(selection.selects(desired.address) for desired in project.desired)
    if any_declared and not any_recorded:
        raise StateError(no_record_error(project))
    return [drifted for drifted in found if selection.selects(drifted.address)]


def doctor(options: RunOptions) -> tuple[Project, list[Check]]:
    """Check everything that the configuration needs, and change nothing. Raises ConfigInvalid."""
    from reconciler.doctor.checks import DoctorSubject, run_checks
    from reconciler.doctor.connection import AnswerTimes

    project = validate(options)
    answers = AnswerTimes(options.clock, options.on_call)
    with open_gateways(msgspec.structs.replace(options, on_call=answers), project) as gateways:
        subject = DoctorSubject(
            project,
            options.environ,
            gateways,
            answers,
            gateways.adapters,
            lambda: open_state_store(options, project),
        )
        return project, run_checks(subject)


def read_recorded(options: RunOptions) -> tuple[Project, State]:
    """Read the configuration and the state, without a call to Twilio. Raises StateError when the
    state is missing.
    """
    project = validate(options)
    return project, missing_state.load_for_reading(open_state_store(options, project), project)


def unlock(options: RunOptions, *, force: bool) -> LockInfo | None:
    """Free the lock of the state, and return it; None when it was not held. Raises StateLocked when
    it may be in use.
    """
    run = this_run(options.command, options.now(), options.environ)
    return open_state_store(options, validate(options)).unlock(run, force=force)


def show(options: RunOptions, address: str) -> dict[str, Any]:
    """Return one resource as a row; a bridge number with its present status on Twilio."""
    from reconciler.remote.queries.observe import fetch_number
    from reconciler.report.documents.views import bridge_view, number_row, plain_row

    project, state = read_recorded(options)
    entry = find_entry(state.resources, address)
    if entry.kind != "bridge_number":
        return number_row(entry) if entry.kind in NUMBER_KINDS else plain_row(entry)

    with open_gateways(options, project) as gateways:
        gateway = gateways[entry.account]
        return bridge_view(address, entry, gateway.account_sid, fetch_number(gateway, entry.sid))


def export(
    options: RunOptions, accounts: Sequence[str], selection: ExportFilter, name: str
) -> Exported:
    """Return what is on Twilio as configuration, without what is declared already.

    Raises ConfigInvalid, RemoteError.
    """
    from reconciler.export import document
    from reconciler.export.existing import find_declared
    from reconciler.remote.queries.whole_account import read_accounts

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
    return document.export(observed, find_declared(project, observed, name), selection)


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
