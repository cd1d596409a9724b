"""Name the live messaging services, and return their entries of the `messaging_services` section;
pure.

A service without a unique label, or with values that YAML cannot express, is left out: numbers use
its SID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from reconciler.config.desired.messaging_services import SETTINGS
from reconciler.config.desired.roundtrip import can_declare_service, is_label
from reconciler.config.source.write import Block, Entry, Flow
from reconciler.export.names import UniqueNames, name_from_label
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import FIELDS, KIND
from reconciler.kinds.number import DEFAULT_METHOD
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.route import Membership

_DEFAULTS = {field.name: field.default for field in FIELDS}


class Services(NamedTuple):
    """The names of services by SID, the entries of the new ones, and notes on those without a name.

    `answering` are the names of those that answer in place of their numbers.
    """

    names: Mapping[str, str]
    answering: frozenset[str]
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()

    def reference(self, live: Live, *, has_own_sms: bool) -> str:
        """Return the text that declares the service of a number; "" for none.

        A number with an SMS webhook of its own must not name a service that answers in its place:
        the SID of the service says the same.
        """
        membership = live.attrs.get(MEMBERSHIP)
        if not isinstance(membership, Membership):
            return ""
        name = self.names.get(membership.service, membership.service)
        return membership.service if has_own_sms and name in self.answering else name


def declare_services(
    others: Mapping[str, Live],
    numbers: Iterable[Live],
    known: Mapping[str, str],
    taken: Collection[str],
    default_account: str | None,
    *,
    only_used: bool,
) -> Services:
    """Name every service that has no name yet, and write its entry; with `only_used` those of these
    numbers.
    """
    services = [live for address, live in others.items() if Address.parse(address).kind == KIND]
    labels = Counter((live.account, live.attrs["friendly_name"]) for live in services)
    used = _find_used_sids(numbers) if only_used else None
    unique = UniqueNames(taken)
    names, entries, notes = dict(known), list[Entry](), list[str]()

    for live in sorted(services, key=lambda live: (live.key, live.sid)):
        if live.sid in known or (used is not None and live.sid not in used):
            continue

        # The next plan finds a service by its label, so the label has to be unique in the account.
        name = unique.name(name_from_label(live.key, "service"))
        fields = _fields(name, live, default_account)
        if fields is None or labels[live.account, live.attrs["friendly_name"]] > 1:
            notes.append(
                f"Messaging service {live.sid} is named by its SID: its label is not unique, or YAML "
                "cannot express all its values."
            )
            continue

        names[live.sid] = name
        inner = tuple(Entry(key, value) for key, value in fields.items())
        entries.append(Entry(name, Block(inner) if inner else {}))

    answering: set[str] = set()
    for live in services:
        if live.sid in names and not live.attrs["use_inbound_webhook_on_number"]:
            answering.add(names[live.sid])
    return Services(names, frozenset(answering), tuple(sorted(entries)), tuple(notes))


def _find_used_sids(numbers: Iterable[Live]) -> set[str]:
    sids: set[str] = set()
    for number in numbers:
        membership = number.attrs.get(MEMBERSHIP)
        if isinstance(membership, Membership):
            sids.add(membership.service)
    return sids


def _fields(name: str, live: Live, default_account: str | None) -> dict[str, Flow] | None:
    """Return the complete declaration; None when YAML cannot express it."""
    attrs = live.attrs
    if not is_label(attrs["friendly_name"]):
        return None

    fields: dict[str, Any] = {"account": live.account} if live.account != default_account else {}
    if attrs["friendly_name"] != name:
        fields["friendly_name"] = attrs["friendly_name"]
    if attrs["use_inbound_webhook_on_number"]:
        fields["use_number_webhook"] = True
    else:
        fields |= _hook("inbound", attrs["inbound_request_url"], attrs["inbound_method"])
        fields |= _hook("fallback", attrs["fallback_url"], attrs["fallback_method"])
    if attrs["status_callback"]:
        fields["status"] = attrs["status_callback"]
    for setting in SETTINGS:
        if attrs[setting] != _DEFAULTS[setting]:
            fields[setting] = attrs[setting]
    return fields if can_declare_service(name, fields, attrs) else None


def _hook(name: str, url: object, method: object) -> dict[str, object]:
    if not url:
        return {}
    return {name: url if method == DEFAULT_METHOD else {"url": url, "method": method}}
