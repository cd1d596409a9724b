"""What can be wrong with a state, its journal, its lock or a plan file, as errors that say how to mend it.

In come places and reasons, out come exceptions ready to raise; reads nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.diagnostics import Diagnostic
from reconciler.errors import StateError, StateLocked

if TYPE_CHECKING:
    from reconciler.state.records import StoredVersion

_REPAIR_STATE = (
    "Nothing was changed. See what `reconciler state repair --dry-run` can save. Or put the last good copy back (the "
    ".backup beside a state file holds the version before the last change, .history the ones before; else take it from "
    "version control), or mend this place by hand and run `reconciler state repair`, which computes its digest again."
)
_REPAIR_JOURNAL = (
    "Nothing was changed. The journal holds what an interrupted run did and what is not in the state yet, prior values "
    "among it. Put a good copy of it back, or see what `reconciler state repair --dry-run` can save. Or give it up by "
    "moving it aside, then run plan and look closely."
)


def state_damaged(
    origin: str, reason: str, *, line: int | None = None, column: int | None = None
) -> StateError:
    """The state cannot be understood at this place."""
    return _error(
        "state_damaged",
        "The state is damaged",
        f"{origin}: {reason}. {_REPAIR_STATE}",
        origin,
        line,
        column,
    )


def journal_damaged(origin: str, reason: str, *, line: int | None = None) -> StateError:
    """The journal cannot be understood, or does not belong to the state beside it."""
    aside = "" if "://" in origin else f"\n  mv {origin} {origin}.aside"
    detail = f"{origin}: {reason}. {_REPAIR_JOURNAL}{aside}"
    return _error("state_damaged", "The journal of the state is damaged", detail, origin, line)


def digest_mismatch(origin: str) -> StateError:
    """The document can be read, and its digest says that it is not what was written."""
    detail = f"{origin}: the content does not match its digest. {_HAND_EDIT} {_REPAIR_STATE}"
    return _error("state_damaged", "The state is damaged", detail, origin)


_HAND_EDIT = (
    "Either a value changed by itself, or somebody edited it by hand: `reconciler state repair --dry-run` lists every "
    "resource that differs from the version before, and `reconciler state repair` accepts the content as it is."
)


def checksum_mismatch(origin: str) -> StateError:
    """A value that a store keeps beside the others does not match its checksum."""
    return state_damaged(origin, "one of its values does not match its checksum")


def kind_too_new(origin: str, kind: str) -> StateError:
    """The state holds a kind of resource that this version does not know, and its digest fits."""
    detail = f"{origin} holds a resource of kind `{kind}`, which this version does not know. Install the version that "
    return _error(
        "state_too_new", "The state was written by a newer version", f"{detail}wrote it.", origin
    )


STATE_NEEDED = "Nothing can be said or done without it: put a copy of your own in its place, or"
PRIOR_VALUES_SAFE = (
    "All that was bound looks new. A number that the newest of them knows keeps the values from before that stand "
    "there; any other is imported with what it has now. Better, put a copy of your own in its place, or"
)


def explain_duplicates(addresses: Sequence[str]) -> str:
    """What a plan means that makes anew what a former version of the state knows and what is still there."""
    return (
        f"What it held is still on Twilio, and would be made a second time: {', '.join(addresses)}. Nothing is written "
        "until the state is back: put a copy of your own in its place, or"
    )


def explain_lost_prior_values(addresses: Sequence[str]) -> str:
    """What a plan means that leaves out numbers whose values from before only a former version of the state knows."""
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return (
        f"It knew what {', '.join(addresses[:3])}{more} pointed at before, and a state that begins without them would "
        "take our own webhooks for that. Nothing is written: plan all numbers at once, without `--target` and "
        "`--exclude`. Better, put a copy of your own in its place, or"
    )


def state_gone(place: str, kept: Sequence[StoredVersion], meaning: str) -> Diagnostic:
    """There is no state where there was one: its former versions are still kept, the newest first."""
    last = kept[0]
    when = f", written {last.saved}" if last.saved else ""
    newest = (
        f"the newest is serial {last.serial}{when}"
        if last.serial
        else "the newest is the empty beginning"
    )
    back, anew = (
        f"reconciler state pull --serial {last.serial} > FILE\n  reconciler state push FILE",
        "delete them",
    )
    if "://" not in place:
        back, anew = (
            "reconciler state repair --dry-run",
            f"move them aside:\n  mv {place}.history {place}.history.aside",
        )
    detail = (
        f"{place} is not there, and former versions of it are ({newest}). {meaning} see what its history brings back:\n"
        f"  {back}\n"
        f"Or, to begin anew and to forget what it held, {anew}"
    )
    return Diagnostic(
        code="state_gone",
        summary="The state is gone, and its history is still there",
        detail=detail,
    )


def state_too_new(origin: str, found: int, known: int) -> StateError:
    """A newer version of the reconciler wrote the state or its journal."""
    detail = f"{origin} has format {found}; this version reads up to {known}. Install the version that wrote it."
    return _error("state_too_new", "The state was written by a newer version", detail, origin)


def state_too_old(origin: str, found: int) -> StateError:
    """No way leads from this format to the present one."""
    detail = f"{origin} has format {found}, which this version cannot bring up to date. Run an older version first."
    return _error("state_too_old", "The state was written by a version too old", detail, origin)


def state_wrong_project(origin: str, found: str, wanted: str) -> StateError:
    """The state belongs to another project than the configuration."""
    detail = (
        f"{origin} belongs to project {found!r}, the configuration says {wanted!r}. "
        "Correct `project` or `state` in the configuration: two projects must not share a state."
    )
    return _error("state_wrong_project", "The state belongs to another project", detail, origin)


def state_moved(origin: str, found: str, wanted: str) -> StateError:
    """The state is not the one that the caller worked from."""
    detail = f"{origin} is at {found}, but this run worked from {wanted}. Another run wrote in between: run again."
    return _error("state_moved", "The state changed during the run", detail, origin)


def state_unreadable(origin: str, error: OSError | str) -> StateError:
    """The state, or its folder, cannot be opened."""
    detail = f"{origin} cannot be read: {_reason(error)}. Check `state` in the configuration and the permissions."
    return _error("state_unreadable", "The state cannot be read", detail, origin)


def state_too_large(origin: str, most: int) -> StateError:
    """Return the error of a remote state that is not read because of its size."""
    detail = (
        f"{origin} holds more than {most >> 30} GB. No state of the reconciler is that large: check `state` in the "
        "configuration, and what answers there."
    )
    return _error("state_too_large", "The state is too large", detail, origin)


def state_unwritable(origin: str, error: OSError | str) -> StateError:
    """The state, its journal or its lock cannot be written."""
    detail = (
        f"{origin} cannot be written: {_reason(error)}. What was saved before is intact. Make room or correct the "
        "permissions, then run again: it continues from the journal."
    )
    return _error("state_unwritable", "The state cannot be written", detail, origin)


def extra_missing(what: str, extra: str) -> StateError:
    """A library is not installed that comes with an extra of this package."""
    detail = f"{what} needs a library that is not installed. Install it:\n  pip install 'twilio-reconciler[{extra}]'"
    return _error("extra_missing", "An optional part is not installed", detail)


def state_backend_missing(scheme: str) -> StateError:
    """No store for this kind of URL; the location itself may hold a password and is not repeated."""
    detail = (
        f"A state at {scheme}://… is not supported. Name a file, or s3://, gs://, az://, postgresql:// or https:// and "
        "a place:\n  state: ./state.json"
    )
    return _error("state_backend_missing", "There is no state store of this kind", detail)


def state_address_invalid(origin: str, reason: str) -> StateError:
    """The URL of the state lacks something, or has too much."""
    return _error(
        "state_address_invalid", "The address of the state is incomplete", f"{origin}: {reason}"
    )


def lock_unreadable(origin: str, reason: str) -> StateError:
    """Something else than a lock of ours stands in the place of the lock; it is never taken for a free one."""
    detail = (
        f"{origin}: {reason}. Another program put it there, or a newer version of this one. Nothing was changed. Look "
        "whose it is, and delete it once nobody needs it."
    )
    return _error("state_damaged", "The lock of the state cannot be read", detail, origin)


def unsupported_encoding(origin: str, found: str) -> StateError:
    """The database cannot keep every text."""
    detail = (
        f"The database of {origin} has the encoding {found}, which cannot keep every text that Twilio may return. "
        "Nothing was changed. Make a database in UTF8:\n  createdb --encoding UTF8 --template template0 NAME"
    )
    return _error("state_encoding", "The encoding of the database is not supported", detail, origin)


def not_returned(address: str) -> StateError:
    """The store returned something else than what was just written to it."""
    detail = (
        f"The state was written and read back, and {address} is not what was written. Nothing was written to Twilio. "
        "Check what stands between: a proxy, a cache, or a server that changes documents."
    )
    return _error("state_not_returned", "The store does not return what was written", detail)


def key_missing(origin: str) -> StateError:
    """Something is encrypted, and no key is declared."""
    detail = (
        f"{origin} is encrypted, and the configuration names no key. Nothing was changed. Declare the key:\n"
        "  encryption_key: {env: RECONCILER_ENCRYPTION_KEY}"
    )
    return _error("encryption_key_missing", "The state is encrypted and no key is declared", detail)


def key_wrong(origin: str, wanted: str, ours: str) -> StateError:
    """Something is encrypted with a key that we do not have."""
    detail = (
        f"{origin} is encrypted with key {wanted}; the configuration leads to {ours}. Nothing was changed. Give the "
        "former key as well, after the new one, until everything is written anew:\n"
        "  encryption_key: [{env: NEW_KEY}, {env: FORMER_KEY}]"
    )
    return _error("encryption_key_wrong", "The state is encrypted with another key", detail)


def key_weak(shortest: int) -> StateError:
    """A key that could be guessed."""
    detail = f"An encryption key has at least {shortest} characters. Make a good one:\n  openssl rand -base64 32"
    return _error("encryption_key_weak", "The encryption key is too short", detail)


def ciphertext_damaged(origin: str) -> StateError:
    """What was encrypted was changed since."""
    detail = f"{origin}: what is encrypted is not what was written. {_REPAIR_STATE}"
    return _error("state_damaged", "The state is damaged", detail, origin)


def lock_lost(origin: str, reason: str) -> StateLocked:
    """The lease ended, or somebody else has the lock; nothing more may be written."""
    detail = (
        f"{reason}, so this run has stopped writing to {origin}. What was recorded until then is safe; a call in "
        "flight is recognised by the next run. See who holds the lock, then run again:\n  reconciler apply"
    )
    return StateLocked(
        Diagnostic(code="state_lock_lost", summary="The lock of the state was lost", detail=detail)
    )


def conditions_ignored(origin: str) -> StateError:
    """The store takes a write whose condition does not hold: it cannot keep two runs apart."""
    detail = (
        f"The store of {origin} took a write under a condition that did not hold (`If-Match`, `If-None-Match`), so it "
        "cannot keep two runs from writing at once. Nothing was changed. Keep the state in a store that honours "
        "conditional writes, as those of AWS, Google and Azure do, or in a file, in PostgreSQL or behind HTTP."
    )
    return _error(
        "state_conditions_ignored", "The store ignores the conditions of writes", detail, origin
    )


def number_claimed(project: str, other: str, sid: str, address: str) -> Diagnostic:
    """Another project in the same database has this number."""
    detail = (
        f"{sid} belongs to project {other!r} in this database, and cannot belong to {project!r} as well. Take it out "
        "of one of the two configurations, and let that project forget it first."
    )
    return Diagnostic(
        code="number_already_imported",
        summary="The number belongs to another project",
        detail=detail,
        address=address,
    )


_NO_PLAN = "This is no plan file, or a damaged one"


def plan_damaged(origin: str, reason: str) -> StateError:
    """The plan file cannot be understood."""
    if origin.endswith((".yaml", ".yml")):
        detail = f"{origin} is named like a configuration, and `apply` takes a saved plan. To apply what it declares:\n"
        return _error("plan_damaged", _NO_PLAN, f"{detail}  reconciler apply -f {origin}", origin)
    detail = (
        f"{origin}: {reason}. Nothing was changed. A plan file cannot be mended: make a new one.\n"
        f"  reconciler plan --out {origin}"
    )
    return _error("plan_damaged", _NO_PLAN, detail, origin)


def plan_too_new(origin: str, found: int, known: int) -> StateError:
    """Another version of the reconciler wrote the plan file."""
    detail = (
        f"{origin} has format {found}, this version writes and reads {known}. Nothing was changed. Make a new one:\n"
        f"  reconciler plan --out {origin}"
    )
    return _error("plan_too_new", "The plan file was written by another version", detail, origin)


def plan_unreadable(origin: str, error: OSError | str) -> StateError:
    """The plan file cannot be opened."""
    return _error(
        "plan_unreadable", "The plan file cannot be read", f"{origin}: {_reason(error)}.", origin
    )


def plan_unwritable(origin: str, error: OSError | str) -> StateError:
    """The plan file cannot be written."""
    return _error(
        "plan_unwritable", "The plan file cannot be written", f"{origin}: {_reason(error)}.", origin
    )


def _reason(error: OSError | str) -> str:
    return error if isinstance(error, str) else error.strerror or str(error)


def _error(
    code: str,
    summary: str,
    detail: str,
    file: str | None = None,
    line: int | None = None,
    column: int | None = None,
) -> StateError:
    return StateError(
        Diagnostic(code=code, summary=summary, detail=detail, file=file, line=line, column=column)
    )
