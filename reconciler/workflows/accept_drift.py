"""Rewrite the declaring files so that chosen live values are declared, after a plan of the new
files has shown that it leaves these values alone.

1. Find the drift, and choose the addresses.
2. Rewrite the texts in memory.
3. Read Twilio again and plan with the new configuration: nothing may be written that was not
   planned before, and no accepted value may change.
4. Replace the files, all or none.

The state is not written: the next apply records the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reconciler.config.accept.request import Request, cannot_accept
from reconciler.config.accept.rewrite import Rewritten, Sources, rewrite
from reconciler.config.load.write_files import replace_files
from reconciler.config.project import Project
from reconciler.config.source.source_line import show_difference
from reconciler.diagnostics import Diagnostic
from reconciler.errors import Refused
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.live import Live
from reconciler.planning.decide.child_drift import list_children
from reconciler.planning.decide.child_sets import find_undeclared
from reconciler.planning.decide.drift import Drifted, find_live_values
from reconciler.planning.identity.match import names_by_sid
from reconciler.planning.identity.named import Named
from reconciler.planning.identity.names_for_sids import resolve_names
from reconciler.planning.identity.number_addresses import with_e164_addresses
from reconciler.planning.plan import UNREAD
from reconciler.planning.selection.patterns import Pattern, Selection, list_named, read_patterns
from reconciler.planning.selection.unmatched import check_matches
from reconciler.state.recovery import missing_state
from reconciler.workflows import pipeline
from reconciler.workflows.drift import FoundDrift, find_everything
from reconciler.workflows.output_guard import Output, check_outputs
from reconciler.workflows.pipeline import Resources
from reconciler.workflows.session import (
    RunOptions,
    open_gateways,
    open_state_store,
    prefetch,
)


class AcceptedDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The drift that was found, and the addresses whose live values the files declare now.

    `diffs` are the unified differences by file. `notes` name patterns that no drift matches.
    """

    drift: FoundDrift
    addresses: tuple[str, ...]
    diffs: Mapping[str, str]
    notes: tuple[Diagnostic, ...]


def accept_drift(options: RunOptions, patterns: Sequence[str]) -> AcceptedDrift:
    """Declare the live values of everything that has drifted and that a pattern matches.

    Raises Refused, and has written nothing, when one of them cannot be declared; UsageError for a
    pattern that matches no known address.
    """
    # 1. Find the drift, and choose the addresses.
    found = find_everything(options)
    wanted = _read_patterns(patterns, found)
    chosen = [d for d in found.found.drifted if any(each.matches(d.address) for each in wanted)]
    notes = tuple(_list_idle(wanted, found.found.drifted))
    if not chosen:
        return AcceptedDrift(drift=found, addresses=(), diffs={}, notes=notes)

    # 2. Rewrite the texts in memory.
    project, observed = found.planned.project, found.resources.observed
    requests = _build_requests(chosen, found.found.drifted, project, found.resources)
    sources = Sources(
        entry=options.directory / options.file,
        directory=options.directory,
        environ=options.environ,
        variables=options.variables,
    )
    rewritten = rewrite(project, sources, requests, names_by_sid(observed.resources))

    # 3. Plan with the new configuration.
    _check_plan(options, rewritten.project, found, requests)

    # 4. Replace the files.
    _check_paths(options, rewritten)
    replace_files({each.path: (each.before, each.after) for each in rewritten.files})
    return AcceptedDrift(
        drift=found,
        addresses=tuple(each.address for each in chosen),
        diffs=dict(_show_differences(rewritten)),
        notes=notes,
    )


def _read_patterns(patterns: Sequence[str], found: FoundDrift) -> tuple[Pattern, ...]:
    """Read the patterns. Raises UsageError for one that matches no known address."""
    resources, project = found.resources, found.planned.project
    children = list_children(resources.recorded, resources.observed)
    declared = with_e164_addresses(project.desired, resources.recorded, resources.observed)
    everything: list[Named] = [*list_named(declared, (resources.recorded,)), *children]
    wanted = read_patterns("--accept", patterns, everything)
    check_matches(Selection(wanted), everything, ())
    return wanted


def _list_idle(wanted: Sequence[Pattern], drifted: Sequence[Drifted]) -> Iterator[Diagnostic]:
    """Yield a note for each pattern that matches no drift."""
    for pattern in wanted:
        if not any(pattern.matches(each.address) for each in drifted):
            yield Diagnostic(
                severity="info",
                code="nothing_to_accept",
                summary="Nothing has drifted there",
                detail=f"`--accept {pattern.text}` matches no drift: its live values equal the last applied values.",
            )


def _build_requests(
    chosen: Sequence[Drifted],
    drifted: Sequence[Drifted],
    project: Project,
    resources: Resources,
) -> list[Request]:
    """Return a request for each chosen address. Raises Refused with every reason."""
    builder = _RequestBuilder(chosen, drifted, project, resources)
    requests: list[Request] = []
    problems: list[Diagnostic] = []
    for each in chosen:
        try:
            requests += builder.build(each)
        except Refused as error:
            problems += error.diagnostics
    if problems:
        raise Refused(*problems)
    return requests


