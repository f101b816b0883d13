"""Sessions in signed cookies beside a store: moving step by step, too large ones, and the end of all of a user's."""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING, Any

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface

import tuile
from tests.beside_flask import make_environ, send
from tests.stores.conftest import ClockedRedisStore, command
from tests.stores.site import NAME, Site
from tests.stores.test_moving import KEY, nothing, signed, whole, writing
from tuile import session
from tuile.exceptions import SessionTooLargeError
from tuile.sessions.identity import parse
from tuile.sessions.tracked import BesideSession

if TYPE_CHECKING:
    from tests.stores.conftest import Clock
    from tuile.sessions.stores import Store

LARGE = {f"key {number}": random.Random(number).randbytes(150).hex() for number in range(30)}


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store, SECRET_KEY=KEY, SESSION_WRITES="cookie", SESSION_EPOCH_AGE=0)


@pytest.fixture
def spilling(store: Store) -> Site:
    return Site(store, SECRET_KEY=KEY, SESSION_OVERFLOW="spill", SESSION_EPOCH_AGE=0)


def end() -> None:
    session.end()


# --- in cookies -------------------------------------------------------------------------------------------------------


def test_new_sessions_are_in_cookies_that_flask_reads(site: Site) -> None:
    reply = site.ask(writing(x=1, basket=[1]))
    assert reply.operations == []
    assert reply.cookie
    app = flask.Flask("site")
    app.config["SECRET_KEY"] = KEY
    with app.test_request_context(headers={"Cookie": f"{NAME}={reply.cookie}"}):
        # The clock of the site is another one.
        serializer = SecureCookieSessionInterface().get_signing_serializer(app)
        assert serializer is not None
        assert serializer.loads(reply.cookie) == {"x": 1, "basket": [1]}
    reply = site.ask(lambda: session["basket"].append(2), reply.cookie)
    assert site.content(reply.cookie) == {"x": 1, "basket": [1, 2]}
    assert site.ask(nothing, reply.cookie).operations == []
    assert site.ask(end, reply.cookie).cookie == ""


def test_a_session_in_the_store_stays_there(store: Store, site: Site) -> None:
    cookie = Site(store).begin(x=1)
    reply = site.ask(writing(y=2), cookie)
    assert (reply.operations, reply.cookie) == (["Load", "Apply"], None)
    assert Site(store).content(cookie) == {"x": 1, "y": 2}
    assert site.ask(end, cookie).cookie == ""
    assert Site(store).content(cookie) == {}


def test_a_cookie_of_a_session_that_has_ended_is_an_empty_session(store: Store, site: Site) -> None:
    cookie = Site(store).begin(x=1)
    site.ask(end, cookie)
    reply = site.ask(writing(y=1), cookie)
    assert parse(str(reply.cookie)) is None
    assert site.content(reply.cookie) == {"y": 1}


def test_without_a_key_there_is_no_session(store: Store) -> None:
    site = Site(store, SESSION_WRITES="cookie")
    assert site.content("") == {}
    assert site.ask(writing(x=1)).answer.code == 500


