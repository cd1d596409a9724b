"""The sandbox's own endpoints: log, faults, console edits, the world as a seed, and the way back to the beginning."""

from __future__ import annotations

import pytest

from reconciler.sandbox.faults import rules as f
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.numbers import Number
from reconciler.sandbox.world.world import World
from tests.support.sandbox_client import ask, numbers_path

URL = "https://agents.example.com/voice"


def test_log_records_requests_and_responses(sandbox: Sandbox, number: Number) -> None:
    ask(sandbox, "GET", numbers_path(sandbox) + "?PageSize=3")
    ask(sandbox, "POST", numbers_path(sandbox, number.sid), form={"VoiceUrl": URL})
    log = ask(sandbox, "GET", "/_sandbox/calls").json
    assert log["counts"] == {"total": 2, "reads": 1, "writes": 1, "statuses": {"200": 2}}
    assert [call["params"] for call in log["calls"]] == [{"PageSize": "3"}, {"VoiceUrl": URL}]
    assert [
        call["method"] for call in ask(sandbox, "GET", "/_sandbox/calls?writes=true").json["calls"]
    ] == ["POST"]
    assert len(ask(sandbox, "GET", "/_sandbox/calls?limit=1").json["calls"]) == 1
    assert ask(sandbox, "GET", "/_sandbox/calls?limit=few").status == 400
    ask(sandbox, "DELETE", "/_sandbox/calls")
    assert ask(sandbox, "GET", "/_sandbox/calls").json["counts"]["total"] == 0


def test_the_log_holds_no_secrets(sandbox: Sandbox) -> None:
    pbx = ask(
        sandbox,
        "POST",
        f"/2010-04-01/Accounts/{sandbox.world.account.sid}/SIP/CredentialLists.json",
        form={"FriendlyName": "pbx"},
    )
    path = pbx.json["subresource_uris"]["credentials"]
    assert (
        ask(sandbox, "POST", path, form={"Username": "pbx", "Password": "Planted-Secret-1"}).status
        == 201
    )
    ask(
        sandbox,
        "POST",
        "/v1/nowhere",
        body={"twilio": {"auth_token": "Planted-Secret-2", "account": "AC1"}},
    )
    ask(sandbox, "POST", "/v1/nowhere", body=["Planted"])
    ask(sandbox, "POST", "/v1/nowhere", form={"": ""})
    log = ask(sandbox, "GET", "/_sandbox/calls")
    assert b"Planted-Secret" not in log.body
    assert log.json["calls"][-3]["params"] == {"twilio": {"account": "AC1"}}


def test_the_log_is_bounded_and_the_counts_are_not() -> None:
    with Sandbox(World.generate(), log_limit=3) as sandbox:
        for _ in range(5):
            ask(sandbox, "GET", numbers_path(sandbox))
        assert (
            len([*sandbox.calls]),
            len(sandbox.calls),
            sandbox.calls.reads,
            sandbox.calls.writes,
        ) == (3, 5, 5, 0)


def test_faults_come_and_go_at_run_time(sandbox: Sandbox) -> None:
    added = ask(
        sandbox,
        "POST",
        "/_sandbox/faults",
        body=[{"fault": "rate_limit", "every": 2}, {"fault": "drop", "times": 0}],
    )
    assert added.json == {
        "faults": [{"fault": "rate_limit", "every": 2}, {"fault": "drop", "times": 0}]
    }
    assert [ask(sandbox, "GET", numbers_path(sandbox)).status for _ in range(2)] == [200, 429]
    assert ask(sandbox, "PUT", "/_sandbox/faults", body={"fault": "server_error"}).json[
        "faults"
    ] == [{"fault": "server_error"}]
    assert ask(sandbox, "GET", numbers_path(sandbox)).status == 500
    assert ask(sandbox, "DELETE", "/_sandbox/faults").json == {"faults": []}
    assert ask(sandbox, "GET", numbers_path(sandbox)).status == 200
    refused = ask(sandbox, "POST", "/_sandbox/faults", body={"fault": "earthquake"})
    assert (refused.status, "earthquake" in refused.json["message"]) == (400, True)
    assert ask(sandbox, "GET", "/_sandbox/faults").json == {"faults": []}


