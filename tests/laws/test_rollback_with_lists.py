"""The way back over trunks with lists, users and recording, and applications: after it Twilio is as it was then.

Whole runs on the sandbox, in this process: the configuration of then, planned once more, has nothing to do.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.action import Action
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.accounts import SANDBOX_TOKEN
from reconciler.sandbox.world.world import World
from reconciler.workflows.plan_apply import apply, plan
from reconciler.workflows.recorded_goal import apply_goal
from reconciler.workflows.rollback import find_rollback_goal
from reconciler.workflows.session import Applied, Consent, RunOptions
from tests.support.examples import examples
from tests.support.progress import SilentProgress

FEW = examples(8)
SECRETS = {"SANDBOX_TOKEN": SANDBOX_TOKEN, "FIRST": "Correct-Horse-1", "SECOND": "Battery-Staple-2"}
Sections = dict[str, Any]


class House:
    """A folder with a configuration and a state, and the sandbox that it is about."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.numbers = [str(number.phone_number) for number in sandbox.world.numbers]

    def declare(self, sections: Sections) -> None:
        """The configuration."""
        account = {
            "sid": self.sandbox.world.account.sid,
            "auth_token": {"env": "SANDBOX_TOKEN"},
            "base_url": self.sandbox.base_url,
        }
        safety = {"takeover": "allow"}
        whole = {
            "version": 1,
            "project": "acme",
            "accounts": {"main": account},
            "safety": safety,
            **sections,
        }
        (self.folder / "reconciler.yaml").write_text(json.dumps(whole), encoding="utf-8")

    def setting(self) -> RunOptions:
        """How to run here."""
        return RunOptions(
            directory=self.folder,
            environ=SECRETS,
            progress=SilentProgress(),
            clock=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
        )

    def apply(self, sections: Sections) -> None:
        """Declare it, and do it."""
        self.declare(sections)
        self.a_month_passes()
        self.all_done(
            apply(self.setting(), Consent(takeovers=("*",), force=True), lambda planned: True)
        )

    def back(self, serial: int) -> Applied:
        """Bring a version back."""
        self.a_month_passes()
        consent = Consent(takeovers=("*",), force=True)
        return apply_goal(
            self.setting(), consent, find_rollback_goal(str(serial)), lambda planned: True
        )

    def a_month_passes(self) -> None:
        """By now the domains of deleted trunks can be had again."""
        self.sandbox.world.reserved.clear()

    def all_done(self, applied: Applied) -> None:
        """Nothing failed."""
        failed = [(o.action.address, o.action.action, o.error) for o in applied.result.failures]
        assert not failed, failed

    def left_to_do(self, sections: Sections) -> list[Action]:
        """What the configuration would still change."""
        self.declare(sections)
        return list(plan(self.setting()).plan.actions)

    @property
    def state(self) -> Any:
        """The document in the state file."""
        return json.loads((self.folder / "state.json").read_text(encoding="utf-8"))


@st.composite
def trunks(draw: st.DrawFn, name: str) -> Sections:
    """A trunk with some of all that may hang below it."""
    trunk: Sections = {"domain": f"acme-{name}.pstn.twilio.com", "secure": draw(st.booleans())}
    hosts = draw(st.lists(st.sampled_from(("sbc1", "sbc2")), unique=True))
    trunk["origination"] = [{"sip_url": f"sip:{host}.example.com"} for host in hosts]
    if draw(st.booleans()):
        blocks = draw(st.lists(st.sampled_from(("203.0.113.0/28", "198.51.100.7/32")), unique=True))
        trunk["ip_access_control_lists"] = [
            {"name": f"{name}-offices", "addresses": [{"cidr": b} for b in blocks]}
        ]
    if draw(st.booleans()):
        users = draw(st.lists(st.sampled_from(("pbx", "spare")), unique=True))
        password = {"env": draw(st.sampled_from(("FIRST", "SECOND")))}
        credentials = [{"username": user, "password": password} for user in users]
        trunk["credential_lists"] = [{"name": f"{name}-users", "credentials": credentials}]
    if draw(st.booleans()):
        trunk["recording"] = {
            "mode": draw(st.sampled_from(("record-from-answer", "record-from-ringing")))
        }
    return trunk


