"""The connections of the Redis store: what is sent and received, in the protocol of Redis (RESP2).

redis-py opens connections: it knows URLs, TLS, passwords and their providers, and sockets of files. Its commands cost
as much as several round trips to a server nearby, so what goes over a blocking connection is written and read here.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
import typing as t

from .connections import BrokenConnectionError

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from ..record import Record
    from . import Answer

_READ_AT_ONCE = 65536
#: How the lengths of short values are written: to look one up takes a tenth of the steps.
LENGTHS: t.Final = tuple(f"${length}" for length in range(1024))
LONGEST: t.Final = len(LENGTHS)
_LENGTHS_IN_OCTETS = tuple(map(str.encode, LENGTHS))
_LINES_OF_A_SESSION = 13
# What the reply to TIME begins with, and how many lines come after that.
_BEFORE_A_TIME, _LINES_OF_A_TIME = b"*2\r\n$10\r\n", 4
# How many sessions are remembered, and the longest reply of one in octets: less than 2 MiB in all. When there are that
# many, all are forgotten, which costs less than finding the oldest.
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 128, 4096
# The reply to most scripts that save.
_DONE = b":1\r\n"


class Request(t.NamedTuple):
    """Commands in the form in which they are sent, and how many replies there will be."""

    packed: bytes
    replies: int = 1


class RememberedFields(list[str]):
    """The three fields of a session that is remembered, because most requests do not change theirs.

    A session is remembered when the server sends the same octets for the second time. Remembering each at once would be
    wasted where every request changes its session, and where more sessions are in use than are remembered.

    Attributes:
        record: The record that they were parsed into; None before that.
    """

    __slots__ = ("record",)
    record: Record | None


_remembered: dict[bytes, RememberedFields] = {}
# Hashes of what was sent once.
_sent_once: set[int] = set()


class ServerError(Exception):
    """The server refused a command."""


class _Incomplete(Exception):
    """There is more to read."""


class _Opened(t.Protocol):
    """What is used of a connection of redis-py."""

    _sock: socket.socket | None

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...


class _OpenedAsync(t.Protocol):
    """What is used of a connection of `redis.asyncio`."""

    async def send_packed_command(self, command: list[bytes]) -> None: ...
    async def read_response(self, disable_decoding: bool = False) -> Answer: ...
    async def disconnect(self) -> None: ...


def without_polling(opened: socket.socket) -> socket.socket:
    """Let the kernel end what takes too long, and return the socket.

    Python asks it before each call otherwise whether there is something to do.
    """
    timeout = opened.gettimeout()
    # Not those of TLS, nor of libraries that run something else meanwhile.
    if timeout and type(opened) is socket.socket and socket.socket.__module__ == "socket" and sys.platform == "linux":
        moment = struct.pack("@ll", int(timeout), int(timeout % 1 * 1e6) or int(timeout < 1))
        opened.settimeout(None)
        for which in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            opened.setsockopt(socket.SOL_SOCKET, which, moment)
    return opened


def _told(error: OSError) -> Exception:
    """Return the error for a connection that has failed."""
    # What the kernel says after the time of `without_polling`.
    return TimeoutError("timed out") if isinstance(error, BlockingIOError) else BrokenConnectionError(str(error))


def pack(*arguments: bytes | str | float) -> bytes:
    """Return a command in the form in which it is sent."""
    return pack_after("", 0, arguments)


def pack_after(start: str, count: int, arguments: Collection[bytes | str | float]) -> bytes:
    """Return a command whose first arguments, so many, are in the form in which they are sent."""
    # Nearly all are short texts of ASCII, whose length is the number of their octets.
    packed = pack_texts(start, count + len(arguments), list(map(_as_text, arguments)))
    if packed is not None:
        return packed
    octets = [one if type(one) is bytes else str(one).encode("utf-8", "surrogatepass") for one in arguments]
    parts = [b"$%d\r\n%b\r\n" % (len(one), one) for one in octets]
    return b"*%d\r\n%b%b" % (count + len(parts), start.encode(), b"".join(parts))


def pack_texts(start: str, count: int, texts: Collection[str], end: str = "") -> bytes | None:
    """Return a command in the form in which it is sent; None if it is not ASCII.

    Args:
        start: The first arguments in this form.
        count: How many arguments there are in all.
        texts: The arguments after these.
        end: The last arguments in this form.
    """
    parts: list[str] = []
    for one in texts:
        length = len(one)
        parts += (LENGTHS[length] if length < LONGEST else f"${length}", one)
    text = "\r\n".join((f"*{count}\r\n{start}{parts[0]}", *parts[1:], end))
    return text.encode() if text.isascii() else None


def _as_text(argument: bytes | str | float) -> str:
    return str(argument, "latin-1") if type(argument) is bytes else str(argument)


class BlockingConnection:
    """A connection that blocks.

    Args:
        opened: A connection of redis-py; it is connected here.
    """

    def __init__(self, opened: _Opened) -> None:
        self.used = time.monotonic()
        self._opened = opened
        opened.connect()
        if opened._sock is None:
            raise BrokenConnectionError
        self._socket = without_polling(opened._sock)

    def fileno(self) -> int:
        """Return the number of its socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._opened.disconnect()

    def exchange(self, request: Request) -> Answer:
        """Send commands, and return the reply; a list if there are several."""
        packed, replies = request
        try:
            self._socket.sendall(packed)
            received = self._socket.recv(_READ_AT_ONCE)
            if replies == 1:
                return 1 if received == _DONE else self._read(received, 1)[0]
            return remembered_replies(received) or parse_session(received) or self._read(received, replies)
        except (ConnectionError, BlockingIOError) as error:
            raise _told(error) from error

    def _read(self, received: bytes, replies: int) -> list[Answer]:
        """Return so many replies, of which the beginning was received."""
        while received:
            found: list[Answer] = []
            position = 0
            try:
                for _ in range(replies):
                    value, position = parse(received, position)
                    found.append(value)
            except _Incomplete:
                more = self._socket.recv(_READ_AT_ONCE)
                received = received + more if more else b""
            else:
                return found
        raise BrokenConnectionError("the server closed the connection")


