"""A Twilio that keeps a URL in a form that no rule explains: plan and drift repeat it as long as it lasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import Sandbox
from reconciler.sandbox.twilio import number_api

from .platform_stage import PlatformStage, world

ONE = "+15550100101"
SENT, STORED = "https://agents.example.com/Voice", "https://agents.example.com/voice"


def test_a_form_that_no_rule_explains_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update = number_api.update

    def lower(store: Any, number: Any, *, form: dict[str, str], **more: Any) -> Any:
        stored = {name: value.lower() if name == "VoiceUrl" else value for name, value in form.items()}
        return update(store, number, form=stored, **more)

    monkeypatch.setattr(number_api, "update", lower)
    with Sandbox(world({ONE: {}})) as sandbox:
        stage = PlatformStage(tmp_path / "work", sandbox)
        stage.setting({ONE: "own"}, platforms=None, agents={"own": {"webhooks": {"voice": SENT}}})
        done = stage.apply()
        assert [o["status"] for o in done["outcomes"]] == ["applied", "normalised"]
        told = [d for d in done["diagnostics"] if d["code"] == "unexpected_form"]
        assert SENT in told[0]["detail"]
        assert STORED in told[0]["detail"]

        plan = stage.json("plan")
        assert plan["actions"] == []
        assert "unexpected_form" in [d["code"] for d in plan["diagnostics"]]
        drift = stage.json("drift")
        assert drift["drifted"] == []
        assert "unexpected_form" in [d["code"] for d in drift["diagnostics"]]
