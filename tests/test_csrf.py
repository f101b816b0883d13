"""CSRF: what other sites can make a browser send is refused, and what a site sends to itself is not."""

from __future__ import annotations

import base64
import io
import re
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

import tuile
from tests.beside_flask import make_environ, send
from tests.fresh import observe
from tests.test_doctor import frames_of_a_request
from tuile.csrf import CSRFError, csrf_exempt, csrf_token
from tuile.dispatch.planner import Planner
from tuile.http.origins import is_host_of, is_trusted, parse_origin, trusted_origins
from tuile.testing import Browser
from tuile.views import MethodView, View

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

KEY = "5e83a7d1f6094bc2c1f0b6e2d94a7385"
OTHER = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def make_app(**config: Any) -> tuile.Flask:
    app = tuile.Flask(__name__)
    app.config.update({"SECRET_KEY": KEY, "CSRF": "fetch", **config})

    @app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "REPORT"])
    def index() -> str:
        return "done"

    @app.route("/<int:number>", methods=["GET", "POST"])
    def numbered(number: int) -> str:
        return f"done {number}"

    @app.get("/token")
    def token() -> str:
        return csrf_token()

    @app.post("/login/<user>")
    def login(user: str) -> str:
        tuile.session["_user_id"] = user
        return user

    return app


def ask(app: Any, method: str = "POST", path: str = "/", **environ: Any) -> int:
    """The status of a request with a cookie to https://example.com."""
    given = {
        "REQUEST_METHOD": method,
        "HTTP_HOST": "example.com",
        "wsgi.url_scheme": "https",
        "HTTP_COOKIE": "session=x",
        **environ,
    }
    code: int = send(
        app, make_environ(path, **{name: value for name, value in given.items() if value is not None})
    ).code
    return code


@pytest.fixture
def app() -> tuile.Flask:
    return make_app()


# --- by the headers ---------------------------------------------------------------------------------------------------

ALLOWED: dict[str, dict[str, Any]] = {
    "same origin": {"HTTP_SEC_FETCH_SITE": "same-origin"},
    "the user": {"HTTP_SEC_FETCH_SITE": "none"},
    "the browser knows better than the headers that a proxy changes": {
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "HTTP_ORIGIN": "https://public.example",
        "HTTP_HOST": "backend:8000",
    },
    "an old browser": {"HTTP_ORIGIN": "https://example.com"},
    "an old browser, with the default port": {"HTTP_ORIGIN": "https://example.com:443"},
    "an old browser and a client that writes the default port": {
        "HTTP_ORIGIN": "https://example.com",
        "HTTP_HOST": "example.com:443",
    },
    "another port on both sides": {"HTTP_ORIGIN": "https://example.com:8443", "HTTP_HOST": "example.com:8443"},
    "capitals": {"HTTP_ORIGIN": "https://Example.com", "HTTP_HOST": "EXAMPLE.com"},
    "behind a proxy that ends TLS": {"HTTP_ORIGIN": "https://example.com", "wsgi.url_scheme": "http"},
    "plain HTTP, where browsers send no fetch metadata": {
        "HTTP_ORIGIN": "http://example.com",
        "wsgi.url_scheme": "http",
    },
    "an IPv6 address": {"HTTP_ORIGIN": "http://[::1]:5000", "HTTP_HOST": "[::1]:5000", "wsgi.url_scheme": "http"},
    "an international name, as browsers write it": {
        "HTTP_ORIGIN": "https://xn--bcher-kva.example",
        "HTTP_HOST": "xn--bcher-kva.example",
    },
    "only a Referer": {"HTTP_REFERER": "https://example.com/form?next=https://evil.example/"},
    "only a Referer without a path": {"HTTP_REFERER": "https://example.com"},
    "a program without cookies": {"HTTP_COOKIE": None},
    "a trusted origin": {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "https://app.example.com"},
    "a trusted origin, of an old browser": {"HTTP_ORIGIN": "https://app.example.com"},
    "a trusted origin, by its Referer": {"HTTP_REFERER": "https://app.example.com/"},
    "a trusted origin with a port": {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "http://other.example:81"},
    "a host below one that is trusted": {
        "HTTP_SEC_FETCH_SITE": "cross-site",
        "HTTP_ORIGIN": "https://a.b.wild.example",
    },
}