class User:
    """A user with a browser, whose session counts the requests; the answer of each process has to be right."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cookie: str | None = None
        self.visits = 0

    def visit(self, app: Any, path: str) -> str:
        environ = make_environ(path, **({"HTTP_COOKIE": f"{NAME}={self.cookie}"} if self.cookie else {}))
        answer = send(app, environ)
        for name, value in answer.headers:
            if name == "Set-Cookie":
                self.cookie = value.partition(";")[0].partition("=")[2]
        return answer.text


def process(lib: Any, **config: Any) -> Any:
    app = lib.Flask("site", static_folder=None)
    app.config.update(SECRET_KEY=KEY, **config)

    def log_in(name: str) -> str:
        lib.session["_user_id"] = name
        lib.session["visits"] = 0
        return "welcome"

    def visit() -> str:
        lib.session["visits"] = lib.session.get("visits", 0) + 1
        return f"{lib.session.get('_user_id')} {lib.session['visits']}"

    app.add_url_rule("/login/<name>", "log_in", log_in)
    app.add_url_rule("/visit", "visit", visit)
    app.add_url_rule("/who", "who", lambda: str(lib.session.get("_user_id")))
    return app


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("flask", "cookie"),  # first, processes that can read the store are started beside the former ones
        ("cookie", "store"),  # then, beside these, those that move sessions to it
        ("tuile", "cookie"),
    ],
)
def test_half_of_the_processes_old_and_half_new(one: str, other: str, clock: Clock, store: Store) -> None:
    made = {
        "flask": process(flask),
        "tuile": process(tuile),
        "cookie": process(tuile, SESSION_STORE=store, SESSION_WRITES="cookie"),
        "store": process(tuile, SESSION_STORE=store),
    }
    choose = random.Random(5)
    processes = [made[one], made[other]]
    users = [User(f"user{number}") for number in range(20)]
    for user in users:
        # Half of them were logged in before.
        user.visit(made[one] if choose.random() < 0.5 else choose.choice(processes), f"/login/{user.name}")
    for _ in range(10):
        for user in choose.sample(users, len(users)):
            assert user.visit(choose.choice(processes), "/who") == user.name
            user.visits += 1
            assert user.visit(choose.choice(processes), "/visit") == f"{user.name} {user.visits}"


# --- too large --------------------------------------------------------------------------------------------------------


def warning_of(site: Site, cookie: str | None = None, **content: Any) -> tuple[Any, bool]:
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        reply = site.ask(writing(**content), cookie)
    return reply, any("too large" in str(one.message) for one in noted)


@pytest.mark.parametrize("overflow", [None, "warn"])
def test_a_session_that_is_too_large_is_sent_with_a_warning(store: Store, overflow: str | None) -> None:
    site = Site(store, SESSION_STORE=None, SECRET_KEY=KEY, SESSION_OVERFLOW=overflow)
    reply, warned = warning_of(site, **LARGE)
    assert warned
    assert site.content(reply.cookie) == LARGE


@pytest.mark.parametrize("config", [{}, {"SESSION_ENCRYPT": True}])
@pytest.mark.parametrize("writes", [None, "cookie"])
def test_a_session_that_is_too_large_is_an_error(store: Store, writes: str | None, config: dict[str, Any]) -> None:
    site = Site(store, SECRET_KEY=KEY, SESSION_OVERFLOW="error", SESSION_WRITES=writes, **config)
    if writes is None:
        site.app.config["SESSION_STORE"] = None
    assert site.ask(writing(x="x")).answer.code == 200
    reply, warned = warning_of(site, **LARGE)
    assert (reply.answer.code, reply.cookie, warned) == (500, None, False)
    site.app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(SessionTooLargeError, match="4093 octets"):
        site.ask(writing(**LARGE))
    site.app.config["MAX_COOKIE_SIZE"] = 0
    assert site.ask(writing(**LARGE)).answer.code == 200


def test_the_limit_counts_the_whole_line(store: Store) -> None:
    site = Site(store, SESSION_STORE=None, SECRET_KEY=KEY, SESSION_OVERFLOW="error", SESSION_COOKIE_PATH="/a" * 100)
    text = random.Random(1).randbytes(1000).hex()
    reply = site.ask(writing(x=text))
    [line] = [value for name, value in reply.answer.headers if name == "Set-Cookie"]
    site.app.config["MAX_COOKIE_SIZE"] = len(line)
    assert site.ask(writing(x=text)).answer.code == 200
    site.app.config["MAX_COOKIE_SIZE"] = len(line) - 1
    assert site.ask(writing(x=text)).answer.code == 500


def test_a_session_that_is_too_large_goes_to_the_store_and_comes_back(spilling: Site) -> None:
    small = spilling.ask(writing(_user_id="ada"), HTTP_USER_AGENT="Phone").cookie
    assert small
    assert parse(small) is None
    reply, warned = warning_of(spilling, small, **LARGE)
    large = str(reply.cookie)
    assert parse(large) is not None
    assert not warned
    assert spilling.content(large) == {"_user_id": "ada", **LARGE}
    assert [entry.user for entry in spilling.app.sessions.of("ada")] == ["ada"]
    # A change that leaves it large is saved there.
    reply = spilling.ask(writing(x=1), large)
    assert (reply.cookie, reply.operations) == (None, ["Load", "Apply"])

    def shrink() -> None:
        for key in LARGE:
            session.pop(key)

    reply = spilling.ask(shrink, large)
    assert parse(str(reply.cookie)) is None
    assert spilling.content(reply.cookie) == {"_user_id": "ada", "x": 1}
    assert spilling.app.sessions.of("ada") == []
    # Requests that were under way still read it, and cannot change it.
    assert spilling.ask(writing(y=1), large).cookie is None
    assert spilling.content(large).get("y") is None


def test_what_others_change_meanwhile_comes_back_too(spilling: Site) -> None:
    large = spilling.ask(writing(x=1, **LARGE)).cookie

    def shrink() -> None:
        for key in LARGE:
            session.pop(key)
        assert spilling.ask(writing(y=2), large).cookie is None

    cookie = spilling.ask(shrink, large).cookie
    assert spilling.content(cookie) == {"x": 1, "y": 2}


def test_there_and_back_are_not_next_to_each_other(spilling: Site) -> None:
    text = random.Random(1).randbytes(3000).hex()
    spilling.app.config["MAX_COOKIE_SIZE"] = 4000
    large = str(spilling.ask(writing(x=text)).cookie)
    assert parse(large)
    assert spilling.ask(writing(x=text[:4500]), large).cookie is None  # 3450 of 4000 octets
    assert parse(str(spilling.ask(writing(x=text[:3000]), large).cookie)) is None


@pytest.mark.parametrize("view", [end, lambda: session.clear()])  # noqa: PLW0108 - a proxy
def test_a_large_session_ends(spilling: Site, view: Any) -> None:
    large = spilling.ask(writing(_user_id="ada", **LARGE)).cookie
    assert spilling.ask(view, large).cookie == ""
    assert spilling.content(large) == {}
    assert spilling.app.sessions.of("ada") == []


def test_a_login_with_a_large_session_gets_a_new_id(spilling: Site) -> None:
    large = spilling.ask(writing(**LARGE)).cookie
    cookie = spilling.ask(writing(_user_id="ada"), large).cookie
    assert cookie
    assert str(large).partition(".")[0] != cookie.partition(".")[0]
    assert spilling.content(cookie)["_user_id"] == "ada"
    assert "_user_id" not in spilling.content(large)


def test_more_than_could_be_read_again_fits_into_the_store(spilling: Site) -> None:
    text = random.Random(1).randbytes(150_000).hex()
    cookie = spilling.ask(writing(x=text)).cookie
    assert parse(str(cookie))
    assert spilling.content(cookie) == {"x": text}


def test_a_large_session_is_a_503_while_the_store_is_away(spilling: Site) -> None:
    spilling.store.is_away = True
    assert spilling.ask(writing(x=1)).answer.code == 200
    reply = spilling.ask(writing(**LARGE))
    assert (reply.answer.code, reply.cookie) == (503, None)


# --- the end of all sessions of a user --------------------------------------------------------------------------------


def test_all_sessions_of_a_user_end(site: Site) -> None:
    phone, desk = (site.ask(writing(_user_id="ada")).cookie for _ in range(2))
    bob = site.ask(writing(_user_id="bob")).cookie
    assert site.app.sessions.end_all("ada") == 0  # none was in the store
    assert site.content(phone) == site.content(desk) == {}
    assert site.content(bob) == {"_user_id": "bob"}
    # A new login is none of them.
    again = site.ask(writing(_user_id="ada")).cookie
    assert site.content(again)["_user_id"] == "ada"
    assert site.content(phone) == {}
    site.app.sessions.end_all("ada")
    assert site.content(again) == {}


def test_a_request_that_is_under_way_signs_nothing_that_is_good(site: Site) -> None:
    cookie = site.ask(writing(_user_id="ada")).cookie

    def slow() -> None:
        session["x"] = 1
        site.app.sessions.end_all("ada")
        session["y"] = 1

    late = site.ask(slow, cookie).cookie
    assert site.content(late).get("_user_id") is None

    def view() -> None:
        session["x"] = 1
        site.ask(lambda: site.app.sessions.end_all("bob"))

    late = site.ask(view, site.ask(writing(_user_id="bob")).cookie).cookie
    assert site.content(late) == {}


def test_the_other_sessions_of_a_user_end(site: Site) -> None:
    here, there = (site.ask(writing(_user_id="ada")).cookie for _ in range(2))
    reply = site.ask(lambda: site.app.sessions.end_others(), here)  # noqa: PLW0108 - read when it is called
    assert reply.result == 0
    assert site.content(there) == {}
    assert site.content(reply.cookie)["_user_id"] == "ada"


def test_the_current_session_ends_with_all(site: Site) -> None:
    cookie = site.ask(writing(_user_id="ada", x=1)).cookie
    assert site.ask(lambda: site.app.sessions.end_all("ada"), cookie).cookie == ""
    assert site.content(cookie) == {}


def test_sessions_that_are_moved_later_end_too(store: Store) -> None:
    site = Site(store, SECRET_KEY=KEY, SESSION_EPOCH_AGE=0)
    former = signed(_user_id="ada")
    site.app.sessions.end_all("ada")
    assert site.content(former) == {}
    again = site.ask(writing(_user_id="ada")).cookie
    assert site.content(again) == {"_user_id": "ada"}


def test_epochs_are_asked_for_once_in_a_while(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    site.app.config["SESSION_EPOCH_AGE"] = 5
    cookie = site.ask(writing(_user_id="ada")).cookie
    other = Site(site.store.store, SECRET_KEY=KEY, SESSION_WRITES="cookie")
    assert other.ask(whole, cookie).operations == ["Load"]
    assert other.ask(whole, cookie).operations == []
    site.app.sessions.end_all("ada")
    # Another process notices after that time.
    assert other.content(cookie) == {"_user_id": "ada"}
    # A login there is asked for at once.
    again = other.ask(writing(_user_id="ada")).cookie
    now[0] += 5.1
    assert other.content(cookie) == {}
    assert other.content(again)["_user_id"] == "ada"


def test_only_raised_epochs_are_in_the_store_and_not_forever(site: Site, clock: Clock) -> None:
    cookie = site.ask(writing(_user_id="ada"))
    assert [one for one in cookie.operations if one != "Load"] == []
    site.app.sessions.end_all("ada")
    again = site.ask(writing(_user_id="ada")).cookie
    clock.forward(32 * 86400)
    if isinstance(site.store.store, ClockedRedisStore):
        # It would have removed what has expired.
        [key] = command(site.store.store, "KEYS", "*:epoch.*")
        command(site.store.store, "DEL", key)
    # The next one is higher than one that was forgotten.
    site.app.sessions.end_all("ada")
    assert site.content(again) == {}
    latest = site.ask(writing(_user_id="ada")).cookie
    site.app.sessions.end_all("ada")
    site.app.sessions.end_all("ada")
    assert site.content(latest) == {}


def test_while_the_store_is_away_it_is_not_known_who_is_logged_in(site: Site) -> None:
    cookie = site.ask(writing(_user_id="ada")).cookie
    site.store.is_away = True
    assert site.ask(whole, cookie).answer.code == 503
    assert site.ask(writing(x=1)).answer.code == 200
    site.app.config["SESSION_FAILURE"] = "empty"
    reply = site.ask(whole, cookie)
    assert (reply.answer.code, reply.result, reply.cookie) == (200, {}, None)


def test_a_logout_takes_the_epoch_along(site: Site) -> None:
    site.app.sessions.end_all("ada")
    cookie = site.ask(writing(_user_id="ada", x=1)).cookie
    assert set(site.content(cookie)) == {"_user_id", "x", "_epoch"}
    cookie = site.ask(lambda: session.pop("_user_id"), cookie).cookie
    assert site.content(cookie) == {"x": 1}


@pytest.mark.parametrize("epoch", [True, "9" * 30, 2**70, -1, None, [1], 1.5])
def test_an_epoch_that_is_none_is_the_first(site: Site, epoch: Any) -> None:
    cookie = signed(_user_id="ada", _epoch=epoch)
    assert site.content(cookie)["_user_id"] == "ada"
    site.app.sessions.end_all("ada")
    if epoch != 2**70:  # which only the holder of the key can have signed
        assert site.content(cookie) == {}


def test_a_session_in_a_cookie_is_an_ordinary_one(site: Site) -> None:
    def view() -> Any:
        assert isinstance(session, BesideSession)
        session.add("n", 2)
        session.append("l", 1)
        session.regenerate(["n"])
        session.permanent = True
        return session.handle, session.created is not None, session.seen

    reply = site.ask(view, site.ask(writing(x=1)).cookie)
    assert site.content(reply.cookie)["n"] == 2
    assert reply.result[0]
    assert reply.result[1:] == (True, None)
