"""Views that are classes.

Floor 4 (what is registered).

Lives here: `View` and `MethodView`.
Does not live here: registering what they make, which is a view function like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from .ctx.app_context import NO_REQUEST_MESSAGE, current
from .globals import current_app

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from . import typing as ft

http_method_funcs = frozenset({"get", "post", "head", "options", "delete", "put", "trace", "patch"})


class View:
    """A view as a class: override `dispatch_request`, register what `as_view` makes.

    methods: which it answers, as `route` takes them; None leaves it to the registration.
    provide_automatic_options: whether OPTIONS is answered for it; None leaves it likewise.
    decorators: applied to the view function in this order, so the last one is outermost.
        A decorator on the class itself does not reach the view view_func.
    init_every_request: whether each request gets an instance of its own. False saves making it,
        and then nothing of a request may be kept on `self`.
    """

    methods: ClassVar[Collection[str] | None] = None
    provide_automatic_options: ClassVar[bool | None] = None
    decorators: ClassVar[list[Callable[..., Any]]] = []
    init_every_request: ClassVar[bool] = True

    def dispatch_request(self) -> ft.ResponseReturnValue:
        """Answer a request; the rule's variables arrive as keyword arguments."""
        raise NotImplementedError

    @classmethod
    def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> ft.RouteCallable:
        """A view function called `name` whose requests an instance of this class answers.

        class_args, class_kwargs: for the class, whenever an instance is made.
        """
        shared = None if cls.init_every_request else cls(*class_args, **class_kwargs)

        def view(**kwargs: Any) -> Any:
            # The class is read from the function that was registered, so that a test can
            # put another class there.
            instance = shared if shared is not None else view_func.view_class(*class_args, **class_kwargs)
            context = current.get(None)
            # The unbound proxy raises, and its message says what is missing.
            app = current_app if context is None else context.app
            return app.ensure_sync(instance.dispatch_request)(**kwargs)

        view_func: Any = view
        # Decorators look at these two, and may make functions that have neither.
        view_func.__name__ = name
        view_func.__module__ = cls.__module__
        for decorator in cls.decorators:
            view_func = decorator(view_func)
        view_func.__name__ = name
        view_func.__module__ = cls.__module__
        view_func.__doc__ = cls.__doc__
        view_func.view_class = cls
        view_func.methods = cls.methods
        view_func.provide_automatic_options = cls.provide_automatic_options
        return cast("ft.RouteCallable", view_func)


class MethodView(View):
    """A view whose method `get` answers GET, `post` answers POST, and so on.

    `methods` follows from the methods the class has, unless the class sets it.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "methods" in vars(cls):
            return
        methods = {name.upper() for name in http_method_funcs if hasattr(cls, name)}
        for base in cls.__bases__:
            methods.update(getattr(base, "methods", None) or ())
        if methods:
            cls.methods = methods

    def dispatch_request(self, **kwargs: Any) -> ft.ResponseReturnValue:
        """Answer with the method named like the request's; GET's answers HEAD if need be."""
        context = current.get(None)
        if context is None or context.request is None:
            raise RuntimeError(NO_REQUEST_MESSAGE)
        method = context.request.method
        handler = getattr(self, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(self, "get", None)
        if handler is None:
            raise AssertionError(f"Unimplemented method {method!r}")
        return cast("ft.ResponseReturnValue", context.app.ensure_sync(handler)(**kwargs))
