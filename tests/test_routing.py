"""The index in front of Werkzeug's map gives exactly Werkzeug's answer, or none."""

from __future__ import annotations

import sys
import threading
import uuid
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, ImATeapot, LengthRequired, NotFound
from werkzeug.routing import BaseConverter, EndpointPrefix, RequestRedirect, Rule, Submount, ValidationError
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.wsgi import get_host

import tuile
from tests.beside_flask import ABSENT, make_environ, outcome, same, send
from tuile.routing.map import Map
from tuile.routing.rule import Rule as OwnRule
from tuile.routing.websockets import find_websocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.routing import MapAdapter

Environ = dict[str, Any]
Found = tuple[Rule, dict[str, Any]]

quick = settings(
    derandomize=True, deadline=None, database=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow]
)


def octets(text: str) -> str:
    return text.encode().decode("latin-1")


def bound(url_map: WerkzeugMap, environ: Environ) -> MapAdapter:
    subdomain = None if url_map.host_matching else url_map.default_subdomain or ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about hosts that are not below SERVER_NAME
        return url_map.bind_to_environ(environ, subdomain=subdomain)


def asked(url_map: Map, environ: Environ) -> Any:
    """What the index says."""
    if environ.get("HTTP_CONNECTION") == "Upgrade" and not url_map.host_matching:
        return find_websocket(url_map, environ, None)
    return url_map.find(environ)


def answered_by_werkzeug(url_map: WerkzeugMap, environ: Environ) -> Any:
    """What the adapter says."""
    return bound(url_map, environ).match(return_rule=True)


def said(ask: Callable[[], Any]) -> Any:
    """What is said, in a form that can be compared, and what the picky converter was asked for it."""
    Picky.calls.clear()
    try:
        rule, arguments = ask() or ("nothing", None)
        if isinstance(arguments, HTTPException):
            raise arguments
    except Exception as error:  # noqa: BLE001 - whatever is raised is what is compared
        methods = getattr(error, "valid_methods", None)
        return type(error), methods and sorted(methods), getattr(error, "description", None), Picky.calls[:]
    types = [type(value) for value in (arguments or {}).values()]
    return rule if isinstance(rule, str) else id(rule), arguments, types, Picky.calls[:]


def assert_answers_as_werkzeug(url_map: Map, environ: Environ) -> bool:
    """Compare the index's answer with Werkzeug's; return whether it gave one."""
    found = said(lambda: asked(url_map, environ))
    if found[0] == "nothing":
        # Werkzeug is asked next, and nothing is to happen twice.
        assert found[-1] == []
        return False
    assert found == said(lambda: answered_by_werkzeug(url_map, environ))
    return True


# --- generated maps and paths -----------------------------------------------------------------------------------------


class Weighty(BaseConverter):
    """A converter that is tried before all others."""

    weight = 10
    regex = "[ab]+"


class Last(BaseConverter):
    """A converter that is tried after all others of its part."""

    weight = 500


class Grouped(BaseConverter):
    """A converter whose pattern has groups that are not values."""

    regex = r"(\d)(x|y)?(\d*)"


class Named(BaseConverter):
    """A converter whose pattern has a named group."""

    regex = r"(?P<year>\d{4})-(?P<rest>[a-z]*)"


class Slashed(BaseConverter):
    """A converter that matches more than one part."""

    regex = "[ab]/[ab]"


class Empty(BaseConverter):
    """A converter that also matches an empty part."""

    regex = "[^/]*"


class Everything(BaseConverter):
    """A converter that matches the rest of the path, even if it is empty."""

    regex = ".*"
    weight = 300


class Picky(BaseConverter):
    """Refuses what its pattern lets through, in four ways, and notes each call."""

    calls: ClassVar[list[str]] = []

    def to_python(self, value: str) -> Any:
        self.calls.append(value)
        if value == "a":
            raise ValidationError
        if value == "b":
            raise ValueError(value)
        if value == "1":
            raise NotFound
        if value == "ab":
            raise LookupError(value)
        return [value]


CONVERTERS: dict[str, type[BaseConverter]] = {
    "weighty": Weighty,
    "last": Last,
    "grouped": Grouped,
    "named": Named,
    "slashed": Slashed,
    "empty": Empty,
    "everything": Everything,
    "picky": Picky,
}
VARIABLES = [
    "",
    "string:",
    "string(length=2):",
    "string(minlength=2):",
    "string(minlength=1,maxlength=2):",
    "int:",
    "int(min=2):",
    "int(max=12):",
    "int(min=0,max=1):",
    "int(fixed_digits=2):",
    "int(signed=True):",
    "int(signed=True,max=0):",
    "float:",
    "float(signed=True):",
    "float(min=1.5,max=3):",
    "path:",
    "uuid:",
    "any(a,b,'é',\"a b\"):",
    *(f"{name}:" for name in CONVERTERS),
]
STATICS = ["a", "b", "ab", "1", "é", "日本", "a b", "100%", "%41", "x.json", "-", ".", "a|b", "+", "~"]
UUID = "8f14e45f-ceea-467f-a5c3-5d9c0f1b3d77"
TEXTS = [
    *STATICS,
    *("", "aa", "2", "02", "12", "13", "-1", "-0", "007", "1.5", "-2.25", "3.0", "1.", "٣", "9" * 20),
    *(UUID, UUID.upper(), UUID[:-1], "2024-abc", "1x2", "a/b", "b/a", "a/b/a", "a-b", "1.json", "\0", "\n", "a\n", "?"),
]
SPOILT = ["", "", "end/", "end", "start", "start/", "double", "bytes"]
OCTETS = ["\xff", "\xe9", "\xc3", "\0", "\xed\xa0\x80"]  # the last is a surrogate
METHODS = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "QUERY", "get", "post", ""]
HOSTS = ["localhost", "localhost:80", "example.com", "www.example.com", "EXAMPLE.com", "a..b", "", "bad host", "[::1]"]


