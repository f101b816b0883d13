"""Record what is read and written by `request.cookies`, `cookies` and `response.set_cookie`."""

from __future__ import annotations

import sys
import typing as t

from werkzeug.datastructures import ImmutableMultiDict

from ..ctx.cookies import TokenCookies
from ..exceptions import BadToken
from ..keys.tokens import ENCRYPTED
from ..wrappers.sent_cookies import RECEIVED
from ..wrappers.setting_cookies import set_cookie
from .hidden import NONE, hide, is_secret_name, show
from .places import place_of
from .watching import guarded, note_read, recording, show_cookie

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from ..ctx.cookies import Cookies
    from ..wrappers.request import Request
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


def _plain(values: Iterable[tuple[str, list[str]]]) -> ImmutableMultiDict[str, str]:
    made: ImmutableMultiDict[str, str] = ImmutableMultiDict.__new__(ImmutableMultiDict)
    dict.update(made, values)
    return made


_values_of, _items_of = t.cast("Method", dict.get), t.cast("Method", dict.items)


def _reading_one(name: str) -> Method:
    """Return a method that does what the one of Werkzeug's class does for one key, and records it."""
    is_item = name in {"__getitem__", "get"}

    def method(self: _Read, *args: object, **kwargs: object) -> object:
        key = t.cast("str", args[0] if args else kwargs.get("key"))
        values: list[str] | None = _values_of(self, key)
        found = recording.get()
        if found is not None:
            guarded(_note_received, found, key, values, sys._getframe(1))
        if values and is_item and len(args) == 1 and not kwargs:
            return values[0]
        # On a plain one, because the inherited methods call each other, which would record a read twice.
        return getattr(_plain([] if values is None else [(key, values)]), name)(*args, **kwargs)

    return method


def _reading_all(name: str) -> Method:
    """Return a method that does what the one of Werkzeug's class does, and records that all cookies were read."""

    def method(self: _Read, *args: object, **kwargs: object) -> object:
        found = recording.get()
        if found is not None and name in _OF_ALL:
            guarded(note_read, found, "request.cookies", "(all)", None, sys._getframe(1))
        return getattr(_plain(_items_of(self)), name)(*args, **kwargs)

    return method


for _name in _OF_ONE:
    setattr(_Read, _name, _reading_one(_name))
for _name in (*_OF_ALL, *_OF_NONE):
    setattr(_Read, _name, _reading_all(_name))


def _note_received(found: Recording, key: str, values: list[str] | None, frame: FrameType) -> None:
    shown = show_cookie(found, str(key), values[0]) if values else NONE
    note_read(found, "request.cookies", key, shown, frame)


def received_cookies(original: Method) -> Method:
    """Return `ReceivedCookies.__get__`, which returns observed cookies."""

    def __get__(self: ReceivedCookies, request: Request | None, owner: type | None = None) -> object:  # noqa: N807
        cookies: object = original(self, request, owner)
        if request is None or recording.get() is None:
            return cookies
        if isinstance(cookies, ImmutableMultiDict) and type(cookies) in RECEIVED:
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
    if where in {"cookies.signed", "cookies.encrypted"}:
        found.secret_cookies.add(name)
    found.add(what, where, name, old, new, place)


# --- `response.set_cookie` --------------------------------------------------------------------------------------------

# Not replaced itself: sessions are saved with fewer steps by this very function.
_SET_COOKIE = set_cookie.__code__


def quick_names_of_cookies(_: object) -> frozenset[str]:
    """Return `quick_names`: none, so that each line of `response.set_cookie` is written by `dump_cookie`."""
    return frozenset()


def dump_cookie_of_responses(original: Method) -> Method:
    """Return `dump_cookie`, which writes them."""

    def dump_cookie(
        key: str, value: str = "", max_age: object = None, *args: object, stacklevel: int = 3, **kwargs: object
    ) -> str:
        line: str = original(key, value, max_age, *args, stacklevel=stacklevel + 1, **kwargs)
        found, frame = recording.get(), sys._getframe(1)
        if found is not None and frame.f_code is _SET_COOKIE:
            guarded(_note_set, found, key, None if max_age == 0 else value, frame.f_back)
        return line

    return dump_cookie


def _note_set(found: Recording, name: str, value: str | None, frame: FrameType | None) -> None:
    sent = None
    for one in found.cookies:
        if one.name == name:
            sent = one.value.text
            break
    _note_cookie(found, "response", str(name), sent, value, frame)
