"""Render the document of `explain`."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.documents.explain import ExplainDocument
from reconciler.report.text.style import Style
from reconciler.report.wording import printable


def lines(document: ExplainDocument, style: Style) -> Iterator[str]:
    """Return the explanation in paragraphs, or one code a line."""
    yield from document.codes
    explanation = document.explanation
    if explanation is None:
        return

    kind = "exit code " if explanation.code.isdigit() else ""
    yield f"{kind}{style('strong', explanation.code)}: {printable(explanation.summary)}"
    paragraphs = [("Why", explanation.why), ("What to do", explanation.cure)]
    # Without a summary of its own, a code has the first sentence of the reason as its summary.
    if explanation.why == explanation.summary:
        del paragraphs[0]
    for title, text in paragraphs:
        yield ""
        yield style("strong", title)
        for part in style.wrap(printable(text), margin=2):
            yield f"  {part}"

    yield ""
    yield style("strong", "Example")
    for line in explanation.example.splitlines():
        yield f"  {line}"
    yield ""
    yield f"Next: `{explanation.next}`"