@st.composite
def rule_texts(draw: st.DrawFn) -> str:
    numbers = iter(range(20))
    unused = set(VARIABLES)
    text = ""
    for _ in range(draw(st.integers(0, 3))):
        text += draw(st.sampled_from(["/", "/", "/", "/", "/", "//"]))
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            if draw(st.booleans()):
                text += draw(st.sampled_from(STATICS))
                continue
            # Each at most once: two groups of one name are no pattern.
            variable = draw(st.sampled_from(VARIABLES))
            if variable in unused:
                unused.discard(variable)
                text += f"<{variable}v{next(numbers)}>"
    if not text or draw(st.booleans()):
        text += "/"
    return text


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    text = draw(rule_texts())
    options: dict[str, Any] = {}
    websocket = draw(st.sampled_from([False] * 9 + [True]))
    if websocket:
        options["websocket"] = True
    methods = draw(st.sampled_from([None, None, ("GET",), ("GET", "POST"), ("POST",), ("put", "options")]))
    if methods is not None and not websocket:
        options["methods"] = methods
    for name, values in (
        ("strict_slashes", [None, None, True, False]),
        ("merge_slashes", [None, None, True, False]),
        ("build_only", [False] * 9 + [True]),
        ("alias", [False] * 9 + [True]),
        ("subdomain", [None] * 7 + ["", "www", "<sub>"]),
        ("defaults", [None, None, None, {"v0": "a"}, {"v0": 1, "extra": None}]),
        ("redirect_to", [None] * 9 + ["elsewhere"]),
    ):
        value = draw(st.sampled_from(values))
        if value is not None:
            options[name] = value
    kind = draw(st.sampled_from([Rule, OwnRule, OwnRule]))
    return kind(text, endpoint=draw(st.sampled_from("efgh")), **options)


@st.composite
def maps(draw: st.DrawFn) -> Map:
    url_map = Map(
        converters=CONVERTERS,
        strict_slashes=draw(st.booleans()),
        merge_slashes=draw(st.booleans()),
        redirect_defaults=draw(st.booleans()),
        host_matching=draw(st.sampled_from([False] * 9 + [True])),
        default_subdomain=draw(st.sampled_from([""] * 9 + ["www"])),
    )
    for rule in draw(st.lists(rules(), min_size=1, max_size=8)):
        # A default that its converter refuses is an error when the rule is added.
        with suppress(ValueError):
            url_map.add(rule)
    assume(next(url_map.iter_rules(), None) is not None)
    return url_map


@st.composite
def paths_for(draw: st.DrawFn, texts: list[str]) -> str:
    """Generate a path similar to one of the rules, as a server encodes it."""
    path = ""
    for piece in draw(st.sampled_from(texts)).replace("<", "\0<").replace(">", "\0").split("\0"):
        path += draw(st.sampled_from(TEXTS)) if piece.startswith("<") else piece
    path = octets(path)
    for spoilt in draw(st.lists(st.sampled_from(SPOILT), max_size=2)):
        if spoilt == "end/":
            path += "/"
        elif spoilt == "end":
            path = path.removesuffix("/")
        elif spoilt == "start":
            path = path.removeprefix("/")
        elif spoilt == "start/":
            path = "/" + path
        elif spoilt == "double":
            path = path.replace("/", "//")
        elif spoilt == "bytes":
            position = draw(st.integers(0, len(path)))
            path = path[:position] + draw(st.sampled_from(OCTETS)) + path[position:]
    return path


@st.composite
def requests_for(draw: st.DrawFn, texts: list[str]) -> dict[str, Any]:
    """Generate the changes to a plain request."""
    request: dict[str, Any] = {"PATH_INFO": draw(paths_for(texts))}
    odd = draw(st.integers(0, 29))
    if odd < 5:
        request["REQUEST_METHOD"] = draw(st.sampled_from(METHODS))
    elif odd < 8:
        request["HTTP_HOST"] = draw(st.sampled_from(HOSTS))
    elif odd == 8:
        request["wsgi_url_scheme"] = draw(st.sampled_from(["https", "ws", "wss"]))
    elif odd == 9:
        request["HTTP_UPGRADE"] = "websocket"
        request["HTTP_CONNECTION"] = draw(st.sampled_from(["Upgrade", "keep-alive, Upgrade", "close"]))
    elif odd == 10:
        request[draw(st.sampled_from(["HTTP_HOST", "PATH_INFO"]))] = ABSENT
    return request


@quick
@given(st.data())
def test_what_is_found_is_what_werkzeug_finds(data: st.DataObject) -> None:
    url_map = data.draw(maps())
    texts = [rule.rule for rule in url_map.iter_rules()]
    requests = data.draw(st.lists(requests_for(texts), min_size=5, max_size=25))
    for request in requests:
        assert_answers_as_werkzeug(url_map, make_environ(**request))


@quick
@given(st.data())
def test_the_rule_of_a_websocket_is_the_one_that_werkzeug_finds(data: st.DataObject) -> None:
    url_map = data.draw(maps())
    # Where many are for WebSockets, beside others of the same path.
    for rule in url_map.iter_rules():
        if rule.methods is None or rule.methods <= {"GET", "HEAD", "OPTIONS"}:
            rule.websocket = data.draw(st.booleans())
    texts = [rule.rule for rule in url_map.iter_rules()]
    for request in data.draw(st.lists(requests_for(texts), min_size=5, max_size=25)):
        request.setdefault("HTTP_UPGRADE", "websocket")
        request.setdefault("HTTP_CONNECTION", "Upgrade")
        assert_answers_as_werkzeug(url_map, make_environ(**request))


