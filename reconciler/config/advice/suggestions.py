"""Suggest a correction for an invalid http(s) URL, and find the variable that a value names in
another tool's syntax (`${NAME}`); used only for an error.

A suggestion repeats a value only when it cannot be a secret: a host without a user, the name of a
variable.
"""

from __future__ import annotations

import re

_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::[0-9]{1,5})?(?:/[\w./-]*)?", re.IGNORECASE)
_VARIABLES = (
    r"\$([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)",
    r"\$\{([A-Z][A-Z0-9_]*)(?::?-[^}]*)?\}",
    r"\$?\{\{ *(?:env|secrets|vars)\.([A-Z][A-Z0-9_]*) *\}\}",
    r"env:(?:// *)?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)",
    r"([A-Z]+(?:_[A-Z]+)+)",
)
"""Syntax of variables in shells, workflow files and other tools; and a plain name of a variable."""


def suggest_url(url: str) -> str:
    """Suggest a correction for a text that is no http(s) URL."""
    if re.match("wss?://", url):
        return (
            " This is a WebSocket: write it in the TwiML that the webhook returns, and the URL of "
            "the webhook here."
        )
    return f" Did you mean https://{url}?" if _HOST.fullmatch(url) else ""


def find_variable(value: object) -> str:
    """Return the name of the variable that a value refers to in another tool's syntax; "" when it
    refers to none.
    """
    if not isinstance(value, str):
        return ""
    for pattern in _VARIABLES:
        found = re.fullmatch(pattern, value.strip())
        if found:
            return found[1]
    return ""
