"""Rename the trunks, applications and messaging services that the attributes of numbers name; pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.address import Address
from reconciler.model.route import ApplicationRoute, Attrs, Membership, TrunkRoute, Value


def rename_values(attrs: Attrs, renames: Mapping[str, str]) -> dict[str, Value]:
    """Return the attributes with new names; `renames` maps old addresses to new ones."""
    return {name: rename_value(value, renames) for name, value in attrs.items()}


def rename_value(value: Value, renames: Mapping[str, str]) -> Value:
    """Return a value with the new name of the resource that it names."""
    match value:
        case TrunkRoute(trunk=name) if f"trunk/{name}" in renames:
            return TrunkRoute(Address.parse(renames[f"trunk/{name}"]).name)
        case ApplicationRoute(application=name) if f"application/{name}" in renames:
            return ApplicationRoute(Address.parse(renames[f"application/{name}"]).name)
        case Membership(service=name) if f"messaging_service/{name}" in renames:
            return Membership(Address.parse(renames[f"messaging_service/{name}"]).name)
        case _:
            return value
