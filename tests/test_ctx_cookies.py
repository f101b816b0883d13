"""The cookies of one request: reading what was received or written, and sending what was written."""

from __future__ import annotations

import re
import threading
import time
import traceback
import warnings
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import ABSENT, Answer, make_environ, same, send
from tuile import abort, cookies, make_response, request
from tuile.exceptions import CookieSyntaxError
from tuile.http.cookies import cookie_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask
    from tuile.testing import FlaskClient

quick = settings(
    derandomize=True, deadline=None, database=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)
OUTSIDE = "Working outside of request context"


def lines(answer: Answer) -> list[str]:
    return [value for name, value in answer.headers if name == "Set-Cookie"]


def new_app(view: Callable[[], Any], **config: Any) -> Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(config)
    app.add_url_rule("/", "view", view)
    return app


def writing(name: str, value: str = "1") -> Callable[..., Any]:
    """Return a view or hook that sets a cookie."""

    def write(given: Any = None) -> Any:
        cookies.set(name, value)
        return given if isinstance(given, WerkzeugResponse) else "text"

    return write


def answered(view: Callable[[], Any], received: str | None = None, **config: Any) -> Answer:
    """Return the response of an app with one view to a request with a Cookie header."""
    answer = send(
        new_app(view, TESTING=True, COOKIE_CHECKS="off", **config),
        make_environ(HTTP_COOKIE=ABSENT if received is None else received),
    )
    assert answer.code == 200, answer.text
    return answer


# --- reading ----------------------------------------------------------------------------------------------------------


def test_what_was_received_can_be_read() -> None:
    def view() -> str:
        assert cookies["a"] == "1"
        assert cookies.get("b") == "two words"
        assert cookies.get("missing") is None
        assert cookies.get("missing", "default") == "default"
        assert "a" in cookies
        assert "missing" not in cookies
        assert (list(cookies), len(cookies), bool(cookies)) == (["a", "b"], 2, True)
        assert dict(cookies) == {"a": "1", "b": "two words"} == cookies
        assert list(cookies.items()) == [("a", "1"), ("b", "two words")]
        assert list(cookies.values()) == ["1", "two words"]
        assert repr(cookies) == "<Cookies {'a': '1', 'b': 'two words'}>"
        return "fine"

    # Of one name the first counts, as with request.cookies.
    assert lines(answered(view, 'a=1; b="two words"; a=3')) == []


def test_without_cookies_there_is_nothing_to_read() -> None:
    def view() -> str:
        assert (dict(cookies), len(cookies), list(cookies), cookies.get("a")) == ({}, 0, [], None)
        return "fine"

    answered(view)
    answered(view, "")
    answered(view, "; ;=x;")


@pytest.mark.parametrize("written", [False, True])
def test_a_missing_cookie_is_a_key_error_and_a_bad_request(written: bool) -> None:
    def view() -> str:
        if written:
            cookies.delete("a")
        with pytest.raises(KeyError):
            cookies["a"]
        with pytest.raises(BadRequestKeyError) as caught:
            cookies["a"]
        assert caught.value.args == ("a",)
        return cookies["a"]

    answer = send(new_app(view), make_environ(HTTP_COOKIE="a=1" if written else "b=1"))
    assert answer.code == 400


def test_the_cookies_of_the_request_stay_what_was_received() -> None:
    def view() -> str:
        cookies.set("a", "2")
        cookies.delete("b")
        cookies.set("c", "3")
        assert dict(tuile.request.cookies) == {"a": "1", "b": "1"}
        return "fine"

    answered(view, "a=1; b=1")


def test_cookies_cannot_be_assigned_like_items() -> None:
    def view() -> str:
        unchecked: Any = cookies
        with pytest.raises(TypeError):
            unchecked["a"] = "1"
        with pytest.raises(TypeError):
            del unchecked["a"]
        return "fine"

    assert lines(answered(view, "a=1")) == []


# --- reads see what was written ---------------------------------------------------------------------------------------


def test_a_read_sees_what_was_written() -> None:
    def view() -> str:
        cookies.set("a", "new")
        assert (cookies["a"], cookies.get("a"), "a" in cookies) == ("new", "new", True)
        cookies.set("b", 'any "text"; é\n')
        assert cookies["b"] == 'any "text"; é\n'
        assert dict(cookies) == {"a": "new", "b": 'any "text"; é\n', "c": "1"}
        cookies.set("empty")
        assert cookies["empty"] == ""
        return "fine"

    answered(view, "a=old; c=1")


