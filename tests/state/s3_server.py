"""An S3-compatible server whose calls are atomic, as those of S3 are; its arguments are the port and a delay.

Moto looks whether the condition of a PUT holds and puts in two steps, with several threads: of two that come at once
over the same version it may take both. Here one request is answered at a time. The delay, in seconds, widens the gap
between those two steps, for the test that proves it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from io import BytesIO
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import S3Backend
from werkzeug.serving import run_simple


class OneAtATime:
    """A WSGI application that answers a request once it is here whole and all before it are answered."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._mutex = Lock()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(
            int(environ.get("CONTENT_LENGTH") or 0)
        )  # a client may be stopped half-way
        environ["wsgi.input"] = BytesIO(body)
        with self._mutex:
            return [b"".join(self._application(environ, start))]


def slow_puts(seconds: float) -> None:
    """Let this much time pass between the look at the condition and the put."""
    put = S3Backend.put_object

    def late(*args: Any, **kwargs: Any) -> Any:
        time.sleep(seconds)
        return put(*args, **kwargs)

    S3Backend.put_object = late  # type: ignore[method-assign]


if __name__ == "__main__":
    slow_puts(float(sys.argv[2]))
    served = OneAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple(
        "127.0.0.1", int(sys.argv[1]), served, threaded=True, request_handler=MotoRequestHandler
    )
