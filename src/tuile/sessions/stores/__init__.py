"""Stores of sessions on the server: the interface `Store`, and the functions that run procedures against a store."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ..lifecycle import Procedure
    from ..operations import Operation

T = t.TypeVar("T")
#: The answer to an operation: each operation says what it is.
Answer: t.TypeAlias = t.Any
#: A row of a table.
Row: t.TypeAlias = tuple[Answer, ...]


class StoreUnavailable(Exception):
    """A store cannot be reached or does not answer in time."""


class Store:
    """A place where sessions are kept.

    A store answers operations, each of them atomically, as `operations` describes. Its own clock decides when a
    session has ended. It can be used by several threads, and by processes that were forked after it was made.
    """

    #: The store that this one passes operations on to; None if it keeps sessions itself.
    wrapped: Store | None = None

    def ask(self, operation: Operation) -> Answer:
        """Answer an operation.

        Raises:
            StoreUnavailable: If that is not possible at the moment.
        """
        raise NotImplementedError

    async def ask_async(self, operation: Operation) -> Answer:
        """Answer an operation in an event loop. Override it if `ask` may take long."""
        return self.ask(operation)

    def describe(self) -> str:
        """Return what and where this store is, without passwords."""
        return type(self).__name__


def drive(procedure: Procedure[T], store: Store) -> T:
    """Run a procedure against a store, and return its result."""
    answer = None
    while True:
        try:
            operation = procedure.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = store.ask(operation)


async def drive_async(procedure: Procedure[T], store: Store) -> T:
    """Run a procedure against a store in an event loop, and return its result."""
    answer = None
    while True:
        try:
            operation = procedure.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = await store.ask_async(operation)
