"""Define the whole configuration file as one pydantic model, the source of its JSON Schema."""

from pydantic import Field

from reconciler.config.sections.account import Account
from reconciler.config.sections.agent import AnyAgent, Application
from reconciler.config.sections.fields import Name, Text, optional_field
from reconciler.config.sections.general import Defaults, Header, Move, Safety, Variable
from reconciler.config.sections.messaging_service import MessagingService
from reconciler.config.sections.number import (
    AnyBridgeNumber,
    AnyNumber,
    NumberFile,
    NumberGroup,
    NumberKey,
)
from reconciler.config.sections.platform import Platform
from reconciler.config.sections.policy import Lint, Policy
from reconciler.config.sections.trunk import Trunk


class Config(Header):
    """A configuration of the reconciler: Twilio phone numbers, trunks, bridge numbers, and the
    agents that answer.
    """

    include: Text | list[Text] = optional_field(
        "Globs of further files, relative to this file.", ["numbers/*.yaml"], default=[]
    )
    variables: dict[Name, Variable] = optional_field(
        "Values for `${NAME}` in the strings of all files; in the entry file only.",
        {"host": {"default": "agents.example.com"}},
        default={},
    )
    accounts: dict[Name, Account] = optional_field(
        "Twilio accounts by name. Without this section, the account `default` comes from the TWILIO_* variables.",
        {
            "main": {
                "sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "auth_token": {"env": "TWILIO_AUTH_TOKEN"},
            }
        },
        default={},
    )
    platforms: dict[Name, Platform] = optional_field(
        "Voice-AI platforms by name.",
        {"nix": {"type": "nixflex", "api_key": {"env": "NIXFLEX_KEY"}}},
        default={},
    )
    agents: dict[Name, AnyAgent] = optional_field(
        "Agents by name.",
        {"support": {"webhooks": {"voice": "https://agents.example.com/voice"}}},
        default={},
    )
    applications: dict[Name, Application] = optional_field(
        "TwiML applications by name.",
        {"menu": {"voice": "https://agents.example.com/menu"}},
        default={},
    )
    messaging_services: dict[Name, MessagingService] = optional_field(
        "Messaging services by name.",
        {"alerts": {"inbound": "https://agents.example.com/sms"}},
        default={},
    )
    trunks: dict[Name, Trunk] = optional_field(
        "SIP trunks by name.", {"edge": {"domain": "acme-edge.pstn.twilio.com"}}, default={}
    )
    numbers: dict[NumberKey, AnyNumber] = optional_field(
        "Numbers, by E.164 (in quotes) or SID.", {"+15550100123": "support"}, default={}
    )
    number_groups: list[NumberGroup] = optional_field(
        "Groups of numbers that are declared alike.",
        [{"numbers": ["+15550100101", "+15550100102"], "agent": "support"}],
        default=[],
    )
    numbers_from: list[NumberFile] = optional_field(
        "CSV files of numbers.", [{"file": "numbers.csv"}], default=[]
    )
    bridge_numbers: dict[NumberKey, AnyBridgeNumber] = optional_field(
        "Bridge numbers for warm transfers, by E.164 (in quotes) or SID.",
        {"+15550100200": {"voice": "https://agents.example.com/bridge"}},
        default={},
    )
    moved: list[Move] = optional_field(
        "New names of trunks, applications, messaging services and agents.",
        [{"from": "trunk/edge", "to": "trunk/edge-eu"}],
        default=[],
    )
    defaults: Defaults = Field(
        default_factory=Defaults,
        description="Values of resources that do not declare their own.",
        examples=[{"account": "main"}],
    )
    safety: Safety = Field(
        default_factory=Safety,
        description="Limits of what one plan may do without further consent.",
        examples=[{"max_updates": "30%"}],
    )
    lint: Lint = Field(
        default_factory=Lint,
        description="Levels of the lint rules.",
        examples=[{"disable": ["missing_fallback"]}],
    )
    policies: dict[Name, Policy] = optional_field(
        "Rules of your own, by name.",
        {
            "owned": {
                "kinds": ["number"],
                "schema": {"required": ["labels"]},
                "message": "Every number needs labels.",
            }
        },
        default={},
    )
