"""Examine an application object for problems and slow paths, without calling its views or hooks."""

from __future__ import annotations

import inspect
import os
from types import FunctionType
from typing import TYPE_CHECKING

from tuile.csrf import check_csrf_settings
from tuile.ctx.cookie_defaults import are_secure
from tuile.dispatch.division import way_of
from tuile.dispatch.plan import plan_of
from tuile.dispatch.settings import cookie_checks_of, undeclared_cookies_of
from tuile.dispatch.steps import Dispatcher
from tuile.keys.app_keys import check_keys, weak_keys
from tuile.sessions import SecureCookieSessionInterface
from tuile.sessions.kinds import advice
from tuile.sessions.startup import check_session_settings
from tuile.startup import check_consent, check_numbers

from .deployment import examine_cookie_defaults
from .login import examine_login
from .report import DOUBTFUL, FAILS, NOTE, SLOW, Finding
from .sources import TUILE_DIR
from .values import examine_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tuile.app import Flask

# The fields of the plan that are reported unchanged.
_PLAN_FIELDS = (
    "fast",
    "enters",
    "dispatches",
    "calls_view",
    "quiet",
    "ends_quietly",
    "calls_directly",
    "builds_urls",
    "checks_cookies",
)


def describe_application(app: Flask) -> dict[str, object]:
    """Return the facts about an application, by name."""
    cls, plan = type(app), plan_of(app)
    return {
        "import_name": app.import_name,
        "class": _name(cls),
        "root_path": app.root_path,
        "debug": app.debug,
        "rules": sum(1 for _ in app.url_map.iter_rules()),
        "blueprints": sorted(app.blueprints),
        "extensions": sorted(map(str, app.extensions)),
        "request_class": _name(app.request_class),
        "response_class": _name(app.response_class),
        "session_interface": _name(type(app.session_interface)),
        "url_map_class": _name(type(app.url_map)),
        "json_provider": _name(type(app.json)),
        "plan": {name: getattr(plan, name) for name in _PLAN_FIELDS},
        "on_asgi_servers": {endpoint: way_of(app, plan, endpoint) for endpoint in sorted(map(str, app.view_functions))},
    }


def examine_application(app: Flask) -> Iterator[Finding]:
    """Yield what does not work, is slow, or is customised in an application."""
    yield from _examine_plan(app)
    yield from _examine_session(app)
    yield from examine_login(app)
    yield from examine_cookie_defaults(app)
    yield from _examine_views(app)
    yield from _examine_steps(app)
    yield from examine_values(app)


def _examine_plan(app: Flask) -> Iterator[Finding]:
    """Yield why the application does not use the fast path, or uses only a part of it."""
    plan = plan_of(app)
    for reason in plan.refusals:
        yield Finding(SLOW, "fast path", f"is not taken: {reason}")
    for reason in plan.slower:
        yield Finding(SLOW, "fast path", f"is taken, but {reason}")


def _examine_session(app: Flask) -> Iterator[Finding]:
    if not app.secret_key and not app.config.get("SECRET_KEY"):
        yield Finding(NOTE, "SECRET_KEY", "is not set, so sessions cannot be written")
    yield from _examine_keys(app)
    if isinstance(app.session_interface, SecureCookieSessionInterface):
        yield from _examine_kinds(app)


def _examine_kinds(app: Flask) -> Iterator[Finding]:
    try:
        check_session_settings(app, app.session_interface)
        narrower = advice(app)
    except (RuntimeError, TypeError, ValueError) as error:
        yield Finding(FAILS, "the session", str(error), id="session-settings")
        return
    if narrower:
        reason = f"accepts weaker kinds of session than the one written. {narrower}"
        yield Finding(NOTE, "SESSION_READS", reason, id="session-reads")


