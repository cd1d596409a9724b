"""A word that is no command in, what is likely meant by it out; looked at only once somebody has typed it."""

from __future__ import annotations

from collections.abc import Sequence

_ELSEWHERE = {
    "destroy": "To let go of numbers there is `release`; nothing here deletes a number.",
    "import": "`plan` imports what is declared; `export` writes what an account holds as configuration.",
    "refresh": "`plan` reads Twilio every time; `drift` shows what has changed there.",
    "check": "`validate` checks the files, `doctor` what they lead to.",
    "diff": "`plan` shows what would change, `drift` what somebody else has changed.",
    "deploy": "`apply` carries a plan out.",
    "status": "`drift` shows what somebody else has changed, `state list` what is remembered.",
    "format": "`fmt` puts the files into one form.",
    "list": "`state list` shows every address.",
    "help": "`--help` stands behind any command.",
    "version": "`--version` shows it.",
}
"""What other programs call it."""


def suggest_command(word: str, commands: Sequence[str]) -> str:
    """There is no such command; and which one may be meant."""
    from difflib import get_close_matches

    near = get_close_matches(word, commands, n=1)
    hint = _ELSEWHERE.get(word) or (
        f"Did you mean `{near[0]}`?" if near else "`reconciler --help` lists them all."
    )
    return f"No such command '{word}'. {hint}"
