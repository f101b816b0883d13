"""Functions for the response to what a view returns; as those of `inlined`, they are inlined."""

from __future__ import annotations

import typing as t
from sys import getrefcount
from weakref import getweakrefcount

from .. import invalidation
from ..ctx.references import REFERENCES
from ..http.response_headers import LENGTHS, SHORT, Headers, new_length

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..wrappers.response import Response, TextStart
    from .plan import Plan
    from .return_values import Body

new: Body = object.__new__
#: Instead of more headers, with a response that a view has returned: no code of the application has run since.
UNSEEN: list[tuple[str, str]] = []


def encode_answer(plan: Plan, answer: t.Any) -> tuple[TextStart | None, t.Any]:
    """Return the parts of a response to text, bytes or JSON.

    Returns:
        The start of the response and its body; or None and nothing if the steps must convert it. The answer itself
        would be one more reference to it.
    """
    kind = type(answer)
    if kind is str and plan.text_start is not None:
        return plan.text_start, answer.encode()
    if (kind is dict or kind is list) and plan.json_start is not None and plan.write_json is not None:
        return plan.json_start, f"{plan.write_json(answer)}\n".encode()
    if kind is bytes and plan.text_start is not None:
        return plan.text_start, answer
    return None, b""


def quick_response(plan: Plan, answer: t.Any) -> Response | None:
    """Return the response for text, bytes or JSON, as its constructor would create it.

    None if the steps must convert the answer.
    """
    start, body = encode_answer(plan, answer)
    if start is None:
        return None
    counted = length_header(body)
    return response_of(plan, start, counted, body)


def response_of(plan: Plan, start: TextStart, counted: tuple[str, str], body: bytes) -> Response:
    """Return the response with a body of known length, as its constructor would create it."""
    response: Response = new(plan.response_class)
    pair, response._status, response._status_code, _ = start
    response.headers = headers = new(Headers)
    headers._list = [pair, counted]
    response.direct_passthrough = False
    response._on_close = []
    response.response = [body]
    return response


def is_as_made(plan: Plan, start: TextStart, counted: tuple[str, str], body: bytes, response: Response) -> bool:
    """Return whether a response is as `response_of` made it, and nothing else refers to it or to the list of its parts.

    A weak reference counts too: on Flask the response lives until the server has closed it.
    """
    return (
        len(pairs := response.headers._list) == 2
        and pairs[0] is start[0]
        and pairs[1] is counted
        and type(response) is plan.response_class
        and type(response.headers) is Headers
        and response._status is start[1]
        and response._status_code is start[2]
        and not response._on_close
        and response._sends_plainly
        and type(parts := response.response) is list
        and len(parts) == 1
        and parts[0] is body
        # By the response and by the name above.
        and getrefcount(parts) <= REFERENCES + 1
        and getrefcount(response) <= REFERENCES
        and not getweakrefcount(response)
        and plan.epoch is invalidation.epoch
    )


def length_header(body: bytes) -> tuple[str, str]:
    """Return the Content-Length header of a body."""
    return (LENGTHS[length] if (length := len(body)) < SHORT else None) or new_length(length)


def send(
    start: TextStart,
    body: bytes,
    more: list[tuple[str, str]] | None,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    """Send a body without a response object."""
    if more is None:
        start_response(start[1], [start[0], length_header(body)])
    else:
        start_response(start[1], [start[0], length_header(body), *more])
    return () if environ["REQUEST_METHOD"] == "HEAD" else [body]


def is_changed(response: object, whole: object, parts: object) -> bool:
    """Return whether a teardown function changed a response whose parts are a list.

    Args:
        response: The response.
        whole: Its body; None if the parts do not come from `Response`'s own methods.
        parts: The parts for the server.
    """
    return (
        type(whole) is list
        and (type(parts) is list or type(parts) is tuple)
        and bool(getattr(response, "_on_close", None) or whole != parts)
    )
