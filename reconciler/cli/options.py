"""Define decorators that add the shared options, check them, and run the command with
`CommonOptions` under error handling; also option types and tests of flags.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from reconciler.cli import reports
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_patterns, complete_reports, complete_variables
from reconciler.cli.failures import run_guarded
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_output_paths
from reconciler.config.fleet_row import FleetRow
from reconciler.config.variable_sources import VariableSources

if TYPE_CHECKING:
    _FloatType = click.ParamType[float]
    _TextType = click.ParamType[str]
else:
    _FloatType = _TextType = click.ParamType  # generic only in newer versions of click

F = TypeVar("F", bound=Callable[..., Any])


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
"""Unit of a duration → seconds."""


def _parse_seconds(text: str) -> float:
    """Parse ``30s``, ``2m``, ``1h``, ``7d`` or plain seconds. Raises ValueError."""
    number, factor = text, 1.0
    if text and text[-1] in _UNITS:
        number, factor = text[:-1], _UNITS[text[-1]]

    value = float(number) * factor
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


class Duration(_FloatType):
    """A time in seconds, written ``30s``, ``2m``, ``7d`` or as a plain number."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds. Fails with a usage error."""
        try:
            return value if isinstance(value, float) else _parse_seconds(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is not a duration; write 30s, 2m, 7d or a number of seconds", param, ctx
            )


class HostType(_TextType):
    """An entry of the list of hosts to which secrets may be sent."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the entry as it is written. Fails with a usage error."""
        from reconciler.config.secrets.hosts import read_entry

        try:
            read_entry(str(value))
        except ValueError as error:
            self.fail(f"{value!r} cannot be used: {error}", param, ctx)
        return str(value)


class ValueType(_TextType):
    """The value of a variable, written ``NAME=VALUE``."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is written. Fails with a usage error."""
        name, equals, _ = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is not NAME=VALUE, such as host=agents.example.com", param, ctx)
        return str(value)


_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_ENTRY = click.option(
    "-f", "file", default=DEFAULT_ENTRY, metavar="FILE", show_default=True, help="The entry file."
)
_OPTIONS = [
    click.option("-C", "directory", type=_DIRECTORY, default=Path(), metavar="DIR", help="Change to DIR first."),
    _ENTRY,
    click.option("--json", "json_", is_flag=True, help="Same as --format json."),
    click.option("--allow-host", "allow_hosts", multiple=True, metavar="HOST", type=HostType(),
                 help="Also allow secrets to be sent to HOST, HOST:PORT or SCHEME://HOST:PORT (*.HOST: its "
                      "subdomains). Same as RECONCILER_ALLOW_HOSTS."),
    click.option("--var", "given_values", multiple=True, metavar="NAME=VALUE", type=ValueType(),
                 shell_complete=complete_variables,
                 help="Value of a variable of the configuration. Wins over --var-file and RECONCILER_VAR_NAME."),
    click.option("--var-file", "value_files", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
                 help="YAML file with values of variables; a later file wins."),
    click.option("--no-color", is_flag=True, help="No colour. Same as NO_COLOR."),
    click.option(
        "-v", "--verbose", count=True, help="Show every resource, and every call on stderr; -vv adds tracebacks."
    ),
]  # fmt: skip
_PLAIN = [
    click.option(
        "--format",
        "format_",
        type=click.Choice(["text", "json"]),
        default="text",
        help="Format of stdout.",
    ),
]
_REPORTED = [
    click.option("--format", "format_", type=click.Choice(reports.NAMES), default="text", help="Format of stdout."),
    click.option("--report", "reports_", multiple=True, metavar="NAME=FILE", shell_complete=complete_reports,
                 help="Also write this format to FILE (-: stdout, in place of text)."),
]  # fmt: skip
_SCOPE = [
    click.option("--target", "targets", multiple=True, metavar="PATTERN", shell_complete=complete_patterns,
                 help="Only these: an address (glob), number, SID, agent/NAME or label:KEY=VALUE."),
    click.option("--exclude", "excludes", multiple=True, metavar="PATTERN", shell_complete=complete_patterns,
                 help="Not these; same patterns as --target."),
    click.option("--concurrency", type=click.IntRange(1, 100), metavar="N",
                 help="Concurrent calls for each account; fewer after a 429. Default: 8 at first, up to 32 while "
                      "Twilio answers well."),
    click.option("--timeout", type=Duration(), metavar="DURATION",
                 help="Time limit of the run (30s, 10m). At the limit it finishes calls in flight, saves and ends."),
    click.option("--lock-timeout", type=Duration(), default=0.0, metavar="DURATION",
                 help="Time to wait for the lock of the state. Default: 0."),
    click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes."),
]  # fmt: skip


