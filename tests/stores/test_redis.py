"""What the Redis store does beside what every store does."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tuile
from tests.stores.conftest import command
from tests.stores.site import Site
from tuile import session
from tuile.sessions.changes import Add, Append, Changes, Drop, Put, merge
from tuile.sessions.operations import Applied, Apply, Create, End, Load, OfUser
from tuile.sessions.record import Clocks, Record
from tuile.sessions.settings import store_and_policy
from tuile.sessions.stores import StoreUnavailable, redis_scripts
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.redis_wire import BlockingConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile.sessions.changes import KeyChange

CLOCKS = Clocks(idle=3600.0)
needs_redis_py = pytest.mark.skipif(
    importlib.util.find_spec("redis") is None and os.environ.get("CI") != "true",
    reason="NO REDIS-PY: `make venv` installs it",
)


@pytest.fixture
def real(redis_url: str) -> Iterator[RedisStore]:
    """A store with the clock of the server."""
    made = RedisStore(redis_url, timeout=30)
    command(made, "FLUSHDB")
    yield made
    made.close()


def test_keys_end_by_themselves(real: RedisStore) -> None:
    real.ask(Create(Record("h", "v", {"a": "1"}, user="ada"), CLOCKS))
    ends = [command(real, "PTTL", key) for key in command(real, "KEYS", "*")]
    assert len(ends) == 2
    assert all(3_500_000 < end <= 3_600_001 for end in ends)
    real.ask(Apply("h", 1, Changes(by_key={"a": Put("2", "1")}), Clocks(idle=7200, seen_every=0)))
    assert command(real, "PTTL", "session:s:h") > 7_000_000


def test_a_save_is_one_script(real: RedisStore) -> None:
    real.ask(Create(Record("h", "v", {"a": "1", "l": "[]", "d": "1"}), CLOCKS))
    changes: dict[str, KeyChange] = {
        "a": Put("2", "1"),
        "n": Add(1, "1"),
        "l": Append(("1",), "[1]"),
        "d": Drop("1"),
        "c": Put("{}"),
    }
    with mock.patch.object(
        BlockingConnection, "exchange", autospec=True, side_effect=BlockingConnection.exchange
    ) as run:
        assert real.ask(Apply("h", 1, Changes(by_key=changes), CLOCKS)) == Applied()
        assert run.call_count == 1
        # Another request has set a dictionary meanwhile: it is merged here.
        merged = {"c": Put('{"q":1}', None)}
        real.ask(Apply("h", 1, Changes(by_key={"c": Put('{"p":1}', "{}")}), CLOCKS))
        assert real.ask(Apply("h", 1, Changes(by_key=merged), CLOCKS)) == Applied()
        assert run.call_count == 4
    found = real.ask(Load("h", CLOCKS)).record.data
    assert found == {"a": "2", "n": "1", "l": "[1]", "c": '{"p":1,"q":1}'}


@pytest.mark.parametrize("base", ["[]", "[1]", '[1,"a,[",{"p":[2]}]'])
@pytest.mark.parametrize(
    "others", ["[]", "[ ]", "[1]", "[9]", '[1,"a,[",{"p":[2]}]', '[1,"a,[",{"p":[2]},[9]]', "[1,1]", None, "7"]
)
@pytest.mark.parametrize("mine", ["[]", "[1]", '[1,"a,[",{"p":[2]},"new"]', "[1,2]", '["new"]'])
def test_lists_are_changed_by_the_script_as_they_are_merged(
    real: RedisStore, base: str, others: str | None, mine: str
) -> None:
    for assigned in (True, False):
        change = Put(mine, base, assigned)
        real.ask(End("h"))
        real.ask(Create(Record("h", "v", {} if others is None else {"l": others}), CLOCKS))
        answer = real.ask(Apply("h", 1, Changes(by_key={"l": change}), CLOCKS))
        merged = merge({} if others is None else {"l": others}, Changes(by_key={"l": change}))
        found = real.ask(Load("h", CLOCKS)).record.data
        assert {key: json.loads(text) for key, text in found.items()} == {
            key: json.loads(text) for key, text in merged.data.items()
        }
        assert answer.conflicts == merged.conflicts


def test_a_list_that_many_extend_and_take_is_saved_in_one_step(real: RedisStore) -> None:
    real.ask(Create(Record("h", "v", {"l": '["a","b","c"]'}), CLOCKS))
    with mock.patch.object(
        BlockingConnection, "exchange", autospec=True, side_effect=BlockingConnection.exchange
    ) as run:
        for text in ('["a","d"]', "[]"):
            real.ask(Apply("h", 1, Changes(by_key={"l": Put(text, '["a"]', assigned=False)}), CLOCKS))
        assert run.call_count <= 3  # one of them sends the script
    assert real.ask(Load("h", CLOCKS)).record.data == {"l": '["b","c","d"]'}


KEYS = ["a", "", "{", "[", "\n", "x\n", "\r", "a\r", "é", "\ud800", "=", "a b"]
SOME_KEYS = st.lists(st.sampled_from(KEYS), unique=True, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(KEYS), unique=True, max_size=4), st.lists(st.sampled_from(KEYS), unique=True, max_size=4)
)
def test_any_keys_are_kept_and_merged(real: RedisStore, keys: list[str], others: list[str]) -> None:
    data = dict.fromkeys(keys, '"\\n"')
    real.ask(End("h"))
    created = real.ask(Create(Record("h", "v", data), CLOCKS)).record
    assert real.ask(Load("h", CLOCKS)).record.data == data
    # The second of two saves meets what the first one has stored.
    for base, changed in ((None, others), (created, keys), (created, others)):
        changes: dict[str, KeyChange] = {key: Put("1", data.get(key)) for key in changed}
        assert real.ask(Apply("h", 1, Changes(by_key=changes), CLOCKS, base=base)) == Applied()
        data = {**data, **dict.fromkeys(changed, "1")}
        assert real.ask(Load("h", CLOCKS)).record.data == data


@pytest.mark.parametrize("user", [None, "", "=", "ada\nbob", "é"])
@pytest.mark.parametrize("agent", ["", "Mozilla/5.0", "[", "two\nlines", "\r\n"])
def test_any_user_and_agent_are_kept(real: RedisStore, user: str | None, agent: str) -> None:
    record = Record("h", "v", user=user, agent=agent, address="::1", former="x")
    created = real.ask(Create(record, CLOCKS)).record
    assert real.ask(Load("h", CLOCKS)).record == created
    assert (created.user, created.agent, created.address, created.former) == (user, agent, "::1", "x")


def test_what_others_change_all_the_time_is_tried_as_long_as_there_is_time(
    real: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real.ask(Create(Record("h", "v", {"c": "{}"}), CLOCKS))
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    attempts = real._attempts()
    assert [next(attempts) for _ in range(500)] == list(range(500))
    now[0] += 31
    assert list(attempts) == []


def test_each_script_uses_one_key() -> None:
    scripts = [redis_scripts.SEEN, redis_scripts.CREATE, redis_scripts.APPLY, redis_scripts.KEEP, redis_scripts.INDEX]
    assert all("KEYS[1]" in script and "KEYS[2]" not in script for script in scripts)


def test_scripts_are_loaded_again_after_a_restart(real: RedisStore) -> None:
    real.ask(Create(Record("h", "v"), CLOCKS))
    command(real, "SCRIPT", "FLUSH")
    assert real.ask(Load("h", CLOCKS)) is not None


def test_broken_connections_are_replaced(real: RedisStore) -> None:
    real.ask(Create(Record("h", "v"), CLOCKS))
    killer = RedisStore(real_url(real), timeout=30)
    command(killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert real.ask(Load("h", CLOCKS)) is not None
    killer.close()


def real_url(store: RedisStore) -> str:
    place: Any = store._place
    options = place._pool.connection_kwargs
    return f"redis://{options['host']}:{options['port']}"


def test_there_are_never_more_connections_than_allowed(redis_url: str) -> None:
    store = RedisStore(redis_url, timeout=0.1, connections=1)
    connection = store._free_connection()
    with pytest.raises(StoreUnavailable, match=r"All 1 connections to the session store .* are in use"):
        store.ask(Load("h", CLOCKS))
    store._drop(connection)
    assert store.ask(Load("nothing", CLOCKS)) is None
    assert len(store._idle) == 1
    store.close()


def test_a_server_without_memory_can_be_read(redis_url: str) -> None:
    site = Site(RedisStore(redis_url, timeout=30))
    cookie, store = site.begin(x=1), site.store.store
    assert isinstance(store, RedisStore)
    command(store, "CONFIG", "SET", "maxmemory", "1")
    try:
        assert site.content(cookie) == {"x": 1}
        assert site.ask(lambda: session.update(x=2), cookie).answer.code == 503
    finally:
        command(store, "CONFIG", "SET", "maxmemory", "0")
    site.ask(lambda: session.update(x=3), cookie)
    assert site.content(cookie) == {"x": 3}
    store.close()


def test_two_apps_do_not_see_each_other(redis_url: str) -> None:
    sites = []
    for name in ("prod", "prod2"):
        site = Site(RedisStore(redis_url, timeout=30))
        site.app = tuile.Flask(name, static_folder=None)
        site.app.config.update(SESSION_STORE=redis_url, SESSION_TIMEOUT=30)
        site.app.add_url_rule("/", "view", site._view)
        sites.append(site)
    cookie = sites[0].begin(x=1)
    assert sites[0].content(cookie) == {"x": 1}
    assert sites[1].content(cookie) == {}
    for site in sites:
        store: Any = store_and_policy(site.app).store
        assert store._prefix == f"session:{site.app.name}:"
        store.close()
        site.store.store.close()  # type: ignore[attr-defined] # a Redis store


@pytest.mark.parametrize("planted", [b"\x80\x04.", b"[]", b"{", b'{"user":7,"x":1}', b'{"data":{}}'])
def test_what_was_planted_reads_as_empty(real: RedisStore, planted: bytes) -> None:
    real.ask(Create(Record("h", "v", {"a": "1"}, user="ada"), CLOCKS))
    command(real, "HSET", "session:s:h", "m", planted)
    assert real.ask(Load("h", CLOCKS)) is None
    assert real.ask(OfUser("ada")) == []


def test_numbers_and_lists_that_a_script_cannot_change(real: RedisStore) -> None:
    data = {"big": str(10**30), "float": "0.5", "text": '"x"', "tuple": '{" t":[1]}', "spaced": "[ ]"}
    real.ask(Create(Record("h", "v", data), CLOCKS))
    changes: dict[str, KeyChange] = {
        "big": Add(1, "1"),
        "float": Add(1, "1"),
        "text": Add(1, "1"),
        "tuple": Append(("2",), "[2]"),
        "spaced": Append(("2",), "[2]"),
        "none": Add(0.25, "0.25"),
    }
    assert real.ask(Apply("h", 1, Changes(by_key=changes), CLOCKS)) == Applied(("text", "tuple"))
    assert real.ask(Load("h", CLOCKS)).record.data == {
        "big": str(10**30 + 1),
        "float": "1.5",
        "text": "1",
        "tuple": "[2]",
        "spaced": "[2]",
        "none": "0.25",
    }


@needs_redis_py
def test_a_server_that_is_away_is_unavailable_and_no_password_is_shown() -> None:
    store = RedisStore("redis://user:geheim@127.0.0.1:1/0", timeout=0.2)
    with pytest.raises(StoreUnavailable, match=r"Redis, 127\.0\.0\.1:1, keys session:\*") as caught:
        store.ask(Load("h", CLOCKS))
    assert "geheim" not in str(caught.value)


@needs_redis_py
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://h", "Connection"),
        ("valkey://h", "Connection"),
        ("rediss://h", "SSLConnection"),
        ("valkeys://h", "SSLConnection"),
    ],
)
def test_urls_of_redis_and_valkey(url: str, kind: str) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE=url, SESSION_TIMEOUT=2, SESSION_POOL=3, SESSION_KEY_PREFIX="p:")
    store: Any = store_and_policy(app).store
    assert store._place._pool.connection_class.__name__ == kind
    assert (store._connections, store._timeout, store._place._pool.connection_kwargs["socket_timeout"]) == (3, 2, 2)
    assert store._prefix == "p:"
    assert "SESSION_STORE': '...'" in repr(app.config)


@needs_redis_py
@pytest.mark.parametrize("value", [0, -1, True, "4"])
def test_a_wrong_number_of_connections(value: Any) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE="redis://h", SESSION_POOL=value)
    with pytest.raises(ValueError, match="SESSION_POOL must be a positive whole number"):
        store_and_policy(app)


def test_without_redis_py_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(RuntimeError, match=r"pip install 'tuile\[redis\]'"):
        RedisStore("redis://h")


def test_an_app_keeps_its_sessions_there(redis_url: str) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE=redis_url, SESSION_TIMEOUT=30)
    app.add_url_rule("/", "view", lambda: str(session.add("n")))
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    store_and_policy(app).store.close()  # type: ignore[attr-defined] # a Redis store