REFUSED: dict[str, dict[str, Any]] = {
    "cross-site": {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "https://evil.example"},
    "a sibling host": {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "https://evil.example.com"},
    "cross-site, with a forged Origin of a buggy client": {
        "HTTP_SEC_FETCH_SITE": "cross-site",
        "HTTP_ORIGIN": "https://example.com",
    },
    "no Origin": {"HTTP_SEC_FETCH_SITE": "cross-site"},
    "a value of tomorrow": {"HTTP_SEC_FETCH_SITE": "same-document"},
    "two values": {"HTTP_SEC_FETCH_SITE": "same-origin, cross-site"},
    "capitals, which no browser writes": {"HTTP_SEC_FETCH_SITE": "Same-Origin"},
    "an old browser": {"HTTP_ORIGIN": "https://evil.example"},
    "an old browser, from a sibling host": {"HTTP_ORIGIN": "https://evil.example.com"},
    "an old browser, from a host whose name begins as this": {"HTTP_ORIGIN": "https://example.com.evil.example"},
    "an old browser, from a host whose name ends as this": {"HTTP_ORIGIN": "https://evilexample.com"},
    "an old browser, from another port": {"HTTP_ORIGIN": "https://example.com:8443"},
    "to another port": {"HTTP_ORIGIN": "https://example.com", "HTTP_HOST": "example.com:8443"},
    "the port of another scheme": {"HTTP_ORIGIN": "https://example.com:80"},
    "from plain HTTP to HTTPS": {"HTTP_ORIGIN": "http://example.com"},
    "a sandboxed frame": {"HTTP_ORIGIN": "null"},
    "a sandboxed frame, with a Referer": {"HTTP_ORIGIN": "null", "HTTP_REFERER": "https://example.com/"},
    "another scheme": {"HTTP_ORIGIN": "ftp://example.com"},
    "an extension of the browser": {"HTTP_ORIGIN": "chrome-extension://example.com"},
    "two origins": {"HTTP_ORIGIN": "https://example.com https://evil.example"},
    "two headers, joined by a server": {"HTTP_ORIGIN": "https://example.com,https://evil.example"},
    "an origin with a path": {"HTTP_ORIGIN": "https://example.com/"},
    "an origin with a user": {"HTTP_ORIGIN": "https://example.com@evil.example"},
    "an origin without a scheme": {"HTTP_ORIGIN": "example.com"},
    "an international name in UTF-8": {"HTTP_ORIGIN": "https://b\xc3\xbccher.example"},
    "a fullwidth dot": {"HTTP_ORIGIN": "https://example\uff0ecom".encode().decode("latin-1")},
    "a trailing dot": {"HTTP_ORIGIN": "https://example.com."},
    "a port of too many digits": {"HTTP_ORIGIN": "https://example.com:000443"},
    "a Referer": {"HTTP_REFERER": "https://evil.example/"},
    "a Referer with this host in its path": {"HTTP_REFERER": "https://evil.example/https://example.com/"},
    "a Referer with this host as its user": {"HTTP_REFERER": "https://example.com@evil.example/"},
    "a Referer with a backslash": {"HTTP_REFERER": "https://evil.example\\@example.com/"},
    "a Referer of plain HTTP": {"HTTP_REFERER": "http://example.com/"},
    "a Referer without a scheme": {"HTTP_REFERER": "//example.com/"},
    "a Referer that is no page": {"HTTP_REFERER": "about:blank"},
    "nothing, but a cookie": {},
    "empty headers, and a cookie": {"HTTP_SEC_FETCH_SITE": "", "HTTP_ORIGIN": " ", "HTTP_REFERER": ""},
    "an origin that has the trusted one in its name": {"HTTP_ORIGIN": "https://app.example.com.evil.example"},
    "a trusted host by another scheme": {"HTTP_ORIGIN": "http://app.example.com"},
    "a trusted host at another port": {"HTTP_ORIGIN": "http://other.example"},
    "the host itself, of which only those below are trusted": {"HTTP_ORIGIN": "https://wild.example"},
    "a name that ends as those that are trusted": {"HTTP_ORIGIN": "https://evilwild.example"},
}


def with_trusted_origins(**config: Any) -> tuile.Flask:
    return make_app(
        CSRF_TRUSTED_ORIGINS=["https://app.example.com/", "http://other.example:81", "https://*.wild.example"], **config
    )


@pytest.mark.parametrize("case", ALLOWED)
def test_what_a_site_sends_to_itself_passes(case: str) -> None:
    assert ask(with_trusted_origins(), **ALLOWED[case]) == 200


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("mode", ["fetch", "token"])
def test_what_another_site_sends_is_refused(case: str, mode: str) -> None:
    assert ask(with_trusted_origins(CSRF=mode), **REFUSED[case]) == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "REPORT", "post", "Post"])
def test_every_method_that_may_change_something_is_checked(app: Any, method: str) -> None:
    assert ask(app, method, **REFUSED["cross-site"]) == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_methods_that_change_nothing_pass(app: Any, method: str) -> None:
    assert ask(app, method, **REFUSED["cross-site"]) == 200


def test_a_method_that_middleware_takes_from_the_query_is_checked(app: Any) -> None:
    inner = app.wsgi_app

    def override(environ: Any, start_response: Any) -> Any:
        environ["REQUEST_METHOD"] = environ["QUERY_STRING"].partition("=")[2] or environ["REQUEST_METHOD"]
        return inner(environ, start_response)

    app.wsgi_app = override
    assert ask(app, "GET", QUERY_STRING="_method=DELETE", **REFUSED["cross-site"]) == 403


