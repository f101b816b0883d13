"""What a server must and must not send, requirement by requirement (P1 to P23)."""

from __future__ import annotations

import re
import string
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest

from tuile import Flask, Response, cookies, request, session
from tuile.exceptions import CookieSyntaxError
from tuile.http.cookies import dump_cookie, parse_cookie
from tuile.user_agent.jar import Jar
from tuile.user_agent.set_cookie import Cookie, split_set_cookie
from tuile.user_agent.sites import Context

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
HERE = "https://shop.example/"
# The grammar of section 4.1.1.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
COOKIE_VALUE = re.compile(r'[!#-+\--:<-\[\]-~]*|"[!#-+\--:<-\[\]-~]*"')
IMF_FIXDATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)


def sent(app: Flask, path: str = "/") -> list[str]:
    return app.test_client().get(path).headers.getlist("Set-Cookie")


@pytest.mark.parametrize("name", ["", "a=b", "a;b", "a\nb", "a\x00b", " a", "a\x7f"])
def test_p1_a_name_that_browsers_would_not_keep_is_refused(name: str) -> None:
    with pytest.raises(CookieSyntaxError, match="name"):
        Cookie(name)


def test_p1_every_token_is_a_name() -> None:
    name = "".join(sorted(set(string.printable) - set(string.whitespace) - set('"(),/:;<=>?@[\\]{}')))
    assert TOKEN.fullmatch(name)
    assert Cookie.read(Cookie(name).line()).name == name


@pytest.mark.parametrize(
    "value", ["plain", "", "a=b", "100%", '"', "a b", "a;b", "a,b", "back\\slash", "é", "饼干", "\n"]
)
def test_p2_a_value_is_sent_in_octets_that_a_cookie_may_hold(value: str) -> None:
    written = Cookie("a", value).line().partition("=")[2].partition(";")[0]
    # Between quotes there are blanks and escapes, which every browser keeps and `parse_cookie` reads.
    assert COOKIE_VALUE.fullmatch(written) or re.fullmatch(r'"([ !#-+\--:<-\[\]-~]|\\.)*"', written)
    assert parse_cookie(f"a={written}") == [("a", value)]


def test_p3_attributes_are_written_as_the_grammar_has_them() -> None:
    line = dump_cookie(
        "a",
        "b",
        max_age=60,
        path="/ä b",
        domain=".Bücher.example:80",
        secure=True,
        httponly=True,
        samesite="lax",  # type: ignore[arg-type] # in any case
        now=0.0,
    )
    attributes = split_set_cookie(line).attributes
    assert [name for name, _ in attributes] == [
        "domain",
        "expires",
        "max-age",
        "secure",
        "httponly",
        "path",
        "samesite",
    ]
    by_name = dict(attributes)
    assert IMF_FIXDATE.fullmatch(by_name["expires"])
    assert re.fullmatch(r"\d+", by_name["max-age"])
    assert re.fullmatch(r"[A-Za-z0-9.-]+", by_name["domain"])
    assert re.fullmatch(r"/[!-:<-~]*", by_name["path"])
    assert by_name["samesite"] == "Lax"
    assert by_name["secure"] == by_name["httponly"] == ""


def test_p4_no_attribute_is_written_or_described_twice() -> None:
    line = Cookie("a", "b", max_age=60, expires=NOW, domain="shop.example", secure=True, httponly=True).line()
    names = [name for name, _ in split_set_cookie(line).attributes]
    assert len(set(names)) == len(names)
    with pytest.raises(CookieSyntaxError, match=r"'path' is given twice \(rfc6265bis 4\.1\.1\)"):
        Cookie.read("a=b; Path=/; path=/x")
    with pytest.raises(CookieSyntaxError, match="given twice or has a field"):
        Cookie("a", extensions=(("Secure", None),))


def test_p5_a_cookie_that_is_set_twice_is_sent_once(app: Flask) -> None:
    @app.route("/")
    def view() -> str:
        cookies.set("a", "1")
        cookies.set("a", "2")
        return ""

    assert sent(app) == ["a=2; Path=/"]


