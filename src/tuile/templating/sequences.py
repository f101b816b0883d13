"""Jinja's filters of sequences, such as `map`, `selectattr` and `sort`, in fewer steps.

The code of templates calls them where the filter is still Jinja's. They take the same arguments. What they do not know,
such as attributes of attributes, or an environment with methods of its own, they leave to Jinja's functions.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, cast

from jinja2 import Environment, filters

from ..invalidation import Stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jinja2.runtime import Context

    _Function = Callable[..., object]

_METHODS = ("getitem", "call_filter", "call_test", "_filter_test_common")
_methods = Stock(Environment, *_METHODS)
_absent = object()
# Without the types of releases that differ.
_jinjas = cast("dict[str, _Function]", vars(filters))
_make_attrgetter, _make_multi_attrgetter = _jinjas["make_attrgetter"], _jinjas["make_multi_attrgetter"]
_ignore_case, _group = _jinjas["ignore_case"], _jinjas["_GroupTuple"]


def _is_stock(environment: Environment) -> bool:
    """Return whether an environment reads items, and calls filters and tests, by Jinja's methods."""
    return _methods.is_in(type(environment)) and vars(environment).keys().isdisjoint(_METHODS)


def _reader(environment: Environment, attribute: object, postprocess: _Function | None = None) -> _Function:
    """Return what reads an attribute of an object, or an item of a dict, as what Jinja's `make_attrgetter` returns."""
    if attribute is None and postprocess is not None:
        return postprocess
    # Others are of several names, or have numbers.
    if type(attribute) is not str or not attribute.isidentifier() or not _is_stock(environment):
        return cast("_Function", _make_attrgetter(environment, attribute, postprocess))
    name, getitem = attribute, environment.getitem

    def read(item: Mapping[str, object]) -> object:
        kind = type(item)
        if kind is dict and name in item:
            value = item[name]
        elif hasattr(kind, "__getitem__") or isinstance(item, type):
            value = getitem(item, name)
        else:
            # Jinja asks such an object for an item first, which raises an error each time.
            value = getattr(item, name, _absent)
            if value is _absent:
                value = environment.undefined(obj=item, name=name)
        return value if postprocess is None else postprocess(value)

    return read


def _called(
    registry: Mapping[str, _Function], given: tuple[object, ...], keywords: dict[str, object], indirectly: _Function
) -> _Function:
    """Return what calls a filter or a test by its name, which is given first, as long as the name is of this one."""
    name, *rest = given
    known = registry.get(name) if isinstance(name, str) else None
    if type(name) is not str or known is None or hasattr(known, "jinja_pass_arg"):
        return indirectly
    return lambda item: known(item, *rest, **keywords) if registry.get(name) is known else indirectly(item)


def _map(context: Context, value: Iterable[object], *args: object, **kwargs: object) -> Iterator[object]:
    if value:
        environment = context.environment
        if not args and kwargs.keys() == {"attribute"}:
            function = _reader(environment, kwargs["attribute"])
        else:
            function = filters.prepare_map(context, args, kwargs)
            if args and _is_stock(environment):
                function = _called(environment.filters, args, kwargs, function)
        for item in value:
            yield function(item)


def _select_or_reject(
    context: Context, value: Iterable[object], args: tuple[object, ...], kwargs: dict[str, object], *,
    wanted: bool, reads: bool,
) -> Iterator[object]:  # fmt: skip
    if value:
        environment = context.environment
        read: _Function | None = None
        test: _Function | None = None
        if (reads and not args) or not _is_stock(environment):
            test = filters.prepare_select_or_reject(context, args, kwargs, bool, reads)
        else:
            if reads:
                read, args = _reader(environment, args[0]), args[1:]
            if args:
                name, *rest = args
                test = _called(
                    cast("Mapping[str, _Function]", environment.tests), args, kwargs,
                    lambda item: environment.call_test(cast("str", name), item, rest, kwargs, context),
                )  # fmt: skip
        for item in value:
            found = item if read is None else read(item)
            if test is not None:
                found = test(found)
            if found if wanted else not found:
                yield item


