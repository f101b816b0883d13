"""Read the host that a request is for, and whether it is the handshake of a WebSocket.

Werkzeug reads every Host header that is not plain, such as an IPv6 address, and refuses those that are not trusted.
"""

from __future__ import annotations

import typing as t
from functools import lru_cache

from werkzeug.sansio.utils import get_host as show_host
from werkzeug.wsgi import get_host

from ..lazy import lazy_pattern
from ..remember import LONGEST

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from _typeshed.wsgi import WSGIEnvironment

# A host and a port that every version of Werkzeug accepts as they are.
_plain_host = lazy_pattern(r"([a-z0-9.-]{1,255})(:[1-9][0-9]{0,3}|:[1-5][0-9]{4})?")
_STANDARD_PORTS = {"http": ":80", "https": ":443"}


def read_host(environ: WSGIEnvironment, trusted: Collection[str] | None = None) -> str:
    """Return the host, with the port unless it is the standard one of the scheme, as `werkzeug.wsgi.get_host` does.

    Args:
        environ: The WSGI environ.
        trusted: The hosts to trust; a leading dot stands for a name and all its subdomains. None trusts all hosts.

    Returns:
        The host; an empty string if the header is missing or malformed and no hosts are given.

    Raises:
        SecurityError: If the host is not trusted.
    """
    scheme, text = environ.get("wsgi.url_scheme", ""), environ.get("HTTP_HOST") or ""
    name, shown = (_read if len(text) <= LONGEST else _read.__wrapped__)(text, scheme)
    if shown is None or not (trusted is None or (name is not None and _is_listed(name, trusted))):
        return get_host(environ, trusted)
    return shown


@lru_cache(maxsize=256)
def _read(text: str, scheme: str) -> tuple[str | None, str | None]:
    """Return the name of a plain host, and any host as it is shown; None and None without one."""
    port = _STANDARD_PORTS.get(scheme)
    found = None if port is None else _plain_host.fullmatch(text)
    if found is not None:
        return found[1], found[1] if found[2] == port else found[0]
    return None, show_host(scheme, text) if text else None


def _is_listed(name: str, trusted: Collection[str]) -> bool:
    """Return whether a name is one of the trusted hosts; False if Werkzeug has to tell."""
    if isinstance(trusted, str):
        return False
    try:
        for entry in trusted:
            host, with_subdomains = _encode_host(entry)
            if name == host or (with_subdomains and name.endswith(f".{host}")):
                return True
    except Exception:  # noqa: BLE001 - an entry that is not a host name: Werkzeug says what is wrong with it
        return False
    return False


@lru_cache(maxsize=256)
def _encode_host(entry: str) -> tuple[str, bool]:
    """Return a trusted host in ASCII, and whether its subdomains are trusted as well."""
    name = entry.removeprefix(".")
    return name.partition(":")[0].encode("idna").decode("ascii"), name != entry
