"""Sessions: Flask's cookies to the byte, Flask's headers, and nothing is opened that nobody asks for."""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
import threading
import time
import warnings
import zlib
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import UUID

import flask
import itsdangerous
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from itsdangerous import base64_encode
from markupsafe import Markup
from werkzeug.datastructures import Headers, HeaderSet
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import ABSENT, Answer, make_environ, outcome, part, same, send
from tuile.ctx.opening import Opening
from tuile.json.tag import JSONTag, TaggedJSONSerializer
from tuile.sessions import SecureCookieSession, SecureCookieSessionInterface

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tuile import Flask
    from tuile.testing import FlaskClient

NOW = int(time.time())
KEY = "a secret for tests"

quick = settings(
    derandomize=True, deadline=None, database=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)


@contextmanager
def frozen(now: int = NOW) -> Iterator[None]:
    """Let the clock stand still for what is signed; Expires comes from another one, see `lines`."""
    with mock.patch("time.time", return_value=now):
        yield


def lines(answer: Answer) -> list[str]:
    """The Set-Cookie lines, with how far off an Expires is instead of its date."""

    def how_far(match: re.Match[str]) -> str:
        away = parsedate_to_datetime(match[1]) - datetime.now(timezone.utc)
        return match[0] if away < timedelta(days=-3650) else f"Expires={int(round(away.total_seconds(), -2))}"

    return [re.sub("Expires=([^;]*)", how_far, value) for name, value in answer.headers if name == "Set-Cookie"]


def vary(answer: Answer) -> list[str]:
    fields = [field for name, value in answer.headers if name == "Vary" for field in value.split(",")]
    return sorted(field.strip().lower() for field in fields)


def token_of(answer: Answer) -> str | None:
    """What the session cookie was set to; None where it was not set, an empty text where it was deleted."""
    (line,) = lines(answer) or [""]
    return line.partition(";")[0].partition("=")[2] if line else None


def new_app(lib: Any, **config: Any) -> Any:
    """An app of either framework that stores what its environ has, and tells what it finds."""
    app = lib.Flask("app", static_folder=None)
    app.config.update({"SECRET_KEY": KEY, **config})
    app.add_url_rule("/write", "write", lambda: lib.session.update(lib.request.environ["test.content"]) or "written")
    app.add_url_rule("/read", "read", lambda: repr(dict(lib.session)))
    app.add_url_rule("/clear", "clear", lambda: lib.session.clear() or "cleared")
    app.add_url_rule("/nothing", "nothing", lambda: "nothing")
    return app


@cache
def shared_app(lib: Any) -> Any:
    return new_app(lib)


def written(app: Any, content: dict[str, Any], now: int = NOW) -> str | None:
    """The session cookie with this content."""
    with frozen(now):
        return token_of(send(app, make_environ("/write") | {"test.content": content}))


def visit(app: Any, token: str | None, path: str = "/read", now: int = NOW) -> Answer:
    with frozen(now):
        return send(app, make_environ(path, HTTP_COOKIE=ABSENT if token is None else f"session={token}"))


# --- the bytes are Flask's --------------------------------------------------------------------------------------------

TAGS = [" t", " b", " di", " d", " u", " m"]
BEGINNING = datetime.fromtimestamp(0, timezone.utc).replace(tzinfo=None)

names = st.one_of(st.text(max_size=8), st.sampled_from([*TAGS, " t__", "a", "_permanent"]))
moments = st.datetimes(BEGINNING, BEGINNING + timedelta(days=50_000), timezones=st.sampled_from([None, timezone.utc]))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.text(max_size=3).map(lambda text: text * 500),
    st.binary(),
    st.text().map(Markup),
    st.uuids(),
    moments,
)
contents = st.dictionaries(
    names,
    st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(names, inner, max_size=3),
            st.tuples(st.sampled_from(TAGS), inner).map(lambda pair: dict([pair])),
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def written_and_read(lib: Any, content: dict[str, Any]) -> tuple[Any, str | None]:
    app = shared_app(lib)
    token = outcome(written, app, content)
    return token, visit(app, token[1]).text if token[0] == "returned" else None


@quick
@given(contents)
@example({"a": (1, (2, []), {" t": [3]}), "b": b"\0\xff", "m": Markup("<b>"), "u": UUID(int=7)})
@example({"d": datetime(2024, 2, 29, 12, tzinfo=timezone.utc), "long": "a" * 5000, " t": 1, "é": "日本\ud800"})
@example({" t": [1, 2]})
@example({" di": {" di": {" di__": (1,)}}})
@example({"_permanent": True})
def test_the_cookie_is_flasks_to_the_byte_and_is_read_as_flask_reads_it(content: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about large cookies
        same(written_and_read, content)


def test_a_session_that_lived_in_flask_goes_on_in_tuile_and_back() -> None:
    theirs, ours = new_app(flask), new_app(tuile)
    token = written(theirs, {"user": 7, "roles": ("a", "b"), "long": "x" * 200})
    assert (
        visit(ours, token).text
        == visit(theirs, token).text
        == repr({"long": "x" * 200, "roles": ("a", "b"), "user": 7})
    )
    token = written(ours, {"user": 8})
    assert visit(theirs, token).text == "{'user': 8}"


def test_the_json_settings_of_the_app_write_the_session() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)
        app.json.ensure_ascii = False
        app.json.sort_keys = False
        token = written(app, {"z": "é", "a": 1})
        return token, visit(app, token).text

    assert same(program)[1] == "{'z': 'é', 'a': 1}"


def test_a_value_that_has_no_json_is_an_error_in_the_request() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib, TESTING=True)
        return outcome(written, app, {"a": object()})

    assert same(program)[1] == "TypeError"


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", [flask, tuile])
@pytest.mark.parametrize("reader", [flask, tuile])
@pytest.mark.parametrize(
    ("old", "new", "fallbacks"),
    [
        ("old", "new", ["old"]),
        (b"old", "new", ("older", b"old")),
        ("old", b"\xff\0", {"old"}),
        ("öld", "new", ["a", "b", "c", "öld"]),
    ],
)
def test_a_session_survives_a_change_of_keys(writer: Any, reader: Any, old: Any, new: Any, fallbacks: Any) -> None:
    before = new_app(writer, SECRET_KEY=old)
    after = new_app(reader, SECRET_KEY=new, SECRET_KEY_FALLBACKS=fallbacks)
    token = written(before, {"user": 7})
    assert visit(after, token).text == "{'user': 7}"
    renewed = written(after, {"user": 8})
    assert visit(before, renewed).text == "{}"
    assert visit(after, renewed).text == "{'user': 8}"
    # And when the old key is gone for good:
    later = new_app(reader, SECRET_KEY=new)
    assert visit(later, token).text == "{}"
    assert visit(later, renewed).text == "{'user': 8}"


def test_keys_changed_while_the_app_runs_count_at_once() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)
        seen = [written(app, {"a": 1})]
        app.secret_key = "another"
        seen += [visit(app, seen[0]).text, written(app, {"a": 2})]
        app.config["SECRET_KEY_FALLBACKS"] = [KEY]
        seen += [visit(app, seen[0]).text]
        app.config["SECRET_KEY_FALLBACKS"].clear()
        seen += [visit(app, seen[0]).text, visit(app, seen[2]).text]
        app.secret_key = None
        return [*seen, visit(app, seen[2]).text]

    assert same(program)[1::2] == ["{}", "{'a': 1}", "{'a': 2}"]


