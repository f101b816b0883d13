"""Redis with Sentinel, as a cluster, and by clients of redis-py."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.stores.conftest import available
from tests.stores.servers import redis_cluster, redis_sentinel
from tests.stores.site import Site
from tests.stores.test_merging import ROWS, put
from tuile import session
from tuile.sessions.operations import Create, EndOfUser, Load, OfUser
from tuile.sessions.record import Clocks, Record
from tuile.sessions.settings import store_and_policy
from tuile.sessions.stores.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import Iterator

redis = pytest.importorskip("redis")
pytest.importorskip("redis.cluster")

CLOCKS = Clocks(1000)


@pytest.fixture(scope="module")
def sentinel() -> Iterator[list[int]]:
    with available(), redis_sentinel() as ports:
        yield ports


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[int]]:
    with available(), redis_cluster() as ports:
        yield ports


class Commands:
    """Some client, of which only the method that executes commands is known."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        return self._client.execute_command(*arguments, **options)


def place(kind: str, request: pytest.FixtureRequest) -> Any:
    """What is given as SESSION_STORE."""
    if kind.startswith("sentinel"):
        port = request.getfixturevalue("sentinel")[2]
        if kind == "sentinel url":
            return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/sessions/0"
        options = {"decode_responses": True} if kind == "sentinel that decodes" else {}
        return redis.Sentinel([("127.0.0.1", port)], **options).master_for("sessions")
    if kind.startswith("cluster"):
        port = request.getfixturevalue("cluster")[1]
        if kind == "cluster url":
            return f"redis+cluster://127.0.0.1:1,127.0.0.1:{port}"
        return redis.RedisCluster(port=port, host="127.0.0.1", decode_responses=kind == "cluster that decodes")
    url = request.getfixturevalue("redis_url")
    if kind == "commands":
        return Commands(url)
    return redis.Redis.from_url(url, decode_responses=kind == "client that decodes")


KINDS = [
    *("sentinel", "sentinel url", "sentinel that decodes", "cluster", "cluster url", "cluster that decodes"),
    *("client", "client that decodes", "commands"),
]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[RedisStore]:
    made = RedisStore(place(request.param, request), prefix=f"{request.param}:{time.monotonic_ns()}:", timeout=30)
    yield made
    made.close()


def test_sessions_live_and_end(store: RedisStore) -> None:
    site = Site(store, SESSION_RENEW=0.001, SESSION_MAX_PER_USER=3)
    content = {"x": 1, "é": ["\0", {"y": 2.5}], "long": "x" * 20_000}
    cookie = site.begin(**content)
    assert site.content(cookie) == content
    # A login, a renewal, a list, and the end of all.
    cookies = [site.ask(put(_user_id="ada")).cookie for _ in range(4)]
    time.sleep(0.01)
    renewed = site.ask(lambda: session.get("_user_id"), cookies[3])
    assert renewed.cookie
    assert site.content(renewed.cookie)["_user_id"] == "ada"
    assert len(site.app.sessions.of("ada")) == 3
    assert site.app.sessions.end_all("ada") == 3
    assert [site.content(one) for one in (*cookies, renewed.cookie)] == [{}] * 5
    site.ask(lambda: session.end(), cookie)  # noqa: PLW0108 - a proxy
    assert site.content(cookie) == {}


@pytest.mark.parametrize(
    ("base", "a", "b", "expected", "conflicts"), [row[1:] for row in ROWS[::4]], ids=[row[0] for row in ROWS[::4]]
)
def test_two_requests_at_the_same_time(
    store: RedisStore, base: Any, a: Any, b: Any, expected: Any, conflicts: tuple[str, ...]
) -> None:
    site = Site(store)
    cookie = site.begin(**base)

    def meanwhile() -> None:
        session.get("x")
        assert site.ask(b, cookie).answer.code == 200
        a()

    assert site.ask(meanwhile, cookie).answer.code == 200
    assert site.content(cookie) == (expected or {})


def test_an_event_loop_is_served(store: RedisStore) -> None:
    async def both() -> Any:
        made = await store.ask_async(Create(Record("one", "v", {"x": "1"}, "ada"), CLOCKS))
        found = await store.ask_async(Load("one", CLOCKS))
        assert found.record == made.record
        await store.ask_async(EndOfUser("ada"))
        return await store.ask_async(OfUser("ada"))

    assert asyncio.run(both()) == []


def test_sessions_are_spread_over_a_cluster(cluster: list[int]) -> None:
    store = RedisStore(f"redis+cluster://127.0.0.1:{cluster[0]}", prefix="spread:", timeout=30)
    for number in range(60):
        assert store.ask(Create(Record(f"handle {number}", "v", user="ada"), CLOCKS)) is not None
    clients = [redis.Redis(port=port) for port in cluster]
    assert all(len(client.keys("spread:s:*")) > 5 for client in clients)
    assert len(store.ask(OfUser("ada"))) == 60
    assert store.ask(EndOfUser("ada")) == 60
    for client in clients:
        assert client.keys("spread:*") == []
        client.close()
    store.close()


@pytest.mark.parametrize("kind", ["sentinel", "sentinel url"])
def test_after_a_failover_the_new_master_is_asked(kind: str, request: pytest.FixtureRequest) -> None:
    with available(), redis_sentinel() as ports:
        client = redis.Redis(port=ports[2], decode_responses=True)
        before = client.sentinel_get_master_addr_by_name("sessions")
        given: Any = f"redis+sentinel://127.0.0.1:{ports[2]}/sessions"
        if kind == "sentinel":
            given = redis.Sentinel([("127.0.0.1", ports[2])]).master_for("sessions")
        site = Site(RedisStore(given, timeout=30))
        cookie = site.begin(x=1)
        redis.Redis(port=ports[0]).wait(1, 10_000)  # the replica has it
        client.execute_command("SENTINEL FAILOVER sessions")
        for _ in range(600):
            if client.sentinel_get_master_addr_by_name("sessions") != before:
                break
            time.sleep(0.1)
        client.close()
        # The connections so far are those of the former master: a request or two may be told to come again.
        codes = [site.ask(put(y=number), cookie).answer.code for number in range(300)]
        assert codes[-1] == 200
        assert set(codes) <= {200, 503}
        assert site.content(cookie)["y"] == 299


def test_a_url_of_a_cluster_or_of_sentinel_opens_nothing_before_it_is_used() -> None:
    for url, where in (
        ("redis+cluster://user:secret@127.0.0.1:1,localhost:2", "the cluster of 127.0.0.1:1"),
        ("rediss+sentinel://:secret@[::1]:1,sentinel/main/2", "the master main of Sentinel"),
        ("valkey+sentinel://h/main", "the master main of Sentinel"),
    ):
        app = tuile.Flask("app", static_folder=None)
        app.config.update(SESSION_STORE=url)
        store = store_and_policy(app).store
        assert where in store.describe()
        assert "secret" not in store.describe()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://h:1", "has to name the service"),
        ("redis+sentinel://h/main/zero", "has to name the service"),
        ("redis+cluster://", "names no host"),
        ("redis+sentinel:///main", "names no host"),
        ("redis+other://h", "SESSION_STORE must be"),
    ],
)
def test_a_wrong_url_is_an_error_before_the_first_answer(url: str, said: str) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE=url)
    with pytest.raises(ValueError, match=said):
        app.test_client().get("/")


def test_a_cluster_that_is_away_is_a_503() -> None:
    site = Site(RedisStore("redis+cluster://127.0.0.1:1", timeout=1))
    reply = site.ask(put(x=1))
    assert reply.answer.code == 503
    assert site.ask(lambda: "nothing").answer.code == 200
