"""A small application, for what needs a server of its own."""

from typing import Any

from flask import Flask, jsonify, request, url_for

app = Flask(__name__, static_folder=None)


@app.post("/count")
def count() -> str:
    total = 0
    while piece := request.stream.read(64 * 1024):
        total += len(piece)
    return str(total)


@app.get("/cookies")
def cookies() -> Any:
    return jsonify(request.host, request.cookies)


@app.get("/root")
def root() -> Any:
    return jsonify(request.path, request.root_path, url_for("root"), request.url)
