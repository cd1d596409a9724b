"""Define the pydantic model of `messaging_services`."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from reconciler.config.sections.agent import expand_hook
from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import (
    Label,
    Method,
    Section,
    Text,
    Url,
    mandatory_field,
    optional_field,
)

Validity = Annotated[int, Field(ge=1, le=36_000)]


class MessageHook(Section):
    """A URL that Twilio requests for messages, and its method."""

    url: Url = mandatory_field("The URL that Twilio requests.", "https://agents.example.com/sms")
    method: Method = optional_field("HTTP method.", "POST", default="POST")


AnyMessageHook = Annotated[
    MessageHook, BeforeValidator(expand_hook, json_schema_input_type=MessageHook | Url)
]


class MessagingService(Section):
    """A messaging service that this configuration manages.

    Numbers name it themselves: `messaging_service` of a number.
    """

    account: Text | None = optional_field("Name of its Twilio account.", "main")
    friendly_name: Label | None = optional_field("Its label on Twilio.", "Alerts")
    inbound: AnyMessageHook | None = optional_field(
        "Webhook for messages to all numbers of the service.", "https://agents.example.com/sms"
    )
    use_number_webhook: bool = optional_field(
        "Messages go to the webhook of each number, not to one of the service.",
        True,
        default=False,
    )
    fallback: AnyMessageHook | None = optional_field(
        "Webhook for messages when `inbound` fails.", "https://fallback.example.com/sms"
    )
    status: Url | None = optional_field(
        "URL that Twilio notifies of the delivery of messages.",
        "https://agents.example.com/sms-status",
    )
    sticky_sender: bool | None = optional_field(
        "A recipient gets all messages from the same number.", True
    )
    mms_converter: bool | None = optional_field(
        "Media is sent as a link where the recipient cannot receive it.", True
    )
    smart_encoding: bool | None = optional_field(
        "Characters are replaced by similar ones that need fewer message segments.", True
    )
    scan_message_content: Literal["inherit", "enable", "disable"] | None = optional_field(
        "Whether Twilio scans the content of messages.", "inherit"
    )
    area_code_geomatch: bool | None = optional_field(
        "The sender has the area code of the recipient, if one has.", True
    )
    validity_period: Validity | None = optional_field(
        "Seconds for which an unsent message stays valid.", 14_400
    )
    usecase: (
        Literal["notifications", "marketing", "verification", "discussion", "poll", "undeclared"]
        | None
    ) = optional_field("What the messages are for.", "notifications")
    on_removal: Literal["delete", "keep"] = optional_field(
        "Once the service is no longer declared: delete it (if the reconciler created it and it has no "
        "senders left), or keep it.",
        "keep",
        default="delete",
    )
    protect: bool = optional_field(
        "Refuse plans that forget or delete the service.", True, default=False
    )

    @model_validator(mode="after")
    def _one_route(self) -> Self:
        for name in ("inbound", "fallback"):
            if self.use_number_webhook and getattr(self, name) is not None:
                raise make_refusal(
                    "conflicting_fields",
                    f"With `use_number_webhook: true` Twilio asks the webhook of the number, and never "
                    f"`{name}`. Keep one of the two.",
                )
        return self
