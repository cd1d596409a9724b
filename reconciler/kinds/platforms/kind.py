"""Define the types that describe a voice-AI platform, its settings, and a number's attributes on
it, and build the settings that several share; pure, names no platform.

Sources are the platforms' published documents. A call that they do not describe is a missing
capability, and `manual` names the step that a person has to take instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from reconciler.kinds.platforms.split import Shares
from reconciler.model.route import Attrs, Value

Capability = Literal["list", "create", "update", "delete", "link", "verify"]
Serves = Literal["number", "bridge_number", "sip"]
"""Kinds of numbers on a platform: a Twilio number, a bridge number, a number outside Twilio
(`provider: sip`).
"""
SIP_SECRETS = frozenset({"password", "pin"})
"""The secret attributes of a number outside Twilio."""
LOGIN_SECRETS = frozenset({"token", "account_auth_token"})
"""The secret attributes of a number on a platform that keeps the credentials of its import."""
ALL_PARTS: tuple[str, ...] = ("voice", "sms", "status")
"""The parts of a Twilio number whose webhooks an import may write."""

Form = Literal[
    "secret", "text", "url", "connections", "credential", "choice", "version", "countries", "split"
]
"""The form of a field: a reference to a secret, a text, the address of an API, the platform's own
ids of Twilio accounts by account, a user of a declared credential list as LIST/USERNAME, or one of
`choices`.

Fields of an agent may also be a version (a whole number or a tag), a list of countries (ISO 3166-1
alpha-2), or a division of the calls (`kinds/platforms/split.py`).
"""
TrunkUse = Literal["needed", "possible", "refused"]
"""Whether a Twilio number on a platform may have a declared trunk that takes its calls there."""
TERMINATION_URI = "termination_uri"
"""The attribute of a registration whose platform makes calls through our trunk: its domain."""


class PlatformField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a platform, or of an agent on it, in the configuration.

    Without a `default` a setting is required; the fields of agents are optional. `pattern` is a
    regular expression of the documented form of an id, and `pattern_words` says the same in words.
    `choices` are the values of the form `choice`. `instead_of_id`: an agent with this field has no
    `id`. `shares` says what each share of the form `split` names.
    """

    name: str
    form: Form
    description: str
    example: str
    default: str | None = None
    pattern: str = ""
    pattern_words: str = ""
    choices: tuple[str, ...] = ()
    instead_of_id: bool = False
    shares: Shares = "agents"

    @property
    def is_required(self) -> bool:
        """Return true when the configuration must have the field."""
        return self.default is None and self.form != "connections"


class PlatformAgent(msgspec.Struct, frozen=True):
    """An agent that runs on a platform, as far as its numbers need it.

    `id` is empty where another field replaces it. `fields` are the values of the agent's
    fields that only some platforms have, each as one text: countries sorted and separated by
    commas, a split as `format_split` writes it.
    """

    name: str
    platform: str
    id: str
    outbound_number: str | None = None
    fields: Mapping[str, str] = {}


class OwnTrunk(msgspec.Struct, frozen=True):
    """The declared trunk of a number on a platform: its name, its domain, whether it is encrypted,
    and the user name with which the platform makes calls through it (None where no credential is
    declared).
    """

    name: str
    domain: str
    secure: bool = False
    username: str | None = None


class PlatformNumber(msgspec.Struct, frozen=True):
    """The declaration of a Twilio number, as far as its platform needs it.

    `writes_sms`: the platform writes the SMS webhook of the number. `trunk`: a declared trunk takes
    its calls, and the platform writes nothing on Twilio. `region` is the region of its Twilio
    account with the edge, as `ie1/dublin`; empty where the account declares none.
    """

    inbound: bool = True
    outbound: bool = True
    writes_sms: bool = False
    trunk: OwnTrunk | None = None
    price: float | None = None
    has_label: bool = False
    region: str = ""


class Registering(msgspec.Struct, frozen=True):
    """The attributes of a number on its platform.

    `on_create` are sent with the import only. `caller_id`: the number that is the agent's
    `outbound_number` is linked for outgoing calls as well. `sends_label`: the platform gets the
    friendly name of the number.
    """

    attrs: Attrs
    on_create: Attrs = {}
    caller_id: bool = False
    sends_label: bool = False


Attributes = Callable[[PlatformNumber, PlatformAgent], Registering]


