"""Tell the story of one cookie through the requests of a client: one table of steps, one of variables."""

from __future__ import annotations

import typing as t

from .conversations import real_value

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from .conversations import Chapter, Fate

_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NOTHING = "N/A"


class Step(t.NamedTuple):
    """One step of the story: a request, or what the client did with its answer.

    Attributes:
        number: Its number, from 1 on.
        action: What happened.
        request_cookies: The cookies that came with the request, the last one for a step of the client.
        read: What was read.
        written: What was set or deleted.
        content: The beginning of the answer.
        request: The id of the request.
    """

    number: int
    action: str
    request_cookies: str
    read: str
    written: str
    content: str
    request: int


class Story(t.NamedTuple):
    """The story of one cookie: its steps, and its variables at the start and after each step."""

    name: str
    client: int
    steps: list[Step]
    variables: list[tuple[str, list[str]]]
    others: int


def story_of(chapters: Iterable[Chapter], name: str, client: int) -> Story:
    """Return the story of a cookie.

    Args:
        chapters: What there is to say about each request, in their order.
        name: The name of the cookie.
        client: The number of the client.
    """
    writer = _Writer(name)
    others = count = 0
    for chapter in chapters:
        if chapter.client != client:
            continue
        if _is_about(chapter, name):
            count += 1
            writer.add(chapter, count)
        else:
            others += any(cookie.name == name for cookie in chapter.found.cookies)
    variables = [
        ("request.cookies", writer.cookies),
        (name, writer.values),
        (f"response cookie {name!r}", writer.responses),
    ]
    return Story(name, client, writer.steps, variables, others)


def names_of(chapters: Iterable[Chapter]) -> list[tuple[int, str]]:
    """Return the clients and the names of cookies that there is a story of."""
    found: dict[tuple[int, str], None] = {}
    for chapter in chapters:
        for event in chapter.found.events:
            if event.where in _COOKIES and event.name != "(all)":
                found[chapter.client, event.name] = None
        for fate in chapter.fates:
            found[chapter.client, fate.line.name] = None
    return list(found)


_COOKIES = frozenset({"request.cookies", "cookies", "cookies.signed", "cookies.encrypted", "response"})


def _is_about(chapter: Chapter, name: str) -> bool:
    """Return whether a request has read or set the cookie."""
    is_used = any(event.name == name and event.where in _COOKIES for event in chapter.found.events)
    return is_used or any(fate.line.name == name for fate in chapter.fates)


class _Writer:
    """Writes the steps and the variables of a story."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[Step] = []
        self.cookies, self.values, self.responses = ["{}"], ["None"], ["None"]
        self.stored: str | None = None

    def add(self, chapter: Chapter, count: int) -> None:
        """Add a request, and what the client does with its answer."""
        found, name = chapter.found, self.name
        cookies = "{" + ", ".join(f"{one.name!r}: {str(one.value)!r}" for one in found.cookies[:20]) + "}"
        read = next(
            (str(e.after) for e in reversed(found.events) if e.name == name and e.what == "read" and e.after), None
        )
        fate = next((one for one in reversed(chapter.fates) if one.line.name == name), None)
        is_sent = any(one.name == name for one in found.cookies)
        ordinal = _ORDINALS[count] if count < len(_ORDINALS) else f"{count}th"
        action = f"Client sends {ordinal} request{' with cookie' if is_sent else ''}"
        self._step(action, cookies, read or _NOTHING, self._written(fate, chapter.profile), found.body_start, chapter)
        self.values[-1] = self.values[-2] if read is None else read
        if fate is not None:
            self.responses[-1] = "None" if fate.deletes(chapter.profile) else real_value(fate.line)
        self._store(fate, chapter)

    def _written(self, fate: Fate | None, profile: str) -> str:
        if fate is None:
            return _NOTHING
        if fate.deletes(profile):
            return f"Delete {self.name!r}"
        return f"Set {self.name!r}={real_value(fate.line)!r}"

    def _store(self, fate: Fate | None, chapter: Chapter) -> None:
        """Add a step for what the client keeps, if that is anything new."""
        if fate is None or chapter.profile not in fate.verdicts:
            return
        verdict = fate.verdicts[chapter.profile]
        value = real_value(fate.line)
        if verdict.kept:
            if self.stored == value:
                return
            self.stored = value
            action = f"Client stores cookie {self.name!r}={value!r}"
        elif fate.deletes(chapter.profile):
            if self.stored is None:
                return
            self.stored = None
            action = f"Client deletes cookie {self.name!r}"
        else:
            action = f"Client drops cookie {self.name!r}: {verdict.reason}"
        self._step(action, self.cookies[-1], _NOTHING, _NOTHING, _NOTHING, chapter)

    def _step(self, action: str, cookies: str, read: str, written: str, content: str, chapter: Chapter) -> None:
        self.steps.append(Step(len(self.steps) + 1, action, cookies, read, written, content, chapter.found.id))
        self.cookies.append(cookies)
        self.values.append(self.values[-1])
        self.responses.append(self.responses[-1])
