"""Make the rows of a fleet from the subaccounts of an account, and load that account from the
configuration of the stacks. Sends nothing.

The account is needed before there are rows. So it is read from the entry file alone, and no column
may be in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.config.advice.findings import suggest_options
from reconciler.config.codes import diagnostic
from reconciler.config.load.fleet_rows import NAME, Row
from reconciler.config.load.load import load_header
from reconciler.config.load.merge import EntryFile
from reconciler.config.load.secret_references import REFERENCE
from reconciler.config.project import AccountSettings
from reconciler.config.section_names import HEADER_KEYS
from reconciler.config.source.nodes import Map, Place, Seq
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid
from reconciler.model.position import Position
from reconciler.model.subaccount import Subaccount

SECTION = "accounts"
ACTIVE = "active"
_INACTIVE = ("closed", "suspended")
LONGEST_LABEL = 40
"""Characters of a friendly name in the name of a stack."""
_OF_SID = 8
"""Digits at the end of a SID in the name of a stack."""
_MOST_NAMED = 5
"""Subaccounts that a message names."""
_ANY_SID = "AC" + "0" * 32


def name_stack(subaccount: Subaccount) -> str:
    """Return the name of the stack of a subaccount: letters of its friendly name, digits of its SID.

    The digits keep two subaccounts with one friendly name apart, whatever their order. No `-` is in
    it, so that it may be part of the name of an environment variable.
    """
    letters = unicodedata.normalize("NFKD", subaccount.friendly_name).encode("ascii", "ignore")
    label = re.sub(r"[^a-z0-9]+", "_", letters.decode().lower()).strip("_")
    label = label[:LONGEST_LABEL].strip("_") or "subaccount"
    return f"{label}_{subaccount.sid[-_OF_SID:]}"


def make_columns(subaccount: Subaccount) -> dict[str, str]:
    """Return the variables of the stack of a subaccount."""
    return {
        NAME: name_stack(subaccount),
        "sid": subaccount.sid,
        "id": subaccount.sid.lower(),
        "friendly_name": subaccount.friendly_name,
    }


_PLACEHOLDERS = make_columns(Subaccount(_ANY_SID, "x", ACTIVE))
"""Columns for reading a configuration of which no stack exists yet."""


def make_rows(
    subaccounts: Sequence[Subaccount], account: str, at: Position
) -> tuple[list[Row], list[Diagnostic]]:
    """Return a row for each active subaccount, by name, and what is to be reported."""
    active, problems = select_active(subaccounts, account, at)
    rows: list[Row] = []
    for each in active:
        values = make_columns(each)
        rows.append(Row(values[NAME], values, at))
    return sorted(rows, key=lambda row: row.name), problems


def select_active(
    subaccounts: Sequence[Subaccount], account: str, at: Position | None
) -> tuple[list[Subaccount], list[Diagnostic]]:
    """Return the active subaccounts, with a warning about the others; an error when two would have
    one name, or when there is none.
    """
    active: list[Subaccount] = []
    left_out: list[Subaccount] = []
    problems: list[Diagnostic] = []
    first: dict[str, str] = {}
    for each in subaccounts:
        if each.status != ACTIVE:
            left_out.append(each)
            continue

        active.append(each)
        name = name_stack(each)
        other = first.setdefault(name, each.sid)
        if other != each.sid:
            detail = (
                f"The subaccounts {other} and {each.sid} both make the name `{name}`. Give one of "
                "them another friendly name in Twilio."
            )
            problems.append(diagnostic("duplicate_key", detail, at))

    if left_out:
        problems.append(diagnostic("subaccounts_left_out", _count(left_out), at))
    if not active:
        detail = f"Account `{account}` has no active subaccount, so `for_each` makes no stack."
        problems.append(diagnostic("no_subaccounts", detail, at))
    return active, problems


def _count(left_out: Sequence[Subaccount]) -> str:
    """Return how many subaccounts are left out, by status, and the names of the first."""
    # The word is that of a server: only those that Twilio has are repeated.
    counts = Counter(
        each.status if each.status in _INACTIVE else "of unknown status" for each in left_out
    )
    numbers = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    names = ", ".join(f"`{name_stack(each)}`" for each in left_out[:_MOST_NAMED])
    more = ", …" if len(left_out) > _MOST_NAMED else ""
    return (
        f"Subaccounts that are not active have no stack: {numbers} ({names}{more}). The numbers of "
        "these stacks stay as they are."
    )


def load_account(
    entry: Path,
    account: str,
    at: Position | None,
    *,
    environ: Mapping[str, str],
    variables: VariableSources,
    display_root: Path,
) -> AccountSettings:
    """Load the account whose subaccounts a fleet lists; the fleet names it at `at`.

    Hosts and references to secrets are checked as for every account. Raises ConfigInvalid.
    """
    sources = msgspec.structs.replace(variables, strict=False, row=_PLACEHOLDERS)
    merged = _AccountsFile(entry, display_root, sources)

    # First, because the value of a placeholder would be called wrong otherwise.
    problems: list[Diagnostic] = []
    for column, place in merged.columns_in(account):
        detail = (
            f"The subaccounts of `{account}` are listed with this account, before `{column}` has a "
            "value. Write it out, or use another variable."
        )
        problems.append(diagnostic("variable_not_allowed", detail, place))
    if problems:
        raise ConfigInvalid(*problems)

    try:
        project = load_header(
            entry, environ=environ, display_root=display_root, variables=sources, merged=merged
        )
    except ConfigInvalid as error:
        raise ConfigInvalid(*map(_restore_columns, error.diagnostics)) from error
    declared = {}
    for name, settings in project.accounts.items():
        if settings.position is not None:  # not the account of the environment
            declared[name] = settings
    if account not in declared:
        raise ConfigInvalid(_unknown_account(account, list(declared), merged.files[0], at))

    found = declared[account]
    if found.parent is not None:
        detail = (
            f"`{account}` has a `parent`, so it is a subaccount itself and has none. Let "
            "`subaccounts_of` name the account that is the parent."
        )
        raise ConfigInvalid(diagnostic("conflicting_fields", detail, found.position))
    return found


def _restore_columns(problem: Diagnostic) -> Diagnostic:
    """Name the columns in a message in place of their placeholders, which are in no file."""
    detail = problem.detail
    for column in (NAME, "sid", "id"):
        detail = detail.replace(_PLACEHOLDERS[column], f"${{{column}}}")
    return msgspec.structs.replace(problem, detail=detail)


def _unknown_account(
    account: str, declared: list[str], file: str, at: Position | None
) -> Diagnostic:
    detail = (
        f"{file} declares no account `{account}`.{suggest_options(account, declared)} Declare it in "
        "that file itself, with credentials of the account that has the subaccounts:\n"
        f"  accounts: {{{account}: {{sid: AC…, auth_token: {{env: TWILIO_AUTH_TOKEN}}}}}}"
    )
    return diagnostic("no_twilio_integration", detail, at)


class _AccountsFile(EntryFile):
    """The header and the accounts of an entry file; remembers where accounts use columns."""

    sections = frozenset((*HEADER_KEYS, SECTION))

    def columns_in(self, account: str) -> list[tuple[str, Position]]:
        """Return each column in the strings of an account, with its place."""
        return self._columns.get(account, [])

    def _replace_variables(self, sources: VariableSources) -> frozenset[Position]:
        self._columns: dict[str, list[tuple[str, Position]]] = {}
        for name, place in self.entries(SECTION).items():
            self._columns[name] = list(_find_columns(place, sources.row))
        return super()._replace_variables(sources)


def _find_columns(entry: Place, row: Mapping[str, str]) -> Iterator[tuple[str, Position]]:
    """Yield the columns of a row in the strings of an entry."""
    pending = [entry]
    visited: set[int] = set()
    while pending:
        place = pending.pop()
        if isinstance(place.node, str):
            for found in REFERENCE.finditer(place.node):
                if found[1] in row:
                    yield found[1], place.at("value")
            continue

        # An alias repeats a node: looking at it once keeps the work small.
        if not isinstance(place.node, Map | Seq) or id(place.node) in visited:
            continue
        visited.add(id(place.node))
        if isinstance(place.node, Map):
            pending += place.entries().values()
        else:
            pending += place.items()
