"""Pack the text of a session for a cookie, as itsdangerous does: base64url, compressed if that is shorter."""

from __future__ import annotations

import typing as t
import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from ..exceptions import BadToken
from ..keys.tokens import TO_STANDARD, TO_URL_SAFE

# The sizes of the header and the checksum that zlib.compress adds (RFC 1950).
_ZLIB_HEADER, _ZLIB_BYTES = b"\x78\x9c", 6
# The memory that zlib.compress uses: a table of 64 KiB.
_ZLIB_MEMORY = 8


# Compressing a text of up to 33 octets does not make it shorter if at most 8 of them occur earlier in it. Each of the
# other octets has to be coded by itself, because what is repeated occurs earlier (RFC 1951). With fixed codes that
# takes 8 bits. With codes of its own a block has a longer head: a test computes the least that both can take.
_LOOKED_AT, _REPEATED = 33, 8
_FEW_KEYS, _FEW_COMMAS = 32, 40


def pack(text: str) -> bytes:
    """Return text as URL-safe base64 without padding (RFC 4648 section 5), compressed after a dot if shorter.

    Raises:
        ValueError: If the text is too long to be unpacked again.
    """
    raw, mark = text.encode(), b""
    if len(raw) > MAX_UNPACKED_BYTES:
        check_size(len(raw))
    if len(raw) <= _LOOKED_AT and len(raw) <= len(set(raw)) + _REPEATED:
        return b2a_base64(raw, newline=False).translate(TO_URL_SAFE).rstrip(b"=")
    deflated = _deflated(raw)
    if len(deflated) + _ZLIB_BYTES < len(raw) - 1:
        raw, mark = b"%s%s%s" % (_ZLIB_HEADER, deflated, zlib.adler32(raw).to_bytes(4, "big")), b"."
    return mark + b2a_base64(raw, newline=False).translate(TO_URL_SAFE).rstrip(b"=")


def _deflated(raw: bytes) -> bytes:
    """Return octets as `zlib.compress` compresses them, without its header and checksum.

    It clears 256 KiB for a window of 32 KiB. A window that is 262 octets larger than the data gives the same result,
    much faster. So does a smaller table of what occurred where, unless something occurs so often that not all of its
    places are tried: of 915,000 JSON texts of up to 762 octets none differed, of 27,000 of up to 1,786 octets 4, all of
    which had many keys or commas. What consists of two or four letters becomes longer or shorter by a few octets.
    """
    size = len(raw)
    if size <= 762:
        window, memory = (9, 1 if size <= 120 else 4) if size <= 250 else (10, 5)
    else:
        window, memory = 11 if size <= 1786 else 12 if size <= 3834 else 15, _ZLIB_MEMORY
        if size <= 1786 and raw.count(b'":') <= _FEW_KEYS and raw.count(b",") <= _FEW_COMMAS:
            memory = 5
    compressor = zlib.compressobj(-1, zlib.DEFLATED, -window, memory)
    return compressor.compress(raw) + compressor.flush()


def unpack(packed: bytes) -> str:
    """Return the text that was packed.

    Raises:
        BadToken: If `pack` cannot have returned this.
    """
    compressed = packed[:1] == b"."
    encoded = packed[1:] if compressed else packed
    try:
        raw = a2b_base64(encoded.translate(TO_STANDARD) + b"=" * (-len(encoded) % 4))
        return (inflated(raw) if compressed else raw).decode()
    except BadToken as error:
        message = str(error)
    except (Base64Error, UnicodeDecodeError, zlib.error) as error:
        message = f"The value cannot be unpacked: {error}."
    # Without a cause: the other error contains the octets, and tracebacks show local variables.
    packed = encoded = raw = b""
    raise BadToken(message)


#: The longest text that is packed and unpacked, in octets: a few hundred octets can inflate to megabytes.
MAX_UNPACKED_BYTES: t.Final = 256 * 1024


def check_size(length: int) -> None:
    """Refuse to write a session that is too long to be read again.

    Raises:
        ValueError: If the text has more octets than `MAX_UNPACKED_BYTES`.
    """
    if length > MAX_UNPACKED_BYTES:
        raise _too_long()


def _too_long() -> ValueError:
    return ValueError(
        f"The session has more than {MAX_UNPACKED_BYTES} octets as JSON and could not be read again. Store only an"
        " id in it, and keep the data in a database."
    )


def checked(text: str) -> str:
    """Return the text, or raise a ValueError if it is too long to be read again."""
    if len(text.encode()) > MAX_UNPACKED_BYTES:
        del text  # tracebacks show local variables
        raise _too_long()
    return text


def inflated(compressed: bytes) -> bytes:
    """Decompress a zlib stream.

    Raises:
        BadToken: If the result is longer than `MAX_UNPACKED_BYTES`.
        zlib.error: If it is not a complete zlib stream.
    """
    inflater = zlib.decompressobj()
    raw = inflater.decompress(compressed, MAX_UNPACKED_BYTES + 1)
    if len(raw) > MAX_UNPACKED_BYTES:
        message = f"The value inflates to more than {MAX_UNPACKED_BYTES} octets."
        raise BadToken(message)
    if not inflater.eof:
        message = "incomplete or truncated stream"
        raise zlib.error(message)
    return raw
