"""Ask the platforms of a plan which agents and connections they would refuse, before anything is
written; a platform that cannot be asked gives a warning.

Each platform is asked about distinct agents and connections, not about numbers, and all platforms
at the same time. A question that cannot be asked or is not answered is no error: an import that the
platform refuses later is undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.errors import RemoteError
from reconciler.kinds.platforms.table import platform_name
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.remote.parallel import map_each
from reconciler.remote.platforms.contract import Adapter, RegistrationRequest

_AT_ONCE = 16
_NAMED = 3


def find_expected_refusals(
    actions: Sequence[Action], adapters: Mapping[str, Adapter]
) -> list[Diagnostic]:
    """Return an error for each agent or connection that would be refused.

    And a warning for each platform that cannot be asked. The actions are registrations.
    """
    by_platform: dict[str, list[Action]] = {}
    for action in actions:
        by_platform.setdefault(platform_name(action.address), []).append(action)

    # Connected here, in one thread: threads must not do it at the same time.
    connected = {name: adapters[name] for name in by_platform}
    parts = map_each(
        lambda name: _check_platform(connected[name], by_platform[name]),
        by_platform,
        workers=_AT_ONCE,
        name="preflight",
    )
    diagnostics: list[Diagnostic] = []
    for part in parts:
        diagnostics += part
    return diagnostics


def _check_platform(adapter: Adapter, actions: Sequence[Action]) -> list[Diagnostic]:
    asked = [_to_request(action) for action in actions]
    try:
        refused = adapter.preflight(asked)
    except RemoteError as error:
        return [_warn_not_checked(adapter, error)]

    # One mistyped agent may concern a thousand numbers: it is one error.
    grouped: dict[str, list[Action]] = {}
    errors: dict[str, RemoteError] = {}
    for action in actions:
        refusal = refused.get(action.address)
        if refusal is not None:
            errors[str(refusal)] = refusal
            grouped.setdefault(str(refusal), []).append(action)
    return [_refusal_diagnostic(errors[words], concerned) for words, concerned in grouped.items()]


def _to_request(action: Action) -> RegistrationRequest:
    key = Address.parse(action.address).key
    return RegistrationRequest(
        action.address, key, action.set, action.account, action.number_sid or ""
    )


def _refusal_diagnostic(error: RemoteError, actions: Sequence[Action]) -> Diagnostic:
    cause, first = error.diagnostics[0], actions[0]
    named = ", ".join(Address.parse(action.address).key for action in actions[:_NAMED])
    more = f" and {len(actions) - _NAMED} more" if len(actions) > _NAMED else ""

    return Diagnostic.at(
        first,
        code=error.code,
        summary=cause.summary,
        detail=f"{cause.detail or cause.summary} It is declared for {named}{more}.",
        address=first.address,
    )


def _warn_not_checked(adapter: Adapter, error: RemoteError) -> Diagnostic:
    return Diagnostic(
        severity="warning",
        code="agents_not_checked",
        summary="Agents could not be checked on the platform",
        detail=f"Platform `{adapter.name}` did not answer whether it has the declared agents: "
        f"{error} An import that it refuses is undone.",
    )
