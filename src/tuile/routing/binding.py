"""Bind a map to a host or to the request of an environ, as Werkzeug's map does, mostly without asking it."""

from __future__ import annotations

import sys
import typing as t
import warnings
from types import FunctionType

from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import MapAdapter

from ..invalidation import as_defined
from ..lazy import lazy_pattern
from .adapter import Adapter

if t.TYPE_CHECKING:
    from threading import RLock

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Request as WerkzeugRequest

#: The methods that bind a map to a request. They can be replaced on one map.
BINDING = frozenset({"bind", "bind_to_environ"})
_bind, _bind_to_environ, _constructor = (
    as_defined(WerkzeugMap, "bind"),
    as_defined(WerkzeugMap, "bind_to_environ"),
    as_defined(MapAdapter, "__init__"),
)
# The length of the longest possible host name with a port, and the number of host names that a map caches.
_LONGEST_HOST = 260
_HOSTS_KEPT = 256
#: The schemes of requests that an index answers.
SCHEMES = frozenset({"http", "https"})
# Hosts that Werkzeug certainly accepts, with any `SERVER_NAME`. Labels of more than 63 characters cannot be encoded.
_plain_host = lazy_pattern(
    r"(?:(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}\.?|\[[A-Fa-f0-9]{0,62}:[A-Fa-f0-9:.]+\])"
    r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}))?"
)
#: The subdomain that Werkzeug gives a request whose host is not below `SERVER_NAME`.
FOREIGN_SUBDOMAIN = "<invalid>"


def is_for_websocket(environ: WSGIEnvironment) -> bool:
    """Return whether a request that asks for another protocol may be for a WebSocket: HTTP/2 changes nothing."""
    return "websocket" in environ["HTTP_UPGRADE"].lower()


