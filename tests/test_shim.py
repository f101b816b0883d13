"""`import flask` gives Tuile, name by name, and tools that look at modules see what they expect."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from inspect import getsource
from textwrap import indent
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.fresh import INSTALL_SHIM, STRICT, observe, observe_both, run
from tuile.shim import IMPORTS, RENAMED, TUILE_MODULES
from tuile.shim.table import LOADED_LATER

if TYPE_CHECKING:
    from pathlib import Path

MODULES = sorted(name for name in TUILE_MODULES if name != "flask.__main__")

# Flask's inner workings that Tuile has nothing for, each with the reason why no caller can want it.
ABSENT = {
    ("flask.cli", "_path_is_ancestor"): "a step of load_dotenv, which finds the folder in another way",
    ("flask.helpers", "_prepare_send_file_kwargs"): "a step of send_file, whose settings are one function's business",
    ("flask.testing", "_werkzeug_version"): "the memory of _get_werkzeug_version, which keeps it by itself",
}


def describe(value: Any) -> str:
    """What a name stands for, in a word that is the same whoever made it."""
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if type(value).__name__ == "LocalProxy":
        return "proxy"
    # A parametrised Callable passes for a class up to Python 3.10.
    if inspect.isclass(value) and not hasattr(value, "__origin__"):
        return "class"
    return "function" if inspect.isroutine(value) else "value"


@pytest.fixture(scope="module")
def names() -> dict[str, dict[str, str]]:
    """{module: {name: what it stands for}} of the shim, by asking each module for each of Flask's names."""
    wanted = {name: sorted(flasks_names(name)) for name in MODULES}
    found: dict[str, dict[str, str]] = observe(
        f"""
        import importlib, inspect
        from types import ModuleType
        from typing import Any
        {indent(getsource(describe), " " * 8).lstrip()}
        seen = {{}}
        for module, names in {wanted!r}.items():
            module = importlib.import_module(module)
            seen[module.__name__] = {{name: describe(getattr(module, name)) for name in names if hasattr(module, name)}}
        """
    )
    return found


def flasks_names(module: str) -> dict[str, Any]:
    """The names that a module of the real Flask has, public and private, without what Python puts there."""
    found = vars(importlib.import_module(module))
    # What other tests have imported is an attribute of its package by now.
    later = {name.rpartition(".")[2] for name in LOADED_LATER} if module == "flask" else set()
    return {name: value for name, value in found.items() if not name.startswith("__") and name not in later}


def is_a_type_variable(value: Any) -> bool:
    return type(value).__name__ == "TypeVar"


# Completeness


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_a_module_is_there_and_is_of_the_same_kind(module: str, names: dict[str, dict[str, str]]) -> None:
    expected = {
        name: describe(value)
        for name, value in flasks_names(module).items()
        if (module, name) not in ABSENT and not is_a_type_variable(value)
    }
    assert {name: names[module].get(name) for name in expected} == expected


def test_type_variables_are_there_for_those_who_import_them(names: dict[str, dict[str, str]]) -> None:
    wanted = {
        (module, name)
        for module in MODULES
        for name, value in flasks_names(module).items()
        if is_a_type_variable(value)
    }
    assert {(module, name) for module, name in wanted if name not in names[module]} == set()


@pytest.mark.parametrize(("module", "name"), ABSENT)
def test_what_is_listed_as_absent_is_absent_and_exists_in_flask(
    module: str, name: str, names: dict[str, dict[str, str]]
) -> None:
    assert name in flasks_names(module)
    assert name not in names[module]


def test_every_module_of_flask_is_in_the_table() -> None:
    flask = importlib.import_module("flask")
    assert {module.name for module in pkgutil.walk_packages(flask.__path__, "flask.")} <= set(TUILE_MODULES)


def test_every_line_of_the_table_leads_somewhere() -> None:
    broken = observe(
        f"""
        from tuile.shim.modules import _TARGETS, look_up, tuile_modules_of
        seen = []
        for module in {sorted(TUILE_MODULES)!r}:
            tuile_modules_of(module)
            for name in _TARGETS[module]:
                try:
                    look_up(module, name)
                except AttributeError as error:
                    seen.append([module, name, str(error)])
        """
    )
    assert broken == []


