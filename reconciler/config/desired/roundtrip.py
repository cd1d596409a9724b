"""Check with the models whether a live webhook, trunk, application, messaging service or
origination URL can be declared in YAML without loss; return a webhook's fields as YAML has them;
pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from reconciler.config.desired.messaging_services import service_attrs
from reconciler.config.desired.parts import canonical_webhook
from reconciler.config.formats import is_sid, normal_sid
from reconciler.config.sections.agent import Application, Hook, StatusHook
from reconciler.config.sections.checks import LONGEST_LABEL
from reconciler.config.sections.fields import ReceiveMode, Section
from reconciler.config.sections.messaging_service import MessagingService
from reconciler.config.sections.trunk import Origination, Trunk
from reconciler.kinds.number_fields import BY_NAME, NONE
from reconciler.model.route import Attrs, Webhook


def hook_fields(hook: Webhook) -> dict[str, str]:
    """Return a webhook as a configuration writes it: default values are left out."""
    fields = {"url": hook.url}
    if hook.method != "POST":
        fields["method"] = hook.method
    if hook.fallback_url:
        fields["fallback_url"] = hook.fallback_url
        if hook.fallback_method != "POST":
            fields["fallback_method"] = hook.fallback_method
    return fields


def can_declare_webhook(hook: Webhook, *, status: bool = False) -> bool:
    """Return whether a webhook can be declared without loss."""
    model = StatusHook if status else Hook
    try:
        return canonical_webhook(model.model_validate(hook_fields(hook))) == hook
    except ValidationError:
        return False


def can_declare_trunk(fields: Mapping[str, Any]) -> bool:
    """Return whether a trunk can be declared with these fields without loss."""
    return _same(Trunk, fields)


def can_declare_application(fields: Mapping[str, Any]) -> bool:
    """Return whether an application can be declared with these fields without loss."""
    return _same(Application, fields)


def can_declare_service(name: str, fields: Mapping[str, Any], attrs: Attrs) -> bool:
    """Return whether these fields declare exactly the attributes of a messaging service."""
    try:
        declared = MessagingService.model_validate(dict(fields))
    except ValidationError:
        return False
    managed = service_attrs(name, declared)
    return all(attrs.get(field) == value for field, value in managed.items())


def can_declare_origination(fields: Mapping[str, Any]) -> bool:
    """Return whether an origination URL can be declared with these fields without loss."""
    return _same(Origination, fields)


def is_label(name: object) -> bool:
    """Return whether a friendly name can be declared."""
    return isinstance(name, str) and bool(name.strip()) and len(name) <= LONGEST_LABEL


def written_field(name: str, value: object) -> str | bool | None:
    """Return a field of a number as YAML has it; None for a value that YAML cannot express."""
    field = BY_NAME[name]
    if field.prefix:
        if value is None:
            return NONE
        is_normal = isinstance(value, str) and is_sid(value, field.prefix)
        return (
            value if isinstance(value, str) and is_normal and normal_sid(value) == value else None
        )
    if isinstance(field.default, bool):
        return value if isinstance(value, bool) else None
    return value if value in get_args(ReceiveMode) and isinstance(value, str) else None


def _same(model: type[Section], fields: Mapping[str, Any]) -> bool:
    try:
        value = model.model_validate(dict(fields))
    except ValidationError:
        return False

    # Lists and mappings become models, which callers check by themselves.
    plain = [name for name in fields if not isinstance(fields[name], list | dict)]
    return all(getattr(value, name) == fields[name] for name in plain)
