"""The WSGI environ of a simple request, as Werkzeug's `EnvironBuilder` makes it, without the builder.

Most requests of a test suite have a plain path and perhaps a query, a form, JSON or headers. Their environ is written
here; any other request is left to the builder, and so is every one while a part of it is replaced.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote, urlsplit

import werkzeug.test
from werkzeug.datastructures import EnvironHeaders, Headers, MultiDict
from werkzeug.sansio.request import Request as _SansioRequest
from werkzeug.urls import _urlencode
from werkzeug.wrappers import Request

from tuile.http.headers import plain_pairs
from tuile.http.received import SAFE_METHODS
from tuile.invalidation import as_defined
from tuile.wrappers.environ import read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.test import TestResponse

    from ..app import Flask

# Neither quoted nor unquoted on the way, and split by `urlsplit` at the question mark alone.
_PATH = re.compile(r"/(?:[A-Za-z0-9_.~-][A-Za-z0-9_.~/-]*)?\Z")
_QUERY = re.compile(r"[A-Za-z0-9_.~=&%+/-]*\Z")
_WRITTEN = re.compile(r"[A-Za-z0-9_.~!$'()*,/:;?@=& -]*\Z")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z")
_ROOT = re.compile(r"(?:/[A-Za-z0-9_.~-]+)*/?\Z")
_BASE = re.compile(r"(https?)://([^/?#]*)((?:/[A-Za-z0-9_.~-]+)*/?)\Z")
_KNOWN = frozenset(
    {"method", "query_string", "headers", "data", "json", "environ_base", "content_type", "base_url", "auth"}
)
# What is not quoted in a query and a form: `safe` in Werkzeug.
_UNQUOTED = "!$'()*,/:;?@"
# A number is written as such, although it is declared as text.
_TEXT_OR_NUMBER = frozenset({str, int, float, bool})
_FORMS = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
# The values of `CSRF` that are checked, and the headers that are.
_CHECKS = ("fetch", "token")
_SAYING_WHERE_FROM = frozenset({"HTTP_SEC_FETCH_SITE", "HTTP_ORIGIN", "HTTP_REFERER"})
# What the builder does its work with.
_PARTS = (
    "__init__",
    "args",
    "base_url",
    "content_length",
    "content_type",
    "files",
    "form",
    "get_environ",
    "get_request",
    "input_stream",
    "mimetype",
    "query_string",
    "server_name",
    "server_port",
)
_builder = werkzeug.test.EnvironBuilder
_stock = tuple(as_defined(_builder, name) for name in _PARTS)
_stock_request = as_defined(Request, "__init__"), as_defined(_SansioRequest, "__init__")
_new: Callable[[type[Request]], Request] = object.__new__
_from_environ, _resolve = as_defined(_builder, "from_environ"), as_defined(werkzeug.test.Client, "resolve_redirect")


def is_simple_host(host: object) -> bool:
    """Return whether a host is one that no URL function refuses or changes."""
    return type(host) is str and _HOST.match(host) is not None


def place_of(environ: WSGIEnvironment) -> tuple[str, str] | None:
    """Return the host and the path of the URL of a request; None where Werkzeug's functions quote or change them."""
    host, script, path = environ.get("HTTP_HOST"), environ.get("SCRIPT_NAME"), environ.get("PATH_INFO")
    if type(host) is not str or type(script) is not str or type(path) is not str:
        return None
    name, _, port = host.partition(":")
    path = f"{script.rstrip('/')}/{path.lstrip('/')}"
    is_plain = _HOST.match(host) is not None and name and not port and _PATH.match(path) is not None
    return (name.lower(), path) if is_plain and "//" not in path and environ.get("wsgi.url_scheme") == "http" else None


def builder_is_stock() -> bool:
    """Return whether no part of Werkzeug's builder that this module takes the place of was replaced."""
    return tuple(map(vars(_builder).get, _PARTS)) == _stock


