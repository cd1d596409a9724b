"""Plan without a write; save and read plan files; apply a plan under the lock of the state: plan,
show, refuse, ask, plan again, execute.

The workflows join configuration, state, Twilio and planning. Nothing here prints, reads the command
line or decides an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from reconciler.config.project import Project
from reconciler.errors import Refused
from reconciler.execution.outcome import Result
from reconciler.planning.staleness import about_question
from reconciler.state import plan_file
from reconciler.state.plan_file import Origin, PlanFile
from reconciler.state.recovery import missing_state
from reconciler.state.stores.holder import this_run
from reconciler.state.stores.store import Store
from reconciler.workflows import guards, pipeline, replan, saved_plan_check
from reconciler.workflows.guards import raise_if_refused  # imported by the planner
from reconciler.workflows.plan_actors import add_actors
from reconciler.workflows.saved_plan import make_saved_plan
from reconciler.workflows.saved_plan_check import check_digest
from reconciler.workflows.session import (
    Applied,
    Consent,
    Gateways,
    Planned,
    RunOptions,
    check_destinations,
    list_trusted_destinations,
    open_gateways,
    open_state_store,
    prefetch,
    prefetch_with_regions,
    state_cipher,
)
from reconciler.workflows.validate import validate
from reconciler.workflows.warm_up import import_while_waiting

Confirm = Callable[[Planned], bool] | None
"""Show a plan to a person, and return whether it is confirmed; None for no question."""


class Planner(Protocol):
    """A function from configuration, state and Twilio to a plan: of `apply`, `release` or
    `rollback`.
    """

    def __call__(
        self,
        project: Project,
        store: Store,
        gateways: Gateways,
        confirmed: PlanFile | None = None,
        /,
    ) -> Planned:
        """Plan; `confirmed` is the plan that a person was shown, whose secrets keep their
        fingerprints.
        """


def plan(options: RunOptions, consent: Consent | None = None) -> Planned:
    """Plan without changing anything, and check the plan as an apply with this consent would.

    Raises ConfigInvalid, RemoteError, StateError.
    """

    def planner(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        return _plan(options, consent or Consent(), project, store, gateways)

    return read_plan_only(options, planner)


def read_plan_only(options: RunOptions, planner: Planner) -> Planned:
    """Plan without a lock and without a write."""
    project = validate(options)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        return planner(project, open_state_store(options, project), gateways)


def save(options: RunOptions, planned: Planned, path: Path, origin: Origin | None = None) -> None:
    """Write the plan to a file, with everything that shows later whether it is stale. Raises
    StateError.

    `origin` is the command that made it, where that is not `plan`.
    """
    saved = make_plan_file(options, planned, origin)
    plan_file.write(path, saved, cipher=state_cipher(options, planned.project))


def make_plan_file(options: RunOptions, planned: Planned, origin: Origin | None = None) -> PlanFile:
    """Return the content of a plan file."""
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
    """Read a saved plan. Raises StateError. The configuration is read only when the file is
    encrypted.
    """
    return plan_file.read(path, lambda: state_cipher(options, validate(options)))


def apply(
    options: RunOptions,
    consent: Consent,
    confirm: Confirm,
    saved: PlanFile | None = None,
    expected: str | None = None,
    reviewed: Sequence[PlanFile] = (),
) -> Applied:
    """Plan, ask and apply. Raises Refused, and what `plan` raises.

    Refused unless the plan equals the `saved` one, each action is in one of the `reviewed` ones,
    and the digest is the `expected` one, where these are given.
    """
    # The regions of all numbers are read before the first write; `plan` reads only a few.
    options = msgspec.structs.replace(options, max_region_calls=None)

    def planner(
        project: Project, store: Store, gateways: Gateways, confirmed: PlanFile | None = None, /
    ) -> Planned:
        planned = _plan(
            options, consent, project, store, gateways, confirmed or saved, tuple(reviewed)
        )
        check_digest(planned, expected, saved)
        return planned

    return apply_planned(options, consent, confirm, planner)


def apply_planned(
    options: RunOptions, consent: Consent, confirm: Confirm, planner: Planner
) -> Applied:
    """Under the lock: plan, show, refuse, ask, apply."""
    project = validate(options)
    check_destinations(options, project)
    store = open_state_store(options, project)
    holder = this_run(options.command, options.now(), options.environ)
    lock_timeout = min(options.lock_timeout, options.limit.seconds_left())
    with (
        store.lock(holder, lock_timeout, options.stop),
        open_gateways(options, project) as gateways,
    ):
        planned = planner(project, store, gateways)
        # The plan is shown even if it is refused: the reasons refer to its actions.
        options.progress.show_plan(planned)
        raise_if_refused(planned)
        if planned.plan.actions and confirm is not None:
            if not confirm(planned):
                return Applied(planned=planned, result=Result(()), declined=True)
            planned = _plan_again(options, planned, planner, store, gateways)

        # From here on a time limit ends the run in order: calls in flight finish, and the state is
        # saved.
        options.limit.check()
        with options.limit.stop_at_end(options.stop):
            result = _execute(options, planned, store, gateways)
        return Applied(planned=_note_time_limit(options, planned, result), result=result)


def _plan_again(
    options: RunOptions, confirmed: Planned, planner: Planner, store: Store, gateways: Gateways
) -> Planned:
    """Plan again after the prompt was answered. Raises Refused when the new plan is not the
    confirmed one.

    The prompt may have waited for hours. Values that were set on Twilio meanwhile would be
    overwritten without consent, and the state would not record them. So the confirmed plan is
    treated as a saved one: made again and compared.
    """
    shown = make_plan_file(options, confirmed)
    try:
        fresh = planner(confirmed.project, store, gateways, shown)
        fresh = saved_plan_check.use_saved_plan(options, shown, fresh, gateways)
    except Refused as error:
        raise Refused(*map(about_question, error.diagnostics)) from error

    guards.raise_if_refused(fresh)
    return fresh


def _execute(options: RunOptions, planned: Planned, store: Store, gateways: Gateways) -> Result:
    """Execute a plan; the next version of the state records the destinations of this run."""
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


def _note_time_limit(options: RunOptions, planned: Planned, result: Result) -> Planned:
    """Add a note when the time limit was reached before all actions were done."""
    if not (result.interrupted and options.limit.is_over):
        return planned
    note = options.limit.diagnostic(
        "Calls in flight were finished, and what was done is saved. Run apply again."
    )
    return msgspec.structs.replace(planned, notes=(*planned.notes, note))


def _plan(
    options: RunOptions,
    consent: Consent,
    project: Project,
    store: Store,
    gateways: Gateways,
    saved: PlanFile | None = None,
    reviewed: tuple[PlanFile, ...] = (),
) -> Planned:
    """Build the plan of `plan` and `apply`: prefetch, load the state, build, compare with a saved
    plan or with several reviewed plans, check.
    """
    # Twilio answers while the state is loaded and modules are imported.
    pages = prefetch(options, project, gateways)
    loaded = missing_state.load_or_recover(store, project)
    pages = prefetch_with_regions(options, project, loaded.state, gateways, pages)
    import_while_waiting()
    former = loaded.missing.former if loaded.missing is not None else {}
    inputs = pipeline.PlanInputs(
        options=options,
        project=project,
        state=loaded.state,
        gateways=gateways,
        prefetch=pages,
        saved=reviewed if saved is None else (saved, *reviewed),
        former=former,
    )
    planned = pipeline.build_plan(inputs)
    if saved is not None:
        planned = saved_plan_check.use_saved_plan(options, saved, planned, gateways)
    held = replan.check_reviewed(options, reviewed, planned, gateways) if reviewed else []

    planned = guards.check_claims(add_actors(options, planned, gateways), store)
    return guards.apply_guards(options, planned, consent, loaded, held)
