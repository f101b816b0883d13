"""A WebSocket of an ASGI server as a socket in the environ, with wsproto as the other project that reads and writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuile.asgi.websockets.as_socket import Frames, frame_of

wsproto = pytest.importorskip("wsproto", reason="wsproto is not installed; make venv installs it")
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"
)
MESSAGES = st.lists(
    st.text(max_size=10)
    | st.binary(max_size=10)
    | st.sampled_from(["x" * 125, "x" * 126, b"y" * 65_535, b"y" * 65_536, b"z" * 70_000]),
    max_size=5,
)


def make_server() -> tuple[Any, bytes]:
    """Return a connection of wsproto, and its answer to a handshake."""
    server: Any = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    server.receive_data(HANDSHAKE)
    list(server.events())
    return server, server.send(wsproto.events.AcceptConnection(subprotocol="b"))


def opcode_of(message: str | bytes) -> int:
    return 1 if isinstance(message, str) else 2


def content_of(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message


@given(messages=MESSAGES, size=st.sampled_from([1, 2, 3, 7, 1000, 10**6]), parts=st.integers(1, 3))
def test_frames_of_a_server_become_messages(messages: list[str | bytes], size: int, parts: int) -> None:
    server, sent = make_server()
    for message in messages:
        for part in range(parts):
            # In several frames, with a ping among them.
            start, end = len(message) * part // parts, len(message) * (part + 1) // parts
            kind = wsproto.events.TextMessage if isinstance(message, str) else wsproto.events.BytesMessage
            sent += server.send(kind(data=message[start:end], message_finished=part == parts - 1))
            sent += server.send(wsproto.events.Ping(payload=b"p"))
    sent += server.send(wsproto.events.CloseConnection(code=4001, reason="bye"))
    if size < 1000:
        # One by one would take its time.
        sent = sent[:3000]
    frames, found = Frames(), []
    for start in range(0, len(sent), size):
        found += frames.feed(sent[start : start + size])
    assert (frames.header("sec-websocket-protocol"), frames.header("x-none")) == ("b", None)
    whole = [(opcode_of(message), content_of(message)) for message in messages]
    received = [message for message in found if message[0] < 8]
    assert received == whole[: len(received)]
    if size >= 1000:
        assert received == whole
        assert found[-1] == (8, (4001).to_bytes(2, "big") + b"bye")
        assert found.count((9, b"p")) == len(messages) * parts


@given(messages=MESSAGES)
def test_a_server_reads_the_frames_that_are_made_for_it(messages: list[str | bytes]) -> None:
    server, _ = make_server()
    found: list[str | bytes] = []
    for message in messages:
        server.receive_data(frame_of(opcode_of(message), content_of(message)))
        parts = [event.data for event in server.events()]
        found.append(type(message)().join(parts))
    assert found == messages
