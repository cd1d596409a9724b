"""Compile the splits that belong to an agent itself, each into one registration of that agent, and
find agents that are declared with two of them; pure.

A split into branches is one for all numbers of an agent, so it is no attribute of a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reconciler.config.advice.findings import Finding, place_findings
from reconciler.config.sections.agent import read_platform_fields
from reconciler.config.sections.declared import Settings
from reconciler.config.source.nodes import Place
from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.split import format_split, parse_split
from reconciler.kinds.platforms.table import PLATFORM_KINDS, agent_address, agent_key
from reconciler.kinds.table import REGISTRATION
from reconciler.model.desired import Desired, Options, Profile


class _Declared(NamedTuple):
    """The split of one agent: its name in the configuration, and its id on the platform."""

    name: str
    platform: str
    id: str
    split: str
    place: Place


def compile_splits(settings: Settings) -> list[Desired]:
    """Return one registration for each agent that divides its calls between its branches."""
    compiled: dict[str, Desired] = {}
    for each in _list_splits(settings):
        options = Options(agent=each.name, takeover=settings.safety.takeover)
        address = agent_address(each.platform, each.id)
        compiled.setdefault(
            address,
            Desired(
                REGISTRATION,
                address,
                agent_key(each.id),
                Profile(each.platform, {"split": each.split}, options),
                each.place.at("key"),
            ),
        )
    return [*compiled.values()]


def find_contradictions(settings: Settings) -> Iterator[Diagnostic]:
    """Report agents of one id whose splits differ: the platform has one split for each id."""
    first: dict[tuple[str, str], _Declared] = {}
    for each in _list_splits(settings):
        other = first.setdefault((each.platform, each.id), each)
        if other.split != each.split:
            detail = (
                f"The agent `{other.name}` has the same id and another split, and the platform has "
                "one split for each id. Give both the same split, or remove one."
            )
            finding = Finding("conflicting_fields", detail, ("split",), "key")
            yield from place_findings([finding], each.place, None)


def _list_splits(settings: Settings) -> Iterator[_Declared]:
    for name, (place, agent) in settings.agents.items():
        if agent is None or agent.platform is None or agent.id is None:
            continue
        platform = settings.platforms.get(agent.platform)
        if platform is None or platform.value is None:
            continue

        text = read_platform_fields(agent).get("split")
        if text is not None and _has_own_split(platform.value.type):
            yield _Declared(name, agent.platform, agent.id, _without_zeros(text), place)


def _has_own_split(platform_type: str) -> bool:
    """Return whether agents of this type of platform divide their calls between branches."""
    fields = PLATFORM_KINDS[platform_type].agent_fields
    return any(field.form == "split" and field.shares == "branches" for field in fields)


def _without_zeros(text: str) -> str:
    """Return the text of a split without branches that get no calls."""
    return format_split([share for share in parse_split(text) if share.percentage])
