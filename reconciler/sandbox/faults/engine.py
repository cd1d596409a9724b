"""Hold the active faults, and decide which of them hit a call: takes a request, returns a
`Verdict`.

Executes nothing. The same calls in the same order give the same verdicts: counters and seeded
draws, no chance.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import assert_never

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.http.messages import Reply, Request
from reconciler.sandbox.http.routing import Refused
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.refusals import error_reply, html_reply, problem_reply

_SID_LENGTH = 34
"""A path whose last segment has this length names one resource."""


@dataclass(slots=True)
class Verdict:
    """The treatment of one call.

    `reply` replaces the answer; `silent` means that none is sent. The call is executed unless one
    of them is set, or in any case when `carried_out` is set.
    """

    faults: tuple[str, ...] = ()
    delay: float = 0.0
    reply: Reply | None = None
    silent: bool = False
    carried_out: bool = False
    hang: float = 0.0
    slow: float = 0.0
    cut: bool = False
    dropped: tuple[str, ...] = ()
    echo: bool = False

    @property
    def has_answer(self) -> bool:
        """Return true when a fault has determined the answer."""
        return self.silent or self.reply is not None

    @property
    def is_executed(self) -> bool:
        """Return true when the call is executed."""
        return self.carried_out or not self.has_answer


class FaultEngine:
    """The active faults; safe to change while calls run."""

    def __init__(self, faults: Iterable[f.AnyFault] = ()) -> None:
        self._lock = threading.Lock()
        self._rules = [_Rule(fault) for fault in faults]

    @property
    def faults(self) -> list[f.AnyFault]:
        """Return the active faults, in the order in which they are tried."""
        return [rule.fault for rule in self._rules]

    def add(self, *faults: f.AnyFault) -> None:
        """Activate further faults."""
        with self._lock:
            self._rules = [*self._rules, *map(_Rule, faults)]

    def clear(self) -> None:
        """Deactivate all faults."""
        with self._lock:
            self._rules = []

    def check_attachment(self, names: set[str]) -> None:
        """Raise `Refused` when a `refuse_attachment` fault hits a number, named by SID and E.164.

        For platforms, which attach numbers to a trunk without a call of their own to Twilio.
        """
        with self._lock:
            for rule in self._rules:
                fault = rule.fault
                if not isinstance(fault, f.RefuseAttachment):
                    continue

                # `is_due` counts the call, so it comes last: only matching calls are counted.
                if names & set(fault.numbers) and rule.is_due():
                    raise Refused(_attachment_error(fault))

    def verdict_for(self, request: Request, store: Store, under_way: int) -> Verdict:
        """Return the verdict on a call; counts it for every fault that matches."""
        verdict = Verdict()
        if self._rules:
            with self._lock:
                for rule in self._rules:
                    if rule.hits(request, store, under_way):
                        rule.apply_to(verdict)
        return verdict


class _Rule:
    """A fault with its counters."""

    def __init__(self, fault: f.AnyFault) -> None:
        self.fault = fault
        self._match_count = 0
        self._hit_count = 0

        # Seeded with the fault: faults of one kind with different options hit different calls.
        self._random = random.Random(repr(fault))

    def hits(self, request: Request, store: Store, under_way: int) -> bool:
        """Return true when this call is hit; counts it."""
        fault = self.fault
        return (
            _in_scope(fault, request)
            and _applies(fault, request, store, under_way)
            and self.is_due()
        )

    def is_due(self) -> bool:
        """Return true when a matching call is hit; counts it."""
        fault = self.fault
        if fault.times is not None and self._hit_count >= fault.times:
            return False

        self._match_count += 1
        if self._match_count <= fault.skip or (self._match_count - fault.skip) % fault.every:
            return False
        if fault.percent < 100 and self._random.random() * 100 >= fault.percent:
            return False

        self._hit_count += 1
        return True

    def apply_to(self, verdict: Verdict) -> None:
        """Write the fault into the verdict; the first of several answers wins."""
        fault = self.fault
        verdict.faults += (fault.name,)

        match fault:
            case f.Latency():
                verdict.delay += (fault.ms + fault.jitter_ms * self._random.random()) / 1000
            case f.SlowBody():
                verdict.slow = fault.seconds
            case f.CutBody():
                verdict.cut = True
            case f.DropFields():
                verdict.dropped += tuple(map(bare_name, fault.fields))
                verdict.echo = verdict.echo or fault.echo
            case _:
                if not verdict.has_answer:
                    _set_answer(fault, verdict)


_AnswerFault = (
    f.RateLimit
    | f.ConcurrencyLimit
    | f.ServerError
    | f.Drop
    | f.Hang
    | f.RefuseAttachment
    | f.NotFound
    | f.Refuse
    | f.HtmlPage
    | f.Problem
)


def _set_answer(fault: _AnswerFault, verdict: Verdict) -> None:
    """Write the answer of a fault into the verdict."""
    match fault:
        # Codes as Twilio documents them: 20429 too many requests, 20500 internal error.
        case f.RateLimit() | f.ConcurrencyLimit():
            headers = (
                () if fault.retry_after is None else (("Retry-After", str(fault.retry_after)),)
            )
            verdict.reply = error_reply(20429, "Too Many Requests", status=429, headers=headers)
        case f.ServerError():
            verdict.carried_out = fault.carried_out
            verdict.reply = error_reply(
                20500, "An internal server error has occurred", status=fault.status
            )
        case f.Drop():
            verdict.carried_out, verdict.silent = fault.carried_out, True
        case f.Hang():
            verdict.carried_out, verdict.silent = fault.carried_out, True
            verdict.hang = fault.seconds
        case f.RefuseAttachment():
            verdict.reply = _attachment_error(fault)
        case f.NotFound():
            verdict.reply = error_reply(20404, "The requested resource was not found", status=404)
        case f.Refuse():
            verdict.reply = error_reply(fault.code, fault.message, status=fault.status)
        case f.HtmlPage():
            verdict.carried_out = fault.carried_out
            verdict.reply = html_reply(fault.status)
        case f.Problem():
            verdict.carried_out = fault.carried_out
            verdict.reply = problem_reply(20503, "Service unavailable", status=fault.status)
        case _:
            assert_never(fault)


def _attachment_error(fault: f.RefuseAttachment) -> Reply:
    return error_reply(
        fault.code, "Phone number cannot be associated with this trunk", status=fault.status
    )


def _in_scope(fault: f.AnyFault, request: Request) -> bool:
    if fault.method == "write":
        return request.is_write and fnmatchcase(request.path, fault.path)
    return fault.method in ("", request.method) and (
        fault.path == "*" or fnmatchcase(request.path, fault.path)
    )


def _applies(fault: f.AnyFault, request: Request, store: Store, under_way: int) -> bool:
    match fault:
        case f.ConcurrencyLimit():
            return under_way > fault.limit
        case f.DropFields():
            # Only calls that send such a field match: `every` and `times` count those.
            dropped = set(map(bare_name, fault.fields))
            return any(bare_name(name) in dropped for name in request.form)
        case f.RefuseAttachment():
            return _numbers_attached_by(request, store) & set(fault.numbers) != set()
        case f.NotFound():
            return request.method == "GET" and len(last_segment(request)) == _SID_LENGTH
        case _:
            return True


def _numbers_attached_by(request: Request, store: Store) -> set[str]:
    """Return SID and E.164 of the number that this call attaches to a trunk, empty when none."""
    if request.method != "POST":
        return set()

    # Two APIs attach: an update of the number, and the Trunking API.
    if request.form.get("TrunkSid"):
        sid = last_segment(request)
    elif request.path.startswith("/v1/Trunks/"):
        sid = request.form.get("PhoneNumberSid", "")
    else:
        return set()

    found = store.find(sid)
    return {sid, str(getattr(found[1], "phone_number", sid))} if found else {sid}


def params_after_drop(form: dict[str, str], dropped: tuple[str, ...]) -> dict[str, str]:
    """Return a form without the dropped parameters."""
    return {name: value for name, value in form.items() if bare_name(name) not in dropped}


def last_segment(request: Request) -> str:
    """Return the end of the path: a SID when it names one resource."""
    return request.path.rpartition("/")[2].removesuffix(".json")


def bare_name(name: str) -> str:
    """Return a name in which a parameter and its field are equal.

    ``VoiceUrl`` and ``voice_url`` both become ``voiceurl``.
    """
    return name.replace("_", "").lower()
