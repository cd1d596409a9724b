"""Define the limits of a plan: how many resources it may change, remove and buy, and at what cost;
does not apply them; pure.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from reconciler.model.desired import Money

MAX_PURCHASES = 10
"""The default of `safety.max_purchases`."""
LIMITS_FROM = 10
"""A share of fewer resources than this is no limit: one of three is a third."""


class Limit(msgspec.Struct, frozen=True):
    """The most resources that a plan may touch: a number, or per cent of the bound ones."""

    amount: float
    percent: bool

    def most(self, bound: int) -> int | None:
        """Return the limit for a kind with `bound` bound resources; None for too few of them."""
        if bound < LIMITS_FROM:
            return None
        return int(bound * self.amount / 100) if self.percent else int(self.amount)

    def most_below(self, bound: int) -> int:
        """Return the limit where it holds for few resources as well: a share then allows at least
        one resource.
        """
        if not self.percent or not self.amount:
            return int(self.amount)
        return max(1, int(bound * self.amount / 100))

    def __str__(self) -> str:
        return f"{self.amount:g}%" if self.percent else f"{self.amount:g}"


class Limits(Protocol):
    """The limits of the `safety` section."""

    @property
    def max_updates(self) -> Limit:
        """Number or share of the bound resources of a kind that a plan may change."""

    @property
    def max_removals(self) -> Limit:
        """Number or share of them that it may remove."""

    @property
    def max_purchases(self) -> int:
        """Number of numbers that one run may buy."""

    @property
    def max_spend(self) -> Money | None:
        """Monthly cost of all numbers that one run buys; None for no limit."""
