"""`drift --accept` refuses what the files cannot declare, and then changes no file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config.load.write_files import replace_files
from reconciler.errors import Refused
from reconciler.sandbox.twilio.console import DEFAULT_ADDRESS, DEFAULT_USER, console_user
from reconciler.sandbox.twilio.numbers import set_fields
from reconciler.workflows import accept_drift
from reconciler.workflows.drift import FoundDrift
from reconciler.workflows.session import RunOptions
from tests.support.command_runner import CommandRunner
from tests.support.sandbox_client import ask

from .accept_folder import AGENTS, NEW, Folder

NUMBERS = 'numbers:\n  "<0>": support\n  "<1>": support\n'


@pytest.fixture
def folder(runner: CommandRunner) -> Folder:
    return Folder(runner)


def edit_voice(folder: Folder) -> None:
    """Somebody changes the voice of the first number."""
    folder.edit(0, voice_url=NEW)


def set_application(folder: Folder) -> None:
    """Somebody sets an application that no agent has."""
    sid = folder.runner.make_application(FriendlyName="theirs", VoiceUrl=NEW)
    folder.edit(0, voice_application_sid=sid)


def set_credentials(folder: Folder) -> None:
    """Somebody sets a URL with a password in it."""
    folder.edit(0, voice_url="https://user:s3cret@new.example.net/in")


def set_token(folder: Folder) -> None:
    """Somebody sets a URL with a token in it."""
    folder.edit(0, voice_url=f"{NEW}?token=s3cret")


def set_long_url(folder: Folder) -> None:
    """A server in the place of Twilio shows a URL that fills a file."""
    world = folder.runner.sandbox.world
    number = world.numbers.get_by_key(folder.numbers[0])
    assert number is not None
    url = {"voice_url": f"{NEW}?{'x' * 1_000_000}"}
    set_fields(world, number, values=url, actor=console_user(DEFAULT_USER, DEFAULT_ADDRESS))


def clear_everything(folder: Folder) -> None:
    """Somebody clears all routes."""
    folder.edit(0, voice_url="", sms_url="", status_callback="")


def lose_number(folder: Folder) -> None:
    """The number is deleted on Twilio."""
    account, sid = (
        folder.runner.sandbox.world.account.sid,
        folder.sid(f"number/{folder.numbers[0]}"),
    )
    path = f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"
    folder.runner.delete(path)


def undeclare(folder: Folder) -> None:
    """The number is taken out of the file, and changed on Twilio."""
    folder.write(AGENTS + 'numbers:\n  "<1>": support\n')
    edit_voice(folder)


def stop_managing(folder: Folder) -> None:
    """The file stops to manage the voice, which then changes."""
    folder.write(AGENTS + 'numbers:\n  "<0>": {agent: support, manage: [sms]}\n  "<1>": support\n')
    edit_voice(folder)


def set_long_label(folder: Folder) -> None:
    """A server in the place of Twilio shows a label that no file may have."""
    world = folder.runner.sandbox.world
    number = world.numbers.get_by_key(folder.numbers[0])
    assert number is not None
    label = {"friendly_name": "x" * 100_000}
    set_fields(world, number, values=label, actor=console_user(DEFAULT_USER, DEFAULT_ADDRESS))


VARIABLES = "variables: {host: {default: a.example.com}, who: {default: support}}\n"
REFUSED: dict[str, tuple[str, Callable[[Folder], None], str]] = {
    "variable in the URL of the agent": (
        VARIABLES + AGENTS.replace("a.example.com/voice", "${host}/voice") + NUMBERS, edit_voice, "${host}",
    ),
    "variable as the agent": (
        VARIABLES + AGENTS + NUMBERS.replace('"<0>": support', '"<0>": {agent: "${who}"}'), edit_voice, "${who}",
    ),
    "variable as the short form": (
        VARIABLES + AGENTS + NUMBERS.replace('"<0>": support', '"<0>": "${who}"'), edit_voice, "${who}",
    ),
    "variable in the own webhook": (
        VARIABLES + AGENTS + NUMBERS.replace('"<0>": support', '"<0>": {webhooks: {voice: "https://${host}/"}}'),
        edit_voice,
        "${host}",
    ),
    "variable in an anchored value": (
        VARIABLES + AGENTS + 'numbers:\n  "<1>": {webhooks: &w {voice: "https://${host}/"}}\n  "<0>": {webhooks: *w}\n',
        edit_voice,
        "${host}",
    ),
    "credentials in the URL": (AGENTS + NUMBERS, set_credentials, "credentials"),
    "token in the URL": (AGENTS + NUMBERS, set_token, "credentials"),
    "URL that fills a file": (AGENTS + NUMBERS, set_long_url, "at most 4,096"),
    "application without an agent": (AGENTS + NUMBERS, set_application, "no declared agent"),
    "no route at all": (AGENTS + 'numbers: {"<0>": support, "<1>": support}\n', clear_everything, "no declared agent"),
    "number that is gone": (AGENTS + NUMBERS, lose_number, "no longer exists"),
    "number that is not declared": (AGENTS + NUMBERS, undeclare, "No file declares it"),
    "part that is not managed": (AGENTS + NUMBERS, stop_managing, "does not declare `voice`"),
    "label that is too long": (
        AGENTS + 'numbers: {"<0>": {agent: support, friendly_name: Desk}, "<1>": support}\n', set_long_label, "friendly name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_file_cannot_declare_is_refused_and_nothing_is_written(
    folder: Folder, case: str
) -> None:
    text, edit, words = REFUSED[case]
    folder.write(text)
    folder.apply()
    edit(folder)
    folder.edit(1, sms_url=NEW)
    [problem] = folder.refuse("number/*")
    assert words in problem["detail"]
    assert "s3cret" not in problem["detail"]
    assert folder.numbers[0] in (problem["address"] or problem["detail"])

    # Without it, the other number is accepted.
    if "anchor" not in case:
        folder.accept(f"number/{folder.numbers[1]}", code=2)


def test_anchor_that_another_number_repeats_is_refused_unless_that_one_is_accepted_too(
    folder: Folder,
) -> None:
    folder.write(AGENTS + 'numbers:\n  "<0>": &both {agent: support}\n  "<1>": *both\n')
    folder.apply()
    folder.edit(0, voice_url=NEW)
    folder.edit(1, sms_url=NEW)
    [problem] = folder.refuse(folder.numbers[0])
    assert f"also change `number/{folder.numbers[1]}`" in problem["detail"]
    folder.accept("number/*")
    folder.check_settled()


def test_credential_is_refused_because_its_password_is_not_known(folder: Folder) -> None:
    folder.write(
        "trunks:\n  edge:\n    domain: acme-edge.pstn.twilio.com\n    credential_lists:\n"
        "      - {name: pbx, credentials: [{username: pbx, password: {env: PBX_PASSWORD}}]}\n"
    )
    folder.apply()
    sid = folder.sid("credential_list/pbx")
    form = {"Username": "theirs", "Password": "Correct-Horse-1"}
    folder.runner.post(f"/SIP/CredentialLists/{sid}/Credentials.json", **form)
    [problem] = folder.refuse("credential/pbx/theirs")
    assert "password" in problem["detail"]


def test_values_that_identify_a_child_are_refused(folder: Folder) -> None:
    folder.write(
        "trunks: {edge: {domain: acme-edge.pstn.twilio.com, origination: [{sip_url: 'sip:a.example.com'}]}}\n"
    )
    folder.apply()
    trunk, url = folder.sid("trunk/edge"), folder.sid("origination_url/edge/sip:a.example.com")
    path = f"/v1/Trunks/{trunk}/OriginationUrls/{url}"
    ask(folder.runner.sandbox, "POST", path, form={"SipUrl": "sip:b.example.com"})
    folder.refuse("*")


def test_nothing_is_written_where_nothing_has_drifted(folder: Folder) -> None:
    folder.write(AGENTS + NUMBERS)
    folder.apply()
    before = folder.files()
    document = folder.accept(folder.numbers[0])
    assert [d["code"] for d in document["diagnostics"]] == ["nothing_to_accept"]
    assert document["accepted"] == {"addresses": [], "files": []}
    edit_voice(folder)
    document = folder.accept(folder.numbers[1], code=2)
    assert [d["code"] for d in document["diagnostics"]] == ["nothing_to_accept"]
    folder.runner.run("drift", "--accept", "number/+15550100999", code=64)
    assert folder.files() == before


def test_entry_file_that_leads_out_of_the_repository_is_refused(folder: Folder) -> None:
    folder.write(AGENTS + NUMBERS)
    folder.apply()
    edit_voice(folder)
    outside = folder.runner.folder.parent / f"{folder.runner.folder.name}-outside.yaml"
    folder.entry.rename(outside)
    folder.entry.symlink_to(outside)
    before = outside.read_bytes()
    [problem] = folder.refuse(f"number/{folder.numbers[0]}")
    assert "leads out of the repository" in problem["detail"]
    assert outside.read_bytes() == before


def test_file_that_has_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("a: 1\n", "utf-8")
    two.write_text("changed: 1\n", "utf-8")
    with pytest.raises(Refused) as caught:
        replace_files({one: (b"a: 1\n", b"a: 2\n"), two: (b"b: 1\n", b"b: 2\n")})
    assert caught.value.diagnostics[0].code == "file_changed"
    assert [path.read_text("utf-8") for path in (one, two)] == ["a: 1\n", "changed: 1\n"]
    assert sorted(os.listdir(tmp_path)) == ["one.yaml", "two.yaml"]


def test_first_file_has_its_old_text_again_where_the_second_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        path.write_text("a: 1\n", "utf-8")
    replace = Path.replace

    def fail_for_two(self: Path, target: Path) -> Path:
        if Path(target).name == "two.yaml":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_for_two)
    with pytest.raises(OSError, match="No space"):
        replace_files(dict.fromkeys((one, two), (b"a: 1\n", b"a: 2\n")))
    assert [path.read_text("utf-8") for path in (one, two)] == ["a: 1\n", "a: 1\n"]
    assert sorted(os.listdir(tmp_path)) == ["one.yaml", "two.yaml"]


def test_number_of_a_group_is_refused(folder: Folder) -> None:
    folder.write(AGENTS + 'number_groups: [{numbers: ["<0>", "<1>"], agent: support}]\n')
    folder.apply()
    edit_voice(folder)
    [problem] = folder.refuse(f"number/{folder.numbers[0]}")
    assert "a form that this command does not rewrite" in problem["detail"]


def test_number_that_is_only_watched_agrees_with_what_it_shows(folder: Folder) -> None:
    folder.write(AGENTS + 'numbers: {"<0>": {}, "<1>": support}\n')
    folder.apply()
    edit_voice(folder)
    drifted = folder.runner.json("drift", code=2)["drifted"]
    assert [each["address"] for each in drifted] == [f"number/{folder.numbers[0]}"]
    [problem] = folder.refuse("number/*")
    assert "does not declare `voice`" in problem["detail"]
    folder.check_settled()


def test_alias_in_another_section_does_not_follow_a_live_value(folder: Folder) -> None:
    own = '"<0>": {webhooks: {voice: &url "https://own.example.com/"}}'
    text = AGENTS.replace("agents:", f"numbers: {{{own}}}\nagents:", 1)
    folder.write(text + "policies: {p: {kinds: [number], schema: {not: {const: *url}}}}\n")
    folder.apply()
    edit_voice(folder)
    [problem] = folder.refuse(folder.numbers[0])
    assert "also change `policies`" in problem["detail"]


def test_file_that_changes_while_twilio_is_read_is_reported(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process accepts the same drift between the load and the rewrite."""
    folder.write(AGENTS + 'numbers: {"<0>": support, "<1>": support}\n')
    folder.apply()
    edit_voice(folder)
    find = accept_drift.find_everything

    def find_and_edit(options: RunOptions) -> FoundDrift:
        found = find(options)
        folder.write(AGENTS + 'numbers: {"<0>": sales, "<1>": support}\n')
        return found

    monkeypatch.setattr(accept_drift, "find_everything", find_and_edit)
    document = folder.accept(f"number/{folder.numbers[0]}", code=4)
    assert [each["code"] for each in document["diagnostics"]] == ["file_changed"]
    assert "sales" in folder.entry.read_text("utf-8")
