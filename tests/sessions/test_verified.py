"""Session cookies that were verified before are not verified again, and nobody can tell."""

from __future__ import annotations

import re
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import make_app, make_environ, part, same, send
from tuile.keys.timed_signer import TimedSigner
from tuile.sessions.verified import LONGEST, MOST, MOST_VALUES

if TYPE_CHECKING:
    from tuile import Flask

KEY = "5f1b0c9d7e3a48c2b6d4917f20ea63c8"

scalars = st.one_of(st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
values = st.recursive(
    st.one_of(scalars, st.binary(max_size=6), st.uuids()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["a", " t", " di", "b__"]), inner, max_size=2),
    ),
    max_leaves=5,
)
contents = st.one_of(
    st.dictionaries(st.text(max_size=5), scalars, max_size=4),
    st.dictionaries(st.sampled_from(["user", " t", "_permanent", "list"]), values, max_size=4),
)


def reading_app(lib: Any, content: Any = None, **config: Any) -> Flask:
    """Return an application with a view that puts content into the session, and one that shows it."""
    app = make_app(lib, SECRET_KEY=KEY, **config)
    # Its own: Flask's applications share one.
    app.session_interface = part(lib, "sessions").SecureCookieSessionInterface()

    @app.get("/login")
    def login() -> str:
        lib.session.update({"user": "ada"} if content is None else content)
        return "welcome"

    @app.get("/")
    def show() -> str:
        return repr((sorted(lib.session.items(), key=repr), lib.session.modified))

    return app


def cookie_of(app: Any, *, requests: int = 3) -> str:
    """Return the cookie of a session after some requests with it: from the second on, it is remembered."""
    lines = [value for name, value in send(app, make_environ("/login")).headers if name == "Set-Cookie"]
    cookie = str(lines[0].partition(";")[0]) if lines else "session=none"
    for _ in range(requests):
        send(app, make_environ("/", HTTP_COOKIE=cookie))
    return cookie


def shown(app: Any, cookie: str) -> str:
    answer = send(app, make_environ("/", HTTP_COOKIE=cookie))
    # The moment when a permanent session expires is read from another clock than the time that is fixed.
    return re.sub("Expires=[^;]*", "Expires", f"{answer.status} {answer.headers} {answer.text}")


@settings(derandomize=True, deadline=None, database=None, max_examples=120)
@given(contents)
def test_each_request_with_the_same_cookie_reads_what_flask_reads(content: Any) -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib, content)
        cookie = cookie_of(app, requests=0)
        return [cookie, *(shown(app, cookie) for _ in range(4))]

    same(program)


def test_a_cookie_is_verified_twice() -> None:
    app = reading_app(tuile)
    cookie = cookie_of(app, requests=0)
    with mock.patch.object(TimedSigner, "verify", autospec=True, side_effect=TimedSigner.verify) as verify:
        for _ in range(5):
            assert "ada" in shown(app, cookie)
    assert verify.call_count == 2


def test_cookies_that_come_once_are_not_remembered() -> None:
    app = reading_app(tuile)

    @app.get("/many/<int:number>")
    def many(number: int) -> str:
        tuile.session["number"] = number
        return "written"

    for number in range(MOST * 3):
        (line,) = (value for name, value in send(app, make_environ(f"/many/{number}")).headers if name == "Set-Cookie")
        assert f"('number', {number})" in shown(app, line.partition(";")[0])
    kept = app._kept_signer
    assert kept is not None
    assert kept.verified == {}
    assert 0 < len(kept.verified_once) <= MOST


def test_what_one_request_changes_no_other_sees() -> None:
    def program(lib: Any) -> Any:
        content = {"user": "ada", "list": [1, {"a": 2}], "count": 1}
        app = reading_app(lib, content)

        @app.get("/change")
        def change() -> str:
            lib.session["user"] = "bob"
            del lib.session["count"]
            lib.session["list"][1]["a"] = 3
            lib.session["new"] = 1
            return "changed"

        cookie = cookie_of(app)
        seen = [shown(app, cookie)]
        for _ in range(2):
            send(app, make_environ("/change", HTTP_COOKIE=cookie))
            seen.append(shown(app, cookie))
        return seen

    same(program)


def test_an_own_session_class_may_keep_and_change_what_it_is_given() -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib)

        class Own(part(lib, "sessions").SecureCookieSession):  # type: ignore[misc] # a class of either
            def __init__(self, initial: Any = None) -> None:
                super().__init__(initial)
                if initial:
                    initial["count"] = initial.get("count", 0) + 1
                self.update(initial or {})

        app.session_interface.session_class = Own
        cookie = cookie_of(app)
        return [shown(app, cookie) for _ in range(3)]

    same(program)


