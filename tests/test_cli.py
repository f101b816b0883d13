from __future__ import annotations

import code
import importlib
import importlib.metadata
import os
import platform
import re
import ssl
import subprocess
import sys
import threading
import traceback
import types
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import tuile.app
import tuile.cli
from tuile import Flask, current_app, has_app_context
from tuile.cli import (
    AppGroup,
    FlaskGroup,
    NoAppException,
    ScriptInfo,
    find_app_by_string,
    find_best_app,
    get_version,
    load_dotenv,
    locate_app,
    prepare_import,
    run_command,
    show_server_banner,
    with_appcontext,
)
from tuile.environment import get_debug_flag, get_load_dotenv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

HELLO = """
from tuile import Flask

app = Flask("hello")

@app.get("/")
def index():
    return "Hello from the command line!"

@app.cli.command()
def greet():
    print("greetings")
"""

FACTORY = """
from tuile import Flask

def create_app(name="plain", *, route="/"):
    app = Flask(name, static_folder=None)
    app.add_url_rule(route, endpoint=name, view_func=str)
    return app
"""


@pytest.fixture(autouse=True)
def _process_state() -> Iterator[None]:
    """Restore the variables and search paths that the command line sets on purpose."""
    environ, path = os.environ.copy(), sys.path.copy()
    for key in list(os.environ):
        if key.startswith(("FLASK_", "WERKZEUG_", "PYTHONSTARTUP")):
            del os.environ[key]
    yield
    assert not has_app_context(), "a command left its application's context behind"
    os.environ.clear()
    os.environ.update(environ)
    sys.path[:] = path


