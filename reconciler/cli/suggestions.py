"""Return the error message for an unknown command or option, with the nearest name, or the
equivalent here of a name from another program.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

_ELSEWHERE = {
    "destroy": "`release` stops managing numbers; no command deletes a number.",
    "import": "`plan` imports what is declared; `export` writes what an account holds as configuration.",
    "refresh": "`plan` reads Twilio every time; `drift` shows what has changed there.",
    "check": "`validate` checks the files, `doctor` the connections and permissions.",
    "diff": "`plan` shows what would change, `drift` what was changed outside the reconciler.",
    "deploy": "`apply` carries out a plan.",
    "status": "`drift` shows what was changed outside the reconciler, `state list` what is recorded.",
    "format": "`fmt` formats the files.",
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


_OPTIONS_ELSEWHERE = {
    "--yes": "`--auto-approve` applies without a question.",
    "-y": "`--auto-approve` applies without a question.",
    "--dry-run": "`plan` shows what an apply would change, and changes nothing.",
    "--refresh": "A plan always reads Twilio, unless `--no-refresh` is given.",
    "--destroy": "`release` stops managing numbers; no option deletes a number.",
    "--var": "This version has no variables.",
    "--var-file": "This version has no variables.",
    "--parallelism": "`--concurrency N` limits the calls at the same time.",
    "--config": "`-f FILE` names the configuration.",
    "--output": "`--format NAME` chooses the format, and `--report NAME=FILE` writes a file.",
    "--replace": "A plan shows which changes need a new import; no option forces one.",
}
"""Options of other programs, with two dashes."""


def suggest_option(error: click.NoSuchOption, words: Sequence[str]) -> str:
    """Return the error message for an unknown option, with a suggestion.

    click reads ``-target`` as ``-t -a -r …`` and names only the first letter, so the word of the
    command line is looked up.
    """
    typed, value = error.option_name, ""
    for word in words:
        if word.startswith("-") and not word.startswith("--") and word.startswith(typed):
            typed, _, value = word.partition("=")
            break

    message = f"No such option '{typed}'."
    long = f"-{typed}" if not typed.startswith("--") and len(typed) > 2 else typed
    known: list[str] = []
    for param in error.ctx.command.params if error.ctx else ():
        known += (*param.opts, *param.secondary_opts)

    opposite = f"--no-{long.removeprefix('--')}"
    if value == "false" and opposite in known:
        return f"{message} Write `{opposite}`."
    if long in known:
        return f"{message} Options have two dashes: write `{long}`."
    hint = _OPTIONS_ELSEWHERE.get(long) or _OPTIONS_ELSEWHERE.get(typed)
    if hint is not None:
        return f"{message} {hint}"
    if error.possibilities:
        return f"{message} Did you mean `{sorted(error.possibilities)[0]}`?"
    return message
