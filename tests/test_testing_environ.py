"""Environs of the test client that are written without Werkzeug's builder: the same, key for key, or left to it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
import werkzeug.test
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.wsgi import get_current_url

import tuile
import tuile.testing.client
from tests.beside_flask import outcome, same
from tuile.testing import EnvironBuilder
from tuile.testing.client import environ_without_builder
from tuile.testing.simple_environ import place_of, urlencoded

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN_TEXT = st.text("abcXYZ019-_.~", max_size=5)
HOSTILE_TEXT = st.text('a/?#%&=+;: \t\r\n\0é\u2028[]@\\"', max_size=6)
PATHS = st.one_of(
    st.builds("/{}/{}".format, PLAIN_TEXT, PLAIN_TEXT),
    st.builds("/{}?{}={}".format, PLAIN_TEXT, PLAIN_TEXT, st.text("ab%20+&=", max_size=6)),
    st.builds("/{}".format, HOSTILE_TEXT),
    st.sampled_from(
        [
            "",
            "/",
            "//host/a",
            "/a//b",
            "http://other/a?b",
            "/?",
            "/a?",
            "/a?b#c",
            "/a%20b",
            "/.",
            "/..",
            "/%2F%2Fa",
            "/%C3%A9é%ff?é=%C3",
            "/a b?c d",
            "/%00",
            "/a:b;c",
            "/[",
            "/a\u00a0",
            "/%",
            "/😀",
        ]
    ),
)
TEXTS = st.one_of(PLAIN_TEXT, HOSTILE_TEXT)
MEDIA_TYPES = [
    "application/json", "text/plain; charset=utf-8", "multipart/form-data", "multipart/form-data; boundary=b", "",
    "application/x-www-form-urlencoded", " application/x-www-form-urlencoded ;a", "Multipart/Form-Data", "a\nb", 7,
]  # fmt: skip
TYPE_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Type", "content-type", "Content_Type", "X-One", "Content-Length"]),
        st.sampled_from(MEDIA_TYPES),
    ),
    max_size=3,
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["GET", "POST", "put", "OPTIONS"]),
        "query_string": st.one_of(
            st.none(), TEXTS, st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.lists(TEXTS, max_size=2)))
        ),
        "headers": st.one_of(
            st.none(),
            st.dictionaries(st.sampled_from(["X-One", "x-one", "Host", "X_Two", "Content-Type", "Accept"]), PLAIN_TEXT),
            st.lists(st.tuples(st.sampled_from(["X-One", "X_One", "Content-Length", "Cookie"]), TEXTS), max_size=3),
            TYPE_HEADERS,
            st.builds(dict, TYPE_HEADERS),
        ),
        "data": st.one_of(
            st.none(),
            TEXTS,
            st.binary(max_size=5),
            st.dictionaries(
                TEXTS,
                st.one_of(
                    *(TEXTS, st.integers(), st.booleans(), st.floats(), st.none(), st.tuples(TEXTS)),
                    st.lists(st.one_of(TEXTS, st.none(), st.integers()), max_size=2),
                ),
                max_size=3,
            ),
        ),
        "base_url": st.one_of(
            st.sampled_from(
                [None, "", "localhost", "https://", "http://a/b?c", "https://a/#b", "ftp://a", b"http://a"]
            ),
            st.builds(
                "{}://{}{}".format,
                st.sampled_from(["http", "https", "HTTP", "ws"]),
                st.sampled_from(["example.com", "Example.com:8000", "a:80", "a:443", "a@b", "é.example", "a b", "a:x"]),
                st.sampled_from(["", "/", "/app", "/app/", "/a//b", "/../a", "/é", "/a b", "\n"]),
            ),
        ),
        "auth": st.one_of(
            st.none(),
            st.tuples(TEXTS, TEXTS),
            st.sampled_from([("a",), ("a", None), ("a", 1), ["a", "b"], "ab", ("\ud800", "")]),
        ),
        "json": st.one_of(st.none(), st.dictionaries(TEXTS, st.integers(), max_size=2), st.integers()),
        "content_type": st.sampled_from([None, None, "text/plain", "application/x-www-form-urlencoded", "", "a\nb"]),
        "environ_base": st.one_of(
            st.none(), st.just({"REMOTE_ADDR": "1.2.3.4", "PATH_INFO": "/base", "HTTP_X_ONE": "b"})
        ),
    },
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "SERVER_NAME": st.sampled_from(
            [None, "", "example.com", "example.com:8000", "exämple.com", "a b", "[::1]", "a@b"]
        ),
        "APPLICATION_ROOT": st.sampled_from(["/", "/app", "/app/", "app", "", "/a b", "/app//x", "/é"]),
        "PREFERRED_URL_SCHEME": st.sampled_from(["http", "https", "ftp", "HTTP", ""]),
    },
)


def shown(environ: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the items in their order, with the body instead of its stream."""
    return [(key, value.read() if key == "wsgi.input" else value) for key, value in environ.items()]


