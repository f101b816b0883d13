"""Record what is read and written by `request.cookies`, `cookies` and `response.set_cookie`."""

from __future__ import annotations

import sys
import typing as t

from werkzeug.datastructures import ImmutableMultiDict

from ..ctx.cookies import TokenCookies
from ..exceptions import BadToken
from ..keys.tokens import ENCRYPTED
from .hidden import NONE, cut, hide, is_secret_name, show
from .places import place_of
from .records import Event
from .watching import guarded, note_read, recording, show_cookie

if t.TYPE_CHECKING:
    from types import FrameType

    from ..ctx.cookies import Cookies
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from ..wrappers.sent_cookies import ReceivedCookies
    from .records import Recording
    from .watching import Method


# --- the received cookies ---------------------------------------------------------------------------------------------


class _Read(ImmutableMultiDict[str, str]):
    """The received cookies, which record what is read of them. Its methods are below."""


# `repr` shows the class, and applications may send that.
_Read.__name__, _Read.__qualname__ = ImmutableMultiDict.__name__, ImmutableMultiDict.__qualname__
_Read.__module__ = ImmutableMultiDict.__module__
_OF_ONE = ("__getitem__", "get", "getlist", "__contains__")
_OF_ALL = ("__iter__", "items", "values", "lists", "listvalues", "to_dict")
# What makes another object, which is not observed.
_OF_NONE = ("copy", "__copy__", "__reduce_ex__", "__or__")


def _plain(cookies: ImmutableMultiDict[str, str]) -> ImmutableMultiDict[str, str]:
    made: ImmutableMultiDict[str, str] = ImmutableMultiDict.__new__(ImmutableMultiDict)
    dict.update(made, dict.items(cookies))
    return made


def _reading(name: str) -> Method:
    """Return a method that does what the one of Werkzeug's class does, and records it."""

    # On a plain copy, because the inherited methods call each other, which would record a read twice.
    def method(self: _Read, *args: object, **kwargs: object) -> object:
        found = recording.get()
        if found is not None and name not in _OF_NONE:
            key = (args[0] if args else kwargs.get("key")) if name in _OF_ONE else None
            guarded(_note_received, found, self, key, sys._getframe(1))
        return getattr(_plain(self), name)(*args, **kwargs)

    return method


for _name in (*_OF_ONE, *_OF_ALL, *_OF_NONE):
    setattr(_Read, _name, _reading(_name))


def _note_received(found: Recording, cookies: _Read, key: object, frame: FrameType) -> None:
    if key is None:
        note_read(found, "request.cookies", "(all)", None, frame)
        return
    values = t.cast("dict[object, list[str]]", dict(dict.items(cookies))).get(key)
    shown = show_cookie(found, str(key), values[0]) if values else NONE
    note_read(found, "request.cookies", key, shown, frame)


def received_cookies(original: Method) -> Method:
    """Return `ReceivedCookies.__get__`, which returns observed cookies."""

    def __get__(self: ReceivedCookies, request: Request | None, owner: type | None = None) -> object:  # noqa: N807
        cookies: object = original(self, request, owner)
        if request is not None and type(cookies) is ImmutableMultiDict and recording.get() is not None:
            observed: ImmutableMultiDict[str, str] = _Read.__new__(_Read)
            dict.update(observed, dict.items(cookies))
            request.__dict__["cookies"] = cookies = observed
        return cookies

    return __get__


# --- `cookies` and its views ------------------------------------------------------------------------------------------


def _view_of(cookies: Cookies) -> str:
    if not isinstance(cookies, TokenCookies):
        return "cookies"
    return "cookies.encrypted" if cookies._version == ENCRYPTED else "cookies.signed"


def getitem_of_cookies(original: Method) -> Method:
    """Return `Cookies.__getitem__`."""

    def __getitem__(self: Cookies, name: str) -> str:  # noqa: N807
        found = recording.get()
        value: str | None = None
        try:
            value = original(self, name)
        finally:
            if found is not None and not isinstance(self, TokenCookies):
                guarded(_note_values, found, name, [] if value is None else [value], sys._getframe(1))
        return t.cast("str", value)

    return __getitem__


def candidates_of_cookies(original: Method) -> Method:
    """Return `Cookies.candidates`, by which declared cookies are read."""

    def candidates(self: Cookies, name: str) -> list[str]:
        values: list[str] = original(self, name)
        found = recording.get()
        if found is not None and not isinstance(self, TokenCookies):
            guarded(_note_values, found, name, values, sys._getframe(1))
        return values

    return candidates


def _note_values(found: Recording, name: str, values: list[str], frame: FrameType) -> None:
    note_read(found, "cookies", name, show_cookie(found, str(name), values[0]) if values else NONE, frame)


def opened_of_tokens(original: Method) -> Method:
    """Return `TokenCookies._opened`."""

    def _opened(self: TokenCookies, name: str, *args: object) -> str:
        found, frame = recording.get(), sys._getframe(1)
        try:
            value: str = original(self, name, *args)
        except BadToken as error:
            if found is not None:
                note = f"not readable: {error.reason}"
                guarded(note_read, found, _view_of(self), name, NONE, frame, note)
            raise
        if found is not None:
            guarded(note_read, found, _view_of(self), name, hide(value), frame)
        return value

    return _opened


def write_of_cookies(original: Method) -> Method:
    """Return `Cookies._write`, by which cookies are set and deleted."""

    def _write(self: Cookies, name: str, value: str | None, line: str) -> None:
        found = recording.get()
        if found is None:
            original(self, name, value, line)
            return
        before = _before(self, name)
        original(self, name, value, line)
        guarded(_note_cookie, found, _view_of(self), name, before, value, sys._getframe(1))

    return _write


def _before(cookies: Cookies, name: str) -> str | None:
    """Return the value that a cookie has so far; None if there is none."""
    if name in cookies._written:
        return cookies._written[name]
    received: object = cookies._received
    return next(iter(dict.get(received, name, ())), None) if isinstance(received, dict) else None


def _note_cookie(
    found: Recording, where: str, name: str, before: str | None, after: str | None, frame: FrameType | None
) -> None:
    is_users, place = place_of(frame)
    if not is_users:
        return
    is_secret = where in {"cookies.signed", "cookies.encrypted"} or name in found.session_names or is_secret_name(name)
    old = None if before is None else show(before, is_secret=is_secret)
    new = None if after is None else show(after, is_secret=is_secret)
    what = "delete" if after is None else "write"
    found.add(Event(what, where, cut(name, 100), old, new, place, found.now_us()))


def set_cookie_of_responses(original: Method) -> Method:
    """Return `Response.set_cookie`, by which cookies are deleted as well."""

    def set_cookie(self: Response, key: str, value: str = "", *args: object, **kwargs: object) -> None:
        original(self, key, value, *args, **kwargs)
        found = recording.get()
        if found is not None:
            is_deletion = (args[0] if args else kwargs.get("max_age")) == 0
            sent = next((one.value.text for one in found.cookies if one.name == key), None)
            guarded(_note_cookie, found, "response", key, sent, None if is_deletion else value, sys._getframe(1))

    return set_cookie
