"""The classes of an application and of a blueprint without requests, files and commands."""

from __future__ import annotations

from typing import Any

import pytest

import tuile
from tests.beside_flask import make_app, outcome, same, send
from tests.fresh import observe, observe_both

FLASKS = {"Flask", "App", "Scaffold", "Blueprint", "object"}


def test_the_classes_of_flask_are_derived_from_each_other_in_flasks_order() -> None:
    seen = observe_both(
        f"""
        import flask
        seen = [[cls.__name__ for cls in one.__mro__ if cls.__name__ in {FLASKS}]
                for one in (flask.Flask, flask.Blueprint)]
        """
    )
    assert seen == [["Flask", "App", "Scaffold", "object"], ["Blueprint", "Blueprint", "Scaffold", "object"]]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("flask.sansio.app", "App"),
        ("flask.sansio.blueprints", "Blueprint"),
        ("flask.sansio.blueprints", "BlueprintSetupState"),
        ("flask.sansio.scaffold", "Scaffold"),
    ],
)
def test_a_class_without_requests_defines_what_flasks_defines(module: str, name: str) -> None:
    program = f"""
        from {module} import {name} as cls
        seen = sorted(name for name in vars(cls) if name[:2] != "__" or name == "__init__")
        """
    theirs, ours = observe(program, shim=False), observe(program)
    assert theirs
    assert set(theirs) - set(ours) == set()


def test_an_app_without_requests_registers_and_looks_handlers_up_but_makes_no_environment() -> None:
    assert observe_both(
        """
        from flask.sansio.app import App
        from flask.sansio.blueprints import Blueprint
        import flask

        class Own(App):
            default_config = flask.Flask.default_config

        app = Own("shop", root_path="/tmp", static_folder=None)
        part = Blueprint("part", "shop", root_path="/tmp")
        app.add_url_rule("/x", "x", lambda: "x")
        app.register_error_handler(404, len)
        try:
            app.create_jinja_environment()
        except NotImplementedError as error:
            text = str(error)
        from werkzeug.exceptions import NotFound
        seen = [app.name, sorted(app.view_functions), app._find_error_handler(NotFound(), []) is len, text,
                app.debug, hasattr(app, "wsgi_app"), hasattr(app, "cli"), hasattr(app, "send_static_file"),
                hasattr(part, "cli"), hasattr(part, "send_static_file"), hasattr(part, "register")]
        """
    ) == ["shop", ["x"], True, "", False, False, False, False, False, False, True]


def test_replacing_a_method_of_the_app_without_requests_invalidates_plans() -> None:
    assert observe_both(
        """
        import flask
        from flask.sansio.app import App
        app = flask.Flask("shop", root_path="/tmp", static_folder=None)
        app.add_url_rule("/x", "x", lambda: flask.url_for("x"))
        client = app.test_client()
        before = [client.get("/x").text for _ in range(40)]
        App.inject_url_defaults = lambda self, endpoint, values: values.update(a="b")
        seen = [before[-1], client.get("/x").text]
        """
    ) == ["/x", "/x?a=b"]


def set_by_the_constructor(lib: Any, kind: str) -> Any:
    """Return what an app sees of the attributes that its constructor sets."""
    seen: list[str] = []

    class Noting(lib.Flask):  # type: ignore[misc] # the framework's
        def __setattr__(self, name: str, value: object) -> None:
            if not name.startswith("_"):
                seen.append(name)
            super().__setattr__(name, value)

    class Mixin:
        @property
        def extensions(self) -> dict[str, object]:
            return self.__dict__["kept"]  # type: ignore[no-any-return]

        @extensions.setter
        def extensions(self, value: dict[str, object]) -> None:
            self.__dict__["kept"] = {**value, "of": "mixin"}

    class Mixed(Mixin, lib.Flask):  # type: ignore[misc] # as above
        pass

    class Default(lib.Flask):  # type: ignore[misc] # as above
        blueprints = {"of": "class"}
        view_functions = {"of": "class"}

    class Patched(lib.Flask):  # type: ignore[misc] # as above
        pass

    if kind == "patched":
        Patched("before")
        Patched.view_functions = property(
            lambda app: {"of": "property"}, lambda app, value: seen.append("view_functions")
        )
    app = {"noting": Noting, "mixed": Mixed, "default": Default, "patched": Patched, "plain": lib.Flask}[kind]("app")
    if kind == "plain":
        app.extensions["kept"] = app.config["TESTING"] = True
        app.__init__("again", static_folder=None)
    names = ("extensions", "blueprints", "shell_context_processors", "subdomain_matching", "_got_first_request")
    state = [getattr(app, name) for name in names]
    registries = [
        dict(vars(app).get(name, {}))
        for name in ("before_request_funcs", "url_default_functions", "error_handler_spec", "url_value_preprocessors")
    ]
    theirs = ("view_functions", "extensions", "blueprints", "url_map", "config", "json")
    return sorted(set(seen).intersection(theirs)), state, registries, sorted(app.view_functions), app.config["TESTING"]


