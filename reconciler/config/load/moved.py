"""The `moved` section in, sound renames out: both addresses are names that we give, the old one is declared no longer.

Knows nothing of what state remembers; there a move that was made already means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.advice.findings import Finding, place_findings, suggest_options
from reconciler.config.load.merge import Merged
from reconciler.config.section_names import LIST_SECTION
from reconciler.config.sections.declared import Settings
from reconciler.config.sections.fields import describe_bad_name
from reconciler.config.sections.general import Move as Declared
from reconciler.config.source.nodes import Place
from reconciler.config.validation.pydantic_errors import validate_entry
from reconciler.diagnostics import Diagnostic
from reconciler.planning.identity.moved import Move, last_names

_SECTIONS = {"trunk": "trunks", "application": "applications", "agent": "agents"}
"""What has a name that may change: kind → section. A number has none, its address is the number."""


def read_moves(merged: Merged, settings: Settings) -> tuple[tuple[Move, ...], list[Diagnostic]]:
    """The renames of all files in their order, and what is wrong with any of them."""
    moves: list[tuple[Place, Move]] = []
    problems: list[Diagnostic] = []
    for place in (item for part in merged.parts.get(LIST_SECTION, []) for item in part.items()):
        value, findings = validate_entry(Declared.model_validate, Declared, place.node)
        if value is not None:
            findings += _addresses(value)
        if findings:
            problems += place_findings(findings, place)
        else:
            moves.append((place, Move(value.source, value.target, place.at("value"))))
    problems += _together(
        moves, {section: getattr(settings, section) for section in _SECTIONS.values()}, settings
    )
    return tuple(move for _, move in moves), problems


def _addresses(move: Declared) -> Iterator[Finding]:
    """What is wrong with two addresses by themselves."""
    for field, address in (("from", move.source), ("to", move.target)):
        kind, _, name = address.partition("/")
        if kind not in _SECTIONS:
            detail = (
                f"An address that can be moved is {', '.join(f'`{k}/NAME`' for k in _SECTIONS)}."
            )
            yield Finding("invalid_move", detail, (field,))
        elif bad := describe_bad_name(name):
            yield Finding("invalid_name", bad, (field,))
    if move.source.partition("/")[0] != move.target.partition("/")[0]:
        yield Finding("invalid_move", "Both addresses must be of one kind.", ("to",))
    elif move.source == move.target:
        yield Finding("invalid_move", "Both addresses are the same.", ("to",))


def _together(
    moves: list[tuple[Place, Move]],
    sections: Mapping[str, Mapping[str, object]],
    settings: Settings,
) -> Iterator[Diagnostic]:
    """What is wrong with them beside each other and beside what is declared."""
    ends = last_names({move.source: move.target for _, move in moves})
    sources: set[str] = set()
    targets: set[str] = set()
    for place, move in moves:
        kind, _, name = move.source.partition("/")
        section = _SECTIONS[kind]
        last = ends.get(move.target, move.target)
        findings = []
        if move.source in sources or move.target in targets:
            again = ("from", move.source) if move.source in sources else ("to", move.target)
            findings.append(
                Finding(
                    "duplicate_key",
                    f"`{again[1]}` is in another line of `moved` already.",
                    again[:1],
                )
            )
        elif name in sections[section]:
            detail = f"`{section}` still declares `{name}`: then it has not got another name. Remove one of the two."
            findings.append(Finding("invalid_move", detail, ("from",)))
        elif last is None:
            findings.append(Finding("invalid_move", "These moves lead in a circle.", ("to",)))
        elif last.partition("/")[2] not in sections[section] and settings.complete:
            findings.append(_missing(kind, last.partition("/")[2], sections[section]))
        sources.add(move.source)
        targets.add(move.target)
        yield from place_findings(findings, place)


def _missing(kind: str, name: str, declared: Mapping[str, object]) -> Finding:
    detail = (
        f"`{_SECTIONS[kind]}` declares no `{name}`.{suggest_options(name, declared)} "
        "When it is not wanted any more, remove this line along with it."
    )
    return Finding(f"{kind}_not_found", detail, ("to",))
