"""Imitate the routes for SIP credential lists and IP access control lists of the 2010 API, and for
their items.

One set of handlers serves both kinds.
"""

from __future__ import annotations

from typing import Generic

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import R
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.forms import LONGEST_NAME, require
from reconciler.sandbox.twilio.pages import plain_fields, v2010_page
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.resources import V2010Resource
from reconciler.sandbox.twilio.sip_domains import is_mapped
from reconciler.sandbox.twilio.sip_lists import ACCESS_KIND, CREDENTIAL_KIND, ListKind, SipList
from reconciler.sandbox.twilio.trunks import TRUNKS


class _Lists(V2010Resource[SipList], Generic[R]):
    """Handlers for the lists of one kind."""

    def __init__(self, kind: ListKind[R]) -> None:
        super().__init__(kind.lists, variable="list", event_type=kind.resource_type)
        self._kind = kind

    def read(self, call: TwilioCall, row: SipList | None) -> dict[str, object]:
        """Return the name of a list; refuses one that another list has."""
        require(call.request.form, "FriendlyName")
        name = call.request.form["FriendlyName"]

        names = set()
        for other in self.table(call).rows_of(call.account.sid):
            if other is not row:
                names.add(other.friendly_name)
        if len(name) > LONGEST_NAME or name in names:
            message = f"FriendlyName is too long or already exists: {name}"
            raise refusal(self._kind.invalid, message)
        return {"friendly_name": name}

    def check_delete(self, call: TwilioCall, row: SipList) -> None:
        """Refuse to delete a list that a trunk or a SIP domain uses."""
        for trunk in call.store.table(TRUNKS):
            if row.sid in self._kind.sids_of(trunk):
                raise refusal(self._kind.in_use, "The list is still associated with a trunk")
        if is_mapped(call.store, row.sid):
            raise refusal(self._kind.in_use, "The list is still mapped to a SIP domain")

    def remove(self, call: TwilioCall, row: SipList) -> None:
        """Delete a list with its items."""
        items = call.store.table(self._kind.items)
        for item in [*items.rows_of(row.sid)]:
            items.remove(item)
        super().remove(call, row)


class _Items(V2010Resource[R]):
    """Handlers for the items of the lists of one kind."""

    def __init__(self, kind: ListKind[R], lists: _Lists[R]) -> None:
        super().__init__(kind.items, kind.item_params)
        self._kind, self._lists = kind, lists

    def owner(self, call: TwilioCall) -> str:
        """Return the SID of the list in the path."""
        return self._lists.find(call).sid

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of the list's items."""
        return v2010_page(call, self.table(call), owner=self.owner(call), view=_without_password)

    def reply(self, call: TwilioCall, row: R, status: int = 200) -> Reply:
        """Return an item without its password."""
        return Reply(status, _without_password(row))

    def check_create(self, call: TwilioCall) -> None:
        """Refuse an incomplete form, and an item beyond the limit of the list."""
        list_sid = self.owner(call)
        require(call.request.form, *self._kind.required)
        if self.table(call).count(list_sid) >= self._kind.most_items:
            raise refusal(self._kind.too_many, f"The list holds {self._kind.most_items} already")

    def read(self, call: TwilioCall, row: R | None) -> dict[str, object]:
        """Return the fields of a form; refuses a value that another item of the list has."""
        changes = super().read(call, row)
        names = [name for name in self._kind.unique if name in changes]

        for other in self.table(call).rows_of(self.owner(call)):
            if other is row:
                continue
            for name in names:
                if getattr(other, name) == changes[name]:
                    message = f"{changes[name]} is on the list already"
                    raise refusal(self._kind.item_invalid, message)

        # An update of a credential sets the password only.
        if row is not None:
            changes.pop("username", None)
        return changes


def _without_password(row: R) -> bytes:
    view = plain_fields(row)
    view.pop("password", None)
    return msgspec.json.encode(view)


def _routes(kind: ListKind[R]) -> tuple[Route, ...]:
    lists = _Lists(kind)
    items = _Items(kind, lists)
    base = f"/2010-04-01/Accounts/{{account}}/SIP/{kind.path}"
    below = f"{base}/{{list}}/{kind.item_path}"
    return (
        *lists.routes(f"{base}.json", f"{base}/{{list}}.json", on_account_in_path),
        *items.routes(f"{below}.json", f"{below}/{{sid}}.json", on_account_in_path),
    )


ROUTES = (*_routes(CREDENTIAL_KIND), *_routes(ACCESS_KIND))
