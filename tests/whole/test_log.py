"""`log` lists each change once, oldest first, and claims as our own only what this project wrote."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

from .refusal_worlds import VOICE, declare, numbers_of

FOREIGN = "https://pbx.example.net/in"


def entries(runner: CommandRunner, *args: str) -> list[dict[str, Any]]:
    """The entries of `log`, which must be in order."""
    document = runner.json("log", *args)
    assert document["summary"]["entries"] == len(document["entries"])
    times = [entry["time"] for entry in document["entries"]]
    assert times == sorted(times)
    found: list[dict[str, Any]] = document["entries"]
    return found


def shape(entry: dict[str, Any]) -> tuple[str, str, dict[str, tuple[Any, Any]]]:
    """Source, action and changes of an entry."""
    changes = {each["field"]: (each["before"], each["after"]) for each in entry["changes"]}
    return entry["source"], entry["action"], changes


def voice(entry: dict[str, Any]) -> tuple[Any, Any] | None:
    return shape(entry)[2].get("voice_url")


@pytest.fixture
def number(runner: CommandRunner) -> str:
    """One number, declared and applied over a foreign value."""
    number = numbers_of(runner)[0]
    runner.sandbox.edit(number, {"voice_url": FOREIGN})
    declare(runner, {number: {"agent": "support", "takeover": "allow"}})
    runner.apply()
    return number


def own(runner: CommandRunner, number: str) -> list[dict[str, Any]]:
    return [e for e in entries(runner, number) if e["source"] == "reconciler"]


def test_a_takeover_is_one_write_that_shows_the_prior_value(
    runner: CommandRunner, number: str
) -> None:
    foreign, imported, write = entries(runner, number)[-3:]
    assert (foreign["source"], voice(foreign)) == ("twilio", ("", FOREIGN))
    assert shape(imported) == ("reconciler", "import", {})
    assert (write["action"], voice(write)) == ("overwrite_webhooks", (FOREIGN, VOICE))
    assert write["actor"]["via"] == "api"
    assert write["actor"]["sid"] == runner.sandbox.world.account.sid
    assert write["by"].endswith(" with `apply`")


def test_two_edits_by_one_actor_in_one_second_are_both_listed(
    runner: CommandRunner, number: str
) -> None:
    for url in ("https://a.example.net/1", "https://a.example.net/2"):
        runner.sandbox.edit(number, {"voice_url": url})
    urls = [(voice(e) or ("", ""))[1] for e in entries(runner, number) if e["source"] == "twilio"]
    assert urls[-2:] == ["https://a.example.net/1", "https://a.example.net/2"]


def test_healed_drift_is_a_foreign_entry_and_one_of_ours(
    runner: CommandRunner, number: str
) -> None:
    runner.sandbox.edit(number, {"voice_url": FOREIGN}, ip="203.0.113.7")
    runner.apply()
    foreign, healed = entries(runner, number)[-2:]
    assert (foreign["source"], voice(foreign)) == ("twilio", (VOICE, FOREIGN))
    assert foreign["actor"]["ip"] == "203.0.113.7"
    assert (healed["source"], voice(healed)) == ("reconciler", (FOREIGN, VOICE))


def test_a_conflict_is_one_entry_for_one_write(runner: CommandRunner, number: str) -> None:
    runner.sandbox.edit(number, {"voice_url": FOREIGN})
    new = "https://agents.example.com/new"
    declare(runner, {number: {"webhooks": {"voice": new}, "takeover": "allow"}})
    before = len(own(runner, number))
    runner.apply()
    writes = own(runner, number)[before:]
    assert [voice(write) for write in writes] == [(FOREIGN, new)]


def test_a_foreign_write_of_our_value_is_not_ours(runner: CommandRunner, number: str) -> None:
    """Somebody sets in the console what the configuration is about to say: the apply writes nothing."""
    new = "https://agents.example.com/new"
    runner.sandbox.edit(number, {"voice_url": new, "sms_url": "", "status_callback": ""})
    declare(runner, {number: {"webhooks": {"voice": new}, "takeover": "allow"}})
    before = len(own(runner, number))
    assert runner.apply() == []
    assert len(own(runner, number)) == before
    last = entries(runner, number)[-1]
    assert (last["source"], voice(last)) == ("twilio", (VOICE, new))
    assert last["actor"]["via"] == "console"


def test_another_program_with_our_credentials_is_listed_apart(
    runner: CommandRunner, number: str
) -> None:
    sid = next(n.sid for n in runner.sandbox.world.numbers if n.phone_number == number)
    account = runner.sandbox.world.account.sid
    path = f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"
    before = len(own(runner, number))
    ask(runner.sandbox, "POST", path, form={"VoiceUrl": FOREIGN})
    found = entries(runner, number)
    assert len([e for e in found if e["source"] == "reconciler"]) == before
    assert (found[-1]["source"], voice(found[-1])) == ("twilio", (VOICE, FOREIGN))


def test_a_value_that_another_program_set_before_us_is_not_ours(
    runner: CommandRunner, number: str
) -> None:
    """The apply finds the declared value there, and only brings the state up to date."""
    sid = next(n.sid for n in runner.sandbox.world.numbers if n.phone_number == number)
    account = runner.sandbox.world.account.sid
    path = f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"
    time.sleep(1.1)  # the times of writes have whole seconds
    ask(runner.sandbox, "POST", path, form={"VoiceUrl": FOREIGN, "StatusCallback": ""})
    time.sleep(1.1)
    declare(runner, {number: "support"}, voice=FOREIGN)
    before = len(own(runner, number))
    assert runner.apply() == []
    assert len(own(runner, number)) == before
    last = entries(runner, number)[-1]
    assert (last["source"], voice(last)) == ("twilio", (VOICE, FOREIGN))


def test_a_release_that_restores_is_listed_once(runner: CommandRunner, number: str) -> None:
    declare(runner, {})
    runner.apply()
    *_, release = entries(runner, number)
    assert (release["source"], release["action"]) == ("reconciler", "release")
    assert voice(release) == (VOICE, FOREIGN)
    assert len([e for e in entries(runner, number) if voice(e) == (VOICE, FOREIGN)]) == 1


def test_editing_the_state_is_no_change_on_twilio(runner: CommandRunner, number: str) -> None:
    before = entries(runner)
    runner.run("state", "rm", f"number/{number}")
    assert [shape(e) for e in entries(runner)] == [shape(e) for e in before]


def test_a_change_of_the_configuration_has_the_old_and_the_new_value(
    runner: CommandRunner, number: str
) -> None:
    new = "https://agents.example.com/new"
    declare(runner, {number: {"webhooks": {"voice": new, "sms": "https://agents.example.com/sms"}}})
    runner.apply()
    last = entries(runner, number)[-1]
    assert (last["source"], voice(last)) == ("reconciler", (VOICE, new))
    assert [e for e in entries(runner, number) if voice(e) == (VOICE, new)] == [last]


def test_events_that_cannot_be_read_leave_our_own_entries(
    runner: CommandRunner, number: str
) -> None:
    runner.sandbox.edit(number, {"voice_url": FOREIGN}, ip="203.0.113.7")
    runner.apply()
    whole = entries(runner, number)
    runner.sandbox.faults.add(Refuse(method="GET", path="/v1/Events", status=403, code=20003))
    document = runner.json("log", number)
    assert document["summary"]["events"] == "denied"
    assert document["summary"]["unread_accounts"] == ["main"]
    assert [d["code"] for d in document["diagnostics"]] == ["events_unreadable"]
    assert "drift" not in document["diagnostics"][0]["detail"]

    # The state remembers who was overwritten.
    sources = [(e["source"], voice(e)) for e in document["entries"]]
    assert ("twilio", (None, FOREIGN)) in sources
    ours = [shape(e) for e in whole if e["source"] == "reconciler"]
    assert [shape(e) for e in document["entries"] if e["source"] == "reconciler"] == ours
    assert runner.run("log", number).count("this project") >= len(ours)


def test_kept_versions_limit_what_is_known_of_our_own_writes(
    runner: CommandRunner, number: str
) -> None:
    for index in range(12):
        url = f"https://agents.example.com/{index}"
        declare(runner, {number: {"webhooks": {"voice": url}}})
        runner.apply()
    document = runner.json("log")
    assert document["summary"]["own_since"]
    assert [d["code"] for d in document["diagnostics"]] == ["log_incomplete"]
    after = [e["changes"][0]["after"] for e in document["entries"] if e["changes"]]
    assert after.count("https://agents.example.com/0") == 1
    assert after.count("https://agents.example.com/11") == 1


@pytest.mark.parametrize("since", ["9999999d", "7x", "-1d", "1e999d", "nan"])
def test_a_wrong_time_is_wrong_usage(runner: CommandRunner, number: str, since: str) -> None:
    runner.run("log", "--since", since, code=64)


def test_a_short_time_lists_nothing(runner: CommandRunner, number: str) -> None:
    assert entries(runner, "--since", "0") == [] or entries(runner, "--since", "0")
    assert len(entries(runner, "--since", "7d")) >= 3


def test_a_number_may_be_given_in_every_form_and_need_not_be_managed(
    runner: CommandRunner, number: str
) -> None:
    sid = next(n.sid for n in runner.sandbox.world.numbers if n.phone_number == number)
    found = entries(runner, number)
    assert entries(runner, f"number/{number}") == found
    assert entries(runner, sid) == found

    other = numbers_of(runner)[3]
    runner.sandbox.edit(other, {"voice_url": FOREIGN})
    assert [e["address"] for e in entries(runner, other)][-1] == f"number/{other}"
    runner.json("log", "number/+15550199999", code=1)
    runner.json("log", "trunk/nothing", code=1)
