"""Drive every regular expression of the package with texts made to be slow.

Run as a module it prints a line of JSON for each pattern that uses too much CPU time. A search that begins anew at
every character takes minutes for these texts; one in proportion takes milliseconds.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import json
import pkgutil
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import reconciler

METHODS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
LENGTH = 40_000
BUDGET = 0.7
"""Seconds of CPU time, so that other processes do not count. Linear time takes milliseconds, quadratic time seconds."""
COMMON = (
    "a",
    "0",
    " ",
    ":",
    "-",
    ".",
    "'",
    '"',
    "a-",
    "a.",
    "- ",
    "://",
    "a:",
    "[",
    "#",
    "\n",
    "\t",
    "{",
    "@",
    "%41",
    "::",
)


class Use(NamedTuple):
    """A pattern as one call uses it."""

    place: str
    pattern: str | bytes
    flags: int
    method: str


class TooSlow(Exception):
    """The budget of CPU time is used up."""


def uses() -> tuple[list[Use], list[str]]:
    """Return every use of `re` in the package, and the places where the pattern could not be found out."""
    found, unknown = dict[Use, None](), list[str]()
    for name in module_names():
        module = importlib.import_module(name)
        path = Path(module.__file__ or "")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        compiled = {
            key: value for key, value in vars(module).items() if isinstance(value, re.Pattern)
        }
        methods = methods_by_name(tree)

        # A pattern in a table is used through a local name.
        indirect = set[str]().union(
            *(used for key, used in methods.items() if key not in compiled)
        ) - {"split"}
        for key, pattern in compiled.items():
            for method in methods.get(key) or indirect or METHODS:
                found[Use(f"{name}.{key}", pattern.pattern, pattern.flags, method)] = None
        for value in vars(module).values():
            for pattern in inner_patterns(value):
                for method in indirect or METHODS:
                    found[Use(name, pattern.pattern, pattern.flags, method)] = None

        of_names = {pattern.pattern for pattern in compiled.values()}
        for call in calls_of_re(tree):
            made = evaluate(call, module)
            if made is None:
                unknown.append(name)
                continue
            method = call.func.attr  # type: ignore[attr-defined]
            if method != "compile":
                found[Use(f"{name}:{call.lineno}", made.pattern, made.flags, method)] = None
            elif made.pattern not in of_names:
                unknown.append(name)
        if name in unknown:
            for text in texts_of_tables(module):
                found[Use(name, text, 0, "fullmatch")] = None
    return list(found), unknown


def texts_of_tables(module: Any) -> Iterator[str]:
    """Yield the patterns that a module keeps as texts in a table."""
    for value in vars(module).values():
        if isinstance(value, tuple):
            for row in value:
                text = row[0] if isinstance(row, tuple) and row else row
                if isinstance(text, str):
                    yield text


def module_names() -> Iterator[str]:
    for info in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not info.name.endswith("__main__") and not info.ispkg:
            yield info.name


def methods_by_name(tree: ast.Module) -> dict[str, set[str]]:
    """Return which methods a module calls on each name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr in METHODS
        ):
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


