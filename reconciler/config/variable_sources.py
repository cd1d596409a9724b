"""Define `VariableSources`, where the values of a configuration's variables come from; reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec


class VariableSources(msgspec.Struct, frozen=True):
    """Where values come from besides the defaults: the environment, files of `--var-file` in order,
    and the values of `--var`.

    `strict`: a name of `--var` that is not declared is an error. It is not for a baseline, which may
    declare other variables.
    """

    environ: Mapping[str, str] = {}
    files: tuple[Path, ...] = ()
    given: Mapping[str, str] = {}
    strict: bool = True


NO_SOURCES = VariableSources()
