"""The main job against a server of somebody else's making: plan, apply, nothing to do, drift, heal, let go."""

from __future__ import annotations

from copy import deepcopy

from .stage import AGENT, Stage, actions, is_update, watched

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


def crowd(stage: Stage) -> None:
    """Sixty numbers on two pages, three of which are going to be declared; the last page has one of them."""
    stage.number(HANDMADE, **PRIOR)
    stage.number(DEMO, voice_url=DEMO_URL)
    for last in range(103, 159):
        stage.number(
            f"+15550100{last}", voice_url="https://other.example.org/voice", sms_method="GET"
        )
    stage.number(SAME, voice_url=AGENT["voice"], sms_url=AGENT["sms"])


def test_plan_apply_again_drift_heal_release(stage: Stage) -> None:
    twilio = stage.twilio
    crowd(stage)
    seed = deepcopy(twilio.numbers)
    declared = dict.fromkeys((HANDMADE, DEMO, SAME), "support")
    stage.declare(declared)

    plan = stage.plan()
    assert not twilio.writes
    assert plan["unmanaged"] == 56
    assert {address for address, _ in actions(plan)} == {f"number/{number}" for number in declared}

    applied = stage.apply("--allow-takeover=number/" + HANDMADE)
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
    prior = stage.state["number/" + HANDMADE]["prior"]
    assert {name: prior[name] for name in PRIOR} == PRIOR
    assert stage.state["number/" + DEMO]["prior"]["voice_url"] == DEMO_URL

    stage.settled()
    remembered = (stage.folder / "state.json").read_bytes()
    with watched(twilio) as calls:
        assert stage.apply()["outcomes"] == []
    assert not any(call.writes for call in calls)
    assert (stage.folder / "state.json").read_bytes() == remembered, "the same thing said twice"
    assert stage.json("drift")["drifted"] == []

    twilio.edit(DEMO, voice_url="https://laptop.example.dev/voice", sms_method="GET")
    drifted = stage.json("drift", code=2)["drifted"]
    assert [d["address"] for d in drifted] == ["number/" + DEMO]
    assert {f["field"]: (f["recorded"], f["live"]) for f in drifted[0]["fields"]} == {
        "voice_url": (AGENT["voice"], "https://laptop.example.dev/voice"),
        "sms_method": ("POST", "GET"),
    }
    assert "US" + "e" * 32 in drifted[0]["actor"]
    assert {row["reason"] for row in stage.plan()["actions"]} == {"drift"}
    with watched(twilio) as calls:
        stage.apply()
    assert [call.path for call in calls if call.writes] == [twilio.writes_to(DEMO)[-1].path]
    assert twilio.number(DEMO)["voice_url"] == AGENT["voice"]

    stage.declare({DEMO: "support"})
    assert ("number/" + HANDMADE, "release") in actions(stage.plan())
    stage.apply()
    assert {e164: twilio.number(e164) for e164 in (HANDMADE, SAME)} == {
        e164: next(row for row in seed.values() if row["phone_number"] == e164)
        for e164 in (HANDMADE, SAME)
    }
    assert set(stage.state) == {"number/" + DEMO}
    stage.settled()
    assert len(twilio.numbers) == len(seed)


def test_a_release_leaves_alone_what_somebody_else_has_changed_since(stage: Stage) -> None:
    stage.number(HANDMADE, voice_url=DEMO_URL, sms_url="")
    stage.declare({HANDMADE: "support"})
    stage.apply()
    stage.twilio.edit(HANDMADE, voice_url="https://colleague.example.org/voice")
    stage.declare({})
    stage.apply()
    row = stage.twilio.number(HANDMADE)
    assert (row["voice_url"], row["sms_url"]) == ("https://colleague.example.org/voice", "")


