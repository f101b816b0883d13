"""Build one request as a browser sends it: its headers, its environ, and the request that follows a redirect.

Sources, read on 2026-11-21: https://fetch.spec.whatwg.org (HTTP-redirect fetch, "append a request Origin header"),
https://www.w3.org/TR/fetch-metadata/, https://www.w3.org/TR/referrer-policy/ (only the default policy,
strict-origin-when-cross-origin, is implemented).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from itertools import pairwise
from urllib.parse import quote, urljoin, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.urls import iri_to_uri

from tuile.user_agent.sites import Address, Context, Sites, is_loopback, parse_address

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed.wsgi import WSGIEnvironment

Mode: t.TypeAlias = t.Literal["navigate", "cors", "no-cors"]
Credentials: t.TypeAlias = t.Literal["omit", "same-origin", "include"]

REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}
_ACCEPT_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def absolute_url(url: str, base: str = "") -> str:
    """Return the absolute URL in ASCII, without user and password.

    Raises:
        ValueError: If the result has no host or is neither http nor https.
    """
    whole = urljoin(base, url)
    parts = urlsplit(whole)
    if parts.scheme not in _PORTS:
        raise ValueError(f"{url!r} is not an absolute URL. Use one such as 'https://example.com/'.")
    return iri_to_uri(parts._replace(netloc=urlsplit(origin(whole)).netloc, path=parts.path or "/").geturl())


def origin(url: str) -> str:
    """Return the origin of a URL as browsers write it; ``null`` for ``null``.

    Raises:
        ValueError: If the URL is not absolute.
    """
    if url == "null":
        return url
    address, port = parse_address(url), urlsplit(url).port
    host = f"[{address.host}]" if ":" in address.host else address.host
    colon_port = "" if port in {None, _PORTS[address.scheme]} else f":{port}"
    return f"{address.scheme}://{host}{colon_port}"


@dataclass(frozen=True)
class OutgoingRequest:
    """A request that a browser is about to send.

    Attributes:
        url: The absolute URL.
        method: The method, in upper case.
        body: The body.
        content_type: The type of the body; empty if there is none.
        mode: The mode, as in Sec-Fetch-Mode.
        destination: The destination, as in Sec-Fetch-Dest.
        credentials: When cookies are sent and stored, as in the `credentials` of `fetch()`.
        initiator: The URL of the page that makes the request; ``null`` for a page with an opaque origin, None for the
            user.
        top_level_url: The URL in the address bar during the request; None if the request is a top-level navigation.
        cross_site_ancestor: Whether a frame of another site is between the two.
        headers: Headers of this request, besides those that the browser sends.
        redirects: The URLs that have redirected to this one.
    """

    url: str
    method: str = "GET"
    body: bytes = b""
    content_type: str = ""
    mode: Mode = "navigate"
    destination: str = "document"
    credentials: Credentials = "include"
    initiator: str | None = None
    top_level_url: str | None = None
    cross_site_ancestor: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    redirects: tuple[str, ...] = ()

    def context(self) -> Context:
        """Return the context of the request for the jar."""
        return Context(self.initiator, self.top_level_url, self.cross_site_ancestor, self.redirects)

    def has_credentials(self) -> bool:
        """Return whether cookies are sent with the request and stored from its response."""
        if self.credentials == "same-origin":
            own = origin(self.initiator or self.url)
            return own != "null" and all(origin(url) == own for url in (*self.redirects, self.url))
        return self.credentials == "include"

    def redirected(self, status: int, location: str) -> OutgoingRequest | None:
        """Return the request that follows the response; None if the response does not redirect to a page."""
        if status not in REDIRECTS or not location:
            return None
        # Characters beyond ASCII are octets of the header, and are sent as those octets.
        written = quote(location.encode("latin-1", "replace"), safe="!#$%&'()*+,/:;=?@[]~")
        try:
            url = absolute_url(written, self.url)
        except ValueError:
            return None
        headers = self.headers
        if origin(url) != origin(self.url):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        following = replace(self, url=url, redirects=(*self.redirects, self.url), headers=headers)
        if (status in {301, 302} and self.method == "POST") or (status == 303 and self.method not in {"GET", "HEAD"}):
            return replace(following, method="GET", body=b"", content_type="")
        return following

    def environ(self, sites: Sites, cookie_header: str, default_headers: Mapping[str, str]) -> WSGIEnvironment:
        """Return the WSGI environ of the request.

        Args:
            sites: Computes sites, for Sec-Fetch-Site.
            cookie_header: The Cookie field; empty for none.
            default_headers: The headers that the browser sends with every request. The request's own headers override
                them.
        """
        parts = urlsplit(self.url)
        headers = Headers()
        for group in (self._fetch_headers(sites), default_headers, self.headers):
            for name, value in group.items():
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
        # As an argument, the path would be parsed again, and `//x` would become a host.
        builder.path, builder.request_uri = parts.path, f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            return builder.get_environ()
        finally:
            builder.close()

    def _fetch_headers(self, sites: Sites) -> dict[str, str]:
        address = parse_address(self.url)
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
        """Return the value of Sec-Fetch-Site: the most distant relation of any URL in the redirect chain."""
        if self.initiator is None:
            return "none"
        own, nearest = origin(self.initiator), "same-origin"
        for url in (*self.redirects, self.url):
            if origin(url) == own:
                continue
            if not sites.same(parse_address(url), self.initiator, schemeful=True):
                return "cross-site"
            nearest = "same-site"
        return nearest

    def _origin(self, address: Address) -> str:
        """Return the Origin field; empty for none."""
        if self.initiator is None:
            return ""
        own, origins = origin(self.initiator), [origin(url) for url in (*self.redirects, self.url)]
        crosses = self.mode == "cors" and any(here != own for here in origins)
        if not crosses and self.method in {"GET", "HEAD"}:
            return ""
        tainted = any(last not in {here, own} for last, here in pairwise(origins))
        downgraded = self.mode != "cors" and own.startswith("https:") and address.scheme == "http"
        return "null" if tainted or downgraded else own

    def _referer(self) -> str:
        """Return the Referer field; empty for none. A redirect never restores what an earlier one removed."""
        if self.initiator is None or self.initiator == "null":
            return ""
        own, origins = origin(self.initiator), [origin(url) for url in (*self.redirects, self.url)]
        if all(here == own for here in origins):
            return urlsplit(self.initiator)._replace(fragment="").geturl()
        downgraded = own.startswith("https:") and any(here.startswith("http:") for here in origins)
        return "" if downgraded else f"{own}/"


def encode_body(data: t.Any, json: object = None, dumps: t.Callable[[object], str] = str) -> tuple[bytes, str]:
    """Return the body of a request and its content type.

    Args:
        data: What Werkzeug's EnvironBuilder takes: form fields, with a file as a file object or ``(file, name)``; or
            the body as bytes or text.
        json: A value to send as JSON instead.
        dumps: The function that serializes `json`.

    Raises:
        TypeError: If both data and json are given.
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
