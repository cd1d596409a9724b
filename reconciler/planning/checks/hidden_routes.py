"""Warn of SMS routes without effect, because a messaging service answers in their place, and note
that on the actions that write them; pure.

The service is the one that the number declares, else the one that it is in.

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
from reconciler.kinds.membership import MEMBERSHIP
from reconciler.kinds.messaging_service import KIND as MESSAGING_SERVICE
from reconciler.kinds.number import describe_route
from reconciler.kinds.table import NUMBER_KINDS
from reconciler.model.action import Action
from reconciler.model.desired import Desired
from reconciler.model.live import Live
from reconciler.model.route import Attrs, Membership, Value, Webhook
from reconciler.planning.identity.observed import Observed, Service


class AnsweringServices:
    """The messaging services that answer in place of numbers, as they are after the plan."""

    def __init__(self, desired: Iterable[Desired], observed: Observed) -> None:
        self._observed = observed
        self._declared: dict[str, Service] = {}
        for each in desired:
            if each.kind == MESSAGING_SERVICE:
                self._declared[each.key] = _to_service(each)

    @property
    def any_declared(self) -> bool:
        """Return whether the configuration declares a service."""
        return bool(self._declared)

    def find(self, attrs: Attrs, sid: str) -> Service | None:
        """Return the service of a number with these attributes and this SID."""
        declared = attrs.get(MEMBERSHIP)
        if not isinstance(declared, Membership):
            return self._observed.services.get(sid)
        service = self._declared.get(declared.service)
        return service or self._observed.known_services.get(declared.service)

    def answering(self, attrs: Attrs, sid: str) -> Service | None:
        """Return the service that answers in place of a number."""
        service = self.find(attrs, sid)
        return None if service is None or service.on_number else service


def _to_service(declared: Desired) -> Service:
    attrs = declared.profile.attrs
    return Service(
        "",
        declared.key,
        str(attrs.get("inbound_request_url") or ""),
        str(attrs.get("inbound_method") or "POST"),
        attrs.get("use_inbound_webhook_on_number") is True,
    )


def find_hidden_messages(desired: Sequence[Desired], observed: Observed) -> Iterator[Diagnostic]:
    """Yield a warning for each declared SMS route that a messaging service hides."""
    services = AnsweringServices(desired, observed)
    if not observed.services and not services.any_declared:
        return

    for declared in desired:
        sms = declared.profile.attrs.get("sms")
        if declared.kind not in NUMBER_KINDS or sms is None:
            continue
        live = observed.number(declared.profile.account, declared.key)
        if live is None:
            continue
        service = services.answering(declared.profile.attrs, live.sid)
        if service is not None and not _agrees(service, sms):
            yield _hidden_route_warning(declared, live, sms, service)


def annotate(
    actions: Sequence[Action], desired: Sequence[Desired], observed: Observed
) -> list[Action]:
    """Return the actions; those that write a hidden SMS route note that it has no effect."""
    services = AnsweringServices(desired, observed)
    if not observed.services and not services.any_declared:
        return list(actions)
    return [_annotate_action(action, services) for action in actions]


def _annotate_action(action: Action, services: AnsweringServices) -> Action:
    """Return the action, with a note where it writes a hidden SMS route or changes who gets the
    messages.
    """
    if action.kind not in NUMBER_KINDS:
        return action
    if MEMBERSHIP in action.set:
        note = _describe_messages(services.find(action.set, ""))
        return msgspec.structs.replace(action, note=note)

    sms = action.set.get("sms")
    if sms is None:
        return action

    # The entry after the action has what the number declares, its service included.
    attrs = action.entry.last_applied if action.entry is not None else {}
    service = services.answering(attrs, action.sid or "")
    if service is None or _agrees(service, sms):
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


def _describe_messages(service: Service | None) -> str:
    """Return in words who gets the messages of a number in this service."""
    if service is None or service.on_number:
        return "its own SMS route answers its messages"
    if service.url:
        return f"{service.url} answers its messages"
    return "the service has no URL: its messages are dropped"


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

    name = f"`{service.name}` ({service.sid})" if service.name and service.sid else ""
    name = name or service.sid or f"`{service.name}`"
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
