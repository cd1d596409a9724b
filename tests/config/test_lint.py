"""Every rule finds its trap at its place, and is switched off, raised or spared as the file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.lint_rules import RULES
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from tests.docs.markdown import ROOT

from .conftest import Diagnose, Load

VOICE = "https://agents.example.com/voice"
GOOD = f"""
agents:
  support:
    webhooks:
      voice: {{url: {VOICE}, fallback_url: "https://backup.example.org/voice"}}
      status: https://agents.example.com/status
trunks:
  edge:
    domain: acme-edge.pstn.twilio.com
    secure: true
    disaster_recovery: {{url: "https://backup.example.org/dr"}}
    ip_access_control_lists: [{{name: offices, addresses: [{{cidr: 203.0.113.0/28}}]}}]
    origination:
      - {{sip_url: "sip:sbc1.example.com"}}
      - {{sip_url: "sip:sbc2.example.com"}}
numbers:
  "+15550100101": support
  "+15550100102": {{agent: support, trunk: edge}}
bridge_numbers:
  "+15550100200": {{voice: "https://bridge.example.com/voice"}}
"""

TO_RETELL = """\
  desk: {platform: ret, id: agent_1}
platforms:
  ret: {type: retell, api_key: {env: RETELL_KEY}, credential: pbx/agents}
number_groups:
  - numbers: ["+15550100103"]
    agent: desk
    trunk: west
trunks:
  west:
    domain: acme-west.pstn.twilio.com
    credential_lists: [{name: pbx, credentials: [{username: agents, password: {env: PASSWORD}}]}]
    origination: [{sip_url: sip:sbc.example.com}, {sip_url: sip:sip.retellai.com, enabled: false}]
