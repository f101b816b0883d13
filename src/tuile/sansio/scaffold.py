"""What an application and a blueprint both collect: routes, hooks, handlers, files.

Floor 4 (what is registered).

Lives here: `Scaffold`, the registries the staircase reads and the decorators that fill them.
Does not live here: walking the registries (dispatch), replaying them (blueprints), finding
the folder of an import name (packages).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, update_wrapper
from typing import IO, TYPE_CHECKING, Any, AnyStr, TypeVar, cast

from werkzeug.exceptions import HTTPException, default_exceptions

from .. import typing as ft
from ..cookie.declared import DeclaresCookies
from ..globals import current_app
from ..helpers import send_from_directory
from ..packages import get_root_path
from ..templating import _default_template_ctx_processor

if TYPE_CHECKING:
    from click import Group
    from jinja2 import BaseLoader

    from ..wrappers.response import Response

# Told apart from None, which is a meaningful value for the parameters that use it.
_sentinel = object()

F = TypeVar("F", bound=Callable[..., Any])
T_after_request = TypeVar("T_after_request", bound=ft.AfterRequestCallable[Any])
T_before_request = TypeVar("T_before_request", bound=ft.BeforeRequestCallable)
T_error_handler = TypeVar("T_error_handler", bound=ft.ErrorHandlerCallable)
T_teardown = TypeVar("T_teardown", bound=ft.TeardownCallable)
T_template_context_processor = TypeVar("T_template_context_processor", bound=ft.TemplateContextProcessorCallable)
T_url_defaults = TypeVar("T_url_defaults", bound=ft.URLDefaultCallable)
T_url_value_preprocessor = TypeVar("T_url_value_preprocessor", bound=ft.URLValuePreprocessorCallable)
T_route = TypeVar("T_route", bound=ft.RouteCallable)
_Entry = TypeVar("_Entry")


def setupmethod(f: F) -> F:
    """Refuse a call of the method `f` once its object no longer takes registrations."""
    name = f.__name__

    def checked(self: Scaffold, *args: Any, **kwargs: Any) -> Any:
        self._check_setup_finished(name)
        return f(self, *args, **kwargs)

    return cast("F", update_wrapper(checked, f))


def _append(registry: dict[ft.AppOrBlueprintKey, list[Any]], entry: _Entry) -> _Entry:
    """Add an entry that concerns everything the registry's owner handles."""
    registry.setdefault(None, []).append(entry)
    return entry


