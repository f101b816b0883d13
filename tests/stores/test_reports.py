"""What was reported of other session stores, each as a check of ours: the reports are named above each test."""

from __future__ import annotations

import pickle
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.site import Site
from tuile import session
from tuile.sessions.operations import Create, OfUser, Sweep
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.conftest import Clock
    from tests.stores.site import Reply
    from tuile.sessions.stores import Store


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store)


def end() -> None:
    session.end()


def read() -> Any:
    return dict(session)


def put(**content: Any) -> Any:
    return lambda: session.update(content)


def during(site: Site, cookie: str | None, before: Any, meanwhile: Any) -> Reply:
    """Send a request that does something, while which another one is answered."""

    def view() -> Any:
        found = before()
        meanwhile()
        return found

    return site.ask(view, cookie)


# pallets-eco/flask-session#71, #149; laravel/framework#30996
def test_two_requests_that_set_two_keys_keep_both(site: Site) -> None:
    cookie = site.begin(o=0)
    during(site, cookie, put(x=1), lambda: site.ask(put(y=1), cookie))
    assert site.content(cookie) == {"o": 0, "x": 1, "y": 1}


# valery-barysok/session-file-store#55; pallets-eco/flask-session#149
def test_a_slow_reader_undoes_nothing(site: Site) -> None:
    cookie = site.begin(theme="light")
    reply = during(site, cookie, read, lambda: site.ask(put(theme="dark"), cookie))
    assert reply.operations == ["Load", "Load", "Apply"]
    assert site.content(cookie) == {"theme": "dark"}


# expressjs/session#632; vert-x3/vertx-web#2771; boj/redistore#2; auth0/nextjs-auth0#2530
def test_a_slow_request_does_not_log_in_again(site: Site) -> None:
    cookie = site.ask(put(_user_id="ada")).cookie
    reply = during(site, cookie, put(x=1), lambda: site.ask(end, cookie))
    assert (reply.answer.code, reply.cookie) == (200, None)
    assert site.content(cookie) == {}
    assert site.store.ask(OfUser("ada")) == []


# tj/connect-redis#346, #347, #348
def test_lists_grow_by_what_was_appended_and_by_nothing_else(site: Site) -> None:
    cookie = site.begin(items=[])

    def nested(readers: int, number: int) -> None:
        if readers:
            during(site, cookie, read, lambda: nested(readers - 1, number))
        else:
            site.ask(lambda: session["items"].append(number), cookie)

    for number in range(100):
        nested(10, number)
    assert site.content(cookie) == {"items": list(range(100))}


# expressjs/session#923; nightscout/nocturne#391; questdb/questdb#7235
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_parallel_requests_survive_a_renewal(store: Store, clock: Clock, order: tuple[int, ...]) -> None:
    site = Site(store, SESSION_RENEW=60)
    cookie = site.ask(put(_user_id="ada")).cookie
    clock.forward(60)
    replies: list[Reply] = []

    def send(left: int) -> None:
        def view() -> Any:
            user = session["_user_id"]
            if left:
                send(left - 1)
            return user

        replies.append(site.ask(view, cookie))

    send(2)
    assert [reply.result for reply in replies] == ["ada"] * 3
    jar = cookie
    for number in order:  # in which the answers arrive
        jar = replies[number].cookie or jar
    assert jar != cookie
    for _ in range(3):
        reply = site.ask(lambda: session.get("_user_id"), jar)
        assert reply.result == "ada"
        jar = reply.cookie or jar
        clock.forward(100)


# pallets-eco/flask-session#27, #162, #173; pallets/flask#1600
def test_an_id_that_an_attacker_planted_never_becomes_the_victims(site: Site, clock: Clock) -> None:
    planted = site.begin(x=0)
    victim = site.ask(put(_user_id="ada"), planted).cookie
    for seconds in (0, 10, 20, 1000):
        clock.forward(seconds)
        assert "_user_id" not in site.content(planted)
    assert site.content(victim)["_user_id"] == "ada"


