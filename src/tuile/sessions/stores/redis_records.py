"""How the Redis store writes a session, and reads what it has written."""

from __future__ import annotations

import json
import math
import typing as t

from ..operations import Loaded
from ..record import Record
from .redis_wire import ServerError

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from . import Answer

# A text as JSON. Not escaped, because Lua does not read half of a surrogate pair.
quoted: Callable[[str], str] = json.encoder.encode_basestring
_written: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_scanned: Callable[[str, int], tuple[Answer, int]] = vars(json.JSONDecoder())["scan_once"]
_ONLY_TEXT = {str}


def content_of(data: Mapping[str, str]) -> str:
    """Return the content of a session as it is stored."""
    return f"{{{','.join([f'{quoted(key)}:{quoted(text)}' for key, text in data.items()])}}}"


def read_record(handle: str, replies: list[Answer]) -> Loaded | None:
    """Return the session in the replies to what `_reading` asks for.

    Returns:
        None if there is none, if it has ended, or if it was not written by this store.

    Raises:
        ServerError: If one of the commands was refused.
    """
    for reply in replies:
        if type(reply) is ServerError:
            raise reply
    (head, state, content), (seconds, microseconds) = replies
    if head is None or state is None or content is None:
        return None
    try:
        now = float(seconds) + float(microseconds) / 1e6
        version, generation, husk, created_text, seen_text, expires_text = head.split(b" ")
        created, seen, expires = float(created_text), float(seen_text), float(expires_text)
        if not (expires > now and math.isfinite(created + seen + expires)):
            return None
        text = str(content, "utf-8", "surrogatepass")
        data, end = _scanned(text, 0)
        if type(data) is not dict or (data and set(map(type, data.values())) != _ONLY_TEXT) or end != len(text):
            return None
        (verifier, user, agent, address, others), _ = _scanned(str(state, "utf-8", "surrogatepass"), 0)
        record = Record(
            handle, verifier, data, user, created, seen, expires, created, int(generation),
            is_husk=husk == b"1", agent=agent, address=address, version=int(version),
        )  # fmt: skip
        return Loaded(record._replace(**others) if others else record, now)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, StopIteration):
        return None


# What is not among the others of a state: it is in `t`, or has a place of its own.
_APART = {"verifier", "agent", "address", "created", "generation", "is_husk"}


def state_of(record: Record) -> str:
    """Return what is stored of a session besides its content and what scripts compare."""
    others = {key: value for key, value in record.state().items() if key not in _APART}
    if record.renewed == record.created:
        others.pop("renewed", None)
    return _written([record.verifier, record.user, record.agent, record.address, others])


def head_of(record: Record) -> str:
    """Return what scripts compare."""
    _, _, _, _, created, seen, expires, *_ = record
    return f"{record.version} {record.generation} {int(record.is_husk)} {created!r} {seen!r} {expires!r}"


def decoded(raw: bytes) -> str:
    """Return a text that is stored."""
    return raw.decode(errors="surrogatepass")
