"""JSON that keeps the Python types a session may hold: tuples, bytes, Markup, UUIDs, datetimes.

Floor 2, one request.

Here live the tags and the serializer that applies them. A value that JSON has no form for is written as an object
with one key, its tag: ``(1, 2)`` becomes ``{" t": [1, 2]}``. Signing lives with the session that is signed.

A tag of one's own, for a type that another tag would take first::

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

The text is the same, byte for byte, as Flask 3.1.3 writes: a session signed by one is read by the other.
"""

from __future__ import annotations

import typing as t
from base64 import b64decode, b64encode
from datetime import datetime
from uuid import UUID

from markupsafe import Markup
from werkzeug.http import http_date, parse_date

from tuile.ctx.app_context import current
from tuile.json import dumps, loads


class JSONTag:
    """How one type is written and read. Each serializer has an instance of its own."""

    __slots__ = ("serializer",)

    #: What marks the value. Without one the type is only walked through, as dicts and lists are.
    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: t.Any) -> bool:
        """Whether this tag is the one for the value."""
        raise NotImplementedError

    def to_json(self, value: t.Any) -> t.Any:
        """The value as something JSON has a form for, without the mark."""
        raise NotImplementedError

    def to_python(self, value: t.Any) -> t.Any:
        """The value that `to_json` was given, from what it returned."""
        raise NotImplementedError

    def tag(self, value: t.Any) -> dict[str, t.Any]:
        """The value as something JSON has a form for, with the mark."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """A dict whose only key happens to be a tag; written with two underscores after the key."""

    __slots__ = ()
    key = " di"

    def check(self, value: t.Any) -> bool:
        """Whether reading would take this dict for a tagged value."""
        return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in self.serializer.tags

    def to_json(self, value: t.Any) -> t.Any:
        """The dict, its key marked."""
        ((key, inner),) = value.items()
        return {f"{key}__": self.serializer.tag(inner)}

    def to_python(self, value: t.Any) -> t.Any:
        """The dict with its own key."""
        ((key, inner),) = value.items()
        return {key[:-2]: inner}


class PassDict(JSONTag):
    """Any other dict. Its keys are strings, or become strings, as JSON has it."""

    __slots__ = ()

    def check(self, value: t.Any) -> bool:
        """Whether it is a dict."""
        return isinstance(value, dict)

    def to_json(self, value: t.Any) -> t.Any:
        """The dict with its values tagged."""
        return {key: self.serializer.tag(inner) for key, inner in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """A tuple, written as a list."""

    __slots__ = ()
    key = " t"

    def check(self, value: t.Any) -> bool:
        """Whether it is a tuple."""
        return isinstance(value, tuple)

    def to_json(self, value: t.Any) -> t.Any:
        """A list of the items, tagged."""
        return [self.serializer.tag(inner) for inner in value]

    def to_python(self, value: t.Any) -> t.Any:
        """The tuple."""
        return tuple(value)


class PassList(JSONTag):
    """A list."""

    __slots__ = ()

    def check(self, value: t.Any) -> bool:
        """Whether it is a list."""
        return isinstance(value, list)

    def to_json(self, value: t.Any) -> t.Any:
        """The list with its items tagged."""
        return [self.serializer.tag(inner) for inner in value]

    tag = to_json


class TagBytes(JSONTag):
    """Bytes, written in base64."""

    __slots__ = ()
    key = " b"

    def check(self, value: t.Any) -> bool:
        """Whether it is bytes."""
        return isinstance(value, bytes)

    def to_json(self, value: t.Any) -> t.Any:
        """The bytes in base64, as text."""
        return b64encode(value).decode("ascii")

    def to_python(self, value: t.Any) -> t.Any:
        """The bytes."""
        return b64decode(value)


class TagMarkup(JSONTag):
    """Whatever has an ``__html__`` method; read back as Markup."""

    __slots__ = ()
    key = " m"

    def check(self, value: t.Any) -> bool:
        """Whether it can present itself as HTML."""
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: t.Any) -> t.Any:
        """The HTML as plain text."""
        return str(value.__html__())

    def to_python(self, value: t.Any) -> t.Any:
        """The HTML, marked safe."""
        return Markup(value)  # noqa: S704 - it was safe when it was written, and the session is signed


class TagUUID(JSONTag):
    """A UUID, written as 32 hexadecimal digits."""

    __slots__ = ()
    key = " u"

    def check(self, value: t.Any) -> bool:
        """Whether it is a UUID."""
        return isinstance(value, UUID)

    def to_json(self, value: t.Any) -> t.Any:
        """The digits."""
        return value.hex

    def to_python(self, value: t.Any) -> t.Any:
        """The UUID."""
        return UUID(value)


class TagDateTime(JSONTag):
    """A datetime, written as an HTTP date: to the second, and read back in UTC."""

    __slots__ = ()
    key = " d"

    def check(self, value: t.Any) -> bool:
        """Whether it is a datetime."""
        return isinstance(value, datetime)

    def to_json(self, value: t.Any) -> t.Any:
        """The HTTP date."""
        return http_date(value)

    def to_python(self, value: t.Any) -> t.Any:
        """The datetime, aware, in UTC."""
        return parse_date(value)


_BUILT_IN_TAGS = (TagDict, PassDict, TagTuple, PassList, TagBytes, TagMarkup, TagUUID, TagDateTime)

_BUILT_IN_KEYS = sum(1 for tag_class in _BUILT_IN_TAGS if tag_class.key)

# What no built-in tag takes: exactly these types, since a subclass may have an `__html__`.
_SCALARS = frozenset((str, int, float, bool, type(None)))


class TaggedJSONSerializer:
    """Writes and reads JSON in which values carry their types.

    Beside what JSON knows: tuple, bytes, Markup, UUID, datetime, and one-key dicts that look like a tag.
    """

    __slots__ = ("_built_in", "order", "tags")

    #: The tag classes a new serializer begins with; `register` adds more.
    default_tags: list[type[JSONTag]] = list(_BUILT_IN_TAGS)

    def __init__(self) -> None:
        self.tags: dict[str, JSONTag] = {}
        self.order: list[JSONTag] = []
        for tag_class in self.default_tags:
            self.register(tag_class)
        # The tags that are asked in this order where nobody has added or replaced one; otherwise none that are asked.
        stock = type(self) is TaggedJSONSerializer and tuple(map(type, self.order)) == _BUILT_IN_TAGS
        self._built_in = list(self.order) if stock else None

    def register(self, tag_class: type[JSONTag], force: bool = False, index: int | None = None) -> None:
        """Add a tag.

        :param tag_class: made here, with this serializer.
        :param force: replace the tag that has the same key.
        :param index: where among the tags it is asked, before the more general ones; None: last.
        :raises KeyError: when the key is taken, unless forced.
        """
        tag = tag_class(self)
        key = tag.key
        if key:
            if key in self.tags and not force:
                raise KeyError(f"Tag '{key}' is already registered.")
            self.tags[key] = tag
        self.order.insert(len(self.order) if index is None else index, tag)

    def tag(self, value: t.Any) -> t.Any:
        """The value, with everything in it that needs one marked by its tag."""
        # Asking eight tags about every number and string is most of the work of saving a session. Where only the
        # built-in tags stand, a dict or list of scalars is known to come out as it is: 20 -> 1 Python functions
        # for two keys, tests/test_json_tag.py. A dict that looks like a tag is left to the tags.
        kind = type(value)
        if (kind in _SCALARS or kind is dict or kind is list) and self.order == self._built_in:
            if kind is list:
                return [inner if type(inner) in _SCALARS else self.tag(inner) for inner in value]
            if kind is not dict:
                return value
            if len(value) != 1 or next(iter(value)) not in self.tags:
                return {key: inner if type(inner) in _SCALARS else self.tag(inner) for key, inner in value.items()}
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, t.Any]) -> t.Any:
        """The value that a dict stands for: itself, unless its only key is a tag."""
        if len(value) != 1:
            return value
        ((key, inner),) = value.items()
        if key not in self.tags:
            return value
        return self.tags[key].to_python(inner)

    def _untag_scan(self, value: t.Any) -> t.Any:
        """The value with everything in it untagged, the innermost first."""
        if isinstance(value, dict):
            scanned = {
                key: self._untag_scan(inner) if isinstance(inner, (dict, list)) else inner
                for key, inner in value.items()
            }
            return self.untag(scanned)
        if isinstance(value, list):
            return [self._untag_scan(inner) if isinstance(inner, (dict, list)) else inner for inner in value]
        return value

    def dumps(self, value: t.Any) -> str:
        """The value as compact JSON text, tagged."""
        here = current.get(None)
        tagged = value if self.order == self._built_in and self._is_flat(value) else self.tag(value)
        if here is None:
            return dumps(tagged, separators=(",", ":"))
        write: t.Callable[[t.Any], str] | None = here.app.write_json
        if write is not None:
            return write(tagged)
        return here.app.json.dumps(tagged, separators=(",", ":"))  # type: ignore[no-any-return] # as it writes them

    def loads(self, value: str) -> t.Any:
        """The value that `dumps` was given, from the text it returned."""
        here = current.get(None)
        read = loads if here is None else here.app.json.loads
        scanned = read(value)
        if self._built_in is not None and self._is_flat(scanned):
            return scanned
        return self._untag_scan(scanned)

    def _is_flat(self, value: t.Any) -> bool:
        """Whether it is a dict of scalars that no tag would change, as most sessions are."""
        if type(value) is not dict or (len(value) == 1 and next(iter(value)) in self.tags):
            return False
        for inner in value.values():  # noqa: SIM110 - `all` and a generator would be a function more
            if type(inner) not in _SCALARS:
                return False
        return True
