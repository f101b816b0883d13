"""The warnings about cookies that browsers would drop silently."""

from __future__ import annotations

import gc
import random
import re
import subprocess
import sys
import warnings
import weakref
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import make_app, make_environ, outcome, send
from tests.costs import steps
from tests.frames.test_frames import Client, environ_for
from tuile import cookies, make_response, session
from tuile.cookie import checks as cookie_checks
from tuile.cookie.findings import RequestDetails, find
from tuile.dispatch.plan import cookie_checks_of
from tuile.exceptions import CookieCheckError, CookieSyntaxError, CookieWarning
from tuile.http.dates import http_date
from tuile.user_agent.browsers import PROFILES
from tuile.user_agent.rules import make_request
from tuile.user_agent.sites import TYPED, Sites, last_label
from tuile.views import MethodView

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask

LIVE: dict[str, Any] = {"HTTP_HOST": "www.example.com", "wsgi_url_scheme": "https"}


def new_app(view: Callable[[], Any], path: str = "/", **config: Any) -> Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update({"COOKIE_CHECKS": "error", "PROPAGATE_EXCEPTIONS": True, "SECRET_KEY": "key", **config})
    app.add_url_rule(path, "view", view, methods=["GET", "POST"])
    return app


def answering(*lines: str) -> Callable[[], Any]:
    """Return a view that adds Set-Cookie lines to the headers by hand."""

    def view() -> Any:
        response = make_response("text")
        for line in lines:
            response.headers.add("Set-Cookie", line)
        return response

    return view


def setting(name: str = "a", value: str = "1", **attributes: Any) -> Callable[[], Any]:
    """Return a view that sets a cookie as in the tutorials."""

    def view() -> Any:
        response = make_response("text")
        response.set_cookie(name, value, **attributes)
        return response

    return view


def told(view: Callable[[], Any], path: str = "/", *, config: dict[str, Any] | None = None, **environ: Any) -> str:
    """Return the messages for the author of the view, without file and line; "" if there are none."""
    app = new_app(view, path, **(config or {}))
    try:
        send(app, make_environ(path, **{**LIVE, **environ}))
    except CookieCheckError as error:
        return "\n".join(text.partition(" [")[0] for text in str(error).split("\n"))
    return ""


# --- each trap, with the message --------------------------------------------------------------------------------------


def test_samesite_none_without_secure() -> None:
    assert told(setting(samesite="None")) == (
        "Chromium ignores the cookie 'a': it is SameSite=None and not Secure (rfc6265bis 5.7 step 19)."
        " Write: response.set_cookie('a', ..., samesite='None', secure=True)."
    )


def test_partitioned_without_secure() -> None:
    assert told(answering("a=1; Path=/; Partitioned")) == (
        "Chromium ignores the cookie 'a': it is Partitioned and not Secure (layered-cookies)."
        " Write: response.set_cookie('a', ..., partitioned=True, secure=True)."
    )


def test_secure_on_http() -> None:
    assert told(setting(secure=True), wsgi_url_scheme="http") == (
        "Chromium ignores the cookie 'a': it is Secure, and http://www.example.com/ is not a secure connection"
        " (rfc6265bis 5.7 step 13). Serve the site over https, or write: response.set_cookie('a', ...,"
        " secure=request.is_secure) (http://localhost alone will do: Chromium and Firefox take it for secure, Safari"
        " does not)."
    )


SAFARI = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.2 Safari/605.1.15"
CHROME = "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36"


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "app.localhost"])
@pytest.mark.parametrize("agent", ["", CHROME])
def test_secure_on_localhost_is_in_order(host: str, agent: str) -> None:
    here: dict[str, Any] = {"HTTP_HOST": host, "wsgi_url_scheme": "http", "HTTP_USER_AGENT": agent}
    assert told(setting(secure=True), **here) == ""


def test_secure_on_localhost_is_told_to_those_who_use_safari() -> None:
    here: dict[str, Any] = {"HTTP_HOST": "localhost:5000", "wsgi_url_scheme": "http", "HTTP_USER_AGENT": SAFARI}
    assert told(setting(secure=True), **here) == (
        "Safari ignores the cookie 'a': it is Secure, and http://localhost/ is not a secure connection, although"
        " Chromium and Firefox trust the local machine (rfc6265bis 5.7 step 13). Serve the site over https, or write:"
        " response.set_cookie('a', ..., secure=request.is_secure)."
    )
    assert told(setting(), **here) == ""


