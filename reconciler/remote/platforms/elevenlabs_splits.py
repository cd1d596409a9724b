"""Read and write the split of an agent of ElevenLabs into its branches, by its deployments.

https://elevenlabs.io/docs/eleven-agents/api-reference/agents/deployments/create. A deployment is
one for all numbers of its agent; the active one is the present split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.kinds.platforms.split import Share, format_split, parse_split
from reconciler.kinds.platforms.table import agent_key
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms import errors
from reconciler.remote.platforms.caller import Caller
from reconciler.remote.platforms.contract import RegisteredNumber
from reconciler.remote.platforms.listing import list_rows
from reconciler.remote.platforms.parsing import rows_in, text_in

_PAGE = 100
_MOST_PAGES = 10
"""The active deployment is the newest one; a history beyond this is not searched."""
_AT_ONCE = 8


def list_splits(name: str, caller: Caller, agents: Sequence[str]) -> list[RegisteredNumber]:
    """Return the split of each of these agents that exists; None for an agent without deployments.

    Raises RemoteError.
    """

    def read(agent: str) -> RegisteredNumber | None:
        try:
            split = _read_active(name, caller, agent)
        except RemoteError as error:
            if error.status == 404:
                return None
            raise
        return RegisteredNumber(agent, agent_key(agent), {"split": split})

    found = map_each(read, agents, workers=_AT_ONCE, name="elevenlabs")
    return [split for split in found if split is not None]


def write_split(caller: Caller, agent: str, split: str) -> None:
    """Deploy a split. Raises RemoteError, with `branch_protected` where a branch refuses it."""
    requests: list[dict[str, object]] = []
    for share in parse_split(split):
        strategy = {"type": "percentage", "traffic_percentage": share.percentage}
        requests.append({"branch_id": share.branch, "deployment_strategy": strategy})
    try:
        body = {"deployment_request": {"requests": requests}}
        caller.send("POST", f"{_path(agent)}/deployments", body=body)
    except RemoteError as error:
        is_refusal = 400 <= error.status < 500 and error.status not in (401, 429)
        code = _explain_refusal(caller, agent, split) if is_refusal else None
        if code is None:
            raise
        raise errors.with_code(error, code) from error


def _read_active(name: str, caller: Caller, agent: str) -> str | None:
    for page in range(1, _MOST_PAGES + 1):
        query = {"page": page, "page_size": _PAGE}
        answer = caller.send("GET", f"{_path(agent)}/deployments", query=query)
        rows = list_rows(name, answer, "results")
        for row in rows:
            if row.get("is_active") is True:
                return _to_split(name, agent, row)
        if len(rows) < _PAGE:
            return None

    message = f"none of its {_MOST_PAGES * _PAGE} newest deployments is active"
    raise errors.number_error(name, f"The agent {agent}", "unexpected_answer", message)


def _to_split(name: str, agent: str, row: Mapping[str, Any]) -> str:
    """Return the split of a deployment, without branches that get no calls."""
    shares = row.get("traffic_percentage_branch_id_map")
    if not isinstance(shares, Mapping):
        raise _not_understood(name, agent)

    split: list[Share] = []
    for branch, percentage in shares.items():
        if isinstance(percentage, bool) or not isinstance(percentage, int | float):
            raise _not_understood(name, agent)
        if percentage:
            split.append(Share(branch=branch, percentage=float(percentage)))
    return format_split(split)


def _not_understood(name: str, agent: str) -> RemoteError:
    message = "the active deployment does not show the share of each branch"
    return errors.number_error(name, f"The agent {agent}", "unexpected_answer", message)


def _explain_refusal(caller: Caller, agent: str, split: str) -> str | None:
    """Return the code of a refused split: which one is not in the answer, the branches show it."""
    wanted = {share.branch for share in parse_split(split)}
    try:
        answer = caller.send("GET", f"{_path(agent)}/branches", query={"include_archived": True})
    except RemoteError as error:
        return "agent_not_found" if error.status == 404 else None

    branches = rows_in(answer, "results")
    if any(text_in(row, "id") in wanted and row.get("protection_status") for row in branches):
        return "branch_protected"
    return None


def _path(agent: str) -> str:
    return f"/v1/convai/agents/{quote(agent, safe='')}"
