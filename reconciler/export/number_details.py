"""Return the fields of a number beside its routes as YAML has them, and the notes on what is unusual about
it; pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.desired.roundtrip import written_field
from reconciler.config.source.write import Flow
from reconciler.export import remarks
from reconciler.export.number_entry import NumberEntry
from reconciler.kinds.number_fields import BY_NAME
from reconciler.model.live import Live


def declare_fields(live: Live) -> dict[str, Flow]:
    """Return the fields that are set on a number, and that YAML can express."""
    fields: dict[str, Flow] = {}
    for name, value in _set_fields(live):
        written = written_field(name, value)
        if written is not None:
            fields[name] = written
    return fields


def list_notes(live: Live, declared: NumberEntry) -> Iterator[str]:
    """Yield the label of a number, and the remarks on it."""
    label = remarks.find_label(live)
    if label:
        yield label
    yield from list_number_remarks(live, declared)


def list_number_remarks(live: Live, declared: NumberEntry) -> Iterator[str]:
    """Yield what is unusual about a number."""
    yield from remarks.find_dead_routes(live)

    for part, reason in declared.left_alone.items():
        yield f"{part} is left alone: {reason}"
    for part, hook in declared.webhooks.items():
        yield from remarks.webhook_remarks(part, hook)
    for name, value in _set_fields(live):
        if written_field(name, value) is None:
            yield f"{name} is left alone: its value cannot be declared"


def _set_fields(live: Live) -> Iterator[tuple[str, object]]:
    for name, value in (live.fields or {}).items():
        if name in BY_NAME and value != BY_NAME[name].default:
            yield name, value