def test_a_patched_constructor_may_change_what_it_is_given() -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib)
        cookie = cookie_of(app)
        session_class = part(lib, "sessions").SecureCookieSession
        construct = session_class.__init__

        def changing(session: Any, initial: Any = None) -> None:
            if initial:
                initial["count"] = initial.get("count", 0) + 1
            construct(session, initial)

        with mock.patch.object(session_class, "__init__", changing):
            seen = [shown(app, cookie) for _ in range(3)]
        return [*seen, shown(app, cookie)]

    same(program)


def test_a_cookie_expires_although_it_was_verified() -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib, PERMANENT_SESSION_LIFETIME=60)
        cookie = cookie_of(app)
        now = time.time()
        seen = [shown(app, cookie)]
        for later in (59, 61, 59, 3600, 0):
            with mock.patch("time.time", partial(float, now + later)):
                seen.append(shown(app, cookie))
        app.config["PERMANENT_SESSION_LIFETIME"] = 7200
        with mock.patch("time.time", partial(float, now + 3600)):
            seen.append(shown(app, cookie))
        return seen

    same(program)


def test_a_changed_key_ends_what_was_verified() -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib)
        cookie = cookie_of(app)
        seen = [shown(app, cookie)]
        app.secret_key = "another key of enough characters"
        seen.append(shown(app, cookie))
        app.config["SECRET_KEY_FALLBACKS"] = [KEY]
        seen.append(shown(app, cookie))
        app.config["SECRET_KEY_FALLBACKS"].clear()
        seen.append(shown(app, cookie))
        app.secret_key = KEY
        return [*seen, shown(app, cookie)]

    same(program)


def test_a_changed_salt_ends_what_was_verified() -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib)
        cookie = cookie_of(app)
        seen = [shown(app, cookie)]
        app.session_interface.salt = "another"
        seen.append(shown(app, cookie))
        app.session_interface.salt = "cookie-session"
        return [*seen, shown(app, cookie)]

    same(program)


def test_a_changed_signature_is_not_the_one_that_was_verified() -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib)
        cookie = cookie_of(app)
        seen = [shown(app, cookie)]
        for place in range(8, len(cookie), 5):
            changed = f"{cookie[:place]}{'A' if cookie[place] != 'A' else 'B'}{cookie[place + 1 :]}"
            seen.append(shown(app, changed))
        return [*seen, shown(app, cookie)]

    same(program)


@pytest.mark.parametrize("where", ["tag", "loads", "provider", "provider's class"])
def test_whoever_reads_sessions_in_another_way_is_asked_each_time(where: str) -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib)
        cookie = cookie_of(app)
        serializer = part(lib, "json.tag").TaggedJSONSerializer
        seen = [shown(app, cookie), shown(app, cookie)]
        own = {"user": "bob", "read": "anew"}
        if where == "loads":
            with mock.patch.object(serializer, "loads", return_value=own):
                seen += [shown(app, cookie) for _ in range(2)]
        elif where == "provider":
            with mock.patch.object(app.json, "loads", return_value=own):
                seen += [shown(app, cookie) for _ in range(2)]
        elif where == "provider's class":
            with mock.patch.object(type(app.json), "loads", return_value=own):
                seen += [shown(app, cookie) for _ in range(2)]
        else:

            class Own(part(lib, "json.tag").JSONTag):  # type: ignore[misc] # a class of either
                key = "user"

                def check(self, value: Any) -> bool:
                    return False

                def to_python(self, value: Any) -> Any:
                    return {"user": f"{value} by an own tag"}

            interface: Any = app.session_interface
            interface.serializer = serializer()
            seen += [shown(app, cookie) for _ in range(2)]
            interface.serializer.register(Own)
            seen += [shown(app, cookie) for _ in range(2)]
        return [*seen, shown(app, cookie)]

    same(program)


def test_a_refused_session_is_refused_although_it_was_verified() -> None:
    app = reading_app(tuile)
    cookie = cookie_of(app)
    assert "ada" in shown(app, cookie)
    with mock.patch.object(app, "session_refused", return_value=True):
        assert "ada" not in shown(app, cookie)
    assert "ada" in shown(app, cookie)


