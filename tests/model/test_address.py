"""Addresses: taken apart and put together without loss."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address


@pytest.mark.parametrize(
    ("text", "kind", "name", "owner", "key", "is_number"),
    [
        ("trunk/main", "trunk", "main", "main", "", False),
        ("number/+15550100001", "number", "+15550100001", "+15550100001", "", True),
        ("bridge_number/+15550100001", "bridge_number", "+15550100001", "+15550100001", "", True),
        (
            "registration/dasha/+15550100001",
            "registration",
            "dasha/+15550100001",
            "dasha",
            "+15550100001",
            False,
        ),
        # The key of an address entry is a network, and the key of an origination URL may be a URL: both hold slashes.
        (
            "ip_address/office/203.0.113.0/24",
            "ip_address",
            "office/203.0.113.0/24",
            "office",
            "203.0.113.0/24",
            False,
        ),
        ("word", "word", "", "", "", False),
    ],
)
def test_parts_of_an_address(
    text: str, kind: str, name: str, owner: str, key: str, is_number: bool
) -> None:
    address = Address.parse(text)
    parts = (address.kind, address.name, address.owner, address.key, address.is_number)
    assert parts == (kind, name, owner, key, is_number)


@pytest.mark.parametrize("names", [("main",), ("main", "primary"), ("office", "203.0.113.0/24")])
def test_text_of_an_address_is_parsed_to_the_same_address(names: tuple[str, ...]) -> None:
    address = Address.of("origination_url", *names)
    assert Address.parse(str(address)) == address
    assert str(address) == "/".join(("origination_url", *names))
