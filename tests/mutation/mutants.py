"""List the mutants of one source file: small mistakes, each a replacement of a few bytes.

| kind       | mistake                                                                     |
|------------|-----------------------------------------------------------------------------|
| compare    | ``==`` ↔ ``!=``, ``<`` ↔ ``<=``, ``>`` ↔ ``>=``, ``in`` ↔ ``not in``, ``is`` ↔ ``is not`` |
| boolean    | ``and`` ↔ ``or``; one operand of them left out; ``not`` left out             |
| branch     | an ``if`` never or always taken, one side of a conditional expression alone |
| statement  | a call, an assignment, ``raise``, ``continue`` or ``break`` left out         |
| result     | None or an empty value returned                                             |
| constant   | True ↔ False, an integer one too large                                      |
| argument   | a keyword argument left out that is not required                            |

Annotations, docstrings, assertions and the texts of messages are never changed.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}

_EMPTY = {"list": "[]", "dict": "{}", "Mapping": "{}", "set": "set()", "tuple": "()", "str": "''"}
"""Type of a result → its empty value."""

_LEFT_OUT = frozenset({"summary", "detail", "message", "note", "strict"})
"""Keyword arguments that hold words for a reader, or that only check what is true anyway."""


class Mutant(NamedTuple):
    """One mistake: the bytes from `start` to `end` of the file become `replacement`.

    `before` and `after` are the code on one line, `function` is the place by name: they stay the
    same when lines move.
    """

    path: str
    function: str
    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int
    replacement: str

    def apply(self, source: bytes) -> bytes:
        """Return the source with this mistake."""
        return source[: self.start] + self.replacement.encode() + source[self.end :]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} in {self.function}: {self.before}  →  {self.after}"


def list_mutants(path: str, source: str) -> list[Mutant]:
    """Return all mutants of a file in the order of their places."""
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    finder = _Finder(path, source, vars(module))
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda mutant: (mutant.start, mutant.end, mutant.after))


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: str, names: dict[str, Any]) -> None:
        self.found: list[Mutant] = []
        self._names = names
        self._path = path
        self._scope: list[str] = []
        self._results: list[str] = []
        self._assigned: list[set[str]] = [set()]

        # `col_offset` counts bytes from the start of a line.
        self._starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def _add(
        self,
        node: ast.expr | ast.stmt,
        kind: str,
        after: str,
        before: str = "",
        replacement: str = "",
    ) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        code = replacement or after
        mutant = Mutant(
            path=self._path,
            function=".".join(self._scope) or "(module)",
            line=node.lineno,
            kind=kind,
            before=before or _one_line(node),
            after=after,
            start=self._starts[node.lineno - 1] + node.col_offset,
            end=self._starts[node.end_lineno - 1] + node.end_col_offset,
            replacement=f"({code})" if isinstance(node, ast.expr) else code,
        )
        self.found.append(mutant)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope.append(node.name)
        self._results.append(ast.unparse(node.returns) if node.returns else "")
        self._assigned.append({arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)})
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        self._visit_body(node.body)
        self._assigned.pop()
        self._results.pop()
        self._scope.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        self._visit_body(node.body)
        self._scope.pop()

    def visit_Module(self, node: ast.Module) -> None:
        self._visit_body(node.body)

    def _visit_body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not is_text:
                self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip words for a reader; Python 3.11 has no places within them."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Skip what only narrows a type."""

    def visit_Raise(self, node: ast.Raise) -> None:
        if "AssertionError" not in ast.unparse(node):
            self._add(node, "statement", "pass")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assigned[-1].update(_names(node.target))
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        # Without the first assignment to a name any test fails.
        names = {name for target in node.targets for name in _names(target)}
        if self._scope and names <= self._assigned[-1]:
            self._add(node, "statement", "pass")
        self._assigned[-1] |= names
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "statement", "pass")
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Yield | ast.YieldFrom):
            self._add(node, "statement", "pass")
        else:
            self._add(node, "statement", "yield from ()")
        self.visit(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._add(node, "statement", "pass")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "statement", "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._add(node, "statement", "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            return
        found = self._results[-1].partition("[")[0]
        empty = _EMPTY.get(found, "None")
        if found != "bool" and ast.unparse(node.value) != empty:
            self._add(node, "result", f"return {empty}")
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        for value in ("False", "True"):
            self._add(node.test, "branch", value, f"if {_one_line(node.test)}")
        self.visit(node.test)
        self._visit_body(node.body)
        self._visit_body(node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        for side in (node.body, node.orelse):
            self._add(node, "branch", ast.unparse(side))
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._add(test, "branch", "True", f"if {_one_line(test)}")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, operator in enumerate(node.ops):
            opposite = _OPPOSITES[type(operator)]()
            operators = [*node.ops[:index], opposite, *node.ops[index + 1 :]]
            changed = ast.Compare(node.left, operators, node.comparators)
            self._add(node, "compare", ast.unparse(changed))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._add(node, "boolean", ast.unparse(ast.BoolOp(other, node.values)))
        for index in range(len(node.values)):
            rest = [*node.values[:index], *node.values[index + 1 :]]
            changed = ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
            self._add(node, "boolean", ast.unparse(changed))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, "boolean", ast.unparse(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, "constant", str(not node.value))
        elif isinstance(node.value, int):
            self._add(node, "constant", str(node.value + 1))

    def visit_Call(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in _LEFT_OUT:
                continue
            if self._is_required(node.func, keyword.arg):
                continue
            rest = [other for other in node.keywords if other is not keyword]
            changed = ast.Call(node.func, node.args, rest)
            function = ast.unparse(node.func)
            before = f"{function}(… {_one_line(keyword)} …)"
            self._add(node, "argument", f"{function}(… …)", before, ast.unparse(changed))

        self.visit(node.func)
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg not in _LEFT_OUT:
                self.visit(keyword.value)

    def _is_required(self, function: ast.expr, name: str) -> bool:
        """Return whether a call without this argument fails: then any test notices it."""
        found: Any = self._names
        for part in ast.unparse(function).split("."):
            found = found.get(part) if found is self._names else getattr(found, part, None)
        if not callable(found):
            return False
        parameter = inspect.signature(found).parameters.get(name)
        return parameter is not None and parameter.default is inspect.Parameter.empty


def _names(target: ast.expr) -> Iterator[str]:
    """Yield the names that an assignment binds; none for an attribute or an item."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _one_line(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
