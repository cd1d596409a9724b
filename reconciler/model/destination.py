"""Define `Destination`, a server that receives a secret: its host, and references to the secrets
(``env:NAME``), never their values.
"""

from __future__ import annotations

import msgspec


class Destination(msgspec.Struct, frozen=True):
    """A server that receives a secret: `credential` and `key` are references (``env:NAME``,
    ``file:PATH``).

    `name` is the account or platform of the declaration. `host` is an origin, or ``*.twilio.com``
    for Twilio. `key` is the platform's own key, "" for Twilio.
    """

    name: str
    credential: str
    host: str
    key: str = ""