@pytest.mark.parametrize("sent", ["GET", "POST"])
def test_a_method_that_a_request_class_takes_from_elsewhere_is_checked_as_well(sent: str) -> None:
    class Overriding(tuile.Request):
        @property
        def method(self) -> str:
            return str(self.environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", self.environ["REQUEST_METHOD"]))

        @method.setter
        def method(self, value: str) -> None:
            """Leave it."""

    app = make_app()
    app.request_class = Overriding
    other = "POST" if sent == "GET" else "GET"
    assert ask(app, sent, HTTP_X_HTTP_METHOD_OVERRIDE=other, **REFUSED["cross-site"]) == 403


def test_a_websocket_is_not_opened_from_another_site(app: Any) -> None:
    upgrade = {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"}
    for _ in range(Planner.PROVEN + 2):
        assert ask(app, "GET") == 200
        assert ask(app, "GET", **upgrade, HTTP_ORIGIN="https://evil.example") != 200
    assert ask(app, "GET", **upgrade, HTTP_ORIGIN="https://evil.example") == 403
    for mode in ("fetch", "token"):
        app.config["CSRF"] = mode
        assert ask(app, "GET", **upgrade, HTTP_ORIGIN="https://example.com") != 403


def test_hooks_do_not_run_before_the_check(app: Any) -> None:
    ran: list[str] = []
    app.before_request(lambda: ran.append("hook"))
    for path in ("/", "/nowhere"):
        assert ask(app, path=path, **REFUSED["cross-site"]) == 403
    assert ran == []


def test_a_wrong_url_is_a_404_for_programs_and_for_the_site_itself(app: Any) -> None:
    for mode in ("fetch", "token"):
        app.config["CSRF"] = mode
        assert ask(app, path="/nowhere", HTTP_COOKIE=None) == 404
        assert ask(app, path="/nowhere", HTTP_SEC_FETCH_SITE="same-origin") == 404
        assert ask(app, "PUT", "/token", HTTP_SEC_FETCH_SITE="same-origin") == 405


def test_an_untrusted_host_is_a_400_as_ever(app: Any) -> None:
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    assert ask(app, HTTP_HOST="evil.example", HTTP_ORIGIN="https://evil.example") == 400


# --- what the answer says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (REFUSED["cross-site"], "Sec-Fetch-Site says 'cross-site' and Origin 'https://evil.example'"),
        (REFUSED["a sandboxed frame"], "Origin says 'null', and the request was sent to 'example.com'"),
        (REFUSED["from plain HTTP to HTTPS"], "Origin says 'http://example.com', and the request was sent by HTTPS"),
        (REFUSED["a Referer"], "Referer says 'https://evil.example'"),
        (REFUSED["nothing, but a cookie"], "none of the headers Sec-Fetch-Site, Origin and Referer"),
    ],
)
def test_the_answer_says_which_header_said_what_and_what_to_do(app: tuile.Flask, headers: Any, said: str) -> None:
    seen: list[CSRFError] = []

    @app.errorhandler(CSRFError)
    def refused(error: CSRFError) -> tuple[str, int]:
        seen.append(error)
        return error.description or "", 403

    assert ask(app, **headers) == 403
    assert said in str(seen[0].description)
    assert re.search("CSRF_TRUSTED_ORIGINS|Origin: https://example.com", str(seen[0].description))


