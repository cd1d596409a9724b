"""What each command does, as short scripts: the only place that joins configuration, state, Twilio and planning.

Nothing here prints, reads the command line or decides an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reconciler.apply.carry_out import carry_out
from reconciler.apply.outcome import Result
from reconciler.apply.saved import plan_of, saved_plan, staleness, writing_secrets
from reconciler.config.baseline import load_baseline
from reconciler.config.fingerprints import seal
from reconciler.config.lint.policies import broken_by_plan
from reconciler.config.lint.rules import is_violation
from reconciler.config.load import load, undeclared
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.doctor.check import Check
from reconciler.errors import ReconcilerError, Refused, UsageError
from reconciler.export import document as exporting
from reconciler.export.document import Exported, Wanted
from reconciler.export.known import of_project
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model import Entry
from reconciler.planning import drift as drifting
from reconciler.planning import guard
from reconciler.planning import regions as locating
from reconciler.planning.baseline import baseline_of
from reconciler.planning.baseline import refusals as baseline_refusals
from reconciler.planning.moved import follow, renamed
from reconciler.planning.plan import make
from reconciler.planning.remembered import observed_from, plannable, taken_as_unchanged
from reconciler.planning.secrecy import kept_in_clear
from reconciler.planning.select import matches, select
from reconciler.remote import regions, services
from reconciler.remote.attribution import attribute
from reconciler.remote.observe import begin, fetch_number, observe
from reconciler.remote.platforms.project import facts
from reconciler.remote.prices import priced
from reconciler.remote.survey import survey
from reconciler.report.views import bridge_view, number_row, plain_row
from reconciler.run import DEFAULT_FILE as DEFAULT_FILE
from reconciler.run import MOST_CALLS as MOST_CALLS
from reconciler.run import Applied as Applied
from reconciler.run import Consent as Consent
from reconciler.run import Gateways as Gateways
from reconciler.run import Planned as Planned
from reconciler.run import Progress as Progress
from reconciler.run import Setting as Setting
from reconciler.run import cipher_of as cipher_of
from reconciler.run import connected as connected
from reconciler.run import store_of as store_of
from reconciler.state import planfile
from reconciler.state.document import State, empty
from reconciler.state.holder import this_run
from reconciler.state.planfile import PlanFile
from reconciler.state.store import LockInfo, Store


def validate(setting: Setting) -> Project:
    """Read the configuration and check all that can be checked without Twilio. Raises ConfigInvalid."""
    return load(setting.directory / setting.file, environ=setting.environ, display_root=setting.directory)


def plan(setting: Setting) -> Planned:
    """Plan without changing anything; say what apply would refuse. Raises ConfigInvalid, RemoteError, StateError."""

    def planner(project: Project, store: Store, gateways: Gateways) -> Planned:
        return judged(setting, _located(setting, _planned(setting, project, store, gateways), gateways), Consent())

    return look(setting, planner)


def look(setting: Setting, planner: Planner) -> Planned:
    """A plan, and nothing else: no lock, no write."""
    project = validate(setting)
    with connected(setting, project) as gateways:
        return planner(project, store_of(setting, project), gateways)


def save(setting: Setting, planned: Planned, path: Path) -> None:
    """Write the plan to a file, with all that tells later whether the world has moved. Raises StateError."""
    saved = saved_plan(planned.plan, planned.project, planned.state, setting.now(), setting.targets, planned.notes)
    planfile.write(path, saved, cipher=cipher_of(setting, planned.project))


def read_plan(setting: Setting, path: Path) -> PlanFile:
    """A saved plan; the configuration is read only when it is encrypted. Raises StateError when it cannot be read."""
    return planfile.read(path, lambda: cipher_of(setting, validate(setting)))


def apply(setting: Setting, consent: Consent, confirm: Confirm, saved: PlanFile | None = None) -> Applied:
    """Plan (or take a saved plan that still fits), ask, carry out. Raises Refused, and what `plan` raises."""

    def planned(project: Project, store: Store, gateways: Gateways) -> Planned:
        fresh = _located(setting, _planned(setting, project, store, gateways, saved=saved), gateways)
        return judged(setting, fresh if saved is None else _saved_over(setting, saved, fresh, gateways), consent)

    return apply_planned(setting, consent, confirm, planned)


Confirm = Callable[[Planned], bool]
"""Shows a plan to somebody, and says whether it is confirmed."""
Planner = Callable[[Project, Store, Gateways], Planned]
"""Configuration, state and Twilio → a plan, however it is made."""


def apply_planned(setting: Setting, consent: Consent, confirm: Confirm, planner: Planner) -> Applied:
    """Under the lock: plan, show, refuse what must not be done, ask, carry out."""
    project = validate(setting)
    store = store_of(setting, project)
    holder = this_run(setting.command, setting.now(), setting.environ)
    with (
        store.lock(holder, min(setting.lock_timeout, setting.limit.left()), setting.stop),
        connected(setting, project) as gateways,
    ):
        planned = planner(project, store, gateways)
        setting.progress.planned(planned)
        _refuse(planned)
        if planned.plan.actions and not confirm(planned):
            return Applied(planned=planned, result=Result(()), declined=True)
        setting.limit.check()
        with setting.limit.finishing(setting.stop):
            result = _carried_out(setting, planned, store, gateways)
        return Applied(planned=_timed(setting, planned, result), result=result)


def _carried_out(setting: Setting, planned: Planned, store: Store, gateways: Gateways) -> Result:
    """Carry out a plan, with all the means there are."""
    return carry_out(
        planned.plan,
        planned.observed,
        planned.state,
        store,
        gateways,
        setting,
        planned.secrets,
        gateways.adapters,
    )


def _timed(setting: Setting, planned: Planned, result: Result) -> Planned:
    """The same, noting that the time was over before everything was done."""
    if not (result.interrupted and setting.limit.over):
        return planned
    note = setting.limit.diagnostic("What was in flight was finished, and what was done is saved. Run apply again.")
    return msgspec.structs.replace(planned, notes=(*planned.notes, note))


def drift(setting: Setting) -> tuple[Planned, list[drifting.Drifted]]:
    """Compare what was last applied with what is there, and ask Twilio's event log who changed it."""
    project = validate(setting)
    with connected(setting, project) as gateways:
        planned = _planned(setting, project, store_of(setting, project), gateways, drifting_only=True)
        found = drifting.find(renamed(planned.state.resources, planned.plan.renames), planned.observed)
        chosen = [d for d in found if matches(d.address, setting.targets, setting.excludes)]
        return planned, attribute(chosen, gateways, setting.clock())


