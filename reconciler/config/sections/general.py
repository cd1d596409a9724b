"""The sections that every configuration may have, whatever else is in it, and what stands at the
top of the file.
"""

from typing import Literal

from pydantic import Field

from reconciler.config.sections.agent import AnyHook
from reconciler.config.sections.fields import (
    Count,
    Part,
    ProjectName,
    Quota,
    SecretReference,
    SecretReferences,
    Section,
    State,
    Takeover,
    Text,
    mandatory_field,
    optional_field,
)
from reconciler.config.sections.number import Amount, Handling
from reconciler.planning.checks.limits import MAX_PURCHASES


class NumberDefaults(Handling):
    """What numbers do that say nothing else."""

    manage: list[Part] = optional_field(
        "Which parts of numbers are ours.",
        ["voice", "sms", "status"],
        default=["voice", "sms", "status"],
    )


class BridgeDefaults(Handling):
    """What bridge numbers do that say nothing else."""

    voice: AnyHook | None = optional_field(
        "Voice webhook of all bridge numbers.", "https://agents.example.com/bridge"
    )


class Defaults(Section):
    """What resources say that say nothing themselves."""

    account: Text | None = optional_field("The Twilio account of resources that name none.", "main")
    numbers: NumberDefaults = Field(
        default_factory=NumberDefaults,
        description="Defaults of `numbers`.",
        examples=[{"on_removal": "restore"}],
    )
    bridge_numbers: BridgeDefaults = Field(
        default_factory=BridgeDefaults,
        description="Defaults of `bridge_numbers`.",
        examples=[{"voice": "https://agents.example.com/bridge"}],
    )


class Safety(Section):
    """What a plan may do without being asked twice."""

    takeover: Takeover = optional_field(
        "Whether an import may overwrite what somebody else put on a number.",
        "refuse",
        default="refuse",
    )
    max_updates: Quota = optional_field(
        "Most changes to bound resources of a kind: a number, or a share; it counts from 10 bound resources on.",
        "30%",
        default="30%",
        validate_default=True,
    )
    max_removals: Quota = optional_field(
        "Most removals of bound resources of a kind: a number, or a share; it counts from 10 bound resources on.",
        5,
        default="30%",
        validate_default=True,
    )
    max_purchases: Count = optional_field(
        "Most numbers that one run buys; neither `--force` nor `--allow-purchase` lifts it.",
        25,
        default=MAX_PURCHASES,
    )
    max_spend: Amount | None = optional_field(
        "Most that the numbers that one run buys may cost a month together; neither `--force` nor `--allow-purchase` "
        "lifts it.",
        {"amount": 50, "currency": "USD"},
    )
    state_secrets: Literal["warn", "allow", "refuse"] = optional_field(
        "Before a URL with a password or a token goes into a state that is not encrypted.",
        "refuse",
        default="warn",
    )


class Move(Section):
    """A resource that got another name here; it stays the same one on Twilio."""

    source: Text = mandatory_field("Its old address.", "trunk/edge", validation_alias="from")
    target: Text = mandatory_field("Its new address.", "trunk/edge-eu", validation_alias="to")


class Header(Section):
    """What stands at the top of the entry file."""

    version: Literal[1] = mandatory_field("Version of this format.", 1)
    project: ProjectName = mandatory_field(
        "Name of this stack in state, locks and reports.", "acme-voice"
    )
    state: State = optional_field(
        "Where state is kept: a file, or a URL.", "s3://bucket/state.json", default="./state.json"
    )
    fingerprint_key: SecretReference | None = optional_field(
        "Key by which changed secrets are recognised without being stored.",
        {"env": "FINGERPRINT_KEY"},
    )
    encryption_key: SecretReferences | None = optional_field(
        "Key that encrypts state and saved plans; of several, the first encrypts and all decrypt.",
        {"env": "RECONCILER_ENCRYPTION_KEY"},
    )
