"""Keys: which there are, what is derived from them, and the tokens that are made with them.

No clock, the time is an argument, and no configuration. What must live here: the ring of an application's keys, how a
key is derived for a purpose, and Flask's way of signing. What must not: cookies, sessions, where the keys come from
(`app_keys`), what a token of our own looks like (`tokens`), whether a key can be guessed (`weakness`).

`TimedSigner` makes the tokens of itsdangerous' `TimestampSigner` with `key_derivation="hmac"`: the value, the time
of signing and the signature, base64 without padding, with dots between. They are made here without
building a signer for each token, because every request with a session makes or checks one.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from hmac import compare_digest

from itsdangerous import want_bytes

from ..exceptions import BadToken
from ..remember import LONGEST
from .secret import KEY_BYTES, Hidden, Key, Secret, check_length, expanded, extracted, hkdf, hmac_digest, read_key
from .tokens import (
    CLOCK_SKEW_S,
    ENCRYPTED,
    SIGNED,
    TO_STANDARD,
    TO_URL_SAFE,
    Opened,
    Version,
    bound_to,
    make_token,
    open_token,
)
from .xaes import require_cipher

__all__ = ["BadToken", "Key", "KeyRing", "Opened", "TimedSigner", "hkdf", "key_id"]

# --- Flask's way of signing -------------------------------------------------------------------------------------------


class TimedSigner(Hidden):
    """Signs values with the newest of its keys and accepts those signed with any of them.

    Nothing is computed before the first use: a machine may refuse the hash (SHA-1 under FIPS 140).

    Parameters:
        keys: secrets, the newest last, as `SECRET_KEY_FALLBACKS` and `SECRET_KEY` in that order.
        salt: the purpose; the same secret gives another key for another purpose.
        digest: the name of the hash for deriving and for signing, such as `sha1`.
    """

    def __init__(self, keys: t.Iterable[Key | Secret], salt: Key, digest: str) -> None:
        kind = type(keys)
        if isinstance(keys, (str, bytes)):
            del keys  # what raises shows its variables
            message = f"keys must be a list of keys, not a single {kind.__name__}; write [key] in the place of key."
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
        # The HMACs with each key already in them.
        self._accepted: list[tuple[t.Any, t.Any]] = []

    def _begin(self) -> list[tuple[t.Any, t.Any]]:
        """Return the HMACs, begun now; none where this Python refuses the hash."""
        if is_hash_usable(self._digest):
            self._accepted = [
                _begun_hmac(Secret(hmac_digest(key.octets, self._purpose, self._digest)), self._digest)
                for key in self._keys
            ]
        return self._accepted

    def sign(self, value: bytes, now: int) -> bytes:
        """Return the token for a value without dots; `now` is in seconds since the epoch."""
        stamp = b2a_base64(now.to_bytes((now.bit_length() + 7) // 8, "big"), newline=False)
        signed = b"%s.%s" % (value, stamp.translate(TO_URL_SAFE, b"="))
        if not (self._accepted or self._begin()):
            message = "This Python refuses the hash to sign with. Choose another one: SESSION_DIGEST = 'sha256'."
            raise RuntimeError(message)
        begun, outer = self._accepted[0]
        inner, mac = begun.copy(), outer.copy()
        inner.update(signed)
        mac.update(inner.digest())
        signature = b2a_base64(mac.digest(), newline=False)
        return b"%s.%s" % (signed, signature.translate(TO_URL_SAFE, b"="))

    def unsign(self, token: bytes, now: int, max_age_s: int | None = None) -> bytes:
        """Return the value in a token.

        Parameters:
            now: the time in seconds since the epoch.
            max_age_s: how old the token may be, in seconds; None for any age.

        Raises:
            BadToken: the signature does not fit, or the time is too old or in the future.
        """
        signed, _, signature = token.rpartition(b".")
        for begun, outer in self._accepted or self._begin():
            inner, mac = begun.copy(), outer.copy()
            inner.update(signed)
            mac.update(inner.digest())
            expected = b2a_base64(mac.digest(), newline=False)
            if compare_digest(expected.translate(TO_URL_SAFE, b"="), signature):
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
        if max_age_s is not None:
            age_s = now - int.from_bytes(raw, "big")
            if not -CLOCK_SKEW_S <= age_s <= max_age_s:
                message = f"The value was signed {age_s} s ago; it may be 0 to {max_age_s} s old."
                raise BadToken(message, "expired")
        return value


def is_hash_usable(digest: str) -> bool:
    """Answer whether this Python computes a hash: one in FIPS mode refuses SHA-1."""
    try:
        getattr(hashlib, digest)(b"")
    except (AttributeError, ValueError):
        return False
    return True


_INNER = bytes(octet ^ 0x36 for octet in range(256))
_OUTER = bytes(octet ^ 0x5C for octet in range(256))


def _begun_hmac(key: Secret, digest: str) -> tuple[t.Any, t.Any]:
    """Return the two hashes of an HMAC (RFC 2104) with the key already in them: copying them is half its work."""
    block_size = hashlib.new(digest).block_size
    if len(key.octets) > block_size:
        key = Secret(hashlib.new(digest, key.octets).digest())
    key = Secret(key.octets.ljust(block_size, b"\0"))
    return hashlib.new(digest, key.octets.translate(_INNER)), hashlib.new(digest, key.octets.translate(_OUTER))


# --- the ring of keys -------------------------------------------------------------------------------------------------

_SALT = b"tuile.keyring 1"
_ID_BYTES = 4
_DERIVED_KEPT = 256
_is_id = re.compile("[0-9a-f]{8}").fullmatch


def key_id(key: Key | Secret) -> str:
    """Return the name under which a key may be spoken of: eight hexadecimal digits that do not tell the key.

    Raises:
        TypeError: the key is neither text nor bytes.
    """
    secret = read_key(key)
    del key
    if isinstance(secret, str):
        message = f"A key {secret}."
        raise TypeError(message)
    return _id_of(extracted(secret, _SALT))


def _id_of(extract: Secret) -> str:
    return expanded(extract, b"id", _ID_BYTES).octets.hex()


def wrong_id(entry: object) -> str | None:
    """Return what is wrong with the id of a key; None when nothing is. It is not shown, it may be a key."""
    if not isinstance(entry, str):
        return f"is of the type {type(entry).__name__}, and an id is text"
    if _is_id(entry):
        return None
    if _is_id(str.strip(entry).lower()):
        return "has capitals or blanks; write its eight hexadecimal digits in small letters, and nothing else"
    return f"is no id: it has {str.__len__(entry)} characters, and an id is eight hexadecimal digits"


def _not_several(name: str, given: object) -> str | None:
    """Return what is wrong with something that has to be a list; None when nothing is."""
    if isinstance(given, (str, bytes, Secret)):
        return f"{name} must be a list, not a single {type(given).__name__}; write [it] instead."
    return None if isinstance(given, Iterable) else f"{name} must be a list, not {type(given).__name__}."


def _good(key: Secret | str) -> Secret:
    """Return a key of which nothing is wrong.

    Raises:
        TypeError: it is no key.
        ValueError: it is empty.
    """
    if isinstance(key, str):
        message = f"A key {key}."
        raise TypeError(message)
    if not key.octets:
        message = "A key of a ring is empty, and anybody could sign with it. `tuile secret` prints a good one."
        raise ValueError(message)
    return key


class _RingKey(Hidden):
    """One key of a ring, with its id and what was derived from it so far."""

    __slots__ = ("_derived", "_extract", "id")

    def __init__(self, secret: Secret) -> None:
        self._extract = extracted(secret, _SALT)
        self.id = _id_of(self._extract)
        self._derived: dict[tuple[str, str, int], Secret] = {}

    def derive(self, use: str, purpose: str, length: int = KEY_BYTES) -> Secret:
        """Return the key for one use and one purpose."""
        which = (use, purpose, length)
        derived = self._derived.get(which)
        if derived is None:
            check_length(length)
            # A use has no zero in it, so that where it ends is certain.
            info = f"{use}\0{purpose}".encode(errors="surrogatepass")
            derived = expanded(self._extract, info, length)
            if len(info) <= LONGEST:
                self._derived[which] = derived
                for oldest in list(self._derived)[:-_DERIVED_KEPT]:
                    self._derived.pop(oldest, None)
        return derived

    def __repr__(self) -> str:
        return f"<key {self.id}>"


def _text(value: object) -> Secret | str:
    """Return a text as a secret, or what is wrong with it: what raises shows its variables."""
    return read_key(value) if isinstance(value, (str, Secret)) else f"must be text, not {type(value).__name__}"


class KeyRing(Hidden):
    """The keys of an application: one to make tokens with, others that are still good for reading, others no more.

    Each purpose has keys of its own, derived from those of the ring; so tokens of one purpose are none of another. An
    app's ring is `app.keyring`. Neither the ring nor an error of it tells a key or a value.

    Args:
        current: makes new tokens, and reads.
        verify_only: former keys, in any order. They read.
        retired: ids of keys that read no more, so that a token can be told to be of one of them.

    Raises:
        ValueError: a key is empty, one of those to be used is retired, or an entry of `retired` is no id.
        TypeError: a key is neither text nor bytes, or `verify_only` or `retired` is a single one.
    """

    def __init__(
        self, current: Key | Secret, verify_only: t.Iterable[Key | Secret] = (), retired: t.Iterable[str] = ()
    ) -> None:
        self._keys: tuple[_RingKey, ...] = ()
        problem = _not_several("verify_only", verify_only) or _not_several("retired", retired)
        read = [] if problem else [read_key(key) for key in (current, *verify_only)]
        entries = [] if problem else list(retired)
        wrong = [(number, why) for number, why in enumerate(map(wrong_id, entries), 1) if why is not None]
        ids = frozenset() if wrong else frozenset(entries)
        # What follows raises, and what raises shows its variables.
        del current, verify_only, retired, entries
        if problem:
            raise TypeError(problem)
        for number, why in wrong:
            message = f"Entry {number} of retired {why}."
            raise ValueError(message)
        self._retired: frozenset[str] = ids
        self._keys = tuple(_RingKey(_good(key)) for key in read)
        for key in self._keys:
            if key.id in self._retired:
                message = f"The key {key.id} is retired and cannot be used any more. Take it out, or another one."
                raise ValueError(message)

    @property
    def current_id(self) -> str:
        """The id of the key that new tokens are made with."""
        return self._keys[0].id

    @property
    def verify_only_ids(self) -> tuple[str, ...]:
        """The ids of the former keys that still read."""
        return tuple(key.id for key in self._keys[1:])

    @property
    def retired_ids(self) -> frozenset[str]:
        """The ids of the keys that read no more."""
        return self._retired

    def __repr__(self) -> str:
        if not self._keys:
            return f"<{type(self).__name__} without keys>"
        others = ", ".join(self.verify_only_ids) or "none"
        return f"<{type(self).__name__} current {self.current_id}; verify-only {others}; retired {len(self._retired)}>"

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """Return the current key's octets for a purpose of one's own, such as `"my-extension tokens"`."""
        return self._keys[0].derive("derive", purpose, length).octets

    def derive_all(self, purpose: str, length: int = KEY_BYTES) -> tuple[bytes, ...]:
        """Return what `derive` returns, and then the same of the keys that only read."""
        return tuple(key.derive("derive", purpose, length).octets for key in self._keys)

    def sign(
        self, purpose: str, value: str | Secret, *, now: float, name: str = "", expires: float | None = None
    ) -> str:
        """Return a token that everybody can read and nobody can change.

        Parameters:
            purpose: what it is for; the same for opening it.
            now: when it is made, in seconds since 1970.
            name: what it belongs to (a cookie's name, a user's id); the same for opening it.
            expires: when it ends, in seconds since 1970; None for no end.
        """
        content = _text(value)
        del value
        return self._make(SIGNED, purpose, content, now, name, expires)

    def verify(self, purpose: str, token: str, *, now: float, name: str = "", max_age_s: float | None = None) -> Opened:
        """Return what is in a token that `sign` returned.

        Parameters:
            max_age_s: how old it may be, in seconds, even if it ends later; None for any age.

        Raises:
            BadToken: it is not such a token, or has ended; `reason` says which.
        """
        return self._open(SIGNED, purpose, token, now, name, max_age_s)

    def encrypt(
        self, purpose: str, value: str | Secret, *, now: float, name: str = "", expires: float | None = None
    ) -> str:
        """Return a token that nobody can read or change; parameters as of `sign`.

        Raises:
            RuntimeError: the package cryptography is not there.
        """
        content = _text(value)
        del value
        return self._make(ENCRYPTED, purpose, content, now, name, expires)

    def decrypt(
        self, purpose: str, token: str, *, now: float, name: str = "", max_age_s: float | None = None
    ) -> Opened:
        """Return what is in a token that `encrypt` returned; parameters and errors as of `verify` and `encrypt`."""
        return self._open(ENCRYPTED, purpose, token, now, name, max_age_s)

    def _make(
        self, version: Version, purpose: str, value: Secret | str, now: float, name: str, expires: float | None
    ) -> str:
        if isinstance(value, str):
            message = f"The value of a token {value}."
            raise ValueError(message)  # noqa: TRY004 - the text says what is wrong with the value
        if version == ENCRYPTED:
            require_cipher()
        key = self._keys[0]
        return make_token(version, key.derive(version, purpose), key.id, bound_to(purpose, name), value, now, expires)

    def _open(
        self, version: Version, purpose: str, token: str, now: float, name: str, max_age_s: float | None
    ) -> Opened:
        def keys_of(wanted: str, found: Version) -> list[Secret]:
            keys = [key.derive(found, purpose) for key in self._keys if key.id == wanted]
            if keys:
                return keys
            if wanted in self._retired:
                raise BadToken(f"The token's key {wanted} is retired.", "retired key")
            raise BadToken(f"The token's key {wanted} is not on this ring.", "unknown key")

        return open_token(version, token, keys_of, bound_to(purpose, name), now, max_age_s)
