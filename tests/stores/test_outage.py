"""A server is away and comes back: what needs the session says 503 meanwhile, and everything else goes on."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tests.stores.conftest import available, command
from tests.stores.servers import redis_server
from tuile import session
from tuile.sessions.settings import store_and_policy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)


class Application:
    """An application with sessions in Redis."""

    def __init__(self, url: str) -> None:
        self.app = tuile.Flask("away", static_folder=None)
        self.app.config.update(SESSION_STORE=url, SESSION_TIMEOUT=30)
        self.app.add_url_rule("/add", "add", lambda: str(session.add("n")))
        self.app.add_url_rule("/read", "read", lambda: str(session["n"]))
        self.app.add_url_rule("/nothing", "nothing", lambda: "nothing")
        self.client = self.app.test_client()

    @property
    def store(self) -> Any:
        return store_and_policy(self.app).store

    def get(self, path: str) -> tuple[int, str | None]:
        answer = self.client.get(path)
        return answer.status_code, answer.text if answer.status_code == 200 else answer.headers.get("Retry-After")


def test_a_restart_loses_no_session(tmp_path: Path) -> None:
    with available(), redis_server(str(tmp_path), durable=True) as url:
        away = Application(url)
        assert [away.get("/add") for _ in range(3)] == [(200, "1"), (200, "2"), (200, "3")]
    # The cookie is still sent, and an untouched session is not asked for.
    for _ in range(5):
        assert away.get("/read") == (503, "5")
        assert away.get("/add") == (503, "5")
        assert away.get("/nothing") == (200, "nothing")
    with redis_server(str(tmp_path), int(url.rpartition(":")[2]), durable=True):
        away.store._paused_until = 1e-9  # the second is over
        assert [away.get("/add"), away.get("/read")] == [(200, "4"), (200, "4")]
        assert away.store._open == 1
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
