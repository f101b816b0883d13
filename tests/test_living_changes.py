"""Applications that are changed between their requests: what is registered and replaced then has effect at once.

A generated life is a row of changes and requests. Its answers, and what its functions noted, are compared with Flask's;
and those by ASGI with those by WSGI.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import jinja2
import pytest
from werkzeug.exceptions import NotFound, default_exceptions
from werkzeug.routing import BaseConverter, Rule

import tuile
from tests.asgi.test_both_protocols import by_asgi, by_wsgi
from tests.beside_flask import SIGNALS, make_app, make_environ, part, same

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")
SCOPES = (None, "shop", "outer", "outer.shop")
# Those that are replaced on an application.
STEPS = [
    *("dispatch_request", "full_dispatch_request", "preprocess_request", "finalize_request", "process_response"),
    *("make_response", "handle_user_exception", "handle_exception", "handle_http_exception", "ensure_sync", "redirect"),
    *("do_teardown_request", "do_teardown_appcontext", "make_default_options_response", "inject_url_defaults"),
    *("create_url_adapter", "request_context", "app_context", "url_for", "wsgi_app"),
]
SETTINGS: list[tuple[str, Any]] = [
    ("DEBUG", True),
    ("DEBUG", False),
    ("PROPAGATE_EXCEPTIONS", False),
    ("TRAP_HTTP_EXCEPTIONS", True),
    ("TRAP_HTTP_EXCEPTIONS", False),
    ("SERVER_NAME", "localhost"),
    ("SERVER_NAME", None),
    ("APPLICATION_ROOT", "/root"),
    ("PREFERRED_URL_SCHEME", "https"),
    ("SESSION_COOKIE_NAME", "other"),
    ("SESSION_COOKIE_PATH", "/shop"),
    ("SESSION_REFRESH_EACH_REQUEST", False),
    ("SECRET_KEY", "another key of these tests"),
    ("SECRET_KEY", None),
    ("MAX_CONTENT_LENGTH", 1),
    ("TRUSTED_HOSTS", ["localhost"]),
    ("TRUSTED_HOSTS", None),
    ("TEMPLATES_AUTO_RELOAD", True),
]
PATHS = [
    "/",
    "/number/3",
    "/number/x",
    "/text/a",
    "/slash",
    "/slash/",
    "/shop/",
    "/outer/shop/",
    "/new",
    "/new/",
    "/missing",
]


class Life:
    """One application and what happens to it.

    Args:
        lib: The framework.
        seed: Decides what happens.
    """

    def __init__(self, lib: Any, seed: int) -> None:
        self.lib, self.random, self.noted = lib, random.Random(seed), list[str]()
        self.count = 0
        self.connected: list[tuple[Any, Any]] = []
        self.app: Any = make_app(lib, SECRET_KEY="a key of these tests alone", PROPAGATE_EXCEPTIONS=False)
        app: Any = self.app
        # Flask refuses to be changed late; extensions change it all the same.
        app._check_setup_finished = lambda name: None
        for number, path in enumerate(("/", "/number/<int:it>", "/text/<it>", "/slash/")):
            app.add_url_rule(path, f"view{number}", self.view(), methods=["GET", "POST"])
        shop, outer = lib.Blueprint("shop", "beside", url_prefix="/shop"), lib.Blueprint("outer", "beside")
        shop.add_url_rule("/", "index", self.view())
        app.register_blueprint(shop)
        outer.register_blueprint(shop)
        app.register_blueprint(outer, url_prefix="/outer")

    def view(self) -> Callable[..., Any]:
        """Return one of the views."""
        lib = self.lib

        def visited(**_: Any) -> str:
            lib.session["visits"] = lib.session.get("visits", 0) + 1
            return str(lib.session["visits"])

        def fail(**_: Any) -> None:
            raise ValueError("the view")

        def stream(**_: Any) -> Any:
            return lib.stream_with_context(lib.request.path for _ in range(2))

        def rendered(**values: Any) -> Any:
            text = "{{ values }} {{ request.path }} {{ given }} {{ session.visits }} {{ 3|own if has_own }}"
            return lib.render_template_string(text, values=values, has_own="own" in self.app.jinja_env.filters)

        async def awaited(**_: Any) -> str:
            return f"awaited {lib.g.get('hook')}"

        return self.random.choice(
            [
                visited,
                fail,
                stream,
                rendered,
                awaited,
                lambda **values: f"{values} {lib.request.endpoint} {lib.request.blueprints} {lib.g.get('hook')}",
                lambda **_: {"b": 1, "a": "é"},
                lambda **_: ("tuple", 202, {"X-Tuple": "1"}),
                lambda **_: lib.make_response("made", 203),
                lambda **_: f"{lib.url_for('view1', it=5, q='é')} {lib.url_for('shop.index', _external=True)}",
                lambda **_: lib.redirect(lib.url_for("view0")),
                lambda **_: lib.abort(418),
                lambda **_: str(lib.request.form["missing"]),
                lambda **_: None,
                lambda **_: NotFound("returned"),
            ]
        )

    def number(self) -> int:
        """Return a number of its own for each change."""
        self.count += 1
        return self.count

    # --- the changes

    def change_view(self) -> None:
        self.app.view_functions[self.random.choice(sorted(self.app.view_functions))] = self.view()

    def change_views(self) -> None:
        self.app.view_functions = dict(self.app.view_functions)

    def change_hook(self) -> None:
        number, kind, lib = self.number(), self.random.choice(HOOKS), self.lib

        def hook(*given: Any) -> Any:
            self.noted.append(f"{kind} {number}")
            if kind == "before_request_funcs":
                lib.g.hook = number
                return "stopped" if number % 5 == 0 else None
            if kind == "after_request_funcs":
                given[0].headers["X-After"] = str(number)
                return given[0]
            return None

        getattr(self.app, kind).setdefault(self.random.choice(SCOPES), []).append(hook)

    def change_no_hooks(self) -> None:
        hooks = getattr(self.app, self.random.choice(HOOKS))
        if self.random.random() < 0.5:
            hooks.clear()
        else:
            hooks.pop(self.random.choice(SCOPES), None)

    def change_hooks(self) -> None:
        kind = self.random.choice(HOOKS)
        setattr(self.app, kind, defaultdict(list, getattr(self.app, kind)))

    def change_handler(self) -> None:
        number, kind = self.number(), self.random.choice([404, 405, 418, 500, ValueError, Exception, KeyError])
        handlers = self.app.error_handler_spec[self.random.choice(SCOPES)]
        of_kind: Any = handlers[kind if isinstance(kind, int) else None]
        of_kind[default_exceptions[kind] if isinstance(kind, int) else kind] = lambda error: (f"handled {number}", 409)

    def change_no_handlers(self) -> None:
        self.app.error_handler_spec.pop(self.random.choice(SCOPES), None)

    def change_rule(self) -> None:
        path = self.random.choice(["/new", "/new/", "/<it>", "/number/<it>"])
        if self.random.random() < 0.5:
            self.app.url_map.add(Rule(path, endpoint=self.random.choice(["view0", "view2", "nowhere"])))
        else:
            self.app.add_url_rule(path, f"new{self.number()}", self.view())

    def change_map(self) -> None:
        name = self.random.choice(["strict_slashes", "merge_slashes", "redirect_defaults"])
        setattr(self.app.url_map, name, self.random.random() < 0.5)

    def change_converter(self) -> None:
        class Upper(BaseConverter):
            def to_python(self, value: str) -> str:
                return value.upper()

        self.app.url_map.converters["upper"] = Upper
        self.app.add_url_rule("/text/<upper:it>", f"upper{self.number()}", self.view())

    def change_setting(self) -> None:
        name, value = self.random.choice(SETTINGS)
        how = self.random.randrange(3)
        if how == 0:
            self.app.config[name] = value
        elif how == 1:
            self.app.config.update({name: value})
        else:
            self.app.config |= {name: value}

    def change_config(self) -> None:
        self.app.config = type(self.app.config)(self.app.config.root_path, dict(self.app.config))

    def change_json(self) -> None:
        class Spaced(part(self.lib, "json.provider").DefaultJSONProvider):  # type: ignore[misc]
            def dumps(self, obj: Any, **kwargs: Any) -> str:
                return f" {super().dumps(obj, **kwargs)}"

        how = self.random.randrange(3)
        if how == 0:
            self.app.json = Spaced(self.app)
        elif how == 1:
            self.app.json.sort_keys = not self.app.json.sort_keys
        else:
            self.app.json.ensure_ascii = False

    def change_templates(self) -> None:
        number, how = self.number(), self.random.randrange(5)
        if how == 0:
            self.app.jinja_env.filters["own"] = lambda value: f"own {number}"
        elif how == 1:
            self.app.jinja_env.globals["given"] = number
        elif how == 2:
            self.app.jinja_env = self.app.create_jinja_environment()
        elif how == 3:
            self.app.jinja_env.undefined = self.random.choice([jinja2.DebugUndefined, jinja2.Undefined])
        else:
            self.app.template_context_processors[None].append(lambda: {"given": number})

    def change_session(self) -> None:
        stock = part(self.lib, "sessions").SecureCookieSessionInterface

        class Named(stock):  # type: ignore[misc,valid-type]
            salt = "another salt"

            def get_cookie_name(self, app: Any) -> str:
                return "named"

        self.app.session_interface = self.random.choice([stock, Named])()

    def change_classes(self) -> None:
        class OwnResponse(self.lib.Response):  # type: ignore[misc,name-defined]
            default_status = 299

        class OwnRequest(self.lib.Request):  # type: ignore[misc,name-defined]
            @property
            def blueprints(self) -> list[str]:
                return ["own"]

        self.app.response_class = self.random.choice([self.lib.Response, OwnResponse])
        self.app.request_class = self.random.choice([self.lib.Request, OwnRequest])

    def change_step(self) -> None:
        name = self.random.choice(STEPS)
        if name in vars(self.app):
            delattr(self.app, name)
            return
        stock, number = getattr(self.app, name), self.number()

        def step(*args: Any, **kwargs: Any) -> Any:
            if name in {"dispatch_request", "make_response", "process_response"}:
                self.noted.append(f"{name} {number}")
            return stock(*args, **kwargs)

        setattr(self.app, name, step)

    def change_receivers(self) -> None:
        if self.connected and self.random.random() < 0.5:
            signal, former = self.connected.pop()
            signal.disconnect(former)
            return
        name = self.random.choice(SIGNALS)
        signal = getattr(part(self.lib, "signals"), name)

        def receiver(sender: Any, **kwargs: Any) -> None:
            self.noted.append(f"{name} {sorted(set(kwargs) - {'_async_wrapper'})}")

        signal.connect(receiver, self.app)
        self.connected.append((signal, receiver))


CHANGES = sorted(name for name in vars(Life) if name.startswith("change_"))


def lived(lib: Any, seed: int, ask: Callable[..., Any] = by_wsgi) -> list[Any]:
    """Return what is seen of a life."""
    life = Life(lib, seed)
    seen: list[Any] = []
    cookies: dict[str, str] = {}
    for _ in range(life.random.randrange(10, 40)):
        life.noted.clear()
        if life.random.random() < 0.4:
            name = life.random.choice(CHANGES)
            try:
                getattr(life, name)()
            except Exception as error:  # noqa: BLE001 - which one is what is compared
                seen.append((name, type(error).__name__))
            continue
        environ = make_environ(
            life.random.choice(PATHS), REQUEST_METHOD=life.random.choice(["GET", "GET", "POST", "OPTIONS"])
        )
        if cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        try:
            status, headers, body = ask(life.app, environ)
        except Exception as error:  # noqa: BLE001 - which one is what is compared
            seen.append((environ["PATH_INFO"], type(error).__name__, sorted(life.noted)))
            continue
        for name, value in headers:
            if name == "set-cookie":
                key, _, content = value.partition(";")[0].partition("=")
                cookies[key] = content
        # Receivers of one signal are called in no order.
        seen.append((environ["PATH_INFO"], status, sorted(headers), body, sorted(life.noted)))
    for signal, receiver in life.connected:
        signal.disconnect(receiver)
    return seen


@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(0, 200, 50)])
def test_changes_of_a_living_app_have_effect_as_on_flask(seeds: range) -> None:
    for seed in seeds:
        assert len(same(lived, seed)) > 1, seed


@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(1000, 1100, 50)])
def test_changes_of_a_living_app_have_the_same_effect_by_both_protocols(seeds: range) -> None:
    # The same time for both: session signatures contain it.
    with closing(asyncio.new_event_loop()) as loop, mock.patch("time.time", partial(float, time.time())):
        for seed in seeds:
            assert lived(tuile, seed) == lived(tuile, seed, partial(by_asgi, loop=loop)), seed
