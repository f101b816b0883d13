"""How an application writes and reads JSON.

Floor 2, one request.

Here live the interface an application can replace (`JSONProvider`) and the one it has from birth
(`DefaultJSONProvider`). Finding the current application's provider lives in the package's `__init__`.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
import uuid
import weakref
from datetime import date
from json import encoder as _encoder
from types import FunctionType

from werkzeug.http import http_date

from ..flask_names import offer_flasks_names
from ..invalidation import Watched, attribute, attributes, move

if t.TYPE_CHECKING:
    from tuile.app import Flask
    from tuile.wrappers.response import Response


# What is done without being called, while nobody has replaced it, and what the provider here has of it.
_NOTED = ("_prepare_response_obj", "dumps", "response")
_STOCK: dict[str, object] = {}
# What it is done by.
_SETTINGS = ("compact", "default", "ensure_ascii", "mimetype", "sort_keys")
_PLAIN_KINDS = (bool, str, type(None), staticmethod, FunctionType)


class NestingError(ValueError, RecursionError):
    """JSON text that is nested more deeply than Python reads it: what a client sent is wrong, not the program."""


class JSONProvider(metaclass=Watched):
    """Writes and reads JSON for one application. To use another library, override `dumps` and `loads`.

    An application takes its provider from its ``json_provider_class``, or from an assignment to ``app.json``.

    :param app: the application; held weakly, as `_app`, because it holds the provider.
    """

    # The app itself, for what is done at each response: the proxy makes every attribute dearer.
    _find_app: t.Callable[[], Flask | None] = staticmethod(lambda: None)

    # Whether `dumps` is the one of `DefaultJSONProvider`, whether `response` is, and whether no setting is computed.
    writes_plainly = False
    responds_plainly = False
    has_plain_settings = False

    @classmethod
    def look(cls) -> None:
        """Note what the class has not replaced."""
        stock = {name: bool(_STOCK) and attribute(cls, name) is _STOCK[name] for name in _NOTED}
        cls.note("writes_plainly", stock["dumps"] and _c_make_encoder is not None)
        cls.note("responds_plainly", stock["response"] and stock["_prepare_response_obj"])
        read_plainly = attribute(cls, "__getattribute__") is object.__getattribute__
        plain = all(isinstance(attribute(cls, name), _PLAIN_KINDS) for name in _SETTINGS)
        cls.note("has_plain_settings", read_plainly and plain)

    def __setattr__(self, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        if name in _NOTED:
            self.writes_plainly = self.responds_plainly = False
        if name in _NOTED or name in _SETTINGS:
            move()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in _NOTED and not any(noted in vars(self) for noted in _NOTED):
            # As the class has them again.
            del self.writes_plainly, self.responds_plainly
        if name in _NOTED or name in _SETTINGS:
            move()

    def __init__(self, app: Flask) -> None:
        self._app = t.cast("Flask", weakref.proxy(app))
        self._find_app = weakref.ref(app)

    def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
        """The object as JSON text.

        :param kwargs: what the library behind it takes.
        """
        raise NotImplementedError

    def dump(self, obj: t.Any, fp: t.IO[str], **kwargs: t.Any) -> None:
        """Write the object as JSON to a file that is open for text."""
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: t.Any) -> t.Any:
        """The object that JSON text, or bytes in UTF-8, describes.

        :param kwargs: what the library behind it takes.
        """
        raise NotImplementedError

    def load(self, fp: t.IO[t.AnyStr], **kwargs: t.Any) -> t.Any:
        """The object that the JSON in an open file describes."""
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[t.Any, ...], kwargs: dict[str, t.Any]) -> t.Any:
        """The one object that the arguments of `response` stand for."""
        if args and kwargs:
            raise TypeError("app.json.response() takes either args or kwargs, not both")
        if len(args) == 1:
            return args[0]
        return args or kwargs or None

    def response(self, *args: t.Any, **kwargs: t.Any) -> Response:
        """A response with the arguments as its JSON body.

        :param args: one value, or several that become a list; none at all is ``null``.
        :param kwargs: become an object. Not together with ``args``.
        """
        body = self.dumps(self._prepare_response_obj(args, kwargs))
        return self._app.response_class(body, mimetype="application/json")


def _default(o: t.Any) -> t.Any:
    """What JSON has no form for, as something it has one for.

    :raises TypeError: when there is nothing sensible.
    """
    if isinstance(o, date):
        return http_date(o)
    from decimal import Decimal  # noqa: PLC0415 - 1 ms of import time that most applications never need

    if isinstance(o, (Decimal, uuid.UUID)):
        return str(o)
    if dataclasses.is_dataclass(o):
        # A dataclass itself, not an instance, passes the question and is refused with a TypeError by the answer.
        return dataclasses.asdict(t.cast("t.Any", o))
    if hasattr(o, "__html__"):
        return str(o.__html__())
    raise TypeError(f"Object of type {type(o).__name__} is not JSON serializable")


# None where Python has no C encoder (PyPy). Not in typeshed, so fetched by name.
_c_make_encoder: t.Callable[..., t.Callable[[t.Any, int], t.Iterable[str]]] | None
_c_make_encoder = getattr(_encoder, "c_make_encoder", None)

# What json.loads comes down to for text that begins and ends with its value: the value and where it ends.
_scan: t.Callable[[str, int], tuple[t.Any, int]]
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined] # not in typeshed
_BRACKETS = frozenset({b"{", b"["})
_COMPACT_OPTIONS = {"separators": (",", ":")}


class DefaultJSONProvider(JSONProvider):
    """JSON by Python's own module, which also learns to write a few more types.

    A date or datetime becomes an HTTP date, a UUID or Decimal a string, a dataclass an object, and whatever has an
    ``__html__`` method (Markup) the string that it returns.

    The attributes may be set on a subclass or on ``app.json``, at any time.
    """

    default: t.Callable[[t.Any], t.Any] = staticmethod(_default)
    """Called with what JSON has no form for; returns something it has one for, or raises TypeError."""

    ensure_ascii: bool = True
    """Escape what is not ASCII. Off, the text is smaller."""

    sort_keys: bool = True
    """Write objects in the order of their keys, which then must be of one kind. Off, in their own order."""

    compact: bool | None = None
    """Whether `response` leaves out indentation and spaces; None: it does except in debug mode."""

    mimetype: str = "application/json"
    """The media type of what `response` returns."""

    def dumps(self, obj: t.Any, **kwargs: t.Any) -> str:
        """The object as JSON text.

        :param kwargs: as for `json.dumps`. The attributes say what is not given: ``default``, ``ensure_ascii`` and
            ``sort_keys``.
        """
        if not kwargs:
            comma, colon = ", ", ": "
        elif kwargs == _COMPACT_OPTIONS:
            comma, colon = ",", ":"
        else:
            comma = colon = ""
        if _c_make_encoder is None or not comma or self.default is None:
            kwargs.setdefault("default", self.default)
            kwargs.setdefault("ensure_ascii", self.ensure_ascii)
            kwargs.setdefault("sort_keys", self.sort_keys)
            return json.dumps(obj, **kwargs)
        return self._written(obj, comma, colon)

    def loads(self, s: str | bytes, **kwargs: t.Any) -> t.Any:
        """The object that JSON text, or bytes in UTF-8, describes.

        :param kwargs: as for `json.loads`.
        :raises ValueError: it is no JSON, or nested too deeply (a `NestingError`).
        """
        text: t.Any = s
        try:
            if not kwargs and type(s) is bytes and s[:1] in _BRACKETS and s[1:2] != b"\0":
                # UTF-8, by the rules that json guesses encodings by.
                text = s.decode(errors="surrogatepass")
            if not kwargs and type(text) is str:
                try:
                    obj, end = _scan(text, 0)
                except StopIteration:
                    obj, end = None, -1
                if end == len(text):
                    return obj
            # Options, other bytes, blanks around the value, and the errors: with json's own words.
            return json.loads(s, **kwargs)
        except RecursionError as error:
            raise NestingError(str(error)) from None

    def _compact_writer(self) -> t.Callable[[t.Any], str] | None:
        """What writes compact text as `dumps` does, until the epoch moves; None where only `dumps` knows."""
        make, sort_keys = _c_make_encoder, self.sort_keys
        default: t.Any = self.default
        quote = _encoder.encode_basestring_ascii if self.ensure_ascii else _encoder.encode_basestring
        if make is None or default is None or not self.writes_plainly or not self.has_plain_settings:
            return None
        # Each encoder finds circles with a dict of its own, which is as empty after a text as before it. So one at work
        # is nobody else's, neither another thread's nor that of a `default` which writes JSON; and after an error
        # it is not used again. 0.25 µs of 1.1 for a small object, CPython 3.11, timeit.
        spare: list[t.Callable[[t.Any, int], t.Iterable[str]]] = []

        def write(obj: t.Any) -> str:
            try:
                encode = spare.pop()
            except IndexError:
                encode = make({}, default, quote, None, ":", ",", sort_keys, False, True)
            text = "".join(encode(obj, 0))
            spare.append(encode)
            return text

        return write

    def _answers_compactly(self, debug: bool) -> bool:
        """Whether the body of a response is compact text and a line end, for an app that may be in debug mode."""
        compact = not debug if self.compact is None else self.compact is not False
        return compact and self.responds_plainly

    def _text(self, obj: t.Any, debug: bool) -> str:
        """The body of a response, of an app that may be in debug mode."""
        compact = self.compact
        if compact is False or (compact is None and debug):
            return f"{self.dumps(obj, indent=2)}\n"
        if self.writes_plainly and self.default is not None:
            return f"{self._written(obj, ',', ':')}\n"
        return f"{self.dumps(obj, separators=(',', ':'))}\n"

    def _written(self, obj: t.Any, comma: str, colon: str) -> str:
        """The object as JSON text, by the C encoder that there is."""
        # json.dumps builds an encoder object per call, to reach the C encoder that is called here. It is not kept for
        # the next call, as by `_compact_writer`, because any setting may have been changed by then. 2.0 -> 0.9 µs for
        # a small object, CPython 3.11, timeit.
        quote = _encoder.encode_basestring_ascii if self.ensure_ascii else _encoder.encode_basestring
        write = _c_make_encoder({}, self.default, quote, None, colon, comma, self.sort_keys, False, True)  # type: ignore[misc] # it is there
        return "".join(write(obj, 0))

    def response(self, *args: t.Any, **kwargs: t.Any) -> Response:
        """A response with the arguments as its JSON body, and a line end after it.

        :param args: one value, or several that become a list; none at all is ``null``.
        :param kwargs: become an object. Not together with ``args``.
        """
        if len(args) == 1 and not kwargs and self.responds_plainly:
            obj = args[0]
        else:
            obj = self._prepare_response_obj(args, kwargs)
        app: t.Any = self._find_app() or self._app
        body = self._text(obj, app.debug)
        response: Response = app.response_class(body, mimetype=self.mimetype)
        return response


_STOCK.update(attributes(DefaultJSONProvider, _NOTED))
DefaultJSONProvider.look()

offer_flasks_names(__name__)
