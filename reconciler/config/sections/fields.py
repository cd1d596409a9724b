"""The types of configuration fields: what each accepts, in which canonical form it is kept, and its JSON Schema.

Raises pydantic's custom errors whose type is one of our codes; refuses to know positions and other fields.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

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
from pydantic_core import PydanticCustomError

from reconciler.config.formats import _SID_LIKE, E164, is_sid, normal_sid, spellings
from reconciler.planning.checks.limits import Limit

NUMBER_KEY = r"^(\+[1-9][0-9]{1,14}|PN[0-9a-fA-F]{32})$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
ZONE = r"^[a-z0-9-]{1,32}$"
LONGEST_LABEL = 64
_OPEN_LITERAL = (
    "A password in `state` would be in the repository. Give it by the environment: PGPASSWORD for PostgreSQL, "
    "TF_HTTP_PASSWORD for https://, the provider's own variables for s3://, gs:// and az://."
)
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")


def _alias(name: str) -> str | AliasChoices:
    names = spellings(name)
    return AliasChoices(*names) if len(names) > 1 else name


class Section(BaseModel):
    """The base of all models: strict, closed, immutable; each field may also be written in camelCase."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        defer_build=True,
        alias_generator=AliasGenerator(validation_alias=_alias),
    )


def mandatory_field(description: str, example: Any, **more: Any) -> Any:
    """A field that must be there, described for people and editors."""
    return Field(description=description, examples=[example], **more)


def optional_field(description: str, example: Any, default: Any = None, **more: Any) -> Any:
    """A field that may be left out, described for people and editors."""
    return Field(default, description=description, examples=[example], **more)


def make_refusal(code: str, detail: str) -> PydanticCustomError:
    """The error that `translate` turns into a diagnostic of this code."""
    return PydanticCustomError(code, "{detail}", {"detail": detail})


def _text(value: str) -> str:
    if not value.strip():
        raise make_refusal("missing_field", "It is empty: write a value, or leave the key out.")
    return value


def _label(value: str) -> str:
    if len(_text(value)) > LONGEST_LABEL:
        raise make_refusal(
            "invalid_value",
            f"Twilio keeps at most {LONGEST_LABEL} characters; these are {len(value)}.",
        )
    return value


def describe_bad_name(name: str) -> str:
    """What is wrong with a name; "" when nothing is."""
    if re.fullmatch(NAME[1:-1], name) and not _SID_LIKE.fullmatch(name):
        return ""
    detail = "A name has up to 64 letters, digits, `.`, `_` and `-`, starts with a letter or digit, and is no SID."
    meant = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:64]
    return (
        f"{detail} Did you mean `{meant}`?"
        if meant and name.isascii() and meant != name
        else detail
    )


def _name(value: str) -> str:
    detail = describe_bad_name(value)
    if detail:
        raise make_refusal("invalid_name", detail)
    return value


