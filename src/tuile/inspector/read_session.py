"""Record what is read and written by the proxy `session`, and when the session is opened."""

from __future__ import annotations

import sys
import typing as t
from itertools import islice

from ..ctx.app_context import current_value
from .hidden import NONE, SHORT, cut, is_secret_name, keep_object, show_object
from .places import place_of
from .stores import observe_store
from .watching import guarded, note_read, recording, report

if t.TYPE_CHECKING:
    from types import FrameType

    from ..ctx.request_context import RequestContext
    from ..sessions import SessionMixin
    from .records import Recording
    from .watching import Method

    class Proxy(t.Protocol):
        """The proxy of the session."""

        def _get_current_object(self) -> object: ...


_MISSING = object()
_READS_ALL = frozenset({"items", "keys", "values", "copy"})
_CHANGES = frozenset(
    ("pop", "popitem", "setdefault", "update", "clear", "add", "append", "change", "regenerate", "end")
)
_OBSERVED = frozenset({"get"}) | _READS_ALL | _CHANGES


def content_of(session: object) -> dict[object, object]:
    """Return the content of a session, without reading it through its own methods."""
    return dict(dict.items(session)) if isinstance(session, dict) else {}


def _content_of_key(session: object, key: object) -> dict[object, object]:
    """Return the value of one key of a session, if it has it."""
    try:
        value = dict.get(session, key, _MISSING) if isinstance(session, dict) else _MISSING
    except TypeError:  # the session itself says what is wrong with such a key
        return {}
    return {} if value is _MISSING else {key: value}


def keep_key(found: Recording, key: object, value: object) -> object:
    """Return the value of a session's key as it is kept: hidden if the application encrypts its sessions."""
    if found.hides_session or is_secret_name(key if type(key) is str else str(key)):
        return show_object(value, is_secret=True)
    if type(value) is str and len(value) < SHORT:
        # The most frequent case of `keep_object`.
        return value
    return keep_object(value)


def _session_behind(proxy: Proxy) -> object:
    """Return the session behind its proxy, opened."""
    context = current_value(None)
    opened = None if context is None or context.request is None else context._opened_session
    return proxy._get_current_object() if opened is None else opened


def _note_changes(
    found: Recording, before: dict[object, object], after: dict[object, object], frame: FrameType, note: str
) -> None:
    _, place = place_of(frame)
    for key in {**before, **after}:
        old, new = before.get(key, _MISSING), after.get(key, _MISSING)
        if old is new:
            continue
        shown = (
            None if old is _MISSING else keep_key(found, key, old),
            None if new is _MISSING else keep_key(found, key, new),
        )
        what = "delete" if new is _MISSING else "write"
        found.add(what, "session", key, *shown, place, note)


def _note_key(found: Recording, session: object, key: object, frame: FrameType) -> None:
    value = dict.get(session, key, _MISSING) if isinstance(session, dict) else _MISSING
    note_read(found, "session", key, NONE if value is _MISSING else keep_key(found, key, value), frame)


def reading_key(original: Method) -> Method:
    """Return a method of the proxy that reads one key."""

    def method(self: Proxy, key: object) -> object:
        try:
            return original(self, key)
        finally:
            # A key that is missing was read as well.
            found = recording.get()
            if found is not None:
                try:
                    _note_key(found, _session_behind(self), key, sys._getframe(1))
                except Exception as error:  # noqa: BLE001 - as `guarded`, in one call less
                    report(_note_key, error)

    return method


def changing_key(original: Method) -> Method:
    """Return a method of the proxy that sets or deletes one key."""

    def method(self: Proxy, key: object, *args: object) -> object:
        found = recording.get()
        if found is None:
            return original(self, key, *args)
        session = _session_behind(self)
        before = _content_of_key(session, key)
        result: object = original(self, key, *args)
        guarded(_note_changes, found, before, _content_of_key(session, key), sys._getframe(1), "")
        return result

    return method


def changing(original: Method) -> Method:
    """Return a method of the proxy that changes the session."""

    def method(self: Proxy, *args: object) -> object:
        found = recording.get()
        if found is None:
            return original(self, *args)
        session = _session_behind(self)
        before = content_of(session)
        result: object = original(self, *args)
        guarded(_note_changes, found, before, content_of(session), sys._getframe(1), "")
        return result

    return method


def attribute_of_session(original: Method) -> Method:
    """Return `__getattribute__` of the proxy, which returns methods that record."""

    def __getattribute__(self: Proxy, name: str) -> object:  # noqa: N807
        value: object = original(self, name)
        if name not in _OBSERVED or not callable(value):
            return value
        found = recording.get()
        if found is None:
            return value
        return _recording_method(found, _session_behind(self), name, value)

    return __getattribute__


def _recording_method(found: Recording, session: object, name: str, method: Method) -> Method:
    def call(*args: object, **kwargs: object) -> object:
        frame = sys._getframe(1)
        before = content_of(session) if name in _CHANGES else {}
        result: object = method(*args, **kwargs)
        if name == "get" and args:
            guarded(_note_key, found, session, args[0], frame)
        elif name in _READS_ALL:
            guarded(note_read, found, "session", "(all)", None, frame)
        elif name in _CHANGES:
            guarded(_note_changes, found, before, content_of(session), frame, f"session.{name}()")
        return result

    return call


def opening(original: property) -> property:
    """Return the property that opens the session, with its time."""
    opens = t.cast("Method", original.fget)

    def read(self: RequestContext) -> SessionMixin | None:
        found = recording.get()
        session: SessionMixin | None
        if found is None or self._opened_session is not None:
            session = opens(self)
            return session
        guarded(observe_store, self.app, recording)
        previous = found.switch("session")
        try:
            session = opens(self)
        finally:
            found.switch(previous)
        if session is not None:
            guarded(_note_opened, found, session)
        return session

    return property(read, original.fset)


def _note_opened(found: Recording, session: SessionMixin) -> None:
    name = type(session).__name__
    keys = ", ".join([cut(str(key), 40) for key in islice(dict.keys(session), 20)]) if isinstance(session, dict) else ""
    note = f"a {name} with {keys}" if keys else f"an empty {name}"
    found.add("session", "session", "opened", None, None, None, note)
