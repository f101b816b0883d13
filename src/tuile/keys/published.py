"""Recognize published keys, which attackers try first.

The list contains truncated SHA-256 hashes. So this file is not a list of keys, and secret scanners find none in it.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from contextlib import suppress

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_DIGITS = 16

# The documentation of Flask, of its extensions and of other frameworks; tutorials.
_DOCUMENTATION = """
    9d0f4f5072c13dbd ca32f86ce10b8435 e06a65faf6a10f8f 2598f7d6adc142d8 eefbd4136387e762 25d4a15bdb33cc5b
    72dcf500691f4fbc 9530c5c8c590d6a8 ce7ca3d53a67c65f c793d6aea4e5bf22 3fac1504251a0274 4f2c8f384099179e
    f4722080f249a296 570dad43de1af4c9 5df3a82408cea2f4 5c52f075cfbc8df4 cd431b768950cf9c 52f2016ac7cbda38
    d2e04d73d1b737cc a006c58552c10add 2afe16a6d630d94c 67dde0412edb40ae
"""
# Examples of libraries for tokens.
_TOKENS = """
    f7d838701b86c5df dfd7dc439654f313 5eef83fe7cb71e2d 465d9ad5d5528ebe 730d21a80e61a8de db6833593279d737
    2bb80d537b1da3e3 aec8084845b41a69 c4bbcb1fbec99d65 05c6e08f1d9fdafa 8b1b17a9740c068a
"""
# The defaults of applications that start without a key, and the keys in their container files.
_APPLICATIONS = """
    9524778ec96458f7 692d7869958cc958 4b00e2726043354c 9026d3d1734f0b09 d27efa8eb1aad64a fe18bd40b727a37e
    3f7aa5c0b56cad6c 889041e8368708c0 26fd2cb964045078 e0bfb701592614dd 45f9af60db8dc522 81886cc4d79074f6
    a99b3ee2b8dcecb1 1ce575e3a562cf61 e7d3414104b20ea6 c221bcece48c0f25 5e373b863746606a 03a82f6d3e248b99
"""
# Courses, tutorials and their repositories; test vectors of ciphers, and the UUIDs of examples.
_COURSES = """
    fba004a38830fb65 6da6cccf25d9c9d9 e57e1551c032c0ba 9cf8421bcbe33fdc 6440c3423b267a30 c31b63a5aefee8bc
    a8ad80ab28ef698d ceabd1ef01bf0d28 94094b50140dbb98 78314b11be2e5815 a3a9e1ed9732cab2 8f400c257611ed5d
    5c28b2022dca14af c7aa09cd25da8b6a 2ef2503d964e9668 c12ce25303a023aa 837e8e636d452b61 57c065fb036e9fcd
    0330b11998cbc9ab 57afc11665beb68d d88a2cb53b61ef4d f84b8deb96367ab1
"""
# Keys from programming questions and answers that look random or long enough.
_ANSWERS = """
    58ced6157de2b39d ec054c75b3a3393c a20ff041190b14a2 64c5a7db13fadde4 1814c49fde26fbd8 80a268a8f8f752cc
    47506b56d104e1b1 573291297983962f a668f1a6315db74d 25c5583c17dd3ba3 cff5ce29e76734fc 8ed39faf45bb040b
    f3dcdda0a9cc041f b230744bce70568c 5f1244f0a8822037 9e3dfa87a0edc09f ccc45c22ab678c77 9a78cee143700049
    49a82076b64af13a a4fd388ad9b97844 00a978d6396a3f80 0a6cdea367fa074d 23a0944d11b5a54f f3c5b53f0a6052cf
    30a9b96c0dc96701 1dd28cefb67eacef f564979b342ed057 a2c92f6bf2511f06 409084445a1b8c41 1daa2af609479b83
    af65e41d3256a875 e84210f2a8291c55 1019feff553aa25b 9c7a22de2f0b030b 03ed4d9286ffcd93 241cc094a09988a7
    591028b7d9645e5c ed308d1f955e4b7c ea8df48f9c91ae3e 4aa1f769ef7a01b3 cbc7581465cf90b4 fc1d6adb1e49fa23
    91a814c50f976717 83036f221dc32bef a913163accbbc480 401fa0587e9c525d 826965aa05570fab f20a0569a0083403
    282eebb88eb6337c 357b499793b599e7 e733d93fbec00517 0ee0cd5bb94a2c49 611527054e4f1aa5 2df89f43a029ae9e
    81e57719dab2c1b5 552e005b0a41bb7a 26a14e209dc46ed7 8d344b550ccabe8f 28413735ebe286f5 d7df1bfebc2f83f6
    7e7eaf6ce19ee2fb f449217e545f01f5 2d35739351c5ada6 fa3f9e08550b4395 df0ccf2b5de5f18a ee4d652cd0a7c694
    f06d728bf41bdcf4 3a04a72e25d305cc d9947e707268d706 d4dd37d2c677aa01 20817620101ff89d ed6ffcb66af7837e
    4278352c92c26b21
"""
# The documentation, the examples and the benchmarks of Tuile.
_OURS = """
    3eb5420f1438bec8 fe9d4e1fc029e9da 122fbae502c1f67c 33a95d1ff1a770ea
"""

PUBLISHED: t.Final = frozenset(f"{_DOCUMENTATION}{_TOKENS}{_APPLICATIONS}{_COURSES}{_ANSWERS}{_OURS}".split())


def is_published(octets: bytes) -> bool:
    """Return whether a key is among the published ones, possibly with blanks around it or as a Python literal."""
    return any(fingerprint(spelling) in PUBLISHED for spelling in _spellings(octets))


def _spellings(octets: bytes) -> Iterator[bytes]:
    plain = octets.strip()
    yield octets
    yield plain
    # `SECRET_KEY=b'\\x00...'` in a file that is no Python, and the quotes of one.
    if plain[:1] in {b"b", b"'", b'"'} or b"\\" in plain:
        plain = plain[:_MOST_SPELLED].removeprefix(b"b").strip(b"'\"")
        yield plain
        yield _escape.sub(_unescaped, plain)
    if not octets.isascii():
        # Octets as text, one character each.
        with suppress(UnicodeError):
            yield octets.decode().encode("latin-1")


_MOST_SPELLED = 1024
_escape = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def _unescaped(match: re.Match[bytes]) -> bytes:
    digits, octal, letter = match.groups()
    if digits is not None:
        return bytes.fromhex(digits.decode())
    return _CONTROLS.get(letter, letter) if octal is None else bytes((int(octal, 8) & 0xFF,))


def fingerprint(octets: bytes) -> str:
    """Return the truncated hash of a key, as in the list."""
    return hashlib.sha256(octets).hexdigest()[:_DIGITS]
