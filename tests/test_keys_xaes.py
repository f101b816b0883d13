"""XAES-256-GCM is the published construction: the vectors of C2SP, the single ones and the accumulated ones."""

from __future__ import annotations

import hashlib
import os

import pytest

from tuile.keys.secret import Secret
from tuile.keys.xaes import open_sealed, seal

NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"
ACCUMULATED = {
    10_000: "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939",
    1_000_000: "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15",
}


@pytest.mark.parametrize(
    ("octet", "associated", "sealed"),
    [
        # The first bit of the block that the subkey comes from is 0 here and 1 there.
        (1, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (3, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_the_vectors_of_the_specification(octet: int, associated: bytes, sealed: str) -> None:
    key = Secret(bytes((octet,)) * 32)
    assert seal(key, NONCE, Secret(b"XAES-256-GCM"), associated).hex() == sealed
    opened = open_sealed(key, NONCE, bytes.fromhex(sealed), associated)
    assert opened is not None
    assert opened.octets == b"XAES-256-GCM"


@pytest.mark.timeout(3600)
def test_the_accumulated_vectors() -> None:
    times = int(os.environ.get("TUILE_XAES_TIMES", "10000"))
    stream = hashlib.shake_128().digest(times * (32 + 24 + 2 + 2 * 255))
    position = 0

    def read(count: int) -> bytes:
        nonlocal position
        position += count
        return stream[position - count : position]

    sums = hashlib.shake_128()
    for _ in range(times):
        key, nonce, plaintext = Secret(read(32)), read(24), Secret(read(read(1)[0]))
        associated = read(read(1)[0])
        sealed = seal(key, nonce, plaintext, associated)
        opened = open_sealed(key, nonce, sealed, associated)
        assert opened == plaintext
        sums.update(sealed)
    assert sums.hexdigest(32) == ACCUMULATED[times]


@pytest.mark.parametrize("changed", ["key", "nonce", "sealed", "associated", "shortened"])
def test_what_was_changed_is_not_opened(changed: str) -> None:
    key, nonce, associated = Secret(bytes(range(32))), bytes(range(24)), b"associated"
    sealed = seal(key, nonce, Secret(b"a value"), associated)
    for bit in range(192):
        flip = 1 << bit

        def flipped(octets: bytes, flip: int = flip) -> bytes:
            number = int.from_bytes(octets, "big") ^ (flip % (1 << 8 * len(octets)) or 1)
            return number.to_bytes(len(octets), "big")

        parts = {"key": key.octets, "nonce": nonce, "sealed": sealed, "associated": associated}
        if changed == "shortened":
            parts["sealed"] = sealed[: -1 - bit % len(sealed)]
        else:
            parts[changed] = flipped(parts[changed])
        assert open_sealed(Secret(parts["key"]), parts["nonce"], parts["sealed"], parts["associated"]) is None