@st.composite
def configurations(draw: st.DrawFn, numbers: tuple[str, ...]) -> Sections:
    """Some trunks and applications, and numbers that use them."""
    names = draw(st.lists(st.sampled_from(("edge", "core")), unique=True))
    menu = draw(
        st.sampled_from(
            (None, "https://agents.example.com/menu", "https://agents.example.com/menu-2")
        )
    )
    sections: Sections = {
        "agents": {"support": {"webhooks": {"voice": "https://agents.example.com/voice"}}},
        "trunks": {name: draw(trunks(name)) for name in names},
    }
    sections["applications"] = {
        "always": {"friendly_name": "Always", "voice": "https://agents.example.com/always"}
    }
    if menu is not None:
        sections["applications"]["menu"] = {"friendly_name": "Menu", "voice": menu}
        sections["agents"]["ivr"] = {"application": "menu"}
    choices: list[Any] = [
        None,
        {"agent": "support"},
        *({"agent": "support", "trunk": name} for name in names),
    ]
    choices += [{"agent": "ivr"}] if menu is not None else []
    drawn = {number: draw(st.sampled_from(choices)) for number in numbers}
    sections["numbers"] = {number: chosen for number, chosen in drawn.items() if chosen is not None}
    return sections


NUMBERS = tuple(f"+1555201{n:04d}" for n in range(3))


def world() -> World:
    """Three numbers on which nothing is set."""
    rows = [{"phone_number": number} for number in NUMBERS]
    account = {"sid": "AC" + "0" * 31 + "1", "auth_token": SANDBOX_TOKEN}
    numbers = [{"account_sid": account["sid"], **row} for row in rows]
    return World.from_seed({"format": 1, "accounts": [account], "numbers": numbers})


def lost(house: House, then: Any) -> set[str]:
    """The credentials of then that are gone: a password is kept nowhere."""
    now = house.state["resources"]
    return {
        a
        for a, entry in then["resources"].items()
        if entry["kind"] == "credential" and a not in now
    }


@FEW
@given(st.data(), st.lists(configurations(NUMBERS), min_size=2, max_size=5))
def test_rollback_restores_any_of_the_last_states(
    data: st.DataObject, story: list[Sections]
) -> None:
    with TemporaryDirectory() as folder, Sandbox(world()) as sandbox:
        house = House(Path(folder), sandbox)
        chapters = []
        for sections in story:
            house.apply(sections)
            chapters.append((sections, house.state))
        sections, then = data.draw(st.sampled_from(chapters))
        gone = lost(house, then)
        done = house.back(then["serial"])
        house.all_done(done)
        told = {d.address for d in done.planned.notes if d.code == "rollback_incomplete"}
        assert gone <= told
        left = {(action.address, action.action) for action in house.left_to_do(sections)}
        other = {(a, "update") for a in told - gone}
        assert left <= {(a, "create") for a in gone} | other, "only secrets, which are kept nowhere"
        assert house.state["resources"].keys() == then["resources"].keys() - gone
        assert not house.back(then["serial"]).result.outcomes, "there already"
        domains = {f"acme-{name}.pstn.twilio.com" for name in sections["trunks"]}
        assert {trunk.domain_name for trunk in sandbox.world.trunks} == domains


def test_rollback_reports_a_deleted_credential_and_restores_the_rest(tmp_path: Path) -> None:
    user = {"username": "pbx", "password": {"env": "FIRST"}}
    edge = {
        "domain": "acme-edge.pstn.twilio.com",
        "credential_lists": [{"name": "users", "credentials": [user]}],
        "ip_access_control_lists": [{"name": "offices", "addresses": [{"cidr": "203.0.113.0/28"}]}],
        "recording": {"mode": "record-from-answer"},
    }
    with Sandbox(world()) as sandbox:
        house = House(tmp_path, sandbox)
        house.apply({"trunks": {"edge": edge}})
        then = house.state
        house.apply({})
        assert house.state["resources"] == {}
        done = house.back(then["serial"])
        house.all_done(done)
        told = [
            (d.address, d.severity) for d in done.planned.notes if d.code == "rollback_incomplete"
        ]
        assert told == [("credential/users/pbx", "warning")]
        left = [
            (action.address, action.action)
            for action in house.left_to_do({"trunks": {"edge": edge}})
        ]
        assert left == [("credential/users/pbx", "create")]
