"""`drift --accept`: the files declare the live values, in every form, and change nowhere else; or nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.command_runner import CommandRunner

from .accept_folder import AGENTS, NEW, Folder


@pytest.fixture
def folder(runner: CommandRunner) -> Folder:
    return Folder(runner)


FORMS = {
    "short": (
        '"<0>": support   # desk',
        '"<0>": {agent: support, webhooks: {voice: "NEW"}}   # desk',
    ),
    "flow": (
        '"<0>": {agent: support, labels: {a: b}}',
        '"<0>": {agent: support, labels: {a: b}, webhooks: {voice: "NEW"}}',
    ),
    "flow with a comma at its end": (
        '"<0>": {agent: support,}',
        '"<0>": {agent: support, webhooks: {voice: "NEW"},}',
    ),
    "flow over several lines": (
        '"<0>": {\n    agent: support   # one\n  }',
        '"<0>": {\n    agent: support, webhooks: {voice: "NEW"}   # one\n  }',
    ),
    "block": (
        '"<0>":\n      # first\n      agent: support   # one\n\n      labels:\n        a: b   # two\n\n  # last',
        '"<0>":\n      # first\n      agent: support   # one\n\n      labels:\n        a: b   # two\n'
        '      webhooks: {voice: "NEW"}\n\n  # last',
    ),
    "block with own messages": (
        '"<0>":\n    webhooks:\n      sms: "https://own.example.com/"\n    agent: support',
        '"<0>":\n    webhooks:\n      sms: "https://own.example.com/"\n      voice: "NEW"\n    agent: support',
    ),
    "own voice": (
        '"<0>": {agent: support, webhooks: {voice: "https://own.example.com/"}}',
        '"<0>": {agent: support, webhooks: {voice: "NEW"}}',
    ),
    "own voice with its default method": (
        '"<0>": {agent: support, webhooks: {voice: {method: POST, url: "https://own.example.com/"}}}',
        '"<0>": {agent: support, webhooks: {voice: {method: POST, url: "NEW"}}}',
    ),
    "own voice without an agent": (
        '"<0>":\n    webhooks:\n      voice:\n        url: https://own.example.com/   # ours\n',
        '"<0>":\n    webhooks:\n      voice:\n        url: "NEW"   # ours\n',
    ),
    "alias of an entry": (
        '"<1>": &both {agent: support, labels: {a: "b"}}\n  "<0>": *both   # too',
        '"<1>": &both {agent: support, labels: {a: "b"}}\n'
        '  "<0>": {agent: support, labels: {a: b}, webhooks: {voice: "NEW"}}   # too',
    ),
    "alias of a value": (
        '"<1>": {webhooks: {voice: &url "https://own.example.com/"}}\n  "<0>": {webhooks: {voice: *url}}',
        '"<1>": {webhooks: {voice: &url "https://own.example.com/"}}\n  "<0>": {webhooks: {voice: "NEW"}}',
    ),
    "other spelling": (
        '"<0>": {agentId: support, friendlyName: Desk}',
        '"<0>": {agentId: support, friendlyName: Desk, webhooks: {voice: "NEW"}}',
    ),
    "quoted agent": ("'<0>': 'support'", "'<0>': {agent: support, webhooks: {voice: \"NEW\"}}"),
}


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    "is_last", [False, True], ids=["in between", "at the end without a line break"]
)
@pytest.mark.parametrize("form", FORMS)
def test_live_voice_is_declared_in_every_form_and_all_other_bytes_stay(
    folder: Folder, form: str, is_last: bool, line_break: str
) -> None:
    before, after = FORMS[form]
    other = '"<2>": support   # ö\n  "<3>": sales'

    def whole(entry: str) -> str:
        parts = [other, entry] if is_last else [entry, other]
        text = AGENTS + "numbers:\n  # all\n  " + "\n  ".join(parts)
        return (text.rstrip("\n") if is_last else text + "\n").replace("\n", line_break)

    folder.write(whole(before))
    folder.apply()
    folder.edit(0, voice_url=NEW)
    document = folder.accept(f"number/{folder.numbers[0]}")
    found = folder.entry.read_bytes()
    folder.write(whole(after.replace("NEW", NEW)))
    assert found == folder.entry.read_bytes()
    assert document["accepted"]["addresses"] == [f"number/{folder.numbers[0]}"]
    assert f"+{_line_with(NEW, found)}" in document["accepted"]["files"][0]["diff"]
    folder.check_settled()


def _line_with(words: str, text: bytes) -> str:
    return next(line for line in text.decode().splitlines() if words in line)


EDITS: dict[str, Callable[[Folder], dict[str, object]]] = {
    "voice URL": lambda f: {"voice_url": NEW},
    "voice method": lambda f: {"voice_method": "GET"},
    "voice fallback": lambda f: {"voice_url": NEW, "voice_fallback_url": NEW, "voice_fallback_method": "GET"},
    "cleared voice": lambda f: {"voice_url": ""},
    "trunk": lambda f: {"trunk_sid": f.sid("trunk/edge")},
    "application": lambda f: {"voice_application_sid": f.sid("application/menu"), "sms_url": ""},
    "messages": lambda f: {"sms_url": NEW, "sms_method": "GET"},
    "cleared messages": lambda f: {"sms_url": ""},
    "status": lambda f: {"status_callback": NEW},
    "status method": lambda f: {"status_callback": NEW, "status_callback_method": "GET"},
    "everything": lambda f: {
        "voice_url": NEW, "sms_url": "", "status_callback": NEW, "voice_method": "GET", "friendly_name": "Neu: # ${x}",
    },
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_every_kind_of_drift_is_accepted_in_short_long_and_overriding_forms(
    folder: Folder, edit: str
) -> None:
    folder.write(
        AGENTS
        + """\
