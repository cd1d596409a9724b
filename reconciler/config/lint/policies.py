"""Users' own rules in, who breaks them out: JSON Schemas on declared resources and on the steps of a plan.

Nothing is fetched: a `$ref` leads into the same schema or nowhere. No value is repeated: it may hold a secret.
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
    """One declared resource as a policy sees it, and where it stands (None: nowhere in a file)."""

    kind: str
    address: str
    document: Mapping[str, Any]
    entry: Place | None
    position: Position


def read_policies(
    declared: Mapping[str, Checked[DeclaredPolicy]],
) -> tuple[tuple[Policy, ...], list[Diagnostic]]:
    """The policies, and what is wrong with their schemas."""
    policies, problems = list[Policy](), list[Diagnostic]()
    places: list[Position] = []
    for name, (place, value) in declared.items():
        if value is None:
            continue
        position = find_place(place, ("schema",)).at("value")
        if len(json.dumps(value.rule, default=str)) > LARGEST_SCHEMA:
            detail = f"A schema has at most {LARGEST_SCHEMA:,} characters as JSON. Write several policies."
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
        # Without resources: only whether each is a schema at all.
        answer = evaluate([policy.schema for policy in policies], [], [()] * len(policies))
        problems += [
            diagnostic("invalid_value", why, places[index])
            for index, why in answer.unusable.items()
        ]
    return tuple(policies), problems


def find_violations(policies: Sequence[Policy], resources: Iterable[Resource]) -> list[Diagnostic]:
    """What these resources do not fit. Raises ConfigInvalid when a schema cannot be evaluated in time."""
    known = list(resources)
    pairs = [
        [
            index
            for index, resource in enumerate(known)
            if resource.kind in policy.kinds and fnmatchcase(resource.address, policy.match)
        ]
        for policy in policies
    ]
    if not any(pairs):
        return []
    answer = evaluate(
        [policy.schema for policy in policies], [resource.document for resource in known], pairs
    )
    if answer.unusable:
        raise ConfigInvalid(
            *(_unusable(policies[index], why) for index, why in answer.unusable.items())
        )
    found = [
        _violation(policies[policy], known[index], path, keyword)
        for policy, index, path, keyword in answer.faults
    ]
    if len(found) >= MOST_FAULTS_IN_ALL:
        found.append(_unfinished(policies))
    return found


def _unfinished(policies: Sequence[Policy]) -> Diagnostic:
    """Say that more may be wrong: an error when a policy that was not evaluated may refuse plan and apply."""
    refuses = any(policy.level == "error" for policy in policies)
    return Diagnostic(
        severity="error" if refuses else "warning",
        code="policy_violated",
        summary="A policy is violated",
        detail=f"No more than {MOST_FAULTS_IN_ALL:,} violations are looked for; there may be others. Correct these, "
        "then run the command again.",
    )


def _unusable(policy: Policy, why: str) -> Diagnostic:
    detail = f"Policy `{policy.name}`: {why}"
    return diagnostic("policy_unusable", detail, policy.position)


def find_plan_violations(policies: Sequence[Policy], actions: Iterable[Action]) -> list[Diagnostic]:
    """What the steps of a plan do not fit."""
    about = [policy for policy in policies if "action" in policy.kinds]
    return find_violations(about, (_step(about[0], action) for action in actions)) if about else []


def _step(policy: Policy, action: Action) -> Resource:
    """A step of a plan, as `plan --json` shows it."""
    document = {
        "address": action.address,
        "kind": action.kind,
        "action": action.action,
        "reason": action.reason,
        "account": action.account,
        "changes": {
            change.field: {"before": change.before, "after": change.after}
            for change in action.changes
        },
        "takeover": {change.field: change.before for change in action.takeover},
    }
    place = (action.file, action.line, action.column)
    position = Position(*place) if None not in place else policy.position  # type: ignore[arg-type]
    return Resource("action", action.address, document, None, position)


def _violation(
    policy: Policy, resource: Resource, path: tuple[Any, ...], keyword: str
) -> Diagnostic:
    where = "/".join(map(str, path))
    fault = f"`{where}` does not fit its `{keyword}`" if where else f"It does not fit `{keyword}`"
    place = _place(resource, path)
    return Diagnostic(
        severity=policy.level,
        code="policy_violated",
        summary="A policy is violated",
        detail=f"{policy.message or 'The policy says otherwise.'}\n{fault} (policy `{policy.name}`).",
        address=resource.address,
        file=place.file,
        line=place.line,
        column=place.column,
    )


def _place(resource: Resource, path: tuple[Any, ...]) -> Position:
    """The part that does not fit where the file has it, else the whole entry."""
    if resource.entry is None:
        return resource.position
    part = find_place(resource.entry, path)
    return part.at("key" if part is resource.entry else "value")
