"""Patterns, tables and modules that are made or imported at their first use: most programs need few of them."""

from __future__ import annotations

import re
import sys
import typing as t
from importlib import import_module
from urllib.parse import quote

if t.TYPE_CHECKING:
    from types import ModuleType


class _LazyPattern:
    def __init__(self, pattern: t.AnyStr, flags: int) -> None:
        self._pattern: str | bytes = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        value: object = getattr(re.compile(self._pattern, self._flags), name)
        # From now on it is found without calling this method.
        setattr(self, name, value)
        return value


def lazy_pattern(pattern: t.AnyStr, flags: int = 0) -> re.Pattern[t.AnyStr]:
    """Return what `re.compile` returns for these arguments, to be compiled when one of its methods is first used."""
    return t.cast("re.Pattern[t.AnyStr]", _LazyPattern(pattern, flags))


class QuotedOctets(dict[int, str]):
    """The percent-encoding of each octet, for `str.translate` of an ASCII text and for mapping the octets of others.

    Args:
        safe: The characters that stay unchanged, beside letters, digits and `_.-~`.
        encode: `quote` or `quote_plus`.
    """

    def __init__(self, safe: str, encode: t.Callable[[bytes, str], str] = quote) -> None:
        super().__init__()
        self._safe = safe
        self._encode = encode

    def __missing__(self, octet: int) -> str:
        text = self[octet] = self._encode(bytes((octet,)), self._safe)
        return text


class LateAttribute:
    """An attribute of a class that is imported when it is first read. From then on the class has the value itself.

    Args:
        module: The module of the value.
        name: The value's name there.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner
        self._attribute = name

    def __get__(self, instance: object, owner: type) -> object:
        value: object = getattr(import_module(self._module), self._name)
        if vars(self._owner).get(self._attribute) is self:
            # Not by the class's own metaclass, which would take it for a change.
            type.__setattr__(self._owner, self._attribute, value)
        return value


class _LateModule:
    def __init__(self, importer: str, name: str) -> None:
        self._importer = importer
        self._name, _, alias = name.partition(" as ")
        self._global = alias or self._name.rpartition(".")[2]

    def __getattr__(self, name: str) -> object:
        names = vars(sys.modules[self._importer])
        module = import_module(self._name, names["__package__"])
        # From now on the importing module has the module itself.
        names[self._global] = module
        return getattr(module, name)


def late_modules(importer: str, *names: str) -> list[ModuleType]:
    """Return modules that are imported when one of their attributes is first read, for globals of the same names.

    From then on the global is the module itself, so that a function that runs in each request pays nothing. In code
    that seldom runs, an import statement in the function is plainer. Type checkers read ordinary imports:

        if t.TYPE_CHECKING:
            from . import packing, signer
        else:
            packing, signer = late_modules(__name__, ".packing", ".signer")

    Args:
        importer: The name of the importing module.
        names: The modules, relative to the importing one; `..typing as ft` for a global with another name.
    """
    return t.cast("list[ModuleType]", [_LateModule(importer, name) for name in names])
