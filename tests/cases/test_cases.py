"""Every folder here is a case: a configuration, what Twilio has and what is remembered; and what comes of it.

| file               | is                                                                      |
|--------------------|-------------------------------------------------------------------------|
| `config.yaml`      | the configuration                                                       |
| `observed.json`    | accounts → numbers, trunks … in the form of Twilio's API                |
| `state.json`       | what is remembered, if anything                                         |
| `plan.txt`         | the plan as people read it                                              |
| `plan.json`        | the same as a document, where the form of the document is the point      |
| `calls.json`       | what apply sends for each action; empty when it would refuse            |
| `diagnostics.txt`  | problems and warnings                                                   |

`UPDATE_GOLDEN=1 pytest tests/cases` writes the last four anew; look at what changed. `plan.json` is written only where it
exists already. A few cases have it: together they show every field of the document and every action with every reason,
which a test checks. So a change of a word in a plan touches few files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.config.load.load import load
from reconciler.config.project import Project
from reconciler.diagnostics import has_errors
from reconciler.execution.outcome import Outcome
from reconciler.model.entry import Entry
from reconciler.planning.checks import guard
from reconciler.planning.identity.moved import follow_moves
from reconciler.planning.identity.observed import Observed
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.remote.facts import messaging_services
from reconciler.remote.queries.observe import observe
from reconciler.report.documents.build import plan_document
from reconciler.report.formats import json as json_format
from reconciler.report.text import render
from reconciler.report.text.style import Style
from reconciler.state.format.document import decode
from tests.support.memory.fake_twilio import Call, FakeTwilio
from tests.support.memory.step_runner import run_in_order

HERE = Path(__file__).parent
CASES = sorted(path.name for path in HERE.iterdir() if (path / "config.yaml").exists())
GOLDEN = ("plan.txt", "plan.json", "calls.json", "diagnostics.txt")


class Case:
    """One folder, planned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project: Project = load(folder / "config.yaml", environ={}, display_root=folder)
        self.twilio = FakeTwilio(json.loads((folder / "observed.json").read_text(encoding="utf-8")))
        state = folder / "state.json"
        known = (
            decode(state.read_bytes(), self.project.name, "state.json") if state.exists() else None
        )
        followed = follow_moves(
            known.resources if known else {}, self.project.desired, self.project.moves
        )
        self.entries: dict[str, Entry] = dict(followed.resources)
        self.renames, self.said = followed.renames, followed.diagnostics
        self.observed = self.observe(self.entries)
        self.plan = self.make(self.entries, self.observed)
        self.refusals = guard.find_refusals(self.plan, self.project.safety, (), force=False)

    def observe(self, entries: dict[str, Entry]) -> Observed:
        """What the accounts show that are declared or remembered."""
        gateways = self.twilio.gateways()
        needed = {want.profile.account for want in self.project.desired} | {
            e.account for e in entries.values()
        }
        answering, _ = messaging_services.prefetch_services(self.project.desired, gateways).result()
        observed = observe(self.project.desired, entries, {name: gateways[name] for name in needed})
        return observed.with_services(answering)

    def make(self, entries: dict[str, Entry], observed: Observed) -> Plan:
        """The plan."""
        plan = plan_resources(self.project.desired, entries, observed, self.project.our_urls)
        return msgspec.structs.replace(plan, renames=self.renames)

    @property
    def refused(self) -> bool:
        """Whether apply would write nothing at all."""
        return has_errors(list(self.plan.diagnostics)) or bool(self.refusals)

    def rendered(self) -> dict[str, str]:
        """The golden files as they ought to be; carries the plan out unless apply would refuse it."""
        announced = [
            guard.announce_refusal(r) for r in self.refusals if r not in self.plan.diagnostics
        ]
        codes = list(dict.fromkeys(refusal.code for refusal in self.refusals))
        document = plan_document(
            self.plan, [*self.project.warnings, *self.said, *announced], would_refuse=codes
        )
        steps = (
            []
            if self.refused
            else [_step(outcome, calls) for outcome, calls in self._carried_out()]
        )
        return {
            "plan.txt": render.render(document, Style()),
            "plan.json": json_format.render(document),
            "calls.json": json.dumps(steps, indent=2, ensure_ascii=False) + "\n",
            "diagnostics.txt": render.render_diagnostics(
                document.diagnostics,
                Style(),
                self._line,
            ),
        }

    def _line(self, file: str, line: int, column: int) -> tuple[str, str]:
        text = (self.folder / file).read_text(encoding="utf-8").splitlines()[line - 1]
        return text, text[: column - 1]

    def _carried_out(self) -> Iterator[tuple[Outcome, list[Call]]]:
        told = 0
        sids = {address: live.sid for address, live in self.observed.resources.items()}
        for outcome in run_in_order(self.twilio, self.entries, self.plan, sids):
            calls, told = self.twilio.calls[told:], len(self.twilio.calls)
            yield outcome, calls
            if outcome.entry is None:
                self.entries.pop(outcome.action.address, None)
            else:
                self.entries[outcome.action.address] = outcome.entry
        acted = {action.address for action in self.plan.actions}
        self.entries.update({a: e for a, e in self.plan.state_updates.items() if a not in acted})


def _step(outcome: Outcome, calls: list[Call]) -> dict[str, Any]:
    assert outcome.succeeded, outcome.error
    sent = [
        {"method": call.method, "path": call.path, "params": _form(call.params)} for call in calls
    ]
    return {"address": outcome.action.address, "action": outcome.action.action, "calls": sent}


def _form(params: dict[str, Any]) -> dict[str, str]:
    """Parameters as a form carries them."""
    return {
        name: str(v).lower() if isinstance(v, bool) else str(v)
        for name, v in params.items()
        if v is not None
    }


@pytest.mark.parametrize("name", CASES)
def test_case_matches_its_golden_files_and_converges(name: str) -> None:
    case = Case(HERE / name)
    rendered = case.rendered()
    if not (HERE / name / "plan.json").exists():
        del rendered["plan.json"]
    if os.environ.get("UPDATE_GOLDEN"):
        for file, text in rendered.items():
            (HERE / name / file).write_text(text, encoding="utf-8")
    for file, text in rendered.items():
        assert text == (HERE / name / file).read_text(encoding="utf-8"), file
    if not case.refused:
        again = case.make(case.entries, case.observe(case.entries))
        assert again.actions == ()
        assert again.state_updates == {}


@pytest.mark.parametrize("name", CASES)
def test_case_has_no_unused_file(name: str) -> None:
    inputs = {"config.yaml", "observed.json", "state.json"}
    assert {path.name for path in (HERE / name).iterdir()} <= {*inputs, *GOLDEN}


def forms_of(document: Any) -> set[tuple[str, ...]]:
    """Return every form in a document: paths of keys, and actions with their reason."""
    forms: set[tuple[str, ...]] = set()

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item, path)
        elif isinstance(value, dict):
            for key, item in value.items():
                forms.add((*path, key, type(item).__name__))
                walk(item, (*path, key))

    walk({name: value for name, value in document.items() if name != "summary"}, ())
    for action in document["actions"]:
        forms.add(("action", action["action"], action["reason"]))
    return forms


def test_golden_documents_cover_every_form() -> None:
    kept: set[tuple[str, ...]] = set()
    made: set[tuple[str, ...]] = set()
    for name in CASES:
        made |= forms_of(json.loads(Case(HERE / name).rendered()["plan.json"]))
        golden = HERE / name / "plan.json"
        if golden.exists():
            kept |= forms_of(json.loads(golden.read_text(encoding="utf-8")))
    assert made - kept == set()
