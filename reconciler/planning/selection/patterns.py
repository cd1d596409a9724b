"""The patterns of ``--target`` and ``--exclude``, and the addresses that they match; pure.

| pattern           | matches                                                                |
|-------------------|------------------------------------------------------------------------|
| ``KIND/NAME``     | addresses; a glob, in which ``*`` stands for any text                  |
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
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.planning.identity.named import Named

Form = Literal["address", "number", "sid", "agent", "label"]
AGENT, LABEL = "agent/", "label:"
_SID = re.compile("[A-Za-z]{2}[0-9A-Fa-f]{32}")


class Pattern(msgspec.Struct, frozen=True):
    """One value of ``--target`` or ``--exclude``: globs over addresses, and the addresses that were
    collected.
    """

    option: str
    text: str
    form: Form
    globs: tuple[str, ...]
    addresses: frozenset[str] = frozenset()

    def matches(self, address: str) -> bool:
        """Return whether the pattern matches this address."""
        return address in self.addresses or any(fnmatchcase(address, glob) for glob in self.globs)


class Selection(msgspec.Struct, frozen=True):
    """What a run is about: everything, or what is targeted, without what is excluded."""

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
        tuple(_collect(_read_pattern("--target", text), known) for text in targets),
        tuple(_collect(_read_pattern("--exclude", text), known) for text in excludes),
    )


def list_named(
    desired: Iterable[Desired],
    recorded: Iterable[Mapping[str, Entry]],
    actions: Iterable[Action] = (),
) -> Iterator[Named]:
    """Every resource that a pattern may match; one that is known from several places comes several
    times.
    """
    for declared in desired:
        # A number that is declared by its SID has its SID as its key.
        sid = declared.sid or (declared.key if declared.kind in NUMBER_KINDS else None)
        yield Named(declared.address, sid, declared.profile.options)

    for resources in recorded:
        for address, entry in resources.items():
            yield Named(address, entry.sid, entry.options)

    for action in actions:
        yield Named(
            action.address, action.sid, action.entry.options if action.entry is not None else None
        )


def _read_pattern(option: str, text: str) -> Pattern:
    if text.startswith(LABEL):
        return Pattern(option, text, "label", ())
    if text.startswith(AGENT):
        return Pattern(option, text, "agent", ())
    if text.startswith("+"):
        kinds = (*sorted(NUMBER_KINDS), f"{REGISTRATION}/*")
        return Pattern(option, text, "number", tuple(f"{kind}/{text}" for kind in kinds))
    if _SID.fullmatch(text):
        return Pattern(option, text, "sid", ())
    return Pattern(option, text, "address", (text,))


def _collect(pattern: Pattern, everything: Sequence[Named]) -> Pattern:
    """The pattern with the addresses that it matches."""
    test = _TESTS.get(pattern.form)
    if test is None:
        found = {
            each.address for each in everything if _by_sid(each) and pattern.matches(each.address)
        }
    else:
        found = {each.address for each in everything if test(pattern.text, each)}
    found |= _find_bound(found, everything)

    # The registration of a number is found by its E.164. A glob over addresses means addresses
    # alone.
    numbers = {
        address.partition("/")[2] for address in found if address.partition("/")[0] in NUMBER_KINDS
    }
    if test is not None and numbers:
        found.update(
            each.address for each in everything if _number_of_registration(each.address) in numbers
        )
    return msgspec.structs.replace(pattern, addresses=frozenset(found))


def _by_sid(each: Named) -> bool:
    """Return whether this is a number that is declared by its SID; its E.164 gives it another
    address.
    """
    return each.sid is not None and each.address.endswith(f"/{each.sid}")


def _find_bound(found: set[str], everything: Iterable[Named]) -> set[str]:
    """The addresses with E.164 of the numbers among these that are declared by their SID."""
    sids = {address.partition("/")[2] for address in found if "/PN" in address}
    return {each.address for each in everything if each.sid in sids} if sids else set()


def _number_of_registration(address: str) -> str | None:
    """The E.164 of a registration (``registration/PLATFORM/+E164``); None for any other address."""
    return address.rpartition("/")[2] if address.startswith(f"{REGISTRATION}/") else None


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
"""Form → whether a resource is meant. The other forms are globs over the address alone."""

KINDS_OF_ADDRESSES = tuple(RANKS)
"""What an address may begin with."""
