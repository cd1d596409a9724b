"""Choose the questions about inbound regions that a limit allows, and note how many are left out;
pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.planning.checks.inbound_regions import share_limit
from reconciler.planning.checks.region_questions import RegionQuestion, RoutedId


def limit_questions(
    questions: Mapping[str, RegionQuestion],
    limit: int | None,
    prefetched: Collection[RoutedId] = (),
) -> tuple[dict[str, RegionQuestion], tuple[Diagnostic, ...]]:
    """Return as many questions as the limit allows, and a note for each account with others.

    Each account gets an equal part. `prefetched` questions come first: they are asked already. Then
    come trunks: the answer about a trunk is about all its numbers.
    """
    if limit is None or len(questions) <= limit:
        return dict(questions), ()

    waiting: dict[str, list[str]] = {}
    for address, question in questions.items():
        waiting.setdefault(question.account, []).append(address)
    for addresses in waiting.values():
        addresses.sort(key=lambda address: _order(questions[address], prefetched))

    parts = share_limit({account: len(addresses) for account, addresses in waiting.items()}, limit)
    chosen: dict[str, RegionQuestion] = {}
    notes: list[Diagnostic] = []
    for account, addresses in sorted(waiting.items()):
        for address in addresses[: parts[account]]:
            chosen[address] = questions[address]

        # Nothing depends on the numbers of a sample, so nobody misses them.
        left_out = addresses[parts[account] :]
        required = [questions[address] for address in left_out if not questions[address].sampled]
        if required:
            notes.append(_not_read(account, required))
    return chosen, tuple(notes)


def _order(question: RegionQuestion, prefetched: Collection[RoutedId]) -> tuple[bool, bool]:
    return question.routed_id not in prefetched, not question.is_trunk


def _not_read(account: str, left_out: Sequence[RegionQuestion]) -> Diagnostic:
    trunks = sum(question.is_trunk for question in left_out)
    counts = f"{len(left_out) - trunks:,} numbers"
    if trunks:
        counts += f" and {trunks:,} trunks"

    return Diagnostic(
        severity="info",
        code="regions_not_read",
        summary="Some inbound regions were not read",
        detail=f"Twilio has no list of regions, so a plan reads only a few. Of account `{account}` "
        f"{counts} were left out. `apply` reads the regions of all before its first "
        "write. To read them now:\n  reconciler doctor --all",
    )
