"""`doctor` names what is wrong, and what does not work without it; it writes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.doctor.permissions import NEEDS
from reconciler.sandbox.faults.rules import Drop, Refuse, ServerError
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.world.world import World
from tests.support.processes.process_runner import AGENT
from tests.support.processes.sandbox_runner import SandboxRunner

PARENT, CHILD = "AC" + "1a" * 16, "AC" + "2b" * 16
TOKEN, CHILD_TOKEN, KEY, WRONG = (
    "pl4nted-token",
    "pl4nted-child-token",
    "SK" + "3c" * 16,
    "pl4nted wrong",
)
ONE, TWO = "+15550100101", "+15550100102"
SEED = {
    "format": 1,
    "accounts": [
        {"sid": PARENT, "auth_token": TOKEN},
        {"sid": CHILD, "auth_token": CHILD_TOKEN, "owner_account_sid": PARENT},
    ],
    "api_keys": [{"sid": KEY, "account_sid": PARENT, "secret": TOKEN}],
    "trunks": [
        {"sid": "TK" + "1" * 32, "account_sid": PARENT, "domain_name": "home.pstn.twilio.com"}
    ],
    "numbers": [
        {"phone_number": ONE, "account_sid": PARENT},
        {"phone_number": TWO, "account_sid": CHILD},
    ],
}
AGENTS = {"support": {"webhooks": AGENT}, "ivr": {"application": "AP" + "1" * 32}}
TRUNKS = {
    "edge": {
        "domain": "edge.pstn.twilio.com",
        "ip_access_control_lists": [{"name": "offices", "addresses": [{"cidr": "203.0.113.0/28"}]}],
        "credential_lists": [
            {"name": "pbx", "credentials": [{"username": "pbx", "password": {"env": "PBX"}}]}
        ],
    }
}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[SandboxRunner]:
    with Sandbox(World.from_seed(SEED)) as sandbox:
        yield SandboxRunner(tmp_path / "work", sandbox, {"PBX": "pl4nted-Password1"})
        assert not sandbox.calls.writes, "doctor never writes"
        assert [
            path.name for path in (tmp_path / "work").iterdir() if path.name != "reconciler.yaml"
        ] == []


def checks(runner: SandboxRunner, code: int = 0, **environ: str) -> dict[str, tuple[str, str]]:
    """check → status and detail, of the only account and of the project."""
    document: Any = runner.json("doctor", code=code, **environ)
    found = {check["check"]: (check["status"], check["detail"]) for check in document["checks"]}
    assert len(found) == len(document["checks"])
    assert sum(document["summary"].values()) == len(found)
    return found


def by_key(runner: SandboxRunner, sid: str = PARENT, **fields: object) -> dict[str, Any]:
    """An account that is entered by an API key."""
    runner.environ |= {"KEY": KEY, "TOKEN_KEY": TOKEN}
    refs = {"api_key": {"env": "KEY"}, "api_secret": {"env": "TOKEN_KEY"}}
    return {"sid": sid, "base_url": runner.sandbox.base_url, **refs, **fields}


def everything(runner: SandboxRunner, account: dict[str, Any]) -> None:
    """A configuration that needs all that can be needed."""
    buy = {"agent": "ivr", "purchase": {"country": "US", "max_price": 2}}
    numbers = {ONE: "support", TWO: buy}
    runner.declare(accounts={"main": account}, agents=AGENTS, trunks=TRUNKS, numbers=numbers)


def test_doctor_passes_on_a_healthy_account(runner: SandboxRunner) -> None:
    everything(runner, by_key(runner))
    found = checks(runner)
    assert {status for status, _ in found.values()} == {"ok"}
    assert list(found)[:4] == ["secrets", "reachable", "clock", "credentials"]
    assert list(found)[-2:] == ["secrets of credential/pbx/pbx", "state"]
    assert {need.check for need in NEEDS} <= found.keys()
    text = runner.run("doctor").out
    assert "account main" in text
    assert "Everything needed works." in text
    assert TOKEN not in text


def test_doctor_checks_only_what_the_project_needs(runner: SandboxRunner) -> None:
    runner.declare(accounts={"main": by_key(runner)})
    found = checks(runner)
    assert list(found) == ["secrets", "reachable", "clock", "credentials", "numbers", "state"]
    assert {call.path for call in runner.sandbox.calls} == {
        f"/2010-04-01/Accounts/{PARENT}/IncomingPhoneNumbers.json"
    }


@pytest.mark.parametrize(
    ("path", "check", "feature", "required"),
    [
        ("*/IncomingPhoneNumbers.json", "numbers", "plan, apply and drift", True),
        ("/v1/Trunks", "trunks", "numbers behind them", True),
        ("*/IpAccessControlLists.json", "ip_access_control_lists", "SIP lists of trunks", True),
        ("*/CredentialLists.json", "credential_lists", "SIP lists of trunks", True),
        ("*/SIP/Domains.json", "sip_domains", "before it is deleted", False),
        ("*/Applications.json", "applications", "applications", True),
        ("/v1/Services", "messaging_services", "in place of SMS webhooks", False),
        ("/v1/Events", "events", "who changed a number", False),
        ("/v2/PhoneNumbers/*", "inbound_region", "the region that is managed", False),
        ("/v1/PhoneNumbers/Countries/US", "prices", "to be bought", False),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_names_a_missing_permission_and_the_feature_that_needs_it(
    runner: SandboxRunner, path: str, check: str, feature: str, required: bool, status: int
) -> None:
    everything(runner, by_key(runner))
    runner.sandbox.faults.add(Refuse(status=status, code=20003, message="Authenticate", path=path))
    found = checks(runner, code=1 if required else 0)
    need = next(need for need in NEEDS if need.check == check)
    assert found[check][0] == ("failed" if required else "warning")
    assert need.what in found[check][1]
    assert feature in found[check][1]
    assert {name for name, (status, _) in found.items() if status != "ok"} == {check}


def test_distinguishes_a_wrong_secret_from_an_unknown_key(runner: SandboxRunner) -> None:
    everything(runner, by_key(runner))
    wrong = checks(runner, code=1, TOKEN_KEY=WRONG)
    assert list(wrong) == [
        "secrets",
        "reachable",
        "clock",
        "credentials",
        "secrets of credential/pbx/pbx",
        "state",
    ]
    assert wrong["credentials"][0] == "failed"
    assert "API secret does not match the key" in wrong["credentials"][1]
    unknown = checks(runner, code=1, KEY="SK" + "9" * 32)
    assert "does not know the API key" in unknown["credentials"][1]
    everything(runner, runner.account(PARENT, WRONG))
    assert f"The auth token is not that of {PARENT}" in checks(runner, code=1)["credentials"][1]
    assert "twilio_auth_failed: The auth token is not that of" in runner.run("doctor", code=1).out
    codes = {check["check"]: check["code"] for check in runner.json("doctor", code=1)["checks"]}
    assert (codes["credentials"], codes["reachable"]) == ("twilio_auth_failed", None)
    everything(runner, runner.account("AC" + "9" * 32, TOKEN))
    assert f"does not know the account AC{'9' * 32}" in checks(runner, code=1)["credentials"][1]


def test_reports_a_suspended_account(runner: SandboxRunner) -> None:
    everything(runner, by_key(runner))
    runner.sandbox.world.account.status = "suspended"
    assert "not active" in checks(runner, code=1)["credentials"][1]


def test_a_parents_token_reaches_the_numbers_of_a_subaccount(runner: SandboxRunner) -> None:
    main = runner.account(PARENT, TOKEN)
    runner.declare(
        accounts={"emea": {**main, "sid": CHILD, "parent": PARENT}},
        agents=AGENTS,
        numbers={TWO: "support"},
    )
    found = checks(runner)
    assert found["numbers"][0] == "ok"
    assert f"token of the parent {PARENT}" in found["credentials"][1]
    runner.declare(
        accounts={"emea": {**main, "sid": CHILD}}, agents=AGENTS, numbers={TWO: "support"}
    )
    assert "declare `parent`" in checks(runner, code=1)["credentials"][1]


def test_a_parents_key_finds_the_parents_trunks(runner: SandboxRunner) -> None:
    runner.declare(accounts={"emea": by_key(runner, CHILD)}, trunks=TRUNKS)
    found = checks(runner, code=1)
    assert found["numbers"][0] == "ok"
    assert found["trunks"][0] == "failed"
    assert f"of {PARENT}, not of {CHILD}" in found["trunks"][1]


@pytest.mark.parametrize(
    ("minutes", "words"), [(5, "300 s ahead of Twilio's"), (-5, "300 s behind Twilio's")]
)
def test_wrong_clock_is_a_warning(tmp_path: Path, minutes: int, words: str) -> None:
    """Here it is Twilio's that is wrong, which looks the same."""
    world = World.from_seed(
        SEED, clock=lambda: datetime.now(UTC) - timedelta(minutes=minutes, milliseconds=500)
    )
    with Sandbox(world) as sandbox:
        runner = SandboxRunner(tmp_path, sandbox, {"PBX": "pl4nted-Password1"})
        everything(runner, by_key(runner))
        status, detail = checks(runner)["clock"]
    assert status == "warning"
    assert int(detail.partition("clock is ")[2].partition(" s ")[0]) == pytest.approx(300, abs=15)
    assert words.partition(" s ")[2] in detail


