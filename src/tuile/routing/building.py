"""Build the URL of an endpoint from its rules, without Werkzeug's adapter, if the result is certain to be the same."""

from __future__ import annotations

import typing as t
from functools import partial

from werkzeug.routing import MapAdapter
from werkzeug.routing import Rule as WerkzeugRule

from .build_errors import BuildError, build_error
from .rule import Rule, Write, Written
from .writing import (
    HAS_OPTIONS,
    REFUSED,
    UNSUITABLE,
    Interpreter,
    Values,
    left_to_werkzeug,
    writer_of,
)

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .map import Map

_SECURE = frozenset({"https", "wss"})


class Place:
    """What an adapter would say of the URLs of a request below a root, where none was made.

    Attributes:
        map: The URL map.
        script_name: The root, with a slash at the end.
        server_name: The host.
        subdomain: The subdomain, which is empty.
        url_scheme: The scheme.
        default_method: The method of the request.
    """

    def __init__(self, url_map: Map, environ: WSGIEnvironment, origin: tuple[str, str]) -> None:
        root: str = environ["SCRIPT_NAME"]
        self.map = url_map
        self.script_name = root if root[-1:] == "/" else f"{root}/"
        self.server_name = origin[1][2:]
        self.subdomain = ""
        self.url_scheme: str = environ["wsgi.url_scheme"]
        self.default_method: str = environ["REQUEST_METHOD"]


def address(adapter: MapAdapter | Place, domain: str, path: str, scheme: str | None, external: bool) -> str:
    """Return the URL of a path, with scheme and host if necessary.

    Args:
        adapter: The adapter of the request or the application.
        domain: The subdomain of the rule, or its host if the map matches hosts.
        path: The path and the query, with one slash at the start.
        scheme: As for `build`.
        external: As for `build`.
    """
    root: str = adapter.script_name
    host = adapter.server_name
    if adapter.map.host_matching:
        is_local = domain == host
        host = domain
    else:
        is_local = domain == adapter.subdomain
        if domain:
            host = f"{domain}.{host}"
    if is_local and not external:
        return f"{root.rstrip('/')}{path}"
    return f"{scheme_before(scheme, adapter.url_scheme)}//{host}{root[:-1]}{path}"


class WebSocketScheme:
    """Stands for the scheme of a WebSocket's URL: `wss` where that of a page would be `https`.

    Attributes:
        given: The scheme that is asked for; None for that of the request.
    """

    __slots__ = ("given",)

    def __init__(self, given: object) -> None:
        self.given = given


def scheme_before(scheme: object, own: str) -> str:
    """Return what stands before the slashes of an external URL; nothing without a scheme.

    Args:
        scheme: The scheme that is asked for, or None.
        own: The scheme of the request.
    """
    if type(scheme) is WebSocketScheme:
        return "wss:" if (own if scheme.given is None else scheme.given) in _SECURE else "ws:"
    if scheme is None:
        scheme = own
    if not scheme:
        return ""
    return "https:" if scheme in _SECURE else "http:"


def unsuitable(adapter: MapAdapter | None, endpoint: str, values: Values, method: str | None) -> BuildError:
    """Return the error that says that no rule takes the values."""
    # The function of a comprehension takes as long as the error.
    given = {name: value for name, value in values.items() if value is not None} if values else {}
    return build_error(endpoint, given, method, adapter)


def first_path(
    rules: t.Iterable[WerkzeugRule],
    values: Values,
    method: str | None,
    default_method: str | None,
    host: str | None = None,
    *,
    with_options: bool | None = False,
    refused: bool = False,
) -> Written:
    """Return the result of the first rule that accepts the values; `UNSUITABLE` if none does, None if uncertain.

    Args:
        rules: The rules of an endpoint, in order.
        values: As for `build`.
        method: As for `build`.
        default_method: The method of the request, whose rules are tried first.
        host: The host of the request, if the map matches hosts.
        with_options: Whether the options of `url_for` may be among the values; None for a URL without a query.
        refused: As for `build`.
    """
    pairs = [(rule, (rule._write if type(rule) is Rule else None) or write_of(rule)) for rule in rules]
    wanted = default_method if method is None else method
    if refused:
        # The only rule was tried for the method of the request, or else for any.
        path: Written = UNSUITABLE
        refused = not any(rule.methods is None or wanted in rule.methods for rule, _ in pairs)
    else:
        path = first_of(pairs, values, wanted, with_options, host)
    if path is UNSUITABLE and method is None and wanted is not None and not refused:
        # Rules without the method were not tried before.
        path = first_of(pairs, values, None, with_options, host)
    return path


def first_of(
    pairs: t.Iterable[tuple[WerkzeugRule, Write]],
    values: Values,
    method: str | None,
    with_options: bool | None,
    host: str | None = None,
) -> Written:
    """Return the result of the first rule that accepts the values and allows the method, preferably on a host."""
    elsewhere: Written = UNSUITABLE
    for rule, write in pairs:
        if method is not None and (methods := rule.methods) is not None and method not in methods:
            continue
        path = write(values, with_options)
        if path is UNSUITABLE or path is REFUSED:
            continue
        if host is None or path is None or path is HAS_OPTIONS:
            return path
        if (path[0] if path.__class__ is tuple else "") == host:
            return path
        if elsewhere is UNSUITABLE:
            elsewhere = path
    return elsewhere


def write_of(rule: WerkzeugRule, *, generated: bool = False) -> Write:
    """Return the function that writes the URLs of a rule, made when it is first needed.

    Args:
        rule: The rule.
        generated: Whether it is a generated function.
    """
    before = _sources(rule)
    known = None if type(rule) is Rule or generated else vars(rule).get("_writer")
    if known is not None and not _differ(known[0], before):
        return t.cast("Write", known[1])
    write: Write = left_to_werkzeug
    if rule.websocket or "build" in vars(rule) or "suitable_for" in vars(rule):
        # Its URLs have a scheme of their own, or a method of its own decides.
        pass
    elif generated:
        write = writer_of(rule)
    elif type(rule) in {Rule, WerkzeugRule}:
        write = Interpreter(rule, partial(write_of, rule, generated=True))
    if type(rule) is not Rule:
        vars(rule)["_writer"] = before, write
        return write
    # It forgets the function when one of its attributes changes.
    rule._text = None
    rule._write = write
    if _differ(_sources(rule), before):
        # Another thread has changed the rule meanwhile.
        rule._write = None
    elif not rule.arguments and not rule.defaults and write is not left_to_werkzeug:
        text = write({})
        rule._text = text if type(text) is str else None
    return write


def _sources(rule: WerkzeugRule) -> tuple[object, ...]:
    """Return the state that the function for the URLs of a rule is generated from."""
    return rule._build_unknown, rule.arguments, rule.defaults, rule.map, rule.websocket, rule._converters, rule._trace


def _differ(some: tuple[object, ...], others: tuple[object, ...]) -> bool:
    return any(one is not other for one, other in zip(some, others, strict=True))
