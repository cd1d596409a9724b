"""A configuration with mistakes in several files: exit 3, every problem at file:line:column, for every command."""

from __future__ import annotations

import re

from tests.support.processes.process_runner import ProcessRunner

ENTRY = """\
version: 1
project: acceptance
include: parts/*.yaml
agents:
  support:
    webhooks: {voice: ftp://agents.example.com/voice}
trunks:
  edge: {domian: acme-edge.pstn.twilio.com}
"""
NUMBERS = """\
numbers:
  "+15550100101": suport
  +15550100102: support
  "+15550100103": {agent: support, trunk: edje}
  "+15550100104": support
  "+15550100104": support
"""
BRIDGES = """\
bridge_numbers:
  "+15550100103": {voice: https://agents.example.com/bridge}
  "555-0100": {voice: https://agents.example.com/bridge}
accounts:
  main: {sid: AC0, auth_token: pl4nted-literal-token}
  other: {sid: AC0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a, auth_token: {env: "pl4nted as a name"}}
"""
EXPECTED = {
    ("reconciler.yaml", 6, 23, "invalid_url"),
    ("reconciler.yaml", 8, 10, "unknown_key"),
    ("parts/1-numbers.yaml", 2, 19, "agent_not_found"),
    ("parts/1-numbers.yaml", 3, 3, "unquoted_number"),
    ("parts/1-numbers.yaml", 4, 43, "trunk_not_found"),
    ("parts/1-numbers.yaml", 6, 3, "number_already_imported"),
    ("parts/2-bridges.yaml", 2, 3, "number_already_imported"),
    ("parts/2-bridges.yaml", 3, 3, "invalid_phone_format"),
    ("parts/2-bridges.yaml", 5, 15, "invalid_twilio_sid"),
    ("parts/2-bridges.yaml", 5, 20, "literal_secret"),
    ("parts/2-bridges.yaml", 6, 64, "invalid_name"),
}


def test_every_problem_of_every_file_is_placed(runner: ProcessRunner) -> None:
    runner.secrets |= {"pl4nted-literal-token", "pl4nted as a name"}
    folder = runner.folder.parent / "broken"
    runner.folder, home = folder, runner.folder
    for name, text in {"reconciler.yaml": ENTRY, "parts/1-numbers.yaml": NUMBERS}.items():
        runner.write(name, text)
    (folder / "parts" / "2-bridges.yaml").write_text(BRIDGES, encoding="utf-8")
    runner.folder = home
    for command in (
        ["validate"],
        ["plan"],
        ["apply", "--auto-approve"],
        ["drift"],
        ["doctor"],
    ):
        done = runner.run("-C", str(folder), *command, "--json", code=3)
        found = {(d["file"], d["line"], d["column"], d["code"]) for d in done.json["diagnostics"]}
        assert found >= EXPECTED, sorted(EXPECTED - found)
        assert all(d["line"] and d["column"] and d["detail"] for d in done.json["diagnostics"])
    told = runner.run("-C", str(folder), "validate", code=3)
    assert told.out == ""
    for file, line, column, code in EXPECTED:
        assert re.search(rf"^{file}:{line}:{column}: error {code}", told.err, re.MULTILINE), (
            told.err
        )
    assert '    "+15550100101": suport\n' in told.err
    assert not runner.twilio.calls
    assert not [path for path in folder.iterdir() if "state" in path.name]


def test_warnings_change_no_exit_code(runner: ProcessRunner) -> None:
    runner.number("+15550100101")
    hooks = {"voice": "https://abc.ngrok.app/voice", "sms": "http://127.0.0.1/sms"}
    runner.declare({"+15550100101": "support"}, agents={"support": {"webhooks": hooks}})
    found = runner.run("validate", "--json")
    assert {"tunnel_url", "loopback_url"} <= set(found.codes)
    runner.apply()
    assert "tunnel_url" in runner.run("plan", "--detailed-exitcode", "--json").codes
