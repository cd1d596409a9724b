"""The extra `all` contains every extra, and the extra `test` contains `all`."""

from __future__ import annotations

import re
import tomllib

from tests.docs.markdown import ROOT

EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]["optional-dependencies"]


def test_all_contains_every_extra() -> None:
    (whole,) = EXTRAS["all"]
    named = re.fullmatch(r"twilio-reconciler\[([\w,]+)\]", whole)
    assert named is not None
    assert set(named[1].split(",")) == set(EXTRAS) - {"all", "test"}


def test_the_tests_have_every_extra() -> None:
    assert "twilio-reconciler[all]" in EXTRAS["test"]
