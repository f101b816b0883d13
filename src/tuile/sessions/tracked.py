"""A session that detects changes inside its values.

It is used for sessions that contain mutable values, such as lists. Only a value that was read can have been changed, so
what it was is noted when it is first read, and compared when `modified` is read.
"""

from __future__ import annotations

import marshal
import typing as t
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from .interface import SecureCookieSession, note_change

if t.TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..json.tag import TaggedJSONSerializer
    from .interface import SessionMixin
    from .stored import ServerSession

#: The immutable types.
IMMUTABLE: t.Final = frozenset({str, int, float, bool, type(None), bytes, datetime, UUID, Markup})

# Of this version, equal values of the same types are written alike, whatever else refers to them.
_VERSION: t.Final = 2


def tracked(
    session_class: type[SecureCookieSession],
    serializer: TaggedJSONSerializer,
    content: Mapping[str, object],
) -> SecureCookieSession:
    """Return a session: a tracked one if a value is mutable and the class is the default.

    Args:
        session_class: The class for sessions.
        serializer: The serializer.
        content: The content of the session.
    """
    if session_class is SecureCookieSession and type(content) is dict:
        for value in content.values():
            if type(value) not in IMMUTABLE:
                return TrackedSession(content, serializer.dumps)
    return session_class(content)


def content_of(session: SessionMixin) -> dict[str, object]:
    """Return the content of a session as a dictionary, for saving it."""
    return session.content() if type(session) is TrackedSession or type(session) is BesideSession else dict(session)


class TrackedSession(SecureCookieSession):
    """A session that detects changes inside its values."""

    #: Whether the application has a store for sessions.
    has_store: t.ClassVar[bool] = False
    _modified = False

    def __init__(
        self, initial: Mapping[str, object] | Iterable[tuple[str, object]], encode: Callable[[object], str]
    ) -> None:
        # As in the inherited constructor, in one call.
        dict.__init__(self, initial)
        self.on_update = note_change
        self._encode = encode
        # The values as of when they were first read: by `marshal`, which is much faster, or as text.
        self._handed_out: dict[str, bytes | str] = {}

    @property
    def modified(self) -> bool:
        """Whether the session was changed, including changes inside its values."""
        if not self._modified and self._handed_out:
            self._modified = any(map(self._is_changed_inside, self._handed_out))
        return self._modified

    @modified.setter
    def modified(self, value: bool) -> None:
        self._modified = bool(value)
        if not value:
            # Earlier changes are not saved.
            handed_out, self._handed_out = self._handed_out, {}
            for key in handed_out:
                if key in self:
                    self._hand_out(key)

    def _is_changed_inside(self, key: str) -> bool:
        if key not in self:
            return False
        value, before = dict.__getitem__(self, key), self._handed_out[key]
        try:
            if type(before) is bytes and marshal.dumps(value, _VERSION) == before:
                return False
        except ValueError:
            # Something was put in that only the serializer knows.
            pass
        try:
            return self._encode(value) != self._text_of(before)
        except Exception:  # noqa: BLE001 - whatever a value and its tag may raise; saving it raises it again
            return True

    def _text_of(self, noted: bytes | str) -> str:
        """Return the text of a value as it was when it was first read."""
        return noted if isinstance(noted, str) else self._encode(marshal.loads(noted))  # noqa: S302 - written here

    def _hand_out(self, key: str) -> object:
        """Return the value of a key, and note what it is for later comparison if it is mutable."""
        value = dict.__getitem__(self, key)
        if type(value) not in IMMUTABLE and key not in self._handed_out:
            try:
                self._handed_out[key] = marshal.dumps(value, _VERSION)
            except ValueError:
                self._note_text(key, value)
        return value

    def _note_text(self, key: str, value: object) -> None:
        try:
            self._handed_out[key] = self._encode(value)
        except Exception:  # noqa: BLE001 - it was assigned in this request; saving it raises it again
            self._modified = True

    def _hand_out_all(self) -> None:
        for key in dict.__iter__(self):
            self._hand_out(key)

    def content(self) -> dict[str, object]:
        """Return the content as a dictionary for saving. Nothing in it counts as read."""
        return dict(dict.items(self))

    def __getitem__(self, key: str) -> object:
        value = dict.__getitem__(self, key)
        return value if type(value) in IMMUTABLE else self._hand_out(key)

    def __iter__(self) -> Iterator[str]:
        # Without this method, `dict(session)` would copy the values without reading them through this class.
        return dict.__iter__(self)

    def get(self, key: str, default: object = None) -> object:
        """Return the value of a key, or the default."""
        return self._hand_out(key) if key in self else default

    def setdefault(self, key: str, default: object = None) -> object:
        """Return the value of a key, which is set if it is missing."""
        super().setdefault(key, default)
        return self._hand_out(key)

    def values(self) -> dict_values[str, object]:
        """Return a view of the values."""
        self._hand_out_all()
        return super().values()

    def items(self) -> dict_items[str, object]:
        """Return a view of the keys and values."""
        self._hand_out_all()
        return super().items()

    def copy(self) -> dict[str, object]:
        """Return a dictionary with the same values."""
        self._hand_out_all()
        return self.content()

    def __or__(self, other: t.Any) -> t.Any:
        self._hand_out_all()
        return super().__or__(other)

    def __ror__(self, other: t.Any) -> t.Any:
        self._hand_out_all()
        return super().__ror__(other)


#: The ids of requests whose session is looked for in their cookies only, although there is a store.
looking_into_cookies: set[int] = set()


class BesideSession(TrackedSession):
    """A session in a signed cookie of an application that has a store as well; see `beside`."""

    has_store = True
    #: Whose session it was when it was opened.
    user: str | None = None
    #: The User-Agent header and the address of the client.
    device: tuple[str, str] = ("", "")
    #: The session in the store that this one has become, because it was too large.
    spilled: ServerSession | None = None
