"""Define the pydantic model of a fleet file, which lists the stacks that one command runs."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import (
    Name,
    Section,
    Text,
    mandatory_field,
    optional_field,
)

MOST_PARALLEL = 64
"""The most stacks that one machine runs at the same time."""

_Parallel = Annotated[int, Field(ge=1, le=MOST_PARALLEL)]
_Failures = Annotated[int, Field(ge=1)]


class ForEach(Section):
    """The rows from which one configuration is made for many accounts."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["file"]}, {"required": ["subaccounts_of"]}]}
    )

    file: Text | None = optional_field(
        "CSV or YAML file, relative to this file. A CSV file names its columns in the first row; "
        "column `name` names the stack. A YAML file maps names to values.",
        "customers.csv",
    )
    subaccounts_of: Name | None = optional_field(
        "An account of `configuration`: each active subaccount of it becomes a stack. The columns "
        "are `name`, `sid`, `id` and `friendly_name`.",
        "main",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.subaccounts_of is None):
            code = "missing_field" if self.file is None else "conflicting_fields"
            raise make_refusal(
                code, "`for_each` takes its rows from `file` or from `subaccounts_of`: name one."
            )
        return self


class FleetFile(Section):
    """The stacks of a fleet, and how many of them run at the same time."""

    version: Literal[1] = mandatory_field("Version of the format.", 1)
    stacks: list[Text] = optional_field(
        "Entry files, or patterns of them, relative to this file.",
        ["customers/*/reconciler.yaml"],
        default=[],
    )
    for_each: ForEach | None = optional_field(
        "One stack for each row of a file, or each subaccount; the columns become variables.",
        {"file": "customers.csv"},
    )
    configuration: Text = optional_field(
        "The entry file of the stacks of `for_each`, relative to this file.",
        "customer.yaml",
        default="reconciler.yaml",
    )
    parallel: _Parallel = optional_field("The most stacks that run at the same time.", 8, default=4)
    stop_after_failures: _Failures | None = optional_field(
        "Start no further stack once so many have failed.", 10
    )

    @model_validator(mode="after")
    def _some_stacks(self) -> Self:
        if not self.stacks and self.for_each is None:
            raise make_refusal("missing_field", "A fleet needs `stacks`, or `for_each`, or both.")
        if "configuration" in self.model_fields_set and self.for_each is None:
            raise make_refusal(
                "missing_field", "`configuration` belongs to `for_each`, which is missing."
            )
        return self
