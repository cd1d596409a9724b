"""Words of other programs, and files and variables with a common defect: each error names the cure."""

from __future__ import annotations

import io
import os
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from reconciler.cli.main import main, run_to_exit_code

GOOD = """version: 1
project: acme-voice
agents:
  support: {webhooks: {voice: "https://agents.example.com/voice"}}
numbers:
  "+15550100101": support
"""
ACCOUNT = {
    "TWILIO_ACCOUNT_SID": "AC" + "0d" * 16,
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
}


def run(folder: Path, *words: str, text: str | None = GOOD, **environ: str) -> tuple[int, str]:
    """Run a command in a folder with this configuration; return its code and all that it prints."""
    if text is not None:
        (folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TWILIO_")}
    said = io.StringIO()
    with (
        chdir(folder),
        mock.patch.dict(os.environ, {**clean, **environ}, clear=True),
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        code = run_to_exit_code(
            lambda: main.main(list(words), prog_name="reconciler", standalone_mode=False), words
        )
    return code, said.getvalue()


@pytest.mark.parametrize(
    ("words", "unknown", "cure"),
    [
        (("plan", "-target=number/+15550100101"), "-target", "write `--target`"),
        (("plan", "-target", "number/+15550100101"), "-target", "write `--target`"),
        (("apply", "-auto-approve"), "-auto-approve", "write `--auto-approve`"),
        (("plan", "-out=x"), "-out", "write `--out`"),
        (("plan", "-json"), "-json", "write `--json`"),
        (("apply", "--yes"), "--yes", "`--auto-approve`"),
        (("apply", "-y"), "-y", "`--auto-approve`"),
        (("apply", "--dry-run"), "--dry-run", "`plan` shows"),
        (("plan", "-destroy"), "-destroy", "`release`"),
        (("plan", "-refresh=false"), "-refresh", "`--no-refresh`"),
        (("plan", "--targt", "x"), "--targt", "`--target`"),
        (("plan", "--nothing-like-it"), "--nothing-like-it", "--help"),
    ],
)
def test_suggests_our_option_for_one_of_a_similar_program(
    tmp_path: Path, words: tuple[str, ...], unknown: str, cure: str
) -> None:
    code, text = run(tmp_path, *words)
    assert code == 64
    assert f"No such option '{unknown}'" in text
    assert cure in text


@pytest.mark.parametrize("merge", ["top", "number", "with an error below"])
def test_git_conflict_is_one_error_at_its_first_line(tmp_path: Path, merge: str) -> None:
    conflict = '<<<<<<< HEAD\n  "+15550100102": support\n=======\n  "+15550100103": support\n>>>>>>> main\n'
    text = {
        "top": "<<<<<<< HEAD\n" + GOOD + "=======\n" + GOOD + ">>>>>>> main\n",
        "number": GOOD + conflict,
        "with an error below": GOOD + conflict + "numbers: [\n",
    }[merge]
    code, said = run(tmp_path, "validate", text=text)
    line = text[: text.index("<<<<<<<")].count("\n") + 1
    assert code == 3
    assert f"reconciler.yaml:{line}:1: error yaml_syntax" in said
    assert "conflict" in said
    assert said.count("error yaml_syntax") == 1


def test_a_valid_text_that_looks_like_a_conflict_is_accepted(tmp_path: Path) -> None:
    text = GOOD + "# <<<<<<< HEAD\n"
    assert run(tmp_path, "validate", text=text)[0] == 0


def test_a_file_with_the_other_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yml").write_text(GOOD, encoding="utf-8")
    code, text = run(tmp_path, "validate", text=None)
    assert code == 3
    assert "There is a reconciler.yml: rename it, or name it with `-f reconciler.yml`" in text


def test_a_version_in_quotes_is_explained(tmp_path: Path) -> None:
    code, text = run(tmp_path, "validate", text=GOOD.replace("version: 1", 'version: "1"'))
    assert code == 3
    assert "`version: 1`, without quotes" in text


@pytest.mark.parametrize(
    ("number", "digits"),
    [("+1555010010", 9), ("+155501001001", 11), ("1555010010", 9), ("+1 (555) 010-010", 9)],
)
def test_a_north_american_number_of_another_length_is_explained(
    tmp_path: Path, number: str, digits: int
) -> None:
    code, text = run(tmp_path, "validate", text=GOOD.replace("+15550100101", number))
    assert code == 3
    assert "invalid_phone_format" in text
    assert f"Numbers of country code 1 have 10 digits after it, and this one has {digits}" in text


@pytest.mark.parametrize("url", ["127.0.0.1:8010", "localhost:8010", "ftp://127.0.0.1", "http://"])
def test_a_base_url_of_the_environment_needs_a_scheme(tmp_path: Path, url: str) -> None:
    code, text = run(tmp_path, "plan", **ACCOUNT, TWILIO_BASE_URL=url)
    assert code in (1, 3)
    assert "invalid_url" in text
    assert "TWILIO_BASE_URL" in text


@pytest.mark.parametrize(
    ("token", "defect"),
    [
        ("{}\n", "holds a line break"),
        ("{}\r\n", "holds a line break"),
        (" {}", "begins or ends with a space"),
        ("{} ", "begins or ends with a space"),
        ('"{}"', "is in quotes"),
        ("'{}'", "is in quotes"),
    ],
)
def test_names_an_invalid_token_without_showing_it(tmp_path: Path, token: str, defect: str) -> None:
    bare = ACCOUNT["TWILIO_AUTH_TOKEN"]
    code, text = run(
        tmp_path,
        "plan",
        **{**ACCOUNT, "TWILIO_AUTH_TOKEN": token.format(bare)},
        TWILIO_BASE_URL="http://127.0.0.1:9",
    )
    assert code == 1
    assert "secret_unusable" in text
    assert f"TWILIO_AUTH_TOKEN {defect}" in text
    assert bare not in text
