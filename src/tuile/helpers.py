"""Functions that views call: responses, redirects, files, flashed messages, URLs.

As in `flask.helpers`. `url_for` is defined in `urls`, `stream_with_context` in `ctx.functions`.
"""

from __future__ import annotations

import io
import os
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, AnyStr, NoReturn, cast

from werkzeug import utils
from werkzeug.exceptions import Aborter, NotFound

from .ctx.app_context import current_request, current_value, value_with_request
from .ctx.functions import stream_with_context
from .environment import get_debug_flag, get_load_dotenv
from .flask_names import offer_flasks_names
from .globals import current_app, request
from .invalidation import as_defined
from .lazy import late_modules
from .packages import get_root_path
from .patched import APP_OF_HELPERS, names
from .signals import message_flashed, send_signal
from .urls import url_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from typing import TypeGuard

    from werkzeug.exceptions import HTTPException
    from werkzeug.wrappers import Response as BaseResponse

    from .app import Flask
    from .ctx.app_context import CurrentRequest
    from .wrappers import files
    from .wrappers.response import Response
else:
    (files,) = late_modules(__name__, ".wrappers.files")

# To compare with.
_CALL = as_defined(Aborter, "__call__")
# Typed here: Werkzeug does not say what the mapping has.
_kinds_of: Callable[[Aborter], Mapping[int, Callable[..., HTTPException]]] = attrgetter("mapping")

__all__ = [
    "abort",
    "flash",
    "get_debug_flag",
    "get_flashed_messages",
    "get_load_dotenv",
    "get_root_path",
    "get_template_attribute",
    "is_safe_redirect",
    "make_response",
    "redirect",
    "send_file",
    "send_from_directory",
    "stream_with_context",
    "url_for",
]


def make_response(*args: Any) -> Response:
    """Return the response for a view's return value, so that it can be changed before it is sent.

    Args:
        args: Nothing for an empty response, or the return value of a view. The items of a tuple are separate
            arguments: `make_response(text, 404)`.
    """
    context = current_value(None)
    # The unbound proxy raises an error that says what is missing.
    app: Flask = current_app if context is None else context.app
    del context  # as in `abort`
    if not args:
        return app.response_class()
    return app.make_response(args[0] if len(args) == 1 else args)


def redirect(location: str, code: int = 302, Response: type[BaseResponse] | None = None) -> BaseResponse:  # noqa: N803 - Flask's name
    """Return a response that redirects the client to `location`.

    The current application's `redirect` is used if there is one; otherwise Werkzeug's, with the class `Response`.
    """
    context = current_value(None)
    if app := names.get(APP_OF_HELPERS) if context is None else context.app:
        return cast("BaseResponse", app.redirect(location, code=code))
    # Reached only without an application.
    from werkzeug.utils import redirect as make_redirect  # noqa: PLC0415

    return make_redirect(location, code=code, Response=Response)


def is_safe_redirect(url: str | None, allowed_hosts: Iterable[str] = ()) -> TypeGuard[str]:
    """Return whether a redirect to `url` stays on this host. Ask it before redirecting to what a client has sent.

    It is false for None, for "", and for everything that browsers may read otherwise than it looks. To a type checker
    the URL is a text where it is true.

    Args:
        url: A path or an absolute URL, such as `request.args.get("next")`.
        allowed_hosts: Other hosts to which redirects may lead: `["accounts.example.com"]`.

    Raises:
        TypeError: If the hosts are a single text.
    """
    if isinstance(allowed_hosts, str):
        message = f"allowed_hosts must be a list of hosts, not a single text. Write: [{allowed_hosts!r}]."
        raise TypeError(message)
    asked = current_request()
    from .http.redirect_targets import stays_on  # noqa: PLC0415 - seldom needed

    return stays_on(url, asked.scheme, asked.host, allowed_hosts)


