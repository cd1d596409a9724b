"""`drift --accept` changes the cells of a CSV file that can declare the live values, and no other character."""

from __future__ import annotations

import pytest

from tests.support.command_runner import CommandRunner

from .accept_folder import AGENTS, Folder

TABLE = AGENTS + "numbers_from: [{file: numbers.csv}]\n"
SALES = {"voice_url": "https://b.example.com/voice", "sms_url": "https://b.example.com/sms"}


@pytest.fixture
def folder(runner: CommandRunner) -> Folder:
    return Folder(runner)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("number,agent\n<0>,support\n<1>,support\n", "number,agent\n<0>,sales\n<1>,support\n"),
        ("number,agent\r\n<0>,support\r\n<1>,support", "number,agent\r\n<0>,sales\r\n<1>,support"),
        ('\ufeffagent , number\n"support" , <0>\n\n', "\ufeffagent , number\nsales , <0>\n\n"),
        (
            'label:team,agent,number,friendly_name\n"a, b",support, "<0>" ,"Say ""hi"""\n',
            'label:team,agent,number,friendly_name\n"a, b",sales, "<0>" ,"Say ""hi"""\n',
        ),
    ],
)
def test_agent_of_a_row_is_changed_in_its_cell(folder: Folder, before: str, after: str) -> None:
    folder.write(TABLE)
    folder.write(before, "numbers.csv")
    folder.apply()
    folder.edit(0, **SALES)
    document = folder.accept(f"number/{folder.numbers[0]}")
    [changed] = document["accepted"]["files"]
    assert changed["file"] == "numbers.csv"
    for place, number in enumerate(folder.numbers):
        after = after.replace(f"<{place}>", number)
    assert (folder.runner.folder / "numbers.csv").read_bytes() == after.encode()
    folder.check_settled()


def test_two_cells_of_one_row_are_changed(folder: Folder) -> None:
    """The first new text is longer than the old one, so the second cell moves."""
    folder.write(TABLE)
    folder.write("number,friendly_name,agent\n<0>,Desk,support\n", "numbers.csv")
    folder.apply()
    folder.edit(0, friendly_name='Front "desk", = 1', **SALES)
    folder.accept("number/*")
    text = (folder.runner.folder / "numbers.csv").read_text("utf-8")
    assert text.splitlines()[1] == f'{folder.numbers[0]},"Front ""desk"", = 1",sales'
    folder.check_settled()


def test_trunk_of_a_row_is_taken_off(folder: Folder) -> None:
    folder.write(TABLE)
    folder.write("number,agent,trunk\n<1>,support,edge\n", "numbers.csv")
    folder.apply()
    folder.edit(1, trunk_sid="", voice_url="https://a.example.com/voice", voice_method="POST")
    folder.accept("number/*")
    text = (folder.runner.folder / "numbers.csv").read_text("utf-8")
    assert text.splitlines()[1] == f"{folder.numbers[1]},support,"
    folder.check_settled()


@pytest.mark.parametrize(
    ("table", "fields", "reason"),
    [
        (
            "number,agent\n<0>,support\n<1>,support\n",
            {"voice_url": "https://other.example.org/"},
            "no column `webhooks`",
        ),
        ("number,agent\n<0>,${who}\n", SALES, "the variable `${who}`"),
        (
            "number,agent,friendly_name\n<0>,support,Desk\n",
            {"friendly_name": "Front\ndesk"},
            "cannot",
        ),
    ],
)
def test_what_a_row_cannot_declare_is_refused(
    folder: Folder, table: str, fields: dict[str, str], reason: str
) -> None:
    folder.write(TABLE + "variables: {who: {default: support}}\n")
    folder.write(table, "numbers.csv")
    folder.apply()
    folder.edit(0, **fields)
    [problem] = folder.refuse(f"number/{folder.numbers[0]}")
    assert reason in problem["detail"]
    assert problem["file"] == "numbers.csv"
