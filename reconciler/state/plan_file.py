"""Define, write and read the file of a saved plan, for `plan --out` and `apply`, checked by a
digest or encrypted; does not decide whether the plan is still current.

Does not depend on planning or Twilio. A plan file contains no secret, because actions hold
canonical attributes, which have none.

| plan file | detects a changed file by | protects against an attacker |
|---|---|---|
| in clear text | SHA-256 of everything before it | no: the attacker can compute the digest again |
| encrypted | the authentication of the cipher | yes, by the key |
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from reconciler.diagnostics import Diagnostic
from reconciler.kinds.table import RANKS
from reconciler.model.action import Action
from reconciler.model.address import Address
from reconciler.model.desired import OnRemoval
from reconciler.model.destination import Destination
from reconciler.model.entry import Entry
from reconciler.model.route import WireValue
from reconciler.planning.checks.baseline_config import Baseline
from reconciler.state import problems
from reconciler.state.atomic_files import Disk, Files, write_whole
from reconciler.state.format.codec import Cipher
from reconciler.state.format.document import Serial
from reconciler.state.format.sanitize import safe_reason

FORMAT = 5
"""Since 2 a plan in clear has a checksum: one without it is another format, not a plan that may go
without. Since 3 it holds the command that made it, so that the plan can be made again, since 4 the
destinations of secrets, and since 5 fields have other names.
"""


class Origin(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The command that made a plan, with its arguments: `addresses` and `how` of `release`, `to` of
    `rollback`.
    """

    command: Literal["plan", "release", "rollback"] = "plan"
    addresses: list[str] = []
    how: OnRemoval | None = None
    to: str | None = None


class PlanFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One saved plan. An apply makes it again, from `origin`, `targets` and `excludes`, and
    compares the two.

    `lineage`, `serial` and `journal_records` are the version of the state it was made from.
    `fingerprints` are the live managed fields of every object it touches. `state_updates` is what
    state is to hold where nothing is written; `bound` and `unmanaged` are the counts that the plan
    was shown with. `renames` lead from old addresses to new ones. `references` say where the
    secrets are found that actions write, by address and field: the digest of the actions has them
    in the place of fingerprints. `baseline` is what the plan was held to, and is held to when it is
    applied. `would_refuse` are the codes with which an apply would have refused it when it was
    saved; an apply judges it again and does not read them. `state` and `destinations` say where
    secrets went when the plan was made: an apply sends them nowhere else.
    """

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)] = FORMAT
    project: str
    created_at: str
    tool_version: str
    lineage: str
    serial: Serial
    journal_records: Serial = 0
    config_digest: str
    fingerprints: dict[str, dict[str, WireValue]]
    actions: list[Action]
    state_updates: dict[str, Entry] = {}
    bound: dict[str, int] = {}
    unmanaged: Serial = 0
    diagnostics: list[Diagnostic] = []
    origin: Origin = Origin()
    targets: list[str] = []
    excludes: list[str] = []
    references: dict[str, dict[str, str]] = {}
    renames: dict[str, str] = {}
    baseline: Baseline | None = None
    would_refuse: list[str] = []
    state: str = ""
    destinations: list[Destination] = []


class StoredPlanFile(PlanFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One saved plan as it is written to a file in clear text; the last member is the SHA-256 of
    everything before it.
    """

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Head(msgspec.Struct, omit_defaults=True):
    format: int
    sealed: str | None = None


class _Found(_Head):
    actions: list[msgspec.Raw] | None = None


_BOUND = b"reconciler plan"
_CHECKSUM = b',"sha256":"'
_END = b'"}'
_encode = msgspec.json.Encoder(order="deterministic").encode


def write(
    path: Path, plan: PlanFile, *, files: Files | None = None, cipher: Cipher | None = None
) -> None:
    """Save the plan in one step, readable for its owner alone, or with the cipher; StateError
    `plan_unwritable`.
    """
    data = _encode(plan)
    data = _with_checksum(data) if cipher is None else _encrypt(data, plan.format, cipher)

    target = path.resolve()
    temporary = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        write_whole(files or Disk(), target, [data, b"\n"], temporary=temporary, private=True)
    except OSError as error:
        raise problems.plan_unwritable(str(path), error) from error


def read(path: Path, cipher: Callable[[], Cipher | None] = lambda: None) -> PlanFile:
    """Return the plan in this file. `cipher` is called only when the plan is encrypted.

    Raises StateError: `plan_unreadable`, `plan_damaged`, `plan_too_new`, or those of decryption.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise problems.plan_unreadable(str(path), error) from error

    try:
        head = msgspec.json.decode(data, type=_Found)
        if head.format == FORMAT:
            content = _decrypt(head.sealed, cipher, path) or _check_checksum(data, path)
            plan = msgspec.json.decode(content, type=PlanFile)
            _check_addresses(plan, path)
            return plan
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise problems.plan_damaged(str(path), safe_reason(error)) from error

    if head.format < FORMAT and head.sealed is None and head.actions is None:  # such as a state
        raise problems.plan_damaged(str(path), "it is another document, and no plan")
    raise problems.plan_too_new(str(path), head.format, FORMAT)


def _check_addresses(plan: PlanFile, path: Path) -> None:
    """Raise StateError unless every address names a kind that is known, and every fingerprint
    belongs to an action.
    """
    for action in plan.actions:
        kind, rest = Address.parse(action.address)
        if kind != action.kind or kind not in RANKS or not rest:
            raise problems.plan_damaged(str(path), "the address of an action does not fit its kind")

    if not plan.fingerprints.keys() <= {action.address for action in plan.actions}:
        raise problems.plan_damaged(
            str(path), "it holds a fingerprint of something that it does not touch"
        )


def _encrypt(data: bytes, version: int, cipher: Cipher) -> bytes:
    return _encode(_Head(version, cipher.seal(data, _BOUND)))


def _decrypt(sealed: str | None, cipher: Callable[[], Cipher | None], path: Path) -> bytes | None:
    if sealed is None:
        return None
    ours = cipher()
    if ours is None:
        raise problems.key_missing(str(path))
    return ours.open(sealed, _BOUND, str(path))


def _with_checksum(data: bytes) -> bytes:
    return data[:-1] + _CHECKSUM + hashlib.sha256(data).hexdigest().encode() + _END


def _check_checksum(data: bytes, path: Path) -> bytes:
    """Return the plan without its checksum. Raises StateError `plan_damaged` when that is absent or
    does not match.
    """
    plan = data[: data.rfind(_CHECKSUM)] + b"}"
    if _with_checksum(plan) != data.rstrip():
        raise problems.plan_damaged(
            str(path), "it is not what `plan --out` wrote, for its checksum does not fit"
        )
    return plan
