"""JSON providers: the interface that an application can implement, and the default implementation."""

from __future__ import annotations

import dataclasses
import json
import sys
import typing as t
import uuid
import weakref
from datetime import date
from json import encoder as _encoder
from types import FunctionType

from .. import invalidation
from ..flask_names import offer_flasks_names
from ..invalidation import Watched, as_defined, attribute, attributes, invalidate
from ..lazy import late_modules

if t.TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from tuile.sansio.app import App
    from tuile.wrappers.response import Response

    from ..http import dates as dates  # noqa: PLC0414 - handed on
    from . import dataclass_values, indented
else:
    dates, dataclass_values, indented = late_modules(__name__, "..http.dates", ".dataclass_values", ".indented")


# Methods whose result is computed inline as long as they are not overridden, and the default ones to compare with.
_NOTED = ("_prepare_response_obj", "dumps", "loads", "response")
_STOCK: dict[str, object] = {}
# The settings that the inline code reads.
_SETTINGS = ("compact", "default", "ensure_ascii", "mimetype", "sort_keys")
_PLAIN_KINDS = (bool, str, type(None), staticmethod, FunctionType)


class NestingError(ValueError, RecursionError):
    """JSON text is nested more deeply than Python can read: the error is the client's, not the program's."""


class JSONProvider(metaclass=Watched):
    """Write and read JSON for one application. To use another library, override `dumps` and `loads`.

    An application creates its provider from `json_provider_class`; a provider can also be assigned to `app.json`.

    Args:
        app: The application. `_app` is a weak reference, because the application holds the provider.
    """

    # Returns the app itself, for each response: every attribute of the weak proxy is slower.
    _find_app: t.Callable[[], App | None] = staticmethod(lambda: None)

    # Whether `dumps` is the one of `DefaultJSONProvider`, whether `loads` and `response` are, and whether no setting is
    # computed.
    writes_plainly = False
    reads_plainly = False
    responds_plainly = False
    has_plain_settings = False

    @classmethod
    def _set_flags(cls) -> None:
        """Set the flags for what the class has not overridden."""
        stock = {name: bool(_STOCK) and attribute(cls, name) is _STOCK[name] for name in _NOTED}
        cls.set_flag("writes_plainly", stock["dumps"] and _c_make_encoder is not None)
        cls.set_flag("reads_plainly", stock["loads"])
        cls.set_flag("responds_plainly", stock["response"] and stock["_prepare_response_obj"])
        read_plainly = attribute(cls, "__getattribute__") is object.__getattribute__
        plain = all(isinstance(attribute(cls, name), _PLAIN_KINDS) for name in _SETTINGS)
        cls.set_flag("has_plain_settings", read_plainly and plain)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in _NOTED:
            self.writes_plainly = self.reads_plainly = self.responds_plainly = False
        if name in _NOTED or name in _SETTINGS:
            invalidate()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in _NOTED and not any(noted in vars(self) for noted in _NOTED):
            # The flags of the class apply again.
            del self.writes_plainly, self.reads_plainly, self.responds_plainly
        if name in _NOTED or name in _SETTINGS:
            invalidate()

    def __init__(self, app: App) -> None:
        self._app = t.cast("App", weakref.proxy(app))
        # Tuile's own; `__setattr__` has nothing to do for it.
        self.__dict__["_find_app"] = weakref.ref(app)

    def dumps(self, obj: object, **kwargs: t.Any) -> str:
        """Return an object as JSON text.

        Args:
            obj: The object.
            kwargs: Options of the JSON library.
        """
        raise NotImplementedError

    def dump(self, obj: object, fp: t.IO[str], **kwargs: t.Any) -> None:
        """Write an object as JSON to an open text file."""
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: t.Any) -> t.Any:
        """Parse JSON text, or bytes in UTF-8.

        Args:
            s: The text.
            kwargs: Options of the JSON library.
        """
        raise NotImplementedError

    def load(self, fp: t.IO[t.AnyStr], **kwargs: t.Any) -> t.Any:
        """Parse the JSON in an open file."""
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Return the object that the arguments of `response` stand for."""
        if args and kwargs:
            raise TypeError("app.json.response() takes either args or kwargs, not both")
        if len(args) == 1:
            return args[0]
        return args or kwargs or None

    def response(self, *args: object, **kwargs: object) -> Response:
        """Return a response with the arguments as its JSON body.

        Args:
            args: One value, or several, which become a list; no arguments mean `null`.
            kwargs: These become an object. They cannot be combined with `args`.
        """
        body = self.dumps(self._prepare_response_obj(args, kwargs))
        return self._app.response_class(body, mimetype="application/json")


def _default(o: object) -> object:
    """Convert an object of a type that JSON does not have.

    Raises:
        TypeError: If the type is not supported.
    """
    if isinstance(o, date):
        return dates.dump_date(o)
    if isinstance(o, uuid.UUID):
        return str(o)
    # Importing it takes 1 ms, and there is no Decimal before it was imported.
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(o, decimal.Decimal):
        return str(o)
    if dataclasses.is_dataclass(o):
        # A dataclass itself, rather than an instance, also comes here, and asdict() raises a TypeError.
        return dataclass_values.as_dict(t.cast("DataclassInstance", o))
    as_html: t.Callable[[], object] | None = getattr(o, "__html__", None)
    if as_html is not None:
        return str(as_html())
    raise TypeError(f"Object of type {type(o).__name__} is not JSON serializable")


_Encode: t.TypeAlias = "t.Callable[[object, int], t.Iterable[str]]"
_Write: t.TypeAlias = "t.Callable[[object], str]"

# None where Python has no C encoder (PyPy). Not in typeshed, so fetched by name. Its first argument is a dict for
# finding circular references; without one, it writes objects in 7/8 of the time.
_c_make_encoder: t.Callable[..., _Encode] | None
_c_make_encoder = getattr(_encoder, "c_make_encoder", None)
# Tests and agents replace them.
_dumps, _loads = as_defined(json, "dumps"), as_defined(json, "loads")


def _careless_writer(encode: _Encode, careful: _Write) -> _Write:
    """Return a function that writes an object as JSON text with an encoder that does not find circular references.

    Such an encoder has no state.

    Args:
        encode: The encoder.
        careful: Writes what is circular or nested too deeply, or raises the error.
    """

    def write(obj: object) -> str:
        try:
            return "".join(encode(obj, 0))
        except RecursionError:
            pass
        return careful(obj)

    return write


def _careful_writer(make: t.Callable[[], _Encode]) -> _Write:
    """Return a function that writes an object as JSON text with encoders that find circular references.

    Args:
        make: Makes such an encoder.
    """
    # Each has a dict for finding them, which is empty before and after each text. So an encoder in use must not be
    # shared, with another thread or a `default` that writes JSON, and after an error it is not used again.
    spare: list[_Encode] = []

    def write(obj: object) -> str:
        try:
            encode = spare.pop()
        except IndexError:
            encode = make()
        text = "".join(encode(obj, 0))
        spare.append(encode)
        return text

    return write


#: The core of json.loads, for text without blanks around the value: returns the value and where it ends.
scan: t.Callable[[str, int], tuple[object, int]]
scan = vars(json.JSONDecoder())["scan_once"]
_BRACKETS = frozenset(b"{[")
# What may follow a value (RFC 8259 section 2).
_BLANKS = " \t\n\r"
_COMPACT_OPTIONS = {"separators": (",", ":")}


class DefaultJSONProvider(JSONProvider):
    """JSON by Python's own module, with support for a few more types.

    A date or datetime becomes an HTTP date, a UUID or Decimal a string, a dataclass an object, and an object with an
    `__html__` method (such as Markup) the string that it returns.

    The attributes can be set on a subclass or on `app.json`, at any time.
    """

    default: t.Callable[[t.Any], object] = staticmethod(_default)
    """Called with an object of a type that JSON does not have; returns one that it has, or raises TypeError."""

    ensure_ascii: bool = True
    """Escape characters beyond ASCII. False makes the text smaller."""

    sort_keys: bool = True
    """Sort the keys of objects, which must then be comparable. False keeps their order."""

    compact: bool | None = None
    """Whether `response` leaves out indentation and spaces; None means unless the app is in debug mode."""

    mimetype: str = "application/json"
    """The media type of the responses that `response` returns."""

    # The epoch of the last call of `dumps` without options, the provider that was called (not the one that this is a
    # copy of), and what writes its text; None by the first call of an epoch, False if that is uncertain.
    _kept: tuple[object, t.Callable[[], object], _Write | t.Literal[False] | None] = (None, lambda: None, None)

    def dumps(self, obj: object, **kwargs: t.Any) -> str:
        """Return an object as JSON text.

        Args:
            obj: The object.
            kwargs: Options of `json.dumps`. The attributes are the defaults of `default`, `ensure_ascii` and
                `sort_keys`.
        """
        if not kwargs:
            epoch, owner, write = self._kept
            if epoch is not invalidation.epoch or owner() is not self:
                self.__dict__["_kept"] = invalidation.epoch, weakref.ref(self), None
            elif write is None:
                # Made by the second call of an epoch: where it moves all the time, none is.
                self.__dict__["_kept"] = epoch, owner, self._writer(", ", ": ") or False
            elif write:
                return write(obj)
            comma, colon = ", ", ": "
        elif kwargs == _COMPACT_OPTIONS:
            comma, colon = ",", ":"
        else:
            comma = colon = ""
        if _c_make_encoder is None or not comma or json.dumps is not _dumps or self.default is None:
            kwargs.setdefault("default", self.default)
            kwargs.setdefault("ensure_ascii", self.ensure_ascii)
            kwargs.setdefault("sort_keys", self.sort_keys)
            return json.dumps(obj, **kwargs)
        return self._written(obj, comma, colon)

    def loads(self, s: str | bytes, **kwargs: t.Any) -> t.Any:
        """Parse JSON text, or bytes in UTF-8.

        Args:
            s: The text.
            kwargs: Options of `json.loads`.

        Raises:
            ValueError: If it is not JSON, or nested too deeply (a `NestingError`).
        """
        text = s
        try:
            if json.loads is not _loads:
                return json.loads(s, **kwargs)
            if not kwargs and type(s) is bytes and len(s) > 1 and s[0] in _BRACKETS and s[1]:
                # UTF-8, by the rules that json uses to detect encodings.
                text = s.decode(errors="surrogatepass")
            if not kwargs and type(text) is str:
                try:
                    obj, end = scan(text, 0)
                except StopIteration:
                    obj, end = None, -1
                # A newline ends most files, and what Flask and Tuile answer.
                if end == len(text) or (end > 0 and not text[end:].strip(_BLANKS)):
                    return obj
            # Options, other encodings, blanks before the value, and errors, with json's own messages.
            return json.loads(s, **kwargs)
        except RecursionError as error:
            raise NestingError(str(error)) from None

    def _compact_writer(self) -> _Write | None:
        """Return a function that writes the compact text of `dumps` until the epoch moves; None to call `dumps`."""
        return self._writer(",", ":") if self.writes_plainly else None

    def _writer(self, comma: str, colon: str) -> _Write | None:
        """Return a function that writes JSON text until the epoch moves; None if that is uncertain."""
        make, sort_keys = _c_make_encoder, self.sort_keys
        default: t.Any = self.default
        quote = _encoder.encode_basestring_ascii if self.ensure_ascii else _encoder.encode_basestring
        if make is None or json.dumps is not _dumps or default is None or not self.has_plain_settings:
            return None

        def make_encoder(found: dict[int, object] | None) -> _Encode:
            return make(found, default, quote, None, colon, comma, sort_keys, False, True)

        careful = _careful_writer(lambda: make_encoder({}))
        # What this converts is in no circle, and does not see how often it is called.
        return _careless_writer(make_encoder(None), careful) if default is _default else careful

    def _answers_compactly(self, debug: bool) -> bool:
        """Return whether the body of a response is compact text and a newline."""
        compact = not debug if self.compact is None else self.compact is not False
        return compact and self.responds_plainly

    def _text(self, obj: object, debug: bool) -> str:
        """Return the body of a response."""
        compact = self.compact
        if compact is False or (compact is None and debug):
            text = None
            if self.writes_plainly and json.dumps is _dumps and self.default is not None:
                text = indented.indented(obj, ensure_ascii=self.ensure_ascii, sort_keys=self.sort_keys)
            return f"{self.dumps(obj, indent=2) if text is None else text}\n"
        if self.writes_plainly and json.dumps is _dumps and self.default is not None:
            return f"{self._written(obj, ',', ':')}\n"
        return f"{self.dumps(obj, separators=(',', ':'))}\n"

    def _written(self, obj: object, comma: str, colon: str) -> str:
        """Return an object as JSON text, written by the C encoder."""
        default, sort_keys = self.default, self.sort_keys
        # json.dumps creates an encoder object per call only to reach the C encoder. The encoder is not kept for the
        # next call, as in `_compact_writer`, because any setting may have changed by then.
        quote = _encoder.encode_basestring_ascii if self.ensure_ascii else _encoder.encode_basestring
        # First as `_careless_writer` does.
        found: dict[int, object] | None
        for found in (None, {}) if default is _default else ({},):
            write = _c_make_encoder(found, default, quote, None, colon, comma, sort_keys, False, True)  # type: ignore[misc] # it is there
            try:
                return "".join(write(obj, 0))
            except RecursionError:
                if found is not None:
                    raise
        raise AssertionError

    def response(self, *args: object, **kwargs: object) -> Response:
        """Return a response with the arguments and a newline as its JSON body.

        Args:
            args: One value, or several, which become a list; no arguments mean `null`.
            kwargs: These become an object. They cannot be combined with `args`.
        """
        if len(args) == 1 and not kwargs and self.responds_plainly:
            obj = args[0]
        else:
            obj = self._prepare_response_obj(args, kwargs)
        app = self._find_app() or self._app
        make = getattr(app, "_json_response", None)
        if make is not None and (type(obj) is dict or type(obj) is list) and app.json is self:
            quick: Response | None = make(obj)
            if quick is not None:
                return quick
        body = self._text(obj, app.debug)
        response: Response = app.response_class(body, mimetype=self.mimetype)
        return response


_STOCK.update(attributes(DefaultJSONProvider, _NOTED))
DefaultJSONProvider._set_flags()

offer_flasks_names(__name__)
