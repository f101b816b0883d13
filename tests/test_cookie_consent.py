"""Optional cookies and `app.consent`, and cookies that are set and not declared."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from click.testing import CliRunner

import tuile
from tests.beside_flask import make_environ
from tests.costs import steps
from tuile import cookies, make_response, request, session
from tuile.cli.list_cookies import cookies_command
from tuile.cli.script import ScriptInfo
from tuile.cookie.inventory import list_cookies
from tuile.exceptions import CookieCheckError, CookieWarning
from tuile.inspector.conversations import tell
from tuile.inspector.recorder import Recorder
from tuile.inspector.records import Ring
from tuile.inspector.tables import sheet_of
from tuile.inspector.text import write_sheet

if TYPE_CHECKING:
    from tuile import Flask

ASKED = re.compile(r"\d+\.\d{10}\.?")


def new_app(**config: Any) -> Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(TESTING=True, SECRET_KEY="a key of at least sixteen characters", **config)
    theme = app.cookie("theme", default="light", max_age=60, purpose="Remembers the <colours>.")
    seen = app.cookie(
        "seen", type=int, default=0, category="statistics", path="/s", max_age=60, purpose="Counts visits."
    )
    offer = app.cookie("offer", category="marketing", provider="Ads Inc.")

    @app.get("/s/visit")
    def visit() -> Any:
        theme.set("dark")
        seen.set(seen.get() + 1)
        return str(seen.get())

    @app.get("/s/by-hand")
    def by_hand() -> Any:
        response = make_response("ok")
        response.set_cookie("seen", "7", path="/s")
        cookies.set("offer", "x")
        response.headers.add("Set-Cookie", "other=1; Path=/")
        response.delete_cookie("offer", path="/x")
        return response

    @app.post("/give")
    def give() -> Any:
        app.consent.give(*request.form.getlist("category"))
        seen.set(1)
        return "thanks"

    @app.post("/s/withdraw")
    def withdraw() -> Any:
        app.consent.withdraw(*request.form.getlist("category"))
        return "done"

    @app.get("/s/ask")
    def ask() -> Any:
        return {name: app.consent.given(name) for name in ("necessary", *app.consent.categories)} | {
            "decided": app.consent.is_decided
        }

    @app.get("/s/public")
    def public() -> Any:
        response = make_response("for all")
        response.cache_control.public = True
        return response

    @app.get("/s/none")
    def none() -> Any:
        return "nothing"

    assert offer.category == "marketing"
    return app


def names(response: Any) -> list[str]:
    return [line.partition("=")[0] for line in response.headers.getlist("Set-Cookie")]


def test_before_the_visitor_has_agreed_only_necessary_cookies_are_set(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app()
    client = app.test_client()
    with caplog.at_level(logging.INFO):
        response = client.get("/s/visit")
    assert (names(response), response.text) == (["theme"], "0")
    assert "The cookie 'seen' was not set: its category is 'statistics', and the visitor has not agreed" in caplog.text
    assert client.get("/s/ask").json == {"necessary": True, "statistics": False, "marketing": False, "decided": False}


def test_what_was_withheld_is_known_to_the_request() -> None:
    app = new_app()
    with app.test_client() as client:
        client.get("/s/visit")
        assert cookies._withheld == {"seen": "statistics"}


def test_an_answer_is_kept_and_optional_cookies_of_its_categories_are_set() -> None:
    client = new_app().test_client()
    response = client.post("/give", data={"category": ["statistics"]})
    assert names(response) == ["consent", "seen"]  # in the same request already
    consent = response.headers.getlist("Set-Cookie")[0]
    assert re.fullmatch(
        r"consent=1\.\d{10}\.statistics; Expires=[^;]+; Max-Age=15724800; Path=/; SameSite=Lax", consent
    )
    assert client.get("/s/visit").text == "2"
    assert client.get("/s/ask").json == {"necessary": True, "statistics": True, "marketing": False, "decided": True}


def test_a_refusal_is_an_answer() -> None:
    client = new_app().test_client()
    assert names(client.post("/give")) == ["consent"]
    assert client.get("/s/ask").json == {"necessary": True, "statistics": False, "marketing": False, "decided": True}


def test_a_withdrawal_deletes_the_cookies() -> None:
    client = new_app().test_client()
    client.post("/give", data={"category": ["statistics", "marketing"]})
    client.get("/s/visit")
    assert client.get_cookie("seen", path="/s") is not None
    response = client.post("/s/withdraw", data={"category": "statistics"})
    assert names(response) == ["consent", "seen"]
    assert client.get_cookie("seen", path="/s") is None
    assert client.get("/s/ask").get_json()["marketing"] is True
    client.post("/s/withdraw")
    assert client.get("/s/ask").json == {"necessary": True, "statistics": False, "marketing": False, "decided": True}


def test_cookies_that_are_written_in_other_ways_are_withheld_too() -> None:
    client = new_app().test_client()
    assert names(client.get("/s/by-hand")) == ["other", "offer"]  # of which the second is a deletion
    client.post("/give", data={"category": ["statistics", "marketing"]})
    assert sorted(names(client.get("/s/by-hand"))) == ["offer", "offer", "other", "seen"]


def test_a_cookie_that_is_still_there_without_agreement_is_deleted_and_not_read() -> None:
    client = new_app().test_client()
    client.set_cookie("seen", "5", path="/s")
    response = client.get("/s/none")
    assert response.headers["Set-Cookie"].startswith("seen=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/s")
    assert response.headers["Cache-Control"] == 'no-cache="Set-Cookie"'
    client.set_cookie("seen", "5", path="/s")
    assert client.get("/s/visit").text == "0"
    client.set_cookie("seen", "5", path="/s")
    assert "Set-Cookie" not in client.get("/s/public").headers  # a shared cache would delete everyone's


@pytest.mark.parametrize(
    "value",
    [
        "", "1", "1.", "x.y.z", "2.{now}.statistics", "1.{now}", "1.99999999999999999999.statistics",
        "1.{old}.statistics",
        "1.{later}.statistics", "1.{now}.STATISTICS", "1.-5.statistics", "1.{now}.stat\u0131stics", "1." + "9" * 5000,
    ],
)  # fmt: skip
def test_a_value_that_the_application_did_not_write_is_no_agreement(value: str) -> None:
    now = int(time.time())
    text = value.format(now=now, old=now - 183 * 86_400, later=now + 3 * 86_400)
    client = new_app().test_client(use_cookies=False)
    found = client.get("/s/ask", headers={"Cookie": f"consent={text}".encode().decode("latin-1")}).get_json()
    assert found["statistics"] is False


def test_another_revision_asks_anew() -> None:
    app = new_app()
    client = app.test_client()
    client.post("/give", data={"category": "statistics"})
    app.config["CONSENT_REVISION"] = 2
    assert client.get("/s/ask").get_json()["decided"] is False


@pytest.mark.parametrize("settings", [{"CONSENT_COOKIE_NAME": "session"}, {"SESSION_COOKIE_NAME": "consent"}])
def test_the_answer_does_not_replace_the_session(settings: dict[str, str]) -> None:
    app = new_app()
    app.config.update(settings)
    with pytest.raises(ValueError, match="is the session's, and"):
        app.consent.check_settings()


@pytest.mark.parametrize("revision", ["1.2", 1.2, "2026-11-30", ".", "", "1.1700000000", "a b; c"])
def test_a_revision_may_be_any_text(revision: object) -> None:
    app = new_app()
    app.config["CONSENT_REVISION"] = revision
    client = app.test_client()
    client.post("/give", data={"category": "statistics"})
    asked = client.get("/s/ask").get_json()
    assert (asked["decided"], asked["statistics"]) == (True, True)
    for other in ("1", "1.", "1.2.3"):
        app.config["CONSENT_REVISION"] = other
        assert client.get("/s/ask").get_json()["decided"] is False


def test_a_category_that_a_client_has_made_up_is_a_bad_request() -> None:
    client = new_app().test_client()
    for path in ("/give", "/s/withdraw"):
        response = client.post(path, data={"category": "<b>" * 100})
        assert (response.status_code, names(response)) == (400, [])


def test_a_function_of_the_application_may_answer() -> None:
    app = new_app()
    agreed = {"statistics"}

    @app.consent
    def has_agreed(category: str) -> bool:
        return category in agreed

    client = app.test_client()
    assert client.get("/s/visit").text == "1"
    agreed.clear()
    assert names(client.get("/s/none")) == ["seen"]
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(RuntimeError, match=r"answers for app\.consent, so the answer is kept where that looks"):
        client.post("/give")


def test_a_coroutine_function_cannot_answer() -> None:
    app = new_app()

    async def has_agreed(category: str) -> bool:
        return bool(category)

    with pytest.raises(TypeError, match="it is called by the `set` of a cookie, which is not awaited"):
        app.consent(has_agreed)


def test_consent_is_asked_behind_asgi_as_well() -> None:
    app = new_app()

    @app.get("/s/async")
    async def view() -> Any:
        response = make_response("ok")
        response.set_cookie("seen", "7", path="/s")
        return response

    async def lines() -> list[str]:
        client = app.async_test_client()
        before = names(await client.get("/s/async"))
        await client.post("/give", data={"category": "statistics"})
        return [*before, *names(await client.get("/s/async"))]

    assert asyncio.run(lines()) == ["seen"]


def test_an_error_of_that_function_means_no_on_the_finished_response() -> None:
    app = new_app()

    @app.consent
    def fails(category: str) -> bool:
        raise LookupError(category)

    client = app.test_client()
    client.set_cookie("seen", "5", path="/s")
    with mock.patch.object(app.logger, "exception") as logged:
        response = client.get("/s/none")
    assert (response.status_code, names(response)) == (200, ["seen"])
    assert logged.call_count == 1
    with pytest.raises(LookupError):
        client.get("/s/visit")


def test_a_category_has_a_plain_name_and_the_cookie_of_consent_one_of_its_own() -> None:
    app = tuile.Flask("app")
    for category in ("", "Statistics", "a b", "\u00e4", "a" * 50):
        with pytest.raises(ValueError, match="A category such as 'statistics'"):
            app.cookie("a", category=category)
    app.cookie("consent", category="statistics")
    with app.test_request_context(), pytest.raises(ValueError, match="Change CONSENT_COOKIE_NAME"):
        app.consent.given("statistics")


def test_optional_cookies_of_blueprints_and_with_a_prefix_need_consent() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(TESTING=True, COOKIE_DEFAULTS="secure", SECRET_KEY="a key of at least sixteen characters")
    shop = tuile.Blueprint("shop", __name__)
    seen = shop.cookie("seen", category="statistics")

    @shop.get("/")
    def index() -> Any:
        seen.set("1")
        return make_response("ok", 200, {"Set-Cookie": "__Host-seen=2; Secure; Path=/"})

    app.register_blueprint(shop)
    client = app.test_client(use_cookies=False)
    assert names(client.get("/", base_url="https://localhost")) == []
    response = client.get("/", base_url="https://localhost", headers={"Cookie": "__Host-seen=1"})
    assert response.headers["Set-Cookie"].startswith("__Host-seen=; ")
    assert "Secure" in response.headers["Set-Cookie"]


def test_an_application_without_optional_cookies_does_no_more() -> None:
    def requests(app: Flask) -> int:
        client, environ = app.wsgi_app, make_environ("/")
        for _ in range(3):
            b"".join(client(dict(environ), lambda *_: print))
        # The least, because now and then a request does what the process wants done once.
        return min(steps(lambda: b"".join(client(dict(environ), lambda *_: print))) for _ in range(5))

    def plain(*, declared: bool) -> Flask:
        app = tuile.Flask("app", static_folder=None)
        app.add_url_rule("/", "index", lambda: "hello")
        if declared:
            app.cookie("theme", purpose="Remembers the colours.")
        return app

    assert requests(plain(declared=True)) == requests(plain(declared=False))


# --- undeclared cookies -----------------------------------------------------------------------------------------------


def test_undeclared_cookies_are_named() -> None:
    app = new_app()
    lines = [
        "theme=1",
        "session=x",
        "tracker=1; Path=/",
        "gone=; Max-Age=0",
        "consent=1",
        "tracker=2",
        "__Host-theme=1",
    ]
    assert app.undeclared_cookies(lines) == ["tracker"]
    vars(app)["login_manager"] = SimpleNamespace()  # as Flask-Login does
    assert app.undeclared_cookies(["remember_token=1", "remember=1"]) == ["remember"]
    app.config["REMEMBER_COOKIE_NAME"] = "remember"
    assert app.undeclared_cookies(["remember_token=1", "remember=1"]) == ["remember_token"]
    assert app.undeclared_cookies(["\x00", "", "=;", "\u0142=1"]) == ["", "\u0142"]


def undeclared_app(mode: str, **config: Any) -> Flask:
    app = tuile.Flask("app", static_folder=None)
    config = {"TESTING": True, **config}
    app.config.update(COOKIE_UNDECLARED=mode, SECRET_KEY="a key of at least sixteen characters", **config)

    @app.get("/")
    def index() -> Any:
        session["user"] = "ada"
        response = make_response("ok")
        response.set_cookie("tracker", "1")
        return response

    return app


def test_a_test_that_sets_an_undeclared_cookie_fails_or_warns_if_that_is_wanted() -> None:
    with pytest.raises(CookieCheckError, match="The cookie 'tracker' is set and not declared") as raised:
        undeclared_app("error").test_client().get("/")
    assert "Write: app.cookie('tracker', purpose='...')." in str(raised.value)
    assert "answered by" in str(raised.value)
    with pytest.warns(CookieWarning, match="'tracker' is set and not declared"):
        undeclared_app("warn").test_client().get("/")
    assert undeclared_app("ignore").test_client().get("/").status_code == 200
    app = undeclared_app("error")
    app.cookie("tracker", purpose="Tracks.")
    assert app.test_client().get("/").status_code == 200


def test_outside_of_tests_and_debug_mode_nothing_is_checked() -> None:
    assert undeclared_app("error", TESTING=False).test_client().get("/").status_code == 200
    with pytest.raises(ValueError, match="COOKIE_UNDECLARED is 'ignore', 'warn' or 'error', not 'yes'"):
        undeclared_app("yes").test_client().get("/")


def test_the_setting_may_change_while_requests_run() -> None:
    app = undeclared_app("ignore")
    client = app.test_client()
    client.get("/")
    app.config["COOKIE_UNDECLARED"] = "error"
    with pytest.raises(CookieCheckError):
        client.get("/")


@pytest.mark.parametrize("path", ["/s/visit", "/s/by-hand"])
def test_the_inspector_says_what_is_not_declared_and_what_was_withheld(path: str) -> None:
    app = new_app()
    ring = Ring(most=5)
    recorder = Recorder(app, ring)
    try:
        app.test_client().get(path)
    finally:
        recorder.close()
    (chapter,) = tell(ring.all()).values()
    text = write_sheet(sheet_of(chapter))
    assert "Cookie seen was not set" in text
    assert "Its category is 'statistics', and the visitor has not agreed to it (app.consent)." in " ".join(text.split())
    assert ("Cookie other is not declared" in text) == (path == "/s/by-hand")
    assert "Cookie theme is not declared" not in text


# --- the list ---------------------------------------------------------------------------------------------------------


def printed(app: Flask, *arguments: str) -> str:
    result = CliRunner().invoke(cookies_command, list(arguments), obj=ScriptInfo(create_app=lambda: app))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_for_a_privacy_page_has_all_cookies_by_category() -> None:
    app = new_app(JWT_TOKEN_LOCATION=["cookies"])
    vars(app)["login_manager"] = SimpleNamespace()  # as Flask-Login does
    app.extensions["flask-jwt-extended"] = object()
    app.config["REMEMBER_COOKIE_DURATION"] = timedelta(days=30)
    html = printed(app, "--html")
    assert re.findall(r'<th scope="rowgroup"[^>]*>([^<]+)', html) == ["Necessary", "Marketing", "Statistics"]
    assert re.findall(r"<code>([^<]+)", html) == [
        *("theme", "consent", "session", "remember_token", "access_token_cookie", "refresh_token_cookie"),
        *("csrf_access_token", "csrf_refresh_token", "offer", "seen"),
    ]
    assert "Remembers the &lt;colours&gt;." in html
    assert "<td>30 days</td><td>Flask-Login</td><td>hidden from scripts (HttpOnly), signed</td>" in html
    assert "<td>Ads Inc.</td>" in html


def test_the_list_has_category_and_provider() -> None:
    app = new_app()
    text = printed(app)
    assert re.search(r"offer\n  Purpose +\(none given\)\n  Category +marketing\n", text)
    assert "Set by      Ads Inc." in text
    assert {row["name"]: row["category"] for row in list_cookies(app)} == {
        "theme": "necessary",
        "seen": "statistics",
        "offer": "marketing",
        "consent": "necessary",
        "session": "necessary",
    }


def test_without_optional_cookies_the_list_has_no_cookie_of_consent() -> None:
    app = tuile.Flask("app")
    app.cookie("theme")
    assert [row["name"] for row in list_cookies(app)] == ["theme"]


def test_a_path_begins_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app()

    @app.get("/pages/<name>")
    def page(name: str) -> Any:
        response = make_response("ok")
        response.set_cookie("offer", "x")
        return response

    with caplog.at_level(logging.INFO):
        app.test_client().get("/pages/a%0aERROR%20forged%1b%5b2J")
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.endswith(r"[GET /pages/a\nERROR forged\x1b[2J]")
