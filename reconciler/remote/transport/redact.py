"""Text from outside as it may be shown: no secret, no styling, no control character; pure."""

from __future__ import annotations

import re


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Text from outside as it may be shown: one line, no control characters, no secret, no password in a URL."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    text = re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", text).strip()
    text = re.sub(r"://[^/@\s]+@", "://***@", text)
    return text if len(text) <= 500 else text[:499] + "…"
