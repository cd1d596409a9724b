"""A configuration as text in a folder, with the account that it is about, for tests of `drift --accept`."""

from __future__ import annotations

from typing import Any

from tests.support.command_runner import CommandRunner

from .refusal_worlds import numbers_of

NEW = "https://new.example.net/in"
HEADER = """\
version: 1
project: acme-voice   # ünïcode
accounts: {{main: {{sid: {sid}, auth_token: {{env: SANDBOX_TOKEN}}, base_url: "{url}"}}}}
"""
AGENTS = """\
agents:
  support: {webhooks: {voice: "https://a.example.com/voice", sms: "https://a.example.com/sms"}}
  sales: {webhooks: {voice: "https://b.example.com/voice", sms: "https://b.example.com/sms"}}
  menu: {application: menu}
applications: {menu: {voice: "https://a.example.com/menu"}}
trunks: {edge: {domain: acme-edge.pstn.twilio.com, origination: []}}
"""


class Folder:
    """A configuration in a folder, and the account that it is about."""

    def __init__(self, runner: CommandRunner) -> None:
        self.runner = runner
        self.entry = runner.folder / "reconciler.yaml"
        self.numbers = numbers_of(runner)

    def write(self, text: str, name: str = "reconciler.yaml") -> None:
        """Write a file; the entry file gets the header."""
        account = self.runner.sandbox.world.account.sid
        header = HEADER.format(sid=account, url=self.runner.sandbox.base_url)
        whole = header + text if name == "reconciler.yaml" else text
        for place, number in enumerate(self.numbers):
            whole = whole.replace(f"<{place}>", number)
        (self.runner.folder / name).write_bytes(whole.encode("utf-8"))

    def files(self) -> dict[str, bytes]:
        """The bytes of all files of the configuration, and of the state."""
        return {
            str(path): path.read_bytes() for path in self.runner.folder.rglob("*") if path.is_file()
        }

    def apply(self) -> None:
        """Apply; one of the numbers has a fallback of somebody else."""
        self.runner.apply("--allow-takeover")

    def edit(self, place: int, **fields: object) -> None:
        """Somebody changes a number in the console."""
        self.runner.sandbox.edit(self.numbers[place], fields)

    def sid(self, address: str) -> str:
        """The SID of a resource in the state."""
        return str(self.runner.state[address]["sid"])

    def accept(self, *patterns: str, code: int = 0) -> Any:
        """Accept drift, and return the document."""
        options = [word for pattern in patterns for word in ("--accept", pattern)]
        return self.runner.json("drift", *options, code=code)

    def refuse(self, *patterns: str) -> list[dict[str, Any]]:
        """Accept drift that is refused: no file changes. Return the diagnostics."""
        before = self.files()
        document = self.accept(*patterns, code=4)
        assert self.files() == before
        assert {each["code"] for each in document["diagnostics"]} == {"cannot_accept"}
        return list(document["diagnostics"])

    def check_settled(self) -> None:
        """The next plan has no action, its apply writes nothing, and then nothing drifts."""
        assert self.runner.plan() == []
        assert self.runner.apply() == []
        assert self.runner.json("drift")["drifted"] == []

    def changed_lines(self, before: bytes) -> list[tuple[str, str]]:
        """The lines of the entry file that have changed; their number is the same."""
        old, new = (
            before.decode().splitlines(True),
            self.entry.read_bytes().decode().splitlines(True),
        )
        assert len(old) == len(new)
        return [(one, two) for one, two in zip(old, new, strict=True) if one != two]
