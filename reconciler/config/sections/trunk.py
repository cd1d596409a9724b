"""Define the pydantic model of `trunks`: Elastic SIP trunks with origination URLs, lists, recording
and disaster recovery.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from reconciler.config.formats import is_sid
from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import (
    AccessListSid,
    Cidr,
    CredentialListSid,
    Domain,
    Label,
    Method,
    Name,
    SecretReference,
    Section,
    SipUrl,
    Text,
    Url,
    Username,
    mandatory_field,
    optional_field,
)

_Mode = Literal[
    "do-not-record",
    "record-from-ringing",
    "record-from-answer",
    "record-from-ringing-dual",
    "record-from-answer-dual",
]
_Priority = Annotated[int, Field(ge=0, le=65535)]
_Weight = Annotated[int, Field(ge=0, le=65535)]
"""Twilio documents 1 to 65535 for a write, and 0 as the default of an answer."""


class Origination(Section):
    """A SIP server that receives the calls of a trunk's numbers."""

    sip_url: SipUrl = mandatory_field(
        "SIP URL that receives the calls.", "sip:sbc1.example.com;transport=tls"
    )
    priority: _Priority = optional_field(
        "Priority; the lowest number is tried first.", 10, default=10
    )
    weight: _Weight = optional_field(
        "Share of the calls among URLs of equal priority. Twilio documents 1 to 65535; 0 is sent unchanged.",
        10,
        default=10,
    )
    enabled: bool = optional_field("Whether Twilio uses this URL.", True, default=True)
    friendly_name: Label | None = optional_field(
        "Label of the URL on Twilio; default: its host.", "sbc1"
    )


class Address(Section):
    """A network that may call through the trunk."""

    cidr: Cidr = mandatory_field("Network, or a single address.", "203.0.113.0/28")
    name: Label | None = optional_field(
        "Label of the network on Twilio; default: the network.", "hq"
    )


_Unlisted = Literal["delete", "keep"]


class _List(Section):
    """A list that a trunk uses, named by its name or its SID."""

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        name, sid = getattr(self, "name", None), getattr(self, "sid", None)
        if (name is None) == (sid is None):
            code = "missing_field" if name is None else "conflicting_fields"
            raise make_refusal(
                code,
                "A list needs either its `name`, or the `sid` of a list that exists on Twilio.",
            )

        items = None
        for field in ("credentials", "addresses"):
            if field in self.model_fields_set:
                items = field
        if sid is not None and items is not None:
            raise make_refusal(
                "conflicting_fields",
                f"`{items}` make this a managed list: give its `name` instead of its `sid`.",
            )

        if items is None and "unlisted" in self.model_fields_set:
            content = "addresses" if "addresses" in type(self).model_fields else "credentials"
            raise make_refusal(
                "missing_field",
                f"`unlisted` needs `{content}`: without them the list is used, but not managed.",
            )
        return self


def _expand(value: Any) -> Any:
    if not isinstance(value, str) or "/" in value:
        return value
    return {"sid": value} if is_sid(value, "AL") or is_sid(value, "CL") else {"name": value}


