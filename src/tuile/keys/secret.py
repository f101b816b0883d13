"""Hold keys in objects that neither their repr nor a pickle reveals, and derive keys from them.

Error trackers, debuggers and `pytest -l` show the local variables of every frame that an exception passed through. So
a key is read from a setting into a `Secret` at once, and its octets are taken out only in the call to the C code that
uses them. A function that has a raw key in a variable returns an error message instead of raising an error.
"""

from __future__ import annotations

import secrets
import typing as t
from hmac import compare_digest
from types import TracebackType

#: The HMAC of a message: a C function, whose call has no frame that could show a key.
hmac_digest: t.Callable[[bytes, bytes, str], bytes]
try:
    # The function behind hmac.digest, which only chooses between this and Python code.
    from _hashlib import hmac_digest as _of_openssl

    hmac_digest = _of_openssl
except ImportError:  # pragma: no cover - a Python without OpenSSL
    from hmac import digest as _of_python

    hmac_digest = _of_python

Key: t.TypeAlias = str | bytes

KEY_BYTES: t.Final = 32
_MOST_BYTES = 255 * 32


def new_key() -> str:
    """Return a random `SECRET_KEY`: 256 bits, as 64 hexadecimal digits."""
    return secrets.token_hex(KEY_BYTES)


# Frames of these modules have the contents of sessions and tokens in their variables.
_WITH_VALUES = ("tuile.sessions.", "tuile.json.", "tuile.keys.", "json.", "itsdangerous.")

E = t.TypeVar("E", bound=BaseException)


def without_values(error: E) -> E:
    """Remove the frames from a traceback that have values of a session in their variables, and return the error.

    The caller's frame is removed too, and added again when the caller raises the error. Frames of the application (its
    session interface, its tags, its `session_refused`) stay.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        kept = None
        frames = []
        frame = one.__traceback__
        while frame is not None:
            frames.append(frame)
            frame = frame.tb_next
        for entry in reversed(frames[1:] if one is error else frames):
            if not f"{entry.tb_frame.f_globals.get('__name__')}.".startswith(_WITH_VALUES):
                kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        one.__traceback__ = kept
        waiting += [one.__cause__, one.__context__]
    return error


class Hidden:
    """The base of objects that hold keys: the repr hides them, pickling is refused, and a copy is the object itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __copy__(self) -> object:
        return self

    def __deepcopy__(self, memo: object) -> object:
        return self

    def __reduce_ex__(self, protocol: t.SupportsIndex) -> t.NoReturn:
        message = f"A {type(self).__name__} cannot be pickled: the pickle would contain its keys."
        raise TypeError(message)


class Secret(Hidden):
    """Octets that the repr does not show."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self.octets, other.octets)

    def __hash__(self) -> int:
        return hash(self.octets)


def read_key(key: object) -> Secret | str:
    """Return a key as a secret, or an error message. It does not raise, because the traceback would show the key.

    A subclass of `str` or `bytes` is read as its plain text or octets, without calling its methods.
    """
    if isinstance(key, Secret):
        return key
    if isinstance(key, str):
        try:
            return Secret(str.encode(key))
        except UnicodeEncodeError:
            return "contains half of a surrogate pair, which cannot be encoded; pass it as bytes"
    if isinstance(key, bytes):
        return Secret(bytes.__getitem__(key, slice(None)))
    why = f"must be text or bytes, not {type(key).__name__}"
    if isinstance(key, (int, float)):
        why += """ (`from_prefixed_env` reads digits as a number; write them as '"..."')"""
    return why


def hkdf(secret: bytes | Secret | None, *, salt: bytes = b"", info: bytes = b"", length: int = KEY_BYTES) -> bytes:
    """Return a key derived from a secret: HKDF with SHA-256 (RFC 5869).

    Args:
        secret: The secret to derive from.
        salt: A salt, which need not be secret; an empty one is the same as 32 zeros.
        info: The purpose of the key.
        length: The length in octets, at most 8160.

    Raises:
        ValueError: If a key of this length cannot be derived.
        TypeError: If the secret is not bytes.
    """
    kind = type(secret).__name__
    secret = _octets(secret)
    if secret is None:
        message = f"The secret to derive a key from must be bytes, not {kind}."
        raise TypeError(message)
    check_length(length)
    return hkdf_expand(hkdf_extract(secret, salt or bytes(32)), info, length).octets


def _octets(secret: object) -> Secret | None:
    """Return octets as a secret, or None for anything else."""
    if isinstance(secret, bytes):
        return Secret(bytes.__getitem__(secret, slice(None)))
    return secret if isinstance(secret, Secret) else None


def check_length(length: int) -> None:
    """Refuse a length that HKDF cannot derive.

    Raises:
        ValueError: If it is not from 1 to 8160 octets.
    """
    if not 0 < length <= _MOST_BYTES:
        message = f"HKDF with SHA-256 can derive 1 to {_MOST_BYTES} octets, not {length}."
        raise ValueError(message)


def hkdf_extract(secret: Secret, salt: bytes) -> Secret:
    """Return the result of HKDF-Extract: the key that others are hkdf_expand from (RFC 5869, section 2.2)."""
    return Secret(hmac_digest(salt, secret.octets, "sha256"))


def hkdf_expand(key: Secret, info: bytes, length: int = KEY_BYTES) -> Secret:
    """Return the result of HKDF-Expand (RFC 5869, section 2.3). The caller has checked the length."""
    done, block = Secret(b""), Secret(b"")
    for number in range(1, -(-length // 32) + 1):
        block.octets = hmac_digest(key.octets, block.octets + info + bytes((number,)), "sha256")
        done.octets += block.octets
    done.octets = done.octets[:length]
    return done
