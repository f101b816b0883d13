"""Read the body of a request, as it is or as JSON, with the same result as Werkzeug's methods, in fewer calls."""

from __future__ import annotations

import typing as t

from ..http import bodies
from .environ import body_environ_of
from .scope_headers import are_of

if t.TYPE_CHECKING:
    from .request import Request

# What a request has in its `__dict__` once its body or its type has been read, or where they are not to be read.
_READ = frozenset(
    {
        "_cached_data",
        "_cached_json",
        "_environ_at_end",
        "_parsed_content_type",
        "_unmade",
        "get_data",
        "shallow",
        "stream",
    }
)
# With one of these, only the property `stream` tells what there is to read.
_UNUSUAL = frozenset({"_environ_at_end", "shallow"})
_JSON: t.Final = "application/json"
#: The result of `load_json` if Werkzeug's method has to be called.
UNREAD: t.Final = object()


def read_data(request: Request) -> bytes:
    """Read what is left of the body of a request.

    Args:
        request: The request, whose class has Werkzeug's methods and properties for reading JSON and data.
    """
    own = request.__dict__
    if "stream" in own:
        left: bytes = own["stream"].read()
        return left
    if not _UNUSUAL.isdisjoint(own) or ("environ" not in own and request._scope is None):
        return request.stream.read()
    if "_unmade" in own:
        source, length, position = own["_unmade"]
        # A form was read to its end.
        return b"" if position else bodies.read_known(own, source, length)
    environ = own["environ"] if "environ" in own else body_environ_of(request)
    if "wsgi.input_terminated" in environ:
        # Most servers end the body: their stream is that of the request.
        stream = own["stream"] = bodies.input_stream(environ, request.max_content_length)
        return stream.read()
    return bodies.read_body(own, environ, request.max_content_length)


def load_json(request: Request, force: bool, silent: bool) -> object:
    """Read the body of a request as JSON, and keep what Werkzeug's method would keep.

    Args:
        request: The request, whose class has Werkzeug's methods and properties for reading JSON.
        force: Whether to parse the body whatever its Content-Type.
        silent: Whether to return None if the body is not JSON.

    Returns:
        The content; or `UNREAD`, with nothing read, if the request is not as usual or does not have the type of JSON.
    """
    own = request.__dict__
    if not _READ.isdisjoint(own) or ("environ" not in own and request._scope is None):
        return UNREAD
    environ = own["environ"] if "environ" in own else body_environ_of(request)
    headers = own.get("headers")
    if headers is not None and not are_of(headers, request, environ):
        return UNREAD
    if not force and (mimetype := environ.get("CONTENT_TYPE")) != _JSON:
        mimetype = (mimetype or "").partition(";")[0].strip().lower()
        if mimetype != _JSON:
            return UNREAD
    if "wsgi.input_terminated" in environ:
        # As in `read_data`, in one call less.
        stream = own["stream"] = bodies.input_stream(environ, request.max_content_length)
        data = own["_cached_data"] = stream.read()
    else:
        data = own["_cached_data"] = bodies.read_body(own, environ, request.max_content_length)
    content: object
    try:
        content = request.json_module.loads(data)
    except ValueError as error:
        if silent:
            own["_cached_json"] = (..., None)
            return None
        content = request.on_json_loading_failed(error)
        own["_cached_json"] = (content, request._cached_json[1])
    else:
        own["_cached_json"] = (content, content)
    return content
