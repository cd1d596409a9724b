"""Imitate the routes of ElevenLabs for agents: list them, get one, list its branches, list its deployments and
make one, which divides its calls between its branches.

https://elevenlabs.io/docs/eleven-agents/api-reference/agents/deployments/create
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import msgspec

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.platforms.elevenlabs import PLATFORM, fetch_agent
from reconciler.sandbox.platforms.elevenlabs_rows import (
    AGENTS,
    invalid,
    refusal,
    require_text,
)
from reconciler.sandbox.platforms.platform import PlatformCall, clamp_number
from reconciler.sandbox.platforms.rows import PlatformRow, PlatformShelf, new_id, set_dates
from reconciler.sandbox.store import Store

_PAGE, _MOST = 30, 100


class ElevenLabsBranch(PlatformRow, kw_only=True):
    """A branch of an agent; `protection_status` refuses changes of its share."""

    sid: str = msgspec.field(name="id", default="")
    agent_id: str = ""
    name: str = "Main"
    protection_status: str | None = None


class ElevenLabsDeployment(PlatformRow, kw_only=True):
    """One division of the calls of an agent; the newest is the active one."""

    sid: str = msgspec.field(name="id", default="")
    agent_id: str = ""
    traffic: dict[str, float] = msgspec.field(
        name="traffic_percentage_branch_id_map", default_factory=dict
    )
    source: str = "manual"


def _complete_branch(store: Store, row: ElevenLabsBranch) -> None:
    row.sid = row.sid or new_id(store, "agtbrch_", 24)
    set_dates(store, row)


def _complete_deployment(store: Store, row: ElevenLabsDeployment) -> None:
    row.sid = row.sid or new_id(store, "agtdpl_", 24)
    set_dates(store, row)


BRANCHES = PlatformShelf(
    "elevenlabs_branches",
    ElevenLabsBranch,
    "",
    _complete_branch,
    platform="elevenlabs",
)
DEPLOYMENTS = PlatformShelf(
    "elevenlabs_deployments",
    ElevenLabsDeployment,
    "",
    _complete_deployment,
    platform="elevenlabs",
)
SHELVES = (BRANCHES, DEPLOYMENTS)


def _branches_of(call: PlatformCall, agent: str) -> dict[str, ElevenLabsBranch]:
    rows = call.store.table(BRANCHES)
    return {row.sid: row for row in rows if row.agent_id == agent}


def _deployments_of(call: PlatformCall, agent: str) -> list[ElevenLabsDeployment]:
    """Return the deployments of an agent, newest first."""
    rows = call.store.table(DEPLOYMENTS)
    return [row for row in reversed([*rows]) if row.agent_id == agent]


def _list(call: PlatformCall) -> Reply:
    """Return the first page of the agents of the key's organisation."""
    size = clamp_number(call.request.query.get("page_size", ""), _PAGE, least=1, most=_MOST)
    visible = []
    for row in call.store.table(AGENTS):
        if row.organization == call.organization:
            visible.append({"agent_id": row.sid, "name": row.name})
    more = len(visible) > size
    return json_reply(200, {"agents": visible[:size], "has_more": more, "next_cursor": None})


def _fetch(call: PlatformCall) -> Reply:
    row = fetch_agent(call, call.path["agent"])
    return json_reply(200, {"agent_id": row.sid, "name": row.name})


def _list_branches(call: PlatformCall) -> Reply:
    agent = fetch_agent(call, call.path["agent"]).sid
    live = _active_traffic(call, agent)

    results: list[dict[str, object]] = []
    for row in _branches_of(call, agent).values():
        results.append(
            {
                "id": row.sid,
                "name": row.name,
                "agent_id": agent,
                "description": "",
                "is_archived": False,
                "protection_status": row.protection_status,
                "current_live_percentage": live.get(row.sid, 0.0),
            }
        )
    return json_reply(200, {"meta": {"total": len(results)}, "results": results})


def _active_traffic(call: PlatformCall, agent: str) -> Mapping[str, float]:
    deployments = _deployments_of(call, agent)
    return deployments[0].traffic if deployments else {}


def _list_deployments(call: PlatformCall) -> Reply:
    agent = fetch_agent(call, call.path["agent"]).sid
    query = call.request.query
    page = clamp_number(query.get("page", ""), 1, least=1, most=10**6)
    size = clamp_number(query.get("page_size", ""), _PAGE, least=1, most=_MOST)

    results: list[dict[str, object]] = []
    for place, row in zip(count(), _deployments_of(call, agent), strict=False):
        results.append(
            {
                "id": row.sid,
                "traffic_percentage_branch_id_map": row.traffic,
                "deployed_at_unix_secs": 0,
                "is_active": place == 0,
                "source": row.source,
            }
        )
    start = (page - 1) * size
    meta = {"total": len(results), "page": page, "page_size": size}
    return json_reply(200, {"meta": meta, "results": results[start : start + size]})


def _deploy(call: PlatformCall) -> Reply:
    """Replace the division of the calls; all shares together must be 100."""
    agent = fetch_agent(call, call.path["agent"]).sid
    traffic = _read_traffic(call)
    branches = _branches_of(call, agent)
    before = _active_traffic(call, agent)
    for branch in {*traffic, *before}:
        row = branches.get(branch)
        if row is None and branch in traffic:
            raise refusal(404, "not_found", f"Branch {branch} not found.")
        is_changed = traffic.get(branch, 0.0) != before.get(branch, 0.0)
        if row is not None and row.protection_status and is_changed:
            raise refusal(403, "forbidden", "You cannot change the traffic of this branch.")

    DEPLOYMENTS.add(call.store, ElevenLabsDeployment(agent_id=agent, traffic=traffic))
    return json_reply(200, {"traffic_percentage_branch_id_map": traffic})


def _read_traffic(call: PlatformCall) -> dict[str, float]:
    place = "deployment_request.requests"
    request = call.body.get("deployment_request")
    rows = request.get("requests") if isinstance(request, Mapping) else None
    if not isinstance(rows, list):
        raise invalid(place, "Field required", "missing")

    traffic: dict[str, float] = {}
    for row in rows:
        strategy = row.get("deployment_strategy") if isinstance(row, Mapping) else None
        share = strategy.get("traffic_percentage") if isinstance(strategy, Mapping) else None
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise invalid(f"{place}.deployment_strategy", "Input should be a number", "float_type")
        traffic[require_text(row, "branch_id", f"{place}.")] = float(share)
    if abs(sum(traffic.values()) - 100) > 1e-6:
        raise invalid(place, "Traffic percentages must total 100")
    return traffic


ROUTES = (
    PLATFORM.route("GET", "/v1/convai/agents", _list),
    PLATFORM.route("GET", "/v1/convai/agents/{agent}", _fetch),
    PLATFORM.route("GET", "/v1/convai/agents/{agent}/branches", _list_branches),
    PLATFORM.route("GET", "/v1/convai/agents/{agent}/deployments", _list_deployments),
    PLATFORM.route("POST", "/v1/convai/agents/{agent}/deployments", _deploy),
)