class Project:
    """A directory for files, which is the current directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path.resolve()
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    yield Project(root)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(root)):
            del sys.modules[name]


@pytest.fixture
def invoke() -> Callable[..., Result]:
    """Return a function that invokes the `tuile` group, or another one, with arguments."""

    def invoke(*words: str, group: click.Command | None = None, **kwargs: Any) -> Result:
        return CliRunner().invoke(group or tuile.cli.cli, list(words), **kwargs)

    return invoke


class Served:
    """A replacement for run_simple that records its arguments."""

    def __init__(self) -> None:
        self.args: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, *args: Any, **options: Any) -> None:
        self.args, self.options = args, options


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    server = Served()
    monkeypatch.setattr("tuile.cli.run_simple", server)
    return server


def module_of(**names: Any) -> types.ModuleType:
    module = types.ModuleType("shop")
    vars(module).update(names)
    return module


def make_app(name: str = "made") -> Flask:
    return Flask(name, static_folder=None)


# --- what a module means ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["app", "application", "anything"])
def test_the_only_application_of_a_module_is_found_under_any_name(name: str) -> None:
    app = make_app()
    assert find_best_app(module_of(**{name: app}, other=object())) is app


def test_app_goes_before_application_and_before_every_other_name() -> None:
    app, application, third = make_app(), make_app(), make_app()
    assert find_best_app(module_of(third=third, application=application, app=app)) is app
    assert find_best_app(module_of(third=third, application=application)) is application


def test_an_application_goes_before_a_factory() -> None:
    app = make_app()
    assert find_best_app(module_of(create_app=make_app, mine=app)) is app


@pytest.mark.parametrize("name", ["create_app", "make_app"])
def test_a_factory_is_called_when_there_is_no_application(name: str) -> None:
    assert find_best_app(module_of(**{name: make_app})).name == "made"


def test_a_factory_that_makes_something_else_leaves_the_word_to_the_next_one() -> None:
    assert find_best_app(module_of(create_app=lambda: "no", make_app=make_app)).name == "made"


def test_a_name_app_that_is_no_application_is_passed_over() -> None:
    app = make_app()
    assert find_best_app(module_of(app="a string", mine=app)) is app


def test_an_instance_of_a_class_put_in_the_place_of_flask_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Instrumented(Flask):
        pass

    monkeypatch.setattr(tuile.app, "Flask", Instrumented)
    app = Instrumented("instrumented")
    assert find_best_app(module_of(app=app)) is app


def test_two_applications_are_one_too_many() -> None:
    with pytest.raises(NoAppException) as caught:
        find_best_app(module_of(one=make_app(), two=make_app()))
    assert caught.value.message == (
        "Detected multiple Flask applications in module 'shop'. Use 'shop:name' to specify the correct one."
    )


def test_a_module_without_application_says_how_to_name_one() -> None:
    with pytest.raises(NoAppException) as caught:
        find_best_app(module_of(Flask=Flask))
    assert caught.value.message == (
        "Failed to find Flask application or factory in module 'shop'. Use 'shop:name' to specify one."
    )


def test_a_factory_that_needs_arguments_says_how_to_give_them() -> None:
    def create_app(name: str) -> Flask:
        return make_app(name)

    with pytest.raises(NoAppException) as caught:
        find_best_app(module_of(create_app=create_app))
    assert caught.value.message == (
        "Detected factory 'create_app' in module 'shop', but could not call it without arguments."
        " Use 'shop:create_app(args)' to specify arguments."
    )


def test_a_type_error_inside_a_factory_is_not_taken_for_wrong_arguments() -> None:
    def create_app() -> Flask:
        raise TypeError("my own mistake")

    with pytest.raises(TypeError, match="my own mistake"):
        find_best_app(module_of(create_app=create_app))
    with pytest.raises(TypeError, match="my own mistake"):
        find_app_by_string(module_of(create_app=create_app), "create_app()")


# --- a name or a call after the colon ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("app", "the app"),
        (" app ", "the app"),
        ("create", "none-None"),
        ("create()", "none-None"),
        (" create ( ) ", "none-None"),
        ("create('x')", "x-None"),
        ("create('x', 'y', )", "x-y"),
        ("create(b=[1, -2], a={'k': None})", "{'k': None}-[1, -2]"),
    ],
)
def test_a_name_or_a_call_with_literals_leads_to_the_application(text: str, name: str) -> None:
    def create(a: object = "none", b: object = None) -> Flask:
        return make_app(f"{a}-{b}")

    assert find_app_by_string(module_of(app=make_app("the app"), create=create), text).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("create_app(", "Failed to parse 'create_app(' as an attribute name or function call."),
        ("", "Failed to parse '' as an attribute name or function call."),
        ("a b", "Failed to parse 'a b' as an attribute name or function call."),
        ("a.b", "Failed to parse 'a.b' as an attribute name or function call."),
        ("app\0", r"Failed to parse 'app\x00' as an attribute name or function call."),
        ("a.b()", "Function reference must be a simple name: 'a.b()'."),
        ("make(app)", "Failed to parse arguments as literal values: 'make(app)'."),
        ("make(*[1])", "Failed to parse arguments as literal values: 'make(*[1])'."),
        ("make({[]})", "Failed to parse arguments as literal values: 'make({[]})'."),
        ("missing", "Failed to find attribute 'missing' in 'shop'."),
        ("missing()", "Failed to find attribute 'missing' in 'shop'."),
        (
            "make(1, 2, 3)",
            "The factory 'make(1, 2, 3)' in module 'shop' could not be called with the specified arguments.",
        ),
        ("text", "A valid Flask application was not obtained from 'shop:text'."),
        ("nothing()", "A valid Flask application was not obtained from 'shop:nothing()'."),
    ],
)
def test_what_leads_to_no_application_says_why(text: str, message: str) -> None:
    module = module_of(app=make_app(), make=make_app, text="", nothing=lambda: None)
    with pytest.raises(NoAppException) as caught:
        find_app_by_string(module, text)
    assert caught.value.message == message


LITERALS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(args=st.lists(LITERALS, max_size=3), kwargs=st.dictionaries(st.sampled_from("abc"), LITERALS))
def test_a_factory_receives_exactly_the_literals_that_were_written(args: list[Any], kwargs: dict[str, Any]) -> None:
    received: list[Any] = []

    def create_app(*args: Any, **kwargs: Any) -> Flask:
        received[:] = args, kwargs
        return app

    app = APP
    words = [repr(value) for value in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    assert find_app_by_string(module_of(create_app=create_app), f"create_app({', '.join(words)})") is app
    assert received == [tuple(args), kwargs]


APP = make_app()


@given(st.text(st.characters()) | st.text("app make()[]{}'\\,=*1.", max_size=20))
def test_any_text_leads_to_an_application_or_says_why_not(text: str) -> None:
    try:
        assert find_app_by_string(module_of(app=APP, make=lambda *args, **kwargs: APP), text) is APP
    except NoAppException as error:
        message = error.message
        assert "shop" in message or repr(text) in message


# --- files and modules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_path", "directory", "name"),
    [
        ("shop", ".", "shop"),
        ("shop.py", ".", "shop"),
        ("a/shop", "a", "shop"),
        ("shop/__init__.py", ".", "shop"),
        ("shop/__init__", ".", "shop"),
        ("package/inner/__init__", ".", "package.inner"),
        ("package/inner/web.py", ".", "package.inner.web"),
        ("shop.web.wsgi", ".", "shop.web.wsgi"),
        ("package/readme.txt", ".", "package.readme.txt"),
    ],
)
def test_a_path_becomes_a_dotted_name_and_its_root_is_searched_first(
    project: Project, given_path: str, directory: str, name: str
) -> None:
    project.write("package/__init__.py")
    project.write("package/inner/__init__.py")
    assert prepare_import(given_path) == name
    assert prepare_import(project.root / given_path) == name
    assert sys.path[0] == str((project.root / directory).resolve())


def test_a_root_that_is_searched_first_already_is_not_added_again(project: Project) -> None:
    prepare_import("shop")
    before = sys.path.copy()
    prepare_import("other")
    assert sys.path == before


@pytest.mark.parametrize("name", ["nowhere", "nowhere.py", "no/where"])
def test_a_missing_module_is_an_error_or_nothing_as_one_asks(name: str) -> None:
    with pytest.raises(NoAppException) as caught:
        locate_app(name, None)
    assert caught.value.message == f"Could not import {name!r}."
    assert locate_app(name, None, raise_if_not_found=False) is None


@pytest.mark.parametrize("raise_if_not_found", [True, False])
def test_an_import_error_inside_the_module_is_always_shown_with_its_traceback(
    project: Project, raise_if_not_found: bool
) -> None:
    project.write("broken.py", "import a_module_that_nobody_has")
    with pytest.raises(NoAppException) as caught:
        locate_app("broken", None, raise_if_not_found=raise_if_not_found)  # type: ignore[call-overload]  # a bool, not a literal
    assert caught.value.message.startswith(
        "While importing 'broken', an ImportError was raised:\n\nTraceback (most recent call last):\n"
    )
    assert "No module named 'a_module_that_nobody_has'" in caught.value.message


def test_another_error_inside_the_module_passes_through(project: Project) -> None:
    project.write("broken.py", "1 / 0")
    with pytest.raises(ZeroDivisionError):
        locate_app("broken", None)


def test_a_module_with_or_without_a_name_leads_to_its_application(project: Project) -> None:
    project.write("factory.py", FACTORY)
    assert locate_app("factory", None).name == "plain"
    assert locate_app("factory", "create_app('named')").name == "named"


# --- the application of one run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["hello", "hello:app", "hello.py", "hello.py:app", "{root}/hello.py:app"])
def test_an_import_path_may_be_a_module_or_a_file_with_or_without_a_name(project: Project, path: str) -> None:
    project.write("hello.py", HELLO)
    info = ScriptInfo(path.format(root=project.root))
    assert info.load_app().name == "hello"
    assert info.load_app() is info.load_app()


def test_the_colon_of_a_windows_drive_separates_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("tuile.cli.prepare_import", lambda path: path)

    def locate(*args: Any) -> Flask:
        seen.append(args)
        return make_app()

    monkeypatch.setattr("tuile.cli.locate_app", locate)
    for path in (r"C:\shop\app.py", r"C:\shop\app.py:create_app('a:b')", "C:/shop/app.py:app"):
        ScriptInfo(path).load_app()
    assert seen == [
        (r"C:\shop\app.py", None),
        (r"C:\shop\app.py", "create_app('a:b')"),
        ("C:/shop/app.py", "app"),
    ]


def test_a_given_factory_goes_before_a_path_and_is_called_once() -> None:
    made: list[Flask] = []

    def create_app() -> Flask:
        made.append(make_app())
        return made[-1]

    info = ScriptInfo("nowhere", create_app=create_app)
    assert info.load_app() is info.load_app() is made[0]
    assert len(made) == 1


def test_without_a_path_wsgi_is_tried_before_app(project: Project) -> None:
    project.write("app.py", "import tuile; app = tuile.Flask('from app')")
    assert ScriptInfo().load_app().name == "from app"
    project.write("wsgi.py", "import tuile; app = tuile.Flask('from wsgi')")
    assert ScriptInfo().load_app().name == "from wsgi"


@pytest.mark.usefixtures("project")
def test_without_any_application_every_way_to_name_one_is_said() -> None:
    sys.modules.pop("app", None)
    with pytest.raises(NoAppException) as caught:
        ScriptInfo().load_app()
    assert caught.value.message == (
        "Could not locate a Flask application. Use the 'tuile --app' option, 'FLASK_APP' environment variable, or a"
        " 'wsgi.py' or 'app.py' file in the current directory."
    )


@pytest.mark.parametrize(
    ("variable", "set_debug_flag", "debug"), [("1", True, True), ("0", True, False), ("1", False, False)]
)
def test_the_variable_decides_over_debug_unless_that_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, variable: str, set_debug_flag: bool, debug: bool
) -> None:
    app = make_app()
    app.debug = not debug if set_debug_flag else debug
    monkeypatch.setenv("FLASK_DEBUG", variable)
    ScriptInfo(create_app=lambda: app, set_debug_flag=set_debug_flag).load_app()
    assert app.debug is debug


@pytest.mark.parametrize(
    ("value", "on"), [("", False), ("0", False), ("False", False), ("NO", False), ("1", True), ("on", True)]
)
def test_the_debug_flag_reads_its_variable(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("FLASK_DEBUG", value)
    assert get_debug_flag() is on


def test_the_debug_flag_is_off_without_a_variable() -> None:
    assert get_debug_flag() is False


@pytest.mark.parametrize(
    ("value", "default", "load"),
    [
        ("", True, True),
        ("", False, False),
        ("0", False, True),
        ("No", False, True),
        ("1", True, False),
        ("yes", True, False),
    ],
)
def test_skipping_env_files_can_be_asked_for_by_a_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, default: bool, load: bool
) -> None:
    monkeypatch.setenv("FLASK_SKIP_DOTENV", value)
    assert get_load_dotenv(default) is load
    assert ScriptInfo(load_dotenv_defaults=default).load_dotenv_defaults is load


# --- groups and contexts ----------------------------------------------------------------------------------------------


def test_a_command_with_appcontext_runs_in_the_application_it_was_given(invoke: Callable[..., Result]) -> None:
    @click.command()
    @with_appcontext
    def show() -> None:
        """Say the name."""
        click.echo(current_app.name)

    result = invoke(group=show, obj=ScriptInfo(create_app=lambda: make_app("given")))
    assert result.output == "given\n"
    assert (show.name, show.help) == ("show", "Say the name.")
    assert not has_app_context()


def test_a_context_that_is_there_already_is_kept(invoke: Callable[..., Result]) -> None:
    @click.command()
    @with_appcontext
    def show() -> None:
        click.echo(current_app.name)

    with make_app("outer").app_context():
        assert invoke(group=show, obj=ScriptInfo(create_app=lambda: make_app("other"))).output == "outer\n"


def test_commands_and_subgroups_of_an_app_group_run_in_the_application(invoke: Callable[..., Result]) -> None:
    group = AppGroup("tools")

    @group.command("in")
    def inside() -> None:
        click.echo(current_app.name)

    @group.command("out", with_appcontext=False)
    def outside() -> None:
        click.echo(str(has_app_context()))

    @group.group("deeper")
    def deeper() -> None:
        pass

    @deeper.command("in")
    def deep_inside() -> None:
        click.echo(current_app.name)

    info = ScriptInfo(create_app=lambda: make_app("tooled"))
    assert isinstance(deeper, AppGroup)
    assert invoke("in", group=group, obj=info).output == "tooled\n"
    assert invoke("out", group=group, obj=info).output == "False\n"
    assert invoke("deeper", "in", group=group, obj=info).output == "tooled\n"


def test_a_subgroup_may_be_of_another_class() -> None:
    group = AppGroup("tools")
    assert type(group.group("plain", cls=click.Group)(lambda: None)) is click.Group


def test_a_flask_group_offers_the_commands_of_its_application(invoke: Callable[..., Result]) -> None:
    app = make_app("shop")

    @app.cli.command("check")
    @click.argument("word", callback=lambda ctx, param, value: (value, current_app.name))
    def check(word: tuple[str, str]) -> None:
        same = click.get_current_context().find_object(ScriptInfo)
        assert same is not None
        click.echo(f"{word} {current_app._get_current_object() is same.load_app() is app}")  # type: ignore[attr-defined]

    group = FlaskGroup(name="script", create_app=lambda: app)
    assert invoke("check", "now", group=group).output == "('now', 'shop') True\n"
    assert not has_app_context()


def test_a_command_of_another_application_does_not_see_the_context_around_it(invoke: Callable[..., Result]) -> None:
    app = make_app("inner")
    app.cli.command("show", with_appcontext=False)(lambda: click.echo(current_app.name))
    with make_app("outer").app_context():
        assert invoke("show", group=FlaskGroup(name="script", create_app=lambda: app)).output == "inner\n"
        assert current_app.name == "outer"


def test_a_flask_group_works_inside_another_group(invoke: Callable[..., Result]) -> None:
    outer = click.Group("outer")
    inner = FlaskGroup(name="inner", create_app=lambda: make_app("nested"))
    outer.add_command(inner)
    inner.command("show")(lambda: click.echo(current_app.name))
    assert invoke("inner", "show", group=outer).output == "nested\n"


def test_a_flask_group_keeps_options_and_settings_of_its_own(invoke: Callable[..., Result]) -> None:
    @click.group(
        cls=FlaskGroup,
        create_app=make_app,
        add_default_commands=False,
        add_version_option=False,
        params=[click.Option(["--colour"])],
        context_settings={"auto_envvar_prefix": "WIKI"},
    )
    def script(colour: str) -> None:
        click.echo(colour)

    script.command("nothing")(lambda: None)
    assert invoke("nothing", group=script, env={"WIKI_COLOUR": "blue"}).output == "blue\n"
    assert invoke("--version", group=script).exit_code == 2
    assert list(script.commands) == ["nothing"]


def test_running_a_command_makes_app_run_do_nothing(
    project: Project, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("werkzeug.serving.run_simple", lambda *args, **kwargs: pytest.fail("it served"))
    project.write("unguarded.py", HELLO + "app.run()\n")
    result = invoke("--app", "unguarded", "greet")
    assert result.exit_code == 0
    assert result.output == (
        " * Ignoring a call to 'app.run()' that would block the current 'flask' CLI command.\n"
        "   Only call 'app.run()' in an 'if __name__ == \"__main__\"' guard.\n"
        "greetings\n"
    )
    assert os.environ["FLASK_RUN_FROM_CLI"] == "true"


def test_a_reload_does_not_explain_again_why_app_run_does_nothing(
    project: Project, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    project.write("unguarded.py", HELLO + "app.run()\n")
    assert invoke("--app", "unguarded", "greet").output == "greetings\n"


def test_a_context_is_made_with_the_groups_own_settings() -> None:
    group = FlaskGroup(name="script", create_app=make_app, set_debug_flag=False, load_dotenv=False)
    info = group.make_context("script", ["routes"]).obj
    assert (info.create_app, info.set_debug_flag, info.load_dotenv_defaults) == (make_app, False, False)
    mine = ScriptInfo()
    assert group.make_context("script", ["routes"], obj=mine).obj is mine


def test_plugins_of_both_entry_point_groups_are_commands_and_are_loaded_once(
    project: Project, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(
        "plugins.py",
        "import click\n"
        "old = click.Command('x', callback=lambda: click.echo('flask plugin'))\n"
        "new = click.Command('x', callback=lambda: click.echo('tuile plugin'))\n",
    )
    points = {
        "flask.commands": [importlib.metadata.EntryPoint("old", "plugins:old", "flask.commands")],
        "tuile.commands": [importlib.metadata.EntryPoint("new", "plugins:new", "tuile.commands")],
    }
    asked: list[str] = []

    def entry_points(*, group: str) -> list[importlib.metadata.EntryPoint]:
        asked.append(group)
        return points[group]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    group = FlaskGroup(name="script", create_app=make_app)
    assert invoke("old", group=group).output == "flask plugin\n"
    assert invoke("new", group=group).output == "tuile plugin\n"
    assert sorted(asked) == ["flask.commands", "tuile.commands"]
    assert {"old", "new"} <= set(group.list_commands(click.Context(group)))


# --- the options that lead to an application --------------------------------------------------------------------------


def test_the_application_comes_from_the_option_or_the_variable(project: Project, invoke: Callable[..., Result]) -> None:
    project.write("hello.py", HELLO)
    assert invoke("--app", "hello", "greet").output == "greetings\n"
    assert invoke("-A", "hello:app", "greet").output == "greetings\n"
    assert invoke("greet", env={"FLASK_APP": "hello"}).output == "greetings\n"


def test_help_lists_the_commands_of_the_application_from_either(
    project: Project, invoke: Callable[..., Result]
) -> None:
    project.write("hello.py", HELLO)
    for result in (
        invoke("--app", "hello", "--help"),
        invoke("--help", env={"FLASK_APP": "hello"}),
        invoke(env={"FLASK_APP": "hello"}),
    ):
        assert not has_app_context()
        for command in ("greet", "routes", "run", "secret", "shell"):
            assert re.search(rf"^  {command}\b", result.output, re.MULTILINE)


@pytest.mark.usefixtures("project")
def test_help_is_printed_even_if_there_is_no_application(invoke: Callable[..., Result]) -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert result.stderr.startswith("Error: Could not locate a Flask application.")
    assert "Usage:" in result.stdout


def test_help_is_printed_even_if_the_application_raises(invoke: Callable[..., Result]) -> None:
    def create_app() -> Flask:
        raise LookupError("no database")

    result = invoke("--help", group=FlaskGroup(name="script", create_app=create_app))
    assert result.exit_code == 0
    assert "Traceback" in result.stderr
    assert "LookupError: no database" in result.stderr
    assert "Usage:" in result.stdout


@pytest.mark.usefixtures("project")
def test_an_unknown_command_without_an_application_says_both(invoke: Callable[..., Result]) -> None:
    result = invoke("unknown")
    assert result.exit_code == 2
    assert "FLASK_APP" in result.stderr
    assert "No such command 'unknown'" in result.stderr


def test_debug_is_set_for_the_factory_already(invoke: Callable[..., Result]) -> None:
    def create_app() -> Flask:
        app = make_app(f"FLASK_DEBUG={os.environ.get('FLASK_DEBUG')}")
        app.cli.command("show")(lambda: click.echo(f"{current_app.name} {current_app.debug}"))
        return app

    group = FlaskGroup(name="script", create_app=create_app)
    assert invoke("--debug", "show", group=group).output == "FLASK_DEBUG=1 True\n"
    assert invoke("--no-debug", "show", group=group, env={"FLASK_DEBUG": "1"}).output == "FLASK_DEBUG=0 False\n"
    assert invoke("show", group=group, env={"FLASK_DEBUG": "1"}).output == "FLASK_DEBUG=1 True\n"
    os.environ.pop("FLASK_DEBUG")
    assert invoke("show", group=group).output == "FLASK_DEBUG=None False\n"


# --- env files --------------------------------------------------------------------------------------------------------


def test_the_environment_goes_before_the_given_file_before_dotenv_before_flaskenv(project: Project) -> None:
    project.write(".flaskenv", "A=flaskenv\nB=flaskenv\nC=flaskenv\nD=flaskenv\n")
    project.write(".env", "A=env\nB=env\nC=env\n")
    given_file = project.write("given.env", "A=given\nB=given\nHAM=火腿\nNOTHING\n")
    os.environ["A"] = "environment"
    assert load_dotenv(given_file) is True
    assert [os.environ[key] for key in ("A", "B", "C", "D", "HAM")] == [
        "environment",
        "given",
        "env",
        "flaskenv",
        "火腿",
    ]
    assert "NOTHING" not in os.environ
    assert Path.cwd() == project.root


def test_env_files_are_searched_upwards_from_the_current_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(".env", "FROM_ABOVE=1")
    project.write("below/deeper/file")
    monkeypatch.chdir(project.root / "below" / "deeper")
    assert load_dotenv()
    assert os.environ["FROM_ABOVE"] == "1"


def test_default_files_can_be_left_out_and_a_missing_file_is_nothing(project: Project) -> None:
    project.write(".env", "FROM_DEFAULT=1")
    assert load_dotenv("missing.env", load_defaults=False) is False
    assert "FROM_DEFAULT" not in os.environ


@pytest.mark.parametrize("name", [".env", ".flaskenv"])
def test_a_project_names_its_application_in_an_env_file(
    project: Project, invoke: Callable[..., Result], name: str
) -> None:
    project.write("hello.py", HELLO)
    project.write(name, "FLASK_APP=hello")
    assert invoke("greet").output == "greetings\n"
    assert "greet" in invoke("--help").output


def test_an_env_file_named_on_the_command_line_overrules_the_default_one(
    project: Project, invoke: Callable[..., Result]
) -> None:
    project.write("hello.py", HELLO)
    project.write(".env", "FLASK_APP=nowhere")
    project.write("mine.env", "FLASK_APP=hello")
    assert invoke("--env-file", "mine.env", "greet").output == "greetings\n"
    os.environ.pop("FLASK_APP")
    assert invoke("greet", env={"FLASK_ENV_FILE": "mine.env"}).output == "greetings\n"


def test_a_variable_or_the_group_keeps_default_files_from_being_loaded(
    project: Project, invoke: Callable[..., Result]
) -> None:
    project.write(".env", "FROM_DEFAULT=1")
    invoke(env={"FLASK_SKIP_DOTENV": "1"})
    assert "FROM_DEFAULT" not in os.environ
    invoke(group=FlaskGroup(name="script", create_app=make_app, load_dotenv=False))
    assert "FROM_DEFAULT" not in os.environ


def test_without_dotenv_a_tip_is_given_if_a_file_waits(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    assert load_dotenv() is False
    assert capsys.readouterr().err == ""
    project.write(".env", "FROM_DEFAULT=1")
    assert load_dotenv() is False
    assert capsys.readouterr().err == (" * Tip: There are .env files present. Install python-dotenv to use them.\n")
    assert "FROM_DEFAULT" not in os.environ


def test_without_dotenv_naming_an_env_file_is_an_error(
    project: Project, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    project.write("mine.env", "FLASK_APP=hello")
    result = invoke("-e", "mine.env", "routes")
    assert result.exit_code == 2
    assert "python-dotenv must be installed to load an env file." in result.stderr


# --- run --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def served_app(served: Served) -> Flask:
    return make_app("served")


def run(app: Flask, *words: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(run_command, words, obj=ScriptInfo("shop:app", create_app=lambda: app), env=env)


def test_run_serves_the_application_on_port_5000_of_this_machine(served: Served, served_app: Flask) -> None:
    result = run(served_app)
    assert result.output == " * Serving Flask app 'shop:app'\n * Debug mode: off\n"
    assert served.args == ("127.0.0.1", 5000, served_app)
    assert served.options == {
        "use_reloader": False,
        "use_debugger": False,
        "threaded": True,
        "ssl_context": None,
        "extra_files": None,
        "exclude_patterns": None,
    }


@pytest.mark.parametrize(
    ("words", "reloader", "debugger"),
    [
        ([], False, False),
        (["--debug"], True, True),
        (["--debug", "--no-reload"], False, True),
        (["--debug", "--no-debugger"], True, False),
        (["--reload"], True, False),
        (["--debugger"], False, True),
    ],
)
def test_reloader_and_debugger_follow_debug_mode_unless_said_otherwise(
    served: Served, served_app: Flask, words: list[str], reloader: bool, debugger: bool
) -> None:
    result = run(served_app, *words)
    assert f"Debug mode: {'on' if '--debug' in words else 'off'}" in result.output
    assert served_app.debug is ("--debug" in words)
    assert (served.options["use_reloader"], served.options["use_debugger"]) == (reloader, debugger)


def test_run_passes_its_other_options_on(served: Served, served_app: Flask) -> None:
    files = os.pathsep.join([__file__, os.devnull])
    run(
        served_app,
        "-h",
        "0.0.0.0",
        "-p",
        "81",
        "--without-threads",
        "--extra-files",
        files,
        "--exclude-patterns",
        "*.log",
    )
    assert served.args[:2] == ("0.0.0.0", 81)
    assert served.options["threaded"] is False
    assert served.options["extra_files"] == [__file__, os.devnull]
    assert served.options["exclude_patterns"] == ["*.log"]


def test_every_option_of_run_can_come_from_the_environment(
    project: Project, served: Served, invoke: Callable[..., Result]
) -> None:
    project.write("hello.py", HELLO)
    invoke("--app", "hello", "run", env={"FLASK_RUN_PORT": "8080", "FLASK_RUN_RELOAD": "true", "FLASK_RUN_HOST": "::1"})
    assert served.args[:2] == ("::1", 8080)
    assert served.options["use_reloader"] is True


def test_an_application_that_fails_to_load_ends_the_command_at_once(served: Served) -> None:
    def create_app() -> Flask:
        raise LookupError("no database")

    result = CliRunner().invoke(run_command, obj=ScriptInfo(create_app=create_app))
    assert isinstance(result.exception, LookupError)
    assert served.args == ()


def test_an_application_that_fails_to_load_after_a_reload_raises_in_each_request(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_app() -> Flask:
        raise LookupError("no database")

    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    printed: list[bool] = []
    monkeypatch.setattr(traceback, "print_exc", lambda: printed.append(True))
    result = CliRunner().invoke(run_command, obj=ScriptInfo(create_app=create_app))
    assert result.exit_code == 0
    assert printed == [True]
    depths = []
    for _ in range(2):
        with pytest.raises(LookupError, match="no database") as caught:
            served.args[2]({}, lambda *args: None)
        depths.append(len(caught.traceback))
    assert depths[0] == depths[1], "the traceback grows with every request"


def test_the_banner_is_printed_once_and_can_be_replaced(
    served: Served, served_app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show_server_banner(debug=True, app_import_path=None)
    assert capsys.readouterr().out == " * Debug mode: on\n"
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    show_server_banner(debug=True, app_import_path="shop:app")
    assert capsys.readouterr().out == ""
    monkeypatch.delenv("WERKZEUG_RUN_MAIN")
    monkeypatch.setattr("tuile.cli.show_server_banner", lambda *args: None)
    assert run(served_app).output == ""


INSPECTOR_LINE = " * Inspector: add --inspect to see what each request does with cookies and the session\n"


def test_in_debug_mode_one_line_after_the_banner_names_the_inspector(
    served: Served, served_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    banner = " * Serving Flask app 'shop:app'\n * Debug mode: on\n"
    assert "--inspect" not in run(served_app).output
    assert run(served_app, "--debug").output == banner + INSPECTOR_LINE
    assert "add --inspect" not in run(served_app, "--debug", "--inspect", "--no-reload").output
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    assert run(served_app, "--debug").output == ""
    monkeypatch.delenv("WERKZEUG_RUN_MAIN")
    monkeypatch.setattr("tuile.cli.show_server_banner", lambda *args: None)
    assert run(served_app, "--debug").output == ""


def options_of(*words: str) -> dict[str, Any]:
    return run_command.make_context("run", list(words)).params


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cert", __file__], 'Required when using "--cert".'),
        (["--key", __file__], '"--cert" must also be specified.'),
        (["--cert", "adhoc", "--key", __file__], 'When "--cert" is "adhoc", "--key" is not used.'),
        (["--cert", "a_context", "--key", __file__], 'When "--cert" is an SSLContext object, "--key" is not used.'),
        (["--cert", "not_here"], "File 'not_here' does not exist."),
        (["--cert", "tuile"], "File 'tuile' does not exist."),
    ],
)
def test_certificate_and_key_must_fit_together(
    project: Project, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.setitem(sys.modules, "a_context", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    with pytest.raises(click.BadParameter) as caught:
        options_of(*words)
    assert caught.value.message == message


def test_certificate_and_key_files_are_passed_as_a_pair_in_any_order() -> None:
    for words in (["--cert", __file__, "--key", __file__], ["--key", __file__, "--cert", __file__]):
        path = os.path.realpath(__file__)
        assert options_of(*words)["cert"] == (path, path)


def test_a_certificate_may_be_an_ssl_context_to_import(project: Project) -> None:
    project.write("certificates.py", "import ssl\nContext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)")
    assert isinstance(options_of("--cert", "certificates.Context")["cert"], ssl.SSLContext)


def test_an_adhoc_certificate_needs_the_cryptography_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", types.ModuleType("cryptography"))
    assert options_of("--cert", "AdHoc")["cert"] == "adhoc"
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(click.BadParameter, match="Using ad-hoc certificates requires the cryptography library"):
        options_of("--cert", "adhoc")


def test_a_python_without_ssl_takes_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssl", None)
    with pytest.raises(click.BadParameter, match="requires Python to be compiled with SSL support"):
        options_of("--cert", __file__)


# --- shell ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def interacted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Record the arguments of `code.interact` instead of opening a shell."""
    call: dict[str, Any] = {}
    monkeypatch.setattr(code, "interact", lambda **kwargs: call.update(kwargs))
    monkeypatch.setattr(sys, "__interactivehook__", lambda: call.update(hooked=True), raising=False)
    return call


