"""Define `reconciler numbers search`: list numbers for sale with prices, and with `--write` add
chosen ones to a YAML file; buy nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from reconciler.cli.arguments import AnywhereGroup
from reconciler.cli.common_options import CommonOptions
from reconciler.cli.completers import complete_accounts, complete_agents
from reconciler.cli.options import common_options
from reconciler.cli.output import emit
from reconciler.cli.output_paths import OutputPath
from reconciler.cli.progress import QuietProgress
from reconciler.report.documents.listings import numbers_document
from reconciler.workflows import numbers_search


@click.group(cls=AnywhereGroup)
def numbers() -> None:
    """Search phone numbers that Twilio sells."""


def _country(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not re.fullmatch("[A-Za-z]{2}", value):
        raise click.BadParameter("expected two letters (ISO 3166), such as GB")
    return value.upper()


def _sid(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    prefix = "BU" if param.name == "bundle" else "AD"
    if value is not None and not re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", value):
        raise click.BadParameter(f"expected {prefix} and 32 hexadecimal digits")
    return value


_TYPES = click.Choice(["local", "mobile", "toll_free"])


@numbers.command("search", short_help="List numbers for sale, or add some to a file.")
@click.option("--country", metavar="CC", callback=_country, help="Country (ISO 3166), such as GB.")
@click.option(
    "--type", "kind", type=_TYPES, default="local", show_default=True, help="Kind of number."
)
@click.option("--area-code", metavar="CODE", help="Only this area code (US and Canada).")
@click.option(
    "--contains",
    metavar="PATTERN",
    help="Only numbers with these digits; *: any digit, +: the beginning.",
)
@click.option(
    "--account",
    metavar="NAME",
    shell_complete=complete_accounts,
    help="Account to search with and to buy for.",
)
@click.option(
    "--write",
    type=OutputPath(edits=True),
    metavar="FILE",
    help="Add the chosen numbers to this YAML file, each with `purchase`.",
)
@click.option(
    "--number", "chosen", multiple=True, metavar="E164", help="With --write: add this number."
)
@click.option("--count", type=click.IntRange(1, 30), default=1, show_default=True,
              help="With --write and without --number: add the first COUNT numbers.")  # fmt: skip
@click.option(
    "--agent",
    metavar="NAME",
    shell_complete=complete_agents,
    help="With --write: the agent of the numbers.",
)
@click.option("--bundle", metavar="BU…", callback=_sid, help="With --write: the regulatory bundle.")
@click.option(
    "--address", metavar="AD…", callback=_sid, help="With --write: the address of the owner."
)
@common_options
def search(
    shared: CommonOptions,
    country: str | None,
    kind: str,
    area_code: str | None,
    contains: str | None,
    account: str | None,
    write: Path | None,
    chosen: tuple[str, ...],
    count: int,
    agent: str | None,
    bundle: str | None,
    address: str | None,
) -> int:
    """List numbers that Twilio sells now (at most 30), with their prices and requirements.

    With --write, the first numbers, or those that --number names, are added to FILE as entries of
    `numbers`. Comments and layout of the file stay; a missing file is created. Nothing is bought
    before `apply --allow-purchase`. The present price becomes `max_price`. Without a configuration,
    the account of the TWILIO_* variables is used.
    """
    if country is None:
        raise click.UsageError("Missing option --country, such as --country GB.")
    if write is None and (chosen or agent or bundle or address):
        raise click.UsageError("--number, --agent, --bundle and --address require --write.")

    request = numbers_search.NumberRequest(
        country=country,
        type=kind,
        area_code=area_code,
        contains=contains,
        account=account,
        write=write,
        numbers=chosen,
        count=count,
        agent=agent,
        bundle=bundle,
        address=address,
    )
    found = numbers_search.search(
        shared.run_options("numbers search", QuietProgress(shared)), request
    )
    out = str(write) if write else None
    emit(shared, numbers_document(found.numbers, found.declared, found.written, out))
    return 0
