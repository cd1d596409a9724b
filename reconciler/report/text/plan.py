"""Render a plan as text: the riskiest changes first, similar ones once, the counts last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.kinds.known_hosts import describe_guess, guess_platform
from reconciler.model.action import ADDITIONS, REMOVALS, Change
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
from reconciler.report.text.style import Style
from reconciler.report.truncate import fit_pair
from reconciler.report.wording import count, examples, kind_of, printable, repeats_route, show_value


def lines(document: PlanDocument, style: Style) -> Iterator[str]:
    """Return the lines of a plan; the first one reports that apply would refuse it."""
    refusal = refusal_sentence(document)
    if refusal:
        yield style("bad", refusal)
        yield ""

    groups = (
        list_resources(document)
        if style.whole
        else [each for g in group_resources(document) for each in _split_small(g)]
    )
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
    return style(
        "warn",
        f"{TITLES[urgency]} ({count(sum(len(group.resources) for group in section), 'resource')}):",
    )


def _group(group: Group, style: Style) -> Iterator[str]:
    first = group.first
    sign, colour = _sign(group)
    place = f"  {_place(group)}" if first.place else ""
    steps = f"{', '.join(first.steps)} ({first.reason})"
    yield f"{style(colour, sign)} {style('strong', _who(group))}  {steps}{style('quiet', place)}"
    lost = {field.name for field in group.losses}
    for field in group.fields:
        yield from _field(field, style, takeover=field.name in lost)
    for field in group.losses:
        if field.name not in {each.name for each in group.fields}:
            yield f"    {style('warn', '! takes over')} {printable(field.name)}: {_one_of(field.before)}"

    whose = guess_platform(before for field in _set_by_others(group) for before in field.before)
    if whose is not None:
        yield f"    {style('quiet', describe_guess(whose))}"

    yield from _route(group, style)
    for note in first.notes:
        yield f"    {style('quiet', printable(note))}"
    if len(group.resources) > 1:
        yield f"    {style('quiet', examples(group.addresses))}"


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


def _who(group: Group) -> str:
    if len(group.resources) == 1:
        return printable(group.first.address)
    who = count(len(group.resources), kind_of(group.first.address))
    return f"{who} of agent {printable(group.first.agent)}" if group.first.agent else who


def _place(group: Group) -> str:
    places = sorted({resource.place for resource in group.resources if resource.place})
    files = {file for file, _ in places}
    if len(files) > 1:
        return count(len(files), "file")
    first, last = places[0][1], places[-1][1]
    return printable(places[0][0]) + (f":{first}" if first == last else f":{first}–{last}")


def _field(field: Field, style: Style, *, takeover: bool) -> Iterator[str]:
    mark = "! takes over " if takeover else ""
    before, after = _one_of(field.before), _one_of(field.after)
    yield from change_lines(
        f"{style('warn', mark)}{printable(field.name)}: ",
        before,
        after,
        style,
        len(mark + field.name) + 2,
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


def _one_of(values: Sequence[WireValue]) -> str:
    """Return the value, or the most common of several and their number."""
    if len(values) == 1:
        return show_value(values[0])
    return f"{len(values):,} different, such as {show_value(values[0])}"


def _route(group: Group, style: Style) -> Iterator[str]:
    """Return the change of the route, unless the fields show it already."""
    before, after = group.routes
    if not after:
        return

    # A change of `voice_url` is the change of the route, if that is the same for the whole group.
    single = len(group.resources) == 1 or (len(before) == 1 and len(after) == 1)
    if not (single and any(_repeats_route(group, change) for change in group.first.changes)):
        head = style("bad" if after == ["nothing"] else "strong", "calls:") + " "
        yield from change_lines(head, _one_of(before), _one_of(after), style, 7)

    for words in group.hidden[:FEW]:
        yield f"    {style('warn', 'set, but without effect:')} {printable(words)}"
    if len(group.hidden) > FEW:
        yield f"    and {len(group.hidden) - FEW:,} more without effect"


def _repeats_route(group: Group, change: Change) -> bool:
    route = group.first.route
    return route is not None and repeats_route(route, change)


def _footer(document: PlanDocument, groups: Sequence[Group], style: Style) -> Iterator[str]:
    for source, target in (document.renames or {}).items():
        named = f"{style('strong', printable(source))} → {style('strong', printable(target))}"
        yield f"{style('change', '~')} {named}  renamed"
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
    return f"{command.capitalize()} would refuse this plan: {', '.join(printable(code) for code in codes)}."


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
        learned = f" ({count(len(document.refreshes), 'entry', 'entries')} of state to refresh)"
        return (
            no_action_sentence(document)
            + _names(document)
            + (learned if document.refreshes else "")
        )
    counts = ", ".join(
        f"{number:,} {action}" for action, number in document.summary["by_action"].items()
    )
    takeovers = document.summary["takeovers"]
    warning = f" {count(takeovers, 'takeover')} of foreign values." if takeovers else ""
    addresses = count(document.summary["addresses"], "resource")
    refused = f" {count(errors, 'error')}: it cannot be applied." if errors else ""
    return f"Plan: {count(len(document.actions), 'action')} on {addresses}: {counts}.{warning}{refused}"


def _names(document: PlanDocument) -> str:
    """Return a sentence about renames, which an apply records even if there is nothing else to do."""
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
        return "Nothing to do: what was applied then is what is there."
    if not left_out:
        return "Nothing to do: what is declared is what is there."
    return f"Nothing to do in what was chosen; left out: {count(left_out, 'resource')} that would change."
