"""Routes for messages that are set and dead: a messaging service answers in their place; pure.

| the number's service                         | who gets a message                    | told      |
|----------------------------------------------|---------------------------------------|-----------|
| none, or ``use_inbound_webhook_on_number``    | the number's application, else its URL | –         |
| has the declared URL and method itself        | that URL                              | –         |
| has another URL                               | the service's URL                     | a warning |
| has none                                      | nobody; Twilio does not even log it   | a warning |
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
    """A warning for each declared route for messages that a messaging service hides."""
    if not observed.services:
        return
    for want in desired:
        sms = want.profile.attrs.get("sms") if want.kind in NUMBER_KINDS else None
        live = observed.number(want.profile.account, want.key) if sms is not None else None
        service = observed.services.get(live.sid) if live is not None else None
        if live is not None and service is not None and not _agrees(service, sms):
            yield _dead(want, live, sms, service)


def annotate(actions: Sequence[Action], observed: Observed) -> list[Action]:
    """The same actions; those that write a route for messages which a service hides say so."""
    return (
        [_annotate_action(action, observed) for action in actions]
        if observed.services
        else list(actions)
    )


def _annotate_action(action: Action, observed: Observed) -> Action:
    sms, service = action.set.get("sms"), observed.services.get(action.sid or "")
    if sms is None or service is None or _agrees(service, sms):
        return action
    words = f"SMS {describe_route(sms)}, behind messaging service {service.name or service.sid}"
    if action.route is None:
        return msgspec.structs.replace(
            action, note="; ".join(filter(None, (action.note, _effect(words))))
        )
    route = msgspec.structs.replace(action.route, hidden=(*action.route.hidden, words))
    return msgspec.structs.replace(action, route=route)


def _effect(words: str) -> str:
    return f"set, but without effect: {words}"


def _agrees(service: Service, sms: Value) -> bool:
    return isinstance(sms, Webhook) and (sms.url, sms.method) == (
        service.url,
        service.method.upper(),
    )


def _dead(want: Desired, live: Live, sms: Value, service: Service) -> Diagnostic:
    file, line, column = want.position
    answers = (
        f"which asks {service.url} instead of {describe_route(sms)}"
        if service.url
        else f"which has no URL: messages are dropped, and {describe_route(sms)} is never asked"
    )
    named = f"`{service.name}` ({service.sid})" if service.name else service.sid
    return Diagnostic(
        severity="warning",
        code="sms_hidden_by_service",
        summary="A messaging service answers in place of the declared SMS route",
        detail=f"{live.key} is in messaging service {named}, {answers}. Let the service use the number's own webhook "
        "(`use_inbound_webhook_on_number`), take the number out of the service, or leave its messages alone with "
        "`manage: [voice, status]`.",
        address=f"{want.kind}/{live.key}",
        file=file,
        line=line,
        column=column,
    )
