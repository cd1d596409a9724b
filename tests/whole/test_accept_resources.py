"""`drift --accept` for bridge numbers, applications, trunks and their children, in one file or several."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

from .accept_folder import AGENTS, NEW, Folder

TRUNK = """\
trunks:
  edge:
    domain: acme-edge.pstn.twilio.com
    secure: true   # always
    origination:
      - {sip_url: "sip:sbc1.example.com", priority: 10, weight: 10}
      # the second
      - sip_url: sip:sbc2.example.com
        priority: 20
    recording: {mode: record-from-answer}
    disaster_recovery:
      url: https://a.example.com/dr
    ip_access_control_lists:
      - name: offices
        addresses:
          - {cidr: 203.0.113.0/28, name: hq}
    credential_lists:
      - {name: pbx, credentials: [{username: pbx, password: {env: PBX_PASSWORD}}]}   # users
"""


@pytest.fixture
def folder(runner: CommandRunner) -> Folder:
    return Folder(runner)


class Trunk:
    """What somebody else does to the trunk `edge`."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.sid = folder.sid("trunk/edge")

    def post(self, path: str, **form: str) -> Any:
        """Change or create something below the trunk."""
        answer = ask(self.folder.runner.sandbox, "POST", f"/v1/Trunks/{self.sid}{path}", form=form)
        assert answer.status in (200, 201), answer.body
        return answer.json


def test_fields_of_a_trunk_and_of_its_children_are_declared_where_they_are(folder: Folder) -> None:
    folder.write(TRUNK)
    folder.apply()
    trunk = Trunk(folder)
    second = folder.sid("origination_url/edge/sip:sbc2.example.com")
    trunk.post("", Secure="false", DisasterRecoveryMethod="GET", DisasterRecoveryUrl=NEW)
    trunk.post(f"/OriginationUrls/{second}", Priority="5", Enabled="false")
    trunk.post("/Recording", Mode="do-not-record")
    lists = folder.sid("ip_access_control_list/offices")
    network = folder.sid("ip_address/offices/203.0.113.0/28")
    folder.runner.post(
        f"/SIP/IpAccessControlLists/{lists}/IpAddresses/{network}.json", FriendlyName="quarters"
    )
    assert len(folder.runner.json("drift", code=2)["drifted"]) == 4
    folder.accept("*")
    text = folder.entry.read_text("utf-8")
    for line in (
        "    secure: false   # always\n",
        "        priority: 5\n        enabled: false\n",
        "    recording: {mode: do-not-record}\n",
        f'      url: "{NEW}"\n',
        "          - {cidr: 203.0.113.0/28, name: quarters}\n",
        "      # the second\n",
    ):
        assert line in text
    folder.check_settled()


def test_children_that_somebody_added_are_declared(folder: Folder) -> None:
    folder.write(TRUNK)
    folder.apply()
    trunk = Trunk(folder)
    form = {"Priority": "1", "Weight": "2", "Enabled": "true", "FriendlyName": "theirs"}
    trunk.post("/OriginationUrls", SipUrl="sip:three.example.com", **form)
    offices = folder.sid("ip_access_control_list/offices")
    network = {"IpAddress": "198.51.100.1", "FriendlyName": "${x}: #1"}
    folder.runner.post(f"/SIP/IpAccessControlLists/{offices}/IpAddresses.json", **network)
    other = folder.runner.post("/SIP/IpAccessControlLists.json", FriendlyName="others")["sid"]
    trunk.post("/IpAccessControlLists", IpAccessControlListSid=other)

    folder.accept("*")
    text = folder.entry.read_text("utf-8")
    assert (
        '      - {sip_url: "sip:three.example.com", priority: 1, weight: 2, friendly_name: theirs}\n'
        in text
    )
    assert '          - {cidr: 198.51.100.1/32, name: "$${x}: #1"}\n' in text
    assert f"      - {other}\n" in text
    actions = {(a["address"], a["action"]) for a in folder.runner.json("plan")["actions"]}
    assert {action for _, action in actions} == {"import"}
    assert len(actions) == 3
    assert folder.runner.apply() == []
    folder.check_settled()


