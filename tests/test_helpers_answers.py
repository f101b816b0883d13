"""The functions that create responses: make_response, redirect, abort."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.exceptions import Gone, HTTPException, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from tuile import Flask, Response, abort, make_response, redirect


def test_no_arguments_make_an_empty_response(app: Flask) -> None:
    with app.test_request_context():
        response = make_response()
        assert (type(response), response.status_code, response.data) == (Response, 200, b"")


def test_the_arguments_are_a_views_return_value(app: Flask) -> None:
    with app.test_request_context():
        response = make_response("text", 201, {"X-Test": "1"})
        assert (response.data, response.status_code, response.headers["X-Test"]) == (b"text", 201, "1")
        response = make_response(("text", 202))
        assert (response.data, response.status_code) == (b"text", 202)
        assert make_response(response) is response


def test_the_applications_response_class_is_used(app: Flask) -> None:
    class Own(Response):
        pass

    app.response_class = Own
    with app.test_request_context():
        assert type(make_response()) is Own
        assert type(redirect("/")) is Own


def test_a_response_needs_an_application() -> None:
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        make_response()


def test_a_redirect_is_made_by_the_application(app: Flask) -> None:
    class Own(Flask):
        def redirect(self, location: str, code: int = 302) -> Any:
            return super().redirect(location + "?own", code)

    app.__class__ = Own
    with app.app_context():
        response = redirect("/there", 303)
    assert (response.status_code, response.location) == (303, "/there?own")


def test_a_redirect_without_an_application_has_the_class_that_is_asked_for() -> None:
    response = redirect("/there", 307, Response)
    assert (type(response), response.status_code, response.location) == (Response, 307, "/there")
    assert type(redirect("/there")) is WerkzeugResponse


def test_an_error_ends_the_view_with_or_without_an_application(app: Flask) -> None:
    with pytest.raises(NotFound, match="gone fishing"):
        abort(404, "gone fishing")
    with app.app_context(), pytest.raises(NotFound, match="gone fishing"):
        abort(404, description="gone fishing")


def test_an_error_of_the_applications_own_is_raised(app: Flask) -> None:
    class OutOfFlour(HTTPException):
        code = 499

    app.aborter.mapping[499] = OutOfFlour
    with app.app_context(), pytest.raises(OutOfFlour):
        abort(499)
    with pytest.raises(LookupError):
        abort(499)


def test_a_response_can_end_the_view_as_it_is() -> None:
    response = WerkzeugResponse("enough", 418)
    with pytest.raises(HTTPException) as caught:
        abort(response)
    assert caught.value.get_response() is response


def test_an_aborter_that_comes_back_does_not_let_the_view_go_on(app: Flask) -> None:
    app.aborter = lambda code, *args, **kwargs: None  # type: ignore[assignment] # a stub
    with app.app_context(), pytest.raises(Gone):
        abort(410)
