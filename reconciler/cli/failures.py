"""Run a command and return its exit code; print any error as diagnostics in the chosen format.
Usage errors are raised again for click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.output import emit_failure
from reconciler.diagnostics import Diagnostic, describe_file_problem
from reconciler.errors import Exit, ReconcilerError, UsageError

if TYPE_CHECKING:
    from reconciler.cli.common_options import CommonOptions


def run_guarded(common: CommonOptions, name: str, command: Callable[[], Any]) -> int:
    """Run a command and return its exit code, or report its error and return that of the error."""
    try:
        code = command()
        return int(code) if isinstance(code, int) else Exit.DONE
    except UsageError as error:
        raise click.UsageError(error.diagnostics[0].detail) from error
    except ReconcilerError as error:
        emit_failure(common, name, error.diagnostics, error.done, error.unread_accounts)
        return error.exit
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except OSError as error:
        emit_failure(common, name, [describe_file_problem(error)])
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: one line instead of a page, and no value of anything
        emit_failure(common, name, [_internal_error(error)])
        if common.verbose > 1:
            import traceback

            click.echo("".join(traceback.format_tb(error.__traceback__)), err=True)
        return Exit.FAILED


def _internal_error(error: Exception) -> Diagnostic:
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return Diagnostic(
        code="internal_error",
        summary="Internal error",
        detail=f"{type(error).__name__} in {last.name}, line {last.lineno}. Please report it with the output of the "
        "same command with `-vv`. What was applied before the error is saved.",
    )
