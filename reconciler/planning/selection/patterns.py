"""Parse the patterns of ``--target`` and ``--exclude``, and collect the addresses that they match;
pure.

| pattern           | matches                                                                |
|-------------------|------------------------------------------------------------------------|
| ``KIND/NAME``     | addresses; a glob, in which ``*`` matches any text                     |
| ``+15550100101``  | the number or bridge number, and its registration; a glob as well      |
| ``PN…``, ``TK…``  | the resource with this SID; of a number, its registration too          |
| ``agent/NAME``    | numbers that declare or last had this agent, and their registrations   |
| ``label:KEY=TEXT``| numbers that declare or last had this label, and their registrations   |

Only the first two can be matched by the address alone. For the others the addresses are collected
once, from all that is declared, recorded and planned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from reconciler.kinds.table import NUMBER_KINDS, RANKS, REGISTRATION
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.named import Named

Form = Literal["address", "number", "sid", "agent", "label"]
AGENT, LABEL = "agent/", "label:"
_SID = re.compile("[A-Za-z]{2}[0-9A-Fa-f]{32}")


class Pattern(msgspec.Struct, frozen=True):
    """One value of ``--target`` or ``--exclude``: its globs, and the addresses that it matches."""

    option: str
    text: str
    form: Form
    globs: tuple[str, ...]
    addresses: frozenset[str] = frozenset()

    def matches(self, address: str) -> bool:
        """Return whether the pattern matches this address."""
        return address in self.addresses or any(fnmatchcase(address, glob) for glob in self.globs)


class Selection(msgspec.Struct, frozen=True):
    """The selected part of a plan: everything, or what is targeted, without what is excluded."""

    targets: tuple[Pattern, ...] = ()
    excludes: tuple[Pattern, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.targets or self.excludes)

    def selects(self, address: str) -> bool:
        """Return whether an address is targeted and not excluded; without targets every address is
        targeted.
        """
        targeted = not self.targets or any(pattern.matches(address) for pattern in self.targets)
        return targeted and not self.skips(address)

    def skips(self, address: str) -> bool:
        """Return whether an address is excluded."""
        return any(pattern.matches(address) for pattern in self.excludes)


def find_selection(
    targets: Sequence[str], excludes: Sequence[str], everything: Iterable[Named]
) -> Selection:
    """Read the patterns, and collect the addresses that they match among `everything` (which
    `list_named` lists).
    """
    if not targets and not excludes:
        return Selection()

    known = list(everything)
    return Selection(
        read_patterns("--target", targets, known), read_patterns("--exclude", excludes, known)
    )


def read_patterns(
    option: str, texts: Sequence[str], everything: Sequence[Named]
) -> tuple[Pattern, ...]:
    """Read the patterns of one option, and collect the addresses that they match."""
    return tuple([_with_addresses(_read_pattern(option, text), everything) for text in texts])


def list_named(
    desired: Iterable[Desired],
    recorded: Iterable[Mapping[str, Entry]],
    actions: Iterable[Action] = (),
) -> Iterator[Named]:
    """Yield every resource that a pattern may match.

    A resource that is declared, recorded and planned comes three times.
    """
    for declared in desired:
        # A number that is declared by its SID has its SID as its key.
        sid = declared.sid or (declared.key if declared.kind in NUMBER_KINDS else None)
        yield Named(declared.address, sid, declared.profile.options)

    for resources in recorded:
        for address, entry in resources.items():
            yield Named(address, entry.sid, entry.options)

    for action in actions:
        options = action.entry.options if action.entry is not None else None
        yield Named(action.address, action.sid, options)


def _read_pattern(option: str, text: str) -> Pattern:
    if text.startswith(LABEL):
        return Pattern(option, text, "label", ())
    if text.startswith(AGENT):
        return Pattern(option, text, "agent", ())

    # A number alone is short for the number, the bridge number and its registrations.
    if text.startswith("+"):
        kinds = (*sorted(NUMBER_KINDS), f"{REGISTRATION}/*")
        return Pattern(option, text, "number", tuple([f"{kind}/{text}" for kind in kinds]))
    if _SID.fullmatch(text):
        return Pattern(option, text, "sid", ())
    return Pattern(option, text, "address", (text,))


def _with_addresses(pattern: Pattern, everything: Sequence[Named]) -> Pattern:
    """Return the pattern with the addresses that it matches."""
    found = {each.address for each in everything if _is_match(pattern, each)}
    found |= _find_e164_addresses(found, everything)

    # The registration of a number is found by its E.164. A glob over addresses means addresses
    # alone.
    if pattern.form in _TESTS:
        found |= _find_registrations(found, everything)
    return msgspec.structs.replace(pattern, addresses=frozenset(found))


def _is_match(pattern: Pattern, each: Named) -> bool:
    """Return whether a pattern matches a resource in a way that its address does not show."""
    test = _TESTS.get(pattern.form)
    if test is not None:
        return test(pattern.text, each)
    return _has_sid_as_name(each) and pattern.matches(each.address)


def _has_sid_as_name(each: Named) -> bool:
    """Return whether this is a number that is declared by its SID; its E.164 gives it another
    address.
    """
    return each.sid is not None and each.address.endswith(f"/{each.sid}")


def _find_e164_addresses(found: set[str], everything: Iterable[Named]) -> set[str]:
    """Return the addresses with E.164 of the numbers among these that are declared by their SID."""
    sids = {Address.parse(address).name for address in found if "/PN" in address}
    if not sids:
        return set()
    return {each.address for each in everything if each.sid in sids}


def _find_registrations(found: set[str], everything: Iterable[Named]) -> set[str]:
    """Return the addresses of the registrations of the numbers among these."""
    numbers: set[str] = set()
    for text in found:
        address = Address.parse(text)
        if address.is_number:
            numbers.add(address.name)

    if not numbers:
        return set()
    return {each.address for each in everything if _number_of_registration(each.address) in numbers}


def _number_of_registration(address: str) -> str | None:
    """Return the E.164 of a registration (``registration/PLATFORM/+E164``); None for any other
    address.
    """
    parsed = Address.parse(address)
    return parsed.key if parsed.kind == REGISTRATION else None


def _has_sid(text: str, each: Named) -> bool:
    return each.sid is not None and each.sid.lower() == text.lower()


def _has_agent(text: str, each: Named) -> bool:
    agent = each.options.agent if each.options is not None else None
    return agent is not None and fnmatchcase(agent, text.removeprefix(AGENT))


def _has_label(text: str, each: Named) -> bool:
    labels = each.options.labels if each.options is not None else ()
    key, equals, value = text.removeprefix(LABEL).partition("=")
    return bool(equals) and any(name == key and fnmatchcase(its, value) for name, its in labels)


_TESTS: dict[Form, Callable[[str, Named], bool]] = {
    "sid": _has_sid,
    "agent": _has_agent,
    "label": _has_label,
}
"""Form → test whether a resource matches. The other forms are globs over the address alone."""

KINDS_OF_ADDRESSES = tuple(RANKS)
"""The kinds with which an address may begin."""
