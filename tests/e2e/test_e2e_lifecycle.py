"""The main job against a server of somebody else's making: plan, apply, nothing to do, drift, heal, let go."""

from __future__ import annotations

from copy import deepcopy

from tests.support.processes.process_runner import AGENT, ProcessRunner, actions, is_update, watched

HANDMADE, DEMO, SAME, OTHER = "+15550100101", "+15550100102", "+15550100159", "+15550100103"
PRIOR = {
    "voice_url": "https://pbx.example.net/in#rc=3",
    "voice_method": "GET",
    "voice_fallback_url": "https://pbx.example.net/down",
    "voice_fallback_method": "GET",
    "sms_application_sid": "AP" + "7" * 32,
    "sms_url": "https://pbx.example.net/hidden",
    "status_callback": "https://pbx.example.net/status",
    "status_callback_method": "GET",
}
DEMO_URL = "https://demo.twilio.com/welcome/voice/"
ALLOWED = ("Voice", "Sms", "Status")


def crowd(runner: ProcessRunner) -> None:
    """Sixty numbers on two pages, three of which are going to be declared; the last page has one of them."""
    runner.number(HANDMADE, **PRIOR)
    runner.number(DEMO, voice_url=DEMO_URL)
    for last in range(103, 159):
        runner.number(
            f"+15550100{last}", voice_url="https://other.example.org/voice", sms_method="GET"
        )
    runner.number(SAME, voice_url=AGENT["voice"], sms_url=AGENT["sms"])


def test_number_goes_through_plan_apply_drift_repair_and_release(runner: ProcessRunner) -> None:
    twilio = runner.twilio
    crowd(runner)
    seed = deepcopy(twilio.numbers)
    declared = dict.fromkeys((HANDMADE, DEMO, SAME), "support")
    runner.declare(declared)

    plan = runner.plan()
    assert not twilio.writes
    assert plan["unmanaged"] == 56
    assert {address for address, _ in actions(plan)} == {f"number/{number}" for number in declared}

    applied = runner.apply("--allow-takeover=number/" + HANDMADE)
    assert (applied["success_count"], applied["failed_count"], applied["errors"]) == (5, 0, [])
    for e164 in declared:
        row = twilio.number(e164)
        assert (row["voice_url"], row["voice_method"]) == (AGENT["voice"], "POST")
        assert (row["sms_url"], row["sms_method"]) == (AGENT["sms"], "POST")
        emptied = (
            "voice_fallback_url",
            "sms_fallback_url",
            "status_callback",
            "sms_application_sid",
            "trunk_sid",
        )
        assert [row[field] for field in emptied] == [""] * 5
    untouched = {sid for sid, row in seed.items() if row["phone_number"] not in (HANDMADE, DEMO)}
    assert {sid: twilio.numbers[sid] for sid in untouched} == {sid: seed[sid] for sid in untouched}
    assert not twilio.writes_to(SAME), "what is as declared is not written"
    assert all(name.startswith(ALLOWED) for call in twilio.writes for name in call.form), (
        "only webhooks are sent"
    )
    prior = runner.state["number/" + HANDMADE]["prior"]
    assert {name: prior[name] for name in PRIOR} == PRIOR
    assert runner.state["number/" + DEMO]["prior"]["voice_url"] == DEMO_URL

    runner.settled()
    remembered = (runner.folder / "state.json").read_bytes()
    with watched(twilio) as calls:
        assert runner.apply()["outcomes"] == []
    assert not any(call.writes for call in calls)
    assert (runner.folder / "state.json").read_bytes() == remembered, "the same thing said twice"
    assert runner.json("drift")["drifted"] == []

    twilio.edit(DEMO, voice_url="https://laptop.example.dev/voice", sms_method="GET")
    drifted = runner.json("drift", code=2)["drifted"]
    assert [d["address"] for d in drifted] == ["number/" + DEMO]
    assert {f["field"]: (f["recorded"], f["live"]) for f in drifted[0]["fields"]} == {
        "voice_url": (AGENT["voice"], "https://laptop.example.dev/voice"),
        "sms_method": ("POST", "GET"),
    }
    assert {f["actor"]["sid"] for f in drifted[0]["fields"]} == {"US" + "e" * 32}
    assert {row["reason"] for row in runner.plan()["actions"]} == {"drift"}
    with watched(twilio) as calls:
        runner.apply()
    assert [call.path for call in calls if call.writes] == [twilio.writes_to(DEMO)[-1].path]
    assert twilio.number(DEMO)["voice_url"] == AGENT["voice"]

    runner.declare({DEMO: "support"})
    assert ("number/" + HANDMADE, "release") in actions(runner.plan())
    runner.apply()
    assert {e164: twilio.number(e164) for e164 in (HANDMADE, SAME)} == {
        e164: next(row for row in seed.values() if row["phone_number"] == e164)
        for e164 in (HANDMADE, SAME)
    }
    assert set(runner.state) == {"number/" + DEMO}
    runner.settled()
    assert len(twilio.numbers) == len(seed)