# --- what an index must answer, or it would be of no use --------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "path", "arguments"),
    [
        ("/", "/", {}),
        ("/a", "/a", {}),
        ("/a/", "/a/", {}),
        ("/a/b/c.json", "/a/b/c.json", {}),
        ("/héllo wörld/100%", octets("/héllo wörld/100%"), {}),
        ("/a//b", "/a/b", {}),
        ("/<name>", "/x", {"name": "x"}),
        ("/<name>", octets("/日本"), {"name": "日本"}),
        ("/<int:number>", "/007", {"number": 7}),
        ("/<int:number>", octets("/٣"), {"number": 3}),
        ("/<int(min=1, max=9):number>/", "/9/", {"number": 9}),
        ("/<int(signed=True):number>", "/-4", {"number": -4}),
        ("/<float:number>", "/1.50", {"number": 1.5}),
        (f"/<uuid:key>/{UUID}", f"/{UUID}/{UUID}", {"key": uuid.UUID(UUID)}),
        ("/<any(x, y):which>", "/y", {"which": "y"}),
        ("/<path:rest>", "/a/b/c", {"rest": "a/b/c"}),
        ("/<path:rest>/edit", "/a/b/edit", {"rest": "a/b"}),
        ("/<a>-<b>/<int:c>.json", "/x-y/3.json", {"a": "x", "b": "y", "c": 3}),
        ("/<weighty:v>", "/abba", {"v": "abba"}),
        ("/<grouped:v>-<grouped:w>", "/1x2-3", {"v": "1x2", "w": "3"}),
        ("/<named:v>", "/2024-may", {"v": "2024-may"}),
        ("/<slashed:v>", "/a/b", {"v": "a/b"}),
        ("/x<empty:v>", "/x", {"v": ""}),
        ("/<picky:v>", "/fine", {"v": ["fine"]}),
    ],
)
def test_a_plain_hit_is_answered_without_werkzeug(rule: str, path: str, arguments: dict[str, Any]) -> None:
    url_map = Map([Rule(rule, endpoint="it")], converters=CONVERTERS)
    environ = make_environ(path)
    found = asked(url_map, environ)
    assert found is not None
    assert found[1] == arguments
    assert assert_answers_as_werkzeug(url_map, environ)


def test_a_number_with_more_digits_than_python_reads_is_not_found() -> None:
    url_map = Map([Rule("/<int:number>", endpoint="it")])
    assert assert_answers_as_werkzeug(url_map, make_environ("/" + "9" * 5000))


def test_defaults_are_among_the_arguments_and_are_a_copy_for_each_request() -> None:
    url_map = Map([Rule("/all/", endpoint="list", defaults={"page": 1, "size": None})])
    first = asked(url_map, make_environ("/all/"))
    assert first is not None
    assert first[1] == {"page": 1, "size": None}
    first[1]["page"] = 2
    second = asked(url_map, make_environ("/all/"))
    assert second is not None
    assert second[1]["page"] == 1


def test_arguments_of_a_static_path_are_not_shared_between_requests() -> None:
    url_map = Map([Rule("/a", endpoint="a")])
    first = asked(url_map, make_environ("/a"))
    assert first is not None
    first[1]["leak"] = True
    second = asked(url_map, make_environ("/a"))
    assert second is not None
    assert second[1] == {}


def test_of_several_rules_on_one_path_the_first_with_the_method_answers() -> None:
    rules = [Rule("/a", endpoint=name, methods=[name]) for name in ("GET", "PUT", "POST")]
    url_map = Map([*rules, Rule("/a", endpoint="rest")])
    for method, endpoint in (("GET", "GET"), ("HEAD", "GET"), ("POST", "POST"), ("PUT", "PUT"), ("BREW", "rest")):
        found = asked(url_map, make_environ("/a", REQUEST_METHOD=method))
        assert found is not None
        assert found[0].endpoint == endpoint


def test_static_goes_before_variable_and_variables_go_by_weight() -> None:
    url_map = Map(
        [
            Rule("/<last:v>", endpoint="last"),
            Rule("/<v>", endpoint="text"),
            Rule("/<int:v>", endpoint="int"),
            Rule("/<weighty:v>", endpoint="weighty"),
            Rule("/ab", endpoint="static"),
        ],
        converters=CONVERTERS,
    )
    for path, endpoint in (("/ab", "static"), ("/aa", "weighty"), ("/12", "int"), ("/xy", "text")):
        environ = make_environ(path)
        found = asked(url_map, environ)
        assert found is not None
        assert found[0].endpoint == endpoint
        assert assert_answers_as_werkzeug(url_map, environ)


def test_rules_from_factories_are_found() -> None:
    url_map = Map([Submount("/blog", [EndpointPrefix("blog/", [Rule("/<int:number>", endpoint="entry")])])])
    found = asked(url_map, make_environ("/blog/5"))
    assert found is not None
    assert (found[0].endpoint, found[1]) == ("blog/entry", {"number": 5})


# --- where only Werkzeug knows ----------------------------------------------------------------------------------------


def three_rules() -> Map:
    return Map([Rule("/a", endpoint="a"), Rule("/b/", endpoint="b"), Rule("/<int:n>/x", endpoint="n")])


@pytest.mark.parametrize("path", ["/a/", "//a", "/b", "/b//", "a", "", "/\xff", "/a/\xe9", "/1/x/"])
def test_a_doubtful_miss_is_what_werkzeug_says(path: str) -> None:
    url_map, environ = three_rules(), make_environ(path)
    assert assert_answers_as_werkzeug(url_map, environ)


@pytest.mark.parametrize("path", ["/missing", "/a\0", "/1/2", "/x/", "/%61", "/A", "/1", "/1/x/y", "/b/c", "/c/"])
def test_a_certain_miss_needs_no_werkzeug(path: str) -> None:
    url_map = three_rules()
    found = asked(url_map, make_environ(path))
    assert found is not None
    assert (found[0], type(found[1])) == (None, NotFound)
    assert assert_answers_as_werkzeug(url_map, make_environ(path))


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("/x", {"websocket": True}),
        ("/x", {"methods": ["PUT"]}),
        ("/x/", {}),
        ("/x/", {"methods": ["PUT"]}),
        ("/<path:any>", {"methods": ["PUT"]}),
        ("/<empty:v>x", {"methods": ["PUT"]}),
        ("/x", {"subdomain": "<empty:sub>"}),
    ],
)
def test_a_path_that_a_rule_has_something_to_say_about_is_no_certain_miss(rule: str, options: dict[str, Any]) -> None:
    url_map = Map([Rule("/", endpoint="index"), Rule(rule, endpoint="it", **options)], converters=CONVERTERS)
    assert assert_answers_as_werkzeug(url_map, make_environ("/x")) is not options.get("websocket", False)


def test_plain_converters_are_tested_without_a_pattern() -> None:
    url_map = Map([Rule("/<name>/<int:number>", endpoint="it")])
    assert asked(url_map, make_environ("/x/1")) is not None
    index = url_map._index
    assert index is not None
    assert index.root is not None
    (first,) = index.root.edges
    (second,) = first[3].edges
    assert (first[0], second[0]) == (len, str.isdecimal)


