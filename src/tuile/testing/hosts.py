"""Which application answers for which host in a test browser. Floor 6, the edges.

Here lives the look-up alone. What is sent to the application is built in `asking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tuile.user_agent.sites import canonical_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Hosts:
    """The applications by host.

    apps
        one WSGI application, which answers for every host; or a mapping of hosts to applications. A host is written
        ``"shop.example"``, ``"shop.example:8443"`` for one port alone, ``"*.shop.example"`` for all below it,
        ``"*"`` for all others. The most exact one answers.

    Raises TypeError for what is neither, ValueError for no host at all or one that cannot be.
    """

    def __init__(self, apps: WSGIApplication | Mapping[str, WSGIApplication]) -> None:
        given = apps if isinstance(apps, Mapping) else {"*": apps}
        if not given:
            raise ValueError("No application is given. Write: Browser(app), or Browser({'shop.example': app}).")
        for name, app in given.items():
            if not callable(app):
                raise TypeError(f"A WSGI application is wanted for {name!r}, not {type(app).__name__}.")
        self._apps = {_settled(name): app for name, app in given.items()}

    def app_for(self, url: str) -> WSGIApplication:
        """The application that answers a URL.

        Raises LookupError when no one does: a browser would say that there is no such host.
        """
        parts = urlsplit(url)
        host = canonical_host(parts.hostname or "") or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        labels = host.split(".")
        wanted = [
            f"{_bracketed(host)}:{port}",
            host,
            *(f"*.{'.'.join(labels[n:])}" for n in range(1, len(labels))),
            "*",
        ]
        for name in wanted:
            if name in self._apps:
                return self._apps[name]
        known = ", ".join(map(repr, self._apps))
        raise LookupError(f"No application answers for {host!r} (port {port}). There is one for {known}.")


def _settled(name: str) -> str:
    """The name of a host, with or without a port, as it is looked up."""
    if name == "*":
        return name
    star, bare = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    host = canonical_host(bare)
    if host is not None:
        return star + host
    before, _, port = bare.rpartition(":")
    host = canonical_host(before)
    if host is None or star or not port.isdecimal():
        raise ValueError(f"{name!r} is no host. Write it without scheme and path, as in 'shop.example'.")
    return f"{_bracketed(host)}:{int(port)}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
