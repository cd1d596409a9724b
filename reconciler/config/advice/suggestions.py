"""A value that is refused in, what is likely meant by it out; looked at only once something is wrong.

Repeats a value only when it cannot be a secret: a host without a user, the name of a variable.
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
"""How shells, workflow files and other tools write that a variable is meant; and its mere name."""


def suggest_url(url: str) -> str:
    """What is meant by something that is no http(s) URL."""
    if re.match("wss?://", url):
        return " A WebSocket is named in the TwiML that the webhook answers with; here stands the webhook."
    if "${" in url or "{{" in url:
        return " Variables are not filled in here: write the URL out."
    return f" Did you mean https://{url}?" if _HOST.fullmatch(url) else ""


def find_variable(value: object) -> str:
    """The name of the variable that somebody wants filled in; "" when that is not what it says."""
    if not isinstance(value, str):
        return ""
    return next(
        (found[1] for pattern in _VARIABLES if (found := re.fullmatch(pattern, value.strip()))), ""
    )
