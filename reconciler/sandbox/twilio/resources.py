"""Provide the handlers that Twilio's resources share: list, create, fetch, update and delete.

A resource provides its shelf, its parameters and its form in the API. A subclass overrides the
steps in which a resource differs: `owner`, `read`, `check_create`, `check_delete`, `remove`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Generic

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Handler, Route
from reconciler.sandbox.store import R, Shelf, Table
from reconciler.sandbox.twilio.auth import TwilioCall, TwilioHandler
from reconciler.sandbox.twilio.dates import iso8601, rfc2822
from reconciler.sandbox.twilio.events import record_created, record_deleted, record_updated
from reconciler.sandbox.twilio.forms import Param, read_form
from reconciler.sandbox.twilio.pages import fetch_row, render_row, v1_page, v2010_page


class Resource(Generic[R]):
    """The handlers of one resource.

    `variable` is the variable of a path that holds the SID. `event_type` is the resource's type in
    monitor events; without one, no events are recorded.
    """

    def __init__(
        self,
        shelf: Shelf[R],
        params: Iterable[Param] = (),
        *,
        variable: str = "sid",
        event_type: str = "",
    ) -> None:
        self.shelf = shelf
        self.params = tuple(params)
        self.variable = variable
        self.event_type = event_type

    def table(self, call: TwilioCall) -> Table[R]:
        """Return the rows of the resource."""
        return call.store.table(self.shelf)

    def owner(self, call: TwilioCall) -> str:
        """Return the SID of the owner of the rows: the account, or a resource in the path."""
        return call.account.sid

    def find(self, call: TwilioCall) -> R:
        """Return the row in the path; refuses with 20404."""
        owner = self.owner(call)
        return fetch_row(call, self.table(call), call.path[self.variable], owner=owner)

    def read(self, call: TwilioCall, row: R | None) -> dict[str, object]:
        """Return the fields that a form sets; `row` is None for a new row."""
        return read_form(call.request.form, self.params)

    def check_create(self, call: TwilioCall) -> None:
        """Refuse a form or a call that cannot create a row."""

    def check_delete(self, call: TwilioCall, row: R) -> None:
        """Refuse to delete a row that is in use."""

    def remove(self, call: TwilioCall, row: R) -> None:
        """Remove a row, with the rows that belong to it."""
        self.table(call).remove(row)

    def format_date(self, moment: datetime) -> str:
        """Return a date as the API writes it."""
        raise NotImplementedError

    def reply(self, call: TwilioCall, row: R, status: int = 200) -> Reply:
        """Return a row as an answer."""
        raise NotImplementedError

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of the owner's rows."""
        raise NotImplementedError

    def create(self, call: TwilioCall) -> Reply:
        """Create a row from a form."""
        self.check_create(call)

        row = self.shelf.row()
        setattr(row, self.shelf.owner, self.owner(call))
        for field, value in self.read(call, None).items():
            setattr(row, field, value)
        self.shelf.add(call.store, row)

        if self.event_type:
            record_created(call.store, call.actor, kind=self.event_type, row=row)
        return self.reply(call, row, 201)

    def fetch(self, call: TwilioCall) -> Reply:
        """Answer the row in the path."""
        return self.reply(call, self.find(call))

    def update(self, call: TwilioCall) -> Reply:
        """Change the row in the path by a form."""
        table, row = self.table(call), self.find(call)
        changes = table.change(row, self.read(call, row))

        # The date changes even when no field does, but it is not a change to report.
        table.change(row, {"date_updated": self.format_date(call.store.now())})
        if self.event_type:
            record_updated(call.store, call.actor, kind=self.event_type, row=row, changes=changes)
        return self.reply(call, row)

    def delete(self, call: TwilioCall) -> Reply:
        """Delete the row in the path."""
        row = self.find(call)
        self.check_delete(call, row)
        self.remove(call, row)

        if self.event_type:
            record_deleted(call.store, call.actor, kind=self.event_type, row=row)
        return Reply(204)

    def routes(
        self, all_rows: str, one_row: str, authenticated: Callable[[TwilioHandler], Handler]
    ) -> tuple[Route, ...]:
        """Return the five routes, on the paths of all rows and of one row."""
        return (
            Route("GET", all_rows, authenticated(self.list)),
            Route("POST", all_rows, authenticated(self.create)),
            Route("GET", one_row, authenticated(self.fetch)),
            Route("POST", one_row, authenticated(self.update)),
            Route("DELETE", one_row, authenticated(self.delete)),
        )


class V2010Resource(Resource[R]):
    """A resource of the 2010 API: rows are sent as they are stored."""

    def format_date(self, moment: datetime) -> str:
        """Return a date in RFC 2822."""
        return rfc2822(moment)

    def reply(self, call: TwilioCall, row: R, status: int = 200) -> Reply:
        """Return a row as it is stored."""
        return render_row(self.table(call), row, status)

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of the owner's rows, with relative links."""
        return v2010_page(call, self.table(call), owner=self.owner(call))


class V1Resource(Resource[R]):
    """A resource of the newer products: `view` returns a row as the API sends it."""

    def __init__(
        self,
        shelf: Shelf[R],
        params: Iterable[Param] = (),
        *,
        view: Callable[[R, str], Mapping[str, object]],
        variable: str = "sid",
    ) -> None:
        super().__init__(shelf, params, variable=variable)
        self.view = view

    def format_date(self, moment: datetime) -> str:
        """Return a date in ISO 8601."""
        return iso8601(moment)

    def reply(self, call: TwilioCall, row: R, status: int = 200) -> Reply:
        """Return a row as the API sends it."""
        return json_reply(status, self.view(row, call.request.base_url))

    def list(self, call: TwilioCall) -> Reply:
        """Answer a page of the owner's rows, with absolute links."""
        return v1_page(call, self.table(call), view=self.view, owner=self.owner(call))