def test_a_key_that_a_subclass_keeps_elsewhere_is_used() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # of either framework
            secret_key = property(lambda self: b"from a safe")

        app = Own("app", static_folder=None)
        app.add_url_rule("/write", "write", lambda: lib.session.update(a=1) or "written")
        with frozen():
            return lines(send(app, make_environ("/write")))

    assert len(same(program)) == 1


@pytest.mark.parametrize("fallbacks", ["old key", b"old key"])
def test_a_single_key_as_the_fallbacks_is_an_error_with_a_cure(fallbacks: Any) -> None:
    token = written(new_app(tuile), {"a": 1})
    app = new_app(tuile, TESTING=True, SECRET_KEY_FALLBACKS=fallbacks)
    text = rf"SECRET_KEY_FALLBACKS must be a list of keys.*{type(fallbacks).__name__}.*\[key\]"
    for attempt in (lambda: written(app, {"a": 1}), lambda: visit(app, token)):
        with pytest.raises(TypeError, match=text):
            attempt()
    with pytest.raises(TypeError, match=text):
        SecureCookieSessionInterface().get_signing_serializer(app)


def test_no_fallbacks_may_be_written_in_several_ways() -> None:
    none: list[Any] = [None, [], (), ""]
    for fallbacks in none:
        app = new_app(tuile, SECRET_KEY_FALLBACKS=fallbacks)
        assert visit(app, written(app, {"a": 1})).text == "{'a': 1}"


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": "another"},
        {"salt": b"another"},
        {"key_derivation": "django-concat"},
        {"digest_method": staticmethod(hashlib.sha256)},
        {"serializer": json},
    ],
    ids=["salt", "salt in bytes", "derivation", "digest", "serializer"],
)
def test_an_interface_that_signs_in_another_way_does_so_as_in_flask(changes: dict[str, Any]) -> None:
    def program(lib: Any, on: str) -> Any:
        stock = part(lib, "sessions").SecureCookieSessionInterface
        app = new_app(lib)
        app.session_interface = type("Own", (stock,), changes)() if on == "class" else stock()
        if on == "instance":
            for name, value in changes.items():
                setattr(app.session_interface, name, getattr(value, "__func__", value))
        token = written(app, {"a": [1, "b"]})
        assert token != written(new_app(lib), {"a": [1, "b"]}) or "serializer" in changes
        return token, visit(app, token).text

    for on in ("class", "instance"):
        assert same(program, on)[1] == "{'a': [1, 'b']}"


def _another_domain(interface: Any, app: Any) -> str:
    return "example.com"


def _own_serializer(lib: Any) -> Any:
    """Return a `get_signing_serializer` that signs in a way of its own."""

    def get_signing_serializer(interface: Any, app: Any) -> Any:
        return itsdangerous.URLSafeTimedSerializer("own", salt="own", serializer=interface.serializer)

    return get_signing_serializer


@pytest.mark.parametrize("where", ["class", "base", "instance"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("salt", "another"),
        ("salt", b"another"),
        ("salt", property(lambda interface: "a property")),
        ("key_derivation", "concat"),
        ("digest_method", staticmethod(hashlib.sha256)),
        ("serializer", json),
        ("get_signing_serializer", None),
    ],
)
def test_an_interface_whose_signing_changes_while_the_app_runs_signs_as_flasks_does(
    name: str, value: Any, where: str
) -> None:
    if where == "instance" and isinstance(value, property):
        pytest.skip("a property is of a class")

    def program(lib: Any) -> Any:
        stock = part(lib, "sessions").SecureCookieSessionInterface
        base = type("Base", (stock,), {"get_cookie_domain": _another_domain})
        own = type("Own", (base,), {})
        app = new_app(lib)
        app.session_interface = own()
        before = written(app, {"a": [1, "b"]})
        change: Any = _own_serializer(lib) if value is None else value
        if where == "instance":
            change = getattr(change, "__func__", change)
            change = change.__get__(app.session_interface) if value is None else change
        setattr({"class": own, "base": base, "instance": app.session_interface}[where], name, change)
        after = written(app, {"a": [1, "b"]})
        assert (before != after) or name == "serializer"
        return before, after, visit(app, before).text, visit(app, after).text

    assert same(program)[3] == "{'a': [1, 'b']}"


def test_a_tag_that_is_registered_while_the_app_runs_is_used_by_an_interface_with_its_own_attributes() -> None:
    class Own(SecureCookieSessionInterface):
        serializer = TaggedJSONSerializer()

        def get_cookie_domain(self, app: Any) -> str:
            return "example.com"

    app = new_app(tuile)
    app.session_interface = Own()
    app.add_url_rule("/kind", "kind", lambda: type(tuile.session["a"]).__name__)
    before = written(app, {"a": Colour("red")})
    Own.serializer.register(TagColour, index=0)
    after = written(app, {"a": Colour("red")})
    assert before != after
    assert visit(app, after, "/kind").text == "Colour"


@pytest.mark.parametrize("change", ["cookies", "environ", "headers", "another class"])
def test_a_request_with_its_own_cookies_decides_which_session_is_read(change: str) -> None:
    maker, app = new_app(tuile), new_app(tuile)
    one, other = written(maker, {"a": 1}), written(maker, {"a": 2})

    class Own(tuile.Request):
        @property
        def cookies(self) -> Any:  # as some programs do
            return {"session": other}

    @app.before_request  # type: ignore[untyped-decorator] # of either framework
    def before() -> None:
        request: Any = tuile.request
        if change == "cookies":
            request.cookies = {"session": other}
        elif change == "environ":
            request.environ["HTTP_COOKIE"] = f"session={other}"
        elif change == "headers":
            request.headers = Headers({"Cookie": f"session={other}"})

    if change == "another class":
        app.request_class = Own
    visit(app, one)
    assert visit(app, one).text == "{'a': 2}"


# --- what is saved without a response object --------------------------------------------------------------------------


def _patch_set_cookie(lib: Any, app: Any) -> None:
    class Own(lib.Response):  # type: ignore[misc] # of either framework
        def set_cookie(self, key: str, value: str = "", *args: Any, **kwargs: Any) -> None:
            super().set_cookie(f"own-{key}", value, *args, **kwargs)

    app.response_class = Own


def _patch_delete_cookie(lib: Any, app: Any) -> None:
    class Own(lib.Response):  # type: ignore[misc] # of either framework
        def delete_cookie(self, key: str, *args: Any, **kwargs: Any) -> None:
            super().delete_cookie(f"own-{key}", *args, **kwargs)

    app.response_class = Own


def _patch_size(lib: Any, app: Any) -> None:
    class Own(lib.Response):  # type: ignore[misc] # of either framework
        max_cookie_size = 0

    app.response_class = Own


def _with_an_attribute(name: str, value: Any) -> Any:
    def change(lib: Any, app: Any) -> None:
        own = value(app) if name.startswith(("get_", "is_", "should_", "save_", "open_")) else value
        setattr(app.session_interface, name, own)

    return change


def _with_a_null_class(lib: Any, app: Any) -> None:
    app.session_interface.null_session_class = part(lib, "sessions").SecureCookieSession


def _after_request(lib: Any, app: Any) -> None:
    @app.after_request  # type: ignore[untyped-decorator]
    def after(response: Any) -> Any:
        response.headers["X-Seen"] = ",".join(name for name, _ in response.headers)
        return response


