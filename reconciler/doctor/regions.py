"""Ask Twilio for the inbound regions of an account's numbers and trunks, all or up to a limit, and
return a check that fails when one is not the managed region.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.doctor.check import Check
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.checks.region_questions import HOME
from reconciler.remote.facts.inbound_regions import read_account_regions
from reconciler.remote.gateway import Gateway

_MAX_LISTED = 5


def list_routed(
    desired: Sequence[Desired], regions: Mapping[str, str | None]
) -> dict[str, set[str]]:
    """Return the numbers that are declared by their E.164, and the domains of trunks, by account.

    `regions` are the declared regions of the accounts: trunks count only where there is one.
    """
    by_account: dict[str, set[str]] = {}
    for resource in desired:
        account, key = resource.profile.account, ""
        if resource.kind in NUMBER_KINDS and resource.key.startswith("+"):
            key = resource.key
        elif resource.kind == "trunk" and regions.get(account):
            key = str(resource.profile.attrs.get("domain_name") or "")
        if key:
            by_account.setdefault(account, set()).add(key)
    return by_account


def check_regions(
    gateway: Gateway, region: str | None, keys: Collection[str], limit: int | None = None
) -> Iterator[Check]:
    """Check these numbers and trunks, or `limit` of them.

    No check without any, or without permission to ask.
    """
    # Trunks come first: the answer about a trunk is about all its numbers.
    trunks = sorted(key for key in keys if not key.startswith("+"))[:limit]
    numbers = sorted(key for key in keys if key.startswith("+"))
    asked = [*trunks, *_spread(numbers, None if limit is None else limit - len(trunks))]
    if not asked:
        return

    managed = region or HOME
    answers = read_account_regions(gateway, asked)
    elsewhere = [
        f"{key} in {answering}"
        for key, answering in sorted(answers.regions.items())
        if answering != managed
    ]

    rest = ""
    what = "numbers and trunks" if trunks else "numbers"
    if len(asked) < len(keys):
        rest = (
            f" {len(asked)} of {len(keys):,} {what} were asked about; to ask about all: "
            "`reconciler doctor --all`."
        )
    if elsewhere:
        listed = ", ".join(elsewhere[:_MAX_LISTED])
        unlisted = len(elsewhere) - _MAX_LISTED
        more = f" and {unlisted} more" if unlisted > 0 else ""
        detail = (
            f"Twilio answers these {what} outside {managed}, the region that is managed: "
            f"{listed}{more}. The settings in {managed} have no effect on their calls.{rest}"
        )
        yield Check(
            account=gateway.account, check="inbound regions", status="failed", detail=detail
        )
    elif answers.problem is None:
        count = len(answers.regions)
        detail = f"{managed} answers all {what} with a known region ({count} of {len(asked)})"
        detail += f".{rest}" if rest else ""
        yield Check(account=gateway.account, check="inbound regions", status="ok", detail=detail)


def _spread(numbers: Sequence[str], limit: int | None) -> Sequence[str]:
    """Return at most `limit` numbers from all over the list: a block may be in one region."""
    if limit is None or len(numbers) <= limit:
        return numbers
    return [numbers[index * len(numbers) // limit] for index in range(limit)]
