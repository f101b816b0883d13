"""Origins as browsers write them, and what the headers of a request say about where it comes from.

Sources, read on 2026-11-28: https://fetch.spec.whatwg.org ("append a request Origin header"),
https://www.w3.org/TR/fetch-metadata/, Go 1.25's `net/http.CrossOriginProtection`, and
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html.
"""

from __future__ import annotations

import re
import typing as t

from ..lazy import lazy_pattern

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIEnvironment

_PORTS = {"http": "80", "https": "443"}
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{0,30}"
# A name in ASCII, an IPv4 address, or an IPv6 address in brackets.
_HOST = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])"
_host_and_port = lazy_pattern(rf"({_HOST})(?::([0-9]{{1,5}}))?", re.ASCII)
_origin = lazy_pattern(rf"({_SCHEME})://({_HOST})(?::([0-9]{{1,5}}))?", re.ASCII)
# The origin at the beginning of a URL. A user or a backslash before the path would make it another host.
_start = lazy_pattern(r"([^:/?#\\@\s]+://[^/?#\\@\s]*)(?=[/?#]|\Z)")
_MOST_SHOWN = 100


class Origin(t.NamedTuple):
    """A scheme, a host and a port; the port is "" if it is the default of the scheme."""

    scheme: str
    host: str
    port: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.port and ':'}{self.port}"


def parse_origin(text: str) -> Origin | None:
    """Return the origin in an Origin header; None for ``null`` and for anything that is not exactly one origin."""
    found = _origin.fullmatch(text)
    if found is None:
        return None
    scheme = found[1].lower()
    return Origin(scheme, found[2].lower(), _port(scheme, found[3]))


def _origin_of_url(url: str) -> Origin | None:
    found = _start.match(url)
    return None if found is None else parse_origin(found[1])


def _port(scheme: str, port: str | None) -> str:
    port = (port or "").lstrip("0") or ("0" if port else "")
    return "" if port == _PORTS.get(scheme) else port


def is_host_of(origin: Origin, host: str) -> bool:
    """Return whether a Host header names the host and the port of an origin.

    Args:
        origin: The origin. Its scheme decides which port need not be written.
        host: The value of the Host header.
    """
    found = _host_and_port.fullmatch(host)
    return found is not None and (found[1].lower(), _port(origin.scheme, found[2])) == (origin.host, origin.port)


# --- trusted origins --------------------------------------------------------------------------------------------------


def trusted_origins(name: str, setting: object) -> tuple[Origin, ...]:
    """Return the origins in a setting. The host of an origin with a wildcard begins with ``*.``.

    Args:
        name: The name of the setting, for messages.
        setting: A list of texts such as ``https://example.com`` or ``https://*.example.com``; or None.

    Raises:
        TypeError: If it is not a list of texts.
        ValueError: If a text is not an origin.
    """
    if setting is None:
        return ()
    if not isinstance(setting, (list, tuple, set, frozenset)):
        example = [setting] if isinstance(setting, str) else ["https://example.com"]
        message = f"{name} must be a list of origins, not {setting!r}. Write: {example!r}."
        raise TypeError(message)
    return tuple(_trusted(name, entry) for entry in setting)


def _trusted(name: str, entry: object) -> Origin:
    if not isinstance(entry, str):
        message = f"{name} contains {entry!r}; an origin is a text such as 'https://example.com'."
        raise TypeError(message)
    scheme, separator, rest = entry.removesuffix("/").partition("://")
    is_wild = rest.startswith("*.")
    origin = parse_origin(f"{scheme}{separator}{rest[2:] if is_wild else rest}")
    if origin is None or (is_wild and ("." not in origin.host or origin.host.startswith("["))):
        message = f"{name} contains {entry!r}, which is not an origin. {_cure(entry)}"
        raise ValueError(message)
    return origin._replace(host=f"*.{origin.host}") if is_wild else origin


def _cure(entry: str) -> str:
    if entry == "null":
        return "Every page can send the origin 'null', so it cannot be trusted."
    if not entry.isascii():
        scheme, separator, host = entry.rstrip("/").partition("://")
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            host = "xn--..."
        return f"Write the host as browsers send it: {scheme + separator + host!r}."
    return "Write scheme, host and, if there is one, the port: 'https://example.com', 'https://*.example.com'."


def is_trusted(origin: Origin, trusted: Iterable[Origin]) -> bool:
    """Return whether an origin is one of several, or matches one with a wildcard: a host below it, at any depth."""
    return any(
        origin == one
        or (
            one.host.startswith("*.")
            and origin.host.endswith(one.host[1:])
            and (origin.scheme, origin.port) == (one.scheme, one.port)
        )
        for one in trusted
    )


# --- the headers of a request -----------------------------------------------------------------------------------------


class Source(t.NamedTuple):
    """Where a request comes from, by its headers."""

    #: ``same``: this origin, a trusted one or the user; ``other``: another one; ``unknown``: no header tells.
    kind: t.Literal["same", "other", "unknown"]
    #: Which header said what, as a sentence; "" for the same origin.
    reason: str = ""


_SAME = Source("same")
_UNKNOWN = Source("unknown", "It has none of the headers Sec-Fetch-Site, Origin and Referer, which browsers send.")


def source_of(environ: WSGIEnvironment, host: str, trusted: Iterable[Origin] = ()) -> Source:
    """Return where a request comes from, by Sec-Fetch-Site, or else by Origin, or else by Referer.

    Sec-Fetch-Site is compared by the browser, so proxies do not matter. Browsers send it to HTTPS and to localhost,
    Chromium since 2019, Firefox since 2021 and Safari since 2023. The other two are compared with the host, and with
    the scheme only if that is known to be HTTPS: behind a proxy it may be.

    Args:
        environ: The WSGI environ.
        host: The host that the request was sent to, with the port unless it is the default.
        trusted: Other origins that may send requests.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE", "").strip(" \t")
    if site in {"same-origin", "none"}:
        return _SAME
    sender = environ.get("HTTP_ORIGIN", "").strip(" \t")
    origin = parse_origin(sender)
    if origin is not None and is_trusted(origin, trusted):
        return _SAME
    if site:
        also = f" and Origin {_shown(sender)}" if sender else ""
        return Source("other", f"The header Sec-Fetch-Site says {_shown(site)}{also}.")
    if sender:
        return _compared("Origin", sender, origin, environ, host)
    referer = environ.get("HTTP_REFERER", "").strip(" \t")
    if not referer:
        return _UNKNOWN
    origin = _origin_of_url(referer)
    if origin is not None and is_trusted(origin, trusted):
        return _SAME
    return _compared("Referer", referer if origin is None else str(origin), origin, environ, host)


def _compared(name: str, sender: str, origin: Origin | None, environ: WSGIEnvironment, host: str) -> Source:
    """Return where a request comes from, by the origin in one of its headers."""
    said = f"The header {name} says {_shown(sender)}"
    if origin is None or origin.scheme not in _PORTS or not is_host_of(origin, host):
        return Source("other", f"{said}, and the request was sent to {_shown(host)}, as the header Host says.")
    if origin.scheme == "http" and environ.get("wsgi.url_scheme") == "https":
        return Source("other", f"{said}, and the request was sent by HTTPS.")
    return _SAME


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...")
