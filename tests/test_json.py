"""JSON: the provider, its options and the functions that use it, compared with Flask's where the bytes must agree."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import gc
import io
import json as standard_json
import threading
import uuid
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import flask
import pytest
from flask.json.provider import DefaultJSONProvider as FlaskProvider
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.wrappers import Response

import tuile
from tests.beside_flask import make_app, same
from tests.costs import entered
from tuile import json
from tuile.ctx.app_context import current
from tuile.ctx.values import NO_APP_MESSAGE
from tuile.json import provider as provider_room
from tuile.json.provider import DefaultJSONProvider, JSONProvider, _default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclasses.dataclass
class Point:
    x: int
    when: dt.date


class Small:
    """The part of an application that a provider uses."""

    response_class = Response
    debug = False

    def __init__(self, provider: type[JSONProvider] = DefaultJSONProvider) -> None:
        self.json = provider(cast("Any", self))


flask_app = flask.Flask(__name__)


@pytest.fixture
def app() -> Iterator[Small]:
    """Make such an application the current one."""
    app = Small()
    context: Any = SimpleNamespace(app=app)
    token = current.set(context)
    yield app
    current.reset(token)


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.uuids()
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.builds(Markup, st.text())
    | st.builds(Point, st.integers(), st.dates())
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.lists(inner, max_size=2).map(tuple),
    max_leaves=12,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "separators": st.sampled_from([(",", ":"), (", ", ": "), None]),
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "sort_keys": st.booleans(),
        "ensure_ascii": st.booleans(),
        "skipkeys": st.booleans(),
        "default": st.just(repr),
        "cls": st.just(standard_json.JSONEncoder),
    },
)


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return the result of a call, or the type and text of its error."""
    try:
        return call(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - two calls are compared in whatever they do
        return type(error), str(error)


@given(tree=trees, kwargs=options, ensure_ascii=st.booleans(), sort_keys=st.booleans())
def test_text_is_flasks_byte_for_byte(tree: Any, kwargs: dict[str, Any], ensure_ascii: bool, sort_keys: bool) -> None:
    ours, theirs = Small().json, FlaskProvider(flask_app)
    assert isinstance(ours, DefaultJSONProvider)
    ours.ensure_ascii = theirs.ensure_ascii = ensure_ascii
    ours.sort_keys = theirs.sort_keys = sort_keys
    assert outcome(ours.dumps, tree, **kwargs) == outcome(theirs.dumps, tree, **kwargs)


plain_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.integers() | st.text(), inner, max_size=1)
    ),
    max_leaves=20,
)


@given(
    tree=plain_trees, depth=st.sampled_from([0, 0, 0, 39, 40, 41, 60]), ensure_ascii=st.booleans(), sort=st.booleans()
)
def test_an_indented_response_is_flasks_byte_for_byte(tree: Any, depth: int, ensure_ascii: bool, sort: bool) -> None:
    for _ in range(depth):
        tree = [tree]
    app, theirs = Small(), flask.Flask(__name__)
    app.debug = theirs.debug = True
    for provider in (cast("DefaultJSONProvider", app.json), cast("FlaskProvider", theirs.json)):
        provider.ensure_ascii, provider.sort_keys = ensure_ascii, sort
    assert outcome(lambda: app.json.response(tree).get_data()) == outcome(
        lambda: cast("Response", theirs.json.response(tree)).get_data()
    )


def test_an_indented_response_of_what_contains_itself_is_refused() -> None:
    app, circle = Small(), {"a": 1}
    app.debug = True
    circle["self"] = circle  # type: ignore[assignment] # on purpose
    with pytest.raises(ValueError, match="Circular reference detected"):
        app.json.response(circle)


