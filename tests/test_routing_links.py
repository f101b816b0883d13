# ruff: noqa: DTZ001, E501 - as users do; the values fill their lines
"""URLs by links are Flask's, for values of every type and every option, the first time and once code was generated."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.routing import BaseConverter, ValidationError

import tuile
from tests.beside_flask import make_environ, outcome, same
from tuile import invalidation
from tuile.routing import kept_texts, links, writing

if TYPE_CHECKING:
    from collections.abc import Callable


class Level(enum.IntEnum):
    """A number of a class of its own."""

    HIGH = 3


class Color(enum.Enum):
    """Neither a number nor a text."""

    RED = "r e d"


class Loud(str):
    """A text that writes itself down in another way."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Page:
    """An object with a text, and another one for HTML."""

    def __str__(self) -> str:
        return "p ä/ge"

    def __html__(self) -> str:
        return "<b>"

    def __int__(self) -> int:
        return 12


class Names(BaseConverter):
    """A converter that joins some texts and refuses an empty list."""

    def to_url(self, value: Any) -> str:
        if not value:
            raise ValidationError
        return "+".join(value)


class Strange(BaseConverter):
    """A converter whose result need not be a text."""

    def to_url(self, value: Any) -> Any:
        return value


EXAMPLES = [
    0, 1, -1, 42, 2**64, True, False, None, 1.0, -0.0, 0.1, 1e20, 1e-7, float("nan"), float("inf"), 1.5, Decimal("1.50"),
    Decimal("1E+9"), Level.HIGH, Color.RED, "", "a", "1", "01", " 7 ", "ada", "a b", "ü", "漢", "😀", "a/b", "//x", "/", "..",
    "../x", "a?b=c&d#e", "a+b", "%2F", "100%", "a\r\nb", "\x00", "\x7f", "\ud800", "x\udfffy", "é" * 200, "a" * 5000,
    "ada@example.com", "de", "en", "fr", "12345678-1234-5678-1234-567812345678", b"bytes", b"\xff ", bytearray(b"x y"),
    uuid.UUID("12345678-1234-5678-1234-567812345678"), uuid.UUID(int=0), date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5),
    datetime(2026, 1, 2, 3, 4, 5, 6), datetime(2026, 1, 2, fold=1), datetime(2026, 1, 2, tzinfo=timezone.utc),
    datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2026, 1, 2), timedelta(1), Markup("a<b &amp;"),
    Markup("de"), Loud("loud"), Loud("de"), Page(), [], [1, None, "a b"], ("x", 2.5, b"y"), [["n"]], {"one"}, {}, {"k": "v"},
    [date(2026, 1, 2), Loud("x"), True], range(2), iter(()), object, 1j,
]  # fmt: skip
VALUES = st.sampled_from(EXAMPLES) | st.text() | st.integers() | st.floats() | st.uuids() | st.datetimes() | st.dates()
RULES: dict[str, tuple[str, ...]] = {
    "none": ("/about",),
    "text": ("/<a>",),
    "inside": ("/x/<a>/y",),
    "int": ("/n/<int:a>",),
    "digits": ("/d/<int(fixed_digits=3):a>",),
    "signed": ("/<int(signed=True):a>",),
    "float": ("/f/<float:a>",),
    "path": ("/p/<path:a>",),
    "uuid": ("/u/<uuid:a>",),
    "uuid first": ("/<uuid:a>/x",),
    "any": ("/<any(de, en, a):a>/home",),
    "two": ("/two/<int:a>/<b>",),
    "ü": ("/ü {}/<b>",),
    "three": ("/<any(de, en):a>/<int:b>/<path:c>",),
    "names": ("/names/<names:a>/<b>",),
    "strange": ("/<strange:a>",),
    "several": ("/s/<int:a>", "/s/<int:a>/<b>", "/s"),
    "own": ("/o/<names:a>", "/o/<b>"),
}
OPTIONS: dict[str, Any] = {
    "_anchor": st.sampled_from(["top", "a b#", "", "ü", None, 5, Loud("x"), Markup("m n"), "\ud800"]),
    "_external": st.sampled_from([True, False, None, 1, ""]),
    "_scheme": st.sampled_from(["https", "http", "", None, "ftp", "wss"]),
    "_method": st.sampled_from(["GET", "POST", "get", None, ""]),
}
asked = st.tuples(
    st.sampled_from([*RULES, "pages", "posts", "missing", ".text"]),
    st.dictionaries(st.sampled_from(["a", "b", "c", "q r", "ü", "self", "endpoint_"]), VALUES, max_size=4),
    st.fixed_dictionaries({}, optional=OPTIONS),
)
PLACES: dict[str, dict[str, str] | None] = {
    "root": {},
    "another host": {"HTTP_HOST": "Example.ORG:8080", "wsgi.url_scheme": "https"},
    "port": {"HTTP_HOST": "example.org:80"},
    "mounted": {"SCRIPT_NAME": "/mounted"},
    "outside": None,
}


def make(lib: Any, **config: Any) -> Any:
    app = lib.Flask("links", static_folder=None)
    app.config.update(config)
    app.url_map.converters |= {"names": Names, "strange": Strange}
    for endpoint, rules in RULES.items():
        for rule in rules:
            app.add_url_rule(rule, endpoint)
    app.add_url_rule("/pages/", "pages", defaults={"a": 1})
    app.add_url_rule("/pages/<int:a>", "pages")
    app.add_url_rule("/posts/<b>", "posts", methods=["GET"])
    app.add_url_rule("/posts/<b>/new", "posts", methods=["POST"])
    return app


