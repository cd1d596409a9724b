"""Change the declarations of applications, trunks and their children so that they have their live
values, and declare children that somebody has added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.accept.files import ConfigurationFiles, DeclaredEntry, check_variable
from reconciler.config.accept.hooks import (
    declare_hook,
    declare_label,
    declare_text,
    key_in,
    value_in,
)
from reconciler.config.accept.messaging_services import add_service_values
from reconciler.config.accept.request import CannotAccept, Request
from reconciler.config.desired.applications import APPLICATION_FIELDS
from reconciler.config.desired.parts import PARTS
from reconciler.config.desired.roundtrip import can_declare_origination, is_label
from reconciler.config.source.edit import REMOVE, Change, Merge
from reconciler.config.source.nodes import Node
from reconciler.config.source.write import Flow
from reconciler.kinds.number_fields import NONE
from reconciler.model.live import Live
from reconciler.model.route import Value

SECTIONS = {
    "number": "numbers",
    "bridge_number": "bridge_numbers",
    "application": "applications",
    "messaging_service": "messaging_services",
    "trunk": "trunks",
    "origination_url": "trunks",
    "recording": "trunks",
    "trunk_ip_access_control_list": "trunks",
    "trunk_credential_list": "trunks",
    "ip_access_control_list": "trunks",
    "credential_list": "trunks",
    "ip_address": "trunks",
    "credential": "trunks",
}
"""Kind → the section that declares it."""

_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "application": {
        "friendly_name": ("friendly_name",),
        **{name: (written,) for name, written in APPLICATION_FIELDS.items()},
    },
    "trunk": {
        "friendly_name": ("friendly_name",),
        "domain_name": ("domain",),
        "secure": ("secure",),
        "cnam_lookup_enabled": ("cnam_lookup",),
        "transfer_mode": ("transfer_mode",),
        "transfer_caller_id": ("transfer_caller_id",),
        "disaster_recovery_url": ("disaster_recovery", "url"),
        "disaster_recovery_method": ("disaster_recovery", "method"),
    },
    "origination_url": {
        "priority": ("priority",),
        "weight": ("weight",),
        "enabled": ("enabled",),
        "friendly_name": ("friendly_name",),
    },
    "recording": {"mode": ("mode",), "trim": ("trim",)},
    "ip_address": {"friendly_name": ("name",)},
}
"""Kind → attribute → the path of the field that declares it."""

LISTED_BY = {
    "origination_url": "origination",
    "trunk_ip_access_control_list": "ip_access_control_lists",
    "trunk_credential_list": "credential_lists",
    "ip_address": "addresses",
}
"""Kind of child → the field of its parent that lists such children."""


def add_values(request: Request, entry: DeclaredEntry, files: ConfigurationFiles) -> None:
    """Add the changes for one application, service, trunk, or declared child. Raises CannotAccept."""
    if request.kind == "messaging_service":
        add_service_values(request, entry, files)
        return

    paths = _FIELDS.get(request.kind, {})
    for name, value in request.values.items():
        if request.kind == "application" and name in PARTS:
            check_variable(entry.text, entry.node, (name,))
            change: Change = REMOVE
            if value is not None:
                change = declare_hook(name, value, value_in(entry.node, name))
            files.merge(entry, {key_in(entry.node, name): change})
            continue

        path = paths.get(name)
        if path is None:
            raise CannotAccept(
                f"`{name}` identifies this resource, or is no field of its declaration. Change the "
                "file by hand, or the resource on Twilio."
            )
        check_variable(entry.text, entry.node, path)
        _set_field(files, entry, path, _declare_value(name, value))


def _declare_value(name: str, value: Value) -> Flow:
    """Return the value that declares a plain attribute. Raises CannotAccept."""
    if name == "friendly_name":
        return declare_label(value)
    if isinstance(value, str):
        return declare_text(value)
    if value is None and name in APPLICATION_FIELDS:
        return NONE
    if isinstance(value, bool | int):
        return value
    raise CannotAccept(
        f"`{name}` is empty on Twilio, and a file cannot declare that. Change the file by hand, or "
        "the resource on Twilio."
    )


def _set_field(
    files: ConfigurationFiles, entry: DeclaredEntry, path: tuple[str, ...], value: Flow
) -> None:
    spelled: list[str] = []
    node: Node = entry.node
    for name in path:
        spelled.append(key_in(node, name))
        node = value_in(node, name)

    change: Change = value
    for name in reversed(spelled[1:]):
        change = Merge({name: change})
    files.merge(entry, {spelled[0]: change})


def add_child(request: Request, entry: DeclaredEntry, files: ConfigurationFiles) -> None:
    """Declare a child that somebody has added to a declared trunk or list. Raises CannotAccept."""
    field = LISTED_BY.get(request.kind)
    if field is None or request.child is None:
        raise CannotAccept(
            "Twilio does not show the password of a user, so no file can declare this one. Declare "
            "it by hand with a new password, or delete it on Twilio."
        )
    item = _declare_child(request.kind, request.child)
    check_variable(entry.text, entry.node, (field,))
    files.merge(entry, {key_in(entry.node, field): Merge({}, (item,))})


def _declare_child(kind: str, child: Live) -> Flow:
    """Return the item that declares a live child. Raises CannotAccept."""
    attrs = child.attrs
    if kind == "origination_url":
        return _declare_origination(attrs)
    if kind == "ip_address":
        cidr = f"{attrs.get('ip_address')}/{attrs.get('cidr_prefix_length')}"
        name = attrs.get("friendly_name")
        if not is_label(name) or name == cidr:
            return {"cidr": cidr}
        return {"cidr": cidr, "name": declare_text(str(name))}
    return declare_text(child.key)


def _declare_origination(attrs: Mapping[str, Value]) -> Flow:
    fields: dict[str, Any] = {name: attrs.get(name) for name in ("sip_url", "priority", "weight")}
    if attrs.get("enabled") is False:
        fields["enabled"] = False
    if is_label(attrs.get("friendly_name")):
        fields["friendly_name"] = attrs["friendly_name"]
    if not can_declare_origination(fields):
        raise CannotAccept(
            "Its values cannot be declared in a file. Change or delete it on Twilio."
        )
    return {
        name: declare_text(value) if isinstance(value, str) else value
        for name, value in fields.items()
    }
