"""All sections but the numbers, each entry checked against its model; one bad entry leaves the others in peace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import TypeAdapter

from reconciler.config.codes import diagnostic
from reconciler.config.fields import Section, bad_name
from reconciler.config.findings import Finding, known, placed
from reconciler.config.merge import NUMBER_SECTIONS, Merged
from reconciler.config.model import Config, Defaults, Header, Safety
from reconciler.config.nodes import Int, Map, Place
from reconciler.config.sections.account import Account
from reconciler.config.sections.agent import Agent, Application
from reconciler.config.sections.platform import AnyPlatform, Platform
from reconciler.config.sections.policy import Lint, Policy
from reconciler.config.sections.trunk import Trunk
from reconciler.config.translate import VERSION_ADVICE, validate
from reconciler.diagnostics import Diagnostic

T = TypeVar("T")
_HEADER = ("version", "project", "state", "fingerprint_key", "encryption_key")


class Checked(NamedTuple, Generic[T]):
    """A declared entry: where it stands, and its value (None when it is invalid)."""

    place: Place
    value: T | None


@dataclass
class Settings:
    """What is declared apart from numbers, as far as it is valid.

    `complete` is false when something could not be read: what seems to be missing may stand there.
    """

    complete: bool = True
    header: Header | None = None
    header_places: dict[str, Place] = field(default_factory=dict)
    accounts: dict[str, Checked[Account]] = field(default_factory=dict)
    platforms: dict[str, Checked[AnyPlatform]] = field(default_factory=dict)
    agents: dict[str, Checked[Agent]] = field(default_factory=dict)
    applications: dict[str, Checked[Application]] = field(default_factory=dict)
    trunks: dict[str, Checked[Trunk]] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    defaults_places: dict[str, Place] = field(default_factory=dict)
    safety: Safety = field(default_factory=Safety)
    lint: Lint = field(default_factory=Lint)
    policies: dict[str, Checked[Policy]] = field(default_factory=dict)


def read_settings(merged: Merged) -> tuple[Settings, list[Diagnostic]]:
    """Check all sections but the numbers."""
    settings = Settings()
    problems = _top_level(merged)
    settings.complete = merged.complete and not any(problem.code == "wrong_type" for problem in problems)
    problems += _header(merged, settings)
    for section, check, model in (
        ("accounts", Account.model_validate, Account),
        ("platforms", _platform, Platform),
        ("agents", Agent.model_validate, Agent),
        ("applications", Application.model_validate, Application),
        ("trunks", Trunk.model_validate, Trunk),
        ("policies", Policy.model_validate, Policy),
    ):
        if section in merged.parts:
            problems += _entries(merged, section, check, model, getattr(settings, section))
    settings.defaults_places = merged.entries("defaults")
    settings.defaults, found = _whole(merged, "defaults", Defaults)
    settings.safety, more = _whole(merged, "safety", Safety)
    settings.lint, last = _whole(merged, "lint", Lint)
    return settings, problems + found + more + last


def _platform(node: Any) -> AnyPlatform:
    adapter: TypeAdapter[AnyPlatform] = TypeAdapter(Platform)
    return adapter.validate_python(node)


def _top_level(merged: Merged) -> list[Diagnostic]:
    """Unknown sections, and sections of the wrong shape."""
    problems = []
    for key, parts in merged.parts.items():
        for part in parts:
            if key not in Config.model_fields:
                detail = f"`{key}` means nothing at the top of a file.{known(key, list(Config.model_fields))}"
                problems.append(diagnostic("unknown_key", detail, part.at("key")))
            elif key not in _HEADER and not isinstance(part.node, Map) and part.node is not None:
                example = "phone numbers" if key in NUMBER_SECTIONS else "names" if key in _NAMED else "settings"
                detail = f"`{key}` is a mapping of {example}: each on a line of its own, indented, with a colon."
                problems.append(diagnostic("wrong_type", detail, part.at("value")))
    return problems


_NAMED = ("accounts", "platforms", "agents", "applications", "trunks", "policies")


def _header(merged: Merged, settings: Settings) -> list[Diagnostic]:
    places = {key: merged.parts[key][0] for key in _HEADER if key in merged.parts}
    settings.header_places = places
    settings.header, findings = validate(Header.model_validate, Header, {key: p.node for key, p in places.items()})
    problems = _scattered(findings, places, merged)
    for place in merged.parts.get("version", [])[1:]:
        if type(place.node) is not Int or place.node != 1:
            problems.append(diagnostic("unsupported_version", VERSION_ADVICE, place.at("value")))
    return problems


def _scattered(findings: list[Finding], places: dict[str, Place], merged: Merged) -> list[Diagnostic]:
    """Diagnostics of findings whose first segment tells in which file they are."""
    problems = []
    for finding in findings:
        place = places.get(str(finding.loc[0])) if finding.loc else None
        if place is not None:
            problems += placed([finding._replace(loc=finding.loc[1:])], place)
        elif merged.complete:
            problems.append(diagnostic(finding.code, finding.detail, merged.start()))
    return problems


def _entries(
    merged: Merged, section: str, check: Callable[[Any], Any], model: Any, into: dict[str, Checked[Any]]
) -> list[Diagnostic]:
    problems = []
    for name, place in merged.entries(section).items():
        value, findings = validate(check, model, place.node)
        if place.node is None:
            findings = [
                Finding("missing_field", f"Nothing follows `{name}`: declare it, or remove the line.", (), "key")
            ]
        findings += _check_name(name)
        into[name] = Checked(place, value)
        problems += placed(findings, place, f"trunk/{name}" if section == "trunks" else None)
    return problems


def _check_name(name: str) -> list[Finding]:
    detail = bad_name(name)
    return [Finding("invalid_name", detail, (), "key")] if detail else []


S = TypeVar("S", bound=Section)


def _whole(merged: Merged, section: str, model: type[S]) -> tuple[S, list[Diagnostic]]:
    """A section that is one value; what is invalid in it counts as not said."""
    places = merged.entries(section)
    value, findings = validate(model.model_validate, model, {key: place.node for key, place in places.items()})
    return value or model(), _scattered(findings, places, merged)