def test_release_keeps_later_changes_of_others(runner: ProcessRunner) -> None:
    runner.number(HANDMADE, voice_url=DEMO_URL, sms_url="")
    runner.declare({HANDMADE: "support"})
    runner.apply()
    runner.twilio.edit(HANDMADE, voice_url="https://colleague.example.org/voice")
    runner.declare({})
    runner.apply()
    row = runner.twilio.number(HANDMADE)
    assert (row["voice_url"], row["sms_url"]) == ("https://colleague.example.org/voice", "")


def test_on_removal_clear_empties_and_keep_preserves_values(runner: ProcessRunner) -> None:
    runner.number(HANDMADE, voice_url=DEMO_URL)
    runner.number(DEMO, voice_url=DEMO_URL)
    declared = {"agent": "support", "on_removal": "clear"}
    runner.declare({HANDMADE: declared, DEMO: {**declared, "on_removal": "keep"}})
    runner.apply()
    runner.declare({})
    with watched(runner.twilio) as calls:
        runner.apply()
    cleared, kept = runner.twilio.number(HANDMADE), runner.twilio.number(DEMO)
    assert (cleared["voice_url"], cleared["sms_url"]) == ("", "")
    assert (kept["voice_url"], kept["sms_url"]) == (AGENT["voice"], AGENT["sms"])
    assert sum(call.writes for call in calls) == 1


def test_compares_and_writes_only_managed_fields(runner: ProcessRunner) -> None:
    runner.number(HANDMADE, sms_url="https://sms.example.org/in")
    runner.declare(
        {HANDMADE: {"agent": "support", "manage": ["voice"], "friendly_name": "Support line"}}
    )
    runner.apply()
    row = runner.twilio.number(HANDMADE)
    assert (row["voice_url"], row["sms_url"]) == (AGENT["voice"], "https://sms.example.org/in")
    assert row["friendly_name"] == "Support line"
    assert not [
        name
        for call in runner.twilio.writes
        for name in call.form
        if name.startswith(("Sms", "Status"))
    ]
    runner.twilio.edit(HANDMADE, sms_url="https://sms.example.org/other")
    assert runner.json("drift")["drifted"] == []
    runner.settled()


def test_watches_and_never_writes_a_number_without_settings(runner: ProcessRunner) -> None:
    runner.number(HANDMADE, voice_url="https://pbx.example.net/in")
    runner.declare({HANDMADE: None})
    runner.apply()
    runner.twilio.edit(HANDMADE, voice_url="https://newer.example.net/in")
    (field,) = runner.json("drift", code=2)["drifted"][0]["fields"]
    assert field.pop("actor")["via"] == "console"
    values = {"recorded": "https://pbx.example.net/in", "live": "https://newer.example.net/in"}
    assert field == {"field": "voice_url", **values}
    runner.apply()
    assert runner.json("drift")["drifted"] == []
    assert not runner.twilio.writes

    runner.declare({HANDMADE: "support"})
    refused = runner.run("apply", "--auto-approve", "--json", code=4)
    assert refused.codes == ["takeover_refused"], "what was only watched is still somebody else's"
    runner.apply("--allow-takeover")
    runner.declare({})
    runner.apply()
    assert runner.twilio.number(HANDMADE)["voice_url"] == "https://newer.example.net/in", (
        "what was there last"
    )


def test_number_watched_for_a_while_keeps_its_first_prior_values(
    runner: ProcessRunner,
) -> None:
    """What it shows while it is watched is still what we wrote, and no value of somebody else's."""
    runner.number(HANDMADE, voice_url="https://pbx.example.net/in")
    runner.declare({HANDMADE: {"agent": "support", "takeover": "allow"}})
    runner.apply()
    runner.declare({HANDMADE: None})
    runner.apply()
    runner.declare({HANDMADE: {"agent": "support", "friendly_name": "Support line"}})
    runner.apply()
    runner.declare({})
    runner.apply()
    assert runner.twilio.number(HANDMADE)["voice_url"] == "https://pbx.example.net/in"


def test_follows_pages_that_name_the_host_of_twilio(runner: ProcessRunner) -> None:
    runner.twilio.page_size, runner.twilio.advertised = 2, "https://trunking.twilio.com"
    for last in range(101, 108):
        runner.number(f"+15550100{last}")
    runner.twilio.prefix = "/behind/a/path"
    urls = [f"sip:sbc{n}.example.com" for n in range(5)]
    trunk = {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": url} for url in urls],
    }
    runner.declare(
        dict.fromkeys(("+15550100101", "+15550100107"), "support"), trunks={"edge": trunk}
    )
    runner.apply()
    runner.settled()
    assert sorted(row["sip_url"] for row in runner.twilio.origination_urls.values()) == urls
    assert len([call for call in runner.twilio.writes if is_update(call)]) == 2
