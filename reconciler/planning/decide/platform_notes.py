"""Build the warnings about the registrations of a plan, each once for a platform: the steps that a
person has to take there, and numbers that are not answered for a while; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.kinds.platforms.table import PLATFORM_KINDS, platform_name
from reconciler.model.address import Address
from reconciler.planning.decide.registration import RegistrationDecision

_MOST_NAMED = 10

Decided = Sequence[tuple[str, RegistrationDecision]]
"""The address of each registration, and the decision about it."""


def list_notes(
    decided: Decided, types: Mapping[str, str], problems: Mapping[str, str]
) -> list[Diagnostic]:
    """Return the warnings about all registrations.

    `types` are the types of the platforms, `problems` what they report about numbers.
    """
    return [
        *_list_manual_steps(decided, types),
        *_list_gaps(decided, types),
        *_list_inactive(decided, types, problems),
    ]


def _list_manual_steps(decided: Decided, types: Mapping[str, str]) -> list[Diagnostic]:
    """Return one warning for each capability that a platform lacks, with all addresses it is about."""
    addresses: dict[tuple[str, str], set[str]] = {}
    for address, result in decided:
        for missing in result.manual_steps:
            addresses.setdefault((platform_name(address), missing), set()).add(address)

    warnings: list[Diagnostic] = []
    for platform, missing in sorted(addresses):
        about = addresses[platform, missing]
        warnings.append(manual_step(PLATFORM_KINDS[types[platform]], platform, missing, about))
    return warnings


def _list_gaps(decided: Decided, types: Mapping[str, str]) -> list[Diagnostic]:
    """Return one warning for each platform whose numbers must be removed and imported again."""
    addresses: dict[str, list[str]] = {}
    for address, result in decided:
        if any(action.action == "reassign" for action in result.decision.actions):
            addresses.setdefault(platform_name(address), []).append(address)

    warnings: list[Diagnostic] = []
    for platform, about in sorted(addresses.items()):
        warnings.append(_registration_gap(PLATFORM_KINDS[types[platform]], platform, about))
    return warnings


def _list_inactive(
    decided: Decided, types: Mapping[str, str], problems: Mapping[str, str]
) -> list[Diagnostic]:
    """Return one warning for each platform that does not have all its numbers in use."""
    sentences: dict[str, list[str]] = {}
    for address, _ in decided:
        if address in problems:
            sentences.setdefault(platform_name(address), []).append(problems[address])

    warnings: list[Diagnostic] = []
    for platform, words in sorted(sentences.items()):
        title = PLATFORM_KINDS[types[platform]].title
        warnings.append(_registration_inactive(title, platform, words))
    return warnings


def _registration_inactive(title: str, platform: str, words: Sequence[str]) -> Diagnostic:
    """Warn that a platform has numbers and does not use them, which no call of ours can change."""
    named = " ".join(sorted(words)[:_MOST_NAMED])
    more = len(words) - _MOST_NAMED
    rest = f" The same holds for {more} more." if more > 0 else ""
    return Diagnostic(
        severity="warning",
        code="registration_inactive",
        summary="The platform does not have a number in use",
        detail=f"{named}{rest} No call changes that: look at the numbers of `{platform}` in the dashboard of {title}.",
    )


def manual_step(
    kind: PlatformKind, platform: str, missing: str, addresses: Collection[str]
) -> Diagnostic:
    """Warn of a step to take on the platform itself, because it has no call for it."""
    code = "platform_delete_missing"
    if missing == "link":
        code = "platform_link_missing"
    elif missing == "update":
        code = "platform_update_missing"

    named = _name_numbers(addresses)
    return Diagnostic(
        severity="warning",
        code=code,
        summary=f"The platform has no call to {missing} a number",
        detail=f"{kind.manual[missing]} Platform `{platform}`; this is about {named}. The rest is done by apply.",  # type: ignore[index]
    )


def _registration_gap(kind: PlatformKind, platform: str, addresses: Collection[str]) -> Diagnostic:
    """Warn that numbers do not answer calls while they are removed and imported again."""
    return Diagnostic(
        severity="warning",
        code="registration_gap",
        summary="Numbers do not answer calls while they are imported again",
        detail=f"{kind.title} has no call for this change: each number is removed from `{platform}` and imported "
        f"again, and in between its calls are not answered. This is about {_name_numbers(addresses)}. Apply it at "
        "a quiet time.",
    )


def _name_numbers(addresses: Collection[str]) -> str:
    """Return the first numbers of these addresses, and how many more there are."""
    named = ", ".join(sorted(Address.parse(address).key for address in addresses)[:10])
    more = f" and {len(addresses) - 10} more" if len(addresses) > 10 else ""
    return named + more
