"""Describe the problems that the deciders find, as diagnostics with their cure; pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide.compare import last_applied
from reconciler.planning.decide.live_values import live_value
from reconciler.planning.identity.observed import Observed


def number_missing(
    declared: Desired, address: str, entry: Entry | None, observed: Observed
) -> Diagnostic:
    """Return an error: Twilio does not have a declared number."""
    elsewhere = next(observed.elsewhere(declared.key), None)
    if entry is not None and elsewhere is not None:
        account, there = elsewhere
        return at_declaration(
            declared,
            address,
            "number_missing",
            "A managed number is not where it was",
            f"{entry.key} was imported as {entry.sid} from account `{entry.account}`; it is {there.sid} in account "
            f"`{account}` now. If it was moved there, set `account: {account}` on it; if it was bought again, remove "
            "it from the configuration, apply, and declare it again.",
        )

    if entry is not None:
        return at_declaration(
            declared,
            address,
            "number_missing",
            "A managed number is gone from Twilio",
            f"{entry.key} ({entry.sid}) was imported from account `{entry.account}` and is no longer there: "
            "released, ported out or moved to another account. It is not bought again automatically. "
            f"If it is gone for good, remove it from the configuration and apply; "
            f"to apply everything else now, add `--exclude {address}`.",
        )

    # A number that was never recorded is probably a mistake in the declaration.
    searched = ", ".join(f"`{name}`" for name in sorted(observed.numbers)) or "none"
    hint = "Check the number, the account and its region; a number can be declared once it has been bought."
    if elsewhere is not None:
        hint = f"It is in account `{elsewhere[0]}`: set `account: {elsewhere[0]}` on it."
    return at_declaration(
        declared,
        address,
        "number_not_in_twilio",
        "Number not found on Twilio",
        f"{declared.key} is not in account `{declared.profile.account}` (accounts searched: {searched}). {hint}",
    )


def registration_unread(
    address: str, reason: Diagnostic, declared: Desired | None = None
) -> Diagnostic:
    """Return an error: the platform does not show whether it has a number."""
    parsed = Address.parse(address)
    return Diagnostic.at(
        None if declared is None else declared.position,
        code="registration_unread",
        summary="A number cannot be looked up on its platform",
        detail=f"Nothing was decided about {parsed.key} on the platform `{parsed.owner}`, and nothing "
        f"is written to the number. {reason.detail or reason.summary}",
        address=address,
    )


def ambiguous(declared: Desired, sids: Sequence[str]) -> Diagnostic:
    """Return an error: several resources have the name that identifies the declared one."""
    return at_declaration(
        declared,
        declared.address,
        "ambiguous_match",
        "Several resources have this name",
        f"{', '.join(sids)} in account `{declared.profile.account}` all match "
        f"{declared.address}, so the declaration is ambiguous. "
        "Rename or delete all but one on Twilio, or give this one another name.",
    )


def other_account(declared: Desired, entry: Entry) -> Diagnostic:
    """Return an error: a resource is declared in another account than the one that has it."""
    return at_declaration(
        declared,
        declared.address,
        "account_mismatch",
        "A resource cannot change its account",
        f"{declared.address} is {entry.sid} in account `{entry.account}`, and is declared in `{declared.profile.account}` now. "
        "Declare it there under another name: the new one is made, and the old one goes once nothing uses it.",
    )


def child_undeclared(declared: Desired, address: str, values: str) -> Diagnostic:
    """Warn of a child that somebody has put on a managed trunk or list, and that the plan ignores."""

    return at_declaration(
        declared,
        address,
        "unlisted_child",
        "Undeclared child of a managed resource",
        f"{address} ({values}) is on Twilio and not declared below {declared.address}. It takes part in its calls. Declare "
        "it, or take it off in the console; with the key declared and `unlisted: delete`, apply deletes it.",
        severity="warning",
    )


def children_disappeared(declared: Desired, children: Sequence[str]) -> Diagnostic:
    """Warn that undeclared children which state has recorded are gone."""
    return at_declaration(
        declared,
        declared.address,
        "unlisted_gone",
        "Undeclared children are gone from Twilio",
        f"{'; '.join(children)}: recorded below {declared.address}, not declared, and no longer there. The next apply takes "
        "them out of the record and writes nothing to Twilio. If they are needed, declare them.",
        severity="warning",
    )


def list_unknown(declared: Desired, needed: str) -> Diagnostic:
    """Return an error: a trunk uses a list by a name that no list has."""
    return at_declaration(
        declared,
        declared.address,
        "list_not_found",
        "List not found on Twilio",
        f"{declared.parent} uses {needed}, which is neither managed here nor in account `{declared.profile.account}`. "
        "Check its name or SID; to create it, declare its content (`addresses`, or `credentials`).",
    )


def sid_mismatch(declared: Desired, live: Live) -> Diagnostic:
    """Return an error: the declared `sid` is not that of the declared number."""
    return at_declaration(
        declared,
        declared.address,
        "sid_number_mismatch",
        "SID and number do not belong together",
        f"{live.key} is {live.sid} on Twilio, and the configuration pins it to {declared.sid}. Correct or remove `sid`.",
    )


def duplicate_number(
    declared: Desired, address: str, live: Live | None, desired: Sequence[Desired]
) -> Diagnostic:
    """Return an error: one number is declared twice, with the place of the other declaration."""
    names = {
        declared.key,
        Address.parse(address).name,
        *((live.key, live.sid) if live is not None else ()),
    }

    where = address
    for other in desired:
        if other.key in names and other.position != declared.position:
            file, line, column = other.position
            where = f"`{other.key}` at {file}:{line}:{column}"
            break

    return at_declaration(
        declared,
        address,
        "number_already_imported",
        "Number declared twice",
        f"{declared.key} is the same number as {where}. Keep one of the two.",
    )


_PROTECTED = "Protected resource"
CURE = "declare it with `protect: false`, apply, and run this again."
"""The cure for a command that would remove a protected resource."""


def resource_protected(address: str, entry: Entry) -> Diagnostic:
    """Return an error: a resource is not declared any more, and state records it as protected."""
    whole = ", with everything under it and the lists that it uses" if entry.kind == "trunk" else ""
    return Diagnostic(
        code="protected",
        summary=_PROTECTED,
        detail=f"{address} was declared with `protect: true` and is not declared any more. It is kept{whole}, and "
        "nothing else is applied. To release it, declare it again with `protect: false`, apply, and then remove it. "
        f"To keep it and apply the rest, add\n  --exclude={quote_address(address)}",
        address=address,
    )


def quote_address(address: str) -> str:
    """Return an address as a shell takes it."""
    return shlex.quote(address)


def removal_protected(address: str, undone: str, cure: str = CURE) -> Diagnostic:
    """Return an error: a command would remove a protected resource; `undone` is what was not done."""

    return Diagnostic(
        code="protected",
        summary=_PROTECTED,
        detail=f"{address} is protected (`protect: true`): {undone}. To release it, {cure}",
        address=address,
    )


def find_observed_changes(
    declared: Desired, address: str, entry: Entry, live: Live
) -> list[Diagnostic]:
    """Warn that an observe-only number has changed; apply records its new values."""
    if not declared.profile.options.observe_only or not entry.options.observe_only:
        return []

    changed: list[str] = []
    for name in entry.last_applied:
        if last_applied(entry, live, name) != live_value(live, name):
            changed.append(name)

    if not changed:
        return []
    return [
        at_declaration(
            declared,
            address,
            "watched_number_changed",
            "A watched number has changed",
            f"{live.key} is only watched, and its {', '.join(changed)} changed since it was last recorded. "
            "`reconciler drift` shows the values; apply records the new ones.",
            severity="warning",
        )
    ]


def at_declaration(
    declared: Desired,
    address: str,
    code: str,
    summary: str,
    detail: str,
    *,
    severity: Severity = "error",
) -> Diagnostic:
    """Return a problem at the place where a resource is declared."""
    return Diagnostic.at(
        declared.position,
        code=code,
        summary=summary,
        detail=detail,
        severity=severity,
        address=address,
    )