@given(tree=trees, compact=st.sampled_from([None, True, False]), debug=st.booleans())
def test_a_response_is_flasks_byte_for_byte(tree: Any, compact: bool | None, debug: bool) -> None:
    app, theirs = Small(), flask.Flask(__name__)
    app.debug = theirs.debug = debug
    cast("DefaultJSONProvider", app.json).compact = cast("FlaskProvider", theirs.json).compact = compact
    reference = cast("Response", theirs.json.response(tree))
    assert app.json.response(tree).get_data() == reference.get_data()


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "\N{SNOWMAN}\ud800\x00",
        1.5,
        float("nan"),
        float("-inf"),
        10**30,
        True,
        None,
        {1: 2, None: 3},
        {"b": {"d": 1, "c": 2}, "a": ()},
        {(1, 2): 3},
        {1, 2},
        object,
        Point,
        Point(1, dt.date(2020, 2, 3)),
        Markup("<b>"),
        decimal.Decimal("0.10"),
        type("Number", (int,), {"__repr__": lambda _: "seven"})(7),
    ],
    ids=repr,
)
def test_each_kind_of_value_comes_out_as_in_flask_or_fails_as_in_flask(value: Any) -> None:
    assert outcome(Small().json.dumps, value) == outcome(flask_app.json.dumps, value)


def test_the_same_text_comes_without_a_c_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"b": [1, {"c": uuid.UUID(int=1)}], "a": "\N{SNOWMAN}"}
    app = Small()
    fast = app.json.response(value).get_data(), app.json.dumps(value)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(provider_room, "_c_make_encoder", None)
            DefaultJSONProvider._set_flags()
            assert (app.json.response(value).get_data(), app.json.dumps(value)) == fast
    finally:
        DefaultJSONProvider._set_flags()
    assert DefaultJSONProvider.writes_plainly


def test_no_arguments_are_null_and_several_are_a_list(app: Small) -> None:
    assert app.json.response().get_data() == b"null\n"
    assert app.json.response(1).get_data() == b"1\n"
    assert app.json.response(1, 2).get_data() == b"[1,2]\n"
    assert app.json.response(a=1).get_data() == b'{"a":1}\n'
    with pytest.raises(TypeError, match=r"app\.json\.response\(\) takes either args or kwargs, not both"):
        app.json.response(1, a=1)


def test_every_option_is_noticed_when_it_changes() -> None:
    app = Small()
    provider = cast("DefaultJSONProvider", app.json)
    value = {"b": "é", "a": {1}}
    provider.default = sorted
    assert provider.response(value).get_data(as_text=True) == '{"a":[1],"b":"\\u00e9"}\n'
    provider.sort_keys = False
    assert provider.response(value).get_data(as_text=True) == '{"b":"\\u00e9","a":[1]}\n'
    provider.ensure_ascii = False
    assert provider.response(value).get_data(as_text=True) == '{"b":"é","a":[1]}\n'
    provider.default = len
    assert provider.response(value).get_data(as_text=True) == '{"b":"é","a":1}\n'
    app.debug = True
    assert provider.response(value).get_data(as_text=True) == '{\n  "b": "é",\n  "a": 1\n}\n'
    provider.compact = True
    assert provider.response(value).get_data(as_text=True) == '{"b":"é","a":1}\n'
    app.debug = False
    provider.compact = False
    assert provider.response(value).get_data(as_text=True) == '{\n  "b": "é",\n  "a": 1\n}\n'
    provider.mimetype = "application/problem+json"
    assert provider.response(value).mimetype == "application/problem+json"
    assert DefaultJSONProvider.mimetype == "application/json"


def test_a_default_may_be_a_method_and_call_the_first_one() -> None:
    class Own(DefaultJSONProvider):
        def default(self, o: Any) -> Any:
            if isinstance(o, complex):
                return [o.real, o.imag]
            return DefaultJSONProvider.default(o)

    provider = Small(Own).json
    assert provider.dumps([1j, uuid.UUID(int=0)]) == '[[0.0, 1.0], "00000000-0000-0000-0000-000000000000"]'


