"""One warning for one cookie that is too large, at the user's line, on every way to set it and to serve the request."""

from __future__ import annotations

import linecache
import random
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tuile import cookies, make_response, session
from tuile.exceptions import CookieWarning
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask

LARGE = "x" * 5000
NOISE = random.Random(1).randbytes(5000).hex()


def by_response() -> Any:
    response = make_response("text")
    response.set_cookie("a", LARGE)  # here
    return response


def by_response_with_attributes() -> Any:
    response = make_response("text")
    response.set_cookie("a", LARGE, httponly=True, max_age=60)  # here
    return response


def by_cookies() -> Any:
    cookies.set("a", LARGE)  # here
    return "text"


def by_permanent_cookies() -> Any:
    cookies.permanent.set("a", LARGE)  # here
    return "text"


def by_signed_cookies() -> Any:
    cookies.signed.set("a", LARGE)  # here
    return "text"


def by_declaration() -> Any:
    tuile.current_app.declared_cookies["theme"].set(LARGE)  # here
    return "text"


def by_hook() -> Any:
    @tuile.after_this_request
    def add(response: Any) -> Any:
        response.set_cookie("a", LARGE)  # here
        return response

    return "text"


async def by_coroutine() -> Any:
    cookies.set("a", LARGE)  # here
    return "text"


def by_session() -> Any:  # here
    session["a"] = NOISE
    return "text"


async def by_session_of_coroutine() -> Any:  # here
    session["a"] = NOISE
    return "text"


CALLS = [
    by_response,
    by_response_with_attributes,
    by_cookies,
    by_permanent_cookies,
    by_signed_cookies,
    by_declaration,
    by_hook,
    by_coroutine,
    by_session,
    by_session_of_coroutine,
]


class WithSteps(tuile.Flask):
    """An application that has no fast path."""

    def process_response(self, response: Any) -> Any:
        return super().process_response(response)

    def full_dispatch_request(self) -> Any:
        return super().full_dispatch_request()


def new_app(view: Callable[..., Any], app_class: type[Flask] = tuile.Flask, **config: Any) -> Flask:
    app = app_class(__name__, static_folder=None)
    app.config.update({"SECRET_KEY": "k" * 32, "COOKIE_CHECKS": "warn", **config})
    app.cookie("theme", max_age=60)
    app.add_url_rule("/", "view", view)
    return app


def warned(app: Flask, protocol: Any = "wsgi") -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert Browser(app, protocol=protocol).visit("http://localhost/").status_code == 200
    return [one for one in caught if issubclass(one.category, UserWarning)]


@pytest.mark.parametrize("checks", ["warn", "off"])
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
@pytest.mark.parametrize("app_class", [tuile.Flask, WithSteps])
@pytest.mark.parametrize("view", CALLS)
def test_one_warning_for_one_cookie_at_the_line_of_the_user(
    view: Callable[..., Any], app_class: type[Flask], protocol: str, checks: str
) -> None:
    (warning,) = warned(new_app(view, app_class, COOKIE_CHECKS=checks), protocol)
    assert warning.category is UserWarning
    assert "cookie is too large: the value was " in str(warning.message)
    assert warning.filename == __file__
    assert linecache.getline(__file__, warning.lineno).rstrip().endswith("# here")
    first = view.__code__.co_firstlineno
    assert first <= warning.lineno <= first + 5


def test_each_large_cookie_has_its_warning() -> None:
    def view() -> Any:
        cookies.set("a", LARGE)
        response = make_response("text")
        response.set_cookie("b", LARGE)
        response.set_cookie("c", LARGE)
        session["d"] = NOISE
        return response

    texts = [str(one.message) for one in warned(new_app(view))]
    assert [text.split("'")[1] for text in texts] == ["a", "b", "c", "session"]


