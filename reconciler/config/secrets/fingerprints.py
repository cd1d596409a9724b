"""Look up the secrets of resources and replace them by fingerprints, which recognise a secret that
can be written but not read back.

A fingerprint is a slow salted hash (scrypt), or an HMAC if the configuration names a key. Neither
reveals the secret; short secrets, which could be guessed, only get an HMAC.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence

import msgspec

from reconciler.config.codes import diagnostic
from reconciler.config.project import Project, Secret
from reconciler.config.secrets.references import reveal
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ReconcilerError
from reconciler.kinds.credential_list import (
    CREDENTIAL,
    SHORTEST_PASSWORD,
    find_password_problem,
)
from reconciler.kinds.platforms.kind import LOGIN_SECRETS
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.route import Value

SHORTEST_HASHED = 8
"""A secret of fewer characters can be guessed from its hash."""

PIN_LENGTH = (4, 10)
UNHASHED = "declared"
"""Replaces the fingerprint of a PIN or of a short token without a key: only its existence may be
recorded.
"""

_N, _R, _P = 2**14, 8, 1
"""The cost of scrypt: 16 MB and about 50 ms, as recommended for interactive use."""


class Sealed(msgspec.Struct, frozen=True):
    """Declarations with fingerprints in secret fields, and the secrets (never shown or stored).

    `unknown` are addresses whose secrets could not be looked up and were not needed: they count as
    unchanged.
    """

    desired: Sequence[Desired]
    secrets: Mapping[str, str]
    unknown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Sealed(desired={len(self.desired)}, secrets={len(self.secrets)})"


def fingerprint(secret: str, key: str | None) -> str:
    """Return a fingerprint of a secret: the same each time with a key, a new one without.

    Raises ValueError for a secret that is too short to be hashed without a key.
    """
    if key is not None:
        return "hmac-sha256$" + _text(hmac.digest(key.encode(), secret.encode(), "sha256"))
    if len(secret) < SHORTEST_HASHED:
        raise ValueError("too short to be hashed")
    salt = secrets.token_bytes(16)
    return f"scrypt${_text(salt)}${_text(_scrypt(secret, salt))}"


def matches_fingerprint(secret: str, known: str, key: str | None) -> bool:
    """Return whether a fingerprint is that of this secret; an HMAC needs its key."""
    scheme, _, rest = known.partition("$")
    if scheme == "hmac-sha256" and key is not None:
        return hmac.compare_digest(fingerprint(secret, key).encode(), known.encode())
    if scheme == "scrypt":
        salt, _, digest = rest.partition("$")
        try:
            return hmac.compare_digest(
                _scrypt(secret, b64decode(salt, validate=True)), b64decode(digest, validate=True)
            )
        except ValueError:  # a plan file may hold anything in the place of a fingerprint
            return False
    return False


def seal(
    project: Project,
    desired: Sequence[Desired],
    remembered: Sequence[Mapping[str, Entry]],
    environ: Mapping[str, str],
    needed: Callable[[str], bool] = lambda address: True,
) -> Sealed:
    """Look up every secret of the resources, and replace it by its fingerprint.

    A secret that equals the recorded one (in the state, or in a saved plan) keeps its fingerprint.
    So does one that cannot be found and is not needed. Raises ReconcilerError with every other
    secret that cannot be found.
    """
    if not project.secrets:
        return Sealed(desired, {})

    problems: list[Diagnostic] = []
    known: dict[str, str] = {}
    by_reference: dict[Secret, dict[str, str]] = {}
    unknown: list[str] = []
    out: list[Desired] = []
    for resource in desired:
        entries = [each[resource.address] for each in remembered if resource.address in each]
        attrs: dict[str, Value] = {}
        for name, reference in project.secrets.get(resource.address, {}).items():
            try:
                secret = reveal(reference, environ, project.base)
                key = _key(project, environ)
                shared = by_reference.setdefault(reference, {})
                attrs[name] = sealed = _seal(secret, name, entries, key, reference, shared)
                if resource.kind == CREDENTIAL.name and not _is_recorded(sealed, name, entries):
                    _check_password(secret, reference)
                known[sealed] = secret
            except ReconcilerError as error:
                problems += error.diagnostics if needed(resource.address) else ()
                unknown.append(resource.address)
                attrs |= _recorded_value(name, entries)
        out.append(_with(resource, attrs) if attrs else resource)

    if problems:
        raise ReconcilerError(*dict.fromkeys(problems))
    return Sealed(out, known, tuple(dict.fromkeys(unknown)))


def _key(project: Project, environ: Mapping[str, str]) -> str | None:
    return (
        reveal(project.fingerprint_key, environ, project.base) if project.fingerprint_key else None
    )


def _recorded_value(name: str, entries: Sequence[Entry]) -> dict[str, Value]:
    for entry in reversed(entries):
        if name in entry.last_applied:
            return {name: entry.last_applied[name]}
    return {}


def _seal(
    secret: str,
    name: str,
    entries: Sequence[Entry],
    key: str | None,
    reference: Secret,
    shared: dict[str, str],
) -> str:
    """Return the fingerprint of a secret, the recorded one where that is of this secret.

    `shared` maps the fingerprints that are known to be of this reference to its secret. The numbers
    of a trunk share one password: without this, each would cost a scrypt of 50 ms.
    """
    if name == "pin":
        _check_pin(secret, reference)
        if key is None:
            return UNHASHED

    # A write whose outcome is unknown left its fingerprint in `pending`.
    values: list[object] = []
    for entry in entries:
        values += [(entry.pending or {}).get(name), entry.last_applied.get(name)]
    for value in dict.fromkeys(values):
        if not isinstance(value, str):
            continue
        if shared.get(value) == secret or matches_fingerprint(secret, value, key):
            shared[value] = secret
            return value

    for value, of in shared.items():
        if of == secret:
            return value
    try:
        made = fingerprint(secret, key)
    except ValueError:
        if name in LOGIN_SECRETS:
            return UNHASHED  # Twilio's are long: this is the token of a sandbox
        detail = (
            f"A secret of fewer than {SHORTEST_HASHED} characters can be guessed from its hash. "
            "Make it longer, or set `fingerprint_key: {env: NAME}`."
        )
        raise ReconcilerError(diagnostic("short_secret", detail, reference.position)) from None
    shared[made] = secret
    return made


def _is_recorded(value: str, name: str, entries: Sequence[Entry]) -> bool:
    """Return true for the fingerprint of a secret that was written before."""
    return any(entry.last_applied.get(name) == value for entry in entries)


def _check_password(password: str, reference: Secret) -> None:
    """Raise ReconcilerError for a password that Twilio would refuse, after the trunk exists."""
    problem = find_password_problem(password)
    if problem is not None:
        detail = (
            f"The password {problem}. Twilio wants at least {SHORTEST_PASSWORD} characters, with "
            "a digit, a small and a capital letter."
        )
        raise ReconcilerError(diagnostic("weak_sip_password", detail, reference.position))


def _check_pin(pin: str, reference: Secret) -> None:
    shortest, longest = PIN_LENGTH
    if not shortest <= len(pin) <= longest:
        detail = f"A PIN has {shortest} to {longest} characters; this one has {len(pin)}."
        raise ReconcilerError(diagnostic("invalid_pin", detail, reference.position))


def _with(resource: Desired, attrs: Mapping[str, Value]) -> Desired:
    profile = msgspec.structs.replace(resource.profile, attrs={**resource.profile.attrs, **attrs})
    return msgspec.structs.replace(resource, profile=profile)


def _scrypt(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
