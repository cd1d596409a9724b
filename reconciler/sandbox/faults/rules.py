"""Bad days on demand: each fault is a value that says what happens, to which calls, and how often.

Common options: `every` nth matching call (after the first `skip`), `percent` of them (drawn from a fixed seed), at most
`times`; `method` (``GET``, ``POST`` … or ``write``) and `path` (a glob) say which calls match. Decides nothing itself.

| name                | what happens                                                                               |
|---------------------|--------------------------------------------------------------------------------------------|
| `latency`           | the answer takes `ms` longer, and up to `jitter_ms` more                                   |
| `rate_limit`        | 429, not carried out; `retry_after` adds the header                                        |
| `concurrency_limit` | 429 while more than `limit` calls are under way                                            |
| `server_error`      | `status` (500), before or, with `carried_out`, after the call was carried out              |
| `drop`              | the connection is closed without an answer, before or after carrying out                   |
| `hang`              | no answer for `seconds`, then the connection is closed, before or after carrying out       |
| `slow_body`         | the body trickles for `seconds`                                                            |
| `cut_body`          | the connection is closed after half of the body                                            |
| `drop_fields`       | the named `fields` of a write are not stored; with `echo` the reply pretends that they are |
| `refuse_attachment` | numbers (SID or E.164) cannot be attached to a trunk                                       |
| `not_found`         | a read of one thing answers 404 though it is there                                         |
| `refuse`            | `status`, `code` and `message` of your choice                                              |
| `html_page`         | a page of HTML, as of a proxy, with `status` (502), before or after carrying out           |
| `problem`           | a server error in the form of RFC 9457, before or after carrying out                       |
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
    """Which calls are hit, and how often."""

    every: Annotated[int, msgspec.Meta(ge=1)] = 1
    skip: Count = 0
    percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100
    times: Count | None = None
    method: str = ""
    path: str = "*"

    @property
    def name(self) -> str:
        """The fault's name in flags, control endpoints and the log of calls."""
        return str(self.__struct_config__.tag)


class Latency(Fault, tag="latency", frozen=True):
    """The answer takes longer."""

    ms: Duration
    jitter_ms: Duration = 0


class RateLimit(Fault, tag="rate_limit", frozen=True):
    """429: the call is not processed."""

    retry_after: Count | None = None


class ConcurrencyLimit(Fault, tag="concurrency_limit", frozen=True):
    """429 while more than `limit` calls are under way."""

    limit: Count
    retry_after: Count | None = None


class ServerError(Fault, tag="server_error", frozen=True):
    """A server error, before or after the call was carried out."""

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
    """The body comes in small pieces."""

    seconds: Duration


class CutBody(Fault, tag="cut_body", frozen=True):
    """The body ends half way."""


class DropFields(Fault, tag="drop_fields", frozen=True):
    """Parameters (``VoiceUrl`` or ``voice_url``) that are accepted but not stored."""

    fields: tuple[str, ...]
    echo: bool = False


class RefuseAttachment(Fault, tag="refuse_attachment", frozen=True):
    """Numbers that cannot be attached to a trunk, in whichever way it is tried."""

    numbers: tuple[str, ...]
    status: int = 400
    code: int = 21245


class NotFound(Fault, tag="not_found", frozen=True):
    """404 to a read of one thing that is there."""


class Refuse(Fault, tag="refuse", frozen=True):
    """Any error of Twilio's, by its code."""

    status: int = 400
    code: int = 20001
    message: str = "Refused by the sandbox"


class HtmlPage(Fault, tag="html_page", frozen=True):
    """A page of HTML in place of an answer; with status 200 it looks like a success."""

    status: int = 502
    carried_out: bool = False


class Problem(Fault, tag="problem", frozen=True):
    """A server error as Twilio's newer products word it (RFC 9457)."""

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
    """A description of a fault that cannot be understood."""


def read_fault(value: object) -> AnyFault:
    """A fault from plain data such as ``{"fault": "rate_limit", "every": 10}``; raises `FaultError`."""
    try:
        fault: AnyFault = msgspec.convert(value, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        raise FaultError(str(error)) from None
    return fault


def parse_fault(text: str) -> AnyFault:
    """A fault from a flag such as ``rate_limit:every=10,retry_after=1`` or ``drop_fields:fields=VoiceUrl/SmsUrl``."""
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
