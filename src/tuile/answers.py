"""What a view answers with when a plain value is not enough.

Floor 3 (what a view reaches for).

Lives here: `make_response`, `redirect` and `abort`, which ask the running application, and what the
tuple forms of an answer mean. Does not live here: turning a value into a response (dispatch), building
URLs (urls).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.datastructures import Headers

from .ctx.app_context import current
from .globals import current_app

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as BaseResponse

    from .app import Flask
    from .wrappers.response import Response


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


def complete_response(response: Response, status: Any, headers: Any) -> None:
    """Give a response the status and the headers that came with it in a tuple."""
    if isinstance(status, (str, bytes, bytearray)):
        response.status = status  # type: ignore[assignment] # bytes fail there as they do in Flask
    elif status is not None:
        response.status_code = status
    if headers:
        response.headers.update(headers)


def unpack_answer(answer: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Return body, status and headers of a view's tuple; what it does not give is None."""
    if len(answer) == 3:
        return answer
    if len(answer) == 2:
        if isinstance(answer[1], (Headers, dict, tuple, list)):
            return answer[0], None, answer[1]
        return answer[0], answer[1], None
    message = (
        "The view function did not return a valid response tuple. The tuple must have the form"
        " (body, status, headers), (body, status), or (body, headers)."
    )
    raise TypeError(message)
