"""Load and check the configuration without Twilio; or load only its header, or without a file a
project with the account of the TWILIO_* variables.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.config.load.load import load, load_header, load_undeclared
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid
from reconciler.workflows.session import (
    DEFAULT_FILE,
    RunOptions,
)


def validate(options: RunOptions) -> Project:
    """Read the configuration and check all that can be checked without Twilio. Raises
    ConfigInvalid.

    Warnings are also added to the options, so that a command can tell them from those of its plan.
    """
    entry = options.directory / options.file

    # The check of output paths may have read the files already; with 100,000 numbers that saves
    # seconds.
    merged = options.merged.pop() if options.merged else None
    if merged is not None and merged.entry != entry:
        merged = None
    try:
        project = load(
            entry,
            environ=options.environ,
            display_root=options.directory,
            merged=merged,
            variables=options.variables,
        )
    except ConfigInvalid as invalid:
        options.static_warnings.extend(_warnings(invalid.diagnostics))
        raise
    options.static_warnings.extend(project.warnings)
    return project


def _warnings(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [each for each in diagnostics if each.severity == "warning"]


def validate_header(options: RunOptions) -> Project:
    """Read the header of the configuration, for a command that needs the state alone. Raises
    ConfigInvalid.
    """
    entry = options.directory / options.file
    return load_header(
        entry,
        environ=options.environ,
        display_root=options.directory,
        variables=options.variables,
    )


def validate_or_load_account(options: RunOptions) -> Project:
    """Return the configuration; without one, a project with the account of the TWILIO_* variables.

    A configuration that was named with `-f` has to exist.
    """
    if options.file != DEFAULT_FILE or (options.directory / options.file).exists():
        return validate(options)
    return load_undeclared(options.directory, options.environ)
