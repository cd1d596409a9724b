"""The listing of subaccounts ends in bounded time, whatever the server does, and no stack starts without it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import main, run_to_exit_code
from reconciler.workflows import fleet
from tests.support.scripted_server import SID, Answer, Seen, Server

TOKEN, OF_SUBACCOUNT = "pl4nted-token", "pl4nted-of-subaccount"
FLEET = "version: 1\nfor_each: {subaccounts_of: main}\n"
PATH = "/2010-04-01/Accounts.json"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAIN_TOKEN", TOKEN)
    account = {"sid": SID, "auth_token": {"env": "MAIN_TOKEN"}, "base_url": server.url}
    customer = {"version": 1, "project": "acme-${id}", "accounts": {"main": account}}
    (tmp_path / "fleet.yaml").write_text(FLEET, encoding="utf-8")
    (tmp_path / "reconciler.yaml").write_text(json.dumps(customer), encoding="utf-8")
    return tmp_path


def validate(folder: Path, *words: str) -> tuple[int, Any]:
    out, err = io.StringIO(), io.StringIO()
    args = ["fleet", "validate", "-C", str(folder), "--json", *words]
    with redirect_stdout(out), redirect_stderr(err):
        code = run_to_exit_code(lambda: main.main(args, standalone_mode=False))
    printed = out.getvalue() + err.getvalue()
    assert not [secret for secret in (TOKEN, OF_SUBACCOUNT) if secret in printed]
    return code, json.loads(out.getvalue())


def test_a_slow_listing_ends_in_time(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(seen: Seen) -> Answer:
        time.sleep(0.1)
        number = len(server.seen)
        row = {"sid": f"AC{number:032x}", "status": "active", "owner_account_sid": SID}
        link = f"{PATH}?Page={number}" if number < 30 else None
        return Answer(body={"accounts": [row], "next_page_uri": link})

    server.behaves(answer)
    monkeypatch.setattr(fleet, "LISTING_SECONDS", 0.5)
    code, document = validate(folder)
    assert (code, [each["code"] for each in document["diagnostics"]]) == (1, ["timed_out"])
    assert "0.5 seconds" in document["diagnostics"][0]["detail"]
    assert len(server.seen) < 20, "each page takes a tenth of a second"


def test_no_token_of_a_row_is_shown(folder: Path, server: Server) -> None:
    row = {"sid": f"AC{1:032x}", "status": 7, "auth_token": OF_SUBACCOUNT}
    server.answers(Answer(body={"accounts": [row], "next_page_uri": None}))
    code, document = validate(folder, "-vv")
    assert (code, document["diagnostics"][0]["code"]) == (1, "inconsistent_listing")
