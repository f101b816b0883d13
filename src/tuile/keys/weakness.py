"""Detect keys that can be guessed: published ones, and those that are too short or made of what people type.

No check can prove that a key is random, but many keys are obviously not. A key is judged by its alphabet and length,
and by what remains without words, repetitions and sequences. Random keys of 128 bits pass in any encoding.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
import unicodedata
from base64 import b32decode
from binascii import Error as Base64Error
from binascii import a2b_base64
from contextlib import suppress
from functools import cache, partial
from itertools import pairwise
from math import log2

from .published import is_published
from .secret import Secret, read_key

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .secret import Key

_LEAST_BYTES = 16
_LEAST_HEX_DIGITS = 32
# Less than 128, because a random key may use only a part of its alphabet by chance: one in a hundred keys of 22 base64
# characters has no digit.
_LEAST_BITS = 100
# The minimum that must remain without words and sequences. Random keys can contain some by chance.
_LEAST_BITS_LEFT = 60
_LEAST_DIFFERENT = 7
# The rest of a longer key is ignored: a key that needs more to be strong is weak.
_MOST_JUDGED = 1024
_MOST_CODINGS = 2

# Placeholders for keys, and words that people use in keys that they make up.
_WORDS = (
    "abracadabra", "access", "account", "adipiscing", "admin", "algorithm", "amet", "and", "any", "anything", "api",
    "app", "application", "april", "august", "auth", "autumn", "avain", "backend", "badcode", "base64", "baseball",
    "batman", "batteryhorse", "bearer", "bit", "bits", "blog", "brown", "bunny", "bytes", "cafebabe", "cat", "change",
    "changeit", "character", "characters", "chars", "chave", "clave", "cle", "client", "com", "company", "complex",
    "computer", "config", "consectetur", "contrasena", "cookie", "cookies", "correct", "correcthorse", "crypt",
    "crypto", "csrf", "data", "database", "deadbeef", "debug", "december", "default", "demo", "dev", "develop",
    "development", "django", "docker", "dog", "dolor", "dragon", "dummy", "easy", "elit", "encrypt", "encryption",
    "enter", "env", "environ", "environment", "everyone", "example", "external", "fake", "false", "fastapi",
    "february", "feedface", "fill", "fixme", "flask", "flaskapp", "flasky", "fluffy", "foo", "foobar", "football",
    "for", "fox", "freedom", "from", "geheim", "geheimnis", "generate", "generated", "generator", "get", "getenv",
    "github", "gizli", "goes", "good", "guess", "guessed", "hard", "hardcoded", "has", "hash", "haslo", "hello",
    "hemlig", "here", "hex", "hidden", "hmac", "horse", "host", "http", "https", "hunter", "identity", "iloveyou",
    "import", "insecure", "insert", "internal", "internet", "into", "ipsum", "january", "july", "jumps", "june", "jwt",
    "keep", "kennwort", "key", "keyboard", "keyboardcat", "keys", "know", "knows", "lazy", "leak", "least", "length",
    "letmein", "local", "localhost", "login", "long", "longer", "lorem", "losenord", "make", "march", "master", "max",
    "microblog", "min", "minimum", "monday", "mongodb", "monkey", "motdepasse", "must", "mykey", "mysql", "name",
    "names", "need", "needs", "never", "ninja", "nobody", "none", "not", "november", "null", "oauth", "october",
    "only", "open", "over", "parola", "pass", "passphrase", "passwd", "password", "passwort", "placeholder", "please",
    "pokemon", "port", "postgres", "postgresql", "princess", "print", "private", "prod", "production", "project",
    "provider", "public", "put", "python", "question", "quick", "qwerty", "random", "randomly", "real", "really",
    "redis", "replace", "return", "root", "safe", "salasana", "salt", "sample", "schluessel", "schlussel", "secret",
    "secreta", "secrete", "secretkey", "secreto", "secrets", "secure", "security", "segredo", "senha", "september",
    "server", "service", "session", "sessions", "set", "sha256", "shadow", "shared", "shop", "should", "sifre", "sign",
    "signature", "signing", "simple", "sit", "sleutel", "some", "something", "spring", "sqlite", "staging", "staple",
    "starwars", "store", "string", "strong", "strongly", "summer", "sunday", "sunshine", "super", "superduper",
    "superman", "supersecret", "superset", "sure", "tajne", "temp", "temporary", "test", "testing", "tests", "text",
    "that", "the", "then", "there", "thing", "this", "tobeornottobe", "todo", "token", "tokens", "tool", "top",
    "topsecret", "tres", "true", "trustno1", "tuile", "tutorial", "undefined", "unsafe", "updateme", "urandom",
    "urlsafe", "use", "used", "user", "valid", "value", "variable", "very", "wachtwoord", "web", "webapp", "website",
    "welcome", "whatever", "which", "will", "winter", "with", "word", "world", "www", "xxx", "you", "your", "yours",
)  # fmt: skip
# The same in other scripts, as `_plain_text` spells them.
_FOREIGN_WORDS = (
    "пароль", "секретный", "секретныи", "секрет", "ключ", "приложения", "мои", "тест", "таины", "таемныи", "ключов",
    "密码", "密碼", "密钥", "密鑰", "秘密", "秘钥", "鍵", "パスワート", "ハスワート", "ひみつ", "비밀번호", "비밀",
    "κωδικος", "κλειδι", "μυστικο", "סיסמה", "סוד", "מפתח", "سر", "كلمة", "مفتاح", "पासवर्ड", "รหัสผ่าน",
)  # fmt: skip
# Two letters count as a word only at an end or next to a separator.
_SHORT_WORDS = r"(?<![a-z0-9])(?:my|me|is|it|to|so|in|of|on|at|be|do|if|or|an|as|we|no|a|i)(?![a-z0-9])"
# Dates from 1900 to 2099, from a year alone to the millisecond.
_DATES = (
    r"(?:19|20)[0-9]{2}(?:([-/.]?)(?:0[1-9]|1[0-2])(?:\1(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[t ]?[0-2][0-9]:?[0-5][0-9](?::?[0-5][0-9])?(?:\.[0-9]{3})?)?)?)?"
)
_is_word = re.compile(
    "|".join(
        (*sorted((*_WORDS, *_FOREIGN_WORDS), key=lambda word: (-len(word), word)), _SHORT_WORDS, _DATES, "[-_ .:]")
    )
)
_WITHOUT_DISGUISE = str.maketrans("0134578@$!", "oieastbasi")

# Sequences and keyboard rows, in both directions and continued at the start.
_ROWS = ("0123456789", "9abcdef", "abcdefghijklmnopqrstuvwxyz", "1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop",
         "asdfghjkl;", "zxcvbnm", "!@#$%^&*()", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm",
         "8ik,", "9ol.", "0p;/", "!qaz", "@wsx", "#edc", "$rfv", "%tgb", "^yhn", "&ujm", "*ik,")  # fmt: skip
_FOLLOWS = frozenset(one + other for row in _ROWS for one, other in zip(row, row[1:] + row[:1], strict=True))
_LEAST_RUN = 4
# Quotes and brackets around a word belong to it.
_LEAST_LONG_WORD = 4
_MOST_AROUND = 2
_STRIDES = (1, 2, 3, 4)
# Digits that anyone can look up: pi, e, the golden ratio, the roots of 2 and 3, and others.
_DIGITS = (
    "314159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651328",
    "271828182845904523536028747135266249775724709369995957496696762772407663035354759457138217852516642742746639193200",
    "161803398874989484820458683436563811772030917980576286213544862270526046281890244970720720418939113748475408807538",
    "141421356237309504880168872420969807856967187537694807317667973799073247846210703885038753432764157273501384623091",
    "173205080756887729352744634150587236694280525381038062805580697945193301690880003708114618675724857567562614142154",
    "11235813213455891442333776109871597258441816765109461771128657463687502512139319641831781151422983204013462692178309",
    "2357111317192329313741434753596167717379838997101103107109113127131137139149151157163167173179181191193197199211223",
    "149162536496481100121144169196225256289324361400441484529576625676729784841900961102410891156122512961369144415211600",
    "248163264128256512102420484096819216384327686553613107226214452428810485762097152419430483886081677721633554432",
)

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

# Accents and invisible characters: byte order marks, changes of direction.
_MARKS = frozenset({"Mn", "Cf"})
_BITS_OF_A_LETTER = 6

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
        plain = _plain_text(octets)
        return _weakness_of_octets(text) or (None if plain is None else _weakness_of_foreign_text(plain))
    text = text.strip()
    if text.startswith("django-insecure-"):
        return "it says that it is insecure"
    uuid = _is_uuid(text.lower().removeprefix("urn:uuid:").strip("{}"))
    if uuid is not None and uuid[1] != "4":
        return _OLD_UUID
    return _weakness_of_text(text) or _written_otherwise(text, depth)


def _plain_text(octets: bytes) -> str | None:
    """Return UTF-8 as text without accents, in its plainest letters; None if it is not text."""
    try:
        text = octets[:_MOST_JUDGED].decode()
    except UnicodeDecodeError:
        return None
    plain = [letter for letter in unicodedata.normalize("NFKD", text) if unicodedata.category(letter) not in _MARKS]
    return "".join(plain).casefold() if all(map(str.isprintable, plain)) else None


def _weakness_of_foreign_text(text: str) -> str | None:
    """Judge text with letters beyond ASCII, in its plainest form."""
    if _is_printable(text):
        return _weakness_of_text(text)
    left = len(text) - len(_in_words(text) | _in_sequences(text, lambda one, other: ord(other) - ord(one)))
    return _GUESSABLE if left * _BITS_OF_A_LETTER < _LEAST_BITS_LEFT else None


def _weakness_of_octets(text: str) -> str | None:
    """Judge octets that are not printable text, as one character each."""
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
    if any(digits.replace(".", "") in known for known in _DIGITS):
        return _GUESSABLE
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
    """Return the positions of words, disguised ones too, of dates, and of separators."""
    found: set[int] = set()
    lower = text.lower()
    for variant in (lower, lower.translate(_WITHOUT_DISGUISE)):
        for match in _is_word.finditer(variant):
            first, end = match.span()
            if end - first >= _LEAST_LONG_WORD:
                # Include the brackets and quotes around it.
                first -= _many_marks(lower[:first][: -_MOST_AROUND - 1 : -1])
                end += _many_marks(lower[end : end + _MOST_AROUND])
            found.update(range(first, end))
    return found


def _many_marks(text: str) -> int:
    """Return how many characters at the start of a text are neither letters nor digits."""
    return next((at for at, mark in enumerate(text) if mark.isalnum()), len(text))


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
    """Decode a text from base64, base32 or hexadecimal digits, at most twice, and judge the result."""
    if depth == _MOST_CODINGS:
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
    if re.fullmatch(r"(?:[A-Z2-7]+|[a-z2-7]+)=*", text):
        plain = text.rstrip("=").upper()
        # Invalid encodings raise an error.
        with suppress(Base64Error):
            yield "base32", b32decode(plain + "=" * (-len(plain) % 8))
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
    "keyboard cat", "keyboardcat", "monkey", "dragon", "football", "baseball", "sunshine", "princess", "shadow",
    "superman", "batman", "michael", "trustno1", "111111", "000000", "123123", "654321", "666666", "qwerty123",
    "qwertyuiop", "1q2w3e4r", "1qaz2wsx", "asdfgh", "asdfghjkl", "zxcvbnm", "starwars", "whatever", "freedom",
    "flask secret key", "flask-secret-key", "flasksecret", "myflaskapp", "my flask app", "flaskapp", "mycompany",
    "company", "website", "webapp", "blog", "shop", "todo", "server", "login", "auth", "cookie", "cookies", "csrf",
    "signing", "signature", "crypto", "encryption", "encrypt", "hash", "sha256", "md5", "uuid", "0000", "1111", "x",
    "asdf", "test1234", "testkey", "test key", "test-key", "test_key", "devkey", "dev key", "dev-key", "dev_key",
    "thisisasecret", "this is a secret", "this is secret", "thisissecret", "this is my secret key", "thisisasecretkey",
    "this is a secret key", "string", "text", "data", "value", "secret-key-here", "your secret key", "yoursecretkey",
)  # fmt: skip
_HASHED_TWICE = ("md5", "sha256")
_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s")


def _hash_of_a_word(octets: bytes) -> str | None:
    """Return the reason if a key is the hash of a word, or one end of it, in any encoding."""
    written = [octets, *(raw for _, raw in _read_back(octets.decode("latin-1").strip()))]
    ends = {raw[:_LEAST_BYTES] for raw in written} | {raw[-_LEAST_BYTES:] for raw in written}
    return _HASH if ends & _hashes_of_words() else None


@cache
def _hashes_of_words() -> frozenset[bytes]:
    """Return both ends of the hashes of all words."""
    found: set[bytes] = set()
    new = partial(hashlib.new, usedforsecurity=False)
    for name in _HASHES:
        try:
            empty = new(name)
        except ValueError:  # pragma: no cover - a build without it
            continue
        for word in _variants():
            begun = empty.copy()
            begun.update(word)
            digest = begun.digest()
            found.update((digest[:_LEAST_BYTES], digest[-_LEAST_BYTES:]))
            if name in _HASHED_TWICE:
                found.update(new(name, once).digest()[:_LEAST_BYTES] for once in (digest, digest.hex().encode()))
    return frozenset(found)


def _variants() -> Iterator[bytes]:
    for word in _HASHED:
        for text in {word, word.upper(), word.capitalize(), word + "\n"}:  # the last one is the output of `echo`
            yield text.encode()
