"""A second implementation of tokens, written from the words of docs/keys.md alone: both read what the other makes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tuile.keys import tokens
from tuile.keys.ring import KeyRing

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "keys.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## The format\n")[2]
KEY = re.search(r"`([0-9a-f]{64})` \(as text", SECTION)[1]  # type: ignore[index] # it is there
MADE = 1767225600
NONCE = bytes(range(24))

# --- the second implementation: the standard library and cryptography, nothing of Tuile -------------------------------


def hkdf(key: bytes, info: bytes, length: int) -> bytes:
    extract = hmac.new(b"tuile.keyring 1", key, hashlib.sha256).digest()
    done = block = b""
    while len(done) < length:
        block = hmac.new(extract, block + info + bytes([len(done) // 32 + 1]), hashlib.sha256).digest()
        done += block
    return done[:length]


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def unb64(text: str) -> bytes:
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(octets) != text:
        raise ValueError("not the one spelling")
    return octets


def derived_key(version: str, key: bytes, nonce: bytes) -> bytes:
    if version == "e1":
        return hmac.new(key, b"tuile box " + nonce[:12], hashlib.sha256).digest()
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - of single blocks
    doubled = int.from_bytes(aes.update(bytes(16)), "big") << 1
    subkey = (doubled ^ (0x87 | 1 << 128)) if doubled >> 128 else doubled
    blocks = [int.from_bytes(bytes([0, number, 0x58, 0]) + nonce[:12], "big") ^ subkey for number in (1, 2)]
    return aes.update(blocks[0].to_bytes(16, "big")) + aes.update(blocks[1].to_bytes(16, "big"))


def bound(purpose: str, name: str) -> bytes:
    parts = (purpose.encode(), name.encode())
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def make(version: str, secret: str, purpose: str, name: str, content: bytes, nonce: bytes) -> str:
    key = hkdf(secret.encode(), f"{version}\0{purpose}".encode(), 32)
    head = f"{version}.{hkdf(secret.encode(), b'id', 4).hex()}."
    if version == "s1":
        body = head + b64(content)
        return f"{body}.{b64(hmac.new(key, bound(purpose, name) + body.encode(), hashlib.sha256).digest())}"
    cipher = AESGCM(derived_key(version, key, nonce))
    return head + b64(nonce + cipher.encrypt(nonce[12:], content, bound(purpose, name) + head.encode()))


def read(secret: str, purpose: str, name: str, token: str) -> bytes:
    version, key_id, rest = token.split(".", 2)
    if key_id != hkdf(secret.encode(), b"id", 4).hex():
        raise ValueError("another key")
    if version == "s1":
        content = unb64(rest.partition(".")[0])
        if not hmac.compare_digest(make(version, secret, purpose, name, content, b""), token):
            raise ValueError("changed")
        return content
    box, key = unb64(rest), hkdf(secret.encode(), f"{version}\0{purpose}".encode(), 32)
    associated = bound(purpose, name) + f"{version}.{key_id}.".encode()
    return AESGCM(derived_key(version, key, box)).decrypt(box[12:24], box[24:], associated)


# --- both ways --------------------------------------------------------------------------------------------------------


class Example(NamedTuple):
    version: str
    purpose: str
    name: str
    expires: int
    value: str
    token: str

    @property
    def content(self) -> bytes:
        return MADE.to_bytes(5, "big") + self.expires.to_bytes(5, "big") + self.value.encode()


def examples() -> list[Example]:
    rows = re.findall(r"^\| `([se]\d)` \| (.*) \|$", SECTION, re.MULTILINE)
    cells = [[version, *(cell.strip().strip("`") for cell in row.split("|"))] for version, row in rows]
    return [Example(row[0], row[1], row[2], int(row[3]), row[4], row[5]) for row in cells]


EXAMPLES = examples()
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.version} {example.purpose}")


def test_the_page_has_four_examples_and_the_implementation_is_short() -> None:
    assert sorted(example.version for example in EXAMPLES) == ["e1", "e2", "s1", "s1"]
    ours = Path(__file__).read_text(encoding="utf-8").partition("nothing of Tuile")[2].partition("# --- both ways")[0]
    lines = [line for line in ours.splitlines()[1:] if line.strip()]
    assert len(lines) < 60


@every_example
def test_the_second_implementation_makes_and_reads_the_examples(example: Example) -> None:
    arguments = (example.version, KEY, example.purpose, example.name, example.content, NONCE)
    assert make(*arguments) == example.token
    assert read(KEY, example.purpose, example.name, example.token) == example.content


def ring_reads(secret: str, example: Example) -> tokens.Opened:
    ring = KeyRing(secret)
    opening = ring.verify if example.version == "s1" else ring.decrypt
    return opening(example.purpose, example.token, name=example.name, now=MADE + 1)


@every_example
def test_tuile_makes_and_reads_the_examples(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ring_reads(KEY, example)
    assert (found.value, found.issued, found.expires or 0) == (example.value, MADE, example.expires)
    if example.version != "e1":
        monkeypatch.setattr(tokens, "token_bytes", lambda _: NONCE)
        ring = KeyRing(KEY)
        making = ring.sign if example.version == "s1" else ring.encrypt
        expires = example.expires or None
        assert making(example.purpose, example.value, name=example.name, now=MADE, expires=expires) == example.token


texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(version=st.sampled_from(["s1", "e1", "e2"]), secret=texts.filter(bool), purpose=texts, name=texts, value=texts)
def test_each_reads_what_the_other_makes(version: str, secret: str, purpose: str, name: str, value: str) -> None:
    example = Example(version, purpose, name, MADE + 9, value, "")
    token = make(version, secret, purpose, name, example.content, NONCE)
    assert ring_reads(secret, example._replace(token=token)).value == value
    if version != "e1":
        ring = KeyRing(secret)
        making = ring.sign if version == "s1" else ring.encrypt
        made = making(purpose, value, name=name, now=MADE, expires=MADE + 9)
        assert made.startswith(f"{version}.")
        assert read(secret, purpose, name, made) == example.content


def test_the_purposes_are_those_of_the_page() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SECRET_KEY=KEY, SESSION_ENCRYPT=True)

    @app.get("/")
    def index() -> str:
        tuile.session["user"] = "ada"
        tuile.cookies.signed.set("theme", "dark")
        tuile.cookies.encrypted.set("visits", "1")
        return "an answer"

    client: Any = app.test_client()
    client.get("/")
    for name, purpose, value in (
        ("session", "session cookie-session", b'{"user":"ada"}'),
        ("theme", "cookie", b"dark"),
        ("visits", "cookie", b"1"),
    ):
        assert read(KEY, purpose, name, client.get_cookie(name).value)[10:] == value
    (derived,) = re.findall(r'`app.keyring.derive\("my-extension tokens"\)` is `([0-9a-f]+)`', SECTION)
    assert app.keyring.derive("my-extension tokens").hex() == derived
    assert hkdf(KEY.encode(), b"derive\0my-extension tokens", 32).hex() == derived
