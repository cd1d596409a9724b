"""The functions for programs: load a configuration, plan, apply exactly that plan, check for drift.

They return the values of the JSON that the commands print, ask no question, print nothing, and
install no signal handler. docs/reference/python-api.md describes them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Any, cast

import msgspec

from reconciler.config.project import Project
from reconciler.config.secrets.destinations import destinations_of
from reconciler.config.variable_sources import VariableSources
from reconciler.diagnostics import Diagnostic, describe_file_problem, sort_by_place
from reconciler.errors import Exit, ReconcilerError, Refused
from reconciler.execution.outcome import Outcome
from reconciler.model.address import NUMBER_KINDS
from reconciler.remote.transport.time_limit import TimeLimit
from reconciler.report.documents.build import apply_document, drift_document, plan_document
from reconciler.report.documents.counts import count_declared
from reconciler.report.documents.types import Document, ValidateDocument
from reconciler.report.formats.json import render
from reconciler.state.plan_file import PlanFile
from reconciler.workflows import apply_saved, plan_apply, validate
from reconciler.workflows import drift as drift_workflow
from reconciler.workflows.exit_codes import plan_exit_code, result_exit_code
from reconciler.workflows.saved_plan_check import digest_of_plan
from reconciler.workflows.session import DEFAULT_FILE, Applied, Consent, Planned, RunOptions

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class Record(dict[str, Any]):
    """One object of the JSON: a dictionary whose keys can be read as attributes too."""

    def __getattr__(self, name: str) -> Any:
        """Return the value of a key."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class _Output:
    """The document of a command: the common keys of its JSON, and its exit code."""

    def __init__(self, document: Document, exit_code: int) -> None:
        self._json: Record = json.loads(render(document), object_hook=Record)
        self.exit_code = exit_code

    @property
    def summary(self) -> Record:
        """The counts of the command."""
        return cast(Record, self._json["summary"])

    @property
    def diagnostics(self) -> list[Record]:
        """The problems and remarks, those of the configuration included."""
        return cast(list[Record], self._json["diagnostics"])

    def to_dict(self) -> dict[str, Any]:
        """Return the whole JSON of the command, as a copy."""
        copy: dict[str, Any] = json.loads(json.dumps(self._json))
        return copy


class Config(_Output):
    """A valid configuration. `project` is its name, `path` its entry file, `state` the location of
    its state, `numbers` what it declares on Twilio, `destinations` the servers that get secrets.
    """

    def __init__(
        self, document: Document, exit_code: int, options: RunOptions, project: Project
    ) -> None:
        super().__init__(document, exit_code)
        self.path = options.directory / options.file
        self.project = project.name
        self.state = project.state
        self.numbers = _list_numbers(project)
        destinations = msgspec.to_builtins(destinations_of(project))
        self.destinations = [Record(each) for each in destinations]
        self._options = options
        self._digest = project.digest


class Plan(_Output):
    """What an apply would do. `digest` is the digest of the actions that `plan` prints."""

    def __init__(
        self, document: Document, exit_code: int, options: RunOptions, saved: PlanFile
    ) -> None:
        super().__init__(document, exit_code)
        self._options = options
        self._saved = saved

    @property
    def actions(self) -> list[Record]:
        """The actions, in the order of execution."""
        return cast(list[Record], self._json["actions"])

    @property
    def would_refuse(self) -> list[str]:
        """The codes with which an apply without consent would refuse the plan."""
        return cast(list[str], self.summary["would_refuse"])

    @property
    def digest(self) -> str:
        """The digest of the actions, `sha256:…`."""
        return str(self._json["digest"])


class Result(_Output):
    """What an apply did: every outcome, verified."""

    @property
    def outcomes(self) -> list[Record]:
        """The outcome of each action."""
        return cast(list[Record], self._json["outcomes"])

    @property
    def errors(self) -> list[Record]:
        """The actions that failed."""
        return cast(list[Record], self._json["errors"])

    @property
    def success_count(self) -> int:
        """The number of actions that succeeded."""
        return int(self._json["success_count"])

    @property
    def failed_count(self) -> int:
        """The number of actions that failed."""
        return int(self._json["failed_count"])


