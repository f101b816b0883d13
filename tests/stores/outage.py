"""Take a server away while requests run, and bring it back: nothing but 503 meanwhile, and nothing lost.

python tests/stores/outage.py [--seconds 10] [--threads 8] [redis postgres]
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import tuile  # noqa: E402 - found by the line above
from tests.stores.servers import restartable_server  # noqa: E402
from tuile import session  # noqa: E402
from tuile.sessions.settings import store_and_policy  # noqa: E402

if TYPE_CHECKING:
    from tests.stores.servers import Restartable


class Application:
    """An application whose sessions are in a store on another machine."""

    def __init__(self, url: str, **config: Any) -> None:
        self.app = tuile.Flask("away", static_folder=None)
        # With time for a machine that is busy.
        self.app.config.update({"SESSION_STORE": url, "SESSION_TIMEOUT": 30, **config})
        self.app.add_url_rule("/add", "add", lambda: str(session.add("n")))
        self.app.add_url_rule("/read", "read", lambda: str(session["n"]))
        self.app.add_url_rule("/nothing", "nothing", lambda: "nothing")
        self.client = self.app.test_client()

    @property
    def store(self) -> Any:
        """Its store."""
        return store_and_policy(self.app).store

    def get(self, path: str, client: Any = None) -> tuple[int, str | None]:
        """Return the status of a page, and its text or, if it failed, Retry-After."""
        answer = (client or self.client).get(path)
        return answer.status_code, answer.text if answer.status_code == 200 else answer.headers.get("Retry-After")


class Visitor(threading.Thread):
    """Somebody who sends requests with the cookie of a session until told to stop."""

    def __init__(self, away: Application, cookie: str) -> None:
        super().__init__(daemon=True)
        self.away = away
        self.client = away.app.test_client()
        self.client.set_cookie("session", cookie)
        self.seen: Counter[tuple[str, int]] = Counter()
        self.wrong: list[tuple[str, int, str | None]] = []
        self.stops = threading.Event()

    def run(self) -> None:
        while not self.stops.is_set():
            for path in ("/add", "/read", "/nothing"):
                status, about = self.away.get(path, self.client)
                self.seen[path, status] += 1
                if status != 200 and (path, status, about) not in {("/add", 503, "5"), ("/read", 503, "5")}:
                    self.wrong.append((path, status, about))


def until_all_have(visitors: list[Visitor], more: int, *what: tuple[str, int]) -> None:
    """Wait until each visitor has seen each of these answers so many times more."""
    before = [{one: visitor.seen[one] for one in what} for visitor in visitors]
    for visitor, seen in zip(visitors, before, strict=True):
        while any(visitor.seen[one] < seen[one] + more for one in what):
            time.sleep(0.01)


def outage(server: Restartable, seconds: float = 0.0, threads: int = 8) -> Counter[tuple[str, int]]:
    """Stop a server for some seconds while requests run, and return how many answers there were of each kind.

    Raises:
        AssertionError: If an answer is wrong, or a change lost.
    """
    away = Application(server.url, SESSION_POOL=4)
    away.get("/add")
    cookie = away.client.get_cookie("session").value  # type: ignore[union-attr] # it is there
    visitors = [Visitor(away, cookie) for _ in range(threads)]
    for visitor in visitors:
        visitor.start()
    try:
        until_all_have(visitors, 5, ("/add", 200), ("/read", 200), ("/nothing", 200))
        server.stop()
        until_all_have(visitors, 5, ("/add", 503), ("/read", 503), ("/nothing", 200))
        time.sleep(seconds)
        server.start()
        until_all_have(visitors, 5, ("/add", 200), ("/read", 200), ("/nothing", 200))
    finally:
        for visitor in visitors:
            visitor.stops.set()
        for visitor in visitors:
            visitor.join()
    total: Counter[tuple[str, int]] = sum((visitor.seen for visitor in visitors), Counter())
    assert not [wrong for visitor in visitors for wrong in visitor.wrong]
    saved, failed = 1 + total["/add", 200], total["/add", 503]
    # One that failed may have been saved: its connection broke before the answer came.
    found = int(away.get("/read")[1] or 0)
    assert saved <= found <= saved + failed, (saved, found, failed)
    assert 1 <= away.store._open == len(away.store._idle) <= 4
    away.store.close()
    assert away.store._open == 0
    return total


def main() -> None:
    """Take each server away once."""
    parser = argparse.ArgumentParser(description="Take a server away while requests run.")
    parser.add_argument("kinds", nargs="*", default=["redis", "postgres"])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=8)
    given = parser.parse_args()
    for kind in given.kinds:
        with restartable_server(kind) as server:
            seen = outage(server, given.seconds, given.threads)
        about = ", ".join(f"{path} {status}: {count:,}" for (path, status), count in sorted(seen.items()))
        print(f"{kind}, away for {given.seconds:g} s: {about}; nothing lost, no connection left", flush=True)


if __name__ == "__main__":
    main()