def test_without_a_default_the_standard_error_comes() -> None:
    provider = cast("DefaultJSONProvider", Small().json)
    provider.default = None  # type: ignore[assignment]  # json.dumps takes None, so a provider does
    with pytest.raises(TypeError, match="Object of type set is not JSON serializable"):
        provider.dumps({1})


def test_an_overridden_step_is_used() -> None:
    class Own(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return f"{sorted(kwargs)}{super().dumps(obj, **kwargs)}"

        def _prepare_response_obj(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return {"data": super()._prepare_response_obj(args, kwargs)}

    assert Small(Own).json.response(1).get_data() == b"['separators']{\"data\":1}\n"


def test_a_provider_needs_dumps_and_loads_and_has_the_rest() -> None:
    class Own(JSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return f"<{obj}{kwargs}>"

        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return s, kwargs

    app = Small(Own)
    file = io.StringIO()
    app.json.dump(1, file, a=2)
    assert file.getvalue() == "<1{'a': 2}>"
    assert app.json.load(io.BytesIO(b"x"), b=3) == (b"x", {"b": 3})
    response = app.json.response(1)
    assert (response.get_data(), response.mimetype) == (b"<1{}>", "application/json")
    for method, args in (("dumps", (1,)), ("loads", ("1",))):
        with pytest.raises(NotImplementedError):
            getattr(Small(JSONProvider).json, method)(*args)


def test_a_provider_does_not_keep_its_application_alive() -> None:
    app = Small()
    provider, gone = app.json, weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None
    with pytest.raises(ReferenceError):
        provider.response(1)


def test_a_circle_is_found_and_the_next_call_is_clean() -> None:
    provider = Small().json
    circle: list[Any] = []
    circle.append(circle)
    for _ in range(2):
        with pytest.raises(ValueError, match="Circular reference detected"):
            provider.dumps(circle)
    circle.clear()
    assert provider.dumps(circle) == "[]"


def test_two_threads_may_write_the_same_object_at_once() -> None:
    provider = cast("DefaultJSONProvider", Small().json)
    shared = {"inner": [object()]}
    both = threading.Barrier(2, timeout=120)

    def default(_: Any) -> str:
        both.wait()  # until both threads are inside the same object
        return "x"

    provider.default = default
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(provider.dumps(shared))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ['{"inner": ["x"]}'] * 2


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1"]
BODIES = st.one_of(
    st.binary(max_size=6).map(lambda raw: b"[" + raw),
    st.tuples(trees, st.sampled_from(ENCODINGS), st.sampled_from(["", " ", "\n", "x"])).map(
        lambda drawn: (standard_json.dumps(drawn[0], default=str, ensure_ascii=False) + drawn[2]).encode(
            drawn[1], "surrogatepass" if drawn[1] != "latin-1" else "replace"
        )
    ),
)


@given(BODIES)
@example(b'{"a"')
@example(b"[")
@example(b"{\0")
@example(b"[\0]\0")
@example(b"[\0\0\0]\0\0\0")
@example(b'["\xed\xa0\x80"]')
@example(b'["\xff"]')
def test_bytes_are_read_as_json_reads_them(body: bytes) -> None:
    assert outcome(Small().json.loads, body) == outcome(standard_json.loads, body)


TAILS = st.text(" \t\n\r\x00\x0b\x0c\x1c\x85\xa0\u2028\u3000\ufeff]},0x", max_size=4)


@given(st.sampled_from(["", "1", "-", "12", '"a"', "null", "nul", "[1]", '{"a": 1}', "Infinity", "[", " [1]"]), TAILS)
@example("[1]", "\n")
@example("12", "\n3")
@example("[1]", "\x0b")
def test_what_follows_a_value_is_blank_or_an_error_as_in_json(value: str, tail: str) -> None:
    loads = Small().json.loads
    assert outcome(loads, value + tail) == outcome(standard_json.loads, value + tail)
    assert outcome(loads, (value + tail).encode()) == outcome(standard_json.loads, (value + tail).encode())


def test_the_json_of_an_answer_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: {"a": [1, None]})
    response = app.test_client().get("/")
    assert response.data.endswith(b"\n")
    read: list[Any] = []
    own = provider_room.scan

    def scan(text: str, start: int) -> Any:
        read.append(text)
        return own(text, start)

    monkeypatch.setattr(provider_room, "scan", scan)
    assert [response.json, response.get_json()] == [{"a": [1, None]}] * 2
    assert len(read) == 2
    monkeypatch.setattr(provider_room, "_loads", None)
    assert response.json == {"a": [1, None]}
    assert len(read) == 2
    codes = [code.co_name for code in entered(lambda: Small().json.loads('{"a": 1}\n'))]
    assert "raw_decode" in codes  # while `json.loads` counts as replaced
    monkeypatch.undo()
    assert "raw_decode" not in [code.co_name for code in entered(lambda: Small().json.loads('{"a": 1}\n'))]


# What an app keeps to write compact text with: encoders that were used before.


def kept_writer(app: tuile.Flask) -> Callable[[Any], str]:
    write = app.plan.write_json
    assert write is not None
    return write


def test_a_kept_encoder_is_clean_after_every_text_and_every_error() -> None:
    write = kept_writer(tuile.Flask("kept"))
    inner: list[Any] = [1]
    outer: dict[str, Any] = {"inner": inner, "again": inner}
    circle: list[Any] = [inner]
    circle.append(circle)
    bad: list[Any] = [inner, [outer, object()]]
    for _ in range(3):
        assert write(outer) == '{"again":[1],"inner":[1]}'
        with pytest.raises(ValueError, match="Circular reference detected"):
            write(circle)
        with pytest.raises(TypeError, match="not JSON serializable"):
            write(bad)
        with pytest.raises(TypeError, match="'<' not supported"):
            write([inner, {1: inner, "a": inner}])
        assert write([inner, outer, inner]) == '[[1],{"again":[1],"inner":[1]},[1]]'


@dataclasses.dataclass
class Holder:
    held: Any


@pytest.mark.parametrize("depth", [1, 2, 30, 3000])
@pytest.mark.parametrize("wrap", [lambda one: [one], lambda one: {"a": 1, "b": one}, Holder, lambda one: (one,)])
def test_what_contains_itself_is_refused_as_by_flask(wrap: Callable[[Any], Any], depth: int) -> None:
    app = tuile.Flask("kept")
    circle: list[Any] = []
    inner: Any = circle
    for _ in range(depth):
        inner = wrap(inner)
    circle.append(inner)
    write: Callable[[Any], str]
    for write in (kept_writer(app), app.json.dumps, lambda obj: app.json.dumps(obj, separators=(",", ":"))):
        with pytest.raises((ValueError, RecursionError)) as ours:
            write(circle)
        with pytest.raises((ValueError, RecursionError)) as theirs:
            standard_json.dumps(circle, default=_default)
        assert type(ours.value) is type(theirs.value)
        assert ours.value.__context__ is None
        # That of a RecursionError says where the limit was reached.
        if not isinstance(theirs.value, RecursionError):
            assert str(ours.value) == str(theirs.value)
        assert write([1]) == "[1]"


def test_a_default_that_writes_json_has_an_encoder_of_its_own() -> None:
    app = tuile.Flask("kept")
    inner = {"a": 1}

    class Thing: ...

    def default(_: Any) -> str:
        # The very object that the outer text is in the middle of.
        return kept_writer(app)(inner)

    app.json.default = default
    for _ in range(2):
        inner_with_thing: Any = {"thing": Thing(), "inner": inner}
        assert standard_json.loads(kept_writer(app)(inner_with_thing)) == {"thing": '{"a":1}', "inner": {"a": 1}}


def test_threads_in_the_same_object_have_encoders_of_their_own() -> None:
    app = tuile.Flask("kept")
    shared: dict[str, Any] = {"inner": [object()]}
    all_inside = threading.Barrier(4, timeout=120)

    def default(_: Any) -> str:
        all_inside.wait()
        return "x"

    app.json.default = default
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(kept_writer(app), [shared] * 4)) == ['{"inner":["x"]}'] * 4


@given(trees, st.booleans(), st.booleans())
def test_kept_encoders_write_what_flasks_dumps_does(tree: Any, ensure_ascii: bool, sort_keys: bool) -> None:
    app, theirs = tuile.Flask("kept"), flask.Flask("kept")
    for provider in (app.json, theirs.json):
        provider.ensure_ascii, provider.sort_keys = ensure_ascii, sort_keys  # type: ignore[union-attr]
    write = kept_writer(app)
    for _ in range(2):
        ours = outcome(write, tree)
        assert ours == outcome(theirs.json.dumps, tree, separators=(",", ":"))


def test_a_warm_response_enters_three_functions_before_the_responses_own(app: Small) -> None:
    class Bare:
        def __init__(self, body: str, mimetype: str) -> None:
            self.body = body

    app.response_class = Bare  # type: ignore[assignment]  # nothing of ours to count
    names = [code.co_name for code in entered(lambda: app.json.response({"a": 1}))]
    assert names == ["response", "_text", "_written", "__init__"]


def test_the_functions_use_the_current_applications_provider(app: Small) -> None:
    calls: list[tuple[str, Any, Any]] = []

    class Provider:
        def __getattr__(self, name: str) -> Any:
            def method(*args: Any, **kwargs: Any) -> str:
                calls.append((name, args, kwargs))
                return name

            return method

    app.json = cast("Any", Provider())
    assert json.dumps(1, a=2) == "dumps"
    assert json.loads("1", a=2) == "loads"
    assert json.load(cast("Any", "file"), a=2) == "load"
    assert cast("Any", json.jsonify(1, a=2)) == "response"
    json.dump(1, cast("Any", "file"), a=2)
    assert calls == [
        ("dumps", (1,), {"a": 2}),
        ("loads", ("1",), {"a": 2}),
        ("load", ("file",), {"a": 2}),
        ("response", (1,), {"a": 2}),
        ("dump", (1, "file"), {"a": 2}),
    ]


@given(tree=trees)
def test_outside_an_application_the_functions_do_as_flasks_do(tree: Any) -> None:
    assert outcome(json.dumps, tree) == outcome(flask.json.dumps, tree)
    ours, theirs = io.StringIO(), io.StringIO()
    assert outcome(json.dump, tree, ours, indent=1) == outcome(flask.json.dump, tree, theirs, indent=1)
    assert ours.getvalue() == theirs.getvalue()


def test_outside_an_application_text_and_files_are_read() -> None:
    assert json.loads('{"a": 1}', parse_int=str) == {"a": "1"}
    assert json.loads(b"[1]") == [1]
    assert json.load(io.BytesIO(b"[1]"), parse_int=str) == ["1"]


ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    (({},), {}),
    (([],), {}),
    ((None,), {}),
    (({"b": 1, "a": "\xfc"},), {}),
    (([1, 2],), {}),
    ((1, [2]), {}),
    (({"a": 1},), {"b": 2}),
    ((), {"b": 2, "a": [1]}),
    (("text",), {}),
    ((object(),), {}),
]


