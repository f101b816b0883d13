"""A subclass of text or octets is what it holds, whatever it says: it smuggles nothing into a header or a key."""

# ruff: noqa: E731 - a subclass that lies is a list of lambdas
# mypy: disable-error-code="assignment,arg-type,override,misc,no-untyped-def,unused-ignore"

from __future__ import annotations

from typing import Any

import pytest

import tuile
from tuile.exceptions import CookieSyntaxError
from tuile.http.cookies import dump_cookie
from tuile.keys.ring import KeyRing, hkdf, key_id
from tuile.keys.timed_signer import TimedSigner

SMUGGLED = "x; Domain=evil.example; HttpOnly\r\nSet-Cookie: evil=1"


class Text(str):
    """Text that says it is another wherever it is asked."""

    __slots__ = ()

    def _other(self, *_: object, **__: object) -> Any:
        return SMUGGLED

    def _other_octets(self, *_: object, **__: object) -> Any:
        return SMUGGLED.encode()

    def _others(self, *_: object, **__: object) -> Any:
        return SMUGGLED, "", ""

    __str__ = __repr__ = __format__ = __add__ = __radd__ = __mod__ = __getitem__ = _other
    lower = upper = title = strip = lstrip = rstrip = replace = translate = removeprefix = join = format = _other
    encode = _other_octets
    partition = rpartition = _others
    split = splitlines = lambda self, *_: [SMUGGLED]
    startswith = endswith = isascii = isdigit = lambda self, *_: True
    __contains__ = lambda self, _: False
    __len__ = lambda self: 1
    __iter__ = lambda self: iter("x")


class Octets(bytes):
    """Octets that say the same."""

    __slots__ = ()

    def _other(self, *_: object, **__: object) -> Any:
        return SMUGGLED.encode()

    decode = hex = lambda self, *_, **__: SMUGGLED
    __bytes__ = __add__ = __getitem__ = strip = translate = ljust = _other
    __len__ = lambda self: 1


def lines_of(**arguments: Any) -> list[str]:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SECRET_KEY="5e83a7d1f6094bc2c1f0b6e2d94a7385", COOKIE_CHECKS="off")

    @app.get("/")
    def index() -> tuile.Response:
        response = tuile.Response("an answer")
        response.set_cookie(**arguments)
        tuile.cookies.set(arguments.pop("key"), **arguments)
        return response

    lines: list[str] = app.test_client().get("/").headers.getlist("Set-Cookie")
    return lines


