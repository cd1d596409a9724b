from __future__ import annotations

from reconciler.model.action import Action
from reconciler.planning.staleness import (
    MOST_DIFFERENCES,
    about_question,
    add_differences,
    base_moved,
    find_moved_resources,
    list_changes,
    list_differences,
    plan_stale,
)

SAVED = {"sid": "PN1", "voice_url": "https://a.example.com/", "trunk_sid": None, "secure": False}


def test_unchanged_world_is_not_stale() -> None:
    assert find_moved_resources({"number/1": SAVED}, {"number/1": dict(SAVED)}) == []


def test_names_field_and_both_values_of_a_changed_object() -> None:
    now = {**SAVED, "voice_url": "https://b.example.com/", "trunk_sid": "TK1"}
    details = [d.detail for d in find_moved_resources({"number/1": SAVED}, {"number/1": now})]
    assert len(details) == 2
    assert "number/1: trunk_sid was not set when the plan was made and is TK1 now." in details[0]
    assert "number/1: voice_url was https://a.example.com/" in details[1]


def test_names_an_object_that_no_longer_exists() -> None:
    for live in ({}, {"number/1": None}):
        (problem,) = find_moved_resources({"number/1": SAVED}, live)
        assert (problem.code, problem.address) == ("plan_stale", "number/1")
        assert "is not there any more" in problem.detail


def test_objects_are_named_in_the_order_of_their_addresses() -> None:
    problems = find_moved_resources({"b": SAVED, "a": SAVED}, {})
    assert [p.address for p in problems] == ["a", "b"]


def test_field_added_or_removed_has_no_value_on_one_side() -> None:
    assert list_changes({"a": 1}, {"b": True}) == [("a", 1, None), ("b", None, True)]


def test_reports_both_versions_of_a_changed_base() -> None:
    problem = base_moved("configuration", "one", "two")
    assert problem.code == "plan_stale"
    assert "one" in problem.detail
    assert "two" in problem.detail


def test_stale_plan_lists_its_differences_to_a_new_plan() -> None:
    reason = base_moved("configuration", "sha256:a", "sha256:b")
    differences = [
        plan_stale(f"number/+15550100{n:03}: `import` is not there now.", None) for n in range(25)
    ]
    problem = add_differences(reason, differences)
    lines = problem.detail.splitlines()
    assert lines[0].endswith("The plan made now is different:")
    assert lines[1] == "  number/+15550100000: `import` is not there now."
    assert len([line for line in lines if "`import`" in line]) == MOST_DIFFERENCES
    assert lines[MOST_DIFFERENCES + 1] == "  … and 5 more"
    assert lines[-2:] == [
        "Nothing has been written. Make a new plan and review it:",
        "  reconciler plan --out FILE",
    ]

    # At the prompt the cure is another one.
    asked = about_question(problem)
    assert "--out FILE" not in asked.detail
    assert asked.detail.count("Nothing has been written.") == 1


def test_a_difference_shows_a_bounded_part_of_a_value() -> None:
    def planned(note: str) -> Action:
        return Action(
            address="number/+15550100101",
            action="release",
            reason="removed",
            kind="number",
            account="main",
            restore={"voice_url": f"https://a.example.com/{note * 10_000}"},
        )

    [problem] = list_differences([planned("a")], [planned("b")])
    assert len(problem.detail) < 1_000
    assert "https://a.example.com/aaa" in problem.detail
    assert "https://a.example.com/bbb" in problem.detail
