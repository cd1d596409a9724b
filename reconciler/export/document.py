"""What accounts hold → the configuration that declares exactly that, with comments on what is odd; pure.

A plan of it imports and writes nothing. The same account gives the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from reconciler.config.desired.roundtrip import hook_fields
from reconciler.config.formats import is_sid
from reconciler.config.sections.fields import NUMBER_KEY
from reconciler.config.source.write import Block, Entry, Flow, render_text
from reconciler.diagnostics import Diagnostic
from reconciler.export import applications, remarks, trunks
from reconciler.export.applications import ApplicationNames
from reconciler.export.names import UniqueNames, name_from_urls, slug
from reconciler.export.number_entry import NO_AGENT, PARTS, AgentKey, NumberEntries, NumberEntry
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, Webhook
from reconciler.planning.identity.observed import Observed


class DeclaredConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration already declares: that is referred to, and not declared again.

    `numbers` by E.164 or SID, `agents` with their parts, `trunks` as SID → name, `names` of trunks that are taken,
    `applications` by SID, and their names that are taken; `account` is the one of resources that name none. `project`
    is the header's, None for a file to be included.
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
    """Which numbers to export: those with one of these beginnings, and one of these labels (globs)."""

    prefixes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def takes(self, live: Live) -> bool:
        """Whether this number is wanted."""
        by_prefix = not self.prefixes or live.key.startswith(self.prefixes)
        return by_prefix and (
            not self.labels or any(fnmatchcase(live.name, label) for label in self.labels)
        )


class Exported(msgspec.Struct, frozen=True):
    """The file and what is in it; `declared` counts numbers that were left out because they are declared already.

    It lacks what `unread_accounts` hold; `problems` say why these could not be read.
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


class _Number(NamedTuple):
    live: Live
    said: NumberEntry


def export(
    observed: Observed, known: DeclaredConfig, wanted: ExportFilter | None = None
) -> Exported:
    """The configuration of all numbers that are wanted and not declared, with what they need."""
    found, left_out = _choose(observed, known, wanted or ExportFilter())
    apps = applications.declare_applications(
        observed.resources, found, known.applications, known.application_names, known.account
    )
    ways = NumberEntries(apps.called)
    chosen = [_Number(live, ways.of(live)) for live in found]
    partial = bool(wanted and (wanted.prefixes or wanted.labels))
    others = _used(observed.resources, chosen) if partial else observed.resources
    declared = trunks.declare_trunks(others, known.trunks, known.names, known.account)
    agents = _Agents(known, chosen)
    numbers = [_number(number, agents, declared.names, known) for number in chosen]
    sections = {
        "agents": agents.entries(),
        "applications": apps.entries,
        "trunks": declared.entries,
        "numbers": tuple(numbers),
    }
    notes = [*apps.notes, *declared.notes]
    unread = [
        f"Account `{name}` could not be read: what it holds is missing here."
        for name in sorted(observed.unread)
    ]
    oddities = sum(bool(entry.note) for entry in numbers) + len(notes)
    entries = [
        *_header(known),
        *(Entry(name, Block(inner)) for name, inner in sections.items() if inner),
    ]
    return Exported(
        text=render_text(
            entries or [Entry("numbers", {})], [*_head(known, chosen), *unread, *notes]
        ),
        numbers=len(numbers),
        agents=len(sections["agents"]),
        trunks=len(declared.entries),
        applications=len(apps.entries),
        declared=left_out,
        odd=oddities,
        unread_accounts=tuple(sorted(observed.unread)),
        problems=tuple(
            _unread_account(name, observed.unread[name]) for name in sorted(observed.unread)
        ),
    )


def _unread_account(account: str, reason: Diagnostic) -> Diagnostic:
    return Diagnostic(
        code="account_unread",
        summary="An account cannot be read",
        detail=f"The configuration lacks what account `{account}` holds. {reason.detail or reason.summary}",
    )


def _choose(
    observed: Observed, known: DeclaredConfig, wanted: ExportFilter
) -> tuple[list[Live], int]:
    """The numbers to write, in the order of the file: by E.164, each once."""
    found, left_out = dict[str, Live](), 0
    for account in sorted(observed.numbers, key=lambda name: (name != known.account, name)):
        for live in observed.numbers[account].values():
            if live.key in known.numbers or live.sid in known.numbers:
                left_out += 1
            elif wanted.takes(live):
                found.setdefault(
                    live.key if re.fullmatch(NUMBER_KEY[1:-1], live.key) else live.sid, live
                )
    return [found[key] for key in sorted(found)], left_out


def _used(others: Mapping[str, Live], chosen: Iterable[_Number]) -> dict[str, Live]:
    """The trunks of these numbers, with what hangs below them."""
    sids = {number.said.trunk for number in chosen}
    return {address: live for address, live in others.items() if address.split("/")[1] in sids}


def _header(known: DeclaredConfig) -> Iterator[Entry]:
    if known.project is not None:
        yield Entry("version", 1)
        yield Entry("project", known.project)


