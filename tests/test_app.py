"""The application object: its construction, its setup, and the URLs it builds."""

from __future__ import annotations

import abc
import functools
import gc
import logging
import os
import sys
import weakref
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import new_class
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from unittest import mock

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import Aborter, Forbidden
from werkzeug.routing import BaseConverter, BuildError, Rule

import tuile
from tests.beside_flask import make_app, make_environ, outcome, part, same, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask


Item = TypeVar("Item")
BASES: list[tuple[Any, ...]] = [(abc.ABC,), (Mapping,), (dict,), (Exception,), (Generic[Item],)]  # type: ignore[index] # a class to derive from


def without_addresses(observed: Any) -> Any:
    """Return an outcome without memory addresses and module names in its text."""
    how, *what = observed
    return (how, what[0], what[1].partition(" at 0x")[0]) if how == "raised" else observed


# Making one


def describe_app(app: Flask) -> Any:
    return (
        app.import_name,
        app.name,
        app.root_path,
        app.instance_path,
        app.static_folder,
        app.static_url_path,
        app.has_static_folder,
        app.template_folder,
        app.subdomain_matching,
        app.url_map.host_matching,
        [(rule.rule, rule.endpoint, sorted(rule.methods or ()), rule.host) for rule in app.url_map.iter_rules()],
        sorted(app.view_functions),
        app.debug,
        app.testing,
        app.secret_key,
        app.permanent_session_lifetime,
        repr(app),
        {name: app.config[name] for name in flask.Flask.default_config},  # without Tuile's own
        app.config.root_path,
    )


ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"static_folder": None},
    {"static_folder": "assets/"},
    {"static_folder": Path("/srv/files")},
    {"static_folder": ""},
    {"static_url_path": "/s/"},
    {"static_url_path": ""},
    {"static_url_path": "s"},
    {"static_folder": None, "static_url_path": "/s"},
    {"static_host": "static.example"},
    {"host_matching": True},
    {"static_host": "static.example", "host_matching": True},
    {"host_matching": True, "static_folder": None},
    {"subdomain_matching": True},
    {"template_folder": None},
    {"template_folder": Path("pages")},
    {"instance_path": "/srv/instance"},
    {"instance_path": "relative"},
    {"instance_path": Path("/srv/instance")},
    {"instance_relative_config": True},
    {"instance_path": "/srv/instance", "instance_relative_config": True},
    {"root_path": "/srv/root"},
    {"root_path": "relative"},
    {"unknown": 1},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
@pytest.mark.parametrize("import_name", ["beside", "__main__", "tests.beside_flask", "json", "not.there"])
def test_an_app_is_made_as_on_flask(arguments: dict[str, Any], import_name: str) -> None:
    def program(lib: Any) -> Any:
        how, *what = outcome(lambda: describe_app(lib.Flask(import_name, **arguments)))
        return (how, *what) if how == "returned" else (how, what[0], what[1].replace("Flask", lib.Flask.__name__))

    same(program)


def test_an_app_is_made_with_positions_too() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("beside", "/s", "files", None, False, True, "pages", "/srv/i", True, "/srv")
        return describe_app(app)

    same(program)


def test_what_an_app_is_made_of_can_be_replaced() -> None:
    def program(lib: Any) -> Any:
        class OwnConfig(lib.Config):  # type: ignore[misc] # a class of either framework
            pass

        class OwnRule(Rule):
            pass

        class OwnAborter(Aborter):
            def __call__(self, code: Any, *arguments: Any, **named: Any) -> Any:
                raise Forbidden(f"instead of {code}")

        class OwnProvider(part(lib, "json.provider").DefaultJSONProvider):  # type: ignore[misc] # of either framework
            sort_keys = False

        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            config_class = OwnConfig
            url_rule_class = OwnRule
            aborter_class = OwnAborter
            json_provider_class = OwnProvider
            default_config = {**lib.Flask.default_config, "OWN": 1, "SECRET_KEY": "from the class"}

            def make_config(self, instance_relative: bool = False) -> Any:
                config = super().make_config(instance_relative)
                config["MADE"] = instance_relative
                return config

            def auto_find_instance_path(self) -> str:
                return "/own/instance"

        app: Flask = Own("own", static_folder=None)
        app.add_url_rule("/", "view", lambda: {"b": 1, "a": 2})
        app.add_url_rule("/abort", "abort", lambda: lib.abort(404))
        return (
            type(app.config).__name__,
            [type(rule).__name__ for rule in app.url_map.iter_rules()],
            [app.config[name] for name in ("OWN", "MADE", "SECRET_KEY")],
            app.secret_key,
            app.instance_path,
            send(app),
            send(app, make_environ("/abort")),
        )

    assert same(program)[-2].text.strip() == '{"b":1,"a":2}'