def _examine_keys(app: Flask) -> Iterator[Finding]:
    try:
        for name, why in weak_keys(app):
            yield Finding(
                DOUBTFUL, name, f"can be guessed: {why}; `tuile secret` prints a good one", id="secret-key-weak"
            )
        check_keys(app)
    except (RuntimeError, TypeError, ValueError) as error:
        yield Finding(FAILS, "the keys", str(error), id="keys")
    checks: tuple[Callable[[Flask], object], ...] = (check_csrf_settings, are_secure, cookie_checks_of)
    checks += (undeclared_cookies_of, check_consent, check_numbers)
    for check in checks:
        try:
            check(app)
        except (TypeError, ValueError) as error:
            yield Finding(FAILS, "the settings", str(error), id="settings")


def _examine_views(app: Flask) -> Iterator[Finding]:
    registries: dict[str, Mapping[str | None, Iterable[Callable[..., object]]]] = {
        "before_request": app.before_request_funcs,
        "after_request": app.after_request_funcs,
        "teardown_request": app.teardown_request_funcs,
    }
    functions: list[tuple[str, Callable[..., object]]]
    functions = [(f"view {endpoint!r}", view) for endpoint, view in app.view_functions.items()]
    for name, registry in registries.items():
        functions += [(name, function) for registered in registry.values() for function in registered]
    asynchronous = [(name, function) for name, function in functions if inspect.iscoroutinefunction(function)]
    try:
        import asgiref.sync  # noqa: F401, PLC0415 - an extra; only its presence matters
    except ImportError:
        kind, reason = FAILS, "is a coroutine function and asgiref is not installed: pip install 'tuile[async]'"
    else:
        kind, reason = (
            SLOW,
            "is a coroutine function, which is run in an event loop of another thread, as in Flask",
        )
    for name, function in asynchronous:
        yield Finding(kind, name, reason, _location(function))


def _examine_steps(app: Flask) -> Iterator[Finding]:
    """Yield the methods of the application that are not Tuile's, on its class or on the object itself."""
    for name in sorted(_methods()):
        own = vars(app).get(name)
        if own is not None:
            yield _finding_of_step(name, own, "on this application")
            continue
        # `getattr` would bind the method.
        found = inspect.getattr_static(type(app), name)
        if not _is_tuiles(found):
            owner = next(cls for cls in type(app).__mro__ if name in vars(cls))
            yield _finding_of_step(name, found, f"in {_name(owner)}")


def _finding_of_step(name: str, found: object, by: str) -> Finding:
    if name == "wsgi_app":
        return Finding(NOTE, name, f"is wrapped or overridden {by}, by {_name(found)}", _location(found))
    return Finding(NOTE, name, f"is overridden {by}, and is called as in Flask", _location(found))


def _methods() -> set[str]:
    """Return the names of the methods that Tuile's application class defines and a subclass may override."""
    return {
        name
        for cls in Dispatcher.__mro__
        for name, value in vars(cls).items()
        if _is_tuiles(value) and (name == "__call__" or not name.startswith("_"))
    }


def _is_tuiles(found: object) -> bool:
    """Return whether a function is defined in Tuile and not wrapped."""
    # `type`, because a wrapper may imitate `__class__`.
    return type(found) is FunctionType and found.__code__.co_filename.startswith(TUILE_DIR + os.sep)


def _name(value: object) -> str:
    """Return the qualified name of a class, a function or an object's class."""
    qualname = getattr(value, "__qualname__", None)
    if qualname is None:
        value = type(value)
        qualname = value.__qualname__
    return f"{value.__module__}.{qualname}"


def _location(value: object) -> str:
    """Return the file and line where a class or function is defined, or ""."""
    named: Callable[..., object] = inspect.unwrap(value) if callable(value) else type(value)
    if not (inspect.isclass(named) or inspect.isroutine(named)):
        named = type(named)
    try:
        return f"{inspect.getsourcefile(named)}:{inspect.getsourcelines(named)[1]}"
    except (OSError, TypeError):
        return ""
