"""How the Redis store writes a session, and reads what it has written."""

from __future__ import annotations

import json
import typing as t
from math import isfinite

from ..content import Content, content_in
from ..operations import Loaded
from ..record import Record
from ..unreadable import report_unreadable
from .redis_wire import RememberedFields, ServerError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from . import Answer

# A text as JSON. Not escaped, because Lua does not read half of a surrogate pair.
quoted: Callable[[str], str] = json.encoder.encode_basestring
_written: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_read: Callable[[str], Answer] = json.JSONDecoder().decode
_FORM = "utf-8", "surrogatepass"
# How a content with keys begins.
_CONTENT = '\n"'
# What is read of a key that is not there.
_MISSING = [None, None, None]


def read_record(handle: str, replies: list[Answer]) -> Loaded | None:
    """Return the session in the replies to what `_reading` asks for, which are octets, or text if they are ASCII.

    Returns:
        None if there is none, if it has ended, or, with a message in the log, if it was not written by this store.

    Raises:
        ServerError: If one of the commands was refused.
    """
    session, moment = replies
    if type(session) is RememberedFields:
        return _read_again(handle, session, moment)
    if type(session) is not list or type(moment) is not list:
        _raise_error(replies)
    head, state, content = session
    seconds, microseconds = moment
    if head is None or state is None or content is None:
        _report_incomplete(handle, session)
        return None
    try:
        if type(head) is bytes:
            head, state, content = str(head, *_FORM), str(state, *_FORM), str(content, *_FORM)
        if content[:2] != _CONTENT and content_in(content) is None:
            report_unreadable(handle)
            return None
        now = float(seconds) + float(microseconds) / 1e6
        version, generation_text, husk, created_text, seen_text, expires_text = head.split(" ")
        generation = 1 if generation_text == "1" else int(generation_text)
        created, expires = float(created_text), float(expires_text)
        seen = created if seen_text == created_text else float(seen_text)
        if not (expires > now and isfinite(created + seen + expires)):
            report_unreadable(handle, expires, now)
            return None
        if state[:1] == "[":
            verifier, user, agent, address, others = _read(state)
        else:
            verifier, named, agent, address, others = state.split("\n")
            user, others = named[1:] if named else None, _read(others) if others else None
        record = tuple.__new__(Record, (
            handle, verifier, Content(content), user, created, seen, expires, created, generation, None, 0.0,
            None, 0.0, husk == "1", agent, address, int(version), None,
        ))  # fmt: skip
        return tuple.__new__(Loaded, (record._replace(**others) if others else record, now))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        report_unreadable(handle)
        return None


def _report_incomplete(handle: str, session: list[Answer]) -> None:
    if session != _MISSING:
        report_unreadable(handle)


def _read_again(handle: str, fields: RememberedFields, moment: list[Answer]) -> Loaded | None:
    """Return a session that the server has sent before."""
    record = fields.record
    if record is None or record.handle != handle:  # a copy, under another name
        loaded = read_record(handle, [list(fields), moment])
        if loaded is not None:
            fields.record = loaded.record
        return loaded
    seconds, microseconds = moment
    now = float(seconds) + float(microseconds) / 1e6
    return tuple.__new__(Loaded, (record, now)) if record.expires > now else None


def _raise_error(replies: list[Answer]) -> None:
    for reply in replies:
        if type(reply) is ServerError:
            raise reply


def time_in(replies: list[Answer]) -> float:
    """Return the time in the replies to what `_reading` asks for."""
    seconds, microseconds = replies[1]
    return float(seconds) + float(microseconds) / 1e6


_LINES_OF_A_STATE = 5
# What is not among the others of a state: it is in `t`, or has a place of its own.
_APART = {"verifier", "agent", "address", "created", "generation", "is_husk"}


def state_of(record: Record) -> str:
    """Return what is stored of a session besides its content and what scripts compare: five lines, or a list of JSON.

    The user is the second one, after a sign that there is one.
    """
    others = {key: value for key, value in record.state().items() if key not in _APART}
    if record.renewed == record.created:
        others.pop("renewed", None)
    verifier, user, agent, address = record.verifier, record.user, record.agent, record.address
    named = "" if user is None else f"={user}"
    lines = "\n".join((verifier, named, agent, address, _written(others) if others else ""))
    is_plain = lines.count("\n") == _LINES_OF_A_STATE - 1 and lines[0] != "["
    return lines if is_plain else _written([verifier, user, agent, address, others])


def head_of(record: Record) -> str:
    """Return what scripts compare."""
    _, _, _, _, created, seen, expires, *_ = record
    return f"{record.version} {record.generation} {int(record.is_husk)} {created!r} {seen!r} {expires!r}"


def pairs(reply: list[Answer]) -> list[tuple[bytes, Answer]]:
    """Return the members and the scores in a reply, which clients may have put into pairs."""
    if reply and type(reply[0]) is not bytes:
        return [(name, score) for name, score in reply]
    return list(zip(reply[::2], reply[1::2], strict=True))


def decoded(raw: bytes) -> str:
    """Return a text that is stored."""
    return raw.decode(errors="surrogatepass")
