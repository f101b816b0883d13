"""The plan of an app: the assumptions about it that are valid until something changes.

`plan_of` examines an app and returns a frozen `Plan`. It is the only place that decides whether the fast path applies;
the steps and the fast path read its fields, and `tuile doctor` prints it. A plan is valid as long as the epoch
(`invalidation`) and the class of the app are unchanged. Security settings are never part of it: trusted hosts, keys and
limits are read for each request. `DEBUG` and `TESTING` affect only the layout of JSON and `COOKIE_CHECKS`, and move the
epoch.
"""

from __future__ import annotations

import typing as t

from .. import invalidation, patched
from ..invalidation import attribute, unwatched
from ..records import Record
from ..routing.map import Map, builds_at_root
from ..sessions.signed import saves_plainly
from ..signals import OF_REQUESTS, heard
from ..wrappers.response import Response
from .classes import STOCK, compared, of_classes, refusals_of_mixins
from .classes import take_stock as take_stock  # noqa: PLC0414 - handed on
from .constructing import name_of, refusals_of_map
from .plan_fields import Fields, for_app_contexts, for_functions, for_requests, json_of
from .settings import checks_cookies, checks_set_cookies, tells
from .settings import cookie_checks_of as cookie_checks_of  # noqa: PLC0414 - handed on
from .step_names import STEPS, WITHOUT_A_VIEW

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule
    from werkzeug.routing import Rule as WerkzeugRule

    from .. import typing as ft
    from ..routing.links import Link
    from ..routing.outside import Made
    from ..routing.route import Routes, StaticRoute
    from ..url_links import Address, LinksByMethod
    from ..wrappers.request import Request
    from ..wrappers.response import TextStart
    from .classes import OfClasses
    from .planner import Planned
    from .return_values import AwaitedView

    # For each group of steps, which of them are overridden.
    Lost: t.TypeAlias = t.Mapping[str, t.Sequence[str]]

_STOCK_STEPS = ("dispatches", "calls_view", "calls_directly", "ends_quietly", "handles_errors")