def test_p6_each_cookie_has_a_field_of_its_own(app: Flask) -> None:
    @app.route("/")
    def view() -> Response:
        answer = Response()
        answer.set_cookie("a", "1, 2")
        answer.set_cookie("b", "3")
        return answer

    assert sent(app) == [r'a="1\054 2"; Path=/', "b=3; Path=/"]


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_p7_cookies_go_with_any_status(app: Flask, status: int) -> None:
    @app.route("/")
    def view() -> tuple[str, int]:
        cookies.set("a", "1")
        return "", status

    assert sent(app) == ["a=1; Path=/"]


def test_p8_max_age_and_expires_say_the_same() -> None:
    line = dump_cookie("a", "b", max_age=3600, now=NOW.timestamp())
    assert line == "a=b; Expires=Fri, 20 Nov 2026 13:00:00 GMT; Max-Age=3600; Path=/"
    jar = Jar("rfc6265bis")
    (verdict,) = jar.receive(HERE, [line], now=NOW)
    assert verdict.cookie is not None
    assert verdict.cookie.expires == NOW + timedelta(hours=1)


def test_p9_without_a_domain_a_cookie_is_for_the_host_alone() -> None:
    jar = Jar("rfc6265bis")
    jar.receive(HERE, [Cookie("a", "1").line(), Cookie("b", "2", domain="shop.example").line()], now=NOW)
    assert jar.cookie_header("https://www.shop.example/", now=NOW) == "b=2"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"name": "__Secure-a"},
            ("The name '__Secure-a' promises more: Secure is missing (rfc6265bis 5.7 step 20). Write: secure=True."),
        ),
        (
            {"name": "__Host-a", "secure": True, "domain": "shop.example", "path": "/x"},
            (
                "The name '__Host-a' promises more: Domain is set, Path is /x instead of / (rfc6265bis 5.7 step 21)."
                " Write: secure=True, path='/', domain=None."
            ),
        ),
        (
            {"name": "a", "samesite": "None"},
            "SameSite=None needs Secure (rfc6265bis 4.1.2.7). Write: samesite='None', secure=True.",
        ),
    ],
    ids=["P10 __Secure- needs Secure", "P11 __Host- needs Secure, Path=/ and no Domain", "P12 None needs Secure"],
)
def test_p10_to_p12_a_promise_that_is_not_kept_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(CookieSyntaxError, match=re.escape(message)):
        Cookie(**fields)


def test_p13_name_and_value_have_4096_octets_and_no_attribute_more_than_1024() -> None:
    assert Cookie("a", "x" * 4095).line().startswith("a=")
    with pytest.raises(CookieSyntaxError, match=r"4097 octets, and 4096 is the limit \(rfc6265bis 5\.6 step 5\)"):
        Cookie("a", "x" * 4096)
    assert Cookie("a", path=f"/{'x' * 1023}").path == f"/{'x' * 1023}"
    with pytest.raises(CookieSyntaxError, match="The path is 1025 octets, and browsers ignore one of more than 1024"):
        Cookie("a", path=f"/{'x' * 1024}")


def test_p14_a_life_over_400_days_is_told() -> None:
    (verdict,) = Jar().receive(HERE, [Cookie("a", max_age=34_560_000 + 3600).line()], now=NOW)
    assert [note.rule for note in verdict.notes] == ["5.5"]
    (verdict,) = Jar().receive(HERE, [Cookie("a", max_age=34_560_000).line()], now=NOW)
    assert verdict.notes == ()


def test_p15_two_of_the_largest_cookies_fill_a_header() -> None:
    jar = Jar()
    jar.receive(HERE, [Cookie(name, "x" * 4095).line() for name in "ab"], now=NOW)
    assert len(jar.cookie_header(HERE, now=NOW)) > 8192


def test_p16_several_cookie_fields_are_read_as_one() -> None:
    crumbs = ["a=1", "b=2; c=3", 'd="4"']
    assert parse_cookie("; ".join(crumbs)) == [pair for crumb in crumbs for pair in parse_cookie(crumb)]
    assert parse_cookie(";".join(crumbs)) == parse_cookie("; ".join(crumbs))


