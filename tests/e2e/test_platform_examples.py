"""Each platform's example, as it stands, against a sandbox with its seed: applied, settled, and let go of again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.platform_runner import PlatformRunner

EXAMPLES = Path(__file__).parents[2] / "examples"
PLATFORMS = (
    "butter",
    "dasha",
    "feather",
    "livekit",
    "nixflex",
    "ravan",
    "retell",
    "vapi",
    "elevenlabs",
)
_NUMBERS = re.compile(r"^(numbers|bridge_numbers|trunks):\n(?:[ \n].*\n?)*", re.MULTILINE)


def exported(text: str) -> dict[str, str]:
    """The variables that the example's own words tell to export."""
    words = [
        word
        for line in re.findall(r"^#   export (.+)$", text, re.MULTILINE)
        for word in shlex.split(line)
    ]
    pairs = [word.rstrip(";").partition("=") for word in words if "=" in word]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("name", PLATFORMS)
def test_platform_example_works_as_documented(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name / "reconciler.yaml").read_text(encoding="utf-8")
    with Sandbox(World.load(EXAMPLES / name / "sandbox.json")) as sandbox:
        runner = PlatformRunner(tmp_path / "work", sandbox)
        runner.environ |= exported(text)
        local = text.replace("http://127.0.0.1:8010", sandbox.base_url)
        runner.write("reconciler.yaml", local)
        before = {number.phone_number: number.voice_url or "" for number in sandbox.world.numbers}
        done = runner.apply()
        assert done["success_count"] > 0
        assert any(address.startswith("registration/") for address in runner.state)
        runner.settled()
        runner.write("reconciler.yaml", _NUMBERS.sub("", local))
        runner.apply()
        assert [address for address in runner.state if "/agent/" not in address] == []
        assert {
            number.phone_number: number.voice_url or "" for number in sandbox.world.numbers
        } == before


def started(name: str, folder: Path, sandbox: Sandbox) -> tuple[PlatformRunner, str]:
    """A user who has done what the example's first lines say; the configuration is there."""
    text = (EXAMPLES / name / "reconciler.yaml").read_text(encoding="utf-8")
    runner = PlatformRunner(folder, sandbox)
    runner.environ |= exported(text)
    local = text.replace("http://127.0.0.1:8010", sandbox.base_url)
    runner.write("reconciler.yaml", local)
    return runner, local


def test_the_reseller_serves_each_customer_from_their_own_account(tmp_path: Path) -> None:
    """One template agent, a token for each number's account, and a number that is bought once."""
    new = "+15550100121"
    with Sandbox(World.load(EXAMPLES / "reseller" / "sandbox.json")) as sandbox:
        runner, local = started("reseller", tmp_path / "work", sandbox)
        assert runner.run("apply", "--json", "--auto-approve", code=4).codes == ["purchase_refused"]
        assert [n.phone_number for n in sandbox.world.numbers if n.phone_number == new] == []
        with runner.watched() as calls:
            runner.apply("--allow-purchase")
        imports = [
            call.params
            for call in calls
            if call.method == "POST" and call.path.startswith("/nixflex")
        ]
        accounts = {str(sent["phone_number"]): str(sent["twilio_sid"])[-1] for sent in imports}
        assert accounts == {"+15550100101": "1", "+15550100102": "1", "+15550100111": "2", new: "3"}
        assert {sent["agent_id"] for sent in imports} == {"agent_125207e452f8714a"}
        row = runner.json("show", f"number/{new}")["resource"]
        assert (row["agent"], row["credentials"]) == ("template", "initech")
        runner.settled()
        runner.apply("--allow-purchase")
        assert len([n for n in sandbox.world.numbers if n.phone_number == new]) == 1
        runner.write("reconciler.yaml", _NUMBERS.sub("", local))
        runner.apply()
        assert runner.state == {}
        left = {number.phone_number: number.voice_url or "" for number in sandbox.world.numbers}
        assert left == {
            "+15550100101": "",
            "+15550100102": "",
            "+15550100111": "https://old-pbx.example.net/incoming",
            new: "",
        }, "the number that was bought is kept"


def test_recipes_build_the_routes_of_their_agents(tmp_path: Path) -> None:
    with Sandbox(World.load(EXAMPLES / "recipes" / "sandbox.json")) as sandbox:
        runner, local = started("recipes", tmp_path / "work", sandbox)
        runner.apply()
        assert "ultravox.ai" in runner.hooks("+15550100101")["voice_url"]
        assert runner.hooks("+15550100102").keys() == {"trunk_sid"}
        assert [call for call in sandbox.calls if call.path.startswith("/ultravox")] == []
        runner.settled()
        runner.write("reconciler.yaml", _NUMBERS.sub("", local))
        runner.apply()
        assert runner.hooks("+15550100101") == {"voice_url": "https://old-pbx.example.net/incoming"}


def test_warm_transfers_need_bridge_numbers_and_no_platform(tmp_path: Path) -> None:
    taken = "+15550100201"
    with Sandbox(World.load(EXAMPLES / "warm-transfers" / "sandbox.json")) as sandbox:
        runner, local = started("warm-transfers", tmp_path / "work", sandbox)
        before = {
            number.phone_number: runner.hooks(number.phone_number)
            for number in sandbox.world.numbers
        }
        runner.apply()
        bridge = "https://agents.example.com/bridge"
        urls = {name: runner.hooks(name)["voice_url"] for name in before}
        assert urls == {
            "+15550100101": "https://agents.example.com/voice",
            "+15550100200": bridge,
            taken: bridge,
            "+15550100202": f"{bridge}/vip",
        }
        assert runner.hooks(taken)["sms_url"] == before[taken]["sms_url"]
        view = runner.json("show", "bridge_number/+15550100200")["resource"]
        assert (view["phone_e164"], view["status"]) == ("+15550100200", "active")
        runner.settled()
        runner.write("reconciler.yaml", _NUMBERS.sub("", local))
        runner.apply()
        assert runner.state == {}
        assert {name: runner.hooks(name) for name in before} == before


def test_every_platform_has_an_example() -> None:
    from reconciler.kinds.platforms.table import PLATFORM_KINDS

    assert set(PLATFORMS) == set(PLATFORM_KINDS)
