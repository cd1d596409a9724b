"""The MCP server, driven by the SDK's own client over stdio: it looks, and applies only what a person has reviewed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters, stdio_client

from reconciler.mcp_server.calls import Served, answer_call
from reconciler.mcp_server.commands import CommandResult, hide_digests, run_command
from reconciler.mcp_server.project_files import WrongFile, find_new_plan, find_plan, find_shown
from reconciler.mcp_server.tools import TOOLS, input_schema, list_tools, to_words
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

AC = "AC" + "1" * 32
ONE, TWO = "+15550100101", "+15550100102"
AGENT = "https://agents.example.com/voice"
CONFIG = f"""\
version: 1
project: agents
agents: {{support: {{webhooks: {{voice: "{AGENT}"}}}}}}
numbers: {{"{ONE}": support, "{TWO}": support}}
"""
DIGEST = re.compile(r"[0-9a-f]{64}|sha256:[0-9a-f]")
READS = ("validate", "plan", "drift", "list", "show", "log", "explain")


class Project:
    """A folder with a configuration, a sandbox, and the server as a client starts it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.environ = {
            **os.environ,
            "TWILIO_ACCOUNT_SID": AC,
            "TWILIO_AUTH_TOKEN": "token",
            "TWILIO_BASE_URL": sandbox.base_url,
        }
        self.write(CONFIG)

    def write(self, text: str) -> None:
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def run(self, *words: str) -> dict[str, Any]:
        """Run a command as a person in the terminal does."""
        command = [sys.executable, "-m", "reconciler", *words, "-C", str(self.folder), "--json"]
        done = subprocess.run(command, env=self.environ, capture_output=True, check=False)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def digest(self, plan: str) -> str:
        """Read the digest of a plan in the terminal."""
        return str(self.run("show", str(self.folder / plan))["digest"])

    @property
    def writes(self) -> int:
        return sum(call.method == "POST" for call in self.sandbox.calls)

    def talk(self, talk: Callable[[ClientSession], Awaitable[None]]) -> None:
        """Start the server with the SDK's client, and talk with it."""

        async def session() -> None:
            parameters = StdioServerParameters(
                command=sys.executable,
                args=["-m", "reconciler", "mcp", "-C", str(self.folder)],
                env=self.environ,
            )
            async with stdio_client(parameters) as (read, write):  # noqa: SIM117
                async with ClientSession(read, write) as client:
                    await client.initialize()
                    await talk(client)

        anyio.run(session)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    seed = {
        "accounts": [{"sid": AC, "auth_token": "token"}],
        "numbers": [{"phone_number": ONE, "voice_url": ""}, {"phone_number": TWO, "voice_url": ""}],
    }
    folder = tmp_path / "project"
    folder.mkdir()
    with Sandbox(World.from_seed(seed)) as sandbox:
        yield Project(folder, sandbox)


async def call(client: ClientSession, name: str, **arguments: Any) -> tuple[bool, dict[str, Any]]:
    """Call a tool; nothing that it returns holds a digest."""
    result = await client.call_tool(name, arguments)
    assert len(result.content) == 1
    text = getattr(result.content[0], "text", "")
    assert not DIGEST.search(text), text
    document: dict[str, Any] = json.loads(text)
    assert result.structured_content == document
    return not result.is_error, document


def test_lists_the_tools_and_looks(project: Project) -> None:
    async def talk(client: ClientSession) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(READS) | {"apply"} <= set(tools)
        assert tools["apply"].input_schema["required"] == ["plan", "digest"]
        assert all(tool.input_schema["additionalProperties"] is False for tool in tools.values())

        assert await call(client, "validate") == (
            True,
            {**project.run("validate"), "exit_code": 0},
        )
        good, plan = await call(client, "plan")
        assert good
        assert [each["address"] for each in plan["actions"]] == [f"number/{ONE}"] * 2 + [
            f"number/{TWO}"
        ] * 2
        assert (await call(client, "plan", target=[TWO]))[1]["summary"]["addresses"] == 1
        assert (await call(client, "list"))[1]["numbers"][0]["e164"] == ONE
        assert (await call(client, "explain", code="plan_stale"))[1]["explanation"]["next"]
        good, drift = await call(client, "drift")
        assert (good, drift["diagnostics"][0]["code"]) == (False, "nothing_recorded")
        assert (await call(client, "show", what="agent/support"))[0]

    project.talk(talk)
    assert project.writes == 0


