"""Keep sessions in Redis or Valkey: for any number of machines.

A session is one hash. Its fields are read together with the time of the server, and a script applies what a request
changed, so each is one round trip. Once a minute, a script that stores that a session was seen is another one. If no
other request has saved meanwhile, the script stores what was made here; otherwise it applies the changes to what is
there. A change that a script cannot make, such as merging dictionaries, is made here again, and stored if the value is
still the one that it was made of.

The sessions of a user are in a sorted set, by when they end. No script uses two keys, so that a cluster can be used.
"""

from __future__ import annotations

import asyncio
import time
import typing as t
from hashlib import sha1, sha256
from importlib import import_module
from itertools import count
from types import GeneratorType

from ..changes import lines_with, merge
from ..content import Content, key_in, lines_of
from ..operations import SAVED, Applied, Apply, Create, End, EndOfUser, Load, Loaded, OfUser, Sweep, perform
from . import Answer, StoreUnavailable
from .connections import BrokenConnectionError, exchanged
from .redis_places import place_of
from .redis_records import decoded, head_of, pairs, read_record, state_of, time_in
from .redis_scripts import APPLY, CLOCK, CREATE, INDEX, KEEP, READ, SAVE, SEEN
from .redis_steps import step_for
from .redis_wire import LENGTHS, LONGEST, Request, ServerError, pack, pack_after, parse
from .remote import RemoteStore

if t.TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ..operations import OfOne, Operation
    from ..record import Clocks
    from .connections import AsyncConnection, Connection, Steps

T = t.TypeVar("T")
_Steps: t.TypeAlias = "Generator[Request, Answer, T]"
# How often a change is tried again, at least, that other requests have been faster with each time.
_FEWEST_ATTEMPTS = 100
_HANDLE_LENGTH = 22
# How long a session that is not there stays on the list of its user, in seconds.
_UNDER_WAY_S = 600.0
# Ten years: for a session without an absolute end.
_NO_END = "315360000"


class _Script(t.NamedTuple):
    """A script, and how a command begins that runs it on a key."""

    text: str
    start: str


def _script(text: str) -> _Script:
    digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return _Script(text, f"$7\r\nEVALSHA\r\n$40\r\n{digest}\r\n$1\r\n1\r\n")


