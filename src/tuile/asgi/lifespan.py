"""What runs when a server starts and stops: functions, and generators that do both."""

from __future__ import annotations

import typing as t
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction

from .workers import call_in_worker

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from ..app import Flask
    from .hooks import ServingHooks
    from .workers import Workers

_END = object()


class Lifespan:
    """Runs the functions of an app, in an app context: coroutine functions on the loop, others in a worker.

    Args:
        app: The app.
        hooks: Its functions.
    """

    def __init__(self, app: Flask, hooks: ServingHooks) -> None:
        self.app = app
        self.hooks = hooks
        self._open: list[Iterator[object] | AsyncIterator[object]] = []

    async def start(self, workers: Workers) -> None:
        """Run what is to run before the first request. If something fails, what had begun is ended."""
        try:
            for function in self.hooks.before:
                await self._call(workers, function)
            for function in self.hooks.around:
                generator = t.cast("Iterator[object] | AsyncIterator[object]", function())
                if await self._advance(workers, generator, is_async=isasyncgenfunction(function)) is _END:
                    raise RuntimeError(f"{function!r} is for while_serving, and has to yield once.")
                self._open.append(generator)
        except BaseException:
            await self._close_all(workers)
            raise

    async def stop(self, workers: Workers) -> None:
        """Run what is to run after the last request. All of it runs, and the first error is raised then."""
        failure: Exception | None = None
        for function in self.hooks.after:
            try:
                await self._call(workers, function)
            except Exception as error:  # noqa: BLE001 - the others are to run all the same
                failure = self._failed(error, failure)
        try:
            await self._close_all(workers)
        except Exception as error:  # noqa: BLE001 - it is raised below
            failure = self._failed(error, failure)
        if failure is not None:
            raise failure

    async def _close_all(self, workers: Workers) -> None:
        """Let the generators go on after their `yield`, the last one first."""
        failure: Exception | None = None
        while self._open:
            generator = self._open.pop()
            try:
                if await self._advance(workers, generator, is_async=hasattr(generator, "__anext__")) is not _END:
                    raise RuntimeError(f"{generator!r} is for while_serving, and has to yield once.")
            except Exception as error:  # noqa: BLE001 - the others are to run all the same
                failure = self._failed(error, failure)
        if failure is not None:
            raise failure

    def _failed(self, error: Exception, first: Exception | None) -> Exception:
        if first is None:
            return error
        self.app.logger.error("Another function failed at the end of serving", exc_info=error)
        return first

    async def _advance(
        self, workers: Workers, generator: Iterator[object] | AsyncIterator[object], *, is_async: bool
    ) -> object:
        if is_async:
            with self.app.app_context():
                return await anext(t.cast("AsyncIterator[object]", generator), _END)
        following = partial(next, t.cast("Iterator[object]", generator), _END)
        return await call_in_worker(workers, partial(self._in_context, following))

    async def _call(self, workers: Workers, function: Callable[..., object]) -> None:
        if iscoroutinefunction(function):
            with self.app.app_context():
                await function()
        else:
            await call_in_worker(workers, partial(self._in_context, function))

    def _in_context(self, function: Callable[[], object]) -> object:
        with self.app.app_context():
            return function()
