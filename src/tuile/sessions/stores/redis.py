"""Keep sessions in Redis or Valkey: for any number of machines.

A session is one hash, with a field for each key of its content; what a request changed is applied by one script, so
most saves are one round trip and never repeated. A change that a script cannot make, such as merging dictionaries, is
made here, and stored if the value is still the one that it was made of.

The sessions of a user are in a sorted set, by when they end. No script uses two keys, so that a cluster can be used.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import threading
import typing as t
from hashlib import sha1, sha256
from importlib import import_module

from ..changes import Add, Append, Drop, Put, resolve
from ..operations import Applied, Apply, Create, End, EndOfUser, Load, Loaded, OfUser, Retire, Sweep, perform
from ..record import Record
from . import Answer, Store, StoreUnavailable
from .redis_scripts import APPLY, CLOCK, CREATE, INDEX, KEEP, LOAD

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..changes import KeyChange
    from ..operations import OfOne, Operation

#: How often a change is tried again that other requests have been faster with each time.
_MOST_ATTEMPTS = 100
# Ten years: for a session without an absolute end.
_NO_END = "315360000"
_OPENING = ("[", "{")


class _Connection(t.Protocol):
    """What is used of a connection of redis-py."""

    def pack_command(self, *arguments: object) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes]) -> None: ...
    def read_response(self) -> Answer: ...
    def disconnect(self) -> None: ...


class _Client(t.Protocol):
    """What is used of a client of redis-py."""

    @property
    def connection_pool(self) -> Answer: ...


class RedisStore(Store):
    """Sessions in Redis or Valkey.

    Args:
        place: `redis://`, `rediss://` (TLS), or the same with `valkey`; or a client, whose settings for connections are
            used.
        prefix: What the names of all keys begin with.
        timeout: How many seconds to wait for an answer, or for a connection.
        connections: How many connections a process has at most.

    Raises:
        RuntimeError: If redis-py is not installed.
    """

    # Lua that sets the time; tests have another one.
    _clock = CLOCK

    def __init__(
        self, place: str | _Client, *, prefix: str = "session:", timeout: float = 1.0, connections: int = 16
    ) -> None:
        try:
            redis = import_module("redis")  # an extra
        except ImportError:
            message = "Sessions in Redis need redis-py. Install it: pip install 'tuile[redis]'."
            raise RuntimeError(message) from None
        self._prefix = prefix
        self._errors = redis.exceptions
        # Only makes connections: its methods cost as much as a round trip to a server nearby.
        limits = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        if isinstance(place, str):
            url = place.replace("valkey", "redis", 1) if place.startswith("valkey") else place
            self._pool = redis.ConnectionPool.from_url(url, **limits)
        else:
            of_client = place.connection_pool
            settings = {**of_client.connection_kwargs, **limits, "decode_responses": False}
            self._pool = redis.ConnectionPool(connection_class=of_client.connection_class, **settings)
        about = self._pool.connection_kwargs
        server = about.get("path") or f"{about.get('host') or 'localhost'}:{about.get('port') or 6379}"
        self._where = f"Redis, {server}, keys {prefix}*"
        self._timeout = timeout
        self._connections = connections
        self._of_other_processes: list[object] = []
        self._begin_process()
        texts = (self._clock + script for script in (LOAD, CREATE, APPLY, KEEP, INDEX))
        scripts = [(text, sha1(text.encode(), usedforsecurity=False).hexdigest()) for text in texts]
        self._load, self._create, self._apply, self._keep, self._index = scripts

    def _begin_process(self) -> None:
        self._process = os.getpid()
        self._idle: list[_Connection] = []
        self._free = threading.BoundedSemaphore(self._connections)

    def describe(self) -> str:
        """Return what and where this store is, without a password."""
        return self._where

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().disconnect()

    # At the end of the interpreter the modules are gone, and what is open is closed anyway.
    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if not is_finalizing() and getattr(self, "_process", 0) == os.getpid():
            self.close()

    def ask(self, operation: Operation) -> Answer:
        """Answer an operation."""
        try:
            try:
                return self._ask(operation)
            except self._errors.ConnectionError:
                # Those that waited may all be broken, as after a restart of the server.
                self.close()
                if not isinstance(operation, Load):
                    raise
                return self._ask(operation)
        except self._errors.RedisError as error:
            message = f"The session store ({self.describe()}) is not available: {error}."
            raise StoreUnavailable(message) from error

    async def ask_async(self, operation: Operation) -> Answer:
        """Answer an operation, in a thread."""
        return await asyncio.to_thread(self.ask, operation)

    def _ask(self, operation: Operation) -> Answer:
        if isinstance(operation, Load):
            return self._loaded(operation)
        if isinstance(operation, Apply):
            return self._applied(operation)
        if isinstance(operation, Create):
            return self._created(operation)
        if isinstance(operation, OfUser):
            return self._of_user(operation.user)
        if isinstance(operation, EndOfUser):
            handles = [one.record.handle for one in self._of_user(operation.user)]
            return sum(self._ask(End(handle)) for handle in handles if handle != operation.keep)
        if isinstance(operation, Sweep):
            return 0  # Redis removes what has ended
        return self._performed(operation)

    # Commands

    def _command(self, *arguments: object) -> Answer:
        """Send a command, and return the answer."""
        if self._process != os.getpid():
            # Not closed: that would end the connection of the process that opened them.
            self._of_other_processes.append(self._idle)
            self._begin_process()
        free = self._free
        if not free.acquire(timeout=self._timeout):
            message = f"All {self._connections} connections to the session store ({self._where}) are in use."
            raise StoreUnavailable(message)
        try:
            connection = self._idle.pop() if self._idle else self._pool.make_connection()
            try:
                connection.send_packed_command(connection.pack_command(*arguments))
                answer = connection.read_response()
            except self._errors.ResponseError:
                # It was read whole, so the connection is as good as before.
                self._idle.append(connection)
                raise
            except BaseException:
                connection.disconnect()
                raise
            self._idle.append(connection)
            return answer
        finally:
            free.release()

    def _run(self, script: tuple[str, str], key: str, *arguments: object) -> Answer:
        """Run a script on a key; the server gets its text only if it does not know it."""
        text, digest = script
        try:
            return self._command("EVALSHA", digest, 1, key, *arguments)
        except self._errors.NoScriptError:
            return self._command("EVAL", text, 1, key, *arguments)

    # One session

    def _key(self, handle: str) -> str:
        return f"{self._prefix}s:{handle}"

    def _loaded(self, operation: Load) -> Loaded | None:
        clocks = operation.clocks
        every = min(clocks.seen_every, clocks.idle / 10)
        absolute = _NO_END if clocks.absolute is None else repr(clocks.absolute)
        found = self._run(self._load, self._key(operation.handle), repr(clocks.idle), absolute, repr(every))
        if not found:
            return None
        loaded = _loaded(operation.handle, found[0], found[2:])
        if found[1] and loaded is not None and loaded.record.user is not None:
            self._list(loaded.record)
        return loaded

    def _created(self, operation: Create) -> Loaded | None:
        record, clocks = operation.record, operation.clocks
        lifetime = clocks.end(0.0, 0.0)
        fields: list[str] = []
        for key, text in record.data.items():
            fields += [f"d:{key}", text]
        state = {**record.state(), "user": record.user}
        begun = self._run(
            self._create, self._key(record.handle), repr(lifetime), _dumped(state), *map(_encoded, fields)
        )
        if not begun:
            return None
        now, expires = map(float, begun)
        record = record._replace(created=now, seen=now, renewed=now, expires=expires)
        if record.user is not None:
            self._list(record, operation.limit)
        return Loaded(record, now)

    def _applied(self, operation: Apply) -> Applied | None:
        changes, clocks = operation.changes, operation.clocks
        absolute = _NO_END if clocks.absolute is None else repr(clocks.absolute)
        head: list[object] = [operation.generation, int(changes.cleared), repr(clocks.idle), absolute]
        # What was there when a change was made here, by key.
        seen: dict[str, str | None] = {}
        for _ in range(_MOST_ATTEMPTS):
            conflicts: list[str] = []
            steps: list[bytes] = []
            for key, change in changes.by_key.items():
                step, is_conflict = _step(key, change, seen, operation.strict)
                steps += step
                if is_conflict:
                    conflicts.append(key)
            if conflicts and operation.strict:
                return Applied(tuple(conflicts), is_saved=False)
            answer = self._run(self._apply, self._key(operation.handle), *head, *steps)
            if not answer:
                return None
            if answer[0] == b"saved":
                lost = {_decoded(key) for key in answer[1:]} | set(conflicts)
                return Applied(tuple(key for key in changes.by_key if key in lost))
            found = answer[1:]
            for field, has_value, text in zip(found[::3], found[1::3], found[2::3], strict=True):
                seen[_decoded(field)] = _decoded(text) if has_value else None
        raise self._too_slow()

    def _performed(self, operation: OfOne) -> Answer:
        """Do what is seldom done: read a session, and write it back if it is still the same."""
        key = self._key(operation.handle)
        for _ in range(_MOST_ATTEMPTS):
            found = self._run(self._load, key, "0", _NO_END, _NO_END)
            loaded = _loaded(operation.handle, found[0], found[2:]) if found else None
            record = None if loaded is None else loaded.record
            after, answer = perform(record, operation, 0.0 if loaded is None else loaded.now)
            if record is None or after is record:
                return answer
            fields = dict(zip(found[2::2], found[3::2], strict=True))
            state = "" if after is None else _dumped({**after.state(), "user": after.user})
            husk, expires = (0, "0") if after is None else (int(after.is_husk), repr(after.expires))
            saves = fields[b"v"] if isinstance(operation, Retire) else b""
            if self._run(self._keep, key, fields[b"m"], saves, state, husk, expires):
                if record.user is not None and (after is None or after.user is None):
                    self._command("ZREM", self._user_key(record.user), record.handle)
                return answer
        raise self._too_slow()

    def _too_slow(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The session store ({self.describe()}) could not save: other requests were faster each time."
        )

    # The sessions of a user

    def _user_key(self, user: str) -> str:
        return f"{self._prefix}u:{sha256(user.encode()).hexdigest()}"

    def _list(self, record: Record, limit: int | None = None) -> None:
        """Put a session on the list of its user, and end those beyond the limit."""
        user = t.cast("str", record.user)
        self._run(self._index, self._user_key(user), record.handle, repr(record.expires))
        if limit is None:
            return
        others = [one.record.handle for one in self._of_user(user) if one.record.handle != record.handle]
        for handle in others[max(limit - 1, 0) :]:
            self._ask(End(handle))

    def _of_user(self, user: str) -> list[Loaded]:
        key = self._user_key(user)
        found: list[Loaded] = []
        for name in self._command("ZRANGE", key, 0, -1):
            handle = _decoded(name)
            answer = self._run(self._load, self._key(handle), "0", _NO_END, _NO_END)
            loaded = _loaded(handle, answer[0], answer[2:]) if answer else None
            if loaded is None or loaded.record.user != user:
                self._command("ZREM", key, name)
            else:
                found.append(Loaded(loaded.record._replace(data={}), loaded.now))
        found.sort(key=lambda one: one.record.seen, reverse=True)
        return found


def _step(key: str, change: KeyChange, seen: Mapping[str, str | None], strict: bool) -> tuple[list[bytes], bool]:
    """Return what the script has to do for a change, and whether a change of another request is lost."""
    if key in seen:
        text, conflict = resolve(change, seen[key])
        return _expecting(key, seen[key], text), conflict
    if isinstance(change, Add) and type(change.number) is int and abs(change.number) < 2**50:
        return _packed("add", key, str(change.number), "", ""), False
    if isinstance(change, Append):
        return _packed("append", key, ",".join(change.texts), "", ""), False
    base = change.base if isinstance(change, (Put, Drop)) else None
    is_plain = base is None or base[:1] not in _OPENING
    if isinstance(change, Put) and is_plain and change.text[:1] not in _OPENING and not strict:
        return _packed("set", key, change.text, "" if base is None else "1", base or ""), False
    if isinstance(change, Drop) and is_plain:
        return _packed("drop", key, "", "", ""), False
    # Made of what the request has read; the script says if that is not there any more.
    if isinstance(change, (Put, Drop)):
        return _expecting(key, base, None if isinstance(change, Drop) else change.text), False
    text, conflict = resolve(change, getattr(change, "base", None))
    return _expecting(key, getattr(change, "base", None), text), conflict


def _expecting(key: str, expected: str | None, text: str | None) -> list[bytes]:
    kind = "put" if text is not None else "remove"
    return _packed(kind, key, text or "", "" if expected is None else "1", expected or "")


def _packed(kind: str, key: str, text: str, has_base: str, base: str) -> list[bytes]:
    return [kind.encode(), _encoded(f"d:{key}"), _encoded(text), has_base.encode(), _encoded(base)]


def _loaded(handle: str, now: bytes, found: list[bytes]) -> Loaded | None:
    """Return the session in the fields of a hash; None if it was not written by this store."""
    fields = dict(zip(found[::2], found[1::2], strict=True))
    try:
        state = json.loads(fields[b"m"])
        state.pop("generation", None)
        data = {_decoded(name[2:]): _decoded(text) for name, text in fields.items() if name[:2] == b"d:"}
        times = {"seen": float(fields[b"s"]), "expires": float(fields[b"e"]), "created": float(fields[b"c"])}
        state.setdefault("renewed", times["created"])
        generation, version = int(fields[b"g"]), int(fields[b"v"])
        record = Record(handle=handle, data=data, generation=generation, version=version, **{**state, **times})
        return Loaded(record, float(now)) if math.isfinite(record.expires) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _dumped(state: dict[str, object]) -> str:
    # When it was created is a field of its own.
    return json.dumps({key: value for key, value in state.items() if key != "created"}, separators=(",", ":"))


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _decoded(raw: bytes) -> str:
    return raw.decode(errors="surrogatepass")
