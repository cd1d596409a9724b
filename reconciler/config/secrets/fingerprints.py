"""Secrets that can be written and never read: which of them are still the ones that were written?

A fingerprint is a slow salted hash (scrypt), or an HMAC where the configuration names a key. Neither tells the secret;
short secrets, which could be guessed, are only ever given an HMAC.
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
from reconciler.model.desired import Desired
from reconciler.model.entry import Entry
from reconciler.model.route import Value

SHORTEST_HASHED = 8
"""A secret of fewer characters can be guessed from its hash."""

PIN_LENGTH = (4, 10)
UNHASHED = "declared"
"""In the place of a PIN's fingerprint, without a key: that there is one is all that may be remembered."""

_N, _R, _P = 2**14, 8, 1
"""What scrypt costs: 16 MB and some fifty milliseconds, as recommended for interactive use."""


class Sealed(msgspec.Struct, frozen=True):
    """Declarations whose secret fields hold fingerprints, and the secrets by fingerprint (never shown or stored).

    `unknown` are addresses whose secrets could not be looked up, and were not needed: they are taken as unchanged.
    """

    desired: Sequence[Desired]
    secrets: Mapping[str, str]
    unknown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Sealed(desired={len(self.desired)}, secrets={len(self.secrets)})"


def fingerprint(secret: str, key: str | None) -> str:
    """A new fingerprint of a secret: with a key always the same one, without it another each time.

    Raises ValueError for a secret that is too short to be hashed without a key.
    """
    if key is not None:
        return "hmac-sha256$" + _text(hmac.digest(key.encode(), secret.encode(), "sha256"))
    if len(secret) < SHORTEST_HASHED:
        raise ValueError("too short to be hashed")
    salt = secrets.token_bytes(16)
    return f"scrypt${_text(salt)}${_text(_scrypt(secret, salt))}"


def matches_fingerprint(secret: str, known: str, key: str | None) -> bool:
    """Whether a fingerprint is that of this secret; an HMAC can only be told with its key."""
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
    """Look up every secret that resources hold, and put fingerprints in the place of them.

    A secret that is still the one that is remembered (in state, or in a saved plan) keeps its fingerprint. So does one
    that cannot be found and is not needed. Raises ReconcilerError with every other secret that cannot be found.
    """
    if not project.secrets:
        return Sealed(desired, {})
    problems: list[Diagnostic] = []
    known: dict[str, str] = {}
    unknown: list[str] = []
    out: list[Desired] = []
    for want in desired:
        entries = [each[want.address] for each in remembered if want.address in each]
        attrs: dict[str, Value] = {}
        for name, reference in project.secrets.get(want.address, {}).items():
            try:
                secret = reveal(reference, environ, project.base)
                attrs[name] = sealed = _seal(
                    secret, name, entries, _key(project, environ), reference
                )
                known[sealed] = secret
            except ReconcilerError as error:
                problems += error.diagnostics if needed(want.address) else ()
                unknown.append(want.address)
                attrs |= _unchanged(name, entries)
        out.append(_with(want, attrs) if attrs else want)
    if problems:
        raise ReconcilerError(*dict.fromkeys(problems))
    return Sealed(out, known, tuple(dict.fromkeys(unknown)))


def _key(project: Project, environ: Mapping[str, str]) -> str | None:
    return (
        reveal(project.fingerprint_key, environ, project.base) if project.fingerprint_key else None
    )


def _unchanged(name: str, entries: Sequence[Entry]) -> dict[str, Value]:
    return next(
        (
            {name: entry.last_applied[name]}
            for entry in reversed(entries)
            if name in entry.last_applied
        ),
        {},
    )


def _seal(
    secret: str, name: str, entries: Sequence[Entry], key: str | None, reference: Secret
) -> str:
    if name == "pin":
        _check_pin(secret, reference)
        if key is None:
            return UNHASHED
    values = [
        value for e in entries for value in ((e.pending or {}).get(name), e.last_applied.get(name))
    ]
    for value in dict.fromkeys(values):
        if isinstance(value, str) and matches_fingerprint(secret, value, key):
            return value
    try:
        return fingerprint(secret, key)
    except ValueError:
        detail = (
            f"A secret of fewer than {SHORTEST_HASHED} characters can be guessed from its hash. "
            "Make it longer, or set `fingerprint_key: {env: NAME}`."
        )
        raise ReconcilerError(diagnostic("short_secret", detail, reference.position)) from None


def _check_pin(pin: str, reference: Secret) -> None:
    shortest, longest = PIN_LENGTH
    if not shortest <= len(pin) <= longest:
        detail = f"A PIN has {shortest} to {longest} characters; this one has {len(pin)}."
        raise ReconcilerError(diagnostic("invalid_pin", detail, reference.position))


def _with(want: Desired, attrs: Mapping[str, Value]) -> Desired:
    profile = msgspec.structs.replace(want.profile, attrs={**want.profile.attrs, **attrs})
    return msgspec.structs.replace(want, profile=profile)


def _scrypt(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
