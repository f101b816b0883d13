"""Building URLs: the index gives Flask's results and errors, or leaves the URL to Werkzeug."""

from __future__ import annotations

import linecache
import traceback
import uuid
from datetime import datetime, timezone
from enum import IntEnum
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.routing import BaseConverter, BuildError, Map, MapAdapter, Rule, ValidationError

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same
from tuile.invalidation import invalidate
from tuile.routing import by_adapter, link_source, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

thorough = settings(
    derandomize=True, deadline=None, database=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(autouse=True, scope="module")
def _generated_at_once() -> Iterator[None]:
    """Have the functions for rules generated when they are first needed."""
    with mock.patch.object(writing, "USES_BEFORE_GENERATING", 0):
        yield


class Level(IntEnum):
    """A number that may write itself down in another way."""

    HIGH = 3


class Loud(str):
    """A text that writes itself down in another way."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Listed(BaseConverter):
    """A converter with a `to_url` of its own."""

    def to_url(self, value: Any) -> str:
        return "+".join(BaseConverter.to_url(self, item) for item in value)


class Numbered(BaseConverter):
    """A converter whose `to_url` does not return text, which Werkzeug rejects."""

    def to_url(self, value: Any) -> Any:
        return value


class Marked(BaseConverter):
    """A converter whose `to_url` returns a str subclass that changes what is added to it."""

    def to_url(self, value: Any) -> str:
        return Markup(value)  # noqa: S704 - no page is made of it


CONVERTERS: dict[str, type[BaseConverter]] = {"listed": Listed, "numbered": Numbered, "marked": Marked}
NAMES = ("a", "b", "c")
KINDS: tuple[str, ...] = (
    "",
    "",
    "string(length=2):",
    "path:",
    "int:",
    "int(fixed_digits=3):",
    "int(signed=True):",
    "float:",
    "uuid:",
)
KINDS += ("any(x, 'y z'):", "listed:", "numbered:", "marked:")
STATICS = ("", "/", "/page", "/é", "//x", "/a b", "/%7B", "/{x}", "/it's", '/"', "/x-", "/~!$&'()*+,:;=@")

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-20, 2000),
    st.floats(allow_nan=False),
    st.text(max_size=6),
    st.sampled_from(["x", "y z", "/x", "a/b", "//", "", "é", "a?b", "a&b=c"]),
    st.sampled_from(["#", "%", "+", "~", "-_.", "ada", "٣", "042"]),
    st.lists(st.sampled_from(["x", "é", None, 1]), max_size=3),
    st.tuples(st.just("x"), st.just("y")),
    st.sets(st.just("x")),
    st.dictionaries(st.just("k"), st.just("v"), max_size=1),
    st.just(MultiDict([("k", "v"), ("k", "w")])),
    st.just(Markup("<b>")),
    st.just(b"bytes"),
    st.just(uuid.UUID(int=5)),
    st.sampled_from(["\ud800", "a é \udfff", "%41", "日本 語", "\0\x1f\x7f", '[]^|{}<>"\\`']),
    st.sampled_from([datetime(2024, 5, 6, 7, 8, tzinfo=timezone.utc), Level.HIGH, Loud("é x"), float("nan"), 1e30]),
    st.sampled_from([bytearray(b"x"), frozenset({"x"}), range(2), object]),
)
given_values = st.dictionaries(st.sampled_from([*NAMES, "d", "tab", "q é", "x&y", "self", "value"]), values, max_size=5)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Generate a rule for one of two endpoints, with its options."""
    path = draw(st.sampled_from(STATICS[1:]))
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)):
        path += f"{draw(st.sampled_from(['/', '', '-']))}<{draw(st.sampled_from(KINDS))}{name}>"
        path += draw(st.sampled_from(STATICS))
    options: dict[str, Any] = {"rule": path if path.startswith("/") else f"/{path}"}
    options["endpoint"] = draw(st.sampled_from(["page", "page", "part.page"]))
    if draw(st.booleans()):
        options["methods"] = draw(st.sampled_from([["GET"], ["POST"], ["PUT", "DELETE"]]))
    if draw(st.integers(0, 3)) == 0:
        names = st.sampled_from([*NAMES, "d"])
        options["defaults"] = draw(st.dictionaries(names, st.sampled_from(["x", 1, 2.5]), min_size=1))
    options["alias"] = draw(st.integers(0, 9)) == 0
    options["build_only"] = draw(st.integers(0, 9)) == 0
    options["websocket"] = False
    return options


