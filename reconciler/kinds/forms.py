"""Compare a stored value with the value that was sent: the same, another form of it by the rules
below, an unexpected form, or a different value; pure.

| Rule            | Same meaning                                       | Source                       |
|-----------------|----------------------------------------------------|------------------------------|
| empty           | ``""`` and null                                    | Twilio's OpenAPI and samples |
| no types        | ``true`` and ``"true"``, ``10`` and ``"10"``       | bodies are form-encoded      |
| method          | `post` and `POST`                                  | Twilio's OpenAPI (an enum)   |
| scheme and host | upper and lower case                               | RFC 3986, 6.2.2.1            |
| escapes         | `%7e` and `~`, `%2f` and `%2F`                     | RFC 3986, 6.2.2              |
| port            | `:443` with https, `:80` with http, and none       | RFC 3986, 6.2.3              |
| empty path      | `https://host` and `https://host/`                 | RFC 3986, 6.2.3              |
| domain          | domain names and SIP hosts, upper and lower case   | RFC 4343; RFC 3261, 19.1.4   |

A fragment of a URL is an instruction to Twilio (connection overrides) and has one form only. A
different SID, domain, address or user name is another value, and so is a URL with a different
scheme, host or port. A SIP URL with the default port differs from the URL without a port (RFC 3261,
19.1.4): the port decides how the host is resolved.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from reconciler.kinds.kind import is_same_value
from reconciler.model.route import WireValue

Form = Literal["same", "listed", "unexpected", "other"]
"""Relation of a stored value to the value that was sent.

`same`: equal. `listed`: another form by a rule above. `unexpected`: another form by no rule.
`other`: another value.
"""

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://|^sips?:", re.IGNORECASE)
_SIP = re.compile(
    r"^(?P<scheme>sips?):(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]*\]|[^:;?]+)(?::(?P<port>\d+))?(?P<rest>.*)$",
    re.I,
)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_IDENTITIES = frozenset({"ip_address", "username", "phone_number"})


def compare_forms(field: str, sent: WireValue, stored: WireValue) -> Form:
    """Compare a stored value with the one that was sent."""
    if is_same_value(sent, stored):
        return "same"

    # Only text has several forms; a different number or flag is a different value.
    if not isinstance(sent, str) or not isinstance(stored, str) or not sent or not stored:
        return "other"
    if field.endswith("_sid") or field in _IDENTITIES:
        return "other"

    if field.endswith("_method"):
        return "listed" if sent.upper() == stored.upper() else "unexpected"
    if field == "domain_name":
        return "listed" if _lower(sent) == _lower(stored) else "other"
    return _form_of_url(sent, stored) if _URL.match(sent) else "unexpected"


def _form_of_url(sent: str, stored: str) -> Form:
    sent_parts, stored_parts = _parts(sent), _parts(stored)
    if sent_parts is None or stored_parts is None:
        return "other" if stored_parts is None else "unexpected"

    origin, fragment, rest = sent_parts
    if origin != stored_parts[0] or fragment != stored_parts[1]:
        return "other"
    return "listed" if rest == stored_parts[2] else "unexpected"


def _parts(url: str) -> tuple[tuple[str, ...], str, str] | None:
    """Return (scheme, user, host, port), the fragment, and the normalised rest; None for a text
    that is no URL.
    """
    if url[:4].lower() in ("sip:", "sips") and "://" not in url:
        found = _SIP.match(url)
        if found is None:
            return None
        scheme = found["scheme"].lower()
        origin = (scheme, found["user"] or "", _lower(found["host"]), found["port"] or "")
        return origin, "", _normalise_escapes(found["rest"])

    try:
        split = urlsplit(url)
        scheme = split.scheme.lower()
        port = str(split.port or _PORTS.get(scheme) or "")
        host = split.hostname or ""
    except ValueError:
        return None
    if not scheme or not host:
        return None

    user = split.netloc.rpartition("@")[0]
    query = f"?{split.query}" if split.query else ""
    rest = _normalise_escapes((split.path or "/") + query)
    return (scheme, user, host, port), split.fragment, rest


def _lower(text: str) -> str:
    """Return the text with ASCII letters in lower case; RFC 4343 makes no other letters equal."""
    return text.encode().lower().decode()


def _normalise_escapes(text: str) -> str:
    """Return the text with needless escapes decoded, and all others in upper case."""

    def normalise(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if _UNRESERVED.fullmatch(letter) else f"%{found[1].upper()}"

    return _ESCAPE.sub(normalise, text)
