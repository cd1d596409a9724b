"""How a plan is made: what is declared, what is remembered and what Twilio shows, read together and judged.

Imported while the first page of numbers is on its way: it takes about as long as the page does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from reconciler.config.lint.policies import find_plan_violations
from reconciler.config.lint_rules import is_violation
from reconciler.config.project import Project
from reconciler.config.secrets.fingerprints import seal
from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.errors import ReconcilerError, Refused
from reconciler.kinds.table import NUMBER_KINDS, REGISTRATION
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.checks import guard
from reconciler.planning.checks import inbound_regions as locating
from reconciler.planning.checks.baseline_config import Baseline, to_baseline
from reconciler.planning.checks.baseline_config import find_refusals as baseline_refusals
from reconciler.planning.checks.missing_state import find_duplicates, find_forgotten
from reconciler.planning.checks.secrecy import find_clear_credentials
from reconciler.planning.checks.unexpected_forms import find_unexpected
from reconciler.planning.checks.unknown_routes import add_unknown_routes
from reconciler.planning.checks.unread_accounts import hold_back, keep_readable, select_readable
from reconciler.planning.decide import drift as drifting
from reconciler.planning.decide.unlisted import list_children
from reconciler.planning.equality import digest_mismatch, digest_of, list_differences
from reconciler.planning.identity.moved import follow_moves, rename_entries
from reconciler.planning.identity.observed import Observed
from reconciler.planning.identity.offline import (
    observe_recorded,
    split_plannable,
    warn_of_assumed_secrets,
)
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.planning.selection.narrow import narrow_plan
from reconciler.planning.selection.patterns import find_selection, list_named
from reconciler.planning.selection.scope import find_accounts_outside, keep_inside
from reconciler.planning.staleness import find_kept_resources
from reconciler.remote.facts import inbound_regions, sip_domains
from reconciler.remote.facts.inbound_regions import RegionPrefetch
from reconciler.remote.facts.purchases import check_purchases
from reconciler.remote.platforms.for_project import platform_facts
from reconciler.remote.queries.attribution import attribute_drift
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.state.problems import number_claimed
from reconciler.state.recovery.first_state import refuse_local_state
from reconciler.state.recovery.missing_state import LoadedState, MissingState
from reconciler.state.stores.store import Store
from reconciler.workflows import saved_plan as saving
from reconciler.workflows.saved_plan import (
    empty_plan,
    find_staleness,
    references_of,
    secret_writing_addresses,
)
from reconciler.workflows.session import Consent, Gateways, Planned, Prefetch, RunOptions
from reconciler.workflows.session import load_baseline_project as read_baseline


def build_plan(
    options: RunOptions,
    project: Project,
    state: State,
    gateways: Gateways,
    begun: Prefetch,
    *,
    saved: PlanFile | None = None,
    drifting_only: bool = False,
    former: Mapping[str, Entry] = MappingProxyType({}),
) -> Planned:
    """The plan of what has been begun to read; unless it is only about drift, in the knowledge of regions.

    The secrets of a saved plan keep their fingerprints. `former` is what a state held that is gone, by address.
    """
    desired, notes = project.desired, list(project.warnings)
    resources, renames, said = follow_moves(state.resources, desired, project.moves)
    notes += said
    outside = (
        find_accounts_outside(options.targets, desired, resources)
        if options.refresh
        else frozenset()
    )
    if options.refresh:
        read = keep_inside(desired, resources, outside)
        observed, unread = _read_accounts(options, *read, gateways, begun)
        notes += unread
    else:
        observed = observe_recorded(resources)
        desired, left_out = split_plannable(desired, resources)
        notes += left_out
    in_plan = {a.address: a.entry for a in (saved.actions if saved else ()) if a.entry is not None}
    sealed = seal(
        project,
        desired,
        (in_plan, resources),
        options.environ,
        _needed(options, saved, drifting_only),
    )
    notes += [] if options.refresh else warn_of_assumed_secrets(sealed.unknown)
    if options.refresh:
        observed = gateways.adapters.extend_observed(observed, sealed.desired, resources)

    of = _planner(project, sealed.desired, resources, former, outside)
    asks = options.refresh and not drifting_only
    whole, unread = (
        sip_domains.plan_with_domains(of, observed, gateways) if asks else (of(observed), [])
    )
    notes += unread
    named = msgspec.structs.replace(whole, renames=renames)
    below = list_children(resources, observed)
    chosen = narrow_plan(named, options.targets, options.excludes, desired, (resources,), below)
    if options.refresh:
        most = project.safety.max_purchases
        chosen = check_purchases(chosen, desired, gateways, project.accounts, most=most)
        chosen = _refusals_asked(chosen, gateways) if asks else chosen
    notes += [
        *project.violations,
        *(find_unexpected(resources, observed) if options.refresh else ()),
    ]
    made = Planned(
        project=project,
        state=state,
        plan=chosen,
        observed=observed,
        notes=tuple(notes),
        secrets=sealed.secrets,
    )
    return (
        made
        if drifting_only or not options.refresh
        else _located(options, made, gateways, begun.regions)
    )


def _read_accounts(
    options: RunOptions,
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    gateways: Gateways,
    begun: Prefetch,
) -> tuple[Observed, list[Diagnostic]]:
    """Read the accounts, with the messaging services of their numbers; and what of these could not be read."""
    observed = observe(desired, resources, gateways, options.progress.report_read, begun.pages)

    # The services are on their way since before the numbers: they are waited for last.
    hiding, unread = begun.services()
    return observed.with_services(hiding), unread


def _refusals_asked(plan: Plan, gateways: Gateways) -> Plan:
    """The plan with an error for what its platforms would refuse."""
    if not any(action.kind == REGISTRATION for action in plan.actions):
        return plan
    from reconciler.remote.platforms.preflight import (
        find_expected_refusals,
    )  # few plans change anything on a platform

    found = find_expected_refusals(plan.actions, gateways.adapters)
    diagnostics = tuple(sort_by_place([*plan.diagnostics, *found]))
    return msgspec.structs.replace(plan, diagnostics=diagnostics) if found else plan


def _planner(
    project: Project,
    desired: Sequence[Desired],
    resources: Mapping[str, Entry],
    former: Mapping[str, Entry],
    outside: frozenset[str],
) -> Callable[[Observed], Plan]:
    """Return what makes the plan of a project from what was observed; `outside` are accounts no target is in."""

    def of(seen: Observed) -> Plan:
        wanted, known = select_readable(desired, resources, seen.unread.keys() | outside)
        plan = plan_resources(
            wanted, known, seen, project.our_urls, platform_facts(project), former
        )
        return hold_back(add_unknown_routes(plan, wanted, seen.unknown), seen.unread)

    return of


def _needed(
    options: RunOptions, saved: PlanFile | None, drifting_only: bool
) -> Callable[[str], bool]:
    """Whose secrets a run cannot do without: all that it may write."""
    if drifting_only or not options.refresh:
        return lambda address: False
    return (
        secret_writing_addresses(saved).__contains__
        if saved is not None
        else (lambda address: True)
    )


def _located(
    options: RunOptions, planned: Planned, gateways: Gateways, sample: RegionPrefetch
) -> Planned:
    """The same, knowing in which region numbers are answered: all of them where the account declares one, else some."""
    accounts = planned.project.accounts
    managed = {name: account.region for name, account in accounts.items() if account.region}
    if not (managed or planned.plan.actions):
        return planned
    known = rename_entries(planned.state.resources, planned.plan.renames)
    selection = find_selection(
        options.targets,
        options.excludes,
        list_named(planned.project.desired, (known,), planned.plan.actions),
    )
    chosen = {a: known[a] for a in known if selection.selects(a)} if selection else known
    sure = locating.list_questions(planned.plan, chosen, managed)
    found, problems = inbound_regions.read_regions_of(
        gateways, [(q.account, q.number) for q in sure.values()], options.stop
    )
    some = locating.sample_questions(
        planned.plan, chosen, accounts.keys() - managed.keys(), sample.numbers
    )
    more = [
        (q.account, q.number) for q in some.values() if (q.account, q.number) not in sample.numbers
    ]
    found |= {
        **sample.wait(),
        **inbound_regions.prefetch_regions(gateways, more, options.stop).wait(),
    }
    asked = {**sure, **some}
    plan = locating.check_regions(planned.plan, known, planned.project.desired, asked, found)
    return msgspec.structs.replace(planned, plan=plan, notes=(*planned.notes, *problems))


def use_saved_plan(
    options: RunOptions, saved: PlanFile, planned: Planned, gateways: Gateways
) -> Planned:
    """Return the plan made now, which is what will be carried out, once it is known to equal the saved one.

    The file is only compared: nothing of it is written anywhere. Raises Refused when it is stale. A plan without
    actions is never stale: where anything has moved since, there is nothing to do.
    """

    def who(moved: Sequence[drifting.Drifted]) -> Sequence[drifting.Drifted]:
        return attribute_drift(moved, gateways, options.clock())

    project, committed = planned.project, _committed(options, planned.project)
    nothing_saved = not saved.actions

    # An account that cannot be read does not stop the others: the plan is compared without it.
    if planned.observed.unread:
        actions = keep_readable(saved.actions, planned.observed.unread)
        left = {action.address for action in actions}
        known = {address: wire for address, wire in saved.fingerprints.items() if address in left}
        saved = msgspec.structs.replace(saved, actions=list(actions), fingerprints=known)
    stale = find_staleness(
        saved, project, planned.state, planned.observed, planned.secrets, who, committed
    )
    stale = stale or find_kept_resources(saved.actions, planned.plan.actions)
    stale = stale or list_differences(saved.actions, planned.plan.actions)
    if stale and nothing_saved:
        return msgspec.structs.replace(planned, plan=empty_plan(planned.plan), notes=())
    if stale:
        raise Refused(*stale)
    return msgspec.structs.replace(planned, baseline=saved.baseline)


def find_moved_bases(
    options: RunOptions, saved: PlanFile, project: Project, state: State | None
) -> list[Diagnostic]:
    """What a saved plan was made from and is not the same any more."""
    return saving.find_moved_bases(saved, project, state, _committed(options, project))


def _committed(options: RunOptions, project: Project) -> Callable[[], str | None]:
    def committed() -> str | None:
        from reconciler.config.load.commits import last_commit  # a saved plan is seldom stale

        return last_commit([options.directory / file for file in project.files])

    return committed


def digest_of_plan(planned: Planned) -> str:
    """The digest of what the plan does, as `--expect` takes it."""
    actions = planned.plan.actions
    return digest_of(
        actions, references_of(planned.project, {action.address for action in actions})
    )


def check_digest(planned: Planned, expected: str | None, saved: PlanFile | None = None) -> None:
    """Raise Refused when another plan is expected than this one.

    The digest of a `saved` plan is that of all its actions: this plan equals it, but for accounts that cannot be read.
    """
    if expected is None:
        return
    if saved is not None and planned.observed.unread:
        references = references_of(planned.project, {action.address for action in saved.actions})
        found = digest_of(saved.actions, references)
    else:
        found = digest_of_plan(planned)
    if found != expected:
        raise Refused(digest_mismatch(expected, found))


def check_claims(planned: Planned, store: Store) -> Planned:
    """The plan with an error for each number to import that another project in the same store has."""
    plan, project = planned.plan, planned.project.name
    new = {
        a.sid: a for a in plan.actions if a.action == "import" and a.kind in NUMBER_KINDS and a.sid
    }
    claimed = store.find_claims(new.keys()) if new else {}
    errors = [
        msgspec.structs.replace(
            number_claimed(project, other, sid, new[sid].address),
            file=new[sid].file,
            line=new[sid].line,
            column=new[sid].column,
        )
        for sid, other in claimed.items()
    ]
    if not errors:
        return planned
    found = tuple(sort_by_place([*plan.diagnostics, *errors]))
    return msgspec.structs.replace(planned, plan=msgspec.structs.replace(plan, diagnostics=found))


def apply_guards(
    options: RunOptions, planned: Planned, consent: Consent, ground: LoadedState | None = None
) -> Planned:
    """The plan with everything that makes an apply refuse it, which is announced in its notes as well."""
    project, plan = planned.project, planned.plan
    given = {"force": consent.force, "buys": consent.purchases}
    lost = (
        _on_nothing(planned, ground.missing)
        if ground is not None and ground.missing is not None
        else None
    )
    refusals = [lost] if lost is not None and lost.severity == "error" else []
    if ground is not None and ground.first and not consent.local_state:
        begun_in_ci = refuse_local_state(project, options.environ)
        refusals += [begun_in_ci] if begun_in_ci is not None else []
    refusals += guard.find_refusals(plan, project.safety, consent.takeovers, **given)
    named = _named_baseline(options, plan, project.desired)
    baselines = [held for held in dict.fromkeys((planned.baseline, named)) if held is not None]
    for held in baselines:
        refusals += baseline_refusals(plan, held, consent.takeovers, own=refusals, **given)
    kept_out = project.safety.state_secrets == "refuse" or any(
        held.refuses_credentials for held in baselines
    )
    harmless = project.safety.state_secrets == "allow" and not kept_out
    in_clear = [] if project.encryption_keys or harmless else find_clear_credentials(plan)
    refusals += in_clear if kept_out else []
    told = [*refusals, *(problem for problem in in_clear if problem not in refusals)]
    notes = [guard.announce_refusal(problem) for problem in told if problem not in plan.diagnostics]
    notes += [lost] if lost is not None and lost.severity == "warning" else []
    notes += find_plan_violations(project.policies, plan.actions)

    # A violated rule or policy is a note with severity `error`; it comes first, as before anything that needs consent.
    notes = [*planned.notes, *notes]
    violations = [note for note in notes if is_violation(note)]
    return msgspec.structs.replace(
        planned,
        refusals=(*violations, *refusals),
        baseline=named or planned.baseline,
        notes=tuple(notes),
    )


def _on_nothing(planned: Planned, gone: MissingState) -> Diagnostic:
    """What a plan upon a state that is gone means; an error where it must not be applied."""
    actions, former, observed = planned.plan.actions, gone.former, planned.observed
    left_out = find_forgotten(actions, former, planned.project.desired, observed)
    return gone.assess_plan(find_duplicates(actions, former, observed), left_out)


def _named_baseline(options: RunOptions, plan: Plan, desired: Sequence[Desired]) -> Baseline | None:
    """What `--baseline` names, as far as this plan is held to it."""
    other = read_baseline(options)
    if other is None or options.baseline is None:
        return None
    staying = {want.address for want in desired if want.kind not in NUMBER_KINDS}
    return to_baseline(options.baseline, other.safety, other.desired, plan.actions, staying)


def raise_if_refused(planned: Planned) -> None:
    """Raise every error and refusal of this plan. Nothing has been written yet.

    A plan with errors fails (exit 1). Its refusals are reported with them: they remain when the errors are corrected.
    """
    refused = set(planned.refusals)
    errors = [
        d
        for d in planned.plan.diagnostics
        if d.severity == "error" and d.code != "account_unread" and d not in refused
    ]
    if not errors and not planned.refusals:
        return

    # What could not be read is reported with the rest, and counts in the summary of the failure.
    unread = [d for d in planned.plan.diagnostics if d.code == "account_unread"]
    kind = ReconcilerError if errors else Refused
    failure = kind(*errors, *planned.refusals, *unread)
    failure.unread_accounts = tuple(planned.unread_accounts)
    raise failure
