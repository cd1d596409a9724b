"""Name the agents of exported numbers, declared ones and new ones, and write the entries of the new
ones; pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from reconciler.config.formats import is_sid
from reconciler.config.source.write import Block, Entry
from reconciler.export import remarks
from reconciler.export.applications import hook_flow
from reconciler.export.names import UniqueNames, name_from_urls, slug
from reconciler.export.number_entry import NO_AGENT, PARTS, AgentKey, NumberEntry
from reconciler.export.recipes import RecipePlatforms, find_recipe
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Attrs, Webhook


class ExportedNumber(NamedTuple):
    """A live number and its declaration."""

    live: Live
    entry: NumberEntry


class Agents:
    """The agents of the numbers: declared ones, and new ones with names of their own.

    `platforms` names the recipes of new agents.
    """

    def __init__(
        self,
        declared: Mapping[str, Attrs],
        numbers: list[ExportedNumber],
        platforms: RecipePlatforms,
    ) -> None:
        self._platforms = platforms
        self._names: dict[AgentKey, str] = {}
        # Of several agents with equal routes, the first name in the alphabet is used.
        for name, parts in sorted(declared.items(), reverse=True):
            self._names[_agent_key(parts)] = name

        without_trunk = {number.entry.agent for number in numbers if not number.entry.trunk}
        self._existing = without_trunk | self._names.keys()
        self._by_calls = self._index_by_calls(numbers)
        self._counts = Counter(self.of(number.entry) for number in numbers)
        self._counts.pop(NO_AGENT, None)

        # The largest group gets the plain name; of groups of equal size, the simplest one.
        new = self._counts.keys() - self._names.keys()
        self._new = sorted(new, key=lambda key: (-self._counts[key], _sort_key(key)))
        unique = UniqueNames(declared)
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

    def _index_by_calls(self, numbers: list[ExportedNumber]) -> dict[_Calls, AgentKey]:
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

    def sections(self) -> dict[str, tuple[Entry, ...]]:
        """Return the sections of the new agents: their recipes, and the agents themselves."""
        agents = self.entries()  # they name the recipes
        return {"platforms": self._platforms.entries(), "agents": agents}

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries of the new agents, sorted by name."""
        return tuple(sorted((self._entry(key) for key in self._new), key=lambda entry: entry.key))

    def _entry(self, key: AgentKey) -> Entry:
        count = self._counts[key]
        note = f"{count} number{'' if count == 1 else 's'}"
        if key.application:
            return Entry(self._names[key], Block((Entry("application", key.application),)), note)

        route = find_recipe(key)
        if route is not None:
            on_recipe = {"platform": self._platforms.name(route.recipe.type), "id": route.id}
            return Entry(self._names[key], on_recipe, note)

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
