"""A headless Chromium, spoken to over its debugging protocol: what a page shows, asks for, and complains of.

Tests that need it are skipped where there is no browser.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import websocket

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--window-size=1280,900",
)
_PATIENCE = 60.0


class Page:
    """One page. `problems` is what its console complained of, `requests` what it asked for but itself."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=_PATIENCE)
        self._last = 0
        self._loaded = 0
        self.problems: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def call(self, method: str, **params: Any) -> Any:
        """What the browser answers to a command."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._last:
                assert "error" not in message, message
                return message["result"]
            self._heard(message)

    def open(self, path: Path) -> None:
        """Show a file, and wait until it is there."""
        self.call("Page.navigate", url=path.as_uri())
        until = time.monotonic() + _PATIENCE
        while self.run("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < until, "the page does not load"

    def run(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press a key, as a person would."""
        for kind in ("keyDown", "keyUp"):
            down = {"text": text} if text and kind == "keyDown" else {}
            codes = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32}
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                windowsVirtualKeyCode=codes.get(key, 0),
                **down,
            )

    def type(self, text: str) -> None:
        """Type a text."""
        for letter in text:
            self.press(letter, letter)

    def theme(self, name: str) -> None:
        """What the person prefers: light or dark."""
        self.call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}]
        )

    def _heard(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded":
                self.problems.append(json.dumps(params))
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(
                ("file:", "data:")
            ):
                self.requests.append(params["request"]["url"])


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A page of a new browser; skips the test where none is installed."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser is installed here; looked for {', '.join(_NAMES)}")
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Page(_address(folder / "DevToolsActivePort", process)) as page:
            yield page
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _address(active: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the first page listens, once the browser has said so."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, "the browser ended"
        lines = active.read_text(encoding="utf-8").splitlines() if active.exists() else []
        if len(lines) > 1:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{lines[0]}/json/list", timeout=_PATIENCE
            ) as answer:
                pages = [each for each in json.load(answer) if each["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("the browser does not listen")