def _select(context: Context, value: Iterable[object], *args: object, **kwargs: object) -> Iterator[object]:
    return _select_or_reject(context, value, args, kwargs, wanted=True, reads=False)


def _reject(context: Context, value: Iterable[object], *args: object, **kwargs: object) -> Iterator[object]:
    return _select_or_reject(context, value, args, kwargs, wanted=False, reads=False)


def _selectattr(context: Context, value: Iterable[object], *args: object, **kwargs: object) -> Iterator[object]:
    return _select_or_reject(context, value, args, kwargs, wanted=True, reads=True)


def _rejectattr(context: Context, value: Iterable[object], *args: object, **kwargs: object) -> Iterator[object]:
    return _select_or_reject(context, value, args, kwargs, wanted=False, reads=True)


def _sort(
    environment: Environment,
    value: Iterable[object],
    reverse: bool = False,
    case_sensitive: bool = False,
    attribute: object = None,
) -> list[object]:
    postprocess = None if case_sensitive else _ignore_case
    if attribute is None and postprocess is not None:
        read = postprocess
    elif type(attribute) is str and attribute.isidentifier():
        read = _reader(environment, attribute, postprocess)
    else:
        return _sorted(value, key=_make_multi_attrgetter(environment, attribute, postprocess), reverse=reverse)
    # Two lists of one value each are not always ordered as the values are.
    return _sorted(value, key=lambda item: [read(item)], reverse=reverse)


def _sum(environment: Environment, iterable: Iterable[object], attribute: object = None, start: object = 0) -> object:
    if attribute is not None:
        iterable = map(_reader(environment, attribute), iterable)
    return _sum_of(iterable, start)


def _groupby(
    environment: Environment,
    value: Iterable[object],
    attribute: object,
    default: object = None,
    case_sensitive: bool = False,
) -> list[object]:
    reader: _Function = _reader if default is None else partial(_make_attrgetter, default=default)
    read = cast("_Function", reader(environment, attribute, None if case_sensitive else _ignore_case))
    groups = [(key, list(values)) for key, values in groupby(_sorted(value, key=read), read)]
    if case_sensitive:
        return [_group(key, values) for key, values in groups]
    as_it_is = cast("_Function", reader(environment, attribute))
    return [_group(as_it_is(values[0]), values) for _, values in groups]


def _min_or_max(
    environment: Environment, value: Iterable[object], function: _Function, case_sensitive: bool, attribute: object
) -> object:
    values = iter(value)
    try:
        first = next(values)
    except StopIteration:
        return environment.undefined("No aggregated item, sequence was empty.")
    read = _reader(environment, attribute, None if case_sensitive else _ignore_case)
    return function(chain([first], values), key=read)


def _min(
    environment: Environment, value: Iterable[object], case_sensitive: bool = False, attribute: object = None
) -> object:
    return _min_or_max(environment, value, min, case_sensitive, attribute)


def _max(
    environment: Environment, value: Iterable[object], case_sensitive: bool = False, attribute: object = None
) -> object:
    return _min_or_max(environment, value, max, case_sensitive, attribute)


_sorted: Callable[..., list[object]] = sorted
_sum_of: _Function = sum
_select_or_reject.__name__ = _select_or_reject.__qualname__ = "select_or_reject"
_QUICKER: dict[str, _Function] = {
    "map": _map,
    "select": _select,
    "reject": _reject,
    "selectattr": _selectattr,
    "rejectattr": _rejectattr,
    "sort": _sort,
    "sum": _sum,
    "groupby": _groupby,
    "min": _min,
    "max": _max,
}
for _name, _function in _QUICKER.items():
    # Errors about arguments name Jinja's function, and so does a generator.
    _stock = vars(filters).get(f"sync_do_{_name}") or vars(filters)[f"do_{_name}"]
    _function.__name__ = _function.__qualname__ = _stock.__name__

#: Jinja's filters by their names, of those that are here.
STOCK: dict[str, object] = {name: vars(filters)[f"do_{name}"] for name in _QUICKER}
#: What the code of templates has for them.
NAMES: dict[str, object] = {
    **{f"quick_{name}": function for name, function in _QUICKER.items()},
    **{f"jinjas_do_{name}": function for name, function in STOCK.items()},
}
