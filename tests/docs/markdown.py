"""The Markdown files of the project, taken apart: headings, links, blocks of code, commands, spans of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.reference import slug

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"^(?:\$ )?(?:\S*/)?reconciler (?P<words>.+)$")


class Block(NamedTuple):
    """A fenced block of code."""

    page: Path
    language: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{relative(self.page)}:{self.line}"


def relative(path: Path) -> str:
    """A path as it is named in the project."""
    return path.relative_to(ROOT).as_posix()


def blocks(language: str = "") -> list[Block]:
    """All blocks of code in a language, in all pages; in every language when none is given."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if language in ("", match[1]):
                found.append(
                    Block(page, match[1], match[2], text.count("\n", 0, match.start()) + 1)
                )
    return found


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    return {slug(heading) for heading in re.findall(r"^#+ (.+?)\s*$", prose(page), re.MULTILINE)}


def links(page: Path) -> list[str]:
    """The targets of a page's links that lead to somewhere in the project."""
    targets = _LINK.findall(_SPAN.sub("", prose(page)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def spans(page: Path) -> list[str]:
    """What a page sets as code within a line."""
    return _SPAN.findall(prose(page))


def commands(page: Path) -> Iterator[str]:
    """The words after `reconciler` in every command line of a page."""
    lines = [
        line.strip()
        for block in blocks("sh")
        if block.page == page
        for line in block.text.splitlines()
    ]
    parts = [
        part.strip()
        for line in lines
        for part in re.split(r"&&|\|\||[|;]", line.partition(" #")[0])
    ]
    for text in [*parts, *spans(page)]:
        match = _COMMAND.match(text)
        if match is not None:
            yield re.sub(r"\s+[<>&].*$", "", match["words"])