class Drift(_Output):
    """What was changed outside the reconciler since the last apply."""

    @property
    def drifted(self) -> list[Record]:
        """One entry for each address that has drifted."""
        return cast(list[Record], self._json["drifted"])

    @property
    def pending(self) -> int:
        """The number of addresses that a plan would change for other reasons than drift."""
        return int(self._json["pending"])

    @property
    def unmanaged(self) -> int:
        """The number of phone numbers that are not declared."""
        return int(self._json["unmanaged"])


class Incomplete(ReconcilerError):
    """Only a part was applied or read; `result` is the `Result` or `Drift` of that part."""

    def __init__(
        self, *diagnostics: Diagnostic, result: Result | Drift, exit_code: int = Exit.FAILED
    ) -> None:
        super().__init__(*diagnostics)
        self.exit = Exit(exit_code)
        self.result = result


def load(path: str | os.PathLike[str], variables: Mapping[str, str] = NO_VARIABLES) -> Config:
    """Load a configuration: an entry file, or the folder of a `reconciler.yaml`.

    Needs no credentials and no network. `variables` have the rank of `--var`. Raises ConfigInvalid.
    """
    entry = Path(path).absolute()
    if entry.is_dir():
        entry = entry / DEFAULT_FILE
    options = RunOptions(
        directory=entry.parent,
        file=entry.name,
        environ={},
        progress=_Silence(),
        clock=lambda: datetime.now(UTC),
        command="Python API",
        variables=VariableSources(given=_check_values(variables)),
    )

    with _plain_errors():
        run = _start_run(options)
        project = validate.validate(run)
    found = sort_by_place([*project.warnings, *project.violations])
    document = ValidateDocument(
        command="validate", summary=count_declared(project), diagnostics=found
    )
    code = Exit.REFUSED if project.violations else Exit.DONE
    return Config(document, code, options, project)


def plan(config: Config) -> Plan:
    """Compare the configuration with Twilio and the state, and change nothing.

    A plan with errors is returned whole: its `exit_code` is 1 and `apply` refuses it.
    """
    _check_argument(config, Config, "load")
    with _plain_errors():
        options = _start_run(config._options)
        planned = plan_apply.plan(options)
        _check_unchanged(config, planned)
        saved = plan_apply.make_plan_file(options, planned)

    document = plan_document(
        planned.plan,
        planned.notes,
        would_refuse=planned.would_refuse,
        digest=digest_of_plan(planned),
        destinations=planned.new_destinations,
        events=planned.events,
    )
    return Plan(document, plan_exit_code(planned, detailed=False), config._options, saved)


def apply(
    plan: Plan, allow_takeover: bool | str | Sequence[str] = False, force: bool = False
) -> Result:
    """Apply exactly this plan: plan again, and refuse a plan that differs (exit 4, `plan_stale`).

    `allow_takeover` consents to all takeovers, or to those of addresses that match a pattern.
    `force` lifts the limits of `safety`. Raises Refused before anything is written, and Incomplete
    when an action failed.
    """
    _check_argument(plan, Plan, "plan")
    consent = Consent(takeovers=_to_patterns(allow_takeover), force=force)
    with _plain_errors():
        options = _start_run(plan._options)
        applied = apply_saved.apply(options, consent, None, plan._saved, plan.digest)
        return _to_result(applied)


def drift(config: Config) -> Drift:
    """Compare what was last applied with what is on Twilio; `exit_code` is 2 when something has
    drifted. Raises Incomplete when an account could not be read.
    """
    _check_argument(config, Config, "load")
    with _plain_errors():
        planned, found = drift_workflow.drift(_start_run(config._options))
        _check_unchanged(config, planned)
        lasting = [note for note in planned.notes if note.code == "unexpected_form"]
        remarks = [*planned.project.warnings, *lasting, *found.problems]
        document = drift_document(found.drifted, planned.plan, remarks, events=found.events)
        if planned.left_undecided:
            partial = Drift(document, Exit.FAILED)
            errors = [each for each in document.diagnostics if each.severity == "error"]
            raise Incomplete(*errors, result=partial)
    return Drift(document, Exit.CHANGES if found.drifted else Exit.DONE)


