"""The threads that synchronous views run in.

Waking a thread and waking the loop cost more than a small request, so both are done for several requests at once.

- *To the threads.* Jobs are put into a queue. A thread is woken only if none is on its way to the queue already. A
  thread that takes a job and leaves others wakes the next one before it begins. So one thread answers a row of short
  requests, and as soon as one of them blocks, the next thread is there and goes on.
- *To the loop.* What threads have to say is collected in a list and fetched by one call. A thread that has ended a job
  leaves the call to the thread that is on its way, if there is one: that one calls first thing when it runs, which is
  when this one blocks or is out of jobs.

All counting is done on the loop, so it needs no lock. The order of the steps makes the rest correct: a thread says that
it sleeps before it looks at the queue for the last time, and says that it is awake before it looks at anything.
"""

from __future__ import annotations

import threading
import time
import typing as t
from asyncio import CancelledError
from collections import deque
from contextvars import Context, copy_context

from ..ctx.app_context import current
from ..dispatch.awaiting import worker
from .calls import CurrentJob, carry
from .waiter import Waiter

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable


class Job(t.Protocol):
    """What a worker does."""

    #: Whether it is done: set by the worker.
    ended: bool
    #: Whether nobody waits for it any more.
    left: bool
    #: Whether its thread is lent: written by `Workers` alone.
    is_lent: bool

    def run(self) -> None:
        """Do it, in a worker. It raises nothing, and reports when it has `ended`."""

    def wake(self) -> None:
        """Wake the coroutine that waits for it: called by the loop, where no task runs."""

    def before_coroutine(self) -> None:
        """Prepare for a coroutine that runs on the loop: called in a worker."""

    def leave(self) -> None:
        """Tell the worker that nobody waits any more: called on the loop."""


