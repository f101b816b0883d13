"""Encrypt the content of sessions before a store gets it (`SESSION_ENCRYPT`).

The content of a session is one token of the application's key ring, bound to the handle of the session, under an empty
key. Not even the names of keys are in the store then. Whose session it is, the device and the times are, because the
store needs them for its lists and to end sessions.

A store cannot merge what it cannot read. So it is given a function that opens what is there by now, merges, and
encrypts again; as with `session.change`, it is called again if another request was faster.
"""

from __future__ import annotations

import json
import time
import typing as t

from ...exceptions import BadToken
from ...keys.tokens import is_encrypted
from ...keys.xaes import require_cipher
from ..changes import Change, Changes, Moved, Put, merge
from ..operations import Applied, Apply, Confirm, Create, Load, Loaded, Retire
from . import Answer, Store, StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...keys.ring import KeyRing
    from ..changes import KeyChange
    from ..operations import Operation
    from ..record import Record

_PURPOSE = "session store"
# The key that has the token. What a session has under this key itself is JSON, which no token is.
_KEY = ""


def is_encrypted_content(data: Mapping[str, str]) -> bool:
    """Return whether the content of a session is encrypted, or a part of it."""
    return is_encrypted(data.get(_KEY, ""))


class _Content(dict[str, str]):
    """The content of a session, and what the store has instead."""

    def __init__(self, content: Mapping[str, str], stored: Mapping[str, str]) -> None:
        super().__init__(content)
        self.stored = stored


class EncryptedStore(Store):
    """A store whose sessions are encrypted.

    Args:
        store: Where they are kept.
        ring: Returns the keys: the current one encrypts, and all of them read.
        writes: Whether sessions are encrypted that are not; otherwise only those stay so that are.

    Raises:
        RuntimeError: If the package cryptography is not installed, or there is no key.
    """

    def __init__(self, store: Store, ring: Callable[[], KeyRing], *, writes: bool = True) -> None:
        require_cipher()
        ring()
        self.wrapped = self._store = store
        self._ring = ring
        self._writes = writes

    def describe(self) -> str:
        """Return what and where this store is."""
        return f"{self._store.describe()}, encrypted" if self._writes else self._store.describe()

    def ask(self, operation: Operation) -> Answer:
        """Answer an operation."""
        sent, read = self._translated(operation)
        return read(self._store.ask(sent))

    async def ask_async(self, operation: Operation) -> Answer:
        """Answer an operation in an event loop."""
        sent, read = self._translated(operation)
        return read(await self._store.ask_async(sent))

    def _translated(self, operation: Operation) -> tuple[Operation, Callable[[Answer], Answer]]:
        """Return what the store is asked, and what makes the answer of its answer."""
        if isinstance(operation, (Load, Confirm)):
            return operation, self._read
        if isinstance(operation, Apply):
            return self._translated_apply(operation)
        if isinstance(operation, Retire):
            return operation, lambda data: None if data is None else self.content(operation.handle, data)
        if isinstance(operation, Create) and self._writes and "." not in operation.record.handle:
            record = operation.record
            stored = {_KEY: self.token(record.handle, record.data)}
            content = _Content(record.data, stored)
            sent = operation._replace(record=record._replace(data=stored))
            return sent, lambda loaded: loaded and _with_content(loaded, content)
        return operation, _as_it_is

    def _read(self, loaded: Loaded | None) -> Loaded | None:
        if loaded is None or not is_encrypted_content(loaded.record.data):
            return loaded
        return _with_content(loaded, self.content(loaded.record.handle, loaded.record.data))

    def _translated_apply(self, operation: Apply) -> tuple[Operation, Callable[[Answer], Answer]]:
        handle, base = operation.handle, operation.base
        stored: Mapping[str, str] = {}
        if base is not None:
            stored = base.data.stored if isinstance(base.data, _Content) else base.data
            operation = operation._replace(base=base._replace(data=stored))
        # Names with a dot are no sessions: markers, and the epochs of users.
        if "." in handle or not (self._writes or is_encrypted_content(stored)):
            return operation, _as_it_is
        merging = _Merging(self, operation, {} if base is None else base.data)
        made = merging.of_base()
        by_key: dict[str, KeyChange] = {}
        if operation.changes.cleared:
            by_key[_KEY] = Put(made)
        else:
            by_key[_KEY] = Change(merging, stored.get(_KEY), made)
            # What is not encrypted yet goes into the token, unless a process that does not encrypt has just changed it.
            changed = operation.changes.by_key
            by_key.update((key, Moved(text, changed.get(key))) for key, text in stored.items() if key != _KEY)
        sent = operation._replace(changes=Changes(operation.changes.cleared, by_key), strict=False)
        return sent, merging.answer

    def token(self, handle: str, content: Mapping[str, str]) -> str:
        """Return the token of the content of a session."""
        return self._ring().encrypt(_PURPOSE, json.dumps(dict(content)), now=time.time(), name=handle)

    def content(self, handle: str, stored: Mapping[str, str]) -> Mapping[str, str]:
        """Return the content of a session; what is stored if none of the keys opens it."""
        try:
            return _Content(self.opened(handle, stored), stored)
        except BadToken:
            return stored

    def opened(self, handle: str, stored: Mapping[str, str]) -> dict[str, str]:
        """Return the content of a session.

        Raises:
            BadToken: If none of the keys opens it.
        """
        token = stored.get(_KEY, "")
        if not is_encrypted(token):
            return dict(stored)
        text = self._ring().decrypt(_PURPOSE, token, now=time.time(), name=handle).value
        content: dict[str, str] = json.loads(text)
        # A process that does not encrypt may have added something.
        return {**content, **{key: value for key, value in stored.items() if key != _KEY}}


class _Merging:
    """What a request changed, applied to the token of what is there by now.

    Args:
        store: The store.
        operation: What the request changed.
        base: What it has read.
    """

    def __init__(self, store: EncryptedStore, operation: Apply, base: Mapping[str, str]) -> None:
        self._store = store
        self._operation = operation
        self._base = base
        self._conflicts: tuple[str, ...] = ()
        self._is_saved = True

    def __call__(self, token: str | None) -> str:
        """Return the token of the content with the changes.

        Raises:
            StoreUnavailable: If another process has encrypted the content with a key that this one does not have.
        """
        handle = self._operation.handle
        if not is_encrypted(token or ""):
            return self.of_base()
        try:
            return self._merged(self._store.opened(handle, {_KEY: token or ""}))
        except BadToken as error:
            message = f"The session {handle} was encrypted with a key that is not on the ring of this process."
            raise StoreUnavailable(message) from error

    def of_base(self) -> str:
        """Return the token of what the request has read, with the changes."""
        return self._merged(self._base)

    def _merged(self, now: Mapping[str, str]) -> str:
        content, self._conflicts = merge(now, self._operation.changes)
        self._is_saved = not (self._conflicts and self._operation.strict)
        return self._store.token(self._operation.handle, content if self._is_saved else now)

    def answer(self, applied: Applied | None) -> Applied | None:
        """Return the answer to the request, of that of the store."""
        return Applied(self._conflicts, self._is_saved) if applied is not None and self._conflicts else applied


def _with_content(loaded: Loaded, content: Mapping[str, str]) -> Loaded:
    record: Record = loaded.record
    return loaded._replace(record=record._replace(data=content))


def _as_it_is(answer: Answer) -> Answer:
    return answer