def by_builder(app: Any, path: str, options: dict[str, Any]) -> list[tuple[str, Any]]:
    builder = EnvironBuilder(app, path, **options)
    try:
        return shown(builder.get_environ())
    finally:
        builder.close()


@settings(max_examples=600, deadline=None)
@given(PATHS, OPTIONS, SETTINGS)
def test_what_is_written_is_what_the_builder_makes(path: str, options: dict[str, Any], config: dict[str, Any]) -> None:
    app = tuile.Flask("environ", static_folder=None)
    app.config.update(config)
    made = outcome(environ_without_builder, EnvironBuilder, app, (path,), options)
    if made != ("returned", None):
        # An error, such as for a line break in a header, is the builder's.
        written = made if made[0] == "raised" else ("returned", shown(made[1]))
        assert outcome(by_builder, app, path, options) == written


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/", {}),
        ("/users/7", {"method": "DELETE"}),
        ("/search?q=a+b&page=2", {}),
        ("/search", {"query_string": {"q": "a b", "tag": ["x", "y"]}}),
        ("/form", {"method": "POST", "data": {"name": "Ada & é"}}),
        ("/json", {"method": "POST", "json": {"a": [1, 2]}}),
        ("/text", {"method": "POST", "data": "text é", "content_type": "text/plain"}),
        ("/", {"headers": {"X-One": "1", "Host": "example.com"}}),
        ("/form", {"method": "POST", "data": {"number": 1, "is_on": True, "share": 0.5}}),
        ("/", {"base_url": "https://example.com"}),
        ("/a?b=c", {"base_url": "http://example.com:8000/app/"}),
        ("/", {"auth": ("user", "pass:word é")}),
        ("/été/caf%C3%A9%20b?q=ü&r=%FF", {}),
        ("/", {"query_string": {"tags": ["a", "ü"], "page": None, "q": "a+b&c"}}),
        ("/form", {"method": "POST", "data": {"tags": ["a", "b c"], "name": "Müller"}}),
        ("/", {"auth": ("user", "secret"), "headers": [("Accept", "text/html")]}),
        ("/json", {"method": "POST", "data": '{"a": 1}', "headers": {"Content-Type": "application/json"}}),
        ("/json", {"method": "PUT", "data": b"{}", "headers": [("content-type", "a/b"), ("X-One", "1")]}),
        ("/json", {"method": "POST", "json": {"a": 1}, "headers": {"Content-Type": "application/vnd.api+json"}}),
        ("/json", {"headers": {"Content-Type": "application/json", "Accept": "*/*"}}),
    ],
)
def test_the_usual_requests_need_no_builder(path: str, options: dict[str, Any]) -> None:
    app = tuile.Flask("environ", static_folder=None)
    made = environ_without_builder(EnvironBuilder, app, (path,), options)
    assert made is not None
    assert shown(made) == by_builder(app, path, options)


@settings(max_examples=200, deadline=None)
@given(PATHS)
def test_a_view_and_the_request_of_the_response_get_the_path_as_on_flask(path: str) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("environ", static_folder=None)
        app.add_url_rule("/", "root", lambda: shown_of(lib.request))
        app.add_url_rule("/<path:rest>", "view", lambda rest: shown_of(lib.request))
        client = app.test_client()
        answers: list[Any] = []
        for _ in range(2):
            answer = client.get(path)
            answers.append((answer.status, answer.text, answer.headers.get("Location"), shown_of(answer.request)))
        with app.test_request_context(path):
            answers.append(shown_of(lib.request))
        return answers

    def shown_of(request: Any) -> str:
        return repr([getattr(request, name) for name in ("url", "path", "query_string", "full_path", "root_path")])

    def tried(lib: Any) -> Any:
        return outcome(program, lib)

    same(tried)


@pytest.mark.parametrize("name", ["__init__", "get_environ", "get_request", "server_name", "content_type"])
def test_a_patch_of_werkzeugs_builder_is_used(name: str) -> None:
    app = tuile.Flask("environ", static_folder=None)
    assert environ_without_builder(EnvironBuilder, app, ("/",), {}) is not None
    with mock.patch.object(werkzeug.test.EnvironBuilder, name, vars(werkzeug.test.EnvironBuilder)[name].__class__):
        assert environ_without_builder(EnvironBuilder, app, ("/",), {}) is None
    assert environ_without_builder(EnvironBuilder, app, ("/",), {}) is not None


