"""A document → JSON text: indented, keys in the order of the document, ending in a newline."""

from __future__ import annotations

import msgspec

from reconciler.report.documents import Document


def render(document: Document) -> str:
    """The document as JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
