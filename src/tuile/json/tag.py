"""Serialize JSON that keeps Python types which sessions may hold: tuple, bytes, Markup, UUID, datetime.

A value that JSON cannot represent is written as an object whose only key is its tag: ``(1, 2)`` becomes ``{" t": [1,
2]}``. The output is byte for byte that of Flask 3.1.3, so each can read sessions that the other has signed.

To support another type, register a tag, before more general ones if need be::

    class TagOrderedDict(JSONTag):
        __slots__ = ()
        key = " od"

        def check(self, value):
            return isinstance(value, OrderedDict)

        def to_json(self, value):
            return [[k, self.serializer.tag(v)] for k, v in value.items()]

        def to_python(self, value):
            return OrderedDict(value)

    app.session_interface.serializer.register(TagOrderedDict, index=0)
"""

from __future__ import annotations

import typing as t
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from json import JSONDecoder
from uuid import UUID

from markupsafe import Markup

from tuile.ctx.app_context import current_value
from tuile.json import dumps, loads
from tuile.json.provider import scan

from ..flask_names import offer_flasks_names
from ..http import dates


class JSONTag:
    """How one type is serialized. Each serializer creates its own instance."""

    __slots__ = ("serializer",)

    #: The tag of the value. Without one, only the items of the value are tagged, as in dicts and lists.
    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: object) -> bool:
        """Return whether this tag applies to the value."""
        raise NotImplementedError

    def to_json(self, value: t.Any) -> t.Any:
        """Return the value in a form that JSON can represent, without the tag."""
        raise NotImplementedError

    def to_python(self, value: t.Any) -> t.Any:
        """Return the original value from the result of `to_json`."""
        raise NotImplementedError

    def tag(self, value: t.Any) -> object:
        """Return the value in a form that JSON can represent, with the tag."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """A dict whose only key looks like a tag. Two underscores are appended to the key."""

    __slots__ = ()
    key = " di"

    def check(self, value: object) -> bool:
        """Return whether the dict would be read as a tagged value."""
        return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in self.serializer.tags

    def to_json(self, value: dict[str, object]) -> dict[str, object]:
        """Return the dict with the key marked."""
        ((key, inner),) = value.items()
        return {f"{key}__": self.serializer.tag(inner)}

    def to_python(self, value: dict[str, object]) -> dict[str, object]:
        """Return the dict with the original key."""
        ((key, inner),) = value.items()
        return {key[:-2]: inner}


class PassDict(JSONTag):
    """A dict of another kind. Keys are strings or become strings, as in JSON."""

    __slots__ = ()

    def check(self, value: object) -> bool:
        """Return whether the value is a dict."""
        return isinstance(value, dict)

    def to_json(self, value: dict[str, object]) -> dict[str, object]:
        """Return the dict with tagged values."""
        return {key: self.serializer.tag(inner) for key, inner in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """A tuple, serialized as a list."""

    __slots__ = ()
    key = " t"

    def check(self, value: object) -> bool:
        """Return whether the value is a tuple."""
        return isinstance(value, tuple)

    def to_json(self, value: tuple[object, ...]) -> list[object]:
        """Return a list of the tagged items."""
        return [self.serializer.tag(inner) for inner in value]

    def to_python(self, value: list[object]) -> tuple[object, ...]:
        """Return the tuple."""
        return tuple(value)


class PassList(JSONTag):
    """A list."""

    __slots__ = ()

    def check(self, value: object) -> bool:
        """Return whether the value is a list."""
        return isinstance(value, list)

    def to_json(self, value: list[object]) -> object:
        """Return the list with tagged items."""
        return [self.serializer.tag(inner) for inner in value]

    tag = to_json


class TagBytes(JSONTag):
    """Bytes, serialized as base64."""

    __slots__ = ()
    key = " b"

    def check(self, value: object) -> bool:
        """Return whether the value is bytes."""
        return isinstance(value, bytes)

    def to_json(self, value: bytes) -> str:
        """Return the bytes as base64 text."""
        return b64encode(value).decode("ascii")

    def to_python(self, value: str) -> bytes:
        """Return the bytes."""
        return b64decode(value)


class TagMarkup(JSONTag):
    """An object with an ``__html__`` method. It is read back as Markup."""

    __slots__ = ()
    key = " m"

    def check(self, value: object) -> bool:
        """Return whether the value has an ``__html__`` method."""
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: Markup) -> str:
        """Return the HTML as plain text."""
        return str(value.__html__())

    def to_python(self, value: str) -> Markup:
        """Return the HTML as Markup."""
        return Markup(value)  # noqa: S704 - it was Markup when it was written, and the session is signed


class TagUUID(JSONTag):
    """A UUID, serialized as 32 hexadecimal digits."""

    __slots__ = ()
    key = " u"

    def check(self, value: object) -> bool:
        """Return whether the value is a UUID."""
        return isinstance(value, UUID)

    def to_json(self, value: UUID) -> str:
        """Return the digits."""
        return value.hex

    def to_python(self, value: str) -> UUID:
        """Return the UUID."""
        return UUID(value)


class TagDateTime(JSONTag):
    """A datetime, serialized as an HTTP date: in whole seconds, read back in UTC."""

    __slots__ = ()
    key = " d"

    def check(self, value: object) -> bool:
        """Return whether the value is a datetime."""
        return isinstance(value, datetime)

    def to_json(self, value: datetime) -> str:
        """Return the HTTP date."""
        return dates.dump_date(value)

    def to_python(self, value: str) -> datetime | None:
        """Return the datetime in UTC, with its time zone."""
        return dates.load_date(value)


_BUILT_IN_TAGS = (TagDict, PassDict, TagTuple, PassList, TagBytes, TagMarkup, TagUUID, TagDateTime)

# Only exactly these types: a subclass may have an `__html__`.
_SCALARS = frozenset((str, int, float, bool, type(None)))
# The places of the tags for exactly these types, which no tag before theirs applies to.
_PLACES = {tuple: 2, bytes: 4, Markup: 5, UUID: 6, datetime: 7}
# How many dicts and lists are looked at in a value before it is tagged one by one.
_MOST_FOUND = 10_000
_COUNT_OF_KEYS = sum(1 for tag_class in _BUILT_IN_TAGS if tag_class.key)


class TaggedJSONSerializer:
    """Serialize values as JSON that keeps their types.

    Besides the types of JSON: tuple, bytes, Markup, UUID, datetime, and dicts whose only key looks like a tag.
    """

    __slots__ = ("_built_in", "order", "tags")

    #: The tag classes of a new serializer; `register` adds more.
    default_tags: list[type[JSONTag]] = list(_BUILT_IN_TAGS)

    def __init__(self) -> None:
        self.tags: dict[str, JSONTag] = {}
        self.order: list[JSONTag] = []
        for tag_class in self.default_tags:
            self.register(tag_class)
        # The tags in order if none was added or replaced; None matches no order.
        stock = type(self) is TaggedJSONSerializer and tuple(map(type, self.order)) == _BUILT_IN_TAGS
        self._built_in = list(self.order) if stock else None

    def register(self, tag_class: type[JSONTag], force: bool = False, index: int | None = None) -> None:
        """Register a tag.

        Args:
            tag_class: The class of the tag. An instance is created for this serializer.
            force: Replace a tag with the same key.
            index: The position among the tags, which are tried in order. None: last.

        Raises:
            KeyError: If the key is registered already, unless `force` is true.
        """
        tag = tag_class(self)
        key = tag.key
        if key:
            if key in self.tags and not force:
                raise KeyError(f"Tag '{key}' is already registered.")
            self.tags[key] = tag
        self.order.insert(len(self.order) if index is None else index, tag)

    def tag(self, value: t.Any) -> object:
        """Return the value with everything in it tagged that needs a tag."""
        # Trying eight tags on every number and string is most of the work of saving a session. With the
        # built-in tags alone, a dict or list of scalars stays as it is, unless it looks like a tagged value.
        kind = type(value)
        place = _PLACES.get(kind)
        if (place is not None or kind in _SCALARS or kind is dict or kind is list) and self.order == self._built_in:
            if kind is list:
                return [inner if type(inner) in _SCALARS else self.tag(inner) for inner in value]
            if place is not None:
                return self.order[place].tag(value)
            if kind is not dict:
                return value
            if len(value) != 1 or next(iter(value)) not in self.tags:
                return {key: inner if type(inner) in _SCALARS else self.tag(inner) for key, inner in value.items()}
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, object]) -> object:
        """Return the value of a tagged dict, or the dict itself if it has no tag."""
        if len(value) != 1:
            return value
        ((key, inner),) = value.items()
        if key not in self.tags:
            return value
        return self.tags[key].to_python(inner)

    def _untag_scan(self, value: object) -> object:
        """Return the value with everything in it untagged, innermost values first."""
        if isinstance(value, dict):
            scanned = {
                key: self._untag_scan(inner) if isinstance(inner, (dict, list)) else inner
                for key, inner in value.items()
            }
            return self.untag(scanned)
        if isinstance(value, list):
            return [self._untag_scan(inner) if isinstance(inner, (dict, list)) else inner for inner in value]
        return value

    def dumps(self, value: object) -> str:
        """Serialize the value as tagged, compact JSON."""
        here = current_value(None)
        is_plain = self.order == self._built_in and (type(value) in _SCALARS or self._needs_no_tags(value))
        tagged = value if is_plain else self.tag(value)
        if here is None:
            return dumps(tagged, separators=(",", ":"))
        write: t.Callable[[object], str] | None = here.app._current_plan().write_json
        if write is not None:
            return write(tagged)
        return here.app.json.dumps(tagged, separators=(",", ":"))

    def loads(self, value: str) -> t.Any:
        """Deserialize the output of `dumps`."""
        here = current_value(None)
        provider = None if here is None else here.app.json
        scanned, end = None, -1
        plainly = getattr(provider, "reads_plainly", False) and type(value) is str
        if plainly and '{" ' in value and self._built_in is not None and self.order == self._built_in:
            # Something is tagged. The parser untags each object as soon as it is read, innermost first.
            with suppress(Exception):  # raised again below
                scanned, end = _untagging_scan(self.untag)(value, 0)
                if end == len(value):
                    return scanned
        if plainly:
            try:
                scanned, end = scan(value, 0)
            except Exception:  # noqa: BLE001 - the provider raises it again, as its own
                end = -1
        if end != len(value):
            scanned = loads(value) if provider is None else provider.loads(value)
        if type(scanned) is dict and self._built_in is not None and self._is_flat(scanned):
            return scanned
        if plainly and ("{" not in value or self._has_no_keys_of_tags(value)):
            return scanned
        return self._untag_scan(scanned)

    def _reads_alike(self, provider: object) -> bool:
        """Return whether `loads` returns equal values for equal text without tags: nobody has replaced a part of it."""
        is_plain = type(self).loads is _loads and getattr(provider, "reads_plainly", False)
        return is_plain and self.order == self._built_in and len(self.tags) == _COUNT_OF_KEYS

    def _has_no_keys_of_tags(self, text: str) -> bool:
        """Return whether nothing in JSON text can be tagged: the keys of all built-in tags begin with a space."""
        return (
            '" ' not in text
            and "\\u0020" not in text
            and self.order == self._built_in
            and len(self.tags) == _COUNT_OF_KEYS
        )

    def _needs_no_tags(self, value: object) -> bool:
        """Return whether a value consists of dicts, lists and scalars alone, which no built-in tag applies to."""
        found = [value]
        # More are found on the way.
        for one in found:
            if type(one) is dict:
                if len(one) == 1 and next(iter(one)) in self.tags:
                    return False
                inners: t.Collection[object] = one.values()
            elif type(one) is list:
                inners = one
            else:
                return False
            if not _SCALARS.issuperset(map(type, inners)):
                found += [inner for inner in inners if type(inner) not in _SCALARS]
            if len(found) > _MOST_FOUND:
                return False  # it may contain itself
        return True

    def _is_flat(self, value: dict[str, object]) -> bool:
        """Return whether no tag would change a dict, which consists of scalars as in most sessions."""
        is_tagged = len(value) == 1 and next(iter(value)) in self.tags
        return not is_tagged and _SCALARS.issuperset(map(type, value.values()))


_loads = TaggedJSONSerializer.loads


@lru_cache(maxsize=8)
def _untagging_scan(untag: t.Callable[[dict[str, object]], object]) -> t.Callable[[str, int], tuple[object, int]]:
    """Return a parser of JSON that untags each object that it reads, by the method of a serializer."""
    return t.cast("t.Callable[[str, int], tuple[object, int]]", vars(JSONDecoder(object_hook=untag))["scan_once"])


#: The serializer of sessions in cookies, which Flask has as `flask.sessions.session_json_serializer`.
session_json_serializer = TaggedJSONSerializer()

offer_flasks_names(__name__)
