"""Answers in, the files of a new project out; pure: where they are written is for others to say."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from reconciler.config.sections.schema import schema_text
from reconciler.config.source.write import Block, Entry, Flow, render_text

ENTRY, SCHEMA, IGNORE, NUMBERS = (
    "reconciler.yaml",
    "config.schema.json",
    ".gitignore",
    "numbers.yaml",
)
IGNORE_PATTERNS = ("*.plan", "plan.bin", ".*.part")
"""What commands leave behind: plans, and what a killed one was writing."""

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
    """What a new project is to be like. `account_sid` empty: the account of the TWILIO_* variables, undeclared."""

    project: str
    state: str = "./state.json"
    account_sid: str = ""
    from_account: bool = False


def entry_file(answers: Answers, environ: Mapping[str, str], *, include: bool) -> str:
    """The entry file; secrets stand in it as references only."""
    entries = [
        Entry("version", 1),
        Entry("project", answers.project),
        Entry("state", answers.state),
    ]
    if answers.account_sid:
        entries.append(
            Entry("accounts", Block((Entry("main", Block(tuple(_account(answers, environ)))),)))
        )
    if include:
        entries.append(Entry("include", NUMBERS))
    head = [f"yaml-language-server: $schema=./{SCHEMA}"]
    return render_text(entries, head) + ("" if include else _EXAMPLE)


def _account(answers: Answers, environ: Mapping[str, str]) -> list[Entry]:
    by_token = environ.get("TWILIO_AUTH_TOKEN") and not environ.get("TWILIO_API_KEY")
    names = ["auth_token"] if by_token else ["api_key", "api_secret"]
    secrets: list[tuple[str, Flow]] = [(name, {"env": f"TWILIO_{name.upper()}"}) for name in names]
    places: list[tuple[str, Flow]] = [
        (name, value)
        for name in ("region", "edge", "base_url")
        if (value := environ.get(f"TWILIO_{name.upper()}"))
    ]
    return [Entry(name, value) for name, value in [("sid", answers.account_sid), *secrets, *places]]


def ignore_file(state: str) -> str:
    """The ignore file: the state with its journal, lock and backup, and plan files."""
    return "".join(f"{line}\n" for line in ignore_patterns(state))


def ignore_patterns(state: str) -> list[str]:
    """Its patterns."""
    return [*([] if "://" in state else [f"{state.removeprefix('./')}*"]), *IGNORE_PATTERNS]


def schema_file() -> str:
    """The schema by which editors check and complete the file."""
    return schema_text()


def project_name(folder: str) -> str:
    """A project's name from that of its folder."""
    return re.sub(r"[^a-z0-9_.-]+", "-", folder.lower()).strip("-_.") or "voice"
