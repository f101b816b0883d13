"""The class of the responses that a test client returns."""

from __future__ import annotations

import werkzeug.test

from tuile.invalidation import Watched
from tuile.wrappers import Response


def response_class_of_tests(response_class: object) -> object:
    """Return the class of a client's responses, as Werkzeug makes it for each client, once for a class of responses."""
    if not isinstance(response_class, Watched) or not issubclass(response_class, Response):
        return response_class
    made = vars(response_class).get("_class_of_tests")
    if made is None:
        made = type(
            "WrapperTestResponse", (werkzeug.test.TestResponse, response_class), {"__module__": "werkzeug.test"}
        )
        response_class.set_flag("_class_of_tests", made)
    return made
