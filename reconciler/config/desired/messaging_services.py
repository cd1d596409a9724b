"""Compile a declared messaging service to a desired resource, and check its URLs; pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.advice.findings import Finding
from reconciler.config.desired.webhook_urls import lint_url
from reconciler.config.sections.messaging_service import MessageHook, MessagingService
from reconciler.config.source.nodes import Place
from reconciler.kinds.messaging_service import KIND
from reconciler.model.desired import Desired, OnRemoval, Options, Profile
from reconciler.model.route import Attrs, Value

SETTINGS = (
    "sticky_sender",
    "mms_converter",
    "smart_encoding",
    "scan_message_content",
    "area_code_geomatch",
    "validity_period",
    "usecase",
)
"""Fields that are managed only when they are declared."""


def compile_messaging_service(
    name: str, declared: MessagingService, account: str, place: Place
) -> Desired:
    """Return the desired resource of one entry."""
    attrs = service_attrs(name, declared)
    on_removal: OnRemoval = "keep" if declared.on_removal == "keep" else "restore"
    options = Options(on_removal=on_removal, protect=declared.protect)
    profile = Profile(account, attrs, options)
    return Desired(KIND, f"{KIND}/{name}", name, profile, place.at("key"))


def service_attrs(name: str, declared: MessagingService) -> dict[str, Value]:
    """Return the managed attributes of one entry."""
    attrs: dict[str, Value] = {
        "friendly_name": declared.friendly_name or name,
        **_route_attrs(declared),
        "status_callback": declared.status,
    }
    for field in SETTINGS:
        value = getattr(declared, field)
        if value is not None:
            attrs[field] = value
    return attrs


def _route_attrs(declared: MessagingService) -> Attrs:
    """Return what the service does with a message.

    The route is managed whole: a webhook that is left out is cleared. With `use_number_webhook` the
    webhooks of the service are without effect, and stay as they are.
    """
    if declared.use_number_webhook:
        return {"use_inbound_webhook_on_number": True}

    return {
        "use_inbound_webhook_on_number": False,
        **_hook_attrs("inbound_request_url", "inbound_method", declared.inbound),
        **_hook_attrs("fallback_url", "fallback_method", declared.fallback),
    }


def _hook_attrs(url: str, method: str, hook: MessageHook | None) -> Attrs:
    if hook is None:
        return {url: None, method: None}
    return {url: hook.url, method: hook.method}


def check_messaging_service(declared: MessagingService) -> Iterator[Finding]:
    """Yield the problems of its URLs, and a warning when it drops all messages."""
    for name in ("inbound", "fallback"):
        hook = getattr(declared, name)
        if hook is not None:
            yield from lint_url(hook.url, (name, "url"))
    if declared.status is not None:
        yield from lint_url(declared.status, ("status",))

    if declared.inbound is None and not declared.use_number_webhook:
        detail = (
            "It has no `inbound`: Twilio drops each message to its numbers, and does not log it. "
            "Give it `inbound: https://…`, or `use_number_webhook: true` so that each number's own "
            "webhook answers."
        )
        yield Finding("messages_dropped", detail, (), "key")


def list_urls(declared: MessagingService) -> Iterator[str]:
    """Yield the URLs that the service declares."""
    for hook in (declared.inbound, declared.fallback):
        if hook is not None:
            yield hook.url
    if declared.status is not None:
        yield declared.status