numbers:
  "<0>": support
  "<1>":
    agent: support
    friendly_name: Desk
    webhooks: {voice: "https://own.example.com/", sms: {url: "https://own.example.com/", method: GET}}
  "<2>": {agent: support, trunk: edge, friendly_name: Desk, manage: [voice, sms, status]}
  "<3>": support
"""
    )
    folder.apply()
    fields = EDITS[edit](folder)
    for place in range(3):
        # A number without any route could only be declared with nothing.
        keeps_trunk = "trunk_sid" in fields or fields == {"sms_url": ""}
        detached = {"trunk_sid": ""} if place == 2 and not keeps_trunk else {}
        folder.edit(place, **fields, **detached)
    found = folder.runner.json("drift", code=2)["drifted"]
    folder.accept("number/*")
    folder.check_settled()
    assert f'  "{folder.numbers[3]}": support' in folder.entry.read_text("utf-8").splitlines()
    assert len(found) >= 2


def test_an_agent_with_the_live_routes_is_named(folder: Folder) -> None:
    folder.write(AGENTS + 'numbers:\n  "<0>": support   # desk\n  "<1>": support\n')
    folder.apply()
    before = folder.entry.read_bytes()
    folder.edit(0, voice_url="https://b.example.com/voice", sms_url="https://b.example.com/sms")
    folder.accept(folder.numbers[0])
    [(_, after)] = folder.changed_lines(before)
    assert after == f'  "{folder.numbers[0]}": sales   # desk\n'
    folder.check_settled()


def test_an_agent_that_has_only_the_live_voice_is_not_named(folder: Folder) -> None:
    folder.write(AGENTS + 'numbers:\n  "<0>": support\n  "<1>": support\n')
    folder.apply()
    folder.edit(0, voice_url="https://b.example.com/voice")
    folder.accept(folder.numbers[0])
    text = folder.entry.read_text("utf-8")
    assert '{agent: support, webhooks: {voice: "https://b.example.com/voice"}}' in text
    folder.check_settled()


def test_the_agent_of_one_number_changes_itself(folder: Folder) -> None:
    folder.write(AGENTS + 'numbers:\n  "<0>": support\n  "<1>": sales\n')
    folder.apply()
    before = folder.entry.read_bytes()
    folder.edit(0, voice_url=NEW)
    folder.accept(folder.numbers[0])
    [(old, new)] = folder.changed_lines(before)
    assert new == old.replace("https://a.example.com/voice", NEW)
    folder.check_settled()


def test_the_agent_changes_only_if_all_its_numbers_are_accepted_with_one_value(
    folder: Folder,
) -> None:
    folder.write(AGENTS + 'numbers:\n  "<0>": support\n  "<1>": support\n')
    folder.apply()
    original = folder.entry.read_bytes()
    for place in (0, 1):
        folder.edit(place, voice_url=NEW)
    folder.accept("number/*")
    [(_, agent)] = folder.changed_lines(original)
    assert agent.startswith("  support:")
    folder.check_settled()

    folder.edit(0, voice_url="https://one.example.net/")
    folder.edit(1, voice_url="https://two.example.net/")
    before = folder.entry.read_bytes()
    folder.accept("number/*")
    assert len(folder.changed_lines(before)) == 2
    folder.check_settled()


def test_a_number_that_is_declared_by_its_sid_is_accepted(folder: Folder) -> None:
    sid = next(
        n.sid for n in folder.runner.sandbox.world.numbers if n.phone_number == folder.numbers[0]
    )
    folder.write(AGENTS + f'numbers:\n  {sid}: support\n  "<1>": support\n')
    folder.apply()
    folder.edit(0, voice_url=NEW)
    [drifted] = folder.runner.json("drift", code=2)["drifted"]
    assert (drifted["file"], drifted["line"]) == ("reconciler.yaml", 11)
    folder.accept(folder.numbers[0])
    assert f'{sid}: {{agent: support, webhooks: {{voice: "{NEW}"}}}}' in folder.entry.read_text(
        "utf-8"
    )
    folder.check_settled()


def test_what_a_change_left_pending_stays_pending(folder: Folder) -> None:
    folder.write(AGENTS + 'numbers:\n  "<0>": support\n  "<1>": support\n')
    folder.apply()
    pending = AGENTS.replace("https://a.example.com/sms", "https://a.example.com/next")
    folder.write(pending + 'numbers:\n  "<0>": support\n  "<1>": support\n')
    folder.edit(0, voice_url=NEW)
    folder.accept(folder.numbers[0])
    actions = folder.runner.json("plan")["actions"]
    assert [change["field"] for action in actions for change in action["changes"]] == [
        "sms_url"
    ] * 2


LABELS = [
    "a: b",
    "- a",
    "# c",
    "!!int 1",
    "true",
    "1.5",
    "~",
    "${agent}",
    "$${agent}",
    "$$${a}",
    "\"'\\",
    "a\nb",
]
LABELS += ["\u202ex", "&a *b", "{a, b}", "x" * 64, "\U0001f600", "\x7f"]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_hostile_label_is_declared_as_it_is(folder: Folder, label: str, suffix: str) -> None:
    folder.write(AGENTS + f"include: part.{suffix}\n")
    folder.write('{"numbers": {"<0>": {"friendly_name": "Desk"}}}', f"part.{suffix}")
    folder.apply()
    folder.edit(0, friendly_name=label)
    document = folder.accept(folder.numbers[0])
    assert document["summary"]["accepted"] == 1
    folder.check_settled()


def test_the_agent_stays_where_variables_may_give_it_to_other_numbers(folder: Folder) -> None:
    folder.write(
        "variables: {who: {default: support}}\n"
        + AGENTS
        + 'numbers:\n  "<0>": sales\n  "<1>": {agent: "${who}"}\n'
    )
    folder.apply()
    before = folder.entry.read_bytes()
    folder.edit(0, voice_url=NEW)
    folder.accept(folder.numbers[0])
    [(_, number)] = folder.changed_lines(before)
    assert number == f'  "{folder.numbers[0]}": {{agent: sales, webhooks: {{voice: "{NEW}"}}}}\n'
    folder.runner.run("plan", "--var", "who=sales")
