"""The graph shows every way that a call or message goes as declared, and marks what leads nowhere or back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.config.load.load import load
from reconciler.report.documents.call_graph import Edge, Graph, Node, build_graph
from reconciler.report.formats.graph import dot, mermaid

from .command import run

CONFIG = """\
version: 1
project: acme
agents:
  support: {webhooks: {voice: "https://agents.example.com/voice", sms: "https://sms.example.com/in"}}
  menu: {application: AP00000000000000000000000000000000}
  idle: {webhooks: {voice: "https://idle.example.com/voice"}}
trunks:
  edge: {domain: acme-edge.pstn.twilio.com, origination: [{sip_url: "sip:sbc1.example.com;transport=tls"}]}
  round: {domain: acme-round.pstn.twilio.com, origination: [{sip_url: "sip:acme-round.pstn.ie1.twilio.com"}]}
numbers:
  "+15550100101": support
  "+15550100102": {agent: support, trunk: edge}
  "+15550100103": menu
  "+15550100104": {webhooks: {voice: {url: "https://own.example.com/v", fallback_url: "https://user:pw@other.example.com/v"}}}
  "+15550100105": {trunk: round}
bridge_numbers:
  "+15550100200": {voice: "https://bridge.example.com/voice"}
  "+15550100201": {voice: "https://agents.example.com/voice"}
"""


@pytest.fixture
def drawn(tmp_path: Path) -> Graph:
    (tmp_path / "reconciler.yaml").write_text(CONFIG, encoding="utf-8")
    return build_graph(load(tmp_path / "reconciler.yaml", environ={}))


def test_graph_shows_every_route(drawn: Graph) -> None:
    assert {(e.source, e.target): e.label for e in drawn.edges} == {
        ("agent/idle", "host/idle.example.com"): "voice",
        ("agent/menu", "application/AP00000000000000000000000000000000"): "voice, sms",
        ("agent/support", "host/agents.example.com"): "voice",
        ("agent/support", "host/sms.example.com"): "sms",
        ("bridge_number/+15550100200", "host/bridge.example.com"): "voice",
        ("bridge_number/+15550100201", "agent/support"): "voice",
        ("number/+15550100101", "agent/support"): "voice, sms",
        ("number/+15550100102", "agent/support"): "sms",
        ("number/+15550100102", "trunk/edge"): "voice",
        ("number/+15550100103", "agent/menu"): "voice, sms",
        ("number/+15550100104", "host/other.example.com"): "voice fallback",
        ("number/+15550100104", "host/own.example.com"): "voice",
        ("number/+15550100105", "trunk/round"): "voice",
        ("trunk/edge", "sip_host/sbc1.example.com"): "priority 10, weight 10",
        ("trunk/round", "trunk/round"): "priority 10, weight 10",
    }


def test_graph_leads_from_an_application_to_its_hosts(tmp_path: Path) -> None:
    applications = """\
applications:
  queue:
    voice: {url: "https://queue.example.com/voice", fallback_url: "https://spare.example.com/voice"}
    sms: "https://queue.example.com/sms"
    status: "https://status.example.com/calls"
  lost: {voice: "https://lost.example.com/voice"}
"""
    agent = "  waiting: {application: queue}\n"
    config = CONFIG.replace("trunks:\n", agent + applications + "trunks:\n")
    (tmp_path / "reconciler.yaml").write_text(config, encoding="utf-8")
    graph = build_graph(load(tmp_path / "reconciler.yaml", environ={}))

    from_queue = {edge.target: edge.label for edge in graph.edges if edge.source.endswith("/queue")}
    assert from_queue == {
        "host/queue.example.com": "voice, sms",
        "host/spare.example.com": "voice fallback",
        "host/status.example.com": "status",
    }
    assert {n.id for n in graph.nodes if n.orphan} == {
        "agent/idle",
        "agent/waiting",
        "application/lost",
    }


def test_marks_unused_nodes_and_loops(drawn: Graph) -> None:
    assert {node.id for node in drawn.nodes if node.orphan} == {"agent/idle"}
    loops = {(edge.source, edge.target) for edge in drawn.edges if edge.loop}
    assert loops == {
        ("bridge_number/+15550100201", "agent/support"),
        ("trunk/round", "trunk/round"),
    }


def test_groups_numbers_of_one_route_in_one_node(tmp_path: Path) -> None:
    numbers = "".join(f'  "+1555010{n:04d}": support\n' for n in range(812))
    entry = tmp_path / "reconciler.yaml"
    entry.write_text(
        CONFIG.replace("numbers:\n", "numbers:\n" + numbers.replace("+1555010", "+1555011"), 1),
        "utf-8",
    )
    found = build_graph(load(entry, environ={}))
    assert [node.label for node in found.nodes if node.count > 1] == ["813 numbers"]
    assert len(mermaid(found).splitlines()) < 50


def test_no_label_escapes_from_its_quotes() -> None:
    evil = 'x"]; click n0 "javascript:alert(1)"\n<script>#`|\\'
    found = Graph((Node("a", "host", evil), Node("b", "agent", "b")), (Edge("a", "b", evil),))
    for line in mermaid(found).splitlines():
        assert line.count('"') in (0, 2)
        assert not set("<>`") & set(line.replace("-->", ""))
    for line in dot(found).splitlines():
        assert re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count('"') == 0


def test_the_command_draws_in_three_forms_and_shows_no_password(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(CONFIG, encoding="utf-8")
    flowchart = run(tmp_path, "graph").stdout
    assert flowchart.startswith("flowchart LR\n")
    assert 'agent idle (unused)"]:::orphan' in flowchart
    assert run(tmp_path, "graph", "--format", "dot").stdout.startswith("digraph calls {\n")
    document = json.loads(run(tmp_path, "graph", "--json").stdout)
    assert document["summary"] == {"nodes": 20, "edges": 15, "orphans": 1, "loops": 2}
    assert "pw@" not in flowchart + json.dumps(document)
    run(tmp_path, "graph", "--format", "text", code=64)


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_invalid_configuration_gives_a_message_and_no_graph(tmp_path: Path, form: str) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        CONFIG.replace("version: 1", "version: 99"), encoding="utf-8"
    )
    done = run(tmp_path, "graph", "--format", form, code=3)
    assert done.stdout == ""
    assert "reconciler.yaml:1:" in done.stderr
    assert "internal_error" not in done.stderr