@pytest.mark.parametrize(
    "host", ["", "a b", "é.example", "a..example", ".example", "a..", "[", "[a]", f"{'a' * 64}.example"]
)
def test_a_host_that_is_not_plain_is_left_to_werkzeug(host: str) -> None:
    url_map = Map([Rule("/", endpoint="index")])
    assert url_map.find(make_environ()) is not None
    assert url_map.find(make_environ(HTTP_HOST=ABSENT)) is not None
    assert url_map.find(make_environ(HTTP_HOST=octets(host))) is None
    assert url_map.find(make_environ(), host) is None
    assert url_map.adapter_for(make_environ(HTTP_HOST=octets(host)), None) is None
    assert url_map.adapter_for(make_environ(), host) is None


@quick
@given(st.text(st.sampled_from("aZ09-_.:[]\x80 é"), max_size=12), st.sampled_from([None, "localhost", "a..b"]))
def test_a_host_that_is_taken_for_plain_is_accepted_by_werkzeug(host: str, server_name: str | None) -> None:
    url_map = Map([Rule("/", endpoint="index")])
    environ = make_environ(HTTP_HOST=octets(host))
    if url_map.find(environ, server_name) is not None:
        url_map.bind_to_environ(environ, server_name=server_name, subdomain="")
        assert get_host(environ) == host


def test_known_hosts_are_bounded_by_bytes_and_the_oldest_goes() -> None:
    url_map = Map([Rule("/", endpoint="index")])
    for number in range(2000):
        assert url_map.find(make_environ(HTTP_HOST=f"host{number}.example")) is not None
        url_map.find(make_environ(HTTP_HOST=f"{'a.' * 50_000}{number}"))
    known = url_map._plain_hosts
    assert sum(map(len, filter(None, known))) < 100_000
    assert list(known) == [f"host{number}.example" for number in range(2000 - len(known), 2000)]


@pytest.mark.parametrize(
    ("path", "arguments"),
    [("/", {}), ("/chat", {}), ("/chat/", {}), ("/room/7", {"number": 7}), ("/of/a/b", {"rest": "a/b", "kind": "x"})],
)
def test_a_plain_websocket_is_found_without_werkzeug(path: str, arguments: dict[str, Any]) -> None:
    texts = ("/", "/chat", "/chat/", "/room/<int:number>")
    sockets = [OwnRule(text, endpoint="socket", websocket=True) for text in texts]
    sockets.append(OwnRule("/of/<path:rest>", endpoint="of", websocket=True, defaults={"kind": "x"}))
    pages = [OwnRule(rule.rule, endpoint="page") for rule in sockets]
    url_map = Map([*pages, *sockets, *(OwnRule(rule.rule, endpoint="later") for rule in sockets)])
    environ = make_environ(path, HTTP_UPGRADE="websocket", HTTP_CONNECTION="Upgrade")
    for _ in range(2):
        assert assert_answers_as_werkzeug(url_map, environ)
        assert asked(url_map, environ)[1] == arguments
        assert asked(url_map, environ)[0].websocket
        assert asked(url_map, make_environ(path))[0].endpoint == "page"


def test_a_rule_for_websockets_that_is_added_or_changed_later_is_seen() -> None:
    url_map = Map([OwnRule("/a", endpoint="page"), OwnRule("/b", endpoint="socket", websocket=True)])
    of_path = {path: make_environ(path, HTTP_UPGRADE="websocket", HTTP_CONNECTION="Upgrade") for path in ("/a", "/b")}
    assert [asked(url_map, environ) is None for environ in of_path.values()] == [True, False]
    url_map.add(OwnRule("/a", endpoint="socket", websocket=True))
    for _ in range(2):
        found = asked(url_map, of_path["/a"])
        assert found is not None
        assert found[0].websocket
        assert_answers_as_werkzeug(url_map, of_path["/a"])
    next(rule for rule in url_map.iter_rules("socket") if rule.rule == "/a").websocket = False
    assert asked(url_map, of_path["/a"]) is None
    next(url_map.iter_rules("page")).websocket = True
    assert asked(url_map, of_path["/a"])[0].endpoint == "page"
    assert_answers_as_werkzeug(url_map, of_path["/a"])


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_websocket_request_does_not_get_a_plain_rule(scheme: str) -> None:
    url_map = Map([Rule("/", endpoint="index")])
    environ = make_environ(wsgi_url_scheme=scheme)
    assert asked(url_map, environ) is None
    with pytest.raises(HTTPException):
        answered_by_werkzeug(url_map, environ)


def test_a_websocket_rule_does_not_get_a_plain_request() -> None:
    url_map = Map([Rule("/", endpoint="socket", websocket=True), Rule("/", endpoint="page")])
    found = asked(url_map, make_environ())
    assert found is not None
    assert found[0].endpoint == "page"


def test_a_method_in_lower_case_gets_the_rule_that_werkzeug_gives_it() -> None:
    url_map = Map([Rule("/", endpoint="post", methods=["POST"]), Rule("/", endpoint="rest")])
    environ = make_environ(REQUEST_METHOD="post")
    assert_answers_as_werkzeug(url_map, environ)


@pytest.mark.parametrize(("rule", "path"), [("//a", "//a"), ("//", "//"), ("///", "///")])
def test_a_rule_with_two_slashes_at_its_start_is_never_reached(rule: str, path: str) -> None:
    # Werkzeug makes one slash of those at the start of a path before it looks at any rule.
    url_map = Map([Rule(rule, endpoint="it", merge_slashes=False)])
    environ = make_environ(path)
    assert assert_answers_as_werkzeug(url_map, environ)
    with pytest.raises(HTTPException):
        answered_by_werkzeug(url_map, environ)


def test_a_converter_with_a_broken_pattern_spoils_its_own_urls_only() -> None:
    class Broken(BaseConverter):
        regex = "a(b"

    rules = [Rule("/", endpoint="index"), Rule("/x/<broken:v>", endpoint="broken")]
    url_map = Map(rules, converters={"broken": Broken})
    environ = make_environ()
    assert answered_by_werkzeug(url_map, environ) is not None
    assert_answers_as_werkzeug(url_map, environ)


def test_an_http_exception_of_a_converter_goes_to_the_client_once() -> None:
    def program(lib: Any) -> Any:
        asked_for: list[str] = []

        class Known(BaseConverter):
            def to_python(self, value: str) -> str:
                asked_for.append(value)
                if value == "unknown":
                    raise NotFound("No such thing.")
                return value

        app = lib.Flask("app", static_folder=None)
        app.url_map.converters["known"] = Known
        app.add_url_rule("/<known:thing>", "it", lambda thing: f"the {thing}")
        return [send(app, make_environ(path)) for path in ("/cup", "/unknown", "/unknown", "/cup")]

    assert [answer.code for answer in same(program)] == [200, 404, 404, 200]


