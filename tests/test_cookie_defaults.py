"""`COOKIE_DEFAULTS = "secure"`: SameSite, Secure and `__Host-` names for what an app sets without saying so."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tuile
from tests.fresh import observe
from tuile import cookies, session
from tuile.cli.list_cookies import cookies_command
from tuile.testing import Browser

KEY = "5e83a7d1f6094bc2c1f0b6e2d94a7385"
HTTPS, HTTP = "https://shop.example", "http://shop.example"


def make_app(**config: Any) -> tuile.Flask:
    app = tuile.Flask(__name__, static_folder=None)
    app.config.update({"SECRET_KEY": KEY, "COOKIE_DEFAULTS": "secure", **config})

    @app.get("/login")
    def login() -> str:
        session["user"] = "ada"
        return "welcome"

    @app.get("/")
    def index() -> str:
        return str(session.get("user", "nobody"))

    @app.get("/logout")
    def logout() -> str:
        session.clear()
        return "bye"

    return app


def lines(app: tuile.Flask, view: Any, base: str = HTTPS, cookie: str = "") -> list[str]:
    """The Set-Cookie lines of a response to a view."""
    app.add_url_rule("/view", "view", view)
    return (
        app.test_client(use_cookies=False)
        .get("/view", base_url=base, headers={"Cookie": cookie})
        .headers.getlist("Set-Cookie")
    )


def parts(line: str) -> tuple[str, set[str]]:
    """The name, and the attributes besides the lifetime."""
    pair, *attributes = line.split("; ")
    return pair.partition("=")[0], {part for part in attributes if not part.startswith(("Expires", "Max-Age"))}


# --- the session ------------------------------------------------------------------------------------------------------

SESSION: list[tuple[dict[str, Any], str, str, set[str]]] = [
    ({}, HTTPS, "__Host-session", {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}),
    ({}, HTTP, "session", {"HttpOnly", "Path=/", "SameSite=Lax"}),
    (
        {"SESSION_COOKIE_SAMESITE": "Strict"},
        HTTPS,
        "__Host-session",
        {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"},
    ),
    ({"SESSION_COOKIE_NAME": "__Secure-id"}, HTTPS, "__Secure-id", {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}),
    ({"SESSION_COOKIE_NAME": "id"}, HTTPS, "__Host-id", {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}),
    (
        {"SESSION_COOKIE_DOMAIN": "shop.example"},
        HTTPS,
        "session",
        {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Domain=shop.example"},
    ),
    ({"SESSION_COOKIE_PATH": "/app"}, HTTPS, "session", {"Secure", "HttpOnly", "Path=/app", "SameSite=Lax"}),
    ({"APPLICATION_ROOT": "/app"}, HTTPS, "session", {"Secure", "HttpOnly", "Path=/app", "SameSite=Lax"}),
    (
        {"SESSION_COOKIE_PARTITIONED": True},
        HTTPS,
        "__Host-session",
        {"Secure", "HttpOnly", "Path=/", "Partitioned"},
    ),
    # A proxy that the app does not know of ends TLS.
    ({"SESSION_COOKIE_SECURE": True}, HTTP, "__Host-session", {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}),
    ({"COOKIE_DEFAULTS": None}, HTTPS, "session", {"HttpOnly", "Path=/"}),
]


@pytest.mark.parametrize(("config", "base", "name", "attributes"), SESSION)
@pytest.mark.parametrize("store", [None, "memory"])
def test_the_session_cookie(
    config: dict[str, Any], base: str, name: str, attributes: set[str], store: str | None
) -> None:
    app = make_app(SESSION_STORE=store, **config)
    client = app.test_client(use_cookies=False)
    answer = client.get("/login", base_url=base)
    (line,) = answer.headers.getlist("Set-Cookie")
    assert parts(line) == (name, attributes)
    pair = line.partition(";")[0]
    assert client.get("/", base_url=base, headers={"Cookie": pair}).text == "ada"
    (line,) = client.get("/logout", base_url=base, headers={"Cookie": pair}).headers.getlist("Set-Cookie")
    assert parts(line) == (name, attributes)


KINDS: list[dict[str, Any]] = [
    {},
    {"SESSION_ENCRYPT": True},
    {"SESSION_STORE": "memory"},
    {"SESSION_STORE": "memory", "SESSION_WRITES": "cookie"},
    {"SESSION_STORE": "memory", "SESSION_OVERFLOW": "spill"},
]
of_each_kind = pytest.mark.parametrize("kind", KINDS, ids=["signed", "encrypted", "stored", "beside", "spilled"])


@of_each_kind
def test_a_session_of_a_sibling_host_is_not_read_over_https_if_the_setting_is_strict(kind: dict[str, Any]) -> None:
    app = make_app(**{**kind, "COOKIE_DEFAULTS": "strict"})
    client = app.test_client(use_cookies=False)
    planted = client.get("/login", base_url=HTTP).headers["Set-Cookie"].partition(";")[0]
    assert planted.startswith("session=")
    assert client.get("/", base_url=HTTP, headers={"Cookie": planted}).text == "ada"
    assert client.get("/", base_url=HTTPS, headers={"Cookie": planted}).text == "nobody"


@of_each_kind
def test_switching_the_setting_on_logs_nobody_out(kind: dict[str, Any]) -> None:
    app = make_app(**kind)
    app.config["COOKIE_DEFAULTS"] = None
    browser = Browser(app)
    browser.visit(f"{HTTPS}/login")
    assert [one.name for one in browser.cookies] == ["session"]
    app.config["COOKIE_DEFAULTS"] = "secure"
    assert browser.visit(f"{HTTPS}/").text == "ada"
    assert [one.name for one in browser.cookies] == ["__Host-session"]
    assert browser.visit(f"{HTTPS}/").text == "ada"
    assert "Set-Cookie" not in browser.visit(f"{HTTPS}/").headers
    assert not browser.verdicts.problems


@of_each_kind
def test_logging_out_ends_a_session_under_either_name(kind: dict[str, Any]) -> None:
    app = make_app(**kind)
    client = app.test_client(use_cookies=False)
    app.config["COOKIE_DEFAULTS"] = None
    plain = client.get("/login", base_url=HTTPS).headers["Set-Cookie"].partition(";")[0]
    app.config["COOKIE_DEFAULTS"] = "secure"
    prefixed = client.get("/login", base_url=HTTPS).headers["Set-Cookie"].partition(";")[0]
    for sent in (plain, f"{prefixed}; {plain}"):
        answer = client.get("/logout", base_url=HTTPS, headers={"Cookie": sent})
        deleted = answer.headers.getlist("Set-Cookie")
        assert [parts(line)[0] for line in deleted] == ["__Host-session", "session"]
        assert all("Max-Age=0" in line for line in deleted)


@of_each_kind
def test_a_session_under_the_new_name_is_read_before_one_under_the_former(kind: dict[str, Any]) -> None:
    app = make_app(**kind)
    app.add_url_rule("/bob", "bob", lambda: str(session.update(user="bob")))
    client = app.test_client(use_cookies=False)
    planted = client.get("/bob", base_url=HTTP).headers["Set-Cookie"].partition(";")[0]
    own = client.get("/login", base_url=HTTPS).headers["Set-Cookie"].partition(";")[0]
    for sent in (f"{planted}; {own}", f"{own}; {planted}"):
        assert client.get("/", base_url=HTTPS, headers={"Cookie": sent}).text == "ada"


@of_each_kind
def test_a_session_under_the_former_name_is_moved_once_it_is_touched(kind: dict[str, Any]) -> None:
    app = make_app(**kind)
    app.add_url_rule("/untouched", "untouched", lambda: "untouched")

    @app.get("/cached")
    def cached() -> tuile.Response:
        response = tuile.make_response(str(session.get("user")))
        response.headers["Cache-Control"] = "public"
        return response

    client = app.test_client(use_cookies=False)
    sent = {"Cookie": client.get("/login", base_url=HTTP).headers["Set-Cookie"].partition(";")[0]}
    assert "Set-Cookie" not in client.get("/untouched", base_url=HTTPS, headers=sent).headers
    assert "Set-Cookie" not in client.get("/", base_url=HTTP, headers=sent).headers
    answer = client.get("/cached", base_url=HTTPS, headers=sent)
    assert answer.text == "ada"
    assert "Set-Cookie" not in answer.headers or "private" in answer.headers["Cache-Control"]
    lines = client.get("/", base_url=HTTPS, headers=sent).headers.getlist("Set-Cookie")
    assert [parts(line)[0] for line in lines] == ["__Host-session", "session"]
    assert "Max-Age=0" in lines[1]


def test_nothing_is_written_for_a_former_cookie_that_is_not_valid() -> None:
    client = make_app().test_client(use_cookies=False)
    answer = client.get("/", base_url=HTTPS, headers={"Cookie": "session=planted"})
    assert answer.text == "nobody"
    assert "Set-Cookie" not in answer.headers


def test_a_permanent_session_is_renewed_under_its_name() -> None:
    app = make_app()

    @app.get("/stay")
    def stay() -> str:
        session.permanent = True
        return ""

    app.add_url_rule("/untouched", "untouched", lambda: "untouched")
    browser = Browser(app)
    browser.visit(f"{HTTPS}/stay")
    assert [verdict.name for verdict in browser.visit(f"{HTTPS}/untouched").verdicts] == ["__Host-session"]
    assert not browser.verdicts.problems


def test_a_transaction_of_the_test_client_uses_the_same_name() -> None:
    app = make_app()
    client = app.test_client()
    with client.session_transaction(base_url=HTTPS) as stored:
        stored["user"] = "bob"
    assert client.get("/", base_url=HTTPS).text == "bob"
    assert client.get("/", base_url=HTTP).text == "nobody"
    # A session of before is opened, and moved.
    client = app.test_client()
    with client.session_transaction(base_url=HTTP) as stored:
        stored["user"] = "bob"
    with client.session_transaction(base_url=HTTPS) as stored:
        assert stored["user"] == "bob"
        stored["user"] = "ada"
    assert client.get("/", base_url=HTTPS).text == "ada"
    assert client.get("/", base_url=HTTP).text == "nobody"


def test_a_subclass_of_the_interface_is_asked_as_ever() -> None:
    from tuile.sessions import SecureCookieSessionInterface  # noqa: PLC0415 - for this test

    class Named(SecureCookieSessionInterface):
        def get_cookie_name(self, app: tuile.Flask) -> str:
            return "mine"

        def get_cookie_samesite(self, app: tuile.Flask) -> Any:
            return "Strict"

    app = make_app()
    app.session_interface = Named()
    client = app.test_client(use_cookies=False)
    line = client.get("/login", base_url=HTTPS).headers["Set-Cookie"]
    assert parts(line) == ("mine", {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"})
    assert client.get("/", base_url=HTTPS, headers={"Cookie": line.partition(";")[0]}).text == "ada"


def test_flask_session_keeps_its_name() -> None:
    """It reads its cookie by the setting, and writes it by the interface."""
    seen = observe(
        f"""
        import flask
        from flask.sessions import SessionInterface, SessionMixin

        class Own(dict, SessionMixin):
            modified = True

        class Interface(SessionInterface):
            def open_session(self, app, request):
                return Own(user=request.cookies.get(app.config["SESSION_COOKIE_NAME"]))

            def save_session(self, app, session, response):
                response.set_cookie(
                    self.get_cookie_name(app), "x", secure=self.get_cookie_secure(app),
                    samesite=self.get_cookie_samesite(app),
                )

        app = flask.Flask("app")
        app.config.update(SECRET_KEY={KEY!r}, COOKIE_DEFAULTS="secure")
        app.session_interface = Interface()
        app.add_url_rule("/", "index", lambda: str(flask.session["user"]))
        client = app.test_client()
        first = client.get("/", base_url="https://shop.example")
        seen = [first.headers["Set-Cookie"], client.get("/", base_url="https://shop.example").text]
        """
    )
    assert seen == ["session=x; Secure; Path=/; SameSite=Lax", "x"]


# --- other cookies ----------------------------------------------------------------------------------------------------

SET: list[tuple[dict[str, Any], str, str, set[str]]] = [
    ({}, HTTPS, "__Host-theme", {"Secure", "Path=/", "SameSite=Lax"}),
    ({}, HTTP, "theme", {"Path=/", "SameSite=Lax"}),
    ({"secure": False}, HTTPS, "theme", {"Path=/", "SameSite=Lax"}),
    ({"samesite": None}, HTTPS, "__Host-theme", {"Secure", "Path=/"}),
    ({"samesite": "None"}, HTTPS, "__Host-theme", {"Secure", "Path=/", "SameSite=None"}),
    ({"path": "/account"}, HTTPS, "theme", {"Secure", "Path=/account", "SameSite=Lax"}),
    ({"path": None}, HTTPS, "theme", {"Secure", "SameSite=Lax"}),
    ({"domain": "shop.example"}, HTTPS, "theme", {"Secure", "Path=/", "SameSite=Lax", "Domain=shop.example"}),
    ({"partitioned": True}, HTTPS, "__Host-theme", {"Secure", "Path=/", "Partitioned"}),
]


@pytest.mark.parametrize(("options", "base", "name", "attributes"), SET)
@pytest.mark.parametrize("view", ["plain", "signed", "permanent"])
def test_cookies_set_and_delete(options: dict[str, Any], base: str, name: str, attributes: set[str], view: str) -> None:
    def kind() -> Any:
        return cookies if view == "plain" else getattr(cookies, view)

    def set_one() -> str:
        kind().set("theme", "dark", **options)
        assert kind()["theme"] == "dark"
        return ""

    def delete_one() -> str:
        assert kind()["theme"] == "dark"
        assert "theme" in kind()
        assert list(kind()) == ["theme"]
        kind().delete("theme", **options)
        assert "theme" not in kind()
        return ""

    (line,) = lines(make_app(), set_one, base)
    assert parts(line) == (name, attributes)
    deleted = lines(make_app(), delete_one, base, line.partition(";")[0])
    assert [parts(one) for one in deleted] == [(name, attributes)]
    assert all("Max-Age=0" in one for one in deleted)


def test_names_with_a_prefix_stay_as_they_are() -> None:
    names = ["__Host-a", "__Secure-b", "__host-c", "__Http-d", "__Host-Http-e"]

    def view() -> str:
        for name in names:
            cookies.set(name, "x", secure=True)
        return ""

    assert [parts(line)[0] for line in lines(make_app(), view)] == names


def test_a_cookie_with_the_prefix_is_read_before_one_without_it() -> None:
    seen: list[Any] = []

    def view() -> str:
        seen.append((cookies.get("a"), cookies.get("b"), cookies.get("c"), sorted(cookies), len(cookies)))
        return ""

    sent = "a=planted; __Host-a=own; b=plain; __Host-c=own"
    lines(make_app(), view, HTTPS, sent)
    assert seen == [("own", "plain", "own", ["a", "b", "c"], 3)]
    seen.clear()
    lines(make_app(), view, HTTP, sent)
    assert seen == [("planted", "plain", None, ["__Host-a", "__Host-c", "a", "b"], 4)]


@pytest.mark.parametrize("view", ["signed", "encrypted"])
def test_a_token_is_good_under_the_name_that_it_was_sent_with_alone(view: str) -> None:
    """A sibling host can set a cookie without the prefix, to what the app has given it with the prefix."""
    seen: list[Any] = []

    def look() -> str:
        kind = getattr(cookies, view)
        seen.append((kind.get("a"), "a" in kind, kind.reason("a"), sorted(kind)))
        kind.set("a", "x")
        assert (kind["a"], "a" in kind, kind.reason("a"), list(kind)) == ("x", True, None, ["a"])
        return ""

    app = make_app()
    (line,) = lines(app, look, HTTPS)
    token = line.partition(";")[0]
    assert seen.pop() == (None, False, "missing", [])
    client = app.test_client(use_cookies=False)
    client.get("/view", base_url=HTTPS, headers={"Cookie": token})
    assert seen.pop() == ("x", True, None, ["a"])
    client.get("/view", base_url=HTTPS, headers={"Cookie": token.removeprefix("__Host-")})
    assert seen.pop() == (None, False, "tampered", [])
    # One that was set before the switch, or by plain HTTP, is read on.
    former = client.get("/view", base_url=HTTP).headers["Set-Cookie"].partition(";")[0]
    seen.clear()
    client.get("/view", base_url=HTTPS, headers={"Cookie": former})
    assert seen.pop() == ("x", True, None, ["a"])


def test_deleting_a_cookie_of_before_the_switch_deletes_it_as_well() -> None:
    def view() -> str:
        cookies.delete("theme")
        return ""

    deleted = lines(make_app(), view, HTTPS, "theme=dark; __Host-theme=light")
    assert sorted(parts(line)[0] for line in deleted) == ["__Host-theme", "theme"]


def test_a_declared_cookie_is_read_from_this_host_alone() -> None:
    app = make_app()
    theme = app.cookie("theme", default="light")
    wide = app.cookie("wide", default="none", path="/view")
    basket = app.cookie("basket", default="empty", signed=True)
    seen: list[Any] = []

    def view() -> str:
        seen.append((theme.get(), wide.get(), basket.get()))
        theme.set("dark")
        wide.set("x")
        basket.set("full")
        return ""

    first = lines(app, view, HTTPS, "theme=planted; wide=kept")
    assert seen.pop() == ("light", "kept", "empty")
    assert [parts(line) for line in first] == [
        ("__Host-theme", {"Secure", "Path=/", "SameSite=Lax"}),
        ("wide", {"Secure", "Path=/view", "SameSite=Lax"}),
        ("__Host-basket", {"Secure", "Path=/", "SameSite=Lax"}),
    ]
    sent = "; ".join(line.partition(";")[0] for line in first)
    client = app.test_client(use_cookies=False)
    client.get("/view", base_url=HTTPS, headers={"Cookie": sent})
    assert seen.pop() == ("dark", "x", "full")
    client.get("/view", base_url=HTTPS, headers={"Cookie": sent.replace("__Host-", "")})
    assert seen.pop() == ("light", "x", "empty")


def test_a_declared_cookie_that_says_how_it_is_set_is_set_so() -> None:
    app = make_app()
    plain = app.cookie("plain", default="", secure=False, samesite="Strict")

    def view() -> str:
        assert plain.get() == "here"
        plain.set("x")
        return ""

    assert [parts(line) for line in lines(app, view, HTTPS, "plain=here")] == [("plain", {"Path=/", "SameSite=Strict"})]


def test_what_extensions_set_keeps_its_name() -> None:
    def view() -> tuile.Response:
        response = tuile.make_response("")
        response.set_cookie("remember", "x")
        response.set_cookie("frame", "x", samesite="None", secure=True)
        response.set_cookie("partition", "x", partitioned=True)
        response.delete_cookie("old")
        return response

    assert [parts(line) for line in lines(make_app(), view)] == [
        ("remember", {"Secure", "Path=/", "SameSite=Lax"}),
        ("frame", {"Secure", "Path=/", "SameSite=None"}),
        ("partition", {"Secure", "Path=/", "Partitioned"}),
        ("old", {"Secure", "Path=/", "SameSite=Lax"}),
    ]
    assert parts(lines(make_app(), view, HTTP)[0]) == ("remember", {"Path=/", "SameSite=Lax"})
    assert parts(lines(make_app(COOKIE_DEFAULTS=None), view)[0]) == ("remember", {"Path=/"})


def test_a_response_class_with_a_limit_of_its_own_has_the_defaults() -> None:
    class Own(tuile.Response):
        max_cookie_size = 100

    app = make_app()
    app.response_class = Own

    def view() -> tuile.Response:
        response = tuile.make_response("")
        response.set_cookie("a", "b")
        return response

    assert parts(lines(app, view)[0]) == ("a", {"Secure", "Path=/", "SameSite=Lax"})


def test_outside_of_a_request_the_preferred_scheme_counts() -> None:
    for scheme, name in (("https", "__Host-session"), ("http", "session")):
        app = make_app(PREFERRED_URL_SCHEME=scheme)
        assert app.session_interface.get_cookie_name(app) == name
        assert app.session_interface.get_cookie_secure(app) is (scheme == "https")


@pytest.mark.parametrize("wrong", ["flask", True, "Secure", 1])
def test_another_value_is_an_error_before_the_first_answer(wrong: object) -> None:
    with pytest.raises(ValueError, match="COOKIE_DEFAULTS must be 'secure', 'strict' or None"):
        make_app(COOKIE_DEFAULTS=wrong).test_client().get("/")


def test_a_browser_keeps_everything_and_a_sibling_host_plants_nothing() -> None:
    app, evil = make_app(), tuile.Flask("evil")

    @evil.get("/")
    def plant() -> tuile.Response:
        response = tuile.make_response("")
        for name in ("session", "__Host-session", "__Host-theme"):
            response.headers.add("Set-Cookie", f"{name}=planted; Domain=shop.example; Secure; Path=/")
        return response

    @app.get("/set")
    def set_theme() -> str:
        cookies.set("theme", "dark")
        return ""

    app.add_url_rule("/read", "read", lambda: cookies["theme"])
    browser = Browser({"shop.example": app, "evil.shop.example": evil})
    browser.visit(f"{HTTPS}/login")
    browser.visit(f"{HTTPS}/set")
    browser.visit("https://evil.shop.example/")
    assert browser.visit(f"{HTTPS}/").text == "ada"
    assert browser.visit(f"{HTTPS}/read").text == "dark"


@pytest.mark.parametrize(
    ("scheme", "names"), [("https", ["__Host-theme", "wide", "__Host-session"]), ("http", ["theme", "wide", "session"])]
)
def test_the_list_for_a_privacy_page_has_the_names_that_are_sent(scheme: str, names: list[str]) -> None:
    app = make_app(PREFERRED_URL_SCHEME=scheme)
    app.cookie("theme")
    app.cookie("wide", path="/account")
    result = app.test_cli_runner().invoke(cookies_command, ["--json"])
    rows = json.loads(result.output)
    assert [row["name"] for row in rows] == names
    assert {row["secure"] for row in rows} == {scheme == "https"}
