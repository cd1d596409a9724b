"""Name the live TwiML applications that numbers use, and return their entries of the `applications`
section; write a webhook as YAML; pure.

An application without a unique label, or with values that YAML cannot express, is left out: agents
use its SID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reconciler.config.desired.applications import APPLICATION_FIELDS
from reconciler.config.desired.roundtrip import (
    can_declare_application,
    can_declare_webhook,
    hook_fields,
    is_label,
)
from reconciler.config.source.write import Block, Entry, Flow
from reconciler.export import remarks
from reconciler.export.names import UniqueNames, name_from_label
from reconciler.kinds.application import APPLICATION
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.route import ApplicationRoute, Webhook

PARTS = ("voice", "sms", "status")


class ApplicationNames(NamedTuple):
    """The name that agents use for an application; `texts`: it also handles the messages of its
    numbers.
    """

    name: str
    texts: bool = True


class Applications(NamedTuple):
    """The names of applications by SID, the entries of the new ones, and notes on those without a
    name.
    """

    names: Mapping[str, ApplicationNames]
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


def declare_applications(
    others: Mapping[str, Live],
    numbers: Iterable[Live],
    known: Mapping[str, ApplicationNames],
    taken: Iterable[str],
    default_account: str | None,
) -> Applications:
    """Name every application in use that has no name yet, and write its entry."""
    applications = [
        live for address, live in others.items() if Address.parse(address).kind == "application"
    ]
    labels = Counter((live.account, live.attrs["friendly_name"]) for live in applications)
    new_sids = _find_used_sids(numbers) - known.keys()
    unique = UniqueNames(taken)
    names, entries, notes = dict(known), list[Entry](), list[str]()

    for live in sorted(applications, key=lambda live: (live.key, live.sid)):
        if live.sid not in new_sids:
            continue

        # The next plan finds an application by its label, so the label has to be unique in the
        # account.
        fields = _fields(live, default_account)
        if fields is None or labels[live.account, live.attrs["friendly_name"]] > 1:
            notes.append(
                f"Application {live.sid} is named by its SID: its label is not unique, or YAML "
                "cannot express all its values."
            )
            continue

        name = unique.name(name_from_label(live.key, "application"))
        names[live.sid] = ApplicationNames(name, live.attrs["sms"] is not None)
        entries.append(_entry(name, live, fields))

    return Applications(names, tuple(sorted(entries)), tuple(notes))


def _find_used_sids(numbers: Iterable[Live]) -> frozenset[str]:
    sids: set[str] = set()
    for number in numbers:
        for part in ("voice", "sms"):
            route = number.attrs[part]
            if isinstance(route, ApplicationRoute):
                sids.add(route.application)
    return frozenset(sids)


def _fields(live: Live, default_account: str | None) -> dict[str, Flow] | None:
    """Return the complete declaration; None when YAML cannot express it."""
    if not is_label(live.attrs["friendly_name"]):
        return None

    fields: dict[str, Flow] = {"account": live.account} if live.account != default_account else {}
    fields["friendly_name"] = str(live.attrs["friendly_name"])
    for field in APPLICATION.fields:
        value = live.attrs[field.name]
        if value != field.default and isinstance(value, str | bool):
            fields[APPLICATION_FIELDS[field.name]] = value
    if not can_declare_application(fields):
        return None

    for part, hook in _hooks(live).items():
        if not can_declare_webhook(hook, status=part == "status"):
            return None
        fields[part] = hook_flow(hook)
    return fields


def hook_flow(hook: Webhook) -> Flow:
    """Return a webhook for YAML: its URL alone where nothing else is set."""
    fields: dict[str, Flow] = dict(hook_fields(hook))
    return hook.url if len(fields) == 1 else fields


def _hooks(live: Live) -> dict[str, Webhook]:
    return {part: hook for part in PARTS if isinstance(hook := live.attrs[part], Webhook)}


def _entry(name: str, live: Live, fields: Mapping[str, Flow]) -> Entry:
    # A friendly name that equals the name of the entry is its default.
    inner = tuple(
        Entry(key, value)
        for key, value in fields.items()
        if (key, value) != ("friendly_name", name)
    )
    comments = remarks.list_remarks(_hooks(live))
    return Entry(name, Block(inner) if inner else {}, above=comments)
