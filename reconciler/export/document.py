"""Return the text of a configuration that declares the selected resources of accounts exactly,
without those already declared, with comments on unusual ones; pure.

A plan of it only imports, and writes nothing to Twilio. The same account gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from reconciler.config.sections.checks import NUMBER_KEY
from reconciler.config.source.write import Block, Entry, Flow, Items, render_text
from reconciler.diagnostics import Diagnostic
from reconciler.export import applications, messaging_services, trunks
from reconciler.export.agents import Agents, ExportedNumber
from reconciler.export.applications import ApplicationNames, hook_flow
from reconciler.export.escape import escape_entries
from reconciler.export.number_details import declare_fields, list_notes, list_number_remarks
from reconciler.export.number_entry import PARTS, NumberEntries
from reconciler.export.recipes import RecipePlatforms
from reconciler.export.table import fits_row, render_table
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.route import Attrs
from reconciler.planning.identity.observed import Observed


class DeclaredConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The declarations of an existing configuration: the export refers to them and does not repeat
    them.

    `numbers` are E.164 numbers and SIDs, `agents` agents with their parts, `trunks` SID → name,
    `names` all names of trunks, `applications` SID → name, `application_names` all names of
    applications, `services` and `service_names` the same of messaging services. `recipes` name →
    type of platforms that are recipes, `platform_names` all names of platforms. `account` is the
    account of resources that name none. `project` is the name for the header, None for a file to
    include.
    """

    numbers: frozenset[str] = frozenset()
    agents: Mapping[str, Attrs] = {}
    trunks: Mapping[str, str] = {}
    names: frozenset[str] = frozenset()
    recipes: Mapping[str, str] = {}
    platform_names: frozenset[str] = frozenset()
    services: Mapping[str, str] = {}
    service_names: frozenset[str] = frozenset()
    applications: Mapping[str, ApplicationNames] = {}
    application_names: frozenset[str] = frozenset()
    account: str | None = "default"
    project: str | None = None


class ExportFilter(msgspec.Struct, frozen=True):
    """A filter of numbers to export: one of these prefixes, and one of these labels (globs)."""

    prefixes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """True when at least one condition is given."""
        return bool(self.prefixes or self.labels)

    def matches(self, live: Live) -> bool:
        """Return true when this number is to be exported."""
        if self.prefixes and not live.key.startswith(self.prefixes):
            return False
        return not self.labels or any(fnmatchcase(live.name, label) for label in self.labels)


