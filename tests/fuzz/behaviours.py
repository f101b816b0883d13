"""What a patch or an override does: notes its call, and passes on, changes, raises or answers by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response as WerkzeugResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.world import World

HOWS = ("pass", "pass", "pass", "change", "raise", "once", "quiet")
# Methods whose arguments are plain enough to be compared.
TOLD = frozenset({"url_for", "dumps", "loads", "get_send_file_max_age", "set_cookie", "delete_cookie", "abort"})


def changed(value: Any, name: str) -> Any:
    """Another value of the same kind, so that who uses it can go on."""
    if isinstance(value, WerkzeugResponse):
        value.headers.add("X-Changed", name)
    elif isinstance(value, bool):
        value = not value
    elif isinstance(value, str):
        value += "~"
    elif isinstance(value, bytes):
        value += b"~"
    elif isinstance(value, int):
        value += 1
    elif type(value) is dict:
        value = {**value, "changed": name}
    return value


def behave(world: World, name: str, how: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A function around `call`; how: a word of `HOWS`."""
    calls = 0

    def function(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        if name == "dumps" and arguments[-1] == {} and "separators" in named:
            # itsdangerous tries what a serializer returns with this.
            return call(*arguments, **named)
        calls += 1
        if how != "quiet":
            world.note(f"called {name}", [arguments, named] if name in TOLD else None)
        if how == "raise" or (how == "once" and calls == 1):
            message = f"{name} raises"
            raise ValueError(message)
        result = call(*arguments, **named)
        return changed(result, name) if how == "change" else result

    return function


def override(world: World, base: Any, overrides: list[list[str]], attributes: dict[str, Any] | None = None) -> Any:
    """A subclass with some methods overridden that call the inherited ones.

    overrides: [name, how] each; a name that the base does not have is left out.
    """
    namespace: dict[str, Any] = {"__module__": __name__, **(attributes or {})}
    kind: Any = None
    for name, how in overrides:
        inherited = getattr(base, name, None)
        if inherited is None:
            continue
        if not callable(inherited):
            namespace[name] = property(_property(world, name, how, lambda: kind))
        elif isinstance(_raw(base, name), classmethod):
            namespace[name] = classmethod(_method(world, name, how, lambda: kind))
        else:
            namespace[name] = _method(world, name, how, lambda: kind)
    kind = type(base.__name__, (base,), namespace)
    return kind


def _raw(base: Any, name: str) -> Any:
    return next((vars(kind)[name] for kind in base.__mro__ if name in vars(kind)), None)


def _method(world: World, name: str, how: str, kind: Callable[[], Any]) -> Callable[..., Any]:
    def inherited(self: Any, *arguments: Any, **named: Any) -> Any:
        return getattr(super(kind(), self), name)(*arguments, **named)

    around = behave(world, name, how, inherited)

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return around(self, *arguments, **named)

    method.__name__ = name
    return method


def _property(world: World, name: str, how: str, kind: Callable[[], Any]) -> Callable[[Any], Any]:
    # How often it is read is nobody's business.
    def get(self: Any) -> Any:
        value = getattr(super(kind(), self), name)
        return changed(value, name) if how == "change" else value

    return get


def patch(world: World, owner: Any, name: str, how: str) -> None:
    """Replace a method of a class or of one object by one that calls it."""
    original = getattr(owner, name, None)
    if not callable(original):
        world.note("cannot patch", name)
        return
    if isinstance(owner, type):
        raw = _raw(owner, name)
        if isinstance(raw, (classmethod, staticmethod)):
            world.set_attribute(owner, name, staticmethod(behave(world, name, how, original)))
            return
    world.set_attribute(owner, name, behave(world, name, how, original))