def _project(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", value):
        detail = (
            "A project's name has lower-case letters, digits, `-`, `_` and `.`, like `acme-voice`."
        )
        meant = re.sub("[^a-z0-9_.]+", "-", value.lower()).strip("-_.")
        detail += f" Did you mean `{meant}`?" if meant else ""
        raise make_refusal("invalid_name", detail)
    return value


def _phone(value: str) -> str:
    if not re.fullmatch(E164[1:-1], value):
        from reconciler.config.advice.phone_numbers import advise_on_phone

        raise make_refusal("invalid_phone_format", advise_on_phone(value))
    return value


def _sid(prefix: str, code: str, what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not is_sid(value, prefix):
            other = (
                f"has {len(value)} characters"
                if value.startswith(prefix)
                else f"does not start with {prefix}"
            )
            other = "holds others" if value.startswith(prefix) and len(value) == 34 else other
            variable = (
                " Variables are not filled in here: write the SID, which is no secret."
                if "$" in value
                else ""
            )
            raise make_refusal(
                code, f"{what} is {prefix} and 32 hexadecimal digits; this one {other}.{variable}"
            )
        return normal_sid(value)

    return check


def _url(value: str) -> str:
    advice = "It must start with https:// (or http://) and name a host, like https://agents.example.com/voice."
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        where = (
            "stands in it" if value.strip() == value else "stands before or behind it: remove it"
        )
        raise make_refusal(
            "invalid_url",
            f"A space or a control character {where}. Write a space that is meant as %20.",
        )
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        from reconciler.config.advice.suggestions import suggest_url

        raise make_refusal("invalid_url", f"{advice}{suggest_url(value)}")
    if not _has_usable_port(parts):
        raise make_refusal("invalid_url", "Its port is no number from 1 to 65535.")
    return value


def _has_usable_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _sip_url(value: str) -> str:
    if not re.fullmatch(r"sip:(?:[^\s@]+@)?[^\s@;?]+(?:[;?]\S*)?", value):
        raise make_refusal(
            "invalid_url",
            "A SIP URL starts with `sip:` and names a host, like sip:sbc1.example.com.",
        )
    return value


def _cidr(value: str) -> str:
    try:
        return str(IPv4Network(value))
    except ValueError:
        pass
    advice = "A network is an IPv4 address, a slash and how many of its 32 bits are fixed: 203.0.113.0/28."
    try:
        meant = str(IPv4Network(value, strict=False))
    except ValueError:
        raise make_refusal("invalid_value", advice) from None
    raise make_refusal(
        "invalid_value", f"{advice} This address lies within a network; did you mean {meant}?"
    )


def _username(value: str) -> str:
    if len(_text(value)) > 32:
        raise make_refusal(
            "invalid_value", f"Twilio takes at most 32 characters; these are {len(value)}."
        )
    return value


def _domain(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.pstn\.twilio\.com", value.lower()):
        raise make_refusal(
            "invalid_value",
            "A trunk's domain is one name below pstn.twilio.com: acme.pstn.twilio.com.",
        )
    return value.lower()


def is_zone(text: str) -> bool:
    """Whether this can be the name of a Twilio region or edge. It becomes part of the host that gets the secrets."""
    return re.fullmatch(ZONE[1:-1], text) is not None


def _zone(value: str) -> str:
    if not is_zone(_text(value)):
        raise make_refusal(
            "invalid_value",
            "It is a name of up to 32 small letters, digits and hyphens, like `ie1`.",
        )
    return value


def _country(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise make_refusal(
            "invalid_value", 'A country is two capital letters (ISO 3166), in quotes: "GB".'
        )
    return value


def _currency(value: str) -> str:
    if not re.fullmatch("[A-Z]{3}", value):
        raise make_refusal(
            "invalid_value", "A currency is three capital letters (ISO 4217), like USD or EUR."
        )
    return value


def _state(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    user, at, _ = rest.split("/")[0].split("?")[0].rpartition("@")
    if separator and at and (":" in user or scheme in ("http", "https")):
        raise make_refusal("literal_secret", _OPEN_LITERAL)
    if separator and re.search(
        r"[?&](password|passfile|sslpassword|token|private_token|sig|access_key)=", rest, re.I
    ):
        raise make_refusal("literal_secret", _OPEN_LITERAL)
    if not separator and re.match("(?:s3|gs|az|https?|postgres(?:ql)?):", value):
        raise make_refusal(
            "invalid_value", "Two slashes are missing after the colon: s3://bucket/voice.json."
        )
    if separator and scheme not in ("s3", "gs", "az", "postgresql", "https", "http"):
        raise make_refusal(
            "invalid_value",
            "State is a file, or s3://, gs://, az://, postgresql:// or https:// and a place.",
        )
    return _text(value)


def is_location(value: str) -> bool:
    """Whether this is a valid `state`."""
    try:
        _state(value)
    except PydanticCustomError:
        return False
    return True


def _limit(value: object) -> Limit:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(int(value), percent=False)
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        raise make_refusal(
            "invalid_value", "Write a number of resources (5), or a share from 0% to 100% (30%)."
        )
    return Limit(float(found[1]), percent=True)


def _reference(value: object) -> object:
    if not isinstance(value, dict):
        from reconciler.config.advice.suggestions import find_variable

        variable = find_variable(value)
        if variable:
            detail = f"Variables are named here, and not filled in: write {{env: {variable}}}."
            raise make_refusal("literal_secret", detail)
        detail = "Secrets never stand in the configuration. Write {env: NAME} or {file: PATH}, and change this one: "
        raise make_refusal("literal_secret", detail + "whoever can read the repository knows it.")
    return value


def _references(value: object) -> object:
    several = value if isinstance(value, list) else [value]
    if not several:
        raise make_refusal(
            "missing_field", "It is empty: name at least one reference, or leave the key out."
        )
    return [_reference(each) for each in several]


def _schema(**extra: Any) -> Any:
    return Field(json_schema_extra=extra)


Text = Annotated[str, AfterValidator(_text), _schema(minLength=1)]
Label = Annotated[str, AfterValidator(_label), _schema(minLength=1, maxLength=LONGEST_LABEL)]
Name = Annotated[str, AfterValidator(_name), _schema(pattern=NAME)]
ProjectName = Annotated[str, AfterValidator(_project), _schema(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Phone = Annotated[str, AfterValidator(_phone), _schema(pattern=E164)]
AccountSid = Annotated[
    str,
    AfterValidator(_sid("AC", "invalid_twilio_sid", "An account SID")),
    _schema(pattern="^AC[0-9a-fA-F]{32}$"),
]
NumberSid = Annotated[
    str,
    AfterValidator(_sid("PN", "invalid_number_sid", "A number's SID")),
    _schema(pattern="^PN[0-9a-fA-F]{32}$"),
]
AccessListSid = Annotated[
    str,
    AfterValidator(_sid("AL", "invalid_value", "The SID of an IP access control list")),
    _schema(pattern="^AL[0-9a-fA-F]{32}$"),
]
CredentialListSid = Annotated[
    str,
    AfterValidator(_sid("CL", "invalid_value", "The SID of a credential list")),
    _schema(pattern="^CL[0-9a-fA-F]{32}$"),
]
Cidr = Annotated[str, AfterValidator(_cidr), _schema(pattern="^[0-9.]+(/[0-9]{1,2})?$")]
Username = Annotated[str, AfterValidator(_username), _schema(minLength=1, maxLength=32)]
Url = Annotated[str, AfterValidator(_url), _schema(pattern="^https?://[^/\\s]+")]
SipUrl = Annotated[str, AfterValidator(_sip_url), _schema(pattern="^sip:[^\\s]+$")]
Zone = Annotated[str, AfterValidator(_zone), _schema(pattern=ZONE)]
Domain = Annotated[str, AfterValidator(_domain), _schema(pattern="\\.pstn\\.twilio\\.com$")]
State = Annotated[str, AfterValidator(_state), _schema(minLength=1)]
Percent = Annotated[str, _schema(pattern="^[0-9]{1,3}(\\.[0-9]{1,6})?%$")]
Count = Annotated[int, Field(ge=0)]
Quota = Annotated[Limit, PlainValidator(_limit, json_schema_input_type=Count | Percent)]
Country = Annotated[str, AfterValidator(_country), _schema(pattern="^[A-Z]{2}$")]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Currency = Annotated[str, AfterValidator(_currency), _schema(pattern="^[A-Z]{3}$")]
BundleSid = Annotated[
    str,
    AfterValidator(_sid("BU", "invalid_value", "A bundle's SID")),
    _schema(pattern="^BU[0-9a-fA-F]{32}$"),
]
AddressSid = Annotated[
    str,
    AfterValidator(_sid("AD", "invalid_value", "An address's SID")),
    _schema(pattern="^AD[0-9a-fA-F]{32}$"),
]
IdentitySid = Annotated[
    str,
    AfterValidator(_sid("RI", "invalid_value", "An identity's SID")),
    _schema(pattern="^RI[0-9a-fA-F]{32}$"),
]
Labels = dict[str, str]
Method = Literal["GET", "POST"]
OnRemoval = Literal["restore", "clear", "keep"]
Takeover = Literal["refuse", "allow"]
Part = Literal["voice", "sms", "status"]


class Reference(Section):
    """Where a secret is found when it is needed; the secret itself never stands in the configuration."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]}
    )

    env: str = optional_field("Name of an environment variable.", "TWILIO_API_SECRET", default="")
    file: str = optional_field(
        "Path of a file, relative to the entry file's folder.", "secrets/token", default=""
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.env) == bool(self.file):
            code = "conflicting_fields" if self.env else "missing_field"
            raise make_refusal(code, "A reference is either {env: NAME} or {file: PATH}.")
        if self.env and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.env):
            raise make_refusal(
                "invalid_name",
                "`env` takes the name of an environment variable: letters, digits and `_`, without `$`.",
            )
        return self


SecretReference = Annotated[
    Reference, BeforeValidator(_reference, json_schema_input_type=Reference)
]
SecretReferences = Annotated[
    list[Reference],
    BeforeValidator(_references, json_schema_input_type=Reference | list[Reference]),
]
"""One reference, or several of which the first is the present one."""
