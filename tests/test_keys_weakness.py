"""Keys that can be guessed are found, and random ones are not called weak, however they are written down."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import re
import string
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.content import SECRET_KEY as CONTENT_KEY
from tuile.keys.published import PUBLISHED, fingerprint
from tuile.keys.weakness import weakness

if TYPE_CHECKING:
    from collections.abc import Callable

SHA256_OF_SECRET = hashlib.sha256(b"secret")

GUESSABLE: dict[str, str | bytes] = {
    # too short for what they are made of
    "empty": "",
    "64 bits in hexadecimal digits": "0f7ebd1f9a2c4c5f",
    "31 hexadecimal digits": "9d3f1c7be05a8264f1b0c3d7e9a2568",
    "groups of hexadecimal digits": "9d3f 1c7b e05a 8264",
    "with 0x": "0x9d3f1c7be05a8264f1b0c3d7e9a25",
    "16 digits": "8305719264430917",
    "letters": "kdpqzmvtbnwxrjhs",
    # sequences, repetitions
    "digits in order": "1234567890123456",
    "the alphabet": "abcdefghijklmnop",
    "the alphabet, whole and twice": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "backwards": "zyxwvutsrqponmlkjihgfedcba9876543210",
    "the hexadecimal digits": "0123456789abcdef0123456789abcdef",
    "the hexadecimal digits backwards": "ffeeddccbbaa99887766554433221100",
    "two by two": "00112233445566778899aabbccddeeff",
    "along the keyboard": "qwertyuiopasdfghjklzxcvbnm123456",
    "digits and letters by turns": "1q2w3e4r5t6y7u8i9o0p",
    "one character": "x" * 64,
    "few characters": "0101010101010101010101010101010101",
    "repeated words": "changeme" * 4,
    "repeated groups": "k7Xq" * 16,
    "repeated, the last time cut off": ("mB4" * 30)[:64],
    "octets of one value": bytes(32),
    "octets in order": bytes(range(32)),
    "octets in order, as base64": base64.b64encode(bytes(range(16))).decode(),
    "a nearly empty UUID": "00000000-0000-4000-8000-000000000001",
    "the UUID of a time and a machine": "9a21e0d6-7c1f-11ee-b962-0242ac120002",
    # words
    "the beginning of examples": "your-256-bit-secret",
    "a whole example": "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "our own former documentation": "print one with: tuile secret",
    "words together": "SuperSecretKey1234",
    "words in disguise": "Sup3rS3cr3tP@ssw0rd!2024",
    "words and a number": "this-is-the-very-long-production-secret-key-for-my-app-1",
    "down the columns of the keyboard": "zaq12wsxcde34rfvbgt5",
    "the row of the middle": "asdfjkl;asdfjkl;qwer",
    "a moment": "2024-01-01T00:00:00.000Z",
    "a date in words": "January 1st, 2024 12:00",
    "dates": "20240101-20241231-2025",
    "a name and a year": "MyCompanySecret2024!!",
    "passwords": "monkeydragonfootballbaseball",
    "seasons": "Summer2024!Winter2024!",
    "all letters in a sentence": "The quick brown fox jumps over the lazy dog",
    "printers' text": "loremipsumdolorsitamet",
    "the digits of pi": "31415926535897932384626433832795",
    "pi": "3.14159265358979323846264338327950288",
    "primes": "2357111317192329313741434753596167",
    "a program": "os.environ.get('SECRET_KEY')",
    "another program": "import secrets; secrets.token_hex()",
    "what was to be filled in": "<your-secret-key-here-32-chars-min>",
    "a URL": "postgresql://user:pass@localhost/db",
    "Russian": "пароль-пароль-секрет",
    "Russian words together": "мойсекретныйключ",
    "Spanish": "contraseña-secreta-123",
    "French": "clé-secrète-très-secrète",
    "Chinese": "我的密码密钥密码密钥",
    "wide letters": "ｓｅｃｒｅｔｓｅｃｒｅｔ",
    "with the mark of the order of octets": b"\xef\xbb\xbfsecretsecretkey!",
    "with a change of direction": "\u202esecretsecretsecretsecret",
    "words as base32": base64.b32encode(b"this is my secret key!!").decode(),
    "words as base64 of base64": base64.b64encode(base64.b64encode(b"this is my secret key")).decode(),
    "a UUID of a time, in braces": "{9a21e0d6-7c1f-11ee-b962-0242ac120002}",
    "a UUID of a time, as a URN": "urn:uuid:9a21e0d6-7c1f-11ee-b962-0242ac120002",
    "words in octets": b"super-secret-key-change-me",
    "words as base64": base64.b64encode(b"my-development-secret-key").decode(),
    "words as hexadecimal digits": b"please-change-this-secret".hex(),
    "hexadecimal words": "deadbeefcafebabe0123456789abcdef",
    "a key that says so": "django-insecure-x8f7%dfhgsk2345kjhlkjh(2b!q_0w",
    # hashes of words
    "a hash": SHA256_OF_SECRET.hexdigest(),
    "in capitals": SHA256_OF_SECRET.hexdigest().upper(),
    "its octets": SHA256_OF_SECRET.digest(),
    "half of it": SHA256_OF_SECRET.hexdigest()[:32],
    "as base64": base64.b64encode(SHA256_OF_SECRET.digest()).decode(),
    "the other half of it": SHA256_OF_SECRET.hexdigest()[32:],
    "of its octets": hashlib.sha256(SHA256_OF_SECRET.digest()).hexdigest(),
    "of its digits": hashlib.sha256(SHA256_OF_SECRET.hexdigest().encode()).hexdigest(),
    "of a password": hashlib.sha256(b"monkey").hexdigest(),
    "as base64url": base64.urlsafe_b64encode(SHA256_OF_SECRET.digest()).decode().rstrip("="),
    "MD5": hashlib.md5(b"password", usedforsecurity=False).hexdigest(),
    "SHA-1": hashlib.sha1(b"changeme", usedforsecurity=False).hexdigest(),
    "SHA-512": hashlib.sha512(b"Admin").hexdigest(),
    "SHA3": hashlib.sha3_256(b"test").hexdigest(),
    "of a line": hashlib.sha256(b"secret\n").hexdigest(),
    "of nothing": hashlib.sha256().hexdigest(),
    # published
    "Flask's documentation": b'_5#y2L"F4Q8z\n\xec]/',
    "Flask's tutorial": "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "as it is spelled in Python": '_5#y2L"F4Q8z\\n\\xec]/',
    "with the quotes": "b'_5#y2L\"F4Q8z\\n\\xec]/'",
    "octets as text": '\xfd{H\xe5<\x95\xf9\xe3\x96.5\xd1\x01O<!\xd5\xa2\xa0\x9fR"\xa1\xa8',
    "a course": "8BYkEfBA6O6donzWlSihBXox7C0sKR6b",
    "an example of a UUID": "550e8400-e29b-41d4-a716-446655440000",
    "a test vector": "2b7e151628aed2a6abf7158809cf4f3c",
    "Flask's former documentation": "A0Zr98j/3yX R~XHH!jmN]LWX/,?RT",
    "with a line's end": "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf\n",
    "Flask-Security's documentation": "pf9Wkove4IKEAXvy-cQkeDPhv9Cb3Ag-wyJILbq_dFw",
    "FastAPI's documentation": "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "Superset": "\2\1thisismyscretkey\1\2\\e\\y\\y\\h",
    "Superset's": "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
    "Superset's chart": "thisISaSECRET_1234",
    "Airflow": "temporary_key",
    "Redash": "c292a0a3aa32397cdb050e233733900f",
    "Paperless": "e11fl1oa-*ytql8p)(06fbj4ukrlo+n7k&q5+$1md7i+mge=ee",
    "a comic": "correct horse battery staple",
}


@pytest.mark.parametrize("key", GUESSABLE.values(), ids=GUESSABLE)
def test_a_key_that_can_be_guessed_is_found_and_not_told(key: str | bytes) -> None:
    why = weakness(key)
    assert why is not None
    assert not key or str(key) not in why


def test_text_and_its_octets_are_judged_alike() -> None:
    for key in GUESSABLE.values():
        if isinstance(key, str):
            assert weakness(key.encode()) == weakness(key)


def base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode()


BASE58 = "".join(sorted({*string.ascii_letters, *string.digits} - {*"0OIl"}))


def made_up_word(source: random.Random) -> str:
    """Eight of them have more than 128 bits, as eight words of a long list have."""
    return "".join(source.choice("bcdfglmnprstvz") + source.choice("aeiou") for _ in range(3))


FORMS: dict[str, Callable[[random.Random], str | bytes]] = {
    "hex": lambda source: source.randbytes(16).hex(),
    "hex in capitals": lambda source: source.randbytes(16).hex().upper(),
    "base64": lambda source: base64.b64encode(source.randbytes(16)).decode(),
    "base64 without padding": lambda source: base64.b64encode(source.randbytes(16)).decode().rstrip("="),
    "base64url": lambda source: base64.urlsafe_b64encode(source.randbytes(16)).decode().rstrip("="),
    "base32": lambda source: base32(source.randbytes(16)),
    "base32 without padding": lambda source: base32(source.randbytes(16)).rstrip("=").lower(),
    "letters": lambda source: "".join(source.choices(string.ascii_letters, k=23)),
    "small letters": lambda source: "".join(source.choices(string.ascii_lowercase, k=28)),
    "letters and digits": lambda source: "".join(source.choices(string.ascii_letters + string.digits, k=22)),
    "digits": lambda source: "".join(source.choices(string.digits, k=39)),
    "printable": lambda source: "".join(source.choices(string.printable[:94], k=20)),
    "octets": lambda source: source.randbytes(16),
    "base58": lambda source: "".join(source.choices(BASE58, k=22)),
    "Crockford's base32": lambda source: "".join(source.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=26)),
    "UUIDs": lambda source: str(uuid.UUID(bytes=source.randbytes(16), version=4)),
    "base85": lambda source: base64.b85encode(source.randbytes(16)).decode(),
    "digits of eight": lambda source: f"{source.getrandbits(128):o}".zfill(43),
    "with a prefix": lambda source: "key_live_" + base64.urlsafe_b64encode(source.randbytes(16)).decode().rstrip("="),
    "made-up words": lambda source: "-".join(made_up_word(source) for _ in range(8)),
}
# TUILE_RANDOM_KEYS=16000 is 208,000 keys in all and takes three minutes.
HOW_MANY = int(os.environ.get("TUILE_RANDOM_KEYS", "400"))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("form", FORMS)
def test_random_keys_of_128_bits_are_not_called_weak(form: str) -> None:
    source = random.Random(f"keys in {form}")
    keys = (FORMS[form](source) for _ in range(HOW_MANY))
    assert {key: why for key in keys if (why := weakness(key)) is not None} == {}


def test_random_keys_of_256_bits_and_random_uuids_are_not_called_weak() -> None:
    source = random.Random("longer keys")
    for _ in range(100):
        octets = source.randbytes(32)
        identifier = f"{source.randbytes(4).hex()}-1234-4abc-9def-{source.randbytes(6).hex()}"
        for key in (octets, octets.hex(), base64.b64encode(octets), base32(octets), identifier):
            assert weakness(key) is None


def test_a_long_key_is_judged_in_a_bounded_number_of_steps() -> None:
    def lines_run(key: str | bytes) -> int:
        count = 0

        def trace(*_: object) -> Any:
            nonlocal count
            count += 1
            return trace

        sys.settrace(trace)
        try:
            weakness(key)
        finally:
            sys.settrace(None)
        return count

    characters = "".join(random.Random(1).choices(string.ascii_letters, k=100_000))
    for key in (characters, characters.encode().hex(), random.Random(1).randbytes(100_000)):
        assert lines_run(key) < 5 * lines_run(key[:1024])


def test_the_list_of_published_keys_has_no_key_in_it() -> None:
    assert len(PUBLISHED) > 100
    assert all(len(entry) == 16 and set(entry) <= set("0123456789abcdef") for entry in PUBLISHED)
    assert fingerprint(b"your-256-bit-secret") in PUBLISHED


ROOT = Path(__file__).resolve().parent.parent
# A shell's `$(tuile secret)` makes a key and is none.
SHOWN = re.compile(r"""(?:SECRET_KEY|secret_key|OLD|NEW)["'\]]* *[=:] *b?["'](?!\$\()([^"'\n]+)["']""")


def shown_keys() -> list[tuple[str, str]]:
    files = [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.py"),
        *ROOT.glob("examples/**/*.md"),
    ]
    found = [(file.name, key) for file in files for key in SHOWN.findall(file.read_text(encoding="utf-8"))]
    return [*found, ("benchmarks", CONTENT_KEY)]


@pytest.mark.parametrize(("file", "key"), sorted(set(shown_keys())))
def test_the_keys_that_we_show_are_strong_and_on_the_list(file: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weakness(key) == "it was published", file
    monkeypatch.setattr("tuile.keys.weakness.is_published", lambda _: False)
    assert weakness(key) is None, file


def test_the_pages_show_keys() -> None:
    assert {"keys.md", "sessions.md", "testing.md"} <= {file for file, _ in shown_keys()}
