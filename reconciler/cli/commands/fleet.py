"""Define `reconciler fleet …`: run a command for every stack of a fleet, and print one report."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from reconciler.cli.commands.fleet_options import FleetOptions, fleet_options
from reconciler.cli.confirmation import consent_options, local_state_option, purchase_option
from reconciler.cli.fleet_progress import choose_fleet_progress
from reconciler.cli.output import emit
from reconciler.cli.signals import count_interrupts
from reconciler.config.load.fleet import Fleet, Stack, load_fleet
from reconciler.fleet.identity import find_shared
from reconciler.fleet.job import Job
from reconciler.fleet.local_engine import EngineOptions, run_all
from reconciler.fleet.processes import StopRequest
from reconciler.fleet.results import is_no_match
from reconciler.report.documents.fleet import FleetStack, fleet_document, fleet_exit_code

_TARGET = "reconciler.cli.stack_process:run_stack"
"""What the process of a stack calls; by name, because it runs the commands of this program."""
_GRACE = 60.0
"""Seconds after `--timeout` at which the process of a stack is ended by force."""


@click.group()
def fleet() -> None:
    """Run a command for every stack that a fleet file lists, each in a process of its own.

    A stack that fails, crashes or takes too long does not stop the others. Exit: the first of 5, 1,
    4, 3, 64, 6, 7, 2 that occurred in a stack, else 0.
    """


@fleet.command()
@fleet_options()
def validate(options: FleetOptions) -> int:
    """Check the configuration of every stack. Needs no credentials."""
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
@click.option("--no-refresh", is_flag=True, help="Read only the states; needs no credentials.")
@fleet_options()
def list_stacks(options: FleetOptions, no_refresh: bool) -> int:
    """List the stacks with the numbers of each, and their status."""
    return _run(options, "list", ("--no-refresh",) if no_refresh else ())


def _run(options: FleetOptions, command: str, more: Sequence[str]) -> int:
    """Run a command for every stack, print the report, and return the exit code."""
    began = time.monotonic()
    shared = options.shared
    # Before anything else: even the report of a failure must not overwrite a state.
    options.check_reports(())
    loaded = load_fleet(shared.directory / shared.file, shared.directory)
    options.check_reports(loaded.stacks)
    chosen = _choose(loaded, options.stacks)
    parallel = options.parallel or loaded.parallel
    find_shared(loaded.stacks, shared.variables.given, shared.variables.files, parallel)

    words = (command, *options.words, *more)
    jobs = [_make_job(stack, words, shared.directory) for stack in chosen]
    engine = EngineOptions(
        parallel=parallel,
        stop_after_failures=loaded.stop_after_failures,
        seconds=shared.timeout + _GRACE if shared.timeout is not None else None,
    )
    stop = StopRequest()
    progress = choose_fleet_progress(shared)
    with count_interrupts(stop.request):
        try:
            entries = run_all(jobs, _TARGET, engine, stop, progress)
        finally:
            progress.close()

    entries = _leave_out_unmatched(entries, shared.targets)
    document = fleet_document(
        f"fleet {command}", entries, loaded.warnings, time.monotonic() - began
    )
    emit(shared, document, os.path.basename(os.path.abspath(shared.directory)))
    return fleet_exit_code(entries)


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


def _make_job(stack: Stack, words: Sequence[str], folder: Path) -> Job:
    shown = os.path.relpath(stack.directory, folder)
    return Job(
        name=stack.name,
        directory=stack.directory.absolute(),
        file=stack.file,
        words=tuple(words),
        row=stack.row,
        shown=shown,
    )


def _leave_out_unmatched(entries: list[FleetStack], targets: Sequence[str]) -> list[FleetStack]:
    """Leave out the stacks in which `--target` matches nothing.

    Raises UsageError when it matches in no stack.
    """
    if not targets:
        return entries
    matched = [entry for entry in entries if not is_no_match(entry)]
    if entries and not matched:
        raise click.UsageError(f"--target {' '.join(targets)} matches in no stack of the fleet.")
    return matched
