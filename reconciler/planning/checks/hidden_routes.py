"""Warn of SMS routes without effect, because a messaging service answers in their place, and note
that on the actions that write them; pure.

| the number's service                         | who gets a message                    | report    |
|----------------------------------------------|---------------------------------------|-----------|
| none, or ``use_inbound_webhook_on_number``    | the number's application, else its URL | –         |
| has the declared URL and method itself        | that URL                              | –         |
| has another URL                               | the service's URL                     | a warning |
| has none                                      | no server; Twilio does not log it     | a warning |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.number import describe_route
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.live import Live
from reconciler.model.route import Value, Webhook
from reconciler.planning.identity.observed import Observed, Service


def find_hidden_messages(desired: Iterable[Desired], observed: Observed) -> Iterator[Diagnostic]:
    """Yield a warning for each declared SMS route that a messaging service hides."""
    if not observed.services:
        return

    for declared in desired:
        sms = declared.profile.attrs.get("sms")
        if declared.kind not in NUMBER_KINDS or sms is None:
            continue
        live = observed.number(declared.profile.account, declared.key)
        if live is None:
            continue
        service = observed.services.get(live.sid)
        if service is not None and not _agrees(service, sms):
            yield _hidden_route_warning(declared, live, sms, service)


def annotate(actions: Sequence[Action], observed: Observed) -> list[Action]:
    """Return the actions; those that write a hidden SMS route note that it has no effect."""
    if not observed.services:
        return list(actions)
    return [_annotate_action(action, observed) for action in actions]


def _annotate_action(action: Action, observed: Observed) -> Action:
    """Return the action, with a note where it writes a hidden SMS route."""
    sms = action.set.get("sms")
    service = observed.services.get(action.sid or "")
    if sms is None or service is None or _agrees(service, sms):
        return action

    route = f"SMS {describe_route(sms)}, behind messaging service {service.name or service.sid}"
    if action.route is not None:
        hidden = (*action.route.hidden, route)
        changed = msgspec.structs.replace(action.route, hidden=hidden)
        return msgspec.structs.replace(action, route=changed)

    # Without a route of its own the action can only say it in its note.
    note = f"set, but without effect: {route}"
    if action.note:
        note = f"{action.note}; {note}"
    return msgspec.structs.replace(action, note=note)


def _agrees(service: Service, sms: Value) -> bool:
    """Return true when the service asks the declared URL itself."""
    if not isinstance(sms, Webhook):
        return False
    return (sms.url, sms.method) == (service.url, service.method.upper())


def _hidden_route_warning(
    declared: Desired, live: Live, sms: Value, service: Service
) -> Diagnostic:
    """Return the warning that a messaging service hides the declared SMS route of a number."""
    declared_route = describe_route(sms)
    if service.url:
        answer = f"which asks {service.url} instead of {declared_route}"
    else:
        answer = f"which has no URL: messages are dropped, and {declared_route} is never asked"

    name = f"`{service.name}` ({service.sid})" if service.name else service.sid
    detail = (
        f"{live.key} is in messaging service {name}, {answer}. Let the service use the number's "
        "own webhook (`use_inbound_webhook_on_number`), take the number out of the service, or "
        "leave its messages alone with `manage: [voice, status]`."
    )
    return Diagnostic.at(
        declared.position,
        severity="warning",
        code="sms_hidden_by_service",
        summary="A messaging service answers in place of the declared SMS route",
        detail=detail,
        address=f"{declared.kind}/{live.key}",
    )