def abort(code: int | BaseResponse, *args: object, **kwargs: object) -> NoReturn:
    """Raise the HTTP exception for a status code, or for a response.

    Args:
        code: The status code, or a response to send.
        args: Arguments for the exception, the description first.
        kwargs: Keyword arguments for the exception.

    Raises:
        HTTPException: The one that the application's `aborter` has for the code.
        LookupError: If the aborter does not know the code.
    """
    context = current_value(None)
    if app := names.get(APP_OF_HELPERS) if context is None else context.app:
        aborter = app.aborter
        # The traceback of the exception has this frame: it must not refer to the request.
        del context
        if type(code) is int and type(aborter) is Aborter and Aborter.__call__ is _CALL and code in aborter.mapping:
            # What it does, without its import of the class of responses.
            raise _kinds_of(aborter)[code](*args, **kwargs)
        aborter(code, *args, **kwargs)
    # Reached if a custom aborter returns.
    from werkzeug.exceptions import abort as raise_http_error  # noqa: PLC0415

    raise_http_error(code, *args, **kwargs)


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Return a macro or variable that a template exports, for use in Python code."""
    context = current_value(None)
    # The unbound proxy raises an error that says what is missing.
    app: Flask = current_app if context is None else context.app
    return getattr(app.jinja_env.get_template(template_name).module, attribute)


# The options of `send_file`.
_OPTIONS = frozenset({"mimetype", "as_attachment", "download_name", "conditional", "etag", "last_modified", "max_age"})


_IS_POSIX = os.name == "posix"


def _is_rooted(path: object) -> bool:
    """Return whether a path is the same when it is joined to another one."""
    return type(path) is str and path[:1] == "/" and _IS_POSIX


_send_from_directory = utils.send_from_directory


def _with_settings(options: dict[str, object]) -> dict[str, Any]:
    """Return the options for Werkzeug's functions, completed by the application and the request."""
    if options.get("max_age") is None:
        options["max_age"] = current_app.get_send_file_max_age
    return {
        **options,
        "environ": request.environ,
        "use_x_sendfile": current_app.config["USE_X_SENDFILE"],
        "response_class": current_app.response_class,
        "_root_path": current_app.root_path,
    }


def _send(  # noqa: C901 - one look at each option, without calls
    path_or_file: object,
    status: os.stat_result | None,
    mimetype: object = None,
    as_attachment: object = False,
    download_name: object = None,
    conditional: object = True,
    etag: object = True,
    last_modified: object = None,
    max_age: object = None,
) -> Response:
    """Return a response with the contents of a file, made by Werkzeug unless all of it is known in advance.

    Args:
        path_or_file: A path, relative to the application's root path, or a binary file.
        status: What the system says of the file, if it was asked already.
        mimetype: As for `send_file`, like all that follow.
        as_attachment: Whether browsers save the file.
        download_name: The name under which they save it.
        conditional: Whether to support conditional and range requests.
        etag: The entity tag.
        last_modified: When the file was changed.
        max_age: For how many seconds it may be cached.
    """
    context = current_value(None)
    if context is not None and context.request is not None:
        app, its_request = context.app, context.request
        del context  # as in `abort`
        path = file = None
        if type(path_or_file) is io.BytesIO:
            file = path_or_file
        elif isinstance(path_or_file, (str, os.PathLike)) and not app.config["USE_X_SENDFILE"]:
            joined = path_or_file if _is_rooted(path_or_file) else os.path.join(app.root_path, path_or_file)
            if isinstance(joined, str):
                path = joined
                if status is None:
                    status = os.stat(path)
        if file is not None or path is not None:
            if max_age is None:
                max_age = app.get_send_file_max_age
            if callable(max_age):
                max_age = max_age(path)
            response = files.file_response(
                app.response_class,
                its_request,
                path,
                file,
                status,
                mimetype,
                as_attachment,
                download_name,
                conditional,
                etag,
                last_modified,
                max_age,
            )
            if response is not None:
                return response
            if max_age is None:
                # Not to be asked for again.
                max_age = _no_max_age
    else:
        request.environ  # noqa: B018 - the error of the request comes before that of the application
    options = {
        "mimetype": mimetype,
        "as_attachment": as_attachment,
        "download_name": download_name,
        "conditional": conditional,
        "etag": etag,
        "last_modified": last_modified,
        "max_age": max_age,
    }
    return cast("Response", utils.send_file(cast("str | IO[bytes]", path_or_file), **_with_settings(options)))