def test_a_builder_of_ones_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(EnvironBuilder):
        def get_environ(self) -> dict[str, Any]:
            return {**super().get_environ(), "OWN": "1"}

    app = tuile.Flask("environ", static_folder=None)
    app.add_url_rule("/", "view", lambda: tuile.request.environ.get("OWN", "none"))
    client = app.test_client()
    assert client.get("/").text == "none"
    monkeypatch.setattr(tuile.testing.client, "EnvironBuilder", Own)
    assert client.get("/").text == "1"
    monkeypatch.setattr(tuile.testing, "EnvironBuilder", Own)
    assert app.test_request_context("/").request.environ["OWN"] == "1"


def test_a_builder_that_writes_json_its_own_way_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    app = tuile.Flask("environ", static_folder=None)
    app.add_url_rule("/", "view", lambda: tuile.request.data, methods=["POST"])
    monkeypatch.setattr(EnvironBuilder, "json_dumps", lambda self, value, **kwargs: "own")
    assert app.test_client().post("/", json={"a": 1}).text == "own"


def test_headers_that_are_given_get_the_content_type_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("environ", static_folder=None)
        app.add_url_rule("/", "view", lambda: lib.request.data, methods=["POST"])
        headers = Headers({"X-One": "1"})
        return app.test_client().post("/", json={"a": 1}, headers=headers).text, list(headers)

    same(program)


def test_clients_of_one_application_keep_their_own_cookies() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("environ", static_folder=None)

        def view() -> Any:
            response = lib.make_response(str(sorted(lib.request.cookies.items())))
            response.set_cookie("seen", lib.request.args.get("as", "x"))
            return response

        app.add_url_rule("/", "view", view)
        one, other = app.test_client(), app.test_client()
        texts = [one.get("/?as=1").text, other.get("/").text, one.get("/").text, other.get("/").text]
        without = app.test_client(use_cookies=False)
        texts.append(without.get("/", headers={"Cookie": "a=b"}).text)
        texts.append(app.test_client().get("/", headers={"Cookie": "a=b"}).text)
        texts.append(outcome(lambda: app.test_client().get("/", headers={"Host": "[a"}).text))
        return texts

    same(program)


def test_responses_are_of_a_class_that_follows_the_applications() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Response):  # type: ignore[misc]
            marker = "own"

        app = lib.Flask("environ", static_folder=None)
        app.response_class = Own
        app.add_url_rule("/", "view", lambda: "text")
        first = app.test_client().get("/")
        Own.later = "later"
        second = app.test_client().get("/")
        names = [(type(one).__name__, type(one).__module__, one.marker, one.later, one.text) for one in (first, second)]
        return names, [isinstance(first, kind) for kind in (Own, lib.Response, werkzeug.test.TestResponse)]

    same(program)


def test_a_query_of_a_multidict_is_left_to_the_builder_and_the_same() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("environ", static_folder=None)
        app.add_url_rule("/", "view", lambda: lib.request.query_string)
        query = MultiDict([("a", "1"), ("b", "2"), ("a", "3")])
        return app.test_client().get("/", query_string=query).text, list(query.items(multi=True))

    same(program)


@given(
    host=st.sampled_from(
        ["localhost", "Example.COM", "a.b:80", "a:8000", "h_x", "[::1]", "\xe9.de", "a b", "", ":80", "a."]
    ),
    script=st.sampled_from(["", "/app", "/app/", "/a b", "/a//b", "app"]),
    path=st.one_of(
        st.builds("/{}".format, HOSTILE_TEXT), st.builds("/{}/{}".format, PLAIN_TEXT, PLAIN_TEXT), st.just("")
    ),
    scheme=st.sampled_from(["http", "https", "ws"]),
)
def test_the_place_that_cookies_are_compared_with_is_werkzeugs(host: str, script: str, path: str, scheme: str) -> None:
    environ = {
        "HTTP_HOST": host, "SCRIPT_NAME": script, "wsgi.url_scheme": scheme, "REQUEST_METHOD": "GET",
        "PATH_INFO": path.encode().decode("latin1"), "SERVER_NAME": "server", "SERVER_PORT": "80", "QUERY_STRING": "",
    }  # fmt: skip
    found = place_of(environ)
    if found is not None:
        url = urlsplit(get_current_url(environ))
        assert found == (url.hostname or "localhost", url.path)


def test_the_client_sends_the_cookies_of_the_host_and_path_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("own", static_folder=None)

        @app.route("/", defaults={"path": ""})  # type: ignore[untyped-decorator] # the framework's
        @app.route("/<path:path>")  # type: ignore[untyped-decorator] # the framework's
        def view(path: str) -> Any:
            response = lib.make_response(lib.request.headers.get("Cookie", "none"))
            response.headers.add("Set-Cookie", f"own{len(path)}=1")
            response.headers.add("Set-Cookie", "of=path; Path=/a")
            response.headers.add("Set-Cookie", "of=domain; Domain=example.com")
            return response

        client = app.test_client()
        bases = ["http://localhost", "http://example.com", "http://www.example.com:8000", "https://EXAMPLE.com/root"]
        paths = ["/", "/a", "/a/b", "/ab", "/a%20b", "/\xe9"]
        return [client.get(path, base_url=base).text for base in bases * 2 for path in paths]

    same(program)


