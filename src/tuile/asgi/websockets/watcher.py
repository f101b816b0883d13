"""Look after the open WebSockets of one event loop: who has left, and whose session has been ended.

One timer does it for all of them, so that messages cost nothing more.
"""

from __future__ import annotations

import typing as t
import weakref

from ..workers import call_in_worker
from .states import POLICY_VIOLATION

if t.TYPE_CHECKING:
    from asyncio import Task, TimerHandle

    from ..service import Service
    from .connection import Connection
    from .context import WebSocketContext

_EVERY_S = 0.25

_watchers: weakref.WeakKeyDictionary[Service, Watcher] = weakref.WeakKeyDictionary()


class Watcher:
    """The open WebSockets of one event loop."""

    def __init__(self, service: Service) -> None:
        self._workers = service.workers
        self._loop = service.loop
        self._open: dict[Connection, WebSocketContext] = {}
        self._timer: TimerHandle | None = None
        self._looking: Task[None] | None = None

    def add(self, connection: Connection, context: WebSocketContext) -> None:
        """Look after a WebSocket."""
        self._open[connection] = context
        if self._timer is None:
            self._timer = self._loop.call_later(_EVERY_S, self._tick)

    async def remove(self, connection: Connection) -> None:
        """Look after a WebSocket no longer."""
        self._open.pop(connection, None)
        if not self._open and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if self._looking is not None:
                await self._looking

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_EVERY_S, self._tick)
        is_due = False
        for connection, context in self._open.items():
            connection.listen()
            watch = context.session_watch
            if watch is not None and watch.is_due:
                is_due = True
        if is_due and self._looking is None:
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        """Ask whether sessions have been ended, in a worker, and close the WebSockets of those."""
        asked = [
            (connection, context.session_watch)
            for connection, context in self._open.items()
            if context.session_watch is not None
        ]

        def find() -> list[Connection]:
            return [connection for connection, watch in asked if watch.has_ended()]

        try:
            for connection in t.cast("list[Connection]", await call_in_worker(self._workers, find)):
                connection.end(POLICY_VIOLATION, "The session has ended.")
        finally:
            self._looking = None


def watcher_of(service: Service) -> Watcher:
    """Return the watcher of an event loop."""
    found = _watchers.get(service)
    if found is None or found._workers is not service.workers:
        found = _watchers[service] = Watcher(service)
    return found