def test_a_deleted_cookie_is_hidden_until_it_is_set_again() -> None:
    def view() -> str:
        cookies.delete("a")
        assert (cookies.get("a"), "a" in cookies, dict(cookies), len(cookies)) == (None, False, {"b": "1"}, 1)
        cookies.delete("never seen")
        cookies.set("a", "again")
        assert (cookies["a"], len(cookies)) == ("again", 2)
        cookies.delete("a")
        assert "a" not in cookies
        return "fine"

    assert len(lines(answered(view, "a=old; b=1"))) == 2


def test_a_write_in_one_step_of_a_request_is_seen_in_the_others() -> None:
    seen: list[str | None] = []

    def view() -> str:
        seen.append(cookies.get("a"))
        cookies.set("a", "view")
        return "text"

    app = new_app(view)
    app.before_request(lambda: cookies.set("a", "before"))

    def after(response: Any) -> Any:
        seen.append(cookies["a"])
        cookies.set("a", "after")
        return response

    app.after_request(after)
    app.teardown_request(lambda error: seen.append(cookies["a"]))
    assert lines(send(app, make_environ(HTTP_COOKIE="a=received"))) == ["a=after; Path=/"]
    assert seen == ["before", "view", "after"]


names = st.sampled_from(["a", "b", "é"])
writes = st.tuples(
    st.sampled_from(["set", "set", "delete"]),
    names,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["/", "/", "/x", None]),
    st.sampled_from([None, None, "example.com", "Example.com", ".example.com"]),
)


@quick
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2"])), st.lists(writes, max_size=8))
def test_cookies_are_a_dictionary_that_remembers_what_to_send(
    received: dict[str, str], steps: list[tuple[str, str, str, str | None, str | None]]
) -> None:
    visible, sent = dict(received), dict[Any, Any]()

    def view() -> str:
        for what, name, value, path, domain in steps:
            identity = (name, (domain or "").lower().removeprefix("."), path or "")
            sent.pop(identity, None)
            if what == "set":
                cookies.set(name, value, path=path, domain=domain)
                visible[name], sent[identity] = value, value
            else:
                cookies.delete(name, path=path, domain=domain)
                visible.pop(name, None)
                sent[identity] = None
            assert cookies.get(name) == visible.get(name)
            assert dict(cookies) == visible
            assert len(cookies) == len(visible) == len(list(cookies))
            assert all(name in cookies for name in visible)
        return "fine"

    answer = answered(view, "; ".join(f"{name}={value}" for name, value in received.items()))
    found = lines(answer)
    expected = [(name.encode().decode("latin-1"), domain, path) for name, domain, path in sent]
    assert [cookie_identity(line) for line in found] == expected
    assert ["Max-Age=0" in line for line in found] == [value is None for value in sent.values()]


@quick
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example('"')
@example("\\")
@example(' a;b,c="d"\\\r\n\0\x7fé日\U0001f36a ')
@example("a" * 3000)
def test_any_text_comes_back_the_same(value: str) -> None:
    (line,) = lines(answered(writing("a", value)))
    assert line.isascii()
    assert not re.search(r"[\x00-\x1f\x7f]", line)
    header = f"before=1; {line.removesuffix('; Path=/')}; after=2"
    assert answered(lambda: repr(dict(cookies)), header).text == repr({"before": "1", "a": value, "after": "2"})


# --- what was written is sent -----------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[], Any]:
    def view() -> Any:
        raise error

    return view


def streaming() -> Iterator[str]:
    yield "a"
    yield "b"


def generating() -> Any:
    return tuile.stream_with_context(streaming())


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("202 Accepted", [("X-From", "WSGI"), ("Set-Cookie", "own=1")])
    return [b"from WSGI"]


class Teapot(Exception):
    """An error that a handler of the application handles."""


