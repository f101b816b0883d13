"""What a piece of work is, who can do it, and whether an answer is the right one.

What must live here: the types `Workload`, `Peer` and `Goal`, and the check of answers. What must not: a workload (those
are in benchmarks/workloads.py) or a peer's code (benchmarks/peers/).
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.measuring.doors import Asgi, Direct, Door, Wsgi

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measuring.asking import Answer, Ask


@dataclass(frozen=True)
class Goal:
    """What Tuile wants to reach beside one peer.

    With `times`, the peer's time divided by Tuile's must be at least that. With `extra_us`, Tuile's time less the
    peer's must be at most that many microseconds. With `at_most_us`, Tuile's own time must be. With `of` and
    `at_most_times`, Tuile's time must be at most that multiple of its time for another workload.
    """

    peer: str = "Tuile"
    times: float | None = None
    extra_us: float | None = None
    at_most_us: float | None = None
    of: str = ""
    at_most_times: float | None = None


@dataclass(frozen=True)
class Workload:
    """One piece of work that every peer is asked for.

    `key` names the function in a peer's module that makes the application, and `arguments` are given to it.
    `body` is what the answer must hold: bytes exactly, any other value as JSON, None for "each its own page".
    `holds` is a part that it must have in any case.
    `login`, when given, is asked first, and the cookies of its answer go with the timed request.
    """

    name: str
    key: str
    ask: Ask
    body: Any = None
    holds: bytes = b""
    status: int = 200
    location: str | None = None
    set_cookie: str | None = None
    login: Ask | None = None
    arguments: tuple[Any, ...] = ()
    direct: bool = False
    goals: tuple[Goal, ...] = ()
    note: str = ""

    def faults(self, answer: Answer) -> list[str]:
        """What is wrong with an answer; nothing when it is the expected one."""
        faults = []
        if answer.status != self.status:
            faults.append(f"status {answer.status}, not {self.status}")
        if self.body is not None and not self._is_the_body(answer.body):
            faults.append(f"body {answer.body[:80]!r}, not {str(self.body)[:80]!r}")
        if self.holds not in answer.body:
            faults.append(f"no {self.holds!r} in the body")
        location = answer.header("location") or ""
        if self.location is not None and not location.endswith(self.location):
            faults.append(f"Location {location!r}, not {self.location!r}")
        if self.set_cookie is not None:
            wanted = _cookie_parts(self.set_cookie)
            if [_cookie_parts(line) for line in answer.set_cookies()] != [wanted]:
                faults.append(f"Set-Cookie {answer.set_cookies()}, not {self.set_cookie!r}")
        return faults

    def _is_the_body(self, body: bytes) -> bool:
        if isinstance(self.body, bytes):
            return body == self.body
        try:
            return bool(json.loads(body) == self.body)
        except ValueError:
            return False


@dataclass(frozen=True)
class Peer:
    """One framework: its door, the module under benchmarks/peers with its applications, the distribution it is from.

    `given` is the package that the module's functions take as their first argument: Flask and Tuile have one interface,
    and so one module.
    """

    name: str
    door: Literal["wsgi", "asgi"]
    module: str
    distribution: str | None = None
    given: str | None = None

    def factory(self, workload: Workload) -> Callable[[], Any] | None:
        """The function that makes this peer's application for a workload, or None where the peer does not do it."""
        module = importlib.import_module(f"benchmarks.peers.{self.module}")
        function = getattr(module, workload.key, None)
        if function is None or (self.name, workload.name) in LEFT_OUT:
            return None
        given = () if self.given is None else (importlib.import_module(self.given),)
        return lambda: function(*given, *workload.arguments)

    def open(self, workload: Workload) -> Door | None:
        """The peer's application behind its door, or None where the peer does not do this work."""
        factory = self.factory(workload)
        if factory is None:
            return None
        made = factory()
        if workload.direct:
            return Direct(made)
        return Wsgi(made) if self.door == "wsgi" else Asgi(made)


# What a peer could be asked for but is not, and why. The tables show a dash.
LEFT_OUT = {
    ("BlackSheep", "405"): "answers 404",
    ("FastAPI", "10,000 routes"): "takes half a minute to build",
    ("Litestar", "10,000 routes"): "takes minutes to build",
}

PEERS = (
    Peer("bare", "wsgi", "bare"),
    Peer("Tuile", "wsgi", "flask_interface", "tuile", given="tuile"),
    Peer("Flask", "wsgi", "flask_interface", "flask", given="flask"),
    Peer("Falcon", "wsgi", "falcon_", "falcon"),
    Peer("Bottle", "wsgi", "bottle_", "bottle"),
    Peer("Django", "wsgi", "django_", "django"),
    Peer("bare ASGI", "asgi", "bare_asgi"),
    Peer("Quart", "asgi", "quart_", "quart"),
    Peer("Starlette", "asgi", "starlette_", "starlette"),
    Peer("FastAPI", "asgi", "fastapi_", "fastapi"),
    Peer("Litestar", "asgi", "litestar_", "litestar"),
    Peer("BlackSheep", "asgi", "blacksheep_", "blacksheep"),
)

#: Those that are only measured through ASGI servers: where views run is what matters there.
SERVED_PEERS = (
    Peer("Tuile async", "asgi", "tuile_async", "tuile"),
    Peer("Tuile sync", "asgi", "flask_interface", "tuile", given="tuile"),
    Peer("Starlette sync", "asgi", "starlette_sync", "starlette"),
    Peer("a2wsgi(Flask)", "asgi", "a2wsgi_flask", "a2wsgi"),
)


@dataclass
class Entrant:
    """A peer that has entered a workload: asked once, checked, ready to be timed."""

    peer: Peer
    door: Door
    ask: Ask
    count: int = 0
    times_us: list[float] = field(default_factory=list)


class NotTheSameWork(RuntimeError):
    """A peer's answer is not the one the workload asks for, so its time would mean nothing."""


def enter(peer: Peer, workload: Workload) -> Entrant | None:
    """Make a peer's application, log in where the workload wants it, ask once and check the answer."""
    door = peer.open(workload)
    if door is None:
        return None
    try:
        ask = workload.ask
        if workload.login is not None:
            ask = ask.with_cookies(cookie_header(door.ask(workload.login)))
        faults = workload.faults(door.ask(ask))
        if faults:
            raise NotTheSameWork("; ".join(faults))
    except BaseException:
        door.close()
        raise
    return Entrant(peer, door, ask)


def cookie_header(answer: Answer) -> str:
    """The Cookie header that a browser would send after this answer."""
    return "; ".join(line.partition(";")[0] for line in answer.set_cookies())


def _cookie_parts(line: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A Set-Cookie line without what may differ: the attributes' order and case, and an Expires beside Max-Age."""
    cookie = SimpleCookie(line)
    (name, morsel), *_ = cookie.items()
    attributes = {(key, str(value).lower()) for key, value in morsel.items() if value and key != "expires"}
    return f"{name}={morsel.value}", frozenset(attributes)
