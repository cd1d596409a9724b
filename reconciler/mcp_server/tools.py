"""Define the tools as a table, with their JSON Schemas, and turn the arguments of a call into words
of the command line.

No tool has an argument that consents to anything, and no argument can become an option.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

LONGEST = 1_000
"""Characters of one argument."""
MOST_VALUES = 100
"""Values of one argument."""

Role = Literal["option", "options", "flag", "word", "plan", "new_plan", "what"]
"""Meaning of an argument: an option with one or several values, a flag, a word of its own, a plan
file, a plan file to write, or what `show` takes.
"""


class Argument(NamedTuple):
    """One argument of a tool; `flag` is the option of the command line, None for a plain word."""

    role: Role
    description: str
    flag: str | None = None
    required: bool = False
    pattern: str | None = None


class ToolSpec(NamedTuple):
    """One tool: what it is for, its arguments, further options that every call has, and whether it
    changes anything outside.
    """

    description: str
    arguments: Mapping[str, Argument]
    always: tuple[str, ...] = ()
    writes: bool = False


_TARGETS = {
    "target": Argument(
        "options",
        "Only these: addresses (globs), numbers, SIDs, agent/NAME or label:KEY=VALUE.",
        "--target",
    ),
    "exclude": Argument("options", "Not these; the same patterns as target.", "--exclude"),
}
_TIME_LIMIT = ("--timeout", "10m")

TOOLS: dict[str, ToolSpec] = {
    "validate": ToolSpec("Check the configuration. Needs no credentials and no network.", {}),
    "plan": ToolSpec(
        "Show what an apply would change. Changes nothing on Twilio. With `out` it saves the plan: "
        "a person then reviews it with `reconciler show FILE` and passes on its digest for `apply`.",
        {
            **_TARGETS,
            "out": Argument(
                "new_plan", "Save the plan in this new file inside the project folder.", "--out"
            ),
        },
        _TIME_LIMIT,
    ),
    "drift": ToolSpec(
        "Show what was changed outside the reconciler since the last apply, and who changed it.",
        _TARGETS,
        _TIME_LIMIT,
    ),
    "list": ToolSpec(
        "List numbers with agent, effective route, labels and status.",
        {
            "agent": Argument("options", "Only numbers of these agents (globs).", "--agent"),
            "account": Argument("options", "Only in these accounts (globs).", "--account"),
            "platform": Argument("options", "Only on these platforms (globs).", "--platform"),
            "label": Argument("options", "Only with these labels, KEY=VALUE.", "--label"),
            "unmanaged": Argument("flag", "Only numbers that are not declared.", "--unmanaged"),
            "drifted": Argument("flag", "Only numbers that have drifted.", "--drifted"),
            "no_refresh": Argument("flag", "Read only the state.", "--no-refresh"),
        },
    ),
    "show": ToolSpec(
        "Show a recorded resource, an agent, a saved plan, or all managed addresses.",
        {
            "what": Argument(
                "what", "An address, agent/NAME, or a plan file inside the project folder."
            )
        },
    ),
    "log": ToolSpec(
        "Show who changed what, on Twilio and by the reconciler, oldest first.",
        {
            "address": Argument("word", "Only this address."),
            "since": Argument(
                "option", "How far back, such as 7d.", "--since", pattern="^[0-9]+[smhdw]?$"
            ),
        },
    ),
    "explain": ToolSpec(
        "Explain the code of a diagnostic or an exit code: why, what to do, an example.",
        {
            "code": Argument(
                "word", "A code such as agent_not_found, or an exit code.", required=True
            )
        },
    ),
    "apply": ToolSpec(
        "Apply a saved plan that a person has reviewed. The digest comes from that person: no tool "
        "returns it. Takeovers, purchases and limits cannot be consented to here.",
        {
            "plan": Argument("plan", "The plan file, inside the project folder.", required=True),
            "digest": Argument(
                "option",
                "The whole digest that the person has read: sha256: and 64 hexadecimal digits.",
                "--expect",
                required=True,
                pattern="^sha256:[0-9a-f]{64}$",
            ),
        },
        ("--timeout", "30m"),
        writes=True,
    ),
}
"""Name of a tool, which is that of its command → what it takes."""


def list_tools(commands: Collection[str]) -> dict[str, ToolSpec]:
    """Return the tools whose command this version has."""
    return {name: tool for name, tool in TOOLS.items() if name in commands}


def input_schema(tool: ToolSpec) -> dict[str, Any]:
    """Return the JSON Schema of the arguments; other arguments are errors."""
    properties: dict[str, Any] = {}
    for name, argument in tool.arguments.items():
        text: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": LONGEST}
        text["pattern"] = argument.pattern or "^[^-]"
        if argument.role == "flag":
            shape: dict[str, Any] = {"type": "boolean"}
        elif argument.role == "options":
            shape = {"type": "array", "items": text, "maxItems": MOST_VALUES}
        else:
            shape = text
        properties[name] = {**shape, "description": argument.description}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, each in tool.arguments.items() if each.required],
        "additionalProperties": False,
    }


def to_words(tool: ToolSpec, arguments: Mapping[str, Any]) -> list[str]:
    """Return the words of the command line for arguments that fit the schema."""
    words = list(tool.always)
    plain: list[str] = []
    for name, value in arguments.items():
        argument = tool.arguments[name]
        if argument.role == "flag":
            words += [argument.flag or ""] if value else []
        elif argument.flag is None:
            plain.append(value)
        else:
            # In one word with its option, a value cannot become an option itself.
            values = value if argument.role == "options" else [value]
            words += [f"{argument.flag}={each}" for each in values]
    return [*words, *plain]
