"""One request as a browser makes it: its headers, its environ, and what a redirect makes of it. Floor 6, the edges.

What must live here: Sec-Fetch-..., Origin and Referer, methods and bodies across redirects, the context for SameSite.
What must not: cookies (`tuile.user_agent.jar`), sending (`network`), pages (`browser`).

Sources, read on 2026-11-21: https://fetch.spec.whatwg.org (HTTP-redirect fetch, "append a request Origin header"),
https://www.w3.org/TR/fetch-metadata/, https://www.w3.org/TR/referrer-policy/ (strict-origin-when-cross-origin, the
default, is the one policy here).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from itertools import pairwise
from urllib.parse import quote, urljoin, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.urls import iri_to_uri

from tuile.user_agent.sites import Address, Context, Sites, address_of, is_loopback

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

Mode: t.TypeAlias = t.Literal["navigate", "cors", "no-cors"]
Credentials: t.TypeAlias = t.Literal["omit", "same-origin", "include"]

REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}
_ACCEPT_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def settled(url: str, base: str = "") -> str:
    """The URL in full: absolute, in ASCII, without user and password.

    Raises ValueError when it is no address of a page, mostly for want of a host.
    """
    whole = urljoin(base, url)
    parts = urlsplit(whole)
    if parts.scheme not in _PORTS:
        raise ValueError(f"{url!r} is no address of a page. Give an absolute URL such as 'https://example.com/'.")
    return iri_to_uri(parts._replace(netloc=urlsplit(origin(whole)).netloc, path=parts.path or "/").geturl())


def origin(url: str) -> str:
    """The origin of a URL as browsers write it; ``null`` for ``null``.

    Raises ValueError when it is no address of a page.
    """
    if url == "null":
        return url
    address, port = address_of(url), urlsplit(url).port
    host = f"[{address.host}]" if ":" in address.host else address.host
    colon_port = "" if port in {None, _PORTS[address.scheme]} else f":{port}"
    return f"{address.scheme}://{host}{colon_port}"


@dataclass(frozen=True)
class Ask:
    """A request that a browser is about to make.

    initiator
        the URL of the page that makes it, ``null`` for one without an origin, None for the user
    top
        the URL in the address bar meanwhile; None when the request fills the address bar itself
    crossed
        a frame of another site is between the two
    destination
        what it is for, as Sec-Fetch-Dest says it
    hops
        the URLs that answered with a redirect so far
    """

    url: str
    method: str = "GET"
    body: bytes = b""
    content_type: str = ""
    mode: Mode = "navigate"
    destination: str = "document"
    credentials: Credentials = "include"
    initiator: str | None = None
    top: str | None = None
    crossed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    hops: tuple[str, ...] = ()

    def context(self) -> Context:
        """From where it is made, for the jar."""
        return Context(self.initiator, self.top, self.crossed, self.hops)

    def has_credentials(self) -> bool:
        """Whether cookies are sent and kept."""
        if self.credentials == "same-origin":
            home = origin(self.initiator or self.url)
            return home != "null" and all(origin(url) == home for url in (*self.hops, self.url))
        return self.credentials == "include"

    def redirected(self, status: int, location: str) -> Ask | None:
        """The request that follows; None when the answer is no redirect to a page."""
        if status not in REDIRECTS or not location:
            return None
        # What is not ASCII came as octets, and goes back as them.
        written = quote(location.encode("latin-1", "replace"), safe="!#$%&'()*+,/:;=?@[]~")
        try:
            url = settled(written, self.url)
        except ValueError:
            return None
        headers = self.headers
        if origin(url) != origin(self.url):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        following = replace(self, url=url, hops=(*self.hops, self.url), headers=headers)
        if (status in {301, 302} and self.method == "POST") or (status == 303 and self.method not in {"GET", "HEAD"}):
            return replace(following, method="GET", body=b"", content_type="")
        return following

    def environ(self, sites: Sites, cookie_header: str, standing: Mapping[str, str]) -> WSGIEnvironment:
        """The WSGI environ of it.

        standing
            the headers that this browser always sends; the request's own go over them
        """
        parts = urlsplit(self.url)
        headers = Headers()
        for some in (self._fetch_headers(sites), standing, self.headers):
            for name, value in some.items():
                headers[name] = value
        if cookie_header:
            headers["Cookie"] = cookie_header
        builder = EnvironBuilder(
            base_url=f"{parts.scheme}://{parts.netloc}/",
            query_string=parts.query,
            method=self.method,
            headers=headers,
            content_type=self.content_type or None,
            data=self.body or None,
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        )
        # Not as an argument, which would be split once more: `//x` is a path here, and no host.
        builder.path, builder.request_uri = parts.path, f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            return builder.get_environ()
        finally:
            builder.close()

    def _fetch_headers(self, sites: Sites) -> dict[str, str]:
        address = address_of(self.url)
        headers = {"Accept": _ACCEPT_PAGE if self.mode == "navigate" else "*/*"}
        if self.mode == "navigate":
            headers["Upgrade-Insecure-Requests"] = "1"
        if address.scheme == "https" or is_loopback(address.host):
            headers["Sec-Fetch-Site"] = self._fetch_site(sites)
            headers["Sec-Fetch-Mode"] = self.mode
            headers["Sec-Fetch-Dest"] = self.destination
            if self.destination == "document":
                headers["Sec-Fetch-User"] = "?1"
        sender, referer = self._origin(address), self._referer()
        if sender:
            headers["Origin"] = sender
        if referer:
            headers["Referer"] = referer
        return headers

    def _fetch_site(self, sites: Sites) -> str:
        """How near the request is to who makes it: by the farthest address on its way."""
        if self.initiator is None:
            return "none"
        home, nearest = origin(self.initiator), "same-origin"
        for url in (*self.hops, self.url):
            if origin(url) == home:
                continue
            if not sites.same(address_of(url), self.initiator, schemeful=True):
                return "cross-site"
            nearest = "same-site"
        return nearest

    def _origin(self, address: Address) -> str:
        """The Origin field, empty for none."""
        if self.initiator is None:
            return ""
        home, way = origin(self.initiator), [origin(url) for url in (*self.hops, self.url)]
        crosses = self.mode == "cors" and any(here != home for here in way)
        if not crosses and self.method in {"GET", "HEAD"}:
            return ""
        tainted = any(last not in {here, home} for last, here in pairwise(way))
        downgraded = self.mode != "cors" and home.startswith("https:") and address.scheme == "http"
        return "null" if tainted or downgraded else home

    def _referer(self) -> str:
        """The Referer field, empty for none. What was left out for one address on the way stays so after it."""
        if self.initiator is None or self.initiator == "null":
            return ""
        home, way = origin(self.initiator), [origin(url) for url in (*self.hops, self.url)]
        if all(here == home for here in way):
            return urlsplit(self.initiator)._replace(fragment="").geturl()
        downgraded = home.startswith("https:") and any(here.startswith("http:") for here in way)
        return "" if downgraded else f"{home}/"


def encoded(data: t.Any, json: t.Any = None, dumps: t.Callable[[t.Any], str] = str) -> tuple[bytes, str]:
    """The body of a request and its type.

    data
        what Werkzeug's EnvironBuilder takes: the fields of a form, with files as a file or ``(file, name)``; or bytes
        or text as they are
    json
        written as JSON instead, by `dumps`

    Raises TypeError for both.
    """
    if json is not None:
        if data is not None:
            raise TypeError("Give data or json, not both.")
        return dumps(json).encode(), "application/json"
    if data is None:
        return b"", ""
    builder = EnvironBuilder(method="POST", data=data)
    try:
        environ = builder.get_environ()
        return environ["wsgi.input"].read(), environ.get("CONTENT_TYPE", "")
    finally:
        builder.close()
