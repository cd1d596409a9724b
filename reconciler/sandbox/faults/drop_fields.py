"""Execute a call without storing the parameters that a fault drops: leave them out before the call,
or undo them after it.

After the call the reply still shows the values as if they were stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from reconciler.sandbox.faults.engine import Verdict, bare_name, last_segment, params_after_drop
from reconciler.sandbox.http.messages import Reply, Request
from reconciler.sandbox.store import Row, Store

_COUNTERPARTS = ("trunk_sid", "voice_application_sid")
"""Fields of a number of which setting one clears the other."""


def run_dropping(
    request: Request, verdict: Verdict, store: Store, run: Callable[[Request], Reply]
) -> Reply:
    """Execute a call without storing the parameters that the verdict drops."""
    if not verdict.dropped:
        return run(request)
    if not verdict.echo:
        return run(replace(request, form=params_after_drop(request.form, verdict.dropped)))

    # With `echo` the reply must show the values: execute the call, then undo the fields.
    found = store.find(last_segment(request))
    before = msgspec.structs.asdict(found[1]) if found else {}
    reply = run(request)
    if reply.status < 300:
        _undo_fields(store, _sid(reply), before, verdict.dropped)
    return reply


def _undo_fields(
    store: Store, sid: str, before: dict[str, object], dropped: tuple[str, ...]
) -> None:
    found = store.find(sid)
    if found is None:
        return
    table, row = found
    values = before or _defaults(row)
    taken = {name for name in row.__struct_fields__ if bare_name(name) in dropped}

    # A field that was not stored did not clear its counterpart either.
    for name, other in (_COUNTERPARTS, _COUNTERPARTS[::-1]):
        if name in taken and other in values:
            taken.add(other)
    table.change(row, {name: values[name] for name in row.__struct_fields__ if name in taken})


def _defaults(row: Row) -> dict[str, object]:
    return msgspec.structs.asdict(type(row)())


def _sid(reply: Reply) -> str:
    value = msgspec.json.decode(reply.body) if reply.body else None
    return str(value.get("sid", "")) if isinstance(value, dict) else ""