def inner_patterns(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns inside tables."""
    if depth and isinstance(value, tuple | list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            if isinstance(each, re.Pattern):
                yield each
            yield from inner_patterns(each, depth - 1)


def calls_of_re(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if (
                isinstance(owner, ast.Name)
                and owner.id == "re"
                and node.func.attr in (*METHODS, "compile")
            ):
                yield node


def evaluate(call: ast.Call, module: Any) -> re.Pattern[Any] | None:
    """Compile the pattern of a call; None when it is made of local names."""
    try:
        pattern = eval(compile(ast.Expression(call.args[0]), "", "eval"), vars(module))
        flags = [
            a
            for a in ast.walk(call)
            if isinstance(a, ast.Attribute) and a.attr in ("IGNORECASE", "I", "MULTILINE")
        ]
        return re.compile(pattern, sum({getattr(re, a.attr) for a in flags}))
    except NameError:
        return None


def texts(pattern: str | bytes, flags: int) -> Iterator[str]:
    """Yield long texts: each repetition of the pattern pumped, alone and after what leads to it, then spoilt."""
    source = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    parsed = _parser.parse(source, flags & (re.IGNORECASE | re.MULTILINE | re.VERBOSE | re.DOTALL))
    pieces, leads = dict[str, None](), {"": None}
    for lead, body in repeats(parsed, ""):
        leads[lead] = None
        pieces[sample(body)] = None
        for other in characters(body):
            pieces[other] = None
    pieces |= dict.fromkeys(COMMON)
    pieces = dict.fromkeys(itertools.islice((p for p in pieces if p), 40))
    for lead, piece in itertools.product(list(leads)[:4], pieces):
        for tail in ("", "\x01", "\n!"):
            yield lead + piece * (LENGTH // len(piece)) + tail
    for first, second in itertools.islice(itertools.permutations(pieces, 2), 60):
        yield (first + second) * (LENGTH // len(first + second)) + "\x01"


def repeats(parsed: Any, lead: str) -> Iterator[tuple[str, Any]]:
    """Yield (a text that leads to it, its body) of every repetition."""
    for operator, value in parsed:
        if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            _, high, body = value
            if high > 16:
                yield lead, body
            yield from repeats(body, lead)
        elif operator is sre.SUBPATTERN:
            yield from repeats(value[3], lead)
        elif operator is sre.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, lead)
        elif operator in (sre.ASSERT, sre.ASSERT_NOT):
            yield from repeats(value[1], lead)
        elif operator is sre.ATOMIC_GROUP:
            yield from repeats(value, lead)
        lead += sample([(operator, value)])


def sample(parsed: Any) -> str:
    """Return a short text that the parsed pattern matches, as nearly as this needs."""
    text = ""
    for operator, value in parsed:
        if operator is sre.LITERAL:
            text += chr(value)
        elif operator is sre.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif operator is sre.ANY:
            text += "a"
        elif operator is sre.IN:
            text += (list(members(value)) or ["a"])[0]
        elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            text += sample(value[2]) * max(1, value[0])
        elif operator is sre.SUBPATTERN:
            text += sample(value[3])
        elif operator is sre.BRANCH:
            text += sample(value[1][0])
        elif operator is sre.ATOMIC_GROUP:
            text += sample(value)
    return text


CATEGORIES = {sre.CATEGORY_DIGIT: "0", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a"}


def members(items: Any) -> Iterator[str]:
    """Yield characters of a class, some outside it where it is negated."""
    negated = items[0][0] is sre.NEGATE
    inside: list[str] = []
    for operator, value in items:
        if operator is sre.LITERAL:
            inside.append(chr(value))
        elif operator is sre.RANGE:
            inside.append(chr(value[0]))
        elif operator is sre.CATEGORY:
            inside.append(CATEGORIES.get(value, "!"))
    if negated:
        yield from (each for each in ("a", "0", " ", ":", "/", "-", '"', "@") if each not in inside)
    else:
        yield from inside


def characters(parsed: Any) -> Iterator[str]:
    for operator, value in parsed:
        if operator is sre.IN:
            yield from members(value)
        elif operator is sre.LITERAL:
            yield chr(value)
        elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield from characters(value[2])
        elif operator is sre.SUBPATTERN:
            yield from characters(value[3])
        elif operator is sre.BRANCH:
            for branch in value[1]:
                yield from characters(branch)


def run(use: Use, text: str) -> None:
    subject: Any = text.encode("utf-8", "replace") if isinstance(use.pattern, bytes) else text
    pattern: Any = re.compile(use.pattern, use.flags)
    if use.method in ("sub", "subn"):
        pattern.sub(b"" if isinstance(subject, bytes) else "", subject)
    elif use.method == "finditer":
        for _ in pattern.finditer(subject):
            pass
    else:
        getattr(pattern, use.method)(subject)


def stop(*_: object) -> None:
    raise TooSlow


def main() -> None:
    signal.signal(signal.SIGVTALRM, stop)
    found, unknown = uses()
    print(json.dumps({"uses": len(found), "unknown": unknown}))
    for use in found:
        for text in texts(use.pattern, use.flags):
            signal.setitimer(signal.ITIMER_VIRTUAL, BUDGET)
            try:
                run(use, text)
            except TooSlow:
                print(
                    json.dumps(
                        {
                            "place": use.place,
                            "pattern": str(use.pattern),
                            "method": use.method,
                            "text": text[:40],
                        }
                    ),
                    flush=True,
                )
                break
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    main()