class Plan(Record):
    """The assumptions about an app. `app.plan` returns the current plan."""

    #: The plan is valid while these are `invalidation.epoch` and the app's class.
    epoch: object
    app_type: type
    #: The class of requests; None if requests and contexts must be made by their constructors, which make an adapter.
    request_class: type[Request] | None
    #: What that class says of its objects: whether they need not be closed, and whether the rule says their endpoint.
    closes_nothing: bool
    has_endpoint_of_rule: bool
    #: Whether the constructor of requests, `create_url_adapter`, any of these, and `app_context` need not be called.
    skips_constructor: bool
    skips_adapter: bool
    begins_plainly: bool
    skips_app_context: bool
    #: Whether an app context is made without its constructor, and whether it has no URL adapter then.
    makes_app_context: bool
    #: Whether the namespace of an app context is made when it is first read: it is of the usual class.
    makes_namespace_later: bool
    skips_adapter_outside: bool
    #: The class of responses.
    response_class: type[Response]
    #: The start of a response to a text, and to a dict or list; None to create a response object.
    text_start: TextStart | None
    json_start: TextStart | None
    #: Writes compact JSON like the app's provider; None to call the provider. Not None if `json_start` is not None.
    write_json: t.Callable[[object], str] | None
    #: Whether the steps at the end need not be called when they have nothing to do.
    ends_quietly: bool
    #: Whether a function that `ensure_sync` has left alone may be called without asking it again.
    calls_directly: bool
    #: Whether `url_for` builds URLs without asking the app's methods, and raises errors if no function handles them.
    builds_urls: bool
    raises_build_errors: bool
    #: The URL map and its rules by endpoint, if `url_for` needs no adapter; the map again if most requests need none.
    url_map: Map | None
    rules: t.Mapping[str, list[WerkzeugRule]]
    root: object
    #: The app's `url_default_functions`.
    url_defaults: t.Mapping[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]]
    #: Whether `full_dispatch_request`, the steps before the view, and those after it need not be called. The steps call
    #: the view if `ensure_sync` is overridden, because it must be asked each time.
    dispatches: bool
    calls_view: bool
    quiet: bool
    #: Whether of these only the checks of cookies need be called, which look at responses that set some.
    quiet_without_cookies: bool
    #: Whether there may be functions before the view, after it, and at the end of the request.
    runs_before: bool
    runs_after: bool
    runs_at_end: bool
    #: Whether `handle_user_exception` need not call other steps.
    handles_errors: bool
    #: Whether the steps that answer a request without a view need not be called.
    answers_alone: bool
    #: Whether the session is opened when it is first accessed; if not, the interface is asked at each request.
    opens_lazily: bool
    #: Whether a signed session is saved without calling methods of the interface and the response.
    saves_plainly: bool
    #: Whether `COOKIE_CHECKS` may want to look at each response.
    checks_cookies: bool
    #: Whether `wsgi_app` or `__call__` is wrapped, so that the first has to be called and its result be closed.
    calls_wsgi_app: bool
    #: Whether the fast path serves the app, and whether it does so without calling `wsgi_app`.
    fast: bool
    enters: bool
    #: Whether all of this is as usual, so that the fast path need not ask: `ASSUMED` in `tools/flatten.py` lists it.
    is_plain: bool
    #: Why an ASGI server's requests for coroutine functions take a worker thread as well; empty if they need not.
    to_workers: tuple[str, ...]
    #: The methods of unwatched classes that a plan depends on; compared for each request.
    unwatched: tuple[tuple[type, str, object], ...]
    #: The hosts that do not affect which rule matches, shared with the URL map; empty if changes of settings may not be
    #: detected.
    hosts: t.Collection[str | None]
    #: Whether the URL map finds rules by the subdomain or the host as well.
    matches_hosts: bool
    #: Why the fast path is not used, and what makes it slower; one sentence each.
    refusals: tuple[str, ...]
    slower: tuple[str, ...]
    #: The rules that were found for paths without variables, and the views that are called without `ensure_sync`.
    static_routes: dict[str, StaticRoute[object]]
    #: Those of them whose views are coroutine functions, with these.
    awaited_routes: dict[str, StaticRoute[AwaitedView]]
    #: Functions that match paths with variables.
    variable_routes: Routes
    #: The rules that are cached or cannot be cached.
    rules_tried: dict[int, Rule]
    #: How the URLs of an endpoint are written, by its name; by the endpoint of a request and a relative name, too; and
    #: by a method, a name and how the method is meant, where that decides between rules.
    links: dict[str | tuple[str, ...], Link | LinksByMethod]
    #: The adapter for URLs outside requests, and what stands before these; or nothing.
    made_outside: Made
    address_outside: list[Address]
    #: The views that are coroutine functions, by id. References keep the ids unique.
    coroutine_functions: dict[int, AwaitedView]

    __slots__ = tuple(vars()["__annotations__"])


def _new_caches() -> Fields:
    """Return the fields of a new plan that are filled while it holds."""
    caches: Fields = {"made_outside": [], "address_outside": []}
    names = ("static_routes", "awaited_routes", "variable_routes", "rules_tried", "coroutine_functions", "links")
    return {**caches, **{name: {} for name in names}}


_NO_ROOT = object()
_NOTHING_LOST: Lost = dict.fromkeys(STEPS, ())
#: A plan without assumptions, which is never valid.
NOTHING = Plan(
    epoch=None,
    app_type=object,
    request_class=None,
    closes_nothing=False,
    has_endpoint_of_rule=False,
    begins_plainly=False,
    skips_constructor=False,
    skips_adapter=False,
    skips_app_context=False,
    makes_app_context=False,
    makes_namespace_later=False,
    skips_adapter_outside=False,
    response_class=Response,
    text_start=None,
    json_start=None,
    write_json=None,
    ends_quietly=False,
    calls_directly=False,
    builds_urls=False,
    raises_build_errors=False,
    url_map=None,
    rules={},
    root=_NO_ROOT,
    url_defaults={},
    dispatches=False,
    calls_view=False,
    quiet=False,
    quiet_without_cookies=False,
    runs_before=True,
    runs_after=True,
    runs_at_end=True,
    handles_errors=False,
    answers_alone=False,
    opens_lazily=False,
    saves_plainly=False,
    checks_cookies=True,
    calls_wsgi_app=True,
    fast=False,
    enters=False,
    is_plain=False,
    to_workers=("there is no plan",),
    unwatched=(),
    hosts=(),
    matches_hosts=False,
    refusals=(),
    slower=(),
    **_new_caches(),
)


