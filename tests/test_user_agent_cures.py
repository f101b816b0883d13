"""Each cure that is a call works: what the call writes is kept in the same place, by the same browser."""

from __future__ import annotations

import itertools
import re
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import create_environ

import tuile
from tuile import Flask, Response, cookies, make_response
from tuile.cookie.checks import findings
from tuile.exceptions import CookieCheckError
from tuile.testing import Browser
from tuile.user_agent.browsers import PROFILES
from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile.testing import Verdicts
    from tuile.user_agent.verdicts import Verdict

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)

NAMES = [
    "a",
    "__Secure-a",
    "__Host-a",
    "__Http-a",
    "__Host-Http-a",
    "__hOsT-a",
    "",
    "a b",
    "\xc3\xa9",
    "n" * 60,
    "a\tb",
]
ATTRIBUTES: list[list[str]] = [
    ["", "Secure"],
    ["", "SameSite=None", "SameSite=Strict", "SameSite=foo"],
    ["", "Partitioned"],
    ["", "HttpOnly"],
    ["", "Path=/", "Path=/x", "Path=foo"],
    ["", "Domain={host}", "Domain=example", "Domain=other.example", "Domain=\xc3\xa9"],
    ["", "Max-Age=0"],
]
URLS = [
    "https://www.shop.example/a/b",
    "http://www.shop.example/a/b",
    "http://localhost:5000/",
    "http://127.0.0.1/a",
    "https://shop.github.io/",
]
CONTEXTS = {
    "typed": Context(),
    "a link": Context(initiator="https://evil.example/"),
    "a third party": Context(top_level_site="https://evil.example/"),
    "another site in between": Context(top_level_site="https://www.shop.example/", cross_site_ancestor=True),
    "a sandbox": Context(initiator="null", top_level_site="null"),
}


def lines() -> Iterator[str]:
    """Yield lines that break each rule, alone and with another one."""
    pairs = list(itertools.combinations(range(len(ATTRIBUTES)), 2))
    for name in NAMES:
        yield from ("; ".join([f"{name}=1", one]) for one in itertools.chain(*ATTRIBUTES) if one)
    for name, (first, second) in itertools.product(("a", "__Host-Http-a"), pairs):
        for one, two in itertools.product(ATTRIBUTES[first], ATTRIBUTES[second]):
            yield "; ".join(part for part in (f"{name}=1", one, two) if part)
    yield from (f"a=1; SameSite=None; Partitioned; Path=/x; Domain={domain}" for domain in ("example", "{host}"))


LINES = list(dict.fromkeys(lines()))
_call = re.compile(r"(response\.set_cookie|response\.delete_cookie)(\([^()]*\))")


def applied(cure: str, url: str, before: dict[str, Any] | None = None) -> str:
    """Return the line that the call of a cure writes.

    Args:
        cure: The cure.
        url: The URL of the request.
        before: The arguments of the call that the cure corrects: its dots stand for them.
    """
    found = _call.search(cure)
    assert found, cure
    response = Response()
    arguments = dict(before or {})

    def call(name: str, *dots: object, **changed: Any) -> None:
        given = {**arguments, **changed}
        if found[1].endswith("delete_cookie"):
            assert not dots
            response.delete_cookie(name, **changed)
        else:
            assert dots == (...,)
            response.set_cookie(name, "1", **given)

    request = SimpleNamespace(is_secure=url.startswith("https:"))
    eval(f"call{found[2]}", {"call": call, "request": request})  # noqa: S307
    return response.headers["Set-Cookie"]


def kept(verdict: Verdict) -> bool:
    """Return whether a line did what it says: set its cookie, or delete it if there is one."""
    return verdict.kept or verdict.rule in {"5.7", "3.1"}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("url", URLS)
def test_each_call_that_a_verdict_suggests_is_kept_in_the_same_place(profile: str, url: str) -> None:
    host = url.split("/")[2].partition(":")[0]
    tried = 0
    for line, context in itertools.product(LINES, CONTEXTS.values()):
        own = line.replace("{host}", host)
        (verdict,) = Jar(profile).receive(url, [own], now=NOW, context=context)
        for cure in (verdict.cure, *(note.cure for note in verdict.notes)):
            if not _call.search(cure):
                assert "_cookie(" not in cure, (own, cure)
                continue
            tried += 1
            for before in (None, arguments_of(own)):
                (again,) = Jar(profile).receive(url, [applied(cure, url, before)], now=NOW, context=context)
                assert kept(again), (own, cure, str(again))
    assert tried > 30


