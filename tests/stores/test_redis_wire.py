"""What is sent to Redis and read from it."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuile.sessions.stores.connections import BrokenConnectionError
from tuile.sessions.stores.redis_wire import (
    BlockingConnection,
    Request,
    ServerError,
    pack,
    parse,
    parse_session,
    without_polling,
)

TEXTS = st.binary(max_size=30) | st.sampled_from([b"\r\n", b"$3\r\nabc\r\n", b"x" * 2000, b"*1\r\n"])
REPLIES: Any = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=5) | st.lists(TEXTS, max_size=40),
    max_leaves=20,
)


def written(reply: Any) -> bytes:
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, list):
        return b"*%d\r\n%b" % (len(reply), b"".join(map(written, reply)))
    return b"$%d\r\n%b\r\n" % (len(reply), reply)


class Opened:
    """A connection as redis-py opens it."""

    def __init__(self) -> None:
        self._sock: socket.socket | None
        self._sock, self.server = socket.socketpair()

    def connect(self) -> None:
        self.connected = True

    def disconnect(self) -> None:
        assert self._sock is not None
        self._sock.close()


class Pieces:
    """A socket from which octets come in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def sendall(self, packed: bytes) -> None:
        self.sent = packed

    def recv(self, most: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@given(REPLIES, TEXTS)
def test_a_reply_is_what_was_written(reply: Any, rest: bytes) -> None:
    octets = written(reply)
    assert parse(octets + rest, 0) == (reply, len(octets))


@given(st.lists(REPLIES, min_size=1, max_size=3), st.lists(st.integers(1, 40), max_size=20))
def test_replies_can_come_in_pieces(replies: list[Any], sizes: list[int]) -> None:
    octets, pieces = b"".join(map(written, replies)), []
    for size in sizes:
        piece, octets = octets[:size], octets[size:]
        pieces += [piece] if piece else []
    connection = BlockingConnection.__new__(BlockingConnection)
    connection._socket = Pieces([*pieces, *([octets] if octets else [])])  # type: ignore[assignment] # as far as needed
    found = connection.exchange(Request(b"", len(replies)))
    if len(replies) == 2 and parse_session(b"".join(map(written, replies))):
        found = [[text.encode() for text in reply] for reply in found]
    assert found == (replies[0] if len(replies) == 1 else replies)


def test_a_command_is_its_arguments_with_their_lengths() -> None:
    assert (
        pack("SET", b"\xff", 7, "é\ud800")
        == b"*4\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$1\r\n7\r\n$5\r\n\xc3\xa9\xed\xa0\x80\r\n"
    )


@given(st.lists(TEXTS, min_size=3, max_size=3), st.lists(TEXTS | st.just(b"17"), min_size=2, max_size=2))
def test_a_session_is_read_in_one_step_or_as_any_other_reply(fields: list[bytes], moment: list[bytes]) -> None:
    replies = [fields, moment]
    data = b"".join(map(written, replies))
    found = [[text.encode() for text in reply] for reply in parse_session(data)]
    assert found in ([], replies)
    is_short = all(len(text) < 1024 for text in (*fields[:2], *moment))
    if data.isascii() and is_short and not any(b"\r\n" in text for text in (*fields, *moment)):
        assert found == replies
    # What is cut, or more, or has a wrong length, is none.
    for end in range(len(data)):
        assert parse_session(data[:end]) == []
    assert parse_session(data + b"x") == []
    assert parse_session(data.replace(b"$", b"$1", 1)) == []


def test_an_error_of_the_server_is_a_reply() -> None:
    reply, end = parse(b"-NOSCRIPT No matching script.\r\n", 0)
    assert (type(reply), str(reply), end) == (ServerError, "NOSCRIPT No matching script.", 31)
    assert parse(b"+OK\r\n", 0) == (b"OK", 5)
    assert parse(b"*-1\r\n", 0) == (None, 5)


def test_something_that_is_no_reply() -> None:
    with pytest.raises(ServerError, match="does not speak the protocol of Redis"):
        parse(b"HTTP/1.1 400 Bad Request\r\n", 0)


@pytest.mark.parametrize("sent", [b"", b"$5\r\nab"])
def test_a_server_that_closes_the_connection(sent: bytes) -> None:
    opened = Opened()
    connection = BlockingConnection(opened)
    opened.server.sendall(sent)
    opened.server.close()
    with pytest.raises(BrokenConnectionError):
        connection.exchange(Request(pack("PING")))
    connection.close()


@pytest.mark.parametrize("timeout", [0.0000001, 0.05, 1.05])
def test_waiting_ends_after_the_timeout_without_a_question_before_each_call(timeout: float) -> None:
    opened = Opened()
    assert opened._sock is not None
    opened._sock.settimeout(timeout)
    connection = BlockingConnection(opened)
    if sys.platform == "linux":
        assert opened._sock.gettimeout() is None
    with pytest.raises(TimeoutError, match="timed out"):
        connection.exchange(Request(pack("PING")))
    # More than the other end takes.
    with pytest.raises(TimeoutError, match="timed out"):
        connection.exchange(Request(b"x" * 10_000_000))
    opened.server.close()
    opened._sock.close()


def test_sockets_of_other_kinds_keep_their_timeout() -> None:
    class Other(socket.socket):
        pass

    one, other = socket.socketpair()
    wrapped = Other(fileno=one.detach())
    for opened, timeout in ((wrapped, 3.0), (other, None), (other, 0.0)):
        opened.settimeout(timeout)
        assert without_polling(opened) is opened
        assert opened.gettimeout() == timeout
    wrapped.close()
    other.close()
