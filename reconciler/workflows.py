"""What each command does, as short scripts: the only place that joins configuration, state, Twilio and planning.

Nothing here prints, reads the command line or decides an exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import msgspec

from reconciler.apply.carry_out import carry_out
from reconciler.apply.outcome import Outcome, Result
from reconciler.apply.saved import plan_of, saved_plan, staleness
from reconciler.config.fingerprints import seal
from reconciler.config.lint.policies import broken_by_plan
from reconciler.config.lint.rules import is_violation
from reconciler.config.load import load, undeclared
from reconciler.config.project import Project
from reconciler.config.secrets import credentials, reveal
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
from reconciler.planning.observed import Observed
from reconciler.planning.plan import Plan, make
from reconciler.planning.remembered import observed_from, plannable
from reconciler.planning.select import matches, select
from reconciler.remote import regions, services
from reconciler.remote.attribution import attribute
from reconciler.remote.gateway import CallRecord, Gateway
from reconciler.remote.observe import begin, fetch_number, observe
from reconciler.remote.platforms.project import Adapters, facts
from reconciler.remote.prices import priced
from reconciler.remote.survey import survey
from reconciler.remote.timelimit import TimeLimit
from reconciler.report.views import bridge_view, number_row, plain_row
from reconciler.state import planfile
from reconciler.state.backends import open_store
from reconciler.state.codec import Cipher
from reconciler.state.document import State, empty
from reconciler.state.holder import this_run
from reconciler.state.planfile import PlanFile
from reconciler.state.store import LockInfo, Store

MOST_CALLS = 32
"""Calls at once for an account where nobody says: a run begins with `FIRST_CALLS` and goes up to this."""
FIRST_CALLS = 8
DEFAULT_FILE = "reconciler.yaml"


class Progress(Protocol):
    """What a run tells while it works: a terminal draws it, a log prints lines, a test ignores it."""

    def reading(self, account: str, numbers: int) -> None:
        """So many numbers of an account have been read."""

    def planned(self, planned: Planned) -> None:
        """The plan that is about to be applied."""

    def applying(self, total: int) -> None:
        """So many actions are about to start."""

    def outcome(self, outcome: Outcome) -> None:
        """One action is done."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how to run: everything that comes from outside. Durations in seconds.

    `ramp`: begin with few calls at once, and go up to `concurrency` while Twilio answers well.
    """

    directory: Path
    environ: Mapping[str, str]
    progress: Progress
    clock: Callable[[], datetime]
    file: str = DEFAULT_FILE
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    concurrency: int = MOST_CALLS
    ramp: bool = False
    limit: TimeLimit = msgspec.field(default_factory=TimeLimit)
    lock_timeout: float = 0.0
    refresh: bool = True
    command: str = ""
    stop: Event = msgspec.field(default_factory=Event)
    on_call: Callable[[CallRecord], None] | None = None

    def now(self) -> str:
        """Now, as RFC 3339 in UTC."""
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What the person applying agrees to: takeovers of these addresses (globs), purchases, and limits exceeded."""

    takeovers: tuple[str, ...] = ()
    purchases: bool = False
    force: bool = False


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and what it was made from; `notes` are the diagnostics of the configuration and of the guard.

    `secrets` are those behind the fingerprints in the plan; they are never shown or stored.
    """

    project: Project
    state: State
    plan: Plan
    observed: Observed
    notes: tuple[Diagnostic, ...]
    secrets: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Planned(actions={len(self.plan.actions)})"


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an apply did; `declined` when the plan was shown and not confirmed."""

    planned: Planned
    result: Result
    declined: bool = False


def validate(setting: Setting) -> Project:
    """Read the configuration and check all that can be checked without Twilio. Raises ConfigInvalid."""
    return load(setting.directory / setting.file, environ=setting.environ, display_root=setting.directory)


def plan(setting: Setting) -> Planned:
    """Plan without changing anything; say what apply would refuse. Raises ConfigInvalid, RemoteError, StateError."""
    project = validate(setting)
    with _connected(setting, project) as gateways:
        return _located(setting, _planned(setting, project, _store(setting, project), gateways, Consent()), gateways)


def save(setting: Setting, planned: Planned, path: Path) -> None:
    """Write the plan to a file, with all that tells later whether the world has moved. Raises StateError."""
    saved = saved_plan(planned.plan, planned.project, planned.state, setting.now(), setting.targets, planned.notes)
    planfile.write(path, saved, cipher=_cipher(setting, planned.project))