def test_names_all_missing_variables_and_files(runner: SandboxRunner) -> None:
    nix = {"type": "nixflex", "api_key": {"env": "NIX_KEY"}}
    butter = {"type": "butter", "api_key": {"file": "butter.key"}, "organization_id": "org_1"}
    account = {
        **by_key(runner),
        "api_key": {"env": "NOT_SET"},
        "api_secret": {"file": "secret.txt"},
    }
    other = runner.account(CHILD, CHILD_TOKEN)
    accounts = {"main": account, "other": other}
    trunks = {"edge": {**TRUNKS["edge"], "account": "other"}}
    platforms = {"nix": nix, "butter": butter}
    runner.declare(
        accounts=accounts,
        platforms=platforms,
        trunks=trunks,
        fingerprint_key={"env": "FINGERPRINTS"},
    )
    del runner.environ["PBX"]
    document = runner.json("doctor", code=1)
    found = {(check["account"], check["check"]): check for check in document["checks"]}
    assert "NOT_SET is not set" in found["main", "secrets"]["detail"]
    assert "secret.txt cannot be read" in found["main", "secrets"]["detail"]
    assert "NIX_KEY is not set" in found[None, "platform nix"]["detail"]
    assert "butter.key cannot be read" in found[None, "platform butter"]["detail"]
    assert "PBX is not set" in found[None, "secrets of credential/pbx/pbx"]["detail"]
    assert "FINGERPRINTS is not set" in found[None, "fingerprint_key"]["detail"]
    assert found["other", "credentials"]["status"] == "ok", "one account does not hide another"
    assert {
        call.path.split("/")[3] for call in runner.sandbox.calls if "/Accounts/" in call.path
    } == {CHILD}