def simple_environ(app: Flask, path: object, options: Mapping[str, Any]) -> WSGIEnvironment | None:
    """Return the environ of a request; None where only the builder knows.

    Args:
        app: The application, whose settings complete the URL.
        path: The path and query.
        options: The keyword arguments of the builder.
    """
    if type(path) is not str or not options.keys() <= _KNOWN:
        return None
    parts = _parts_of(path)
    if parts is None or not builder_is_stock():
        return None
    path, path_info, query = parts
    place = _place_of_base(app, options["base_url"]) if "base_url" in options else _place_of_app(app)
    content = _content(app, options)
    if place is None or content is None:
        return None
    headers = options.get("headers")
    if "auth" in options and options["auth"] is not None:
        headers = _with_authorization(headers, options["auth"])
        if headers is None:
            return None
    # A `Headers` object would be given the content type.
    if headers is not None and type(headers) not in {dict, list}:
        return None
    given = options.get("query_string")
    if given is not None:
        if "?" in path or type(given) is not dict:
            return None
        query = urlencoded(given)
    method = options.get("method", "GET")
    # A form and the argument have a type of their own, which takes the place of that of the headers.
    has_type = options.get("content_type") is not None or type(options.get("data")) is dict
    return _written(place, method, path, path_info, query, options.get("environ_base"), headers, *content, has_type)


def _parts_of(path: str) -> tuple[str, str, str] | None:
    """Return the URI, the path and the query as an environ has them; None where only the builder knows."""
    path_info, mark, query = path.partition("?")
    if "//" in path_info or (mark and not query):
        return None
    if _PATH.match(path_info) is not None and _QUERY.match(query) is not None:
        return path, path_info, query
    if path_info[:1] != "/" or "#" in path or not path.isprintable():
        return None
    return _octets(path), _octets(unquote(path_info)), _octets(query)


