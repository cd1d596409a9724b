"""Build the errors about the state, its journal, lock, encryption keys and plan files. Each detail
ends with the way to repair it.

Takes places and reasons and returns exceptions ready to raise; reads nothing and decides nothing.
"""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.errors import StateError, StateLocked

_REPAIR_STATE = (
    "Nothing was changed. List what can be repaired:\n"
    "  reconciler state repair --dry-run\n"
    "Or restore the last good copy: the .backup beside a state file holds the version before the last "
    "change, .history holds the versions before that, and version control may hold a copy. Or correct "
    "this place by hand and run `reconciler state repair`, which computes the digest again."
)
_REPAIR_JOURNAL = (
    "Nothing was changed. The journal holds what an interrupted run did and what the state does not "
    "hold yet, prior values among it. Restore a good copy of it, or list what can be repaired:\n"
    "  reconciler state repair --dry-run\n"
    "Or give the journal up: move it aside, then run `reconciler plan` and read the plan carefully."
)
_HAND_EDIT = (
    "Either a value was corrupted, or somebody edited it by hand. `reconciler state repair --dry-run` "
    "lists every resource that differs from the version before, and `reconciler state repair` accepts "
    "the content as it is."
)


def state_damaged(
    origin: str, reason: str, *, line: int | None = None, column: int | None = None
) -> StateError:
    """Return the error of a state that cannot be decoded at this place."""
    return _error(
        "state_damaged",
        "The state is damaged",
        f"{origin}: {reason}. {_REPAIR_STATE}",
        origin,
        line,
        column,
    )


def journal_damaged(origin: str, reason: str, *, line: int | None = None) -> StateError:
    """Return the error of a journal that cannot be decoded or does not continue its state."""
    aside = "" if "://" in origin else f"\n  mv {origin} {origin}.aside"
    detail = f"{origin}: {reason}. {_REPAIR_JOURNAL}{aside}"
    return _error("state_damaged", "The journal of the state is damaged", detail, origin, line)


def digest_mismatch(origin: str) -> StateError:
    """Return the error of a readable document whose content does not match its digest."""
    detail = f"{origin}: the content does not match its digest. {_HAND_EDIT} {_REPAIR_STATE}"
    return _error("state_damaged", "The state is damaged", detail, origin)


def checksum_mismatch(origin: str) -> StateError:
    """Return the error of one stored value that does not match its checksum."""
    return state_damaged(origin, "one of its values does not match its checksum")


def kind_too_new(origin: str, kind: str) -> StateError:
    """Return the error of an undamaged state with a kind of resource that this version does not
    know.
    """
    detail = (
        f"{origin} holds a resource of kind `{kind}`, which this version does not know. "
        "Install the version that wrote it."
    )
    return _error("state_too_new", "The state was written by a newer version", detail, origin)


def state_too_new(origin: str, found: int, known: int) -> StateError:
    """Return the error of a state or journal that a newer version of the reconciler wrote."""
    detail = (
        f"{origin} has format {found}; this version reads formats up to {known}. "
        "Install the version that wrote it."
    )
    return _error("state_too_new", "The state was written by a newer version", detail, origin)


def state_too_old(origin: str, found: int) -> StateError:
    """Return the error of a format that no migration leads away from."""
    detail = (
        f"{origin} has format {found}, which this version cannot migrate. "
        "Run an older version of the reconciler first."
    )
    return _error(
        "state_too_old", "The state was written by a version that is too old", detail, origin
    )


def state_wrong_project(origin: str, found: str, wanted: str) -> StateError:
    """Return the error of a state that belongs to another project than the configuration."""
    detail = (
        f"{origin} belongs to project {found!r}; the configuration declares {wanted!r}. "
        "Correct `project` or `state` in the configuration: two projects must not share a state."
    )
    return _error("state_wrong_project", "The state belongs to another project", detail, origin)


