"""What was reported of other session stores, each as a check of ours: the reports are named above each test."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.conftest import available
from tests.stores.servers import postgres_folder, postgres_server, redis_sentinel
from tests.stores.site import Site
from tuile import session
from tuile.sessions.changes import Add, Changes
from tuile.sessions.operations import Apply, Create, EndOfUser, Load, OfUser, Retire, Sweep
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.postgres import PostgresStore
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
    for number in range(240):
        store.ask(Create(Record(f"old {number}", "v"), clocks))
    clock.forward(1000)
    swept = [store.ask(Sweep(100)) for _ in range(4)]
    assert swept == [100, 100, 40, 0]
    for number in range(300):  # a session ends as often as one begins
        store.ask(Create(Record(f"new {number}", "v"), clocks))
        clock.forward(20)
    assert store.ask(Sweep(500)) <= 2


# rawberg/connect-sqlite3#15; maxcountryman/tower-sessions-stores#52
def test_sqlite_is_never_locked_and_each_write_begins_as_one(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    one, clocks = SQLiteStore(file, timeout=60), Clocks(idle=1000)
    one.ask(Create(Record("h", "v", {"n": "0"}), clocks))
    statements: list[str] = []
    one._idle[-1].set_trace_callback(statements.append)
    one.ask(Create(Record("h2", "v", user="ada"), clocks, limit=1))
    one.ask(Apply("h", 1, Changes(by_key={"n": Add(1, "1")}), clocks))
    one.ask(Retire("h2", 10))
    one.ask(EndOfUser("ada"))
    one._idle[-1].set_trace_callback(None)
    in_transaction = False
    for statement in statements:
        word = statement.split()[0].upper()
        # A transaction that began with a read could not always become one that writes.
        assert in_transaction or word in {"BEGIN", "SELECT", "UPDATE", "INSERT", "DELETE"}
        assert word != "BEGIN" or "IMMEDIATE" in statement
        in_transaction = (in_transaction or word == "BEGIN") and word != "COMMIT"
    errors: list[Exception] = []

    def write() -> None:
        own = SQLiteStore(file, timeout=60)  # as another process has one
        try:
            for _ in range(25):
                own.ask(Apply("h", 1, Changes(by_key={"n": Add(1, "1")}), clocks))
        except Exception as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)
        own.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert one.ask(Load("h", clocks)).record.data == {"n": "201"}
    one.close()


# laravel/framework#22164; craftcms/cms#15480; fleetdm/fleet#4469
def test_a_replica_of_redis_is_refused() -> None:
    with available(), redis_sentinel() as ports:
        for place in (f"redis://127.0.0.1:{ports[1]}", import_module("redis").Redis(port=ports[1])):
            store = RedisStore(place, timeout=30)
            with pytest.raises(StoreUnavailable, match=r"is a replica, which cannot be written\. Name the primary"):
                store.ask(Load("h", Clocks(10)))
            with pytest.raises(StoreUnavailable, match="is a replica"):
                asyncio.run(store.ask_async(Load("h", Clocks(10))))
            assert Site(store).ask(read, "A" * 22 + "." + "B" * 32).answer.code == 503
        primary = RedisStore(f"redis://127.0.0.1:{ports[0]}", timeout=30)
        assert primary.ask(Load("h", Clocks(10))) is None
        primary.close()


def test_a_replica_of_postgresql_is_refused() -> None:
    with available(), postgres_folder() as folder:
        with postgres_server(folder):
            pass
        with open(f"{folder}/standby.signal", "w", encoding="utf-8"):
            pass
        with postgres_server(folder) as url:
            store = PostgresStore(url, timeout=30)
            with pytest.raises(StoreUnavailable, match=r"is a replica, which cannot be written\. Name the primary"):
                store.ask(Load("h", Clocks(10)))


# tj/connect-redis#360; authelia/authelia#2324: test_redis_places.test_sessions_are_spread_over_a_cluster
# dotCMS/core#35874: test_redis.test_two_apps_do_not_see_each_other, and that of test_postgres


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


# spring-session#1001
@pytest.mark.parametrize("off", [-600, 600])
def test_the_clock_of_redis_counts_and_not_that_of_a_host(
    redis_url: str, off: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now = RedisStore(redis_url, timeout=30), time.time
    site = Site(store, SESSION_IDLE=100, SESSION_RENEW=50)
    cookie = site.begin(x=1)
    monkeypatch.setattr("time.time", lambda: now() + off)
    reply = site.ask(put(y=2), cookie)
    assert (reply.answer.code, reply.cookie) == (200, None)
    assert site.content(cookie) == {"x": 1, "y": 2}
    other = site.begin(x=3)
    monkeypatch.undo()
    assert site.content(other) == {"x": 3}
    store.close()


# A view fails after it has put something into the database: the session is saved all the same, and nothing else.
def test_the_database_of_the_application_is_left_alone(site: Site) -> None:
    application = sqlite3.connect(":memory:")
    application.execute("CREATE TABLE orders (id)")
    site.app.teardown_request(lambda error: application.rollback())
    cookie = site.begin(x=1)

    def view() -> None:
        application.execute("INSERT INTO orders VALUES (1)")
        session["x"] = 2
        raise RuntimeError

    assert site.ask(view, cookie).answer.code == 500
    assert application.execute("SELECT * FROM orders").fetchall() == []
    assert site.content(cookie) == {"x": 2}  # as on Flask
    application.close()


# spring-session#3299; kodustech/kodus-ai#1683
def test_nul_comes_back(site: Site) -> None:
    cookie = site.begin(x="\0", **{"\0": ["\0"]})
    assert site.content(cookie) == {"x": "\0", "\0": ["\0"]}
