"""What is current while apps and requests are entered and left in any order, as on Flask."""

from __future__ import annotations

import contextvars
import random
import re
import threading
from typing import Any

import pytest

import tuile
from tests.beside_flask import make_app, outcome, part, same
from tuile.ctx.app_context import current_value
from tuile.ctx.values import Entered

_STEPS = ("app", "other_app", "request", "again", "pop", "pop", "block", "failing_block", "thread", "replaced_g")


def _described(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an outcome without the addresses and the modules of objects."""
    return tuple(re.sub(r"<[\w.]*?(\w+) object at 0x\w+>", r"<\1>", str(one)) for one in found)


class _Walk:
    """Enters and leaves contexts by chance, and writes down what can be seen."""

    def __init__(self, lib: Any, chance: random.Random, *, tears_down: bool, hears: bool) -> None:
        self.lib, self.chance = lib, chance
        self.log: list[Any] = []
        self.apps = [make_app(lib), make_app(lib)]
        self.entered: list[Any] = []
        self._receivers = []
        for number, app in enumerate(self.apps):
            app.name = f"app {number}"
            if tears_down:
                app.teardown_appcontext(self._torn_down)
            if hears:
                for name in ("appcontext_pushed", "appcontext_tearing_down", "appcontext_popped"):
                    self._receivers.append(lambda sender, name=name, **_: self.log.append((name, sender.name)))
                    getattr(lib, name).connect(self._receivers[-1], app)

    def _torn_down(self, error: BaseException | None) -> None:
        self.log.append(("torn down", repr(error), self.seen()))

    def seen(self) -> Any:
        lib = self.lib
        return (
            lib.has_app_context(),
            lib.has_request_context(),
            _described(outcome(lambda: lib.current_app.name)),
            _described(outcome(lambda: lib.request.path)),
            _described(outcome(lambda: lib.g.get("mark"))),
            _described(outcome(lambda: sorted(lib.g))),
            _described(outcome(lambda: part(lib, "globals").app_ctx.url_adapter is None)),
            _described(outcome(lambda: part(lib, "globals").app_ctx.app.name)),
            _described(outcome(lambda: part(lib, "globals").request_ctx.request.path)),
            _described(outcome(lambda: part(lib, "globals").request_ctx.nothing_has_this)),
        )

    def step(self, number: int) -> Any:
        kind = self.chance.choice(_STEPS)
        if kind in {"pop", "again"} and not self.entered:
            return None
        return getattr(self, f"_{kind}")(number)

    def _enter(self, context: Any, number: int) -> None:
        self.entered.append(context)
        context.push()
        if number % 2:
            self.lib.g.mark = number

    def _app(self, number: int) -> None:
        self._enter(self.apps[0].app_context(), number)

    def _other_app(self, number: int) -> None:
        self._enter(self.apps[1].app_context(), number)

    def _request(self, number: int) -> None:
        self._enter(self.apps[0].test_request_context(f"/{number}"), number)

    def _again(self, number: int) -> None:
        self._enter(self.chance.choice(self.entered), number)

    def _pop(self, number: int) -> None:
        chance = self.chance
        # Nearly always in order.
        context = self.entered.pop(-1 if chance.random() < 0.9 else chance.randrange(len(self.entered)))
        context.pop(*([ValueError(number)] if chance.random() < 0.2 else []))

    def _block(self, number: int) -> Any:
        with self.apps[number % 2].app_context() as context:
            return self.seen(), len(context._cv_tokens)

    def _failing_block(self, number: int) -> None:
        with self.apps[0].app_context():
            raise KeyError(number)

    def _thread(self, number: int) -> Any:
        return self._in_thread(self.entered[-1] if self.entered else self.apps[0].app_context())

    def _replaced_g(self, number: int) -> None:
        if self.lib.has_app_context():
            part(self.lib, "globals").app_ctx.g = self.apps[0].app_ctx_globals_class()
            self.lib.g.mark = f"replaced {number}"

    def _in_thread(self, context: Any) -> Any:
        found: list[Any] = []

        def work() -> None:
            found.append(self.seen())
            with self.apps[1].app_context():
                found.append(self.seen())
            if type(context).__name__ == "AppContext" and len(context._cv_tokens) == 0:
                context.push()
                found.append(self.seen())
                context.pop()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found

    def run(self) -> list[Any]:
        for number in range(30):
            self.log.append(_described(outcome(self.step, number)))
            self.log.append(self.seen())
            if self.log[-2][0] == "raised" and self.log[-2][1] != "KeyError":
                # What is left behind by an error is seen once, and nothing follows it.
                break
        return self.log


@pytest.mark.parametrize("hears", [False, True], ids=["", "signals"])
@pytest.mark.parametrize("tears_down", [False, True], ids=["", "teardown"])
def test_apps_and_requests_are_current_as_on_flask_in_whatever_order_they_are_entered(
    tears_down: bool, hears: bool
) -> None:
    for seed in range(60):

        def program(lib: Any, seed: int = seed) -> Any:
            walk = _Walk(lib, random.Random(seed), tears_down=tears_down, hears=hears)
            return contextvars.Context().run(walk.run)

        same(program)


def test_a_context_that_two_threads_entered_at_the_same_moment_is_left_by_both() -> None:
    app = make_app(tuile)
    torn_down: list[Any] = []
    app.teardown_appcontext(torn_down.append)
    context = app.app_context()
    context.push()
    # What another thread does between the question whether it is entered and the answer being stored.
    other = contextvars.Context()
    ours, context._only = context._only, None
    other.run(context.push)
    context.pop()
    assert (torn_down, tuile.has_app_context(), ours is None) == ([], False, False)
    other.run(context.pop)
    assert torn_down == [None]


_NAMES = ["example.com", "Example.COM:8000", "localhost", "bücher.example", "a..b", "x" * 64, "", "_a.b", "1.2.3.4:80"]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("root", ["/", "/app", "app/", ""])
@pytest.mark.parametrize("scheme", ["http", "https", "ws", ""])
def test_the_adapter_outside_requests_is_the_one_that_flask_binds(name: str, root: str, scheme: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/<int:number>", "show", lambda number: "")
        app.config.update(SERVER_NAME=name, APPLICATION_ROOT=root, PREFERRED_URL_SCHEME=scheme)

        def use() -> Any:
            with app.app_context() as context:
                adapter = vars(context.url_adapter).copy()
                return adapter.pop("map") is app.url_map, adapter, outcome(lib.url_for, "show", number=1, a="b")

        first = outcome(use)
        app.url_map.default_subdomain = "sub"
        return first, outcome(use)

    same(program)


def test_a_patched_bind_makes_the_adapter_outside_requests() -> None:
    def program(lib: Any) -> Any:
        app: Any = make_app(lib)
        calls: list[Any] = []
        app.config["SERVER_NAME"] = "example.com"
        with app.app_context():
            pass
        bind = app.url_map.bind

        def counted(*args: Any, **kwargs: Any) -> Any:
            calls.append((args, kwargs))
            return bind(*args, **kwargs)

        app.url_map.bind = counted
        with app.app_context() as context:
            calls.append(context.url_adapter.server_name)
        app.create_url_adapter = calls.append
        with app.app_context() as context:
            calls.append(context.url_adapter)
        return calls

    same(program)


def test_another_app_that_is_assigned_to_an_entered_context_counts_at_once() -> None:
    def program(lib: Any) -> Any:
        app, other = make_app(lib), make_app(lib, MAX_COOKIE_SIZE=10)
        other.name, other.json.ensure_ascii = "other", False
        with app.app_context() as context:
            response = lib.Response()
            before = response.max_cookie_size
            context.app = other
            with pytest.warns(UserWarning, match="limit is 10 bytes"):
                response.set_cookie("theme", "dark")
            return before, response.max_cookie_size, lib.current_app.name, lib.jsonify("é").get_data(as_text=True)

    assert same(program) == (4093, 10, "other", '"é"\n')


def test_what_a_request_context_has_is_read_from_it_where_it_is_inside_another_context() -> None:
    app = make_app(tuile)
    with app.app_context(), app.test_request_context("/a") as context:
        value: Any = current_value(None)
        assert type(value) is Entered
        names = {name for kind in type(context).__mro__ for name in vars(kind)} | vars(context).keys()
        seen = {name for name in names - vars(Entered).keys() if not name.startswith("__")}
        assert not seen - {"_abc_impl"}
        context.flashes = [("message", "kept")]
        assert value.flashes is context.flashes
        assert value._cv_tokens == context._cv_tokens
        assert value.session is context.session
    outside: Any = Entered(None, None)
    assert getattr(outside, "flashes", "none") == "none"
    assert not hasattr(outside, "no_such_name")
