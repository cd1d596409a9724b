"""The table of JSON Schemas: by name, each made from the code that reads or writes such a document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from reconciler.config.schema import config_schema
from reconciler.report import documents, state_documents
from reconciler.state.schema import plan_file_schema, state_schema

_REFERENCE = "#/$defs/{name}"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _output(*shapes: type[documents.Document]) -> Callable[[], dict[str, Any]]:
    """The schema of a command's document: one of these shapes, or a `FailureDocument`."""

    def schema() -> dict[str, Any]:
        references, components = msgspec.json.schema_components(
            [*shapes, documents.FailureDocument], ref_template=_REFERENCE
        )
        return {"$schema": _DRAFT, "anyOf": list(references), "$defs": dict(sorted(components.items()))}

    return schema


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "config": config_schema,
    "state": state_schema,
    "plan-file": plan_file_schema,
    "plan": _output(documents.PlanDocument),
    "apply": _output(documents.ApplyDocument),
    "rollback": _output(documents.ApplyDocument, documents.PlanDocument),
    "undo": _output(documents.ApplyDocument, documents.PlanDocument),
    "release": _output(documents.ApplyDocument, documents.PlanDocument),
    "drift": _output(documents.DriftDocument),
    "doctor": _output(documents.DoctorDocument),
    "validate": _output(documents.ValidateDocument),
    "show": _output(documents.ResourceDocument, documents.PlanDocument, documents.StateListDocument),
    "graph": _output(documents.GraphDocument),
    "lint": _output(documents.LintDocument),
    "fmt": _output(documents.FormatDocument),
    "init": _output(documents.InitDocument),
    "export": _output(documents.ExportDocument),
    "numbers-search": _output(documents.NumbersDocument),
    "state-show": _output(documents.ResourceDocument),
    "state-unlock": _output(documents.UnlockDocument),
    "state-list": _output(documents.StateListDocument),
    "state-mv": _output(state_documents.StateChangeDocument),
    "state-rm": _output(state_documents.StateChangeDocument),
    "state-push": _output(state_documents.StateChangeDocument),
    "state-pull": _output(state_documents.StatePullDocument),
    "state-history": _output(state_documents.StateHistoryDocument),
    "state-repair": _output(state_documents.StateRepairDocument),
}
