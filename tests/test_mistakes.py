"""Mistakes that beginners make: each error names what was given, and what to write instead.

A text is looked for in the error and in the hints that Python shows below it.
"""

from __future__ import annotations

import re
import sys
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import tuile
from tuile import Blueprint, Flask, cookies, g, make_response, mistakes, request, session, sse, url_for
from tuile.cli import cli
from tuile.hints import add_hint
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click

KEY = "2f9c1e7ab04d5638c1e7ab04d563"


def told(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def raised(function: Callable[[], object]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the texts are the subject
        function()
    return told(caught.value)


def make_app(**settings: object) -> Flask:
    app = Flask("shop")
    app.config.update({"SECRET_KEY": KEY, "TESTING": True, **settings})
    return app


def in_view(view: Callable[..., Any], rule: str = "/", path: str = "/", **settings: object) -> str:
    """Return what is told about an error of a view."""
    app = make_app(**settings)
    app.add_url_rule(rule, view.__name__.strip("<>"), view, methods=["GET", "POST"])
    return raised(lambda: app.test_client().post(path, data={"field": "x"}))


def on_response(use: Callable[[Any], object]) -> Callable[[], Any]:
    def view() -> Any:
        response = make_response("text")
        use(response)
        return response

    return view


def set_item() -> None:
    cookies["theme"] = "dark"  # type: ignore[index]


def set_number() -> None:
    cookies["visits"] = 5  # type: ignore[index]


def delete_item() -> None:
    del cookies["theme"]  # type: ignore[attr-defined]


def set_received() -> None:
    request.cookies["theme"] = "dark"


def set_argument() -> None:
    request.args["page"] = "2"


def set_form() -> None:
    request.form["name"] = "x"


def save(value: object) -> Callable[[], str]:
    def view() -> str:
        session["it"] = value
        return ""

    return view


def returned(value: object) -> Callable[[], object]:
    return lambda: value


def coroutine() -> object:
    async def later() -> str:
        return ""

    waiting = later()
    waiting.close()
    return waiting


def permanent() -> str:
    session.permanent = True
    session["it"] = 1
    return ""


def needs_name(name: str) -> str:
    return name


def takes_nothing() -> str:
    return ""


c: Any = cookies
r: Any = request
s: Any = session
t: Any = tuile

#: What is done in a view, and what the error says.


def call_is_json() -> Any:
    return request.is_json()  # type: ignore[operator]


def call_permanent() -> Any:
    return session.permanent()  # type: ignore[operator]


def link_to_function() -> Any:
    view: Any = takes_nothing
    return url_for(view)


IN_VIEWS: list[tuple[str, Callable[..., Any], str]] = [
    ("cookies[name] = value", set_item, "cookies.set('theme', 'dark')"),
    ("cookies[name] = 5", set_number, "cookies.set('visits', '5')"),
    ("del cookies[name]", delete_item, "cookies.delete('theme')"),
    ("cookies.pop", lambda: c.pop("a"), "cookies.delete(name)"),
    ("cookies.update", lambda: c.update(a="b"), "cookies.set(name, value)"),
    ("cookies.clear", lambda: [c.clear()], "cookies.delete(name)"),
    ("cookies.remove", lambda: c.remove("a"), "cookies.delete(name)"),
    ("cookies.setdefault", lambda: c.setdefault("a", "b"), "if name not in cookies: cookies.set(name, value)"),
    ("cookies.set_cookie", lambda: c.set_cookie("a", "b"), "cookies.set(name, value)"),
    ("cookies.delete_cookie", lambda: c.delete_cookie("a"), "cookies.delete(name)"),
    ("cookies.set None", lambda: c.set("a", None), "not NoneType: None. Delete the cookie"),
    ("cookies.set dict", lambda: c.set("a", {"b": 1}), "not dict: {'b': 1}. Write it as JSON: json.dumps(value)"),
    ("cookies.set list", lambda: c.set("a", [1]), "not list: [1]. Write it as JSON: json.dumps(value)"),
    ("cookies.set int", lambda: c.set("a", 5), "not int: 5. Convert it with str(): '5'"),
    ("cookies.set bytes", lambda: c.set("a", b"x"), "not bytes: b'x'. Decode it: value.decode()"),
    ("cookies.signed.set dict", lambda: c.signed.set("a", {}), "not dict. Write it as JSON: json.dumps(value)"),
    ("cookies.signed.set None", lambda: c.signed.set("a", None), "cookies.delete(name)"),
    ("cookies.set http_only", lambda: c.set("a", "b", http_only=True), "cookies.set('name', 'value', httponly=...)"),
    ("cookies.set HttpOnly", lambda: c.set("a", "b", HttpOnly=True), "'httponly', not 'HttpOnly'"),
    ("cookies.set same_site", lambda: c.set("a", "b", same_site="Lax"), "samesite=..."),
    ("cookies.set maxage", lambda: c.set("a", "b", maxage=5), "max_age=..."),
    ("cookies.set lifetime", lambda: c.set("a", "b", lifetime=5), "max_age=..."),
    ("cookies.set expiry", lambda: c.set("a", "b", expiry=5), "expires=..."),
    ("cookies.set unknown", lambda: c.set("a", "b", zzzz=5), "The attributes of a cookie are max_age, expires"),
    ("cookies.set max_age text", lambda: c.set("a", "b", max_age="60"), "a number of seconds or a timedelta"),
    ("cookies.set expires text", lambda: c.set("a", "b", expires="tomorrow"), "Give a datetime, or max_age in seconds"),
    ("cookies.set samesite", lambda: c.set("a", "b", samesite="Laxx"), "It was 'Laxx'. Write: samesite='Lax'"),
    ("cookies.delete httpOnly", lambda: c.delete("a", httpOnly=True), "cookies.delete('name', httponly=...)"),
    (
        "response.set_cookie http_only",
        on_response(lambda response: response.set_cookie("a", "b", http_only=True)),
        "response.set_cookie('name', 'value', httponly=...)",
    ),
    (
        "response.set_cookie None",
        on_response(lambda response: response.set_cookie("a", None)),
        "Delete the cookie",
    ),
    (
        "response.set_cookie dict",
        on_response(lambda response: response.set_cookie("a", {})),
        "json.dumps(value)",
    ),
    (
        "response.set_cookie samesite",
        on_response(lambda response: response.set_cookie("a", "b", samesite="strickt")),
        "It was 'strickt'. Write: samesite='Strict'",
    ),
    ("request.cookies[name] = value", set_received, "cookies.set('name', 'value')"),
    ("request.args[name] = value", set_argument, "request.args.copy()"),
    ("request.form[name] = value", set_form, "request.args.copy()"),
    ("request.set_cookie", lambda: r.set_cookie("a", "b"), "cookies.set('name', 'value')"),
    ("request.GET", lambda: r.GET, "request.args"),
    ("request.POST", lambda: r.POST, "request.form"),
    ("request.query_params", lambda: r.query_params, "request.args"),
    ("request.body", lambda: r.body, "request.data"),
    ("request.FILES", lambda: r.FILES, "request.files"),
    ("request.session", lambda: r.session, "from tuile import session"),
    ("request.args.page", lambda: r.args.page, "request.args['page']"),
    ("session.user", lambda: s.user, "session['user']"),
    ("g.user", lambda: g.user, "g.get('user')"),
    ("session object", save(object()), "JSON has no object"),
    ("session set", save({1}), "JSON has no set. Write: list(value)"),
    ("return a dict with a class", returned({"a": Flask}), "JSON has no Watched"),
    ("return None", returned(None), "Write: return ..."),
    ("return 5", returned(5), "return str(value)"),
    ("return True", returned(True), 'return {"ok": value}'),
    ("return a set", returned({1}), "return list(value)"),
    ("return a coroutine", coroutine, "async def"),
    ("return a tuple of four", returned(("a", 1, {}, 2)), "return body, 201, {'X-Name': 'value'}"),
    ("return dict with a set", returned({"a": {1}}), "JSON has no set. Write: list(value)"),
    ("abort('404')", lambda: t.abort("404"), "abort(404)"),
    ("abort(200)", lambda: t.abort(200), "return 'text', 200"),
    ("render_template", lambda: t.render_template("no.html"), "templates/no.html"),
    ("url_for", lambda: t.url_for("lambdaa"), "`tuile routes` lists the endpoints"),
    ("sse(function)", lambda: t.sse(takes_nothing), "sse(takes_nothing())"),
    ("sse(text)", lambda: sse("text"), "sse(['text'])"),
    ("event id", lambda: t.ServerSentEvent("x", id=5), "id='5'"),
    ("background task", lambda: t.current_app.add_background_task(5), "a function, not 5"),
    ("response.cookies", on_response(lambda response: response.cookies), "response.set_cookie('name', 'value')"),
    ("response.body", on_response(lambda response: response.body), "response.data"),
    ("response.set_header", on_response(lambda response: response.set_header("a", "b")), "response.headers['Name']"),
    ("request.files()", lambda: request.files("a"), "request.files.get('name')"),  # type: ignore[operator]
    ("request.args()", lambda: request.args("a"), "request.args.get('name')"),  # type: ignore[operator]
    ("request.is_json()", call_is_json, "request.is_json is no method"),
    ("request.path_params", lambda: r.path_params, "request.view_args"),
    ("session.permanent()", call_permanent, "session.permanent = True"),
    ("session.set", lambda: s.set("a", 1), "session['name'] = value"),
    ("session.save", lambda: s.save, "saved with the response"),
    ("session.destroy", lambda: s.destroy, "session.clear()"),
    ("session[name] missing", lambda: session["user"], "session.get('user') if it may be missing"),
    ("config.NAME", lambda: t.current_app.config.DEBUG, "app.config['DEBUG']"),
    ("url_for(function)", link_to_function, "url_for('view')"),
    ("url_for path", lambda: t.url_for("/login"), "the name of an endpoint"),
    ("url_for without a value", lambda: t.url_for("static"), "url_for('static', filename=...)"),
    ("url_for by position", lambda: t.url_for("static", "a.css"), "url_for('endpoint', name='value')"),
    ("cookies.set by position", lambda: c.set("a", "b", 60), "cookies.set('name', 'value', max_age=...)"),
    ("cookies.set for ever", lambda: c.set("a", "b", max_age=float("inf")), "a number of seconds, not inf"),
    ("abort text", lambda: t.abort("gone"), "abort(400, 'gone')"),
    ("abort(600)", lambda: t.abort(600), "return 'text', 600"),
    ("redirect status", lambda: t.redirect("/", status=303), "redirect(location, code=303)"),
    ("send_file filename", lambda: t.send_file("x", filename="a"), "download_name='name.txt'"),
    ("Response status_code", lambda: t.Response("x", status_code=201), "status=201"),
    ("render_template text", lambda: t.render_template("Hello {{ a }}"), "render_template_string('...')"),
    ("render_template folder", lambda: t.render_template("templates/a.html"), "Write: 'a.html'"),
    ("render_template dict", lambda: t.render_template("a.html", {}), "render_template('name.html', **values)"),
    ("return a function", returned(takes_nothing), "with parentheses"),
    ("return a class", returned(Flask), "returned the class Flask"),
    ("return a datetime", returned(datetime.now(timezone.utc)), "return value.isoformat()"),
    ("return another object", returned(object()), "a dict of what is to be sent of it"),
]


@pytest.mark.parametrize(("view", "said"), [row[1:] for row in IN_VIEWS], ids=[row[0] for row in IN_VIEWS])
def test_a_mistake_in_a_view_is_told_with_what_to_write(view: Callable[..., Any], said: str) -> None:
    assert said in in_view(view)


#: What is done outside of requests, or with other settings, and what the error says.


def declare(name: str, **options: Any) -> object:
    return make_app().cookie(name, **options)


MADE = "from flask import Flask\napp = Flask(__name__)\n"


async def awaits_text() -> Any:
    text: Any = tuile.render_template_string("text")
    return await text


def two_views() -> str:
    app = make_app()
    app.get("/a")(takes_nothing)

    def other() -> str:
        return ""

    other.__name__ = "takes_nothing"
    return raised(lambda: app.get("/b")(other))


def hooked(registers: str, function: Callable[..., object]) -> str:
    """Return what is told if a function is registered with a decorator that it is not written for."""
    app = make_app()
    getattr(app, registers)(function)
    app.add_url_rule("/", "index", lambda: tuile.render_template_string("text"))
    return raised(lambda: app.test_client().get("/"))


def of_module(text: str) -> str:
    """Return what is told when the command line imports a module."""
    Path("broken_app.py").write_text(text)
    sys.modules.pop("broken_app", None)
    done = CliRunner().invoke(cli, ["--app", "broken_app", "routes"])
    if not isinstance(done.exception, SystemExit):
        assert done.exception is not None
        return told(done.exception)
    if not hasattr(BaseException, "add_note"):
        pytest.skip("Python shows notes from 3.11 on")
    return done.output


ELSEWHERE: list[tuple[str, Callable[[], str], str]] = [
    ("the rule passes more", lambda: in_view(takes_nothing, "/<name>", "/x"), "def takes_nothing(name): ..."),
    ("the view needs more", lambda: in_view(needs_name), "The rule '/' has no <name>. Write: @app.route('/<name>')"),
    ("no secret key", lambda: in_view(save(1), SECRET_KEY=None), "`tuile secret`"),
    (
        "lifetime as text",
        lambda: in_view(permanent, PERMANENT_SESSION_LIFETIME="31 days"),
        "PERMANENT_SESSION_LIFETIME is '31 days'. Write: PERMANENT_SESSION_LIFETIME = timedelta(days=31)",
    ),
    (
        "size as text",
        lambda: in_view(lambda: request.form["field"], MAX_CONTENT_LENGTH="16MB"),
        "MAX_CONTENT_LENGTH is '16MB', not a number of bytes",
    ),
    (
        "samesite of the session",
        lambda: in_view(save(1), SESSION_COOKIE_SAMESITE="laxx"),
        "The setting SESSION_COOKIE_SAMESITE is 'laxx'. Write: SESSION_COOKIE_SAMESITE = 'Lax'",
    ),
    ("secret key as number", lambda: in_view(save(1), SECRET_KEY=5), "SECRET_KEY must be text or bytes, not int"),
    ("@app.route", lambda: raised(lambda: make_app().route(takes_nothing)), "Write: @app.route('/...')"),  # type: ignore[arg-type]
    (
        "errorhandler('404')",
        lambda: raised(lambda: t.Flask("shop").errorhandler("404")(takes_nothing)),
        "@app.errorhandler(404)",
    ),
    ("no slash", lambda: raised(lambda: make_app().route("a")(takes_nothing)), "'a' must start with a slash"),
    ("methods", lambda: raised(lambda: make_app().route("/", methods="POST")(takes_nothing)), 'methods=["POST"]'),
    ("dot in a blueprint", lambda: raised(lambda: Blueprint("a.b", __name__)), "may not contain a dot"),
    ("protocol of a browser", lambda: raised(lambda: Browser(make_app(), protocol="http")), "'wsgi' or 'asgi'"),
    ("keep_alive", lambda: raised(lambda: sse([], keep_alive=0)), "more than 0, or None; not 0"),
    ("no such converter", lambda: raised(lambda: make_app().get("/<integer:a>")(takes_nothing)), "<int:name>"),
    ("rule without an end", lambda: raised(lambda: make_app().get("/<a")(takes_nothing)), "Write: '/<a>'"),
    ("rule with a name twice", lambda: raised(lambda: make_app().get("/<a>/<a>")(takes_nothing)), "has <a> twice"),
    ("rule of another type", lambda: raised(lambda: make_app().get(5)(takes_nothing)), "A rule is text"),  # type: ignore[arg-type]
    ("@app.get with a function", lambda: raised(lambda: make_app().get("/", takes_nothing)), "Write it above the view"),  # type: ignore[call-arg]
    ("rule with braces", lambda: in_view(needs_name, "/{name}", "/{name}"), "Write: @app.route('/<name>')"),
    ("two views of one name", two_views, "endpoint='another'"),
    ("a blueprint's name", lambda: raised(lambda: make_app().register_blueprint("shop")), "takes a Blueprint, not str"),  # type: ignore[arg-type]
    ("@app.websocket", lambda: raised(lambda: make_app().websocket(takes_nothing)), "Write: @app.websocket('/...')"),  # type: ignore[arg-type]
    (
        "app.cookie http_only",
        lambda: raised(lambda: declare("a", http_only=True)),
        "app.cookie('name', httponly=...)",
    ),
    ("app.cookie choices", lambda: raised(lambda: make_app().cookie("a", choices="light")), "choices=('light',)"),
    ("app.cookie prefix", lambda: raised(lambda: declare("a", prefix="__Host-")), "Write: prefix='host'"),
    ("cookie.value", lambda: raised(lambda: make_app().cookie("a").value), "Write: cookie.get()"),  # type: ignore[attr-defined]
    ("browser.get", lambda: raised(lambda: Browser(make_app()).get("/")), "browser.visit('/page')"),  # type: ignore[attr-defined]
    ("client.get params", lambda: raised(lambda: make_app().test_client().get("/", params={})), "query_string={"),
    (
        "after_request without a result",
        lambda: hooked("after_request", lambda response: None),
        "Write: return response",
    ),
    ("after_request without arguments", lambda: hooked("after_request", takes_nothing), "def takes_nothing(response)"),
    ("before_request with arguments", lambda: hooked("before_request", needs_name), "def needs_name(): ..."),
    (
        "context processor without a result",
        lambda: hooked("context_processor", lambda: None),
        "return {'name': value}",
    ),
    ("flask.Markup", lambda: of_module("from flask import Markup"), "from markupsafe import Markup"),
    ("url_quote", lambda: of_module("from werkzeug.urls import url_quote"), "from urllib.parse import quote"),
    ("flask.ext", lambda: of_module("import flask.ext.login"), "import flask_login"),
    ("a missing extension", lambda: of_module("import flask_nowhere"), "pip install flask-nowhere"),
    (
        "before_first_request",
        lambda: of_module(f"{MADE}@app.before_first_request\ndef f(): ..."),
        "@app.before_serving",
    ),
    ("include_router", lambda: of_module(f"{MADE}app.include_router(1)"), "app.register_blueprint(blueprint)"),
    ("await what is there", lambda: in_view(awaits_text), "leave out `await`"),
    ("Flask()", lambda: of_module("from flask import Flask\napp = Flask()"), "Write: Flask(__name__)"),
    ("no application", lambda: CliRunner().invoke(cli, ["routes"], catch_exceptions=False).output, "'tuile --app'"),
]


@pytest.mark.parametrize(("mistake", "said"), [row[1:] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE])
def test_another_mistake_is_told_with_what_to_write(
    mistake: Callable[[], str], said: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in mistake()


def test_every_pattern_is_tried_for_the_errors_that_it_names() -> None:
    named = {id(pattern) for rows in mistakes._ROWS.values() for pattern, _ in rows}
    assert named == {id(pattern) for pattern, _ in mistakes._TABLE}


def test_there_are_fifty_of_them_and_more() -> None:
    assert len(IN_VIEWS) + len(ELSEWHERE) >= 50


def test_the_text_of_an_error_stays_and_a_hint_is_shown_once() -> None:
    error = ValueError("text")
    add_hint(error, "Write this.")
    add_hint(error, "Write this.")
    assert str(error) == "text"
    assert error.__notes__ == ["Write this."]  # type: ignore[attr-defined]


@pytest.mark.skipif(not hasattr(BaseException, "add_note"), reason="Python shows notes from 3.11 on")
def test_the_log_shows_the_hint(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(TESTING=False)
    app.add_url_rule("/", view_func=lambda: r.set_cookie("a", "b"))
    assert app.test_client().get("/").status_code == 500
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert "cookies.set('name', 'value')" in "".join(traceback.format_exception(*record.exc_info))


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        AttributeError("a"),
        AttributeError("'X' object has no attribute 'y'"),
        TypeError("f() got an unexpected keyword argument 'x'"),
        TypeError("f() missing 1 required positional argument: 'x'"),
        TypeError("unsupported type for timedelta seconds component: str"),
        TypeError("'>' not supported between instances of 'int' and 'str'"),
        LookupError("x" * 100_000),
        RuntimeError(),
    ],
    ids=lambda error: str(error)[:30],
)
def test_another_error_gets_no_hint(error: Exception) -> None:
    def view() -> str:
        raise error

    app = make_app()
    app.add_url_rule("/", view_func=view)
    with pytest.raises(type(error)):
        app.test_client().get("/")
    assert not hasattr(error, "__notes__")


def test_dates_are_no_mistakes() -> None:
    app = make_app()

    @app.get("/")
    def view() -> str:
        tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
        cookies.set("a", "b", expires=tomorrow, samesite="lax")  # type: ignore[arg-type]
        return "fine"

    assert app.test_client().get("/").text == "fine"


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, *path, name)


@pytest.mark.parametrize("path", commands(cli), ids=lambda path: " ".join(["tuile", *path]))
def test_no_help_shows_a_backslash_or_the_command_of_flask(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert re.findall(r"\\|``|\bflask (?:--|run)", result.output) == []
