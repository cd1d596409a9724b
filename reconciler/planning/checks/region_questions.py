"""Define the questions about regions, the facts that answer them, and the errors for wrong regions; pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.model.position import Position

HOME = "us1"
"""The region that is managed where an account declares none."""

RoutedId = tuple[str, str]
"""A number as (account, E.164), or a trunk as (account, domain)."""


class RegionQuestion(msgspec.Struct, frozen=True):
    """The question which region answers a number, or a trunk. `managed` is the region of its
    account.

    `key` is the E.164 of the number, or the domain of the trunk. `sampled`: the account declares no
    region, so an unknown answer is no problem. `calls`: its calls are managed; `messages`: its
    messages are, and their region can be read.
    """

    account: str
    key: str
    sid: str
    managed: str
    sampled: bool = False
    calls: bool = True
    messages: bool = False

    @property
    def routed_id(self) -> RoutedId:
        """Return the number or trunk as (account, key)."""
        return self.account, self.key

    @property
    def is_trunk(self) -> bool:
        """Return true for a trunk: a domain never starts like an E.164."""
        return not self.key.startswith("+")


class RegionFacts(msgspec.Struct, frozen=True):
    """The region of every number and trunk whose region is known, and a warning for each account that does
    not report it. `messages` are the regions that handle the messages of numbers.
    """

    regions: Mapping[RoutedId, str] = {}
    messages: Mapping[RoutedId, str] = {}
    problems: tuple[Diagnostic, ...] = ()


def region_mismatch(
    address: str, question: RegionQuestion, region: str, place: Position | None
) -> Diagnostic:
    """Return the error that another region than the managed one answers a number or a trunk."""
    sort = "trunk" if question.is_trunk else "number"
    calls = f"Calls of trunk {question.key}" if question.is_trunk else f"Calls to {question.key}"
    detail = (
        f"{calls} are answered in `{region}`, and account `{question.account}` "
        f"manages `{question.managed}`: the settings here have no effect on them. Route the {sort} "
        f"to `{question.managed}` (in the console, or `voice_region` of Twilio's Routes API; it "
        f"takes up to five minutes), or manage it by an account with `region: {region}` and "
        "credentials of that region."
    )
    return Diagnostic.at(
        place,
        code="wrong_region",
        summary=f"The {sort} is answered in another region",
        detail=detail,
        address=address,
    )


def messages_mismatch(
    address: str, question: RegionQuestion, region: str, place: Position | None
) -> Diagnostic:
    """Return the error that another region than the managed one handles a number's messages."""
    detail = (
        f"Messages of {question.key} are handled in `{region}`, and account `{question.account}` "
        f"manages `{question.managed}`: the settings here have no effect on them. Set its messaging "
        f"region to `{question.managed}` (`messagingRegion` of Twilio's Routes API, version 3; take "
        "it out of its messaging service before), or leave its messages alone with "
        "`manage: [voice, status]`."
    )
    return Diagnostic.at(
        place,
        code="wrong_region",
        summary="The messages of the number are handled in another region",
        detail=detail,
        address=address,
    )