def test_the_shell_has_the_names_of_the_application(interacted: dict[str, Any], invoke: Callable[..., Result]) -> None:
    app = make_app("shelled")
    app.shell_context_processor(lambda: {"answer": 42})
    invoke("shell", group=FlaskGroup(name="script", create_app=lambda: app))
    assert interacted["local"]["app"] is app
    assert interacted["local"]["answer"] == 42
    assert interacted["hooked"] is True
    assert interacted["banner"] == (
        f"Python {sys.version} on {sys.platform}\nApp: shelled\nInstance: {app.instance_path}"
    )


def test_the_shell_runs_the_startup_file_and_the_application_goes_before_it(
    project: Project, interacted: dict[str, Any], invoke: Callable[..., Result]
) -> None:
    startup = project.write(
        "startup.py",
        "# coding: utf-8\nham = '火腿'\napp = 'not this one'\n"
        "def f(a: int): ...\nkind = type(f.__annotations__['a'])\n",
    )
    app = make_app()
    group = FlaskGroup(name="script", create_app=lambda: app)
    invoke("shell", group=group, env={"PYTHONSTARTUP": str(startup)})
    assert (interacted["local"]["ham"], interacted["local"]["app"]) == ("火腿", app)
    assert interacted["local"]["kind"] is type, "the file was compiled with another file's __future__"
    assert invoke("shell", group=group, env={"PYTHONSTARTUP": "missing"}).exit_code == 0


