"""Validate all sections except the numbers, each entry against its model; return them as
`Settings`, with all problems.

An invalid entry does not hide errors in the others.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.config.advice.findings import Finding, place_findings, suggest_options
from reconciler.config.codes import diagnostic
from reconciler.config.desired.recipes import expand_recipes
from reconciler.config.desired.resource_sections import RESOURCE_SECTIONS
from reconciler.config.formats import spellings
from reconciler.config.load.merge import Merged
from reconciler.config.section_names import (
    HEADER_KEYS,
    LIST_SECTIONS,
    MOVES,
    NUMBER_FILES,
    NUMBER_GROUPS,
    NUMBER_SECTIONS,
    SECTIONS,
)
from reconciler.config.sections.account import Account
from reconciler.config.sections.agent import AnyAgent
from reconciler.config.sections.checks import describe_bad_name
from reconciler.config.sections.declared import Checked, Settings
from reconciler.config.sections.fields import Section
from reconciler.config.sections.general import Defaults, Header, Safety, Variable
from reconciler.config.sections.policy import Lint, Policy
from reconciler.config.source.nodes import Int, Map, Place, Seq
from reconciler.config.source.source_line import mask_secrets
from reconciler.config.validation.pydantic_errors import VERSION_ADVICE, validate_entry
from reconciler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform


def read_settings(merged: Merged) -> tuple[Settings, list[Diagnostic]]:
    """Check all sections except the numbers."""
    settings = Settings()
    problems = _top_level(merged)
    # A section of the wrong type hides its entries: no reference to it may be called missing.
    settings.complete = merged.complete and not any(
        problem.code == "wrong_type" for problem in problems
    )
    problems += _header(merged, settings)

    for section in _NAMED:
        if section in merged.parts:
            problems += _entries(merged, section, *_model_of(section), settings.section(section))

    settings.defaults_places = merged.entries("defaults")
    settings.defaults, found = _whole(merged, "defaults", Defaults)
    settings.safety, more = _whole(merged, "safety", Safety)
    settings.lint, last = _whole(merged, "lint", Lint)
    problems += found + more + last
    return settings, problems + expand_recipes(settings)


def _model_of(section: str) -> tuple[Callable[[Any], Any], Any]:
    """Return the function that checks an entry of this section, and its model.

    The two large models are imported only for a configuration that has such a section.
    """
    match section:
        case "platforms":
            from pydantic import TypeAdapter

            from reconciler.config.sections.platform import Platform

            platforms: TypeAdapter[AnyPlatform] = TypeAdapter(Platform)
            return platforms.validate_python, Platform
        case "trunks":
            from reconciler.config.sections.trunk import Trunk

            return Trunk.model_validate, Trunk
        case _:
            model = _SMALL[section]
            return model.model_validate, model


_SMALL: dict[str, type[Section]] = {
    "variables": Variable,
    "accounts": Account,
    "agents": AnyAgent,
    "policies": Policy,
    **{name: row.model for name, row in RESOURCE_SECTIONS.items()},
}


def _top_level(merged: Merged) -> list[Diagnostic]:
    """Unknown sections, and sections of the wrong shape."""
    problems: list[Diagnostic] = []
    for key, parts in merged.parts.items():
        for part in parts:
            if key not in SECTIONS:
                look_above = len(problems) < _MOST_EXPLAINED
                detail = _explain_unknown(key, part, merged, look_above=look_above)
                problems.append(diagnostic("unknown_key", detail, part.at("key")))

            elif key in LIST_SECTIONS:
                if not isinstance(part.node, Seq) and part.node is not None:
                    detail = f"`{key}` is a list: {_LIST_FORMS[key]}."
                    problems.append(diagnostic("wrong_type", detail, part.at("value")))

            elif (
                key not in HEADER_KEYS and not isinstance(part.node, Map) and part.node is not None
            ):
                detail = _explain_section(key, part, merged)
                problems.append(diagnostic("wrong_type", detail, part.at("value")))
    return problems


_MOST_EXPLAINED = 100
"""The number of unknown keys that are compared with all keys above them."""


def _explain_unknown(key: str, part: Place, merged: Merged, *, look_above: bool) -> str:
    """Explain a key at the top that is no section: another section, or an entry of the one above."""
    detail = f"`{mask_secrets(key)}` is not a section."
    above = _section_above(part, merged) if look_above else None
    if above is not None:
        return (
            f"{detail} `{above}` above it is empty: if this belongs there, indent it by two spaces."
        )
    if key[:1] == "+":
        return f"{detail} A phone number belongs below `numbers`, indented."

    hint = suggest_options(key, list(SECTIONS))
    return detail + (
        hint or " Sections are `version`, `project`, `accounts`, `agents`, `numbers` and so on."
    )


def _section_above(part: Place, merged: Merged) -> str | None:
    """Return the section right above this key, if it is empty and takes entries."""
    nearest: tuple[str, Place] | None = None
    for name, parts in merged.parts.items():
        for place in parts:
            if place.file != part.file or place.key.line >= part.key.line:
                continue
            if nearest is None or place.key.line > nearest[1].key.line:
                nearest = name, place

    if nearest is None or nearest[1].node is not None:
        return None
    return nearest[0] if nearest[0] in _WITH_ENTRIES else None


def _explain_section(key: str, part: Place, merged: Merged) -> str:
    """Return how to write a section that is no mapping."""
    from reconciler.config.validation.examples import render_section_example

    content = "settings"
    if key in NUMBER_SECTIONS:
        content = "phone numbers"
    elif key in _NAMED:
        content = "names"
    form = render_section_example(key, part.node, list(merged.entries("agents")))
    return (
        f"`{key}` is a mapping of {content}: each on a line of its own, indented, with a colon.\n"
        f"{form}"
    )


_LIST_FORMS = {
    MOVES: "each `from` and `to` behind a dash",
    NUMBER_GROUPS: 'each group behind a dash, `- numbers: ["+15550100101"]` and its fields below',
    NUMBER_FILES: "each file behind a dash, `- file: numbers.csv`",
}
_NAMED = ("variables", "accounts", "platforms", "agents", *RESOURCE_SECTIONS, "trunks", "policies")
_WITH_ENTRIES = (*_NAMED, *NUMBER_SECTIONS, "defaults", "safety")


def _header(merged: Merged, settings: Settings) -> list[Diagnostic]:
    places = {key: merged.parts[key][0] for key in HEADER_KEYS if key in merged.parts}
    settings.header_places = places
    settings.header, findings = validate_entry(
        Header.model_validate, Header, {key: p.node for key, p in places.items()}
    )
    problems = _place_by_key(findings, places, merged)

    # Each file may repeat `version`; the model above has seen only the first one.
    for place in merged.parts.get("version", [])[1:]:
        if type(place.node) is not Int or place.node != 1:
            problems.append(diagnostic("unsupported_version", VERSION_ADVICE, place.at("value")))
    return problems


def _place_by_key(
    findings: list[Finding], places: dict[str, Place], merged: Merged
) -> list[Diagnostic]:
    """Return the diagnostics of findings whose first segment is a key at the top of some file."""
    problems: list[Diagnostic] = []
    for finding in findings:
        place = places.get(str(finding.loc[0])) if finding.loc else None

        # In an incomplete configuration, a missing section may be in the file that is missing.
        if place is not None:
            problems += place_findings([finding._replace(loc=finding.loc[1:])], place)
        elif merged.complete:
            problems.append(diagnostic(finding.code, finding.detail, merged.start()))
    return problems


def _entries(
    merged: Merged,
    section: str,
    check: Callable[[Any], Any],
    model: Any,
    into: dict[str, Checked[Any]],
) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    entries = merged.entries(section)
    next_names = dict(pairwise(entries))
    for name, place in entries.items():
        value, findings = validate_entry(check, model, place.node)
        if place.node is None:
            # The model would report each required field; the cause is one: the entry is empty.
            detail = _explain_empty(name, next_names.get(name, ""), model)
            findings = [Finding("missing_field", detail, (), "key")]
        findings += _check_name(name)

        into[name] = Checked(place, value)
        address = f"trunk/{name}" if section == "trunks" else None
        problems += place_findings(findings, place, address)
    return problems


def _explain_empty(name: str, next_name: str, model: Any) -> str:
    for field in getattr(model, "model_fields", ()):
        if next_name in spellings(field):
            return (
                f"Nothing follows `{name}`. Is `{next_name}`, which comes next, meant to be part "
                "of it? Indent it further."
            )
    return f"Nothing follows `{name}`: declare it, or remove the line."


def _check_name(name: str) -> list[Finding]:
    detail = describe_bad_name(name)
    return [Finding("invalid_name", detail, (), "key")] if detail else []


S = TypeVar("S", bound=Section)


def _whole(merged: Merged, section: str, model: type[S]) -> tuple[S, list[Diagnostic]]:
    """Return a section that is one value; an invalid one counts as not declared."""
    places = merged.entries(section)
    value, findings = validate_entry(
        model.model_validate, model, {key: place.node for key, place in places.items()}
    )
    return value or model(), _place_by_key(findings, places, merged)
