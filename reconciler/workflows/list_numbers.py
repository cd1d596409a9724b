"""Read the numbers of the declared accounts, and return what `list` shows of each; with
`--no-refresh` from the state alone; write nothing.
"""

from __future__ import annotations

import msgspec

from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.model.live import Live
from reconciler.planning.plan import UNREAD, Plan
from reconciler.remote.queries.whole_account import read_all_numbers
from reconciler.report.documents.numbers import NumberFacts
from reconciler.state.recovery import missing_state
from reconciler.workflows import pipeline
from reconciler.workflows.drift import compare_recorded
from reconciler.workflows.pipeline import Resources
from reconciler.workflows.session import (
    Gateways,
    RunOptions,
    check_destinations,
    open_gateways,
    open_state_store,
    prefetch,
)
from reconciler.workflows.validate import validate
from reconciler.workflows.warm_up import import_while_waiting


class Listing(msgspec.Struct, frozen=True):
    """The facts about all numbers, the warnings and errors, and the accounts that were not read."""

    project: Project
    facts: NumberFacts
    diagnostics: list[Diagnostic]
    unread_accounts: list[str]

    @property
    def is_incomplete(self) -> bool:
        """Return whether an account or a platform could not be read."""
        return bool(self.unread_accounts or self.facts.unread_platforms)


def list_numbers(options: RunOptions, *, every_account: bool) -> Listing:
    """Return what is known of each number.

    With `every_account`, accounts in which nothing is declared are read too. Raises ConfigInvalid,
    StateError, RemoteError when no account can be read.
    """
    project = validate(options)
    check_destinations(options, project)
    with open_gateways(options, project) as gateways:
        pages = prefetch(options, project, gateways)
        import_while_waiting()
        store = open_state_store(options, project)
        state = missing_state.load_for_reading(store, project)
        inputs = pipeline.PlanInputs(
            options=options, project=project, state=state, gateways=gateways, prefetch=pages
        )

        # Nothing is written, so no secret of a resource has to be readable.
        resources = pipeline.read_resources(inputs, lambda address: False)
        if every_account and options.refresh:
            resources = _read_other_accounts(options, project, gateways, resources)
        plan = pipeline.decide(inputs, resources, resources.observed)
    return _to_listing(options, project, resources, plan)


def _read_other_accounts(
    options: RunOptions, project: Project, gateways: Gateways, resources: Resources
) -> Resources:
    """Add the numbers of the accounts in which nothing is declared or recorded."""
    observed = resources.observed
    known = observed.numbers.keys() | observed.unread.keys()
    numbers: dict[str, dict[str, Live]] = {}
    unread: dict[str, Diagnostic] = {}
    for account in sorted(project.accounts.keys() - known):
        try:
            numbers[account] = read_all_numbers(gateways[account], options.progress.report_read)
        except RemoteError as error:
            # The end of the whole run is not a failure of the account.
            if error.code in ("timed_out", "interrupted"):
                raise
            unread[account] = error.diagnostics[0]
    return msgspec.structs.replace(resources, observed=observed.with_accounts(numbers, unread))


def _list_recipe_agents(project: Project) -> dict[str, str]:
    """Return the platform of each agent on a recipe."""
    found: dict[str, str] = {}
    for name, agent in project.agents.items():
        if agent.recipe_url is not None:
            found[name] = agent.platform or ""
    return found


def _to_listing(options: RunOptions, project: Project, resources: Resources, plan: Plan) -> Listing:
    """Return the facts of all numbers."""
    drifted = compare_recorded(resources) if options.refresh else []
    observed = resources.observed
    facts = NumberFacts(
        desired=project.desired,
        recorded=resources.recorded,
        observed=observed,
        drifted=frozenset({each.address for each in drifted}),
        changing=frozenset({action.address for action in plan.actions}),
        unread=frozenset(observed.unread) | resources.outside,
        unread_platforms=frozenset(observed.partial),
        recipe_agents=_list_recipe_agents(project),
        refreshed=options.refresh,
    )

    # Other problems of the plan concern an apply, not what is there.
    errors = [each for each in plan.diagnostics if each.code in UNREAD]
    return Listing(project, facts, [*project.warnings, *errors], sorted(observed.unread))
