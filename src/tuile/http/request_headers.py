"""The headers of a request: Werkzeug's `EnvironHeaders`, with fewer steps."""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import EnvironHeaders as WerkzeugEnvironHeaders

from ..invalidation import without_replaced

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed.wsgi import WSGIEnvironment

_MISSING: t.Final = object()
_WITHOUT_PREFIX: t.Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
_NOT_SENT_SO: t.Final = frozenset({"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"})


class _Names(dict[str, str | None]):
    """The names of headers by their keys in an environ; None for keys of other things.

    Only common keys are in it, not those that clients choose.
    """

    def __missing__(self, key: str) -> str | None:
        if key.startswith("HTTP_"):
            return None if key in _NOT_SENT_SO else key[5:].replace("_", "-").title()
        return key.replace("_", "-").title() if key in _WITHOUT_PREFIX else None


_COMMON = (
    *("ACCEPT", "ACCEPT_CHARSET", "ACCEPT_ENCODING", "ACCEPT_LANGUAGE", "AUTHORIZATION", "CACHE_CONTROL", "CONNECTION"),
    *("COOKIE", "DNT", "EXPECT", "FORWARDED", "HOST", "IF_MATCH", "IF_MODIFIED_SINCE", "IF_NONE_MATCH", "IF_RANGE"),
    *("IF_UNMODIFIED_SINCE", "ORIGIN", "PRAGMA", "PRIORITY", "RANGE", "REFERER", "SEC_CH_UA", "SEC_CH_UA_MOBILE"),
    *("SEC_CH_UA_PLATFORM", "SEC_FETCH_DEST", "SEC_FETCH_MODE", "SEC_FETCH_SITE", "SEC_FETCH_USER", "SEC_GPC", "TE"),
    *("TRANSFER_ENCODING", "UPGRADE", "UPGRADE_INSECURE_REQUESTS", "USER_AGENT", "VIA", "X_CSRF_TOKEN"),
    *("X_CSRFTOKEN", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PORT", "X_FORWARDED_PREFIX"),
    *("X_FORWARDED_PROTO", "X_REAL_IP", "X_REQUESTED_WITH", "X_REQUEST_ID"),
)
_OTHER_KEYS = (
    *("GATEWAY_INTERFACE", "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "RAW_URI", "REMOTE_ADDR", "REMOTE_PORT"),
    *("REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL"),
    *("SERVER_SOFTWARE", "gunicorn.socket", "werkzeug.request", "werkzeug.socket", "wsgi.errors", "wsgi.file_wrapper"),
    *("wsgi.input", "wsgi.input_terminated", "wsgi.multiprocess", "wsgi.multithread", "wsgi.run_once"),
    *("wsgi.url_scheme", "wsgi.version"),
)
_NAMES = _Names(dict.fromkeys(_OTHER_KEYS))
_NAMES.update((key, _NAMES[key]) for key in (*(f"HTTP_{key}" for key in _COMMON), *_WITHOUT_PREFIX))


_name_of: Callable[[str], str | None] = _NAMES.__getitem__


def _lacks_text(environ: WSGIEnvironment) -> bool:
    """Return whether a server gave a length or a type without text, which count as not sent."""
    return not (environ.get("CONTENT_TYPE", "-") and environ.get("CONTENT_LENGTH", "-"))


class _Keys(dict[str, str]):
    """The keys of headers in an environ by their names, in any case. Those that programs ask for are few."""

    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        if key not in _WITHOUT_PREFIX:
            key = f"HTTP_{key}"
        if len(self) < _MOST_NAMES and len(name) < _LONGEST_NAME:
            self[name] = key
        return key


_MOST_NAMES, _LONGEST_NAME = 500, 100
_KEYS = _Keys()
# `get` has a parameter of this name.
_kind_of = type


class EnvironHeaders(WerkzeugEnvironHeaders):
    """The headers that a client sent, as the environ of a request has them."""

    # For type checkers, the methods are Werkzeug's.
    if not t.TYPE_CHECKING:
        __hash__ = None

        def __getitem__(self, key: str) -> str:
            if type(key) is not str:
                return super().__getitem__(key)
            return self.environ[_KEYS[key]]

        def __contains__(self, key: object) -> bool:
            if type(key) is not str:
                return super().__contains__(key)
            return _KEYS[key] in self.environ

        def get(self, key: str, default: object = None, type: Callable[[str], object] | None = None) -> object:
            """Return the value of a header, converted if that is wanted, or a default."""
            if _kind_of(key) is not str:
                return super().get(key, default, type)
            value = self.environ.get(_KEYS[key], _MISSING)
            if value is _MISSING:
                return default
            if type is None:
                return value
            try:
                return type(value)
            except ValueError:
                return default

        def _pairs(self) -> list[tuple[str, str]]:
            environ = self.environ
            pairs = [pair for pair in zip(map(_name_of, environ), environ.values(), strict=True) if pair[0] is not None]
            if _lacks_text(environ):
                return [pair for pair in pairs if pair[1] or pair[0] not in {"Content-Type", "Content-Length"}]
            return pairs

        def __iter__(self) -> Iterator[tuple[str, str]]:
            return iter(self._pairs())

        def __len__(self) -> int:
            environ = self.environ
            if _lacks_text(environ):
                return len(self._pairs())
            return len(environ) - list(map(_name_of, environ)).count(None)

        def items(self, lower: bool = False) -> Iterator[tuple[str, str]]:
            """Iterate over the names and the values."""
            pairs = self._pairs()
            return iter([(name.lower(), value) for name, value in pairs] if lower else pairs)

        def keys(self, lower: bool = False) -> Iterator[str]:
            """Iterate over the names."""
            return iter([name.lower() if lower else name for name, _ in self._pairs()])

        def values(self) -> Iterator[str]:
            """Iterate over the values."""
            return iter([value for _, value in self._pairs()])


# Werkzeug shows the name of the class.
EnvironHeaders.__name__ = EnvironHeaders.__qualname__ = WerkzeugEnvironHeaders.__name__
EnvironHeaders.__module__ = WerkzeugEnvironHeaders.__module__
# Methods that security agents wrapped before are called.
without_replaced(EnvironHeaders)
