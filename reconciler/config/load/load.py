"""Load a configuration: return a `Project`, or raise all problems of the entry file and its
includes; also load the header alone, or a project without any file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from reconciler.config.desired.accounts import FROM_ENVIRONMENT, Accounts, account_from_environment
from reconciler.config.desired.agent_splits import compile_splits
from reconciler.config.desired.number_shapes import ShapeMaker
from reconciler.config.desired.numbers import NumberSection, find_duplicates
from reconciler.config.desired.own_trunks import find_unknown_users
from reconciler.config.desired.recipes import add_origination
from reconciler.config.desired.resource_sections import RESOURCE_SECTIONS
from reconciler.config.desired.shape_context import shape_context
from reconciler.config.desired.trunks import DesiredResources
from reconciler.config.lint.policies import find_violations, read_policies
from reconciler.config.lint.policy_view import policy_resources
from reconciler.config.lint.rule_checks import check_rules
from reconciler.config.lint.severity import apply_levels
from reconciler.config.load.build_project import build_project
from reconciler.config.load.cross_checks import check_sections
from reconciler.config.load.merge import EntryFile, Merged
from reconciler.config.load.moved import read_moves
from reconciler.config.load.sections import read_settings
from reconciler.config.project import Policy, Project, Safety, Secret
from reconciler.config.secrets.placement import check_hosts, check_secret_files, list_header_secrets
from reconciler.config.section_names import NUMBER_SECTIONS
from reconciler.config.sections.declared import Settings
from reconciler.config.source.nodes import Map
from reconciler.config.variable_sources import NO_SOURCES, VariableSources
from reconciler.diagnostics import Diagnostic, has_errors, sort_by_place
from reconciler.errors import ConfigInvalid
from reconciler.model.desired import Desired
from reconciler.planning.identity.moved import Move

_OF_NUMBERS = frozenset({"number_already_imported", "unquoted_number"})
"""Errors of the YAML that concern declared numbers only."""
_OF_VARIABLES = frozenset({"variable_not_declared", "variable_unclosed"})
"""Errors of a reference to a variable."""
_NO_TEXT = frozenset({"unquoted_number", "ambiguous_scalar"})
_ECHOES = frozenset(
    {
        "wrong_type",
        "invalid_value",
        "missing_field",
        "unknown_key",
        "unquoted_number",
        "invalid_phone_format",
    }
)
"""Codes that only repeat an error of the YAML at the same place."""


class _Content(NamedTuple):
    """Everything that the checked sections declare, and the problems that were found on the way."""

    numbers: tuple[NumberSection, NumberSection]
    number_urls: set[str]
    desired: list[Desired]
    secrets: Mapping[str, Mapping[str, Secret]]
    moves: tuple[Move, ...]
    policies: tuple[Policy, ...]
    problems: list[Diagnostic]


def load(
    entry: Path,
    *,
    environ: Mapping[str, str],
    display_root: Path | None = None,
    to_compare: bool = False,
    merged: Merged | None = None,
    variables: VariableSources = NO_SOURCES,
) -> Project:
    """Load the configuration that starts at `entry`.

    1. Read the files, and check all sections except the numbers.
    2. Read numbers, renames, trunks, applications and policies.
    3. Check where secrets come from and where they would be sent.
    4. Stop if there is any error; else apply policies and lint rules.

    `environ` supplies the account of a configuration that declares none, and the hosts that secrets
    may be sent to; no secret is needed. Diagnostics name files relative to `display_root`; without
    it, as `entry` names them. A configuration that is loaded only `to_compare` may name any host
    and any file: nothing connects to the hosts or reads the files. `merged` is the same
    configuration, if its files have been read already. `variables` are the sources of the values of
    variables.

    Raises `ConfigInvalid` with all diagnostics, including warnings, and `UsageError` for a value
    of a variable that is not declared.
    """
    merged = merged or Merged(entry, display_root, variables)
    settings, problems = read_settings(merged)
    accounts = _accounts(settings)
    problems += check_sections(settings, accounts)

    content = _read_content(merged, settings, accounts)
    problems += content.problems
    if not to_compare:
        problems += _check_secret_places(merged, settings, content.secrets, environ, problems)
    problems, yaml_errors = _settle_incomplete(problems, merged)
    diagnostics = sort_by_place(_remove_echoes(problems, yaml_errors))
    if settings.header is None or has_errors(diagnostics):
        raise ConfigInvalid(*diagnostics)

    diagnostics += _lint(settings, content)
    return build_project(
        merged,
        settings,
        settings.header,
        environ=environ,
        desired=content.desired,
        secrets=content.secrets,
        number_urls=content.number_urls,
        diagnostics=sort_by_place(apply_levels(diagnostics, settings.lint, merged.ignored_rules)),
        policies=content.policies,
        default_account=accounts.resolve_or_none(None),
        moves=content.moves,
    )


def load_header(
    entry: Path,
    *,
    environ: Mapping[str, str],
    display_root: Path | None = None,
    variables: VariableSources = NO_SOURCES,
    merged: EntryFile | None = None,
) -> Project:
    """Load the header of a configuration: name, state and keys, without any declaration.

    Only the entry file is read, since the header has to be there. Errors of other sections are not
    reported. `merged` is the same file, if it has been read already; its class decides which
    sections besides the header are read. Raises `ConfigInvalid`.
    """
    merged = merged or EntryFile(entry, display_root, variables)
    settings, problems = read_settings(merged)
    problems += _check_secret_places(merged, settings, {}, environ, problems)
    problems, yaml_errors = _settle_incomplete(problems, merged)

    yaml_errors = [d for d in yaml_errors if d.code not in _OF_NUMBERS]
    diagnostics = sort_by_place(_remove_echoes(problems, yaml_errors))
    if settings.header is None or has_errors(diagnostics):
        raise ConfigInvalid(*diagnostics)
    return build_project(
        merged,
        settings,
        settings.header,
        environ=environ,
        desired=[],
        secrets={},
        number_urls=set(),
        diagnostics=[],
        policies=(),
        default_account=None,
        moves=(),
    )


def load_undeclared(base: Path, environ: Mapping[str, str]) -> Project:
    """Return a project without any file: the account of the TWILIO_* variables, in this folder."""
    return Project(
        name="",
        state="./state.json",
        base=base,
        accounts={FROM_ENVIRONMENT: account_from_environment(environ)},
        platforms={},
        agents={},
        desired=[],
        safety=Safety(),
        our_urls=frozenset(),
        warnings=[],
        digest="",
        files=(),
        default_account=FROM_ENVIRONMENT,
    )


def _accounts(settings: Settings) -> Accounts:
    place = settings.defaults_places.get("account")
    default = place.node if place is not None and isinstance(place.node, str) else None
    return Accounts(
        settings.accounts or {FROM_ENVIRONMENT: None}, default, complete=settings.complete
    )


def _read_content(merged: Merged, settings: Settings, accounts: Accounts) -> _Content:
    shapes = ShapeMaker(shape_context(settings, accounts))
    numbers = _read_numbers(merged, shapes)
    problems: list[Diagnostic] = []
    for section in numbers:
        problems += section.diagnostics
    problems += find_duplicates(numbers)

    moves, move_problems = read_moves(merged, settings)
    policies, policy_problems = read_policies(settings.policies)
    problems += [*move_problems, *policy_problems]

    # What the numbers need of their trunks is known once they are read.
    settings.trunks = add_origination(settings.trunks, shapes.trunk_routes)
    desired, secrets = _compile_desired(settings, accounts, numbers)
    problems += find_unknown_users(settings, desired)
    return _Content(numbers, shapes.urls, desired, secrets, moves, policies, problems)


def _read_numbers(merged: Merged, shapes: ShapeMaker) -> tuple[NumberSection, NumberSection]:
    numbers = (
        NumberSection("number", shapes.number),
        NumberSection("bridge_number", shapes.bridge_number),
    )
    for section, name in zip(numbers, NUMBER_SECTIONS, strict=True):
        for part in merged.parts.get(name, []):
            if isinstance(part.node, Map):
                section.add(part.file, part.node)
    return numbers


def _compile_desired(
    settings: Settings, accounts: Accounts, numbers: Iterable[NumberSection]
) -> tuple[list[Desired], dict[str, Mapping[str, Secret]]]:
    """Return all desired resources, and the secrets that they hold by address and field."""
    resources = DesiredResources(accounts, settings.safety.takeover)
    for name in RESOURCE_SECTIONS:
        resources.add_section(name, settings.section(name))
    resources.trunks(settings.trunks)

    desired = [*resources.desired, *compile_splits(settings)]
    secrets: dict[str, Mapping[str, Secret]] = dict(resources.secrets)
    for section in numbers:
        desired += section.desired
        secrets.update(section.secrets)
    return desired, secrets


def _lint(settings: Settings, content: _Content) -> list[Diagnostic]:
    """Check the policies and the lint rules, which need a configuration without errors."""
    violations: list[Diagnostic] = []
    if content.policies:
        resources = policy_resources(settings, content.numbers, content.desired)
        violations = find_violations(content.policies, resources)
    return [*check_rules(settings, content.desired), *violations]


def _check_secret_places(
    merged: Merged,
    settings: Settings,
    secrets: Mapping[str, Mapping[str, Secret]],
    environ: Mapping[str, str],
    reported: list[Diagnostic],
) -> list[Diagnostic]:
    """Check where secrets come from and where they would be sent.

    Places that already have an error are left out: one problem per place is enough to act on.
    """
    references = list_header_secrets(settings)
    for fields in secrets.values():
        references += fields.values()

    erroneous = set()
    for d in reported:
        if d.severity == "error" and d.file is not None:
            erroneous.add(_place_of(d))

    found = [*check_hosts(settings, environ), *check_secret_files(references, merged.base, environ)]
    return [d for d in found if _place_of(d) not in erroneous]


def _settle_incomplete(
    problems: list[Diagnostic], merged: Merged
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Return the problems and the errors of the files, one for each text whose variables could not
    be replaced.

    What such a text will be is not known, so only its variable is reported; but a secret in a file
    is a secret, whatever its variables are.
    """
    if not merged.incomplete_texts:
        return problems, merged.diagnostics

    # A secret in a file is reported at its key, a variable at its text.
    secrets = {(each.file, each.line) for each in problems if each.code == "literal_secret"}
    settled: list[Diagnostic] = []
    for each in problems:
        if each.code == "literal_secret" or _place_of(each) not in merged.incomplete_texts:
            settled.append(each)
    errors: list[Diagnostic] = []
    for each in merged.diagnostics:
        if each.code not in _OF_VARIABLES or (each.file, each.line) not in secrets:
            errors.append(each)
    return settled, errors


def _remove_echoes(problems: list[Diagnostic], yaml_errors: list[Diagnostic]) -> list[Diagnostic]:
    """Return all problems, without those that only repeat an error of the YAML at the same place.

    A number without quotes that is no phone number either is one problem: the YAML error takes over
    the advice on how to write the phone number.
    """
    if not yaml_errors:
        return problems

    places = {_place_of(error) for error in yaml_errors}
    phone_advice: dict[object, str] = {}
    remaining: list[Diagnostic] = []
    for d in problems:
        place = _place_of(d)
        repeated = place in places
        if repeated and d.code == "invalid_phone_format":
            phone_advice[place] = d.detail
        if not (repeated and d.code in _ECHOES):
            remaining.append(d)

    errors = [_with_phone_advice(e, phone_advice.get(_place_of(e), "")) for e in yaml_errors]
    return errors + remaining


def _with_phone_advice(error: Diagnostic, advice: str) -> Diagnostic:
    if not advice or error.code not in _NO_TEXT:
        return error
    detail = f"To YAML this is no text: put it in quotes. {advice}"
    return msgspec.structs.replace(error, detail=detail)


def _place_of(d: Diagnostic) -> tuple[str | None, int | None, int | None]:
    return d.file, d.line, d.column