def test_the_first_declared_child_of_a_kind_declares_the_recorded_ones_too(folder: Folder) -> None:
    """Otherwise the next apply would delete them."""
    folder.write("trunks: {edge: {domain: acme-edge.pstn.twilio.com}}\n")
    sandbox = folder.runner.sandbox
    made = ask(sandbox, "POST", "/v1/Trunks", form={"DomainName": "acme-edge.pstn.twilio.com"}).json
    form = {"Priority": "1", "Weight": "2", "Enabled": "true", "FriendlyName": "old"}
    path = f"/v1/Trunks/{made['sid']}/OriginationUrls"
    ask(sandbox, "POST", path, form={**form, "SipUrl": "sip:old.example.com"})
    folder.apply()
    for name in ("one", "two"):
        ask(sandbox, "POST", path, form={**form, "SipUrl": f"sip:{name}.example.com"})

    one, two = (f"origination_url/edge/sip:{name}.example.com" for name in ("one", "two"))
    [problem] = folder.refuse(one)
    assert two in problem["detail"]
    folder.accept("origination_url/edge/*")
    text = folder.entry.read_text("utf-8")
    assert all(f"sip:{name}.example.com" in text for name in ("old", "one", "two"))
    assert folder.runner.apply() == []
    folder.check_settled()


def test_values_of_an_application_are_declared(folder: Folder) -> None:
    folder.write(
        'applications:\n  menu:\n    voice: https://a.example.com/menu   # v\n    sms: {url: "https://a.example.com/s"}\n'
    )
    folder.apply()
    path = f"/Applications/{folder.sid('application/menu')}.json"
    folder.runner.post(
        path, VoiceUrl=NEW, SmsMethod="GET", StatusCallback=NEW, FriendlyName="${menu}"
    )
    folder.accept("application/menu")
    assert folder.entry.read_text("utf-8").endswith(
        f'  menu:\n    voice: "{NEW}"   # v\n    sms: {{url: "https://a.example.com/s", method: GET}}\n'
        f'    friendly_name: "$${{menu}}"\n    status: "{NEW}"\n'
    )
    folder.check_settled()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{voice: "https://a.example.com/bridge"}', '{voice: "NEW"}'),
        ("   # default", ' {voice: "NEW"}    # default'),
        ("{}", '{voice: "NEW"}'),
        ("{protect: true}", '{protect: true, voice: "NEW"}'),
    ],
)
def test_bridge_number_declares_its_live_voice(folder: Folder, before: str, after: str) -> None:
    text = (
        AGENTS
        + "defaults: {bridge_numbers: {voice: https://a.example.com/bridge}}\nbridge_numbers:\n"
    )
    text += '  "<0>": BEFORE\n  "<1>": {}\n'
    colon = ": BEFORE" if not before.startswith(" ") else ":  BEFORE"
    folder.write(
        text.replace(
            ": BEFORE", colon.replace(" BEFORE", before if before[0] == " " else f" {before}")
        )
    )
    folder.apply()
    folder.edit(0, voice_url=NEW)
    folder.accept(folder.numbers[0])
    [line] = [each for each in folder.entry.read_text("utf-8").splitlines() if NEW in each]
    assert line.split(":", 1)[1].strip() == after.replace("NEW", NEW).strip()
    folder.check_settled()


def test_several_files_change_and_their_modes_and_links_stay(folder: Folder) -> None:
    folder.write(AGENTS + "include: [numbers/*.yaml]\n")
    (folder.runner.folder / "numbers").mkdir()
    for place in range(3):
        folder.write(f'numbers: {{"<{place}>": support}}', f"numbers/{place}.yaml")
    linked = folder.runner.folder / "numbers" / "0.yaml"
    target = linked.rename(folder.runner.folder / "zero.yaml")
    linked.symlink_to("../zero.yaml")
    target.chmod(0o600)
    folder.apply()
    for place in (0, 1):
        folder.edit(place, voice_url=NEW)
    document = folder.accept("number/*")
    assert [file["file"] for file in document["accepted"]["files"]] == [
        "numbers/0.yaml",
        "numbers/1.yaml",
    ]
    assert linked.is_symlink()
    assert NEW in target.read_text("utf-8")
    assert target.stat().st_mode & 0o777 == 0o600
    left = [path.name for path in folder.runner.folder.rglob("*") if "part" in path.name]
    assert left == []
    folder.check_settled()
