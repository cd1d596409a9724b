"""Whatever an account holds: its export is a valid configuration, and a plan of it imports and does nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import example, given

from reconciler.config.project import Project
from reconciler.config.source.parse import parse_file
from reconciler.config.source.write import Block, Entry, render_flow, render_scalar, render_text
from reconciler.export.applications import ApplicationNames
from reconciler.export.document import DeclaredConfig, ExportFilter
from reconciler.export.names import name_from_urls
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.route import ApplicationRoute, Webhook
from tests.support.examples import examples
from tests.support.memory.fake_twilio import FakeTwilio

from .accounts import APPLICATIONS, TRUNKS, accounts, exported, planned

VOICE, SMS = "https://agents.example.com/voice", "https://agents.example.com/sms"


def number(last: int, **fields: Any) -> dict[str, Any]:
    return {"sid": f"PN{last:032x}", "phone_number": f"+1555010{last:04d}", **fields}


def twilio(
    *numbers: dict[str, Any], trunks: Sequence[dict[str, Any]] = (), **sections: Any
) -> FakeTwilio:
    rows = [{"recording": {}, **row} for row in trunks]
    return FakeTwilio({"default": {"numbers": list(numbers), "trunks": rows, **sections}})


def lines(fake: FakeTwilio, *args: Any) -> list[str]:
    return exported(fake, *args).text.splitlines()


def comments(text: str) -> str:
    return "\n".join(
        line if line.lstrip().startswith("#") else line.partition("    # ")[2]
        for line in text.splitlines()
    )


@examples(100)
@given(accounts())
def test_a_plan_of_an_export_only_imports(account: dict[str, Any]) -> None:
    fake = FakeTwilio({"default": account})
    result = exported(fake)
    assert "pa55word" not in comments(result.text)
    project, plan = planned(fake, result.text)
    assert {action.action for action in plan.actions} <= {"import"}
    assert {problem.code for problem in plan.diagnostics} <= {
        "unlisted_child",
        "number_cannot_text",
    }  # what cannot be declared stays there
    assert (
        sum(want.kind in NUMBER_KINDS for want in project.desired)
        == len(account["numbers"])
        == result.numbers
    )
    assert exported(fake).text == result.text


WATCHED = {
    "sid": "PN" + "0" * 32,
    "phone_number": "+15550100000",
    "voice_method": "POST",
    "sms_method": "POST",
    "status_callback_method": "POST",
    "capabilities": {"voice": True, "sms": True},
}
"""A number without a route and without a name: its row has nothing but the number."""


@examples(100)
@given(accounts())
@example({"numbers": [WATCHED], "trunks": [], "origination_urls": [], "applications": []})
def test_a_table_declares_the_same_numbers(account: dict[str, Any]) -> None:
    fake = FakeTwilio({"default": account})
    plain, divided = exported(fake), exported(fake, table_name="numbers.csv")
    first, _ = planned(fake, plain.text)
    second, plan = planned(fake, divided.text, divided.table)
    assert second.digest == first.digest
    assert {action.action for action in plan.actions} <= {"import"}

    def declared(project: Project) -> dict[str, object]:
        return {item.address: (item.profile, item.sid) for item in project.desired}

    assert declared(second) == declared(first)
    assert divided.rows == max(divided.table.count("\n") - 1, 0)


def test_a_number_with_a_remark_or_more_fields_stays_in_yaml() -> None:
    agent = {"voice_url": VOICE, "sms_url": SMS}
    fake = twilio(
        number(1, **agent),
        number(2, friendly_name='=HYPERLINK("https://evil.example.com")', **agent),
        number(3, trunk_sid=TRUNKS[0], **agent),
        number(4),
        number(5, trunk_sid=TRUNKS[0]),
        trunks=[{"sid": TRUNKS[0], "domain_name": "acme-edge.pstn.twilio.com"}],
    )
    found = exported(fake, table_name="numbers.csv")
    assert found.table == (
        "number,agent,trunk\n+15550100001,agents-example,\n+15550100002,agents-example,\n+15550100004,,\n+15550100005,,acme-edge\n"
    )
    text = found.text.splitlines()
    assert text[-2:] == ["numbers_from:", "  - {file: numbers.csv}"]
    [dead] = [line for line in text if line.startswith('  "+15550100003"')]
    assert "dead" in dead
    assert exported(twilio(number(3, trunk_sid=TRUNKS[0], **agent)), table_name="x.csv").table == ""


@examples(25)
@given(accounts())
def test_the_order_in_which_twilio_lists_numbers_makes_no_difference(
    account: dict[str, Any],
) -> None:
    turned = {**account, "numbers": account["numbers"][::-1], "trunks": account["trunks"][::-1]}
    assert (
        exported(FakeTwilio({"default": account})).text
        == exported(FakeTwilio({"default": turned})).text
    )


def test_numbers_with_equal_webhooks_get_one_agent_and_a_line_each() -> None:
    hooks = {"voice_url": VOICE, "sms_url": SMS}
    found = lines(twilio(number(2, **hooks), number(1, **hooks), number(3)))
    assert found == [
        "# Written by `reconciler export` from live resources: a plan of it only imports.",
        "# 1 number has no route, or none that YAML can express: it is only watched.",
        "version: 1",
        "project: voice",
        "",
        "agents:",
        "  agents-example:    # 2 numbers",
        "    webhooks:",
        f"      voice: {VOICE}",
        f"      sms: {SMS}",
        "",
        "numbers:",
        '  "+15550100001": agents-example',
        '  "+15550100002": agents-example',
        '  "+15550100003": {}',
    ]


def test_exports_a_trunk_with_origination_urls_and_reports_hidden_routes() -> None:
    trunks = [
        {
            "sid": TRUNKS[0],
            "friendly_name": "Edge",
            "domain_name": "acme-edge.pstn.twilio.com",
            "secure": True,
        }
    ]
    urls = [
        {
            "sid": "OU" + "1" * 32,
            "trunk_sid": TRUNKS[0],
            "sip_url": "sip:sbc1.example.com",
            "weight": 5,
        }
    ]
    dead = number(
        1, trunk_sid=TRUNKS[0], voice_url="https://pbx.example.net/in?token=x", sms_url=SMS
    )
    alike = number(2, trunk_sid=TRUNKS[0], voice_url=VOICE, sms_url=SMS)
    found = lines(
        twilio(
            dead,
            alike,
            number(3, voice_url=VOICE, sms_url=SMS),
            trunks=trunks,
            origination_urls=urls,
        )
    )
    assert "  edge:" in found
    assert "    domain: acme-edge.pstn.twilio.com" in found
    assert "    secure: true" in found
    assert '      - {sip_url: "sip:sbc1.example.com", priority: 10, weight: 5}' in found
    (line,) = (line for line in found if "+15550100001" in line)
    assert line.endswith("    # dead: voice url pbx.example.net/in behind the trunk")
    assert any(
        line.startswith('  "+15550100002": {agent: agents-example, trunk: edge}') for line in found
    )


def test_exports_trunk_settings_and_lists_by_sid() -> None:
    trunk = {
        "sid": TRUNKS[0],
        "domain_name": "acme-edge.pstn.twilio.com",
        "transfer_mode": "sip-only",
        "cnam_lookup_enabled": True,
        "disaster_recovery_url": VOICE,
        "recording": {"mode": "record-from-answer", "trim": "trim-silence"},
        "ip_access_control_lists": ["AL" + "1" * 32],
        "credential_lists": ["CL" + "1" * 32],
    }
    found = exported(twilio(trunks=[trunk])).text
    start = found.index("  acme-edge:")
    assert (
        "  # Its credential lists are declared by SID: Twilio does not return their passwords.\n  acme-edge:"
        in found
    )
    assert (
        found[start:]
        == f"""  acme-edge:
    domain: acme-edge.pstn.twilio.com
    disaster_recovery: {{url: "{VOICE}"}}
    cnam_lookup: true
    transfer_mode: sip-only
    recording: {{mode: record-from-answer, trim: trim-silence}}
    ip_access_control_lists:
      - {"AL" + "1" * 32}
    credential_lists:
      - {"CL" + "1" * 32}
