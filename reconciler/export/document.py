"""Return the text of a configuration that declares the selected resources of accounts exactly,
without those already declared, with comments on unusual ones; pure.

A plan of it only imports, and writes nothing to Twilio. The same account gives the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from reconciler.config.formats import is_sid
from reconciler.config.sections.checks import NUMBER_KEY
from reconciler.config.source.write import Block, Entry, Flow, Items, render_text
from reconciler.diagnostics import Diagnostic
from reconciler.export import applications, remarks, trunks
from reconciler.export.applications import ApplicationNames, hook_flow
from reconciler.export.names import UniqueNames, name_from_urls, slug
from reconciler.export.number_details import declare_fields, list_notes, list_number_remarks
from reconciler.export.number_entry import NO_AGENT, PARTS, AgentKey, NumberEntries, NumberEntry
from reconciler.export.table import fits_row, render_table
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, Webhook
from reconciler.planning.identity.observed import Observed


class DeclaredConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The declarations of an existing configuration: the export refers to them and does not repeat
    them.

    `numbers` are E.164 numbers and SIDs, `agents` agents with their parts, `trunks` SID → name,
    `names` all names of trunks, `applications` SID → name, `application_names` all names of
    applications. `account` is the account of resources that name none. `project` is the name for
    the header, None for a file to include.
    """

    numbers: frozenset[str] = frozenset()
    agents: Mapping[str, Attrs] = {}
    trunks: Mapping[str, str] = {}
    names: frozenset[str] = frozenset()
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
    declared: int
    odd: int
    unread_accounts: tuple[str, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    table: str = ""
    rows: int = 0


class _Number(NamedTuple):
    live: Live
    entry: NumberEntry


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

    # Applications come first: the entries of numbers use their names.
    apps = applications.declare_applications(
        observed.resources, selected, known.applications, known.application_names, known.account
    )
    number_entries = NumberEntries(apps.names)
    numbers = [_Number(live, number_entries.of(live)) for live in selected]

    others = observed.resources
    if selection.is_active:
        others = _resources_of_used_trunks(others, numbers)
    declared_trunks = trunks.declare_trunks(others, known.trunks, known.names, known.account)
    agents = _Agents(known, numbers)
    declarations, rows = _divide_numbers(
        numbers, agents, declared_trunks.names, known, with_rows=table_name is not None
    )
    sections = {
        "agents": agents.entries(),
        "applications": apps.entries,
        "trunks": declared_trunks.entries,
        "numbers": declarations,
    }
    entries = _list_entries(known, sections, table_name if rows else None)

    notes = [*apps.notes, *declared_trunks.notes]
    unread = sorted(observed.unread)
    comments = [*_head_comments(known, numbers, unread), *notes]

    return Exported(
        text=render_text(entries or [Entry("numbers", {})], comments),
        numbers=len(numbers),
        agents=len(sections["agents"]),
        trunks=len(declared_trunks.entries),
        applications=len(apps.entries),
        declared=declared_count,
        odd=sum(bool(entry.note) for entry in sections["numbers"]) + len(notes),
        unread_accounts=tuple(unread),
        problems=tuple(_unread_account(name, observed.unread[name]) for name in unread),
        table=render_table(rows) if rows else "",
        rows=len(rows),
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
    others: Mapping[str, Live], numbers: Iterable[_Number]
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
    known: DeclaredConfig, numbers: list[_Number], unread: Iterable[str]
) -> Iterator[str]:
    yield "Written by `reconciler export` from live resources: a plan of it only imports."
    if known.project is None:
        yield "Add it to `include` in your configuration."

    count = sum(number.entry.is_observe_only for number in numbers)
    if count:
        subject, verb = (
            ("1 number has", "it is") if count == 1 else (f"{count} numbers have", "they are")
        )
        yield f"{subject} no route, or none that YAML can express: {verb} only watched."
    for name in unread:
        yield f"Account `{name}` could not be read: its resources are missing here."


class _Agents:
    """The agents of the numbers: declared ones, and new ones with names of their own."""

    def __init__(self, known: DeclaredConfig, numbers: list[_Number]) -> None:
        self._names: dict[AgentKey, str] = {}
        # Of several agents with equal routes, the first name in the alphabet is used.
        for name, parts in sorted(known.agents.items(), reverse=True):
            self._names[_agent_key(parts)] = name

        without_trunk = {number.entry.agent for number in numbers if not number.entry.trunk}
        self._existing = without_trunk | self._names.keys()
        self._by_calls = self._index_by_calls(numbers)
        self._counts = Counter(self.of(number.entry) for number in numbers)
        self._counts.pop(NO_AGENT, None)

        # The largest group gets the plain name; of groups of equal size, the simplest one.
        new = self._counts.keys() - self._names.keys()
        self._new = sorted(new, key=lambda key: (-self._counts[key], _sort_key(key)))
        unique = UniqueNames(known.agents)
        for key in self._new:
            self._names[key] = unique.name(_agent_name(key))

    def of(self, entry: NumberEntry) -> AgentKey:
        """Return the agent of a number; behind a trunk, an agent that exists anyway is preferred to
        a new one.
        """
        alternative = entry.alternative
        if alternative != NO_AGENT and alternative in self._existing:
            return alternative

        # The agent of the numbers that have the same calls, whatever becomes of their messages.
        if entry.any_sms and entry.agent != NO_AGENT:
            return self._by_calls.get(_calls_of(entry.agent), entry.agent)
        return entry.agent

    def _index_by_calls(self, numbers: list[_Number]) -> dict[_Calls, AgentKey]:
        """Return the most used agent with messages by its calls; of equal ones the first by URLs."""
        counts = Counter(
            number.entry.agent
            for number in numbers
            if not number.entry.any_sms and not number.entry.agent.application
        )
        candidates = {*counts, *(key for key in self._names if not key.application)}

        found: dict[_Calls, AgentKey] = {}
        for key in sorted(candidates, key=lambda key: (-counts[key], _sort_key(key))):
            if key != NO_AGENT:
                found.setdefault(_calls_of(key), key)
        return found

    def name(self, entry: NumberEntry) -> str:
        """Return the name of a number's agent; "" when it has none."""
        key = self.of(entry)
        return "" if key == NO_AGENT else self._names[key]

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries of the new agents, sorted by name."""
        return tuple(sorted((self._entry(key) for key in self._new), key=lambda entry: entry.key))

    def _entry(self, key: AgentKey) -> Entry:
        count = self._counts[key]
        note = f"{count} number{'' if count == 1 else 's'}"
        if key.application:
            return Entry(self._names[key], Block((Entry("application", key.application),)), note)

        hooks = Block(tuple(Entry(part, hook_flow(hook)) for part, hook in key.hooks.items()))
        comments = remarks.list_remarks(key.hooks)
        return Entry(self._names[key], Block((Entry("webhooks", hooks),)), note, comments)


_Calls = tuple[Webhook | None, Webhook | None]
"""The voice and the status of an agent."""


def _calls_of(key: AgentKey) -> _Calls:
    return key.voice, key.status


def _agent_key(parts: Attrs) -> AgentKey:
    voice = parts.get("voice")
    if isinstance(voice, ApplicationRoute):
        return AgentKey(voice.application)  # its SMS follows from the application

    hooks = (value if isinstance(value := parts.get(part), Webhook) else None for part in PARTS)
    return AgentKey("", *hooks)


def _sort_key(key: AgentKey) -> tuple[object, ...]:
    """Sort simple agents first, so that they get names without a number; then by their URLs."""
    fields: list[tuple[object, ...]] = []
    for hook in (key.voice, key.sms, key.status):
        if hook is None:
            fields.append((True,))
        else:
            fields.append((False, hook.url, hook.method, hook.fallback_url, hook.fallback_method))
    return (key.application, len(key.hooks) == 0, *fields)


def _agent_name(key: AgentKey) -> str:
    application = key.application
    if application:
        is_unnamed = is_sid(application, "AP")
        return f"application-{application[2:8]}" if is_unnamed else slug([application], [])
    return name_from_urls(hook.url for hook in key.hooks.values())


def _divide_numbers(
    numbers: Iterable[_Number],
    agents: _Agents,
    trunk_names: Mapping[str, str],
    known: DeclaredConfig,
    *,
    with_rows: bool,
) -> tuple[tuple[Entry, ...], list[Entry]]:
    """Return the numbers as entries of YAML, and those that fit a row of a CSV file."""
    entries: list[Entry] = []
    rows: list[Entry] = []
    for number in numbers:
        entry = _number_entry(number, agents, trunk_names, known)
        if with_rows and fits_row(entry, list(list_number_remarks(*number))):
            rows.append(entry)
        else:
            entries.append(entry)
    return tuple(entries), rows


def _number_entry(
    number: _Number, agents: _Agents, trunk_names: Mapping[str, str], known: DeclaredConfig
) -> Entry:
    """Write one number; the short form, the agent's name alone, where nothing else is declared."""
    live, declared = number
    agent = agents.name(declared)

    fields: dict[str, Flow] = {}
    if live.account != known.account:
        fields["account"] = live.account
    if agent:
        fields["agent"] = agent
    if declared.trunk:
        fields["trunk"] = trunk_names.get(declared.trunk, declared.trunk)
    if declared.webhooks:
        fields["webhooks"] = {part: hook_flow(hook) for part, hook in declared.webhooks.items()}
    if declared.left_alone and not declared.is_observe_only:
        fields["manage"] = [part for part in PARTS if part not in declared.left_alone]

    fields.update(declare_fields(live))
    is_short = fields.keys() == {"agent"}
    note = "; ".join(list_notes(live, declared))
    return Entry(_number_key(live), agent if is_short else fields, note)
