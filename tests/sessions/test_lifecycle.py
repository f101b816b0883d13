"""The life of a session, without a store: what each procedure asks for, and what it makes of the answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import pytest

from tuile.sessions.changes import Add, Changes, Drop, Put
from tuile.sessions.identity import Identity, new_identity
from tuile.sessions.lifecycle import (
    Opened,
    Policy,
    Procedure,
    creating,
    ending,
    opening,
    renewing,
    replacing,
    saving,
)
from tuile.sessions.operations import (
    Applied,
    Apply,
    Confirm,
    Create,
    End,
    Load,
    Loaded,
    Operation,
    Renew,
    Retire,
    perform,
)
from tuile.sessions.record import Clocks, Record

T = TypeVar("T")
NOW = 1_700_000_000.0
CLOCKS = Clocks(idle=3600.0)
POLICY = Policy(CLOCKS, renew=600.0)
DATA = {"theme": '"dark"'}


class Records:
    """What there is, with the time; each procedure's operations are kept."""

    def __init__(self) -> None:
        self.now = NOW
        self.found: dict[str, Record] = {}
        self.asked: list[Operation] = []

    def run(self, procedure: Procedure[T]) -> T:
        self.asked.clear()
        answer: Any = None
        while True:
            try:
                operation = procedure.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            self.asked.append(operation)
            if isinstance(operation, Create):
                record = operation.record.begun(operation.clocks, self.now)
                answer = None if record.handle in self.found else Loaded(record, self.now)
                self.found.setdefault(record.handle, record)
                continue
            handle: str = operation.handle  # type: ignore[union-attr] # the others are not asked for
            after, answer = perform(self.found.get(handle), operation, self.now)  # type: ignore[arg-type]
            self.found.pop(handle, None)
            if after is not None:
                self.found[handle] = after

    def ask(self, operation: Operation) -> Any:
        def procedure() -> Procedure[Any]:
            answer = yield operation
            return answer

        return self.run(procedure())

    def kinds(self) -> list[type[Operation]]:
        return [type(operation) for operation in self.asked]

    def open(self, token: Identity, policy: Policy = POLICY) -> Opened | None:
        return self.run(opening(token, policy))

    def opened(self, token: Identity, policy: Policy = POLICY) -> Opened:
        found = self.open(token, policy)
        assert found is not None
        return found

    def create(self, **given: Any) -> Opened:
        return self.run(creating(Record("", "", DATA, **given), POLICY))


@pytest.fixture
def records() -> Records:
    return Records()


def test_a_new_session_can_be_opened(records: Records) -> None:
    made = records.create(user="ada")
    assert records.kinds() == [Create]
    found = records.opened(made.identity)
    assert records.kinds() == [Load]
    assert found == made
    assert (found.record.user, found.record.data, found.record.handle) == ("ada", DATA, made.identity.handle)
    assert made.identity.secret not in repr(records.found)


def test_nobody_opens_it_without_the_secret(records: Records) -> None:
    made = records.create()
    assert records.open(made.identity._replace(secret=new_identity().secret)) is None
    assert records.open(made.identity._replace(secret=made.record.verifier)) is None
    assert records.open(new_identity()) is None
    assert records.kinds() == [Load]


