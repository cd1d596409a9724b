"""What drifted and what an apply did → lines for people: the worst first, alike things once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.planning.drift import Drifted
from reconciler.planning.hosts import in_words
from reconciler.report.documents import ActionOutcome, ApplyDocument, DriftDocument
from reconciler.report.groups import FEW, gathered
from reconciler.report.style import Style
from reconciler.report.text_plan import change_lines, nothing
from reconciler.report.words import clean, count, examples, kind_of, value


def drift_lines(document: DriftDocument, style: Style) -> Iterator[str]:
    """What is gone first, then what was changed; by whom; how to go on."""
    for found in drift_groups(document.drifted):
        alike = [found] if len(found) > FEW and not style.whole else [[each] for each in found]
        for each in alike:
            yield from _drifted(each, style)
    if document.drifted:
        yield ""
        many = count(len(document.drifted), "resource")
        yield style("bad", f"{many} drifted. `reconciler plan` shows what apply would do.")
    else:
        yield style("good", "No drift: what was applied is what is there.")
    if document.pending:
        yield f"{count(document.pending, 'resource')} waiting for other changes; see `reconciler plan`."
    if document.unmanaged:
        yield style("quiet", f"{count(document.unmanaged, 'number')} on Twilio not declared here.")


def drift_groups(drifted: Sequence[Drifted]) -> list[list[Drifted]]:
    """Those of one kind that drifted to the same values by the same hand together; what is gone comes first."""
    alike = gathered(drifted, lambda d: (d.address.partition("/")[0], d.fields if not is_gone(d) else None, d.actor))
    return sorted(alike.values(), key=lambda found: not is_gone(found[0]))


def is_gone(drifted: Drifted) -> bool:
    """Whether the resource is not on Twilio any more."""
    return [(field.field, field.live) for field in drifted.fields] == [("sid", None)]


def apply_lines(document: ApplyDocument, style: Style) -> Iterator[str]:
    """What failed, what came out otherwise than written, the counts."""
    for found in outcome_groups(document.outcomes):
        alike = [found] if len(found) > FEW and not style.whole else [[each] for each in found]
        for each in alike:
            yield _outcome(each, style)
    if document.summary.get("interrupted"):
        yield style("warn", "Stopped on request; what was done is saved. Run apply again to finish.")
    if not document.outcomes:
        yield style("strong", nothing(document) + _names(document))
        return
    colour = "good" if document.failed_count == 0 else "bad"
    yield style(colour, applied(document))


def _names(document: ApplyDocument) -> str:
    """What was done in state alone."""
    renames = document.summary.get("renames", 0)
    return f" In state {count(renames, 'name')} changed." if renames else ""


def outcome_groups(outcomes: Sequence[ActionOutcome]) -> list[list[ActionOutcome]]:
    """Outcomes that somebody has to know about, those that say the same together, failures first."""
    told = [outcome for outcome in outcomes if outcome.error is not None or outcome.note]
    alike = gathered(told, lambda o: (o.address.partition("/")[0], o.action, o.status, _said(o)))
    return sorted(alike.values(), key=lambda found: (found[0].error is None, found[0].status == "skipped"))


def applied(document: ApplyDocument) -> str:
    """One sentence: how much was done, and of what."""
    counts = ", ".join(f"{number:,} {action}" for action, number in document.summary.get("by_action", {}).items())
    done = f"{document.success_count:,} succeeded, {document.failed_count:,} failed"
    return f"Applied: {done}{f' ({counts})' if counts else ''}."


def _drifted(found: Sequence[Drifted], style: Style) -> Iterator[str]:
    first = found[0]
    gone = is_gone(first)
    who = _who([each.address for each in found])
    actor = f"  by {clean(first.actor)}" if first.actor else ""
    yield style("bad" if gone else "change", "-" if gone else "~") + f" {style('strong', who)}{style('info', actor)}"
    if gone:
        yield f"    {style('bad', 'gone from Twilio')}" + (f" ({value(first.sid)})" if len(found) == 1 else "")
    for field in () if gone else first.fields:
        head, length = f"{clean(field.field)}: ", len(field.field) + 2
        old, new = f"{value(field.recorded)} (recorded)", f"{value(field.live)} (live)"
        yield from change_lines(head, old, new, style, length)
    if first.looks_like:
        yield f"    {style('quiet', in_words(first.looks_like))}"
    if len(found) > 1:
        yield f"    {style('quiet', examples([each.address for each in found]))}"


def _outcome(found: Sequence[ActionOutcome], style: Style) -> str:
    first = found[0]
    who = _who([each.address for each in found])
    some = f" ({examples([each.address for each in found])})" if len(found) > 1 else ""
    colour = "warn" if first.error is None or first.status == "skipped" else "bad"
    return f"{style(colour, first.status)} {style('strong', who)}{some} {first.action}: {_said(first)}"


def _said(outcome: ActionOutcome) -> str:
    if outcome.error is None:
        return clean(outcome.note or "")
    return f"{outcome.error.code}: {clean(outcome.error.message)}"


def _who(addresses: Sequence[str]) -> str:
    return clean(addresses[0]) if len(addresses) == 1 else count(len(addresses), kind_of(addresses[0]))