configs = st.fixed_dictionaries(
    {},
    optional={
        "SERVER_NAME": st.sampled_from(["example.org", "example.org:8000", "localhost"]),
        "APPLICATION_ROOT": st.sampled_from(["/app", "/app/", "/", "//a//"]),
        "PREFERRED_URL_SCHEME": st.sampled_from(["http", "https", "ftp", ""]),
    },
)
environs = st.fixed_dictionaries(
    {
        "SCRIPT_NAME": st.sampled_from(["", "/mounted", "/mounted/", "//", "/\xc3\xa9"]),
        "HTTP_HOST": st.sampled_from(["localhost", "localhost:8000", "example.org", "www.example.org"]),
        "wsgi_url_scheme": st.sampled_from(["http", "https", "ftp"]),
        "REQUEST_METHOD": st.sampled_from(["GET", "POST", "PUT"]),
    }
)
options = st.fixed_dictionaries(
    {},
    optional={
        "_anchor": st.sampled_from(["top", "é é", ""]),
        "_method": st.sampled_from(["GET", "POST", "get", "NOPE"]),
        "_scheme": st.sampled_from(["http", "https", "ftp", "ws", "wss", ""]),
        "_external": st.booleans(),
    },
)
calls = st.lists(
    st.tuples(st.sampled_from(["page", "page", "page", "part.page", ".page", "no"]), given_values, options),
    min_size=1,
    max_size=4,
)


def register(app: Any, rule: dict[str, Any]) -> None:
    """Add a rule, unless Werkzeug rejects it."""
    arguments = {name: value for name, value in rule.items() if name not in ("rule", "endpoint")}
    outcome(app.add_url_rule, rule["rule"], rule["endpoint"], **arguments)


@thorough
@given(
    st.lists(rules(), min_size=1, max_size=4),
    calls,
    configs,
    environs,
    st.sampled_from(["request", "app", "none"]),
    st.sampled_from([0, 1, 99]),
)
@pytest.mark.filterwarnings("ignore:Current server name")
def test_a_url_is_the_one_that_flask_builds(
    registered: list[dict[str, Any]],
    asked: list[Any],
    config: dict[str, Any],
    environ: dict[str, Any],
    where: str,
    uses: int,
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, **config)
        app.url_map.converters.update(CONVERTERS)
        for rule in registered:
            register(app, rule)
        context: Any = {"request": lambda: app.request_context(make_environ(**environ)), "app": app.app_context}
        seen = []
        if where == "none":
            return [outcome(app.url_for, endpoint, **given_, **extra) for endpoint, given_, extra in asked]
        with context[where]():
            # Twice, because what is found out at the first time is used at the second.
            for endpoint, given_, extra in asked * 2:
                seen.append(outcome(lib.url_for, endpoint, **given_, **extra))
        return seen

    with mock.patch.object(writing, "USES_BEFORE_GENERATING", uses):
        same(program)


def built(*rules_: Rule, **knobs: Any) -> MapAdapter:
    app = tuile.Flask("built", static_folder=None)
    for name, value in knobs.items():
        setattr(app.url_map, name, value)
    for rule in rules_:
        app.url_map.add(rule)
    return app.url_map.bind("localhost")


def quick(adapter: MapAdapter, **given_: Any) -> str | None:
    """Return the URL, or None where Werkzeug has to be asked."""
    if by_adapter._written(adapter, "page", given_, None, refused=False) is None:
        return None
    return by_adapter.build(adapter, "page", given_, None, None, external=False)


