"""`numbers search`: from the list of numbers for sale to a number that answers calls."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults.rules import Refuse
from reconciler.sandbox.service.app import Sandbox
from tests.support.command_runner import AGENT, CommandRunner, empty_world

BUNDLE = "BU" + "0" * 31 + "1"
AGENTS: dict[str, Any] = {"support": {"webhooks": AGENT}}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CommandRunner]:
    """An account without numbers, and a configuration with one agent."""
    with Sandbox(empty_world()) as sandbox:
        runner = CommandRunner(tmp_path, sandbox)
        runner.declare(agents=AGENTS)
        yield runner


def search(runner: CommandRunner, *args: str, code: int = 0) -> Any:
    return runner.json("numbers", "search", *args, code=code)


def test_numbers_are_listed_with_price_and_requirement(shop: CommandRunner) -> None:
    found = search(shop, "--country", "GB")
    assert found["summary"] == {"numbers": 30, "written": 0}
    assert found["numbers"][0] == {
        "phone_number": "+442079460000",
        "country": "GB",
        "type": "local",
        "locality": "London",
        "region": None,
        "capabilities": ["voice", "sms"],
        "address_requirements": "local",
        "bundle_required": True,
        "price": {"amount": 1.15, "currency": "USD"},
        "declared": False,
        "written": False,
    }
    text = shop.run("numbers", "search", "--country", "GB")
    assert "+442079460000" in text
    assert "bundle" in text
    assert "1.15 USD" in text


@pytest.mark.parametrize(
    ("args", "first"),
    [
        (("--country", "us", "--area-code", "212"), "+12125550100"),
        (("--country", "GB", "--type", "mobile"), "+447700900000"),
        (("--country", "US", "--type", "toll_free"), "+18005550190"),
        (("--country", "GB", "--contains", "+4420*9460123"), "+442079460123"),
        (("--country", "US", "--contains", "15550100177"), "+15550100177"),
    ],
)
def test_the_filters_of_twilio_narrow_the_list(
    shop: CommandRunner, args: tuple[str, ...], first: str
) -> None:
    assert search(shop, *args)["numbers"][0]["phone_number"] == first


def test_written_numbers_can_be_planned_and_bought(shop: CommandRunner) -> None:
    """The way of a reseller: find, declare, buy and attach."""
    entry = shop.folder / "reconciler.yaml"
    shop.declare(agents=AGENTS, include=["numbers.yaml"])
    (shop.folder / "numbers.yaml").write_text(
        "# ours\nnumbers: {}   # none yet\n", encoding="utf-8"
    )
    before = entry.read_text(encoding="utf-8")

    given = (
        "--country",
        "GB",
        "--write",
        "numbers.yaml",
        "--agent",
        "support",
        "--bundle",
        BUNDLE,
        "--count",
        "2",
    )
    found = search(shop, *given)
    written = [number["phone_number"] for number in found["numbers"] if number["written"]]
    assert len(written) == found["summary"]["written"] == 2
    assert (
        (shop.folder / "numbers.yaml")
        .read_text(encoding="utf-8")
        .startswith("# ours\nnumbers:   # none yet\n")
    )
    assert entry.read_text(encoding="utf-8") == before

    assert {address for address, _ in shop.plan()} == {f"number/{number}" for number in written}
    shop.apply("--allow-purchase")
    for number in written:
        assert shop.sandbox.world.number(number).voice_url == AGENT["voice"]
        assert shop.sandbox.world.number(number).bundle_sid == BUNDLE
    assert shop.plan() == []


def test_a_number_is_never_written_twice(shop: CommandRunner) -> None:
    shop.declare(agents=AGENTS, include=["more/*.yaml"])
    (shop.folder / "more").mkdir()
    (shop.folder / "more/a.yaml").write_text("numbers: {}\n", encoding="utf-8")
    for _ in range(3):
        search(
            shop,
            "--country",
            "US",
            "--area-code",
            "212",
            "--write",
            "more/a.yaml",
            "--agent",
            "support",
        )
    text = (shop.folder / "more/a.yaml").read_text(encoding="utf-8")
    assert [text.count(f'"+1212555010{n}"') for n in range(4)] == [1, 1, 1, 0]
    twice = ("--write", "more/a.yaml", "--number", "+12125550100")
    search(shop, "--country", "US", "--area-code", "212", *twice, code=1)
    assert (shop.folder / "more/a.yaml").read_text(encoding="utf-8") == text


def test_notes_an_unmet_requirement_that_plan_refuses(shop: CommandRunner) -> None:
    shop.declare(agents=AGENTS, include=["uk.yaml"])
    (shop.folder / "uk.yaml").write_text("numbers: {}\n", encoding="utf-8")
    search(shop, "--country", "GB", "--write", "uk.yaml", "--agent", "support")
    assert "# needs purchase.bundle" in (shop.folder / "uk.yaml").read_text(encoding="utf-8")
    assert "bundle_needed" in {d["code"] for d in shop.json("plan", code=1)["diagnostics"]}


def test_reports_an_unknown_price(shop: CommandRunner) -> None:
    shop.sandbox.faults.add(
        Refuse(status=403, code=20403, method="GET", path="*/PhoneNumbers/Countries/*")
    )
    shop.sandbox.faults.add(Refuse(status=403, code=20403, method="GET", path="*/Regulations*"))
    (first, *_) = search(shop, "--country", "GB", "--write", "new.yaml")["numbers"]
    assert (first["price"], first["bundle_required"]) == (None, None)
    assert "max_price" not in (shop.folder / "new.yaml").read_text(encoding="utf-8")
    assert "not known" in shop.run("numbers", "search", "--country", "GB")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--country", "GB", "--area-code", "020"), 64),
        (("--country", "US", "--type", "mobile"), 1),
        (("--country", "ZZ"), 1),
        (("--country", "US", "--account", "other"), 64),
        (("--country", "US", "--write", "a.yaml", "--agent", "nobody"), 64),
        (("--country", "US", "--write", "a.yaml", "--number", "+12125550199"), 1),
    ],
)
def test_invalid_search_is_an_error(shop: CommandRunner, args: tuple[str, ...], code: int) -> None:
    said = shop.run("numbers", "search", *args, code=code)
    assert "rror" in said
    assert not (shop.folder / "a.yaml").exists()


def _targets(folder: Path) -> dict[str, Path]:
    """Files to which no number is added: the state and what belongs to it, by every kind of name, and other files."""
    state = folder / "state.yaml"
    os.symlink(state, folder / "link.yaml")
    os.link(state, folder / "second.yaml")
    history = folder / "state.yaml.history"
    history.mkdir(exist_ok=True)
    for name in ("state.yaml.history/1.yaml", "notes.txt", "reconciler.json"):
        (folder / name).write_text("{}\n", encoding="utf-8")
    os.link(folder / "state.yaml.history/1.yaml", folder / "old.yaml")
    (folder / "compose.yaml").write_text("services: {}\n", encoding="utf-8")
    names = ("state.yaml", "./state.yaml", "link.yaml", "second.yaml", "old.yaml",
             "state.yaml.history/1.yaml", "notes.txt", "reconciler.json", "compose.yaml")  # fmt: skip
    return {name: folder / name for name in names}


def test_adds_no_number_to_a_file_that_is_not_a_configuration(shop: CommandRunner) -> None:
    shop.declare(agents=AGENTS, state="./state.yaml")
    (shop.folder / "state.yaml").write_text(json.dumps({"numbers": {}}) + "\n", encoding="utf-8")
    for name, path in _targets(shop.folder).items():
        before = path.read_bytes()
        said = shop.run("numbers", "search", "--country", "US", "--write", name, code=64)
        assert "configuration" in said, name
        assert path.read_bytes() == before, name


def test_uses_the_account_of_the_environment_without_a_configuration(
    shop: CommandRunner,
) -> None:
    (shop.folder / "reconciler.yaml").unlink()
    sandbox = shop.sandbox
    account = sandbox.world.account
    environ = {
        "TWILIO_ACCOUNT_SID": account.sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        "TWILIO_BASE_URL": sandbox.base_url,
    }
    found = shop.json("numbers", "search", "--country", "US", "--write", "numbers.yaml", **environ)
    assert found["out"] == "numbers.yaml"
    assert (
        "purchase: {country: US, type: local, max_price: 1.15}"
        in (shop.folder / "numbers.yaml").read_text()
    )
