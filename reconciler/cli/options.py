"""The options that most commands share, and the setting they make."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from reconciler.cli import reports
from reconciler.cli.arguments import seconds
from reconciler.cli.guarded import guarded
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_output_paths
from reconciler.cli.signals import tell_time_over
from reconciler.report.style import Style

if TYPE_CHECKING:
    from reconciler.cli.progress import Quiet
    from reconciler.config.merge import Merged
    from reconciler.remote.gateway import CallRecord
    from reconciler.workflows import Setting

if TYPE_CHECKING:
    _FloatType = click.ParamType[float]
    _TextType = click.ParamType[str]
else:
    _FloatType = _TextType = click.ParamType  # generic only in newer versions of click

F = TypeVar("F", bound=Callable[..., Any])


class Duration(_FloatType):
    """A time in seconds, written ``30s``, ``2m`` or as a plain number."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; a usage error when it cannot be read."""
        try:
            return value if isinstance(value, float) else seconds(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a duration; write 30s, 2m or a number of seconds", param, ctx)


class HostType(_TextType):
    """An entry of the list of hosts that secrets may be sent to."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The entry as it is written; a usage error when it is none."""
        from reconciler.config.hosts import read_entry

        try:
            read_entry(str(value))
        except ValueError as error:
            self.fail(f"{value!r} cannot be used: {error}", param, ctx)
        return str(value)


class Common(msgspec.Struct, frozen=True):
    """What the shared options say."""

    directory: Path
    file: str
    format: str
    no_color: bool
    verbose: int
    targets: tuple[str, ...]
    excludes: tuple[str, ...]
    concurrency: int | None
    timeout: float | None
    lock_timeout: float
    detailed_exitcode: bool
    allow_hosts: tuple[str, ...] = ()
    reports: tuple[tuple[str, str], ...] = ()
    """(format, file) of further reports."""
    merged: list[Merged] = msgspec.field(default_factory=list)
    """The configuration, when the check of output paths has read it."""

    @property
    def json(self) -> bool:
        """Whether stdout is to be one document for programs, with nothing else beside it."""
        return self.format != "text"

    def style(self, stream: Any) -> Style:
        """Colour for that stream: only on a terminal, and only when nobody has said no; as wide as that terminal."""
        unwanted = self.no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        terminal = stream.isatty()
        return Style(colour=not unwanted and terminal, width=_width() if terminal else None, whole=bool(self.verbose))

    def setting(self, command: str, progress: Quiet, *, refresh: bool = True) -> Setting:
        """The setting of a run."""
        from datetime import UTC, datetime

        from reconciler.config.allow_list import allow
        from reconciler.remote.timelimit import TimeLimit
        from reconciler.workflows import MOST_CALLS, Setting

        return Setting(
            directory=self.directory,
            environ=allow(os.environ, self.allow_hosts),
            progress=progress,
            clock=lambda: datetime.now(UTC),
            file=self.file,
            targets=self.targets,
            excludes=self.excludes,
            concurrency=self.concurrency or MOST_CALLS,
            ramp=self.concurrency is None,
            limit=TimeLimit(self.timeout, on_stop=tell_time_over),
            lock_timeout=self.lock_timeout,
            refresh=refresh,
            command=" ".join(["reconciler", *sys.argv[1:]]) if sys.argv[1:] else command,
            on_call=_tell_call if self.verbose else None,
            on_wait=progress.waiting,
            merged=self.merged,
        )


_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_OPTIONS = [
    click.option("-C", "directory", type=_DIRECTORY, default=Path(), metavar="DIR", help="Change to DIR first."),
    click.option("-f", "file", default=DEFAULT_ENTRY, metavar="FILE", show_default=True, help="The entry file."),
    click.option("--json", "json_", is_flag=True, help="The same as --format json."),
    click.option("--allow-host", "allow_hosts", multiple=True, metavar="HOST", type=HostType(),
                 help="Let secrets be sent to HOST, HOST:PORT or SCHEME://HOST:PORT as well (*.HOST: its subdomains); "
                      "RECONCILER_ALLOW_HOSTS does the same."),
    click.option("--no-color", is_flag=True, help="No colour; NO_COLOR does the same."),
    click.option(
        "-v", "--verbose", count=True, help="Show every resource, and every call on stderr; -vv adds tracebacks."
    ),
]  # fmt: skip
_PLAIN = [
    click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="What stdout is."),
]
_REPORTED = [
    click.option("--format", "format_", type=click.Choice(reports.NAMES), default="text", help="What stdout is."),
    click.option("--report", "reports_", multiple=True, metavar="NAME=FILE",
                 help="Write this format to FILE as well (- is stdout, in place of text)."),
]  # fmt: skip
_SCOPE = [
    click.option("--target", "targets", multiple=True, metavar="PATTERN",
                 help="Only these: an address (globs), number, SID, agent/NAME or label:KEY=VALUE."),
    click.option("--exclude", "excludes", multiple=True, metavar="PATTERN", help="Not these; the same patterns."),
    click.option("--concurrency", type=click.IntRange(1, 100), metavar="N",
                 help="Calls at once for each account, from the first on, fewer after a 429; without it 8, and up to "
                      "32 while Twilio answers well."),
    click.option("--timeout", type=Duration(), metavar="DURATION",
                 help="How long the run may take (30s, 10m): then it finishes what is in flight, saves and ends."),
    click.option("--lock-timeout", type=Duration(), default=0.0, metavar="DURATION",
                 help="How long to wait for the state's lock; 0 by default."),
    click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes."),
]  # fmt: skip


