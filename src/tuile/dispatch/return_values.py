"""What a view may return, and the parts of a response that are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..wrappers.response import Response, TextStart

#: A view that is a coroutine function.
AwaitedView: TypeAlias = "Callable[..., Any]"
#: The body of a response, or a response.
Body: TypeAlias = Any
#: The start of a response to text or JSON, its body, and more headers; or None and the response.
Parts: TypeAlias = "tuple[TextStart | None, Body, list[tuple[str, str]] | None]"

# Bytes raise the same error as in Flask.
_TEXTS: tuple[type[Any], ...] = (str, bytes, bytearray)


def complete_response(response: Response, status: Any, headers: Any) -> None:
    """Set the status and the headers from a tuple on a response."""
    if isinstance(status, _TEXTS):
        response.status = status
    elif status is not None:
        response.status_code = status
    if headers:
        response.headers.update(headers)


def unpack_answer(answer: tuple[object, ...]) -> tuple[Any, Any, Any]:
    """Return body, status and headers of a tuple; None for missing ones."""
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
