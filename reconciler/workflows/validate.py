"""Read the configuration and check all that can be checked without Twilio."""

from __future__ import annotations

from reconciler.config.load.load import load, load_undeclared
from reconciler.config.project import Project
from reconciler.workflows.session import (
    DEFAULT_FILE,
    RunOptions,
)


def validate(options: RunOptions) -> Project:
    """Read the configuration and check all that can be checked without Twilio. Raises
    ConfigInvalid.
    """
    entry = options.directory / options.file

    # The check of output paths may have read the files already; with 100,000 numbers that saves
    # seconds.
    merged = options.merged.pop() if options.merged else None
    if merged is not None and merged.entry != entry:
        merged = None
    return load(entry, environ=options.environ, display_root=options.directory, merged=merged)


def validate_or_load_account(options: RunOptions) -> Project:
    """Return the configuration; without one, a project with the account of the TWILIO_* variables.

    A configuration that was named with `-f` has to exist.
    """
    if options.file != DEFAULT_FILE or (options.directory / options.file).exists():
        return validate(options)
    return load_undeclared(options.directory, options.environ)
