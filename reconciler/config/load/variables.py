"""Choose the value of each variable, and replace `${name}` in the strings of a configuration; every
problem has its place.

A value comes from, lowest first: `default`, `RECONCILER_VAR_name`, `--var-file`, `--var`. Values are
strings. They are inserted into parsed strings, so they can never change the structure of a file, and
they are not searched for variables again.

| place                                         | what happens with `${name}`                   |
|-----------------------------------------------|-----------------------------------------------|
| any string value                              | replaced                                      |
| `project`, a segment of the path of `state`   | replaced by letters, digits, `-` and `_` only |
| the rest of `state`                           | an error                                      |
| `include`, a secret                           | only a column of a fleet's row, by letters, digits, `-` and `_` only |
| `policies`, `variables`                       | not replaced                                  |
| a key                                         | not replaced                                  |
| a cell of a CSV file of numbers               | replaced                                      |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from typing import Any

import msgspec

from reconciler.config.advice.spelling import nearest_option
from reconciler.config.codes import diagnostic
from reconciler.config.load.secret_references import (
    REFERENCE,
    SAFE_VALUE,
    find_secrets,
    replace_in_references,
)
from reconciler.config.source.nodes import Map, Node, Place, Seq, Spot
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError
from reconciler.model.position import Position

SECTION = "variables"
ENVIRONMENT_PREFIX = "RECONCILER_VAR_"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNTOUCHED = frozenset({"include", "policies", SECTION})
"""Keys at the top whose strings are taken as they are written."""
_ROW = Place("the row of the fleet", None, Spot(0, 0), Spot(0, 0))
"""The place of a variable that a row of a fleet declares."""

MOST_INSERTED = 1 << 26
"""Characters that all variables of a configuration may insert: a short hostile file must not fill the
memory.
"""

_MOST_NAMED = 10
"""Declared variables that a message lists."""


Replace = Callable[[str, Place], str]
"""Returns a text at a place with its variables replaced."""


class Substitution(msgspec.Struct, frozen=True):
    """The problems that were found, the places whose text could not be completed, and the names
    given with `--var` that no file declares.
    """

    problems: list[Diagnostic]
    incomplete: frozenset[Position]
    unknown: tuple[str, ...]


def substitute(
    parts: Mapping[str, MutableSequence[Place]],
    entry_file: str,
    sources: VariableSources,
    file_values: Sequence[Place],
    *,
    all_sections: bool,
    read_more: Callable[[Replace], None],
) -> Substitution:
    """Replace the variables in all `parts`, in place.

    `file_values` are the mappings of `--var-file`, in order. Without `all_sections` the parts are
    only those of a header: a variable without a value is an error only where it is used.
    `read_more` then reads the files that the parts name, and replaces the variables in their texts.
    """
    variables, problems = _find_variables(parts, entry_file)
    for name in sources.row:
        variables.setdefault(name, _ROW)
    values, more = _choose_values(variables, sources, file_values)
    problems += more

    secrets = find_secrets(parts)
    if sources.row:
        problems += replace_in_references(secrets.values(), sources.row)
    replacer = _Replacer(variables, values, frozenset(secrets))
    for key, places in parts.items():
        if key in _UNTOUCHED:
            continue
        for index, place in enumerate(places):
            places[index] = replacer.replace_section(key, place)
    read_more(replacer.replace_text)
    problems += replacer.problems

    for name, place in variables.items():
        if name not in values and (all_sections or name in replacer.used):
            problems.append(_no_value(name, place))

    unknown = sorted(sources.given.keys() - variables.keys()) if sources.strict else ()
    return Substitution(problems, frozenset(replacer.incomplete), tuple(unknown))


def _find_variables(
    parts: Mapping[str, Sequence[Place]], entry_file: str
) -> tuple[dict[str, Place], list[Diagnostic]]:
    """Return the declared variables by name, and an error for those of an included file."""
    variables: dict[str, Place] = {}
    problems: list[Diagnostic] = []
    for part in parts.get(SECTION, ()):
        if part.file == entry_file:
            variables.update(part.entries())
        else:
            detail = f"`{SECTION}` must be in the entry file. Move it to {entry_file}."
            problems.append(diagnostic("variables_in_include", detail, part.at("key")))
    return variables, problems


def _choose_values(
    variables: Mapping[str, Place], sources: VariableSources, file_values: Sequence[Place]
) -> tuple[dict[str, str], list[Diagnostic]]:
    """Return the value of each variable that has one; a later source wins."""
    values: dict[str, str] = {}
    problems: list[Diagnostic] = []
    for name, place in variables.items():
        default = place.child("default")
        if default is not None and isinstance(default.node, str):
            values[name] = default.node
        if ENVIRONMENT_PREFIX + name in sources.environ:
            values[name] = sources.environ[ENVIRONMENT_PREFIX + name]

    for content in file_values:
        for name, place in content.entries().items():
            if name not in variables:
                problems.append(_unknown_name_warning(name, variables, place))
            elif isinstance(place.node, str):
                values[name] = place.node
            else:
                detail = f"The value of `{name}` must be a text: put it in quotes."
                problems.append(diagnostic("wrong_type", detail, place.at("value")))

    for name, value in sources.given.items():
        if name in variables:
            values[name] = value
    values.update(sources.row)

    # Bytes of the environment or of the command line that are no text.
    for name, value in values.items():
        if not value.isascii() and _LONE_SURROGATE.search(value):
            detail = f"The value of `{name}` is not UTF-8."
            problems.append(diagnostic("variable_not_allowed", detail, variables[name].at("key")))
            values[name] = "x"  # so that this is the only problem
    return values, problems


class _Replacer:
    """Replacer of the variables in the strings of a tree."""

    def __init__(
        self,
        variables: Mapping[str, Place],
        values: Mapping[str, str],
        secrets: frozenset[int],
    ) -> None:
        self._variables = variables
        self._values = values
        self.problems: list[Diagnostic] = []
        self.incomplete: set[Position] = set()
        self.used: set[str] = set()

        # An alias repeats a node: its strings are replaced once, so that `$${` stays an escape.
        # References to secrets count as done from the start.
        self._visited: set[int] = set(secrets)
        self._inserted = 0
        self._is_full = False

    def replace_section(self, key: str, place: Place) -> Place:
        """Return a section with its variables replaced; mappings and lists change in place."""
        text = place.node
        if not isinstance(text, str):
            self._visit(place)
            return place
        if "${" not in text:
            return place

        names_a_place = key in ("project", "state")
        allows = _path_segments(text) if key == "state" else _everywhere
        return place._replace(node=self._text(text, place, allows, safe=names_a_place))

    def replace_text(self, text: str, place: Place) -> str:
        """Return a text with its variables replaced."""
        return self._text(text, place, _everywhere)

    def _visit(self, place: Place) -> None:
        """Replace the variables in a mapping or a list."""
        node = place.node
        if not isinstance(node, Map | Seq) or id(node) in self._visited:
            return
        self._visited.add(id(node))

        children: list[tuple[str | int, Node]] = []
        if isinstance(node, Map):
            children += node.items()
        else:
            children += enumerate(node)
        for segment, child in children:
            if isinstance(child, str):
                if "${" in child:
                    self._replace_child(place, segment, child)
            elif isinstance(child, Map | Seq):
                below = place.child(segment)
                if below is not None:
                    self._visit(below)

    def _replace_child(self, parent: Place, segment: str | int, text: str) -> None:
        place = parent.child(segment)
        if place is None:
            return
        container: Any = parent.node
        container[segment] = self._text(text, place, _everywhere)

    def _text(
        self,
        text: str,
        place: Place,
        allows: Callable[[int], bool],
        *,
        safe: bool = False,
    ) -> str:
        """Return a text with its variables replaced; as it is written when that is not possible."""
        known = len(self.problems)
        whole = True
        pieces: list[str] = []
        end = 0
        for found in REFERENCE.finditer(text):
            pieces.append(text[end : found.start()])
            end = found.end()
            if found[0] == "$${":
                pieces.append("${")
                continue

            value = self._value(found, place, allowed=allows(found.start()), safe=safe)
            whole = whole and value is not None
            pieces.append(value or "")
            self._inserted += len(value or "")
            if self._inserted > MOST_INSERTED:
                self._report_limit(place)
                return text
        pieces.append(text[end:])

        if whole and len(self.problems) == known:
            return "".join(pieces)
        self.incomplete.add(place.at("value"))
        return text

    def _value(
        self, found: re.Match[str], place: Place, *, allowed: bool, safe: bool
    ) -> str | None:
        """Return the value of one reference; None, with an error, when it has none."""
        name = found[1]
        if name is None:
            detail = "`${` is not closed: write `${NAME}`, or `$${` for the text `${` itself."
            self._report("variable_unclosed", detail, place)
            return None
        if name not in self._variables:
            self._report("variable_not_declared", _explain_unknown(name, self._variables), place)
            return None

        self.used.add(name)
        if not allowed:
            detail = (
                f"In `state`, a variable may only be in the path: `${{{name}}}` would decide to "
                "which server or bucket the state goes. Write that part out."
            )
            self._report("variable_not_allowed", detail, place)
            return None

        # A variable without a value is reported once, where it is declared.
        value = self._values.get(name)
        if value is not None and safe and not SAFE_VALUE.fullmatch(value):
            detail = (
                f"The value of `{name}` has other characters than letters, digits, `-` and `_`, or "
                "is longer than 64. Only such values may be part of `project` and `state`."
            )
            self._report("variable_not_allowed", detail, place)
            return None
        return value

    def _report_limit(self, place: Place) -> None:
        """Report once that the values are too long together."""
        self.incomplete.add(place.at("value"))
        if not self._is_full:
            self._is_full = True
            detail = f"All values together fill more than {MOST_INSERTED:,} characters. Use shorter ones."
            self._report("variable_limit", detail, place)

    def _report(self, code: str, detail: str, place: Place) -> None:
        self.problems.append(diagnostic(code, detail, place.at("value")))


def _everywhere(start: int) -> bool:
    return True


def _path_segments(location: str) -> Callable[[int], bool]:
    """Return the test whether a position of a location is in its path."""
    begin = 0
    if "://" in location:
        authority = location.index("://") + 3
        slash = location.find("/", authority)
        begin = slash if slash >= 0 else len(location)

    ends = [location.find(mark, begin) for mark in "?#"]
    end = min([each for each in ends if each >= 0], default=len(location))
    return lambda start: begin <= start < end


def unknown_variable(name: str, declared: Sequence[str]) -> UsageError:
    """Return the error about a name of `--var` that no file declares."""
    near = nearest_option(name, declared)
    known = ", ".join(f"`{each}`" for each in declared[:_MOST_NAMED]) or "none"
    hint = f"Do you mean `{near}`?" if near else f"Declared are: {known}."
    return UsageError(
        Diagnostic(
            code="variable_not_declared",
            summary="The variable is not declared",
            detail=f"--var {name}: the entry file declares no variable `{name}`. {hint}",
        )
    )


def _no_value(name: str, place: Place) -> Diagnostic:
    detail = (
        f"Give `{name}` a value: a `default` here, `--var {name}=…`, a file with `--var-file`, or "
        f"{ENVIRONMENT_PREFIX}{name} in the environment."
    )
    return diagnostic("variable_not_set", detail, place.at("key"))


def _unknown_name_warning(name: str, variables: Mapping[str, Place], place: Place) -> Diagnostic:
    detail = f"The value is ignored: {_explain_unknown(name, variables)}"
    found = diagnostic("variable_not_declared", detail, place.at("key"))
    return msgspec.structs.replace(found, severity="warning")


def _explain_unknown(name: str, variables: Mapping[str, Place]) -> str:
    """Return which name may be meant, or how to declare this one."""
    plain = re.match(r"[\w-]*", name)
    if plain is not None and plain[0] and plain[0] != name:
        return (
            f"Only a name may be between the braces: write `${{{plain[0]}}}`, and declare its "
            f"`default` below `{SECTION}`."
        )
    near = nearest_option(name, variables)
    if near:
        return f"There is no variable `{name}`. Do you mean `{near}`?"
    return (
        f"There is no variable `{name}`. Declare it below `{SECTION}` in the entry file, or write "
        "`$${` for the text `${` itself."
    )
