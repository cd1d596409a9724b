"""Define the rows of Vapi: numbers with the credentials of their Twilio account, assistants, squads,
and the behaviour that its documents leave open; has no routes.
"""

from __future__ import annotations

import msgspec

from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, complete_uuid
from reconciler.sandbox.platforms.twilio_client import E164
from reconciler.sandbox.store import Store
from reconciler.sandbox.twilio.dates import iso8601

PROVIDERS = ("twilio", "vonage", "vapi", "byo-phone-number", "telnyx")


class VapiSettings(PlatformRow, kw_only=True):
    """The behaviour of the sandbox where Vapi documents none, or keeps its own promises badly.

    `after_delete`: what a removal leaves on Twilio (`keep`, `clear`, or `half`: the voice URL is
    cleared and the messaging URL stays). `shows_credentials`: an answer holds the credentials of
    Twilio. `ignores_null`: a null in a change is accepted and not stored.
    """

    after_delete: str = "keep"
    shows_credentials: bool = True
    ignores_null: bool = False


class VapiAgent(PlatformRow, kw_only=True):
    """An assistant, or a squad of them."""

    name: str = ""


class VapiCredential(PlatformRow, kw_only=True, rename="camel"):
    """A credential `byo-sip-trunk`: the gateways of a trunk, and the user of outgoing calls. No
    answer holds the password.
    """

    sid: str = msgspec.field(name="id", default="")
    organization: str = msgspec.field(name="orgId", default="")
    provider: str = "byo-sip-trunk"
    name: str | None = None
    gateways: list[dict[str, object]] = msgspec.field(default_factory=list)
    outbound_leading_plus_enabled: bool = False
    auth_username: str | None = None
    auth_password: str | None = None


class VapiNumber(PlatformRow, kw_only=True, rename="camel"):
    """A number; the credentials of its Twilio account come back in every answer."""

    sid: str = msgspec.field(name="id", default="")
    account_sid: str = msgspec.field(name="twilioAccountSid", default="")
    organization: str = msgspec.field(name="orgId", default="")
    provider: str = "twilio"
    number: str = ""
    status: str = "active"
    name: str | None = None
    assistant_id: str | None = None
    squad_id: str | None = None
    workflow_id: str | None = None
    credential_id: str | None = None
    sms_enabled: bool = True
    twilio_auth_token: str | None = None
    twilio_api_key: str | None = None
    twilio_api_secret: str | None = None
    server: dict[str, object] | None = None


def stamp(store: Store) -> str:
    """Return the time of now, with milliseconds, as Vapi writes it."""
    return iso8601(store.now()).replace("Z", f".{store.now().microsecond // 1000:03d}Z")


def _complete_number(store: Store, row: VapiNumber) -> None:
    if row.provider not in PROVIDERS:
        raise ValueError(f"provider must be one of {', '.join(PROVIDERS)}, not {row.provider!r}")
    if row.provider == "twilio" and not E164.fullmatch(row.number):
        raise ValueError(f"number must be E.164 such as +15550100101, not {row.number!r}")
    row.created_at = row.created_at or stamp(store)
    complete_uuid(store, row)


def _complete_settings(store: Store, row: VapiSettings) -> None:
    if row.after_delete not in ("keep", "clear", "half"):
        raise ValueError("after_delete is keep, clear or half")
    complete_uuid(store, row)


SETTINGS = PlatformShelf("vapi_settings", VapiSettings, "", _complete_settings, platform="vapi")
ASSISTANTS = PlatformShelf("vapi_assistants", VapiAgent, "", complete_uuid, platform="vapi")
SQUADS = PlatformShelf("vapi_squads", VapiAgent, "", complete_uuid, platform="vapi")
NUMBERS = PlatformShelf(
    "vapi_numbers",
    VapiNumber,
    "",
    _complete_number,
    platform="vapi",
    secrets=("twilio_auth_token", "twilio_api_key", "twilio_api_secret"),
)
CREDENTIALS = PlatformShelf(
    "vapi_credentials",
    VapiCredential,
    "",
    complete_uuid,
    platform="vapi",
    secrets=("auth_password",),
)
SHELVES = (SETTINGS, ASSISTANTS, SQUADS, CREDENTIALS, NUMBERS)