def state_moved(origin: str, found: str, wanted: str) -> StateError:
    """Return the error of a state that is not the version that the caller worked from."""
    detail = (
        f"{origin} is at {found}, but this run started from {wanted}. "
        "Another run wrote in between: run again."
    )
    return _error("state_moved", "The state changed during the run", detail, origin)


def state_unreadable(origin: str, error: OSError | str) -> StateError:
    """Return the error of a state, or its folder, that cannot be opened."""
    detail = (
        f"{origin} cannot be read: {_reason(error)}. "
        "Check `state` in the configuration and the permissions."
    )
    return _error("state_unreadable", "The state cannot be read", detail, origin)


def state_too_large(origin: str, most: int) -> StateError:
    """Return the error of a remote state that is not read because of its size."""
    detail = (
        f"{origin} holds more than {most >> 30} GB. No state of the reconciler is that large: check "
        "`state` in the configuration, and the server that answers there."
    )
    return _error("state_too_large", "The state is too large", detail, origin)


def state_unwritable(origin: str, error: OSError | str) -> StateError:
    """Return the error of a state, journal or lock that cannot be written."""
    detail = (
        f"{origin} cannot be written: {_reason(error)}. What was saved before is intact. Make room or "
        "correct the permissions, then run again: the run continues from the journal."
    )
    return _error("state_unwritable", "The state cannot be written", detail, origin)


def extra_missing(what: str, extra: str) -> StateError:
    """Return the error of a library that is not installed and comes with an extra of this package."""
    detail = (
        f"{what} needs a library that is not installed. Install it:\n"
        f"  pip install 'twilio-reconciler[{extra}]'"
    )
    return _error("extra_missing", "An optional part is not installed", detail)


def state_backend_missing(scheme: str) -> StateError:
    """Return the error of a URL without a store. The URL may hold a password and is not repeated."""
    detail = (
        f"A state at {scheme}://… is not supported. Name a file, or a URL that begins with s3://, "
        "gs://, az://, postgresql:// or https://:\n"
        "  state: ./state.json"
    )
    return _error("state_backend_missing", "Unsupported kind of state store", detail)


def state_address_invalid(origin: str, reason: str) -> StateError:
    """Return the error of a state URL that lacks a part or has one too many."""
    return _error("state_address_invalid", "The URL of the state is invalid", f"{origin}: {reason}")


def lock_unreadable(origin: str, reason: str) -> StateError:
    """Return the error of a lock object that is not one of ours; it never counts as a free lock."""
    detail = (
        f"{origin}: {reason}. Another program, or a newer version of this one, wrote it. Nothing was "
        "changed. Find out who wrote it, and delete it once nobody needs it."
    )
    return _error("state_damaged", "The lock of the state cannot be read", detail, origin)


def unsupported_encoding(origin: str, found: str) -> StateError:
    """Return the error of a database that cannot store every text."""
    detail = (
        f"The database of {origin} has the encoding {found}, which cannot store every text that Twilio "
        "may return. Nothing was changed. Create a database in UTF8:\n"
        "  createdb --encoding UTF8 --template template0 NAME"
    )
    return _error("state_encoding", "The encoding of the database is not supported", detail, origin)


def not_returned(address: str) -> StateError:
    """Return the error of a store that returns something else than what was just written to it."""
    detail = (
        f"The state was written and read back, and the store returned another value for {address}. "
        "Nothing was written to Twilio. Check what is in between: a proxy, a cache, or a server that "
        "changes documents."
    )
    return _error("state_not_returned", "The store does not return the written values", detail)


def key_missing(origin: str) -> StateError:
    """Return the error of encrypted content without a declared key."""
    detail = (
        f"{origin} is encrypted, and the configuration declares no key. Nothing was changed. "
        "Declare the key:\n"
        "  encryption_key: {env: RECONCILER_ENCRYPTION_KEY}"
    )
    return _error("encryption_key_missing", "The state is encrypted and no key is declared", detail)


