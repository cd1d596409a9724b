"""After any refusal by any platform, at any of its steps, a number rings where it rang, and so the platform has it.

The table: each platform × each way to refuse × each call that writes × first import or move to another agent; the routes
where the number rang before take turns, and a thorough run tries all of them. The agent's own refusals are those of the
sandbox: it is deleted between plan and apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.remote.platforms import registry as connecting
from reconciler.remote.transport.retry import RetryPolicy
from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.platforms import butter, dasha_rows, feather, nixflex, retell, vapi_rows
from reconciler.sandbox.service.app import Sandbox
from tests.support.examples import IS_THOROUGH

from .platform_worlds import NUMBER, PLATFORMS, ROUTES, LawRunner, seeded

ATTEMPTS = 2
REFUSALS = (
    "400",
    "401",
    "403",
    "404",
    "409",
    "422",
    "429",
    "500",
    "lost",
    "hang",
    "drop",
    "success_false",
    "agent",
)
EVERYWHERE = ("404", "lost", "agent")
"""Refused before anything was done, carried out without an answer, and refused by the call itself."""
SAYS_SUCCESS = {"butter", "ravan"}
AGENTS = {
    "nixflex": nixflex.AGENTS,
    "feather": feather.ASSISTANTS,
    "butter": butter.AGENTS,
    "dasha": dasha_rows.AGENTS,
    "vapi": vapi_rows.ASSISTANTS,
    "retell": retell.AGENTS,
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        connecting, "_RETRY_POLICY", RetryPolicy(attempts=ATTEMPTS, first=0.0, longest=0.0)
    )


def fault(refusal: str, call: str, times: int | None) -> f.AnyFault:
    """The fault that makes this call fail in this way."""
    method, path = call.split(" ")
    where = {"method": method, "path": path}
    if refusal == "429":
        return f.RateLimit(**where, times=times and times * ATTEMPTS)  # type: ignore[arg-type]
    if refusal in ("lost", "drop"):
        return f.Drop(**where, carried_out=refusal == "lost", times=times)  # type: ignore[arg-type]
    if refusal == "hang":
        return f.Hang(**where, seconds=0.05, carried_out=True, times=times)  # type: ignore[arg-type]
    if refusal == "500":
        again = (
            ATTEMPTS if method != "POST" or "unassign" in path else 1
        )  # an import is not sent twice
        return f.ServerError(**where, times=times and times * again)  # type: ignore[arg-type]
    status = 200 if refusal == "success_false" else int(refusal)
    return f.Refuse(**where, status=status, message='{"success": false} already', times=times)  # type: ignore[arg-type]


def routes_of(place: int, refusal: str, serves: str) -> list[str]:
    """Return where the number rang before, for the refusal at this place of the table.

    | refusal | routes |
    |---|---|
    | of a number outside Twilio | one: it has no route there that could change |
    | `EVERYWHERE`, and every one in a thorough run | all |
    | any other | one: the next in turn, so that each refusal meets each route at some call |
    """
    if serves == "sip":
        return ["webhook"]
    if IS_THOROUGH or refusal in EVERYWHERE:
        return [*ROUTES]
    return [[*ROUTES][place % len(ROUTES)]]


def cases() -> Iterator[tuple[str, str, str, bool, str]]:
    place = 0
    for name, played in PLATFORMS.items():
        for moved, calls in ((False, played.first_import), (True, played.move)):
            for call in calls:
                for refusal in REFUSALS:
                    if refusal == "success_false" and name not in SAYS_SUCCESS:
                        continue
                    if refusal == "agent" and (name not in AGENTS or call != calls[0]):
                        continue
                    place += 1
                    for route in routes_of(place, refusal, played.serves):
                        yield name, refusal, call, moved, route


@pytest.mark.parametrize(("name", "refusal", "call", "moved", "route"), [*cases()])
def test_refusal_keeps_the_route_of_the_number(
    tmp_path: Path, name: str, refusal: str, call: str, moved: bool, route: str
) -> None:
    played = PLATFORMS[name]
    first, second = played.agents
    with Sandbox(seeded(route)) as sandbox:
        runner = LawRunner(tmp_path, sandbox, played)
        original = runner.number()
        if moved:
            runner.declare(first)
            runner.apply()
        wanted = second if moved else first
        runner.declare(wanted)
        before, records = (runner.route(), runner.number()), runner.records()

        def refuse() -> None:
            if refusal == "agent":
                table = runner.world.table(AGENTS[name])
                agent = table.get(wanted)
                assert agent is not None
                table.remove(agent)
            else:
                sandbox.faults.add(fault(refusal, call, 1))

        result = runner.apply(refuse).result
        sandbox.faults.clear()
        registered = [o for o in result.outcomes if o.action.kind == "registration"]
        if all(o.succeeded for o in registered):
            other_form = (
                name == "ravan" and refusal == "404"
            )  # it asks once more with a slash at the end
            assert other_form or refusal in ("lost", "hang", "drop", "500"), [
                o.status for o in registered
            ]
            if route != "none":
                assert runner.route() != "nobody"
            return

        assert not all(o.succeeded for o in registered)
        unknown = name == "ravan" and refusal in ("lost", "hang", "drop", "500")
        assert (runner.route(), runner.number()) == before
        left_free = (name == "butter" and not moved and "assign" in call) or (
            name == "butter" and refusal == "agent"
        )
        if not (unknown or left_free):
            assert runner.records() == records
        failed = next(o for o in registered if not o.succeeded)
        assert failed.error is not None
        assert failed.half_done == (unknown or (left_free and not moved)), failed.error.message

        if refusal == "agent":
            return
        again = runner.apply().result
        assert [
            o
            for o in again.outcomes
            if not o.succeeded and o.error and o.error.code != "webhook_not_written"
        ] == []
        runner.declare(None)
        runner.apply()
        assert runner.number() == original


@pytest.mark.parametrize(
    ("owner", "code"), [("nobody", "agent_not_found"), ("theirs", "agent_not_owned")]
)
@pytest.mark.parametrize("route", ["trunk", "webhook"])
def test_agent_that_the_import_refuses_has_its_own_code_and_nothing_is_written(
    tmp_path: Path, route: str, owner: str, code: str
) -> None:
    played = PLATFORMS["nixflex"]
    with Sandbox(seeded(route)) as sandbox:
        runner = LawRunner(tmp_path, sandbox, played)
        original = runner.number()
        runner.declare(played.agents[0])

        def give_away() -> None:
            table = sandbox.world.table(nixflex.AGENTS)
            agent = table.get(played.agents[0])
            assert agent is not None
            if owner == "nobody":
                table.remove(agent)
            else:
                agent.organization = owner

        outcomes = runner.apply(give_away).result.outcomes
        assert [o.error.code for o in outcomes if o.error is not None][:1] == [code]
        assert runner.number() == original
        assert runner.records() == []


@pytest.mark.parametrize("route", ROUTES)
def test_explains_the_manual_steps_when_a_move_cannot_be_undone(tmp_path: Path, route: str) -> None:
    played = PLATFORMS["nixflex"]
    with Sandbox(seeded(route)) as sandbox:
        runner = LawRunner(tmp_path, sandbox, played)
        runner.declare(played.agents[0])
        runner.apply()
        runner.declare(played.agents[1])
        result = runner.apply(
            lambda: sandbox.faults.add(fault("403", "POST */v1/phone-numbers", None))
        ).result
        [outcome] = result.outcomes
        assert (outcome.status, outcome.half_done) == ("failed", True)
        assert outcome.error is not None
        assert (
            f"Import it in Nixflex by hand for the agent {played.agents[0]}"
            in outcome.error.message
        )
        assert NUMBER in outcome.error.message
        from reconciler.workflows.exit_codes import result_exit_code

        assert result_exit_code(result) == 5
        sandbox.faults.clear()
        runner.apply()
        assert runner.plan().plan.actions == ()