@pytest.mark.parametrize("name", ["Flask", "Blueprint", "Request", "Response"])
@pytest.mark.parametrize("bases", BASES, ids=str)
@pytest.mark.parametrize("first", [True, False])
def test_a_class_of_ones_own_may_have_other_bases_too(name: str, bases: tuple[Any, ...], first: bool) -> None:
    def program(lib: Any) -> Any:
        ours = (getattr(lib, name),)
        own = new_class("Own", bases + ours if first else ours + bases)
        return issubclass(own, ours), issubclass(own, abc.ABC), isinstance(own, abc.ABCMeta) or bases[0] is not abc.ABC

    same(program)


def test_a_method_that_is_marked_as_abstract_means_as_little_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            @abc.abstractmethod
            def to_be_written(self) -> None: ...

        return outcome(lambda: type(Own("own")).__name__)

    same(program)


def test_settings_that_are_attributes_read_and_write_the_configuration() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        observed: list[Any] = []
        for name, value in (("testing", 1), ("secret_key", b"k"), ("debug", True), ("debug", 0)):
            setattr(app, name, value)
            observed.append((getattr(app, name), app.config[name.upper()]))
        for lifetime in (60, timedelta(hours=1)):
            app.config["PERMANENT_SESSION_LIFETIME"] = lifetime
            observed.append(app.permanent_session_lifetime)
        app.permanent_session_lifetime = timedelta(1)
        observed.append(app.config["PERMANENT_SESSION_LIFETIME"])
        del app.config["TESTING"]
        observed.append(outcome(lambda: app.testing))
        return observed

    same(program)