def test_on_removal_clear_and_keep(stage: Stage) -> None:
    stage.number(HANDMADE, voice_url=DEMO_URL)
    stage.number(DEMO, voice_url=DEMO_URL)
    declared = {"agent": "support", "on_removal": "clear"}
    stage.declare({HANDMADE: declared, DEMO: {**declared, "on_removal": "keep"}})
    stage.apply()
    stage.declare({})
    with watched(stage.twilio) as calls:
        stage.apply()
    cleared, kept = stage.twilio.number(HANDMADE), stage.twilio.number(DEMO)
    assert (cleared["voice_url"], cleared["sms_url"]) == ("", "")
    assert (kept["voice_url"], kept["sms_url"]) == (AGENT["voice"], AGENT["sms"])
    assert sum(call.writes for call in calls) == 1


def test_only_what_is_managed_is_compared_and_written(stage: Stage) -> None:
    stage.number(HANDMADE, sms_url="https://sms.example.org/in")
    stage.declare(
        {HANDMADE: {"agent": "support", "manage": ["voice"], "friendly_name": "Support line"}}
    )
    stage.apply()
    row = stage.twilio.number(HANDMADE)
    assert (row["voice_url"], row["sms_url"]) == (AGENT["voice"], "https://sms.example.org/in")
    assert row["friendly_name"] == "Support line"
    assert not [
        name
        for call in stage.twilio.writes
        for name in call.form
        if name.startswith(("Sms", "Status"))
    ]
    stage.twilio.edit(HANDMADE, sms_url="https://sms.example.org/other")
    assert stage.json("drift")["drifted"] == []
    stage.settled()


def test_a_number_declared_with_nothing_is_watched_and_never_written(stage: Stage) -> None:
    stage.number(HANDMADE, voice_url="https://pbx.example.net/in")
    stage.declare({HANDMADE: None})
    stage.apply()
    stage.twilio.edit(HANDMADE, voice_url="https://newer.example.net/in")
    fields = stage.json("drift", code=2)["drifted"][0]["fields"]
    values = {"recorded": "https://pbx.example.net/in", "live": "https://newer.example.net/in"}
    assert fields == [{"field": "voice_url", **values}]
    stage.apply()
    assert stage.json("drift")["drifted"] == []
    assert not stage.twilio.writes

    stage.declare({HANDMADE: "support"})
    refused = stage.run("apply", "--auto-approve", "--json", code=4)
    assert refused.codes == ["takeover_refused"], "what was only watched is still somebody else's"
    stage.apply("--allow-takeover")
    stage.declare({})
    stage.apply()
    assert stage.twilio.number(HANDMADE)["voice_url"] == "https://newer.example.net/in", (
        "what was there last"
    )


def test_a_number_that_is_only_watched_for_a_while_keeps_its_first_prior_values(
    stage: Stage,
) -> None:
    """What it shows while it is watched is still what we wrote, and no value of somebody else's."""
    stage.number(HANDMADE, voice_url="https://pbx.example.net/in")
    stage.declare({HANDMADE: {"agent": "support", "takeover": "allow"}})
    stage.apply()
    stage.declare({HANDMADE: None})
    stage.apply()
    stage.declare({HANDMADE: {"agent": "support", "friendly_name": "Support line"}})
    stage.apply()
    stage.declare({})
    stage.apply()
    assert stage.twilio.number(HANDMADE)["voice_url"] == "https://pbx.example.net/in"


def test_twilio_may_name_its_own_host_and_lead_through_many_pages(stage: Stage) -> None:
    stage.twilio.page_size, stage.twilio.advertised = 2, "https://trunking.twilio.com"
    for last in range(101, 108):
        stage.number(f"+15550100{last}")
    stage.twilio.prefix = "/behind/a/path"
    urls = [f"sip:sbc{n}.example.com" for n in range(5)]
    trunk = {
        "domain": "acme-edge.pstn.twilio.com",
        "origination": [{"sip_url": url} for url in urls],
    }
    stage.declare(
        dict.fromkeys(("+15550100101", "+15550100107"), "support"), trunks={"edge": trunk}
    )
    stage.apply()
    stage.settled()
    assert sorted(row["sip_url"] for row in stage.twilio.origination_urls.values()) == urls
    assert len([call for call in stage.twilio.writes if is_update(call)]) == 2
