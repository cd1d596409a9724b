"""Check single configuration values: each check returns the canonical form, or raises a refusal
with one of our codes.

Raises pydantic's custom errors whose type is one of our codes; does not depend on positions and
other fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network
from urllib.parse import SplitResult, urlsplit

from pydantic_core import PydanticCustomError

from reconciler.config.formats import _SID_LIKE, E164, is_sid, normal_sid
from reconciler.planning.checks.limits import Limit

NUMBER_KEY = r"^(\+[1-9][0-9]{1,14}|PN[0-9a-fA-F]{32})$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
ZONE = r"^[a-z0-9-]{1,32}$"
LONGEST_LABEL = 64
_OPEN_LITERAL = (
    "A password in `state` would be in the repository. Set it in the environment: PGPASSWORD for "
    "PostgreSQL, TF_HTTP_PASSWORD for https://, the provider's own variables for s3://, gs:// and "
    "az://."
)
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")


def make_refusal(code: str, detail: str) -> PydanticCustomError:
    """Return the error that `validation.pydantic_errors` turns into a diagnostic of this code."""
    return PydanticCustomError(code, "{detail}", {"detail": detail})


def check_text(value: str) -> str:
    """Refuse an empty text."""
    if not value.strip():
        raise make_refusal(
            "missing_field", "The value is empty: write a value, or leave the key out."
        )
    return value


def check_label(value: str) -> str:
    """Refuse a label that is empty or too long for Twilio."""
    if len(check_text(value)) > LONGEST_LABEL:
        raise make_refusal(
            "invalid_value",
            f"Twilio keeps at most {LONGEST_LABEL} characters; these are {len(value)}.",
        )
    return value


def describe_bad_name(name: str) -> str:
    """Return the defect of a name; "" for a valid name."""
    if re.fullmatch(NAME[1:-1], name) and not _SID_LIKE.fullmatch(name):
        return ""

    detail = (
        "A name has up to 64 letters, digits, `.`, `_` and `-`, starts with a letter or digit, and "
        "is no SID."
    )
    meant = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:64]
    return (
        f"{detail} Did you mean `{meant}`?"
        if meant and name.isascii() and meant != name
        else detail
    )


def check_name(value: str) -> str:
    """Refuse a text that is no name."""
    detail = describe_bad_name(value)
    if detail:
        raise make_refusal("invalid_name", detail)
    return value


def check_project(value: str) -> str:
    """Refuse a text that is no project's name."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", value):
        detail = (
            "A project's name has lower-case letters, digits, `-`, `_` and `.`, like `acme-voice`."
        )
        meant = re.sub("[^a-z0-9_.]+", "-", value.lower()).strip("-_.")
        detail += f" Did you mean `{meant}`?" if meant else ""
        raise make_refusal("invalid_name", detail)
    return value


def check_phone(value: str) -> str:
    """Refuse a text that is no phone number in E.164."""
    if not re.fullmatch(E164[1:-1], value):
        from reconciler.config.advice.phone_numbers import advise_on_phone

        raise make_refusal("invalid_phone_format", advise_on_phone(value))
    return value


def sid_checker(prefix: str, code: str, what: str) -> Callable[[str], str]:
    """Return a check for SIDs with this prefix; `what` names such a SID in messages."""

    def check(value: str) -> str:
        if not is_sid(value, prefix):
            if not value.startswith(prefix):
                defect = f"does not start with {prefix}"
            elif len(value) == 34:
                defect = "has other characters"
            else:
                defect = f"has {len(value)} characters"
            hint = ""
            if "$" in value:
                hint = " Write the SID, which is no secret, or `${NAME}` for a variable."

            raise make_refusal(
                code, f"{what} is {prefix} and 32 hexadecimal digits; this one {defect}.{hint}"
            )
        return normal_sid(value)

    return check