def test_the_scheme_that_a_proxy_names_is_believed() -> None:
    behind: dict[str, Any] = {
        "HTTP_HOST": "127.0.0.1:8000",
        "wsgi_url_scheme": "http",
        "HTTP_X_FORWARDED_PROTO": "https",
    }
    domain = setting(secure=True, domain="example.com")
    assert told(domain, **behind, HTTP_X_FORWARDED_HOST="www.example.com") == ""
    assert "does not cover 127.0.0.1" in told(domain, **behind)


def test_a_host_prefix_with_a_domain() -> None:
    view = setting("__Host-id", secure=True, domain="example.com")
    assert told(view) == (
        "Chromium ignores the cookie '__Host-id': its name begins with __Host-, and Domain is set (rfc6265bis 5.7"
        " step 21). Write: response.set_cookie('__Host-id', ..., secure=True, path='/', domain=None)."
    )


@pytest.mark.parametrize(
    ("name", "attributes", "fault"),
    [
        ("__Host-a", {}, "Secure is missing"),
        ("__Host-a", {"secure": True, "path": "/shop"}, "Path is /shop instead of /"),
        ("__Secure-a", {}, "Secure is missing"),
        ("__Http-a", {"secure": True}, "HttpOnly is missing"),
        ("__Host-Http-a", {"secure": True}, "HttpOnly is missing"),
        ("__host-a", {}, "Secure is missing"),
    ],
)
def test_each_prefix_says_what_it_lacks(name: str, attributes: dict[str, Any], fault: str) -> None:
    assert fault in told(setting(name, **attributes))


def test_a_domain_that_does_not_cover_the_host() -> None:
    assert told(setting(domain="example.org")) == (
        "Chromium ignores the cookie 'a': Domain=example.org does not cover www.example.com, which sets it (rfc6265bis"
        " 5.7 step 10). Leave out domain, so that it is for www.example.com only, or write:"
        " response.set_cookie('a', ..., domain='example.com'), which covers example.com and all hosts below it."
    )


def test_a_domain_that_is_a_public_suffix() -> None:
    message = told(setting(domain="co.uk"), HTTP_HOST="shop.co.uk")
    assert message.startswith("Chromium ignores the cookie 'a': Domain=co.uk is a public suffix")


def test_without_the_list_the_last_label_is_the_public_suffix() -> None:
    cookie_checks._sites.cache_clear()
    try:
        with mock.patch.object(cookie_checks, "load_public_suffixes", side_effect=ImportError):
            assert told(setting(domain="co.uk"), HTTP_HOST="shop.co.uk") == ""
            assert "public suffix" in told(setting(domain="com"))
    finally:
        cookie_checks._sites.cache_clear()


def test_a_session_of_5_kb() -> None:
    def view() -> str:
        session["basket"] = [str(number) * 3 for number in range(1200)]
        return "text"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Werkzeug's, which knows only that the line is long
        message = told(view)
    assert message.startswith("Chromium ignores the cookie 'session': name and value have ")
    assert message.endswith(
        " octets, and 4096 is the limit (rfc6265bis 5.6 step 5). Keep the data on the server and put an id of it into"
        " the cookie."
    )


def test_an_attribute_over_1024() -> None:
    message = told(setting(path="/" + "x" * 1100))
    assert "The cookie 'a': The attribute 'path' is ignored: it is 1101 octets" in message


def test_a_life_over_400_days() -> None:
    assert told(setting(max_age=2 * 365 * 86_400)) == (
        "The cookie 'a': Chromium limits its lifetime to 400 days (rfc6265bis 5.5). Write: max_age=34560000 at most,"
        " and set it again on later visits."
    )
    assert told(setting(max_age=timedelta(days=400))) == ""


def test_a_header_that_grows_towards_8_kb() -> None:
    message = told(setting("b", "x" * 3000), HTTP_COOKIE=f"a={'y' * 3500}; b=1")
    assert message == (
        "The next request carries 6508 octets of cookies, most of them in the cookie 'a': servers answer 400 or 431 at"
        " about 8192 (rfc6265bis 4.2.1). Keep the data on the server and put an id of it into the cookie."
    )
    assert told(setting("b", "x" * 2000), HTTP_COOKIE=f"a={'y' * 3500}; b={'x' * 3000}") == ""
    assert told(lambda: "text", HTTP_COOKIE=f"a={'y' * 7000}") == ""
    assert told(answering("a=; Path=/; Max-Age=0"), HTTP_COOKIE=f"a={'y' * 3500}; b={'y' * 7000}") == ""