@pytest.mark.parametrize("kind", ["noting", "mixed", "default", "patched", "plain"])
def test_a_class_sees_what_the_constructor_sets_as_on_flask(kind: str) -> None:
    same(set_by_the_constructor, kind)


def test_an_app_that_is_constructed_once_more_is_another_one() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/", "index", lambda: "text")
        app.before_request(lambda: "before")
        first = [send(app) for _ in range(3)]
        app.__init__("again", static_folder=None)  # type: ignore[misc] # that is the test
        app.add_url_rule("/", "index", lambda: "other")
        return first, send(app), send(app)

    same(program)


@pytest.mark.parametrize("kind", ["dictionary", "elsewhere", "refusing"])
def test_a_class_may_set_attributes_in_its_own_way(kind: str) -> None:
    def program(lib: Any) -> Any:
        class InDictionary(lib.Flask):  # type: ignore[misc] # the framework's
            def __setattr__(self, name: str, value: object) -> None:
                self.__dict__[name] = value

        class Elsewhere(lib.Flask):  # type: ignore[misc] # as above
            def __init__(self, import_name: str, **options: Any) -> None:
                self.__dict__["kept"] = {}
                super().__init__(import_name, **options)

            def __setattr__(self, name: str, value: object) -> None:
                self.__dict__["kept"][name] = value

            def __getattr__(self, name: str) -> object:
                try:
                    return self.__dict__["kept"][name]
                except KeyError:
                    raise AttributeError(name) from None

        class Refusing(lib.Flask):  # type: ignore[misc] # as above
            def __setattr__(self, name: str, value: object) -> None:
                if name.startswith("__"):
                    raise AttributeError(name)
                super().__setattr__(name, value)

        kinds: dict[str, Any] = {"dictionary": InDictionary, "elsewhere": Elsewhere, "refusing": Refusing}
        app = kinds[kind]("a", static_folder=None)
        app.add_url_rule("/", "index", lambda: "text")
        app.after_request(lambda response: response)
        return [send(app) for _ in range(3)], "__dict__" in vars(app)

    same(program)


WRONG: list[dict[str, Any]] = [
    {},
    {"static_folder": 3},
    {"static_url_path": 3},
    {"static_folder": b"bytes"},
    {"root_path": 3},
    {"instance_path": "relative"},
    {"instance_path": 3},
    {"host_matching": True},
    {"static_folder": 3, "instance_path": "relative"},
]


@pytest.mark.parametrize(
    "name", ["no_such_name", None, 3, "", ".a", "sys", "json.none", "json.decoder.none", "__main__"]
)
@pytest.mark.parametrize("options", WRONG, ids=str)
def test_the_first_of_several_wrong_arguments_is_named(name: Any, options: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        app = outcome(lib.Flask, name, **options)
        return (app[0], app[1].root_path, app[1].instance_path) if app[0] == "returned" else app

    same(program)


@pytest.mark.parametrize("kind", ["property", "setter"])
def test_the_root_path_is_that_of_the_name_that_the_class_gives(kind: str) -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            if kind == "property":
                import_name = property(lambda app: "json.decoder", lambda app, name: None)
            else:

                def __setattr__(self, name: str, value: object) -> None:
                    super().__setattr__(name, "json.decoder" if name == "import_name" else value)

        app = Own("no_such_name", static_folder=None)
        return app.root_path, app.instance_path, app.name

    same(program)


def test_functions_that_find_a_name_can_be_replaced_where_apps_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuile.sansio.scaffold.get_root_path", lambda name: f"/root/{name}")
    monkeypatch.setattr("tuile.sansio.app.find_package", lambda name: ("/prefix", f"/package/{name}"))
    app = make_app(tuile)
    assert (app.root_path, app.instance_path) == ("/root/beside", "/prefix/var/beside-instance")
    monkeypatch.undo()
    monkeypatch.setattr("tuile.sansio.app.find_package", lambda name: (None, f"/package/{name}"))
    assert make_app(tuile).instance_path == "/package/beside/instance"


def test_what_was_found_of_a_name_is_not_kept_by_the_app() -> None:
    class Own(tuile.Flask):
        def auto_find_instance_path(self) -> str:
            return "/own"

    for app in (make_app(tuile), Own("no_such_name"), tuile.Flask("no_such_name", instance_path="/given")):
        assert "_located" not in vars(app)
