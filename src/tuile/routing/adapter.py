"""Werkzeug's adapter, which builds URLs and matches paths in fewer steps where the result is certain to be the same.

A map makes it when it is bound. Whatever is not certain is left to Werkzeug's methods.
"""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, RequestRedirect
from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing.matcher import StateMachineMatcher

from ..invalidation import as_defined
from ..lazy import late_modules
from .build_errors import build_error
from .matcher import Matcher
from .quoting import path_text, query_by, query_keys
from .rule import Rule

if t.TYPE_CHECKING:
    from . import building, redirects, search, writing
    from .index import Found
    from .map import Map
    from .rule import Written
else:
    building, redirects, search, writing = late_modules(__name__, ".building", ".redirects", ".search", ".writing")

#: For detecting patches of Werkzeug's class. Read here, because the modules that compare them are imported late.
werkzeugs_allowed, werkzeugs_build, werkzeugs_match = (
    as_defined(MapAdapter, name) for name in ("allowed_methods", "build", "match")
)
_get_host, _partial_build, _get_default_redirect, _make_redirect_url, _test, _encode_query_args = (
    as_defined(MapAdapter, name)
    for name in (
        "get_host", "_partial_build", "get_default_redirect", "make_redirect_url", "test", "encode_query_args"
    )
)  # fmt: skip
_build_of_rule, _suitable_for = as_defined(WerkzeugRule, "build"), as_defined(WerkzeugRule, "suitable_for")
_build_of_ours = as_defined(Rule, "build")
_match_of_matcher, _match_of_ours = as_defined(StateMachineMatcher, "match"), as_defined(Matcher, "match")


