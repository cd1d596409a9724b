"""Check the messaging service that a number declares; pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.advice.findings import Finding, suggest_options
from reconciler.config.desired.parts import service_ref
from reconciler.config.desired.shape_context import ShapeContext
from reconciler.config.formats import is_sid
from reconciler.config.sections.number import Number


def membership_problems(
    number: Number, account: str | Finding, context: ShapeContext
) -> Iterator[Finding]:
    """Yield the problems of a number's messaging service."""
    service = service_ref(number.messaging_service or "")
    own = number.webhooks.sms if number.webhooks is not None else None
    if own is not None and service in context.services_that_answer:
        detail = (
            f"Messaging service `{service}` answers the messages of the number. Remove "
            "`webhooks: sms`, or give the service `use_number_webhook: true`."
        )
        yield Finding("conflicting_fields", detail, ("webhooks", "sms"), "key")
    if is_sid(service, "MG") or not context.complete:
        return

    if service not in context.services:
        cure = (
            suggest_options(service, context.services)
            if context.services
            else " Declare it, or write the SID of one (MG…)."
        )
        detail = f"`messaging_services` declares no `{service}`.{cure}"
        yield Finding("messaging_service_not_found", detail, ("messaging_service",))
        return

    other = context.services[service]
    if other is not None and isinstance(account, str) and other != account:
        detail = (
            f"The number is in account `{account}`, messaging service `{service}` is in `{other}`: "
            "Twilio connects them only within one account."
        )
        yield Finding("account_mismatch", detail, ("messaging_service",))
