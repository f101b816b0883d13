"""Find the application that ``--app`` refers to."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType, ModuleType
    from typing import TypeGuard

    from tuile.app import Flask

_APP_NAMES = ("app", "application")
_FACTORY_NAMES = ("create_app", "make_app")


class NoAppException(click.UsageError):
    """No application was found. The message says what was tried."""


def _is_app(candidate: object) -> TypeGuard[Flask]:
    # Imported per call: importing the command line must not load the application's modules, and
    # a tool may have replaced the class by a subclass by then.
    from tuile.app import Flask  # noqa: PLC0415

    return isinstance(candidate, Flask)


def find_best_app(module: ModuleType) -> Flask:
    """Return the most likely application in `module`.

    That is, in this order: an application called ``app`` or ``application``; the only application in the module; the
    result of a factory ``create_app`` or ``make_app`` that is called without arguments.

    Raises:
        NoAppException: If there is none, or more than one, or the factory needs arguments.
    """
    for name in _APP_NAMES:
        candidate = getattr(module, name, None)
        if _is_app(candidate):
            return candidate

    apps = [value for value in vars(module).values() if _is_app(value)]
    if len(apps) > 1:
        raise NoAppException(
            f"Detected multiple Flask applications in module '{module.__name__}'. Use"
            f" '{module.__name__}:name' to specify the correct one."
        )
    if apps:
        return apps[0]

    for name in _FACTORY_NAMES:
        factory = getattr(module, name, None)
        if inspect.isfunction(factory):
            made = _call_without_arguments(factory, name, module)
            if _is_app(made):
                return made

    raise NoAppException(
        f"Failed to find Flask application or factory in module '{module.__name__}'. Use"
        f" '{module.__name__}:name' to specify one."
    )


def _call_without_arguments(factory: FunctionType, name: str, module: ModuleType) -> object:
    try:
        return factory()
    except TypeError as error:
        if not _called_with_wrong_args(factory):
            raise
        raise NoAppException(
            f"Detected factory '{name}' in module '{module.__name__}', but could not call it"
            f" without arguments. Use '{module.__name__}:{name}(args)' to specify arguments."
        ) from error


def _called_with_wrong_args(f: Callable[..., object]) -> bool:
    """Return whether the TypeError being handled was raised by the call of `f` and not inside of it.

    A call with wrong arguments never gets a frame of its own, so the traceback is searched for one.
    """
    code = getattr(f, "__code__", None)
    return all(frame.f_code is not code for frame, _ in traceback.walk_tb(sys.exc_info()[2]))


class _Reference(NamedTuple):
    """The text after the colon: a name and, for a factory, its arguments."""

    name: str
    args: list[object]
    kwargs: dict[str, object]


def _parse_reference(text: str) -> _Reference:
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: a null byte, up to Python 3.11
        node = None

    if isinstance(node, ast.Name):
        return _Reference(node.id, [], {})
    if not isinstance(node, ast.Call):
        raise NoAppException(f"Failed to parse {text!r} as an attribute name or function call.")
    if not isinstance(node.func, ast.Name):
        raise NoAppException(f"Function reference must be a simple name: {text!r}.")

    try:
        return _Reference(
            node.func.id,
            [ast.literal_eval(value) for value in node.args],
            {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg is not None},
        )
    except (ValueError, TypeError):  # TypeError: a set or dictionary of unhashable things
        # The message of literal_eval names syntax tree nodes, which does not help at a terminal.
        raise NoAppException(f"Failed to parse arguments as literal values: {text!r}.") from None


def find_app_by_string(module: ModuleType, app_name: str) -> Flask:
    """Return the application that `app_name` refers to in `module`.

    Args:
        module: The module.
        app_name: A name, or a call of a factory with literal arguments, such as ``create_app("production",
            debug=True)``. A function is called in either form.

    Raises:
        NoAppException: If the text is neither, the name does not exist, the factory does not accept the arguments, or
            the result is not an application.
    """
    name, args, kwargs = _parse_reference(app_name)
    try:
        found = getattr(module, name)
    except AttributeError as error:
        raise NoAppException(f"Failed to find attribute {name!r} in {module.__name__!r}.") from error

    if inspect.isfunction(found):
        factory = found
        try:
            found = factory(*args, **kwargs)
        except TypeError as error:
            if not _called_with_wrong_args(factory):
                raise
            raise NoAppException(
                f"The factory {app_name!r} in module {module.__name__!r} could not be called"
                " with the specified arguments."
            ) from error

    if _is_app(found):
        return found
    raise NoAppException(f"A valid Flask application was not obtained from '{module.__name__}:{app_name}'.")


def prepare_import(path: str | os.PathLike[str]) -> str:
    """Return the dotted name by which to import a file or package, and add its directory to ``sys.path``.

    The directory added is the one that contains the outermost package. A dotted name is returned unchanged; for it the
    current directory is added.
    """
    target = Path(os.path.realpath(path))
    if target.suffix == ".py":
        target = target.with_suffix("")
    if target.name == "__init__":
        target = target.parent

    names = [target.name]
    root = target.parent
    for root in target.parents:
        if not (root / "__init__.py").exists():
            break
        names.append(root.name)

    if sys.path[0] != str(root):
        sys.path.insert(0, str(root))
    return ".".join(reversed(names))


@overload
def locate_app(module_name: str, app_name: str | None, raise_if_not_found: Literal[True] = True) -> Flask: ...


@overload
def locate_app(module_name: str, app_name: str | None, raise_if_not_found: Literal[False] = ...) -> Flask | None: ...


def locate_app(module_name: str, app_name: str | None, raise_if_not_found: bool = True) -> Flask | None:
    """Import `module_name` and return its application.

    Args:
        module_name: The dotted name of the module.
        app_name: What to look for, as in `find_app_by_string`. None: as in `find_best_app`.
        raise_if_not_found: Whether to raise an error, and not return None, if there is no such module.

    Raises:
        NoAppException: If the application is not found. If the module raised an ImportError of its own, the message
            has its traceback.
    """
    from tuile import cli  # noqa: PLC0415 - it imports this module
    from tuile.mistakes import explain  # noqa: PLC0415 - for errors alone

    try:
        # Not importlib.import_module: its frame would be the second one in the traceback.
        __import__(module_name)
    except ImportError as error:
        # A second frame means that the module exists and its own code raised.
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            explain(error)
            raise NoAppException(
                f"While importing {module_name!r}, an ImportError was raised:\n\n{traceback.format_exc()}"
            ) from None
        if raise_if_not_found:
            raise NoAppException(f"Could not import {module_name!r}.") from None
        return None
    except Exception as error:
        explain(error)
        raise

    module = sys.modules[module_name]
    if app_name is None:
        return cli.find_best_app(module)
    return cli.find_app_by_string(module, app_name)
