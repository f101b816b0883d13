"""URL rules, and the detection of changes to a rule and its converters."""

from __future__ import annotations

import typing as t
from functools import lru_cache
from sys import intern
from types import MethodType

from werkzeug.routing import BaseConverter, RuleFactory
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule

from ..invalidation import as_defined, invalidate, is_method_of
from . import parsing

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self
    from werkzeug.routing.rules import RulePart

    from .links import Link

# The attributes of a rule that a map's index depends on and that may be set after the rule was bound.
_RULE_KNOBS = frozenset(
    {"alias", "defaults", "endpoint", "merge_slashes", "methods", "redirect_to", "strict_slashes", "websocket"}
)
# The attributes that are cached on a rule for building its URLs.
_KEPT = frozenset({"_listed", "_text", "_write"})
_NEW: dict[str, None] = dict.fromkeys(sorted(_KEPT))
# The attributes of a rule, and those among them that Werkzeug's constructor takes no argument for.
_PLAIN: dict[str, object] = {**_NEW, **vars(WerkzeugRule("/"))}
_SET = frozenset({*_NEW, "_converters", "_parts", "_trace", "arguments", "is_branch", "is_leaf", "map", "rule"})
_COLLECTIONS = frozenset({list, set, tuple})
# Variable names for which Werkzeug cannot compile a URL builder.
_REFUSED_NAMES = frozenset({"None", "True", "False", "__debug__"})

# The conditions under which a method of one of Werkzeug's own converters is inlined: the converter's class, the method,
# the converter's attributes, and a copy of them to compare with.
Guard = tuple[type[BaseConverter], object, dict[str, object], dict[str, object]]


def split_blueprint_path(name: str) -> list[str]:
    """Return the dotted names of a blueprint and of the blueprints around it, innermost first."""
    names = [name]
    while "." in name:
        name = name.rpartition(".")[0]
        names.append(name)
    return names


@lru_cache(maxsize=1024)
def scopes_of(endpoint: str) -> tuple[str | None, ...]:
    """Return the scopes of the functions that run for an endpoint: its blueprints, innermost first, and the app."""
    return *blueprints_of(endpoint), None


@lru_cache(maxsize=1024)
def blueprints_of(endpoint: str) -> tuple[str, ...]:
    """Return the names of the blueprints of an endpoint, innermost first."""
    name, dot, _ = endpoint.rpartition(".")
    return tuple(split_blueprint_path(name)) if dot else ()


def guard_of(converter: BaseConverter, method: str) -> Guard | None:
    """Return the conditions under which a method of one of Werkzeug's own converters can be inlined.

    Return None for converters of other classes, whose methods are always called.
    """
    kind = type(converter)
    if kind.__module__ != BaseConverter.__module__ or method in vars(converter):
        return None
    return kind, getattr(kind, method), vars(converter), dict(vars(converter))


_set = object.__setattr__
_werkzeugs_constructor, _werkzeugs_build = as_defined(WerkzeugRule, "__init__"), as_defined(WerkzeugRule, "build")
_werkzeugs_compile, _werkzeugs_bind = as_defined(WerkzeugRule, "compile"), as_defined(WerkzeugRule, "bind")
_werkzeugs_parser = as_defined(WerkzeugRule, "_parse_rule")

# What is written: path and query with one slash at the start, or a pair of subdomain or host and path for a rule that
# has one. Or one of the constants of `writing`, or None if the result is uncertain.
Written = t.Any
# Takes the values; and whether the options of `url_for` may be among them, or None for a URL without a query.
Write = t.Callable[..., Written]


class EndpointRules(list[WerkzeugRule]):
    """The rules of an endpoint in the order in which they are tried, with how their URLs are written.

    A change of the list or of a rule makes every plan stale, because plans have the links too.
    """

    __slots__ = ("link",)

    # How their URLs are written, if that is known (`links`).
    link: Link | None

    def __new__(cls, *_: object) -> Self:
        """Create it without a link."""
        rules = super().__new__(cls)
        rules.link = None
        return rules

    def _forget(self) -> None:
        """Forget how the URLs are written."""
        self.link = None
        invalidate()


class RulesByEndpoint(dict[str, list[WerkzeugRule]]):
    """The rules of a map by endpoint. A change makes every plan stale."""

    __slots__ = ()

    def _forget(self) -> None:
        invalidate()


class NoticedRules(RuleFactory):
    """A factory of rules that notices the endpoints of its rules, and makes Werkzeug's own rules ours."""

    def __init__(self, factory: RuleFactory) -> None:
        self._factory = factory
        self.endpoints: set[object] = set()

    def get_rules(self, map: WerkzeugMap) -> t.Iterator[WerkzeugRule]:
        """Yield the rules."""
        for rule in self._factory.get_rules(map):
            adopt(rule)
            yield rule
            self.endpoints.add(rule.endpoint)


