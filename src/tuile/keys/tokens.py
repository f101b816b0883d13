"""Tokens: signed or encrypted texts with a creation time, an expiry and a key id, in a format that fits into cookies.

    s1.KEY-ID.BODY.TAG     signed: anyone can read it, only holders of the key can change it
    e2.KEY-ID.BOX          encrypted: only holders of the key can read or change it
    e1.KEY-ID.BOX          the former encryption, which is read and no longer written

KEY-ID is eight hexadecimal digits. BODY is the time of creation and of expiry (seconds since 1970, five octets each;
an expiry of zero means never) and the text as UTF-8; TAG is its HMAC-SHA256 (RFC 2104). BOX is 24 random octets and
the body in XAES-256-GCM (see `xaes`). All of it is canonical base64url without padding (RFC 4648 section 5). Tag and
box also cover everything before them, the purpose and the name that the token is bound to. `docs/keys.md` specifies
every octet, with examples.

In an `e1` box the first 12 of the random octets go into the key (HMAC-SHA256), and the other 12 are the nonce of
AES-256-GCM (NIST SP 800-38D).
"""

from __future__ import annotations

import typing as t
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hmac import compare_digest
from secrets import token_bytes

from ..exceptions import BadToken
from ..lazy import lazy_pattern
from .secret import Secret, hmac_digest
from .xaes import NONCE_BYTES, TAG_BYTES, open_gcm, open_sealed, seal

#: The versions that are written.
SIGNED: t.Final = "s1"
ENCRYPTED: t.Final = "e2"
Version: t.TypeAlias = t.Literal["s1", "e1", "e2"]
# The version that is written, and all versions that are read for it; others are refused.
_READ: dict[str, tuple[Version, ...]] = {SIGNED: (SIGNED,), ENCRYPTED: (ENCRYPTED, "e1")}

TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
TO_STANDARD = bytes.maketrans(b"-_", b"+/")

_MOMENT_BYTES = 5
#: The latest time that fits into a token; it is in the year 36812.
LATEST: t.Final[int] = 2 ** (8 * _MOMENT_BYTES) - 1
#: How far the clocks of two machines may differ before one refuses the other's tokens as made in the future.
CLOCK_SKEW_S: t.Final = 60

_token = lazy_pattern(r"([a-z])([0-9]{1,3})\.([0-9a-f]{8})\.([A-Za-z0-9_.-]+)")


class Opened(t.NamedTuple):
    """The content of a token: the text, the creation and expiry times in seconds since 1970, and the id of its key."""

    value: str
    issued: int
    expires: int | None
    key_id: str

    def __repr__(self) -> str:
        # The value is left out, because it may have been encrypted.
        return f"<Opened key {self.key_id}, issued {self.issued}, expires {self.expires}>"


def is_encrypted(token: str) -> bool:
    """Return whether a text begins like an encrypted token; no Flask session does."""
    return token[:3] in _ENCRYPTED_HEADS


_ENCRYPTED_HEADS = frozenset(f"{version}." for version in _READ[ENCRYPTED])


def make_token(
    version: Version, key: Secret, key_id: str, bound: bytes, value: Secret, issued: float, expires: float | None
) -> str:
    """Return the token for a text.

    Args:
        version: `SIGNED` or `ENCRYPTED`.
        key: 32 octets that are used for this version and this purpose only.
        key_id: The id of the key that `key` was derived from.
        bound: What else must be the same when the token is opened; see `bound_to`.
        value: The text in UTF-8.
        issued: The time of creation, in seconds since 1970.
        expires: The time of expiry, in seconds since 1970; None for never.

    Raises:
        RuntimeError: If the package cryptography is not installed.
    """
    ends = 0 if expires is None else _moment(expires, least=1)
    times = _moment(issued).to_bytes(_MOMENT_BYTES, "big") + ends.to_bytes(_MOMENT_BYTES, "big")
    head = f"{version}.{key_id}."
    if version == ENCRYPTED:
        nonce = token_bytes(NONCE_BYTES)
        return head + encode_base64(nonce + seal(key, nonce, Secret(times + value.octets), bound + head.encode()))
    if version != SIGNED:
        raise ValueError(f"Tokens of the version {version!r} are read, and no longer made.")
    signed = head + encode_base64(times + value.octets)
    return f"{signed}.{_tag(key, bound, signed)}"


