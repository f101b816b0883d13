"""The text of a session is packed into the octets that itsdangerous makes of it, with less memory to clear."""

from __future__ import annotations

import base64
import json
import zlib
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tuile.sessions.packing import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable


def packed_by_itsdangerous(text: str) -> bytes:
    raw = text.encode()
    compressed = zlib.compress(raw)
    is_shorter = len(compressed) < len(raw) - 1
    return (b"." if is_shorter else b"") + base64.urlsafe_b64encode(compressed if is_shorter else raw).rstrip(b"=")


def _content(random: Random, kind: str, count: int) -> Any:
    token = base64.urlsafe_b64encode(random.randbytes(random.randint(1, 1 + count // 2))).decode()
    made: dict[str, Callable[[], Any]] = {
        "token": lambda: {"_fresh": True, "_id": token, "_user_id": str(count)},
        "digits": lambda: {"_id": "".join(random.choices("0123456789abcdef", k=count)), "user": count},
        "words": lambda: {
            "text": " ".join(random.choices(["lorem", "ipsum", "dolor", "sit", "a", token[:12]], k=count))
        },
        "keys": lambda: {f"key{number}": random.randint(0, 10**6) for number in range(count // 8)},
        "cart": lambda: {
            "cart": [{"id": random.randint(1, 99), "quantity": 1} for _ in range(count // 20)],
            "t": token,
        },
        "numbers": lambda: {"answers": random.choices(range(random.choice([2, 3, 5, 100])), k=count), "user": token},
        "two letters": lambda: {"text": "".join(random.choices("ab", k=count))},
        "one letter": lambda: {"text": "a" * count},
        "messages": lambda: {"_flashes": [["info", f"saved {number}"] for number in range(count // 20)], "t": token},
        "umlauts": lambda: {"name": "".join(random.choices("äöüßé", k=count))},
    }
    return made[kind]()


@pytest.mark.parametrize(
    "kind",
    ["token", "digits", "words", "keys", "cart", "numbers", "two letters", "one letter", "messages", "umlauts"],
)
def test_a_session_is_packed_as_itsdangerous_packs_it(kind: str) -> None:
    random = Random(kind)
    for count in [*range(1, 900, 3), *range(900, 4200, 150), 5000]:
        text = json.dumps(_content(random, kind, count), separators=(",", ":"), ensure_ascii=kind != "umlauts")
        assert pack(text) == packed_by_itsdangerous(text), text
        assert unpack(pack(text)) == text


@pytest.mark.parametrize("size", [0, 1, 2, 33, 34, 119, 120, 121, 249, 250, 251, 761, 762, 763, 1786, 1787, 3834, 3835])
def test_text_of_each_size_where_the_memory_changes_is_packed_alike(size: int) -> None:
    random = Random(size)
    for letters in ("ab", "abc,", '"a:', "0123456789", "abcdefghijklmnopqrstuvwxyz ,:"):
        text = "".join(random.choices(letters, k=size))
        assert pack(text) == packed_by_itsdangerous(text), text
