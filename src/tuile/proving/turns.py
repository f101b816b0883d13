"""One turn of one side: all recorded requests in order, as a browser would send them to this application."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import unescape
from urllib.parse import quote_plus, unquote_to_bytes, urlsplit

from ..user_agent.jar import Jar
from ..user_agent.sites import last_label
from .exchanges import Answer
from .workers import NoAnswer, Worker

if t.TYPE_CHECKING:
    from .har import Recorded, Recording
    from .worker import Question

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_hidden = re.compile(r"<(?:input|meta)\b[^>]{0,2000}>", re.IGNORECASE).finditer
_attribute = re.compile(
    r"""\b(name|value|content|type)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE
).finditer
_SHORTEST_TOKEN = 16
#: Instead of an answer: there was none before.
NOT_ASKED = "not asked again"


class Replay(t.NamedTuple):
    """What is replayed, and how.

    Attributes:
        har: The path of the HAR file.
        app: The application, as for `flask run`; None: found as there.
        host: The host whose requests are replayed; None: the one with the most.
        setup: A command that is run before each turn.
        repeats: How many turns each side has whose times count.
        times: How often a safe request is repeated in a turn.
        timeout_s: How long one request may take.
    """

    har: str
    app: str | None = None
    host: str | None = None
    setup: str | None = None
    repeats: int = 3
    times: int = 20
    timeout_s: float = 30


@dataclass
class Seen:
    """What the turns of one side have shown.

    Attributes:
        answers: The answers of each turn, by the number of the request.
        times: By the number of the request, the times of each turn.
        endpoints: The rule of each request.
    """

    answers: list[list[Answer]] = field(default_factory=list)
    times: list[dict[int, list[float]]] = field(default_factory=list)
    endpoints: dict[int, str] = field(default_factory=dict)


