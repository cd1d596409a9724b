"""Change documents of a remote store behind its back, also what is compressed in them."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable

COMPRESSED = re.compile(rb'"zlib:([A-Za-z0-9+/=]+)"')


def change_texts(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change a document, also what is compressed in it."""

    def replace(found: re.Match[bytes]) -> bytes:
        text = change(zlib.decompress(base64.b64decode(found[1])))
        return b'"zlib:%b"' % base64.b64encode(zlib.compress(text))

    return COMPRESSED.sub(replace, change(body))


def compressed_texts(body: bytes) -> list[bytes]:
    """Return the texts that are compressed in a document."""
    return [zlib.decompress(base64.b64decode(found)) for found in COMPRESSED.findall(body)]
