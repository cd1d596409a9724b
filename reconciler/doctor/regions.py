"""Check that the region that an account's connection manages answers its numbers; asks about each
number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.doctor.check import Check
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.checks.inbound_regions import HOME
from reconciler.remote.facts.inbound_regions import read_account_regions
from reconciler.remote.gateway import Gateway

_MAX_LISTED = 5


def check_regions(
    gateway: Gateway, region: str | None, desired: Sequence[Desired]
) -> Iterator[Check]:
    """Check all numbers that an account declares by their E.164.

    No check without such numbers, or without permission to ask.
    """
    numbers: set[str] = set()
    for resource in desired:
        if resource.profile.account == gateway.account and resource.kind in NUMBER_KINDS:
            numbers.add(resource.key)
    numbers = {key for key in numbers if key.startswith("+")}
    if not numbers:
        return

    managed = region or HOME
    answers = read_account_regions(gateway, numbers)
    elsewhere = [
        f"{number} in {answering}"
        for number, answering in sorted(answers.regions.items())
        if answering != managed
    ]

    if elsewhere:
        listed = ", ".join(elsewhere[:_MAX_LISTED])
        rest = len(elsewhere) - _MAX_LISTED
        more = f" and {rest} more" if rest > 0 else ""
        detail = (
            f"Twilio answers these numbers outside {managed}, the region that is managed: "
            f"{listed}{more}. The settings in {managed} have no effect on their calls."
        )
        yield Check(
            account=gateway.account, check="inbound regions", status="failed", detail=detail
        )
    elif answers.problem is None:
        count = len(answers.regions)
        detail = f"{managed} answers all numbers with a known region ({count} of {len(numbers)})"
        yield Check(account=gateway.account, check="inbound regions", status="ok", detail=detail)