def test_what_a_header_says_is_escaped_and_shortened(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    hostile = "https://<script>alert(1)</script>\n" + "x" * 5000
    answer = send(app, make_environ(REQUEST_METHOD="POST", HTTP_ORIGIN=hostile, HTTP_COOKIE="a=b"))
    assert answer.code == 403
    assert b"<script>" not in answer.body
    assert len(answer.body) < 2000
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 1000


# --- settings and exemptions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", [None, "off"])
def test_off_is_the_default_and_behaves_as_flask(setting: str | None) -> None:
    app = make_app(CSRF=setting)
    for case in REFUSED.values():
        assert ask(app, **case) == 200
    assert "csrf_token" not in app.jinja_env.globals


@pytest.mark.parametrize(
    "config",
    [
        {"CSRF": "on"},
        {"CSRF": True},
        {"CSRF_TRUSTED_ORIGINS": "https://example.com"},
        {"CSRF_TRUSTED_ORIGINS": ["example.com"]},
        {"CSRF_TRUSTED_ORIGINS": ["https://example.com/path"]},
        {"CSRF_TRUSTED_ORIGINS": ["*"]},
        {"CSRF_TRUSTED_ORIGINS": ["https://*"]},
        {"CSRF_TRUSTED_ORIGINS": ["https://*.com"]},
        {"CSRF_TRUSTED_ORIGINS": ["https://a.*.example"]},
        {"CSRF_TRUSTED_ORIGINS": ["null"]},
        {"CSRF_TRUSTED_ORIGINS": ["https://b\xfccher.example"]},
        {"CSRF_TRUSTED_ORIGINS": ["https://" + "\xfc" * 100]},
        {"CSRF_TRUSTED_ORIGINS": [443]},
        {"CSRF_TRUSTED_ORIGINS": 1},
    ],
    ids=repr,
)
def test_a_wrong_setting_is_an_error_before_the_first_answer(config: dict[str, Any]) -> None:
    app = make_app(**config)
    name = next(iter(config))
    with pytest.raises((TypeError, ValueError), match=name):
        send(app, make_environ("/"))


def test_an_international_name_is_shown_as_browsers_write_it() -> None:
    with pytest.raises(ValueError, match=r"'https://xn--bcher-kva\.example'"):
        ask(make_app(CSRF_TRUSTED_ORIGINS=["https://b\xfccher.example"]))


SWITCHES: dict[str, Callable[[Any, Any], object]] = {
    "assignment": lambda config, mode: config.__setitem__("CSRF", mode),
    "update": lambda config, mode: config.update(CSRF=mode),
    "or": lambda config, mode: config.__ior__({"CSRF": mode}),
    "setdefault": lambda config, mode: (config.pop("CSRF"), config.setdefault("CSRF", mode)),
    "from_mapping": lambda config, mode: config.from_mapping(CSRF=mode),
}


def test_it_is_read_at_each_request_however_it_was_set() -> None:
    app = make_app(CSRF=None)
    for _ in range(Planner.PROVEN + 2):
        assert ask(app) == 200
    dict.__setitem__(app.config, "CSRF", "fetch")  # nobody is told of this
    assert ask(app) == 403


@pytest.mark.parametrize("way", SWITCHES)
@pytest.mark.parametrize("mode", ["fetch", "token"])
def test_the_fast_path_does_not_miss_that_it_is_switched_on(way: str, mode: str) -> None:
    app = make_app(CSRF=None)
    for path in ("/", "/7"):
        for _ in range(Planner.PROVEN + 2):
            assert ask(app, path=path) == 200
    SWITCHES[way](app.config, mode)
    for _ in range(Planner.PROVEN + 2):
        assert ask(app, path="/") == ask(app, path="/7") == 403
        assert ask(app, "GET", "/") == ask(app, "GET", "/7") == 200
    SWITCHES[way](app.config, None)
    assert ask(app) == 200


def test_a_configuration_that_cannot_tell_of_changes_is_read_at_each_request() -> None:
    app = make_app(CSRF=None)
    app.config = dict(app.config)  # type: ignore[assignment] # as some do
    for _ in range(Planner.PROVEN + 2):
        assert ask(app) == 200
    app.config["CSRF"] = "fetch"
    assert ask(app) == 403


def test_a_plan_that_is_made_while_it_is_on_keeps_the_fast_path_for_what_changes_nothing() -> None:
    on, off = make_app(), make_app(CSRF=None)
    assert on.plan.fast
    assert on.plan.enters
    entered: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        entered.append(frame.f_code.co_name)

    for app, stepped in ((on, {"POST", "DELETE", "X", "OPTIONS"}), (off, {"OPTIONS"})):
        app.add_url_rule("/any", "any", lambda: "any", methods=["GET", "POST", "DELETE", "X"])
        for method in ("GET", "HEAD", "POST", "DELETE", "X", "OPTIONS"):
            ask(app, method, "/any")
            entered.clear()
            sys.setprofile(note)
            try:
                ask(app, method, "/any")
            finally:
                sys.setprofile(None)
            assert ("full_dispatch_request" in entered) is (method in stepped), (method, stepped)


def test_a_request_that_changes_nothing_enters_one_function_more_while_it_is_on() -> None:
    assert frames_of_a_request(make_app()) <= frames_of_a_request(make_app(CSRF=None)) + 1


def test_views_and_blueprints_can_be_exempt() -> None:
    app = make_app(CSRF="token")
    blueprint, inner = tuile.Blueprint("api", __name__), tuile.Blueprint("inner", __name__)
    csrf_exempt(blueprint)

    @app.post("/above")
    @csrf_exempt
    def above() -> str:
        return "above"

    @csrf_exempt
    @app.post("/below")
    def below() -> str:
        return "below"

    @csrf_exempt
    class Whole(MethodView):
        def post(self) -> str:
            return "whole"

    class Decorated(View):
        methods = ("POST",)
        decorators: ClassVar[list[Any]] = [csrf_exempt]

        def dispatch_request(self) -> str:
            return "decorated"

    for name, kind in (("whole", Whole), ("decorated", Decorated)):
        app.add_url_rule(f"/{name}", view_func=kind.as_view(name))
    blueprint.add_url_rule("/view", "view", lambda: "view", methods=["POST"])
    inner.add_url_rule("/deep", "deep", lambda: "deep", methods=["POST"])
    blueprint.register_blueprint(inner)
    app.register_blueprint(blueprint, url_prefix="/api")
    for path in ("/above", "/below", "/whole", "/decorated", "/api/view", "/api/deep"):
        assert ask(app, path=path, **REFUSED["cross-site"]) == 200, path
    assert ask(app, **REFUSED["cross-site"]) == 403
    assert ask(app, path="/api/nowhere", **REFUSED["cross-site"]) == 403


@pytest.mark.parametrize(
    "wrong", ["index", None, 3, len, "".join, object()], ids=["name", "None", "number", "builtin", "method", "object"]
)
def test_what_cannot_be_exempt_is_an_error(wrong: object) -> None:
    with pytest.raises(TypeError, match="csrf_exempt needs"):
        csrf_exempt(wrong)


def test_an_app_and_a_bound_method_cannot_be_exempt(app: Any) -> None:
    with pytest.raises(TypeError, match="csrf_exempt needs"):
        csrf_exempt(app)
    with pytest.raises(TypeError, match="register a function that calls it"):
        csrf_exempt(app.test_client)


# --- tokens -----------------------------------------------------------------------------------------------------------


def client_of(app: tuile.Flask) -> Any:
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


STORES: list[str | None] = [None, "memory"]


@pytest.fixture(params=STORES, ids=["signed", "stored"])
def client(request: pytest.FixtureRequest) -> Any:
    return client_of(make_app(CSRF="token", SESSION_STORE=request.param))


WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "field": lambda token: {"data": {"csrf_token": token}},
    "multipart": lambda token: {"data": {"csrf_token": token, "file": (io.BytesIO(b"x"), "x.txt")}},
    "prefixed field": lambda token: {"data": {"login-csrf_token": token}},
    "X-CSRFToken": lambda token: {"headers": {"X-CSRFToken": token}},
    "X-CSRF-Token": lambda token: {"headers": {"X-CSRF-Token": token}, "json": {"a": 1}},
    "field beside a wrong header": lambda token: {"headers": {"X-CSRFToken": "x"}, "data": {"csrf_token": token}},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_token_is_accepted_where_flask_wtf_has_it(client: Any, way: str) -> None:
    token = client.get("/token").text
    assert client.post("/", **WAYS[way](token)).status_code == 200
    wrong = token[:-5] + ("x" if token[-5] != "x" else "y") + token[-4:]
    assert client.post("/", **WAYS[way](wrong)).status_code == 403


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"query_string": {"csrf_token": "TOKEN"}},
        {"json": {"csrf_token": "TOKEN"}},
        {"data": b"csrf_token=TOKEN", "content_type": "text/plain"},
        {"headers": {"Cookie": "csrf_token=TOKEN"}},
    ],
    ids=["none", "query", "json", "text/plain", "cookie"],
)
def test_a_token_anywhere_else_does_not_count(client: Any, request_: dict[str, Any]) -> None:
    token = client.get("/token").text

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(part) for name, part in value.items()}
        return value.replace(b"TOKEN", token.encode()) if isinstance(value, bytes) else value.replace("TOKEN", token)

    answer = client.post("/", **{name: filled(value) for name, value in request_.items()})
    assert answer.status_code == 403
    assert "missing" in answer.text


