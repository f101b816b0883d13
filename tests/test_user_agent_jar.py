"""The jar's interface, verdicts and limits. The rules are tested in tests/conformance."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.costs import assert_time_is_linear, steps
from tuile.user_agent.browsers import PROFILES, Profile
from tuile.user_agent.differences import DIFFERENCES
from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import Context, last_label
from tuile.user_agent.verdicts import StoredCookie

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
HERE = "https://www.shop.example/a/b"
PLAIN = "http://www.shop.example/a/b"
EVIL = Context(initiator="https://evil.example/")
FRAMED = Context(top_level_site="https://evil.example/")


def names(jar: Jar, now: datetime = NOW) -> list[str]:
    return [cookie.name for cookie in jar.cookies(now)]


# --- the interface ----------------------------------------------------------------------------------------------------


def test_a_stored_cookie_says_what_the_browser_knows() -> None:
    jar = Jar()
    line = "a=b; Domain=shop.example; Max-Age=60; Secure; HttpOnly; SameSite=Lax; Priority=High; Partitioned"
    (verdict,) = jar.receive(HERE, [line], now=NOW)
    cookie = StoredCookie(
        name="a",
        value="b",
        domain="shop.example",
        path="/a",
        host_only=False,
        secure=True,
        httponly=True,
        samesite="Lax",
        created=NOW,
        expires=NOW + timedelta(minutes=1),
        priority="High",
        partition=("https://shop.example", False),
    )
    assert jar.cookies(NOW) == [verdict.cookie] == [cookie]
    assert jar.cookies(NOW + timedelta(minutes=1)) == []


def test_nothing_is_an_empty_header() -> None:
    assert Jar().cookie_header(HERE, now=NOW) == ""


def test_cookies_are_listed_in_the_order_of_their_creation() -> None:
    jar = Jar()
    jar.receive(HERE, ["z=1", "a=1"], now=NOW)
    jar.receive("https://other.example/", ["m=1"], now=NOW)
    jar.receive(HERE, ["z=1"], now=NOW)
    assert names(jar) == ["z", "a", "m"]
    assert len(jar) == 3
    assert repr(jar) == "<Jar chromium with 3 cookies>"


def test_a_jar_can_be_emptied() -> None:
    jar = Jar()
    jar.receive(HERE, ["a=1"], now=NOW)
    jar.clear()
    assert (len(jar), jar.cookie_header(HERE, now=NOW)) == (0, "")


def test_the_end_of_the_session_leaves_what_has_a_lifetime() -> None:
    jar = Jar()
    jar.receive(HERE, ["a=1", "b=1; Max-Age=60"], now=NOW)
    jar.end_session()
    assert names(jar) == ["b"]


def test_lines_are_octets_or_bytes_and_come_back_as_they_were() -> None:
    jar = Jar()
    jar.receive(HERE, ["a=\xc3\xa9", b"b=\xc3\xa9\xff", "c=\u20ac"], now=NOW)
    assert jar.cookie_header(HERE, now=NOW) == "a=\xc3\xa9; b=\xc3\xa9\xff; c=\u20ac"


def test_a_script_writes_and_reads_text() -> None:
    for profile in ("firefox", "chromium"):
        jar = Jar(profile)
        jar.receive(HERE, ["a=é€"], now=NOW, api="script")
        assert jar.cookie_header(HERE, now=NOW) == "a=é€".encode().decode("latin-1")
        assert jar.cookie_header(HERE, now=NOW, api="script") == "a=é€"


def test_half_a_surrogate_pair_from_a_script_is_replaced_but_in_chromium() -> None:
    jar = Jar("firefox")
    jar.receive(HERE, ["a=\ud800"], now=NOW, api="script")
    assert jar.cookie_header(HERE, now=NOW) == "a=\ufffd".encode().decode("latin-1")
    assert jar.cookie_header(HERE, now=NOW, api="script") == "a=\ufffd"
    jar = Jar("chromium")
    jar.receive(HERE, ["a=\ud800"], now=NOW, api="script")
    assert jar.cookie_header(HERE, now=NOW) == "a=\xed\xa0\x80"
    assert jar.cookie_header(HERE, now=NOW, api="script") == ""


@pytest.mark.parametrize("line", ["a=1", b"a=1"])
def test_a_line_alone_is_an_error_that_says_so(line: Any) -> None:
    with pytest.raises(TypeError, match=r"A list of Set-Cookie lines is wanted, not one line\. Write: \["):
        Jar().receive(HERE, line, now=NOW)


def test_a_moment_needs_a_zone() -> None:
    naive = datetime(2026, 11, 20)  # noqa: DTZ001  that is the test
    jar = Jar()
    for ask in (
        lambda: jar.receive(HERE, [], now=naive),
        lambda: jar.cookie_header(HERE, now=naive),
        lambda: jar.cookies(naive),
    ):
        with pytest.raises(ValueError, match=r"has no time zone\. Use datetime\.now\(timezone\.utc\)"):
            ask()


def test_a_moment_may_have_any_zone() -> None:
    jar = Jar()
    jar.receive(HERE, ["a=1; Max-Age=60"], now=NOW.astimezone(timezone(timedelta(hours=9))))
    assert jar.cookie_header(HERE, now=NOW + timedelta(seconds=59)) == "a=1"
    assert jar.cookie_header(HERE, now=NOW + timedelta(seconds=60)) == ""


def test_moments_at_the_end_of_the_calendar_do_not_raise() -> None:
    for now in (datetime.max.replace(tzinfo=timezone.utc), datetime.min.replace(tzinfo=timezone.utc)):
        jar = Jar()
        jar.receive(HERE, ["a=1; Max-Age=99999999999", "b=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", "c=1"], now=now)
        assert jar.cookie_header(HERE, now=now, context=EVIL, method="POST").endswith("c=1")


def test_an_unknown_profile_is_an_error_that_names_the_others() -> None:
    with pytest.raises(
        ValueError, match=r"Unknown profile 'netscape'\. Use one of 'rfc6265bis', 'chromium', 'firefox'"
    ):
        Jar("netscape")


def test_a_profile_of_ones_own_can_be_given() -> None:
    jar = Jar(Profile("tiny", "Tiny", per_domain=(1, 1)))
    jar.receive(HERE, ["a=1", "b=1"], now=NOW)
    assert names(jar) == ["b"]


def test_a_list_of_ones_own_can_be_given() -> None:
    (verdict,) = Jar(public_suffixes=last_label).receive("http://www.example.co.uk/", ["a=1; Domain=co.uk"], now=NOW)
    assert verdict.kept
    (verdict,) = Jar().receive("http://www.example.co.uk/", ["a=1; Domain=co.uk"], now=NOW)
    assert not verdict.kept


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "line", "message"),
    [
        (
            PLAIN,
            "sid=1; Secure",
            (
                "Chromium ignores the cookie 'sid': it is Secure, and http://www.shop.example/a/b is not a secure"
                " connection (rfc6265bis 5.7 step 13). Serve the site over https, or write:"
                " response.set_cookie('sid', ..., secure=request.is_secure)."
            ),
        ),
        (
            HERE,
            "sid=1; SameSite=None",
            (
                "Chromium ignores the cookie 'sid': it is SameSite=None and not Secure (rfc6265bis 5.7 step 19)."
                " Write: response.set_cookie('sid', ..., samesite='None', secure=True)."
            ),
        ),
        (
            HERE,
            "sid=1; Partitioned",
            (
                "Chromium ignores the cookie 'sid': it is Partitioned and not Secure (layered-cookies)."
                " Write: response.set_cookie('sid', ..., partitioned=True, secure=True)."
            ),
        ),
        (
            HERE,
            "__Host-sid=1; Secure; Domain=shop.example; Path=/",
            (
                "Chromium ignores the cookie '__Host-sid': its name begins with __Host-, and Domain is set"
                " (rfc6265bis 5.7 step 21). Write:"
                " response.set_cookie('__Host-sid', ..., secure=True, path='/', domain=None)."
            ),
        ),
        (
            HERE,
            "__SECURE-sid=1",
            (
                "Chromium ignores the cookie '__SECURE-sid': its name begins with __SECURE-, and Secure is missing"
                " (rfc6265bis 5.7 step 20). Write: response.set_cookie('__SECURE-sid', ..., secure=True)."
            ),
        ),
        (
            HERE,
            "sid=1; Domain=other.example",
            (
                "Chromium ignores the cookie 'sid': Domain=other.example does not cover www.shop.example, which sets it"
                " (rfc6265bis 5.7 step 10). Leave out domain, so that it is for www.shop.example only, or write:"
                " response.set_cookie('sid', ..., domain='shop.example'), which covers shop.example and all"
                " hosts below it."
            ),
        ),
        (
            "http://127.0.0.1:5000/",
            "sid=1; Domain=localhost",
            (
                "Chromium ignores the cookie 'sid': Domain=localhost is a public suffix:"
                " it would reach all sites below it (rfc6265bis 5.7 step 9)."
                " Leave out domain, so that it is for 127.0.0.1 only."
            ),
        ),
        (
            HERE,
            f"sid={'x' * 5120}",
            (
                "Chromium ignores the cookie 'sid': name and value have 5123 octets, and 4096 is the limit"
                " (rfc6265bis 5.6 step 5). Keep the data on the server and put an id of it into the cookie."
            ),
        ),
        (
            HERE,
            "a=b\tc",
            (
                "Chromium ignores the cookie 'a': it has a tab within its name, its value or an attribute"
                " (rfc6265bis 5.6 step 1). Leave it out, or encode it, for example with urllib.parse.quote()."
            ),
        ),
        (
            HERE,
            "a=b\x00c",
            (
                "Chromium ignores the cookie 'a': the line has the control character '\\x00' (rfc6265bis 5.6 step 1)."
                " Leave it out, or encode it, for example with urllib.parse.quote()."
            ),
        ),
        (
            HERE,
            "__Host-a",
            (
                "Chromium ignores the cookie without a name: it has no name, and its value would be sent back as a name"
                " that begins with __Host- (rfc6265bis 5.7 step 22). Write: NAME=VALUE."
            ),
        ),
        (
            HERE,
            "=",
            (
                "Chromium ignores the cookie without a name: it has neither a name nor a value (rfc6265bis 5.7 step 2)."
                " Write: NAME=VALUE."
            ),
        ),
        (
            HERE,
            "a=1; Path=/; Max-Age=0",
            "Chromium has nothing to delete: the cookie 'a' does not exist (rfc6265bis 3.1).",
        ),
        (
            HERE,
            "a=1; Domain=shop.example; Path=/; Max-Age=60",
            (
                "Chromium keeps the cookie 'a' for shop.example and the hosts below it, every path,"
                " until 2026-11-20 12:01:00 UTC (rfc6265bis 5.7 step 24)."
            ),
        ),
        (
            HERE,
            "a=1",
            (
                "Chromium keeps the cookie 'a' for www.shop.example only, paths below /a, until the browser is closed"
                " (rfc6265bis 5.7 step 24)."
            ),
        ),
        (
            HERE,
            f"{'n' * 50}=1; Secure=1; SameSite=None; Partitioned; Domain=x",
            f"Chromium ignores the cookie '{'n' * 40}...': Domain=x is a public suffix",
        ),
    ],
)
def test_a_verdict_says_what_happens_and_why_and_what_to_write(url: str, line: str, message: str) -> None:
    (verdict,) = Jar().receive(url, [line], now=NOW)
    assert str(verdict).startswith(message)
    assert verdict.line == line
    assert verdict.kept is (verdict.cookie is not None) is str(verdict).startswith("Chromium keeps")


@pytest.mark.parametrize(
    ("line", "note"),
    [
        (
            "a=1; Path=foo",
            (
                "Path=foo is ignored, as it does not begin with a slash: the cookie is for /a (rfc6265bis 5.6.4)."
                " Write: response.set_cookie('a', ..., path='/foo')."
            ),
        ),
        (
            "a=1; Max-Age=99999999",
            (
                "Chromium limits its lifetime to 400 days (rfc6265bis 5.5)."
                " Write: max_age=34560000 at most, and set it again on later visits."
            ),
        ),
        (
            "a=1; Max-Age=1h",
            "Max-Age=1h is ignored: it is not a number of seconds (rfc6265bis 5.6.2). Write: max_age=3600.",
        ),
        (
            "a=1; Expires=tomorrow",
            "Expires=tomorrow is ignored: it is not a date (rfc6265bis 5.6.1). Write: max_age=3600, which needs none.",
        ),
        (
            "a=1; SameSite=laxx",
            (
                "SameSite=laxx is ignored: it is not one of Strict, Lax and None (rfc6265bis 5.6.7)."
                " Write: response.set_cookie('a', ..., samesite='Lax')."
            ),
        ),
        (
            f"a=1; Path=/{'x' * 1024}",
            (
                "The attribute 'path' is ignored: it is 1025 octets (rfc6265bis 5.6 step 6 of the attributes)."
                " Write at most 1024."
            ),
        ),
    ],
)
def test_a_verdict_notes_what_was_ignored_of_a_cookie_that_is_kept(line: str, note: str) -> None:
    (verdict,) = Jar().receive(HERE, [line], now=NOW)
    assert verdict.kept
    assert [str(said) for said in verdict.notes] == [note]
    assert str(verdict).endswith(note)


def test_a_cookie_without_a_name_is_noted_where_it_is_kept_and_refused_where_it_is_not() -> None:
    (verdict,) = Jar("rfc6265bis").receive(HERE, ["=a=b"], now=NOW)
    (note,) = verdict.notes
    assert str(note) == (
        "A cookie without a name comes back as its value alone, here with '=' as if it had one (rfc6265bis 5.8.3)."
        " Give it a name: Chromium and Firefox drop it."
    )
    for profile, line, reason in (
        ("chromium", "=a=b", "it has no name, and an equals sign in its value"),
        ("firefox", "=a", "it has no name"),
    ):
        (verdict,) = Jar(profile).receive(HERE, [line], now=NOW)
        assert verdict.reason.endswith(f"ignores the cookie without a name: {reason}")
        assert verdict.cure == "write: NAME=VALUE"


def test_safari_does_not_trust_localhost_and_the_verdict_says_that_others_do() -> None:
    (verdict,) = Jar("safari").receive("http://localhost:5000/", ["sid=1; Secure"], now=NOW)
    assert verdict.reason == (
        "Safari ignores the cookie 'sid': it is Secure, and http://localhost/ is not a secure connection,"
        " although Chromium and Firefox trust the local machine"
    )


def test_a_deletion_says_so() -> None:
    jar = Jar()
    jar.receive(HERE, ["a=1"], now=NOW)
    (verdict,) = jar.receive(HERE, ["a=; Max-Age=0"], now=NOW)
    assert (verdict.kept, verdict.deleted, verdict.cure) == (False, True, "")
    assert str(verdict) == "Chromium deletes the cookie 'a': it has expired (rfc6265bis 5.7)."


def test_verdicts_and_cookies_do_not_change() -> None:
    (verdict,) = Jar().receive(HERE, ["a=1"], now=NOW)
    with pytest.raises(FrozenInstanceError):
        verdict.kept = False  # type: ignore[misc]  # that is the test


def test_a_third_party_is_told_what_to_write() -> None:
    (verdict,) = Jar().receive(HERE, ["a=1"], now=NOW, context=FRAMED)
    assert str(verdict) == (
        "Chromium ignores the cookie 'a': without SameSite it counts as Lax, and https://www.shop.example/a/b answers a"
        " request from another site that is not a top-level navigation (rfc6265bis 5.7 step 18)."
        " Write: response.set_cookie('a', ..., samesite='None', secure=True)."
    )
    (verdict,) = Jar("safari").receive(HERE, ["a=1"], now=NOW, context=FRAMED)
    assert verdict.cure == "write: response.set_cookie('a', ..., samesite='None', secure=True, partitioned=True)"


# --- too many (U35, U36) ----------------------------------------------------------------------------------------------


def test_u36_every_profile_keeps_50_of_a_domain_and_3000_in_all() -> None:
    for profile in PROFILES:
        jar = Jar(profile, public_suffixes=last_label)
        for site in range(60):
            jar.receive(f"https://site-{site}.example/", [f"c{number}=1" for number in range(50)], now=NOW)
        assert len(jar.cookies(NOW)) == 3000, profile


def test_u35_the_least_recently_used_that_is_not_secure_goes_first() -> None:
    jar = Jar("rfc6265bis")
    lines = [f"c{number}=1{'; Secure' if number % 2 else ''}; Path=/{number}" for number in range(50)]
    jar.receive(HERE, lines, now=NOW)
    later = NOW + timedelta(seconds=1)
    assert jar.cookie_header("https://www.shop.example/0", now=later) == "c0=1"
    (verdict,) = jar.receive(HERE, ["new=1"], now=later)
    assert [str(note) for note in verdict.notes] == [
        (
            "A browser evicts 1 other cookies because there are too many (rfc6265bis 5.7)."
            " Set fewer cookies, and combine related values."
        )
    ]
    assert set(names(jar)) == {"new", *(f"c{number}" for number in range(50))} - {"c2"}


def test_u35_when_all_are_secure_they_go_too() -> None:
    jar = Jar("rfc6265bis")
    jar.receive(HERE, [f"c{number}=1; Secure" for number in range(51)], now=NOW)
    assert names(jar) == [f"c{number}" for number in range(1, 51)]


def test_u35_what_is_over_goes_before_anything_else() -> None:
    jar = Jar("rfc6265bis")
    jar.receive(HERE, ["first=1", "short=1; Max-Age=1", *(f"c{number}=1" for number in range(48))], now=NOW)
    jar.receive(HERE, ["new=1"], now=NOW + timedelta(seconds=1))
    assert names(jar, NOW + timedelta(seconds=1)) == ["first", *(f"c{number}" for number in range(48)), "new"]


def test_u35_the_standard_counts_by_domain_and_browsers_by_site() -> None:
    for profile, left in (("rfc6265bis", 300), ("firefox", 176), ("chromium", 176)):
        jar = Jar(profile)
        for host in range(6):
            jar.receive(f"https://h{host}.shop.example/", [f"c{number}=1" for number in range(50)], now=NOW)
        assert len(jar) == left, profile


def test_u35_all_of_them_the_least_recently_used_first() -> None:
    jar = Jar("rfc6265bis", public_suffixes=last_label)
    for site in range(61):
        jar.receive(f"https://site-{site}.example/", [f"c{n}=1" for n in range(50)], now=NOW + timedelta(seconds=site))
    assert len(jar) == 3000
    assert jar.cookie_header("https://site-0.example/", now=NOW + timedelta(minutes=2)) == ""
    assert jar.cookie_header("https://site-1.example/", now=NOW + timedelta(minutes=2)).startswith("c0=1; ")


def test_u35_chromium_spares_what_was_used_within_a_month_and_what_is_secure() -> None:
    jar = Jar("chromium", public_suffixes=last_label)
    for site in range(33):
        secure = "; Secure" if site < 10 else ""
        jar.receive(
            f"https://site-{site}.example/", [f"c{number}=1; Max-Age=9999999{secure}" for number in range(100)], now=NOW
        )
    jar.receive("https://new.example/", ["a=1; Max-Age=9999999"], now=NOW + timedelta(days=1))
    assert len(jar) == 3301
    jar.receive("https://new.example/", ["b=1"], now=NOW + timedelta(days=31))
    assert len(jar) == 3000
    assert len(jar.cookie_header("https://site-0.example/", now=NOW + timedelta(days=31)).split("; ")) == 100
    assert jar.cookie_header("https://site-10.example/", now=NOW + timedelta(days=31)) == ""
    assert jar.cookie_header("https://new.example/", now=NOW + timedelta(days=31)) == "a=1; b=1"


def test_u35_chromium_drops_by_priority_and_leaves_each_its_quota() -> None:
    jar = Jar("chromium")
    lines = [f"low{n}=1; Priority=Low" for n in range(40)] + [f"medium{n}=1" for n in range(100)]
    lines += [f"high{n}=1; Priority=High" for n in range(41)]
    jar.receive(HERE, lines, now=NOW)
    left = names(jar)
    counts = {kind: sum(name.startswith(kind) for name in left) for kind in ("low", "medium", "high")}
    assert counts == {"low": 30, "medium": 79, "high": 41}
    assert "low9" not in left
    assert "low10" in left


def test_u42_a_partition_holds_ten_kilobytes_of_a_site_in_chromium() -> None:
    jar = Jar("chromium")
    partitioned = [f"c{number:02}={'x' * 1021}; Secure; Partitioned" for number in range(12)]
    jar.receive(HERE, ["c=1", *partitioned], now=NOW)
    assert names(jar) == ["c", *(f"c{number:02}" for number in range(2, 12))]


# --- profiles ---------------------------------------------------------------------------------------------------------


def test_every_difference_says_where_it_comes_from_and_when_it_was_looked_at() -> None:
    settings_of_a_profile = {field.name for field in fields(Profile)}
    for row in DIFFERENCES:
        assert row.profile in PROFILES
        assert row.setting in settings_of_a_profile
        assert row.value != getattr(PROFILES["rfc6265bis"], row.setting), row
        assert row.value == getattr(PROFILES[row.profile], row.setting)
        assert len(row.says) > 10
        assert len(row.source) > 10
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row.checked)
    assert len({(row.profile, row.setting) for row in DIFFERENCES}) == len(DIFFERENCES)


def test_a_browser_is_the_standard_and_its_differences() -> None:
    standard = PROFILES["rfc6265bis"]
    for name, profile in PROFILES.items():
        rows = {row.setting for row in DIFFERENCES if row.profile == name}
        differing = {
            field.name for field in fields(Profile) if getattr(profile, field.name) != getattr(standard, field.name)
        }
        assert differing - {"name", "called"} == rows


# --- whatever comes ---------------------------------------------------------------------------------------------------

pieces = st.sampled_from(
    [
        "a",
        "=",
        ";",
        "; ",
        ",",
        " ",
        "\t",
        '"',
        "\\",
        "\x00",
        "\x7f",
        "é",
        "€",
        "�",
        "__Host-",
        "__Secure-",
        "=;",
        "Path=/",
        "Path",
        "Domain=shop.example",
        "Domain=.",
        "Domain=[::1]",
        "Domain=xn--a",
        "Domain=é",
        "Secure",
        "HttpOnly",
        "SameSite=None",
        "SameSite=Strict",
        "Max-Age=",
        "Max-Age=60",
        "Max-Age=0",
        "Max-Age=-1",
        "Expires=Thu, 01 Jan 1970",
        "Expires=1 Jan 2070 00:00:00",
        "Partitioned",
        "Priority=Low",
        "9" * 30,
        "x" * 1025,
    ]
)
lines = st.lists(pieces, max_size=10).map("".join) | st.text() | st.binary()
contexts = st.sampled_from([Context(), EVIL, FRAMED, Context(top_level_site=HERE), Context(initiator="null")])
urls = st.sampled_from(
    [HERE, PLAIN, "http://localhost/", "https://[::1]/x", "http://b\u00fccher.example/", "http://co.uk/"]
)


@given(
    profile=st.sampled_from(list(PROFILES)),
    visits=st.lists(
        st.tuples(urls, lines, contexts, st.sampled_from(["http", "script"]), st.integers(0, 90)), max_size=6
    ),
)
@settings(max_examples=200)
def test_no_line_raises_and_what_is_kept_keeps_the_rules(
    profile: str, visits: list[tuple[str, Any, Context, Any, int]]
) -> None:
    jar, now = Jar(profile, public_suffixes=last_label), NOW
    for url, line, context, api, seconds in visits:
        now += timedelta(seconds=seconds)
        (verdict,) = jar.receive(url, [line], now=now, api=api, context=context)
        assert verdict.kept is (verdict.cookie is not None)
        assert verdict.rule
        assert verdict.reason
        assert str(verdict)
        if verdict.cookie is not None:
            assert verdict.cookie in jar.cookies(now)
            assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f;]", verdict.cookie.name + verdict.cookie.value)
            assert verdict.cookie.path.startswith("/")
        header = jar.cookie_header(url, now=now, api=api, context=context, method="POST")
        assert ("\n" in header) is False
        assert len(jar) == len(jar.cookies(now))


@given(kept=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "/", "/a", "/a/b"])), max_size=8))
def test_a_cookie_that_is_kept_is_sent_and_one_that_is_deleted_is_not(kept: list[tuple[str, str]]) -> None:
    jar = Jar()
    for name, path in kept:
        jar.receive(HERE, [f"{name}=1; Path={path}"], now=NOW)
        assert f"{name}=1" in jar.cookie_header(HERE, now=NOW).split("; ")
    for name, path in kept:
        jar.receive(HERE, [f"{name}=1; Path={path}; Max-Age=0"], now=NOW)
    assert jar.cookie_header(HERE, now=NOW) == ""


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        ";",
        "=",
        "; ",
        ";a=",
        "; Path=/x",
        "; Domain=é",
        "; Max-Age=9",
        "; Expires=1 Jan 2070 0:0:0",
        "\t",
        "\xff",
        "\u20ac",
    ],
)
def test_the_time_for_a_line_grows_with_its_length_and_not_faster(piece: str) -> None:
    jar = Jar(public_suffixes=last_label)

    def receive(n: int) -> None:
        jar.receive(HERE, ["a=b" + piece * n], now=NOW)
        jar.receive(HERE, [piece * n], now=NOW, api="script")

    assert_time_is_linear(receive, 5000)


def test_the_time_for_many_lines_grows_with_their_number_and_not_faster() -> None:
    def visit(sites: int) -> None:
        jar = Jar(public_suffixes=last_label)
        for site in range(sites):
            jar.receive(f"http://site-{site}.example/", [f"c{number}=1" for number in range(50)], now=NOW)
            jar.cookie_header(f"http://site-{site}.example/", now=NOW)

    visit(1)
    one, two, four = (steps(lambda sites=sites: visit(sites)) for sites in (5, 10, 20))  # type: ignore[misc] # bound at once
    assert four - two <= 2.2 * (two - one)
