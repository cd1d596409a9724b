"""Build a plan: read the configuration, the state, Twilio and the platforms together, and decide.

Imported while the first page of numbers is on its way: it takes about as long as the page does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.fingerprints import Sealed, seal
from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import REGISTRATION
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.checks import inbound_regions as region_checks
from reconciler.planning.checks.unexpected_forms import find_unexpected
from reconciler.planning.checks.unknown_routes import add_unknown_routes
from reconciler.planning.checks.unread_accounts import hold_back, select_readable
from reconciler.planning.decide.child_drift import list_children
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
from reconciler.remote.facts import inbound_regions, sip_domains
from reconciler.remote.facts.purchases import check_purchases
from reconciler.remote.platforms.for_project import platform_facts
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.workflows.saved_plan import secret_writing_addresses
from reconciler.workflows.session import Gateways, Planned, Prefetch, RunOptions


class PlanInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan is built from.

    The secrets of a `saved` plan keep their fingerprints. `former` holds, by address, the entries
    of a state that is missing. `for_drift`: nothing is asked that only an apply needs.
    """

    options: RunOptions
    project: Project
    state: State
    gateways: Gateways
    prefetch: Prefetch
    saved: PlanFile | None = None
    former: Mapping[str, Entry] = {}
    for_drift: bool = False

    @property
    def for_apply(self) -> bool:
        """Return whether the plan may be applied, which needs answers from Twilio and the
        platforms.
        """
        return self.options.refresh and not self.for_drift


class _Reading(msgspec.Struct, frozen=True):
    """What was read from Twilio, or assumed with `--no-refresh`.

    `desired` are the declarations that can be planned from it, `outside` the accounts that no
    target is in.
    """

    desired: Sequence[Desired]
    observed: Observed
    outside: frozenset[str]
    notes: list[Diagnostic]


def build_plan(inputs: PlanInputs) -> Planned:
    """Build the plan of a configuration, in seven stages.

    1. recall: put recorded entries under the addresses that the resources have now;
    2. read: the live resources of Twilio, or with `--no-refresh` the recorded values;
    3. seal: replace secrets by fingerprints, then read the platforms;
    4. decide: plan every resource;
    5. narrow: keep what `--target` and `--exclude` select;
    6. answer: ask for prices, and for what platforms would refuse;
    7. check: the inbound regions of numbers.
    """
    project = inputs.project

    # 1. Recall. All stages below use the new addresses, so that a rename never looks like a
    # removal.
    recorded, renames, rename_notes = follow_moves(
        inputs.state.resources, project.desired, project.moves
    )

    # 2. Read. The first page of numbers is on its way since before the state was loaded.
    reading = _read(inputs, recorded)

    # 3. Seal. Plans and states hold fingerprints only, and registrations are compared by them.
    sealed, assumed = _seal(inputs, reading, recorded)
    observed = _read_platforms(inputs, reading.observed, sealed, recorded)

    # 4. Decide. Only the use of SIP domains can change a decision, so only they are asked for here.
    decide = _decider(inputs, sealed.desired, recorded, reading.outside)
    plan, unread_domains = _decide(inputs, decide, observed)
    plan = msgspec.structs.replace(plan, renames=renames)

    # 5. Narrow. Children that no file lists can be selected by their own address as well.
    plan = _narrow(inputs, plan, reading.desired, recorded, observed)

    # 6. Answer. The answers add diagnostics; from here on no action is added.
    plan = _answer(inputs, plan, reading.desired)
    notes = [*project.warnings, *rename_notes, *reading.notes, *assumed, *unread_domains]
    notes += project.violations
    if inputs.options.refresh:
        notes += find_unexpected(recorded, observed)

    # 7. Check. `drift` and an offline plan ask no number for its region.
    planned = Planned(
        project=project,
        state=inputs.state,
        plan=plan,
        observed=observed,
        notes=tuple(notes),
        secrets=sealed.secrets,
    )
    return _check_regions(inputs, planned) if inputs.for_apply else planned


def _read(inputs: PlanInputs, recorded: Mapping[str, Entry]) -> _Reading:
    """Read the accounts that a target is in, with the messaging services of their numbers.

    With `--no-refresh` the recorded values are taken for the live ones, and declarations that these
    do not suffice for are left out.
    """
    options, declared = inputs.options, inputs.project.desired
    if not options.refresh:
        desired, left_out = split_plannable(declared, recorded)
        return _Reading(desired, observe_recorded(recorded), frozenset(), [*left_out])

    outside = find_accounts_outside(options.targets, declared, recorded)
    inside, entries = keep_inside(declared, recorded, outside)
    observed = observe(
        inside, entries, inputs.gateways, options.progress.report_read, inputs.prefetch.pages
    )

    # The services are on their way since before the numbers, so they are waited for last.
    services, unread = inputs.prefetch.services()
    return _Reading(declared, observed.with_services(services), outside, [*unread])


def _seal(
    inputs: PlanInputs, reading: _Reading, recorded: Mapping[str, Entry]
) -> tuple[Sealed, list[Diagnostic]]:
    """Replace secrets by fingerprints, and warn of those that are assumed to be unchanged."""
    options = inputs.options
    seeds = (_saved_entries(inputs.saved), recorded)
    sealed = seal(inputs.project, reading.desired, seeds, options.environ, _secrets_needed(inputs))
    return sealed, [] if options.refresh else warn_of_assumed_secrets(sealed.unknown)


