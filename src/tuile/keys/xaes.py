"""XAES-256-GCM: authenticated encryption with nonces of 24 octets, which can safely be random.

The construction is that of C2SP (https://c2sp.org/XAES-256-GCM, read 2026-11-28): the first half of the nonce derives
a key of its own (NIST SP 800-108r1, in counter mode with CMAC), with which AES-256-GCM encrypts under the second
half. It needs the package cryptography.
"""

from __future__ import annotations

import typing as t

from .secret import Secret

if t.TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: t.Final = 24
TAG_BYTES: t.Final = 16

_BLOCK_BYTES = 16


def seal(key: Secret, nonce: bytes, plaintext: Secret, associated: bytes) -> bytes:
    """Return the ciphertext and its tag.

    Args:
        key: 32 octets.
        nonce: 24 octets, used only once with each key.
        plaintext: The text to encrypt.
        associated: Data that is authenticated with it, and must be the same for decryption.

    Raises:
        RuntimeError: If the package cryptography is not installed.
    """
    sealed: bytes = require_cipher()(_derived(key, nonce).octets).encrypt(nonce[12:], plaintext.octets, associated)
    return sealed


def open_sealed(key: Secret, nonce: bytes, sealed: bytes, associated: bytes) -> Secret | None:
    """Return the plaintext; None if anything was changed.

    Raises:
        RuntimeError: If the package cryptography is not installed.
    """
    return open_gcm(_derived(key, nonce), nonce[12:], sealed, associated)


def _derived(key: Secret, nonce: bytes) -> Secret:
    """Return the key for one nonce: CMAC over two blocks with a counter and the nonce's first half."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise RuntimeError(MISSING) from error
    encrypt = Cipher(algorithms.AES(key.octets), modes.ECB()).encryptor().update  # noqa: S305 - of single blocks
    # CMAC's subkey for a message that fills its only block (RFC 4493, section 2.3).
    subkey = Secret(_double(encrypt(bytes(_BLOCK_BYTES))))
    blocks = [Secret(_xor(b"\0" + bytes((counter,)) + b"X\0" + nonce[:12], subkey.octets)) for counter in (1, 2)]
    return Secret(encrypt(blocks[0].octets + blocks[1].octets))


def _double(block: bytes) -> bytes:
    """Multiply a block by x in CMAC's field."""
    shifted = int.from_bytes(block, "big") << 1
    if shifted >> 128:
        shifted ^= 1 << 128 | 0x87
    return shifted.to_bytes(_BLOCK_BYTES, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


MISSING: t.Final = 'Encryption needs the package cryptography: pip install "tuile[crypto]"'


def require_cipher() -> type[AESGCM]:
    """Return the cipher class. The error says what to install, even if there is no token to read.

    Raises:
        RuntimeError: If the package cryptography is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise RuntimeError(MISSING) from error
    return AESGCM


def open_gcm(key: Secret, nonce: bytes, sealed: bytes, associated: bytes) -> Secret | None:
    """Decrypt with AES-256-GCM; None if anything was changed.

    Raises:
        RuntimeError: If the package cryptography is not installed.
    """
    cipher = require_cipher()(key.octets)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra

    try:
        return Secret(cipher.decrypt(nonce, sealed, associated))
    except InvalidTag:
        return None
