"""Define `reconciler schema`: print one JSON Schema by name (default: `config`), or with `--list`
the names of all.
"""

from __future__ import annotations

import json

import click

from reconciler.schemas import SCHEMAS


@click.command()
@click.argument("name", default="config")
@click.option("--list", "names", is_flag=True, help="Only list the names.")
def schema(name: str, names: bool) -> int:
    """Print the JSON Schema NAME (default: `config`); --list prints all names.

    \b
    For checks and completion in an editor, put this on the first line of a file:
      # yaml-language-server: $schema=<path or URL of config.schema.json>
    """
    if names:
        click.echo("\n".join(SCHEMAS))
        return 0
    if name not in SCHEMAS:
        raise click.UsageError(f"Unknown schema `{name}`. Known: {', '.join(SCHEMAS)}.")
    click.echo(json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False))
    return 0
