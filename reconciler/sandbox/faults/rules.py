"""Define each fault as a value (its effect, the calls hit, and how often), and parse faults from
JSON data or from a flag.

Common options: `every` nth matching call (after the first `skip`), `percent` of them (drawn from a
fixed seed), at most `times`; `method` (``GET``, ``POST`` … or ``write``) and `path` (a glob) select
the calls. `faults.engine` decides which calls are hit.

| name                | effect                                                                     |
|---------------------|----------------------------------------------------------------------------|
| `latency`           | the answer takes `ms` longer, and up to `jitter_ms` more                   |
| `rate_limit`        | 429, call not executed; `retry_after` adds the header                      |
| `concurrency_limit` | 429 while more than `limit` calls run                                      |
| `server_error`      | `status` (500), before or, with `carried_out`, after the call is executed  |
| `drop`              | the connection is closed without an answer, before or after execution      |
| `hang`              | no answer for `seconds`, then the connection is closed, before or after    |
| `slow_body`         | the body is sent in pieces over `seconds`                                  |
| `cut_body`          | the connection is closed after half of the body                            |
| `drop_fields`       | the named `fields` of a write are not stored; `echo`: the reply shows them |
| `refuse_attachment` | numbers (SID or E.164) cannot be attached to a trunk                       |
| `not_found`         | a read of one existing resource answers 404                                |
| `refuse`            | `status`, `code` and `message` of your choice                              |
| `html_page`         | an HTML page, as of a proxy, with `status` (502), before or after          |
| `problem`           | a server error in the form of RFC 9457, before or after execution          |
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Duration = Annotated[float, msgspec.Meta(ge=0)]


class Fault(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    tag_field="fault",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """Common options: which calls are hit, and how often."""

    every: Annotated[int, msgspec.Meta(ge=1)] = 1
    skip: Count = 0
    percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100
    times: Count | None = None
    method: str = ""
    path: str = "*"

    @property
    def name(self) -> str:
        """Return the fault's name in flags, control endpoints and the call log."""
        return str(self.__struct_config__.tag)


class Latency(Fault, tag="latency", frozen=True):
    """The answer takes longer."""

    ms: Duration
    jitter_ms: Duration = 0


class RateLimit(Fault, tag="rate_limit", frozen=True):
    """429: the call is not executed."""

    retry_after: Count | None = None


class ConcurrencyLimit(Fault, tag="concurrency_limit", frozen=True):
    """429 while more than `limit` calls run."""

    limit: Count
    retry_after: Count | None = None


class ServerError(Fault, tag="server_error", frozen=True):
    """A server error, before or after the call is executed."""

    status: int = 500
    carried_out: bool = False


class Drop(Fault, tag="drop", frozen=True):
    """The connection is closed without an answer."""

    carried_out: bool = False


class Hang(Fault, tag="hang", frozen=True):
    """No answer for a long time, then the connection is closed."""

    seconds: Duration = 600
    carried_out: bool = False


class SlowBody(Fault, tag="slow_body", frozen=True):
    """The body is sent in small pieces."""

    seconds: Duration


class CutBody(Fault, tag="cut_body", frozen=True):
    """The connection is closed in the middle of the body."""


class DropFields(Fault, tag="drop_fields", frozen=True):
    """Parameters (``VoiceUrl`` or ``voice_url``) that are accepted but not stored."""

    fields: tuple[str, ...]
    echo: bool = False


class RefuseAttachment(Fault, tag="refuse_attachment", frozen=True):
    """Numbers that cannot be attached to a trunk, over any API."""

    numbers: tuple[str, ...]
    status: int = 400
    code: int = 21245


class NotFound(Fault, tag="not_found", frozen=True):
    """404 to a read of one resource that exists."""


class Refuse(Fault, tag="refuse", frozen=True):
    """Any error of Twilio, by its code."""

    status: int = 400
    code: int = 20001
    message: str = "Refused by the sandbox"


class HtmlPage(Fault, tag="html_page", frozen=True):
    """An HTML page instead of an answer; with status 200 it looks like a success."""

    status: int = 502
    carried_out: bool = False


class Problem(Fault, tag="problem", frozen=True):
    """A server error in the form of Twilio's newer products (RFC 9457)."""

    status: int = 503
    carried_out: bool = False


AnyFault = (
    Latency
    | RateLimit
    | ConcurrencyLimit
    | ServerError
    | Drop
    | Hang
    | SlowBody
    | CutBody
    | DropFields
    | RefuseAttachment
    | NotFound
    | Refuse
    | HtmlPage
    | Problem
)
_LISTS = frozenset({"fields", "numbers"})


class FaultError(ValueError):
    """A description of a fault that cannot be parsed."""


def read_fault(value: object) -> AnyFault:
    """Return a fault from plain data such as ``{"fault": "rate_limit", "every": 10}``.

    Raises `FaultError`.
    """
    try:
        fault: AnyFault = msgspec.convert(value, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        raise FaultError(str(error)) from None
    return fault


def parse_fault(text: str) -> AnyFault:
    """Return a fault from a flag such as ``rate_limit:every=10,retry_after=1``.

    Lists use slashes: ``drop_fields:fields=VoiceUrl/SmsUrl``. Raises `FaultError`.
    """
    name, _, options = text.partition(":")
    value: dict[str, object] = {"fault": name}

    for option in options.split(",") if options else ():
        key, equals, setting = option.partition("=")
        if not equals:
            raise FaultError(f"`{option}` is not of the form option=value - in `{text}`")
        value[key] = setting.split("/") if key in _LISTS else setting

    try:
        return read_fault(value)
    except FaultError as error:
        raise FaultError(f"{error} - in `{text}`") from None
