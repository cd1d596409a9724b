"""Define the options that the commands of `fleet` share, and pass them on to the command of each
stack.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from reconciler.cli import reports
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.failures import run_guarded
from reconciler.cli.options import (
    Duration,
    HostType,
    ValueType,
    choose_format,
    command_name,
    read_variables,
    split_outputs,
)
from reconciler.cli.output_paths import DEFAULT_ENTRY, check_paths
from reconciler.config.load.fleet import DEFAULT_FLEET, Stack
from reconciler.config.sections.fleet import MOST_PARALLEL
from reconciler.errors import ReconcilerError, UsageError
from reconciler.state.stores.companions import is_same_file
from reconciler.workflows.output_guard import Output

F = TypeVar("F", bound=Callable[..., Any])


class FleetOptions(msgspec.Struct, frozen=True):
    """The options of a command of `fleet`; `words` are those that every stack gets."""

    shared: CommonOptions
    stacks: tuple[str, ...]
    parallel: int | None
    queue: str | None
    wait: bool
    words: tuple[str, ...]

    def check_reports(self) -> None:
        """Raise UsageError when a report is a file of a stack in the folder of the fleet, as far as
        that is known before the fleet has been read.
        """
        given = [(output.option, output.path, False) for output in self.outputs]
        check_paths(given, self._folder, DEFAULT_ENTRY)

    def check_fleet_files(self, stacks: Sequence[Stack]) -> None:
        """Raise UsageError when a report is the fleet file, or a file of rows."""
        protected = {self._folder / self.shared.file}
        protected.update(self._folder / stack.position.file for stack in stacks)
        for output in self.outputs:
            if output.path.exists() and any(_is_same(output.path, file) for file in protected):
                raise click.UsageError(
                    f"{output.option}: `{output.path}` is a file of the fleet, and would be "
                    "overwritten. Nothing was written. Name another file."
                )

    @property
    def outputs(self) -> list[Output]:
        """Return the reports that the command writes to files."""
        found: list[Output] = []
        for name, report in self.shared.reports:
            path = Path(os.path.abspath(self._folder / report))
            found.append(Output(path, f"--report {name}"))
        return found

    def keep_unknown_files(self) -> CommonOptions:
        """Return the options for the report of a failure: without the reports that would replace a
        file that may be a state. Which files belong to the stacks is not known then.
        """
        safe: list[tuple[str, str]] = []
        for name, report in self.shared.reports:
            try:
                replaceable = reports.may_replace(name, self._folder / report)
            except OSError:
                replaceable = False
            if replaceable:
                safe.append((name, report))
        return msgspec.structs.replace(self.shared, reports=tuple(safe))

    @property
    def _folder(self) -> Path:
        return self.shared.directory


_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_SHARED = [
    click.option("-C", "directory", type=_DIRECTORY, default=Path(), metavar="DIR",
                 help="Change to DIR first."),
    click.option("-f", "file", default=DEFAULT_FLEET, metavar="FILE", show_default=True,
                 help="The fleet file."),
    click.option("--stack", "stacks", multiple=True, metavar="GLOB",
                 help="Only stacks with such a name."),
    click.option("--parallel", type=click.IntRange(1, MOST_PARALLEL), metavar="N",
                 help="Stacks at the same time, in place of `parallel` of the file."),
    click.option("--queue", envvar="RECONCILER_QUEUE", metavar="URL",
                 help="Run the stacks on the workers of this queue (postgresql://…), not here."),
    click.option("--no-wait", is_flag=True,
                 help="With --queue: submit the stacks, and do not wait for them."),
    click.option("--json", "json_", is_flag=True, help="Same as --format json."),
    click.option("--format", "format_", type=click.Choice(reports.NAMES), default="text",
                 help="Format of stdout."),
    click.option("--report", "reports_", multiple=True, metavar="NAME=FILE",
                 help="Also write this format to FILE (-: stdout, in place of text)."),
    click.option("--var", "given_values", multiple=True, metavar="NAME=VALUE", type=ValueType(),
                 help="Value of a variable, for every stack."),
    click.option("--var-file", "value_files", multiple=True, metavar="FILE",
                 type=click.Path(path_type=Path),
                 help="YAML file with values of variables, for every stack; a later file wins."),
    click.option("--allow-host", "allow_hosts", multiple=True, metavar="HOST", type=HostType(),
                 help="Also allow secrets to be sent to HOST. Same as RECONCILER_ALLOW_HOSTS."),
    click.option("--no-color", is_flag=True, help="No colour. Same as NO_COLOR."),
    click.option("-v", "--verbose", count=True, help="List every stack and every error."),
]  # fmt: skip
_PLANS = [
    click.option("--target", "targets", multiple=True, metavar="PATTERN",
                 help="Only these resources; stacks without a match are left out."),
    click.option("--exclude", "excludes", multiple=True, metavar="PATTERN",
                 help="Not these resources; same patterns as --target."),
    click.option("--concurrency", type=click.IntRange(1, 100), metavar="N",
                 help="Concurrent calls for each account of a stack."),
    click.option("--timeout", type=Duration(), metavar="DURATION",
                 help="Time limit of each stack (30s, 10m)."),
    click.option("--lock-timeout", type=Duration(), default=0.0, metavar="DURATION",
                 help="Time to wait for the lock of each state. Default: 0."),
    click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes."),
]  # fmt: skip


def fleet_options(*, plans: bool = False) -> Callable[[F], F]:
    """Add the options of a command of `fleet`; `plans`: also those of commands that plan."""

    def add(function: F) -> F:
        @wraps(function)
        def command(**values: Any) -> Any:
            options = _take_options(values)
            careful = options.keep_unknown_files()
            kept = [each for each in options.shared.reports if each not in careful.reports]

            def run() -> Any:
                try:
                    return function(options, **values)
                except ReconcilerError as error:
                    if not isinstance(error, UsageError):
                        _report_kept(kept)
                    raise

            # It reports failures only: a report on the stacks is written by the function.
            return run_guarded(careful, command_name(), run)

        decorated: Any = command
        for option in reversed([*_SHARED, *(_PLANS if plans else [])]):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return add


def _report_kept(kept: Sequence[tuple[str, str]]) -> None:
    """Print which reports are not written because a file is in their place."""
    for name, report in kept:
        click.echo(
            f"--report {name}: `{report}` is kept as it is: the command failed before it was known "
            "which files belong to the stacks.",
            err=True,
        )


def _take_options(values: dict[str, Any]) -> FleetOptions:
    """Take the shared options out of the values of a command line; its own options stay.

    Raises UsageError for formats and reports that exclude each other.
    """
    directory: Path = values.pop("directory")
    shape, wanted = split_outputs(
        choose_format(values.pop("format_"), json=values.pop("json_")),
        reports.parse_reports(values.pop("reports_"), directory),
    )
    given: tuple[str, ...] = values.pop("given_values")
    hosts: tuple[str, ...] = values.pop("allow_hosts")
    shared = CommonOptions(
        directory,
        values.pop("file"),
        shape,
        values.pop("no_color"),
        values.pop("verbose"),
        values.pop("targets", ()),
        values.pop("excludes", ()),
        values.pop("concurrency", None),
        values.pop("timeout", None),
        values.pop("lock_timeout", 0.0),
        values.pop("detailed_exitcode", False),
        hosts,
        wanted,
        variables=read_variables(given, values.pop("value_files"), directory),
    )

    words = [*_list_words(shared), *(f"--var={each}" for each in given)]
    words += [f"--allow-host={host}" for host in hosts]
    queue, no_wait = values.pop("queue"), values.pop("no_wait")
    if no_wait and not queue:
        raise click.UsageError("--no-wait needs --queue: stacks that run here are waited for.")
    return FleetOptions(
        shared,
        values.pop("stacks"),
        values.pop("parallel"),
        queue or None,
        not no_wait,
        tuple(words),
    )


def _list_words(shared: CommonOptions) -> Sequence[str]:
    """Return the options of the command line that every stack gets as they are; patterns are not
    among them.
    """
    words = [f"--var-file={os.path.abspath(path)}" for path in shared.variables.files]
    if shared.concurrency is not None:
        words.append(f"--concurrency={shared.concurrency}")
    if shared.timeout is not None:
        words.append(f"--timeout={shared.timeout}")
    if shared.lock_timeout:
        words.append(f"--lock-timeout={shared.lock_timeout}")
    if shared.detailed_exitcode:
        words.append("--detailed-exitcode")
    return words


def _is_same(path: Path, file: Path) -> bool:
    try:
        return is_same_file(path, file)
    except (OSError, ValueError, RuntimeError):
        return False
