"""Serve a world on a port, with its faults and call log: in a thread of this process, or until the
process ends.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Self

from reconciler.sandbox.faults.drop_fields import run_dropping
from reconciler.sandbox.faults.engine import FaultEngine, Verdict
from reconciler.sandbox.faults.rules import AnyFault
from reconciler.sandbox.http.browsers import refuse_browser
from reconciler.sandbox.http.call_log import LIMIT, CallLog
from reconciler.sandbox.http.listener import Answer, Listener, whole_answer
from reconciler.sandbox.http.messages import Reply, Request, keeps_open, reply_head
from reconciler.sandbox.http.routing import Call, Refused, Router
from reconciler.sandbox.platforms.registry import platform_of, reword_error
from reconciler.sandbox.service.control import PREFIX, Control
from reconciler.sandbox.twilio.console import (
    DEFAULT_ADDRESS,
    DEFAULT_USER,
    console_user,
    edit_number,
)
from reconciler.sandbox.twilio.numbers import Number
from reconciler.sandbox.twilio.refusals import error_reply
from reconciler.sandbox.world.products import ROUTES
from reconciler.sandbox.world.world import World

_SLOW_PIECES = 10
_log = logging.getLogger(__name__)


class Sandbox:
    """Serves `world` on a loopback port from `start` to `stop`, or during a ``with`` block.

    `world`, `faults` and `calls` may be read and changed at any time.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Iterable[AnyFault] = (),
        log_limit: int = LIMIT,
    ) -> None:
        self.world = world if world is not None else World.generate()
        self.faults = FaultEngine(faults)
        self.world.check_attachment = self.faults.check_attachment
        self.calls = CallLog(log_limit)

        self._router = Router(ROUTES)
        self._control = Router(Control(self.world, self.faults, self.calls).routes())

        self._ids = count(1)
        self._lock = threading.Lock()
        self._under_way = 0
        self._listener = Listener(host, port, self._exchange)

    @property
    def base_url(self) -> str:
        """Return the address of the server, without a slash at the end."""
        host, port = self._listener.address
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Start to answer."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Close all connections; calls that wait are ended."""
        self._listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def edit(
        self,
        number: str,
        fields: Mapping[str, object],
        *,
        actor: str = DEFAULT_USER,
        ip: str = DEFAULT_ADDRESS,
    ) -> Number:
        """Change a number (E.164 or SID) like a user of the console.

        `fields` are named as in the API: ``{"voice_url": "https://…"}``.
        """
        return edit_number(self.world, number, fields=fields, actor=console_user(actor, ip))

    def _exchange(self, request: Request) -> Answer:
        if request.path.startswith(PREFIX):
            reply = refuse_browser(request)
            if reply is None:
                with self.world.lock:
                    reply = self._run(self._control, request)
            return Answer((whole_answer(reply, keep_open=keeps_open(request)),))

        # The control API is not counted: faults and concurrency concern Twilio only.
        with self._lock:
            self._under_way += 1
            under_way = self._under_way
        try:
            return self._answer(request, under_way)
        finally:
            with self._lock:
                self._under_way -= 1

    def _answer(self, request: Request, under_way: int) -> Answer:
        started = time.perf_counter()
        verdict = self.faults.verdict_for(request, self.world, under_way)
        self._listener.sleep(verdict.delay)
        result = self._execute(request, verdict) if verdict.is_executed else None

        # The answer of a fault replaces the result, in the words of the API that was called.
        error = verdict.reply and reword_error(request.path, verdict.reply)
        reply = None if verdict.silent else error or result
        self.calls.record(request, reply.status if reply else 0, verdict.faults)

        if reply is None:
            self._listener.sleep(verdict.hang)
            return Answer(keep_open=False)

        headers: tuple[tuple[str, str], ...] = (
            ("Date", format_datetime(self.world.now(), usegmt=True)),
            ("Twilio-Request-Id", f"RQ{next(self._ids):032x}"),
            ("Twilio-Concurrent-Requests", str(under_way)),
            ("Twilio-Request-Duration", f"{time.perf_counter() - started:.3f}"),
        )
        if platform_of(request.path):
            headers = ()
        return _pieces(reply, headers, verdict, keep_open=keeps_open(request))

    def _execute(self, request: Request, verdict: Verdict) -> Reply:
        with self.world.lock:
            return run_dropping(
                request, verdict, self.world, lambda request: self._run(self._router, request)
            )

    def _run(self, router: Router, request: Request) -> Reply:
        try:
            return self._find_handler(router, request)(request)
        except Refused as refused:
            return refused.reply
        except Exception:  # noqa: BLE001 - a defect must not look like a dropped connection
            _log.exception("%s %s", request.method, request.path)
            error = error_reply(20500, "The sandbox itself has failed; see its log", status=500)
            return reword_error(request.path, error)

    def _find_handler(self, router: Router, request: Request) -> Callable[[Request], Reply]:
        path = request.path
        match = router.find(request.method, path)
        if match is None:
            raise Refused(
                reword_error(
                    path,
                    error_reply(20404, f"The requested resource {path} was not found", status=404),
                )
            )

        handler = match.handler
        if handler is None:
            error = error_reply(20004, f"Method not allowed: {request.method} {path}", status=405)
            raise Refused(reword_error(path, error))
        return lambda request: handler(Call(self.world, request, match.path))


def _pieces(
    reply: Reply, headers: tuple[tuple[str, str], ...], verdict: Verdict, *, keep_open: bool
) -> Answer:
    stays = keep_open and not verdict.cut
    top, body = reply_head(reply, headers, keep_open=stays), reply.body

    if verdict.cut:
        return Answer((top + body[: len(body) // 2],), keep_open=False)

    if verdict.slow and body:
        size = -(-len(body) // _SLOW_PIECES)
        pieces = tuple(body[start : start + size] for start in range(0, len(body), size))
        return Answer((top, *pieces), pause=verdict.slow / len(pieces))
    return Answer((top + body,))


def serve(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 8010,
    faults: Iterable[AnyFault] = (),
    persist: Path | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a world until the process is interrupted or terminated, then return.

    With `persist`, the world in that file replaces `world` when the file exists; it is saved there
    at the end.
    """
    if persist is not None and persist.exists():
        world = World.load(persist)

    # A handler that raises could do so where Python drops the exception, as in a callback of the
    # garbage collector; then the sandbox would never end. This queue may be used by a handler.
    stop: SimpleQueue[int] = SimpleQueue()

    def request_stop(number: int, frame: FrameType | None) -> None:
        stop.put(number)

    # Both explicitly: a process started in the background may have inherited an ignored SIGINT.
    before = {n: signal.signal(n, request_stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Sandbox(world, host=host, port=port, faults=faults) as sandbox:
            on_ready(sandbox.base_url)
            stop.get()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    if persist is not None:
        world.save(persist)
