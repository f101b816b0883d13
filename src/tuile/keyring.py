"""Signing with a time, and the keys it is done with.

Floor 1, text and bytes: no clock, the time is an argument. What must live here: how a key is derived for
a purpose, and how a signature is made and checked. What must not: cookies, sessions, configuration.

The tokens are those of itsdangerous' `TimestampSigner` with `key_derivation="hmac"`: the value, the time
of signing and the signature, base64 without padding, with dots between. They are made here without
building a signer for each token, because every request with a session makes or checks one.
"""

from __future__ import annotations

import typing as t
import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hmac import compare_digest

from itsdangerous import want_bytes

try:
    # The function behind hmac.digest, which only chooses between this and Python code.
    from _hashlib import hmac_digest
except ImportError:  # pragma: no cover - a Python without OpenSSL
    from hmac import digest as hmac_digest  # type: ignore[assignment] # takes even more than bytes

Key = str | bytes

_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class BadToken(ValueError):
    """A token that was not made with these keys, was changed, or is too old. The text says which."""


class TimedSigner:
    """Signs values with the newest of its keys and accepts those signed with any of them.

    Parameters:
        keys: secrets, the newest last, as `SECRET_KEY_FALLBACKS` and `SECRET_KEY` in that order.
        salt: the purpose; the same secret gives another key for another purpose.
        digest: the name of the hash for deriving and for signing, such as `sha1`.
    """

    def __init__(self, keys: t.Iterable[Key], salt: Key, digest: str) -> None:
        if isinstance(keys, (str, bytes)):
            message = (
                f"keys must be a list of keys, not a single {type(keys).__name__}; write [key] in the place of key."
            )
            raise TypeError(message)
        self._digest = digest
        purpose = want_bytes(salt)
        derived = [hmac_digest(want_bytes(key), purpose, digest) for key in keys]
        if not derived:
            message = "Signing needs at least one key; none was given."
            raise ValueError(message)
        self._newest_first = derived[::-1]

    def sign(self, value: bytes, now: int) -> bytes:
        """Return the token for a value without dots; `now` is in seconds since the epoch."""
        stamp = b2a_base64(now.to_bytes((now.bit_length() + 7) // 8, "big"), newline=False)
        signed = b"%s.%s" % (value, stamp.translate(_TO_URL_SAFE, b"="))
        signature = b2a_base64(hmac_digest(self._newest_first[0], signed, self._digest), newline=False)
        return b"%s.%s" % (signed, signature.translate(_TO_URL_SAFE, b"="))

    def unsign(self, token: bytes, now: int, max_age_s: int | None = None) -> bytes:
        """Return the value in a token.

        Parameters:
            now: the time in seconds since the epoch.
            max_age_s: how old the token may be, in seconds; None for any age.

        Raises:
            BadToken: the signature does not fit, or the time is too old or in the future.
        """
        signed, _, signature = token.rpartition(b".")
        for key in self._newest_first:
            expected = b2a_base64(hmac_digest(key, signed, self._digest), newline=False)
            if compare_digest(expected.translate(_TO_URL_SAFE, b"="), signature):
                break
        else:
            message = "The signature does not match the value."
            raise BadToken(message)
        value, dot, stamp = signed.rpartition(b".")
        if not dot:
            message = "The value was signed without a time."
            raise BadToken(message)
        try:
            raw = a2b_base64(stamp.translate(_TO_STANDARD) + b"=" * (-len(stamp) % 4))
        except Base64Error as error:
            message = f"The time in the value is not base64: {error}."
            raise BadToken(message) from error
        if max_age_s is not None:
            age_s = now - int.from_bytes(raw, "big")
            if not 0 <= age_s <= max_age_s:
                message = f"The value was signed {age_s} s ago; it may be 0 to {max_age_s} s old."
                raise BadToken(message)
        return value


# Up to here a text becomes as long in the smallest window as in the largest, which costs 25 times as much to set up.
_SMALL = 120


def pack(text: str) -> bytes:
    """Return text as URL-safe base64 without padding (RFC 4648 section 5), compressed after a dot if shorter."""
    raw, mark = text.encode(), b""
    worth_it = len(raw) > _SMALL
    if not worth_it:
        compressor = zlib.compressobj(wbits=9, memLevel=1)
        worth_it = len(compressor.compress(raw)) + len(compressor.flush()) < len(raw) - 1
    if worth_it:
        compressed = zlib.compress(raw)
        if len(compressed) < len(raw) - 1:
            raw, mark = compressed, b"."
    return mark + b2a_base64(raw, newline=False).translate(_TO_URL_SAFE, b"=")


def unpack(packed: bytes) -> str:
    """Return the text that `pack` was given; BadToken for anything that it cannot have returned."""
    compressed = packed[:1] == b"."
    encoded = packed[1:] if compressed else packed
    try:
        raw = a2b_base64(encoded.translate(_TO_STANDARD) + b"=" * (-len(encoded) % 4))
        return (zlib.decompress(raw) if compressed else raw).decode()
    except (Base64Error, UnicodeDecodeError, zlib.error) as error:
        message = f"The value is not packed text: {error}."
        raise BadToken(message) from error
