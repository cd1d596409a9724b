"""Fields that two writers overwrite in turn: what each run records and reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.execution.scheduler import Scheduler
from reconciler.model.heal import MOST_HEALS
from reconciler.sandbox.faults.rules import DropFields, Refuse
from reconciler.sandbox.service.app import Sandbox
from reconciler.workflows.drift import drift
from reconciler.workflows.session import Applied, RunOptions
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask
from tests.support.workflow_runner import AC, ONE, TOKEN, TWO, WorkflowRunner, world

from .refusal_worlds import VOICE, declare

ANNA, BEN = "US" + "a" * 32, "US" + "b" * 32
FOREIGN, OTHER = "https://a.example.dev/in", "https://b.example.dev/in"
ADDRESS = f"number/{ONE}"
POST = "*/IncomingPhoneNumbers/*"


class Project(WorkflowRunner):
    """One project in a folder of its own, with a clock that the test moves."""

    def __init__(self, folder: Path, sandbox: Sandbox, name: str) -> None:
        folder.mkdir()
        super().__init__(folder, sandbox)
        self.name = name
        self.now = datetime.now(UTC).replace(microsecond=0)

    def setting(self, **more: Any) -> RunOptions:
        """The options of a run at the present time of this project."""
        return msgspec.structs.replace(super().setting(**more), clock=lambda: self.now)

    def use(self, voice: str, *numbers: str, **agent: object) -> None:
        """Declare these numbers, or the first one, with an agent of this URL."""
        agents = {"support": {"webhooks": {"voice": voice, **agent}}}
        declared = dict.fromkeys(numbers or (ONE,), "support")
        self.declare(declared, project=self.name, agents=agents)

    def heal(self, minutes: float = 1, **more: Any) -> Applied:
        """Let some time pass, and apply."""
        self.now += timedelta(minutes=minutes)
        return self.apply(**more)

    def edit(self, actor: str = ANNA, number: str = ONE, **fields: str) -> None:
        """Somebody changes the number in the console."""
        self.sandbox.edit(number, fields, actor=actor, ip="192.0.2.10")

    def contested(self) -> list[Diagnostic]:
        """The warnings of a plan, which are those of a drift check."""
        found = [note for note in self.plan().notes if note.code == "contested"]
        assert all(note.severity == "warning" for note in found)
        checked = [note for note in drift(self.setting())[1].problems if note.code == "contested"]
        assert [note.detail for note in checked] == [note.detail for note in found]
        return found

    def healed(self, address: str = ADDRESS) -> list[dict[str, Any]]:
        """The heals that the state records."""
        heals: list[dict[str, Any]] = self.entries[address].get("healed", [])
        return heals

    @property
    def live(self) -> str:
        """The voice URL of the number."""
        [number] = [n for n in self.sandbox.world.numbers if n.phone_number == ONE]
        return str(number.voice_url)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Two numbers that ring nowhere."""
    numbers = [{"phone_number": ONE, "voice_url": ""}, {"phone_number": TWO, "voice_url": ""}]
    with Sandbox(world(*numbers)) as found:
        yield found


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path) -> Project:
    """A project that has applied both numbers."""
    found = Project(tmp_path / "one", sandbox, "one")
    found.use(VOICE, ONE, TWO)
    found.apply()
    return found


def codes(applied: Applied) -> list[str]:
    return [note.code for note in applied.planned.notes]


def line_of(notes: list[Diagnostic], field: str) -> str:
    """The line of the only warning that is about this field."""
    [note] = notes
    [line] = [line for line in note.detail.splitlines() if line.startswith(f"  {field}: ")]
    return line


# What state records of a heal.


def test_state_records_who_was_overwritten_with_what(project: Project) -> None:
    project.edit(voice_url=FOREIGN, voice_method="GET")
    project.heal()
    url, method = project.healed()
    when = f"{project.now:%Y-%m-%dT%H:%M:%SZ}"
    assert url.pop("actor").items() >= {"sid": ANNA, "via": "console", "ip": "192.0.2.10"}.items()
    assert url == {"field": "voice_url", "foreign": FOREIGN, "ours": VOICE, "time": when}
    assert (method["field"], method["foreign"], method["ours"]) == ("voice_method", "GET", "POST")
    assert "healed" not in project.entries[f"number/{TWO}"]
    assert "healing" not in project.entries[ADDRESS]