def _after_this_request(lib: Any, app: Any) -> None:
    @app.before_request  # type: ignore[untyped-decorator]
    def before() -> None:
        @lib.after_this_request  # type: ignore[untyped-decorator]
        def after(response: Any) -> Any:
            lib.session["late"] = 1
            return response


def _request_finished(lib: Any, app: Any) -> None:
    def finished(sender: Any, response: Any) -> None:
        response.headers["X-Seen"] = ",".join(name for name, _ in response.headers)

    app.kept = finished  # signals refer to it weakly
    part(lib, "signals").request_finished.connect(finished, app)


def _own_finalize(lib: Any, app: Any) -> None:
    original = app.finalize_request

    def finalize_request(*args: Any, **kwargs: Any) -> Any:
        response = original(*args, **kwargs)
        response.headers["X-Seen"] = ",".join(name for name, _ in response.headers)
        return response

    app.finalize_request = finalize_request


def _own_provider(lib: Any, app: Any) -> None:
    app.json = type("Own", (type(app.json),), {"sort_keys": False})(app)


def _secure(lib: Any, app: Any) -> None:
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_PATH="/x y")


#: What changes how a session is saved, by a program that runs on both frameworks.
CHANGES: dict[str, Any] = {
    "nothing": lambda lib, app: None,
    "set_cookie of the response": _patch_set_cookie,
    "delete_cookie of the response": _patch_delete_cookie,
    "the size of the response's cookies": _patch_size,
    "get_cookie_domain of the interface": _with_an_attribute("get_cookie_domain", lambda app: lambda _: "example.com"),
    "should_set_cookie of the interface": _with_an_attribute("should_set_cookie", lambda app: lambda *_: True),
    "save_session of the interface": _with_an_attribute(
        "save_session", lambda app: lambda app, session, response: response.headers.add("X-Saved", repr(dict(session)))
    ),
    "open_session of the interface": _with_an_attribute("open_session", lambda app: lambda *_: None),
    "the salt of the interface": _with_an_attribute("salt", "another"),
    "the class of null sessions": _with_a_null_class,
    "after_request": _after_request,
    "after_this_request": _after_this_request,
    "request_finished": _request_finished,
    "finalize_request": _own_finalize,
    "settings": _secure,
    "another provider": lambda lib, app: setattr(
        app, "json", type("Own", (type(app.json),), {"sort_keys": False})(app)
    ),
    "a key": lambda lib, app: app.config.update(SECRET_KEY="another key for the same application"),
    "no key": lambda lib, app: app.config.update(SECRET_KEY=None),
    "a lifetime": lambda lib, app: app.config.update(PERMANENT_SESSION_LIFETIME=60),
    "no renewal": lambda lib, app: app.config.update(SESSION_REFRESH_EACH_REQUEST=False),
    "a name": lambda lib, app: app.config.update(SESSION_COOKIE_NAME="another"),
}


@pytest.mark.parametrize("early", [True, False], ids=["from the start", "while it runs"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_the_saving_of_a_session_counts_at_once(change: str, early: bool) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app", static_folder=None)
        app.config["SECRET_KEY"] = KEY
        # Flask's applications share one.
        app.session_interface = part(lib, "sessions").SecureCookieSessionInterface()
        views: dict[str, Any] = {
            "read": lambda: str(lib.session.get("n")),
            "write": lambda: lib.session.update(n=1) or {"written": True},
            "long": lambda: lib.session.update(n="x" * 6000, m=[1]) or "long",
            "clear": lambda: lib.session.clear() or "cleared",
            "last": lambda: lib.session.update(_permanent=True) or ["permanent"],
            "inside": lambda: lib.session.setdefault("m", []) or "inside",
            "nothing": lambda: "nothing",
            "wrong": lambda: lib.session.update(n=...) or "wrong",
            "made": lambda: lib.session.update(n=2) or lib.make_response("made"),
            "bytes": lambda: lib.session.update(n=3) or b"bytes",
        }
        for name, view in views.items():
            app.add_url_rule(f"/{name}", name, view)
        if early or "request" in change:
            # Functions cannot be registered later.
            CHANGES[change](lib, app)
        token, found = None, []
        for changed in (False, True):
            if changed and not (early or "request" in change):
                CHANGES[change](lib, app)
            for name in (*views, "write", *views):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    answer = visit(app, token, f"/{name}")
                extra = [value for header, value in answer.headers if header.startswith("X-")]
                found.append((name, answer.status, lines(answer), vary(answer), answer.text, extra))
                new = token_of(answer) if len(lines(answer)) == 1 else None
                token = token if new is None else new or None
        return found

    same(program)


# --- the line that sets the cookie ------------------------------------------------------------------------------------

options = st.fixed_dictionaries(
    {},
    optional={
        "SESSION_COOKIE_NAME": st.sampled_from(["session", "s", "__Host-s", "sessión", "a.b"]),
        "SESSION_COOKIE_DOMAIN": st.sampled_from(
            [None, False, "example.com", ".example.com", "Example.COM", "localhost", "exämple.com", "example.com:5000"]
        ),
        "SESSION_COOKIE_PATH": st.sampled_from([None, "/", "/app", "/a b", "/ä", "", "/a%20b", "/x,y"]),
        "SESSION_COOKIE_HTTPONLY": st.booleans(),
        "SESSION_COOKIE_SECURE": st.booleans(),
        "SESSION_COOKIE_SAMESITE": st.sampled_from([None, "Lax", "Strict", "None", "lax", "STRICT"]),
        "SESSION_COOKIE_PARTITIONED": st.booleans(),
        "APPLICATION_ROOT": st.sampled_from(["/", "/root"]),
        "PERMANENT_SESSION_LIFETIME": st.sampled_from([timedelta(hours=5), 3600, 0, timedelta(days=400), 100000.5]),
        "MAX_COOKIE_SIZE": st.sampled_from([0, 4093]),
    },
)


@quick
@given(options, st.booleans())
def test_every_option_gives_the_line_that_flask_gives(config: dict[str, Any], permanent: bool) -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib, **config)
        content = {"a": 1, "_permanent": True} if permanent else {"a": 1}
        with frozen():
            answers = [send(app, make_environ("/write") | {"test.content": content})]
            answers.append(send(app, make_environ("/clear", HTTP_COOKIE=lines(answers[0])[0].partition(";")[0])))
        return [(answer.status, vary(answer), lines(answer)) for answer in answers]

    same(program)


@pytest.mark.parametrize("samesite", ["anything", "", "lax ", 5])
def test_an_impossible_samesite_is_an_error_in_the_request(samesite: Any) -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib, TESTING=True, SESSION_COOKIE_SAMESITE=samesite)
        return outcome(written, app, {"a": 1})[0]

    assert same(program) == "raised"


def test_a_large_session_warns_as_flask_does() -> None:
    def program(lib: Any, limit: int, size: int) -> list[str]:
        app = new_app(lib, MAX_COOKIE_SIZE=limit)
        content = {"a": random.Random(1).randbytes(size).hex()}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            written(app, content)
        return [f"{warning.category.__name__}: {warning.message}" for warning in caught]

    assert len(same(program, 4093, 5_000)) == 1
    assert len(same(program, 50, 10)) == 1
    assert same(program, 0, 5_000) == []
    assert same(program, 4093, 100) == []


