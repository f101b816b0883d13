"""Interpret the tuples that a view may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from ..wrappers.response import Response

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