def test_the_shell_does_without_a_hook_and_without_readline(
    interacted: dict[str, Any], invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    group = FlaskGroup(name="script", create_app=make_app)
    monkeypatch.setitem(sys.modules, "readline", None)
    assert invoke("shell", group=group).exit_code == 0
    assert interacted.pop("hooked") is True
    monkeypatch.delattr(sys, "__interactivehook__")
    assert invoke("shell", group=group).exit_code == 0
    assert "hooked" not in interacted


# --- routes -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def routed() -> FlaskGroup:
    app = make_app()
    app.add_url_rule("/get_post/<int:x>", methods=["GET", "POST"], endpoint="yyy_get_post")
    app.add_url_rule("/zzz", methods=["POST"], endpoint="aaa_post")
    app.add_url_rule("/get", endpoint="bbb_get")
    return FlaskGroup(name="script", create_app=lambda: app)


def endpoints(result: Result) -> list[str]:
    return [line.split()[0] for line in result.output.splitlines()[2:]]


def test_routes_is_a_table_sorted_by_endpoint(routed: FlaskGroup, invoke: Callable[..., Result]) -> None:
    lines = [line.rstrip() for line in invoke("routes", group=routed).output.splitlines()]
    assert lines == [
        "Endpoint      Methods    Rule",
        "------------  ---------  -----------------",
        "aaa_post      POST       /zzz",
        "bbb_get       GET        /get",
        "yyy_get_post  GET, POST  /get_post/<int:x>",
    ]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("endpoint", ["aaa_post", "bbb_get", "yyy_get_post"]),
        ("methods", ["bbb_get", "yyy_get_post", "aaa_post"]),
        ("rule", ["bbb_get", "yyy_get_post", "aaa_post"]),
    ],
)
def test_routes_sorts_by_any_column(
    routed: FlaskGroup, invoke: Callable[..., Result], sort: str, order: list[str]
) -> None:
    assert endpoints(invoke("routes", "--sort", sort, group=routed)) == order


