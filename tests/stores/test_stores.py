"""What every store does, behind both drivers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stores.conftest import NOW, Driven
from tuile.sessions.changes import Add, Append, Change, Changes, Drop, Put, merge
from tuile.sessions.operations import (
    Applied,
    Apply,
    Confirm,
    Create,
    End,
    EndOfUser,
    Load,
    Loaded,
    OfUser,
    Renew,
    Retire,
    Sweep,
)
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores.postgres import PostgresStore
from tuile.sessions.stores.postgres_wire import Statement
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.remote import RemoteStore

if TYPE_CHECKING:
    from tests.stores.conftest import Clock
    from tuile.sessions.changes import KeyChange
    from tuile.sessions.operations import Operation
    from tuile.sessions.stores import Store

CLOCKS = Clocks(idle=3600.0)
DATA = {"a": "1", "": '"\\u0000"', "\ud800é": '["\U0001f36a"]', "l": "[]"}


def record(handle: str = "h", **given: Any) -> Record:
    return Record(**{"handle": handle, "verifier": f"verifier of {handle}", "data": DATA, **given})


def create(
    driven: Driven, handle: str = "h", clocks: Clocks = CLOCKS, limit: int | None = None, **given: Any
) -> Record:
    found = driven.ask(Create(record(handle, **given), clocks, limit))
    assert isinstance(found, Loaded)
    return found.record


def load(driven: Driven, handle: str = "h", clocks: Clocks = CLOCKS) -> Record | None:
    found = driven.ask(Load(handle, clocks))
    return None if found is None else found.record


def loaded(driven: Driven, handle: str = "h", clocks: Clocks = CLOCKS) -> Record:
    found = load(driven, handle, clocks)
    assert found is not None
    return found


def apply(driven: Driven, handle: str = "h", generation: int = 1, cleared: bool = False, **changes: Any) -> Any:
    return driven.ask(Apply(handle, generation, Changes(cleared, changes), CLOCKS))


def handles(driven: Driven, user: str) -> list[str]:
    return [one.record.handle for one in driven.ask(OfUser(user))]


def test_what_is_created_is_found(driven: Driven) -> None:
    created = create(driven, user="ada", agent="Browser/1.0", address="::1")
    assert created == record(
        user="ada", agent="Browser/1.0", address="::1", created=NOW, seen=NOW, renewed=NOW, expires=NOW + 3600
    )
    assert driven.ask(Load("h", CLOCKS)) == Loaded(created, NOW)


def test_nothing_else_is_found(driven: Driven) -> None:
    create(driven)
    assert load(driven, "H") is None
    assert load(driven, "") is None
    assert load(driven, "h' OR '1'='1") is None


def test_a_handle_is_used_once(driven: Driven) -> None:
    create(driven)
    assert driven.ask(Create(record(data={}), CLOCKS)) is None
    assert loaded(driven).data == DATA


def test_changes_are_applied_to_what_is_there(driven: Driven) -> None:
    create(driven)
    assert apply(driven, a=Put("2", "1"), b=Put("1")) == Applied()
    assert apply(driven, a=Put("3", "1"), n=Add(2, "2"), l=Append(('"x"', "{}"), "")) == Applied(("a",))
    assert apply(driven, n=Add(-5, ""), l=Append(("[]",), ""), b=Drop("1")) == Applied()
    assert apply(driven, n=Change(lambda text: f"{text}0", "2", "7")) == Applied()
    assert loaded(driven).data == {**DATA, "a": "3", "n": "-30", "l": '["x",{},[]]'}


def test_a_conflict_can_keep_all_changes_from_being_saved(driven: Driven) -> None:
    create(driven)
    changes = Changes(by_key={"a": Put("3", "2"), "b": Put("1")})
    assert driven.ask(Apply("h", 1, changes, CLOCKS, strict=True)) == Applied(("a",), is_saved=False)
    assert loaded(driven).data == DATA


def test_what_is_raised_in_a_save_leaves_all_as_it_was(driven: Driven) -> None:
    def fail(text: str | None) -> str:
        raise ZeroDivisionError

    create(driven)
    with pytest.raises(ZeroDivisionError):
        apply(driven, b=Put("1"), a=Change(fail, "", ""))
    assert loaded(driven).data == DATA
    assert apply(driven, a=Put("2", "1")) == Applied()


def test_a_save_creates_nothing(driven: Driven) -> None:
    assert apply(driven, a=Put("1")) is None
    assert load(driven) is None


def test_clearing_begins_a_generation(driven: Driven) -> None:
    create(driven)
    assert apply(driven, cleared=True, user=Put('"ada"')) == Applied()
    assert apply(driven, z=Put("1")) is None
    found = loaded(driven)
    assert (found.data, found.generation) == ({"user": '"ada"'}, 2)
    assert apply(driven, generation=2, z=Put("1")) == Applied()


def test_an_ended_session_stays_ended(driven: Driven) -> None:
    create(driven, user="ada")
    assert driven.ask(End("h")) is True
    assert driven.ask(End("h")) is False
    assert apply(driven, a=Put("1")) is None
    assert driven.ask(Retire("h", 30)) is None
    assert driven.ask(Confirm("h", "p", 30)) is None
    assert driven.ask(Renew("h", "verifier of h", "p", 30)) is False
    assert load(driven) is None
    assert handles(driven, "ada") == []


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_session_ends_when_it_was_idle(driven: Driven, clock: Clock) -> None:
    create(driven, user="ada")
    clock.forward(3599.9)
    assert load(driven, "other") is None
    assert handles(driven, "ada") == ["h"]
    clock.forward(0.1)
    assert load(driven) is None
    assert apply(driven, a=Put("1")) is None
    assert driven.ask(End("h")) is False
    assert handles(driven, "ada") == []


def test_reading_keeps_a_session_alive(driven: Driven, clock: Clock) -> None:
    create(driven)
    for _ in range(5):
        clock.forward(3000)
        assert loaded(driven).seen == clock.now
    clock.forward(3600)
    assert load(driven) is None


@pytest.mark.parametrize("part", [0.0001, 0.0006, 0.9996, 0.999999])
def test_what_is_stored_is_not_ahead_of_the_clock(driven: Driven, clock: Clock, part: float) -> None:
    clock.now = NOW + part
    create(driven)
    found = load(driven)
    assert found is not None
    assert clock.now - 0.001 < found.renewed <= clock.now
    clock.forward(60)
    found = load(driven)
    assert found is not None
    assert clock.now - 0.001 < found.seen <= clock.now


def test_that_it_was_seen_is_stored_once_a_minute(driven: Driven, clock: Clock) -> None:
    create(driven)
    clock.forward(59)
    assert loaded(driven).seen == NOW
    clock.forward(1)
    assert loaded(driven).seen == NOW + 60
    clock.forward(59)
    assert loaded(driven).seen == NOW + 60


def test_that_it_was_seen_is_stored_more_often_where_the_idle_time_is_short(driven: Driven, clock: Clock) -> None:
    clocks = Clocks(idle=20)
    create(driven, clocks=clocks)
    for _ in range(30):
        clock.forward(2)
        assert load(driven, clocks=clocks) is not None
    clock.forward(20)
    assert load(driven, clocks=clocks) is None


def test_a_save_keeps_a_session_alive(driven: Driven, clock: Clock) -> None:
    create(driven)
    for _ in range(3):
        clock.forward(3000)
        assert apply(driven, a=Put("1")) is not None


def test_a_session_ends_when_it_is_too_old(driven: Driven, clock: Clock) -> None:
    clocks = Clocks(idle=3600, absolute=5000)
    assert create(driven, clocks=clocks).expires == NOW + 3600
    clock.forward(3000)
    assert loaded(driven, clocks=clocks).expires == NOW + 5000
    assert driven.ask(Apply("h", 1, Changes(by_key={"a": Put("2", "1")}), clocks)) == Applied()
    clock.forward(1999)
    assert load(driven, clocks=clocks) is not None
    clock.forward(1)
    assert load(driven, clocks=clocks) is None


def test_what_has_ended_is_swept(driven: Driven, clock: Clock) -> None:
    if isinstance(driven.store, RedisStore):
        assert driven.ask(Sweep(3)) == 0
        pytest.skip("Redis removes what has ended by itself")
    for number in range(7):
        create(driven, f"old {number}")
    clock.forward(3600)
    assert driven.ask(Sweep(3)) == 3
    assert driven.ask(Sweep(5)) == 4
    assert driven.ask(Sweep(5)) == 0
    create(driven, "new")
    assert driven.ask(Sweep(5)) == 0
    assert load(driven, "new") is not None


def test_each_creation_sweeps_more_than_it_adds(driven: Driven, clock: Clock) -> None:
    if isinstance(driven.store, RedisStore):
        pytest.skip("Redis removes what has ended by itself")
    for number in range(6):
        create(driven, f"old {number}")
    clock.forward(3600)
    for number in range(3):
        create(driven, f"new {number}")
    assert driven.ask(Sweep(10)) == 0


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_the_next_secret_becomes_the_current_one_when_it_is_seen(driven: Driven, clock: Clock) -> None:
    create(driven)
    assert driven.ask(Renew("h", "verifier of h", "next", 30)) is True
    found = loaded(driven)
    assert (found.verifier, found.pending, found.previous) == ("verifier of h", "next", None)
    clock.forward(10)
    confirmed = driven.ask(Confirm("h", "next", 30)).record
    assert confirmed == loaded(driven)
    assert (confirmed.verifier, confirmed.pending, confirmed.previous) == ("next", None, "verifier of h")
    assert (confirmed.renewed, confirmed.previous_until) == (NOW + 10, NOW + 40)
    assert driven.ask(Confirm("h", "next", 30)).record == confirmed
    assert driven.ask(Confirm("h", "other", 30)) is None


def test_of_parallel_renewals_one_counts(driven: Driven, clock: Clock) -> None:
    create(driven)
    assert [driven.ask(Renew("h", "verifier of h", f"next {number}", 30)) for number in range(3)] == [
        True,
        False,
        False,
    ]
    assert driven.ask(Renew("h", "another", "next", 30)) is False
    assert loaded(driven).pending == "next 0"
    clock.forward(30)
    assert driven.ask(Renew("h", "verifier of h", "later", 30)) is True
    assert loaded(driven).pending == "later"


def test_a_husk_can_be_read_for_a_moment(driven: Driven, clock: Clock) -> None:
    create(driven)
    assert driven.ask(Retire("h", 30)) == DATA
    clock.forward(29)
    assert loaded(driven).data == DATA
    assert loaded(driven).is_husk
    assert apply(driven, a=Put("2")) is None
    assert driven.ask(Renew("h", "verifier of h", "next", 30)) is False
    clock.forward(1)
    assert load(driven) is None


# --- users ------------------------------------------------------------------------------------------------------------


def test_the_sessions_of_a_user_are_found_without_their_content(driven: Driven, clock: Clock) -> None:
    create(driven, "nobody's")
    for handle, user in (("a1", "ada"), ("b1", "bob"), ("a2", "ada")):
        create(driven, handle, user=user)
        clock.forward(100)
    loaded(driven, "a1")
    assert handles(driven, "ada") == ["a1", "a2"]
    assert [one.record.data for one in driven.ask(OfUser("ada"))] == [{}, {}]
    assert handles(driven, "bob") == ["b1"]
    assert handles(driven, "Ada") == handles(driven, "") == handles(driven, "%") == []


def test_the_sessions_of_a_user_are_ended(driven: Driven) -> None:
    for handle, user in (("a1", "ada"), ("b1", "bob"), ("a2", "ada"), ("a3", "ada"), ("n", None)):
        create(driven, handle, user=user)
    assert driven.ask(EndOfUser("ada", keep="a2")) == 2
    assert handles(driven, "ada") == ["a2"]
    assert driven.ask(EndOfUser("ada")) == 1
    assert driven.ask(EndOfUser("ada")) == 0
    assert [load(driven, handle) is None for handle in ("a1", "a2", "a3", "b1", "n")] == [True] * 3 + [False] * 2


def test_a_user_has_at_most_so_many(driven: Driven, clock: Clock) -> None:
    create(driven, "b", user="bob")
    for number in range(5):
        create(driven, f"a{number}", user="ada", limit=2)
        clock.forward(60)
        load(driven, "a0")
    assert handles(driven, "ada") == ["a0", "a4"]
    assert handles(driven, "bob") == ["b"]


def test_renewing_adds_no_session(driven: Driven) -> None:
    create(driven, user="ada")
    verifier = "verifier of h"
    for number in range(50):
        assert driven.ask(Renew("h", verifier, f"next {number}", 30))
        verifier = driven.ask(Confirm("h", f"next {number}", 30)).record.verifier
    assert handles(driven, "ada") == ["h"]


def test_many_logins_leave_nothing(driven: Driven, clock: Clock) -> None:
    # A thousand where that takes a moment only; sweeping takes several steps in any case.
    for number in range(200 if driven.is_async or isinstance(driven.store, PostgresStore) else 1000):
        create(driven, f"a{number}", user="ada")
    clock.forward(3600)
    assert handles(driven, "ada") == []
    while driven.ask(Sweep(80)) == 80:
        pass
    assert driven.ask(EndOfUser("ada")) == 0


# --- together ---------------------------------------------------------------------------------------------------------


def test_threads_lose_nothing(driven: Driven) -> None:
    create(driven)

    def work(number: int) -> None:
        for turn in range(20):
            changes: dict[str, KeyChange] = {
                "n": Add(1, "1"),
                "l": Append((f"[{number},{turn}]",), ""),
                f"k{number}-{turn}": Put("1"),
            }
            assert driven.store.ask(Apply("h", 1, Changes(by_key=changes), CLOCKS)) == Applied()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = loaded(driven).data
    assert data["n"] == "120"
    assert data["l"].count("],[") == 119
    assert sum(key.startswith("k") for key in data) == 120


Changed = st.one_of(
    st.builds(Put, st.sampled_from(["1", "2", "[1]", "[1,2]", "{}", '{"p":1}']), st.sampled_from([None, "1", "[1]"])),
    st.builds(Drop, st.sampled_from(["1", "[1]"])),
    st.builds(Add, st.integers(-9, 9), st.just("0")),
    st.builds(Append, st.tuples(st.sampled_from(["1", '"a"'])), st.just("[]")),
)
History = st.lists(
    st.tuples(st.sampled_from("hg"), st.booleans(), st.dictionaries(st.sampled_from("abc"), Changed, max_size=3)),
    max_size=12,
)


@given(history=History)
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_history_is_what_the_merge_says(driven: Driven, history: list[tuple[str, bool, dict[str, Any]]]) -> None:
    model: dict[str, Record] = {}
    for handle in "hg":
        driven.ask(End(handle))
        model[handle] = create(driven, handle)
    for handle, cleared, by_key in history:
        before, changes = model[handle], Changes(cleared, by_key)
        merged = merge(before.data, changes)
        assert driven.ask(Apply(handle, before.generation, changes, CLOCKS)) == Applied(merged.conflicts)
        generation = before.generation + cleared
        model[handle] = before._replace(data=merged.data, generation=generation, version=before.version + 1)
    for handle in "hg":
        assert loaded(driven, handle) == model[handle]


def logs_in(store: Store, name: str) -> None:
    assert store.ask(Create(record(name, user="ada"), CLOCKS)) is not None


def test_who_logs_in_while_all_sessions_of_a_user_are_ended_is_logged_out(store: Store) -> None:
    for name in ("one", "two", "kept"):
        logs_in(store, name)
    store.ask(Create(record("other", user="bob"), CLOCKS))
    operation, logins = EndOfUser("ada", keep="kept"), iter(range(8))
    if isinstance(store, RemoteStore):
        # Between any two steps, if there are several.
        connection, steps = store._connect(), store._steps(operation)
        request = steps.send(None)
        with suppress(StopIteration):
            while True:
                request = steps.send(connection.exchange(request))
                for number in islice(logins, 1):
                    logs_in(store, f"during-{number}")
        connection.close()
    else:
        store.ask(operation)
    assert [one.record.handle for one in store.ask(OfUser("ada"))] == ["kept"]
    assert [one.record.handle for one in store.ask(OfUser("bob"))] == ["other"]


def test_threads_log_in_while_all_sessions_of_a_user_are_ended(store: Store) -> None:
    begun: list[tuple[float, str]] = []

    def log_in(thread: int) -> None:
        for number in range(20):
            logs_in(store, f"{thread}-{number}")
            begun.append((time.perf_counter(), f"{thread}-{number}"))

    threads = [threading.Thread(target=log_in, args=(thread,)) for thread in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        before = time.perf_counter()
        store.ask(EndOfUser("ada"))
        left = {one.record.handle for one in store.ask(OfUser("ada"))}
        assert not left & {name for moment, name in tuple(begun) if moment < before}
    store.ask(EndOfUser("ada"))
    assert store.ask(OfUser("ada")) == []


@pytest.mark.parametrize("between", [EndOfUser("ada"), OfUser("ada")])
def test_a_login_under_way_is_on_the_list_as_soon_as_it_is_there(store: Store, between: Operation) -> None:
    if not isinstance(store, RemoteStore):
        pytest.skip("it is one step")
    for cut in range(1, 4):
        connection, steps = store._connect(), store._steps(Create(record(f"h{cut}", user="ada"), CLOCKS))
        request = steps.send(None)
        with suppress(StopIteration):
            for number in count(1):
                if number == cut and request != Statement("COMMIT"):
                    store.ask(between)
                request = steps.send(connection.exchange(request))
        connection.close()
        is_there = store.ask(Load(f"h{cut}", CLOCKS)) is not None
        assert is_there == (f"h{cut}" in {one.record.handle for one in store.ask(OfUser("ada"))})
    store.ask(EndOfUser("ada"))
    assert store.ask(OfUser("ada")) == []
