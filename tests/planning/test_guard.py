from __future__ import annotations

import msgspec
import pytest

from reconciler.config.project import Safety
from reconciler.model.action import Action, Change
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.planning.checks.guard import announce_refusal, find_refusals
from reconciler.planning.checks.limits import Limit
from reconciler.planning.decide.problems import resource_protected
from reconciler.planning.plan import Plan

NOWHERE = Plan((), {}, (), {}, 0, {})
LOST = (Change("voice_url", "https://old.example.net/", None),)


def action(last: int, name: str, **more: object) -> Action:
    fields: dict[str, object] = {
        "address": f"number/{last}",
        "action": name,
        "reason": "config",
        **more,
    }
    return Action(kind="number", account="main", **fields)  # type: ignore[arg-type]


def plan(*actions: Action, bound: int = 10) -> Plan:
    return msgspec.structs.replace(NOWHERE, actions=actions, bound={"number": bound})


def codes(
    plan: Plan, *consent: str, force: bool = False, safety: Safety | None = None
) -> list[str]:
    return [d.code for d in find_refusals(plan, safety or Safety(), consent, force=force)]


def test_limits_begin_at_ten_bound_resources() -> None:
    many = [action(last, "overwrite_webhooks") for last in range(4)]
    assert codes(plan(*many, bound=10)) == ["threshold_exceeded"]
    assert codes(plan(*many[:3], bound=10)) == []
    assert codes(plan(*many, bound=9)) == []


def test_number_with_several_steps_counts_once() -> None:
    steps = [
        action(last, name)
        for last in range(3)
        for name in ("overwrite_webhooks", "detach_trunk", "rename")
    ]
    assert codes(plan(*steps)) == []


@pytest.mark.parametrize("name", ["import", "create"])
def test_resources_without_an_entry_do_not_count_towards_limits(name: str) -> None:
    steps = [action(last, step) for last in range(9) for step in (name, "overwrite_webhooks")]
    assert codes(plan(*steps)) == []


def test_actions_that_finish_an_earlier_run_do_not_count_towards_limits() -> None:
    assert (
        codes(plan(*(action(last, "overwrite_webhooks", resume=True) for last in range(9)))) == []
    )


def test_removals_have_a_separate_limit() -> None:
    safety = Safety("refuse", Limit(100, percent=True), Limit(2, percent=False))
    gone = [
        action(last, name) for last, name in enumerate(("release", "forget", "restore_webhooks"))
    ]
    assert codes(plan(*gone), safety=safety) == ["threshold_exceeded"]
    assert codes(plan(*gone[:2]), safety=safety) == []


def test_force_lifts_only_the_limits() -> None:
    many = [action(last, "overwrite_webhooks") for last in range(9)]
    shielded = resource_protected(
        "number/9", Entry("number", "main", "PN9", "+15550100109", {}, Options(protect=True))
    )
    whole = msgspec.structs.replace(
        plan(*many, action(9, "rename", takeover=LOST)), diagnostics=(shielded,)
    )
    assert codes(whole, force=True) == ["protected", "takeover_refused"]
    assert codes(whole) == ["protected", "takeover_refused", "threshold_exceeded"]


def test_consent_is_given_in_the_file_or_by_a_glob() -> None:
    taking = action(1, "overwrite_webhooks", takeover=LOST)
    agreed = Entry("number", "main", "PN1", "+15550100101", {}, Options(takeover="allow"))
    assert codes(plan(taking)) == ["takeover_refused"]
    assert codes(plan(taking), "number/2") == ["takeover_refused"]
    assert codes(plan(taking), "number/*") == []
    assert codes(plan(msgspec.structs.replace(taking, entry=agreed))) == []


def test_the_refusal_names_the_knob() -> None:
    (refusal,) = find_refusals(
        plan(*(action(last, "rename") for last in range(9))), Safety(), (), force=False
    )
    assert "safety.max_updates" in refusal.detail
    assert "--force" in refusal.detail
    assert announce_refusal(refusal).severity == "warning"


@pytest.mark.parametrize(
    ("name", "fields", "counts"),
    [
        ("register", {"reason": "new"}, False),
        ("register", {"reason": "drift"}, True),
        ("register", {"reason": "config"}, True),
        ("register", {"reason": "drift", "resume": True}, False),
        ("import", {"reason": "new"}, False),
        ("link", {"reason": "config"}, True),
        ("link", {"reason": "drift"}, True),
        ("update", {"reason": "config"}, True),
        ("reassign", {"reason": "config"}, True),
        ("reassign", {"reason": "config", "resume": True}, False),
        ("unregister", {"reason": "removed"}, True),
        ("unregister", {"reason": "config"}, True),
        ("forget", {"reason": "removed"}, True),
    ],
)
def test_which_registrations_count_towards_limits(
    name: str, fields: dict[str, object], counts: bool
) -> None:
    """A first registration changes nothing that is bound; one that somebody has removed is made again."""
    address = "registration/nix/+155501001"
    many = [
        msgspec.structs.replace(
            action(last, name, **fields), kind="registration", address=f"{address}{last:02}"
        )
        for last in range(4)
    ]
    found = msgspec.structs.replace(NOWHERE, actions=tuple(many), bound={"registration": 10})
    assert codes(found) == (["threshold_exceeded"] if counts else [])
    assert codes(msgspec.structs.replace(found, actions=tuple(many[:1]))) == []


