"""Define `Share`, one part of the calls of an agent, and convert a division of the calls between
its declared form and the one text that plans, states and adapters compare; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Shares = Literal["agents", "branches"]
"""What the shares of a split name: agents with weights (sum 1), or branches of one agent with
percentages (sum 100).
"""

TOLERANCE = 1e-6
"""The largest difference between a sum and the total that rounding explains: 0.1 + 0.2 + 0.7."""


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One share of the calls.

    Either `id`, `weight` (0 to 1) and an optional `version` of an agent, or `branch` and
    `percentage` (0 to 100) of a branch.
    """

    id: str | None = None
    version: str | None = None
    weight: float | None = None
    branch: str | None = None
    percentage: float | None = None


def total_of(shares: Shares) -> float:
    """Return the sum of all shares."""
    return 1 if shares == "agents" else 100


def format_split(split: Sequence[Share]) -> str:
    """Return the text of a split, a JSON list in a fixed order; equal splits have equal texts."""
    ordered = sorted(split, key=_identify)
    return msgspec.json.encode(ordered).decode()


def parse_split(text: str) -> list[Share]:
    """Return the shares of a text of `format_split`.

    Raises msgspec.ValidationError for another text.
    """
    return msgspec.json.decode(text, type=list[Share])


def _identify(share: Share) -> tuple[str, str, str]:
    return share.id or "", share.version or "", share.branch or ""
