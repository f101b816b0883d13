"""A form is read by the short way as Werkzeug's request reads it, whatever was sent, patched or overridden."""

from __future__ import annotations

import gc
import io
from contextlib import nullcontext
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug import formparser
from werkzeug.datastructures import FileStorage, ImmutableDict, MultiDict
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import MultipartDecoder
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import request as werkzeugs_request

import tuile
from tests.beside_flask import ABSENT, Environ, make_environ, outcome, same
from tests.test_http_multipart import BODIES
from tuile.wrappers import forms

if TYPE_CHECKING:
    from collections.abc import Iterator

MULTIPART = "multipart/form-data; boundary=b-1"
URLENCODED = "application/x-www-form-urlencoded"
TWO_PARTS = (
    b'--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b-1\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n'
    b"--b-1--\r\n"
)
# Werkzeug's parser leaves the files open that it has begun when it finds that a body is malformed.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")


@pytest.fixture(autouse=True)
def files_left_open_are_collected_here() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(params=[False, True], ids=["", "in a context"])
def within(request: Any) -> Iterator[None]:
    """Run a test without a context and within one, where usual forms are read by one function."""
    with APP.app_context() if request.param else nullcontext():
        yield


both_kinds = pytest.mark.parametrize(
    ("body", "content_type"), [(TWO_PARTS, MULTIPART), (b"a=1&a=2&b=3", URLENCODED)], ids=["multipart", "urlencoded"]
)


class Slow(io.RawIOBase):
    """A server's stream that gives a few bytes at a time, and fails at the end if it is told to."""

    def __init__(self, body: bytes, most: int, error: Exception | None = None) -> None:
        self.body, self.most, self.error = io.BytesIO(body), most, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.body.read(min(len(buffer), self.most))
        if not data and self.error is not None:
            raise self.error
        buffer[: len(data)] = data
        return len(data)


def make_post(body: bytes, content_type: str = URLENCODED, **environ: Any) -> Environ:
    given = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    return make_environ(**{**given, "wsgi.input": io.BytesIO(body), **environ})


def described(file: Any) -> tuple[Any, ...]:
    stream = file.stream
    is_spooled = isinstance(stream, SpooledTemporaryFile)
    return (
        file.name,
        file.filename,
        list(file.headers),
        type(stream),
        stream._rolled if is_spooled else None,
        stream.tell(),
        file.read(),
        file.content_type,
        file.mimetype_params,
    )


def seen(request: Any, *before: str) -> list[Any]:
    """Return what an application sees of the form of a request, after it has read other attributes."""
    found: list[Any] = []
    try:
        found += [str(getattr(request, name)) for name in before]
        found += [list(request.form.items(multi=True)), type(request.form).__name__, type(request.files).__name__]
        found += [[(name, described(file)) for name, file in request.files.items(multi=True)]]
        found += [request.form is request.form, request.data, request.mimetype, request.mimetype_params]
        found += [request.stream.read(), request.get_data(), request.content_length, sorted(map(str, request.values))]
    except (HTTPException, OSError, RuntimeError) as error:
        found.append((type(error), str(error)))
    request.close()
    return found


APP = tuile.Flask("forms", static_folder=None)


def both(make: Any, *before: str, **attributes: Any) -> None:
    """Compare what an application sees of a request, within a context and without, with what it sees of Werkzeug's."""
    answers = []
    for kind, context in (
        (WerkzeugRequest, nullcontext()),
        (tuile.Request, nullcontext()),
        (tuile.Request, APP.app_context()),
    ):
        with context:
            request = kind(make())
            for name, value in attributes.items():
                setattr(request, name, value)
            answers.append(seen(request, *before))
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]


def is_quick(request: Any) -> bool:
    """Return whether the form of a request is read without Werkzeug's parser."""
    with (
        mock.patch.object(forms, "_reads_as_werkzeug", return_value=True),
        mock.patch.object(FormDataParser, "parse", side_effect=LookupError),
    ):
        try:
            request.form  # noqa: B018 - this reads it
        except LookupError:
            return False
        finally:
            request.close()
    return True


@given(BODIES | st.binary(max_size=30), st.sampled_from([MULTIPART, MULTIPART + "; charset=utf-8", URLENCODED]))
@settings(max_examples=300)
def test_any_body_is_read_as_werkzeug_reads_it(body: bytes, content_type: str) -> None:
    both(lambda: make_post(body, content_type))


