"""`trunks`: Elastic SIP trunks and all that hangs below them."""

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
_Weight = Annotated[int, Field(ge=1, le=65535)]


class Origination(Section):
    """Where a trunk sends the calls of its numbers."""

    sip_url: SipUrl = mandatory_field(
        "Where calls are sent, as a SIP URL.", "sip:sbc1.example.com;transport=tls"
    )
    priority: _Priority = optional_field("The lowest is tried first.", 10, default=10)
    weight: _Weight = optional_field("Share of the calls among equal priorities.", 10, default=10)
    enabled: bool = optional_field("Whether it is used.", True, default=True)
    friendly_name: Label | None = optional_field(
        "Its label on Twilio; its host when left out.", "sbc1"
    )


class Address(Section):
    """A network that may call through the trunk."""

    cidr: Cidr = mandatory_field("Network; an address alone is a network of one.", "203.0.113.0/28")
    name: Label | None = optional_field(
        "Its label on Twilio; the network itself when left out.", "hq"
    )


_Unlisted = Literal["delete", "keep"]


class _List(Section):
    """A list that a trunk uses, by its name or its SID."""

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        name, sid = getattr(self, "name", None), getattr(self, "sid", None)
        if (name is None) == (sid is None):
            code = "missing_field" if name is None else "conflicting_fields"
            raise make_refusal(
                code, "A list goes by its `name`, or by the `sid` of one that is there already."
            )
        items = next(
            (field for field in ("addresses", "credentials") if field in self.model_fields_set),
            None,
        )
        if sid is not None and items is not None:
            raise make_refusal(
                "conflicting_fields",
                f"`{items}` are of a list that is managed here, and goes by its `name`.",
            )
        if items is None and "unlisted" in self.model_fields_set:
            content = "addresses" if "addresses" in type(self).model_fields else "credentials"
            raise make_refusal(
                "missing_field",
                f"`unlisted` needs `{content}`: without them the list is only used.",
            )
        return self


def _expand(value: Any) -> Any:
    if not isinstance(value, str) or "/" in value:
        return value
    return {"sid": value} if is_sid(value, "AL") or is_sid(value, "CL") else {"name": value}


class AccessList(_List):
    """Networks that may call through the trunk: a list that is managed here, or one that exists and
    is only used.
    """

    name: Name | None = optional_field("Its name on Twilio.", "offices")
    sid: AccessListSid | None = optional_field(
        "Its SID, for a list that exists already.", "ALaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )
    addresses: list[Address] | None = optional_field(
        "The networks, all of them; left out, the list is only used, and managed by another trunk or elsewhere.",
        [{"cidr": "203.0.113.0/28", "name": "hq"}],
        max_length=25,
    )
    unlisted: _Unlisted = optional_field(
        "What to do with a network that is on the list and not declared: delete it, or report it.",
        "keep",
        default="delete",
    )


class Credential(Section):
    """A user that may call through the trunk."""

    username: Username = mandatory_field("User.", "pbx")
    password: SecretReference = mandatory_field(
        "Password: at least 12 characters, with a digit and letters of both cases.",
        {"env": "PBX_PASSWORD"},
    )


class CredentialList(_List):
    """Users that may call through the trunk: a list that is managed here, or one that exists and is
    only used.
    """

    name: Name | None = optional_field("Its name on Twilio.", "pbx")
    sid: CredentialListSid | None = optional_field(
        "Its SID, for a list that exists already.", "CLaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    )
    credentials: list[Credential] | None = optional_field(
        "The users, all of them; left out, the list is only used, and managed by another trunk or elsewhere.",
        [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}],
        max_length=1000,
    )
    unlisted: _Unlisted = optional_field(
        "What to do with a user that is on the list and not declared: delete it, or report it.",
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
    """Whether the trunk's calls are recorded."""

    mode: _Mode = mandatory_field("When recording starts.", "record-from-answer")
    trim: Literal["trim-silence", "do-not-trim"] = optional_field(
        "What happens to silence.", "trim-silence", default="do-not-trim"
    )


class DisasterRecovery(Section):
    """Who is asked when no origination URL answers."""

    url: Url = mandatory_field("What Twilio asks.", "https://agents.example.com/dr")
    method: Method = optional_field("HTTP method.", "POST", default="POST")


class Trunk(Section):
    """An Elastic SIP trunk."""

    account: Text | None = optional_field("The Twilio account it is in.", "main")
    friendly_name: Label | None = optional_field(
        "Its label on Twilio; its name here when left out.", "Edge"
    )
    domain: Domain | None = optional_field(
        "Its domain; by it an existing trunk is found.", "acme-edge.pstn.twilio.com"
    )
    secure: bool = optional_field("Encrypt signalling and audio.", True, default=False)
    origination: list[Origination] = optional_field(
        "Where its calls go.", [{"sip_url": "sip:sbc1.example.com", "priority": 10}], default=[]
    )
    ip_access_control_lists: list[AnyAccessList] = optional_field(
        "Networks that may call.", [{"name": "offices"}], default=[]
    )
    credential_lists: list[AnyCredentialList] = optional_field(
        "Users that may call.", [{"name": "pbx"}], default=[]
    )
    recording: Recording | None = optional_field(
        "Recording of its calls.", {"mode": "record-from-answer"}
    )
    disaster_recovery: DisasterRecovery | None = optional_field(
        "Who is asked when no origination URL answers.", {"url": "https://agents.example.com/dr"}
    )
    cnam_lookup: bool | None = optional_field("Look up callers' names.", False)
    transfer_mode: Literal["disable-all", "enable-all", "sip-only"] | None = optional_field(
        "Which transfers it allows.", "sip-only"
    )
    transfer_caller_id: Literal["from-transferee", "from-transferor"] | None = optional_field(
        "Caller id of transfers.", "from-transferee"
    )
    unlisted: _Unlisted = optional_field(
        "What to do with origination URLs and uses of lists that are on the trunk and not declared, where "
        "`origination`, `ip_access_control_lists` or `credential_lists` is there, be it empty: delete them, or report "
        "them. "
        "Where the key is left out, they are watched and never written.",
        "keep",
        default="delete",
    )
    on_removal: Literal["delete", "keep"] = optional_field(
        "When the trunk is no longer declared: delete it (if we made it and nothing uses it), or keep it whole.",
        "keep",
        default="delete",
    )
    protect: bool = optional_field(
        "Refuse forget and delete of the trunk, and of all that belongs to it.", True, default=False
    )
