"""List the reads that a configuration needs from an account, each with its endpoint and purpose;
pure: `connection` makes the calls.

docs/reference/twilio.md has the same table for users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST
from reconciler.kinds.application import APPLICATION
from reconciler.kinds.credential_list import CREDENTIAL_LIST
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import MESSAGING_SERVICE
from reconciler.kinds.number import LISTING
from reconciler.kinds.purchase import PRICES, REGULATIONS
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model.desired import Desired, Profile
from reconciler.model.identity_map import list_distinct
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook


class AccountUse(msgspec.Struct, frozen=True):
    """The declared resources of one account: kinds, profiles, one number by E.164, a country to buy
    in.
    """

    kinds: frozenset[str]
    profiles: tuple[Profile, ...]
    number: str | None
    country: str | None

    @property
    def has_numbers(self) -> bool:
        """True when at least one number is declared."""
        return bool(self.kinds & NUMBER_KINDS)

    def has_route(self, form: type) -> bool:
        """Return true when at least one number has a route of this form."""
        values = (value for profile in self.profiles for value in profile.attrs.values())
        return any(isinstance(value, form) for value in values)

    def uses_services(self) -> bool:
        """Return true when a messaging service is declared, or a number is in one."""
        return MESSAGING_SERVICE.name in self.kinds or any(
            MEMBERSHIP in profile.attrs for profile in self.profiles
        )

    def has_sms_webhooks(self) -> bool:
        """Return true when at least one number has webhooks for messages."""
        return any(isinstance(profile.attrs.get("sms"), Webhook) for profile in self.profiles)


class Need(msgspec.Struct, frozen=True):
    """One read: `what` it reads and the `feature` that depends on it, in words.

    `required`: nothing works without it. `when` decides for the declared resources of an account.
    """

    check: str
    what: str
    feature: str
    endpoint: Endpoint
    when: Callable[[AccountUse], bool]
    required: bool = True
    path: Mapping[str, str] = {}


NEEDS: tuple[Need, ...] = (
    Need("numbers", "phone numbers", "plan, apply and drift", LISTING, lambda declared: True),
    Need(
        "trunks",
        "SIP trunks",
        "trunks, and numbers behind them",
        TRUNK.listing,
        lambda declared: "trunk" in declared.kinds or declared.has_route(TrunkRoute),
    ),
    Need(
        "ip_access_control_lists",
        "IP access control lists",
        "SIP lists of trunks",
        IP_ACCESS_CONTROL_LIST.listing,
        lambda declared: bool(
            declared.kinds & {"ip_access_control_list", "trunk_ip_access_control_list"}
        ),
    ),
    Need(
        "credential_lists",
        "SIP credential lists",
        "SIP lists of trunks",
        CREDENTIAL_LIST.listing,
        lambda declared: bool(declared.kinds & {"credential_list", "trunk_credential_list"}),
    ),
    Need(
        "sip_domains",
        "SIP domains",
        "to know that a SIP domain uses a list before it is deleted",
        Endpoint(
            "GET", "api", "/2010-04-01/Accounts/{account_sid}/SIP/Domains.json", items="domains"
        ),
        lambda declared: bool(declared.kinds & {"ip_access_control_list", "credential_list"}),
        required=False,
    ),
    Need(
        "applications",
        "TwiML applications",
        "applications, and numbers that they answer",
        APPLICATION.listing,
        lambda declared: "application" in declared.kinds or declared.has_route(ApplicationRoute),
    ),
    Need(
        "messaging_services",
        "messaging services",
        "the warning that a messaging service answers in place of SMS webhooks",
        MESSAGING_SERVICE.listing,
        lambda declared: declared.has_sms_webhooks() and not declared.uses_services(),
        required=False,
    ),
    Need(
        "messaging_services",
        "messaging services",
        "messaging services, and numbers in them",
        MESSAGING_SERVICE.listing,
        lambda declared: declared.uses_services(),
    ),
    Need(
        "events",
        "the event log (Monitor Events)",
        "who changed a number, in `log`, `drift`, `plan` and `apply`",
        Endpoint("GET", "monitor", "/v1/Events", items="events"),
        lambda declared: declared.has_numbers,
        required=False,
    ),
    Need(
        "inbound_region",
        "inbound regions (Routes)",
        "the check that a number is answered in the region that is managed",
        Endpoint("GET", "routes", "/v2/PhoneNumbers/{number}"),
        lambda declared: declared.number is not None,
        required=False,
    ),
    Need(
        "prices",
        "prices of phone numbers (Pricing)",
        "`max_price` and `max_spend` of numbers that are to be bought",
        PRICES,
        lambda declared: declared.country is not None,
        required=False,
    ),
    Need(
        "regulations",
        "regulations of phone numbers (Regulatory Compliance)",
        "whether a number that is to be bought needs a bundle",
        REGULATIONS,
        lambda declared: declared.country is not None,
        required=False,
    ),
)


def find_account_use(account: str, desired: Iterable[Desired]) -> AccountUse:
    """Collect the declared resources of this account."""
    kinds: set[str] = set()
    profiles: list[Profile] = []
    number, country = None, None

    for resource in desired:
        profile = resource.profile
        if profile.account != account:
            continue

        kinds.add(resource.kind)
        profiles.append(profile)
        if number is None and resource.kind in NUMBER_KINDS and resource.key.startswith("+"):
            number = resource.key
        if profile.purchase is not None:
            country = profile.purchase.country

    return AccountUse(frozenset(kinds), tuple(list_distinct(profiles)), number, country)


def list_needs(declared: AccountUse) -> Iterator[Need]:
    """Return the reads that these resources need, with their paths filled in."""
    path = {"number": declared.number or "", "country": declared.country or ""}
    return (msgspec.structs.replace(need, path=path) for need in NEEDS if need.when(declared))
