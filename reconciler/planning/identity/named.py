"""Define the value `Named`: one resource with all its names (address, SID, agent)."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.desired import Options


class Named(NamedTuple):
    """One resource with all its names; it may be declared, recorded, planned or live."""

    address: str
    sid: str | None
    options: Options | None