def test_one_name_twice_in_an_answer() -> None:
    assert told(answering("a=1; Path=/", "a=2; Path=/")) == (
        "The cookie 'a' is set twice in one response: the last one counts (rfc6265bis 4.1.1). Set it once."
    )
    assert told(answering("a=1; Path=/", "a=2; Path=/x")) == (
        "The cookie 'a' is set twice in one response: browsers then keep two, and a server cannot tell which is which"
        " (rfc6265bis 4.1.1). Set it once."
    )
    assert told(answering("a=1; Path=/", "a=; Path=/; Max-Age=0")) != ""


def test_deleting_a_cookie_elsewhere_in_the_same_answer_is_in_order() -> None:
    assert told(answering("a=; Path=/old; Max-Age=0", "a=2; Path=/", "b=1")) == ""
    assert told(answering("a=; Path=/old; Max-Age=0", "a=; Path=/; Max-Age=0")) == ""


def shop(delete: Callable[[Any], None], **attributes: Any) -> Flask:
    """Return an application that sets a cookie under /shop and deletes it under /logout and /shop/logout."""
    app = new_app(setting("basket", "1", **attributes), "/shop")

    def logout() -> Any:
        response = make_response("bye")
        delete(response)
        return response

    app.add_url_rule("/logout", "logout", logout)
    app.add_url_rule("/shop/logout", "logout")
    return app


def visited(app: Flask, *paths: str) -> str:
    for path in paths[:-1]:
        send(app, make_environ(path, **LIVE))
    try:
        send(app, make_environ(paths[-1], **LIVE))
    except CookieCheckError as error:
        return str(error).partition(" [")[0]
    return ""


def test_a_path_forgotten_on_delete() -> None:
    app = shop(lambda response: response.delete_cookie("basket"), path="/shop")
    assert visited(app, "/shop", "/logout") == (
        "Chromium keeps the cookie 'basket': it was set with Path=/shop, and the deletion is for Path=/"
        " (rfc6265bis 3.1). Write: response.delete_cookie('basket', path='/shop')."
    )


def test_a_domain_forgotten_on_delete() -> None:
    app = shop(lambda response: response.delete_cookie("basket"), domain="example.com")
    assert visited(app, "/shop", "/logout") == (
        "Chromium keeps the cookie 'basket': it was set with Path=/ and Domain=example.com, and the deletion is for"
        " Path=/ (rfc6265bis 3.1). Write: response.delete_cookie('basket', path='/', domain='example.com')."
    )


def test_partitioned_forgotten_on_delete() -> None:
    app = shop(lambda response: response.delete_cookie("basket"), partitioned=True, samesite="None")
    assert "path='/', secure=True, partitioned=True)" in visited(app, "/shop", "/logout")


def test_another_path_than_the_one_that_is_sent_here() -> None:
    app = shop(lambda response: response.delete_cookie("basket", path="/shop/logout"), path="/shop")
    assert "it was set with Path=/shop, and" in visited(app, "/shop", "/shop/logout")


@pytest.mark.parametrize("paths", [("/shop", "/logout"), ("/logout",), ("/shop", "/shop/logout")])
def test_a_deletion_that_matches_is_in_order(paths: tuple[str, ...]) -> None:
    app = shop(lambda response: response.delete_cookie("basket", path="/shop"), path="/shop")
    assert visited(app, *paths) == ""


def test_a_deletion_of_a_cookie_that_nobody_set_here_is_in_order() -> None:
    app = shop(lambda response: response.delete_cookie("basket"), path="/shop")
    assert visited(app, "/logout") == ""


def test_a_deletion_under_a_path_of_ones_own_is_in_order() -> None:
    app = new_app(setting("a", path="/users/1"), "/users/1")
    app.add_url_rule("/users/2", "delete", answering("a=; Path=/users/2; Max-Age=0"))
    assert visited(app, "/users/1", "/users/2") == ""


def test_a_deletion_on_another_host_means_its_own_cookie() -> None:
    app = shop(lambda response: response.delete_cookie("basket"), path="/shop")
    send(app, make_environ("/shop", **LIVE))
    send(app, make_environ("/logout", **{**LIVE, "HTTP_HOST": "other.example.com"}))


