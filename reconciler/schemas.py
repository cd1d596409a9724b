"""Map the name of each JSON Schema (configuration, state, plan file, output of a command) to the
function that generates it from the code of that document.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from reconciler.config.sections.schema import config_schema, fleet_schema
from reconciler.report.documents import explain, fleet, fleet_runs, log, numbers, state, types
from reconciler.state.schema import plan_file_schema, state_schema

_REFERENCE = "#/$defs/{name}"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _output(*shapes: type[types.Document]) -> Callable[[], dict[str, Any]]:
    """Return the schema of a command's document: one of these shapes, or a `FailureDocument`."""

    def schema() -> dict[str, Any]:
        references, components = msgspec.json.schema_components(
            [*shapes, types.FailureDocument], ref_template=_REFERENCE
        )
        return {
            "$schema": _DRAFT,
            "anyOf": list(references),
            "$defs": {name: _dedent(components[name]) for name in sorted(components)},
        }

    return schema


def _dedent(schema: Any) -> Any:
    """Return a schema whose descriptions have no indentation: not every version of msgspec removes
    that of a docstring.
    """
    if isinstance(schema, list):
        return [_dedent(item) for item in schema]
    if not isinstance(schema, dict):
        return schema

    cleaned: dict[str, Any] = {}
    for key, value in schema.items():
        is_text = key == "description" and isinstance(value, str)
        cleaned[key] = inspect.cleandoc(value) if is_text else _dedent(value)
    return cleaned


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "config": config_schema,
    "fleet": fleet_schema,
    "state": state_schema,
    "plan-file": plan_file_schema,
    "plan": _output(types.PlanDocument),
    "apply": _output(types.ApplyDocument),
    "rollback": _output(types.ApplyDocument, types.PlanDocument),
    "undo": _output(types.ApplyDocument, types.PlanDocument),
    "release": _output(types.ApplyDocument, types.PlanDocument),
    "drift": _output(types.DriftDocument),
    "list": _output(numbers.ListDocument),
    "log": _output(log.LogDocument),
    "fleet-validate": _output(fleet.FleetDocument),
    "fleet-plan": _output(fleet.FleetDocument),
    "fleet-apply": _output(fleet.FleetDocument),
    "fleet-drift": _output(fleet.FleetDocument),
    "fleet-list": _output(fleet.FleetDocument),
    "fleet-status": _output(fleet_runs.FleetRunsDocument, fleet.FleetDocument),
    "fleet-cancel": _output(fleet.FleetDocument),
    "doctor": _output(types.DoctorDocument),
    "validate": _output(types.ValidateDocument),
    "show": _output(types.ResourceDocument, types.PlanDocument, types.StateListDocument),
    "graph": _output(types.GraphDocument),
    "lint": _output(types.LintDocument),
    "explain": _output(explain.ExplainDocument),
    "fmt": _output(types.FormatDocument),
    "init": _output(types.InitDocument),
    "fleet-init": _output(types.InitDocument),
    "export": _output(types.ExportDocument),
    "numbers-search": _output(types.NumbersDocument),
    "state-show": _output(types.ResourceDocument),
    "state-unlock": _output(types.UnlockDocument),
    "state-list": _output(types.StateListDocument),
    "state-mv": _output(state.StateChangeDocument),
    "state-rm": _output(state.StateChangeDocument),
    "state-push": _output(state.StateChangeDocument),
    "state-pull": _output(state.StatePullDocument),
    "state-history": _output(state.StateHistoryDocument),
    "state-repair": _output(state.StateRepairDocument),
}
