"""Users' own rules in, who breaks them out: JSON Schemas on declared resources and on the steps of a plan; pure.

Nothing is fetched: a `$ref` leads into the same schema or nowhere. No value is repeated: it may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.config.codes import diagnostic
from reconciler.config.findings import at
from reconciler.config.nodes import Place
from reconciler.config.project import Policy
from reconciler.config.settings import Checked
from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Position

if TYPE_CHECKING:
    from reconciler.config.sections.policy import Policy as DeclaredPolicy


class Resource(NamedTuple):
    """One declared resource as a policy sees it, and where it stands (None: nowhere in a file)."""

    kind: str
    address: str
    document: Mapping[str, Any]
    entry: Place | None
    position: Position


def read(declared: Mapping[str, Checked[DeclaredPolicy]]) -> tuple[tuple[Policy, ...], list[Diagnostic]]:
    """The policies, and what is wrong with their schemas."""
    policies, problems = list[Policy](), list[Diagnostic]()
    for name, (place, value) in declared.items():
        if value is None:
            continue
        wrong = _not_a_schema(value.rule)
        if wrong:
            problems.append(diagnostic("invalid_value", wrong, at(place, ("schema",)).at("value")))
        policies.append(
            Policy(name, frozenset(value.kinds), value.match, value.rule, value.message, value.level, place.at("key"))
        )
    return tuple(policies), problems


def _not_a_schema(schema: Mapping[str, Any]) -> str:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = "/".join(map(str, error.absolute_path)) or "the schema"
        return f"This is no JSON Schema (draft 2020-12): `{path}` is not as it must be."
    return ""


def broken(policies: Sequence[Policy], resources: Iterable[Resource]) -> list[Diagnostic]:
    """What these resources do not fit."""
    checks = [(policy, _validator(policy.schema)) for policy in policies]
    return [
        _violation(policy, resource, *fault)
        for resource in resources
        for policy, validator in checks
        if resource.kind in policy.kinds and fnmatchcase(resource.address, policy.match)
        for fault in _faults(validator, resource.document)
    ]


def broken_by_plan(policies: Sequence[Policy], actions: Iterable[Action]) -> list[Diagnostic]:
    """What the steps of a plan do not fit."""
    about = [policy for policy in policies if "action" in policy.kinds]
    return broken(about, (_step(about[0], action) for action in actions)) if about else []


def _step(policy: Policy, action: Action) -> Resource:
    """A step of a plan, as `plan --json` shows it."""
    document = {
        "address": action.address,
        "kind": action.kind,
        "action": action.action,
        "reason": action.reason,
        "account": action.account,
        "changes": {change.field: {"before": change.before, "after": change.after} for change in action.changes},
        "takeover": {change.field: change.before for change in action.takeover},
    }
    place = (action.file, action.line, action.column)
    position = Position(*place) if None not in place else policy.position  # type: ignore[arg-type]
    return Resource("action", action.address, document, None, position)


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(schema, registry=Registry())


def _faults(validator: Any, document: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(path, keyword) of everything that does not fit."""
    from referencing.exceptions import Unresolvable

    try:
        for error in sorted(validator.iter_errors(document), key=lambda error: [*map(str, error.absolute_path)]):
            yield tuple(error.absolute_path), str(error.validator)
    except Unresolvable:
        yield (), "$ref"


def _violation(policy: Policy, resource: Resource, path: tuple[Any, ...], keyword: str) -> Diagnostic:
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
    part = at(resource.entry, path)
    return part.at("key" if part is resource.entry else "value")
