"""Detect the real Flask in a process that uses Tuile, find who imported it, and warn about it once.

Nothing here imports Flask.
"""

from __future__ import annotations

import os
import sys
import typing as t
import warnings

if t.TYPE_CHECKING:
    from types import ModuleType

#: The environment variable that turns the shim off: with `TUILE_SHIM=0`, `import tuile` does not install it.
VARIABLE = "TUILE_SHIM"
_NO = frozenset({"0", "false", "no", "off"})
# How the messages of Flask's unbound proxies begin.
_OUTSIDE = "Working outside of "
_HINT = "Write 'import tuile' before the line that imports it, or start the program with 'tuile exec'."

# Whether the warning was given.
_warned = False


def shim_is_wanted() -> bool:
    """Return whether `import tuile` installs the shim: not with `TUILE_SHIM=0`."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _NO


def real_flask() -> ModuleType | None:
    """Return the real Flask's package if this process has imported it."""
    flask = sys.modules.get("flask")
    # The shim's modules have their own class.
    return None if flask is None or type(flask).__module__.startswith("tuile.") else flask


def runs_flask_program() -> bool:
    """Return whether this process runs an unmodified program that was written for Flask.

    It does if the shim was installed explicitly (`tuile exec`, `tuile run`, `tuile.shim.install()`), and not if only
    `import tuile` installed it.
    """
    for finder in sys.meta_path:
        if getattr(finder, "is_tuile_shim", False) is True and getattr(finder, "is_explicit", True):
            return True
    return False


def names_in(module: object) -> t.Mapping[str, object]:
    """Return the names of an entry of `sys.modules`, which may be any object, without asking it.

    A lazy module would be loaded, and a proxy would look for its object.
    """
    try:
        found: object = object.__getattribute__(module, "__dict__")
    except Exception:  # noqa: BLE001 - a property of its class may raise any error
        return {}
    return found if type(found) is dict else {}


def module_name(value: object) -> str:
    """Return the name of a module, without asking it; "" for what is not one.

    A proxy of another library may raise any error when it is asked for its class.
    """
    name = names_in(value).get("__name__") if issubclass(type(value), type(sys)) else ""
    return name if type(name) is str else ""


def holders() -> list[str]:
    """Return the modules that have the real Flask, or something that it defines, among their names."""
    if real_flask() is None:
        return []
    own = {id(value) for value in names_in(sys.modules.get("flask.globals")).values()}
    return [
        name
        for name in list(sys.modules)
        if name.partition(".")[0] not in {"flask", "tuile"} and _holds(sys.modules.get(name), own)
    ]


def who_imported(flask: ModuleType) -> str:
    """Return a description of where the real Flask is and which module imported it first."""
    names = list(sys.modules)
    found = holders()
    where = f"it comes from {getattr(flask, '__file__', None)}"
    if not found:
        return where
    # `sys.modules` lists modules in the order in which their imports began, so the last one before Flask imported it.
    earlier = [name for name in found if names.index(name) < names.index("flask")]
    first = earlier[-1] if earlier else found[0]
    others = f" ({len(found) - 1} more use it)" if found[1:] else ""
    file = getattr(sys.modules[first], "__file__", None)
    return f"{where}, and the module that imported it is {first!r}{f' ({file})' if file else ''}{others}"


def warn_if_flask_is_imported(stacklevel: int) -> None:
    """Warn, once, that this process has the real Flask beside Tuile, unless `TUILE_SHIM=0` says that this is wanted."""
    global _warned  # noqa: PLW0603 - once in a process
    flask = real_flask()
    if flask is None or _warned or not shim_is_wanted():
        return
    _warned = True
    warnings.warn(
        f"Flask itself was imported before Tuile: {who_imported(flask)}. Code that uses that Flask does not work with"
        f" a Tuile application. {_HINT} If you want both, set {VARIABLE}=0.",
        RuntimeWarning,
        stacklevel=stacklevel + 1,
    )


def hint_about(error: BaseException) -> str:
    """Return a hint for an error of the real Flask's proxies in a request of Tuile; "" for other errors."""
    flask = real_flask()
    if flask is None or type(error) is not RuntimeError or not str(error).startswith(_OUTSIDE):
        return ""
    traceback, module = error.__traceback__, ""
    while traceback is not None:
        # The proxies themselves are Werkzeug's, or ours.
        name = traceback.tb_frame.f_globals.get("__name__", "")
        if name.partition(".")[0] not in {"werkzeug", "tuile", "flask"}:
            module = name
        traceback = traceback.tb_next
    who = f"{module!r} used" if module else "Some code used"
    return f"{who} Flask itself, which was imported as well as Tuile ({who_imported(flask)}). {_HINT}"


def _holds(module: object, proxies: set[int]) -> bool:
    """Return whether a module has the real Flask, or something that Flask defines, among its names."""
    for value in list(names_in(module).values()):
        name = module_name(value) or _defined_in(value, proxies)
        if name.partition(".")[0] == "flask":
            return True
    return False


def _defined_in(value: object, proxies: set[int]) -> str:
    kind = type(value)
    # A proxy raises outside a request, so proxies are compared by identity.
    if kind.__name__ == "LocalProxy":
        return "flask.globals" if id(value) in proxies else ""
    asked = value if kind.__name__ in {"type", "ABCMeta", "function"} else kind
    return str(getattr(asked, "__module__", ""))
