"""Find the application that answers for a host in a test browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tuile.user_agent.sites import canonicalize_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Hosts:
    """The applications by host.

    Args:
        apps: A WSGI application that answers for every host, or a mapping of hosts to applications. A host is written
            ``"shop.example"``, ``"shop.example:8443"`` for one port only, ``"*.shop.example"`` for all hosts below it,
            ``"*"`` for all others. The most specific one answers.

    Raises:
        TypeError: If a value is not a WSGI application.
        ValueError: If there is no host, or a host is not valid.
    """

    def __init__(self, apps: WSGIApplication | Mapping[str, WSGIApplication]) -> None:
        given = apps if isinstance(apps, Mapping) else {"*": apps}
        if not given:
            raise ValueError("No application was given. Write: Browser(app), or Browser({'shop.example': app}).")
        for name, app in given.items():
            if not callable(app):
                raise TypeError(f"The application for {name!r} must be a WSGI callable, not {type(app).__name__}.")
        self._apps = {_host_key(name): app for name, app in given.items()}

    def app_for(self, url: str) -> WSGIApplication:
        """Return the application that answers for a URL.

        Raises:
            LookupError: If there is none. A browser would report an unknown host.
        """
        parts = urlsplit(url)
        host = canonicalize_host(parts.hostname or "") or ""
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
        raise LookupError(f"No application answers for {host!r} (port {port}). Known hosts: {known}.")


def _host_key(name: str) -> str:
    """Return the form of a host, with or without a port, under which it is looked up."""
    if name == "*":
        return name
    star, bare = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    host = canonicalize_host(bare)
    if host is not None:
        return star + host
    before, _, port = bare.rpartition(":")
    host = canonicalize_host(before)
    if host is None or star or not port.isdecimal():
        raise ValueError(f"{name!r} is not a host. Write it without scheme and path, as in 'shop.example'.")
    return f"{_bracketed(host)}:{int(port)}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