def test_deleting_the_known_one_as_well_is_in_order() -> None:
    def delete(response: Any) -> None:
        response.delete_cookie("basket")
        response.delete_cookie("basket", path="/shop")

    assert visited(shop(delete, path="/shop"), "/shop", "/logout") == ""


def test_what_is_remembered_is_bounded_and_goes_with_the_app() -> None:
    known: dict[str, dict[Any, None]] = {}
    circumstances = at("https://www.example.com/")
    details = RequestDetails("GET", "", "null", is_safari=False)
    for number in range(1000):
        find([f"a{number}=1", f"b=1; Path=/{number}"], circumstances, details, known)
    assert len(known) == 512
    assert len(known["b"]) == 16
    app = new_app(setting())
    send(app, make_environ(**LIVE))
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_a_lax_cookie_in_the_answer_to_a_form_of_another_site() -> None:
    form: dict[str, Any] = {"REQUEST_METHOD": "POST", "HTTP_ORIGIN": "https://pay.example"}
    message = (
        "Chromium replaces the cookie 'a', which it may have stored and did not send: POST"
        " https://www.example.com/ comes from https://pay.example, and SameSite=Lax is not sent with that (rfc6265bis"
        " 5.8.3). Answer with a redirect (303) and set it where that leads, or write: response.set_cookie('a', ...,"
        " samesite='None', secure=True)."
    )
    view = setting(samesite="Lax")
    assert told(view, **form) == message
    assert told(view, **form, HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_DEST="document") == message
    assert "a cookie without SameSite is not sent with that" in told(setting(), **form)
    # Where nothing is lost:
    assert told(view, **form, HTTP_COOKIE="b=1; a=1") == ""
    assert told(view, **{**form, "REQUEST_METHOD": "GET"}) == ""
    assert told(view, **{**form, "HTTP_ORIGIN": "https://shop.example.com"}) == ""
    assert told(view, **{**form, "HTTP_ORIGIN": "null"}) == ""
    assert told(view, **{**form, "HTTP_ORIGIN": "no:origin"}) == ""
    assert told(view, **form, HTTP_SEC_FETCH_SITE="same-site") == ""
    assert told(setting(samesite="None", secure=True), **form) == ""
    assert told(answering("a=; Path=/; Max-Age=0"), **form) == ""


def test_a_lax_cookie_in_the_answer_to_a_script_of_another_site() -> None:
    fetched: dict[str, Any] = {
        "HTTP_SEC_FETCH_SITE": "cross-site",
        "HTTP_SEC_FETCH_DEST": "empty",
        "REQUEST_METHOD": "POST",
    }
    message = told(setting(samesite="Lax"), **fetched)
    assert message.startswith("Chromium ignores the cookie 'a': it is SameSite=Lax, and https://www.example.com/")
    assert "(rfc6265bis 5.7 step 18)" in message


# --- lines written by hand --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a=1; Secure=false", "Secure=false is Secure: browsers do not look at the value of a flag"),
        ("a=1; HttpOnly=0", "Leave HttpOnly out, to not have it."),
        ("a=1; Path=/; path=/x", "Path is given twice, and browsers take the last one"),
        ("a=1; x=1; X=2", "x is given twice"),
        ("a=1; Http-Only", "the attribute 'http-only' is unknown to browsers"),
        ("a=1; MaxAge=5", "Write: Max-Age."),
        ("a=1; same_site=Lax", "Write: SameSite."),
        ("a=1; Path=/, b=2", "looks like a second cookie"),
        ("a", "The cookie without a name: browsers keep it, and send its value alone"),
        ("a=1; Max-Age=1h", "Max-Age=1h is ignored"),
        ("a=1; Expires=tomorrow", "Expires=tomorrow is ignored"),
        ("a=1; SameSite=Relaxed", "SameSite=Relaxed is ignored"),
        ("a=1; Path=shop", "Path=shop is ignored"),
        ("a=1; Domain=.com", "is a public suffix"),
        ("a=\x01", "has the control character"),
    ],
)
def test_what_extensions_write_into_headers_by_hand_is_judged(line: str, said: str) -> None:
    assert said in told(answering(line))


@pytest.mark.parametrize(
    "line",
    [
        "a=1",
        "a=1;",
        "a=1; ; Path=/;",
        "a=1; Priority=High; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
        "a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Max-Age=0; Domain=.example.com",
        "a=1; x=1; y",
        "__Host-a=1; Secure; Path=/",
    ],
)
def test_a_good_line_is_in_order(line: str) -> None:
    assert told(answering(line)) == ""


