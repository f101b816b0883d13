"""What is recorded about one request, and the ring that keeps the last ones. Nothing here knows a page or a browser.

While a request runs, only what cannot be found out later is kept, as tuples. `Recording.complete` makes events and
snapshots of it when a page shows them, which it never does for most requests. Secrets are hidden before they are kept.
"""

from __future__ import annotations

import itertools
import logging
import threading
import typing as t
from collections import deque
from time import perf_counter_ns, time

from .hidden import Shown, cut, show_kept

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .places import KeptPlace, Place

    #: An event as it is kept: when in nanoseconds, what, where, the name, the values, the place, the note, how long.
    KeptEvent: t.TypeAlias = tuple[int, str, str, str, object, object, Place | KeptPlace | None, str, int | None]
    #: A snapshot as it is kept: the step, the session, the cookies of the response, and when in nanoseconds.
    KeptSnapshot: t.TypeAlias = tuple[str, dict[object, object] | None, dict[str, Shown | None], int]

#: How many requests are kept, and how many bytes of them in all, as estimated by `Recording.size`.
MOST_REQUESTS = 200
MOST_BYTES = 2 * 1024 * 1024
#: How many events of one request are kept; the others are counted.
MOST_EVENTS = 300
#: How many cookies of one header are kept.
MOST_COOKIES = 100
#: What an object of a recording takes besides its text, roughly.
_OVERHEAD = 100
_LONGEST_NAME = 100
# What a value that is kept as it is takes, with its quotes.
_SHORT = 42

#: The methods of requests whose bodies are not recorded.
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})

