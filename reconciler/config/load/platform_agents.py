"""Check the fields of agents that only some platforms have: their owner, what replaces the
id, and the sums of splits; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.advice.findings import Finding
from reconciler.config.sections.agent import Agent, read_platform_fields
from reconciler.config.sections.declared import Settings
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.kinds.platforms.split import TOLERANCE, parse_split, total_of
from reconciler.kinds.platforms.table import PLATFORM_KINDS


def check_platform_agent(agent: Agent, settings: Settings) -> Iterator[Finding]:
    """Check the fields of an agent against what the platform that runs it has."""
    used = read_platform_fields(agent)
    own = None
    if agent.platform is not None:
        declared = settings.platforms.get(agent.platform)
        if declared is None or declared.value is None:
            return  # the platform is unknown or invalid, which is an error of its own
        own = PLATFORM_KINDS[declared.value.type]

    known = {field.name for field in own.agent_fields} if own is not None else set()
    for name, titles in _list_owners().items():
        if name in used and name not in known:
            detail = f"`{name}` is for agents on {' or '.join(titles)}. Remove it."
            yield Finding("unsupported_feature", detail, (name,), "key")

    if own is not None:
        yield from _check_agent_name(agent, own)
        yield from _check_splits(used, own)


def _list_owners() -> dict[str, list[str]]:
    """Return the titles of the platforms that have each field of agents."""
    owners: dict[str, list[str]] = {}
    for kind in PLATFORM_KINDS.values():
        for field in kind.agent_fields:
            owners.setdefault(field.name, []).append(kind.title)
    return owners


def _check_agent_name(agent: Agent, kind: PlatformKind) -> Iterator[Finding]:
    """Check that the agent has exactly one of `id` and the fields that replace it."""
    possible = ["id"]
    for field in kind.agent_fields:
        if field.instead_of_id:
            possible.append(field.name)
    used = [name for name in possible if getattr(agent, name, None) is not None]

    if not used:
        wanted = " or ".join(f"`{name}`" for name in possible)
        yield Finding("missing_field", f"An agent on {kind.title} needs {wanted}.", (), "key")
    if len(used) > 1:
        named = " and ".join(f"`{name}`" for name in used)
        detail = f"An agent on {kind.title} cannot have {named}: keep one of them."
        yield Finding("conflicting_fields", detail, (used[-1],), "key")


def _check_splits(used: Mapping[str, str], kind: PlatformKind) -> Iterator[Finding]:
    """Check that the shares of a split have the form of this platform and the right sum."""
    for field in kind.agent_fields:
        if field.form != "split" or field.name not in used:
            continue

        split = parse_split(used[field.name])
        by_agent = field.shares == "agents"
        wanted = "`id` and `weight`" if by_agent else "`branch` and `percentage`"
        if any((share.id is not None) != by_agent for share in split):
            detail = f"{kind.title} divides calls by {wanted}."
            yield Finding("unsupported_feature", detail, (field.name,), "key")
            continue

        sizes = [share.weight if by_agent else share.percentage for share in split]
        total, right = sum(size or 0 for size in sizes), total_of(field.shares)
        if abs(total - right) > TOLERANCE:
            word = "weights" if by_agent else "percentages"
            detail = f"The sum of the {word} is {total:g}; it must be {right:g}."
            yield Finding("invalid_value", detail, (field.name,), "key")

        parts = [(share.id, share.version, share.branch) for share in split]
        if len(set(parts)) < len(parts):
            detail = "The split names one of its parts twice. Add up its shares."
            yield Finding("duplicate_key", detail, (field.name,), "key")