# --- the map changes --------------------------------------------------------------------------------------------------


def test_rules_added_later_are_seen() -> None:
    url_map = Map([Rule("/a", endpoint="a"), Rule("/<v>", endpoint="v")])
    assert asked(url_map, make_environ("/b")) is not None
    added = Rule("/b", endpoint="b")
    url_map.add(added)
    found = asked(url_map, make_environ("/b"))
    assert found is not None
    assert found[0] is added


def test_a_rule_that_takes_over_by_its_defaults_later_is_seen() -> None:
    url_map = Map([Rule("/all/<int:page>", endpoint="list")])
    assert asked(url_map, make_environ("/all/1")) is not None
    url_map.add(Rule("/all/", endpoint="list", defaults={"page": 1}))
    environ = make_environ("/all/1")
    with pytest.raises(RequestRedirect):
        answered_by_werkzeug(url_map, environ)
    assert assert_answers_as_werkzeug(url_map, environ)


@pytest.mark.parametrize(
    ("knob", "value"), [("host_matching", True), ("default_subdomain", "www"), ("redirect_defaults", False)]
)
def test_what_the_map_is_told_later_is_noticed(knob: str, value: object) -> None:
    rules = [Rule("/", endpoint="index"), Rule("/<int:page>", endpoint="list")]
    url_map = Map([*rules, Rule("/one", endpoint="list", defaults={"page": 1})])
    environs = [make_environ(path) for path in ("/", "/1", "/one", "/2")]
    for environ in environs:
        asked(url_map, environ)
    setattr(url_map, knob, value)
    for environ in environs:
        assert_answers_as_werkzeug(url_map, environ)


def test_merge_slashes_told_later_is_noticed() -> None:
    url_map = Map([Rule("/a/b", endpoint="ab"), Rule("/a/<path:rest>", endpoint="rest")])
    for merge in (False, True, False):
        url_map.merge_slashes = merge
        for path in ("/a/b", "/a//b", "/a/b//c", "/a/b/c"):
            environ = make_environ(path)
            assert_answers_as_werkzeug(url_map, environ)


def test_methods_changed_in_place_are_honoured() -> None:
    rule = Rule("/a", endpoint="a", methods=["GET"])
    url_map = Map([rule])
    assert assert_answers_as_werkzeug(url_map, make_environ("/a", REQUEST_METHOD="PUT"))
    assert asked(url_map, make_environ("/a", REQUEST_METHOD="PUT"))[0] is None
    assert rule.methods is not None
    rule.methods.add("PUT")
    assert asked(url_map, make_environ("/a", REQUEST_METHOD="PUT"))[0] is rule
    rule.methods.discard("GET")
    assert assert_answers_as_werkzeug(url_map, make_environ("/a"))
    assert asked(url_map, make_environ("/a"))[0] is None
    rule.methods = None
    assert asked(url_map, make_environ("/a"))[0] is rule


def test_a_rule_added_while_the_index_is_built_is_not_lost() -> None:
    class Slow(Rule):
        """Let another thread run while the index reads the rule."""

        meanwhile: Callable[[], None] | None = None

        @property
        def redirect_to(self) -> None:
            if self.meanwhile is not None:
                step, self.meanwhile = self.meanwhile, None
                step()

        @redirect_to.setter
        def redirect_to(self, value: None) -> None: ...

    slow = Slow("/<v>", endpoint="v")
    url_map = Map([slow])
    slow.meanwhile = lambda: url_map.add(Rule("/<int:late>", endpoint="late"))
    environ = make_environ("/7")
    asked(url_map, environ)
    assert_answers_as_werkzeug(url_map, environ)


def test_many_rules_of_one_endpoint_are_not_compared_each_with_each() -> None:
    class Counting(Rule):
        compared = 0

        def provides_defaults_for(self, rule: Rule) -> bool:
            Counting.compared += 1
            return super().provides_defaults_for(rule)

    url_map = Map([Counting(f"/{number}", endpoint="one") for number in range(300)])
    assert asked(url_map, make_environ("/7")) is not None
    assert Counting.compared < 20 * 300


def test_the_first_find_may_come_from_many_threads_at_once() -> None:
    for _ in range(5):
        numbers = range(150)
        rules = [Rule(f"/part{n}/<int:v>", endpoint=f"v{n}") for n in numbers]
        rules += [Rule(f"/part{n}/x", endpoint=f"x{n}") for n in numbers]
        url_map = Map(rules)
        barrier = threading.Barrier(8)
        results: list[list[Found | None]] = []

        paths = [f"/part{n}/{what}" for n in numbers for what in ("7", "x")]

        def look(*, url_map: Map = url_map, barrier: Any = barrier, paths: Any = paths, results: Any = results) -> None:
            barrier.wait(100)
            results.append([url_map.find(make_environ(path)) for path in paths])

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
        expected = [
            (rule, arguments)
            for n in numbers
            for rule, arguments in ((rules[n], {"v": 7}), (rules[n + len(numbers)], {}))
        ]
        assert len(results) == 8
        for result in results:
            assert [(found[0].endpoint, found[1]) for found in result if found is not None] == [
                (rule.endpoint, arguments) for rule, arguments in expected
            ]


# --- an adapter for a host that is known ------------------------------------------------------------------------------


