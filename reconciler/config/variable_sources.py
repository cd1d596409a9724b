"""Define `VariableSources`, where the values of a configuration's variables come from; reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec


class VariableSources(msgspec.Struct, frozen=True):
    """Where values come from besides the defaults: the environment, files of `--var-file` in order,
    and the values of `--var`.

    `strict`: a name of `--var` that is not declared is an error. It is not for a baseline, which may
    declare other variables. `row` are the values of a row of a fleet: they are declared by the fleet,
    win over all others, and may also be part of `include` and of references to secrets.
    """

    environ: Mapping[str, str] = {}
    files: tuple[Path, ...] = ()
    given: Mapping[str, str] = {}
    strict: bool = True
    row: Mapping[str, str] = {}


NO_SOURCES = VariableSources()
