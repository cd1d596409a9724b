"""`Named`: one resource by all its names."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.desired import Options


class Named(NamedTuple):
    """One resource by all its names, wherever it is known from."""

    address: str
    sid: str | None
    options: Options | None