CHANGES: dict[str, Any] = {
    "nothing": lambda lib, app, other: None,
    "debug": lambda lib, app, other: app.config.update(DEBUG=True),
    "compact": lambda lib, app, other: setattr(app.json, "compact", False),
    "mimetype": lambda lib, app, other: setattr(app.json, "mimetype", "application/x-own"),
    "dumps": lambda lib, app, other: setattr(app.json, "dumps", lambda obj, **kwargs: "dumped"),
    "response": lambda lib, app, other: setattr(app.json, "response", lambda *args, **kwargs: lib.Response("own")),
    "arguments": lambda lib, app, other: setattr(app.json, "_prepare_response_obj", lambda args, kwargs: ["own"]),
    "another app's provider": lambda lib, app, other: setattr(app, "json", other.json),
    "class": lambda lib, app, other: setattr(app, "response_class", other.response_class),
}


@pytest.mark.parametrize("change", CHANGES)
def test_jsonify_makes_the_response_of_the_provider(change: str) -> None:
    def shown(made: Any) -> Any:
        return made.status, list(made.headers), made.data, type(made).__name__

    def program(lib: Any) -> Any:
        app, other = make_app(lib), make_app(lib)
        other.response_class = type("Other", (lib.Response,), {"default_status": 203})
        found = []
        for step in range(3):
            if step == 2:
                CHANGES[change](lib, app, other)
            with app.app_context():
                found += [
                    outcome(lambda args=args, kwargs=kwargs: shown(lib.jsonify(*args, **kwargs)))
                    for args, kwargs in ARGUMENTS
                ]
                found += [outcome(lambda body=body: shown(app.make_response(body))) for body in ({"a": 1}, [1])]
        return found

    same(program)


