"""What plans say by classes alone: those of an app, its requests and its responses.

Registering functions and changing settings make plans stale, and tests make many apps, but classes seldom change. So
what was found last is remembered for the next plan, until the attribute of a watched class changes
(`invalidation.classes`) or one of a class that does not tell, which is compared.
"""

from __future__ import annotations

import typing as t
from inspect import isclass
from itertools import repeat
from operator import is_
from types import MappingProxyType
from weakref import ref

from werkzeug.wrappers import Response as WerkzeugResponse

from .. import invalidation
from ..ctx.app_context import AppContext
from ..ctx.namespace import _AppCtxGlobals
from ..invalidation import Watched, attribute, attributes, has, replaced, set_flags_again, unwatched
from ..records import Record
from ..wrappers.request import Request
from ..wrappers.response import Response
from .constructing import REQUEST, WERKZEUG, name_of, own_constructor, refusals_of_classes
from .step_names import STEPS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..wrappers.response import TextStart

#: What `Flask` has under the names of `STEPS`; see `take_stock`.
STOCK: dict[str, object] = {}
# The base classes of `Flask`, and the attributes of those that are not watched. They have none of these names.
_own: set[type] = set()
_own_unwatched: list[Mapping[str, object]] = []
_RESPONSE = attributes(Response, ("__init__", "__new__", "__call__", "__setattr__", "force_type", "from_app"))
#: The registries of functions of requests.
REGISTRIES = ("before_request_funcs", "url_value_preprocessors", "after_request_funcs", "teardown_request_funcs")
_APP_CONTEXT = attributes(AppContext, ("__init__", "__new__", "__setattr__", "url_adapter"))
# What is compared of Werkzeug: the classes, once for each name, and the names.
_WERKZEUGS = [cls for cls, stock in WERKZEUG.items() for _ in stock]
_NAMES = [name for stock in WERKZEUG.values() for name in stock]
# What Tuile's classes leave to Werkzeug's and plans ask for besides: where it may be, and the names.
_LEFT = [
    (vars(kind), name)
    for cls, names in ((Request, (*REQUEST, "shallow", "trusted_hosts")), (Response, _RESPONSE))
    for kind in unwatched(cls)
    for name in names
    if name not in vars(cls)
]
_LEFT_IN, _LEFT_NAMES = zip(*_LEFT, strict=True)
_get = MappingProxyType.get
_as_seen: tuple[object, ...] | None = None
_replaced_as_seen: list[list[str]] = [[] for _ in WERKZEUG]


class OfClasses(Record):
    """What a plan says by the class of an app, that of its requests and that of its responses."""

    #: Why changes of the app are not detected.
    blind: tuple[str, ...]
    #: The base classes of the app that cannot tell when they change.
    mixins: list[type]
    #: The names of the app's steps that a class has overridden.
    overridden: frozenset[str]
    #: Why requests must be made by their constructors, and why at least the class of requests must be called.
    constructed: list[str]
    constructor: tuple[str, ...]
    #: As in a plan.
    text_start: TextStart | None
    #: The registries for which the class of the app has an attribute of its own.
    own_registries: frozenset[str]
    #: Whether contexts of the app are made as usual, and its namespaces are of the usual class.
    has_plain_contexts: bool
    has_plain_namespaces: bool

    __slots__ = tuple(vars()["__annotations__"])


# What was found last: `invalidation.classes`, how many attributes classes had that do not tell, and the three classes.
# References keep no class alive; what is found of classes that are not watched is not remembered.
_Remembered: t.TypeAlias = tuple[object, list[int], "ref[type]", "ref[type]", "ref[type]", OfClasses]
_last: _Remembered | None = None


def take_stock(flask: type) -> None:
    """Remember what `Flask` has under the names of `STEPS`, for plans to compare with."""
    global _last  # noqa: PLW0603 - it was compared with what there was before
    _own.update(flask.__mro__)
    _own_unwatched[:] = [vars(kind) for kind in unwatched(flask)]
    for names in STEPS.values():
        STOCK.update(attributes(flask, names))
    _last = None


