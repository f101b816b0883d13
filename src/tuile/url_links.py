"""Write the URLs of endpoints by their links, with what stands before them: nothing in most requests.

Where URLs begin at the root of the host, which is where most requests are, no adapter is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from werkzeug.routing import MapAdapter

from . import invalidation
from .ctx.app_context import current_value
from .ctx.request_context import RequestContext
from .ctx.values import Entered, EnteredApp
from .invalidation import attribute
from .routing.adapter import Adapter, werkzeugs_build
from .routing.binding import SCHEMES, is_for_websocket
from .routing.building import Place, address, scheme_before
from .routing.links import Link, link_of
from .routing.outside import AdapterState
from .routing.quoting import fragment_text
from .wrappers.environ import brief_environ_of
from .wrappers.request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .dispatch.plan import Plan
    from .routing.map import Map
    from .routing.rule import Written

# A program may pass on what it was sent as a scheme.
_MOST_SCHEMES = 8
_stock_names = attribute(Request, "blueprint"), attribute(Request, "endpoint")


class Address:
    """What the URLs of a context are made with where an adapter says it, as long as that stays as it is.

    Attributes:
        before: The text before the path: of local URLs in a request, of external ones outside. None until it is needed.
        others: The text before the path by the scheme, for external URLs; by False for local ones.
    """

    __slots__ = ("adapter", "before", "is_inside", "others", "plan", "state")

    def __init__(self, plan: Plan, adapter: MapAdapter | Place, *, is_inside: bool) -> None:
        self.plan = plan
        self.adapter = adapter
        # Compared in one step, which is faster than attribute by attribute. A place does not change.
        self.state = None if type(adapter) is Place else vars(adapter).copy()
        self.is_inside = is_inside
        self.before: str | None = None
        self.others: dict[object, str] = {}

    def write_before(self) -> str:
        """Set the text before the path, and return it."""
        self.before = address(self.adapter, "", "/", None, external=not self.is_inside)[:-1]
        return self.before

    def write(self, path: str, domain: str, scheme: str | None, external: bool) -> str:
        """Return the URL of a path with options."""
        if domain or not (scheme is None or type(scheme) is str):
            return address(self.adapter, domain, path, scheme, external)
        key = scheme if external else False
        before = self.others.get(key)
        if before is None:
            before = address(self.adapter, "", "/", scheme, external)[:-1]
            if len(self.others) < _MOST_SCHEMES:
                self.others[key] = before
        return f"{before}{path}"


class LinksByMethod:
    """The links of an endpoint whose rules have different methods. It stands for a link of the endpoint.

    Attributes:
        links: The links by the method of the request.
        alone: The links by the method that is asked for; other rules are not tried.
    """

    __slots__ = ("alone", "links")

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.alone: dict[str, Link] = {}

    @property
    def text(self) -> Written:
        """The URL without values."""
        return self.write({})

    def write(self, values: dict[str, object]) -> Written:
        """Return what the link for a method writes; None if it is not known, or an adapter may say another one."""
        context = current_value(None)
        if type(context) is not RequestContext or context._adapter is not False:
            return None
        chosen = values.get("_method")
        if chosen is None:
            request = context._make_request() if context._request is None else context._request
            link = self.links.get(brief_environ_of(request)["REQUEST_METHOD"])
        else:
            link = self.alone.get(chosen) if isinstance(chosen, str) and type(chosen) is str else None
        return None if link is None else link.write(values)


def written_by(link: Link | LinksByMethod, values: dict[str, object]) -> Written:
    """Return what a link writes; None after an error if another value may be another error, which comes first."""
    try:
        return link.write(values) if values or link.text is None else link.text
    except Exception:
        if len(values) < 2:
            raise
        return None


def url_by_link(context: RequestContext, link: Link | None, values: dict[str, object]) -> Written:
    """Return the URL of an endpoint in a request at the root of its host.

    Returns:
        None or `REFUSED` where the link does not take the values, or the options cannot be followed.
    """
    if link is None:
        return None
    url = written_by(link, values)
    return with_options(context, url) if type(url) is tuple else url


def url_by_new_link(plan: Plan, context: RequestContext, endpoint: str, values: dict[str, object]) -> Written:
    """Return what `url_by_link` does for an endpoint of which no link is known yet, or for a relative name."""
    return url_by_link(context, _found_link(plan, context, endpoint, values), values)


def _found_link(
    plan: Plan,
    context: RequestContext | Entered | EnteredApp,
    endpoint: str,
    values: dict[str, object],
    adapter: MapAdapter | Place | None = None,
) -> Link | None:
    """Return the link of an endpoint or of a relative name, and remember it.

    Args:
        plan: The plan that has the links.
        context: What is current.
        endpoint: The endpoint or the relative name.
        values: The values and options, one of which may be a method.
        adapter: What says the method of the request; None to read its environ.
    """
    is_relative = endpoint[:1] == "."
    if not is_relative and endpoint not in plan.rules:
        return None
    request = context._make_request() if context._request is None else context._request
    link = None
    if is_relative and request is not None and request.url_rule is not None:
        link = plan.links.get((request.url_rule.endpoint, endpoint))
        if isinstance(link, Link):
            return link
    if adapter is not None:
        method = adapter.default_method
    elif request is not None:
        method = brief_environ_of(request)["REQUEST_METHOD"]
    else:
        return None
    if not is_relative and "_method" not in values:
        link = plan.links.get((method, endpoint, ""))
    return link if isinstance(link, Link) else _new_link(plan, context, endpoint, values, method)


def _new_link(
    plan: Plan, context: RequestContext | Entered | EnteredApp, endpoint: str, values: dict[str, object], method: str
) -> Link | None:
    """Return the link of an endpoint or of a relative name that was not found by these."""
    request = context._make_request() if context._request is None else context._request
    name = endpoint if request is None else absolute(cast("RequestContext", context), endpoint)
    chosen = values.get("_method")
    alone = False
    if isinstance(chosen, str) and type(chosen) is str:
        method, alone = chosen, True
    by_method = method, name, "alone" if alone else ""
    known = plan.links.get(by_method)
    link = known if isinstance(known, Link) else link_of(cast("Map", plan.url_map), name, method, alone=alone)
    if link is None:
        return None
    if link.method is not None:
        # Clients may send any method.
        if known is None and link.chooses():
            plan.links[by_method] = link
            by_methods = plan.links.setdefault(endpoint, LinksByMethod()) if name == endpoint else None
            if isinstance(by_methods, LinksByMethod):
                (by_methods.alone if alone else by_methods.links)[method] = link
    elif name == endpoint:
        plan.links[endpoint] = link
    elif request is not None and request.url_rule is not None and _names_itself(plan, request):
        plan.links[request.url_rule.endpoint, endpoint] = link
    return link


def absolute(context: RequestContext, endpoint: str) -> str:
    """Return the name of an endpoint that may be relative to the blueprint of the current request."""
    if endpoint[:1] != ".":
        return endpoint
    blueprint = context.request.blueprint
    return endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"


def _names_itself(plan: Plan, request: Request) -> bool:
    """Return whether the endpoint of its rule says what the blueprint of a request is."""
    kind = type(request)
    names = attribute(kind, "blueprint"), attribute(kind, "endpoint")
    return kind is plan.request_class and names == _stock_names


def with_options(context: RequestContext, written: tuple[str, object, object, object, str]) -> Written:
    """Return a URL with its options, in a request at the root of its host; None if they cannot be followed."""
    url, anchor, scheme, external, domain = written
    if external or domain or (external is None and scheme is not None):
        if scheme is not None and not external and external is not None:
            return None
        origin = context._origin
        if origin is None:
            context._origin = origin = _origin_of(context, brief_environ_of(context.request))
        if scheme is None and not domain:
            url = f"{origin[0]}{url}"
        else:
            # As `scheme_before` does, which is called for others.
            before = f"{scheme}:" if scheme == "https" or scheme == "http" else None  # noqa: PLR1714 - faster
            if before is None:
                before = scheme_before(scheme, origin[0].partition(":")[0])
            url = f"{before}//{domain}.{origin[1][2:]}{url}" if domain else f"{before}{origin[1]}{url}"
    elif scheme is not None:
        return None
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"


def _origin_of(context: RequestContext, environ: WSGIEnvironment) -> tuple[str, str]:
    """Return what stands before external URLs of a request that `begins_at_root`, with the scheme and without."""
    name = context.app.config["SERVER_NAME"]
    scheme: str = environ["wsgi.url_scheme"]
    host: str = environ["HTTP_HOST"] if name is None else name
    host = host.lower().removesuffix(":80" if scheme == "http" else ":443")
    return f"{scheme}://{host}", f"//{host}"


def url_by_address(  # noqa: C901 - each call that is saved here counts
    context: Entered | EnteredApp | RequestContext,
    known: Address,
    endpoint: str,
    values: dict[str, object],
    is_compared: bool = False,
) -> Written:
    """Return the URL of an endpoint where it was found out before what stands before it; else as `url_by_link`.

    The adapter of the context is compared with the known one, unless it was just before.
    """
    plan, adapter = known.plan, known.adapter
    own: MapAdapter | Place | bool | None
    if type(context) is RequestContext:
        own = adapter if context._adapter is False and type(adapter) is Place else context._adapter
    elif type(context) is EnteredApp:
        own = getattr(context._app_ctx, "_adapter", None)
        if type(own) is AdapterState:
            own, is_compared = (adapter, True) if is_compared or own == known.state else (None, False)
    else:
        own = context.url_adapter
    if (
        (own is not adapter and (known.is_inside or type(own) is not Adapter))
        or plan.epoch is not invalidation.epoch
        or plan.url_defaults
        or (known.state is not None and not is_compared and own.__dict__ != known.state)
        or MapAdapter.build is not werkzeugs_build
    ):
        if type(adapter) is Place:
            context.url_adapter  # noqa: B018 - reading it makes it, of the map that there was
        context._address = None
        return None
    link = plan.links.get(endpoint)
    if link is None or type(link) is LinksByMethod:
        link = _found_link(plan, context, endpoint, values, adapter)
        if link is None:
            return None
    try:
        # As `written_by`, in one call less.
        url = link.write(values) if values or link.text is None else link.text
    except Exception:
        if len(values) < 2:
            raise
        return None
    if type(url) is str:
        return f"{known.write_before() if known.before is None else known.before}{url}"
    if type(url) is not tuple:
        return url
    path, anchor, scheme, external, domain = url
    if external is None:
        external = not known.is_inside or scheme is not None
    if scheme is not None and not external:
        return None
    url = known.write(path, domain, scheme, bool(external))
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"


def url_by_adapter(
    plan: Plan,
    context: RequestContext | Entered | EnteredApp,
    endpoint: str,
    values: dict[str, object],
    *,
    is_inside: bool,
) -> Written:
    """Return the URL of an endpoint where an adapter says what stands before it; else as `url_by_link`."""
    adapter = context.url_adapter
    if adapter is None or not is_plain(plan, adapter) or type(context) not in {RequestContext, Entered, EnteredApp}:
        return None
    context._address = known = Address(plan, adapter, is_inside=is_inside)
    return url_by_address(context, known, endpoint, values)


def url_by_new_address(context: EnteredApp, endpoint: str, values: dict[str, object]) -> Written:
    """Return the URL of an endpoint where an app is on its own, as `url_by_adapter` does."""
    app_context = context._app_ctx
    plan = app_context.app._current_plan()
    if plan.url_map is None or plan.url_defaults:
        return None
    kept = getattr(app_context, "_adapter", None)
    state = kept.__dict__ if type(kept) is Adapter else kept if type(kept) is AdapterState else None
    for known in plan.address_outside:
        if state == known.state:  # most are alike
            context._address = known
            return url_by_address(context, known, endpoint, values, True)
    adapter = app_context.url_adapter
    url = None if adapter is None else url_by_adapter(plan, context, endpoint, values, is_inside=False)
    if context._address is not None:
        # With an adapter of its own, which stays as it is.
        alike: MapAdapter = object.__new__(Adapter)
        alike.__dict__.update(adapter.__dict__)
        plan.address_outside[:] = [Address(plan, alike, is_inside=False)]
    return url


def links_at_root(context: RequestContext) -> Plan | None:
    """Return the plan that has the links for a request that no URL was built in, if its URLs need no adapter."""
    plan = context.app._current_plan()
    return plan if begins_at_root(context, plan) else None


def begins_at_root(context: RequestContext, plan: Plan) -> bool:
    """Return whether URLs of the current request begin at the root of its host and need no adapter.

    If they begin below it and need none either, the context has their address from then on.
    """
    if type(context) is not RequestContext or plan.root is not plan.url_map:
        return False
    request, url_map, began = context._request, plan.url_map, context._plan
    trusted = (config := context.app.config)["TRUSTED_HOSTS"]
    if request is None and trusted is None and began is not None and began.request_class is plan.request_class:
        environ, is_usual = context._environ, True
    else:
        environ = brief_environ_of(request := context.request)
        has_host = trusted is None or "host" in vars(request)  # stored when it was found to be trusted
        is_usual = has_host and type(request) is plan.request_class and request.trusted_hosts is trusted
    if url_map is None or not is_usual or not _is_accepted(url_map, environ, config["SERVER_NAME"]):
        # Not to be asked again: the adapter builds all URLs.
        context._root, context._links_by = False, None
        return False
    if environ["SCRIPT_NAME"]:
        context._root, context._links_by = False, None
        if context._adapter is False and not plan.url_defaults:
            context._address = Address(plan, Place(url_map, environ, _origin_of(context, environ)), is_inside=True)
        return False
    context._root, context._links_by = url_map, plan
    return True


def _is_accepted(url_map: Map, environ: WSGIEnvironment, server_name: str | None) -> bool:
    """Return whether a request is certainly accepted (`Map.adapter_for`), and its root needs no decoding."""
    hosts = url_map._plain_hosts
    host, root = environ.get("HTTP_HOST"), environ.get("SCRIPT_NAME")
    return (
        root is not None
        and root.isascii()
        and host is not None
        and (host in hosts or url_map._accepts(host))
        and (server_name is None or server_name in hosts or url_map._accepts(server_name))
        and environ.get("wsgi.url_scheme") in SCHEMES
        and not ("HTTP_UPGRADE" in environ and is_for_websocket(environ))
        and environ.get("PATH_INFO") is not None
        and environ.get("QUERY_STRING") is not None
    )


def is_plain(plan: Plan, adapter: MapAdapter | None) -> bool:
    """Return whether an adapter is Werkzeug's own, for the map of the plan."""
    return (
        type(adapter) is Adapter
        and adapter.map is plan.url_map
        and "build" not in vars(adapter)
        and MapAdapter.build is werkzeugs_build
    )
