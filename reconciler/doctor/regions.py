"""Ask Twilio for the inbound regions of an account's numbers, all or up to a limit, and return a
check that fails when one is not the managed region.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from reconciler.doctor.check import Check
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.checks.inbound_regions import HOME
from reconciler.remote.facts.inbound_regions import read_account_regions
from reconciler.remote.gateway import Gateway

_MAX_LISTED = 5


def list_answering_numbers(desired: Sequence[Desired]) -> dict[str, set[str]]:
    """Return the numbers that are declared by their E.164, by account."""
    by_account: dict[str, set[str]] = {}
    for resource in desired:
        if resource.kind in NUMBER_KINDS and resource.key.startswith("+"):
            by_account.setdefault(resource.profile.account, set()).add(resource.key)
    return by_account


def check_regions(
    gateway: Gateway, region: str | None, numbers: Collection[str], limit: int | None = None
) -> Iterator[Check]:
    """Check these numbers, or `limit` of them.

    No check without numbers, or without permission to ask.
    """
    asked = _spread(sorted(numbers), limit)
    if not asked:
        return

    managed = region or HOME
    answers = read_account_regions(gateway, asked)
    elsewhere = [
        f"{number} in {answering}"
        for number, answering in sorted(answers.regions.items())
        if answering != managed
    ]

    rest = ""
    if len(asked) < len(numbers):
        rest = (
            f" {len(asked)} of {len(numbers):,} numbers were asked about; to ask about all: "
            "`reconciler doctor --all`."
        )
    if elsewhere:
        listed = ", ".join(elsewhere[:_MAX_LISTED])
        unlisted = len(elsewhere) - _MAX_LISTED
        more = f" and {unlisted} more" if unlisted > 0 else ""
        detail = (
            f"Twilio answers these numbers outside {managed}, the region that is managed: "
            f"{listed}{more}. The settings in {managed} have no effect on their calls.{rest}"
        )
        yield Check(
            account=gateway.account, check="inbound regions", status="failed", detail=detail
        )
    elif answers.problem is None:
        count = len(answers.regions)
        detail = f"{managed} answers all numbers with a known region ({count} of {len(asked)})"
        detail += f".{rest}" if rest else ""
        yield Check(account=gateway.account, check="inbound regions", status="ok", detail=detail)


def _spread(numbers: Sequence[str], limit: int | None) -> Sequence[str]:
    """Return at most `limit` numbers from all over the list: a block may be in one region."""
    if limit is None or len(numbers) <= limit:
        return numbers
    return [numbers[index * len(numbers) // limit] for index in range(limit)]
