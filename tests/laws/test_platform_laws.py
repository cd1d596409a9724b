"""What holds for every configuration with platforms, tried on several: numbers that change between agents of their own,
agents of platforms, bridge numbers and nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reconciler.sandbox.http.call_log import LoggedCall
from reconciler.sandbox.service.app import Sandbox
from reconciler.workflows.session import Applied

from .platform_worlds import NUMBER, PBX, PLATFORMS, ROUTES, SIP, LawRunner, seeded
from .test_laws import QUICK

NUMBERS = (NUMBER, "+15550100102", "+15550100103")
OUTSIDE = "+15550100199"
"""A number that Twilio does not have."""
OWN = {"voice": "https://agents.example.com/voice", "sms": "https://agents.example.com/sms"}
AGENTS = {
    f"{played.type}-{agent}": {"platform": played.type, "id": agent}
    for played in PLATFORMS.values()
    for agent in dict.fromkeys(played.agents)
    if played.serves != "bridge_number" and not played.trunk
}
"""Not on platforms that take calls by a declared trunk only: `test_changed_meanwhile` has those."""
ON_LIVEKIT = sorted(name for name in AGENTS if name.startswith("livekit"))
ON_FEATHER = sorted(name for name in AGENTS if name.startswith("feather"))
ON_TWILIO = sorted(AGENTS.keys() - {*ON_LIVEKIT, *ON_FEATHER})
FEW = settings(
    QUICK,
    max_examples=max(QUICK.max_examples // 5, 1),
    phases=(Phase.explicit, Phase.generate),
)
"""Each example takes a sandbox and six runs: few of them, and none to make a failure smaller."""


class Declared(NamedTuple):
    """How a number is declared: in which section, and as what."""

    section: str
    value: Mapping[str, object]


def by_agent(agent: str) -> Declared:
    return Declared("numbers", {"agent": agent, "takeover": "allow"})


Configuration = dict[str, Declared | None]
"""How each number is declared; None: not at all."""

AS_NUMBER: tuple[Declared | None, ...] = (
    None,
    by_agent("own"),
    Declared("numbers", {"takeover": "allow"}),
)
"""The last one is only watched."""
AS_BRIDGE: tuple[Declared | None, ...] = (
    None,
    Declared("bridge_numbers", {"platform": "feather", "takeover": "allow"}),
    Declared("bridge_numbers", {"voice": OWN["voice"], "takeover": "allow"}),
)
ON_FEATHER_TOO = NUMBERS[-1]
"""Feather does not document that it writes webhooks, so this number is on no route that would hide them."""


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, str], list[Configuration]]:
    """Where each number rings, and two configurations, in which each is always a number or always a bridge number."""
    routes: dict[str, str] = {}
    first: Configuration = {}
    second: Configuration = {}
    for e164 in NUMBERS:
        visible = ("none", "webhook")
        routes[e164] = draw(st.sampled_from(visible if e164 == ON_FEATHER_TOO else sorted(ROUTES)))
        agents = ON_FEATHER if e164 == ON_FEATHER_TOO else ON_TWILIO
        as_number = (*AS_NUMBER, *map(by_agent, agents))
        forms = draw(st.sampled_from((as_number, as_number, AS_BRIDGE)))
        first[e164], second[e164] = draw(st.sampled_from(forms)), draw(st.sampled_from(forms))

    for numbers in (first, second):
        agent = draw(st.sampled_from((None, *ON_LIVEKIT)))
        outside = {"provider": "sip", "platform": "livekit", "agent": agent, "sip": SIP}
        numbers[OUTSIDE] = Declared("numbers", outside) if agent else None
    return routes, [first, second]


class MixedRunner(LawRunner):
    """One configuration folder with all platforms, and one sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        super().__init__(folder, sandbox, PLATFORMS["nixflex"])

    def declare_all(self, numbers: Configuration) -> None:
        """Declare these numbers."""
        sections: dict[str, dict[str, object]] = {"numbers": {}, "bridge_numbers": {}}
        for e164, declared in numbers.items():
            if declared is not None:
                sections[declared.section][e164] = declared.value
        platforms = {p.type: self.platform(p) for p in PLATFORMS.values()}
        self.write(agents={"own": {"webhooks": OWN}, **AGENTS}, platforms=platforms, **sections)

    def writes(self) -> tuple[Applied, list[LoggedCall]]:
        """Apply, and return the calls that write, to Twilio or to a platform."""
        self.sandbox.calls.reset()
        done = self.apply()
        return done, [
            call
            for call in self.sandbox.calls
            if call.is_write and "/livekit.SIP/List" not in call.path
        ]


@contextmanager
def started(routes: Mapping[str, str]) -> Iterator[MixedRunner]:
    """A sandbox whose numbers are on these routes."""
    with TemporaryDirectory() as folder, Sandbox(seeded(routes)) as sandbox:
        yield MixedRunner(Path(folder), sandbox)


def problems(done: Applied) -> list[tuple[str, str, str]]:
    """What did not succeed."""
    return [
        (o.action.address, o.action.action, str(o.error))
        for o in done.result.outcomes
        if not o.succeeded
    ]


def fields(runner: LawRunner) -> dict[str, dict[str, Any]]:
    """Every number on Twilio."""
    return {e164: runner.number(e164) for e164 in NUMBERS}


EDITS = st.lists(st.sampled_from(NUMBERS), unique=True, max_size=1)


@FEW
@given(worlds(), EDITS)
def test_second_plan_is_empty_and_second_apply_writes_to_no_platform(
    drawn: tuple[dict[str, str], list[Configuration]], edited: list[str]
) -> None:
    routes, configurations = drawn
    with started(routes) as runner:
        for numbers in configurations:
            runner.declare_all(numbers)
            assert problems(runner.apply()) == []
            assert runner.plan().plan.actions == ()
            done, calls = runner.writes()
            assert calls == []
            assert not done.result.outcomes
            for e164 in edited:
                runner.sandbox.edit(e164, {"voice_url": PBX})
