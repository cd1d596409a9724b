"""Define the two kinds that attach an IP access control list or a credential list to a trunk; the
lists themselves are other kinds. No I/O.

Twilio (Trunking API, v1) identifies a use by the SID of the list. A use is created and deleted,
never changed.
"""

from __future__ import annotations

from reconciler.kinds.kind import Endpoint, Kind, Names, Params, Row, Sids
from reconciler.model.live import Live
from reconciler.model.route import Attrs


def _list_use(name: str, refers: str, path: str, items: str, param: str) -> Kind:
    """Return the kind of the use of a list of kind `refers`."""
    base = f"/v1/Trunks/{{parent_sid}}/{path}"

    def observe(row: Row, account: str, names: Names) -> Live:
        sid, trunk = str(row["sid"]), str(row.get("parent_sid") or "")
        key, label = names.get(sid, sid), str(row.get("friendly_name") or "")
        parent = f"trunk/{names.get(trunk, trunk)}"
        return Live(sid, key, account, {"sid": sid}, {"list": key}, label, parent)

    def to_wire(attrs: Attrs, sids: Sids) -> Params:
        list_name = str(attrs["list"])
        return {param: sids.get(f"{refers}/{list_name}", list_name)}

    return Kind(
        name=name,
        rank=20,
        key_field="sid",
        observe=observe,
        to_wire=to_wire,
        params={param: "sid"},
        listing=Endpoint("GET", "trunking", base, items=items),
        fetch=Endpoint("GET", "trunking", base + "/{sid}"),
        create=Endpoint("POST", "trunking", base, idempotent=False),
        update=Endpoint("POST", "trunking", base, idempotent=False),
        delete=Endpoint("DELETE", "trunking", base + "/{sid}"),
        parent="trunk",
        refers=refers,
    )


TRUNK_IP_ACCESS_CONTROL_LIST = _list_use(
    "trunk_ip_access_control_list",
    "ip_access_control_list",
    "IpAccessControlLists",
    "ip_access_control_lists",
    "IpAccessControlListSid",
)
TRUNK_CREDENTIAL_LIST = _list_use(
    "trunk_credential_list",
    "credential_list",
    "CredentialLists",
    "credential_lists",
    "CredentialListSid",
)