def test_the_table_has_no_name_that_flask_does_not_have() -> None:
    extra = observe(
        """
        from tuile.shim.modules import _TARGETS
        seen = {module: sorted(names) for module, names in _TARGETS.items()}
        """
    )
    assert {
        module: [name for name in found if not hasattr(importlib.import_module(module), name)]
        for module, found in extra.items()
        if module != "flask.__main__"
    } == {module: [] for module in MODULES}
    assert set(IMPORTS) | set(RENAMED) <= set(TUILE_MODULES)


def test_the_package_has_flasks_names_and_no_others() -> None:
    public = observe("import flask; seen = [name for name in vars(flask) if not name.startswith('_')]")
    submodules = {name.rpartition(".")[2] for name in TUILE_MODULES}
    assert set(public) <= {name for name in flasks_names("flask") if not name.startswith("_")} | submodules
    assert "cookies" not in public


def test_modules_have_flasks_names_and_no_others() -> None:
    found = observe(
        f"""
        import importlib
        seen = {{name: sorted(vars(importlib.import_module(name))) for name in {MODULES!r}}}
        """
    )
    assert {
        module: [name for name in names if name[:2] != "__" and not hasattr(importlib.import_module(module), name)]
        for module, names in found.items()
    } == {module: [] for module in MODULES}


def test_a_name_that_a_user_gives_to_a_module_of_flask_is_not_set_on_tuiles() -> None:
    assert observe(
        """
        import flask.ctx, flask.sessions, tuile.ctx.app_context, tuile.sessions.signed
        before = tuile.ctx.app_context.current, tuile.sessions.signed.vary_by_cookie
        flask.ctx.current = flask.sessions.vary_by_cookie = "a user's"
        with flask.Flask("app").app_context():
            seen = [flask.ctx.current, flask.sessions.vary_by_cookie, flask.g.get("a")]
        del flask.ctx.current
        seen.append((tuile.ctx.app_context.current, tuile.sessions.signed.vary_by_cookie) == before)
        seen.append(hasattr(flask.ctx, "current"))
        """
    ) == ["a user's", "a user's", None, True, False]


def test_a_name_is_the_very_object_of_its_room() -> None:
    assert (
        observe(
            """
        import flask, flask.app, flask.globals, flask.json.provider, flask.wrappers
        import flask.sansio.app, flask.sansio.scaffold
        import sys, tuile, tuile.app, tuile.json.provider, tuile.globals, tuile.sansio.app, tuile.sansio.scaffold
        seen = [
            flask.Flask is tuile.Flask is flask.app.Flask is tuile.app.Flask,
            flask.sansio.app.App is flask.app.App is tuile.sansio.app.App,
            flask.request is tuile.request is flask.globals.request is flask.app.request,
            flask.globals._cv_request is tuile.globals._cv_request,
            flask.json.provider.DefaultJSONProvider is tuile.json.provider.DefaultJSONProvider,
            flask.sansio.scaffold._endpoint_from_view_func is tuile.sansio.scaffold._endpoint_from_view_func,
            flask.wrappers.Request is flask.Request is sys.modules["tuile.wrappers.request"].Request,
            flask.wrappers.RequestBase.__module__ == "werkzeug.wrappers.request",
        ]
        """
        )
        == [True] * 8
    )


def test_tuiles_own_modules_are_not_handed_out_as_flasks() -> None:
    assert (
        observe_both(
            """
        import sys, flask, flask.views, flask.testing
        from types import ModuleType
        held = [value for module in list(sys.modules.values()) if module.__name__.partition(".")[0] == "flask"
                for value in vars(module).values() if isinstance(value, ModuleType)]
        seen = sorted({module.__name__ for module in held if module.__name__.startswith("tuile")})
        """
        )
        == []
    )


def test_star_import_brings_what_flasks_brings() -> None:
    theirs, ours = (
        set(observe("from flask import *; seen = [name for name in dir() if name[0] != '_']", shim=side))
        for side in (False, True)
    )
    assert theirs <= ours
    assert "cookies" not in ours


