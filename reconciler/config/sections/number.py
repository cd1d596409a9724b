"""Define the pydantic models of `numbers` and `bridge_numbers`, and expand the short forms of an
entry to the long one.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from reconciler.config.sections.agent import AnyHook, Webhooks
from reconciler.config.sections.checks import NUMBER_KEY, make_refusal
from reconciler.config.sections.fields import (
    AddressSid,
    BundleSid,
    Country,
    Currency,
    IdentitySid,
    Label,
    Labels,
    NumberSid,
    OnRemoval,
    OptionalAddressSid,
    OptionalBundleSid,
    OptionalIdentitySid,
    Part,
    Phone,
    Price,
    ReceiveMode,
    SecretReference,
    Section,
    SipServer,
    Takeover,
    Text,
    mandatory_field,
    optional_field,
)
from reconciler.kinds.number_fields import BY_NAME

NumberKey = Annotated[str, Field(pattern=NUMBER_KEY)]


class Sip(Section):
    """The trunks and the dispatch rule of a number outside Twilio, on its platform."""

    trunk_name: Text | None = optional_field("Name of the trunks on the platform.", "my-trunk")
    server_address: SipServer | None = optional_field(
        "SIP server for outgoing calls; required if the number makes calls.", "sip.example.com"
    )
    username: Text | None = optional_field("SIP user name.", "user")
    password: SecretReference | None = optional_field("SIP password.", {"env": "SIP_PASSWORD"})
    room_name: Text | None = optional_field(
        "Name pattern of the rooms for incoming calls.", "call-"
    )
    pin: SecretReference | None = optional_field(
        "PIN for incoming calls, 4 to 10 characters.", {"env": "ROOM_PIN"}
    )
    media_encryption: Literal["disable", "allow", "require"] = optional_field(
        "Encryption of media.", "require", default="allow"
    )


class Amount(Section):
    """A monthly amount with its currency."""

    amount: Price = mandatory_field("The amount for a month.", 50)
    currency: Currency = mandatory_field("Currency of the amount (ISO 4217).", "USD")


def _in_dollars(value: Any) -> Any:
    """Return the long form of an amount.

    A plain number is in US dollars: Twilio bills most accounts in them.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"amount": value, "currency": "USD"}
    return value


MaxPrice = Annotated[Amount, BeforeValidator(_in_dollars, json_schema_input_type=Amount | Price)]


class Purchase(Section):
    """The purchase of a number that does not exist yet; needs ``apply --allow-purchase``."""

    country: Country = mandatory_field("Country of the number (ISO 3166).", "GB")
    type: Literal["local", "mobile", "toll_free"] = optional_field(
        "Type of the number.", "local", default="local"
    )
    area_code: Text | None = optional_field(
        "Area code in quotes (US and Canada). It must be the area code of the number.", "415"
    )
    max_price: MaxPrice | None = optional_field(
        "Highest monthly price of the number; a plain number is in USD.", 1.5
    )
    bundle: BundleSid | None = optional_field(
        "SID of the regulatory bundle that Twilio requires for such numbers.",
        "BU00000000000000000000000000000000",
    )
    address: AddressSid | None = optional_field(
        "SID of the address that Twilio requires for such numbers.",
        "AD00000000000000000000000000000000",
    )
    identity: IdentitySid | None = optional_field(
        "SID of the identity that Twilio requires for such numbers.",
        "RI00000000000000000000000000000000",
    )


class Handling(Section):
    """The handling of a number: takeover, protection and release."""

    takeover: Takeover | None = optional_field(
        "`allow`: an import may overwrite values of somebody else on the number.", "allow"
    )
    protect: bool | None = optional_field(
        "Refuse plans that release, forget or delete the number.", True
    )
    on_removal: OnRemoval | None = optional_field(
        "A release restores the prior values, clears them, or keeps the present ones.", "restore"
    )


class TwilioNumber(Handling):
    """The fields that numbers and bridge numbers share."""

    account: Text | None = optional_field("The Twilio account it is in.", "main")
    sid: NumberSid | None = optional_field(
        "SID of the number. The number and its SID must match.",
        "PN00000000000000000000000000000000",
    )
    phone_number: Phone | None = optional_field(
        "The number in E.164, when the key is its SID. The two must match.", "+15550100123"
    )
    labels: Labels = optional_field(
        "Labels of your own; `--target label:KEY=VALUE` selects numbers by label.",
        {"team": "sales"},
        default={},
    )


_TWILIO_ONLY = (
    "account",
    "sid",
    "trunk",
    "webhooks",
    "messaging_service",
    "friendly_name",
    "manage",
    "purchase",
    *BY_NAME,
)


