"""URLs outside requests: the adapters of most contexts are alike, and each context writes by its own."""

from __future__ import annotations

import copy
import random
from functools import partial
from typing import Any
from unittest import mock

import pytest
from werkzeug.routing import MapAdapter

import tuile
from tests.beside_flask import outcome, same
from tuile.routing.outside import AdapterState


def make(framework: Any, **settings: Any) -> Any:
    """Return an application with a name of its server."""
    app = framework.Flask("outside", static_folder=None)
    app.config.update({"SERVER_NAME": "example.com", **settings})
    app.add_url_rule("/about", "about", lambda: "")
    app.add_url_rule("/items/<int:n>", "item", lambda n: "")
    app.add_url_rule("/api", "api", lambda: "", subdomain="api")
    return app


def wait_for_plan(framework: Any, app: Any) -> None:
    """Build URLs until a plan is certain to last."""
    for _ in range(40):
        with app.app_context():
            framework.url_for("about")


CHANGES: tuple[tuple[str, Any], ...] = (
    ("APPLICATION_ROOT", "/app"),
    ("APPLICATION_ROOT", "/app/"),
    ("APPLICATION_ROOT", "/"),
    ("APPLICATION_ROOT", None),
    ("PREFERRED_URL_SCHEME", "https"),
    ("PREFERRED_URL_SCHEME", "http"),
    ("PREFERRED_URL_SCHEME", "ftp"),
    ("SERVER_NAME", "example.com"),
    ("SERVER_NAME", "EXAMPLE.org:8000"),
    ("SERVER_NAME", "bücher.example"),
    ("SERVER_NAME", "a b"),
    ("SERVER_NAME", None),
)
ATTRIBUTES: tuple[tuple[str, Any], ...] = (
    ("script_name", "/elsewhere/"),
    ("server_name", "elsewhere.example"),
    ("url_scheme", "https"),
    ("subdomain", "api"),
    ("more", 1),
)


def urls(framework: Any) -> list[Any]:
    """Return the URLs that are built in the current context."""
    return [
        outcome(lambda: framework.url_for("about")),
        outcome(lambda: framework.url_for("item", n=1, q=["a", "b c"], _anchor="x")),
        outcome(lambda: framework.url_for("about", _scheme="https")),
        outcome(lambda: framework.url_for("about", _external=False)),
        outcome(lambda: framework.url_for("api")),
        outcome(lambda: framework.url_for("missing")),
    ]