def doctor(setting: Setting) -> tuple[Project, list[Check]]:
    """Look at everything that the configuration needs, and change nothing. Raises ConfigInvalid."""
    from reconciler.doctor.connection import Heard
    from reconciler.doctor.examine import Patient, examine

    project = validate(setting)
    heard = Heard(setting.clock, setting.on_call)
    with connected(msgspec.structs.replace(setting, on_call=heard), project) as gateways:
        adapters = gateways.adapters
        patient = Patient(project, setting.environ, gateways, heard, adapters, lambda: store_of(setting, project))
        return project, examine(patient)


def recorded(setting: Setting) -> tuple[Project, State]:
    """The configuration and the state, without asking Twilio anything."""
    project = validate(setting)
    return project, _read_state(store_of(setting, project), project)


def unlock(setting: Setting, *, force: bool) -> LockInfo | None:
    """Free the lock of the state; what was freed, None when nobody held it. Raises StateLocked when it may not be."""
    run = this_run(setting.command, setting.now(), setting.environ)
    return store_of(setting, validate(setting)).unlock(run, force=force)


def show(setting: Setting, address: str) -> dict[str, Any]:
    """One resource as users know it; a bridge number with its status on Twilio right now."""
    project, state = recorded(setting)
    entry = entry_of(state.resources, address)
    if entry.kind != "bridge_number":
        return number_row(entry) if entry.kind in NUMBER_KINDS else plain_row(entry)
    with connected(setting, project) as gateways:
        gateway = gateways[entry.account]
        return bridge_view(address, entry, gateway.account_sid, fetch_number(gateway, entry.sid))


