"""Fixtures for tests of a configuration: `twilio_sandbox`, a simulated Twilio of one test, and
`reconcile`, which applies YAML to it. docs/how-to/test-your-numbers.md describes them.

pytest loads this module when the package is installed, so it imports everything else at first use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from reconciler.api import Config, Result
    from reconciler.sandbox.service.app import Sandbox

_ACCOUNT_VARIABLES = (
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_API_KEY",
    "TWILIO_API_SECRET",
    "TWILIO_REGION",
    "TWILIO_EDGE",
    "TWILIO_BASE_URL",
)
"""The variables of the account, those of the person who runs the tests included."""


class TwilioSandbox:
    """A simulated Twilio with one account: `url`, `account_sid` and `auth_token`."""

    def __init__(self, sandbox: Sandbox) -> None:
        account = sandbox.world.account
        self.url = sandbox.base_url
        self.account_sid: str = account.sid
        self.auth_token: str = account.auth_token
        self._sandbox = sandbox

    def add_number(self, phone_number: str, **fields: Any) -> None:
        """Add a number to the account; `fields` are named as in Twilio's API (`voice_url=…`)."""
        row = {"phone_number": phone_number, **fields}
        self._sandbox.world.extend({"numbers": [row]})

    def number(self, phone_number: str) -> dict[str, Any]:
        """Return the fields of a number as Twilio's API has them. Raises KeyError."""
        from msgspec import to_builtins

        with self._sandbox.world.lock:
            fields: dict[str, Any] = to_builtins(self._sandbox.world.number(phone_number))
        return fields

    def edit(self, phone_number: str, **fields: Any) -> None:
        """Change fields of a number as a person in the console does. Raises KeyError."""
        self._sandbox.edit(phone_number, fields)

    def has_number(self, phone_number: str) -> bool:
        """Return whether the account has the number."""
        return self._sandbox.world.numbers.get_by_key(phone_number) is not None


class Reconcile:
    """Applies configurations to the sandbox of a test, one after another, as one project.

    `folder` holds `reconciler.yaml` and the state, for `load(reconcile.folder)`.
    """

    def __init__(self, folder: Path, sandbox: TwilioSandbox) -> None:
        self.folder = folder
        self._sandbox = sandbox

    def __call__(
        self,
        yaml_text: str,
        *,
        variables: Mapping[str, str] | None = None,
        allow_takeover: bool = False,
        add_numbers: bool = True,
    ) -> Result:
        """Load, plan and apply this configuration, and return the result.

        Declared numbers that the sandbox lacks are added to it first, unless `add_numbers` is
        false. Raises ReconcilerError, as `load`, `plan` and `apply` do.
        """
        from reconciler.api import apply, load, plan

        (self.folder / "reconciler.yaml").write_text(yaml_text, encoding="utf-8")
        config = load(self.folder, variables or {})
        self._check_places(config)
        if add_numbers:
            for number in config.numbers:
                if not self._sandbox.has_number(number):
                    self._sandbox.add_number(number)
        return apply(plan(config), allow_takeover=allow_takeover)

    def _check_places(self, config: Config) -> None:
        """Raise ValueError for a configuration that reaches anything but the sandbox."""
        for destination in config.destinations:
            if _origin(destination.host) != _origin(self._sandbox.url):
                raise ValueError(
                    f"`{destination.name}` would be sent to {destination.host}, and a test reaches only the sandbox. "
                    "Leave `accounts` and `platforms` out: the fixture sets the TWILIO_* variables. Or declare "
                    f"`base_url: {self._sandbox.url}`."
                )

        place = (self.folder / config.state).resolve()
        if "://" in config.state or not place.is_relative_to(self.folder.resolve()):
            raise ValueError(
                f"`state: {config.state}` is outside the folder of the test. Leave `state` out."
            )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


@pytest.fixture
def twilio_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwilioSandbox]:
    """A simulated Twilio with one account and no numbers, on a free loopback port, for one test.

    During the test the TWILIO_* variables name its account, and no other.
    """
    from reconciler.sandbox.service.app import Sandbox
    from reconciler.sandbox.world.world import World

    with Sandbox(World.generate(), log_limit=1_000) as server:
        sandbox = TwilioSandbox(server)
        for name in _ACCOUNT_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", sandbox.account_sid)
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", sandbox.auth_token)
        monkeypatch.setenv("TWILIO_BASE_URL", sandbox.url)
        yield sandbox


@pytest.fixture
def reconcile(twilio_sandbox: TwilioSandbox, tmp_path: Path) -> Reconcile:
    """A function that applies YAML to `twilio_sandbox` and returns the result."""
    folder = tmp_path / "reconcile"
    folder.mkdir()
    return Reconcile(folder, twilio_sandbox)