def test_a_heal_costs_no_version_of_its_own(project: Project) -> None:
    before = msgspec.json.decode((project.folder / "state.json").read_bytes())["serial"]
    project.edit(voice_url=FOREIGN)
    project.heal()
    after = (project.folder / "state.json").read_bytes()
    assert msgspec.json.decode(after)["serial"] == before + 1
    project.heal()
    project.heal()
    assert (project.folder / "state.json").read_bytes() == after


def test_a_change_of_the_configuration_is_no_heal(project: Project) -> None:
    project.use(OTHER, ONE, TWO)
    project.heal()
    assert project.healed() == []


def test_in_a_conflict_only_the_drifted_field_is_a_heal(project: Project) -> None:
    project.use(VOICE, ONE, sms=VOICE)
    project.heal()
    project.edit(voice_url=FOREIGN)
    project.use(VOICE, ONE, sms=OTHER)
    project.heal()
    assert [heal["field"] for heal in project.healed()] == ["voice_url"]


def test_the_record_does_not_grow_without_end(project: Project) -> None:
    for index in range(MOST_HEALS + 3):
        project.edit(voice_url=f"{FOREIGN}/{index}")
        project.heal()
    heals = project.healed()
    assert len(heals) == MOST_HEALS
    assert heals[0]["foreign"] == f"{FOREIGN}/3", "the oldest ones are forgotten"
    assert heals[-1]["foreign"] == f"{FOREIGN}/{MOST_HEALS + 2}"
    project.edit(voice_url=FOREIGN)
    assert f"at least {MOST_HEALS} times" in line_of(project.contested(), "voice_url")


@pytest.mark.parametrize(
    "fault",
    [
        Refuse(method="POST", path=POST),
        DropFields(method="POST", path=POST, fields=("voice_url",)),
        DropFields(method="POST", path=POST, fields=("voice_url",), echo=True),
    ],
    ids=["refused", "dropped", "dropped and echoed"],
)
def test_a_heal_that_failed_is_not_recorded(project: Project, fault: Any) -> None:
    project.edit(voice_url=FOREIGN)
    project.sandbox.faults.add(fault)
    for _ in range(2):
        assert project.heal().result.failures
        assert project.live == FOREIGN
        assert project.healed() == []
    assert project.contested() == []

    project.sandbox.faults.clear()
    assert not project.heal().result.failures
    assert len(project.healed()) == 1


def test_credentials_of_a_foreign_url_are_not_recorded(project: Project) -> None:
    secret = "https://b.example.dev/in?token=hunter2"
    project.edit(voice_url=secret)
    project.heal()
    assert "hunter2" not in (project.folder / "state.json").read_text(encoding="utf-8")
    assert [heal["foreign"] for heal in project.healed()] == ["https://b.example.dev/in?token=***"]
    project.edit(voice_url=secret)
    assert project.contested()


# A run that dies.


class Killed(BaseException):
    """The process is gone."""


def kill(monkeypatch: pytest.MonkeyPatch, project: Project, method: str) -> None:
    """Apply, and die where the scheduler would go on with this method."""

    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Scheduler, method, die)
        with pytest.raises(Killed):
            project.heal()


def test_a_heal_before_a_crash_is_recorded_by_the_next_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit(voice_url=FOREIGN)
    kill(monkeypatch, project, "_record")
    assert project.live == VOICE, "it was written, and the outcome was not recorded"

    assert not project.heal().result.outcomes
    [heal] = project.healed()
    assert (heal["foreign"], heal["ours"], heal["actor"]["sid"]) == (FOREIGN, VOICE, ANNA)
    assert "healing" not in project.entries[ADDRESS]
    project.edit(BEN, voice_url=FOREIGN)
    assert f"overwritten 1 time in the last 7 days, and set again by user {BEN}" in line_of(
        project.contested(), "voice_url"
    )


def test_a_heal_that_a_crash_prevented_is_recorded_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit(voice_url=FOREIGN)
    kill(monkeypatch, project, "_loop")
    assert project.live == FOREIGN
    assert project.contested() == []
    project.heal()
    assert [heal["foreign"] for heal in project.healed()] == [FOREIGN]


# Which fields are contested.


def test_the_first_drift_is_not_contested(project: Project) -> None:
    project.edit(voice_url=FOREIGN)
    assert project.contested() == []
    assert "contested" not in codes(project.heal())


def test_a_value_that_comes_back_is_contested(project: Project) -> None:
    project.edit(ANNA, voice_url=FOREIGN)
    project.heal()
    project.edit(BEN, voice_url=FOREIGN)
    line = line_of(project.contested(), "voice_url")
    assert "overwritten 1 time in the last 7 days" in line
    assert f"by user {BEN} in the console" in line
    assert ANNA not in line
    assert AC not in line
    assert "contested" in codes(project.heal())
    assert project.live == VOICE, "and it is put back all the same"


