"""Read the cookies that the test client keeps when it does not imitate a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.http import parse_date
from werkzeug.test import Client, Cookie
from werkzeug.wsgi import get_current_url

from tuile.http.cookies import parse_cookie
from tuile.wrappers import Request

from ..invalidation import as_defined
from .simple_environ import is_simple_host, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

    from tuile.app import Flask

_add_by_werkzeug = as_defined(Client, "_add_cookies_to_wsgi")
_read_by_werkzeug = as_defined(Cookie, "_from_response_header")


def add_cookies(cookies: Mapping[tuple[str, str, str], Cookie], environ: WSGIEnvironment) -> bool:
    """Add the cookies that match the URL of a request to its environ; return whether Werkzeug need not do it."""
    if Client._add_cookies_to_wsgi is not _add_by_werkzeug:
        return False
    if not cookies and is_simple_host(environ.get("HTTP_HOST")):
        # There are none to compare with the URL.
        environ.pop("HTTP_COOKIE", None)
        return True
    place = place_of(environ)
    if place is None:
        return False
    sent = [cookie._to_request_header() for cookie in cookies.values() if cookie._matches_request(*place)]
    if sent:
        environ["HTTP_COOKIE"] = "; ".join(sent)
    else:
        environ.pop("HTTP_COOKIE", None)
    return True


def host_and_path(environ: WSGIEnvironment) -> tuple[str, str]:
    """Return the host and the path of the URL of a request, as Werkzeug's client compares cookies with them."""
    place = place_of(environ)
    if place is not None:
        return place
    url = urlsplit(get_current_url(environ))
    return url.hostname or "localhost", url.path


def host_and_path_of_request(app: Flask, request: Request) -> tuple[str, str]:
    """Return the host of a request without its port, and its path."""
    if type(request) is Request and request.trusted_hosts is None and app.config["TRUSTED_HOSTS"] is None:
        environ = request.environ
        place = place_of(environ)
        if place is not None and place[0] == environ["HTTP_HOST"] and not environ["SCRIPT_NAME"]:
            return place
    return request.host.partition(":")[0], request.path


def read_set_cookie(server_name: str, path: str, line: str) -> Cookie | None:
    """Parse a Set-Cookie line into the cookie that Werkzeug's client keeps; return None if it has no name."""
    pair, separator, attributes = line.partition(";")
    pairs = parse_cookie(pair)
    if not pairs:
        return None
    name, _, value = pair.partition("=")
    if Cookie.__dict__["_from_response_header"] is _read_by_werkzeug:
        given: dict[str, str | None] = {}
        for item in attributes.split(";"):
            key, sign, text = item.partition("=")
            given[key.strip(" \t").lower()] = text.strip(" \t") if sign else None
        age = given.get("max-age") or 0
        return Cookie(
            key=name.strip(" \t"),
            value=value.strip(" \t"),
            decoded_key=pairs[0][0],
            decoded_value=pairs[0][1],
            expires=parse_date(given["expires"]) if given.get("expires") else None,
            max_age=int(age) if "max-age" in given else None,
            domain=given.get("domain") or server_name,
            origin_only="domain" not in given,
            path=given.get("path") or path.rpartition("/")[0] or "/",
            secure="secure" in given,
            http_only="httponly" in given,
            same_site=given.get("samesite"),
        )
    # Werkzeug parses the attributes but not the name: its parser rejects names with a space.
    cookie = Cookie._from_response_header(server_name, path, f"name={value}{separator}{attributes}")
    cookie.key = name.strip(" \t")
    cookie.decoded_key, cookie.decoded_value = pairs[0]
    return cookie
