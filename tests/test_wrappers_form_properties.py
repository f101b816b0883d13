"""A usual form is read by one function, and its files are made when they are read, as on Flask."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage, MultiDict

import tuile
from tests.beside_flask import ABSENT, Environ, make_environ, outcome, same
from tuile.wrappers import forms

if TYPE_CHECKING:
    from collections.abc import Callable

URLENCODED = "application/x-www-form-urlencoded"
PIECES = [
    "a",
    "b=",
    "=",
    "&",
    "+",
    "%",
    "%2",
    "%26",
    "%3D",
    "%3d",
    "%3F",
    "%C3%A9",
    "%FF",
    "\\x41",
    ";",
    "\xc3\xa9",
    "\xff",
]
BODIES = st.lists(st.sampled_from([*PIECES, "\x00", "%00", "a=1", "&&", "%u20", "  "]), max_size=12).map(
    lambda pieces: "".join(pieces).encode("latin-1")
)


def make_form(body: bytes, content_type: Any = URLENCODED) -> Environ:
    environ = make_environ(REQUEST_METHOD="POST", CONTENT_TYPE=content_type, CONTENT_LENGTH=str(len(body)))
    return {**environ, "wsgi.input": io.BytesIO(body)}


def _delete_form(request: Any) -> Any:
    found = list(request.form)
    del request.form
    return found


def _set_form(request: Any) -> None:
    request.form = MultiDict({"own": "form"})


READS: dict[str, Callable[[Any], Any]] = {
    "form": lambda request: list(request.form.items(multi=True)),
    "the kind of form": lambda request: (type(request.form).__name__, request.form is request.form),
    "a field that is not there": lambda request: request.form["none"],
    "files": lambda request: (list(request.files), request.files is request.files),
    "the kind of files": lambda request: type(request.files).__name__,
    "a file": lambda request: request.files["photo"].name,
    "a file that is a field": lambda request: request.files["a"].name,
    "files deleted": lambda request: delattr(request, "files"),
    "files set": lambda request: setattr(request, "files", MultiDict({"a": FileStorage(io.BytesIO(b"1"))})),
    "form read and deleted": _delete_form,
    "form set": _set_form,
    "values": lambda request: sorted(request.values.items(multi=True)),
    "data": lambda request: request.get_data(),
    "stream": lambda request: request.stream.read(),
    "headers": lambda request: request.headers.get("Content-Type"),
    "mimetype": lambda request: request.mimetype,
    "what is kept": lambda request: "form" in vars(request),
    "loaded": lambda request: request._load_form_data(),
    "loaded by another method": lambda request: setattr(
        request, "_load_form_data", lambda: vars(request).update(form=MultiDict({"own": "loaded"}), files=MultiDict())
    ),
    "another type": lambda request: request.environ.update(CONTENT_TYPE="text/plain"),
    "another class of parser": lambda request: setattr(request, "parameter_storage_class", MultiDict),
    "not wanted": lambda request: setattr(request, "want_form_data_parsed", False),
    "closed": lambda request: request.close(),
}


@settings(max_examples=500, deadline=None)
@given(
    BODIES,
    st.lists(st.sampled_from(list(READS)), min_size=1, max_size=5),
    st.sampled_from(
        [URLENCODED, URLENCODED, URLENCODED, f"{URLENCODED}; charset=utf-8", "multipart/form-data", ABSENT]
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, None, 5, 1000]),
)
def test_a_form_and_its_files_are_read_in_any_order_as_on_flask(
    body: bytes, reads: list[str], content_type: Any, is_terminated: bool, is_debugged: bool, limit: int | None
) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app")
        app.debug = is_debugged
        # Limits count otherwise where the server ends the body: see docs/differences.md.
        app.config["MAX_CONTENT_LENGTH"] = None if is_terminated else limit
        environ = make_form(body, content_type)
        if is_terminated:
            environ["wsgi.input_terminated"] = True
        with app.request_context(environ):
            request = lib.request._get_current_object()
            return [outcome(READS[read], request) for read in reads]

    same(program)


@pytest.mark.parametrize("is_terminated", [False, True])
@pytest.mark.parametrize("limit", [None, 1000])
def test_a_usual_form_is_read_by_one_function(is_terminated: bool, limit: int | None) -> None:
    app = tuile.Flask("app")
    app.config["MAX_CONTENT_LENGTH"] = limit
    environ = make_form(b"a=1")
    if is_terminated:
        environ["wsgi.input_terminated"] = True
    with app.request_context(environ), mock.patch.object(forms, "load_form", side_effect=AssertionError):
        assert tuile.request.form["a"] == "1"
        assert not tuile.request.files
        assert tuile.request.stream.read() == b""


@pytest.mark.parametrize("name", ["files", "form", "max_content_length", "stream", "_load_form_data"])
def test_a_class_that_overrides_an_attribute_is_asked_for_it(name: str) -> None:
    def program(lib: Any) -> Any:
        def read(self: Any) -> Any:
            asked.append(name)
            own = getattr(super(kind, self), name)
            return own() if name == "_load_form_data" else own

        asked: list[str] = []
        kind: Any = type("Own", (lib.Request,), {name: read if name == "_load_form_data" else property(read)})
        app = lib.Flask("app")
        app.request_class = kind
        environ = make_form(b"a=1")
        with app.request_context(environ):
            request = lib.request
            found = [dict(request.form), list(request.files), request.form is request.form]
            return [*found, bool(asked), request.stream.read()]

    same(program)


@pytest.mark.parametrize("content_type", [URLENCODED, f"{URLENCODED}; charset=utf-8", "text/plain"])
def test_a_class_with_a_way_of_its_own_to_find_attributes_is_asked_for_the_body(content_type: str) -> None:
    def program(lib: Any) -> Any:
        def find(self: Any, name: str) -> Any:
            return io.BytesIO(b"own=1") if name == "stream" else super(kind, self).__getattribute__(name)

        kind: Any = type("Own", (lib.Request,), {"__getattribute__": find})
        app = lib.Flask("app")
        app.request_class = kind
        with app.request_context(make_form(b"a=1", content_type)):
            return dict(lib.request.form), list(lib.request.files), lib.request.stream.read()

    same(program)


def test_files_tell_by_the_debug_mode_of_the_app_even_after_the_request() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app")
        app.debug = True
        environ = make_form(b"a=1")
        with app.request_context(environ):
            request = lib.request._get_current_object()
            form = request.form
        return dict(form), outcome(lambda: request.files["a"])

    same(program)