@pytest.mark.parametrize("debug", [None, "0", "1", "false", "yes", ""])
def test_debug_mode_comes_from_the_environment(debug: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if debug is None:
        monkeypatch.delenv("FLASK_DEBUG", raising=False)
    else:
        monkeypatch.setenv("FLASK_DEBUG", debug)
    same(lambda lib: (make_app(lib).debug, make_app(lib).config["DEBUG"]))


def test_debug_mode_reloads_templates_unless_configured() -> None:
    def program(lib: Any) -> Any:
        observed = []
        for configured in (None, False, True):
            for early in (False, True):
                app = make_app(lib, TEMPLATES_AUTO_RELOAD=configured)
                if early:
                    observed.append(app.jinja_env.auto_reload)
                app.debug = True
                observed.append(app.jinja_env.auto_reload)
                app.debug = False
                observed.append(app.jinja_env.auto_reload)
        return observed

    same(program)


@pytest.mark.parametrize("main_file", ["/srv/program.py", None])
def test_the_name_of_a_program_is_its_files(main_file: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if main_file is None:
        monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    else:
        monkeypatch.setattr(sys.modules["__main__"], "__file__", main_file, raising=False)

    def program(lib: Any) -> Any:
        app = lib.Flask("__main__", root_path="/srv")
        first = app.name
        app.name = "assigned"
        return first, app.name, repr(app)

    same(program)


def test_the_logger_has_the_name_of_the_app() -> None:
    def program(lib: Any) -> Any:
        observed = []
        for debug in (False, True):
            name = f"logger_{lib.__name__}_{debug}"
            app = lib.Flask(name, static_folder=None)
            app.debug = debug
            observed.append((app.logger.name == name, app.logger.level, len(app.logger.handlers), app.logger.disabled))
            logging.Logger.manager.loggerDict.pop(name)
        return observed

    same(program)


def test_an_app_goes_when_nobody_holds_it() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("beside")
        app.add_url_rule("/", "view", lambda: "x")
        send(app)
        gone = weakref.ref(app)
        del app
        gc.collect()
        return gone() is None

    assert same(program) is True


def test_an_app_can_be_answered_without_a_reference_cycle_kept_alive() -> None:
    app = make_app(tuile)
    app.add_url_rule("/", "view", lambda: "x")
    send(app)
    gc.collect()
    gc.disable()
    try:
        send(app)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("resource", ["a.txt", "missing.txt"])
@pytest.mark.parametrize("mode", [{}, {"mode": "r"}, {"mode": "rt", "encoding": "latin1"}, {"mode": "rb"}])
def test_a_file_of_the_instance_folder_is_opened(resource: str, mode: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("grüße", encoding="utf-8")

    def read(app: Flask) -> Any:
        with app.open_instance_resource(resource, **mode) as file:
            return file.read()

    same(lambda lib: outcome(read, lib.Flask("beside", instance_path=str(tmp_path))))


def test_an_instance_resource_is_written(tmp_path: Path) -> None:
    app = tuile.Flask("beside", instance_path=str(tmp_path))
    with app.open_instance_resource("new.txt", "w") as file:
        file.write("grüße")
    assert (tmp_path / "new.txt").read_bytes() == "grüße".encode()


# Setting up, and when it is too late


def give_back(response: Any) -> Any:
    return response


SETUP: dict[str, Callable[[Any, Any], Any]] = {
    "add_url_rule": lambda lib, app: app.add_url_rule("/new", "new", str),
    "route": lambda lib, app: app.route("/new")(str),
    "get": lambda lib, app: app.get("/new")(str),
    "post": lambda lib, app: app.post("/new")(str),
    "put": lambda lib, app: app.put("/new")(str),
    "patch": lambda lib, app: app.patch("/new")(str),
    "delete": lambda lib, app: app.delete("/new")(str),
    "endpoint": lambda lib, app: app.endpoint("new")(str),
    "before_request": lambda lib, app: app.before_request(str),
    "after_request": lambda lib, app: app.after_request(give_back),
    "teardown_request": lambda lib, app: app.teardown_request(str),
    "teardown_appcontext": lambda lib, app: app.teardown_appcontext(str),
    "context_processor": lambda lib, app: app.context_processor(dict),
    "url_value_preprocessor": lambda lib, app: app.url_value_preprocessor(str),
    "url_defaults": lambda lib, app: app.url_defaults(str),
    "errorhandler": lambda lib, app: app.errorhandler(404)(str),
    "register_error_handler": lambda lib, app: app.register_error_handler(404, str),
    "template_filter": lambda lib, app: app.template_filter()(str),
    "add_template_filter": lambda lib, app: app.add_template_filter(str, "f"),
    "template_test": lambda lib, app: app.template_test("t")(str),
    "add_template_test": lambda lib, app: app.add_template_test(str),
    "template_global": lambda lib, app: app.template_global("g")(str),
    "add_template_global": lambda lib, app: app.add_template_global(str),
    "shell_context_processor": lambda lib, app: app.shell_context_processor(dict),
    "register_blueprint": lambda lib, app: app.register_blueprint(lib.Blueprint("late", "beside")),
}
BLUEPRINT_SETUP = [name for name in SETUP if hasattr(tuile.Blueprint, name) and name != "register_blueprint"]


@pytest.mark.parametrize("name", SETUP)
def test_a_setup_method_works_before_the_first_request_and_says_why_not_after(name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        before = outcome(SETUP[name], lib, app)
        send(app)
        after = outcome(SETUP[name], lib, app)
        app._got_first_request = False
        return before[0], type(before[1]).__name__, after

    how, _, (late, kind, text) = same(program)
    assert (how, late, kind) == ("returned", "raised", "AssertionError")
    assert text.startswith(f"The setup method '{name}' can no longer be called on the application.")


@pytest.mark.parametrize("name", BLUEPRINT_SETUP)
def test_a_blueprint_says_when_it_is_too_late_too(name: str) -> None:
    def program(lib: Any) -> Any:
        app, blueprint = make_app(lib), lib.Blueprint("bp", "beside")
        before = outcome(SETUP[name], lib, blueprint)
        app.register_blueprint(blueprint)
        return before[0], outcome(SETUP[name], lib, blueprint)

    assert same(program)[1][1] == "AssertionError"


def view_a() -> str:
    return "a"


def view_b() -> str:
    return "b"


RULES: dict[str, Callable[[Any], Any]] = {
    "twice the same": lambda app: (app.add_url_rule("/a", "a", view_a), app.add_url_rule("/b", "a", view_a)),
    "two views for one endpoint": lambda app: (
        app.add_url_rule("/a", "a", view_a),
        app.add_url_rule("/b", "a", view_b),
    ),
    "two views of one name": lambda app: (
        app.route("/a")(view_a),
        app.route("/b")(lambda: "x"),
        app.get("/c")(lambda: 1),
    ),
    "methods as text": lambda app: app.add_url_rule("/a", "a", view_a, methods="GET"),
    "methods of a shortcut": lambda app: app.get("/a", methods=["POST"]),
    "no slash": lambda app: app.add_url_rule("a", "a", view_a),
    "no endpoint and no view": lambda app: app.add_url_rule("/a"),
    "no view": lambda app: app.add_url_rule("/a", "a"),
    "bad rule": lambda app: app.add_url_rule("/<int:>", "a", view_a),
    "unknown converter": lambda app: app.add_url_rule("/<own:x>", "a", view_a),
    "twice a variable": lambda app: app.add_url_rule("/<x>/<x>", "a", view_a),
    "unknown option": lambda app: app.add_url_rule("/a", "a", view_a, unknown=1),
    "a view that is no function": lambda app: app.add_url_rule("/a", view_func=5),
    "an object without a name": lambda app: app.add_url_rule("/a", view_func=object().__repr__),
    "numbers as methods": lambda app: app.add_url_rule("/a", "a", view_a, methods=[1]),
    "empty methods": lambda app: app.add_url_rule("/a", "a", view_a, methods=[]),
    "small letters": lambda app: app.add_url_rule("/a", "a", view_a, methods=("post", "Get")),
    "a name with a dot": lambda app: app.add_url_rule("/a", "a.b", view_a),
    "websocket": lambda app: app.add_url_rule("/a", "a", view_a, websocket=True),
    "a blueprint twice": lambda app: [app.register_blueprint(app.own_blueprint) for _ in range(2)],
    "a blueprint by two names": lambda app: [app.register_blueprint(app.own_blueprint, name=name) for name in "xy"],
    "not a blueprint": lambda app: app.register_blueprint(object),
}


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_is_registered_or_refused_as_on_flask(kind: str) -> None:
    def program(lib: Any) -> Any:
        app: Any = make_app(lib)
        app.own_blueprint = lib.Blueprint("bp", "beside")
        app.own_blueprint.route("/bp")(view_a)
        how, *what = without_addresses(outcome(RULES[kind], app))
        rules = [(rule.rule, rule.endpoint, sorted(rule.methods or ())) for rule in app.url_map.iter_rules()]
        return how, what if how == "raised" else None, rules, sorted(app.view_functions), list(app.blueprints)

    same(program)


def test_the_attributes_of_a_view_complete_its_rule() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        def view() -> str:
            return "x"

        for name, value in (
            ("methods", ["PUT"]),
            ("required_methods", ["DELETE"]),
            ("provide_automatic_options", True),
        ):
            setattr(view, name, value)
        app.add_url_rule("/view", view_func=view)
        app.add_url_rule("/own", "own", view, methods=["GET"], provide_automatic_options=False)
        app.add_url_rule("/options", "options", lambda: "x", methods=["OPTIONS"])
        return [
            (rule.rule, sorted(rule.methods or ()), rule.provide_automatic_options)  # type: ignore[attr-defined] # Flask's
            for rule in app.url_map.iter_rules()
        ]

    same(program)


def test_names_for_templates_are_registered_in_every_way() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        @app.template_filter("twice")
        def double(text: str) -> str:
            return text * 2

        @app.template_filter()
        def shout(text: str) -> str:
            return text.upper()

        @app.template_test()
        def short(text: str) -> bool:
            return len(text) < 3

        @app.template_global()
        def one() -> int:
            return 1

        app.add_template_filter(double)
        app.add_template_test(short, "tiny")
        app.add_template_global(one, name="uno")
        app.context_processor(lambda: {"given": "x"})
        template = "{{ 'a'|twice|shout|double }} {{ 'a' is short }} {{ 'abc' is tiny }} {{ one() + uno() }} {{ given }}"
        with app.app_context():
            return lib.render_template_string(template), double("a")

    assert same(program) == ("AAAA True False 2 x", "aa")


def test_a_shell_begins_with_the_app_and_what_was_registered() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.shell_context_processor(lambda: {"a": 1, "app": "other"})
        app.shell_context_processor(lambda: {"a": 2})
        names = app.make_shell_context()
        return sorted(names), names["a"], names["app"], names["g"] is lib.g

    same(program)


def test_clients_and_runners_are_of_the_classes_that_the_app_names() -> None:
    def program(lib: Any) -> Any:
        class Client(part(lib, "testing").FlaskClient):  # type: ignore[misc] # a class of either framework
            def __init__(self, *arguments: Any, extra: str = "", **named: Any) -> None:
                self.extra = extra
                super().__init__(*arguments, **named)

        class Runner(part(lib, "testing").FlaskCliRunner):  # type: ignore[misc] # a class of either framework
            pass

        app = make_app(lib)
        observed = [type(app.test_client()).__name__, type(app.test_cli_runner()).__name__]
        app.test_client_class, app.test_cli_runner_class = Client, Runner
        client: Any = app.test_client(extra="given", use_cookies=False)
        return [*observed, client.extra, client._cookies, type(app.test_cli_runner(env={})).__name__]

    same(program)


RUNS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({}, {"host": "0.0.0.0", "port": 8000}),
    ({}, {"port": "8000", "debug": True}),
    ({}, {"port": 0}),
    ({}, {"debug": True, "use_reloader": False, "threaded": False, "ssl_context": "adhoc"}),
    ({"SERVER_NAME": "example.org:8080"}, {}),
    ({"SERVER_NAME": "example.org:8080"}, {"host": "", "port": None}),
    ({"SERVER_NAME": "example.org"}, {"port": 7000}),
    ({"DEBUG": True}, {}),
    ({"DEBUG": True}, {"debug": False}),
]


@pytest.mark.parametrize(("config", "arguments"), RUNS, ids=str)
@pytest.mark.parametrize("from_cli", ["true", None])
def test_run_starts_the_development_server_as_on_flask(
    config: dict[str, Any], arguments: dict[str, Any], from_cli: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if from_cli is not None:
        monkeypatch.setenv("FLASK_RUN_FROM_CLI", from_cli)

    def program(lib: Any) -> Any:
        app = make_app(lib, **config)
        send(app)
        with mock.patch("werkzeug.serving.run_simple") as run_simple:
            app.run(load_dotenv=False, **arguments)
        calls = [(call.args[:2], call.args[2] is app, call.kwargs) for call in run_simple.call_args_list]
        return calls, app.debug, app._got_first_request

    assert len(same(program)[0]) == (0 if from_cli else 1)


# URLs


def make_url_app(lib: Any, **config: Any) -> Flask:
    app: Flask = lib.Flask("beside", static_folder=None, subdomain_matching=True)
    app.config.update(config)

    class Many(BaseConverter):
        def to_url(self, value: Any) -> str:
            return "+".join(super(Many, self).to_url(item) for item in value)

        def to_python(self, value: str) -> Any:
            return value.split("+")

    app.url_map.converters["many"] = Many
    for rule, endpoint, options in (
        ("/", "index", {}),
        ("/plain", "plain", {}),
        ("/slash/", "slash", {}),
        ("/text/<text>", "text", {}),
        ("/int/<int:number>", "int", {}),
        ("/signed/<int(signed=True):number>", "signed", {}),
        ("/float/<float:number>", "float", {}),
        ("/path/<path:rest>/end", "path", {}),
        ("/uuid/<uuid:id>", "uuid", {}),
        ("/any/<any(a, b):which>", "any", {}),
        ("/many/<many:items>", "many", {}),
        ("/grüße/<name>", "umlaut", {}),
        ("/two", "two", {"methods": ["GET"]}),
        ("/two/<int:n>", "two", {"methods": ["POST"]}),
        ("/page/", "page", {"defaults": {"n": 1}}),
        ("/page/<int:n>", "page", {}),
        ("/build", "build", {"build_only": True}),
        ("/sub", "sub", {"subdomain": "api"}),
        ("/var", "varsub", {"subdomain": "<user>"}),
    ):
        app.add_url_rule(rule, endpoint, view_a, **options)
    parent, child = lib.Blueprint("parent", "beside", url_prefix="/parent"), lib.Blueprint("child", "beside")
    for blueprint in (parent, child):
        blueprint.add_url_rule("/view", "view", view_a)
        blueprint.add_url_rule("/<name>/named", "named", view_a)
    parent.register_blueprint(child, url_prefix="/child")
    app.register_blueprint(parent)
    return app


ENDPOINTS = ["index", "plain", "slash", "text", "int", "signed", "float", "path", "uuid", "any", "many", "umlaut"]
ENDPOINTS += [
    "two",
    "page",
    "build",
    "sub",
    "varsub",
    "parent.view",
    "parent.child.view",
    ".view",
    ".named",
    ".child.view",
]
ENDPOINTS += ["nothing", "static", "", ".", "..view", "parent.", "Text"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["a", "", "a/b", "ü ☃", "a?b#c", "%2f", 5, None]),
    "number": st.sampled_from([0, 5, -5, 1.5, "7", "x", None, True, 10**30]),
    "rest": st.sampled_from(["a", "a/b", "/a", "a//b", "ü", ""]),
    "id": st.sampled_from(["x", "12345678-1234-5678-1234-567812345678"]),
    "which": st.sampled_from(["a", "c"]),
    "items": st.sampled_from([["a", "b"], [], "ab"]),
    "name": st.sampled_from(["n", "ü"]),
    "n": st.sampled_from([1, 2, "1"]),
    "user": st.sampled_from(["me", "a.b", ""]),
    "q": st.sampled_from(["x", ["x", "y"], None, "", 5, "ä&=", [], (), {"k": "v"}, True]),
    "endpoint_like": st.sampled_from(["x"]),
    "_anchor": st.sampled_from(["a", "", "a b", "ü?", "a#b%20", "'()*"]),
    "_method": st.sampled_from(["GET", "POST", "PUT", "get"]),
    "_scheme": st.sampled_from(["https", "http", "ws", ""]),
    "_external": st.sampled_from([True, False, 1]),
}
PLACES = ["request", "blueprint", "nested blueprint", "subdomain", "https", "mounted", "app context", "nowhere"]


def enter_place(app: Flask, place: str) -> Any:
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "request": ("/plain", {}),
        "blueprint": ("/parent/view", {}),
        "nested blueprint": ("/parent/child/view", {}),
        "subdomain": ("/sub", {"base_url": "http://api.example.org/"}),
        "https": ("/plain", {"base_url": "https://example.org:8443/"}),
        "mounted": ("/plain", {"base_url": "http://example.org/mounted"}),
    }
    if place in requests:
        path, named = requests[place]
        return app.test_request_context(path, **named)
    return app.app_context() if place == "app context" else None


CONFIGURED: list[dict[str, Any]] = [
    {},
    {"SERVER_NAME": "example.org"},
    {"SERVER_NAME": "example.org:8000", "APPLICATION_ROOT": "/root", "PREFERRED_URL_SCHEME": "https"},
]


@functools.cache
def keep_url_app(lib: Any, configured: int) -> Flask:
    # Building changes nothing, and making the app is most of the work.
    return make_url_app(lib, **CONFIGURED[configured])


@settings(derandomize=True, deadline=None, max_examples=400)
@given(
    st.sampled_from(range(len(CONFIGURED))),
    st.sampled_from(PLACES),
    st.sampled_from(ENDPOINTS),
    st.fixed_dictionaries({}, optional=VALUES),
)
@pytest.mark.filterwarnings("ignore:Current server name")
def test_any_url_is_built_or_refused_as_on_flask(
    configured: int, place: str, endpoint: str, values: dict[str, Any]
) -> None:
    def program(lib: Any) -> Any:
        app = keep_url_app(lib, configured)
        context = enter_place(app, place)
        if context is None:
            return outcome(app.url_for, endpoint, **values), outcome(lib.url_for, endpoint, **values)
        with context:
            return outcome(app.url_for, endpoint, **values), outcome(lib.url_for, endpoint, **values)

    same(program)


def test_defaults_and_error_handlers_take_part_in_building() -> None:
    def program(lib: Any) -> Any:
        app = make_url_app(lib, SERVER_NAME="example.org")
        calls: list[Any] = []

        def add_language(endpoint: str, values: dict[str, Any]) -> None:
            calls.append((endpoint, sorted(values)))
            values.setdefault("lang", "de")

        def know_some(error: Exception, endpoint: str, values: dict[str, Any]) -> str | None:
            calls.append((type(error).__name__, endpoint, sorted(values)))
            if endpoint == "raises":
                raise BuildError(endpoint, {"other": 1}, None)
            return "known" if endpoint == "known" else None

        def know_all(error: Exception, endpoint: str, values: dict[str, Any]) -> str | None:
            return "last" if endpoint == "last" else None

        app.url_defaults(add_language)
        app.url_default_functions["parent"] = [lambda endpoint, values: values.setdefault("scope", "parent")]
        app.url_default_functions["parent.child"] = [lambda endpoint, values: values.setdefault("scope", "child")]
        app.url_build_error_handlers += [know_some, know_all]  # type: ignore[list-item] # None says it does not know
        observed = []
        for place in ("request", "app context"):
            with enter_place(app, place):
                endpoints = ["plain", "parent.view", "parent.child.view", "known", "last", "raises", "unknown"]
                observed.append([outcome(app.url_for, endpoint, x=1, _anchor="a") for endpoint in endpoints])
        return observed, calls

    same(program)


def test_a_method_of_the_app_builds_all_urls() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            def url_for(self, /, endpoint: str, **named: Any) -> str:
                return f"own {endpoint} {sorted(named)}"

            def redirect(self, location: str, code: int = 302) -> Any:
                return super().redirect(f"{location}?own", 303)

        app: Flask = Own("own", static_folder=None)
        app.add_url_rule("/", "view", lambda: lib.redirect(lib.url_for("x", a=1)))
        app.add_url_rule("/template", "template", lambda: lib.render_template_string("{{ url_for('y') }}"))
        return send(app), send(app, make_environ("/template"))

    same(program)


@pytest.mark.parametrize(
    "location", ["/x", "x", "?q=ü", "http://other/ü ü", "//host", "", "#a", "javascript:1", "/<b>&"]
)
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308, 200, 404, 305])
def test_a_redirect_is_made_as_on_flask(location: str, code: int) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/", "view", lambda: lib.redirect(location, code))
        return outcome(send, app), outcome(lambda: send(lib.redirect(location, code)))

    same(program)


