"""`doctor` asks each platform whether its key is accepted, its list readable and its connection to Twilio in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.platforms.dasha_rows import PROVIDERS
from reconciler.sandbox.platforms.feather import CONNECTIONS
from reconciler.sandbox.service.app import Sandbox
from reconciler.sandbox.twilio.trunks import TRUNKS
from tests.support import adapter_runner as kinds
from tests.support.processes.platform_runner import AC, PlatformRunner, world

KEY = "pl4nted-key:pl4nted-half"
SECRET = "pl4nted-secret-of-at-least-32-characters"
ONE = "+15550100101"
UUID = kinds.UUIDS[0]
LISTED = ("butter", "dasha", "feather", "livekit", "nixflex", "retell", "vapi")
VERIFIED = ("dasha", "feather", "ravan", "vapi")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[PlatformRunner]:
    secret = {"platform": "livekit", "key": KEY, "secret": SECRET}
    keys = [{"platform": name, "key": KEY} for name in {*LISTED, *VERIFIED} - {"livekit"}]
    rows = {
        "platform_keys": [*keys, secret],
        "feather_connections": [{"id": UUID, "account_sid": AC}],
        "dasha_providers": [{"id": UUID, "accountSid": AC, "name": "main"}],
        "butter_integrations": [{"integration_id": "intg_a1b2c3d4e5f6", "account_sid": AC}],
        "ravan_connections": [{"account_sid": AC}],
    }
    with Sandbox(world({ONE: {}}, **rows)) as sandbox:
        runner = PlatformRunner(tmp_path / "work", sandbox)
        declare(runner)
        yield runner


def declare(runner: PlatformRunner, *, connection: str = UUID) -> None:
    key, secret = runner.secret("PLATFORM_KEY", KEY), runner.secret("PLATFORM_SECRET", SECRET)
    more: dict[str, dict[str, object]] = {
        "butter": {"organization_id": "default", "connections": {"main": "intg_a1b2c3d4e5f6"}},
        "dasha": {"connections": {"main": UUID}},
        "feather": {"connections": {"main": connection} if connection else {}},
        "livekit": {"api_secret": secret},
        "retell": {"credential": "pbx/agents"},
    }
    platforms = {
        f"my-{name}": {
            "type": name,
            "api_key": key,
            "base_url": f"{runner.sandbox.base_url}/{name}",
            **more.get(name, {}),
        }
        for name in sorted({*LISTED, *VERIFIED})
    }
    runner.setting({}, platforms=platforms)


def checks(runner: PlatformRunner, code: int = 0, **environ: str) -> dict[str, tuple[str, str]]:
    document: Any = json.loads(runner.run("doctor", "--json", code=code, **environ).out)
    return {check["check"]: (check["status"], check["detail"]) for check in document["checks"]}


def test_doctor_reads_every_platform_and_imports_nothing(runner: PlatformRunner) -> None:
    with runner.watched() as calls:
        found = checks(runner)
    assert {name for name in found if name.startswith("numbers on")} == {
        f"numbers on my-{name}" for name in LISTED
    }
    assert {name for name in found if name.startswith("connection")} == {
        f"connection of my-{n}" for n in VERIFIED
    }
    assert {status for status, _ in found.values()} == {"ok"}
    posts = [call.path for call in calls if call.is_write and "livekit.SIP/List" not in call.path]
    assert posts == [f"/dasha/api/v1/providers/{UUID}/verify"]


def test_reports_a_wrong_key_for_each_platform(runner: PlatformRunner) -> None:
    found = checks(runner, code=1, PLATFORM_KEY="wrong:wrong")
    broken = {name: detail for name, (status, detail) in found.items() if status == "failed"}
    assert broken.keys() == {f"numbers on my-{n}" for n in LISTED} | {
        f"connection of my-{n}" for n in VERIFIED
    }
    assert all("`api_key`" in detail for detail in broken.values())


def test_reports_a_missing_key_once_without_any_call(runner: PlatformRunner) -> None:
    del runner.environ["PLATFORM_KEY"]
    with runner.watched() as calls:
        found = checks(runner, code=1)
    assert found["platform my-dasha"][0] == "failed"
    assert not [name for name in found if name.startswith(("numbers on", "connection of"))]
    assert [call.path for call in calls if not call.path.startswith("/2010-04-01")] == []


def test_dasha_check_reports_a_broken_provider(runner: PlatformRunner) -> None:
    provider = runner.world.table(PROVIDERS).get(UUID)
    assert provider is not None
    trunk = runner.world.table(TRUNKS).get(provider.trunk_sid)
    assert trunk is not None
    trunk.credential_lists = []
    assert checks(runner)["connection of my-dasha"] == (
        "warning",
        "the provider of main is warning: The credential list is not attached",
    )
    provider.token_digest = "not the token any more"
    status, detail = checks(runner, code=1)["connection of my-dasha"]
    assert (status, "Twilio rejects the credentials" in detail) == ("failed", True)


def test_feather_check_reads_the_connected_twilio_account(runner: PlatformRunner) -> None:
    runner.world.extend(
        {"format": 1, "feather_connections": [{"id": kinds.UUIDS[1], "account_sid": AC}]}
    )
    assert checks(runner)["connection of my-feather"][0] == "ok"
    declare(runner, connection="")
    status, detail = checks(runner, code=1)["connection of my-feather"]
    assert (status, UUID in detail) == ("failed", True)
    declare(runner, connection=kinds.UUIDS[4])
    assert f"main ({kinds.UUIDS[4]})" in checks(runner, code=1)["connection of my-feather"][1]
    for row in list(runner.world.table(CONNECTIONS)):
        runner.world.table(CONNECTIONS).remove(row)
    assert "no Twilio account is connected" in checks(runner, code=1)["connection of my-feather"][1]


def test_reports_a_provider_unknown_to_dasha(runner: PlatformRunner) -> None:
    for row in list(runner.world.table(PROVIDERS)):
        runner.world.table(PROVIDERS).remove(row)
    assert "`connections`" in checks(runner, code=1)["connection of my-dasha"][1]