@given(BODIES, st.integers(0, 250), st.integers(0, 250), st.integers(0, 3), st.sampled_from([MULTIPART, URLENCODED]))
@settings(max_examples=200)
def test_limits_hold_as_with_werkzeug(body: bytes, most: int, memory: int, parts: int, content_type: str) -> None:
    limits: dict[str, Any] = {"max_content_length": most, "max_form_memory_size": memory, "max_form_parts": parts}
    both(lambda: make_post(body, content_type), **limits)


@given(st.integers(0, 300), st.sampled_from([1, 7, 1000]), st.sampled_from([MULTIPART, URLENCODED]))
def test_a_length_that_is_not_the_bodys_is_seen_as_with_werkzeug(length: int, most: int, content_type: str) -> None:
    both(lambda: make_post(TWO_PARTS, content_type, CONTENT_LENGTH=str(length)))
    both(lambda: {**make_post(TWO_PARTS, content_type, CONTENT_LENGTH=str(length)), "wsgi.input_terminated": True})
    both(lambda: make_post(b"a=1&b=2", content_type, CONTENT_LENGTH=str(length), **{"wsgi.input": Slow(b"a=1", most)}))


@pytest.mark.parametrize("text", ["", " 7", "7 ", "+7", "0x7", "٣", "7" * 30, "-1", "7,7", "1_0"])
@pytest.mark.parametrize("terminated", [{}, {"wsgi.input_terminated": True}])
def test_a_malformed_length_is_the_requests_to_refuse(text: str, terminated: dict[str, Any]) -> None:
    answers = []
    for quick in (True, False):
        with mock.patch.object(forms, "_reads_as_werkzeug", return_value=quick):
            answers.append(seen(tuile.Request({**make_post(b"a=1&b=2", CONTENT_LENGTH=text), **terminated})))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("content_type", [MULTIPART, URLENCODED])
@pytest.mark.parametrize("error", [OSError("reset"), ValueError("closed"), None], ids=repr)
@pytest.mark.parametrize("terminated", [{}, {"wsgi.input_terminated": True}], ids=["", "terminated"])
def test_a_client_that_goes_away_is_told_as_with_werkzeug(
    content_type: str, error: Exception | None, terminated: dict[str, Any]
) -> None:
    def make() -> Environ:
        return {**make_post(TWO_PARTS, content_type, **{"wsgi.input": Slow(TWO_PARTS[:40], 16, error)}), **terminated}

    if error is None or not terminated:
        both(make)
    if not terminated:
        with pytest.raises(ClientDisconnected):
            tuile.Request(make()).form  # noqa: B018 - this reads it


@pytest.mark.parametrize(
    "before", ["mimetype", "content_length", "headers", "stream", "data", "is_json", "want_form_data_parsed", "args"]
)
@pytest.mark.parametrize("content_type", [MULTIPART, URLENCODED, 'Multipart/Form-Data;BOUNDARY="b-1"; a=b'])
def test_what_was_read_before_counts_as_with_werkzeug(before: str, content_type: str) -> None:
    if before not in {"headers", "stream"}:
        both(lambda: make_post(TWO_PARTS, content_type), before)
    else:
        for kind in (WerkzeugRequest, tuile.Request):
            request = kind(make_post(TWO_PARTS, content_type))
            getattr(request, before)
            assert seen(request) == seen(WerkzeugRequest(make_post(TWO_PARTS, content_type)))