def test_another_value_is_contested_after_two_heals(project: Project) -> None:
    for value in ("one", "two"):
        project.edit(voice_url=f"{FOREIGN}/{value}")
        assert project.contested() == []
        project.heal()
    project.edit(voice_url=f"{FOREIGN}/three")
    assert "overwritten 2 times" in line_of(project.contested(), "voice_url")


def test_another_field_is_not_contested(project: Project) -> None:
    for _ in range(2):
        project.edit(voice_url=FOREIGN)
        project.heal()
    project.edit(voice_method="GET")
    assert project.contested() == []
    project.edit(voice_url=FOREIGN)
    [note] = project.contested()
    assert "voice_url: " in note.detail
    assert "voice_method: " not in note.detail


def test_another_number_is_not_contested(project: Project) -> None:
    project.edit(voice_url=FOREIGN)
    project.heal()
    project.edit(number=TWO, voice_url=FOREIGN)
    assert project.contested() == []


@pytest.mark.parametrize(("days", "contested"), [(6, True), (8, False)])
def test_only_heals_of_the_last_seven_days_count(
    project: Project, days: int, contested: bool
) -> None:
    for value in ("one", "two"):
        project.edit(voice_url=f"{FOREIGN}/{value}")
        project.heal()
    project.now += timedelta(days=days)
    project.edit(voice_url=f"{FOREIGN}/one")
    assert bool(project.contested()) is contested
    project.heal()
    assert len(project.healed()) == 3, "the record is kept longer"


def test_without_a_log_the_last_known_actor_is_named(project: Project) -> None:
    project.edit(ANNA, voice_url=FOREIGN)
    project.heal()
    project.edit(BEN, voice_url=FOREIGN)
    project.sandbox.faults.add(Refuse(method="GET", path="/v1/Events", status=403, code=20003))
    line = line_of(project.contested(), "voice_url")
    assert f"by an unknown actor (the last one known: user {ANNA}" in line
    project.heal()
    assert "actor" not in project.healed()[-1]


def test_a_log_that_was_never_readable_names_nobody(project: Project) -> None:
    project.sandbox.faults.add(Refuse(method="GET", path="/v1/Events", status=403, code=20003))
    project.edit(voice_url=FOREIGN)
    project.heal()
    project.edit(voice_url=FOREIGN)
    assert line_of(project.contested(), "voice_url").endswith("set again by an unknown actor.")


# Two projects.


@pytest.fixture
def other(project: Project, tmp_path: Path) -> Project:
    """Another project that declares the same number."""
    found = Project(tmp_path / "two", project.sandbox, "two")
    found.use(OTHER)
    return found


def test_two_projects_learn_of_each_other(project: Project, other: Project) -> None:
    # The takeover of the first round needs consent; from then on it would go unnoticed.
    assert "contested" not in codes(other.heal())
    assert "contested" not in codes(project.heal())

    for runs in (1, 2, 3):
        for each, ours, times in ((other, OTHER, runs), (project, VOICE, runs)):
            line = line_of(each.contested(), "voice_url")
            assert f"overwritten {times} time" in line
            assert f"by account {AC} through the API from 127.0.0.1" in line
            assert "contested" in codes(each.heal())
            assert each.live == ours


def test_two_projects_that_also_change_their_configuration(
    project: Project, other: Project
) -> None:
    other.heal()
    for index in range(3):
        for each, voice in ((project, VOICE), (other, OTHER)):
            each.use(f"{voice}/{index}")
            applied = each.heal()
            reasons = {a.address: a.reason for a in applied.planned.plan.actions}
            assert reasons[ADDRESS] == "conflict"
            assert ("contested" in codes(applied)) is (index == 2)


def test_a_trunk_of_one_project_and_webhooks_of_another_are_contested(
    project: Project, other: Project
) -> None:
    edge = {"edge": {"domain": "edge.pstn.twilio.com"}}
    other.declare({ONE: {"trunk": "edge"}}, project="two", trunks=edge, agents={})
    for runs in range(3):
        # The other project has nothing to put back in its first run.
        for each, before in ((other, 2), (project, 1)):
            assert ("contested" in codes(each.heal())) is (runs >= before)
    assert [heal["field"] for heal in project.healed()] == ["trunk"] * 3


def test_a_takeover_that_is_put_back_is_contested(project: Project, other: Project) -> None:
    other.heal()
    project.heal()
    assert "overwritten 1 time" in line_of(other.contested(), "voice_url")
    other.now += timedelta(days=8)
    assert other.contested() == []