class _RequestBuilder:
    """Builder of requests, with look-ups that all of them share."""

    def __init__(
        self,
        chosen: Sequence[Drifted],
        drifted: Sequence[Drifted],
        project: Project,
        resources: Resources,
    ) -> None:
        observed, recorded = resources.observed, resources.recorded
        self._added = {each.address for each in chosen}
        self._drifted = {each.address for each in drifted}
        self._live = observed.resources
        self._observed = observed
        self._entries = resolve_names(recorded, observed.resources)

        # A number that is declared by its SID drifts under its E.164.
        self._declared: dict[str, Desired] = {}
        placed = with_e164_addresses(project.desired, recorded, observed)
        for declared, original in zip(placed, project.desired, strict=True):
            self._declared[declared.address] = original

        parents = [declared.address for declared in project.desired if declared.unlisted]
        self._below = find_undeclared(parents, self._declared, recorded, observed)

    def build(self, drifted: Drifted) -> list[Request]:
        """Return the requests for one address. Raises Refused."""
        address = drifted.address
        live = self._live.get(address)
        if live is not None and address in self._below.get(live.parent or "", {}):
            return self._build_child(address, live)

        declared, entry = self._declared.get(address), self._entries.get(address)
        if declared is None or entry is None:
            reason = (
                "No file declares it, so no file can have its live values. Declare it; or apply, which "
                "records what is there."
            )
            raise Refused(cannot_accept(address, reason, None))

        present = self._observed.live(address, entry)
        if present is None:
            reason = (
                "It no longer exists on Twilio. Remove its declaration by hand, or apply to make it "
                "again where that is possible."
            )
            raise Refused(cannot_accept(address, reason, declared))

        values = find_live_values(entry, present)
        platform_written = declared.profile.options.platform is not None
        for name in values:
            if name not in declared.profile.attrs and not platform_written:
                reason = (
                    f"The file does not declare `{name}`, so it has no value to change. The next "
                    "apply leaves the live value as it is."
                )
                raise Refused(cannot_accept(address, reason, declared))
        return [Request(address=address, declared=declared, values=values)]

    def _build_child(self, address: str, live: Live) -> list[Request]:
        """Return the request for a child that is not declared.

        The first declared child of its kind makes the declared set complete: with the default
        `unlisted: delete` an apply would delete the others. So the recorded ones are declared too.
        """
        parent = self._declared[live.parent or ""]
        kind = Address.parse(address).kind
        requests = [Request(address=address, declared=parent, child=live)]
        if parent.unlisted.get(kind) != "watch":
            return requests

        for other, sibling in sorted(self._below[parent.address].items()):
            if Address.parse(other).kind != kind or other in self._added:
                continue
            if other in self._drifted:
                reason = (
                    f"The file does not list such children yet, and the first one makes the list complete: "
                    f"`{other}` has drifted too. Accept both at once, or delete one on Twilio."
                )
                raise Refused(cannot_accept(address, reason, parent))
            self._added.add(other)
            requests.append(Request(address=other, declared=parent, child=sibling))
        return requests


def _check_plan(
    options: RunOptions, project: Project, found: FoundDrift, requests: Sequence[Request]
) -> None:
    """Read Twilio again, and raise Refused when a plan with the new files would write more than
    before, or change an accepted value.
    """
    with open_gateways(options, project) as gateways:
        pages = prefetch(options, project, gateways, services=False)
        state = missing_state.load_for_reading(open_state_store(options, project), project)
        inputs = pipeline.PlanInputs(
            options=options, project=project, state=state, gateways=gateways, prefetch=pages
        )
        resources = pipeline.read_resources(inputs, lambda address: False)
        plan = pipeline.decide(inputs, resources, resources.observed)

    before = {(action.address, action.action): action for action in found.planned.plan.actions}
    by_address = {request.address: request for request in requests}
    children = [request for request in requests if request.child is not None]
    problems: list[Diagnostic] = []
    for action in plan.actions:
        request = by_address.get(action.address)
        known = before.get((action.address, action.action))
        if action.action == "import" and any(each.is_child(action.address) for each in children):
            request = children[0]

        if request is not None and not _leaves_alone(action, request, known):
            reason = (
                f"With the live values in the file, a plan would still `{action.action}` it. Change "
                "the file by hand, or run the command again if somebody is changing it now."
            )
            problems.append(cannot_accept(action.address, reason, request.declared))
        elif request is None and (known is None or known.changes != action.changes):
            reason = f"A plan of the new files would also `{action.action}` it."
            problems.append(cannot_accept(action.address, reason, None))
    problems += _find_new_errors(plan.diagnostics, found.planned.plan.diagnostics)
    if problems:
        raise Refused(*problems)


def _find_new_errors(
    after: Sequence[Diagnostic], before: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """Yield the errors that a plan of the old files does not have.

    Each read of an account that cannot be read fails with another request id. Nothing is accepted
    there.
    """
    unread = {(each.code, each.address) for each in before if each.code in UNREAD}
    for error in after:
        is_known = error in before or (error.code, error.address) in unread
        if error.severity == "error" and not is_known:
            yield error


def _leaves_alone(action: Action, request: Request, known: Action | None) -> bool:
    """Return whether an action was planned before, and writes none of the accepted values."""
    if request.child is not None:
        return action.action == "import" and not action.changes
    return known is not None and not (action.set.keys() & request.values.keys())


def _check_paths(options: RunOptions, rewritten: Rewritten) -> None:
    """Raise UsageError when a file is the state, or holds a secret."""
    outputs = [Output(each.path, "--accept", edits=True) for each in rewritten.files]
    entry = options.directory / options.file
    check_outputs(outputs, entry, options.directory, options.variables)


def _show_differences(rewritten: Rewritten) -> Iterator[tuple[str, str]]:
    """Yield the name of each file and its difference, with secrets masked."""
    for each in rewritten.files:
        before, after = each.before.decode("utf-8"), each.after.decode("utf-8")
        yield each.file, show_difference(each.file, before, after)
