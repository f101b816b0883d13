"""Make plans: at the first request after a change, unless something changes in every request."""

from __future__ import annotations

import typing as t
from inspect import CO_COROUTINE, iscoroutinefunction
from types import FunctionType

from .. import invalidation
from ..invalidation import Watched, unwatched
from .classes import compared, look_at_werkzeug
from .errors import ErrorHandling
from .plan import NOTHING, Plan, plan_of
from .step_names import WATCHED

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule

    from .. import typing as ft
    from ..app import Flask
    from ..sessions import SessionInterface
    from ..wrappers.request import Request
    from .return_values import AwaitedView

_set = object.__setattr__
# Of Tuile's classes; the second one where `import flask` means Tuile.
_PACKAGES = (__name__.partition(".")[0], "flask")
#: The attributes that the constructor of an app gives it by `_set_initial_attributes`.
_INITIAL_ATTRIBUTES = frozenset(
    {
        "_got_first_request",
        "after_request_funcs",
        "before_request_funcs",
        "blueprints",
        "declared_cookies",
        "error_handler_spec",
        "extensions",
        "shell_context_processors",
        "subdomain_matching",
        "teardown_appcontext_funcs",
        "teardown_request_funcs",
        "template_context_processors",
        "url_build_error_handlers",
        "url_default_functions",
        "url_value_preprocessors",
        "view_functions",
    }
)


class Planner:
    """Makes the plans of an app on demand, and pauses if they do not last.

    A plan costs as much as it saves in a few requests. So none is made for an app that serves none, as in tests that
    only enter its contexts, before it was asked for `WAITS` times without a change: a context asks some seven times.

    Plans do not pay off either if something moves the epoch in every request. After
    `PATIENCE` plans in a row that were used less than `PROVEN` times each, the steps serve the app for `SHORTEST`
    requests, then for twice as many, up to `LONGEST`. The steps do not need a plan.

    An app context saves little with a plan, so one is made for them only after `CONTEXTS` contexts without a change.
    """

    PROVEN = 16
    PATIENCE = 16
    SHORTEST = 64
    LONGEST = 4096
    CONTEXTS = 16
    WAITS = 24

    __slots__ = ("asked", "brief", "contexts", "owner", "pause", "plan", "seen", "served", "serves", "skip")

    def __init__(self, app: object) -> None:
        # Not the app itself, which would then be freed later.
        self.owner = id(app)
        self.plan = NOTHING
        self.served = self.PROVEN
        self.asked = self.brief = self.contexts = self.skip = 0
        self.seen: object = None
        # Whether the app was asked to answer a request.
        self.serves = False
        self.pause = self.SHORTEST

    def for_request(self, app: Planned) -> Plan:
        """Return the plan for the next request."""
        self.serves = True
        if self.skip > 0:
            self.skip -= 1
            return NOTHING
        return self.current(app)

    def for_context(self, app: Planned) -> Plan:
        """Return the plan for leaving an app context: `NOTHING` if there is none and making one would not pay yet."""
        plan = self.made(app)
        if plan is not NOTHING:
            return self.current(app)
        self._look_at_epoch()
        self.contexts += 1
        if self.contexts <= self.CONTEXTS:
            return plan
        plan = self._renewed(app)
        # Nothing has changed for a while.
        self.served = self.PROVEN
        return plan

    def _look_at_epoch(self) -> None:
        """Count from zero after a change."""
        if self.seen is not invalidation.epoch:
            self.seen = invalidation.epoch
            self.asked = self.contexts = 0

    def made(self, app: Planned) -> Plan:
        """Return the current plan of an app if it was made before, else `NOTHING`."""
        plan = self.plan
        is_current = plan.epoch is invalidation.epoch and type(app) is plan.app_type and self.owner == id(app)
        return plan if is_current and _are_as_they_were(plan.unwatched) else NOTHING

    def current(self, app: Planned) -> Plan:
        """Return the plan of an app, renewed if it is stale; `NOTHING` during a pause, or if none would pay yet."""
        if self.serves or self.owner != id(app):
            return self._renewed(app)
        plan = self.made(app)
        if plan is NOTHING:
            self._look_at_epoch()
            if self.asked == 0:
                # The steps read the flags as well.
                look_at_werkzeug()
            self.asked += 1
            if self.asked <= self.WAITS:
                return plan
        return self._renewed(app)

    def _renewed(self, app: Planned) -> Plan:
        """Return the plan of an app, renewed if it is stale; `NOTHING` during a pause."""
        if self.owner != id(app):
            # A copy of an app has the planner of the original until it needs a plan.
            own = app.__dict__["_planner"] = Planner(app)
            own.serves = self.serves
            return own.current(app)
        plan = self.plan
        if plan.epoch is invalidation.epoch and type(app) is plan.app_type and _are_as_they_were(plan.unwatched):
            self.served += 1
            if self.served >= self.PROVEN and not plan.unwatched:
                self.brief, self.pause = 0, self.SHORTEST
                # `setattr` on an app takes 2,000 instructions.
                app.__dict__["_plan"] = plan
            return plan
        if self.skip > 0:
            return NOTHING
        if self.served < self.PROVEN:
            self.brief += 1
            if self.brief >= self.PATIENCE:
                self.plan, self.served, self.brief = NOTHING, self.PROVEN, self.PATIENCE - 1
                self.skip, self.pause = self.pause, min(2 * self.pause, self.LONGEST)
                return NOTHING
        self.served = 0
        self.plan = plan = plan_of(app)
        return plan