def test_p17_all_cookies_of_one_name_can_be_read(app: Flask) -> None:
    @app.route("/")
    def view() -> list[str]:
        return request.cookies.getlist("a")

    answer = app.test_client(use_cookies=False).get("/", headers={"Cookie": "a=1; b=2; a=3"})
    assert answer.json == ["1", "3"]


def test_p18_a_deletion_repeats_path_and_domain() -> None:
    jar, answer = Jar(), Response()
    jar.receive(HERE, [dump_cookie("a", "1", path="/x", domain="shop.example", now=0.0)], now=NOW)
    answer.delete_cookie("a")
    (verdict,) = jar.receive(HERE, answer.headers.getlist("Set-Cookie"), now=NOW)
    assert str(verdict) == (
        "Chromium has nothing to delete: the cookie 'a' does not exist for this domain and path, but for path='/x',"
        " domain='shop.example' (rfc6265bis 3.1). Write: response.delete_cookie('a', path='/x', domain='shop.example')."
    )
    answer = Response()
    answer.delete_cookie("a", path="/x", domain="shop.example")
    (verdict,) = jar.receive(HERE, answer.headers.getlist("Set-Cookie"), now=NOW)
    assert verdict.deleted
    assert len(jar) == 0


def test_p18_a_deletion_keeps_the_promise_of_the_name() -> None:
    jar, answer = Jar(), Response()
    jar.receive(HERE, ["__Host-a=1; Secure; Path=/"], now=NOW)
    answer.delete_cookie("__Host-a")
    (verdict,) = jar.receive(HERE, answer.headers.getlist("Set-Cookie"), now=NOW)
    assert (verdict.rule, len(jar)) == ("5.7 step 21", 1)


def test_p19_without_cookies_everything_reads_as_absent(app: Flask) -> None:
    @app.route("/")
    def view() -> list[Any]:
        return [request.cookies.get("a"), cookies.get("a"), session.get("a"), len(request.cookies)]

    assert app.test_client().get("/").json == [None, None, None, 0]


def test_p20_a_session_is_over_although_the_browser_still_sends_it(app: Flask) -> None:
    app.permanent_session_lifetime = timedelta(minutes=5)

    @app.route("/")
    def view() -> str:
        seen = "known" if "user" in session else "new"
        session.permanent = True
        session["user"] = "Ada"
        return seen

    line = sent(app)[0].partition(";")[0]
    assert app.test_client(use_cookies=False).get("/", headers={"Cookie": line}).text == "known"
    with mock.patch("time.time", return_value=NOW.timestamp() + 10**9):
        assert app.test_client(use_cookies=False).get("/", headers={"Cookie": line}).text == "new"


def test_p21_a_session_is_hidden_from_scripts(app: Flask) -> None:
    @app.route("/")
    def view() -> str:
        session["user"] = "Ada"
        return ""

    jar = Jar()
    jar.receive(HERE, sent(app), now=NOW)
    assert jar.cookie_header(HERE, now=NOW).startswith("session=")
    assert jar.cookie_header(HERE, now=NOW, api="script") == ""


def test_p22_samesite_lax_does_not_guard_what_a_get_changes() -> None:
    jar = Jar()
    jar.receive(HERE, [Cookie("session", "1", samesite="Lax", secure=True).line()], now=NOW)
    evil = Context(initiator="https://evil.example/")
    assert jar.cookie_header(f"{HERE}delete?everything", now=NOW, context=evil) == "session=1"
    assert jar.cookie_header(HERE, now=NOW, method="POST", context=evil) == ""


@pytest.mark.parametrize("value", ["100%25", "caf%C3%A9", "é ü", "a+b"])
def test_p23_octets_come_back_as_they_were_sent(value: str) -> None:
    line = Cookie("a", value).line()
    assert line.isascii()
    jar = Jar()
    jar.receive(HERE, [line], now=NOW)
    assert parse_cookie(jar.cookie_header(HERE, now=NOW)) == [("a", value)]