class Converters(dict[str, BaseConverter]):
    """The converters of a rule by the names of its variables."""

    __slots__ = ("rule",)

    # The rule, once the converters are complete.
    rule: Rule | None

    def __new__(cls, *_: object) -> Self:
        """Create them of no rule."""
        converters = super().__new__(cls)
        converters.rule = None
        return converters

    def _forget(self) -> None:
        """Have the rule and its map forget what they found out about the converters."""
        if self.rule is not None:
            self.rule._forget()
            _forget_index(self.rule)


def _forgetting(kind: type, name: str) -> Callable[..., object]:
    """Return a method of a list or a dict that also forgets what was cached."""
    change = getattr(kind, name)

    def method(self: EndpointRules | Converters | RulesByEndpoint, *args: object, **kwargs: object) -> object:
        try:
            return change(self, *args, **kwargs)
        finally:
            self._forget()

    method.__name__, method.__doc__ = name, change.__doc__
    method.__qualname__ = f"{kind.__name__}.{name}"
    return method


_CHANGES: dict[type, str] = {
    EndpointRules: "__delitem__ __iadd__ __imul__ __setitem__ append clear extend insert pop remove reverse sort",
    Converters: "__delitem__ __ior__ __setitem__ clear pop popitem setdefault update",
    RulesByEndpoint: "__delitem__ __ior__ __setitem__ clear pop popitem setdefault update",
}
for _kind, _names in _CHANGES.items():
    for _name in _names.split():
        setattr(_kind, _name, _forgetting(_kind, _name))


class Rule(WerkzeugRule):
    """Werkzeug's rule, whose URL builders are compiled when they are first called."""

    # The function that writes its URLs (`writing`), until an attribute changes. The class has no default: CPython 3.11
    # finds attributes fastest that only the object has.
    _write: Write | None
    # The URL without a query of a rule without variable parts, and the state that it was made from.
    _text: str | None
    # The list of its endpoint's rules, if that has a link.
    _listed: EndpointRules | None
    # Whether the path begins with a text.
    _begins_fixed: bool

    def __init_subclass__(cls, **options: object) -> None:
        """Let the constructor of a subclass set attributes before it calls this class's."""
        super().__init_subclass__(**options)
        for name in _NEW:
            setattr(cls, name, None)

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        own = self.__dict__
        if type(self) is not Rule or WerkzeugRule.__init__ is not _werkzeugs_constructor:
            own.update(_NEW)
            super().__init__(*args, **kwargs)
            return
        if len(args) == 1 and _set_plainly(own, args[0], kwargs):
            return
        # Its attributes are set on another object, which has nothing to forget.
        own.update(_NEW)
        made = object.__new__(WerkzeugRule)
        WerkzeugRule.__init__(made, *args, **kwargs)
        own.update(made.__dict__)

    def __setattr__(self, name: str, value: object) -> None:
        _set(self, name, value)
        if self._write is not None and name not in _KEPT:
            self._forget()
        if name in _RULE_KNOBS:
            _forget_index(self)

    def _forget(self) -> None:
        """Forget the function that writes the URLs."""
        _set(self, "_text", None)
        _set(self, "_write", None)
        if self._listed is not None:
            self._listed._forget()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WerkzeugRule) and self._trace == other._trace

    __hash__ = None

    def build(self, values: t.Mapping[str, object], append_unknown: bool = True) -> tuple[str, str] | None:
        """Return the subdomain or host and the URL for some values, as `MapAdapter.build` asks for them."""
        if self._begins_fixed and WerkzeugRule.build is _werkzeugs_build:
            write = self._write
            if write is None:
                from .building import write_of  # noqa: PLC0415 - it imports this module

                write = write_of(self)
            try:
                # Werkzeug raises an error for a name that is not text.
                "".join(values)
                url = write(values, False if append_unknown else None)
            except Exception:  # noqa: BLE001 - Werkzeug may find another error first
                url = None
            if type(url) is str:
                return "", url
            if type(url) is tuple:
                domain, path = url
                return domain, path
        return super().build(values, append_unknown)

    def refresh(self) -> None:
        """Bind the rule again after it was modified."""
        super().refresh()
        _forget_index(self)

    def bind(self, map: WerkzeugMap, rebind: bool = False) -> None:
        """Bind the rule to a map and parse it for that."""
        if type(self) is not Rule or self.map is not None or WerkzeugRule.bind is not _werkzeugs_bind:
            super().bind(map, rebind)
            return
        # As Werkzeug's method does it. Nothing knows the rule yet, so no change needs to be noticed.
        own = self.__dict__
        own["map"] = map
        if self.strict_slashes is None:
            own["strict_slashes"] = map.strict_slashes
        if self.merge_slashes is None:
            own["merge_slashes"] = map.merge_slashes
        if self.subdomain is None:
            own["subdomain"] = map.default_subdomain
        self.compile()

    def compile(self) -> None:
        """Parse the rule for the map that it is bound to."""
        own = self.__dict__
        if (
            type(self) is Rule
            and own.get("map") is not None
            and WerkzeugRule.compile is _werkzeugs_compile
            and is_method_of(_werkzeugs_parser, self._parse_rule)
        ):
            self._parse()
        else:
            super().compile()
        # A value at the start may begin with slashes, which `build` leaves there.
        own["_begins_fixed"] = self.rule[1:2] not in {"<", "/"}
        # Looked up by constants, which is faster if both are the same object.
        converters = dict.__new__(Converters)
        if self._converters:
            dict.update(converters, {intern(name): converter for name, converter in self._converters.items()})
        converters.rule = self
        own["_converters"] = converters
        if self._write is not None:
            self._forget()

    def _parse(self) -> None:
        """Do what Werkzeug's method for compiling does, with texts that were parsed before."""
        if self._write is not None:
            self._forget()
        own = self.__dict__
        domain = (self.host if self.map.host_matching else self.subdomain) or ""
        parts: list[RulePart] = [] if domain else [parsing.NO_DOMAIN]
        own.update(_parts=parts, _trace=[], _converters={})
        if domain:
            parts += parsing.parse(self, domain)
        self._trace.append((False, "|"))
        parts += parsing.parse(self, parsing.merged(self.rule) if self.merge_slashes else self.rule)
        own["_build"] = self._compile_builder(False).__get__(self, None)
        own["_build_unknown"] = self._compile_builder(True).__get__(self, None)

    def _compile_builder(self, append_unknown: bool = True) -> t.Callable[..., tuple[str, str]]:
        """Return a builder that compiles Werkzeug's when it is called, unless compiling might fail."""
        if self.defaults or not self.rule.isascii() or (self._converters and _may_fail(self._trace)):
            return super()._compile_builder(append_unknown)
        return _Builder(self, append_unknown)


