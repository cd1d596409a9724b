"""Accounts that people have left behind, for exports: drawn at random, or messy on purpose."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from reconciler.config.load.load import load
from reconciler.config.project import Project
from reconciler.export.document import DeclaredConfig, Exported, ExportFilter, export
from reconciler.planning.plan import Plan
from reconciler.planning.planner import plan_resources
from reconciler.remote.queries.observe import observe
from reconciler.remote.queries.whole_account import read_accounts
from tests.support.memory.fake_twilio import FakeTwilio

TRUNKS = ("TK" + "1" * 32, "TK" + "2" * 32, "TK" + "3" * 32, "TK" + "4" * 32)
APPLICATIONS = ("AP" + "1" * 32, "AP" + "2" * 32)
URLS = (
    None,
    "",
    "https://agents.example.com/support/voice",
    "https://agents.example.com/voice?queue=a,b&x={1}",
    "http://user:pa55word@agents.example.com/sms",
    "https://api.vapi.ai/twilio/inbound_call?token=abcdef",
    "https://demo.twilio.com/welcome/voice/",
    "https://laptop.ngrok.io/voice#rc=2",
    "https://agents.example.com/über: # straße",
    "not a url",
    "https://",
    "https://192.0.2.7:8080/",
    "https://ég.example.com/\u2028x",
)
NAMES = (
    "",
    "(555) 010-0101",
    "Sales: line # 1\nnumbers:\n  x",
    "Übersee 🙂",
    "a" * 80,
    "\x07bell",
    '"quoted" \\',
)
LABELS = (None, "", "Edge", "Edge", "x" * 80, "über", "yes", "TK" + "1" * 32)
MODES = (None, "do-not-record", "record-from-ringing-dual", "record-some-other-way")
DOMAINS = (None, None, "edge.pstn.twilio.com", "Upper.pstn.twilio.com", "other.example.com")


@st.composite
def numbers(draw: st.DrawFn, last: int) -> dict[str, Any]:
    hook = st.sampled_from(URLS)
    method = st.sampled_from(("POST", "GET", "", None))
    return {
        "sid": f"PN{last:032x}",
        "phone_number": f"+1555010{last:04d}",
        "friendly_name": draw(st.sampled_from(NAMES)),
        "voice_url": draw(hook),
        "voice_method": draw(method),
        "voice_fallback_url": draw(hook),
        "voice_application_sid": draw(st.sampled_from((None, "", *APPLICATIONS))),
        "trunk_sid": draw(st.sampled_from((None, None, *TRUNKS, "TK" + "9" * 32))),
        "sms_url": draw(hook),
        "sms_method": draw(method),
        "sms_fallback_url": draw(hook),
        "sms_application_sid": draw(st.sampled_from((None, None, *APPLICATIONS))),
        "status_callback": draw(hook),
        "status_callback_method": draw(method),
        "capabilities": {
            "voice": draw(st.sampled_from((True, True, None, False))),
            "sms": draw(st.sampled_from((True, True, None, False))),
        },
        "voice_receive_mode": draw(st.sampled_from(("voice", "voice", "fax"))),
    }


@st.composite
def applications(draw: st.DrawFn, sid: str) -> dict[str, Any]:
    hook = st.sampled_from((None, *URLS[:6], *URLS))
    method = st.sampled_from(("POST", "GET", None))
    return {
        "sid": sid,
        "friendly_name": draw(st.sampled_from(("Menu", *LABELS))),
        "voice_url": draw(hook),
        "voice_method": draw(method),
        "voice_fallback_url": draw(st.sampled_from((None, None, *URLS))),
        "sms_url": draw(hook),
        "sms_fallback_url": draw(st.sampled_from((None, None, *URLS))),
        "status_callback": draw(hook),
        "status_callback_method": draw(method),
    }


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Any]:
    trunks = [
        {
            "sid": sid,
            "friendly_name": draw(st.sampled_from(LABELS)),
            "domain_name": draw(st.sampled_from(DOMAINS))
            if place
            else draw(st.sampled_from((None, "a.pstn.twilio.com"))),
            "secure": draw(st.booleans()),
            "cnam_lookup_enabled": draw(st.booleans()),
            "transfer_mode": draw(st.sampled_from(("disable-all", "sip-only", None, "odd"))),
            "transfer_caller_id": draw(st.sampled_from(("from-transferor", None))),
            "disaster_recovery_url": draw(st.sampled_from(URLS)),
            "disaster_recovery_method": draw(st.sampled_from(("GET", "POST", None))),
            "recording": {
                "mode": draw(st.sampled_from(MODES)),
                "trim": draw(st.sampled_from(("trim-silence", None))),
            },
            "ip_access_control_lists": draw(
                st.sampled_from(([], ["AL" + "1" * 32], ["AL" + "1" * 32, "AL1"]))
            ),
            "credential_lists": draw(st.sampled_from(([], ["CL" + "1" * 32]))),
        }
        for place, sid in enumerate(TRUNKS)
    ]
    seen = set()
    for trunk in trunks:  # Twilio gives a domain to one trunk only
        if trunk["domain_name"] in seen:
            trunk["domain_name"] = None
        seen.add(trunk["domain_name"])
    urls = [
        {
            "sid": f"OU{place:032x}",
            "trunk_sid": draw(st.sampled_from(TRUNKS)),
            "sip_url": draw(
                st.sampled_from(
                    ("sip:sbc1.example.com", "sip:a@sbc2.example.com;transport=tls", "sips:x")
                )
            ),
            "priority": draw(st.sampled_from((0, 10, 65535))),
            "weight": draw(st.sampled_from((1, 10))),
            "enabled": draw(st.booleans()),
            "friendly_name": draw(st.sampled_from(LABELS)),
        }
        for place in range(draw(st.integers(0, 5)))
    ]
    count = draw(st.integers(0, 6))
    return {
        "numbers": [draw(numbers(last)) for last in range(count)],
        "trunks": trunks,
        "origination_urls": urls,
        "applications": [draw(applications(sid)) for sid in APPLICATIONS],
    }


def exported(
    twilio: FakeTwilio,
    known: DeclaredConfig | None = None,
    wanted: ExportFilter | None = None,
    table_name: str | None = None,
) -> Exported:
    known = known or DeclaredConfig(project="voice", account=next(iter(twilio.accounts)))
    observed = read_accounts(sorted(twilio.accounts), twilio.gateways())
    return export(observed, known, wanted, table_name)


def planned(twilio: FakeTwilio, text: str, table: str = "") -> tuple[Project, Plan]:
    """The plan of this configuration, with nothing remembered; `table` is its `numbers.csv`."""
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "reconciler.yaml"
        entry.write_text(text, encoding="utf-8")
        if table:
            (Path(folder) / "numbers.csv").write_text(table, encoding="utf-8")
        project = load(entry, environ={})
    gateways = twilio.gateways()
    return project, plan_resources(
        project.desired, {}, observe(project.desired, {}, gateways), project.our_urls
    )