def test_few_cookies_are_remembered_and_no_long_ones() -> None:
    app = reading_app(tuile)

    @app.get("/many/<int:number>")
    def many(number: int) -> str:
        tuile.session["text"] = f"{number} " * (1 if number < 1000 else number)
        return "written"

    for number in [*range(MOST * 2 + 1), LONGEST]:
        (line,) = (value for name, value in send(app, make_environ(f"/many/{number}")).headers if name == "Set-Cookie")
        for _ in range(2):
            assert f"{number} " in shown(app, line.partition(";")[0])
        kept = app._kept_signer
        assert kept is not None
        assert 0 < len(kept.verified) <= MOST
        assert all(len(token) <= LONGEST >= len(found[1]) for token, found in kept.verified.items())
        assert "ada" not in repr(kept)


@pytest.mark.parametrize("count", [MOST_VALUES - 1, MOST_VALUES, MOST_VALUES + 1, 200])
def test_what_is_remembered_of_a_session_with_many_values_is_small(count: int) -> None:
    content = {f"key{number}": number for number in range(count)}

    def program(lib: Any) -> Any:
        app = reading_app(lib, content)
        cookie = cookie_of(app)
        if lib is tuile:
            kept: Any = app._kept_signer
            ((_, text, scalars),) = kept.verified.values()
            assert sys.getsizeof(text) <= LONGEST
            assert scalars == (content if count <= MOST_VALUES else None)
        return [shown(app, cookie) for _ in range(2)]

    same(program)


def test_a_text_that_takes_more_memory_than_it_has_characters_is_not_remembered() -> None:
    app = reading_app(tuile, {"text": "\N{GRINNING FACE}" * (LONGEST // 4)})
    app.json.ensure_ascii = False
    cookie = cookie_of(app)
    assert "\N{GRINNING FACE}" in shown(app, cookie)
    assert app._kept_signer is not None
    assert app._kept_signer.verified == {}


# What clients send instead of a session: parts of valid cookies, signatures of other lengths, what is encrypted or old.
PIECES = [
    "good",
    "eyJhIjoxfQ",
    "",
    ".",
    "..",
    "a" * 27,
    "b" * 43,
    "aXXXXX",
    "_-" * 13,
    "4.x",
    "e4.",
    "\xe9",
    "%3D",
    "=",
]


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4), min_size=1, max_size=3),
    st.sampled_from(["session", "session", " session ", "other_session", "Session"]),
    st.sampled_from(["; ", ";", "; a=b; "]),
    st.sampled_from([0, 0, 61]),
)
def test_whatever_a_client_sends_is_refused_as_in_flask(sent: Any, name: str, between: str, later: int) -> None:
    def program(lib: Any) -> Any:
        app = reading_app(lib, PERMANENT_SESSION_LIFETIME=60)
        good = cookie_of(app, requests=0).partition("=")[2]
        now = time.time()
        values = [".".join(good if piece == "good" else piece for piece in pieces) for pieces in sent]
        header = between.join(f"{name}={value}" for value in values)
        with mock.patch("time.time", partial(float, now + later)):
            return [shown(app, header) for _ in range(3)]

    # Flask tries only the first of several cookies.
    if len(sent) == 1:
        same(program)
    else:
        program(tuile)


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_second_session_counts_where_the_first_is_refused(digest: str) -> None:
    app = reading_app(tuile, SESSION_DIGEST=digest)
    good = cookie_of(app, requests=0)
    name, _, token = good.partition("=")
    others = [token[:-1] + ("A" if token[-1] != "A" else "B"), "x", "", "a.b." + "c" * 27, "a.b." + "c" * 43]
    for other in others:
        assert "ada" in shown(app, f"{name}={other}; {good}")
        assert "ada" not in shown(app, f"{name}={other}")


def test_a_session_signed_in_another_way_is_read() -> None:
    app = reading_app(tuile, SESSION_DIGEST="sha256")
    cookie = cookie_of(app, requests=0)
    app.config["SESSION_DIGEST"] = "sha1"
    assert "ada" in shown(app, cookie)
    app.config["SESSION_READS"] = ["sha1"]
    assert "ada" not in shown(app, cookie)


@pytest.mark.parametrize("cookie", ["session=eyJhIjoxfQ.aXXXXX." + "b" * 27, "session=garbage", "session=a.b.c"])
def test_a_wrong_signature_is_looked_at_once(cookie: str) -> None:
    app = reading_app(tuile)
    with mock.patch.object(TimedSigner, "verify", autospec=True, side_effect=TimedSigner.verify) as verify:
        for number in range(3):
            assert "ada" not in shown(app, cookie)
            assert verify.call_count == number + 1