def common_options(function: F) -> F:
    """Add the options that every command has; the command receives them as its first argument."""
    return _with(function, [*_OPTIONS, *_PLAIN])


def report_options(function: F) -> F:
    """Add the common options to a command whose document is available in every format."""
    return _with(function, [*_OPTIONS, *_REPORTED])


def file_options(file: str, meaning: str) -> Callable[[F], F]:
    """Add the common options to a command whose `-f` names another file than the entry file."""
    own = click.option("-f", "file", default=file, metavar="FILE", show_default=True, help=meaning)
    options = [own if option is _ENTRY else option for option in _OPTIONS]
    return lambda function: _with(function, [*options, *_PLAIN])


def format_options(*forms: str) -> Callable[[F], F]:
    """Add the common options to a command with formats of its own; the first is the default."""
    own = click.option(
        "--format", "format_", type=click.Choice(forms), default=forms[0], help="Format of stdout."
    )
    return lambda function: _with(function, [*_OPTIONS, own])


def scope_options(function: F) -> F:
    """Add the common options and those of commands that plan."""
    return _with(function, [*_OPTIONS, *_REPORTED, *_SCOPE])


def choose_flag(**flags: bool) -> str | None:
    """Return the name of the one flag that is given; None without one.

    Raises UsageError for two flags: neither of them may silently win.
    """
    given = [name for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        named = " and ".join(f"--{name}" for name in given)
        raise click.UsageError(f"{named} exclude each other: give one of them.")
    return given[0] if given else None


def choose_format(format_: str, *, json: bool) -> str:
    """Return the format of stdout. Raises UsageError for `--json` with another `--format`."""
    if not json:
        return format_

    source = click.get_current_context().get_parameter_source("format_")
    if source is ParameterSource.COMMANDLINE and format_ != "json":
        raise click.UsageError(
            f"--json and --format {format_} exclude each other: give one of them."
        )
    return "json"


def _with(function: F, options: list[Callable[[Any], Any]]) -> F:
    @wraps(function)
    def command(
        directory: Path,
        file: str,
        format_: str,
        json_: bool,
        no_color: bool,
        verbose: int,
        allow_hosts: tuple[str, ...] = (),
        given_values: tuple[str, ...] = (),
        value_files: tuple[Path, ...] = (),
        reports_: tuple[str, ...] = (),
        targets: tuple[str, ...] = (),
        excludes: tuple[str, ...] = (),
        concurrency: int | None = None,
        timeout: float | None = None,
        lock_timeout: float = 0.0,
        detailed_exitcode: bool = False,
        **own: Any,
    ) -> Any:
        shape, wanted = split_outputs(
            choose_format(format_, json=json_), reports.parse_reports(reports_, directory)
        )

        variables = read_variables(given_values, value_files, directory)

        # Before anything else: even the report of a failure must not overwrite the state.
        merged = check_output_paths(
            click.get_current_context().command, own, wanted, directory, file, variables
        )
        shared = CommonOptions(
            directory,
            file,
            shape,
            no_color,
            verbose,
            targets,
            excludes,
            concurrency,
            timeout,
            lock_timeout,
            detailed_exitcode,
            allow_hosts,
            wanted,
            merged,
            variables=variables,
        )
        return run_guarded(shared, command_name(), lambda: function(shared, **own))

    decorated: Any = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def read_variables(given: Sequence[str], files: Sequence[Path], directory: Path) -> VariableSources:
    """Return the sources of the values of variables; of two values of one name, the later."""
    values: dict[str, str] = {}
    for text in given:
        name, _, value = text.partition("=")
        values[name] = value

    # The process of a stack has the row of the fleet as the object of its command.
    row = click.get_current_context().find_object(FleetRow)
    return VariableSources(
        environ=os.environ,
        files=tuple([directory / file for file in files]),
        given=values,
        row=row.values if row is not None else {},
    )


def split_outputs(
    shape: str, wanted: tuple[tuple[str, str], ...]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the format of stdout and the reports in files; a report on stdout replaces text only."""
    on_stdout, in_files = [], []
    for name, file in wanted:
        if file == reports.STDOUT:
            on_stdout.append(name)
        else:
            in_files.append((name, file))

    if on_stdout and shape != "text":
        raise click.UsageError(f"stdout is already {shape}. Write the report to a file.")
    return (on_stdout[0] if on_stdout else shape), tuple(in_files)


def command_name() -> str:
    """Return the name of the running command, as in documents: ``plan``, ``state list``."""
    context, names = click.get_current_context(), []
    while context.parent is not None:
        names.append(context.info_name or "")
        context = context.parent
    return " ".join(reversed(names))


def is_on_terminal() -> bool:
    """Return whether a prompt can be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()
