"""Define `reconciler demo`: run plan, apply, an edit as in the console, and drift on a simulated
Twilio in a temporary folder. Also find the files of the quickstart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile

import click

from reconciler.cli.options import is_on_terminal
from reconciler.errors import Exit
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

_SID = "AC00000000000000000000000000000001"
_EDITED = "+15550100101"
MOST_LINES = 28
"""The most lines of one command: the whole story is shorter than 100 lines."""
_LAST_LINES = 5


@click.command()
@click.option("--pace", type=float, default=0.0, metavar="SECONDS", help="Pause between the steps.")
def demo(pace: float) -> int:
    """Run a demonstration: plan, apply, an edit in the console, drift, apply, nothing to do.

    It uses a simulated Twilio inside this process and a temporary folder. No account is needed or
    touched. On a terminal it waits for Enter before each step; with --pace it does not.
    """
    source = quickstart()
    seed = json.loads((source / "sandbox.json").read_text(encoding="utf-8"))
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder,
        Sandbox(World.from_seed(seed)) as twilio,
    ):
        copyfile(source / "reconciler.yaml", Path(folder) / "reconciler.yaml")
        return _Demo(Path(folder), twilio, pace).run()


def quickstart() -> Path:
    """Return the folder of the quickstart: in a checkout ``examples/``, in an installed package its
    data.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_data" / "quickstart", package.parent / "examples" / "quickstart"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the quickstart example is not installed with the package")


class _Demo:
    def __init__(self, folder: Path, twilio: Sandbox, pace: float) -> None:
        self._folder = folder
        self._twilio = twilio
        self._pace = pace
        self._failed = False
        self._waits = not pace and is_on_terminal() and sys.stdout.isatty()
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TWILIO_")},
            "TWILIO_ACCOUNT_SID": _SID,
            "TWILIO_AUTH_TOKEN": "sandbox",
            "TWILIO_BASE_URL": twilio.base_url,
        }

    def run(self) -> int:
        """Run every step and return 1 when one had another exit code than expected."""
        self._print(
            "A Twilio account with five numbers. Four of them are declared in reconciler.yaml:"
        )
        click.echo(
            (self._folder / "reconciler.yaml")
            .read_text(encoding="utf-8")
            .split("version: 1", 1)[1]
            .strip()
        )

        self._print("Plan: show what would change. A plan writes nothing.")
        self._run(["plan", "--detailed-exitcode"], Exit.CHANGES)

        self._print("One number still points at an old PBX. Without consent, nothing is written:")
        self._run(["apply", "--auto-approve"], Exit.REFUSED, most_lines=1)
        self._print("With consent for that number. Its present values are saved first.")
        consent = "--allow-takeover=number/+15550100102"
        self._run(["apply", "--auto-approve", consent], Exit.DONE, most_lines=1)

        self._print(
            f"A colleague edits {_EDITED} in the console: calls go to a tunnel on a laptop. The "
            "scheduled drift check finds the edit, and who made it:"
        )
        self._twilio.edit(_EDITED, {"voice_url": "https://laptop.example.dev/voice"})
        self._run(["drift"], Exit.CHANGES)

        self._print("The next apply puts the declared value back. Then nothing is left to do.")
        self._run(["apply", "--auto-approve"], Exit.DONE, most_lines=1)
        self._run(["plan", "--detailed-exitcode"], Exit.DONE)

        self._print(
            "End of the demonstration. Start your own YAML from examples/quickstart; the README has the next steps."
        )
        return Exit.FAILED if self._failed else Exit.DONE

    def _print(self, text: str) -> None:
        """Print a sentence of the story; on a terminal wait for Enter before it."""
        time.sleep(self._pace)
        if self._waits:
            click.echo("\n[Enter] ", nl=False, err=True)
            sys.stdin.readline()
        click.echo(f"\n# {text}")

    def _run(self, args: Sequence[str], expected: int, most_lines: int = MOST_LINES) -> None:
        """Run a command and print what it prints, cut to its last lines where it is longer."""
        click.echo(f"$ reconciler {' '.join(args)}")
        command = [sys.executable, "-m", "reconciler", *args, "-C", str(self._folder)]
        done = subprocess.run(
            command, env=self._environ, check=False, capture_output=True, text=True
        )
        _echo_shortened(done.stdout.splitlines(), most_lines)
        if done.returncode not in (Exit.DONE, Exit.CHANGES):
            click.echo(done.stderr.splitlines()[0])
        click.echo(f"(exit {done.returncode})")
        if done.returncode != expected:
            self._failed = True
            click.echo(f"Expected exit {expected}.\n{done.stderr}", err=True)


def _echo_shortened(lines: Sequence[str], most: int) -> None:
    """Print these lines; of more than `most`, the first and the last ones."""
    hidden = len(lines) - most
    if hidden <= 1:
        shown = list(lines)
    else:
        last = min(most, _LAST_LINES)
        shown = [*lines[: most - last], f"    … {hidden} more lines …", *lines[len(lines) - last :]]
    for line in shown:
        click.echo(line)