class Number(TwilioNumber):
    """A phone number and its agent, trunk or webhooks."""

    agent: Text | None = optional_field("Name of the agent that answers.", "support")
    trunk: Text | None = optional_field(
        "Trunk that receives the calls: a name under `trunks`, or a TK… SID.", "edge"
    )
    webhooks: Webhooks | None = optional_field(
        "Webhooks of this number, instead of those of its agent.",
        {"sms": "https://agents.example.com/sms"},
    )
    messaging_service: Text | None = optional_field(
        "Messaging service that the number is in: a name under `messaging_services`, or an MG… SID.",
        "alerts",
    )
    friendly_name: Label | None = optional_field(
        "Label of the number on Twilio; managed only when declared.", "Sales US"
    )
    emergency_address: OptionalAddressSid | None = optional_field(
        "SID of the address that emergency calls from this number carry; `none`: it has none. "
        "Managed only when declared.",
        "AD00000000000000000000000000000000",
    )
    address: OptionalAddressSid | None = optional_field(
        "SID of the address of the number's user; `none`: it has none. Managed only when declared.",
        "AD00000000000000000000000000000000",
    )
    bundle: OptionalBundleSid | None = optional_field(
        "SID of the number's regulatory bundle; `none`: it has none. Managed only when declared.",
        "BU00000000000000000000000000000000",
    )
    identity: OptionalIdentitySid | None = optional_field(
        "SID of the identity of the number's user; `none`: it has none. Managed only when declared.",
        "RI00000000000000000000000000000000",
    )
    caller_id_lookup: bool | None = optional_field(
        "Whether Twilio looks up the name of each caller, at a price for each call. Managed only "
        "when declared.",
        True,
    )
    receive_mode: ReceiveMode | None = optional_field(
        "Whether the number receives calls or faxes. Managed only when declared.", "voice"
    )
    supports_inbound: bool = optional_field(
        "Whether the number receives calls; `false` clears its voice route.", True, default=True
    )
    supports_outbound: bool = optional_field("Whether the number makes calls.", True, default=True)
    manage: list[Part] | None = optional_field(
        "The managed parts; the other parts stay unchanged.", ["voice", "sms", "status"]
    )
    price: Price | None = optional_field("Monthly price, for your records only.", 1.15)
    provider: Literal["twilio", "sip"] = optional_field(
        "`twilio`, or `sip` for a number outside Twilio.", "twilio", default="twilio"
    )
    platform: Text | None = optional_field(
        "With `provider: sip`: the platform that receives the number.", "lk"
    )
    sip: Sip | None = optional_field(
        "With `provider: sip`: the trunks of the number.", {"trunk_name": "my-trunk"}
    )
    purchase: Purchase | None = optional_field(
        "Purchase of the number, if it does not exist.", {"country": "GB"}
    )

    @model_validator(mode="after")
    def _provider(self) -> Self:
        if self.provider == "twilio" and (self.platform or self.sip):
            detail = "`platform` and `sip` belong to numbers outside Twilio (`provider: sip`)."
            raise make_refusal(
                "conflicting_fields",
                f"{detail} A Twilio number reaches a platform through its agent.",
            )
        if self.provider == "twilio":
            return self

        foreign = [f"`{name}`" for name in _TWILIO_ONLY if getattr(self, name) is not None]
        if foreign:
            named = " and ".join(foreign)
            raise make_refusal(
                "conflicting_fields",
                f"{named}: not possible for a number outside Twilio (`provider: sip`). Remove it.",
            )
        if not self.platform:
            raise make_refusal(
                "missing_field",
                "`provider: sip` needs `platform`: the platform that receives the number.",
            )
        if self.supports_outbound and not (self.sip and self.sip.server_address):
            raise make_refusal("missing_field", "Outgoing calls need `sip: {server_address: …}`.")
        return self


class BridgeNumber(TwilioNumber):
    """A number for warm transfers; only its voice webhook is managed."""

    platform: Text | None = optional_field("Platform that sets the voice webhook.", "feather-prod")
    voice: AnyHook | None = optional_field(
        "Voice webhook of the bridge number.", "https://agents.example.com/bridge"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.platform and self.voice:
            raise make_refusal(
                "conflicting_fields",
                "The platform sets the voice webhook: declare either `platform` or `voice`.",
            )
        return self


class NumberGroup(Number):
    """Several numbers that are declared alike."""

    numbers: list[NumberKey] = mandatory_field(
        "The numbers of the group, by E.164 (in quotes) or SID.",
        ["+15550100101", "+15550100102"],
        min_length=1,
    )


class NumberFile(Section):
    """A CSV file whose rows are numbers."""

    file: Text = mandatory_field(
        "CSV file, relative to this file. Its first row names the columns: `number`, and any of "
        "`agent`, `trunk`, `account`, `friendly_name` and `label:NAME`.",
        "numbers.csv",
    )


def expand_number(value: Any) -> Any:
    """Return the long form of a number.

    A text is the name of the agent; an empty value is an empty mapping.
    """
    if value is None:
        return {}
    return {"agent": value} if isinstance(value, str) else value


def expand_bridge(value: Any) -> Any:
    """Return the long form of a bridge number; an empty value is an empty mapping."""
    return {} if value is None else value


AnyNumber = Annotated[
    Number, BeforeValidator(expand_number, json_schema_input_type=Number | Text | None)
]
AnyBridgeNumber = Annotated[
    BridgeNumber, BeforeValidator(expand_bridge, json_schema_input_type=BridgeNumber | None)
]