def test_a_watched_number_is_not_contested(project: Project, other: Project) -> None:
    other.declare({ONE: {}}, project="two")
    other.heal()
    project.edit(voice_url=FOREIGN)
    other.heal()
    project.heal()
    assert other.contested() == []


# Resources without events, and whole resources.


@pytest.fixture
def runner(tmp_path: Path, sandbox: Sandbox) -> CommandRunner:
    return CommandRunner(tmp_path, sandbox, {"SANDBOX_TOKEN": TOKEN})


def test_a_setting_of_a_trunk_is_contested_without_events(runner: CommandRunner) -> None:
    runner.declare(trunks={"edge": {"domain": "edge.pstn.twilio.com", "secure": True}})
    runner.apply("--allow-takeover")
    [trunk] = [t for t in runner.sandbox.world.trunks if t.friendly_name == "edge"]
    for expected in (False, True):
        trunk.secure = False
        found = [d for d in runner.json("plan")["diagnostics"] if d["code"] == "contested"]
        assert bool(found) is expected
        runner.apply()
    assert "secure: overwritten 1 time" in found[0]["detail"]
    assert "by an unknown actor" in found[0]["detail"]


def test_a_child_that_somebody_adds_again_is_contested(runner: CommandRunner) -> None:
    url = {"sip_url": "sip:sbc1.example.com", "priority": 10, "weight": 10}
    fields = {"domain": "edge.pstn.twilio.com", "origination": [url]}
    runner.declare(trunks={"edge": fields})
    runner.apply("--allow-takeover")
    [trunk] = [t for t in runner.sandbox.world.trunks if t.friendly_name == "edge"]
    form = {"SipUrl": "sip:elsewhere.example.net", "Priority": "0", "Weight": "1"}
    form |= {"Enabled": "true", "FriendlyName": "theirs"}
    for expected in (False, True):
        path = f"/v1/Trunks/{trunk.sid}/OriginationUrls"
        answer = ask(runner.sandbox, "POST", path, form=form, user=AC, password=TOKEN)
        assert answer.status == 201
        found = [d for d in runner.json("plan")["diagnostics"] if d["code"] == "contested"]
        assert bool(found) is expected
        runner.apply()
    assert "present: overwritten 1 time" in found[0]["detail"]
    assert "unlisted: keep" in found[0]["detail"]


def test_an_application_that_somebody_deletes_again_is_contested(runner: CommandRunner) -> None:
    runner.declare(
        agents={"support": {"application": "ours"}}, applications={"ours": {"voice": VOICE}}
    )
    runner.apply("--allow-takeover")
    for expected in (False, True):
        sid = runner.state["application/ours"]["sid"]
        path = f"/2010-04-01/Accounts/{AC}/Applications/{sid}.json"
        assert ask(runner.sandbox, "DELETE", path, user=AC, password=TOKEN).status == 204
        found = [d for d in runner.json("plan")["diagnostics"] if d["code"] == "contested"]
        assert bool(found) is expected
        runner.apply()
    assert (
        f"sid: overwritten 1 time in the last 7 days, and set again by account {AC}"
        in (found[0]["detail"])
    )
    heal = runner.state["application/ours"]["healed"][-1]
    assert heal["ours"] == runner.state["application/ours"]["sid"]


# What the commands print.


@pytest.mark.parametrize(
    ("command", "code"), [(("plan",), 0), (("drift",), 2), (("apply", "--auto-approve"), 0)]
)
def test_plan_drift_and_apply_warn(
    runner: CommandRunner, command: tuple[str, ...], code: int
) -> None:
    declare(runner, {ONE: "support"})
    runner.apply()
    for _ in range(2):
        runner.sandbox.edit(ONE, {"voice_url": FOREIGN}, actor=ANNA)
        runner.apply()
    runner.sandbox.edit(ONE, {"voice_url": FOREIGN}, actor=ANNA)
    text = runner.run(*command, code=code)
    assert "warning contested: Two writers overwrite each other" in text
    assert "voice_url: overwritten 2 times" in text
    runner.sandbox.edit(ONE, {"voice_url": FOREIGN}, actor=ANNA)
    document = runner.json(*command, code=code)
    [found] = [d for d in document["diagnostics"] if d["code"] == "contested"]
    assert (found["severity"], found["address"]) == ("warning", f"number/{ONE}")
    assert found["file"] == "reconciler.yaml"
    assert ANNA in found["detail"]