def test_the_usual_url_is_built_without_werkzeug() -> None:
    adapter = built(Rule("/<int:a>/<b>", endpoint="page", methods=["GET"]))
    with mock.patch.object(Rule, "suitable_for", side_effect=AssertionError):
        for _ in range(2):
            assert quick(adapter, a=1, b="x") == "/1/x"
            assert quick(adapter, b="é", a=1, tab="a b") == "/1/%C3%A9?tab=a+b"
            assert quick(adapter, b=2, a="3", tab=4, also="x") == "/3/2?tab=4&also=x"


def test_what_is_not_certain_is_left_to_werkzeug() -> None:
    rule = Rule("/<a>", endpoint="page", methods=["GET"])
    with pytest.raises(BuildError):
        quick(built(rule))
    assert quick(built(Rule("/<a>", endpoint="page", websocket=True)), a="x") is None

    class OwnRule(Rule):
        pass

    assert quick(built(OwnRule("/<a>", endpoint="page")), a="x") is None
    assert quick(Map([rule.empty()]).bind("localhost"), a="x") is None

    class OwnAdapter(MapAdapter):
        pass

    adapter = built(rule.empty())
    assert quick(adapter, a="x") == "/x"
    adapter.__class__ = OwnAdapter
    assert quick(adapter, a="x") is None


domains = st.sampled_from(["", "www", "api", "<sub>", "<int:sub>", "<sub>.api", "<any(x, y):sub>", "é"])
hosts = st.sampled_from(["localhost", "www.example.org", "<sub>.example.org", "example.org:8000", "<sub>"])


@thorough
@given(
    st.lists(st.tuples(st.sampled_from(["/", "/<a>", "/x/<int:a>/"]), domains, hosts), min_size=1, max_size=4),
    st.sampled_from(["subdomains", "hosts"]),
    st.lists(st.tuples(given_values, options, st.none() | st.integers(0, 5) | st.text(max_size=4)), max_size=4),
    environs,
    st.sampled_from([None, "example.org", "localhost"]),
)
@pytest.mark.filterwarnings("ignore:Current server name")
def test_urls_of_subdomains_and_hosts_are_those_of_flask(
    registered: list[Any], by: str, asked: list[Any], environ: dict[str, Any], server_name: str | None
) -> None:
    def program(lib: Any) -> Any:
        by_host = by == "hosts"
        app = make_app(lib, SERVER_NAME=server_name) if not by_host else lib.Flask("hosts", static_folder=None)
        app.subdomain_matching = not by_host
        app.url_map.host_matching = by_host
        for number, (path, domain, host) in enumerate(registered):
            where = {"host": host} if by_host else {"subdomain": domain}
            methods = ["GET"] if number % 2 else ["POST", "GET"]
            outcome(app.add_url_rule, path, "page", methods=methods, **where)
        seen = []
        for context in (lambda: app.request_context(make_environ(**environ)), app.app_context):
            with context():
                for given_, extra, sub in asked * 2:
                    seen.append(outcome(lib.url_for, "page", **{**given_, "sub": sub}, **extra))
        return seen

    same(program)


def test_a_value_that_a_converter_refuses_is_converted_as_often_as_by_werkzeug() -> None:
    def program(lib: Any) -> Any:
        calls = []

        class Choosy(BaseConverter):
            def to_url(self, value: Any) -> str:
                calls.append(value)
                if value in self.map.refused:  # type: ignore[attr-defined] # set below
                    raise ValidationError
                return str(value)

        app = make_app(lib)
        app.url_map.converters["choosy"] = Choosy
        app.url_map.refused = {"bad"}
        app.add_url_rule("/first/<choosy:a>", "page")
        app.add_url_rule("/second/<a>", "page")
        app.add_url_rule("/only/<choosy:a>", "only", methods=["POST"])
        seen = []
        with app.test_request_context():
            for endpoint, value in product(("page", "only"), ("good", "bad")):
                seen.append((outcome(lib.url_for, endpoint, a=value), len(calls)))
        return seen

    assert same(program)[1] == (("returned", "/second/bad"), 2)


