"""Define `reconciler mcp`: serve the commands as tools of the Model Context Protocol on stdin and
stdout.
"""

from __future__ import annotations

import gc
import sys

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.mcp_server.calls import Served
from reconciler.state import problems


@click.command()
@common_options
def mcp(shared: CommonOptions) -> int:
    """Serve this project to coding agents: tools of the Model Context Protocol on stdin and stdout.

    The tools are validate, plan, drift, list, show, log, explain and apply. `apply` takes a saved
    plan and its whole digest, which no tool returns: a person reads it in the terminal, the comment
    or the report. No tool accepts consent. Needs the extra `mcp`.
    """
    try:
        from reconciler.mcp_server.server import serve
    except ImportError as error:
        raise problems.extra_missing("The MCP server", "mcp") from error

    if sys.stdin.isatty():
        click.echo(
            "Waiting for an MCP client on stdin. An MCP client starts this command itself.",
            err=True,
        )

    # `run` turns the collector off for the short life of a command; a server lives long.
    gc.enable()
    entry = shared.directory / shared.file
    options = [f"--allow-host={host}" for host in shared.allow_hosts]
    for name, value in shared.variables.given.items():
        options.append(f"--var={name}={value}")
    for file in shared.variables.files:
        options.append(f"--var-file={file.resolve()}")

    group = click.get_current_context().find_root().command
    commands = (
        group.list_commands(click.get_current_context()) if isinstance(group, click.Group) else []
    )
    serve(Served(entry.parent.resolve(), entry.name, options), commands)
    return 0