class RedisStore(RemoteStore):
    """Sessions in Redis or Valkey.

    Args:
        place: `redis://`, `rediss://` (TLS), or the same with `valkey`; `redis+sentinel://host:26379,.../service/0`,
            `redis+cluster://host:6379,...`; or a client of redis-py.
        prefix: What the names of all keys begin with.
        timeout: How many seconds to wait for an answer, or for a connection.
        connections: How many connections a process, or an event loop, has at most.

    Raises:
        RuntimeError: If redis-py is not installed.
        ValueError: If the URL names no service or no host.
    """

    # Lua that sets the time, and the command that asks for seconds and microseconds; tests have others. To save needs
    # no time: the server has removed what has ended.
    _clock, _before_saves = CLOCK, ""
    _time = pack("TIME")

    def __init__(
        self, place: str | Answer, *, prefix: str = "session:", timeout: float = 1.0, connections: int = 16
    ) -> None:
        try:
            redis = import_module("redis")  # an extra
        except ImportError:
            message = "Sessions in Redis need redis-py. Install it: pip install 'tuile[redis]'."
            raise RuntimeError(message) from None
        self._prefix = prefix
        errors = redis.exceptions
        self._errors = (BrokenConnectionError, OSError, ServerError, errors.RedisError, errors.RedisClusterException)
        # What reads a session, around its handle.
        name = "".rjust(_HANDLE_LENGTH)
        start, end = pack("HMGET", self._key(name), "t", "m", "c").split(name.encode())
        self._reading_start, self._reading_end = start, end + self._time
        self._place = place_of(place, timeout)
        self._key_length = f"${len(self._key(name))}"
        self._is_divided = self._place.is_divided
        self._save = _script(self._before_saves + SAVE)
        self._save_start = self._save.start
        scripts = (_script(self._clock + text) for text in (READ, SEEN, CREATE, APPLY, KEEP, INDEX))
        self._read, self._seen, self._create, self._apply, self._keep, self._index = scripts
        super().__init__(f"Redis, {self._place.where}, keys {prefix}*", timeout=timeout, connections=connections)

    def _connect(self) -> Connection:
        return self._place.connect()

    async def _connect_async(self) -> AsyncConnection:
        return await self._place.connect_async()

    async def ask_async(self, operation: Operation) -> Answer:
        """Answer an operation in an event loop; in a thread if the store was made of a client, which blocks."""
        if not self._place.awaits:
            return await asyncio.to_thread(self.ask, operation)
        return await super().ask_async(operation)

    def _can_repeat(self, operation: Operation) -> bool:
        return isinstance(operation, (Load, OfUser))

    def _answered(self, connection: Connection, operation: Operation) -> Answer:
        # What is done for most requests is one exchange.
        if type(operation) is Load and not self._is_divided:
            answer = self._found(operation, connection.exchange(self._reading(operation.handle)))
        elif type(operation) is Apply and (request := self._saving(operation)) is not None:
            answer = self._saved(operation, request, connection.exchange(request))
        else:
            return super()._answered(connection, operation)
        return exchanged(connection, answer) if type(answer) is GeneratorType else answer

    def _steps(self, operation: Operation) -> Steps:
        if type(operation) is Load:
            return self._loaded(operation)
        if type(operation) is Apply:
            return self._applied(operation)
        if isinstance(operation, Create):
            return self._created(operation)
        if isinstance(operation, OfUser):
            return self._of_user(operation.user)
        if isinstance(operation, EndOfUser):
            return self._ended(operation.user, operation.keep)
        if isinstance(operation, Sweep):
            return self._swept()
        return self._performed(operation)

    # Commands

    def _command(self, *arguments: bytes | str | float) -> Answer:
        """Send a command that has nothing to do with a session, over a connection of its own."""
        connection = self._connect()
        try:
            return _accepted(connection.exchange(Request(pack(*arguments))))
        finally:
            connection.close()

    def _send(self, *arguments: bytes | str | float) -> _Steps[Answer]:
        """Send a command, and return the reply."""
        return _accepted((yield Request(pack(*arguments))))

    def _run(self, script: _Script, key: str, *arguments: str | float) -> _Steps[Answer]:
        """Run a script on a key; the server gets its text only if it does not know it."""
        reply = yield Request(pack_after(script.start, 3, (key, *arguments)))
        if type(reply) is ServerError and str(reply).startswith("NOSCRIPT"):
            reply = yield Request(pack("EVAL", script.text, 1, key, *arguments))
        return _accepted(reply)

    # One session

    def _key(self, handle: str) -> str:
        return f"{self._prefix}s:{handle}"

    def _lasting(self, clocks: Clocks) -> tuple[str, str, str]:
        """Return how long a session lasts, for a script."""
        idle, absolute, seen_every = clocks
        return str(idle), _NO_END if absolute is None else str(absolute), str(min(seen_every, idle / 10))

    def _reading(self, handle: str) -> Request:
        """Return the commands that read a session and the time."""
        # The names of all sessions that cookies name have this length.
        if len(handle) == _HANDLE_LENGTH and handle.isascii():
            packed = b"%b%b%b" % (self._reading_start, handle.encode(), self._reading_end)
        else:
            packed = pack("HMGET", self._key(handle), "t", "m", "c") + self._time
        return tuple.__new__(Request, (packed, 2))

    def _find(self, handle: str) -> _Steps[Loaded | None]:
        return read_record(handle, (yield from self._replies(handle)))

    def _replies(self, handle: str) -> _Steps[list[Answer]]:
        """Read a session and the time of the server that has it."""
        if not self._is_divided:
            replies: list[Answer] = yield self._reading(handle)
            return replies
        found: list[Answer] = yield from self._run(self._read, self._key(handle))
        return found

    def _loaded(self, operation: Load) -> Steps:
        found = self._found(operation, (yield from self._replies(operation.handle)))
        return (yield from found) if isinstance(found, GeneratorType) else found

    def _found(self, operation: Load, replies: list[Answer]) -> Loaded | _Steps[Loaded] | None:
        """Return the session in the replies to what reads it; or steps, if it is to be stored that it was seen."""
        handle, clocks = operation
        loaded = read_record(handle, replies)
        if loaded is None:
            return None
        record, now = loaded
        since = now - record.seen
        if (since >= clocks.seen_every or since >= clocks.idle / 10) and not record.is_husk:
            return self._seen_now(operation, loaded)
        return loaded

    def _seen_now(self, operation: Load, loaded: Loaded) -> _Steps[Loaded]:
        """Store that a session was seen, if no other request has."""
        (handle, clocks), (record, now) = operation, loaded
        stored = yield from self._run(self._seen, self._key(handle), *self._lasting(clocks))
        if not stored:
            return loaded
        seen, expires = map(float, stored)
        record = record._replace(seen=seen, expires=expires)
        if record.user is not None:
            yield from self._list(record.user, handle, expires - now)
        return Loaded(record, now)

    def _created(self, operation: Create) -> _Steps[Loaded | None]:
        record, lasts = operation.record, operation.clocks.end(0.0, 0.0)
        content = lines_of(record.data)
        if record.user is not None:
            # Before it is there, so that a request that ends all sessions of the user does not miss it.
            yield from self._list(record.user, record.handle, lasts)
        begun = yield from self._run(self._create, self._key(record.handle), lasts, state_of(record), content)
        if not begun:
            return None
        now, expires = map(float, begun)
        record = record._replace(created=now, seen=now, renewed=now, expires=expires)
        if record.user is not None and operation.limit is not None:
            listed = yield from self._of_user(record.user)
            others = [one.record.handle for one in listed if one.record.handle != record.handle]
            for handle in others[max(operation.limit - 1, 0) :]:
                yield from self._performed(End(handle))
        return Loaded(record, now)

    def _applied(self, operation: Apply) -> Steps:
        request = self._saving(operation)
        if request is None:
            return (yield from self._merged(operation))
        saved = self._saved(operation, request, (yield request))
        return (yield from saved) if isinstance(saved, GeneratorType) else saved

    def _saving(self, operation: Apply) -> Request | None:
        """Return the command that stores a content if nobody has saved since its session was read.

        Returns:
            None if the changes are to be made of what is there now, as they are in a conflict.
        """
        handle, generation, changes, _, _, base, _ = operation
        if base is None:
            return None
        now = base.data
        lines = lines_with(now, changes) if type(now) is Content else None
        if lines is None:
            content, conflicts = merge(now, changes)
            if conflicts:
                return None
            lines = lines_of(content)
        version, start = base.version, self._save_start
        # Numbers are formatted in fewer steps as texts, and lengths and the most frequent generation in none.
        known = "1" if generation == 1 else str(generation)
        key, before = f"{self._prefix}s:{handle}", f"{version!s} {known} 0 "
        after = f"{version + 1!s} {known if not changes.cleared else generation + 1} 0 "
        size = len(lines)
        text = (
            f"*7\r\n{start}{self._key_length if len(handle) == _HANDLE_LENGTH else f'${len(key)}'}\r\n{key}\r\n"
            f"{LENGTHS[len(before)]}\r\n{before}\r\n{LENGTHS[len(after)]}\r\n{after}\r\n"
            f"{LENGTHS[size] if size < LONGEST else f'${size}'}\r\n{lines}\r\n"
        )
        packed = text.encode() if text.isascii() else pack_after(start, 3, (key, before, after, lines))
        return tuple.__new__(Request, (packed, 1))

    def _saved(self, operation: Apply, request: Request, reply: Answer) -> Answer:
        """Return the answer to a save; or steps, if there was another one meanwhile."""
        return SAVED if reply == 1 else self._saved_otherwise(operation, request, reply)

    def _saved_otherwise(self, operation: Apply, request: Request, reply: Answer) -> _Steps[Applied | None]:
        if type(reply) is ServerError:
            command, _ = parse(request.packed, 0)
            if (yield from self._run(self._save, *map(decoded, command[3:]))) == 1:
                return SAVED
        return (yield from self._merged(operation))

    def _merged(self, operation: Apply) -> _Steps[Applied | None]:
        """Let the server make the changes of what is there."""
        handle, generation, (cleared, by_key), clocks, strict, *_ = operation
        lasting = self._lasting(clocks)
        # What was there when a change was made here, by key.
        seen: dict[str, str | None] = {}
        for _ in self._attempts():
            conflicts: list[str] = []
            steps = [step_for(key, change, seen, strict, conflicts) for key, change in by_key.items()]
            if conflicts and strict:
                return Applied(tuple(conflicts), is_saved=False)
            arguments = (generation, f"[{','.join(steps)}]", int(cleared), *lasting)
            answer = yield from self._run(self._apply, self._key(handle), *arguments)
            if answer == 1:
                return Applied(tuple(conflicts)) if conflicts else SAVED
            if not answer:
                return None
            if answer[0] == b"saved":
                lost = {key_in(decoded(key)) for key in answer[1:]} | set(conflicts)
                return Applied(tuple(key for key in by_key if key in lost))
            seen.update(_changed_meanwhile(answer[1:]))
        raise self._too_slow()

    def _performed(self, operation: OfOne) -> _Steps[Answer]:
        """Do what is seldom done: read a session, and write it back if it is still the same."""
        for _ in self._attempts():
            found = yield from self._find(operation.handle)
            if found is None:
                return perform(None, operation, 0.0)[1]
            record = found.record
            after, answer = perform(record, operation, found.now)
            if after is record:
                return answer
            texts = ("", "", 0) if after is None else (head_of(after), state_of(after), after.expires)
            if (yield from self._run(self._keep, self._key(record.handle), record.version, *texts)):
                if record.user is not None and (after is None or after.user is None):
                    yield from self._send("ZREM", self._user_key(record.user), record.handle)
                return answer
        raise self._too_slow()

    def _attempts(self) -> Iterator[int]:
        """Yield for each attempt to change what others change too: many, and as many as there is time for."""
        until = 0.0
        for attempt in count():
            yield attempt
            until = until or time.monotonic() + self._timeout
            if attempt >= _FEWEST_ATTEMPTS and time.monotonic() > until:
                return

    def _too_slow(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The session store ({self.describe()}) could not save: other requests were faster each time."
        )

    # The sessions of a user

    def _user_key(self, user: str) -> str:
        return f"{self._prefix}u:{sha256(user.encode()).hexdigest()}"

    def _list(self, user: str, handle: str, lasts: float) -> _Steps[None]:
        """Put a session on the list of its user, for so many seconds."""
        yield from self._run(self._index, self._user_key(user), handle, lasts)

    def _of_user(self, user: str) -> _Steps[list[Loaded]]:
        key = self._user_key(user)
        sessions: list[Loaded] = []
        for name, ends in pairs((yield from self._send("ZRANGE", key, 0, -1, "WITHSCORES"))):
            replies = yield from self._replies(decoded(name))
            found = read_record(decoded(name), replies)
            if found is not None and found.record.user == user:
                sessions.append(Loaded(found.record._replace(data={}), found.now))
            elif float(ends) > (until := time_in(replies) + _UNDER_WAY_S):
                # It may be about to be created. If it is not, it is not on the list for long.
                yield from self._send("ZADD", key, "XX", f"{until:.6f}", name)
        sessions.sort(key=lambda one: one.record.seen, reverse=True)
        return sessions

    def _ended(self, user: str, keep: str | None) -> _Steps[int]:
        ended = 0
        # Again until there are no more: others may log in meanwhile.
        for _ in self._attempts():
            found = [one.record.handle for one in (yield from self._of_user(user))]
            handles = [handle for handle in found if handle != keep]
            if not handles:
                return ended
            for handle in handles:
                ended += bool((yield from self._performed(End(handle))))
        raise self._too_slow()

    def _swept(self) -> _Steps[int]:
        yield from ()
        return 0  # Redis removes what has ended


def _changed_meanwhile(found: list[Answer]) -> Iterator[tuple[str, str | None]]:
    """Yield the keys that a script could not change, and what is there."""
    for name, has_value, text in zip(found[::3], found[1::3], found[2::3], strict=True):
        yield key_in(decoded(name)), decoded(text) if has_value else None


def _accepted(reply: Answer) -> Answer:
    """Return a reply, or raise it if it is an error."""
    if type(reply) is ServerError:
        if str(reply).startswith("READONLY"):  # the master is another server by now
            raise BrokenConnectionError(str(reply))
        raise reply
    return reply
