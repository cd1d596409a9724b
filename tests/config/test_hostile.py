"""A hostile configuration ends soon, with a clear error: each as a process of its own, with a limit of time."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.source.source_line import LONGEST, mask_secrets, read_line_with_mark
from reconciler.planning.checks.secrecy import mask as masked_url
from tests.support.processes.finished_command import run_to_end

LIMIT = 10.0
SLACK = float(os.environ.get("HOSTILE_SLACK", "2"))
"""Several test processes share the machine's cores."""
HEAD = "version: 1\nproject: acme\n"


def numbers(what: Callable[[int], str], count: int) -> str:
    return HEAD + "numbers:\n" + "".join(f'  "+1555{i:07d}": {what(i)}\n' for i in range(count))


def agents(count: int) -> str:
    return "agents:\n" + "".join(
        f'  agent{i}: {{webhooks: {{voice: "https://a.example.com/{i}"}}}}\n' for i in range(count)
    )


def policy(schema: Any) -> str:
    agent = f'agents:\n  support: {{webhooks: {{voice: "https://a.example.com/{"a" * 60}"}}}}\n'
    return f"{HEAD}{agent}policies:\n  p: {{kinds: [agent], schema: {json.dumps(schema)}}}\n"


def doubled(depth: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {f"d{depth}": {"type": "object"}}
    for i in range(depth):
        definitions[f"d{i}"] = {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


CATASTROPHIC = {
    "propertyNames": {"pattern": "^(([a-z])+)+!$"},
    "additionalProperties": {"additionalProperties": {"pattern": "(a+)+$b"}},
}
FILES: dict[str, tuple[str, str]] = {
    "a line of 8,000 characters": (HEAD + "x: " + "a" * 8_000 + "\n", "unknown_key"),
    "a line of secret words": (HEAD + 'x: "' + "token " * 20_000 + '"\n', "unknown_key"),
    "a line of dashes": (HEAD + 'x: "' + "a-" * 200_000 + '"\n', "unknown_key"),
    "a word and many spaces": (HEAD + 'x: "token' + " " * 200_000 + '"\n', "unknown_key"),
    "SIP addresses without an end": (HEAD + 'x: "' + "sip:" * 100_000 + '"\n', "unknown_key"),
    "500 errors on one line": (
        HEAD
        + "numbers: {"
        + ", ".join(f'"+1555010{i:04d}": {{agemt: x}}' for i in range(500))
        + "}\n",
        "unknown_key",
    ),
    "10,000 equal errors": (numbers(lambda _: "{agemt: x}", 10_000), "unknown_key"),
    "20,000 unknown keys": (HEAD + "".join(f"key{i}: 1\n" for i in range(20_000)), "unknown_key"),
    "20,000 unknown keys in an agent": (
        HEAD + "agents:\n  a:\n" + "".join(f"    key{i}: 1\n" for i in range(20_000)),
        "unknown_key",
    ),
    "5,000 misspelt agents": (
        numbers(lambda i: f"agemt{i}", 5_000) + agents(5_000),
        "agent_not_found",
    ),
    "20,000 empty agents": (
        HEAD + "agents:\n" + "".join(f"  a{i}:\n" for i in range(20_000)),
        "missing_field",
    ),
    "5,000 misspelt rules": (
        HEAD + f"lint: {{disable: {[f'missing_falback{i}' for i in range(5_000)]}}}\n",
        "invalid_value",
    ),
    "a catastrophic pattern": (policy(CATASTROPHIC), "policy_unusable"),
    "references that double": (policy(doubled(40)), "policy_unusable"),
    "a reference to itself": (policy({"$ref": "#"}), "policy_unusable"),
    "a bad $id": (policy({"$id": "http://[::bad", "type": "object"}), ""),
    "an $id that is a number": (policy({"$id": 5}), "invalid_value"),
    "a bad $ref": (policy({"$ref": "http://[::1"}), ""),
    "a bad pattern": (policy({"propertyNames": {"pattern": "("}}), ""),
    "a schema that is too large": (policy({"enum": ["x" * 300_000]}), "invalid_value"),
    "a pattern over everything": (HEAD + 'include: "/**"\n', "include_outside_project"),
    "a pattern of many folders": (HEAD + f'include: "{"**/a/" * 50}*.yaml"\n', "include_limit"),
    "100,000 brackets": (HEAD + "x: " + "[" * 100_000, ""),
    "aliases of aliases": (
        HEAD
        + "a: &a [1]\n"
        + "".join(
            f"a{i + 1}: &b{i + 1} [*{'b' if i else 'a'}{i or ''}, *{'b' if i else 'a'}{i or ''}]\n"
            for i in range(60)
        ),
        "alias_explosion",
    ),
    "50,000 documents": (HEAD + "---\n" * 50_000, "multiple_documents"),
    "a key of a million characters": (HEAD + f'"{"k" * 1_000_000}": 1\n', ""),
    "20,000 equal keys": (HEAD + "a: 1\n" * 20_000, "duplicate_key"),
    "a number of 100,000 digits": (HEAD + f"safety: {{max_updates: {'9' * 100_000}}}\n", ""),
    "keys of keys": (HEAD + "? " * 50_000 + "a\n", "too_deep"),
    "underscores in a number": (HEAD + f"x: 0{'_' * 300_000}!\n", "unknown_key"),
    "a host of colons": (HEAD + f"safety: {{allowed_hosts: ['{':' * 300_000}!']}}\n", ""),
    "a name after many line breaks": ("\n" * 1_000_000 + "version: 1\nx: [", ""),
    "1,000 policies that 100 agents violate": (
        HEAD
        + agents(100)
        + "policies:\n"
        + "".join(
            f"  p{i}: {{kinds: [agent], schema: {{maxProperties: 0}}}}\n" for i in range(1000)
        ),
        "policy_violated",
    ),
    "a message of a million characters": (
        f"{HEAD}policies: {{p: {{kinds: [agent], message: '{'m' * 1_000_000}', schema: {{maxProperties: 0}}}}}}\n",
        "invalid_value",
    ),
    "one anchor and 300,000 aliases": (HEAD + "x: [&a 1" + ", *a" * 300_000 + "]\n", "unknown_key"),
    "a chain of 900 aliases": (
        HEAD + "a0: &a0 [1]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(900)),
        "unknown_key",
    ),
    "infinite and huge numbers": (
        "version: 1.0e+999\nproject: .inf\nstate: 1e999\nsafety: {max_updates: 1.0e+999, max_spend: "
        "{amount: 1e999999999, currency: USD}}\nnumbers: {1.0e+999: .nan, +1.5e99: 1e99}\n",
        "",
    ),
    "halves of surrogate pairs": (
        HEAD
        + 'agents: {"\\ud800": {webhooks: {voice: "https://a.example.com/\\udfff"}}}\n"\\udc80": 1\n',
        "",
    ),
    "escaped zero bytes": (
        HEAD + 'include: "a\\0b"\nstate: "a\\0b"\n"\\0\\e[31m": 1\n',
        "include_not_found",
    ),
    "timestamps": (
        HEAD + "numbers: {2001-12-14t21:59:43.10-05:00: 2001-12-14, 9999-99-99: 9999-99-99}\n",
        "",
    ),
    "a number of a million combining marks": (
        HEAD + f"numbers: {{'+1555{chr(0x301) * 300_000}': 1}}\n",
        "",
    ),
    "a URL of many at signs": (
        HEAD + f'agents: {{a: {{webhooks: {{voice: "https://{"a@" * 100_000}"}}}}}}\n',
        "",
    ),
}


MEMORY = 900 << 20
"""Bytes of address space beside those of the program itself; the process of policies has a limit of its own."""
COMMANDS = (
    ("validate", "-v"),
    ("lint",),
    ("fmt", "--check"),
    ("graph",),
    ("validate", "--format", "html"),
)
"""The other commands that a fork may run."""


def validate(folder: Path, *codes: int) -> str:
    return run(folder, ("validate",), codes or (3,))


def run(folder: Path, command: Sequence[str], codes: Sequence[int]) -> str:
    """Run a command under limits of time and memory; return its standard error."""
    environ = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    done = run_to_end(command, folder, environ, timeout=LIMIT * SLACK, memory=MEMORY)
    stderr = done.stderr.decode("utf-8", "replace")
    assert done.returncode in codes, stderr[-2000:]
    assert b"internal_error" not in done.stdout + done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    return stderr


@pytest.mark.parametrize("name", list(FILES))
def test_a_hostile_file_ends_soon_with_a_clear_error(tmp_path: Path, name: str) -> None:
    text, code = FILES[name]
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    if code:
        assert f"error {code}" in validate(tmp_path, 3, 4)
    else:
        validate(tmp_path, 0, 3, 4)


@pytest.mark.parametrize("name", list(FILES))
def test_every_command_ends_soon_on_a_hostile_configuration(tmp_path: Path, name: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(FILES[name][0], encoding="utf-8")
    for command in COMMANDS:
        # `fmt --check` exits 1 for a file that it would change.
        run(tmp_path, command, (0, 1, 3, 4) if command[0] == "fmt" else (0, 3, 4))


BYTES = {
    "UTF-16": HEAD.encode("utf-16"),
    "UTF-16 without a mark": HEAD.encode("utf-16-le"),
    "UTF-32": HEAD.encode("utf-32"),
    "1,000 byte order marks": b"\xef\xbb\xbf" * 1000 + HEAD.encode(),
    "a million zero bytes": b"\0" * 1_000_000,
    "a million invalid bytes": b"\xff" * 1_000_000,
    "a zero byte": HEAD.encode() + b"x: a\0b\n",
}


@pytest.mark.parametrize("name", list(BYTES))
def test_invalid_bytes_are_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "reconciler.yaml").write_bytes(BYTES[name])
    validate(tmp_path)
    for command in COMMANDS:
        # `fmt` formats the files that it can read, and says how many they are.
        run(tmp_path, command, (0, 3) if command[0] == "fmt" else (3,))


def test_folders_without_end_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + 'include: "**/*.yaml"\n')
    with contextlib.chdir(tmp_path):
        for _ in range(300):  # not so many that the clean-up of a test fails
            os.mkdir("d")
            os.chdir("d")
    assert "error include_limit" in validate(tmp_path)


def test_200_files_that_include_each_other_load_in_time(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + 'include: "*.yml"\n')
    for i in range(200):
        (tmp_path / f"i{i}.yml").write_text('include: "*.yml"\nnumbers: {}\n')
    assert "error" in validate(tmp_path)


@pytest.mark.parametrize("section", ["include: x.yaml", "policies: {p: {schema: x.yaml}}"])
@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "link to itself"])
def test_refuses_a_name_that_is_not_a_file(tmp_path: Path, section: str, kind: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(f"{HEAD}{section}\n")
    path = tmp_path / "x.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    validate(tmp_path)
    for command in COMMANDS:
        # `fmt` formats the files that it can read, and says how many they are.
        run(tmp_path, command, (0, 3) if command[0] == "fmt" else (3,))


def test_a_pipe_beside_the_configuration_is_not_read(tmp_path: Path) -> None:
    """A report of failure looks for the name of the project in the files beside an entry file that has none."""
    (tmp_path / "reconciler.yaml").write_text("version: 1\n")
    os.mkfifo(tmp_path / "a.yaml")
    run(tmp_path, ("validate", "--format", "html"), (3,))


def test_does_not_follow_circular_links(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + 'include: "**/*.yml"\n')
    for i in range(6):
        (tmp_path / f"d{i}").mkdir()
        (tmp_path / f"d{i}/x.yml").write_text("numbers: {}\n")
        for j in range(6):
            (tmp_path / f"d{i}/l{j}").symlink_to("..")
    validate(tmp_path, 0)


def test_a_chain_of_300_includes_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + "include: i0.yaml\n")
    for i in range(300):
        (tmp_path / f"i{i}.yaml").write_text(f"include: i{i + 1}.yaml\n")
    assert "error include_limit" in validate(tmp_path)


