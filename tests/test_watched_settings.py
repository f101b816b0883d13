"""A dict of settings that tells when one changes that plans depend on."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.beside_flask import outcome
from tuile import invalidation
from tuile.watched_settings import PLANNED_SETTINGS, WatchedSettings

ABSENT = object()
KEYS: Any = st.sampled_from(["A", "B", "DEBUG", "TESTING", "SERVER_NAME", 5, (), [], {1}, None])
VALUES = st.sampled_from([None, False, 1, "x"])
CALLS = st.one_of(
    st.tuples(st.just("pop"), st.lists(KEYS, max_size=3)),
    st.tuples(st.just("setdefault"), st.lists(KEYS, max_size=3)),
    st.tuples(st.just("__delitem__"), st.lists(KEYS, min_size=1, max_size=1)),
    st.tuples(st.just("__setitem__"), st.lists(KEYS, min_size=2, max_size=2)),
    st.tuples(st.sampled_from(["clear", "popitem"]), st.just([])),
    st.tuples(
        st.sampled_from(["update", "__ior__"]),
        st.lists(st.one_of(KEYS, st.dictionaries(st.sampled_from(["A", "DEBUG"]), VALUES)), min_size=1, max_size=1),
    ),
)


@given(
    st.dictionaries(st.sampled_from(["A", *sorted(PLANNED_SETTINGS)]), VALUES),
    st.lists(st.tuples(CALLS, st.sampled_from([{}, {}, {}, {"default": 1}, {"key": "A"}, {"A": 2, "DEBUG": 3}]))),
)
def test_settings_change_as_those_of_a_dict_and_tell(start: Any, calls: Any) -> None:
    watched: Any = WatchedSettings(start)
    plain: Any = type("WatchedSettings", (dict,), {})(start)
    for (name, arguments), names in calls:
        if name.startswith("__") and names:
            continue
        before, epoch = [watched.get(key, ABSENT) for key in PLANNED_SETTINGS], invalidation.epoch
        found = outcome(getattr(watched, name), *arguments, **names)
        expected = outcome(getattr(plain, name), *arguments, **names)
        # Python names dict's own method or that of the class, depending on how it is called.
        assert str(found).replace("WatchedSettings.", "dict.") == str(expected).replace("WatchedSettings.", "dict.")
        assert list(watched.items()) == list(plain.items())
        after = [watched.get(key, ABSENT) for key in PLANNED_SETTINGS]
        if any(one is not other for one, other in zip(before, after, strict=True)):
            assert invalidation.epoch is not epoch
        elif found[0] == "returned" or name in {"pop", "setdefault"}:
            assert invalidation.epoch is epoch


@pytest.mark.parametrize("key", ["A", [], {1}, None])
def test_what_has_no_hash_is_removed_from_no_settings_as_from_an_empty_dict(key: Any) -> None:
    plain: dict[Any, Any] = {}
    settings: Any = WatchedSettings()
    assert settings.pop(key, "default") == plain.pop(key, "default") == "default"
    assert outcome(settings.pop, key) == outcome(plain.pop, key)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.pop("SECRET"),
        lambda settings: operator.delitem(settings, "SECRET"),
        lambda settings: settings.setdefault(["SECRET"], "hidden"),
        lambda settings: settings.pop(["SECRET"], "hidden"),
        lambda settings: settings.pop("SECRET", "hidden", "more"),
        lambda settings: settings.setdefault("SECRET", default="hidden"),
    ],
)
def test_tracebacks_show_no_settings(change: Any) -> None:
    settings: Any = WatchedSettings(SECRET_KEY="hidden")
    with pytest.raises((KeyError, TypeError)) as raised:
        change(settings)
    ours = [entry for entry in raised.traceback if str(entry.path).endswith("tuile/watched_settings.py")]
    assert ours
    assert all("hidden" not in repr(entry.frame.f_locals) for entry in ours)


@pytest.mark.parametrize("change", ["__setitem__", "update", "keywords", "__ior__"])
def test_a_setting_that_is_set_to_what_it_is_stays_where_it_is_and_tells_nothing(change: str) -> None:
    settings: Any = WatchedSettings(DEBUG=None, A=1)
    epoch = invalidation.epoch
    if change == "__setitem__":
        settings["DEBUG"] = None
    elif change == "keywords":
        settings.update(DEBUG=None, B=2)
    else:
        getattr(settings, change)({"DEBUG": None, "B": 2})
    assert invalidation.epoch is epoch
    assert list(settings)[:2] == ["DEBUG", "A"]
    settings.update(B=3, DEBUG=False)
    assert invalidation.epoch is not epoch
    assert (settings["B"], settings["DEBUG"]) == (3, False)


class Odd(str):
    """A key that equals a setting's name, and may fail to be compared."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        if other is not self:
            raise LookupError
        return True


def test_tracebacks_of_an_update_show_no_settings() -> None:
    settings: Any = WatchedSettings(SECRET_KEY="hidden")
    with pytest.raises(LookupError) as raised:
        settings.update({Odd("DEBUG"): "hidden", "SECRET_KEY": "hidden"})
    ours = [entry for entry in raised.traceback if str(entry.path).endswith("tuile/watched_settings.py")]
    assert ours
    assert all("hidden" not in repr(entry.frame.f_locals) for entry in ours)


def test_settings_that_are_what_they_are_do_not_undo_what_is_set_meanwhile() -> None:
    class Meanwhile(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            if settings["A"] == 0:
                settings["DEBUG"], settings["A"] = True, 1  # as another thread
            return str.__eq__(self, other)

    settings: Any = WatchedSettings(DEBUG=None, TESTING=False, A=0)
    settings.update({"DEBUG": None, Meanwhile("TESTING"): False, "B": 2})
    assert dict(settings) == {"DEBUG": True, "TESTING": False, "A": 1, "B": 2}


def test_a_change_that_another_thread_makes_and_an_update_undoes_is_told() -> None:
    settings: Any = WatchedSettings(DEBUG=False, A=1)
    meanwhile = []

    def pairs() -> Any:
        settings["DEBUG"] = True  # as another thread, after which a plan may be made
        meanwhile.append(invalidation.epoch)
        yield "DEBUG", False

    for update in (settings.update, settings.__ior__):
        update(pairs())
        assert settings["DEBUG"] is False
        assert invalidation.epoch is not meanwhile.pop()


def test_a_setting_that_another_thread_removes_while_it_is_set_to_its_default_is_told() -> None:
    class Meanwhile(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            if len(compared) == 3 and "DEBUG" in settings:  # it was found before, and is looked for again to be set
                del settings["DEBUG"]
                compared.append(invalidation.epoch)
            return str.__eq__(self, other)

    for _ in range(3):
        compared: list[object] = []
        settings: Any = WatchedSettings(DEBUG=True)
        assert settings.setdefault(Meanwhile("DEBUG"), False) is False
        assert invalidation.epoch is not compared[3]


def test_what_is_given_may_change_meanwhile() -> None:
    class Meanwhile(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            if len(compared) > 1:  # the first looks whether a plan may depend on any of them
                given["LATE"] = 1  # as another thread
            return str.__eq__(self, other)

    compared: list[object] = []
    given: dict[str, object] = {Meanwhile("TESTING"): False, "A": 1}
    settings: Any = WatchedSettings(TESTING=False)
    settings.update(given)
    assert "LATE" in given
    assert dict(settings) == {"TESTING": False, "A": 1}