def open_token(
    version: Version,
    token: str,
    keys: t.Callable[[str, Version], t.Iterable[Secret]],
    bound: bytes,
    now: float,
    max_age_s: float | None = None,
) -> Opened:
    """Return the content of a token.

    Args:
        version: `SIGNED` or `ENCRYPTED`; a former version of the same kind is read as well.
        token: The text, as `make_token` returned it.
        keys: Returns the keys with an id, for a version and this purpose.
        bound: The value it was made with.
        now: The current time, in seconds since 1970.
        max_age_s: The maximum age in seconds, regardless of its expiry; None for any age.

    Raises:
        BadToken: If it is not a token, was made for something else, was changed, or is too old.
        RuntimeError: If it is encrypted, and the package cryptography is not installed.
    """
    key_id, found, head, rest = _split(version, token)
    read = _read_signed if found == SIGNED else _read_box if found == ENCRYPTED else _read_former_box
    for key in keys(key_id, found):
        body = read(key, bound, head, rest)
        if body is not None:
            return _checked_content(body, key_id, now, max_age_s)
    raise BadToken("The token was changed, or was made for another name or another purpose.", "tampered")


def bound_to(purpose: str, name: str) -> bytes:
    """Encode purpose and name unambiguously as octets."""
    parts = (str.encode(part, errors="surrogatepass") for part in (purpose, name))
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _moment(seconds: float, least: int = 0) -> int:
    return max(least, min(int(seconds), LATEST))


def _split(version: Version, token: str) -> tuple[str, Version, str, str]:
    """Split a token into the id of its key, its version, the text before the content, and the content."""
    found = _token.fullmatch(token)
    if found is None:
        raise BadToken("The text is not a token.", "no token")
    if found[1] != version[0]:
        kind = "encrypted" if version == ENCRYPTED else "signed"
        raise BadToken(f"The token is not {kind}.", "other kind")
    for known in _READ[version]:
        if known == found[1] + found[2]:
            return found[3], known, token[: found.start(4)], found[4]
    raise BadToken(f"The token's version is {found[1]}{found[2]}, and {version} is known.", "unknown version")


def _checked_content(body: Secret, key_id: str, now: float, max_age_s: float | None) -> Opened:
    """Return the content of a verified token, if it is not too old.

    The text is taken out of the secret last, so that no traceback shows the content of an old token.
    """
    issued = int.from_bytes(body.octets[:_MOMENT_BYTES], "big")
    ends = int.from_bytes(body.octets[_MOMENT_BYTES : 2 * _MOMENT_BYTES], "big")
    if ends and now >= ends:
        raise BadToken(f"The token expired {int(now) - ends} s ago.", "expired")
    # The age in whole seconds, as itsdangerous counts it.
    if max_age_s is not None and not -CLOCK_SKEW_S <= int(now) - issued <= max_age_s:
        raise BadToken(f"The token is {int(now) - issued} s old; it may be 0 to {max_age_s} s old.", "expired")
    try:
        return Opened(body.octets[2 * _MOMENT_BYTES :].decode(), issued, ends or None, key_id)
    except UnicodeDecodeError:
        pass  # the error is raised below, because this one contains the octets
    raise BadToken("The token does not contain text.", "no token")


def _read_signed(key: Secret, bound: bytes, head: str, rest: str) -> Secret | None:
    body, _, tag = rest.partition(".")
    if not compare_digest(_tag(key, bound, head + body), tag):
        return None
    octets = _decode_base64(body)
    return None if octets is None else Secret(octets)


def _tag(key: Secret, bound: bytes, signed: str) -> str:
    return encode_base64(hmac_digest(key.octets, bound + signed.encode(), "sha256"))


def _read_box(key: Secret, bound: bytes, head: str, rest: str) -> Secret | None:
    box = _box(rest)
    return None if box is None else open_sealed(key, box[:NONCE_BYTES], box[NONCE_BYTES:], bound + head.encode())


def _read_former_box(key: Secret, bound: bytes, head: str, rest: str) -> Secret | None:
    box = _box(rest)
    if box is None:
        return None
    derived = Secret(hmac_digest(key.octets, b"tuile box " + box[:12], "sha256"))
    return open_gcm(derived, box[12:NONCE_BYTES], box[NONCE_BYTES:], bound + head.encode())


def _box(text: str) -> bytes | None:
    """Return the octets of a box; None if the text is too short to be one."""
    box = _decode_base64(text)
    return None if box is None or len(box) < NONCE_BYTES + TAG_BYTES + 2 * _MOMENT_BYTES else box


def encode_base64(raw: bytes) -> str:
    """Return octets as base64url without padding."""
    return b2a_base64(raw, newline=False).translate(TO_URL_SAFE, b"=").decode()


def _decode_base64(text: str) -> bytes | None:
    """Return the octets; None for text that is not canonical: several last characters stand for the same octet."""
    try:
        raw = a2b_base64(text.encode().translate(TO_STANDARD) + b"=" * (-len(text) % 4))
    except Base64Error:
        return None
    return raw if encode_base64(raw) == text else None