# What Python's own machinery sees


def test_a_module_has_a_spec_a_loader_and_a_file() -> None:
    seen = observe(
        """
        import importlib.util, sys, flask.app, flask.sansio.scaffold
        seen = {}
        for name in ("flask", "flask.app", "flask.sansio", "flask.sansio.scaffold", "flask.json.tag"):
            module, spec = sys.modules[name], importlib.util.find_spec(name)
            seen[name] = [
                module.__spec__ is spec, spec.name, module.__package__, module.__loader__ is spec.loader,
                spec.submodule_search_locations is not None, (getattr(module, "__file__", None) or "").split("src")[-1],
            ]
        """
    )
    assert seen == {
        "flask": [True, "flask", "flask", True, True, "/tuile/__init__.py"],
        "flask.app": [True, "flask.app", "flask", True, False, "/tuile/app.py"],
        "flask.sansio": [True, "flask.sansio", "flask.sansio", True, True, ""],
        "flask.sansio.scaffold": [
            True,
            "flask.sansio.scaffold",
            "flask.sansio",
            True,
            False,
            "/tuile/sansio/scaffold.py",
        ],
        "flask.json.tag": [True, "flask.json.tag", "flask.json", True, False, "/tuile/json/tag.py"],
    }


def test_a_spec_is_found_before_the_module_is_imported() -> None:
    assert observe(
        """
        import importlib.util, sys
        spec = importlib.util.find_spec("flask")
        seen = ["flask" in sys.modules, spec.name, importlib.util.find_spec("flask.app").name,
                importlib.util.find_spec("flask.nothing"), importlib.util.find_spec("flask_nothing")]
        """
    ) == [False, "flask", "flask.app", None, None]


def test_importing_the_package_loads_the_modules_that_flask_loads() -> None:
    assert observe_both(
        "import sys, flask; seen = sorted(name for name in sys.modules if name.partition('.')[0] == 'flask')"
    )


def test_a_module_that_flask_does_not_have_is_not_found() -> None:
    assert observe_both(
        """
        import flask
        seen = []
        for name in ("flask.nothing", "flask.json.nothing", "flask.app.nothing"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                seen.append([str(error), error.name])
        """
    )


def test_a_name_that_flask_does_not_have_is_an_attribute_error_with_pythons_words() -> None:
    assert observe_both(
        """
        import flask, flask.app
        seen = []
        for module, name in ((flask, "Markup"), (flask.app, "nothing"), (flask, "__nothing__")):
            try:
                getattr(module, name)
            except AttributeError as error:
                seen.append(name in str(error))
        try:
            flask.app.nothing
        except AttributeError as error:
            seen.append(str(error))
        try:
            from flask import Markup
        except ImportError as error:
            seen.append(str(error).partition(" (")[0])
        """
    )


def test_reading_a_name_that_is_there_calls_nothing() -> None:
    assert (
        observe(
            """
            import sys, flask, flask.helpers
            flask.request, flask.json.dumps, flask.helpers.url_for, flask.templating.render_template
            seen = []
            sys.setprofile(lambda frame, event, value: seen.append([event, frame.f_code.co_name]))
            flask.request, flask.json.dumps, flask.helpers.url_for, flask.templating.render_template
            sys.setprofile(None)
            seen = [one for one in seen if one[0] == "call"]
            """
        )
        == []
    )


def test_only_the_package_shows_a_function_for_missing_names() -> None:
    assert observe_both(
        f"""
        import importlib
        seen = [name for name in {MODULES!r} if "__getattr__" in dir(importlib.import_module(name))]
        """
    ) == ["flask"]


def test_importing_submodules_in_every_way_works() -> None:
    assert observe_both(
        """
        import flask.sansio.scaffold as scaffold
        from flask import views
        from flask.json import provider
        from flask.sansio.app import App
        import flask
        seen = [scaffold is flask.sansio.scaffold, views is flask.views, provider is flask.json.provider,
                issubclass(flask.Flask, App), flask.cli.FlaskGroup.__name__]
        """
    ) == [True, True, True, True, "FlaskGroup"]


