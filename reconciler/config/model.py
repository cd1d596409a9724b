"""The configuration file as one pydantic model: the sections put together; the source of its JSON Schema."""

from typing import Annotated, Literal

from pydantic import Field

from reconciler.config.fields import (
    NUMBER_KEY,
    Name,
    Part,
    ProjectName,
    Quota,
    SecretReference,
    SecretReferences,
    Section,
    State,
    Takeover,
    Text,
    optional,
    required,
)
from reconciler.config.sections.account import Account
from reconciler.config.sections.agent import Agent, AnyHook, Application
from reconciler.config.sections.number import AnyBridgeNumber, AnyNumber, Handling
from reconciler.config.sections.platform import Platform
from reconciler.config.sections.policy import Lint, Policy
from reconciler.config.sections.trunk import Trunk

NumberKey = Annotated[str, Field(pattern=NUMBER_KEY)]


class NumberDefaults(Handling):
    """What numbers do that say nothing else."""

    manage: list[Part] = optional(
        "Which parts of numbers are ours.", ["voice", "sms", "status"], default=["voice", "sms", "status"]
    )


class BridgeDefaults(Handling):
    """What bridge numbers do that say nothing else."""

    voice: AnyHook | None = optional("Voice webhook of all bridge numbers.", "https://agents.example.com/bridge")


class Defaults(Section):
    """What resources say that say nothing themselves."""

    account: Text | None = optional("The Twilio account of resources that name none.", "main")
    numbers: NumberDefaults = Field(
        default_factory=NumberDefaults, description="Defaults of `numbers`.", examples=[{"on_removal": "restore"}]
    )
    bridge_numbers: BridgeDefaults = Field(
        default_factory=BridgeDefaults,
        description="Defaults of `bridge_numbers`.",
        examples=[{"voice": "https://agents.example.com/bridge"}],
    )


class Safety(Section):
    """What a plan may do without being asked twice."""

    takeover: Takeover = optional(
        "Whether an import may overwrite what somebody else put on a number.", "refuse", default="refuse"
    )
    max_updates: Quota = optional(
        "Most changes to bound resources of a kind: a number, or a share; it counts from 10 bound resources on.",
        "30%",
        default="30%",
        validate_default=True,
    )
    max_removals: Quota = optional(
        "Most removals of bound resources of a kind: a number, or a share; it counts from 10 bound resources on.",
        5,
        default="30%",
        validate_default=True,
    )


class Header(Section):
    """What stands at the top of the entry file."""

    version: Literal[1] = required("Version of this format.", 1)
    project: ProjectName = required("Name of this stack in state, locks and reports.", "acme-voice")
    state: State = optional("Where state is kept: a file, or a URL.", "s3://bucket/state.json", default="./state.json")
    fingerprint_key: SecretReference | None = optional(
        "Key by which changed secrets are recognised without being stored.", {"env": "FINGERPRINT_KEY"}
    )
    encryption_key: SecretReferences | None = optional(
        "Key that encrypts state and saved plans; of several, the first encrypts and all decrypt.",
        {"env": "RECONCILER_ENCRYPTION_KEY"},
    )


class Config(Header):
    """A configuration of the reconciler: Twilio phone numbers, trunks, bridge numbers, and the agents that answer."""

    include: Text | list[Text] = optional("Other files, by glob, relative to this one.", ["numbers/*.yaml"], default=[])
    accounts: dict[Name, Account] = optional(
        "Twilio accounts by name; without any, `default` comes from the TWILIO_* variables.",
        {"main": {"sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "auth_token": {"env": "TWILIO_AUTH_TOKEN"}}},
        default={},
    )
    platforms: dict[Name, Platform] = optional(
        "Voice-AI platforms by name.", {"nix": {"type": "nixflex", "api_key": {"env": "NIXFLEX_KEY"}}}, default={}
    )
    agents: dict[Name, Agent] = optional(
        "Who answers, by name.", {"support": {"webhooks": {"voice": "https://agents.example.com/voice"}}}, default={}
    )
    applications: dict[Name, Application] = optional(
        "TwiML applications by name.", {"menu": {"voice": "https://agents.example.com/menu"}}, default={}
    )
    trunks: dict[Name, Trunk] = optional(
        "SIP trunks by name.", {"edge": {"domain": "acme-edge.pstn.twilio.com"}}, default={}
    )
    numbers: dict[NumberKey, AnyNumber] = optional(
        "Numbers, by E.164 (in quotes) or SID.", {"+15550100123": "support"}, default={}
    )
    bridge_numbers: dict[NumberKey, AnyBridgeNumber] = optional(
        "Bridge numbers for warm transfers, by E.164 (in quotes) or SID.",
        {"+15550100200": {"voice": "https://agents.example.com/bridge"}},
        default={},
    )
    defaults: Defaults = Field(
        default_factory=Defaults,
        description="Values for resources that do not say their own.",
        examples=[{"account": "main"}],
    )
    safety: Safety = Field(
        default_factory=Safety,
        description="Limits of what one plan may do.",
        examples=[{"max_updates": "30%"}],
    )
    lint: Lint = Field(
        default_factory=Lint,
        description="Which rules `lint` looks at, and how much each counts.",
        examples=[{"disable": ["missing_fallback"]}],
    )
    policies: dict[Name, Policy] = optional(
        "Rules of your own, by name.",
        {"owned": {"kinds": ["number"], "schema": {"required": ["labels"]}, "message": "Say whose it is."}},
        default={},
    )
