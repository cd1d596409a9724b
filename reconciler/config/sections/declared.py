"""Define the results of validation: `Settings`, all declared sections except the numbers, and
`Checked`, one entry with its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from reconciler.config.sections.account import Account
from reconciler.config.sections.agent import Agent, Application
from reconciler.config.sections.general import Defaults, Header, Safety, Variable
from reconciler.config.sections.messaging_service import MessagingService
from reconciler.config.sections.policy import Lint, Policy
from reconciler.config.source.nodes import Place
from reconciler.kinds.platforms.recipes import Route

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform
    from reconciler.config.sections.trunk import Trunk


T = TypeVar("T")


class Checked(NamedTuple, Generic[T]):
    """A declared entry: its place, and its value (None when it is invalid)."""

    place: Place
    value: T | None


class Settings(msgspec.Struct):
    """The valid declarations of all sections except the numbers.

    `complete` is false when a file could not be read: an entry that seems to be missing may be in it.
    `recipes` are the platforms that are recipes, with their types, and `recipe_routes` the routes to
    the agents on them; they are neither in `platforms` nor on a platform any more.
    `resources` holds the sections whose entries are resources, except the trunks.
    """

    complete: bool = True
    header: Header | None = None
    header_places: dict[str, Place] = {}
    variables: dict[str, Checked[Variable]] = {}
    accounts: dict[str, Checked[Account]] = {}
    platforms: dict[str, Checked[AnyPlatform]] = {}
    agents: dict[str, Checked[Agent]] = {}
    trunks: dict[str, Checked[Trunk]] = {}
    defaults: Defaults = msgspec.field(default_factory=Defaults)
    defaults_places: dict[str, Place] = {}
    safety: Safety = msgspec.field(default_factory=Safety)
    lint: Lint = msgspec.field(default_factory=Lint)
    policies: dict[str, Checked[Policy]] = {}
    recipes: dict[str, str] = {}
    recipe_routes: dict[str, Route] = {}
    resources: dict[str, dict[str, Checked[Any]]] = {}

    @property
    def applications(self) -> dict[str, Checked[Application]]:
        """The TwiML applications."""
        return self.resources.get("applications", {})

    @property
    def messaging_services(self) -> dict[str, Checked[MessagingService]]:
        """The messaging services."""
        return self.resources.get("messaging_services", {})

    def section(self, name: str) -> dict[str, Checked[Any]]:
        """Return the entries of a section with names."""
        if name in _WITH_OWN_FIELD:
            entries: dict[str, Checked[Any]] = getattr(self, name)
            return entries
        return self.resources.setdefault(name, {})


_WITH_OWN_FIELD = frozenset(Settings.__struct_fields__) - {"resources"}