def test_reloading_gives_the_same_names_and_forgets_what_was_written() -> None:
    assert observe_both(
        """
        import importlib, flask, flask.app
        before = flask.Flask
        class Other(flask.Flask): pass
        flask.Flask = Other
        seen = [flask.Flask is Other, importlib.reload(flask) is flask, flask.Flask is before]
        flask.cli.run_simple = None
        importlib.reload(flask.cli)
        seen += [flask.cli.run_simple.__name__, flask.cli is __import__("sys").modules["flask.cli"]]
        """
    ) == [True, True, True, "run_simple", True]


def test_a_module_taken_out_of_the_list_is_imported_anew() -> None:
    assert observe(
        """
        import sys, flask
        old = sys.modules.pop("flask")
        import flask
        seen = [flask is old, flask.helpers.url_for is flask.url_for, flask.__name__]
        """
    ) == [False, True, "flask"]


def test_inspect_finds_sources_and_modules() -> None:
    seen = observe(
        """
        import inspect, flask, flask.cli
        seen = [
            inspect.getsource(flask.Flask).partition("(")[0],
            inspect.getsource(flask.Flask.make_response).strip().partition("(")[0],
            inspect.getmodule(flask.Flask).__name__,
            "Flask" in inspect.getsource(flask),
            flask.app.__loader__.get_source("flask.app").startswith(chr(34) * 3),
            [name for name, _ in inspect.getmembers(flask, inspect.isclass)],
            inspect.ismodule(flask), "render_template" in dir(flask), "views" in dir(flask),
        ]
        """
    )
    assert seen == [
        "class Flask",
        "def make_response",
        "flask.app",
        True,
        True,
        ["Blueprint", "Config", "Flask", "Request", "Response"],
        True,
        True,
        True,
    ]


def test_pkgutil_walks_the_package() -> None:
    theirs, ours = (
        observe(
            """
            import pkgutil, flask
            seen = [[module.name, module.ispkg] for module in pkgutil.walk_packages(flask.__path__, "flask.")
                    if module.name != "flask.__main__"]
            """,
            shim=side,
        )
        for side in (False, True)
    )
    assert [module for module in theirs if module not in ours] == []
    assert observe("import pkgutil; seen = pkgutil.resolve_name('flask.json.tag:TagDict').__name__") == "TagDict"


def test_the_type_hints_of_registration_can_be_read_where_flasks_can() -> None:
    program = """
        import typing, flask
        seen = {}
        for name in ("route", "get", "before_request", "errorhandler", "add_url_rule", "register_blueprint", "url_for"):
            try:
                seen[name] = sorted(typing.get_type_hints(getattr(flask.Flask, name)))
            except NameError:
                seen[name] = None
        """
    theirs, ours = observe(program, shim=False), observe(program)
    assert {name: ours[name] for name, hints in theirs.items() if hints is not None} == {
        name: hints for name, hints in theirs.items() if hints is not None
    }
    assert ours["route"] is not None


def test_classes_pickle_by_reference() -> None:
    assert (
        observe_both(
            """
        import pickle, flask, flask.json.tag, flask.sessions, flask.views
        classes = [flask.Flask, flask.Blueprint, flask.Config, flask.Request, flask.Response, flask.views.MethodView,
                   flask.sessions.SecureCookieSessionInterface, flask.json.tag.TaggedJSONSerializer]
        seen = [pickle.loads(pickle.dumps(cls)) is cls for cls in classes]
        seen += [pickle.loads(pickle.dumps(function)) is function for function in (flask.url_for, flask.jsonify)]
        """
        )
        == [True] * 10
    )


def test_a_configuration_pickles_and_copies_as_flasks_does() -> None:
    assert (
        observe_both(
            """
        import copy, pickle, flask
        config = flask.Config("/somewhere", {"A": 1})
        config["B"] = [2]
        seen = []
        for other in (pickle.loads(pickle.dumps(config)), copy.copy(config), copy.deepcopy(config)):
            seen.append([type(other) is flask.Config, dict(other), other.root_path])
        """
        )
        == [[True, {"A": 1, "B": [2]}, "/somewhere"]] * 3
    )