def securely(bind: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a map's method does, with another scheme."""
    return bind(*args, **{**kwargs, "url_scheme": "https"})


def attributes(adapter: Any) -> Any:
    """Return what an adapter has, in a form to compare."""
    if adapter is None:
        return None
    return type(adapter).__name__, {name: value for name, value in vars(adapter).items() if name != "map"}


def change(choose: random.Random, app: Any, contexts: list[Any]) -> None:
    """Change a setting, the map, or the current context."""
    step = choose.randrange(5)
    if step == 0:
        app.config.__setitem__(*choose.choice(CHANGES))
    elif step == 1:
        app.url_map.default_subdomain = choose.choice(["", "www"])
    elif contexts and step == 2 and contexts[-1].url_adapter is not None:
        setattr(contexts[-1].url_adapter, *choose.choice(ATTRIBUTES))
    elif contexts and step == 3:
        contexts[-1].url_adapter = choose.choice([None, app.url_map.bind("other.example", "/x", url_scheme="https")])
    elif contexts:
        contexts.pop().pop()


@pytest.mark.parametrize("seed", range(60))
def test_each_context_has_the_adapter_of_the_settings_when_it_was_made(seed: int) -> None:
    def program(framework: Any) -> Any:
        choose, app, contexts = random.Random(seed), make(framework), list[Any]()
        seen: list[Any] = []
        app.url_map.host_matching = choose.random() < 0.1
        for _ in range(30):
            if choose.random() < 0.6:
                change(choose, app, contexts)
            else:
                made = outcome(app.app_context)
                seen.append(made[0])
                if made[0] == "returned":
                    contexts.append(made[1])
                    made[1].push()
            if contexts:
                seen += [urls(framework), attributes(contexts[-1].url_adapter)]
        while contexts:
            contexts.pop().pop()
        return seen

    same(program)


def test_an_adapter_that_is_changed_changes_no_other() -> None:
    def program(framework: Any) -> Any:
        app, seen = make(framework), []
        with app.app_context() as first:
            seen.append(framework.url_for("about"))
            with app.app_context():
                seen.append(framework.url_for("about"))
            first.url_adapter.server_name = "changed.example"
            seen.append(framework.url_for("about"))
            with app.app_context():
                seen.append(framework.url_for("about", _scheme="https"))
            seen.append(framework.url_for("about"))
        return seen

    same(program)


def test_an_adapter_of_another_class_is_asked() -> None:
    def program(framework: Any) -> Any:
        class Loud(MapAdapter):
            def build(self, *args: Any, **kwargs: Any) -> str:
                return super().build(*args, **kwargs).upper()

        app, seen = make(framework), []
        for kind in (MapAdapter, Loud, MapAdapter):
            with app.app_context() as context:
                seen.append(framework.url_for("about"))
                context.url_adapter.__class__ = kind
                seen.append(framework.url_for("about"))
                alike = object.__new__(kind)
                vars(alike).update(vars(context.url_adapter))
                context.url_adapter = alike
                seen.append(framework.url_for("about"))
        return seen

    same(program)


@pytest.mark.parametrize("name", ["bind", "__init__", "build"])
def test_what_is_patched_between_contexts_is_called(name: str) -> None:
    def program(framework: Any) -> Any:
        app, seen = make(framework), []
        owner = type(app.url_map).__mro__[-2] if name == "bind" else MapAdapter
        stock = getattr(owner, name)

        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(name)
            return stock(self, *args, **kwargs)

        for _ in range(2):
            with app.app_context():
                seen.append(framework.url_for("about"))
            with mock.patch.object(owner, name, wrapped), app.app_context():
                seen.append(framework.url_for("about"))
            with app.app_context():
                app.url_map.bind = partial(securely, app.url_map.bind)
                with app.app_context():
                    seen.append(framework.url_for("about"))
                del app.url_map.bind
        # Flask makes its rules and adapters in more places than one; what counts is that it is called.
        return sorted(set(map(str, seen)))

    same(program)


def test_a_context_takes_few_steps_once_another_was_made() -> None:
    app = make(tuile)
    wait_for_plan(tuile, app)
    plan = app._current_plan()
    (made,), (known,) = plan.made_outside, plan.address_outside
    with app.app_context() as context:
        assert vars(context.url_adapter) == made[3]
        assert tuile.url_for("about") == "http://example.com/about"
        assert tuile.globals.app_ctx.url_adapter is context.url_adapter
        assert plan.address_outside == [known]


@pytest.mark.parametrize("seed", range(30))
def test_an_adapter_that_is_read_late_is_of_the_settings_when_its_context_was_made(seed: int) -> None:
    def program(framework: Any) -> Any:
        choose, app = random.Random(seed), make(framework)
        contexts: list[Any] = []
        seen: list[Any] = []
        wait_for_plan(framework, app)
        for _ in range(30):
            step = choose.randrange(8)
            if step < 3:
                made = outcome(app.app_context)
                seen.append(made[0])
                contexts += made[1:] if made[0] == "returned" else ()
            elif step == 3:
                app.config.__setitem__(*choose.choice(CHANGES))
            elif step == 4:
                app.url_map.default_subdomain = choose.choice(["", "www"])
            elif contexts:
                context = choose.choice(contexts)
                if step == 5:
                    with copy.copy(context) if choose.random() < 0.3 else context:
                        seen.append(urls(framework))
                elif step == 6:
                    context = copy.copy(context) if choose.random() < 0.3 else context
                    seen.append((attributes(context.url_adapter), context.url_adapter is context.url_adapter))
                else:
                    context.url_adapter = choose.choice([None, app.url_map.bind("other.example", "/x")])
        seen += [attributes(context.url_adapter) for context in contexts]
        return seen

    same(program)


def test_an_adapter_is_made_only_if_it_is_read() -> None:
    app = make(tuile)
    wait_for_plan(tuile, app)
    with app.app_context() as context:
        assert tuile.url_for("about") == "http://example.com/about"
        assert type(vars(context)["_adapter"]) is AdapterState
        context.url_adapter.server_name = "changed.example"
        assert tuile.url_for("about") == "http://changed.example/about"
    with app.app_context() as context:
        del context.url_adapter
        with pytest.raises(AttributeError):
            context.url_adapter  # noqa: B018 - reading it is what fails


def test_a_copy_of_a_context_has_the_same_adapter() -> None:
    def program(framework: Any) -> Any:
        app = make(framework)
        wait_for_plan(framework, app)
        context = app.app_context()
        copied = copy.copy(context)
        context.url_adapter.server_name = "changed.example"
        with copied:
            return copied.url_adapter is context.url_adapter, framework.url_for("about")

    assert same(program) == (True, "http://changed.example/about")