class Binding(WerkzeugMap):
    """What a map does to be bound. It remembers the hosts that are accepted."""

    #: The hosts that were accepted, oldest first.
    _plain_hosts: dict[str | None, None]
    _revision_lock: RLock
    # A map of a class of the application's, which may do anything else, has Werkzeug's adapters.
    _adapter_class: type[MapAdapter] = Adapter

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if not cls.__module__.startswith(f"{__package__}."):
            cls._adapter_class = MapAdapter

    def bind(
        self,
        server_name: str,
        script_name: str | None = None,
        subdomain: str | None = None,
        url_scheme: str = "http",
        default_method: str = "GET",
        path_info: str | None = None,
        query_args: t.Mapping[str, object] | str | None = None,
    ) -> MapAdapter:
        """Return an adapter for a host, and for a path if there is one."""
        if (
            type(server_name) is str
            and (server_name in self._plain_hosts or self._accepts(server_name))
            and WerkzeugMap.bind is _bind
            and MapAdapter.__init__ is _constructor
            and not (self.host_matching and subdomain is not None)
        ):
            if subdomain is None and not self.host_matching:
                subdomain = self.default_subdomain
            root, path = "/" if script_name is None else script_name, "/" if path_info is None else path_info
            return self._adapter_class(
                self, server_name.lower(), root, subdomain, url_scheme, path, default_method, query_args
            )
        adapter = super().bind(server_name, script_name, subdomain, url_scheme, default_method, path_info, query_args)
        if type(adapter) is MapAdapter:
            adapter.__class__ = self._adapter_class
        return adapter

    def bind_to_environ(
        self, environ: WSGIEnvironment | WerkzeugRequest, server_name: str | None = None, subdomain: str | None = None
    ) -> MapAdapter:
        """Return an adapter for the request of an environ.

        Args:
            environ: The environ, or a request.
            server_name: The name of the server, if it is not that of the request.
            subdomain: The subdomain, if it is not what the request's host has before the name of the server.
        """
        given = environ
        if type(environ) is not dict:
            environ = getattr(environ, "environ", environ)
        if (
            type(environ) is dict
            and WerkzeugMap.bind_to_environ is _bind_to_environ
            and WerkzeugMap.bind is _bind
            and (server_name is None or (type(server_name) is str and not self.host_matching))
            and (subdomain is None or (subdomain == (self.default_subdomain or "") and not self.host_matching))
        ):
            by_subdomain = subdomain is None
            adapter = self.adapter_for(environ, server_name, by_subdomain=by_subdomain)
            if adapter is None and by_subdomain and server_name is not None:
                adapter = self.adapter_for(environ, server_name)
                if adapter is not None:
                    host = environ["HTTP_HOST"].lower().removesuffix(_port_of(environ))
                    name = adapter.server_name
                    message = f"Current server name {host!r} doesn't match configured server name {name!r}"
                    warnings.warn(message, stacklevel=2)
                    adapter.subdomain = FOREIGN_SUBDOMAIN
            if adapter is not None:
                return adapter
        bind = _called_by(sys._getframe(1).f_globals.get("__name__"))
        adapter = bind(super().bind_to_environ, given, server_name, subdomain)
        if type(adapter) is MapAdapter:
            adapter.__class__ = self._adapter_class
        return adapter

    def _accepts_host_of(self, environ: WSGIEnvironment) -> bool:
        """Return whether Werkzeug certainly accepts the Host header of a request, or the server's name without one."""
        host = environ.get("HTTP_HOST")
        return self._accepts(environ.get("SERVER_NAME", "") if host is None else host)

    def _accepts(self, host: str) -> bool:
        """Return whether Werkzeug certainly accepts a host, and remember it if it does."""
        if host in self._plain_hosts:
            return True
        if len(host) > _LONGEST_HOST or not _plain_host.fullmatch(host) or not BINDING.isdisjoint(self.__dict__):
            return False
        with self._revision_lock:
            hosts = self._plain_hosts
            if len(hosts) >= _HOSTS_KEPT:
                del hosts[next(iter(hosts))]
            hosts[host] = None
        return True

    def adapter_for(
        self, environ: WSGIEnvironment, server_name: str | None, *, by_subdomain: bool = False
    ) -> MapAdapter | None:
        """Return what `bind_to_environ` would for a host that is certainly accepted, or None to ask it.

        Args:
            environ: The WSGI environ of the request.
            server_name: The configured `SERVER_NAME`.
            by_subdomain: Whether rules match on the subdomain of `server_name`.
        """
        script_name, path_info = environ.get("SCRIPT_NAME"), environ.get("PATH_INFO")
        query = environ.get("QUERY_STRING")
        if script_name is None or path_info is None or query is None:
            return None
        parts = self._host_parts(environ, server_name, by_subdomain=by_subdomain)
        if parts is None:
            return None
        name, subdomain = parts
        if not (path_info.isascii() and script_name.isascii() and query.isascii()):
            script_name, path_info, query = (
                text.encode("latin1").decode(errors="replace") for text in (script_name, path_info, query)
            )
        method, scheme = environ["REQUEST_METHOD"], environ["wsgi.url_scheme"]
        return self._adapter_class(self, name, script_name, subdomain, scheme, path_info, method, query)

    def _host_parts(
        self, environ: WSGIEnvironment, server_name: str | None, *, by_subdomain: bool
    ) -> tuple[str, str | None] | None:
        """Return the server's name and the subdomain that `bind_to_environ` would find; None to ask it.

        The subdomain is None where rules match on the host.
        """
        host: str | None = environ.get("HTTP_HOST")
        scheme = environ.get("wsgi.url_scheme", "")
        if host is None or scheme not in SCHEMES or ("HTTP_UPGRADE" in environ and is_for_websocket(environ)):
            return None
        name = host if server_name is None or self.host_matching else server_name
        hosts = self._plain_hosts
        if (host not in hosts and not self._accepts(host)) or (name not in hosts and not self._accepts(name)):
            return None
        port = _port_of(environ)
        name = name.lower().removesuffix(port)
        if self.host_matching:
            return name, None
        if not by_subdomain:
            return name, self.default_subdomain or ""
        # Without one Werkzeug warns about the host.
        subdomain = _subdomain(host.lower().removesuffix(port), name)
        return None if subdomain is None else (name, subdomain)


def _subdomain(host: str, server_name: str) -> str | None:
    """Return what a host has before the server's name; None if it is not below it."""
    if host == server_name:
        return ""
    if not host.endswith(f".{server_name}"):
        return None
    return ".".join(filter(None, host[: -len(server_name)].split(".")))


def _port_of(environ: WSGIEnvironment) -> str:
    return ":80" if environ["wsgi.url_scheme"] == "http" else ":443"


def _call(
    bind: t.Callable[..., MapAdapter], environ: object, server_name: str | None, subdomain: str | None
) -> MapAdapter:
    return bind(environ, server_name, subdomain)


def _called_by(module: object) -> t.Callable[..., MapAdapter]:
    """Return a function that calls another one in the name of a module.

    Werkzeug attributes its warning about hosts outside of `SERVER_NAME` to the caller, and users filter it by module.
    """
    return FunctionType(_call.__code__, {"__name__": module})


_called_by_flask = _called_by("flask.app")


def bind_as_flask(
    url_map: WerkzeugMap, environ: WSGIEnvironment, server_name: str | None, subdomain: str | None
) -> MapAdapter:
    """Return the adapter for a request, bound in the name of `flask.app`."""
    return _called_by_flask(url_map.bind_to_environ, environ, server_name, subdomain)
