from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.service.app import Sandbox
from tests.support.command_runner import CommandRunner, empty_world

from .openapi import DOCUMENTS, complaints


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[CommandRunner]:
    """An account with four numbers on which nothing is set; every request is held against Twilio's documents."""
    with Sandbox(empty_world(numbers=4)) as sandbox:
        for number in list(sandbox.world.numbers):
            sandbox.edit(number.sid, {"voice_url": "", "sms_url": "", "status_callback": ""})
        yield CommandRunner(
            tmp_path,
            sandbox,
            {"PBX_PASSWORD": "Correct-Horse-1", "SECOND_PASSWORD": "Battery-Staple-2"},
        )
    if DOCUMENTS.is_dir():
        calls = list(sandbox.calls)
        assert [why for c in calls for why in complaints(c.method, c.path, c.params)] == []


@pytest.fixture
def documented_parameters() -> frozenset[str]:
    """The parameters with which Twilio's documents create a messaging service."""
    file = DOCUMENTS / "twilio_messaging_v1.json"
    if not file.is_file():
        pytest.skip("the documents are not beside this clone")
    document = json.loads(file.read_text(encoding="utf-8"))
    body = document["paths"]["/v1/Services"]["post"]["requestBody"]["content"]
    return frozenset(body["application/x-www-form-urlencoded"]["schema"]["properties"])