# The static folder


@pytest.mark.parametrize("path", ["/static/a.txt", "/static/", "/static/../secret", "/static/missing", "/static/sub/b"])
def test_static_files_are_served_as_on_flask(path: str, tmp_path: Path) -> None:
    (tmp_path / "static" / "sub").mkdir(parents=True)
    (tmp_path / "static" / "a.txt").write_text("a")
    (tmp_path / "static" / "sub" / "b").write_text("b")
    (tmp_path / "secret").write_text("secret")
    for file in (tmp_path / "static" / "a.txt", tmp_path / "static" / "sub" / "b"):
        os.utime(file, (0, 0))

    def program(lib: Any) -> Any:
        app = lib.Flask("beside", root_path=str(tmp_path))
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 5
        answers = [send(app, make_environ(path, REQUEST_METHOD=method)) for method in ("GET", "HEAD", "POST")]
        without_dates = [
            answer._replace(headers=[pair for pair in answer.headers if pair[0] not in {"Date", "Expires"}])
            for answer in answers
        ]
        with app.test_request_context():
            return without_dates, lib.url_for("static", filename="a.txt")

    same(program)


def test_the_method_that_serves_static_files_can_be_overridden(tmp_path: Path) -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            def send_static_file(self, filename: str) -> Any:
                return lib.Response(f"own {filename}")

            def get_send_file_max_age(self, filename: str | None) -> int | None:
                return 77

        return send(Own("own", root_path=str(tmp_path)), make_environ("/static/x"))

    assert same(program).text == "own x"