@pytest.mark.parametrize("sort", ["match", "domain"])
def test_routes_stays_in_the_order_of_matching_if_there_is_no_such_column(
    routed: FlaskGroup, invoke: Callable[..., Result], sort: str
) -> None:
    assert routed.create_app is not None
    order = [rule.endpoint for rule in routed.create_app().url_map.iter_rules()]
    assert endpoints(invoke("routes", "-s", sort, group=routed)) == order


def test_routes_shows_head_and_options_when_asked(routed: FlaskGroup, invoke: Callable[..., Result]) -> None:
    assert "HEAD" not in invoke("routes", group=routed).output
    assert "GET, HEAD, OPTIONS, POST" in invoke("routes", "--all-methods", group=routed).output


def test_routes_says_if_there_are_none(invoke: Callable[..., Result]) -> None:
    assert (
        invoke("routes", group=FlaskGroup(name="script", create_app=make_app)).output == "No routes were registered.\n"
    )


@pytest.mark.parametrize(("host_matching", "heading"), [(False, "Subdomain"), (True, "Host")])
def test_routes_has_a_column_for_domains_and_sorts_by_it(
    invoke: Callable[..., Result], host_matching: bool, heading: str
) -> None:
    app = Flask("domains", static_folder=None, host_matching=host_matching)
    for rule, endpoint, domain in (("/1", "first", "z"), ("/2", "second", "a")):
        if host_matching:
            app.add_url_rule(rule, endpoint, host=domain)
        else:
            app.add_url_rule(rule, endpoint, subdomain=domain)
    result = invoke("routes", "--sort", "domain", group=FlaskGroup(name="script", create_app=lambda: app))
    assert result.output.split()[:4] == ["Endpoint", "Methods", heading, "Rule"]
    assert endpoints(result) == ["second", "first"]


