"""Every broken configuration in tests/broken yields exactly the diagnostics beside it, each at its place.

`UPDATE_GOLDEN=1 pytest tests/config/test_broken.py` writes the expected files anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.config.codes import SUMMARIES, WARNINGS
from reconciler.config.load.load import load
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid

BROKEN = Path(__file__).parent.parent / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.yaml"))
ONLY_ELSEWHERE = {
    "csv_limit",
    "no_subaccounts",
    "subaccounts_left_out",
    "include_limit",
    "variable_limit",
    "policy_unusable",
    "invalid_pin",
    "secret_not_found",
    "short_secret",
    "weak_sip_password",
    "secret_unusable",
    "unreadable_file",
}


def diagnose(name: str) -> list[Diagnostic]:
    with pytest.raises(ConfigInvalid) as caught:
        load(BROKEN / f"{name}.yaml", environ={}, display_root=BROKEN)
    return list(caught.value.diagnostics)


def rendered(diagnostics: list[Diagnostic]) -> str:
    return "".join(
        f"{d.file}:{d.line}:{d.column}: {d.severity} {d.code}: {d.detail}\n" for d in diagnostics
    )


@pytest.mark.parametrize("name", CASES)
def test_a_broken_configuration_yields_the_expected_diagnostics(name: str) -> None:
    found = rendered(diagnose(name))
    golden = BROKEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_every_code_has_a_broken_configuration() -> None:
    seen = {d.code for name in CASES for d in diagnose(name)}
    assert seen | ONLY_ELSEWHERE == set(SUMMARIES)
    assert set(SUMMARIES) >= WARNINGS


def test_every_expectation_has_its_configuration() -> None:
    assert {path.stem for path in BROKEN.glob("*.txt")} == set(CASES)
