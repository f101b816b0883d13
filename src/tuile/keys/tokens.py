"""Tokens: a text with its time, its end and the id of its key, signed or encrypted, fit to be a cookie's value.

Floor 1, text and bytes: no clock, the time is an argument. What must live here: the format of a token, and how one
key makes and opens it. What must not: which keys there are (`keyring`), what a token is for.

    s1.KEY-ID.BODY.TAG     signed: anybody can read it, nobody can change it
    e1.KEY-ID.BOX          encrypted: nobody can do either

KEY-ID is eight hexadecimal digits. BODY is when the token was made and when it ends (seconds since 1970, five octets
each, an end of zero is none) and the text as UTF-8; TAG is its HMAC-SHA256 (RFC 2104). BOX is 24 random octets and
the body in AES-256-GCM (NIST SP 800-38D). All of it is base64url without padding (RFC 4648 section 5) in its one
canonical spelling. Tag and box also cover everything before them, the purpose and the name that the token is bound to.

The first 12 of the random octets go into the key of the box (HMAC-SHA256), the other 12 are the nonce. Random nonces
of 12 octets alone would be safe for 2**32 tokens of a key, which a busy site writes within weeks.
"""

from __future__ import annotations

import re
import typing as t
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hmac import compare_digest, digest
from secrets import token_bytes

#: The versions that are written; others are refused.
SIGNED: t.Final = "s1"
ENCRYPTED: t.Final = "e1"
Version: t.TypeAlias = t.Literal["s1", "e1"]

#: Why a token was refused. A token of another cookie or purpose is "tampered": nobody can tell the two apart.
Reason: t.TypeAlias = t.Literal[
    "missing", "no token", "other kind", "unknown version", "unknown key", "retired key", "tampered", "expired"
]

TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
TO_STANDARD = bytes.maketrans(b"-_", b"+/")

KEY_BYTES = 32
_NONCE_BYTES = 24
_TAG_BYTES = 16
_MOMENT_BYTES = 5
#: The latest moment that a token can name; it is in the year 36812.
LATEST: t.Final[int] = 2 ** (8 * _MOMENT_BYTES) - 1

_is_token = re.compile(r"([a-z])([0-9]{1,3})\.([0-9a-f]{8})\.([A-Za-z0-9_.-]+)").fullmatch


class BadToken(ValueError):
    """A token that was not made with these keys, was changed, or is too old. The text says which, and so does `reason`.

    No token, value or key is in the text.
    """

    def __init__(self, message: str, reason: Reason = "tampered") -> None:
        super().__init__(message)
        self.reason: Reason = reason


class Opened(t.NamedTuple):
    """What was in a token: the text, when it was made and when it ends in seconds since 1970, the id of its key."""

    value: str
    issued: int
    expires: int | None
    key_id: str

    def __repr__(self) -> str:
        # Without the value, which may have been encrypted for a reason.
        return f"<Opened key {self.key_id}, issued {self.issued}, expires {self.expires}>"


def is_encrypted(token: str) -> bool:
    """Answer whether a text begins as an encrypted token does; no session of Flask's begins so."""
    return token.startswith(f"{ENCRYPTED}.")


def make_token(
    version: Version, key: bytes, key_id: str, bound: bytes, value: str, issued: float, expires: float | None
) -> str:
    """Return the token for a text.

    Parameters:
        key: 32 octets that are used for this version and this purpose only.
        bound: what else has to be the same when it is opened; see `bound_to`.
        issued, expires: in seconds since 1970; the latter None for no end.
    """
    ends = 0 if expires is None else _moment(expires, least=1)
    body = b"%s%s%s" % (
        _moment(issued).to_bytes(_MOMENT_BYTES, "big"),
        ends.to_bytes(_MOMENT_BYTES, "big"),
        value.encode(),
    )
    head = f"{version}.{key_id}."
    if version == ENCRYPTED:
        nonce = token_bytes(_NONCE_BYTES)
        box = _cipher(key, nonce).encrypt(nonce[12:], body, bound + head.encode())
        return head + _encoded(nonce + box)
    signed = head + _encoded(body)
    return f"{signed}.{_tag(key, bound, signed)}"


