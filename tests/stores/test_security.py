"""What an attacker cannot do with cookies, with a copy of a store, and with what is logged: on each store."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.site import Site
from tests.stores.test_encrypted import stored
from tests.stores.test_merging import put
from tuile import flash, session
from tuile.sessions import identity, lifecycle
from tuile.sessions.operations import Load
from tuile.sessions.record import Clocks
from tuile.sessions.stores.memory import MemoryStore
from tuile.signals import session_gone

if TYPE_CHECKING:
    from tests.stores.conftest import Clock
    from tuile.sessions.stores import Store


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store, SESSION_RENEW=60)


def parts(cookie: Any) -> tuple[str, str]:
    handle, _, secret = cookie.partition(".")
    return handle, secret


def test_ids_are_128_and_192_random_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def octets(count: int) -> bytes:
        asked.append(count)
        return bytes([len(asked)]) * count

    monkeypatch.setattr(identity, "token_bytes", octets)
    site = Site(MemoryStore())
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{32}", site.begin(x=1))
    assert asked == [16, 24]


def test_a_copy_of_the_store_opens_no_session(site: Site, clock: Clock) -> None:
    cookie = site.ask(put(_user_id="ada")).cookie
    clock.forward(60)
    renewed = site.ask(lambda: session.get("x"), cookie).cookie
    assert renewed
    inside = stored(site.store.store)
    for one in (cookie, renewed):
        assert parts(one)[1] not in inside
    handle, _ = parts(renewed)
    record = site.store.store.ask(Load(handle, Clocks(1e9))).record
    for verifier in (record.verifier, record.pending):
        for planted in (f"{handle}.{verifier}", f"{handle}.{verifier[:32]}"):
            assert site.content(planted) == {}
    assert site.content(cookie)["_user_id"] == "ada"


@pytest.mark.parametrize(
    "change",
    [
        lambda handle, secret: f"{handle}.{'A' * 32}",
        lambda handle, secret: f"{handle}.{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}",
        lambda handle, secret: f"{handle}.{secret.swapcase()}",
        lambda handle, secret: f"{handle}.",
        lambda handle, secret: handle,
        lambda handle, secret: f"{'A' * 22}.{secret}",
        lambda handle, secret: f"{handle}.{secret}.{secret}",
        lambda handle, secret: f"{handle}.{secret}=",
    ],
)
def test_a_secret_that_is_nearly_right_is_wrong_and_ends_nothing(site: Site, change: Any) -> None:
    cookie = site.ask(put(_user_id="ada")).cookie
    guess = change(*parts(cookie))
    assert site.content(guess) == {}
    reply = site.ask(put(x=1), guess)
    assert reply.cookie
    assert parts(reply.cookie)[0] != parts(guess)[0]
    site.ask(lambda: session.end(), guess)  # noqa: PLW0108 - a proxy
    assert site.content(cookie)["_user_id"] == "ada"


def test_secrets_are_compared_in_constant_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = site.begin(x=1)
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(lifecycle, "compare_digest", compare)
    monkeypatch.setattr(identity, "compare_digest", compare)
    site.content(cookie)
    assert len(compared) == 1
    # As many for a wrong one, whether or not there is a former secret.
    site.content(f"{parts(cookie)[0]}.{'A' * 32}")
    assert len(compared) == 4


def test_a_revoked_session_is_nobodys_in_the_next_request_of_every_process(site: Site) -> None:
    processes = [site, Site(site.store.store), Site(site.store.store)]
    cookie = site.ask(put(_user_id="ada")).cookie
    for one in processes:
        assert one.content(cookie)["_user_id"] == "ada"
    assert processes[1].app.sessions.end(parts(cookie)[0]) is True
    assert [one.content(cookie) for one in processes] == [{}] * 3
    cookie = site.ask(put(_user_id="ada")).cookie
    for one in processes:
        one.content(cookie)
    assert processes[2].app.sessions.end_all("ada") == 1
    assert [one.content(cookie) for one in processes] == [{}] * 3


def test_each_change_of_the_user_is_a_new_id(site: Site, clock: Clock) -> None:
    cookies = [site.begin(x=1)]
    for user in ("ada", "bob", None, "ada"):
        reply = site.ask(put(_user_id=user), cookies[-1])
        assert reply.cookie
        assert parts(reply.cookie)[0] != parts(cookies[-1])[0]
        cookies.append(reply.cookie)
    # None of the former ones has anything of a login, even at once.
    for former in cookies[:-1]:
        assert site.content(former).get("_user_id") is None
    assert site.content(cookies[-1])["_user_id"] == "ada"


def test_a_session_from_before_a_login_can_be_read_for_a_moment_and_not_changed(site: Site, clock: Clock) -> None:
    before = site.begin(x=1)
    after = site.ask(put(_user_id="ada", secret=1), before).cookie
    reply = site.ask(put(x=2), before)
    assert (reply.answer.code, reply.cookie) == (200, None)
    assert site.content(before) == {"x": 1}
    clock.forward(31)
    assert site.content(before) == {}
    assert site.content(after) == {"x": 1, "_user_id": "ada", "secret": 1}


LOGOUTS: dict[str, Any] = {
    "end": lambda site, cookie: site.ask(lambda: session.end(), cookie),  # noqa: PLW0108 - a proxy
    "clear": lambda site, cookie: site.ask(lambda: session.clear(), cookie),  # noqa: PLW0108 - as above
    "from elsewhere": lambda site, cookie: site.ask(lambda: site.app.sessions.end(parts(cookie)[0])),
    "all": lambda site, cookie: site.ask(lambda: site.app.sessions.end_all("ada")),
}


@pytest.mark.parametrize("logout", LOGOUTS)
def test_a_new_id_does_not_bring_back_a_user_who_was_logged_out_meanwhile(site: Site, logout: str) -> None:
    cookie = site.ask(put(_user_id="ada", x=1)).cookie
    told: list[Any] = []

    def note(app: Any, **what: Any) -> None:
        told.append(what["user"])

    def view() -> None:
        session.regenerate(keep=["_user_id"])
        LOGOUTS[logout](site, cookie)

    def anew() -> None:
        session.regenerate(keep=["_user_id"])
        session["_user_id"] = "bob"  # who has just said who he is
        LOGOUTS[logout](site, cookie)

    with session_gone.connected_to(note, site.app):
        reply = site.ask(view, cookie)
    assert (reply.answer.code, reply.cookie, told) == (200, None, ["ada"])
    assert site.app.sessions.of("ada") == []
    cookie = site.ask(put(_user_id="ada")).cookie
    assert site.content(site.ask(anew, cookie).cookie) == {"_user_id": "bob"}


def test_two_requests_that_ask_for_a_new_id_leave_one_session(site: Site) -> None:
    cookie = site.ask(put(_user_id="ada")).cookie
    replies = []

    def view() -> None:
        session.regenerate(keep=["_user_id"])
        replies.append(site.ask(lambda: session.regenerate(keep=["_user_id"]), cookie))

    replies.append(site.ask(view, cookie))
    assert [bool(reply.cookie) for reply in replies] == [True, False]
    assert len(site.app.sessions.of("ada")) == 1
    assert site.content(replies[0].cookie) == {"_user_id": "ada"}


def test_a_session_is_used_after_its_end(site: Site) -> None:
    cookie = site.ask(put(_user_id="ada", x=1)).cookie

    def view() -> Any:
        session.end()
        assert (dict(session), session.get("x"), "x" in session) == ({}, None, False)
        session.end()
        session.setdefault("basket", []).append(1)
        session["basket"].append(2)
        flash("bye")
        return session.add("n")

    reply = site.ask(view, cookie)
    assert reply.cookie
    assert parts(reply.cookie)[0] != parts(cookie)[0]
    assert site.content(reply.cookie) == {"basket": [1, 2], "_flashes": [["message", "bye"]], "n": 1}
    assert site.content(cookie) == {}
    # In any order.
    for calls in (("regenerate", "end"), ("end", "regenerate"), ("clear", "end"), ("end", "clear")):
        cookie = site.ask(put(_user_id="ada", x=1)).cookie
        reply = site.ask(lambda calls=calls: [getattr(session, call)() for call in calls], cookie)  # type: ignore[misc]
        assert (reply.answer.code, reply.cookie) == (200, "")
        assert site.content(cookie) == {}


def test_no_secret_is_logged_or_shown(site: Site, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.app.config["DEBUG"] = True
    cookie = site.ask(put(_user_id="ada")).cookie
    shown: list[str] = []

    def view() -> None:
        opened = session._get_current_object()  # type: ignore[attr-defined] # a proxy
        shown.extend([repr(opened), repr(opened._opened), str(opened.handle), repr(vars(opened))])
        site.ask(put(x=1), cookie)
        session["x"] = 2

    site.ask(view, cookie)
    clock.forward(60)
    renewed = site.ask(lambda: session.get("x"), cookie).cookie
    assert renewed
    site.ask(view, renewed)
    clock.forward(100)
    site.ask(view, cookie)  # a replay
    site.store.is_away = True
    site.ask(view, cookie)
    shown.extend(record.getMessage() for record in caplog.records)
    shown.append(repr(site.app.sessions.describe()))
    everything = "\n".join(shown)
    assert parts(cookie)[0] in everything  # handles are
    for one in (cookie, renewed):
        assert parts(one)[1] not in everything


@pytest.mark.parametrize(("view", "is_private"), [(put(x=1), True), (lambda: session.get("x"), True), (int, False)])
def test_a_page_varies_with_the_cookie_if_the_session_was_touched(site: Site, view: Any, is_private: bool) -> None:
    headers = dict(site.ask(view, site.begin(x=0)).answer.headers)
    assert (headers.get("Vary") == "Cookie") is is_private


def test_a_page_that_sets_the_cookie_is_kept_from_shared_caches(site: Site) -> None:
    from tuile import after_this_request  # noqa: PLC0415 - for this test

    def view() -> None:
        @after_this_request
        def cache(response: Any) -> Any:
            response.headers["Cache-Control"] = "public, max-age=60"
            return response

        session["x"] = 1

    headers = dict(site.ask(view).answer.headers)
    assert "Set-Cookie" in headers
    assert "private" in headers["Cache-Control"]
    assert "public" not in headers["Cache-Control"]
