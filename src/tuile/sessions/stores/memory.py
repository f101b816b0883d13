"""Keep sessions in the memory of the process, for tests and for a single process. They end with it."""

from __future__ import annotations

import heapq
import threading
import time
import typing as t

from ..content import as_content
from ..operations import Create, EndOfUser, Loaded, OfUser, Sweep, perform, without_content
from . import Answer, Store

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ..operations import Operation
    from ..record import Record

# How many sessions that have ended are removed when one is created: more than one, so that they become fewer.
_SWEPT_PER_CREATION = 2


class MemoryStore(Store):
    """Sessions in a dictionary."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._of_user: dict[str, set[str]] = {}
        # When sessions end, at the earliest, and their handles.
        self._ends: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    def ask(self, operation: Operation) -> Answer:
        """Answer an operation."""
        with self._lock:
            now = time.time()
            if isinstance(operation, Create):
                return self._create(operation, now)
            if isinstance(operation, OfUser):
                found = sorted(self._sessions(operation.user, now), key=lambda record: record.seen, reverse=True)
                return [Loaded(without_content(record), now) for record in found]
            if isinstance(operation, EndOfUser):
                ended = [record for record in self._sessions(operation.user, now) if record.handle != operation.keep]
                for record in ended:
                    self._keep(record.handle, record, None)
                return len(ended)
            if isinstance(operation, Sweep):
                return self._sweep(operation.limit, now)
            before = self._records.get(operation.handle)
            after, answer = perform(before, operation, now)
            if after is before:
                return answer
            if after and before and after.user is before.user and after.expires >= before.expires:
                self._records[operation.handle] = after
            else:
                self._keep(operation.handle, before, after)
            return answer

    def _sessions(self, user: str, now: float) -> Iterator[Record]:
        for handle in tuple(self._of_user.get(user, ())):
            record = self._records[handle]
            if record.expires > now:
                yield record

    def _create(self, operation: Create, now: float) -> Loaded | None:
        record = operation.record.begun(operation.clocks, now)
        record = record._replace(data=as_content(record.data))
        if record.handle in self._records:
            return None
        self._sweep(_SWEPT_PER_CREATION, now)
        if record.user is not None and operation.limit is not None:
            others = sorted(self._sessions(record.user, now), key=lambda other: other.seen, reverse=True)
            for other in others[max(operation.limit - 1, 0) :]:
                self._keep(other.handle, other, None)
        self._keep(record.handle, None, record)
        heapq.heappush(self._ends, (record.expires, record.handle))
        return Loaded(record, now)

    def _keep(self, handle: str, before: Record | None, after: Record | None) -> None:
        if before is not None and before.user is not None:
            handles = self._of_user[before.user]
            handles.discard(handle)
            if not handles:
                del self._of_user[before.user]
        if after is None:
            self._records.pop(handle, None)
            return
        self._records[handle] = after
        if after.user is not None:
            self._of_user.setdefault(after.user, set()).add(handle)
        if before is not None and after.expires < before.expires:
            heapq.heappush(self._ends, (after.expires, handle))

    def _sweep(self, limit: int, now: float) -> int:
        if len(self._ends) > 2 * len(self._records) + 64:
            # Most are of sessions that were ended before their time.
            self._ends = [(record.expires, handle) for handle, record in self._records.items()]
            heapq.heapify(self._ends)
        swept = 0
        while self._ends and self._ends[0][0] <= now and swept < limit:
            _, handle = heapq.heappop(self._ends)
            record = self._records.get(handle)
            if record is None:
                continue
            if record.expires <= now:
                self._keep(handle, record, None)
                swept += 1
            else:
                heapq.heappush(self._ends, (record.expires, handle))
        return swept
