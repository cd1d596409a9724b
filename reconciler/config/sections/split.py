"""Define the pydantic model of `split`, the division of the calls of one agent, and return it as
the values that plans compare.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from reconciler.config.sections.checks import make_refusal
from reconciler.config.sections.fields import Section, Text, optional_field
from reconciler.kinds.platforms.split import Share

_Weight = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
_Percentage = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]

Version = int | Text
"""A whole number, or a tag such as `prod`."""


class DeclaredShare(Section):
    """One share of the calls: an agent with its weight, or a branch with its percentage."""

    id: Text | None = optional_field("Id of the agent.", "agent_a1b2c3")
    version: Version | None = optional_field("Version of the agent: a number or a tag.", 3)
    weight: _Weight | None = optional_field("Its share of the calls; the sum is 1.", 0.9)
    branch: Text | None = optional_field("Id of the branch of the agent.", "agtbrch_a1b2c3")
    percentage: _Percentage | None = optional_field("Its share of the calls; the sum is 100.", 90)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        by_agent = self.id is not None and self.weight is not None
        by_branch = self.branch is not None and self.percentage is not None
        if not by_agent and not by_branch:
            raise make_refusal(
                "missing_field", "A share needs `id` and `weight`, or `branch` and `percentage`."
            )

        agent_fields = (self.id, self.version, self.weight)
        branch_fields = (self.branch, self.percentage)
        is_mixed = any(value is not None for value in (branch_fields if by_agent else agent_fields))
        if is_mixed:
            raise make_refusal(
                "conflicting_fields",
                "A share has `id`, `version` and `weight`, or `branch` and `percentage`. Keep one form.",
            )
        return self

    def to_share(self) -> Share:
        """Return the share as a value."""
        version = None if self.version is None else str(self.version)
        return Share(
            id=self.id,
            version=version,
            weight=self.weight,
            branch=self.branch,
            percentage=self.percentage,
        )
