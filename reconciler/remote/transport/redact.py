"""Return text from outside as one safe, short line: without secrets, passwords in URLs, styling and
control characters. Pure.
"""

from __future__ import annotations

import re


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return text from outside as one line that is safe to show.

    Without control characters, secrets, and passwords in URLs.
    """
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    text = re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", text).strip()
    text = re.sub(r"://[^/@\s]+@", "://***@", text)
    return text if len(text) <= 500 else text[:499] + "…"
