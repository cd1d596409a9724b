"""Report as diagnostics what has changed since a plan was made: state, configuration, secrets and
every touched object; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.kind import is_same_value
from reconciler.kinds.number import PARTS
from reconciler.kinds.table import NUMBER_KINDS, secret_fields
from reconciler.model.action import Action
from reconciler.model.actor import Actor, describe_actor
from reconciler.model.route import Wire
from reconciler.planning.decide import drift
from reconciler.planning.plan_digest import Key, action_key

_CURE_OF_FILE = (
    " Nothing has been written. Make a new plan and review it:\n  reconciler plan --out FILE"
)
_LONGEST_VALUE = 300
"""The most characters of a value in a message: Twilio's answers have no such limit."""
_ENCODER = msgspec.json.Encoder(order="sorted")
Actors = Mapping[tuple[str, str], Actor | None]
"""Who has changed a field, by address and field."""
MOST_DIFFERENCES = 20
"""The most differences between a stale plan and the plan made now that a refusal shows."""
_CURE_OF_QUESTION = " Nothing has been written. Run the same command again and review the new plan."


def find_moved_resources(
    saved: Mapping[str, Wire],
    live: Mapping[str, Wire | None],
    actors: Actors | None = None,
) -> list[Diagnostic]:
    """Return a diagnostic for each field that has changed since the plan was made, with both values.

    A live value of None means that the resource does not exist any more. `actors` has, by
    address and field, who has changed the field.
    """
    known_actors = actors or {}
    problems: list[Diagnostic] = []
    for address in sorted(saved):
        problems += _find_moves(address, saved[address], live.get(address), known_actors)
    return problems


def list_written_fields(action: Action) -> set[str] | None:
    """Return the live fields that an action writes; None for all of them.

    A deletion loses everything, so it depends on everything.
    """
    if action.action == "delete":
        return None

    names = {*action.set, *action.unset, *action.restore}
    names |= {change.field for change in action.changes}
    return add_wire_names(action.kind, names)


def add_wire_names(kind: str, names: set[str]) -> set[str]:
    """Return the names of fields together with the fields of Twilio that they are made of."""
    fields = set(names)
    if kind in NUMBER_KINDS:
        for name in names:
            fields.update(PARTS.get(name, ()))
    return fields


def list_edits(
    saved: Mapping[str, Wire], live: Mapping[str, Wire | None], accounts: Mapping[str, str]
) -> list[drift.Drifted]:
    """Return the changes since the plan was made as drift, so that their actors can be looked up."""
    edits = []
    for address in sorted(saved):
        then, now = saved[address], live.get(address)
        if now is None or dict(then) == dict(now) or address not in accounts:
            continue
        sid = str(then.get("sid"))
        edits.append(drift.Drifted(address, accounts[address], sid, _list_fields(then, now)))
    return edits


def _list_fields(then: Wire, now: Wire) -> tuple[drift.DriftedField, ...]:
    """Return the fields that differ, sorted by name."""
    fields = []
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            fields.append(drift.DriftedField(name, then.get(name), now.get(name)))
    return tuple(fields)


def find_new_resources(addresses: Iterable[str]) -> list[Diagnostic]:
    """Return a diagnostic for each resource that the plan would create and that exists now."""
    problems = []
    for address in addresses:
        detail = f"{address} would be created, and is on Twilio by now."
        problems.append(plan_stale(detail, address))
    return problems


def find_kept_resources(saved: Iterable[Action], fresh: Iterable[Action]) -> list[Diagnostic]:
    """Return a diagnostic for each resource that the plan would delete and a plan made now would
    only forget, with the reason.
    """
    reasons = {action.address: action.note for action in fresh if action.action == "forget"}
    problems = []
    for action in saved:
        address = action.address

        # A list that stays keeps its members: one diagnostic for the list is enough.
        is_kept = action.action == "delete" and address in reasons
        if is_kept and action.parent not in reasons:
            detail = (
                f"{address} would be deleted; a plan made now would only forget it: "
                f"{reasons[address]}."
            )
            problems.append(plan_stale(detail, address))
    return problems


def find_other_secrets(addresses: Iterable[str]) -> list[Diagnostic]:
    """Return a diagnostic for each resource whose secret has changed since the plan was made."""
    problems = []
    for address in addresses:
        detail = f"The secret of {address} is another one now than when the plan was made."
        problems.append(plan_stale(detail, address))
    return problems


def base_moved(kind: str, saved: str, now: str, commit: str | None = None) -> Diagnostic:
    """Return the diagnostic that the project or the configuration is another one now.

    `commit` is the last commit that changed it, if known.
    """
    last = f" The last commit that changed it is {commit}." if commit else ""
    detail = (
        f"The {kind} is not the one that the plan was made from: it was {saved} then and is {now} "
        f"now.{last}"
    )
    return plan_stale(detail, None)


def _find_moves(address: str, saved: Wire, live: Wire | None, actors: Actors) -> list[Diagnostic]:
    """Return a diagnostic for each changed field of one resource."""
    if live is None:
        detail = f"{address} was on Twilio when the plan was made, and is not there any more."
        return [plan_stale(detail, address)]
    if is_same_value(saved.get("sid"), live.get("sid")) and dict(saved) == dict(live):
        return []

    problems = []
    for field, before, after in list_changes(saved, live):
        actor = actors.get((address, field))
        by = f", changed by {describe_actor(actor)}" if actor else ""
        detail = (
            f"{address}: {field} was {_format_value(before)} when the plan was made and is "
            f"{_format_value(after)} now{by}."
        )
        problems.append(plan_stale(detail, address))
    return problems


