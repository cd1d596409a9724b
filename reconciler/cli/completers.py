"""Complete the values of options and arguments in a shell: addresses, agents, accounts, platforms,
variables, serials of the state, and formats of reports.

Only local files are read: the configuration, and a state that is a local file. Nothing is sent, and
a file that cannot be read completes nothing. A value with characters that mean something to a shell
is left out: the configuration may come from a pull request, and the shell inserts what is offered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from reconciler.cli.output_paths import DEFAULT_ENTRY
from reconciler.cli.reports import NAMES

if TYPE_CHECKING:
    from reconciler.workflows.known_names import KnownNames

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
"""Words that no shell changes or executes."""


def _read_names(context: click.Context) -> KnownNames:
    """Return the names in the files of a command line that is being typed."""
    from reconciler.workflows.known_names import KnownNames

    # Values that are not valid yet are missing.
    folder = Path(context.params.get("directory") or ".")
    return KnownNames(folder, context.params.get("file") or DEFAULT_ENTRY, os.environ)


def _completer(
    list_words: Callable[[KnownNames, str], Iterable[str | tuple[str, str]]],
) -> Completer:
    """Return a completer of the words of a project; it never fails."""

    def complete(
        context: click.Context, parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        items: dict[str, CompletionItem] = {}
        try:
            for word in list_words(_read_names(context), begun):
                text, description = (word, None) if isinstance(word, str) else word
                if text.startswith(begun) and _SAFE.fullmatch(text):
                    shown = description if _SAFE.fullmatch(description or "") else None
                    items.setdefault(text, CompletionItem(text, help=shown))
        except Exception:  # noqa: BLE001 - whatever is wrong with a file, the shell must stay usable
            return list(items.values())
        return list(items.values())

    return complete


def _patterns(project: KnownNames, begun: str) -> Iterator[str]:
    """Yield addresses, or E.164 numbers for a word that begins like one."""
    if not begun.startswith("+"):
        yield from project.addresses()
        return
    for section in ("numbers", "bridge_numbers"):
        yield from project.names(section)


complete_patterns = _completer(_patterns)
"""Addresses and agents, for `--target` and its like."""
complete_recorded = _completer(lambda project, begun: project.recorded())
"""Addresses in the state."""
complete_agents = _completer(lambda project, begun: project.names("agents"))
complete_accounts = _completer(lambda project, begun: project.names("accounts"))
complete_platforms = _completer(lambda project, begun: project.names("platforms"))
complete_destinations = _completer(
    lambda project, begun: [*project.names("accounts"), *project.names("platforms")]
)
"""The accounts and platforms that secrets are sent to."""
complete_variables = _completer(
    lambda project, begun: [f"{name}=" for name in project.names("variables")]
)
complete_serials = _completer(lambda project, begun: project.versions())
"""The serials of the versions of the state."""
complete_reports = _completer(lambda project, begun: [f"{name}=" for name in NAMES])
"""The formats of `--report`."""


def complete_what(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return the addresses that `show` accepts; without one, the shell completes files."""
    return complete_patterns(context, parameter, begun) or [CompletionItem(begun, type="file")]
