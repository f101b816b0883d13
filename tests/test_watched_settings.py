"""Tests of settings whose changes plans depend on: what is noticed, and what a config is meanwhile."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuile
from tests.beside_flask import ABSENT, make_environ, outcome, same, send
from tuile import Config, invalidation
from tuile.dispatch.plan import plan_of
from tuile.invalidation import invalidate
from tuile.watched_settings import PLANNED, Unsettled, can_be_watched, settle, watch

WAYS: dict[str, Any] = {
    "item": lambda config, name, value: config.__setitem__(name, value),
    "update": lambda config, name, value: config.update({name: value}),
    "update by keywords": lambda config, name, value: config.update(**{name: value}),
    "update by pairs": lambda config, name, value: config.update(iter([(name, value), ("OTHER", 1)])),
    "or": lambda config, name, value: config.__ior__({name: value}),
    "setdefault": lambda config, name, value: config.setdefault(name, value),
    "pop": lambda config, name, _: config.pop(name),
    "popitem": lambda config, *_: config.popitem(),
    "del": lambda config, name, _: config.__delitem__(name),
    "clear": lambda config, *_: config.clear(),
    "mapping": lambda config, name, value: config.from_mapping({name: value}),
    "half of an update": lambda config, name, value: config.update([(name, value), 5]),
}


def own_app(lib: Any = tuile, **settings: Any) -> Any:
    app = lib.Flask("own")
    app.config.update(settings)
    app.add_url_rule("/", "index", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"b": 1, "a": [2]})
    return app


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*WAYS]),
            st.sampled_from([*PLANNED, "OTHER", "SECRET_KEY"]),
            st.sampled_from([None, True, "warn", 5]),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_the_epoch_goes_on_just_if_nothing_changed_that_plans_depend_on(writes: Any) -> None:
    config = Config("", {"DEBUG": False, "SERVER_NAME": None, "TESTING": False})
    watch(config)
    epoch, before = invalidation.epoch, dict(config)
    for way, name, value, settles in [*writes, ("item", "OTHER", 5, True)]:
        outcome(WAYS[way], config, name, value)
        is_same = all(config.get(key, ABSENT) is before.get(key, ABSENT) for key in PLANNED)
        if settles:
            settle()
            assert (invalidation.epoch is epoch) == is_same
            epoch, before = invalidation.epoch, dict(config)
        else:
            # No plan is valid until it is settled.
            assert is_same or invalidation.epoch is not epoch


@pytest.mark.parametrize("way", WAYS)
def test_writing_after_requests_counts_in_the_next_as_in_flask(way: str) -> None:
    def program(lib: Any) -> Any:
        app = own_app(lib, **({"COOKIE_CHECKS": "off"} if lib is tuile else {}))
        found: list[Any] = []
        for value in (True, False, True):
            found += [send(app, make_environ("/json")).body for _ in range(3)]
            found.append(type(outcome(WAYS[way], app.config, "DEBUG", value)).__name__)
            app.config.setdefault("DEBUG", None)
            for name, default in app.default_config.items():
                app.config.setdefault(name, default)
        return found

    same(program)


def test_the_first_write_after_a_request_gives_a_config_its_class_back_and_a_request_keeps_the_plan() -> None:
    app = own_app()
    for _ in range(40):
        send(app)
    plan, watched = app._plan, type(app.config)
    assert watched is not Config
    assert plan.epoch is invalidation.epoch
    app.config["OTHER"] = 1
    assert type(app.config) is Config
    assert type(invalidation.epoch) is Unsettled
    app.config["DEBUG"] = app.config["DEBUG"]
    send(app)
    assert type(app.config) is watched
    assert app._plan is plan
    assert plan.epoch is invalidation.epoch
    app.config["DEBUG"] = True
    send(app)
    assert app.plan is not plan


def test_another_change_between_a_write_and_the_next_request_is_not_lost() -> None:
    app = own_app()
    for _ in range(40):
        send(app)
    app.config["OTHER"] = 1
    app.make_response = lambda value: tuile.Response("own")
    app.config["OTHER"] = 2
    assert send(app).body == b"own"
    del app.make_response
    assert send(app).body == b"text"


def test_settings_of_several_applications_are_settled_together() -> None:
    apps = [own_app(COOKIE_CHECKS="off") for _ in range(3)]
    for app in apps:
        for _ in range(40):
            send(app)
    for app in apps:
        app.config["OTHER"] = 1
    apps[2].config["DEBUG"] = True
    assert b"\n  " not in send(apps[0], make_environ("/json")).body
    assert b"\n  " in send(apps[2], make_environ("/json")).body
    assert b"\n  " not in send(apps[1], make_environ("/json")).body


def test_a_watched_config_is_copied_pickled_and_asked_as_any() -> None:
    def program(lib: Any) -> Any:
        app = own_app(lib)
        send(app)
        config = app.config
        found = [config.__class__ is lib.Config, isinstance(config, lib.Config), repr(config)[:8]]
        for copied in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):  # noqa: S301
            send(app)
            found.append((type(copied) is lib.Config, copied == config, copied.root_path == config.root_path))
        send(app)
        return [*found, type(config).__name__, type(config).__module__.endswith("config"), type(config.copy())]

    same(program)


def subclasses(lib: Any) -> dict[str, Any]:
    class Plain(lib.Config):  # type: ignore[misc]
        def load(self, value: Any) -> None:
            self["DEBUG"] = value

    class Writing(lib.Config):  # type: ignore[misc]
        def load(self, value: Any) -> None:
            super().__setitem__("DEBUG", value)

    class Nested(lib.Config):  # type: ignore[misc]
        def load(self, value: Any) -> None:
            def write() -> None:
                dict.update(self, DEBUG=value)

            write()

    class Overriding(lib.Config):  # type: ignore[misc]
        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, value)

        def load(self, value: Any) -> None:
            self["DEBUG"] = value

    class Slotted(lib.Config):  # type: ignore[misc]
        __slots__ = ("own",)

        def load(self, value: Any) -> None:
            self.update(DEBUG=value)
            self.own = value

    kinds = (Plain, Writing, Nested, Overriding, Slotted)
    return {kind.__name__: kind for kind in kinds}


@pytest.mark.parametrize("name", ["Plain", "Writing", "Nested", "Overriding", "Slotted"])
def test_configs_of_the_applications_class_count_in_the_next_request_as_in_flask(name: str) -> None:
    def program(lib: Any) -> Any:
        kind = subclasses(lib)[name]
        app = type("Own", (lib.Flask,), {"config_class": kind})("own")
        app.config.update({"COOKIE_CHECKS": "off"} if lib is tuile else {})
        app.add_url_rule("/json", "json", lambda: {"b": 1, "a": [2]})
        found = []
        for value in (True, False, True):
            found += [send(app, make_environ("/json")).body for _ in range(20)]
            app.config.load(value)
        return found

    same(program)


def test_classes_that_write_in_ways_of_their_own_are_not_watched() -> None:
    found = {name: can_be_watched(kind("")) for name, kind in subclasses(tuile).items()}
    assert found == {
        "Plain": True,
        "Writing": False,
        "Nested": False,
        "Overriding": False,
        "Slotted": True,
    }


def test_a_class_that_knows_its_subclasses_gets_none() -> None:
    def program(lib: Any) -> Any:
        class Registering(lib.Config):  # type: ignore[misc]
            known: list[Any] = []

            def __init_subclass__(cls) -> None:
                cls.known.append(cls)

        app = type("Own", (lib.Flask,), {"config_class": Registering})("own")
        app.config.update({"COOKIE_CHECKS": "off"} if lib is tuile else {})
        app.add_url_rule("/json", "json", lambda: {"b": 1, "a": [2]})
        found = [send(app, make_environ("/json")).body]
        app.config["DEBUG"] = True
        return found, send(app, make_environ("/json")).body, Registering.known

    same(program)


def test_a_plan_that_was_made_during_an_update_by_an_iterator_ends_with_its_first_uses() -> None:
    app = own_app(COOKIE_CHECKS="off")

    def pairs() -> Any:
        send(app, make_environ("/json"))
        yield "DEBUG", True

    app.config.update(pairs())
    for _ in range(40):
        send(app, make_environ("/json"))
    assert b"\n  " in send(app, make_environ("/json")).body


def test_a_plan_is_not_valid_if_a_setting_was_written_while_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    app = own_app(COOKIE_CHECKS="off")

    def slowly(of: Any) -> Any:
        app.config["DEBUG"] = True
        made = plan_of(of)
        app.config["DEBUG"] = False
        return made

    send(app)
    monkeypatch.setattr("tuile.dispatch.planner.plan_of", slowly)
    invalidate()
    send(app, make_environ("/json"))
    monkeypatch.undo()
    for _ in range(40):
        assert b"\n  " not in send(app, make_environ("/json")).body


def test_writes_in_threads_beside_requests_are_all_noticed() -> None:
    app = own_app(COOKIE_CHECKS="off")
    done = threading.Event()

    def request() -> None:
        while not done.is_set():
            send(app, make_environ("/json"))

    threads = [threading.Thread(target=request) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(600):
            app.config["OTHER"] = number
            app.config["DEBUG"] = bool(number % 3)
            app.config.pop("OTHER")
            assert (b"\n  " in send(app, make_environ("/json")).body) == bool(number % 3)
    finally:
        done.set()
        for thread in threads:
            thread.join()
