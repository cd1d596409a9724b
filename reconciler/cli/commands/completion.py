"""Define `reconciler completion`: print the completion script for bash, zsh or fish; install
nothing.
"""

from __future__ import annotations

import click

from reconciler.cli.common_options import CommonOptions
from reconciler.cli.options import common_options
from reconciler.errors import Exit

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument(
    "shell", shell_complete=lambda ctx, param, begun: [s for s in SHELLS if s.startswith(begun)]
)
@common_options
def completion(shared: CommonOptions, shell: str) -> int:
    """Print the completion script for SHELL: bash, zsh or fish.

    It completes commands, options, and from the local files addresses, agents, accounts, platforms,
    variables and serials of the state. Nothing is sent.

    \b
    bash:  reconciler completion bash > ~/.local/share/bash-completion/completions/reconciler
    zsh:   reconciler completion zsh > "${fpath[1]}/_reconciler"
    fish:  reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    found = get_completion_class(shell) if shell in SHELLS else None
    if found is None:
        raise click.UsageError(f"Unknown shell `{shell}`. Known: {', '.join(SHELLS)}.")
    click.echo(found(root, {}, "reconciler", "_RECONCILER_COMPLETE").source())
    return Exit.DONE
