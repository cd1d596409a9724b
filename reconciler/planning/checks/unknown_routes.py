"""Errors for numbers whose declared trunk or application, named by its SID, is not in their
account; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, Attrs, TrunkRoute, Wire
from reconciler.planning.decide.problems import at_declaration
from reconciler.planning.plan import Plan

_SID_LENGTH = 34
_SWITCHES = ("trunk_sid", "voice_application_sid", "sms_application_sid")


def literal_sids(attrs: Attrs) -> list[str]:
    """Return the SIDs of trunks and applications that these attributes name literally."""
    named = [value.trunk for value in attrs.values() if isinstance(value, TrunkRoute)]
    named += [value.application for value in attrs.values() if isinstance(value, ApplicationRoute)]
    return [
        name
        for name in dict.fromkeys(named)
        if name[:2] in ("TK", "AP") and len(name) == _SID_LENGTH
    ]


def sids_to_restore(fields: Wire) -> list[str]:
    """Return the SIDs of trunks and applications among raw fields that are put back."""
    return [sid for name in _SWITCHES if isinstance(sid := fields.get(name), str) and sid]


def add_unknown_routes(
    plan: Plan, desired: Iterable[Desired], unknown: Collection[tuple[str, str]]
) -> Plan:
    """Return the plan with an error for each number that is to be put on a trunk or application
    that is not there.

    `unknown` are (account, SID).
    """
    if not unknown:
        return plan
    errors: list[Diagnostic] = []
    for want in desired:
        if want.kind not in NUMBER_KINDS:
            continue
        for sid in literal_sids(want.profile.attrs):
            if (want.profile.account, sid) in unknown:
                errors.append(_unknown_route(want, sid))
    for action in plan.actions:
        for sid in sids_to_restore(action.restore):
            if (action.account, sid) in unknown:
                errors.append(_unknown_prior(action, sid))
    return msgspec.structs.replace(
        plan, diagnostics=tuple(sort_by_place([*plan.diagnostics, *errors]))
    )


def _unknown_prior(action: Action, sid: str) -> Diagnostic:
    """Warn of a release to a trunk or application that was deleted since the number was imported.

    Only a warning: the number keeps its route when Twilio refuses the write, and the values from
    before are what the user asked for.
    """
    kind = "trunk" if sid.startswith("TK") else "application"
    return Diagnostic(
        code="trunk_not_in_twilio" if kind == "trunk" else "application_not_in_twilio",
        summary=f"{kind.capitalize()} not found on Twilio",
        severity="warning",
        detail=f"A release would put {action.address} back on {kind} {sid}, which account `{action.account}` does not "
        f"have any more. Twilio refuses that, and the number keeps its present route. To leave it "
        f"as it is:\n  reconciler release {action.address} --keep\n"
        f"or exclude it: --exclude {action.address}",
        address=action.address,
    )


def _unknown_route(want: Desired, sid: str) -> Diagnostic:
    kind = "trunk" if sid.startswith("TK") else "application"
    return at_declaration(
        want,
        want.address,
        "trunk_not_in_twilio" if kind == "trunk" else "application_not_in_twilio",
        f"{kind.capitalize()} not found on Twilio",
        f"{want.key} is to be put on {kind} {sid}, which account `{want.profile.account}` does not have: it was "
        f"deleted, is mistyped, or belongs to another account. Correct the SID, or declare the {kind} and name it.",
    )
