"""Class-based views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from .ctx.app_context import NO_REQUEST_MESSAGE, current_value
from .flask_names import offer_flasks_names
from .globals import current_app

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from . import typing as ft

http_method_funcs = frozenset({"get", "post", "head", "options", "delete", "put", "trace", "patch"})


class View:
    """A view as a class: override `dispatch_request`, and register the result of `as_view`.

    Attributes:
        methods: The methods that the view supports, as for `route`. None: the registration decides.
        provide_automatic_options: Whether OPTIONS is answered automatically. None: the registration decides.
        decorators: Decorators for the view function, applied in order, so that the last one is outermost. A decorator
            of the class itself does not affect the view function.
        init_every_request: Whether every request creates an instance. If False, one instance serves all requests, and
            no state of a request may be stored on `self`.
    """

    methods: ClassVar[Collection[str] | None] = None
    provide_automatic_options: ClassVar[bool | None] = None
    decorators: ClassVar[list[Callable[..., object]]] = []
    init_every_request: ClassVar[bool] = True

    def dispatch_request(self) -> ft.ResponseReturnValue:
        """Handle a request. The variables of the rule are keyword arguments."""
        raise NotImplementedError

    @classmethod
    def as_view(cls, name: str, *class_args: object, **class_kwargs: object) -> ft.RouteCallable:
        """Return a view function that calls `dispatch_request` of an instance.

        Args:
            name: The name of the view function, which is its default endpoint.
            class_args: Arguments for the constructor of the class.
            class_kwargs: Keyword arguments for the constructor of the class.
        """
        is_shared = not cls.init_every_request
        shared = cast("View", cls(*class_args, **class_kwargs) if is_shared else None)

        def view(**kwargs: object) -> object:
            # Read from the registered function, so that a test can replace the class.
            instance = shared if is_shared else view_func.view_class(*class_args, **class_kwargs)
            context = current_value(None)
            # The unbound proxy raises an error that says what is missing.
            app = current_app if context is None else context.app
            del context  # as in `MethodView`
            return app.ensure_sync(instance.dispatch_request)(**kwargs)

        view_func: Any = view
        if cls.decorators:
            # Decorators read these two, and may return functions without them.
            view_func.__name__ = name
            view_func.__module__ = cls.__module__
            for decorator in cls.decorators:
                view_func = decorator(view_func)
        # In Flask's order: what a decorator returns may see it, or refuse one of them.
        view_func.view_class = cls
        view_func.__name__ = name
        view_func.__doc__ = cls.__doc__
        view_func.__module__ = cls.__module__
        view_func.methods = cls.methods
        view_func.provide_automatic_options = cls.provide_automatic_options
        return cast("ft.RouteCallable", view_func)


class MethodView(View):
    """A view that calls its method `get` for GET, `post` for POST, and so on.

    `methods` is computed from the methods of the class, unless the class sets it.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "methods" in vars(cls):
            return
        methods = {name.upper() for name in http_method_funcs if hasattr(cls, name)}
        for base in cls.__bases__:
            methods.update(getattr(base, "methods", None) or ())
        if methods:
            cls.methods = methods

    def dispatch_request(self, **kwargs: Any) -> ft.ResponseReturnValue:
        """Call the method named like the request's method. For HEAD, `get` is used if there is no `head`."""
        context = current_value(None)
        if context is None or context.request is None:
            raise RuntimeError(NO_REQUEST_MESSAGE)
        app, method = context.app, context.request.method
        # The traceback of an error refers to this frame, and must not keep the context and its `g`.
        del context
        handler = getattr(self, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(self, "get", None)
        if handler is None:
            raise AssertionError(f"Unimplemented method {method!r}")
        return cast("ft.ResponseReturnValue", app.ensure_sync(handler)(**kwargs))


offer_flasks_names(__name__)
