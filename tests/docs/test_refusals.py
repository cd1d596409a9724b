"""Every refusal that is documented has a world in which `plan` and `apply` are compared."""

from __future__ import annotations

import re

from reconciler.config.lint_rules import RULES
from tests.docs.generate import ROOT
from tests.whole.refusal_worlds import WORLDS

WITHOUT_A_PLAN = {
    "plan_stale": "only a saved or confirmed plan is stale; a new plan cannot announce it",
    "plan_unexpected": "only `apply --expect` knows which plan is expected",
}
"""Refusals that no plan can announce, and why."""

OUTSIDE_THE_TABLE = {"credentials_in_state", *RULES}
"""Codes that are explained elsewhere, because they are warnings by default."""


def test_every_refusal_has_a_world() -> None:
    """A new row under `## Refusals` needs a world in `tests/whole/refusal_worlds.py`."""
    text = (ROOT / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
    table = text.partition("\n## Refusals\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    assert documented, "the table is found"

    covered = {code for world in WORLDS.values() for code in world.codes}
    assert documented - covered == set(WITHOUT_A_PLAN), (
        "codes without a world in tests/whole/refusal_worlds.py"
    )
    assert covered - documented <= OUTSIDE_THE_TABLE, (
        "codes that docs/reference/codes.md does not list under Refusals"
    )