def key_wrong(origin: str, wanted: str, ours: str) -> StateError:
    """Return the error of content that is encrypted with a key that is not declared."""
    detail = (
        f"{origin} is encrypted with key {wanted}; the configuration declares {ours}. Nothing was "
        "changed. Declare the former key as well, after the new one, until everything is encrypted "
        "with the new key:\n"
        "  encryption_key: [{env: NEW_KEY}, {env: FORMER_KEY}]"
    )
    return _error("encryption_key_wrong", "The state is encrypted with another key", detail)


def key_weak(shortest: int) -> StateError:
    """Return the error of a key that is short enough to be guessed."""
    detail = (
        f"An encryption key needs at least {shortest} characters. Generate one:\n"
        "  openssl rand -base64 32"
    )
    return _error("encryption_key_weak", "The encryption key is too short", detail)


def ciphertext_damaged(origin: str) -> StateError:
    """Return the error of encrypted content that was changed after it was written."""
    detail = f"{origin}: the encrypted content was changed. {_REPAIR_STATE}"
    return _error("state_damaged", "The state is damaged", detail, origin)


def lock_lost(origin: str, reason: str) -> StateLocked:
    """Return the error of a lease that ended or was taken over; nothing more may be written."""
    detail = (
        f"{reason}, so this run has stopped writing to {origin}. What was recorded until then is safe. "
        "The next run recognises a call that was in flight. See who holds the lock, then run again:\n"
        "  reconciler apply"
    )
    return StateLocked(
        Diagnostic(code="state_lock_lost", summary="The lock of the state was lost", detail=detail)
    )


def conditions_ignored(origin: str) -> StateError:
    """Return the error of a store that accepts a write whose condition does not hold.

    Such a store cannot keep two runs apart.
    """
    detail = (
        f"The store of {origin} accepted a write under a condition that did not hold (`If-Match`, "
        "`If-None-Match`), so it cannot keep two runs from writing at once. Nothing was changed. Keep "
        "the state in a store that supports conditional writes, such as those of AWS, Google and "
        "Azure, or in a file, in PostgreSQL or behind HTTP."
    )
    return _error(
        "state_conditions_ignored", "The store ignores the conditions of writes", detail, origin
    )


def number_claimed(project: str, other: str, sid: str, address: str) -> Diagnostic:
    """Return the diagnostic of a number that another project in the same database manages."""
    detail = (
        f"{sid} belongs to project {other!r} in this database, and cannot belong to {project!r} as "
        "well. Remove it from one of the two configurations, and let that project forget it first."
    )
    return Diagnostic(
        code="number_already_imported",
        summary="The number belongs to another project",
        detail=detail,
        address=address,
    )


_NO_PLAN = "Not a plan file, or a damaged one"


def plan_damaged(origin: str, reason: str) -> StateError:
    """Return the error of a plan file that cannot be decoded."""
    if origin.endswith((".yaml", ".yml")):
        detail = (
            f"{origin} is named like a configuration, and `apply` takes a saved plan. "
            f"To apply what it declares:\n  reconciler apply -f {origin}"
        )
        return _error("plan_damaged", _NO_PLAN, detail, origin)

    detail = (
        f"{origin}: {reason}. Nothing was changed. A plan file cannot be repaired: make a new one.\n"
        f"  reconciler plan --out {origin}"
    )
    return _error("plan_damaged", _NO_PLAN, detail, origin)


def plan_too_new(origin: str, found: int, known: int) -> StateError:
    """Return the error of a plan file that another version of the reconciler wrote."""
    detail = (
        f"{origin} has format {found}; this version writes and reads format {known}. Nothing was "
        f"changed. Make a new plan:\n  reconciler plan --out {origin}"
    )
    return _error("plan_too_new", "The plan file was written by another version", detail, origin)


def plan_unreadable(origin: str, error: OSError | str) -> StateError:
    """Return the error of a plan file that cannot be opened."""
    return _error(
        "plan_unreadable", "The plan file cannot be read", f"{origin}: {_reason(error)}.", origin
    )


def plan_unwritable(origin: str, error: OSError | str) -> StateError:
    """Return the error of a plan file that cannot be written."""
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