@quick
@given(st.data())
def test_the_adapter_of_a_known_host_is_the_one_that_werkzeug_makes(data: st.DataObject) -> None:
    url_map = Map([Rule("/<path:v>", endpoint="v"), Rule("/", endpoint="index")])
    server_name = data.draw(st.sampled_from([None, "localhost", "localhost:80", "Example.com:443", "exämple.com"]))
    for _ in range(4):
        changes: dict[str, Any] = {"PATH_INFO": data.draw(paths_for(["/<v>", "/"]))}
        changes["HTTP_HOST"] = data.draw(st.sampled_from(["localhost", "localhost:443", "Example.com", ABSENT]))
        changes["SCRIPT_NAME"] = data.draw(st.sampled_from(["", "/app", "/app/", "app", octets("/ä"), "/\xff", ABSENT]))
        changes["QUERY_STRING"] = data.draw(st.sampled_from(["", "a=1&b=%20", octets("ä=ö"), "\xff", ABSENT]))
        changes["wsgi_url_scheme"] = data.draw(st.sampled_from(["http", "http", "https", "ws"]))
        changes["REQUEST_METHOD"] = data.draw(st.sampled_from(["GET", "POST", "get"]))
        changes["HTTP_UPGRADE"] = data.draw(st.sampled_from([ABSENT, ABSENT, "websocket", "WebSocket", "h2c", ""]))
        changes["HTTP_CONNECTION"] = data.draw(st.sampled_from(["Upgrade", "upgrade", "keep-alive, Upgrade", ABSENT]))
        environ = make_environ(**changes)
        expected = url_map.bind_to_environ(environ, server_name=server_name, subdomain="")
        adapter = url_map.adapter_for(environ, server_name)
        if adapter is not None:
            assert type(adapter) is type(expected)
            assert vars(adapter) == vars(expected)


# --- through an application -------------------------------------------------------------------------------------------


def test_an_app_may_have_a_plain_werkzeug_map() -> None:
    def program(lib: Any, assigned: bool) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # of either framework
            url_map_class = lib.Flask.url_map_class if assigned else WerkzeugMap

        app = Own("app", static_folder=None)
        if assigned:
            app.url_map = WerkzeugMap()
        app.add_url_rule("/<int:n>/", "n", lambda n: f"{n!r} {lib.request.url_rule} {lib.url_for('n', n=n + 1)}")
        paths = ["/5/", "/5/", "/5", "/x/", "/"]
        return type(app.url_map) is WerkzeugMap, [send(app, make_environ(path)) for path in paths]

    for assigned in (False, True):
        plain, answers = same(program, assigned)
        assert plain
        assert [answer.code for answer in answers] == [200, 200, 308, 404, 404]


def test_an_app_may_have_a_map_that_decides_for_itself() -> None:
    class Own(Map):
        def bind_to_environ(self, *args: Any, **kwargs: Any) -> MapAdapter:
            adapter = super().bind_to_environ(*args, **kwargs)
            adapter.path_info = "/b"
            return adapter

    app = tuile.Flask("app", static_folder=None)
    app.url_map = Own()
    app.add_url_rule("/a", "a", lambda: "a")
    app.add_url_rule("/b", "b", lambda: "b")
    assert [send(app, make_environ("/a")).text for _ in range(3)] == ["b"] * 3


def test_an_app_whose_adapter_is_its_own_is_asked_for_it_every_time() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # of either framework
            def create_url_adapter(self, request: Any) -> Any:
                adapter = super().create_url_adapter(request)
                if request is not None and "X-Path" in request.headers:
                    adapter.path_info = request.headers["X-Path"]
                return adapter

        app = Own("app", static_folder=None)
        app.add_url_rule("/a", "a", lambda: "a")
        app.add_url_rule("/b", "b", lambda: "b")
        return [send(app, make_environ("/a", HTTP_X_PATH=to)).text for to in (ABSENT, "/b", ABSENT, "/b", "/a")]

    assert same(program) == ["a", "b", "a", "b", "a"]


def test_rules_added_to_a_running_app_answer() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app", static_folder=None)
        app.add_url_rule("/a", "a", lambda: "a")
        answers = [send(app, make_environ(path)) for path in ("/a", "/b", "/b")]
        app.view_functions["b"] = lambda: "b"
        app.url_map.add(Rule("/b", endpoint="b"))
        return answers + [send(app, make_environ("/b", REQUEST_METHOD=method)) for method in ("GET", "PUT", "OPTIONS")]

    assert [answer.code for answer in same(program)] == [200, 404, 404, 200, 200, 200]


def test_a_rule_of_the_map_for_an_endpoint_without_a_view_is_an_error_of_the_server() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app", static_folder=None)
        app.url_map.add(Rule("/a", endpoint="nobody"))
        return [send(app, make_environ("/a")).code for _ in range(2)]

    assert same(program) == [500, 500]


def test_trusted_hosts_set_later_are_asked_for() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app", static_folder=None)
        app.add_url_rule("/", "index", lambda: "index")
        environs = [make_environ(HTTP_HOST=host) for host in ("localhost", "evil.example")]
        answers = [send(app, environ) for environ in environs * 2]
        app.config["TRUSTED_HOSTS"] = ["localhost"]
        return answers + [send(app, environ) for environ in environs]

    assert [answer.code for answer in same(program)] == [200, 200, 200, 200, 200, 400]


def test_a_request_class_with_trusted_hosts_is_asked_for_them() -> None:
    def program(lib: Any) -> Any:
        class Careful(lib.Request):  # type: ignore[misc] # of either framework
            trusted_hosts = ("localhost",)

        app = lib.Flask("app", static_folder=None)
        app.request_class = Careful
        app.add_url_rule("/", "index", lambda: "index")
        answers = [send(app, make_environ(HTTP_HOST=host)) for host in ("localhost", "evil.example", "localhost")]
        Careful.trusted_hosts = ("evil.example",)
        return answers + [send(app, make_environ(HTTP_HOST=host)) for host in ("localhost", "evil.example")]

    assert [answer.code for answer in same(program)] == [200, 400, 200, 400, 200]


def test_trusted_hosts_of_a_request_class_set_later_are_asked_for() -> None:
    def program(lib: Any) -> Any:
        class Careful(lib.Request):  # type: ignore[misc] # of either framework
            pass

        app = lib.Flask("app", static_folder=None)
        app.request_class = Careful
        app.add_url_rule("/", "index", lambda: "index")
        environs = [make_environ(HTTP_HOST=host) for host in ("localhost", "evil.example")]
        answers = [send(app, environ) for environ in environs * 2]
        Careful.trusted_hosts = ("localhost",)
        return answers + [send(app, environ) for environ in environs]

    assert [answer.code for answer in same(program)] == [200, 200, 200, 200, 200, 400]


def changed_code(error: Any) -> Any:
    error.code = 410
    return error


def own_body(error: Any) -> Any:
    error.get_body = lambda environ=None, scope=None: "a body of its own"
    return error


def own_headers(error: Any) -> Any:
    error.get_headers = lambda environ=None, scope=None: [("Content-Type", "text/plain"), ("X-Own", "1")]
    return error