def test_a_token_is_another_text_each_time_and_all_are_valid(client: Any) -> None:
    tokens = [client.get("/token").text for _ in range(20)]
    assert len(set(tokens)) == 20
    # No part of it is the same on all pages.
    decoded = [base64.urlsafe_b64decode(f"{token}==") for token in tokens]
    assert all(len(octets) == 64 for octets in decoded)
    assert all(len({octets[index] for octets in decoded}) > 5 for index in range(64))
    for token in tokens:
        assert client.post("/", data={"csrf_token": token}).status_code == 200


def test_a_token_of_another_session_is_refused(client: Any) -> None:
    own = client.get("/token").text
    attacker = client_of(client.application)
    theirs = attacker.get("/token").text
    assert attacker.post("/", data={"csrf_token": theirs}).status_code == 200
    assert client.post("/", data={"csrf_token": theirs}).status_code == 403
    assert "not one of this session" in client.post("/", data={"csrf_token": theirs}).text
    assert client.post("/", data={"csrf_token": own}).status_code == 200


def test_a_token_ends_when_the_user_changes_so_a_planted_session_is_of_no_use(client: Any) -> None:
    known = client.get("/token").text  # the attacker's session, planted in the browser of the victim
    assert client.post("/login/ada", data={"csrf_token": known}).status_code == 200
    assert client.post("/", data={"csrf_token": known}).status_code == 403
    ada = client.get("/token").text
    assert client.post("/", data={"csrf_token": ada}).status_code == 200
    assert client.post("/login/bob", data={"csrf_token": ada}).status_code == 200
    assert client.post("/", data={"csrf_token": ada}).status_code == 403