def read_plan(setting: Setting, path: Path) -> PlanFile:
    """A saved plan; the configuration is read only when it is encrypted. Raises StateError when it cannot be read."""
    return planfile.read(path, lambda: _cipher(setting, validate(setting)))


def apply(
    setting: Setting, consent: Consent, confirm: Callable[[Planned], bool], saved: PlanFile | None = None
) -> Applied:
    """Plan (or take a saved plan that still fits), ask, carry out. Raises Refused, and what `plan` raises."""
    project = validate(setting)
    store = _store(setting, project)
    holder = this_run(setting.command, setting.now(), setting.environ)
    with (
        store.lock(holder, min(setting.lock_timeout, setting.limit.left()), setting.stop),
        _connected(setting, project) as gateways,
    ):
        planned = _located(setting, _planned(setting, project, store, gateways, consent, saved), gateways)
        if saved is not None:
            planned = _saved_over(saved, planned)
        setting.progress.planned(planned)
        _refuse(planned, consent)
        if planned.plan.actions and not confirm(planned):
            return Applied(planned=planned, result=Result(()), declined=True)
        setting.limit.check()
        with setting.limit.finishing(setting.stop):
            result = _carried_out(setting, planned, store, gateways)
        return Applied(planned=_timed(setting, planned, result), result=result)


def _carried_out(setting: Setting, planned: Planned, store: Store, gateways: _Gateways) -> Result:
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
    with _connected(setting, project) as gateways:
        planned = _planned(setting, project, _store(setting, project), gateways, Consent(), look=services.unasked)
        found = drifting.find(planned.state.resources, planned.observed)
        chosen = [d for d in found if matches(d.address, setting.targets, setting.excludes)]
        return planned, attribute(chosen, gateways, setting.clock())


def doctor(setting: Setting) -> tuple[Project, list[Check]]:
    """Look at everything that the configuration needs, and change nothing. Raises ConfigInvalid."""
    from reconciler.doctor.connection import Heard
    from reconciler.doctor.examine import Patient, examine

    project = validate(setting)
    heard = Heard(setting.clock, setting.on_call)
    with _connected(msgspec.structs.replace(setting, on_call=heard), project) as gateways:
        patient = Patient(project, setting.environ, gateways, heard, lambda: _store(setting, project))
        return project, examine(patient)


def recorded(setting: Setting) -> tuple[Project, State]:
    """The configuration and the state, without asking Twilio anything."""
    project = validate(setting)
    return project, _read_state(_store(setting, project), project)


def unlock(setting: Setting, *, force: bool) -> LockInfo | None:
    """Free the lock of the state; what was freed, None when nobody held it. Raises StateLocked when it may not be."""
    run = this_run(setting.command, setting.now(), setting.environ)
    return _store(setting, validate(setting)).unlock(run, force=force)


def show(setting: Setting, address: str) -> dict[str, Any]:
    """One resource as users know it; a bridge number with its status on Twilio right now."""
    project, state = recorded(setting)
    entry = entry_of(state.resources, address)
    if entry.kind != "bridge_number":
        return number_row(entry) if entry.kind in NUMBER_KINDS else plain_row(entry)
    with _connected(setting, project) as gateways:
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
    with _connected(setting, project) as gateways:
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
    gateways: _Gateways,
    consent: Consent,
    saved: PlanFile | None = None,
    look: services.Look = services.begin,
) -> Planned:
    """Read state and Twilio at the same time, and plan. The secrets of a saved plan keep their fingerprints."""
    desired, notes = project.desired, list(project.warnings)
    if setting.refresh:
        begun, answering = begin(desired, gateways), look(desired, gateways)
        state = _read_state(store, project)
        observed = observe(desired, state.resources, gateways, setting.progress.reading, begun)
        hiding, unread = answering()
        observed = observed.with_services(hiding)
        notes += unread
    else:
        state = _read_state(store, project)
        observed = observed_from(state.resources)
        desired, left_out = plannable(desired, state.resources)
        notes += left_out
    in_plan = {a.address: a.entry for a in (saved.actions if saved else ()) if a.entry is not None}
    sealed = seal(project, desired, (in_plan, state.resources), setting.environ)
    if setting.refresh:
        observed = gateways.adapters.seen(observed, sealed.desired, state.resources)
    whole = make(sealed.desired, state.resources, observed, project.our_urls, facts(project))
    if setting.refresh:
        whole = priced(whole, desired, gateways, project.accounts)
    chosen = select(whole, setting.targets, setting.excludes)
    notes += _announced(chosen, project, consent)
    notes += [*project.violations, *broken_by_plan(project.policies, chosen.actions)]
    return Planned(
        project=project, state=state, plan=chosen, observed=observed, notes=tuple(notes), secrets=sealed.secrets
    )


