"""Render a document as indented JSON, with credentials masked except in the documents of `export`
and `state pull`.
"""

from __future__ import annotations

import msgspec

from reconciler.planning.checks.secrecy import has_credentials, mask_all
from reconciler.report.documents.state import StatePullDocument
from reconciler.report.documents.types import Document, ExportDocument


def render(document: Document) -> str:
    """Render a document as JSON."""
    data = msgspec.json.encode(document)
    if not isinstance(document, StatePullDocument | ExportDocument) and has_credentials(
        data.decode()
    ):
        data = msgspec.json.encode(mask_all(msgspec.json.decode(data)))
    return msgspec.json.format(data, indent=2).decode() + "\n"