def test_a_handle_that_is_taken_is_not_used(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = new_identity(), new_identity()
    made = iter([first, first, second])
    monkeypatch.setattr("tuile.sessions.lifecycle.new_identity", lambda: next(made))
    assert records.create().identity == first
    assert records.create().identity == second
    assert records.kinds() == [Create, Create]


def test_a_save_is_one_operation(records: Records) -> None:
    made = records.create()
    changes = Changes(by_key={"n": Put("1")})
    assert records.ask(saving(made, changes, POLICY)) == Applied()
    assert records.asked == [Apply(made.identity.handle, 1, changes, CLOCKS, base=made.record, now=made.now)]
    assert records.run(ending(made)) is True
    assert records.kinds() == [End]
    assert records.ask(saving(made, changes, POLICY)) is None
    assert records.open(made.identity) is None


# --- renewal ----------------------------------------------------------------------------------------------------------


def renewed(records: Records, made: Opened) -> Identity:
    records.now += 600
    new = records.run(renewing(records.opened(made.identity), POLICY))
    assert new is not None
    assert new.handle == made.identity.handle
    return new


def test_a_secret_is_renewed_when_it_is_time(records: Records) -> None:
    made = records.create()
    records.now += 599
    assert records.run(renewing(records.opened(made.identity), POLICY)) is None
    assert records.asked == []
    assert records.run(renewing(records.opened(made.identity), replace(POLICY, renew=None))) is None
    records.now += 1
    assert records.run(renewing(records.opened(made.identity), POLICY)) is not None
    assert records.kinds() == [Renew]


def test_of_parallel_requests_one_renews_and_all_go_on(records: Records) -> None:
    made = records.create()
    records.now += 600
    several = [records.opened(made.identity) for _ in range(3)]
    new = [records.run(renewing(one, POLICY)) for one in several]
    assert [one is None for one in new] == [False, True, True]
    assert records.opened(made.identity).is_current


def test_until_the_next_secret_is_seen_the_former_one_is_good(records: Records) -> None:
    made = records.create()
    renewed(records, made)
    records.now += 3000  # the answer with it was lost
    found = records.opened(made.identity)
    assert found.is_current
    assert records.run(renewing(found, POLICY)) is not None


def test_once_it_is_seen_the_former_one_is_good_for_a_moment(records: Records) -> None:
    made = records.create()
    new = renewed(records, made)
    assert records.opened(new).is_current
    assert records.kinds() == [Load, Confirm]
    assert records.opened(new).is_current
    assert records.kinds() == [Load]
    records.now += 29
    former = records.opened(made.identity)
    assert (former.is_current, former.is_replayed, former.record.data) == (False, False, DATA)
    assert records.run(renewing(former, POLICY)) is None


def test_a_former_secret_ends_the_session_after_that(records: Records) -> None:
    made = records.create()
    new = renewed(records, made)
    records.open(new)
    records.now += 30
    found = records.opened(made.identity)
    assert records.kinds() == [Load, End]
    assert found.is_replayed
    assert records.open(new) is None


def test_or_it_is_only_told(records: Records) -> None:
    made = records.create()
    new = renewed(records, made)
    records.open(new)
    records.now += 30
    assert records.opened(made.identity, replace(POLICY, ends_replayed=False)).is_replayed
    assert records.kinds() == [Load]
    assert records.open(new) is not None


def test_a_secret_from_before_that_is_nothing(records: Records) -> None:
    made = records.create()
    second = renewed(records, made)
    third = renewed(records, records.opened(second))
    records.open(third)
    assert records.open(made.identity) is None
    assert records.open(third) is not None


# --- login ------------------------------------------------------------------------------------------------------------


def test_a_login_begins_a_new_session_before_it_touches_the_old_one(records: Records) -> None:
    old = records.create()
    record = Record("", "", {**DATA, "_user_id": '"ada"'}, user="ada")
    new = records.run(replacing(old, record, Changes(), POLICY))
    assert new is not None
    assert records.kinds() == [Create, Retire]
    assert new.identity.handle != old.identity.handle
    assert records.opened(new.identity).record.user == "ada"
    # The old cookie shows what was there before, and nothing of the login.
    husk = records.opened(old.identity)
    assert (husk.record.data, husk.record.user, husk.record.is_husk) == (DATA, None, True)
    assert records.ask(saving(husk, Changes(by_key={"x": Put("1")}), POLICY)) is None
    assert records.run(renewing(husk, POLICY)) is None
    records.now += 30
    assert records.open(old.identity) is None


def test_a_session_of_a_user_ends_at_once(records: Records) -> None:
    old = records.create(user="ada")
    new = records.run(replacing(old, Record("", "", {}, user="bob"), None, POLICY))
    assert new is not None
    assert records.kinds() == [Create, End]
    assert records.open(old.identity) is None
    assert records.opened(new.identity).record.user == "bob"


def test_a_login_takes_along_what_was_saved_meanwhile(records: Records) -> None:
    old = records.create()
    changes = Changes(by_key={"_user_id": Put('"ada"'), "n": Add(1, "1"), "theme": Drop('"dark"')})
    records.ask(saving(old, Changes(by_key={"basket": Put("[1]"), "n": Add(1, "1")}), POLICY))
    record = Record("", "", {"_user_id": '"ada"', "n": "1"}, user="ada")
    new = records.run(replacing(old, record, changes, POLICY))
    assert new is not None
    assert records.kinds() == [Create, Retire, Apply]
    assert records.opened(new.identity).record.data == {"_user_id": '"ada"', "n": "2", "basket": "[1]"}


def test_but_not_where_nothing_is_taken_along(records: Records) -> None:
    old = records.create()
    records.ask(saving(old, Changes(by_key={"basket": Put("[1]")}), POLICY))
    new = records.run(replacing(old, Record("", "", {"_user_id": '"ada"'}, user="ada"), None, POLICY))
    assert new is not None
    assert records.kinds() == [Create, Retire]
    assert records.opened(new.identity).record.data == {"_user_id": '"ada"'}
