"""Imitate the Trunking API for the SIP lists that a trunk uses: add, list, fetch and remove
associations only.

The lists themselves belong to the 2010 API.
"""

from __future__ import annotations

from functools import partial

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.store import R
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.dates import iso_from_rfc
from reconciler.sandbox.twilio.forms import require
from reconciler.sandbox.twilio.pages import fetch_row, v1_page
from reconciler.sandbox.twilio.refusals import not_found, refusal
from reconciler.sandbox.twilio.sip_lists import ACCESS_KIND, CREDENTIAL_KIND, ListKind, SipList
from reconciler.sandbox.twilio.trunk_api import trunk_of
from reconciler.sandbox.twilio.trunks import TRUNKS, Trunk


class _Associations:
    """Handlers for the lists of one kind that a trunk uses."""

    def __init__(self, kind: ListKind[R]) -> None:
        self._shelf, self._path, self._sids_of = kind.lists, kind.path, kind.sids_of

    def list(self, call: TwilioCall) -> Reply:
        trunk, table = trunk_of(call), call.store.table(self._shelf)
        used = filter(None, map(table.get, self._sids_of(trunk)))
        return v1_page(call, table, view=partial(self._view, trunk), among=used)

    def create(self, call: TwilioCall) -> Reply:
        trunk = trunk_of(call)
        name = f"{self._path.removesuffix('s')}Sid"
        require(call.request.form, name)
        row = fetch_row(call, call.store.table(self._shelf), call.request.form[name])
        if row.sid in self._sids_of(trunk):
            raise refusal(21245, f"{row.sid} is already associated with this trunk")

        self._set(call, trunk, [*self._sids_of(trunk), row.sid])
        return json_reply(201, self._view(trunk, row, call.request.base_url))

    def fetch(self, call: TwilioCall) -> Reply:
        trunk = trunk_of(call)
        return json_reply(200, self._view(trunk, self._list_of(call, trunk), call.request.base_url))

    def delete(self, call: TwilioCall) -> Reply:
        trunk = trunk_of(call)
        removed = self._list_of(call, trunk).sid
        self._set(call, trunk, [sid for sid in self._sids_of(trunk) if sid != removed])
        return Reply(204)

    def _list_of(self, call: TwilioCall, trunk: Trunk) -> SipList:
        row = fetch_row(call, call.store.table(self._shelf), call.path["sid"])
        if row.sid not in self._sids_of(trunk):
            raise not_found(call.request.path)
        return row

    def _set(self, call: TwilioCall, trunk: Trunk, sids: object) -> None:
        call.store.table(TRUNKS).change(trunk, {self._shelf.name: sids})

    def _view(self, trunk: Trunk, row: SipList, base_url: str) -> dict[str, object]:
        return {
            "account_sid": row.account_sid,
            "sid": row.sid,
            "trunk_sid": trunk.sid,
            "friendly_name": row.friendly_name,
            "date_created": iso_from_rfc(row.date_created),
            "date_updated": iso_from_rfc(row.date_updated),
            "url": f"{base_url}/v1/Trunks/{trunk.sid}/{self._path}/{row.sid}",
        }


def _routes(kind: ListKind[R]) -> tuple[Route, ...]:
    lists, base = _Associations(kind), f"/v1/Trunks/{{trunk}}/{kind.path}"
    return (
        Route("GET", base, on_own_account(lists.list)),
        Route("POST", base, on_own_account(lists.create)),
        Route("GET", f"{base}/{{sid}}", on_own_account(lists.fetch)),
        Route("DELETE", f"{base}/{{sid}}", on_own_account(lists.delete)),
    )


ROUTES = (*_routes(CREDENTIAL_KIND), *_routes(ACCESS_KIND))
