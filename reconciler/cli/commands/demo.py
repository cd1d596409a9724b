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

from reconciler.errors import Exit
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World

_SID = "AC00000000000000000000000000000001"
_EDITED = "+15550100101"


@click.command()
@click.option("--pace", type=float, default=0.0, metavar="SECONDS", help="Pause between the steps.")
def demo(pace: float) -> int:
    """Run a demonstration: plan, apply, an edit in the console, drift, plan, apply, nothing to do.

    It uses a simulated Twilio inside this process and a temporary folder. No account is needed or
    touched.
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

        self._print(
            "One number still points at an old PBX. Without consent, apply refuses and writes nothing:"
        )
        self._run(["apply", "--auto-approve"], Exit.REFUSED)
        self._print("Apply with consent for that one number; its present values are saved first.")
        self._run(["apply", "--auto-approve", "--allow-takeover=number/+15550100102"], Exit.DONE)

        self._print("A second plan has nothing to do.")
        self._run(["plan", "--detailed-exitcode"], Exit.DONE)

        self._print(
            f"Now a colleague edits {_EDITED} in the console: calls go to a tunnel on a laptop."
        )
        self._twilio.edit(_EDITED, {"voice_url": "https://laptop.example.dev/voice"})
        self._print("The scheduled drift check finds the edit, and who made it:")
        self._run(["drift"], Exit.CHANGES)
        self._run(["plan"], Exit.DONE)
        self._run(["apply", "--auto-approve"], Exit.DONE)
        self._print("Nothing is left to do.")
        self._run(["plan", "--detailed-exitcode"], Exit.DONE)

        self._print(
            "The view of the bridge number, and the recorded entry of the number that was taken over:"
        )
        self._run(["show", "bridge_number/+15550100200"], Exit.DONE)
        self._run(["state", "show", "number/+15550100102"], Exit.DONE)

        self._print(
            "End of the demonstration. Start your own YAML from examples/quickstart; the README has the next steps."
        )
        return Exit.FAILED if self._failed else Exit.DONE

    def _print(self, text: str) -> None:
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
            click.echo(f"Expected exit {expected}.", err=True)
