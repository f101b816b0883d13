"""`is_safe_redirect`: what stays on the host is accepted, and whatever a browser may read as another host is not."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuile
from tests.hostile_urls import HOSTILE, SAFE, urls

app = tuile.Flask(__name__)


@app.get("/go")
def go() -> Any:
    target = tuile.request.args.get("next")
    return tuile.redirect(target if target and tuile.is_safe_redirect(target) else "/fallback")


def is_safe(url: Any, base: str = "https://shop.example/account/login", **options: Any) -> bool:
    with app.test_request_context(base):
        return tuile.is_safe_redirect(url, **options)


@pytest.mark.parametrize("url", SAFE, ids=repr)
def test_what_stays_on_the_host_is_accepted(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize("url", HOSTILE, ids=repr)
def test_what_may_lead_elsewhere_is_refused(url: str) -> None:
    assert not is_safe(url)
    assert not is_safe(url, "http://shop.example/account/login")


@pytest.mark.parametrize("url", [url for url in HOSTILE if url.isascii() or url.isprintable()], ids=repr)
def test_a_view_that_asks_leads_nowhere_else(url: str) -> None:
    answer = app.test_client().get(f"/go?next={quote(url)}", base_url="https://shop.example")
    assert answer.status_code == 302
    assert answer.location == "/fallback"


@pytest.mark.parametrize(
    "url", [None, "", b"/path", 3, ["/"], object()], ids=["None", "empty", "bytes", "3", "list", "?"]
)
def test_what_is_no_text_is_refused(url: object) -> None:
    assert not is_safe(url)


def test_ports_and_schemes_are_those_of_the_request() -> None:
    local = "http://localhost:5000/"
    assert is_safe("http://localhost:5000/next", local)
    assert not is_safe("http://localhost/next", local)
    assert not is_safe("http://localhost:5001/next", local)
    assert is_safe("http://shop.example:80/", "http://shop.example/")
    assert is_safe("https://shop.example/", "http://shop.example/")  # to HTTPS
    assert not is_safe("http://shop.example/", "https://shop.example/")  # back to plain HTTP
    assert is_safe("https://SHOP.example:443/")
    assert not is_safe("https://shop.example:80/")
    assert is_safe("http://[::1]:5000/", "http://[::1]:5000/")


def test_other_hosts_can_be_allowed() -> None:
    allowed = ["accounts.example", "localhost:8000"]
    assert is_safe("https://accounts.example/login", allowed_hosts=allowed)
    assert is_safe("https://localhost:8000/", allowed_hosts=allowed)
    assert not is_safe("http://accounts.example/login", allowed_hosts=allowed)
    assert not is_safe("https://evil.accounts.example/", allowed_hosts=allowed)
    assert not is_safe("//accounts.example/login", allowed_hosts=allowed)
    with pytest.raises(TypeError, match=r"Write: \['accounts\.example'\]"):
        is_safe("/", allowed_hosts="accounts.example")


def test_outside_a_request_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="outside of request context"):
        tuile.is_safe_redirect("/")


@given(urls() | st.text())
def test_a_redirect_to_what_is_accepted_can_be_sent(url: str) -> None:
    if not is_safe(url):
        return
    answer = app.test_client().get("/go", query_string={"next": url}, base_url="https://shop.example")
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.isascii()
    assert not location.startswith("//")
