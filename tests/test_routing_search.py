"""Searching the states of Werkzeug's matcher: the answers are those of `MapAdapter.match`, in every detail."""

from __future__ import annotations

import uuid
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import Conflict, HTTPException, NotFound
from werkzeug.routing import BaseConverter, MapAdapter, RequestRedirect, ValidationError

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tuile.routing.answers import answer_of
from tuile.routing.map import Map

thorough = settings(
    derandomize=True, deadline=None, database=None, max_examples=600, suppress_health_check=[HealthCheck.too_slow]
)


def ask(app: Any, path: str, **changes: Any) -> Any:
    """Return the answer to a request."""
    return send(app, make_environ(path, **changes))


class Choosy(BaseConverter):
    """A converter that refuses some values, with an error of its own for one."""

    def to_python(self, value: str) -> Any:
        if value == "no":
            raise ValidationError
        if value == "conflict":
            raise Conflict
        return value.upper()


class Wide(BaseConverter):
    """A converter that takes slashes, and has groups of its own."""

    regex = "(?:(a)|b)(?:/(c|d))*"
    part_isolating = False


CONVERTERS = {"choosy": Choosy, "wide": Wide}
PIECES = [
    "<a>",
    "<int:a>",
    "<path:a>",
    "<choosy:a>",
    "<wide:a>",
    "<any(x, y):a>",
    "<string(length=2):a>",
    "x",
    "y",
    "é",
]
PIECES += ["<float(signed=True):a>", "<uuid:a>", "x<a>", "<a>-<int:b>", "<int:b>", "<b>", "x-<path:b>"]
SEGMENTS = [
    "",
    "x",
    "y",
    "é",
    "42",
    "1.5",
    "no",
    "conflict",
    "a",
    "b",
    "c",
    "xy",
    "x-1",
    "1-2",
    "a b",
    "%2F",
    "\n",
    "٣",
    "9" * 5000,
]
SEGMENTS += [str(uuid.UUID(int=5)), "\ud800", "x\x00"]
DOMAINS = ["", "www", "<a>", "<int:a>", "<a>.api"]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Generate a rule for one of two endpoints, with its options."""
    pieces = draw(st.lists(st.sampled_from(PIECES), max_size=3))
    path = "/".join(["", *pieces, *draw(st.sampled_from([[], [""]]))]) or "/"
    options: dict[str, Any] = {"string": path.replace("//", draw(st.sampled_from(["/", "//"])))}
    options["endpoint"] = draw(st.sampled_from(["one", "two"]))
    options["methods"] = draw(
        st.sampled_from([None, ["GET"], ["POST"], ["PUT", "DELETE", "PATCH"], ["OPTIONS", "GET"]])
    )
    options["strict_slashes"] = draw(st.sampled_from([None, None, False]))
    options["merge_slashes"] = draw(st.sampled_from([None, None, False]))
    options["subdomain"] = draw(st.sampled_from([*DOMAINS[:1] * 3, *DOMAINS]))
    options["host"] = draw(st.sampled_from(["example.org", "<a>.org", "localhost"]))
    if draw(st.integers(0, 4)) == 0:
        options["defaults"] = {draw(st.sampled_from(["a", "b", "c"])): draw(st.sampled_from(["x", 42, 1.5]))}
    options["alias"] = draw(st.integers(0, 9)) == 0
    options["websocket"] = draw(st.integers(0, 9)) == 0 and options["methods"] in (None, ["GET"], ["OPTIONS", "GET"])
    options["build_only"] = draw(st.integers(0, 9)) == 0
    options["redirect_to"] = draw(st.sampled_from([None] * 6 + ["other/<a>", lambda adapter, **values: "by/function"]))
    return options


maps = st.fixed_dictionaries(
    {
        "strict_slashes": st.booleans(),
        "merge_slashes": st.booleans(),
        "redirect_defaults": st.booleans(),
        "host_matching": st.sampled_from([False, False, True]),
        "default_subdomain": st.sampled_from(["", "", "www"]),
    }
)
paths = st.lists(st.sampled_from(SEGMENTS), max_size=4).map(lambda parts: "/" + "/".join(parts)) | st.just("")
binds = st.fixed_dictionaries(
    {
        "server_name": st.sampled_from(["example.org", "localhost", "localhost:5000"]),
        "script_name": st.sampled_from([None, "/app", "/a b"]),
        "url_scheme": st.sampled_from(["http", "https", "ws", ""]),
        "default_method": st.sampled_from(["GET", "POST", "get", "OPTIONS", "--", "HEAD"]),
        "path_info": paths,
        "query_args": st.sampled_from([None, "", "a=b", "é=\r\n", {"a": "b c"}]),
    }
)


def made(registered: list[dict[str, Any]], knobs: dict[str, Any]) -> Map:
    """Return a map with the rules that Werkzeug does not reject."""
    url_map = Map(**knobs, converters=CONVERTERS)
    for options in registered:
        rule = outcome(tuile.Flask.url_rule_class, options.pop("string"), **options)
        if rule[0] == "returned":
            outcome(url_map.add, rule[1])
    return url_map


def told(found: Any) -> Any:
    """Return what can be seen of an answer."""
    if isinstance(found, RequestRedirect):
        return "redirect", found.new_url, found.code
    if isinstance(found, HTTPException):
        return type(found), getattr(found, "valid_methods", None), found.description
    return found


def by_werkzeug(adapter: MapAdapter) -> Any:
    """Return Werkzeug's answer."""
    try:
        rule, arguments = adapter.match(return_rule=True)
    except HTTPException as refusal:
        if isinstance(refusal, RequestRedirect) and not {"\r", "\n"}.isdisjoint(refusal.new_url):
            return told(tuile.Flask("bad").aborter.mapping[400]())
        return told(refusal)
    except Exception as error:  # noqa: BLE001 - whatever a rule raises
        return "raised", type(error), str(error)
    return id(rule), list(arguments.items())


