"""`Destination`: a server that receives a secret."""

from __future__ import annotations

import msgspec


class Destination(msgspec.Struct, frozen=True):
    """Where a secret is sent: `credential` and `key` are references (``env:NAME``, ``file:PATH``), never secrets.

    `name` is the account or platform that it is declared for. `host` is an origin, or ``*.twilio.com`` for Twilio.
    `key` is the platform's own, "" elsewhere.
    """

    name: str
    credential: str
    host: str
    key: str = ""