# --- sequences of operations ------------------------------------------------------------------------------------------

keys = st.sampled_from(["a", "b", "list"])
plain_values = st.sampled_from([1, "x", None, (1, 2)])
steps = st.one_of(
    st.tuples(st.sampled_from(["read", "get", "in", "del", "pop", "pop or none"]), keys),
    st.tuples(st.sampled_from(["set", "setdefault", "update", "merge"]), keys, plain_values),
    st.tuples(st.sampled_from(["len", "bool", "names", "is empty", "clear", "popitem", "copy", "new", "append"])),
    st.tuples(st.sampled_from(["modified", "accessed", "permanent"])),
    st.tuples(st.sampled_from(["set modified", "set accessed", "set permanent"]), st.booleans()),
    st.tuples(st.sampled_from(["flash", "flashed", "update nothing", "in template", "inner"])),
)
ENDS = ["text", "text", "text", "404", "500", "redirect", "vary", "vary *", "streamed", "before"]
stages = st.fixed_dictionaries(
    {"end": st.sampled_from(ENDS)},
    optional={
        "before": st.lists(steps, max_size=2),
        "view": st.lists(steps, max_size=3),
        "after": st.lists(steps, max_size=2),
        "teardown": st.lists(steps, max_size=1),
    },
)
plans = st.lists(st.tuples(st.sampled_from([0, 1, 99, 100, 101, -65]), stages), min_size=1, max_size=5)


def perform(lib: Any, step: tuple[Any, ...]) -> Any:  # noqa: C901 - one line for each operation
    session = lib.session
    match step:
        case ["read", key]:
            return session[key]
        case ["get", key]:
            return session.get(key)
        case ["in", key]:
            return key in session
        case ["del", key]:
            del session[key]
        case ["pop", key]:
            return session.pop(key)
        case ["pop or none", key]:
            return session.pop(key, None)
        case ["set", key, value]:
            session[key] = value
        case ["setdefault", key, value]:
            return session.setdefault(key, value)
        case ["update", key, value]:
            session.update({key: value})
        case ["merge", key, value]:
            session |= {key: value}
        case ["append"]:
            session.setdefault("list", []).append(len(session))
        case ["modified" | "accessed" | "permanent" | "new" as name]:
            return getattr(session, name)
        case ["set modified" | "set accessed" | "set permanent" as name, value]:
            setattr(session, name.split()[1], value)
        case ["flash"]:
            lib.flash("a message", "a category")
        case ["flashed"]:
            return lib.get_flashed_messages(with_categories=True)
        case ["in template"]:
            return lib.render_template_string("{{ session.a }}")
        case ["inner"]:
            return lib.current_app.test_client().get("/?inner").text
        case [other]:
            return {
                "len": lambda: len(session),
                "bool": lambda: bool(session),
                "names": lambda: sorted(session),
                "is empty": lambda: session == {},
                "clear": session.clear,
                "popitem": session.popitem,
                "copy": lambda: dict(session.copy()),
                "update nothing": session.update,
            }[other]()
    return None


def ended(lib: Any, end: str) -> Any:
    """What the view comes to."""
    match end:
        case "404":
            lib.abort(404)
        case "500":
            raise LookupError
        case "redirect":
            return lib.redirect("/elsewhere")
        case "vary":
            return "varied", {"Vary": "Accept, cookie"}
        case "vary *":
            return "varied", {"Vary": "*"}
        case "streamed":
            return iter(["a", "b"])
    return "text"


def acting_app(lib: Any, stage: dict[str, Any], seen: list[Any]) -> Any:
    """An app that does what the stage says, and notes what comes of it."""
    app = lib.Flask("app", static_folder=None)

    def act(when: str, answer: Any = None) -> Any:
        if lib.request.query_string != b"inner":
            # As text, since what is in the session may change until all is seen.
            seen.extend(repr(outcome(perform, lib, step)) for step in stage.get(when, ()))
        return answer

    def before() -> Any:
        act("before")
        return "from before" if stage["end"] == "before" else None

    def view() -> Any:
        if lib.request.query_string == b"inner":
            return repr(dict(lib.session))
        act("view")
        return ended(lib, stage["end"])

    app.before_request(before)
    app.add_url_rule("/", "view", view)
    app.register_error_handler(LookupError, lambda error: ("handled", 500))
    app.after_request(lambda response: act("after", response))
    app.teardown_request(lambda error: act("teardown"))
    return app


def acted_out(lib: Any, config: dict[str, Any], plan: list[tuple[int, dict[str, Any]]]) -> list[Any]:
    """What a client sees of requests that do something with the session, and what the app sees."""
    stage: dict[str, Any] = {}
    seen: list[Any] = []
    app = acting_app(lib, stage, seen)
    app.config.update(config)
    cookie, now = None, NOW
    for elapsed, next_stage in plan:
        now += elapsed
        stage.clear()
        stage.update(next_stage)
        with frozen(now):
            answer = send(app, make_environ(HTTP_COOKIE=f"other=1; session={cookie}" if cookie else ABSENT))
        for line in lines(answer):
            cookie = None if "Max-Age=0" in line else line.partition(";")[0].partition("=")[2]
        seen.append((answer.status, vary(answer), lines(answer), answer.body))
    return seen


@settings(quick, max_examples=400)
@given(
    st.fixed_dictionaries(
        {"SECRET_KEY": st.sampled_from([KEY, KEY, KEY, b"bytes", None])},
        optional={
            "SESSION_REFRESH_EACH_REQUEST": st.booleans(),
            "PERMANENT_SESSION_LIFETIME": st.sampled_from([100, timedelta(seconds=100), timedelta(days=31)]),
        },
    ),
    plans,
)
def test_whatever_is_done_to_a_session_the_client_sees_what_flask_sends(
    config: dict[str, Any], plan: list[tuple[int, dict[str, Any]]]
) -> None:
    same(acted_out, config, plan)


# --- sessions that last -----------------------------------------------------------------------------------------------


def renewed(lib: Any, refresh: bool, name: str) -> Any:
    """What is sent for a request that leaves a lasting session alone."""
    app = new_app(lib, SESSION_REFRESH_EACH_REQUEST=refresh, SESSION_COOKIE_NAME=name)
    token = written(app, {"a": 1, "_permanent": True})
    sent = f"other=1; {name}={token}".encode().decode("latin-1")
    with frozen(NOW + 5):
        answer = send(app, make_environ("/nothing", HTTP_COOKIE=sent))
    return vary(answer), lines(answer)


def test_a_lasting_session_is_renewed_by_a_request_that_does_not_touch_it() -> None:
    vary_by, sent = same(renewed, True, "session")
    assert vary_by == ["cookie"]
    assert len(sent) == 1
    assert same(renewed, False, "session") == ([], [])


def test_a_lasting_session_under_a_name_that_is_not_ascii_is_renewed_too() -> None:
    # Flask does not even read it. In the header the name is other characters, and is the same name all the same.
    assert len(renewed(tuile, True, "sessión")[1]) == 1


def test_a_session_that_does_not_last_is_left_alone_by_a_request_that_does_not_touch_it() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)
        answer = visit(app, written(app, {"a": 1}), "/nothing")
        return vary(answer), lines(answer)

    assert same(program) == ([], [])