def test_does_not_wait_for_what_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + "include: x.yaml\n")
    os.mkfifo(tmp_path / "x.yaml")
    assert "error unreadable_file" in validate(tmp_path)


def test_folds_equal_errors_and_shows_all_on_demand(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        numbers(lambda _: "{agemt: x}", 10_000), encoding="utf-8"
    )
    assert "9,990 more like this" in validate(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        'voice: "' + "x" * (LONGEST - 40) + "https://user:pl4nted-password@host/" + "y" * 900 + '"',
        "note: " + "x" * (LONGEST - 30) + ", auth_token: pl4nted-password" + "y" * 900,
        "auth_token: " + "pl4nted-password" * 900,
    ],
)
def test_a_cut_line_shows_no_part_of_a_secret(tmp_path: Path, line: str) -> None:
    for shift in range(0, 40, 3):
        (tmp_path / "a.yaml").write_text("x" * shift + line + "\n")
        for column in (1, LONGEST // 2, LONGEST - 10, LONGEST):
            found = read_line_with_mark("a.yaml", 1, column, tmp_path)
            assert found is not None
            assert "pl4" not in found[0] + found[1]


@pytest.mark.parametrize(
    "piece", ["a", "a-", "token ", "token-", "://", "sip:", "?token", "&a=", "pas", "'", "{ ", "@"]
)
def test_masking_takes_time_in_proportion(piece: str) -> None:
    """A search that begins anew at every character would take hours for these."""
    mask_secrets(piece * 200_000, piece * 200_000)
    masked_url(piece * 200_000)
