"""Build the actions that remove a number from a platform, and the errors of registrations that
cannot be planned; pure.

A step that the platform has no call for is left to a person; the rest is done.
"""

from __future__ import annotations

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.kinds.platforms.table import platform_name
from reconciler.kinds.table import REGISTRATION
from reconciler.model.action import Action, Change, Reason
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value
from reconciler.planning.decide.fields import diff_fields
from reconciler.planning.decide.problems import at_declaration
from reconciler.planning.decide.registration import RegistrationDecision
from reconciler.planning.decide.registration_action import make_action
from reconciler.planning.decision import Decision

WITHDRAWN = "withdrawn"
"""The pending attribute of a registration whose removal has begun: what its number shows from then
on is our doing.
"""


def unregister(
    address: str, entry: Entry, live: Live | None, kind: PlatformKind | None, *, reason: Reason
) -> RegistrationDecision:
    """Remove a number from a platform; `kind` is None where the platform never had it.

    `reason` is `config` when the number itself stays declared, under another agent.
    """
    if kind is None or live is None:
        action = make_action(address, entry, "forget", reason, note="no longer there")
        return RegistrationDecision(Decision.about(address, [action], live=live))

    if entry.options.on_removal == "keep":
        note = f"it stays in {kind.title} (on_removal: keep)"
        action = make_action(address, entry, "forget", reason, note=note)
        return RegistrationDecision(Decision.about(address, [action], live=live))

    # The platform can delete the number: that removes its links as well.
    if "delete" in kind.can:
        action = _delete(address, entry, live, reason)
        return RegistrationDecision(Decision.about(address, [action], live=live))

    # It cannot: unlink what has a call, forget the number, and leave the deletion to a person.
    steps: list[Action] = []
    links: dict[str, Value] = {}
    for name in kind.links:
        if live.attrs.get(name) is not None:
            links[name] = None
    if links and "link" in kind.can:
        steps.append(_unlink(address, entry, live, links, reason))
    stays = f"it stays in {kind.title}"
    steps.append(make_action(address, entry, "forget", reason, note=stays))
    return RegistrationDecision(
        Decision.about(address, steps, live=live), manual_steps=frozenset({"delete"})
    )


def _delete(address: str, entry: Entry, live: Live, reason: Reason) -> Action:
    """Return the call that deletes a number on the platform, with the values that are lost."""
    losses: list[Change] = []
    for change in diff_fields(REGISTRATION, {}, live.attrs):
        if change.after is not None:
            losses.append(Change(change.field, change.after, None))

    known = msgspec.structs.replace(entry, sid=live.sid)
    return make_action(address, known, "unregister", reason, entry=known, changes=tuple(losses))


def _unlink(
    address: str, entry: Entry, live: Live, links: dict[str, Value], reason: Reason
) -> Action:
    """Return the call that removes the links of a number, such as the one to its agent."""
    after = msgspec.structs.replace(
        entry, sid=live.sid, last_applied={**entry.last_applied, **links}
    )

    return make_action(
        address,
        after,
        "link",
        reason,
        entry=after,
        changes=diff_fields(REGISTRATION, live.attrs, links),
        writes=links,
    )


def auth_token_missing(declared: Desired, kind: PlatformKind) -> Diagnostic:
    """Return an error: the platform needs the auth token of an account that has an API key."""
    return at_declaration(
        declared,
        declared.address,
        "auth_token_needed",
        "The platform needs the account's auth token",
        f"{kind.title} imports a number with the auth token of its Twilio account; account `{declared.profile.account}` "
        "declares none of its own (an API key, or the token of its `parent`, is not enough). "
        "Give it its auth token:\n  auth_token: {env: TWILIO_AUTH_TOKEN}",
    )


def login_missing(declared: Desired, kind: PlatformKind) -> Diagnostic:
    """Return an error: the account has only the credentials of its parent, which a platform cannot
    use.
    """
    return at_declaration(
        declared,
        declared.address,
        "auth_token_needed",
        "The platform needs credentials of the account itself",
        f"{kind.title} signs in to the Twilio account of the number; account `{declared.profile.account}` has only "
        "credentials of its `parent` here. Give it an API key or an auth token of its own, and remove `parent`.",
    )


def unknown_platform(address: str) -> Diagnostic:
    """Return an error: state holds a number on a platform that is not declared."""
    name = platform_name(address)
    return Diagnostic(
        code="platform_not_found",
        summary="State refers to a platform that is not declared",
        detail=f"State holds numbers on the platform `{name}`. Declare it under `platforms` until they are released.",
        address=address,
    )
