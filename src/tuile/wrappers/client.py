"""Whether the client of a request is still there, which only ASGI servers tell."""

from __future__ import annotations

import sys
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .request import Request

    #: Something to await in coroutine functions, and in others the result itself.
    Told: t.TypeAlias = Awaitable[bool] | bool

#: The same for users, whose editors would complain where only one of them is right.
Result: t.TypeAlias = t.Any


class Client(t.Protocol):
    """The other end of a request's connection."""

    def is_disconnected(self) -> Told:
        """Return whether it has gone."""
        raise NotImplementedError


async def _no() -> bool:
    return False


class _Unknown:
    """A client of a WSGI server, which does not tell."""

    def is_disconnected(self) -> Told:
        """Return False."""
        # Where a coroutine function runs, it has been imported.
        asyncio = sys.modules.get("asyncio")
        return False if asyncio is None or asyncio._get_running_loop() is None else _no()


UNKNOWN: t.Final = _Unknown()
_find: Callable[[Request], Client | None] | None = None


def find_client_by(find: Callable[[Request], Client | None]) -> None:
    """Set what finds the client of a request: a layer above this one knows."""
    global _find  # noqa: PLW0603 - set once, where ASGI is imported
    _find = find


def client_of(request: Request) -> Client:
    """Return the client of a request."""
    found = None if _find is None else _find(request)
    return UNKNOWN if found is None else found