def _octets(text: str) -> str:
    """Return a text as an environ has it, where each character is an octet."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _written(
    place: tuple[str, str, str, str, str], method: str, path: str, path_info: str, query: str,
    base: WSGIEnvironment | None, headers: dict[str, str] | list[tuple[str, str]] | None,
    body: bytes | None, content_type: str | None, has_type: bool = False,
) -> WSGIEnvironment | None:  # fmt: skip
    """Write the environ, with its keys in the builder's order."""
    # With `has_type`, only the builder knows what a content type among the headers means.
    scheme, script_name, server_name, server_port, host = place
    environ: WSGIEnvironment = {
        **(base or {}),
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path_info,
        "QUERY_STRING": query,
        "REQUEST_URI": path,
        "RAW_URI": path,
        "SERVER_NAME": server_name,
        "SERVER_PORT": server_port,
        "HTTP_HOST": host,
        "SERVER_PROTOCOL": _builder.server_protocol,
        "wsgi.version": _builder.wsgi_version,
        "wsgi.url_scheme": scheme,
        "wsgi.input": BytesIO() if body is None else BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    combined = _combined(headers, takes_type=not has_type, has_body=body is not None) if headers else {}
    if combined is None:
        return None
    content_type = combined.pop("CONTENT_TYPE", content_type)
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    if body is not None:
        environ["CONTENT_LENGTH"] = str(len(body))
    environ.update(combined)
    return environ


def _combined(
    headers: dict[str, str] | list[tuple[str, str]], *, takes_type: bool, has_body: bool
) -> dict[str, str] | None:
    """Return the values of headers by their keys in an environ; None where only the builder knows."""
    combined: dict[str, str] = {}
    pairs = plain_pairs(headers)
    for name, value in Headers(headers).to_wsgi_list() if pairs is None else pairs:
        key = name.upper().replace("-", "_")
        if key in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            # A request without a body is given that of an empty form by the type of one.
            is_form = not has_body and value.partition(";")[0].strip().lower() in _FORMS
            if not takes_type or is_form or key in combined or name.lower() != "content-type":
                return None
            combined[key] = value
            continue
        key = f"HTTP_{key}"
        combined[key] = f"{combined[key]}, {value}" if key in combined else value
    return combined


def request_of(kind: type[Request], environ: WSGIEnvironment) -> Request:
    """Return a request of a simple environ, as its constructor makes it."""
    if kind is not Request or (Request.__init__, _SansioRequest.__init__) != _stock_request:
        return kind(environ)
    request = _new(Request)
    request.method = environ["REQUEST_METHOD"].upper()
    request.scheme = environ["wsgi.url_scheme"]
    request.server = environ["SERVER_NAME"], int(environ["SERVER_PORT"])
    request.root_path = environ["SCRIPT_NAME"].rstrip("/")
    path = environ["PATH_INFO"]
    request.path = path if path.isascii() and path[:2] != "//" else read_path(environ)
    request.query_string = environ["QUERY_STRING"].encode("latin-1")
    request.headers = EnvironHeaders(environ)
    request.remote_addr = environ.get("REMOTE_ADDR")
    request.environ = environ
    request.shallow = False
    environ["werkzeug.request"] = request
    return request


def _content(app: Flask, options: Mapping[str, object]) -> tuple[bytes | None, str | None] | None:
    """Return the body and its content type; None where only the builder knows."""
    data, content_type = options.get("data"), options.get("content_type")
    if content_type is not None and (
        type(content_type) is not str or not content_type or "\n" in content_type or "\r" in content_type
    ):
        return None
    if "json" in options and options["json"] is not None:
        if data is not None:
            return None
        text = app.json.dumps(options["json"])
        return (text.encode(), content_type or "application/json") if type(text) is str and text else None
    if data is None:
        return (None, None) if content_type is None else None
    if type(data) is bytes and data:
        return data, content_type
    if type(data) is str and data:
        return data.encode(), content_type
    if (
        content_type is None
        and type(data) is dict
        and data
        and all(
            type(one) in _TEXT_OR_NUMBER
            for value in data.values()
            for one in (value if type(value) is list and value else [value])
        )
    ):
        return urlencoded(data).encode("ascii"), "application/x-www-form-urlencoded"
    return None


def urlencoded(given: Mapping[str, str]) -> str:
    """Return a dict as a query or form is written, as Werkzeug writes it."""
    parts = []
    for name, value in given.items():
        if type(name) is not str or type(value) not in _TEXT_OR_NUMBER:
            break
        parts.append(f"{name}={value}")
    else:
        text = "&".join(parts)
        # Neither a name nor a value has a sign that is quoted or that separates them.
        if _WRITTEN.match(text) and text.count("=") == len(parts) and text.count("&") == len(parts) - 1:
            return text.replace(" ", "+")
    pairs = _pairs_in(given)
    if pairs is None:
        return _urlencode(MultiDict(given))
    return "&".join(f"{quote_plus(name, _UNQUOTED)}={quote_plus(str(value), _UNQUOTED)}" for name, value in pairs)


def _pairs_in(given: Mapping[str, object]) -> list[tuple[str, object]] | None:
    """Return the names and values of a dict, each value of a list on its own; None where only Werkzeug knows."""
    pairs: list[tuple[str, object]] = []
    for name, value in given.items():
        values: list[object] = value if type(value) is list else [value]
        if type(name) is not str or not all(one is None or type(one) in _TEXT_OR_NUMBER for one in values):
            return None
        pairs += [(name, one) for one in values if one is not None]
    return pairs


def locate(app: Flask, path: str, subdomain: str | None, url_scheme: str | None) -> tuple[str, str]:
    """Split `path` into a base URL and a path with its query.

    A scheme or host in `path` takes precedence over the configuration.
    """
    url = urlsplit(path)
    host = url.netloc
    if not host:
        host = app.config.get("SERVER_NAME") or "localhost"
        if subdomain:
            host = f"{subdomain}.{host}"
    scheme = url.scheme or (app.config["PREFERRED_URL_SCHEME"] if url_scheme is None else url_scheme)
    root = app.config["APPLICATION_ROOT"].lstrip("/")
    return f"{scheme}://{host}/{root}", f"{url.path}?{url.query}" if url.query else url.path


def redirect_environ(response: TestResponse, base: WSGIEnvironment) -> WSGIEnvironment | None:
    """Return the environ of the request that follows a redirect to a path of the same host, and close the last body.

    Args:
        response: The redirect.
        base: The defaults of the client's environs.

    Returns:
        None where only Werkzeug knows.
    """
    last, target = response.request.environ, response.headers.get("Location")
    host, scheme = last.get("HTTP_HOST"), last.get("wsgi.url_scheme")
    if (
        response.status_code not in {301, 302, 303}
        or type(last) is not dict
        or type(target) is not str
        or last.get("SCRIPT_NAME") != ""
        or not is_simple_host(host)
        or type(scheme) is not str
        or (_from_environ, _resolve) != (_builder.__dict__["from_environ"], werkzeug.test.Client.resolve_redirect)
        or not builder_is_stock()
    ):
        return None
    path, _, query = target.partition("?")
    place = _place(host, scheme, "/")
    if place is None or _PATH.match(path) is None or "//" in path or _QUERY.match(query) is None:
        return None
    sent = {name: value for name, value in last.items() if name[:5] == "HTTP_" and name != "HTTP_HOST"}
    if any(type(value) is not str or "\n" in value or "\r" in value for value in sent.values()):
        return None
    sent.pop("HTTP_TRANSFER_ENCODING", None)
    method = "HEAD" if last["REQUEST_METHOD"] == "HEAD" else "GET"
    environ = _written(place, method, path, path, query, base, None, None, None)
    if environ is not None:
        last["wsgi.input"].close()
        for name in ("wsgi.errors", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"):
            environ[name] = last[name]
        environ.update(sent)
    return environ


def _place_of_app(app: Flask) -> tuple[str, str, str, str, str] | None:
    """Return what `_place` does for the settings of an application."""
    config = app.config
    name, scheme, root = config.get("SERVER_NAME"), config["PREFERRED_URL_SCHEME"], config["APPLICATION_ROOT"]
    # What was asked for before is found by a hash.
    is_plain = (name is None or type(name) is str) and type(scheme) is type(root) is str
    return _place(name, scheme, root) if is_plain else None


def _place_of_base(app: Flask, base_url: object) -> tuple[str, str, str, str, str] | None:
    """Return what `_place` does for a base URL; None stands for that of the application."""
    if base_url is None:
        return _place_of_app(app)
    found = _BASE.match(base_url) if type(base_url) is str else None
    return None if found is None or not found[2] else _place(found[2], found[1], found[3])


def _with_authorization(headers: object, auth: object) -> list[tuple[str, str]] | None:
    """Return headers with the name and the password of a tuple; None where only the builder knows."""
    if type(auth) is not tuple or len(auth) != 2 or not (type(auth[0]) is type(auth[1]) is str):
        return None
    pairs = [] if not headers else plain_pairs(headers) if type(headers) in {dict, list} else None
    if pairs is None or any(name.lower() == "authorization" for name, _ in pairs):
        return None
    return [*pairs, ("Authorization", f"Basic {b64encode(f'{auth[0]}:{auth[1]}'.encode()).decode()}")]


@lru_cache(64)
def _place(server_name: str | None, scheme: str, root: str) -> tuple[str, str, str, str, str] | None:
    """Return the scheme, SCRIPT_NAME, SERVER_NAME, SERVER_PORT and HTTP_HOST; None where only the builder knows."""
    host = server_name or "localhost"
    if not is_simple_host(host) or scheme not in {"http", "https"} or type(root) is not str or not _ROOT.match(root):
        return None
    parts = urlsplit(f"{scheme}://{host}/{root.lstrip('/')}")
    builder = _builder(base_url=parts.geturl())
    environ = builder.get_environ()
    return scheme, environ["SCRIPT_NAME"], environ["SERVER_NAME"], environ["SERVER_PORT"], environ["HTTP_HOST"]


def say_where_from(environ: WSGIEnvironment, csrf: object) -> None:
    """Say that a request comes from a page of the application, as browsers do, if `CSRF` asks for it.

    A test that gives one of the headers itself, even an empty one, sends only what it gives.
    """
    if csrf in _CHECKS and environ["REQUEST_METHOD"] not in SAFE_METHODS and _SAYING_WHERE_FROM.isdisjoint(environ):
        environ["HTTP_SEC_FETCH_SITE"] = "same-origin"
