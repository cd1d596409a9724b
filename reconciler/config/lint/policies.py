"""Read the policies of the user (JSON Schemas), and find their violations by declared resources or
by the actions of a plan.

Nothing is fetched: a `$ref` must point into the same schema. Messages never quote a value, because
it may hold a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.config.advice.findings import find_place
from reconciler.config.codes import diagnostic
from reconciler.config.lint.policy_process import LARGEST_SCHEMA, MOST_FAULTS_IN_ALL, evaluate
from reconciler.config.project import Policy
from reconciler.config.sections.declared import Checked
from reconciler.config.source.nodes import Place
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid
from reconciler.model.action import Action
from reconciler.model.position import Position

if TYPE_CHECKING:
    from reconciler.config.sections.policy import Policy as DeclaredPolicy


class Resource(NamedTuple):
    """One declared resource as a policy sees it, and its place (None: in no file)."""

    kind: str
    address: str
    document: Mapping[str, Any]
    entry: Place | None
    position: Position


def read_policies(
    declared: Mapping[str, Checked[DeclaredPolicy]],
) -> tuple[tuple[Policy, ...], list[Diagnostic]]:
    """Return the policies, and the problems of their schemas."""
    policies: list[Policy] = []
    problems: list[Diagnostic] = []
    places: list[Position] = []
    for name, (place, value) in declared.items():
        if value is None:
            continue
        position = find_place(place, ("schema",)).at("value")
        if len(json.dumps(value.rule, default=str)) > LARGEST_SCHEMA:
            detail = (
                f"A schema has at most {LARGEST_SCHEMA:,} characters as JSON. Split it into "
                "several policies."
            )
            problems.append(diagnostic("invalid_value", detail, position))
            continue

        places.append(position)
        policies.append(
            Policy(
                name,
                frozenset(value.kinds),
                value.match,
                value.rule,
                value.message,
                value.level,
                place.at("key"),
            )
        )

    if policies:
        # Without resources: this only checks whether each schema is valid.
        answer = evaluate([policy.schema for policy in policies], [], [()] * len(policies))
        for index, reason in answer.unusable.items():
            problems.append(diagnostic("invalid_value", reason, places[index]))
    return tuple(policies), problems


def find_violations(policies: Sequence[Policy], resources: Iterable[Resource]) -> list[Diagnostic]:
    """Return the violations of policies by these resources.

    Raises ConfigInvalid when a schema cannot be evaluated in time.
    """
    checked = list(resources)
    pairs = [_matching(policy, checked) for policy in policies]
    if not any(pairs):
        return []

    schemas = [policy.schema for policy in policies]
    answer = evaluate(schemas, [resource.document for resource in checked], pairs)
    if answer.unusable:
        problems = [_unusable(policies[i], reason) for i, reason in answer.unusable.items()]
        raise ConfigInvalid(*problems)

    violations: list[Diagnostic] = []
    for policy, resource, path, keyword in answer.faults:
        violations.append(_violation(policies[policy], checked[resource], path, keyword))
    if len(violations) >= MOST_FAULTS_IN_ALL:
        violations.append(_limit_reached(policies))
    return violations


def _matching(policy: Policy, resources: Sequence[Resource]) -> list[int]:
    """Return the indexes of the resources that the policy is about."""
    indexes = []
    for index, resource in enumerate(resources):
        if resource.kind in policy.kinds and fnmatchcase(resource.address, policy.match):
            indexes.append(index)
    return indexes


def _limit_reached(policies: Sequence[Policy]) -> Diagnostic:
    """Report that there may be more violations.

    It is an error if a policy that was not evaluated could refuse plan and apply.
    """
    refuses = any(policy.level == "error" for policy in policies)
    return Diagnostic(
        severity="error" if refuses else "warning",
        code="policy_violated",
        summary="Policy violated",
        detail=f"The search stops after {MOST_FAULTS_IN_ALL:,} violations; there may be others. "
        "Correct these, then run the command again.",
    )


def _unusable(policy: Policy, reason: str) -> Diagnostic:
    detail = f"Policy `{policy.name}`: {reason}"
    return diagnostic("policy_unusable", detail, policy.position)


def find_plan_violations(policies: Sequence[Policy], actions: Iterable[Action]) -> list[Diagnostic]:
    """Return the violations of policies by the actions of a plan."""
    for_actions = [policy for policy in policies if "action" in policy.kinds]
    if not for_actions:
        return []
    return find_violations(for_actions, (_resource(for_actions[0], action) for action in actions))


def _resource(policy: Policy, action: Action) -> Resource:
    """Return an action of a plan, as `plan --json` shows it."""
    changes = {}
    for change in action.changes:
        changes[change.field] = {"before": change.before, "after": change.after}
    document = {
        "address": action.address,
        "kind": action.kind,
        "action": action.action,
        "reason": action.reason,
        "account": action.account,
        "changes": changes,
        "takeover": {change.field: change.before for change in action.takeover},
    }

    # An action of a resource that is in no file is reported at the policy.
    place = (action.file, action.line, action.column)
    position = Position(*place) if None not in place else policy.position  # type: ignore[arg-type]
    return Resource("action", action.address, document, None, position)


def _violation(
    policy: Policy, resource: Resource, path: tuple[Any, ...], keyword: str
) -> Diagnostic:
    where = "/".join(map(str, path))
    fault = f"`{where}` does not fit its `{keyword}`" if where else f"It does not fit `{keyword}`"

    return Diagnostic.at(
        _place(resource, path),
        severity=policy.level,
        code="policy_violated",
        summary="Policy violated",
        detail=f"{policy.message or 'It violates the policy.'}\n{fault} (policy `{policy.name}`).",
        address=resource.address,
    )


def _place(resource: Resource, path: tuple[Any, ...]) -> Position:
    """Return the position of the part at `path` if the file has it, else of the whole entry."""
    if resource.entry is None:
        return resource.position
    part = find_place(resource.entry, path)
    return part.at("key" if part is resource.entry else "value")
