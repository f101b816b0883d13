"""Read the body of a request, as it is or as JSON, with the same result as Werkzeug's methods, in fewer calls."""

from __future__ import annotations

import typing as t

from ..http import bodies
from ..http.request_headers import EnvironHeaders

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
_JSON: t.Final = "application/json"
#: The result of `load_json` if Werkzeug's method has to be called.
UNREAD: t.Final = object()


def load_data(request: Request, parses_form: bool) -> None:
    """Read the body of a request and keep it, if nothing of it was read yet.

    Args:
        request: The request, whose class has Werkzeug's methods and properties for reading JSON and data.
        parses_form: Whether a form is read first, which leaves no data.
    """
    own = request.__dict__
    if _READ.isdisjoint(own) and "environ" in own:
        if parses_form:
            request._load_form_data()
            unmade = own.get("_unmade")
            if unmade is None or unmade[2]:
                # There is a stream, or it was a form.
                return
        own["_cached_data"] = bodies.read_body(own, own["environ"], request.max_content_length)


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
    environ, headers = request.environ, own.get("headers")
    if headers is not None and not (type(headers) is EnvironHeaders and headers.environ is environ):
        return UNREAD
    if not force and (mimetype := environ.get("CONTENT_TYPE")) != _JSON:
        mimetype = (mimetype or "").partition(";")[0].strip().lower()
        if mimetype != _JSON:
            return UNREAD
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
