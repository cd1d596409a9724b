"""What stands on Twilio in, whether a configuration can say exactly that out; asked of the models themselves; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reconciler.config.desired.parts import canonical_webhook
from reconciler.config.sections.agent import Application, Hook, StatusHook
from reconciler.config.sections.fields import LONGEST_LABEL, Section
from reconciler.config.sections.trunk import Origination, Trunk
from reconciler.model.route import Webhook


def hook_fields(hook: Webhook) -> dict[str, str]:
    """A webhook as a configuration writes it: what is as by default is left out."""
    fields = {"url": hook.url}
    if hook.method != "POST":
        fields["method"] = hook.method
    if hook.fallback_url:
        fields["fallback_url"] = hook.fallback_url
        if hook.fallback_method != "POST":
            fields["fallback_method"] = hook.fallback_method
    return fields


def can_declare_webhook(hook: Webhook, *, status: bool = False) -> bool:
    """Whether a webhook can be declared."""
    try:
        return (
            canonical_webhook((StatusHook if status else Hook).model_validate(hook_fields(hook)))
            == hook
        )
    except ValidationError:
        return False


def can_declare_trunk(fields: Mapping[str, Any]) -> bool:
    """Whether a trunk can be declared by these fields, and they mean themselves."""
    return _same(Trunk, fields)


def can_declare_application(fields: Mapping[str, Any]) -> bool:
    """Whether an application can be declared by these fields, and they mean themselves."""
    return _same(Application, fields)


def can_declare_origination(fields: Mapping[str, Any]) -> bool:
    """Whether an origination URL can be declared by these fields, and they mean themselves."""
    return _same(Origination, fields)


def is_label(name: object) -> bool:
    """Whether a friendly name can be declared."""
    return isinstance(name, str) and bool(name.strip()) and len(name) <= LONGEST_LABEL


def _same(model: type[Section], fields: Mapping[str, Any]) -> bool:
    try:
        value = model.model_validate(dict(fields))
    except ValidationError:
        return False
    return all(
        getattr(value, name) == said
        for name, said in fields.items()
        if not isinstance(said, list | dict)
    )
