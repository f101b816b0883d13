"""The states of a WebSocket as a table: what may be sent in each, and what it leads to."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tuile.asgi.websockets.states import Machine, code_for
from tuile.exceptions import WebSocketDisconnect

#: {(state, event): (next state, types of messages)}; None where the event is an error.
TABLE: dict[tuple[str, str], tuple[str, list[str]] | None] = {
    ("connecting", "send"): None,
    ("connecting", "close"): ("connecting", []),
    ("connecting", "refuse"): ("refused", ["http.response.start", "http.response.body"]),
    ("connecting", "leave"): ("left", []),
    ("open", "send"): ("open", ["send"]),
    ("open", "close"): ("closed", ["close"]),
    ("open", "refuse"): ("open", []),
    ("open", "leave"): ("left", []),
    **{
        (state, event): None if event == "send" else (state, [])
        for state in ("closed", "left", "refused")
        for event in ("send", "close", "refuse", "leave")
    },
}


def machine_in(state: str, *, can_deny: bool = True) -> Machine:
    machine = Machine()
    machine.can_deny = can_deny
    if state in {"open", "closed"}:
        machine.accept([], None, [])
    if state == "closed":
        machine.close(4000, "bye")
    if state == "left":
        machine.leave(1001, "gone")
    if state == "refused":
        machine.refuse(403, [], [])
    assert machine.state == state
    return machine


def apply(machine: Machine, event: str) -> list[Any]:
    if event == "send":
        return [machine.send("a")]
    if event == "close":
        message = machine.close(4001, "end")
        return [] if message is None else [message]
    if event == "refuse":
        return machine.refuse(401, [(b"a", b"b")], [b"no"])
    machine.leave(1006, "")
    return []


@pytest.mark.parametrize(("state", "event"), TABLE)
def test_an_event_leads_to_the_state_of_the_table(state: str, event: str) -> None:
    machine, expected = machine_in(state), TABLE[state, event]
    if expected is None:
        with pytest.raises(WebSocketDisconnect):
            apply(machine, event)
        assert machine.state == state
        return
    messages = apply(machine, event)
    assert (machine.state, [message["type"].removeprefix("websocket.") for message in messages]) == expected


@pytest.mark.parametrize("events", itertools.product(["send", "close", "refuse", "leave"], repeat=3))
@pytest.mark.parametrize("accepts", [True, False])
def test_nothing_follows_the_last_message(events: tuple[str, ...], accepts: bool) -> None:
    machine = machine_in("open" if accepts else "connecting")
    sent: list[str] = []
    for event in events:
        try:
            sent += [message["type"] for message in apply(machine, event)]
        except WebSocketDisconnect:
            assert machine.state != "open"
    ends = [index for index, kind in enumerate(sent) if kind in {"websocket.close", "websocket.http.response.body"}]
    assert ends in ([], [len(sent) - 1])


def test_a_body_in_pieces_ends_once() -> None:
    messages = machine_in("connecting").refuse(200, [], [b"a", b"", b"b"])
    assert [(message["body"], message["more_body"]) for message in messages[1:]] == [(b"a", True), (b"b", False)]


def test_a_server_that_cannot_answer_closes() -> None:
    assert machine_in("connecting", can_deny=False).refuse(401, [], [b"no"]) == [
        {"type": "websocket.close", "code": 1000, "reason": ""}
    ]


def test_the_error_has_the_code_of_the_end() -> None:
    for state, expected in (("closed", (4000, "bye")), ("left", (1001, "gone")), ("refused", (1000, ""))):
        error = machine_in(state).ended()
        assert (error.code, error.reason) == expected
    assert str(WebSocketDisconnect(4000, "bye")) == "The WebSocket has ended (code 4000: bye)."
    assert [code_for(status) for status in (200, 302, 404, 500)] == [1000, 1000, 1008, 1011]