def test_a_header_in_any_spelling_is_judged() -> None:
    def view() -> Any:
        return "text", {"set-cookie": "a=1; Secure=no"}

    assert told(view) != ""


def test_what_cookies_and_hooks_write_is_judged() -> None:
    def view() -> str:
        cookies.set("a", samesite="None")
        return "text"

    assert "'a'" in told(view)
    app = new_app(lambda: "text")

    @app.after_request
    def after(response: Any) -> Any:
        response.set_cookie("b", samesite="None")
        return response

    with pytest.raises(CookieCheckError, match="'b'"):
        send(app, make_environ(**LIVE))


@pytest.mark.parametrize(
    ("config", "cure"),
    [
        ({"SESSION_COOKIE_SAMESITE": "None"}, "Write: SESSION_COOKIE_SECURE = True."),
        ({"SESSION_COOKIE_DOMAIN": "example.org"}, "Write: SESSION_COOKIE_DOMAIN = None, or the domain of the site."),
        ({"SESSION_COOKIE_NAME": "__Host-s"}, "Write: SESSION_COOKIE_SECURE = True, SESSION_COOKIE_PATH = '/'."),
        (
            {"PERMANENT_SESSION_LIFETIME": timedelta(days=1000)},
            "Write: PERMANENT_SESSION_LIFETIME = timedelta(days=400) at most.",
        ),
    ],
)
def test_for_the_session_the_cure_is_a_setting(config: dict[str, Any], cure: str) -> None:
    def view() -> str:
        session["a"] = 1
        session.permanent = "PERMANENT_SESSION_LIFETIME" in config
        return "text"

    assert cure in told(view, config=config)


# --- how it is told ---------------------------------------------------------------------------------------------------


def test_a_warning_points_at_the_view() -> None:
    view = setting(samesite="None")
    with pytest.warns(CookieWarning, match=r"step 19\).*\[GET /, answered by setting.<locals>.view in ") as caught:
        assert send(new_app(view, COOKIE_CHECKS="warn"), make_environ(**LIVE)).code == 200
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, view.__code__.co_firstlineno)
    assert issubclass(CookieWarning, UserWarning)


def test_a_warning_points_at_the_method_of_a_class() -> None:
    class View(MethodView):
        def get(self) -> Any:
            return "text", {"Set-Cookie": "a"}

    with pytest.warns(CookieWarning) as caught:
        send(new_app(View.as_view("view"), COOKIE_CHECKS="warn"), make_environ(**LIVE))
    assert (caught[0].filename, caught[0].lineno) == (__file__, View.get.__code__.co_firstlineno)


def test_a_warning_without_a_view_points_at_the_app() -> None:
    app = tuile.Flask(__name__, static_folder=None)
    app.config["COOKIE_CHECKS"] = "warn"
    app.before_request(lambda: cookies.set("a", samesite="None"))
    with pytest.warns(CookieWarning, match=r"\[GET /missing\]") as caught:
        assert send(app, make_environ("/missing", **LIVE)).code == 404
    assert caught[0].filename == __file__


def test_a_warning_is_shown_once_for_a_place() -> None:
    app = new_app(setting(samesite="None"), COOKIE_CHECKS="warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            send(app, make_environ(**LIVE))
    assert len(caught) == 1


def test_an_error_says_all_that_was_found_and_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"'a'.*\n.*'b'") as caught:
        send(new_app(answering("a=1; Secure=1", "b=1; Secure=1")), make_environ(**LIVE))
    error = caught.value
    assert isinstance(error, CookieCheckError)
    assert isinstance(error, CookieSyntaxError)
    assert [note.rule for note in error.notes] == ["4.1.1", "4.1.1"]


def test_where_errors_do_not_propagate_the_answer_is_a_500() -> None:
    app = new_app(setting(samesite="None"), PROPAGATE_EXCEPTIONS=False)
    with mock.patch.object(app.logger, "error"), mock.patch.object(app.logger, "exception"):
        assert send(app, make_environ(**LIVE)).code == 500


