"""Take SMS out of the declarations of numbers that cannot receive messages, and report a declared
voice that cannot have an effect; pure.

| declared    | on a number that            | decision                                                          |
|-------------|-----------------------------|-------------------------------------------------------------------|
| messages    | cannot receive messages     | they are left as they are, with a note: Twilio refuses them (21407) |
| messages    | has the same value already  | nothing                                                           |
| a voice     | cannot receive calls        | an error: no caller would reach the route                         |
| a voice     | receives faxes, or is to    | an error: Twilio uses the voice settings for faxes                |

A number that receives faxes and declares `receive_mode: voice` is made to receive calls.

Source: https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number_fields import RECEIVE_MODE
from reconciler.model.desired import Desired, Profile
from reconciler.model.identity_map import IdentityMap, list_distinct
from reconciler.model.live import Live
from reconciler.planning.decide.live_values import live_value
from reconciler.planning.identity.observed import Observed

_MOST_NAMED = 5
"""The most numbers that the note about messages names."""


def leave_messages(
    desired: Sequence[Desired], observed: Observed
) -> tuple[Sequence[Desired], list[Diagnostic]]:
    """Take the messages out of the declarations of numbers that cannot receive any.

    Return the declarations, and at most one note about all of these numbers.
    """
    # Most accounts have no such number: one pass over the live ones ends the work.
    live_numbers = chain.from_iterable(found.values() for found in observed.numbers.values())
    if all(live.can_text for live in live_numbers):
        return desired, []

    voice_only: IdentityMap[Profile] = IdentityMap()
    has_messages = False
    for profile in list_distinct(declared.profile for declared in desired):
        if profile.attrs.get("sms") is not None:
            voice_only.put(_without_messages(profile), profile)
            has_messages = True
    if not has_messages:
        return desired, []

    kept: list[Desired] = []
    without: list[tuple[Desired, Live]] = []
    for declared in desired:  # hot path: once for each declared resource
        profile_without = voice_only.get(declared.profile)
        live = None
        if profile_without is not None:
            live = observed.number(declared.profile.account, declared.key)
        if live is None or live.can_text:
            kept.append(declared)
            continue

        # A value that is there already is managed as usual, so that it can be changed and released.
        if live_value(live, "sms") == declared.profile.attrs["sms"]:
            kept.append(declared)
            continue
        kept.append(msgspec.structs.replace(declared, profile=profile_without or declared.profile))
        without.append((declared, live))
    return kept, [_messages_note(without)] if without else []


def find_voice_problem(declared: Desired, address: str, live: Live | None) -> Diagnostic | None:
    """Return an error when the declared voice cannot have an effect on this number.

    `live` is None for a number that is yet to be bought.
    """
    if declared.profile.attrs.get("voice") is None:
        return None

    if live is not None and not live.can_call:
        return Diagnostic.at(
            declared.position,
            code="number_cannot_call",
            summary="The number cannot receive calls",
            detail=f"Twilio reports that {live.key} has no voice, so no call reaches the declared route. Leave its "
            "calls alone with `manage: [sms, status]`, or give it an agent without `voice`.",
            address=address,
        )

    # A declared mode counts: it is written together with the voice.
    mode = declared.profile.attrs.get(RECEIVE_MODE)
    is_left_fax = mode is None and live is not None and live.receives_fax
    if not is_left_fax and mode != "fax":
        return None

    fact, cure = "is declared with", "Declare"
    if is_left_fax:
        fact, cure = "has", "Let apply change it with"
    return Diagnostic.at(
        declared.position,
        code="number_receives_fax",
        summary="The number receives faxes",
        detail=f"{live.key if live is not None else declared.key} {fact} the receive mode `fax`, so Twilio takes each "
        f"call as a fax. {cure} `receive_mode: voice`, or leave its calls alone with `manage: [sms, status]`.",
        address=address,
    )


def _messages_note(without: Sequence[tuple[Desired, Live]]) -> Diagnostic:
    """Return the note about the numbers whose declared messages are left out."""
    named = ", ".join(live.key for _, live in without[:_MOST_NAMED])
    more = len(without) - _MOST_NAMED
    if more > 0:
        named += f" and {more:,} more"
    fact = f"{named} cannot receive messages, so its declared SMS is not written."
    if len(without) > 1:
        fact = (
            f"{len(without):,} numbers cannot receive messages, so their declared SMS is not written: "
            f"{named}."
        )

    first = without[0][0]
    return Diagnostic.at(
        first.position,
        severity="info",
        code="number_cannot_text",
        summary="Messages left out",
        detail=f"{fact} With `manage: [voice, status]` this note goes away.",
        address=first.address if len(without) == 1 else None,
    )


def _without_messages(profile: Profile) -> Profile:
    attrs = {name: value for name, value in profile.attrs.items() if name != "sms"}
    return msgspec.structs.replace(profile, attrs=attrs)