def check_url(value: str) -> str:
    """Refuse a text that is no http(s) URL."""
    _check_placeholders(value)
    advice = (
        "A URL starts with https:// (or http://) and names a host, like "
        "https://agents.example.com/voice."
    )
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        where = "is in it" if value.strip() == value else "is before or after it: remove it"
        raise make_refusal(
            "invalid_url",
            f"A space or a control character {where}. Write an intended space as %20.",
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
        raise make_refusal("invalid_url", "The port must be a number from 1 to 65535.")
    return value


def _check_placeholders(url: str) -> None:
    """Refuse a URL with `{{`: nothing replaces it, and calls would go to that very text."""
    if "{{" in url:
        detail = (
            "`{{` is not replaced here. Write the whole URL, or declare a variable below "
            "`variables` and write `${NAME}`."
        )
        raise make_refusal("invalid_url", detail)


def _has_usable_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def check_sip_url(value: str) -> str:
    """Refuse a text that is no SIP URL."""
    _check_placeholders(value)
    if not re.fullmatch(r"sip:(?:[^\s@]+@)?[^\s@;?]+(?:[;?]\S*)?", value):
        raise make_refusal(
            "invalid_url",
            "A SIP URL starts with `sip:` and names a host, like sip:sbc1.example.com.",
        )
    return value


def check_cidr(value: str) -> str:
    """Return an IPv4 network in its canonical form."""
    try:
        return str(IPv4Network(value))
    except ValueError:
        pass

    # The address of a host within a network is a frequent mistake: suggest the network itself.
    advice = (
        "A network is an IPv4 address, a slash and the number of fixed bits, like 203.0.113.0/28."
    )
    try:
        meant = str(IPv4Network(value, strict=False))
    except ValueError:
        raise make_refusal("invalid_value", advice) from None
    raise make_refusal(
        "invalid_value", f"{advice} This address lies within a network; did you mean {meant}?"
    )


def check_username(value: str) -> str:
    """Refuse a user name that is empty or too long for Twilio."""
    if len(check_text(value)) > 32:
        raise make_refusal(
            "invalid_value", f"Twilio takes at most 32 characters; these are {len(value)}."
        )
    return value


def check_domain(value: str) -> str:
    """Return the domain of a trunk in lower case."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.pstn\.twilio\.com", value.lower()):
        raise make_refusal(
            "invalid_value",
            "A trunk's domain is one name below pstn.twilio.com: acme.pstn.twilio.com.",
        )
    return value.lower()


def check_sip_server(value: str) -> str:
    """Refuse a SIP URL where the host of a SIP server is needed: platforms add the scheme."""
    scheme, colon, rest = check_text(value).partition(":")
    if colon and scheme.lower() in ("sip", "sips"):
        raise make_refusal("invalid_value", f"Write the server without `{scheme}:`: {rest}")
    return value


def is_zone(text: str) -> bool:
    """Return true for a possible name of a Twilio region or edge.

    The name becomes part of the host that receives the secrets, so its characters are limited.
    """
    return re.fullmatch(ZONE[1:-1], text) is not None


def check_zone(value: str) -> str:
    """Refuse a text that is no Twilio region or edge."""
    if not is_zone(check_text(value)):
        raise make_refusal(
            "invalid_value",
            "A region or edge has up to 32 lower-case letters, digits and hyphens, like `ie1`.",
        )
    return value


def check_country(value: str) -> str:
    """Refuse a text that is no country code."""
    if not re.fullmatch("[A-Z]{2}", value):
        raise make_refusal(
            "invalid_value", 'A country is two capital letters (ISO 3166), in quotes: "GB".'
        )
    return value


def check_currency(value: str) -> str:
    """Refuse a text that is no currency code."""
    if not re.fullmatch("[A-Z]{3}", value):
        raise make_refusal(
            "invalid_value", "A currency is three capital letters (ISO 4217), like USD or EUR."
        )
    return value


def check_state(value: str) -> str:
    """Refuse a text that is no location of a state, or that contains a secret."""
    # The location is in the repository, in plans and in messages: credentials come from the
    # environment instead.
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
    return check_text(value)


def is_location(value: str) -> bool:
    """Return true when this is a valid `state`."""
    try:
        check_state(value)
    except PydanticCustomError:
        return False
    return True


def check_limit(value: object) -> Limit:
    """Return a limit as a count or a share."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(int(value), percent=False)
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        raise make_refusal(
            "invalid_value", "Write a number of resources (5), or a share from 0% to 100% (30%)."
        )
    return Limit(float(found[1]), percent=True)


def check_reference(value: object) -> object:
    """Refuse a literal where a reference to a secret is needed."""
    if not isinstance(value, dict):
        from reconciler.config.advice.suggestions import find_variable

        variable = find_variable(value)
        if variable:
            detail = f"Variables are not replaced here: write {{env: {variable}}}."
            raise make_refusal("literal_secret", detail)

        detail = (
            "Secrets are never part of the configuration. Write {env: NAME} or {file: PATH}, and "
            "change the secret itself: everybody who can read the repository knows it."
        )
        raise make_refusal("literal_secret", detail)
    return value


def check_references(value: object) -> object:
    """Return one or several references as a list."""
    several = value if isinstance(value, list) else [value]
    if not several:
        raise make_refusal(
            "missing_field", "The list is empty: add at least one reference, or leave the key out."
        )
    return [check_reference(each) for each in several]
