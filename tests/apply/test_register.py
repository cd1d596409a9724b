"""Actions on a platform that does not always do what it says: what is not in its list afterwards has failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.execution.outcome import Outcome, Result
from reconciler.execution.registrations import RegistrationRunner
from reconciler.kinds.platforms.kind import PlatformKind
from reconciler.kinds.platforms.table import BUTTER, NIXFLEX, RAVAN
from reconciler.model.action import Action
from reconciler.model.desired import Options
from reconciler.model.entry import Entry
from reconciler.model.live import Live
from reconciler.planning.identity.observed import Observed
from reconciler.remote.platforms.contract import RegisteredNumber, RegistrationRequest
from reconciler.workflows.exit_codes import result_exit_code

ONE, TWO = "+15550100101", "+15550100102"


def refusal(code: str = "platform_refused", *, ambiguous: bool = False) -> RemoteError:
    return RemoteError(Diagnostic(code=code, summary="No", detail="no"), ambiguous=ambiguous)


class Platform:
    """Keeps numbers in memory; `lies` says which calls it only pretends to carry out, `fails` what it raises."""

    def __init__(self, kind: PlatformKind = NIXFLEX) -> None:
        self.name = "p"
        self.kind = kind
        self.rows: dict[str, dict[str, Any]] = {}
        self.lies: set[str] = set()
        self.fails: dict[str, RemoteError] = {}
        self.refused_agents: set[str] = set()
        self.calls: list[str] = []

    def _called(self, name: str) -> bool:
        self.calls.append(name)
        if name in self.fails:
            raise self.fails[name]
        return name not in self.lies

    def list(self, asked: Sequence[RegistrationRequest]) -> Sequence[RegisteredNumber]:
        self._called("list")
        return [RegisteredNumber(key, key, attrs) for key, attrs in self.rows.items()]

    def create(
        self, asked: Sequence[RegistrationRequest]
    ) -> Sequence[RegisteredNumber | RemoteError]:
        refused = [each for each in asked if each.attrs.get("agent") in self.refused_agents]
        if refused:
            return [refusal("agent_not_found") for _ in asked]
        true = self._called("create")
        linked = self.kind is NIXFLEX
        for each in asked if true else ():
            self.rows[each.key] = dict(each.attrs) if linked else {"agent": None}
        return [
            RegisteredNumber(each.key, each.key, each.attrs if linked else {"agent": None})
            for each in asked
        ]

    def link(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        if self._called("link"):
            self.rows[there.key] = {**self.rows[there.key], **asked.attrs}

    def update(self, there: RegisteredNumber, asked: RegistrationRequest) -> None:
        self.link(there, asked)

    def delete(self, there: RegisteredNumber) -> None:
        if self._called("delete"):
            self.rows.pop(there.key, None)

    def close(self) -> None:
        """Nothing is open."""


def action(name: Any, key: str = ONE, *, agent: str = "a") -> Action:
    entry = Entry("registration", "p", "", key, {"agent": agent}, Options(), created=True)
    return Action(
        address=f"registration/p/{key}",
        action=name,
        reason="new",
        kind="registration",
        account="p",
        sid=key,
        set={"agent": agent},
        entry=None if name == "unregister" else entry,
    )


def done(platform: Platform, *actions: Action) -> list[Outcome]:
    """The outcomes, after the platform has been read once more."""
    there = {
        f"registration/p/{key}": Live(key, key, "p", {}, dict(attrs))
        for key, attrs in platform.rows.items()
    }
    registrar = RegistrationRunner({"p": platform}, {}, Observed({}, there), {}, {})  # type: ignore[dict-item]
    return registrar.check([outcome for each in actions for outcome in registrar.perform([each])])


def status(outcomes: list[Outcome]) -> list[tuple[str, str | None]]:
    return [(outcome.status, outcome.error.code if outcome.error else None) for outcome in outcomes]


def test_completed_registration_is_applied() -> None:
    platform = Platform()
    [outcome] = done(platform, action("register"))
    assert (outcome.status, outcome.sid) == ("applied", ONE)
    assert outcome.entry is not None
    assert outcome.entry.sid == ONE
    assert status(done(platform, action("reassign", agent="b"))) == [("applied", None)]
    assert platform.rows[ONE]["agent"] == "b"
    assert status(done(platform, action("unregister"))) == [("applied", None)]
    assert platform.rows == {}


@pytest.mark.parametrize(
    ("lie", "name"), [("create", "register"), ("delete", "unregister"), ("link", "link")]
)
def test_registration_that_the_platform_only_confirms_fails(lie: str, name: str) -> None:
    platform = Platform(BUTTER if lie == "link" else NIXFLEX)
    platform.rows[ONE] = {"agent": "b"}
    if lie == "create":
        del platform.rows[ONE]
    platform.lies.add(lie)
    outcomes = done(platform, action(name))
    assert status(outcomes) == [("dropped", "write_dropped")]
    assert outcomes[0].error is not None
    assert "Nixflex" in outcomes[0].error.message or "Butter" in outcomes[0].error.message


def test_reads_the_platform_once_for_all_actions() -> None:
    platform = Platform()
    done(platform, action("register"), action("register", TWO))
    assert platform.calls.count("list") == 1


def test_unverifiable_registration_fails_and_waits_for_the_next_plan() -> None:
    platform = Platform()
    platform.fails["list"] = refusal()
    [outcome] = done(platform, action("register"))
    assert outcome.status == "failed"
    assert outcome.half_done
    assert outcome.error is not None
    assert outcome.error.code == "write_unverified"


def test_a_platform_without_a_list_is_believed() -> None:
    platform = Platform(RAVAN)
    assert status(done(platform, action("register"))) == [("applied", None)]
    assert "list" not in platform.calls


def test_finds_an_import_in_the_list_after_a_lost_answer() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "a"}
    platform.fails["create"] = refusal(ambiguous=True)
    assert status(done(platform, action("register"))) == [("applied", None)]
    platform.rows[ONE] = {"agent": "somebody else's"}
    platform.fails["create"] = refusal("number_already_imported")
    assert status(done(platform, action("register"))) == [("failed", "number_already_imported")]
    platform.rows.clear()
    platform.fails["create"] = refusal(ambiguous=True)
    assert status(done(platform, action("register"))) == [("failed", "platform_refused")]
    platform.fails["list"] = refusal("network_error")
    assert status(done(platform, action("register"))) == [("failed", "platform_refused")]


def test_records_an_import_that_could_not_be_linked() -> None:
    platform = Platform(BUTTER)
    platform.fails["link"] = refusal("agent_not_found")
    [outcome] = done(platform, action("register"))
    assert status([outcome]) == [("failed", "agent_not_found")]
    assert outcome.half_done, "Butter AI has no call that removes it"
    assert outcome.entry is not None
    assert (outcome.entry.sid, outcome.entry.last_applied) == (ONE, {"agent": None})


def test_undoes_a_refused_move() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "a"}
    platform.refused_agents = {"b"}
    [outcome] = done(platform, action("reassign", agent="b"))
    assert status([outcome]) == [("reverted", "agent_not_found")]
    assert (outcome.succeeded, outcome.unmade, outcome.half_done) == (False, True, False)
    assert platform.rows == {ONE: {"agent": "a"}}


def test_explains_the_manual_steps_when_a_move_cannot_be_undone() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "a"}
    platform.fails["create"] = refusal("agent_not_found")
    [outcome] = done(platform, action("reassign", agent="b"))
    assert status([outcome]) == [("failed", "agent_not_found")]
    assert outcome.half_done
    assert outcome.error is not None
    assert "Import it in Nixflex by hand for the agent a" in outcome.error.message
    assert result_exit_code(Result((outcome,))) == 5


def test_refused_removal_leaves_the_number_on_the_platform() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "a"}
    platform.fails = {"delete": refusal("number_in_use")}
    assert status(done(platform, action("unregister"))) == [("failed", "number_in_use")]
    del platform.rows[ONE]
    assert status(done(platform, action("unregister"))) == [("applied", None)]


def test_does_not_remove_a_number_that_someone_else_imported_meanwhile() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "somebody else's"}
    platform.fails["create"] = refusal("number_already_imported")
    assert status(done(platform, action("register"))) == [("failed", "number_already_imported")]
    assert platform.rows == {ONE: {"agent": "somebody else's"}}


def test_undo_that_the_platform_only_confirms_fails() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "a"}
    platform.refused_agents, platform.lies = {"b"}, {"create"}
    [outcome] = done(platform, action("reassign", agent="b"))
    assert status([outcome]) == [("failed", "agent_not_found")]
    assert outcome.half_done


def test_undoes_nothing_when_the_platform_cannot_be_read() -> None:
    platform = Platform()
    platform.rows[ONE] = {"agent": "a"}
    platform.fails = {
        "create": refusal("network_error", ambiguous=True),
        "list": refusal("network_error"),
    }
    [outcome] = done(platform, action("register"))
    assert status([outcome]) == [("failed", "network_error")]
    assert (outcome.unmade, outcome.half_done) == (False, True)
    assert "delete" not in platform.calls


def test_only_actions_of_registrations_are_carried_out_here() -> None:
    with pytest.raises(AssertionError):
        done(Platform(), msgspec.structs.replace(action("link"), action="rename"))
