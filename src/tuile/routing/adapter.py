"""Werkzeug's adapter, which builds URLs and matches paths in fewer steps where the result is certain to be the same.

A map makes it when it is bound. Whatever is not certain is left to Werkzeug's methods.
"""

from __future__ import annotations

import typing as t
from operator import attrgetter

from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter
from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing.matcher import StateMachineMatcher

from ..invalidation import as_defined
from .build_errors import BuildError
from .matcher import Matcher
from .rule import Rule

if t.TYPE_CHECKING:
    from .map import Map

#: For detecting patches of Werkzeug's class. Read here, because the modules that compare them are imported late.
werkzeugs_allowed, werkzeugs_build, werkzeugs_match = (
    as_defined(MapAdapter, name) for name in ("allowed_methods", "build", "match")
)


class _Steps:
    """What a method of Werkzeug's adapter consists of, to compare with what it was."""

    def __init__(self, *steps: tuple[type, str]) -> None:
        for number, (kind, _) in enumerate(steps):
            setattr(self, f"kind{number}", kind)
        # One call, which is faster than looking at each.
        self.read = attrgetter(*(f"kind{number}.{name}" for number, (_, name) in enumerate(steps)))
        self.stock = tuple(as_defined(kind, name) for kind, name in steps)


_to_build = _Steps(
    (MapAdapter, "build"),
    (MapAdapter, "_partial_build"),
    (MapAdapter, "get_host"),
    (WerkzeugRule, "build"),
    (WerkzeugRule, "suitable_for"),
    (Rule, "build"),
)
_to_match = _Steps(
    (MapAdapter, "match"),
    (MapAdapter, "get_default_redirect"),
    (StateMachineMatcher, "match"),
    (Matcher, "match"),
)
_steps_of_build, _stock_of_build = _to_build.read, _to_build.stock
_steps_of_match, _stock_of_match = _to_match.read, _to_match.stock


class Adapter(MapAdapter):
    """A map that is bound to a host, and to a request if there is one."""

    def build(
        self,
        endpoint: object,
        values: t.Mapping[str, object] | None = None,
        method: str | None = None,
        force_external: bool = False,
        append_unknown: bool = True,
        url_scheme: str | None = None,
    ) -> str:
        """Build the URL of an endpoint.

        Args:
            endpoint: The endpoint.
            values: The variable parts of the rule; all others become the query string.
            method: The method whose rule is used, if there are several.
            force_external: Include the scheme and the host.
            append_unknown: Add a query string.
            url_scheme: The scheme of an external URL, instead of the adapter's.

        Raises:
            BuildError: If no rule takes the values.
        """
        url_map = self.map
        rules = url_map._rules_by_endpoint.get(endpoint, ())
        if not rules and not (url_map._remap or values) and _steps_of_build(_to_build) == _stock_of_build:
            # Each frame that it passes makes it slower.
            raise BuildError(endpoint, {}, method, self)
        if (
            len(rules) == 1
            and not url_map._remap
            and (values is None or type(values) is dict)
            and type(rule := rules[0]) is Rule
            and (write := rule._write) is not None
            and (method is None or rule.methods is None or method in rule.methods)
            and self.subdomain == ""
            and not url_map.host_matching
            and _steps_of_build(_to_build) == _stock_of_build
        ):
            try:
                # Werkzeug raises an error for a name that is not text.
                "".join(values or ())
                path = write(values or {}, False if append_unknown else None)
            except Exception:  # noqa: BLE001 - Werkzeug may find another error first
                path = None
            if type(path) is str:
                root = self.script_name
                if not force_external:
                    return path if root == "/" else f"{root.rstrip('/')}{path}"
                scheme = self.url_scheme if url_scheme is None else url_scheme
                if scheme == "https" or scheme == "http":  # noqa: PLR1714 - faster
                    return f"{scheme}://{self.server_name}{root[:-1]}{path}"
        return super().build(endpoint, values, method, force_external, append_unknown, url_scheme)

    def match(
        self,
        path_info: str | None = None,
        method: str | None = None,
        return_rule: bool = False,
        query_args: t.Mapping[str, object] | str | None = None,
        websocket: bool | None = None,
    ) -> tuple[t.Any, t.Mapping[str, object]]:
        """Return the endpoint or the rule of a path, and the view's arguments.

        Args:
            path_info: The path, if it is not that of the request.
            method: The method, if it is not that of the request.
            return_rule: Whether the rule is returned.
            query_args: The query of a redirect, if it is not that of the request.
            websocket: Whether it is a WebSocket.

        Raises:
            HTTPException: If no rule matches, or another URL is to be requested.
        """
        url_map = t.cast("Map", self.map)
        path = self.path_info if path_info is None else path_info
        wanted = method or self.default_method
        if (
            not (websocket or self.websocket or url_map.host_matching)
            and self.subdomain == (url_map.default_subdomain or "")
            and type(path) is str
            and type(wanted) is str
            and type(url_map._matcher) is Matcher
            and _steps_of_match(_to_match) == _stock_of_match
        ):
            found = url_map.find_path(path, wanted)
            if found is not None:
                rule, arguments = found
                if isinstance(arguments, HTTPException):
                    if arguments.__traceback__ is not None:
                        _raise_again(arguments)
                    raise arguments from None
                if rule is not None:
                    return rule if return_rule else rule.endpoint, arguments
        # Its overloads know no `return_rule` that is a variable.
        ask: t.Callable[..., tuple[object, t.Mapping[str, object]]] = super().match
        return ask(path_info, method, return_rule, query_args, websocket)


def _raise_again(error: HTTPException) -> t.NoReturn:
    """Raise what a converter raised, with its cause and its context."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        del error


# As it is shown, and as programs compare it by name.
Adapter.__name__ = Adapter.__qualname__ = MapAdapter.__name__
Adapter.__module__ = MapAdapter.__module__
