"""List the adapter of each platform type, and build one with its connections, limits and retries;
nothing is sent yet.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Event

from reconciler.clock import Clock, SystemClock
from reconciler.config.project import PlatformSettings
from reconciler.remote.gateway import CallRecord, Wait
from reconciler.remote.platforms import (
    butter,
    dasha,
    elevenlabs,
    feather,
    livekit,
    nixflex,
    ravan,
    retell,
    vapi,
)
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import Adapter, Vault
from reconciler.remote.platforms.platform_type import PlatformType
from reconciler.remote.transport.caller import CallPolicy
from reconciler.remote.transport.concurrency import ConcurrencyLimiter
from reconciler.remote.transport.pool import Pool
from reconciler.remote.transport.retry import RetryPolicy

_AT_ONCE = 8
"""Calls at once for each platform: their limits are a tenth of Twilio's."""
_RETRY_POLICY = RetryPolicy(attempts=6)


ADAPTERS: dict[str, PlatformType] = {
    "nixflex": nixflex.TYPE,
    "feather": feather.TYPE,
    "butter": butter.TYPE,
    "ravan": ravan.TYPE,
    "livekit": livekit.TYPE,
    "dasha": dasha.TYPE,
    "elevenlabs": elevenlabs.TYPE,
    "vapi": vapi.TYPE,
    "retell": retell.TYPE,
}


def connect(
    settings: PlatformSettings,
    vault: Vault,
    *,
    stop: Event | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    on_wait: Callable[[Wait], None] | None = None,
    retry_policy: RetryPolicy | None = None,
    give_up_after: float = 30.0,
    clock: Clock | None = None,
    jitter: Callable[[], float] = random.random,
) -> Adapter:
    """Return the adapter of a declared platform.

    Times in seconds, as for `reconciler.remote.twilio.gateway.connect`.
    """
    entry = ADAPTERS[settings.type]
    clock = clock or SystemClock()
    pool = Pool(
        connections=_AT_ONCE,
        connect_timeout=5.0,
        read_timeout=20.0,
        answer_timeout=give_up_after,
        clock=clock,
    )

    policy = CallPolicy(
        retry_policy or _RETRY_POLICY,
        give_up_after,
        clock,
        jitter,
        stop or Event(),
        on_call,
        on_wait,
    )
    caller = Caller(
        settings.name,
        settings.base_url or "",
        lambda: entry.headers(vault, settings.name),
        entry.read_refusal,
        pool,
        ConcurrencyLimiter(_AT_ONCE),
        policy,
    )

    adapter: Adapter = entry.make(settings, caller, vault)
    return adapter
