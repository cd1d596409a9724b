"""Define the pydantic models of `agents`, `applications` and webhooks; read an agent's
platform-specific fields.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, create_model, model_validator

from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import (
    Country,
    Label,
    Labels,
    Method,
    OptionalUrl,
    Phone,
    Section,
    Text,
    Url,
    mandatory_field,
    optional_field,
)
from reconciler.config.sections.split import DeclaredShare, Version
from reconciler.kinds.platforms.kind import Form, PlatformField
from reconciler.kinds.platforms.split import Shares, format_split
from reconciler.kinds.platforms.table import PLATFORM_KINDS


class Hook(Section):
    """A URL that Twilio requests, and the URL that it requests when the first one fails."""

    url: Url = mandatory_field("The URL that Twilio requests.", "https://agents.example.com/voice")
    method: Method = optional_field("HTTP method.", "POST", default="POST")
    fallback_url: Url | None = optional_field(
        "The URL that Twilio requests when `url` fails.", "https://fallback.example.com/voice"
    )
    fallback_method: Method = optional_field(
        "HTTP method of `fallback_url`.", "POST", default="POST"
    )

    @model_validator(mode="after")
    def _fallback(self) -> Self:
        if "fallback_method" in self.model_fields_set and self.fallback_url is None:
            raise make_refusal(
                "missing_field",
                "`fallback_method` is the method of `fallback_url`, which is missing.",
            )
        return self


class StatusHook(Section):
    """A URL that Twilio notifies of the progress of calls; Twilio has no fallback for it."""

    url: Url = mandatory_field("The URL that Twilio notifies.", "https://agents.example.com/status")
    method: Method = optional_field("HTTP method.", "POST", default="POST")


def expand_hook(value: Any) -> Any:
    """Return the long form of a webhook; a text is its URL."""
    return {"url": value} if isinstance(value, str) else value


AnyHook = Annotated[Hook, BeforeValidator(expand_hook, json_schema_input_type=Hook | Url)]
AnyStatusHook = Annotated[
    StatusHook, BeforeValidator(expand_hook, json_schema_input_type=StatusHook | Url)
]


class Webhooks(Section):
    """The webhooks of a number. A webhook that is left out is cleared on the number."""

    voice: AnyHook | None = optional_field(
        "Webhook for incoming calls.", "https://agents.example.com/voice"
    )
    sms: AnyHook | None = optional_field(
        "Webhook for incoming messages.",
        {"url": "https://agents.example.com/sms", "method": "POST"},
    )
    status: AnyStatusHook | None = optional_field(
        "Webhook for the progress of calls.", "https://agents.example.com/status"
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise make_refusal(
                "missing_field", "No webhook is declared: add `voice`, `sms` or `status`."
            )
        return self


class AgentWebhooks(Webhooks):
    """The webhooks of an agent. A webhook that is left out is cleared on the agent's numbers."""

    recording_status: AnyStatusHook | None = optional_field(
        "Webhook for the progress of recordings. It is not written: a number has no such field on Twilio.",
        "https://agents.example.com/recording",
    )


_AGENT_FORMS: dict[Form, Any] = {
    "text": Text,
    "url": Url,
    "version": Version,
    "countries": list[Country],
    "split": Annotated[list[DeclaredShare], Field(min_length=1)],
}
"""Form of a field of agents → its type; a `choice` has its own."""

IN_PLACE_OF_ID = frozenset(
    field.name
    for kind in PLATFORM_KINDS.values()
    for field in kind.agent_fields
    if field.instead_of_id
)
"""The fields that may replace an agent's id on some platform."""


class Agent(Section):
    """The answer to calls: webhooks of your own, a TwiML application, or an agent on a platform."""

    platform: Text | None = optional_field("Name of the platform that runs the agent.", "nix")
    id: Text | None = optional_field("Id of the agent on that platform.", "agent_125207e452f8714a")
    webhooks: AgentWebhooks | None = optional_field(
        "Webhooks of the agent.", {"voice": "https://agents.example.com/voice"}
    )
    application: Text | None = optional_field(
        "A TwiML application: a name below `applications`, or an AP… SID.", "menu"
    )
    owner: Text | None = optional_field(
        "The project that owns the agent; numbers of another project cannot use it.", "acme-voice"
    )
    outbound_number: Phone | None = optional_field(
        "Caller id of the agent, on a platform that supports it.", "+15550100123"
    )
    labels: Labels = optional_field("Labels of your own.", {"team": "support"}, default={})

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = []
        for name in ("webhooks", "application", "platform"):
            if getattr(self, name) is not None:
                forms.append(name)

        if not forms:
            raise make_refusal(
                "missing_field",
                "An agent needs `webhooks`, or `application`, or `platform` and `id`.",
            )
        if len(forms) > 1:
            named = " and ".join(f"`{form}`" for form in forms)
            raise make_refusal(
                "conflicting_fields",
                f"An agent cannot have {named}: keep one, or declare two agents.",
            )

        # Which field may replace the id depends on the type of the platform, which the
        # cross checks know.
        has_id = self.id is not None or bool(IN_PLACE_OF_ID & self.model_fields_set)
        if (self.platform is None) != (not has_id):
            missing = "platform" if self.platform is None else "id"
            raise make_refusal(
                "missing_field", f"`platform` and `id` belong together; `{missing}` is missing."
            )
        return self


