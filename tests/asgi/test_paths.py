"""Paths below a root path, with escapes and of other letters: matched on the loop, with the answers of WSGI."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import quote, unquote

import pytest

import tuile
from tests import beside_flask
from tests.asgi.driver import Answer, Server, make_scope, run
from tuile import Flask, request, url_for
from tuile.asgi.scopes import BadScope, environ_of
from tuile.asgi.service import Service

if TYPE_CHECKING:
    from tuile.asgi.protocol import Scope

ROOTS = ["", "/app", "/app/", "app", "/", "//", "/\u00e4", "/a b", "/app/v1", "/other", "/app%2F", None]
PARTS = [
    "/app",
    "/",
    "/sync",
    "/async",
    "/slash",
    "/n",
    "/\u00e4",
    "/\u20ac",
    "/a b",
    "/%2F",
    "/a%2Fb",
    "/..",
    "//",
    "/\ufffd",
    "/\0",
    "/v1",
]
PARTS += ["/\udce4", "/n/\u00e4\u00f6", "/none", "?", "/\U0001f600", "n", "/\x80", "/e\u0301"]
#: Sent in another case, a header lets the whole environ be made before anything else.
BY_ENVIRON = (b"X-By-Environ", b"1")


def seen() -> dict[str, Any]:
    """Return what a view sees of the URL of its request."""
    environ = request.environ if "environ" in request.args else {}
    return {
        "path": request.path,
        "root": request.root_path,
        "script_root": request.script_root,
        "full": request.full_path,
        "url": request.url,
        "base": request.base_url,
        "url_root": request.url_root,
        "links": [url_for("sync"), url_for("named", name="\u00e4/b c"), url_for("sync", _external=True)],
        "arguments": request.view_args,
        "environ": [environ.get("PATH_INFO"), environ.get("SCRIPT_NAME")],
    }


def make_app() -> Flask:
    app = Flask("app", static_folder=None)
    app.config["SECRET_KEY"] = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.get("/first")(lambda: "x")
    app.get("/sync", endpoint="sync")(seen)
    app.get("/slash/", endpoint="slash")(seen)
    app.get("/n/<name>", endpoint="named")(lambda name: seen())
    app.get("/\u00e4", endpoint="umlaut")(seen)
    app.get("/", endpoint="index")(seen)

    @app.get("/async")
    @app.get("/async/<path:rest>")
    async def awaited(rest: str = "") -> Any:
        tuile.session["seen"] = True
        return seen()

    return app


def answers(scopes: list[Scope]) -> list[Answer]:
    """Return the answers of one application to some requests."""
    app = make_app()

    async def main() -> list[Answer]:
        await Server(make_scope("/first")).ask(app)
        with mock.patch("time.time", return_value=1_700_000_000.0):
            return [await Server(scope).ask(app) for scope in scopes]

    found: list[Answer] = run(main)
    return found


def scopes_of(count: int) -> list[Scope]:
    """Return requests for paths of all kinds."""
    chance = Random(5)
    scopes: list[Scope] = []
    for _ in range(count):
        root = chance.choice(ROOTS)
        path = (root or "") * chance.randrange(2) + "".join(chance.choices(PARTS, k=chance.randint(1, 3)))
        raw = [None, b"/other%E4", quote(path, errors="surrogateescape"), quote(path.encode("latin-1", "replace"))]
        chosen = chance.choice(raw)
        scopes.append(
            make_scope(
                path,
                chance.choice(["GET", "GET", "HEAD", "POST"]),
                query=chance.choice([b"", b"environ", b"a=%C3%A4", b"\xe4"]),
                raw_path=chosen.encode() if isinstance(chosen, str) else chosen,
                root_path=root,
            )
        )
    return scopes


def through_wsgi(scopes: list[Scope]) -> list[beside_flask.Answer | None]:
    """Return the answers of a WSGI server; None to those that it would not pass on."""
    app = make_app()
    beside_flask.send(app, beside_flask.make_environ("/first"))
    found: list[beside_flask.Answer | None] = []
    for scope in scopes:
        try:
            given = {key: value for key, value in environ_of(scope).items() if "." not in key}
        except BadScope:
            found.append(None)
            continue
        found.append(beside_flask.send(app, beside_flask.make_environ(**given)))
    return found


def test_the_answers_are_those_by_an_environ_and_those_of_wsgi() -> None:
    scopes = scopes_of(600)
    with mock.patch("time.time", return_value=1_700_000_000.0):
        by_environ, by_wsgi = answers([slow(scope) for scope in scopes]), through_wsgi(scopes)
    statuses = set()
    for scope, answer, other, wsgi in zip(scopes, answers(scopes), by_environ, by_wsgi, strict=True):
        assert answer == other, scope
        statuses.add(answer.status)
        if wsgi is None:
            assert answer.status == 400, scope
            continue
        assert (answer.status, answer.body) == (int(wsgi.status[:3]), wsgi.body), scope
        # The methods of Allow come in any order.
        pairs = [(name.lower(), value) for name, value in wsgi.headers if name != "Allow"]
        sent = [(name.decode(), value.decode("latin-1")) for name, value in answer.headers if name != b"allow"]
        assert sent == pairs, scope
    assert {200, 308, 400, 404, 405} <= statuses


def slow(scope: Scope) -> Scope:
    return {**scope, "headers": [*scope["headers"], BY_ENVIRON]}


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/app", "/app/sync"),
        ("/app", "/sync"),
        ("", "/n/\u00e4"),
        ("/\u00e4", "/\u00e4/async"),
        ("", "/async/%2F \u20ac"),
    ],
)
def test_they_are_matched_on_the_loop(root: str, path: str) -> None:
    with mock.patch.object(Service, "serve_http", side_effect=AssertionError):
        app = make_app()

        async def main() -> int:
            with mock.patch.object(app, "_got_first_request", True):
                return (await Server(make_scope(path, root_path=root)).ask(app)).status

        assert run(main) == 200


def test_octets_that_are_no_text_are_kept() -> None:
    raw = b"/n/%E4%FF"
    path = unquote(raw.decode(), errors="replace")
    (answer,) = answers([make_scope(path, raw_path=raw, query=b"environ")])
    assert "/n/\\u00e4\\u00ff" in answer.text
