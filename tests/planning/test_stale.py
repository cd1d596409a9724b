from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.model.action import Action, Change
from reconciler.model.actor import Actor
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.model.route import Webhook
from reconciler.planning.decide.drift import DriftedField
from reconciler.planning.planner import fingerprint
from reconciler.planning.staleness import (
    MOST_DIFFERENCES,
    about_question,
    add_differences,
    base_moved,
    find_kept_resources,
    find_moved_resources,
    find_new_resources,
    find_other_secrets,
    list_changes,
    list_differences,
    list_edits,
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


def test_another_name_alone_makes_a_plan_stale() -> None:
    """A number's name is no part of its configuration, which numbers share; it counts all the same."""
    wire = {"voice_url": "https://a.example.com/"}
    one = Live("PN1", "+15550100101", "main", wire, {}, "Sales")
    renamed = msgspec.structs.replace(one, name="Support")
    saved, now = {"number/1": fingerprint(one)}, {"number/1": fingerprint(renamed)}
    (problem,) = find_moved_resources(saved, now)
    assert "number/1: friendly_name was Sales when the plan was made and is Support now." in (
        problem.detail
    )
    (edit,) = list_edits(saved, now, {"number/1": "main"})
    assert edit.fields == (DriftedField("friendly_name", "Sales", "Support"),)
    assert find_moved_resources(saved, saved) == []
    assert list_edits(saved, saved, {"number/1": "main"}) == []


@pytest.mark.parametrize("name", ["rename", "update"])
def test_planned_names_that_differ_make_a_plan_stale(name: str) -> None:
    def planned(after: str) -> Action:
        return Action(
            address="number/1",
            action=name,  # type: ignore[arg-type]
            reason="config",
            kind="number",
            account="main",
            changes=(Change("friendly_name", "A", after),),
            set={"friendly_name": after},
        )

    found = list_differences([planned("B")], [planned("C")])
    assert found[0].detail.startswith("number/1: friendly_name of")
    assert list_differences([planned("B")], [planned("B")]) == []


def test_reports_the_last_commit_of_a_changed_base_where_it_is_known() -> None:
    known = base_moved("configuration", "one", "two", "abc123 by Ada")
    assert known.detail.partition(".")[0].endswith("it was one then and is two now")
    assert " The last commit that changed it is abc123 by Ada. " in known.detail
    for commit in (None, ""):
        assert "commit" not in base_moved("configuration", "one", "two", commit).detail


def test_names_who_changed_a_field_where_it_is_known() -> None:
    now = {**SAVED, "voice_url": "", "trunk_sid": "TK1"}
    actor = Actor("US1", "user", "console", None, "2026-03-01T12:00:00Z")
    actors = {("number/1", "voice_url"): actor, ("number/1", "trunk_sid"): None}
    trunk, voice = find_moved_resources({"number/1": SAVED}, {"number/1": now}, actors)
    assert "is not set now, changed by user US1 in the console at 2026-03-01T12:00:00Z." in (
        voice.detail
    )
    assert "is TK1 now." in trunk.detail


@pytest.mark.parametrize(
    ("live", "accounts", "fields"),
    [
        ({**SAVED, "voice_url": "x"}, {"number/1": "main"}, ["voice_url"]),
        ({**SAVED, "new": 1, "sid": "PN2"}, {"number/1": "main"}, ["new", "sid"]),
        (dict(SAVED), {"number/1": "main"}, []),
        (None, {"number/1": "main"}, []),
        ({**SAVED, "voice_url": "x"}, {}, []),
    ],
)
def test_edits_are_drift_of_resources_that_still_exist(
    live: dict[str, Any] | None, accounts: dict[str, str], fields: list[str]
) -> None:
    found = list_edits({"number/1": SAVED}, {"number/1": live}, accounts)
    assert [field.field for edit in found for field in edit.fields] == fields
    assert {(edit.address, edit.account, edit.sid) for edit in found} <= {
        ("number/1", "main", "PN1")
    }


def test_another_resource_under_one_address_is_a_change_of_its_sid() -> None:
    (problem,) = find_moved_resources({"number/1": SAVED}, {"number/1": {**SAVED, "sid": "PN2"}})
    assert "number/1: sid was PN1 when the plan was made and is PN2 now." in problem.detail


def step(name: str = "overwrite_webhooks", address: str = "number/1", **fields: Any) -> Action:
    kind = address.partition("/")[0]
    return Action(
        address=address,
        action=name,  # type: ignore[arg-type]
        reason="config",
        kind=kind,
        account=fields.pop("account", "main"),
        **fields,
    )


def test_a_resource_that_would_exist_twice_is_named() -> None:
    (problem,) = find_new_resources(["trunk/edge"])
    assert (problem.code, problem.address) == ("plan_stale", "trunk/edge")
    assert problem.detail.startswith("trunk/edge would be created, and is on Twilio by now.")


def test_a_changed_secret_is_named_without_its_value() -> None:
    (problem,) = find_other_secrets(["credential/pbx/me"])
    assert problem.detail.startswith(
        "The secret of credential/pbx/me is another one now than when the plan was made."
    )


LIST, ENTRY_OF_LIST = "ip_access_control_list/office", "ip_address/office/192.0.2.0/24"


@pytest.mark.parametrize(
    ("fresh", "named"),
    [
        ([], []),
        ([step("delete", LIST)], []),
        ([step("forget", LIST, note="still in use")], [LIST]),
        # Its entries stay with the list: one problem is enough.
        (
            [step("forget", LIST, note="still in use"), step("forget", ENTRY_OF_LIST, note="x")],
            [LIST],
        ),
        ([step("forget", ENTRY_OF_LIST, note="x")], [ENTRY_OF_LIST]),
        ([step("forget", "trunk/edge", note="x")], []),
    ],
)
def test_a_resource_that_is_only_forgotten_now_is_named(
    fresh: list[Action], named: list[str]
) -> None:
    saved = [
        step("delete", LIST),
        step("delete", ENTRY_OF_LIST, parent=LIST),
        step("forget", "trunk/edge"),
    ]
    found = find_kept_resources(saved, fresh)
    assert [problem.address for problem in found] == named
    for problem, action in zip(found, fresh, strict=False):
        assert f"would only forget it: {action.note}." in problem.detail


def test_other_problems_keep_their_words_at_the_prompt() -> None:
    other = msgspec.structs.replace(plan_stale("x", None), code="plan_unexpected")
    assert about_question(other) is other
    stale = about_question(plan_stale("Reason.", "number/1"))
    assert stale.summary == "The confirmed plan is stale"
    assert stale.detail == (
        "Reason. Nothing has been written. Run the same command again and review the new plan."
    )


def test_differences_up_to_the_limit_are_all_shown() -> None:
    differences = [plan_stale(f"{n}.", None) for n in range(MOST_DIFFERENCES)]
    detail = add_differences(base_moved("state", "a", "b"), differences).detail
    assert "more" not in detail
    assert f"\n  {MOST_DIFFERENCES - 1}.\n" in detail


def entry(**prior: Any) -> Entry:
    return Entry("number", "main", "PN1", "+1", {}, Options(), prior=prior)


WRITE = step(sid="PN1", set={"voice": Webhook("https://a.example.com/")}, entry=entry(a="1"))
DIFFERENCES: dict[str, tuple[list[Action], list[Action], list[str]]] = {
    "nothing": ([WRITE], [WRITE], []),
    "a note, a place and the order": (
        [WRITE, step("rename")],
        [step("rename"), msgspec.structs.replace(WRITE, note="x", line=3, reason="drift")],
        [],
    ),
    "a step more": (
        [],
        [WRITE],
        ["number/1: `overwrite_webhooks` is planned now, and was not in the reviewed plan."],
    ),
    "a step less": (
        [WRITE],
        [],
        ["number/1: `overwrite_webhooks` was in the reviewed plan, and is not planned now."],
    ),
    "a step as often": ([WRITE, WRITE], [WRITE, WRITE], []),
    "a step more often": (
        [WRITE],
        [WRITE, WRITE],
        ["number/1: `overwrite_webhooks` was planned 1 times, and is planned 2 times now."],
    ),
    "steps of two addresses": (
        [step(address="trunk/b"), step(address="trunk/a")],
        [],
        [
            "trunk/a: `overwrite_webhooks` was in the reviewed plan, and is not planned now.",
            "trunk/b: `overwrite_webhooks` was in the reviewed plan, and is not planned now.",
        ],
    ),
    "a written value": (
        [WRITE],
        [msgspec.structs.replace(WRITE, set={"voice": None})],
        [
            'number/1: writes.voice of `overwrite_webhooks` is {"form":"webhooks",'
            '"url":"https://a.example.com/"} in the reviewed plan and not set now.'
        ],
    ),
    "a shown change": (
        [step(changes=(Change("voice_url", "a", "b"),))],
        [step(changes=(Change("voice_url", "a", "c"),))],
        [
            'number/1: voice_url of `overwrite_webhooks` is ["a","b"] in the reviewed plan and '
            '["a","c"] now.'
        ],
    ),
    "the account and the SID": (
        [WRITE],
        [msgspec.structs.replace(WRITE, account="other", sid="PN2")],
        [
            'number/1: account of `overwrite_webhooks` is "main" in the reviewed plan and "other" now.',
            'number/1: sid of `overwrite_webhooks` is "PN1" in the reviewed plan and "PN2" now.',
        ],
    ),
    "a prior value": (
        [WRITE],
        [msgspec.structs.replace(WRITE, entry=entry(a="2"))],
        ['number/1: prior.a of `overwrite_webhooks` is "1" in the reviewed plan and "2" now.'],
    ),
    "an entry": (
        [WRITE],
        [msgspec.structs.replace(WRITE, entry=None)],
        ['number/1: prior.a of `overwrite_webhooks` is "1" in the reviewed plan and not set now.'],
    ),
    "a restored value": (
        [step("release", restore={"voice_url": "a"})],
        [step("release", restore={"voice_url": ""})],
        ['number/1: restore.voice_url of `release` is "a" in the reviewed plan and not set now.'],
    ),
    "a cleared field": (
        [step()],
        [step(unset=("trunk_sid",))],
        [
            "number/1: clears.trunk_sid of `overwrite_webhooks` is not set in the reviewed plan "
            "and true now."
        ],
    ),
    "a secret": (
        [step("create", "credential/pbx/me", set={"username": "me", "password": "one"})],
        [step("create", "credential/pbx/me", set={"username": "me", "password": "two"})],
        ["The secret of credential/pbx/me is another one now than when the plan was made."],
    ),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_differences_between_two_plans(case: str) -> None:
    saved, fresh, expected = DIFFERENCES[case]
    found = list_differences(saved, fresh)
    assert [d.detail.partition(" Nothing has been written.")[0] for d in found] == expected
    assert all(d.code == "plan_stale" for d in found)


@pytest.mark.parametrize("length", [298, 299])
def test_the_longest_value_is_shown_whole(length: int) -> None:
    one, other = (step("release", restore={"a": letter * length}) for letter in "xy")
    (problem,) = list_differences([one], [other])
    assert f'"{"x" * length}' in problem.detail
    assert ("…" in problem.detail) == (length == 299)