def test_rules_are_compiled_for_no_names_that_a_client_chose() -> None:
    app = tuile.Flask("growing", static_folder=None)
    app.add_url_rule("/<a>", "page")
    with app.test_request_context():
        tuile.url_for("page", a="x")
        rule = next(app.url_map.iter_rules("page"))
        before = dict(vars(rule)), dict(vars(app.url_map)), len(linecache.cache)
        with mock.patch.object(link_source, "compiled_url", side_effect=AssertionError):
            for number in range(300):
                names = {f"name{number}x{place}": "é" for place in range(20)}
                assert tuile.url_for("page", a="x", **names).count("%C3%A9") == 20
        assert (dict(vars(rule)), dict(vars(app.url_map)), len(linecache.cache)) == before


def test_a_rule_compiles_nothing_before_its_first_url() -> None:
    with mock.patch.object(Rule, "_compile_builder", side_effect=AssertionError):
        app = tuile.Flask("late", static_folder=None)
        app.add_url_rule("/<int:a>/<b>", "page")
    rule = next(app.url_map.iter_rules("page"))
    assert rule.build({"a": 1, "b": "x y", "c": 2}) == ("", "/1/x%20y?c=2")
    assert rule.build({"a": 1, "b": "x", "c": 2}, append_unknown=False) == ("", "/1/x")
    # From then on without a detour.
    builder: Any = rule._build_unknown
    assert builder.__func__.__code__.co_filename == "<werkzeug routing>"


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("/<a>/<a>", {}),
        ("/<None>", {}),
        ("/<__debug__>", {}),
        ("/<int:a>", {"defaults": {"a": "x"}}),
        ("/\ud800", {}),
        ("/<any(x):a>", {"defaults": {"a": "y"}}),
        ("/<class>", {}),
        ("/<self>/<b>", {}),
    ],
)
def test_what_cannot_be_built_is_an_error_where_the_rule_is_added(rule: str, options: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        return outcome(make_app(lib).add_url_rule, rule, "page", **options)

    same(program)


def test_a_traceback_shows_the_generated_lines() -> None:
    class Broken(BaseConverter):
        def to_url(self, value: Any) -> str:
            raise LookupError(value)

    app = tuile.Flask("traced", static_folder=None)
    app.url_map.converters["broken"] = Broken
    app.add_url_rule("/<broken:a>", "page")
    with app.test_request_context():
        with pytest.raises(LookupError) as raised:
            tuile.url_for("page", a="x")
    text = "".join(traceback.format_exception(raised.value))
    assert "converter0.to_url(v0)" in text
    assert "URL of '/<broken:a>'" in text


@pytest.mark.parametrize("kind", ["", "int:", "int(fixed_digits=3):", "float:", "path:", "uuid:"])
@pytest.mark.parametrize("where", ["converter", "class"])
@pytest.mark.parametrize("name", ["to_url", "fixed_digits", "num_convert"])
@pytest.mark.parametrize("before", [1, writing.USES_BEFORE_GENERATING + 2])
def test_a_converter_that_is_changed_later_writes_as_it_then_does(
    kind: str, where: str, name: str, before: int
) -> None:
    changes: dict[str, Any] = {
        "to_url": lambda *values: f"own{values[-1]}",
        "fixed_digits": 5,
        "num_convert": staticmethod(lambda value: value + 1) if where == "class" else lambda value: value + 1,
    }

    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule(f"/<{kind}a>", "page")
        converter: Any = app.url_map._rules_by_endpoint["page"][0]._converters["a"]
        target = type(converter) if where == "class" else converter
        with app.test_request_context():
            seen = [outcome(lib.url_for, "page", a=7) for _ in range(before)]
            with mock.patch.multiple(target, create=True, **{name: changes[name]}):
                # What is patched in Werkzeug's converters is noticed with the next change of an application.
                invalidate()
                seen.append(outcome(lib.url_for, "page", a=7))
            invalidate()
            return [*seen, outcome(lib.url_for, "page", a=7)]

    same(program)


def test_a_replaced_build_is_asked() -> None:
    adapter = built(Rule("/<a>", endpoint="page"))
    with mock.patch.object(MapAdapter, "build"):
        assert quick(adapter, a="x") is None
    assert quick(adapter, a="x") == "/x"


def steps(change: Callable[[Any], object]) -> list[Any]:
    """Return the URL before and after a change to an app that has built it already, on both frameworks."""

    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        app.add_url_rule("/<a>", "page")
        seen = []
        for number in range(2):
            with app.test_request_context():
                seen += [outcome(lib.url_for, "page", a="x", b="y"), outcome(lib.url_for, "page", a="é")]
                seen += [outcome(lib.url_for, "page", a="x", b="y", _external=True)]
            if number == 0:
                change(app)
        return seen

    seen = same(program)
    assert seen[:3] != seen[3:]
    return seen


def test_a_rule_that_is_added_later_is_seen() -> None:
    steps(lambda app: app.add_url_rule("/<a>/<b>", "page"))


def test_a_rule_that_is_taken_out_of_the_map_is_not_built() -> None:
    steps(lambda app: app.url_map._rules_by_endpoint.pop("page"))
    steps(lambda app: app.url_map._rules_by_endpoint["page"].clear())


def test_a_rule_that_is_changed_and_refreshed_is_built_anew() -> None:
    def change(app: Any) -> None:
        rule = next(app.url_map.iter_rules("page"))
        rule.rule = "/changed/<a>"
        rule.refresh()

    steps(change)


def test_methods_that_are_changed_in_place_are_seen() -> None:
    def change(app: Any) -> None:
        app.url_map._rules_by_endpoint["page"][0].methods -= {"GET", "HEAD"}
        app.add_url_rule("/for-get/<a>", "page", methods=["GET"])

    steps(change)


def test_sorted_parameters_are_sorted_from_then_on() -> None:
    def program(lib: Any) -> list[str]:
        app = make_app(lib)
        app.add_url_rule("/", "page")
        seen = []
        with app.test_request_context():
            for knob in (False, True, False):
                app.url_map.sort_parameters = knob
                seen += [lib.url_for("page", b=1, a=2), lib.url_for("page", b=1, a=2)]
        return seen

    assert same(program)[1:4] == ["/?b=1&a=2", "/?a=2&b=1", "/?a=2&b=1"]


# What may be overridden and registered


def test_url_defaults_complete_the_values() -> None:
    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        part = lib.Blueprint("part", __name__)
        app.url_defaults(lambda endpoint, given_: given_.setdefault("a", "default"))
        part.url_defaults(lambda endpoint, given_: given_.update(b=endpoint))
        app.add_url_rule("/<a>", "page")
        part.add_url_rule("/part/<a>/<b>", "page")
        app.register_blueprint(part)
        with app.test_request_context():
            return [lib.url_for("page"), lib.url_for("page", a="x"), lib.url_for("part.page"), lib.url_for("page")]

    assert same(program) == ["/default", "/x", "/part/default/part.page", "/default"]


def test_a_relative_endpoint_is_the_current_blueprints() -> None:
    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        part = lib.Blueprint("part", __name__, url_prefix="/part")
        part.add_url_rule("/<a>", "page", lambda a: lib.url_for(".page", a="x"))
        app.register_blueprint(part)
        app.add_url_rule("/<a>", "page", lambda a: lib.url_for(".page", a="x"))
        client = app.test_client()
        return [client.get(path).text for path in ("/part/y", "/y", "/part/y")]

    assert same(program) == ["/part/x", "/x", "/part/x"]


def test_overridden_methods_are_called() -> None:
    def program(lib: Any) -> list[Any]:
        class Own(lib.Flask):  # type: ignore[misc] # of the one framework or the other
            def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
                values["a"] = "own"

            def handle_url_build_error(self, error: Exception, endpoint: str, values: dict[str, Any]) -> str:
                return f"own {endpoint} {sorted(values)}"

            def create_url_adapter(self, request: Any) -> Any:
                adapter = super().create_url_adapter(request)
                if adapter is not None:
                    adapter.script_name = "/own/"
                return adapter

        app = Own("own", static_folder=None)
        app.add_url_rule("/<a>", "page")
        with app.test_request_context():
            seen = [lib.url_for("page"), app.url_for("page", b=None), lib.url_for("no", b=None)]
            app.url_for = lambda endpoint, **given_: f"replaced {sorted(given_)}"
            return [*seen, lib.url_for("page", b=1)]

    assert same(program)[:2] == ["/own/own", "/own/own"]


def _url_default(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("lang", endpoint)


def _own_defaults(self: Any, endpoint: str, values: dict[str, Any]) -> None:
    values["own"] = endpoint


def _converters(app: Any) -> Any:
    return app.url_map._rules_by_endpoint["page"][0]._converters


def _change_converter(converter: Any) -> None:
    converter.to_url = "own {}".format
    # Noticed with the next change of an application.
    invalidate()


# What may be changed after URLs were built, by name: how, given the app and its class.
LATE: dict[str, Callable[[Any, Any], Any]] = {
    "nothing": lambda app, kind: None,
    "a default is registered": lambda app, kind: app.url_default_functions.setdefault(None, []).append(_url_default),
    "a blueprint's": lambda app, kind: app.url_default_functions.setdefault("part", []).append(_url_default),
    "the class's step": lambda app, kind: setattr(kind, "inject_url_defaults", _own_defaults),
    "the app's step": lambda app, kind: setattr(app, "inject_url_defaults", partial(_own_defaults, app)),
    "the class's method": lambda app, kind: setattr(kind, "url_for", lambda self, endpoint, **given_: str(given_)),
    "the app's method": lambda app, kind: setattr(app, "url_for", lambda endpoint, **given_: str(given_)),
    "a rule comes first": lambda app, kind: app.url_map.add(Rule("/first/<a>", endpoint="page", methods=["GET"])),
    "a rule answers POST alone": lambda app, kind: next(app.url_map.iter_rules("page")).methods.remove("GET"),
    "a converter is exchanged": lambda app, kind: _converters(app).update(a=Listed(app.url_map)),
    "a converter is changed": lambda app, kind: _change_converter(_converters(app)["a"]),
    "the rules are cleared": lambda app, kind: app.url_map._rules_by_endpoint["page"].clear(),
    "a rule takes the place of another": lambda app, kind: app.url_map._rules_by_endpoint["page"].__setitem__(
        0, app.url_map._rules_by_endpoint["part.page"][0]
    ),
    "parameters are sorted": lambda app, kind: setattr(app.url_map, "sort_parameters", True),
    "errors are handled": lambda app, kind: app.url_build_error_handlers.append(
        lambda error, endpoint, given_: f"{endpoint} {sorted(given_)}"
    ),
    "the class handles errors": lambda app, kind: setattr(
        kind, "handle_url_build_error", lambda self, error, endpoint, given_: f"{endpoint} {sorted(given_)}"
    ),
    "the app handles errors": lambda app, kind: setattr(
        app, "handle_url_build_error", lambda error, endpoint, given_: f"{endpoint} {sorted(given_)}"
    ),
    "another map": lambda app, kind: setattr(app, "url_map", Map([Rule("/other/<a>", endpoint="page")])),
}


@pytest.mark.parametrize("what", LATE)
def test_what_is_changed_later_counts(what: str) -> None:
    def program(lib: Any) -> list[Any]:
        kind = type("Own", (lib.Flask,), {})
        app = kind("late", static_folder=None)
        app.add_url_rule("/page/<a>", "page")
        part = lib.Blueprint("part", "late")
        part.add_url_rule("/part/<a>", "page")
        app.register_blueprint(part)
        seen: list[Any] = []

        def ask() -> None:
            for endpoint in ("page", "part.page", ".page"):
                extras: list[dict[str, Any]] = [
                    {},
                    {"b": 1},
                    {"_anchor": "x"},
                    {"_external": True},
                    {"_method": "POST"},
                    {"d": "é", "c": 1, "_anchor": "x y", "_scheme": "https"},
                ]
                seen.extend(outcome(lib.url_for, endpoint, a="x", **extra) for extra in extras)
                seen.append(outcome(lib.url_for, endpoint, b="x"))

        with app.test_request_context("/page/y"):
            ask()
            ask()
            LATE[what](app, kind)
            ask()
            ask()
        with app.test_request_context("/page/y"):
            ask()
        with app.app_context():
            ask()
        return seen

    same(program)


# What may be changed about the adapter of a request after URLs were built.
ADAPTERS: dict[str, Callable[[Any, Any], Any]] = {
    "it is read": lambda app, context: context.url_adapter,
    "mounted elsewhere": lambda app, context: setattr(context.url_adapter, "script_name", "/own/"),
    "of another host": lambda app, context: setattr(context.url_adapter, "server_name", "own.example"),
    "of another scheme": lambda app, context: setattr(context.url_adapter, "url_scheme", "https"),
    "of a subdomain": lambda app, context: setattr(context.url_adapter, "subdomain", "sub"),
    "of another method": lambda app, context: setattr(context.url_adapter, "default_method", "POST"),
    "with a method of its own": lambda app, context: setattr(context.url_adapter, "build", "built {} {}".format),
    "another adapter": lambda app, context: setattr(context, "url_adapter", app.url_map.bind("own.example", "/bound")),
    "no adapter": lambda app, context: setattr(context, "url_adapter", None),
    "the map of the app": lambda app, context: setattr(app, "url_map", Map([Rule("/other/<a>", endpoint="page")])),
}


@pytest.mark.parametrize("what", ADAPTERS)
@pytest.mark.parametrize("mounted", ["", "/mounted"])
def test_the_adapter_of_a_request_may_be_changed_after_urls_were_built(what: str, mounted: str) -> None:
    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        app.add_url_rule("/page/<a>", "page", methods=["GET"])
        app.add_url_rule("/posted/<a>", "two", methods=["POST"])
        app.add_url_rule("/got/<a>", "two", methods=["GET"])
        seen: list[Any] = []
        extras: list[dict[str, Any]] = [{}, {"b": 1}, {"_external": True}, {"_scheme": "https"}, {"_anchor": "x"}]
        with app.request_context(make_environ(SCRIPT_NAME=mounted)) as context:
            for change in (None, ADAPTERS[what]):
                if change is not None:
                    change(app, context)
                for endpoint, extra in product(("page", "two") * 2, extras):
                    seen.append(outcome(lib.url_for, endpoint, a="x", **extra))
                    seen.append(outcome(app.url_for, endpoint, a="x", **extra))
        return seen

    same(program)


def test_names_that_clients_choose_fill_no_cache() -> None:
    app = tuile.Flask("names", static_folder=None)
    app.add_url_rule("/<a>", "page")
    with app.test_request_context():
        for number in range(200):
            for _ in range(2):
                assert tuile.url_for("page", a="x", **{f"name{number}": "y"}) == f"/x?name{number}=y"
        tuile.url_for("page", a="x", **{"n" * 5000: "y"})
    rules: Any = app.url_map._rules_by_endpoint["page"]
    ((_, _, query),) = rules.link._rules
    assert 5 < len(query._keys) <= 64
    assert all(len(name) <= 128 for name in query._keys)


def test_a_replaced_step_that_is_taken_back_is_not_called() -> None:
    app = tuile.Flask("back", static_folder=None)
    app.add_url_rule("/<a>", "page")
    with app.test_request_context():
        with mock.patch.object(tuile.Flask, "inject_url_defaults", _own_defaults):
            assert tuile.url_for("page", a="x") == "/x?own=page"
        with mock.patch.object(tuile.Flask, "url_for", autospec=True, return_value="/patched"):
            assert tuile.url_for("page", a="x") == "/patched"
        with mock.patch.object(MapAdapter, "build", return_value="/werkzeug"):
            assert tuile.url_for("page", a="x") == "/werkzeug"
        assert tuile.url_for("page", a="x") == "/x"


def test_dots_before_an_endpoint_mean_the_same() -> None:
    endpoints = ["x", ".x", "..x", ".", "", "part.x", ".part.x", "part..x"]

    def program(lib: Any) -> list[Any]:
        app = lib.Flask("dots", static_folder=None)
        for number, name in enumerate(("x", ".x", "..x", "part", ".part.x")):
            app.add_url_rule(f"/{number}/<a>", name)
        part = lib.Blueprint("part", "dots")
        seen: list[Any] = []

        def view(a: str) -> str:
            seen.extend(outcome(lib.url_for, endpoint, a=a) for endpoint in endpoints * 2)
            return ""

        part.add_url_rule("/part/<a>", "x", view)
        app.register_blueprint(part)
        app.add_url_rule("/view/<a>", "view", view)
        client = app.test_client()
        for path in ("/view/y", "/part/y", "/view/y"):
            client.get(path)
        return seen

    same(program)


def test_names_of_options_are_never_values() -> None:
    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        app.add_url_rule("/<a>", "page")
        seen: list[Any] = []
        with app.test_request_context():
            # As values of the adapter they are ordinary names.
            adapter: Any = app.create_url_adapter(lib.request)
            seen.append(adapter.build("page", {"a": "x", "_anchor": "y"}))
            for options in product((None, "x"), (None, "GET"), (None, "https"), (None, True)):
                given_ = dict(zip(("_anchor", "_method", "_scheme", "_external"), options, strict=True))
                seen += [outcome(lib.url_for, "page", a="x", **given_) for _ in range(2)]
        return seen

    same(program)


def test_an_error_handler_gets_the_values_as_they_were_given() -> None:
    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        app.add_url_rule("/<a>", "page")
        app.url_build_error_handlers.append(lambda error, endpoint, given_: f"{error} {given_}")
        with app.test_request_context():
            return [lib.url_for("pages", a=None, _external=True), lib.url_for("page", b=1), lib.url_for("page", a="x")]

    same(program)


def test_other_url_maps_and_rules_build_their_own_way() -> None:
    def program(lib: Any) -> list[Any]:
        class Shouting(Rule):
            def build(self, values: Any, append_unknown: bool = True) -> Any:
                subdomain, path = super().build(values, append_unknown) or ("", "")
                return subdomain, path.upper()

        seen = []
        for attribute, kind in (("url_rule_class", Shouting), ("url_map_class", Map)):
            app = type("Own", (lib.Flask,), {attribute: kind})("own", static_folder=None)
            app.add_url_rule("/page/<a>", "page")
            with app.test_request_context():
                seen += [lib.url_for("page", a="x"), lib.url_for("page", a="x")]
        return seen

    assert same(program) == ["/PAGE/X", "/PAGE/X", "/page/x", "/page/x"]


@pytest.mark.parametrize("host", ["example.org", "www.example.org", "other.org"])
@pytest.mark.filterwarnings("ignore:Current server name")
def test_subdomains_and_hosts_are_werkzeugs(host: str) -> None:
    def program(lib: Any) -> list[Any]:
        seen = []
        for arguments in ({"subdomain_matching": True}, {"host_matching": True, "static_host": "s.org"}):
            app = lib.Flask("hosts", **arguments)
            app.config["SERVER_NAME"] = "example.org"
            where = "host" if "host_matching" in arguments else "subdomain"
            app.add_url_rule("/a", "page", **{where: "www.example.org" if where == "host" else "www"})
            app.add_url_rule("/b", "any", **{where: "<name>"})
            app.add_url_rule("/c", "bare")
            with app.request_context(make_environ(HTTP_HOST=host)):
                asked: list[tuple[str, dict[str, Any]]] = [("page", {}), ("any", {"name": "x"}), ("bare", {})]
                for endpoint, given_ in asked:
                    seen += [outcome(lib.url_for, endpoint, **given_, _external=external) for external in (None, True)]
        return seen

    same(program)


def test_a_function_is_generated_only_for_a_rule_that_is_used_often() -> None:
    with mock.patch.object(writing, "USES_BEFORE_GENERATING", 3):
        app = tuile.Flask("often", static_folder=None)
        app.add_url_rule("/<a>", "page")
        compile_it = mock.patch.object(link_source, "compiled_url", wraps=writing.compiled_url)
        with app.test_request_context(), compile_it as compiled:
            seen = [(tuile.url_for("page", a=number), compiled.call_count) for number in range(6)]
    assert seen == [("/0", 0), ("/1", 0), ("/2", 0), ("/3", 1), ("/4", 1), ("/5", 1)]