def _to_result(applied: Applied) -> Result:
    """Return the result of an apply. Raises Incomplete unless everything was done."""
    planned, outcomes = applied.planned, applied.result
    document = apply_document(outcomes, planned.notes, plan=planned.plan)
    code = result_exit_code(outcomes, planned.left_undecided)
    result = Result(document, code)
    if code == Exit.DONE:
        return result

    unread = [each for each in planned.plan.diagnostics if each.severity == "error"]
    problems = [*map(_describe_failure, outcomes.failures), *unread]
    raise Incomplete(*problems, result=result, exit_code=code)


def _describe_failure(outcome: Outcome) -> Diagnostic:
    """Return a failed action as a diagnostic."""
    error, action = outcome.error, outcome.action
    return Diagnostic.at(
        action,
        code=error.code if error is not None else "internal_error",
        summary=f"The action `{action.action}` failed",
        detail=error.message if error is not None else "",
        address=action.address,
    )


def _start_run(options: RunOptions) -> RunOptions:
    """Return the options of one run, with the environment as it is now."""
    environ = dict(os.environ)
    return msgspec.structs.replace(
        options,
        environ=environ,
        variables=msgspec.structs.replace(options.variables, environ=environ),
        limit=TimeLimit(),
        stop=Event(),
        static_warnings=[],
        baselines={},
    )


def _check_unchanged(config: Config, planned: Planned) -> None:
    """Raise Refused when the files have another meaning than when they were loaded."""
    if planned.project.digest == config._digest:
        return
    detail = f"The configuration has changed since it was loaded: call `load` again for {config.path.name}."
    raise Refused(
        Diagnostic(code="plan_stale", summary="The configuration has changed", detail=detail)
    )


def _list_numbers(project: Project) -> list[str]:
    """Return the declared numbers and bridge numbers that the account has to have already."""
    numbers: list[str] = []
    for declared in project.desired:
        if declared.kind in NUMBER_KINDS and declared.profile.purchase is None:
            numbers.append(declared.key)
    return numbers


def _check_argument(given: object, wanted: type[_Output], source: str) -> None:
    if not isinstance(given, wanted):
        raise TypeError(
            f"expected the {wanted.__name__} that `{source}` returns, not {type(given).__name__}"
        )


def _check_values(variables: Mapping[str, str]) -> dict[str, str]:
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the variable {name!r} and its value must be strings")
    return dict(variables)


def _to_patterns(allowed: bool | str | Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of addresses whose takeover is allowed."""
    if isinstance(allowed, bool):
        return ("*",) if allowed else ()
    return (allowed,) if isinstance(allowed, str) else tuple(allowed)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Give every error diagnostics that read as the JSON does, a problem of a file as well."""
    try:
        yield
    except ReconcilerError as error:
        error.diagnostics = _to_records(error.diagnostics)
        raise
    except OSError as error:
        failure = ReconcilerError(describe_file_problem(error))
        failure.diagnostics = _to_records(failure.diagnostics)
        raise failure from error


def _to_records(diagnostics: Sequence[Diagnostic]) -> Any:
    document = Document(command="", diagnostics=list(diagnostics))
    return json.loads(render(document), object_hook=Record)["diagnostics"]


class _Silence:
    """Progress that reports nothing."""

    def report_read(self, account: str, numbers: int) -> None:
        """Do nothing."""

    def show_plan(self, planned: Planned) -> None:
        """Do nothing."""

    def start(self, total: int) -> None:
        """Do nothing."""

    def report_outcome(self, outcome: Outcome) -> None:
        """Do nothing."""
