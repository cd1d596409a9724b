"""Find a platform's API key: any key is accepted until a seed names keys for that platform.

From then on only those keys are accepted.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, complete_uuid
from reconciler.sandbox.store import Store

_SHELF = "platform_keys"


class PlatformKey(PlatformRow, kw_only=True):
    """A key that a platform accepts, and its organisation."""

    platform: str = ""
    key: str = ""
    secret: str = ""


def make_shelf(platforms: Sequence[str]) -> PlatformShelf[PlatformKey]:
    """Return the shelf of the keys of these platforms."""

    def complete(store: Store, row: PlatformKey) -> None:
        if row.platform not in platforms:
            known = ", ".join(platforms)
            raise ValueError(f"platform must be one of {known}, not {row.platform!r}")
        if not row.key:
            raise ValueError("a platform key needs `key`")
        complete_uuid(store, row)

    return PlatformShelf(_SHELF, PlatformKey, "", complete, hidden=("key", "secret"))


_KEYS = make_shelf(())
"""The same shelf for readers, who add no key."""


def keys_of(store: Store, platform: str) -> list[PlatformKey]:
    """Return the keys that a seed names for a platform."""
    return [row for row in store.table(_KEYS) if row.platform == platform]


def find_key(store: Store, platform: str, key: str) -> PlatformKey | None:
    """Return the row of a key, None when the platform does not accept it."""
    rows = keys_of(store, platform)
    if not rows:
        return PlatformKey(platform=platform, key=key) if key else None

    for row in rows:
        if hmac.compare_digest(row.key.encode(), key.encode()):
            return row
    return None
