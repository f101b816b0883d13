"""Look after the long responses of one event loop, and end those whose session has been ended.

One timer does it for all of them, so that messages and events cost nothing more.
"""

from __future__ import annotations

import asyncio
import typing as t
import weakref
from contextvars import Context

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task, TimerHandle

    from .watching import SessionWatch

_EVERY_S = 0.25

_watchers: weakref.WeakKeyDictionary[AbstractEventLoop, Watcher] = weakref.WeakKeyDictionary()


class Watched(t.Protocol):
    """A response that lasts long, such as a WebSocket."""

    @property
    def session_watch(self) -> SessionWatch | None:
        """The watch for its session; None if there is nothing to watch, or not yet."""

    def look(self) -> None:
        """Do what is to be done now and then. It must not block."""

    def end_session(self) -> None:
        """End the response: its session has been ended."""


class Watcher:
    """The long responses of one event loop."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        # The watcher is the value of a dictionary with weak keys.
        self._loop = weakref.ref(loop)
        self._open: set[Watched] = set()
        self._timer: TimerHandle | None = None
        self._looking: Task[None] | None = None

    @property
    def is_looking(self) -> bool:
        """Whether `remove` may have to wait."""
        return self._looking is not None

    def add(self, watched: Watched) -> None:
        """Look after a response."""
        self._open.add(watched)
        if self._timer is None:
            self._call_later()

    def forget(self, watched: Watched) -> None:
        """Look after a response no longer, while it `is_looking` after none."""
        self._open.discard(watched)

    async def remove(self, watched: Watched) -> None:
        """Look after a response no longer."""
        self.forget(watched)
        # The timer ends by itself: the next response may be there soon.
        if not self._open and self._looking is not None:
            await asyncio.wait([self._looking])

    def _call_later(self) -> None:
        loop = self._loop()
        if loop is not None:
            # In a context of its own: what it calls concerns no request.
            self._timer = loop.call_later(_EVERY_S, self._tick, context=Context())

    def _tick(self) -> None:
        if not self._open:
            self._timer = None
            return
        self._call_later()
        is_due = False
        for watched in tuple(self._open):
            watched.look()
            watch = watched.session_watch
            if watch is not None and watch.is_due:
                is_due = True
        if is_due and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        """Ask in a thread whether sessions have been ended, because the store may block, and end the responses."""
        asked = [(watched, watch) for watched in self._open if (watch := watched.session_watch) is not None]

        def find() -> list[Watched]:
            return [watched for watched, watch in asked if watch.has_ended()]

        try:
            for watched in await asyncio.get_running_loop().run_in_executor(None, find):
                watched.end_session()
        finally:
            self._looking = None


def watcher_of(loop: AbstractEventLoop) -> Watcher:
    """Return the watcher of an event loop."""
    found = _watchers.get(loop)
    if found is None:
        found = _watchers[loop] = Watcher(loop)
    return found