@pytest.mark.parametrize("changed", [changed_code, own_body, own_headers])
@pytest.mark.parametrize("kind", [LengthRequired, ImATeapot])
def test_an_error_that_was_changed_is_sent_so_and_leaves_nothing_for_the_next(
    changed: Callable[[Any], Any], kind: type[HTTPException]
) -> None:
    def program(lib: Any) -> Any:
        def view() -> Any:
            raise changed(kind())

        app = lib.Flask("app", static_folder=None)
        app.add_url_rule("/changed", "changed", view)
        app.add_url_rule("/plain", "plain", lambda: lib.abort(kind.code))
        return [send(app, make_environ(path)) for path in ("/changed", "/plain", "/changed", "/plain")]

    same(program)


@st.composite
def app_rules(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    chosen = []
    for _ in range(draw(st.integers(1, 6))):
        rule = draw(rules())
        names = ("strict_slashes", "merge_slashes", "subdomain", "defaults", "redirect_to", "alias", "websocket")
        options = {name: getattr(rule, name) for name in names if getattr(rule, name) is not None}
        methods = rule.methods or draw(st.sampled_from([None, {"GET"}, {"GET", "post"}, {"OPTIONS"}]))
        if methods is not None:
            options["methods"] = sorted(methods)
        if not rule.websocket:
            options["provide_automatic_options"] = draw(st.sampled_from([None, None, True, False]))
        chosen.append((rule.rule, options))
    return chosen


SETTINGS: list[dict[str, Any]] = [
    *({}, {}, {}, {}),
    {"SERVER_NAME": "example.com"},
    {"SERVER_NAME": "localhost:80", "PREFERRED_URL_SCHEME": "https"},
    {"TRUSTED_HOSTS": ["localhost", ".example.com"]},
    {"TRAP_HTTP_EXCEPTIONS": False, "APPLICATION_ROOT": "/app"},
]


def answers_of(lib: Any, chosen: list[tuple[str, dict[str, Any]]], requests: list[dict[str, Any]], how: Any) -> Any:
    """Return an app's responses to requests, each sent twice: the second time, the host is known."""
    config, matching, merge = how
    app = lib.Flask("app", static_folder=None, subdomain_matching=matching)
    app.config.update(config)
    app.url_map.converters.update(CONVERTERS)
    app.url_map.merge_slashes = merge
    # What the converters raise is not what this is about, and the log of it would be long.
    app.register_error_handler(ValueError, lambda error: ("a value error", 500))
    app.register_error_handler(LookupError, lambda error: ("a look-up error", 500))

    for number, (rule, given_options) in enumerate(chosen):
        options = dict(given_options)

        def view(number: int = number, **arguments: Any) -> str:
            request = lib.request
            return f"{number} {sorted((k, repr(v)) for k, v in arguments.items())} {request.url_rule} {request.host}"

        if matching and options.get("subdomain") == "<sub>":
            # Flask takes a host that is not below SERVER_NAME for the subdomain `<invalid>`.
            del options["subdomain"]
        # A default that its converter refuses is an error when the rule is added.
        with suppress(ValueError):
            app.add_url_rule(rule, f"e{number % 4}{number}", view, **options)
    answers: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about hosts that are not below SERVER_NAME
        for request in requests * 2:
            try:
                status, headers, body = send(app, make_environ(**request))
            except Exception as error:  # noqa: BLE001 - which one is what is compared
                answers.append((type(error).__name__, str(error)))
                continue
            # The methods come from a set, so their order means nothing.
            named = [(name, sorted(value.split(", ")) if name == "Allow" else value) for name, value in headers]
            answers.append((status, named, body))
    return answers


@settings(quick, max_examples=150)
@given(st.data())
def test_every_answer_is_flasks_to_the_byte(data: st.DataObject) -> None:
    chosen = data.draw(app_rules())
    requests = data.draw(st.lists(requests_for([rule for rule, _ in chosen]), min_size=5, max_size=12))
    for request in requests:
        request["QUERY_STRING"] = data.draw(st.sampled_from(["", "", "q=1", octets("q=ä&r=%20")]))
        request["SCRIPT_NAME"] = data.draw(st.sampled_from(["", "", "/app", octets("/ä")]))
        request.setdefault("REQUEST_METHOD", data.draw(st.sampled_from(["GET", "GET", "HEAD", "OPTIONS", "POST"])))
    how = data.draw(st.tuples(st.sampled_from(SETTINGS), st.booleans(), st.booleans()))
    same(answers_of, chosen, requests, how)


# --- what is changed while requests run -------------------------------------------------------------------------------


def interleaved(run: Callable[[], Any], meanwhile: Callable[[], Any], at: int) -> bool:
    """Run something, and something else in between, before the line of the routing code with that number."""
    count = 0
    done = False

    def trace(frame: Any, event: str, arg: object) -> Any:
        nonlocal count, done
        if "routing" not in frame.f_code.co_filename:
            return None
        if event == "line" and not done:
            count += 1
            if count == at:
                done = True
                sys.settrace(None)
                meanwhile()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return done


def growing_app() -> Any:
    app = tuile.Flask("growing", static_folder=None)
    for number in range(3):
        app.add_url_rule(f"/part{number}/<int:v>/<w>", f"e{number}", lambda v, w: f"{v} {w}")
        app.add_url_rule(f"/part{number}/<path:v>", f"p{number}", lambda v: v)
    return app


def add_rules(app: Any) -> None:
    rules = [Rule("/new/<int:v>", endpoint="new"), OwnRule("/part0/<float:v>/<w>", endpoint="new")]
    for rule in [*rules, OwnRule("/part1/<any(x, y):v>", endpoint="e1"), OwnRule("/<a>/<b>/<c>/<d>", endpoint="e0")]:
        app.url_map.add(rule)


@pytest.mark.parametrize("which", ["a request meets a rule", "a rule meets a request"])
def test_a_rule_may_be_added_at_any_moment_of_a_request(which: str) -> None:
    at = -30
    done = True
    while done:
        # Not each line: a step that is prime comes to all lines of what is repeated for each rule and part.
        at += 31
        app = growing_app()
        seen: list[Any] = []

        def ask(app: Any = app, seen: list[Any] = seen) -> None:
            seen.append(send(app, make_environ("/part0/5/x")).text)
            with app.test_request_context():
                seen.append(tuile.url_for("e2", v=1, w="x"))
            seen.append(send(app, make_environ("/missing")).code)

        def add(app: Any = app) -> None:
            add_rules(app)

        first, second = (ask, add) if which.startswith("a request") else (add, ask)
        done = interleaved(first, second, at)
        if not done:
            second()
        assert seen == ["5 x", "/part2/1/x", 404]
        seen.clear()
        ask()
        assert seen == ["5 x", "/part2/1/x", 404]
        found = app.url_map.find(make_environ("/part0/1.5/x"))
        assert found is not None
        assert found[0].endpoint == "new"
    assert at > 100


def test_rules_may_be_added_by_threads_while_others_ask() -> None:
    app = growing_app()
    app.view_functions["late"] = lambda v: f"{v}"
    wrong: list[Any] = []
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            answers = [send(app, make_environ(path)) for path in ("/part0/5/x", "/part1/a/b/c", "/part2/1/y")]
            wrong.extend(answer for answer in answers if answer.code != 200)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(200):
            app.url_map.add(OwnRule(f"/late{number}/<int:v>", endpoint="late"))
            app.url_map.add(OwnRule(f"/part{number % 3}/<int(min={number + 10}):v>/<w>/late", endpoint="late"))
            assert send(app, make_environ(f"/late{number}/7")).text == "7"
    finally:
        end.set()
        for thread in threads:
            thread.join(100)
    assert wrong == []


class Switch(BaseConverter):
    """What it does can be replaced."""

    def to_python(self, value: str) -> Any:
        return f"own {value}"


# What is done to a warm map by name; `rule` is the one that has answered.
CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "to_python of a converter": lambda rule, put: put(rule._converters["v"], "to_python", lambda text: f"new {text}"),
    "of its class": lambda rule, put: put(type(rule._converters["v"]), "to_python", lambda self, text: f"new {text}"),
    "the lowest number": lambda rule, put: put(rule._converters["v"], "min", 50),
    "the converter": lambda rule, put: rule._converters.update(v=Switch(rule.map)),
    "redirect_to": lambda rule, put: put(rule, "redirect_to", "elsewhere"),
    "alias": lambda rule, put: put(rule, "methods", {"POST"}),
    "defaults": lambda rule, put: put(rule, "defaults", {"extra": 1}),
}