def test_a_header_that_is_written_by_hand_is_told_of_by_the_checks() -> None:
    def view() -> Any:
        return "text", {"Set-Cookie": f"a={LARGE}"}

    (warning,) = warned(new_app(view))
    assert warning.category is CookieWarning
    assert warning.filename == __file__


@pytest.mark.parametrize("limit", [0, 10_000])
@pytest.mark.parametrize("view", [by_response, by_cookies])
def test_with_another_limit_the_checks_tell_of_what_browsers_drop(view: Callable[..., Any], limit: int) -> None:
    (warning,) = warned(new_app(view, MAX_COOKIE_SIZE=limit))
    assert warning.category is CookieWarning
    assert "4096 is the limit" in str(warning.message)


def test_what_else_is_wrong_with_another_cookie_is_told_as_well() -> None:
    def view() -> Any:
        cookies.set("a", LARGE)
        cookies.set("b", "1", samesite="None")
        return "text"

    assert [one.category for one in warned(new_app(view))] == [UserWarning, CookieWarning]


def test_an_error_is_raised_all_the_same() -> None:
    app = new_app(by_cookies, COOKIE_CHECKS="error", PROPAGATE_EXCEPTIONS=True)
    with pytest.warns(UserWarning, match="too large"), pytest.raises(ValueError, match="4096 is the limit"):
        app.test_client().get("/")


def test_a_response_that_is_shared_by_requests_warns_where_its_cookie_is_set() -> None:
    response = tuile.Response("text")
    with pytest.warns(UserWarning, match="too large") as caught:
        response.set_cookie("a", LARGE)
    assert [one.filename for one in caught] == [__file__]
    app = new_app(lambda: response)
    assert warned(app) == warned(app) == []


def test_a_deletion_in_werkzeugs_method_points_at_its_caller() -> None:
    def view() -> Any:
        response = make_response("text")
        response.delete_cookie("name")
        return response

    (warning,) = warned(new_app(view, MAX_COOKIE_SIZE=10))
    assert (warning.filename, warning.lineno) == (__file__, view.__code__.co_firstlineno + 2)


def test_a_session_of_a_test_points_at_the_test() -> None:
    client = new_app(by_response).test_client()
    with pytest.warns(UserWarning, match="'session' cookie is too large") as caught:
        with client.session_transaction() as opened:
            opened["a"] = NOISE
    assert [one.filename for one in caught] == [__file__]


def test_a_session_without_a_view_points_at_the_app() -> None:
    app = new_app(by_response)

    @app.errorhandler(404)
    def write(error: Exception) -> Any:
        session["a"] = NOISE
        return "none"

    with pytest.warns(UserWarning, match="'session' cookie is too large") as caught:
        app.test_client().get("/missing")
    assert [(one.filename, one.lineno) for one in caught] == [(__file__, 1)]


def test_the_registry_of_a_module_keeps_a_limited_number_of_sizes() -> None:
    registry: dict[Any, Any] = globals().setdefault("__warningregistry__", {})
    registry.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        response = tuile.Response("text")
        for size in range(300):
            response.set_cookie("a", "x" * (5000 + size))
        warnings.warn("of the user", stacklevel=1)
    assert len(caught) == 301
    kept = [key for key in registry if isinstance(key, tuple)]
    assert len(kept) <= 101
    assert any(key[0] == "of the user" for key in kept)


def test_a_path_begins_no_line_of_the_message() -> None:
    def view(name: str) -> Any:
        response = tuile.make_response("ok")
        response.headers.add("Set-Cookie", "embedded=1; SameSite=None")
        return response

    app = tuile.Flask(__name__, static_folder=None)
    app.config["COOKIE_CHECKS"] = "warn"
    app.add_url_rule("/<name>", "view", view)
    with pytest.warns(CookieWarning) as caught:
        app.test_client().get("/a%0aERROR%20forged%1b%5b2J")
    assert r"[GET /a\nERROR forged\x1b[2J" in str(caught[0].message)
    assert all(str(one.message).isprintable() for one in caught)