"""
TRAPS: dict[str, tuple[str, str, str]] = {
    "bridge_rings_agent": ("https://bridge.example.com/voice", VOICE, '"+15550100200"'),
    "credentials_in_url": (
        "https://backup.example.org/voice",
        "https://u:p@backup.example.org/voice",
        '"https://u:p',
    ),
    "demo_url": (
        "https://bridge.example.com/voice",
        "https://demo.twilio.com/welcome/voice/",
        '"https://demo',
    ),
    "duplicate_agent": (
        "trunks:",
        f"  other: {{webhooks: {{voice: {{url: {VOICE}, fallback_url: 'https://backup.example.org/voice'}}, status: https://agents.example.com/status}}}}\ntrunks:",
        "other:",
    ),
    "fallback_is_url": ("https://backup.example.org/voice", VOICE, f'"{VOICE}'),
    "fallback_same_host": (
        "https://backup.example.org/voice",
        "https://agents.example.com/2",
        '"https://agents.example.com/2',
    ),
    "get_webhook": (f"url: {VOICE},", f"url: {VOICE}, method: GET,", "GET,"),
    "insecure_url": ("https://bridge.example.com", "http://bridge.example.com", '"http://'),
    "loopback_url": ("https://bridge.example.com", "https://10.0.0.1", '"https://10'),
    "messages_dropped": ("trunks:", "messaging_services:\n  alerts: {}\ntrunks:", "alerts:"),
    "missing_disaster_recovery": (
        '    disaster_recovery: {url: "https://backup.example.org/dr"}\n',
        "",
        "edge:",
    ),
    "missing_fallback": (', fallback_url: "https://backup.example.org/voice"', "", "voice:"),
    "missing_status": ("      status: https://agents.example.com/status\n", "", "webhooks:"),
    "no_origination": ('.example.com"}', '.example.com", enabled: false}', "edge:"),
    "open_network": ("203.0.113.0/28", "128.0.0.0/1", "128.0.0.0/1"),
    "origination_elsewhere": ("trunks:\n", TO_RETELL, "origination: [{sip_url: sip:sbc"),
    "single_origination": ('      - {sip_url: "sip:sbc2.example.com"}\n', "", "origination:"),
    "trunk_loop": ("sip:sbc2.example.com", "sip:acme-edge.pstn.ie1.twilio.com", '"sip:acme-edge'),
    "trunk_not_secure": ("    secure: true\n", "", "edge:"),
    "trunk_without_authentication": (
        "    ip_access_control_lists: [{name: offices, addresses: [{cidr: 203.0.113.0/28}]}]\n",
        "",
        "edge:",
    ),
    "tunnel_url": ("https://bridge.example.com", "https://x.ngrok.io", '"https://x.ngrok'),
    "unusable_number": (
        "trunk: edge}",
        "trunk: edge, supports_inbound: false, supports_outbound: false}\n  '+15550100103': {trunk: edge}",
        "supports_inbound",
    ),
    "unused_agent": (
        "trunks:",
        "  other: {webhooks: {sms: 'https://other.example.com/sms'}}\ntrunks:",
        "other:",
    ),
    "unused_trunk": (", trunk: edge}", "}", "edge:"),
}


def found(project: Project) -> list[Diagnostic]:
    return [*project.warnings, *project.remarks, *project.violations]


def place(entry: Path, d: Diagnostic) -> str:
    assert d.line is not None
    assert d.column is not None
    return entry.read_text(encoding="utf-8").splitlines()[d.line - 1][d.column - 1 :]


def test_a_good_configuration_gives_no_cause(loaded: Load) -> None:
    assert found(loaded(GOOD)) == []


def test_every_rule_has_a_trap() -> None:
    assert set(TRAPS) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_lint_finds_each_problem_at_its_position(rule: str, loaded: Load, tmp_path: Path) -> None:
    before, after, at = TRAPS[rule]
    assert before in GOOD
    caught = [d for d in found(loaded(GOOD.replace(before, after))) if d.code == rule]
    assert caught
    assert all(d.severity == RULES[rule].level and d.summary == RULES[rule].summary for d in caught)
    assert place(tmp_path / "reconciler.yaml", caught[0]).startswith(at)


@pytest.mark.parametrize("rule", RULES)
def test_rule_can_be_disabled_by_id_or_on_one_line(rule: str, loaded: Load, tmp_path: Path) -> None:
    before, after, _ = TRAPS[rule]
    trapped = GOOD.replace(before, after)
    assert rule not in {d.code for d in found(loaded(trapped + f"lint: {{disable: [{rule}]}}\n"))}
    lines = {d.line for d in found(loaded(trapped)) if d.code == rule}
    text = (tmp_path / "reconciler.yaml").read_text(encoding="utf-8").splitlines()
    head = text.index("agents:")
    marked = [
        f"{line}  # reconciler: ignore[other, {rule}]" if n in lines else line
        for n, line in enumerate(text, 1)
    ]
    assert rule not in {d.code for d in found(loaded("\n".join(marked[head:]) + "\n"))}


def test_comment_on_its_own_line_disables_a_rule_for_the_next(loaded: Load) -> None:
    text = f"agents:\n  a:\n    webhooks:\n      # reconciler: ignore[missing_fallback]\n      voice: {VOICE}\n"
    assert {d.code for d in found(loaded(text))} == {"missing_status", "unused_agent"}


def test_rule_level_selects_violation_or_remark(loaded: Load) -> None:
    before, after, _ = TRAPS["insecure_url"]
    trapped = GOOD.replace(before, after)
    raised = loaded(trapped + "lint: {level: {insecure_url: error}}\n")
    assert ([d.code for d in raised.violations], raised.warnings) == (["insecure_url"], [])
    lowered = loaded(trapped + "lint: {level: {insecure_url: info}}\n")
    assert ([d.code for d in lowered.remarks], lowered.warnings) == (["insecure_url"], [])


def test_unknown_rule_is_an_error_with_a_suggestion(diagnosed: Diagnose) -> None:
    (problem,) = diagnosed("lint: {disable: [missing_falback]}\n")
    assert problem.code == "invalid_value"
    assert "`missing_fallback`" in problem.detail


POLICY = """
agents:
  support: {{webhooks: {{voice: https://agents.example.com/voice}}}}
numbers:
  "+15550100101": {{agent: support, labels: {{team: sales}}}}
  "+15550100102": support
  "+447700900001":
    agentId: support
    labels: {{team: Nobody}}
policies:
  owned: {policy}
"""


@pytest.mark.parametrize(
    ("policy", "places"),
    [
        ("{schema: {required: [labels]}}", [8]),
        ("{schema: {properties: {labels: {properties: {team: {pattern: '^[a-z]+$'}}}}}}", [11]),
        ("{match: 'number/+44*', schema: {required: [price]}}", [9]),
        (
            "{schema: {properties: {voice_url: {pattern: '^https://other'}}, required: [voice_url]}}",
            [7, 8, 9],
        ),
        ("{kinds: [agent], schema: {required: [owner]}}", [5]),
        (
            "{schema: {required: [agent, phone_number, address, account, kind, protect, on_removal, takeover]}}",
            [],
        ),
        ("{kinds: [trunk], schema: {not: {}}}", []),
    ],
)
def test_policy_applies_to_declared_resources(policy: str, places: list[int], loaded: Load) -> None:
    project = loaded(POLICY.format(policy=policy), head="version: 1\nproject: acme\n")
    assert [d.line for d in project.violations] == places
    assert {d.code for d in project.violations} <= {"policy_violated"}


def test_violation_names_the_field_and_never_its_value(loaded: Load) -> None:
    policy = "{schema: {properties: {labels: {properties: {team: {const: sales}}}}}, message: Sales only., level: warning}"
    (found,) = loaded(POLICY.format(policy=policy)).warnings
    assert found.detail == "Sales only.\n`labels/team` does not fit its `const` (policy `owned`)."
    assert found.address == "number/+447700900001"


def test_invalid_schema_is_an_error_at_its_position(diagnosed: Diagnose) -> None:
    (problem,) = diagnosed(POLICY.format(policy="{schema: {type: strng}}"))
    assert (problem.code, "`type`" in problem.detail) == ("invalid_value", True)


def test_a_reference_out_of_the_schema_is_never_followed(loaded: Load) -> None:
    policy = "{match: '*101', schema: {$ref: 'http://127.0.0.1:9/x.json'}}"
    (found,) = loaded(POLICY.format(policy=policy)).violations
    assert "`$ref`" in found.detail


def test_every_rule_is_documented_with_its_level_and_its_cure() -> None:
    page = (ROOT / "docs" / "reference" / "lint.md").read_text(encoding="utf-8")
    table = [
        f"| `{name}` | {r.level} | {r.summary}. {r.why} | {r.cure} |"
        for name, r in sorted(RULES.items())
    ]
    assert [
        line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 5
    ] == table
