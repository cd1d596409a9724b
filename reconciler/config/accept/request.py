"""Define the live values that are to be declared (`Request`), and the reason why an address cannot
be accepted (`CannotAccept`); data only.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.live import Live
from reconciler.model.route import Value


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One address whose live values are to be declared.

    `declared` is its declaration, or that of its parent for a `child` that is not declared yet.
    `values` are the live values of the attributes that have drifted. `field` is the key of the
    parent that lists such children.
    """

    address: str
    declared: Desired
    values: Mapping[str, Value] = {}
    child: Live | None = None

    @property
    def kind(self) -> str:
        """Return the kind of the address."""
        return Address.parse(self.address).kind

    def is_child(self, address: str) -> bool:
        """Return whether an address is that of such a child below the same parent.

        The use of a list is addressed by the list's label until its SID is declared.
        """
        if self.child is None:
            return False
        parent = Address.parse(self.declared.address).name
        other = Address.parse(address)
        return (other.kind, other.owner) == (self.kind, parent)


class CannotAccept(Exception):
    """The declaring file cannot express the live values; the message says why and what to do."""


def cannot_accept(address: str, reason: str, declared: Desired | None) -> Diagnostic:
    """Return the diagnostic of an address that cannot be accepted."""
    return Diagnostic.at(
        declared.position if declared is not None else None,
        code="cannot_accept",
        summary="The drift cannot be accepted",
        detail=f"{reason} No file was changed.",
        address=address,
    )