@pytest.mark.parametrize(
    "lifetime", [100, timedelta(seconds=100), 100.75, timedelta(seconds=100, microseconds=999_999)]
)
@pytest.mark.parametrize("elapsed", [0, 99, 100, 101, 10**6, -61])
def test_a_session_ends_on_the_server_too(lifetime: Any, elapsed: int) -> None:
    def program(lib: Any) -> str:
        app = new_app(lib, PERMANENT_SESSION_LIFETIME=lifetime)
        return visit(app, written(app, {"a": 1}), now=NOW + elapsed).text

    assert same(program) == ("{'a': 1}" if 0 <= elapsed <= 100 else "{}")


def test_each_renewal_begins_a_new_life() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib, PERMANENT_SESSION_LIFETIME=100)
        token = written(app, {"a": 1, "_permanent": True})
        for days in range(5):
            token = token_of(visit(app, token, "/nothing", NOW + 90 * days)) or token
        return token, visit(app, token, "/read", NOW + 450).text

    assert same(program)[1] == "{'_permanent': True, 'a': 1}"


# --- without a key ----------------------------------------------------------------------------------------------------


def test_without_a_key_the_session_can_be_read_and_not_written() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib, SECRET_KEY=None)
        with app.test_request_context():
            session = lib.session
            seen = [dict(session), session.get("a"), "a" in session, len(session), session.permanent, session.modified]
            writes = {
                "set": lambda: session.__setitem__("a", 1),
                "delete": lambda: session.__delitem__("a"),
                "clear": session.clear,
                "pop": lambda: session.pop("a", None),
                "popitem": session.popitem,
                "update": lambda: session.update(a=1),
                "setdefault": lambda: session.setdefault("a"),
                "permanent": lambda: setattr(session, "permanent", True),
                "flash": lambda: lib.flash("message"),
            }
            return [*seen, *(outcome(write) for write in writes.values()), type(session._get_current_object()).__name__]

    seen = same(program)
    text = (
        "The session is unavailable because no secret key was set.  "
        "Set the secret_key on the application to something unique and secret."
    )
    assert seen[6:-1] == [("raised", "RuntimeError", text)] * 9


def test_without_a_key_a_cookie_is_neither_read_nor_renewed_nor_deleted() -> None:
    def program(lib: Any) -> Any:
        token = written(new_app(lib), {"a": 1, "_permanent": True})
        app = new_app(lib, SECRET_KEY=None)
        answers = [visit(app, token, path) for path in ("/read", "/nothing")]
        return [(answer.text, vary(answer), lines(answer)) for answer in answers]

    assert same(program) == [("{}", [], []), ("nothing", [], [])]


