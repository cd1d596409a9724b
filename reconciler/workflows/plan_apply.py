"""What each command does, as short scripts: the only place that joins configuration, state, Twilio and planning.

Nothing here prints, reads the command line or decides an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from reconciler.config.load.load import load, load_undeclared
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError, Refused, StateError, UsageError
from reconciler.execution.outcome import Result
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.entry import Entry
from reconciler.state.format.document import State
from reconciler.state.recovery import missing_state
from reconciler.state.recovery.first_state import no_record_error
from reconciler.state.stores.holder import this_run
from reconciler.state.stores.store import LockInfo, Store
from reconciler.workflows.session import DEFAULT_FILE as DEFAULT_FILE
from reconciler.workflows.session import MOST_CALLS as MOST_CALLS
from reconciler.workflows.session import Applied as Applied
from reconciler.workflows.session import Consent as Consent
from reconciler.workflows.session import Gateways as Gateways
from reconciler.workflows.session import Planned as Planned
from reconciler.workflows.session import Progress as Progress
from reconciler.workflows.session import RunOptions as RunOptions
from reconciler.workflows.session import (
    check_destinations,
    list_trusted_destinations,
    prefetch,
    prefetch_with_regions,
)
from reconciler.workflows.session import open_gateways as open_gateways
from reconciler.workflows.session import open_state_store as open_state_store
from reconciler.workflows.session import state_cipher as state_cipher

if TYPE_CHECKING:
    from reconciler.doctor.check import Check
    from reconciler.export.document import Exported, ExportFilter
    from reconciler.planning.decide.drift import Drifted
    from reconciler.state.plan_file import Origin, PlanFile


def validate(options: RunOptions) -> Project:
    """Read the configuration and check all that can be checked without Twilio. Raises ConfigInvalid."""
    entry = options.directory / options.file
    merged = options.merged.pop() if options.merged else None
    if merged is not None and merged.entry != entry:
        merged = None
    return load(entry, environ=options.environ, display_root=options.directory, merged=merged)


def plan(options: RunOptions, consent: Consent | None = None) -> Planned:
    """Plan without changing anything, and judge it as an apply with this consent would.

    Raises ConfigInvalid, RemoteError, StateError.
    """

    def planner(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        return _planned(options, consent or Consent(), project, store, gateways)

    return read_plan_only(options, planner)


def read_plan_only(options: RunOptions, planner: Planner) -> Planned:
    """A plan, and nothing else: no lock, no write."""
    project = validate(options)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        return planner(project, open_state_store(options, project), gateways)


def save(options: RunOptions, planned: Planned, path: Path, origin: Origin | None = None) -> None:
    """Write the plan to a file, with all that tells later whether the world has moved. Raises StateError.

    `origin` is the command that made it, where that is not `plan`.
    """
    from reconciler.state import plan_file

    plan_file.write(
        path, _as_file(options, planned, origin), cipher=state_cipher(options, planned.project)
    )


def _as_file(options: RunOptions, planned: Planned, origin: Origin | None = None) -> PlanFile:
    """Return the plan with all that tells later whether the world has moved."""
    from reconciler.workflows.saved_plan import make_saved_plan

    return make_saved_plan(
        planned.plan,
        planned.project,
        planned.state,
        options.now(),
        (options.targets, options.excludes),
        planned.notes,
        planned.baseline,
        planned.would_refuse,
        origin,
    )


def read_plan(options: RunOptions, path: Path) -> PlanFile:
    """A saved plan; the configuration is read only when it is encrypted. Raises StateError when it cannot be read."""
    from reconciler.state import plan_file

    return plan_file.read(path, lambda: state_cipher(options, validate(options)))


def apply(
    options: RunOptions,
    consent: Consent,
    confirm: Confirm,
    saved: PlanFile | None = None,
    expected: str | None = None,
) -> Applied:
    """Plan, ask, carry out. Raises Refused, and what `plan` raises.

    Refused unless the plan equals the `saved` one, and its digest the `expected` one, where these are given.
    """

    def planned(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        from reconciler.workflows.pipeline import check_digest

        made = _planned(options, consent, project, store, gateways, confirmed or saved)
        check_digest(made, expected, saved)
        return made

    return apply_planned(options, consent, confirm, planned)


Confirm = Callable[[Planned], bool] | None
"""Shows a plan to somebody, and says whether it is confirmed; None where nobody is asked."""


class Planner(Protocol):
    """Configuration, state and Twilio → a plan, however it is made."""

    def __call__(
        self,
        project: Project,
        store: Store,
        gateways: Gateways,
        confirmed: PlanFile | None = None,
        /,
    ) -> Planned:
        """Plan; `confirmed` is the plan that somebody was shown, whose secrets keep their fingerprints."""


def apply_planned(
    options: RunOptions, consent: Consent, confirm: Confirm, planner: Planner
) -> Applied:
    """Under the lock: plan, show, refuse what must not be done, ask, carry out."""
    project = validate(options)
    check_destinations(options, project)
    store = open_state_store(options, project)
    holder = this_run(options.command, options.now(), options.environ)
    with (
        store.lock(holder, min(options.lock_timeout, options.limit.seconds_left()), options.stop),
        open_gateways(options, project) as gateways,
    ):
        planned = planner(project, store, gateways)
        from reconciler.workflows.pipeline import raise_if_refused

        options.progress.show_plan(planned)
        raise_if_refused(planned)
        if planned.plan.actions and confirm is not None:
            if not confirm(planned):
                return Applied(planned=planned, result=Result(()), declined=True)
            planned = _planned_again(options, planned, planner, store, gateways)
        options.limit.check()
        with options.limit.stop_at_end(options.stop):
            result = _carried_out(options, planned, store, gateways)
        return Applied(planned=_timed(options, planned, result), result=result)


def _planned_again(
    options: RunOptions, confirmed: Planned, planner: Planner, store: Store, gateways: Gateways
) -> Planned:
    """Plan anew once the question is answered, and return that plan. Raises Refused when it is not the confirmed one.

    Nobody knows how long the question waited. What was set on Twilio meanwhile would be overwritten without consent,
    and state would not know the value. So the confirmed plan is treated as a saved one: made again and compared.
    """
    from reconciler.planning.staleness import about_question
    from reconciler.workflows import pipeline

    shown = _as_file(options, confirmed)
    try:
        fresh = planner(confirmed.project, store, gateways, shown)
        fresh = pipeline.use_saved_plan(options, shown, fresh, gateways)
    except Refused as error:
        raise Refused(*map(about_question, error.diagnostics)) from error

    pipeline.raise_if_refused(fresh)
    return fresh


def _carried_out(options: RunOptions, planned: Planned, store: Store, gateways: Gateways) -> Result:
    """Carry out a plan, with all the means there are."""
    from reconciler.execution.executor import execute_plan

    trusted = list_trusted_destinations(options, planned.project, planned.state, gateways)
    return execute_plan(
        planned.plan,
        planned.observed,
        msgspec.structs.replace(planned.state, destinations=trusted),
        store,
        gateways,
        options,
        planned.secrets,
        gateways.adapters,
    )


def _timed(options: RunOptions, planned: Planned, result: Result) -> Planned:
    """The same, noting that the time was over before everything was done."""
    if not (result.interrupted and options.limit.is_over):
        return planned
    note = options.limit.diagnostic(
        "What was in flight was finished, and what was done is saved. Run apply again."
    )
    return msgspec.structs.replace(planned, notes=(*planned.notes, note))


def drift(options: RunOptions) -> tuple[Planned, list[Drifted]]:
    """Compare what was last applied with what is there, and ask Twilio's event log who changed it.

    Raises StateError when nothing is recorded of what is declared: unknown is not the same as no drift.
    """
    project = validate(options)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        begun = prefetch(options, project, gateways, services=False)
        _import_the_rest()
        from reconciler.planning.checks.unread_accounts import select_readable
        from reconciler.planning.decide.drift import find_drift
        from reconciler.planning.decide.unlisted import find_changes as find_unlisted
        from reconciler.planning.decide.unlisted import list_children
        from reconciler.planning.identity.match import sids_to_names
        from reconciler.planning.identity.moved import rename_entries
        from reconciler.planning.selection.patterns import find_selection, list_named
        from reconciler.planning.selection.scope import find_accounts_outside
        from reconciler.remote.queries.attribution import attribute_drift
        from reconciler.workflows.pipeline import build_plan as made

        state = missing_state.load_for_reading(open_state_store(options, project), project)
        planned = made(options, project, state, gateways, begun, drifting_only=True)
        known = rename_entries(planned.state.resources, planned.plan.renames)
        outside = find_accounts_outside(options.targets, project.desired, known)
        declared, read = select_readable(
            project.desired, known, planned.observed.unread.keys() | outside
        )
        wanted = sids_to_names(declared, planned.observed)
        found = [
            *find_drift(read, planned.observed),
            *find_unlisted(wanted, read, planned.observed),
        ]
        found.sort(key=lambda drifted: drifted.address)
        named = [*list_named(project.desired, (known,)), *list_children(known, planned.observed)]
        selection = find_selection(options.targets, options.excludes, named)
        if not any(map(selection.selects, known)) and any(
            selection.selects(want.address) for want in project.desired
        ):
            raise StateError(no_record_error(project))

        chosen = [drifted for drifted in found if selection.selects(drifted.address)]
        return planned, attribute_drift(chosen, gateways, options.clock())


def doctor(options: RunOptions) -> tuple[Project, list[Check]]:
    """Look at everything that the configuration needs, and change nothing. Raises ConfigInvalid."""
    from reconciler.doctor.checks import DoctorSubject, run_checks
    from reconciler.doctor.connection import AnswerTimes

    project = validate(options)
    heard = AnswerTimes(options.clock, options.on_call)
    with open_gateways(msgspec.structs.replace(options, on_call=heard), project) as gateways:
        adapters = gateways.adapters
        patient = DoctorSubject(
            project,
            options.environ,
            gateways,
            heard,
            adapters,
            lambda: open_state_store(options, project),
        )
        return project, run_checks(patient)


def read_recorded(options: RunOptions) -> tuple[Project, State]:
    """The configuration and the state, without asking Twilio anything. StateError when the state is gone."""
    project = validate(options)
    return project, missing_state.load_for_reading(open_state_store(options, project), project)


def unlock(options: RunOptions, *, force: bool) -> LockInfo | None:
    """Free the lock of the state; what was freed, None when nobody held it. Raises StateLocked when it may not be."""
    run = this_run(options.command, options.now(), options.environ)
    return open_state_store(options, validate(options)).unlock(run, force=force)


def show(options: RunOptions, address: str) -> dict[str, Any]:
    """One resource as users know it; a bridge number with its status on Twilio right now."""
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
    options: RunOptions, accounts: Sequence[str], wanted: ExportFilter, name: str
) -> Exported:
    """What is on Twilio as configuration, without what is declared already. Raises ConfigInvalid, RemoteError."""
    from reconciler.export.document import export as exported
    from reconciler.export.existing import find_declared
    from reconciler.remote.queries.whole_account import read_accounts

    project = _project_or_none(options) or load_undeclared(options.directory, options.environ)
    unknown = sorted(set(accounts) - project.accounts.keys())
    if unknown:
        known = ", ".join(sorted(project.accounts))
        detail = f"No account `{unknown[0]}`; there are: {known}."
        raise UsageError(
            Diagnostic(code="no_twilio_integration", summary="Unknown account", detail=detail)
        )
    with open_gateways(options, project) as gateways:
        observed = read_accounts(
            sorted(accounts or project.accounts), gateways, options.progress.report_read
        )
    return exported(observed, find_declared(project, observed, name), wanted)


def _project_or_none(options: RunOptions) -> Project | None:
    """The configuration; None when there is none and none was named."""
    there = options.file != DEFAULT_FILE or (options.directory / options.file).exists()
    return validate(options) if there else None


def find_entry(resources: Mapping[str, Entry], address: str) -> Entry:
    """The entry of an address; a number may be given by its SID or E.164 alone. Raises ReconcilerError."""
    if address in resources:
        return resources[address]
    found = [entry for entry in resources.values() if address in (entry.sid, entry.key) and address]
    if len(found) == 1:
        return found[0]
    from difflib import get_close_matches

    close = get_close_matches(address, resources, n=1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    hint += "" if resources else "Nothing has been applied into it yet. "
    raise ReconcilerError(
        Diagnostic(
            code="address_not_found",
            summary="No such address in state",
            detail=f"`{address}` is not in state. {hint}`reconciler state list` shows every address.",
            address=address,
        )
    )


def _planned(
    options: RunOptions,
    consent: Consent,
    project: Project,
    store: Store,
    gateways: Gateways,
    saved: PlanFile | None = None,
) -> Planned:
    """Read Twilio and state at the same time, plan, compare with the saved plan if there is one, and judge."""
    begun = prefetch(options, project, gateways)
    ground = missing_state.load_or_recover(store, project)
    state = ground.state
    begun = prefetch_with_regions(options, project, state, gateways, begun)
    _import_the_rest()
    from reconciler.workflows import pipeline

    former = ground.missing.former if ground.missing is not None else {}
    made = pipeline.build_plan(options, project, state, gateways, begun, saved=saved, former=former)
    made = made if saved is None else pipeline.use_saved_plan(options, saved, made, gateways)
    return pipeline.apply_guards(options, pipeline.check_claims(made, store), consent, ground)


def _import_the_rest() -> None:
    """Import what plans, carries out and reports while the first page is on its way: it takes about as long."""