def by_search(adapter: MapAdapter) -> Any:
    """Return our answer."""
    try:
        answer: Any = answer_of(adapter)
    except Exception as error:  # noqa: BLE001 - whatever a rule raises
        return "raised", type(error), str(error)
    rule, found = answer
    return told(found) if rule is None else (id(rule), list(found.items()))


@thorough
@given(
    st.lists(rules(), min_size=1, max_size=6),
    maps,
    st.lists(binds, min_size=1, max_size=4),
    st.sampled_from(DOMAINS[:2]),
)
def test_the_answer_is_that_of_werkzeug(
    registered: list[dict[str, Any]], knobs: dict[str, Any], asked: list[dict[str, Any]], subdomain: str
) -> None:
    url_map = made(registered, knobs)
    for options in asked:
        where = {} if url_map.host_matching else {"subdomain": subdomain}
        adapter = url_map.bind(**options, **where)
        assert by_search(adapter) == by_werkzeug(adapter)


def test_the_usual_refusals_and_redirects_are_found_without_werkzeug() -> None:
    app = tuile.Flask("found", static_folder=None)
    app.add_url_rule("/users/<int:number>/", "users")
    app.add_url_rule("/loose/<name>/", "loose", strict_slashes=False)
    with mock.patch.object(MapAdapter, "match", side_effect=AssertionError) as never:
        with mock.patch("tuile.routing.answers.werkzeugs_match", never):
            for path, method in [
                ("/users/1", "GET"),
                ("//users//1/", "GET"),
                ("/users/1/", "PUT"),
                ("/loose/x", "GET"),
            ]:
                adapter = app.url_map.bind("localhost", path_info=path, default_method=method)
                answer_of(adapter)
    assert not never.called


def test_the_tests_that_are_remembered_are_bounded_by_the_rules() -> None:
    app = tuile.Flask("bounded", static_folder=None)
    app.add_url_rule("/users/<int:number>/<name>/", "users", lambda **_: "x")
    client = app.test_client()
    for number in range(200):
        client.get(f"/users/{number}/name-{number}")
        client.put(f"/users/{number}/name-{number}/")
        client.get(f"/nothing/{number}")
    assert len(app.url_map._patterns) <= 2


def test_a_converter_that_is_changed_meanwhile_is_asked_as_it_then_is() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/<int:a>/", "page", lambda a: f"{a!r}", strict_slashes=False)
        converter = next(app.url_map.iter_rules("page"))._converters["a"]
        seen = [ask(app, "/7")]
        with mock.patch.object(type(converter), "to_python", lambda _self, value: f"own {value}"):
            seen.append(ask(app, "/7"))
        with mock.patch.object(converter, "to_python", lambda value: value * 2):
            seen.append(ask(app, "/7"))
        return [*seen, ask(app, "/7")]

    same(program)


@pytest.mark.parametrize("host", ["www.example.org", "example.org", "a.b.example.org", "EXAMPLE.org:80"])
@pytest.mark.filterwarnings("ignore:Current server name")
def test_subdomains_match_as_in_flask(host: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SERVER_NAME="example.org")
        app.subdomain_matching = True
        app.add_url_rule("/", "main", lambda: lib.url_for("named", name="x"))
        app.add_url_rule("/", "www", lambda: lib.url_for("main"), subdomain="www")
        app.add_url_rule("/named/", "named", lambda name: name, subdomain="<name>")
        app.add_url_rule("/post/", "post", lambda: "x", methods=["POST"])
        return [
            ask(app, path, HTTP_HOST=host, REQUEST_METHOD=method)
            for path in ("/", "/named", "/named/", "/post", "/none")
            for method in ("GET", "OPTIONS", "PUT")
        ]

    same(program)


def test_a_setting_of_subdomains_that_changes_is_seen_at_the_next_request() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SERVER_NAME="example.org")
        app.add_url_rule("/", "main", lambda: "main")
        app.add_url_rule("/", "www", lambda: "www", subdomain="www")
        seen = []
        for value in (False, True, False, True):
            app.subdomain_matching = value
            seen += [ask(app, "/", HTTP_HOST="www.example.org"), ask(app, "/", HTTP_HOST="example.org")]
        return seen

    assert len({answer.text for answer in same(program)}) == 2


def test_a_foreign_host_matches_no_variable_subdomain() -> None:
    app = tuile.Flask("foreign", static_folder=None)
    app.subdomain_matching = True
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "named", lambda name: name, subdomain="<name>")
    context = app.request_context(make_environ("/", HTTP_HOST="other.org"))
    with pytest.warns(UserWarning, match="Current server name"):
        context.match_request()
    assert isinstance(context.request.routing_exception, NotFound)
