"""Answer one call of a tool: check its arguments, resolve the files that it names, run the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from reconciler.mcp_server.commands import CommandResult, run_command
from reconciler.mcp_server.project_files import WrongFile, find_new_plan, find_plan, find_shown
from reconciler.mcp_server.tools import ToolSpec, input_schema, to_words

_GOOD = frozenset({0, 2})
"""Exit codes of success: 2 is drift."""


class Served(NamedTuple):
    """What a server serves: the folder of the project and its entry file, with the options that the
    person who started the server gave.
    """

    root: Path
    file: str
    options: Sequence[str] = ()


def answer_call(
    served: Served,
    name: str,
    tool: ToolSpec,
    arguments: Mapping[str, Any],
    run: Callable[..., CommandResult] = run_command,
) -> CommandResult:
    """Return the result of a call; wrong arguments are exit code 64, and nothing is run."""
    problem = _find_problem(tool, arguments)
    if problem is not None:
        return CommandResult({"error": problem, "exit_code": 64}, 64)

    try:
        arguments = _resolve_files(served.root, tool, arguments)
    except WrongFile as error:
        return CommandResult({"error": str(error), "exit_code": 64}, 64)
    except OSError as error:  # such as a name that is too long for a file
        return CommandResult({"error": f"{error.strerror}.", "exit_code": 64}, 64)

    own = () if name == "explain" else served.options
    words = [name, "-C", str(served.root), "-f", served.file, "--json", *own]
    words += to_words(tool, arguments)
    # An apply is never killed: it ends by its own time limit, with everything saved.
    return run(words, seconds=None) if tool.writes else run(words)


def is_good(exit_code: int) -> bool:
    """Return whether the command has done what it was asked for."""
    return exit_code in _GOOD


def _find_problem(tool: ToolSpec, arguments: Mapping[str, Any]) -> str | None:
    """Return the first problem of the arguments, without the values."""
    validator = jsonschema.Draft202012Validator(input_schema(tool))
    for error in validator.iter_errors(dict(arguments)):
        place = "/".join(str(each) for each in error.absolute_path)
        if error.validator == "additionalProperties":
            known = ", ".join(tool.arguments) or "none"
            return f"Unknown argument. Known: {known}. No tool accepts consent."
        if error.validator == "required":
            needed = ", ".join(name for name, each in tool.arguments.items() if each.required)
            return f"Missing argument. Required: {needed}."
        argument = tool.arguments[place.split("/")[0]]
        return f"The argument `{place}` is not {_SHAPES.get(argument.role, 'a text')}: {argument.description}"
    return None


_SHAPES = {
    "options": "a list of up to 100 texts without `-` at their start",
    "flag": "true or false",
    "word": "a text without `-` at its start",
}


def _resolve_files(root: Path, tool: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with the whole path of each file. Raises WrongFile."""
    resolved = dict(arguments)
    for name, value in arguments.items():
        role = tool.arguments[name].role
        if role == "plan":
            resolved[name] = str(find_plan(root, value))
        elif role == "new_plan":
            resolved[name] = str(find_new_plan(root, value))
        elif role == "what":
            resolved[name] = find_shown(root, value)
    return resolved