@pytest.mark.parametrize("kind", ["", "int:", "switch:", "float:"])
@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("what", CHANGES)
def test_a_rule_that_is_changed_on_a_warm_app_answers_as_it_then_is(what: str, foreign: bool, kind: str) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("warm", static_folder=None)
        app.url_map.converters["switch"] = Switch
        view = app.route("/<path:rest>")(lambda rest, **more: f"rest {rest!r}")
        rule_class = Rule if foreign else app.url_rule_class
        rule = rule_class(f"/a/<{kind}v>", endpoint="a", methods=["GET"])
        app.url_map.add(rule)
        app.view_functions["a"] = lambda v, **more: f"{v!r} {more}"
        environ = make_environ("/a/1.5" if kind == "float:" else "/a/7")
        seen = [view and send(app, dict(environ)) for _ in range(2)]
        undo: list[Any] = []

        def put(target: Any, name: str, value: Any) -> None:
            patch = mock.patch.object(target, name, value, create=True)
            patch.start()
            undo.append(patch)

        try:
            CHANGES[what](rule, put)
            seen += [send(app, dict(environ)) for _ in range(2)]
        finally:
            for patch in undo:
                patch.stop()
        return [*seen, *(send(app, dict(environ)) for _ in range(2))]

    same(program)


@pytest.mark.parametrize(
    "path", ["/a/no", "/a/ok", "/b/no", "/b/ok", "/b/no/", "/c/no", "/d/no", "/d/ok", "/e/no", "/f/1"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_converter_is_asked_as_often_as_on_flask(path: str, method: str) -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []

        class Looking(BaseConverter):
            def to_python(self, value: str) -> Any:
                calls.append(value)
                if value == "no":
                    raise ValidationError
                return value

        app = lib.Flask("asked", static_folder=None)
        app.url_map.converters["look"] = Looking
        app.add_url_rule("/a/<look:v>", "a", lambda v: v)
        app.add_url_rule("/b/<look:v>/", "b", lambda v: v, methods=["POST"])
        app.add_url_rule("/b/<look:v>", "b2", lambda v: v, methods=["GET"])
        app.add_url_rule("/c/<look:v>", "c", lambda v: v, redirect_to="/a/<v>")
        app.add_url_rule("/d/<look:v>", "d", lambda v, w="": v, alias=True)
        app.add_url_rule("/d/<v>/<w>", "d")
        app.add_url_rule("/e/<look:v>", "e", lambda v: v, methods=["PUT"])
        app.add_url_rule("/e/<look:v>", "e2", lambda v: v, methods=["POST"])
        app.add_url_rule("/e/<v>", "e3", lambda v: v)
        app.add_url_rule("/f/<look:v>", "f", lambda v: v)
        app.add_url_rule("/f/", "f", defaults={"v": "1"})
        seen = []
        for _ in range(2):
            answer = outcome(lambda: send(app, make_environ(path, REQUEST_METHOD=method)).code)
            seen.append((answer, calls[:]))
            calls.clear()
        return seen

    same(program)


@pytest.mark.filterwarnings("ignore:Current server name")
def test_a_foreign_host_is_no_subdomain() -> None:
    app = tuile.Flask("sub", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "page", lambda user: user, subdomain="<user>")
    codes = [send(app, make_environ(HTTP_HOST=host)).code for host in ("ada.example.org", "other.org", "other.org")]
    assert codes == [200, 404, 404]


def test_a_host_that_is_refused_without_a_server_name_stays_refused() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("hosts", static_folder=None)
        app.add_url_rule("/", "page", lambda: "page")
        seen = []
        for server_name in ("example.org", None, "example.org", None):
            app.config["SERVER_NAME"] = server_name
            for host in ("a..b", "x.example", f"{'a' * 70}.b"):
                answer = outcome(lambda host=host: send(app, make_environ(HTTP_HOST=host)).code)
                seen.append(answer[:2])
        return seen

    seen = same(program)
    assert seen[3] != seen[0]
