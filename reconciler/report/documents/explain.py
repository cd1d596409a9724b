"""The document of `explain`."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.explanations import Explanation
from reconciler.report.documents.types import Document


class ExplainDocument(Document, kw_only=True):
    """The output of `explain`: the explanation of one code (null with `--list`), and every known
    code with `--list`.
    """

    explanation: Explanation | None
    codes: list[str]


def explain_document(explanation: Explanation | None, codes: Sequence[str] = ()) -> ExplainDocument:
    """Build the document."""
    return ExplainDocument(
        command="explain",
        summary={"codes": len(codes) or 1},
        explanation=explanation,
        codes=list(codes),
    )