class AwaitedConnection:
    """A connection in an event loop.

    Args:
        opened: A connection of `redis.asyncio`.
        errors: The errors that it raises.
    """

    def __init__(self, opened: _OpenedAsync, errors: Answer) -> None:
        self._opened = opened
        self._errors = errors

    async def close(self) -> None:
        """Close it."""
        await self._opened.disconnect()

    async def exchange(self, request: Request) -> Answer:
        """Send commands, and return the reply; a list if there are several."""
        try:
            await self._opened.send_packed_command([request.packed])
            found = [await self._reply() for _ in range(request.replies)]
        except self._errors.ConnectionError as error:
            raise BrokenConnectionError(str(error)) from error
        return found[0] if request.replies == 1 else found

    async def _reply(self) -> Answer:
        try:
            return await self._opened.read_response(disable_decoding=True)
        except self._errors.NoScriptError as error:
            # redis-py has taken the word off.
            return ServerError(f"NOSCRIPT {error}")
        except self._errors.ResponseError as error:
            return ServerError(str(error))


def parse(data: bytes, start: int) -> tuple[Answer, int]:
    """Return the reply that begins at a position, and where the next one does; an error is returned as `ServerError`.

    Raises:
        _Incomplete: If it does not end in these octets.
        ServerError: If it is no reply.
    """
    end = data.find(b"\r\n", start)
    if end < 0:
        raise _Incomplete
    kind, rest, end = data[start : start + 1], data[start + 1 : end], end + 2
    if kind == b"$":
        after = end + int(rest)
        if after < end:
            return None, end
        if len(data) < after + 2:
            raise _Incomplete
        return data[end:after], after + 2
    if kind == b"*":
        return _parse_array(data, end, int(rest))
    if kind == b":":
        return int(rest), end
    if kind == b"+":
        return rest, end
    if kind == b"-":
        return ServerError(rest.decode(errors="replace")), end
    raise ServerError("the server does not speak the protocol of Redis")


def remembered_replies(data: bytes) -> list[list[Answer]] | None:
    """Return what `parse_session` does, if the session was sent before; None if it was not, or if something is missing.

    The time is not compared: it is new in each reply.
    """
    start, _, end = data.rpartition(_BEFORE_A_TIME)
    fields = _remembered.get(start)
    if fields is None:
        if hash(start) in _sent_once:
            return _remember(start, data)
        if len(_sent_once) >= _MOST_REMEMBERED:
            _sent_once.clear()
        _sent_once.add(hash(start))
        return None
    parts = end.split(b"\r\n")
    if len(parts) != _LINES_OF_A_TIME:
        return None
    seconds, length, microseconds, rest = parts
    is_whole = len(seconds) == 10 and not rest and length == b"$%d" % len(microseconds)
    is_whole = is_whole and (seconds + microseconds).isdigit()
    return [fields, [seconds, microseconds]] if is_whole else None


def _remember(start: bytes, data: bytes) -> list[list[str]] | None:
    replies = parse_session(data)
    if not replies or len(start) > _LONGEST_REMEMBERED:
        return replies or None
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    fields, moment = replies
    kept = _remembered[start] = RememberedFields(fields)
    kept.record = None
    return [kept, moment]


def parse_session(data: bytes) -> list[list[str]]:
    """Return the two replies to what reads a session: its three fields, and the time; an empty list for anything else.

    Nearly all are ASCII, and have no line breaks of this kind. So they are five values, each with its length before it.
    """
    parts = str(data, "ascii").split("\r\n") if data.isascii() else []
    if len(parts) != _LINES_OF_A_SESSION:
        return []
    start, length1, head, length2, state, length3, content, start2, length4, seconds, length5, microseconds, end = parts
    # A value that has such line breaks is cut, and shorter than its length says. In one text, a length cannot run into
    # the next: that begins with a sign.
    if (
        f"{start}{length1}{length2}{length3}{start2}{length4}{length5}{end}"
        != f"*3${len(head)}${len(state)}${len(content)}*2${len(seconds)}${len(microseconds)}"
    ):
        return []
    return [[head, state, content], [seconds, microseconds]]


def _parse_array(data: bytes, start: int, length: int) -> tuple[Answer, int]:
    if length < 0:
        return None, start
    # An array of short values is its lengths and its values in turn, if each value has the length that it should have.
    parts = data[start:].split(b"\r\n", 2 * length)
    values = parts[1 : 2 * length : 2]
    lengths = list(map(len, values))
    is_plain = len(parts) == 2 * length + 1 and max(lengths, default=0) < LONGEST
    if is_plain and [_LENGTHS_IN_OCTETS[one] for one in lengths] == parts[: 2 * length : 2]:
        return values, len(data) - len(parts[-1])
    found = []
    for _ in range(length):
        value, start = parse(data, start)
        found.append(value)
    return found, start
