"""The intents of an apply: what each kind of action records before its call, and after it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from reconciler.execution.intents import (
    accept_platform_writes,
    build_intents,
    entry_after_step,
    entry_after_undo,
    group_by_address,
    stamp_times,
)
from reconciler.model.action import Action, ActionName
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.route import TrunkRoute, Value
from reconciler.planning.decide.unregister import WITHDRAWN
from tests.support.memory.memory_runner import NOW
from tests.support.memory.resources import e164, hook, pn

ADDRESS = f"number/{e164(1)}"
OLD = "https://old.example.net/"
EARLIER = "2026-02-01T00:00:00Z"

PRESENT = Entry(
    kind="number",
    account="main",
    sid=pn(1),
    key=e164(1),
    last_applied={"voice": hook("a"), "sms": hook("s")},
    options=Options(),
    prior={"voice_url": OLD},
    prior_at=EARLIER,
    imported_at=EARLIER,
    updated_at=EARLIER,
)
"""What the state holds before the plan."""
PLANNED = msgspec.structs.replace(
    PRESENT,
    last_applied={"voice": hook("b"), "sms": hook("s")},
    options=Options(protect=True),
    prior={"voice_url": OLD, "status_callback": OLD},
)
"""What the state holds after the plan."""
MADE = msgspec.structs.replace(
    PLANNED, sid="", created=True, prior={}, prior_at=None, imported_at=None
)
"""What the state holds after the plan about something that does not exist yet."""


def action(name: str, entry: Entry | None = PLANNED, **fields: Any) -> Action:
    given: dict[str, Any] = {"set": {"voice": hook("b")}, "sid": pn(1), **fields}
    return Action(
        address=ADDRESS,
        action=name,  # type: ignore[arg-type]
        reason="config",
        kind="number",
        account="main",
        entry=entry,
        **given,
    )


def intent_of(*chain: Action, present: Entry | None = PRESENT) -> Entry | None:
    base = {ADDRESS: present} if present is not None else {}
    found = build_intents(group_by_address(chain), base, NOW)
    assert set(found) <= {ADDRESS}
    return found.get(ADDRESS)


BEGUN = {"voice": hook("b")}
WRITE = msgspec.structs.replace(
    PRESENT, options=PLANNED.options, prior=PLANNED.prior, pending=BEGUN, updated_at=NOW
)
"""A write of something bound: its old values, what is about to be written, and the new prior values."""
CREATION = msgspec.structs.replace(
    MADE, last_applied={}, pending=BEGUN, imported_at=NOW, updated_at=NOW
)
"""Something about to be made: no SID and no values, and it will be ours."""

INTENTS: dict[ActionName, tuple[Action, Entry | None]] = {
    # It writes nothing: the entry is complete from the start.
    "import": (
        action("import", set={}),
        msgspec.structs.replace(PLANNED, updated_at=NOW),
    ),
    "overwrite_webhooks": (action("overwrite_webhooks"), WRITE),
    "attach_trunk": (action("attach_trunk"), WRITE),
    "detach_trunk": (action("detach_trunk", set={}, unset=("trunk_sid",)), WRITE),
    "set_application": (action("set_application"), WRITE),
    "rename": (action("rename"), WRITE),
    "update": (action("update"), WRITE),
    "link": (action("link"), WRITE),
    "reassign": (action("reassign"), WRITE),
    "create": (action("create", MADE, sid=None), CREATION),
    "register": (action("register", MADE, sid=None), CREATION),
    "purchase": (action("purchase", MADE, sid=None), CREATION),
    # Recorded as it is, so that it can be made again.
    "delete": (
        action("delete", set={}),
        msgspec.structs.replace(PLANNED, updated_at=NOW),
    ),
    "unregister": (
        action("unregister", PRESENT, set={}),
        msgspec.structs.replace(PRESENT, pending={WITHDRAWN: True}, updated_at=NOW),
    ),
    # The entry stays until the values are restored: it has the prior values.
    "release": (action("release", set={}, restore={"voice_url": OLD}), None),
    "restore_webhooks": (action("restore_webhooks", set={}, restore={"voice_url": OLD}), None),
    "forget": (action("forget", set={}), None),
}


def test_the_table_has_every_kind_of_action() -> None:
    assert set(INTENTS) == set(get_args(ActionName))


@pytest.mark.parametrize("name", INTENTS)
def test_intent_of_each_kind_of_action(name: ActionName) -> None:
    begun, expected = INTENTS[name]
    assert intent_of(begun) == expected


@pytest.mark.parametrize("name", ["delete", "unregister", "overwrite_webhooks"])
def test_action_without_an_entry_records_nothing(name: str) -> None:
    assert intent_of(action(name, None)) is None


def test_write_without_a_recorded_entry_begins_with_the_planned_one() -> None:
    found = intent_of(action("update"), present=None)
    assert found == msgspec.structs.replace(PLANNED, pending=BEGUN, updated_at=NOW)


def test_observed_values_do_not_become_ours_before_the_write() -> None:
    """Under other options, values that were only watched would pass for written ones."""
    watched = msgspec.structs.replace(PRESENT, options=Options(observe_only=True))
    found = intent_of(action("overwrite_webhooks"), present=watched)
    assert found is not None
    assert (found.last_applied, found.options.observe_only) == ({}, False)
    assert found.pending == BEGUN


SMS = msgspec.structs.replace(PLANNED, last_applied={"voice": hook("b"), "sms": hook("t")})
NAMED = msgspec.structs.replace(SMS, last_applied={**SMS.last_applied, "friendly_name": "Sales"})
CHAINS: dict[str, tuple[list[Action], dict[str, Value] | None]] = {
    "all steps of an address are about to be written": (
        [
            action("import", set={}),
            action("overwrite_webhooks"),
            action("overwrite_webhooks", SMS, set={"sms": hook("t")}),
            action("rename", NAMED, set={"friendly_name": "Sales"}),
        ],
        {"voice": hook("b"), "sms": hook("t"), "friendly_name": "Sales"},
    ),
    "the last value of a part counts": (
        [
            action("overwrite_webhooks"),
            action(
                "attach_trunk",
                msgspec.structs.replace(PLANNED, last_applied={"voice": TrunkRoute("edge")}),
                set={"voice": TrunkRoute("edge")},
            ),
        ],
        {"voice": TrunkRoute("edge")},
    ),
    "a step that only clears a trunk changes the voice route": (
        [action("detach_trunk", set={}, unset=("trunk_sid",))],
        {"voice": hook("b")},
    ),
    "what a platform is about to write is unknown": (
        [action("detach_trunk", set={}, unset=("trunk_sid",), unhides=True)],
        None,
    ),
    "a step that writes nothing is about to write nothing": ([action("import", set={})], None),
    "a step without an entry has no values": (
        [action("import", set={}), action("update", None)],
        None,
    ),
}


@pytest.mark.parametrize("case", CHAINS)
def test_pending_values_of_a_chain(case: str) -> None:
    chain, expected = CHAINS[case]
    found = intent_of(*chain)
    assert found is not None
    assert found.pending == expected

    # What remains after a step has the same form.
    first, *rest = chain
    after = entry_after_step(PLANNED, chain, NOW)
    assert after.pending == expected
    assert entry_after_step(PLANNED, [], NOW).pending is None
    assert len(rest) == len(chain) - 1, first


def test_actions_of_one_address_stay_in_order() -> None:
    other = msgspec.structs.replace(action("update"), address="trunk/edge")
    first, last = action("overwrite_webhooks"), action("rename")
    found = group_by_address([first, other, last])
    assert found == {ADDRESS: [first, last], "trunk/edge": [other]}
    assert list(found) == [ADDRESS, "trunk/edge"]


def test_undo_of_a_change_restores_the_entry_without_its_notes() -> None:
    begun = msgspec.structs.replace(PRESENT, pending=BEGUN, prior={"voice_url": OLD})
    undone = entry_after_undo(begun, None, NOW)
    assert undone == msgspec.structs.replace(PRESENT, pending=None, prior={}, updated_at=NOW)

    # Imported again it has another id.
    again = entry_after_undo(begun, "id-2", NOW)
    assert again is not None
    assert again.sid == "id-2"


def test_undo_of_a_creation_leaves_no_entry() -> None:
    assert entry_after_undo(MADE, None, NOW) is None
    assert entry_after_undo(MADE, "id-2", NOW) is None


@pytest.mark.parametrize("written", [("voice", "sms"), ()])
def test_platform_writes_are_recorded_beside_what_is_managed(written: tuple[str, ...]) -> None:
    """The friendly name is ours: a platform that writes the webhooks does not change it."""
    entry = msgspec.structs.replace(
        PRESENT,
        last_applied={"voice": hook("a"), "sms": hook("s"), "friendly_name": "Sales"},
        options=Options(platform_written=written),
        normalised={"voice": [hook("a"), hook("A")]},
    )
    learned: dict[str, Value] = {"voice": hook("theirs"), "status": hook("x")}
    found = accept_platform_writes(entry, learned, NOW)
    assert found.last_applied == {
        "voice": hook("theirs"),
        "sms": hook("s"),
        "friendly_name": "Sales",
    }
    assert found.normalised == {}
    assert (found.prior, found.prior_at, found.updated_at) == (entry.prior, EARLIER, NOW)


def test_platform_writes_of_parts_that_were_never_recorded_are_recorded() -> None:
    entry = msgspec.structs.replace(
        PRESENT, last_applied={}, options=Options(platform_written=("voice", "status"))
    )
    found = accept_platform_writes(entry, {"voice": hook("theirs"), "sms": hook("x")}, NOW)
    assert found.last_applied == {"voice": hook("theirs")}


@pytest.mark.parametrize(
    ("entry", "prior_at", "imported_at"),
    [
        (PRESENT, EARLIER, EARLIER),
        (msgspec.structs.replace(PRESENT, prior_at=None, imported_at=None), NOW, NOW),
        (MADE, None, NOW),
    ],
    ids=["recorded before", "imported now", "made by us: nothing was there before"],
)
def test_the_first_time_is_kept(entry: Entry, prior_at: str | None, imported_at: str) -> None:
    found = stamp_times(entry, NOW)
    assert (found.prior_at, found.imported_at, found.updated_at) == (prior_at, imported_at, NOW)
