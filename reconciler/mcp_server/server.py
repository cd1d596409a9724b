"""Serve the tools over stdin and stdout with the SDK of the Model Context Protocol."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from reconciler.mcp_server.calls import Served, answer_call, is_good
from reconciler.mcp_server.tools import ToolSpec, input_schema, list_tools
from reconciler.version import __version__

MOST_COMMANDS = 4
"""Commands that run at the same time."""
_INSTRUCTIONS = (
    "Manages Twilio phone numbers as code. Order: edit the YAML, `validate`, `plan` with `out`, then ask a person to "
    "review the plan with `reconciler show FILE` and to pass on its digest, then `apply` with both. Never guess a "
    "digest. When apply is refused (exit_code 4), report the codes: only a person at the terminal can consent. "
    "`explain` has the cause and cure of each code."
)


def serve(served: Served, commands: Collection[str]) -> None:
    """Serve until the client closes the connection."""
    anyio.run(_serve, served, list_tools(commands))


async def _serve(served: Served, tools: dict[str, ToolSpec]) -> None:
    limiter = anyio.CapacityLimiter(MOST_COMMANDS)

    async def list_all(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_describe(name, tools[name]) for name in tools])

    async def call(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:
            return _to_result({"error": f"Unknown tool. Known: {', '.join(tools)}."}, good=False)
        answer = partial(answer_call, served, params.name, tool, params.arguments or {})
        result = await anyio.to_thread.run_sync(answer, limiter=limiter)
        return _to_result(result.document, good=is_good(result.exit_code))

    server: Server[Any] = Server(
        "reconciler",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_all,
        on_call_tool=call,
    )
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _describe(name: str, tool: ToolSpec) -> types.Tool:
    return types.Tool(
        name=name,
        description=tool.description,
        input_schema=input_schema(tool),
        annotations=types.ToolAnnotations(
            read_only_hint=not tool.writes, destructive_hint=tool.writes
        ),
    )


def _to_result(document: dict[str, Any], *, good: bool) -> types.CallToolResult:
    text = json.dumps(document, ensure_ascii=False)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=document,
        is_error=not good,
    )