class Own:
    def __html__(self) -> str:
        return "own"


OBJECTS: list[Any] = [{"b": 1, "a": "\xfc"}, [1, {"k": [None]}], "text", Own(), object(), {1: 2, "a": 3}]
STEPS: dict[str, Any] = {
    "none": lambda lib, provider: None,
    "ascii": lambda lib, provider: setattr(provider, "ensure_ascii", not provider.ensure_ascii),
    "sort": lambda lib, provider: setattr(provider, "sort_keys", not provider.sort_keys),
    "default": lambda lib, provider: setattr(provider, "default", lambda value: "converted"),
    "writes": lambda lib, provider: setattr(provider, "default", lambda value: provider.dumps([1])),
    "no default": lambda lib, provider: setattr(provider, "default", None),
    "sorted": lambda lib, provider: setattr(provider, "sort_keys", True),
    "class": lambda lib, provider: setattr(type(provider), "ensure_ascii", not type(provider).ensure_ascii),
    "property": lambda lib, provider: setattr(type(provider), "sort_keys", property(lambda self: False)),
    "method": lambda lib, provider: setattr(type(provider), "default", lambda self, value: "of the class"),
    "options": lambda lib, provider: provider.dumps([1, {"a": 2}], indent=1),
    "dumps": lambda lib, provider: setattr(
        type(provider), "dumps", lambda self, obj, **options: f"own {super(type(self), self).dumps(obj, **options)}"
    ),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=6))
