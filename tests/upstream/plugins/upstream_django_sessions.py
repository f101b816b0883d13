"""A pytest plugin: Django's session backend in a cache becomes an adapter with a session of Tuile in a store.

Django's names for the methods, and what has no counterpart in Tuile, such as the lifetime of one session and its
encoding, are inherited from Django. The dictionary, its changes and everything about the store are Tuile's.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tuile.json.tag import TaggedJSONSerializer
from tuile.sessions.changes import Changes, Put
from tuile.sessions.identity import parse
from tuile.sessions.lifecycle import Opened, Policy, creating, opening, replacing, saving
from tuile.sessions.operations import End
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stored import ServerSession
from tuile.sessions.stores import drive
from tuile.sessions.stores.memory import MemoryStore

base = import_module("django.contrib.sessions.backends.base")
store = MemoryStore()
serializer = TaggedJSONSerializer()


class SessionStore(base.SessionBase):  # type: ignore[misc, name-defined] # a class of another library
    """Django's interface of a session, over Tuile's."""

    def __init__(self, session_key: str | None = None) -> None:
        self._inner: ServerSession | None = None
        super().__init__(session_key)
        self._session_key: str | None = session_key

    @property
    def modified(self) -> bool:
        """Whether the session was changed: Tuile's answer."""
        return self._inner is not None and self._inner.modified

    @modified.setter
    def modified(self, value: bool) -> None:
        if value or self._inner is not None:
            self._open().modified = value

    def _policy(self) -> Policy:
        # Without a moment in which a former id can still be read: Django has none.
        return Policy(Clocks(self.get_expiry_age()), grace=0.0)

    def _found(self, key: str | None) -> Opened | None:
        identity = parse(key or "")
        return None if identity is None else drive(opening(identity, Policy(Clocks(3600.0), grace=0.0)), store)

    def _open(self) -> ServerSession:
        if self._inner is None:
            opened = self._found(self.session_key)
            if opened is None:
                self._session_key = None
            self._inner = ServerSession(serializer, opened)
        return self._inner

    def _get_session(self, no_load: bool = False) -> ServerSession:
        self.accessed = True
        return self._open()

    _session = property(_get_session)

    async def _aget_session(self, no_load: bool = False) -> ServerSession:
        return self._get_session()

    def clear(self) -> None:
        """Remove everything."""
        self._get_session().clear()

    def load(self) -> dict[str, Any]:
        """Read the session from the store."""
        self._inner = None
        return dict(self._open())

    def exists(self, session_key: str) -> bool:
        """Whether a session is in the store."""
        return self._found(session_key) is not None

    def create(self) -> None:
        """Store a new session."""
        inner = self._open()
        self._note(drive(creating(Record("", "", inner.texts()), self._policy()), store))

    def save(self, must_create: bool = False) -> None:
        """Store what was changed."""
        inner = self._open()
        opened = inner._opened
        if opened is None:
            self.create()
            return
        changes = inner.changes()
        if changes and store.ask(saving(opened, changes, self._policy())) is None:
            raise base.UpdateError
        inner.note_saved(opened, changes)

    def delete(self, session_key: str | None = None) -> None:
        """End a session in the store."""
        identity = parse(session_key or self.session_key or "")
        if identity is not None:
            store.ask(End(identity.handle))

    def flush(self) -> None:
        """End the session, and begin another one."""
        self._get_session().end()
        self.delete()
        self._session_key = None

    def cycle_key(self) -> None:
        """Give the session another id."""
        inner = self._get_session()
        opened = inner._opened
        inner.regenerate(keep=list(inner))
        record = Record("", "", inner.texts())
        self._note(drive(replacing(opened, record, None, self._policy()), store) if opened else None)

    def _note(self, begun: Opened | None) -> None:
        inner = self._open()
        if begun is None:
            self.create()
            return
        inner.note_saved(begun, Changes(cleared=True, by_key={key: Put(text) for key, text in inner.texts().items()}))
        self._session_key = begun.identity.token


def _awaited(name: str) -> Any:
    async def method(self: SessionStore, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, name)(*args, **kwargs)

    return method


for _name in ("load", "exists", "create", "save", "delete", "flush", "cycle_key", "clear"):
    setattr(SessionStore, f"a{_name}", _awaited(_name))
setattr(import_module("django.contrib.sessions.backends.cache"), "SessionStore", SessionStore)  # noqa: B010