class AccessList(_List):
    """Networks that may call through the trunk: a managed list, or an existing list that is only used."""

    name: Name | None = optional_field("Name of the list on Twilio.", "offices")
    sid: AccessListSid | None = optional_field(
        "SID of a list that exists on Twilio.", "ALaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )
    addresses: list[Address] | None = optional_field(
        "All networks of the list. If left out, the list is only used; another trunk or somebody else manages it.",
        [{"cidr": "203.0.113.0/28", "name": "hq"}],
        max_length=25,
    )
    unlisted: _Unlisted = optional_field(
        "Undeclared networks on the list: `delete` deletes them, `keep` reports them.",
        "keep",
        default="delete",
    )


class Credential(Section):
    """A user that may call through the trunk."""

    username: Username = mandatory_field("User name.", "pbx")
    password: SecretReference = mandatory_field(
        "Password: at least 12 characters, with a digit and letters of both cases.",
        {"env": "PBX_PASSWORD"},
    )


class CredentialList(_List):
    """Users that may call through the trunk: a managed list, or an existing list that is only used."""

    name: Name | None = optional_field("Name of the list on Twilio.", "pbx")
    sid: CredentialListSid | None = optional_field(
        "SID of a list that exists on Twilio.", "CLaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )
    credentials: list[Credential] | None = optional_field(
        "All users of the list. If left out, the list is only used; another trunk or somebody else manages it.",
        [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}],
        max_length=1000,
    )
    unlisted: _Unlisted = optional_field(
        "Undeclared users on the list: `delete` deletes them, `keep` reports them.",
        "keep",
        default="delete",
    )


AnyAccessList = Annotated[
    AccessList, BeforeValidator(_expand, json_schema_input_type=AccessList | Text)
]
AnyCredentialList = Annotated[
    CredentialList, BeforeValidator(_expand, json_schema_input_type=CredentialList | Text)
]


class Recording(Section):
    """The recording of a trunk's calls."""

    mode: _Mode = mandatory_field("Start of the recording.", "record-from-answer")
    trim: Literal["trim-silence", "do-not-trim"] = optional_field(
        "Whether silence is removed from recordings.", "trim-silence", default="do-not-trim"
    )


class DisasterRecovery(Section):
    """The URL that Twilio requests when no origination URL answers."""

    url: Url = mandatory_field("The URL that Twilio requests.", "https://agents.example.com/dr")
    method: Method = optional_field("HTTP method.", "POST", default="POST")


class Trunk(Section):
    """An Elastic SIP trunk."""

    account: Text | None = optional_field("The Twilio account it is in.", "main")
    friendly_name: Label | None = optional_field(
        "Label of the trunk on Twilio; default: its name in the configuration.", "Edge"
    )
    domain: Domain | None = optional_field(
        "Domain of the trunk. An existing trunk is found by its domain.",
        "acme-edge.pstn.twilio.com",
    )
    secure: bool = optional_field("Encrypt signalling and audio.", True, default=False)
    origination: list[Origination] = optional_field(
        "SIP URLs that receive the calls.",
        [{"sip_url": "sip:sbc1.example.com", "priority": 10}],
        default=[],
    )
    ip_access_control_lists: list[AnyAccessList] = optional_field(
        "Networks that may call through the trunk.", [{"name": "offices"}], default=[]
    )
    credential_lists: list[AnyCredentialList] = optional_field(
        "Users that may call through the trunk.", [{"name": "pbx"}], default=[]
    )
    recording: Recording | None = optional_field(
        "Recording of the trunk's calls.", {"mode": "record-from-answer"}
    )
    disaster_recovery: DisasterRecovery | None = optional_field(
        "The URL that Twilio requests when no origination URL answers.",
        {"url": "https://agents.example.com/dr"},
    )
    cnam_lookup: bool | None = optional_field("Look up the names of callers.", False)
    transfer_mode: Literal["disable-all", "enable-all", "sip-only"] | None = optional_field(
        "The allowed call transfers.", "sip-only"
    )
    transfer_caller_id: Literal["from-transferee", "from-transferor"] | None = optional_field(
        "Caller id of transferred calls.", "from-transferee"
    )
    unlisted: _Unlisted = optional_field(
        "Undeclared origination URLs and lists of the trunk: `delete` deletes them, `keep` reports them. This holds for "
        "each of `origination`, `ip_access_control_lists` and `credential_lists` that is declared, even if empty. A key "
        "that is left out is watched and never written.",
        "keep",
        default="delete",
    )
    on_removal: Literal["delete", "keep"] = optional_field(
        "Once the trunk is no longer declared: delete it (if the reconciler created it and nothing uses it), or keep it "
        "and everything under it.",
        "keep",
        default="delete",
    )
    protect: bool = optional_field(
        "Refuse plans that forget or delete the trunk or anything under it.", True, default=False
    )
