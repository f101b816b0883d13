"""The index in front of Werkzeug's map: it answers exactly what Werkzeug would, or nothing."""

from __future__ import annotations

import threading
import uuid
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import flask
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import BaseConverter, EndpointPrefix, Rule, Submount, ValidationError
from werkzeug.routing import Map as WerkzeugMap

import tuile
from tests.beside_flask import ABSENT, make_environ, same, send
from tuile.routing import Map

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


def asked(url_map: Map, environ: Environ) -> Found | None:
    """What the index says, of a host that Werkzeug has been asked about."""
    try:
        adapter = bound(url_map, environ)
    except HTTPException:
        pass
    else:
        url_map.accept_host(environ, None, adapter)
    return url_map.find(environ)


def answered_by_werkzeug(url_map: WerkzeugMap, environ: Environ) -> Found | None:
    """What the adapter says; None where it raises."""
    try:
        rule, arguments = bound(url_map, environ).match(return_rule=True)
    except (HTTPException, ValueError, LookupError):
        return None
    return rule, dict(arguments)


def assert_same(found: Found, expected: Found | None) -> None:
    assert expected is not None, f"{found} was answered where Werkzeug raises"
    assert found[0] is expected[0]
    assert found[1] == expected[1]
    assert {name: type(value) for name, value in found[1].items()} == {
        name: type(value) for name, value in expected[1].items()
    }


# --- generated maps and paths -----------------------------------------------------------------------------------------


class Weighty(BaseConverter):
    """Asked before all others."""

    weight = 10
    regex = "[ab]+"


class Last(BaseConverter):
    """Asked after all others of its part."""

    weight = 500


class Grouped(BaseConverter):
    """Has groups of its own, which are no values."""

    regex = r"(\d)(x|y)?(\d*)"


class Named(BaseConverter):
    """Has a named group of its own."""

    regex = r"(?P<year>\d{4})-(?P<rest>[a-z]*)"


class Slashed(BaseConverter):
    """Takes more than one part."""

    regex = "[ab]/[ab]"


class Empty(BaseConverter):
    """Takes nothing at all, too."""

    regex = "[^/]*"


class Everything(BaseConverter):
    """Takes whatever is left, nothing too."""

    regex = ".*"
    weight = 300


class Picky(BaseConverter):
    """Refuses what its pattern lets through, in four ways."""

    def to_python(self, value: str) -> Any:
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
    *("", "aa", "2", "02", "12", "13", "-1", "-0", "007", "1.5", "-2.25", "3.0", "1.", "٣", "9" * 20, "9" * 5000),
    *(UUID, UUID.upper(), UUID[:-1], "2024-abc", "1x2", "a/b", "b/a", "a/b/a", "a-b", "1.json", "\0", "\n", "a\n", "?"),
]
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
    return Rule(text, endpoint=draw(st.sampled_from("efgh")), **options)


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
    """A path near one of the rules, as the server hands it over."""
    path = ""
    for piece in draw(st.sampled_from(texts)).replace("<", "\0<").replace(">", "\0").split("\0"):
        path += draw(st.sampled_from(TEXTS)) if piece.startswith("<") else piece
    path = octets(path)
    for spoilt in draw(st.lists(st.sampled_from(["", "", "end/", "end", "start", "start/", "double", "bytes"]), max_size=2)):
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
            path = path[:position] + draw(st.sampled_from(["\xff", "\xe9", "\xc3", "\0", "\xed\xa0\x80"])) + path[position:]
    return path


@st.composite
def requests_for(draw: st.DrawFn, texts: list[str]) -> dict[str, Any]:
    """What a request differs in from the plain one."""
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
        environ = make_environ(**request)
        expected = answered_by_werkzeug(url_map, environ)
        try:
            found = asked(url_map, environ)
        except (HTTPException, LookupError):
            assert expected is None  # the picky converter's, which Werkzeug lets through as well
            continue
        if found is not None:
            assert_same(found, expected)
