"""What is read from, and written to, the properties of a response that stand for a header is as with Werkzeug's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers, ResponseCacheControl
from werkzeug.sansio.response import Response as SansioResponse
from werkzeug.utils import header_property
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ["max_age", "s_maxage", "no_store", "no_cache", "public", "private", "must_revalidate", "immutable"]
NAMES += ["no_transform", "stale_while_revalidate", "stale_if_error", "own"]
KEYS = ["max-age", "no-store", "own", "own*", "\xfc", ""]
VALUES: list[Any] = [None, True, False, 0, 60, -1, "7", "a b", "", 'a"b', "\u0661", 1.5, b"x", "UTF-8''a%20b"]
HEADERS = [None, "", "no-store", "max-age=60, public", 'private="a b", x', "own=\xfc", "a=1, a=2", "=", "max-age=x"]
STEPS: dict[str, Callable[[Any, str, str, Any], Any]] = {
    "set": lambda response, name, key, value: setattr(response.cache_control, name, value),
    "get": lambda response, name, key, value: getattr(response.cache_control, name),
    "delete": lambda response, name, key, value: delattr(response.cache_control, name),
    "item": lambda response, name, key, value: response.cache_control.__setitem__(key, value),
    "pop": lambda response, name, key, value: response.cache_control.pop(key, value),
    "update": lambda response, name, key, value: response.cache_control.update({key: value}),
    "default": lambda response, name, key, value: response.cache_control.setdefault(key, value),
    "clear": lambda response, name, key, value: response.cache_control.clear(),
    "show": lambda response, name, key, value: (repr(response.cache_control), str(response.cache_control)),
    "is": lambda response, name, key, value: (type(response.cache_control), vars(response.cache_control).keys()),
    "header": lambda response, name, key, value: response.headers.__setitem__("cache-control", str(value)),
    "add": lambda response, name, key, value: response.headers.add("Cache-Control", "public"),
}


def after(kind: type[WerkzeugResponse], header: str | None, steps: list[tuple[str, str, str, Any]]) -> list[Any]:
    """Return what each of some steps comes to, with the headers after it."""
    response = kind("text", headers={} if header is None else {"Cache-Control": header}, mimetype="text/html")
    held = response.cache_control
    found: list[Any] = []
    for step, name, key, value in steps:
        found.append((outcome(STEPS[step], response, name, key, value), list(response.headers)))
    # An object that was read before still writes the header.
    found.append((outcome(setattr, held, "public", True), list(response.headers), dict(held), held.provided))
    return found


@settings(derandomize=True, deadline=None, database=None, max_examples=400)
@given(
    st.sampled_from(HEADERS),
    st.lists(
        st.tuples(*(st.sampled_from(values) for values in (sorted(STEPS), NAMES, KEYS, VALUES))), min_size=1, max_size=5
    ),
)
def test_cache_control_is_read_and_written_as_by_werkzeug(header: Any, steps: Any) -> None:
    assert after(tuile.Response, header, steps) == after(WerkzeugResponse, header, steps)


@pytest.mark.parametrize("name", ["to_header", "__init__", "__setattr__"])
def test_a_patched_method_of_cache_control_is_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    original = getattr(ResponseCacheControl, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return original(*args, **kwargs)

    monkeypatch.setattr(ResponseCacheControl, name, patched)
    response = tuile.Response("text")
    response.cache_control.max_age = 60
    assert response.headers["Cache-Control"] == "max-age=60"
    assert called


PROPERTIES = [name for name, value in vars(SansioResponse).items() if isinstance(value, header_property)]
NAMES_SENT = [name.replace("_", "-").title() for name in PROPERTIES] + ["CONTENT-TYPE", "content-length", "Other"]
SENT = ["", "text/html; charset=utf-8", "5", "-5", "x", "Fri, 02 Jan 2026 03:04:05 GMT", "a, b", "\xe9"]


class OwnHeaders(Headers):
    """Headers of an application, whose items are read in upper case."""

    def __getitem__(self, key: Any) -> Any:
        """Return an item in upper case."""
        return super().__getitem__(key).upper()


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(
    st.sampled_from([Headers, OwnHeaders, tuile.Response("").headers.__class__]),
    st.lists(st.tuples(st.sampled_from(NAMES_SENT), st.sampled_from(SENT)), max_size=5),
)
def test_properties_read_the_headers_that_a_response_was_given(kind: Any, pairs: Any) -> None:
    assert len(PROPERTIES) > 10
    found = []
    for response in (tuile.Response("text"), WerkzeugResponse("text")):
        response.headers = kind(pairs)
        found.append([outcome(getattr, response, name) for name in PROPERTIES])
    assert found[0] == found[1]


def test_properties_of_the_response_of_a_test_client_are_read_from_its_headers() -> None:
    app = tuile.Flask("properties")
    app.add_url_rule("/", "index", lambda: tuile.redirect("/there"))
    response = app.test_client().get("/")
    assert (response.content_type, response.location, response.age) == ("text/html; charset=utf-8", "/there", None)
    response.headers["Content-Type"] = "text/plain"
    assert response.content_type == "text/plain"
    del response.headers["Location"]
    assert response.location is None