READS: dict[str, Any] = {
    "form": lambda request: list(request.form.items(multi=True)),
    "files": lambda request: [(name, file.filename, file.read()) for name, file in request.files.items(multi=True)],
    "values": lambda request: list(request.values.items(multi=True)),
    "data": lambda request: request.data,
    "get_data": lambda request: request.get_data(),
    "get_data, not kept": lambda request: request.get_data(cache=False),
    "get_data, as text": lambda request: request.get_data(as_text=True),
    "get_data, after the form": lambda request: request.get_data(parse_form_data=True),
    "json": lambda request: request.get_json(silent=True),
    "json, forced": lambda request: request.get_json(force=True),
    "stream": lambda request: request.stream.read(),
    "three of the stream": lambda request: request.stream.read(3),
    "where the stream is": lambda request: request.stream.read(0),
    "a stream set": lambda request: setattr(request, "stream", io.BytesIO(b"a=set")),
    "length changed": lambda request: request.environ.update(CONTENT_LENGTH="2"),
    "limit changed": lambda request: setattr(request, "max_content_length", 3),
    "shallow": lambda request: setattr(request, "shallow", True),
    "closed": lambda request: request.close(),
}
SENT = [
    (URLENCODED, b"a=1&b=%26+%C3%A9&a=\\x41%5C&c=%zz"),
    (f"{URLENCODED}; charset=utf-8", b"\xff%ff=\xc3&"),
    (MULTIPART, TWO_PARTS),
    ("application/json", b'{"a": [1, 2]}'),
    ("application/json", b"["),
    ("application/problem+json", b"{}"),
    ("text/plain", b"a=1"),
    ("", b"a=1"),
    (None, b"a=1"),
    (URLENCODED, b""),
]


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.sampled_from(list(READS)), min_size=1, max_size=5),
    st.sampled_from(SENT),
    st.sampled_from([0, 0, 0, -2, 3, None]),
    st.sampled_from([None, None, 0, 5, 1000]),
    st.sampled_from([1000, 1000, 4]),
    st.sampled_from([None, None, OSError("gone"), ValueError("closed")]),
    st.booleans(),
)
def test_a_body_is_read_in_any_order_as_on_flask(
    reads: list[str],
    sent: tuple[str | None, bytes],
    more: int | None,
    limit: int | None,
    most: int,
    error: Exception | None,
    is_terminated: bool,
) -> None:
    content_type, body = sent
    if is_terminated:
        # Limits count otherwise there: see docs/differences.md.
        limit, reads = None, [read for read in reads if read != "limit changed"]

    def program(lib: Any) -> Any:
        app = lib.Flask("app")
        app.config["MAX_CONTENT_LENGTH"] = limit
        length = ABSENT if more is None else str(max(len(body) + more, 0))
        environ = make_post(body, CONTENT_TYPE=ABSENT if content_type is None else content_type, CONTENT_LENGTH=length)
        environ["wsgi.input"] = Slow(body, most, None if is_terminated else error)
        if is_terminated:
            environ["wsgi.input_terminated"] = True
        with app.request_context(environ):
            request = lib.request._get_current_object()
            return [outcome(READS[read], request) for read in reads]

    same(program)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/json", "", " ", ";", "a", "application/x-www-form-urlencodedx", "\u00e9"],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_other_bodies_are_left_to_be_read(content_type: str, method: str) -> None:
    both(lambda: make_post(b"a=1", content_type, REQUEST_METHOD=method))
    both(lambda: make_post(b"a=1", content_type, REQUEST_METHOD=method), max_content_length=2)
    environ = make_post(b"a=1", REQUEST_METHOD=method)
    del environ["CONTENT_TYPE"]
    both(lambda: {**environ, "wsgi.input": io.BytesIO(b"a=1")})


@pytest.mark.parametrize("size", [0, 1, 5, 10])
@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("error", [None, OSError("reset"), ValueError("closed")], ids=repr)
def test_data_is_read_as_with_werkzeug(size: int, most: int, error: Exception | None) -> None:
    def make() -> Environ:
        return make_post(b"", "text/plain", CONTENT_LENGTH="5", **{"wsgi.input": Slow(b"x" * size, most, error)})

    for read in (
        lambda request: (request.get_data(), request.stream.read(), request.data),
        lambda request: (request.stream.read(2), request.stream.read(), request.stream.read(1)),
        lambda request: (request.stream.readline(), request.stream.readlines()),
        lambda request: (request.get_json(force=True, silent=True), request.stream.tell()),
        lambda request: (request.stream.exhaust(), request.stream.is_exhausted),
    ):
        assert outcome(read, tuile.Request(make())) == outcome(read, WerkzeugRequest(make()))


@given(
    BODIES | st.binary(max_size=30) | st.sampled_from([b"a=1&a=2", b"a=%C3%A9+b&=&c", b"\xff=1", b"x=" + b"a+" * 200]),
    st.sampled_from(
        [MULTIPART, URLENCODED, URLENCODED + "; charset=latin1", URLENCODED.upper(), "text/plain", "", "a/b,"]
    ),
    st.sampled_from([{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "2"}]),
    st.lists(st.sampled_from(["data", "mimetype", "headers", "mimetype_params", "is_json"]), max_size=3),
    st.sampled_from([{}, {"_cached_data": b"c=3"}, {"_cached_data": bytearray(b"c=3")}, {"shallow": True}]),
)
@settings(max_examples=400)
def test_a_form_whose_data_was_read_before_is_read_as_with_werkzeug(
    body: bytes, content_type: str, environ: dict[str, str], before: list[str], attributes: dict[str, Any]
) -> None:
    both(lambda: make_post(body, content_type, **environ), *before, "data", **attributes)