class Scaffold(DeclaresCookies):
    """What `Flask` and `Blueprint` have in common.

    import_name: the module the object is made in, normally `__name__`.
    static_folder: folder of files to serve, relative to the root path; None serves none.
    static_url_path: URL prefix of those files; None derives it from the folder's name.
    template_folder: folder of templates, relative to the root path; None adds none.
    root_path: folder that the others are relative to; None finds it by the import name.
    """

    name: str
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
        self.root_path = get_root_path(import_name) if root_path is None else root_path

        # Endpoint name to view function.
        self.view_functions: dict[str, ft.RouteCallable] = {}
        self.declared_cookies = {}

        # Every registry below is live: extensions write into it at any time. Its first key is
        # the scope: a blueprint's name, or None for all that this object handles.

        # scope -> status code (None: no HTTP error) -> exception class -> handler
        self.error_handler_spec: dict[
            ft.AppOrBlueprintKey,
            dict[int | None, dict[type[Exception], ft.ErrorHandlerCallable]],
        ] = defaultdict(lambda: defaultdict(dict))
        self.before_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.BeforeRequestCallable]] = defaultdict(list)
        self.after_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.AfterRequestCallable[Any]]] = defaultdict(list)
        self.teardown_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.TeardownCallable]] = defaultdict(list)
        self.template_context_processors: dict[ft.AppOrBlueprintKey, list[ft.TemplateContextProcessorCallable]] = (
            defaultdict(list, {None: [_default_template_ctx_processor]})
        )
        self.url_value_preprocessors: dict[ft.AppOrBlueprintKey, list[ft.URLValuePreprocessorCallable]] = defaultdict(
            list
        )
        self.url_default_functions: dict[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]] = defaultdict(list)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        """Raise AssertionError when the setup method `f_name` comes too late."""
        raise NotImplementedError

    @cached_property
    def cli(self) -> Group:
        """The group of this object's commands, named after it; made when first asked for."""
        # click is needed by those who add commands, and by nobody who serves requests.
        from ..cli import AppGroup  # noqa: PLC0415

        group = AppGroup()
        group.name = self.name
        return group

    # Files

    @property
    def static_folder(self) -> str | None:
        """The absolute path of the folder of static files, None when there is none."""
        if self._static_folder is None:
            return None
        return os.path.join(self.root_path, self._static_folder)

    @static_folder.setter
    def static_folder(self, value: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether a folder of static files is set."""
        return self.static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL prefix of the static files: as set, else by the name of their folder."""
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
        """The loader of this object's own templates, None without a template folder."""
        if self.template_folder is None:
            return None
        # Jinja weighs more than the rest of an application that renders no template.
        from jinja2 import FileSystemLoader  # noqa: PLC0415

        return FileSystemLoader(os.path.join(self.root_path, self.template_folder))

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """How many seconds a browser may keep `filename` without asking again.

        The default is the application's SEND_FILE_MAX_AGE_DEFAULT for every file; None tells
        the browser to ask each time. Override it to decide by name.
        """
        age = current_app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        if isinstance(age, timedelta):
            return int(age.total_seconds())
        return cast("int | None", age)

    def send_static_file(self, filename: str) -> Response:
        """The view of the static route: the file of that name in the static folder.

        Raises RuntimeError without a static folder, and NotFound without such a file.
        """
        folder = self.static_folder
        if folder is None:
            raise RuntimeError("'static_folder' must be set to serve static_files.")
        # Asked here because sending a file asks the application, never a blueprint.
        max_age = self.get_send_file_max_age(filename)
        return send_from_directory(folder, filename, max_age=max_age)

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = None) -> IO[AnyStr]:
        """Open a file below the root path for reading.

        mode: "rb", "r" or "rt"; any other raises ValueError.
        encoding: of the text, used with "r" and "rt" alone; None is the platform's default.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError("Resources can only be opened for reading.")
        path = os.path.join(self.root_path, resource)
        # The mode decides which AnyStr it is, and mode is a plain str in this interface.
        return cast("IO[AnyStr]", open(path, mode, encoding=None if mode == "rb" else encoding))

    # Routes

    def _method_route(self, method: str, rule: str, options: dict[str, Any]) -> Callable[[T_route], T_route]:
        if "methods" in options:
            raise TypeError("Use the 'route' decorator to use the 'methods' argument.")
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Decorate a view for GET alone: `route` with that method."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Decorate a view for POST alone: `route` with that method."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Decorate a view for PUT alone: `route` with that method."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Decorate a view for DELETE alone: `route` with that method."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Decorate a view for PATCH alone: `route` with that method."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def route(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Decorate a view function to answer the URLs of `rule`.

        options: what `add_url_rule` takes. `endpoint` defaults to the function's name,
            `methods` to GET; HEAD and OPTIONS come along.
        """

        def decorator(f: T_route) -> T_route:
            # Taken out once: a decorator applied to two functions names only the first.
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
        """Add a rule: which URLs it matches, the endpoint's name, the view that answers."""
        raise NotImplementedError

    @setupmethod
    def endpoint(self, endpoint: str) -> Callable[[F], F]:
        """Decorate the view of an endpoint whose rule was added without one."""

        def decorator(f: F) -> F:
            self.view_functions[endpoint] = f
            return f

        return decorator

    # Hooks

    @setupmethod
    def before_request(self, f: T_before_request) -> T_before_request:
        """Run `f` before the view; what it returns, unless None, is the answer instead."""
        return _append(self.before_request_funcs, f)

    @setupmethod
    def after_request(self, f: T_after_request) -> T_after_request:
        """Run `f` on each response; it returns the response to send.

        When one of these functions raises, those after it do not run.
        """
        return _append(self.after_request_funcs, f)

    @setupmethod
    def teardown_request(self, f: T_teardown) -> T_teardown:
        """Run `f` when the request context goes, with the unhandled exception or None.

        It always runs, its return value is dropped, and it must not raise.
        """
        return _append(self.teardown_request_funcs, f)

    @setupmethod
    def context_processor(self, f: T_template_context_processor) -> T_template_context_processor:
        """Add the dict `f` returns to what each template can read."""
        return _append(self.template_context_processors, f)

    @setupmethod
    def url_value_preprocessor(self, f: T_url_value_preprocessor) -> T_url_value_preprocessor:
        """Let `f(endpoint, values)` change what a URL carries, before any other hook."""
        return _append(self.url_value_preprocessors, f)

    @setupmethod
    def url_defaults(self, f: T_url_defaults) -> T_url_defaults:
        """Let `f(endpoint, values)` add values when a URL is built."""
        return _append(self.url_default_functions, f)

    # Error handlers

    @setupmethod
    def errorhandler(self, code_or_exception: type[Exception] | int) -> Callable[[T_error_handler], T_error_handler]:
        """Decorate the function that answers a status code or an exception class."""

        def decorator(f: T_error_handler) -> T_error_handler:
            self.register_error_handler(code_or_exception, f)
            return f

        return decorator

    @setupmethod
    def register_error_handler(self, code_or_exception: type[Exception] | int, f: ft.ErrorHandlerCallable) -> None:
        """Have `f` answer a status code or an exception class."""
        kind, code = self._get_exc_class_and_code(code_or_exception)
        self.error_handler_spec[None][code][kind] = f

    @staticmethod
    def _get_exc_class_and_code(
        exc_class_or_code: type[Exception] | int,
    ) -> tuple[type[Exception], int | None]:
        """The exception class meant, and its status code when it is an HTTP error.

        Raises ValueError for an unknown code or a class that is no exception, and TypeError
        for an instance.
        """
        kind: Any = exc_class_or_code
        if isinstance(kind, int):
            if kind not in default_exceptions:
                raise ValueError(
                    f"'{kind}' is not a recognized HTTP error code. Use a subclass of"
                    " HTTPException with that code instead."
                )
            kind = default_exceptions[kind]
        if isinstance(kind, Exception):
            raise TypeError(
                f"{kind!r} is an instance, not a class. Handlers can only be registered for"
                " Exception classes or HTTP error codes."
            )
        if not issubclass(kind, Exception):
            raise ValueError(  # noqa: TRY004 - Flask's answer, which callers catch
                f"'{kind.__name__}' is not a subclass of Exception. Handlers can only be"
                " registered for Exception classes or HTTP error codes."
            )
        return kind, kind.code if issubclass(kind, HTTPException) else None


def _endpoint_from_view_func(view_func: ft.RouteCallable | None) -> str:
    """The endpoint a view has when none is named: the function's own name."""
    if view_func is None:
        raise AssertionError("expected view func if endpoint is not provided.")
    return view_func.__name__
