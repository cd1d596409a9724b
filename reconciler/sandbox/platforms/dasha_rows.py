"""Define the rows of Dasha: providers with a trunk on Twilio, SIP credentials, phone numbers and
agents; has no routes.

A new provider gets a trunk with a termination domain and a credential list on Twilio, with a
generated user.
"""

from __future__ import annotations

import hashlib

import msgspec

from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, complete_uuid
from reconciler.sandbox.platforms.twilio_client import find_account, platform_actor
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio import sip_lists
from reconciler.sandbox.twilio.accounts import ACCOUNTS
from reconciler.sandbox.twilio.events import record_created
from reconciler.sandbox.twilio.trunks import TRUNKS, Trunk


class DashaProvider(PlatformRow, kw_only=True, rename="camel"):
    """A Twilio account with Dasha's trunk in it; only a digest of the auth token is stored."""

    account_sid: str = msgspec.field(name="accountSid", default="")
    name: str = ""
    region: str = "us1"
    supports_call_transfer: bool = False
    trunk_sid: str = ""
    termination_uri: str = ""
    credential_list_sid: str = ""
    verification_status: str = "pending"
    verification_details: list[str] = msgspec.field(default_factory=list)
    token_digest: str = ""


class DashaCredential(PlatformRow, kw_only=True, rename="camel"):
    """Credentials of a SIP server; those of a provider are read only."""

    server: str = ""
    domain: str | None = None
    auth_user: str | None = None
    auth_password: str = ""
    transport: str = "udp"
    description: str | None = None
    cps_limit: int | None = None
    cps_key: str | None = None
    source: str = "manual"
    provider_id: str = ""


class DashaNumber(PlatformRow, kw_only=True, rename="camel"):
    """A number with SIP credentials; an imported one belongs to a provider."""

    phone_number: str = ""
    credentials_id: str = ""
    display_name: str | None = None
    description: str | None = None
    registration: bool = False
    provider_id: str | None = None
    incoming_calls_agent_id: str | None = None


class DashaAgent(PlatformRow, kw_only=True, rename="camel"):
    """An agent, with the number that it calls from."""

    name: str = ""
    is_enabled: bool = True
    outbound_number_id: str = ""


def digest(token: str) -> str:
    """Return the digest of an auth token.

    It shows later whether the token is still the account's.
    """
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def _complete_provider(store: Store, row: DashaProvider) -> None:
    row.account_sid = find_account(store, row.account_sid)
    account = store.table(ACCOUNTS).get(row.account_sid)
    row.token_digest = row.token_digest or digest(account.auth_token if account else "")
    complete_uuid(store, row)
    if not row.trunk_sid:
        _provision(store, row)


def _provision(store: Store, row: DashaProvider) -> None:
    """Create the provider's resources.

    On Twilio: a trunk with a termination domain, and a credential list with a generated user. On
    Dasha: the SIP credentials for them.
    """
    name = f"dasha-{row.sid[:8]}"
    sip_list = sip_lists.SipList(account_sid=row.account_sid, friendly_name=name)
    sip_lists.CREDENTIAL_LISTS.add(store, sip_list)
    record_created(
        store,
        platform_actor(row.account_sid),
        kind=sip_lists.CREDENTIAL_KIND.resource_type,
        row=sip_list,
    )

    user = sip_lists.Credential(credential_list_sid=sip_list.sid, username=name)
    sip_lists.CREDENTIALS.add(store, user)

    domain = f"{name}.pstn.twilio.com"
    trunk = Trunk(
        account_sid=row.account_sid,
        domain_name=domain,
        friendly_name=name,
        credential_lists=[sip_list.sid],
    )
    TRUNKS.add(store, trunk)

    row.trunk_sid, row.termination_uri, row.credential_list_sid = trunk.sid, domain, sip_list.sid
    row.verification_status = "verified"

    credential = DashaCredential(
        organization=row.organization,
        server=domain,
        auth_user=name,
        auth_password="Aa1" + store.new_sid("")[:24],
        source="provider",
        provider_id=row.sid,
    )
    complete_uuid(store, credential)
    store.table(CREDENTIALS).add(credential)


def _complete_credential(store: Store, row: DashaCredential) -> None:
    if not row.server:
        raise ValueError("SIP credentials need a server")
    complete_uuid(store, row)


def _complete_number(store: Store, row: DashaNumber) -> None:
    if row.provider_id:
        provider = store.table(PROVIDERS).get(row.provider_id)
        if provider is None:
            raise ValueError(f"provider {row.provider_id} is not among the dasha_providers")
        row.account_sid = provider.account_sid
    complete_uuid(store, row)


PROVIDERS = PlatformShelf(
    "dasha_providers",
    DashaProvider,
    "",
    _complete_provider,
    platform="dasha",
    hidden=("token_digest",),
)
CREDENTIALS = PlatformShelf(
    "dasha_credentials",
    DashaCredential,
    "",
    _complete_credential,
    platform="dasha",
    secrets=("auth_password",),
)
NUMBERS = PlatformShelf("dasha_numbers", DashaNumber, "", _complete_number, platform="dasha")
AGENTS = PlatformShelf("dasha_agents", DashaAgent, "", complete_uuid, platform="dasha")
SHELVES = (PROVIDERS, CREDENTIALS, NUMBERS, AGENTS)