def of_classes(app_type: type, request_class: object, response_class: object) -> OfClasses:
    """Return what plans say by these classes, found again if one of them may have changed."""
    global _last  # noqa: PLW0603 - see there
    look_at_werkzeug()
    # First: any later change makes what is found stale.
    classes, sizes, last = invalidation.classes, [*map(len, _own_unwatched)], _last
    if (
        last is not None
        and last[0] is classes
        and last[1] == sizes
        and last[2]() is app_type
        and last[3]() is request_class
        and last[4]() is response_class
    ):
        return last[5]
    found = find_of_classes(app_type, request_class, response_class)
    if not found.mixins and _tell(request_class) and _tell(response_class):
        _last = (classes, sizes, ref(app_type), ref(request_class), ref(response_class), found)
    return found


def find_of_classes(app_type: type, request_class: object, response_class: object) -> OfClasses:
    """Return what plans say by these classes."""
    constructed = refusals_of_classes(request_class)
    mixins = [kind for kind in unwatched(app_type) if kind not in _own]
    return OfClasses(
        blind=tuple(f"{name} is overridden" for name in STEPS["notices"] if not has(app_type, name, STOCK[name])),
        mixins=mixins,
        overridden=frozenset(replaced(app_type, STOCK)),
        constructed=constructed,
        constructor=() if constructed else own_constructor(t.cast("type[Request]", request_class)),
        text_start=_text_start(response_class),
        own_registries=frozenset(name for kind in app_type.__mro__ for name in REGISTRIES if name in vars(kind)),
        has_plain_contexts=not replaced(AppContext, _APP_CONTEXT),
        has_plain_namespaces=attribute(app_type, "app_ctx_globals_class") is _AppCtxGlobals,
    )


def look_at_werkzeug() -> None:
    """Set the flags of requests and responses again if one of Werkzeug's classes was patched."""
    global _as_seen, _replaced_as_seen
    values = (*map(getattr, _WERKZEUGS, _NAMES, repeat(None)), *map(_get, _LEFT_IN, _LEFT_NAMES))
    if _as_seen is not None and all(map(is_, values, _as_seen)):
        return
    seen = [replaced(cls, stock) for cls, stock in WERKZEUG.items()]
    if seen != _replaced_as_seen:
        for cls in (Request, Response):
            set_flags_again(cls)
    invalidation.move_classes()
    # Stored last, so that no other thread makes a plan before the flags are set.
    _as_seen, _replaced_as_seen = values, seen


def compared(classes: Iterable[type]) -> tuple[tuple[type, str, object], ...]:
    """Return the methods of unwatched classes that a plan depends on.

    A class without any of them is listed with an empty name for later comparisons.
    """
    found: list[tuple[type, str, object]] = []
    for kind in classes:
        found.append((kind, "", None))
        # A copy, because another thread may change the class meanwhile.
        found += [(kind, name, value) for name, value in vars(kind).copy().items() if name in STOCK]
    return tuple(found)


def refusals_of_mixins(cls: type, mixins: list[type]) -> list[str]:
    """Return the reason for each base class of an app that is not watched."""
    return [f"{name_of(kind)}, which {name_of(cls)} is derived from, cannot tell when it changes" for kind in mixins]


def _tell(kind: object) -> t.TypeGuard[type]:
    """Return whether a class tells when it changes. It may be a mock, which has any attribute."""
    return isclass(kind) and isinstance(kind, Watched) and not unwatched(kind, "werkzeug")


def _text_start(cls: object) -> TextStart | None:
    """Return the start of a response of a class; None if it depends on the response object."""
    if not (_tell(cls) and issubclass(cls, Response)):
        return None
    if replaced(cls, _RESPONSE) or replaced(WerkzeugResponse, WERKZEUG[WerkzeugResponse]):
        return None
    start = cls._text_start
    if start is None or not cls._sends_plainly or start[2] < 200 or start[2] in {204, 304}:
        return None
    return start
