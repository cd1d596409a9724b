"""Where in the models a place of the file is described."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.config.sections.agent import Hook
from reconciler.config.sections.introspect import model_at
from reconciler.config.sections.model import Config
from reconciler.config.sections.number import Number
from reconciler.config.sections.platform import MODELS


@pytest.mark.parametrize(
    ("loc", "model"),
    [
        ((), Config),
        (("numbers", "+15550100100"), Number),
        (("agents", "support", "webhooks", "voice"), Hook),
        (("defaults", "bridgeNumbers", "voice"), Hook),
        (("platforms", "nix", "nixflex"), MODELS["nixflex"]),
        (("platforms", "nix", "other"), None),
        (("nonsense", "x"), None),
        (("project",), None),
        (("agents", "support", "labels", "x"), None),
    ],
)
def test_maps_a_position_in_the_file_to_its_model(loc: tuple[Any, ...], model: Any) -> None:
    assert model_at(Config, loc) is model