def test_a_session_that_can_be_read_does_not_give_its_token() -> None:
    app = make_app(CSRF="token")
    client = client_of(app)
    client.get("/token")
    with client.session_transaction() as session:
        seed = session["_csrf"]
    for guess in (seed, base64.urlsafe_b64encode(bytes(32) + seed.encode().ljust(32, b"\0")[:32]).decode()[:86]):
        assert client.post("/", data={"csrf_token": guess}).status_code == 403


def test_a_token_outlives_a_change_of_the_key() -> None:
    app = make_app(CSRF="token")
    client = client_of(app)
    token = client.get("/token").text
    app.config.update(SECRET_KEY="c2c1f0b6e2d94a73855e83a7d1f6094b", SECRET_KEY_FALLBACKS=[KEY])
    assert client.post("/", data={"csrf_token": token}).status_code == 200
    app.config["SECRET_KEY_FALLBACKS"] = []
    assert client.post("/", data={"csrf_token": token}).status_code == 403


def test_pages_that_a_new_visitor_loads_at_the_same_time_both_get_a_token_that_counts() -> None:
    app = make_app(CSRF="token", SESSION_STORE="memory")
    client = client_of(app)

    @app.post("/begin")
    @csrf_exempt
    def begin() -> str:
        tuile.session["visits"] = 1
        return ""

    @app.get("/two")
    def two() -> str:
        first = csrf_token()
        # Another page of the same visitor, whose session is saved before this one's.
        return f"{first} {client.get('/token').text}"

    client.post("/begin")
    cookie = client.get_cookie("session").value
    for token in client.get("/two").text.split():
        assert client.get_cookie("session").value == cookie
        assert client.post("/", data={"csrf_token": token}).status_code == 200


def test_in_fetch_mode_a_token_serves_where_no_header_tells() -> None:
    app = make_app()
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = ""
    assert client.post("/").status_code == 200  # no cookie
    token = client.get("/token").text
    assert client.post("/").status_code == 403
    assert client.post("/", data={"csrf_token": token}).status_code == 200
    assert client.post("/", data={"csrf_token": token}, headers=OTHER).status_code == 403


def test_a_token_does_not_help_another_origin(client: Any) -> None:
    token = client.get("/token").text
    assert client.post("/", data={"csrf_token": token}, headers=OTHER).status_code == 403


@given(
    st.text()
    | st.text("AZaz09-_=.", min_size=80, max_size=90)
    | st.binary(min_size=60, max_size=70).map(lambda octets: base64.urlsafe_b64encode(octets).decode())
)
def test_any_text_that_is_not_a_token_is_refused_quietly(text: str) -> None:
    client = HOSTILE
    assert client.post("/", data={"csrf_token": text}).status_code == 403


def _hostile() -> Any:
    client = client_of(make_app(CSRF="token"))
    client.get("/token")
    return client


HOSTILE = _hostile()


@pytest.mark.parametrize("seeds", ["", " ", 3, None, ["x"], {"a": 1}, "a b c d e f g", "\0", "\ud800"], ids=repr)
def test_whatever_a_session_has_under_its_key_is_no_error(seeds: object) -> None:
    client = client_of(make_app(CSRF="token", SESSION_STORE="memory"))
    with client.session_transaction() as session:
        session["_csrf"] = seeds
    assert client.post("/", data={"csrf_token": "A" * 86}).status_code == 403
    token = client.get("/token").text
    assert client.post("/", data={"csrf_token": token}).status_code == 200


def test_without_a_secret_key_a_token_needs_a_store() -> None:
    with pytest.raises(RuntimeError, match="secret key"):
        send(make_app(SECRET_KEY=None, CSRF="token", TESTING=True), make_environ("/token"))
    client = client_of(make_app(SECRET_KEY=None, CSRF="token", SESSION_STORE="memory"))
    assert client.post("/", data={"csrf_token": client.get("/token").text}).status_code == 200


def test_a_body_without_a_form_is_left_for_the_view() -> None:
    app = make_app(CSRF="token")
    client = client_of(app)

    @app.post("/raw")
    def raw() -> bytes:
        return tuile.request.stream.read()

    token = client.get("/token").text
    body = b"a=b&c=d"
    form = "application/x-www-form-urlencoded"
    for content_type in ("application/octet-stream", form):
        answer = client.post("/raw", data=body, content_type=content_type, headers={"X-CSRFToken": token})
        assert answer.data == body


def test_a_form_that_is_too_large_is_a_413(app: Any) -> None:
    app.config.update(CSRF="token", MAX_CONTENT_LENGTH=100)
    assert client_of(app).post("/", data={"csrf_token": "x" * 200}).status_code == 413


