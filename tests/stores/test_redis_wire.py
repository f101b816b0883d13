"""What is sent to Redis and read from it."""

from __future__ import annotations

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuile.sessions.changes import Changes, Put
from tuile.sessions.content import Content, text_in
from tuile.sessions.operations import Apply
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores import redis_wire
from tuile.sessions.stores.connections import BrokenConnectionError
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.redis_records import read_record
from tuile.sessions.stores.redis_wire import (
    BlockingConnection,
    Request,
    ServerError,
    pack,
    parse,
    parse_session,
    without_polling,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

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


# --- sessions that are sent again -------------------------------------------------------------------------------------

HANDLE = "h" * 22


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    for kept in (redis_wire._remembered, redis_wire._sent_once):
        kept.clear()
    yield
    for kept in (redis_wire._remembered, redis_wire._sent_once):
        kept.clear()


def session_reply(
    now: float, version: int = 1, content: str = '\n"n":1\n', ends: float = 1796044800.5, verifier: str = "v"
) -> bytes:
    head = f"{version} 1 0 1796044700.5 1796044700.5 {ends}"
    fields = [one.encode() for one in (head, f"{verifier}\n=ada\nagent\naddress\n", content)]
    seconds, microseconds = divmod(round(now * 1e6), 1_000_000)
    return written(fields) + written([b"%d" % seconds, b"%d" % microseconds])


def exchanged_over(pieces: list[bytes]) -> Any:
    connection = BlockingConnection.__new__(BlockingConnection)
    connection._socket = Pieces(pieces)  # type: ignore[assignment] # as far as needed
    return connection.exchange(Request(b"", 2))


def forgetful(handle: str, data: bytes) -> Any:
    return read_record(handle, parse_session(data) or [parse(data, 0)[0], parse(data, parse(data, 0)[1])[0]])


TIMES = st.floats(1796044700.6, 1796044900).map(lambda now: round(now, 6)) | st.just(1796044703.000001)


@given(
    st.lists(
        st.tuples(
            TIMES,
            st.integers(1, 3),
            st.sampled_from(
                ['\n"n":1\n', '\n"n":2\n', '\n"é":1\n', "\n", '\n"a":"*2\\r\\n$10\\r\\n1796044703"\n', "no"]
            ),
            st.sampled_from([1796044800.5, 1796044750.25]),
            st.sampled_from([HANDLE, "i" * 22]),
            st.integers(0, 300),
        ),
        max_size=30,
    )
)
def test_what_is_remembered_is_what_would_be_read(sent: list[Any]) -> None:
    for now, version, content, ends, handle, cut in sent:
        data = session_reply(now, version=version, content=content, ends=ends)
        pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
        assert read_record(handle, exchanged_over(pieces)) == forgetful(handle, data)


def test_a_session_is_remembered_when_it_is_sent_again() -> None:
    found = [read_record(HANDLE, exchanged_over([session_reply(1796044703 + i)])) for i in range(4)]
    assert [one.now for one in found if one] == [1796044703, 1796044704, 1796044705, 1796044706]
    first, second, third, fourth = [one.record for one in found if one]
    assert first == second == third
    assert first is not second
    assert second is third is fourth


def test_a_remembered_session_ends_by_the_clock_of_the_server() -> None:
    for _ in range(3):
        assert read_record(HANDLE, exchanged_over([session_reply(1796044703)])) is not None
    assert read_record(HANDLE, exchanged_over([session_reply(1796044800.5)])) is None
    assert read_record(HANDLE, exchanged_over([session_reply(1796044703)])) is not None


def test_a_copy_of_a_session_has_its_own_name() -> None:
    for handle in (HANDLE, "i" * 22, HANDLE, "i" * 22):
        found = read_record(handle, exchanged_over([session_reply(1796044703)]))
        assert found is not None
        assert found.record.handle == handle


def test_a_time_that_is_cut_is_waited_for() -> None:
    whole = session_reply(1796044703.123456)
    for _ in range(3):
        exchanged_over([whole])
    for cut in range(len(whole)):
        found = read_record(HANDLE, exchanged_over([one for one in (whole[:cut], whole[cut:]) if one]))
        assert found is not None
        assert found.now == 1796044703.123456
        if cut:
            with pytest.raises(BrokenConnectionError):
                exchanged_over([whole[:cut]])


def test_a_time_of_another_form_is_read_as_before() -> None:
    whole = session_reply(1796044703.5)
    for _ in range(3):
        exchanged_over([whole])
    start = whole[: whole.rindex(b"*2\r\n")]
    for odd in (
        b"*2\r\n$10\r\n1796044703\r\n$5\r\n12\r\n4\r\n",
        b"*2\r\n$10\r\n1796044703\r\n-ERR no\r\n",
        b"*2\r\n$10\r\n179\r\n$2\r\n12\r\n",
        b"*2\r\n$10\r\nno number.\r\n$2\r\n12\r\n",
        b"*2\r\n$10\r\n1796044703\r\n$2\r\nno\r\n",
    ):
        with suppress(BrokenConnectionError, ServerError):
            assert read_record(HANDLE, exchanged_over([start + odd])) is None


def test_only_so_many_are_remembered_and_none_that_is_long() -> None:
    for number in range(1000):
        for _ in range(3):
            exchanged_over([session_reply(1796044703, version=number)])
        assert len(redis_wire._remembered) <= 128
        assert len(redis_wire._sent_once) <= 128
    redis_wire._remembered.clear()
    for _ in range(3):
        exchanged_over([session_reply(1796044703, content='\n"a":"' + "x" * 5000 + '"\n')])
    assert not redis_wire._remembered


def test_threads_that_read_the_same_sessions() -> None:
    def read(seed: int) -> None:
        for number in range(2000):
            version = (number * 7 + seed) % 200
            found = read_record(HANDLE, exchanged_over([session_reply(1796044703, version=version)]))
            assert found is not None
            assert found.record.version == version

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))


@given(
    st.sampled_from(["session:", "é:", "p" * 2000, ""]),
    st.text(max_size=30) | st.text("abc", min_size=22, max_size=22),
    st.integers(-5, 2000) | st.just(2**60),
    st.integers(1, 3) | st.just(10**9),
    st.text(max_size=20) | st.sampled_from(["x" * 900, "y" * 5000]),
    st.booleans(),
)
def test_a_save_is_the_command_that_any_other_way_writes(
    prefix: str, handle: str, version: int, generation: int, value: str, cleared: bool
) -> None:
    pytest.importorskip("redis")
    store = RedisStore("redis://localhost:1", prefix=prefix)
    base = Record(handle, "v", Content('\n"n":1\n'), generation=generation, version=version)
    changes = Changes(cleared=cleared, by_key={"n": Put(json.dumps(value, ensure_ascii=False), "1")})
    request = store._saving(Apply(handle, generation, changes, Clocks(60.0), base=base))
    if request is None:
        assert cleared
        return
    command, end = parse(request.packed, 0)
    assert end == len(request.packed)
    name, digest, keys, key, before, after, lines = command
    assert (name, keys) == (b"EVALSHA", b"1")
    assert request.packed == pack(name, digest, keys, key, before, after, lines)
    assert key.decode(errors="surrogatepass") == f"{prefix}s:{handle}"
    assert before.decode() == f"{version} {generation} 0 "
    assert after.decode() == f"{version + 1} {generation + cleared} 0 "
    written_value = text_in(lines.decode(), "n")
    assert written_value is not None
    assert json.loads(written_value) == value