def test_text_is_written_by_the_settings_of_the_moment(steps: list[str]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.json = type("Own", (lib.json.provider.DefaultJSONProvider,), {})(app)
        found: list[Any] = []
        for step in ["none", *steps]:
            found.append(outcome(STEPS[step], lib, app.json))
            for _ in range(3):
                found += [outcome(app.json.dumps, obj) for obj in OBJECTS]
                with app.app_context():
                    found += [outcome(lib.json.dumps, obj) for obj in OBJECTS]
        return found

    same(program)


def test_a_copy_of_a_provider_converts_in_its_own_way() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.json.provider.DefaultJSONProvider):  # type: ignore[misc]
            shown = "first"

            def default(self, o: object) -> str:
                return self.shown

        provider = Own(make_app(lib))
        found = []
        for name in ("second", "third"):
            found += [provider.dumps(object()) for _ in range(3)]
            another = copy.copy(provider)
            another.shown = name
            found += [another.dumps(object()) for _ in range(3)]
        return found

    same(program)


def test_jsonify_needs_an_application() -> None:
    with pytest.raises(RuntimeError) as ours:
        json.jsonify(1)
    with pytest.raises(RuntimeError) as theirs:
        flask.jsonify(1)
    assert str(ours.value) == str(theirs.value) == NO_APP_MESSAGE


def test_what_has_no_form_in_json_is_an_error_that_names_its_type() -> None:
    with pytest.raises(TypeError, match=r"^Object of type object is not JSON serializable$"):
        _default(object())
