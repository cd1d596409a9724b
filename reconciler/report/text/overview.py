"""Build the head of a report for Markdown, HTML and the confirmation prompt: risk level, verdict,
reasons, counts, and what is not touched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from reconciler.model.address import Address
from reconciler.report.analysis.fleet_causes import has_unended, needs_attention
from reconciler.report.analysis.groups import Urgency, resources_of
from reconciler.report.analysis.risks import Level, level_of
from reconciler.report.documents.fleet import FleetDocument
from reconciler.report.documents.types import (
    ApplyDocument,
    Document,
    DriftDocument,
    PlanDocument,
    ValidateDocument,
)
from reconciler.report.text import fleet, plan, render, results
from reconciler.report.wording import count, kind_of

_WORDS: dict[Level, str] = {
    "none": "nothing to do",
    "low": "low risk",
    "medium": "medium risk",
    "high": "high risk",
    "blocked": "blocked",
}


class Overview(msgspec.Struct, frozen=True):
    """The head of a report. `verdict` is the level in words, `facts` are its reasons, the worst
    first, and `aside` names what is not touched.
    """

    command: str
    project: str
    level: Level
    verdict: str
    facts: list[str]
    headline: str
    aside: str = ""

    @property
    def marker(self) -> str:
        """Return a comment by which the next report of the same kind replaces this one."""
        name = re.sub(r"[^A-Za-z0-9_.]+", "-", self.project).strip("-")
        return f"<!-- reconciler:{self.command}:{name} -->"


def build_overview(document: Document, project: str) -> Overview:
    """Build the head of the report on a document."""
    level = level_of(document)
    command = "plan" if isinstance(document, PlanDocument) else document.command
    facts = [*_facts(document), *_problems(document)]

    return Overview(
        command,
        project,
        level,
        _verdict(document, level),
        facts,
        _headline(document),
        _aside(document),
    )


def _verdict(document: Document, level: Level) -> str:
    match document:
        case PlanDocument(summary=summary) if summary.get("would_refuse"):
            return f"{_WORDS[level]}, apply would refuse it"
        case PlanDocument():
            return _WORDS[level]
        case DriftDocument():
            return "drifted" if document.drifted else "no drift"
        case ApplyDocument() if document.outcomes:
            return _outcome(document)
        case ValidateDocument():
            return "valid"
        case FleetDocument() if level == "low" and has_unended(document.stacks):
            return "not ended yet"
        case FleetDocument():
            return "every stack ended well" if level in ("none", "low") else "needs attention"
        case _:
            return "failed" if level == "blocked" else "nothing to do"


def _outcome(document: ApplyDocument) -> str:
    if not document.failed_count:
        return "applied"
    return "failed in part" if document.success_count else "failed"


def _facts(document: Document) -> Iterator[str]:
    match document:
        case PlanDocument():
            yield from _plan_facts(document)
        case DriftDocument(drifted=drifted, pending=pending):
            for words in _kinds([d.address for d in drifted]):
                yield f"{words} drifted"
            if pending:
                yield f"{count(pending, 'resource')} waiting for other changes"
        case FleetDocument():
            yield from _fleet_facts(document)
        case ApplyDocument():
            yield f"{document.success_count:,} succeeded"
            yield f"{document.failed_count:,} failed"


def _fleet_facts(document: FleetDocument) -> Iterator[str]:
    failed = len([stack for stack in document.stacks if needs_attention(stack)])
    refused = len([stack for stack in document.stacks if stack.would_refuse])
    totals = document.summary.get("totals", {})
    if failed:
        yield f"{count(failed, 'stack')} did not end well"
    if refused:
        yield f"apply would refuse {count(refused, 'stack')}"
    if totals.get("takeovers"):
        yield f"{count(totals['takeovers'], 'takeover')} of foreign values"
    if totals.get("drifted"):
        yield f"{count(totals['drifted'], 'resource')} drifted"


def _plan_facts(document: PlanDocument) -> Iterator[str]:
    takeovers = silent = hidden = 0
    bought: list[str] = []
    rerouted: list[str] = []
    removed: list[str] = []
    for resource in resources_of(document):
        takeovers += bool(resource.takeover)
        if "purchase" in resource.steps:
            bought.append(resource.address)
        if resource.urgency is Urgency.REMOVAL:
            removed.append(resource.address)
        if resource.route is not None:
            rerouted.append(resource.address)
            silent += resource.route.after == "nothing"
            hidden += bool(resource.route.hidden)

    # The worst comes first.
    if takeovers:
        yield f"{count(takeovers, 'takeover')} of foreign values"
    for words in _kinds(bought):
        yield f"{words} bought"
    if silent:
        yield f"calls to {count(silent, 'number')} reach nothing"
    for words in _kinds(rerouted):
        yield f"calls to {words} go elsewhere"
    if hidden:
        yield f"{count(hidden, 'hidden route')}"
    for words in _kinds(removed):
        yield f"{words} no longer managed"


def _problems(document: Document) -> Iterator[str]:
    severities = Counter(d.severity for d in document.diagnostics)
    if severities["error"]:
        yield count(severities["error"], "error")
    if severities["warning"]:
        yield count(severities["warning"], "warning")


def _kinds(addresses: list[str]) -> list[str]:
    counts = Counter([Address.parse(address).kind for address in addresses])
    return [count(number, kind_of(kind)) for kind, number in counts.most_common()]


def _headline(document: Document) -> str:
    match document:
        case PlanDocument():
            sentences = (plan.refusal_sentence(document), plan.headline(document))
            return " ".join(filter(None, sentences))
        case ApplyDocument():
            return results.apply_sentence(document)
        case DriftDocument():
            return f"{count(len(document.drifted), 'resource')} drifted."
        case ValidateDocument():
            return render.valid_sentence(document)
        case FleetDocument():
            return fleet.headline(document)
        case _:
            errors = [d for d in document.diagnostics if d.severity == "error"]
            return f"{count(len(errors), 'error')}."


def _aside(document: Document) -> str:
    sentences: list[str] = []
    if isinstance(document, PlanDocument):
        for destination in document.destinations or ():
            sentences.append(plan.destination_sentence(destination))

    if isinstance(document, PlanDocument | DriftDocument) and document.unmanaged:
        sentences.append(
            f"{count(document.unmanaged, 'number')} on Twilio not declared here; left alone."
        )
    return " ".join(sentences)