def _read_platforms(
    inputs: PlanInputs, observed: Observed, sealed: Sealed, recorded: Mapping[str, Entry]
) -> Observed:
    """Add what the platforms have, except offline."""
    if not inputs.options.refresh:
        return observed
    return inputs.gateways.adapters.extend_observed(observed, sealed.desired, recorded)


def _saved_entries(saved: PlanFile | None) -> dict[str, Entry]:
    """Return the entries that the actions of a saved plan would record, by address."""
    entries: dict[str, Entry] = {}
    for action in saved.actions if saved is not None else ():
        if action.entry is not None:
            entries[action.address] = action.entry
    return entries


def _secrets_needed(inputs: PlanInputs) -> Callable[[str], bool]:
    """Return the test for addresses whose secrets must be readable: all that this run may write."""
    if not inputs.for_apply:
        return lambda address: False
    if inputs.saved is not None:
        return secret_writing_addresses(inputs.saved).__contains__
    return lambda address: True


def _decider(
    inputs: PlanInputs,
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    outside: frozenset[str],
) -> Callable[[Observed], Plan]:
    """Return the function that plans the project from what was observed; `outside` are accounts no
    target is in.
    """
    project = inputs.project

    def decide(observed: Observed) -> Plan:
        # Nothing is decided about an account that was not read: its resources would look deleted.
        unread = observed.unread.keys() | outside
        readable, entries = select_readable(desired, recorded, unread)
        facts = platform_facts(project)
        plan = plan_resources(readable, entries, observed, project.our_urls, facts, inputs.former)
        plan = add_unknown_routes(plan, readable, observed.unknown)
        return hold_back(plan, observed.unread)

    return decide


def _decide(
    inputs: PlanInputs, decide: Callable[[Observed], Plan], observed: Observed
) -> tuple[Plan, list[Diagnostic]]:
    """Plan, and for an apply ask which SIP domains use a trunk or list that would be deleted."""
    if not inputs.for_apply:
        return decide(observed), []
    return sip_domains.plan_with_domains(decide, observed, inputs.gateways)


def _narrow(
    inputs: PlanInputs,
    plan: Plan,
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    observed: Observed,
) -> Plan:
    """Keep the actions that `--target` and `--exclude` select."""
    options = inputs.options
    unlisted = list_children(recorded, observed)
    return narrow_plan(plan, options.targets, options.excludes, desired, (recorded,), unlisted)


def _answer(inputs: PlanInputs, plan: Plan, desired: Sequence[Desired]) -> Plan:
    """Check purchases against present offers, and registrations against the rules of their
    platforms.
    """
    project, gateways = inputs.project, inputs.gateways
    if inputs.options.refresh:
        most = project.safety.max_purchases
        plan = check_purchases(plan, desired, gateways, project.accounts, most=most)
    return _add_platform_refusals(plan, gateways) if inputs.for_apply else plan


def _add_platform_refusals(plan: Plan, gateways: Gateways) -> Plan:
    """Return the plan with an error for each action that its platform would refuse."""
    if not any(action.kind == REGISTRATION for action in plan.actions):
        return plan

    # Imported here because few plans change anything on a platform.
    from reconciler.remote.platforms.preflight import find_expected_refusals

    refusals = find_expected_refusals(plan.actions, gateways.adapters)
    if not refusals:
        return plan
    diagnostics = tuple(sort_by_place([*plan.diagnostics, *refusals]))
    return msgspec.structs.replace(plan, diagnostics=diagnostics)


def _check_regions(inputs: PlanInputs, planned: Planned) -> Planned:
    """Check in which region numbers are answered.

    All numbers are asked about where the account declares a region, a sample elsewhere: one call
    for each number.
    """
    options, gateways, sample = inputs.options, inputs.gateways, inputs.prefetch.regions
    plan, desired, accounts = planned.plan, inputs.project.desired, inputs.project.accounts
    regions = {name: account.region for name, account in accounts.items() if account.region}
    if not (regions or plan.actions):
        return planned

    # Only selected numbers are asked about.
    recorded = rename_entries(inputs.state.resources, plan.renames)
    named = list_named(desired, (recorded,), plan.actions)
    selection = find_selection(options.targets, options.excludes, named)
    entries = recorded
    if selection:
        entries = {address: recorded[address] for address in recorded if selection.selects(address)}

    # Accounts with a declared region: every number has to be answered there.
    required = region_checks.list_questions(plan, entries, regions)
    numbers = [(question.account, question.number) for question in required.values()]
    found, problems = inbound_regions.read_regions_of(gateways, numbers, options.stop)

    # Other accounts: the sample was prefetched, as far as it was known before the plan.
    others = accounts.keys() - regions.keys()
    sampled = region_checks.sample_questions(plan, entries, others, sample.numbers)
    late = []
    for question in sampled.values():
        if (question.account, question.number) not in sample.numbers:
            late.append((question.account, question.number))
    more = inbound_regions.prefetch_regions(gateways, late, options.stop)
    found |= {**sample.wait(), **more.wait()}

    questions = {**required, **sampled}
    plan = region_checks.check_regions(plan, recorded, desired, questions, found)
    return msgspec.structs.replace(planned, plan=plan, notes=(*planned.notes, *problems))