def common(function: F) -> F:
    """Give a command the options that every command has; it gets them as its first argument."""
    return _with(function, [*_OPTIONS, *_PLAIN])


def reported(function: F) -> F:
    """The same, for a command whose document can be had in every format."""
    return _with(function, [*_OPTIONS, *_REPORTED])


def formatted(*forms: str) -> Callable[[F], F]:
    """The same for a command whose stdout takes other forms; the first is the default."""
    own = click.option("--format", "format_", type=click.Choice(forms), default=forms[0], help="What stdout is.")
    return lambda function: _with(function, [*_OPTIONS, own])


def scoped(function: F) -> F:
    """The same, with the options of commands that plan."""
    return _with(function, [*_OPTIONS, *_REPORTED, *_SCOPE])


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
        reports_: tuple[str, ...] = (),
        targets: tuple[str, ...] = (),
        excludes: tuple[str, ...] = (),
        concurrency: int | None = None,
        timeout: float | None = None,
        lock_timeout: float = 0.0,
        detailed_exitcode: bool = False,
        **own: Any,
    ) -> Any:
        shape, wanted = _outputs("json" if json_ else format_, reports.parsed(reports_, directory))
        # Before anything else: even the report of a failure must not be written over the state.
        merged = check_output_paths(click.get_current_context().command, own, wanted, directory, file)
        shared = Common(
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
        )
        return guarded(shared, command_name(), lambda: function(shared, **own))

    decorated: Any = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def _outputs(shape: str, wanted: tuple[tuple[str, str], ...]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What stdout is, and the files; a report on stdout takes the place of text, and of nothing else."""
    on_stdout = [name for name, file in wanted if file == reports.STDOUT]
    if on_stdout and shape != "text":
        raise click.UsageError(f"stdout is {shape} already; give the report a file.")
    return (on_stdout[0] if on_stdout else shape), tuple(each for each in wanted if each[1] != reports.STDOUT)


def _width() -> int:
    from shutil import get_terminal_size  # pulls in every kind of archive

    return get_terminal_size().columns


def _tell_call(call: CallRecord) -> None:
    request = f" {call.request_id}" if call.request_id else ""
    again = f" (attempt {call.attempt})" if call.attempt > 1 else ""
    what = f"{call.account}: {call.method} {call.path} {call.status or 'no answer'} {call.seconds:.3f}s{request}{again}"
    click.echo(what, err=True)


def command_name() -> str:
    """The command that is running, as documents name it: ``plan``, ``state list``."""
    context, names = click.get_current_context(), []
    while context.parent is not None:
        names.append(context.info_name or "")
        context = context.parent
    return " ".join(reversed(names))


def on_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()
