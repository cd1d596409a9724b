"""How a number leaves a platform, and what about platforms has to be said to people; pure.

What a platform has no call for is a warning with the step to take by hand; the rest is done.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms import PlatformKind, platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, ActionName, Change, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.problems import at_declaration

WITHDRAWN = "withdrawn"
"""The pending attribute of a registration whose removal has begun: what its number shows from then
on is our doing.
"""


def unregister(
    address: str, entry: Entry, live: Live | None, kind: PlatformKind | None, *, reason: Reason
) -> tuple[list[Action], frozenset[str]]:
    """Return the actions that remove a number from a platform, and the steps that have no call and
    must be done by hand.

    `reason` is `config` when the number itself stays declared, under another agent.
    """
    if kind is None or live is None:
        return [_removal(address, entry, "forget", reason, note="no longer there")], frozenset()

    if entry.options.on_removal == "keep":
        return [
            _removal(
                address,
                entry,
                "forget",
                reason,
                note=f"it stays in {kind.title} (on_removal: keep)",
            )
        ], frozenset()

    # The platform can delete the number: that removes its links as well.
    if "delete" in kind.can:
        known_there = tuple(
            c for c in diff_fields(REGISTRATION, {}, live.attrs) if c.after is not None
        )
        undone = tuple(Change(c.field, c.after, None) for c in known_there)
        known = msgspec.structs.replace(entry, sid=live.sid)
        return [
            _removal(address, known, "unregister", reason, entry=known, changes=undone)
        ], frozenset()

    # It cannot: unlink what has a call, forget the number, and leave the deletion to a person.
    unlinks: dict[str, Value] = {
        name: None for name in kind.links if live.attrs.get(name) is not None
    }
    steps = []
    if unlinks and "link" in kind.can:
        after = msgspec.structs.replace(
            entry, sid=live.sid, last_applied={**entry.last_applied, **unlinks}
        )
        steps.append(
            _removal(
                address,
                after,
                "link",
                reason,
                entry=after,
                changes=diff_fields(REGISTRATION, live.attrs, unlinks),
                writes=unlinks,
            )
        )
    steps.append(_removal(address, entry, "forget", reason, note=f"it stays in {kind.title}"))
    return steps, frozenset({"delete"})


def manual_step(
    kind: PlatformKind, platform: str, missing: str, addresses: Collection[str]
) -> Diagnostic:
    """A warning: what has to be done on the platform itself, for there is no call for it."""
    code = (
        "platform_link_missing"
        if missing == "link"
        else "platform_update_missing"
        if missing == "update"
        else "platform_delete_missing"
    )
    named = ", ".join(sorted(address.rsplit("/", 1)[1] for address in addresses)[:10])
    more = f" and {len(addresses) - 10} more" if len(addresses) > 10 else ""
    return Diagnostic(
        severity="warning",
        code=code,
        summary=f"The platform has no call to {missing} a number",
        detail=f"{kind.manual[missing]} Platform `{platform}`; this is about {named}{more}. The rest is done by apply.",  # type: ignore[index]
    )


def auth_token_missing(want: Desired, kind: PlatformKind) -> Diagnostic:
    """The platform wants the auth token of an account that has an API key."""
    return at_declaration(
        want,
        want.address,
        "auth_token_needed",
        "The platform needs the account's auth token",
        f"{kind.title} imports a number with the auth token of its Twilio account; account `{want.profile.account}` "
        "has an API key here. Give it its auth token:\n  auth_token: {env: TWILIO_AUTH_TOKEN}",
    )


def unknown_platform(address: str) -> Diagnostic:
    """State remembers a number on a platform that is declared no longer."""
    name = platform_name(address)
    return Diagnostic(
        code="platform_not_found",
        summary="State refers to a platform that is not declared",
        detail=f"State holds numbers on the platform `{name}`. Declare it under `platforms` until they are released.",
        address=address,
    )


def _removal(
    address: str,
    of: Entry,
    name: ActionName,
    reason: Reason,
    *,
    entry: Entry | None = None,
    changes: tuple[Change, ...] = (),
    writes: dict[str, Value] | None = None,
    note: str | None = None,
) -> Action:
    return Action(
        address=address,
        action=name,
        reason=reason,
        kind=REGISTRATION,
        account=of.account,
        sid=of.sid or None,
        changes=changes,
        set=writes or {},
        entry=entry,
        parent=of.parent,
        note=note,
    )
