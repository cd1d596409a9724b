"""Build a plan: read the configuration, the state, Twilio and the platforms together, and decide.

Imported while the first page of numbers is on its way: it takes about as long as the page does.
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
    Facts,
    Questions,
    Scope,
    check_facts,
    list_questions,
)
from reconciler.planning.checks.unexpected_forms import find_unexpected
from reconciler.planning.checks.unknown_routes import add_unknown_routes
from reconciler.planning.checks.unread_accounts import hold_back, select_readable
from reconciler.planning.decide.child_drift import list_children
from reconciler.planning.identity.moved import follow_moves
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
    6. ask: decide once more where an answer changes a decision, then answer all other questions;
    7. check: add what the answers mean.
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

    # 4. and 5. Decide and narrow.
    def decide_and_narrow(observed: Observed) -> Plan:
        plan = _decide(inputs, sealed.desired, recorded, observed, reading.outside)
        plan = msgspec.structs.replace(plan, renames=renames)
        return _narrow(inputs, plan, reading.desired, recorded, observed)

    plan = decide_and_narrow(observed)

    # 6. Ask. Only the users of lists that would be deleted can change a decision.
    unread: list[Diagnostic] = []
    if inputs.for_apply:
        plan, unread = decide_with_list_users(plan, decide_and_narrow, observed, inputs.gateways)
    scope = _scope(inputs, plan, reading.desired, recorded)
    questions = list_questions(plan, scope)
    facts = _answer(inputs, questions)

    # 7. Check. From here on no action is added or removed.
    plan = check_facts(plan, questions, facts, recorded, project.desired)
    notes = [*project.warnings, *rename_notes, *reading.notes, *assumed, *unread]
    notes += project.violations
    if inputs.options.refresh:
        notes += find_unexpected(recorded, observed)
    notes += facts.regions.problems

    return Planned(
        project=project,
        state=inputs.state,
        plan=plan,
        observed=observed,
        notes=tuple(notes),
        secrets=sealed.secrets,
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

    # Imported here because few plans delete a list.
    from reconciler.remote.facts.sip_domains import read_list_users

    domains, unread = read_list_users(questions, gateways, observed)
    return decide(observed.with_domains(domains)), unread


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
    services, unread = inputs.prefetch.services.result()
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


def _decide(
    inputs: PlanInputs,
    desired: Sequence[Desired],
    recorded: Mapping[str, Entry],
    observed: Observed,
    outside: frozenset[str],
) -> Plan:
    """Plan the project from what was observed; `outside` are the accounts that no target is in."""
    project = inputs.project

    # Nothing is decided about an account that was not read: its resources would look deleted.
    unread = observed.unread.keys() | outside
    readable, entries = select_readable(desired, recorded, unread)
    platforms = platform_facts(project)
    plan = plan_resources(readable, entries, observed, project.our_urls, platforms, inputs.former)
    plan = add_unknown_routes(plan, readable, observed.unknown)
    return hold_back(plan, observed.unread)


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


def _scope(
    inputs: PlanInputs, plan: Plan, desired: Sequence[Desired], recorded: Mapping[str, Entry]
) -> Scope:
    """Return what this run asks about: offline nothing, for `drift` no question of an apply."""
    options, project = inputs.options, inputs.project
    regions = {name: account.region for name, account in project.accounts.items()}

    # Only selected numbers are asked about.
    entries = recorded
    if inputs.for_apply and (plan.actions or any(regions.values())):
        named = list_named(project.desired, (recorded,), plan.actions)
        selection = find_selection(options.targets, options.excludes, named)
        if selection:
            entries = {}
            for address, entry in recorded.items():
                if selection.selects(address):
                    entries[address] = entry

    return Scope(
        desired=desired,
        recorded=entries,
        regions=regions,
        max_purchases=project.safety.max_purchases,
        offers=options.refresh,
        apply_checks=inputs.for_apply,
        prefetched=inputs.prefetch.regions.numbers,
    )


def _answer(inputs: PlanInputs, questions: Questions) -> Facts:
    """Answer the questions of a plan; offline there are none."""
    if not inputs.options.refresh:
        return Facts()

    sources = Sources(
        gateways=inputs.gateways,
        adapters=inputs.gateways.adapters,
        accounts=inputs.project.accounts,
        stop=inputs.options.stop,
        prefetch=inputs.prefetch.regions,
    )
    return answer(questions, sources)