def test_a_form_whose_data_was_read_before_is_read_without_werkzeugs_parser() -> None:
    kinds = {URLENCODED: True, URLENCODED + "; charset=utf-8": True, "a/b": True, MULTIPART: False}
    for content_type, quick in kinds.items():
        request = tuile.Request(make_post(TWO_PARTS if content_type == MULTIPART else b"a=1", content_type))
        request.get_data()
        assert is_quick(request) == quick


def test_data_that_was_kept_is_parsed() -> None:
    for content_type, body in ((MULTIPART, TWO_PARTS), (URLENCODED, b"a=1")):
        request = tuile.Request(make_post(body, content_type))
        assert request.get_data() == body
        assert request.form["a"] == "1"
        request.close()


def test_usual_forms_are_read_without_werkzeugs_parser() -> None:
    assert is_quick(tuile.Request(make_post(b"a=1")))
    assert is_quick(tuile.Request(make_post(b"a=1", URLENCODED + "; charset=utf-8")))
    assert is_quick(tuile.Request(make_post(TWO_PARTS, MULTIPART)))
    assert is_quick(tuile.Request({**make_post(TWO_PARTS, MULTIPART), "wsgi.input_terminated": True}))
    request = tuile.Request(make_post(TWO_PARTS, MULTIPART))
    assert request.mimetype == "multipart/form-data"
    assert is_quick(request)
    assert not is_quick(tuile.Request(make_post(TWO_PARTS + b"\r\nepilogue", MULTIPART)))


# Each changes how forms are read: the short way must not be taken.
class OwnParser(FormDataParser):
    def parse(self, *args: Any, **kwargs: Any) -> Any:
        stream, _, files = super().parse(*args, **kwargs)
        return stream, MultiDict({"own": "parser"}), files


class WithParserClass(tuile.Request):
    form_data_parser_class = OwnParser


class WithMaker(tuile.Request):
    def make_form_data_parser(self) -> FormDataParser:
        return OwnParser(cls=self.parameter_storage_class)


class Unwanted(tuile.Request):
    @property
    def want_form_data_parsed(self) -> bool:
        return False


class WithStorage(tuile.Request):
    parameter_storage_class = ImmutableDict  # type: ignore[assignment] # as Werkzeug's documentation proposes


class WithMimetype(tuile.Request):
    @property
    def mimetype(self) -> str:
        return "text/plain"


class WithStream(tuile.Request):
    @property
    def stream(self) -> Any:
        return io.BytesIO(b"other=body")


class WithFiles(tuile.Request):
    def _get_file_stream(self, *args: Any, **kwargs: Any) -> Any:
        return io.BytesIO()


class WithLoader(tuile.Request):
    def _load_form_data(self) -> None:
        super()._load_form_data()
        self.__dict__["form"] = MultiDict({"own": "loader"})


@pytest.mark.usefixtures("within")
@both_kinds
@pytest.mark.parametrize(
    "kind",
    [WithParserClass, WithMaker, Unwanted, WithStorage, WithMimetype, WithStream, WithFiles, WithLoader],
)
def test_a_subclass_is_asked(kind: type, body: bytes, content_type: str) -> None:
    def read(base: type) -> list[Any]:
        own = {name: value for name, value in vars(kind).items() if not name.startswith("__")}
        if kind is WithLoader:
            request = kind(make_post(body, content_type))
            return [list(request.form.items(multi=True))]
        request = type(kind.__name__, (base,), own)(make_post(body, content_type))
        found = [list(request.form.items()), type(request.form).__name__, request.mimetype]
        found += [(name, file.filename, type(file.stream), file.read()) for name, file in request.files.items()]
        request.close()
        return found

    if kind is WithLoader:
        assert read(tuile.Request) == [[("own", "loader")]]
    else:
        assert read(tuile.Request) == read(WerkzeugRequest)


