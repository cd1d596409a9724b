"""Read which messaging services answer messages in place of numbers, in the background; an account
that cannot be read gives a warning.

Read beside everything else, and only if a declared number has a route for messages: one call for
each account, and one more for each service. Where messaging services are managed, they are read with
the other resources of the account instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.desired import Desired, Profile
from reconciler.model.identity_map import list_distinct
from reconciler.planning.identity.observed import Service
from reconciler.remote.gateway import Gateway
from reconciler.remote.parallel import completed, map_each, start
from reconciler.remote.queries.messaging_services import SERVICES, read_members, to_service
from reconciler.remote.queries.needs import find_service_accounts

_WORKERS = 8

ServiceFacts = tuple[dict[str, Service], list[Diagnostic]]
"""The service of each number that is in one (by SID), and problems of reading."""


def prefetch_services(
    desired: Sequence[Desired], gateways: Mapping[str, Gateway]
) -> Future[ServiceFacts]:
    """Start to read the services of all accounts that declare a route for messages.

    The future never raises RemoteError.
    """
    accounts: set[str] = set()
    for profile in _profiles(desired):
        if profile.attrs.get("sms") is not None:
            accounts.add(profile.account)
    accounts -= find_service_accounts(desired, {})
    if not accounts:
        return no_services()

    # Connected here, in one thread: threads must not do it at the same time.
    connected = [gateways[account] for account in sorted(accounts)]
    return start(lambda: _read_accounts(connected), name="services")


def no_services() -> Future[ServiceFacts]:
    """Return the facts of a run that shows no routes, for which nothing is asked."""
    return completed(({}, []))


def _read_accounts(gateways: Sequence[Gateway]) -> ServiceFacts:
    """Return the services of several accounts, all read at the same time."""
    services: dict[str, Service] = {}
    problems: list[Diagnostic] = []
    for members, unread in map_each(_read_account, gateways, workers=_WORKERS, name="services"):
        services.update(members)
        problems += unread
    return services, problems


def _profiles(desired: Iterable[Desired]) -> Collection[Profile]:
    # Profiles are shared by many numbers: each one is returned once.
    return list_distinct(item.profile for item in desired if item.kind in NUMBER_KINDS)


def _read_account(gateway: Gateway) -> ServiceFacts:
    """Return the services of one account that answer for their numbers."""
    services: list[Service] = []
    try:
        for row in gateway.rows(SERVICES):
            service = to_service(row)
            if not service.on_number:
                services.append(service)
        return read_members(gateway, services), []
    except RemoteError as error:
        # 404: a server that stands in for Twilio has no messaging services.
        return {}, [] if error.status == 404 else [_unreadable_warning(gateway.account, error)]


def _unreadable_warning(account: str, error: RemoteError) -> Diagnostic:
    cause = error.diagnostics[0]
    return Diagnostic(
        severity="warning",
        code="services_unreadable",
        summary="Messaging services cannot be read",
        detail=f"Whether a messaging service of account `{account}` answers in place of declared "
        "SMS webhooks is not known. Give the key permission to read messaging services, or look "
        f"there when messages do not arrive. {cause.detail or cause.summary}",
    )
