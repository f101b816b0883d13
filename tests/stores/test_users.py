"""`app.sessions`: who is logged in where."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.stores.conftest import NOW
from tests.stores.site import Site
from tuile import session
from tuile.sessions.epochs import as_user
from tuile.sessions.operations import Create, Load
from tuile.sessions.record import Clocks
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.users import SessionEntry

if TYPE_CHECKING:
    from tests.stores.conftest import Clock
    from tuile.sessions.stores import Store

BEGAN = datetime.fromtimestamp(NOW, timezone.utc)


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store)


def log_in(site: Site, user: Any = "ada", **environ: Any) -> str:
    cookie = site.ask(lambda: session.update(_user_id=user), **environ).cookie
    assert cookie
    return cookie


def handle_of(cookie: str) -> str:
    return cookie.partition(".")[0]


def test_a_user_sees_where_he_is_logged_in(site: Site, clock: Clock) -> None:
    phone = log_in(site, HTTP_USER_AGENT="Phone", REMOTE_ADDR="192.0.2.1")
    clock.forward(120)
    desk = log_in(site, HTTP_USER_AGENT="Desk", REMOTE_ADDR="192.0.2.2")
    log_in(site, "bob")
    clock.forward(60)
    site.ask(lambda: session.get("x"), desk)
    later, end = BEGAN + timedelta(seconds=120), timedelta(days=31)
    seen = BEGAN + timedelta(seconds=180)
    entries = site.ask(lambda: site.app.sessions.of("ada"), phone).result
    assert entries == [
        SessionEntry(handle_of(phone), "ada", BEGAN, seen, seen + end, "Phone", "192.0.2.1", is_current=True),
        SessionEntry(handle_of(desk), "ada", later, seen, seen + end, "Desk", "192.0.2.2"),
    ] or entries == [
        SessionEntry(handle_of(desk), "ada", later, seen, seen + end, "Desk", "192.0.2.2"),
        SessionEntry(handle_of(phone), "ada", BEGAN, seen, seen + end, "Phone", "192.0.2.1", is_current=True),
    ]
    assert not any(entry.is_current for entry in site.app.sessions.of("ada"))
    assert site.app.sessions.of("nobody") == []


def test_one_session_is_ended_from_another(site: Site) -> None:
    phone, desk = log_in(site), log_in(site)
    assert site.ask(lambda: site.app.sessions.end(handle_of(phone)), desk).result is True
    assert site.app.sessions.end(handle_of(phone)) is False
    assert site.content(phone) == {}
    assert site.content(desk) == {"_user_id": "ada"}


def test_the_own_session_is_ended_by_its_handle(site: Site) -> None:
    phone = log_in(site)
    reply = site.ask(lambda: site.app.sessions.end(str(session.handle)), phone)
    assert (reply.result, reply.cookie) == (True, "")
    assert site.content(phone) == {}


def test_all_others_are_ended(site: Site) -> None:
    phone, desk, bob = log_in(site), log_in(site), log_in(site, "bob")
    assert site.ask(lambda: site.app.sessions.end_others(), desk).result == 1  # noqa: PLW0108 - the app's, then
    assert [site.content(one).get("_user_id") for one in (phone, desk, bob)] == [None, "ada", "bob"]


@pytest.mark.parametrize("inside", [False, True])
def test_all_are_ended(site: Site, inside: bool) -> None:
    phone, desk, bob = log_in(site, 7), log_in(site, "7"), log_in(site, "bob")
    if inside:
        reply = site.ask(lambda: site.app.sessions.end_all(7), desk)
        assert (reply.result, reply.cookie) == (2, "")
    else:
        assert site.app.sessions.end_all(7) == 2
    assert [site.content(one).get("_user_id") for one in (phone, desk, bob)] == [None, None, "bob"]


def test_nobody_has_no_others(site: Site) -> None:
    cookie = site.begin(x=1)

    def end_others() -> str:
        with pytest.raises(RuntimeError, match="nobody is"):
            site.app.sessions.end_others()
        return "none"

    assert site.ask(end_others, cookie).result == "none"
    with pytest.raises(RuntimeError, match="nobody is"):
        site.app.sessions.end_others()


def test_a_user_has_at_most_so_many_sessions(store: Store, clock: Clock) -> None:
    site = Site(store, SESSION_MAX_PER_USER=2)
    cookies = []
    for _ in range(3):
        cookies.append(log_in(site))
        clock.forward(60)
    assert [bool(site.content(cookie)) for cookie in cookies] == [False, True, True]


@pytest.mark.parametrize("most", [1, 2])
def test_a_new_name_for_the_session_of_a_user_ends_no_session(store: Store, clock: Clock, most: int) -> None:
    site = Site(store, SESSION_MAX_PER_USER=most)
    cookies: list[str] = []
    for _ in range(most):
        cookies.append(log_in(site))
        clock.forward(60)
    # That which was seen longest ago, which a login would end, becomes another one.
    cookies[0] = site.ask(lambda: session.regenerate(keep=["_user_id"]), cookies[0]).cookie or ""
    assert [site.content(cookie) for cookie in cookies] == [{"_user_id": "ada"}] * most
    assert len(site.app.sessions.of("ada")) == most
    clock.forward(60)
    cookies.append(log_in(site))
    assert len(site.app.sessions.of("ada")) == most


def test_a_large_session_ends_no_other_by_moving_to_the_store(store: Store) -> None:
    site = Site(
        store, SESSION_MAX_PER_USER=1, SESSION_OVERFLOW="spill", MAX_COOKIE_SIZE=1000, SECRET_KEY="a key of tests"
    )
    large = {"_user_id": "ada", "x": [str(number) for number in range(500)]}
    in_cookies = [log_in(site) for _ in range(2)]
    first, second = (site.ask(lambda: session.update(large), cookie).cookie for cookie in in_cookies)
    assert site.content(first) == site.content(second) == large
    # A login with it does.
    third = site.ask(lambda: session.update(large)).cookie
    assert [bool(site.content(cookie)) for cookie in (first, second, third)] == [False, False, True]


@pytest.mark.parametrize("user", ["é", "\ud800", "\0", "", 0, 'a"b'])
def test_any_name_is_a_user(site: Site, user: Any) -> None:
    cookie = log_in(site, user)
    assert [entry.handle for entry in site.app.sessions.of(user)] == [handle_of(cookie)]
    assert site.app.sessions.end_all(user) == 1


def test_each_user_has_sessions_of_his_own(site: Site) -> None:
    names = [
        "a\0",
        "a\\x00",
        "a\\\\x00",
        "a\ud800",
        "a\\ud800",
        "a\\\\",
        "a\\",
        "D\\ada",
        "é",
        "e\u0301",
        "A",
        "a",
        "",
        " a",
        "None",
        *("x" * 9000, "x" * 9001, "é" * 9000, "\0" * 300, "\ud800" * 300, "y" * 250, "z" * 251),
    ]
    names.append(as_user(names[-1]))  # who is called as the one before is kept
    cookies = [log_in(site, name) for name in names]
    for name, cookie in zip(names, cookies, strict=True):
        assert [entry.handle for entry in site.app.sessions.of(name)] == [handle_of(cookie)]
        # The same user again is no new login.
        assert site.ask(lambda name=name: session.update(_user_id=name, x=1), cookie).cookie is None  # type: ignore[misc]
        assert [entry.handle for entry in site.app.sessions.of(name)] == [handle_of(cookie)]
    for number, name in enumerate(names):
        assert site.app.sessions.end_all(name) == 1, name
        assert [bool(site.content(cookie)) for cookie in cookies] == [other > number for other in range(len(names))]
    assert site.app.sessions.of("D\\ada") == []


HANDLES: list[Any] = [
    "",
    "x",
    "\0",
    "\ud800",
    "é" * 22,
    "A" * 22,
    "../x",
    "A" * 5000,
    None,
    7,
    b"A" * 22,
    ["A" * 22],
    "\n" + "A" * 21,
]


@pytest.mark.parametrize("handle", HANDLES, ids=lambda handle: ascii(handle)[:20])
def test_what_is_no_handle_ends_nothing(site: Site, handle: Any) -> None:
    cookie = log_in(site)
    assert site.app.sessions.end(handle) is False
    assert site.content(cookie) == {"_user_id": "ada"}


def test_only_sessions_are_ended_and_not_what_else_is_in_a_store(site: Site) -> None:
    """The epoch of a user, which has ended sessions in cookies, and the marker of a session that was moved."""
    site.app.sessions.end_all("ada")
    [raised] = {one.record.handle for one in site.store.asked if isinstance(one, Create)}
    assert raised.startswith("epoch.")
    assert site.app.sessions.end(raised) is False
    assert site.store.store.ask(Load(raised, Clocks(1000))) is not None


def test_nobody_has_no_sessions(site: Site) -> None:
    log_in(site, "None")
    cookie = site.begin(x=1)
    assert site.ask(lambda: site.app.sessions.of(session.get("_user_id")), cookie).result == []
    assert site.ask(lambda: site.app.sessions.end_all(session.get("_user_id")), cookie).result == 0
    assert [entry.user for entry in site.app.sessions.of("None")] == ["None"]
    assert site.content(cookie) == {"x": 1}


def test_a_store_that_is_away_is_an_error(site: Site) -> None:
    site.app.sessions.check()
    site.store.is_away = True
    for ask in (lambda: site.app.sessions.of("ada"), site.app.sessions.check):
        with pytest.raises(StoreUnavailable):
            ask()


def test_without_a_store_it_says_what_to_set() -> None:
    app = tuile.Flask("app", static_folder=None)
    with pytest.raises(RuntimeError, match="Set SESSION_STORE"):
        app.sessions.of("ada")


# --- the command line -------------------------------------------------------------------------------------------------


def run(site: Site, *arguments: str) -> Any:
    from tuile.cli import cli  # noqa: PLC0415 - for these tests

    return site.app.test_cli_runner().invoke(cli, ["sessions", *arguments])


def test_the_command_line_lists_and_ends(site: Site) -> None:
    phone = log_in(site, HTTP_USER_AGENT="Phone", REMOTE_ADDR="192.0.2.1")
    desk = log_in(site, REMOTE_ADDR="192.0.2.2")
    listed = run(site, "list", "ada")
    assert (
        f"{handle_of(phone)}  2023-11-14 22:13  2023-11-14 22:13  2023-12-15 22:13  192.0.2.1  Phone\n" in listed.output
    )
    assert "2 sessions of 'ada'." in listed.output
    assert phone.partition(".")[2] not in listed.output
    assert run(site, "end", handle_of(phone)).output == "1 session ended.\n"
    assert run(site, "end", handle_of(phone)).exit_code == 1
    assert run(site, "end", "--user", "ada").output == "1 session ended.\n"
    assert site.content(desk) == {}
    assert run(site, "end").exit_code == 2


def test_the_command_line_shows_what_clients_wrote_without_control_characters(site: Site) -> None:
    log_in(site, HTTP_USER_AGENT="\x1b]0;x\x07 \x9b31m\nA\u202e", REMOTE_ADDR="\x1b[2J")
    listed = run(site, "list", "ada").stdout
    assert listed.count("\n") == 1
    assert listed.removesuffix("\n").isprintable()
    assert r"\x1b[2J  \x1b]0;x\x07 " in listed


def test_the_command_line_sweeps_and_checks(site: Site, clock: Clock) -> None:
    for _ in range(3):
        site.begin(x=1)
    clock.forward(86400 * 40)
    swept = 0 if isinstance(site.store.store, RedisStore) else 3  # Redis removes them by itself
    assert run(site, "sweep").output == f"{swept} sessions removed.\n"
    checked = run(site, "check")
    assert checked.output == f"The store answers: {site.store.describe()}.\n"
    site.store.is_away = True
    checked = run(site, "check")
    assert (checked.exit_code, checked.output) == (1, "Error: The session store is away.\n")
