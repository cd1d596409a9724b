"""An import that the platform refuses because the number is there already is no success, unless it is our own.

Our own import, begun by a run that died, is in `test_killed_on_platforms`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox

from .platform_worlds import PLATFORMS, LawRunner, seeded


@pytest.mark.parametrize("route", ["trunk", "webhook"])
@pytest.mark.parametrize("name", ["nixflex", "feather", "butter", "dasha", "vapi", "retell"])
def test_leaves_a_number_that_someone_else_imports_after_the_plan(
    tmp_path: Path, name: str, route: str
) -> None:
    played = PLATFORMS[name]
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    with Sandbox(seeded(route)) as sandbox:
        ours, theirs = (
            LawRunner(tmp_path / "ours", sandbox, played),
            LawRunner(tmp_path / "theirs", sandbox, played),
        )
        ours.declare(played.agents[0])
        theirs.declare(played.agents[1])
        after_theirs: list[object] = []

        def meanwhile() -> None:
            theirs.apply()
            after_theirs.extend([theirs.records(), theirs.number()])

        result = ours.apply(meanwhile).result
        registered = [o for o in result.outcomes if o.action.kind == "registration"]
        assert [o.succeeded for o in registered] == [False]
        assert [ours.records(), ours.number()] == after_theirs
        assert theirs.plan().plan.actions == ()


def test_ravan_has_no_list_and_believes_no_word_of_already(tmp_path: Path) -> None:
    played = PLATFORMS["ravan"]
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    with Sandbox(seeded("webhook")) as sandbox:
        ours, theirs = (
            LawRunner(tmp_path / "ours", sandbox, played),
            LawRunner(tmp_path / "theirs", sandbox, played),
        )
        theirs.declare("any")
        theirs.apply()
        records, number = theirs.records(), theirs.number()
        ours.declare("any")
        for _ in range(2):
            result = ours.apply().result
            assert [o.succeeded for o in result.outcomes if o.action.kind == "registration"] == [
                False
            ]
            assert (ours.records(), ours.number()) == (records, number)
