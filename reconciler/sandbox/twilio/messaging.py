"""Define the rows of messaging services, which handle the SMS of their numbers; find a number's
service, and remove a number from it.

A number is in one service at most; the number's own resource does not show it.
"""

from __future__ import annotations

import msgspec

from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.forms import (
    Param,
    choice,
    flag,
    friendly_name,
    http_method,
    nullable_url,
    text,
    whole,
)

MOST_NUMBERS = 400


class Service(Row, kw_only=True):
    """A messaging service.

    The row holds the SIDs of its numbers; the API shows them as resources of their own.
    """

    friendly_name: str = ""
    date_created: str = ""
    date_updated: str = ""
    inbound_request_url: str | None = None
    inbound_method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    sticky_sender: bool = True
    mms_converter: bool = True
    smart_encoding: bool = True
    fallback_to_long_code: bool = True
    area_code_geomatch: bool = True
    scan_message_content: str = "inherit"
    synchronous_validation: bool = False
    validity_period: int = 36_000
    usecase: str = "undeclared"
    us_app_to_person_registered: bool = False
    use_inbound_webhook_on_number: bool = False
    numbers: list[str] = msgspec.field(default_factory=list)


PARAMS = (
    Param("FriendlyName", "friendly_name", friendly_name),
    Param("InboundRequestUrl", "inbound_request_url", nullable_url),
    Param("InboundMethod", "inbound_method", http_method),
    Param("FallbackUrl", "fallback_url", nullable_url),
    Param("FallbackMethod", "fallback_method", http_method),
    Param("StatusCallback", "status_callback", nullable_url),
    Param("StickySender", "sticky_sender", flag),
    Param("MmsConverter", "mms_converter", flag),
    Param("SmartEncoding", "smart_encoding", flag),
    Param("FallbackToLongCode", "fallback_to_long_code", flag),
    Param("AreaCodeGeomatch", "area_code_geomatch", flag),
    Param("ScanMessageContent", "scan_message_content", choice("inherit", "enable", "disable")),
    Param("SynchronousValidation", "synchronous_validation", flag),
    Param("ValidityPeriod", "validity_period", whole(1, 36_000)),
    Param("Usecase", "usecase", text),
    Param("UseInboundWebhookOnNumber", "use_inbound_webhook_on_number", flag),
)


def _complete(store: Store, service: Service) -> None:
    owner_of(store, service)
    service.sid = service.sid or store.new_sid("MG")
    service.friendly_name = service.friendly_name or f"Service {service.sid[-4:]}"
    service.date_created = service.date_created or iso8601(store.now())
    service.date_updated = service.date_updated or service.date_created


SERVICES = Shelf("services", Service, "MG", _complete)


def service_of(store: Store, number_sid: str) -> Service | None:
    """Return the service of a number, if it is in one."""
    for service in store.table(SERVICES):
        if number_sid in service.numbers:
            return service
    return None


def remove_from_service(store: Store, number_sid: str) -> None:
    """Remove a number from its service, if it is in one."""
    service = service_of(store, number_sid)
    if service is not None:
        remaining = [sid for sid in service.numbers if sid != number_sid]
        store.table(SERVICES).change(service, {"numbers": remaining})