def test_a_host_that_is_none_is_not_judged() -> None:
    assert told(setting(samesite="None"), HTTP_HOST="_a b_") == ""


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "mode"),
    [
        ({}, None),
        ({"DEBUG": True}, "warn"),
        ({"TESTING": True}, "error"),
        ({"TESTING": True, "DEBUG": True}, "error"),
        ({"COOKIE_CHECKS": "off", "TESTING": True}, None),
        ({"COOKIE_CHECKS": "warn", "TESTING": True}, "warn"),
        ({"COOKIE_CHECKS": "error"}, "error"),
    ],
)
def test_the_mode_follows_the_settings(config: dict[str, Any], mode: str | None) -> None:
    app = tuile.Flask("app", static_folder=None)
    assert not app.plan.checks_cookies
    app.config.update(config)
    assert (app.plan.checks_cookies, cookie_checks_of(app)) == (mode is not None, mode)
    app.config |= dict.fromkeys(("COOKIE_CHECKS", "TESTING", "DEBUG"))
    assert not app.plan.checks_cookies


def test_the_mode_is_noted_whenever_a_setting_changes() -> None:
    app = tuile.Flask("app", static_folder=None)
    other = tuile.Flask("other", static_folder=None)
    app.testing = True
    assert (app.plan.checks_cookies, cookie_checks_of(app)) == (True, "error")
    app.testing = False
    app.debug = True
    assert (app.plan.checks_cookies, cookie_checks_of(app)) == (True, "warn")
    with mock.patch.dict(app.config, {"COOKIE_CHECKS": "off"}):
        assert not app.plan.checks_cookies
    assert (app.plan.checks_cookies, cookie_checks_of(app)) == (True, "warn")
    app.config.from_mapping(COOKIE_CHECKS="error")
    assert (app.plan.checks_cookies, cookie_checks_of(app)) == (True, "error")
    del app.config["COOKIE_CHECKS"]
    assert (app.plan.checks_cookies, cookie_checks_of(app)) == (True, "warn")
    assert not other.plan.checks_cookies
    other.config = app.config
    assert (other.plan.checks_cookies, cookie_checks_of(other)) == (True, "warn")


def test_a_config_of_another_kind_is_looked_at_with_the_first_request() -> None:
    app = new_app(setting(samesite="None"))
    app.config = dict(app.config, COOKIE_CHECKS=None)  # type: ignore[assignment] # as some applications do
    assert app.plan.checks_cookies
    app.config["COOKIE_CHECKS"] = "error"
    with pytest.raises(CookieCheckError):
        send(app, make_environ(**LIVE))


def test_another_mode_is_refused() -> None:
    app = new_app(lambda: "text")
    app.config["COOKIE_CHECKS"] = "wran"
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^COOKIE_CHECKS is 'warn', 'error', 'off' or None .*, not 'wran'\.$"):
            send(app)


def test_under_the_shim_testing_does_not_enable_the_checks() -> None:
    program = (
        "import tuile.shim; tuile.shim.install()\n"
        "from flask import Flask\n"
        "app = Flask('app'); app.testing = True; print(app.plan.checks_cookies)\n"
        "app.testing = False; app.debug = True; print(app.plan.checks_cookies)\n"
        "app.config['COOKIE_CHECKS'] = 'error'; print(app.plan.checks_cookies)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True"]


def test_switched_off_the_room_is_not_even_imported() -> None:
    program = (
        "import sys, tuile\n"
        "app = tuile.Flask('app'); app.add_url_rule('/', 'v', lambda: ('x', {'Set-Cookie': 'a=1; Secure=0'}))\n"
        "app.test_client().get('/')\n"
        "print([name for name in sys.modules if 'cookie_checks' in name or 'jar_rules' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what it costs ----------------------------------------------------------------------------------------------------

LINES = [
    "a=1; Path=/",
    "session=eyJhIjoxfQ.aGVsbG8.c2lnbmF0dXJlLW9mLXR3ZW50eS1vY3RldHM; Secure; HttpOnly; Path=/; SameSite=Lax",
    "theme=dark; Domain=example.com; Expires=Sun, 06 Nov 2033 08:49:37 GMT; Max-Age=31536000; Path=/; SameSite=Lax",
]


def at(url: str) -> Any:
    return make_request(
        url,
        now=datetime.now(timezone.utc),
        api="http",
        context=TYPED,
        sites=Sites(last_label),
        profile=PROFILES["chromium"],
    )


def functions_entered(mode: str, view: Callable[[], Any]) -> int:
    client = Client(new_app(view, COOKIE_CHECKS=mode))
    for _ in range(20):
        client.get(environ_for("/"))
    return len(client.functions_entered(environ_for("/")))


def test_switched_off_nothing_is_entered() -> None:
    with mock.patch.object(tuile.Flask, "_check_cookies", side_effect=AssertionError):
        assert send(new_app(answering(*LINES), COOKIE_CHECKS="off"), make_environ(**LIVE)).code == 200
    assert functions_entered("off", lambda: "text") < functions_entered("error", lambda: "text")


def test_switched_on_a_line_costs_few_steps() -> None:
    app = new_app(lambda: "text")
    with app.test_request_context("/", base_url="https://www.example.com"):
        response = make_response("text")
        for line in LINES:
            response.headers.add("Set-Cookie", line)
        request: Any = tuile.request._get_current_object()  # type: ignore[attr-defined] # a proxy
        cookie_checks.check_response(app, request, response, "error")
        count = steps(lambda: cookie_checks.check_response(app, request, response, "error"))
    assert count / len(LINES) < 1200


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(max_codepoint=255), max_size=60),
            st.lists(st.sampled_from([*"a=; ,", "Path", "Secure", "=", ";", "/", "Max-Age=0"]), max_size=12).map(
                "".join
            ),
        ),
        max_size=4,
    )
)
def test_no_lines_make_it_fail(lines: list[str]) -> None:
    known: dict[str, dict[Any, None]] = {}
    details = RequestDetails("POST", "a=1", "https://other.example", is_safari=True)
    for name, note in find(lines, at("https://www.example.com/a/b"), details, known):
        assert isinstance(name, str)
        assert str(note).endswith(".")


