"""The identity of a session that is kept on the server: a cookie `handle.secret`.

The handle names the record and is no secret: it may appear in lists, forms and logs. The secret gives access; at rest
there is only its SHA-256, so a copy of the store opens no session. A token that the server never issued names no
record, and is never taken over.
"""

from __future__ import annotations

import re
import typing as t
from binascii import b2a_base64
from hashlib import sha256
from hmac import compare_digest
from secrets import token_bytes

from ..keys.tokens import TO_URL_SAFE, encode_base64

HANDLE_BYTES: t.Final = 16
SECRET_BYTES: t.Final = 24

# The lengths follow from the numbers of octets, in base64 without padding.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{32}", re.ASCII)
_HANDLE = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


class Identity(t.NamedTuple):
    """The two parts of a session's cookie."""

    handle: str
    secret: str

    @property
    def token(self) -> str:
        """The value of the cookie."""
        return f"{self.handle}.{self.secret}"

    @property
    def verifier(self) -> str:
        """What is stored of the secret."""
        return verifier_of(self.secret)

    def __repr__(self) -> str:
        return f"Identity({self.handle!r}, ...)"


def new_identity() -> Identity:
    """Return a new identity: 128 random bits for the handle, 192 for the secret."""
    handle = encode_base64(token_bytes(HANDLE_BYTES))
    while handle[0] == "-":  # a command line would take it for an option
        handle = encode_base64(token_bytes(HANDLE_BYTES))
    return Identity(handle, new_secret())


def new_secret() -> str:
    """Return a new secret: 192 random bits."""
    return encode_base64(token_bytes(SECRET_BYTES))


def parse(token: str) -> Identity | None:
    """Return the identity in the value of a cookie; None for anything else."""
    # Made as the constructor does, without its call; this is so for what else is made in each request.
    return tuple.__new__(Identity, (token[:22], token[23:])) if _TOKEN.fullmatch(token) is not None else None


def is_handle(text: object) -> bool:
    """Return whether something may be the name of a session, and not of anything else that a store keeps."""
    return isinstance(text, str) and _HANDLE.fullmatch(text) is not None


def verifier_of(secret: str) -> str:
    """Return the SHA-256 of a secret."""
    return b2a_base64(sha256(secret.encode()).digest(), newline=False).translate(TO_URL_SAFE, b"=").decode()


def is_same_verifier(one: str, other: str | None) -> bool:
    """Return whether two verifiers are the same, in constant time."""
    # Compared without one as well, so that the time does not tell which of them there are.
    return compare_digest(one, other or "") and other is not None
