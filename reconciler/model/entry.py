"""`Entry`: what the state holds for one address."""

from __future__ import annotations

import msgspec

from reconciler.model.desired import Options
from reconciler.model.route import Value, WireValue


class Entry(
    msgspec.Struct,
    rename={"last_applied": "applied", "previously_managed": "left"},
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """What we remember of one address.

    `applied` is what we last wrote or accepted (canonical); `prior` what stood there before we first managed each
    field (as Twilio writes it; what is not in it was empty, or Twilio's default method) and `prior_at` when that was
    read (of a registration that has begun and not ended: what its number showed before); `pending` what a run was
    about to write when it was last heard of; `normalised` pairs of [sent, stored] for fields whose form Twilio
    changes; `left` what we last wrote to parts that are managed no longer, so that a release still knows them as
    ours; `created` is true
    when we made the resource (an empty `sid` then says that we were about to); `region` where a number's calls are
    answered, as far as that was asked. `children` holds, by kind and SID, the attributes of the children that were
    there when the complete set was recorded and that are not declared; a kind that is not in it was never recorded.
    `deleted` counts how often we have deleted this undeclared child: then nothing is bound, and `prior` holds what it
    was. Times are RFC 3339 in UTC.
    """

    kind: str
    account: str
    sid: str
    key: str
    last_applied: dict[str, Value]
    options: Options
    prior: dict[str, WireValue] = {}
    prior_at: str | None = None
    pending: dict[str, Value] | None = None
    normalised: dict[str, list[Value]] = {}
    previously_managed: dict[str, Value] = {}
    created: bool = False
    parent: str | None = None
    imported_at: str | None = None
    updated_at: str | None = None
    region: str | None = None
    children: dict[str, dict[str, dict[str, Value]]] = {}
    deleted: int = 0
