"""Rewrite the files of a configuration so that they declare live values, and check that nothing
else changes; the files are read, and nothing is written.

1. Find each declaration, and collect the changes of its text. All that is impossible is reported
   at once.
2. Change the texts, and load the configuration from them.
3. Compare: the accepted addresses have exactly the live values, and all others what they had.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from reconciler.config.accept.files import ConfigurationFiles
from reconciler.config.accept.messaging_services import without_unmanaged
from reconciler.config.accept.numbers import NumberWriter
from reconciler.config.accept.request import CannotAccept, Request, cannot_accept
from reconciler.config.accept.resources import SECTIONS, add_child, add_values
from reconciler.config.load.load import load
from reconciler.config.load.merge import Merged
from reconciler.config.load.write_files import file_changed
from reconciler.config.project import Project
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid, Refused
from reconciler.model.address import NUMBER_KINDS
from reconciler.model.desired import Desired
from reconciler.planning.identity.match import rename_references

_REWRITTEN = frozenset({*SECTIONS.values(), "agents"})
"""The sections in which live values are declared."""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where a configuration is read from: its entry file, and what its values depend on."""

    entry: Path
    directory: Path
    environ: Mapping[str, str]
    variables: VariableSources


class RewrittenFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file before and after; `file` is its name in diagnostics."""

    file: str
    path: Path
    before: bytes
    after: bytes


class Rewritten(msgspec.Struct, frozen=True, kw_only=True):
    """The files that change, and the configuration that they are part of."""

    files: tuple[RewrittenFile, ...]
    project: Project


def rewrite(
    project: Project, sources: Sources, requests: Sequence[Request], names: Mapping[str, str]
) -> Rewritten:
    """Return the changed files. `names` are those of trunks and applications by SID.

    Raises Refused with every reason when one of the requests is impossible.
    """
    merged = Merged(sources.entry, sources.directory, sources.variables)
    if merged.digest != project.digest:  # somebody has edited a file since it was loaded
        raise Refused(file_changed(sources.entry))
    files = ConfigurationFiles(merged)
    _collect_changes(project, files, requests, names)
    try:
        edited = files.edit()
    except CannotAccept as error:
        raise Refused(_about(requests, str(error))) from error

    changed = tuple(
        RewrittenFile(file=file, path=files.path(file), before=before, after=after)
        for file, (before, after) in edited.items()
    )
    contents = {os.path.realpath(each.path): each.after for each in changed}
    merged_after = Merged(sources.entry, sources.directory, sources.variables, contents)
    _compare_sections(merged, merged_after, requests)
    after = _load(sources, merged_after, requests)
    _compare(project, after, requests, names)
    return Rewritten(files=changed, project=after)


def _collect_changes(
    project: Project,
    files: ConfigurationFiles,
    requests: Sequence[Request],
    names: Mapping[str, str],
) -> None:
    """Collect the changes of all declarations. Raises Refused with every reason."""
    numbers = NumberWriter(project, files, requests, names)
    problems: list[Diagnostic] = []
    for request in requests:
        try:
            section = SECTIONS.get(request.declared.kind, "")
            entry = files.find(section, request.declared.position)
            if entry is None:
                raise CannotAccept(
                    "It is declared in a form that this command does not rewrite. Change the file "
                    "by hand."
                )
            if request.child is not None:
                add_child(request, entry, files)
            elif request.kind in NUMBER_KINDS:
                numbers.add(request, entry)
            else:
                add_values(request, entry, files)
        except CannotAccept as error:
            problems.append(cannot_accept(request.address, str(error), request.declared))
    if problems:
        raise Refused(*problems)


def _compare_sections(before: Merged, after: Merged, requests: Sequence[Request]) -> None:
    """Raise Refused when a section has changed that no live value is declared in.

    An alias may repeat a value that is accepted: it must not lead secrets to another host.
    """
    for section in sorted({*before.parts, *after.parts} - _REWRITTEN):
        old, new = (
            [place.node for place in each.parts.get(section, [])] for each in (before, after)
        )
        if old != new:
            raise Refused(_about(requests, f"It would also change `{section}`."))


def _load(sources: Sources, merged: Merged, requests: Sequence[Request]) -> Project:
    """Load the configuration from the new texts. Raises Refused when they are not valid."""
    try:
        return load(
            sources.entry,
            environ=sources.environ,
            display_root=sources.directory,
            merged=merged,
            variables=sources.variables,
        )
    except ConfigInvalid as error:
        first = next(d for d in error.diagnostics if d.severity == "error")
        place = f"{first.file}:{first.line}: " if first.file else ""
        reason = f"With the live values the configuration would not be valid: {place}{first.summary}. {first.detail}"
        raise Refused(_about(requests, reason)) from error


def _compare(
    before: Project, after: Project, requests: Sequence[Request], names: Mapping[str, str]
) -> None:
    """Raise Refused unless exactly the accepted values have changed."""
    accepted = {each.declared.address: each for each in requests if each.child is None}
    children = [each for each in requests if each.child is not None]
    parents = {each.declared.address for each in children}
    old = {each.address: each for each in before.desired}
    new = {each.address: each for each in after.desired}

    problems: list[Diagnostic] = []
    for address in sorted({*old, *new}):
        request = accepted.get(address)
        if address not in old or address not in new:
            if address in old or not any(each.is_child(address) for each in children):
                problems.append(_about(requests, f"It would also change `{address}`."))
        elif request is not None:
            problems += _compare_accepted(request, old[address], new[address], names)
        elif not _is_same(old[address], new[address], is_parent=address in parents):
            problems.append(_about(requests, f"It would also change `{address}`."))
    if problems:
        raise Refused(*problems)


def _compare_accepted(
    request: Request, old: Desired, new: Desired, names: Mapping[str, str]
) -> list[Diagnostic]:
    """Return the problem of an address that would not have exactly its live values."""
    values = {**rename_references(old.profile.attrs, names), **request.values}
    wanted = without_unmanaged(request.kind, values)
    found = rename_references(new.profile.attrs, names)

    # The agent may be another one. Everything else that is declared has to stay.
    options = msgspec.structs.replace(new.profile.options, agent=old.profile.options.agent)
    profile = msgspec.structs.replace(new.profile, attrs=old.profile.attrs, options=options)
    rest = msgspec.structs.replace(new, profile=profile, position=old.position)
    if found == wanted and rest == old:
        return []
    reason = "The file cannot declare its live values exactly. Change the file by hand."
    return [cannot_accept(request.address, reason, request.declared)]


def _is_same(old: Desired, new: Desired, *, is_parent: bool) -> bool:
    """Return whether two declarations mean the same, wherever they are.

    A parent that gets its first declared child decides about the others as well.
    """
    moved = msgspec.structs.replace(new, position=old.position)
    if is_parent:
        moved = msgspec.structs.replace(moved, unlisted=old.unlisted)
    return old == moved


def _about(requests: Sequence[Request], reason: str) -> Diagnostic:
    """Return a diagnostic about the requests as a whole."""
    only = requests[0] if len(requests) == 1 else None
    if only is None:
        reason = f"{reason} Accept fewer addresses at once to find the one."
    return cannot_accept(only.address if only else "", reason, only.declared if only else None)
