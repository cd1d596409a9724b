"""`trunks`: Elastic SIP trunks and all that hangs below them."""

from typing import Annotated, Literal

from pydantic import Field

from reconciler.config.fields import (
    Domain,
    Label,
    Method,
    Name,
    SecretReference,
    Section,
    SipUrl,
    Text,
    Url,
    optional,
    required,
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

    sip_url: SipUrl = required("Where calls are sent, as a SIP URL.", "sip:sbc1.example.com;transport=tls")
    priority: _Priority = optional("The lowest is tried first.", 10, default=10)
    weight: _Weight = optional("Share of the calls among equal priorities.", 10, default=10)
    enabled: bool = optional("Whether it is used.", True, default=True)
    friendly_name: Label | None = optional("Its label on Twilio; its host when left out.", "sbc1")


class Address(Section):
    """A network that may call through the trunk."""

    cidr: Text = required("Network.", "203.0.113.0/28")
    name: Label | None = optional("Its label on Twilio.", "hq")


class AccessList(Section):
    """A list of networks that may call through the trunk."""

    name: Name = required("Its name.", "offices")
    addresses: list[Address] = optional("The networks.", [{"cidr": "203.0.113.0/28", "name": "hq"}], default=[])


class Credential(Section):
    """A user that may call through the trunk."""

    username: Text = required("User.", "pbx")
    password: SecretReference = required("Password.", {"env": "PBX_PASSWORD"})


class CredentialList(Section):
    """A list of users that may call through the trunk."""

    name: Name = required("Its name.", "pbx")
    credentials: list[Credential] = optional(
        "The users.", [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}], default=[]
    )


class Recording(Section):
    """Whether the trunk's calls are recorded."""

    mode: _Mode = required("When recording starts.", "record-from-answer")
    trim: Literal["trim-silence", "do-not-trim"] = optional(
        "What happens to silence.", "trim-silence", default="do-not-trim"
    )


class DisasterRecovery(Section):
    """Who is asked when no origination URL answers."""

    url: Url = required("What Twilio asks.", "https://agents.example.com/dr")
    method: Method = optional("HTTP method.", "POST", default="POST")


class Trunk(Section):
    """An Elastic SIP trunk."""

    account: Text | None = optional("The Twilio account it is in.", "main")
    friendly_name: Label | None = optional("Its label on Twilio; its name here when left out.", "Edge")
    domain: Domain | None = optional("Its domain; by it an existing trunk is found.", "acme-edge.pstn.twilio.com")
    secure: bool = optional("Encrypt signalling and audio.", True, default=False)
    origination: list[Origination] = optional(
        "Where its calls go.", [{"sip_url": "sip:sbc1.example.com", "priority": 10}], default=[]
    )
    ip_access_control_lists: list[AccessList] = optional("Networks that may call.", [{"name": "offices"}], default=[])
    credential_lists: list[CredentialList] = optional("Users that may call.", [{"name": "pbx"}], default=[])
    recording: Recording | None = optional("Recording of its calls.", {"mode": "record-from-answer"})
    disaster_recovery: DisasterRecovery | None = optional(
        "Who is asked when no origination URL answers.", {"url": "https://agents.example.com/dr"}
    )
    cnam_lookup: bool | None = optional("Look up callers' names.", False)
    transfer_mode: Literal["disable-all", "enable-all", "sip-only"] | None = optional(
        "Which transfers it allows.", "sip-only"
    )
    transfer_caller_id: Literal["from-transferee", "from-transferor"] | None = optional(
        "Caller id of transfers.", "from-transferee"
    )
    on_removal: Literal["delete", "keep"] = optional(
        "When it is no longer declared: delete it (if we made it and nothing uses it), or keep it.",
        "keep",
        default="delete",
    )
    protect: bool = optional("Refuse forget and delete.", True, default=False)
