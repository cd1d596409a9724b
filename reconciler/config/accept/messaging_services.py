"""Change the declaration of a messaging service, or of a number in one, so that it has its live
values.
"""

from __future__ import annotations

from reconciler.config.accept.files import ConfigurationFiles, DeclaredEntry, check_variable
from reconciler.config.accept.hooks import declare_label, declare_text, key_in, value_in
from reconciler.config.accept.request import CannotAccept, Request
from reconciler.config.desired.messaging_services import SETTINGS
from reconciler.config.source.edit import REMOVE, Change
from reconciler.config.source.nodes import Map, Node
from reconciler.config.source.write import Flow
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import KIND as SERVICE_KIND
from reconciler.kinds.number import DEFAULT_METHOD
from reconciler.model.route import Attrs, Membership, Value

_HOOKS = {
    "inbound": ("inbound_request_url", "inbound_method"),
    "fallback": ("fallback_url", "fallback_method"),
}
_ON_NUMBER = "use_inbound_webhook_on_number"


def add_service_values(request: Request, entry: DeclaredEntry, files: ConfigurationFiles) -> None:
    """Add the changes for one messaging service. Raises CannotAccept."""
    now = {**request.declared.profile.attrs, **request.values}
    changes: dict[str, Change] = {}
    for field, (url, method) in _HOOKS.items():
        if now.get(_ON_NUMBER) and key_in(entry.node, field) in _fields(entry.node):
            changes[field] = REMOVE
        elif url in request.values or method in request.values:
            changes[field] = _declare_hook(now, url, method, value_in(entry.node, field))

    for name, value in request.values.items():
        if name == "friendly_name":
            changes[name] = declare_label(value)
        elif name == "status_callback":
            changes["status"] = REMOVE if value is None else declare_text(str(value))
        elif name == _ON_NUMBER:
            changes["use_number_webhook"] = True if value else REMOVE
        elif name in SETTINGS:
            changes[name] = _declare_setting(name, value)

    for name, change in changes.items():
        check_variable(entry.text, entry.node, (name,))
        files.merge(entry, {key_in(entry.node, name): change})


def add_membership(request: Request, entry: DeclaredEntry, files: ConfigurationFiles) -> None:
    """Add the change of the messaging service of one number. Raises CannotAccept."""
    check_variable(entry.text, entry.node, (MEMBERSHIP,))
    value = request.values[MEMBERSHIP]
    if isinstance(value, Membership):
        files.merge(entry, {key_in(entry.node, MEMBERSHIP): declare_text(value.service)})
    elif isinstance(entry.node, Map):
        files.merge(entry, {key_in(entry.node, MEMBERSHIP): REMOVE})


def without_unmanaged(kind: str, values: Attrs) -> dict[str, Value]:
    """Return the values that a declaration manages: not "no service" of a number, and not the
    webhooks of a service whose numbers answer themselves.
    """
    managed = dict(values)
    if kind == SERVICE_KIND and managed.get(_ON_NUMBER) is True:
        for url, method in _HOOKS.values():
            managed.pop(url, None)
            managed.pop(method, None)
    if kind != SERVICE_KIND and managed.get(MEMBERSHIP, ...) is None:
        del managed[MEMBERSHIP]
    return managed


def _fields(node: Node) -> Map | dict[str, Node]:
    return node if isinstance(node, Map) else {}


def _declare_hook(now: Attrs, url: str, method: str, present: Node) -> Change:
    """Return the change that declares one webhook where `present` is declared now."""
    target = now.get(url)
    if target is None:
        return REMOVE

    verb = str(now.get(method) or DEFAULT_METHOD)
    if verb == DEFAULT_METHOD and not isinstance(present, Map):
        return declare_text(str(target))
    fields: dict[str, Flow] = {key_in(present, "url"): declare_text(str(target))}
    if verb != DEFAULT_METHOD or key_in(present, "method") in _fields(present):
        fields[key_in(present, "method")] = verb
    return fields


def _declare_setting(name: str, value: Value) -> Flow:
    if isinstance(value, str):
        return declare_text(value)
    if isinstance(value, bool | int):
        return value
    raise CannotAccept(
        f"`{name}` is empty on Twilio, and a file cannot declare that. Change the file by hand, or "
        "the service on Twilio."
    )
