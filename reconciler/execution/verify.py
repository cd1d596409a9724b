"""Compare what was sent with what Twilio stored (applied, normalised or dropped), and record the
pairs that Twilio has put into its own form. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reconciler.kinds.forms import compare_forms
from reconciler.kinds.kind import Kind, Params, is_same_value
from reconciler.kinds.number import url_field_for
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Value, Wire, WireValue
from reconciler.planning.decide.live_values import live_value

Verdict = Literal["applied", "normalised", "dropped"]


def fields_sent(kind: Kind, params: Params) -> dict[str, WireValue]:
    """Return the parameters of a call under the names that its reply uses."""
    return {kind.params[param]: value for param, value in params.items()}


def judge_write(sent: Wire, stored: Mapping[str, Any], before: Wire) -> tuple[Verdict, list[str]]:
    """Return the verdict on the fields that were sent, and those that are not as sent.

    | stored                                                               | verdict      |
    |----------------------------------------------------------------------|--------------|
    | as sent, or absent (a field that a reply leaves out is fine)         | `applied`    |
    | empty or as before; another number, flag, SID, domain or address;    | `dropped`    |
    | a URL with another scheme, host, port or fragment                    |              |
    | anything else: by a listed rule (`reconciler.kinds.forms`), or by    | `normalised` |
    | none, which is a warning (`reconciler.planning.checks.unexpected_forms`)    |              |

    A method has no effect without its URL, so any stored method is accepted then.
    """
    wrong: list[str] = []
    dropped: list[str] = []
    for field, value in sent.items():
        if field not in stored or is_same_value(value, stored[field]):
            continue
        if _is_idle(field, sent, stored):
            continue
        wrong.append(field)
        if _is_dropped(field, value, stored[field], before.get(field)):
            dropped.append(field)

    if not wrong:
        return "applied", []
    return ("dropped", dropped) if dropped else ("normalised", wrong)


def _is_idle(field: str, sent: Wire, stored: Mapping[str, Any]) -> bool:
    """Return whether a field is the method of a URL that is empty, as sent or, if not sent, as
    stored.
    """
    url = url_field_for(field)
    return field.endswith("_method") and not sent.get(url, stored.get(url, field))


def _is_dropped(field: str, sent: WireValue, stored: WireValue, before: WireValue) -> bool:
    return compare_forms(field, sent, stored) == "other" or is_same_value(before, stored)


def find_unconfirmed(confirmed: Wire, stored: Mapping[str, Any]) -> list[str]:
    """Return the fields that no longer show what the reply to their write has shown; forms by a
    rule are the same.
    """
    found: list[str] = []
    for field, value in confirmed.items():
        if field not in stored or _is_idle(field, confirmed, stored):
            continue
        if compare_forms(field, value, stored[field]) not in ("same", "listed"):
            found.append(field)
    return found


def judge_repaired(
    sent: Wire, stored: Mapping[str, Any], before: Wire
) -> tuple[Verdict, list[str]]:
    """Return the verdict on fields that were sent a second time, and those that are not as sent.

    What is still as before is `normalised` all the same when a listed rule explains it: then
    Twilio's own form of the value was there already.
    """
    other: dict[str, WireValue] = {}
    for name, value in before.items():
        if compare_forms(name, sent.get(name), value) != "listed":
            other[name] = value

    return judge_write(sent, stored, other)


def record_form(entry: Entry, writes: Mapping[str, Value], live: Live) -> dict[str, list[Value]]:
    """Return the entry's pairs of [sent, stored], updated by a write that Twilio has put into its
    own form.
    """
    forms = {name: pair for name, pair in entry.normalised.items() if name not in writes}

    for name, value in writes.items():
        stored = live_value(live, name)
        if stored != value and stored is not None:
            forms[name] = [value, stored]
    return forms