# --- templates, and Flask-WTF beside ----------------------------------------------------------------------------------


def with_form(app: tuile.Flask) -> Any:
    @app.get("/form")
    def form() -> str:
        return tuile.render_template_string('<input name="csrf_token" value="{{ csrf_token() }}">')

    return client_of(app)


def token_in(page: str) -> str:
    found = re.search(r'name="[\w-]*csrf_token"[^>]* value="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_templates_have_the_token(when: str) -> None:
    app = make_app(CSRF=None)
    if when == "after":
        assert "csrf_token" not in app.jinja_env.globals
    app.config["CSRF"] = "token"
    client = with_form(app)
    assert client.post("/", data={"csrf_token": token_in(client.get("/form").text)}).status_code == 200


def test_a_global_of_the_application_is_kept() -> None:
    app = make_app(CSRF=None)
    app.jinja_env.globals["csrf_token"] = lambda: "mine"
    app.config["CSRF"] = "token"
    assert token_in(with_form(app).get("/form").text) == "mine"


FLASK_WTF = """
import re
import flask
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from wtforms import StringField

def token_in(page):
    return re.search(r'name="[a-z_-]*csrf_token"[^>]* value="([^"]+)"', page)[1]

def make_app(protects, prefix, settings):
    app = flask.Flask("app")
    app.config.update(SECRET_KEY="5e83a7d1f6094bc2c1f0b6e2d94a7385", CSRF="MODE", **settings)
    if protects:
        CSRFProtect(app)

    class Login(FlaskForm):
        name = StringField()

    @app.route("/", methods=["GET", "POST"])
    def index():
        form = Login(prefix=prefix)
        if form.validate_on_submit():
            return "valid " + form.name.data
        return flask.render_template_string("{{ form.hidden_tag() }}", form=form)

    @app.route("/plain", methods=["GET", "POST"])
    def plain():
        return flask.render_template_string('<input name="csrf_token" value="{{ csrf_token() }}">')

    return app

seen = []
for protects, prefix, settings in [
    (True, "", {}), (False, "", {}), (True, "login-", {}), (False, "", {"WTF_CSRF_TIME_LIMIT": None}),
    (True, "", {"WTF_CSRF_SECRET_KEY": "another key of enough characters"}),
]:
    app = make_app(protects, prefix, settings)
    client, stranger = app.test_client(), app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = stranger.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    token = token_in(client.get("/").text)
    fields = {prefix + "csrf_token": token, prefix + "name": "ada"}
    plain = token_in(client.get("/plain").text)
    stranger.get("/")
    seen.append([
        client.post("/", data=fields).text,
        client.post("/plain", headers={"X-CSRFToken": plain}).status_code,
        stranger.post("/", data=fields).text == "valid ada",
        client.post("/", data={**fields, prefix + "csrf_token": token[:-2]}).text == "valid ada",
        client.post("/", data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code,
    ])
"""


@pytest.mark.parametrize("mode", ["token", "fetch"])
def test_flask_wtf_keeps_running_beside(mode: str) -> None:
    pytest.importorskip("flask_wtf")
    seen = observe(FLASK_WTF.replace("MODE", mode))
    assert seen == [["valid ada", 200, False, False, 403]] * 5


# --- in the test client -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["client", "with", "builder", "redirected", "https", "jar"])
def test_a_client_with_cookies_sends_forms_as_a_page_of_the_application_does(how: str) -> None:
    app = make_app()
    app.add_url_rule("/moved", "moved", lambda: tuile.redirect("/", 307), methods=["POST"])
    client = app.test_client(browser="chromium") if how == "jar" else app.test_client()
    base = "https://shop.example" if how == "https" else "http://localhost"
    client.get("/token", base_url=base)  # begins a session
    if how == "builder":
        assert client.open(EnvironBuilder("/", method="POST")).status_code == 200
    elif how == "redirected":
        assert client.post("/moved", follow_redirects=True).text == "done"
    elif how == "with":
        with client:
            assert client.post("/").text == "done"
            assert tuile.request.headers["Sec-Fetch-Site"] == "same-origin"
    else:
        assert [client.open("/", method=one, base_url=base).text for one in ("POST", "PUT", "DELETE")] == ["done"] * 3


@pytest.mark.parametrize(
    "headers",
    [
        OTHER,
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/page"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
    ],
)
@pytest.mark.parametrize("where", ["request", "client"])
def test_a_client_sends_what_a_test_gives(headers: dict[str, str], where: str) -> None:
    client = make_app().test_client()
    client.set_cookie("a", "b")
    if where == "client":
        given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        client.environ_base.update(given)
        assert client.post("/").status_code == 403
    else:
        assert client.post("/", headers=headers).status_code == 403


def test_an_asynchronous_client_does_as_well() -> None:
    import asyncio  # noqa: PLC0415 - for this test

    async def codes() -> list[int]:
        async with make_app().async_test_client() as client:
            client.set_cookie("a", "b")
            answers = [await client.post("/"), await client.post("/", headers=OTHER)]
            return [answer.status_code for answer in answers]

    assert asyncio.run(codes()) == [200, 403]


@pytest.mark.parametrize("setting", [None, "off"])
def test_a_client_sends_nothing_of_it_while_nothing_is_checked(setting: str | None) -> None:
    app = make_app(CSRF=setting)
    app.add_url_rule("/said", "said", lambda: [name for name, _ in tuile.request.headers], methods=["GET", "POST"])
    client: Any = app.test_client()
    client.set_cookie("a", "b")
    assert not {"Sec-Fetch-Site", "Origin", "Referer"}.intersection(client.post("/said").json)
    app.config["CSRF"] = "fetch"
    assert "Sec-Fetch-Site" in client.post("/said").json
    assert "Sec-Fetch-Site" not in client.get("/said").json


# --- in a browser, as the test client has it --------------------------------------------------------------------------


def test_a_browser_sends_forms_to_its_own_site_and_not_to_others(app: Any) -> None:
    for site in ("https://example.com", "http://shop.example"):
        browser = Browser(app)
        browser.visit(f"{site}/token")
        assert browser.submit(f"{site}/").status_code == 200
        assert browser.fetch(f"{site}/", method="POST").status_code == 200
        for attacker in ("https://evil.example/", "https://evil.example.com/", "http://example.com/", "null"):
            assert browser.submit(f"{site}/", from_site=attacker).status_code == 403


# --- headers, whatever they are ---------------------------------------------------------------------------------------

TEXT = st.text(st.characters(max_codepoint=255), max_size=40)
PIECES = st.lists(
    st.sampled_from(
        ["https", "http", "://", "//", ":", "/", "\\", "@", "example.com", "evil.example", ".", ",", " ", "null", "443"]
    ),
    max_size=7,
).map("".join)


@given(TEXT | PIECES, TEXT | PIECES, TEXT | PIECES)
def test_no_header_is_an_error_and_only_this_host_is_the_same(site: str, origin: str, referer: str) -> None:
    headers = {"HTTP_SEC_FETCH_SITE": site, "HTTP_ORIGIN": origin, "HTTP_REFERER": referer}
    code = ask(HOSTILE.application, path="/nowhere", **headers)
    assert code in (403, 404)
    if code == 404 and site.strip(" \t") not in {"same-origin", "none"}:
        told = origin.strip(" \t") or referer.strip(" \t")
        assert re.fullmatch(r"https://example\.com(:0{0,3}443)?([/?#].*)?", told, re.IGNORECASE | re.DOTALL)


@given(TEXT | PIECES | st.text())
def test_an_origin_is_read_as_it_is_written_or_not_at_all(text: str) -> None:
    origin = parse_origin(text)
    if origin is not None:
        assert parse_origin(str(origin)) == origin
        assert text.lower().startswith(f"{origin.scheme}://{origin.host}")
        assert is_host_of(origin, f"{origin.host}{origin.port and ':'}{origin.port}")
        assert not is_host_of(origin, f"{origin.host}.evil.example")
        assert not is_host_of(origin, f"evil{origin.host}")


@given(
    st.lists(TEXT | PIECES | st.text() | st.integers() | st.none(), max_size=3) | st.text() | st.none() | st.integers()
)
def test_any_setting_of_trusted_origins_is_taken_or_refused_with_a_reason(setting: Any) -> None:
    try:
        trusted = trusted_origins("CSRF_TRUSTED_ORIGINS", setting)
    except (TypeError, ValueError) as error:
        assert "CSRF_TRUSTED_ORIGINS" in str(error)  # noqa: PT017 - any of the two
        return
    for one in trusted:
        plain = one._replace(host=one.host.removeprefix("*."))
        assert is_trusted(plain, trusted) is not one.host.startswith("*.") or plain in trusted
        assert is_trusted(plain._replace(host=f"a.{plain.host}"), [one]) is one.host.startswith("*.")


def test_the_environ_of_a_form_is_refused_and_served_alike_by_steps_and_fast_path(app: Any) -> None:
    stepped = make_app()
    original = stepped.full_dispatch_request
    stepped.full_dispatch_request = lambda: original()  # type: ignore[method-assign] # noqa: PLW0108 - as agents do
    for case in (*ALLOWED.values(), *REFUSED.values()):
        for method in ("GET", "POST"):
            assert ask(app, method, **case) == ask(stepped, method, **case)
    builder = EnvironBuilder("/", method="POST", data={"a": "b"}, headers=list(OTHER.items()))
    assert send(app, builder.get_environ()).code == send(stepped, builder.get_environ()).code == 403