def test_a_replaced_method_of_werkzeugs_client_is_called() -> None:
    app = tuile.Flask("own", static_folder=None)
    app.add_url_rule("/", "view", lambda: tuile.request.headers.get("Cookie", "none"))
    client = app.test_client()
    client.set_cookie("a", "1")
    assert client.get("/").text == "a=1"
    with mock.patch.object(
        werkzeug.test.Client, "_add_cookies_to_wsgi", lambda self, environ: environ.pop("none", None)
    ):
        assert client.get("/").text == "none"


LOCATIONS = st.one_of(
    st.builds("/{}/{}".format, PLAIN_TEXT, PLAIN_TEXT),
    st.builds("/{}?{}".format, PLAIN_TEXT, st.text("ab%20+&=#?", max_size=6)),
    st.builds("/{}".format, HOSTILE_TEXT),
    TEXTS,
    st.sampled_from(["", "/", "//localhost/a", "http://localhost/a?b=c", "http://other/a", "/a#b", "../a", "?a"]),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _boundary() -> Iterator[None]:
    """Let the bodies of both frameworks have one boundary, which has the time and a random number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(werkzeug.test, "time", lambda: 1)
        patch.setattr(werkzeug.test, "random", lambda: 0.5)
        yield


@settings(deadline=None)
@given(
    locations=st.lists(LOCATIONS, min_size=1, max_size=3),
    code=st.sampled_from([301, 302, 303, 305, 307, 308]),
    path=PATHS,
    options=OPTIONS,
)
def test_a_redirect_is_followed_as_by_werkzeugs_builder(
    locations: list[str], code: int, path: str, options: dict[str, Any]
) -> None:
    # Flask fails without defaults.
    options = {
        name: value for name, value in options.items() if name != "json" and (name, value) != ("environ_base", None)
    }

    def program(lib: Any) -> Any:
        rest = list(locations)
        seen: list[Any] = []

        def answer(environ: Any, start_response: Any) -> Any:
            kept = {name: value for name, value in environ.items() if name not in {"wsgi.errors", "wsgi.input"}}
            kept["werkzeug.request"] = "werkzeug.request" in kept
            seen.append((kept, environ["wsgi.input"].read()))
            if not rest:
                start_response("200 OK", [])
                return [b"end"]
            start_response(f"{code} FOUND", [("Location", rest.pop(0))])
            return [b"on"]

        app = lib.Flask("environ", static_folder=None)
        app.wsgi_app = answer
        client = app.test_client()
        client.set_cookie("name", "value")
        found = outcome(client.open, path, follow_redirects=True, **options)
        if found[0] == "returned":
            response = found[1]
            shown = [(one.status, one.request.path, one.request.method) for one in (*response.history, response)]
            closed = [one.request.environ["wsgi.input"].closed for one in (*response.history, response)]
            found = ("returned", shown, closed)
        for kept, _ in seen:
            kept.pop("HTTP_USER_AGENT", None)
        return found, seen

    same(program)


@pytest.mark.parametrize("name", ["resolve_redirect", "open"])
def test_a_client_that_overrides_a_step_of_redirects_is_asked(name: str) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("environ", static_folder=None)
        app.add_url_rule("/old", "old", lambda: lib.redirect("/"))
        app.add_url_rule("/", "view", lambda: "text")
        log: list[Any] = []

        def step(client: Any, *args: Any, **options: Any) -> Any:
            log.append((name, type(args[0]).__mro__[-2].__name__, sorted(options)))
            return getattr(super(Own, client), name)(*args, **options)

        module = importlib.import_module(f"{lib.__name__}.testing")
        Own = type("Own", (module.FlaskClient,), {name: step})  # noqa: N806 - a class
        app.test_client_class = Own
        answer = app.test_client().get("/old", follow_redirects=True)
        return answer.text, len(answer.history), log

    same(program)


VALUES = st.one_of(PLAIN_TEXT, HOSTILE_TEXT, st.text("a !$'()*,/:;?@+%=&", max_size=4), st.integers(), st.booleans())


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.one_of(TEXTS, st.integers()), st.one_of(VALUES, st.none(), st.lists(VALUES, max_size=2))))
def test_a_dict_is_written_as_werkzeug_writes_it(values: Any) -> None:
    def by_werkzeug() -> str:
        return werkzeug.test.EnvironBuilder(query_string=values).query_string

    assert outcome(urlencoded, values) == outcome(by_werkzeug)