def _head(known: DeclaredConfig, chosen: list[_Number]) -> Iterator[str]:
    yield "Made by `reconciler export` from what is on Twilio: a plan of it imports, and writes nothing."
    if known.project is None:
        yield "Add it to `include` in your configuration."
    watched = sum(number.said.watched for number in chosen)
    if watched:
        one = watched == 1
        number, they = ("1 number has", "it is") if one else (f"{watched} numbers have", "they are")
        yield f"{number} nothing that answers, or nothing that can be declared: {they} only watched."


class _Agents:
    """The agents that the numbers need: those that are declared already, and new ones with names of their own."""

    def __init__(self, known: DeclaredConfig, chosen: Iterable[_Number]) -> None:
        self._names = {
            _key_of(parts): name for name, parts in sorted(known.agents.items(), reverse=True)
        }
        self._numbers = list(chosen)
        untrunked = {number.said.agent for number in self._numbers if not number.said.trunk}
        self._there = untrunked | self._names.keys()
        self._used = Counter(self.of(number.said) for number in self._numbers)
        self._used.pop(NO_AGENT, None)
        self._new = sorted((key for key in self._used if key not in self._names), key=_order)
        unique = UniqueNames(known.agents)
        self._names.update({key: unique.name(_name(key)) for key in self._new})

    def of(self, said: NumberEntry) -> AgentKey:
        """The agent of a number; behind a trunk, one that exists anyway is better than one of its own."""
        return (
            said.instead if said.instead in self._there and said.instead != NO_AGENT else said.agent
        )

    def name(self, said: NumberEntry) -> str:
        """The name of a number's agent; "" when it has none."""
        key = self.of(said)
        return "" if key == NO_AGENT else self._names[key]

    def entries(self) -> tuple[Entry, ...]:
        """The new ones, by name."""
        return tuple(sorted((self._entry(key) for key in self._new), key=lambda entry: entry.key))

    def _entry(self, key: AgentKey) -> Entry:
        oddities = dict.fromkeys(
            words
            for part, hook in key.hooks.items()
            for words in remarks.webhook_remarks(part, hook)
        )
        count = self._used[key]
        note = f"{count} number{'' if count == 1 else 's'}"
        if key.application:
            return Entry(self._names[key], Block((Entry("application", key.application),)), note)
        hooks = Block(tuple(Entry(part, _hook(hook)) for part, hook in key.hooks.items()))
        return Entry(self._names[key], Block((Entry("webhooks", hooks),)), note, tuple(oddities))


def _key_of(parts: Attrs) -> AgentKey:
    voice = parts.get("voice")
    if isinstance(voice, ApplicationRoute):
        return AgentKey(voice.application)  # whether it texts follows from the application
    hooks = (value if isinstance(value := parts.get(part), Webhook) else None for part in PARTS)
    return AgentKey("", *hooks)


def _order(key: AgentKey) -> tuple[object, ...]:
    """Plain agents first, so that they get the plain names; then by their URLs."""
    return (
        key.application,
        len(key.hooks) == 0,
        *((hook is None, *_fields(hook)) for hook in key[1:]),
    )


def _fields(hook: object) -> tuple[str, ...]:
    return (
        (hook.url, hook.method, hook.fallback_url, hook.fallback_method)
        if isinstance(hook, Webhook)
        else ()
    )


def _name(key: AgentKey) -> str:
    if key.application:
        return (
            f"application-{key.application[2:8]}"
            if is_sid(key.application, "AP")
            else slug([key.application], [])
        )
    return name_from_urls(hook.url for hook in key.hooks.values())


def _hook(hook: Webhook) -> Flow:
    fields: dict[str, Flow] = dict(hook_fields(hook))
    return hook.url if len(fields) == 1 else fields


def _number(
    number: _Number, agents: _Agents, names: Mapping[str, str], known: DeclaredConfig
) -> Entry:
    """One line: the agent's name alone where that says it all."""
    live, said = number
    agent = agents.name(said)
    fields: dict[str, Flow] = {}
    if live.account != known.account:
        fields["account"] = live.account
    if agent:
        fields["agent"] = agent
    if said.trunk:
        fields["trunk"] = names.get(said.trunk, said.trunk)
    if said.webhooks:
        fields["webhooks"] = {part: _hook(hook) for part, hook in said.webhooks.items()}
    if said.left_alone and not said.watched:
        fields["manage"] = [part for part in PARTS if part not in said.left_alone]
    key = live.key if re.fullmatch(NUMBER_KEY[1:-1], live.key) else live.sid
    short = fields.keys() == {"agent"}
    return Entry(key, agent if short else fields, "; ".join(_notes(live, said)))


def _notes(live: Live, said: NumberEntry) -> Iterator[str]:
    if label := remarks.find_label(live):
        yield label
    yield from remarks.find_dead_routes(live)
    yield from (f"{part} is left alone: {reason}" for part, reason in said.left_alone.items())
    yield from (
        words
        for part, hook in said.webhooks.items()
        for words in remarks.webhook_remarks(part, hook)
    )
