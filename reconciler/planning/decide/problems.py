"""Problems that planning finds, as diagnostics with their cure; pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.decide.compare import last_applied, live_value
from reconciler.planning.identity.observed import Observed


def number_missing(
    want: Desired, address: str, entry: Entry | None, observed: Observed
) -> Diagnostic:
    """A declared number that Twilio does not have: an incident when we knew it, else probably a
    mistake.
    """
    where = [account for account, _ in observed.elsewhere(want.key)]
    if entry is not None and where:
        there = next(live for _, live in observed.elsewhere(want.key))
        return at_declaration(
            want,
            address,
            "number_missing",
            "A managed number is not where it was",
            f"{entry.key} was imported as {entry.sid} from account `{entry.account}`; it is {there.sid} in account "
            f"`{where[0]}` now. If it was moved there, set `account: {where[0]}` on it; if it was bought again, remove "
            "it from the configuration, apply, and declare it anew.",
        )

    if entry is not None:
        return at_declaration(
            want,
            address,
            "number_missing",
            "A managed number is gone from Twilio",
            f"{entry.key} ({entry.sid}) was imported from account `{entry.account}` and is not there any more: "
            "released, ported out or moved to another account. It is not bought again by itself. "
            f"If it is gone for good, remove it from the configuration and apply; "
            f"to apply all the rest before that is known, add `--exclude {address}`.",
        )

    searched = ", ".join(f"`{name}`" for name in sorted(observed.numbers)) or "none"
    hint = (
        f"It is in account `{where[0]}`: set `account: {where[0]}` on it."
        if where
        else "Check the number, the account and its region; a number can be declared once it has been bought."
    )
    return at_declaration(
        want,
        address,
        "number_not_in_twilio",
        "Number not found on Twilio",
        f"{want.key} is not in account `{want.profile.account}` (accounts searched: {searched}). {hint}",
    )


def ambiguous(want: Desired, sids: Sequence[str]) -> Diagnostic:
    """Several resources go by the name that would tell which one is meant."""
    return at_declaration(
        want,
        want.address,
        "ambiguous_match",
        "Several resources have this name",
        f"{', '.join(sids)} in account `{want.profile.account}` all are what {want.address} would be taken for. "
        "Rename or delete all but one on Twilio, or give this one another name.",
    )


def other_account(want: Desired, entry: Entry) -> Diagnostic:
    """A resource is declared in another account than the one that has it."""
    return at_declaration(
        want,
        want.address,
        "account_mismatch",
        "A resource cannot change its account",
        f"{want.address} is {entry.sid} in account `{entry.account}`, and is declared in `{want.profile.account}` now. "
        "Declare it there under another name: the new one is made, and the old one goes once nothing uses it.",
    )


def child_undeclared(want: Desired, address: str, values: str) -> Diagnostic:
    """Somebody has put a child on a trunk or list that is managed here, and the plan leaves it
    alone.
    """
    return at_declaration(
        want,
        address,
        "unlisted_child",
        "Undeclared child of a managed resource",
        f"{address} ({values}) is on Twilio and not declared below {want.address}. It takes part in its calls. Declare "
        "it, or take it off in the console; with the key declared and `unlisted: delete`, apply deletes it.",
        severity="warning",
    )


def children_disappeared(want: Desired, children: Sequence[str]) -> Diagnostic:
    """Undeclared children that state has recorded are gone."""
    return at_declaration(
        want,
        want.address,
        "unlisted_gone",
        "Undeclared children are gone from Twilio",
        f"{'; '.join(children)}: recorded below {want.address}, not declared, and no longer there. The next apply takes "
        "them out of the record and writes nothing to Twilio. If they are needed, declare them.",
        severity="warning",
    )


def list_unknown(want: Desired, needed: str) -> Diagnostic:
    """A trunk uses a list by a name that nothing has."""
    return at_declaration(
        want,
        want.address,
        "list_not_found",
        "List not found on Twilio",
        f"{want.parent} uses {needed}, which is neither managed here nor in account `{want.profile.account}`. "
        "Check its name or SID; to have it made, say what is on it (`addresses`, or `credentials`).",
    )


def sid_mismatch(want: Desired, live: Live) -> Diagnostic:
    """`sid` and number are declared together and do not belong together."""
    return at_declaration(
        want,
        want.address,
        "sid_number_mismatch",
        "SID and number do not belong together",
        f"{live.key} is {live.sid} on Twilio, and the configuration pins it to {want.sid}. Correct or remove `sid`.",
    )


def duplicate_number(
    want: Desired, address: str, live: Live | None, desired: Sequence[Desired]
) -> Diagnostic:
    """One number under two names (its E.164 and its SID), with the place of the other."""
    names = {
        want.key,
        address.partition("/")[2],
        *((live.key, live.sid) if live is not None else ()),
    }

    others = (other for other in desired if other.key in names and other.position != want.position)
    where = next(
        (f"`{o.key}` at {o.position.file}:{o.position.line}:{o.position.column}" for o in others),
        address,
    )
    return at_declaration(
        want,
        address,
        "number_already_imported",
        "Number declared twice",
        f"{want.key} is the same number as {where}. Keep one of the two.",
    )


_PROTECTED = "A protected resource is not let go of"
CURE = "declare it with `protect: false`, apply, and run this again."
"""How to have a protected resource let go of by a command."""


def resource_protected(address: str, entry: Entry) -> Diagnostic:
    """Its block is gone, but state remembers that it must not be let go of."""
    whole = ", with all that hangs below it and the lists it uses" if entry.kind == "trunk" else ""
    return Diagnostic(
        code="protected",
        summary=_PROTECTED,
        detail=f"{address} was declared with `protect: true` and is not declared any more. It is kept{whole}, and "
        "nothing else is applied. To let go of it, declare it again with `protect: false`, apply, and then remove it. "
        f"To keep it and apply the rest, add\n  --exclude={quote_address(address)}",
        address=address,
    )


def quote_address(address: str) -> str:
    """An address as a shell takes it."""
    from shlex import quote

    return quote(address)


def removal_protected(address: str, undone: str, cure: str = CURE) -> Diagnostic:
    """A command would let go of what is protected, whether it is declared or not; `undone` is what
    was not done.
    """
    return Diagnostic(
        code="protected",
        summary=_PROTECTED,
        detail=f"{address} is protected (`protect: true`): {undone}. To let go of it, {cure}",
        address=address,
    )


def find_observed_changes(
    want: Desired, address: str, entry: Entry, live: Live
) -> list[Diagnostic]:
    """A number that is only watched has changed; apply takes the new values as the ones to watch."""
    if not want.profile.options.observe_only or not entry.options.observe_only:
        return []
    changed = [
        name
        for name in entry.last_applied
        if last_applied(entry, live, name) != live_value(live, name)
    ]
    if not changed:
        return []
    return [
        at_declaration(
            want,
            address,
            "watched_number_changed",
            "A watched number has changed",
            f"{live.key} is only watched, and its {', '.join(changed)} changed since it was last recorded. "
            "`reconciler drift` shows the values; apply records the new ones.",
            severity="warning",
        )
    ]


def at_declaration(
    want: Desired,
    address: str,
    code: str,
    summary: str,
    detail: str,
    *,
    severity: Severity = "error",
) -> Diagnostic:
    """A problem at the place where a resource is declared."""
    file, line, column = want.position
    return Diagnostic(
        severity=severity,
        code=code,
        summary=summary,
        detail=detail,
        address=address,
        file=file,
        line=line,
        column=column,
    )