def open_token(
    version: Version,
    token: str,
    keys: t.Callable[[str], t.Iterable[bytes]],
    bound: bytes,
    now: float,
    max_age_s: float | None = None,
) -> Opened:
    """Return what is in a token.

    Parameters:
        keys: gives the keys of an id, for this version and this purpose.
        now: in seconds since 1970.
        max_age_s: how old it may be at most, whatever it says of its end; None for any age.

    Raises:
        BadToken: it is none, was made for something else, was changed, or is too old.
    """
    key_id, head, rest = _taken_apart(version, token)
    read = _read_box if version == ENCRYPTED else _read_signed
    for key in keys(key_id):
        body = read(key, bound, head, rest)
        if body is not None:
            return _judged(body, key_id, now, max_age_s)
    raise BadToken("The token was changed, or was made for another name or another purpose.", "tampered")


def bound_to(purpose: str, name: str) -> bytes:
    """Return purpose and name as octets, such that no other two make the same."""
    parts = (part.encode(errors="surrogatepass") for part in (purpose, name))
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _moment(seconds: float, least: int = 0) -> int:
    return max(least, min(int(seconds), LATEST))


def _taken_apart(version: Version, token: str) -> tuple[str, str, str]:
    """The id of the key, what stands before the content, and the content."""
    found = _is_token(token)
    if found is None:
        raise BadToken("The text is no token.", "no token")
    if found[1] != version[0]:
        kind = "encrypted" if version == ENCRYPTED else "signed"
        raise BadToken(f"The token is not of the {kind} kind.", "other kind")
    if found[1] + found[2] != version:
        raise BadToken(f"The token's version is {found[1]}{found[2]}, and {version} is known.", "unknown version")
    return found[3], token[: found.start(4)], found[4]


def _judged(body: bytes, key_id: str, now: float, max_age_s: float | None) -> Opened:
    """The content of a token that is ours, if it is not too old."""
    try:
        value = body[2 * _MOMENT_BYTES :].decode()
    except UnicodeDecodeError as error:
        raise BadToken(f"The token holds no text: {error.reason}.", "no token") from None
    issued = int.from_bytes(body[:_MOMENT_BYTES], "big")
    ends = int.from_bytes(body[_MOMENT_BYTES : 2 * _MOMENT_BYTES], "big")
    if ends and now >= ends:
        raise BadToken(f"The token ended {int(now) - ends} s ago.", "expired")
    # The age in whole seconds, as itsdangerous counts it.
    if max_age_s is not None and not 0 <= int(now) - issued <= max_age_s:
        raise BadToken(f"The token is {int(now) - issued} s old; it may be 0 to {max_age_s} s old.", "expired")
    return Opened(value, issued, ends or None, key_id)


def _read_signed(key: bytes, bound: bytes, head: str, rest: str) -> bytes | None:
    body, _, tag = rest.partition(".")
    if not compare_digest(_tag(key, bound, head + body), tag):
        return None
    return _decoded(body)


def _tag(key: bytes, bound: bytes, signed: str) -> str:
    return _encoded(digest(key, bound + signed.encode(), "sha256"))


def _read_box(key: bytes, bound: bytes, head: str, rest: str) -> bytes | None:
    box = _decoded(rest)
    if box is None or len(box) < _NONCE_BYTES + _TAG_BYTES + 2 * _MOMENT_BYTES:
        return None
    cipher = _cipher(key, box)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra, see _cipher

    try:
        body: bytes = cipher.decrypt(box[12:_NONCE_BYTES], box[_NONCE_BYTES:], bound + head.encode())
    except InvalidTag:
        return None
    return body


def require_cipher() -> t.Any:
    """Return the class of ciphers, or say what to install, whether there is a token to read or not.

    Raises:
        RuntimeError: the package cryptography is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise RuntimeError('Encryption needs the package cryptography: pip install "tuile[crypto]"') from error
    return AESGCM


def _cipher(key: bytes, nonce: bytes) -> t.Any:
    """Return the cipher of one token."""
    AESGCM = require_cipher()  # noqa: N806 - a class
    return AESGCM(digest(key, b"tuile box " + nonce[:12], "sha256"))


def _encoded(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(TO_URL_SAFE, b"=").decode()


def _decoded(text: str) -> bytes | None:
    """The octets; None for a spelling that `_encoded` does not make, of which the last character has several."""
    try:
        raw = a2b_base64(text.encode().translate(TO_STANDARD) + b"=" * (-len(text) % 4))
    except Base64Error:
        return None
    return raw if _encoded(raw) == text else None
