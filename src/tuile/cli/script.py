"""Load the application for one run of the command line, and pass it to commands."""

from __future__ import annotations

import re
from functools import update_wrapper
from typing import TYPE_CHECKING, TypeVar, cast

import click

from tuile.ctx.functions import has_app_context

from .finding import NoAppException

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile.app import Flask

F = TypeVar("F", bound="Callable[..., object]")

# The colon of a Windows drive is followed by a slash and is not a separator.
_COLON = re.compile(r":(?![\\/])")


class ScriptInfo:
    """The application of one run of the command line.

    It is the ``obj`` of the click context. A FlaskGroup creates one; pass your own to run commands with another
    application: ``cli.main(obj=ScriptInfo(create_app=make))``.

    Args:
        app_import_path: The value of ``--app``: ``module``, ``module:name`` or ``module:factory(args)``.
        create_app: A function without arguments that returns the application. Takes precedence over the path.
        set_debug_flag: Whether ``FLASK_DEBUG`` sets ``app.debug`` after loading.
        load_dotenv_defaults: Whether to load ``.env`` and ``.flaskenv``, unless ``FLASK_SKIP_DOTENV`` is set. Only
            stored, for the code that loads them.
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: Callable[..., Flask] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        import tuile.cli as cli  # noqa: PLC0415, PLR0402 - it imports this module; each call is faster this way

        self.app_import_path = app_import_path
        self.create_app = create_app
        #: For commands to pass data to each other.
        self.data: dict[object, object] = {}
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults = cli.get_load_dotenv(load_dotenv_defaults)
        self._loaded_app: Flask | None = None

    def load_app(self) -> Flask:
        """Return the application. The first call imports it.

        Raises:
            NoAppException: If it cannot be found.
        """
        import tuile.cli as cli  # noqa: PLC0415, PLR0402 - it imports this module; each call is faster this way

        if self._loaded_app is None:
            app = self._find_app()
            if self.set_debug_flag:
                app.debug = cli.get_debug_flag()
            self._loaded_app = app
        return self._loaded_app

    def _find_app(self) -> Flask:
        import tuile.cli as cli  # noqa: PLC0415, PLR0402 - it imports this module; each call is faster this way

        app: Flask | None = None
        if self.create_app is not None:
            app = self.create_app()
        elif self.app_import_path:
            path, *names = _COLON.split(self.app_import_path, maxsplit=1)
            app = cli.locate_app(cli.prepare_import(path), names[0] if names else None)
        else:
            for path in ("wsgi.py", "app.py"):
                module_name = cli.prepare_import(path)
                app = cli.locate_app(module_name, None, raise_if_not_found=False)
                if app is not None:
                    break

        if app is None:
            raise NoAppException(
                "Could not locate a Flask application. Use the 'tuile --app' option,"
                " 'FLASK_APP' environment variable, or a 'wsgi.py' or 'app.py' file in the"
                " current directory."
            )
        return app


pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def with_appcontext(f: F) -> F:
    """Decorate the callback of a command to run in the application's context.

    The context lasts until the command and its subcommands have ended. If the application's context is already active,
    it is used. Commands of ``app.cli`` and of a blueprint's ``cli`` do not need this decorator.
    """

    @click.pass_context
    def in_context(ctx: click.Context, /, *args: object, **kwargs: object) -> object:
        if not has_app_context():
            ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
        return ctx.invoke(f, *args, **kwargs)

    return cast("F", update_wrapper(in_context, f))
