"""The URL of a request and its parts, as they are shown to people."""

from __future__ import annotations

import typing as t

from ..http.received import plain_url, show_url

if t.TYPE_CHECKING:
    from .request import Request

#: The attributes of a request that make its URL, which a class may override.
MAKING_URLS = ("__getattribute__", "environ", "host", "path", "query_string", "root_path", "scheme")


def url(request: Request) -> str:
    """The whole URL, in Unicode."""
    plain = _plain_parts(request)
    if plain is not None:
        scheme, path, query = plain
        shown = plain_url(scheme, request.host, f"{path}?{query}" if query else path)
        if shown is not None:
            return shown
    return show_url(request.scheme, request.host, request.root_path, request.path, request.query_string)


def base_url(request: Request) -> str:
    """The URL without the query string."""
    plain = _plain_parts(request)
    if plain is not None:
        scheme, path, _ = plain
        shown = plain_url(scheme, request.host, path)
        if shown is not None:
            return shown
    return show_url(request.scheme, request.host, request.root_path, request.path)


def root_url(request: Request) -> str:
    """The URL that the app is mounted at: scheme, host and root path, with a slash at the end."""
    return show_url(request.scheme, request.host, request.root_path)


def host_url(request: Request) -> str:
    """Scheme and host, with a slash at the end."""
    return show_url(request.scheme, request.host)


def full_path(request: Request) -> str:
    """The path with the query string, and a question mark even without one."""
    plain = _plain_parts(request)
    if plain is not None and plain[1].isascii() and plain[2].isascii():
        return f"{plain[1]}?{plain[2]}"
    return f"{request.path}?{request.query_string.decode(errors='replace')}"


def _plain_parts(request: Request) -> tuple[str, str, str] | None:
    """Return the scheme, the path and the query of a request, as in its environ; None to read its attributes.

    Its root path is empty, and in its path there is no question mark.
    """
    own = request.__dict__
    if not request._has_plain_url or "environ" not in own or request._environ_at_start is not None:
        return None
    environ = own["environ"]
    if "query_string" in own or environ.get("SCRIPT_NAME") or own.get("root_path"):
        return None
    scheme = own["scheme"] if "scheme" in own else environ.get("wsgi.url_scheme", "http")
    path = own["path"] if "path" in own else environ.get("PATH_INFO")
    query = environ.get("QUERY_STRING", "")
    # If another thread answered the request meanwhile, the server may have reused the environ.
    if not path or path[0] != "/" or path[1:2] == "/" or "?" in path or request._environ_at_start is not None:
        return None
    return scheme, path, query


#: The functions above, for the attributes of a request that have their names.
SHOWN = (url, base_url, root_url, host_url, full_path)