class Workers:
    """Threads that answer requests for one event loop.

    A thread that waits for a coroutine is lent: another one may answer requests meanwhile. So is a thread that iterates
    over the body of a response, from its first piece on, or before that as soon as another request waits for a thread:
    what is iterated over may block for long.

    Args:
        loop: The event loop.
        count: How many threads answer requests at the same time.
        most_lent: How many may be lent.
        name: What the names of the threads begin with.
    """

    def __init__(self, loop: AbstractEventLoop, count: int, most_lent: int, name: str) -> None:
        self.loop = loop
        self.count = count
        self.most_lent = most_lent
        self.name = name
        self.threads: list[threading.Thread] = []
        #: How many threads there are, are lent, and are to answer or answer a request and are not lent.
        self.size = self.lent = self.busy = 0
        self.is_closed = False
        #: What has not ended.
        self.jobs: set[Job] = set()
        # None lets a thread end.
        self._queue: deque[Job | None] = deque()
        #: The jobs that iterate over the body of a response, and are not lent. Threads add themselves.
        self.streaming: set[Job] = set()
        #: What the idle threads wait for; the last one is woken first.
        self._idle: list[threading.Lock] = []
        # Whether a thread was woken that has not looked at the queue since.
        self._is_waking = False
        self._news: deque[Job] = deque()
        self._is_called = False
        self._started = 0

    # On the loop

    def submit(self, job: Job) -> None:
        """Let a worker do a job."""
        self.busy += 1
        self.jobs.add(job)
        self._put(job)
        if self.busy > self.count and self.streaming:
            self._lend_streams()
        if self.size - self.lent < self.count:
            self._start_thread()

    def _lend_streams(self) -> None:
        """Lend the threads that iterate over responses, as many as other requests wait for."""
        for job in tuple(self.streaming):
            if self.busy <= self.count or not (job.ended or self.lend(job)):
                return

    def lend(self, job: Job) -> bool:
        """Lend the thread of a job, unless it is lent or too many are, and return whether that was done."""
        if job.is_lent or self.lent >= self.most_lent:
            return False
        job.is_lent = True
        self.streaming.discard(job)
        self.lent += 1
        self.busy -= 1
        self._start_thread()
        return True

    def take_back(self, job: Job) -> None:
        """Count the thread of a job as busy again."""
        job.is_lent = False
        self.lent -= 1
        self.busy += 1

    def _start_thread(self) -> None:
        """Start a thread if there is work for it."""
        if self.size - self.lent < min(self.busy, self.count):
            self.size += 1
            self._started += 1
            # A daemon, so that a view that never returns does not keep the process from ending.
            thread = threading.Thread(target=self._work, name=f"{self.name}-{self._started}", daemon=True)
            self.threads.append(thread)
            thread.start()

    def _fetch(self) -> None:
        """Wake the coroutines for which threads have news."""
        # Cleared first: news that come from now on call again.
        self._is_called = False
        news = self._news
        # Those that come while tasks go on wait for the next turn, or other callbacks of the loop might never have one.
        count = len(news)
        try:
            # There are fewer if a task runs the loop inside of itself.
            while count > 0 and news:
                count -= 1
                job = news.popleft()
                if job.ended:
                    self.settle(job)
                job.wake()
        finally:
            # Also if a task ends the loop: the others are woken if it is run again.
            if news:
                self._call()
        if self.busy > self.count and self.streaming:
            self._lend_streams()

    def settle(self, job: Job) -> None:
        """Count the thread of a job that has ended as free, once."""
        if job not in self.jobs:
            return
        self.jobs.remove(job)
        self.streaming.discard(job)
        if job.is_lent:
            self.lent -= 1
        else:
            self.busy -= 1
        # Threads that were started for lent ones are not needed any more.
        if self.size - self.lent > self.count:
            self._dismiss()

    def _dismiss(self) -> None:
        self.size -= 1
        self._put(None)
        self.threads = [thread for thread in self.threads if thread.is_alive()]

    def close(self) -> None:
        """Take no more requests, tell running ones that nobody is there any more, and let idle threads end."""
        self.is_closed = True
        for job in tuple(self.jobs):
            job.leave()
        while self.size > 0:
            self._dismiss()

    # In a worker, or in any thread

    def report(self, job: Job) -> None:
        """Tell the loop that there is something new about a job."""
        self._news.append(job)
        # Others may still run for long, so a thread that has ended a job asks whether another one is on its way.
        if not (job.ended and self._is_waking):
            self._call()

    def iterate(self, job: Job) -> None:
        """Take note that a job is going to iterate over the body of a response."""
        # Added before the look: a request that comes later finds it.
        self.streaming.add(job)
        if self._queue:
            self.report(job)

    def _call(self) -> None:
        """Let the loop fetch the news, if there are any, and if it was not called before."""
        if self._is_called or not self._news:
            return
        self._is_called = True
        try:
            # A new context: a task may run the loop inside of itself, and none can be entered twice.
            self.loop.call_soon_threadsafe(self._fetch, context=Context())
        except RuntimeError:
            # The loop is closed, so nobody waits for them.
            self._is_called = False
            while self._news:
                self._news.popleft().left = True

    def _put(self, job: Job | None) -> None:
        self._queue.append(job)
        if not self._is_waking:
            self._wake_one()

    def _wake_one(self) -> None:
        """Wake an idle thread, if there is one."""
        try:
            sleeping = self._idle.pop()
        except IndexError:
            return
        self._is_waking = True
        sleeping.release()

    def join(self, timeout: float) -> bool:
        """Wait for all threads to end, after `close`; return whether they have.

        Args:
            timeout: For how many seconds to wait at most.
        """
        end = time.monotonic() + timeout
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    def _work(self) -> None:
        queue, sleeping, current_job = self._queue, threading.Lock(), CurrentJob(self)
        sleeping.acquire()
        worker.loop, worker.run_coroutine = self.loop, current_job.run_coroutine
        while True:
            try:
                job = queue.popleft()
            except IndexError:
                self._call()
                self._sleep(sleeping)
                continue
            if queue and not self._is_waking:
                self._wake_one()
            if job is None:
                self._call()
                return
            current_job.job = job
            job.run()
            # It refers to the request, which is to be freed now and not when the next one comes.
            current_job.job = job = None

    def _sleep(self, sleeping: threading.Lock) -> None:
        """Wait in a thread until it is woken, unless there is a job."""
        self._idle.append(sleeping)
        # A job that came before that has woken nobody.
        if self._queue:
            try:
                self._idle.remove(sleeping)
            except ValueError:
                # It has been woken meanwhile.
                pass
            else:
                return
        sleeping.acquire()
        self._is_waking = False
        self._call()


class _FunctionCall:
    """A function for a worker."""

    def __init__(self, workers: Workers, function: Callable[[], object]) -> None:
        self.workers = workers
        self.function = function
        self.context = copy_context()
        self.ended = self.left = self.is_lent = False
        self.result: object = None
        self.error: BaseException | None = None
        self.waiter = Waiter(workers.loop)
        #: Whether the loop knows that it has ended.
        self.is_over = False

    def run(self) -> None:
        """Call the function."""
        try:
            self.result = self.context.run(self.function)
        except BaseException as error:  # noqa: BLE001 - it is raised on the loop
            self.error = error
        self.ended = True
        self.workers.report(self)

    def wake(self) -> None:
        """Wake the coroutine that waits."""
        self.is_over = True
        self.waiter.wake()

    def before_coroutine(self) -> None:
        """Do nothing: there is no body."""

    def leave(self) -> None:
        """Do nothing: the function runs to its end."""


async def call_in_worker(workers: Workers, function: Callable[[], object]) -> object:
    """Call a function in a worker, with the context variables of this task, and return its result.

    What it sets is seen here afterwards, except for the current app and request, which can only be left where they were
    entered. A cancelled task waits for the function first.
    """
    call = _FunctionCall(workers, function)
    workers.submit(call)
    try:
        await call.waiter
    except CancelledError:
        if not call.is_over:
            call.waiter = Waiter(workers.loop)
            await call.waiter
        raise
    carry(call.context, without=current)
    if call.error is not None:
        try:
            raise call.error
        finally:
            # The error's traceback refers to this frame.
            del call
    return call.result