def is_stock(app: Planned, name: str) -> bool:
    """Return whether an app has a method of `STEPS` as `Flask` has it."""
    return name not in vars(app) and attribute(type(app), name) is STOCK[name]


def plan_of(app: Planned) -> Plan:
    """Return the plan of an app in its present state. It does not change the app and raises no error."""
    epoch, cls = invalidation.epoch, type(app)  # the epoch first: any later change makes this plan stale
    request_class, response_class = app.request_class, app.response_class  # once: others may be set meanwhile
    known = of_classes(cls, request_class, response_class)
    if known.blind:
        return NOTHING.but(epoch=epoch, app_type=cls, response_class=response_class, refusals=known.blind)
    lost, told, text_start = _overridden(app, known.overridden | patched.replaced_steps()), tells(app), known.text_start
    constructed = [*refusals_of_map(app), *known.constructed, *patched.refusals()]
    begun = (*(() if constructed else known.constructor), *lost["adapter"], *lost["app context"])
    refusals = (*refusals_of_mixins(cls, known.mixins), *constructed, *lost["serving"])
    ignores_hosts = not ((matches_hosts := any(_matches_hosts(app))) or lost["adapter"])
    checks, lazily = checks_cookies(app, told=told), _opens_lazily(app.session_interface)
    quiet = not (lost["after"] or checks) and text_start is not None
    answers_alone = quiet and response_class is Response and not any(lost[group] for group in WITHOUT_A_VIEW)
    steps, answers = _for_steps(app, lost, known), _for_answers(app, lost, known, checks=checks, told=told)
    saving = quiet and lazily and saves_plainly(app.session_interface, response_class)
    is_stock = ignores_hosts and answers_alone and saving and all(steps[name] for name in _STOCK_STEPS)
    slower = _slower(app, text_start, answers["json_start"], checks=checks, opens_lazily=lazily)
    return Plan.of(
        {
            "epoch": epoch,
            "app_type": cls,
            **for_requests(None if constructed else request_class),
            **_for_contexts(lost, skips_constructor=not (constructed or known.constructor)),
            "begins_plainly": not (constructed or begun),
            "response_class": response_class,
            **answers,
            **steps,
            **for_app_contexts(app, known, has_adapter=not lost["adapter"], told=told),
            "matches_hosts": matches_hosts,
            **_for_urls(app, lost, has_root=ignores_hosts and not constructed),
            "quiet": quiet,
            "answers_alone": answers_alone,
            "opens_lazily": lazily,
            "saves_plainly": saving,
            "checks_cookies": checks,
            "calls_wsgi_app": bool(lost["entry"]),
            "fast": not refusals,
            "enters": not refusals and not lost["entry"],
            "is_plain": is_stock and heard.isdisjoint(OF_REQUESTS) and not (refusals or lost["entry"] or begun),
            "to_workers": (*refusals, *begun, *_reasons_for_workers(app, lost, opens_lazily=lazily)),
            "unwatched": compared(known.mixins),
            "hosts": app.url_map._plain_hosts if not refusals and ignores_hosts and told else (),
            "refusals": refusals,
            "slower": (*begun, *_steps_that_are_called(lost), *slower),
            **_new_caches(),
        }
    )


def _for_contexts(lost: Lost, *, skips_constructor: bool) -> Fields:
    """Return the fields of a plan that say what need not be called to make a context."""
    return {
        "skips_constructor": skips_constructor,
        "skips_adapter": not lost["adapter"],
        "skips_app_context": not lost["app context"],
    }


