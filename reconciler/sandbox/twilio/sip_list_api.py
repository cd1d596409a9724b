"""SIP credential lists and IP access control lists of the 2010 API, and their items.

One set of handlers serves both kinds.
"""

from __future__ import annotations

from typing import Generic

import msgspec

from reconciler.sandbox.http.messages import Reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import R, Table
from reconciler.sandbox.twilio.auth import TwilioCall, on_account_in_path
from reconciler.sandbox.twilio.dates import rfc2822
from reconciler.sandbox.twilio.events import record_created, record_deleted, record_updated
from reconciler.sandbox.twilio.forms import read_form, require
from reconciler.sandbox.twilio.pages import fetch_row, plain_fields, render_row, v2010_page
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.sip_domains import is_mapped
from reconciler.sandbox.twilio.sip_lists import ACCESS_KIND, CREDENTIAL_KIND, ListKind, SipList
from reconciler.sandbox.twilio.trunks import TRUNKS


class _Lists:
    """Handlers for the lists of one kind."""

    def __init__(self, kind: ListKind[R]) -> None:
        self._shelf, self._items = kind.lists, kind.items
        self._kind = kind

    def list(self, call: TwilioCall) -> Reply:
        return v2010_page(call, call.store.table(self._shelf))

    def create(self, call: TwilioCall) -> Reply:
        table = call.store.table(self._shelf)
        row = SipList(account_sid=call.account.sid, friendly_name=self._name(call, None))
        self._shelf.complete(call.store, row)
        table.add(row)
        record_created(call.store, call.actor, kind=self._kind.resource_type, row=row)
        return render_row(table, row, 201)

    def fetch(self, call: TwilioCall) -> Reply:
        table = call.store.table(self._shelf)
        return render_row(table, fetch_row(call, table, call.path["list"]))

    def update(self, call: TwilioCall) -> Reply:
        table = call.store.table(self._shelf)
        row = fetch_row(call, table, call.path["list"])

        changes = table.change(row, {"friendly_name": self._name(call, row)})
        table.change(row, {"date_updated": rfc2822(call.store.now())})

        record_updated(
            call.store, call.actor, kind=self._kind.resource_type, row=row, changes=changes
        )
        return render_row(table, row)

    def delete(self, call: TwilioCall) -> Reply:
        table, items = call.store.table(self._shelf), call.store.table(self._items)
        row = fetch_row(call, table, call.path["list"])

        if any(row.sid in self._kind.sids_of(trunk) for trunk in call.store.table(TRUNKS)):
            raise refusal(self._kind.in_use, "The list is still associated with a trunk")
        if is_mapped(call.store, row.sid):
            raise refusal(self._kind.in_use, "The list is still mapped to a SIP domain")

        for item in [*items.rows_of(row.sid)]:
            items.remove(item)

        table.remove(row)
        record_deleted(call.store, call.actor, kind=self._kind.resource_type, row=row)
        return Reply(204)

    def _name(self, call: TwilioCall, row: SipList | None) -> str:
        require(call.request.form, "FriendlyName")
        name = call.request.form["FriendlyName"]
        others = call.store.table(self._shelf).rows_of(call.account.sid)
        if len(name) > 64 or any(
            other.friendly_name == name and other is not row for other in others
        ):
            raise refusal(self._kind.invalid, f"FriendlyName is too long or already exists: {name}")
        return name


class _Items(Generic[R]):
    """Handlers for the items of the lists of one kind."""

    def __init__(self, kind: ListKind[R]) -> None:
        self._kind = kind

    def list(self, call: TwilioCall) -> Reply:
        table = call.store.table(self._kind.items)
        return v2010_page(call, table, owner=self._list_of(call).sid, view=_without_password)

    def create(self, call: TwilioCall) -> Reply:
        table, owner = call.store.table(self._kind.items), self._list_of(call)
        require(call.request.form, *self._kind.required)
        if table.count(owner.sid) >= self._kind.most_items:
            raise refusal(self._kind.too_many, f"The list holds {self._kind.most_items} already")

        row = table.shelf.row()
        setattr(row, table.shelf.owner, owner.sid)
        for field, value in self._read_item(call, table, owner, None).items():
            setattr(row, field, value)

        table.shelf.complete(call.store, row)
        table.add(row)
        return Reply(201, _without_password(row))

    def fetch(self, call: TwilioCall) -> Reply:
        return Reply(200, _without_password(self._item_of(call)))

    def update(self, call: TwilioCall) -> Reply:
        table, row = call.store.table(self._kind.items), self._item_of(call)
        changes = self._read_item(call, table, self._list_of(call), row)
        changes.pop("username", None)  # Twilio takes a password only
        table.change(row, {**changes, "date_updated": rfc2822(call.store.now())})
        return Reply(200, _without_password(row))

    def delete(self, call: TwilioCall) -> Reply:
        call.store.table(self._kind.items).remove(self._item_of(call))
        return Reply(204)

    def _list_of(self, call: TwilioCall) -> SipList:
        return fetch_row(call, call.store.table(self._kind.lists), call.path["list"])

    def _item_of(self, call: TwilioCall) -> R:
        return fetch_row(
            call,
            call.store.table(self._kind.items),
            call.path["sid"],
            owner=self._list_of(call).sid,
        )

    def _read_item(
        self, call: TwilioCall, table: Table[R], owner: SipList, row: R | None
    ) -> dict[str, object]:
        """Return the fields of a form; refuses a value that another item of the list has."""
        changes = read_form(call.request.form, self._kind.item_params)
        names = [name for name in self._kind.unique if name in changes]

        for other in table.rows_of(owner.sid):
            if other is row:
                continue
            for name in names:
                if getattr(other, name) == changes[name]:
                    message = f"{changes[name]} is on the list already"
                    raise refusal(self._kind.item_invalid, message)
        return changes


def _without_password(row: R) -> bytes:
    view = plain_fields(row)
    view.pop("password", None)
    return msgspec.json.encode(view)


def _routes(kind: ListKind[R]) -> tuple[Route, ...]:
    lists, items = _Lists(kind), _Items(kind)
    base = f"/2010-04-01/Accounts/{{account}}/SIP/{kind.path}"
    one, below = f"{base}/{{list}}.json", f"{base}/{{list}}/{kind.item_path}"

    return (
        Route("GET", f"{base}.json", on_account_in_path(lists.list)),
        Route("POST", f"{base}.json", on_account_in_path(lists.create)),
        Route("GET", one, on_account_in_path(lists.fetch)),
        Route("POST", one, on_account_in_path(lists.update)),
        Route("DELETE", one, on_account_in_path(lists.delete)),
        Route("GET", f"{below}.json", on_account_in_path(items.list)),
        Route("POST", f"{below}.json", on_account_in_path(items.create)),
        Route("GET", f"{below}/{{sid}}.json", on_account_in_path(items.fetch)),
        Route("POST", f"{below}/{{sid}}.json", on_account_in_path(items.update)),
        Route("DELETE", f"{below}/{{sid}}.json", on_account_in_path(items.delete)),
    )


ROUTES = (*_routes(CREDENTIAL_KIND), *_routes(ACCESS_KIND))
