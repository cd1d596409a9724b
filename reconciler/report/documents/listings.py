"""Build the documents of `state list`, `show ADDRESS`, `export`, `numbers search`, `fmt`, `graph`,
`lint`, `doctor` and `state unlock` from finished results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from reconciler.config.lint_rules import RULES
from reconciler.config.source.source_line import show_difference
from reconciler.diagnostics import Diagnostic, sort_by_place
from reconciler.model.entry import Entry
from reconciler.planning.identity.children import without_deleted
from reconciler.report.documents.call_graph import Graph
from reconciler.report.documents.types import (
    DoctorDocument,
    ExportDocument,
    FormatDocument,
    FormattedFile,
    GraphDocument,
    LintDocument,
    LintRule,
    ListedNumber,
    NumbersDocument,
    ResourceDocument,
    ResourceRow,
    StateListDocument,
    UnlockDocument,
)

if TYPE_CHECKING:
    from reconciler.config.source.format import Formatted
    from reconciler.doctor.check import Check
    from reconciler.export.document import Exported
    from reconciler.kinds.purchase import NumberForSale
    from reconciler.state.stores.store import LockInfo


def state_list_document(resources: Mapping[str, Entry], *, command: str) -> StateListDocument:
    """Build the list of addresses in the state."""
    rows: list[ResourceRow] = []
    for address, entry in sorted(without_deleted(resources).items()):
        agent = entry.options.agent
        rows.append(ResourceRow(address=address, account=entry.account, sid=entry.sid, agent=agent))
    return StateListDocument(command=command, summary={"resources": len(rows)}, resources=rows)


def resource_document(
    address: str, fields: dict[str, Any], *, command: str = "show"
) -> ResourceDocument:
    """Build the document of one resource."""
    return ResourceDocument(
        command=command, summary={"address": address}, resource={"address": address, **fields}
    )


def export_document(exported: Exported, out: str | None) -> ExportDocument:
    """Build the document of an export, without a configuration that was written to a file."""
    summary = msgspec.to_builtins(exported)
    for content in ("text", "table", "rows", "problems"):
        del summary[content]

    # With a file the configuration is there, and not printed as well.
    text = exported.text if out is None else None
    return ExportDocument(
        command="export",
        summary=summary,
        diagnostics=list(exported.problems),
        out=out,
        configuration=text,
    )


def numbers_document(
    found: Sequence[NumberForSale],
    declared: Collection[str],
    written: Collection[str],
    out: str | None,
) -> NumbersDocument:
    """Build the list of numbers for sale, with which of them are declared or were written."""
    numbers: list[ListedNumber] = []
    for number in found:
        numbers.append(
            ListedNumber(
                **msgspec.structs.asdict(number),
                declared=number.phone_number in declared,
                written=number.phone_number in written,
            )
        )

    summary = {"numbers": len(numbers), "written": len(written)}
    return NumbersDocument(command="numbers search", summary=summary, numbers=numbers, out=out)


def format_document(formatted: Sequence[Formatted], *, diff: bool, written: bool) -> FormatDocument:
    """Build the list of files that changed, or would."""
    files: list[FormattedFile] = []
    changed = 0
    for each in formatted:
        differs = each.before != each.after
        changed += differs
        shown = show_difference(each.file, each.before, each.after) if diff else None
        files.append(FormattedFile(file=each.file, changed=differs, diff=shown))

    summary = {"files": len(files), "changed": changed}
    return FormatDocument(command="fmt", summary=summary, files=files, written=written)


def graph_document(found: Graph) -> GraphDocument:
    """Build the document of the call graph, with the number of orphans and loops."""
    orphans = [node for node in found.nodes if node.orphan]
    loops = [edge for edge in found.edges if edge.loop]

    counts = {
        "nodes": len(found.nodes),
        "edges": len(found.edges),
        "orphans": len(orphans),
        "loops": len(loops),
    }
    return GraphDocument(
        command="graph", summary=counts, nodes=list(found.nodes), edges=list(found.edges)
    )


def lint_document(found: Sequence[Diagnostic]) -> LintDocument:
    """Build the document of `lint`, with the number of diagnostics of each level."""
    levels = Counter(d.severity for d in found)
    summary = {"errors": levels["error"], "warnings": levels["warning"], "remarks": levels["info"]}
    return LintDocument(
        command="lint", summary=summary, diagnostics=sort_by_place(list(found)), rules=[]
    )


def rules_document() -> LintDocument:
    """Build the list of lint rules."""
    rules = [LintRule(id=name, **rule._asdict()) for name, rule in RULES.items()]
    return LintDocument(command="lint", summary={"rules": len(rules)}, rules=rules)


def doctor_document(checks: Sequence[Check], diagnostics: Sequence[Diagnostic]) -> DoctorDocument:
    """Build the document of `doctor`."""
    counts = Counter(check.status for check in checks)
    return DoctorDocument(
        command="doctor",
        summary={status: counts[status] for status in ("ok", "warning", "failed")},
        diagnostics=sort_by_place(list(diagnostics)),
        checks=list(checks),
    )


def unlock_document(found: LockInfo | None) -> UnlockDocument:
    """Build the document of a freed lock; None when there was none."""
    holder = (
        msgspec.to_builtins(found.holder)
        if found is not None and found.holder is not None
        else None
    )
    freed = found is not None
    return UnlockDocument(
        command="state unlock", summary={"unlocked": int(freed)}, unlocked=freed, holder=holder
    )
