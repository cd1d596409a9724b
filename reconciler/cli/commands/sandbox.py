"""Define `reconciler sandbox`: serve a simulated Twilio on 127.0.0.1 until Ctrl-C, with generated,
seeded or persisted numbers, and with injected faults.
"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.output_paths import DEFAULT_ENTRY, OutputPath, check_paths
from reconciler.errors import Exit
from reconciler.sandbox.faults.rules import AnyFault, FaultError, Latency, parse_fault
from reconciler.sandbox.service.app import serve
from reconciler.sandbox.store import SeedError
from reconciler.sandbox.world.world import World

_SEED = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8010,
    show_default=True,
    help="Port; 0: any free port.",
)
@click.option(
    "--numbers",
    type=click.IntRange(0, 1_000_000),
    default=100,
    show_default=True,
    metavar="N",
    help="Generate N numbers.",
)
@click.option(
    "--accounts",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="Distribute the numbers over N accounts.",
)
@click.option(
    "--subaccounts",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    metavar="N",
    help="Add N subaccounts of the first account, with numbers too.",
)
@click.option(
    "--seed", type=_SEED, metavar="FILE", help="Start from the world in FILE (JSON) instead."
)
@click.option(
    "--persist",
    type=OutputPath(),
    metavar="FILE",
    help="Load the world from FILE, and save it there at the end.",
)
@click.option(
    "--latency",
    type=click.FloatRange(0),
    metavar="MS",
    help="Delay every answer by MS milliseconds.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Inject a fault, such as rate_limit:every=10 or drop:percent=5,method=write. Repeatable.",
)
def sandbox(
    port: int,
    numbers: int,
    accounts: int,
    subaccounts: int,
    seed: Path | None,
    persist: Path | None,
    latency: float | None,
    faults: tuple[str, ...],
) -> int:
    """Run a simulated Twilio on 127.0.0.1 until Ctrl-C, with numbers, trunks, origination URLs,
    events and accounts.

    Use it for an account with `base_url: http://127.0.0.1:8010`, for a platform with `…/nixflex`
    and so on. While it runs, /_sandbox lists its own endpoints: the log of calls, faults, an edit
    as in the console, the world as a seed file. See docs/how-to/sandbox.md.
    """
    if persist is not None:
        check_paths([("--persist", persist, False)], Path(), DEFAULT_ENTRY)
    world = (
        World.generate(numbers, accounts, subaccounts=subaccounts) if seed is None else _load(seed)
    )

    def ready(url: str) -> None:
        click.echo(f"Twilio sandbox on {url}")
        for account in world.accounts:
            click.echo(f"  account_sid={account.sid} auth_token={account.auth_token}")

    try:
        serve(world, port=port, faults=_faults(faults, latency), persist=persist, on_ready=ready)
    except OSError as error:
        raise click.ClickException(
            f"Port {port} is not available: {error.strerror}. Choose another with --port."
        ) from None
    return Exit.DONE


def _load(seed: Path) -> World:
    try:
        return World.load(seed)
    except SeedError as error:
        raise click.UsageError(f"{seed}: {error}") from None


def _faults(texts: tuple[str, ...], latency: float | None) -> list[AnyFault]:
    try:
        faults = [parse_fault(text) for text in texts]
    except FaultError as error:
        raise click.UsageError(str(error)) from None
    return [*faults, *([Latency(ms=latency)] if latency else [])]
