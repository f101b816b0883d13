"""Blueprints: registrations that are recorded and applied later."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from tuile import Blueprint, Flask, abort, g, render_template_string, request, url_for
from tuile.blueprints import BlueprintSetupState

if TYPE_CHECKING:
    from pathlib import Path

    from tuile import Response
    from tuile.sansio.app import App


@pytest.fixture
def app() -> Flask:
    return Flask(__name__, static_folder=None)


@pytest.fixture
def part() -> Blueprint:
    return Blueprint("part", __name__)


def endpoint_name() -> str:
    return str(request.endpoint)


def rules(app: Flask) -> dict[str, str]:
    return {rule.rule: rule.endpoint for rule in app.url_map.iter_rules()}


# Names


@pytest.mark.parametrize(
    ("name", "message"), [("", "'name' may not be empty."), ("a.b", "'name' may not contain a dot '.' character.")]
)
def test_a_blueprints_name_is_one_word(name: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared below
        Blueprint(name, __name__)
    assert str(caught.value) == message


def test_an_endpoint_has_no_dot_in_it(part: Blueprint) -> None:
    with pytest.raises(ValueError, match=r"'endpoint' may not contain a dot '\.' character\."):
        part.add_url_rule("/", "a.b", endpoint_name)

    def view() -> str:
        return ""

    view.__name__ = "a.b"
    with pytest.raises(ValueError, match=r"'view_func' name may not contain a dot '\.' character\."):
        part.add_url_rule("/", view_func=view)


def test_a_view_without_a_name_is_fine_when_the_endpoint_has_one(app: Flask, part: Blueprint) -> None:
    class Callable:
        def __call__(self) -> str:
            return "called"

    part.add_url_rule("/", "named", Callable())
    app.register_blueprint(part)
    assert app.test_client().get("/").text == "called"


# One registration


@pytest.mark.parametrize(
    ("prefix", "rule", "joined"),
    [
        (None, "/x", "/x"),
        ("/p", "/x", "/p/x"),
        ("/p/", "/x", "/p/x"),
        ("/p", "", "/p"),
        ("/p/", "", "/p/"),
        ("/p", "/", "/p/"),
        ("/", "/", "/"),
        ("/", "/x", "/x"),
        ("", "/x", "/x"),
    ],
)
def test_the_prefix_goes_before_each_rule(app: Flask, prefix: str | None, rule: str, joined: str) -> None:
    part = Blueprint("part", __name__, url_prefix=prefix)
    part.add_url_rule(rule, "index", endpoint_name)
    app.register_blueprint(part)
    assert rules(app) == {joined: "part.index"}
    assert app.test_client().get(joined).text == "part.index"


def test_the_registrations_options_win_over_the_blueprints_own(app: Flask) -> None:
    part = Blueprint("part", __name__, url_prefix="/own", url_defaults={"a": 1, "b": 1})

    @part.route("/<c>", defaults={"d": 4})
    def show(**values: Any) -> dict[str, Any]:
        return values

    app.register_blueprint(part, url_prefix="/given", name="renamed", url_defaults={"b": 2})
    assert rules(app) == {"/given/<c>": "renamed.show"}
    assert app.test_client().get("/given/3").json == {"a": 1, "b": 2, "c": "3", "d": 4}


def test_the_url_defaults_of_two_registrations_stay_apart(app: Flask, part: Blueprint) -> None:
    part.add_url_rule("/", "index", lambda which: which)
    app.register_blueprint(part, name="one", url_prefix="/1", url_defaults={"which": "first"})
    app.register_blueprint(part, name="two", url_prefix="/2", url_defaults={"which": "second"})
    client = app.test_client()
    assert [client.get("/1/").text, client.get("/2/").text] == ["first", "second"]
    assert part.url_values_defaults == {}


def test_a_taken_name_is_refused_and_the_message_says_by_whom(app: Flask, part: Blueprint) -> None:
    app.register_blueprint(part)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared below
        app.register_blueprint(part)
    assert str(caught.value) == (
        "The name 'part' is already registered for this blueprint. Use 'name=' to provide a unique name."
    )
    with pytest.raises(ValueError, match=r"The name 'part' is already registered for a different blueprint\. Use"):
        app.register_blueprint(Blueprint("part", __name__))
    outer = Blueprint("outer", __name__)
    for _ in range(2):
        outer.register_blueprint(Blueprint("inner", __name__))
    with pytest.raises(ValueError, match=r"'inner' is already registered for a different blueprint 'outer\.inner'"):
        app.register_blueprint(outer)


def test_a_blueprint_is_known_by_its_registered_name(app: Flask, part: Blueprint) -> None:
    app.register_blueprint(part, name="other")
    assert app.blueprints == {"other": part}
    assert list(app.iter_blueprints()) == [part]


def test_recorded_functions_receive_the_registrations_state(app: Flask, part: Blueprint) -> None:
    states: list[BlueprintSetupState] = []
    once: list[BlueprintSetupState] = []
    part.record(states.append)
    part.record_once(once.append)
    app.register_blueprint(part, url_prefix="/x", extra=5)
    app.register_blueprint(part, name="again", subdomain="shop")
    first, second = states
    assert once == [first]
    assert (first.app, first.blueprint, first.first_registration) == (app, part, True)
    assert (first.name, first.url_prefix, first.options["extra"]) == ("part", "/x", 5)
    assert (second.name, second.subdomain, second.first_registration) == ("again", "shop", False)


def test_what_is_recorded_once_runs_once_for_each_application(part: Blueprint) -> None:
    apps: list[App] = []
    part.record_once(lambda state: apps.append(state.app))
    one, two = Flask(__name__), Flask(__name__)
    one.register_blueprint(part)
    two.register_blueprint(part)
    two.register_blueprint(part, name="again")
    assert apps == [one, two]


def test_a_subclass_may_hand_out_a_state_of_its_own(app: Flask) -> None:
    class State(BlueprintSetupState):
        colour = "green"

    class Painted(Blueprint):
        def make_setup_state(
            self, app: App, options: dict[str, Any], first_registration: bool = False
        ) -> BlueprintSetupState:
            return State(self, app, options, first_registration)

    states: list[BlueprintSetupState] = []
    painted = Painted("painted", __name__)
    painted.record(states.append)
    app.register_blueprint(painted)
    assert [state.colour for state in states if isinstance(state, State)] == ["green"]


def test_a_registered_blueprint_takes_no_further_registrations(app: Flask, part: Blueprint) -> None:
    app.register_blueprint(part)
    message = (
        "The setup method 'route' can no longer be called on the blueprint 'part'. It has already been registered"
        " at least once, any changes will not be applied consistently.\nMake sure all imports, decorators,"
        " functions, etc. needed to set up the blueprint are done before registering it."
    )
    with pytest.raises(AssertionError) as caught:
        part.route("/late")
    assert str(caught.value) == message
    with pytest.raises(AssertionError, match="'record'"):
        part.record(lambda state: None)


# Hooks


def test_a_blueprints_hooks_run_for_its_own_requests_alone(app: Flask, part: Blueprint) -> None:
    seen: list[str] = []
    part.before_request(lambda: seen.append("before"))
    part.teardown_request(lambda error: seen.append("teardown"))
    part.url_value_preprocessor(lambda endpoint, values: seen.append(f"values of {endpoint}"))

    @part.after_request
    def after(response: Response) -> Response:
        seen.append("after")
        return response

    part.add_url_rule("/inside", "inside", endpoint_name)
    app.add_url_rule("/outside", "outside", endpoint_name)
    app.register_blueprint(part)
    client = app.test_client()
    client.get("/outside")
    assert seen == []
    client.get("/inside")
    assert seen == ["values of part.inside", "before", "after", "teardown"]


def test_the_hooks_for_the_whole_application_run_for_every_request_and_once_each(app: Flask, part: Blueprint) -> None:
    seen: list[str] = []
    part.before_app_request(lambda: seen.append("before"))
    part.teardown_app_request(lambda error: seen.append("teardown"))
    part.app_url_value_preprocessor(lambda endpoint, values: seen.append("values"))
    part.app_url_defaults(lambda endpoint, values: values.setdefault("page", 1))

    @part.after_app_request
    def after(response: Response) -> Response:
        seen.append("after")
        return response

    @app.route("/outside")
    def outside() -> str:
        return url_for("outside")

    app.register_blueprint(part)
    app.register_blueprint(part, name="again")
    assert app.test_client().get("/outside").text == "/outside?page=1"
    assert seen == ["values", "before", "after", "teardown"]


def test_error_handlers_answer_for_the_blueprint_or_for_the_whole_application(app: Flask, part: Blueprint) -> None:
    part.errorhandler(403)(lambda error: ("the blueprint's", 403))
    part.app_errorhandler(404)(lambda error: ("for everyone", 404))
    part.register_error_handler(ZeroDivisionError, lambda error: ("divided", 500))
    part.add_url_rule("/forbidden", "forbidden", lambda: abort(403))
    part.add_url_rule("/divide", "divide", lambda: str(1 // 0))
    app.add_url_rule("/forbidden-too", "forbidden_too", lambda: abort(403))
    app.register_blueprint(part)
    client = app.test_client()
    assert client.get("/forbidden").text == "the blueprint's"
    assert client.get("/divide").text == "divided"
    assert client.get("/nowhere").text == "for everyone"
    assert "the blueprint's" not in client.get("/forbidden-too").text


def test_the_handlers_of_an_application_and_of_a_blueprint_are_different_dicts(app: Flask, part: Blueprint) -> None:
    part.register_error_handler(KeyError, lambda error: "key")
    app.register_blueprint(part)
    app.error_handler_spec["part"][None].clear()
    assert list(part.error_handler_spec[None][None]) == [KeyError]


def test_hooks_that_an_extension_put_under_a_scope_land_under_the_dotted_scope(app: Flask, part: Blueprint) -> None:
    def hook() -> None:
        return None

    part.before_request_funcs["inner"].append(hook)
    app.register_blueprint(part)
    assert app.before_request_funcs["part.inner"] == [hook]


def test_views_set_by_endpoint_become_the_applications(app: Flask, part: Blueprint) -> None:
    part.endpoint("elsewhere")(endpoint_name)
    app.add_url_rule("/elsewhere", endpoint="elsewhere")
    app.register_blueprint(part)
    assert app.test_client().get("/elsewhere").text == "elsewhere"


# Templates


def test_filters_tests_and_globals_have_the_functions_name_or_the_one_given(app: Flask, part: Blueprint) -> None:
    @part.app_template_filter()
    def shout(text: str) -> str:
        return text.upper() + "!"

    @part.app_template_test("tiny")
    def is_small(number: int) -> bool:
        return number < 3

    @part.app_template_global()
    def seven() -> int:
        return 7

    part.add_app_template_filter(shout, "yell")
    part.add_app_template_test(is_small)
    part.add_app_template_global(seven, "sieben")
    app.register_blueprint(part)
    source = "{{ 'hi'|shout }} {{ 'ho'|yell }} {{ 1 is tiny }} {{ 5 is is_small }} {{ seven() + sieben() }}"
    with app.app_context():
        assert render_template_string(source) == "HI! HO! True False 14"


def test_a_context_processor_serves_the_blueprint_or_the_whole_application(app: Flask, part: Blueprint) -> None:
    part.context_processor(lambda: {"inner": "inner"})
    part.app_context_processor(lambda: {"outer": "outer"})

    def page() -> str:
        return render_template_string("{{ inner }}-{{ outer }}")

    part.add_url_rule("/in", "page", page)
    app.add_url_rule("/out", "page", page)
    app.register_blueprint(part)
    client = app.test_client()
    assert client.get("/in").text == "inner-outer"
    assert client.get("/out").text == "-outer"


# Files


def test_a_blueprint_serves_its_static_folder_below_its_prefix(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.txt").write_text("from the blueprint", "utf-8")

    class Patient(Blueprint):
        def get_send_file_max_age(self, filename: str | None) -> int:
            return 77

    part = Patient("part", __name__, root_path=str(tmp_path), static_folder="assets", url_prefix="/part")
    app.register_blueprint(part)
    with app.test_client().get("/part/assets/a.txt") as response:
        assert response.get_data() == b"from the blueprint"
        assert response.cache_control.max_age == 77
    with app.test_request_context():
        assert url_for("part.static", filename="a.txt") == "/part/assets/a.txt"


def test_a_text_resource_is_utf8_unless_said_otherwise(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes("süß".encode())
    with Blueprint("part", __name__, root_path=str(tmp_path)).open_resource("note.txt", "r") as text:
        assert text.read() == "süß"


# Nesting


def test_nested_prefixes_and_names_add_up(app: Flask) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/parent/")
    child = Blueprint("child", __name__)
    grandchild = Blueprint("grandchild", __name__, url_prefix="/never")
    child.register_blueprint(grandchild, url_prefix="/grandchild")
    parent.register_blueprint(child, url_prefix="/child", name="kid")
    for blueprint in (parent, child, grandchild):
        blueprint.add_url_rule("/", "index", endpoint_name)
    app.register_blueprint(parent)
    assert rules(app) == {
        "/parent/": "parent.index",
        "/parent/child/": "parent.kid.index",
        "/parent/child/grandchild/": "parent.kid.grandchild.index",
    }
    assert sorted(app.blueprints) == ["parent", "parent.kid", "parent.kid.grandchild"]


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (None, None, "/x"),
        ("/o", None, "/o/x"),
        (None, "/i", "/i/x"),
        ("/o", "/i", "/o/i/x"),
        ("/o/", "i/", "/o/i/x"),
        ("/o", "", "/o/x"),
    ],
)
def test_a_prefix_that_is_not_there_leaves_the_other_alone(
    app: Flask, outer: str | None, inner: str | None, expected: str
) -> None:
    parent = Blueprint("parent", __name__, url_prefix=outer)
    child = Blueprint("child", __name__, url_prefix=inner)
    child.add_url_rule("/x", "x", endpoint_name)
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert rules(app) == {expected: "parent.child.x"}


@pytest.mark.parametrize(
    ("outer", "inner", "option", "expected"),
    [
        ("api", None, None, "api"),
        (None, "v1", None, "v1"),
        ("api", "v1", None, "v1.api"),
        ("api", "v1", "v2", "v2.api"),
        (None, None, None, ""),
    ],
)
def test_nested_subdomains_add_up_from_the_inside(
    outer: str | None, inner: str | None, option: str | None, expected: str
) -> None:
    app = Flask(__name__, static_folder=None, subdomain_matching=True)
    parent = Blueprint("parent", __name__, subdomain=outer)
    child = Blueprint("child", __name__, subdomain=inner)
    child.add_url_rule("/", "index", endpoint_name)
    parent.register_blueprint(child, **({} if option is None else {"subdomain": option}))
    app.register_blueprint(parent)
    assert [rule.subdomain for rule in app.url_map.iter_rules()] == [expected]


def test_nested_hooks_run_from_the_outside_in_and_back(app: Flask) -> None:
    seen: list[str] = []

    def after(name: str) -> Any:
        def note(response: Response) -> Response:
            seen.append(f"after {name}")
            return response

        return note

    blueprints = [Blueprint(name, __name__) for name in ("a", "b", "c")]
    for blueprint in blueprints:
        name = blueprint.name
        blueprint.before_request(lambda name=name: seen.append(f"before {name}"))
        blueprint.after_request(after(name))
    first, second, third = blueprints
    third.add_url_rule("/", "index", endpoint_name)
    second.register_blueprint(third)
    first.register_blueprint(second)
    app.register_blueprint(first)
    assert app.test_client().get("/").text == "a.b.c.index"
    assert seen == ["before a", "before b", "before c", "after c", "after b", "after a"]


def test_a_parent_registered_twice_brings_its_children_twice(app: Flask) -> None:
    parent = Blueprint("parent", __name__)
    child = Blueprint("child", __name__)
    child.add_url_rule("/", "index", endpoint_name)
    parent.register_blueprint(child, url_prefix="/c")
    app.register_blueprint(parent, url_prefix="/1")
    app.register_blueprint(parent, url_prefix="/2", name="other")
    assert rules(app) == {"/1/c/": "parent.child.index", "/2/c/": "other.child.index"}


def test_the_options_given_for_a_nested_blueprint_are_left_as_they_were(app: Flask) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/p")
    child = Blueprint("child", __name__)
    parent.register_blueprint(child, url_prefix="/c")
    app.register_blueprint(parent)
    assert parent._blueprints == [(child, {"url_prefix": "/c"})]


def test_a_blueprint_cannot_contain_itself(part: Blueprint) -> None:
    with pytest.raises(ValueError, match="Cannot register a blueprint on itself"):
        part.register_blueprint(part)


def test_a_relative_endpoint_stands_for_the_running_blueprint(app: Flask) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/p")
    child = Blueprint("child", __name__, url_prefix="/c")

    @child.route("/")
    def index() -> str:
        g.seen = True
        return url_for(".index") + " " + url_for("parent.child.index")

    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert app.test_client().get("/p/c/").text == "/p/c/ /p/c/"


# Commands


def test_a_blueprint_without_commands_leaves_the_applications_untouched(app: Flask, part: Blueprint) -> None:
    app.register_blueprint(part)
    assert "cli" not in vars(part)
    assert "cli" not in vars(app)


def test_commands_are_grouped_under_the_blueprints_name_by_default(app: Flask) -> None:
    default = Blueprint("default", __name__)
    named = Blueprint("named", __name__, cli_group="custom")
    merged = Blueprint("merged", __name__, cli_group=None)
    late = Blueprint("late", __name__)
    for blueprint in (default, named, merged, late):
        blueprint.cli.command(f"greet-{blueprint.name}")(lambda: None)
    app.register_blueprint(default)
    app.register_blueprint(named)
    app.register_blueprint(merged)
    app.register_blueprint(late, cli_group="late-group")
    assert sorted(app.cli.commands) == ["custom", "default", "greet-merged", "late-group"]


@pytest.mark.parametrize("package", ["flask", "tuile"])
@pytest.mark.parametrize(
    ("given", "registered", "names"),
    [
        ({}, {}, ["part"]),
        ({"cli_group": "custom"}, {}, ["custom"]),
        ({"cli_group": None}, {}, ["greet"]),
        ({"cli_group": "custom"}, {"cli_group": "late"}, ["late"]),
        ({"cli_group": "custom"}, {"cli_group": None}, ["greet"]),
        ({}, {"name": "other"}, ["other"]),
    ],
)
def test_a_framework_on_the_classes_without_io_has_its_own_groups(
    package: str, given: dict[str, Any], registered: dict[str, Any], names: list[str]
) -> None:
    # As Quart's classes: they pass the arguments on, and set `cli`.
    program = f"""
        import click
        from {package}.sansio.app import App as BaseApp
        from {package}.sansio.blueprints import Blueprint as BaseBlueprint

        class App(BaseApp):
            default_config = dict.fromkeys(["DEBUG", "TESTING", "SECRET_KEY", "PERMANENT_SESSION_LIFETIME"])

            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.cli = click.Group(self.name)

            def _check_setup_finished(self, f_name):
                pass

        class Blueprint(BaseBlueprint):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.cli = click.Group(self.name)

        app, part = App("app"), Blueprint("part", "app", **{given!r})
        silent = Blueprint("silent", "app")
        part.cli.command("greet")(lambda: None)
        app.register_blueprint(part, **{registered!r})
        app.register_blueprint(silent)
        print(sorted(app.cli.commands), silent.cli.name)
    """
    environ = {**os.environ, "TUILE_SHIM": "0"}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == f"{names} silent\n"


def test_a_group_made_by_a_subclass_is_handed_over(app: Flask) -> None:
    class WithGroup(Blueprint):
        @property
        def cli(self) -> Any:
            return made

    made = Blueprint("maker", __name__).cli
    made.command("greet")(lambda: None)
    app.register_blueprint(WithGroup("part", __name__))
    assert app.cli.commands["part"] is made
