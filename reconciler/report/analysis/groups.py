"""Group the actions of a plan by resource, and resources that change alike, the most urgent first;
also group equal failures and notes of an apply.

One resource is one line to a reader, however many actions it takes. Resources are alike when the
same steps, for the same reason, end in the same values; the values before may differ. The order is
that of urgency:

| first          | because                                                     |
|----------------|-------------------------------------------------------------|
| takeovers      | somebody else's value is lost                               |
| purchases      | it costs money each month                                   |
| hidden routes  | something is set that has no effect                       |
| removals       | something stops being ours                                  |
| other routes   | calls reach somebody else                                   |
| the rest       | nothing that a caller would notice                          |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from enum import IntEnum
from functools import cached_property
from typing import TypeVar

import msgspec

from reconciler.model.action import REMOVALS, Change, RouteChange
from reconciler.model.actor import without_time
from reconciler.model.address import Address
from reconciler.model.route import WireValue
from reconciler.report.analysis.actors import FieldActors, actors_of_changes, describe_actors
from reconciler.report.documents.types import (
    ActionOutcome,
    AgentChange,
    PlanDocument,
    PlannedAction,
)
from reconciler.report.wording import printable

T = TypeVar("T")
V = TypeVar("V", bound=Hashable)

FEW = 3
"""Up to this many alike are shown one by one; of more, this many examples are given."""
OWN_FIELDS = frozenset({"friendly_name", "phone_number"})
"""Fields that always differ between resources: changes of them count as alike, whatever the value.
"""
SCATTERED = 5
"""If more groups than this change the same fields in the same way, the small ones are merged."""


class Urgency(IntEnum):
    """The order in which a reader must see resources."""

    TAKEOVER = 0
    PURCHASE = 1
    HIDDEN = 2
    REMOVAL = 3
    ROUTE = 4
    REST = 5


TITLES = {
    Urgency.TAKEOVER: "Takes over foreign values",
    Urgency.PURCHASE: "Buys, and so costs money each month",
    Urgency.HIDDEN: "Leaves something set that has no effect",
}
"""Titles of the most urgent groups, for every format."""


class Resource(msgspec.Struct, frozen=True):
    """Everything that a plan does to one address. `route` is from before the first action to after
    the last one, `steps` are the names of its actions, `urgency` is how soon a reader has to see
    it.
    """

    address: str
    actions: tuple[PlannedAction, ...]
    changes: tuple[Change, ...]
    takeover: tuple[Change, ...]
    route: RouteChange | None
    steps: tuple[str, ...]
    urgency: Urgency

    @property
    def reason(self) -> str:
        """Return the reason of the last action: the one after an import may differ from it."""
        return self.actions[-1].reason

    @property
    def actors(self) -> FieldActors:
        """Return the fields that overwrite drift, with who changed them; none for other reasons."""
        return actors_of_changes(self.changes) if self.reason in ("drift", "conflict") else ()

    @property
    def agent(self) -> str | None:
        """Return the declared agent."""
        return self.actions[-1].agent

    @property
    def agent_change(self) -> AgentChange | None:
        """Return the agents before and after; None when the agent stays."""
        return self.actions[-1].agent_change

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the notes of all actions, each once."""
        return tuple(dict.fromkeys(action.note for action in self.actions if action.note))

    @property
    def place(self) -> tuple[str, int] | None:
        """Return file and line of the declaration."""
        first = self.actions[0]
        return (first.file, first.line) if first.file and first.line else None


class Field(msgspec.Struct, frozen=True):
    """One field of a group, with the different values before and after, the commonest first."""

    name: str
    before: list[WireValue]
    after: list[WireValue]


class Group(msgspec.Struct, frozen=True, dict=True):
    """Resources that change alike, in the order of the plan; what they have in common is worked out
    once.
    """

    resources: tuple[Resource, ...]

    @property
    def first(self) -> Resource:
        """Return the resource that represents the group."""
        return self.resources[0]

    @cached_property
    def addresses(self) -> list[str]:
        """Return the addresses of the group."""
        return [resource.address for resource in self.resources]

    @cached_property
    def fields(self) -> list[Field]:
        """Return the fields that change."""
        return _values([resource.changes for resource in self.resources])

    @property
    def actors(self) -> str:
        """Return who set the values that are overwritten, and when; empty where it is not known."""
        return describe_actors([resource.actors for resource in self.resources])

    @cached_property
    def routes(self) -> tuple[list[str], list[str]]:
        """Return the routes of calls before and after; empty when they do not change."""
        before: list[str] = []
        after: list[str] = []
        for resource in self.resources:
            if resource.route is not None:
                before.append(resource.route.before)
                after.append(resource.route.after)
        return list_commonest(before), list_commonest(after)

    @cached_property
    def hidden(self) -> list[str]:
        """Return the values that stay set without effect, each once."""
        values: dict[str, None] = {}
        for resource in self.resources:
            if resource.route is not None:
                values.update(dict.fromkeys(resource.route.hidden))
        return list(values)

    @cached_property
    def losses(self) -> list[Field]:
        """Return the foreign values that are overwritten."""
        return _values([resource.takeover for resource in self.resources])


def resources_of(document: PlanDocument) -> list[Resource]:
    """Return one resource for each address, in the order of the plan."""
    return _once(document, "resources", lambda: _build_resources(document.actions))


