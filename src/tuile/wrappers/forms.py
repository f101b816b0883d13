"""Read the form of a request whose body is complete and small, as Werkzeug's parsers would.

`load_form` parses a form only if Werkzeug's own parsers would do it, none of them is replaced, and the result is
certainly the same. Otherwise it leaves the request unchanged, or with a stream that returns the same bytes again.
"""

from __future__ import annotations

import io
import typing as t
from tempfile import SpooledTemporaryFile

from werkzeug._internal import _plain_int
from werkzeug.datastructures import FileStorage, Headers
from werkzeug.formparser import FormDataParser, MultiPartParser, default_stream_factory
from werkzeug.sansio.multipart import MultipartDecoder
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import request as werkzeugs_request
from werkzeug.wsgi import LimitedStream

from ..ctx.app_context import current_value
from ..http.parameters import ImmutableMultiDict
from ..invalidation import Stock, as_defined
from ..lazy import late_modules
from .environ import body_environ_of
from .scope_headers import are_of

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..http import bodies, multipart, urlencoded
    from ..http.multipart import Part
    from .request import Request
else:
    bodies, multipart, urlencoded = late_modules(__name__, "..http.bodies", "..http.multipart", "..http.urlencoded")

#: The attributes of a request class that determine how forms are read.
READING_FORMS = (
    "__getattribute__",
    "_get_file_stream",
    "_get_stream_for_parsing",
    "_parse_content_type",
    "form_data_parser_class",
    "headers",
    "make_form_data_parser",
    "mimetype",
    "mimetype_params",
    "parameter_storage_class",
    "stream",
    "want_form_data_parsed",
)
#: Those that determine how JSON is read, apart from `get_json`.
READING_JSON = (
    *("__getattribute__", "__setattr__", "_cached_json", "_parse_content_type", "environ", "get_data"),
    *("headers", "is_json", "mimetype", "shallow", "stream"),
)
# If a request has one of these itself, Werkzeug's parsers must be used.
_OWN = frozenset({*READING_FORMS, "_cached_data", "_unmade", "shallow"}) - {"headers", "mimetype", "mimetype_params"}
# The same where `get_data` was called before, which sets these.
_OWN_BUT_DATA = _OWN - {"_cached_data", "_unmade", "stream"}
# If it has none of these itself, nothing was read or set that says what its form is.
_OWN_OR_READ = _OWN | {"_load_form_data", "_max_content_length", "_parsed_content_type", "files", "headers"}
# Longer bodies are not read at once.
_MOST_BYTES: t.Final = 2 * 1024 * 1024
_DIGITS: t.Final = 16
_FORM: t.Final = "application/x-www-form-urlencoded"
_FORMS: t.Final = frozenset({_FORM, "multipart/form-data"})

#: A stream, or what it is made of when it is needed.
Stream: t.TypeAlias = "t.IO[bytes] | LimitedStream | bodies.Unmade"

_new = object.__new__
_new_multidict = ImmutableMultiDict.__new__
_fill: t.Callable[[object, t.Mapping[str, object]], None] = t.cast("t.Callable[..., None]", dict.update)


# What reads forms in Werkzeug, and the parts of those with files, to detect patches of its classes.
_of_requests = Stock(
    WerkzeugRequest,
    *("_load_form_data", "make_form_data_parser", "form_data_parser_class", "want_form_data_parsed"),
    "_get_stream_for_parsing",
)
_of_parsers = Stock(FormDataParser, "__init__", "parse", "_parse_urlencoded")
_of_decoders = Stock(MultipartDecoder, "receive_data", "next_event")
_parse_multipart: t.Final = as_defined(FormDataParser, "_parse_multipart")
_parse_parts: t.Final = as_defined(MultiPartParser, "parse")
_get_file_stream: t.Final = as_defined(WerkzeugRequest, "_get_file_stream")
_init_of_file: t.Final = as_defined(FileStorage, "__init__")


def _reads_as_werkzeug() -> bool:
    """Return whether Werkzeug's methods that read forms are its own."""
    requests, parsers = _of_requests, _of_parsers
    return requests.read(WerkzeugRequest) == requests.stock and parsers.read(FormDataParser) == parsers.stock


def _reads_parts_as_werkzeug() -> bool:
    """Return whether those that read the parts of a form with files are."""
    return (
        MultiPartParser.parse is _parse_parts
        and FormDataParser._parse_multipart is _parse_multipart
        and WerkzeugRequest._get_file_stream is _get_file_stream
        and _of_decoders.is_in(MultipartDecoder)
    )


