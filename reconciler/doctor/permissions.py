"""What a configuration has to read of an account, and what for; pure. docs/reference/twilio.md has the same table for users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from reconciler.kinds.access_list import IP_ACCESS_CONTROL_LIST
from reconciler.kinds.application import APPLICATION
from reconciler.kinds.credential_list import CREDENTIAL_LIST
from reconciler.kinds.kind import Endpoint
from reconciler.kinds.number import LISTING
from reconciler.kinds.purchase import PRICES, REGULATIONS
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.kinds.trunk import TRUNK
from reconciler.model.desired import Desired, Profile
from reconciler.model.route import ApplicationRoute, TrunkRoute, Webhook


class AccountUse(msgspec.Struct, frozen=True):
    """What is declared in one account: kinds, the parts of its numbers, one of them by E.164, a country to buy in."""

    kinds: frozenset[str]
    profiles: tuple[Profile, ...]
    number: str | None
    country: str | None

    @property
    def numbers(self) -> bool:
        """Whether there are numbers among it."""
        return bool(self.kinds & NUMBER_KINDS)

    def routes(self, form: type) -> bool:
        """Whether some number has a route of this form."""
        return any(
            isinstance(value, form) for profile in self.profiles for value in profile.attrs.values()
        )

    def texts(self) -> bool:
        """Whether some number has webhooks for messages."""
        return any(isinstance(profile.attrs.get("sms"), Webhook) for profile in self.profiles)


class Need(msgspec.Struct, frozen=True):
    """Something to read: `what` in words, the `feature` that rests on it, and whether nothing works without it."""

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
        lambda declared: "trunk" in declared.kinds or declared.routes(TrunkRoute),
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
        lambda declared: "application" in declared.kinds or declared.routes(ApplicationRoute),
    ),
    Need(
        "messaging_services",
        "messaging services",
        "the warning that a messaging service answers in place of SMS webhooks",
        Endpoint("GET", "messaging", "/v1/Services", items="services"),
        AccountUse.texts,
        required=False,
    ),
    Need(
        "events",
        "the event log (Monitor Events)",
        "who changed a number, in `drift`",
        Endpoint("GET", "monitor", "/v1/Events", items="events"),
        lambda declared: declared.numbers,
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
    """What is declared in this account."""
    kinds, profiles, number, country = set(), {}, None, None
    for want in desired:
        if want.profile.account == account:
            kinds.add(want.kind)
            profiles[id(want.profile)] = want.profile
            if number is None and want.kind in NUMBER_KINDS and want.key.startswith("+"):
                number = want.key
            if want.profile.purchase is not None:
                country = want.profile.purchase.country
    return AccountUse(frozenset(kinds), tuple(profiles.values()), number, country)


def list_needs(declared: AccountUse) -> Iterator[Need]:
    """What has to be read for it."""
    path = {"number": declared.number or "", "country": declared.country or ""}
    return (msgspec.structs.replace(need, path=path) for need in NEEDS if need.when(declared))
