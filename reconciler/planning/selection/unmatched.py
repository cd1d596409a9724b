"""What is said about a pattern of ``--target`` or ``--exclude`` that matches nothing; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from reconciler.diagnostics import Diagnostic
from reconciler.errors import UsageError
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
    "A pattern is an address such as number/+15550100101 (`*` stands for any text), a number in E.164, a SID, "
    "agent/NAME or label:KEY=VALUE."
)


def check_matches(
    selection: Selection, everything: Sequence[Named], planned: Collection[str]
) -> None:
    """Raise UsageError when a pattern matches nothing that is declared, recorded or planned.

    A mistyped pattern must not pass for a run that has nothing to do, or leave in what was meant to
    be excluded.
    """
    addresses = {*planned, *(each.address for each in everything)}
    unmatched = [
        p for p in (*selection.targets, *selection.excludes) if not any(map(p.matches, addresses))
    ]
    if not unmatched:
        return

    lines = [_describe(pattern, everything, addresses) for pattern in unmatched]
    detail = "\n".join([*lines, _FORMS])
    raise UsageError(
        Diagnostic(code="target_no_match", summary="Pattern without a match", detail=detail)
    )


def _describe(pattern: Pattern, everything: Iterable[Named], addresses: Collection[str]) -> str:
    """The pattern, and what may be meant."""
    meant = _suggest(pattern, everything, addresses)
    found = [f"`{word}`" for word in meant]
    question = f" Did you mean {' or '.join(found)}?" if found else ""
    return f"`{pattern.option} {pattern.text}` matches nothing that is declared, recorded or planned.{question}"


def _suggest(
    pattern: Pattern, everything: Iterable[Named], addresses: Collection[str]
) -> list[str]:
    if pattern.form == "agent":
        agents = {
            each.options.agent
            for each in everything
            if each.options is not None and each.options.agent
        }
        return [f"{AGENT}{name}" for name in _close(pattern.text.removeprefix(AGENT), agents)]
    if pattern.form == "label":
        labels = {
            f"{k}={v}"
            for each in everything
            if each.options is not None
            for k, v in each.options.labels
        }
        return [f"{LABEL}{label}" for label in _close(pattern.text.removeprefix(LABEL), labels)]
    if pattern.form == "sid":
        return []
    return _suggest_address(pattern.text, addresses)


def _suggest_address(text: str, addresses: Collection[str]) -> list[str]:
    """The addresses that a name alone belongs to, the kind that is mistyped, or an address that is
    almost the same.
    """
    wanted = text.lstrip("+")
    named = sorted(a for a in addresses if wanted and a.partition("/")[2].lstrip("+") == wanted)
    if named:
        return named[:3]

    kind, slash, name = text.partition("/")
    if slash and kind not in KINDS_OF_ADDRESSES:
        return [f"{close}/{name}" for close in _close(kind, KINDS_OF_ADDRESSES)]

    like = sorted(a for a in addresses if a.startswith(f"{kind}/")) if slash else sorted(addresses)
    return _close(text if slash else f"number/{text}", like)


def _close(word: str, options: Iterable[str]) -> list[str]:
    return get_close_matches(word, list(islice(sorted(options), _MOST_COMPARED)), n=1)
