"""The encryption of a LiveKit trunk converges on servers before and after LiveKit's protocol 1.1.18."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.route import Attrs
from reconciler.remote.platforms.contract import RegisteredNumber
from reconciler.sandbox.platforms import livekit_trunks
from reconciler.sandbox.service.app import Sandbox
from tests.support.adapter_runner import KINDS, AdapterRunner, world


def play_older_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox know only `media_encryption`: it ignores `media`, and does not show it."""
    view, pick = livekit_trunks._view, livekit_trunks._pick

    def show_former(shelf: Any, row: Any) -> dict[str, object]:
        return {name: value for name, value in view(shelf, row).items() if name != "media"}

    def pick_former(shelf: Any, body: dict[str, Any]) -> dict[str, Any]:
        return pick(shelf, {name: value for name, value in body.items() if name != "media"})

    monkeypatch.setattr(livekit_trunks, "_view", show_former)
    monkeypatch.setattr(livekit_trunks, "_pick", pick_former)


@pytest.mark.parametrize("mode", ["disable", "allow", "require"])
@pytest.mark.parametrize("older", [False, True], ids=["present server", "older server"])
def test_the_declared_encryption_is_read_back(
    older: bool, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if older:
        play_older_server(monkeypatch)
    with Sandbox(world()) as sandbox:
        runner = AdapterRunner(sandbox, KINDS["livekit"])
        attrs: Attrs = {**runner.kind.attrs, "media_encryption": mode}
        asked = runner.asked(attrs=attrs)
        [made] = runner.adapter.create([asked])
        assert isinstance(made, RegisteredNumber), made
        assert made.attrs["media_encryption"] == mode

        # A change in place, and the value as a later run reads it.
        other = "require" if mode != "require" else "disable"
        changed = runner.asked(attrs={**attrs, "media_encryption": other})
        runner.adapter.update(made, changed)
        [found] = runner.adapter.list([changed])
        assert found.attrs["media_encryption"] == other
        runner.adapter.close()