class Turn:
    """One turn of one side.

    Args:
        worker: The process of the side.
        recording: The requests.
        replay: How they are replayed.
        seen: What is seen is added here.
        failed: The numbers of requests without an answer, which are not sent again. Those of this turn are added.
        is_first: Whether it is the turn that is compared and not timed.
    """

    def __init__(
        self, worker: Worker, recording: Recording, replay: Replay, seen: Seen, failed: set[int], *, is_first: bool
    ) -> None:
        self._worker, self._recording, self._replay = worker, recording, replay
        self._seen, self._failed, self._is_first = seen, failed, is_first
        self._jar = Jar("chromium", last_label)
        self._set: set[str] = set()  # the names that the application has set or deleted
        self._instead: dict[str, str] = {}  # tokens of recorded pages, and those of the replayed pages
        # Where pages were not recorded, their hidden fields are known by their names alone.
        self._has_pages = any(recorded.page for recorded in recording.requests)
        self._hidden: dict[str, str] = {}

    def play(self) -> None:
        """Send the requests, and add what is seen."""
        answers: list[Answer] = []
        times: dict[int, list[float]] = {}
        for number, recorded in enumerate(self._recording.requests):
            if number in self._failed and not self._is_first:
                answers.append(Answer("", (), b"", NOT_ASKED))
                continue
            answer = self._send(number, recorded, times)
            if answer.failure:
                self._failed.add(number)
            answers.append(answer)
        self._seen.answers.append(answers)
        if not self._is_first:
            self._seen.times.append(times)

    def _send(self, number: int, recorded: Recorded, times: dict[int, list[float]]) -> Answer:
        body = self._with_new_tokens(recorded.body) if self._has_pages else self._with_hidden_fields(recorded)
        repeated = recorded.method in _SAFE and not self._is_first
        message: Question = {
            "environ": self._environ(recorded, len(body)),
            "body": body,
            "times": self._replay.times if repeated else 1,
        }
        try:
            found = self._worker.ask(message)
        except NoAnswer as error:
            return Answer("", (), b"", str(error), error.detail)
        self._seen.endpoints[number] = f"{recorded.method} {found['endpoint']}"
        times[number] = found["times_s"]
        headers = tuple(sorted((name.lower(), value) for name, value in found["headers"]))
        self._keep(recorded, found["headers"], found["body"])
        return Answer(found["status"], _in_order(headers, found["headers"]), found["body"])

    def _keep(self, recorded: Recorded, headers: list[tuple[str, str]], body: bytes) -> None:
        """Keep the cookies of a response, and the tokens of its page."""
        lines = [value for name, value in headers if name.lower() == "set-cookie"]
        if lines:
            try:
                verdicts = self._jar.receive(recorded.url, lines, now=datetime.now(timezone.utc))
            except ValueError:
                verdicts = []
            self._set.update(verdict.name for verdict in verdicts)
        if recorded.page:
            self._instead.update(_replaced_tokens(recorded.page, body.decode("utf-8", "replace")))
        elif not self._has_pages and any(
            one for one in headers if one[0].lower() == "content-type" and "html" in one[1]
        ):
            self._hidden.update(_hidden_values(body.decode("utf-8", "replace")))

    def _with_new_tokens(self, body: bytes) -> bytes:
        """Return a body with the hidden values of replayed pages, instead of those of recorded pages."""
        for old, new in self._instead.items():
            for write in (str, quote_plus):
                body = body.replace(write(old).encode(), write(new).encode())
        return body

    def _with_hidden_fields(self, recorded: Recorded) -> bytes:
        """Return the body, with the values that replayed pages have in hidden fields of the same names."""
        kinds = [value for name, value in recorded.headers if name.lower() == "content-type"]
        if not self._hidden or not kinds or "x-www-form-urlencoded" not in kinds[0]:
            return recorded.body
        pairs = []
        for pair in recorded.body.split(b"&"):
            name = unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" ")).decode("utf-8", "replace")
            known = self._hidden.get(name)
            pairs.append(pair if known is None else f"{quote_plus(name)}={quote_plus(known)}".encode())
        return b"&".join(pairs)

    def _environ(self, recorded: Recorded, length: int) -> dict[str, str]:
        parts = urlsplit(recorded.url)
        environ = {
            "REQUEST_METHOD": recorded.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
            "QUERY_STRING": _octets(parts.query),
            "SERVER_NAME": parts.hostname or "localhost",
            "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": _octets(parts.netloc),
            "REQUEST_URI": _octets(f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"),
            "wsgi.url_scheme": parts.scheme,
        }
        if length or recorded.method not in _SAFE:
            environ["CONTENT_LENGTH"] = str(length)
        for name, value in recorded.headers:
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            sent = self._with_new_tokens(value.encode("utf-8", "surrogatepass")).decode("latin-1")
            environ[key] = f"{environ[key]},{sent}" if key in environ and key != "CONTENT_TYPE" else sent
        cookies = self._cookies(recorded)
        if cookies:
            environ["HTTP_COOKIE"] = cookies
        return environ

    def _cookies(self, recorded: Recorded) -> str:
        """Return the cookies: what the application has set in this turn, and otherwise what was recorded."""
        try:
            own = self._jar.cookie_header(recorded.url, now=datetime.now(timezone.utc))
        except ValueError:
            own = ""
        kept = [_octets(f"{name}={value}") for name, value in recorded.cookies.items() if name not in self._set]
        return "; ".join(filter(None, (own, *kept)))


def _octets(text: str) -> str:
    """Return text with one character per octet, as in an environ."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _in_order(ordered: tuple[tuple[str, str], ...], given: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return fields in the order of their names, and those of one name in the order in which they were given."""
    by_name: dict[str, list[str]] = {}
    for name, value in given:
        by_name.setdefault(name.lower(), []).append(value)
    return tuple((name, value) for name in dict.fromkeys(name for name, _ in ordered) for value in by_name[name])


def _replaced_tokens(recorded: str, replayed: str) -> dict[str, str]:
    """Return the hidden values of a recorded page and those of the replayed page, such as tokens against CSRF."""
    before, now = _hidden_values(recorded), _hidden_values(replayed)
    return {old: now[name] for name, old in before.items() if now.get(name, old) != old}


def _hidden_values(page: str) -> dict[str, str]:
    """Return the values of hidden fields and of meta elements that may be tokens, by their names."""
    found: dict[str, str] = {}
    for element in _hidden(page):
        given = {one[1].lower(): unescape(one[2] or one[3] or one[4] or "") for one in _attribute(element[0])}
        value = given.get("value") if given.get("type", "").lower() == "hidden" else given.get("content")
        name = given.get("name")
        if name and value and len(value) >= _SHORTEST_TOKEN and name not in found:
            found[name] = value
    return found