def test_steps_after_an_import_of_a_registration_do_not_count() -> None:
    names = ("import", "link")
    steps = [action(last, name, reason="new") for last in range(4) for name in names]
    assert codes(plan(*steps)) == []


@pytest.mark.parametrize(
    ("count", "bound", "fields", "refused"),
    [
        (1, 2, {}, False),
        (2, 2, {}, True),
        (2, 2, {"reason": "removed"}, False),
        (2, 2, {"resume": True}, False),
        # From ten bound resources on, the share of all removals counts.
        (3, 10, {}, False),
        (4, 10, {}, True),
    ],
)
def test_undeclared_children_are_limited_also_where_few_are_bound(
    count: int, bound: int, fields: dict[str, object], refused: bool
) -> None:
    given = {"reason": "drift", **fields}
    many = [action(last, "delete", **given) for last in range(count)]
    assert codes(plan(*many, bound=bound)) == (["threshold_exceeded"] if refused else [])


def test_undeclared_children_of_each_kind_are_limited_apart() -> None:
    one = action(1, "delete", reason="drift")
    other = msgspec.structs.replace(one, kind="ip_address", address="ip_address/a/b")
    few = msgspec.structs.replace(
        NOWHERE, actions=(one, other), bound={"number": 2, "ip_address": 2}
    )
    assert codes(few) == []
    more = msgspec.structs.replace(other, address="ip_address/a/c")
    (refusal,) = find_refusals(
        msgspec.structs.replace(few, actions=(one, other, more)), Safety(), (), force=False
    )
    assert "would remove 2 of 2 bound resources of kind `ip_address`" in refusal.detail


def test_a_refused_takeover_names_each_lost_value_once_and_how_to_consent() -> None:
    lost = (*LOST, Change("sms_url", "https://old.example.net/sms", None))
    steps = (
        action(1, "overwrite_webhooks", takeover=lost),
        action(1, "attach_trunk", takeover=LOST),
    )
    (refusal,) = find_refusals(plan(*steps), Safety(), (), force=False)
    assert (
        "number/1: voice_url https://old.example.net/, sms_url https://old.example.net/sms "
        "would be lost" in refusal.detail
    )
    assert "--allow-takeover=number/1" in refusal.detail
    assert "`takeover: allow` on the number" in refusal.detail

    (refusal,) = find_refusals(plan(action(1, "delete", takeover=LOST)), Safety(), (), force=False)
    assert "`reconciler undo` makes it again" in refusal.detail
    assert "on the number" not in refusal.detail


def test_a_parent_gives_consent_for_a_registration_only() -> None:
    taking = msgspec.structs.replace(
        action(1, "delete", takeover=LOST), parent="trunk/edge", address="origination_url/edge/x"
    )
    assert codes(plan(taking), "trunk/edge") == ["takeover_refused"]
    registration = msgspec.structs.replace(
        taking, kind="registration", address="registration/nix/1", parent="number/1"
    )
    assert codes(plan(registration), "number/1") == []
    assert codes(plan(registration), "number/2") == ["takeover_refused"]


def test_purchases_need_a_consent_of_their_own() -> None:
    buying = action(1, "purchase", reason="new", note="1.15 USD a month")
    (refusal,) = find_refusals(plan(buying), Safety(), ("*",), force=True)
    assert refusal.code == "purchase_refused"
    assert "number/1 is in no account and is declared with `purchase` (1.15 USD a month)." in (
        refusal.detail
    )
    assert find_refusals(plan(buying), Safety(), (), force=False, buys=True) == []
    many = [action(last, "purchase", reason="new") for last in range(11)]
    found = find_refusals(plan(*many), Safety(), ("*",), force=True, buys=True)
    assert [d.code for d in found] == ["purchases_exceeded"]


def test_updates_and_removals_are_counted_apart() -> None:
    changes = [action(last, "rename") for last in range(3)]
    removals = [action(last, "release", reason="removed") for last in range(3, 6)]
    assert codes(plan(*changes, *removals)) == []
    assert codes(plan(*changes, *removals, action(6, "rename"))) == ["threshold_exceeded"]
    assert codes(plan(*changes, *removals, action(6, "forget"))) == ["threshold_exceeded"]


def test_a_protected_resource_is_refused_as_the_error_that_it_is() -> None:
    shielded = resource_protected(
        "number/9", Entry("number", "main", "PN9", "+15550100109", {}, Options(protect=True))
    )
    assert announce_refusal(shielded) is shielded
    assert shielded.severity == "error"


def test_a_refused_purchase_without_a_known_price_names_none() -> None:
    (refusal,) = find_refusals(plan(action(1, "purchase", reason="new")), Safety(), (), force=True)
    assert "is declared with `purchase`. Numbers cost money" in refusal.detail
