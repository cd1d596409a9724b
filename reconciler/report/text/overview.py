"""Build the head of a report, in the same words for every format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from reconciler.model.address import Address
from reconciler.report.analysis.groups import Urgency, resources_of
from reconciler.report.analysis.risks import Level, level_of
from reconciler.report.documents.types import (
    ApplyDocument,
    Document,
    DriftDocument,
    PlanDocument,
    ValidateDocument,
)
from reconciler.report.text import plan, render, results
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
            return (
                "failed in part"
                if document.failed_count and document.success_count
                else _outcome(document)
            )
        case ValidateDocument():
            return "valid"
        case _:
            return "failed" if level == "blocked" else "nothing to do"


def _outcome(document: ApplyDocument) -> str:
    return "failed" if document.failed_count else "applied"


def _facts(document: Document) -> Iterator[str]:
    match document:
        case PlanDocument():
            yield from _plan_facts(document)
        case DriftDocument(drifted=drifted, pending=pending):
            yield from (f"{words} drifted" for words in _kinds([d.address for d in drifted]))
            if pending:
                yield f"{count(pending, 'resource')} waiting for other changes"
        case ApplyDocument():
            yield f"{document.success_count:,} succeeded"
            yield f"{document.failed_count:,} failed"


def _plan_facts(document: PlanDocument) -> Iterator[str]:
    found = resources_of(document)
    routes = [r for r in found if r.route is not None]
    takeovers = [r for r in found if r.takeover]
    if takeovers:
        yield f"{count(len(takeovers), 'takeover')} of foreign values"

    bought = [r.address for r in found if "purchase" in r.steps]
    yield from (f"{words} bought" for words in _kinds(bought))

    silent = sum(r.route is not None and r.route.after == "nothing" for r in routes)
    if silent:
        yield f"calls to {count(silent, 'number')} reach nothing"
    yield from (f"calls to {words} go elsewhere" for words in _kinds([r.address for r in routes]))

    hidden = sum(r.route is not None and bool(r.route.hidden) for r in routes)
    if hidden:
        yield f"{count(hidden, 'hidden route')}"
    removed = [r.address for r in found if r.urgency is Urgency.REMOVAL]
    yield from (f"{words} no longer managed" for words in _kinds(removed))


def _problems(document: Document) -> Iterator[str]:
    severities = Counter(d.severity for d in document.diagnostics)
    if severities["error"]:
        yield count(severities["error"], "error")
    if severities["warning"]:
        yield count(severities["warning"], "warning")


def _kinds(addresses: list[str]) -> list[str]:
    counts = Counter(Address.parse(address).kind for address in addresses)
    return [count(number, kind_of(kind)) for kind, number in counts.most_common()]


def _headline(document: Document) -> str:
    match document:
        case PlanDocument():
            return " ".join(
                filter(None, (plan.refusal_sentence(document), plan.headline(document)))
            )
        case ApplyDocument():
            return results.apply_sentence(document)
        case DriftDocument():
            return f"{count(len(document.drifted), 'resource')} drifted."
        case ValidateDocument():
            return render.valid_sentence(document)
        case _:
            return f"{count(sum(d.severity == 'error' for d in document.diagnostics), 'error')}."


def _aside(document: Document) -> str:
    sentences = []
    if isinstance(document, PlanDocument):
        sentences += [plan.destination_sentence(each) for each in document.destinations or ()]
    if isinstance(document, PlanDocument | DriftDocument) and document.unmanaged:
        sentences.append(
            f"{count(document.unmanaged, 'number')} on Twilio not declared here; left alone."
        )
    return " ".join(sentences)
