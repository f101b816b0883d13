"""The key ring: derive a key for each purpose, and make and open tokens. The time is always an argument."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ..exceptions import BadToken
from ..lazy import lazy_pattern
from ..remember import LONGEST
from .secret import KEY_BYTES, Hidden, Key, Secret, check_length, hkdf, hkdf_expand, hkdf_extract, read_key
from .tokens import ENCRYPTED, SIGNED, Opened, Version, bound_to, make_token, open_token
from .xaes import require_cipher

__all__ = ["BadToken", "Key", "KeyRing", "Opened", "hkdf", "key_id"]

_SALT = b"tuile.keyring 1"
_ID_BYTES = 4
_DERIVED_KEPT = 256
_id = lazy_pattern("[0-9a-f]{8}")


def key_id(key: Key | Secret) -> str:
    """Return the id of a key, which may be shown: eight hexadecimal digits that do not reveal the key.

    Raises:
        TypeError: If the key is neither text nor bytes.
    """
    secret = read_key(key)
    del key
    if isinstance(secret, str):
        message = f"A key {secret}."
        raise TypeError(message)
    return _id_of(hkdf_extract(secret, _SALT))


def _id_of(extract: Secret) -> str:
    return hkdf_expand(extract, b"id", _ID_BYTES).octets.hex()


def wrong_id(entry: object) -> str | None:
    """Return the error message for an invalid key id, or None. The message does not show the id, which may be a key."""
    if not isinstance(entry, str):
        return f"must be text, not {type(entry).__name__}"
    if _id.fullmatch(entry):
        return None
    if _id.fullmatch(str.strip(entry).lower()):
        return "has capitals or blanks; write its eight hexadecimal digits in lower case, and nothing else"
    return f"is not an id: it has {str.__len__(entry)} characters, and an id is eight hexadecimal digits"


def _not_several(name: str, given: object) -> str | None:
    """Return the error message for an argument that must be a list, or None if it is valid."""
    if isinstance(given, (str, bytes, Secret)):
        return f"{name} must be a list, not a single {type(given).__name__}; write [it] instead."
    return None if isinstance(given, Iterable) else f"{name} must be a list, not {type(given).__name__}."


def _usable(key: Secret | str) -> Secret:
    """Return a key if it is usable.

    Raises:
        TypeError: If it is not a key.
        ValueError: If it is empty.
    """
    if isinstance(key, str):
        message = f"A key {key}."
        raise TypeError(message)
    if not key.octets:
        message = "A key of a ring is empty, so anyone could sign with it. `tuile secret` prints a good one."
        raise ValueError(message)
    return key


class _RingKey(Hidden):
    """One key of a ring, with its id and the keys derived from it so far."""

    __slots__ = ("_derived", "_extract", "id")

    def __init__(self, secret: Secret) -> None:
        self._extract = hkdf_extract(secret, _SALT)
        self.id = _id_of(self._extract)
        self._derived: dict[tuple[str, str, int], Secret] = {}

    def derive(self, use: str, purpose: str, length: int = KEY_BYTES) -> Secret:
        """Return the key for one use and one purpose."""
        purpose = str.__str__(purpose)  # a subclass may have its own `__eq__`
        which = (use, purpose, length)
        derived = self._derived.get(which)
        if derived is None:
            check_length(length)
            # A use contains no zero, so its end is unambiguous.
            info = f"{use}\0{purpose}".encode(errors="surrogatepass")
            derived = hkdf_expand(self._extract, info, length)
            if len(info) <= LONGEST:
                self._derived[which] = derived
                for oldest in list(self._derived)[:-_DERIVED_KEPT]:
                    self._derived.pop(oldest, None)
        return derived

    def __repr__(self) -> str:
        return f"<key {self.id}>"


def _text(value: object) -> Secret | str:
    """Return a text as a secret, or an error message: raising it here would show the text in the traceback."""
    return read_key(value) if isinstance(value, (str, Secret)) else f"must be text, not {type(value).__name__}"


class KeyRing(Hidden):
    """The keys of an app: the current one makes and reads tokens, former ones only read, retired ones are refused.

    Each purpose has its own keys, derived from those of the ring, so a token made for one purpose is invalid for
    another. An app's ring is `app.keyring`. Neither its repr nor its errors show a key or a value.

    Args:
        current: The key that makes new tokens and reads them.
        verify_only: Former keys that only read, in any order.
        retired: The ids of keys that are refused. They make it possible to tell why a token is refused.

    Raises:
        ValueError: If a key is empty, a key to be used is retired, or an entry of `retired` is not an id.
        TypeError: If a key is neither text nor bytes, or `verify_only` or `retired` is a single key or id.
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
        # The code below may raise an error, and tracebacks show local variables.
        del current, verify_only, retired, entries
        if problem:
            raise TypeError(problem)
        for number, why in wrong:
            message = f"Entry {number} of retired {why}."
            raise ValueError(message)
        self._retired: frozenset[str] = ids
        self._keys = tuple(_RingKey(_usable(key)) for key in read)
        for key in self._keys:
            if key.id in self._retired:
                message = f"The key {key.id} is retired and cannot be used any more. Remove it or use another one."
                raise ValueError(message)

    @property
    def current_id(self) -> str:
        """The id of the key that new tokens are made with."""
        return self._keys[0].id

    @property
    def verify_only_ids(self) -> tuple[str, ...]:
        """The ids of the former keys that only read."""
        return tuple(key.id for key in self._keys[1:])

    @property
    def retired_ids(self) -> frozenset[str]:
        """The ids of the keys that are refused."""
        return self._retired

    def __repr__(self) -> str:
        if not self._keys:
            return f"<{type(self).__name__} without keys>"
        others = ", ".join(self.verify_only_ids) or "none"
        return f"<{type(self).__name__} current {self.current_id}; verify-only {others}; retired {len(self._retired)}>"

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """Return a key derived from the current key for a purpose, such as `"my-extension tokens"`."""
        return self._keys[0].derive("derive", purpose, length).octets

    def derive_all(self, purpose: str, length: int = KEY_BYTES) -> tuple[bytes, ...]:
        """Return the result of `derive` for the current key, and then for the keys that only read."""
        return tuple(key.derive("derive", purpose, length).octets for key in self._keys)

    def sign(
        self, purpose: str, value: str | Secret, *, now: float, name: str = "", expires: float | None = None
    ) -> str:
        """Return a signed token: anyone can read it, but only holders of the key can change it.

        Args:
            purpose: What the token is for. `verify` needs the same.
            value: The text in the token.
            now: The current time, in seconds since 1970.
            name: What the token belongs to (a cookie's name, a user's id). `verify` needs the same.
            expires: When the token expires, in seconds since 1970; None for never.
        """
        content = _text(value)
        del value
        return self._make(SIGNED, purpose, content, now, name, expires)

    def verify(self, purpose: str, token: str, *, now: float, name: str = "", max_age_s: float | None = None) -> Opened:
        """Return the content of a token from `sign`.

        Args:
            purpose: The purpose it was made for.
            token: The token.
            now: The current time, in seconds since 1970.
            name: The name it was made for.
            max_age_s: The maximum age in seconds, even if it expires later; None for any age.

        Raises:
            BadToken: If it is not such a token, or has expired; `reason` says which.
        """
        return self._open(SIGNED, purpose, token, now, name, max_age_s)

    def encrypt(
        self, purpose: str, value: str | Secret, *, now: float, name: str = "", expires: float | None = None
    ) -> str:
        """Return an encrypted token, which only holders of the key can read or change. Takes the arguments of `sign`.

        Raises:
            RuntimeError: If the package cryptography is not installed.
        """
        content = _text(value)
        del value
        return self._make(ENCRYPTED, purpose, content, now, name, expires)

    def decrypt(
        self, purpose: str, token: str, *, now: float, name: str = "", max_age_s: float | None = None
    ) -> Opened:
        """Return the content of a token from `encrypt`. Arguments and errors are those of `verify` and `encrypt`."""
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
        def find_keys(wanted_id: str, found: Version) -> list[Secret]:
            keys = [key.derive(found, purpose) for key in self._keys if key.id == wanted_id]
            if keys:
                return keys
            if wanted_id in self._retired:
                raise BadToken(f"The token's key {wanted_id} is retired.", "retired key")
            raise BadToken(f"The token's key {wanted_id} is not on this ring.", "unknown key")

        return open_token(version, token, find_keys, bound_to(purpose, name), now, max_age_s)
