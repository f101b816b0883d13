"""Functions that views call: responses, redirects, files, flashed messages, URLs.

As in `flask.helpers`. `url_for` is defined in `urls`, `stream_with_context` in `ctx.functions`.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, AnyStr, NoReturn, cast

from werkzeug import utils

from .ctx.app_context import current, value_with_request
from .ctx.functions import stream_with_context
from .environment import get_debug_flag, get_load_dotenv
from .globals import current_app, request
from .packages import get_root_path
from .signals import message_flashed
from .urls import url_for

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from werkzeug.wrappers import Response as BaseResponse

    from .app import Flask
    from .ctx.request_context import RequestContext
    from .wrappers.response import Response

__all__ = [
    "abort",
    "flash",
    "get_debug_flag",
    "get_flashed_messages",
    "get_load_dotenv",
    "get_root_path",
    "get_template_attribute",
    "make_response",
    "redirect",
    "send_file",
    "send_from_directory",
    "stream_with_context",
    "url_for",
]


def make_response(*args: Any) -> Response:
    """The response that a view returning `args` would give, to be changed before it goes.

    args: nothing for an empty response, else a view's return value, its tuple forms spread out:
        `make_response(text, 404)`.
    """
    context = current.get(None)
    # The unbound proxy raises, and its message says what is missing.
    app: Flask = current_app if context is None else context.app
    if not args:
        return app.response_class()
    return app.make_response(args[0] if len(args) == 1 else args)


def redirect(location: str, code: int = 302, Response: type[BaseResponse] | None = None) -> BaseResponse:  # noqa: N803 - Flask's name
    """A response that sends the client to `location`.

    The running application makes it; without one Werkzeug does, of the class `Response`.
    """
    context = current.get(None)
    if context is not None:
        app: Flask = context.app
        return app.redirect(location, code=code)
    # Only a script without an application comes here.
    from werkzeug.utils import redirect as make_redirect  # noqa: PLC0415

    return make_redirect(location, code=code, Response=Response)


def abort(code: int | BaseResponse, *args: Any, **kwargs: Any) -> NoReturn:
    """End the view with the HTTP error `code`, or with a response as it is.

    args, kwargs: for the exception, a description first.
    Raises the HTTPException that the running application's `aborter` has for the code, and
    LookupError when there is none.
    """
    context = current.get(None)
    if context is not None:
        context.app.aborter(code, *args, **kwargs)
    # Also behind an aborter of the application's own that came back.
    from werkzeug.exceptions import abort as raise_http_error  # noqa: PLC0415

    raise_http_error(code, *args, **kwargs)


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """A macro or variable that a template exports, for use in Python code."""
    return getattr(current_app.jinja_env.get_template(template_name).module, attribute)


def _with_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The options of Werkzeug's functions: those given, completed by application and request."""
    if options.get("max_age") is None:
        options["max_age"] = current_app.get_send_file_max_age
    return {
        **options,
        "environ": request.environ,
        "use_x_sendfile": current_app.config["USE_X_SENDFILE"],
        "response_class": current_app.response_class,
        "_root_path": current_app.root_path,
    }


def send_file(
    path_or_file: os.PathLike[AnyStr] | str | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
) -> Response:
    """A response with the contents of a file.

    Never give it a path that comes from a client: `send_from_directory` is for those.

    path_or_file: a path, relative to the application's root path, or a binary file open at the
        place to send from. With a path the server may send the file itself.
    mimetype: of the contents; by default the name tells, and a file without a name needs it.
    as_attachment: whether the browser saves it rather than shows it.
    download_name: under which name; by default that of the path.
    conditional: whether conditional and range requests are answered as such.
    etag: the entity tag, True to compute one from the file, False for none.
    last_modified: when it changed, a datetime or seconds since 1970; by default the file's own.
    max_age: for how many seconds the client may keep it without asking, or a function of the
        path; by default `Flask.get_send_file_max_age`.
    Raises ValueError for a file open as text, and TypeError when no name is known to save under.
    """
    options = _with_settings(
        {
            "path_or_file": path_or_file,
            "mimetype": mimetype,
            "as_attachment": as_attachment,
            "download_name": download_name,
            "conditional": conditional,
            "etag": etag,
            "last_modified": last_modified,
            "max_age": max_age,
        }
    )
    return cast("Response", utils.send_file(**options))


def send_from_directory(directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: Any) -> Response:
    """A response with the file at `path` in `directory`, and never one outside of it.

    directory: relative to the application's root path, and not from a client.
    path: relative to the directory; it may come from a client.
    kwargs: as in `send_file`.
    Raises NotFound when there is no such file, or when the path would lead out.
    """
    return cast("Response", utils.send_from_directory(directory, path, **_with_settings(kwargs)))


def flash(message: str, category: str = "message") -> None:
    """Keep a message for the next page that asks for messages.

    category: any word a page can tell messages apart by; customary are message, error, info and
        warning.
    """
    context = value_with_request()
    session = context.session
    # Assigned anew, because a session notices an assignment and not a change inside a value.
    session["_flashes"] = [*session.get("_flashes", ()), (category, message)]
    if message_flashed.receivers:
        app = context.app
        message_flashed.send(app, _async_wrapper=app.ensure_sync, message=message, category=category)


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """The messages kept so far, taken out of the session; the same ones all through a request.

    with_categories: give (category, message) pairs instead of messages.
    category_filter: give only messages of these categories; empty gives all.
    """
    context = value_with_request()
    request_context: RequestContext = context.request_context
    flashes = request_context.flashes
    if flashes is None:
        session = context.session
        # Looking first leaves a session that holds no message unmodified.
        flashes = session.pop("_flashes") if "_flashes" in session else []
        request_context.flashes = flashes
    if category_filter:
        flashes = [pair for pair in flashes if pair[0] in category_filter]
    if with_categories:
        return flashes
    return [pair[1] for pair in flashes]