# --- when a session is opened -----------------------------------------------------------------------------------------


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The paths of the requests whose session was opened by the built-in interface, which is left as it is."""
    paths: list[str] = []
    wanted = SecureCookieSessionInterface.open_session.__code__
    by_header = Opening._session_by_header.__code__

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code is wanted:
            paths.append(frame.f_locals["request"].environ["PATH_INFO"])
        elif event == "return" and frame.f_code is by_header and argument is not None:
            paths.append(frame.f_locals["self"]._environ["PATH_INFO"])

    before = sys.getprofile()
    sys.setprofile(note)
    yield paths
    sys.setprofile(before)


def test_a_session_that_nobody_touches_is_not_opened(opened: list[str]) -> None:
    app = new_app(tuile)
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    app.teardown_request(lambda error: None)
    token = written(new_app(flask), {"a": 1})
    for environ in (
        make_environ("/nothing"),
        make_environ("/missing"),
        make_environ("/nothing", REQUEST_METHOD="POST"),
        make_environ("/nothing", HTTP_COOKIE="other=1"),
    ):
        send(app, environ)
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    visit(app, token, "/nothing")
    assert opened == []


def test_a_session_is_opened_once_however_often_it_is_touched(opened: list[str]) -> None:
    app = new_app(tuile)

    def often() -> str:
        tuile.session["a"] = 1
        tuile.session.get("b")
        tuile.get_flashed_messages()
        return tuile.render_template_string("{{ session.a }}")

    app.add_url_rule("/often", "often", often)
    app.after_request(lambda response: tuile.session.setdefault("c", response) and response)
    app.config["SECRET_KEY"] = None
    app.register_error_handler(RuntimeError, lambda error: repr(dict(tuile.session)))
    visit(app, None, "/often")
    app.config["SECRET_KEY"] = KEY
    app.after_request_funcs.clear()
    assert visit(app, None, "/often").text == "1"
    assert opened == ["/often", "/often"]


def test_an_interface_of_the_apps_own_is_asked_at_the_start_of_every_request() -> None:
    def program(lib: Any, base: str) -> Any:
        sessions = part(lib, "sessions")
        calls: list[Any] = []

        class Own(getattr(sessions, base)):  # type: ignore[misc] # of either framework
            def open_session(self, app: Any, request: Any) -> Any:
                calls.append(("open", request.path, request.url_rule, lib.has_request_context(), lib.g.get("early")))
                return sessions.SecureCookieSession({"from": request.path})

            def save_session(self, app: Any, session: Any, response: Any) -> None:
                calls.append(("save", dict(session), session.accessed, session.modified, response.status_code))

        app = new_app(lib)
        app.session_interface = Own()
        app.before_request(lambda: calls.append("before"))
        texts = [send(app, make_environ(path)).text for path in ("/nothing", "/read", "/missing", "/clear")]
        with app.test_request_context("/nothing"):
            calls.append("inside")
        return calls, texts[:2]

    for base in ("SessionInterface", "SecureCookieSessionInterface"):
        calls, texts = same(program, base)
        assert calls[0] == ("open", "/nothing", None, True, None)
        assert calls[2] == ("save", {"from": "/nothing"}, False, False, 200)
        assert texts == ["nothing", "{'from': '/read'}"]


def test_an_interface_may_have_no_session_for_a_request() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []

        class Refusing(part(lib, "sessions").NullSession):  # type: ignore[misc] # of either framework
            pass

        class Own(part(lib, "sessions").SessionInterface):  # type: ignore[misc] # of either framework
            null_session_class = Refusing

            def open_session(self, app: Any, request: Any) -> Any:
                calls.append("open")

            def save_session(self, app: Any, session: Any, response: Any) -> None:
                calls.append("save")

        app = new_app(lib)
        app.session_interface = Own()
        app.add_url_rule("/type", "type", lambda: type(lib.session._get_current_object()).__name__)
        return [send(app, make_environ(path)).text for path in ("/type", "/nothing", "/read")], calls

    assert same(program) == (["Refusing", "nothing", "{}"], ["open"] * 3)


def test_a_null_session_is_known_as_one_through_the_proxy_too() -> None:
    def program(lib: Any, key: str | None) -> Any:
        app = new_app(lib, SECRET_KEY=key)
        is_null = app.session_interface.is_null_session
        with app.test_request_context():
            session = lib.session
            return [is_null(session), is_null(session._get_current_object()), is_null(None), is_null({}), is_null(app)]

    assert same(program, None) == [True, True, False, False, False]
    assert same(program, KEY) == [False] * 5


@pytest.mark.parametrize("base", ["SessionInterface", "SecureCookieSessionInterface"])
def test_an_interface_may_have_a_metaclass(base: str) -> None:
    def program(lib: Any) -> Any:
        class Singleton(type(getattr(part(lib, "sessions"), base))):  # type: ignore[misc] # of whichever framework
            """Gives the same interface to every app."""

            made: Any = None

            def __call__(cls, *args: Any, **kwargs: Any) -> Any:
                if cls.made is None:
                    cls.made = super().__call__(*args, **kwargs)
                return cls.made

        made = Singleton("Own", (getattr(part(lib, "sessions"), base),), {})
        return made() is made()

    assert same(program) is True


def test_a_subclass_may_decide_that_a_session_is_not_to_be_saved() -> None:
    def program(lib: Any, name: str) -> Any:
        class Own(part(lib, "sessions").SecureCookieSessionInterface):  # type: ignore[misc] # of either framework
            pass

        setattr(Own, name, lambda self, *args: name == "is_null_session")
        app = new_app(lib)
        app.session_interface = Own()
        return written(app, {"a": 1})

    assert same(program, "is_null_session") is None
    assert same(program, "should_set_cookie") is None


METHODS = {
    "get_cookie_name": "own",
    "get_cookie_domain": "own.example",
    "get_cookie_path": "/own",
    "get_cookie_httponly": False,
    "get_cookie_secure": True,
    "get_cookie_samesite": "Strict",
    "get_cookie_partitioned": True,
    "get_expiration_time": datetime(2040, 1, 1, tzinfo=timezone.utc),
    "should_set_cookie": True,
    "get_signing_serializer": itsdangerous.URLSafeTimedSerializer("own"),
    "make_null_session": {},
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("where", ["subclass", "instance", "class"])
def test_each_question_to_an_interface_may_be_answered_otherwise(name: str, where: str) -> None:
    def program(lib: Any) -> Any:
        def answer_otherwise(*args: Any) -> Any:
            return METHODS[name]

        stock = part(lib, "sessions").SecureCookieSessionInterface
        app = new_app(lib)
        if where == "subclass":
            app.session_interface = type("Own", (stock,), {name: answer_otherwise})()
        elif where == "instance":
            app.session_interface = stock()
            setattr(app.session_interface, name, answer_otherwise)
        patched = mock.patch.object(stock, name, answer_otherwise) if where == "class" else nullcontext()
        seen: list[Any] = []
        with frozen(), patched:
            answer = send(app, make_environ("/write") | {"test.content": {"a": 1}})
            for path in ("/read", "/nothing", "/clear"):
                seen.append((answer.body, vary(answer), lines(answer)))
                cookie = lines(answer)[0].partition(";")[0] if lines(answer) else ""
                answer = send(app, make_environ(path, HTTP_COOKIE=cookie))
        return [*seen, (answer.body, vary(answer), lines(answer))]

    same(program)


@pytest.mark.parametrize("where", ["interface", "class"])
def test_opening_and_saving_may_be_replaced_at_any_time(where: str) -> None:
    def program(lib: Any) -> Any:
        stock = part(lib, "sessions").SecureCookieSessionInterface
        app = new_app(lib)
        app.session_interface = stock()
        calls: list[str] = []
        kept = part(lib, "sessions").SecureCookieSession({"kept": 1})

        def opening(*args: Any) -> Any:
            calls.append("open")
            return kept

        def saving(*args: Any) -> None:
            calls.append("save")

        target = app.session_interface if where == "interface" else stock
        texts = [send(app, make_environ("/read")).text]
        with mock.patch.object(target, "open_session", opening), mock.patch.object(target, "save_session", saving):
            texts += [send(app, make_environ(path)).text for path in ("/read", "/nothing")]
        return calls, texts, send(app, make_environ("/read")).text

    assert same(program) == (["open", "save"] * 2, ["{}", "{'kept': 1}", "nothing"], "{}")


def test_saving_a_session_asks_no_method_of_its_class_that_flask_does_not() -> None:
    def program(lib: Any) -> list[object]:
        called: list[str] = []

        class Own(part(lib, "sessions").SecureCookieSession):  # type: ignore[misc] # of either framework
            def __contains__(self, key: object) -> bool:
                called.append(f"contains {key}")
                raise LookupError(key)

            def get(self, key: str, default: Any = None) -> Any:
                called.append(f"get {key}")
                return super().get(key, default)

        app = lib.Flask("app")
        app.secret_key = "key"
        app.session_interface.session_class = Own

        def view(name: str) -> str:
            lib.session[name] = 1
            return str(sorted(lib.session))

        app.add_url_rule("/<name>", view_func=view)
        client = app.test_client()
        return [client.get("/a").text, client.get("/b").text, called]

    assert same(program)[:2] == ["['a']", "['a', 'b']"]


def test_a_session_class_may_be_told_of_changes_in_its_own_way() -> None:
    def program(lib: Any) -> Any:
        sessions = part(lib, "sessions")

        class Own(part(lib, "sessions").SecureCookieSession):  # type: ignore[misc] # of either framework
            def __init__(self, initial: Any = None) -> None:
                super().__init__(initial)
                self.changes = 0
                self.on_update = self.note

            @staticmethod
            def note(session: Any) -> None:
                session.changes += 1
                session.modified = True

        app = new_app(lib)
        app.session_interface = sessions.SecureCookieSessionInterface()
        app.session_interface.session_class = Own
        with app.test_request_context():
            lib.session["a"] = 1
            lib.session.setdefault("b", 2)
            del lib.session["a"]
            lib.session.update(c=3)
            return lib.session.changes, dict(lib.session)

    assert same(program) == (4, {"b": 2, "c": 3})


def test_the_session_of_a_context_can_be_read_and_replaced() -> None:
    def program(lib: Any) -> Any:
        sessions = part(lib, "sessions")
        app = new_app(lib)
        with app.test_request_context() as context:
            quiet = context._session
            seen = [quiet.accessed, dict(quiet), quiet is context._session]
            seen += [context.session is quiet, quiet.accessed]
            context._session = sessions.SecureCookieSession({"b": 2})
            return [*seen, dict(lib.session), context._session.accessed, lib.session.get("b")]

    assert same(program) == [False, {}, True, True, True, {"b": 2}, True, 2]


def test_a_context_may_be_given_its_session() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)
        given = part(lib, "sessions").SecureCookieSession({"given": True})
        context = part(lib, "ctx").RequestContext(app, make_environ("/"), session=given)
        with context:
            return lib.session._get_current_object() is given, dict(lib.session)

    assert same(program) == (True, {"given": True})


# --- what a client may send -------------------------------------------------------------------------------------------

TOKEN = written(new_app(tuile), {"a": 1, "long": "x" * 100}) or ""
SHORT = written(new_app(tuile), {"a": 1}) or ""


def is_unknown(token: str) -> bool:
    """Whether a session is empty, and nothing worse."""
    answer = visit(shared_app(tuile), token)
    assert (answer.status, lines(answer)) == ("200 OK", [])
    return answer.text == "{}"


@pytest.mark.parametrize("token", [TOKEN, SHORT], ids=["long", "short"])
def test_a_tampered_session_is_an_empty_one(token: str) -> None:
    assert not is_unknown(token)
    for position, character in enumerate(token):
        for other in {"A", "z", "-", "_", ".", "é", " ", "\x00"} - {character}:
            if not (position == len(token) - 1 and other == " "):
                assert is_unknown(token[:position] + other + token[position + 1 :]), (position, other)
        assert is_unknown(token[:position])
        assert position == 0 or is_unknown(token[position:])
    swapped = TOKEN.rpartition(".")[0] + "." + SHORT.rpartition(".")[2]
    assert is_unknown(swapped)


@quick
@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), st.just(TOKEN).map(lambda t: t * 3)))
@example(".")
@example("...")
@example("..A.A")
@example("é.é.é")
@example('"')
@example("\udcff")
def test_a_session_of_garbage_is_an_empty_one(garbage: str) -> None:
    assert is_unknown(garbage.replace(TOKEN, "x") if garbage == TOKEN else garbage)


@pytest.mark.parametrize("unit", ["a", ".", "=", "é", "\xff", '"', "\\", "a token", "session=x;"])
def test_a_huge_session_is_an_empty_one(unit: str) -> None:
    unit = unit.replace("a token", TOKEN + ".")
    start = time.thread_time()
    assert is_unknown((unit * 1_000_000)[:1_000_000])
    assert time.thread_time() - start < 5


def payload_of(content: str, compressed: bool) -> bytes:
    raw = content.encode()
    return b"." + base64_encode(zlib.compress(raw)) if compressed else base64_encode(raw)


UNREADABLE = [
    *('{"a":{" u":5}}', '{"a":{" u":"no uuid"}}', '{"a":{" b":5}}', '{"a":{" b":"A"}}', '{"a":{" t":5}}'),
    *('{"a":{" d":5}}', '{"a":{" d":"no date"}}', '{"a":{" di":5}}', '{"a":{" di":{}}}', '{"a":{" m":null}}'),
    *('{"a":1', "", "\ufeff{}", "null", "{}", "[]", "5", '"text"', "[1]", ' {"a" :1} ', '{"a":NaN}', "[" * 100_000),
]
UNUSUAL_PAYLOADS = {
    **{f"raw {payload!r}": payload for payload in (b".", b".AAAA", b"A", b"_w", b"", b"..", b"=", b".eJw")},
    **{f"plain {content[:30]}": payload_of(content, compressed=False) for content in UNREADABLE},
    **{f"compressed {content[:30]}": payload_of(content, compressed=True) for content in UNREADABLE},
}


@pytest.mark.parametrize("payload", UNUSUAL_PAYLOADS.values(), ids=UNUSUAL_PAYLOADS)
def test_a_signed_session_that_cannot_be_read_is_an_empty_one(payload: bytes) -> None:
    # Signed with the right key, by another program or by an earlier version of this one.
    def program(lib: Any) -> Answer:
        app = new_app(lib)
        serializer = part(lib, "sessions").SecureCookieSessionInterface().get_signing_serializer(app)
        with frozen():
            token = serializer.make_signer(serializer.salt).sign(payload).decode()
        return visit(app, token)

    theirs, ours = program(flask), program(tuile)
    # Where Flask fails, the client has no way out but to delete the cookie.
    assert ours.text == ("{}" if theirs.code == 500 else theirs.text)
    assert ours.code == 200


# --- tags of the app's own --------------------------------------------------------------------------------------------


class Colour(str):
    """A text that is more than a text."""

    __slots__ = ()


class TagColour(JSONTag):
    """How it is kept."""

    __slots__ = ()
    key = "colour"

    def check(self, value: Any) -> bool:
        return isinstance(value, Colour)

    def to_json(self, value: Any) -> Any:
        return str(value)

    def to_python(self, value: Any) -> Any:
        if value == "gone":
            raise LookupError(value)
        return Colour(value)


def with_serializer(serializer: Any) -> Flask:
    app: Flask = new_app(tuile)
    interface = SecureCookieSessionInterface()
    interface.serializer = serializer
    app.session_interface = interface
    return app


def kinds(app: Flask, content: dict[str, Any]) -> list[str]:
    """The types of a session's values after they were written and read."""
    token = written(app, content)
    with app.test_request_context(headers={"Cookie": f"session={token}"}), frozen():
        return [type(value).__name__ for value in tuile.session.values()]


