"""A stack for each subaccount: names, columns, the account that lists them, and every mistake at its place."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.load.fleet import Fleet, load_fleet
from reconciler.config.load.fleet_rows import STACK_NAME
from reconciler.config.load.fleet_subaccounts import load_account, name_stack
from reconciler.config.load.load import load
from reconciler.config.load.secret_references import SAFE_VALUE
from reconciler.config.variable_sources import VariableSources
from reconciler.errors import ConfigInvalid
from reconciler.model.position import Position
from reconciler.model.subaccount import Subaccount

from .test_fleet_file import NUMBERS, PIECES, write

MAIN = "AC" + "0a" * 16
FLEET = "version: 1\nfor_each: {subaccounts_of: main}\nconfiguration: customer.yaml\n"
CUSTOMER = f"""\
version: 1
project: reseller-${{id}}
state: ./states/${{sid}}.json
include: ["numbers/${{name}}.yaml"]
accounts:
  main: {{sid: {MAIN}, auth_token: {{env: TWILIO_AUTH_TOKEN}}}}
  customer: {{sid: "${{sid}}", parent: {MAIN}, auth_token: {{env: "TOKEN_${{name}}"}}}}
defaults: {{account: customer}}
agents:
  support:
    webhooks: {{voice: "https://agents.example.com/voice"}}
    labels: {{customer: "${{friendly_name}}"}}
