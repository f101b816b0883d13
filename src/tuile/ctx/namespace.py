"""The namespace behind `g`, whose attributes can also be read like items of a mapping."""

from __future__ import annotations

import typing as t

from .app_context import current_value

_sentinel = object()


def _set(namespace: _AppCtxGlobals, name: str, value: object) -> None:
    if vars(_AppCtxGlobals)["__setattr__"] is object.__setattr__:
        namespace.__dict__[name] = value
    else:
        # It was patched.
        _AppCtxGlobals.__setattr__(namespace, name, value)


class _AppCtxGlobals:
    """The namespace behind `g`, whose attributes live as long as an app context."""

    # For `super()` in subclasses. Setting an attribute needs no Python call.
    if t.TYPE_CHECKING:

        def __setattr__(self, name: str, value: t.Any) -> None: ...

    else:
        __setattr__ = object.__setattr__

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__setattr__ is object.__setattr__:
            # Properties of a subclass are ignored when an attribute is set.
            type.__setattr__(cls, "__setattr__", _set)

    def __getattr__(self, name: str) -> t.Any:
        # Called only if there is no such attribute, or if a property of a subclass has failed.
        attributes = _dict_of(self)
        if name in attributes:
            return attributes[name]
        raise AttributeError(name) from None

    def __delattr__(self, name: str) -> None:
        try:
            del self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None

    def get(self, name: str, default: t.Any | None = None) -> t.Any:
        """Return the attribute `name`, or `default` when it is not set."""
        return _dict_of(self).get(name, default)

    def pop(self, name: str, default: t.Any = _sentinel) -> t.Any:
        """Remove the attribute `name` and return it; without a `default`, a missing one is a KeyError."""
        if default is _sentinel:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: t.Any = None) -> t.Any:
        """Return the attribute `name`, setting it to `default` first when it is missing."""
        return self.__dict__.setdefault(name, default)

    def __contains__(self, item: object) -> bool:
        return item in self.__dict__

    def __iter__(self) -> t.Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        value = current_value(None)
        return object.__repr__(self) if value is None else f"<flask.g of '{value.app.name}'>"


# Without the lookup of an attribute that may have to call `__getattr__`.
_dict_of: t.Callable[[_AppCtxGlobals], dict[str, object]] = vars(_AppCtxGlobals)["__dict__"].__get__
# What the class has, as it is now.
_of_class = vars(_AppCtxGlobals)
_stock = _AppCtxGlobals.__getattr__


def lacks(namespace: object, name: str) -> bool:
    """Return whether reading an attribute does nothing but raise the error for one that is missing."""
    return (
        type(namespace) is _AppCtxGlobals
        and name not in _dict_of(namespace)
        and name not in _of_class
        and _of_class["__getattr__"] is _stock
        and "__getattribute__" not in _of_class
    )
