"""The command `reconciler`: its commands, and how every way to fail becomes an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from reconciler import __version__
from reconciler.cli.arguments import AnywhereGroup, complete_arguments
from reconciler.cli.signals import is_interrupted, watch_interrupts
from reconciler.errors import Exit

COMMANDS = {
    "validate": (
        "reconciler.cli.commands.validate",
        "Check the configuration; needs no credentials.",
    ),
    "plan": ("reconciler.cli.commands.plan", "Show what would change; changes nothing."),
    "apply": ("reconciler.cli.commands.apply", "Change Twilio to what is declared, after asking."),
    "drift": (
        "reconciler.cli.commands.drift",
        "Show what somebody else has changed since the last apply.",
    ),
    "rollback": (
        "reconciler.cli.commands.rollback",
        "Bring back what was applied in a former version of the state.",
    ),
    "undo": ("reconciler.cli.commands.undo", "Take the last apply back."),
    "release": (
        "reconciler.cli.commands.release",
        "Let go of numbers without editing the configuration.",
    ),
    "show": (
        "reconciler.cli.commands.show",
        "Show a saved plan, one resource, or everything that is managed.",
    ),
    "state": ("reconciler.cli.commands.state", "Look into the state."),
    "init": ("reconciler.cli.commands.init", "Start a project in this folder."),
    "export": (
        "reconciler.cli.commands.export",
        "Write what is on Twilio as configuration; changes nothing there.",
    ),
    "numbers": ("reconciler.cli.commands.numbers", "Search numbers for sale."),
    "fmt": (
        "reconciler.cli.commands.fmt",
        "Put the files into one form: quotes, indentation, order of numbers.",
    ),
    "graph": (
        "reconciler.cli.commands.graph",
        "Draw how calls reach whom, as declared; needs no credentials.",
    ),
    "lint": (
        "reconciler.cli.commands.lint",
        "Look for traps in a valid configuration; needs no credentials.",
    ),
    "schema": (
        "reconciler.cli.commands.schema",
        "Print a JSON Schema: of the configuration, for editors, or of an output.",
    ),
    "completion": (
        "reconciler.cli.commands.completion",
        "Print the script that has a shell complete commands and options.",
    ),
    "sandbox": (
        "reconciler.cli.commands.sandbox",
        "Serve a Twilio that behaves, on a loopback port.",
    ),
    "demo": (
        "reconciler.cli.commands.demo",
        "The whole story on a built-in Twilio, in ten seconds.",
    ),
    "doctor": (
        "reconciler.cli.commands.doctor",
        "Check credentials, connections, permissions and state; changes nothing.",
    ),
}
"""Name of a command: its module, and the summary that `reconciler --help` prints without importing the module."""

_EPILOG = """\b
Exit codes: 0 done or nothing to do; 1 failed; 2 changes (plan --detailed-exitcode) or
drift; 3 the configuration is invalid; 4 refused (stale plan, takeover, threshold,
protected, policy); 5 applied in part; 6 the state is locked; 64 wrong usage.

\b
Start here:  reconciler demo            the whole story on a built-in Twilio
             reconciler validate        check the files; needs no credentials
             reconciler plan            what would change, changing nothing
             reconciler apply           change it, after asking
             reconciler drift           what somebody else has changed since
"""


class _Commands(AnywhereGroup):
    """Commands by name, each imported when it is asked for: starting is most of the time that a small plan takes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command in the module of its name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, so that `--help` imports no command."""
        rows = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; for a name that is none, with what may be meant."""
        unknown = args and args[0] not in COMMANDS and not args[0].startswith("-")
        if unknown and not ctx.resilient_parsing:  # a shell that completes words is told nothing
            from reconciler.cli.suggestions import suggest_command

            ctx.fail(suggest_command(args[0], tuple(COMMANDS)))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="reconciler")
def main() -> None:
    """Phone numbers as code: declare Twilio numbers, agents and trunks in YAML, plan, apply, and see what drifted.

    A number is never released, what it pointed at before is never forgotten, and saying the same thing twice
    changes nothing. Flags may stand before or after the command.
    """


def run(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    watch_interrupts()
    # A process that was started with closed streams has None in their place.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if os.environ.get("GITHUB_ACTIONS"):
        from reconciler.cli.workflow_commands import SafeStream

        streams: Any = sys
        streams.stdout, streams.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)
    gc.disable()  # a short-lived process: at 100,000 numbers the collector costs more than all planning
    # A plugin of pydantic would see every declaration, and to look for one reads the metadata of all that is installed
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    exit_process(
        run_to_exit_code(
            lambda: main.main(
                complete_arguments(sys.argv[1:] if args is None else args),
                prog_name="reconciler",
                standalone_mode=False,
            )
        )
    )


def exit_process(code: int) -> NoReturn:
    """End the process at once: taking 100,000 numbers apart one by one would take longer than planning them."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or Exit.FAILED
    os._exit(code)


def run_to_exit_code(command: Callable[[], Any]) -> int:
    """The exit code of the command line; commands themselves answer for their failures in `guarded`."""
    try:
        code = command()
        if is_interrupted():
            raise KeyboardInterrupt  # the first one was lost on its way
        return int(code) if isinstance(code, int) else Exit.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return Exit.FAILED
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return Exit.FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.FAILED
