"""The WebSockets of an application or a blueprint: their rules and their hooks.

It registers them and does nothing else: `asgi.websockets`, which serves them, is imported with the first handshake.
"""

from __future__ import annotations

import typing as t

from ..once import once
from .nesting import scope_key
from .scaffold import Scaffold, _endpoint_from_view_func, setupmethod

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from .. import typing as ft
    from .app import App
    from .blueprints import Blueprint, BlueprintSetupState

    _Functions: t.TypeAlias = dict[ft.AppOrBlueprintKey, list[Callable[..., object]]]
    Function = t.TypeVar("Function", bound=Callable[..., object])

#: The registries of hooks, each from the name of a blueprint, or None for the owner itself, to functions.
HOOKS: t.Final = ("before_websocket_funcs", "after_websocket_funcs", "teardown_websocket_funcs")


class RegistersWebSockets(Scaffold):
    """What `Flask` and `Blueprint` have in common for WebSockets."""

    @once
    def before_websocket_funcs(self) -> _Functions:
        """The functions that run before the view."""
        return {}

    @once
    def after_websocket_funcs(self) -> _Functions:
        """The functions that run after the view."""
        return {}

    @once
    def teardown_websocket_funcs(self) -> _Functions:
        """The functions that run at the end."""
        return {}

    @setupmethod
    def websocket(self, rule: str, **options: object) -> Callable[[Function], Function]:
        """Decorate a view for the WebSockets that a rule matches.

        The view may be a coroutine function, which runs on the server's event loop, or a plain function, which runs in
        a thread of its own.

        Args:
            rule: The rule, as for `route`.
            options: As for `add_websocket`. `endpoint` defaults to the name of the function.
        """
        if callable(rule):
            raise TypeError("websocket() takes the rule of a URL, not a function. Write: @app.websocket('/...')")

        def decorator(f: Function) -> Function:
            endpoint = t.cast("str | None", options.pop("endpoint", None))
            self.add_websocket(rule, endpoint, f, **options)
            return f

        return decorator

    @setupmethod
    def add_websocket(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., object] | None = None,
        **options: object,
    ) -> None:
        """Add a rule for WebSockets, with the view for those that it matches.

        Args:
            rule: The path of the URL with its variable parts, as for `add_url_rule`. A blueprint adds its prefix.
            endpoint: The name for building URLs; by default the name of the view. A blueprint adds its own name.
            view_func: The view. It can also be added later with `endpoint`.
            options: As for Werkzeug's `Rule`.

        Raises:
            AssertionError: If another view has this endpoint.
            TypeError: If `methods` is given: a handshake is always a GET.
        """
        checked = _checked(options)
        view = t.cast("ft.RouteCallable", view_func)
        name = endpoint if endpoint is not None else _endpoint_from_view_func(view)
        self.add_url_rule(rule, name, view, provide_automatic_options=False, **checked)
        self._add_websocket_endpoint(name)

    def _add_websocket_endpoint(self, endpoint: str) -> None:
        """Remember the endpoint of such a rule. Subclasses define it."""
        raise NotImplementedError

    @setupmethod
    def before_websocket(self, f: Function) -> Function:
        """Call `f` before the view of a WebSocket. If it returns a value other than None, the handshake is refused.

        The value is the response, as a view returns it.
        """
        self.before_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_websocket(self, f: Function) -> Function:
        """Call `f` after the view of a WebSocket, with the response of a refused handshake or None.

        It returns what it was given, or another response.
        """
        self.after_websocket_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_websocket(self, f: Function) -> Function:
        """Call `f` when the context of a WebSocket ends, with the unhandled exception or None."""
        self.teardown_websocket_funcs.setdefault(None, []).append(f)
        return f


class AppWebSockets(RegistersWebSockets):
    """The part of an application."""

    @once
    def _websocket_endpoints(self) -> set[str]:
        """The endpoints of rules that were added here. Views of other rules may use the socket of a WSGI server."""
        return set()

    def _add_websocket_endpoint(self, endpoint: str) -> None:
        self._websocket_endpoints.add(endpoint)


class BlueprintWebSockets(RegistersWebSockets):
    """The part of a blueprint."""

    def _add_websocket_endpoint(self, endpoint: str) -> None:
        def register(state: BlueprintSetupState) -> None:
            state.app._websocket_endpoints.add(f"{state.name_prefix}.{state.name}.{endpoint}".lstrip("."))

        t.cast("Blueprint", self).record(register)

    @setupmethod
    def before_app_websocket(self, f: Function) -> Function:
        """Register `f` like `before_websocket`, for all WebSockets of the application."""
        return self._record_websocket_hook("before_websocket_funcs", f)

    @setupmethod
    def after_app_websocket(self, f: Function) -> Function:
        """Register `f` like `after_websocket`, for all WebSockets of the application."""
        return self._record_websocket_hook("after_websocket_funcs", f)

    @setupmethod
    def teardown_app_websocket(self, f: Function) -> Function:
        """Register `f` like `teardown_websocket`, for all WebSockets of the application."""
        return self._record_websocket_hook("teardown_websocket_funcs", f)

    def _record_websocket_hook(self, registry: str, f: Function) -> Function:
        def register(state: BlueprintSetupState) -> None:
            getattr(state.app, registry).setdefault(None, []).append(f)

        t.cast("Blueprint", self).record_once(register)
        return f


def merge_websocket_hooks(app: App, blueprint: Blueprint, name: str) -> None:
    """Copy the hooks of a blueprint to an application, under the name of its registration."""
    for registry in HOOKS:
        own: _Functions = vars(blueprint).get(registry, {})
        for scope, functions in own.items():
            getattr(app, registry).setdefault(scope_key(name, scope), []).extend(functions)


def _checked(options: dict[str, object]) -> dict[str, t.Any]:
    """Return the options of a rule for WebSockets."""
    if "methods" in options:
        raise TypeError("The handshake of a WebSocket is always a GET: 'methods' cannot be given.")
    return {**options, "methods": ["GET"], "websocket": True}
