"""Write a table of Markdown as far as there is room for it, and the sentence about what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reconciler.report.documents.types import Document
from reconciler.report.markdown.escape import fit_rows, head, size

ELSEWHERE = "`--format json` and `--report html=FILE` have everything."

Part = Callable[[Document, int], str]
"""(document, room) → Markdown that takes no more than the room."""


def write_table(
    title: str, total: int, rows: Iterable[str], room: int, columns: Sequence[str]
) -> str:
    """Return a table, without the last rows if they do not fit; empty when there are none."""
    if not total:
        return ""

    top = f"#### {title}\n\n{head(*columns)}"
    shown = list(fit_rows(rows, room - size(top) - 200))
    rest = total - len(shown)
    left_out = ""
    if rest:
        left_out = f"\n{rest:,} of {total:,} entries of this table are left out here. {ELSEWHERE}\n"
    return f"{top}{''.join(shown)}{left_out}\n"
