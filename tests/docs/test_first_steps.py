"""The tutorial and the page on daily work can be followed: their files and commands, in order, against a sandbox
process, print what they show.

With ``UPDATE_GOLDEN=1`` the output in a page is replaced by what the commands print.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

PAGES = (
    ROOT / "docs" / "tutorial" / "first-steps.md",
    ROOT / "docs" / "how-to" / "daily-work.md",
)
PORT = "8010"
BLOCK = re.compile(r"^```(json|yaml|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(\w+\.(?:json|yaml))`[^`]*\Z")
"""The name of a file is the last code span before its block."""

WRITER = re.compile(r"by the reconciler \(.*, serial")
OWN = re.compile(r"by this project, \S+ with")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LEFT_OUT = re.compile(r"^(?:Digest of the plan|New secret destination|\[\d+/\d+\] |$)")
"""Lines that the page does not show: digests, progress and empty lines."""


class Reader:
    """Follows the page: saves its files, keeps its exports, runs its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = PORT
        self.sandbox: subprocess.Popen[str] | None = None

        # Whatever interpreter runs the tests provides the command.
        command = folder / "bin" / "reconciler"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
        command.chmod(0o755)
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith("TWILIO_")
        }
        self.environ["PATH"] = f"{command.parent}{os.pathsep}{self.environ['PATH']}"

    def run(self, script: str) -> str:
        """Run the commands of one block and return what they print; checks their exit code."""
        for name, value in re.findall(r"^export (\w+)=(.*)$", script, re.MULTILINE):
            self.environ[name] = value.replace(PORT, self.port)
        if script.startswith("reconciler sandbox "):
            return self._start_sandbox(script)

        done = subprocess.run(
            ["bash", "-c", script.replace(PORT, self.port)],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        declared = re.search(r"# exit code (\d+)", script)
        expected = int(declared[1]) if declared else 0
        assert done.returncode == expected, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _start_sandbox(self, script: str) -> str:
        """Start the sandbox on a free port, so that tests can run side by side."""
        words = script.replace(PORT, "0").split()
        self.sandbox = subprocess.Popen(
            words, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, text=True
        )
        assert self.sandbox.stdout is not None
        lines = [self.sandbox.stdout.readline() for _ in range(2)]

        found = re.search(r"http://127\.0\.0\.1:(\d+)", lines[0])
        assert found is not None, lines
        self.port = found[1]
        return "".join(lines)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    follower = Reader(tmp_path)
    yield follower
    if follower.sandbox is not None:
        follower.sandbox.terminate()
        follower.sandbox.communicate(timeout=10)


def shorten(output: str, port: str) -> str:
    """Return an output as the page shows it: some lines left out, the page's port, one time for all."""
    lines = [line for line in output.splitlines() if not LEFT_OUT.match(line)]
    text = "\n".join(lines).replace(port, PORT)
    text = WRITER.sub("by the reconciler (anna, serial", text)
    text = OWN.sub("by this project, anna with", text)
    return TIME.sub("2026-01-31T10:15:00Z", text) + "\n"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_page_can_be_followed(reader: Reader, path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    followed, end, output = "", 0, ""
    for block in BLOCK.finditer(page):
        followed += page[end : block.start()]
        language, text = block[1], block[2]
        if language in ("json", "yaml"):
            name = FILE.search(followed)
            assert name is not None, f"no file is named before:\n{text}"
            saved = text.replace(PORT, reader.port)  # the page names the usual port
            (reader.folder / name[1]).write_text(saved, encoding="utf-8")
        elif language == "sh":
            output = reader.run(text)
        else:
            text = shorten(output, reader.port)
        followed += f"```{language}\n{text}```"
        end = block.end()
    followed += page[end:]

    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(followed, encoding="utf-8")
    else:
        assert followed == page
