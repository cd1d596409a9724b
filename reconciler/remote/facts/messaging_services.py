"""The messaging services of accounts: numbers in → who answers their messages in their place.

A number does not show that it is in a service; only the service shows its numbers. Read beside
everything else, and only where some declared number has a route for messages: it is a call an
account and one for each service more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired, Profile
from reconciler.model.route import Json
from reconciler.planning.identity.observed import Service
from reconciler.remote.gateway import Gateway

SERVICES = Endpoint("GET", "messaging", "/v1/Services", items="services", optional=True)
MEMBERS = Endpoint(
    "GET", "messaging", "/v1/Services/{service_sid}/PhoneNumbers", items="phone_numbers"
)
_WORKERS = 8

ServiceFacts = tuple[dict[str, Service], list[Diagnostic]]
"""The service of each number (by its SID) that is answered by one, and what could not be read."""
ServicePrefetcher = Callable[[Iterable[Desired], Mapping[str, Gateway]], Callable[[], ServiceFacts]]
"""Begins to look; what it returns waits for what was found."""


def prefetch_services(
    desired: Iterable[Desired], gateways: Mapping[str, Gateway]
) -> Callable[[], ServiceFacts]:
    """Begin to read the services of all accounts that declare a route for messages.

    Never raises RemoteError.
    """
    accounts = {
        profile.account for profile in _profiles(desired) if profile.attrs.get("sms") is not None
    }
    if not accounts:
        return _no_facts
    pool = ThreadPoolExecutor(len(accounts), thread_name_prefix="services")
    begun = [pool.submit(_read_account, gateways[account]) for account in sorted(accounts)]
    pool.shutdown(wait=False)

    def found() -> ServiceFacts:
        parts = [each.result() for each in begun]
        services = {sid: service for members, _ in parts for sid, service in members.items()}
        return services, [problem for _, problems in parts for problem in problems]

    return found


def no_services(
    desired: Iterable[Desired], gateways: Mapping[str, Gateway]
) -> Callable[[], ServiceFacts]:
    """Ask nobody: for runs that show no routes."""
    return _no_facts


def _no_facts() -> ServiceFacts:
    return {}, []


def _profiles(desired: Iterable[Desired]) -> Collection[Profile]:
    return {
        id(want.profile): want.profile for want in desired if want.kind in NUMBER_KINDS
    }.values()


def _read_account(gateway: Gateway) -> ServiceFacts:
    try:
        services = [
            _to_service(row)
            for row in gateway.rows(SERVICES)
            if not row.get("use_inbound_webhook_on_number")
        ]
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="members") as pool:
            members = list(pool.map(lambda service: _read_members(gateway, service.sid), services))
    except RemoteError as error:
        return {}, [] if error.status == 404 else [_unreadable_warning(gateway.account, error)]
    return {
        sid: service for service, sids in zip(services, members, strict=True) for sid in sids
    }, []


def _read_members(gateway: Gateway, service_sid: str) -> list[str]:
    try:
        return [
            str(row["sid"])
            for row in gateway.rows(MEMBERS, service_sid=service_sid)
            if "sid" in row
        ]
    except RemoteError as error:
        if error.status == 404:  # deleted since it was listed
            return []
        raise


def _to_service(row: Mapping[str, Json]) -> Service:
    url, method = row.get("inbound_request_url"), row.get("inbound_method")
    return Service(
        str(row.get("sid")),
        str(row.get("friendly_name") or ""),
        str(url or ""),
        str(method or "POST"),
    )


def _unreadable_warning(account: str, error: RemoteError) -> Diagnostic:
    said = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="services_unreadable",
        summary="Messaging services cannot be read",
        detail=f"Whether a messaging service of account `{account}` answers in place of declared "
        "SMS webhooks is not known. Give the key permission to read messaging services, or look "
        f"there when messages do not arrive. {said.detail or said.summary}",
    )
