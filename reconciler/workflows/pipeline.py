"""Build a plan in stages: read Twilio, seal secrets, read the platforms, decide, narrow to the
targets, ask what the decisions depend on, and check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.fingerprints import Sealed, seal
from reconciler.diagnostics import Diagnostic
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.checks import list_users
from reconciler.planning.checks.questions import (
    Scope,
    check_facts,
    list_questions,
)
from reconciler.planning.checks.unexpected_forms import find_unexpected
from reconciler.planning.checks.unknown_routes import add_unknown_routes
from reconciler.planning.checks.unread_accounts import hold_back, select_readable
from reconciler.planning.checks.unread_registrations import hold_numbers
from reconciler.planning.decide.child_drift import list_children
from reconciler.planning.identity.moved import follow_moves
from reconciler.planning.identity.observed import Observed
from reconciler.planning.identity.offline import (
    observe_recorded,
    split_plannable,
    warn_of_assumed_secrets,
)
from reconciler.planning.identity.same_key import pair_with_recorded
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.planning.selection.narrow import narrow_plan
from reconciler.planning.selection.patterns import find_selection, list_named
from reconciler.planning.selection.scope import find_accounts_outside, keep_inside
from reconciler.remote.facts.sip_domains import read_list_users
from reconciler.remote.gateway import Gateway
from reconciler.remote.platforms.for_project import platform_facts
from reconciler.remote.queries.observe import observe
from reconciler.state.format.document import State
from reconciler.state.plan_file import PlanFile
from reconciler.workflows.answers import Sources, answer
from reconciler.workflows.saved_plan import secret_writing_addresses
from reconciler.workflows.session import Gateways, Planned, Prefetch, RunOptions


class PlanInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan is built from.

    The secrets of `saved` plans keep their fingerprints. `former` holds, by address, the entries
    of a state that is missing.
    """

    options: RunOptions
    project: Project
    state: State
    gateways: Gateways
    prefetch: Prefetch
    saved: tuple[PlanFile, ...] = ()
    former: Mapping[str, Entry] = {}


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """The declared, recorded and live resources that decisions are made from.

    `desired` are the declarations that can be planned, as the files have them; in `sealed` their
    secrets are replaced by fingerprints. `recorded` are the entries under the addresses that the
    resources have now, `renames` the old addresses of those that have changed. `outside` are the
    accounts that no target is in.
    """

    desired: Sequence[Desired]
    sealed: Sealed
    recorded: Mapping[str, Entry]
    renames: dict[str, str]
    observed: Observed
    outside: frozenset[str]
    notes: list[Diagnostic]