def test_a_tag_that_is_registered_is_used() -> None:
    serializer = TaggedJSONSerializer()
    serializer.register(TagColour, index=0)
    app = with_serializer(serializer)
    assert kinds(app, {"a": Colour("red")}) == ["Colour"]
    assert kinds(app, {"a": Colour("red"), "b": (1,), "c": "x"}) == ["Colour", "tuple", "str"]


def test_a_tag_in_the_place_of_a_built_in_one_is_used() -> None:
    class Own(TaggedJSONSerializer):
        default_tags = [TagColour, *TaggedJSONSerializer.default_tags[:-1]]

    assert kinds(with_serializer(Own()), {"a": Colour("red")}) == ["Colour"]


def test_a_tag_that_cannot_read_what_it_once_wrote_gives_an_empty_session() -> None:
    serializer = TaggedJSONSerializer()
    serializer.register(TagColour, index=0)
    app = with_serializer(serializer)
    assert visit(app, written(app, {"a": Colour("gone")})).text == "{}"


# --- around a request -------------------------------------------------------------------------------------------------


def test_a_session_is_saved_with_whatever_is_sent() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app", static_folder=None)
        app.secret_key = KEY

        def before() -> Any:
            lib.session["path"] = lib.request.path
            return "from before" if lib.request.path == "/before" else None

        app.before_request(before)
        app.add_url_rule("/", "index", lambda: "index")
        app.add_url_rule("/404", "404", lambda: lib.abort(404))
        app.add_url_rule("/500", "500", lambda: 1 / 0)
        app.add_url_rule("/redirect", "redirect", lambda: lib.redirect("/"))
        app.add_url_rule("/none", "none", lambda: ("", 204))
        app.add_url_rule("/slash/", "slash", lambda: "slash")
        app.add_url_rule("/stream", "stream", lambda: iter("ab"))
        app.add_url_rule("/raw", "raw", lambda: lib.Response(b"", 304))
        paths = ["/", "/before", "/404", "/500", "/redirect", "/none", "/slash", "/stream", "/raw", "/missing"]
        with frozen():
            answers = [send(app, make_environ(path)) for path in paths]
            answers += [send(app, make_environ("/", REQUEST_METHOD=method)) for method in ("HEAD", "OPTIONS", "PUT")]
        return [(answer.status, vary(answer), lines(answer)) for answer in answers]

    assert all(len(cookies) == 1 for _, _, cookies in same(program))


def test_a_response_made_elsewhere_carries_the_session() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app", static_folder=None)
        app.secret_key = KEY
        app.after_request(lambda response: lib.session.update(a=1) or lib.Response("another"))
        app.add_url_rule("/", "index", lambda: "index")
        with frozen():
            answer = send(app, make_environ())
        return answer.text, vary(answer), lines(answer)

    assert same(program)[0] == "another"


def test_sessions_of_nested_requests_are_kept_apart() -> None:
    def program(lib: Any) -> Any:
        app, other = new_app(lib), new_app(lib, SECRET_KEY="another")
        seen: list[Any] = []
        with app.test_request_context():
            lib.session["a"] = 1
            with app.test_request_context():
                seen.append(dict(lib.session))
                lib.session["b"] = 2
                with other.test_request_context(), app.app_context():
                    seen.append(dict(lib.session))
                    lib.session["c"] = 3
                seen.append(dict(lib.session))
            seen.append(dict(lib.session))
        return seen

    assert same(program) == [{}, {}, {"b": 2}, {"a": 1}]


