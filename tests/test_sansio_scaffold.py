"""The registries that an application and a blueprint share."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import NotFound

from tests.beside_flask import outcome, same
from tuile import Blueprint, Flask
from tuile.sansio.scaffold import Scaffold, _endpoint_from_view_func, setupmethod

HERE = Path(__file__).parent
REGISTRIES = [
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "url_value_preprocessors",
    "url_default_functions",
]


@pytest.fixture(params=["app", "blueprint"])
def scaffold(request: pytest.FixtureRequest, tmp_path: Path) -> Scaffold:
    root = str(tmp_path)
    if request.param == "app":
        return Flask("shop", root_path=root, static_folder=None)
    return Blueprint("shop", "shop", root_path=root)


def test_a_new_object_has_every_registry_in_flasks_shape(scaffold: Scaffold) -> None:
    for name in REGISTRIES:
        registry = getattr(scaffold, name)
        assert isinstance(registry, defaultdict)
        assert registry == {}
        assert registry["new"] == []
    assert scaffold.error_handler_spec == {}
    assert scaffold.error_handler_spec["new"][404] == {}
    assert scaffold.view_functions == {}
    (default,) = scaffold.template_context_processors[None]
    assert default() == {}


@pytest.mark.parametrize(
    ("method", "registry"),
    [
        ("before_request", "before_request_funcs"),
        ("after_request", "after_request_funcs"),
        ("teardown_request", "teardown_request_funcs"),
        ("url_value_preprocessor", "url_value_preprocessors"),
        ("url_defaults", "url_default_functions"),
        ("context_processor", "template_context_processors"),
    ],
)
def test_a_hook_is_appended_for_everything_its_owner_handles(scaffold: Scaffold, method: str, registry: str) -> None:
    def hook(*args: Any) -> Any:
        return None

    def later(*args: Any) -> Any:
        return None

    assert getattr(scaffold, method)(hook) is hook
    getattr(scaffold, method)(later)
    assert getattr(scaffold, registry)[None][-2:] == [hook, later]


def test_a_registry_that_was_replaced_by_a_plain_dict_still_takes_hooks(scaffold: Scaffold) -> None:
    scaffold.url_default_functions = {}

    @scaffold.url_defaults
    def add_language(endpoint: str, values: dict[str, Any]) -> None:
        values["language"] = "de"

    assert scaffold.url_default_functions == {None: [add_language]}


def test_the_repr_shows_class_and_name(scaffold: Scaffold) -> None:
    assert repr(scaffold) == f"<{type(scaffold).__name__} 'shop'>"


# Routes


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_method_decorator_registers_that_method_alone(method: str) -> None:
    app = Flask(__name__)

    @getattr(app, method)("/thing", endpoint="named")  # type: ignore[untyped-decorator] # looked up by name
    def thing() -> str:
        return "here"

    (rule,) = app.url_map.iter_rules("named")
    assert (rule.methods or set()) - {"HEAD", "OPTIONS"} == {method.upper()}
    assert app.view_functions["named"] is thing


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_a_method_decorator_refuses_other_methods(scaffold: Scaffold, method: str) -> None:
    with pytest.raises(TypeError, match="Use the 'route' decorator to use the 'methods' argument"):
        getattr(scaffold, method)("/", methods=["POST"])


def test_an_endpoint_option_names_only_the_first_function_of_a_reused_decorator() -> None:
    app = Flask(__name__)
    at_home = app.route("/", endpoint="home")

    def first() -> str:
        return "first"

    def second() -> str:
        return "second"

    at_home(first)
    at_home(second)
    assert app.view_functions["home"] is first
    assert app.view_functions["second"] is second


def test_the_endpoint_decorator_sets_the_view_of_a_rule_added_without_one() -> None:
    app = Flask(__name__)
    app.add_url_rule("/late", endpoint="late")

    @app.endpoint("late")
    def answer() -> str:
        return "better than never"

    assert app.test_client().get("/late").text == "better than never"


def test_a_rule_with_neither_endpoint_nor_view_is_refused() -> None:
    with pytest.raises(AssertionError, match="expected view func if endpoint is not provided"):
        _endpoint_from_view_func(None)


def test_a_scaffold_by_itself_registers_nothing() -> None:
    bare = Scaffold("bare")
    with pytest.raises(NotImplementedError):
        bare.before_request(lambda: None)
    with pytest.raises(NotImplementedError):
        bare._check_setup_finished("route")


def test_a_setup_method_asks_before_it_runs_and_keeps_its_name() -> None:
    asked: list[str] = []

    class Closed(Scaffold):
        def _check_setup_finished(self, f_name: str) -> None:
            asked.append(f_name)

        @setupmethod
        def add(self, number: int) -> int:
            """Add one."""
            return number + 1

    assert Closed("closed").add(1) == 2
    assert asked == ["add"]
    assert (Closed.add.__name__, Closed.add.__doc__) == ("add", "Add one.")


# Error handlers


def test_a_status_code_and_its_exception_class_are_the_same_registration(scaffold: Scaffold) -> None:
    def by_code(error: Exception) -> str:
        return "code"

    def by_class(error: Exception) -> str:
        return "class"

    scaffold.errorhandler(404)(by_code)
    assert scaffold.error_handler_spec[None][404] == {NotFound: by_code}
    scaffold.register_error_handler(NotFound, by_class)
    assert scaffold.error_handler_spec[None][404] == {NotFound: by_class}
    scaffold.register_error_handler(KeyError, by_class)
    assert scaffold.error_handler_spec[None][None] == {KeyError: by_class}


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (
            999,
            ValueError,
            "'999' is not a recognized HTTP error code. Use a subclass of HTTPException with that code instead.",
        ),
        (
            KeyError("x"),
            TypeError,
            (
                "KeyError('x') is an instance, not a class. Handlers can only be registered for Exception classes or"
                " HTTP error codes."
            ),
        ),
        (
            dict,
            ValueError,
            (
                "'dict' is not a subclass of Exception. Handlers can only be registered for Exception classes or HTTP"
                " error codes."
            ),
        ),
    ],
)
def test_what_is_no_error_cannot_have_a_handler(
    scaffold: Scaffold, given: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        scaffold.register_error_handler(given, str)
    assert str(caught.value) == message
    assert scaffold.error_handler_spec == {}


# Files


def test_without_a_static_folder_there_is_no_static_path(scaffold: Scaffold) -> None:
    assert not scaffold.has_static_folder
    assert scaffold.static_folder is None
    assert scaffold.static_url_path is None


@pytest.mark.parametrize("folder", ["files/public", "files/public/", Path("files/public")])
def test_a_static_folder_lies_below_the_root_path_and_names_the_url(
    scaffold: Scaffold, tmp_path: Path, folder: str | Path
) -> None:
    scaffold.static_folder = folder
    assert scaffold.has_static_folder
    assert scaffold.static_folder == str(tmp_path / "files" / "public")
    assert scaffold.static_url_path == "/public"
    scaffold.static_url_path = "/assets/"
    assert scaffold.static_url_path == "/assets"


def test_an_absolute_static_folder_stays_where_it_is(scaffold: Scaffold) -> None:
    scaffold.static_folder = str(HERE)
    assert scaffold.static_folder == str(HERE)


def test_the_template_loader_looks_below_the_root_path(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("a", "utf-8")
    blueprint = Blueprint("b", "b", root_path=str(tmp_path), template_folder="pages")
    assert blueprint.jinja_loader is not None
    assert blueprint.jinja_loader is blueprint.jinja_loader
    assert blueprint.jinja_loader.list_templates() == ["a.html"]
    assert Blueprint("c", "c", root_path=str(tmp_path)).jinja_loader is None


# What a request imports


def test_a_served_request_needs_neither_click_nor_jinja() -> None:
    script = """
