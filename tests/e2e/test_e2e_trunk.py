"""Trunks: made once, attached last, refused for one number only, left behind the webhooks, gone when unused."""

from __future__ import annotations

from tests.support.processes.http_server import Refusal
from tests.support.processes.process_runner import (
    AC,
    AGENT,
    ProcessRunner,
    actions,
    is_update,
    watched,
)

ONE, TWO, THREE = "+15550100101", "+15550100102", "+15550100103"
SIP = ("sip:sbc1.example.com;transport=tls", "sip:sbc2.example.com")
EDGE = {
    "domain": "acme-edge.pstn.twilio.com",
    "secure": True,
    "origination": [
        {"sip_url": SIP[0], "priority": 10, "weight": 20},
        {"sip_url": SIP[1], "priority": 20},
    ],
}
BY_TRUNK = {"agent": "support", "trunk": "edge"}


def test_refused_attachment_fails_only_its_number(runner: ProcessRunner) -> None:
    for number in (ONE, TWO, THREE):
        runner.number(number)
    sid = runner.twilio.number(TWO)["sid"]
    runner.twilio.unattachable = {sid}
    runner.declare({ONE: BY_TRUNK, TWO: BY_TRUNK, THREE: "support"}, trunks={"edge": EDGE})

    failed = runner.apply(code=5)
    (error,) = failed["errors"]
    assert (error["address"], error["phone_number_sid"]) == (f"number/{TWO}", sid)
    assert error["code"] == "trunk_attachment_failed"
    assert str(runner.twilio.refusal.code) in error["message"]
    assert failed["failed_count"] == 1
    (trunk,) = runner.twilio.trunks.values()
    assert (trunk["domain_name"], trunk["secure"]) == ("acme-edge.pstn.twilio.com", True)
    assert runner.twilio.number(ONE)["trunk_sid"] == trunk["sid"]
    assert runner.state["trunk/edge"]["sid"] == trunk["sid"]
    shown = runner.json("show", f"number/{ONE}")["resource"]
    assert shown["applied"]["trunk"] == "edge"
    assert runner.twilio.number(THREE)["voice_url"] == AGENT["voice"]
    assert {n: runner.twilio.number(n)["sms_url"] for n in (ONE, TWO, THREE)} == dict.fromkeys(
        (ONE, TWO, THREE), AGENT["sms"]
    )
    urls = {
        o["sip_url"]: (o["priority"], o["weight"], o["enabled"])
        for o in runner.twilio.origination_urls.values()
    }
    assert urls == {SIP[0]: (10, 20, True), SIP[1]: (20, 10, True)}

    assert actions(runner.plan()) == [(f"number/{TWO}", "attach_trunk")]
    with watched(runner.twilio) as calls:
        runner.twilio.refusal = Refusal(409, 20409, "Conflict")
        assert [e["code"] for e in runner.apply(code=1)["errors"]] == ["trunk_attachment_failed"]
    assert {call.path for call in calls if call.writes} == {runner.twilio.writes_to(TWO)[-1].path}

    runner.twilio.unattachable = set()
    runner.apply()
    assert runner.twilio.number(TWO)["trunk_sid"] == trunk["sid"]
    runner.settled()
    assert len(runner.twilio.trunks) == 1
    assert len(runner.twilio.origination_urls) == 2


def test_moves_from_trunk_to_webhooks_and_back_without_a_gap(runner: ProcessRunner) -> None:
    """Webhooks are right before the number leaves the trunk; what joins the trunk does so last."""
    runner.number(ONE, voice_url="https://demo.twilio.com/welcome/voice/")
    runner.declare({ONE: BY_TRUNK}, trunks={"edge": EDGE})
    runner.apply()
    assert runner.twilio.number(ONE)["trunk_sid"]

    runner.declare({ONE: "support"}, trunks={"edge": EDGE})
    with watched(runner.twilio) as calls:
        runner.apply()
    forms = [call.form for call in calls if is_update(call)]
    assert [form.get("TrunkSid") for form in forms] == [None, ""]
    assert forms[0]["VoiceUrl"] == AGENT["voice"]
    runner.settled()

    runner.declare({ONE: BY_TRUNK})
    document = runner.json("plan", code=3)
    assert document["diagnostics"][0]["code"] == "trunk_not_found"

    runner.declare({})
    runner.apply()
    assert runner.twilio.number(ONE)["voice_url"] == "https://demo.twilio.com/welcome/voice/"
    assert not runner.twilio.trunks, "it was ours, and nobody uses it any more"
    assert not runner.twilio.origination_urls
    assert runner.state == {}


def test_imported_trunk_survives_the_removal_of_its_declaration(
    runner: ProcessRunner,
) -> None:
    sid, strange = "TK" + "5" * 32, "TK" + "6" * 32
    blank = {"account_sid": AC, "friendly_name": "By hand", "secure": False}
    runner.twilio.trunks[sid] = {**blank, "sid": sid, "domain_name": EDGE["domain"]}
    runner.twilio.trunks[strange] = {
        **blank,
        "sid": strange,
        "domain_name": "other.pstn.twilio.com",
    }
    runner.number(ONE, trunk_sid=strange, voice_url="https://pbx.example.net/hidden")
    runner.declare(
        {ONE: BY_TRUNK}, trunks={"edge": {**EDGE, "friendly_name": "By hand", "secure": False}}
    )
    assert ("trunk/edge", "import") in actions(runner.plan())
    assert "takeover_refused" in runner.run("apply", "--auto-approve", "--json", code=4).codes
    runner.apply("--allow-takeover")
    assert runner.twilio.number(ONE)["trunk_sid"] == sid
    runner.settled()
    runner.declare({})
    runner.apply()
    assert runner.twilio.number(ONE)["trunk_sid"] == strange
    assert runner.twilio.number(ONE)["voice_url"] == "https://pbx.example.net/hidden"
    assert set(runner.twilio.trunks) == {sid, strange}


def test_trunk_edited_by_hand_is_drift(runner: ProcessRunner) -> None:
    runner.number(ONE)
    runner.declare({ONE: BY_TRUNK}, trunks={"edge": EDGE})
    runner.apply()
    (trunk,) = runner.twilio.trunks.values()
    first = next(row for row in runner.twilio.origination_urls.values() if row["sip_url"] == SIP[0])
    trunk["secure"], first["weight"] = False, 65535
    runner.twilio.edit(ONE, trunk_sid="")
    drifted = {d["address"]: d["fields"] for d in runner.json("drift", code=2)["drifted"]}
    assert drifted.pop("trunk/edge") == [
        {"field": "secure", "recorded": True, "live": False, "actor": None}
    ]
    by_field = {field["field"]: field for field in drifted.pop(f"number/{ONE}")}
    assert (by_field["trunk"]["recorded"], by_field["trunk"]["live"]) == ("edge", None)
    assert by_field["trunk"]["actor"]["via"] == "console"
    assert [[f["field"] for f in fields] for fields in drifted.values()] == [["weight"]]
    runner.apply()
    assert (trunk["secure"], first["weight"]) == (True, 20)
    assert runner.twilio.number(ONE)["trunk_sid"] == trunk["sid"]
    runner.settled()