def is_coroutine_function(plan: Plan, function: t.Callable[..., object]) -> bool:
    """Return whether a registered function has to be awaited, and remember those that have."""
    known = plan.coroutine_functions
    if id(function) in known:
        return True
    if iscoroutinefunction(function):
        known[id(function)] = function
        return True
    return False


def remember(app: Flask, plan: Plan, path: str, rule: Rule, arguments: dict[str, object]) -> None:
    """Remember how a rule was found, and its view, as long as the plan holds; each rule once."""
    found: object = app.view_functions.get(rule.endpoint)
    view = app._synchronous.get(id(found))
    if view is None and id(found) not in plan.coroutine_functions:
        if type(found) is not FunctionType:
            # It was not called yet, or needs `ensure_sync`.
            return
        if found.__code__.co_flags & CO_COROUTINE:
            plan.coroutine_functions[id(found)] = found
        elif plan.calls_directly and not found.__dict__:
            # `ensure_sync` would return it. Hooks may answer before it is called for the first time.
            app._synchronous[id(found)] = view = found
        else:
            return
    plan.rules_tried[id(rule)] = rule
    if not arguments:
        if app.url_map.answers_always(path, rule):
            plan.static_routes[path] = (rule, view)
            if view is None:
                plan.awaited_routes[path] = (rule, t.cast("AwaitedView", found))
        return
    app.url_map.add_route(plan.variable_routes, path, rule, view)


def _are_as_they_were(unwatched: tuple[tuple[type, str, object], ...]) -> bool:
    """Return whether unwatched classes still have the methods that a plan depends on."""
    return not unwatched or compared(kind for kind, name, _ in unwatched if not name) == unwatched


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in _PACKAGES


class Planned(ErrorHandling, metaclass=Watched):
    """An app with its plan."""

    # The attributes that a plan is made from.
    request_class: type[Request]
    session_interface: SessionInterface
    url_default_functions: dict[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]]

    # Only on the object and not on the class, where CPython 3.11 finds it faster.
    _plan: Plan
    _planner: Planner

    @property
    def plan(self) -> Plan:
        """The assumptions about this app, and why it has no fast path if it has none.

        It is meant for debugging and tests. Reading it changes nothing.
        """
        plan = self._plan
        return plan if plan.epoch is invalidation.epoch and type(self) is plan.app_type else plan_of(self)

    def _current_plan(self) -> Plan:
        """Return the plan for a step. Frequent steps inline this."""
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.current(self)
        return plan

    def _plan_if_made(self) -> Plan:
        """Return the plan for a step outside requests, for which none needs to be made; `NOTHING` if there is none."""
        plan = self._plan
        return plan if plan.epoch is invalidation.epoch else self._planner.made(self)

    # Whether all classes after this one are Tuile's. Then they are `ErrorHandling` and its bases.
    _sets_directly: t.ClassVar[bool] = True
    # Whether no class has a property for one of these attributes, or can get one unnoticed.
    _has_plain_initial_attributes: t.ClassVar[bool] = True

    @classmethod
    def _set_flags(cls) -> None:
        """Note whether attributes can be set without asking the classes after this one, or any."""
        after = cls.__mro__[cls.__mro__.index(ErrorHandling) : -1]
        cls.set_flag("_sets_directly", all(map(_is_ours, after)))
        has_none = not any(name in vars(kind) for kind in cls.__mro__ for name in _INITIAL_ATTRIBUTES)
        cls.set_flag("_has_plain_initial_attributes", has_none and all(map(_is_ours, unwatched(cls))))

    def _set_initial_attributes(self, attributes: dict[str, object]) -> None:
        if (
            self._has_plain_initial_attributes
            and _INITIAL_ATTRIBUTES.issuperset(attributes)
            and type(self).__setattr__ is _set_planned
            and self._sets_directly
            and ErrorHandling.__setattr__ is _set
        ):
            self.__dict__.update(attributes)
            # The constructor may be called once more.
            invalidation.invalidate()
        else:
            super()._set_initial_attributes(attributes)

    def __setattr__(self, name: str, value: t.Any) -> None:
        if self._sets_directly and ErrorHandling.__setattr__ is _set:
            # `super()` would take most of the time.
            _set(self, name, value)
        else:
            super().__setattr__(name, value)
        if name in WATCHED:
            invalidation.invalidate()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in WATCHED:
            invalidation.invalidate()


_set_planned = Planned.__setattr__