def test_applies_the_plan_that_a_person_has_reviewed(project: Project) -> None:
    async def talk(client: ClientSession) -> None:
        good, made = await call(client, "plan", out="plan.bin")
        assert good
        assert "digest" not in made
        assert (await call(client, "show", what="plan.bin"))[1]["actions"] == made["actions"]
        digest = project.digest("plan.bin")
        good, done = await call(client, "apply", plan="plan.bin", digest=digest)
        assert (good, done["success_count"], done["exit_code"]) == (True, 4, 0)
        assert (await call(client, "plan"))[1]["actions"] == []
        project.sandbox.edit(ONE, {"voice_url": "https://elsewhere.example.com/voice"})
        good, drift = await call(client, "drift")
        assert (good, drift["exit_code"], len(drift["drifted"])) == (True, 2, 1)
        good, log = await call(client, "log", address=f"number/{ONE}", since="1d")
        assert good
        assert {entry["address"] for entry in log["entries"]} == {f"number/{ONE}"}
        assert {entry["source"] for entry in log["entries"]} == {"twilio", "reconciler"}

    project.talk(talk)
    assert project.sandbox.world.number(TWO).voice_url == AGENT


def test_applies_nothing_that_was_not_reviewed(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside.bin"
    project.run("plan", "--out", str(outside))
    project.run("plan", "--out", str(project.folder / "one.bin"), "--target", ONE)
    (project.folder / "link.bin").symlink_to(outside)
    (project.folder / "folder").symlink_to(tmp_path)

    async def talk(client: ClientSession) -> None:
        await call(client, "plan", out="plan.bin")
        digest, other = project.digest("plan.bin"), project.digest("one.bin")
        wrong = "sha256:" + "0" * 64
        for name, given in (
            ("plan.bin", wrong),
            ("plan.bin", other),
            ("one.bin", digest),
            ("plan.bin", digest[:20]),
            ("plan.bin", digest[7:]),
            ("plan.bin", digest.upper()),
            ("plan.bin", ""),
            ("../outside.bin", digest),
            ("link.bin", digest),
            ("folder/outside.bin", digest),
            (str(outside), digest),
            ("none.bin", digest),
            ("reconciler.yaml", digest),
            (".", digest),
            ("--auto-approve", digest),
        ):
            good, result = await call(client, "apply", plan=name, digest=given)
            assert not good, (name, given)
            assert result["exit_code"] in (1, 4, 64)
        assert not (await call(client, "apply", plan="plan.bin"))[0]
        assert not (await call(client, "apply", digest=digest))[0]

        # The configuration changes after the review.
        project.write(CONFIG.replace("/voice", "/other"))
        good, result = await call(client, "apply", plan="plan.bin", digest=digest)
        assert (good, result["diagnostics"][0]["code"]) == (False, "plan_stale")

    project.talk(talk)
    assert project.writes == 0
    assert not (project.folder / "state.json").exists()


def test_no_tool_accepts_consent(project: Project) -> None:
    project.sandbox.edit(ONE, {"voice_url": "https://pbx.example.com/voice"})

    async def talk(client: ClientSession) -> None:
        await call(client, "plan", out="plan.bin")
        digest = project.digest("plan.bin")
        good, result = await call(client, "apply", plan="plan.bin", digest=digest)
        assert (good, result["diagnostics"][0]["code"]) == (False, "takeover_refused")
        for extra in (
            {"allow_takeover": True},
            {"force": True},
            {"break_glass": "now"},
            {"allow_purchase": True},
            {"allow_destination": ["main"]},
            {"allow_host": ["evil.example.com"]},
            {"var_file": ["/etc/passwd"]},
            {"auto_approve": True},
        ):
            good, result = await call(client, "apply", plan="plan.bin", digest=digest, **extra)
            assert (good, result["exit_code"]) == (False, 64)
        for values in (["--allow-takeover"], ["-f/etc/passwd"]):
            assert not (await call(client, "plan", target=values))[0]
        assert not (await call(client, "explain", code="--help"))[0]

    project.talk(talk)
    assert project.sandbox.world.number(ONE).voice_url == "https://pbx.example.com/voice"


def test_a_plan_is_saved_over_nothing_but_a_plan(project: Project, tmp_path: Path) -> None:
    (project.folder / ".git").mkdir()
    (project.folder / "notes.txt").write_text("mine", encoding="utf-8")

    async def talk(client: ClientSession) -> None:
        for name in (
            "../p.bin",
            ".git/config",
            ".hidden",
            "notes.txt",
            "reconciler.yaml",
            "no/p.bin",
        ):
            good, result = await call(client, "plan", out=name)
            assert (good, result["exit_code"]) == (False, 64), name
        assert (await call(client, "plan", out="plan.bin"))[0]
        assert (await call(client, "plan", out="plan.bin", target=[ONE]))[0], "a plan over a plan"

    project.talk(talk)
    assert (project.folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in project.folder.iterdir()) == [
        ".git",
        "notes.txt",
        "plan.bin",
        "reconciler.yaml",
    ]
    assert not (tmp_path / "p.bin").exists()


def test_nothing_is_imported_from_the_project(project: Project) -> None:
    marker = project.folder / "imported"
    for name in ("yaml", "msgspec", "reconciler"):
        text = f"open({str(marker)!r}, 'w')\nraise SystemExit(9)\n"
        (project.folder / f"{name}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-P", "-c", _RUN, str(project.folder)]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"
    assert not marker.exists()


_RUN = """
import sys
from reconciler.mcp_server.commands import run_command
print(run_command(["validate", "-C", sys.argv[1], "--json"]).exit_code)
"""


def test_only_commands_of_this_version_are_tools() -> None:
    assert "log" not in list_tools({"plan", "apply"})
    assert set(list_tools(set(TOOLS))) == set(TOOLS)
    assert [name for name, tool in TOOLS.items() if tool.writes] == ["apply"]


def test_no_argument_is_an_option_that_consents() -> None:
    flags = {each.flag for tool in TOOLS.values() for each in tool.arguments.values()}
    always = {word for tool in TOOLS.values() for word in tool.always}
    assert flags | always <= {
        None, "--target", "--exclude", "--out", "--agent", "--account", "--platform", "--label",
        "--unmanaged", "--drifted", "--no-refresh", "--since", "--expect", "--timeout", "10m", "30m",
    }  # fmt: skip
    assert to_words(TOOLS["list"], {"agent": ["a", "b"], "drifted": True, "unmanaged": False}) == [
        "--agent=a",
        "--agent=b",
        "--drifted",
    ]
    assert input_schema(TOOLS["plan"])["properties"]["target"]["maxItems"] == 100


def test_digests_are_hidden_wherever_they_are() -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    hidden = hide_digests(
        {"digest": digest, "a": [f"has {digest}, wanted {digest[:15]}"], digest[7:]: {"digest": 1}}
    )
    assert not DIGEST.search(json.dumps(hidden))
    assert hide_digests({"sid": AC, "n": 1, "none": None}) == {"sid": AC, "n": 1, "none": None}


def test_a_large_result_is_cut(project: Project) -> None:
    words = ["validate", "-C", str(project.folder), "--json"]
    assert "truncated" not in run_command(words, most_bytes=500).document
    result = run_command(words, most_bytes=100)
    assert result.document["truncated"] is True
    assert result.document["summary"]["numbers"] == 2


def test_files_are_resolved_before_they_are_used(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    for name in ("loop", "pipe", "a\0b", "..", "x" * 5_000):
        with pytest.raises(WrongFile):
            find_plan(root, name)
    with pytest.raises(WrongFile):
        find_new_plan(root, "pipe")
    assert find_shown(root, f"number/{ONE}") == f"number/{ONE}"
    for name in ("/etc/passwd", "../x", "number/../../x"):
        with pytest.raises(WrongFile):
            find_shown(root, name)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("show", {"what": "x" * 900}),
        ("plan", {"out": "x" * 900}),
        ("plan", {"out": "a\0b"}),
        ("apply", {"plan": "x" * 900, "digest": "sha256:" + "0" * 64}),
        ("apply", {"plan": "", "digest": "sha256:" + "0" * 64}),
        ("plan", {"target": "one text"}),
        ("plan", {"target": ["x"] * 101}),
        ("list", {"drifted": "yes"}),
        ("explain", {"code": "x" * 2_000}),
    ],
)
def test_a_wrong_argument_runs_nothing(
    tmp_path: Path, name: str, arguments: dict[str, Any]
) -> None:
    def run(words: object, **options: object) -> CommandResult:
        raise AssertionError(words)

    result = answer_call(Served(tmp_path, "reconciler.yaml"), name, TOOLS[name], arguments, run)
    assert result.exit_code == 64
    assert 10 < len(result.document["error"]) < 1_200


def test_without_the_extra_the_error_names_it(project: Project) -> None:
    script = (
        "import sys\nsys.modules['mcp_types'] = None\n"
        "from reconciler.cli.main import run\nrun(['mcp', '--json'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    diagnostic = json.loads(done.stdout)["diagnostics"][0]
    assert diagnostic["code"] == "extra_missing"
    assert "pip install 'twilio-reconciler[mcp]'" in diagnostic["detail"]
