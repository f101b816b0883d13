"""The registries that an application and a blueprint share: routes, hooks, error handlers and folders."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable  # noqa: TC003 - for `typing.get_type_hints`
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import HTTPException, default_exceptions

from ..cookie.declaring import DeclaresCookies
from ..flask_names import offer_flasks_names
from ..hints import add_hint
from ..lazy import late_modules
from ..packages import get_root_path
from ..patched import in_place_of
from ..templating import _default_template_ctx_processor
from .registries import Registry

if TYPE_CHECKING:
    from jinja2 import BaseLoader

    from .. import typing as ft
    from . import type_vars
else:
    ft, type_vars = late_modules(__name__, "..typing as ft", ".type_vars")

# Marks arguments that were not given where None has a meaning.
_sentinel = object()
_IS_POSIX = os.name == "posix"
_stock_get_root_path = get_root_path


def setupmethod(f: type_vars.F) -> type_vars.F:
    """Decorate a method that registers something, so that it raises when registration is no longer allowed."""
    name = f.__name__

    def checked(self: Scaffold, *args: object, **kwargs: object) -> object:
        self._check_setup_finished(name)
        try:
            return f(self, *args, **kwargs)
        except Exception as error:
            from ..mistakes import explain  # noqa: PLC0415 - with the first error

            explain(error)
            raise

    return cast("type_vars.F", update_wrapper(checked, f))


def _append(registry: dict[ft.AppOrBlueprintKey, list[Any]], entry: type_vars.Entry) -> type_vars.Entry:
    """Add an entry for everything that the owner of the registry handles."""
    # The `setdefault` of a `Registry` takes longer than all the rest. Others may have a `get` of their own.
    known = registry.get(None) if type(registry) is Registry else None
    (registry.setdefault(None, []) if known is None else known).append(entry)
    return entry


class Scaffold(DeclaresCookies):
    """The common base class of `Flask` and `Blueprint`.

    Args:
        import_name: The name of the module that creates the object, usually `__name__`.
        static_folder: The folder of static files, relative to the root path. None: there are none.
        static_url_path: The URL prefix of the static files. None: the name of the folder.
        template_folder: The folder of templates, relative to the root path. None: there are none.
        root_path: The folder that the others are relative to. None: the folder of the module.
    """

    name: str
    if TYPE_CHECKING:
        view_functions: dict[str, ft.RouteCallable]
        error_handler_spec: dict[ft.AppOrBlueprintKey, dict[int | None, dict[type[Exception], ft.ErrorHandlerCallable]]]
        before_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.BeforeRequestCallable]]
        after_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.AfterRequestCallable[Any]]]
        teardown_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.TeardownCallable]]
        template_context_processors: dict[ft.AppOrBlueprintKey, list[ft.TemplateContextProcessorCallable]]
        url_value_preprocessors: dict[ft.AppOrBlueprintKey, list[ft.URLValuePreprocessorCallable]]
        url_default_functions: dict[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]]

    _static_folder: str | None = None
    _static_url_path: str | None = None

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.static_folder = static_folder
        self.static_url_path = static_url_path
        self.template_folder = template_folder
        if root_path is None:
            locate = self._locate if get_root_path is _stock_get_root_path else get_root_path
            root_path = locate(self.import_name)
        self.root_path = root_path

        # Extensions write into the registries at any time. Except for the first two, their first key is the scope: the
        # name of a blueprint, or None for everything that this object handles.
        self._set_initial_attributes(
            {
                # Maps endpoints to view functions.
                "view_functions": {},
                "declared_cookies": {},
                # scope -> status code (None: no HTTP error) -> exception class -> handler
                "error_handler_spec": defaultdict(lambda: defaultdict(dict)),
                "before_request_funcs": Registry(list),
                "after_request_funcs": Registry(list),
                "teardown_request_funcs": Registry(list),
                "template_context_processors": defaultdict(list, {None: [_default_template_ctx_processor]}),
                "url_value_preprocessors": Registry(list),
                "url_default_functions": defaultdict(list),
            }
        )

    def _locate(self, import_name: str) -> str:
        return get_root_path(import_name)

    def _set_initial_attributes(self, attributes: dict[str, object]) -> None:
        """Set the attributes that a new object begins with. A class may have a faster way where nothing sees it."""
        for name, value in attributes.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        """Raise an AssertionError if the setup method `f_name` is called too late."""
        raise NotImplementedError

    # Files

    @property
    def static_folder(self) -> str | None:
        """The absolute path of the folder of static files; None if there is none."""
        folder = self._static_folder
        if folder is None:
            return None
        root = self.root_path
        if _IS_POSIX and type(root) is str and root and root[-1] != "/" and folder[:1] != "/":
            # The same, in fewer calls.
            return f"{root}/{folder}"
        return os.path.join(root, folder)

    @static_folder.setter
    def static_folder(self, value: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether a folder of static files is set."""
        return self.static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL prefix of the static files, by default the name of their folder."""
        if self._static_url_path is not None:
            return self._static_url_path
        folder = self.static_folder
        if folder is None:
            return None
        return f"/{os.path.basename(folder)}".rstrip("/")

    @static_url_path.setter
    def static_url_path(self, value: str | None) -> None:
        self._static_url_path = None if value is None else value.rstrip("/")

    @cached_property
    def jinja_loader(self) -> BaseLoader | None:
        """The loader of this object's own templates; None if it has no template folder."""
        if self.template_folder is None:
            return None
        # Imported here because many applications never render a template.
        from jinja2 import FileSystemLoader  # noqa: PLC0415

        kind = in_place_of("flask.sansio.scaffold.FileSystemLoader", FileSystemLoader)
        return kind(os.path.join(self.root_path, self.template_folder))

    # Routes

    def _method_route(
        self, method: str, rule: str, options: dict[str, object]
    ) -> Callable[[type_vars.T_route], type_vars.T_route]:
        if "methods" in options:
            raise TypeError("Use the 'route' decorator to use the 'methods' argument.")
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: object) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate a view for GET: `route` with this method."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: object) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate a view for POST: `route` with this method."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: object) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate a view for PUT: `route` with this method."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: object) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate a view for DELETE: `route` with this method."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: object) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate a view for PATCH: `route` with this method."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def route(self, rule: str, **options: Any) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate a view function for the URLs that a rule matches.

        Args:
            rule: The rule, such as `/user/<int:number>`.
            options: As for `add_url_rule`. `endpoint` defaults to the name of the function, `methods` to GET; HEAD and
                OPTIONS are added.
        """
        if callable(rule):
            raise TypeError("route() takes the rule of a URL, not a function. Write: @app.route('/...')")

        def decorator(f: type_vars.T_route) -> type_vars.T_route:
            # Removed once: a decorator applied to two functions names only the first.
            endpoint = options.pop("endpoint", None)
            self.add_url_rule(rule, endpoint, f, **options)
            return f

        return decorator

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a rule: the URLs that it matches, the name of the endpoint, and the view."""
        raise NotImplementedError

    @setupmethod
    def endpoint(self, endpoint: str) -> Callable[[type_vars.T_route], type_vars.T_route]:
        """Decorate the view of an endpoint whose rule was added without one."""

        def decorator(f: type_vars.T_route) -> type_vars.T_route:
            self.view_functions[endpoint] = f
            return f

        return decorator

    # Hooks

    @setupmethod
    def before_request(self, f: type_vars.T_before_request) -> type_vars.T_before_request:
        """Call `f` before the view. If it returns a value other than None, that is the response."""
        return _append(self.before_request_funcs, f)

    @setupmethod
    def after_request(self, f: type_vars.T_after_request) -> type_vars.T_after_request:
        """Call `f` with each response. It returns the response to send.

        If one of these functions raises an error, the remaining ones are not called.
        """
        return _append(self.after_request_funcs, f)

    @setupmethod
    def teardown_request(self, f: type_vars.T_teardown) -> type_vars.T_teardown:
        """Call `f` when the request context ends, with the unhandled exception or None.

        It is always called. Its return value is ignored, and it must not raise an error.
        """
        return _append(self.teardown_request_funcs, f)

    @setupmethod
    def context_processor(self, f: type_vars.T_template_context_processor) -> type_vars.T_template_context_processor:
        """Add the dict that `f` returns to the context of each template."""
        return _append(self.template_context_processors, f)

    @setupmethod
    def url_value_preprocessor(self, f: type_vars.T_url_value_preprocessor) -> type_vars.T_url_value_preprocessor:
        """Let `f(endpoint, values)` change the values of a matched URL, before all other hooks."""
        return _append(self.url_value_preprocessors, f)

    @setupmethod
    def url_defaults(self, f: type_vars.T_url_defaults) -> type_vars.T_url_defaults:
        """Let `f(endpoint, values)` add values whenever a URL is built."""
        return _append(self.url_default_functions, f)

    # Error handlers

    @setupmethod
    def errorhandler(
        self, code_or_exception: type[Exception] | int
    ) -> Callable[[type_vars.T_error_handler], type_vars.T_error_handler]:
        """Decorate a function that handles a status code or an exception class."""

        def decorator(f: type_vars.T_error_handler) -> type_vars.T_error_handler:
            self.register_error_handler(code_or_exception, f)
            return f

        return decorator

    @setupmethod
    def register_error_handler(self, code_or_exception: type[Exception] | int, f: ft.ErrorHandlerCallable) -> None:
        """Register a function that handles a status code or an exception class."""
        kind, code = self._get_exc_class_and_code(code_or_exception)
        self.error_handler_spec[None][code][kind] = f

    @staticmethod
    def _get_exc_class_and_code(
        exc_class_or_code: type[Exception] | int,
    ) -> tuple[type[Exception], int | None]:
        """Return the exception class, and its status code if it is an HTTP error.

        Raises:
            ValueError: If the code is unknown or the class is not an exception.
            TypeError: If an instance is given.
        """
        kind: type[Exception]
        if isinstance(exc_class_or_code, int):
            if exc_class_or_code not in default_exceptions:
                raise ValueError(
                    f"'{exc_class_or_code}' is not a recognized HTTP error code. Use a subclass of"
                    " HTTPException with that code instead."
                )
            kind = default_exceptions[exc_class_or_code]
        else:
            kind = exc_class_or_code
        if isinstance(kind, Exception):
            raise TypeError(
                f"{kind!r} is an instance, not a class. Handlers can only be registered for"
                " Exception classes or HTTP error codes."
            )
        try:
            is_exception = issubclass(kind, Exception)
        except TypeError as error:
            add_hint(error, _why_no_error(kind))
            raise
        if not is_exception:
            raise ValueError(
                f"'{kind.__name__}' is not a subclass of Exception. Handlers can only be"
                " registered for Exception classes or HTTP error codes."
            )
        return kind, kind.code if issubclass(kind, HTTPException) else None


def _endpoint_from_view_func(view_func: ft.RouteCallable | None) -> str:
    """Return the default endpoint of a view: the name of the function."""
    if view_func is None:
        raise AssertionError("expected view func if endpoint is not provided.")
    return view_func.__name__


offer_flasks_names(__name__)


def _why_no_error(given: object) -> str:
    instead = f"Write: @app.errorhandler({given})" if isinstance(given, str) and given.isdecimal() else "Write 404."
    return f"errorhandler() takes a class of exceptions or a status code, not {given!r}. {instead}"