class Exported(msgspec.Struct, frozen=True):
    """The file, and the counts of its contents.

    `declared` counts numbers that are left out because they are already declared, `odd` entries
    with a comment. The file lacks the resources of `unread_accounts`; `problems` are the reasons.
    `table` is a CSV file with those numbers that are not in `text`, `rows` their count.
    """

    text: str
    numbers: int
    agents: int
    trunks: int
    applications: int
    messaging_services: int
    declared: int
    odd: int
    unread_accounts: tuple[str, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    table: str = ""
    rows: int = 0


def export(
    observed: Observed,
    known: DeclaredConfig,
    selection: ExportFilter | None = None,
    table_name: str | None = None,
) -> Exported:
    """Write the configuration of all selected numbers that are not declared yet, with the resources
    that they use.

    With `table_name`, numbers that fit a row are in a CSV file of that name, which the
    configuration names.
    """
    selection = selection or ExportFilter()
    selected, declared_count = _select(observed, known, selection)
    parts = _declare(observed, known, selection, selected)
    declarations, rows = _divide_numbers(parts, known, with_rows=table_name is not None)
    sections = {
        **parts.agents.sections(),
        "applications": parts.applications.entries,
        "messaging_services": parts.services.entries,
        "trunks": parts.trunks.entries,
        "numbers": declarations,
    }
    entries = _list_entries(known, sections, table_name if rows else None)

    notes = [*parts.applications.notes, *parts.services.notes, *parts.trunks.notes]
    unread = sorted(observed.unread)
    comments = [*_head_comments(known, parts.numbers, unread), *notes]

    return Exported(
        text=render_text(escape_entries(entries) or [Entry("numbers", {})], comments),
        numbers=len(parts.numbers),
        agents=len(sections["agents"]),
        trunks=len(parts.trunks.entries),
        applications=len(parts.applications.entries),
        messaging_services=len(parts.services.entries),
        declared=declared_count,
        odd=sum(bool(entry.note) for entry in sections["numbers"]) + len(notes),
        unread_accounts=tuple(unread),
        problems=tuple(_list_problems(observed)),
        table=render_table(rows) if rows else "",
        rows=len(rows),
    )


class _Parts(NamedTuple):
    """The numbers to write, and what their entries refer to by name."""

    numbers: list[ExportedNumber]
    agents: Agents
    applications: applications.Applications
    services: messaging_services.Services
    trunks: trunks.Trunks


def _declare(
    observed: Observed, known: DeclaredConfig, selection: ExportFilter, selected: list[Live]
) -> _Parts:
    """Name what the selected numbers use, and declare the numbers with these names."""
    others = observed.resources

    # Applications and services come first: the entries of numbers use their names.
    apps = applications.declare_applications(
        others, selected, known.applications, known.application_names, known.account
    )
    services = messaging_services.declare_services(
        others,
        selected,
        known.services,
        known.service_names,
        known.account,
        only_used=selection.is_active,
    )
    number_entries = NumberEntries(apps.names)
    numbers = [ExportedNumber(live, number_entries.of(live)) for live in selected]

    if selection.is_active:
        others = _resources_of_used_trunks(others, numbers)
    declared_trunks = trunks.declare_trunks(others, known.trunks, known.names, known.account)
    platforms = RecipePlatforms(known.recipes, known.platform_names)
    return _Parts(
        numbers, Agents(known.agents, numbers, platforms), apps, services, declared_trunks
    )


def _list_problems(observed: Observed) -> Iterator[Diagnostic]:
    for name in sorted(observed.unread):
        yield _unread_account(name, observed.unread[name])
    for name in sorted(observed.partial):
        reason = observed.partial[name]
        detail = (
            f"The configuration lacks the messaging services of account `{name}`, and the membership "
            f"of its numbers. {reason.detail or reason.summary}"
        )
        yield Diagnostic(
            severity="warning",
            code="services_unreadable",
            summary="Messaging services cannot be read",
            detail=detail,
        )


def _unread_account(account: str, reason: Diagnostic) -> Diagnostic:
    return Diagnostic(
        code="account_unread",
        summary="An account cannot be read",
        detail=(
            f"The configuration lacks the resources of account `{account}`. "
            f"{reason.detail or reason.summary}"
        ),
    )


def _select(
    observed: Observed, known: DeclaredConfig, selection: ExportFilter
) -> tuple[list[Live], int]:
    """Return the numbers to write, sorted and each once, and the count of those that are already
    declared.
    """
    selected: dict[str, Live] = {}
    declared = 0

    # The default account first: of a number that two accounts list, its entry is the shorter one.
    for account in sorted(observed.numbers, key=lambda name: (name != known.account, name)):
        for live in observed.numbers[account].values():
            if live.key in known.numbers or live.sid in known.numbers:
                declared += 1
            elif selection.matches(live):
                selected.setdefault(_number_key(live), live)
    return [selected[key] for key in sorted(selected)], declared


def _number_key(live: Live) -> str:
    """Return the key of a number in YAML: its E.164, or its SID where Twilio has another format (a
    short code).
    """
    return live.key if re.fullmatch(NUMBER_KEY[1:-1], live.key) else live.sid


def _resources_of_used_trunks(
    others: Mapping[str, Live], numbers: Iterable[ExportedNumber]
) -> dict[str, Live]:
    """Return the trunks of these numbers, with their children."""
    sids = {number.entry.trunk for number in numbers}
    return {
        address: live for address, live in others.items() if Address.parse(address).owner in sids
    }


def _header(known: DeclaredConfig) -> Iterator[Entry]:
    if known.project is not None:
        yield Entry("version", 1)
        yield Entry("project", known.project)


def _list_entries(
    known: DeclaredConfig, sections: Mapping[str, tuple[Entry, ...]], table_name: str | None
) -> list[Entry]:
    """Return the entries of the file: its header, and what each section holds."""
    entries = list(_header(known))
    for name, inner in sections.items():
        if inner:
            entries.append(Entry(name, Block(inner)))
    if table_name is not None:
        entries.append(Entry("numbers_from", Items(({"file": table_name},))))
    return entries


def _head_comments(
    known: DeclaredConfig, numbers: list[ExportedNumber], unread: Iterable[str]
) -> Iterator[str]:
    yield "Written by `reconciler export` from live resources: a plan of it only imports."
    if known.project is None:
        yield "Add it to `include` in your configuration."

    count = sum(_is_observe_only(number) for number in numbers)
    if count:
        subject, verb = (
            ("1 number has", "it is") if count == 1 else (f"{count} numbers have", "they are")
        )
        yield f"{subject} no route, or none that YAML can express: {verb} only watched."
    for name in unread:
        yield f"Account `{name}` could not be read: its resources are missing here."


def _is_observe_only(number: ExportedNumber) -> bool:
    return number.entry.is_observe_only and MEMBERSHIP not in number.live.attrs


def _divide_numbers(
    parts: _Parts, known: DeclaredConfig, *, with_rows: bool
) -> tuple[tuple[Entry, ...], list[Entry]]:
    """Return the numbers as entries of YAML, and those that fit a row of a CSV file."""
    entries: list[Entry] = []
    rows: list[Entry] = []
    for number in parts.numbers:
        entry = _number_entry(number, parts, known)
        if with_rows and fits_row(entry, list(list_number_remarks(*number))):
            rows.append(entry)
        else:
            entries.append(entry)
    return tuple(entries), rows


def _number_entry(number: ExportedNumber, parts: _Parts, known: DeclaredConfig) -> Entry:
    """Write one number; the short form, the agent's name alone, where nothing else is declared."""
    live, declared = number
    agent = parts.agents.name(declared)

    fields: dict[str, Flow] = {}
    if live.account != known.account:
        fields["account"] = live.account
    if agent:
        fields["agent"] = agent
    if declared.trunk:
        fields["trunk"] = parts.trunks.names.get(declared.trunk, declared.trunk)
    if declared.webhooks:
        fields["webhooks"] = {part: hook_flow(hook) for part, hook in declared.webhooks.items()}
    service = parts.services.reference(live, has_own_sms="sms" in declared.webhooks)
    if service:
        fields["messaging_service"] = service
    if declared.left_alone and not declared.is_observe_only:
        fields["manage"] = [part for part in PARTS if part not in declared.left_alone]

    fields.update(declare_fields(live))
    is_short = fields.keys() == {"agent"}
    note = "; ".join(list_notes(live, declared))
    return Entry(_number_key(live), agent if is_short else fields, note)
