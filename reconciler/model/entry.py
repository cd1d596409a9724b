"""Define `Entry`, the record of one resource in the state: SID, last applied and prior values,
options, pending write; data only.
"""

from __future__ import annotations

import msgspec

from reconciler.model.desired import Options
from reconciler.model.heal import Heal
from reconciler.model.route import Value, WireValue


class Entry(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """The state's record of one address.

    - `last_applied`: the canonical values that were last written or accepted.
    - `prior`: the wire fields before each was first managed; a field that is missing was empty, or
      Twilio's default method. For a registration that has not ended: the fields of its number
      before it began.
    - `prior_at`: the time when `prior` was read.
    - `pending`: the values that an interrupted run was about to write.
    - `normalised`: pairs of [sent, stored], for fields whose form Twilio changes.
    - `previously_managed`: the last written values of parts that are no longer managed, so that a
      release recognises them.
    - `created`: the reconciler created the resource. With an empty `sid` it was about to.
    - `region`: the region that answers a number's calls, where it was asked.
    - `children`: by kind and SID, the attributes of undeclared children when the complete set was
      recorded; a kind that is not in it was never recorded.
    - `updated_at`: the last write of this project, or the import; a state that is only brought up to
      date keeps it.
    - `deleted`: number of times that this undeclared child was deleted. Then no SID is bound, and
      `prior` holds its fields.
    - `healed`: the drift that was put back, oldest first; at most 20.
    - `healing`: the drift that an interrupted run was about to put back.

    Times are RFC 3339 in UTC.
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
    healed: tuple[Heal, ...] = ()
    healing: tuple[Heal, ...] = ()
