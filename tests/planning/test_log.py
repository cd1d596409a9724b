"""Our own writes between versions of the state, and which events are ours."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reconciler.model.action import Change
from reconciler.model.actor import Actor
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.heal import Heal
from reconciler.model.route import TrunkRoute, Webhook
from reconciler.planning.log.entries import LogEntry, LoggedEvent, OwnWrite
from reconciler.planning.log.merge import merge_log
from reconciler.planning.log.own_writes import VersionStep, find_older_heals, find_own_writes

ONE, TWO, THREE = "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"
A, B, FOREIGN = (
    "https://agents.example.com/a",
    "https://agents.example.com/b",
    "https://x.example.net",
)
ADDRESS, SID = "number/+15550100101", "PN" + "1" * 32
CI, LAPTOP = "198.51.100.1", "203.0.113.9"


def hook(url: str) -> Webhook:
    return Webhook(url, "POST", "", "")


def entry(url: str = A, **fields: Any) -> Entry:
    plain = Entry("number", "main", SID, "+15550100101", {"voice": hook(url)}, Options())
    times = {"updated_at": ONE, "imported_at": ONE, "prior": {"voice_url": FOREIGN}}
    return msgspec.structs.replace(plain, **{**times, **fields})


def without_sid(entry: Entry) -> Entry:
    """An entry whose resource an interrupted run was about to create."""
    return msgspec.structs.replace(entry, sid="")


def writes(older: dict[str, Entry], newer: dict[str, Entry], **fields: Any) -> list[OwnWrite]:
    return find_own_writes(VersionStep(older, newer, ONE, THREE, "ann with `apply`", **fields))


def shapes(found: list[OwnWrite]) -> list[tuple[str, str, Any]]:
    return [(each.address, each.action, voice(each.changes)) for each in found]


def voice(changes: Any) -> Any:
    if changes is None:
        return None
    return [(c.before, c.after) for c in changes if c.field in ("voice_url", "trunk", "sid")]


def event(
    before: str, after: str, time: str, order: int, *, own: bool = True, ip: str = CI
) -> LoggedEvent:
    actor = Actor("AC1" if own else "US1", "account", "api" if own else "console", ip, time)
    return LoggedEvent(
        order=order,
        sid=SID,
        address=ADDRESS,
        verb="updated",
        actor=actor,
        is_own=own,
        changes={"voice_url": (before, after)},
    )


def merged(
    own: list[OwnWrite], events: list[LoggedEvent], present: Entry | None = None
) -> list[tuple[str, Any]]:
    recorded = {ADDRESS: present} if present is not None else {}
    found: list[LogEntry] = merge_log(own, events, recorded, "2026")
    return [(each.source, voice(each.changes)) for each in found]


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        ({}, {ADDRESS: entry()}, [("import", []), ("overwrite_webhooks", [(FOREIGN, A)])]),
        ({}, {ADDRESS: entry(prior={"voice_url": A})}, [("import", [])]),
        ({}, {ADDRESS: entry(created=True)}, [("purchase", [(None, A)])]),
        ({}, {ADDRESS: without_sid(entry(created=True))}, []),
        ({ADDRESS: entry()}, {ADDRESS: entry(B, updated_at=TWO)}, [("overwrite_webhooks", [(A, B)])]),
        ({ADDRESS: entry()}, {ADDRESS: entry()}, []),
        ({ADDRESS: entry()}, {}, [("release", None)]),
        (
            {ADDRESS: entry()},
            {ADDRESS: entry(updated_at=TWO, healed=(Heal("voice_url", FOREIGN, A, None, TWO),))},
            [("overwrite_webhooks", [(FOREIGN, A)])],
        ),
        (
            {ADDRESS: entry()},
            {ADDRESS: entry(B, updated_at=TWO, healed=(Heal("voice_url", FOREIGN, B, None, TWO),))},
            [("overwrite_webhooks", [(FOREIGN, B)])],
        ),
        # An interrupted run was about to write, and a later one found that it had.
        (
            {ADDRESS: entry(pending={"voice": hook(B)})},
            {ADDRESS: entry(B)},
            [("overwrite_webhooks", [(A, B)])],
        ),
        ({}, {ADDRESS: entry(B, prior={}, pending={"voice": hook(B)})}, [("import", [])]),
    ],
)  # fmt: skip
def test_two_versions_show_what_was_written(
    older: dict[str, Entry], newer: dict[str, Entry], expected: list[tuple[str, Any]]
) -> None:
    assert [each[1:] for each in shapes(writes(older, newer))] == expected


def test_an_edit_of_the_state_or_another_name_writes_nothing() -> None:
    assert writes({}, {ADDRESS: entry()}, edits_state=True) == []
    other = msgspec.structs.replace(entry(), kind="bridge_number")
    assert writes({ADDRESS: entry()}, {"bridge_number/+15550100101": other}) == []


def test_what_a_platform_wrote_is_not_ours() -> None:
    options = Options(platform="nix", platform_written=("voice",))
    before, after = entry(options=options), entry(B, options=options, updated_at=TWO)
    assert writes({ADDRESS: before}, {ADDRESS: after}) == []


def test_a_trunk_is_attached() -> None:
    after = msgspec.structs.replace(
        entry(updated_at=TWO), last_applied={"voice": TrunkRoute("edge")}
    )
    [found] = writes({ADDRESS: entry()}, {ADDRESS: after})
    assert found.action == "attach_trunk"


def test_a_write_and_its_event_are_one_entry() -> None:
    own = writes({ADDRESS: entry()}, {ADDRESS: entry(B, updated_at=TWO)})
    assert merged(own, [event(A, B, TWO, 1)]) == [("reconciler", [(A, B)])]


def test_an_event_of_others_is_never_ours_although_the_value_is() -> None:
    own = writes({ADDRESS: entry()}, {ADDRESS: entry(B, updated_at=TWO)})
    console = event(A, B, "2026-03-01T10:59:50Z", 1, own=False)
    assert merged(own, [console]) == [("twilio", [(A, B)])]
    assert merged(own, [console, event(A, B, TWO, 2)]) == [
        ("twilio", [(A, B)]),
        ("reconciler", [(A, B)]),
    ]


def test_one_write_takes_one_event_the_nearest() -> None:
    own = writes({ADDRESS: entry()}, {ADDRESS: entry(B, updated_at=TWO)})
    first, second = event(A, B, "2026-03-01T10:30:00Z", 1, ip=LAPTOP), event(A, B, TWO, 2)
    found = merge_log(own, [first, second], {}, "2026")
    assert [(e.source, e.actor and e.actor.ip) for e in found] == [
        ("twilio", LAPTOP),
        ("reconciler", CI),
    ]


def test_a_refreshed_state_claims_no_event_of_another_program() -> None:
    own = writes({ADDRESS: entry()}, {ADDRESS: entry(B)})
    assert merged(own, [event(A, B, TWO, 1)]) == [("twilio", [(A, B)])]
    assert merged(own, []) == []


def test_a_release_takes_the_events_of_one_run() -> None:
    own = writes({ADDRESS: entry()}, {})
    earlier = event(A, B, TWO, 1)
    restored = event(A, FOREIGN, "2026-03-01T11:59:58Z", 2)
    assert merged(own, [earlier, restored]) == [
        ("twilio", [(A, B)]),
        ("reconciler", [(A, FOREIGN)]),
    ]
    assert merged(own, []) == [("reconciler", [])]


def test_the_state_remembers_foreign_changes_without_events() -> None:
    actor = Actor("US1", "user", "console", LAPTOP, TWO)
    healed = (Heal("voice_url", FOREIGN, A, actor, THREE),)
    found = merge_log([], [], {ADDRESS: entry(healed=healed)}, "2026")
    assert [(e.source, e.actor, e.changes) for e in found] == [
        ("twilio", actor, [Change("voice_url", None, FOREIGN)])
    ]
    logged = event(A, FOREIGN, TWO, 1, own=False)
    assert merged([], [logged], entry(healed=healed)) == [("twilio", [(A, FOREIGN)])]
    assert [each.time for each in find_older_heals({ADDRESS: entry(healed=healed)}, "2027")] == [
        THREE
    ]
    assert find_older_heals({ADDRESS: entry(healed=healed)}, ONE) == []


def test_a_damaged_time_ends_nothing() -> None:
    for time in ("yesterday", "2026-13-41T00:00:00Z"):
        own = writes({ADDRESS: entry()}, {ADDRESS: entry(B, updated_at=time)})
        assert merged(own, [event(A, B, TWO, 1)]) == [("reconciler", [(A, B)])]
