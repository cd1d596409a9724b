"""Live TwiML applications → entries of the `applications` section, and what an agent that names one brings; pure.

One that a configuration could not find again by its label, or not say whole, is left out: agents name it by its SID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reconciler.config.desired.roundtrip import (
    can_declare_application,
    can_declare_webhook,
    hook_fields,
    is_label,
)
from reconciler.config.source.write import Block, Entry, Flow
from reconciler.export import remarks
from reconciler.export.names import UniqueNames, name_from_label
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Webhook

PARTS = ("voice", "sms", "status")


class ApplicationNames(NamedTuple):
    """What an agent calls an application, and whether that also gives it the messages of its numbers."""

    name: str
    texts: bool = True


class Applications(NamedTuple):
    """Those with a name by SID, how the new ones are written, and what there is to say of the others."""

    called: Mapping[str, ApplicationNames]
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


def declare_applications(
    others: Mapping[str, Live],
    numbers: Iterable[Live],
    known: Mapping[str, ApplicationNames],
    taken: Iterable[str],
    default_account: str | None,
) -> Applications:
    """Name and write every application that these numbers use and that has no name yet."""
    live = [live for address, live in others.items() if address.startswith("application/")]
    labels = Counter((each.account, each.attrs["friendly_name"]) for each in live)
    used = _used(numbers)
    unique, called, entries, notes = UniqueNames(taken), dict(known), list[Entry](), list[str]()
    for each in sorted(
        (each for each in live if each.sid in used - known.keys()), key=lambda a: (a.key, a.sid)
    ):
        fields = _fields(each, default_account)
        if fields is None or labels[each.account, each.attrs["friendly_name"]] > 1:
            notes.append(
                f"Application {each.sid} is named by its SID: its label is not its own, or not all can be said."
            )
            continue
        name = unique.name(name_from_label(each.key, "application"))
        called[each.sid] = ApplicationNames(name, each.attrs["sms"] is not None)
        entries.append(_entry(name, each, fields))
    return Applications(called, tuple(sorted(entries)), tuple(notes))


def _used(numbers: Iterable[Live]) -> frozenset[str]:
    routes = (number.attrs[part] for number in numbers for part in ("voice", "sms"))
    return frozenset(route.application for route in routes if isinstance(route, ApplicationRoute))


def _fields(live: Live, default_account: str | None) -> dict[str, Flow] | None:
    """How it is declared, whole; None when that is not possible."""
    if not is_label(live.attrs["friendly_name"]):
        return None
    fields: dict[str, Flow] = {"account": live.account} if live.account != default_account else {}
    fields["friendly_name"] = str(live.attrs["friendly_name"])
    if not can_declare_application(fields):
        return None
    for part, hook in _hooks(live).items():
        if not can_declare_webhook(hook, status=part == "status"):
            return None
        said = hook_fields(hook)
        fields[part] = hook.url if len(said) == 1 else said
    return fields


def _hooks(live: Live) -> dict[str, Webhook]:
    return {part: hook for part in PARTS if isinstance(hook := live.attrs[part], Webhook)}


def _entry(name: str, live: Live, fields: Mapping[str, Flow]) -> Entry:
    inner = tuple(
        Entry(key, value)
        for key, value in fields.items()
        if (key, value) != ("friendly_name", name)
    )
    oddities = dict.fromkeys(
        words
        for part, hook in _hooks(live).items()
        for words in remarks.webhook_remarks(part, hook)
    )
    return Entry(name, Block(inner) if inner else {}, above=tuple(oddities))