def test_headers_that_are_a_plain_dictionary_are_judged_and_sent() -> None:
    app = tuile.Flask("x")
    app.config.update(COOKIE_CHECKS="error", SECRET_KEY="a key for tests")

    @app.get("/")
    def show() -> Any:
        response: Any = tuile.Response("x")
        response.headers = {"Content-Type": "text/html", "Set-Cookie": "a=1; Path=/"}
        return response

    @app.get("/session")
    def read() -> Any:
        response = show()
        return response if session.get("a") is None else "never"

    client = app.test_client()
    assert client.get("/").headers["Set-Cookie"] == "a=1; Path=/"
    assert client.get("/session").headers["Vary"] == "Cookie"


SHAPES = [
    {}, {"secure": True}, {"samesite": "None"}, {"samesite": "None", "secure": True}, {"path": "/other"},
    {"domain": "example.com"}, {"max_age": 0}, {"max_age": 10**9}, {"httponly": True}, {"partitioned": True},
    {"domain": "localhost"},
]  # fmt: skip
NAMES = ["plain", "__Host-a", "__Secure-a", "__host-b", "a b"]
VALUES = ["plain", "a.b-c_d", "", '"quoted"', "x" * 5000, "a b", "caf\xe9"]
PLACES: list[dict[str, Any]] = [
    {},
    {"wsgi_url_scheme": "https"},
    {"HTTP_HOST": "www.example.com"},
    {"HTTP_HOST": "bad host"},
    {"HTTP_ORIGIN": "https://other.example"},
    {"HTTP_SEC_FETCH_SITE": "cross-site"},
    {"HTTP_X_FORWARDED_PROTO": "https"},
    {"HTTP_USER_AGENT": "Version/17 Safari/605"},
    {"HTTP_COOKIE": "a=" + "b" * 6200},
    {"path": "/other/page"},
    {"path": "/\x00"},
]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_faultless_before_is_not_taken_for_more_than_that(name: str) -> None:
    app = make_app(tuile, COOKIE_CHECKS="error")
    given: list[Any] = []

    def view(path: str = "") -> Any:
        response = tuile.Response("text")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response.set_cookie(name, given[0], **given[1])
        return response

    app.add_url_rule("/", "view", view)
    app.add_url_rule("/<path:path>", "path", view)
    app.testing = True

    def found(place: dict[str, Any]) -> str:
        # A second may have passed between two answers.
        return re.sub("Expires=[^;]*", "", repr(outcome(send, app, make_environ(**place))))

    for shape in SHAPES:
        for value in VALUES:
            given[:] = value, shape
            for place in PLACES:
                first = found(place)
                cookie_checks._faultless.clear()
                assert found(place) == first, (shape, value, place)