_SHARES: dict[Shares, Any] = {
    "agents": [{"id": "agent_a1b2c3", "version": 3, "weight": 1}],
    "branches": [{"branch": "agtbrch_a1b2c3", "percentage": 100}],
}
"""What the shares of a split name → an example of the split."""


def _example_of(field: PlatformField) -> Any:
    """Return an example of a field; the values of some forms are lists."""
    if field.form == "split":
        return _SHARES[field.shares]
    return ["GB", "US"] if field.form == "countries" else field.example


def _type_of(field: PlatformField) -> Any:
    """Return the type of a field of agents."""
    return Literal[field.choices] if field.form == "choice" else _AGENT_FORMS[field.form]


def _with_platform_fields(model: type[Agent]) -> type[Agent]:
    """Return the model of an agent with the fields that only some platforms add to it."""
    owners: dict[str, dict[str, str]] = {}
    described: dict[str, PlatformField] = {}
    for kind in PLATFORM_KINDS.values():
        for field in kind.agent_fields:
            owners.setdefault(field.name, {})[kind.title] = field.description
            described.setdefault(field.name, field)

    fields: dict[str, Any] = {}
    for name, field in described.items():
        text = f"{field.description} Only for an agent on {' or '.join(owners[name])}."
        if len(set(owners[name].values())) > 1:
            # One name, with a meaning of its own on each platform.
            text = " ".join(f"{title}: {words}" for title, words in owners[name].items())
        fields[name] = (_type_of(field) | None, optional_field(text, _example_of(field)))

    if not fields:
        return model
    return create_model(
        "Agent", __base__=model, __doc__=model.__doc__, __module__=__name__, **fields
    )


if TYPE_CHECKING:
    AnyAgent = Agent
else:
    AnyAgent = _with_platform_fields(Agent)


def read_platform_fields(agent: Agent) -> dict[str, str]:
    """Return the set fields of an agent that only some platforms have, each as one text."""
    values: dict[str, str] = {}
    for kind in PLATFORM_KINDS.values():
        for field in kind.agent_fields:
            value = getattr(agent, field.name, None)
            if value is not None:
                values[field.name] = _to_text(field.form, value)
    return values


def _to_text(form: Form, value: Any) -> str:
    """Return the one text of a value, which plans compare."""
    if form == "countries":
        return ",".join(sorted(set(value)))
    if form == "split":
        return format_split([share.to_share() for share in value])
    return str(value)


class Application(Section):
    """A TwiML application that this configuration manages."""

    account: Text | None = optional_field("Name of its Twilio account.", "main")
    friendly_name: Label | None = optional_field("Its label on Twilio.", "Menu")
    voice: AnyHook | None = optional_field(
        "Webhook for incoming calls.", "https://agents.example.com/menu"
    )
    sms: AnyHook | None = optional_field(
        "Webhook for incoming messages.", "https://agents.example.com/menu-sms"
    )
    status: AnyStatusHook | None = optional_field(
        "Webhook for the progress of calls.", "https://agents.example.com/status"
    )
    message_status_callback: OptionalUrl | None = optional_field(
        "URL for the progress of messages that the application sends; `none`: it has none. Managed "
        "only when declared.",
        "https://agents.example.com/message-status",
    )
    sms_status_callback: OptionalUrl | None = optional_field(
        "Twilio's older name of `message_status_callback`, a field of its own; `none`: it has none. "
        "Managed only when declared.",
        "https://agents.example.com/sms-status",
    )
    caller_id_lookup: bool | None = optional_field(
        "Whether Twilio looks up the name of each caller, at a price for each call. Managed only "
        "when declared.",
        True,
    )
    public_application_connect: bool | None = optional_field(
        "Whether other Twilio accounts may dial the application. Managed only when declared.", False
    )
    on_removal: Literal["delete", "keep"] = optional_field(
        "Once the application is no longer declared: delete it (if the reconciler created it and nothing uses it), or "
        "keep it.",
        "keep",
        default="delete",
    )
    protect: bool = optional_field(
        "Refuse plans that forget or delete the application.", True, default=False
    )