def arguments_of(line: str) -> dict[str, Any]:
    """Return the arguments of `set_cookie` that stand for the attributes of a line."""
    arguments: dict[str, Any] = {"path": None}
    for attribute in line.split("; ")[1:]:
        name, _, value = attribute.partition("=")
        if name in {"Secure", "Partitioned", "HttpOnly"}:
            arguments[name.lower()] = True
        elif name in {"Path", "Domain"} or (name == "SameSite" and value != "foo"):
            arguments[name.lower()] = value.encode("latin-1").decode()
    return arguments


def test_every_rule_that_refuses_a_cookie_has_a_cure() -> None:
    rules = set[str]()
    for url, line, context in itertools.product(URLS, LINES, CONTEXTS.values()):
        for profile in ("chromium", "safari"):
            host = url.split("/")[2].partition(":")[0]
            (verdict,) = Jar(profile).receive(url, [line.replace("{host}", host)], now=NOW, context=context)
            if not kept(verdict):
                assert verdict.cure, str(verdict)
                rules.add(verdict.rule)
    assert {f"5.7 step {step}" for step in (9, 10, 13, 18, 19, 20, 21)} | {"layered-cookies", "7.1"} <= rules


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("a=1; SameSite=None", "serve the site over https, or leave SameSite=None out"),
        ("a=1; Partitioned", "serve the site over https, or leave Partitioned out"),
        ("__Host-a=1; Path=/", "serve the site over https, or give it a name without this prefix"),
        ("__Host-a=1; Secure; Path=/", "serve the site over https, or give it a name without this prefix"),
        ("a=1; Secure; SameSite=None", "serve the site over https"),
        ("a=1; Secure", "serve the site over https, or write: response.set_cookie('a', ..., secure=request.is_secure)"),
    ],
)
def test_over_http_the_cure_for_what_must_be_secure_is_https(line: str, cure: str) -> None:
    (verdict,) = Jar().receive("http://www.shop.example/", [line], now=NOW)
    assert verdict.cure == cure


def test_a_cookie_without_a_name_is_to_get_one() -> None:
    (verdict,) = Jar().receive("https://www.shop.example/", ["=1; SameSite=None"], now=NOW)
    assert verdict.cure == "give it a name, and write: response.set_cookie('NAME', ..., samesite='None', secure=True)"


# --- deletions --------------------------------------------------------------------------------------------------------

