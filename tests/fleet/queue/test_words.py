"""What may be in a job: nothing that names a place, a host or a secret."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from reconciler.cli.main import main
from reconciler.fleet.queue.words import check_words, find_seconds, pack_words, unpack_words


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["state"],
        ["export"],
        ["apply", "-C"],
        ["apply", "-C", "/etc"],
        ["apply", "--report=html=/etc/passwd"],
        ["apply", "--report", "html=x"],
        ["plan", "--out=plan.bin"],
        ["plan", "--allow-host=evil.example.net"],
        ["plan", "--allow-destination=main"],
        ["plan", "--baseline=x"],
        ["plan", "plan.bin"],
        ["plan", "--target=a\nb"],
        ["plan", "--timeout=1;rm"],
        ["plan", "--var-file=/etc/passwd"],
        ["plan", "--var-file=../other.yaml"],
        ["plan", "--auto-approve=yes"],
        ["plan", *["--force"] * 1_001],
    ],
)
def test_a_worker_refuses_every_other_word(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_words(words, tmp_path)


def test_no_option_of_a_command_names_a_place_in_a_job() -> None:
    """Every option of the commands of stacks is either known to be harmless, or refused."""
    allowed: set[str] = set()
    for name in ("validate", "plan", "apply", "drift", "list"):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        for parameter in command.params:
            for option in parameter.opts:
                for word in (option, f"{option}=1", f"{option}=a=b"):
                    try:
                        check_words([name, word])
                    except ValueError:
                        continue
                    allowed.add(option)
    assert allowed == {
        "--allow-purchase",
        "--allow-takeover",
        "--auto-approve",
        "--concurrency",
        "--detailed-exitcode",
        "--exclude",
        "--fail-on-refusal",
        "--force",
        "--local-state",
        "--lock-timeout",
        "--target",
        "--timeout",
        "--var",
        "--var-file",
    } | ({"--no-refresh"} & allowed)


def test_files_of_values_are_found_on_the_worker(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    packed = pack_words(["plan", f"--var-file={here / 'values.yaml'}", "--timeout=90"], here)
    assert packed == ["plan", "--var-file=values.yaml", "--timeout=90"]
    assert unpack_words(packed, there)[1] == f"--var-file={there.resolve() / 'values.yaml'}"
    assert find_seconds(packed) == 90

    # 2.3 minutes, as the command line passes it on.
    assert find_seconds(pack_words(["plan", f"--timeout={2.3 * 60}"], here)) == 2.3 * 60

    # A link that leads out of the folder of the worker.
    (there / "values.yaml").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="outside the folder"):
        unpack_words(packed, there)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("--var=url=https://user:pw@host.example.com/", "holds a secret"),
        ("--var=url=https://host.example.com/?token=abc", "holds a secret"),
        ("--allow-host=db.example.com", "RECONCILER_ALLOW_HOSTS"),
        ("--var-file=/elsewhere/values.yaml", "outside the folder"),
    ],
)
def test_a_submitter_is_told_why_no_job_can_be_made(word: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        pack_words(["plan", word], tmp_path)
    assert "pw@" not in str(caught.value)
    assert "abc" not in str(caught.value)
