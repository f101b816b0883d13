"""Locations of redirects: what is sent is what Werkzeug's `iri_to_uri` makes of them, and the page is Werkzeug's."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.urls import iri_to_uri
from werkzeug.utils import redirect

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tuile.http.locations import is_plain_location, redirection, uri_of

thorough = settings(derandomize=True, deadline=None, database=None, max_examples=1500)

starts = st.sampled_from(
    ["", "/", "//", "http://a.example", "https://a.example:8000", "http://A.example", "http://é.example"]
)
starts |= st.sampled_from(
    [
        "http://[2001:db8::1]:8000",
        "https://münchen.example:80",
        "http://a.example.",
        "http://[::1",
        "http://xn--a",
        "http://b%41",
    ]
)
starts |= st.sampled_from(
    ["http://a:080", "http://a:70000", "http://a:", "http://u:p@a", "ftp://a", "http://[::1]", "http:", "a"]
)
starts |= st.sampled_from(
    [f"http://{'a' * 64}", "http://a..b", "http://-", "http://a_b", "http://a.", "mailto:x", "HTTP://a"]
)
pieces = st.sampled_from(
    ["/", "a", "b c", "é", "日本", "?", "#", "%", "%41", "&", "=", "+", "[", "]", "\\", "|", "\t", "\n", "..", ";", "'"]
)
locations = st.builds(
    lambda start, parts: start + "".join(parts), starts, st.lists(pieces | st.text(max_size=2), max_size=6)
)


@thorough
@given(locations)
def test_a_location_is_sent_as_werkzeug_sends_it(location: str) -> None:
    sent = uri_of(location)
    if sent is not None:
        assert sent == iri_to_uri(location)
    if is_plain_location(location):
        assert iri_to_uri(location) == location


@thorough
@given(locations, st.sampled_from([301, 302, 308, 200, 299, "302"]))
def test_a_redirect_is_that_of_werkzeug(location: str, code: Any) -> None:
    def made(by: Any) -> Any:
        response = by(location, code, tuile.Response)
        return response.get_data(), response.headers.to_wsgi_list(), response.status

    assert outcome(made, redirection) == outcome(made, redirect)


class Defaulted(tuile.Response):
    """A response that comes with a location."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.headers["Location"] = "/default"


def test_a_response_that_has_a_location_gets_another() -> None:
    assert redirection("/x", 302, Defaulted).headers.getlist("Location") == ["/x"]


@pytest.mark.parametrize(
    "path", ["/slash", "/slash?a=<b>&c='", "//slash//", "/é", "/old/1/x", "/by/x", "/posts/1", "/alias/2"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("hooks", [False, True])
def test_redirects_of_the_url_map_are_those_of_flask(path: str, method: str, hooks: bool) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        seen: list[Any] = []
        app.add_url_rule("/slash/", "slash", lambda: "x")
        app.add_url_rule("/é/", "unicode", lambda: "x")
        app.add_url_rule("/old/<int:a>/<b>", "old", redirect_to="new/<a>/<b>")
        app.add_url_rule("/by/<b>", "by", redirect_to=lambda adapter, b: f"/to/{b}/{adapter.server_name}")
        app.add_url_rule("/posts/", "posts", lambda page: f"{page}", defaults={"page": 1})
        app.add_url_rule("/posts/<int:page>", "posts")
        app.add_url_rule("/alias/<int:page>", "posts", alias=True)

        def note(response: Any) -> Any:
            seen.append((response.status, list(response.headers)))
            return response

        if hooks:
            app.after_request(note)
        path_info, _, query = path.partition("?")
        environ = make_environ(path_info.encode().decode("latin1"), QUERY_STRING=query, REQUEST_METHOD=method)
        return send(app, environ), seen

    same(program)


@pytest.mark.parametrize("change", ["code", "get_response", "class code", "handler"])
def test_a_redirect_that_was_changed_is_answered_as_it_then_is(change: str) -> None:
    def program(lib: Any) -> Any:
        from werkzeug.routing import RequestRedirect  # noqa: PLC0415 - patched below

        app = make_app(lib)
        app.add_url_rule("/slash/", "slash", lambda: "x")

        def raising(error: Any) -> Any:
            return {"code": error.code}

        if change == "handler":
            app.register_error_handler(RequestRedirect, raising)
        seen = [send(app, make_environ("/slash"))]
        own = lib.Response("own", 303)
        patches: dict[str, Any] = {
            "code": mock.patch.object(RequestRedirect, "__init__", _coded),
            "get_response": mock.patch.object(RequestRedirect, "get_response", return_value=own),
            "class code": mock.patch.object(RequestRedirect, "code", 301),
            "handler": mock.patch.object(RequestRedirect, "code", 307),
        }
        with patches[change]:
            seen.append(send(app, make_environ("/slash")))
        return [*seen, send(app, make_environ("/slash"))]

    same(program)


def _coded(self: Any, new_url: str) -> None:
    self.new_url, self.code, self.description, self.response = new_url, 302, None, None
    self.args = (new_url,)


@pytest.mark.parametrize("methods", [["GET"], ["POST", "PUT"], ["GET", "OPTIONS"], ["PROPFIND", "M-SEARCH"], ["get"]])
@pytest.mark.parametrize("automatic", [None, True, False])
@pytest.mark.parametrize("path", ["/page", "/page/7", "/none"])
def test_options_and_wrong_methods_are_answered_as_by_flask(
    methods: list[str], automatic: bool | None, path: str
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        for rule in ("/page", "/page/<int:number>"):
            app.add_url_rule(rule, rule, lambda **_: "x", methods=methods, provide_automatic_options=automatic)
        app.add_url_rule("/page", "more", lambda: "more", methods=["DELETE"])
        app.after_request(lambda response: response)
        seen = []
        for method in ("OPTIONS", "TRACE", "HEAD", "DELETE", "M-SEARCH"):
            answer = send(app, make_environ(path, REQUEST_METHOD=method))
            seen.append(
                (answer.status, [(k, sorted(v) if k == "Allow" else v) for k, v in answer.headers], answer.body)
            )
        return seen

    same(program)