def _for_answers(app: Planned, lost: Lost, known: OfClasses, *, checks: bool, told: bool) -> Fields:
    """Return the fields of a plan that say how responses begin, and whether only their cookies are looked at."""
    start = known.text_start
    write_json, json_start = json_of(app, start, debug_is_a_setting=told and not lost["debug"])
    only_cookies = not lost["after"] and start is not None and checks and told and checks_set_cookies(app)
    return {
        "text_start": start,
        "json_start": json_start,
        "write_json": write_json,
        "quiet_without_cookies": only_cookies,
    }


def _for_steps(app: Planned, lost: Lost, known: OfClasses) -> Fields:
    """Return the fields of a plan that say which steps and functions need not be called."""
    return {
        **for_functions(app, known),
        "dispatches": not lost["around"],
        "calls_view": not (lost["before"] or lost["calls"]),
        "calls_directly": not lost["calls"],
        "ends_quietly": not lost["ends"],
        "handles_errors": not lost["handling"],
    }


def _for_urls(app: Planned, lost: Lost, *, has_root: bool) -> Fields:
    """Return the fields of a plan that matching and `url_for` read."""
    url_map = None if lost["urls"] else _own_map(app)
    return {
        "builds_urls": not lost["urls"],
        "raises_build_errors": not lost["build_errors"],
        "url_map": url_map,
        "rules": {} if url_map is None else url_map._rules_by_endpoint,
        "root": url_map if has_root and builds_at_root(url_map) else _NO_ROOT,
        "url_defaults": app.url_default_functions,
    }


def _overridden(app: Planned, in_class: frozenset[str]) -> Lost:
    """Return, for each group of steps, which of them are overridden.

    Args:
        app: The app.
        in_class: The names of those that are overridden in a class.
    """
    if not in_class and STOCK.keys().isdisjoint(app.__dict__):
        return _NOTHING_LOST
    # Only names, because tracebacks show local variables, and the values include the configuration.
    changed = in_class.union(STOCK.keys() & app.__dict__.keys())
    return {group: [f"{name} is overridden" for name in names if name in changed] for group, names in STEPS.items()}


def _steps_that_are_called(lost: Lost) -> list[str]:
    return [reason for group in ("ends", "calls", "around", "before", "after") for reason in lost[group]]


def _reasons_for_workers(app: Planned, lost: Lost, *, opens_lazily: bool) -> t.Iterator[str]:
    """Yield why the steps around a coroutine function cannot be divided between an event loop and a thread."""
    for group in ("entry", "around", "before", "calls", "awaiting", "after", "ends"):
        yield from lost[group]
    if not opens_lazily:
        # It may wait for a database.
        yield f"{name_of(type(app.session_interface))} opens the session at the start of each request"
    if getattr(app.request_class, "_has_endpoint_of_rule", False) is not True:
        # It would be asked before the context of the request is entered on the loop, and may need that.
        yield f"{name_of(app.request_class)} has an endpoint or blueprints of its own"


def _opens_lazily(interface: object) -> bool:
    """Return whether the session may wait until it is touched."""
    return getattr(interface, "opens_lazily", False) is True and not unwatched(type(interface))


def _matches_hosts(app: Planned) -> tuple[bool, bool]:
    """Return whether the rules depend on the subdomain, and whether they depend on the host."""
    own = app.__dict__
    return bool(own.get("subdomain_matching")), bool(getattr(own.get("url_map"), "host_matching", False))


def _own_map(app: Planned) -> Map | None:
    url_map = app.__dict__.get("url_map")
    return url_map if type(url_map) is Map else None


def _slower(
    app: Planned, text_start: TextStart | None, json_start: TextStart | None, *, checks: bool, opens_lazily: bool
) -> t.Iterator[str]:
    """Yield why the fast path asks others."""
    for name, is_on in zip(("subdomain_matching", "host_matching"), _matches_hosts(app), strict=True):
        if is_on:
            yield f"{name} is on, so the URL map is asked about each request"
    if text_start is None:
        yield f"{name_of(app.response_class)} has methods of its own, so each response is made and asked"
    elif json_start is None:
        yield "JSON is written by the app's provider, or in debug mode"
    if checks:
        yield "COOKIE_CHECKS, COOKIE_UNDECLARED or app.consent looks at each response"
    if not opens_lazily:
        yield f"{name_of(type(app.session_interface))} opens the session at the start of each request"
