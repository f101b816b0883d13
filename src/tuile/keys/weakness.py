"""Detect keys that can be guessed: published ones, and those that are too short or made of what people type.

No check can prove that a key is random, but many are plainly not: a key is judged by its alphabet and length, and by
what is left of it without words, repetitions and sequences. The limits are such that a random key of 128 bits passes
in any encoding; `tests/test_weak_keys.py` tries 200,000 of them.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from binascii import Error as Base64Error
from binascii import a2b_base64
from functools import cache
from itertools import pairwise
from math import log2

from .published import is_published
from .secret import Secret, read_key

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .secret import Key

_LEAST_BYTES = 16
_LEAST_HEX_DIGITS = 32
# Less than 128, because a random key may happen to use only a part of its alphabet: one in a hundred keys of 22 base64
# characters has no digit.
_LEAST_BITS = 100
# The minimum that must be left without words and sequences, which random keys can contain by chance.
_LEAST_BITS_LEFT = 60
_LEAST_DIFFERENT = 7
# The rest of a longer key is ignored: a key that needs more to be strong is weak.
_MOST_JUDGED = 1024

# Placeholders for keys.
_WORDS = (
    "abracadabra", "access", "account", "admin", "and", "any", "anything", "api", "app", "application", "auth",
    "backend", "badcode", "base64", "batteryhorse", "bit", "bits", "bytes", "cafebabe", "change", "character",
    "characters", "complex", "config", "cookie", "cookies", "correct", "correcthorse", "crypt", "csrf", "data",
    "database", "deadbeef", "debug", "default", "demo", "dev", "develop", "development", "django", "docker", "dummy",
    "easy", "encrypt", "encryption", "enter", "env", "environment", "everyone", "example", "fake", "fastapi",
    "feedface", "fill", "fixme", "flask", "flaskapp", "foo", "foobar", "for", "from", "generate", "generated",
    "github", "goes", "good", "guess", "guessed", "hard", "hardcoded", "has", "hash", "hello", "here", "hex",
    "hidden", "horse", "hunter", "insecure", "insert", "into", "jwt", "keep", "key", "keys", "know", "knows", "leak",
    "least", "letmein", "local", "localhost", "login", "long", "longer", "make", "master", "must", "mykey", "need",
    "needs", "never", "nobody", "not", "only", "open", "pass", "passphrase", "passwd", "password", "placeholder",
    "please", "prod", "production", "project", "public", "put", "python", "qwerty", "random", "randomly", "real",
    "really", "replace", "root", "safe", "salt", "sample", "secret", "secretkey", "secure", "security", "server",
    "session", "sessions", "set", "shared", "should", "sign", "signing", "simple", "some", "something", "staging",
    "staple", "string", "strong", "super", "superduper", "supersecret", "superset", "sure", "temp", "temporary",
    "test", "testing", "tests", "text", "that", "the", "then", "there", "thing", "this", "todo", "token", "top",
    "topsecret", "tuile", "tutorial", "unsafe", "use", "used", "user", "valid", "value", "very", "webapp", "website",
    "welcome", "which", "will", "with", "word", "world", "xxx", "you", "your", "yours",
)  # fmt: skip
# Two letters count as a word only next to others: at an end, or next to a separator.
_SHORT_WORDS = r"(?<![a-z0-9])(?:my|me|is|it|to|so|in|of|on|at|be|do|if|or|an|as|we|no|a|i)(?![a-z0-9])"
_is_word = re.compile(f"{'|'.join(sorted(_WORDS, key=lambda word: (-len(word), word)))}|{_SHORT_WORDS}|[-_ .:]")
_WITHOUT_DISGUISE = str.maketrans("0134578@$!", "oieastbasi")

# Sequences and keyboard rows, which are followed in both directions and around the end.
_ROWS = ("0123456789", "9abcdef", "abcdefghijklmnopqrstuvwxyz", "1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop",
         "asdfghjkl", "zxcvbnm", "!@#$%^&*()")  # fmt: skip
_FOLLOWS = frozenset(one + other for row in _ROWS for one, other in zip(row, row[1:] + row[:1], strict=True))
_LEAST_RUN = 4
_STRIDES = (1, 2, 3, 4)

_CLASSES: t.Final = (
    (re.compile("[0-9]").search, 10),
    (re.compile("[a-z]").search, 26),
    (re.compile("[A-Z]").search, 26),
    (re.compile("[-_+/=.]").search, 2),
    (re.compile("[^-_+/=.0-9A-Za-z]").search, 31),
)
_is_printable = re.compile(r"[ -~]*").fullmatch
_is_hex = re.compile(r"[0-9a-fA-F]+").fullmatch
_is_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch

_PUBLISHED = "it was published"
_FEW_HEX_DIGITS = f"it has fewer than {_LEAST_HEX_DIGITS} hexadecimal digits"
_SHORT = "it is too short for the characters that it uses"
_REPEATS = "it repeats itself"
_FEW_DIFFERENT = f"it has fewer than {_LEAST_DIFFERENT} different characters"
_GUESSABLE = "it is made of words and sequences"
_OLD_UUID = "it is a UUID that is not random"
_HASH = "it is the hash of a word"


def weakness(key: Key | Secret) -> str | None:
    """Return why a key can be guessed, without revealing it; None if it looks random enough."""
    secret = read_key(key)
    if isinstance(secret, str):
        return None
    if is_published(secret.octets):
        return _PUBLISHED
    return _weakness(secret.octets) or _hash_of_a_word(secret.octets)


def _weakness(octets: bytes, depth: int = 0) -> str | None:
    if len(octets) < _LEAST_BYTES:
        return f"it is shorter than {_LEAST_BYTES} bytes"
    text = octets[:_MOST_JUDGED].decode("latin-1")
    if not _is_printable(text):
        return _weakness_of_octets(text)
    text = text.strip()
    if text.startswith("django-insecure-"):
        return "it says that it is insecure"
    uuid = _is_uuid(text.lower())
    if uuid is not None and uuid[1] != "4":
        return _OLD_UUID
    return _weakness_of_text(text) or _written_otherwise(text, depth)


def _weakness_of_octets(text: str) -> str | None:
    """Judge octets that are not printable text, each as a character."""
    if _period(text) is not None:
        return _REPEATS
    if len(set(text)) < _LEAST_DIFFERENT:
        return _FEW_DIFFERENT
    left = len(text) - len(_in_sequences(text, lambda one, other: ord(other) - ord(one)))
    return _GUESSABLE if left * 8 < _LEAST_BITS_LEFT else None


def _weakness_of_text(text: str) -> str | None:
    digits = re.sub("[- :]", "", text.lower().removeprefix("0x"))
    is_hex = _is_hex(digits) is not None
    if is_hex and len(digits) < _LEAST_HEX_DIGITS:
        return _FEW_HEX_DIGITS
    # Padding adds no randomness.
    judged = digits if is_hex else text.rstrip("=")
    bits_each = 4.0 if is_hex else log2(sum(size for has, size in _CLASSES if has(judged)) or 1)
    if len(judged) * bits_each < _LEAST_BITS:
        return _SHORT
    if len(set(judged)) < _LEAST_DIFFERENT:
        return _FEW_DIFFERENT
    period = _period(judged)
    if period is not None and _weakness_of_text(judged[:period]) is not None:
        return _REPEATS
    left = len(judged) - len(_in_words(judged) | _in_sequences(judged.lower(), _step))
    return _GUESSABLE if left * bits_each < _LEAST_BITS_LEFT else None


def _period(text: str) -> int | None:
    """Return the length of the part that a text repeats, or None if it does not repeat one."""
    period = (text + text).find(text, 1)
    if period < len(text):
        return period
    # The last repetition may be incomplete.
    return next((many for many in range(1, len(text) // 2 + 1) if text.startswith(text[many:])), None)


def _in_words(text: str) -> set[int]:
    """Return the positions of words, disguised ones too, and of separators."""
    found: set[int] = set()
    lower = text.lower()
    for variant in (lower, lower.translate(_WITHOUT_DISGUISE)):
        for match in _is_word.finditer(variant):
            found.update(range(*match.span()))
    return found


def _step(one: str, other: str) -> int | None:
    """Return the step between two characters: 0 for the same, 1 and -1 for neighbours, None for others."""
    if one == other:
        return 0
    return 1 if one + other in _FOLLOWS else -1 if other + one in _FOLLOWS else None


def _in_sequences(text: str, step: t.Callable[[str, str], int | None]) -> set[int]:
    """Return the positions that continue a sequence, as in `aaaa`, `1234` and `a1b2c3d4`."""
    found: set[int] = set()
    for stride in _STRIDES:
        for lane in (range(start, len(text), stride) for start in range(stride)):
            found.update(_followers(text, lane, step))
    return found


def _followers(text: str, lane: Sequence[int], step: t.Callable[[str, str], int | None]) -> Iterator[int]:
    run: list[int] = []
    last: int | None = None
    for before, at in pairwise(lane):
        taken = step(text[before], text[at])
        if taken is None or abs(taken) > 1 or taken != last:
            if len(run) >= _LEAST_RUN - 1:
                yield from run
            run = []
        last = taken
        if taken is not None and abs(taken) <= 1:
            run.append(at)
    if len(run) >= _LEAST_RUN - 1:
        yield from run


def _written_otherwise(text: str, depth: int) -> str | None:
    """Decode a text from base64 or hexadecimal digits, once, and judge the result."""
    if depth:
        return None
    for form, octets in _read_back(text):
        if _is_printable(octets.decode("latin-1")) or len(octets) >= _LEAST_BYTES:
            why = _weakness(octets, depth + 1)
            if why is not None:
                return f"{why}, after decoding it as {form}"
    return None


def _read_back(text: str) -> Iterator[tuple[str, bytes]]:
    if len(text) % 2 == 0 and _is_hex(text):
        yield "hexadecimal digits", bytes.fromhex(text)
    if re.fullmatch(r"[-_+/0-9A-Za-z]+=*", text):
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield "base64", a2b_base64(plain + "=" * (-len(plain) % 4))
        except Base64Error:
            return


# --- hashes of words --------------------------------------------------------------------------------------------------

_HASHED = (
    "", "0", "1", "12", "123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890", "a", "abc",
    "abc123", "abcd", "abcdef", "admin", "admin123", "app", "bar", "changeit", "change-me", "change_me", "changeme",
    "correct horse battery staple", "default", "demo", "dev", "development", "development key", "example", "flask",
    "foo", "foobar", "guest", "hello", "hello world", "helloworld", "hunter2", "iloveyou", "insecure", "jwt", "key",
    "letmein", "local", "master", "my secret", "my secret key", "my-secret", "my-secret-key", "my_secret",
    "my_secret_key", "mysecret", "mysecretkey", "none", "null", "pass", "passw0rd", "password", "password1",
    "password123", "prod", "production", "qwerty", "random", "root", "s3cr3t", "salt", "secret", "secret key",
    "secret-key", "secret123", "secret_key", "secretkey", "session", "super secret", "super secret key",
    "super-secret", "super-secret-key", "super_secret", "super_secret_key", "supersecret", "supersecretkey", "test",
    "test123", "testing", "token", "topsecret", "tuile", "user", "welcome", "you-will-never-guess", "hello, world",
    "Hello, World!", "hard to guess string", "your-secret-key", "your_secret_key", "SECRET_KEY", "app.secret_key",
)  # fmt: skip
_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s")


def _hash_of_a_word(octets: bytes) -> str | None:
    """Return the reason if a key is the hash of a word, or the beginning of one, in any encoding."""
    written = _read_back(octets.decode("latin-1").strip())
    begins = {octets[:_LEAST_BYTES], *(raw[:_LEAST_BYTES] for _, raw in written)}
    return _HASH if begins & _hashes_of_words() else None


@cache
def _hashes_of_words() -> frozenset[bytes]:
    """Return truncated hashes of all words."""
    found = set()
    for name in _HASHES:
        try:
            new = hashlib.new(name, usedforsecurity=False)
        except ValueError:  # pragma: no cover - a build without it
            continue
        for word in _variants():
            begun = new.copy()
            begun.update(word)
            found.add(begun.digest()[:_LEAST_BYTES])
    return frozenset(found)


def _variants() -> Iterator[bytes]:
    for word in _HASHED:
        for text in {word, word.upper(), word.capitalize()}:
            yield text.encode()
            yield text.encode() + b"\n"  # what `echo` hands to a command that hashes