def _short(value: Any) -> Any:
    """Return an outcome without what differs between two calls on one framework: the address of an object."""
    return value if "object at 0x" not in str(value) else type(value)


@pytest.mark.parametrize("uses", [0, 10_000], ids=["generated", "first"])
@pytest.mark.parametrize("place", PLACES)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(calls=st.lists(asked, min_size=1, max_size=6))
def test_urls_are_flasks_for_any_values_and_options(
    place: str, uses: int, calls: list[tuple[str, dict[str, Any], dict[str, Any]]]
) -> None:
    def program(lib: Any) -> list[Any]:
        environ = PLACES[place]
        app = make(lib, **({"SERVER_NAME": "example.com"} if environ is None else {}))
        context = app.app_context() if environ is None else app.request_context(make_environ(**environ))
        with context:
            return [
                _short(outcome(lib.url_for, endpoint, **values, **options))
                for endpoint, values, options in calls
                for _ in range(2)
            ]

    with mock.patch.object(writing, "USES_BEFORE_GENERATING", uses):
        same(program)


@pytest.mark.parametrize("endpoint", [*RULES, "pages"])
@pytest.mark.parametrize("uses", [0, 10_000], ids=["generated", "first"])
def test_each_value_is_written_as_by_flask_wherever_it_stands(endpoint: str, uses: int) -> None:
    def program(lib: Any) -> list[Any]:
        app = make(lib)
        with app.test_request_context():
            seen = []
            for value in EXAMPLES:
                for given_ in (
                    {"a": value},
                    {"a": 1, "b": value},
                    {"b": value, "q": value},
                    {"a": "de", "b": 1, "c": value},
                ):
                    seen += [_short(outcome(lib.url_for, endpoint, **given_)) for _ in range(2)]
                    seen.append(_short(outcome(app.url_for, endpoint, **given_)))
            return seen

    with mock.patch.object(writing, "USES_BEFORE_GENERATING", uses):
        same(program)


def test_moments_and_uuids_are_kept_within_limits() -> None:
    for number in range(2_000):
        links.text_in_query(datetime(2026, 1, 2) + timedelta(number))
        links.text_in_query(date(2026, 1, 2) + timedelta(number))
        links.text_in_query(uuid.UUID(int=number))
    assert 0 < len(kept_texts.uuid_texts) <= 512
    assert 0 < len(kept_texts.moment_texts) <= 512


def _outside(change: Callable[[Any, Any, Any], object]) -> list[Any]:
    def program(lib: Any) -> list[Any]:
        app = make(lib, SERVER_NAME="example.com", APPLICATION_ROOT="/root")
        seen = []
        with app.app_context() as context:
            for number in range(4):
                for endpoint in ("none", "text", ".text", "missing"):
                    seen += [outcome(lib.url_for, endpoint, a="x", _anchor=anchor) for anchor in (None, "y")]
                    seen += [outcome(lib.url_for, endpoint, a="x"), outcome(app.url_for, endpoint, a="x", q="a b")]
                    seen.append(outcome(lib.url_for, endpoint, a="x", _external=False))
                if number == 1:
                    change(lib, app, context)
        with app.app_context():
            seen.append(outcome(lib.url_for, "text", a="x"))
        with app.test_request_context(), app.app_context():
            seen.append(outcome(lib.url_for, "text", a="x"))
        return seen

    return same(program)


@pytest.mark.parametrize(
    "change",
    [
        lambda lib, app, context: None,
        lambda lib, app, context: setattr(context.url_adapter, "server_name", "own.example"),
        lambda lib, app, context: setattr(context.url_adapter, "url_scheme", "https"),
        lambda lib, app, context: setattr(context.url_adapter, "script_name", "/own/"),
        lambda lib, app, context: setattr(context.url_adapter, "subdomain", "sub"),
        lambda lib, app, context: setattr(context, "url_adapter", app.url_map.bind("own.example")),
        lambda lib, app, context: setattr(context, "url_adapter", None),
        lambda lib, app, context: app.config.update(SERVER_NAME="later.example", PREFERRED_URL_SCHEME="https"),
        lambda lib, app, context: app.add_url_rule("/first", "text"),
        lambda lib, app, context: app.url_defaults(lambda endpoint, values: values.setdefault("lang", "de")),
        lambda lib, app, context: app.url_build_error_handlers.append(lambda error, endpoint, values: f"no {endpoint}"),
        lambda lib, app, context: app.url_map._rules_by_endpoint.pop("text"),
    ],
)
def test_what_is_changed_outside_a_request_counts(change: Callable[[Any, Any, Any], object]) -> None:
    _outside(change)


def test_the_options_of_an_endpoint_with_values_of_the_same_names_are_no_options() -> None:
    def program(lib: Any) -> list[Any]:
        app = lib.Flask("named", static_folder=None)
        app.add_url_rule("/<_external>", "named")

        @app.url_defaults  # type: ignore[untyped-decorator]
        def add(endpoint: str, values: dict[str, Any]) -> None:
            values["_anchor"] = "added"

        app.add_url_rule("/<a>", "text")
        with app.test_request_context():
            return [outcome(lib.url_for, "text", a="x", _anchor="y"), outcome(lib.url_for, "named", _external="x")] * 2

    same(program)


def test_a_link_is_kept_over_changes_elsewhere() -> None:
    app = make(tuile)
    with mock.patch.object(writing, "USES_BEFORE_GENERATING", 0):
        for _ in range(3):
            with app.test_request_context():
                assert tuile.url_for("text", a="x") == "/x"
                write = app.url_map._rules_by_endpoint["text"].link.write
            invalidation.invalidate()
            assert app.url_map._rules_by_endpoint["text"].link.write is write