class _Reading(msgspec.Struct, frozen=True):
    """The answer of Twilio, or with `--no-refresh` the recorded values in its place."""

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
    6. ask: decide once more where an answer changes a decision, then answer all other questions;
    7. check: add what the answers mean.
    """
    # 1. to 3. Recall, read and seal.
    resources = read_resources(inputs, _secrets_needed(inputs))

    # 4. and 5. Decide and narrow.
    plan = decide(inputs, resources, resources.observed)

    # 6. Ask, except offline. Only the users of lists that would be deleted can change a decision.
    if not inputs.options.refresh:
        return to_planned(inputs, resources, plan)
    plan, unread = decide_with_list_users(
        plan,
        lambda observed: decide(inputs, resources, observed),
        resources.observed,
        inputs.gateways,
    )
    questions = list_questions(plan, _scope(inputs, plan, resources))
    facts = answer(questions, _sources(inputs))

    # 7. Check. From here on no action is added or removed.
    plan = check_facts(plan, questions, facts, resources.recorded, inputs.project.desired)
    return to_planned(inputs, resources, plan, [*unread, *questions.notes, *facts.regions.problems])


def read_resources(inputs: PlanInputs, needs_secret: Callable[[str], bool]) -> Resources:
    """Recall, read and seal: the stages before any decision.

    `needs_secret` is the test for addresses whose secrets must be readable.
    """
    # 1. Recall. All stages below use the new addresses, so that a rename never looks like a
    # removal.
    project = inputs.project
    recorded, renames, rename_notes = follow_moves(
        inputs.state.resources, project.desired, project.moves
    )

    declared = pair_with_recorded(project.desired, recorded)

    # 2. Read. The first page of numbers is on its way since before the state was loaded.
    reading = _read(inputs, declared, recorded)

    # 3. Seal. Plans and states hold fingerprints only, and registrations are compared by them.
    sealed, assumed = _seal(inputs, reading, recorded, needs_secret)
    observed = _read_platforms(inputs, reading.observed, sealed, recorded)
    return Resources(
        desired=reading.desired,
        sealed=sealed,
        recorded=recorded,
        renames=dict(renames),
        observed=observed,
        outside=reading.outside,
        notes=[*rename_notes, *reading.notes, *assumed],
    )


def decide(inputs: PlanInputs, resources: Resources, observed: Observed) -> Plan:
    """Decide about every resource, and keep what `--target` and `--exclude` select."""
    project, options = inputs.project, inputs.options

    # Nothing is decided about an account that was not read: its resources would look deleted.
    recorded = resources.recorded
    unread = observed.unread.keys() | resources.outside
    readable, entries = select_readable(resources.sealed.desired, recorded, unread)
    platforms = platform_facts(project)
    plan = plan_resources(readable, entries, observed, project.our_urls, platforms, inputs.former)
    plan = add_unknown_routes(plan, readable, observed.unknown)
    plan = hold_numbers(hold_back(plan, observed.unread))
    plan = msgspec.structs.replace(plan, renames=resources.renames)

    # Children that no file lists can be selected by their own address as well.
    unlisted = list_children(recorded, observed)
    return narrow_plan(
        plan, options.targets, options.excludes, resources.desired, (recorded,), unlisted
    )


def to_planned(
    inputs: PlanInputs, resources: Resources, plan: Plan, problems: Sequence[Diagnostic] = ()
) -> Planned:
    """Return the plan with its notes; `problems` are questions that got no answer."""
    project = inputs.project
    notes = [*project.warnings, *resources.notes, *problems, *project.violations]
    if inputs.options.refresh:
        notes += find_unexpected(resources.recorded, resources.observed)
    return Planned(
        project=project,
        state=inputs.state,
        plan=plan,
        observed=resources.observed,
        notes=tuple(notes),
        secrets=resources.sealed.secrets,
    )


def decide_with_list_users(
    plan: Plan,
    decide: Callable[[Observed], Plan],
    observed: Observed,
    gateways: Mapping[str, Gateway],
) -> tuple[Plan, list[Diagnostic]]:
    """Decide once more where a plan deletes lists: a list in use is kept, or deleted as a whole.

    Returns the plan unchanged where it deletes no list, and warnings for accounts whose SIP domains
    cannot be read.
    """
    questions = list_users.list_questions(plan)
    if not questions:
        return plan, []

    domains, unread = read_list_users(questions, gateways, observed)
    return decide(observed.with_domains(domains)), unread


def _read(
    inputs: PlanInputs, declared: Sequence[Desired], recorded: Mapping[str, Entry]
) -> _Reading:
    """Read the accounts that a target is in, with the messaging services of their numbers.

    With `--no-refresh` the recorded values are taken for the live ones, and declarations that these
    do not suffice for are left out.
    """
    options = inputs.options
    if not options.refresh:
        desired, left_out = split_plannable(declared, recorded)
        return _Reading(desired, observe_recorded(recorded), frozenset(), [*left_out])

    outside = find_accounts_outside(options.targets, declared, recorded)
    inside, entries = keep_inside(declared, recorded, outside)
    observed = observe(
        inside, entries, inputs.gateways, options.progress.report_read, inputs.prefetch.pages
    )

    # The services are on their way since before the numbers, so they are waited for last.
    services, unread = inputs.prefetch.services.result()
    return _Reading(declared, observed.with_services(services), outside, [*unread])


def _seal(
    inputs: PlanInputs,
    reading: _Reading,
    recorded: Mapping[str, Entry],
    needs_secret: Callable[[str], bool],
) -> tuple[Sealed, list[Diagnostic]]:
    """Replace secrets by fingerprints, and warn of those that are assumed to be unchanged."""
    options = inputs.options
    seeds = [*map(_saved_entries, inputs.saved), recorded]
    sealed = seal(inputs.project, reading.desired, seeds, options.environ, needs_secret)
    return sealed, [] if options.refresh else warn_of_assumed_secrets(sealed.unknown)


def _read_platforms(
    inputs: PlanInputs, observed: Observed, sealed: Sealed, recorded: Mapping[str, Entry]
) -> Observed:
    """Add what the platforms have, except offline."""
    if not inputs.options.refresh:
        return observed
    return inputs.gateways.adapters.extend_observed(observed, sealed.desired, recorded)


def _saved_entries(saved: PlanFile) -> dict[str, Entry]:
    """Return the entries that the actions of a saved plan would record, by address."""
    entries: dict[str, Entry] = {}
    for action in saved.actions:
        if action.entry is not None:
            entries[action.address] = action.entry
    return entries


def _secrets_needed(inputs: PlanInputs) -> Callable[[str], bool]:
    """Return the test for addresses whose secrets must be readable: all that this run may write."""
    if not inputs.options.refresh:
        return lambda address: False
    if inputs.saved:
        return secret_writing_addresses(inputs.saved).__contains__
    return lambda address: True


def _scope(inputs: PlanInputs, plan: Plan, resources: Resources) -> Scope:
    """Return the part of the run that decides which questions are asked."""
    options, project = inputs.options, inputs.project
    regions = {name: account.region for name, account in project.accounts.items()}

    # Only selected numbers are asked about.
    recorded = resources.recorded
    if plan.actions or any(regions.values()):
        named = list_named(project.desired, (recorded,), plan.actions)
        selection = find_selection(options.targets, options.excludes, named)
        if selection:
            recorded = {}
            for address, entry in resources.recorded.items():
                if selection.selects(address):
                    recorded[address] = entry

    return Scope(
        desired=resources.desired,
        recorded=recorded,
        regions=regions,
        max_purchases=project.safety.max_purchases,
        prefetched=inputs.prefetch.regions.numbers,
        max_regions=options.max_region_calls,
        unread_accounts=frozenset(resources.observed.unread) | resources.outside,
        rule_accounts=frozenset(
            name for name, account in project.accounts.items() if account.check_webhook_rules
        ),
    )


def _sources(inputs: PlanInputs) -> Sources:
    """Return everything that can answer a question of this run."""
    return Sources(
        gateways=inputs.gateways,
        adapters=inputs.gateways.adapters,
        accounts=inputs.project.accounts,
        stop=inputs.options.stop,
        prefetch=inputs.prefetch.regions,
    )
