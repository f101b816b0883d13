"""What stores on other machines have in common: connections, and what to do when there is no answer.

A store says in a generator what it sends, and makes an answer of the replies. `ask` sends it over a connection that
blocks, `ask_async` over one that is awaited. There is one connection for each operation at a time and never more than
allowed; threads and greenlets wait for one. A process that was forked opens its own, and so does each event loop.

A store that has failed several times in a row is left alone for a second: requests then fail at once and do not wait
each in turn. After that, one of them tries again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import typing as t
import weakref
from collections import deque
from contextlib import suppress

from . import Answer, Store, StoreUnavailable
from .connections import BrokenConnectionError, exchanged, exchanged_async, is_closed

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..operations import Operation
    from .connections import AsyncConnection, Connection, Steps

# After how many failures in a row a store is left alone, and for how many seconds.
_MOST_FAILURES, _PAUSE_S = 3, 1.0
# A connection that was not used for so many seconds may have been closed by the server.
_FRESH_S = 1.0
# Held while a store begins in a process that was forked; a new one in each, because another thread may have held it.
_beginning = threading.Lock()


def _renew_lock() -> None:
    global _beginning  # noqa: PLW0603 - that is what it is for
    _beginning = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class RemoteStore(Store):
    """A store that is reached by connections.

    Args:
        where: What and where it is, without a password.
        timeout: How many seconds to wait for an answer, or for a connection.
        connections: How many connections a process, or an event loop, has at most.
    """

    #: The errors that mean that the store did not do what it was asked for.
    _errors: tuple[type[Exception], ...] = (BrokenConnectionError, OSError)

    def __init__(self, where: str, *, timeout: float, connections: int) -> None:
        self._where = where
        self._timeout = timeout
        self._connections = connections
        self._of_other_processes: list[object] = []
        self._begin_process()

    def _enter_process(self) -> None:
        """Begin anew in a process that was forked. Its first requests may be in several threads."""
        with _beginning:
            if self._process != os.getpid():
                # Not closed: that would end the connections of the process that opened them.
                self._of_other_processes += (self._idle, self._of_loops)
                self._begin_process()

    def _begin_process(self) -> None:
        self._idle: list[Connection] = []
        #: Held while connections are counted, and while one is given to a thread that waits.
        self._lock = threading.Lock()
        self._open = 0
        self._waiting: deque[_Waiter] = deque()
        self._of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _AsyncPool] = weakref.WeakKeyDictionary()
        self._failures = 0
        #: Until when nothing is sent, by the monotonic clock; 0 if all is well.
        self._paused_until = 0.0
        # At last: other threads take what is there as this process's own when they read it.
        self._process = os.getpid()

    # What a store is

    def _steps(self, operation: Operation) -> Steps:
        """Yield what is to be sent for an operation, and return the answer."""
        raise NotImplementedError

    def _answered(self, connection: Connection, operation: Operation) -> Answer:
        return exchanged(connection, self._steps(operation))

    def _connect(self) -> Connection:
        raise NotImplementedError

    async def _connect_async(self) -> AsyncConnection:
        raise NotImplementedError

    def _can_repeat(self, operation: Operation) -> bool:
        """Return whether an operation can be sent again if a connection breaks."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return what and where this store is, without a password."""
        return self._where

    # Blocking

    def ask(self, operation: Operation) -> Answer:
        """Answer an operation."""
        if self._process != os.getpid():
            self._enter_process()
        if self._paused_until:
            self._check_pause()
        try:
            try:
                answer = self._ask(operation)
            except BrokenConnectionError:
                # The others may be broken in the same way, as after a restart of the server.
                self.close()
                if not self._can_repeat(operation):
                    raise
                answer = self._ask(operation)
        except self._errors as error:
            raise self._failed(error) from error
        if self._failures:
            self._failures, self._paused_until = 0, 0.0
        return answer

    def _ask(self, operation: Operation) -> Answer:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._free_connection()
        now = time.monotonic()
        if now - connection.used > _FRESH_S and is_closed(connection):
            self._drop(connection)
            self.close()
            connection = self._free_connection()
        try:
            answer = self._answered(connection, operation)
        except BaseException:
            self._drop(connection)
            raise
        connection.used = now
        if self._waiting:
            self._give(connection)
        else:
            self._idle.append(connection)
            if self._waiting:  # since a moment ago
                self._give(None)
        return answer

    def _free_connection(self) -> Connection:
        """Return a connection: a new one, or one that another thread gives back. Threads get them in turn."""
        waiter = _Waiter()
        with self._lock:
            # Announced before it is looked for, so that no connection is given back unnoticed in between.
            self._waiting.append(waiter)
            with suppress(IndexError):
                waiter.connection = self._idle.pop()
            may_open = waiter.connection is None and self._open < self._connections
            if waiter.connection is not None or may_open:
                self._open += may_open
                self._waiting.remove(waiter)
                waiter.is_served.set()
        try:
            in_time = waiter.is_served.wait(self._timeout)
        except BaseException:
            if not self._withdraw(waiter):
                raise
            if waiter.connection is None:
                self._count_out()
            else:
                self._give(waiter.connection)
            raise
        if not in_time and not self._withdraw(waiter):
            raise self._no_connection()
        if waiter.connection is not None:
            return waiter.connection
        try:
            return self._connect()
        except BaseException:
            self._count_out()
            raise

    def _withdraw(self, waiter: _Waiter) -> bool:
        """Let a thread wait no longer, and return whether it was served meanwhile."""
        with self._lock:
            if waiter.is_served.is_set():
                return True
            self._waiting.remove(waiter)
            return False

    def _give(self, connection: Connection | None) -> None:
        """Give a connection, or those that are idle, to the threads that have waited longest."""
        with self._lock:
            while self._waiting:
                if connection is None:
                    try:
                        connection = self._idle.pop()
                    except IndexError:
                        return
                self._waiting.popleft().serve(connection)
                connection = None
            if connection is not None:
                self._idle.append(connection)

    def _drop(self, connection: Connection) -> None:
        try:
            connection.close()
        finally:
            self._count_out()

    def _count_out(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().serve(None)  # it opens one instead
            else:
                self._open -= 1

    def close(self) -> None:
        """Close the connections that are not in use."""
        with suppress(IndexError):  # other threads use them meanwhile
            while True:
                self._drop(self._idle.pop())

    # At the end of the interpreter the modules are gone, and what is open is closed anyway.
    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if not is_finalizing() and getattr(self, "_process", 0) == os.getpid():
            self.close()

    # Awaited

    async def ask_async(self, operation: Operation) -> Answer:
        """Answer an operation in an event loop."""
        if self._process != os.getpid():
            self._enter_process()
        if self._paused_until:
            self._check_pause()
        try:
            try:
                answer = await self._ask_async(operation)
            except BrokenConnectionError:
                await self.close_async()
                if not self._can_repeat(operation):
                    raise
                answer = await self._ask_async(operation)
        except asyncio.TimeoutError as error:
            raise self._failed(error) from error
        except self._errors as error:
            raise self._failed(error) from error
        if self._failures:
            self._failures, self._paused_until = 0, 0.0
        return answer

    async def _ask_async(self, operation: Operation) -> Answer:
        loop = asyncio.get_running_loop()
        if (pool := self._of_loops.get(loop)) is None:
            pool = self._of_loops[loop] = _AsyncPool(self._connections)
        try:
            await asyncio.wait_for(pool.free.acquire(), self._timeout)
        except asyncio.TimeoutError:
            raise self._no_connection() from None
        try:
            connection = pool.idle.pop() if pool.idle else await self._connect_async()
            try:
                steps = self._steps(operation)
                answer = await asyncio.wait_for(exchanged_async(connection, steps), self._timeout)
            except BaseException:
                await connection.close()
                raise
            pool.idle.append(connection)
            return answer
        finally:
            pool.free.release()

    async def close_async(self) -> None:
        """Close the connections of the running event loop that are not in use."""
        pool = self._of_loops.get(asyncio.get_running_loop())
        while pool is not None and pool.idle:
            await pool.idle.pop().close()

    # Failures

    def _no_connection(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"All {self._connections} connections to the session store ({self._where}) are in use. SESSION_POOL"
            " sets how many there are, SESSION_TIMEOUT how long requests wait for one."
        )

    def _failed(self, error: Exception) -> StoreUnavailable:
        """Count a failure, and return the error for it."""
        self._failures += 1
        if self._failures >= _MOST_FAILURES:
            self._paused_until = time.monotonic() + _PAUSE_S
        reason = str(error) or type(error).__name__
        return StoreUnavailable(f"The session store ({self._where}) is not available: {reason}.")

    def _check_pause(self) -> None:
        """Let one request try whether the store answers again, and no other meanwhile.

        Raises:
            StoreUnavailable: For each other one.
        """
        now = time.monotonic()
        with self._lock:
            if now >= self._paused_until:
                self._paused_until = now + self._timeout + _PAUSE_S
                return
        message = f"The session store ({self._where}) has not answered {self._failures} times; it is tried again soon."
        raise StoreUnavailable(message)


class _Waiter:
    """A thread that waits for a connection: for one that is given to it, or to be allowed to open one."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.is_served = threading.Event()

    def serve(self, connection: Connection | None) -> None:
        """Let it go on; with a new connection if it is given none."""
        self.connection = connection
        self.is_served.set()


class _AsyncPool:
    """The connections of one event loop."""

    def __init__(self, most: int) -> None:
        self.idle: list[AsyncConnection] = []
        self.free = asyncio.Semaphore(most)