ANSWERS: dict[str, tuple[Callable[[], Any], int]] = {
    "text": (lambda: "text", 200),
    "bytes": (lambda: b"bytes", 200),
    "dict": (lambda: {"a": 1}, 200),
    "list": (lambda: [1], 200),
    "tuple": (lambda: ("text", 201, {"X-A": "1"}), 201),
    "response": (lambda: tuile.Response("text"), 200),
    "foreign response": (lambda: WerkzeugResponse("text"), 200),
    "WSGI application": (lambda: wsgi, 202),
    "generator": (streaming, 200),
    "stream": (generating, 200),
    "empty": (lambda: ("", 204), 204),
    "not modified": (lambda: ("", 304), 304),
    "redirect": (lambda: tuile.redirect("/elsewhere"), 302),
    "template": (lambda: tuile.render_template_string("{{ 1 }}"), 200),
    "JSON": (lambda: tuile.jsonify(1), 200),
    "abort": (lambda: tuile.abort(401), 401),
    "abort with a response": (lambda: tuile.abort(tuile.Response("no", 403)), 403),
    "abort with a foreign response": (lambda: tuile.abort(WerkzeugResponse("no", 403)), 403),
    "no answer": (lambda: None, 500),
    "error": (raising(LookupError()), 500),
    "handled error": (raising(Teapot()), 418),
    "custom page": (lambda: tuile.abort(410), 410),
    "file": (lambda: tuile.send_file(__file__), 200),
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_was_written_is_sent_with_every_kind_of_answer(kind: str, method: str) -> None:
    answer_of, code = ANSWERS[kind]

    def view() -> Any:
        cookies.set("a", "1")
        cookies.delete("b")
        return answer_of()

    app = new_app(view)
    app.register_error_handler(Teapot, lambda error: ("a teapot", 418))
    app.register_error_handler(410, lambda error: (f"gone, {cookies['a']}", 410))
    for _ in range(2):
        answer = send(app, make_environ(REQUEST_METHOD=method))
        assert answer.code == code
        assert [line.partition(";")[0] for line in lines(answer) if not line.startswith("own")] == ["a=1", "b="]


@pytest.mark.parametrize(
    ("path", "method", "code"),
    [("/missing", "GET", 404), ("/", "POST", 405), ("/", "OPTIONS", 200), ("/slash", "GET", 308), ("/", "GET", 200)],
)
def test_what_was_written_before_the_view_is_sent_although_no_view_answers(path: str, method: str, code: int) -> None:
    app = new_app(lambda: "text")
    app.add_url_rule("/slash/", "slash", lambda: "slash")
    app.before_request(lambda: cookies.set("a", "1"))
    answer = send(app, make_environ(path, REQUEST_METHOD=method))
    assert (answer.code, lines(answer)) == (code, ["a=1; Path=/"])


def test_what_was_written_is_sent_with_the_answer_of_a_before_request_function() -> None:
    app = new_app(lambda: "text")
    app.before_request(lambda: cookies.set("a", "1"))
    app.before_request(lambda: tuile.Response("stop", 503))
    answer = send(app, make_environ())
    assert (answer.code, lines(answer)) == (503, ["a=1; Path=/"])


def test_what_was_written_is_sent_with_a_response_that_took_the_place_of_another() -> None:
    app = new_app(writing("a"))
    app.after_request(lambda response: tuile.Response("another"))
    answer = send(app, make_environ())
    assert (answer.text, lines(answer)) == ("another", ["a=1; Path=/"])


def test_what_is_written_after_the_view_is_sent() -> None:
    def view() -> str:
        @tuile.after_this_request
        def later(response: Any) -> Any:
            cookies.set("this", "1")
            return response

        return "text"

    app = new_app(view)
    app.after_request(writing("every"))
    assert lines(send(app, make_environ())) == ["this=1; Path=/", "every=1; Path=/"]


def test_what_an_error_handler_writes_is_sent_with_what_the_view_wrote() -> None:
    def view() -> str:
        cookies.set("view", "1")
        raise Teapot

    app = new_app(view)
    app.register_error_handler(Teapot, writing("handler"))
    assert lines(send(app, make_environ())) == ["view=1; Path=/", "handler=1; Path=/"]


def test_what_was_written_is_sent_once_where_the_response_is_finished_twice() -> None:
    app = new_app(writing("a"))
    failing = [True]

    def after(response: Any) -> Any:
        if failing.pop():
            failing.append(False)
            raise Teapot
        return response

    app.after_request(after)
    answer = send(app, make_environ())
    assert (answer.code, lines(answer)) == (500, ["a=1; Path=/"])


def test_what_was_written_is_sent_with_the_page_of_a_session_that_cannot_be_saved() -> None:
    def view() -> str:
        cookies.set("a", "1")
        tuile.session["a"] = object()
        return "text"

    answer = send(new_app(view, SECRET_KEY="key"), make_environ())
    assert (answer.code, lines(answer)) == (500, ["a=1; Path=/"])


def test_what_was_written_is_sent_with_the_page_of_a_failing_after_request_function() -> None:
    app = new_app(writing("a"))

    def after(response: Any) -> Any:
        raise Teapot

    app.after_request(after)
    answer = send(app, make_environ())
    assert (answer.code, lines(answer)) == (500, ["a=1; Path=/"])


def test_an_async_view_writes_too() -> None:
    async def view() -> str:
        cookies.set("a", cookies["b"])
        return "text"

    assert lines(answered(view, "b=2")) == ["a=2; Path=/"]


def test_a_response_class_that_is_not_ours_carries_cookies() -> None:
    app = new_app(writing("a"))
    app.response_class = WerkzeugResponse  # type: ignore[assignment] # as some applications do
    for path in ("/", "/missing"):
        app.before_request_funcs = {None: [lambda: cookies.set("b", "1")]}
        assert "b=1; Path=/" in lines(send(app, make_environ(path)))


def test_nothing_is_sent_for_reading() -> None:
    answer = answered(lambda: f"{dict(cookies)} {cookies.get('b')}", "a=1")
    assert [name for name, _ in answer.headers] == ["Content-Type", "Content-Length", "Vary"]


# --- caches -----------------------------------------------------------------------------------------------------------


def header(answer: Any, name: str) -> str | None:
    found = [value for key, value in answer.headers if key == name]
    assert len(found) < 2
    return found[0] if found else None


READINGS: dict[str, Any] = {
    "a name": lambda: cookies["a"],
    "get": lambda: cookies.get("a"),
    "one that is missing": lambda: cookies.get("b", ""),
    "in": lambda: "b" in cookies,
    "iteration": lambda: list(cookies),
    "length": lambda: len(cookies),
    "all": lambda: dict(cookies),
    "text": lambda: repr(cookies),
    "truth": lambda: bool(cookies),
    "signed": lambda: cookies.signed.get("a"),
    "signed, in": lambda: "a" in cookies.signed,
    "why not": lambda: cookies.signed.reason("a"),
    "permanent": lambda: cookies.permanent.get("a"),
    "permanent and signed": lambda: cookies.permanent.signed.get("a"),
}


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("sent", ["a=1", None])
def test_an_answer_that_depends_on_a_cookie_says_so(reading: str, sent: str | None) -> None:
    def view() -> str:
        with suppress(KeyError):
            READINGS[reading]()
        return "text"

    app = new_app(view)
    app.secret_key = "a key for these tests: 7b1f"
    answer = send(app, make_environ("/", **({"HTTP_COOKIE": sent} if sent else {})))
    assert header(answer, "Vary") == "Cookie"


def test_vary_keeps_what_it_says_and_errors_say_it_too() -> None:
    def view() -> Any:
        cookies.get("a")
        return "text", {"Vary": "Accept"}

    def failing() -> str:
        cookies.get("a")
        abort(404)

    assert header(answered(view, "a=1"), "Vary") == "Accept, Cookie"
    assert header(send(new_app(failing), make_environ("/", HTTP_COOKIE="a=1")), "Vary") == "Cookie"


def test_what_was_written_in_this_request_does_not_depend_on_the_client() -> None:
    def view() -> str:
        cookies.set("a", "2")
        cookies.delete("b")
        return f"{cookies['a']} {'b' in cookies} {cookies.get('b')}"

    assert header(answered(view, "a=1; b=2"), "Vary") is None
    assert header(answered(lambda: request.cookies.get("a", ""), "a=1"), "Vary") is None  # as Flask


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (None, 'no-cache="Set-Cookie"'),
        ("public, max-age=600", "private, max-age=600"),
        ("PUBLIC", "private"),
        ("max-age=600, s-maxage=60", "private, max-age=600"),
        ('public, no-cache="X, Y"', 'private, no-cache="X, Y"'),
        ("max-age=600", "max-age=600"),
        ("no-store", "no-store"),
        ("private", "private"),
    ],
)
def test_a_cookie_is_not_set_on_an_answer_for_everybody(said: str | None, sent: str) -> None:
    def view() -> Any:
        cookies.set("a", "1")
        return "text", {"Cache-Control": said} if said else {}

    answer = answered(view)
    assert header(answer, "Cache-Control") == sent
    assert lines(answer) == ["a=1; Path=/"]