def test_a_request_made_inside_a_view_has_a_session_of_its_own() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)

        def outer() -> str:
            lib.session["outer"] = 1
            client = lib.current_app.test_client()
            client.get("/write", environ_overrides={"test.content": {"inner": 2}})
            inner = client.get("/read").text
            return f"{dict(lib.session)} {inner}"

        app.add_url_rule("/outer", "outer", outer)
        answer = visit(app, None, "/outer")
        return answer.text, visit(app, token_of(answer)).text

    assert same(program) == ("{'outer': 1} {'inner': 2}", "{'outer': 1}")


def test_a_copied_context_shares_the_session() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)

        def copied() -> str:
            def work() -> None:
                lib.session["from the copy"] = True

            thread = threading.Thread(target=lib.copy_current_request_context(work))
            thread.start()
            thread.join(100)
            return repr(dict(lib.session))

        app.add_url_rule("/copied", "copied", copied)
        answer = visit(app, None, "/copied")
        return answer.text, vary(answer), lines(answer)

    text, _, cookies = same(program)
    assert (text, len(cookies)) == ("{'from the copy': True}", 1)


def test_a_session_can_be_read_while_a_response_is_streamed() -> None:
    def program(lib: Any) -> Any:
        app = new_app(lib)

        def stream() -> Any:
            lib.session["a"] = 1

            def parts() -> Iterator[str]:
                yield repr(dict(lib.session))
                lib.session["too late"] = 1
                yield repr(dict(lib.session))

            return lib.stream_with_context(parts())

        app.add_url_rule("/stream", "stream", stream)
        answer = visit(app, None, "/stream")
        return answer.text, vary(answer), visit(app, token_of(answer)).text

    assert same(program)[2] == "{'a': 1}"


def test_sessions_of_many_threads_are_kept_apart() -> None:
    app = new_app(tuile)
    found: dict[int, str] = {}

    def visitor(number: int) -> None:
        token = None
        for _ in range(20):
            answer = send(app, make_environ("/write", HTTP_COOKIE=f"session={token}") | {"test.content": {"n": number}})
            token = token_of(answer)
        found[number] = send(app, make_environ("/read", HTTP_COOKIE=f"session={token}")).text

    threads = [threading.Thread(target=visitor, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert found == {number: f"{{'n': {number}}}" for number in range(8)}


# --- the test client --------------------------------------------------------------------------------------------------


def test_a_session_transaction_reads_and_writes_the_clients_session(client: FlaskClient) -> None:
    app = client.application
    app.add_url_rule("/", "index", lambda: repr(dict(tuile.session)))
    with client.session_transaction() as session:
        session["a"] = 1
    assert client.get("/").text == "{'a': 1}"
    with client.session_transaction() as session:
        assert session == {"a": 1}
        session.clear()
    assert client.get_cookie("session") is None
    assert client.get("/").text == "{}"


def test_a_session_transaction_without_a_key_says_so(app: Flask) -> None:
    app.secret_key = None
    with pytest.raises(RuntimeError, match="Session backend did not open a session"):
        with app.test_client().session_transaction():
            pass


def test_the_session_can_be_looked_at_after_a_request(client: FlaskClient) -> None:
    client.application.add_url_rule("/", "index", lambda: repr(tuile.session.setdefault("a", 1)))
    client.application.add_url_rule("/quiet", "quiet", lambda: "quiet")
    with client:
        client.get("/")
        assert tuile.session == {"a": 1}
        client.get("/quiet")
        assert tuile.session == {"a": 1}


# --- the objects ------------------------------------------------------------------------------------------------------


def test_a_session_knows_every_change_that_a_dictionary_knows() -> None:
    changes: dict[str, Any] = {
        "set": lambda session: session.__setitem__("b", 2),
        "delete": lambda session: session.__delitem__("a"),
        "pop": lambda session: session.pop("a"),
        "popitem": lambda session: session.popitem(),
        "clear": lambda session: session.clear(),
        "update": lambda session: session.update(b=2),
        "merge": lambda session: session.__ior__({"b": 2}),
        "setdefault": lambda session: session.setdefault("b", 2),
        "permanent": lambda session: setattr(session, "permanent", True),
        "set the same": lambda session: session.__setitem__("a", 1),
        "pop nothing": lambda session: session.pop("x", None),
        "setdefault of what is there": lambda session: session.setdefault("a", 1),
        "read": lambda session: (session["a"], session.get("b"), len(session), list(session), "a" in session),
        "failed delete": lambda session: session.__delitem__("x"),
        "copy": lambda session: session.copy().clear(),
    }

    def program(lib: Any, name: str) -> Any:
        session = part(lib, "sessions").SecureCookieSession({"a": 1})
        result = outcome(changes[name], session)
        return result[0], session.modified, dict(session)

    for name in changes:
        same(program, name)
    assert SecureCookieSession().modified is False
    assert SecureCookieSession([("a", 1)]) == {"a": 1}  # a dictionary takes pairs as well


@pytest.mark.parametrize("how", ["property", "attribute", "mixin", "later", "Werkzeug's", "object"])
@pytest.mark.parametrize("does", ["reads", "changes", "empties"])
def test_vary_of_a_response_class_is_what_a_session_adds_cookie_to(how: str, does: str) -> None:
    def program(lib: Any) -> Any:
        kept: Any = HeaderSet(["Accept"])
        noting = property(lambda response: kept)
        own = {"vary": kept if how == "attribute" else noting}
        bases = (type("Mixin", (), own), lib.Response) if how == "mixin" else (lib.Response,)
        kind: Any = type("Own", bases, {} if how in {"mixin", "later"} else own)
        app = lib.Flask("own", static_folder=None)
        app.secret_key = KEY
        if how == "Werkzeug's":
            app.after_request(lambda response: type("Own", (WerkzeugResponse,), own)("after"))
        elif how == "object":
            app.after_request(lambda response: SimpleNamespace(vary=kept, headers=Headers(), set_cookie=print))
        else:
            app.response_class = kind

        def view() -> str:
            if does == "changes":
                lib.session["a"] = 2
            elif does == "empties":
                lib.session.clear()
            return str(lib.session.get("a"))

        app.add_url_rule("/", "view", view)
        cookie = app.session_interface.get_signing_serializer(app).dumps({"a": 1})
        seen = []
        for number in range(3):
            if how == "later" and number == 1:
                kind.vary = noting
            answer = outcome(send, app, make_environ("/", HTTP_COOKIE=f"session={cookie}"))
            seen.append((answer[1:] if answer[0] == "raised" else (answer[1].status, vary(answer[1])), sorted(kept)))
        return seen

    with frozen():
        same(program)


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        *("Accept", "accept-encoding", "cookie", "Cookie", "COOKIE, b", "a,cookie", "*", "", " ", " a ", "a,b", "a, b"),
        *("a,,b", "a,a", '"a"', '"a, b"', "a;b", "a b", "ä", "a-", "-", "_a", "x.y", ", a", "a,"),
    ],
)
def test_cookie_is_added_to_vary_as_by_werkzeugs_property(reads: bool, value: str) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("vary", static_folder=None)
        app.secret_key = KEY

        def view() -> Any:
            if reads:
                lib.session.get("a")
            else:
                lib.session["a"] = 1
            return "text", {"Vary": value}

        app.add_url_rule("/", "view", view)
        return [(name, text) for name, text in send(app, make_environ()).headers if name != "Set-Cookie"]

    same(program)
