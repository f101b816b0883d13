"""Record where each setting of an application is set, while a command loads it.

The methods of `Config` are wrapped for that time only: applications pay nothing for it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tuile.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Label = Callable[[Config, str], str]

_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep
_LOADER = os.path.join(_PACKAGE, "cli", "script.py")  # sets the debug flag


@contextmanager
def recorded_sources() -> Iterator[Callable[[Config], dict[str, str]]]:
    """Record what is set meanwhile. The function that is returned gives the sources of a config's settings."""
    records: dict[int, dict[str, str]] = {}
    labels: list[Label] = []  # of the methods that are being called, the outermost first
    own = {name: vars(Config).get(name) for name in (*_LOADING, *_SETTING)}
    for name, make_label in _LOADING.items():
        setattr(Config, name, _loading(getattr(Config, name), make_label, labels))
    for name in _SETTING:
        setattr(Config, name, _setting(getattr(Config, name), name, records, labels))
    try:
        yield lambda config: records.get(id(config), {})
    finally:
        for name, method in own.items():
            if method is None:
                delattr(Config, name)  # inherited
            else:
                setattr(Config, name, method)


def _loading(
    method: Callable[..., object], make_label: Callable[..., Label], labels: list[Label]
) -> Callable[..., object]:
    """Wrap a method that loads many settings."""

    def wrapped(self: Config, *args: object, **kwargs: object) -> object:
        labels.append(make_label(_caller(), *args, **kwargs))
        try:
            return method(self, *args, **kwargs)
        finally:
            labels.pop()

    return wrapped


def _setting(
    method: Callable[..., object], name: str, records: dict[int, dict[str, str]], labels: list[Label]
) -> Callable[..., object]:
    """Wrap a method that sets some settings."""

    def wrapped(self: Config, *args: object, **kwargs: object) -> object:
        if name == "update":
            args, kwargs = (), dict(*args, **kwargs)  # as dict.update is called
            keys = list(kwargs)
        elif name == "__ior__":
            args = (dict(*args),)
            keys = list(args[0])
        else:
            keys = [] if name == "setdefault" and args[0] in self else [str(args[0])]
        result = method(self, *args, **kwargs)
        caller = _caller()
        for key in keys:
            records.setdefault(id(self), {})[key] = labels[0](self, key) if labels else caller
        return result

    return wrapped


def _caller() -> str:
    """Return the place outside of Tuile that called; "" if the command line did."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        if frame.f_code.co_filename == _LOADER:
            return ""
        frame = frame.f_back
    return f"{shown_path(frame.f_code.co_filename)}:{frame.f_lineno}" if frame is not None else ""


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path relative to the current folder, if it is below."""
    text = os.fspath(path)
    try:
        relative = os.path.relpath(text)
    except ValueError:  # another drive
        return text
    return text if relative.startswith(os.pardir) else relative


def _of_file(caller: str, filename: str | os.PathLike[str], *_: object, **__: object) -> Label:
    return lambda config, _key: f"{shown_path(os.path.join(config.root_path, filename))}, loaded in {caller}"


def _of_variable(caller: str, variable_name: str, *_: object, **__: object) -> Label:
    path = shown_path(os.environ.get(variable_name, ""))
    return lambda _config, _key: f"{path}, which {variable_name} names, loaded in {caller}"


def _of_environment(_caller: str, prefix: str = "FLASK", **_: object) -> Label:
    return lambda _config, key: f"the environment: {prefix}_{key}"


def _of_object(caller: str, obj: object) -> Label:
    name = obj if isinstance(obj, str) else getattr(obj, "__name__", type(obj).__name__)
    return lambda _config, _key: f"{name}, loaded in {caller}"


def _of_mapping(caller: str, *_: object, **__: object) -> Label:
    return lambda _config, _key: caller


_LOADING: dict[str, Callable[..., Label]] = {
    "from_envvar": _of_variable,
    "from_prefixed_env": _of_environment,
    "from_pyfile": _of_file,
    "from_file": _of_file,
    "from_object": _of_object,
    "from_mapping": _of_mapping,
}
_SETTING = ("__setitem__", "setdefault", "update", "__ior__")
