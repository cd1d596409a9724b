"""Define `PlatformType`: the functions that authenticate requests, read refusals and make the
adapter of one type of platform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from reconciler.config.project import PlatformSettings
from reconciler.remote.platforms.caller import Caller, RefusalReader
from reconciler.remote.platforms.contract import Vault


class PlatformType(msgspec.Struct, frozen=True):
    """A type of platform: authentication of requests, reading of refusals, and its adapter.

    `headers` returns the headers of a request of a named platform, and the secrets in them. `make`
    returns an `Adapter`.
    """

    headers: Callable[[Vault, str], tuple[Mapping[str, str], tuple[str, ...]]]
    read_refusal: RefusalReader
    make: Callable[[PlatformSettings, Caller, Vault], Any]
