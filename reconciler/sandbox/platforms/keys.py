"""Who calls a platform: any key will do, until a seed names keys for that platform; then only those will."""

from __future__ import annotations

import hmac

from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, complete_uuid
from reconciler.sandbox.store import Store

NAMES = ("butter", "dasha", "feather", "livekit", "nixflex", "ravan")
"""The platforms that are played."""


class PlatformKey(PlatformRow, kw_only=True):
    """A key that a platform knows, and the organisation it stands for."""

    platform: str = ""
    key: str = ""
    secret: str = ""


def _complete(store: Store, row: PlatformKey) -> None:
    if row.platform not in NAMES:
        raise ValueError(f"platform must be one of {', '.join(NAMES)}, not {row.platform!r}")
    if not row.key:
        raise ValueError("a platform key needs `key`")
    complete_uuid(store, row)


PLATFORM_KEYS = PlatformShelf("platform_keys", PlatformKey, "", _complete, hidden=("key", "secret"))


def keys_of(store: Store, platform: str) -> list[PlatformKey]:
    """The keys that a seed names for a platform."""
    return [row for row in store.table(PLATFORM_KEYS) if row.platform == platform]


def find_key(store: Store, platform: str, key: str) -> PlatformKey | None:
    """Whose key this is, None when it is nobody's."""
    known = keys_of(store, platform)
    if not known:
        return PlatformKey(platform=platform, key=key) if key else None
    return next((row for row in known if hmac.compare_digest(row.key.encode(), key.encode())), None)
