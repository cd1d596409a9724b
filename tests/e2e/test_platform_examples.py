"""Each platform's example, as it stands, against a sandbox with its seed: applied, settled, and let go of again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reconciler.sandbox.server import Sandbox
from reconciler.sandbox.world import World

from .platform_stage import PlatformStage

EXAMPLES = Path(__file__).parents[2] / "examples"
PLATFORMS = ("butter", "dasha", "feather", "livekit", "nixflex", "ravan")
_NUMBERS = re.compile(r"^(numbers|bridge_numbers):\n(?:[ \n].*\n?)*", re.MULTILINE)


def exported(text: str) -> dict[str, str]:
    """The variables that the example's own words tell to export."""
    words = [word for line in re.findall(r"^#   export (.+)$", text, re.MULTILINE) for word in shlex.split(line)]
    pairs = [word.rstrip(";").partition("=") for word in words if "=" in word]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("name", PLATFORMS)
def test_an_example_of_a_platform_does_what_it_says(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name / "reconciler.yaml").read_text(encoding="utf-8")
    with Sandbox(World.load(EXAMPLES / name / "sandbox.json")) as sandbox:
        stage = PlatformStage(tmp_path / "work", sandbox)
        stage.environ |= exported(text)
        local = text.replace("http://127.0.0.1:8010", sandbox.base_url)
        stage.write("reconciler.yaml", local)
        before = {number.phone_number: number.voice_url or "" for number in sandbox.world.numbers}
        done = stage.apply()
        assert done["success_count"] > 0
        assert any(address.startswith("registration/") for address in stage.state)
        stage.settled()
        stage.write("reconciler.yaml", _NUMBERS.sub("", local))
        stage.apply()
        assert stage.state == {}
        assert {number.phone_number: number.voice_url or "" for number in sandbox.world.numbers} == before


def test_every_platform_has_an_example() -> None:
    from reconciler.kinds.platforms import PLATFORM_KINDS

    assert set(PLATFORMS) == set(PLATFORM_KINDS)