#: What the time of a request is spent on.
Kind: t.TypeAlias = t.Literal["framework", "hooks", "view", "template", "session"]
KINDS: t.Final[tuple[Kind, ...]] = ("hooks", "view", "template", "session", "framework")


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

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.started = time()
        self._start_ns = self._last_ns = perf_counter_ns()
        self._kind: Kind = "framework"
        self.times_ns: dict[Kind, int] = {"hooks": 0, "view": 0, "template": 0, "session": 0, "framework": 0}
        self.events: list[Event] = []
        self.snapshots: list[Snapshot] = []
        self.slow_reasons: list[str] = []
        #: What was kept and is not among the above yet.
        self.kept_events: list[KeptEvent] = []
        self.kept_snapshots: list[KeptSnapshot] = []
        self.kept_facts: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        #: How many characters the texts of the kept facts have.
        self.kept_length = 0
        #: While the request runs: what the time was spent on around each template that is being rendered, its
        #: exceptions, the session as it was last with its values as they are kept, the Set-Cookie lines that were
        #: split, and the names of cookies that were set signed or encrypted.
        self.around_templates: list[Kind] = []
        self.errors: list[BaseException] = []
        self.last_session: tuple[list[object], list[object], dict[object, object]] | None = None
        self.split_lines: dict[str, SetCookie] = {}
        self.secret_cookies: set[str] = set()

    def now_us(self) -> int:
        """Return the time since the start of the request, in microseconds."""
        return (perf_counter_ns() - self._start_ns) // 1000

    def switch(self, kind: Kind) -> Kind:
        """Count the time from now on as spent on something else, and return what it was spent on before."""
        now, previous = perf_counter_ns(), self._kind
        self.times_ns[previous] += now - self._last_ns
        self._last_ns, self._kind = now, kind
        return previous

    def add(
        self,
        what: str,
        where: str,
        name: object,
        before: object,
        after: object,
        place: Place | KeptPlace | None,
        note: str = "",
        took_us: int | None = None,
    ) -> None:
        """Keep an event. The arguments are those of `Event`; values are `Shown`, or as `keep_object` returns them."""
        text = name if type(name) is str and len(name) <= _LONGEST_NAME else cut(str(name), _LONGEST_NAME)
        kept = self.kept_events
        if len(kept) + len(self.events) < MOST_EVENTS:
            kept.append((perf_counter_ns(), what, where, text, before, after, place, note, took_us))
        else:
            self.left_out += 1

    def complete(self) -> None:
        """Make of what was kept what is shown. What is kept later is completed by another call."""
        facts, self.kept_facts = self.kept_facts, []
        for function, arguments in facts:
            try:
                function(self, *arguments)
            except Exception as error:  # noqa: BLE001 - one that cannot be shown must not hide the others
                _logger.warning("The inspector cannot show something (%s).", type(error).__name__)
        events, start = self.kept_events, self._start_ns
        taken = len(events)
        for at_ns, what, where, name, before, after, place, note, took_us in events[:taken]:
            old, new = (None if value is None else show_kept(value) for value in (before, after))
            shown = None if place is None else place.shown()
            self.events.append(Event(what, where, name, old, new, shown, (at_ns - start) // 1000, note, took_us))
        del events[:taken]
        snapshots = self.kept_snapshots
        taken = len(snapshots)
        for kept in snapshots[:taken]:
            self.snapshots.append(self._shown_snapshot(*kept))
        del snapshots[:taken]

    def _shown_snapshot(
        self, step: str, kept: dict[object, object] | None, written: dict[str, Shown | None], at_ns: int
    ) -> Snapshot:
        last = self.snapshots[-1] if self.snapshots else _NO_SNAPSHOT
        session = None
        if kept is not None:
            session = {cut(str(key), _LONGEST_NAME): show_kept(value) for key, value in kept.items()}
        # One dictionary for all steps that change nothing.
        return Snapshot(
            step,
            last.session if session == last.session else session,
            last.response_cookies if written == last.response_cookies else written,
            (at_ns - self._start_ns) // 1000,
        )

    def finish(self) -> None:
        """Note that the request has ended."""
        if not self.is_finished:
            self.switch("framework")
            self.took_us, self.is_finished = (self._last_ns - self._start_ns) // 1000, True
            # Nothing of the request itself is kept any longer, least of all its secrets.
            self.last_session = None
            self.split_lines = {}
            self.errors = []

    def size(self) -> int:
        """Return how many bytes this recording takes, roughly, when it has ended and nobody has looked at it yet."""
        count = 30 + len(self.cookies) * 2 + len(self.set_cookies) * 2 + len(self.kept_events) * 3
        length = self.kept_length + len(self.body_start)
        if self.method not in WITHOUT_BODY:
            length += len(self.json or "")
            for name, value in (*(self.form or ()), *self.files):
                length += len(name) + len(value)
        for cookie in self.cookies:
            length += len(cookie.name) + len(cookie.value.text)
        for line in self.set_cookies:
            length += len(line.name) + len(line.value.text) + len(line.attributes)
        for _, _, _, name, before, after, _, note, _ in self.kept_events:
            length += len(name) + len(note)
            length += len(before.text) if type(before) is Shown else _SHORT
            length += len(after.text) if type(after) is Shown else _SHORT
        last_session: object = None
        last_cookies: object = None
        for _, session, cookies, _ in self.kept_snapshots:
            if session and session is not last_session:
                count += 2 * len(session)
                length += sum([len(one.text) if type(one) is Shown else _SHORT for one in session.values()])
                length += _SHORT * len(session)
            if cookies and cookies is not last_cookies:
                count += 2 * len(cookies)
                length += sum([len(name) + len(shown.text if shown else "") for name, shown in cookies.items()])
            last_session, last_cookies = session, cookies
        # Most texts are ASCII, of one byte for each character; a few take up to four.
        return length * 2 + count * _OVERHEAD


_logger = logging.getLogger("tuile.inspector")
_NO_SNAPSHOT = Snapshot("", None, {}, 0)


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
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting = self._bytes = 0
        self._ids = itertools.count(1)
        #: Moves whenever the ring changes.
        self.version = 0

    def begin(self, recording: Recording) -> None:
        """Give a recording its id. It is kept once it is added."""
        recording.id = next(self._ids)

    def add(self, recording: Recording) -> None:
        """Keep a recording, and drop the oldest if there are too many or they are too large."""
        size = recording.size()
        with self._lock:
            self._recordings.append((recording, size))
            self._bytes += size
            while len(self._recordings) > self.most or (self._bytes > self.most_bytes and self._recordings):
                self._bytes -= self._recordings.popleft()[1]
            self.version += 1
            if self._waiting:
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
            for recording, _ in self._recordings:
                recording.complete()
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
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self.version != version, timeout_s)
            finally:
                self._waiting -= 1
            return self.version
