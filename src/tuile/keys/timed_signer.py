"""Sign values as itsdangerous' `TimestampSigner` with `key_derivation="hmac"` does, for sessions in Flask's format.

A token is the value, the time of signing and the signature, in base64 without padding, separated by dots. The time is
always an argument. One instance serves all requests.
"""

from __future__ import annotations

import hashlib
import typing as t
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hmac import compare_digest

from itsdangerous import want_bytes

from ..exceptions import BadToken
from .secret import Hidden, Key, Secret, hmac_digest, read_key
from .tokens import CLOCK_SKEW_S, TO_STANDARD, TO_URL_SAFE

if t.TYPE_CHECKING:
    from hashlib import _Hash


class TimedSigner(Hidden):
    """Sign values with the newest key, and accept signatures of all keys.

    Keys are derived on first use, because a machine may refuse the hash (SHA-1 under FIPS 140).

    Args:
        keys: Secrets, the newest last: `SECRET_KEY_FALLBACKS` and then `SECRET_KEY`.
        salt: The purpose; each purpose has a different key.
        digest: The name of the hash for deriving and signing, such as `sha1`.
    """

    def __init__(self, keys: t.Iterable[Key | Secret], salt: Key, digest: str) -> None:
        kind = type(keys)
        if isinstance(keys, (str, bytes)):
            del keys  # tracebacks show local variables
            message = f"keys must be a list of keys, not a single {kind.__name__}; write [key] instead of key."
            raise TypeError(message)
        purpose = want_bytes(salt)
        read = [read_key(key) for key in keys][::-1]
        del keys
        newest_first = [key for key in read if isinstance(key, Secret)]
        for problem in read:
            if isinstance(problem, str):
                message = f"A key {problem}."
                raise TypeError(message)
        if not newest_first:
            message = "Signing needs at least one key; none was given."
            raise ValueError(message)
        self._keys, self._purpose, self._digest = newest_first, purpose, digest
        # The HMACs, initialised with each key.
        self._accepted: list[tuple[_Hash, _Hash]] = []

    def _begin(self) -> list[tuple[_Hash, _Hash]]:
        """Create and return the HMACs; none if this Python refuses the hash."""
        if is_hash_usable(self._digest):
            self._accepted = [
                _start_hmac(Secret(hmac_digest(key.octets, self._purpose, self._digest)), self._digest)
                for key in self._keys
            ]
        return self._accepted

    def sign(self, value: bytes, now: int) -> bytes:
        """Return the token for a value without dots; `now` is in seconds since the epoch."""
        stamp = b2a_base64(now.to_bytes((now.bit_length() + 7) // 8, "big"), newline=False)
        signed = b"%s.%s" % (value, stamp.translate(TO_URL_SAFE).rstrip(b"="))
        if not (self._accepted or self._begin()):
            message = "This Python refuses the hash for signing. Choose another one: SESSION_DIGEST = 'sha256'."
            raise RuntimeError(message)
        begun, outer = self._accepted[0]
        inner, mac = begun.copy(), outer.copy()
        inner.update(signed)
        mac.update(inner.digest())
        signature = b2a_base64(mac.digest(), newline=False)
        return b"%s.%s" % (signed, signature.translate(TO_URL_SAFE).rstrip(b"="))

    def unsign(self, token: bytes, now: int, max_age_s: int | None = None) -> bytes:
        """Return the value in a token.

        Args:
            token: The token.
            now: The time in seconds since 1970.
            max_age_s: The maximum age of the token in seconds; None for any age.

        Raises:
            BadToken: If the signature is wrong, or the time is too old or in the future.
        """
        value, signed_at = self.verify(token)
        if max_age_s is not None:
            age_s = now - signed_at
            if not -CLOCK_SKEW_S <= age_s <= max_age_s:
                message = f"The value was signed {age_s} s ago; it may be 0 to {max_age_s} s old."
                raise BadToken(message, "expired")
        return value

    def verify(self, token: bytes) -> tuple[bytes, int]:
        """Return the value in a token of any age, and the time when it was signed, in seconds since 1970.

        Raises:
            BadToken: If the signature is wrong, or the time is no time.
        """
        signed, _, signature = token.rpartition(b".")
        for begun, outer in self._accepted or self._begin():
            inner, mac = begun.copy(), outer.copy()
            inner.update(signed)
            mac.update(inner.digest())
            expected = b2a_base64(mac.digest(), newline=False)
            if compare_digest(expected.translate(TO_URL_SAFE).rstrip(b"="), signature):
                break
        else:
            message = "The signature does not match the value."
            raise BadToken(message)
        value, dot, stamp = signed.rpartition(b".")
        if not dot:
            message = "The value was signed without a time."
            raise BadToken(message)
        try:
            raw = a2b_base64(stamp.translate(TO_STANDARD) + b"=" * (-len(stamp) % 4))
        except Base64Error as error:
            message = f"The time in the value is not base64: {error}."
            raise BadToken(message) from error
        return value, int.from_bytes(raw, "big")


def is_hash_usable(digest: str) -> bool:
    """Return whether this Python computes a hash: in FIPS mode it refuses SHA-1."""
    try:
        getattr(hashlib, digest)(b"")
    except (AttributeError, ValueError):
        return False
    return True


_INNER = bytes(octet ^ 0x36 for octet in range(256))
_OUTER = bytes(octet ^ 0x5C for octet in range(256))


def _start_hmac(key: Secret, digest: str) -> tuple[_Hash, _Hash]:
    """Return the two hashes of an HMAC (RFC 2104), initialised with the key: copying them saves half the work."""
    block_size = hashlib.new(digest).block_size
    if len(key.octets) > block_size:
        key = Secret(hashlib.new(digest, key.octets).digest())
    key = Secret(key.octets.ljust(block_size, b"\0"))
    return hashlib.new(digest, key.octets.translate(_INNER)), hashlib.new(digest, key.octets.translate(_OUTER))
