"""Read and check the `moved` section: return renames whose old name is no longer declared, and the
problems of the others; pure.

The state is not looked at: a rename that it has already followed has no effect there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.config.advice.findings import Finding, place_findings, suggest_options
from reconciler.config.desired.resource_sections import RESOURCE_SECTIONS
from reconciler.config.load.merge import Merged
from reconciler.config.section_names import MOVES
from reconciler.config.sections.checks import describe_bad_name
from reconciler.config.sections.declared import Settings
from reconciler.config.sections.general import Move as Declared
from reconciler.config.source.nodes import Place
from reconciler.config.validation.pydantic_errors import validate_entry
from reconciler.diagnostics import Diagnostic
from reconciler.model.address import Address
from reconciler.planning.identity.moved import Move, last_names

_SECTIONS = {
    "trunk": "trunks",
    **{row.kind: section for section, row in RESOURCE_SECTIONS.items()},
    "agent": "agents",
}
"""Kinds whose names may change → section. A number cannot be renamed: its address is the number."""


def read_moves(merged: Merged, settings: Settings) -> tuple[tuple[Move, ...], list[Diagnostic]]:
    """Return the renames of all files in their order, and their problems."""
    moves: list[tuple[Place, Move]] = []
    problems: list[Diagnostic] = []
    for part in merged.parts.get(MOVES, []):
        for place in part.items():
            value, findings = validate_entry(Declared.model_validate, Declared, place.node)
            if value is not None:
                findings += _check_addresses(value)
            if findings:
                problems += place_findings(findings, place)
            else:
                moves.append((place, Move(value.source, value.target, place.at("value"))))

    sections = {section: settings.section(section) for section in _SECTIONS.values()}
    problems += _check_moves(moves, sections, settings)
    return tuple(move for _, move in moves), problems


def _check_addresses(move: Declared) -> Iterator[Finding]:
    """Check the two addresses of a rename by themselves."""
    for field, address in (("from", move.source), ("to", move.target)):
        kind, name = Address.parse(address)
        if kind not in _SECTIONS:
            forms = ", ".join(f"`{kind}/NAME`" for kind in _SECTIONS)
            detail = f"An address that can be moved is {forms}."
            yield Finding("invalid_move", detail, (field,))
        elif bad := describe_bad_name(name):
            yield Finding("invalid_name", bad, (field,))

    if Address.parse(move.source).kind != Address.parse(move.target).kind:
        yield Finding("invalid_move", "Both addresses must be of one kind.", ("to",))
    elif move.source == move.target:
        yield Finding("invalid_move", "Both addresses are the same.", ("to",))


def _check_moves(
    moves: list[tuple[Place, Move]],
    sections: Mapping[str, Mapping[str, object]],
    settings: Settings,
) -> Iterator[Diagnostic]:
    """Check the renames against each other and against the declared names."""
    ends = last_names({move.source: move.target for _, move in moves})
    sources: set[str] = set()
    targets: set[str] = set()
    for place, move in moves:
        # A resource may be renamed several times; only its last name must be declared.
        kind, name = Address.parse(move.source)
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
            detail = (
                f"`{section}` still declares `{name}`, so it was not renamed. Remove this line "
                "or that entry."
            )
            findings.append(Finding("invalid_move", detail, ("from",)))
        elif last is None:
            findings.append(Finding("invalid_move", "These moves lead in a circle.", ("to",)))
        elif Address.parse(last).name not in sections[section] and settings.complete:
            findings.append(_not_found(kind, Address.parse(last).name, sections[section]))

        sources.add(move.source)
        targets.add(move.target)
        yield from place_findings(findings, place)


def _not_found(kind: str, name: str, declared: Mapping[str, object]) -> Finding:
    detail = (
        f"`{_SECTIONS[kind]}` declares no `{name}`.{suggest_options(name, declared)} "
        "If the resource is no longer needed, remove this line too."
    )
    return Finding(f"{kind}_not_found", detail, ("to",))
