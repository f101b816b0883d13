"""A response that lasts long is told that its session has been ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tuile import Flask, session
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.watching import SessionWatch, watch_session

if TYPE_CHECKING:
    from collections.abc import Callable


def make_app(**settings: object) -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26", SESSION_CHECK_EVERY=3600, **settings)
    watches: list[SessionWatch | None] = []
    app.extensions["watches"] = watches

    @app.post("/login")
    def login() -> str:
        session["_user_id"] = "me"
        return ""

    @app.post("/again")
    def again() -> str:
        session.regenerate(keep=["_user_id"])
        return ""

    @app.post("/logout")
    def logout() -> str:
        session.end()
        return ""

    @app.get("/watch")
    def watch() -> str:
        session.get("a")
        watches.append(watch_session())
        return session.handle or ""

    @app.get("/unread")
    def unread() -> str:
        watches.append(watch_session())
        return ""

    return app


ENDS: dict[str, Callable[[Flask, Any, str], object]] = {
    "logout": lambda app, client, handle: client.post("/logout"),
    "a new id": lambda app, client, handle: client.post("/again"),
    "its handle": lambda app, client, handle: app.sessions.end(handle),
    "its user": lambda app, client, handle: app.sessions.end_all("me"),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_in_this_process_is_told_at_once(end: str) -> None:
    app = make_app(SESSION_STORE="memory")
    client = app.test_client()
    client.post("/login")
    handle = client.get("/watch").text
    (watch,) = app.extensions["watches"]
    assert not watch.is_due
    assert not watch.has_ended()
    ENDS[end](app, client, handle)
    assert watch.is_due
    assert watch.has_ended()
    assert watch.has_ended()


def test_another_session_that_ends_changes_nothing() -> None:
    app = make_app(SESSION_STORE="memory")
    client, other = app.test_client(), app.test_client()
    client.post("/login")
    other.post("/login")
    client.get("/watch")
    other.post("/logout")
    (watch,) = app.extensions["watches"]
    assert not watch.has_ended()
    assert not watch.is_due


def test_an_end_in_another_process_is_told_when_it_is_time() -> None:
    app = make_app(SESSION_STORE="memory")
    app.config["SESSION_CHECK_EVERY"] = 0
    client = app.test_client()
    client.post("/login")
    handle = client.get("/watch").text
    (watch,) = app.extensions["watches"]
    assert not watch.has_ended()
    from tuile.sessions.operations import End  # noqa: PLC0415 - what another process asks

    app.sessions._store.ask(End(handle))
    assert watch.has_ended()


def test_sessions_in_cookies_are_watched_where_they_can_be_ended() -> None:
    app = make_app(SESSION_STORE="memory", SESSION_WRITES="cookie")
    client = app.test_client()
    client.post("/login")
    client.get("/watch")
    (watch,) = app.extensions["watches"]
    assert not watch.has_ended()
    app.sessions.end_all("me")
    assert watch.has_ended()


def test_what_session_refused_says_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    refused: list[bool] = [False]
    app.session_refused = lambda session: refused[0]  # type: ignore[method-assign] # as an application may
    app.config["SESSION_CHECK_EVERY"] = 0
    client = app.test_client()
    client.post("/login")
    client.get("/watch")
    (watch,) = app.extensions["watches"]
    assert not watch.has_ended()
    refused[0] = True
    assert watch.has_ended()


def test_nothing_is_watched_that_was_not_read_or_cannot_end() -> None:
    app = make_app(SESSION_STORE="memory")
    client = app.test_client()
    client.get("/watch")
    client.post("/login")
    client.get("/unread")
    signed = make_app()
    client = signed.test_client()
    client.post("/login")
    client.get("/watch")
    assert app.extensions["watches"] == [None, None]
    assert signed.extensions["watches"] == [None]
    assert watch_session() is None


def test_a_store_that_cannot_be_asked_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(SESSION_STORE="memory")
    app.config["SESSION_CHECK_EVERY"] = 0
    client = app.test_client()
    client.post("/login")
    client.get("/watch")
    (watch,) = app.extensions["watches"]

    def fail(operation: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(app.sessions._store, "ask", fail)
    assert not watch.has_ended()
