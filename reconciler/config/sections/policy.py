"""Define the pydantic models of `lint` (levels of the lint rules) and `policies` (rules of the
user, as JSON Schemas).
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from reconciler.config.advice.spelling import nearest_option
from reconciler.config.lint_rules import RULES, Level
from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import Section, Text, mandatory_field, optional_field


def _rule(value: str) -> str:
    if value not in RULES:
        near = nearest_option(value, RULES)
        hint = f"Did you mean `{near}`?" if near else "`reconciler lint --rules` lists them."
        raise make_refusal("invalid_value", f"There is no such rule. {hint}")
    return value


RuleId = Annotated[str, AfterValidator(_rule), Field(json_schema_extra={"enum": sorted(RULES)})]


LONGEST_MESSAGE = 1000
"""Characters: the message is repeated for every violation."""


def _message(value: str) -> str:
    if len(value) > LONGEST_MESSAGE:
        raise make_refusal(
            "invalid_value", f"A message has at most {LONGEST_MESSAGE:,} characters."
        )
    return value


Message = Annotated[
    Text, AfterValidator(_message), Field(json_schema_extra={"maxLength": LONGEST_MESSAGE})
]


class Lint(Section):
    """Disabled lint rules, and rules with another level."""

    disable: list[RuleId] = optional_field("Disabled rules.", ["missing_fallback"], default=[])
    level: dict[RuleId, Level] = optional_field(
        "Levels of single rules. `lint` alone shows `info`; `plan` and `apply` refuse a violated rule of level `error`.",
        {"insecure_url": "error"},
        default={},
    )


class Policy(Section):
    """A rule of your own: a JSON Schema that resources must match."""

    kinds: list[
        Literal[
            "number",
            "bridge_number",
            "agent",
            "application",
            "messaging_service",
            "trunk",
            "origination_url",
            "action",
        ]
    ] = optional_field(
        "The checked kinds; `action` checks the actions of a plan.", ["number"], default=["number"]
    )
    match: Text = optional_field(
        "Glob of the addresses that are checked.", "number/+44*", default="*"
    )
    rule: dict[str, Any] = mandatory_field(
        "The JSON Schema.", {"required": ["labels"]}, alias="schema"
    )
    message: Message | None = optional_field(
        "Message of a violation.", "Every number has the label `team`."
    )
    level: Level = optional_field(
        "Level of a violation; `plan` and `apply` refuse `error`.", "error", default="error"
    )