def test_faults_and_log_exclude_control_endpoints(sandbox: Sandbox) -> None:
    sandbox.faults.add(f.Drop(), f.ServerError())
    assert ask(sandbox, "GET", "/_sandbox").json["rows"]["numbers"] == 12
    assert len(sandbox.calls) == 0


def test_edits_a_number_as_in_the_console(sandbox: Sandbox, number: Number) -> None:
    body = {
        "number": number.phone_number,
        "voice_url": URL,
        "actor": "US" + "1" * 32,
        "ip": "203.0.113.9",
    }
    assert ask(sandbox, "POST", "/_sandbox/edit", body=body).json["voice_url"] == URL
    [event] = sandbox.world.events
    assert (event.actor_sid, event.source, event.source_ip_address) == (
        "US" + "1" * 32,
        "web",
        "203.0.113.9",
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"number": "+15559999999", "voice_url": URL}, 404),
        ({"number": "+15552000000", "colour": "red"}, 400),
        ({"number": "+15552000000", "voice_url": "nonsense"}, 400),
        ({"voice_url": URL}, 400),
        ([], 400),
    ],
)
def test_invalid_edit_is_a_clear_error(sandbox: Sandbox, body: object, status: int) -> None:
    answer = ask(sandbox, "POST", "/_sandbox/edit", body=body)
    assert answer.status == status
    assert answer.json["message"]


def test_world_can_be_exported_and_imported(sandbox: Sandbox, number: Number) -> None:
    ask(sandbox, "POST", numbers_path(sandbox, number.sid), form={"VoiceUrl": URL})
    seed = ask(sandbox, "GET", "/_sandbox/world").json
    with Sandbox(World.generate()) as other:
        assert ask(other, "PUT", "/_sandbox/world", body=seed).json["rows"]["numbers"] == 12
        assert other.world.number(number.sid).voice_url == URL
        assert (
            ask(other, "GET", numbers_path(other)).json
            == ask(sandbox, "GET", numbers_path(sandbox)).json
        )


def test_rows_can_be_added(sandbox: Sandbox) -> None:
    rows = {
        "trunks": [{"sid": "TK" + "1" * 32}],
        "numbers": [{"phone_number": "+442079460000", "trunk_sid": "TK" + "1" * 32}],
    }
    assert ask(sandbox, "POST", "/_sandbox/world", body=rows).json["rows"]["numbers"] == 13
    assert (
        len(ask(sandbox, "GET", f"/v1/Trunks/TK{'1' * 32}/PhoneNumbers").json["phone_numbers"]) == 1
    )
    broken = ask(sandbox, "POST", "/_sandbox/world", body={"numbers": [{"phone": "+442079460001"}]})
    assert (broken.status, broken.json["message"]) == (
        400,
        "numbers[0]: Object contains unknown field `phone`",
    )


def test_reset_restores_the_initial_world(sandbox: Sandbox, number: Number) -> None:
    sandbox.edit(number.sid, {"friendly_name": "New"})
    ask(sandbox, "POST", "/v1/Trunks", form={})
    sandbox.faults.add(f.Drop())
    rows = ask(sandbox, "POST", "/_sandbox/reset").json["rows"]
    assert (rows["numbers"], rows["trunks"], rows["events"]) == (12, 0, 0)
    assert sandbox.world.number(number.sid).friendly_name == "(555) 200-0000"
    assert (sandbox.faults.faults, len(sandbox.calls)) == ([], 0)


def test_reports_what_does_not_exist(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/_sandbox/nothing").status == 404
    assert ask(sandbox, "PUT", "/_sandbox/edit").status == 405
    assert ask(sandbox, "PUT", "/_sandbox/world").status == 400