import sys
from tuile import Blueprint, Flask
app = Flask("app", root_path=".")
part = Blueprint("part", "part", root_path=".", url_prefix="/part")
part.add_url_rule("/", "index", lambda: "hello")
app.register_blueprint(part)
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/part/", "QUERY_STRING": "", "SERVER_NAME": "localhost",
           "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr}
assert b"".join(app(environ, lambda *answer: None)) == b"hello"
print([name for name in ("click", "jinja2", "tuile.cli") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HOOKS = {
    "before_request": "before_request_funcs",
    "after_request": "after_request_funcs",
    "teardown_request": "teardown_request_funcs",
    "context_processor": "template_context_processors",
    "url_value_preprocessor": "url_value_preprocessors",
    "url_defaults": "url_default_functions",
}


class Copies(dict[Any, Any]):
    """What it has is read as a copy, and notes what is set."""

    def get(self, key: Any, default: Any = None) -> Any:
        return tuple(dict.get(self, key) or ())

    def setdefault(self, key: Any, default: Any = None) -> Any:
        super().setdefault("set", []).append(key)
        return super().setdefault(key, default)


REPLACED: dict[str, Any] = {
    "as it is": None,
    "a dict": dict,
    "a dict with a list": lambda: {None: []},
    "a dict with a filled list": lambda: {None: [len]},
    "a dict with None": lambda: {None: None},
    "another defaultdict": lambda: defaultdict(list),
    "copies": lambda: Copies({None: []}),
    "copies of nothing": Copies,
}
OF_REQUESTS = {"a dict", "copies", "copies of nothing"}


# For some of the hooks Flask calls no `setdefault`, and raises a KeyError if the registry is a dict that has nothing.
@pytest.mark.parametrize(
    ("hook", "replaced"),
    [(hook, one) for hook in HOOKS for one in REPLACED if one not in OF_REQUESTS or hook.endswith("_request")],
)
def test_functions_are_registered_as_by_flask_whatever_stands_for_a_registry(hook: str, replaced: str) -> None:
    def program(framework: Any) -> Any:
        found: list[Any] = []
        for owner in (
            framework.Flask("shop", root_path="/", static_folder=None),
            framework.Blueprint("shop", "shop", root_path="/"),
        ):
            make = REPLACED[replaced]
            if make is not None:
                setattr(owner, HOOKS[hook], make())
            registry = getattr(owner, HOOKS[hook])
            for function in (repr, ascii):
                result = outcome(getattr(owner, hook), function)
                found.append((result[0], result[1:] if result[0] == "raised" else result[1] is function))
            functions = registry.get(None)
            found.append([one for one in functions if one in {repr, ascii, len}] if functions else functions)
            found.append([scope for scope in registry if scope is not None])
        return found

    same(program)


def test_the_first_function_is_run_though_requests_were_served_without(tmp_path: Path) -> None:
    app = Flask("shop", root_path=str(tmp_path), static_folder=None)
    app.add_url_rule("/", view_func=lambda: "hello")
    client, seen = app.test_client(), []
    for _ in range(40):
        assert client.get("/").text == "hello"
    for hook in ("before_request", "after_request", "teardown_request", "url_value_preprocessor"):
        app._got_first_request = False

        def note(*given: Any, hook: str = hook) -> Any:
            seen.append(hook)
            return given[0] if hook == "after_request" else None

        getattr(app, hook)(note)
        app._got_first_request = True
        client.get("/")
        assert hook in seen
