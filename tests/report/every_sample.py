"""A document of every kind, fleets included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.report import fleet_samples, samples

ALL: Mapping[str, Callable[[], Any]] = {
    **samples.ALL,
    "fleet": fleet_samples.fleet,
    "hostile_fleet": fleet_samples.hostile_fleet,
}
