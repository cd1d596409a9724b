"""Compile a declared TwiML application to a desired resource, and lint its webhook URLs; pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.advice.findings import Finding
from reconciler.config.desired.parts import declared_field, webhook_parts_of
from reconciler.config.desired.webhook_urls import lint_hook
from reconciler.config.sections.agent import Application, StatusHook
from reconciler.config.source.nodes import Place
from reconciler.kinds.number_fields import NONE
from reconciler.model.desired import Desired, OnRemoval, Options, Profile
from reconciler.model.route import Attrs, Value

APPLICATION_FIELDS = {
    "message_status_callback": "message_status_callback",
    "sms_status_callback": "sms_status_callback",
    "voice_caller_id_lookup": "caller_id_lookup",
    "public_application_connect_enabled": "public_application_connect",
}
"""Twilio's name of a field → its name in the configuration."""


def compile_application(name: str, declared: Application, account: str, place: Place) -> Desired:
    """Return the desired resource of one entry."""
    attrs: Attrs = {
        "friendly_name": declared.friendly_name or name,
        **webhook_parts_of(declared),
        **_plain_fields(declared),
    }
    on_removal: OnRemoval = "keep" if declared.on_removal == "keep" else "restore"
    options = Options(on_removal=on_removal, protect=declared.protect)
    return Desired(
        "application",
        f"application/{name}",
        name,
        Profile(account, attrs, options),
        place.at("key"),
    )


def _plain_fields(declared: Application) -> dict[str, Value]:
    """Return the declared fields beside name and webhooks, by Twilio's names."""
    found: dict[str, Value] = {}
    for name, written in APPLICATION_FIELDS.items():
        value = getattr(declared, written)
        if value is not None:
            found[name] = declared_field(value)
    return found


def check_application(declared: Application) -> Iterator[Finding]:
    """Yield the problems of its URLs."""
    yield from lint_hook(declared.voice, ("voice",))
    yield from lint_hook(declared.sms, ("sms",))
    yield from lint_hook(declared.status, ("status",))
    for name in ("message_status_callback", "sms_status_callback"):
        url = getattr(declared, name)
        if url is not None and url != NONE:
            yield from lint_hook(StatusHook(url=url), (name,))