def test_a_pickle_that_flask_wrote_is_read() -> None:
    written = observe(
        """
        import pickle, flask
        seen = pickle.dumps({"config": flask.Config("/x", {"A": 1}), "class": flask.Response}, 0).decode("latin1")
        """,
        shim=False,
    )
    assert observe(
        f"""
        import pickle, flask
        read = pickle.loads({written!r}.encode("latin1"))
        seen = [read["class"] is flask.Response, type(read["config"]) is flask.Config, read["config"]]
        """
    ) == [True, True, {"A": 1}]


def test_a_session_copies_and_pickles_wherever_flasks_does() -> None:
    program = """
        import copy, pickle
        from flask.sessions import NullSession, SecureCookieSession
        seen = []
        for session in (SecureCookieSession({"user": 5}), NullSession({"user": 5})):
            for way in (lambda s: pickle.loads(pickle.dumps(s)), copy.copy, copy.deepcopy, dict):
                try:
                    seen.append([type(way(session)).__name__, dict(way(session))])
                except Exception as error:
                    seen.append("refused")
        """
    theirs, ours = observe(program, shim=False), observe(program)
    assert [mine for mine, their in zip(ours, theirs, strict=True) if their not in (mine, "refused")] == []


def test_running_the_package_runs_the_command_line(tmp_path: Path) -> None:
    tmp_path.joinpath("app.py").write_text("import flask; app = flask.Flask(__name__); app.get('/where')(print)")
    program = "import runpy, sys; sys.argv = ['flask', 'routes']; runpy.run_module('flask', run_name='__main__')"
    assert "/where" in run([sys.executable, *STRICT, "-c", INSTALL_SHIM + program], cwd=tmp_path).stdout


# What is written on a module


def test_what_is_written_on_a_module_is_written_in_its_rooms() -> None:
    assert observe(
        """
        import flask.cli, flask.helpers, tuile, tuile.cli, tuile.helpers, tuile.templating, tuile.globals
        real = flask.helpers.current_app
        flask.cli.run_simple = flask.helpers.current_app = fake = object()
        seen = [tuile.cli.run_simple is fake, tuile.helpers.current_app is fake, tuile.templating.current_app is real,
                tuile.globals.current_app is real, flask.globals.current_app is real, flask.current_app is real]
        flask.new_name = 1
        seen.append(hasattr(tuile, "new_name"))
        """
    ) == [True, True, True, True, True, True, False]


def test_another_librarys_name_is_written_on_the_module_alone() -> None:
    assert observe_both(
        """
        import flask.app, flask.wrappers, itertools, werkzeug.wrappers
        flask.wrappers.RequestBase = flask.app.chain = flask.app.click = None
        seen = [werkzeug.wrappers.Request is not None, itertools.chain is not None]
        """
    ) == [True, True]


def test_mock_patch_reaches_tuile_and_is_undone() -> None:
    assert observe(
        """
        from unittest import mock
        import flask, tuile.cli as cli, tuile.templating as templating
        seen = []
        real = cli.run_simple
        with mock.patch("flask.cli.run_simple") as fake:
            seen.append(cli.run_simple is fake and flask.cli.run_simple is fake)
        seen.append(cli.run_simple is real and flask.cli.run_simple is real)
        # A name that its ours makes when it is asked for.
        real = templating.Environment
        with mock.patch("flask.templating.Environment") as fake:
            seen.append(flask.templating.Environment is fake)
        seen.append(templating.Environment is real and flask.templating.Environment is real)
        with mock.patch.object(flask.Flask, "wsgi_app", return_value=[b"patched"]):
            seen.append(flask.Flask("x")({}, None) == [b"patched"])
        with mock.patch.dict("flask.__dict__", {"url_for": 1}):
            seen.append(flask.url_for)
        seen.append(callable(flask.url_for))
        """
    ) == [True, True, True, True, True, 1, True]


