"""Render a plan as text, the riskiest changes first, similar ones once; also return its sentences
(refusal, counts, destinations) for other formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.kinds.known_hosts import describe_guess, guess_platform
from reconciler.model.action import ADDITIONS, REMOVALS
from reconciler.model.destination import Destination
from reconciler.model.route import WireValue
from reconciler.report.analysis.groups import (
    FEW,
    TITLES,
    Field,
    Group,
    Urgency,
    group_resources,
    list_resources,
)
from reconciler.report.documents.types import ApplyDocument, PlanDocument
from reconciler.report.tables.changes import plan_entry
from reconciler.report.tables.model import Row
from reconciler.report.text.style import Style
from reconciler.report.truncate import fit_pair
from reconciler.report.wording import count, examples, list_counts, printable


def lines(document: PlanDocument, style: Style) -> Iterator[str]:
    """Return the lines of a plan; the first one reports that apply would refuse it."""
    refusal = refusal_sentence(document)
    if refusal:
        yield style("bad", refusal)
        yield ""

    groups: list[Group] = []
    if style.whole:
        groups = list_resources(document)
    else:
        for group in group_resources(document):
            groups += _split_small(group)

    for urgency, found in groupby(groups, key=lambda group: group.first.urgency):
        section = list(found)
        if urgency in TITLES:
            yield _title(urgency, section, style)
        for group in section:
            yield from _group(group, style)
        if urgency in TITLES:
            yield ""
    yield from _footer(document, groups, style)


_BACK = ("rollback", "undo")
"""The commands that restore earlier values, whatever is declared."""


def _split_small(group: Group) -> list[Group]:
    """Split a small group: single resources show more in as many lines."""
    return [group] if len(group.resources) > FEW else [Group((each,)) for each in group.resources]


def _title(urgency: Urgency, section: Sequence[Group], style: Style) -> str:
    resources = 0
    for group in section:
        resources += len(group.resources)
    return style("warn", f"{TITLES[urgency]} ({count(resources, 'resource')}):")


def _group(group: Group, style: Style) -> Iterator[str]:
    entry = plan_entry(group)
    sign, colour = _sign(group)
    actors = style("info", f"  {entry.actors}") if entry.actors else ""
    place = style("quiet", f"  {entry.place}") if entry.place else ""
    yield f"{style(colour, sign)} {style('strong', entry.subject)}  {entry.action}{actors}{place}"

    # The guess comes below the values that it explains, above the route.
    fields = [row for row in entry.rows if row.meaning not in ("calls", "hidden")]
    for row in fields:
        yield from _row(row, style)
    foreign: list[WireValue] = []
    for field in _set_by_others(group):
        foreign += field.before
    owner = guess_platform(foreign)
    if owner is not None:
        yield from note_lines(describe_guess(owner), style)
    for row in entry.rows[len(fields) :]:
        yield from _row(row, style)

    for note in entry.notes:
        yield from note_lines(note, style)
    if entry.is_group:
        yield f"    {style('quiet', examples(entry.addresses))}"


def _row(row: Row, style: Style) -> Iterator[str]:
    match row.meaning:
        case "hidden":
            yield f"    {style('warn', row.name + ':')} {row.before}"
            return
        case "loss":
            yield f"    {style('warn', '! takes over')} {row.name}: {row.before}"
            return

    head = f"{row.name}: "
    shown = head
    if row.meaning == "takeover":
        head = f"! takes over {head}"
        shown = f"{style('warn', '! takes over ')}{shown}"
    elif row.meaning == "calls":
        shown = style("bad" if str(row.after) == "nothing" else "strong", "calls:") + " "
    yield from change_lines(shown, str(row.before), str(row.after), style, len(head))


def _set_by_others(group: Group) -> Sequence[Field]:
    """Return the fields whose old values somebody else has set."""
    return (*group.losses, *(group.fields if group.first.reason in ("drift", "conflict") else ()))


def _sign(group: Group) -> tuple[str, str]:
    if group.first.takeover:
        return "!", "warn"
    if group.first.steps[0] in ADDITIONS:
        return "+", "good"
    return (
        ("-", "bad") if group.first.steps[0] in REMOVALS - {"restore_webhooks"} else ("~", "change")
    )


def change_lines(head: str, before: str, after: str, style: Style, length: int) -> Iterator[str]:
    """Return ``field: old → new``, on two lines if needed; `length` is that of the head without its
    colours.
    """
    room = style.width if not style.whole else None

    if room is None or 4 + length + len(before) + 3 + len(after) <= room:
        yield f"    {head}{before} → {after}"
        return

    old, new = fit_pair(before, after, room - 4 - length)
    yield f"    {head}{old}"
    yield f"    {' ' * (length - 2)}→ {new}"


def note_lines(note: str, style: Style) -> Iterator[str]:
    """Return a sentence below an entry, on several lines if needed."""
    for line in style.wrap(note, margin=4):
        yield f"    {style('quiet', line)}"


def _footer(document: PlanDocument, groups: Sequence[Group], style: Style) -> Iterator[str]:
    for source, target in (document.renames or {}).items():
        named = f"{style('strong', printable(source))} → {style('strong', printable(target))}"
        yield f"{style('change', '~')} {named}  renamed"

    # Blank only between changes and the counts; a titled section ends with one already.
    if document.renames or (groups and groups[-1].first.urgency not in TITLES):
        yield ""
    yield style("strong", headline(document))

    if document.actions:
        yield style("quiet", f"Digest of the plan: {document.digest}")
    for destination in document.destinations or ():
        yield style("quiet", destination_sentence(destination))
    if document.unmanaged:
        yield style(
            "quiet",
            f"{count(document.unmanaged, 'number')} on Twilio not declared here; left alone.",
        )
    if any(len(group.resources) > 1 for group in groups):
        yield style(
            "quiet", "Similar changes are shown once; -v or --format json shows every resource."
        )


def refusal_sentence(document: PlanDocument) -> str:
    """Return a sentence with the codes of the refusals of an apply; empty when there are none."""
    codes = document.summary.get("would_refuse", ())
    if not codes:
        return ""

    command = "apply" if document.command in ("plan", "show") else document.command
    listed = ", ".join(map(printable, codes))
    return f"{command.capitalize()} would refuse this plan: {listed}."


def destination_sentence(destination: Destination) -> str:
    """Return a sentence about a new destination of a secret."""
    key = (
        f" (with {printable(destination.key)})"
        if destination.key not in ("", destination.credential)
        else ""
    )
    sent = f"{printable(destination.credential)} to {printable(destination.host)}{key}"
    return f"New secret destination, `{printable(destination.name)}`: {sent}."


def headline(document: PlanDocument) -> str:
    """Return a sentence with the counts of a plan, and whether it can be applied."""
    errors = document.summary.get("errors", 0)
    if errors and not document.actions:
        return f"Not planned: {count(errors, 'error')}."

    if not document.actions:
        updates = len(document.state_updates)
        learned = f" ({count(updates, 'entry', 'entries')} of state to refresh)"
        return no_action_sentence(document) + _names(document) + (learned if updates else "")

    counts = list_counts(document.summary["by_action"])

    # A takeover or an error is stated even though it is counted above.
    takeovers = document.summary["takeovers"]
    warning = f" {count(takeovers, 'takeover')} of foreign values." if takeovers else ""
    addresses = count(document.summary["addresses"], "resource")
    refused = f" {count(errors, 'error')}: it cannot be applied." if errors else ""
    return f"Plan: {count(len(document.actions), 'action')} on {addresses}: {counts}.{warning}{refused}"


def _names(document: PlanDocument) -> str:
    """Return a sentence about renames, which an apply records even without other actions."""
    if not document.renames:
        return ""
    them = "it" if len(document.renames) == 1 else "them"
    return (
        f" Only state has {count(len(document.renames), 'name')} to change: apply records {them}."
    )


def no_action_sentence(document: PlanDocument | ApplyDocument) -> str:
    """Return that there is nothing to do, for everything or for the selected resources."""
    left_out = document.summary.get("left_out", 0)
    if not left_out and document.command in _BACK:
        return "Nothing to do: the live values are those of that version."
    if not left_out:
        return "Nothing to do: the live values match the configuration."
    resources = count(left_out, "resource")
    return f"Nothing to do for the selected resources. Not selected: {resources} that would change."