class Adapter(MapAdapter):
    """A map that is bound to a host, and to a request if there is one."""

    if t.TYPE_CHECKING:
        map: Map

    def build(  # noqa: C901 - each call that is saved here counts
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
        if (
            (values is None or type(values) is dict)
            and not self.map._remap
            and MapAdapter.build is werkzeugs_build
            # Looked up on the classes that inherit them, because these may be patched as well.
            and Adapter._partial_build is _partial_build
            and Adapter.get_host is _get_host
            and WerkzeugRule.build is _build_of_rule
            and Rule.suitable_for is _suitable_for
            and Rule.build is _build_of_ours
        ):
            try:
                # Werkzeug raises an error for a name that is not text.
                "".join(values or ())
                rules = self.map._rules_by_endpoint.get(endpoint, ())
                if (
                    len(rules) == 1
                    and type(rule := rules[0]) is Rule
                    and (write := rule._write) is not None
                    and (method is None or rule.methods is None or method in rule.methods)
                ):
                    path = write(values or {}, False if append_unknown else None)
                    if path is writing.REFUSED:
                        path = self._path(rules, values or {}, method, False if append_unknown else None, refused=1)
                else:
                    path = self._path(rules, values or {}, method, False if append_unknown else None)
            except Exception:  # noqa: BLE001 - Werkzeug may find another error first
                path = None
            if path is writing.UNSUITABLE:
                # Here, because each frame that it passes makes it slower.
                given = {name: value for name, value in values.items() if value is not None} if values else {}
                raise build_error(endpoint, given, method, self)
            if type(path) is str and self.subdomain == "" and not self.map.host_matching:
                # As `address` does, in one call less.
                root = self.script_name
                if not force_external:
                    return path if root == "/" else f"{root.rstrip('/')}{path}"
                scheme = self.url_scheme if url_scheme is None else url_scheme
                if (scheme == "https" or scheme == "http") and "get_host" not in self.__dict__:  # noqa: PLR1714 - faster
                    return f"{scheme}://{self.server_name}{root[:-1]}{path}"
            if path is not None and "get_host" not in self.__dict__:
                domain, path = path if type(path) is tuple else ("", path)
                return building.address(self, domain, path, url_scheme, force_external)
        return super().build(endpoint, values, method, force_external, append_unknown, url_scheme)

    def _path(
        self,
        rules: t.Sequence[WerkzeugRule],
        values: dict[str, object],
        method: str | None,
        with_options: bool | None,
        *,
        refused: int = 0,
    ) -> Written:
        """Return what the first rule writes that takes the values; `UNSUITABLE` if none does, None if uncertain.

        The first `refused` times that a rule is asked a converter has refused a value already.
        """
        for rule in rules:
            if type(rule) is not Rule:
                return None
        if self.map.host_matching:
            host = self.server_name
            return building.first_path(
                rules, values, method, self.default_method, host, with_options=with_options, refused=refused > 0
            )
        for wanted in (self.default_method, None) if method is None else (method,):
            for rule in rules:
                if wanted is None or rule.methods is None or wanted in rule.methods:
                    if refused:
                        refused -= 1
                        continue
                    write = (rule._write if type(rule) is Rule else None) or building.write_of(rule)
                    path = write(values, with_options)
                    if path is not writing.UNSUITABLE and path is not writing.REFUSED:
                        return path
        return writing.UNSUITABLE

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
        found = None if websocket else self._found(path_info, method)
        if type(found) is tuple:
            rule, arguments = found
            if isinstance(arguments, HTTPException):
                if arguments.__traceback__ is not None:
                    _raise_again(arguments)
                raise arguments from None
            if rule is not None:
                return rule if return_rule else rule.endpoint, arguments
        if type(found) is search.Moved:
            query = query_args if query_args is not None else self.query_args or {}
            raise redirects.moved_to(self.make_redirect_url(path_text(found.path), query), found.path) from None
        if type(found) is search.Elsewhere:
            query = query_args if query_args is not None else self.query_args or {}
            wanted = (method or self.default_method).upper()
            url = self.get_default_redirect(found.rule, wanted, found.arguments, query)
            if url is not None:
                raise RequestRedirect(url)
        # Its overloads know no `return_rule` that is a variable.
        ask: t.Callable[..., tuple[object, t.Mapping[str, object]]] = super().match
        return ask(path_info, method, return_rule, query_args, websocket)

    def _found(self, path_info: str | None, method: str | None) -> Found | search.Moved | search.Elsewhere | None:
        """Return what a path leads to; None to ask Werkzeug.

        Returns:
            The rule with the view's arguments, or None and the refusal; or where other slashes or defaults lead to.

        Raises:
            Exception: Whatever a converter raises, except `ValidationError` and HTTP exceptions.
        """
        url_map = self.map
        path = self.path_info if path_info is None else path_info
        wanted = method or self.default_method
        if not (
            not (self.websocket or url_map.host_matching)
            and self.subdomain == (url_map.default_subdomain or "")
            and type(path) is str
            and type(wanted) is str
            and type(url_map._matcher) is Matcher
            and MapAdapter.match is werkzeugs_match
            and Adapter.get_default_redirect is _get_default_redirect
            and StateMachineMatcher.match is _match_of_matcher
            and Matcher.match is _match_of_ours
        ):
            return None
        found = url_map.find_path(path, wanted)
        if found is not None:
            return found
        url_map.update()
        path = f"/{path.lstrip('/')}" if path else ""
        other = search.search(url_map, url_map._patterns, self.subdomain or "", path, wanted.upper(), search.may_ask)
        if isinstance(other, HTTPException):
            return None, other
        return other if isinstance(other, (tuple, search.Moved, search.Elsewhere)) else None

    def test(self, path_info: str | None = None, method: str | None = None) -> bool:
        """Return whether a rule matches a path, or the path leads to another URL."""
        if MapAdapter.test is _test and "match" not in self.__dict__:
            found = self._found(path_info, method)
            if type(found) is tuple:
                return found[0] is not None or isinstance(found[1], RequestRedirect)
            if type(found) is search.Moved and found.path.isascii():
                return True
        return super().test(path_info, method)

    def allowed_methods(self, path_info: str | None = None) -> t.Iterable[str]:
        """Return the methods with which a rule matches a path."""
        if MapAdapter.allowed_methods is werkzeugs_allowed and "match" not in self.__dict__:
            found = self._found(path_info, "--")
            if type(found) is tuple:
                refusal = found[1]
                return refusal.valid_methods or [] if isinstance(refusal, MethodNotAllowed) else []
            if type(found) is search.Moved and found.path.isascii():
                return []
        return super().allowed_methods(path_info)

    def make_redirect_url(
        self,
        path_info: str,
        query_args: t.Mapping[str, object] | str | None = None,
        domain_part: str | None = None,
    ) -> str:
        """Return the URL of a path, with a scheme and a host.

        Args:
            path_info: The path, which is encoded.
            query_args: The query, if it is not that of the request.
            domain_part: The subdomain or the host, if it is not that of the request.
        """
        if MapAdapter.make_redirect_url is not _make_redirect_url:
            return super().make_redirect_url(path_info, query_args, domain_part)
        given = self.query_args if query_args is None else query_args
        query = self.encode_query_args(given) if given else None
        host = self.get_host(domain_part)
        if not host:
            return super().make_redirect_url(path_info, query_args, domain_part)
        root = self.script_name.strip("/")
        path = f"/{root}/{path_info.lstrip('/')}" if root else f"/{path_info.lstrip('/')}"
        url = f"{self.url_scheme or 'http'}://{host}{path}"
        return f"{url}?{query}" if query else url

    def encode_query_args(self, query_args: t.Mapping[str, object] | str) -> str:
        """Return the query of a redirect, which may be given as text."""
        if type(query_args) is dict and MapAdapter.encode_query_args is _encode_query_args:
            try:
                query = query_by(query_keys(query_args, ()), query_args)
            except Exception:  # noqa: BLE001 - Werkzeug may find another error first
                return super().encode_query_args(query_args)
            return query[1:]
        return super().encode_query_args(query_args)


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