def test_monkeypatch_reaches_tuile_and_is_undone() -> None:
    assert observe(
        """
        import pytest, flask, tuile.cli as cli
        seen = []
        real = cli.run_simple
        patch = pytest.MonkeyPatch()
        patch.setattr("flask.cli.run_simple", print)
        seen.append(cli.run_simple is print)
        patch.undo()
        seen.append(cli.run_simple is flask.cli.run_simple is real)
        patch.delattr("flask.cli.run_simple")
        seen.append(hasattr(cli, "run_simple") or "run_simple" in vars(flask.cli))
        patch.undo()
        seen.append(cli.run_simple is flask.cli.run_simple is real)
        """
    ) == [True, True, False, True]


def test_deleting_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert observe_both(
        """
        import flask
        try:
            del flask.nothing
        except AttributeError as error:
            seen = type(error).__name__
        """
    )


def test_an_application_class_put_in_flasks_place_is_what_everyone_gets() -> None:
    assert observe_both(
        """
        import flask
        original = flask.Flask

        class Instrumented(flask.Flask):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.instrumented = True

        flask.Flask = Instrumented
        app = flask.Flask("x")
        from flask import Flask
        seen = [app.instrumented, Flask is Instrumented, flask.app.Flask is original, type(app).__name__]
        app.get("/")(lambda: "hello")
        seen.append(app.test_client().get("/").text)
        from flask.cli import ScriptInfo, find_best_app
        from types import ModuleType
        module = ModuleType("wsgi")
        module.app = app
        seen.append(find_best_app(module) is app)
        flask.Flask = original
        seen.append(type(flask.Flask("x")) is original)
        """
    ) == [True, True, True, "Instrumented", "hello", True, True]


# Hooks that monitoring agents use


@pytest.mark.parametrize("register", ["when_imported(name)(note)", "register_post_import_hook(note, name)"])
def test_a_hook_for_after_the_import_runs_once_with_the_module(register: str) -> None:
    pytest.importorskip("wrapt")
    names = ["flask", "flask.app", "flask.cli", "flask.sansio.scaffold", "flask.views"]
    assert observe_both(
        f"""
        import sys, wrapt
        calls, names = [], {names!r}
        def note(module):
            calls.append([module.__name__, module.__spec__.name, sys.modules[module.__name__] is module])
        for name in names:
            wrapt.{register}
        seen = [len(calls)]
        import flask, flask.views
        seen += sorted(calls)
        """
    ) == [0, *([name, name, True] for name in names)]


def test_a_wrapper_put_on_by_a_hook_is_in_every_requests_way() -> None:
    pytest.importorskip("wrapt")
    assert observe_both(
        """
        import wrapt
        calls = []

        @wrapt.when_imported("flask.app")
        def wrap(module):
            for name in ("wsgi_app", "dispatch_request", "preprocess_request", "add_url_rule"):
                def note(wrapped, instance, args, kwargs, name=name):
                    calls.append(name)
                    return wrapped(*args, **kwargs)
                wrapt.wrap_function_wrapper(module, "Flask." + name, note)

        from flask import Flask
        app = Flask("x", static_folder=None)
        app.add_url_rule("/", view_func=lambda: "hello", endpoint="hello")
        seen = [app.test_client().get("/").text, calls]
        """
    ) == ["hello", ["add_url_rule", "wsgi_app", "preprocess_request", "dispatch_request"]]


# The version


def test_the_version_attribute_warns_as_flasks_does_and_points_at_the_reader() -> None:
    seen = observe_both(
        """
        import importlib.metadata, warnings, flask
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            version = flask.__version__
        seen = [version, importlib.metadata.version("flask"), [
            [str(warning.message), warning.category.__name__, warning.filename] for warning in caught
        ]]
        """
    )
    assert seen[0] == seen[1] == importlib.metadata.version("flask")
    assert seen[2][0][1:] == ["DeprecationWarning", "<string>"]


