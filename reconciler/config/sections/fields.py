"""Define the types of configuration fields, each with its check and its JSON Schema, and `Section`,
the base of all models.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)

from reconciler.config.formats import E164, spellings
from reconciler.config.sections.checks import (
    LONGEST_LABEL,
    NAME,
    ZONE,
    check_cidr,
    check_country,
    check_currency,
    check_domain,
    check_label,
    check_limit,
    check_name,
    check_phone,
    check_project,
    check_reference,
    check_references,
    check_sip_server,
    check_sip_url,
    check_state,
    check_text,
    check_url,
    check_username,
    check_zone,
    make_refusal,
    sid_checker,
)
from reconciler.kinds.number_fields import NONE
from reconciler.planning.checks.limits import Limit


def _alias(name: str) -> str | AliasChoices:
    names = spellings(name)
    return AliasChoices(*names) if len(names) > 1 else name


class Section(BaseModel):
    """The base of all models: strict, closed, immutable.

    Each field may also be written in camelCase.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        defer_build=True,
        alias_generator=AliasGenerator(validation_alias=_alias),
    )


def mandatory_field(description: str, example: Any, **more: Any) -> Any:
    """Return a required field with the description and the example that its JSON Schema shows."""
    return Field(description=description, examples=[example], **more)


def optional_field(description: str, example: Any, default: Any = None, **more: Any) -> Any:
    """Return an optional field with the description and the example that its JSON Schema shows."""
    return Field(default, description=description, examples=[example], **more)


def _schema(**extra: Any) -> Any:
    return Field(json_schema_extra=extra)


Text = Annotated[str, AfterValidator(check_text), _schema(minLength=1)]
Label = Annotated[str, AfterValidator(check_label), _schema(minLength=1, maxLength=LONGEST_LABEL)]
Name = Annotated[str, AfterValidator(check_name), _schema(pattern=NAME)]
ProjectName = Annotated[
    str, AfterValidator(check_project), _schema(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
]
Phone = Annotated[str, AfterValidator(check_phone), _schema(pattern=E164)]
AccountSid = Annotated[
    str,
    AfterValidator(sid_checker("AC", "invalid_twilio_sid", "An account SID")),
    _schema(pattern="^AC[0-9a-fA-F]{32}$"),
]
NumberSid = Annotated[
    str,
    AfterValidator(sid_checker("PN", "invalid_number_sid", "A number's SID")),
    _schema(pattern="^PN[0-9a-fA-F]{32}$"),
]
AccessListSid = Annotated[
    str,
    AfterValidator(sid_checker("AL", "invalid_value", "The SID of an IP access control list")),
    _schema(pattern="^AL[0-9a-fA-F]{32}$"),
]
CredentialListSid = Annotated[
    str,
    AfterValidator(sid_checker("CL", "invalid_value", "The SID of a credential list")),
    _schema(pattern="^CL[0-9a-fA-F]{32}$"),
]
Cidr = Annotated[str, AfterValidator(check_cidr), _schema(pattern="^[0-9.]+(/[0-9]{1,2})?$")]
Username = Annotated[str, AfterValidator(check_username), _schema(minLength=1, maxLength=32)]
Url = Annotated[str, AfterValidator(check_url), _schema(pattern="^https?://[^/\\s]+")]
SipUrl = Annotated[str, AfterValidator(check_sip_url), _schema(pattern="^sip:[^\\s]+$")]
SipServer = Annotated[str, AfterValidator(check_sip_server), _schema(minLength=1)]
Zone = Annotated[str, AfterValidator(check_zone), _schema(pattern=ZONE)]
Domain = Annotated[str, AfterValidator(check_domain), _schema(pattern="\\.pstn\\.twilio\\.com$")]
State = Annotated[str, AfterValidator(check_state), _schema(minLength=1)]
Percent = Annotated[str, _schema(pattern="^[0-9]{1,3}(\\.[0-9]{1,6})?%$")]
Count = Annotated[int, Field(ge=0)]
Quota = Annotated[Limit, PlainValidator(check_limit, json_schema_input_type=Count | Percent)]
Country = Annotated[str, AfterValidator(check_country), _schema(pattern="^[A-Z]{2}$")]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Currency = Annotated[str, AfterValidator(check_currency), _schema(pattern="^[A-Z]{3}$")]
BundleSid = Annotated[
    str,
    AfterValidator(sid_checker("BU", "invalid_value", "A bundle's SID")),
    _schema(pattern="^BU[0-9a-fA-F]{32}$"),
]
AddressSid = Annotated[
    str,
    AfterValidator(sid_checker("AD", "invalid_value", "An address's SID")),
    _schema(pattern="^AD[0-9a-fA-F]{32}$"),
]
IdentitySid = Annotated[
    str,
    AfterValidator(sid_checker("RI", "invalid_value", "An identity's SID")),
    _schema(pattern="^RI[0-9a-fA-F]{32}$"),
]


def _optional_sid(prefix: str, what: str) -> Any:
    """Return the type of a SID that may also be declared as not there."""
    check = sid_checker(prefix, "invalid_value", what)
    return Annotated[
        str,
        AfterValidator(lambda value: value if value == NONE else check(value)),
        _schema(pattern=f"^({prefix}[0-9a-fA-F]{{32}}|{NONE})$"),
    ]


OptionalUrl = Annotated[
    str,
    AfterValidator(lambda value: value if value == NONE else check_url(value)),
    _schema(pattern=f"^(https?://[^/\\s]+.*|{NONE})$"),
]
OptionalAddressSid = _optional_sid("AD", "An address's SID")
OptionalBundleSid = _optional_sid("BU", "A bundle's SID")
OptionalIdentitySid = _optional_sid("RI", "An identity's SID")
ReceiveMode = Literal["voice", "fax"]
Labels = dict[str, str]
Method = Literal["GET", "POST"]
OnRemoval = Literal["restore", "clear", "keep"]
Takeover = Literal["refuse", "allow"]
Part = Literal["voice", "sms", "status"]


class Reference(Section):
    """The place of a secret; the secret itself is never part of the configuration."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]}
    )

    env: str = optional_field("Name of an environment variable.", "TWILIO_API_SECRET", default="")
    file: str = optional_field(
        "Path of a file, relative to the folder of the entry file.", "secrets/token", default=""
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.env) == bool(self.file):
            code = "conflicting_fields" if self.env else "missing_field"
            raise make_refusal(code, "A secret is either {env: NAME} or {file: PATH}.")
        if self.env and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.env):
            raise make_refusal(
                "invalid_name",
                "`env` needs the name of an environment variable: letters, digits and `_`, without `$`.",
            )
        return self


SecretReference = Annotated[
    Reference, BeforeValidator(check_reference, json_schema_input_type=Reference)
]
SecretReferences = Annotated[
    list[Reference],
    BeforeValidator(check_references, json_schema_input_type=Reference | list[Reference]),
]
"""One reference, or several; the first is the present secret."""
