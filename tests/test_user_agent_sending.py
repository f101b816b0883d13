"""Which cookies are not sent, and why. Which are sent is tested in tests/conformance."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.conformance.cases import PROFILES, context_of, expand, user_agent_cases
from tuile import Flask, make_response, redirect
from tuile.testing import Browser, BrowserResponse
from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import Context

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
HERE = "https://www.shop.example/a"
LINK = Context(initiator="https://evil.example/")
FRAMED = Context(top_level_site="https://evil.example/")


def jar_with(*lines: str, profile: str = "chromium", url: str = HERE, context: Context | None = None) -> Jar:
    jar = Jar(profile)
    verdicts = jar.receive(url, lines, now=NOW, context=context or Context())
    assert all(verdict.kept for verdict in verdicts), verdicts
    return jar


@pytest.mark.parametrize(
    ("line", "request_", "reason", "said"),
    [
        ("a=1; HttpOnly", {"api": "script"}, "HttpOnly", "it is HttpOnly, and a script asks for it"),
        ("a=1", {"url": "https://shop.example/"}, "DomainMismatch", "it is for www.shop.example, not for shop.example"),
        (
            "a=1; Domain=www.shop.example; Path=/",
            {"url": "https://shop.example/"},
            "DomainMismatch",
            "it is for www.shop.example and the hosts below it, not for shop.example",
        ),
        ("a=1; Path=/x", {}, "NotOnPath", "it is for paths below /x, not for /a"),
        (
            "a=1; Secure",
            {"url": "http://www.shop.example/a"},
            "SecureOnly",
            "it is Secure, and http://www.shop.example/a is not a secure connection",
        ),
        (
            "a=1; SameSite=Strict",
            {"context": LINK},
            "SameSiteStrict",
            "it is SameSite=Strict, and the request comes from another site",
        ),
        (
            "a=1; SameSite=Lax",
            {"context": LINK, "method": "POST"},
            "SameSiteLax",
            "it is SameSite=Lax, and the request comes from another site with POST",
        ),
        (
            "a=1",
            {"context": FRAMED},
            "SameSiteUnspecifiedTreatedAsLax",
            "without SameSite it counts as Lax, and the request comes from another site",
        ),
        (
            "a=1; SameSite=Strict",
            {"context": Context(initiator="http://www.shop.example/")},
            "SchemefulSameSiteStrict",
            "it is SameSite=Strict, and the request comes from another site: http and https are two",
        ),
        (
            "a=1; SameSite=None; Secure; Partitioned",
            {"context": FRAMED},
            "PartitionMismatch",
            "it was set for a page of https://shop.example, and this is a page of https://evil.example with another",
        ),
    ],
)
def test_a_cookie_that_is_not_sent_says_why(line: str, request_: dict[str, Any], reason: str, said: str) -> None:
    jar = jar_with(line)
    asked = {"url": HERE, **request_}
    assert jar.cookie_header(**asked, now=NOW) == ""
    (withheld,) = jar.withheld(**asked, now=NOW)
    assert (withheld.name, withheld.reason) == ("a", reason)
    assert str(withheld).startswith(f"Chromium does not send the cookie 'a': {said}")


def test_all_reasons_are_given() -> None:
    jar = jar_with("a=1; Path=/x; Secure; SameSite=Strict")
    (withheld,) = jar.withheld("http://www.shop.example/", now=NOW, context=FRAMED)
    assert [reason.name for reason in withheld.reasons] == ["NotOnPath", "SecureOnly", "SameSiteStrict"]
    assert str(withheld) == (
        "Chromium does not send the cookie 'a': it is for paths below /x, not for /; it is Secure, and"
        " http://www.shop.example/ is not a secure connection; it is SameSite=Strict, and the request comes from"
        " another site (rfc6265bis 5.8.3). Set it with path='/', if it is for all pages."
    )


@pytest.mark.parametrize("profile", ["firefox", "safari"])
def test_a_third_party_has_none_but_its_own(profile: str) -> None:
    jar = jar_with("a=1; SameSite=None; Secure", profile=profile)
    (withheld,) = jar.withheld(HERE, now=NOW, context=FRAMED)
    assert withheld.reason == "ThirdParty"


def test_a_redirect_by_way_of_another_site_is_named() -> None:
    jar = jar_with("a=1; SameSite=Strict", profile="safari")
    context = Context(initiator=HERE, redirects=("https://login.example/",))
    (withheld,) = jar.withheld(HERE, now=NOW, context=context)
    assert withheld.reason == "SameSiteStrict"
    assert "a redirect on its way was one" in str(withheld)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_cookie_of_the_site_is_either_sent_or_withheld_with_a_reason(profile: str) -> None:
    """In all conformance cases, and nothing changes by asking."""
    asked = 0
    for case in user_agent_cases():
        jar, now = Jar(profile), NOW
        for op in case["ops"]:
            if "advance_s" in op:
                now += timedelta(seconds=op["advance_s"])
            elif "set" in op:
                lines = [expand(line) for line in op["lines"]]
                jar.receive(expand(op["set"]), lines, now=now, api=op.get("api", "http"), context=context_of(op))
            elif "get" in op:
                how = {"api": op.get("api", "http"), "method": op.get("method", "GET"), "context": context_of(op)}
                url = expand(op["get"])
                withheld = jar.withheld(url, now=now, **how)
                sent = jar._sent(jar._request(url, now, how["api"], how["context"]), how["method"])
                slots = jar._group(jar._request(url, now, "http", Context()).address.host).values()
                # Firefox goes on counting cookies whose time is over.
                group = [slot.cookie for slot in slots if not slot.cookie.is_expired(now)]
                assert {*sent, *(item.cookie for item in withheld)} == set(group)
                assert len(sent) + len(withheld) == len(group)
                assert all(item.reasons and str(item) for item in withheld)
                asked += len(withheld)
    assert asked > 30


# --- in a browser -----------------------------------------------------------------------------------------------------


def shop() -> Flask:
    app = Flask("shop", static_folder=None)
    app.config["COOKIE_CHECKS"] = "off"

    @app.route("/set")
    def setting() -> Any:
        response = make_response("text")
        response.set_cookie("strict", "1", samesite="Strict")
        response.set_cookie("lax", "1", samesite="Lax")
        return response

    app.add_url_rule("/", "index", lambda: "text", methods=["GET", "POST"])
    app.add_url_rule("/on", "on", lambda: redirect("/"))
    return app


def test_a_response_says_which_cookies_its_request_did_not_send() -> None:
    browser = Browser(shop())
    browser.visit("https://shop.example/set")
    assert browser.visit("https://shop.example/").withheld == []
    response = browser.visit("https://shop.example/on", from_site="https://evil.example/")
    (redirected,) = response.history
    assert isinstance(redirected, BrowserResponse)
    assert (
        str(response.withheld)
        == str(redirected.withheld)
        == (
            "Chromium does not send the cookie 'strict': it is SameSite=Strict, and the request comes from another site"
            " (rfc6265bis 5.8.3). For links from other sites, set it with samesite='Lax'; for all else, with"
            " samesite='None', secure=True."
        )
    )
    posted = browser.submit("https://shop.example/", {}, from_site="https://evil.example/").withheld
    assert [(cookie.name, cookie.reason) for cookie in posted] == [("strict", "SameSiteStrict"), ("lax", "SameSiteLax")]
    assert posted.of("lax") == posted[1:]


def test_a_fetch_without_credentials_sends_none() -> None:
    browser = Browser(shop())
    browser.visit("https://shop.example/set")
    response = browser.fetch("https://shop.example/", from_site="https://api.shop.example/")
    assert [cookie.reason for cookie in response.withheld] == ["NoCredentials", "NoCredentials"]
    assert "Write: fetch(url, credentials='include')" in str(response.withheld)
    assert browser.fetch("https://shop.example/", credentials="include").withheld == []


def test_a_foreign_initiator_makes_another_partition() -> None:
    line = "a=1; SameSite=None; Secure; Partitioned"
    for initiator, top in itertools.product(("https://evil.example/", "null"), (HERE, "https://shop.example/")):
        jar = jar_with(line)
        (withheld,) = jar.withheld(HERE, now=NOW, context=Context(initiator=initiator, top_level_site=top))
        assert withheld.reason == "PartitionMismatch"
    assert jar_with(line).withheld(HERE, now=NOW, context=Context(HERE, "https://shop.example/")) == []