def agent_only(number: PlatformNumber, agent: PlatformAgent) -> Registering:
    """Return the attributes of a number that has only an agent on its platform."""
    attrs: dict[str, Value] = {"agent": agent.id}
    return Registering(attrs)


class PlatformKind(msgspec.Struct, frozen=True, kw_only=True):
    """One platform.

    `settings` are its fields below `platforms`, `agent_fields` those of its agents that no other
    platform has. `api_host` is the host of its API, or a pattern such as ``*.example.com``, and
    `regional_hosts` are those of other regions: keys go there without further consent. `sip_hosts`
    are the hosts of the origination URLs that lead to its agents, or patterns of them.
    `webhook_domains` are the domains of the webhooks that it sets.
    `overwrites` are the parts of a Twilio number that its import may write; all of them, where the
    documents do not specify it. `links` are the attributes of a registration that have their own
    call, `updates` those that an update changes, `replaces` those that need a delete and a new
    import. `unread` are attributes that its list may leave out: they count as declared when an
    existing registration is adopted. `bulk`: one call imports many numbers. `needs_token`: an
    import sends the account's auth token; an API key is not enough. `needs_login`: an import sends
    the auth token or the API key of the account. `needs_connection`: an import needs the platform's
    own id of the Twilio account.
    `keeps_login`: the platform keeps the credentials of an import and has no call that changes
    them, so others need a new import.
    `own_trunk`: whether a number may have a declared trunk, which is then written and watched as
    that of any number. `trunk_settings` are the settings that such a number needs; each is an
    attribute of its registration. `both_ways`: every number takes and makes calls. `by_trunk`: calls reach the
    platform by a trunk and not by webhooks, which a trunk or an application on the number would
    hide. `sms_switch` is the attribute that is true where the platform writes the SMS webhook.
    `twilio_zones` are the Twilio regions and edges that an import may name; empty where it names
    none. `pages`: the list has pages, which may miss a number when rows move between them. `manual`
    is the instruction for a person, for each missing capability.
    """

    type: str
    model_name: str
    title: str
    summary: str
    settings: tuple[PlatformField, ...]
    api_host: str
    can: frozenset[Capability]
    serves: frozenset[Serves]
    regional_hosts: tuple[str, ...] = ()
    sip_hosts: tuple[str, ...] = ()
    agent_fields: tuple[PlatformField, ...] = ()
    webhook_domains: tuple[str, ...] = ()
    overwrites: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    bulk: bool = False
    needs_token: bool = False
    needs_login: bool = False
    needs_connection: bool = False
    keeps_login: bool = False
    own_trunk: TrunkUse = "refused"
    trunk_settings: tuple[str, ...] = ()
    both_ways: bool = False
    by_trunk: bool = False
    sms_switch: str = ""
    twilio_zones: tuple[str, ...] = ()
    pages: bool = False
    manual: Mapping[Capability, str] = {}
    attributes: Attributes = agent_only

    @property
    def secret_settings(self) -> tuple[str, ...]:
        """Return the names of the settings that refer to secrets."""
        return tuple(field.name for field in self.settings if field.form == "secret")


def uses_own_trunk(attrs: Attrs) -> bool:
    """Return whether calls reach this registration by a declared trunk: its platform writes nothing
    on Twilio.
    """
    return TERMINATION_URI in attrs


def credential(default: str | None = None) -> PlatformField:
    """Return the setting that names the user of a declared trunk; required without a default."""
    return PlatformField(
        name="credential",
        form="credential",
        description="The user with which it makes calls through a declared trunk: LIST/USERNAME of "
        "a credential list of that trunk.",
        example="pbx/agents",
        default=default,
    )


def api_key(description: str = "API key.") -> PlatformField:
    """Return the setting with the key that authenticates every call."""
    return PlatformField(
        name="api_key", form="secret", description=description, example="PLATFORM_API_KEY"
    )


def base_url(default: str | None = None, example: str = "") -> PlatformField:
    """Return the setting with the address of the API; required without a default."""
    return PlatformField(
        name="base_url",
        form="url",
        description="Where its API is.",
        example=example or default or "",
        default=default,
    )


def connections(pattern: str = "", pattern_words: str = "") -> PlatformField:
    """Return the setting with the platform's own ids of Twilio accounts."""
    return PlatformField(
        name="connections",
        form="connections",
        description="Twilio account → the platform's own id of it (integration, provider, "
        "connection).",
        example="intg_a1b2c3d4e5f6",
        pattern=pattern,
        pattern_words=pattern_words,
    )