# --- secret and version -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_secret_prints_another_key_of_256_bits_each_time_and_needs_no_application(
    invoke: Callable[..., Result],
) -> None:
    first, second = invoke("secret"), invoke("secret")
    assert re.fullmatch(r"[0-9a-f]{64}\n", first.output)
    assert first.output != second.output
    assert first.stderr == ""


def test_secret_is_no_command_of_somebody_elses_group() -> None:
    assert "secret" not in FlaskGroup(name="script", create_app=make_app).commands


def test_version_names_what_a_bug_report_should(invoke: Callable[..., Result]) -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == f"Python {platform.python_version()}"
    assert lines[1].startswith("Tuile ")
    assert lines[2].startswith("Flask 3.1.3")
    assert lines[3] == f"Werkzeug {importlib.metadata.version('werkzeug')}"


def test_version_is_silent_during_completion(capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(tuile.cli.cli, resilient_parsing=True)
    get_version(context, tuile.cli.version_option, value=True)
    assert capsys.readouterr().out == ""


def test_version_of_a_source_tree_says_that_it_is_one(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "tuile":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert "Tuile (not installed, run from its source)\n" in invoke("--version").output


# --- the program itself -----------------------------------------------------------------------------------------------


def program_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(tuile.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}


def program(project: Project, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tuile", *words],
        cwd=project.root,
        env=program_environment(),
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_python_m_tuile_lists_the_routes_of_a_factory_with_arguments(project: Project) -> None:
    project.write("factory.py", FACTORY)
    result = program(project, "--app", "factory:create_app('shop', route='/shelf')", "routes")
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1].split() == ["shop", "GET", "/shelf"]


def test_python_m_tuile_reads_an_env_file_and_the_current_directory(project: Project) -> None:
    project.write("sub/hello.py", HELLO)
    project.write(".env", "FLASK_APP=sub/hello.py")
    result = program(project, "greet")
    assert (result.stdout, result.stderr) == ("greetings\n", "")


def test_python_m_tuile_says_what_is_wrong_and_fails(project: Project) -> None:
    result = program(project, "--app", "nowhere", "routes")
    assert result.returncode == 2
    assert "Usage: python -m tuile routes" in result.stderr
    assert "Error: Could not import 'nowhere'." in result.stderr


def test_a_shell_in_a_process_of_its_own_evaluates_in_the_applications_context(project: Project) -> None:
    project.write("app.py", HELLO)
    result = program(project, "shell", text="from tuile import current_app\nprint('I am', current_app.name)\n")
    assert "I am hello" in result.stdout


def test_run_serves_requests_until_it_is_stopped(project: Project) -> None:
    project.write("hello.py", HELLO)
    server = subprocess.Popen(
        [sys.executable, "-m", "tuile", "--app", "hello", "run", "--port", "0"],
        cwd=project.root,
        env=program_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # A server that says nothing is killed, which ends its output and so the loop below.
    deadline = threading.Timer(20, server.kill)
    deadline.start()
    try:
        assert server.stdout is not None
        output = ""
        address = None
        for line in server.stdout:
            output += line
            if address := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
                break
        assert address is not None, output
        with urllib.request.urlopen(address[1], timeout=120) as response:  # noqa: S310 - an address of our own server
            assert response.read() == b"Hello from the command line!"
        assert output.startswith(" * Serving Flask app 'hello'\n * Debug mode: off\n")
    finally:
        deadline.cancel()
        server.terminate()
        server.communicate(timeout=120)