def _located(setting: Setting, planned: Planned, gateways: Mapping[str, Gateway]) -> Planned:
    """The same, knowing in which region numbers are answered, as far as the accounts declare one."""
    managed = {name: account.region for name, account in planned.project.accounts.items() if account.region}
    if not managed or not setting.refresh:
        return planned
    known = planned.state.resources
    narrowed = setting.targets or setting.excludes
    chosen = {a: known[a] for a in known if matches(a, setting.targets, setting.excludes)} if narrowed else known
    asked = locating.questions(planned.plan, chosen, managed)
    found, problems = regions.ask_each(gateways, [(q.account, q.number) for q in asked.values()], setting.stop)
    plan = locating.located(planned.plan, known, planned.project.desired, asked, found)
    return msgspec.structs.replace(planned, plan=plan, notes=(*planned.notes, *problems))


def _saved_over(saved: PlanFile, planned: Planned) -> Planned:
    """The saved plan in place of the fresh one. Raises Refused when anything it was made from has moved."""
    stale = staleness(saved, planned.project, planned.state, planned.observed, planned.secrets)
    if stale:
        raise Refused(*stale)
    return msgspec.structs.replace(planned, plan=plan_of(saved, planned.plan))


def _announced(plan: Plan, project: Project, consent: Consent) -> list[Diagnostic]:
    """What apply would refuse, as warnings of the plan; what is an error of the plan itself is not said twice."""
    refusals = _refusals(plan, project, consent)
    return [guard.as_warning(refusal) for refusal in refusals if refusal not in plan.diagnostics]


def _refuse(planned: Planned, consent: Consent) -> None:
    """Raise what forbids applying this plan. Nothing has been written yet."""
    errors = [d for d in planned.plan.diagnostics if d.severity == "error" and d.code != "protected"]
    if has_errors(errors):
        raise ReconcilerError(*errors)
    violations = [d for d in planned.notes if is_violation(d)]
    refusals = [*violations, *_refusals(planned.plan, planned.project, consent)]
    if refusals:
        raise Refused(*refusals)


def _refusals(plan: Plan, project: Project, consent: Consent) -> list[Diagnostic]:
    return guard.refusals(plan, project.safety, consent.takeovers, force=consent.force, buys=consent.purchases)


def _store(setting: Setting, project: Project) -> Store:
    cipher = _cipher(setting, project)
    return open_store(project.state, project.base, project.name, cipher=cipher, environ=setting.environ)


def _cipher(setting: Setting, project: Project) -> Cipher | None:
    """What encrypts the state of this project; None when it is kept in clear."""
    if not project.encryption_keys:
        return None
    from reconciler.state.cipher import Aes  # cryptography is an extra, and takes time to import

    return Aes([reveal(key, setting.environ, project.base) for key in project.encryption_keys])


def _read_state(store: Store, project: Project) -> State:
    return store.load() or empty(project.name)


class _Gateways(dict[str, Gateway]):
    """A gateway for every account, connected when it is first asked for."""

    def __init__(self, setting: Setting, project: Project) -> None:
        super().__init__()
        self._setting = setting
        self._project = project
        self.adapters = Adapters(project, setting.environ, stop=setting.stop, on_call=setting.on_call)

    def __missing__(self, name: str) -> Gateway:
        from reconciler.remote.twilio.gateway import connect  # twilio takes a tenth of a second to import

        account = self._project.accounts.get(name)
        if account is None:
            raise ReconcilerError(_unknown_account(name))
        secret = credentials(account, self._setting.environ, self._project.base)
        self[name] = gateway = connect(
            secret,
            concurrency=self._setting.concurrency,
            start=FIRST_CALLS if self._setting.ramp else None,
            stop=self._setting.stop,
            on_call=self._setting.on_call,
            left=self._setting.limit.left,
        )
        return gateway


@contextmanager
def _connected(setting: Setting, project: Project) -> Iterator[_Gateways]:
    """The gateways of a run; they are closed at its end."""
    gateways = _Gateways(setting, project)
    try:
        yield gateways
    finally:
        for gateway in gateways.values():
            gateway.close()
        for adapter in gateways.adapters.values():
            adapter.close()


def _unknown_account(name: str) -> Diagnostic:
    return Diagnostic(
        code="no_twilio_integration",
        summary="State refers to an account that is not declared",
        detail=f"State holds resources of account `{name}`. Declare it under `accounts` until they are released.",
    )
