"""Sessions that were kept elsewhere are moved to each store, and nobody is logged out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest

import tuile
from tests.beside_flask import make_environ, send
from tests.stores.site import NAME, Site
from tuile import session
from tuile.signals import session_gone, session_replayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stores.conftest import Clock
    from tuile.sessions.stores import Store

KEY = "7a3c1f0a9d5e4b2c8f6071d2e3b4a5968778695a4b3c2d1e0f"


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store, SECRET_KEY=KEY)


def signed(lib: Any = flask, key: str = KEY, **content: Any) -> str:
    """Return the cookie of an application that keeps its sessions in signed cookies."""
    app = lib.Flask("site", static_folder=None)
    app.config["SECRET_KEY"] = key
    app.add_url_rule("/", "view", lambda: str(lib.session.update(content)))
    [line] = [value for name, value in send(app, make_environ("/")).headers if name == "Set-Cookie"]
    return str(line.partition(";")[0].partition("=")[2])


def whole() -> dict[str, Any]:
    return dict(session)


def nothing() -> None:
    pass


def writing(**content: Any) -> Callable[[], Any]:
    return lambda: session.update(content)


def ending() -> None:
    session.end()


# --- from signed cookies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lib", [flask, tuile])
def test_a_session_in_a_signed_cookie_is_read_and_moved_when_it_changes(site: Site, lib: Any) -> None:
    former = signed(lib, _user_id="ada", basket=[1], pair=(1, b"2"))
    assert site.ask(nothing, former).operations == []
    reply = site.ask(whole, former)
    assert (reply.result, reply.cookie) == ({"_user_id": "ada", "basket": [1], "pair": (1, b"2")}, None)
    # Whether all sessions of the user have ended, and whether this one was moved.
    assert reply.operations == ["Load", "Load"]
    reply = site.ask(lambda: session["basket"].append(2), former)
    assert reply.operations == ["Load", "Create", "Create"]
    assert site.ask(whole, reply.cookie).result == {"_user_id": "ada", "basket": [1, 2], "pair": (1, b"2")}
    [entry] = site.app.sessions.of("ada")
    assert entry.handle == str(reply.cookie).partition(".")[0]


def test_the_former_cookie_leads_to_the_session_that_it_has_become(site: Site) -> None:
    former = signed(x=1)
    cookie = site.ask(writing(y=2), former).cookie
    reply = site.ask(whole, former)
    # The response with the new cookie may have been lost.
    assert (reply.result, reply.cookie) == ({"x": 1, "y": 2}, cookie)
    site.ask(writing(z=3), former)
    assert site.content(cookie) == {"x": 1, "y": 2, "z": 3}


def test_requests_at_the_same_time_make_one_session(site: Site) -> None:
    former = signed(_user_id="ada", basket=[])

    def slow(number: int) -> None:
        session["basket"].append(number)
        if number:
            replies.append(site.ask(lambda: slow(number - 1), former))

    replies: list[Any] = []
    replies.append(site.ask(lambda: slow(5), former))
    assert len({reply.cookie for reply in replies}) == 1
    assert sorted(site.content(replies[0].cookie)["basket"]) == [0, 1, 2, 3, 4, 5]
    assert len(site.app.sessions.of("ada")) == 1


def test_a_former_cookie_is_a_former_secret_once_the_next_one_was_seen(site: Site, clock: Clock) -> None:
    replayed: list[Any] = []
    site.app.config.update(SESSION_RENEW=60)
    former = signed(_user_id="ada")
    cookie = site.ask(writing(x=1), former).cookie
    clock.forward(61)
    renewed = site.ask(whole, cookie).cookie
    assert site.content(renewed) == {"_user_id": "ada", "x": 1}
    # For a moment it is good, for requests that were under way.
    assert site.content(former) == {"_user_id": "ada", "x": 1}
    clock.forward(31)

    def log(_: Any, **about: Any) -> None:
        replayed.append(about["user"])

    with session_replayed.connected_to(log):
        assert site.content(former) == {}
    assert replayed == ["ada"]
    assert site.content(renewed) == {}


@pytest.mark.parametrize("end", [lambda: session.end(), lambda: session.clear()])  # noqa: PLW0108 - a proxy
def test_a_former_cookie_is_nothing_after_the_logout(site: Site, end: Any) -> None:
    former = signed(_user_id="ada")
    moved = site.ask(writing(x=1), former).cookie
    assert site.ask(end, moved).cookie == ""
    reply = site.ask(whole, former)
    assert (reply.result, reply.cookie) == ({}, None)
    # Neither is that of a session that was never moved.
    former = signed(_user_id="bob")
    assert site.ask(end, former).cookie == ""
    assert site.ask(whole, former).result == {}
    assert site.app.sessions.of("ada") == site.app.sessions.of("bob") == []


def test_a_slow_request_with_a_former_cookie_brings_no_session_back(site: Site) -> None:
    gone: list[Any] = []
    former = signed(_user_id="ada")

    def slow() -> None:
        session["x"] = 1
        assert site.ask(lambda: session.end(), former).cookie == ""  # noqa: PLW0108 - a proxy

    def log(_: Any, **about: Any) -> None:
        gone.append(about)

    with session_gone.connected_to(log):
        assert site.ask(slow, former).cookie is None
    assert [about["user"] for about in gone] == ["ada"]
    assert site.content(former) == {}
    assert site.app.sessions.of("ada") == []


def test_a_new_id_does_not_bring_back_a_user_who_was_logged_out_meanwhile(site: Site) -> None:
    for logs_out in (True, False):
        cookie = signed(_user_id="ada", logs_out=logs_out)  # another cookie

        def view(cookie: str = cookie, logs_out: bool = logs_out) -> None:
            session.regenerate(keep=["_user_id"])
            site.ask(ending if logs_out else writing(x=1), cookie)

        reply = site.ask(view, cookie)
        assert bool(reply.cookie) is not logs_out
        assert len(site.app.sessions.of("ada")) == (0 if logs_out else 1)


def test_a_session_that_was_moved_and_ended_is_not_moved_again(site: Site) -> None:
    former = signed(_user_id="ada")

    def slow() -> None:
        session["x"] = 1
        cookie = site.ask(writing(y=1), former).cookie
        site.ask(lambda: session.end(), cookie)  # noqa: PLW0108 - a proxy

    assert site.ask(slow, former).cookie is None
    assert site.app.sessions.of("ada") == []


def test_an_ended_user_stays_ended(site: Site) -> None:
    former = signed(_user_id="ada")
    site.ask(writing(x=1), former)
    assert site.app.sessions.end_all("ada") == 1
    assert site.content(former) == {}


def test_a_login_with_a_former_cookie_gets_an_identity_that_nobody_can_know(site: Site) -> None:
    former = signed(basket=[1])
    cookie = site.ask(writing(_user_id="ada"), former).cookie
    derived = site.ask(writing(x=1), signed(basket=[1])).cookie
    assert cookie
    assert cookie != derived
    assert site.content(cookie) == {"basket": [1], "_user_id": "ada"}
    assert site.content(former) == {}
    # The same for the other ways to say so.
    for view in (lambda: session.regenerate(["basket"]), lambda: session.regenerate()):  # noqa: PLW0108 - a proxy
        former = signed(basket=[1])
        site.ask(view, former)
        assert site.content(former) == {}


@pytest.mark.parametrize(
    "spoil", [lambda cookie: cookie[:-1], lambda cookie: f"x{cookie}", lambda _: "a.b.c", lambda _: ""]
)
def test_a_cookie_that_is_not_good_is_nothing(site: Site, spoil: Any) -> None:
    reply = site.ask(whole, spoil(signed(x=1)))
    assert (reply.result, reply.operations) == ({}, [])


def test_keys_lifetimes_and_kinds_count_as_before(site: Site, clock: Clock) -> None:
    other = "other-key-of-before-0123456789abcdef0123456789abcdef"
    assert site.content(signed(key=other, x=1)) == {}
    site.app.config["SECRET_KEY_FALLBACKS"] = [other]
    assert site.content(signed(key=other, x=1)) == {"x": 1}
    former = signed(x=1)
    for reads, content in (([], {}), (["flask-session"], {}), (["sha256"], {}), (["signed"], {"x": 1})):
        site.app.config["SESSION_READS"] = reads
        assert site.content(former) == content
    clock.forward(32 * 86400)
    assert site.content(former) == {}


def test_without_a_key_no_signed_cookie_is_read(store: Store) -> None:
    assert Site(store).content(signed(x=1)) == {}


def test_a_permanent_session_is_moved_when_it_would_be_renewed(site: Site) -> None:
    former = signed(_permanent=True, x=1)
    reply = site.ask(whole, former)
    assert reply.cookie
    assert site.content(reply.cookie) == {"_permanent": True, "x": 1}
    site.app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    assert site.ask(whole, signed(_permanent=True, x=2)).cookie is None


def test_a_refused_session_is_not_moved(site: Site) -> None:
    site.app.session_refused = lambda session: session.get("x") == 1  # type: ignore[method-assign]
    assert site.content(signed(x=1)) == {}
    assert site.content(signed(x=2))["x"] == 2


def test_of_a_store_and_a_signed_cookie_the_store_counts(site: Site) -> None:
    cookie = site.begin(x=1)
    assert site.content(f"{signed(x=2)}; {NAME}={cookie}") == {"x": 1}
    assert site.content(f"{cookie}; {NAME}={signed(x=2)}") == {"x": 1}


def test_while_the_store_is_away_nobody_is_logged_out(site: Site) -> None:
    former = signed(x=1)
    site.store.is_away = True
    assert site.ask(whole, former).answer.code == 503
    assert site.ask(writing(y=1), former).answer.code == 503
    site.store.is_away = False
    assert site.content(former) == {"x": 1}
