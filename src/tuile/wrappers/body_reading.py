"""Read the body of a response in fewer steps than Werkzeug's methods take."""

from __future__ import annotations

import typing as t
from types import MethodType

from werkzeug.wrappers import Response as WerkzeugResponse

from ..invalidation import as_defined
from .plain_response import WERKZEUGS_ITER_ENCODED, Closing, encoded

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from .response import Response

_get_data, _data, _ensure_sequence, _make_sequence = (
    as_defined(WerkzeugResponse, name) for name in ("get_data", "data", "_ensure_sequence", "make_sequence")
)


def _body_of(response: Response) -> bytes | None:
    """Return the whole body of a response, which is a list from then on; None where only Werkzeug can read it."""
    if (
        not response._sends_plainly
        or WerkzeugResponse.iter_encoded is not WERKZEUGS_ITER_ENCODED
        # It may have been replaced on Werkzeug's class, on a subclass or on this response.
        or type(ensure := response._ensure_sequence) is not MethodType
        or ensure.__func__ is not _ensure_sequence
    ):
        return None
    body: object = response.response
    if type(body) is Closing:
        # As a test client has it.
        if (
            response.direct_passthrough
            or not response.implicit_sequence_conversion
            or type(make := response.make_sequence) is not MethodType
            or make.__func__ is not _make_sequence
        ):
            return None
        close = body.close
        parts: Iterable[str | bytes] = body._parts
        read = []
        for part in parts:
            read.append(part.encode() if isinstance(part, str) else part)  # noqa: PERF401 - a call less
        response.response = read
        response.call_on_close(close)
    pieces = response.response
    if type(pieces) is not list:
        return None
    return pieces[0] if len(pieces) == 1 and type(pieces[0]) is bytes else b"".join(encoded(pieces))


def set_faster_reading(kind: type[Response]) -> None:
    """Set the method and the property that replace Werkzeug's on the class of responses."""

    def get_data(self: Response, as_text: bool = False) -> bytes | str:
        body = _body_of(self) if WerkzeugResponse.get_data is _get_data else None
        if body is None:
            return super(kind, self).get_data(as_text=True) if as_text else super(kind, self).get_data()
        return body.decode() if as_text else body

    def data(self: Response) -> bytes | str:
        body = _body_of(self) if WerkzeugResponse.data is _data else None
        return super(kind, self).data if body is None else body

    def set_data(self: Response, value: bytes | str) -> None:
        # That of a class between this and Werkzeug's, or the one that has replaced Werkzeug's.
        super(kind, type(self)).data.__set__(self, value)

    get_data.__qualname__, get_data.__doc__ = f"{kind.__qualname__}.get_data", WerkzeugResponse.get_data.__doc__
    names = {"get_data": get_data, "data": property(data, set_data, doc=WerkzeugResponse.data.__doc__)}
    for name, value in names.items():
        setattr(kind, name, value)