def test_caches_in_front_of_the_site_are_told_too() -> None:
    def view() -> Any:
        cookies.set("a", "1")
        return "text", {"CDN-Cache-Control": "max-age=600", "Cache-Control": "no-cache"}

    answer = answered(view)
    assert header(answer, "CDN-Cache-Control") == "private, max-age=600"
    assert header(answer, "Cache-Control") == "no-cache"


def test_an_answer_that_sets_no_cookie_of_ours_keeps_its_words_for_caches() -> None:
    def view() -> Any:
        response = make_response("text", {"Cache-Control": "public"})
        response.set_cookie("a", "1")
        cookies.get("b")
        return response

    answer = answered(view)
    assert header(answer, "Cache-Control") == "public"
    assert header(answered(lambda: "text"), "Cache-Control") is None


# --- the lines --------------------------------------------------------------------------------------------------------

attributes = st.fixed_dictionaries(
    {},
    optional={
        "max_age": st.one_of(st.integers(-10, 10**9), st.sampled_from([timedelta(days=1), timedelta(seconds=1.5)])),
        "expires": st.sampled_from(
            [0, 2e9, datetime(2040, 1, 1, tzinfo=timezone.utc), "Thu, 01 Jan 1970 00:00:00 GMT"]
        ),
        "path": st.sampled_from(["/", "/a", "/a b", "/é", "", None]),
        "domain": st.sampled_from([None, "example.com", ".example.com", "exämple.com", "localhost"]),
        "secure": st.booleans(),
        "httponly": st.booleans(),
        "samesite": st.sampled_from([None, "Lax", "strict", "None"]),
        "partitioned": st.booleans(),
    },
)
# Without control characters, which Flask sends as they are and browsers refuse.
values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)