STORED = [
    "a=1; Path=/x",
    "a=1; Path=/; Domain={site}",
    "a=1; Path=/x; Secure; SameSite=Strict",
    "a=1; Secure; SameSite=None; Partitioned; Path=/",
    "__Secure-a=1; Secure; Path=/x",
    "n" * 60 + "=1; Path=/x",
    "\xc3\xa9=1; Path=/x",
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
@pytest.mark.parametrize("stored", STORED)
def test_each_deletion_that_a_verdict_suggests_deletes_the_cookie(stored: str, context: Context, profile: str) -> None:
    url = "https://www.shop.example/"
    for unset in ("Path=/y", "Path=/y; Domain=shop.example", "Path=/y; Secure; SameSite=None"):
        jar = Jar(profile)
        line = stored.replace("{site}", "shop.example")
        if not jar.receive(url, [line], now=NOW, context=context)[0].kept:
            jar.receive(url, [line], now=NOW)
        (verdict,) = jar.receive(url, [f"{line.partition('=')[0]}=; Max-Age=0; {unset}"], now=NOW, context=context)
        if _call.search(verdict.cure):
            (again,) = jar.receive(url, [applied(verdict.cure, url)], now=NOW, context=context)
            assert kept(again), (verdict.cure, str(again))
            if verdict.rule == "3.1":
                assert again.deleted, (verdict.cure, str(again))
        else:
            assert "_cookie(" not in verdict.cure


# --- the words of the call --------------------------------------------------------------------------------------------


def set_by_response() -> Response:
    response = make_response("text")
    response.set_cookie("a", "1", samesite="None")
    return response


def delete_by_response() -> Response:
    response = make_response("text")
    response.delete_cookie("__Secure-a")
    return response


def set_by_cookies() -> str:
    cookies.set("a", "1", samesite="None")
    return "text"


def delete_by_cookies() -> str:
    cookies.delete("__Secure-a")
    return "text"


CALLS: list[tuple[Callable[[], Any], str]] = [
    (set_by_response, "write: response.set_cookie('a', ..., samesite='None', secure=True)"),
    (delete_by_response, "write: response.delete_cookie('__Secure-a', secure=True)"),
    (set_by_cookies, "write: cookies.set('a', ..., samesite='None', secure=True)"),
    (delete_by_cookies, "write: cookies.delete('__Secure-a', secure=True)"),
]


@pytest.mark.parametrize(("view", "cure"), CALLS)
def test_the_cure_is_in_the_words_of_the_call_that_was_made(view: Callable[[], Any], cure: str) -> None:
    app = Flask("app", static_folder=None)
    app.add_url_rule("/", "view", view)
    app.config["COOKIE_CHECKS"] = "off"
    (verdict,) = Browser(app).visit("https://www.shop.example/").verdicts
    assert verdict.cure == cure
    app.config.update(COOKIE_CHECKS="error", PROPAGATE_EXCEPTIONS=True)
    with pytest.raises(CookieCheckError) as caught:
        app.test_client().get("/", base_url="https://www.shop.example")
    assert [note.cure for note in caught.value.notes] == [cure]


def framed(app: Flask) -> Verdicts:
    """Return the verdicts on the response to a frame in a page of another site."""
    response = Browser(app).frame("https://www.shop.example/", inside="https://evil.example/").response
    assert response is not None
    return response.verdicts


def test_the_cure_for_a_declared_cookie_is_its_declaration() -> None:
    app = Flask("app", static_folder=None)
    app.config["COOKIE_CHECKS"] = "off"
    blueprint = tuile.Blueprint("blueprint", "blueprint")
    embedded, theme = app.cookie("embedded", prefix="secure"), blueprint.cookie("theme")
    app.register_blueprint(blueprint)

    @app.route("/")
    def index() -> str:
        embedded.set("1")
        theme.set("1")
        return "text"

    verdicts = framed(app)
    assert [verdict.cure for verdict in verdicts] == [
        "write: app.cookie('embedded', ..., samesite='None', secure=True)",
        "write: blueprint.cookie('theme', ..., samesite='None', secure=True)",
    ]
    plain = Browser(app).visit("http://www.shop.example/").verdicts
    assert [verdict.cure for verdict in plain] == [
        "serve the site over https, or give it a name without this prefix",
        "",
    ]


def test_the_name_is_as_the_call_has_it() -> None:
    app = Flask("app", static_folder=None)
    app.config.update(COOKIE_DEFAULTS="secure", COOKIE_CHECKS="off")

    @app.route("/")
    def index() -> str:
        cookies.set("theme", "dark")
        return "text"

    (verdict,) = framed(app)
    assert verdict.name == "__Host-theme"
    assert verdict.cure == "write: cookies.set('theme', ..., samesite='None', secure=True)"


def test_the_cure_for_the_session_is_a_setting_that_works() -> None:
    for config in ({"SESSION_COOKIE_SAMESITE": "Lax"}, {"SESSION_COOKIE_NAME": "__Secure-s"}):
        app = Flask("app", static_folder=None)
        app.config.update(COOKIE_CHECKS="off", SECRET_KEY="a key that is long enough to be one", **config)

        @app.route("/")
        def view() -> str:
            tuile.session["a"] = 1
            return "text"

        (verdict,) = framed(app)
        cure = verdict.cure.removeprefix("write: ")
        assert sorted(cure.split(", ")) == ["SESSION_COOKIE_SAMESITE = 'None'", "SESSION_COOKIE_SECURE = True"]
        settings: dict[str, object] = {}
        exec(cure.replace(", ", "; "), {}, settings)  # noqa: S102
        app.config.update(settings)
        (verdict,) = framed(app)
        assert verdict.kept


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_each_call_that_a_check_suggests_is_kept(scheme: str) -> None:
    url = f"{scheme}://www.shop.example/"
    app = Flask("app", static_folder=None)
    for line, site in itertools.product(LINES[::3], ("none", "cross-site")):
        environ = create_environ("/", url, method="POST", headers={"Sec-Fetch-Site": site})
        request = tuile.Request({**environ, "HTTP_SEC_FETCH_DEST": "document" if site == "none" else "iframe"})
        for note in findings(app, request, [line.replace("{host}", "www.shop.example")]):
            if _call.search(note.cure):
                again = applied(note.cure.partition(" (http")[0], url)
                found = findings(app, request, [again])
                assert not [other for other in found if other.rule == note.rule], (line, note, found)