class _Builder:
    """Builds the URLs of a rule as Werkzeug's builder does, which is compiled when this one is called."""

    __slots__ = ("_append_unknown", "_state")

    def __init__(self, rule: Rule, append_unknown: bool) -> None:
        # The state from which Werkzeug would compile now: the rule may change before the first call.
        self._state = rule._trace, rule._converters, rule.rule
        self._append_unknown = append_unknown

    def __get__(self, rule: Rule, kind: type | None = None) -> MethodType:
        return MethodType(self, rule)

    def __call__(self, rule: Rule, /, **values: object) -> tuple[str, str]:
        """Build the URL for some values."""
        then = object.__new__(Rule)
        trace, converters, text = self._state
        vars(then).update(
            _write=None, _text=None, _listed=None, rule=text, defaults=None, _trace=trace, _converters=converters
        )
        compiled = WerkzeugRule._compile_builder(then, self._append_unknown)
        name = "_build_unknown" if self._append_unknown else "_build"
        if is_method_of(self, getattr(rule, name)):
            setattr(rule, name, compiled.__get__(rule, None))
        return compiled(rule, **values)


def adopt(rule: object) -> None:
    """Give a rule of Werkzeug's own class, which is not bound yet, the class `Rule`: it notices its changes then."""
    if type(rule) is WerkzeugRule and rule.map is None:
        vars(rule).update(_NEW)
        rule.__class__ = Rule


def _may_fail(trace: list[tuple[bool, str]]) -> bool:
    names = [text for is_variable, text in trace if is_variable]
    return len(set(names)) < len(names) or not _REFUSED_NAMES.isdisjoint(names)


def _set_plainly(own: dict[str, t.Any], text: object, options: dict[str, t.Any]) -> bool:
    """Set the attributes that Werkzeug's constructor gives a rule, or none where that may refuse something."""
    if type(text) is not str or text[:1] != "/":
        return False
    own.update(_PLAIN)
    own.update(options)
    methods, defaults = own["methods"], own["defaults"]
    if (
        len(own) != len(_PLAIN)
        or not _SET.isdisjoint(options)
        or own["websocket"]
        or (methods is not None and type(methods) not in _COLLECTIONS)
        or (defaults and type(defaults) is not dict)
    ):
        own.clear()
        return False
    own["rule"] = text
    own["is_branch"] = is_branch = text[-1] == "/"
    own["is_leaf"] = not is_branch
    if methods is not None:
        # The same expression as Werkzeug's, on whose result the order of the Allow header depends.
        own["methods"] = methods = {x.upper() for x in methods}
        if "HEAD" not in methods and "GET" in methods:
            methods.add("HEAD")
    own["_converters"], own["_trace"], own["_parts"] = {}, [], []
    own["arguments"] = set(map(str, defaults)) if defaults else set()
    return True


def _forget_index(rule: Rule) -> None:
    """Discard the index of the map that a rule is bound to, and has been compiled for."""
    if not rule.__dict__.get("_parts"):
        return
    forget = getattr(getattr(rule, "map", None), "_forget_index", None)
    if forget is not None:
        forget()
