"""A path that is known to be that of a coroutine function is answered on the loop as any other, and as under WSGI."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.asgi.driver import Server
from tests.asgi.test_both_protocols import by_wsgi, scope_of
from tests.beside_flask import make_environ, sort_methods

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def make_app() -> Any:
    """An application whose view is a coroutine function that says what it sees."""
    app = tuile.Flask("awaited", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    async def view(**arguments: Any) -> Any:
        await asyncio.sleep(0)
        request = tuile.request
        rule = request.url_rule
        seen = (request.endpoint, rule and rule.rule, request.view_args, arguments, request.method, request.host)
        arguments["own"] = request.view_args
        return repr(seen)

    app.add_url_rule("/it", "it", view, methods=["GET", "POST"])
    app.add_url_rule("/other", "other", view)
    return app


async def other() -> str:
    """Another view."""
    return "other"


def hook() -> None:
    """Do nothing before the view."""


class Other(tuile.Flask):
    """Another class, with a step of its own."""

    def make_response(self, rv: Any) -> Any:
        """Answer with something else."""
        return super().make_response(f"of the other class: {rv}")


CHANGES: dict[str, Callable[[Any], object]] = {
    "none": lambda app: None,
    "another view": lambda app: app.view_functions.update(it=other),
    "a synchronous view": lambda app: app.view_functions.update(it=lambda: "synchronous"),
    "no view": lambda app: app.view_functions.clear(),
    "other methods": lambda app: setattr(next(app.url_map.iter_rules("it")), "methods", {"POST"}),
    "a method less": lambda app: next(app.url_map.iter_rules("it")).methods.discard("GET"),
    "defaults": lambda app: setattr(next(app.url_map.iter_rules("it")), "defaults", {"a": 1}),
    "another endpoint": lambda app: setattr(next(app.url_map.iter_rules("it")), "endpoint", "other"),
    "trusted hosts": lambda app: app.config.update(TRUSTED_HOSTS=["example.com"]),
    "trusted hosts of this one": lambda app: app.config.update(TRUSTED_HOSTS=["localhost"]),
    "another rule": lambda app: app.url_map.add(tuile.Flask.url_rule_class("/it", endpoint="other")),
    "a function before": lambda app: app.before_request_funcs.setdefault(None, []).append(hook),
    "one that answers": lambda app: app.before_request_funcs.setdefault(None, []).append(lambda: "before"),
    "a function after": lambda app: app.after_request_funcs.setdefault(None, []).append(lambda response: response),
    "functions before and after": lambda app: (
        app.before_request_funcs.setdefault(None, []).append(hook),
        app.teardown_request_funcs.setdefault(None, []).append(lambda error: None),
    ),
    "a preprocessor": lambda app: app.url_value_preprocessors.setdefault(None, []).append(
        lambda endpoint, values: values.update(given=endpoint)
    ),
    "another class": lambda app: setattr(app, "__class__", Other),
    "a step": lambda app: setattr(app, "make_response", lambda rv: tuile.Response("made")),
    "another entry": lambda app: setattr(app, "wsgi_app", app.wsgi_app),
    "a host of the map": lambda app: setattr(app.url_map, "host_matching", True),
}
REQUESTS: dict[str, dict[str, Any]] = {
    "GET": {},
    "HEAD": {"REQUEST_METHOD": "HEAD"},
    "POST": {"REQUEST_METHOD": "POST"},
    "OPTIONS": {"REQUEST_METHOD": "OPTIONS"},
    "DELETE": {"REQUEST_METHOD": "DELETE"},
    "another host": {"HTTP_HOST": "example.com"},
    "a bad host": {"HTTP_HOST": "a b"},
    "another path": {"PATH_INFO": "/it/"},
    "another route": {"PATH_INFO": "/other"},
}


async def ask_around(change: str, send: Callable[[Any, Any], Awaitable[Any]]) -> list[Any]:
    """Change an application that was asked often, and return what it answers then."""
    app = make_app()
    for _ in range(40):
        assert (await send(app, make_environ("/it")))[0] == 200
    assert "/it" in app.plan.awaited_routes
    CHANGES[change](app)
    found = []
    for _ in range(2):
        for more in REQUESTS.values():
            status, headers, body = await send(app, make_environ("/it") | more)
            found.append((status, sorted((name, sort_methods(name.title(), value)) for name, value in headers), body))
    return found


async def by_wsgi_in_thread(app: Any, environ: Any) -> Any:
    """Answer as a WSGI application."""
    return await asyncio.to_thread(by_wsgi, app, environ)


async def on_loop(app: Any, environ: Any) -> Any:
    """Answer as an ASGI application."""
    answer = await Server(scope_of(environ)).ask(app)
    return answer.status, [(name.decode(), value.decode("latin-1")) for name, value in answer.headers], answer.body


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_noticed(change: str) -> None:
    assert asyncio.run(ask_around(change, on_loop)) == asyncio.run(ask_around(change, by_wsgi_in_thread))


@pytest.mark.parametrize("length", [0, None])
def test_a_request_is_not_asked_whether_it_is_true(length: Any) -> None:
    async def ask(send: Callable[[Any, Any], Awaitable[Any]]) -> list[Any]:
        app = make_app()
        app.request_class = type("Own", (tuile.Request,), {"__len__": lambda request: length})
        app.add_url_rule(
            "/sync", "sync", lambda: f"{tuile.request.method} {tuile.url_for('it')}", methods=["GET", "POST"]
        )
        changes = [{**more, **path} for more in REQUESTS.values() for path in ({}, {"PATH_INFO": "/sync"})]
        return [await send(app, make_environ("/it") | each) for each in changes * 2]

    expected, found = asyncio.run(ask(by_wsgi_in_thread)), asyncio.run(ask(on_loop))
    assert [(status, body) for status, _, body in found] == [(status, body) for status, _, body in expected]


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "", None])
@pytest.mark.parametrize("root", ["", "/root", "/it", None])
def test_the_scheme_and_the_root_path_count_as_before(scheme: str | None, root: str | None) -> None:
    app = make_app()

    async def main() -> list[Any]:
        answers = []
        for warm in range(40):
            scope = scope_of(make_environ("/it"))
            if warm < 2 or warm == 39:
                scope |= {"scheme": scheme, "root_path": root}
            found = await Server(scope).ask(app)
            answers.append((found.status, found.body))
        return answers

    answers = asyncio.run(main())
    # The first ones take the way of all.
    assert answers[-1] == answers[1] == answers[0]
