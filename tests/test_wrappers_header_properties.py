"""What is read from, and written to, the properties of a response that stand for a header is as with Werkzeug's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import ResponseCacheControl
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
