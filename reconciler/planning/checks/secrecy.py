"""Credentials inside URLs: what a report masks, and which of them state would hold in clear; pure.

| part of a URL                                             | shown as        |
|-----------------------------------------------------------|-----------------|
| `https://user:password@host`, `sip:user:password@host`     | `***@host`      |
| `?token=…`, `&api_key=…`, `&sig=…` and their like          | `token=***`     |

Plans compare whole values and state keeps them whole: a masked value could not be put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reconciler.diagnostics import Diagnostic
from reconciler.model.entry import Entry
from reconciler.model.route import Attrs, Webhook

if TYPE_CHECKING:
    from reconciler.planning.plan import Plan

_HIDDEN = "***"
_USER = re.compile(r"""(://|\bsips?:(?=[^/\s"'@:;?]+:))[^/?#\s"'@\\]+(@?)""", re.IGNORECASE)
"""Takes a whole run, with its `@` or without one, so that no character is looked at for every
beginning before it.
"""
_WORDS = "token|secret|passw(?:or)?d|passphrase|signature|credential|api[_.-]?key|access[_.-]?key|auth|jwt"
_NAME = re.compile(r"[?&;#]([a-z0-9_.%-]+)=", re.IGNORECASE)
_SECRET_NAME = re.compile(rf"{_WORDS}|^(?:key|sig|pass|pwd|code)$", re.IGNORECASE)
_VALUE = re.compile(r"""[^&#;\s"'<>\\]+""")


def mask(text: str) -> str:
    """The text without what looks like a credential in a URL; takes time in proportion to its
    length.
    """
    if "@" in text:
        text = _USER.sub(lambda found: f"{found[1]}{_HIDDEN}@" if found[2] else found[0], text)
    return _without_parameters(text) if "=" in text else text


def _without_parameters(text: str) -> str:
    """The text without the values of parameters that are named like a secret."""
    parts: list[str] = []
    done = 0
    for name in _NAME.finditer(text):
        value = (
            _VALUE.match(text, name.end())
            if name.start() >= done and _SECRET_NAME.search(name[1])
            else None
        )
        if value is not None:
            parts += (text[done : name.end()], _HIDDEN)
            done = value.end()
    return "".join((*parts, text[done:]))


def mask_all(value: Any) -> Any:
    """The same for every text in plain JSON."""
    match value:
        case str():
            return mask(value)
        case dict():
            return {mask(key): mask_all(inner) for key, inner in value.items()}
        case list() | tuple():
            return [mask_all(inner) for inner in value]
        case _:
            return value


def has_credentials(text: str) -> bool:
    """Return whether `mask` would change the text; quick where it would not."""
    return ("=" in text or "@" in text) and mask(text) != text


def find_clear_credentials(plan: Plan) -> list[Diagnostic]:
    """One error for each address whose entry would hold credentials once the plan is carried out."""
    entries = dict(plan.state_updates)
    entries |= {action.address: action.entry for action in plan.actions if action.entry is not None}
    found = ((address, sorted(set(_fields(entry)))) for address, entry in entries.items())
    return [_clear_credentials(address, fields) for address, fields in sorted(found) if fields]


def _fields(entry: Entry) -> Iterator[str]:
    yield from (
        field
        for field, value in entry.prior.items()
        if isinstance(value, str) and has_credentials(value)
    )
    for attrs in (entry.last_applied, entry.previously_managed, entry.pending or {}):
        yield from _parts(attrs)


def _parts(attrs: Attrs) -> Iterator[str]:
    for part, value in attrs.items():
        texts = (
            (value.url, value.fallback_url) if isinstance(value, Webhook) else (str(value or ""),)
        )
        if any(map(has_credentials, texts)):
            yield part


def _clear_credentials(address: str, fields: list[str]) -> Diagnostic:
    return Diagnostic(
        code="credentials_in_state",
        summary="Credentials would be in the state, in clear",
        detail=f"{address}: a URL in {', '.join(fields)} holds a password or a token. It is kept whole, or it could "
        "not be put back; the file is readable for its owner only. Encrypt the state with `encryption_key`, or say "
        "that it is harmless: safety: {state_secrets: allow}.",
        address=address,
    )
