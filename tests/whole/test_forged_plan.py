"""Each part of a plan file changed in turn, with a checksum that fits: refused, or without any effect."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.support.command_runner import AGENT, CommandRunner

EVIL = "https://evil.example.net/voice"
OTHER_DIGEST = "sha256:" + "0" * 64
TRUNK = {
    "domain": "acme-edge.pstn.twilio.com",
    "credential_lists": [
        {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX_PASSWORD"}}]}
    ],
}


def mutations(value: Any) -> Iterator[Any]:
    """The value with each of its parts, at any depth, changed, removed or doubled."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield {key: each for key, each in value.items() if key != name}
            for other in mutations(part):
                yield {**value, name: other}
    elif isinstance(value, list):
        if value:
            yield []
        for index, part in enumerate(value):
            yield value[:index] + value[index + 1 :]
            yield [*value, part]
            for other in mutations(part):
                yield [*value[:index], other, *value[index + 1 :]]
    elif isinstance(value, bool) or value is None:
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
    else:
        yield EVIL if "://" in value else value[:-1] + ("0" if value[-1:] != "0" else "1")
        yield ""


REFUSED = {"plan_stale", "plan_unexpected", "new_secret_destination"}
"""The codes of exit 4: what a plan file says is not what would be planned now, or sent anywhere now."""


def test_any_change_in_a_saved_plan_is_refused_or_has_no_effect(runner: CommandRunner) -> None:
    """No apply here is confirmed, for another digest is expected; that is looked at last, once all else is equal.

    Then it is the plan made now that would be carried out, or nothing, where the file has no actions any more.
    """
    number = next(iter(runner.sandbox.world.numbers)).phone_number
    runner.declare(
        agents={"support": {"webhooks": AGENT}}, numbers={number: "support"}, trunks={"edge": TRUNK}
    )
    runner.run("plan", "--out", "plan.bin")
    path = runner.folder / "plan.bin"
    plan = json.loads(path.read_bytes())
    del plan["sha256"]
    own = runner.json("show", "plan.bin")["digest"]
    nothing = runner.json("plan", "--exclude", "*")["digest"]
    calls = len(list(runner.sandbox.calls))
    outcomes: Counter[str] = Counter()
    for forged in mutations(plan):
        data = json.dumps(forged).encode()
        path.write_bytes(
            data[:-1] + b',"sha256":"' + hashlib.sha256(data).hexdigest().encode() + b'"}\n'
        )
        code, found = refusal(runner)
        outcomes[code] += 1
        if code == "plan_unexpected":
            assert own in found or (
                nothing in found and not (forged.get("actions") and forged.get("targets") == [])
            )
    assert outcomes.keys() == {*REFUSED, "plan_damaged", "plan_too_new"}
    assert not any(call.is_write for call in list(runner.sandbox.calls)[calls:])
    assert not (runner.folder / "state.json").exists()


def refusal(runner: CommandRunner) -> tuple[str, str]:
    """The code of the first diagnostic of an apply of the plan, and its detail; the exit code must fit it."""
    words = ("apply", "plan.bin", "--expect", OTHER_DIGEST, "--allow-takeover", "--force", "--json")
    code, text = runner.run_to_code(*words)
    first = json.loads(text)["diagnostics"][-1]
    assert first["code"] != "internal_error", first
    assert code == (4 if first["code"] in REFUSED else 1), first
    return first["code"], first["detail"]