def load_form(request: Request) -> bool:
    """Set the stream, the form and the files of a request if the result is certain.

    Returns:
        Whether they are set. If not, everything that was read can be read again.
    """
    own = request.__dict__
    environ = own["environ"] if "environ" in own else body_environ_of(request)
    # What `get_data` has read and kept.
    data = own.get("_cached_data")
    if not (_OWN if type(data) is not bytes else _OWN_BUT_DATA).isdisjoint(own) or not _reads_as_werkzeug():
        return False
    headers = own.get("headers")
    if headers is not None and not are_of(headers, request, environ):
        return False
    mimetype = content_type = environ.get("CONTENT_TYPE") or ""
    # The header may have been parsed before the environ changed.
    parsed = own.get("_parsed_content_type") if content_type else None
    if content_type != _FORM or parsed is not None:
        mimetype = (content_type.partition(";")[0].strip(" \t") if parsed is None else parsed[0]).lower()
        if mimetype not in _FORMS:
            _set(own, io.BytesIO(data) if type(data) is bytes and content_type else _begun(request, environ), {}, {})
            return True
    text = environ.get("CONTENT_LENGTH", "")
    if not (text.isdigit() and text.isascii() and len(text) < _DIGITS) or "HTTP_TRANSFER_ENCODING" in environ:
        # The length is uncertain.
        return False
    if mimetype == _FORM:
        data = data if type(data) is bytes else None
        limit = request.max_content_length if data is None else None
        fields, stream = _read_urlencoded(request, environ, int(text), data, limit)
        _set(own, stream, fields, {})
        return True
    if data is not None or int(text) > _MOST_BYTES or not _reads_parts_as_werkzeug():
        return False
    boundary = (
        multipart.boundary_of(content_type) if parsed is None else multipart.plain_boundary(parsed[1].get("boundary"))
    )
    return boundary is not None and _load_multipart(request, environ, int(text), boundary)


def load_usual_form(request: Request) -> bool:
    """Set the stream and the form of a request with a usual form, and that there are no files.

    Args:
        request: A request whose class has not overridden how its form is read.

    Returns:
        Whether they are set. It is not if something was read or set that may say what the form is.
    """
    own = request.__dict__
    environ = own["environ"] if "environ" in own else body_environ_of(request)
    length = environ.get("CONTENT_LENGTH", "")
    context, requests, parsers = current_value(None), _of_requests, _of_parsers
    if (
        environ.get("CONTENT_TYPE") != _FORM
        or not _OWN_OR_READ.isdisjoint(own)
        or context is None
        or not (length.isdigit() and length.isascii() and len(length) < _DIGITS)
        or "HTTP_TRANSFER_ENCODING" in environ
        or requests.read(WerkzeugRequest) != requests.stock
        or parsers.read(FormDataParser) != parsers.stock
    ):
        return False
    if "wsgi.input_terminated" in environ and context.app.config["MAX_CONTENT_LENGTH"] is None:
        # The server ends the body.
        own["stream"] = stream = environ["wsgi.input"]
        fields = _fields_of(stream.read())
    else:
        # What the stock property returns where nothing is set on the request.
        limit = context.app.config["MAX_CONTENT_LENGTH"]
        fields, stream = _read_urlencoded(request, environ, int(length), None, limit)
        own["_unmade" if type(stream) is tuple else "stream"] = stream
    own["form"] = form = _new_multidict(ImmutableMultiDict)
    _fill(form, fields)
    # The files are made when they are first read.
    own["_app_without_files"] = context.app
    return True


def _set(
    own: dict[str, object], stream: Stream | None, fields: dict[str, list[str]], files: dict[str, list[FileStorage]]
) -> None:
    """Set what was read of a form, as Werkzeug does."""
    own["_unmade" if type(stream) is tuple else "stream"] = stream
    own["form"] = form = _new_multidict(ImmutableMultiDict)
    own["files"] = uploads = _new_multidict(ImmutableMultiDict)
    if fields:
        _fill(form, fields)
    if files:
        _fill(uploads, files)


def _begun(request: Request, environ: WSGIEnvironment) -> Stream:
    """Return the stream of a request, or what it is made of; with the errors of a wrong length."""
    own = request.__dict__
    for name in ("stream", "_unmade"):
        if name in own:
            return t.cast("Stream", own[name])
    if request.shallow:
        return request.stream
    limit = request.max_content_length
    length = None if "wsgi.input_terminated" in environ else bodies.known_length(environ, limit)
    return bodies.input_stream(environ, limit) if length is None else (environ["wsgi.input"], length, 0)


def _read_urlencoded(
    request: Request, environ: WSGIEnvironment, length: int, body: bytes | None, limit: int | None
) -> tuple[dict[str, list[str]], Stream | None]:
    """Return the fields of a form, and the stream that they were read from.

    Args:
        request: The request.
        environ: Its environ.
        length: The length of the body.
        body: The body if it was read, else None.
        limit: The length that it may have.
    """
    stream: Stream | None = None
    if body is not None:
        stream = io.BytesIO(body)
        stream.seek(len(body))
    elif length <= _MOST_BYTES:
        body, stream = _read(request, environ, length, limit)
    if body is None:
        body, stream = _read_in_pieces(request, stream)
    return _fields_of(body), stream


