"""Define the fields, endpoints and conversions of call recording, one setting of each trunk that is
never created or deleted; no I/O.

Twilio shows the setting with the trunk, and changes it by a path of its own (Trunking API, v1).
"""

from __future__ import annotations

from reconciler.kinds.child import child_live
from reconciler.kinds.kind import (
    Endpoint,
    Field,
    Kind,
    Names,
    Params,
    Row,
    Sids,
    param_names,
    plain_params,
)
from reconciler.model.live import Live
from reconciler.model.route import Attrs

FIELDS = (
    Field("mode", "Mode", default="do-not-record"),
    Field("trim", "Trim", default="do-not-trim"),
)
_PATH = "/v1/Trunks/{parent_sid}/Recording"


def observe(row: Row, account: str, names: Names) -> Live:
    """Return the `Live` of one row; the setting has no SID, so it has the SID of its trunk."""
    return child_live(
        FIELDS, {**row, "sid": row.get("parent_sid", "")}, account, key="", parent=("trunk", names)
    )


def to_wire(attrs: Attrs, sids: Sids) -> Params:
    """Return the request parameters of the setting."""
    return plain_params(FIELDS, attrs)


RECORDING = Kind(
    name="recording",
    rank=20,
    key_field="mode",
    observe=observe,
    to_wire=to_wire,
    params=param_names(FIELDS),
    fields=FIELDS,
    listing=Endpoint("GET", "trunking", _PATH),
    fetch=Endpoint("GET", "trunking", _PATH),
    create=Endpoint("POST", "trunking", _PATH),
    update=Endpoint("POST", "trunking", _PATH),
    parent="trunk",
    singleton=True,
)