"""


def subaccount(number: int, name: str = "Acme", status: str = "active") -> Subaccount:
    return Subaccount(f"AC{number:032x}", name, status)


def read_fleet(folder: Path, listed: Sequence[Subaccount], fleet: str = FLEET) -> Fleet:
    path = write(folder, {"fleet.yaml": fleet, "customer.yaml": CUSTOMER})
    return load_fleet(path, folder, lambda entry, account, at: listed)


def problems(folder: Path, listed: Sequence[Subaccount], fleet: str = FLEET) -> Any:
    with pytest.raises(ConfigInvalid) as caught:
        read_fleet(folder, listed, fleet)
    return [(each.code, each.file, each.line) for each in caught.value.diagnostics]


def test_each_active_subaccount_is_a_stack(tmp_path: Path) -> None:
    listed = [
        subaccount(3, "Müller & Söhne GmbH"),
        subaccount(2, "ops@globex.example.com"),
        subaccount(4, "Old", "suspended"),
        subaccount(5, "Older", "closed"),
        subaccount(6, "Odd", "::error::frozen"),
    ]
    fleet = read_fleet(tmp_path, listed)
    assert [stack.name for stack in fleet.stacks] == [
        "muller_sohne_gmbh_00000003",
        "ops_globex_example_com_00000002",
    ]
    assert fleet.stacks[0].row == {
        "name": "muller_sohne_gmbh_00000003",
        "sid": listed[0].sid,
        "id": listed[0].sid.lower(),
        "friendly_name": "Müller & Söhne GmbH",
    }
    [warning] = fleet.warnings
    assert (warning.severity, warning.code, warning.line) == ("warning", "subaccounts_left_out", 2)
    assert "1 closed, 1 of unknown status, 1 suspended" in warning.detail
    assert "::error" not in warning.detail


def test_the_order_of_the_listing_changes_no_name(tmp_path: Path) -> None:
    listed = [subaccount(number) for number in (7, 8, 9)]
    names = {each.sid: name_stack(each) for each in listed}
    assert len(set(names.values())) == 3
    for order in (listed, listed[::-1]):
        stacks = read_fleet(tmp_path, order).stacks
        assert {(stack.row or {})["sid"]: stack.name for stack in stacks} == names
        assert [stack.name for stack in stacks] == sorted(names.values())


@pytest.mark.parametrize(
    "name",
    ["", " ", "..", "../../etc/passwd", "-", "_", "x" * 4000, "日本", "a\0b", "${name}", "AC" + "b" * 32,
     "\u202eemca", "A\nB", "con", "--auto-approve", "\ud800", "İ", "ﬀ"],
)  # fmt: skip
def test_every_friendly_name_makes_a_plain_name(name: str) -> None:
    made = name_stack(subaccount(0xABCDEF12, name))
    assert STACK_NAME.fullmatch(made)
    assert SAFE_VALUE.fullmatch(made)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_]*_abcdef12", made)


def test_500_hostile_friendly_names_change_no_structure(tmp_path: Path) -> None:
    chance = random.Random(18)
    listed = []
    for number in range(500):
        name = "".join(chance.choices(PIECES, k=chance.randint(1, 12)))
        listed.append(subaccount(number, name))
    fleet = read_fleet(tmp_path, listed)
    for stack in fleet.stacks:
        write(tmp_path, {f"numbers/{stack.name}.yaml": NUMBERS})
    by_sid = {each.sid: each for each in listed}
    assert len(fleet.stacks) == 500

    for stack in fleet.stacks:
        row = stack.row or {}
        entry = stack.directory / stack.file
        project = load(entry, environ={}, variables=VariableSources(row=row))
        sid = row["sid"]
        assert project.name == f"reseller-{sid.lower()}"
        assert project.state == f"./states/{sid}.json"
        assert project.accounts["main"].sid == MAIN
        customer = project.accounts["customer"]
        assert (customer.sid, customer.parent) == (sid, MAIN)
        assert customer.auth_token is not None
        assert customer.auth_token.env == f"TOKEN_{stack.name}"
        assert project.agents["support"].labels == {"customer": by_sid[sid].friendly_name}
        assert [each.key for each in project.desired] == ["+15550100101"]


def test_names_that_collide_are_an_error(tmp_path: Path) -> None:
    # The end of both SIDs is equal, and so is the name.
    listed = [subaccount(0x1_0000_0001), subaccount(0x2_0000_0001)]
    assert problems(tmp_path, listed)[0] == ("duplicate_key", "fleet.yaml", 2)
    assert read_fleet(tmp_path, [listed[0], subaccount(0x2_0000_0001, "Other")]).stacks


@pytest.mark.parametrize(
    "listed", [[], [subaccount(1, status="suspended"), subaccount(2, status="closed")]]
)
@pytest.mark.parametrize("more", ["", "stacks: [customer.yaml]\n"])
def test_no_active_subaccount_is_an_error(
    tmp_path: Path, listed: list[Subaccount], more: str
) -> None:
    assert ("no_subaccounts", "fleet.yaml", 2) in problems(tmp_path, listed, FLEET + more)


@pytest.mark.parametrize(
    ("for_each", "code"),
    [
        ("{file: rows.csv, subaccounts_of: main}", "conflicting_fields"),
        ("{}", "missing_field"),
        ("{subaccounts_of: }", "missing_field"),
        ("{subaccounts_of: [main]}", "wrong_type"),
        ("{subaccounts_of: ../main}", "invalid_name"),
        (f"{{subaccounts_of: {MAIN}}}", "invalid_name"),
        ("{subaccount_of: main}", "unknown_key"),
    ],
)
def test_each_mistake_in_for_each_has_its_place(tmp_path: Path, for_each: str, code: str) -> None:
    text = f"version: 1\nfor_each: {for_each}\nconfiguration: customer.yaml\n"
    found = problems(tmp_path, [subaccount(1)], text)
    assert (code, "fleet.yaml", 2) in found


@pytest.mark.parametrize(
    "fleet",
    [
        FLEET.replace("customer.yaml", "none.yaml"),
        FLEET + "stacks: [none.yaml]\n",
        FLEET.replace("customer.yaml", "../outside.yaml"),
        FLEET + "parallel: 0\n",
    ],
)
def test_nothing_is_listed_for_a_file_with_errors(tmp_path: Path, fleet: str) -> None:
    path = write(tmp_path, {"fleet.yaml": fleet, "customer.yaml": CUSTOMER})
    calls: list[str] = []

    def listing(entry: Path, account: str, at: Position) -> list[Subaccount]:
        calls.append(account)
        return []

    with pytest.raises(ConfigInvalid):
        load_fleet(path, tmp_path, listing)
    assert calls == []


def test_without_a_way_to_list_the_fleet_is_not_empty(tmp_path: Path) -> None:
    path = write(tmp_path, {"fleet.yaml": FLEET, "customer.yaml": CUSTOMER})
    with pytest.raises(ConfigInvalid) as caught:
        load_fleet(path, tmp_path)
    assert [each.code for each in caught.value.diagnostics] == ["unsupported_feature"]


AT = Position("fleet.yaml", 2, 28)
BAD_ACCOUNTS = [
    ("main:", "other:", "no_twilio_integration", ("fleet.yaml", 2)),
    (f"main: {{sid: {MAIN}", 'main: {sid: "${sid}"', "variable_not_allowed", ("customer.yaml", 6)),
    ("{env: TWILIO_AUTH_TOKEN}", '{env: "T_${name}"}', "variable_not_allowed", ("customer.yaml", 6)),
    ("main: {", 'main: {base_url: "https://${friendly_name}/", ', "variable_not_allowed", ("customer.yaml", 6)),
    ("main: {", f"main: {{parent: {MAIN[:-1]}b, ", "conflicting_fields", ("customer.yaml", 6)),
    ("main: {", "main: {base_url: https://relay.example.net, ", "host_not_allowed", ("customer.yaml", 6)),
    ("{env: TWILIO_AUTH_TOKEN}", "{file: ../../token}", "secret_outside_project", ("customer.yaml", 6)),
    (", auth_token: {env: TWILIO_AUTH_TOKEN}}", "}", "missing_field", ("customer.yaml", 6)),
    ("{env: TWILIO_AUTH_TOKEN}", "pl4nted", "literal_secret", ("customer.yaml", 6)),
    ("project:", "projekt:", "missing_field", ("customer.yaml", 1)),
    ("accounts:\n", "account:\n", "no_twilio_integration", ("fleet.yaml", 2)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "place"), BAD_ACCOUNTS)
def test_an_account_that_cannot_list_is_reported_at_its_place(
    tmp_path: Path, old: str, new: str, code: str, place: tuple[str, int]
) -> None:
    assert old in CUSTOMER
    text = CUSTOMER.replace(old, new, 1)
    write(tmp_path, {"customer.yaml": text, "accounts.yaml": "accounts: {}\n"})
    with pytest.raises(ConfigInvalid) as caught:
        load_account(
            tmp_path / "customer.yaml",
            "main",
            AT,
            environ={},
            variables=VariableSources(),
            display_root=tmp_path,
        )
    found = [(each.code, (each.file, each.line)) for each in caught.value.diagnostics]
    assert (code, place) in found
    assert "pl4nted" not in str(caught.value.diagnostics)


def test_the_account_of_the_environment_is_not_declared(tmp_path: Path) -> None:
    text = CUSTOMER[: CUSTOMER.index("accounts:")]
    write(tmp_path, {"customer.yaml": text})
    environ = {"TWILIO_ACCOUNT_SID": MAIN, "TWILIO_AUTH_TOKEN": "pl4nted"}
    with pytest.raises(ConfigInvalid) as caught:
        load_account(
            tmp_path / "customer.yaml",
            "default",
            AT,
            environ=environ,
            variables=VariableSources(),
            display_root=tmp_path,
        )
    assert [each.code for each in caught.value.diagnostics] == ["no_twilio_integration"]


@pytest.mark.parametrize("column", ["id", "sid", "name"])
def test_a_message_names_the_column_that_the_file_has(tmp_path: Path, column: str) -> None:
    text = CUSTOMER.replace("project: reseller-${id}", f"project: Reseller-${{{column}}}")
    write(tmp_path, {"customer.yaml": text})
    with pytest.raises(ConfigInvalid) as caught:
        load_account(
            tmp_path / "customer.yaml",
            "main",
            AT,
            environ={},
            variables=VariableSources(),
            display_root=tmp_path,
        )
    [problem] = caught.value.diagnostics
    assert problem.code == "invalid_name"
    assert "0000" not in problem.detail


def test_another_variable_may_be_part_of_the_account(tmp_path: Path) -> None:
    text = CUSTOMER.replace("main: {", 'main: {edge: "${edge}", ')
    text += "variables: {edge: {default: dublin}}\n"
    write(tmp_path, {"customer.yaml": text})
    for given, expected in (({}, "dublin"), ({"edge": "sydney", "of-stacks": "x"}, "sydney")):
        found = load_account(
            tmp_path / "customer.yaml",
            "main",
            AT,
            environ={},
            variables=VariableSources(given=given),
            display_root=tmp_path,
        )
        assert (found.sid, found.edge) == (MAIN, expected)
