"""Define the types of the documents that commands print, as JSON or rendered (edits of the state:
`state.py`); `schemas/` is generated from them.

Every document has `format_version`, `command`, `summary` and `diagnostics`; the rest is the
command's own data. A change that could break a reader raises the first number of `FORMAT_VERSION`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.doctor.check import Check
from reconciler.kinds.purchase import NumberForSale
from reconciler.model.action import Change, RouteChange
from reconciler.model.actor import Actor
from reconciler.model.destination import Destination
from reconciler.planning.decide.drift import Drifted
from reconciler.report.documents.call_graph import Edge, Node

FORMAT_VERSION = "1.0"


class Document(msgspec.Struct, kw_only=True):
    """The common fields of all documents."""

    format_version: str = FORMAT_VERSION
    command: str
    summary: dict[str, Any] = {}
    diagnostics: list[Diagnostic] = []


class FailureDocument(Document, kw_only=True, forbid_unknown_fields=True):
    """The output of a command that failed: only the reasons."""


class ValidateDocument(Document, kw_only=True):
    """The output of `validate`: how much is declared, and every problem."""


class AgentChange(msgspec.Struct, frozen=True):
    """The agent of the last apply, and the declared one; null for none."""

    before: str | None
    after: str | None


class PlannedAction(msgspec.Struct, kw_only=True):
    """One action of a plan. `changes` and `takeover` are empty lists where there are none; `route`
    is null when calls go on reaching whom they reached before, `agent` when none is declared,
    `agent_change` when the agent of the last apply is the same, or there was no last apply. Of
    the reasons `drift` and `conflict`, each change has the `actor` who set the value before, null
    where that is not known; the `actor` of the action is that of all these changes, null where
    there are several or one is not known.
    """

    address: str
    action: str
    reason: str
    account: str
    agent: str | None
    agent_change: AgentChange | None = None
    sid: str | None
    changes: list[Change]
    actor: Actor | None
    takeover: list[Change]
    route: RouteChange | None
    file: str | None
    line: int | None
    column: int | None
    note: str | None


_NAMES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_EVENTS = {"enum": ["read", "denied", "unavailable"]}
_PLAN_SUMMARY = {
    "properties": {"would_refuse": _NAMES, "unread_accounts": _NAMES, "events": _EVENTS},
    "required": ["would_refuse", "unread_accounts"],
}
_READ_SUMMARY = {"properties": {"unread_accounts": _NAMES}, "required": ["unread_accounts"]}
ReadSummary = Annotated[dict[str, Any], msgspec.Meta(extra_json_schema=_READ_SUMMARY)]
"""The summary of a document for which accounts were read: it names those that could not be."""


_DRIFT_SUMMARY = {
    "properties": {
        "unread_accounts": _NAMES,
        "events": _EVENTS,
    },
    "required": ["unread_accounts", "events"],
}
DriftSummary = Annotated[dict[str, Any], msgspec.Meta(extra_json_schema=_DRIFT_SUMMARY)]
"""The summary of a drift check: it also has whether the event log could be read."""


class PlanDocument(Document, kw_only=True, dict=True):
    """The output of `plan` and `show PLANFILE`. `unmanaged` counts undeclared numbers;
    nothing touches them. `renames` lead from the old address of a resource to its new one, where
    any has changed. `digest` is that of the actions: `apply --expect DIGEST` carries out this plan
    and no other. `summary.would_refuse` are the codes with which an apply would refuse the plan,
    `[]` when it would not. `summary.events` is whether the event log, which has the actors, could
    be read; `read` also where nothing is overwritten. `destinations` are those of secrets that
    state has not recorded, for `plan`.
    """

    # `dict=True`: `analysis.groups` stores its results here, so that all formats share them.

    summary: Annotated[dict[str, Any], msgspec.Meta(extra_json_schema=_PLAN_SUMMARY)] = {}
    actions: list[PlannedAction]
    state_updates: list[str] = msgspec.field(name="refreshes")
    unmanaged: int
    renames: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    digest: str
    destinations: list[Destination] | msgspec.UnsetType = msgspec.UNSET


class OutcomeError(msgspec.Struct):
    """Why an action did not succeed."""

    code: str
    message: str


class ActionOutcome(msgspec.Struct, kw_only=True):
    """One action and what became of it."""

    address: str
    action: str
    status: Literal["applied", "normalised", "dropped", "reverted", "failed", "skipped"]
    error: OutcomeError | None
    note: str | None


class NumberError(msgspec.Struct, kw_only=True):
    """One failed action, with the SID of the number it was about (null for other kinds)."""

    address: str
    phone_number_sid: str | None
    code: str
    message: str


class ApplyDocument(Document, kw_only=True):
    """The output of `apply`: every outcome, and the counts. `summary.unread_accounts` could not be
    read.
    """

    summary: ReadSummary = {}
    outcomes: list[ActionOutcome]
    success_count: int
    failed_count: int
    errors: list[NumberError]


class AcceptedChanges(msgspec.Struct, kw_only=True):
    """What `drift --accept` has changed: the addresses whose live values are declared now, and the
    unified difference of each file that was rewritten.
    """

    addresses: list[str]
    files: list[RewrittenFileDiff]


class RewrittenFileDiff(msgspec.Struct, kw_only=True):
    """A file that was rewritten, with the unified difference to its former text."""

    file: str
    diff: str


class DriftDocument(Document, kw_only=True):
    """The output of `drift`; `pending` counts addresses that a plan would change for other reasons
    than drift. Nothing is known of `summary.unread_accounts`. `summary.events` is whether the event
    log, which has the actors, could be read; `read` also where nothing had drifted. `accepted` is
    there with `--accept` only; its addresses are among those that had drifted.
    """

    summary: DriftSummary = {}
    drifted: list[Drifted]
    pending: int
    unmanaged: int
    accepted: AcceptedChanges | msgspec.UnsetType = msgspec.UNSET


class ResourceDocument(Document, kw_only=True):
    """The output of `show ADDRESS` and `state show ADDRESS`."""

    resource: dict[str, Any]


class ResourceRow(msgspec.Struct, kw_only=True):
    """One line of `state list`."""

    address: str
    account: str
    sid: str
    agent: str | None


class StateListDocument(Document, kw_only=True):
    """The output of `state list`."""

    resources: list[ResourceRow]


class DoctorDocument(Document, kw_only=True):
    """The output of `doctor`: every check; `summary` counts them by status."""

    checks: list[Check]


class LintRule(msgspec.Struct, kw_only=True):
    """One rule; `level` is the one that it has by itself."""

    id: str
    level: str
    summary: str
    why: str
    cure: str


class LintDocument(Document, kw_only=True):
    """The output of `lint`: the findings are in `diagnostics`; with `--rules` the rules themselves."""

    rules: list[LintRule]


class GraphDocument(Document, kw_only=True):
    """The output of `graph --json`: the declared routes of calls and messages."""

    nodes: list[Node]
    edges: list[Edge]


class FormattedFile(msgspec.Struct, kw_only=True):
    """One file; `diff` is what has changed, or would, as a unified diff (null unless it was asked
    for).
    """

    file: str
    changed: bool
    diff: str | None


class FormatDocument(Document, kw_only=True):
    """The output of `fmt`; with `--check` or `--diff` nothing was written."""

    files: list[FormattedFile]
    written: bool


class InitDocument(Document, kw_only=True):
    """The output of `init`: the created files, and the existing files that stay as
    they are; `settings` are the variables and secrets that the jobs of a new CI file read.
    """

    files: list[str]
    kept: list[str]
    settings: list[str] = []


class ExportDocument(Document, kw_only=True):
    """The output of `export`: the file that it wrote, or (`out` is null) the configuration itself. It
    lacks what `summary.unread_accounts` hold, which could not be read.
    """

    summary: ReadSummary = {}
    out: str | None
    configuration: str | None


class ListedNumber(NumberForSale, kw_only=True, frozen=True):
    """One number for sale; `declared` in the configuration already, `written` to the file by this
    run.
    """

    declared: bool
    written: bool


class NumbersDocument(Document, kw_only=True):
    """The output of `numbers search`: the numbers for sale, and the file to which the chosen ones
    were added.
    """

    numbers: list[ListedNumber]
    out: str | None


class UnlockDocument(Document, kw_only=True):
    """The output of `state unlock`: whether there was a lock, and its holder, as far as that is
    known.
    """

    unlocked: bool
    holder: dict[str, Any] | None
