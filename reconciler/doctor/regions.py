"""Whether the numbers of an account are answered in the region that its connection manages; asks about each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.doctor.check import Check
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.checks.inbound_regions import HOME
from reconciler.remote.facts.inbound_regions import read_regions
from reconciler.remote.gateway import Gateway

_NAMED = 5


def check_regions(
    gateway: Gateway, region: str | None, desired: Sequence[Desired]
) -> Iterator[Check]:
    """One check of all numbers that an account declares by their E.164; none where it declares none, or may not ask."""
    of_account = (
        want
        for want in desired
        if want.profile.account == gateway.account and want.kind in NUMBER_KINDS
    )
    numbers = {want.key for want in of_account if want.key.startswith("+")}
    if not numbers:
        return
    managed = region or HOME
    answers = read_regions(gateway, numbers)
    elsewhere = {
        number: there for number, there in sorted(answers.regions.items()) if there != managed
    }
    if elsewhere:
        named = ", ".join(
            f"{number} in {there}" for number, there in list(elsewhere.items())[:_NAMED]
        )
        more = f" and {len(elsewhere) - _NAMED} more" if len(elsewhere) > _NAMED else ""
        detail = f"{named}{more} answered, while {managed} is managed: what is set here has no effect on their calls."
        yield Check(
            account=gateway.account, check="inbound regions", status="failed", detail=detail
        )
    elif answers.problem is None:
        detail = f"{len(answers.regions)} of {len(numbers)} numbers told, all answered in {managed}"
        yield Check(account=gateway.account, check="inbound regions", status="ok", detail=detail)
