"""Define the program `reconciler`: list its commands, import the one that is used, run it, turn
everything that it raises into an exit code, and end the process.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from reconciler.cli.arguments import AnywhereGroup, complete_arguments
from reconciler.cli.signals import is_interrupted, watch_interrupts
from reconciler.errors import Exit
from reconciler.version import __version__

COMMANDS = {
    "validate": (
        "reconciler.cli.commands.validate",
        "Check the configuration. Needs no credentials.",
    ),
    "plan": ("reconciler.cli.commands.plan", "Show what an apply would change. Changes nothing."),
    "apply": (
        "reconciler.cli.commands.apply",
        "Apply the configuration to Twilio, after confirmation.",
    ),
    "drift": (
        "reconciler.cli.commands.drift",
        "Show changes made outside the reconciler since the last apply.",
    ),
    "fleet": (
        "reconciler.cli.commands.fleet",
        "Validate, plan, apply or check many stacks with one command.",
    ),
    "worker": (
        "reconciler.cli.commands.worker",
        "Run the stacks that a queue has, until it is stopped.",
    ),
    "list": (
        "reconciler.cli.commands.list_numbers",
        "List numbers with agent, call route, labels and status.",
    ),
    "log": (
        "reconciler.cli.commands.log",
        "Show who changed what: Twilio's event log and our own applies.",
    ),
    "rollback": (
        "reconciler.cli.commands.rollback",
        "Restore what was applied in an earlier version of the state.",
    ),
    "undo": ("reconciler.cli.commands.undo", "Roll back the last apply."),
    "release": (
        "reconciler.cli.commands.release",
        "Stop managing numbers without editing the configuration.",
    ),
    "show": (
        "reconciler.cli.commands.show",
        "Show a saved plan, one resource or all managed resources.",
    ),
    "state": ("reconciler.cli.commands.state", "Inspect and edit the state."),
    "init": ("reconciler.cli.commands.init", "Create a project in this folder."),
    "export": (
        "reconciler.cli.commands.export",
        "Export a Twilio account as configuration. Changes nothing.",
    ),
    "numbers": ("reconciler.cli.commands.numbers", "Search numbers for sale."),
    "fmt": ("reconciler.cli.commands.fmt", "Format configuration files."),
    "graph": (
        "reconciler.cli.commands.graph",
        "Draw the declared call routes. Needs no credentials.",
    ),
    "lint": (
        "reconciler.cli.commands.lint",
        "Check a valid configuration for common mistakes. Needs no credentials.",
    ),
    "explain": ("reconciler.cli.commands.explain", "Explain the code of a diagnostic."),
    "schema": (
        "reconciler.cli.commands.schema",
        "Print the JSON Schema of the configuration or of an output.",
    ),
    "mcp": ("reconciler.cli.commands.mcp", "Serve this project to coding agents (MCP)."),
    "completion": ("reconciler.cli.commands.completion", "Print a shell completion script."),
    "sandbox": ("reconciler.cli.commands.sandbox", "Run a simulated Twilio on a local port."),
    "demo": ("reconciler.cli.commands.demo", "Run a demonstration on a simulated Twilio."),
    "doctor": (
        "reconciler.cli.commands.doctor",
        "Check credentials, connections, permissions and state. Changes nothing.",
    ),
}
"""Name of a command: its module and its short help. `reconciler --help` prints it without importing
a module.
"""

_FUNCTIONS = {"list": "list_"}
"""Names of commands that Python uses already → the function in their module."""

_EPILOG = """\b
Exit codes: 0 done or nothing to do; 1 failed; 2 changes (plan --detailed-exitcode) or
drift; 3 invalid configuration; 4 refused (stale plan, takeover, limit, protected,
policy); 5 partly applied; 6 state locked; 64 wrong usage.

\b
Start here:  reconciler demo            run a demonstration on a simulated Twilio
             reconciler validate        check the files; needs no credentials
             reconciler plan            show what an apply would change
             reconciler apply           apply it, after confirmation
             reconciler drift           show changes made outside the reconciler
"""


class _Commands(AnywhereGroup):
    """Commands by name. Each is imported when it is used: starting is most of the time that a small
    plan takes.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and give it the short help of the table; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        function = _FUNCTIONS.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(module), function)
        command.short_help = summary
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, so that `--help` imports no command."""
        rows = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command. Raises UsageError with a suggestion for an unknown name."""
        unknown = args and args[0] not in COMMANDS and not args[0].startswith("-")

        # A shell that completes words parses an unfinished line: it gets no error.
        if unknown and not ctx.resilient_parsing:
            from reconciler.cli.suggestions import suggest_command

            ctx.fail(suggest_command(args[0], tuple(COMMANDS)))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="reconciler")
def main() -> None:
    """Manage Twilio phone numbers as code: declare numbers, agents and trunks in YAML, then plan
    and apply.

    A number is never deleted from the account, its values from before the first write are kept, and
    a second apply of the same configuration changes nothing. Flags may come before or after the
    command.
    """


def run(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    watch_interrupts()

    # A process that was started with closed streams has None in their place.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if os.environ.get("GITHUB_ACTIONS"):
        from reconciler.cli.workflow_commands import SafeStream

        streams: Any = sys
        streams.stdout, streams.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)

    # A short-lived process: at 100,000 numbers the collector costs more than all planning.
    gc.disable()

    # A plugin of pydantic would see every declaration, and the search for one reads the metadata of
    # every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = complete_arguments(sys.argv[1:] if args is None else args)
    exit_process(
        run_to_exit_code(
            lambda: main.main(words, prog_name="reconciler", standalone_mode=False), words
        )
    )


def exit_process(code: int) -> NoReturn:
    """Exit at once: to free 100,000 numbers one by one would take longer than to plan them."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or Exit.FAILED
    if processes := sys.modules.get("reconciler.fleet.processes"):
        processes.forget_server()
    os._exit(code)


def run_to_exit_code(command: Callable[[], Any], words: Sequence[str] = ()) -> int:
    """Run the command line and return its exit code; `failures.run_guarded` handles the errors of
    commands. `words` are the words of the command line, to explain an unknown option.
    """
    try:
        code = command()
        if is_interrupted():
            raise KeyboardInterrupt  # Python has lost the exception of the signal handler
        return int(code) if isinstance(code, int) else Exit.DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.NoSuchOption as error:
        from reconciler.cli.suggestions import suggest_option

        click.UsageError(suggest_option(error, words), error.ctx).show()
        return Exit.USAGE
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
