"""`numbers` and `bridge_numbers`: the phone numbers, each by its E.164 or its SID."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from reconciler.config.sections.agent import AnyHook, Webhooks
from reconciler.config.sections.checks import make_refusal
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
    Part,
    Phone,
    Price,
    SecretReference,
    Section,
    Takeover,
    Text,
    mandatory_field,
    optional_field,
)


class Sip(Section):
    """The trunks and the dispatch rule that a number outside Twilio gets on its platform."""

    trunk_name: Text | None = optional_field("Name of its trunks.", "my-trunk")
    server_address: Text | None = optional_field(
        "SIP server; needed for outgoing calls.", "sip.example.com"
    )
    username: Text | None = optional_field("SIP user.", "user")
    password: SecretReference | None = optional_field("SIP password.", {"env": "SIP_PASSWORD"})
    room_name: Text | None = optional_field(
        "Name pattern of the rooms for incoming calls.", "call-"
    )
    pin: SecretReference | None = optional_field(
        "PIN for incoming calls, 4 to 10 characters.", {"env": "ROOM_PIN"}
    )
    media_encryption: Literal["disable", "allow", "require"] = optional_field(
        "Encryption.", "require", default="allow"
    )


class Amount(Section):
    """An amount a month, in a currency."""

    amount: Price = mandatory_field("The amount.", 50)
    currency: Currency = mandatory_field("Its currency (ISO 4217).", "USD")


def _in_dollars(value: Any) -> Any:
    """The long form of an amount: a plain number is in US dollars, in which Twilio bills most
    accounts.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"amount": value, "currency": "USD"}
    return value


MaxPrice = Annotated[Amount, BeforeValidator(_in_dollars, json_schema_input_type=Amount | Price)]


class Purchase(Section):
    """What to buy when the number does not exist yet; needs ``apply --allow-purchase``."""

    country: Country = mandatory_field("Country (ISO 3166).", "GB")
    type: Literal["local", "mobile", "toll_free"] = optional_field(
        "Kind of number.", "local", default="local"
    )
    area_code: Text | None = optional_field(
        "Area code in quotes (US and Canada); an error where the number has another one.", "415"
    )
    max_price: MaxPrice | None = optional_field(
        "Most that it may cost a month; a plain number is in USD.", 1.5
    )
    bundle: BundleSid | None = optional_field(
        "Regulatory bundle that Twilio requires for such numbers.",
        "BU00000000000000000000000000000000",
    )
    address: AddressSid | None = optional_field(
        "Address that Twilio requires for such numbers.", "AD00000000000000000000000000000000"
    )
    identity: IdentitySid | None = optional_field(
        "Identity that Twilio requires for such numbers.", "RI00000000000000000000000000000000"
    )


class Handling(Section):
    """How a number is handled, apart from what is on it."""

    takeover: Takeover | None = optional_field(
        "Whether an import may overwrite what somebody else put there.", "allow"
    )
    protect: bool | None = optional_field("Refuse release, forget and delete.", True)
    on_removal: OnRemoval | None = optional_field(
        "What a release does: put the prior values back, clear them, or keep ours.", "restore"
    )


class TwilioNumber(Handling):
    """What a number and a bridge number have in common."""

    account: Text | None = optional_field("The Twilio account it is in.", "main")
    sid: NumberSid | None = optional_field(
        "Pins its SID: number and SID must match.", "PN00000000000000000000000000000000"
    )
    phone_number: Phone | None = optional_field(
        "Its E.164, where the key is its SID: the two must match.", "+15550100123"
    )
    labels: Labels = optional_field(
        "Labels of your own; `--target label:KEY=VALUE` selects by them.",
        {"team": "sales"},
        default={},
    )


_TWILIO_ONLY = ("account", "sid", "trunk", "webhooks", "friendly_name", "manage", "purchase")


class Number(TwilioNumber):
    """A phone number and who answers it."""

    agent: Text | None = optional_field("Name of the agent that answers.", "support")
    trunk: Text | None = optional_field(
        "Trunk that takes its calls: a name below `trunks`, or a TK… SID.", "edge"
    )
    webhooks: Webhooks | None = optional_field(
        "Its own webhooks, instead of its agent's.", {"sms": "https://agents.example.com/sms"}
    )
    friendly_name: Label | None = optional_field(
        "Its label on Twilio; managed only when given.", "Sales US"
    )
    supports_inbound: bool = optional_field(
        "Whether it takes calls; false clears its voice route.", True, default=True
    )
    supports_outbound: bool = optional_field("Whether calls are made with it.", True, default=True)
    manage: list[Part] | None = optional_field(
        "Which parts are ours; the others are left alone.", ["voice", "sms", "status"]
    )
    price: Price | None = optional_field("Monthly price, for your records only.", 1.15)
    provider: Literal["twilio", "sip"] = optional_field(
        "Where it lives: on Twilio, or elsewhere.", "twilio", default="twilio"
    )
    platform: Text | None = optional_field(
        "With `provider: sip`: the platform it is made on.", "lk"
    )
    sip: Sip | None = optional_field(
        "With `provider: sip`: its trunks.", {"trunk_name": "my-trunk"}
    )
    purchase: Purchase | None = optional_field("Buy it when it does not exist.", {"country": "GB"})

    @model_validator(mode="after")
    def _provider(self) -> Self:
        if self.provider == "twilio" and (self.platform or self.sip):
            detail = "`platform` and `sip` belong to numbers outside Twilio (`provider: sip`)."
            raise make_refusal(
                "conflicting_fields", f"{detail} A Twilio number reaches a platform by its agent."
            )
        foreign = (
            [name for name in _TWILIO_ONLY if getattr(self, name) is not None]
            if self.provider == "sip"
            else []
        )
        if foreign:
            named = " and ".join(f"`{name}`" for name in foreign)
            raise make_refusal(
                "conflicting_fields",
                f"{named}: a number outside Twilio has no such thing. Remove it.",
            )
        if self.provider == "sip" and not self.platform:
            raise make_refusal(
                "missing_field", "`provider: sip` needs the `platform` that the number is made on."
            )
        if (
            self.provider == "sip"
            and self.supports_outbound
            and not (self.sip and self.sip.server_address)
        ):
            raise make_refusal("missing_field", "Outgoing calls need `sip: {server_address: …}`.")
        return self


class BridgeNumber(TwilioNumber):
    """A number that warm transfers go through; only its voice webhook is managed."""

    platform: Text | None = optional_field("Platform that sets its webhook.", "feather-prod")
    voice: AnyHook | None = optional_field(
        "Its voice webhook.", "https://agents.example.com/bridge"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.platform and self.voice:
            raise make_refusal(
                "conflicting_fields",
                "The platform sets the voice webhook: give `platform` or `voice`.",
            )
        return self


def expand_number(value: Any) -> Any:
    """The long form of a number: its agent's name alone is a shorthand, nothing at all an empty
    mapping.
    """
    if value is None:
        return {}
    return {"agent": value} if isinstance(value, str) else value


def expand_bridge(value: Any) -> Any:
    """The long form of a bridge number: nothing at all is an empty mapping."""
    return {} if value is None else value


AnyNumber = Annotated[
    Number, BeforeValidator(expand_number, json_schema_input_type=Number | Text | None)
]
AnyBridgeNumber = Annotated[
    BridgeNumber, BeforeValidator(expand_bridge, json_schema_input_type=BridgeNumber | None)
]