# spring-session#1118, #2230, #2614, #3287, #1791
def test_the_list_of_a_user_has_no_dead_entries(site: Site, clock: Clock) -> None:
    site.app.config.update(SESSION_IDLE=1000, SESSION_RENEW=10)
    cookie = site.ask(put(_user_id="ada")).cookie
    for _ in range(200):
        site.ask(put(_user_id="ada"))
    for _ in range(50):
        clock.forward(50)
        cookie = site.ask(read, cookie).cookie or cookie
    assert [one.record.handle for one in site.store.ask(OfUser("ada"))] == [str(cookie).partition(".")[0]]
    clock.forward(1000)
    assert site.store.ask(OfUser("ada")) == []


# pallets-eco/flask-session#19, #181
def test_robots_leave_nothing(site: Site) -> None:
    for _ in range(500):
        reply = site.ask(lambda: session.get("x"))
        assert (reply.operations, reply.cookie) == ([], None)


# DefectDojo/django-DefectDojo#11770; mattermost/mattermost#8095; laravel/telescope#536
def test_a_backlog_is_swept_in_batches_and_does_not_come_back(store: Store, clock: Clock) -> None:
    if isinstance(store, RedisStore):
        pytest.skip("Redis removes what has ended by itself")
    clocks = Clocks(idle=1000)
    for number in range(1200):
        store.ask(Create(Record(f"old {number}", "v"), clocks))
    clock.forward(1000)
    swept = [store.ask(Sweep(500)) for _ in range(4)]
    assert swept == [500, 500, 200, 0]
    for number in range(3000):  # a session ends as often as one begins
        store.ask(Create(Record(f"new {number}", "v"), clocks))
        clock.forward(10)
    assert store.ask(Sweep(500)) <= 2


# rawberg/connect-sqlite3#15; maxcountryman/tower-sessions-stores#52: the judge, and test_sqlite


# pallets-eco/flask-session#29; CVE-2021-33026; magfest/ubersystem#4570
calls: list[bool] = []


class Hostile:
    def __reduce__(self) -> Any:
        return calls.append, (True,)


@pytest.mark.parametrize("column", ["data", "state"])
@pytest.mark.parametrize(
    "planted",
    [pickle.dumps(Hostile()), "[]", "7", '{"x": 1}', "{", '{"x": {}}', "[" * 100_000],
    ids=["pickle", "list", "number", "other values", "no JSON", "nested", "deep"],
)
def test_what_was_planted_in_the_store_is_not_run(tmp_path: Path, column: str, planted: Any) -> None:
    file = tmp_path / "sessions.db"
    store = SQLiteStore(file)
    site = Site(store)
    cookie = site.begin(x=1, _user_id="ada")
    connection = sqlite3.connect(file)
    connection.execute(f"UPDATE tuile_sessions SET {column} = ?", (planted,))  # noqa: S608 - ours
    connection.commit()
    connection.close()
    reply = site.ask(lambda: session.get("x"), cookie)
    assert (reply.answer.code, reply.result) == (200, None)
    assert calls == []
    store.ask(OfUser("ada"))
    store.close()


# withastro/astro#13376, spring-session#2126, #1038
def test_a_store_that_comes_back_is_used_again(site: Site) -> None:
    cookie = site.begin(x=1)
    site.store.is_away = True
    assert [site.ask(read, cookie).answer.code for _ in range(5)] == [503] * 5
    site.store.is_away = False
    assert site.ask(read, cookie).result == {"x": 1}


# spring-session#1001; expressjs/session#357, #531, #624
def test_reading_keeps_alive_and_never_revives(site: Site, clock: Clock) -> None:
    site.app.config["SESSION_IDLE"] = 600
    cookie = site.begin(x=1)
    for _ in range(10):
        clock.forward(400)
        assert site.ask(read, cookie).result == {"x": 1}
    clock.forward(600)
    assert site.ask(read, cookie).result == {}
    assert site.ask(put(x=2), cookie).cookie != cookie
    assert site.content(cookie) == {}


# spring-session#3299; kodustech/kodus-ai#1683
def test_nul_comes_back(site: Site) -> None:
    cookie = site.begin(x="\0", **{"\0": ["\0"]})
    assert site.content(cookie) == {"x": "\0", "\0": ["\0"]}
