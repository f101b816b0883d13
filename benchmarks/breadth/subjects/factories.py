"""A new application, made by a factory as test suites do for each test, and what it does for the first time."""

from __future__ import annotations

from typing import Any

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import ASSETS, SECRET_KEY


def _flashing() -> Any:
    f.flash("saved")
    return f.redirect("/messages")


def _logged_in() -> Any:
    f.session["user_id"] = 7
    return f.redirect(f.url_for("me"))


def make() -> Any:
    """Make an application of ten rules, with hooks, an error handler, a filter and a blueprint."""
    app = f.Flask("benchmarks", root_path=ASSETS)
    app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True)
    app.add_url_rule("/", "index", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"a": 1})
    app.add_url_rule("/item/<int:number>", "item", lambda number: {"id": number})
    app.add_url_rule("/old", "old", lambda: f.redirect(f.url_for("index")))
    app.add_url_rule("/form", "form", lambda: f.request.form["a"], methods=["POST"])
    app.add_url_rule("/me", "me", lambda: str(f.session.get("user_id")))
    app.add_url_rule("/login", "login", _logged_in, methods=["POST"])
    app.add_url_rule("/save", "save", _flashing, methods=["POST"])
    app.add_url_rule("/messages", "messages", lambda: str(f.get_flashed_messages()))
    app.add_url_rule("/page", "page", lambda: f.render_template("breadth/inherits.html", title="a", text="b"))
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    app.register_error_handler(404, lambda error: ("no such page", 404))
    app.add_template_filter(lambda value: f"{value:.2f}", "money")
    blueprint = f.Blueprint("shop", "shop", url_prefix="/shop", root_path=ASSETS)
    blueprint.add_url_rule("/<name>", "item", lambda name: name)
    app.register_blueprint(blueprint)
    return app


SUBJECT = Subject("factories")


def _asked(name: str, ask: Any) -> None:
    SUBJECT.call(name, "none", per_block=2)(lambda _: lambda: ask(make()))


_asked("made", lambda app: app.name)
_asked("hello", lambda app: app.test_client().get("/").text)
_asked("JSON", lambda app: app.test_client().get("/json").json)
_asked("a rule with a variable", lambda app: app.test_client().get("/item/7").json)
_asked("redirect", lambda app: app.test_client().get("/old").location)
_asked("form", lambda app: app.test_client().post("/form", data={"a": "b"}).text)
_asked("session", lambda app: app.test_client().get("/me").text)
_asked("login and the next page", lambda app: app.test_client().post("/login", follow_redirects=True).text)
_asked("message flashed and shown", lambda app: app.test_client().post("/save", follow_redirects=True).text)
_asked("page of a template", lambda app: app.test_client().get("/page").text)
_asked("404 by a handler", lambda app: app.test_client().get("/none").text)
_asked("405", lambda app: str(app.test_client().post("/json").status_code))
_asked("static file", lambda app: str(len(app.test_client().get("/static/style.css").data)))
_asked("view of a blueprint", lambda app: app.test_client().get("/shop/hat").text)


@SUBJECT.call("test_request_context, url_for", "none", per_block=2)
def _(_: Any) -> Any:
    def use() -> Any:
        with make().test_request_context("/"):
            return f.url_for("item", number=7)

    return use


@SUBJECT.call("app_context, a template by string", "none", per_block=2)
def _(_: Any) -> Any:
    def use() -> Any:
        with make().app_context():
            return f.render_template_string("{{ a|upper }}", a="b")

    return use