def group_resources(document: PlanDocument) -> list[Group]:
    """Return all resources in groups that change alike, the most urgent first."""
    return _once(document, "groups", lambda: _group(resources_of(document)))


def list_resources(document: PlanDocument) -> list[Group]:
    """Return each resource as a group of its own, in the same order of urgency."""
    groups = [Group((each,)) for each in resources_of(document)]
    return sorted(groups, key=lambda group: group.first.urgency)


def _once(document: PlanDocument, name: str, make: Callable[[], list[T]]) -> list[T]:
    """Compute a value of a document once: a document is rendered in several formats and parts."""
    known: dict[str, list[T]] = document.__dict__
    if name not in known:
        known[name] = make()
    return known[name]


def _build_resources(actions: Iterable[PlannedAction]) -> list[Resource]:
    by_address: dict[str, list[PlannedAction]] = {}
    for action in actions:
        by_address.setdefault(action.address, []).append(action)
    return [_resource(address, steps) for address, steps in by_address.items()]


def _group(found: Iterable[Resource]) -> list[Group]:
    alike = [Group(tuple(each)) for each in gather(found, _alike).values()]
    return sorted(_merge_scattered(alike), key=lambda group: group.first.urgency)


def gather(items: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    """Collect items by key, in the order of keys and items."""
    found: dict[Hashable, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _resource(address: str, actions: Sequence[PlannedAction]) -> Resource:
    steps: list[str] = []
    changes: list[Change] = []
    takeover: list[Change] = []
    for action in actions:
        steps.append(action.action)
        changes += action.changes
        takeover += action.takeover

    route = _route(actions)
    urgency = _urgency(steps, route, takes_over=bool(takeover))
    return Resource(
        address, tuple(actions), tuple(changes), tuple(takeover), route, tuple(steps), urgency
    )


def _route(actions: Sequence[PlannedAction]) -> RouteChange | None:
    """Return the route before all actions and after them; None when it is the same."""
    routes = [action.route for action in actions if action.route is not None]
    if not routes or routes[0].before == routes[-1].after:
        return None
    return (
        routes[0]
        if len(routes) == 1
        else RouteChange(routes[0].before, routes[-1].after, routes[-1].hidden)
    )


def _urgency(steps: Sequence[str], route: RouteChange | None, *, takes_over: bool) -> Urgency:
    if takes_over:
        return Urgency.TAKEOVER
    if "purchase" in steps:
        return Urgency.PURCHASE
    if route is not None and route.hidden:
        return Urgency.HIDDEN
    if steps[-1] in REMOVALS:
        return Urgency.REMOVAL
    return Urgency.REST if route is None else Urgency.ROUTE


def _alike(resource: Resource) -> Hashable:
    after = tuple(
        [None if change.field in OWN_FIELDS else change.after for change in resource.changes]
    )
    route = resource.route and (resource.route.after, bool(resource.route.hidden))
    return (*_roughly(resource), after, route, resource.notes)


def _roughly(resource: Resource) -> tuple[Hashable, ...]:
    kind = Address.parse(resource.address).kind
    fields = tuple([change.field for change in resource.changes])
    lost = tuple([change.field for change in resource.takeover])
    actors = tuple([(name, without_time(actor)) for name, actor in resource.actors])
    agents = (resource.agent, resource.agent_change)
    same = (resource.steps, resource.reason, agents, resource.urgency)
    return (kind, *same, fields, lost, actors)


def _merge_scattered(groups: Sequence[Group]) -> list[Group]:
    """Merge small groups that differ only in their values.

    A release of hundreds of numbers restores a value of its own to each: one group with different
    values is enough.
    """
    out: list[Group] = []
    for alike in gather(groups, lambda group: _roughly(group.first)).values():
        few = FEW if len(alike) > SCATTERED else 0
        merged: list[Resource] = []
        for group in alike:
            if len(group.resources) > few:
                out.append(group)
            else:
                merged += group.resources

        if merged:
            out.append(Group(tuple(merged)))
    return out


def _values(changes: Sequence[Sequence[Change]]) -> list[Field]:
    by_field: dict[str, list[Change]] = {}
    for each in changes:
        for change in each:
            by_field.setdefault(change.field, []).append(change)

    fields: list[Field] = []
    for name, alike in by_field.items():
        before = list_commonest([change.before for change in alike])
        after = list_commonest([change.after for change in alike])
        fields.append(Field(name, before, after))
    return fields


def list_commonest(values: Sequence[V]) -> list[V]:
    """Return the different values, the commonest first."""
    return [each for each, _ in Counter(values).most_common()]


def outcome_reason(outcome: ActionOutcome) -> str:
    """Return the error or the note of an outcome as one printable text."""
    if outcome.error is None:
        return printable(outcome.note or "")
    return f"{outcome.error.code}: {printable(outcome.error.message)}"


def outcome_groups(outcomes: Sequence[ActionOutcome]) -> list[list[ActionOutcome]]:
    """Group outcomes with an error or a note by kind, action, status and text; failures first."""
    reported = [outcome for outcome in outcomes if outcome.error is not None or outcome.note]
    alike = gather(
        reported, lambda o: (Address.parse(o.address).kind, o.action, o.status, outcome_reason(o))
    )
    return sorted(
        alike.values(), key=lambda found: (found[0].error is None, found[0].status == "skipped")
    )
