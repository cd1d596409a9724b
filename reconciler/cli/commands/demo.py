"""`reconciler demo`: the whole story on a built-in Twilio, with the real commands and the YAML of the quickstart."""

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
from typing import TYPE_CHECKING

import click

from reconciler.errors import Exit

if TYPE_CHECKING:
    from reconciler.sandbox.service.app import Sandbox

_SID = "AC00000000000000000000000000000001"
_EDITED = "+15550100101"


@click.command(short_help="The whole story on a built-in Twilio, in ten seconds.")
@click.option("--pace", type=float, default=0.0, metavar="SECONDS", help="Wait between the steps.")
def demo(pace: float) -> int:
    """Plan, apply, a colleague's edit in the console, drift, plan, apply, nothing to do: told step by step.

    Everything happens on a Twilio inside this process and in a temporary folder; no account is needed or touched.
    """
    from reconciler.sandbox.service.app import Sandbox
    from reconciler.sandbox.world.world import World

    source = quickstart()
    seed = json.loads((source / "sandbox.json").read_text(encoding="utf-8"))
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder,
        Sandbox(World.from_seed(seed)) as twilio,
    ):
        copyfile(source / "reconciler.yaml", Path(folder) / "reconciler.yaml")
        return _Story(Path(folder), twilio, pace).tell()


def quickstart() -> Path:
    """The folder of the quickstart: in a checkout ``examples/``, in an installed package its data."""
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_data" / "quickstart", package.parent / "examples" / "quickstart"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the quickstart example is not installed with the package")


class _Story:
    def __init__(self, folder: Path, twilio: Sandbox, pace: float) -> None:
        self._folder = folder
        self._twilio = twilio
        self._pace = pace
        self._failed = False
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TWILIO_")},
            "TWILIO_ACCOUNT_SID": _SID,
            "TWILIO_AUTH_TOKEN": "sandbox",
            "TWILIO_BASE_URL": twilio.base_url,
        }

    def tell(self) -> int:
        """Every step with the exit code that it must have; 1 when one had another."""
        self._say(
            "A Twilio account with five numbers. Four of them are declared in reconciler.yaml:"
        )
        click.echo(
            (self._folder / "reconciler.yaml")
            .read_text(encoding="utf-8")
            .split("version: 1", 1)[1]
            .strip()
        )
        self._say("What would change? Nothing is written by a plan.")
        self._run(["plan", "--detailed-exitcode"], Exit.CHANGES)
        self._say(
            "One number still points at somebody's old PBX. Without consent, nothing at all is written:"
        )
        self._run(["apply", "--auto-approve"], Exit.REFUSED)
        self._say("With consent for that one number; what it pointed at is saved first.")
        self._run(["apply", "--auto-approve", "--allow-takeover=number/+15550100102"], Exit.DONE)
        self._say("Saying the same thing twice changes nothing.")
        self._run(["plan", "--detailed-exitcode"], Exit.DONE)
        self._say(
            f"Now a colleague edits {_EDITED} in the console: calls go to a tunnel on a laptop."
        )
        self._twilio.edit(_EDITED, {"voice_url": "https://laptop.example.dev/voice"})
        self._say("The scheduled check sees it, and who it was:")
        self._run(["drift"], Exit.CHANGES)
        self._run(["plan"], Exit.DONE)
        self._run(["apply", "--auto-approve"], Exit.DONE)
        self._say("And there is nothing left to do.")
        self._run(["plan", "--detailed-exitcode"], Exit.DONE)
        self._say(
            "The bridge number's view, and what state remembers of the number that was taken over:"
        )
        self._run(["show", "bridge_number/+15550100200"], Exit.DONE)
        self._run(["state", "show", "number/+15550100102"], Exit.DONE)
        self._say(
            "That was all. Your own YAML starts from examples/quickstart; the README says how to go on."
        )
        return Exit.FAILED if self._failed else Exit.DONE

    def _say(self, text: str) -> None:
        time.sleep(self._pace)
        click.echo(f"\n# {text}")

    def _run(self, args: Sequence[str], expected: int) -> None:
        click.echo(f"\n$ reconciler {' '.join(args)}")
        sys.stdout.flush()
        command = [sys.executable, "-m", "reconciler", *args, "-C", str(self._folder)]
        code = subprocess.run(command, env=self._environ, check=False).returncode
        click.echo(f"(exit {code})")
        if code != expected:
            self._failed = True
            click.echo(f"This should have been exit {expected}.", err=True)
