"""`reconciler schema`: the JSON Schemas of everything that is read or written."""

from __future__ import annotations

import json

import click


@click.command(
    short_help="Print a JSON Schema: of the configuration, for editors, or of an output."
)
@click.argument("name", default="config")
@click.option("--list", "names", is_flag=True, help="Only list the names.")
def schema(name: str, names: bool) -> int:
    """Print the JSON Schema NAME (`config` by default); --list names them all.

    \b
    To have an editor check and complete a file, put this on its first line:
      # yaml-language-server: $schema=<path or URL of config.schema.json>
    """
    from reconciler.schemas import SCHEMAS

    if names:
        click.echo("\n".join(SCHEMAS))
        return 0
    if name not in SCHEMAS:
        raise click.UsageError(f"No schema `{name}`; there are: {', '.join(SCHEMAS)}.")
    click.echo(json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False))
    return 0
