"""What Twilio's answers mean for a number that joins a messaging service."""

from __future__ import annotations

from typing import Any, cast

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.execution.memberships import MembershipRunner
from reconciler.kinds.kind import Endpoint, Params
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.model.action import Action
from reconciler.model.route import Membership
from reconciler.remote.gateway import Gateway

SERVICE, NUMBER = "MG" + "1" * 32, "PN" + "1" * 32


class Refusing:
    """A gateway that refuses each number that joins, with one of Twilio's codes."""

    def __init__(self, code: int) -> None:
        self._code = code

    def call(self, endpoint: Endpoint, params: Params | None = None, **path: str) -> dict[str, Any]:
        problem = Diagnostic(code="refused", summary="Refused", detail=str(self._code))
        raise RemoteError(problem, status=409, vendor_code=self._code)


def join(code: int) -> str:
    """Let a number join a service; the gateway refuses it. Return the status of the outcome."""
    action = Action(
        address="number/+15550100101",
        action="update",
        reason="config",
        kind="number",
        account="main",
        sid=NUMBER,
        set={MEMBERSHIP: Membership(SERVICE)},
    )
    gateway = cast(Gateway, Refusing(code))
    return MembershipRunner({"main": gateway}, {}, {}).perform(action).status


def test_a_number_that_is_in_its_service_already_has_joined() -> None:
    assert join(21710) == "applied"


@pytest.mark.parametrize("code", [21712, 21714, 21715])
def test_any_other_refusal_is_a_failure(code: int) -> None:
    with pytest.raises(RemoteError):
        join(code)
