"""The session object of a session that is kept on the server: a dictionary that knows what was done to it."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone
from types import MappingProxyType

from ..ctx.app_context import current_value
from ..json.provider import scan
from .changes import Add, Append, Change, Changes, Drop, Moved, Put, Several, are_same, resolve_all
from .content import FEW, Content, text_in, with_texts
from .interface import note_change
from .tracked import TrackedSession

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Self

    from ..json.tag import TaggedJSONSerializer
    from .changes import KeyChange
    from .identity import Identity
    from .lifecycle import Opened
    from .settings import Kept
    from .stores import StoreUnavailable
    from .tracked import BesideSession

_REQUIRED: t.Final = object()
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Former(t.NamedTuple):
    """A former session: the identity that it gets in the store, and the marker that says that it is there.

    Attributes:
        identity: The parts of its new cookie.
        marker: The name of a record that says that its former cookie is not good any more.
        lifetime: How long that could be good, in seconds.
        user: Whose session it was when it was read.
        entry: Its id in Flask-Session; None if it was in a cookie.
    """

    identity: Identity
    marker: str
    lifetime: float
    user: str | None = None
    entry: str | None = None


class ServerSession(TrackedSession):
    """A session that is kept on the server.

    Args:
        serializer: Writes and reads values.
        opened: What was read; None for a new session.
    """

    has_store = True
    #: Where the session is as long as it is not in the store; see `moving`.
    former: Former | None = None
    #: The session in a cookie that this one has become; see `beside`.
    in_cookie: BesideSession | None = None
    #: The store and the policy that it was opened with.
    _kept: Kept | None = None
    #: Why it could not be saved, if there was no response object yet.
    _failure: StoreUnavailable | None = None

    new = False
    _opened: Opened | None = None
    #: Whether the cookie that this response sets, or deletes, has to be on another response for this request too.
    _cookie_is_due = False
    _is_ended = _is_replaced = _is_cleared = False
    #: Whether the request brought a cookie of this name; the device that it came from, if the session is new.
    _came = False
    _device: tuple[str, str] | None = None
    #: What was read; and what was saved since, if that is not in it yet.
    _base = _NOTHING
    _saved: Changes | None = None

    # What is the same for most sessions is an attribute of the class.
    def __init__(self, serializer: TaggedJSONSerializer, opened: Opened | None = None) -> None:
        if opened is None:
            dict.__init__(self)
            self.new = True
        else:
            self._opened = opened
            self._base = base = opened.record.data
            values = None
            if type(base) is Content:
                # The lines between their ends are the members of a JSON object.
                values = loaded_members(serializer, base.lines[1:-1].replace("\n", ","))
            dict.__init__(self, _loaded(serializer, base) if values is None else values)
        # As in the inherited constructor.
        self.on_update = note_change
        self._encode, self._decode = serializer.dumps, serializer.loads
        # The values as of when they were first read; the keys that were assigned, as an ordered set; and what was done
        # to others, from the base on. `clear` and `note_saved` begin anew.
        self._handed_out: dict[str, bytes | str] = {}
        self._assigned: dict[str, None] = {}
        self._operations: dict[str, list[KeyChange]] = {}

    @property
    def handle(self) -> str | None:
        """The name of the session, which does not give access; None before it was saved."""
        return None if self._opened is None else self._opened.identity.handle

    @property
    def created(self) -> datetime | None:
        """When the session began, in UTC; None before it was saved."""
        return None if self._opened is None else datetime.fromtimestamp(self._opened.record.created, timezone.utc)

    @property
    def seen(self) -> datetime | None:
        """When the session was last seen, in UTC, to the minute; None before it was saved."""
        return None if self._opened is None else datetime.fromtimestamp(self._opened.record.seen, timezone.utc)

    # What was done to single keys

    def __setitem__(self, key: str, value: object) -> None:
        if self.on_update is note_change:
            # What the inherited method does, in one call.
            dict.__setitem__(self, key, value)
            self._modified = True
        else:
            super().__setitem__(key, value)
        self._assigned[key] = None
        if self._operations:
            self._operations.pop(key, None)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._note_dropped(key)

    def _note_dropped(self, key: str) -> None:
        self._assigned.pop(key, None)
        self._operations.pop(key, None)
        base = _NOTHING if self._is_cleared else self._settled_base()
        if key in base:
            self._operations[key] = [Drop(base[key])]

    def pop(self, key: str, default: t.Any = _REQUIRED) -> t.Any:
        """Remove a key and return its value."""
        was_there = key in self
        value = super().pop(key) if default is _REQUIRED else super().pop(key, default)
        if was_there:
            self._note_dropped(key)
        return value

    def popitem(self) -> tuple[str, object]:
        """Remove the key that was added last, and return it with its value."""
        key, value = super().popitem()
        self._note_dropped(key)
        return key, value

    def setdefault(self, key: str, default: object = None) -> object:
        """Return the value of a key, which is set if it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: t.Any, **kwargs: object) -> None:
        """Set several keys."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(  # type: ignore[override, misc] # as the mapping's below, and not as `|`, which makes a dictionary
        self, other: Mapping[str, object] | Iterable[tuple[str, object]]
    ) -> Self:
        self.update(dict(other))
        return self

    def clear(self) -> None:
        """Remove everything, keys that other requests have added meanwhile included."""
        super().clear()
        self._assigned, self._operations = {}, {}
        self._handed_out.clear()
        self._is_cleared = True

    def add(self, key: str, number: float = 1) -> object:
        """Add a number to what is stored under a key when the session is saved; see `SessionMixin.add`."""
        before = self._operations_so_far(key)
        result = super().add(key, number)
        self._note(key, before, lambda: Add(number, self._encode(result)))
        return result

    def append(self, key: str, *values: object) -> None:
        """Append to what is stored under a key when the session is saved; see `SessionMixin.append`."""
        before = self._operations_so_far(key)
        super().append(key, *values)
        self._note(key, before, lambda: Append(tuple(map(self._encode, values)), self._encode(self[key])))

    def change(self, key: str, function: Callable[[t.Any], t.Any], default: t.Any = None) -> t.Any:
        """Apply a function to what is stored under a key when the session is saved; see `SessionMixin.change`."""
        before = self._operations_so_far(key)
        # Read anew for each call, because the function may change what it is given.
        start = self._encode(default)

        def change(text: str | None) -> str:
            return self._encode(function(self._decode(start if text is None else text)))

        seen = self._encode(self[key]) if key in self else None
        result = super().change(key, function, default)
        self._note(key, before, lambda: Change(change, seen, self._encode(result)))
        return result

    def _operations_so_far(self, key: str) -> list[KeyChange] | None:
        """Return what was done to a key; None if it was assigned."""
        return None if key in self._assigned else self._operations.get(key, [])

    def _note(self, key: str, before: list[KeyChange] | None, operation: Callable[[], KeyChange]) -> None:
        if before is not None:
            noted = [*before, operation()]
            self._assigned.pop(key, None)
            self._operations[key] = noted

    # The whole

    def regenerate(self, keep: Iterable[str] = ()) -> None:
        """Begin a new session with a new id for the same browser; see `SessionMixin.regenerate`."""
        if isinstance(keep, (str, bytes)):
            message = f"keep must be a list of keys, not a single one. Write: keep=[{keep!r}]."
            raise TypeError(message)
        kept = {key: self[key] for key in keep if key in self}
        self.clear()
        self.update(kept)
        self._is_replaced = True

    def end(self) -> None:
        """Remove everything, and the session from the server."""
        self.clear()
        self._is_ended = True

    def texts(self) -> dict[str, str]:
        """Return the content, as it is stored."""
        return {as_key(key): self._encode(value) for key, value in self.content().items()}

    def changes(self) -> Changes:
        """Return what was changed since the session was opened, or saved."""
        by_key: dict[str, KeyChange] = {}
        base = self._base if self._saved is None else self._settled_base()
        if self._is_cleared:
            base = _NOTHING
        are_only_assigned = not (self._operations or self._handed_out)
        keys = self._assigned if are_only_assigned else {**self._assigned, **self._operations, **self._handed_out}
        lines = base.lines if type(base) is Content and len(keys) < FEW else None
        change: KeyChange | None
        for key in keys:
            name = key if type(key) is str else as_key(key)
            before = base.get(name) if lines is None else text_in(lines, name)
            if are_only_assigned and type(value := dict.get(self, key)) is int:
                # As `_change` would, without a call: counters are what is changed most often.
                text = f"{value}"
                change = None if text == before else tuple.__new__(Put, (text, before, True))
            else:
                change = self._change(key, before)
            if change is not None:
                by_key[name] = change
        return tuple.__new__(Changes, (self._is_cleared, by_key))

    def _settled_base(self) -> Mapping[str, str]:
        """Return what is stored as far as this request knows: what it has read, and saved since."""
        saved, self._saved = self._saved, None
        if saved is not None and saved.by_key:
            texts: dict[str, str | None] = {}
            for key, change in saved.by_key.items():
                if isinstance(change, Several):
                    texts[key] = self._encode(dict.get(self, key))
                else:
                    texts[key] = None if isinstance(change, (Drop, Moved)) else change.text
            self._base = with_texts(self._base, texts)
        return self._base

    def _change(self, key: str, base: str | None) -> KeyChange | None:
        if key not in self:
            return None if base is None else Drop(base)
        value = dict.__getitem__(self, key)
        kind = type(value)
        if kind is int:
            text = f"{value}"
        elif kind is str and value.isascii() and value.isalnum():
            text = f'"{value}"'
        else:
            text = self._encode(value)
        operations = self._operations.get(key)
        if operations:
            if len(operations) == 1 and isinstance(operations[0], Add) and operations[0].text == text:
                return operations[0]
            # Unless something else was done to the value afterwards.
            change = resolve_all(operations, base, text)
            if change is not None:
                return change
        is_assigned = key in self._assigned
        noted = None if is_assigned or base is None else self._handed_out.get(key)
        before = base if noted is None else self._text_of(noted)
        if before is not None and (text == before or (text[:1] in "[{" and are_same(text, before))):
            return None
        return tuple.__new__(Put, (text, base, is_assigned))

    def note_saved(self, opened: Opened | None, changes: Changes) -> None:
        """Note that changes are saved, so that they are not saved again with another response of the request."""
        if changes.cleared or self._saved is not None:
            self._base = _NOTHING if changes.cleared else self._settled_base()
        self._opened, self._saved = opened, changes
        for change in changes.by_key.values():
            if type(change) is Several:  # its text is that of the value as it is now
                self._settled_base()
                break
        if self._operations:
            self._operations = {}
        if self._is_ended or self._is_replaced or self._is_cleared:
            self._is_ended = self._is_replaced = self._is_cleared = False
        self._assigned = {}
        # Still `modified`, as after any other save.
        if self._handed_out:
            handed_out, self._handed_out = self._handed_out, {}
            for key in handed_out:
                if key in self:
                    self._hand_out(key)


def loaded_members(serializer: TaggedJSONSerializer, text: str) -> dict[str, object] | None:
    """Read several values at once: the members of a JSON object, whose own keys are no tags.

    Returns:
        None if the values are to be read by the serializer, which raises what is wrong with them.
    """
    here = current_value(None)
    if here is not None and not getattr(here.app.json, "reads_plainly", False):
        return None
    members = f"{{{text}}}"
    try:
        scanned, end = scan(members, 0)
    except Exception:  # noqa: BLE001 - the serializer raises it again
        return None
    if type(scanned) is not dict or end != len(members):
        return None
    if "{" in text and not serializer._has_no_keys_of_tags(text):
        for key, value in scanned.items():
            if type(value) is dict or type(value) is list:
                scanned[key] = serializer._untag_scan(value)
    return scanned


def _loaded(serializer: TaggedJSONSerializer, base: Mapping[str, str]) -> dict[str, object]:
    """Return the values of a content."""
    return dict(zip(base, serializer.loads(f"[{','.join(base.values())}]"), strict=True))


def as_key(key: object) -> str:
    """Return a key as JSON has it: text.

    Raises:
        TypeError: If the key is of a type that cannot be one.
    """
    return key if type(key) is str else t.cast("str", next(iter(json.loads(json.dumps({key: None})))))
