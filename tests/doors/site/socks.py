"""WebSockets of Flask-Sock, which is written for WSGI servers."""

# The extension has no types.
# mypy: ignore-errors

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, request, session
from flask_sock import Sock

app = Flask(__name__, static_folder=None)
app.config["SECRET_KEY"] = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25, "subprotocols": ["b"]}
sock = Sock(app)
ends: list[str] = []


@sock.route("/sock/echo")
def echo(ws: Any) -> None:
    try:
        while True:
            ws.send(ws.receive())
    finally:
        ends.append("echo")


@sock.route("/sock/hello/<name>")
def hello(ws: Any, name: str) -> None:
    ws.send(f"{name} {request.args['q']} {session.get('user')} {ws.subprotocol}")


@sock.route("/sock/close")
def close(ws: Any) -> None:
    ws.close(4001, "bye")


@sock.route("/sock/fails")
def fails(ws: Any) -> None:
    raise RuntimeError("on purpose")


@app.route("/sock/ends")
def all_ends() -> Any:
    return jsonify(ends)
