"""Every code of a diagnostic that the package can produce, found in its source.

A code is a literal given for a parameter or a field called `code` (by name or by place), or a key of one of the tables
that turn codes into words. The sandbox speaks in the codes of those whom it plays; the rules of lint have a page of
their own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from reconciler.config.codes import SUMMARIES
from reconciler.config.lint_rules import RULES
from reconciler.remote.platforms.errors import CURES as PLATFORM_CURES
from reconciler.remote.twilio.cures import CURES

PACKAGE = Path(__file__).resolve().parents[2] / "reconciler"
_CONSTRUCTORS = {"Diagnostic", "at"}
"""`Diagnostic(…)` and `Diagnostic.at(place, …)`."""
_CODE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


@cache
def used() -> frozenset[str]:
    """All codes."""
    own = [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "sandbox"
    ]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in own]
    places = _places(trees)
    literals = {code for tree in trees for node in ast.walk(tree) for code in _given(node, places)}
    tables = set(SUMMARIES) | set(CURES) | set(PLATFORM_CURES)
    return frozenset((literals - set(RULES)) | tables)


def _places(trees: list[ast.Module]) -> Mapping[str, set[int]]:
    """Map each function or class to the positions of its `code`; two functions may share one name."""
    places: dict[str, set[int]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name):
                fields = [arg.arg for arg in node.args.args if arg.arg != "self"]
            case ast.ClassDef(name=name):
                fields = [
                    f.target.id
                    for f in node.body
                    if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)
                ]
            case _:
                continue
        if "code" in fields:
            places.setdefault(name, set()).add(fields.index("code"))
    return places


def _given(node: ast.AST, places: Mapping[str, set[int]]) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            for place in places.get(name, ()):
                if place < len(node.args):
                    yield from _literals(node.args[place])
            for keyword in node.keywords:
                if keyword.arg == "code" and (name in places or name in _CONSTRUCTORS):
                    yield from _literals(keyword.value)
        case ast.Assign(targets=[ast.Name(id="code")]):
            yield from _literals(node.value)


def _literals(node: ast.expr) -> Iterator[str]:
    """The codes that an expression may be."""
    match node:
        case ast.Constant(value=str(text)) if _CODE.fullmatch(text):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _literals(body)
            yield from _literals(orelse)
