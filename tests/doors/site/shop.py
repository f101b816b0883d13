"""An application as people have them: it knows Flask and nothing else. What serves it is the tests' business."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import flask
from flask import Blueprint, Flask, Response, abort, g, jsonify, request, session, stream_with_context, url_for

app = Flask(__name__, static_folder=None)
app.config.update(SECRET_KEY="a key that both frameworks know", SESSION_COOKIE_NAME="shop")

basket = Blueprint("basket", __name__, url_prefix="/basket")
torn_down: list[str] = []


@app.before_request
def begin() -> None:
    g.path = request.path


@app.teardown_request
def end(error: Any) -> None:
    torn_down.append(g.path)


@app.get("/where")
def where() -> dict[str, Any]:
    return {
        "flask": type(flask).__name__,
        "process": os.getpid(),
        "thread": threading.get_ident(),
        "scheme": request.scheme,
        "host": request.host,
        "address": request.remote_addr,
        "multithread": request.environ["wsgi.multithread"],
    }


@app.get("/hello/<name>")
def hello(name: str) -> str:
    return f"hello {name}"


@app.post("/echo")
def echo() -> Response:
    response = Response(request.get_data(), mimetype=request.mimetype)
    response.headers["X-Length"] = str(request.content_length)
    return response


@app.post("/form")
def form() -> Any:
    files = {name: [file.filename, len(file.read())] for name, file in request.files.items()}
    return jsonify(form=request.form.to_dict(), files=files)


@app.get("/stream")
def stream() -> Response:
    def count() -> Iterator[str]:
        for number in range(int(request.args["to"])):
            yield f"{number} of {request.path}\n"

    return Response(stream_with_context(count()), mimetype="text/plain")


@app.get("/torn-down")
def tell_torn_down() -> Any:
    return jsonify(torn_down)


@app.get("/broken")
def broken() -> str:
    raise ValueError("on purpose")


@app.get("/teapot")
def teapot() -> str:
    abort(418, "short and stout")


@basket.get("/")
def show() -> Any:
    return jsonify(things=session.get("things", []), where=url_for("basket.show", _external=True))


@basket.post("/<thing>")
def put(thing: str) -> Any:
    session["things"] = [*session.get("things", []), thing]
    session.permanent = thing == "for long"
    response = flask.redirect(url_for(".show"), 303)
    response.set_cookie("last", thing, httponly=True, samesite="Lax")
    return response


app.register_blueprint(basket)
