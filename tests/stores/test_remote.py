"""Stores on other machines: connections, and what happens while there is no answer."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tuile.sessions.operations import Apply, Load
from tuile.sessions.record import Clocks
from tuile.sessions.settings import store_and_policy
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.connections import BrokenConnectionError
from tuile.sessions.stores.remote import RemoteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile.sessions.operations import Operation
    from tuile.sessions.stores.connections import Steps

LOAD = Load("h", Clocks(60))
APPLY: Any = Apply("h", 1, None, Clocks(60))  # type: ignore[arg-type] # not looked at


class Server:
    """What answers, or fails; the requests are counted."""

    def __init__(self) -> None:
        self.requests = self.opened = self.closed = 0
        self.answer: Callable[[], object] = lambda: "reply"

    def exchange(self, request: object) -> object:
        self.requests += 1
        return self.answer()


class Connected:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.used = 1e18
        server.opened += 1

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self.server.closed += 1

    def exchange(self, request: object) -> object:
        return self.server.exchange(request)


class ConnectedAsync:
    def __init__(self, server: Server) -> None:
        self.server = server
        server.opened += 1

    async def close(self) -> None:
        self.server.closed += 1

    async def exchange(self, request: object) -> object:
        answer = self.server.exchange(request)
        return await answer if asyncio.iscoroutine(answer) else answer


class Remote(RemoteStore):
    def __init__(self, server: Server, **options: Any) -> None:
        self.server = server
        super().__init__("a server", **{"timeout": 30.0, "connections": 2, **options})

    def _connect(self) -> Connected:
        return Connected(self.server)

    async def _connect_async(self) -> ConnectedAsync:
        return ConnectedAsync(self.server)

    def _can_repeat(self, operation: Operation) -> bool:
        return type(operation) is Load

    def _steps(self, operation: Operation) -> Steps:
        reply = yield operation
        return reply


class Driver:
    """Both ways to ask, with the connections that were opened and closed."""

    def __init__(self, store: Remote, is_async: bool) -> None:
        self.store = store
        self.is_async = is_async
        self.loop = asyncio.new_event_loop()

    def ask(self, operation: Operation) -> Any:
        if self.is_async:
            return self.loop.run_until_complete(self.store.ask_async(operation))
        return self.store.ask(operation)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture(params=["blocking", "awaited"])
def driver(request: pytest.FixtureRequest, server: Server) -> Any:
    made = Driver(Remote(server), request.param == "awaited")
    yield made
    made.loop.close()


def fail(error: Exception) -> Callable[[], object]:
    def failing() -> object:
        raise error

    return failing


def test_a_connection_is_used_again(driver: Driver, server: Server) -> None:
    assert [driver.ask(LOAD) for _ in range(3)] == ["reply"] * 3
    assert (server.opened, server.closed) == (1, 0)


def test_a_load_is_repeated_over_a_new_connection(driver: Driver, server: Server) -> None:
    driver.ask(LOAD)
    answers: Iterator[Callable[[], object]] = iter([fail(BrokenConnectionError("closed")), lambda: "again"])

    def answer() -> object:
        return next(answers)()

    server.answer = answer
    assert driver.ask(LOAD) == "again"
    assert (server.opened, server.closed) == (2, 1)


def test_a_save_is_not_repeated_because_it_may_have_been_done(driver: Driver, server: Server) -> None:
    server.answer = fail(BrokenConnectionError("closed"))
    with pytest.raises(StoreUnavailable, match=r"The session store \(a server\) is not available: closed"):
        driver.ask(APPLY)
    assert server.requests == 1


def test_a_store_that_fails_is_left_alone_for_a_second(
    driver: Driver, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    server.answer = fail(TimeoutError("timed out"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="timed out"):
            driver.ask(LOAD)
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="has not answered 3 times"):
            driver.ask(LOAD)
    assert server.requests == 3
    # After that, one request tries.
    now[0] += 1.0
    with pytest.raises(StoreUnavailable, match="timed out"):
        driver.ask(LOAD)
    with pytest.raises(StoreUnavailable, match="has not answered 4 times"):
        driver.ask(LOAD)
    now[0] += 1.0
    server.answer = lambda: "back"
    assert [driver.ask(LOAD) for _ in range(3)] == ["back"] * 3
    assert server.requests == 7


def test_only_one_request_tries_whether_a_store_answers_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    store = Remote(server)
    server.answer = fail(TimeoutError("timed out"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            store.ask(LOAD)
    now[0] += 1.0

    def meanwhile() -> object:
        with pytest.raises(StoreUnavailable, match="tried again soon"):
            store.ask(LOAD)
        return "back"

    server.answer = meanwhile
    assert store.ask(LOAD) == "back"


def test_an_answer_between_failures_begins_the_count_anew(driver: Driver, server: Server) -> None:
    for _ in range(4):
        server.answer = fail(TimeoutError("timed out"))
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="timed out"):
                driver.ask(LOAD)
        server.answer = lambda: "reply"
        assert driver.ask(LOAD) == "reply"


def test_threads_wait_for_a_connection_and_there_are_never_more_than_allowed(server: Server) -> None:
    store, inside = Remote(server), threading.Barrier(2)
    most, now, lock = 0, 0, threading.Lock()

    def answer() -> object:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        # Two are inside at the same time.
        inside.wait()
        with lock:
            now -= 1
        return "reply"

    server.answer = answer
    threads = [threading.Thread(target=store.ask, args=[LOAD]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (server.requests, server.opened, most) == (8, 2, 2)


def test_threads_get_connections_in_turn(server: Server) -> None:
    store = Remote(server, connections=1)
    order: list[str] = []
    threads: list[threading.Thread] = []

    def answer() -> object:
        order.append(threading.current_thread().name)
        # The first request holds the connection until all others wait, one after the other.
        while len(threads) < 3:
            threads.append(threading.Thread(target=store.ask, args=(LOAD,), name=str(len(threads))))
            threads[-1].start()
            while len(store._waiting) < len(threads):
                threading.Event().wait(0.001)
        return "reply"

    server.answer = answer
    name = threading.current_thread().name
    store.ask(LOAD)
    # At once again: it may not take the connection that the others wait for.
    store.ask(LOAD)
    for thread in threads:
        thread.join()
    assert order == [name, "0", "1", "2", name]
    assert (server.opened, store._open, len(store._idle)) == (1, 1, 1)


def test_a_thread_opens_a_connection_in_the_place_of_one_that_broke(server: Server) -> None:
    store = Remote(server, connections=1)
    threads: list[threading.Thread] = []

    def answer() -> object:
        if not threads:
            threads.append(threading.Thread(target=store.ask, args=(LOAD,)))
            threads[0].start()
            while not store._waiting:
                threading.Event().wait(0.001)
            raise TimeoutError
        return "reply"

    server.answer = answer
    with pytest.raises(StoreUnavailable):
        store.ask(LOAD)
    threads[0].join()
    assert (server.opened, server.closed, store._open, len(store._idle)) == (2, 1, 1, 1)


def test_a_thread_that_is_stopped_while_it_waits_takes_no_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Remote(server, connections=1)

    def stopped(event: threading.Event, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    def answer() -> object:
        if server.requests == 1:
            with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
                patched.setattr(threading.Event, "wait", stopped)
                store.ask(LOAD)
        return "reply"

    server.answer = answer
    assert store.ask(LOAD) == store.ask(LOAD) == "reply"
    assert (server.opened, store._open, len(store._idle), len(store._waiting)) == (1, 1, 1, 0)


def test_tasks_wait_for_a_connection_and_there_are_never_more_than_allowed(server: Server) -> None:
    store = Remote(server)

    async def slowly() -> object:
        await asyncio.sleep(0)
        return "reply"

    server.answer = slowly

    async def main() -> list[object]:
        found: list[object] = await asyncio.gather(*(store.ask_async(LOAD) for _ in range(8)))
        await store.close_async()
        return found

    assert asyncio.run(main()) == ["reply"] * 8
    assert (server.opened, server.closed) == (2, 2)


def test_an_event_loop_has_connections_of_its_own(server: Server) -> None:
    store = Remote(server)
    for _ in range(2):
        assert asyncio.run(store.ask_async(LOAD)) == "reply"
    assert server.opened == 2


def test_what_takes_too_long_in_an_event_loop_is_unavailable(server: Server) -> None:
    store = Remote(server, timeout=0.01)

    async def never() -> object:
        await asyncio.sleep(3600)
        return None

    server.answer = never
    with pytest.raises(StoreUnavailable, match="TimeoutError"):
        asyncio.run(store.ask_async(LOAD))
    assert server.closed == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Remote(server)
    store.ask(LOAD)
    store._idle[0].used = -1e18
    monkeypatch.setattr("select.select", lambda readers, *_: (readers, [], []))
    # Nothing was sent, so this holds for a save as well.
    assert store.ask(APPLY) == "reply"
    assert (server.opened, server.closed, server.requests) == (2, 1, 2)


def test_a_failure_to_connect_takes_no_place(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Remote(server)
    monkeypatch.setattr(store, "_connect", fail(OSError("refused")))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="refused"):
            store.ask(LOAD)
    monkeypatch.undo()
    store._paused_until = 0.0
    assert store.ask(LOAD) == "reply"
    assert store._open == 1


class Noting(Remote):
    """A store that notes when a thread could take a connection of the process that it was forked from."""

    could_mix = False

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        known = self.__dict__
        self.__dict__["could_mix"] = self.could_mix or (known.get("_process") == 2 and bool(known.get("_idle")))


def test_threads_of_a_forked_process_never_get_a_connection_of_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    store = Noting(server)
    store.ask(LOAD)
    own = store._idle[0]
    monkeypatch.setattr("tuile.sessions.stores.remote.os.getpid", lambda: 2)
    threads = [threading.Thread(target=store._enter_process) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not store.could_mix
    # One of them has begun anew, and the other process's connections are kept open.
    assert store._of_other_processes[0] == [own]
    assert len(store._of_other_processes) == 2
    store.ask(LOAD)
    assert (store._idle != [own], server.opened, server.closed) == (True, 2, 0)


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_a_save_whose_reply_is_lost_is_a_503_and_is_made_once(kind: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    app = tuile.Flask("lost", static_folder=None)
    app.config.update(SESSION_STORE=url, SESSION_TIMEOUT=30, SESSION_KEY_PREFIX="lost:", PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/add", "add", lambda: str(tuile.session.add("n")))
    app.add_url_rule("/read", "read", lambda: str(tuile.session["n"]))
    client = app.test_client()
    assert [client.get("/add").text for _ in range(2)] == ["1", "2"]  # the server knows the script
    store: Any = store_and_policy(app).store
    connection_class = type(store._idle[-1])
    exchange, lost = connection_class.exchange, []

    def losing(connection: Any, sent: Any) -> Any:
        reply = exchange(connection, sent)
        if "EVALSHA" in str(sent) or "UPDATE" in str(sent):
            lost.append(sent)
            raise BrokenConnectionError("the reply is lost")
        return reply

    with mock.patch.object(connection_class, "exchange", losing):
        answer = client.get("/add")
    assert (answer.status_code, len(lost)) == (503, 1)
    assert "Set-Cookie" not in answer.headers
    assert client.get("/read").text == "3"
    assert client.get("/add").text == "4"
    store.close()
