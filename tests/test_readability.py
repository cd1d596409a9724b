"""Figures of readable code over the whole package, printed, and held below their limits.

A function "has paragraphs" when its body contains a blank line or a comment. Only functions of 12 lines or more count.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "reconciler"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
LONG_FUNCTION = 12
LONG_LINE = 100
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_WORDS = """
    told said kept made given known shown written sent gone left lost found meant built begun heard
    drawn chosen broken taken held hidden grown thrown seen done bought sold spent
"""
_IRREGULAR = frozenset(_WORDS.split())
"""Participles that do not end in -ed or -ing."""
_NO_PARTICIPLES = frozenset(
    ["need", "feed", "seed", "speed", "embed", "string", "ring", "listing", "setting"]
)
"""Verbs and nouns that only look like participles."""

DIALECT = (
    (r"told|tells? (of|by|from)", "report, name, detect or distinguish"),
    (r"let(s|ting)? go", "release, remove or delete"),
    (r"stands?(?!-)", "be, follow, expand to or match"),
    (r"that is none|which is none", "invalid"),
    (r"is nobody's|(reach|reaches|answers?) nobody", "not answered, or not used"),
    (r"nobody (has|had|knows|declared|declares|here|looks)", "not declared, unknown or unused"),
    (r"another's|is somebody's", "foreign, or of another project"),
    (r"of its own accord", "automatically"),
    (r"(is|are) said( of| to be)?", "document, state or apply to"),
    (r"what (\S+ ){1,3}says", "name what it contains or reports"),
    (r"(is|are) firm", "final"),
    (r"(is|are) meant", "intended"),
    (r"anew", "again"),
    (r"in the clear", "unencrypted, in clear text"),
    (r"whoever", "anyone who, or the user of"),
    (r"(is|are) heard of|heard of", "known or recorded"),
    (r"goes? round", "loop"),
)
"""Words of a private dialect → the plain term to use. Patterns match whole words of any case."""


class Function(NamedTuple):
    """One function: where it is, its name, its first docstring line, its length, and whether it has paragraphs."""

    place: str
    name: str
    summary: str
    lines: int
    has_paragraphs: bool


@cache
def sources() -> dict[str, str]:
    """Path of each module of the package → its text."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "_data" not in path.parts:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    return found


@cache
def functions() -> tuple[Function, ...]:
    """All functions and methods of the package."""
    return tuple(
        function for path, text in sources().items() for function in _functions_in(path, text)
    )


def _functions_in(path: str, text: str) -> Iterator[Function]:
    lines = text.splitlines()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}

    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        docstring = ast.get_docstring(node) or ""
        body = node.body[1:] if docstring else node.body
        end = node.end_lineno or node.lineno
        start = body[0].lineno if body else end
        rows = range(start, end + 1)
        has_paragraphs = any(row in comments or not lines[row - 1].strip() for row in rows)
        summary = docstring.splitlines()[0] if docstring else ""
        yield Function(
            f"{path}:{node.lineno}", node.name, summary, end - node.lineno + 1, has_paragraphs
        )


def is_participle(name: str) -> bool:
    """Return whether the first word of a name is a participle."""
    word = name.strip("_").split("_")[0]
    return word in _IRREGULAR or (word.endswith(("ed", "ing")) and word not in _NO_PARTICIPLES)


def share(part: int, whole: int) -> float:
    """Return a share in per cent."""
    return 100 * part / whole


def report(title: str, figure: float, limit: str, worst: list[str]) -> str:
    """Print one figure, and return the message for a failure."""
    print(f"{title}: {figure:.1f} ({limit})")
    return f"{title}: {figure:.1f}, {limit}:\n" + "\n".join(worst[:40])


def test_long_functions_have_paragraphs() -> None:
    long = [function for function in functions() if function.lines >= LONG_FUNCTION]
    dense = [function for function in long if not function.has_paragraphs]
    figure = 100 - share(len(dense), len(long))
    message = report(
        "Long functions with paragraphs, %",
        figure,
        "at least 80",
        [f"{f.place} {f.name}" for f in dense],
    )
    assert figure >= 80, message


def test_comprehensions_are_rare() -> None:
    total = sum(_count_code_lines(text) for text in sources().values())
    counts = {path: _comprehensions(text) for path, text in sources().items()}
    worst = sorted(counts, key=lambda path: -counts[path])
    figure = share(sum(counts.values()), total)
    message = report(
        "Comprehensions per 100 lines that are not blank",
        figure,
        "at most 2",
        [f"{path} {counts[path]}" for path in worst],
    )
    assert figure <= 2, message


def _count_code_lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _comprehensions(text: str) -> int:
    return sum(isinstance(node, _COMPREHENSIONS) for node in ast.walk(ast.parse(text)))


def test_names_are_no_participles() -> None:
    bad = [function for function in functions() if is_participle(function.name)]
    figure = share(len(bad), len(functions()))
    message = report(
        "Names that start with a participle, %",
        figure,
        "at most 2",
        [f"{f.place} {f.name}" for f in bad],
    )
    assert figure <= 2, message


def test_docstrings_are_statements() -> None:
    described = [function for function in functions() if function.summary]
    bad = [f for f in described if re.match(r"(What|Who|Whose|Whether|How)\b", f.summary)]
    figure = share(len(bad), len(described))
    worst = [f"{f.place} {f.summary}" for f in bad]
    message = report("Docstrings that start with a question word, %", figure, "at most 1", worst)
    assert figure <= 1, message


def test_lines_are_short() -> None:
    total = sum(text.count("\n") for text in sources().values())
    long = [
        f"{path}:{number}"
        for path, text in sources().items()
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > LONG_LINE
    ]
    figure = share(len(long), total)
    message = report(f"Lines over {LONG_LINE} characters, %", figure, "at most 1", long)
    assert figure <= 1, message


def prose() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each message and docstring, and of each line of a page."""
    for path, text in sources().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path}:{node.lineno}", node.value

    for page in [*PAGES, *sorted((ROOT / "docs").rglob("*.md"))]:
        lines = page.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            yield f"{page.relative_to(ROOT).as_posix()}:{number}", line


def find_dialect(text: str) -> list[str]:
    """Return each dialect phrase in a text, with the plain term; code and links do not count."""
    plain = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", text)
    plain = re.sub(r"\s+", " ", plain)
    found = []
    for pattern, term in DIALECT:
        for match in re.finditer(rf"\b(?:{pattern})\b", plain, re.IGNORECASE):
            found.append(f"{match[0]!r}, write: {term}")
    return found


def test_no_private_dialect() -> None:
    bad = [f"{place}: {phrase}" for place, text in prose() for phrase in find_dialect(text)]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The holder of the lock is told.", 1),
        ("Here stands a letter; a stand-in does not count.", 1),
        ("Release it: `what-is-said-of-a-trunk` is a name.", 0),
        ("A number that apply lets\ngo of.", 1),
    ],
)
def test_dialect_is_recognised(text: str, expected: int) -> None:
    assert len(find_dialect(text)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("told", True),
        ("_planned", True),
        ("reading", True),
        ("listing", False),
        ("load_state", False),
        ("seed", False),
    ],
)
def test_participles_are_recognised(name: str, expected: bool) -> None:
    assert is_participle(name) is expected
