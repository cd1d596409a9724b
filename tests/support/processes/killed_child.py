"""Run something in a child process that dies at a writing call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from reconciler.remote.transport.pool import Pool

KILLED, FINISHED, BROKEN = 9, 0, 1
"""Exit codes of the child: it died at the call, ended before it, or raised."""


def run_until_killed(run: Callable[[], object], at: int, *, carried_out: bool) -> int:
    """Run in another process, which dies at the writing call with this number. Return its exit code.

    `carried_out`: the call takes effect before the process dies.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    send: Callable[..., tuple[int, Mapping[str, str], bytes]] = Pool.send
    seen = [0]

    def mortal(
        self: Pool, method: str, url: str, **options: object
    ) -> tuple[int, Mapping[str, str], bytes]:
        if method == "GET" or "/livekit.SIP/List" in url:
            return send(self, method, url, **options)
        seen[0] += 1
        if seen[0] < at:
            return send(self, method, url, **options)
        if carried_out:
            send(self, method, url, **options)
        os._exit(KILLED)

    ended = BROKEN
    try:
        Pool.send = mortal  # type: ignore[method-assign]
        run()
        ended = FINISHED
    finally:
        os._exit(ended)  # whatever was raised: the child must not go on with the tests
