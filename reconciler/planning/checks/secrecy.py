"""Mask credentials inside URLs, and find those that the state would hold in clear text; pure.

| part of a URL                                             | report          |
|-----------------------------------------------------------|-----------------|
| `https://user:password@host`, `sip:user:password@host`     | `***@host`      |
| `?token=…`, `&api_key=…`, `&sig=…` and similar names        | `token=***`     |

Plans compare whole values and the state holds whole values: a masked value could not be restored.
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
"""Matches a whole run of characters, with its `@` or without one. So the time stays linear: no
character is matched again for each possible start before it.
"""
_WORDS = (
    "token|secret|passw(?:or)?d|passphrase|signature|credential|api[_.-]?key|access[_.-]?key|auth"
    "|jwt"
)
_NAME = re.compile(r"[?&;#]([a-z0-9_.%-]+)=", re.IGNORECASE)
_SECRET_NAME = re.compile(rf"{_WORDS}|^(?:key|sig|pass|pwd|code)$", re.IGNORECASE)
_VALUE = re.compile(r"""[^&#;\s"'<>\\]+""")


def mask(text: str) -> str:
    """Return the text with credentials in URLs masked; the time is linear in its length."""
    if "@" in text:
        text = _USER.sub(lambda found: f"{found[1]}{_HIDDEN}@" if found[2] else found[0], text)
    return _without_parameters(text) if "=" in text else text


def _without_parameters(text: str) -> str:
    """Return the text without the values of parameters that are named like a secret."""
    parts: list[str] = []
    done = 0
    for name in _NAME.finditer(text):
        # A name inside a value that is masked already is part of that value.
        if name.start() < done or not _SECRET_NAME.search(name[1]):
            continue
        value = _VALUE.match(text, name.end())
        if value is not None:
            parts += (text[done : name.end()], _HIDDEN)
            done = value.end()

    parts.append(text[done:])
    return "".join(parts)


def mask_all(value: Any) -> Any:
    """Return plain JSON with every text and key masked."""
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
    """Return whether `mask` would change the text; fast for a text without `=` and `@`."""
    return ("=" in text or "@" in text) and mask(text) != text


def find_clear_credentials(plan: Plan) -> list[Diagnostic]:
    """Return an error for each address whose entry would hold credentials after the plan."""
    entries = dict(plan.state_updates)
    for action in plan.actions:
        if action.entry is not None:
            entries[action.address] = action.entry

    errors = []
    for address in sorted(entries):
        fields = sorted(set(_find_fields(entries[address])))
        if fields:
            errors.append(_clear_credentials(address, fields))
    return errors


def _find_fields(entry: Entry) -> Iterator[str]:
    """Yield the names of the fields and parts of an entry whose URLs hold credentials."""
    for field, value in entry.prior.items():
        if isinstance(value, str) and has_credentials(value):
            yield field
    for attrs in (entry.last_applied, entry.previously_managed, entry.pending or {}):
        yield from _find_parts(attrs)


def _find_parts(attrs: Attrs) -> Iterator[str]:
    """Yield the names of the attributes whose URLs hold credentials."""
    for part, value in attrs.items():
        texts = [str(value or "")]
        if isinstance(value, Webhook):
            texts = [value.url, value.fallback_url]
        if any(map(has_credentials, texts)):
            yield part


def _clear_credentials(address: str, fields: list[str]) -> Diagnostic:
    return Diagnostic(
        code="credentials_in_state",
        summary="Credentials in clear text in the state",
        detail=f"{address}: a URL in {', '.join(fields)} holds a password or a token. The state "
        "has to hold the whole URL, because a part of it could not be restored; only the owner of "
        "the file can read it. Encrypt the state with `encryption_key`, or accept it: "
        "safety: {state_secrets: allow}.",
        address=address,
    )
