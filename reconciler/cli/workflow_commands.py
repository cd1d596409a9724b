"""Wrap a text stream for logs of GitHub Actions: break every workflow command in text that is
written, except in the program's own annotations.

A runner executes `::command::` at the start of a line and `##[command]` anywhere. Text may contain
values from YAML or Twilio, so all text is changed at the one place where it is written.
"""

from __future__ import annotations

import re
from typing import Any

_BREAK = re.compile(r"[\r\n\v\f\x85\u2028\u2029]")
_ANYWHERE = re.compile(r"##(?=\[)")
_MOST_KEPT = 4096


class SafeStream:
    """A wrapper of a text stream that writes no workflow command."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._line = ""  # the unfinished line

    def write(self, text: str) -> int:
        """Write the text; a backslash breaks each command in it."""
        self._stream.write(self._break_all(text))
        return len(text)

    def write_commands(self, text: str) -> None:
        """Write our own annotations, whose data is escaped already."""
        self._stream.write(text)
        self._line = ""

    def writelines(self, lines: Any) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _break_all(self, text: str) -> str:
        changed = _ANYWHERE.sub(r"#\\#", _break_commands(text))

        # A command may come in pieces, so the text that is already in the line counts.
        before = self._line.lstrip()
        starts = len(before) < 2 and (
            before + text.lstrip() if not before else before + text
        ).startswith("::")
        joins = (self._line[-2:] == "##" and text[:1] == "[") or (
            self._line[-1:] == "#" and text[:2] == "#["
        )
        if starts or joins:
            changed = "\\" + changed

        self._line = _BREAK.split(self._line + text)[-1]
        if len(self._line) > _MOST_KEPT:
            self._line = "x" + self._line[-2:]
        return changed


def _break_commands(text: str) -> str:
    """Put a backslash before each `::` that begins a line, except the first line: the text
    before it decides there.

    Line by line, because a pattern such as `\\s*(?=::)` takes quadratic time for a text of line
    breaks only.
    """
    if "::" not in text:
        return text
    first, *others = text.splitlines(keepends=True)

    changed = [first]
    for line in others:
        command = line.lstrip()
        if command.startswith("::"):
            line = f"{line[: len(line) - len(command)]}\\{command}"
        changed.append(line)
    return "".join(changed)