def export(setting: Setting, accounts: Sequence[str], wanted: Wanted, name: str) -> Exported:
    """What is on Twilio as configuration, without what is declared already. Raises ConfigInvalid, RemoteError."""
    project = _project_or_none(setting) or undeclared(setting.directory, setting.environ)
    unknown = sorted(set(accounts) - project.accounts.keys())
    if unknown:
        known = ", ".join(sorted(project.accounts))
        detail = f"No account `{unknown[0]}`; there are: {known}."
        raise UsageError(Diagnostic(code="no_twilio_integration", summary="Unknown account", detail=detail))
    with connected(setting, project) as gateways:
        observed = survey(sorted(accounts or project.accounts), gateways, setting.progress.reading)
    return exporting.export(observed, of_project(project, observed, name), wanted)


def _project_or_none(setting: Setting) -> Project | None:
    """The configuration; None when there is none and none was named."""
    there = setting.file != DEFAULT_FILE or (setting.directory / setting.file).exists()
    return validate(setting) if there else None


def entry_of(resources: Mapping[str, Entry], address: str) -> Entry:
    """The entry of an address; a number may be given by its SID or E.164 alone. Raises ReconcilerError."""
    if address in resources:
        return resources[address]
    found = [entry for entry in resources.values() if address in (entry.sid, entry.key) and address]
    if len(found) == 1:
        return found[0]
    from difflib import get_close_matches

    close = get_close_matches(address, resources, n=1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    raise ReconcilerError(
        Diagnostic(
            code="address_not_found",
            summary="No such address in state",
            detail=f"`{address}` is not in state. {hint}`reconciler state list` shows every address.",
            address=address,
        )
    )


def _planned(
    setting: Setting,
    project: Project,
    store: Store,
    gateways: Gateways,
    *,
    saved: PlanFile | None = None,
    drifting_only: bool = False,
) -> Planned:
    """Read state and Twilio at the same time, and plan. The secrets of a saved plan keep their fingerprints."""
    desired, notes = project.desired, list(project.warnings)
    look = services.unasked if drifting_only else services.begin
    begun = begin(desired, gateways) if setting.refresh else {}
    answering = look(desired, gateways) if setting.refresh else services.unasked(desired, gateways)
    state = _read_state(store, project)
    resources, renames, said = follow(state.resources, desired, project.moves)
    notes += said
    if setting.refresh:
        observed = observe(desired, resources, gateways, setting.progress.reading, begun)
        hiding, unread = answering()
        observed = observed.with_services(hiding)
        notes += unread
    else:
        observed = observed_from(resources)
        desired, left_out = plannable(desired, resources)
        notes += left_out
    in_plan = {a.address: a.entry for a in (saved.actions if saved else ()) if a.entry is not None}
    sealed = seal(project, desired, (in_plan, resources), setting.environ, _needed(setting, saved, drifting_only))
    notes += [] if setting.refresh else taken_as_unchanged(sealed.unknown)
    if setting.refresh:
        observed = gateways.adapters.seen(observed, sealed.desired, resources)
    whole = make(sealed.desired, resources, observed, project.our_urls, facts(project))
    whole = msgspec.structs.replace(whole, renames=renames)
    if setting.refresh:
        whole = priced(whole, desired, gateways, project.accounts)
    chosen = select(whole, setting.targets, setting.excludes)
    notes += project.violations
    return Planned(
        project=project, state=state, plan=chosen, observed=observed, notes=tuple(notes), secrets=sealed.secrets
    )


def _needed(setting: Setting, saved: PlanFile | None, drifting_only: bool) -> Callable[[str], bool]:
    """Whose secrets a run cannot do without: all that it may write."""
    if drifting_only or not setting.refresh:
        return lambda address: False
    return writing_secrets(saved).__contains__ if saved is not None else (lambda address: True)


def _located(setting: Setting, planned: Planned, gateways: Gateways) -> Planned:
    """The same, knowing in which region numbers are answered: all of them where the account declares one, else some."""
    accounts = planned.project.accounts
    managed = {name: account.region for name, account in accounts.items() if account.region}
    if not setting.refresh or not (managed or planned.plan.actions):
        return planned
    known = renamed(planned.state.resources, planned.plan.renames)
    narrowed = setting.targets or setting.excludes
    chosen = {a: known[a] for a in known if matches(a, setting.targets, setting.excludes)} if narrowed else known
    sure = locating.questions(planned.plan, chosen, managed)
    found, problems = regions.ask_each(gateways, [(q.account, q.number) for q in sure.values()], setting.stop)
    some = locating.sampled(planned.plan, chosen, accounts.keys() - managed.keys())
    found |= regions.ask_some(gateways, [(q.account, q.number) for q in some.values()], setting.stop)
    asked = {**sure, **some}
    plan = locating.located(planned.plan, known, planned.project.desired, asked, found)
    return msgspec.structs.replace(planned, plan=plan, notes=(*planned.notes, *problems))


def _saved_over(setting: Setting, saved: PlanFile, planned: Planned, gateways: Gateways) -> Planned:
    """The saved plan in place of the fresh one. Raises Refused when anything it was made from has moved."""

    def who(moved: Sequence[drifting.Drifted]) -> Sequence[drifting.Drifted]:
        return attribute(moved, gateways, setting.clock())

    stale = staleness(saved, planned.project, planned.state, planned.observed, planned.secrets, who)
    if stale:
        raise Refused(*stale)
    return msgspec.structs.replace(planned, plan=plan_of(saved, planned.plan))


def judged(setting: Setting, planned: Planned, consent: Consent) -> Planned:
    """The plan with all that forbids applying it, which is announced in its notes as well."""
    project, plan = planned.project, planned.plan
    given = {"force": consent.force, "buys": consent.purchases}
    refusals = guard.refusals(plan, project.safety, consent.takeovers, **given)
    if setting.baseline is not None:
        other = load_baseline(setting.baseline, setting.directory / setting.file, setting.directory, setting.environ)
        held = baseline_of(setting.baseline, other.safety, other.desired)
        refusals += baseline_refusals(plan, held, consent.takeovers, own=refusals, **given)
    in_clear = [] if project.encryption_keys or project.safety.state_secrets == "allow" else kept_in_clear(plan)
    refusals += in_clear if project.safety.state_secrets == "refuse" else []
    told = [*refusals, *(problem for problem in in_clear if problem not in refusals)]
    notes = [guard.as_warning(problem) for problem in told if problem not in plan.diagnostics]
    notes += broken_by_plan(project.policies, plan.actions)
    return msgspec.structs.replace(planned, refusals=tuple(refusals), notes=(*planned.notes, *notes))


def _refuse(planned: Planned) -> None:
    """Raise what forbids applying this plan. Nothing has been written yet."""
    errors = [d for d in planned.plan.diagnostics if d.code != "protected" and not is_violation(d)]
    if has_errors(errors):
        raise ReconcilerError(*(d for d in errors if d.severity == "error"))
    refusals = [*(d for d in planned.notes if is_violation(d)), *planned.refusals]
    if refusals:
        raise Refused(*refusals)


def _read_state(store: Store, project: Project) -> State:
    return store.load() or empty(project.name)