"""
    )


def test_exports_unlabelled_applications_by_sid() -> None:
    whole = number(1, voice_application_sid=APPLICATIONS[0], sms_application_sid=APPLICATIONS[0])
    voice = number(2, voice_application_sid=APPLICATIONS[0])
    mixed = number(3, voice_application_sid=APPLICATIONS[0], sms_url=SMS, status_callback=VOICE)
    found = lines(twilio(whole, voice, mixed, applications=list(APPLICATIONS)))
    assert f"    application: {APPLICATIONS[0]}" in found
    assert '  "+15550100001": application-111111' in found
    assert any(
        line.startswith('  "+15550100002": {agent: application-111111, manage: [voice, status]}')
        for line in found
    )
    assert any(
        line.startswith('  "+15550100003": {agent: application-111111, webhooks: {sms:')
        for line in found
    )


MENU = {
    "sid": APPLICATIONS[0],
    "friendly_name": "Main menu",
    "voice_url": VOICE,
    "status_callback": VOICE,
}
BOTH = {
    "sid": APPLICATIONS[1],
    "friendly_name": "both",
    "voice_url": VOICE,
    "voice_method": "GET",
    "sms_url": SMS,
}


def test_exports_used_applications_and_agents_that_name_them() -> None:
    menu, both = (
        {"voice_application_sid": sid, "sms_application_sid": sid} for sid in APPLICATIONS
    )
    mute = {"capabilities": {"voice": True, "sms": False}, "voice_application_sid": APPLICATIONS[1]}
    idle = {"sid": "AP" + "3" * 32, "friendly_name": "Idle", "voice_url": VOICE}
    calls = number(1, voice_application_sid=APPLICATIONS[0])
    fake = twilio(
        calls, number(2, **menu), number(3, **both), number(4, **mute), number(5, sms_application_sid=APPLICATIONS[0]),
        applications=[MENU, BOTH, idle],
    )  # fmt: skip
    result = exported(fake)
    found = result.text.splitlines()
    assert found[found.index("agents:") :] == [
        "agents:",
        "  both:    # 2 numbers",
        "    application: both",
        "  main-menu:    # 2 numbers",
        "    application: main-menu",
        "",
        "applications:",
        "  both:",
        f'    voice: {{url: "{VOICE}", method: GET}}',
        f"    sms: {SMS}",
        "  main-menu:",
        '    friendly_name: "Main menu"',
        f"    voice: {VOICE}",
        f"    status: {VOICE}",
        "",
        "numbers:",
        '  "+15550100001": main-menu',
        '  "+15550100002": {agent: main-menu, manage: [voice, status]}'
        "    # sms is left alone: application main-menu has no SMS URL, so that no agent sets it",
        '  "+15550100003": both',
        '  "+15550100004": both',
        '  "+15550100005": {}    # sms is left alone: application main-menu has no SMS URL, so that no agent sets it',
    ]
    assert result.applications == 2
    _, plan = planned(fake, result.text)
    assert {action.action for action in plan.actions} == {"import"}
    assert sum(action.address.startswith("application/") for action in plan.actions) == 2


def test_numbers_without_messages_use_the_agent_of_the_others() -> None:
    mute = {"capabilities": {"voice": True, "sms": False}}
    both = {"voice_url": VOICE, "sms_url": SMS}
    fake = twilio(
        number(1, voice_url=VOICE, **mute), number(2, **both), number(3, **both), number(4, voice_url=VOICE)
    )  # fmt: skip
    found = exported(fake).text.splitlines()
    agent = found[found.index("agents:") + 1 :]
    assert agent[0].endswith("# 3 numbers")
    name = agent[0].strip().partition(":")[0]
    assert f'  "+15550100001": {name}' in found
    assert f'  "+15550100002": {name}' in found
    assert f'  "+15550100004": {name}-2' in found

    _, plan = planned(fake, exported(fake).text)
    assert {action.action for action in plan.actions} == {"import"}


def test_largest_group_of_numbers_gets_the_plain_name() -> None:
    both = {"voice_url": VOICE, "sms_url": SMS}
    fake = twilio(number(1, voice_url=VOICE), number(2, **both), number(3, **both))
    found = exported(fake).text
    [small, large] = [found.partition(f'"+1555010000{n}": ')[2].partition("\n")[0] for n in (1, 2)]
    assert small == f"{large}-2"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"voice_receive_mode": "fax"}, "the number receives faxes"),
        ({"capabilities": {"voice": False, "sms": True}}, "the number cannot receive calls"),
    ],
)
def test_exports_no_voice_that_has_no_effect(fields: dict[str, Any], reason: str) -> None:
    fake = twilio(number(1, voice_url=VOICE, sms_url=SMS, **fields))
    text = exported(fake).text
    mode = ", receive_mode: fax" if "voice_receive_mode" in fields else ""
    assert f"manage: [sms, status]{mode}}}    # voice is left alone: {reason}" in text
    _, plan = planned(fake, text)
    assert {action.action for action in plan.actions} == {"import"}
    assert plan.diagnostics == ()


@pytest.mark.parametrize(
    "other",
    [
        {**BOTH, "friendly_name": "Main menu"},
        {**BOTH, "sid": APPLICATIONS[0], "friendly_name": ""},
        {**BOTH, "sid": APPLICATIONS[0], "voice_url": "no url"},
    ],
    ids=["twins", "no-label", "no-url"],
)
def test_exports_an_ambiguous_application_by_sid(
    other: dict[str, Any],
) -> None:
    both = {row["sid"]: row for row in (MENU, other)}
    fake = twilio(
        number(1, voice_application_sid=APPLICATIONS[0]), applications=list(both.values())
    )
    found = lines(fake)
    assert "applications:" not in found
    assert f"    application: {APPLICATIONS[0]}" in found
    assert any(APPLICATIONS[0] in line and "named by its SID" in line for line in found)


def test_refers_to_a_declared_application_and_its_agent_by_name() -> None:
    route = ApplicationRoute("menu")
    known = DeclaredConfig(
        agents={"ivr": {"voice": route, "sms": None, "status": None}},
        applications={APPLICATIONS[0]: ApplicationNames("menu", texts=False)},
        application_names=frozenset({"menu", "both"}),
    )
    here = number(1, voice_application_sid=APPLICATIONS[0])
    found = lines(
        twilio(here, number(2, voice_application_sid=APPLICATIONS[1]), applications=[MENU, BOTH]),
        known,
    )
    assert '  "+15550100001": ivr' in found
    assert "    application: both-2" in found
    assert [line for line in found if line.startswith("  both")] == [
        "  both-2:    # 1 number",
        "  both-2:",
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://demo.twilio.com/welcome/voice/", "only plays a greeting"),
        ("https://laptop.ngrok.io/voice", "is a temporary tunnel"),
        ("https://api.vapi.ai/twilio/inbound_call", "Vapi answers here"),
        ("https://me:secret@agents.example.com/voice", "user or password"),
        ("https://agents.example.com/voice?api_key=12", "`api_key`"),
        ("http://agents.example.com/voice", "are not encrypted"),
    ],
)
def test_writes_a_comment_about_an_odd_webhook_above_its_agent(url: str, words: str) -> None:
    found = lines(twilio(number(1, voice_url=url)))
    (agent,) = (place for place, line in enumerate(found) if line.endswith("# 1 number"))
    assert words in found[agent - 1]
    assert found[agent - 1].startswith("  # voice")


def test_omits_and_refers_to_declared_resources() -> None:
    hooks = {"voice_url": VOICE}
    known = DeclaredConfig(
        numbers=frozenset({"+15550100001", "PN" + f"{2:032x}"}),
        agents={
            "support": {"voice": Webhook(VOICE), "sms": None, "status": None},
            "agents-example": {},
        },
        trunks={TRUNKS[0]: "main"},
        names=frozenset({"main", "edge"}),
    )
    trunks = [
        {"sid": TRUNKS[0], "domain_name": "a.pstn.twilio.com"},
        {"sid": TRUNKS[1], "domain_name": "b.pstn.twilio.com", "friendly_name": "Edge"},
    ]
    other = number(5, voice_url="https://agents.example.com/other/voice")
    fake = twilio(
        *(number(n, **hooks) for n in (1, 2, 3)),
        number(4, trunk_sid=TRUNKS[0]),
        other,
        trunks=trunks,
    )
    found = lines(fake, known)
    assert exported(fake, known).declared == 2
    assert '  "+15550100003": support' in found
    assert '  "+15550100004": {trunk: main}' in found
    assert '  "+15550100005": agents-example-other' in found
    assert "  edge-2:" in found
    assert not any(line.startswith(("version", "project")) for line in found)


def test_exports_only_the_requested_numbers_and_their_dependencies() -> None:
    trunks = [{"sid": sid, "domain_name": f"t{sid[2]}.pstn.twilio.com"} for sid in TRUNKS[:2]]
    sales = number(1, friendly_name="Sales UK", trunk_sid=TRUNKS[0])
    found = exported(
        twilio(sales, number(2, voice_url=VOICE), trunks=trunks),
        None,
        ExportFilter((), ("Sales*",)),
    )
    assert (found.numbers, found.agents, found.trunks) == (1, 0, 1)
    assert '  "+15550100001": {trunk: t1}    # Sales UK' in found.text.splitlines()
    assert exported(twilio(sales, number(2)), None, ExportFilter(("+15550100002",))).numbers == 1


def test_numbers_of_a_second_account_name_it() -> None:
    fake = FakeTwilio(
        {
            "a": {"numbers": [number(1, voice_url=VOICE)]},
            "b": {"numbers": [number(2, voice_url=VOICE)]},
        }
    )
    found = lines(fake, DeclaredConfig(account="a"))
    assert '  "+15550100001": agents-example' in found
    assert '  "+15550100002": {account: b, agent: agents-example}' in found


def test_names_come_from_host_and_path() -> None:
    assert (
        name_from_urls(["https://agents.example.com/v1/support/voice.php"])
        == "agents-example-support"
    )
    assert name_from_urls(["https://www.acme.co.uk/voice"]) == "acme"
    assert (
        name_from_urls(["https://api.retellai.com/twilio-voice-webhook"])
        == "retell-ai-twilio-voice-webhook"
    )
    assert name_from_urls(["https://192.0.2.7/x"]) == "192-0-2-7-x"
    assert name_from_urls(["no url"]) == "agent"


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "+15550100101",
        "0123",
        "a: b",
        "a #b",
        "",
        "-",
        "é\u2028\x85\ufeff",
        "x:",
        "<<",
        "null",
    ],
)
def test_reads_back_the_written_export(value: str) -> None:
    written = render_text(
        [
            Entry(value, value, note="# note\nnext: line", above=("a\nb: c",)),
            Entry("b", Block((Entry("c", [value, {value: 1}]),))),
        ]
    )
    document = parse_file(written.encode(), "a.yaml")
    assert document.diagnostics == []
    assert document.root == {value: value, "b": {"c": [value, {value: 1}]}}
    assert (
        render_scalar("https://agents.example.com/a?b=c&d=e")
        == "https://agents.example.com/a?b=c&d=e"
    )
    assert render_flow({"a": [True, None, 1.5]}) == "{a: [true, null, 1.5]}"


def test_of_equal_urls_the_one_that_is_left_out_takes_the_place_of_no_other() -> None:
    """Two URLs of a trunk are equal, and only one of them can be declared beside a third."""

    def url(last: int, priority: int, weight: int) -> dict[str, Any]:
        return {
            "sid": f"OU{last:032x}",
            "trunk_sid": "TK" + "2" * 32,
            "sip_url": "sip:sbc1.example.com",
            "priority": priority,
            "weight": weight,
            "enabled": True,
        }

    trunk = {"sid": "TK" + "2" * 32, "friendly_name": "edge", "domain_name": None}
    for order in permutations((1, 2, 3)):
        first, second, third = order
        urls = [url(first, 65535, 10), url(second, 65535, 10), url(third, 0, 1)]
        fake = twilio(trunks=[trunk], origination_urls=urls)
        _, plan = planned(fake, exported(fake).text)
        assert {action.action for action in plan.actions} == {"import"}
        assert [each.code for each in plan.diagnostics] == ["unlisted_child"]
