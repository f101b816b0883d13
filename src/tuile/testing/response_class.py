"""The class of the responses that a test client returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import werkzeug.test

from tuile.http.response_headers import HEADERS_CLASSES
from tuile.invalidation import Watched, as_defined
from tuile.wrappers import Response
from tuile.wrappers.plain_response import CODES, Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse
    from werkzeug.wrappers import Request

_stock, _own = as_defined(werkzeug.test.TestResponse, "__init__"), Response.__init__


def response_class_of_tests(response_class: object) -> object:
    """Return the class of a client's responses, as Werkzeug makes it for each client, once for a class of responses."""
    if not isinstance(response_class, Watched) or not issubclass(response_class, Response):
        return response_class
    made = vars(response_class).get("_class_of_tests")
    if made is None:
        made = _class_of_tests(response_class)
        response_class.set_flag("_class_of_tests", made)
    return made


def _class_of_tests(response_class: type[Response]) -> type:
    """Return a class as Werkzeug's client makes it, with a constructor that does at once what those of its bases do."""

    def init(
        self: TestResponse,
        response: Iterable[bytes],
        status: object,
        headers: Headers,
        request: Request,
        history: tuple[TestResponse, ...] = (),
        **kwargs: object,
    ) -> None:
        if (
            kwargs
            or type(status) is not str
            or status not in CODES
            or type(headers) not in HEADERS_CLASSES
            or type(response) is not Closing
            or getattr(self, "default_mimetype", None) is not None
            or not getattr(self, "_builds_plainly", False)
            or response_class.__init__ is not _own
            or werkzeug.test.TestResponse.__init__ is not _stock
        ):
            if history:
                kwargs["history"] = history
            # As Werkzeug's client calls the constructor, which may be patched.
            _init(self, response, status, headers, request=request, **kwargs)
            return
        self.headers, self._status, self._status_code = headers, status, CODES[status]
        self.response, self.direct_passthrough, self._on_close = response, False, []
        self.request, self.history = request, history
        self._compat_tuple = response, status, headers

    init.__name__, init.__qualname__ = "__init__", "TestResponse.__init__"
    namespace = {"__module__": "werkzeug.test", "__init__": init}
    return type("WrapperTestResponse", (werkzeug.test.TestResponse, response_class), namespace)


def _init(*args: object, **kwargs: object) -> None:
    # Looked up when it is called: it may be patched.
    constructor: Callable[..., None] = werkzeug.test.TestResponse.__init__
    constructor(*args, **kwargs)