@quick
@given(values, attributes)
def test_a_line_is_the_same_by_whichever_way_it_is_written(value: str, given: dict[str, Any]) -> None:
    def program(lib: Any, way: str) -> list[str]:
        def view() -> Any:
            response = lib.make_response("text")
            kept = {name: given[name] for name in given if name not in {"max_age", "expires"}}
            if way == "response":
                response.set_cookie("a", value, **given)
                response.delete_cookie("b", **kept)
            else:
                cookies.set("a", value, **given)
                cookies.delete("b", **kept)
            return response

        app = lib.Flask("app", static_folder=None)
        app.add_url_rule("/", "view", view)
        line, deleting = lines(send(app, make_environ()))
        if "expires" not in given:
            # What Max-Age comes to, from the moment at which it was written.
            line = re.sub("Expires=[^;]*; ", "", line)
        return [line, deleting]

    assert len(same(program, "response")) == 2
    assert program(tuile, "response") == program(tuile, "cookies")


def test_the_last_write_of_one_name_domain_and_path_counts() -> None:
    def view() -> str:
        for value in "123":
            cookies.set("a", value)
            cookies.set("a", value, path="/x")
            cookies.set("a", value, domain="example.com")
            cookies.set("b", value)
        cookies.delete("b")
        cookies.set("a", "4", domain="EXAMPLE.com", secure=True)
        return "fine"

    assert lines(answered(view)) == [
        "a=3; Path=/",
        "a=3; Path=/x",
        "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/",
        "a=4; Domain=EXAMPLE.com; Secure; Path=/",
    ]


def test_a_cookie_can_move_to_another_path() -> None:
    def view() -> str:
        cookies.delete("theme", path="/old")
        cookies.set("theme", cookies.get("theme", "dark"))
        assert cookies["theme"] == "dark"
        return "fine"

    assert len(lines(answered(view, "theme=light"))) == 2


