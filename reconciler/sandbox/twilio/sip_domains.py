"""Imitate SIP domains of Programmable Voice, read only: list the domains, and the lists that let
phones in.

The lists of a domain come from the seed. A list that a domain uses cannot be deleted.
"""

from __future__ import annotations

from functools import partial

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import Row, Shelf, Store
from reconciler.sandbox.twilio.accounts import owner_of
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, v2010_page
from reconciler.sandbox.twilio.sip_lists import ACCESS_LISTS, CREDENTIAL_LISTS, SipList


class Mappings(msgspec.Struct, forbid_unknown_fields=True):
    """SIDs of the lists that a domain uses, one field for each of Twilio's five mappings."""

    calls_ip_access_control_lists: list[str] = []
    calls_credential_lists: list[str] = []
    registrations_credential_lists: list[str] = []
    ip_access_control_lists: list[str] = []
    credential_lists: list[str] = []


class SipDomain(Row, kw_only=True):
    """A domain that phones register with and call.

    The row holds the mappings; the API shows them as resources of their own.
    """

    api_version: str = "2010-04-01"
    date_created: str = ""
    date_updated: str = ""
    domain_name: str = ""
    friendly_name: str = ""
    voice_fallback_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_method: str = "POST"
    voice_status_callback_method: str = "POST"
    voice_status_callback_url: str | None = None
    voice_url: str | None = None
    sip_registration: bool = False
    emergency_calling_enabled: bool = False
    secure: bool = False
    byoc_trunk_sid: str | None = None
    emergency_caller_sid: str | None = None
    uri: str = ""
    mappings: Mappings = msgspec.field(default_factory=Mappings)


def _complete(store: Store, domain: SipDomain) -> None:
    owner_of(store, domain)
    if not domain.domain_name.endswith(".sip.twilio.com"):
        raise ValueError(f"domain_name must end with sip.twilio.com: {domain.domain_name}")
    domain.sid = domain.sid or store.new_sid("SD")
    domain.date_created = domain.date_created or rfc2822(store.now())
    domain.date_updated = domain.date_updated or domain.date_created
    domain.uri = f"/2010-04-01/Accounts/{domain.account_sid}/SIP/Domains/{domain.sid}.json"


SIP_DOMAINS = Shelf("sip_domains", SipDomain, "SD", _complete, unique="domain_name")


def is_mapped(store: Store, list_sid: str) -> bool:
    """Return true when any domain uses this list, in any mapping."""
    for domain in store.table(SIP_DOMAINS):
        for sids in msgspec.structs.astuple(domain.mappings):
            if list_sid in sids:
                return True
    return False


def _domain_view(domain: SipDomain) -> bytes:
    base, mappings = domain.uri.removesuffix(".json"), domain.mappings
    kinds = {
        "IP_ACL": mappings.calls_ip_access_control_lists or mappings.ip_access_control_lists,
        "CREDENTIAL_LIST": mappings.calls_credential_lists or mappings.credential_lists,
    }

    view = plain_fields(domain)
    del view["mappings"]
    view["auth_type"] = ",".join(kind for kind, sids in kinds.items() if sids)
    view["subresource_uris"] = {
        "credential_list_mappings": f"{base}/CredentialListMappings.json",
        "ip_access_control_list_mappings": f"{base}/IpAccessControlListMappings.json",
    }

    return msgspec.json.encode(view)


def _list(call: TwilioCall) -> Reply:
    return v2010_page(call, call.store.table(SIP_DOMAINS), key="domains", view=_domain_view)


def _list_mapping(call: TwilioCall, *, field: str, lists: Shelf[SipList], key: str) -> Reply:
    domain = fetch_row(call, call.store.table(SIP_DOMAINS), call.path["domain"])
    table = call.store.table(lists)
    used = filter(None, map(table.get, getattr(domain.mappings, field)))

    return v2010_page(
        call,
        table,
        key=key,
        among=used,
        view=partial(_mapping_view, domain, call.request.path, key),
    )


def _mapping_view(domain: SipDomain, path: str, key: str, row: SipList) -> bytes:
    """Return a list as a mapping; only the two older mappings name the domain."""
    view = {
        name: getattr(row, name)
        for name in ("account_sid", "date_created", "date_updated", "friendly_name", "sid")
    }
    older = {"domain_sid": domain.sid, "uri": f"{path.removesuffix('.json')}/{row.sid}.json"}
    return msgspec.json.encode(view if key == "contents" else {**view, **older})


def _route(below: str, field: str, lists: Shelf[SipList], key: str) -> Route:
    path = f"/2010-04-01/Accounts/{{account}}/SIP/Domains/{{domain}}/{below}.json"
    return Route(
        "GET", path, on_account_in_path(partial(_list_mapping, field=field, lists=lists, key=key))
    )


_ACCESS, _CREDENTIALS = "IpAccessControlListMappings", "CredentialListMappings"
ROUTES = (
    Route("GET", "/2010-04-01/Accounts/{account}/SIP/Domains.json", on_account_in_path(_list)),
    _route(f"Auth/Calls/{_ACCESS}", "calls_ip_access_control_lists", ACCESS_LISTS, "contents"),
    _route(f"Auth/Calls/{_CREDENTIALS}", "calls_credential_lists", CREDENTIAL_LISTS, "contents"),
    _route(
        f"Auth/Registrations/{_CREDENTIALS}",
        "registrations_credential_lists",
        CREDENTIAL_LISTS,
        "contents",
    ),
    _route(_ACCESS, "ip_access_control_lists", ACCESS_LISTS, "ip_access_control_list_mappings"),
    _route(_CREDENTIALS, "credential_lists", CREDENTIAL_LISTS, "credential_list_mappings"),
)
