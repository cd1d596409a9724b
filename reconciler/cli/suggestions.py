"""Suggest a command for an unknown one; imported only when one was typed."""

from __future__ import annotations

from collections.abc import Sequence

_ELSEWHERE = {
    "destroy": "`release` stops managing numbers; no command deletes a number.",
    "import": "`plan` imports what is declared; `export` writes what an account holds as configuration.",
    "refresh": "`plan` reads Twilio every time; `drift` shows what has changed there.",
    "check": "`validate` checks the files, `doctor` the connections and permissions.",
    "diff": "`plan` shows what would change, `drift` what was changed outside the reconciler.",
    "deploy": "`apply` carries out a plan.",
    "status": "`drift` shows what was changed outside the reconciler, `state list` what is recorded.",
    "format": "`fmt` formats the files.",
    "list": "`state list` shows every address.",
    "help": "`reconciler COMMAND --help` shows the help of a command.",
    "version": "`reconciler --version` shows the version.",
}
"""Names of the same commands in other programs."""


def suggest_command(word: str, commands: Sequence[str]) -> str:
    """Return the error message for an unknown command, with a suggestion."""
    from difflib import get_close_matches

    near = get_close_matches(word, commands, n=1)
    hint = _ELSEWHERE.get(word) or (
        f"Did you mean `{near[0]}`?" if near else "`reconciler --help` lists them all."
    )
    return f"No such command '{word}'. {hint}"
