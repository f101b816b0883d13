"""The URL of a request is the one that its parts make, however they are known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.wrappers import Request as WerkzeugRequest

import tuile
from tests.beside_flask import make_environ
from tuile.http.received import show_url

NAMES = ("url", "base_url", "root_url", "url_root", "host_url", "full_path")
PARTS = ("scheme", "host", "root_path", "path", "query_string")
TEXTS = st.sampled_from(
    [
        "",
        "/",
        "//",
        "/a",
        "/a/b",
        "a",
        "/a//b",
        "//a/",
        "/ü",
        "/a?b",
        "/%41",
        "/a b",
        "/é",
        "/\xc3\xa9",
        "/a;b",
        "/a#b",
        "/\xff",
    ]
)
QUERIES = st.sampled_from(["", "q=1", "?", "a=%41", "a=b c", "ü", "\xc3\xbc", "\xff", "a=1&b=2", "/", "#", "[x]", '"'])
SCHEMES = st.sampled_from(["http", "https", "ws", ""])
HOSTS = st.sampled_from(
    [
        "localhost",
        "example.com:80",
        "example.com:8080",
        "EXAMPLE.com",
        "xn--bcher-kva.de",
        "[::1]:5000",
        "[::1",
        "",
        "a.example.",
        "a_b",
        "xn--a",
    ]
)


def urls(request: Any) -> list[Any]:
    return [(name, getattr(request, name)) for name in NAMES]


def expected(request: Any) -> list[Any]:
    scheme, host, root, path, query = (getattr(request, name) for name in PARTS)
    root_url = show_url(scheme, host, root)
    made = [show_url(scheme, host, root, path, query), show_url(scheme, host, root, path), root_url, root_url]
    made += [show_url(scheme, host), f"{path}?{query.decode(errors='replace')}"]
    return list(zip(NAMES, made, strict=True))


@given(
    environ=st.fixed_dictionaries(
        {"PATH_INFO": TEXTS, "QUERY_STRING": QUERIES, "wsgi.url_scheme": SCHEMES, "HTTP_HOST": HOSTS},
        optional={"SCRIPT_NAME": TEXTS},
    ),
    missing=st.sets(st.sampled_from(["QUERY_STRING", "PATH_INFO", "SCRIPT_NAME"])),
    read=st.lists(st.sampled_from([*PARTS, *NAMES, "args", "headers"])),
    given_parts=st.fixed_dictionaries(
        {},
        optional={
            "scheme": SCHEMES, "host": HOSTS, "root_path": TEXTS, "path": TEXTS, "query_string": QUERIES.map(str.encode)
        },
    ),
    kept=st.booleans(),
)  # fmt: skip
@settings(max_examples=500, deadline=None)
def test_any_url_is_made_of_the_parts(
    environ: dict[str, str], missing: set[str], read: list[str], given_parts: dict[str, Any], *, kept: bool
) -> None:
    environ = {**make_environ("/"), **environ}
    for name in missing:
        environ.pop(name, None)
    request, other = tuile.Request(dict(environ)), tuile.Request(dict(environ))
    # As an application has it: the copy that the constructor makes is made later.
    request._environ_at_start = None
    for name in read:
        getattr(request, name)
    if kept:
        request._keep_environ()
        request.environ.clear()
    for one in (request, other):
        for name, value in given_parts.items():
            setattr(one, name, value)
    for name in NAMES:
        vars(request).pop(name, None)
    if "host" in given_parts or "scheme" not in given_parts:
        assert urls(request) == expected(other)


@given(TEXTS, QUERIES, HOSTS)
def test_any_url_is_werkzeugs_unless_that_fails(path: str, query: str, host: str) -> None:
    environ = {**make_environ("/"), "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": host}
    try:
        theirs = urls(WerkzeugRequest(dict(environ)))
    except ValueError:
        return
    request = tuile.Request(dict(environ))
    request._environ_at_start = None
    assert urls(request) == theirs


@pytest.mark.parametrize("name", [*PARTS, "url", "root_url"])
def test_what_a_class_overrides_counts(name: str) -> None:
    value: Any = b"own=1" if name == "query_string" else "/own"
    found = []
    for base in (WerkzeugRequest, tuile.Request):

        class Own(base):  # type: ignore[misc, valid-type] # one after the other
            """Overrides one part."""

        setattr(Own, name, property(lambda self: value, lambda self, value: None))
        request: Any = Own(make_environ("/a/b", QUERY_STRING="q=1"))
        found.append(urls(request))
    assert found[1] == found[0]
