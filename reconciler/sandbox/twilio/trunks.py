"""Define the rows, parameters and API form of SIP trunks and origination URLs; delete a trunk, and
keep its domain reserved.
"""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.dates import iso8601
from reconciler.sandbox.twilio.forms import (
    Param,
    choice,
    flag,
    http_method,
    nullable_url,
    text,
    whole,
)
from reconciler.sandbox.twilio.pages import plain_fields
from reconciler.sandbox.twilio.refusals import refusal

MOST_TRUNKS = 100
MOST_ORIGINATION_URLS = 10
RESERVED = timedelta(days=30)
"""Time for which nobody, its former owner included, can use the domain of a deleted trunk.

Twilio: up to 30 days.

https://support.twilio.com/hc/en-us/articles/51034176439707
"""
DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]*\.pstn\.twilio\.com")


class Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The recording mode of calls over a trunk."""

    mode: str = "do-not-record"
    trim: str = "do-not-trim"


class Trunk(Row, kw_only=True):
    """A trunk.

    The row holds the SIDs of its lists; the API shows them as resources of their own.
    """

    domain_name: str | None = None
    disaster_recovery_method: str | None = None
    disaster_recovery_url: str | None = None
    friendly_name: str | None = None
    secure: bool = False
    recording: Recording = Recording()
    transfer_mode: str = "disable-all"
    transfer_caller_id: str = "from-transferee"
    cnam_lookup_enabled: bool = False
    symmetric_rtp_enabled: bool = False
    date_created: str = ""
    date_updated: str = ""
    credential_lists: list[str] = msgspec.field(default_factory=list)
    ip_access_control_lists: list[str] = msgspec.field(default_factory=list)


class OriginationUrl(Row, kw_only=True):
    """A target for the calls of a trunk's numbers.

    The lowest priority comes first; the weight distributes calls among equals.
    """

    trunk_sid: str = ""
    weight: int = 1
    enabled: bool = True
    sip_url: str = ""
    friendly_name: str = ""
    priority: int = 0
    date_created: str = ""
    date_updated: str = ""


def domain_name(name: str, value: str) -> str | None:
    """Read a name below pstn.twilio.com; "" is null."""
    if value and not DOMAIN.fullmatch(value):
        raise refusal(21245, f"{name} must end with pstn.twilio.com: {value}")
    return value or None


def trunk_name(name: str, value: str) -> str | None:
    """Read at most 64 characters; "" is null."""
    if len(value) > 64:
        raise refusal(21245, f"{name} must have 64 characters at most")
    return value or None


def sip_url(name: str, value: str) -> str:
    """Read a ``sip:`` URI with a host."""
    if not re.fullmatch(r"sip:[^\s;?]+([;?]\S*)?", value):
        raise refusal(21245, f"{name} must be a sip: URI, not: {value}")
    return value


TRUNK_PARAMS = (
    Param("FriendlyName", "friendly_name", trunk_name),
    Param("DomainName", "domain_name", domain_name),
    Param("DisasterRecoveryUrl", "disaster_recovery_url", nullable_url),
    Param("DisasterRecoveryMethod", "disaster_recovery_method", http_method),
    Param("TransferMode", "transfer_mode", choice("disable-all", "enable-all", "sip-only")),
    Param("TransferCallerId", "transfer_caller_id", choice("from-transferee", "from-transferor")),
    Param("Secure", "secure", flag),
    Param("CnamLookupEnabled", "cnam_lookup_enabled", flag),
)
ORIGINATION_URL_PARAMS = (
    Param("Weight", "weight", whole(0, 65_535)),
    Param("Priority", "priority", whole(0, 65_535)),
    Param("Enabled", "enabled", flag),
    Param("FriendlyName", "friendly_name", text),
    Param("SipUrl", "sip_url", sip_url),
)
RECORDING_PARAMS = (
    Param(
        "Mode",
        "mode",
        choice(
            "do-not-record",
            "record-from-ringing",
            "record-from-answer",
            "record-from-ringing-dual",
            "record-from-answer-dual",
        ),
    ),
    Param("Trim", "trim", choice("trim-silence", "do-not-trim")),
)


def _complete_trunk(store: Store, trunk: Trunk) -> None:
    owner_of(store, trunk)
    if trunk.domain_name and not DOMAIN.fullmatch(trunk.domain_name):
        raise ValueError(f"domain_name must end with pstn.twilio.com, not {trunk.domain_name!r}")
    trunk.sid = trunk.sid or store.new_sid("TK")
    trunk.date_created = trunk.date_created or iso8601(store.now())
    trunk.date_updated = trunk.date_updated or trunk.date_created


def _complete_url(store: Store, url: OriginationUrl) -> None:
    trunk = store.table(TRUNKS).get(url.trunk_sid)
    if trunk is None:
        raise ValueError(f"trunk {url.trunk_sid or '(none)'} is not among the trunks")
    url.account_sid = trunk.account_sid
    url.sid = url.sid or store.new_sid("OU")
    url.date_created = url.date_created or iso8601(store.now())
    url.date_updated = url.date_updated or url.date_created


TRUNKS = Shelf("trunks", Trunk, "TK", _complete_trunk, unique="domain_name")
ORIGINATION_URLS = Shelf("origination_urls", OriginationUrl, "OU", _complete_url, owner="trunk_sid")


def delete_trunk(store: Store, trunk: Trunk) -> None:
    """Delete a trunk; its domain stays reserved."""
    store.table(TRUNKS).remove(trunk)
    if trunk.domain_name:
        store.reserved[trunk.domain_name] = iso8601(store.now() + RESERVED)


def is_domain_taken(store: Store, domain: str, trunk: Trunk | None) -> bool:
    """Return true when the trunk, None for a new one, cannot have this domain.

    Another trunk has it, or a deleted trunk had it less than `RESERVED` ago.
    """
    holder = store.table(TRUNKS).get_by_key(domain)
    if holder is not None:
        return holder is not trunk
    return iso8601(store.now()) < store.reserved.get(domain, "")


def trunk_view(trunk: Trunk, base_url: str) -> dict[str, object]:
    """Return a trunk as the Trunking API sends it."""
    url = f"{base_url}/v1/Trunks/{trunk.sid}"
    view = plain_fields(trunk)
    acls, credentials = view.pop("ip_access_control_lists"), view.pop("credential_lists")
    kinds = []
    if acls:
        kinds.append("IP_ACL")
    if credentials:
        kinds.append("CREDENTIAL_LIST")

    links = {
        "origination_urls": f"{url}/OriginationUrls",
        "credential_lists": f"{url}/CredentialLists",
        "ip_access_control_lists": f"{url}/IpAccessControlLists",
        "phone_numbers": f"{url}/PhoneNumbers",
        "recording": f"{url}/Recording",
    }

    return {
        **view,
        "auth_type": ",".join(kinds),
        "auth_type_set": kinds,
        "url": url,
        "links": links,
    }


def origination_url_view(url: OriginationUrl, base_url: str) -> dict[str, object]:
    """Return an origination URL as the Trunking API sends it."""
    return {
        **plain_fields(url),
        "url": f"{base_url}/v1/Trunks/{url.trunk_sid}/OriginationUrls/{url.sid}",
    }
