"""Compare declared, recorded and live resources, and return the plan with actions in a safe order;
fingerprint live resources for saved plans; pure.

The same inputs give the same bytes. Nothing here reads files, the network, the clock or the
terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.number_fields import BY_NAME, wire_value
from reconciler.kinds.table import KINDS, REGISTRATION
from reconciler.model.action import Action
from reconciler.model.address import NUMBER_KINDS, Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import WireValue
from reconciler.planning.checks import hidden_routes
from reconciler.planning.decide.capabilities import leave_messages
from reconciler.planning.decide.number import Adoptions
from reconciler.planning.decide.numbers import (
    FormerEntries,
    NumberContext,
    decide_number,
    identify_number,
)
from reconciler.planning.decide.platform_effects import PlatformEffects
from reconciler.planning.decide.registrations import (
    NO_PLATFORMS,
    Platforms,
    decide_registrations,
)
from reconciler.planning.decide.removals import RemovalContext, decide_removals
from reconciler.planning.decide.resource import decide_resource
from reconciler.planning.decide.unchanged import skip_unchanged
from reconciler.planning.decide.unlisted import ChildWatch
from reconciler.planning.decision import Decision
from reconciler.planning.identity.children import without_deleted
from reconciler.planning.identity.match import names_to_sids, sids_to_names
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.observed import Observed
from reconciler.planning.order import ROUTE_SID_FIELDS, sort_safely
from reconciler.planning.plan import Plan

Resources = Mapping[str, Entry]


class _PlanBuilder:
    """Collect the decisions of one plan.

    `decided` are the addresses that have been decided about, `managed_sids` the SIDs of declared
    and released numbers.
    """

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.updates: dict[str, Entry] = {}
        self.diagnostics: list[Diagnostic] = []
        self.touched: dict[str, Live] = {}
        self.decided: set[str] = set()
        self.managed_sids: set[str] = set()

    def add(self, decision: Decision) -> None:
        self.actions += decision.actions
        self.updates |= decision.updates
        self.diagnostics += decision.diagnostics
        self.touched |= decision.touched


def plan_resources(
    desired: Sequence[Desired],
    recorded: Resources,
    observed: Observed,
    our_urls: Collection[str],
    platforms: Platforms = NO_PLATFORMS,
    recovered: Resources = MappingProxyType({}),
) -> Plan:
    """Plan everything that is declared, and everything that is recorded and not declared any more.

    `recovered` are the entries of a state that went missing: imported numbers keep the prior values
    in it.

    1. Use one name for each resource, in declarations and in entries.
    2. Decide about trunks, lists and applications.
    3. Decide about their undeclared children.
    4. Decide about the registrations on platforms.
    5. Decide about the numbers that have changed.
    6. Remove what is not declared any more.
    7. Correct the entries that the plan writes: undeclared children, forgotten names.
    8. Report routes without effect, and sort.
    """
    recorded = resolve_names(recorded, observed.resources)
    declared, message_notes = leave_messages(sids_to_names(desired, observed), observed)
    children = ChildWatch(declared, recorded, observed)
    bound = without_deleted(recorded)
    builder = _PlanBuilder()

    _decide_resources(builder, declared, bound, observed, our_urls)
    builder.add(children.decide())

    # Registrations come before numbers: webhooks that a platform writes are no drift of the number.
    registrations = decide_registrations(declared, bound, observed, our_urls, platforms)
    builder.decided |= registrations.addresses

    former = FormerEntries(declared, bound, recovered)
    effects = registrations.effects
    context = NumberContext(
        declared, bound, observed, our_urls, effects, former, adoptions=Adoptions()
    )
    _decide_numbers(builder, context)
    _decide_removals(builder, bound, observed, children, effects)

    builder.actions, builder.updates = children.record_children(builder.actions, builder.updates)
    _forget_names(builder, bound, observed)

    builder.diagnostics += message_notes
    builder.diagnostics += hidden_routes.find_hidden_messages(declared, observed)
    builder.actions = hidden_routes.annotate(builder.actions, declared, observed)
    builder.add(registrations.decision)
    return _build_plan(builder, bound, observed)


def _decide_resources(
    builder: _PlanBuilder,
    declared: Sequence[Desired],
    bound: Resources,
    observed: Observed,
    our_urls: Collection[str],
) -> None:
    """Decide about every declared resource that is no number and no registration."""
    resources = [
        each for each in declared if each.kind not in NUMBER_KINDS and each.kind != REGISTRATION
    ]

    # A resource comes after those it refers to: the decision about it asks whether they are
    # declared.
    for each in sorted(resources, key=lambda each: KINDS[each.kind].rank):
        builder.add(decide_resource(each, bound, observed, builder.decided, our_urls))
        builder.decided.add(each.address)


def _decide_numbers(builder: _PlanBuilder, context: NumberContext) -> None:
    """Decide about every declared number that is not just as it was recorded."""
    changed = skip_unchanged(
        context.declared, context.recorded, context.observed, builder.decided, builder.managed_sids
    )
    for each in changed:
        number = identify_number(each, context)
        builder.add(decide_number(number, context, builder.decided, builder.managed_sids))

        # A second declaration of an address manages nothing.
        if number.address not in builder.decided and number.sid_to_manage is not None:
            builder.managed_sids.add(number.sid_to_manage)
        builder.decided.add(number.address)


def _decide_removals(
    builder: _PlanBuilder,
    bound: Resources,
    observed: Observed,
    children: ChildWatch,
    effects: PlatformEffects,
) -> None:
    """Remove everything that is recorded and has not been decided about."""
    # Most plans remove nothing: comparing the sizes first saves a walk over all addresses.
    decided = builder.decided
    if len(decided) >= len(bound) and decided.issuperset(bound):
        return

    undeclared = frozenset([address for address in bound if address not in decided])
    context = RemovalContext(
        bound,
        undeclared,
        observed,
        tuple(builder.actions),
        builder.managed_sids,
        children,
        effects,
    )
    removals = decide_removals(context)
    builder.add(removals)

    # A number that is released is managed until then.
    for address, live in removals.touched.items():
        if Address.parse(address).is_number:
            builder.managed_sids.add(live.sid)


def _forget_names(builder: _PlanBuilder, bound: Resources, observed: Observed) -> None:
    """Let entries that point at a forgotten trunk, application or service switch from its name to
    its SID.

    The name may be declared again for another resource; the SID stays unambiguous.
    """
    sids: dict[str, str] = {}
    for action in builder.actions:
        forgotten = action.action == "forget" and action.kind in ROUTE_SID_FIELDS
        if forgotten and action.address in observed.resources:
            sid = observed.resources[action.address].sid
            sids[action.address] = f"{action.kind}/{sid}"
    if not sids:
        return

    for address in builder.decided & bound.keys():
        entry = builder.updates.get(address, bound[address])
        renamed = names_to_sids(entry, sids)
        if renamed != entry:
            builder.updates[address] = renamed

    actions: list[Action] = []
    for action in builder.actions:
        if action.entry is not None:
            entry = names_to_sids(action.entry, sids)
            action = msgspec.structs.replace(action, entry=entry)
        actions.append(action)
    builder.actions = actions


def _name_agents(actions: Iterable[Action], bound: Resources) -> Iterator[Action]:
    """Yield the actions, with the recorded agent where the declared one is another."""
    for action in actions:
        known, entry = bound.get(action.address), action.entry
        if known is None or entry is None or known.options.agent == entry.options.agent:
            yield action
        else:
            yield msgspec.structs.replace(action, agent_before=known.options.agent or "")


def _build_plan(builder: _PlanBuilder, bound: Resources, observed: Observed) -> Plan:
    """Sort everything that was decided, and count bound and undeclared resources."""
    # Every kind is listed, also those without a resource.
    counts = Counter([entry.kind for entry in bound.values()])
    total = sum(len(numbers) for numbers in observed.numbers.values())
    touched = sorted(builder.touched.items())

    return Plan(
        actions=tuple(sort_safely(list(_name_agents(builder.actions, bound)))),
        state_updates=dict(sorted(builder.updates.items())),
        diagnostics=tuple(sort_by_place(builder.diagnostics)),
        bound={**dict.fromkeys(KINDS, 0), **counts},
        unmanaged=total - len(builder.managed_sids),
        fingerprints={address: fingerprint(live) for address, live in touched},
    )


def fingerprint(live: Live) -> dict[str, WireValue]:
    """Return the raw fields of a live resource by which a saved plan detects that it has changed."""
    wire = {"friendly_name": live.name, **live.wire}
    for name, value in (live.fields or {}).items():
        wire[BY_NAME[name].wire if name in BY_NAME else name] = wire_value(value)
    return {"sid": live.sid, **{field: value or None for field, value in wire.items()}}
