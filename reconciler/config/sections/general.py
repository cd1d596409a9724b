"""Define the pydantic models of the keys at the top of the entry file (`Header`), and of
`defaults`, `safety` and `moved`.
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
    """Defaults of numbers."""

    manage: list[Part] = optional_field(
        "The managed parts of numbers.",
        ["voice", "sms", "status"],
        default=["voice", "sms", "status"],
    )


class BridgeDefaults(Handling):
    """Defaults of bridge numbers."""

    voice: AnyHook | None = optional_field(
        "Voice webhook of all bridge numbers.", "https://agents.example.com/bridge"
    )


class Defaults(Section):
    """Default values, by section of the configuration."""

    account: Text | None = optional_field(
        "The Twilio account of resources without `account`.", "main"
    )
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
    """Limits of a plan, and the handling of takeovers and of secrets in the state."""

    takeover: Takeover = optional_field(
        "`allow`: an import may overwrite values of somebody else on a number.",
        "refuse",
        default="refuse",
    )
    max_updates: Quota = optional_field(
        "Most changes of bound resources of one kind, as a count or a share. The limit applies from 10 bound resources on.",
        "30%",
        default="30%",
        validate_default=True,
    )
    max_removals: Quota = optional_field(
        "Most removals of bound resources of one kind, as a count or a share. The limit applies from 10 bound resources on.",
        5,
        default="30%",
        validate_default=True,
    )
    max_purchases: Count = optional_field(
        "Most numbers that one run buys. Neither `--force` nor `--allow-purchase` lifts this limit.",
        25,
        default=MAX_PURCHASES,
    )
    max_spend: Amount | None = optional_field(
        "Highest monthly cost of all numbers that one run buys. Neither `--force` nor `--allow-purchase` lifts this "
        "limit.",
        {"amount": 50, "currency": "USD"},
    )
    state_secrets: Literal["warn", "allow", "refuse"] = optional_field(
        "URLs with a password or a token in a state without encryption: warn, allow or refuse.",
        "refuse",
        default="warn",
    )


class Move(Section):
    """A new name of a resource, which stays the same resource on Twilio."""

    source: Text = mandatory_field("Old address.", "trunk/edge", validation_alias="from")
    target: Text = mandatory_field("New address.", "trunk/edge-eu", validation_alias="to")


class Variable(Section):
    """A variable, whose value replaces `${NAME}` in the strings of all files."""

    default: str | None = optional_field(
        "Value when neither the command line nor the environment gives one.", "agents.example.com"
    )
    description: Text | None = optional_field(
        "What the variable is for.", "Host of the agents' webhooks."
    )


class Header(Section):
    """The fields at the top of the entry file."""

    version: Literal[1] = mandatory_field("Version of this format.", 1)
    project: ProjectName = mandatory_field(
        "Name of the project in its state, locks and reports.", "acme-voice"
    )
    state: State = optional_field(
        "Location of the state: a file or a URL.", "s3://bucket/state.json", default="./state.json"
    )
    fingerprint_key: SecretReference | None = optional_field(
        "Key for the fingerprints that recognise a changed secret without storing the secret.",
        {"env": "FINGERPRINT_KEY"},
    )
    encryption_key: SecretReferences | None = optional_field(
        "Key that encrypts state and saved plans. With several keys, the first one encrypts and all decrypt.",
        {"env": "RECONCILER_ENCRYPTION_KEY"},
    )
