"""Everything that Flask exports exists, with the same name and signature."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import flask
import pytest

import tuile
from tests.beside_flask import part, same
from tuile.shim.table import TUILE_MODULES

# Flask's modules with what applications, extensions and frameworks import from them; Quart builds on `flask.sansio`.
MODULES = [
    "app",
    "blueprints",
    "cli",
    "config",
    "ctx",
    "globals",
    "helpers",
    "json",
    "json.provider",
    "json.tag",
    "logging",
    "sansio.app",
    "sansio.blueprints",
    "sansio.scaffold",
    "sessions",
    "signals",
    "templating",
    "testing",
    "typing",
    "views",
    "wrappers",
]


def exported(module: Any) -> list[str]:
    """Return the names that a module defines, without those that it imports."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
        and not type(value).__name__.startswith("TypeVar")
        and type(value).__name__ != "_Feature"
    ]


def classes_of(name: str) -> list[tuple[str, str]]:
    module = importlib.import_module(f"flask.{name}")
    return [(name, cls) for cls in exported(module) if inspect.isclass(getattr(module, cls))]


def functions_of(name: str) -> list[tuple[str, str]]:
    module = importlib.import_module(f"flask.{name}")
    return [(name, function) for function in exported(module) if inspect.isfunction(getattr(module, function))]


CLASSES = [found for name in MODULES for found in classes_of(name)]
FUNCTIONS = [found for name in MODULES for found in functions_of(name)]


def describe_default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if type(value) is object:
        return "sentinel"
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__name__
    return repr(value)


def describe(function: Any) -> list[tuple[str, str, str]]:
    """Return the name, kind and default of each parameter."""
    return [
        (parameter.name, parameter.kind.name, describe_default(parameter.default))
        for parameter in inspect.signature(function).parameters.values()
    ]


def kind_of(cls: type, name: str) -> str:
    """Return whether an attribute is called on an instance, on the class, on neither, or read."""
    static = inspect.getattr_static(cls, name)
    if isinstance(static, (classmethod, staticmethod)):
        return type(static).__name__
    # Asked of the class, since a method may be kept by a descriptor of our own.
    return "method" if inspect.isfunction(getattr(cls, name)) else "data"


def names_imported_as_themselves(path: str) -> list[str]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return [
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]


def test_every_name_of_the_package_is_there() -> None:
    names = names_imported_as_themselves(flask.__file__)
    assert len(names) > 35
    assert [name for name in names if not hasattr(tuile, name)] == []


def test_the_packages_functions_and_classes_are_of_the_same_kind() -> None:
    for name in names_imported_as_themselves(flask.__file__):
        theirs, ours = getattr(flask, name), getattr(tuile, name)
        assert inspect.isclass(ours) == inspect.isclass(theirs), name
        assert inspect.isfunction(ours) == inspect.isfunction(theirs), name


@pytest.mark.parametrize("module", MODULES)
def test_every_name_that_a_module_defines_is_in_its_rooms(module: str) -> None:
    modules = part(tuile, module)
    names = exported(importlib.import_module(f"flask.{module}"))
    assert [name for name in names if not hasattr(modules, name)] == []


@pytest.mark.parametrize(("module", "name"), FUNCTIONS)
def test_a_function_has_the_same_parameters(module: str, name: str) -> None:
    assert same(lambda lib: describe(getattr(part(lib, module), name))) is not None


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_a_class_has_the_same_public_names_with_the_same_parameters(module: str, name: str) -> None:
    theirs, ours = getattr(part(flask, module), name), getattr(part(tuile, module), name)
    names = [attribute for attribute in dir(theirs) if not attribute.startswith("_")]
    assert [attribute for attribute in names if not hasattr(ours, attribute)] == []
    for attribute in names:
        kind = kind_of(theirs, attribute)
        if name == "Config" and attribute in vars(dict):
            continue  # what the built-in type has in C may be written in Python
        assert kind_of(ours, attribute) == kind, attribute
        if kind != "data":
            assert describe(getattr(ours, attribute)) == describe(getattr(theirs, attribute)), attribute


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_a_class_is_made_with_the_same_arguments(module: str, name: str) -> None:
    def describe_construction(lib: Any) -> Any:
        cls = getattr(part(lib, module), name)
        # A type that takes nothing of its own has no signature of its own either.
        return None if cls.__init__ is object.__init__ else describe(cls)

    same(describe_construction)


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_what_can_be_assigned_there_can_be_assigned_here(module: str, name: str) -> None:
    theirs, ours = getattr(part(flask, module), name), getattr(part(tuile, module), name)
    for attribute in dir(theirs):
        static = inspect.getattr_static(theirs, attribute)
        mine = inspect.getattr_static(ours, attribute, None)
        if isinstance(static, property) and isinstance(mine, property) and not attribute.startswith("_"):
            assert (mine.fset is None) == (static.fset is None), attribute
            assert (mine.fdel is None) == (static.fdel is None), attribute


