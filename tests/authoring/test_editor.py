"""A YAML language server that has opened a configuration with our schema completes it and underlines mistakes.

The server comes from npm, once a machine; without node or a registry these tests are skipped, and say so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from reconciler.config.sections.schema import config_schema, schema_text

SERVER = "yaml-language-server@1.15.0"
PATIENCE = 60


def server() -> Path:
    """The program of the server, installed below the folder for temporary files."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not there")
    folder = Path(tempfile.gettempdir()) / f"reconciler-{SERVER.replace('@', '-')}"
    program = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    if not program.exists():
        command = [
            "npm",
            "install",
            "--prefix",
            str(folder),
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            SERVER,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        if done.returncode:
            pytest.skip(
                f"the YAML language server cannot be installed: {done.stderr.strip()[-200:]}"
            )
    return program


class Editor:
    """Speaks the Language Server Protocol with a process."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(program), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = self._process.stdout
        self._last = 0
        self._end = threading.Timer(PATIENCE, self._process.kill)
        self._end.start()

    def send(self, method: str, params: Any, **more: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._in.flush()

    def ask(self, method: str, params: Any) -> Any:
        self._last += 1
        self.send(method, params, id=self._last)
        while True:
            message = self.receive()
            if message.get("id") == self._last and "method" not in message:
                return message["result"]

    def wait_for(self, method: str) -> Any:
        while True:
            message = self.receive()
            if message.get("method") == method:
                return message["params"]

    def receive(self) -> Any:
        """The next message; questions of the server are answered with nothing."""
        length = 0
        while line := self._out.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message = json.loads(self._out.read(length))
        if "id" in message and "method" in message:
            body = json.dumps(
                {"jsonrpc": "2.0", "id": message["id"], "result": _nothing(message)}
            ).encode()
            self._in.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self._in.flush()
        return message

    def close(self) -> None:
        self._end.cancel()
        self._process.kill()
        self._process.wait(PATIENCE)
        self._in.close()
        self._out.close()


def _nothing(message: Any) -> Any:
    if message["method"] == "workspace/configuration":
        return [{} for _ in message["params"]["items"]]
    return None


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Editor, Path]]:
    editor, folder = Editor(server()), tmp_path_factory.mktemp("editor")
    try:
        (folder / "config.schema.json").write_text(schema_text(), encoding="utf-8")
        capabilities = {
            "textDocument": {"completion": {"completionItem": {"snippetSupport": True}}}
        }
        editor.ask(
            "initialize",
            {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities},
        )
        editor.send("initialized", {})
        editor.send(
            "workspace/didChangeConfiguration",
            {"settings": {"yaml": {"schemaStore": {"enable": False}}}},
        )
        yield editor, folder
    finally:
        editor.close()


def opened(editor: tuple[Editor, Path], name: str, text: str) -> tuple[str, Any]:
    """A file with the schema on its first line, opened; its address, and the problems that the server sees."""
    server, folder = editor
    uri = (folder / name).as_uri()
    text = f"# yaml-language-server: $schema=./config.schema.json\n{text}"
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    server.send("textDocument/didOpen", {"textDocument": document})
    while True:
        found = server.wait_for("textDocument/publishDiagnostics")
        if found["uri"] == uri:
            return uri, found["diagnostics"]


def test_editor_underlines_a_mistake_at_its_position(editor: tuple[Editor, Path]) -> None:
    text = (
        'version: 1\nproject: acme\nnumbers:\n  "+15550100101": {agent: support, protcet: true}\n'
    )
    _, problems = opened(editor, "mistake.yaml", text)
    (problem,) = problems
    assert "protcet" in problem["message"]
    assert problem["range"]["start"] == {
        "line": 4,
        "character": text.splitlines()[3].index("protcet"),
    }


def test_a_sound_file_has_no_problems(editor: tuple[Editor, Path]) -> None:
    agents = 'agents: {a: {webhooks: {voice: "https://a.example.com"}}}'
    text = f'version: 1\nproject: acme\n{agents}\nnumbers:\n  "+15550100101": a\n'
    assert opened(editor, "sound.yaml", text)[1] == []


def test_keys_and_values_are_completed_with_their_descriptions(editor: tuple[Editor, Path]) -> None:
    uri, _ = opened(
        editor, "begun.yaml", "version: 1\nproject: acme\nsafety:\n  \nlint:\n  disable:\n    - \n"
    )
    keys = completed(editor[0], uri, 4, 2)
    assert set(config_schema()["$defs"]["Safety"]["properties"]) <= set(keys)
    documentation = keys["takeover"]["documentation"]
    assert "overwrite" in (
        documentation["value"] if isinstance(documentation, dict) else documentation
    )
    assert "missing_fallback" in completed(editor[0], uri, 7, 6)


def completed(server: Editor, uri: str, line: int, character: int) -> dict[str, Any]:
    where = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
    found = server.ask("textDocument/completion", where)
    items = found["items"] if isinstance(found, dict) else found
    return {item["label"]: item for item in items}
