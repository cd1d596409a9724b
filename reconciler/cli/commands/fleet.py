"""Define `reconciler fleet …`: run a command for every stack of a fleet, and print one report."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click
import msgspec

from reconciler.cli.commands.fleet_engines import Engine, check_queue_options, choose_engine
from reconciler.cli.commands.fleet_init import init
from reconciler.cli.commands.fleet_options import FleetOptions, fleet_options
from reconciler.cli.commands.fleet_queue import cancel, status
from reconciler.cli.confirmation import consent_options, local_state_option, purchase_option
from reconciler.cli.fleet_progress import choose_fleet_progress
from reconciler.cli.output import emit
from reconciler.cli.progress import QuietProgress
from reconciler.cli.signals import count_interrupts
from reconciler.config.load.fleet import Fleet, Stack
from reconciler.errors import Exit
from reconciler.fleet.identity import find_local_states, find_shared, find_unread
from reconciler.fleet.job import Job
from reconciler.fleet.local_engine import is_failure
from reconciler.fleet.patterns import Patterns, find_mistyped, find_refused
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.results import make_waiting
from reconciler.report.documents.fleet import FleetStack, fleet_document, fleet_exit_code
from reconciler.workflows.fleet import load


@click.group()
def fleet() -> None:
    """Run a command for every stack that a fleet file lists, each in a process of its own.

    A stack that fails, crashes or takes too long does not stop the others. Exit: the first of 5, 1,
    4, 3, 64, 6, 7, 2 that occurred in a stack, else 0.
    """


fleet.add_command(init)


@fleet.command()
@fleet_options()
def validate(options: FleetOptions) -> int:
    """Check the configuration of every stack. Needs credentials only for `subaccounts_of`, which
    lists the subaccounts of an account.
    """
    return _run(options, "validate", ())


@fleet.command()
@click.option("--fail-on-refusal", is_flag=True, help="Exit 4 when apply would refuse a plan.")
@fleet_options(plans=True)
def plan(options: FleetOptions, fail_on_refusal: bool) -> int:
    """Show what an apply would change in every stack. Changes nothing."""
    return _run(options, "plan", ("--fail-on-refusal",) if fail_on_refusal else ())


@fleet.command()
@consent_options
@purchase_option
@local_state_option
@fleet_options(plans=True)
def apply(
    options: FleetOptions,
    auto_approve: bool,
    takeovers: tuple[str, ...],
    allow_purchase: bool,
    local_state: bool,
    force: bool,
) -> int:
    """Apply every stack. It asks no question: show the plans with `fleet plan` first, then pass
    --auto-approve.

    Ctrl-C starts no further stack and finishes those that run; a second one ends them in order.
    """
    if not auto_approve:
        raise click.UsageError(
            "`fleet apply` asks no question: look at `fleet plan`, then pass --auto-approve."
        )
    words = ["--auto-approve"]
    words += [f"--allow-takeover={pattern}" for pattern in takeovers]
    for flag, given in (
        ("--allow-purchase", allow_purchase),
        ("--local-state", local_state),
        ("--force", force),
    ):
        if given:
            words.append(flag)
    return _run(options, "apply", words)


@fleet.command()
@fleet_options(plans=True)
def drift(options: FleetOptions) -> int:
    """Show changes made outside the reconciler since the last apply, in every stack."""
    return _run(options, "drift", ())


@fleet.command("list")
@click.option(
    "--no-refresh",
    is_flag=True,
    help="Read only the states. Needs credentials only for `subaccounts_of`.",
)
@fleet_options()
def list_stacks(options: FleetOptions, no_refresh: bool) -> int:
    """List the stacks with the numbers of each, and their status."""
    return _run(options, "list", ("--no-refresh",) if no_refresh else ())


fleet.add_command(status)
fleet.add_command(cancel)


def _run(options: FleetOptions, command: str, more: Sequence[str]) -> int:
    """Run a command for every stack, print the report, and return the exit code."""
    began = time.monotonic()
    shared = options.shared
    # Before anything else: even the report of a failure must not overwrite a state.
    options.check_reports()
    check_queue_options(options)
    loaded = load(shared.run_options(f"fleet {command}", QuietProgress(shared)))
    options.check_fleet_files(loaded.stacks)
    chosen = _choose(loaded, options.stacks)
    parallel = options.parallel or loaded.parallel
    variables = shared.variables
    found = find_shared(loaded.stacks, variables.given, variables.files, parallel, options.outputs)
    warnings = [*loaded.warnings, *find_unread(loaded.stacks, found)]
    if options.queue is not None:
        warnings += find_local_states(loaded.stacks, found)

    words = (command, *options.words, *more)
    patterns = Patterns(shared.targets, shared.excludes)
    stop = StopRequest()
    progress = choose_fleet_progress(shared, in_queue=options.queue is not None)

    def request_stop() -> None:
        stop.request()
        progress.report_stop(stop.count)

    with choose_engine(options, loaded, parallel, stop, progress) as engine:
        run = _Run(words, shared.directory, engine)
        if not options.wait:
            entries = run.submit(chosen)
        else:
            with count_interrupts(request_stop):
                try:
                    entries = run.run_all(chosen, patterns)
                finally:
                    progress.close()

    document = fleet_document(
        f"fleet {command}", entries, warnings, time.monotonic() - began, engine.run
    )
    emit(shared, document, os.path.basename(os.path.abspath(shared.directory)))
    return fleet_exit_code(entries) if options.wait else Exit.DONE


def _choose(loaded: Fleet, patterns: Sequence[str]) -> list[Stack]:
    """Return the stacks that match one of the patterns, all without patterns."""
    if not patterns:
        return list(loaded.stacks)

    chosen: list[Stack] = []
    used: set[str] = set()
    for stack in loaded.stacks:
        matching = [pattern for pattern in patterns if fnmatchcase(stack.name, pattern)]
        used.update(matching)
        if matching:
            chosen.append(stack)
    for pattern in patterns:
        if pattern not in used:
            raise click.UsageError(f"--stack {pattern}: no stack of the fleet has such a name.")
    return chosen


class _Run(msgspec.Struct, frozen=True):
    """One command for stacks: its words without patterns, and how it runs."""

    words: tuple[str, ...]
    folder: Path
    engine: Engine

    def submit(self, stacks: Sequence[Stack]) -> list[FleetStack]:
        """Submit the command for every stack; return entries that wait."""
        jobs = [self._make_job(stack, Patterns()) for stack in stacks]
        self.engine.run = self.engine.submit(jobs)
        return [make_waiting(job) for job in jobs]

    def run_all(self, stacks: Sequence[Stack], patterns: Patterns) -> list[FleetStack]:
        """Run the command for every stack, each with the patterns that match in it.

        A stack in which no target matches is left out. Raises UsageError for a pattern that matches
        in no stack.
        """
        jobs = {stack.name: self._make_job(stack, patterns) for stack in stacks}
        entries = self.engine.run_all([*jobs.values()], 0)
        mistyped = find_mistyped(entries, patterns)
        if mistyped:
            raise click.UsageError(f"{', '.join(mistyped)}: no stack of the fleet has a match.")

        # What is left of the patterns of each stack that has refused some of them.
        narrowed: dict[str, Patterns] = {}
        for entry in entries:
            refused = find_refused(entry, patterns)
            if refused:
                narrowed[entry.name] = patterns.without(refused)
        again: list[Job] = []
        for stack in stacks:
            rest = narrowed.get(stack.name)
            if rest is not None and (rest.targets or not patterns.targets):
                again.append(self._make_job(stack, rest))

        failures = sum(is_failure(each) for each in entries if each.name not in narrowed)
        repeated: dict[str, FleetStack] = {}
        if again:
            for entry in self.engine.run_all(again, failures):
                repeated[entry.name] = entry
        return _merge(entries, narrowed.keys(), repeated)

    def _make_job(self, stack: Stack, patterns: Patterns) -> Job:
        return Job(
            name=stack.name,
            directory=stack.directory.absolute(),
            file=stack.file,
            words=(*self.words, *patterns.words),
            row=stack.row,
            shown=os.path.relpath(stack.directory, self.folder),
        )


def _merge(
    entries: Sequence[FleetStack], narrowed: Collection[str], repeated: Mapping[str, FleetStack]
) -> list[FleetStack]:
    """Return the entries, with those of the second run in place of the refused ones."""
    merged: list[FleetStack] = []
    for entry in entries:
        if entry.name not in narrowed:
            merged.append(entry)
        elif entry.name in repeated:
            merged.append(repeated[entry.name])
    return merged
