"""Declared cookies: one definition for reading, setting and deleting, and a list for privacy pages."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import BadRequest

import tuile
from tests.beside_flask import ABSENT, Answer, make_environ, send
from tuile import Blueprint, Flask
from tuile.cookie.declared import DeclaredCookie, life
from tuile.exceptions import CookieSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile.testing import FlaskClient


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class Filter:
    words: list[str]
    page: int = 1


def new_app(**config: Any) -> Flask:
    app = Flask("app", static_folder=None)
    app.config.update({"TESTING": True, **config})
    return app


def lines(answer: Answer) -> list[str]:
    return [value for name, value in answer.headers if name == "Set-Cookie"]


def within(app: Flask, work: Callable[[], Any], cookie: str | None = None, **environ: Any) -> Answer:
    """Call `work` in a view and return the response."""
    app.view_functions["work"] = work
    if not any(rule.endpoint == "work" for rule in app.url_map.iter_rules()):
        app.add_url_rule("/", "work")
    return send(app, make_environ(HTTP_COOKIE=ABSENT if cookie is None else cookie, **environ))


def doing(function: Callable[..., object], *arguments: Any) -> Callable[[], str]:
    """Return a view that calls a function."""

    def work() -> str:
        function(*arguments)
        return "text"

    return work


def read(app: Flask, declared: DeclaredCookie[Any], cookie: str | None = None) -> Any:
    """Return the value of a declared cookie for a Cookie header."""
    found: list[Any] = []
    answer = within(app, doing(lambda: found.append(declared.get())), cookie)
    assert answer.code == 200
    return found[0]


def line_of(app: Flask, declared: DeclaredCookie[Any], value: Any, **environ: Any) -> str:
    (line,) = lines(within(app, doing(declared.set, value), **environ))
    return line


def theme_of(app: Flask | Blueprint) -> DeclaredCookie[str]:
    return app.cookie(
        "theme",
        default="light",
        choices=("light", "dark"),
        max_age=timedelta(days=365),
        path="/shop",
        purpose="Remembers the colours you chose.",
    )


# --- reading, setting, deleting ---------------------------------------------------------------------------------------


def test_one_definition_reads_sets_and_deletes() -> None:
    app = new_app()
    theme = theme_of(app)
    seen: list[str] = []

    def work() -> str:
        seen.append(theme.get())
        theme.set("dark")
        seen.append(theme.get())
        theme.delete()
        seen.append(theme.get())
        theme.set("dark")
        return "text"

    (line,) = lines(within(app, work, "theme=dark"))
    assert seen == ["dark", "dark", "light"]
    assert line.startswith("theme=dark; Expires=")
    assert line.endswith(" GMT; Max-Age=31536000; Path=/shop; SameSite=Lax")


def test_a_deletion_always_matches() -> None:
    app = new_app(COOKIE_CHECKS="error")
    declared = app.cookie("a", path="/x", domain="example.com", secure=True, samesite="None", partitioned=True)
    at = {"HTTP_HOST": "www.example.com", "wsgi_url_scheme": "https"}
    set_line = line_of(app, declared, "1", **at)
    (deletion,) = lines(within(app, doing(declared.delete), **at))
    scope = "Domain=example.com; Secure; Path=/x; SameSite=None; Partitioned"
    assert set_line == f"a=1; {scope}"
    assert deletion == f"a=; Domain=example.com; {'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; '}{scope[20:]}"


def test_a_cookie_without_a_default_reads_as_none() -> None:
    app = new_app()
    assert read(app, app.cookie("a")) is None


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (str, "é", r'"\303\251"'),
        (int, 5, "5"),
        (float, 0.5, "0.5"),
        (bool, True, "1"),
        (Size, Size.LARGE, "l"),
        (Filter, Filter(["a", "b"], 2), "{%22words%22:[%22a%22%2C%22b%22]%2C%22page%22:2}"),
        (dict, {"a": 1}, "{%22a%22:1}"),
        (list, [1], "[1]"),
        (object, None, "null"),
    ],
)
def test_a_typed_value_comes_back(type_: Any, value: Any, text: str) -> None:
    app = new_app()
    declared = app.cookie("a", type=type_)
    assert line_of(app, declared, value) == f"a={text}; Path=/; SameSite=Lax"
    assert read(app, declared, f"a={text}") == value


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"type": int, "default": 7}, "x"),
        ({"type": int, "default": 7, "choices": (7, 8)}, "9"),
        ({"default": "light", "choices": ("light", "dark")}, "blue"),
        ({"type": Size, "default": Size.SMALL}, "xxl"),
        ({"type": Filter, "default": Filter([])}, "{}"),
        ({"type": dict, "default": {"a": 1}}, "[]"),
        ({"type": bool}, "perhaps"),
    ],
)
def test_what_a_client_makes_up_reads_as_the_default_or_is_a_bad_request(options: Any, received: str) -> None:
    app = new_app()
    lenient, strict = app.cookie("a", **options), app.cookie("b", invalid="error", **options)
    assert read(app, lenient, f"a={received}") == options.get("default")
    answer = within(app, lambda: str(strict.get()), f"b={received}")
    assert answer.code == 400
    assert "The cookie &#39;b&#39; is invalid." in answer.text
    assert read(app, strict) == options.get("default")


def test_a_default_that_is_changed_is_changed_for_nobody_else() -> None:
    app = new_app()
    declared = app.cookie("a", type=list, default=[])
    read(app, declared).append(1)
    assert read(app, declared) == []


@pytest.mark.parametrize(
    ("options", "value", "error", "message"),
    [
        ({"choices": ("light", "dark")}, "blue", ValueError, "The cookie 'a' must be one of 'light', "),
        ({}, 1, TypeError, "The cookie's value is of type str, not int: 1."),
        ({"type": int}, "1", TypeError, "The cookie's value is of type int, not str: '1'."),
        ({"type": int}, None, TypeError, "The cookie's value is of type int, not NoneType: None."),
        ({"type": Size}, "s", TypeError, "The cookie's value is of type Size, not str: 's'."),
    ],
)
def test_setting_what_it_cannot_be_is_the_programmers_error(
    options: Any, value: Any, error: type[Exception], message: str
) -> None:
    app = new_app()
    declared = app.cookie("a", **options)
    with pytest.raises(error, match=message):
        within(app, lambda: declared.set(value))


def test_outside_a_request_it_says_so() -> None:
    theme = theme_of(new_app())
    for work in (theme.get, theme.delete, lambda: theme.set("dark")):
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            work()


# --- prefixes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "line"),
    [
        ("host", "__Host-a=1; Secure; Path=/; SameSite=Lax"),
        ("secure", "__Secure-a=1; Secure; Path=/; SameSite=Lax"),
        ("http", "__Http-a=1; Secure; HttpOnly; Path=/; SameSite=Lax"),
        ("host-http", "__Host-Http-a=1; Secure; HttpOnly; Path=/; SameSite=Lax"),
    ],
)
def test_a_prefix_brings_what_it_promises(prefix: Any, line: str) -> None:
    app = new_app(COOKIE_CHECKS="error")
    declared = app.cookie("a", prefix=prefix)
    assert line_of(app, declared, "1", wsgi_url_scheme="https") == line
    assert read(app, declared, line.partition(";")[0]) == "1"
    (deletion,) = lines(within(app, doing(declared.delete), wsgi_url_scheme="https"))
    assert "Secure" in deletion


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prefix": "host", "domain": "example.com"}, "Domain is set .*path='/', domain=None"),
        ({"prefix": "host", "path": "/x"}, "Path is /x instead of /"),
        ({"prefix": "secure", "secure": False}, "Secure is missing"),
        ({"prefix": "http", "httponly": False}, "HttpOnly is missing"),
        ({"samesite": "None"}, "SameSite=None needs Secure"),
        ({"samesite": "Relaxed"}, "Samesite='Relaxed' is none of"),
        ({"partitioned": True, "secure": False}, "Partitioned needs Secure"),
        ({"max_age": timedelta(days=401)}, r"browsers cut it to 34560000 \(rfc6265bis 5.5\). Write: max_age=timedelta"),
        ({"domain": "a b"}, "is not a host name"),
        ({"path": "x"}, "does not begin with a slash"),
    ],
)
def test_what_no_browser_would_keep_cannot_be_declared(options: Any, message: str) -> None:
    with pytest.raises(CookieSyntaxError, match=message):
        new_app().cookie("a", **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prefix": "hosts"}, ValueError, "There is no prefix 'hosts'. Use one of 'secure', 'host', "),
        ({"signed": True, "encrypted": True}, ValueError, "Write only encrypted=True."),
        ({"invalid": "raise"}, ValueError, "invalid must be 'default' or 'error', not 'raise'."),
        ({"max_age": 0}, ValueError, "max_age=0 would delete the cookie 'a' when it is set."),
        ({"default": "blue", "choices": ("light",)}, ValueError, "The cookie 'a' must be one of"),
        ({"default": 1}, TypeError, "is of type str, not int"),
        ({"type": int, "choices": ("1",)}, TypeError, "is of type int, not str"),
        ({"type": bytes}, TypeError, "A cookie cannot be of type"),
        ({"expires": 1}, TypeError, "expires"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_an_error(options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        new_app().cookie("a", **options)


# --- where they are declared ------------------------------------------------------------------------------------------


def test_a_name_is_declared_once() -> None:
    app = new_app()
    theme = theme_of(app)
    with pytest.raises(ValueError, match=r"^The cookie 'theme' is already declared, at .*test_cookie_declared.py:\d+"):
        app.cookie("theme")
    app.cookie("theme", prefix="secure")
    assert app.declared_cookies["theme"] is theme
    assert list(app.declared_cookies) == ["theme", "__Secure-theme"]


def test_after_the_first_request_it_is_too_late() -> None:
    app = new_app()
    within(app, lambda: "text")
    with pytest.raises(AssertionError, match="The setup method 'cookie' can no longer be called"):
        app.cookie("a")


def test_a_blueprints_cookies_come_with_it() -> None:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    theme = theme_of(inner)
    outer.register_blueprint(inner)
    app = new_app()
    app.register_blueprint(outer)
    app.register_blueprint(inner, name="again")
    assert app.declared_cookies == {"theme": theme}
    assert read(app, theme, "theme=dark") == "dark"
    with pytest.raises(AssertionError, match="The setup method 'cookie' can no longer be called on the blueprint"):
        inner.cookie("late")


def test_two_blueprints_cannot_declare_the_same_cookie() -> None:
    app = new_app()
    one, two = Blueprint("one", __name__), Blueprint("two", __name__)
    theme_of(one)
    theme_of(two)
    app.register_blueprint(one)
    with pytest.raises(ValueError, match="The cookie 'theme' is already declared"):
        app.register_blueprint(two)


# --- signed and encrypted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["signed", "encrypted"])
def test_a_protected_cookie_goes_through_that_view_of_cookies(how: str) -> None:
    pytest.importorskip("cryptography")  # an extra
    app = new_app(SECRET_KEY="a secret key that is long enough for tests")
    options: Any = {how: True}
    declared = app.cookie("a", type=int, default=0, max_age=60, path="/x", **options)
    other = app.cookie("b", type=int, default=0, **options)
    line = line_of(app, declared, 5)
    token = line.partition(";")[0]
    assert token != "a=5"
    hidden = "HttpOnly; " if how == "encrypted" else ""
    assert line.endswith(f"Max-Age=60; {hidden}Path=/x; SameSite=Lax")
    assert read(app, declared, token) == 5
    assert read(app, declared) == 0
    assert read(app, declared, "a=5") == 0  # what a client makes up
    assert read(app, other, token.replace("a=", "b=", 1)) == 0
    (deletion,) = lines(within(app, doing(declared.delete)))
    assert deletion.endswith(f"Max-Age=0; {hidden}Path=/x; SameSite=Lax")


def test_an_encrypted_cookie_is_secure_where_the_request_is() -> None:
    pytest.importorskip("cryptography")  # an extra
    app = new_app(SECRET_KEY="a secret key that is long enough for tests")
    declared = app.cookie("a", encrypted=True)
    open_one = app.cookie("b", encrypted=True, secure=False, httponly=False)
    for scheme, secure in (("http", ""), ("https", "Secure; ")):
        with app.test_request_context(base_url=f"{scheme}://example.com/"):
            declared.set("1")
            open_one.set("1")
            closed, opened = tuile.cookies.lines()
        assert closed.partition("; ")[2] == f"{secure}HttpOnly; Path=/; SameSite=Lax"
        assert opened.partition("; ")[2] == "Path=/; SameSite=Lax"


@pytest.mark.parametrize("how", [{}, {"signed": True}])
def test_reading_says_vary_unless_the_declaration_says_otherwise(how: Any) -> None:
    app = new_app(SECRET_KEY="a secret key that is long enough for tests")
    for path, vary in (("/yes", True), ("/no", False)):
        declared = app.cookie(path[1:], default="", vary=vary, **how)
        app.add_url_rule(path, path[1:], declared.get)
    client = app.test_client()
    assert client.get("/yes").headers.get("Vary") == "Cookie"
    assert client.get("/no").headers.get("Vary") is None


def test_the_first_valid_cookie_of_a_name_counts() -> None:
    app = new_app()
    visits: Any = app.cookie("visits", type=int, default=0)
    strict: Any = app.cookie("strict", type=int, invalid="error")
    assert read(app, visits, "visits=made up; visits=7; visits=8") == 7
    assert read(app, visits, "visits=a; visits=b; visits=c; visits=d; visits=7") == 0
    assert read(app, strict, "strict=x; strict=7") == 7
    with app.test_request_context(headers={"Cookie": "strict=x; strict=y"}), pytest.raises(BadRequest):
        strict.get()


def test_what_would_not_be_read_again_is_not_written() -> None:
    @dataclass
    class Rows:
        by_number: dict[int, str]

    app = new_app()
    number: Any = app.cookie("number", type=int)
    rows: Any = app.cookie("rows", type=Rows)
    for declared, value in ((number, 10**300), (rows, Rows({1: "a"}))):
        with pytest.raises(ValueError, match="would be read again as a different"):
            within(app, partial(declared.set, value))


# --- the list ---------------------------------------------------------------------------------------------------------


def listed(app: Flask, *arguments: str) -> str:
    from tuile.cli.list_cookies import cookies_command  # noqa: PLC0415 - click is for the command line

    result = app.test_cli_runner().invoke(cookies_command, arguments)
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_the_command_lists_what_a_privacy_page_needs() -> None:
    app = new_app()
    theme_of(app)
    app.cookie("id", prefix="host", type=int, max_age=90, encrypted=True)
    file = Path(__file__).name
    text = listed(app)
    assert text.startswith("__Host-id\n  Purpose     (none given)\n  Category    necessary\n  Life        90 seconds\n")
    assert "\n  Attributes  Path=/, Secure, HttpOnly, SameSite=Lax, encrypted\n" in text
    assert (
        "\ntheme\n  Purpose     Remembers the colours you chose.\n  Category    necessary\n  Life        365 days\n"
        in text
    )
    assert "  Attributes  Path=/shop, SameSite=Lax\n" in text
    assert f"{file}:" in text
    assert "session" not in text


def test_the_command_prints_json() -> None:
    app = new_app(SECRET_KEY="key", SESSION_COOKIE_DOMAIN="example.com")
    theme = theme_of(app)
    first, second = json.loads(listed(app, "--json"))
    assert first == {
        "name": "theme",
        "purpose": "Remembers the colours you chose.",
        "category": "necessary",
        "provider": "",
        "max_age": 31_536_000,
        "life": "365 days",
        "path": "/shop",
        "domain": None,
        "secure": False,
        "httponly": False,
        "samesite": "Lax",
        "partitioned": False,
        "protection": None,
        "type": "str",
        "choices": ["light", "dark"],
        "declared_at": theme.declared_at,
    }
    assert set(second) == set(first)
    assert (second["name"], second["protection"], second["httponly"]) == ("session", "signed", True)
    assert second["life"] == "until the browser is closed, or 31 days where session.permanent is set"
    assert "Domain=example.com, HttpOnly, signed" in listed(app)


def test_the_command_says_how_to_declare_one_where_there_is_none() -> None:
    assert listed(new_app()).startswith("No cookies are declared. Write: theme = app.cookie('theme', ")
    assert listed(new_app(), "--json") == "[]\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "until the browser is closed"),
        (86_400, "1 day"),
        (172_800, "2 days"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (61, "61 seconds"),
    ],
)
def test_a_life_is_told_in_words(seconds: int | None, words: str) -> None:
    assert life(seconds) == words


def test_a_declared_cookie_shows_its_name() -> None:
    assert repr(new_app().cookie("a", prefix="host")) == "<DeclaredCookie '__Host-a'>"


def test_the_types_are_those_of_the_declaration(client: FlaskClient) -> None:
    app = new_app()
    text: DeclaredCookie[str] = app.cookie("a", default="x")
    number: DeclaredCookie[int | None] = app.cookie("b", type=int, max_age=60)
    plain: DeclaredCookie[str | None] = app.cookie("c")
    size: DeclaredCookie[Size] = Blueprint("p", __name__).cookie("d", type=Size, default=Size.SMALL)
    assert [cookie.type for cookie in (text, number, plain, size)] == [str, int, str, Size]
    assert tuile.Flask.cookie is Blueprint.cookie


# Type hints that cannot be resolved


def a_dataclass(hint: str, **names: Any) -> type:
    """Return a dataclass with one field, whose type hint is resolved later."""
    namespace: dict[str, Any] = {"__name__": "a_module_of_its_own", "dataclass": dataclass, **names}
    module = sys.modules.setdefault("a_module_of_its_own", types.ModuleType("a_module_of_its_own"))
    vars(module).clear()
    vars(module).update(namespace)
    exec(f"@dataclass\nclass Kind:\n    field: {hint!r} = None", vars(module))  # noqa: S102 - the text is right here
    found: type = vars(module)["Kind"]
    return found


@pytest.mark.parametrize(
    "hint", ["Missing", "list[Missing]", "dict[str, Missing] | None", "1 +", "len.nothing", "int[str]"]
)
def test_a_type_hint_that_cannot_be_resolved_is_an_error_at_the_declaration(app: Flask, hint: str) -> None:
    with pytest.raises(TypeError, match=r"type hints of Kind cannot be resolved: .*before the cookie is declared"):
        app.cookie("c", type=a_dataclass(hint))
    with pytest.raises(TypeError, match="cannot be resolved"):
        app.cookie("c", type=a_dataclass("list[Inner]", Inner=a_dataclass(hint)))


def test_dataclasses_that_hold_themselves_can_be_declared(app: Flask) -> None:
    kind: Any = a_dataclass("list[Kind] | None")
    cookie = app.cookie("c", type=kind)
    assert cookie.codec.read(cookie.codec.write(kind([kind(None)]))) == kind([kind(None)])
