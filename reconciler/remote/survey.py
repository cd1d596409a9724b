"""Read all that can be exported from whole accounts, whoever declares it: numbers by pages, trunks, their children."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.kinds.kind import Kind
from reconciler.kinds.number import Observer
from reconciler.kinds.origination_url import ORIGINATION_URL
from reconciler.kinds.trunk import TRUNK
from reconciler.model import Live
from reconciler.planning.match import addressed, child_addresses
from reconciler.planning.observed import Observed
from reconciler.remote.gateway import Gateway

CHILDREN: tuple[Kind, ...] = (ORIGINATION_URL,)
"""The kinds below a trunk that are read along with it."""
_AT_ONCE = 8


def survey(
    accounts: Sequence[str],
    gateways: Mapping[str, Gateway],
    progress: Callable[[str, int], None] = lambda account, count: None,
) -> Observed:
    """Everything in these accounts, under SIDs in place of names. Raises RemoteError."""
    numbers: dict[str, dict[str, Live]] = {}
    others: dict[str, Live] = {}
    for account in accounts:
        gateway = gateways[account]
        pages = gateway.number_pages()
        others.update(_trunks(gateway))
        observer, found = Observer({}), dict[str, Live]()
        for page in pages:
            found.update((row.phone_number, observer.live(row, account)) for row in page)
            progress(account, len(found))
        numbers[account] = found
    return Observed(numbers, others)


def _trunks(gateway: Gateway) -> dict[str, Live]:
    trunks = [TRUNK.observe(row, gateway.account, {}) for row in gateway.rows(TRUNK.listing)]
    found = addressed("trunk", trunks, {})
    pairs = [(kind, trunk.sid) for kind in CHILDREN for trunk in trunks]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="survey") as pool:
        for (kind, _), children in zip(pairs, pool.map(lambda pair: _children(gateway, *pair), pairs), strict=True):
            found.update(child_addresses(kind.name, children, {}))
    return found


def _children(gateway: Gateway, kind: Kind, sid: str) -> list[Live]:
    rows = gateway.rows(kind.listing, parent_sid=sid)
    return [kind.observe({**row, "trunk_sid": sid}, gateway.account, {}) for row in rows]