def _no_max_age(path: str | None) -> None:
    """Let browsers revalidate a file each time."""


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
    """Return a response with the contents of a file.

    Never pass a path that comes from a client: use `send_from_directory` for that.

    Args:
        path_or_file: A path, relative to the application's root path, or a binary file, which is sent from its current
            position. With a path, the server may send the file itself.
        mimetype: The media type of the contents. By default it is guessed from the name; required for a file without a
            name.
        as_attachment: Whether browsers save the file instead of showing it.
        download_name: The name under which browsers save the file. By default that of the path.
        conditional: Whether to support conditional and range requests.
        etag: The entity tag; True computes one from the file, False sends none.
        last_modified: When the file was changed, as a datetime or seconds since 1970. By default read from the file.
        max_age: For how many seconds clients may cache the file without revalidating it, or a function of the path. By
            default `Flask.get_send_file_max_age`.

    Raises:
        ValueError: If the file is open in text mode.
        TypeError: If the file is sent as an attachment and has no name.
    """
    return _send(path_or_file, None, mimetype, as_attachment, download_name, conditional, etag, last_modified, max_age)


def send_from_directory(directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: object) -> Response:
    """Return a response with a file of a directory, and never with a file outside of it.

    Args:
        directory: The directory, relative to the application's root path. It must not come from a client.
        path: The path, relative to the directory. It may come from a client.
        kwargs: As for `send_file`.

    Raises:
        NotFound: If there is no such file, or the path leads out of the directory.
    """
    context = current_value(None)
    is_stock = utils.send_from_directory is _send_from_directory
    if not is_stock or context is None or context.request is None or not kwargs.keys() <= _OPTIONS:
        return cast("Response", utils.send_from_directory(directory, path, **_with_settings(kwargs)))
    joined = files.join_safely(os.fspath(directory), os.fspath(path))
    if joined is None:
        raise NotFound
    if not _is_rooted(joined):
        joined = os.path.join(current_app.root_path, joined)
    status = files.regular_file(joined)
    if status is None:
        raise NotFound
    return _send(joined, status, **kwargs)


# How many messages wait in a session when only others are asked for.
_MOST_UNSEEN = 20


def flash(message: str, category: str = "message") -> None:
    """Store a message in the session for the next page that shows messages.

    Args:
        message: The text.
        category: A string by which pages can distinguish messages, such as message, error, info or warning.
    """
    context = value_with_request()
    session = context.session
    append = getattr(session, "append", None)
    if append is None:  # not every session interface uses `SessionMixin`
        session["_flashes"] = [*session.get("_flashes", ()), (category, message)]
    else:
        append("_flashes", (category, message))
    if message_flashed.receivers:
        app = context.app
        send_signal(message_flashed, app, app.ensure_sync, message=message, category=category)


def _keep_unseen(context: CurrentRequest, unseen: list[tuple[str, str]], seen: list[tuple[str, str]]) -> None:
    """Have the session keep the messages that no call of this request has given, for the next request.

    Args:
        context: The value of the context variable.
        unseen: Those that no call has given before; those given now are taken out of this list.
        seen: Those given now.
    """
    kept = list(context.session.get("_flashes", ()))
    for pair in unseen:
        if pair in kept:
            kept.remove(pair)
    for pair in seen:
        if pair in unseen:
            unseen.remove(pair)
    # Some categories may never be read, and a cookie holds only so much.
    for category, message in unseen[:-_MOST_UNSEEN]:
        context.app.logger.warning("The message %r of category %r is dropped: no page asks for it.", message, category)
    del unseen[:-_MOST_UNSEEN]
    kept[:0] = unseen
    if kept:
        context.session["_flashes"] = kept
    else:
        context.session.pop("_flashes", None)


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """Return the stored messages and remove them from the session. Repeated calls in a request return the same.

    Args:
        with_categories: Return pairs of category and message.
        category_filter: Return only messages of these categories; the others wait for the next request that asks.
            Empty: all.
    """
    context = value_with_request()
    request_context = context._request_ctx
    flashes = request_context.flashes
    if flashes is None:
        session = context.session
        # Checked first, so that a session without messages stays unmodified.
        flashes = session.pop("_flashes") if "_flashes" in session else []
        request_context.flashes = flashes
        if category_filter:
            request_context._flashes_unseen = list(flashes)
    if category_filter:
        flashes = [pair for pair in flashes if pair[0] in category_filter]
    if request_context._flashes_unseen:
        _keep_unseen(context, request_context._flashes_unseen, flashes)
    if with_categories:
        return flashes
    return [pair[1] for pair in flashes]


offer_flasks_names(__name__)
