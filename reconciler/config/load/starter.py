"""Return the texts of the entry file, the JSON Schema and the ignore file of a new project, and a
valid name for it, and the first line of a further file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from reconciler.config.sections.schema import schema_text
from reconciler.config.source.write import Block, Entry, render_text

ENTRY, SCHEMA, IGNORE, NUMBERS = (
    "reconciler.yaml",
    "config.schema.json",
    ".gitignore",
    "numbers.yaml",
)
IGNORE_PATTERNS = ("*.plan", "plan.bin", ".*.part")
"""Files that commands leave behind: plans, and the temporary file of a killed command."""

_EXAMPLE = """
# Who answers, and on which numbers:
#
# agents:
#   support:
#     webhooks:
#       voice: https://agents.example.com/voice
#       sms: https://agents.example.com/sms
#
# numbers:
#   "+15550100101": support
"""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers about a new project.

    An empty `account_sid` means the account of the TWILIO_* variables, undeclared.
    """

    project: str
    state: str = "./state.json"
    account_sid: str = ""
    from_account: bool = False


def entry_file(answers: Answers, environ: Mapping[str, str], *, include: bool) -> str:
    """Return the entry file; it contains secrets only as references."""
    entries = [
        Entry("version", 1),
        Entry("project", answers.project),
        Entry("state", answers.state),
    ]
    if answers.account_sid:
        account = Entry("main", Block(tuple(account_fields(answers.account_sid, environ))))
        entries.append(Entry("accounts", Block((account,))))
    if include:
        entries.append(Entry("include", NUMBERS))

    return render_text(entries, [schema_comment(f"./{SCHEMA}")]) + ("" if include else _EXAMPLE)


def account_fields(sid: str, environ: Mapping[str, str], parent: str = "") -> list[Entry]:
    """Return the fields of an account: its credentials are references to the TWILIO_* variables that
    are set, and belong to the `parent` if there is one.
    """
    by_token = environ.get("TWILIO_AUTH_TOKEN") and not environ.get("TWILIO_API_KEY")
    names = ["auth_token"] if by_token else ["api_key", "api_secret"]
    entries = [Entry("sid", sid)]
    if parent:
        entries.append(Entry("parent", parent))
    for name in names:
        entries.append(Entry(name, {"env": f"TWILIO_{name.upper()}"}))

    for name in ("region", "edge", "base_url"):
        value = environ.get(f"TWILIO_{name.upper()}")
        if value:
            entries.append(Entry(name, value))
    return entries


def ignore_file(state: str) -> str:
    """Return the ignore file: the state with its journal, lock and backup, and plan files."""
    return "".join(f"{line}\n" for line in ignore_patterns(state))


def ignore_patterns(state: str) -> list[str]:
    """Return the patterns of the ignore file."""
    return [*([] if "://" in state else [f"{state.removeprefix('./')}*"]), *IGNORE_PATTERNS]


def schema_file() -> str:
    """Return the JSON Schema with which editors check and complete the file."""
    return schema_text()


def schema_comment(path: str) -> str:
    """Return the comment by which editors find the JSON Schema of a file; it is the first line."""
    return f"yaml-language-server: $schema={path}"


def schema_line(file: Path, folder: Path) -> str:
    """Return the first line of a new YAML file of the project in this folder.

    Empty without a schema in the folder, or when the way to it has characters that could end the
    comment.
    """
    if file.suffix not in (".yaml", ".yml") or not (folder / SCHEMA).is_file():
        return ""
    path = Path(os.path.relpath(folder / SCHEMA, file.parent)).as_posix()
    path = path if path.startswith("../") else f"./{path}"
    return f"# {schema_comment(path)}\n" if re.fullmatch(r"[\w./-]+", path) else ""


def project_name(folder: str) -> str:
    """Return a valid project name made from the name of a folder."""
    return re.sub(r"[^a-z0-9_.-]+", "-", folder.lower()).strip("-_.") or "voice"
