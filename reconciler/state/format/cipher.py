"""Encrypt and decrypt states and plans with AES-256-GCM, under keys that HKDF derives from long
secrets; the only module that imports the package `cryptography`.

A sealed text is `v1:KEY:BASE64`: the form, which key, and nonce and ciphertext. The first key
seals, all of them open, so a key is changed by putting the new one in front. Never shows a key, and
reads no configuration.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.state import problems

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SHORTEST = 32
_VERSION = "v1"
_NONCE = 12


class Aes:
    """A `Cipher` with one or more secrets. StateError `encryption_key_weak`, `extra_missing`."""

    def __init__(self, secrets: Sequence[str]) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise problems.extra_missing("Encryption", "encryption") from error
        if any(len(secret) < SHORTEST for secret in secrets):
            raise problems.key_weak(SHORTEST)
        keys = [_derive_key(secret) for secret in secrets]
        self._keys: dict[str, AESGCM] = {name: AESGCM(key) for name, key in keys}
        self._first = keys[0][0]

    def seal(self, data: bytes, bound_to: bytes) -> str:
        """See `Cipher`."""
        nonce = os.urandom(_NONCE)
        text = b64encode(nonce + self._keys[self._first].encrypt(nonce, data, bound_to)).decode()
        return f"{_VERSION}:{self._first}:{text}"

    def uses_current_key(self, text: str) -> bool:
        """See `Cipher`."""
        return text.startswith(f"{_VERSION}:{self._first}:")

    def open(self, text: str, bound_to: bytes, origin: str) -> bytes:
        """See `Cipher`. StateError `encryption_key_wrong`, or `state_damaged`."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = text.partition(":")
        name, _, sealed = rest.partition(":")
        if version != _VERSION or not sealed:
            raise problems.ciphertext_damaged(origin)
        if name not in self._keys:
            raise problems.key_wrong(origin, name, ", ".join(self._keys))
        try:
            data = b64decode(sealed, validate=True)
            return self._keys[name].decrypt(data[:_NONCE], data[_NONCE:], bound_to)
        except (InvalidTag, ValueError) as error:
            raise problems.ciphertext_damaged(origin) from error


def _derive_key(secret: str) -> tuple[str, bytes]:
    """Return the key of a secret, and its name, which reveals nothing of it: (name, key)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(SHA256(), 32, None, b"reconciler state").derive(secret.encode())
    return hashlib.sha256(b"reconciler key name" + key).hexdigest()[:8], key
