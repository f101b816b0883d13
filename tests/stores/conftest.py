"""Each store, behind both drivers, with a clock that tests set."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tuile.sessions.stores import drive, drive_async
from tuile.sessions.stores.memory import MemoryStore
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuile.sessions.operations import Operation
    from tuile.sessions.plans import Plan
    from tuile.sessions.stores import Store

T = TypeVar("T")
NOW = 1_700_000_000.0


class Clock:
    """The time, which only passes when a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


class Driven:
    """A store behind one of the drivers."""

    def __init__(self, store: Store, is_async: bool) -> None:
        self.store = store
        self.is_async = is_async
        self.asked: list[Operation] = []

    def run(self, plan: Plan[T]) -> T:
        noted = self._noting(plan)
        return asyncio.run(drive_async(noted, self.store)) if self.is_async else drive(noted, self.store)

    def ask(self, operation: Operation) -> Any:
        def plan() -> Plan[Any]:
            answer = yield operation
            return answer

        return self.run(plan())

    def _noting(self, plan: Plan[T]) -> Plan[T]:
        answer = None
        while True:
            try:
                operation = plan.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            self.asked.append(operation)
            answer = yield operation


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def stores(tmp_path: Path) -> dict[str, Any]:
    return {"memory": partial(MemoryStore), "sqlite": partial(SQLiteStore, tmp_path / "folder" / "sessions.db")}


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    made = stores(tmp_path)[request.param]()
    yield made
    getattr(made, "close", int)()


@pytest.fixture(params=["blocking", "awaited"])
def driven(request: pytest.FixtureRequest, store: Store) -> Driven:
    return Driven(store, request.param == "awaited")