def _fields_of(body: bytes) -> dict[str, list[str]]:
    # Octets are replaced faster than characters; no other character of UTF-8 has this one in it.
    body = body.replace(b"+", b" ")
    try:
        return urlencoded.parse_urlencoded(body.decode(), body)
    except UnicodeDecodeError:
        return {}


def _read_in_pieces(request: Request, stream: Stream | None) -> tuple[bytes, Stream]:
    """Return the body that is read by a stream, or by that of the request, with the errors for a wrong length."""
    whole = request.stream if stream is None or isinstance(stream, tuple) else stream
    request.__dict__["stream"] = whole
    return whole.read() or b"", whole


def _load_multipart(request: Request, environ: WSGIEnvironment, length: int, boundary: bytes) -> bool:
    own = request.__dict__
    body, stream = _read(request, environ, length, request.max_content_length)
    if body is None:
        if stream is not None:
            own["stream"] = stream
        return False
    parts = multipart.parse_multipart(body, boundary, request.max_form_memory_size, request.max_form_parts)
    if parts is None:
        own["stream"] = _again(request, body)
        return False
    fields: dict[str, list[str]] = {}
    files: dict[str, list[FileStorage]] = {}
    for part in parts:
        name, filename, _, start, end = part
        if filename is None:
            value = body[start:end].decode("utf-8", "replace")
            if name in fields:
                fields[name].append(value)
            else:
                fields[name] = [value]
        else:
            files.setdefault(name, []).append(_file(request, body, part, length))
    _set(own, stream, fields, files)
    return True


def _file(request: Request, body: bytes, part: Part, total: int) -> FileStorage:
    """Return the file in one part of a form."""
    name, filename, sent, start, end = part
    headers = _new(Headers)
    headers._list = multipart.header_pairs(sent)
    if vars(werkzeugs_request)["default_stream_factory"] is default_stream_factory:
        # What `_get_file_stream` calls: it does not look at the headers.
        file = default_stream_factory(total, None, filename, 0)
    else:
        file = request._get_file_stream(
            total_content_length=total,
            filename=filename,
            content_type=headers.get("content-type"),
            content_length=headers.get("content-length", 0, type=_plain_int),
        )
    if type(file) is SpooledTemporaryFile and end - start <= file._max_size:  # type: ignore[attr-defined] # private
        vars(file)["_file"] = io.BytesIO(body[start:end])
        if FileStorage.__init__ is _init_of_file:
            storage: FileStorage = _new(FileStorage)
            storage.name, storage.stream, storage.filename, storage.headers = name, file, filename, headers
            return storage
    else:
        if isinstance(file, SpooledTemporaryFile) and end - start > file._max_size:  # type: ignore[attr-defined] # private
            # Writing would move it to disk anyway.
            file.rollover()
        file.write(memoryview(body)[start:end])
        file.seek(0)
    return FileStorage(file, filename, name, headers=headers)


def _read(
    request: Request, environ: WSGIEnvironment, length: int, limit: int | None
) -> tuple[bytes | None, Stream | None]:
    """Return the body of a request and the stream that it was read from.

    Returns:
        The body, and its stream at the end or what `make_stream` makes it of. If nothing was read: None and None. If
        the body does not have the length that was announced: None and a stream that returns all of it.
    """
    if limit is not None and length > limit:
        return None, None
    source: t.IO[bytes] = environ["wsgi.input"]
    if "wsgi.input_terminated" in environ:
        body = source.read(length)
        more = source.read(1)
        if more or len(body) != length:
            return None, _again(request, body, more)
        return body, source if limit is None else bodies.input_stream(environ, limit)
    try:
        body = source.read(length) if length else b""
        if 0 < len(body) < length:
            body = _rest(source, body, length)
    except (OSError, ValueError) as error:
        stream = request.__dict__["stream"] = LimitedStream(source, length)
        stream.on_disconnect(error=error)
        return None, stream
    if len(body) != length:
        return None, _again(request, body)
    return body, (source, length, length)


def _rest(source: t.IO[bytes], start: bytes, length: int) -> bytes:
    """Return the whole body from a server that returns it in pieces."""
    pieces, missing = [start], length - len(start)
    while missing > 0 and (piece := source.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


class _Again(io.RawIOBase):
    """A stream that returns bytes that were already read from another stream, and then the rest of that stream."""

    def __init__(self, start: bytes, rest: t.IO[bytes]) -> None:
        self._start = io.BytesIO(start)
        self._rest = rest

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # what `io` gives
        """Read into a buffer, and return how many bytes were read."""
        # As many as are available, because Werkzeug's parser depends on where pieces end.
        data = self._start.read(len(buffer))
        if len(data) < len(buffer):
            data += self._rest.read(len(buffer) - len(data))
        buffer[: len(data)] = data
        return len(data)


def _again(request: Request, *start: bytes) -> t.IO[bytes]:
    """Return a stream for a request that returns the bytes that were already read, and then the rest."""
    environ = request.environ
    rest = _Again(b"".join(start), environ["wsgi.input"])
    return bodies.input_stream({**environ, "wsgi.input": rest}, request.max_content_length)
