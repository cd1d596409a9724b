"""Recognise agents on recipes by their routes, and write the platforms that name the recipes; pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.source.write import Entry
from reconciler.export.names import UniqueNames
from reconciler.export.number_entry import AgentKey
from reconciler.kinds.platforms.recipes import VOICE_METHOD, Route, find_route


def find_recipe(key: AgentKey) -> Route | None:
    """Return the route of an agent that a recipe builds exactly; None for any other agent."""
    voice = key.voice
    if voice is None or key.hooks.keys() != {"voice"}:
        return None
    if voice.method != VOICE_METHOD or voice.fallback_url:
        return None
    return find_route(voice.url, "webhook")


class RecipePlatforms:
    """The names of platforms that are recipes: declared ones (`known`, name → type), and new ones.

    `taken` are the names of all declared platforms.
    """

    def __init__(self, known: Mapping[str, str], taken: frozenset[str]) -> None:
        self._unique = UniqueNames(taken)
        self._names: dict[str, str] = {}
        for name, type_ in sorted(known.items(), reverse=True):
            self._names[type_] = name
        self._new: dict[str, str] = {}

    def name(self, type_: str) -> str:
        """Return the name of the platform of this type; a new one is noted for `entries`."""
        if type_ not in self._names:
            self._names[type_] = self._new[type_] = self._unique.name(type_)
        return self._names[type_]

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries of the new platforms."""
        return tuple(Entry(name, {"type": type_}) for type_, name in sorted(self._new.items()))