PATCHES: list[tuple[Any, str, Any]] = [
    (FormDataParser, "parse", lambda self, stream, *_, **__: (stream, MultiDict({"p": 1}), MultiDict())),
    (FormDataParser, "_parse_urlencoded", lambda self, stream, *_, **__: (stream, MultiDict({"p": 1}), MultiDict())),
    (FormDataParser, "_parse_multipart", lambda self, stream, *_, **__: (stream, MultiDict({"p": 1}), MultiDict())),
    (MultiPartParser, "parse", lambda *_, **__: (MultiDict({"p": 1}), MultiDict())),
    (MultipartDecoder, "next_event", mock.Mock(side_effect=ValueError)),
    (WerkzeugRequest, "make_form_data_parser", lambda self: OwnParser()),
    (WerkzeugRequest, "form_data_parser_class", OwnParser),
    (WerkzeugRequest, "want_form_data_parsed", property(lambda self: False)),
    (WerkzeugRequest, "_get_stream_for_parsing", lambda self: io.BytesIO(b"other=body")),
    (WerkzeugRequest, "_get_file_stream", lambda self, *_, **__: io.BytesIO()),
    (werkzeugs_request, "default_stream_factory", lambda **told: io.BytesIO(repr(told).encode())),
    (formparser, "SpooledTemporaryFile", None),
    (FileStorage, "__init__", lambda self, stream, *_, **__: self.__dict__.update(stream=stream, filename="own")),
    (
        WerkzeugRequest,
        "_load_form_data",
        lambda self: self.__dict__.update(form=MultiDict({"p": 1}), files=MultiDict()),
    ),
    (tuile.Request, "form_data_parser_class", OwnParser),
    (tuile.Request, "make_form_data_parser", lambda self: OwnParser()),
    (tuile.Request, "want_form_data_parsed", property(lambda self: False)),
    (tuile.Request, "parameter_storage_class", MultiDict),
]


@pytest.mark.usefixtures("within")
@both_kinds
@pytest.mark.parametrize(("owner", "name", "value"), PATCHES, ids=range(len(PATCHES)))
def test_a_patch_counts_at_once_and_no_longer(
    owner: Any, name: str, value: Any, body: bytes, content_type: str
) -> None:
    def read(kind: type) -> list[Any]:
        request = kind(make_post(body, content_type))
        found = [list(request.form.items()), type(request.form).__name__]
        found += [(name, file.filename, type(file.stream), file.read()) for name, file in request.files.items()]
        request.close()
        return found

    plain = read(tuile.Request)
    with mock.patch.object(owner, name, value):
        patched = read(tuile.Request)
    with mock.patch.object(WerkzeugRequest if owner is tuile.Request else owner, name, value):
        assert patched == read(WerkzeugRequest)
    assert read(tuile.Request) == plain == read(WerkzeugRequest)


@pytest.mark.usefixtures("within")
@both_kinds
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("form_data_parser_class", OwnParser),
        ("make_form_data_parser", OwnParser),
        ("parameter_storage_class", MultiDict),
        ("_get_file_stream", lambda **_: io.BytesIO()),
        ("_get_stream_for_parsing", lambda: io.BytesIO(b"other=body")),
        ("stream", io.BytesIO(b"other=body")),
        ("shallow", True),
    ],
)
def test_what_is_set_on_one_request_counts(name: str, value: Any, body: bytes, content_type: str) -> None:
    answers = []
    for kind in (WerkzeugRequest, tuile.Request):
        request: Any = kind(make_post(body, content_type))
        setattr(request, name, io.BytesIO(value.getvalue()) if name == "stream" else value)
        answers.append(seen(request))
    assert answers[0] == answers[1]


def test_files_are_moved_to_the_disk_and_closed_as_with_werkzeug() -> None:
    for size in (10, 500 * 1024, 500 * 1024 + 1, 1024 * 1024):
        start, end = TWO_PARTS.split(b"hello")
        both(lambda size=size, start=start, end=end: make_post(start + b"x" * size + end, MULTIPART))
        told: list[Any] = []
        for kind in (WerkzeugRequest, tuile.Request):
            request = kind(make_post(start + b"x" * size + end, MULTIPART))
            stream: Any = request.files["f"].stream
            told.append(
                [stream.tell(), stream._rolled, stream.read(3), stream.seek(0, 2), stream.write(b"y" * 400_000)]
            )
            told[-1] += [stream._rolled, stream.tell(), stream.seek(0), len(stream.read())]
            request.close()
        assert told[1] == told[0]
    request = tuile.Request(make_post(TWO_PARTS, MULTIPART))
    file = request.files["f"]
    request.close()
    assert file.closed


def test_the_files_of_an_answered_request_are_closed() -> None:
    app = tuile.Flask(__name__)
    kept = []

    @app.post("/")
    def view() -> str:
        kept.append(tuile.request.files["f"])
        return tuile.request.form["a"]

    assert list(app(make_post(TWO_PARTS, MULTIPART, PATH_INFO="/"), lambda *_: None)) == [b"1"]  # type: ignore[call-overload] # no `write`
    assert kept[0].closed