# --- beside the response's own ----------------------------------------------------------------------------------------


def test_cookies_of_other_names_domains_and_paths_stay_on_the_response() -> None:
    def view() -> Any:
        cookies.set("a", "1")
        response = tuile.make_response("text")
        response.set_cookie("b", "2")
        response.set_cookie("a", "3", path="/x")
        response.set_cookie("a", "4", domain="example.com")
        return response

    assert sorted(lines(answered(view))) == [
        "a=1; Path=/",
        "a=3; Path=/x",
        "a=4; Domain=example.com; Path=/",
        "b=2; Path=/",
    ]


def test_a_later_write_takes_the_place_of_what_the_response_sets() -> None:
    def view() -> Any:
        response = tuile.make_response("text")
        response.set_cookie("a", "1", httponly=True)
        response.headers.add("Set-Cookie", "b=1; path=/")
        cookies.set("a", "2")
        cookies.delete("b")
        return response

    assert [line.partition(";")[0] for line in lines(answered(view))] == ["a=2", "b="]


@pytest.mark.parametrize("order", ["before", "after"])
def test_one_cookie_is_sent_once_whoever_writes_it(order: str) -> None:
    def view() -> Any:
        response = tuile.make_response("text")
        if order == "before":
            cookies.set("a", "1")
        response.set_cookie("a", "2")
        response.delete_cookie("b")
        if order == "after":
            cookies.set("a", "1")
        cookies.set("b", "1")
        return response

    assert sorted(cookie_identity(line)[0] for line in lines(answered(view))) == ["a", "b"]


def test_a_header_in_lower_case_is_a_set_cookie_line_as_well() -> None:
    def view() -> Any:
        response = tuile.Response("text", headers={"set-cookie": "a=1; Path=/"})
        response.set_cookie("a", "2")
        return response

    answer = answered(view)
    assert [value for name, value in answer.headers if name.lower() == "set-cookie"] == ["a=2; Path=/"]


def test_on_one_response_the_last_of_one_name_domain_and_path_is_sent() -> None:
    def view() -> Any:
        response = tuile.make_response("text")
        for value in "12":
            response.set_cookie("a", value)
            response.set_cookie("a", value, path="/x")
            response.set_cookie("a", value, domain="example.com")
            response.set_cookie("A", value)
        response.delete_cookie("a", path="/x")
        response.set_cookie("a", "3", domain="Example.com")
        return response

    assert lines(answered(view)) == [
        "a=2; Path=/",
        "A=2; Path=/",
        "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/x",
        "a=3; Domain=Example.com; Path=/",
    ]


def test_the_session_cookie_can_be_deleted_in_the_request_that_wrote_the_session() -> None:
    def view() -> str:
        tuile.session["a"] = 1
        cookies.delete("session")
        return "text"

    (line,) = lines(answered(view, SECRET_KEY="key"))
    assert line.startswith("session=; ")


# --- what cannot be written -------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "a;b"}, "';' at position 1"),
    ({"name": "a=b"}, "'=' at position 1"),
    ({"name": "a\r\nSet-Cookie: b"}, r"'\\r' at position 1"),
    ({"name": ""}, "needs a name"),
    ({"path": "/x; Domain=evil.example"}, "';' at position 2"),
    ({"path": "/\n"}, r"'\\n' at position 1"),
    ({"domain": "example.com; Secure"}, "';' at position 11"),
    ({"domain": "a\x00b"}, r"'\\x00' at position 1"),
    ({"samesite": "Anything"}, "SameSite must be"),
]


@pytest.mark.parametrize(("given", "text"), REFUSED)
@pytest.mark.parametrize("way", ["cookies", "response"])
@pytest.mark.parametrize("what", ["set", "delete"])
def test_what_would_break_out_is_an_error_where_it_was_written(
    given: dict[str, Any], text: str, way: str, what: str
) -> None:
    def view() -> Any:
        name, more = given.get("name", "a"), {key: value for key, value in given.items() if key != "name"}
        response = tuile.make_response("text")
        writers: dict[str, Any] = {
            "cookies set": cookies.set,
            "cookies delete": cookies.delete,
            "response set": response.set_cookie,
            "response delete": response.delete_cookie,
        }
        write = writers[f"{way} {what}"]
        with pytest.raises(CookieSyntaxError, match=text) as caught:
            write(name, **more)
        assert traceback.extract_tb(caught.value.__traceback__)[0].line == "write(name, **more)"
        assert dict(cookies) == {"a": "1"}
        return response

    assert lines(answered(view, "a=1")) == []


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["a"]])
def test_a_value_that_is_not_text_is_an_error(value: Any) -> None:
    def view() -> str:
        with pytest.raises(TypeError, match="str"):
            cookies.set("a", value)
        assert dict(cookies) == {}
        return "fine"

    assert lines(answered(view)) == []


