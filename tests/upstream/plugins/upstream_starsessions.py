"""A pytest plugin: starsessions' store in memory becomes an adapter of a store of Tuile.

A session of starsessions is one text of octets under an id that its middleware chooses. The adapter keeps it as the one
value of a record; how long it lasts, and whether it is there, is decided by Tuile's store.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tuile.sessions.operations import Create, End, Load
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores.memory import MemoryStore

starsessions = import_module("starsessions")
# A load must not make a session last longer: this middleware does so by writing it.
_ONLY_LOOK = Clocks(2.0**35, seen_every=2.0**35)


class TuileStore(starsessions.SessionStore):  # type: ignore[misc, name-defined] # a class of another library
    """starsessions' interface of a store, over Tuile's."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    async def read(self, session_id: str, lifetime: int) -> bytes:
        """The content of a session; nothing if there is none."""
        loaded: Any = await self.store.ask_async(Load(session_id, _ONLY_LOOK))
        return b"" if loaded is None else loaded.record.data["content"].encode("latin-1")

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:
        """Store the content of a session."""
        await self.remove(session_id)
        # A session of the browser's has no lifetime: its store in Redis keeps it for 30 days.
        lasts = ttl if lifetime else 30 * 86400
        record = Record(session_id, "", {"content": data.decode("latin-1")})
        await self.store.ask_async(Create(record, Clocks(max(lasts, 1))))
        return session_id

    async def remove(self, session_id: str) -> None:
        """End a session."""
        await self.store.ask_async(End(session_id))

    async def exists(self, session_id: str) -> bool:
        """Whether there is a session."""
        return await self.store.ask_async(Load(session_id, _ONLY_LOOK)) is not None


for _module in ("starsessions", "starsessions.stores", "starsessions.stores.memory"):
    setattr(import_module(_module), "InMemoryStore", TuileStore)  # noqa: B010 - of any module