def make_objects(lib: Any) -> dict[str, Any]:
    app = lib.Flask("interface", static_folder=None)
    app.secret_key = "a secret"
    app.config["SERVER_NAME"] = "localhost"
    context = app.test_request_context(method="POST", json={})
    context.push()
    try:
        blueprint = lib.Blueprint("one", "interface")
        setup = blueprint.make_setup_state(app, {}, first_registration=True)
        app_context = app.app_context()
        client, runner = app.test_client(), app.test_cli_runner()
        session = part(lib, "sessions").SecureCookieSession({"a": 1})
    finally:
        context.pop()
    return {
        "Flask": app,
        "Blueprint": blueprint,
        "BlueprintSetupState": setup,
        "RequestContext": context,
        "AppContext": app_context,
        "Request": context.request,
        "Response": lib.Response("x"),
        "FlaskClient": client,
        "FlaskCliRunner": runner,
        "SecureCookieSession": session,
        "ScriptInfo": part(lib, "cli").ScriptInfo(),
        "Config": app.config,
        "JSONProvider": app.json,
        "Environment": app.jinja_env,
    }


@pytest.mark.parametrize("name", make_objects(flask))
def test_an_object_has_every_attribute_of_its_counterpart(name: str) -> None:
    theirs, ours = make_objects(flask)[name], make_objects(tuile)[name]
    expected = {attribute for attribute in (*vars(theirs), *dir(theirs)) if not attribute.startswith("_")}
    missing = {attribute for attribute in expected if not hasattr(ours, attribute)}
    # What another request, or none, has not got is not there on either.
    assert missing == {attribute for attribute in expected if not hasattr(theirs, attribute)}


def test_the_private_names_that_extensions_use_are_there() -> None:
    theirs, ours = make_objects(flask), make_objects(tuile)
    for owner, names in {
        "Flask": ["_got_first_request", "_check_setup_finished", "_find_error_handler"],
        "RequestContext": ["_session", "_after_request_functions"],
        "Blueprint": ["_got_registered_once", "_blueprints"],
        "FlaskClient": ["_context_stack", "_new_contexts", "_copy_environ"],
        "Request": ["_load_form_data", "_cached_json"],
    }.items():
        # Names that Flask has dropped would prove nothing.
        assert [name for name in names if not hasattr(theirs[owner], name)] == []
        assert [name for name in names if not hasattr(ours[owner], name)] == []


def test_the_two_context_variables_have_the_methods_of_one() -> None:
    for name in ("_cv_app", "_cv_request"):
        ours = getattr(part(tuile, "globals"), name)
        assert {"get", "set", "reset", "name"} <= set(dir(ours))
        assert ours.name == getattr(part(flask, "globals"), name).name


def test_the_signals_have_flasks_names() -> None:
    def name_signals(lib: Any) -> list[tuple[str, str]]:
        signals = part(lib, "signals")
        return [
            (name, getattr(signals, name).name)
            for name in (
                "appcontext_popped",
                "appcontext_pushed",
                "appcontext_tearing_down",
                "before_render_template",
                "got_request_exception",
                "message_flashed",
                "request_finished",
                "request_started",
                "request_tearing_down",
                "template_rendered",
            )
        ]

    same(name_signals)


def test_the_bases_that_extensions_test_for_are_werkzeugs() -> None:
    def name_foreign_bases(lib: Any) -> list[list[str]]:
        return [
            [
                f"{base.__module__}.{base.__name__}"
                for base in cls.__mro__
                if base.__module__.startswith(("werk", "cli"))
            ]
            for cls in (
                lib.Request,
                lib.Response,
                part(lib, "testing").FlaskClient,
                part(lib, "testing").FlaskCliRunner,
                part(lib, "testing").EnvironBuilder,
                part(lib, "cli").AppGroup,
                part(lib, "cli").FlaskGroup,
                lib.Flask,
            )
        ]

    assert ["werkzeug.wrappers.response.Response", "werkzeug.sansio.response.Response"] in same(name_foreign_bases)


def test_every_table_of_the_shim_names_modules_that_exist() -> None:
    for modules in TUILE_MODULES.values():
        for name in modules:
            importlib.import_module(name)


# Werkzeug's own package imports `werkzeug.test` and `werkzeug.serving`, so those cannot be left out.
@pytest.mark.parametrize(
    "heavy", ["click", "jinja2", "werkzeug.debug", "asgiref", "cryptography", "asyncio", "sqlite3", "flask"]
)
def test_importing_the_package_leaves_out(heavy: str) -> None:
    assert heavy not in modules_after("import tuile")


def test_a_request_is_answered_without_the_command_line_and_the_templates() -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http", "HTTP_HOST": "localhost"}
    program = "app = tuile.Flask('x'); app.route('/')(lambda: 'x')"
    loaded = modules_after(f"import tuile; {program}; assert app({environ}, lambda status, headers: None) == [b'x']")
    assert not {"click", "jinja2", "werkzeug.debug", "asgiref", "cryptography"} & loaded


def modules_after(program: str) -> set[str]:
    code = f"import sys; {program}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.split())
