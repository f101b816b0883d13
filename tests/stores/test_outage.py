"""A server is away and comes back: what needs the session says 503 meanwhile, and everything else goes on."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tests.stores.conftest import available, command
from tests.stores.outage import Application, outage
from tests.stores.servers import redis_server, restartable_server
from tuile import session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stores.servers import Restartable

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["redis", "postgres"])
def server(request: pytest.FixtureRequest) -> Iterator[Restartable]:
    with available(), restartable_server(request.param) as started:
        yield started


def is_back(away: Application) -> None:
    """Let the second pass for which a store is left alone."""
    away.store._paused_until = 1e-9


def test_a_restart_between_requests_is_not_noticed(server: Restartable) -> None:
    away = Application(server.url)
    assert [away.get("/add") for _ in range(3)] == [(200, "1"), (200, "2"), (200, "3")]
    server.stop()
    server.start()
    assert [away.get("/add"), away.get("/read")] == [(200, "4"), (200, "4")]
    assert away.store._open == 1
    away.store.close()


def test_a_server_that_is_away_loses_no_session(server: Restartable, caplog: pytest.LogCaptureFixture) -> None:
    away = Application(server.url)
    assert away.get("/add") == (200, "1")
    server.stop()
    # The cookie is still sent, and an untouched session is not asked for.
    for _ in range(5):
        assert away.get("/read") == (503, "5")
        assert away.get("/add") == (503, "5")
        assert away.get("/nothing") == (200, "nothing")
    assert len(caplog.messages) == 10
    assert all(message.startswith("The session store (") for message in caplog.messages)
    server.start()
    is_back(away)
    assert [away.get("/add"), away.get("/read")] == [(200, "2"), (200, "2")]
    assert away.store._open == 1
    away.store.close()


def test_meanwhile_a_session_can_be_empty_and_read_only(server: Restartable) -> None:
    away = Application(server.url, SESSION_FAILURE="empty")
    away.app.add_url_rule("/get", "get", lambda: str(session.get("n")))
    assert away.get("/add") == (200, "1")
    server.stop()
    assert [away.get(path) for path in ("/get", "/nothing", "/add")] == [(200, "None"), (200, "nothing"), (503, "5")]
    server.start()
    is_back(away)
    assert away.get("/get") == (200, "1")
    away.store.close()


def test_a_server_that_goes_away_before_the_session_is_saved(server: Restartable) -> None:
    away = Application(server.url)

    def change() -> str:
        session["theme"] = "dark"
        server.stop()
        return "changed"

    away.app.add_url_rule("/change", "change", change)
    away.app.add_url_rule("/theme", "theme", lambda: str(session.get("theme")))
    assert away.get("/add") == (200, "1")
    assert away.get("/change") == (503, "5")
    server.start()
    is_back(away)
    assert away.get("/theme") == (200, "None")
    away.store.close()


def test_a_server_goes_away_and_comes_back_while_requests_run(server: Restartable) -> None:
    outage(server)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_finds_a_server_that_was_restarted(server: Restartable) -> None:
    away = Application(server.url)
    assert away.get("/add") == (200, "1")
    server.stop()
    assert away.get("/read") == (503, "5")
    server.start()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(away.get("/add") != (200, "2") or away.store._open != 1)
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    is_back(away)
    assert away.get("/add") == (200, "3")
    away.store.close()


def test_a_server_that_does_not_answer_is_not_waited_for_by_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with available(), redis_server(str(tmp_path)) as url:
        away = Application(url)
        assert away.get("/add") == (200, "1")
        about: bytes = command(away.store, "INFO", "server")
        away.store.close()
        process = int(about.partition(b"process_id:")[2].split()[0])
        os.kill(process, signal.SIGSTOP)
        try:
            away.app.config["SESSION_TIMEOUT"] = 0.05
            monkeypatch.setattr("time.monotonic", lambda: 1000.0)
            connect = mock.Mock(side_effect=away.store._connect)
            monkeypatch.setattr(away.store, "_connect", connect)
            for _ in range(20):
                assert away.get("/read") == (503, "5")
                assert away.get("/nothing") == (200, "nothing")
            assert connect.call_count == 3
        finally:
            os.kill(process, signal.SIGCONT)
        away.app.config["SESSION_TIMEOUT"] = 30
        assert away.get("/read") == (200, "1")
        away.store.close()
