"""Refuse a pattern of ``--target`` or ``--exclude`` that matches nothing, with suggestions; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError
from reconciler.model.address import Address
from reconciler.planning.identity.named import Named
from reconciler.planning.selection.patterns import (
    AGENT,
    KINDS_OF_ADDRESSES,
    LABEL,
    Pattern,
    Selection,
)

_MOST_COMPARED = 5_000
"""Comparing words takes about 20 µs each; a suggestion is not worth more than a tenth of a second.
"""
_FORMS = (
    "A pattern is an address such as number/+15550100101 (`*` matches any text), a number in E.164, a SID, "
    "agent/NAME or label:KEY=VALUE."
)


def check_matches(
    selection: Selection, everything: Sequence[Named], planned: Collection[str]
) -> None:
    """Raise UsageError when a pattern matches nothing that is declared, recorded or planned.

    A mistyped target would look like a run without anything to do, and a mistyped exclusion would
    change what was to be left alone.
    """
    addresses = {*planned, *(each.address for each in everything)}

    lines: list[str] = []
    for pattern in (*selection.targets, *selection.excludes):
        if not any(map(pattern.matches, addresses)):
            lines.append(_describe(pattern, everything, addresses))
    if not lines:
        return

    detail = "\n".join([*lines, _FORMS])
    raise UsageError(
        Diagnostic(code="target_no_match", summary="Pattern without a match", detail=detail)
    )


def _describe(pattern: Pattern, everything: Iterable[Named], addresses: Collection[str]) -> str:
    """Describe a pattern without a match, with suggestions."""
    suggestions = [f"`{word}`" for word in _suggest(pattern, everything, addresses)]
    question = f" Did you mean {' or '.join(suggestions)}?" if suggestions else ""
    return f"`{pattern.option} {pattern.text}` matches nothing that is declared, recorded or planned.{question}"


def _suggest(
    pattern: Pattern, everything: Iterable[Named], addresses: Collection[str]
) -> list[str]:
    if pattern.form == "sid":
        return []
    if pattern.form not in ("agent", "label"):
        return _suggest_address(pattern.text, addresses)

    agents: set[str] = set()
    labels: set[str] = set()
    for each in everything:
        if each.options is not None:
            if each.options.agent:
                agents.add(each.options.agent)
            labels |= {f"{key}={value}" for key, value in each.options.labels}

    prefix, words = (AGENT, agents) if pattern.form == "agent" else (LABEL, labels)
    return [f"{prefix}{word}" for word in _close(pattern.text.removeprefix(prefix), words)]


def _suggest_address(text: str, addresses: Collection[str]) -> list[str]:
    """Suggest addresses for the text of a pattern.

    They are the addresses with this name, the same address with the kind spelled right, or an
    address that is almost the same.
    """
    name = text.lstrip("+")
    same_name: list[str] = []
    for address in addresses:
        if name and Address.parse(address).name.lstrip("+") == name:
            same_name.append(address)
    if same_name:
        return sorted(same_name)[:3]

    kind, slash, rest = text.partition("/")
    if not slash:
        return _close(f"number/{text}", sorted(addresses))
    if kind not in KINDS_OF_ADDRESSES:
        return [f"{close}/{rest}" for close in _close(kind, KINDS_OF_ADDRESSES)]
    same_kind = [address for address in addresses if Address.parse(address).kind == kind]
    return _close(text, sorted(same_kind))


def _close(word: str, options: Iterable[str]) -> list[str]:
    return get_close_matches(word, list(islice(sorted(options), _MOST_COMPARED)), n=1)