def test_without_a_distribution_called_flask_the_version_is_that_of_the_interface() -> None:
    assert (
        observe(
            """
        import importlib.metadata, warnings, flask
        real = importlib.metadata.version
        def version(name):
            if name == "flask":
                raise importlib.metadata.PackageNotFoundError(name)
            return real(name)
        importlib.metadata.version = version
        warnings.simplefilter("ignore")
        seen = flask.__version__
        """
        )
        == "3.1.3"
    )


# Warnings are filtered by the module they point at


def test_a_warning_about_the_host_points_at_flask_app() -> None:
    assert observe_both(
        """
        import warnings, flask
        app = flask.Flask("x", subdomain_matching=True)
        app.config["SERVER_NAME"] = "example.com"
        registry = []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="flask.app")
            app.test_client().get("/", headers={"Host": "other.example"})
        seen = "ignored"
        """
    )


# Installing


def test_installing_twice_changes_nothing() -> None:
    assert observe(
        """
        import sys
        before = len(sys.meta_path), len(sys.path_hooks)
        tuile.shim.install()
        seen = [before == (len(sys.meta_path), len(sys.path_hooks)), tuile.shim.is_installed()]
        """
    ) == [True, True]


def test_installing_after_the_real_flask_says_who_imported_it(tmp_path: Path) -> None:
    tmp_path.joinpath("shop.py").write_text("import extension, json\nfrom flask import request\n")
    tmp_path.joinpath("extension.py").write_text("from flask import Flask\n")
    tmp_path.joinpath("main.py").write_text("import shop\nimport tuile.shim\ntuile.shim.install()\n")
    done = run([sys.executable, "main.py"], cwd=tmp_path, check=False)
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: Flask itself was imported before the shim was installed")
    assert f"the module that imported it is 'extension' ({tmp_path / 'extension.py'}) (1 more use" in last
    assert "Call tuile.shim.install() before that import, or start the program with 'tuile exec'." in last


def test_the_main_program_is_named_when_it_imported_flask_itself(tmp_path: Path) -> None:
    tmp_path.joinpath("main.py").write_text("import flask\nimport tuile.shim\ntuile.shim.install()\n")
    last = run([sys.executable, "main.py"], cwd=tmp_path, check=False).stderr.splitlines()[-1]
    assert "the module that imported it is '__main__'" in last


# A proxy like those of Lektor's context, which raise what they like, modules that do, and one that is loaded when it is
# first used.
OTHERS = """
import importlib.util, sys
from types import ModuleType
from werkzeug.local import LocalProxy

class Refusing(ModuleType):
    @property
    def __dict__(self):
        raise LookupError("no names")

class Odd(ModuleType):
    @property
    def __dict__(self):
        return 5

class Text:
    def __str__(self):
        raise LookupError("no text")

refusing = sys.modules["refusing"] = Refusing("refusing")
odd = sys.modules["odd"] = Odd("odd")
named = sys.modules["named"] = ModuleType("named")
named.__name__ = named.__file__ = Text()

def raising():
    raise LookupError("not here")

proxy = LocalProxy(raising)
spec = importlib.util.spec_from_file_location("late", "late.py")
spec.loader = importlib.util.LazyLoader(spec.loader)
late = sys.modules["late"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(late)
sys.modules["proxy"] = proxy
sys.modules["nothing"] = None
sys.modules["slots"] = 3
"""


@pytest.mark.parametrize("first", ["", "import flask\n"])
def test_names_of_other_modules_are_not_asked(first: str, tmp_path: Path) -> None:
    tmp_path.joinpath("late.py").write_text("print('loaded')")
    tmp_path.joinpath("others.py").write_text(OTHERS)
    program = f"import others\n{first}import tuile.shim\ntuile.shim.install()\nimport flask\nflask.proxy = others.proxy"
    done = run([sys.executable, "-c", f"{program}\nprint(flask.Flask.__module__)"], cwd=tmp_path, check=False)
    assert done.stdout == ("" if first else "flask.app\n")
    assert ("imported before the shim" if first else "") in done.stderr
    assert "LookupError" not in done.stderr


