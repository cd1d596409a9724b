"""The modules that a mutation run changes, and the tests of each: the nearest first."""

from __future__ import annotations

from typing import NamedTuple


class Module(NamedTuple):
    """A module and its own tests; those of its package and of whole runs come after them."""

    path: str
    near: tuple[str, ...]
    package: tuple[str, ...]
    whole: tuple[str, ...]


_PLAN = ("tests/planning", "tests/cases", "tests/apply", "tests/kinds")
_APPLY = ("tests/apply", "tests/kinds", "tests/planning")
_WHOLE = ("tests/whole", "tests/buying", "tests/routes", "tests/laws")
_STATE = tuple([f"tests/state/test_state_{name}.py" for name in ("crash", "file", "hostile")])
_REPORT = ("tests/report", "tests/cases")


def _planned(name: str, *near: str) -> Module:
    tests = tuple([f"tests/planning/{test}.py" for test in near])
    return Module(f"reconciler/planning/{name}.py", tests, _PLAN, _WHOLE)


def _executed(name: str, *near: str) -> Module:
    tests = tuple([f"tests/apply/{test}.py" for test in near])
    return Module(f"reconciler/execution/{name}.py", tests, _APPLY, _WHOLE)


MODULES = (
    _planned("decide/number", "test_buying", "test_number", "test_takeover"),
    _planned("decide/numbers", "test_number"),
    _planned("decide/compare", "test_three_way", "test_compare"),
    _planned("decide/release", "test_release_fields", "test_release"),
    _planned(
        "decide/removals",
        "test_application_users",
        "test_list_users",
        "test_release",
        "test_trunks",
    ),
    _planned(
        "decide/registration",
        "test_registration_effects",
        "test_registration",
        "test_registration_recovery",
    ),
    _planned(
        "decide/registrations",
        "test_registration_effects",
        "test_registration",
        "test_registration_recovery",
    ),
    _planned("decide/resource", "test_resource", "test_trunks"),
    _planned(
        "decide/platform_effects",
        "test_platform_effects",
        "test_registration",
        "test_registration_recovery",
    ),
    _planned("identity/match", "test_child_addresses", "test_match"),
    _planned("identity/moved", "test_moved", "test_renames"),
    _planned("checks/guard", "test_guard"),
    _planned("staleness", "test_stale"),
    _executed("actions", "test_perform", "test_readback"),
    _executed("intents", "test_intents"),
    _executed("outcome_records", "test_outcome_records"),
    _executed("verify", "test_verify"),
    Module("reconciler/kinds/number.py", ("tests/kinds",), _PLAN, _WHOLE),
    Module(
        "reconciler/state/format/journal.py", ("tests/state/test_state_journal.py",), _STATE, ()
    ),
    Module("reconciler/report/analysis/risks.py", ("tests/report/test_risks.py",), _REPORT, _WHOLE),
)
