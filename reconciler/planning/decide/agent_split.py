"""Decide about the split of an agent on a platform: adopt it, change it, or put back the former one;
pure.

| live                | recorded | live as declared | plan                                             |
|---------------------|----------|------------------|--------------------------------------------------|
| no                  | any      |                  | error `agent_not_found`                          |
| yes                 | no       | yes              | `import`                                         |
| yes                 | no       | no               | `import`, then `update`                          |
| yes                 | yes      | no               | `update`                                         |
| yes, not declared   | yes      |                  | `update` to the split of before, then `forget`   |

A split is one for all numbers of its agent, and its platform has it before us: it is never made or
deleted.
"""

from __future__ import annotations

import msgspec

from reconciler.kinds.platforms.split import parse_split
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, Change, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.compare import compare, prior_values
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.problems import at_declaration
from reconciler.planning.decide.registration_action import make_action
from reconciler.planning.decision import Decision

_SPLIT = "split"


def decide_split(declared: Desired, entry: Entry | None, live: Live | None) -> Decision:
    """Decide about the declared split of one agent."""
    if live is None:
        problem = at_declaration(
            declared,
            declared.address,
            "agent_not_found",
            "Agent not found on the platform",
            f"`{declared.profile.account}` has no agent with the id {declared.key.partition('/')[2]}, so its calls "
            "cannot be divided. Check `id` of the agent: it is the platform's own id.",
        )
        return Decision.refuse(problem)
    if entry is None or not entry.sid:
        return _adopt(declared, live)

    found = compare(declared, entry, live)
    if not found.wanted:
        update = None if found.base == entry else found.base
        return Decision.about(declared.address, (), update=update)
    action = _update(declared, found.base, live, found.reason)
    if found.resumes:
        action = msgspec.structs.replace(action, resume=True)
    return Decision.about(
        declared.address, [action], live=live, update=found.base if found.resolved else None
    )


def remove_split(address: str, entry: Entry, live: Live | None) -> Decision:
    """Put back the split that the agent had before us, unless somebody has changed it since."""
    former = entry.prior.get(_SPLIT)
    steps: list[Action] = []
    note = "its calls stay divided as they are"
    if live is None:
        note = "no longer there"
    elif entry.options.on_removal != "keep" and _is_ours(entry, live) and isinstance(former, str):
        note = "its calls are divided as before"
        if live.attrs.get(_SPLIT) != former:
            steps.append(_restore(address, entry, live, former))

    forget = make_action(address, entry, "forget", "removed", note=note)
    return Decision.about(address, [*steps, forget], live=live)


def _adopt(declared: Desired, live: Live) -> Decision:
    """Record the present split, then write the declared one."""
    entry = Entry(
        kind=REGISTRATION,
        account=declared.profile.account,
        sid=live.sid,
        key=live.key,
        last_applied={_SPLIT: live.attrs.get(_SPLIT)},
        prior=prior_values(REGISTRATION, live, [_SPLIT]),
        options=declared.profile.options,
    )
    steps = [_at(declared, make_action(declared.address, entry, "import", "new", entry=entry))]
    if live.attrs.get(_SPLIT) != declared.profile.attrs[_SPLIT]:
        steps.append(_update(declared, entry, live, "new"))
    return Decision.about(declared.address, steps, live=live)


def _update(declared: Desired, base: Entry, live: Live, reason: Reason) -> Action:
    writes = dict(declared.profile.attrs)
    after = msgspec.structs.replace(base, last_applied={**base.last_applied, **writes})
    action = make_action(
        declared.address,
        base,
        "update",
        reason,
        entry=after,
        changes=diff_fields(REGISTRATION, live.attrs, writes),
        takeover=_losses(live) if reason == "new" else (),
        writes=writes,
    )
    return _at(declared, action)


def _restore(address: str, entry: Entry, live: Live, former: str) -> Action:
    writes: dict[str, Value] = {_SPLIT: former}
    after = msgspec.structs.replace(entry, last_applied=writes)
    changes = diff_fields(REGISTRATION, live.attrs, writes)
    return make_action(
        address, entry, "update", "removed", entry=after, changes=changes, writes=writes
    )


def _losses(live: Live) -> tuple[Change, ...]:
    """Return the split that is lost; one branch that gets all calls is no split."""
    split = live.attrs.get(_SPLIT)
    if not isinstance(split, str) or len(parse_split(split)) < 2:
        return ()
    return (Change(_SPLIT, split, None),)


def _is_ours(entry: Entry, live: Live) -> bool:
    """Return whether the agent has the split that we wrote; also one that a dead run was writing."""
    split = live.attrs.get(_SPLIT)
    return split in (entry.last_applied.get(_SPLIT), (entry.pending or {}).get(_SPLIT))


def _at(declared: Desired, action: Action) -> Action:
    file, line, column = declared.position
    return msgspec.structs.replace(action, file=file, line=line, column=column)
