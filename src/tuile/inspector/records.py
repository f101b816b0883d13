"""What is recorded about one request, and the ring that keeps the last ones. Nothing here knows a page or a browser."""

from __future__ import annotations

import threading
import typing as t
from collections import deque
from time import perf_counter_ns, time

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .hidden import Shown

#: How many requests are kept, and how many bytes of them in all, as estimated by `Recording.size`.
MOST_REQUESTS = 200
MOST_BYTES = 2 * 1024 * 1024
#: How many events of one request are kept; the others are counted.
MOST_EVENTS = 300
#: How many cookies of one header are kept.
MOST_COOKIES = 100
#: What an object of a recording takes besides its text, roughly.
_OVERHEAD = 100

#: What the time of a request is spent on.
Kind: t.TypeAlias = t.Literal["framework", "hooks", "view", "template", "session"]
KINDS: t.Final[tuple[Kind, ...]] = ("hooks", "view", "template", "session", "framework")


class Place(t.NamedTuple):
    """A line of the user's code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Event(t.NamedTuple):
    """One thing that happened in a request.

    Attributes:
        what: ``read``, ``write``, ``delete``, ``store``, ``template``, ``session`` or ``error``.
        where: What it happened to: `request.cookies`, `cookies.signed`, `response`, `session`, a store.
        name: The name of the cookie, of the key, of the operation or of the template.
        before: The value before it; None if there was none.
        after: The value after it, or what was read; None if there is none.
        place: The line of the user's; None if it was Tuile itself.
        at_us: When, in microseconds after the start of the request.
        note: More about it, as a sentence.
        took_us: How long it took in microseconds, where that was measured.
    """

    what: str
    where: str
    name: str
    before: Shown | None
    after: Shown | None
    place: Place | None
    at_us: int
    note: str = ""
    took_us: int | None = None


class Snapshot(t.NamedTuple):
    """The variables between two steps.

    Attributes:
        step: The step that has ended.
        session: The keys and values of the session; None if it was not opened.
        response_cookies: The cookies that the response sets so far, with their values; None for one that is deleted.
        at_us: When, in microseconds after the start of the request.
    """

    step: str
    session: dict[str, Shown] | None
    response_cookies: dict[str, Shown | None]
    at_us: int


class ReceivedCookie(t.NamedTuple):
    """A cookie of a Cookie header."""

    name: str
    value: Shown


class SetCookie(t.NamedTuple):
    """A Set-Cookie line: its name, its value, and the attributes as they were sent, from the first semicolon on.

    `octets` is the length of the value as sent.
    """

    name: str
    value: Shown
    attributes: str
    octets: int

    def line(self) -> str:
        """Return the line as it was sent, with a value of the same length if the value is hidden or cut."""
        value = self.value.text if self.value.is_whole else "x" * self.octets
        return f"{self.name}={value}{self.attributes}"


class Recording:
    """One request, while it runs and afterwards. Texts are cut to a fixed length before they get here."""

    #: The number of the request, which the ring gives.
    id = 0
    # the request
    method = ""
    scheme = "http"
    host = ""
    path = ""
    query = ""
    address = ""
    agent = ""
    #: Headers that tell where a request comes from, such as Origin, by their names in an environ.
    origin_headers: Mapping[str, str] = {}
    content_type = ""
    cookie_header_length = 0
    cookies: Sequence[ReceivedCookie] = ()
    form: list[tuple[str, str]] | None = None
    files: Sequence[tuple[str, str]] = ()
    json: str | None = None
    # what answered it
    endpoint: str | None = None
    rule = ""
    view = ""
    #: The type of what the view returned.
    returned = ""
    left_out = 0
    # the response
    status = 0
    response_type = ""
    location = ""
    set_cookies: Sequence[SetCookie] = ()
    #: The names of cookies that were set and are not declared, although others are.
    undeclared: Sequence[str] = ()
    #: The names of optional cookies that were not set, and the categories that the visitor has not agreed to.
    withheld: Mapping[str, str] = {}
    body_start = ""
    body_length: int | None = None
    is_stream = False
    took_us = 0
    is_finished = False
    messages_received = messages_sent = 0
    close_code: int | None = None
    #: The names of the session's cookie.
    session_names: frozenset[str] = frozenset()
    #: Whether the values of the session are hidden.
    hides_session = False

    def __init__(self, door: str) -> None:
        self.door = door
        self.started = time()
        self._start_ns = self._last_ns = perf_counter_ns()
        self._kind: Kind = "framework"
        self.times_ns: dict[Kind, int] = {"hooks": 0, "view": 0, "template": 0, "session": 0, "framework": 0}
        self.events: list[Event] = []
        self.snapshots: list[Snapshot] = []
        self.slow_reasons: list[str] = []
        #: While the request runs: what the time was spent on around each template that is being rendered, its
        #: exceptions, and the values of the session's keys that were shown last.
        self.around_templates: list[Kind] = []
        self.errors: list[BaseException] = []
        self.shown_keys: dict[str, tuple[object, Shown]] = {}

    def now_us(self) -> int:
        """Return the time since the start of the request, in microseconds."""
        return (perf_counter_ns() - self._start_ns) // 1000

    def switch(self, kind: Kind) -> Kind:
        """Count the time from now on as spent on something else, and return what it was spent on before."""
        now, previous = perf_counter_ns(), self._kind
        self.times_ns[previous] += now - self._last_ns
        self._last_ns, self._kind = now, kind
        return previous

    def add(self, event: Event) -> None:
        """Record an event."""
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
        else:
            self.left_out += 1

    def finish(self) -> None:
        """Note that the request has ended."""
        if not self.is_finished:
            self.switch("framework")
            self.took_us, self.is_finished = self.now_us(), True
            # Values are kept as they are shown.
            self.shown_keys.clear()
            self.errors.clear()

    def size(self) -> int:
        """Return how many bytes this recording takes, roughly."""
        count = 30 + len(self.cookies) * 2 + len(self.set_cookies) * 2 + len(self.events) * 3
        length = len(self.path) + len(self.query) + len(self.agent) + len(self.body_start) + len(self.location)
        length += len(self.json or "") + sum(map(len, self.origin_headers.values()))
        for name, value in (*(self.form or ()), *self.files):
            length += len(name) + len(value)
        for cookie in self.cookies:
            length += len(cookie.name) + len(cookie.value.text)
        for line in self.set_cookies:
            length += len(line.name) + len(line.value.text) + len(line.attributes)
        for event in self.events:
            length += len(event.name) + len(event.note)
            length += len(event.before.text) if event.before is not None else 0
            length += len(event.after.text) if event.after is not None else 0
        counted: list[object] = []
        for snapshot in self.snapshots:
            for values in (snapshot.session, snapshot.response_cookies):
                if values and not any(values is one for one in counted):
                    counted.append(values)
                    count += 2 * len(values)
                    length += sum([len(name) + len(shown.text if shown else "") for name, shown in values.items()])
        # Most texts are ASCII, of one byte for each character; a few take up to four.
        return length * 2 + count * _OVERHEAD


class Ring:
    """The last requests of a process, in memory.

    Args:
        most: How many requests are kept.
        most_bytes: How many bytes they may take in all.
    """

    def __init__(self, most: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self._recordings: deque[tuple[Recording, int]] = deque()
        self._changed = threading.Condition()
        self._count = self._bytes = 0
        #: Moves whenever the ring changes.
        self.version = 0

    def begin(self, recording: Recording) -> None:
        """Give a recording its id. It is kept once it is added."""
        with self._changed:
            self._count += 1
            recording.id = self._count

    def add(self, recording: Recording) -> None:
        """Keep a recording, and drop the oldest if there are too many or they are too large."""
        size = recording.size()
        with self._changed:
            self._recordings.append((recording, size))
            self._bytes += size
            while len(self._recordings) > self.most or (self._bytes > self.most_bytes and self._recordings):
                self._bytes -= self._recordings.popleft()[1]
            self.version += 1
            self._changed.notify_all()

    def changed(self) -> None:
        """Tell those who wait that a recording has changed: a stream has ended."""
        with self._changed:
            self.version += 1
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all requests. Their ids are not used again."""
        with self._changed:
            self._recordings.clear()
            self._bytes = 0
            self.version += 1
            self._changed.notify_all()

    def all(self) -> list[Recording]:
        """Return the recordings, in the order in which their requests began."""
        with self._changed:
            return sorted((recording for recording, _ in self._recordings), key=lambda one: one.id)

    def find(self, number: int) -> Recording | None:
        """Return the recording with an id; None if there is none."""
        return next((recording for recording in self.all() if recording.id == number), None)

    def bytes_kept(self) -> int:
        """Return how many bytes the recordings take, roughly."""
        with self._changed:
            return self._bytes

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait until the ring is no longer at a version, and return the version that it is at."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, timeout_s)
            return self.version