def test_reports_an_unreachable_server(runner: SandboxRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    everything(runner, by_key(runner, base_url=nobody))
    found = checks(runner, code=1)
    assert list(found) == ["secrets", "reachable", "secrets of credential/pbx/pbx", "state"]
    assert found["reachable"][0] == "failed"
    assert "Connection refused" in found["reachable"][1]


def test_reports_a_page_that_is_not_from_twilio(runner: SandboxRunner) -> None:
    everything(runner, by_key(runner, base_url=f"{runner.sandbox.base_url}/_sandbox"))
    found = checks(runner, code=1)
    assert found["credentials"] == (
        "warning",
        "no answer shows whether they are right",
    )
    assert found["numbers"][0] == "failed"
    assert "404" in found["numbers"][1]


def test_reports_wrong_credentials_beside_other_failures(
    runner: SandboxRunner,
) -> None:
    everything(runner, by_key(runner))
    runner.sandbox.faults.add(ServerError(status=503, path="/v1/Trunks"))
    found = checks(runner, code=1, TOKEN_KEY=WRONG)
    assert list(found)[3:5] == ["credentials", "trunks"]
    assert (found["credentials"][0], found["trunks"][0]) == ("failed", "failed")


def test_failing_product_does_not_hide_the_other_checks(runner: SandboxRunner) -> None:
    everything(runner, by_key(runner))
    runner.sandbox.faults.add(ServerError(status=503, path="/v1/Trunks"), Drop(path="/v1/Events"))
    found = checks(runner, code=1)
    assert (found["trunks"][0], found["events"][0], found["numbers"][0]) == (
        "failed",
        "warning",
        "ok",
    )
    assert "503" in found["trunks"][1]


def test_doctor_reports_an_unreadable_state(runner: SandboxRunner) -> None:
    everything(runner, by_key(runner))
    (runner.folder / "state.json").write_text("{", encoding="utf-8")
    found = checks(runner, code=1)
    (runner.folder / "state.json").unlink()
    assert found["state"][0] == "failed"
    assert "state.json" in found["state"][1]


def test_an_invalid_configuration_is_exit_3(runner: SandboxRunner) -> None:
    runner.declare(accounts={"main": by_key(runner)}, numbers={ONE: "nobody"})
    assert runner.run("doctor", "--json", code=3).codes == ["agent_not_found"]


def test_doctor_reads_the_region_of_every_number(tmp_path: Path) -> None:
    seed = {**SEED, "inbound_regions": [{"phone_number": ONE, "voice_region": "ie1"}]}
    with Sandbox(World.from_seed(seed)) as sandbox:
        runner = SandboxRunner(tmp_path / "work", sandbox, {})
        account = {"sid": PARENT, "auth_token": {"env": "T"}, "base_url": sandbox.base_url}
        runner.declare(
            accounts={"main": account},
            agents={"support": {"webhooks": AGENT}},
            numbers={ONE: "support"},
        )
        document = runner.run("doctor", "--json", code=1, T=TOKEN).json
    (check,) = [c for c in document["checks"] if c["check"] == "inbound regions"]
    assert (check["status"], ONE in check["detail"], "ie1" in check["detail"]) == (
        "failed",
        True,
        True,
    )
