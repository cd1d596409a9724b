"""Convert form parameters to fields, with one table of `Param` per resource and one reader per kind
of value.

Unknown parameters are ignored, as on Twilio. A value that a reader does not accept is refused
with Twilio's code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.sandbox.twilio.refusals import refusal

Reader = Callable[[str, str], object]
"""Takes a parameter's name and text, returns the field's value."""

LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Param:
    """A request parameter, the field that it sets, and the reader of its text."""

    name: str
    field: str
    read: Reader


def read_form(form: Mapping[str, str], params: Iterable[Param]) -> dict[str, object]:
    """Return field → value for the parameters that were sent."""
    return {
        param.field: param.read(param.name, form[param.name])
        for param in params
        if param.name in form
    }


def require(form: Mapping[str, str], *names: str) -> None:
    """Refuse a form that lacks one of these parameters (20001)."""
    for name in names:
        if not form.get(name):
            raise refusal(20001, f"Missing required parameter {name} in the post body")


def text(name: str, value: str) -> str:
    """Read any text."""
    return value


def friendly_name(name: str, value: str) -> str:
    """Read 1 to 64 characters."""
    if not 1 <= len(value) <= LONGEST_NAME:
        raise refusal(20002, f"{name} must be between 1 and {LONGEST_NAME} characters")
    return value


def web_url(name: str, value: str) -> str:
    """Read an absolute http or https URL, or "" for none."""
    if value and not _is_web_url(value):
        raise refusal(21402, f"{name} is not valid: {value}")
    return value


def nullable_url(name: str, value: str) -> str | None:
    """Read a URL like `web_url`; none is null."""
    return web_url(name, value) or None


def http_method(name: str, value: str) -> str:
    """Read GET or POST."""
    if value.upper() not in ("GET", "POST"):
        raise refusal(21403, f"{name} must be GET or POST, not: {value}")
    return value.upper()


def flag(name: str, value: str) -> bool:
    """Read true or false."""
    if value.lower() not in ("true", "false"):
        raise refusal(20001, f"Invalid parameter: {name} must be true or false")
    return value.lower() == "true"


def sid(prefix: str, code: int = 20001) -> Reader:
    """Return the reader of a SID with this prefix; "" is null."""
    pattern = re.compile(f"{prefix}[0-9a-fA-F]{{32}}")

    def read(name: str, value: str) -> str | None:
        if value and not pattern.fullmatch(value):
            raise refusal(code, f"Invalid {name}: {value}")
        return value or None

    return read


def whole(low: int, high: int, code: int = 20001) -> Reader:
    """Return the reader of a whole number between two bounds."""

    def read(name: str, value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            raise refusal(code, f"Invalid parameter: {name} must be between {low} and {high}")
        return int(value)

    return read


def choice(*values: str, code: int = 20001) -> Reader:
    """Return the reader of one of these words."""

    def read(name: str, value: str) -> str:
        if value not in values:
            raise refusal(code, f"Invalid parameter: {name} must be one of {', '.join(values)}")
        return value

    return read


def _is_web_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and not re.search(r"\s", value)
        )
    except ValueError:
        return False
