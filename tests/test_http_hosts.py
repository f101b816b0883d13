"""Hosts that are read without Werkzeug are those that Werkzeug reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import SecurityError
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import get_host

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tuile.http import hosts
from tuile.wrappers import Request

LABELS = st.sampled_from(
    ["a", "b-c", "example", "com", "xn--bcher-kva", "Example", "bücher", "", "a" * 63, "a" * 64, "1"]
)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join) | st.sampled_from(
    ["localhost", "127.0.0.1", "[::1]", "[::1", "a b", "a_b", "a/b", "a@b", "a\nb", "a\x00", ".", "..", "a..b", "a,b"]
)
PORTS = st.sampled_from(
    ["", ":", ":80", ":443", ":8080", ":0", ":080", ":65535", ":65536", ":59999", ":60000", ":99999", ":1:1", ":x"]
)
HOSTS = st.builds(str.__add__, NAMES, PORTS) | st.text(max_size=12)
SCHEMES = st.sampled_from(["http", "https", "ws", "wss", "HTTP", "", "ftp"])
TRUSTED = (
    st.none()
    | st.lists(st.builds(str.__add__, st.sampled_from(["", "."]), HOSTS), max_size=4)
    | st.builds(tuple, st.lists(HOSTS, max_size=2))
    | HOSTS
    | st.just([None])
)


@st.composite
def environs(draw: st.DrawFn) -> dict[str, Any]:
    environ: dict[str, Any] = {"wsgi.url_scheme": draw(SCHEMES), "SERVER_NAME": "server", "SERVER_PORT": "80"}
    host = draw(st.none() | HOSTS)
    if host is not None:
        environ["HTTP_HOST"] = host
    return environ


@given(environs(), TRUSTED)
@example({"wsgi.url_scheme": "http", "HTTP_HOST": "a.example:80"}, [".example"])
@example({"wsgi.url_scheme": "https", "HTTP_HOST": "a.example:80"}, ["b", "a.example:80"])
@example({"wsgi.url_scheme": "http", "HTTP_HOST": "evilexample"}, [".example"])
@example({"wsgi.url_scheme": "http", "HTTP_HOST": "example"}, ["", "bücher", ".example"])
@example({"wsgi.url_scheme": "http", "HTTP_HOST": "example"}, ["a" * 64, "example"])
@example({"wsgi.url_scheme": "http", "HTTP_HOST": "example\n"}, ["example"])
def test_a_host_is_the_one_that_werkzeug_reads(environ: dict[str, Any], trusted: Any) -> None:
    assert outcome(hosts.read_host, environ, trusted) == outcome(get_host, environ, trusted)


@given(environs(), TRUSTED, st.sampled_from(["", "headers", "scheme", "other scheme", "other headers"]), st.booleans())
def test_the_host_of_a_request_is_that_of_werkzeugs_request(
    environ: dict[str, Any], trusted: Any, before: str, by_constructor: bool
) -> None:
    def read(kind: Any) -> Any:
        request = kind(environ.copy()) if by_constructor or kind is WerkzeugRequest else kind.__new__(kind)
        if not by_constructor:
            request.environ = environ.copy()
        if before == "other scheme":
            request.scheme = "https"
        elif before == "other headers":
            request.headers = EnvironBuilder(headers=[("Host", "other")]).get_request().headers
        elif before:
            assert getattr(request, before) is not None
        request.trusted_hosts = trusted
        return request.host, request.host

    assert outcome(read, Request) == outcome(read, WerkzeugRequest)


class OwnHeaders(Request):
    @property
    def headers(self) -> Any:  # type: ignore[override]
        return {"host": "own.example"}


class OwnScheme(Request):
    scheme = "https"


@pytest.mark.parametrize("kind", [OwnHeaders, OwnScheme])
def test_a_subclass_with_own_headers_or_an_own_scheme_has_the_host_of_these(kind: type[Request]) -> None:
    environ = EnvironBuilder(base_url="http://a.example:443").get_environ()
    expected = "own.example" if kind is OwnHeaders else "a.example"
    request = kind.__new__(kind)
    request.environ = environ
    assert request.host == expected
    # The constructor assigns the scheme of the environ, as Werkzeug's does.
    assert kind(environ).host == (expected if kind is OwnHeaders else "a.example:443")


def test_the_host_of_an_answered_request_is_not_that_of_the_next_one() -> None:
    app, kept = make_app(tuile), []

    @app.get("/")
    def view() -> str:
        kept.append(tuile.request._get_current_object())  # type: ignore[attr-defined]
        return "text"

    environ = make_environ("/", HTTP_HOST="first.example")
    send(app, environ)
    environ["HTTP_HOST"] = "second.example"
    assert kept[0].host == "first.example"


@pytest.mark.parametrize("trusted", [["example.com"], [".example.com"], ["a.example.com", "bücher.example"], []])
@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "a.example.com",
        "notexample.com",
        "example.com:8080",
        "EXAMPLE.com",
        "xn--bcher-kva.example",
        "a b",
        "",
    ],
)
def test_trusted_hosts_are_those_of_flask_however_they_change(trusted: list[str], host: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/", "view", lambda: f"{lib.request.host} {lib.request.trusted_hosts}")
        answers = []
        for setting in (None, trusted, ["other.example"], None, trusted):
            app.config["TRUSTED_HOSTS"] = setting
            answers += [outcome(send, app, make_environ("/", HTTP_HOST=host)) for _ in range(2)]
        trusted_now = app.config["TRUSTED_HOSTS"] = ["other.example"]
        answers.append(outcome(send, app, make_environ("/", HTTP_HOST=host)))
        trusted_now.append(host)
        return [*answers, outcome(send, app, make_environ("/", HTTP_HOST=host))]

    same(program)


def test_a_host_that_is_not_trusted_is_refused() -> None:
    with pytest.raises(SecurityError):
        hosts.read_host({"wsgi.url_scheme": "http", "HTTP_HOST": "other.example"}, ["example.com"])
