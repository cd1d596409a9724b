"""Imitate the Trunking API for trunks, their origination URLs and their recording, without their
lists and numbers.

Twilio is not known to have events for its changes, so none are recorded.
"""

from __future__ import annotations

from reconciler.sandbox.http.messages import Reply, json_reply
from reconciler.sandbox.http.routing import Route
from reconciler.sandbox.twilio.auth import TwilioCall, on_own_account
from reconciler.sandbox.twilio.forms import read_form, require
from reconciler.sandbox.twilio.numbers import NUMBERS
from reconciler.sandbox.twilio.refusals import refusal
from reconciler.sandbox.twilio.resources import V1Resource
from reconciler.sandbox.twilio.trunks import (
    MOST_ORIGINATION_URLS,
    MOST_TRUNKS,
    ORIGINATION_URL_PARAMS,
    ORIGINATION_URLS,
    RECORDING_PARAMS,
    TRUNK_PARAMS,
    TRUNKS,
    OriginationUrl,
    Recording,
    Trunk,
    delete_trunk,
    is_domain_taken,
    origination_url_view,
    trunk_view,
)


class _Trunks(V1Resource[Trunk]):
    """Handlers of trunks."""

    def check_create(self, call: TwilioCall) -> None:
        """Refuse a trunk beyond the limit of the account."""
        if self.table(call).count(call.account.sid) >= MOST_TRUNKS:
            raise refusal(21244, "Maximum Number of Trunks reached")

    def read(self, call: TwilioCall, row: Trunk | None) -> dict[str, object]:
        """Return the fields that a form sets; refuses a domain that is taken."""
        changes = super().read(call, row)
        domain = changes.get("domain_name")
        if domain and is_domain_taken(call.store, str(domain), row):
            raise refusal(21248, f"Trunk Domain already taken: {domain}")
        return changes

    def check_delete(self, call: TwilioCall, row: Trunk) -> None:
        """Refuse to delete a trunk with numbers."""
        if any(number.trunk_sid == row.sid for number in call.store.table(NUMBERS)):
            raise refusal(21247, "Trunk Dependencies: phone numbers are associated with this trunk")

    def remove(self, call: TwilioCall, row: Trunk) -> None:
        """Delete a trunk with its origination URLs."""
        urls = call.store.table(ORIGINATION_URLS)
        for url in [*urls.rows_of(row.sid)]:
            urls.remove(url)
        delete_trunk(call.store, row)


class _OriginationUrls(V1Resource[OriginationUrl]):
    """Handlers of the origination URLs of a trunk."""

    def owner(self, call: TwilioCall) -> str:
        """Return the SID of the trunk in the path."""
        return trunk_of(call).sid

    def check_create(self, call: TwilioCall) -> None:
        """Refuse an incomplete form, and a URL beyond the limit of the trunk."""
        trunk_sid = self.owner(call)
        require(call.request.form, *(param.name for param in self.params))
        if self.table(call).count(trunk_sid) >= MOST_ORIGINATION_URLS:
            raise refusal(21249, "Maximum Origination URIs reached")


_TRUNKS = _Trunks(TRUNKS, TRUNK_PARAMS, view=trunk_view, variable="trunk")
_ORIGINATION_URLS = _OriginationUrls(
    ORIGINATION_URLS, ORIGINATION_URL_PARAMS, view=origination_url_view
)


def trunk_of(call: TwilioCall) -> Trunk:
    """Return the trunk in the path, if the caller owns it."""
    return _TRUNKS.find(call)


def _fetch_recording(call: TwilioCall) -> Reply:
    return json_reply(200, trunk_of(call).recording)


def _update_recording(call: TwilioCall) -> Reply:
    trunk = trunk_of(call)
    changes = read_form(call.request.form, RECORDING_PARAMS)
    current = trunk.recording
    recording = Recording(
        mode=str(changes.get("mode", current.mode)), trim=str(changes.get("trim", current.trim))
    )
    call.store.table(TRUNKS).change(trunk, {"recording": recording})
    return json_reply(200, recording)


_TRUNK = "/v1/Trunks/{trunk}"
_URLS = "/v1/Trunks/{trunk}/OriginationUrls"
_URL = "/v1/Trunks/{trunk}/OriginationUrls/{sid}"
ROUTES = (
    *_TRUNKS.routes("/v1/Trunks", _TRUNK, on_own_account),
    Route("GET", _TRUNK + "/Recording", on_own_account(_fetch_recording)),
    Route("POST", _TRUNK + "/Recording", on_own_account(_update_recording)),
    *_ORIGINATION_URLS.routes(_URLS, _URL, on_own_account),
)