def list_changes(
    saved: Mapping[str, object], live: Mapping[str, object]
) -> list[tuple[str, object, object]]:
    """Return (field, value then, value now) for each field that differs, sorted by field."""
    # Imported here: it takes a tenth of a second, and most plans have no difference.
    from deepdiff import DeepDiff

    fields = DeepDiff(dict(saved), dict(live), threshold_to_diff_deeper=0).affected_root_keys
    return [(field, saved.get(field), live.get(field)) for field in sorted(fields)]


def add_differences(problem: Diagnostic, differences: Sequence[Diagnostic]) -> Diagnostic:
    """Return the problem of a stale plan, with the differences between it and the plan made now.

    It names the first `MOST_DIFFERENCES` of them.
    """
    lines = [f"{_reason_of(problem)} The plan made now is different:"]
    for difference in differences[:MOST_DIFFERENCES]:
        lines.append(f"  {_reason_of(difference)}")
    more = len(differences) - MOST_DIFFERENCES
    if more > 0:
        lines.append(f"  … and {more:,} more")

    lines.append(_CURE_OF_FILE.lstrip())
    return msgspec.structs.replace(problem, detail="\n".join(lines))


def _reason_of(problem: Diagnostic) -> str:
    """Return the detail of a stale plan without its cure."""
    return problem.detail.removesuffix(_CURE_OF_FILE.lstrip()).rstrip()


def _format_value(value: object) -> str:
    return "not set" if value is None or value == "" else str(value)


def plan_stale(detail: str, address: str | None) -> Diagnostic:
    """Return the diagnostic that a saved plan does not fit any more; `detail` is the reason."""
    return Diagnostic(
        code="plan_stale",
        summary="The saved plan is stale",
        detail=f"{detail}{_CURE_OF_FILE}",
        address=address,
    )


def about_question(problem: Diagnostic) -> Diagnostic:
    """Return the problem of a stale plan with the words for a plan that was confirmed at the prompt.

    Any other problem is returned unchanged.
    """
    if problem.code != "plan_stale":
        return problem
    detail = _reason_of(problem) + _CURE_OF_QUESTION
    return msgspec.structs.replace(problem, summary="The confirmed plan is stale", detail=detail)


def list_differences(saved: Sequence[Action], fresh: Sequence[Action]) -> list[Diagnostic]:
    """Return one diagnostic for each field in which a saved plan differs from the one made now."""
    before, after = _group_by_key(saved), _group_by_key(fresh)

    found: list[Diagnostic] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, []), after.get(key, [])
        if len(old) != len(new):
            found.append(_describe_step_count(key, len(old), len(new)))
            continue

        # An address can have one action several times, such as two updates.
        for one, other in zip(old, new, strict=True):
            found += compare_actions(one, other)
    return found


def _group_by_key(actions: Iterable[Action]) -> dict[Key, list[Action]]:
    found: dict[Key, list[Action]] = {}
    for action in actions:
        found.setdefault(action_key(action), []).append(action)
    return found


def compare_actions(saved: Action, fresh: Action) -> Iterator[Diagnostic]:
    """Yield one diagnostic for each field that counts and differs."""
    address, action = action_key(saved)
    secrets = secret_fields(fresh.kind)
    if any(saved.set.get(name) != fresh.set.get(name) for name in secrets):
        yield plan_stale(
            f"The secret of {address} is another one now than when the plan was made.", address
        )

    # Plain equality first: most plans are equal, and deepdiff takes time to import.
    old, new = _flatten(saved), _flatten(fresh)
    if old == new:
        return
    for name, before, after in list_changes(old, new):
        detail = (
            f"{address}: {name} of `{action}` is {_format_json(before)} in the reviewed plan "
            f"and {_format_json(after)} now."
        )
        yield plan_stale(detail, address)


def _flatten(action: Action) -> dict[str, Any]:
    """Return the fields that count by name, without secrets, flat enough to be shown."""
    fields: dict[str, Any] = {"kind": action.kind, "account": action.account, "sid": action.sid}
    for change in action.changes:
        fields[change.field] = [change.before, change.after]

    secrets = secret_fields(action.kind)
    for name, value in action.set.items():
        if name not in secrets:
            fields[f"writes.{name}"] = msgspec.to_builtins(value)

    for name, field_value in action.restore.items():
        fields[f"restore.{name}"] = field_value
    prior = action.entry.prior if action.entry is not None else {}
    for name, field_value in prior.items():
        fields[f"prior.{name}"] = field_value

    for name in action.unset:
        fields[f"clears.{name}"] = True
    return fields


def _format_json(value: object) -> str:
    """Return a value as JSON, cut to the length that a message may have."""
    if value is None or value == "":
        return "not set"
    text = _ENCODER.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _describe_step_count(key: Key, saved: int, fresh: int) -> Diagnostic:
    """Return a diagnostic for a step that the plans have a different number of times."""
    address, action = key
    if not saved:
        detail = f"{address}: `{action}` is planned now, and was not in the reviewed plan."
    elif not fresh:
        detail = f"{address}: `{action}` was in the reviewed plan, and is not planned now."
    else:
        detail = (
            f"{address}: `{action}` was planned {saved} times, and is planned {fresh} times now."
        )
    return plan_stale(detail, address)
