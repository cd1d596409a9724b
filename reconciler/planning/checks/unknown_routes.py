"""List the SIDs of trunks, applications and messaging services that numbers name, and report numbers
whose trunk, application or service is not in their account; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.route import ApplicationRoute, Attrs, Membership, TrunkRoute, Wire
from reconciler.planning.plan import Plan

_SID_LENGTH = 34
_SWITCHES = ("trunk_sid", "voice_application_sid", "sms_application_sid")


def literal_sids(attrs: Attrs) -> list[str]:
    """Return the SIDs of trunks, applications and services that these attributes name literally."""
    names: dict[str, None] = {}
    for value in attrs.values():
        if isinstance(value, TrunkRoute):
            names[value.trunk] = None
        elif isinstance(value, ApplicationRoute):
            names[value.application] = None
        elif isinstance(value, Membership):
            names[value.service] = None
    return [name for name in names if _is_sid(name)]


def _is_sid(name: str) -> bool:
    return name[:2] in ("TK", "AP", "MG") and len(name) == _SID_LENGTH


def sids_to_restore(fields: Wire) -> list[str]:
    """Return the SIDs of trunks and applications among raw fields that are put back."""
    sids = []
    for name in _SWITCHES:
        sid = fields.get(name)
        if isinstance(sid, str) and sid:
            sids.append(sid)
    return sids


def add_unknown_routes(
    plan: Plan, desired: Iterable[Desired], unknown: Collection[tuple[str, str]]
) -> Plan:
    """Return the plan with an error for each number whose trunk or application does not exist.

    `unknown` are the missing trunks and applications, as (account, SID).
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

    diagnostics = tuple(sort_by_place([*plan.diagnostics, *errors]))
    return msgspec.structs.replace(plan, diagnostics=diagnostics)


def _unknown_prior(action: Action, sid: str) -> Diagnostic:
    """Warn of a release to a trunk or application that was deleted since the number was imported.

    Only a warning: the number keeps its route when Twilio refuses the write, and the values from
    before are what the user asked for.
    """
    kind, code = _kind_and_code(sid)
    return Diagnostic(
        code=code,
        summary=f"{kind.capitalize()} not found on Twilio",
        severity="warning",
        detail=f"A release would put {action.address} back on {kind} {sid}, which account "
        f"`{action.account}` does not have any more. Twilio refuses that, and the number keeps its "
        f"present route. To leave it as it is:\n  reconciler release {action.address} --keep\n"
        f"or exclude it: --exclude {action.address}",
        address=action.address,
    )


def _kind_and_code(sid: str) -> tuple[str, str]:
    """Return the kind of a SID, and the code of the problem that it does not exist."""
    if sid.startswith("TK"):
        code = "trunk_not_in_twilio"
        return "trunk", code
    if sid.startswith("MG"):
        code = "messaging_service_not_in_twilio"
        return "messaging service", code
    code = "application_not_in_twilio"
    return "application", code


def _unknown_route(want: Desired, sid: str) -> Diagnostic:
    kind, code = _kind_and_code(sid)
    preposition = "into" if sid.startswith("MG") else "on"
    return Diagnostic.at(
        want.position,
        code=code,
        summary=f"{kind.capitalize()} not found on Twilio",
        detail=f"{want.key} is to be put {preposition} {kind} {sid}, which account `{want.profile.account}` "
        "does not have: it was deleted, is mistyped, or belongs to another account. Correct the "
        f"SID, or declare the {kind} and name it.",
        address=want.address,
    )