def test_half_a_character_is_an_error() -> None:
    def view() -> str:
        with pytest.raises(CookieSyntaxError, match="surrogate"):
            cookies.set("a", "\ud800")
        return "fine"

    assert lines(answered(view)) == []


def test_attributes_are_given_by_name() -> None:
    def view() -> str:
        unchecked: Any = cookies
        with pytest.raises(TypeError):
            unchecked.set("a", "1", 60)
        with pytest.raises(TypeError):
            unchecked.delete("a", "/")
        with pytest.raises(TypeError):
            unchecked.set("a", maxage=60)
        return "fine"

    assert lines(answered(view)) == []


@pytest.mark.parametrize(("limit", "warned"), [(4093, 1), (0, 0), (10_000, 0), (20, 2)])
def test_a_large_cookie_warns_at_the_line_that_sets_it(limit: int, warned: int) -> None:
    def view() -> Any:
        response = tuile.make_response("text")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cookies.set("a", "x" * 5000)
            cookies.set("b", "x" * 50)
        with warnings.catch_warnings(record=True) as caught_by_response:
            warnings.simplefilter("always")
            response.set_cookie("a", "x" * 5000)
            response.set_cookie("b", "x" * 50)
        assert [str(warning.message) for warning in caught] == [str(w.message) for w in caught_by_response]
        assert len(caught) == warned
        assert all(warning.filename == __file__ for warning in caught + caught_by_response)
        return "fine"

    answered(view, MAX_COOKIE_SIZE=limit)


# --- one request's cookies are its own --------------------------------------------------------------------------------


def test_nothing_is_left_for_the_next_request() -> None:
    def view() -> str:
        if tuile.request.query_string:
            cookies.set("a", "1")
        return repr(dict(cookies))

    app = new_app(view)
    for query, expected in (("set", ["a=1; Path=/"]), ("", []), ("set", ["a=1; Path=/"]), ("", [])):
        answer = send(app, make_environ(QUERY_STRING=query))
        assert lines(answer) == expected
        assert answer.text == ("{'a': '1'}" if query else "{}")


def test_a_request_made_inside_a_view_has_cookies_of_its_own() -> None:
    def view() -> str:
        if tuile.request.query_string:
            cookies.set("inner", "1")
            return repr(dict(cookies))
        cookies.set("outer", "1")
        inner = tuile.current_app.test_client().get("/?inner")
        assert inner.text == "{'inner': '1'}"
        assert inner.headers.getlist("Set-Cookie") == ["inner=1; Path=/"]
        with tuile.current_app.test_request_context(headers={"Cookie": "third=3"}):
            assert dict(cookies) == {"third": "3"}
            cookies.set("third", "4")
        with tuile.current_app.app_context():
            assert dict(cookies) == {"a": "1", "outer": "1"}
        return repr(dict(cookies))

    answer = answered(view, "a=1")
    assert (answer.text, lines(answer)) == ("{'a': '1', 'outer': '1'}", ["outer=1; Path=/"])


def test_requests_of_many_threads_do_not_see_each_others_cookies() -> None:
    barrier = threading.Barrier(8)

    def view() -> str:
        cookies.set(f"own{cookies['n']}", cookies["n"])
        barrier.wait(100)
        return repr(dict(cookies))

    app = new_app(view)
    found: dict[int, list[Any]] = {}

    def visit(number: int) -> None:
        answers = [send(app, make_environ(HTTP_COOKIE=f"n={number}")) for _ in range(5)]
        found[number] = [(answer.text, lines(answer)) for answer in answers]

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    for number in range(8):
        text = repr({"n": str(number), f"own{number}": str(number)})
        assert found[number] == [(text, [f"own{number}={number}; Path=/"])] * 5


