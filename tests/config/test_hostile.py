"""A hostile configuration ends soon, with a clear error: each as a process of its own, with a limit of time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.source import LONGEST, masked, pointed_line
from reconciler.planning.secrecy import masked as masked_url

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
        HEAD + "numbers: {" + ", ".join(f'"+1555010{i:04d}": {{agemt: x}}' for i in range(500)) + "}\n",
        "unknown_key",
    ),
    "10,000 equal errors": (numbers(lambda _: "{agemt: x}", 10_000), "unknown_key"),
    "20,000 unknown keys": (HEAD + "".join(f"key{i}: 1\n" for i in range(20_000)), "unknown_key"),
    "20,000 unknown keys in an agent": (
        HEAD + "agents:\n  a:\n" + "".join(f"    key{i}: 1\n" for i in range(20_000)),
        "unknown_key",
    ),
    "5,000 misspelt agents": (numbers(lambda i: f"agemt{i}", 5_000) + agents(5_000), "agent_not_found"),
    "20,000 empty agents": (HEAD + "agents:\n" + "".join(f"  a{i}:\n" for i in range(20_000)), "missing_field"),
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
            f"a{i + 1}: &b{i + 1} [*{'b' if i else 'a'}{i or ''}, *{'b' if i else 'a'}{i or ''}]\n" for i in range(60)
        ),
        "",
    ),
    "50,000 documents": (HEAD + "---\n" * 50_000, "multiple_documents"),
    "a key of a million characters": (HEAD + f'"{"k" * 1_000_000}": 1\n', ""),
    "20,000 equal keys": (HEAD + "a: 1\n" * 20_000, "duplicate_key"),
    "a number of 100,000 digits": (HEAD + f"safety: {{max_updates: {'9' * 100_000}}}\n", ""),
    "a URL of many at signs": (HEAD + f'agents: {{a: {{webhooks: {{voice: "https://{"a@" * 100_000}"}}}}}}\n', ""),
}


def validate(folder: Path, *codes: int) -> str:
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate"],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=LIMIT * SLACK, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    assert done.returncode in (codes or (3,)), done.stderr[-2000:]
    assert "internal_error" not in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("name", list(FILES))
def test_a_hostile_file_ends_soon_with_a_clear_error(tmp_path: Path, name: str) -> None:
    text, code = FILES[name]
    (tmp_path / "reconciler.yaml").write_text(text, encoding="utf-8")
    if code:
        assert f"error {code}" in validate(tmp_path)
    else:
        validate(tmp_path, 0, 3, 4)


def test_links_that_lead_around_are_not_followed(tmp_path: Path) -> None:
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


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + "include: x.yaml\n")
    os.mkfifo(tmp_path / "x.yaml")
    assert "error unreadable_file" in validate(tmp_path)


def test_equal_errors_are_folded_and_all_are_shown_on_demand(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(numbers(lambda _: "{agemt: x}", 10_000), encoding="utf-8")
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
            found = pointed_line("a.yaml", 1, column, tmp_path)
            assert found is not None
            assert "pl4" not in found[0] + found[1]


@pytest.mark.parametrize(
    "piece", ["a", "a-", "token ", "token-", "://", "sip:", "?token", "&a=", "pas", "'", "{ ", "@"]
)
def test_masking_takes_time_in_proportion(piece: str) -> None:
    """A search that begins anew at every character would take hours for these."""
    masked(piece * 200_000, piece * 200_000)
    masked_url(piece * 200_000)
