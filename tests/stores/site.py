"""An application whose sessions are in a store, and requests to it that can overlap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import tuile
from tests.beside_flask import make_environ, send
from tuile import session
from tuile.sessions.stores import Store, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.beside_flask import Answer
    from tuile import Flask
    from tuile.sessions.operations import Operation

NAME = "session"


class Watched(Store):
    """A store that notes what it is asked, and that can be away."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[Operation] = []
        self.is_away = False

    def ask(self, operation: Operation) -> Any:
        self.asked.append(operation)
        if self.is_away:
            raise StoreUnavailable("The session store is away.")
        return self.store.ask(operation)

    def describe(self) -> str:
        return self.store.describe()


class Reply(NamedTuple):
    """The answer to a request: what its view returned, and the cookie that it sets; "" if it deletes it."""

    answer: Answer
    result: Any
    cookie: str | None
    operations: list[str]


class Site:
    """An application, with a view that does what a test wants."""

    def __init__(self, store: Store, **config: Any) -> None:
        self.store = Watched(store)
        self.app: Flask = tuile.Flask("site", static_folder=None)
        self.app.config.update({"SESSION_STORE": self.store, "PROPAGATE_EXCEPTIONS": False, **config})
        self.app.add_url_rule("/", "view", self._view, methods=["GET", "POST"])
        self._views: list[Callable[[], Any]] = []
        self._results: list[Any] = []

    def _view(self) -> str:
        self._results.append(self._views.pop()())
        return "done"

    def ask(self, view: Callable[[], Any], cookie: str | None = None, **environ: Any) -> Reply:
        """Send a request with a cookie. Inside a view, it is another request at the same time."""
        self._views.append(view)
        before, results = len(self.store.asked), len(self._results)
        if cookie:
            environ["HTTP_COOKIE"] = f"{NAME}={cookie}"
        answer = send(self.app, make_environ("/", **environ))
        lines = [value for name, value in answer.headers if name == "Set-Cookie"]
        assert len(lines) < 2
        operations = [type(one).__name__ for one in self.store.asked[before:]]
        result = self._results.pop() if len(self._results) > results else None
        return Reply(answer, result, lines[0].partition(";")[0].partition("=")[2] if lines else None, operations)

    def begin(self, **content: Any) -> str:
        """Return the cookie of a new session."""
        reply = self.ask(lambda: session.update(content or {"x": 0}))
        assert reply.cookie
        return reply.cookie

    def content(self, cookie: str | None) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(lambda: json.loads(json.dumps(dict(session))), cookie).result
        return found
