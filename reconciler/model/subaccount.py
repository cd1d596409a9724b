"""Define `Subaccount`, a Twilio account that belongs to another one."""

from __future__ import annotations

import msgspec


class Subaccount(msgspec.Struct, frozen=True):
    """One subaccount, as its parent lists it; never with its credentials.

    `status` is `active`, `suspended`, `closed`, or another word of the server.
    """

    sid: str
    friendly_name: str
    status: str