ARGUMENTS: dict[str, Any] = {
    "key": "name",
    "value": "value",
    "path": "/path",
    "domain": "example.com",
    "samesite": "Lax",
    "expires": "Wed, 21 Oct 2026 07:28:00 GMT",
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_cookie_is_written_of_what_a_subclass_holds(argument: str) -> None:
    plain = lines_of(**ARGUMENTS)
    assert lines_of(**{**ARGUMENTS, argument: Text(ARGUMENTS[argument])}) == plain
    assert "evil" not in "".join(plain)


@pytest.mark.parametrize("argument", ["key", "path", "domain", "samesite", "expires"])
def test_what_a_subclass_holds_is_refused_whatever_it_says(argument: str) -> None:
    class Innocent(str):
        __slots__ = ()
        __str__ = __format__ = lambda self, *_: "innocent"
        encode = lambda self, *_, **__: b"innocent"

    with pytest.raises(CookieSyntaxError):
        dump_cookie(**{**ARGUMENTS, argument: Innocent("a; Domain=evil.example\r\n")}, now=0)


def test_a_name_does_not_take_the_place_of_another_in_what_is_kept() -> None:
    class Chameleon(str):
        __slots__ = ()
        __hash__ = lambda self: hash("victim")
        __eq__ = lambda self, other: True

    for _ in range(2):
        assert dump_cookie(Chameleon("other"), "v", now=0).startswith("other=v")
        assert dump_cookie("victim", "v", now=0).startswith("victim=v")
        assert "Path=/other" in dump_cookie("n", path=Chameleon("/other"), now=0)
        assert "Path=/;" in f"{dump_cookie('n', path='/', now=0)};"


class Number(int):
    __slots__ = ()
    __str__ = __repr__ = __format__ = lambda self, *_: SMUGGLED


def test_a_number_is_written_as_the_number_it_is() -> None:
    assert "evil" not in "".join(lines_of(key="n", max_age=Number(5)))
    assert "Max-Age=5" in dump_cookie("n", max_age=Number(5), now=0)


@pytest.mark.parametrize("value", [b"value", Octets(b"value"), bytearray(b"value")])
def test_octets_are_no_value_of_a_cookie(value: Any) -> None:
    with pytest.raises(TypeError):
        dump_cookie("n", value, now=0)


def header_of(value: Any, streamed: bool = False) -> list[tuple[str, str]]:
    app = tuile.Flask("app", static_folder=None)

    @app.get("/")
    def index() -> tuile.Response:
        response = tuile.Response(iter(["an answer"]) if streamed else "an answer")
        response.headers["X-Set"] = value
        response.headers.add("X-Added", value)
        return response

    found: list[tuple[str, str]] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    environ |= {"wsgi.url_scheme": "http", "SERVER_PROTOCOL": "HTTP/1.1"}
    list(app(environ, lambda status, headers, _=None: found.extend(headers)))  # type: ignore[call-overload] # writes nothing
    return [(name, text) for name, text in found if name.startswith("X-")]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_header_is_sent_as_what_a_subclass_holds(streamed: bool) -> None:
    for value in (Text("value"), "value"):
        for name, text in header_of(value, streamed):
            assert type(text) is str, name
            assert text == "value"
            assert text.encode("latin-1") == b"value"


def test_a_key_is_what_a_subclass_holds() -> None:
    key, octets = "5e83a7d1f6094bc2", b"5e83a7d1f6094bc2"
    assert key_id(Text(key)) == key_id(Octets(octets)) == key_id(key)
    assert hkdf(Octets(octets)) == hkdf(octets)
    plain = KeyRing(key, [key]).sign("p", "value", now=0)
    assert KeyRing(Text(key), [Octets(octets)]).sign("p", "value", now=0) == plain
    assert KeyRing(Octets(octets)).sign("p", Text("value"), now=0) == plain
    assert TimedSigner([Octets(octets)], "p", "sha1").sign(b"v", 1) == TimedSigner([key], "p", "sha1").sign(b"v", 1)
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SECRET_KEY=Text(key), SECRET_KEY_FALLBACKS=[Octets(octets)])
    assert app.keyring.current_id == key_id(key)
    assert app.keyring.verify_only_ids == (key_id(key),)


class Equal(Text):
    """Text that says it equals whatever it is compared with."""

    __slots__ = ()
    __eq__ = lambda self, _: True
    __hash__ = lambda self: hash("p")


def test_text_that_equals_all_others_has_keys_and_tokens_of_its_own() -> None:
    ring = KeyRing("5e83a7d1f6094bc2c1f0b6e2d94a7385")
    assert ring.derive("p") != ring.derive(Equal("another"))
    assert ring.derive(Equal("another")) == ring.derive("another")
    token = ring.sign(Equal("p"), "value", name=Equal("name"), now=0)
    assert ring.verify("p", token, name="name", now=0).value == "value"


def test_a_key_that_equals_all_others_is_changed_all_the_same() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config["SECRET_KEY"] = Equal("5e83a7d1f6094bc2c1f0b6e2d94a7385")
    before = app.keyring.current_id
    app.config["SECRET_KEY"] = "b2d94a73855e83a7d1f6094bc2c1f0b6"
    assert app.keyring.current_id != before == key_id("5e83a7d1f6094bc2c1f0b6e2d94a7385")


def test_a_session_cookie_with_such_a_name_is_encrypted_under_its_true_name() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SECRET_KEY="5e83a7d1f6094bc2c1f0b6e2d94a7385", SESSION_ENCRYPT=True, TESTING=True)
    app.config["SESSION_COOKIE_NAME"] = Equal("name")

    @app.get("/")
    def index() -> str:
        tuile.session["n"] = 1
        return "an answer"

    line = app.test_client().get("/").headers["Set-Cookie"]
    assert line.startswith("name=e2.")
    token = line.partition(";")[0].removeprefix("name=")
    opened = app.keyring.decrypt("session cookie-session", token, name="name", now=0)
    assert opened.value == '{"n":1}'
