"""Shared fixtures: configurations written to a temporary folder and loaded from there."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.config.load.load import load
from reconciler.config.project import Project
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ConfigInvalid

HEAD = """\
version: 1
project: acme-voice
"""
ACCOUNT = """\
accounts:
  main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, auth_token: {env: TWILIO_AUTH_TOKEN}}
"""

Load = Callable[..., Project]
Diagnose = Callable[..., list[Diagnostic]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files; the entry file is the first argument without its head."""

    def _write(body: str, *, head: str = HEAD + ACCOUNT, **others: str) -> Path:
        for name, text in others.items():
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml").replace(
                "_csv", ".csv"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        entry = tmp_path / "reconciler.yaml"
        entry.write_text(head + textwrap.dedent(body), encoding="utf-8")
        return entry

    return _write


@pytest.fixture
def loaded(write: Callable[..., Path], tmp_path: Path) -> Load:
    """Loads a configuration that must be valid."""

    def _loaded(body: str, *, environ: Mapping[str, str] | None = None, **files: str) -> Project:
        return load(write(body, **files), environ=environ or {}, display_root=tmp_path)

    return _loaded


@pytest.fixture
def diagnosed(write: Callable[..., Path], tmp_path: Path) -> Diagnose:
    """Loads a configuration that must be invalid, and returns what is wrong with it."""

    def _diagnosed(body: str, **files: str) -> list[Diagnostic]:
        with pytest.raises(ConfigInvalid) as caught:
            load(write(body, **files), environ={}, display_root=tmp_path)
        return list(caught.value.diagnostics)

    return _diagnosed