def test_a_copied_context_shares_the_cookies_of_its_request() -> None:
    def view() -> str:
        cookies.set("view", "1")

        @tuile.copy_current_request_context
        def work() -> None:
            assert dict(cookies) == {"a": "1", "view": "1"}
            cookies.set("work", "1")

        failures: list[BaseException] = []

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - it belongs to the test, not to the thread
                failures.append(error)

        thread = threading.Thread(target=guarded)
        thread.start()
        thread.join(100)
        assert failures == []
        return repr(dict(cookies))

    assert lines(answered(view, "a=1")) == ["view=1; Path=/", "work=1; Path=/"]


# --- outside of a request ---------------------------------------------------------------------------------------------


def test_outside_of_a_request_there_are_no_cookies(app: Flask) -> None:
    def attempts() -> None:
        for attempt in (
            lambda: cookies["a"],
            lambda: cookies.get("a"),
            lambda: "a" in cookies,
            lambda: len(cookies),
            lambda: cookies.set("a", "1"),
            lambda: cookies.delete("a"),
        ):
            with pytest.raises(RuntimeError, match=OUTSIDE):
                attempt()
        # As every proxy says it in Flask.
        with pytest.raises(TypeError, match="not iterable"):
            list(cookies)
        assert not cookies
        assert repr(cookies) == "<LocalProxy unbound>"

    attempts()
    with app.app_context():
        attempts()
    with app.test_request_context():
        assert dict(cookies) == {}
    attempts()


def test_the_error_outside_of_a_request_says_what_the_other_proxies_say() -> None:
    texts = set()
    for attempt in (lambda: cookies.get("a"), lambda: tuile.session.get("a"), lambda: tuile.request.args):
        with pytest.raises(RuntimeError) as caught:
            attempt()
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_cookies_can_be_written_in_a_context_made_by_hand(app: Flask) -> None:
    with app.test_request_context(headers={"Cookie": "a=1"}):
        cookies.set("b", "2")
        assert dict(cookies) == {"a": "1", "b": "2"}
        response = app.process_response(app.response_class("text"))
    assert response.headers.getlist("Set-Cookie") == ["b=2; Path=/"]


def test_the_cookies_can_be_looked_at_after_a_request(client: FlaskClient) -> None:
    client.application.add_url_rule("/", "index", writing("a"))
    with client:
        client.get("/")
        assert dict(cookies) == {"a": "1"}
        client.get("/")
        assert dict(cookies) == {"a": "1"}
        assert dict(tuile.request.cookies) == {"a": "1"}
    with pytest.raises(RuntimeError, match=OUTSIDE):
        cookies.get("a")


# --- streaming --------------------------------------------------------------------------------------------------------


def test_while_a_response_is_streamed_cookies_can_be_read() -> None:
    def view() -> Any:
        cookies.set("b", "2")

        def parts() -> Iterator[str]:
            yield repr(dict(cookies))
            # The headers are gone by then.
            with pytest.raises(RuntimeError, match="had already been sent"):
                cookies.set("late", "3")
            yield repr(dict(cookies))

        return tuile.stream_with_context(parts())

    answer = answered(view, "a=1")
    assert answer.text == "{'a': '1', 'b': '2'}" * 2
    assert lines(answer) == ["b=2; Path=/"]


def test_a_stream_without_the_context_has_no_cookies() -> None:
    def view() -> Any:
        def parts() -> Iterator[str]:
            try:
                yield repr(dict(cookies))
            except RuntimeError as error:
                yield str(error).partition(".")[0]

        return parts()

    assert answered(view, "a=1").text == OUTSIDE


# --- much -------------------------------------------------------------------------------------------------------------


def test_many_cookies_take_time_in_proportion() -> None:
    def view() -> str:
        for number in range(300):
            cookies.set(f"c{number}", "x")
            cookies.set(f"c{number}", "y")
        return str(len(cookies))

    header = "; ".join(f"r{number}=1" for number in range(20_000))
    start = time.thread_time()
    answer = answered(view, header)
    assert (answer.text, len(lines(answer))) == ("20300", 300)
    assert time.thread_time() - start < 5