def test_an_import_of_flask_that_nobody_kept_is_told_by_its_place() -> None:
    program = "exec('import flask', {}); import tuile.shim; tuile.shim.install()"
    last = run([sys.executable, "-c", program], check=False).stderr.splitlines()[-1]
    assert "it comes from " in last
    assert "the module that imported it" not in last


def test_no_module_of_the_real_distribution_is_loaded_by_an_application_and_its_extensions(tmp_path: Path) -> None:
    tmp_path.joinpath("templates").mkdir()
    tmp_path.joinpath("templates", "page.html").write_text("hello {{ name }}")
    assert observe(
        """
        import importlib.metadata, os, sys
        from flask import Flask, Blueprint, flash, jsonify, render_template, session
        from flask.views import MethodView
        import click
        app = Flask("x", root_path=os.getcwd())
        app.config.update(SECRET_KEY="x", EXPLAIN_TEMPLATE_LOADING=True)
        blueprint = Blueprint("b", "x")
        @blueprint.get("/")
        def page():
            session["n"] = 1
            flash("hello")
            return render_template("page.html", name="you")
        app.register_blueprint(blueprint)
        app.cli.command("greet")(lambda: click.echo("hi"))
        answer = app.test_client().get("/").text
        said = app.test_cli_runner().invoke(args=["greet"]).output
        real = {str(file.locate()) for file in importlib.metadata.files("flask")}
        loaded = {os.path.realpath(getattr(module, "__file__", None) or "") for module in sys.modules.values()}
        seen = [answer, said, sorted(loaded & real)]
        """,
        cwd=tmp_path,
    ) == ["hello you", "hi\n", []]


def test_threads_that_import_at_the_same_time_get_the_same_modules() -> None:
    assert observe(
        """
        import sys, threading
        sys.setswitchinterval(1e-6)
        names = ["flask", "flask.app", "flask.cli", "flask.json.tag", "flask.sansio.scaffold", "flask.views"] * 4
        barrier, found, errors = threading.Barrier(len(names)), [], []

        def load(name):
            # Where a package imports its modules, as Flask does, the import system sometimes finds two threads in
            # each other's way and lets one of them try again.
            for attempt in range(100):
                try:
                    return __import__(name)
                except RuntimeError as error:
                    if type(error).__name__ != "_DeadlockError":
                        raise

        def work(name):
            barrier.wait()
            try:
                load(name), load("flask"), load("flask.app")
                from flask import Flask, request
                from flask.app import Flask as again
                found.append(Flask is again and sys.modules[name].__spec__.name == name)
            except BaseException as error:
                errors.append(repr(error))

        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        seen = [len(found) == len(names), all(found), errors]
        """
    ) == [True, True, []]


def test_children_get_it_when_asked_for() -> None:
    program = "import flask; print(type(flask).__name__)"
    assert observe(
        f"""
        import os, subprocess, sys, tuile.shim
        tuile.shim.install()
        ask = lambda: subprocess.run([sys.executable, "-c", {program!r}], capture_output=True, text=True).stdout.strip()
        seen = [ask()]
        tuile.shim.install(children=True)
        seen += [ask(), os.environ["PYTHONPATH"] == tuile.shim.START]
        tuile.shim.install(children=True)
        seen.append(os.environ["PYTHONPATH"] == tuile.shim.START)
        """
    ) == ["module", "FlaskModule", True, True]


def test_the_function_that_creates_loggers_can_be_patched_where_flask_calls_it() -> None:
    seen = observe_both(
        """
        from unittest import mock
        import flask, flask.logging, flask.sansio.app

        def patched(target):
            with mock.patch(target, return_value="mock") as create:
                app = flask.Flask("first")
                return app.logger == "mock", create.call_args == mock.call(app)

        before = flask.sansio.app.create_logger is flask.logging.create_logger
        during = patched("flask.sansio.app.create_logger")
        after = flask.sansio.app.create_logger is flask.logging.create_logger
        seen = [before, during, after, flask.Flask("second").logger.name, patched("flask.sansio.app.create_logger")]
        seen.append(patched("flask.logging.create_logger"))
        """
    )
    assert seen == [True, [True, True], True, "second", [True, True], [False, False]]
