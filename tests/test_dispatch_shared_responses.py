"""One response object that is returned for several visitors: no cookie of one goes to another."""

from __future__ import annotations

import logging
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.beside_flask import Answer, make_app, make_environ, same, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask


def cookies_of(answer: Answer) -> list[str]:
    return [value.partition("=")[0] for name, value in answer.headers if name == "Set-Cookie"]


def session_of(app: Flask, answer: Answer) -> Any:
    """The session that the cookie of an answer carries, or None."""
    for name, value in answer.headers:
        if name == "Set-Cookie" and value.startswith("session="):
            environ = make_environ("/", HTTP_COOKIE=value.partition(";")[0])
            with app.request_context(environ):
                return dict(tuile.session)
    return None


# How a cookie comes on the response of one visitor.


def by_session(app: Flask) -> None:
    tuile.session["who"] = tuile.request.args["who"]


def by_cookies(app: Flask) -> None:
    tuile.cookies.set("who", tuile.request.args["who"])


def by_function_of_this_request(app: Flask) -> None:
    who = tuile.request.args["who"]

    @tuile.after_this_request
    def put(response: Any) -> Any:
        response.set_cookie("who", who)
        return response


def by_hook(app: Flask) -> None:
    pass


def put_by_hook(response: Any) -> Any:
    if "who" in tuile.request.args:
        response.set_cookie("who", tuile.request.args["who"])
    return response


WAYS = [by_session, by_cookies, by_function_of_this_request, by_hook]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def make_sharing_app(way: Callable[[Flask], None], how: str = "returned") -> Flask:
    app = tuile.Flask("sharing", static_folder=None)
    app.secret_key = "5f2d8c1b9a7e4630b1c8d2e6f4a09375"
    shared = tuile.Response("shared", headers={"X-Own": "kept", "Set-Cookie": "everybody=1; Path=/"})
    if way is by_hook:
        app.after_request(put_by_hook)

    @app.route("/")
    def show() -> Any:
        if "who" in tuile.request.args:
            way(app)
        if how == "raised":
            raise LookupError("in a view")
        return (shared, 201) if how == "in a tuple" else shared if how == "returned" else "other"

    if how == "by a hook":
        # The last that is registered is the first to run.
        app.after_request(lambda response: shared)
    app.register_error_handler(LookupError, lambda error: shared)
    return app


@ways
@pytest.mark.parametrize("how", ["returned", "in a tuple", "raised", "by a hook"])
def test_a_cookie_of_one_visitor_is_not_sent_to_another(
    way: Callable[[Flask], None], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_sharing_app(way, how)
    own = ["everybody", "session" if way is by_session else "who"]
    if how == "by a hook" and way is by_function_of_this_request:
        # It was put on the response that the hook put away.
        own = ["everybody"]
    with caplog.at_level(logging.WARNING):
        assert cookies_of(send(app, make_environ(QUERY_STRING="who=one"))) == own
        assert caplog.records == []
        for _ in range(2):
            answer = send(app, make_environ())
            assert cookies_of(answer) == ["everybody"]
            assert dict(answer.headers)["X-Own"] == "kept"
            assert answer.text == "shared"
    if len(own) == 1:
        return
    told = caplog.records[0].getMessage()
    assert own[1] in told
    assert "make_response()" in told
    assert "one" not in told.replace("is an object", "").replace("one for", "")


@ways
def test_each_visitor_gets_the_own_cookie(way: Callable[[Flask], None]) -> None:
    app = make_sharing_app(way)
    for who in ("one", "two", "three"):
        answer = send(app, make_environ(QUERY_STRING=f"who={who}"))
        assert len(cookies_of(answer)) == 2
        if way is by_session:
            assert session_of(app, answer) == {"who": who}
        else:
            assert next(value for _, value in answer.headers if value.startswith("who=")).startswith(f"who={who};")


def test_a_shared_response_without_cookies_is_as_on_flask(caplog: pytest.LogCaptureFixture) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="5f2d8c1b9a7e4630b1c8d2e6f4a09375")
        shared = lib.Response("shared")
        app.add_url_rule("/", "show", lambda: shared)

        @app.after_request
        def count(response: Any) -> Any:
            response.headers["X-Count"] = str(int(response.headers.get("X-Count", 0)) + 1)
            return response

        return [send(app, make_environ()) for _ in range(3)], shared.headers["X-Count"]

    assert same(program)[1] == "3"
    assert caplog.records == []


def test_a_response_that_passes_twice_in_one_request_keeps_its_cookies() -> None:
    app = tuile.Flask("twice", static_folder=None)
    app.secret_key = "5f2d8c1b9a7e4630b1c8d2e6f4a09375"
    shared = tuile.Response("shared")

    @app.route("/")
    def show() -> Any:
        tuile.session["who"] = "one"
        return app.finalize_request(shared)

    assert cookies_of(send(app, make_environ())) == ["session"]


def test_visitors_at_the_same_time_do_not_get_each_others_cookies() -> None:
    app = make_sharing_app(by_session)
    barrier = threading.Barrier(2)
    seen: dict[str, list[Any]] = {"one": [], "two": []}

    @app.before_request
    def wait() -> None:
        barrier.wait(100)

    def visit(who: str) -> None:
        for _ in range(20):
            seen[who].append(session_of_answer(send(app, make_environ(QUERY_STRING=f"who={who}"))))

    def session_of_answer(answer: Answer) -> str:
        return next(value.partition(";")[0] for _, value in answer.headers if value.startswith("session="))

    threads = [threading.Thread(target=visit, args=[who]) for who in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    app.before_request_funcs.clear()
    for who, lines in seen.items():
        assert len(lines) == 20
        for line in lines:
            with app.request_context(make_environ(HTTP_COOKIE=line)):
                assert dict(tuile.session) == {"who": who}


def test_a_response_can_still_be_pickled() -> None:
    app = make_sharing_app(by_session)
    kept: list[Any] = []
    app.add_url_rule("/cached", "cached", lambda: pickle.loads(kept[0]))  # noqa: S301 - made below

    @app.after_request
    def keep(response: Any) -> Any:
        kept.append(pickle.dumps(response))
        return response

    send(app, make_environ(QUERY_STRING="who=one"))
    app.after_request_funcs.clear()
    assert cookies_of(send(app, make_environ("/cached"))) == ["everybody"]


def test_two_requests_at_the_same_time_do_not_share_what_is_put_on_a_response() -> None:
    app = tuile.Flask(__name__)
    app.secret_key = "c0a1f6d29b7e45388f1d4a6b2c9e7053"
    shared = app.response_class("shared")
    both = threading.Barrier(2, timeout=120)

    @app.get("/<name>")
    def login(name: str) -> tuile.Response:
        tuile.session["user"] = name
        return shared

    @app.after_request
    def wait(response: tuile.Response) -> tuile.Response:
        both.wait()
        return response

    users: dict[str, str] = {}

    def visit(name: str) -> None:
        client = app.test_client()
        client.get(f"/{name}")
        with client.session_transaction() as kept:
            users[name] = kept["user"]

    threads = [threading.Thread(target=visit, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert users == {"ann": "ann", "bob": "bob"}
