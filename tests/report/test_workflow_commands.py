"""No text makes a runner of GitHub Actions obey, however it comes; and nothing invisible is shown as nothing."""

from __future__ import annotations

import io
import json
import os
import unicodedata
from itertools import product
from pathlib import Path

import pytest

from reconciler.cli.workflow_commands import SafeStream
from reconciler.report.wording import printable
from tests.support.processes.finished_command import run_to_text


def obeyed(log: str) -> bool:
    """As the runner reads a log: line by line."""
    return any(line.lstrip().startswith("::") or "##[" in line for line in log.splitlines())


TEXTS = (
    "::stop-commands::x",
    "a\n::error::x",
    "a\r::error::x",
    "  \t::set-env::x",
    "##[error]x",
    "a ##[group]x",
    "a\n \n::x::",
)


@pytest.mark.parametrize("text", TEXTS)
def test_writes_no_workflow_command_even_in_pieces(text: str) -> None:
    for size in range(1, len(text) + 1):
        out = io.StringIO()
        stream = SafeStream(out)
        for at in range(0, len(text), size):
            stream.write(text[at : at + size])
        assert not obeyed(out.getvalue()), (size, out.getvalue())


def test_leaves_other_text_unchanged() -> None:
    for text in ("a::b", "x: ::y", "# [x]", "::"[:1], "https://[::1]/"):
        out = io.StringIO()
        SafeStream(out).write(text)
        assert out.getvalue() == text


@pytest.mark.parametrize(
    ("file", "flags"),
    list(
        product(["::error::x: 1\n", '"##[error]x": 1\n'], [(), ("--format", "github"), ("--json",)])
    ),
)
def test_no_key_of_a_file_reaches_the_runner(
    tmp_path: Path, file: str, flags: tuple[str, ...]
) -> None:
    (tmp_path / "reconciler.yaml").write_text(f"version: 1\nproject: acme\n{file}")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = run_to_text(["validate", *flags], tmp_path, {**kept, "GITHUB_ACTIONS": "true"})
    assert done.returncode == 3
    assert not obeyed(done.stderr)
    lines = done.stdout.splitlines()
    if "--json" in flags:
        assert json.loads(done.stdout)["diagnostics"]
    assert not obeyed(
        "\n".join(
            line for line in lines if not line.startswith(("::error file=", "::error title="))
        )
    )


def test_every_format_character_is_written_out() -> None:
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp"):
            assert printable(chr(code)).startswith("\\"), hex(code)
