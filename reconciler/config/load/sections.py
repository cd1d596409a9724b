"""All sections but the numbers, each entry checked against its model; one bad entry leaves the others in peace."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.config.advice.findings import Finding, place_findings, suggest_options
from reconciler.config.codes import diagnostic
from reconciler.config.formats import spellings
from reconciler.config.load.merge import Merged
from reconciler.config.section_names import LIST_SECTION, NUMBER_SECTIONS, SECTIONS
from reconciler.config.sections.account import Account
from reconciler.config.sections.agent import Agent, Application
from reconciler.config.sections.declared import Checked, Settings
from reconciler.config.sections.fields import Section, describe_bad_name
from reconciler.config.sections.general import Defaults, Header, Safety
from reconciler.config.sections.policy import Lint, Policy
from reconciler.config.source.nodes import Int, Map, Place, Seq
from reconciler.config.source.source_line import mask_secrets
from reconciler.config.validation.pydantic_errors import VERSION_ADVICE, validate_entry
from reconciler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from reconciler.config.sections.platform import AnyPlatform

_HEADER = ("version", "project", "state", "fingerprint_key", "encryption_key")


def read_settings(merged: Merged) -> tuple[Settings, list[Diagnostic]]:
    """Check all sections but the numbers."""
    settings = Settings()
    problems = _top_level(merged)
    settings.complete = merged.complete and not any(
        problem.code == "wrong_type" for problem in problems
    )
    problems += _header(merged, settings)
    for section in _NAMED:
        if section in merged.parts:
            problems += _entries(merged, section, *_model_of(section), getattr(settings, section))
    settings.defaults_places = merged.entries("defaults")
    settings.defaults, found = _whole(merged, "defaults", Defaults)
    settings.safety, more = _whole(merged, "safety", Safety)
    settings.lint, last = _whole(merged, "lint", Lint)
    return settings, problems + found + more + last


def _model_of(section: str) -> tuple[Callable[[Any], Any], Any]:
    """What checks an entry of this section, and its model; the large ones are imported where they are used."""
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
    "accounts": Account,
    "agents": Agent,
    "applications": Application,
    "policies": Policy,
}


def _top_level(merged: Merged) -> list[Diagnostic]:
    """Unknown sections, and sections of the wrong shape."""
    problems: list[Diagnostic] = []
    for key, parts in merged.parts.items():
        for part in parts:
            if key not in SECTIONS:
                detail = _unknown(key, part, merged, look_above=len(problems) < _MOST_EXPLAINED)
                problems.append(diagnostic("unknown_key", detail, part.at("key")))
            elif key == LIST_SECTION:
                if not isinstance(part.node, Seq) and part.node is not None:
                    detail = f"`{key}` is a list: each `from` and `to` behind a dash."
                    problems.append(diagnostic("wrong_type", detail, part.at("value")))
            elif key not in _HEADER and not isinstance(part.node, Map) and part.node is not None:
                problems.append(
                    diagnostic("wrong_type", _no_section(key, part, merged), part.at("value"))
                )
    return problems


_MOST_EXPLAINED = 100
"""So many unknown keys are compared with all that stands above them."""


def _unknown(key: str, part: Place, merged: Merged, *, look_above: bool) -> str:
    """What is meant by a key at the top that is no section: another one, or an entry of the one above it."""
    detail = f"`{mask_secrets(key)}` means nothing at the top of a file."
    hint = suggest_options(key, list(SECTIONS))
    files = merged.parts.values() if look_above else ()
    above = [place for parts in files for place in parts if place.file == part.file]
    last = max(
        (place for place in above if place.key.line < part.key.line), key=_line, default=None
    )
    section = (
        next((name for name, parts in merged.parts.items() if last in parts), "")
        if last is not None
        else ""
    )
    if (
        last is not None
        and last.node is None
        and section in (*_NAMED, *NUMBER_SECTIONS, "defaults", "safety")
    ):
        return f"{detail} `{section}` above it is empty: if this belongs there, indent it by two spaces."
    if key[:1] == "+":
        return f"{detail} A phone number stands below `numbers`, indented."
    return f"{detail}{hint or ' There stand `version`, `project`, `accounts`, `agents`, `numbers` and the like.'}"


def _line(place: Place) -> int:
    return place.key.line


def _no_section(key: str, part: Place, merged: Merged) -> str:
    """How to write a section that is no mapping."""
    from reconciler.config.validation.examples import render_section_example

    example = (
        "phone numbers" if key in NUMBER_SECTIONS else "names" if key in _NAMED else "settings"
    )
    form = render_section_example(key, part.node, list(merged.entries("agents")))
    return f"`{key}` is a mapping of {example}: each on a line of its own, indented, with a colon.\n{form}"


_NAMED = ("accounts", "platforms", "agents", "applications", "trunks", "policies")


def _header(merged: Merged, settings: Settings) -> list[Diagnostic]:
    places = {key: merged.parts[key][0] for key in _HEADER if key in merged.parts}
    settings.header_places = places
    settings.header, findings = validate_entry(
        Header.model_validate, Header, {key: p.node for key, p in places.items()}
    )
    problems = _scattered(findings, places, merged)
    for place in merged.parts.get("version", [])[1:]:
        if type(place.node) is not Int or place.node != 1:
            problems.append(diagnostic("unsupported_version", VERSION_ADVICE, place.at("value")))
    return problems


def _scattered(
    findings: list[Finding], places: dict[str, Place], merged: Merged
) -> list[Diagnostic]:
    """Diagnostics of findings whose first segment tells in which file they are."""
    problems = []
    for finding in findings:
        place = places.get(str(finding.loc[0])) if finding.loc else None
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
    following = dict(pairwise(entries))
    for name, place in entries.items():
        value, findings = validate_entry(check, model, place.node)
        if place.node is None:
            findings = [
                Finding(
                    "missing_field",
                    _nothing_follows(name, following.get(name, ""), model),
                    (),
                    "key",
                )
            ]
        findings += _check_name(name)
        into[name] = Checked(place, value)
        problems += place_findings(
            findings, place, f"trunk/{name}" if section == "trunks" else None
        )
    return problems


def _nothing_follows(name: str, after: str, model: Any) -> str:
    fields = [
        spelling for field in getattr(model, "model_fields", ()) for spelling in spellings(field)
    ]
    if after in fields:
        return f"Nothing follows `{name}`. Is `{after}`, which comes next, meant to be part of it? Indent it further."
    return f"Nothing follows `{name}`: declare it, or remove the line."


def _check_name(name: str) -> list[Finding]:
    detail = describe_bad_name(name)
    return [Finding("invalid_name", detail, (), "key")] if detail else []


S = TypeVar("S", bound=Section)


def _whole(merged: Merged, section: str, model: type[S]) -> tuple[S, list[Diagnostic]]:
    """A section that is one value; what is invalid in it counts as not said."""
    places = merged.entries(section)
    value, findings = validate_entry(
        model.model_validate, model, {key: place.node for key, place in places.items()}
    )
    return value or model(), _scattered(findings, places, merged)
