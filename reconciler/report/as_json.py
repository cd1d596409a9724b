"""A document → JSON text: indented, keys in the order of the document, ending in a newline; credentials masked."""

from __future__ import annotations

import msgspec

from reconciler.planning.secrecy import carries, masked_all
from reconciler.report.documents import Document, ExportDocument
from reconciler.report.state_documents import StatePullDocument


def render(document: Document) -> str:
    """The document as JSON."""
    data = msgspec.json.encode(document)
    if not isinstance(document, StatePullDocument | ExportDocument) and carries(data.decode()):
        data = msgspec.json.encode(masked_all(msgspec.json.decode(data)))
    return msgspec.json.format(data, indent=2).decode() + "\n"