def some_line(rng: random.Random) -> str:
    """Return a Set-Cookie line, most of which are as `set_cookie` and `delete_cookie` write them."""
    now, odd = datetime.now(timezone.utc), rng.random() < 0.15
    days = rng.choice([-20_000, -1, 0, 401, 5000] if odd else [30, 398])
    expires = f" Expires={http_date(now + timedelta(days=days))}"
    age = " Max-Age=" + rng.choice(["0", "-1", "00", "x", str(10**9)] if odd else ["60"])
    usual = ["", age, expires, f"{expires};{age}", " Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"]
    unusual = [f"{expires};{expires}", f"{age};{age}", " Expires=01-Jan-2099", " Expires=Thu, 01 Jan 1500 00:00:00 GMT"]
    life = rng.choice(usual + unusual if odd else usual)
    more = rng.choice(["", " Secure", " SameSite=None", " Domain=localhost"] if odd else ["", " HttpOnly"])
    path = rng.choice([" Path=/shop", " path=/", " Path=/; Path=/"] if odd else [" Path=/"])
    value = rng.choice(["", "a b", "long" * 300] if odd else ["1", "x.y"])
    return ";".join([f"{rng.choice('abcd')}={value}", *(part for part in (life, more, path) if part)])


def test_what_is_found_does_not_depend_on_what_was_faultless_before() -> None:
    def make() -> Any:
        app = make_app(tuile, COOKIE_CHECKS="error")

        def view() -> Any:
            response = tuile.Response("text")
            for line in lines:
                response.headers.add("Set-Cookie", line)
            return response

        app.add_url_rule("/", "view", view)
        app.testing = True
        return app

    def scopes(app: Any) -> dict[str, set[Any]]:
        return {name: set(found) for name, found in cookie_checks._known_scopes.get(app, {}).items()}

    rng, lines, kept, skipped = random.Random(5), list[str](), list[list[str]](), 0
    for _ in range(8):
        remembering, other = make(), make()
        for _ in range(250):
            if kept and rng.random() < 0.5:
                lines = rng.choice(kept)
            else:
                lines = [some_line(rng) for _ in range(rng.choice([1, 1, 2, 3]))]
                kept.append(lines)
            cookie_checks._faultless.pop(other, None)
            with mock.patch.object(cookie_checks, "find", wraps=find) as judged:
                found = outcome(send, remembering, make_environ())
            skipped += not judged.called
            assert found == outcome(send, other, make_environ()), lines
            assert scopes(remembering) == scopes(other), lines
    assert skipped > 100


@pytest.mark.parametrize(
    "change",
    [
        lambda response: [response.set_cookie(name, "1", max_age=3600, httponly=True) for name in "abc"],
        lambda response: [response.delete_cookie(name) for name in "ab"],
        lambda response: response.set_cookie("a", "1", expires=datetime.now(timezone.utc) + timedelta(days=30)),
    ],
    ids=["set with a lifetime", "deleted", "set with an end"],
)
def test_cookies_that_were_faultless_are_not_judged_again(change: Any) -> None:
    app = make_app(tuile, TESTING=True)

    def view() -> Any:
        response = tuile.Response("text")
        change(response)
        return response

    app.add_url_rule("/", "view", view)
    for _ in range(3):
        app.test_client().get("/")
    with mock.patch.object(cookie_checks, "find", wraps=find) as judged:
        app.test_client().get("/")
    assert not judged.called


def test_a_session_cookie_that_was_faultless_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(tuile, SECRET_KEY="key", TESTING=True)

    def count() -> str:
        tuile.session["n"] = tuile.session.get("n", 0) + 1
        return "text"

    app.add_url_rule("/", "count", count)
    client = app.test_client()
    for _ in range(3):
        client.get("/")
    judged = mock.Mock(side_effect=find)
    monkeypatch.setattr(cookie_checks, "find", judged)
    for _ in range(3):
        client.get("/")
    assert not judged.called


def test_a_cookie_that_was_faultless_in_another_app_is_noted_where_it_is_set() -> None:
    def make() -> Any:
        app = make_app(tuile, COOKIE_CHECKS="error", TESTING=True)

        def view(what: str) -> Any:
            response = tuile.Response("text")
            if what == "deleted":
                response.delete_cookie("basket")
            else:
                response.set_cookie("basket", "1", path="/" if what == "root" else "/shop")
            return response

        app.add_url_rule("/<what>", "view", view)
        return app

    first, second = make(), make()
    for _ in range(3):
        assert send(first, make_environ("/root")).code == 200
    assert send(second, make_environ("/shop")).code == 200
    assert send(second, make_environ("/root")).code == 200
    # It was set for all paths, too, and in this app.
    assert send(second, make_environ("/deleted")).code == 200
