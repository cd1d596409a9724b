"""Escape `${` in exported texts: a live value must not become a variable; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.config.source.write import Block, Entry, Flow, Items


def escape_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with escaped texts; keys hold no variables."""
    escaped: list[Entry] = []
    for entry in entries:
        escaped.append(entry._replace(value=_escape(entry.value)))
    return escaped


def _escape(value: Block | Items | Flow) -> Block | Items | Flow:
    if isinstance(value, Block):
        return Block(tuple(escape_entries(value.entries)))
    if isinstance(value, Items):
        return Items(tuple([_escape_flow(each) for each in value.values]))
    return _escape_flow(value)


def _escape_flow(value: Flow) -> Flow:
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {name: _escape_flow(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_escape_flow(each) for each in value]
    return value
