"""The chat of `examples/chat`, without a server and without a browser."""

from __future__ import annotations

from typing import Any

import pytest

from examples.chat.app import app
from tuile.exceptions import WebSocketDisconnect
from tuile.testing import WebSocketRefused

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def client_of(user: str) -> Any:
    client = app.test_client()
    assert client.post("/login", data={"user": user}, headers=SAME_SITE).status_code == 302
    return client


def test_two_people_write_to_each_other() -> None:
    with client_of("ada").websocket("/chat") as ada:
        assert ada.receive_json() == {"kind": "joined", "user": "ada", "text": ""}
        with client_of("bob").websocket("/chat") as bob:
            for socket in (ada, bob):
                assert socket.receive_json() == {"kind": "joined", "user": "bob", "text": ""}
            bob.send("hello <b>ada</b>")
            for socket in (ada, bob):
                assert socket.receive_json() == {"kind": "said", "user": "bob", "text": "hello <b>ada</b>"}
        assert ada.receive_json() == {"kind": "left", "user": "bob", "text": ""}


def test_who_has_not_logged_in_is_refused() -> None:
    with pytest.raises(WebSocketRefused) as raised:
        app.test_client().websocket("/chat").__enter__()
    assert raised.value.status_code == 401


def test_another_site_is_refused() -> None:
    with pytest.raises(WebSocketRefused) as raised:
        client_of("ada").websocket("/chat", headers={"Origin": "https://evil.example"}).__enter__()
    assert raised.value.status_code == 403


def test_logging_out_closes_the_websocket() -> None:
    client = client_of("ada")
    with client.websocket("/chat") as socket:
        socket.receive_json()
        assert client.post("/logout", headers=SAME_SITE).status_code == 302
        with pytest.raises(WebSocketDisconnect) as raised:
            while True:
                socket.receive()
        assert (raised.value.code, raised.value.reason) == (1008, "The session has ended.")
